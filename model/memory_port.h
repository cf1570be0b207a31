/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_port: arbiter between the machine's units and its one memory port, and the way back for answers.
 *
 *     rd_valid, rd_addr, rd_tag  [4] ──►┌─────────────────┐──► req_valid, req_write, req_addr, req_data
 *     rd_ready                       ◄──│ req_q           │◄── req_ready
 *     wr_valid, wr_addr, wr_data [2] ──►│                 │
 *     wr_ready                       ◄──│ route_q (ring)  │◄── rsp_valid, rsp_data
 *     got [4], got_tag, got_data     ◄──└─────────────────┘──► rsp_ready
 *
 * Clients: reads 0 tile_loader, 1 rebias, 2 fetch, 3 controller; writes 0 drain, 1 controller. Writes go
 * before reads, lower numbers before higher. One request is held; it is replaced when the memory takes it.
 * rd_ready and wr_ready are grants, at most one a cycle, and follow the valids and req_ready.
 *
 * A read is granted only while fewer than `outstanding` wait for their answer. Answers come in order: the
 * ring remembers whose each is and the tag that its client gave. rsp_ready says that an answer is awaited; an
 * answer taken shows at its client in the next cycle, for one cycle. A read's request keeps req_data as it
 * was.
 *
 * Requests reach the memory in the order in which they are granted, so what a client wrote, a later read
 * sees.
 */
#ifndef SANGER_MEMORY_PORT_H
#define SANGER_MEMORY_PORT_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MEMORY_PORT_READS = 4, MEMORY_PORT_WRITES = 2 };
enum { READS_TILE_LOADER, READS_REBIAS, READS_FETCH, READS_CONTROLLER };
enum { WRITES_DRAIN, WRITES_CONTROLLER };

typedef struct {
    int64_t *rd_valid, *rd_addr, *rd_tag, *wr_valid, *wr_addr, *wr_data;      /* in */
    int64_t *req_ready, *rsp_valid, *rsp_data;                                /* in */
    int64_t *rd_ready, *wr_ready;                                             /* out */
    int64_t *req_valid, *req_write, *req_addr, *req_data, *rsp_ready;         /* out */
    int64_t *got, *got_tag, *got_data;                                        /* out */
    int64_t *req_valid_q, *req_write_q, *req_addr_q, *req_data_q;             /* reg */
    int64_t *route_q, *oldest_q, *waiting_q, *got_q, *got_tag_q, *got_data_q; /* reg */
    const design_t *d;
    int tag_w;
} memory_port_t;

extern const block_type_t memory_port_type;

void memory_port_init(void *self, const design_t *d);
void memory_port_eval(void *self);
void memory_port_show(void *self); /* what follows registers alone: all but grants */
void memory_port_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
