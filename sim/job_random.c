/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

#include <math.h>
#include <stdlib.h>

#include "quantise.h"

/* How a head's numbers are drawn. */
typedef enum { REAL, WIDE, NARROW, STYLES } style_t;

static double uniform(random_t *r)
{
    return ldexp((double)(random_bits(r) >> 11), -53);
}

/* About normal, of deviation 1. */
static double normal(random_t *r)
{
    return (uniform(r) + uniform(r) + uniform(r) + uniform(r) - 2) * sqrt(3);
}

/* 1 .. most, often an end, a size of the array or of a group, or one beside it. */
static int random_size(random_t *r, const design_t *d, int most)
{
    const int edges[] = {1, most, d->rows, d->columns, design_group_rows(d), 2 * design_group_rows(d)};
    int n = random_one_in(r, 6) ? most : 1 + (int)random_below(r, most);
    if (random_one_in(r, 3)) n = edges[random_below(r, 6)] - 1 + (int)random_below(r, 3);
    return n < 1 ? 1 : n > most ? most : n;
}

static int random_most(random_t *r, int most)
{
    return random_one_in(r, 3) ? most : 1 + (int)random_below(r, most);
}

static int64_t random_word(random_t *r, int w, style_t style)
{
    if (style == NARROW) return random_below(r, 3) - 1;
    if (random_one_in(r, 16)) return random_one_in(r, 2) ? fixed_max(w) : fixed_min(w);
    return fixed_wrap((int64_t)random_bits(r), w);
}

/* Rows of real numbers, quantised as a trace's. `size` is their deviation. */
static void real_rows(const design_t *design, random_t *r, int n, int d, double size, format_t f,
                      int16_t *words, int8_t *low, uint16_t *scale)
{
    int64_t ignored = 0, low_words[128], low_scale = 0;
    double row[128];
    for (int i = 0; i < n; ++i, words += d) {
        for (int e = 0; e < d; ++e) {
            row[e] = size * normal(r);
            words[e] = (int16_t)quantise_value(row[e], f, true, &ignored);
        }
        if (!low) continue;
        quantise_low_row(design, row, d, 1, 1, low_words, &low_scale, &ignored);
        for (int e = 0; e < d; ++e) *low++ = (int8_t)low_words[e];
        *scale++ = (uint16_t)low_scale;
    }
}

static void wide_rows(const design_t *design, random_t *r, int n, int d, style_t style, format_t f,
                      int16_t *words, int8_t *low, uint16_t *scale)
{
    for (int i = 0; i < n * d; ++i) words[i] = (int16_t)random_word(r, f.w, style);
    if (!low) return;
    int bits = design->scale.w - (int)random_below(r, design->scale.w);
    for (int i = 0; i < n * d; ++i) low[i] = (int8_t)random_word(r, design->operand_w, style);
    for (int i = 0; i < n; ++i) scale[i] = (uint16_t)fixed_low(random_bits(r), bits);
}

static void random_rows(const design_t *design, random_t *r, int n, int d, style_t style, double size,
                        format_t f, int16_t *words, int8_t *low, uint16_t *scale)
{
    if (style == REAL)
        real_rows(design, r, n, d, size, f, words, low, scale);
    else
        wide_rows(design, r, n, d, style, f, words, low, scale);
}

/* All, some, a tail or none of n are padding. */
static void random_valid(random_t *r, uint8_t *valid, int n)
{
    int kind = (int)random_below(r, 8), end = (int)random_below(r, n + 1);
    for (int i = 0; i < n; ++i) valid[i] = kind == 0 ? random_below(r, 4) > 0 : kind == 1 ? i < end : 1;
}

/* Mask bits of a head; a host asks for allowed ones only, and the machine takes what it gets. */
static void random_mask(job_t *j, random_t *r, size_t query, size_t key)
{
    int of = 1 + (int)random_below(r, 8), all = (int)random_below(r, of + 1);
    bool clean = !random_one_in(r, 4);
    uint8_t *mask = j->mask + query * (size_t)j->M;
    for (int i = 0; i < j->L; ++i) {
        for (int c = 0; c < j->M; ++c, ++mask) {
            bool allowed =
                j->q_valid[query + (size_t)i] && j->k_valid[key + (size_t)c] && (!j->causal || c <= i);
            *mask = random_below(r, of) < all && (allowed || !clean);
        }
    }
}

static int64_t random_threshold(random_t *r, format_t f)
{
    if (random_one_in(r, 8)) return random_one_in(r, 2) ? 0 : (int64_t)fixed_low(UINT64_MAX, f.w);
    /* from far below one key's share to above it */
    int64_t ignored = 0;
    return quantise_value(exp2(-10 * uniform(r)), f, false, &ignored);
}

static void random_head(job_t *j, const design_t *design, random_t *r, int n)
{
    style_t style = random_one_in(r, 2) ? REAL : (style_t)random_below(r, STYLES);
    size_t query = (size_t)n * (size_t)j->L, key = (size_t)n * (size_t)j->M, d = (size_t)j->d;
    double size = 3 * uniform(r);
    random_rows(design, r, j->L, j->d, style, size, design->q, j->q + query * d, j->q_low + query * d,
                j->q_scale + query);
    random_rows(design, r, j->M, j->d, style, 1, design->k, j->k + key * d, j->k_low + key * d,
                j->k_scale + key);
    random_rows(design, r, j->M, j->d, style, 1, design->v, j->v + key * d, NULL, NULL);
    random_valid(r, j->q_valid + query, j->L);
    random_valid(r, j->k_valid + key, j->M);
    if (j->external) random_mask(j, r, query, key);
}

bool job_random(job_t *j, const design_t *d, random_t *r, int most)
{
    char ignored[JOB_ERROR_MAX];
    int limit = random_most(r, most < d->keys_max ? most : d->keys_max);
    int L = random_size(r, d, limit), M = random_size(r, d, limit);
    int head_size = random_most(r, d->head_max),
        heads = 1 + (random_one_in(r, 3) ? 1 + (int)random_below(r, 2) : 0);
    if (!job_open(j, d, heads, (size_t)L, (size_t)M, (size_t)head_size, ignored)) return false;
    j->causal = random_one_in(r, 3);
    j->external = random_one_in(r, 4);
    j->policy = (int)random_below(r, 3);
    j->threshold = random_threshold(r, d->threshold);
    for (int i = 0; i < heads; ++i) random_head(j, d, r, i);
    return true;
}
