/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delay_line: the delay lines of all PEs of a row, one memory of `depth` words, a word = one accumulator a
 * PE.
 *
 *     acc[k] ──┬────────────────────────► c4 = 0 ──┐
 *              └──► mem[wp] ... mem[..] ► c4 > 0 ──┴──► tap[k]
 *
 * As seen from outside it is a shift register: tap = acc for c4 = 0, else the acc of c4 shifts ago, 0 before
 * that many. Inside, nothing moves but the write pointer, downwards, so the value of age a is at (wp + a) mod
 * depth.
 *
 *   shift  mem[wp]' = acc, wp' = wp - 1 (mod depth)
 *   clear  all words 0, wp holds; before shift
 *   c4     above columns - pes: tap = 0
 */
#ifndef SANGER_DELAY_LINE_H
#define SANGER_DELAY_LINE_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int64_t *acc, *c4, *shift, *clear; /* in; acc and c4: one a PE */
    int64_t *tap;                      /* out; one a PE */
    int64_t *line_q, *wp_q;            /* reg; line_q: [depth][pes] */
    const design_t *d;
} delay_line_t;

extern const block_type_t delay_line_type;

void delay_line_eval(void *self);
void delay_line_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
