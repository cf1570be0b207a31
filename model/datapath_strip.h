/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arithmetic of a strip in vectors of 16 rows. Scores of a tile's keys, whose sums are not clipped:
 *
 *     score = floor(sum over e of key[e] query[e] * head * scale / 2^shift), clipped to `scaled`; of keys
 *             that the row sees; max, arg: the largest so far, and the first key that has it
 *
 * and exponentials, where nothing is clipped:
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
    bool scores, vectors; /* the processor has AVX-512, and formats fit 32-bit lanes: of which of both */
    int shift, vp, lut_shift, left, drop;
    int32_t num, least;
    const exp_unit_t *exp;
    _Alignas(64) int32_t lut[DATAPATH_STRIP_LUT];
} datapath_strip_t;

/* Keys of a tile and the strip's queries. */
typedef struct {
    const int8_t *key; /* of d elements each, `key_stride` from one to the next */
    const int32_t *scale;
    int key_stride, n, d;
    int32_t first, limit; /* number of the first key; of the last that row 0 sees */
    int rows, stride;     /* in use; in all: a multiple of 16 */
    const int8_t *query;  /* [d / 4][stride][4] */
    const int32_t *head;  /* a row's scale; negative: no query, as of a key */
    int32_t *score;       /* [n][stride] */
    int32_t *max, *arg;
} datapath_strip_tile_t;

void datapath_strip_init(datapath_strip_t *s, const design_t *d, const exp_unit_t *e);

/* Where `scores`. True: a score that counts was clipped. */
bool datapath_strip_scores(const datapath_strip_t *s, const datapath_strip_tile_t *t);

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
