/* SPDX-License-Identifier: Apache-2.0 */
#include "attend.h"

#include <stdlib.h>
#include <string.h>

#include "../../model/normalise.h"
#include "../../model/split.h"
#include "../../sim/pass.h"
#include "../../sim/quantise.h"

static int64_t *quantise(host_t *h, const double *words, size_t n, double factor, format_t f, clip_t kind)
{
    int64_t *out = calloc(n, sizeof *out);
    for (size_t i = 0; out && i < n; ++i)
        out[i] = quantise_value(words[i] * factor, f, true, &h->clipped[kind]);
    return out;
}

bool attend_open(attention_t *a, host_t *h, const trace_head_t *head)
{
    const design_t *d = h->design;
    *a = (attention_t){.L = (int)head->L, .M = (int)head->M, .d = (int)head->d};
    a->q = quantise(h, head->q, head->L * head->d, head->scaling, d->q, CLIP_Q);
    a->k = quantise(h, head->k, head->M * head->d, 1, d->k, CLIP_K);
    a->v = quantise(h, head->v, head->M * head->d, 1, d->v, CLIP_V);
    if (a->q && a->k && a->v) return true;
    attend_close(a);
    return false;
}

void attend_close(attention_t *a)
{
    free(a->q);
    free(a->k);
    free(a->v);
    *a = (attention_t){0};
}

/* A strip at work. Arrays of a pass are `rows` deep; accumulators are per query row of the strip. */
typedef struct {
    attention_t *a;
    host_t *h;
    int first;
    const int64_t *bias;
    const uint8_t *mask;
    int64_t *k, *v;                    /* columns x d: the key tile, zero beyond the last key */
    int64_t *q, *column, *active, *c4; /* of the pass that is gathered */
    int64_t *pass_bias, *pass_out;
    int *owner; /* strip row of each array row */
    int gathered;
    int64_t *output, *sum; /* rows x d in output_sum, rows in row_sum */
} strip_t;

/* ---- one pass ---- */

static int64_t align(int64_t value, int from, int to)
{
    return (int64_t)fixed_floor(value, from - to);
}

static void accumulate(strip_t *s, const block_t *array)
{
    const design_t *d = s->h->design;
    int head = s->a->d;
    for (int i = 0; i < s->gathered; ++i) {
        int row = s->owner[i];
        int64_t *sum = &s->sum[row], score_sum = pass_sum(array, i);
        *sum = fixed_saturate((__int128)*sum + score_sum, d->row_sum.w, &s->h->clipped[CLIP_ROW_SUM]);
        for (int f = 0; f < head; ++f) {
            int64_t *to = &s->output[row * head + f];
            int64_t word = align(s->pass_out[i * head + f], d->out.frac, d->output_sum.frac);
            *to = fixed_saturate((__int128)*to + word, d->output_sum.w, &s->h->clipped[CLIP_OUTPUT_SUM]);
        }
    }
}

static void clear_row(strip_t *s, int i)
{
    const design_t *d = s->h->design;
    memset(s->q + (size_t)i * (size_t)s->a->d, 0, (size_t)s->a->d * sizeof *s->q);
    for (int k = 0; k < d->pes; ++k)
        s->column[i * d->pes + k] = s->active[i * d->pes + k] = s->c4[i * d->pes + k] = 0;
    s->pass_bias[i] = 0;
}

static bool run_pass(strip_t *s)
{
    const design_t *d = s->h->design;
    if (!s->gathered) return true;
    for (int i = s->gathered; i < d->rows; ++i) clear_row(s, i);
    const pass_t pass = {d, s->a->d, s->q, s->k, s->v, s->column, s->active, s->c4, s->pass_bias};
    int cycles = pass_cycles(&pass);
    block_t *array = lockstep_model(s->h->unit[HOST_PE_ARRAY]);
    for (int t = 0; t < cycles; ++t) {
        pass_drive(&pass, array, t);
        if (!host_settle(s->h, HOST_PE_ARRAY)) return false;
        pass_collect(&pass, array, t, s->pass_out);
        if (!host_edge(s->h, HOST_PE_ARRAY)) return false;
    }
    lockstep_show(s->h->unit[HOST_PE_ARRAY]);
    accumulate(s, array);
    ++s->a->passes;
    s->gathered = 0;
    return true;
}

/* ---- mask rows to sub-rows ---- */

static void take_sub_row(strip_t *s, int row)
{
    const design_t *d = s->h->design;
    int i = s->gathered++;
    int head = s->a->d;
    s->owner[i] = row;
    s->pass_bias[i] = s->bias[row];
    memcpy(s->q + i * head, s->a->q + (size_t)(s->first + row) * (size_t)head, (size_t)head * sizeof *s->q);
    for (int k = 0; k < d->pes; ++k) {
        s->active[i * d->pes + k] = host_get(s->h, HOST_SPLIT, "mode", (size_t)k) == SPLIT_ACTIVE;
        s->column[i * d->pes + k] = host_get(s->h, HOST_SPLIT, "col", (size_t)k);
        s->c4[i * d->pes + k] = host_get(s->h, HOST_SPLIT, "c4", (size_t)k);
        s->a->non_zeros += s->active[i * d->pes + k];
    }
    ++s->a->sub_rows;
}

/* Offers mask row `row` of the tile at `key`, or nothing when row < 0. */
static void offer(strip_t *s, int row, int key)
{
    const design_t *d = s->h->design;
    host_set(s->h, HOST_SPLIT, "valid", 0, row >= 0);
    host_set(s->h, HOST_SPLIT, "row", 0, row >= 0 ? row : 0);
    for (int c = 0; c < d->columns; ++c) {
        bool in = row >= 0 && key + c < s->a->M;
        const uint8_t *bits = s->mask + (size_t)(s->first + (row >= 0 ? row : 0)) * (size_t)s->a->M;
        host_set(s->h, HOST_SPLIT, "mask", (size_t)c, in ? bits[key + c] : 0);
    }
}

/* One cycle of split while `rows` mask rows are offered in turn; a full pass is run at once. *busy: a row was
   loaded or a sub-row shown. */
static bool split_cycle(strip_t *s, int *next, int rows, int key, bool *busy)
{
    offer(s, *next < rows ? *next : -1, key);
    host_set(s->h, HOST_SPLIT, "take", 0, 1);
    if (!host_settle(s->h, HOST_SPLIT)) return false;
    bool loads = *next < rows && host_get(s->h, HOST_SPLIT, "ready", 0);
    bool have = host_get(s->h, HOST_SPLIT, "have", 0) != 0;
    if (have) take_sub_row(s, (int)host_get(s->h, HOST_SPLIT, "sub_row", 0));
    *next += loads;
    *busy = loads || have;
    return host_edge(s->h, HOST_SPLIT) && (s->gathered < s->h->design->rows || run_pass(s));
}

static bool attend_tile(strip_t *s, int key, int rows)
{
    const design_t *d = s->h->design;
    size_t head = (size_t)s->a->d;
    for (int c = 0; c < d->columns; ++c) {
        bool in = key + c < s->a->M;
        for (size_t e = 0; e < head; ++e) {
            s->k[(size_t)c * head + e] = in ? s->a->k[(size_t)(key + c) * head + e] : 0;
            s->v[(size_t)c * head + e] = in ? s->a->v[(size_t)(key + c) * head + e] : 0;
        }
    }
    int next = 0;
    for (bool busy = true; busy || next < rows;) {
        if (!split_cycle(s, &next, rows, key, &busy)) return false;
    }
    return run_pass(s);
}

/* ---- the division ---- */

static void offer_division(strip_t *s, int set, int sets, int rows)
{
    const design_t *d = s->h->design;
    int row = set / sets, first = set % sets * d->lanes;
    bool in = row < rows;
    host_set(s->h, HOST_NORMALISE, "valid", 0, in);
    host_set(s->h, HOST_NORMALISE, "den", 0, in ? s->sum[row] : 0);
    for (int lane = 0; lane < d->lanes; ++lane) {
        bool word = in && first + lane < s->a->d;
        host_set(s->h, HOST_NORMALISE, "num", (size_t)lane,
                 word ? s->output[row * s->a->d + first + lane] : 0);
    }
}

static void collect_division(strip_t *s, int set, int sets, int64_t *out)
{
    const design_t *d = s->h->design;
    int row = s->first + set / sets, first = set % sets * d->lanes;
    for (int lane = 0; lane < d->lanes && first + lane < s->a->d; ++lane) {
        out[(size_t)row * (size_t)s->a->d + (size_t)(first + lane)] =
            host_get(s->h, HOST_NORMALISE, "quot", (size_t)lane);
    }
}

static bool normalise_strip(strip_t *s, int rows, int64_t *out)
{
    const design_t *d = s->h->design;
    int sets = (s->a->d + d->lanes - 1) / d->lanes, total = sets * rows, latency = normalise_latency(d);
    for (int t = 0; t < total + latency; ++t) {
        offer_division(s, t, sets, rows);
        if (!host_settle(s->h, HOST_NORMALISE)) return false;
        if (t >= latency) collect_division(s, t - latency, sets, out);
        if (!host_edge(s->h, HOST_NORMALISE)) return false;
    }
    return true;
}

static int64_t *words(int a, int b)
{
    return calloc((size_t)a * (size_t)b, sizeof(int64_t));
}

bool attend_strip(attention_t *a, host_t *h, int first, const int64_t *bias, const uint8_t *mask,
                  int64_t *out)
{
    const design_t *d = h->design;
    int rows = a->L - first < d->rows ? a->L - first : d->rows;
    strip_t s = {.a = a, .h = h, .first = first, .bias = bias, .mask = mask};
    int64_t **arrays[] = {&s.k,  &s.v,         &s.q,        &s.column, &s.active,
                          &s.c4, &s.pass_bias, &s.pass_out, &s.output, &s.sum};
    const int size[][2] = {{d->columns, a->d}, {d->columns, a->d}, {d->rows, a->d}, {d->rows, d->pes},
                           {d->rows, d->pes},  {d->rows, d->pes},  {d->rows, 1},    {d->rows, a->d},
                           {d->rows, a->d},    {d->rows, 1}};
    enum { ARRAYS = sizeof arrays / sizeof *arrays };
    bool ok = (s.owner = calloc((size_t)d->rows, sizeof *s.owner)) != NULL;
    for (int i = 0; i < ARRAYS; ++i) ok = (*arrays[i] = words(size[i][0], size[i][1])) != NULL && ok;
    for (int key = 0; key < a->M && ok; key += d->columns) ok = attend_tile(&s, key, rows);
    ok = ok && normalise_strip(&s, rows, out);
    for (int i = 0; i < ARRAYS; ++i) free(*arrays[i]);
    free(s.owner);
    return ok;
}
