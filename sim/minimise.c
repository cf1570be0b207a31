/* SPDX-License-Identifier: Apache-2.0 */
#include "minimise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "vectors.h"

enum {
    WINDOW_SURE = 4096, /* cycles that are looked through whatever the budget */
    RECORDS_BYTES = 128 << 20,
    SEEKS = 16,
    SEEK_CYCLES = 10000,
    STARTS = 4,
    LONG = 512, /* cycles before the divergence */
    SHORTEN_RUNS = 16,
    SHORT = 3, /* cycles that are short enough */
    RESTARTS_MAX = 4000,
    RESTART_CYCLES = 200000 /* of all restarts together */
};

/* Shares of the budget after which a stage gives way to the next. */
static const double SHORTEN_SHARE = 0.25, SEEK_SHARE = 0.2, AGAIN_SHARE = 0.3, CYCLES_SHARE = 0.6,
                    WORDS_SHARE = 0.8, RESTART_SHARE = 0.9;

/* One element of one input. */
typedef struct {
    const signal_t *s;
    size_t index;
} input_t;

/* A place in a list of records: what a stage tries to leave out. */
typedef struct {
    size_t at;     /* of the element, in all records */
    uint64_t mask; /* the bits of it */
} atom_t;

/* A list of records. */
typedef struct {
    int n;
    int64_t *record;
} list_t;

typedef struct {
    const minimise_job_t *job;
    minimised_t *out;
    lockstep_t *lockstep;
    bool fresh; /* each try gets sides of its own */
    int wanted; /* signal that must differ; -1: any */
    size_t elements;
    input_t *input;
    list_t best, other;
    size_t room; /* records that either may have */
    atom_t *atom;
    size_t atoms, atoms_max;
    double begin, until; /* of the stage */
    const char *idle;    /* the wanted signal's elements after reset */
    dut_status_t status;
    char *error;
} search_t;

/* ---- records ---- */

static bool list_inputs(search_t *s)
{
    const block_t *b = lockstep_model(s->lockstep);
    size_t n = 0;
    for (int i = 0; i < b->signals; ++i) n += b->table[i].kind == SIGNAL_IN ? signal_count(&b->table[i]) : 0;
    s->elements = n;
    s->input = calloc(n + 1, sizeof *s->input);
    if (!s->input) return false;
    n = 0;
    for (int i = 0; i < b->signals; ++i) {
        size_t count = b->table[i].kind == SIGNAL_IN ? signal_count(&b->table[i]) : 0;
        for (size_t k = 0; k < count; ++k) s->input[n++] = (input_t){&b->table[i], k};
    }
    return true;
}

static void read_inputs(const search_t *s, int64_t *record)
{
    const block_t *b = lockstep_model(s->lockstep);
    for (size_t i = 0; i < s->elements; ++i) record[i] = block_get(b, s->input[i].s, s->input[i].index);
}

static void write_inputs(const search_t *s, const int64_t *record)
{
    block_t *b = lockstep_model(s->lockstep);
    for (size_t i = 0; i < s->elements; ++i)
        block_set(b, s->input[i].s, s->input[i].index, record ? record[i] : 0);
}

static int64_t *record_at(const search_t *s, const list_t *list, int t)
{
    return list->record + (size_t)t * s->elements;
}

static bool make_room(search_t *s, int records)
{
    size_t bytes = (size_t)records * s->elements * sizeof(int64_t);
    if ((size_t)records <= s->room) return true;
    if (bytes > RECORDS_BYTES) return false;
    int64_t *best = realloc(s->best.record, bytes);
    if (best) s->best.record = best;
    int64_t *other = realloc(s->other.record, bytes);
    if (other) s->other.record = other;
    if (!best || !other) return false;
    s->room = (size_t)records;
    return true;
}

/* ---- one try ---- */

static bool reopen(search_t *s)
{
    lockstep_close(s->lockstep);
    s->lockstep = NULL;
    cosim_config_t config = *s->job->config;
    if (s->out->zeros) config.seed = VECTORS_X_SEED; /* what no reset sets, as where vectors are checked */
    s->status = cosim_open(&config, s->out->zeros, &s->lockstep, s->error);
    if (s->status) return false;
    free(s->input);
    return list_inputs(s);
}

/* Both sides at the state that every try begins with. True when they are equal; false for errors too. */
static bool begin_try(search_t *s)
{
    if (s->fresh && !reopen(s)) return false;
    ++s->out->tries;
    write_inputs(s, NULL);
    return lockstep_reset(s->lockstep);
}

/* True when the last compare found the difference that is looked for. */
static bool shows(const search_t *s)
{
    const difference_t *x;
    int n = s->status ? 0 : lockstep_differences(s->lockstep, &x);
    for (int i = 0; i < n; ++i) {
        if (s->wanted < 0 || x[i].signal == &lockstep_model(s->lockstep)->table[s->wanted]) return true;
    }
    return false;
}

/* How many of the records it takes, or -1 when they do not show it. */
static int play(search_t *s, const list_t *list)
{
    if (!begin_try(s)) return shows(s) ? 0 : -1;
    for (int t = 0; t < list->n; ++t) {
        write_inputs(s, record_at(s, list, t));
        if (!lockstep_step(s->lockstep)) return shows(s) ? t + 1 : -1;
    }
    if (lockstep_compare_stored(s->lockstep)) return -1;
    return shows(s) ? list->n : -1;
}

/* Keeps `other` as the best when it shows the difference. */
static bool attempt(search_t *s)
{
    int n = play(s, &s->other);
    if (n < 0) return false;
    list_t was = s->best;
    s->best = s->other;
    s->best.n = n;
    s->other = was;
    return true;
}

static bool late(const search_t *s)
{
    return s->status || clock_seconds() >= s->until;
}

static void stage(search_t *s, double share)
{
    s->until = s->begin + share * s->job->budget;
}

static bool give_up(search_t *s, const char *why)
{
    snprintf(s->out->why, sizeof s->out->why, "%s", why);
    return false;
}

/* ---- the window ---- */

static int play_tape(search_t *s, int from)
{
    const tape_t *tape = s->job->tape;
    if (!begin_try(s)) return shows(s) ? 0 : -1;
    for (int t = 0; t < tape->cycles; ++t) {
        tape_play(tape, lockstep_model(s->lockstep), t);
        if (t >= from && !lockstep_step(s->lockstep)) return shows(s) ? t + 1 - from : -1;
    }
    if (lockstep_compare_stored(s->lockstep)) return -1;
    return shows(s) ? tape->cycles - from : -1;
}

static bool take_window(search_t *s, int from, int n)
{
    const tape_t *tape = s->job->tape;
    if (!make_room(s, n)) return give_up(s, "its window holds more words than are kept");
    write_inputs(s, NULL);
    for (int t = 0; t < from + n; ++t) {
        tape_play(tape, lockstep_model(s->lockstep), t);
        if (t >= from) read_inputs(s, record_at(s, &s->best, t - from));
    }
    s->best.n = n;
    return true;
}

/* The last 1, 2, 4 .. cycles, all at last. False: none of them shows it, or not in time. */
static bool find_window(search_t *s)
{
    int all = s->job->tape->cycles;
    for (int last = 1;; last = 2 * last < all ? 2 * last : all) {
        int from = all > last ? all - last : 0;
        int n = play_tape(s, from);
        if (n >= 0) {
            s->out->window = all - from;
            return take_window(s, from, n);
        }
        if (s->status || (last >= WINDOW_SURE && late(s)))
            return give_up(s, "the budget ended before its window was found");
        if (last >= all) return give_up(s, "its inputs alone do not show it again from reset");
    }
}

/* ---- leaving out ---- */

/* Tries without chunks of what `count` counts, of half the size each time. True: in the end each was tried
 * alone. */
static bool halve(search_t *s, size_t (*count)(search_t *), bool (*without)(search_t *, size_t, size_t))
{
    size_t left = count(s), chunk = left;
    bool any = true;
    while (left && (chunk > 1 || any)) {
        chunk = any && chunk == 1 ? 1 : (chunk + 1) / 2;
        any = false;
        for (size_t at = 0; at < left;) {
            size_t size = chunk < left - at ? chunk : left - at;
            if (late(s)) return false;
            if (without(s, at, size)) {
                any = true;
                left = count(s);
            } else {
                at += size;
            }
        }
    }
    return true;
}

static size_t count_cycles(search_t *s)
{
    return (size_t)s->best.n;
}

static bool without_cycles(search_t *s, size_t at, size_t size)
{
    size_t before = at * s->elements, gone = size * s->elements, all = (size_t)s->best.n * s->elements;
    memcpy(s->other.record, s->best.record, before * sizeof(int64_t));
    memcpy(s->other.record + before, s->best.record + before + gone, (all - before - gone) * sizeof(int64_t));
    s->other.n = s->best.n - (int)size;
    return attempt(s);
}

/* Two cycles made one: the words that are not zero, of the later where both have some, or of the earlier. */
static bool merge(search_t *s, size_t at, bool later)
{
    int64_t *to = s->other.record + at * s->elements;
    const int64_t *next = s->best.record + (at + 1) * s->elements;
    memcpy(s->other.record, s->best.record, (at + 1) * s->elements * sizeof(int64_t));
    memcpy(to + s->elements, next + s->elements,
           ((size_t)s->best.n - at - 2) * s->elements * sizeof(int64_t));
    for (size_t i = 0; i < s->elements; ++i) {
        if (next[i] && (later || !to[i])) to[i] = next[i];
    }
    s->other.n = s->best.n - 1;
    return attempt(s);
}

static bool merge_all(search_t *s)
{
    for (int at = 0; at + 1 < s->best.n;) {
        if (late(s)) return false;
        if (!merge(s, (size_t)at, true) && !merge(s, (size_t)at, false)) ++at;
    }
    return true;
}

static void add_atom(search_t *s, size_t at, uint64_t mask)
{
    if (s->atoms == s->atoms_max) {
        size_t more = 2 * s->atoms_max + 1024;
        atom_t *bigger = realloc(s->atom, more * sizeof *bigger);
        if (!bigger) return; /* fewer are tried */
        s->atom = bigger;
        s->atoms_max = more;
    }
    s->atom[s->atoms++] = (atom_t){at, mask};
}

static uint64_t low_bits(const search_t *s, size_t at)
{
    return fixed_low((uint64_t)s->best.record[at], s->input[at % s->elements].s->bits);
}

/* The element's value of the cycle before; zero before the first. */
static int64_t value_before(const search_t *s, const list_t *list, size_t at)
{
    return at < s->elements ? 0 : list->record[at - s->elements];
}

static size_t count_words(search_t *s)
{
    size_t all = (size_t)s->best.n * s->elements;
    s->atoms = 0;
    for (size_t at = 0; at < all; ++at) {
        if (s->best.record[at]) add_atom(s, at, UINT64_MAX);
    }
    return s->atoms;
}

static size_t count_moves(search_t *s)
{
    size_t all = (size_t)s->best.n * s->elements;
    s->atoms = 0;
    for (size_t at = s->elements; at < all; ++at) {
        int64_t before = value_before(s, &s->best, at), now = s->best.record[at];
        if (before && now && now != before) add_atom(s, at, UINT64_MAX);
    }
    return s->atoms;
}

static size_t count_bits(search_t *s)
{
    size_t all = (size_t)s->best.n * s->elements;
    s->atoms = 0;
    for (size_t at = 0; at < all; ++at) {
        uint64_t bits = low_bits(s, at);
        for (; bits; bits &= bits - 1) add_atom(s, at, bits & -bits);
    }
    return s->atoms;
}

static void copy_best(search_t *s)
{
    memcpy(s->other.record, s->best.record, (size_t)s->best.n * s->elements * sizeof(int64_t));
    s->other.n = s->best.n;
}

/* Clears the atoms' bits. */
static bool without_atoms(search_t *s, size_t from, size_t size)
{
    copy_best(s);
    for (size_t i = from; i < from + size; ++i) {
        const atom_t *a = &s->atom[i];
        const signal_t *signal = s->input[a->at % s->elements].s;
        uint64_t left = fixed_low((uint64_t)s->other.record[a->at] & ~a->mask, signal->bits);
        s->other.record[a->at] = signal->is_signed ? fixed_wrap((int64_t)left, signal->bits) : (int64_t)left;
    }
    return attempt(s);
}

static bool without_moves(search_t *s, size_t from, size_t size)
{
    copy_best(s);
    for (size_t i = from; i < from + size; ++i)
        s->other.record[s->atom[i].at] = value_before(s, &s->other, s->atom[i].at);
    return attempt(s);
}

/* ---- restarts ---- */

/* Where the wanted signal stands first; nets and outputs as they are with inputs of zero. */
static char *idle_value(search_t *s, size_t *bytes)
{
    const block_t *b = lockstep_model(s->lockstep);
    const signal_t *t = &b->table[s->job->signal];
    *bytes = signal_count(t) * (size_t)signal_bytes(t);
    char *copy = malloc(*bytes);
    if (!copy || !begin_try(s)) return free(copy), NULL;
    b->type->eval(b->self);
    return memcpy(copy, block_data(b, t), *bytes);
}

/* A run of at most `most` cycles under another seed, recorded in `other`. As play. */
static int restart(search_t *s, uint64_t seed, int most, size_t bytes)
{
    int shown = -1;
    bool moved = false;
    if (!begin_try(s)) return -1; /* a reset that differs has been found before */
    stimulus_t *stimulus = stimulus_open(s->job->config->kind, seed, lockstep_model(s->lockstep));
    const block_t *b = lockstep_model(s->lockstep);
    const char *value = block_data(b, &b->table[s->job->signal]);
    for (int t = 0; stimulus && t < most && shown < 0; ++t) {
        stimulus_next(stimulus);
        read_inputs(s, record_at(s, &s->other, t));
        bool equal = lockstep_step(s->lockstep);
        if (!moved && s->idle && memcmp(s->idle, value, bytes) != 0) {
            if (s->out->moves < 0 || t < s->out->moves) s->out->moves = t;
            moved = true;
        }
        if (equal) continue;
        shown = shows(s) ? t + 1 : 0;
    }
    stimulus_close(stimulus);
    s->other.n = shown;
    return shown > 0 ? shown : -1;
}

static int64_t random_word(random_t *r, const signal_t *t)
{
    if (t->codes) return random_below(r, t->codes);
    uint64_t bits = random_bits(r);
    return t->is_signed ? fixed_wrap((int64_t)bits, t->bits) : (int64_t)fixed_low(bits, t->bits);
}

/* The best without one cycle, a few words of the rest changed. */
static bool change(search_t *s, random_t *r)
{
    size_t gone = (size_t)random_below(r, s->best.n), before = gone * s->elements;
    size_t all = (size_t)(s->best.n - 1) * s->elements;
    memcpy(s->other.record, s->best.record, before * sizeof(int64_t));
    memcpy(s->other.record + before, s->best.record + before + s->elements, (all - before) * sizeof(int64_t));
    s->other.n = s->best.n - 1;
    for (int64_t k = random_below(r, 4); k >= 0; --k) {
        size_t at = (size_t)random_below(r, (int64_t)all);
        const int64_t other = s->best.record[at + s->elements];
        s->other.record[at] = random_one_in(r, 3)   ? 0
                              : random_one_in(r, 2) ? other
                                                    : random_word(r, s->input[at % s->elements].s);
    }
    return attempt(s);
}

/* Looks for shorter runs: at random, and near the best one. */
static void restarts(search_t *s)
{
    size_t bytes;
    char *idle = idle_value(s, &bytes);
    random_t random = {.state = s->job->config->seed};
    s->idle = idle;
    s->out->shorter = 0;
    for (uint64_t i = 1, cycles = 0;
         s->out->shorter < RESTARTS_MAX && cycles < RESTART_CYCLES && s->best.n > 1; ++i) {
        int most = s->best.n - 1;
        if (late(s)) break;
        cycles += (uint64_t)most;
        ++s->out->shorter;
        bool found =
            i % 4 ? change(s, &random) : restart(s, s->job->config->seed + i, most, bytes) > 0 && attempt(s);
        if (!found) continue;
        halve(s, count_cycles, without_cycles);
        s->out->shorter = cycles = 0;
    }
    s->out->shorter_cycles = (uint64_t)(s->best.n - 1);
    free(idle);
    s->idle = NULL;
}

/* ---- all of it ---- */

/* Zeros first: near words of zero, cycles merge. */
static bool shrink_words(search_t *s)
{
    stage(s, WORDS_SHARE);
    return halve(s, count_words, without_atoms) && halve(s, count_moves, without_moves) &&
           halve(s, count_bits, without_atoms) && merge_all(s);
}

static bool shrink_cycles(search_t *s, double share)
{
    stage(s, share);
    s->out->minimal = halve(s, count_cycles, without_cycles);
    return s->out->minimal;
}

/* A long way to the bug, a machine's jobs say, is shorter under some other seed: cheaper than leaving out. */
static void shorten(search_t *s)
{
    stage(s, SHORTEN_SHARE);
    for (uint64_t i = 1; i <= SHORTEN_RUNS && s->best.n > LONG && !late(s); ++i) {
        if (restart(s, s->job->config->seed + i, s->best.n - 1, 0) < 0 || !attempt(s)) continue;
        s->out->window = s->best.n;
    }
}

static void shrink(search_t *s)
{
    int cycles;
    shorten(s);
    bool in_time = shrink_cycles(s, CYCLES_SHARE);
    do {
        cycles = s->best.n;
        in_time = shrink_words(s) && in_time;
        stage(s, RESTART_SHARE);
        if (in_time && s->best.n > 1) restarts(s);
        in_time = shrink_cycles(s, 1) && in_time;
    } while (in_time && s->best.n < cycles);
    s->out->in_time = in_time;
}

static void measure(search_t *s)
{
    minimised_t *m = s->out;
    m->words = m->bits = 0;
    for (size_t at = 0; at < (size_t)s->best.n * s->elements; ++at) {
        m->words += s->best.record[at] != 0;
        m->bits += (size_t)__builtin_popcountll(low_bits(s, at));
    }
}

/* Shows the best in sides of its own, as a reader's first try does. */
static bool comes_again(search_t *s)
{
    const difference_t *x;
    if (!reopen(s) || play(s, &s->best) < 0) return false;
    const signal_t *wanted = &lockstep_model(s->lockstep)->table[s->job->signal];
    for (int i = lockstep_differences(s->lockstep, &x); i-- > 0;) {
        if (x[i].signal != wanted) continue;
        s->out->index = x[i].index;
        s->out->dut = x[i].dut;
    }
    return true;
}

/* Another run of the class that shows it. */
static bool other_run(search_t *s, uint64_t seed)
{
    const int64_t bytes = (int64_t)(s->elements * sizeof(int64_t));
    int most = RECORDS_BYTES / bytes < SEEK_CYCLES ? (int)(RECORDS_BYTES / bytes) : SEEK_CYCLES;
    if (late(s) || !make_room(s, most)) return false;
    int n = restart(s, seed, most, 0);
    if (n < 0 || !attempt(s)) return false;
    s->out->window = n;
    return true;
}

/* Where the tape does not do: a run that reads a memory before it is written shows nothing while that holds
   zeros. */
static bool seek(search_t *s)
{
    stage(s, SEEK_SHARE);
    for (uint64_t i = 0; i < SEEKS; ++i) {
        if (other_run(s, s->job->config->seed + i)) return true;
    }
    return false;
}

/* Where nothing more can be left out may depend on where one begins: some other runs, while there is time. */
static void start_again(search_t *s)
{
    for (uint64_t i = 1; i <= STARTS && s->out->in_time && s->best.n > SHORT; ++i) {
        const minimised_t was = *s->out;
        const size_t bytes = (size_t)s->best.n * s->elements * sizeof(int64_t);
        const int n = s->best.n;
        int64_t *kept = malloc(bytes);
        if (!kept) return;
        memcpy(kept, s->best.record, bytes);
        stage(s, AGAIN_SHARE);
        if (other_run(s, s->job->config->seed + i)) shrink(s);
        if (s->best.n >= n) {
            uint64_t tries = s->out->tries;
            memcpy(s->best.record, kept, bytes);
            s->best.n = n;
            *s->out = was;
            s->out->tries = tries;
        }
        free(kept);
    }
}

/* From a window to what is left of it; false: nothing that comes again. */
static bool search(search_t *s)
{
    if (!find_window(s) && !(s->out->zeros && s->out->same && !s->job->alone && seek(s))) return false;
    shrink(s);
    if (!s->job->alone) start_again(s);
    if (s->status || comes_again(s)) return !s->status;
    s->fresh = true; /* the unit keeps something over a reset */
    if (!find_window(s)) return false;
    shrink(s);
    return comes_again(s) || give_up(s, "it does not show itself twice");
}

/* From the strictest wish to the widest: the run's signal and zeros, another signal, random memories. */
static bool search_all(search_t *s)
{
    for (int zeros = 1; zeros >= 0; --zeros) {
        for (int same = 1; same >= 0; --same) {
            s->out->zeros = zeros;
            s->out->same = same;
            s->fresh = !zeros; /* the words of the seed come in a fresh instance only */
            s->wanted = same ? s->job->signal : -1;
            if (!reopen(s)) return false;
            if (search(s)) {
                *s->out->why = '\0';
                return true;
            }
            if (late(s) || s->job->alone) return false;
        }
    }
    return false;
}

dut_status_t minimise(const minimise_job_t *job, minimised_t *out, char error[DUT_ERROR_MAX])
{
    search_t s = {.job = job, .out = out, .begin = clock_seconds(), .error = error};
    *out = (minimised_t){.moves = -1};
    stage(&s, 1);
    bool found = search_all(&s);
    if (found) {
        measure(&s);
        out->cycles = s.best.n;
        out->elements = s.elements;
        out->record = s.best.record;
        s.best.record = NULL;
    }
    out->seconds = clock_seconds() - s.begin;
    lockstep_close(s.lockstep);
    free(s.best.record);
    free(s.other.record);
    free(s.input);
    free(s.atom);
    return s.status;
}

double minimise_budget(const design_t *d)
{
    return (int64_t)d->rows * d->columns >= 1024 ? 120 : 10;
}

void minimised_free(minimised_t *m)
{
    free(m->record);
    *m = (minimised_t){0};
}

void minimised_play(const minimised_t *m, block_t *b, int t)
{
    const int64_t *record = m->record + (size_t)t * m->elements;
    for (int i = 0; i < b->signals; ++i) {
        const signal_t *s = &b->table[i];
        size_t count = s->kind == SIGNAL_IN ? signal_count(s) : 0;
        for (size_t k = 0; k < count; ++k) block_set(b, s, k, *record++);
    }
}
