/* SPDX-License-Identifier: Apache-2.0 */
/* What predict_control's ticks and its way over many of them share. */
#ifndef SANGER_PREDICT_CONTROL_PRIVATE_H
#define SANGER_PREDICT_CONTROL_PRIVATE_H

#include "predict_control.h"

static inline int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t low(int64_t x, int w)
{
    return (int64_t)fixed_low((uint64_t)x, w);
}

/* Registers from an end to its count. */
enum { SCORED_LINE = 2 };
static inline int predicted_line(const design_t *d)
{
    return d->rows + 2;
}

static inline bool bank_free(int64_t strip, int64_t finished)
{
    return low(strip - finished, 2) < 3;
}

/* The registers that follow others alone: the words that are shown to the score array, the drain and the
 * threshold. */
void predict_control_show_word(predict_control_t *c);
void predict_control_show_drain_word(predict_control_t *c, bool first);
void predict_control_show_keep_word(predict_control_t *c);

#endif
