/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predict_row: one query row of the low-bit array under travelling control, and what stands at its right end.
 *
 *     left, tag ──► PE 0 ──► PE 1 ──► ... ──► PE columns-1      s' = first ? v*h : more ? s + v*h : s
 *                            │ s[col]
 *     drain word ─►drain_q───┴──► * row scale * key scale ──► scaled_q ─┬─► max_q[bank], arg_q[bank]
 *                                                     {allowed, scaled} ▼
 *                                                              ┌── strip_q[bank][key] ◄─┐
 *     sum word ──►add_q──────► scaled - floor(max_q) ◄─────────┤                        │ {allowed, exp}
 *                                      └─► exp ──► exp_q ──────┼────────────────────────┴─► sum_q, top_q
 *     threshold word ─►keep_q──────────────────────────────────┴─► share_q ──► word_q ──► mask
 *
 * Three strips are in work at once, one behind the other, each in a bank of its own: one is drained, one
 * summed, one compared. Words come from the row above a cycle after it got them. A word acts in the cycle in
 * which it is in drain_q, add_q or keep_q, and on what follows (strip and maximum; strip and sum; mask word)
 * one cycle later.
 *
 *   drain       column `col` holds the sum for key `key`: scaled, floored to its format, saturated. The score
 *               is allowed when the row is in use (rows > 0), its query and the key are valid, and key <=
 *               limit. first: the bank's maximum starts anew. The row below gets limit + 1 and rows - 1, both
 *               saturated.
 *   sum         sum and largest exp of the allowed scores; first: they start anew. The exp takes the score's
 *               place in the bank.
 *   threshold   first: T times the sum, floored and clipped to exp's format, becomes limit_q, which says the
 *               same of an exp; the key of the maximum becomes best_q; rule_q is to compare, or in a row
 * where no exp is above the limit the policy: 0 keeps none, 1 all allowed, 2 the maximum, 3 none. Column 0
 * starts a tile's word, `last` shows it on the mask bus a cycle after it is complete.
 *
 * Scores that are not allowed enter neither maximum nor sum. Events are counted as in score_array: clipped
 * sums of PEs, clipped scaled scores where allowed, clipped exp, clipped sums. A column at or above `columns`
 * reads as 0 and sets no mask bit, a key at or above keys_max and bank 3 are not stored and read as 0, a tag
 * of 3 does nothing. A bank's read port serves threshold before sum, which then reads 0; its write port
 * serves drain before sum, whose exp is then lost.
 *
 * PEs' registers are narrow words here, because there are many of them.
 */
#ifndef SANGER_PREDICT_ROW_H
#define SANGER_PREDICT_ROW_H

#include "exp.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PREDICT_BANKS = 3 };
enum { EMPTY_ZERO, EMPTY_DENSE, EMPTY_TOP1, EMPTY_NOT }; /* policies; rule_q: also a row that is not empty */

/* A drain word with the key's header. As a signal: all fields side by side, the last one lowest. */
typedef struct {
    int64_t valid, first, bank, col, key, limit, rows, key_valid, key_scale;
} predict_drain_t;

/* A sum word, likewise; also what is left of a drain word behind its first cycle. */
typedef struct {
    int64_t valid, first, bank, key;
} predict_add_t;

/* A threshold word, likewise. Behind the strip bank `there` means allowed. */
typedef struct {
    int64_t valid, first, bank, there, key, col, last, tile, strip;
} predict_keep_t;

typedef struct {
    int64_t *left;                                            /* in */
    int8_t *top;                                              /* in */
    int64_t *tag, *head, *drain, *add, *keep;                 /* in; head: {valid, scale} by bank */
    int64_t *threshold, *policy;                              /* in */
    int8_t *bottom;                                           /* out */
    int64_t *tag_down, *drain_down, *add_down, *keep_down;    /* out: to the row below */
    int64_t *mask_valid, *mask_tile, *mask_strip, *mask_word; /* out: 0 unless valid */
    int64_t *arg;                                             /* out: key of each bank's maximum */
    int64_t *sat_acc, *sat_scaled, *sat_exp, *sat_sum;        /* out */
    int8_t *v_q, *h_q;                                        /* reg */
    uint8_t *tag_q;                                           /* reg */
    int32_t *s_q;                                             /* reg */
    int64_t *drain_q, *drain1_q, *scaled_q, *allowed_q;       /* reg */
    int64_t *strip_q, *max_q, *arg_q, *any_q, *sum_q, *top_q; /* reg, by bank; strip_q: memory [keys_max] */
    int64_t *add_q, *add1_q, *exp_q;                          /* reg; add1_q: {allowed, word} */
    int64_t *keep_q, *keep1_q, *share_q;                      /* reg */
    int64_t *limit_q, *rule_q, *best_q;                       /* reg: of the strip that is compared */
    int64_t *word_q, *mask_valid_q, *mask_tile_q, *mask_strip_q; /* reg */
    int64_t *sat_acc_q, *sat_scaled_q, *sat_exp_q, *sat_sum_q;   /* reg */
    const design_t *d;
    exp_unit_t exp;
} predict_row_t;

extern const block_type_t predict_row_type;

void predict_row_init(void *self, const design_t *d);
void predict_row_eval(void *self);
void predict_row_tick(void *self);

/* Widths of the words as signals, and of a strip bank's value: a score or an exp. */
int predict_drain_w(const design_t *d);
int predict_add_w(const design_t *d);
int predict_keep_w(const design_t *d);
int predict_value_w(const design_t *d);

int64_t predict_drain_pack(const design_t *d, predict_drain_t word);
predict_drain_t predict_drain_unpack(const design_t *d, int64_t bits);
int64_t predict_add_pack(const design_t *d, predict_add_t word);
predict_add_t predict_add_unpack(const design_t *d, int64_t bits);
int64_t predict_keep_pack(const design_t *d, predict_keep_t word);
predict_keep_t predict_keep_unpack(const design_t *d, int64_t bits);

#ifdef __cplusplus
}
#endif
#endif
