/* SPDX-License-Identifier: Apache-2.0 */
/* Plays pass_control, accumulate, the dividers, the memory and the controller: groups are computed, beats and
 * ends accepted at random; answers come as late as the dividers' do. */
#include <stdlib.h>

#include "../model/drain.h"
#include "../model/normalise.h"
#include "groups.h"
#include "schedule.h"

typedef struct {
    block_t *block;
    random_t *random;
    groups_t groups;
    int epoch;                           /* cycles until the temper changes */
    int compute_gap, write_gap, fin_gap; /* one cycle in so many moves */
    int started, computed, taken, drained;
    uint64_t dividing; /* bit n: operands n + 1 cycles ago */
} rows_t;

static void *rows_open(block_t *block, random_t *random)
{
    rows_t *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    *s = (rows_t){.block = block, .random = random};
    groups_open(&s->groups, block->design, random);
    return s;
}

static void new_temper(rows_t *s)
{
    static const int gaps[] = {1, 1, 2, 5, 20};
    s->epoch = 50 + (int)random_below(s->random, 500);
    s->compute_gap = 10 * gaps[random_below(s->random, 5)];
    s->write_gap = gaps[random_below(s->random, 5)];
    s->fin_gap = gaps[random_below(s->random, 5)];
}

static void start_group(rows_t *s, drain_t *m)
{
    group_t g = groups_next(&s->groups);
    int half = s->started++ & 1;
    m->g_rows[half] = g.rows;
    m->g_d[half] = g.d;
    m->g_beats[half] = g.beats;
    m->g_o[half] = g.o;
    m->g_final[half] = g.final;
    m->g_job[half] = g.job & 0xffff;
}

static int64_t word(rows_t *s, int bits)
{
    return fixed_wrap((int64_t)random_bits(s->random), bits);
}

static void divide(rows_t *s, drain_t *m)
{
    const design_t *d = s->block->design;
    int latency = normalise_latency(d);
    s->dividing = s->dividing << 1 | (uint64_t)*m->div_valid; /* of the cycle before */
    *m->div_done = (int64_t)(s->dividing >> (latency - 1) & 1);
    if (*m->div_done) {
        for (int lane = 0; lane < d->lanes; ++lane) m->div_quot[lane] = word(s, d->output.w);
    }
    for (int e = 0; e < d->head_max; ++e) m->rd_acc[e] = word(s, d->output_sum.w);
    *m->rd_sum = word(s, d->row_sum.w);
}

static void rows_next(void *self)
{
    rows_t *s = self;
    drain_t *m = s->block->self;
    if (s->epoch-- == 0) new_temper(s);
    s->taken += (int)fixed_low((uint64_t)(*m->taken - s->taken), 2);
    s->drained += (int)fixed_low((uint64_t)(*m->drained - s->drained), 2);
    divide(s, m);
    if (s->started - s->taken < 2) start_group(s, m);
    if (s->computed < s->started && s->computed - s->drained < 2 && random_one_in(s->random, s->compute_gap))
        ++s->computed;
    *m->computed = s->computed & 3;
    *m->wr_ready = random_one_in(s->random, s->write_gap);
    *m->fin_ready = random_one_in(s->random, s->fin_gap);
}

const scenario_t scenario_drain = {"drain", rows_open, rows_next, free, NULL};
