/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feeder: what enters the array. K and V of two tiles, the operand file of the rows, and the skew of both.
 *
 *     we, waddr, wdata ──► tile_q[column] ──────────────► top[column]   column j: j cycles after column 0
 *     load, q, bias ─────► file_q[row], bias_q[row] ────► left[row]     row i: i cycles after row 0
 *     valid, op, at ... ─► row_at_q, col_at_q, tag_q ───► tag
 *
 * A word's address moves down the rows and right along the columns, one a cycle, and each row and column
 * reads its own memory with it. So a word on `valid` in cycle t shows at row i in t + 1 + i, on top of column
 * j in t + 1 + j, its tag in t + 1; all three are combinational from registers and memories.
 *
 *   op   1 load, 2 mac: left = element `at` of the row's query; 3 exp: left = the row's bias; else left = 0
 *        1, 2, 4 fwd, 5 fwd_last: top = element `at` of buffer's K or V (is_v); else top = 0
 *        0, 6, 7: neither, but the tag carries them
 *   at   an element behind the rows' last beat is 0
 *   waddr   {buffer, is_v, column, beat}, buffer highest; columns and beats that do not exist are not written
 *   load    writes the query and the bias of row load_row at the edge; a row that does not exist is not
 * written
 *
 * The memories have no reset. Elements are 16 bits; operands are their low bits.
 */
#ifndef SANGER_FEEDER_H
#define SANGER_FEEDER_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int64_t *we, *waddr, *wdata;                    /* in */
    int64_t *load, *load_row, *q, *bias;            /* in */
    int64_t *valid, *op, *par, *is_v, *at, *buffer; /* in */
    int64_t *left, *top, *tag;                      /* out */
    uint16_t *tile_q, *file_q;                      /* reg: [columns][4 row_beats][lanes], [rows][elements] */
    int64_t *bias_q, *row_at_q, *col_at_q, *tag_q;  /* reg */
    const design_t *d;
    int elements, at_w; /* of a row in whole beats; bits of an element's number */
} feeder_t;

extern const block_type_t feeder_type;

void feeder_init(void *self, const design_t *d);
void feeder_eval(void *self);
void feeder_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
