/* SPDX-License-Identifier: Apache-2.0 */
/* Strips of mask columns, each strip after a clear; a column that closes a group is presented again. */
#include <stdlib.h>

#include "../model/pack.h"
#include "schedule.h"

enum { STRIP_MAX = 200 };

typedef struct {
    block_t *block;
    random_t *random;
    int left, percent; /* columns of the strip still to come, its density */
} strip_t;

static void *strip_open(block_t *block, random_t *random)
{
    strip_t *s = calloc(1, sizeof *s);
    if (s) *s = (strip_t){.block = block, .random = random};
    return s;
}

static void new_column(strip_t *s, pack_t *p)
{
    bool empty = random_one_in(s->random, 10);
    for (int i = 0; i < s->block->design->pack_rows; ++i) {
        p->bit[i] = !empty && random_below(s->random, 100) < s->percent;
    }
}

static void strip_next(void *self)
{
    strip_t *s = self;
    pack_t *p = s->block->self;
    bool again = *p->control == PACK_READ && *p->emit; /* in the cycle before */
    if (s->left == 0 && !again) {
        s->left = 1 + (int)random_below(s->random, STRIP_MAX);
        s->percent = (int)random_below(s->random, 101);
        *p->control = PACK_CLEAR;
        return;
    }
    if (!again && random_one_in(s->random, 20)) {
        *p->control = PACK_IDLE;
        return;
    }
    *p->control = PACK_READ;
    if (again) return;
    --s->left;
    new_column(s, p);
}

const scenario_t scenario_pack = {"pack", strip_open, strip_next, free, NULL};
