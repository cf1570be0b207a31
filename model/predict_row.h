/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predict_row: one query row of the low-bit array under travelling control, and what stands at its right end.
 *
 *     left, tag ──► PE 0 ──► PE 1 ──► ... ──► PE columns-1      s' = first ? v*h : more ? s + v*h : s
 *                            │ s[col]
 *     drain word ──►drain_q──┴──► * row scale * key scale ──► scaled_q ─┬─► strip_q[bank][key]
 *                                                                      └─► max_q[bank], arg_q[bank]
 *     sweep word ──►sweep_q──► strip_q[bank][key] - floor(max_q) ──► exp ──► exp_q ─┬─► sum_q, top_q    op 1
 *                                                                                   └─► word_q ──► mask op 2
 *
 * Words come from the row above a cycle after it got them. A word acts in the cycle in which it is in
 * drain_q or sweep_q, and on what follows (strip, maximum; sum, mask word) one cycle later.
 *
 *   drain   column `col` holds the sum for key `key`: scaled, floored to its format, saturated. The score is
 *           allowed when the row is in use (rows > 0), its query and the key are valid, and key <= limit.
 *           first: the bank's maximum starts anew. The row below gets limit + 1 and rows - 1, both saturated.
 *   sweep   op 1: sum and largest exp of the allowed scores; first: they start anew. op 2: keep = allowed and
 *           exp > T * sum, exactly; in a row where no exp is (empty): policy 0 keeps none, 1 all allowed, 2
 *           the maximum, 3 none. Column 0 starts a tile's word, `last` shows it on the mask bus a cycle
 *           after it is complete. op 0, 3: nothing.
 *
 * Scores that are not allowed enter neither maximum nor sum. Events are counted as in score_array: clipped
 * sums of PEs, clipped scaled scores where allowed, clipped exp when summed (not again when compared),
 * clipped sums. A column at or above `columns` reads as 0 and sets no mask bit, a key at or above keys_max is
 * not stored and never allowed in a sweep, a tag of 3 does nothing.
 *
 * PEs' registers are narrow words here, because there are many of them.
 */
#ifndef SANGER_PREDICT_ROW_H
#define SANGER_PREDICT_ROW_H

#include "exp.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PREDICT_SUM = 1, PREDICT_THRESHOLD };  /* ops of a sweep word */
enum { EMPTY_ZERO, EMPTY_DENSE, EMPTY_TOP1 }; /* policies */

/* A drain word with the key's header. As a signal: all fields side by side, the last one lowest. */
typedef struct {
    int64_t valid, first, bank, col, key, limit, rows, key_valid, key_scale;
} predict_drain_t;

/* A sweep word, likewise. Behind the strip buffer `valid` means allowed. */
typedef struct {
    int64_t op, first, bank, key, valid, col, last, tile, strip;
} predict_sweep_t;

typedef struct {
    int64_t *left;                                               /* in */
    int8_t *top;                                                 /* in */
    int64_t *tag, *head, *drain, *sweep, *threshold, *policy;    /* in; head: {valid, scale} of both banks */
    int8_t *bottom;                                              /* out */
    int64_t *tag_down, *drain_down, *sweep_down;                 /* out: to the row below */
    int64_t *mask_valid, *mask_tile, *mask_strip, *mask_word;    /* out: 0 unless valid */
    int64_t *arg;                                                /* out: key of each bank's maximum */
    int64_t *sat_acc, *sat_scaled, *sat_exp, *sat_sum;           /* out */
    int8_t *v_q, *h_q;                                           /* reg */
    uint8_t *tag_q;                                              /* reg */
    int32_t *s_q;                                                /* reg */
    int64_t *drain_q, *drain1_q, *scaled_q, *allowed_q;          /* reg */
    int64_t *max_q, *arg_q, *any_q, *strip_q;                    /* reg; strip_q: memory [2 * keys_max] */
    int64_t *sweep_q, *sweep1_q, *exp_q, *sum_q, *top_q;         /* reg */
    int64_t *word_q, *mask_valid_q, *mask_tile_q, *mask_strip_q; /* reg */
    int64_t *sat_acc_q, *sat_scaled_q, *sat_exp_q, *sat_sum_q;   /* reg */
    const design_t *d;
    exp_unit_t exp;
} predict_row_t;

extern const block_type_t predict_row_type;

void predict_row_init(void *self, const design_t *d);
void predict_row_eval(void *self);
void predict_row_tick(void *self);

/* Widths of the words as signals. */
int predict_drain_w(const design_t *d);
int predict_sweep_w(const design_t *d);

int64_t predict_drain_pack(const design_t *d, predict_drain_t word);
predict_drain_t predict_drain_unpack(const design_t *d, int64_t bits);
int64_t predict_sweep_pack(const design_t *d, predict_sweep_t word);
predict_sweep_t predict_sweep_unpack(const design_t *d, int64_t bits);

#ifdef __cplusplus
}
#endif
#endif
