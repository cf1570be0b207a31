/* SPDX-License-Identifier: Apache-2.0 */
/* A row of a pass in plain integers, for the tests of both arrays. */
#ifndef SANGER_TESTS_PLAIN_ATTENTION_H
#define SANGER_TESTS_PLAIN_ATTENTION_H

#include "../model/exp.h"
#include "../model/slot_control.h"
#include "../sim/slot_pass.h"

enum { PLAIN_HEAD = 64 };

typedef struct {
    int64_t word[PLAIN_HEAD], sum;
    bool empty;
    int64_t acc_clips, exp_clips, sum_clips;
} row_result_t;

static inline int64_t clip(__int128 x, int w, int64_t *clips)
{
    __int128 most = ((__int128)1 << (w - 1)) - 1, least = -most - 1;
    if (x >= least && x <= most) return (int64_t)x;
    ++*clips;
    return (int64_t)(x < least ? least : most);
}

/* x / 2^n, rounded down. */
static inline __int128 scale_down(__int128 x, int n)
{
    __int128 unit = (__int128)1 << (n < 0 ? -n : n);
    if (n <= 0) return x * unit;
    return x >= 0 ? x / unit : -((-x + unit - 1) / unit);
}

static inline int64_t score_of(const design_t *d, const exp_unit_t *e, const slot_pass_t *s, int i, int64_t c,
                               row_result_t *r)
{
    int64_t dot = 0, ignored = 0;
    for (int n = 0; n < s->d; ++n) {
        __int128 product = (__int128)s->q[i * s->d + n] * s->k[c * s->d + n];
        dot = clip(dot + scale_down(product, d->q.frac + d->k.frac - d->acc.frac), d->acc.w, &r->acc_clips);
    }
    __int128 bias = (__int128)s->bias[i] * ((int64_t)1 << (d->acc.frac - d->bias.frac));
    return exp_unit_value(e, clip(dot - bias, d->acc.w, &ignored), &r->exp_clips);
}

/* Columns in order, as partial sums pass them. Row sums take scores in that order too, or the last first, as
 * they move out of a row. */
static inline void attend(const design_t *d, const exp_unit_t *e, const slot_pass_t *s, int i,
                          bool last_first, row_result_t *r)
{
    int64_t scores[PLAIN_HEAD];
    int n = 0;
    *r = (row_result_t){.empty = true};
    for (int k = 0; k < d->pes; ++k) {
        if (s->mode[i * d->pes + k] != SLOT_ACTIVE) continue;
        int64_t c = s->col[i * d->pes + k], score = score_of(d, e, s, i, c, r);
        scores[n++] = score;
        for (int f = 0; f < s->d; ++f) {
            __int128 product = (__int128)score * s->v[c * s->d + f];
            __int128 part = scale_down(product, d->score.frac + d->v.frac - d->out.frac);
            r->word[f] = clip(r->word[f] + part, d->out.w, &r->acc_clips);
        }
        r->empty = false;
    }
    for (int k = 0; k < n; ++k) {
        __int128 term = scale_down(scores[last_first ? n - 1 - k : k], d->score.frac - d->row_sum.frac);
        r->sum = clip(r->sum + term, d->row_sum.w, &r->sum_clips);
    }
}

#endif
