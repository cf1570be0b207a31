/* SPDX-License-Identifier: Apache-2.0 */
/* Plays controller, memory port, prediction and drain: legal heads, answers in order, strips scored and
 * groups taken at random. */
#include <stdlib.h>

#include "../model/fetch.h"
#include "schedule.h"

enum { READS_MAX = 512 };

typedef struct {
    block_t *block;
    random_t *random;
    int epoch;                                       /* cycles until the temper changes */
    int offer_gap, ready_gap, answer_gap, stage_gap; /* one cycle in so many moves */
    int loaded, held, scored;                        /* strips */
    int opened, taken;                               /* groups */
    int left;               /* queries of the head taken last that are in no group yet */
    int strips, end[4];     /* strips of opened groups, and when each of them was opened */
    int64_t tag[READS_MAX]; /* of the reads that wait */
    int asked, answered;
} neighbours_t;

static void *neighbours_open(block_t *block, random_t *random)
{
    neighbours_t *n = calloc(1, sizeof *n);
    if (n) *n = (neighbours_t){.block = block, .random = random};
    return n;
}

static void new_temper(neighbours_t *n)
{
    static const int gaps[] = {1, 1, 2, 10};
    n->epoch = 100 + (int)random_below(n->random, 600);
    n->offer_gap = gaps[random_below(n->random, 4)];
    n->ready_gap = gaps[random_below(n->random, 4)];
    n->answer_gap = gaps[random_below(n->random, 4)];
    n->stage_gap = gaps[random_below(n->random, 4)] * gaps[random_below(n->random, 4)];
}

/* 1 .. most, often an end; small enough that a run has many heads. */
static int64_t size(neighbours_t *n, int most)
{
    int usual = most < 40 ? most : 40;
    if (random_one_in(n->random, 30)) return most;
    return random_one_in(n->random, 4) ? 1 : 1 + random_below(n->random, usual);
}

static void offer(neighbours_t *n, fetch_t *f)
{
    const design_t *d = n->block->design;
    if (*f->job_valid && !*f->job_ready) return; /* in the cycle before */
    *f->job_valid = random_one_in(n->random, n->offer_gap);
    *f->j_l = size(n, d->keys_max);
    *f->j_m = size(n, d->keys_max);
    *f->j_d = random_one_in(n->random, 3) ? d->head_max : 1 + random_below(n->random, d->head_max);
    *f->j_causal = random_below(n->random, 2);
    *f->j_external = random_below(n->random, 2);
    *f->j_policy = random_below(n->random, 3);
    *f->j_threshold = (int64_t)fixed_low(random_bits(n->random), d->threshold.w);
    *f->j_final = random_below(n->random, 2);
    *f->j_number = random_below(n->random, 1 << 16);
    int64_t *const at[] = {f->j_q, f->j_k, f->j_v, f->j_q_low, f->j_k_low, f->j_mask, f->j_o};
    for (size_t i = 0; i < sizeof at / sizeof *at; ++i) {
        *at[i] = (int64_t)fixed_low(random_bits(n->random), d->addr_w) & -d->bus_bytes;
    }
}

static void answer(neighbours_t *n, fetch_t *f)
{
    const design_t *d = n->block->design;
    if (*f->rd_valid && *f->rd_ready) n->tag[n->asked++ % READS_MAX] = *f->rd_tag; /* in the cycle before */
    *f->got = n->answered < n->asked && random_one_in(n->random, n->answer_gap);
    if (*f->got) *f->got_tag = n->tag[n->answered++ % READS_MAX];
    *f->rd_ready = n->asked - n->answered < d->outstanding && random_one_in(n->random, n->ready_gap);
    for (int i = 0; i < d->bus_bytes / 2; ++i) f->got_data[i] = random_below(n->random, 1 << 16);
}

/* The count behind one of so many bits. */
static void follow(int *count, int64_t low, int bits)
{
    *count += (int)fixed_low((uint64_t)(low - *count), bits);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* What fetch did in the cycle before. A head is taken when all groups of the one before are opened. */
static void count(neighbours_t *n, const fetch_t *f)
{
    const design_t *d = n->block->design;
    int opened = n->opened;
    follow(&n->loaded, *f->loaded, 2);
    follow(&n->held, *f->held, design_held_w(d));
    follow(&n->opened, *f->opened, 2);
    if (n->opened > opened) {
        int rows = least(n->left, design_group_rows(d));
        n->left -= rows;
        n->strips += (rows + d->rows - 1) / d->rows;
        n->end[opened & 3] = n->strips;
    }
    if (*f->job_valid && *f->job_ready) n->left = (int)*f->j_l;
}

/* A strip is scored when its group is opened, a group taken when all of it was scored and held. */
static void stages(neighbours_t *n, fetch_t *f)
{
    if (n->scored < least(n->loaded, n->strips) && random_one_in(n->random, n->stage_gap)) ++n->scored;
    if (n->taken < n->opened && least(n->scored, n->held) >= n->end[n->taken & 3] &&
        random_one_in(n->random, 3 * n->stage_gap))
        ++n->taken;
    *f->scored = n->scored & 3;
    *f->taken = n->taken & 3;
}

static void neighbours_next(void *self)
{
    neighbours_t *n = self;
    fetch_t *f = n->block->self;
    if (n->epoch-- == 0) new_temper(n);
    count(n, f);
    offer(n, f);
    answer(n, f);
    stages(n, f);
}

const scenario_t scenario_fetch = {"fetch", neighbours_open, neighbours_next, free, NULL};
