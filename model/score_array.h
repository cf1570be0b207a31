/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score_array: the low-bit systolic array that predicts attention, score_rows x score_columns of score_pe.
 *
 *               top (per column)
 *                 ▼   ▼   ▼
 *   left ──► row ┌──┬──┬──┐ s of the last PE                                  published
 *                │PE│PE│PE│──► << score_shift ──► exp ──► exp_q ──► + ──► sum
 *   left ──►     ├──┼──┼──┤
 *                │PE│PE│PE│──► * row_scale * col_scale ──► scaled_q ──┬──► scaled ──► (strip's buffer,
 * outside) └──┴──┴──┘                                  max_q ◄──┘      signed           │ ▼ floor │ bias ──►
 * (-) ◄── strip ◄────────┘ └──► exp ──► exp_q ──► + ──► sum
 *
 * Left operands of row i come i cycles late, top operands of column j come j cycles late. pe_state is the
 * whole array's, see score_pe; moving drains the last column first, the same column of all rows in a cycle.
 *
 * published: exp_q' = exp(s of the last PE << score_shift) in every cycle.
 *   row_state  0 idle: hold     1 clear: sum' = 0     2 sum: sum' = sum + exp_q, wraps     3 hold
 *
 * signed: prediction runs in two phases over a strip of query rows, because exp needs the row's maximum and
 * that is known after the last key only. The alternative, a running maximum with the sum rescaled at each
 * increase, needs a multiplier a row and loses fraction bits at every step; the price of two phases is a
 * buffer of score_rows x keys scaled scores, which is not part of this block, and two more cycles a key.
 *   scaled_q' = floor(s of the last PE * row_scale * col_scale), saturated       in every cycle
 *   exp_q'    = strip_allowed ? exp(strip - bias) : 0                            in every cycle
 *   bias      = max floored to the bias format, saturated                        combinational
 *   row_state  0 idle: hold                 1 clear: sum' = 0, max' = most negative
 *              2 sum: sum' = sum + exp_q, saturated    3 max: max' = max(max, scaled_q) where allowed came
 * with it A position that is not allowed enters neither maximum nor sum, and no saturation of it is counted.
 *
 * Sticky counters a row: sat_acc (a PE's sum), sat_scaled, sat_exp, sat_sum; only a reset clears them. The
 * difference strip - bias saturates uncounted: low it is 0 after exp, high exp counts it.
 */
#ifndef SANGER_SCORE_ARRAY_H
#define SANGER_SCORE_ARRAY_H

#include "exp.h"
#include "score_pe.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ROW_IDLE, ROW_CLEAR, ROW_SUM, ROW_MAX };

typedef struct {
    /* in; from row_scale on: signed designs */
    int64_t *left, *top, *pe_state, *row_state, *row_scale, *col_scale, *allowed, *strip, *strip_allowed;
    /* out; from scaled on: signed designs */
    int64_t *score, *sum, *scaled, *max, *bias, *sat_acc, *sat_scaled, *sat_exp, *sat_sum;
    /* reg; from scaled_q on: signed designs */
    int64_t *v_q, *h_q, *s_q, *exp_q, *sum_q;
    int64_t *scaled_q, *allowed_q, *max_q, *sat_acc_q, *sat_scaled_q, *sat_exp_q, *sat_sum_q;
    const design_t *d;
    exp_unit_t exp;
} score_array_t;

extern const block_type_t score_array_type;

#ifdef __cplusplus
}
#endif
#endif
