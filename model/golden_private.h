/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SANGER_GOLDEN_PRIVATE_H
#define SANGER_GOLDEN_PRIVATE_H

#include "golden.h"

struct golden {
    const design_t *d;
    exp_unit_t exp, score_exp;
    int64_t *scaled, *predicted; /* of the query at work, [keys_max]; scaled: allowed keys only */
    uint8_t *allowed;
};

/* Sub-row `part` of `kept` columns: every step-th from `from` on; returns how many. */
int golden_split(const design_t *d, int kept, int part, int *from, int *step);

#endif
