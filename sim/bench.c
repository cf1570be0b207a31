/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#include "bench_machine.h"
#include "clock.h"
#include "lockstep.h"
#include "stimulus.h"

enum { TAPE_CYCLES = 4096, BATCH = 64 };

const char *bench_array(const design_t *d)
{
    return d->control == CONTROL_TRAVELLING ? "slot_array" : "pe_array";
}

static bool record_scheduled(tape_t *tape, block_t *b)
{
    stimulus_t *stimulus = stimulus_open(STIMULUS_SCHEDULED, 1, b);
    bool ok = stimulus != NULL;
    for (int t = 0; t < TAPE_CYCLES && ok; ++t) {
        stimulus_next(stimulus);
        ok = tape_add(tape, b);
    }
    stimulus_close(stimulus);
    return ok;
}

static bool record(tape_t *tape, block_t *b, char error[DUT_ERROR_MAX])
{
    if (!strcmp(b->type->name, "machine")) return bench_machine_record(tape, b, error);
    snprintf(error, DUT_ERROR_MAX, "out of memory");
    return record_scheduled(tape, b);
}

typedef enum { MODEL, RTL, LOCKSTEP } what_t;

static bool step(lockstep_t *l, what_t what)
{
    if (what == LOCKSTEP) return lockstep_step(l);
    if (what == RTL)
        lockstep_step_dut(l);
    else
        lockstep_step_model(l);
    return true;
}

/* Each turn of the tape begins as it was taped. Returns the time that it took. */
static double reset(lockstep_t *l)
{
    double begin = clock_seconds();
    lockstep_reset(l);
    return clock_seconds() - begin;
}

/* Cycles a second, best of some tries; 0 after a mismatch. */
static double measure(lockstep_t *l, const tape_t *tape, what_t what, double seconds)
{
    double best = 0;
    for (int i = 0; i < BENCH_TRIES; ++i) {
        double begin = clock_seconds(), end = begin;
        uint64_t cycles = 0;
        for (int t = 0; end - begin < seconds; end = clock_seconds()) {
            for (int k = 0; k < BATCH; ++k, t = (t + 1) % tape->cycles) {
                if (!t) begin += reset(l);
                tape_play(tape, lockstep_model(l), t);
                if (!step(l, what)) return 0;
            }
            cycles += BATCH;
        }
        double speed = (double)cycles / (end - begin);
        if (speed > best) best = speed;
    }
    return best;
}

static dut_status_t differ(const design_t *d, const char *unit, char error[DUT_ERROR_MAX])
{
    snprintf(error, DUT_ERROR_MAX, "%s of %s: model and RTL differ; see sanger cosim", unit, d->name);
    return DUT_BAD_INPUT;
}

static dut_status_t bench_model(const design_t *d, const block_type_t *type, bool with_dut, double seconds,
                                bench_result_t *r, double *model, char error[DUT_ERROR_MAX])
{
    lockstep_t *l;
    tape_t tape = {0};
    const lockstep_config_t config = {
        .design = d, .type = type, .unit = with_dut ? type->name : NULL, .x_seed = 1};
    dut_status_t status = lockstep_open(&l, &config, error);
    if (status) return status;
    if (!record(&tape, lockstep_model(l), error)) status = DUT_BAD_INPUT;
    if (!status) *model = measure(l, &tape, MODEL, seconds);
    if (!status && with_dut) {
        r->rtl_cycles_per_s = measure(l, &tape, RTL, seconds);
        r->lockstep_cycles_per_s = measure(l, &tape, LOCKSTEP, seconds);
        const lockstep_count_t *c = lockstep_count(l);
        if (c->cycles) r->state_bytes = c->bytes / c->cycles;
        if (r->lockstep_cycles_per_s <= 0) status = differ(d, type->name, error);
    }
    tape_free(&tape);
    lockstep_close(l);
    return status;
}

bool bench_has(const design_t *d, const char *unit)
{
    const block_type_t *type = block_find(unit);
    if (!type || !block_fits(type, d)) return false;
    return strcmp(unit, "machine") || bench_machine_fits(d);
}

dut_status_t bench_run(const design_t *d, const char *unit, double seconds, bench_result_t *r,
                       char error[DUT_ERROR_MAX])
{
    const block_type_t *type = block_find(unit), *fast = block_fast(type, d);
    *r = (bench_result_t){.has_fast = fast != NULL};
    dut_status_t status = dut_build(d, unit, NULL, &r->rtl_build_s, error);
    if (!status) status = bench_model(d, fast ? fast : type, true, seconds, r, &r->model_cycles_per_s, error);
    if (status) return status;
    r->reference_cycles_per_s = r->model_cycles_per_s;
    if (!strcmp(unit, "machine") && !bench_machine_passes(d, seconds, &r->passes_cycles_per_s, error))
        return DUT_BAD_INPUT;
    return fast ? bench_model(d, type, false, seconds, r, &r->reference_cycles_per_s, error) : DUT_OK;
}
