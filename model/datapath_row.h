/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arithmetic of one sub-row where nothing is clipped, in vectors: scores of its keys, their exponentials,
 * the words of its output.
 *
 *     score   s_i  = sum over e of floor(q[e] k_i[e] / 2^drop_k)
 *     exp     y_i  = exp(s_i - bias)
 *     word[f]      = sum over i of floor(y_i v_i[f] / 2^drop_v)
 *
 * Floors of single products are taken out of sums of whole ones: the sum of floor(p / 2^n) is (sum of p - sum
 * of p mod 2^n) / 2^n, and sums of products are what processors have an instruction for.
 */
#ifndef SANGER_DATAPATH_ROW_H
#define SANGER_DATAPATH_ROW_H

#include "exp.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { DATAPATH_ROW_KEYS = 16, DATAPATH_ROW_GROUP = 32 };

/* What is the same for all sub-rows of a design. */
typedef struct {
    bool fits;    /* the formats are those that this file can take */
    bool vectors; /* 16 keys at a time: the processor has AVX-512, and formats fit 32-bit lanes */
    int drop_k, drop_v, stride; /* elements from key to key */
    int vp, lut_shift, left, y_w;
    int64_t num;
    const int64_t *lut64;
    _Alignas(64) int32_t lut[64];
} datapath_row_t;

void datapath_row_init(datapath_row_t *r, const design_t *d, const exp_unit_t *e, int stride);

/* From now on the plain loops, as on a processor without AVX-512. */
void datapath_row_plain(datapath_row_t *r);

/* At most 16 keys. q: zeros from d on, up to a multiple of 32; col: of each key, 16 of them readable. Adds to
   word[] (which is as long as q); y: of each key, 16 places, 0 where none is. False: an exponential is too
   large for this; then `word` is as it was. The caller knows that sums fit: of products q k within 32 bits,
   of scores and of score less bias within acc's width, and checks y before it asks for words. */
bool datapath_row_scores(const datapath_row_t *r, const int16_t *q, const int16_t *k, const int32_t *col,
                         int n, int d, int32_t bias, int32_t *y);

/* Words fit 32 bits. */
void datapath_row_words(const datapath_row_t *r, const int16_t *v, const int32_t *col, int n, int d,
                        const int32_t *y, int32_t *word);

/* No exponential may be larger for datapath_row_words. */
int32_t datapath_row_most(const datapath_row_t *r);

#ifdef __cplusplus
}
#endif
#endif
