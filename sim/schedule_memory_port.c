/* SPDX-License-Identifier: Apache-2.0 */
/* Plays the clients, which keep their requests until they are granted, and a memory that answers in order. */
#include <stdlib.h>

#include "../model/memory_port.h"
#include "schedule.h"

typedef struct {
    block_t *block;
    random_t *random;
    int epoch;                 /* cycles until the temper changes */
    int read_gap, write_gap;   /* one cycle in so many asks */
    int ready_gap, answer_gap; /* and moves */
    int unanswered;            /* reads that the memory has accepted */
} traffic_t;

static void *traffic_open(block_t *block, random_t *random)
{
    traffic_t *t = calloc(1, sizeof *t);
    if (t) *t = (traffic_t){.block = block, .random = random};
    return t;
}

static void new_temper(traffic_t *t)
{
    static const int gaps[] = {1, 1, 3, 15};
    t->epoch = 50 + (int)random_below(t->random, 300);
    t->read_gap = gaps[random_below(t->random, 4)];
    t->write_gap = 2 * gaps[random_below(t->random, 4)];
    t->ready_gap = gaps[random_below(t->random, 4)];
    t->answer_gap = gaps[random_below(t->random, 4)] * (random_one_in(t->random, 3) ? 10 : 1);
}

static int64_t beat_address(const traffic_t *t)
{
    const design_t *d = t->block->design;
    return (int64_t)fixed_low(random_bits(t->random), d->addr_w) & -d->bus_bytes;
}

static void ask(traffic_t *t, memory_port_t *p)
{
    const design_t *d = t->block->design;
    int lanes = d->bus_bytes / 2;
    for (int i = 0; i < MEMORY_PORT_READS; ++i) {
        if (p->rd_valid[i] && !p->rd_ready[i]) continue; /* in the cycle before */
        p->rd_valid[i] = random_one_in(t->random, t->read_gap * 2);
        p->rd_addr[i] = beat_address(t);
        p->rd_tag[i] = (int64_t)fixed_low(random_bits(t->random), design_tag_w(d));
    }
    for (int i = 0; i < MEMORY_PORT_WRITES; ++i) {
        if (p->wr_valid[i] && !p->wr_ready[i]) continue;
        p->wr_valid[i] = random_one_in(t->random, t->write_gap * 2);
        p->wr_addr[i] = beat_address(t);
        for (int n = 0; n < lanes; ++n) p->wr_data[i * lanes + n] = random_below(t->random, 1 << 16);
    }
}

static void answer(traffic_t *t, memory_port_t *p)
{
    bool taken = *p->rsp_valid && *p->rsp_ready;
    t->unanswered += (*p->req_valid && *p->req_ready && !*p->req_write) - taken;
    if (taken || !*p->rsp_valid) {
        *p->rsp_valid = t->unanswered > 0 && random_one_in(t->random, t->answer_gap);
        for (int n = 0; n < t->block->design->bus_bytes / 2; ++n) {
            p->rsp_data[n] = random_below(t->random, 1 << 16);
        }
    }
    *p->req_ready = random_one_in(t->random, t->ready_gap);
}

static void traffic_next(void *self)
{
    traffic_t *t = self;
    memory_port_t *p = t->block->self;
    if (t->epoch-- == 0) new_temper(t);
    ask(t, p);
    answer(t, p);
}

const scenario_t scenario_memory_port = {"memory_port", traffic_open, traffic_next, free, NULL};
