/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predict_array: rows x predict_row.
 *
 *                      top    tag   drain word, key_head   sum word   threshold word
 *                       ▼      ▼             ▼                ▼            ▼
 *     left[0] ──────► row 0 ───────────────────────────────────────────────────► mask bus ─┐
 *                       ▼      ▼             ▼                ▼            ▼               │
 *     left[1] ──────► row 1 ───────────────────────────────────────────────────► mask bus ─┴─ OR ──► mask_*
 *                       ▼      ▼             ▼                ▼            ▼
 *                      ...                  a row further each cycle
 *
 * With word 0 of a tile in predict_feeder's inputs in cycle c, row 0's sum of column j is complete in cycle
 * c + 2 + d + j and lasts until the next tile's word 0 comes there, max(d, columns) cycles later at the
 * earliest. So the drain word of column j is due here in cycle c + 1 + d + j, and is always in time.
 *
 * One row at most should drive the mask bus in a cycle: threshold words of a tile take max(rows, columns)
 * cycles. When more do, the bus carries the OR of what they drive.
 */
#ifndef SANGER_PREDICT_ARRAY_H
#define SANGER_PREDICT_ARRAY_H

#include "predict_row.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PREDICT_ROWS_MAX = 128, PREDICT_COLUMNS_MAX = 128 };

typedef struct {
    int64_t *left, *top, *tag, *row_head, *key_head; /* in: from predict_feeder */
    /* in: a drain word */
    int64_t *d_valid, *d_first, *d_bank, *d_col, *d_key, *d_limit, *d_rows;
    int64_t *s_valid, *s_first, *s_bank, *s_key; /* in: a sum word */
    /* in: a threshold word */
    int64_t *t_valid, *t_first, *t_bank, *t_there, *t_key, *t_col, *t_last, *t_tile, *t_strip;
    int64_t *threshold, *policy;                                         /* in */
    int64_t *mask_valid, *mask_row, *mask_tile, *mask_strip, *mask_word; /* out */
    int64_t *arg;                                                        /* out: [bank][rows] */
    int64_t *sat_acc, *sat_scaled, *sat_exp, *sat_sum;                   /* out: [rows] */
    /* reg: [rows] of what predict_row has */
    int8_t *v_q, *h_q;
    uint8_t *tag_q;
    int32_t *s_q;
    int64_t *drain_q, *drain1_q, *scaled_q, *allowed_q, *strip_q, *max_q, *arg_q, *any_q, *sum_q, *top_q;
    int64_t *add_q, *add1_q, *exp_q, *keep_q, *keep1_q, *share_q, *limit_q, *rule_q, *best_q;
    int64_t *word_q, *mask_valid_q, *mask_tile_q, *mask_strip_q;
    int64_t *sat_acc_q, *sat_scaled_q, *sat_exp_q, *sat_sum_q;

    const design_t *d;
    predict_row_t row[PREDICT_ROWS_MAX]; /* views of the arrays above and of the wires below */
    struct {
        int8_t top[PREDICT_COLUMNS_MAX]; /* into row 0 */
        int64_t drain, add, keep;
    } wire;
    struct {
        int8_t bottom[PREDICT_COLUMNS_MAX];
        int64_t head[PREDICT_BANKS], arg[PREDICT_BANKS];
        int64_t tag, drain, add, keep;
        int64_t mask_valid, mask_tile, mask_strip, mask_word[PREDICT_COLUMNS_MAX];
    } below[PREDICT_ROWS_MAX];
} predict_array_t;

extern const block_type_t predict_array_type;

void predict_array_init(void *self, const design_t *d);
void predict_array_eval(void *self);
void predict_array_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
