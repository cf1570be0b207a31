/* SPDX-License-Identifier: Apache-2.0 */
#include "machine_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct machine_run {
    lockstep_t *l;
    machine_t *m;
    memory_t *memory;
    int beat;
    uint64_t moved, still; /* progress so far, cycles since it last grew */
};

dut_status_t machine_run_open(machine_run_t **out, const machine_run_config_t *c, char error[DUT_ERROR_MAX])
{
    const lockstep_config_t config = {.design = c->design,
                                      .type = c->type,
                                      .unit = c->lockstep ? "machine" : NULL,
                                      .patch = c->patch,
                                      .x_seed = c->x_seed};
    machine_run_t *r = calloc(1, sizeof *r);
    dut_status_t status = DUT_BAD_INPUT;
    snprintf(error, DUT_ERROR_MAX, "machine: out of memory");
    if (r) r->memory = memory_open(&c->memory);
    if (r && r->memory) status = lockstep_open(&r->l, &config, error);
    if (status) {
        machine_run_close(r);
        return status;
    }
    r->m = lockstep_model(r->l)->self;
    r->beat = c->memory.beat;
    *out = r;
    return DUT_OK;
}

void machine_run_close(machine_run_t *r)
{
    if (!r) return;
    lockstep_close(r->l);
    if (r->memory) memory_close(r->memory);
    free(r);
}

memory_t *machine_run_memory(machine_run_t *r)
{
    return r->memory;
}
lockstep_t *machine_run_lockstep(machine_run_t *r)
{
    return r->l;
}
const machine_t *machine_run_model(const machine_run_t *r)
{
    return r->m;
}

static void drive_memory(machine_run_t *r)
{
    memory_out_t out = memory_settle(r->memory);
    *r->m->req_ready = out.req_ready;
    *r->m->rsp_valid = out.rsp_valid;
    if (out.rsp_valid) memory_to_elements(out.rsp_data, r->beat, r->m->rsp_data);
}

static void clock_memory(machine_run_t *r)
{
    uint8_t data[MEMORY_BEAT_MAX];
    const machine_t *m = r->m;
    memory_in_t in = {.req_valid = *m->req_valid,
                      .req_write = *m->req_write,
                      .req_addr = (uint64_t)*m->req_addr,
                      .req_data = data,
                      .rsp_ready = *m->rsp_ready};
    if (in.req_valid && in.req_write) memory_from_elements(m->req_data, r->beat, data);
    memory_tick(r->memory, &in);
}

static bool hung(machine_run_t *r)
{
    const memory_count_t *c = memory_count(r->memory);
    uint64_t moved = c->reads + c->writes + (uint64_t)r->m->pass_control.cause_q[CAUSE_STREAM];
    r->still = moved == r->moved ? r->still + 1 : 0;
    r->moved = moved;
    return r->still > RUN_PATIENCE;
}

static void begin(machine_run_t *r, const machine_start_t *start)
{
    *r->m->queue = (int64_t)start->queue;
    *r->m->status = (int64_t)start->status;
    *r->m->limit = (int64_t)start->limit;
    *r->m->count = start->count;
    r->moved = r->still = 0;
    memory_reset(r->memory);
}

run_end_t machine_run_queue(machine_run_t *r, const machine_start_t *start, machine_observer_t observer,
                            void *context, uint64_t *cycles)
{
    *cycles = 0;
    begin(r, start);
    if (!lockstep_reset(r->l)) return RUN_DIVERGED;
    for (uint64_t cycle = 0;; ++cycle) {
        *r->m->start = cycle == 0;
        drive_memory(r);
        if (!lockstep_settle(r->l)) return RUN_DIVERGED;
        if (observer) observer(context, r->m, cycle);
        *cycles = cycle;
        if (cycle && !*r->m->busy) break;
        clock_memory(r);
        if (!lockstep_edge(r->l)) return RUN_DIVERGED;
        if (hung(r)) return RUN_HUNG;
    }
    return lockstep_compare_stored(r->l) ? RUN_DONE : RUN_DIVERGED;
}
