/* SPDX-License-Identifier: Apache-2.0 */
/* Is the fast array the reference, in every register and output of every cycle? */
#include <check.h>
#include <stdlib.h>

#include "array_designs.h"
#include "fast_compare.h"
#include "../model/pe_array_fast.h"
#include "../sim/stimulus.h"
#include "run_suite.h"

enum { RUNS = 3 };

typedef struct {
    int64_t acc, exp, sum; /* clipped */
} events_t;

/* `show_every`: registers are compared then, and shown then, so that it must also catch up. */
static events_t run(const design_t *d, stimulus_class_t kind, uint64_t seed, int cycles, int show_every,
                    bool plain)
{
    block_t *ref = block_open(&pe_array_type, d), *fast = block_open(&pe_array_fast_type, d);
    ck_assert(ref && fast && pe_array_fast_fits(d));
    if (plain) pe_array_fast_plain(fast->self);
    stimulus_t *stimulus = stimulus_open(kind, seed, ref);
    ck_assert_ptr_nonnull(stimulus);
    place_t at = {stimulus_names[kind], seed, 0};
    for (; at.cycle < cycles; ++at.cycle) {
        stimulus_next(stimulus);
        copy_inputs(ref, fast);
        ref->type->eval(ref->self);
        fast->type->eval(fast->self);
        compare(ref, fast, SIGNAL_OUT, &at);
        ref->type->tick(ref->self);
        fast->type->tick(fast->self);
        if (at.cycle % show_every) continue;
        fast->type->show(fast->self);
        compare(ref, fast, SIGNAL_REG, &at);
    }
    events_t e = {counter_sum(ref, "acc_sat_q"), counter_sum(ref, "exp_sat_q"),
                  counter_sum(ref, "sum_sat_q")};
    stimulus_close(stimulus);
    block_close(ref);
    block_close(fast);
    return e;
}

/* Small enough for many cycles; every corner of the layouts: one and several vectors, columns up to the ring.
 */
static const int sizes[][3] = {{5, 20, 16}, {3, 16, 16}, {2, 64, 16}, {2, 40, 32}, {1, 17, 16}};
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(every_register_is_the_references_in_every_cycle)
{
    events_t all = {0};
    for (int i = 0; i < SIZES; ++i) {
        design_t d = signed_design(sizes[i][0], sizes[i][1], sizes[i][2]);
        for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) {
            for (uint64_t seed = 1; seed <= RUNS; ++seed) {
                events_t e = run(&d, (stimulus_class_t)kind, seed, 600, 1, seed == 2);
                all.acc += e.acc;
                all.exp += e.exp;
                all.sum += e.sum;
            }
        }
    }
    ck_assert_msg(all.acc > 0 && all.exp > 0 && all.sum > 0, "the stimulus never clipped something");
}
END_TEST

START_TEST(showing_seldom_misses_nothing)
{
    static const int every[] = {2, 3, 7, 50, 97};
    design_t d = signed_design(4, 33, 16);
    for (int i = 0; i < 5; ++i) {
        for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) {
            run(&d, (stimulus_class_t)kind, (uint64_t)i + 10, 500, every[i], false);
        }
    }
}
END_TEST

START_TEST(other_formats_and_the_papers_size_agree_too)
{
    design_t d = signed_design(64, 64, 16);
    run(&d, STIMULUS_SCHEDULED, 1, 300, 20, false);
    run(&d, STIMULUS_LEGAL, 1, 60, 6, false);
    d = signed_design(3, 24, 16);
    d.acc = (format_t){32, 22}; /* drops nothing in SDDMM, all 16 in SpMM */
    d.out = (format_t){32, 16};
    d.row_sum = (format_t){32, 14};
    d.bias = (format_t){14, 3};
    for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) run(&d, (stimulus_class_t)kind, 4, 1500, 1, false);
    d.out = (format_t){32, 32};
    d.acc = (format_t){32, 6};
    d.row_sum = (format_t){32, 25};
    for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) run(&d, (stimulus_class_t)kind, 5, 1500, 1, false);
}
END_TEST

START_TEST(designs_that_do_not_fit_are_refused)
{
    design_t good = signed_design(64, 64, 16), d = good;
    ck_assert(pe_array_fast_fits(&d));
    d.pes = 8;
    ck_assert(!pe_array_fast_fits(&d));
    d = good;
    d.acc.w = d.out.w = 40;
    ck_assert(!pe_array_fast_fits(&d));
    d = good;
    d.columns = 96;
    ck_assert(!pe_array_fast_fits(&d));
    d = good;
    d.arithmetic = ARITHMETIC_PUBLISHED;
    ck_assert(!pe_array_fast_fits(&d));
    d = good;
    d.out.frac = 12;
    ck_assert(!pe_array_fast_fits(&d));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pe_array_fast");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 300);
    tcase_add_test(all, every_register_is_the_references_in_every_cycle);
    tcase_add_test(all, showing_seldom_misses_nothing);
    tcase_add_test(all, other_formats_and_the_papers_size_agree_too);
    tcase_add_test(all, designs_that_do_not_fit_are_refused);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
