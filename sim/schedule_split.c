/* SPDX-License-Identifier: Apache-2.0 */
/* Mask rows of every density, offered and taken with and without gaps. */
#include <stdlib.h>

#include "../model/split.h"
#include "schedule.h"

typedef struct {
    block_t *block;
    random_t *random;
    int epoch;        /* cycles until the temper changes */
    int percent, run; /* density; one column in `run` does not repeat its left neighbour, 1: none does */
    int offer_gap, take_gap; /* one cycle in so many moves */
} rows_t;

static void *rows_open(block_t *block, random_t *random)
{
    rows_t *r = calloc(1, sizeof *r);
    if (r) *r = (rows_t){.block = block, .random = random};
    return r;
}

static void new_temper(rows_t *r)
{
    static const int percents[] = {0, 2, 8, 20, 35, 50, 70, 90, 100};
    static const int gaps[] = {1, 1, 2, 5};
    r->epoch = 20 + (int)random_below(r->random, 100);
    r->percent = percents[random_below(r->random, sizeof percents / sizeof *percents)];
    r->run = random_one_in(r->random, 3) ? 8 : 1;
    r->offer_gap = gaps[random_below(r->random, 4)];
    r->take_gap = gaps[random_below(r->random, 4)];
}

static void new_row(rows_t *r, split_t *s)
{
    const design_t *d = r->block->design;
    for (int c = 0; c < d->columns; ++c) {
        bool repeat = c && !random_one_in(r->random, r->run);
        s->mask[c] = repeat ? s->mask[c - 1] : random_below(r->random, 100) < r->percent;
    }
    *s->row = (int64_t)fixed_low((uint64_t)*s->row + 1, d->sub_row_id_w);
}

static void rows_next(void *self)
{
    rows_t *r = self;
    split_t *s = r->block->self;
    if (r->epoch-- == 0) new_temper(r);
    bool waits = *s->valid && !*s->ready; /* in the cycle before: the row offered is not loaded yet */
    if (!waits) {
        *s->valid = random_one_in(r->random, r->offer_gap);
        if (*s->valid) new_row(r, s);
    }
    *s->take = random_one_in(r->random, r->take_gap);
}

const scenario_t scenario_split = {"split", rows_open, rows_next, free, NULL};
