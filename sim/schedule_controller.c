/* SPDX-License-Identifier: Apache-2.0 */
/* Plays host, memory, fetch and drain: runs of good and flawed jobs, descriptors of noise, addresses that
 * touch each other and the limit; heads are taken and jobs finished at random. */
#include <stdlib.h>
#include <string.h>

#include "../model/controller.h"
#include "schedule.h"

enum { JOBS = 8, READS = 8 };

typedef struct {
    block_t *block;
    random_t *random;
    int epoch;                                      /* cycles until the temper changes */
    int ready_gap, answer_gap, write_gap, host_gap; /* one cycle in so many moves */
    bool running;
    int64_t queue, status, limit;
    int count;
    uint32_t word[JOBS][JOB_WORDS];
    int64_t asked[READS]; /* addresses of reads that wait */
    int first, waiting;
    int64_t done[JOBS + 1]; /* jobs whose heads are all taken */
    int n_done, reported;
} host_t;

static void *host_open(block_t *block, random_t *random)
{
    host_t *h = calloc(1, sizeof *h);
    if (h) *h = (host_t){.block = block, .random = random};
    return h;
}

static void new_temper(host_t *h)
{
    static const int gaps[] = {1, 1, 3, 12};
    h->epoch = 100 + (int)random_below(h->random, 500);
    h->ready_gap = gaps[random_below(h->random, 4)];
    h->answer_gap = gaps[random_below(h->random, 4)];
    h->write_gap = gaps[random_below(h->random, 4)] * (random_one_in(h->random, 3) ? 20 : 1);
    h->host_gap = (random_one_in(h->random, 3) ? 1 : 4) * gaps[random_below(h->random, 4)];
}

/* ---- work ---- */

static uint32_t noise(host_t *h)
{
    return (uint32_t)random_bits(h->random);
}

/* 1 .. most, or just outside. */
static uint32_t size(host_t *h, int most)
{
    int usual = most < 12 ? most : 12;
    if (random_one_in(h->random, 20)) return random_one_in(h->random, 2) ? 0 : (uint32_t)most + 1;
    if (random_one_in(h->random, 10)) return (uint32_t)most;
    return 1 + (uint32_t)random_below(h->random, usual);
}

/* In an eighth of the memory of its own, so that most jobs are good; `of` 8 is anywhere. */
static uint32_t place(host_t *h, int of)
{
    const design_t *d = h->block->design;
    int64_t part = (INT64_C(1) << d->addr_w) / 8, at = of * part + random_below(h->random, part / 2);
    if (random_one_in(h->random, 30)) return noise(h) & (uint32_t)-d->bus_bytes;
    if (random_one_in(h->random, 200)) return noise(h);
    if (random_one_in(h->random, 100)) at += 1;
    return (uint32_t)at & (random_one_in(h->random, 200) ? ~0u : (uint32_t)-d->bus_bytes);
}

/* Bytes of a matrix of all heads. */
static int64_t bytes(const host_t *h, const uint32_t *w, int matrix)
{
    const design_t *d = h->block->design;
    int keys = (int)(w[1] >> 16), head = (int)(w[2] & 0xff), per_beat = d->columns * design_mask_lanes(d);
    bool of_keys = matrix == JOB_K || matrix == JOB_V || matrix == JOB_K_LOW;
    int64_t beats = design_beats(d, head), rows = of_keys ? keys : (int)(w[1] & 0xffff);
    if (matrix == JOB_Q_LOW || matrix == JOB_K_LOW) beats = design_low_record_beats(d, head);
    if (matrix == JOB_MASK) beats = (keys + per_beat - 1) / per_beat;
    return rows * beats * w[11] * d->bus_bytes;
}

static int64_t queue_end(const host_t *h)
{
    return h->queue + (int64_t)h->count * JOB_BYTES;
}
static int64_t status_end(const host_t *h)
{
    return h->status + (int64_t)h->count * h->block->design->bus_bytes;
}

/* Beats of o where the queue or the status area begins or ends, or beside it. */
static int64_t near_areas(host_t *h)
{
    const int64_t at[] = {h->queue, queue_end(h), h->status, status_end(h)};
    return at[random_below(h->random, 4)];
}

/* A matrix that ends at the limit or beside it; o before or behind another or the areas, or a beat off. */
static void touch(host_t *h, uint32_t *w)
{
    int matrix = (int)random_below(h->random, JOB_MATRICES);
    int64_t off = (random_below(h->random, 3) - 1) * h->block->design->bus_bytes;
    if (random_one_in(h->random, 2)) {
        w[4 + matrix] = (uint32_t)(h->limit - bytes(h, w, matrix) + off);
    } else if (random_one_in(h->random, 2)) {
        w[4 + JOB_O] = (uint32_t)(near_areas(h) + off);
    } else {
        int64_t at = w[4 + matrix];
        at += random_one_in(h->random, 2) ? bytes(h, w, matrix) : -bytes(h, w, JOB_O);
        w[4 + JOB_O] = (uint32_t)(at + off);
    }
}

/* One bit, often of those that must be 0, or where they begin or end; or the policy that there is not. */
static void flaw(host_t *h, uint32_t *w)
{
    static const int edge[][2] = {{2, 12}, {2, 31}, {11, 16}, {11, 31}, {12, 0}, {15, 31}};
    int at = (int)random_below(h->random, 14);
    if (at < 6) w[edge[at][0]] ^= 1u << edge[at][1];
    if (at == 6) w[2] |= 3u << 10;
    if (at <= 6) return;
    static const int zero[] = {2, 11, 12, 15};
    int n = random_one_in(h->random, 2) ? (int)random_below(h->random, JOB_WORDS)
                                        : zero[random_below(h->random, 4)];
    w[n] ^= 1u << random_below(h->random, 32);
}

/* More heads than rows: spans and counts of heads get long; as many as fit, or far more. */
static void many_heads(host_t *h, uint32_t *w)
{
    const design_t *d = h->block->design;
    if (random_one_in(h->random, 2)) {
        w[1] = 1u << 16 | 1;
        w[2] = (w[2] & ~0xffu) | 1;
        w[11] = 1 + (uint32_t)random_below(h->random, INT64_C(1) << random_below(h->random, 13));
    } else {
        w[1] = (uint32_t)d->keys_max << 16 | (uint32_t)d->keys_max;
        w[2] = (w[2] & ~0xffu) | (uint32_t)d->head_max;
        w[11] = noise(h) & 0xffff;
    }
}

static void new_job(host_t *h, uint32_t *w)
{
    const design_t *d = h->block->design;
    memset(w, 0, JOB_WORDS * sizeof *w);
    w[0] = JOB_VERSION;
    w[1] = size(h, d->keys_max) << 16 | size(h, d->keys_max);
    w[2] = size(h, d->head_max) | (noise(h) & 3) << 8 | (uint32_t)random_below(h->random, 3) << 10;
    w[3] = noise(h) >> (32 - d->threshold.w);
    if (random_one_in(h->random, 20)) w[3] = noise(h) >> (31 - d->threshold.w);
    for (int matrix = 0; matrix < JOB_MATRICES; ++matrix) w[4 + matrix] = place(h, matrix + 1);
    if (random_one_in(h->random, 8)) w[4 + JOB_MASK] = noise(h); /* anything where it is not used */
    w[11] = 1 + (uint32_t)random_below(h->random, 3);
    if (random_one_in(h->random, 20)) w[11] = noise(h) & (random_one_in(h->random, 6) ? 0xffff : 0x3f);
    if (random_one_in(h->random, 20)) w[11] = 0;
    if (random_one_in(h->random, 25)) many_heads(h, w);
    if (random_one_in(h->random, 3)) touch(h, w);
    if (random_one_in(h->random, 10)) flaw(h, w);
    if (!random_one_in(h->random, 30)) return;
    for (int n = 0; n < JOB_WORDS; ++n) w[n] = noise(h);
}

/* Bytes of memory: all, some less, more than there can be, or where an area ends, or beside that. */
static int64_t new_limit(host_t *h)
{
    int64_t space = INT64_C(1) << h->block->design->addr_w, beside = (1 << random_below(h->random, 5)) / 2;
    switch (random_below(h->random, 10)) {
    case 0: return 2 * space - 1;
    case 1: return queue_end(h) + (random_one_in(h->random, 2) ? beside : -beside);
    case 2: return status_end(h) + (random_one_in(h->random, 2) ? beside : -beside);
    case 3:
    case 4:
    case 5: return space - (int64_t)(noise(h) % (uint32_t)(space / 4));
    default: return space;
    }
}

static void new_run(host_t *h, controller_t *c)
{
    const design_t *d = h->block->design;
    int64_t space = INT64_C(1) << d->addr_w;
    h->count = (int)random_below(h->random, JOBS + 1);
    h->queue = (random_one_in(h->random, 3) ? 4096 : 0) + random_below(h->random, 16) * 64;
    if (random_one_in(h->random, 20)) h->queue = (int64_t)(noise(h) % (uint64_t)space);
    h->status = 2048 + random_below(h->random, 16) * d->bus_bytes + random_one_in(h->random, 20);
    h->limit = new_limit(h);
    if (h->limit < 0) h->limit = 0;
    for (int n = 0; n < h->count; ++n) new_job(h, h->word[n]);
    *c->queue = h->queue;
    *c->status = h->status;
    *c->count = h->count;
    *c->limit = h->limit;
    h->n_done = h->reported = 0;
}

/* ---- the neighbours' inputs of a cycle; outputs are those of the cycle before ---- */

/* A start while busy is ignored, and so is all that comes with it. With a read or a job under way it is busy
   in this cycle too, as far as ports tell. */
static void stray_start(host_t *h, controller_t *c)
{
    bool busy = h->waiting || h->reported < h->n_done;
    if (!busy || !random_one_in(h->random, 30)) return;
    *c->start = 1;
    *c->queue = (int64_t)fixed_low(noise(h), h->block->design->addr_w);
    *c->status = (int64_t)fixed_low(noise(h), h->block->design->addr_w);
    *c->count = noise(h) & 0xffff;
    *c->limit = (int64_t)fixed_low(noise(h), h->block->design->addr_w + 1);
}

static void play_host(host_t *h, controller_t *c)
{
    bool begins = *c->start && !*c->busy;
    *c->start = 0;
    h->running = begins || *c->busy;
    if (h->running) {
        stray_start(h, c);
        return;
    }
    new_run(h, c);
    *c->start = random_one_in(h->random, h->host_gap);
}

static void play_memory(host_t *h, controller_t *c)
{
    int lanes = h->block->design->bus_bytes / 2;
    if (*c->rd_valid && *c->rd_ready) h->asked[(h->first + h->waiting++) % READS] = *c->rd_addr;
    *c->got = h->waiting && random_one_in(h->random, h->answer_gap);
    for (int i = 0; i < lanes; ++i) c->got_data[i] = random_below(h->random, 1 << 16);
    if (*c->got) {
        int64_t at = h->asked[h->first] - h->queue;
        h->first = (h->first + 1) % READS;
        --h->waiting;
        for (int i = 0; i < lanes; ++i) {
            uint64_t byte = (uint64_t)(at + 2 * i);
            c->got_data[i] =
                h->word[byte / JOB_BYTES % JOBS][byte % JOB_BYTES / 4] >> (byte & 2) * 8 & 0xffff;
        }
    }
    *c->rd_ready = h->waiting < READS && random_one_in(h->random, h->ready_gap);
    *c->wr_ready = random_one_in(h->random, h->write_gap);
}

static void play_stages(host_t *h, controller_t *c)
{
    if (*c->job_valid && *c->job_ready && *c->j_final) h->done[h->n_done++ % (JOBS + 1)] = *c->j_number;
    if (*c->fin_valid && *c->fin_ready) {
        *c->fin_valid = 0;
        ++h->reported;
    }
    *c->job_ready = random_one_in(h->random, h->ready_gap);
    if (!*c->fin_valid) {
        *c->fin_valid = h->reported < h->n_done && random_one_in(h->random, h->host_gap);
        *c->fin_job = h->done[h->reported % (JOBS + 1)];
    }
}

static void host_next(void *self)
{
    host_t *h = self;
    controller_t *c = h->block->self;
    if (h->epoch-- == 0) new_temper(h);
    play_memory(h, c);
    play_stages(h, c);
    play_host(h, c);
}

const scenario_t scenario_controller = {"controller", host_open, host_next, free, NULL};
