/* SPDX-License-Identifier: Apache-2.0 */
/* Is the fast low-bit array the reference, in every register and output of every cycle? */
#include "../model/predict_array_fast.h"

#include <check.h>
#include <stdlib.h>

#include "../sim/paths.h"
#include "../sim/stimulus.h"
#include "fast_compare.h"
#include "run_suite.h"

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    ck_assert_msg(!paths_design(name, &d, error), "%s", error);
    return d;
}

static design_t sized(const char *name, int rows, int columns)
{
    design_t d = load(name);
    d.rows = d.score_rows = rows;
    d.columns = d.score_columns = columns;
    d.keys_max = 3 * columns + 1;
    d.head_max = 10;
    d.strips = 2;
    d.bus_bytes = 32;
    d.sub_row_id_w = 10;
    return d;
}

typedef struct {
    int64_t acc, scaled, exp, sum, words; /* clipped; words on the mask bus */
} events_t;

static void run(const design_t *d, stimulus_class_t kind, uint64_t seed, int cycles, int show_every,
                bool plain, events_t *e)
{
    block_t *ref = block_open(&predict_array_type, d), *fast = block_open(&predict_array_fast_type, d);
    ck_assert(ref && fast && predict_array_fast_fits(d));
    if (plain) predict_array_fast_plain(fast->self);
    stimulus_t *stimulus = stimulus_open(kind, seed, ref);
    ck_assert_ptr_nonnull(stimulus);
    const predict_array_t *a = ref->self;
    place_t at = {stimulus_names[kind], seed, 0};
    compare(ref, fast, SIGNAL_REG, &at);
    for (; at.cycle < cycles; ++at.cycle) {
        stimulus_next(stimulus);
        cycle_of_both(ref, fast, at.cycle % show_every == 0, &at);
        e->words += *a->mask_valid;
    }
    e->acc += counter_sum(ref, "sat_acc_q");
    e->scaled += counter_sum(ref, "sat_scaled_q");
    e->exp += counter_sum(ref, "sat_exp_q");
    e->sum += counter_sum(ref, "sat_sum_q");
    stimulus_close(stimulus);
    block_close(ref);
    block_close(fast);
}

static const struct {
    const char *formats;
    int rows, columns;
} sizes[] = {{"odd_5x7x3_travelling", 5, 7}, {"odd_5x7x3_travelling", 7, 40}, {"odd_5x7x3_travelling", 40, 9},
             {"paper_64x16", 4, 4},          {"paper_64x16", 6, 64},          {"paper_64x16", 70, 17}};
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(every_register_is_the_references_in_every_cycle)
{
    events_t all = {0};
    for (int i = 0; i < SIZES; ++i) {
        design_t d = sized(sizes[i].formats, sizes[i].rows, sizes[i].columns);
        for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) {
            int cycles = kind == STIMULUS_SCHEDULED ? 2500 : 500;
            for (int plain = 0; plain < 2; ++plain)
                run(&d, (stimulus_class_t)kind, (uint64_t)(i + 1), cycles, 1, plain, &all);
        }
    }
    ck_assert_msg(all.acc > 0 && all.scaled > 0 && all.exp > 0 && all.sum > 0,
                  "the stimulus never clipped something: %d %d %d %d", (int)all.acc, (int)all.scaled,
                  (int)all.exp, (int)all.sum);
    ck_assert_msg(all.words > 500, "%d words", (int)all.words);
}
END_TEST

/* Long enough for every window and ring to start again. */
START_TEST(showing_seldom_misses_nothing)
{
    static const int every[] = {2, 7, 97};
    design_t d = sized("odd_5x7x3_travelling", 5, 7);
    events_t all = {0};
    for (int i = 0; i < 3; ++i)
        run(&d, STIMULUS_SCHEDULED, (uint64_t)i + 10, 2 * PREDICT_FAST_TAGS + 500, every[i], i == 1, &all);
}
END_TEST

START_TEST(the_papers_size_agrees_too)
{
    events_t all = {0};
    design_t d = load("paper_64x16");
    run(&d, STIMULUS_SCHEDULED, 1, 1200, 100, false, &all);
    run(&d, STIMULUS_LEGAL, 1, 100, 50, false, &all);
}
END_TEST

START_TEST(a_reset_forgets_everything)
{
    design_t d = sized("odd_5x7x3_travelling", 5, 7);
    block_t *fresh = block_open(&predict_array_fast_type, &d);
    block_t *used = block_open(&predict_array_fast_type, &d);
    stimulus_t *stimulus = stimulus_open(STIMULUS_LEGAL, 3, used);
    ck_assert(fresh && used && stimulus);
    for (int t = 0; t < 3000; ++t) {
        stimulus_next(stimulus);
        used->type->eval(used->self);
        used->type->tick(used->self);
    }
    block_reset(used);
    const signal_t *s = block_signal(used, "strip_q"); /* which no reset empties */
    for (size_t k = 0; k < signal_count(s); ++k) block_set(used, s, k, 0);
    place_t at = {"reset", 3, 0};
    for (; at.cycle < 300; ++at.cycle) {
        stimulus_next(stimulus);
        cycle_of_both(used, fresh, false, &at);
        used->type->show(used->self);
        fresh->type->show(fresh->self);
        compare(used, fresh, SIGNAL_REG, &at);
    }
    stimulus_close(stimulus);
    block_close(fresh);
    block_close(used);
}
END_TEST

START_TEST(designs_that_do_not_fit_are_refused)
{
    design_t good = load("paper_64x16"), d = good;
    ck_assert(block_fast(&predict_array_type, &d) == &predict_array_fast_type);
    d.columns = d.score_columns = 96;
    ck_assert(!predict_array_fast_fits(&d));
    d = good;
    d.score_acc_w = 16;
    ck_assert(!predict_array_fast_fits(&d));
    d = good;
    d.scaled.w = 32;
    ck_assert(!predict_array_fast_fits(&d));
    d = good;
    d.scaled.frac = 2 * d.scale.frac + 1;
    ck_assert(!predict_array_fast_fits(&d));
    d = good;
    d.score_sum.frac = d.score_exp.frac + 1;
    ck_assert(!predict_array_fast_fits(&d));
    d = good;
    d.threshold.w = 32;
    ck_assert(!predict_array_fast_fits(&d));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("predict_array_fast");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 300);
    tcase_add_test(all, every_register_is_the_references_in_every_cycle);
    tcase_add_test(all, showing_seldom_misses_nothing);
    tcase_add_test(all, the_papers_size_agrees_too);
    tcase_add_test(all, a_reset_forgets_everything);
    tcase_add_test(all, designs_that_do_not_fit_are_refused);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
