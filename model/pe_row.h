/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_row: one query row of the array.
 *
 *     left ──► v[0] ──► v[1] ──► ... ──► v[columns-1]         one tap a cycle
 *                 │ c1                        top[j] ──► h[j] ──► bot[j] (the next row's top)
 *                 ▼                                       │ c2
 *               pe 0 ──► line ──► pe 1 ──► ... ──► pe last ──► line ──► out
 *                 │ score          │                   │ score
 *                exp              exp                 exp  └──► + ──► sum
 *
 * Operands are chosen here, so that a PE gets two words and not two wide buses.
 *
 *   clear     1: v and h to 0, before loading; published designs: the sum as well
 *   c1        v[c1]; columns: the score; columns + 1 and above: 0
 *   c2        h[c2]; columns and above: 0
 *   c3, c5    of each PE, see pe.h; c5 of the last PE = move adds the score that leaves to the sum
 *   shift, line_clear, c4   of the delay line, see delay_line.h; o of PE k is the tap of PE k - 1, 0 for PE 0
 *   sum_clear 1: the sum to 0, before adding; signed designs
 *
 * published: the sum wraps. signed: it saturates, with row_sum's fraction; 32-bit counters, which stay at
 * their maximum, count clipped accumulators (one a PE and edge), clipped scores (in PEs with c5 = calc) and
 * sums.
 */
#ifndef SANGER_PE_ROW_H
#define SANGER_PE_ROW_H

#include "delay_line.h"
#include "exp.h"
#include "pe.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PE_ROW_PES_MAX = 64 };

typedef struct {
    int64_t *left, *top, *clear, *c1, *c2, *c3, *c4, *c5, *shift, *line_clear; /* in */
    int64_t *bias, *sum_clear;                                                 /* in, signed designs */
    int64_t *bot, *out, *sum;                                                  /* out */
    int64_t *tap_n;                                                            /* net */
    int64_t *v_q, *h_q, *acc_q, *score_q, *line_q, *wp_q, *sum_q;              /* reg */
    int64_t *sat_q, *acc_sat_q, *exp_sat_q, *sum_sat_q;                        /* reg, signed designs */

    const design_t *d;
    exp_unit_t exp;
    delay_line_t line; /* children: views of the arrays above and of the wires below */
    pe_t pe[PE_ROW_PES_MAX];
    struct {
        int64_t a, b, sel, prod, acc, score, x, y, sat, exp_sat;
    } wire[PE_ROW_PES_MAX];
    int64_t acc[PE_ROW_PES_MAX]; /* the accumulators as the delay line sees them */
    int64_t zero;                /* what PE 0 gets from its left */
} pe_row_t;

extern const block_type_t pe_row_type;

/* Builds a row whose signal pointers are set. */
void pe_row_init(void *self, const design_t *d);
void pe_row_eval(void *self);
void pe_row_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
