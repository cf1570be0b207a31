/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot_array: rows x slot_row, the array under travelling control.
 *
 *                  top[j], tag (column j skewed by j cycles)
 *                    ▼
 *     left[0] ──► row 0 ──► out[0], out_op[0], sum[0]
 *                    ▼ bot, tag_down
 *     left[1] ──► row 1 ──► out[1], out_op[1], sum[1]      (row i skewed by i cycles)
 *                    ▼
 *                   ...
 *
 * Row 0's word e of a pass arrives in cycle t0 + e: left word and tag of row i in t0 + i + e, top of column j
 * in t0 + j + e. With head size d: e < d q and k (tag load, then mac), e = d the row's bias (tag exp), e = d
 * + 1 + f v[f] (tag fwd, fwd_last). Output word f of row i shows in t0 + i + columns + d + 2 + f. When the
 * next pass may start: docs/machine.md, "Time of a pass".
 *
 * `load` gives row load_row the configuration of its next pass; a row beyond the last loads nothing.
 */
#ifndef SANGER_SLOT_ARRAY_H
#define SANGER_SLOT_ARRAY_H

#include "slot_row.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SLOT_ARRAY_ROWS_MAX = 128, SLOT_ARRAY_COLUMNS_MAX = 128 };

typedef struct {
    int64_t *left, *top, *tag, *load, *load_row, *mode, *col; /* in */
    int64_t *out, *out_op, *sum, *clash;                      /* out */
    int64_t *v_q, *h_q, *tag_q, *slot_q, *tail_q, *acc_q, *score_q, *sat_q, *line_q, *wp_q, *sum_q;
    int64_t *clash_q, *acc_sat_q, *exp_sat_q, *sum_sat_q; /* reg: [rows] of what slot_row has */

    const design_t *d;
    slot_row_t row[SLOT_ARRAY_ROWS_MAX]; /* views of the arrays above and of the wires below */
    struct {
        int64_t load, tag_down, clash;
        int64_t bot[SLOT_ARRAY_COLUMNS_MAX];
    } wire[SLOT_ARRAY_ROWS_MAX];
} slot_array_t;

extern const block_type_t slot_array_type;

/* Builds an array whose signal pointers are set: its rows keep them. */
void slot_array_init(void *self, const design_t *d);
void slot_array_reset(void *self);
void slot_array_eval(void *self);
void slot_array_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
