/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quantise.h"

static bool refuse(char *error, const char *what, size_t found, const char *limit, int most)
{
    snprintf(error, JOB_ERROR_MAX, "%zu %s: the design takes 1 to %d (%s)", found, what, most, limit);
    return false;
}

bool job_fits(const design_t *d, size_t L, size_t M, size_t head_size, char error[JOB_ERROR_MAX])
{
    const char *lacks = design_lacks_machine(d);
    if (lacks) {
        snprintf(error, JOB_ERROR_MAX, "%s: not a machine, it lacks %s", d->name, lacks);
        return false;
    }
    if (L < 1 || L > (size_t)d->keys_max) return refuse(error, "queries", L, "machine.keys_max", d->keys_max);
    if (M < 1 || M > (size_t)d->keys_max) return refuse(error, "keys", M, "machine.keys_max", d->keys_max);
    if (head_size < 1 || head_size > (size_t)d->head_max)
        return refuse(error, "elements a head", head_size, "machine.head_max", d->head_max);
    return true;
}

static bool no_memory(char *error)
{
    snprintf(error, JOB_ERROR_MAX, "out of memory");
    return false;
}

bool job_open(job_t *j, const design_t *d, int heads, size_t L, size_t M, size_t head_size,
              char error[JOB_ERROR_MAX])
{
    *j = (job_t){.heads = heads, .L = (int)L, .M = (int)M, .d = (int)head_size};
    if (!job_fits(d, L, M, head_size, error)) return false;
    if (heads < 1 || heads > UINT16_MAX) return refuse(error, "heads", (size_t)heads, "16 bits", UINT16_MAX);
    size_t queries = (size_t)heads * L, keys = (size_t)heads * M;
    j->q = calloc(queries * head_size, sizeof *j->q);
    j->k = calloc(keys * head_size, sizeof *j->k);
    j->v = calloc(keys * head_size, sizeof *j->v);
    j->q_low = calloc(queries * head_size, sizeof *j->q_low);
    j->k_low = calloc(keys * head_size, sizeof *j->k_low);
    j->q_scale = calloc(queries, sizeof *j->q_scale);
    j->k_scale = calloc(keys, sizeof *j->k_scale);
    j->q_valid = calloc(queries, 1);
    j->k_valid = calloc(keys, 1);
    j->mask = calloc(queries * M, 1);
    if (j->q && j->k && j->v && j->q_low && j->k_low && j->q_scale && j->k_scale && j->q_valid &&
        j->k_valid && j->mask)
        return true;
    job_close(j);
    return no_memory(error);
}

void job_close(job_t *j)
{
    void *all[] = {j->q,       j->k,       j->v,       j->q_low,   j->k_low,
                   j->q_scale, j->k_scale, j->q_valid, j->k_valid, j->mask};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) free(all[i]);
    *j = (job_t){0};
}

/* ---- from real numbers ---- */

static void set_words(int16_t *to, const double *from, size_t n, double factor, format_t f, int64_t *clipped)
{
    for (size_t i = 0; i < n; ++i) to[i] = (int16_t)quantise_value(from[i] * factor, f, true, clipped);
}

static void set_low(const design_t *design, const double *rows, int n, int d, double range, double factor,
                    int8_t *to, uint16_t *scales, int64_t *clipped)
{
    for (int i = 0; i < n; ++i) {
        int64_t words[128], scale;
        quantise_low_row(design, rows + (size_t)i * (size_t)d, d, range, factor, words, &scale, clipped);
        for (int e = 0; e < d; ++e) to[(size_t)i * (size_t)d + (size_t)e] = (int8_t)words[e];
        scales[i] = (uint16_t)scale;
    }
}

static void set_mask(job_t *j, size_t first, const trace_head_t *head)
{
    uint8_t *mask = j->mask + first * head->M;
    for (size_t i = 0; i < head->L; ++i) {
        for (size_t key = 0; key < head->M; ++key) {
            mask[i * head->M + key] =
                head->mask[i * head->M + key] && head->valid_q[i] && trace_allowed(head, i, key);
        }
    }
}

static void set_head(job_t *j, const design_t *design, int n, const trace_head_t *head,
                     int64_t clipped[CLIP_KINDS])
{
    size_t L = head->L, M = head->M, d = head->d, query = (size_t)n * L, key = (size_t)n * M;
    double t_q = head->quant_q > 0 ? head->quant_q : quantise_range(head->q, j->L, j->d);
    double t_k = head->quant_k > 0 ? head->quant_k : quantise_range(head->k, j->M, j->d);
    set_words(j->q + query * d, head->q, L * d, head->scaling, design->q, &clipped[CLIP_Q]);
    set_words(j->k + key * d, head->k, M * d, 1, design->k, &clipped[CLIP_K]);
    set_words(j->v + key * d, head->v, M * d, 1, design->v, &clipped[CLIP_V]);
    set_low(design, head->q, j->L, j->d, t_q, head->scaling, j->q_low + query * d, j->q_scale + query,
            &clipped[CLIP_SCALE]);
    set_low(design, head->k, j->M, j->d, t_k, 1, j->k_low + key * d, j->k_scale + key, &clipped[CLIP_SCALE]);
    for (size_t i = 0; i < L; ++i) j->q_valid[query + i] = head->valid_q[i] != 0;
    for (size_t i = 0; i < M; ++i) j->k_valid[key + i] = head->valid[i] != 0;
    if (j->external) set_mask(j, query, head);
}

/* A trace that does not state its policy was made by nobody who had one: top1, as the replay does. */
static int policy_of(trace_empty_row_t empty)
{
    if (empty == TRACE_EMPTY_ROW_DENSE) return JOB_EMPTY_DENSE;
    return empty == TRACE_EMPTY_ROW_ZERO ? JOB_EMPTY_ZERO : JOB_EMPTY_TOP1;
}

static bool equal_heads(const trace_head_t *heads, int n, bool external, char *error)
{
    for (int i = 0; i < n; ++i) {
        const trace_head_t *a = &heads[0], *b = &heads[i];
        if (a->L != b->L || a->M != b->M || a->d != b->d || a->causal != b->causal ||
            a->empty_row != b->empty_row) {
            snprintf(error, JOB_ERROR_MAX, "heads of one job: expected equal sizes, causal and empty_row");
            return false;
        }
        if (!external || b->mask) continue;
        snprintf(error, JOB_ERROR_MAX, "an external mask: expected heads with one, found none");
        return false;
    }
    return true;
}

bool job_from_heads(job_t *j, const design_t *d, const trace_head_t *heads, int n, double threshold,
                    bool external, int64_t clipped[CLIP_KINDS], char error[JOB_ERROR_MAX])
{
    int64_t beyond = 0, t = quantise_value(threshold, d->threshold, false, &beyond);
    *j = (job_t){0};
    if (beyond || isnan(threshold)) {
        snprintf(error, JOB_ERROR_MAX, "threshold %g: the design takes 0 to below %g (prediction.threshold)",
                 threshold, ldexp(1, d->threshold.w - d->threshold.frac));
        return false;
    }
    if (!equal_heads(heads, n, external, error)) return false;
    if (!job_open(j, d, n, heads->L, heads->M, heads->d, error)) return false;
    j->causal = heads->causal;
    j->external = external;
    j->policy = policy_of(heads->empty_row);
    j->threshold = t;
    for (int i = 0; i < n; ++i) set_head(j, d, i, &heads[i], clipped);
    return true;
}
