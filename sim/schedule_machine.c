/* SPDX-License-Identifier: Apache-2.0 */
/* Random queues of jobs, some of them broken, in a memory that stalls at random; the host starts the next
 * queue when busy falls, after it has held the memory against what golden leaves there. */
#include "schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/golden.h"
#include "../model/machine.h"
#include "image.h"
#include "memory.h"

enum { JOBS_MAX = 6, QUERIES_MOST = 160, STUCK_CYCLES = 300000, STRAY_CYCLES = 6 };

typedef struct {
    block_t *block;
    random_t *random;
    memory_t *memory;
    job_t jobs[JOBS_MAX];
    image_t image;
    golden_t *golden;
    uint8_t *expected;    /* the whole memory after the queue */
    uint64_t beats, idle; /* accepted so far, cycles since the last */
    schedule_check_t check;
    int n;
    int busy_for; /* cycles since the start */
    bool driven;  /* outputs of a cycle before exist */
    bool started; /* the queue runs, or has ended and is not checked */
} player_t;

static void forget(player_t *p)
{
    for (int i = 0; i < p->n; ++i) job_close(&p->jobs[i]);
    image_close(&p->image);
    if (p->memory) memory_close(p->memory);
    free(p->expected);
    p->memory = NULL;
    p->expected = NULL;
    p->n = 0;
}

static memory_config_t new_timing(player_t *p, size_t bytes)
{
    static const double stalls[] = {0, 0, 0.1, 0.5, 0.9};
    random_t *r = p->random;
    return (memory_config_t){.bytes = bytes,
                             .beat = p->block->design->bus_bytes,
                             .latency = 1 + (int)random_below(r, 60),
                             .interval = random_one_in(r, 3) ? 1 + (int)random_below(r, 5) : 1,
                             .depth = 1 + (int)random_below(r, 40),
                             .request_stall = stalls[random_below(r, 5)],
                             .answer_stall = stalls[random_below(r, 5)],
                             .seed = random_bits(r)};
}

/* A queue that the addresses reach; false: out of memory, or not found. */
static bool new_jobs(player_t *p)
{
    const design_t *d = p->block->design;
    char error[JOB_ERROR_MAX];
    for (int tries = 0; tries < 20; ++tries) {
        /* short heads as often as long ones, which take most of the time */
        int most = random_one_in(p->random, 2) ? QUERIES_MOST : 2 * design_group_rows(d);
        int n = 1 + (int)random_below(p->random, JOBS_MAX), made = 0;
        while (made < n && job_random(&p->jobs[made], d, p->random, most)) ++made;
        p->n = made;
        if (made == n &&
            image_open(&p->image, d, p->jobs, n, random_one_in(p->random, 2) ? p->random : NULL, error))
            return true;
        forget(p);
    }
    return false;
}

/* What the queue must leave in memory. */
static bool foresee(player_t *p)
{
    golden_total_t total;
    p->expected = malloc(p->image.limit);
    if (!p->expected) return false;
    memcpy(p->expected, memory_bytes(p->memory), p->image.limit);
    const golden_run_t run = {p->expected, p->image.limit, p->image.queue, p->image.status, p->n};
    return golden_run(p->golden, &run, &total);
}

/* Holds the memory against it. */
static void check_memory(player_t *p)
{
    const uint8_t *found = memory_bytes(p->memory);
    const uint64_t outside = memory_count(p->memory)->outside;
    ++p->check.checked;
    if (outside)
        snprintf(p->check.fault, sizeof p->check.fault, "memory: %" PRIu64 " beats outside", outside);
    for (uint64_t i = 0; i < p->image.limit && !*p->check.fault; ++i) {
        if (found[i] == p->expected[i]) continue;
        snprintf(p->check.fault, sizeof p->check.fault,
                 "memory after the queue: byte %#" PRIx64 ": golden %#x, machine %#x", i, p->expected[i],
                 found[i]);
    }
}

/* A machine at work moves beats: one that does not for long hangs. */
static void check_progress(player_t *p)
{
    const memory_count_t *count = memory_count(p->memory);
    const uint64_t beats = count->reads + count->writes;
    p->idle = beats == p->beats ? p->idle + 1 : 0;
    p->beats = beats;
    if (p->idle == STUCK_CYCLES)
        snprintf(p->check.fault, sizeof p->check.fault, "busy without a beat for %d cycles", STUCK_CYCLES);
}

static bool new_queue(player_t *p)
{
    forget(p);
    if (!new_jobs(p)) return false;
    const memory_config_t timing = new_timing(p, p->image.limit);
    p->memory = memory_open(&timing);
    if (!p->memory) return false;
    image_write(&p->image, memory_bytes(p->memory));
    int spoil = random_one_in(p->random, 2) ? 2 : 5; /* one job in so many is broken */
    for (int i = 0; i < p->n; ++i) {
        if (random_one_in(p->random, spoil)) image_spoil(&p->image, memory_bytes(p->memory), i, p->random);
    }
    p->idle = 0;
    return foresee(p);
}

static void clock_memory(player_t *p, const machine_t *m)
{
    uint8_t data[MEMORY_BEAT_MAX];
    memory_in_t in = {*m->req_valid, *m->req_write, (uint64_t)*m->req_addr, data, *m->rsp_ready};
    if (in.req_valid && in.req_write) memory_from_elements(m->req_data, p->block->design->bus_bytes, data);
    memory_tick(p->memory, &in);
}

static void drive_memory(player_t *p, machine_t *m)
{
    memory_out_t out = memory_settle(p->memory);
    *m->req_ready = out.req_ready;
    *m->rsp_valid = out.rsp_valid;
    if (out.rsp_valid) memory_to_elements(out.rsp_data, p->block->design->bus_bytes, m->rsp_data);
}

static void player_close(void *self)
{
    player_t *p = self;
    forget(p);
    golden_close(p->golden);
    free(p);
}

static void *player_open(block_t *block, random_t *random)
{
    player_t *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (player_t){.block = block, .random = random};
    p->golden = golden_open(block->design);
    if (p->golden && new_queue(p)) return p;
    player_close(p);
    return NULL;
}

/* A start while busy is ignored, and so is all that comes with it. */
static void stray_start(player_t *p, machine_t *m)
{
    const design_t *d = p->block->design;
    *m->start = random_one_in(p->random, 3);
    *m->queue = (int64_t)fixed_low(random_bits(p->random), d->addr_w);
    *m->status = (int64_t)fixed_low(random_bits(p->random), d->addr_w);
    *m->limit = (int64_t)fixed_low(random_bits(p->random), d->addr_w + 1);
    *m->count = random_below(p->random, 1 << 16);
}

static void player_next(void *self)
{
    player_t *p = self;
    machine_t *m = p->block->self;
    if (p->driven) clock_memory(p, m);
    bool idle = !p->driven || (!*m->busy && !*m->start);
    if (idle && p->started) check_memory(p);
    if (idle) p->started = false;
    if (p->started) check_progress(p);
    *m->start = idle && !random_one_in(p->random, 4);
    p->busy_for = p->started ? p->busy_for + 1 : 0;
    if (*m->start && p->driven && !new_queue(p)) *m->start = 0;
    if (*m->start) {
        p->started = true;
        *m->queue = (int64_t)p->image.queue;
        *m->status = (int64_t)p->image.status;
        *m->limit = (int64_t)p->image.limit;
        *m->count = p->n;
    }
    if (p->busy_for >= 1 && p->busy_for <= STRAY_CYCLES) stray_start(p, m);
    if (p->memory) drive_memory(p, m);
    p->driven = true;
}

static const schedule_check_t *player_check(const void *self)
{
    const player_t *p = self;
    return &p->check;
}

const scenario_t scenario_machine = {"machine", player_open, player_next, player_close, player_check};
