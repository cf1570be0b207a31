/* SPDX-License-Identifier: Apache-2.0 */
/* Does score_pe pass operands on and sum their products as its table of states says, at every width? */
#include "../model/score_pe.h"

#include <check.h>
#include <stdlib.h>

#include "../sim/paths.h"
#include "../sim/random.h"
#include "run_suite.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for millions of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

static const char *const names[] = {"published_8x8", "published_16x16x4", "odd_5x7x3",  "one_pe_6x5x1",
                                    "full_4x4x4",    "paper_64x16",       "paper_64x32"};
enum { NAMES = sizeof names / sizeof *names, STEPS = 4000 };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

static int64_t word(random_t *r, const design_t *d, int w)
{
    uint64_t bits = random_bits(r);
    return design_signed(d) ? fixed_wrap((int64_t)bits, w) : (int64_t)fixed_low(bits, w);
}

static void drive(score_pe_t *pe, int64_t t, int64_t l, int64_t s, int state)
{
    *pe->t = t;
    *pe->l = l;
    *pe->s = s;
    *pe->state = state;
    score_pe_type.eval(pe);
}

/* What the published table says of a PE, kept as plain numbers. */
typedef struct {
    long v, h;
    long long s;
    bool clipped;
} table_t;

static long long kept(const design_t *d, long long sum, bool *clipped)
{
    long long half = 1LL << (d->score_acc_w - 1);
    *clipped = false;
    if (!design_signed(d)) return ((sum % (2 * half)) + 2 * half) % (2 * half);
    *clipped = sum >= half || sum < -half;
    return sum >= half ? half - 1 : sum < -half ? -half : sum;
}

static table_t table_next(const design_t *d, table_t now, const score_pe_t *pe)
{
    long long sum = now.s + (long long)now.v * now.h;
    table_t rows[4] = {
        now, {0, 0, 0, false}, {(long)*pe->t, (long)*pe->l, 0, false}, {now.v, now.h, *pe->s, false}};
    rows[SCORE_CALC].s = kept(d, sum, &rows[SCORE_CALC].clipped);
    rows[SCORE_IDLE].clipped = false;
    return rows[*pe->state];
}

static void walk(const design_t *d, const char *name, uint64_t seed)
{
    block_t *b = block_open(&score_pe_type, d);
    score_pe_t *pe = b->self;
    table_t now = {0, 0, 0, false};
    random_t r = {.state = seed};
    int calm = (int)random_below(&r, 200) + 1; /* long sums reach the ends of the accumulator */
    for (int i = 0; i < STEPS; ++i) {
        int state = random_one_in(&r, calm) ? (int)random_below(&r, 4) : SCORE_CALC;
        drive(pe, word(&r, d, d->operand_w), word(&r, d, d->operand_w), word(&r, d, d->score_acc_w), state);
        demand(*pe->b == now.v && *pe->r == now.h && *pe->sum == now.s, "%s seed %llu step %d: outputs", name,
               (unsigned long long)seed, i);
        now = table_next(d, now, pe);
        demand(!design_signed(d) || *pe->sat == now.clipped, "%s seed %llu step %d: sat is %lld", name,
               (unsigned long long)seed, i, design_signed(d) ? (long long)*pe->sat : 0);
        score_pe_type.tick(pe);
        demand(*pe->v_q == now.v && *pe->h_q == now.h && *pe->s_q == now.s,
               "%s seed %llu step %d: state %d gives v %lld h %lld s %lld, its table v %ld h %ld s %lld",
               name, (unsigned long long)seed, i, state, (long long)*pe->v_q, (long long)*pe->h_q,
               (long long)*pe->s_q, now.v, now.h, now.s);
    }
    block_close(b);
}

START_TEST(every_state_does_what_its_row_of_the_table_says)
{
    for (int n = 0; n < NAMES; ++n) {
        design_t d = load(names[n]);
        for (uint64_t seed = 1; seed <= 20; ++seed) walk(&d, names[n], seed);
    }
}
END_TEST

START_TEST(a_pair_of_operands_is_in_the_sum_after_its_second_edge_and_not_before)
{
    design_t d = load("paper_64x16");
    block_t *b = block_open(&score_pe_type, &d);
    score_pe_t *pe = b->self;
    drive(pe, 5, -7, 0, SCORE_CALC);
    score_pe_type.tick(pe);
    ck_assert_int_eq(*pe->s_q, 0);
    drive(pe, 0, 0, 0, SCORE_CALC);
    score_pe_type.tick(pe);
    ck_assert_int_eq(*pe->s_q, -35);
    block_close(b);
}
END_TEST

/* `edges` sums of the product t * l. */
static int64_t repeated(const design_t *d, int64_t t, int64_t l, int edges, int *sats)
{
    block_t *b = block_open(&score_pe_type, d);
    score_pe_t *pe = b->self;
    *sats = 0;
    for (int i = 0; i <= edges; ++i) {
        drive(pe, t, l, 0, SCORE_CALC);
        if (design_signed(d)) *sats += (int)*pe->sat;
        score_pe_type.tick(pe);
    }
    int64_t s = *pe->s_q;
    block_close(b);
    return s;
}

START_TEST(published_sums_wrap_and_signed_ones_stay_at_their_end)
{
    int sats;
    design_t d = load("published_8x8"); /* 11 bits */
    ck_assert_int_eq(repeated(&d, 15, 15, 9, &sats), 2025);
    ck_assert_int_eq(repeated(&d, 15, 15, 10, &sats), 2250 - 2048);
    d = load("paper_64x16"); /* 14 bits */
    ck_assert_int_eq(repeated(&d, -8, -8, 127, &sats), 8128);
    ck_assert_int_eq(sats, 0);
    ck_assert_int_eq(repeated(&d, -8, -8, 130, &sats), 8191);
    ck_assert_int_eq(sats, 3);
    ck_assert_int_eq(repeated(&d, -8, 7, 146, &sats), -8176);
    ck_assert_int_eq(sats, 0);
    ck_assert_int_eq(repeated(&d, -8, 7, 147, &sats), -8192);
    ck_assert_int_eq(sats, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("score_pe");
    TCase *t = tcase_create("score_pe");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_state_does_what_its_row_of_the_table_says);
    tcase_add_test(t, a_pair_of_operands_is_in_the_sum_after_its_second_edge_and_not_before);
    tcase_add_test(t, published_sums_wrap_and_signed_ones_stay_at_their_end);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
