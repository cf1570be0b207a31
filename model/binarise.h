/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binarise: the mask's threshold, one bit a row and cycle, without a divider.
 *
 *     exp, sum ──►┌─────────────┐──► keep_q ──► keep
 *     threshold ─►│ exp > T*sum │
 *     allowed ───►└─────────────┘──► any_q  ──► any     something was kept since clear
 *
 *     keep' = allowed and exp > T * sum        exact: both sides keep all their fraction bits
 *     any'  = clear ? 0 : any or the bit that keep takes at this edge
 *
 * `any` is for the rule of empty rows, which is not here: it may need all keys of the row. Formats are those
 * of score_array's exp and sum, unsigned in published designs; T is unsigned. With T = 0 every allowed
 * position whose exp is not 0 is kept.
 */
#ifndef SANGER_BINARISE_H
#define SANGER_BINARISE_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int64_t *exp, *sum, *allowed, *threshold, *clear; /* in */
    int64_t *keep, *any;                              /* out */
    int64_t *keep_q, *any_q;                          /* reg */
    const design_t *d;
} binarise_t;

extern const block_type_t binarise_type;

#ifdef __cplusplus
}
#endif
#endif
