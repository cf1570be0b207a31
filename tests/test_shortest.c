/* SPDX-License-Identifier: Apache-2.0 */
/* Is what is proved about the fewest cycles so? The divider of `normalise` has a known number of stages. */
#include "../sim/shortest.h"

#include <check.h>
#include <string.h>

#include "../sim/paths.h"
#include "../sim/vectors.h"
#include "run_suite.h"

enum { DONE = 17, QUOTIENT = 18, LONGER = 3, SECONDS = 300 }; /* cycles of odd_5x7x3's 15-bit quotients */

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    ck_assert_msg(!paths_design(name, &d, error), "%s", error);
    return d;
}

static cosim_config_t config_of(const design_t *d, const char *canary)
{
    return (cosim_config_t){.design = d,
                            .design_name = d->name,
                            .unit = "normalise",
                            .seed = 1,
                            .canary = canary ? canary_find(canary) : NULL};
}

static void ask(const cosim_config_t *c, const char *name, uint64_t value, int cycles, double seconds,
                tape_t *tape, shortest_t *out)
{
    block_t *b = block_open(block_find(c->unit), c->design);
    const shortest_job_t job = {.config = c,
                                .signal = (int)(block_signal(b, name) - b->table),
                                .value = value,
                                .cycles = cycles,
                                .seconds = seconds};
    *tape = (tape_t){0};
    shortest(&job, b, tape, out);
    block_close(b);
}

/* Cycles of the tape until the signal differs; -1: it does not. */
static int fails_after(const cosim_config_t *c, const tape_t *tape, const char *name)
{
    char error[DUT_ERROR_MAX] = "";
    const difference_t *x;
    lockstep_t *l;
    cosim_config_t config = *c;
    int found = -1;
    config.seed = VECTORS_X_SEED;
    ck_assert_msg(!cosim_open(&config, true, &l, error), "%s", error);
    bool equal = lockstep_reset(l);
    for (int t = 0; t < tape->cycles && equal; ++t) {
        tape_play(tape, lockstep_model(l), t);
        equal = lockstep_step(l);
        if (!equal && lockstep_differences(l, &x) && !strcmp(x->signal->name, name)) found = t + 1;
    }
    lockstep_close(l);
    return found;
}

START_TEST(the_fewest_cycles_show_the_bug)
{
    const design_t d = load("odd_5x7x3");
    const cosim_config_t c = config_of(&d, "rtl_normalise_valid_early");
    tape_t tape;
    shortest_t r;
    ask(&c, "done_q", 0, DONE + LONGER, SECONDS, &tape, &r);
    ck_assert_int_eq(r.kind, SHORTEST_BUG);
    ck_assert_int_eq(r.first, DONE);
    ck_assert_int_eq(r.cleared, DONE - 1);
    ck_assert_int_eq(tape.cycles, DONE);
    ck_assert_int_eq(fails_after(&c, &tape, "done_q"), DONE);
    tape_free(&tape);
    ask(&c, "done_q", 0, DONE, SECONDS, &tape, &r);
    ck_assert_int_eq(r.first, -1);
    ck_assert_int_eq(r.cleared, DONE - 1);
    ck_assert_int_eq(tape.cycles, 0);
    tape_free(&tape);
}
END_TEST

/* No second Verilog: what a value takes. */
START_TEST(a_value_takes_the_stages)
{
    const design_t d = load("odd_5x7x3");
    const cosim_config_t c = config_of(&d, "model_normalise_lowest");
    tape_t tape;
    shortest_t r;
    ask(&c, "quot_q", 0x4000, QUOTIENT + LONGER, SECONDS, &tape, &r);
    ck_assert_int_eq(r.kind, SHORTEST_VALUE);
    ck_assert_int_eq(r.first, QUOTIENT);
    ck_assert_int_eq(r.cleared, QUOTIENT - 1);
    tape_free(&tape);
}
END_TEST

START_TEST(a_value_out_of_reach_is_cleared)
{
    const design_t d = load("odd_5x7x3");
    const cosim_config_t c = config_of(&d, NULL);
    tape_t tape;
    shortest_t r;
    ask(&c, "done_q", 1, 9, SECONDS, &tape, &r);
    ck_assert_int_eq(r.first, -1);
    ck_assert_int_eq(r.cleared, 8);
    tape_free(&tape);
}
END_TEST

START_TEST(a_first_move_takes_the_stages)
{
    const design_t d = load("odd_5x7x3");
    const cosim_config_t c = config_of(&d, NULL);
    tape_t tape;
    shortest_t r;
    ask(&c, "quot_q", 0, QUOTIENT + LONGER, SECONDS, &tape, &r);
    ck_assert_int_eq(r.kind, SHORTEST_MOVE);
    ck_assert_int_eq(r.first, QUOTIENT);
    ck_assert_int_eq(r.cleared, QUOTIENT - 1);
    tape_free(&tape);
}
END_TEST

START_TEST(without_time_nothing_is_proved)
{
    const design_t d = load("odd_5x7x3");
    const cosim_config_t c = config_of(&d, "rtl_normalise_valid_early");
    tape_t tape;
    shortest_t r;
    ask(&c, "done_q", 0, DONE, 0.01, &tape, &r);
    ck_assert_int_eq(r.first, -1);
    ck_assert_int_eq(r.cleared, -1);
    tape_free(&tape);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("shortest");
    TCase *t = tcase_create("shortest");
    tcase_set_timeout(t, 1200);
    tcase_add_test(t, the_fewest_cycles_show_the_bug);
    tcase_add_test(t, a_value_takes_the_stages);
    tcase_add_test(t, a_value_out_of_reach_is_cleared);
    tcase_add_test(t, a_first_move_takes_the_stages);
    tcase_add_test(t, without_time_nothing_is_proved);
    suite_add_tcase(s, t);
    return run_suite(s);
}
