/* SPDX-License-Identifier: Apache-2.0 */
/* Plays fetch, rebias and whoever uses groups up: strips come and go at random, at times faster than they are
 * scored. */
#include <stdlib.h>

#include "../model/predict_control.h"
#include "groups.h"
#include "schedule.h"

typedef struct {
    block_t *block;
    random_t *random;
    groups_t groups;
    int epoch;                         /* cycles until the temper changes */
    int load_gap, rebias_gap, use_gap; /* one cycle in so many moves */
    int strips_left;                   /* of the group that is being loaded */
    bool new_head;                     /* which waits until nothing is scored */
    int started, used;                 /* groups */
    int loaded, scored, rebiased, swept_groups;
} strips_t;

static void *strips_open(block_t *block, random_t *random)
{
    strips_t *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    *s = (strips_t){.block = block, .random = random};
    groups_open(&s->groups, block->design, random);
    return s;
}

static int new_gap(strips_t *s)
{
    const int gaps[] = {1, 1, 10, 4 * s->block->design->keys_max};
    return gaps[random_below(s->random, 4)];
}

static void new_temper(strips_t *s)
{
    s->epoch = 100 + (int)random_below(s->random, 40 * s->block->design->keys_max);
    s->load_gap = new_gap(s);
    s->rebias_gap = new_gap(s);
    s->use_gap = new_gap(s);
}

/* The count behind a 2-bit one. */
static void follow(int *count, int64_t low)
{
    *count += (int)fixed_low((uint64_t)(low - *count), 2);
}

static void start_group(strips_t *s, predict_control_t *c)
{
    group_t g = groups_next(&s->groups);
    int half = s->started++ & 1;
    s->strips_left = group_strips(s->block->design, &g);
    s->new_head = g.first == 0;
    c->g_rows[half] = g.rows;
    c->g_first[half] = g.first;
    c->g_keys[half] = g.keys;
    c->g_d[half] = g.d;
    c->g_causal[half] = g.causal;
    c->g_policy[half] = g.policy;
    c->g_threshold[half] = g.threshold;
}

static void strips_next(void *self)
{
    strips_t *s = self;
    predict_control_t *c = s->block->self;
    if (s->epoch-- == 0) new_temper(s);
    follow(&s->scored, *c->scored);
    follow(&s->swept_groups, *c->swept_groups);
    int ahead = s->loaded - s->scored;
    if (s->strips_left && ahead < (s->new_head ? 1 : 2) && random_one_in(s->random, s->load_gap)) {
        ++s->loaded;
        --s->strips_left;
        s->new_head = false;
    } else if (!s->strips_left && s->started - s->used < 2)
        start_group(s, c);
    if (s->rebiased < s->scored && random_one_in(s->random, s->rebias_gap)) ++s->rebiased;
    if (s->used < s->swept_groups && random_one_in(s->random, s->use_gap)) ++s->used;
    *c->loaded = s->loaded & 3;
    *c->rebiased = s->rebiased & 3;
}

const scenario_t scenario_predict_control = {"predict_control", strips_open, strips_next, free};
