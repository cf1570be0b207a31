/* SPDX-License-Identifier: Apache-2.0 */
#include "predict.h"

#include <stdlib.h>
#include <string.h>

#include "../../model/score_array.h"
#include "../../sim/quantise.h"

static void quantise_rows(host_t *h, const double *rows, int n, int d, double range, double factor,
                          int64_t *words, int64_t *scale)
{
    for (int i = 0; i < n; ++i) {
        size_t at = (size_t)i * (size_t)d;
        quantise_low_row(h->design, rows + at, d, range, factor, words + at, &scale[i],
                         &h->clipped[CLIP_SCALE]);
    }
}

bool predict_open(prediction_t *p, host_t *h, const trace_head_t *head, double threshold)
{
    int64_t ignored = 0;
    *p = (prediction_t){.L = (int)head->L, .M = (int)head->M, .d = (int)head->d, .head = head};
    p->q = calloc(head->L * head->d, sizeof *p->q);
    p->k = calloc(head->M * head->d, sizeof *p->k);
    p->row_scale = calloc(head->L, sizeof *p->row_scale);
    p->col_scale = calloc(head->M, sizeof *p->col_scale);
    if (!p->q || !p->k || !p->row_scale || !p->col_scale) {
        predict_close(p);
        return false;
    }
    double t_q = head->quant_q > 0 ? head->quant_q : quantise_range(head->q, p->L, p->d);
    double t_k = head->quant_k > 0 ? head->quant_k : quantise_range(head->k, p->M, p->d);
    quantise_rows(h, head->q, p->L, p->d, t_q, head->scaling, p->q, p->row_scale);
    quantise_rows(h, head->k, p->M, p->d, t_k, 1, p->k, p->col_scale);
    p->threshold = quantise_value(threshold, h->design->threshold, false, &ignored);
    return true;
}

void predict_close(prediction_t *p)
{
    int64_t *all[] = {p->q, p->k, p->row_scale, p->col_scale};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) free(all[i]);
    *p = (prediction_t){0};
}

/* A strip at work. */
typedef struct {
    prediction_t *p;
    host_t *h;
    int first, rows, columns;
    int64_t *scaled, *exp; /* rows x M: the strip's buffer */
} strip_t;

static bool allowed(const strip_t *s, int row, int key)
{
    int query = s->first + row;
    return query < s->p->L && key < s->p->M && trace_allowed(s->p->head, (size_t)query, (size_t)key);
}

static void feed(strip_t *s, const char *name, const int64_t *words, int first, int n, int streams, int e)
{
    int d = s->p->d;
    for (int i = 0; i < streams; ++i) {
        int at = e - i;
        bool in = at >= 0 && at < d && first + i < n;
        host_set(s->h, HOST_SCORE_ARRAY, name, (size_t)i,
                 in ? words[(size_t)(first + i) * (size_t)d + (size_t)at] : 0);
    }
}

static bool control(strip_t *s, int64_t pe_state, int64_t row_state)
{
    host_set(s->h, HOST_SCORE_ARRAY, "pe_state", 0, pe_state);
    host_set(s->h, HOST_SCORE_ARRAY, "row_state", 0, row_state);
    return host_settle(s->h, HOST_SCORE_ARRAY);
}

static bool calculate_tile(strip_t *s, int key)
{
    int cycles = s->p->d + s->rows + s->columns - 1;
    if (!control(s, SCORE_CLEAR, ROW_IDLE) || !host_edge(s->h, HOST_SCORE_ARRAY)) return false;
    for (int t = 0; t < cycles; ++t) {
        feed(s, "left", s->p->q, s->first, s->p->L, s->rows, t);
        feed(s, "top", s->p->k, key, s->p->M, s->columns, t);
        if (!control(s, SCORE_CALC, ROW_IDLE) || !host_edge(s->h, HOST_SCORE_ARRAY)) return false;
    }
    return true;
}

static void set_drain(strip_t *s, int key)
{
    bool in = key >= 0 && key < s->p->M;
    host_set(s->h, HOST_SCORE_ARRAY, "col_scale", 0, in ? s->p->col_scale[key] : 0);
    for (int i = 0; i < s->rows; ++i) {
        host_set(s->h, HOST_SCORE_ARRAY, "allowed", (size_t)i, key >= 0 && allowed(s, i, key));
    }
}

/* Column c is scaled in move cycle columns-1-c, shows in the next and enters the maximum at that one's edge.
 */
static bool drain_tile(strip_t *s, int key)
{
    for (int m = 0; m <= s->columns; ++m) {
        int now = key + s->columns - 1 - m;
        set_drain(s, m < s->columns ? now : -1);
        if (!control(s, SCORE_MOVE, m ? ROW_MAX : ROW_IDLE)) return false;
        for (int i = 0; m && now + 1 < s->p->M && i < s->rows; ++i) {
            s->scaled[(size_t)i * (size_t)s->p->M + (size_t)(now + 1)] =
                host_get(s->h, HOST_SCORE_ARRAY, "scaled", (size_t)i);
        }
        if (!host_edge(s->h, HOST_SCORE_ARRAY)) return false;
    }
    return true;
}

/* Exponentials of all keys; a key's comes out a cycle after it goes in, and is summed at that cycle's edge.
 */
static bool exponentiate(strip_t *s)
{
    int M = s->p->M;
    for (int key = 0; key <= M; ++key) {
        for (int i = 0; i < s->rows; ++i) {
            bool in = key < M && allowed(s, i, key);
            host_set(s->h, HOST_SCORE_ARRAY, "strip", (size_t)i,
                     in ? s->scaled[(size_t)i * (size_t)M + (size_t)key] : 0);
            host_set(s->h, HOST_SCORE_ARRAY, "strip_allowed", (size_t)i, in);
        }
        if (!control(s, SCORE_IDLE, key ? ROW_SUM : ROW_IDLE)) return false;
        for (int i = 0; key && i < s->rows; ++i) {
            s->exp[(size_t)i * (size_t)M + (size_t)(key - 1)] =
                host_get(s->h, HOST_SCORE_ARRAY, "score", (size_t)i);
        }
        if (!host_edge(s->h, HOST_SCORE_ARRAY)) return false;
    }
    return host_settle(s->h, HOST_SCORE_ARRAY); /* the last sum shows */
}

static void collect_bits(strip_t *s, int key, uint8_t *mask)
{
    for (int i = 0; i < s->rows && s->first + i < s->p->L; ++i) {
        mask[(size_t)(s->first + i) * (size_t)s->p->M + (size_t)key] =
            host_get(s->h, HOST_BINARISE, "keep", (size_t)i) != 0;
    }
}

static bool threshold(strip_t *s, uint8_t *mask)
{
    int M = s->p->M;
    host_set(s->h, HOST_BINARISE, "threshold", 0, s->p->threshold);
    for (int i = 0; i < s->rows; ++i) {
        host_set(s->h, HOST_BINARISE, "sum", (size_t)i, host_get(s->h, HOST_SCORE_ARRAY, "sum", (size_t)i));
    }
    for (int key = -1; key <= M; ++key) { /* one cycle clears `any`, the last one shows the last bits */
        host_set(s->h, HOST_BINARISE, "clear", 0, key < 0);
        for (int i = 0; i < s->rows; ++i) {
            bool in = key >= 0 && key < M && allowed(s, i, key);
            host_set(s->h, HOST_BINARISE, "exp", (size_t)i,
                     in ? s->exp[(size_t)i * (size_t)M + (size_t)key] : 0);
            host_set(s->h, HOST_BINARISE, "allowed", (size_t)i, in);
        }
        if (!host_settle(s->h, HOST_BINARISE)) return false;
        if (key > 0) collect_bits(s, key - 1, mask);
        if (!host_edge(s->h, HOST_BINARISE)) return false;
    }
    return true;
}

/* The first key with the largest predicted score, among those allowed; -1: none is. */
static int best_key(const strip_t *s, int row)
{
    int best = -1;
    for (int key = 0; key < s->p->M; ++key) {
        const int64_t *scaled = s->scaled + (size_t)row * (size_t)s->p->M;
        if (allowed(s, row, key) && (best < 0 || scaled[key] > scaled[best])) best = key;
    }
    return best;
}

static void apply_empty_row(strip_t *s, trace_empty_row_t policy, uint8_t *mask)
{
    for (int i = 0; i < s->rows && s->first + i < s->p->L; ++i) {
        uint8_t *row = mask + (size_t)(s->first + i) * (size_t)s->p->M;
        if (host_get(s->h, HOST_BINARISE, "any", (size_t)i)) continue;
        int best = policy == TRACE_EMPTY_ROW_TOP1 ? best_key(s, i) : -1;
        for (int key = 0; key < s->p->M; ++key) {
            row[key] = policy == TRACE_EMPTY_ROW_DENSE ? allowed(s, i, key) : key == best;
        }
    }
}

/* The rows' biases; one whose maximum is beyond the bias format counts as clipped. */
static void take_biases(strip_t *s, int64_t *bias)
{
    const design_t *d = s->h->design;
    for (int i = 0; i < s->rows; ++i) {
        bias[i] = host_get(s->h, HOST_SCORE_ARRAY, "bias", (size_t)i);
        bool used = s->first + i < s->p->L && best_key(s, i) >= 0;
        int64_t floored =
            host_get(s->h, HOST_SCORE_ARRAY, "max", (size_t)i) >> (d->scaled.frac - d->bias.frac);
        s->h->clipped[CLIP_BIAS] += used && floored != bias[i];
    }
}

static bool run_strip(strip_t *s, trace_empty_row_t empty_row, int64_t *bias, uint8_t *mask)
{
    for (int i = 0; i < s->rows; ++i) {
        int query = s->first + i;
        host_set(s->h, HOST_SCORE_ARRAY, "row_scale", (size_t)i,
                 query < s->p->L ? s->p->row_scale[query] : 0);
    }
    if (!control(s, SCORE_IDLE, ROW_CLEAR) || !host_edge(s->h, HOST_SCORE_ARRAY)) return false;
    for (int key = 0; key < s->p->M; key += s->columns) {
        if (!calculate_tile(s, key) || !drain_tile(s, key)) return false;
    }
    if (!exponentiate(s)) return false;
    take_biases(s, bias);
    if (!threshold(s, mask)) return false;
    apply_empty_row(s, empty_row, mask);
    return true;
}

bool predict_strip(prediction_t *p, host_t *h, int first, trace_empty_row_t empty_row, int64_t *bias,
                   uint8_t *mask)
{
    size_t words = (size_t)h->design->rows * (size_t)p->M;
    strip_t s = {.p = p, .h = h, .first = first, .rows = h->design->rows, .columns = h->design->columns};
    s.scaled = calloc(words, sizeof *s.scaled);
    s.exp = calloc(words, sizeof *s.exp);
    bool ok = s.scaled && s.exp && run_strip(&s, empty_row, bias, mask);
    free(s.scaled);
    free(s.exp);
    return ok;
}
