/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_array_fast: pe_array once more, for speed. pe_array.c stays the definition; this one is checked against
 * it.
 *
 * The same signals in narrow elements. Nothing moves that can stay: left taps and column registers are rings
 * with moving bases (one step of a base shifts every row), delay lines are one ring of planes [rows][pes], so
 * that a shift is one block copy and a tap is an element of the plane that c4 names. A row's PEs are 16-lane
 * vectors where the processor has AVX-512 (chosen at run time), plain loops elsewhere.
 *
 *     v ring   tap j of row r     v[r][v_base + j]
 *     h ring   column j of row r  h[(h_base + r) mod rows][j]
 *     planes   age a of PE (r,k)  line[(wp + a) mod depth][r][k]
 *
 * Every word of the v ring is there twice, a ring's size apart, so that a row's taps never wrap.
 *
 * So v_q, h_q and line_q in the table's layout are brought up to date by `show` alone.
 */
#ifndef SANGER_PE_ARRAY_FAST_H
#define SANGER_PE_ARRAY_FAST_H

#include "pe_array.h"

enum {
    FAST_LANES = 16,   /* of a vector */
    FAST_COLUMNS = 64, /* ring size of the taps: two vectors of 16-bit words */
    FAST_PLANES = 256, /* values of c4 */
    /* words between planes, so that one row's ages do not fight for one set of the cache */
    FAST_PLANE_PAD = 16,
    FAST_PES_ALL = PE_ARRAY_ROWS_MAX * PE_ROW_PES_MAX,
};

typedef struct pe_array_fast pe_array_fast_t;

struct pe_array_fast {
    int16_t *left, *top, *bias; /* in */
    uint8_t *clear, *c1, *c2, *c3, *c4, *c5, *sum_clear, *active;
    int32_t *out, *sum; /* out */
    int16_t *v_q, *h_q; /* reg */
    int32_t *acc_q, *score_q, *line_q, *sum_q;
    uint8_t *wp_q, *sat_q;
    uint32_t *acc_sat_q, *exp_sat_q, *sum_sat_q;

    const design_t *d;
    exp_unit_t exp;
    int rows, columns, pes, depth, drop_sddmm, drop_spmm;
    /* All accumulators by c3, where that is self, left or load; counts what it clips in `clipped`. */
    void (*accumulate)(pe_array_fast_t *a);

    int wp, v_base, h_base;
    bool any_clipped; /* some sat_q is set */
    int shown;        /* planes that line_q has not seen yet, at most depth */
    uint8_t clipped[PE_ARRAY_ROWS_MAX];
    const int32_t *plane[FAST_PLANES]; /* of each c4, while taps are gathered */

    _Alignas(64) int16_t v[PE_ARRAY_ROWS_MAX][2 * FAST_COLUMNS];
    _Alignas(64) int16_t h[PE_ARRAY_ROWS_MAX][FAST_COLUMNS];
    _Alignas(64) int32_t tap[FAST_PES_ALL];
    _Alignas(64) int32_t score[FAST_PES_ALL]; /* what exp has just made */
    _Alignas(64) int32_t zero[FAST_PES_ALL];
    _Alignas(64) int32_t line[FAST_COLUMNS * (FAST_PES_ALL + FAST_PLANE_PAD)];
};

extern const block_type_t pe_array_fast_type;

/* True for the designs that it can take: signed, 16-bit operands, 32-bit accumulators, scores and sums, PEs
   in whole vectors, at most 64 columns, products that drop 0 to 16 bits. */
bool pe_array_fast_fits(const design_t *d);

/* From now on the plain loops, as on a processor without AVX-512. */
void pe_array_fast_plain(void *self);

#endif
