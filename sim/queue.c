/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/golden.h"
#include "image.h"

struct queue {
    const design_t *design;
    int count;
    job_t *jobs;
    image_t image;
    uint8_t *bytes;
};

static bool fill(queue_t *q, random_t *r, char error[QUEUE_ERROR_MAX])
{
    const design_t *d = q->design;
    int jobs = q->count;
    snprintf(error, QUEUE_ERROR_MAX, "out of memory");
    q->jobs = calloc((size_t)jobs, sizeof *q->jobs);
    for (q->count = 0; q->jobs && q->count < jobs; ++q->count) {
        if (!job_random(&q->jobs[q->count], d, r, d->keys_max)) return false;
    }
    if (!q->jobs || !image_open(&q->image, d, q->jobs, jobs, random_one_in(r, 2) ? r : NULL, error))
        return false;
    q->bytes = malloc(q->image.limit);
    if (!q->bytes) return false;
    for (uint64_t i = 0; i < q->image.limit; ++i) q->bytes[i] = (uint8_t)random_bits(r);
    image_write(&q->image, q->bytes);
    for (int i = 0; i < jobs; ++i) {
        if (random_one_in(r, 6)) image_spoil(&q->image, q->bytes, i, r);
    }
    return true;
}

queue_t *queue_random(const design_t *d, int jobs, uint64_t seed, char error[QUEUE_ERROR_MAX])
{
    const char *lacks = design_lacks_machine(d);
    if (lacks) {
        snprintf(error, QUEUE_ERROR_MAX, "%s: expected a machine, found a design that lacks %s", d->name,
                 lacks);
        return NULL;
    }
    random_t r = {.state = seed};
    queue_t *q = calloc(1, sizeof *q);
    snprintf(error, QUEUE_ERROR_MAX, "out of memory");
    if (!q) return NULL;
    *q = (queue_t){.design = d, .count = jobs};
    if (fill(q, &r, error)) return q;
    queue_close(q);
    return NULL;
}

void queue_close(queue_t *q)
{
    if (!q) return;
    for (int i = 0; q->jobs && i < q->count; ++i) job_close(&q->jobs[i]);
    image_close(&q->image);
    free(q->jobs);
    free(q->bytes);
    free(q);
}

machine_start_t queue_start(const queue_t *q)
{
    return (machine_start_t){q->image.queue, q->image.status, q->image.limit, q->count};
}

const uint8_t *queue_bytes(const queue_t *q)
{
    return q->bytes;
}

int64_t queue_check(const queue_t *q, const uint8_t *left)
{
    uint8_t *should = malloc(q->image.limit);
    golden_t *g = golden_open(q->design);
    golden_total_t total;
    int64_t at = -1;
    if (should && g) {
        memcpy(should, q->bytes, q->image.limit);
        const golden_run_t run = {should, q->image.limit, q->image.queue, q->image.status, q->count};
        if (golden_run(g, &run, &total)) {
            for (at = 0; (uint64_t)at < q->image.limit && left[at] == should[at];) ++at;
        }
    }
    free(should);
    if (g) golden_close(g);
    return at;
}
