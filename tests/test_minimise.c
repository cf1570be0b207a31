/* SPDX-License-Identifier: Apache-2.0 */
/* Is a minimised stimulus one that fails, that passes without the bug, and that nothing can be left out of?
 */
#include "../sim/minimise.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../sim/paths.h"
#include "../sim/place.h"
#include "../sim/vectors.h"
#include "run_suite.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for many of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

enum { CYCLES = 2000 };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* ---- a run that fails ---- */

typedef struct {
    cosim_config_t config;
    tape_t tape;
    int signal; /* that differs first; -1: none */
    minimised_t m;
} failure_t;

static void observe(void *context, lockstep_t *l, uint64_t cycle, bool after_edge)
{
    failure_t *f = context;
    const difference_t *x;
    if (cycle != COSIM_RESET && !after_edge) demand(tape_add(&f->tape, lockstep_model(l)), "out of memory");
    if (lockstep_differences(l, &x) > 0) f->signal = (int)(x->signal - lockstep_model(l)->table);
}

static void fail_run(failure_t *f, const design_t *d, const char *canary, stimulus_class_t kind)
{
    char error[DUT_ERROR_MAX] = "";
    cosim_result_t r;
    const canary_t *planted = canary_find(canary);
    demand(planted, "%s is no canary", canary);
    *f = (failure_t){.signal = -1};
    f->config = (cosim_config_t){.design = d,
                                 .design_name = d->name,
                                 .unit = planted->unit,
                                 .kind = kind,
                                 .seed = 1,
                                 .cycles = CYCLES,
                                 .canary = planted};
    demand(!cosim_run(&f->config, observe, f, &r, error) && r.diverged, "%s: not found: %s", canary, error);
    demand(f->signal >= 0, "%s: no signal differs", canary);
}

static void minimise_run(failure_t *f, double budget)
{
    char error[DUT_ERROR_MAX] = "";
    const minimise_job_t job = {
        .config = &f->config, .tape = &f->tape, .signal = f->signal, .budget = budget};
    demand(!minimise(&job, &f->m, error), "%s: %s", f->config.canary->name, error);
    demand(!*f->m.why, "%s: %s", f->config.canary->name, f->m.why);
}

static void forget(failure_t *f)
{
    minimised_free(&f->m);
    tape_free(&f->tape);
}

/* ---- the stimulus again, by this test's own means ---- */

/* The cycle in which the wanted signal differs first among the cycles but `without`; -1: never. */
static int fails_in(const failure_t *f, lockstep_t *l, int without)
{
    const difference_t *x;
    block_t *b = lockstep_model(l);
    for (int i = 0; i < b->signals; ++i) {
        const signal_t *s = &b->table[i];
        if (s->kind == SIGNAL_IN) memset(block_data(b, s), 0, signal_count(s) * (size_t)signal_bytes(s));
    }
    bool equal = lockstep_reset(l);
    int t = 0;
    for (; t < f->m.cycles && equal; ++t) {
        if (t == without) continue;
        minimised_play(&f->m, b, t);
        equal = lockstep_step(l);
    }
    if (equal && lockstep_compare_stored(l)) return -1;
    for (int i = 0, n = lockstep_differences(l, &x); i < n; ++i) {
        if (x[i].signal == &b->table[f->signal]) return t - 1;
    }
    return -1;
}

static lockstep_t *sides(const failure_t *f, bool planted)
{
    cosim_config_t c = f->config;
    lockstep_t *l;
    char error[DUT_ERROR_MAX] = "";
    c.seed = VECTORS_X_SEED;
    if (!planted) c.canary = NULL;
    demand(!cosim_open(&c, true, &l, error), "%s: %s", c.canary ? c.canary->name : c.unit, error);
    return l;
}

static void drive(void *context, block_t *unit, uint64_t t)
{
    const failure_t *f = context;
    if (t < (uint64_t)f->m.cycles) minimised_play(&f->m, unit, (int)t);
}

static void vectors_tell(failure_t *f)
{
    char path[] = "/tmp/sanger-minimise-XXXXXX", error[DUT_ERROR_MAX] = "";
    const char *name = f->config.canary->name;
    vectors_result_t r;
    cosim_config_t clean = f->config;
    clean.canary = NULL;
    int file = mkstemp(path);
    demand(file >= 0 && !close(file), "%s cannot be made", path);
    uint64_t cycles = f->m.cycles ? (uint64_t)f->m.cycles : 1;
    demand(!vectors_write(f->config.design, f->config.unit, drive, f, cycles, "test", path, error), "%s",
           error);
    demand(!vectors_check_sides(&f->config, path, true, &r, error), "%s: %s", name, error);
    demand(!vectors_hold(&r) && *r.first, "%s: its vectors hold", name);
    demand(!vectors_check_sides(&clean, path, true, &r, error), "%s: %s", name, error);
    demand(vectors_hold(&r), "%s: clean vectors do not hold: %s", name, r.first);
    unlink(path);
}

static void check_minimal(failure_t *f)
{
    const char *name = f->config.canary->name;
    lockstep_t *planted = sides(f, true), *clean = sides(f, false);
    demand(f->m.same && f->m.zeros && f->m.minimal && f->m.in_time,
           "%s: same %d zeros %d minimal %d in time %d", name, f->m.same, f->m.zeros, f->m.minimal,
           f->m.in_time);
    demand(f->m.cycles <= f->m.window, "%s: %d cycles of %d", name, f->m.cycles, f->m.window);
    demand(fails_in(f, planted, -1) == f->m.cycles - 1, "%s: does not fail in its last cycle", name);
    demand(fails_in(f, clean, -1) < 0, "%s: fails without the bug", name);
    for (int t = 0; t < f->m.cycles; ++t)
        demand(fails_in(f, planted, t) < 0, "%s: cycle %d of %d can be left out", name, t, f->m.cycles);
    for (size_t at = 0; at < f->m.elements * (size_t)f->m.cycles; ++at) {
        int64_t kept = f->m.record[at];
        f->m.record[at] = 0;
        demand(!kept || fails_in(f, planted, -1) < 0, "%s: word %zu can be zero", name, at);
        f->m.record[at] = kept;
    }
    lockstep_close(planted);
    lockstep_close(clean);
}

START_TEST(nothing_can_be_left_out)
{
    static const struct {
        const char *design, *canary;
        int most; /* cycles that a reader needs to see it */
    } cases[] = {{"odd_5x7x3", "rtl_pe_load_adds", 1}, {"odd_5x7x3", "model_pe_move_drops", 1},
                 {"odd_5x7x3", "rtl_pe_row_count", 5}, {"odd_5x7x3", "rtl_split_ready", 3},
                 {"odd_5x7x3", "model_pack_count", 2}, {"odd_5x7x3", "rtl_delay_line_age", 5},
                 {"odd_5x7x3", "model_exp_shift", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        failure_t f;
        design_t d = load(cases[i].design);
        fail_run(&f, &d, cases[i].canary, STIMULUS_LEGAL);
        minimise_run(&f, 60);
        demand(f.m.cycles <= cases[i].most, "%s: %d cycles", cases[i].canary, f.m.cycles);
        check_minimal(&f);
        vectors_tell(&f);
        forget(&f);
    }
}
END_TEST

/* What a memory shows that nobody wrote is zero in its file, not x: else a clean check would compare nothing.
 */
START_TEST(a_memory_of_zeros_is_compared)
{
    failure_t f;
    design_t d = load("odd_5x7x3_travelling");
    fail_run(&f, &d, "rtl_buffer_lane", STIMULUS_LEGAL);
    minimise_run(&f, 60);
    vectors_tell(&f);
    forget(&f);
}
END_TEST

START_TEST(a_bug_of_reset_needs_no_cycle)
{
    failure_t f;
    design_t d = load("odd_5x7x3");
    fail_run(&f, &d, "rtl_score_array_max_reset", STIMULUS_LEGAL);
    minimise_run(&f, 60);
    ck_assert_int_eq(f.m.cycles, 0);
    vectors_tell(&f);
    forget(&f);
}
END_TEST

/* What the budget left is no minimum and says so, and fails all the same. */
START_TEST(without_time_the_window_is_left)
{
    failure_t f;
    design_t d = load("odd_5x7x3");
    fail_run(&f, &d, "rtl_pe_row_count", STIMULUS_LEGAL);
    minimise_run(&f, 1e-9);
    ck_assert(!f.m.in_time && !f.m.minimal);
    ck_assert_int_gt(f.m.cycles, 0);
    vectors_tell(&f);
    forget(&f);
}
END_TEST

/* A tape that does not show the bug gives nothing. */
START_TEST(a_tape_that_does_not_fail_gives_nothing)
{
    failure_t f;
    char error[DUT_ERROR_MAX] = "";
    design_t d = load("odd_5x7x3");
    fail_run(&f, &d, "rtl_pe_load_adds", STIMULUS_LEGAL);
    cosim_config_t clean = f.config;
    clean.canary = NULL;
    const minimise_job_t job = {.config = &clean, .tape = &f.tape, .signal = f.signal, .budget = 10};
    ck_assert(!minimise(&job, &f.m, error));
    ck_assert(*f.m.why && f.m.tries > 0);
    forget(&f);
}
END_TEST

/* ---- the place in a unit's work ---- */

START_TEST(passes_are_counted)
{
    design_t d = load("odd_5x7x3_travelling");
    block_t *b = block_open(block_find("slot_array"), &d);
    const signal_t *tag = block_signal(b, "tag");
    static const int64_t tags[] = {0, 1, 2, 3, 4, 5, 0, 9, 10};
    static const char *const texts[] = {"",
                                        "pass=0 cycle=0 op=load",
                                        "pass=0 cycle=1 op=mac",
                                        "pass=0 cycle=2 op=exp",
                                        "pass=0 cycle=3 op=fwd",
                                        "pass=0 cycle=4 op=fwd_last",
                                        "pass=0 cycle=5 op=none",
                                        "pass=1 cycle=0 op=load",
                                        "pass=1 cycle=1 op=mac"};
    place_t p;
    place_reset(&p);
    for (size_t t = 0; t < sizeof tags / sizeof *tags; ++t) {
        char text[96];
        block_set(b, tag, 0, tags[t]);
        place_step(&p, b);
        place_text(&p, text, sizeof text);
        ck_assert_str_eq(text, texts[t]);
    }
    block_close(b);
}
END_TEST

START_TEST(a_unit_without_passes_has_no_place)
{
    design_t d = load("odd_5x7x3");
    block_t *b = block_open(block_find("pe"), &d);
    place_t p;
    place_reset(&p);
    place_step(&p, b);
    ck_assert(!place_known(&p));
    block_close(b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("minimise");
    TCase *t = tcase_create("minimise");
    tcase_set_timeout(t, 600);
    tcase_add_test(t, nothing_can_be_left_out);
    tcase_add_test(t, a_memory_of_zeros_is_compared);
    tcase_add_test(t, a_bug_of_reset_needs_no_cycle);
    tcase_add_test(t, without_time_the_window_is_left);
    tcase_add_test(t, a_tape_that_does_not_fail_gives_nothing);
    tcase_add_test(t, passes_are_counted);
    tcase_add_test(t, a_unit_without_passes_has_no_place);
    suite_add_tcase(s, t);
    return run_suite(s);
}
