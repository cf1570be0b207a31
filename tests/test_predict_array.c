/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do predict_feeder and predict_array together turn strips of low-bit queries into the mask words, maxima and
 * counts that plain integers give, each in the very cycle that it is due?
 *
 * Strips are planned as tightly as docs/machine.md allows, or with gaps: tiles max(d, columns) cycles apart,
 * strips behind each other, one scored while the one before is summed and that before it compared, in a bank
 * that is taken over while its last words are still read. Keys of short heads lie beside those of the head
 * before. Whatever a cycle does not need is random.
 */
#include "../model/predict_array.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/predict_feeder.h"
#include "../sim/paths.h"
#include "../sim/random.h"
#include "run_suite.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for millions of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

enum {
    ROWS = 64,
    COLUMNS = 64,
    KEYS = 512,
    HEAD = 128,
    TILES = 32,
    LANES = 96, /* of a record */
    CYCLES = 24000,
    STRIPS = 160
};

typedef struct {
    bool valid;
    int64_t scale, element[HEAD];
    uint16_t lane[LANES]; /* as it lies in memory */
} record_t;

/* What the reference counts, and what it saw that a test must see to be worth something. */
typedef struct {
    int64_t acc, scaled, exp, sum;
} clips_t;

typedef struct {
    int64_t kept, cut, empty[3], sure, unseen_rows, invalid;
    clips_t clips;
} seen_t;

typedef struct {
    int bank, first, rows, id, tiles, keys, d; /* first query, rows in use, number for s_strip */
    bool causal;
    int policy;
    int64_t threshold;
    int upper;                           /* place of the head's first key */
    int start, scored, sum, keep, swept; /* cycles */
    int arg[ROWS];
    int64_t sums[ROWS], top[ROWS];
    bool kept[ROWS][KEYS];
} strip_t;

/* The inputs of one cycle, and the mask word that shows in it. */
typedef struct {
    const record_t *k, *q;
    int k_key, k_beat, q_file, q_row, q_beat;
    bool word, drain, sum, keep, mask;
    int first, file, upper, tile, at, head_key;
    int d_first, d_bank, d_col, d_key, d_limit, d_rows;
    int s_first, s_bank, s_key;
    int t_first, t_bank, t_there, t_key, t_col, t_last, t_tile, t_strip;
    const strip_t *strip; /* of the threshold in use */
    const strip_t *shows; /* of the mask word */
    int mask_row, mask_tile;
} cycle_t;

typedef struct {
    const design_t *d;
    uint64_t seed;
    random_t random;
    bool tight; /* nothing waits longer than it must */
    block_t *feeder, *array;
    predict_feeder_t *f;
    predict_array_t *a;
    cycle_t *cycle;
    record_t key[KEYS], file[3][ROWS]; /* what the memories hold when the last planned strip is scored */
    record_t *written;                 /* every record ever written */
    size_t writes;
    strip_t *strip;
    int strips, heads;
    int write_free;   /* first cycle without a planned write */
    int words_end;    /* first cycle behind the last strip's words */
    int drained;      /* first cycle behind its last tile's drain words, taken or not */
    bool small;       /* the last head's keys fill half of the places at most */
    int upper;        /* where they lie */
    int older_scored; /* the last strip before that head */
    int reach;        /* columns of its tiles */
    clips_t clips[ROWS];
    seen_t seen;
} run_t;

#define run_demand(r, holds, format, ...)                                                                    \
    demand(holds, "%s seed %llu: " format, (r)->d->name, (unsigned long long)(r)->seed, __VA_ARGS__)

static int most(int a, int b)
{
    return a > b ? a : b;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* ---- records ---- */

static int record_beats(const design_t *d)
{
    return design_low_record_beats(d, d->head_max);
}

static void set_bits(record_t *r, int at, int64_t value, int bits)
{
    for (int i = 0; i < bits; ++i) {
        uint16_t bit = (uint16_t)(1 << (at + i) % 16);
        if (value >> i & 1)
            r->lane[(at + i) / 16] |= bit;
        else
            r->lane[(at + i) / 16] &= (uint16_t)~bit;
    }
}

typedef enum { PLAIN, EXTREME } words_t;

/* Bits that do not count, of header and elements, are random. */
static record_t new_record(run_t *r, words_t words, int scale_bits)
{
    const design_t *d = r->d;
    int w = d->operand_w, lanes = record_beats(d) * design_bus_w(d) / 16;
    bool low = random_one_in(&r->random, 2);
    record_t record = {.valid = !random_one_in(&r->random, 5)};
    record.scale = (int64_t)fixed_low(random_bits(&r->random), scale_bits);
    for (int i = 0; i < lanes; ++i) record.lane[i] = (uint16_t)random_bits(&r->random);
    set_bits(&record, 0, record.scale, d->scale.w);
    set_bits(&record, 16, record.valid, 1);
    for (int e = 0; e < d->head_max; ++e) {
        record.element[e] = fixed_wrap((int64_t)random_bits(&r->random), w);
        if (words == EXTREME) record.element[e] = low ? fixed_min(w) : fixed_max(w);
        set_bits(&record, 32 + e * design_low_w(d), record.element[e], w);
    }
    return record;
}

/* ---- what must come of a strip, in plain integers ---- */

/* a / 2^shift, rounded down. */
static __int128 divided(__int128 a, int shift)
{
    __int128 by = (__int128)1 << shift, q = a / by;
    return a % by < 0 ? q - 1 : q;
}

static int64_t clipped(__int128 a, int w, int64_t *clips)
{
    __int128 half = (__int128)1 << (w - 1);
    if (a >= -half && a < half) return (int64_t)a;
    ++*clips;
    return (int64_t)(a < 0 ? -half : half - 1);
}

static int64_t dot(const run_t *r, const record_t *q, const record_t *k, int d, int64_t *clips)
{
    int64_t sum = 0;
    for (int e = 0; e < d; ++e)
        sum = clipped((__int128)sum + q->element[e] * k->element[e], r->d->score_acc_w, clips);
    return sum;
}

/* value / 2^(its fraction bits) > T * sum */
static bool exceeds(const run_t *r, const strip_t *s, int64_t value, int64_t sum)
{
    const design_t *d = r->d;
    __int128 limit = (__int128)s->threshold * sum;
    return ((__int128)value << (d->threshold.frac + d->score_sum.frac)) > limit << d->score_exp.frac;
}

typedef struct {
    int64_t dot[KEYS], scaled[KEYS], exp[KEYS];
    bool allowed[KEYS], clean; /* clean: nothing clipped */
    int64_t max;
} scores_t;

static void score_row(run_t *r, const strip_t *s, int i, scores_t *o)
{
    const design_t *d = r->d;
    const record_t *q = &r->file[s->bank][i];
    clips_t before = r->clips[i];
    o->max = 0;
    for (int c = 0; c < s->tiles * d->columns; ++c) { /* also columns that nothing drains */
        static const record_t nothing;
        const record_t *k = s->upper + c < d->keys_max ? &r->key[s->upper + c] : &nothing;
        int64_t sum = dot(r, q, k, s->d, &r->clips[i].acc), clips = 0;
        if (c >= s->keys) continue;
        bool first = true;
        for (int b = 0; b < c; ++b) first &= !o->allowed[b];
        o->dot[c] = sum;
        o->allowed[c] = q->valid && k->valid && i < s->rows && (!s->causal || c <= s->first + i);
        o->scaled[c] =
            clipped(divided((__int128)sum * q->scale * k->scale, 2 * d->scale.frac - d->scaled.frac),
                    d->scaled.w, &clips);
        if (!o->allowed[c]) continue;
        r->clips[i].scaled += clips;
        if (first || o->scaled[c] > o->max) o->max = o->scaled[c];
    }
    o->clean = before.acc == r->clips[i].acc && before.scaled == r->clips[i].scaled;
}

static void exponentials(run_t *r, strip_t *s, int i, scores_t *o)
{
    const design_t *d = r->d;
    const exp_unit_t *unit = &r->a->row[0].exp;
    int64_t none = 0, far = 0, drop = d->scaled.frac - d->bias.frac;
    int64_t bias = clipped(divided(o->max, (int)drop), d->bias.w, &far);
    clips_t before = r->clips[i];
    __int128 sum = 0;
    for (int c = 0; c < s->keys; ++c) {
        __int128 x = o->scaled[c] - bias * ((__int128)1 << drop), term;
        o->exp[c] = 0;
        if (o->allowed[c]) o->exp[c] = exp_unit_value(unit, clipped(x, d->scaled.w, &none), &r->clips[i].exp);
        if (d->score_sum.frac >= d->score_exp.frac)
            term = (__int128)o->exp[c] << (d->score_sum.frac - d->score_exp.frac);
        else
            term = divided(o->exp[c], d->score_exp.frac - d->score_sum.frac);
        sum = clipped(sum + term, d->score_sum.w, &r->clips[i].sum);
        if (o->exp[c] > s->top[i]) s->top[i] = o->exp[c];
    }
    s->sums[i] = (int64_t)sum;
    o->clean &= !far && before.exp == r->clips[i].exp && before.sum == r->clips[i].sum;
}

static void threshold_row(run_t *r, strip_t *s, int i, const scores_t *o)
{
    bool any = false, empty = true;
    for (int c = s->keys - 1; c >= 0; --c) {
        if (o->allowed[c] && o->scaled[c] == o->max) s->arg[i] = c;
        empty &= !exceeds(r, s, o->exp[c], s->sums[i]);
        any |= o->allowed[c];
    }
    for (int c = 0; c < s->keys; ++c) {
        bool keep = empty ? s->policy == 1 || (s->policy == 2 && c == s->arg[i])
                          : exceeds(r, s, o->exp[c], s->sums[i]);
        s->kept[i][c] = o->allowed[c] && keep;
        r->seen.kept += s->kept[i][c];
        r->seen.cut += o->allowed[c] && !s->kept[i][c];
        r->seen.invalid += !o->allowed[c];
    }
    r->seen.empty[s->policy] += any && empty;
    r->seen.unseen_rows += !any;
}

/* Against real numbers: a share of the softmax well above T is kept, one well below is not. Only where no
   format is at its end and no row empty, since both change what is kept. */
static void check_real(run_t *r, const strip_t *s, int i, const scores_t *o)
{
    const design_t *d = r->d;
    const record_t *q = &r->file[s->bank][i];
    double unit = ldexp((double)q->scale, -2 * d->scale.frac), total = 0, highest = -INFINITY;
    double t = ldexp((double)s->threshold, -d->threshold.frac), x[KEYS];
    if (!o->clean) return;
    for (int c = 0; c < s->keys; ++c) {
        x[c] = (double)o->dot[c] * unit * (double)r->key[s->upper + c].scale;
        if (o->allowed[c] && x[c] > highest) highest = x[c];
    }
    for (int c = 0; c < s->keys; ++c) total += o->allowed[c] ? exp(x[c] - highest) : 0;
    if (!(1 / total > 1.3 * t)) return;
    for (int c = 0; c < s->keys; ++c) {
        double share = exp(x[c] - highest) / total;
        bool decided =
            share > 1.3 * t || share<t / 1.3, fine = exp(x[c] - highest) * ldexp(1, d->score_exp.frac)> 64;
        if (!o->allowed[c] || !decided || !fine || x[c] < highest - 10) continue;
        ++r->seen.sure;
        run_demand(r, s->kept[i][c] == (share > t), "row %d key %d: share %g of the softmax, T %g, %s", i, c,
                   share, t, s->kept[i][c] ? "kept" : "not kept");
    }
}

static void expect(run_t *r, strip_t *s)
{
    static scores_t o;
    for (int i = 0; i < r->d->rows; ++i) {
        memset(&o, 0, sizeof o);
        score_row(r, s, i, &o);
        exponentials(r, s, i, &o);
        threshold_row(r, s, i, &o);
        check_real(r, s, i, &o);
    }
}

/* ---- planning ---- */

static cycle_t *at(run_t *r, int cycle)
{
    run_demand(r, cycle >= 0 && cycle < CYCLES, "a plan of more than %d cycles", CYCLES);
    return &r->cycle[cycle];
}

static int gap(run_t *r)
{
    return r->tight || !random_one_in(&r->random, 3) ? 0 : (int)random_below(&r->random, 20);
}

static const record_t *keep_written(run_t *r, record_t record)
{
    r->written[r->writes] = record;
    return &r->written[r->writes++];
}

/* Keys take their place once nothing reads what was there any more. Returns the last write's cycle. */
static int plan_keys(run_t *r, int from, int upper, int keys, words_t words, int scale_bits)
{
    int cycle = most(from, r->write_free);
    for (int k = 0; k < keys; ++k) {
        r->key[upper + k] = new_record(r, words, scale_bits);
        const record_t *record = keep_written(r, r->key[upper + k]);
        for (int beat = 0; beat < record_beats(r->d); ++beat) {
            cycle_t *c = at(r, cycle++);
            c->k = record, c->k_key = upper + k, c->k_beat = beat;
        }
    }
    r->write_free = cycle;
    return cycle - 1;
}

static int plan_queries(run_t *r, const strip_t *s, int from, words_t words, int scale_bits)
{
    int cycle = most(from, r->write_free);
    for (int i = 0; i < s->rows; ++i) {
        r->file[s->bank][i] = new_record(r, words, scale_bits);
        const record_t *record = keep_written(r, r->file[s->bank][i]);
        for (int beat = record_beats(r->d) - 1; beat >= 0; --beat) {
            cycle_t *c = at(r, cycle++);
            c->q = record, c->q_file = s->bank, c->q_row = i, c->q_beat = beat;
        }
    }
    r->write_free = cycle;
    return cycle - 1;
}

static void plan_tile(run_t *r, const strip_t *s, int tile, int t)
{
    for (int e = 0; e < s->d; ++e) {
        cycle_t *c = at(r, t + e);
        run_demand(r, !c->word, "two words in cycle %d", t + e);
        c->word = true, c->first = e == 0, c->file = s->bank, c->tile = tile, c->at = e;
        c->upper = s->upper > 0;
    }
    for (int j = 0; j < r->d->columns && tile * r->d->columns + j < s->keys; ++j) {
        cycle_t *c = at(r, t + 1 + s->d + j);
        run_demand(r, !c->drain, "two drain words in cycle %d", t + 1 + s->d + j);
        c->drain = true, c->d_first = tile == 0 && j == 0, c->d_bank = s->bank, c->d_col = j;
        c->d_key = tile * r->d->columns + j, c->d_rows = s->rows, c->head_key = s->upper + c->d_key;
        c->d_limit = s->causal ? s->first : random_one_in(&r->random, 2) ? r->d->keys_max : s->keys - 1;
    }
}

/* Returns the first cycle after its words. */
static int plan_score(run_t *r, strip_t *s)
{
    int t = s->start, last = 0;
    for (int tile = 0; tile < s->tiles; ++tile) {
        plan_tile(r, s, tile, t);
        last = t + s->d + r->d->columns;
        t += most(s->d, r->d->columns) + gap(r);
    }
    s->scored = last + 3;
    return t;
}

static void plan_sum(run_t *r, const strip_t *s)
{
    for (int key = 0; key < s->keys; ++key) {
        cycle_t *c = at(r, s->sum + key);
        run_demand(r, !c->sum, "two sum words in cycle %d", s->sum + key);
        c->sum = true, c->s_first = key == 0, c->s_bank = s->bank, c->s_key = key;
    }
}

static void plan_keep_word(run_t *r, const strip_t *s, int tile, int j, int t)
{
    const design_t *d = r->d;
    cycle_t *c = at(r, t);
    int key = tile * d->columns + j;
    bool last = j == d->columns - 1;
    if (key >= s->keys && !last) return;
    run_demand(r, !c->keep, "two threshold words in cycle %d", t);
    c->keep = true, c->t_first = key == 0, c->t_bank = s->bank, c->t_there = key < s->keys;
    c->t_key = c->t_there ? key : (int)random_below(&r->random, d->keys_max);
    c->t_col = j, c->t_last = last, c->t_tile = tile, c->t_strip = s->id;
    for (int i = 0; last && i < d->rows; ++i) {
        cycle_t *m = at(r, t + 3 + i);
        run_demand(r, !m->mask, "two rows show a mask word in cycle %d", t + 3 + i);
        m->mask = true, m->shows = s, m->mask_row = i, m->mask_tile = tile;
    }
}

/* Returns the first cycle after its words. */
static int plan_keep(run_t *r, strip_t *s)
{
    const design_t *d = r->d;
    int interval = most(d->rows, d->columns), t = s->keep;
    for (int tile = 0; tile < s->tiles; ++tile, t += interval) {
        for (int j = 0; j < d->columns; ++j) plan_keep_word(r, s, tile, j, t + j);
    }
    for (int c = s->keep + 1; c <= s->keep + d->rows; ++c)
        at(r, c)->strip = s; /* who takes it: row i after i */
    s->swept = t - interval + d->columns - 1 + d->rows + 3;
    return t;
}

/* From here on word 0 of a strip may show that takes this one's bank. */
static int bank_free(const run_t *r, const strip_t *s)
{
    const design_t *d = r->d;
    int tile = d->rows > d->columns ? s->tiles - 1 : 0;
    return s->keep + tile * most(d->rows, d->columns) + 2;
}

static int64_t new_threshold(run_t *r)
{
    const design_t *d = r->d;
    int64_t one = INT64_C(1) << d->threshold.frac, t;
    switch (random_below(&r->random, 4)) {
    case 0: return 0;
    case 1: t = random_below(&r->random, one); break;
    default: t = (int64_t)ldexp((double)one, -(int)random_below(&r->random, 12)) * 3 / 4;
    }
    int64_t highest = (INT64_C(1) << d->threshold.w) - 1;
    return t > highest ? highest : t;
}

static void plan_strip(run_t *r, strip_t *s, int ready)
{
    const design_t *d = r->d;
    int n = (int)(s - r->strip), interval = most(d->rows, d->columns);
    const strip_t *b1 = n > 0 ? s - 1 : NULL, *b3 = n > 2 ? s - 3 : NULL;
    s->start = most(most(ready, r->words_end), b3 ? bank_free(r, b3) : 0);
    s->start = most(s->start, r->drained - 1 - s->d) + gap(r);
    r->words_end = plan_score(r, s);
    r->drained = s->scored - 2;
    s->sum = most(s->scored + 1, b1 ? b1->sum + b1->keys : 0);
    s->sum = most(s->sum, b3 ? b3->keep + b3->tiles * interval + 1 : 0) + gap(r);
    plan_sum(r, s);
    s->keep = most(s->sum + s->keys + 1, b1 ? b1->keep + b1->tiles * interval : 0) + gap(r);
    plan_keep(r, s);
    expect(r, s);
}

static void plan_head(run_t *r, int keys, int queries, int head)
{
    const design_t *d = r->d;
    bool causal = random_one_in(&r->random, 2);
    words_t words = random_one_in(&r->random, 4) ? EXTREME : PLAIN;
    int bits =
        least(d->scale.w,
              random_one_in(&r->random, 4) ? d->scale.w : d->scale.frac - (int)random_below(&r->random, 3));
    const strip_t *before = r->strips ? &r->strip[r->strips - 1] : NULL;
    bool small = keys <= d->keys_max / 2, beside = small && r->small;
    r->upper = beside && !r->upper ? d->keys_max / 2 : 0;
    r->small = small;
    /* the lower head's last tile may reach into the upper half: nobody drains that, but sums clip there too
     */
    bool apart = beside && (!r->upper || r->reach <= d->keys_max / 2);
    int keys_free = apart ? r->older_scored : before ? before->scored : 0;
    int ready = plan_keys(r, keys_free + 1, r->upper, keys, words, bits);
    r->reach = (keys + d->columns - 1) / d->columns * d->columns;
    r->older_scored = before ? before->scored : 0;
    for (int first = 0; first < queries; first += d->rows) {
        int n = r->strips++;
        strip_t *s = &r->strip[n];
        run_demand(r, n < STRIPS, "more than %d strips", STRIPS);
        *s = (strip_t){.bank = n % 3,
                       .first = first,
                       .rows = least(d->rows, queries - first),
                       .keys = keys,
                       .upper = r->upper,
                       .id = (int)random_below(&r->random, 2 * d->strips),
                       .d = head,
                       .causal = causal};
        int seen = causal && random_one_in(&r->random, 2) ? least(keys, first + s->rows) : keys;
        s->tiles = (seen + d->columns - 1) / d->columns;
        s->keys = least(keys, s->tiles * d->columns);
        s->policy = (int)random_below(&r->random, 3);
        s->threshold = new_threshold(r);
        ready = most(ready, plan_queries(r, s, n > 2 ? (s - 3)->scored + 1 : 0, words, bits));
        plan_strip(r, s, ready);
    }
}

/* ---- running ---- */

static int64_t any(run_t *r, int64_t n)
{
    return random_below(&r->random, n);
}

static void drive_feeder(run_t *r, const cycle_t *c)
{
    const design_t *d = r->d;
    predict_feeder_t *f = r->f;
    int lanes = design_bus_w(d) / 16;
    *f->k_we = c->k != NULL;
    *f->k_key = c->k ? c->k_key : any(r, d->keys_max);
    *f->k_beat = c->k ? c->k_beat : any(r, record_beats(d));
    *f->q_we = c->q != NULL;
    *f->q_file = c->q ? c->q_file : any(r, 4);
    *f->q_row = c->q ? c->q_row : any(r, d->rows);
    *f->q_beat = c->q ? c->q_beat : any(r, record_beats(d));
    for (int i = 0; i < lanes; ++i) {
        f->k_data[i] = c->k ? c->k->lane[c->k_beat * lanes + i] : any(r, 1 << 16);
        f->q_data[i] = c->q ? c->q->lane[c->q_beat * lanes + i] : any(r, 1 << 16);
    }
    *f->valid = c->word;
    *f->first = c->word ? c->first : any(r, 2);
    *f->file = c->word ? c->file : any(r, 4);
    *f->upper = c->word ? c->upper : any(r, 2);
    *f->tile = c->word ? c->tile : any(r, design_tiles_max(d));
    *f->at = c->word ? c->at : any(r, d->head_max);
    *f->head_key = c->drain ? c->head_key : any(r, d->keys_max);
    predict_feeder_eval(f);
}

static void drive_array(run_t *r, const cycle_t *c)
{
    const design_t *d = r->d;
    predict_array_t *a = r->a;
    const predict_feeder_t *f = r->f;
    memcpy(a->left, f->left, (size_t)d->rows * sizeof *a->left);
    memcpy(a->top, f->top, (size_t)d->columns * sizeof *a->top);
    memcpy(a->row_head, f->row_head, 3 * (size_t)d->rows * sizeof *a->row_head);
    *a->tag = *f->tag;
    *a->key_head = *f->key_head;
    *a->d_valid = c->drain;
    *a->d_first = c->drain ? c->d_first : any(r, 2);
    *a->d_bank = c->drain ? c->d_bank : any(r, 4);
    *a->d_col = c->drain ? c->d_col : any(r, d->columns);
    *a->d_key = c->drain ? c->d_key : any(r, d->keys_max);
    *a->d_limit = fixed_wrap(c->drain ? c->d_limit : (int)any(r, 1 << 20), fixed_bits(d->keys_max + 1) + 1);
    *a->d_rows = c->drain ? c->d_rows : any(r, d->rows + 1);
    *a->s_valid = c->sum;
    *a->s_first = c->sum ? c->s_first : any(r, 2);
    *a->s_bank = c->sum ? c->s_bank : any(r, 4);
    *a->s_key = c->sum ? c->s_key : any(r, d->keys_max);
    *a->t_valid = c->keep;
    *a->t_first = c->keep ? c->t_first : any(r, 2);
    *a->t_bank = c->keep ? c->t_bank : any(r, 4);
    *a->t_there = c->keep ? c->t_there : any(r, 2);
    *a->t_key = c->keep ? c->t_key : any(r, d->keys_max);
    *a->t_col = c->keep ? c->t_col : any(r, d->columns);
    *a->t_last = c->keep ? c->t_last : any(r, 2);
    *a->t_tile = c->keep ? c->t_tile : any(r, design_tiles_max(d));
    *a->t_strip = c->keep ? c->t_strip : any(r, 2 * d->strips);
    *a->threshold =
        c->strip ? c->strip->threshold : (int64_t)fixed_low(random_bits(&r->random), d->threshold.w);
    *a->policy = c->strip ? c->strip->policy : any(r, 4);
    predict_array_eval(a);
}

static void check_mask(run_t *r, const cycle_t *c, int t)
{
    const design_t *d = r->d;
    const predict_array_t *a = r->a;
    run_demand(r, *a->mask_valid == c->mask, "cycle %d: mask_valid %d", t, (int)*a->mask_valid);
    if (!c->mask) return;
    const strip_t *s = c->shows;
    run_demand(r, *a->mask_row == c->mask_row && *a->mask_tile == c->mask_tile && *a->mask_strip == s->id,
               "cycle %d: mask word of row %d tile %d strip %d, not %d %d %d", t, (int)*a->mask_row,
               (int)*a->mask_tile, (int)*a->mask_strip, c->mask_row, c->mask_tile, s->id);
    for (int j = 0; j < d->columns; ++j) {
        int key = c->mask_tile * d->columns + j;
        bool keep = key < s->keys && s->kept[c->mask_row][key];
        run_demand(r, a->mask_word[j] == keep,
                   "cycle %d strip %d (d %d, %d keys, first %d): row %d key %d is %s", t, (int)(s - r->strip),
                   s->d, s->keys, s->first, c->mask_row, key, keep ? "not kept" : "kept");
    }
}

/* Row i has each number i cycles after row 0, and keeps it until a strip takes its bank. */
static void check_strip(run_t *r, const strip_t *s, int t)
{
    const design_t *d = r->d;
    int n = (int)(s - r->strip), last = n + 3 < r->strips ? (s + 3)->start : s->swept;
    for (int i = 0; i < d->rows; ++i) {
        int at = s->bank * d->rows + i, kept = i * 3 + s->bank;
        if (t == s->scored + i || t == last) {
            int64_t arg = r->a->arg[at];
            run_demand(r, arg == s->arg[i], "strip %d row %d: maximum at key %d, not %d", n, i, (int)arg,
                       s->arg[i]);
        }
        if (t != s->sum + s->keys + 2 + i && t != last) continue;
        if (t < s->sum + s->keys + 2 + i) continue;
        run_demand(r, r->a->sum_q[kept] == s->sums[i] && r->a->top_q[kept] == s->top[i],
                   "strip %d row %d: sum %lld, highest %lld, not %lld, %lld", n, i,
                   (long long)r->a->sum_q[kept], (long long)r->a->top_q[kept], (long long)s->sums[i],
                   (long long)s->top[i]);
    }
}

static void check_counts(run_t *r)
{
    for (int i = 0; i < r->d->rows; ++i) {
        const clips_t *c = &r->clips[i];
        const predict_array_t *a = r->a;
        run_demand(r,
                   a->sat_acc[i] == c->acc && a->sat_scaled[i] == c->scaled && a->sat_exp[i] == c->exp &&
                       a->sat_sum[i] == c->sum,
                   "row %d: %d %d %d %d clipped, not %d %d %d %d", i, (int)a->sat_acc[i],
                   (int)a->sat_scaled[i], (int)a->sat_exp[i], (int)a->sat_sum[i], (int)c->acc, (int)c->scaled,
                   (int)c->exp, (int)c->sum);
    }
}

static void play(run_t *r)
{
    int end = r->strip[r->strips - 1].swept + 1, oldest = 0;
    for (int t = 0; t <= end; ++t) {
        const cycle_t *c = at(r, t);
        drive_feeder(r, c);
        drive_array(r, c);
        check_mask(r, c, t);
        for (int n = oldest; n < r->strips && n < oldest + 5; ++n) check_strip(r, &r->strip[n], t);
        if (t == r->strip[oldest].swept) ++oldest;
        predict_feeder_tick(r->f);
        predict_array_tick(r->a);
    }
    run_demand(r, oldest == r->strips, "%d strips of %d swept", oldest, r->strips);
    check_counts(r);
}

static run_t *run_open(const design_t *d, uint64_t seed)
{
    demand(d->rows <= ROWS && d->columns <= COLUMNS && d->head_max <= HEAD, "%s is too large here", d->name);
    run_t *r = calloc(1, sizeof *r);
    *r = (run_t){.d = d, .seed = seed, .random = {seed}, .tight = seed % 2};
    r->feeder = block_open(&predict_feeder_type, d);
    r->array = block_open(&predict_array_type, d);
    r->f = r->feeder->self;
    r->a = r->array->self;
    r->cycle = calloc(CYCLES, sizeof *r->cycle);
    r->strip = calloc(STRIPS, sizeof *r->strip);
    r->written = calloc(CYCLES, sizeof *r->written);
    return r;
}

static void run_close(run_t *r, seen_t *seen)
{
    seen->kept += r->seen.kept, seen->cut += r->seen.cut, seen->sure += r->seen.sure;
    seen->unseen_rows += r->seen.unseen_rows, seen->invalid += r->seen.invalid;
    for (int p = 0; p < 3; ++p) seen->empty[p] += r->seen.empty[p];
    for (int i = 0; i < r->d->rows; ++i) {
        seen->clips.acc += r->clips[i].acc, seen->clips.scaled += r->clips[i].scaled;
        seen->clips.exp += r->clips[i].exp, seen->clips.sum += r->clips[i].sum;
    }
    block_close(r->feeder);
    block_close(r->array);
    free(r->cycle);
    free(r->strip);
    free(r->written);
    free(r);
}

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

static void demand_seen(const char *name, const seen_t *s)
{
    demand(
        s->kept && s->cut && s->empty[0] && s->empty[1] && s->empty[2] && s->sure && s->unseen_rows &&
            s->invalid,
        "%s: %d kept, %d not, %d %d %d empty rows, %d sure, %d rows without keys, %d not allowed: too few to "
        "prove anything",
        name, (int)s->kept, (int)s->cut, (int)s->empty[0], (int)s->empty[1], (int)s->empty[2], (int)s->sure,
        (int)s->unseen_rows, (int)s->invalid);
}

/* ---- tests ---- */

static const char *const names[] = {"odd_5x7x3_travelling", "full_4x4x4_travelling",
                                    "one_pe_6x5x1_travelling", "ties_7x9x3_travelling"};

START_TEST(strips_of_every_head_size_give_the_mask_words_of_plain_integers)
{
    for (size_t n = 0; n < sizeof names / sizeof *names; ++n) {
        design_t d = load(names[n]);
        seen_t seen = {0};
        d.keys_max = least(d.keys_max, 32); /* short heads, so that one of every size fits into a run */
        for (uint64_t seed = 1; seed <= 60; ++seed) {
            run_t *r = run_open(&d, seed);
            for (int head = 1; head <= d.head_max; ++head) {
                int keys =
                    random_one_in(&r->random, 3) ? d.keys_max : 1 + (int)random_below(&r->random, d.keys_max);
                plan_head(r, keys, 1 + (int)random_below(&r->random, d.keys_max), head);
            }
            play(r);
            run_close(r, &seen);
        }
        demand_seen(names[n], &seen);
    }
}
END_TEST

/* Sizes where rows, columns and head sizes meet in every order, and sums of products that do not fit. */
START_TEST(arrays_of_other_shapes_give_them_too)
{
    static const int shapes[][4] = {{1, 2, 3, 5}, {9, 2, 1, 11},  {2, 9, 12, 20},
                                    {3, 3, 3, 9}, {8, 8, 17, 64}, {4, 16, 9, 16}};
    seen_t seen = {0};
    for (size_t n = 0; n < sizeof shapes / sizeof *shapes; ++n) {
        design_t d = load("odd_5x7x3_travelling");
        d.rows = d.score_rows = shapes[n][0];
        d.columns = d.score_columns = shapes[n][1];
        d.head_max = shapes[n][2];
        d.keys_max = shapes[n][3];
        if (n % 2) d.score_acc_w = 2 * d.operand_w, d.score_sum.w = d.score_exp.w + 1;
        for (uint64_t seed = 1; seed <= 40; ++seed) {
            run_t *r = run_open(&d, 1000 * (n + 1) + seed);
            for (int i = 0; i < 6; ++i) {
                int keys = 1 + (int)random_below(&r->random, d.keys_max);
                int queries = 1 + (int)random_below(&r->random, d.keys_max);
                plan_head(r, keys, queries, 1 + (int)random_below(&r->random, d.head_max));
            }
            play(r);
            run_close(r, &seen);
        }
    }
    demand_seen("other shapes", &seen);
    demand(seen.clips.acc && seen.clips.scaled && seen.clips.exp && seen.clips.sum,
           "%d sums of products, %d scores, %d exps, %d sums clipped: too few", (int)seen.clips.acc,
           (int)seen.clips.scaled, (int)seen.clips.exp, (int)seen.clips.sum);
}
END_TEST

START_TEST(the_paper_sized_array_gives_them_too)
{
    static const int heads[][3] = {{64, 256, 192}, {128, 200, 100}, {32, 300, 70}, {100, 65, 64}};
    design_t d = load("paper_64x16");
    d.keys_max = KEYS;
    seen_t seen = {0};
    for (uint64_t seed = 1; seed <= 2; ++seed) {
        run_t *r = run_open(&d, seed);
        for (size_t i = 0; i < sizeof heads / sizeof *heads; ++i)
            plan_head(r, heads[i][1], heads[i][2], heads[i][0]);
        play(r);
        run_close(r, &seen);
    }
    demand(seen.kept && seen.cut && seen.sure, "nothing kept or nothing cut");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("predict_array");
    TCase *t = tcase_create("predict_array");
    tcase_set_timeout(t, 240);
    tcase_add_test(t, strips_of_every_head_size_give_the_mask_words_of_plain_integers);
    tcase_add_test(t, arrays_of_other_shapes_give_them_too);
    tcase_add_test(t, the_paper_sized_array_gives_them_too);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
