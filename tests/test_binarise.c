/* SPDX-License-Identifier: Apache-2.0 */
/* Does binarise keep exactly the positions whose exponential is above T times the sum? */
#include "../model/binarise.h"

#include <check.h>
#include <math.h>
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
enum { NAMES = sizeof names / sizeof *names, CYCLES = 5000, ROWS_MAX = 128 };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

static long double real(int64_t x, format_t f)
{
    return ldexpl((long double)x, -f.frac);
}

/* In reals: T * sum has at most 63 bits, which a long double holds. */
static bool above(const design_t *d, int64_t exp, int64_t sum, int64_t threshold)
{
    return real(exp, d->score_exp) > real(threshold, d->threshold) * real(sum, d->score_sum);
}

/* A value of few or many bits that the unit can be given; never negative, as neither exp nor sum is. */
static int64_t amount(random_t *r, const design_t *d, format_t f)
{
    int bits = f.w - (design_signed(d) ? 1 : 0);
    return (int64_t)fixed_low(random_bits(r), 1 + (int)random_below(r, bits));
}

/* exp at, just above or just below T * sum, where its format can hold that. */
static int64_t near_limit(random_t *r, const design_t *d, int64_t sum, int64_t threshold)
{
    long double limit = real(threshold, d->threshold) * real(sum, d->score_sum);
    long double units = floorl(ldexpl(limit, d->score_exp.frac)) + (long double)random_below(r, 3) - 1;
    int64_t top =
        design_signed(d) ? fixed_max(d->score_exp.w) : (int64_t)fixed_low(UINT64_MAX, d->score_exp.w);
    return units < 0 ? 0 : units > (long double)top ? top : (int64_t)units;
}

static void stimulate(binarise_t *b, random_t *r)
{
    const design_t *d = b->d;
    *b->threshold = (int64_t)fixed_low(random_bits(r), 1 + (int)random_below(r, d->threshold.w));
    if (random_one_in(r, 10)) *b->threshold = 0;
    *b->clear = random_one_in(r, 8);
    for (int i = 0; i < d->score_rows; ++i) {
        b->sum[i] = amount(r, d, d->score_sum);
        b->exp[i] =
            random_one_in(r, 2) ? amount(r, d, d->score_exp) : near_limit(r, d, b->sum[i], *b->threshold);
        b->allowed[i] = !random_one_in(r, 4);
    }
}

static void run(const design_t *d, const char *name, uint64_t seed, int seen[2])
{
    block_t *block = block_open(&binarise_type, d);
    binarise_t *b = block->self;
    bool any[ROWS_MAX] = {false};
    random_t r = {.state = seed};
    for (int t = 0; t < CYCLES; ++t) {
        stimulate(b, &r);
        binarise_type.eval(b);
        binarise_type.tick(b);
        binarise_type.eval(b);
        for (int i = 0; i < d->score_rows; ++i) {
            bool keep = b->allowed[i] ? above(d, b->exp[i], b->sum[i], *b->threshold) : false;
            any[i] = *b->clear ? false : any[i] ? true : keep;
            ++seen[keep];
            demand(b->keep[i] == keep && b->any[i] == any[i],
                   "%s seed %llu cycle %d row %d: exp %lld sum %lld T %lld: keep %lld any %lld, not %d %d",
                   name, (unsigned long long)seed, t, i, (long long)b->exp[i], (long long)b->sum[i],
                   (long long)*b->threshold, (long long)b->keep[i], (long long)b->any[i], keep, any[i]);
        }
    }
    block_close(block);
}

START_TEST(a_bit_is_set_exactly_above_the_threshold_and_any_remembers_it)
{
    for (int n = 0; n < NAMES; ++n) {
        design_t d = load(names[n]);
        int seen[2] = {0, 0};
        for (uint64_t seed = 1; seed <= 3; ++seed) run(&d, names[n], seed, seen);
        demand(seen[0] > CYCLES / 2 && seen[1] > CYCLES / 2, "%s: %d dropped, %d kept: too one-sided",
               names[n], seen[0], seen[1]);
    }
}
END_TEST

START_TEST(the_two_sums_may_have_any_fractions)
{
    design_t d = load("odd_5x7x3");
    for (int exp_frac = 0; exp_frac <= 40; exp_frac += 4) {
        int seen[2] = {0, 0};
        d.score_exp.frac = exp_frac;
        run(&d, "odd fractions", (uint64_t)exp_frac + 1, seen);
        ck_assert_int_gt(seen[1], 0);
    }
}
END_TEST

START_TEST(an_equal_share_is_not_kept_and_nothing_is_kept_of_nothing)
{
    design_t d = load("paper_64x16");
    block_t *block = block_open(&binarise_type, &d);
    binarise_t *b = block->self;
    *b->threshold = INT64_C(1) << (d.threshold.frac - 2); /* a quarter */
    for (int i = 0; i < d.score_rows; ++i) b->allowed[i] = 1;
    b->sum[0] = b->sum[1] = b->sum[2] = 4000;
    b->exp[0] = 1000, b->exp[1] = 1001, b->exp[2] = 999;
    binarise_type.tick(b);
    ck_assert_int_eq(b->keep_q[0], 0);
    ck_assert_int_eq(b->keep_q[1], 1);
    ck_assert_int_eq(b->keep_q[2], 0);
    ck_assert_int_eq(b->keep_q[3], 0); /* sum and exp 0 */
    *b->threshold = 0;
    binarise_type.tick(b);
    ck_assert_int_eq(b->keep_q[2], 1);
    ck_assert_int_eq(b->keep_q[3], 0);
    block_close(block);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("binarise");
    TCase *t = tcase_create("binarise");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_bit_is_set_exactly_above_the_threshold_and_any_remembers_it);
    tcase_add_test(t, the_two_sums_may_have_any_fractions);
    tcase_add_test(t, an_equal_share_is_not_kept_and_nothing_is_kept_of_nothing);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
