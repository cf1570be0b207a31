/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score_pe: one PE of the low-bit score array, which predicts attention.
 *
 *                t
 *                ▼
 *     l ──►┌───────────┐──► r     v ──► b, h ──► r
 *          │ v   h   s │
 *     s ──►└───────────┘──► sum
 *                ▼
 *                b
 *
 *   state  0 idle:  hold                                   1 clear: v' = h' = s' = 0
 *          2 calc:  v' = t, h' = l, s' = s + v*h           3 move:  s' = s of the left neighbour
 *
 * published: operands are unsigned and s wraps. signed: operands and s are two's complement; s saturates and
 * raises `sat` for that edge. A design's acc_w should be wide enough for its head sizes; `sat` tells when
 * not. Source: the published low-bit array; the signed form after it.
 */
#ifndef SANGER_SCORE_PE_H
#define SANGER_SCORE_PE_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SCORE_IDLE, SCORE_CLEAR, SCORE_CALC, SCORE_MOVE };

typedef struct {
    int64_t *t, *l, *s, *state; /* in */
    int64_t *b, *r, *sum, *sat; /* out; sat: signed designs */
    int64_t *v_q, *h_q, *s_q;   /* reg */
    const design_t *d;
} score_pe_t;

extern const block_type_t score_pe_type;

/* s + v*h as the accumulator keeps it; adds 1 to *clipped when it saturates. */
static inline int64_t score_pe_sum(const design_t *d, int64_t s, int64_t v, int64_t h, int64_t *clipped)
{
    int64_t sum = s + v * h;
    if (!design_signed(d)) return (int64_t)fixed_low((uint64_t)sum, d->score_acc_w);
    int64_t max = fixed_max(d->score_acc_w), min = -max - 1;
    *clipped += sum > max || sum < min;
    return sum > max ? max : sum < min ? min : sum;
}

#ifdef __cplusplus
}
#endif
#endif
