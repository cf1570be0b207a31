/* SPDX-License-Identifier: Apache-2.0 */
/* Is the fast array the reference, in every register and output of every cycle? */
#include <check.h>
#include <stdlib.h>

#include "../model/slot_array_fast.h"
#include "../sim/paths.h"
#include "../sim/slot_pass.h"
#include "../sim/stimulus.h"
#include "array_designs.h"
#include "fast_compare.h"
#include "run_suite.h"

enum { RUNS = 3 };

static design_t travelling_design(int rows, int columns, int pes)
{
    design_t d = signed_design(rows, columns, pes);
    d.control = CONTROL_TRAVELLING;
    d.split_policy = SPLIT_INTERLEAVED;
    d.slots = SLOTS_HOME;
    return d;
}

typedef struct {
    int64_t acc, exp, sum, words; /* clipped; words that left */
} events_t;

static void add_words(events_t *e, const block_t *b)
{
    const slot_array_t *a = b->self;
    for (int r = 0; r < b->design->rows; ++r) e->words += a->out_op[r] != 0;
}

/* `show_every`: registers are compared then, and shown then, so that it must also catch up. */
static void run(const design_t *d, stimulus_class_t kind, uint64_t seed, int cycles, int show_every,
                bool plain, events_t *e)
{
    block_t *ref = block_open(&slot_array_type, d), *fast = block_open(&slot_array_fast_type, d);
    ck_assert(ref && fast && slot_array_fast_fits(d));
    if (plain) slot_array_fast_plain(fast->self);
    stimulus_t *stimulus = stimulus_open(kind, seed, ref);
    ck_assert_ptr_nonnull(stimulus);
    place_t at = {stimulus_names[kind], seed, 0};
    compare(ref, fast, SIGNAL_REG, &at);
    for (; at.cycle < cycles; ++at.cycle) {
        stimulus_next(stimulus);
        cycle_of_both(ref, fast, at.cycle % show_every == 0, &at);
        add_words(e, ref);
    }
    e->acc += counter_sum(ref, "acc_sat_q");
    e->exp += counter_sum(ref, "exp_sat_q");
    e->sum += counter_sum(ref, "sum_sat_q");
    stimulus_close(stimulus);
    block_close(ref);
    block_close(fast);
}

/* Small enough for many cycles; every corner of the layouts: one and several vectors, columns up to the ring.
 */
static const int sizes[][3] = {{5, 20, 16}, {3, 16, 16}, {2, 64, 16}, {2, 40, 32}, {1, 17, 16}, {3, 64, 64}};
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(every_register_is_the_references_in_every_cycle)
{
    events_t all = {0};
    for (int i = 0; i < SIZES; ++i) {
        design_t d = travelling_design(sizes[i][0], sizes[i][1], sizes[i][2]);
        for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) {
            for (uint64_t seed = 1; seed <= RUNS; ++seed) {
                run(&d, (stimulus_class_t)kind, seed, 800, 1, seed == 2, &all);
            }
        }
    }
    ck_assert_msg(all.acc > 0 && all.exp > 0 && all.sum > 0, "the stimulus never clipped something");
    ck_assert_msg(all.words > 1000, "%d words", (int)all.words);
}
END_TEST

/* Long enough for every window and ring to start again. */
START_TEST(showing_seldom_misses_nothing)
{
    static const int every[] = {2, 3, 7, 50, 97};
    design_t d = travelling_design(4, 33, 16);
    events_t all = {0};
    for (int i = 0; i < 5; ++i) {
        for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) {
            int cycles = kind == STIMULUS_SCHEDULED ? 2 * SLOT_FAST_TAGS + 500 : 500;
            run(&d, (stimulus_class_t)kind, (uint64_t)i + 10, cycles, every[i], i == 2, &all);
        }
    }
}
END_TEST

START_TEST(other_formats_and_the_papers_size_agree_too)
{
    events_t all = {0};
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    ck_assert_msg(!paths_design("paper_64x16", &d, error), "%s", error);
    run(&d, STIMULUS_SCHEDULED, 1, 600, 20, false, &all);
    run(&d, STIMULUS_LEGAL, 1, 60, 6, false, &all);
    d = travelling_design(3, 24, 16);
    d.acc = (format_t){32, 22}; /* drops nothing in SDDMM, all 16 in SpMM */
    d.out = (format_t){32, 16};
    d.row_sum = (format_t){32, 14};
    d.bias = (format_t){14, 3};
    for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) {
        run(&d, (stimulus_class_t)kind, 4, 1500, 1, false, &all);
        run(&d, (stimulus_class_t)kind, 4, 1500, 1, true, &all);
    }
    d.out = (format_t){32, 32};
    d.acc = (format_t){32, 6};
    d.row_sum = (format_t){32, 25};
    for (int kind = 0; kind < STIMULUS_CLASSES; ++kind)
        run(&d, (stimulus_class_t)kind, 5, 1500, 1, false, &all);
}
END_TEST

START_TEST(a_reset_forgets_everything)
{
    design_t d = travelling_design(3, 24, 16);
    block_t *fresh = block_open(&slot_array_fast_type, &d), *used = block_open(&slot_array_fast_type, &d);
    stimulus_t *stimulus = stimulus_open(STIMULUS_SCHEDULED, 3, used);
    for (int t = 0; t < 3000; ++t) {
        stimulus_next(stimulus);
        used->type->eval(used->self);
        used->type->tick(used->self);
    }
    block_reset(used);
    place_t at = {"reset", 3, 0};
    for (; at.cycle < 300; ++at.cycle) {
        stimulus_next(stimulus);
        copy_inputs(used, fresh);
        for (int i = 0; i < 2; ++i) {
            block_t *b = i ? used : fresh;
            b->type->eval(b->self);
            b->type->tick(b->self);
            b->type->show(b->self);
        }
        compare(fresh, used, SIGNAL_OUT, &at);
        compare(fresh, used, SIGNAL_REG, &at);
    }
    stimulus_close(stimulus);
    block_close(fresh);
    block_close(used);
}
END_TEST

START_TEST(designs_that_do_not_fit_are_refused)
{
    design_t good = travelling_design(64, 64, 16), d = good;
    ck_assert(slot_array_fast_fits(&d));
    ck_assert(block_fast(&slot_array_type, &d) == &slot_array_fast_type);
    d.pes = 8;
    ck_assert(!slot_array_fast_fits(&d));
    d = good;
    d.acc.w = d.out.w = 40;
    ck_assert(!slot_array_fast_fits(&d));
    d = good;
    d.columns = 96;
    ck_assert(!slot_array_fast_fits(&d));
    d = good;
    d.control = CONTROL_ARRAY;
    ck_assert(!slot_array_fast_fits(&d));
    d = good;
    d.bias.w = 20;
    ck_assert(!slot_array_fast_fits(&d));
    d = good;
    d.out.frac = 12;
    ck_assert(!slot_array_fast_fits(&d));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slot_array_fast");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 300);
    tcase_add_test(all, every_register_is_the_references_in_every_cycle);
    tcase_add_test(all, showing_seldom_misses_nothing);
    tcase_add_test(all, other_formats_and_the_papers_size_agree_too);
    tcase_add_test(all, a_reset_forgets_everything);
    tcase_add_test(all, designs_that_do_not_fit_are_refused);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
