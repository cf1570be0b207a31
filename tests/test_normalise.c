/* SPDX-License-Identifier: Apache-2.0 */
/* Is every quotient the exact one, rounded to nearest even and clipped, after exactly the stated latency? */
#include "../model/normalise.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/paths.h"
#include "../sim/random.h"
#include "run_suite.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for millions of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

enum { LANES_MAX = 64 };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* num / den in the output's format, from one exact division; *clipped says that it did not fit. */
static int64_t quotient(const design_t *d, int64_t num, int64_t den, bool *clipped)
{
    typedef __int128 wide_t;
    int up = d->output.frac + d->row_sum.frac - d->output_sum.frac;
    *clipped = false;
    if (den <= 0) return 0;
    wide_t n = up > 0 ? (wide_t)num * ((wide_t)1 << up) : num;
    wide_t m = up < 0 ? (wide_t)den * ((wide_t)1 << -up) : den;
    wide_t low = n / m - (n % m < 0); /* the floor; the nearest is it or the one above */
    wide_t twice = 2 * (n - low * m);
    wide_t nearest = twice > m || (twice == m && low % 2 != 0) ? low + 1 : low;
    int64_t most = fixed_max(d->output.w);
    *clipped = nearest > most || nearest < -most - 1;
    return !*clipped ? (int64_t)nearest : nearest > 0 ? most : -most - 1;
}

/* Corners and all magnitudes, also operands whose quotient is a tie or just beside one. */
static int64_t operand(random_t *r, int bits)
{
    int64_t word = fixed_wrap((int64_t)(random_bits(r) >> random_below(r, 64)), bits);
    switch (random_below(r, 8)) {
    case 0: return fixed_max(bits);
    case 1: return fixed_min(bits);
    case 2: return random_below(r, 5) - 2 < fixed_min(bits) ? 0 : fixed_wrap(random_below(r, 5) - 2, bits);
    case 3: return fixed_wrap((INT64_C(1) << random_below(r, bits)) + random_below(r, 3) - 1, bits);
    default: return random_one_in(r, 2) ? word : fixed_wrap(-word, bits);
    }
}

static int64_t near_tie(random_t *r, const design_t *d, int64_t den)
{
    int up = d->output.frac + d->row_sum.frac - d->output_sum.frac;
    __int128 halves = (2 * operand(r, d->output.w) + 1) * (__int128)den;
    __int128 num = up >= -1 ? halves >> (up + 1) : halves * ((__int128)1 << (-up - 1));
    return fixed_saturate(num + random_below(r, 3) - 1, d->output_sum.w, NULL);
}

/* What went in, by cycle. */
typedef struct {
    bool valid;
    int64_t den, num[LANES_MAX];
} input_t;

static void random_input(random_t *r, const design_t *d, input_t *in)
{
    in->valid = random_below(r, 4) > 0;
    in->den = operand(r, d->row_sum.w);
    if (random_below(r, 4) && in->den < 0) in->den = -(in->den + 1);
    for (int lane = 0; lane < d->lanes; ++lane) {
        bool tie = in->den > 0 && random_one_in(r, 2);
        in->num[lane] = tie ? near_tie(r, d, in->den) : operand(r, d->output_sum.w);
    }
}

/* Now and then a set stays, valid or not, for less or more than the latency. */
static void next_input(random_t *r, const block_t *b, input_t *in, int *stays)
{
    if (*stays) {
        --*stays;
        *in = in[-1];
        in->valid &= random_one_in(r, 64);
        return;
    }
    random_input(r, b->design, in);
    if (random_one_in(r, 50)) *stays = random_below(r, 3 * normalise_latency(b->design));
}

typedef struct {
    int64_t zeros, sats[LANES_MAX], ties;
} tally_t;

static void check_output(const block_t *b, const input_t *in, tally_t *t, int seed, int cycle)
{
    const normalise_t *m = b->self;
    const design_t *d = b->design;
    demand(*m->done == in->valid, "%s seed %d cycle %d: done", d->name, seed, cycle);
    if (in->valid && in->den <= 0) ++t->zeros;
    demand(*m->zeros == t->zeros, "%s seed %d cycle %d: zeros", d->name, seed, cycle);
    for (int lane = 0; lane < d->lanes; ++lane) {
        bool clipped;
        int64_t expected = quotient(d, in->num[lane], in->den, &clipped);
        t->sats[lane] += in->valid && clipped;
        demand(m->quot[lane] == expected, "%s seed %d cycle %d lane %d: %lld / %lld gives %lld, not %lld",
               d->name, seed, cycle, lane, (long long)in->num[lane], (long long)in->den,
               (long long)m->quot[lane], (long long)expected);
        demand(m->sats[lane] == t->sats[lane], "%s seed %d cycle %d: sats[%d]", d->name, seed, cycle, lane);
    }
}

static tally_t run(const design_t *d, int seed, int cycles)
{
    block_t *b = block_open(&normalise_type, d);
    normalise_t *m = b->self;
    random_t r = {.state = (uint64_t)seed};
    int latency = normalise_latency(d), stays = 0;
    input_t *in = calloc((size_t)(cycles + latency), sizeof *in);
    tally_t tally = {0};
    for (int t = 0; t < cycles + latency; ++t) {
        if (t < cycles) next_input(&r, b, &in[t], &stays);
        *m->valid = in[t].valid;
        *m->den = in[t].den;
        memcpy(m->num, in[t].num, (size_t)d->lanes * sizeof *m->num);
        b->type->eval(m);
        if (t >= latency)
            check_output(b, &in[t - latency], &tally, seed, t);
        else
            demand(!*m->done, "%s seed %d: done after %d cycles", d->name, seed, t);
        b->type->tick(m);
    }
    free(in);
    block_close(b);
    return tally;
}

START_TEST(quotients_are_exact_in_every_design)
{
    static const char *const names[] = {"published_8x8", "published_16x16x4", "odd_5x7x3",  "one_pe_6x5x1",
                                        "full_4x4x4",    "paper_64x16",       "paper_64x32"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        design_t d = load(names[i]);
        for (int seed = 1; seed <= 4; ++seed) {
            tally_t tally = run(&d, seed, 3000);
            demand(tally.zeros && tally.sats[0], "%s seed %d never got to a corner", names[i], seed);
        }
    }
}
END_TEST

/* Any formats, one lane: also those that shift den far beyond num and the other way round. */
START_TEST(quotients_are_exact_in_random_formats)
{
    design_t d = load("one_pe_6x5x1");
    for (int seed = 1; seed <= 400; ++seed) {
        random_t r = {.state = (uint64_t)seed * 7919};
        d.output_sum = (format_t){2 + (int)random_below(&r, 47), (int)random_below(&r, 41)};
        d.row_sum = (format_t){2 + (int)random_below(&r, 47), (int)random_below(&r, 41)};
        d.output = (format_t){2 + (int)random_below(&r, 31), (int)random_below(&r, 41)};
        if (d.output_sum.w + d.output.frac + d.row_sum.frac - d.output_sum.frac > 120) continue;
        if (d.row_sum.w + d.output_sum.frac - d.row_sum.frac - d.output.frac > 120) continue;
        run(&d, seed, 300);
    }
}
END_TEST

/* Small words, all of them. */
START_TEST(every_pair_of_small_operands_divides_exactly)
{
    design_t d = load("one_pe_6x5x1");
    d.output_sum = (format_t){7, 3}, d.row_sum = (format_t){6, 2}, d.output = (format_t){5, 2};
    block_t *b = block_open(&normalise_type, &d);
    normalise_t *m = b->self;
    int latency = normalise_latency(&d);
    for (int64_t num = fixed_min(7); num <= fixed_max(7); ++num) {
        for (int64_t den = fixed_min(6); den <= fixed_max(6); ++den) {
            bool clipped;
            *m->num = num, *m->den = den;
            for (int t = 0; t < latency; ++t) b->type->tick(m);
            b->type->eval(m);
            demand(*m->quot == quotient(&d, num, den, &clipped), "%d / %d gives %d", (int)num, (int)den,
                   (int)*m->quot);
        }
    }
    block_close(b);
}
END_TEST

/* 1/2, 3/2, -1/2, -3/2 of the last bit, and the two ends of the range. */
START_TEST(ties_go_to_even_and_the_ends_are_not_clipped)
{
    static const struct {
        int64_t num, den, quot, sats;
    } cases[] = {{1, 2, 0, 0},       {3, 2, 2, 0},       {5, 2, 2, 0},       {-1, 2, 0, 0},
                 {-3, 2, -2, 0},     {2, 3, 1, 0},       {-1, 3, 0, 0},      {127, 1, 127, 0},
                 {-128, 1, -128, 0}, {128, 1, 127, 1},   {-129, 1, -128, 1}, {255, 2, 127, 1},
                 {-257, 2, -128, 0}, {-259, 2, -128, 1}, {7, 0, 0, 0},       {-9, -1, 0, 0},
                 {253, 2, 126, 0}};
    design_t d = load("one_pe_6x5x1");
    d.output_sum = (format_t){16, 0}, d.row_sum = (format_t){8, 0}, d.output = (format_t){8, 0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        block_t *b = block_open(&normalise_type, &d);
        normalise_t *m = b->self;
        *m->num = cases[i].num, *m->den = cases[i].den, *m->valid = 1;
        for (int t = 0; t < normalise_latency(&d); ++t, *m->valid = 0) b->type->tick(m);
        b->type->eval(m);
        demand(*m->done && *m->quot == cases[i].quot && *m->sats == cases[i].sats &&
                   *m->zeros == (cases[i].den <= 0),
               "case %zu: %d / %d gives %d, %d clipped", i, (int)cases[i].num, (int)cases[i].den,
               (int)*m->quot, (int)*m->sats);
        block_close(b);
    }
}
END_TEST

START_TEST(counters_stay_at_their_maximum)
{
    design_t d = load("one_pe_6x5x1");
    block_t *b = block_open(&normalise_type, &d);
    normalise_t *m = b->self;
    *m->zero_q = *m->sat_q = INT64_C(0xfffffffe);
    *m->valid = 1;
    *m->num = fixed_max(d.output_sum.w);
    for (int t = 0; t < 2 * normalise_latency(&d); ++t) {
        *m->den = t % 2;
        b->type->tick(m);
    }
    b->type->eval(m);
    ck_assert_int_eq(*m->zeros, INT64_C(0xffffffff));
    ck_assert_int_eq(*m->sats, INT64_C(0xffffffff));
    block_close(b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("normalise");
    TCase *t = tcase_create("normalise");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, quotients_are_exact_in_every_design);
    tcase_add_test(t, quotients_are_exact_in_random_formats);
    tcase_add_test(t, every_pair_of_small_operands_divides_exactly);
    tcase_add_test(t, ties_go_to_even_and_the_ends_are_not_clipped);
    tcase_add_test(t, counters_stay_at_their_maximum);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
