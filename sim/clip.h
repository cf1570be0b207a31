/* SPDX-License-Identifier: Apache-2.0 */
/* Where values were clipped, counted one by one. */
#ifndef SANGER_CLIP_H
#define SANGER_CLIP_H

typedef enum {
    CLIP_Q,
    CLIP_K,
    CLIP_V,
    CLIP_BIAS,
    CLIP_SCALE, /* host: operands and scales that do not fit their format; rebias: biases */
    CLIP_SCORE_ACC,
    CLIP_SCALED,
    CLIP_SCORE_EXP,
    CLIP_SCORE_SUM, /* prediction */
    CLIP_ACC,
    CLIP_EXP,
    CLIP_ROW_SUM, /* the array and the sum over passes */
    CLIP_OUTPUT_SUM,
    CLIP_OUTPUT,
    CLIP_KINDS
} clip_t;

extern const char *const clip_names[CLIP_KINDS];

#endif
