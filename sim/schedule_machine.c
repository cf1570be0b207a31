/* SPDX-License-Identifier: Apache-2.0 */
/* Random queues of jobs, some of them broken, in a memory that stalls at random; the host starts the next
 * queue when busy falls. */
#include "schedule.h"

#include <stdlib.h>
#include <string.h>

#include "../model/machine.h"
#include "image.h"
#include "memory.h"

enum { JOBS_MAX = 3, QUERIES_MOST = 160 };

typedef struct {
    block_t *block;
    random_t *random;
    memory_t *memory;
    job_t jobs[JOBS_MAX];
    image_t image;
    int n;
    bool driven; /* outputs of a cycle before exist */
} player_t;

static void forget(player_t *p)
{
    for (int i = 0; i < p->n; ++i) job_close(&p->jobs[i]);
    image_close(&p->image);
    if (p->memory) memory_close(p->memory);
    p->memory = NULL;
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
        int n = 1 + (int)random_below(p->random, JOBS_MAX), made = 0;
        while (made < n && job_random(&p->jobs[made], d, p->random, QUERIES_MOST)) ++made;
        p->n = made;
        if (made == n &&
            image_open(&p->image, d, p->jobs, n, random_one_in(p->random, 2) ? p->random : NULL, error))
            return true;
        forget(p);
    }
    return false;
}

static bool new_queue(player_t *p)
{
    forget(p);
    if (!new_jobs(p)) return false;
    const memory_config_t timing = new_timing(p, p->image.limit);
    p->memory = memory_open(&timing);
    if (!p->memory) return false;
    image_write(&p->image, memory_bytes(p->memory));
    for (int i = 0; i < p->n; ++i) {
        if (random_one_in(p->random, 6)) image_spoil(&p->image, memory_bytes(p->memory), i, p->random);
    }
    return true;
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

static void *player_open(block_t *block, random_t *random)
{
    player_t *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (player_t){.block = block, .random = random};
    if (new_queue(p)) return p;
    forget(p);
    free(p);
    return NULL;
}

static void player_next(void *self)
{
    player_t *p = self;
    machine_t *m = p->block->self;
    if (p->driven) clock_memory(p, m);
    bool idle = !p->driven || (!*m->busy && !*m->start);
    *m->start = idle && !random_one_in(p->random, 4);
    if (*m->start && p->driven && !new_queue(p)) *m->start = 0;
    if (*m->start) {
        *m->queue = (int64_t)p->image.queue;
        *m->status = (int64_t)p->image.status;
        *m->limit = (int64_t)p->image.limit;
        *m->count = p->n;
    }
    if (p->memory) drive_memory(p, m);
    p->driven = true;
}

static void player_close(void *self)
{
    forget(self);
    free(self);
}

const scenario_t scenario_machine = {"machine", player_open, player_next, player_close};
