/* SPDX-License-Identifier: Apache-2.0 */
#include "binarise.h"

#include <string.h>

/* exp > T * sum, with the fraction bits of both sides made equal by lengthening the shorter. */
static bool above(const binarise_t *b, int i)
{
    const design_t *d = b->d;
    __int128 score = b->exp[i], limit = (__int128)*b->threshold * b->sum[i];
    int missing = d->threshold.frac + d->score_sum.frac - d->score_exp.frac;
    if (missing >= 0)
        score = fixed_floor(score, -missing);
    else
        limit = fixed_floor(limit, missing);
    return score > limit;
}

static void binarise_eval(void *self)
{
    binarise_t *b = self;
    size_t bytes = (size_t)b->d->score_rows * sizeof(int64_t);
    memcpy(b->keep, b->keep_q, bytes);
    memcpy(b->any, b->any_q, bytes);
}

static void binarise_tick(void *self)
{
    binarise_t *b = self;
    for (int i = 0; i < b->d->score_rows; ++i) {
        b->keep_q[i] = b->allowed[i] && above(b, i);
        b->any_q[i] = !*b->clear && (b->any_q[i] || b->keep_q[i]);
    }
}

#define FIELD(member) offsetof(binarise_t, member)
#define PER_ROW       .dims = 1, .n = {d->score_rows}

static int binarise_signals(const design_t *d, signal_t *table)
{
    const format_t exp = d->score_exp, sum = d->score_sum, threshold = d->threshold;
    const bool sign = design_signed(d);
    const signal_t all[] = {
        {"exp", SIGNAL_IN, FIELD(exp), exp.w, exp.frac, sign, PER_ROW, .meaning = "the position's exp"},
        {"sum", SIGNAL_IN, FIELD(sum), sum.w, sum.frac, sign, PER_ROW, .meaning = "the row's sum of exp"},
        {"allowed", SIGNAL_IN, FIELD(allowed), 1, PER_ROW, .codes = 2, .weights = "14", .meaning = "no yes"},
        {"threshold", SIGNAL_IN, FIELD(threshold), threshold.w, threshold.frac, .meaning = "T"},
        {"clear", SIGNAL_IN, FIELD(clear), 1, .codes = 2, .weights = "91", .meaning = "keep clear"},
        {"keep", SIGNAL_OUT, FIELD(keep), 1, PER_ROW, .meaning = "mask bits"},
        {"any", SIGNAL_OUT, FIELD(any), 1, PER_ROW, .meaning = "rows that are not empty"},
        {"keep_q", SIGNAL_REG, FIELD(keep_q), 1, PER_ROW, .path = "keep_q"},
        {"any_q", SIGNAL_REG, FIELD(any_q), 1, PER_ROW, .path = "any_q"},
    };
    int n = (int)(sizeof all / sizeof *all);
    for (int i = 0; i < n; ++i) table[i] = all[i];
    return n;
}

static void binarise_init(void *self, const design_t *d)
{
    ((binarise_t *)self)->d = d;
}

const block_type_t binarise_type = {
    .name = "binarise",
    .summary = "the mask's threshold, exp > T * sum, without a divider",
    .size = sizeof(binarise_t),
    .clocked = true,
    .signals = binarise_signals,
    .init = binarise_init,
    .eval = binarise_eval,
    .tick = binarise_tick,
};
