/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory behind the machine's port (docs/machine.md, memory_port): deterministic, in order, a beat an
 * access.
 *
 *     req_valid, req_write, req_addr, req_data ──►┌─────────┐──► rsp_valid, rsp_data
 *                                    req_ready ◄──│ queue   │◄── rsp_ready
 *                                                 └─────────┘
 *
 * A request accepted in cycle t (req_valid and req_ready) is served from s = max(t, s of the one before +
 * interval); a read's answer shows from cycle s + latency until it is taken (rsp_valid and rsp_ready), in
 * order. A request holds one of `depth` places of the queue from the cycle after it was accepted to the cycle
 * in which its answer is taken (a write: in which it would show); req_ready is 0 while all are held. So a
 * beat takes max(interval, (latency + 1) / depth) cycles on average.
 *
 * Stalls: in any cycle req_ready is 0 with probability `request_stall`, and an answer that does not show yet
 * waits with probability `answer_stall`. Equal seeds give equal stalls, whatever the machine does.
 *
 * A write is applied, and a read's data taken, when the request is accepted. A beat that is not aligned or
 * not wholly inside is counted in `outside`: such a write does nothing, such a read gives MEMORY_OUTSIDE in
 * every byte.
 *
 *     memory_out_t out = memory_settle(m);     of the memory's registers alone
 *     ... the machine settles ...
 *     memory_tick(m, &in);                     the clock edge
 */
#ifndef SANGER_MEMORY_H
#define SANGER_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "random.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MEMORY_OUTSIDE = 0xa5, MEMORY_BEAT_MAX = 64 };

typedef struct {
    size_t bytes;                       /* a multiple of the beat */
    int beat;                           /* bytes of the bus, a power of two, at most MEMORY_BEAT_MAX */
    int latency;                        /* cycles from acceptance to answer, at least 1 */
    int interval;                       /* cycles a beat, at least 1 */
    int depth;                          /* requests that it holds, at least 1 */
    double request_stall, answer_stall; /* probabilities, 0 .. 1 */
    uint64_t seed;                      /* of the stalls */
} memory_config_t;

typedef struct {
    uint64_t cycles, reads, writes; /* accepted */
    uint64_t outside;               /* of them: not aligned, or not inside */
    uint64_t waiting;               /* cycles with req_valid and no req_ready */
} memory_count_t;

typedef struct memory memory_t;

/* What the memory drives in this cycle; rsp_data is NULL while rsp_valid is 0, else valid until the tick. */
typedef struct {
    bool req_ready, rsp_valid;
    const uint8_t *rsp_data;
} memory_out_t;

/* What the machine drives; req_data is read for accepted writes only. */
typedef struct {
    bool req_valid, req_write;
    uint64_t req_addr;
    const uint8_t *req_data;
    bool rsp_ready;
} memory_in_t;

/* All bytes 0. NULL: out of memory, or a configuration outside its ranges. */
memory_t *memory_open(const memory_config_t *c);
void memory_close(memory_t *m);

/* Empties the queue, restarts stalls and counts; the contents stay. */
void memory_reset(memory_t *m);

memory_out_t memory_settle(const memory_t *m);
void memory_tick(memory_t *m, const memory_in_t *in);

/* The contents, for the host: config.bytes of them. */
uint8_t *memory_bytes(memory_t *m);
const memory_count_t *memory_count(const memory_t *m);

/* False: an access there is counted in `outside`. */
bool memory_inside(const memory_t *m, uint64_t addr);

/* Writes since reset that are complete: their answers, had they any, show now or did before. */
uint64_t memory_written(const memory_t *m);

/* A beat as a signal table's elements of 16 bits, element 0 first, and back. */
void memory_to_elements(const uint8_t *beat, int bytes, int64_t *elements);
void memory_from_elements(const int64_t *elements, int bytes, uint8_t *beat);

#ifdef __cplusplus
}
#endif
#endif
