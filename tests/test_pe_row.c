/* SPDX-License-Identifier: Apache-2.0 */
/* Does a row route operands, partial sums and scores as its picture says? Expectations come from the history
   of what was driven, not from registers. */
#include <math.h>
#include <string.h>

#include "array_designs.h"
#include "array_drive.h"
#include "../model/pe_row.h"

enum { CYCLES = 400, COLUMNS = 24, PES = 16 };

static void set_all(block_t *b, const char *name, int64_t value)
{
    for (size_t k = 0; k < signal_count(block_signal(b, name)); ++k) put(b, name, k, value);
}

/* Nothing happens: no load of zero, accumulators and scores hold. */
static block_t *open_row(const design_t *d)
{
    block_t *b = block_open(&pe_row_type, d);
    set_all(b, "c3", C3_IDLE);
    set_all(b, "c1", d->columns + 1);
    set_all(b, "c2", d->columns);
    return b;
}

START_TEST(each_pe_multiplies_the_left_word_of_its_tap_with_its_column)
{
    static int64_t left[CYCLES + COLUMNS], top[CYCLES + 1][COLUMNS];
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        random_t random = {.state = seed};
        design_t d =
            signed_design(1, 5 + (int)random_below(&random, COLUMNS - 5), 1 + (int)random_below(&random, 5));
        block_t *b = open_row(&d);
        int64_t c1[PES], c2[PES];
        double sum[PES] = {0};
        memset(left, 0, sizeof left);
        memset(top, 0, sizeof top);
        for (int k = 0; k < d.pes; ++k) {
            c1[k] = random_below(&random, d.columns + 4) % (1 << design_c1_w(&d));
            c2[k] = random_below(&random, d.columns + 1);
            if (c1[k] == d.columns) c1[k] = d.columns + 1; /* scores: another test */
            put(b, "c1", (size_t)k, c1[k]);
            put(b, "c2", (size_t)k, c2[k]);
        }
        set_all(b, "c3", C3_SELF);
        for (int t = 0; t < CYCLES; ++t) {
            put(b, "left", 0, left[t + COLUMNS] = random_word(&random, 12));
            for (int j = 0; j < d.columns; ++j)
                put(b, "top", (size_t)j, top[t + 1][j] = random_word(&random, 12));
            cycle(b);
            for (int k = 0; k < d.pes; ++k) {
                double x = c1[k] < d.columns ? (double)left[t + COLUMNS - 1 - c1[k]] : 0;
                double y = c2[k] < d.columns ? (double)top[t][c2[k]] : 0;
                sum[k] += floor(ldexp(x * y, -6));
                ck_assert_msg((double)get(b, "acc_q", (size_t)k) == sum[k],
                              "seed=%d cycle=%d pe=%d c1=%d c2=%d", (int)seed, t, k, (int)c1[k], (int)c2[k]);
            }
        }
        block_close(b);
    }
}
END_TEST

START_TEST(a_clear_loads_zeros_and_the_column_registers_are_the_bottom)
{
    design_t d = signed_design(1, 6, 2);
    block_t *b = open_row(&d);
    for (int t = 0; t < 8; ++t) {
        put(b, "left", 0, 100 + t);
        put(b, "top", 3, 200 + t);
        cycle(b);
    }
    settle(b);
    ck_assert_int_eq(get(b, "bot", 3), 207);
    for (int j = 0; j < 6; ++j) ck_assert_int_eq(get(b, "v_q", (size_t)j), 107 - j);
    put(b, "clear", 0, 1);
    cycle(b);
    settle(b);
    ck_assert_int_eq(get(b, "bot", 3), 0);
    for (int j = 0; j < 6; ++j) ck_assert_int_eq(get(b, "v_q", (size_t)j), 0);
    block_close(b);
}
END_TEST

START_TEST(partial_sums_pass_each_gap_and_leave_the_row)
{
    design_t d = signed_design(1, 9, 3);
    block_t *b = open_row(&d);
    const int64_t c4[3] = {2, 0, 6};
    for (int k = 0; k < 3; ++k) put(b, "c4", (size_t)k, c4[k]);
    /* PE 0 makes one product at t = 1, and the others add nothing */
    set_all(b, "c3", C3_LEFT);
    put(b, "shift", 0, 1);
    put(b, "c1", 0, 0);
    put(b, "c2", 0, 0);
    put(b, "left", 0, 64);
    put(b, "top", 0, 321);
    int seen = -1;
    for (int t = 0; t < 20; ++t) {
        settle(b);
        if (get(b, "out", 0)) {
            ck_assert_int_eq(get(b, "out", 0), 321);
            ck_assert_int_eq(seen, -1);
            seen = t;
        }
        b->type->tick(b->self);
        put(b, "left", 0, 0);
    }
    /* in v and h at 1, in acc 0 at 2; then 1 + gap to each neighbour and the last gap to the exit */
    ck_assert_int_eq(seen, 2 + (1 + 2) + (1 + 0) + 6);
    block_close(b);
}
END_TEST

/* acc of PE k to a value: the left port of the row has none, so by one product. */
static void load_acc(block_t *b, int k, int64_t q, int64_t key)
{
    put(b, "left", 0, q);
    put(b, "top", 0, key);
    cycle(b);
    put(b, "c1", (size_t)k, 0);
    put(b, "c2", (size_t)k, 0);
    put(b, "c3", (size_t)k, C3_LOAD);
    cycle(b);
    put(b, "c3", (size_t)k, C3_IDLE);
}

START_TEST(scores_are_exponentials_and_move_out_into_the_sum)
{
    design_t d = signed_design(1, 6, 3);
    block_t *b = open_row(&d);
    const double x[3] = {1.5, -2.25, 0.75}, bias = 0.5;
    double sum = 0;
    for (int k = 0; k < 3; ++k) load_acc(b, k, (int64_t)ldexp(x[k], 11), 1 << 11);
    put(b, "bias", 0, (int64_t)ldexp(bias, 7));
    set_all(b, "c5", C5_CALC);
    cycle(b);
    for (int k = 0; k < 3; ++k) {
        double score = ldexp((double)get(b, "score_q", (size_t)k), -20), expected = exp(x[k] - bias);
        ck_assert_msg(fabs(score / expected - 1) < 0.01, "pe=%d score=%f expected %f", k, score, expected);
        sum += score;
    }
    set_all(b, "c5", C5_MOVE);
    for (int k = 0; k < 3; ++k) cycle(b);
    set_all(b, "c5", C5_HOLD);
    settle(b);
    ck_assert_double_eq(ldexp((double)get(b, "sum", 0), -20), sum);
    for (int k = 0; k < 3; ++k) ck_assert_int_eq(get(b, "score_q", (size_t)k), 0);
    put(b, "sum_clear", 0, 1);
    cycle(b);
    ck_assert_int_eq(get(b, "sum_q", 0), 0);
    block_close(b);
}
END_TEST

START_TEST(the_sum_takes_its_own_fraction)
{
    for (int frac = 14; frac <= 23; frac += 9) {
        design_t d = signed_design(1, 4, 1);
        d.row_sum.frac = frac;
        block_t *b = open_row(&d);
        load_acc(b, 0, -1000, 1 << 11); /* e^-0.488: an odd fraction */
        put(b, "c5", 0, C5_CALC);
        cycle(b);
        double score = (double)get(b, "score_q", 0);
        put(b, "c5", 0, C5_MOVE);
        cycle(b);
        ck_assert_msg((double)get(b, "sum_q", 0) == floor(ldexp(score, frac - 20)), "frac=%d", frac);
        block_close(b);
    }
}
END_TEST

START_TEST(every_clipped_value_is_counted)
{
    design_t d = signed_design(1, 4, 2);
    block_t *b = open_row(&d);
    load_acc(b, 0, 32767, 32767);
    load_acc(b, 1, 32767, 32767); /* about 2^24; a bias of -256 makes e^x too large in both */
    put(b, "bias", 0, -32768);
    set_all(b, "c5", C5_CALC);
    cycle(b);
    ck_assert_int_eq(get(b, "exp_sat_q", 0), 2);
    set_all(b, "c5", C5_MOVE);
    cycle(b); /* the largest score enters the sum and fits */
    ck_assert_int_eq(get(b, "sum_sat_q", 0), 0);
    cycle(b);
    ck_assert_int_eq(get(b, "sum_sat_q", 0), 1);
    ck_assert_int_eq(get(b, "sum_q", 0), INT32_MAX);
    set_all(b, "c5", C5_HOLD);
    set_all(b, "c3", C3_SELF);
    int edges = 0;
    while (get(b, "acc_sat_q", 0) == 0 && edges < 1000) {
        cycle(b);
        ++edges;
    }
    /* 2^24 a cycle into 2^31: the 128th product still fits beside the first, and both PEs clip together */
    ck_assert_int_eq(get(b, "acc_sat_q", 0), 2);
    cycle(b);
    ck_assert_int_eq(get(b, "acc_sat_q", 0), 4);
    put(b, "clear", 0, 1); /* clears operands, no counter */
    cycle(b);
    cycle(b);
    ck_assert_int_ge(get(b, "acc_sat_q", 0), 4);
    block_close(b);
}
END_TEST

START_TEST(a_counter_stays_at_its_maximum)
{
    design_t d = signed_design(1, 4, 2);
    block_t *b = open_row(&d);
    put(b, "acc_sat_q", 0, 0xfffffffe);
    put(b, "sat_q", 0, 1);
    put(b, "sat_q", 1, 1);
    cycle(b);
    ck_assert_int_eq(get(b, "acc_sat_q", 0), 0xffffffff);
    put(b, "sat_q", 0, 1);
    cycle(b);
    ck_assert_int_eq(get(b, "acc_sat_q", 0), 0xffffffff);
    block_close(b);
}
END_TEST

START_TEST(published_clear_also_clears_the_sum_which_wraps)
{
    design_t d = published_design(1, 4, 1, 32, 16);
    block_t *b = open_row(&d);
    put(b, "score_q", 0, INT32_MAX);
    put(b, "sum_q", 0, 2);
    put(b, "c5", 0, C5_MOVE);
    cycle(b);
    ck_assert_int_eq(get(b, "sum_q", 0), INT32_MIN + 1);
    put(b, "clear", 0, 1);
    cycle(b);
    ck_assert_int_eq(get(b, "sum_q", 0), 0);
    block_close(b);
}
END_TEST

START_TEST(children_tick_in_any_order)
{
    design_t d = signed_design(1, 8, 4);
    block_t *a = block_open(&pe_row_type, &d), *b = block_open(&pe_row_type, &d);
    random_t random = {.state = 7};
    for (int t = 0; t < 500; ++t) {
        for (int i = 0; i < a->signals; ++i) {
            const signal_t *s = &a->table[i];
            for (size_t k = 0; s->kind == SIGNAL_IN && k < signal_count(s); ++k) {
                int64_t value = s->codes ? random_below(&random, s->codes) : random_word(&random, s->bits);
                put(a, s->name, k, value);
                put(b, s->name, k, value);
            }
        }
        cycle(a);
        settle(b);
        pe_row_t *row = b->self; /* the same children, last first, and the row's own registers at the end */
        int64_t acc[4], score[4], sat[4], line[16], wp;
        for (int k = 3; k >= 0; --k) pe_tick(&row->pe[k]);
        delay_line_tick(&row->line);
        memcpy(acc, row->acc_q, sizeof acc);
        memcpy(score, row->score_q, sizeof score);
        memcpy(sat, row->sat_q, sizeof sat);
        memcpy(line, row->line_q, sizeof line);
        wp = *row->wp_q;
        pe_row_t *forward = a->self;
        ck_assert_msg(!memcmp(acc, forward->acc_q, sizeof acc) &&
                          !memcmp(score, forward->score_q, sizeof score) &&
                          !memcmp(sat, forward->sat_q, sizeof sat) &&
                          !memcmp(line, forward->line_q, sizeof line) && wp == *forward->wp_q,
                      "cycle=%d: the order of the children shows", t);
        for (int i = 0; i < a->signals; ++i) {
            const signal_t *s = &a->table[i];
            for (size_t k = 0; s->kind == SIGNAL_REG && k < signal_count(s); ++k)
                put(b, s->name, k, get(a, s->name, k));
        }
    }
    block_close(a);
    block_close(b);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pe_row");
    tcase_add_test(tests, each_pe_multiplies_the_left_word_of_its_tap_with_its_column);
    tcase_add_test(tests, a_clear_loads_zeros_and_the_column_registers_are_the_bottom);
    tcase_add_test(tests, partial_sums_pass_each_gap_and_leave_the_row);
    tcase_add_test(tests, scores_are_exponentials_and_move_out_into_the_sum);
    tcase_add_test(tests, the_sum_takes_its_own_fraction);
    tcase_add_test(tests, every_clipped_value_is_counted);
    tcase_add_test(tests, a_counter_stays_at_its_maximum);
    tcase_add_test(tests, published_clear_also_clears_the_sum_which_wraps);
    tcase_add_test(tests, children_tick_in_any_order);
    return run_suite("pe_row", tests);
}
