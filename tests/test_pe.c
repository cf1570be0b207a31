/* SPDX-License-Identifier: Apache-2.0 */
/* Does a PE do what the control table says, held against the same arithmetic in double precision? All values
   here stay below 2^53, where doubles are exact. */
#include <math.h>

#include "array_designs.h"
#include "array_drive.h"
#include "../model/pe.h"

enum { CASES = 20000 };

typedef struct {
    double acc, score, a, b, o, s, y, bias;
    int c3, c5, sel;
} operands_t;

static operands_t random_operands(block_t *b, random_t *random)
{
    const design_t *d = b->design;
    operands_t x = {.acc = (double)get(b, "acc_q", 0), .score = (double)get(b, "score_q", 0)};
    x.a = (double)random_word(random, d->q.w);
    x.b = (double)random_word(random, 16);
    x.o = (double)random_word(random, d->acc.w);
    x.s = (double)random_word(random, d->score.w);
    x.y = (double)random_word(random, d->score.w);
    x.bias = (double)random_word(random, d->bias.w);
    x.c3 = (int)random_below(random, 8);
    x.c5 = (int)random_below(random, 4);
    x.sel = (int)random_below(random, 2);
    put(b, "a", 0, (int64_t)x.a);
    put(b, "b", 0, (int64_t)x.b);
    put(b, "o", 0, (int64_t)x.o);
    put(b, "s", 0, (int64_t)x.s);
    put(b, "y", 0, (int64_t)x.y);
    put(b, "c3", 0, x.c3);
    put(b, "c5", 0, x.c5);
    put(b, "sel", 0, x.sel);
    if (design_signed(d)) put(b, "bias", 0, (int64_t)x.bias);
    return x;
}

static double clip(double x, int w)
{
    return fmin(fmax(x, -ldexp(1, w - 1)), ldexp(1, w - 1) - 1);
}

static double wrap(double x, int w)
{
    double r = fmod(x, ldexp(1, w));
    if (r < 0) r += ldexp(1, w);
    return r >= ldexp(1, w - 1) ? r - ldexp(1, w) : r;
}

static double floored_product(const design_t *d, const operands_t *x)
{
    int drop = x->sel ? d->score.frac + d->v.frac - d->out.frac : d->q.frac + d->k.frac - d->acc.frac;
    return floor(ldexp((x->sel ? x->score : x->a) * x->b, -drop));
}

/* acc' before its width is applied. */
static double next_acc(const operands_t *x, double product)
{
    const double by_code[8] = {0, x->acc, x->acc + product, x->o + product, product, x->acc, x->acc, x->acc};
    return by_code[x->c3];
}

static double next_score(const operands_t *x)
{
    const double by_code[4] = {x->score, x->y, x->s, 0};
    return by_code[x->c5];
}

START_TEST(signed_arithmetic_saturates_and_tells_one_cycle_later)
{
    design_t d = signed_design(1, 4, 2);
    int clipped = 0;
    for (uint64_t seed = 1; seed <= 2; ++seed) {
        random_t random = {.state = seed};
        block_t *b = block_open(&pe_type, &d);
        for (int i = 0; i < CASES; ++i) {
            operands_t x = random_operands(b, &random);
            double sum = next_acc(&x, floored_product(&d, &x)), acc = clip(sum, d.acc.w);
            double exponent = x.c5 == 1 ? clip(x.acc - ldexp(x.bias, d.acc.frac - d.bias.frac), d.acc.w) : 0;
            settle(b);
            ck_assert_msg((double)get(b, "x", 0) == exponent, "seed=%d case=%d x=%.0f", (int)seed, i,
                          exponent);
            cycle(b);
            ck_assert_msg((double)get(b, "acc_q", 0) == acc && (double)get(b, "score_q", 0) == next_score(&x),
                          "seed=%d case=%d c3=%d c5=%d sel=%d acc=%lld expected %.0f", (int)seed, i, x.c3,
                          x.c5, x.sel, (long long)get(b, "acc_q", 0), acc);
            settle(b);
            ck_assert_msg(get(b, "sat", 0) == (acc != sum), "seed=%d case=%d sat", (int)seed, i);
            clipped += acc != sum;
        }
        block_close(b);
    }
    ck_assert_int_gt(clipped, 0);
}
END_TEST

START_TEST(published_arithmetic_wraps)
{
    design_t d = published_design(1, 4, 2, 20, 8); /* narrow, so that products stay exact in a double */
    for (uint64_t seed = 1; seed <= 2; ++seed) {
        random_t random = {.state = seed};
        block_t *b = block_open(&pe_type, &d);
        for (int i = 0; i < CASES; ++i) {
            operands_t x = random_operands(b, &random);
            double acc = wrap(next_acc(&x, floored_product(&d, &x)), d.acc.w);
            cycle(b);
            ck_assert_msg((double)get(b, "acc_q", 0) == acc && (double)get(b, "score_q", 0) == next_score(&x),
                          "seed=%d case=%d c3=%d c5=%d sel=%d acc=%lld expected %.0f", (int)seed, i, x.c3,
                          x.c5, x.sel, (long long)get(b, "acc_q", 0), acc);
        }
        block_close(b);
    }
}
END_TEST

/* acc = INT32_MAX - room, then one step of `step` in acc's last place. */
static int64_t one_step(int64_t room, int64_t step, int64_t *sat)
{
    design_t d = signed_design(1, 4, 2);
    block_t *b = block_open(&pe_type, &d);
    put(b, "o", 0, step > 0 ? INT32_MAX - room : INT32_MIN + room);
    put(b, "c3", 0, C3_LEFT);
    cycle(b);
    put(b, "c3", 0, C3_SELF);
    put(b, "a", 0, step * 64); /* SDDMM drops 6 bits */
    put(b, "b", 0, 1);
    cycle(b);
    settle(b);
    int64_t acc = get(b, "acc", 0);
    *sat = get(b, "sat", 0);
    block_close(b);
    return acc;
}

START_TEST(the_last_value_that_fits_is_kept_and_the_next_is_clipped)
{
    int64_t sat = -1;
    ck_assert_int_eq(one_step(5, 5, &sat), INT32_MAX);
    ck_assert_int_eq(sat, 0);
    ck_assert_int_eq(one_step(5, 6, &sat), INT32_MAX);
    ck_assert_int_eq(sat, 1);
    ck_assert_int_eq(one_step(5, -5, &sat), INT32_MIN);
    ck_assert_int_eq(sat, 0);
    ck_assert_int_eq(one_step(5, -6, &sat), INT32_MIN);
    ck_assert_int_eq(sat, 1);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pe");
    tcase_add_test(tests, signed_arithmetic_saturates_and_tells_one_cycle_later);
    tcase_add_test(tests, published_arithmetic_wraps);
    tcase_add_test(tests, the_last_value_that_fits_is_kept_and_the_next_is_clipped);
    return run_suite("pe", tests);
}
