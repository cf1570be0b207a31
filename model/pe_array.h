/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_array: rows x pe_row under array control, one array for SDDMM and SpMM.
 *
 *               top[j] (column j skewed by j cycles)
 *                 ▼
 *     left[0] ──► row 0 ──► out[0], sum[0]
 *                 ▼ bot
 *     left[1] ──► row 1 ──► out[1], sum[1]     (row i skewed by i cycles)
 *                 ▼
 *                ...
 *
 * c3, c5, clear and sum_clear are shared by the whole array; c1, c2 and c4 are of each PE. The delay lines
 * shift exactly when c3 = 3 and clear when c3 = 0.
 *
 * signed: `bias` of each row is subtracted before exp; a PE that is not `active` clears its score where the
 * others calculate (c5 = 1), because its exp(0 - bias) would enter the row sum.
 *
 * Sources: the published array; bias, active and the clear of the sums are additions.
 */
#ifndef SANGER_PE_ARRAY_H
#define SANGER_PE_ARRAY_H

#include "pe_row.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PE_ARRAY_ROWS_MAX = 128, PE_ARRAY_COLUMNS_MAX = 128 };

typedef struct {
    int64_t *left, *top, *clear, *c1, *c2, *c3, *c4, *c5;         /* in */
    int64_t *bias, *sum_clear, *active;                           /* in, signed designs */
    int64_t *out, *sum;                                           /* out */
    int64_t *v_q, *h_q, *acc_q, *score_q, *line_q, *wp_q, *sum_q; /* reg: [rows] of what pe_row has */
    int64_t *sat_q, *acc_sat_q, *exp_sat_q, *sum_sat_q;           /* reg, signed designs */

    const design_t *d;
    pe_row_t row[PE_ARRAY_ROWS_MAX]; /* views of the arrays above and of the wires below */
    struct {
        int64_t bot[PE_ARRAY_COLUMNS_MAX];
        int64_t tap[PE_ROW_PES_MAX], c3[PE_ROW_PES_MAX], c5[PE_ROW_PES_MAX];
    } wire[PE_ARRAY_ROWS_MAX];
    int64_t shift, line_clear;
} pe_array_t;

extern const block_type_t pe_array_type;

/* Builds an array whose signal pointers are set: its rows keep them. */
void pe_array_init(void *self, const design_t *d);
void pe_array_eval(void *self);
void pe_array_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
