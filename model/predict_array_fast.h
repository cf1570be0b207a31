/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predict_array_fast: predict_array once more, for speed. predict_array.c stays the definition; this one is
 * checked against it.
 *
 * The same ports, registers in narrow elements. Operands and tags do not move but lie in rings and windows
 * with moving bases; a row of PEs is one loop over 16-bit words, left out where no tag is. What stands at the
 * rows' ends is carried out stage by stage, for those rows alone that hold a word: words come down a row a
 * cycle, so which rows do is a history of valid bits.
 *
 *     v ring   column j of row r   v[(v_base + r) mod rows][j]
 *     h ring   tap j of row r      h[r][h_base + j], every operand twice, a ring's size apart
 *     tags     tap j of row r      keep, take, tag[tag_base + r + j]: rows and columns delay alike
 *
 * So v_q, h_q and tag_q in the table's layout are brought up to date by `show` alone.
 */
#ifndef SANGER_PREDICT_ARRAY_FAST_H
#define SANGER_PREDICT_ARRAY_FAST_H

#include "predict_array.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    PREDICT_FAST_COLUMNS = 64,
    PREDICT_FAST_WINDOW = PREDICT_ROWS_MAX + 2 * PREDICT_FAST_COLUMNS, /* tags that a cycle may touch */
    PREDICT_FAST_TAGS = 16 * PREDICT_FAST_WINDOW,
};

/* One bit a row. */
typedef unsigned __int128 predict_rows_t;

/* Where a field of a word lies. */
typedef struct {
    int at;
    uint64_t mask;
} predict_bits_t;

typedef struct {
    int64_t *left, *top, *tag, *row_head, *key_head; /* in: as predict_array */
    int64_t *d_valid, *d_first, *d_bank, *d_col, *d_key, *d_limit, *d_rows;
    int64_t *s_valid, *s_first, *s_bank, *s_key;
    int64_t *t_valid, *t_first, *t_bank, *t_there, *t_key, *t_col, *t_last, *t_tile, *t_strip;
    int64_t *threshold, *policy;
    int64_t *mask_valid, *mask_row, *mask_tile, *mask_strip, *mask_word, *arg; /* out */
    int64_t *sat_acc, *sat_scaled, *sat_exp, *sat_sum;                         /* out */
    int8_t *v_q, *h_q;                                                         /* reg */
    uint8_t *tag_q;
    int16_t *s_q;
    uint64_t *drain_q, *keep_q, *keep1_q;
    uint32_t *drain1_q, *add_q, *add1_q, *strip_q;
    int32_t *scaled_q, *max_q, *sum_q, *top_q, *exp_q, *share_q, *limit_q;
    uint16_t *arg_q, *best_q, *mask_tile_q, *mask_strip_q;
    uint8_t *allowed_q, *any_q, *rule_q, *word_q, *mask_valid_q;
    uint32_t *sat_acc_q, *sat_scaled_q, *sat_exp_q, *sat_sum_q;

    const design_t *d;
    exp_unit_t exp;
    int rows, columns, value_w;
    int16_t most, least; /* of a PE's sum */
    int floor_scaled, floor_bias, floor_exp, floor_limit;
    struct {
        predict_bits_t scale, key_valid, rows, limit, key, col, bank, first;
        int valid;
    } drain;
    struct {
        predict_bits_t key, bank, first;
        int valid, allowed;
    } add;
    struct {
        predict_bits_t strip, tile, last, col, key, there, bank, first;
        int valid;
    } keep;

    /* rows whose registers hold a valid word, whose mask_valid_q is set, whose arg_q has changed */
    predict_rows_t draining, drained, adding, added, keeping, kept, shown, moved;
    bool vectors;
    bool counted, on_bus; /* a counter has changed; the mask bus shows a word */
    int v_base, h_base, tag_base;
    int quiet, still; /* cycles since a tag came, since anything but zeros did */
    int same;         /* edges in a row that found the words of the one before, none of them valid */
    bool taps_shown;  /* v_q, h_q and tag_q are up to date */
    uint32_t score[PREDICT_ROWS_MAX];
    uint8_t narrow_tag[PREDICT_FAST_TAGS + PREDICT_FAST_WINDOW];
    int16_t keep_sum[PREDICT_FAST_TAGS + PREDICT_FAST_WINDOW]; /* -1, or 0 at a first word */
    int16_t multiply[PREDICT_FAST_TAGS + PREDICT_FAST_WINDOW]; /* -1 at a word */
    _Alignas(64) int16_t v[PREDICT_ROWS_MAX][PREDICT_FAST_COLUMNS];
    _Alignas(64) int16_t h[PREDICT_ROWS_MAX][2 * PREDICT_FAST_COLUMNS];
} predict_array_fast_t;

extern const block_type_t predict_array_fast_type;

/* True for the designs that it can take: at most 64 columns, sums of at most 15 bits, values of at most 31,
   formats that lose fraction bits on the way and never win any. */
bool predict_array_fast_fits(const design_t *d);

/* From now on without wide vectors, as on a processor that has none. */
void predict_array_fast_plain(void *self);

void predict_array_fast_init(void *self, const design_t *d);
void predict_array_fast_reset(void *self);
void predict_array_fast_eval(void *self);
void predict_array_fast_tick(void *self);
void predict_array_fast_show(void *self);

#ifdef __cplusplus
}
#endif
#endif
