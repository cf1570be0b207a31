/* SPDX-License-Identifier: Apache-2.0 */
#include "explain.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"
#include "shortest.h"
#include "vectors.h"
#include "wave.h"

enum {
    PATHS = 4352,
    COMMANDS = 3 * PATHS,
    SHOWN_CYCLES = 24,
    SHOWN_WORDS = 24,
    UNTIL_SHOWN = 64,
    AT_A_GLANCE = 5
};

static const double PROOF_SHARE = 0.6; /* of the budget */

typedef struct {
    const minimise_job_t *job;
    const cosim_config_t *config;
    minimised_t m;
    shortest_t proof;
    FILE *out;
    cJSON *json; /* "minimised" */
    char *error;
} explain_t;

/* ---- one difference ---- */

double explain_value(const signal_t *s, uint64_t bits)
{
    double value = s->is_signed ? (double)fixed_wrap((int64_t)bits, s->bits) : (double)bits;
    return ldexp(value, -s->frac);
}

static void add_hex(cJSON *item, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "0x%" PRIx64, value);
    cJSON_AddStringToObject(item, key, text);
}

cJSON *explain_difference(const difference_t *x)
{
    char name[SIGNAL_NAME_MAX];
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "signal", signal_element_name(x->signal, x->index, name));
    cJSON_AddStringToObject(item, "kind", signal_kind_name(x->signal->kind));
    add_hex(item, "model", x->model);
    add_hex(item, "dut", x->dut);
    add_hex(item, "xor", x->model ^ x->dut);
    cJSON_AddNumberToObject(item, "model_value", explain_value(x->signal, x->model));
    cJSON_AddNumberToObject(item, "dut_value", explain_value(x->signal, x->dut));
    return item;
}

/* ---- the stimulus as lines ---- */

static void print_word(FILE *out, const signal_t *s, size_t index, int64_t value)
{
    char name[SIGNAL_NAME_MAX], word[SIGNAL_WORD_MAX];
    const char *code = signal_code_name(s, value, word);
    fprintf(out, " %s=%" PRIx64 "%s%s", signal_element_name(s, index, name),
            fixed_low((uint64_t)value, s->bits), *code ? ":" : "", code);
}

static int words_of(const explain_t *e, int t)
{
    const int64_t *word = e->m.record + (size_t)t * e->m.elements;
    int words = 0;
    for (size_t i = 0; i < e->m.elements; ++i) words += word[i] != 0;
    return words;
}

/* What is not zero. */
static void print_record(explain_t *e, const block_t *b, int t)
{
    const int64_t *word = e->m.record + (size_t)t * e->m.elements;
    int words = 0;
    fprintf(e->out, "STIMULUS %s cycle=%d", b->type->name, t);
    for (int i = 0; i < b->signals; ++i) {
        const signal_t *s = &b->table[i];
        size_t count = s->kind == SIGNAL_IN ? signal_count(s) : 0;
        for (size_t k = 0; k < count; ++k, ++word) {
            if (*word && words++ < SHOWN_WORDS) print_word(e->out, s, k, *word);
        }
    }
    if (words > SHOWN_WORDS) fprintf(e->out, " ...(%d)", words);
    fputc('\n', e->out);
}

/* Cycles in a row without any word share a line. Returns the cycle after them. */
static int print_quiet(explain_t *e, const char *unit, int t)
{
    int end = t;
    while (end < e->m.cycles && !words_of(e, end)) ++end;
    if (end == t) return t;
    fprintf(e->out, "STIMULUS %s cycle=%d", unit, t);
    if (end - t > 1) fprintf(e->out, "..%d", end - 1);
    fputs(" all zero\n", e->out);
    return end;
}

static void print_stimulus(explain_t *e, const block_t *b)
{
    int lines = 0;
    for (int t = 0; t < e->m.cycles;) {
        if (++lines > SHOWN_CYCLES) {
            fprintf(e->out, "STIMULUS %s ... %d cycles more\n", b->type->name, e->m.cycles - t);
            return;
        }
        int end = print_quiet(e, b->type->name, t);
        if (end == t) print_record(e, b, end++);
        t = end;
    }
}

/* ---- the shortest ---- */

/* How much is proved, in out; empty: nothing. */
static void proved_text(const explain_t *e, const block_t *b, char *out, size_t n)
{
    const shortest_t *p = &e->proof;
    char name[SIGNAL_NAME_MAX], what[SIGNAL_NAME_MAX + 96];
    *out = '\0';
    if (p->cleared < 1) return;
    signal_element_name(&b->table[e->job->signal], e->m.index, name);
    if (p->kind == SHORTEST_BUG)
        snprintf(what, sizeof what, "%s does not differ", b->table[e->job->signal].name);
    else if (p->kind == SHORTEST_MOVE)
        snprintf(what, sizeof what, "%s does not move in the Verilog", name);
    else
        snprintf(what, sizeof what, "%s does not become 0x%" PRIx64 " in the Verilog", name, e->m.dut);
    if (p->first == e->m.cycles)
        snprintf(out, n, "proved: within %d cycles %s under any stimulus", p->cleared, what);
    else if (p->first >= 0)
        snprintf(out, n, "proved: within %d cycles %s under any stimulus; within %d it does under some",
                 p->cleared, what, p->first);
    else if (p->cleared + 1 == e->m.cycles)
        snprintf(out, n, "proved: within %d cycles %s under any stimulus", p->cleared, what);
    else
        snprintf(out, n, "proved as far as time went: within %d cycles %s under any stimulus", p->cleared,
                 what);
}

static int found_text(const explain_t *e, const block_t *b, char *text, size_t n)
{
    const minimised_t *m = &e->m;
    const char *name = b->table[e->job->signal].name;
    int at = snprintf(text, n, "%s",
                      m->minimal ? "found, not proved: no single cycle can be left out"
                                 : "the budget ended it before every cycle was tried alone");
    if (!m->shorter || at >= (int)n) return at;
    at += snprintf(text + at, n - (size_t)at,
                   "; %" PRIu64 " random runs of up to %" PRIu64 " cycles did not show it", m->shorter,
                   m->shorter_cycles);
    if (at >= (int)n || !m->moves) return at;
    if (m->moves < 0 || (uint64_t)m->moves >= m->shorter_cycles)
        at += snprintf(text + at, n - (size_t)at, "; in none of them %s moved at all", name);
    else
        at +=
            snprintf(text + at, n - (size_t)at, "; in none of them %s moved before cycle %d", name, m->moves);
    return at;
}

static void shortest_text(const explain_t *e, const block_t *b, char *text, size_t n)
{
    char proved[256];
    if (e->m.cycles <= 1) {
        snprintf(text, n,
                 e->m.cycles ? "both sides are equal after reset, so no run is shorter"
                             : "both sides differ after reset");
        return;
    }
    proved_text(e, b, proved, sizeof proved);
    if (*proved && e->proof.kind == SHORTEST_BUG && e->proof.cleared + 1 >= e->m.cycles) {
        snprintf(text, n, "%s", proved);
        return;
    }
    int at = found_text(e, b, text, n);
    if (*proved && at < (int)n) snprintf(text + at, n - (size_t)at, "; %s", proved);
}

/* ---- files ---- */

static void drive(void *context, block_t *unit, uint64_t t)
{
    const minimised_t *m = context;
    if (t < (uint64_t)m->cycles) {
        minimised_play(m, unit, (int)t);
        return;
    }
    for (int i = 0; i < unit->signals; ++i) {
        const signal_t *s = &unit->table[i];
        if (s->kind == SIGNAL_IN) memset(block_data(unit, s), 0, signal_count(s) * (size_t)signal_bytes(s));
    }
}

/* The folder as the user gave it, in quotes where a shell needs them. */
static void quote(const char *path, char out[PATHS])
{
    bool plain = !path[strcspn(path, " \t\n'\"\\$`&|;<>()*?[]#~!{}")];
    if (plain || strchr(path, '\''))
        snprintf(out, PATHS, "%s", path);
    else
        snprintf(out, PATHS, "'%s'", path);
}

static void replay_command(const explain_t *e, const char *path, char out[COMMANDS])
{
    const cosim_config_t *c = e->config;
    char file[PATHS], design[PATHS];
    quote(path, file);
    quote(c->design_name, design);
    const block_type_t *type = block_find(c->unit);
    bool fast = c->fast && !c->canary && type && block_fast(type, c->design);
    snprintf(out, COMMANDS, "sanger vectors check %s --design %s --unit %s%s%s%s", file, design, c->unit,
             fast ? " --model fast" : "", c->canary ? " --canary " : "", c->canary ? c->canary->name : "");
}

static dut_status_t write_file(explain_t *e, const char *path, int more, vectors_result_t *r)
{
    const cosim_config_t *c = e->config;
    char comment[512], text[64] = "";
    uint64_t cycles = e->m.cycles ? (uint64_t)e->m.cycles : 1;
    if (more) snprintf(text, sizeof text, "; %d cycles of zeros until an output shows it", more);
    snprintf(comment, sizeof comment,
             "%s of %s, minimised from %s stimulus of seed %" PRIu64
             "%s%s, outputs of the clean reference model%s",
             c->unit, c->design->name, stimulus_names[c->kind], c->seed, c->canary ? " with " : "",
             c->canary ? c->canary->name : "", text);
    dut_status_t status =
        vectors_write(c->design, c->unit, drive, &e->m, cycles + (uint64_t)more, comment, path, e->error);
    return status ? status : vectors_check_sides(c, path, true, r, e->error);
}

/* Where a register inside differs, cycles of zeros may let an output show it: to implementations that have no
   such register. Without, where none does. */
static dut_status_t write_until_shown(explain_t *e, const char *path, vectors_result_t *r)
{
    dut_status_t status = write_file(e, path, UNTIL_SHOWN, r);
    if (status) return status;
    bool shown = r->model_mismatches || r->rtl_mismatches;
    int more = shown ? (int)r->output_cycle + 1 - e->m.cycles : 0;
    cJSON_AddBoolToObject(e->json, "output_shows", shown);
    return write_file(e, path, more > 0 ? more : 0, r);
}

static dut_status_t write_vectors(explain_t *e)
{
    char path[PATHS], command[COMMANDS];
    vectors_result_t r;
    if (!e->m.zeros) {
        fprintf(e->out,
                "VECTORS none: it shows only while memories without a reset hold other words than zero, "
                "which vectors assume\n");
        return DUT_OK;
    }
    snprintf(path, sizeof path, "%s/minimised.txt", e->config->report_dir);
    dut_status_t status = write_until_shown(e, path, &r);
    if (status) return status;
    replay_command(e, path, command);
    fprintf(e->out, "VECTORS %s\n", command);
    if (vectors_hold(&r)) fprintf(e->out, "VECTORS hold, although the run did not: %s\n", path);
    cJSON_AddStringToObject(e->json, "vectors", path);
    cJSON_AddNumberToObject(e->json, "vectors_cycles", (double)r.cycles);
    cJSON_AddStringToObject(e->json, "replay", command);
    cJSON_AddBoolToObject(e->json, "vectors_fail", !vectors_hold(&r));
    return DUT_OK;
}

/* ---- once more, with open eyes ---- */

static void add_place(cJSON *json, const place_t *p)
{
    char text[96];
    if (!place_known(p)) return;
    place_text(p, text, sizeof text);
    cJSON_AddStringToObject(json, "place", text);
}

static void add_figures(explain_t *e, const block_t *b)
{
    static const char *const kinds[] = {"bug", "value", "move"};
    const minimised_t *m = &e->m;
    char text[700];
    cJSON_AddNumberToObject(e->json, "cycles", m->cycles);
    cJSON_AddNumberToObject(e->json, "words", (double)m->words);
    cJSON_AddNumberToObject(e->json, "bits", (double)m->bits);
    cJSON_AddNumberToObject(e->json, "window", m->window);
    cJSON_AddNumberToObject(e->json, "tries", (double)m->tries);
    cJSON_AddNumberToObject(e->json, "seconds", m->seconds);
    cJSON_AddBoolToObject(e->json, "same_signal", m->same);
    cJSON_AddBoolToObject(e->json, "zeros", m->zeros);
    cJSON_AddBoolToObject(e->json, "minimal", m->minimal);
    cJSON_AddBoolToObject(e->json, "in_time", m->in_time);
    shortest_text(e, b, text, sizeof text);
    cJSON_AddStringToObject(e->json, "shortest", text);
    fprintf(e->out, "SHORTEST %s\n", text);
    if (e->proof.cleared < 1) return;
    cJSON *proved = cJSON_AddObjectToObject(e->json, "proved");
    cJSON_AddStringToObject(proved, "of", kinds[e->proof.kind]);
    cJSON_AddNumberToObject(proved, "not_within", e->proof.cleared);
    if (e->proof.first >= 0) cJSON_AddNumberToObject(proved, "within", e->proof.first);
    cJSON_AddNumberToObject(proved, "seconds", e->proof.seconds);
}

static void print_minimised(explain_t *e, lockstep_t *l, const place_t *place)
{
    const minimised_t *m = &e->m;
    const difference_t *x;
    char name[SIGNAL_NAME_MAX] = "?", where[96];
    int n = lockstep_differences(l, &x);
    place_text(place, where, sizeof where);
    if (n) signal_element_name(x->signal, x->index, name);
    fprintf(e->out,
            "MINIMISED %s cycles=%d words=%zu bits=%zu signal=%s model=0x%" PRIx64 " dut=0x%" PRIx64
            "%s%s%s window=%d tries=%" PRIu64 " seconds=%.2f%s%s%s\n",
            e->config->unit, m->cycles, m->words, m->bits, name, n ? x->model : 0, n ? x->dut : 0,
            *where ? " place=[" : "", where, *where ? "]" : "", m->window, m->tries, m->seconds,
            m->same ? "" : " (another signal first)", m->zeros ? "" : " (memories random)",
            m->in_time ? "" : " (the budget ended it)");
    if (n) cJSON_AddItemToObject(e->json, "first", explain_difference(x));
    add_place(e->json, place);
}

/* Plays it in sides of its own, with waves when there is a folder. */
static dut_status_t show(explain_t *e)
{
    cosim_config_t c = *e->config;
    char path[PATHS];
    lockstep_t *l = NULL;
    place_t place;
    if (e->m.zeros) c.seed = VECTORS_X_SEED;
    dut_status_t status = cosim_open(&c, e->m.zeros, &l, e->error);
    if (status) return status;
    snprintf(path, sizeof path, "%s/minimised", c.report_dir ? c.report_dir : "");
    place_reset(&place);
    bool equal = lockstep_reset(l);
    wave_t *wave = c.report_dir ? wave_open(path, l) : NULL;
    if (wave && !equal) wave_emit(wave, l, 0, true);
    for (int t = 0; t < e->m.cycles && equal; ++t) {
        minimised_play(&e->m, lockstep_model(l), t);
        equal = lockstep_settle(l);
        place_step(&place, lockstep_model(l));
        if (wave) wave_emit(wave, l, (uint64_t)t, false);
        if (!equal) break;
        equal = lockstep_edge(l);
        if (wave) wave_emit(wave, l, (uint64_t)t, true);
    }
    if (equal) lockstep_compare_stored(l);
    const difference_t *x;
    int n = lockstep_differences(l, &x);
    if (wave) wave_save_file(path, l, x, n, (uint64_t)e->m.cycles);
    wave_close(wave);
    print_minimised(e, l, &place);
    print_stimulus(e, lockstep_model(l));
    add_figures(e, lockstep_model(l));
    lockstep_close(l);
    return DUT_OK;
}

/* ---- the proof ---- */

/* The stimulus of a proof in the place of the one that was found, when it shows the same in fewer cycles. */
static void take_shorter(explain_t *e, const tape_t *tape)
{
    minimised_t m;
    char error[DUT_ERROR_MAX];
    minimise_job_t job = *e->job;
    job.tape = tape;
    job.alone = true;
    job.budget -= e->m.seconds + e->proof.seconds;
    if (job.budget <= 0 || minimise(&job, &m, error)) return;
    if (*m.why || !m.same || !m.zeros || m.cycles >= e->m.cycles) {
        minimised_free(&m);
        return;
    }
    m.seconds += e->m.seconds;
    m.tries += e->m.tries;
    m.window = e->m.window;
    minimised_free(&e->m);
    e->m = m;
}

/* In what time is left, and not most of it all, where a stimulus is too long to be taken in at a glance. */
static void prove(explain_t *e)
{
    const minimised_t *m = &e->m;
    const double left = e->job->budget - m->seconds, most = PROOF_SHARE * e->job->budget;
    const shortest_job_t job = {.config = e->config,
                                .signal = e->job->signal,
                                .index = m->index,
                                .value = m->dut,
                                .cycles = m->cycles,
                                .seconds = left < most ? left : most};
    tape_t tape = {0};
    if (m->cycles <= AT_A_GLANCE || !m->same || !m->zeros) return;
    block_t *b = block_open(block_find(e->config->unit), e->config->design);
    if (b) shortest(&job, b, &tape, &e->proof);
    if (b && tape.cycles && tape.cycles < m->cycles) take_shorter(e, &tape);
    block_close(b);
    tape_free(&tape);
}

dut_status_t explain(const minimise_job_t *job, FILE *out, cJSON *json, char why[MINIMISE_WHY_MAX],
                     char error[DUT_ERROR_MAX])
{
    explain_t e = {
        .job = job, .config = job->config, .proof = {.cleared = -1, .first = -1}, .out = out, .error = error};
    dut_status_t status = minimise(job, &e.m, error);
    snprintf(why, MINIMISE_WHY_MAX, "%s", e.m.why);
    if (status || *why) {
        minimised_free(&e.m);
        return status;
    }
    prove(&e);
    e.json = cJSON_AddObjectToObject(json, "minimised");
    status = show(&e);
    if (!status && job->config->report_dir) {
        status = write_vectors(&e);
        fprintf(out, "WAVES gtkwave %s/minimised.gtkw   (minimised.fst: both sides from reset on)\n",
                job->config->report_dir);
    }
    minimised_free(&e.m);
    return status;
}
