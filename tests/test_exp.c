/* SPDX-License-Identifier: Apache-2.0 */
/* Is exp what its formulas say, bit by bit, and how far is that from e^x? */
#include "../model/exp.h"

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
enum { NAMES = sizeof names / sizeof *names };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* 2^v - v at entry k, in units of the last of `vp` fraction bits. */
static long double correction(int k, int lut_bits, int vp)
{
    long double v = (long double)k / (1 << lut_bits);
    return ldexpl(exp2l(v) - v, vp);
}

/* ---- the published form, step by step as its table has it (append 4) ---- */

static uint64_t modulo(unsigned __int128 x, int bits)
{
    return (uint64_t)(x % ((unsigned __int128)1 << bits));
}

static uint64_t published(uint64_t x, int width, int point, int lut_bits)
{
    const int append = 4, vw = width + append, vp = point + append;
    unsigned __int128 wide = x;
    uint64_t y = modulo((wide << append) + (wide << (append - 1)) - (wide << (append - 4)), vw);
    uint64_t u = y / (UINT64_C(1) << vp), v = y % (UINT64_C(1) << vp);
    uint64_t d = (uint64_t)floorl(correction((int)(v >> (vp - lut_bits)), lut_bits, vp) + 0.5L);
    uint64_t z = u < (uint64_t)vw ? modulo((unsigned __int128)(v + d) << u, vw) : 0;
    return z >> append;
}

START_TEST(the_published_form_is_its_table_for_every_16_bit_input)
{
    for (int point = 2; point <= 12; ++point) {
        exp_unit_t e;
        format_t f = {16, point};
        exp_unit_init(&e, false, f, f, (log2e_t){23, 4}, 6);
        for (int64_t x = 0; x < 1 << 16; ++x) {
            int64_t saturated = 0, y = exp_unit_value(&e, x, &saturated);
            demand(y == (int64_t)published((uint64_t)x, 16, point, 6) && !saturated,
                   "point %d: exp(%lld) is %lld, its table says %llu", point, (long long)x, (long long)y,
                   (unsigned long long)published((uint64_t)x, 16, point, 6));
        }
    }
}
END_TEST

START_TEST(the_published_block_is_its_table_at_the_published_designs)
{
    for (int n = 0; n < 2; ++n) {
        design_t d = load(names[n]);
        block_t *b = block_open(&exp_type, &d);
        exp_t *e = b->self;
        random_t r = {.state = (uint64_t)n + 1};
        for (int i = 0; i < 100000; ++i) {
            /* mostly the small inputs for which the unit is meant; a negative one reads as a huge one */
            *e->x = fixed_wrap((int64_t)random_bits(&r), 1 + (int)random_below(&r, d.acc.w));
            exp_type.eval(e);
            uint64_t x = fixed_low((uint64_t)*e->x, d.acc.w);
            uint64_t want = published(x, d.acc.w, d.acc.frac, d.lut_bits);
            demand(fixed_low((uint64_t)*e->y, d.acc.w) == want,
                   "%s seed %d case %d: exp(%llu) is %lld, not %llu", names[n], n + 1, i,
                   (unsigned long long)x, (long long)*e->y, (unsigned long long)want);
        }
        block_close(b);
    }
}
END_TEST

START_TEST(the_published_form_is_within_its_stated_error_of_libm)
{
    design_t d = load("published_8x8");
    exp_unit_t e;
    exp_unit_of_pe(&e, &d);
    double worst = 0;
    for (int64_t x = 0; x < INT64_C(8) << 16; x += 7) {
        double real = ldexp((double)x, -16), want = exp(real);
        double error = fabs(ldexp((double)exp_unit_value(&e, x, NULL), -16) / want - 1);
        worst = fmax(worst, error);
        /* log2(e) as 1.4375 costs 0.36 % of x, the table's steps less than half a percent */
        demand(error < 0.0036 * real + 0.005, "exp(%g): relative error %g", real, error);
    }
    demand(worst > 0.02 && worst < 0.034, "worst error up to 8 is %g, stated as about 3 %%", worst);
}
END_TEST

/* ---- the signed form ---- */

/* floor((v + d) * 2^(u + y.frac - vp)) in reals: x86's and arm's long double hold m exactly. */
static long double signed_real(const exp_unit_t *e, int64_t x)
{
    int vp = e->x.frac + e->log2e.append;
    int64_t y = x * e->log2e.num, one = INT64_C(1) << vp;
    int64_t v = (y % one + one) % one, u = (y - v) / one;
    int k = (int)(v / (one >> e->lut_bits));
    long double m = (long double)v + floorl(correction(k, e->lut_bits, vp) + 0.5L);
    return floorl(ldexpl(m, (int)(u + e->y.frac - vp)));
}

static void check_signed(const exp_unit_t *e, int64_t x, const char *where, int seed)
{
    int64_t saturated = 0, y = exp_unit_value(e, x, &saturated);
    long double want = signed_real(e, x), top = (long double)fixed_max(e->y.w);
    demand(saturated == (want > top), "%s seed %d: exp(%lld) counts %lld saturations", where, seed,
           (long long)x, (long long)saturated);
    demand((long double)y == (want > top ? top : want), "%s seed %d: exp(%lld) is %lld, not %Lg", where, seed,
           (long long)x, (long long)y, want);
}

START_TEST(the_signed_form_is_its_formula_for_every_16_bit_input)
{
    static const struct {
        int x_frac, y_w, y_frac, num, append, lut_bits;
    } all[] = {{8, 24, 20, 1477, 10, 6},  {10, 16, 8, 1477, 10, 6}, {6, 32, 16, 23, 4, 6},
               {12, 20, 19, 1477, 10, 4}, {0, 40, 20, 23, 4, 3},    {15, 18, 0, 1477, 10, 8}};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
        exp_unit_t e;
        exp_unit_init(&e, true, (format_t){16, all[i].x_frac}, (format_t){all[i].y_w, all[i].y_frac},
                      (log2e_t){all[i].num, all[i].append}, all[i].lut_bits);
        for (int64_t x = fixed_min(16); x <= fixed_max(16); ++x) check_signed(&e, x, "format", (int)i);
    }
}
END_TEST

START_TEST(both_units_of_the_signed_designs_are_the_formula)
{
    for (int n = 2; n < NAMES; ++n) {
        design_t d = load(names[n]);
        exp_unit_t pe, score;
        exp_unit_of_pe(&pe, &d);
        exp_unit_of_score_array(&score, &d);
        random_t r = {.state = (uint64_t)n};
        for (int i = 0; i < 50000; ++i) {
            check_signed(&pe, fixed_wrap((int64_t)random_bits(&r), 1 + (int)random_below(&r, pe.x.w)),
                         names[n], n);
            check_signed(&score, fixed_wrap((int64_t)random_bits(&r), 1 + (int)random_below(&r, score.x.w)),
                         names[n], n);
        }
    }
}
END_TEST

/* Table steps: |d/dv (2^v - v)| is below 0.39 for v in [0, 1], and 2^v at least 1. */
static double step_error(const exp_unit_t *e)
{
    return 0.39 / (1 << e->lut_bits);
}

START_TEST(the_signed_form_is_near_e_to_the_x_wherever_that_can_be_said)
{
    for (int n = 2; n < NAMES; ++n) {
        design_t d = load(names[n]);
        exp_unit_t e;
        exp_unit_of_score_array(&e, &d);
        double unit = ldexp(1, -e.y.frac), top = ldexp((double)fixed_max(e.y.w), -e.y.frac);
        double log2e = fabs(ldexp(e.log2e.num, -e.log2e.append) * M_LN2 - 1);
        int64_t step = 1 + (fixed_max(e.x.w) >> 16);
        for (int64_t x = fixed_min(e.x.w); x <= fixed_max(e.x.w); x += step) {
            double real = ldexp((double)x, -e.x.frac), want = exp(real);
            double y = ldexp((double)exp_unit_value(&e, x, NULL), -e.y.frac);
            double bound = want * (step_error(&e) + expm1(fabs(real) * log2e)) + 1.01 * unit;
            if (want > 1.05 * top)
                demand(y == top, "%s: exp(%g) is %g, not %g", names[n], real, y, top);
            else
                demand(fabs(y - fmin(want, top)) <= bound, "%s: exp(%g) is %g, not %g", names[n], real, y,
                       want);
        }
    }
}
END_TEST

START_TEST(the_signed_form_steps_back_only_as_far_as_a_table_step)
{
    exp_unit_t e;
    exp_unit_init(&e, true, (format_t){16, 10}, (format_t){30, 20}, (log2e_t){1477, 10}, 6);
    int64_t highest = 0;
    for (int64_t x = fixed_min(16); x <= fixed_max(16); ++x) {
        int64_t y = exp_unit_value(&e, x, NULL);
        demand(y >= 0 && (double)y >= (double)highest * (1 - step_error(&e)) - 1,
               "exp(%lld) falls from %lld to %lld", (long long)x, (long long)highest, (long long)y);
        if (y > highest) highest = y;
    }
    ck_assert_int_eq(highest, fixed_max(30));
    ck_assert_int_eq(exp_unit_value(&e, 0, NULL), 1 << 20);
    ck_assert_int_eq(exp_unit_value(&e, fixed_min(16), NULL), 0);
}
END_TEST

START_TEST(the_table_is_the_correction_rounded_to_nearest)
{
    for (int n = 0; n < NAMES; ++n) {
        design_t d = load(names[n]);
        exp_unit_t units[2];
        exp_unit_of_pe(&units[0], &d);
        exp_unit_of_score_array(&units[1], &d);
        for (int i = 0; i < 2; ++i) {
            const exp_unit_t *e = &units[i];
            int vp = e->x.frac + e->log2e.append;
            ck_assert_int_eq(e->lut[0], INT64_C(1) << vp);
            for (int k = 0; k < 1 << e->lut_bits; ++k) {
                long double off = (long double)e->lut[k] - correction(k, e->lut_bits, vp);
                demand(off > -0.5L && off <= 0.5L, "%s unit %d: entry %d is off by %Lg", names[n], i, k, off);
            }
        }
    }
}
END_TEST

START_TEST(the_block_raises_sat_where_it_clips)
{
    design_t d = load("paper_64x16");
    block_t *b = block_open(&exp_type, &d);
    exp_t *e = b->self;
    /* the last whole number whose exp the output holds */
    int64_t last = (int64_t)floor(log(ldexp(1, d.score.w - 1 - d.score.frac)));
    const struct {
        int64_t x;
        int64_t sat;
    } cases[] = {{0, 0},  {fixed_min(d.acc.w), 0}, {fixed_max(d.acc.w), 1},
                 {-1, 0}, {last << d.acc.frac, 0}, {(last + 1) << d.acc.frac, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        *e->x = cases[i].x;
        exp_type.eval(e);
        demand(*e->sat == cases[i].sat, "case %zu: sat is %lld", i, (long long)*e->sat);
        demand((*e->y == fixed_max(d.score.w)) == (cases[i].sat == 1), "case %zu: y is %lld", i,
               (long long)*e->y);
    }
    block_close(b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exp");
    TCase *t = tcase_create("exp");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_published_form_is_its_table_for_every_16_bit_input);
    tcase_add_test(t, the_published_block_is_its_table_at_the_published_designs);
    tcase_add_test(t, the_published_form_is_within_its_stated_error_of_libm);
    tcase_add_test(t, the_signed_form_is_its_formula_for_every_16_bit_input);
    tcase_add_test(t, both_units_of_the_signed_designs_are_the_formula);
    tcase_add_test(t, the_signed_form_is_near_e_to_the_x_wherever_that_can_be_said);
    tcase_add_test(t, the_signed_form_steps_back_only_as_far_as_a_table_step);
    tcase_add_test(t, the_table_is_the_correction_rounded_to_nearest);
    tcase_add_test(t, the_block_raises_sat_where_it_clips);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
