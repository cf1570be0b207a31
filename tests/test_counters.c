/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do event counters stay at their maximum, in model and Verilog alike? No stimulus counts 2^32 events, so
 * both sides' counters are put just below it, and a second model, whose counters begin at 0, tells how many
 * events there were. The linker puts __wrap_dut_open between lockstep and plug-in, to reach the DUT's
 * storage.
 */
#include "../sim/lockstep.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/paths.h"
#include "../sim/schedule.h"
#include "../sim/stimulus.h"
#include "run_suite.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for many of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

enum { SEED = 3, CYCLES = 20000 };

#define FULL INT64_C(0xffffffff)

/* ---- reaching the DUT ---- */

static dut_t opened; /* last */

dut_status_t __real_dut_open(dut_t *dut, const design_t *d, const char *unit, const patch_t *patch,
                             uint64_t x_seed, char *error);
dut_status_t __wrap_dut_open(dut_t *dut, const design_t *d, const char *unit, const patch_t *patch,
                             uint64_t x_seed, char *error);

dut_status_t __wrap_dut_open(dut_t *dut, const design_t *d, const char *unit, const patch_t *patch,
                             uint64_t x_seed, char *error)
{
    dut_status_t status = __real_dut_open(dut, d, unit, patch, x_seed, error);
    if (!status) opened = *dut;
    return status;
}

/* ---- counters ---- */

/* Every counter is a register of 32 unsigned bits, an object of its own or packed with its like. */
static bool is_counter(const signal_t *s)
{
    bool named = strstr(s->name, "sat_") || strstr(s->name, "zero_");
    return s->kind == SIGNAL_REG && s->bits == 32 && !s->is_signed && named;
}

/* Half the elements at the maximum, the others an event before it. */
static int64_t start_of(size_t index)
{
    return FULL - (index % 2 == 0);
}

static void preset(block_t *model, const signal_t *s)
{
    size_t lanes = signal_lanes(s);
    for (size_t object = 0; object < signal_objects(s); ++object) {
        char path[256];
        size_t bytes = 0;
        signal_object_path(s, object, path, sizeof path);
        char *storage = opened.api->object(opened.instance, path, &bytes, NULL);
        demand(storage && bytes == 4 * lanes, "%s: %zu bytes for %zu counters", path, bytes, lanes);
        for (size_t lane = 0; lane < lanes; ++lane) {
            size_t index = object * lanes + lane;
            uint32_t value = (uint32_t)start_of(index);
            memcpy(storage + 4 * lane, &value, sizeof value);
            block_set(model, s, index, start_of(index));
        }
    }
}

/* ---- one run ---- */

typedef struct {
    lockstep_t *l;
    block_t *model;
    block_t *counts; /* the same unit, counters from 0 */
    stimulus_t *stimulus;
    char name[96];
} bench_t;

static bench_t bench_open(const design_t *d, const block_type_t *type, stimulus_class_t kind)
{
    bench_t b = {.counts = block_open(block_find(type->name), d)};
    const lockstep_config_t config = {.design = d, .type = type, .unit = type->name, .x_seed = SEED};
    char error[DUT_ERROR_MAX] = "";
    snprintf(b.name, sizeof b.name, "%s of %s, %s, seed %d", type->name, d->name, stimulus_names[kind], SEED);
    demand(!lockstep_open(&b.l, &config, error), "%s: %s", b.name, error);
    b.model = lockstep_model(b.l);
    b.stimulus = stimulus_open(kind, SEED, b.model);
    demand(b.counts && b.stimulus && lockstep_reset(b.l), "%s cannot begin", b.name);
    return b;
}

static void bench_close(bench_t *b)
{
    stimulus_close(b->stimulus);
    block_close(b->counts);
    lockstep_close(b->l);
}

static void step_counts(bench_t *b)
{
    for (int i = 0; i < b->model->signals; ++i) {
        const signal_t *s = &b->model->table[i];
        if (s->kind != SIGNAL_IN) continue;
        const signal_t *own = block_signal(b->counts, s->name);
        for (size_t k = 0; k < signal_count(s); ++k) block_set(b->counts, own, k, block_get(b->model, s, k));
    }
    b->counts->type->eval(b->counts->self);
    b->counts->type->tick(b->counts->self);
}

/* The first cycle is not compared: outputs that show a counter follow what was put there with the edge. */
static void run(bench_t *b)
{
    for (int i = 0; i < b->model->signals; ++i) {
        if (is_counter(&b->model->table[i])) preset(b->model, &b->model->table[i]);
    }
    stimulus_next(b->stimulus);
    step_counts(b);
    lockstep_step_model(b->l);
    lockstep_step_dut(b->l);
    for (int cycle = 1; cycle < CYCLES; ++cycle) {
        stimulus_next(b->stimulus);
        step_counts(b);
        bool same = lockstep_step(b->l);
        const difference_t *x = NULL;
        int n = same ? 0 : lockstep_differences(b->l, &x);
        demand(same, "%s: cycle %d: %s[%zu] differs, model 0x%" PRIx64 ", dut 0x%" PRIx64, b->name, cycle,
               n ? x->signal->name : "?", n ? x->index : 0, n ? x->model : 0, n ? x->dut : 0);
    }
}

/* Events beyond the maximum, of all elements. */
static int64_t check_counter(const bench_t *b, const signal_t *s)
{
    const signal_t *own = block_signal(b->counts, s->name);
    int64_t beyond = 0;
    for (size_t k = 0; k < signal_count(s); ++k) {
        int64_t sum = start_of(k) + block_get(b->counts, own, k), now = block_get(b->model, s, k);
        demand(now == (sum > FULL ? FULL : sum), "%s: %s[%zu] is 0x%" PRIx64 " after %" PRId64 " events",
               b->name, s->name, k, (uint64_t)now, block_get(b->counts, own, k));
        beyond += sum > FULL ? sum - FULL : 0;
    }
    return beyond;
}

/* Every class of stimulus; each counter must have been driven beyond its maximum by some. Returns how many
 * counters the unit has. */
static int check_unit(const design_t *d, const block_type_t *type)
{
    int64_t beyond[SIGNAL_MAX] = {0};
    int counters = 0;
    signal_t table[SIGNAL_MAX];
    int n = type->signals(d, table);
    for (int i = 0; i < n; ++i) {
        if (table[i].stored) return 0; /* what it holds at first is the lockstep's, not the second model's */
        counters += is_counter(&table[i]);
    }
    if (!counters) return 0;
    for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) {
        if (kind == STIMULUS_SCHEDULED && !schedule_has(type->name)) continue;
        bench_t b = bench_open(d, type, (stimulus_class_t)kind);
        run(&b);
        for (int i = 0; i < n; ++i) {
            if (is_counter(&table[i])) beyond[i] += check_counter(&b, &b.model->table[i]);
        }
        bench_close(&b);
    }
    for (int i = 0; i < n; ++i) {
        if (!is_counter(&table[i])) continue;
        printf("%s %s %s: %" PRId64 " events beyond the maximum\n", d->name, type->name, table[i].name,
               beyond[i]);
        demand(beyond[i], "%s of %s: %s: no event beyond the maximum, seed %d", type->name, d->name,
               table[i].name, SEED);
    }
    return counters;
}

START_TEST(full_counters_stay_full)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    int counters = 0;
    demand(!paths_design("odd_5x7x3", &d, error), "%s", error);
    for (const block_type_t *const *t = block_types; *t; ++t) {
        if (block_fits(*t, &d)) counters += check_unit(&d, *t);
    }
    ck_assert_int_ge(counters, 12); /* row, array: 3 each; score_array: 4; normalise: 2 */
}
END_TEST

/* One vector of PEs in a row: the smallest array that has a fast model. */
START_TEST(so_do_those_of_the_fast_model)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design("paper_64x16_array", &d, error), "%s", error);
    snprintf(d.name, sizeof d.name, "fast_3x21x16");
    d.rows = 3, d.columns = 21;
    const block_type_t *fast = block_fast(block_find("pe_array"), &d);
    demand(fast, "%s has no fast model", d.name);
    ck_assert_int_eq(check_unit(&d, fast), 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("counters");
    TCase *t = tcase_create("counters");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, full_counters_stay_full);
    tcase_add_test(t, so_do_those_of_the_fast_model);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
