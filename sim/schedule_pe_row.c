/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row that sums: fresh products, their exp in one cycle, then all scores to the right, again and again, so
 * that row sums fill within a few turns. A clear comes at any moment, mostly while a score that matters
 * leaves the row.
 */
#include <stdlib.h>

#include "../model/pe_row.h"
#include "schedule.h"

enum { CLEAR_GAP = 64, BIAS_GAP = 32 };

typedef struct {
    block_t *block;
    random_t *random;
    int t; /* cycle of the turn: 0 calculates, the others move */
} turns_t;

static void *turns_open(block_t *block, random_t *random)
{
    turns_t *s = calloc(1, sizeof *s);
    if (s) *s = (turns_t){.block = block, .random = random};
    return s;
}

static int64_t word(turns_t *s, int w)
{
    return fixed_wrap((int64_t)random_bits(s->random), w);
}

static void drive_pe(turns_t *s, pe_row_t *row, int k)
{
    const design_t *d = s->block->design;
    row->c1[k] = random_below(s->random, d->columns);
    row->c2[k] = random_below(s->random, d->columns);
    row->c3[k] = C3_LOAD;
    row->c4[k] = random_below(s->random, d->columns - d->pes + 1);
    row->c5[k] = s->t ? C5_MOVE : C5_CALC;
}

static void turns_next(void *self)
{
    turns_t *s = self;
    pe_row_t *row = s->block->self;
    const design_t *d = s->block->design;
    bool clears = random_one_in(s->random, CLEAR_GAP);
    *row->left = word(s, d->q.w);
    for (int j = 0; j < d->columns; ++j) row->top[j] = word(s, design_top_w(d));
    for (int k = 0; k < d->pes; ++k) drive_pe(s, row, k);
    *row->shift = random_one_in(s->random, 2);
    *row->line_clear = *row->clear = 0;
    if (!design_signed(d)) {
        *row->clear = clears;
    } else {
        *row->sum_clear = clears;
        if (random_one_in(s->random, BIAS_GAP))
            *row->bias = word(s, 1 + (int)random_below(s->random, d->bias.w));
    }
    s->t = s->t < d->pes ? s->t + 1 : 0;
}

const scenario_t scenario_pe_row = {"pe_row", turns_open, turns_next, free, NULL};
