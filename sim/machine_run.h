/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole machine at work: model alone or in lockstep with its DUT, the memory behind its port, and a host
 * that starts a queue of jobs and waits until all statuses are written.
 */
#ifndef SANGER_MACHINE_RUN_H
#define SANGER_MACHINE_RUN_H

#include "../model/machine.h"
#include "lockstep.h"
#include "memory.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const design_t *design;
    const block_type_t *type; /* machine_type, or a faster model of it */
    bool lockstep;
    const patch_t *patch; /* planted in the DUT, or NULL */
    uint64_t x_seed;      /* of what no reset sets */
    memory_config_t memory;
} machine_run_config_t;

/* What a host writes into the machine's registers. */
typedef struct {
    uint64_t queue, status, limit;
    int64_t count;
} machine_start_t;

typedef enum {
    RUN_DONE,     /* busy fell */
    RUN_DIVERGED, /* model and DUT differ: lockstep_differences tells where */
    RUN_HUNG      /* nothing moved for RUN_PATIENCE cycles */
} run_end_t;

enum { RUN_PATIENCE = 1 << 17 };

/* Sees each cycle after its settle: outputs and registers of the model. */
typedef void (*machine_observer_t)(void *context, const machine_t *m, uint64_t cycle);

typedef struct machine_run machine_run_t;

/* DUT_OK and *out, or one line in error. The design must outlive it. */
dut_status_t machine_run_open(machine_run_t **out, const machine_run_config_t *c, char error[DUT_ERROR_MAX]);
void machine_run_close(machine_run_t *r);

/* The memory, for the host to fill before a run and to read after it. */
memory_t *machine_run_memory(machine_run_t *r);
lockstep_t *machine_run_lockstep(machine_run_t *r);
const machine_t *machine_run_model(const machine_run_t *r);

/* Resets machine and memory (whose contents stay), runs a queue to its end and compares every memory then.
 *cycles: from start to the cycle in which busy is 0 again. */
run_end_t machine_run_queue(machine_run_t *r, const machine_start_t *start, machine_observer_t observer,
                            void *context, uint64_t *cycles);

#ifdef __cplusplus
}
#endif
#endif
