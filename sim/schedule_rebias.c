/* SPDX-License-Identifier: Apache-2.0 */
/* Plays prediction, fetch, the memory and the buffer: strips are scored and held at random, reads answered in
 * order with random delays; words are small in some epochs, so that not all biases clip. */
#include <stdlib.h>

#include "../model/rebias.h"
#include "groups.h"
#include "schedule.h"

typedef struct {
    block_t *block;
    random_t *random;
    groups_t groups;
    int epoch;                                  /* cycles until the temper changes */
    int score_gap, ready_gap, got_gap;          /* one cycle in so many moves */
    int bits;                                   /* of elements */
    int strips_left;                            /* of the group that is being scored */
    int started;                                /* groups */
    int end[2];                                 /* strips up to the end of the last two */
    int offered, held, scored, asked, rebiased; /* strips; offered: of started groups */
    int64_t waiting[256];                       /* tags of reads that wait for their answer */
    int first, count;
} dots_t;

static void *dots_open(block_t *block, random_t *random)
{
    dots_t *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    *s = (dots_t){.block = block, .random = random};
    groups_open(&s->groups, block->design, random);
    return s;
}

static void new_temper(dots_t *s)
{
    static const int gaps[] = {1, 1, 3, 12};
    s->epoch = 50 + (int)random_below(s->random, 500);
    s->score_gap = gaps[random_below(s->random, 4)] * 10;
    s->ready_gap = gaps[random_below(s->random, 4)];
    s->got_gap = gaps[random_below(s->random, 4)];
    s->bits = 2 + (int)random_below(s->random, 15);
}

static void start_group(dots_t *s, rebias_t *r)
{
    group_t g = groups_next(&s->groups);
    int half = s->started++ & 1;
    s->strips_left = group_strips(s->block->design, &g);
    s->offered += s->strips_left;
    s->end[half] = s->offered;
    r->g_rows[half] = g.rows;
    r->g_k[half] = g.k;
    r->g_d[half] = g.d;
    r->g_beats[half] = g.beats;
}

static void score_strip(dots_t *s, rebias_t *r)
{
    const design_t *d = s->block->design;
    int64_t *arg = r->arg + s->scored++ % 3 * d->rows;
    --s->strips_left;
    for (int i = 0; i < d->rows; ++i) arg[i] = random_below(s->random, d->keys_max);
}

/* The memory: its port shows rd_ready, then the answers in order. */
static void answer(dots_t *s, rebias_t *r)
{
    int most = s->block->design->outstanding;
    if (*r->rd_valid && *r->rd_ready) s->waiting[(s->first + s->count++) & 255] = *r->rd_tag;
    *r->got = s->count && random_one_in(s->random, s->got_gap);
    if (*r->got) {
        *r->got_tag = s->waiting[s->first++ & 255];
        --s->count;
    }
    *r->rd_ready = s->count < most && random_one_in(s->random, s->ready_gap);
}

static void data(dots_t *s, rebias_t *r)
{
    for (int i = 0; i < design_bus_w(s->block->design) / 16; ++i) {
        r->dot_q[i] = (int64_t)fixed_low((uint64_t)fixed_wrap((int64_t)random_bits(s->random), s->bits), 16);
        r->got_data[i] =
            (int64_t)fixed_low((uint64_t)fixed_wrap((int64_t)random_bits(s->random), s->bits), 16);
    }
}

/* The count behind one of so many bits. */
static void follow(int *count, int64_t low, int bits)
{
    *count += (int)fixed_low((uint64_t)(low - *count), bits);
}

static void dots_next(void *self)
{
    dots_t *s = self;
    rebias_t *r = s->block->self;
    if (s->epoch-- == 0) new_temper(s);
    follow(&s->asked, *r->asked, 2);
    follow(&s->rebiased, *r->rebiased, design_held_w(s->block->design));
    answer(s, r);
    if (s->strips_left && s->scored - s->asked < 3 && random_one_in(s->random, s->score_gap))
        score_strip(s, r);
    else if (!s->strips_left && s->rebiased >= s->end[s->started & 1])
        start_group(s, r);
    if (s->held < s->offered && random_one_in(s->random, s->score_gap)) ++s->held;
    *r->scored = s->scored & 3;
    *r->held = (int64_t)fixed_low((uint64_t)s->held, design_held_w(s->block->design));
    if (*r->got) data(s, r);
}

const scenario_t scenario_rebias = {"rebias", dots_open, dots_next, free, NULL};
