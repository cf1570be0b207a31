/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe: one processing element's datapath, score-stationary.
 *
 *     a ──►┌─────────┐ prod ┌─────┐
 *     b ──►│ * floor │──────► acc ├──► acc ──► delay_line of the row ──► o of the next PE
 *   score ►└─────────┘      └──┬──┘
 *                     x = acc - bias ──► exp ──► y ──► score
 *
 * Both controls drive this same datapath: c3 and c5 are inputs of its own. Its delay line is the block
 * delay_line (a row's lines are one memory, so that a word holds all PEs), and its exp unit sits beside it,
 * so that a row may share one. `sel` chooses the score as operand a (c1 = columns).
 *
 *   c3  0 clear: acc' = 0     1 idle: hold            2 self: acc' = acc + prod (SDDMM)
 *       3 left: acc' = o + prod (SpMM)                4 load: acc' = prod        5..7 hold
 *   c5  0 hold                1 calc: score' = y      2 move: score' = s         3 clear: score' = 0
 *
 * The product is floored to acc's fraction in SDDMM and to out's with the score as operand. published: prod
 * and acc wrap; x is acc. signed: acc saturates, and `sat` tells in the next cycle; x = acc - bias, clipped.
 * x rests at 0 unless c5 = calc, so that neither hardware nor simulation works where nobody takes y.
 */
#ifndef SANGER_PE_H
#define SANGER_PE_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { C3_CLEAR, C3_IDLE, C3_SELF, C3_LEFT, C3_LOAD };
enum { C5_HOLD, C5_CALC, C5_MOVE, C5_CLEAR };

typedef struct {
    int64_t *a, *b, *sel, *o, *s, *c3, *c5, *bias, *y; /* in; bias: signed designs */
    int64_t *acc, *score, *x, *sat;                    /* out; sat: signed designs */
    int64_t *prod;                                     /* net */
    int64_t *acc_q, *score_q, *sat_q;                  /* reg */
    const design_t *d;
} pe_t;

extern const block_type_t pe_type;

/* Bits of the product after its floor. */
int pe_product_bits(const design_t *d);

void pe_eval(void *self);
void pe_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
