/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exp: e^x as 2^(x log2 e), combinational.
 *
 *     x ──► * log2(e) ──► u = floor ──────────────► shift ──► y
 *                    └──► v = fraction ► v + LUT[v] ──┘
 *
 * 2^v for v in [0, 1) is v plus a correction that hardly moves, so a small table of the correction, entry k
 * for v = k / 2^lut_bits, does.
 *
 * published: x is read as unsigned, everything wraps, a negative x is a huge one. Valid for small x >= 0
 * only. signed:    u may be negative (right shift); one floor after the shift; too large saturates and raises
 * `sat`.
 *
 * Formats: x and y are the accumulator's and the score's in a PE, `scaled` and `score_exp` in the score
 * array. Source: the paper's exp unit as published; signed form after it.
 */
#ifndef SANGER_EXP_H
#define SANGER_EXP_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { EXP_LUT_MAX = 1 << 10 };

/* One exp unit: formats fixed when built. */
typedef struct {
    bool is_signed;
    format_t x, y;
    log2e_t log2e;
    int lut_bits;
    int64_t lut[EXP_LUT_MAX]; /* (2^(k/n) - k/n), x.frac + append fraction bits */
} exp_unit_t;

typedef struct {
    int64_t *x;   /* in */
    int64_t *y;   /* out */
    int64_t *sat; /* out, signed designs: y was clipped */
    exp_unit_t unit;
} exp_t;

extern const block_type_t exp_type;

void exp_unit_init(exp_unit_t *e, bool is_signed, format_t x, format_t y, log2e_t log2e, int lut_bits);

/* The exp units of a design: the one beside a PE, and the score array's. */
void exp_unit_of_pe(exp_unit_t *e, const design_t *d);
void exp_unit_of_score_array(exp_unit_t *e, const design_t *d);

/* y for x; adds 1 to *saturated when y was clipped (never in published designs). */
int64_t exp_unit_value(const exp_unit_t *e, int64_t x, int64_t *saturated);

#ifdef __cplusplus
}
#endif
#endif
