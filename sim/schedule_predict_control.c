/* SPDX-License-Identifier: Apache-2.0 */
/* Plays fetch, rebias and whoever uses groups up: strips come and go at random, at times faster than they are
 * scored. */
#include <stdlib.h>

#include "../model/predict_control.h"
#include "groups.h"
#include "schedule.h"

enum { COMING = 4 };

typedef struct {
    block_t *block;
    random_t *random;
    groups_t groups;
    group_t group[COMING];          /* by number: strips are loaded before their group has its record */
    int epoch;                      /* cycles until the temper changes */
    int load_gap, ask_gap, use_gap; /* one cycle in so many moves */
    int strips_left;                /* of the last group made, to load */
    int made, opened, used;         /* groups */
    int end[COMING];                /* strips up to the end of each */
    int loaded, scored, asked, predicted;
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
    const int gaps[] = {1, 1, 1, 1, 10, 4 * s->block->design->keys_max};
    return gaps[random_below(s->random, 6)];
}

static void new_temper(strips_t *s)
{
    s->epoch = 100 + (int)random_below(s->random, 40 * s->block->design->keys_max);
    s->load_gap = new_gap(s);
    s->ask_gap = new_gap(s);
    s->use_gap = new_gap(s);
}

/* The count behind one of so many bits. */
static void follow(int *count, int64_t low, int bits)
{
    *count += (int)fixed_low((uint64_t)(low - *count), bits);
}

static void load(strips_t *s)
{
    if (!s->strips_left) {
        if (s->made > s->opened) return;
        int place = s->made++ % COMING;
        s->group[place] = groups_next(&s->groups);
        s->strips_left = group_strips(s->block->design, &s->group[place]);
        s->end[place] = s->loaded + s->strips_left;
    } else if (s->loaded - s->scored < 3 && random_one_in(s->random, s->load_gap)) {
        ++s->loaded;
        --s->strips_left;
    }
}

static void open_group(strips_t *s, predict_control_t *c)
{
    if (s->opened == s->made || s->opened - s->used == 2 || random_one_in(s->random, 4)) return;
    int half = s->opened & 1;
    const group_t *g = &s->group[s->opened++ % COMING];
    c->g_rows[half] = g->rows;
    c->g_first[half] = g->first;
    c->g_keys[half] = g->keys;
    c->g_d[half] = g->d;
    c->g_causal[half] = g->causal;
    c->g_upper[half] = random_below(s->random, 2);
    c->g_policy[half] = g->policy;
    c->g_threshold[half] = g->threshold;
}

static void strips_next(void *self)
{
    strips_t *s = self;
    predict_control_t *c = s->block->self;
    if (s->epoch-- == 0) new_temper(s);
    follow(&s->scored, *c->scored, 2);
    follow(&s->predicted, *c->predicted, design_held_w(s->block->design));
    load(s);
    open_group(s, c);
    if (s->asked < s->scored && random_one_in(s->random, s->ask_gap)) ++s->asked;
    bool usable = s->used < s->opened && s->predicted >= s->end[s->used % COMING];
    if (usable && random_one_in(s->random, s->use_gap)) ++s->used;
    *c->loaded = s->loaded & 3;
    *c->opened = s->opened & 3;
    *c->asked = s->asked & 3;
}

const scenario_t scenario_predict_control = {"predict_control", strips_open, strips_next, free, NULL};
