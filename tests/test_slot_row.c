/* SPDX-License-Identifier: Apache-2.0 */
/* What a row adds to its slots: taps, gaps, one exp unit, the output slot, sums. Whole passes:
 * test_slot_array. */
#include "../model/slot_row.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/random.h"
#include "array_designs.h"
#include "run_suite.h"

#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

static design_t sized(int columns, int pes)
{
    design_t d = signed_design(1, columns, pes);
    d.control = CONTROL_TRAVELLING;
    return d;
}

static void cycle(block_t *b)
{
    b->type->eval(b->self);
    b->type->tick(b->self);
    b->type->eval(b->self);
}

static void operation(slot_row_t *row, int par, int op)
{
    *row->tag = par * TAG_PAR + op;
}

/* Loads a configuration that every slot takes at the next edge, if it is free. */
static void configure(block_t *b, const int *mode, const int *col)
{
    slot_row_t *row = b->self;
    for (int k = 0; k < b->design->pes; ++k) row->mode[k] = mode[k], row->col[k] = col[k];
    *row->load = 1;
    cycle(b);
    *row->load = 0;
}

static void idle(block_t *b, int cycles)
{
    operation(b->self, 0, TAG_NONE);
    for (int t = 0; t < cycles; ++t) cycle(b);
}

/* ---- taps ---- */

enum { CYCLES = 200 };

START_TEST(operands_and_tags_move_a_place_a_cycle)
{
    design_t d = sized(9, 3);
    block_t *b = block_open(&slot_row_type, &d);
    slot_row_t *row = b->self;
    random_t r = {.state = 1};
    int64_t left[CYCLES], tag[CYCLES];
    for (int t = 0; t < CYCLES; ++t) {
        *row->left = left[t] = fixed_wrap((int64_t)random_bits(&r), design_left_w(&d));
        *row->tag = tag[t] = random_below(&r, 16);
        for (int j = 0; j < 9; ++j) row->top[j] = fixed_wrap((int64_t)random_bits(&r), design_top_w(&d));
        cycle(b);
        for (int j = 0; j < 9; ++j) {
            demand(row->v_q[j] == (t >= j ? left[t - j] : 0), "cycle %d tap %d", t, j);
            demand(row->bot[j] == row->top[j] && row->h_q[j] == row->top[j], "cycle %d column %d", t, j);
        }
        for (int j = 0; j <= 9; ++j)
            demand(row->tag_q[j] == (t >= j ? tag[t - j] : 0), "cycle %d tag %d", t, j);
        demand(*row->tag_down == tag[t], "cycle %d tag down", t);
    }
    block_close(b);
}
END_TEST

/* ---- one slot, word by word ---- */

/* The operand of a slot at column c arrives there c + 1 cycles after it enters; all enter at once here. */
static void feed(block_t *b, int par, int op, int64_t left, int64_t top)
{
    slot_row_t *row = b->self;
    operation(row, par, op);
    *row->left = left;
    for (int j = 0; j < b->design->columns; ++j) row->top[j] = top;
    cycle(b);
}

/* d = 1 in column 0: q * k, exp with the bias, score * v, the output columns + 3 cycles after word 0. */
START_TEST(one_word_through_one_slot)
{
    design_t d = sized(4, 1);
    d.bias = (format_t){20, 7}; /* wider than q: the tap carries both */
    block_t *b = block_open(&slot_row_type, &d);
    slot_row_t *row = b->self;
    exp_unit_t e;
    exp_unit_of_pe(&e, &d);
    const int mode = SLOT_ACTIVE, col = 0;
    configure(b, &mode, &col);
    int64_t q = -300, k = 5000, bias = -70000, v = 4096, ignored = 0;
    feed(b, 0, TAG_LOAD, q + (INT64_C(1) << 17), k); /* bits above q's width are nobody's */
    feed(b, 0, TAG_EXP, bias, 1234);
    int64_t dot = (q * k) >> (d.q.frac + d.k.frac - d.acc.frac);
    demand(row->acc_q[0] == dot, "dot product %d, not %d", (int)row->acc_q[0], (int)dot);
    feed(b, 0, TAG_FWD_LAST, 77, v);
    int64_t score = exp_unit_value(&e, dot - bias * (INT64_C(1) << (d.acc.frac - d.bias.frac)), &ignored);
    demand(row->score_q[0] == score && row->sum_q[0] == score, "score %lld", (long long)row->score_q[0]);
    int64_t word = fixed_saturate((__int128)score * v >> d.v.frac, d.out.w, &ignored);
    for (int t = 3; t < 12; ++t) {
        bool due = t == 4 + 3;
        demand(*row->out_op == (due ? 2 : 0) && *row->out == (due ? word : 0), "cycle %d: out_op %d out %lld",
               t, (int)*row->out_op, (long long)*row->out);
        demand(!due || *row->sum == score, "sum %lld", (long long)*row->sum);
        feed(b, 0, TAG_NONE, 1, 1);
    }
    demand(row->sum_q[0] == 0, "the last word leaves a sum");
    block_close(b);
}
END_TEST

/* ---- configurations ---- */

START_TEST(gaps_are_what_lies_between_neighbours)
{
    design_t d = sized(12, 4);
    block_t *b = block_open(&slot_row_type, &d);
    slot_row_t *row = b->self;
    const int mode[] = {SLOT_SKIP, SLOT_ACTIVE, SLOT_PASS, SLOT_ACTIVE}, col[] = {9, 1, 2, 8};
    const int gap[] = {0, 0, 0, 5}, left[] = {0, 0, 1, 1};
    configure(b, mode, col);
    cycle(b);
    for (int k = 0; k < 4; ++k) {
        const int64_t got_gap = row->wire[k].gap, got_left = row->wire[k].from_left;
        demand(got_gap == gap[k] && got_left == left[k], "slot %d: gap %d left %d", k, (int)got_gap,
               (int)got_left);
    }
    demand(row->c4[3] == 12 - 1 - 8, "output slot's gap %d", (int)row->c4[3]);
    block_close(b);
}
END_TEST

START_TEST(a_row_of_skips_shows_nothing)
{
    design_t d = sized(5, 2);
    block_t *b = block_open(&slot_row_type, &d);
    slot_row_t *row = b->self;
    const int mode[] = {SLOT_SKIP, SLOT_SKIP}, col[] = {0, 0};
    configure(b, mode, col);
    for (int op = TAG_LOAD; op <= TAG_FWD_LAST; ++op) feed(b, 0, op, 100, 100);
    for (int t = 0; t < 12; ++t) {
        demand(*row->out_op == 0 && *row->out == 0 && row->sum_q[0] == 0, "cycle %d", t);
        idle(b, 1);
    }
    block_close(b);
}
END_TEST

/* ---- one exp unit ---- */

/* Two slots in one column want it in one cycle: never scheduled, but both sides must agree and tell. */
START_TEST(two_at_once_clash)
{
    design_t d = sized(5, 2);
    block_t *b = block_open(&slot_row_type, &d);
    slot_row_t *row = b->self;
    exp_unit_t e;
    exp_unit_of_pe(&e, &d);
    const int mode[] = {SLOT_ACTIVE, SLOT_ACTIVE}, col[] = {2, 2};
    configure(b, mode, col);
    feed(b, 0, TAG_EXP, 0, 0);
    idle(b, 2);
    row->acc_q[0] = 0x11000;
    row->acc_q[1] = 0x02200;
    demand(!*row->clash, "clash before any");
    idle(b, 1);
    int64_t ignored = 0, y = exp_unit_value(&e, 0x13200, &ignored);
    demand(row->score_q[0] == y && row->score_q[1] == y, "scores %lld, %lld", (long long)row->score_q[0],
           (long long)row->score_q[1]);
    demand(row->sum_q[0] == y && row->sum_q[1] == 0, "added once");
    demand(*row->clash, "no clash");
    idle(b, 20);
    demand(*row->clash, "the clash is forgotten");
    block_close(b);
}
END_TEST

/* ---- sums ---- */

/* Scores of pass 1 add to its sum while pass 0's is still waiting for its last word; that clears its own. */
START_TEST(each_parity_has_its_sum)
{
    design_t d = sized(6, 1);
    block_t *b = block_open(&slot_row_type, &d);
    slot_row_t *row = b->self;
    const int mode = SLOT_ACTIVE, col = 0;
    const int64_t one = INT64_C(1) << d.score.frac;
    configure(b, &mode, &col);
    feed(b, 0, TAG_LOAD, 0, 0);
    feed(b, 0, TAG_EXP, 0, 0);
    operation(row, 0, TAG_NONE);
    configure(b, &mode, &col);
    feed(b, 0, TAG_FWD_LAST, 0, 0);
    feed(b, 1, TAG_LOAD, 0, 0);
    feed(b, 1, TAG_EXP, 0, 0);
    idle(b, 1);
    demand(row->sum_q[0] == one && row->sum_q[1] == one, "sums %lld, %lld", (long long)row->sum_q[0],
           (long long)row->sum_q[1]);
    idle(b, 4);
    demand(row->sum_q[0] == 0 && row->sum_q[1] == one, "sums %lld, %lld after the last word",
           (long long)row->sum_q[0], (long long)row->sum_q[1]);
    block_close(b);
}
END_TEST

START_TEST(sums_saturate_and_are_counted)
{
    design_t d = sized(6, 1);
    block_t *b = block_open(&slot_row_type, &d);
    slot_row_t *row = b->self;
    const int mode = SLOT_ACTIVE, col = 0;
    configure(b, &mode, &col);
    idle(b, 1);
    row->acc_q[0] = fixed_max(d.acc.w);
    for (int t = 0; t < 4; ++t) feed(b, 0, TAG_EXP, 0, 0);
    idle(b, 1);
    demand(row->sum_q[0] == fixed_max(d.row_sum.w), "sum %lld", (long long)row->sum_q[0]);
    demand(*row->exp_sat_q == 4 && *row->sum_sat_q == 3, "%d scores, %d sums", (int)*row->exp_sat_q,
           (int)*row->sum_sat_q);
    *row->exp_sat_q = *row->sum_sat_q = INT64_C(0xffffffff);
    feed(b, 0, TAG_EXP, 0, 0);
    idle(b, 1);
    demand(*row->exp_sat_q == INT64_C(0xffffffff) && *row->sum_sat_q == INT64_C(0xffffffff), "counters wrap");
    block_close(b);
}
END_TEST

/* The last word of a sum's pass and an add to it in one edge: it is empty, and nothing was clipped. */
START_TEST(a_clear_wins_over_an_add)
{
    design_t d = sized(3, 1);
    block_t *b = block_open(&slot_row_type, &d);
    slot_row_t *row = b->self;
    const int mode = SLOT_ACTIVE, col = 2;
    configure(b, &mode, &col);
    feed(b, 0, TAG_EXP, 0, 0);
    feed(b, 0, TAG_NONE, 0, 0);
    feed(b, 0, TAG_NONE, 0, 0);
    row->tag_q[3] = TAG_FWD_LAST; /* as if one had gone before */
    row->acc_q[0] = fixed_max(d.acc.w);
    row->sum_q[0] = fixed_max(d.row_sum.w);
    b->type->eval(row);
    demand(row->wire[0].c5 == C5_CALC && *row->out_op == 2, "no add meets a clear");
    cycle(b);
    demand(row->sum_q[0] == 0 && *row->sum_sat_q == 0 && *row->exp_sat_q == 1, "sum %lld, clipped %d",
           (long long)row->sum_q[0], (int)*row->sum_sat_q);
    block_close(b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slot_row");
    TCase *t = tcase_create("slot_row");
    tcase_add_test(t, operands_and_tags_move_a_place_a_cycle);
    tcase_add_test(t, one_word_through_one_slot);
    tcase_add_test(t, gaps_are_what_lies_between_neighbours);
    tcase_add_test(t, a_row_of_skips_shows_nothing);
    tcase_add_test(t, two_at_once_clash);
    tcase_add_test(t, each_parity_has_its_sum);
    tcase_add_test(t, sums_saturate_and_are_counted);
    tcase_add_test(t, a_clear_wins_over_an_add);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
