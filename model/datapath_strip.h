/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exponentials of a strip where nothing is clipped, in vectors of 16 rows:
 *
 *     x = max(score - floored, least)      of the keys that a row sees
 *     y = exp(x)                           takes the score's place; -1 where the row does not see the key
 *     sum += floor(y / 2^drop)             top = max(top, y)
 *
 * The caller knows that no sum is clipped, and asks whether the largest y is.
 */
#ifndef SANGER_DATAPATH_STRIP_H
#define SANGER_DATAPATH_STRIP_H

#include "exp.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DATAPATH_NEVER INT32_MIN /* a score that is not allowed: less than any */

enum { DATAPATH_STRIP_ROWS = 16, DATAPATH_STRIP_LUT = 64 };

typedef struct {
    bool vectors; /* the processor has AVX-512, and formats fit 32-bit lanes */
    int vp, lut_shift, left, drop;
    int32_t num, least;
    const exp_unit_t *exp;
    _Alignas(64) int32_t lut[DATAPATH_STRIP_LUT];
} datapath_strip_t;

void datapath_strip_init(datapath_strip_t *s, const design_t *d, const exp_unit_t *e);

/* The exponential of x >= 0; false: it is clipped, or not of the form that vectors take. */
bool datapath_strip_largest(const datapath_strip_t *s, int64_t x, int64_t *y);

/* n keys, `stride` scores (a multiple of 16: rows and what fills them up) from key to key; where `vectors`.
 */
void datapath_strip_exponentials(const datapath_strip_t *s, int32_t *score, int n, int stride,
                                 const int32_t *floored, int64_t *sum, int32_t *top);

#ifdef __cplusplus
}
#endif
#endif
