/* SPDX-License-Identifier: Apache-2.0 */
#include "delay_line.h"

#include <string.h>

static int64_t tap(const delay_line_t *line, int k)
{
    const design_t *d = line->d;
    int64_t age = line->c4[k];
    if (age == 0) return line->acc[k];
    if (age > d->columns - d->pes) return 0;
    int64_t word = (*line->wp_q + age) % design_depth(d);
    return line->line_q[word * d->pes + k];
}

void delay_line_eval(void *self)
{
    delay_line_t *line = self;
    for (int k = 0; k < line->d->pes; ++k) line->tap[k] = tap(line, k);
}

void delay_line_tick(void *self)
{
    delay_line_t *line = self;
    size_t lanes = (size_t)line->d->pes, depth = (size_t)design_depth(line->d);
    if (*line->clear) {
        memset(line->line_q, 0, depth * lanes * sizeof *line->line_q);
    } else if (*line->shift) {
        memcpy(line->line_q + (size_t)*line->wp_q * lanes, line->acc, lanes * sizeof *line->line_q);
        *line->wp_q = *line->wp_q ? *line->wp_q - 1 : (int64_t)depth - 1;
    }
}

#define FIELD(member) offsetof(delay_line_t, member)

static int delay_line_signals(const design_t *d, signal_t *table)
{
    const int pes = d->pes, depth = design_depth(d), w = d->acc.w, frac = d->out.frac;
    const signal_t all[] = {
        {"acc", SIGNAL_IN, FIELD(acc), w, frac, true, 1, {pes}, .meaning = "accumulators"},
        {"c4", SIGNAL_IN, FIELD(c4), design_c4_w(d), .dims = 1, .n = {pes}, .codes = d->columns - pes + 1,
         .meaning = "age of the tap"},
        {"shift", SIGNAL_IN, FIELD(shift), 1, .codes = 2, .weights = "19", .meaning = "hold store"},
        {"clear", SIGNAL_IN, FIELD(clear), 1, .codes = 2, .weights = "91", .meaning = "keep zero"},
        {"tap", SIGNAL_OUT, FIELD(tap), w, frac, true, 1, {pes}, .meaning = "delayed accumulators"},
        {"line_q",
         SIGNAL_REG,
         FIELD(line_q),
         w,
         frac,
         true,
         2,
         {depth, pes},
         .memory = true,
         .path = "line_q"},
        {"wp_q", SIGNAL_REG, FIELD(wp_q), fixed_bits(depth), .path = "wp_q"},
    };
    int n = (int)(sizeof all / sizeof *all);
    for (int i = 0; i < n; ++i) table[i] = all[i];
    return n;
}

static void delay_line_init(void *self, const design_t *d)
{
    ((delay_line_t *)self)->d = d;
}

const block_type_t delay_line_type = {
    .name = "delay_line",
    .summary = "the delay lines of a row's PEs, one memory with a moving pointer",
    .size = sizeof(delay_line_t),
    .clocked = true,
    .signals = delay_line_signals,
    .init = delay_line_init,
    .eval = delay_line_eval,
    .tick = delay_line_tick,
};
