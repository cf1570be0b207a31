/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine: jobs in memory to outputs in memory; docs/machine.md draws it and describes every block.
 *
 *     host:    start, queue, status, count, limit ──►┌─────────┐──► busy, finished, failed
 *     memory:  req_ready, rsp_valid, rsp_data ──────►└─────────┘──► req_*, rsp_ready
 *
 * It has no register of its own: its children are mounted (block.h), and here are the wires between them.
 */
#ifndef SANGER_MACHINE_H
#define SANGER_MACHINE_H

#include "accumulate.h"
#include "array_control.h"
#include "block.h"
#include "buffer.h"
#include "controller.h"
#include "drain.h"
#include "feeder.h"
#include "fetch.h"
#include "memory_port.h"
#include "normalise.h"
#include "pass_control.h"
#include "predict_array.h"
#include "predict_control.h"
#include "predict_feeder.h"
#include "rebias.h"
#include "slot_array.h"
#include "tile_loader.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An array as its machine steps it. */
typedef struct {
    void *self;
    void (*eval)(void *self), (*tick)(void *self);
} machine_array_t;

typedef struct {
    int64_t *start, *queue, *status, *count, *limit;                  /* in, host */
    int64_t *req_ready, *rsp_valid, *rsp_data;                        /* in, memory */
    int64_t *busy, *finished, *failed, *clash;                        /* out, host */
    int64_t *req_valid, *req_write, *req_addr, *req_data, *rsp_ready; /* out, memory */

    controller_t controller;
    fetch_t fetch;
    memory_port_t memory_port;
    predict_control_t predict_control;
    predict_feeder_t predict_feeder;
    predict_array_t predict_array;
    rebias_t rebias;
    buffer_t buffer;
    tile_loader_t tile_loader;
    pass_control_t pass_control;
    feeder_t feeder;
    slot_array_t slot_array;       /* travelling control */
    array_control_t array_control; /* array control */
    accumulate_t accumulate;
    drain_t drain;
    normalise_t normalise;

    const design_t *d;
    bool travelling;
    machine_array_t array, prediction; /* what computes passes, and predict_array */
    int64_t predicted_we; /* a predicted mask word is written: not for jobs that bring their own */
} machine_t;

extern const block_type_t machine_type;

/* Its ports, the wires between ports that exist, and a cycle: for models that put other blocks in places of
   these. */
int machine_signals(const design_t *d, signal_t *table);
void machine_init(void *self, const design_t *d);
void machine_eval(void *self);
void machine_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
