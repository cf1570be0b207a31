/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lockstep.h"
#include "stimulus.h"

enum { TAPE_CYCLES = 4096, TRIES = 3, BATCH = 64 };

const char *bench_unit(const design_t *d)
{
    return d->control == CONTROL_TRAVELLING ? "slot_array" : "pe_array";
}

/* What changes in each cycle: copies of whole input signals. */
typedef struct {
    struct change {
        uint16_t signal;
        size_t bytes;
        char *data;
    } * change;
    int n, capacity, first[TAPE_CYCLES + 1];
} tape_t;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool add_change(tape_t *tape, int signal, const void *data, size_t bytes)
{
    if (tape->n == tape->capacity) {
        int capacity = 2 * tape->capacity + 4096;
        struct change *more = realloc(tape->change, (size_t)capacity * sizeof *more);
        if (!more) return false;
        tape->change = more;
        tape->capacity = capacity;
    }
    char *copy = malloc(bytes);
    if (!copy) return false;
    tape->change[tape->n++] = (struct change){(uint16_t)signal, bytes, memcpy(copy, data, bytes)};
    return true;
}

static bool record(tape_t *tape, block_t *b)
{
    char *last[SIGNAL_MAX] = {NULL};
    stimulus_t *stimulus = stimulus_open(STIMULUS_SCHEDULED, 1, b);
    bool ok = stimulus != NULL;
    for (int t = 0; t < TAPE_CYCLES && ok; ++t) {
        tape->first[t] = tape->n;
        stimulus_next(stimulus);
        for (int i = 0; i < b->signals && ok; ++i) {
            const signal_t *s = &b->table[i];
            size_t bytes = signal_count(s) * (size_t)signal_bytes(s);
            if (s->kind != SIGNAL_IN || (last[i] && !memcmp(last[i], block_data(b, s), bytes))) continue;
            ok = add_change(tape, i, block_data(b, s), bytes);
            if (ok) last[i] = tape->change[tape->n - 1].data;
        }
    }
    tape->first[TAPE_CYCLES] = tape->n;
    stimulus_close(stimulus);
    return ok;
}

static void free_tape(tape_t *tape)
{
    for (int i = 0; i < tape->n; ++i) free(tape->change[i].data);
    free(tape->change);
}

static inline void play(const tape_t *tape, block_t *b, int t)
{
    for (int i = tape->first[t]; i < tape->first[t + 1]; ++i) {
        const struct change *c = &tape->change[i];
        memcpy(block_data(b, &b->table[c->signal]), c->data, c->bytes);
    }
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

/* Each turn of the tape begins as it was taped, or slots would wait for passes of the other parity. Returns
   the time that it took. */
static double reset(lockstep_t *l)
{
    double begin = now();
    lockstep_reset(l);
    return now() - begin;
}

/* Cycles a second, best of some tries; 0 after a mismatch. */
static double measure(lockstep_t *l, const tape_t *tape, what_t what, double seconds)
{
    double best = 0;
    for (int i = 0; i < TRIES; ++i) {
        double begin = now(), end = begin;
        uint64_t cycles = 0;
        for (int t = 0; end - begin < seconds; end = now()) {
            for (int k = 0; k < BATCH; ++k, t = (t + 1) % TAPE_CYCLES) {
                if (!t) begin += reset(l);
                play(tape, lockstep_model(l), t);
                if (!step(l, what)) return 0;
            }
            cycles += BATCH;
        }
        double speed = (double)cycles / (end - begin);
        if (speed > best) best = speed;
    }
    return best;
}

static dut_status_t bench_model(const design_t *d, const block_type_t *type, bool with_dut, double seconds,
                                bench_result_t *r, double *model, char error[DUT_ERROR_MAX])
{
    lockstep_t *l;
    tape_t tape = {0};
    const lockstep_config_t config = {
        .design = d, .type = type, .unit = with_dut ? bench_unit(d) : NULL, .x_seed = 1};
    dut_status_t status = lockstep_open(&l, &config, error);
    if (status) return status;
    if (record(&tape, lockstep_model(l))) {
        *model = measure(l, &tape, MODEL, seconds);
        if (with_dut) r->rtl_cycles_per_s = measure(l, &tape, RTL, seconds);
        if (with_dut) r->lockstep_cycles_per_s = measure(l, &tape, LOCKSTEP, seconds);
        const lockstep_count_t *c = lockstep_count(l);
        if (with_dut && c->cycles) r->state_bytes = c->bytes / c->cycles;
        if (with_dut && r->lockstep_cycles_per_s <= 0) {
            snprintf(error, DUT_ERROR_MAX, "%s of %s: model and RTL differ; see sanger cosim", bench_unit(d),
                     d->name);
            status = DUT_BAD_INPUT;
        }
    } else {
        snprintf(error, DUT_ERROR_MAX, "out of memory");
        status = DUT_BAD_INPUT;
    }
    free_tape(&tape);
    lockstep_close(l);
    return status;
}

dut_status_t bench_run(const design_t *d, double seconds, bench_result_t *r, char error[DUT_ERROR_MAX])
{
    const block_type_t *type = block_find(bench_unit(d)), *fast = block_fast(type, d);
    *r = (bench_result_t){.has_fast = fast != NULL};
    dut_status_t status = dut_build(d, bench_unit(d), NULL, &r->rtl_build_s, error);
    if (!status) status = bench_model(d, fast ? fast : type, true, seconds, r, &r->model_cycles_per_s, error);
    if (status) return status;
    r->reference_cycles_per_s = r->model_cycles_per_s;
    return fast ? bench_model(d, type, false, seconds, r, &r->reference_cycles_per_s, error) : DUT_OK;
}
