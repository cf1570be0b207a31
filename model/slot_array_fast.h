/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot_array_fast: slot_array once more, for speed. slot_array.c stays the definition; this one is checked
 * against it.
 *
 * The same signals in narrow elements. Nothing moves that can stay: what travels lies in rings or windows
 * with moving bases, and delay lines are the table's own rings, a word a row written in a cycle. A row's
 * slots are 16-lane vectors where the processor has AVX-512 (chosen at run time), plain loops elsewhere.
 *
 *     v ring   tap j of row r     v[r][v_base + j]
 *     h ring   column j of row r  h[(h_base + r) mod rows][j]
 *     tags     tap j of row r     tag[tag_base + r + j]: rows and columns delay alike, so one history is all
 *     lines    age a of slot      line_q[r][(wp + a) mod depth][k]
 *
 * Every word of the v ring is there twice, a ring's size apart, so that a row's taps never wrap; the tags'
 * window slides down its array and starts again at the top.
 *
 * So v_q, h_q and tag_q in the table's layout are brought up to date by `show` alone.
 */
#ifndef SANGER_SLOT_ARRAY_FAST_H
#define SANGER_SLOT_ARRAY_FAST_H

#include "slot_array.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SLOT_FAST_LANES = 16,   /* of a vector */
    SLOT_FAST_COLUMNS = 64, /* ring size of the taps: two vectors of 16-bit words */
    SLOT_FAST_ALL = SLOT_ARRAY_ROWS_MAX * SLOT_ROW_PES_MAX,
    SLOT_FAST_WINDOW = SLOT_ARRAY_ROWS_MAX + 2 * SLOT_FAST_COLUMNS, /* tags that loads may touch */
    SLOT_FAST_TAGS = 16 * SLOT_FAST_WINDOW,
};

/* What vectors need of 16 slots' slot_q, taken apart when it changes: one bit a slot. */
typedef struct {
    int16_t col[SLOT_FAST_LANES];
    int32_t gap[SLOT_FAST_LANES];
    uint16_t runs;      /* does not skip */
    uint16_t there;     /* and its column exists */
    uint16_t active;    /* mode 2 */
    uint16_t forwards;  /* mode 1 or 2 */
    uint16_t par, nv;   /* as in slot_q */
    uint16_t near, far; /* its left neighbour's tap is the accumulator, a word of the line */
} slot_group_t;

typedef struct slot_array_fast slot_array_fast_t;

struct slot_array_fast {
    int16_t *left, *top; /* in */
    uint8_t *tag, *load, *load_row, *mode, *col;
    int32_t *out, *sum; /* out */
    uint8_t *out_op, *clash;
    int16_t *v_q, *h_q; /* reg */
    uint8_t *tag_q;
    uint32_t *slot_q;
    uint16_t *tail_q;
    int32_t *acc_q, *score_q, *line_q, *sum_q;
    uint8_t *sat_q, *wp_q, *clash_q;
    uint32_t *acc_sat_q, *exp_sat_q, *sum_sat_q;

    const design_t *d;
    exp_unit_t exp;
    int rows, columns, pes, depth, most; /* most: the oldest tap, columns - pes */
    int drop_sddmm, drop_spmm;
    /* Where slot_q's fields begin; a place is {mode, col, gap, left}, left lowest. */
    int col_at, mode_at, place_w, nv_at, par_at;
    uint32_t gap_mask, col_mask, place_mask;
    int tail_w;   /* of {used, gap} in tail_q */
    bool vectors; /* 16 slots or rows at a time */

    int wp, v_base, h_base, tag_base;
    bool any_clash;
    uint8_t clipped[SLOT_ARRAY_ROWS_MAX]; /* set bits of sat_q in each row */
    uint16_t
        tail_last[SLOT_ARRAY_ROWS_MAX / SLOT_FAST_LANES]; /* rows that show their last word, one bit each */

    uint8_t narrow_tag[SLOT_FAST_TAGS + SLOT_FAST_WINDOW];
    _Alignas(64) int16_t tags[SLOT_FAST_TAGS + SLOT_FAST_WINDOW];
    _Alignas(64) int16_t v[SLOT_ARRAY_ROWS_MAX][2 * SLOT_FAST_COLUMNS];
    _Alignas(64) int16_t h[SLOT_ARRAY_ROWS_MAX][SLOT_FAST_COLUMNS];
    _Alignas(64) slot_group_t group[SLOT_FAST_ALL / SLOT_FAST_LANES];
};

extern const block_type_t slot_array_fast_type;

/* True for the designs that it can take: 16-bit operands, 32-bit accumulators, scores and sums, PEs in whole
   vectors, at most 64 columns, products that drop 0 to 16 bits. */
bool slot_array_fast_fits(const design_t *d);

/* From now on the plain loops, as on a processor without AVX-512. */
void slot_array_fast_plain(void *self);

void slot_array_fast_init(void *self, const design_t *d);
void slot_array_fast_reset(void *self);
void slot_array_fast_eval(void *self);
void slot_array_fast_tick(void *self);
void slot_array_fast_show(void *self);

#ifdef __cplusplus
}
#endif
#endif
