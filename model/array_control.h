/* SPDX-License-Identifier: Apache-2.0 */
/*
 * array_control: the array under its published control, in slot_array's place: same ports, same order of
 * outputs, driven by tags. docs/machine.md, "array_control", has the sequence, its cycles and the rules for
 * the stream.
 *
 *     load, load_row, mode, col ──► next_q[row] ──► c1_q c2_q c4_q active_q[row] ─┐
 *     tag ──► op_q ─┬─► row i acts i cycles after row 0                           ▼
 *                   └─► phase_q, count_q ──► c3, c5, clear, sum_clear ──► ┌──────────┐
 *     left ──► (load, mac only) ────────────────────────────────────────► │ pe_array │──► hold_q ──► out,
 * out_op left ──► bias_q (exp) ────────────────────────────────────────────► │          │ top
 * ──────────────────────────────────────────────────────────────► └──────────┘──► sum
 *
 *   phase   0 rest      c3 = idle; load begins a pass
 *           1 SDDMM     c3 = self, from the cycle after the load word; rows + columns - 1 cycles after the
 * exp word: c3 = idle, c5 = calc, sum_clear, and active PEs change to the score 2 SpMM      c3 = left, until
 * rows + columns cycles after the last word; then c5 = move, `pes` cycles 3 clear     one cycle: c3 = clear,
 * clear; no PE is active row     load: configuration of next_q (c4 = the gap to the right neighbour, low
 * bits); exp: bias_q = left; left counts in load and mac only, so that nothing else enters the taps out_op  1
 * a word but a pass's last; 2 the last, which waits in hold_q for the row sums; else 0, and out is 0. `sum`
 * is the row's sum, always
 *
 * A load outside rest, and a fwd before the exp, set `clash`, which stays. A load then begins SDDMM all the
 * same, without a clear. Modes: 2 is active, 1 passes partial sums on, 0 and 3 neither. The configurations
 * have no reset; row load_row must exist to be written.
 */
#ifndef SANGER_ARRAY_CONTROL_H
#define SANGER_ARRAY_CONTROL_H

#include "pe_array.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int64_t *left, *top, *tag, *load, *load_row, *mode, *col; /* in */
    int64_t *out, *out_op, *sum, *clash;                      /* out */
    int64_t *next_q, *c1_q, *c2_q, *c4_q, *active_q;          /* reg: [rows][pes] */
    int64_t *op_q, *phase_q, *armed_q, *count_q, *move_q;     /* reg */
    int64_t *deliver_q, *hold_q, *bias_q, *clash_q;           /* reg: of rows, but clash_q */

    const design_t *d;
    pe_array_t array; /* child: its registers are in the table as u_array's, its ports the wires below */
    struct {
        int64_t left[PE_ARRAY_ROWS_MAX], top[PE_ARRAY_COLUMNS_MAX];
        int64_t out[PE_ARRAY_ROWS_MAX], sum[PE_ARRAY_ROWS_MAX];
        int64_t clear, c3, c5, sum_clear;
    } wire;
    bool exp, ends; /* in this cycle: all scores are complete, the last output shows */
} array_control_t;

extern const block_type_t array_control_type;

/* Builds a control whose register pointers are set: its array keeps them. */
void array_control_init(void *self, const design_t *d);
void array_control_reset(void *self);
void array_control_eval(void *self);
void array_control_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
