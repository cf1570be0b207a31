/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass of the array under array control: up to `rows` sub-rows of one key tile through SDDMM, exp and
 * SpMM.
 *
 *     cycle 0              clear                      c3 = 0
 *     1 .. F               SDDMM, operands skewed     c3 = 2     F = rows + columns + d - 1
 *     F + 1                exp                        c5 = 1
 *     F + 2 .. 2F + 1      SpMM, values skewed        c3 = 3
 *     then `pes` cycles    scores move out            c5 = 2, row sums grow
 *
 * Left operands of row i are skewed by i cycles, top operands of column j by j cycles (hardware.md 1.4). Host
 * sequenced: nothing overlaps.
 */
#ifndef SANGER_PASS_H
#define SANGER_PASS_H

#include "../model/block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const design_t *design;
    int d;                 /* head size */
    const int64_t *q;      /* rows x d, in format q; rows without work are zero */
    const int64_t *k, *v;  /* columns x d */
    const int64_t *column; /* rows x pes: c1 = c2 of SDDMM */
    const int64_t *active; /* rows x pes */
    const int64_t *c4;     /* rows x pes */
    const int64_t *bias;   /* rows; ignored in published designs */
} pass_t;

/* Cycles of a whole pass. */
int pass_cycles(const pass_t *p);

/* Writes the inputs of cycle t into the array block (pe_array or its fast form). */
void pass_drive(const pass_t *p, block_t *array, int t);

/* After the settle of cycle t: stores what leaves the array into out (rows x d, format out). */
void pass_collect(const pass_t *p, const block_t *array, int t, int64_t *out);

/* After the last edge: row i's sum of scores. */
int64_t pass_sum(const block_t *array, int row);

#ifdef __cplusplus
}
#endif
#endif
