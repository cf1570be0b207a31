/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath.h"

#include <math.h>
#include <string.h>

#include "normalise.h"
#include "pass_control.h"
#include "vectors.h"

enum { K, V };
enum { EMPTY_DENSE = 1, EMPTY_TOP1 = 2 };
#define NEVER DATAPATH_NEVER

static int64_t minimum(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- events ---- */

static void count_slot(datapath_t *p)
{
    uint32_t *slot = p->noted + p->counted % DATAPATH_AHEAD * DATAPATH_EVENTS;
    for (int k = 0; k < DATAPATH_EVENTS; ++k) {
        p->count[k] = fixed_count(p->count[k], slot[k]);
        slot[k] = 0;
    }
    ++p->counted;
}

/* Nothing noted lies further ahead than half of the slots, so what must make room is over. */
static void note(datapath_t *p, datapath_event_t kind, uint64_t cycle, int64_t events)
{
    if (!events) return;
    if (cycle < p->counted) cycle = p->counted;
    while (cycle >= p->counted + DATAPATH_AHEAD) count_slot(p);
    p->noted[cycle % DATAPATH_AHEAD * DATAPATH_EVENTS + kind] += (uint32_t)events;
    p->any = true;
}

void datapath_count(datapath_t *p, uint64_t cycle)
{
    for (int i = 0; p->any && i < DATAPATH_AHEAD && p->counted < cycle; ++i) count_slot(p);
    p->any = p->any && p->counted < cycle ? false : p->any;
    if (p->counted < cycle) p->counted = cycle;
}

/* ---- sizes ---- */

static int beat_elements(const design_t *d)
{
    return d->bus_bytes / 2;
}
static int queries(const design_t *d)
{
    return 2 * design_group_rows(d);
}
static int16_t *tile_of(const datapath_t *p, int64_t buffer, int kind)
{
    return p->tile + (buffer * 2 + kind) * p->d->columns * p->elements;
}
static int8_t *low_query_of(const datapath_t *p, int64_t file)
{
    return p->low_query + file * datapath_quads(p->d) * 4 * p->lanes;
}
static int32_t *strip_of(const datapath_t *p, int64_t bank, int64_t key)
{
    return p->strip + (bank * p->d->keys_max + key) * p->lanes;
}

bool datapath_fits(const design_t *d)
{
    return !design_lacks_machine(d) && d->scaled.w < 32;
}

int datapath_quads(const design_t *d)
{
    return (d->head_max + 3) / 4;
}

int datapath_elements(const design_t *d)
{
    return (d->head_max + DATAPATH_ROW_GROUP - 1) / DATAPATH_ROW_GROUP * DATAPATH_ROW_GROUP;
}

void datapath_init(datapath_t *p, const design_t *d)
{
    p->d = d;
    p->lanes = (d->rows + DATAPATH_LANES - 1) / DATAPATH_LANES * DATAPATH_LANES;
    p->elements = datapath_elements(d);
    p->tiles = design_tiles_max(d);
    p->mask_bytes = (size_t)(design_mask_beats(d) * d->bus_bytes);
    p->word_bytes = (size_t)design_mask_lane_w(d) / 8;
    exp_unit_of_pe(&p->exp, d);
    exp_unit_of_score_array(&p->score_exp, d);
    datapath_strip_init(&p->strips, d, &p->score_exp);
    datapath_row_init(&p->row, d, &p->exp, p->elements);
}

void datapath_reset(datapath_t *p)
{
    memset(p->started, 0, (size_t)queries(p->d));
    memset(p->q_norm, 0xff, sizeof *p->q_norm * (size_t)queries(p->d));
    memset(p->noted, 0, sizeof *p->noted * DATAPATH_AHEAD * DATAPATH_EVENTS);
    memset(p->count, 0, sizeof p->count);
    memset(p->bank, 0, sizeof p->bank);
    memset(p->query_head, 0, sizeof *p->query_head * DATAPATH_FILES * (size_t)p->lanes);
    p->counted = 0;
    p->any = false;
}

/* ---- beats ---- */

static int32_t header(const design_t *d, const int64_t *data)
{
    return data[1] & 1 ? (int32_t)fixed_low((uint64_t)data[0], d->scale.w) : -1;
}

/* Elements of a beat of a low-bit record, behind its header; returns how many: from `first` on. */
static int low_elements(const design_t *d, int64_t beat, const int64_t *data, int *first, int8_t *to)
{
    const int low_w = design_low_w(d), each = 16 / low_w, skip = beat ? 0 : 2, up = 64 - d->operand_w;
    int n = 0;
    for (int i = skip; i < beat_elements(d); ++i, n += each) {
        uint64_t word = (uint64_t)data[i];
        for (int k = 0; k < each; ++k) to[n + k] = (int8_t)((int64_t)(word >> (k * low_w) << up) >> up);
    }
    *first = beat ? (int)beat * beat_elements(d) * each - 32 / low_w : 0;
    return (int)minimum(n, d->head_max - *first);
}

enum { LOW_ELEMENTS_MAX = 128 }; /* of a beat */

void datapath_write_low_key(datapath_t *p, int64_t place, int64_t beat, const int64_t *data)
{
    const design_t *d = p->d;
    int8_t element[LOW_ELEMENTS_MAX];
    int first, n = low_elements(d, beat, data, &first, element);
    if (place >= d->keys_max) return;
    if (n > 0) memcpy(p->low_key + place * d->head_max + first, element, (size_t)n);
    if (!beat) p->key_head[place] = header(d, data);
}

void datapath_write_low_query(datapath_t *p, int64_t file, int64_t row, int64_t beat, const int64_t *data)
{
    const design_t *d = p->d;
    int8_t element[LOW_ELEMENTS_MAX], *to = low_query_of(p, file) + 4 * row;
    int first, n = low_elements(d, beat, data, &first, element), i = 0;
    if (row >= d->rows) return;
    for (; first % 4 == 0 && i + 4 <= n; i += 4) memcpy(to + (first + i) * p->lanes, element + i, 4);
    for (; i < n; ++i) to[(first + i) / 4 * 4 * p->lanes + (first + i) % 4] = element[i];
    if (!beat) p->query_head[file * p->lanes + row] = header(d, data);
}

/* Elements of a row of 16-bit elements, of which w bits count. */
static void write_elements(const design_t *d, int16_t *row, int64_t beat, const int64_t *data, int w)
{
    int first = (int)beat * beat_elements(d), n = (int)minimum(beat_elements(d), d->head_max - first);
    for (int i = 0; i < n; ++i) row[first + i] = (int16_t)fixed_wrap(data[i], w);
}

void datapath_write_query(datapath_t *p, int64_t index, int64_t beat, const int64_t *data)
{
    if (index >= queries(p->d)) return;
    write_elements(p->d, p->query + index * p->elements, beat, data, p->d->q.w);
    p->q_norm[index] = -1;
}

void datapath_read_query(const datapath_t *p, int64_t index, int64_t beat, int64_t *data)
{
    const design_t *d = p->d;
    int first = (int)beat * beat_elements(d);
    for (int i = 0; i < beat_elements(d); ++i) {
        bool there = index < queries(d) && first + i < d->head_max;
        data[i] = there ? (uint16_t)p->query[index * p->elements + first + i] : 0;
    }
}

void datapath_write_mask(datapath_t *p, int64_t index, int64_t beat, const int64_t *data)
{
    const design_t *d = p->d;
    if (index >= queries(d) || beat >= design_mask_beats(d)) return;
    uint8_t *to = p->mask + (size_t)index * p->mask_bytes + beat * d->bus_bytes;
    for (int i = 0; i < beat_elements(d); ++i) {
        to[2 * i] = (uint8_t)data[i];
        to[2 * i + 1] = (uint8_t)(data[i] >> 8);
    }
}

void datapath_write_tile(datapath_t *p, int64_t buffer, bool is_v, int64_t column, int64_t beat,
                         const int64_t *data)
{
    const design_t *d = p->d;
    if (column >= d->columns) return;
    write_elements(d, tile_of(p, buffer, is_v) + column * p->elements, beat, data, is_v ? d->v.w : d->k.w);
    p->bound[buffer].known = false;
}

/* ---- prediction: low-bit sums ---- */

/* sum[r] = products of the key, zeros from d on, with each row's query. */
VECTORS static void plain_sums(const int8_t *key, const int8_t *query, int d, int lanes, int32_t *sum)
{
    for (int r = 0; r < lanes; ++r) sum[r] = 0;
    for (int e = 0; e < d; e += 4, query += 4 * lanes) {
        for (int r = 0; r < lanes; ++r) {
            const int8_t *q = query + 4 * r;
            sum[r] += key[e] * q[0] + key[e + 1] * q[1] + key[e + 2] * q[2] + key[e + 3] * q[3];
        }
    }
}

/* Step by step. `cycle`: of the first step, 0: nothing is counted. */
static void clipped_sum(datapath_t *p, const int8_t *key, const int8_t *query, int d, uint64_t cycle,
                        int32_t *sum)
{
    int64_t s = 0;
    for (int e = 0; e < d; ++e) {
        int64_t clipped = 0;
        s = fixed_saturate(s + key[e] * query[e / 4 * 4 * p->lanes + e % 4], p->d->score_acc_w, &clipped);
        if (cycle) note(p, DATAPATH_SCORE_ACC, cycle + (uint64_t)e, clipped);
    }
    *sum = (int32_t)s;
}

static int64_t product_max(const design_t *d)
{
    return INT64_C(1) << (2 * (d->operand_w - 1));
}

/* Rows and columns that carry no query or key sum all the same, and may clip. So the columns of the whole
   tile are looked at with its column 0, d + 1 cycles after its word 0. */
static void count_score_clips(datapath_t *p, const datapath_drain_t *w, int d, uint64_t cycle)
{
    const int8_t *query = low_query_of(p, w->bank);
    uint64_t first = cycle - (uint64_t)d + 1;
    int32_t ignored;
    for (int j = 0; j < p->d->columns && w->place + j < p->d->keys_max; ++j) {
        const int8_t *key = p->low_key + (w->place + j) * p->d->head_max;
        for (int r = 0; r < p->d->rows; ++r)
            clipped_sum(p, key, query + 4 * r, d, first + (uint64_t)(r + j), &ignored);
    }
}

static void low_bit_column(datapath_t *p, const datapath_drain_t *w, uint64_t cycle, int32_t *sum)
{
    const design_t *design = p->d;
    int d = w->d;
    int64_t most = fixed_max(design->score_acc_w), each = product_max(design);
    const int8_t *key = p->low_key + w->place * design->head_max;
    const int8_t *query = low_query_of(p, w->bank);
    int8_t padded[DATAPATH_HEAD_MAX + 3] = {0};
    bool may_clip = d * each > most, only_at_last = (d - 1) * each <= most;
    memcpy(padded, key, (size_t)d);
    plain_sums(padded, query, d, p->lanes, sum);
    if (!may_clip) return;
    if (!w->column) count_score_clips(p, w, d, cycle);
    for (int r = 0; r < p->lanes; ++r) {
        if (only_at_last)
            sum[r] = (int32_t)minimum(sum[r], most);
        else
            clipped_sum(p, key, query + 4 * r, d, 0, &sum[r]);
    }
}

/* ---- prediction: scaling, maxima ---- */

/* What one drained key means for all rows. */
typedef struct {
    int32_t scale, key; /* of the key */
    int64_t limit;      /* the last key that row 0 sees */
    int rows, lanes, shift, w;
} scaling_t;

/* Returns nonzero when an allowed score was clipped. */
VECTORS static int scale_column(const scaling_t *s, const int32_t *sum, const int32_t *head, int32_t *score,
                                int32_t *max, int32_t *arg)
{
    const int64_t most = (INT64_C(1) << (s->w - 1)) - 1, least = -most - 1;
    const int32_t lag = (int32_t)(s->key - s->limit); /* rows from here on see the key */
    int any = 0;
    for (int r = 0; r < s->lanes; ++r) {
        int64_t full = (int64_t)sum[r] * head[r] * s->scale, floored = full >> s->shift;
        int64_t low = floored > most ? most : floored, value = low < least ? least : low;
        int allowed = (head[r] >= 0) & (r < s->rows) & (r >= lag);
        any |= allowed & (value != floored);
        int32_t kept = allowed ? (int32_t)value : NEVER;
        score[r] = kept;
        arg[r] = kept > max[r] ? s->key : arg[r];
        max[r] = kept > max[r] ? kept : max[r];
    }
    return any;
}

static void note_scaled(datapath_t *p, const scaling_t *s, const int32_t *sum, const int32_t *head,
                        const int32_t *score, uint64_t cycle)
{
    for (int r = 0; r < p->d->rows; ++r) {
        int64_t full = (int64_t)sum[r] * head[r] * s->scale;
        if (score[r] != NEVER && full >> s->shift != score[r])
            note(p, DATAPATH_SCALED, cycle + 1 + (uint64_t)r, 1);
    }
}

static scaling_t scaling(const datapath_t *p, const datapath_drain_t *w)
{
    const design_t *d = p->d;
    return (scaling_t){.scale = w->place < d->keys_max ? p->key_head[w->place] : -1,
                       .key = (int32_t)w->key,
                       .limit = w->limit,
                       .rows = w->rows,
                       .lanes = p->lanes,
                       .shift = 2 * d->scale.frac - d->scaled.frac,
                       .w = d->scaled.w};
}

static void drain_column(datapath_t *p, const datapath_drain_t *w, uint64_t cycle)
{
    const int32_t *head = p->query_head + w->bank * p->lanes;
    int32_t *score = strip_of(p, w->bank, w->key), *max = p->bank[w->bank].max, *arg = p->bank[w->bank].arg;
    _Alignas(64) int32_t sum[DATAPATH_ROWS_MAX];
    const scaling_t s = scaling(p, w);
    low_bit_column(p, w, cycle, sum);
    if (s.scale < 0) {
        for (int r = 0; r < p->lanes; ++r) score[r] = NEVER;
        return;
    }
    if (scale_column(&s, sum, head, score, max, arg)) note_scaled(p, &s, sum, head, score, cycle);
}

/* ---- prediction: a tile's scores at once ---- */

static bool scores_fit(const datapath_t *p, const datapath_drain_t *w)
{
    const design_t *d = p->d;
    return p->strips.scores && w->d * product_max(d) <= fixed_max(d->score_acc_w) &&
           w->place + w->columns <= d->keys_max;
}

static void note_tile(datapath_t *p, const datapath_drain_t *tile, uint64_t cycle)
{
    _Alignas(64) int32_t sum[DATAPATH_ROWS_MAX];
    datapath_drain_t w = *tile;
    for (; w.column < w.columns; ++w.column, ++w.key, ++w.place) {
        const scaling_t s = scaling(p, &w);
        uint64_t when = cycle + (uint64_t)w.column;
        low_bit_column(p, &w, when, sum);
        note_scaled(p, &s, sum, p->query_head + w.bank * p->lanes, strip_of(p, w.bank, w.key), when);
    }
}

static void drain_at_once(datapath_t *p, const datapath_drain_t *w, uint64_t cycle)
{
    const datapath_strip_tile_t t = {.key = p->low_key + w->place * p->d->head_max,
                                     .key_stride = p->d->head_max,
                                     .scale = p->key_head + w->place,
                                     .n = w->columns,
                                     .d = w->d,
                                     .first = (int32_t)w->key,
                                     .limit = (int32_t)w->limit,
                                     .rows = w->rows,
                                     .query = low_query_of(p, w->bank),
                                     .head = p->query_head + w->bank * p->lanes,
                                     .stride = p->lanes,
                                     .score = strip_of(p, w->bank, w->key),
                                     .max = p->bank[w->bank].max,
                                     .arg = p->bank[w->bank].arg};
    if (datapath_strip_scores(&p->strips, &t)) note_tile(p, w, cycle);
}

void datapath_drain(datapath_t *p, const datapath_drain_t *tile, uint64_t cycle)
{
    datapath_drain_t w = *tile;
    for (int r = 0; r < p->lanes && w.first; ++r) {
        p->bank[w.bank].max[r] = NEVER;
        p->bank[w.bank].arg[r] = 0;
    }
    if (scores_fit(p, &w)) {
        drain_at_once(p, &w, cycle);
        return;
    }
    for (; w.column < w.columns; ++w.column, ++w.key, ++w.place)
        drain_column(p, &w, cycle + (uint64_t)w.column);
}

/* ---- exponentials in vectors: of x that is no more than about 0, or at least whose exponential fits ---- */

typedef struct {
    const int64_t *lut;
    int64_t num, w_max; /* the largest exponential */
    int vp, lut_shift, left;
} exp_vector_t;

static exp_vector_t exp_vector(const exp_unit_t *e)
{
    int vp = e->x.frac + e->log2e.append;
    return (exp_vector_t){.lut = e->lut,
                          .num = e->log2e.num,
                          .w_max = fixed_max(e->y.w),
                          .vp = vp,
                          .lut_shift = vp - e->lut_bits,
                          .left = e->y.frac - vp};
}

/* y of n words, as exp_unit_value has them; returns nonzero when one was clipped or is of no use here: then
   all must be computed one by one. */
VECTORS static int exp_words(const exp_vector_t *e, const int64_t *x, int64_t *y, int n)
{
    const int64_t fraction = (INT64_C(1) << e->vp) - 1;
    int bad = 0;
    for (int i = 0; i < n; ++i) {
        int64_t t = x[i] * e->num, v = t & fraction, right = -((t >> e->vp) + e->left);
        int64_t m = v + e->lut[v >> e->lut_shift];
        int64_t shift = right > 62 ? 63 : right;
        int64_t value = m >> (shift & 63);
        bad |= (right < 0) | (value > e->w_max);
        y[i] = value;
    }
    return bad;
}

/* ---- prediction: sums ---- */

/* The maxima as they are subtracted. */
static void floor_maxima(datapath_t *p, int64_t bank)
{
    const design_t *d = p->d;
    int drop = d->scaled.frac - d->bias.frac;
    for (int r = 0; r < p->lanes; ++r) {
        int64_t bias = fixed_saturate(p->bank[bank].max[r] >> drop, d->bias.w, NULL);
        p->bank[bank].floored[r] = (int32_t)fixed_saturate(fixed_floor(bias, -drop), 32, NULL);
    }
}

/* x of each row; what is not allowed is 0. */
VECTORS static void distances(const int32_t *score, const int32_t *floored, int w, int lanes, int64_t *x)
{
    const int64_t most = (INT64_C(1) << (w - 1)) - 1, least = -most - 1;
    for (int r = 0; r < lanes; ++r) {
        int64_t far = (int64_t)score[r] - floored[r], low = far > most ? most : far;
        x[r] = score[r] == NEVER ? 0 : low < least ? least : low;
    }
}

/* Scores become exponentials, -1 where not allowed, and are added; returns nonzero when a sum was clipped,
   and then has changed nothing. */
VECTORS static int add_exponentials(const int64_t *y, int32_t *score, int drop, int64_t most, int lanes,
                                    int64_t *sum, int32_t *top)
{
    int bad = 0;
    for (int r = 0; r < lanes; ++r) {
        int64_t term = drop >= 0 ? y[r] >> drop : y[r] << -drop;
        bad |= sum[r] + (score[r] == NEVER ? 0 : term) > most;
    }
    if (bad) return bad;
    for (int r = 0; r < lanes; ++r) {
        int64_t term = drop >= 0 ? y[r] >> drop : y[r] << -drop;
        int32_t value = score[r] == NEVER ? -1 : (int32_t)y[r];
        sum[r] += score[r] == NEVER ? 0 : term;
        top[r] = value > top[r] ? value : top[r];
        score[r] = value;
    }
    return 0;
}

static void add_one_by_one(datapath_t *p, const int64_t *x, int32_t *score, int64_t *sum, int32_t *top,
                           uint64_t cycle)
{
    const design_t *d = p->d;
    for (int r = 0; r < p->lanes; ++r) {
        int64_t clipped = 0, clipped_sums = 0;
        if (score[r] == NEVER) {
            score[r] = -1;
            continue;
        }
        int64_t y = exp_unit_value(&p->score_exp, x[r], &clipped);
        __int128 term = fixed_floor(y, d->score_exp.frac - d->score_sum.frac);
        sum[r] = fixed_saturate(sum[r] + term, d->score_sum.w, &clipped_sums);
        score[r] = (int32_t)y;
        if (score[r] > top[r]) top[r] = score[r];
        note(p, DATAPATH_SCORE_EXP, cycle + 1 + (uint64_t)r, clipped);
        note(p, DATAPATH_SCORE_SUM, cycle + 2 + (uint64_t)r, clipped_sums);
    }
}

static void begin_sums(datapath_t *p, int64_t bank)
{
    floor_maxima(p, bank);
    memset(p->bank[bank].sum, 0, (size_t)p->lanes * sizeof *p->bank[bank].sum);
    for (int r = 0; r < p->lanes; ++r) p->bank[bank].top[r] = -1;
}

static void sum_key(datapath_t *p, int64_t bank, int64_t key, uint64_t cycle)
{
    const design_t *d = p->d;
    const exp_vector_t e = exp_vector(&p->score_exp);
    int32_t *score = strip_of(p, bank, key), *top = p->bank[bank].top;
    int64_t *sum = p->bank[bank].sum;
    int drop = d->score_exp.frac - d->score_sum.frac;
    _Alignas(64) int64_t x[DATAPATH_ROWS_MAX], y[DATAPATH_ROWS_MAX];
    distances(score, p->bank[bank].floored, d->scaled.w, p->lanes, x);
    if (exp_words(&e, x, y, p->lanes) ||
        add_exponentials(y, score, drop, fixed_max(d->score_sum.w), p->lanes, sum, top))
        add_one_by_one(p, x, score, sum, top, cycle);
}

/* No exponential of n more keys is clipped, nor their sums: the largest is that of the row's maximum. */
static bool sums_fit(const datapath_t *p, int64_t bank, int n)
{
    const design_t *d = p->d;
    int64_t largest = 0, sum = 0;
    for (int r = 0; r < p->lanes; ++r) {
        int64_t far = (int64_t)p->bank[bank].max[r] - p->bank[bank].floored[r];
        if (p->bank[bank].max[r] != NEVER && far > largest) largest = far;
        if (p->bank[bank].sum[r] > sum) sum = p->bank[bank].sum[r];
    }
    return datapath_strip_largest(&p->strips, largest, &largest) &&
           sum + n * (largest >> p->strips.drop) <= fixed_max(d->score_sum.w);
}

void datapath_sum(datapath_t *p, int64_t bank, int64_t key, int n, uint64_t cycle)
{
    if (!key) begin_sums(p, bank);
    if (p->strips.vectors && sums_fit(p, bank, n)) {
        datapath_strip_exponentials(&p->strips, strip_of(p, bank, key), n, p->lanes, p->bank[bank].floored,
                                    p->bank[bank].sum, p->bank[bank].top);
        return;
    }
    for (int i = 0; i < n; ++i) sum_key(p, bank, key + i, cycle + (uint64_t)i);
}

/* ---- prediction: thresholds ---- */

/* The largest exponential that is not above T * sum. */
static int64_t limit_of(const design_t *d, int64_t threshold, int64_t sum)
{
    int missing = d->threshold.frac + d->score_sum.frac - d->score_exp.frac;
    __int128 limit = fixed_floor((__int128)threshold * sum, missing);
    return limit > INT32_MAX ? INT32_MAX : (int64_t)limit;
}

void datapath_take(datapath_t *p, int64_t bank, int64_t threshold, int64_t policy)
{
    int32_t *limit = p->taken.limit;
    p->taken.top1_rows = 0;
    memcpy(p->taken.arg, p->bank[bank].arg, sizeof p->taken.arg);
    for (int r = 0; r < p->d->rows; ++r) {
        limit[r] = (int32_t)limit_of(p->d, threshold, p->bank[bank].sum[r]);
        if (p->bank[bank].top[r] > limit[r]) continue;
        limit[r] = policy == EMPTY_DENSE ? -1 : INT32_MAX;
        if (policy == EMPTY_TOP1) p->taken.top1[p->taken.top1_rows++] = r;
    }
}

enum { COMPARED = 16, COMPARED_KEYS = 32 };

/* 16 rows, at most 32 keys: a word of kept keys each. */
VECTORS static void compare_rows(const int32_t *score, int stride, const int32_t *limit, int n,
                                 uint32_t *word)
{
    int32_t most[COMPARED];
    uint32_t bits[COMPARED] = {0};
    for (int r = 0; r < COMPARED; ++r) most[r] = limit[r];
    for (int c = 0; c < n; ++c, score += stride) {
        for (int r = 0; r < COMPARED; ++r) bits[r] |= score[r] > most[r] ? 1u << c : 0;
    }
    for (int r = 0; r < COMPARED; ++r) word[r] = bits[r];
}

void datapath_threshold(datapath_t *p, int64_t bank, int64_t key, int n)
{
    uint32_t bits[COMPARED];
    memset(p->word, 0, (size_t)p->lanes * sizeof *p->word);
    for (int c = 0; c < n; c += COMPARED_KEYS) {
        int keys = n - c < COMPARED_KEYS ? n - c : COMPARED_KEYS;
        for (int first = 0; first < p->d->rows; first += COMPARED) {
            compare_rows(strip_of(p, bank, key + c) + first, p->lanes, p->taken.limit + first, keys, bits);
            for (int r = 0; r < COMPARED; ++r) p->word[first + r][c / 64] |= (uint64_t)bits[r] << c % 64;
        }
    }
    for (int i = 0; i < p->taken.top1_rows; ++i) {
        int r = p->taken.top1[i];
        int64_t c = p->taken.arg[r] - key;
        if (c < 0 || c >= n || strip_of(p, bank, key + c)[r] < 0) continue;
        p->word[r][c / 64] |= UINT64_C(1) << c % 64;
    }
}

/* ---- masks ---- */

void datapath_put_word(datapath_t *p, int64_t index, int64_t tile, const uint64_t word[2])
{
    if (index >= queries(p->d) || tile >= p->tiles) return;
    memcpy(p->mask + (size_t)index * p->mask_bytes + (size_t)tile * p->word_bytes, word, p->word_bytes);
}

void datapath_get_word(const datapath_t *p, int64_t index, int64_t tile, uint64_t word[2])
{
    word[0] = word[1] = 0;
    if (index >= queries(p->d) || tile >= p->tiles) return;
    const uint8_t *from = p->mask + (size_t)index * p->mask_bytes + (size_t)tile * p->word_bytes;
    if (p->word_bytes == sizeof *word)
        memcpy(word, from, sizeof *word);
    else
        memcpy(word, from, p->word_bytes);
}

void datapath_get_rows(const datapath_t *p, int64_t index, int n, int64_t tile, uint64_t rows[2])
{
    const int high = p->d->columns > 64 ? p->d->columns - 64 : 0, low = p->d->columns - high;
    const uint64_t columns[2] = {fixed_low(UINT64_MAX, low), high ? fixed_low(UINT64_MAX, high) : 0};
    rows[0] = rows[1] = 0;
    for (int r = 0; r < n; ++r) {
        uint64_t word[2];
        datapath_get_word(p, index + r, tile, word);
        rows[r / 64] |= (uint64_t)((word[0] & columns[0]) || (word[1] & columns[1])) << r % 64;
    }
}

/* ---- passes ---- */

/* From word 0 on pass_control's outputs to row 0's last word on the array's. */
static int last_word_time(const design_t *d, int head)
{
    int arrives = 1 + 2 * head + pass_control_gap(d); /* the last word, at row 0 */
    return arrives + (d->control == CONTROL_TRAVELLING ? d->columns + 1 : d->rows + d->columns + d->pes);
}

int datapath_pass_time(const design_t *d, int head, int rows)
{
    return last_word_time(d, head) + rows + 2;
}

/* A sub-row at work. */
typedef struct {
    datapath_t *p;
    const datapath_pass_t *pass;
    uint64_t t0, tv; /* words 0 and d + 1 on row 0 */
    uint64_t out;    /* row 0's last word leaves */
    int row, n;      /* in the pass; active slots */
    const uint8_t *slot;
    int32_t col[DATAPATH_PES_MAX];
    int64_t index; /* of its query, -1: none yet */
    int64_t bias;  /* in acc's format */
    bool fits;     /* no sum of products is too large */
    int64_t most;  /* no output word is larger */
    int64_t sum;
    const int16_t *q; /* zeros from d on, in whole groups */
    _Alignas(64) int16_t padded[DATAPATH_HEAD_MAX];
    _Alignas(64) int32_t y[DATAPATH_PES_MAX + DATAPATH_ROW_KEYS];
    _Alignas(64) int64_t long_y[DATAPATH_PES_MAX];
    _Alignas(64) int32_t word[DATAPATH_HEAD_MAX];
    _Alignas(64) int64_t long_word[DATAPATH_HEAD_MAX];
} sub_row_t;

/* ---- passes, step by step ---- */

/* A PE counts a clipped accumulator one cycle late. */
static void note_acc(const sub_row_t *s, uint64_t cycle, int64_t clipped)
{
    note(s->p, DATAPATH_ACC, cycle + 1, clipped);
}

static int64_t score_by_steps(const sub_row_t *s, int col)
{
    const design_t *d = s->p->d;
    const int16_t *k = tile_of(s->p, s->pass->buffer, K) + col * s->p->elements;
    int drop = d->q.frac + d->k.frac - d->acc.frac;
    int64_t acc = 0;
    for (int e = 0; e < s->pass->d; ++e) {
        int64_t clipped = 0, product = (int64_t)fixed_floor(s->q[e] * k[e], drop);
        acc = fixed_saturate((__int128)acc + product, d->acc.w, &clipped);
        note_acc(s, s->t0 + (uint64_t)(s->row + col + 1 + e), clipped);
    }
    return acc;
}

/* All rows' exponentials under array control are of one cycle. */
static uint64_t exp_cycle(const sub_row_t *s, int col)
{
    const design_t *d = s->p->d;
    if (d->control == CONTROL_TRAVELLING) return s->t0 + (uint64_t)(s->row + col + 1 + s->pass->d);
    return s->t0 + (uint64_t)(s->pass->d + d->rows + d->columns - 1);
}

static void exponentials_by_steps(sub_row_t *s)
{
    const design_t *d = s->p->d;
    for (int i = 0; i < s->n; ++i) {
        int64_t clipped = 0, acc = score_by_steps(s, s->col[i]);
        int64_t x = fixed_saturate((__int128)acc - s->bias, d->acc.w, NULL);
        s->long_y[i] = exp_unit_value(&s->p->exp, x, &clipped);
        note(s->p, DATAPATH_EXP, exp_cycle(s, s->col[i]), clipped);
    }
}

/* Under array control scores move out after the last output, the last slot's first. */
static void sum_by_steps(sub_row_t *s)
{
    const design_t *d = s->p->d;
    bool travelling = d->control == CONTROL_TRAVELLING;
    for (int j = 0; j < s->n; ++j) {
        int i = travelling ? j : s->n - 1 - j;
        int64_t clipped = 0;
        __int128 term = fixed_floor(s->long_y[i], d->score.frac - d->row_sum.frac);
        uint64_t moved = s->out - 1 - (uint64_t)s->slot[i];
        s->sum = fixed_saturate(s->sum + term, d->row_sum.w, &clipped);
        note(s->p, DATAPATH_ROW_SUM, travelling ? exp_cycle(s, s->col[i]) : moved, clipped);
    }
}

static void products_by_steps(sub_row_t *s)
{
    const design_t *d = s->p->d;
    int drop = d->score.frac + d->v.frac - d->out.frac;
    for (int i = 0; i < s->n; ++i) {
        const int16_t *v = tile_of(s->p, s->pass->buffer, V) + s->col[i] * s->p->elements;
        for (int f = 0; f < s->pass->d; ++f) {
            int64_t clipped = 0;
            __int128 product = fixed_floor((__int128)s->long_y[i] * v[f], drop);
            s->long_word[f] = fixed_saturate(s->long_word[f] + product, d->out.w, &clipped);
            note_acc(s, s->tv + (uint64_t)(s->row + s->col[i] + 1 + f), clipped);
        }
    }
}

static void by_steps(sub_row_t *s)
{
    memset(s->long_word, 0, (size_t)s->pass->d * sizeof *s->long_word);
    s->sum = 0;
    exponentials_by_steps(s);
    sum_by_steps(s);
    products_by_steps(s);
}

/* ---- passes, where nothing can be clipped ---- */

VECTORS static int64_t squares(const int16_t *x, int n)
{
    int64_t sum = 0;
    for (int e = 0; e < n; ++e) sum += x[e] * x[e];
    return sum;
}

VECTORS static int32_t largest(const int16_t *x, int n)
{
    int32_t most = 0;
    for (int e = 0; e < n; ++e) {
        int32_t size = x[e] < 0 ? -x[e] : x[e];
        most = size > most ? size : most;
    }
    return most;
}

static void find_bounds(datapath_t *p, int buffer, int d)
{
    const int16_t *k = tile_of(p, buffer, K), *v = tile_of(p, buffer, V);
    if (p->bound[buffer].known && p->bound[buffer].d == d) return;
    p->bound[buffer].known = true;
    p->bound[buffer].d = d;
    p->bound[buffer].k_norm = p->bound[buffer].v_most = 0;
    for (int c = 0; c < p->d->columns; ++c, k += p->elements, v += p->elements) {
        int64_t norm = squares(k, d);
        int32_t most = largest(v, d);
        if (norm > p->bound[buffer].k_norm) p->bound[buffer].k_norm = norm;
        if (most > p->bound[buffer].v_most) p->bound[buffer].v_most = most;
    }
}

static int64_t norm_of(datapath_t *p, int64_t index, int d)
{
    if (p->q_norm[index] < 0) p->q_norm[index] = squares(p->query + index * p->elements, d);
    return p->q_norm[index];
}

/* A query, and what its scores can be: by Cauchy and Schwarz, whichever of its products are summed. */
static void load_query(sub_row_t *s)
{
    datapath_t *p = s->p;
    const design_t *design = p->d;
    const int d = s->pass->d, drop = p->row.drop_k;
    const int16_t *query = p->query + s->index * p->elements;
    s->q = query;
    if (d % DATAPATH_ROW_GROUP) {
        memset(s->padded, 0, sizeof s->padded);
        memcpy(s->padded, query, (size_t)d * sizeof *query);
        s->q = s->padded;
    }
    s->bias = p->bias[s->index] * (INT64_C(1) << (design->acc.frac - design->bias.frac));
    int64_t size = s->bias < 0 ? -s->bias : s->bias, room = fixed_max(design->acc.w) - 2 - d - size;
    double most =
        (double)minimum(INT32_MAX - ((int64_t)d << drop), room * (INT64_C(1) << drop)) * (1 - 1e-9) - 2;
    double norms = (double)norm_of(p, s->index, d) * (double)p->bound[s->pass->buffer].k_norm;
    s->fits = p->row.fits && most > 0 && norms <= most * most;
}

/* Sums of 16 exponentials: as row sums have them, whole, and the largest. */
VECTORS static void sum_exponentials(const int32_t *y, int up, int down, int64_t *rows, int64_t *all,
                                     int32_t *largest)
{
    int64_t row_sum = 0, whole = 0;
    int32_t most = 0;
    for (int i = 0; i < DATAPATH_ROW_KEYS; ++i) {
        row_sum += ((int64_t)y[i] << up) >> down;
        whole += y[i];
        most = y[i] > most ? y[i] : most;
    }
    *rows += row_sum;
    *all += whole;
    *largest = most > *largest ? most : *largest;
}

/* y's sums as row sums, and the largest of all words. */
static bool fits_sums(sub_row_t *s)
{
    const design_t *d = s->p->d;
    int drop = d->score.frac - d->row_sum.frac, drop_v = s->p->row.drop_v;
    int32_t largest = 0;
    int64_t all = 0;
    s->sum = 0;
    for (int i = 0; i < s->n; i += DATAPATH_ROW_KEYS)
        sum_exponentials(s->y + i, drop < 0 ? -drop : 0, drop > 0 ? drop : 0, &s->sum, &all, &largest);
    s->most = ((all * s->p->bound[s->pass->buffer].v_most) >> drop_v) + 1 + s->n;
    return s->sum <= fixed_max(d->row_sum.w) && s->most <= fixed_max(d->out.w) &&
           largest <= datapath_row_most(&s->p->row);
}

/* False: something may be clipped. */
static bool at_once(sub_row_t *s)
{
    datapath_t *p = s->p;
    const int d = s->pass->d, groups = (d + DATAPATH_ROW_GROUP - 1) / DATAPATH_ROW_GROUP;
    const int16_t *k = tile_of(p, s->pass->buffer, K), *v = tile_of(p, s->pass->buffer, V);
    if (!s->fits) return false;
    for (int i = 0; i < s->n; i += DATAPATH_ROW_KEYS) {
        int n = (int)minimum(s->n - i, DATAPATH_ROW_KEYS);
        if (!datapath_row_scores(&p->row, s->q, k, s->col + i, n, d, (int32_t)s->bias, s->y + i))
            return false;
    }
    if (!fits_sums(s)) return false;
    memset(s->word, 0, (size_t)(groups * DATAPATH_ROW_GROUP) * sizeof *s->word);
    for (int i = 0; i < s->n; i += DATAPATH_ROW_KEYS) {
        int n = (int)minimum(s->n - i, DATAPATH_ROW_KEYS);
        datapath_row_words(&p->row, v, s->col + i, n, d, s->y + i, s->word);
    }
    return true;
}

/* ---- accumulate: the row's second stage is two cycles after its word would leave row 0 ---- */

static int64_t *open_query(sub_row_t *s)
{
    datapath_t *p = s->p;
    int64_t *acc = p->acc + s->index * p->d->head_max;
    if (p->started[s->index]) return acc;
    memset(acc, 0, (size_t)p->d->head_max * sizeof *acc);
    p->row_sum[s->index] = 0;
    p->acc_most[s->index] = 0;
    p->started[s->index] = 1;
    return acc;
}

static void add_row_sum(sub_row_t *s)
{
    int64_t clipped = 0, *sum = &s->p->row_sum[s->index];
    *sum = fixed_saturate(*sum + s->sum, s->p->d->row_sum.w, &clipped);
    note(s->p, DATAPATH_ROW_TOTAL, s->out + 2 + (uint64_t)s->row, clipped);
}

static void add_by_steps(sub_row_t *s)
{
    const design_t *d = s->p->d;
    int64_t *acc = open_query(s), clipped = 0;
    int drop = d->out.frac - d->output_sum.frac;
    for (int f = 0; f < s->pass->d; ++f)
        acc[f] = fixed_saturate(acc[f] + fixed_floor(s->long_word[f], drop), d->output_sum.w, &clipped);
    s->p->acc_most[s->index] = fixed_max(d->output_sum.w);
    note(s->p, DATAPATH_OUTPUT_SUM, s->out + 2 + (uint64_t)s->row, clipped);
    add_row_sum(s);
}

VECTORS static void add_words(int64_t *acc, const int32_t *word, int d, int up, int down)
{
    for (int f = 0; f < d; ++f) acc[f] += (int64_t)((uint64_t)word[f] << up) >> down;
}

VECTORS static int64_t largest_sum(const int64_t *acc, int d)
{
    int64_t most = 0;
    for (int f = 0; f < d; ++f) {
        int64_t size = acc[f] < 0 ? -acc[f] : acc[f];
        most = size > most ? size : most;
    }
    return most;
}

static void add_at_once(sub_row_t *s)
{
    const design_t *d = s->p->d;
    int drop = d->out.frac - d->output_sum.frac, up = drop < 0 ? -drop : 0, down = drop > 0 ? drop : 0;
    int64_t *acc = open_query(s), *most = &s->p->acc_most[s->index], most_word = (s->most << up >> down) + 1;
    bool room = up + 32 < 62;
    if (room && *most + most_word > fixed_max(d->output_sum.w)) *most = largest_sum(acc, s->pass->d);
    if (room && *most + most_word <= fixed_max(d->output_sum.w)) {
        add_words(acc, s->word, s->pass->d, up, down);
        *most += most_word;
        add_row_sum(s);
        return;
    }
    for (int f = 0; f < s->pass->d; ++f) s->long_word[f] = s->word[f];
    add_by_steps(s);
}

/* 16 columns: those beyond the last are read, and not used. */
static void widen(const uint8_t *narrow, int32_t *col)
{
    for (int i = 0; i < DATAPATH_ROW_KEYS; ++i) col[i] = narrow[i];
}

void datapath_pass(datapath_t *p, const datapath_pass_t *pass, uint64_t cycle)
{
    const design_t *d = p->d;
    sub_row_t s;
    s.p = p;
    s.pass = pass;
    s.t0 = cycle + 1;
    s.tv = s.t0 + (uint64_t)(pass->d + 1 + pass_control_gap(d));
    s.out = cycle + (uint64_t)last_word_time(d, pass->d);
    s.index = -1;
    find_bounds(p, pass->buffer, pass->d);
    for (s.row = 0; s.row < pass->rows; ++s.row) {
        int64_t index = pass->row[s.row]->index;
        if (index >= queries(d)) continue;
        if (index != s.index) {
            s.index = index;
            load_query(&s);
        }
        s.n = pass->row[s.row]->n;
        s.slot = pass->row[s.row]->slot;
        for (int i = 0; i < s.n; i += DATAPATH_ROW_KEYS) widen(pass->row[s.row]->col + i, s.col + i);
        if (at_once(&s)) {
            add_at_once(&s);
        } else {
            by_steps(&s);
            add_by_steps(&s);
        }
    }
}

void datapath_clear(datapath_t *p, int64_t half)
{
    size_t rows = (size_t)design_group_rows(p->d);
    memset(p->started + (size_t)half * rows, 0, rows);
}

/* ---- division ---- */

/* num / den to the nearest, ties to even, in the output's format. */
static __int128 divide(const design_t *d, int64_t num, int64_t den)
{
    int shift = d->output.frac + d->row_sum.frac - d->output_sum.frac;
    unsigned __int128 n = (unsigned __int128)(num < 0 ? -num : num), by = (unsigned __int128)den;
    if (shift > 0) n <<= shift;
    if (shift < 0) by <<= -shift;
    unsigned __int128 quotient, rest;
    if (n >> 64 || by >> 63) {
        quotient = n / by;
        rest = 2 * (n % by);
    } else {
        quotient = (uint64_t)n / (uint64_t)by;
        rest = 2 * (n - quotient * by);
    }
    if (rest > by || (rest == by && (quotient & 1))) ++quotient;
    return num < 0 ? -(__int128)quotient : (__int128)quotient;
}

/* Quotients below 2^17 in size are exact in doubles: numerators have at most 52 bits, and divisors of 32 keep
   quotients further from whole numbers than a double is from them. Returns how many are clipped. */
VECTORS static int64_t divide_lanes(const int64_t *num, int n, int shift, double den, int64_t most,
                                    int64_t *quot)
{
    int64_t clipped = 0;
    for (int i = 0; i < n; ++i) {
        double size = (double)((num[i] < 0 ? -num[i] : num[i]) << shift), whole = size / den;
        double below = whole < 262144 ? whole : 262144;
        int64_t q = (int64_t)below;
        double rest = 2 * (size - (double)q * den);
        q += (rest > den) | ((rest == den) & (int)(q & 1));
        q = num[i] < 0 ? -q : q;
        int64_t low = q > most ? most : q, value = low < -most - 1 ? -most - 1 : low;
        clipped += value != q;
        quot[i] = value;
    }
    return clipped;
}

static bool divides_in_doubles(const design_t *d, int shift)
{
    return shift >= 0 && d->output_sum.w - 1 + shift <= 52 && d->row_sum.w <= 33 && d->output.w <= 17;
}

void datapath_divide(datapath_t *p, int64_t index, int64_t first, uint64_t cycle, int64_t *quot)
{
    const design_t *d = p->d;
    bool open = index < queries(d) && p->started[index];
    int64_t den = open ? p->row_sum[index] : 0, clipped = 0;
    int shift = d->output.frac + d->row_sum.frac - d->output_sum.frac;
    if (den > 0 && first + d->lanes <= d->head_max && divides_in_doubles(d, shift)) {
        clipped = divide_lanes(p->acc + index * d->head_max + first, d->lanes, shift, (double)den,
                               fixed_max(d->output.w), quot);
    } else {
        for (int lane = 0; lane < d->lanes; ++lane) {
            int64_t element = first + lane,
                    num = open && element < d->head_max ? p->acc[index * d->head_max + element] : 0;
            quot[lane] = den > 0 ? fixed_saturate(divide(d, num, den), d->output.w, &clipped) : 0;
        }
    }
    uint64_t rounded = cycle + (uint64_t)normalise_latency(d) - 1;
    note(p, DATAPATH_OUTPUT, rounded, clipped);
    note(p, DATAPATH_ZERO_ROWS, rounded, den <= 0);
}
