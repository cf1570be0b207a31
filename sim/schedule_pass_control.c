/* SPDX-License-Identifier: Apache-2.0 */
/* Plays prediction, tile_loader, accumulate and drain: groups come, tiles load and passes complete with and
 * without delay, masks of every density. */
#include <stdlib.h>

#include "../model/pass_control.h"
#include "groups.h"
#include "schedule.h"

enum { PASSES_MAX = 8 };

typedef struct {
    block_t *block;
    random_t *random;
    groups_t groups;
    int epoch;                         /* cycles until the temper changes */
    int rows_percent;                  /* of a strip that keep anything */
    int percent, run;                  /* density; one column in `run` does not repeat its left neighbour */
    int group_gap, tile_gap, done_gap; /* one cycle in so many moves */
    int cycle;
    int started, begun, released, drained; /* groups */
    int strips, predicted, rebiased;       /* strips, of started groups */
    int tiles_left[2], loading;            /* of each half's group; the group whose tiles load */
    int buffer, wait[2];                   /* the next tile's; cycles until it may be loaded */
    bool taken[2];
    int passes, complete, ends[PASSES_MAX]; /* when each pass in flight may be complete */
} neighbours_t;

static void *neighbours_open(block_t *block, random_t *random)
{
    neighbours_t *n = calloc(1, sizeof *n);
    if (!n) return NULL;
    *n = (neighbours_t){.block = block, .random = random};
    groups_open(&n->groups, block->design, random);
    return n;
}

static void new_temper(neighbours_t *n)
{
    static const int percents[] = {2, 10, 30, 50, 80, 100}, gaps[] = {1, 1, 1, 4, 40};
    n->epoch = 100 + (int)random_below(n->random, 20 * n->block->design->keys_max);
    n->percent = percents[random_below(n->random, 6)];
    n->rows_percent = random_one_in(n->random, 2) ? 100 : percents[random_below(n->random, 6)];
    n->run = random_one_in(n->random, 3) ? 6 : 1;
    n->group_gap = gaps[random_below(n->random, 5)];
    n->tile_gap = gaps[random_below(n->random, 5)];
    n->done_gap = gaps[random_below(n->random, 5)];
}

static void start_group(neighbours_t *n, pass_control_t *p)
{
    group_t g = groups_next(&n->groups);
    int half = n->started++ & 1, columns = n->block->design->columns;
    n->strips += group_strips(n->block->design, &g);
    n->tiles_left[half] = (group_keys_seen(&g) + columns - 1) / columns;
    p->g_rows[half] = g.rows;
    p->g_first[half] = g.first;
    p->g_keys[half] = g.keys;
    p->g_d[half] = g.d;
    p->g_causal[half] = g.causal;
}

static void move_groups(neighbours_t *n, pass_control_t *p)
{
    const int held_w = design_held_w(n->block->design);
    bool moves = random_one_in(n->random, n->group_gap);
    if (moves && n->drained < n->released) ++n->drained;
    if (moves && ((*p->computed - n->released) & 3)) ++n->released;
    if (moves && n->started - n->released < 2) start_group(n, p);
    if (n->begun < n->started && random_one_in(n->random, n->group_gap)) ++n->begun;
    if (n->predicted < n->strips && random_one_in(n->random, n->group_gap)) ++n->predicted;
    if (n->rebiased < n->strips && random_one_in(n->random, n->group_gap)) ++n->rebiased;
    *p->predicted = (int64_t)fixed_low((uint64_t)n->predicted, held_w);
    *p->rebiased = (int64_t)fixed_low((uint64_t)n->rebiased, held_w);
    *p->drained = n->drained & 3;
}

/* A tile's buffer is taken when its reads begin, loaded some cycles later and given back by tile_free. */
static void move_tiles(neighbours_t *n, pass_control_t *p)
{
    for (int b = 0; b < 2; ++b) {
        if (p->tile_free[b]) n->taken[b] = false;
        p->tile_loaded[b] =
            n->taken[b] && (p->tile_loaded[b] || (n->wait[b] <= 0 && random_one_in(n->random, n->tile_gap)));
        --n->wait[b];
    }
    if (n->loading == n->begun || n->taken[n->buffer]) return;
    n->taken[n->buffer] = true;
    n->wait[n->buffer] = 4;
    n->buffer ^= 1;
    if (--n->tiles_left[n->loading & 1] == 0) ++n->loading;
}

/* Passes are complete in order, at the earliest when their last word has crossed the array. */
static void move_passes(neighbours_t *n, pass_control_t *p)
{
    const design_t *d = n->block->design;
    if (*p->pass) {
        int last = d->control == CONTROL_ARRAY ? 2 * (d->rows + d->columns) : 0;
        n->ends[n->passes++ % PASSES_MAX] =
            n->cycle + 2 * (int)*p->pass_d + d->columns + (int)*p->pass_rows + 4 + last;
    }
    bool due = n->complete < n->passes && n->cycle >= n->ends[n->complete % PASSES_MAX];
    *p->done = due && random_one_in(n->random, n->done_gap);
    n->complete += (int)*p->done;
}

/* What buffer shows: a strip's rows that keep anything, and the mask word of one of them; now and then
 * columns side by side, as attention to neighbours keeps them. */
static void show_masks(neighbours_t *n, pass_control_t *p)
{
    const design_t *d = n->block->design;
    bool empty = random_one_in(n->random, 12), burst = random_one_in(n->random, 6);
    int from = (int)random_below(n->random, d->columns),
        to = from + 1 + (int)random_below(n->random, d->pes + 1);
    for (int r = 0; r < d->rows; ++r) p->some[r] = random_below(n->random, 100) < n->rows_percent;
    for (int c = 0; c < d->columns; ++c) {
        bool repeat = c && !random_one_in(n->random, n->run);
        p->mask[c] = repeat ? p->mask[c - 1] : !empty && random_below(n->random, 100) < n->percent;
        if (burst) p->mask[c] = c >= from && c < to;
    }
}

static void neighbours_next(void *self)
{
    neighbours_t *n = self;
    pass_control_t *p = n->block->self;
    if (n->epoch-- == 0) new_temper(n);
    move_groups(n, p);
    move_tiles(n, p);
    move_passes(n, p);
    *p->busy = !random_one_in(n->random, 12);
    show_masks(n, p);
    ++n->cycle;
}

const scenario_t scenario_pass_control = {"pass_control", neighbours_open, neighbours_next, free, NULL};
