/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random queue of jobs, some of them broken, as it lies in memory, and what the machine must leave there.
 * A function of design, count and seed: two harnesses run the same one.
 */
#ifndef SANGER_QUEUE_H
#define SANGER_QUEUE_H

#include "machine_run.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { QUEUE_ERROR_MAX = 240, QUEUE_JOBS_MAX = 1000 };

typedef struct queue queue_t;

/* NULL with one line in error: no machine, more than its addresses reach, or out of memory. The design must
   outlive it. */
queue_t *queue_random(const design_t *d, int jobs, uint64_t seed, char error[QUEUE_ERROR_MAX]);
void queue_close(queue_t *q);

/* For the host: what to write into the registers, and start.limit bytes of memory. */
machine_start_t queue_start(const queue_t *q);
const uint8_t *queue_bytes(const queue_t *q);

/* The first byte that is not what golden leaves, or start.limit; -1: out of memory. */
int64_t queue_check(const queue_t *q, const uint8_t *left);

#ifdef __cplusplus
}
#endif
#endif
