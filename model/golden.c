/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"
#include "golden_private.h"

#include <stdlib.h>
#include <string.h>

const char *const golden_clip_names[GOLDEN_CLIPS] = {"score_acc",  "scaled",    "score_exp", "score_sum",
                                                     "bias",       "acc",       "exp",       "row_sum",
                                                     "output_sum", "row_total", "output"};

golden_t *golden_open(const design_t *d)
{
    golden_t *g = calloc(1, sizeof *g);
    if (!g) return NULL;
    g->d = d;
    exp_unit_of_pe(&g->exp, d);
    exp_unit_of_score_array(&g->score_exp, d);
    g->scaled = calloc((size_t)d->keys_max, sizeof *g->scaled);
    g->predicted = calloc((size_t)d->keys_max, sizeof *g->predicted);
    g->allowed = calloc((size_t)d->keys_max, sizeof *g->allowed);
    if (g->scaled && g->predicted && g->allowed) return g;
    golden_close(g);
    return NULL;
}

void golden_close(golden_t *g)
{
    if (!g) return;
    free(g->scaled);
    free(g->predicted);
    free(g->allowed);
    free(g);
}

int golden_keys(const design_t *d, const golden_head_t *h, int i)
{
    int group_rows = d->strips * d->rows, after = (i / group_rows + 1) * group_rows;
    if (after > h->L) after = h->L;
    return h->causal && after < h->M ? after : h->M;
}

/* A query at work. */
typedef struct {
    golden_t *g;
    const golden_head_t *h;
    golden_count_t *count;
    int query, keys;
    int best;     /* key of the largest predicted score, 0 when nothing is allowed */
    int64_t bias; /* of the main pass */
} row_t;

static int64_t clip(const row_t *r, golden_clip_t kind, __int128 x, int w)
{
    int64_t most = (INT64_C(1) << (w - 1)) - 1;
    if (x >= -most - 1 && x <= most) return (int64_t)x;
    ++r->count->clipped[kind];
    return x < 0 ? -most - 1 : most;
}

/* x * 2^(to - from), rounded down. */
static __int128 rescale(int64_t x, int from, int to)
{
    return from >= to ? x >> (from - to) : x * ((__int128)1 << (to - from));
}

/* ---- prediction ---- */

/* Clipping matters only where the terms' sizes could reach the end. */
static int64_t low_bit_sum(const row_t *r, const int8_t *a, const int8_t *b)
{
    const int d = r->h->d, w = r->g->d->score_acc_w;
    int32_t sum = 0, size = 0;
    for (int e = 0; e < d; ++e) {
        int32_t product = a[e] * b[e];
        sum += product;
        size += product < 0 ? -product : product;
    }
    if (size < INT64_C(1) << (w - 1)) return sum;
    int64_t s = 0;
    for (int e = 0; e < d; ++e) s = clip(r, GOLDEN_SCORE_ACC, s + a[e] * b[e], w);
    return s;
}

static void predict_scores(row_t *r)
{
    const golden_head_t *h = r->h;
    const design_t *d = r->g->d;
    const size_t size = (size_t)h->d;
    const int8_t *q = h->q_low + (size_t)r->query * size;
    for (int key = 0; key < r->keys; ++key) {
        bool allowed = h->q_valid[r->query] && h->k_valid[key] && (!h->causal || key <= r->query);
        int64_t sum = low_bit_sum(r, q, h->k_low + (size_t)key * size);
        r->g->allowed[key] = allowed;
        if (!allowed) continue;
        int64_t product = sum * h->q_scale[r->query] * h->k_scale[key]; /* at most 63 bits: design_check */
        r->g->scaled[key] =
            clip(r, GOLDEN_SCALED, rescale(product, 2 * d->scale.frac, d->scaled.frac), d->scaled.w);
    }
}

/* The first allowed key with the largest score; -1: none is allowed. */
static int best_key(const row_t *r)
{
    int best = -1;
    for (int key = 0; key < r->keys; ++key) {
        if (r->g->allowed[key] && (best < 0 || r->g->scaled[key] > r->g->scaled[best])) best = key;
    }
    return best;
}

/* Exponentials of the scores less their maximum, which is cut to the bias format first. */
static void predict_exponentials(row_t *r, int64_t max)
{
    const design_t *d = r->g->d;
    int64_t bias = fixed_saturate(rescale(max, d->scaled.frac, d->bias.frac), d->bias.w, NULL);
    __int128 floored = rescale(bias, d->bias.frac, d->scaled.frac);
    for (int key = 0; key < r->keys; ++key) {
        r->g->predicted[key] = 0;
        if (!r->g->allowed[key]) continue;
        int64_t x = fixed_saturate(r->g->scaled[key] - floored, d->scaled.w, NULL);
        r->g->predicted[key] = exp_unit_value(&r->g->score_exp, x, &r->count->clipped[GOLDEN_SCORE_EXP]);
    }
}

static int64_t predicted_sum(const row_t *r)
{
    const design_t *d = r->g->d;
    int64_t sum = 0;
    for (int key = 0; key < r->keys; ++key) {
        __int128 term = rescale(r->g->predicted[key], d->score_exp.frac, d->score_sum.frac);
        sum = clip(r, GOLDEN_SCORE_SUM, sum + term, d->score_sum.w);
    }
    return sum;
}

/* exp > T * sum, exactly. */
static bool above(const design_t *d, int64_t exp, int64_t T, int64_t sum)
{
    int left = d->threshold.frac + d->score_sum.frac, right = d->score_exp.frac;
    __int128 a = exp, b = (__int128)T * sum;
    if (left > right) a *= (__int128)1 << (left - right);
    if (right > left) b *= (__int128)1 << (right - left);
    return a > b;
}

static void apply_threshold(const row_t *r, int64_t sum, uint8_t *mask)
{
    int kept = 0;
    for (int key = 0; key < r->keys; ++key) {
        mask[key] = r->g->allowed[key] && above(r->g->d, r->g->predicted[key], r->h->threshold, sum);
        kept += mask[key];
    }
    for (int key = 0; key < r->keys && !kept; ++key) {
        bool keep = r->h->policy == 1 || (r->h->policy == 2 && key == r->best);
        mask[key] = keep && r->g->allowed[key];
    }
}

static void predict(row_t *r, uint8_t *mask)
{
    const golden_head_t *h = r->h;
    predict_scores(r);
    int best = best_key(r);
    r->best = best < 0 ? 0 : best;
    memset(mask, 0, (size_t)h->M);
    if (best >= 0) {
        predict_exponentials(r, r->g->scaled[best]);
        apply_threshold(r, predicted_sum(r), mask);
    }
    if (h->external) memcpy(mask, h->mask + (size_t)r->query * (size_t)h->M, (size_t)r->keys);
}

/* The exact score at the predicted maximum, floored. */
static int64_t exact_bias(const row_t *r)
{
    const design_t *d = r->g->d;
    const size_t size = (size_t)r->h->d;
    const int16_t *q = r->h->q + (size_t)r->query * size, *k = r->h->k + (size_t)r->best * size;
    int64_t sum = 0;
    for (size_t e = 0; e < size; ++e) sum += (int32_t)q[e] * k[e];
    return clip(r, GOLDEN_BIAS, rescale(sum, d->q.frac + d->k.frac, d->bias.frac), d->bias.w);
}

/* ---- the main pass ---- */

static int64_t score(const row_t *r, int key)
{
    const design_t *d = r->g->d;
    const int n = r->h->d, drop = d->q.frac + d->k.frac - d->acc.frac, shift = drop < 31 ? drop : 31;
    const int16_t *q = r->h->q + (size_t)r->query * (size_t)n, *k = r->h->k + (size_t)key * (size_t)n;
    int64_t sum = 0, size = 0;
    for (int e = 0; e < n; ++e) {
        int32_t product = (q[e] * k[e]) >> shift;
        sum += product;
        size += product < 0 ? -(int64_t)product : product;
    }
    if (size < INT64_C(1) << (d->acc.w - 1)) return sum;
    int64_t s = 0;
    for (int e = 0; e < n; ++e) s = clip(r, GOLDEN_ACC, s + ((q[e] * k[e]) >> shift), d->acc.w);
    return s;
}

static int64_t exponential(const row_t *r, int64_t acc)
{
    const design_t *d = r->g->d;
    int64_t x = fixed_saturate(acc - rescale(r->bias, d->bias.frac, d->acc.frac), d->acc.w, NULL);
    return exp_unit_value(&r->g->exp, x, &r->count->clipped[GOLDEN_EXP]);
}

/* The partial sums on their way through one PE. */
static void add_products(const row_t *r, int64_t y, const int16_t *v, int64_t *word)
{
    const design_t *d = r->g->d;
    const int n = r->h->d, drop = d->score.frac + d->v.frac - d->out.frac, shift = drop < 63 ? drop : 63;
    const int64_t most = fixed_max(d->out.w), least = -most - 1;
    int64_t clipped = 0;
    for (int f = 0; f < n; ++f) {
        int64_t sum = word[f] + ((y * v[f]) >> shift);
        clipped += (sum > most) + (sum < least);
        sum = sum > most ? most : sum;
        word[f] = sum < least ? least : sum;
    }
    r->count->clipped[GOLDEN_ACC] += clipped;
}

/* A query's accumulators over its sub-rows. */
typedef struct {
    int64_t word[128], sum;
} sums_t;

static void add_sub_row(const row_t *r, const int *keys, int n, sums_t *total)
{
    const design_t *d = r->g->d;
    int64_t word[128] = {0}, sum = 0;
    for (int i = 0; i < n; ++i) {
        int64_t y = exponential(r, score(r, keys[i]));
        sum = clip(r, GOLDEN_ROW_SUM, sum + rescale(y, d->score.frac, d->row_sum.frac), d->row_sum.w);
        add_products(r, y, r->h->v + (size_t)keys[i] * (size_t)r->h->d, word);
    }
    total->sum = clip(r, GOLDEN_ROW_TOTAL, (__int128)total->sum + sum, d->row_sum.w);
    for (int f = 0; f < r->h->d; ++f) {
        __int128 all = total->word[f] + rescale(word[f], d->out.frac, d->output_sum.frac);
        total->word[f] = clip(r, GOLDEN_OUTPUT_SUM, all, d->output_sum.w);
    }
}

int golden_split(const design_t *d, int kept, int part, int *from, int *step)
{
    int parts = (kept + d->pes - 1) / d->pes;
    bool interleaved = d->split_policy == SPLIT_INTERLEAVED;
    *from = interleaved ? part : part * d->pes;
    *step = interleaved ? parts : 1;
    int n = (kept - *from + *step - 1) / *step;
    return n < d->pes ? n : d->pes;
}

static void add_tile(const row_t *r, int first, const uint8_t *mask, sums_t *total)
{
    const design_t *d = r->g->d;
    int all[SPLIT_COLUMNS_MAX], kept = 0;
    for (int key = first; key < first + d->columns && key < r->keys; ++key) {
        if (mask[key]) all[kept++] = key;
    }
    for (int part = 0; part * d->pes < kept; ++part) {
        int keys[SPLIT_COLUMNS_MAX], from, step, n = golden_split(d, kept, part, &from, &step);
        for (int i = 0; i < n; ++i) keys[i] = all[from + i * step];
        add_sub_row(r, keys, n, total);
    }
}

/* num / den in the output's format, to the nearest, ties to even. */
static __int128 divide(const design_t *d, int64_t num, int64_t den)
{
    int shift = d->output.frac + d->row_sum.frac - d->output_sum.frac;
    __int128 n = num < 0 ? -(__int128)num : num, by = den;
    if (shift > 0) n <<= shift;
    if (shift < 0) by <<= -shift;
    __int128 quotient = n / by, rest = 2 * (n % by);
    if (rest > by || (rest == by && (quotient & 1))) ++quotient;
    return num < 0 ? -quotient : quotient;
}

static void divide_row(const row_t *r, const sums_t *total, int16_t *out)
{
    const design_t *d = r->g->d;
    r->count->zero_rows += total->sum <= 0;
    for (int f = 0; f < r->h->d; ++f) {
        __int128 word = total->sum > 0 ? divide(d, total->word[f], total->sum) : 0;
        out[f] = (int16_t)clip(r, GOLDEN_OUTPUT, word, d->output.w);
    }
}

void golden_head(golden_t *g, const golden_head_t *h, int16_t *out, uint8_t *mask, int32_t *bias,
                 golden_count_t *count)
{
    row_t r = {.g = g, .h = h, .count = count};
    for (r.query = 0; r.query < h->L; ++r.query, out += h->d, mask += h->M) {
        sums_t total = {{0}, 0};
        r.keys = golden_keys(g->d, h, r.query);
        predict(&r, mask);
        r.bias = exact_bias(&r);
        bias[r.query] = (int32_t)r.bias;
        for (int first = 0; first < r.keys; first += g->d->columns) add_tile(&r, first, mask, &total);
        divide_row(&r, &total, out);
    }
}
