/* SPDX-License-Identifier: Apache-2.0 */
/*
 * split: the paper's policy. One row of a mask tile goes in; sub-rows of at most `pes` kept columns come out,
 * one a cycle, each kept column already placed on a PE ("slot").
 *
 *     valid, mask[columns], row ──►┌──────────────────┐──► have, sub_row, last
 *     ready ◄──────────────────────│ mask_q row_q     │──► mode[k], col[k], c4[k] of every slot k
 *     take ───────────────────────►│ part_q           │    (take: the sub-row shown is consumed at this edge)
 *                                  └──────────────────┘
 *
 * Handshake: a row is loaded at an edge where valid and ready are 1, and its first sub-row shows in the next
 * cycle. ready is 1 when nothing is shown, or when the last sub-row shown is being taken (combinational from
 * take), so that sub-rows of many rows follow each other without a gap. An empty row shows nothing: it costs
 * the cycle it is loaded in. take without have, and valid without ready, do nothing. While have is 0 all
 * other outputs but ready are 0 (sub_row keeps the row last loaded).
 *
 * n kept columns make m = ceil(n / pes) sub-rows: consecutive cols[a*pes : a*pes+pes], or interleaved
 * cols[a::m].
 *
 * Slot k can hold columns k .. k + columns - pes. Columns take slots in order: `first` the lowest, `home` the
 * one nearest to column * (pes-1) / (columns-1) that the columns before and after leave free.
 *
 *   mode  0 skip    before the first kept column: nothing passes through
 *         1 pass    idle, only forwards partial sums; acts as the column right after its left neighbour's
 *         2 active  holds a kept column
 *   col   the slot's column (0 at skip)
 *   c4    the delay between slot k and its right neighbour: col[k+1] - col[k] - 1, for the last slot
 *         columns - 1 - col[k]; 0 at skip
 *
 * With o = col - k: placement keeps 0 <= o <= columns - pes, and o never falls from slot to slot (a slot's
 * wish grows by at most 1 where the column grows by 1), and a pass slot keeps its left neighbour's o. So c4,
 * which is the step in o, always lies in 0 .. columns - pes, and a virtual column never reaches the next kept
 * one or `columns`: the idle-slot rule needs no exception.
 */
#ifndef SANGER_SPLIT_H
#define SANGER_SPLIT_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SPLIT_SKIP, SPLIT_PASS, SPLIT_ACTIVE };
enum { SPLIT_COLUMNS_MAX = 128 };

typedef struct {
    int64_t *valid, *mask, *row, *take;                       /* in */
    int64_t *ready, *have, *sub_row, *last, *mode, *col, *c4; /* out */
    int64_t *count;                                           /* net */
    int64_t *mask_q, *row_q, *part_q;                         /* reg */
    const design_t *d;
    bool shown; /* the outputs are those of mask_q and part_q as they are */
} split_t;

extern const block_type_t split_type;

void split_init(void *self, const design_t *d);
void split_reset(void *self);
void split_eval(void *self);
void split_tick(void *self);

/* Sub-rows of a row with n kept columns. */
int split_parts(const design_t *d, int n);

/* Kept columns of sub-row `part` of a mask row (one int64_t a column), ascending; returns how many. */
int split_columns(const design_t *d, const int64_t *mask, int part, int cols[SPLIT_COLUMNS_MAX]);

/* The slot nearest to c * (pes-1) / (columns-1), halves up. */
int split_home(const design_t *d, int c);

/* Places n <= pes ascending columns: slot[i] is the slot of cols[i]. */
void split_place(const design_t *d, const int *cols, int n, int *slot);

#ifdef __cplusplus
}
#endif
#endif
