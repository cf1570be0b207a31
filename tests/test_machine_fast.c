/* SPDX-License-Identifier: Apache-2.0 */
/* Is the fast machine the reference, in every output and register of every cycle of real jobs? */
#include "../model/machine_fast.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/image.h"
#include "../sim/machine_run.h"
#include "../sim/paths.h"
#include "../sim/stimulus.h"
#include "fast_compare.h"
#include "run_suite.h"

enum { JOBS = 3 };

/* The paper's formats in a machine small enough for many jobs. */
static design_t small_machine(int rows, int columns, control_t control)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    ck_assert_msg(!paths_design("paper_64x16", &d, error), "%s", error);
    d.control = control;
    d.rows = d.score_rows = rows;
    d.columns = d.score_columns = columns;
    d.head_max = 12;
    d.keys_max = 70;
    d.strips = 2;
    d.bus_bytes = 16;
    d.outstanding = 8;
    d.lanes = 4;
    ck_assert_msg(!design_check(&d, "small machine", error), "%s", error);
    return d;
}

/* The fast machine beside a reference that works through a queue. */
typedef struct {
    block_t *ref, *fast;
    place_t at;
    int64_t passes;
} pair_t;

static void copy_stored(const pair_t *p)
{
    for (int i = 0; i < p->ref->signals; ++i) {
        const signal_t *s = &p->ref->table[i];
        for (size_t k = 0; s->stored && k < signal_count(s); ++k)
            block_set(p->fast, &p->fast->table[i], k, block_get(p->ref, s, k));
    }
}

/* The reference has settled; its registers are those of this cycle still. */
static void follow(void *context, const machine_t *m, uint64_t cycle)
{
    pair_t *p = context;
    p->at.cycle = (int)cycle;
    if (!cycle) {
        block_reset(p->fast);
        copy_stored(p);
    }
    copy_inputs(p->ref, p->fast);
    p->fast->type->eval(p->fast->self);
    compare(p->ref, p->fast, SIGNAL_OUT, &p->at);
    p->fast->type->show(p->fast->self);
    compare(p->ref, p->fast, SIGNAL_REG, &p->at);
    p->fast->type->tick(p->fast->self);
    p->passes += *m->pass_control.pass;
}

static int64_t run_jobs(const design_t *d, uint64_t seed, int jobs)
{
    char error[DUT_ERROR_MAX];
    random_t r = {.state = seed};
    job_t job[JOBS];
    image_t image;
    machine_run_t *run;
    uint64_t cycles;
    for (int i = 0; i < jobs; ++i) ck_assert(job_random(&job[i], d, &r, d->keys_max));
    ck_assert_msg(image_open(&image, d, job, jobs, seed % 2 ? &r : NULL, error), "%s", error);
    const machine_run_config_t c = {.design = d,
                                    .type = &machine_type,
                                    .x_seed = seed,
                                    .memory = {.bytes = image.limit,
                                               .beat = d->bus_bytes,
                                               .latency = 1 + (int)random_below(&r, 30),
                                               .interval = 1 + (int)random_below(&r, 2),
                                               .depth = 1 + (int)random_below(&r, 12),
                                               .request_stall = 0.3 * (double)random_below(&r, 2),
                                               .answer_stall = 0.3 * (double)random_below(&r, 2),
                                               .seed = seed}};
    ck_assert_msg(!machine_run_open(&run, &c, error), "%s", error);
    image_write(&image, memory_bytes(machine_run_memory(run)));
    pair_t p = {
        lockstep_model(machine_run_lockstep(run)), block_open(&machine_fast_type, d), {"jobs", seed, 0}, 0};
    ck_assert_ptr_nonnull(p.fast);
    const machine_start_t start = {image.queue, image.status, image.limit, jobs};
    run_end_t end = machine_run_queue(run, &start, follow, &p, &cycles);
    ck_assert_msg(end == RUN_DONE, "seed %llu: ended as %d", (unsigned long long)seed, end);
    block_close(p.fast);
    machine_run_close(run);
    image_close(&image);
    for (int i = 0; i < jobs; ++i) job_close(&job[i]);
    return p.passes;
}

START_TEST(jobs_leave_the_same_in_every_register)
{
    int64_t passes = 0;
    for (uint64_t seed = 1; seed <= 6; ++seed) {
        design_t d = small_machine(3 + (int)(seed % 3), seed % 2 ? 20 : 33,
                                   seed % 3 ? CONTROL_TRAVELLING : CONTROL_ARRAY);
        passes += run_jobs(&d, seed, JOBS);
    }
    ck_assert_msg(passes > 50, "%d passes", (int)passes);
}
END_TEST

/* Inputs of which a machine makes no sense reach its blocks all the same. */
START_TEST(random_inputs_do_too)
{
    design_t d = small_machine(4, 24, CONTROL_TRAVELLING);
    for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) {
        block_t *ref = block_open(&machine_type, &d), *fast = block_open(&machine_fast_type, &d);
        stimulus_t *stimulus = stimulus_open((stimulus_class_t)kind, 1, ref);
        ck_assert(ref && fast && stimulus);
        place_t at = {stimulus_names[kind], 1, 0};
        for (; at.cycle < 1500; ++at.cycle) {
            stimulus_next(stimulus);
            cycle_of_both(ref, fast, true, &at);
        }
        stimulus_close(stimulus);
        block_close(ref);
        block_close(fast);
    }
}
END_TEST

START_TEST(designs_that_do_not_fit_are_refused)
{
    design_t good = small_machine(4, 24, CONTROL_TRAVELLING), d = good;
    ck_assert(block_fast(&machine_type, &d) == &machine_fast_type);
    d.pes = 8;
    ck_assert(!machine_fast_fits(&d));
    d = good;
    d.score_acc_w = 20;
    ck_assert(!machine_fast_fits(&d));
    d = good;
    d.score_rows = 8;
    ck_assert(design_lacks_machine(&d) && !machine_fast_fits(&d));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("machine_fast");
    TCase *t = tcase_create("machine_fast");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, jobs_leave_the_same_in_every_register);
    tcase_add_test(t, random_inputs_do_too);
    tcase_add_test(t, designs_that_do_not_fit_are_refused);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
