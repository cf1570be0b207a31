/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot_row: one query row of the array under travelling control.
 *
 *     tag  ──► tag[0] ──► tag[1] ──► ... ──► tag[columns-1] ──► tag[columns]    one place a cycle
 *     left ──► v[0]   ──► v[1]   ──► ... ──► v[columns-1]            │
 *                │ col         top[j] ──► h[j] ──► bot[j]            ▼
 *                ▼                                              output slot ──► out, out_op, sum
 *     slot 0 ──► pe 0 ──► line ──► pe 1 ──► ... ──► pe last ──► line ──┘
 *                 x └──────────── OR ──► exp ──► y of every pe, sums
 *
 *   v, tag    move right by one place in every cycle, h takes top: nothing stops or clears them
 *   load      a configuration for every slot, and what it means for the output slot (see slot_control.h):
 *             gap of slot k = col[k] - col[k-1] - 1 (low bits), left 1; both 0 for k = 0 or after a skip.
 *             The output slot is used unless the last slot skips; its gap is columns - 1 - col of that slot
 *   operands  v[col] (low bits of q's width) and h[col], 0 unless the slot is active or beyond the last
 *             column; bias = low bits of v[col]
 *   lines     store in every cycle; the tap of slot k - 1 has the gap of slot k, that of the last slot the
 *             output slot's; a slot without a left neighbour adds to 0
 *   exp       one for the row: x is the OR over slots with c5 = calc. More than one in a cycle sets `clash`,
 *             which stays: whoever starts passes too early learns it
 *   sums      one a parity: a calc adds y to the sum of its slot's parity (the lowest slot's), in row_sum's
 *             fraction, saturating; the output slot's last word clears its own, whatever is added to it then
 *   out_op    1 a word, 2 the pass's last word; else 0, and out is 0. `sum` is the output slot's pass's,
 * always
 *
 * 32-bit counters, which stay at their maximum, count clipped accumulators (one a PE and edge), scores and
 * sums.
 */
#ifndef SANGER_SLOT_ROW_H
#define SANGER_SLOT_ROW_H

#include "delay_line.h"
#include "exp.h"
#include "pe.h"
#include "slot_control.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SLOT_ROW_PES_MAX = 64 };

typedef struct {
    int64_t *left, *top, *tag, *load, *mode, *col;                                                  /* in */
    int64_t *bot, *tag_down, *out, *out_op, *sum, *clash;                                           /* out */
    int64_t *v_q, *h_q, *tag_q, *slot_q, *tail_q, *acc_q, *score_q, *sat_q, *line_q, *wp_q, *sum_q; /* reg */
    int64_t *clash_q, *acc_sat_q, *exp_sat_q, *sum_sat_q;

    const design_t *d;
    exp_unit_t exp;
    delay_line_t line; /* children: views of the arrays above and of the wires below */
    pe_t pe[SLOT_ROW_PES_MAX];
    slot_control_t slot[SLOT_ROW_PES_MAX];
    struct {
        int64_t gap_in, left_in;
        int64_t col, sel, c3, c5, gap, from_left, active, par;
        int64_t a, b, bias, o, prod, acc, score, x, sat;
    } wire[SLOT_ROW_PES_MAX];
    int64_t acc[SLOT_ROW_PES_MAX], c4[SLOT_ROW_PES_MAX], tap[SLOT_ROW_PES_MAX]; /* of the delay line */
    int64_t shift, clear, zero, y, exp_sat;
    int gap_w;
    int calcs; /* slots with c5 = calc */
} slot_row_t;

extern const block_type_t slot_row_type;

/* Bits of tail_q. */
int slot_row_tail_bits(const design_t *d);

/* Builds a row whose signal pointers are set: its children keep them. */
void slot_row_init(void *self, const design_t *d);
void slot_row_reset(void *self);
void slot_row_eval(void *self);
void slot_row_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
