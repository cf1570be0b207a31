/* SPDX-License-Identifier: Apache-2.0 */
/* Does score_array compute Q K^T, and does its row end say the scaled scores, maxima and sums that follow? */
#include "../model/score_array.h"

#include <check.h>
#include <math.h>
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

enum { SIDE_MAX = 64, HEAD_MAX = 400, TILES_MAX = 3, KEYS_MAX = SIDE_MAX * TILES_MAX };

static const char *const published_names[] = {"published_8x8", "published_16x16x4"};
static const char *const signed_names[] = {"odd_5x7x3", "one_pe_6x5x1", "full_4x4x4", "paper_64x16",
                                           "paper_64x32"};
enum {
    PUBLISHED = sizeof published_names / sizeof *published_names,
    SIGNED = sizeof signed_names / sizeof *signed_names
};

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    demand(d.score_rows <= SIDE_MAX && d.score_columns <= SIDE_MAX, "%s is too large for this test", name);
    return d;
}

/* One strip of queries against a few tiles of keys, and what must come of it. */
typedef struct {
    const design_t *d;
    const char *name;
    uint64_t seed;
    block_t *block;
    score_array_t *a;
    random_t random;
    int head, tiles;
    int64_t q[SIDE_MAX][HEAD_MAX], k[KEYS_MAX][HEAD_MAX];
    int64_t row_scale[SIDE_MAX], col_scale[KEYS_MAX];
    bool allowed[SIDE_MAX][KEYS_MAX];
    int64_t scaled[SIDE_MAX][KEYS_MAX]; /* as the unit gave them */
    int64_t clips_acc[SIDE_MAX], clips_scaled[SIDE_MAX], clips_exp[SIDE_MAX], clips_sum[SIDE_MAX];
} strip_t;

#define strip_demand(s, holds, format, ...)                                                                  \
    demand(holds, "%s seed %llu head %d: " format, (s)->name, (unsigned long long)(s)->seed, (s)->head,      \
           __VA_ARGS__)

static int64_t operand(strip_t *s, int kind)
{
    int w = s->d->operand_w;
    if (!design_signed(s->d)) return random_below(&s->random, 1 << w);
    if (kind == 1) return fixed_min(w); /* products of one sign: the accumulator fills */
    if (kind == 2) return random_one_in(&s->random, 2) ? fixed_max(w) : fixed_max(w) - 1;
    return fixed_wrap((int64_t)random_bits(&s->random), w);
}

static void fill(strip_t *s)
{
    const design_t *d = s->d;
    int kind = (int)random_below(&s->random, 6), tight = random_one_in(&s->random, 2);
    for (int i = 0; i < d->score_rows; ++i) {
        for (int t = 0; t < s->head; ++t) s->q[i][t] = operand(s, i % 2 ? kind : 0);
        int64_t bits = 1 + random_below(&s->random, d->scale.w);
        s->row_scale[i] = (int64_t)fixed_low(random_bits(&s->random), tight ? d->scale.frac : (int)bits);
    }
    for (int j = 0; j < s->tiles * d->score_columns; ++j) {
        for (int t = 0; t < s->head; ++t) s->k[j][t] = operand(s, j % 3 ? kind : 0);
        int64_t bits = 1 + random_below(&s->random, d->scale.w);
        s->col_scale[j] = (int64_t)fixed_low(random_bits(&s->random), tight ? d->scale.frac : (int)bits);
        for (int i = 0; i < d->score_rows; ++i) s->allowed[i][j] = i != 1 && !random_one_in(&s->random, 4);
    }
}

static strip_t *strip_open(const design_t *d, const char *name, uint64_t seed, int head, int tiles)
{
    strip_t *s = calloc(1, sizeof *s);
    *s = (strip_t){.d = d, .name = name, .seed = seed, .random = {seed}, .head = head, .tiles = tiles};
    s->block = block_open(&score_array_type, d);
    s->a = s->block->self;
    fill(s);
    return s;
}

static void strip_close(strip_t *s)
{
    block_close(s->block);
    free(s);
}

static void clock(strip_t *s, int pe_state, int row_state)
{
    *s->a->pe_state = pe_state;
    *s->a->row_state = row_state;
    score_array_type.eval(s->a);
    score_array_type.tick(s->a);
    score_array_type.eval(s->a);
}

/* The operands of cycle c of a tile: row i and column j are late by as many cycles. */
static void feed(strip_t *s, int tile, int c)
{
    const design_t *d = s->d;
    for (int i = 0; i < d->score_rows; ++i)
        s->a->left[i] = c - i >= 0 && c - i < s->head ? s->q[i][c - i] : 0;
    for (int j = 0; j < d->score_columns; ++j) {
        const int64_t *k = s->k[tile * d->score_columns + j];
        s->a->top[j] = c - j >= 0 && c - j < s->head ? k[c - j] : 0;
    }
}

static void multiply(strip_t *s, int tile)
{
    int cycles = s->head + s->d->score_rows + s->d->score_columns - 1;
    for (int c = 0; c < cycles; ++c) {
        feed(s, tile, c);
        clock(s, SCORE_CALC, ROW_IDLE);
    }
}

/* The sum of products in the order in which they come, as the accumulator holds it. */
static int64_t dot(const strip_t *s, int i, int j, int64_t *clips)
{
    int64_t sum = 0, half = INT64_C(1) << (s->d->score_acc_w - 1);
    for (int t = 0; t < s->head; ++t) {
        sum += s->q[i][t] * s->k[j][t];
        if (!design_signed(s->d)) {
            sum %= 2 * half;
        } else if (sum >= half || sum < -half) {
            sum = sum < 0 ? -half : half - 1;
            ++*clips;
        }
    }
    return sum;
}

/* ---- published ---- */

static int64_t exponent(const strip_t *s, int i, int j)
{
    int64_t clips = 0;
    return dot(s, i, j, &clips) << s->d->score_shift;
}

/* Drains one tile; row i's exponentials come last column first and its sum is theirs. */
static void drain_published(strip_t *s)
{
    const design_t *d = s->d;
    int columns = d->score_columns;
    int64_t sum[SIDE_MAX] = {0};
    clock(s, SCORE_MOVE, ROW_CLEAR);
    for (int c = 0; c < columns; ++c) {
        for (int i = 0; i < d->score_rows; ++i) {
            double real = ldexp((double)exponent(s, i, columns - 1 - c), -d->scaled.frac);
            double y = ldexp((double)s->a->score[i], -d->score_exp.frac);
            if (real < 8) {
                strip_demand(s,
                             fabs(y - exp(real)) <
                                 exp(real) * (0.0036 * real + 0.005) + ldexp(1, -d->score_exp.frac),
                             "row %d column %d: exp(%g) is %g", i, columns - 1 - c, real, y);
            }
            strip_demand(s, s->a->sum[i] == sum[i], "row %d: sum %lld, not %lld", i, (long long)s->a->sum[i],
                         (long long)sum[i]);
            sum[i] = (sum[i] + s->a->score[i]) % (INT64_C(1) << d->score_sum.w);
        }
        clock(s, SCORE_MOVE, ROW_SUM);
    }
    for (int i = 0; i < d->score_rows; ++i) ck_assert_int_eq(s->a->sum[i], sum[i]);
    for (int k = 0; k < d->score_rows * columns; ++k) ck_assert_int_eq(s->a->s_q[k], 0); /* 0 moves in */
}

START_TEST(published_rows_give_exp_of_every_product_and_their_sum)
{
    for (int n = 0; n < PUBLISHED; ++n) {
        design_t d = load(published_names[n]);
        for (uint64_t seed = 1; seed <= 20; ++seed) {
            strip_t *s = strip_open(&d, published_names[n], seed, 1 + (int)seed % 12, 1);
            for (int c = 0; c < 3; ++c) clock(s, SCORE_CLEAR, ROW_SUM); /* something to clear */
            multiply(s, 0);
            for (int i = 0; i < d.score_rows; ++i) {
                for (int j = 0; j < d.score_columns; ++j) {
                    int64_t clips = 0, got = s->a->s_q[i * d.score_columns + j];
                    strip_demand(s, got == dot(s, i, j, &clips), "row %d column %d: %lld", i, j,
                                 (long long)got);
                }
            }
            drain_published(s);
            strip_close(s);
        }
    }
}
END_TEST

/* ---- signed: the scaled scores and their maximum ---- */

static int64_t floor_divide(__int128 x, int bits)
{
    __int128 unit = (__int128)1 << bits, rest = ((x % unit) + unit) % unit;
    return (int64_t)((x - rest) / unit);
}

static int64_t clipped(__int128 x, int w, int64_t *clips)
{
    __int128 half = (__int128)1 << (w - 1);
    if (x < half && x >= -half) return (int64_t)x;
    ++*clips;
    return (int64_t)(x < 0 ? -half : half - 1);
}

static int64_t want_scaled(strip_t *s, int i, int j)
{
    const design_t *d = s->d;
    int64_t ignored = 0;
    __int128 full = (__int128)dot(s, i, j, &s->clips_acc[i]) * s->row_scale[i] * s->col_scale[j];
    int64_t x = floor_divide(full, 2 * d->scale.frac - d->scaled.frac);
    return clipped(x, d->scaled.w, s->allowed[i][j] ? &s->clips_scaled[i] : &ignored);
}

/* Drains a tile, last column first; the last cycle clears the PEs for the next one. */
static void drain_signed(strip_t *s, int tile)
{
    const design_t *d = s->d;
    int columns = d->score_columns;
    for (int c = 0; c < columns; ++c) {
        int j = (tile + 1) * columns - 1 - c;
        memcpy(s->a->row_scale, s->row_scale, (size_t)d->score_rows * sizeof *s->row_scale);
        *s->a->col_scale = s->col_scale[j];
        for (int i = 0; i < d->score_rows; ++i) s->a->allowed[i] = s->allowed[i][j];
        clock(s, c + 1 < columns ? SCORE_MOVE : SCORE_CLEAR, c ? ROW_MAX : ROW_IDLE);
        for (int i = 0; i < d->score_rows; ++i) {
            int64_t want = want_scaled(s, i, j);
            s->scaled[i][j] = s->a->scaled[i];
            strip_demand(s, s->a->scaled[i] == want, "row %d key %d: scaled %lld, not %lld", i, j,
                         (long long)s->a->scaled[i], (long long)want);
        }
    }
    /* the last column's maximum; nothing is drained in this cycle */
    for (int i = 0; i < d->score_rows; ++i) s->a->allowed[i] = 0;
    clock(s, SCORE_IDLE, ROW_MAX);
}

static void check_maximum(const strip_t *s)
{
    const design_t *d = s->d;
    for (int i = 0; i < d->score_rows; ++i) {
        int64_t best = fixed_min(d->scaled.w), ignored = 0;
        for (int j = 0; j < s->tiles * d->score_columns; ++j) {
            if (s->allowed[i][j] && s->scaled[i][j] > best) best = s->scaled[i][j];
        }
        int64_t bias = clipped(floor_divide(best, d->scaled.frac - d->bias.frac), d->bias.w, &ignored);
        strip_demand(s, s->a->max[i] == best && s->a->bias[i] == bias,
                     "row %d: max %lld bias %lld, not %lld and %lld", i, (long long)s->a->max[i],
                     (long long)s->a->bias[i], (long long)best, (long long)bias);
    }
}

static void predict(strip_t *s)
{
    clock(s, SCORE_CLEAR, ROW_CLEAR);
    for (int tile = 0; tile < s->tiles; ++tile) {
        multiply(s, tile);
        drain_signed(s, tile);
    }
    check_maximum(s);
}

/* ---- signed: exp and sum of the strip that comes back ---- */

static void check_score(strip_t *s, int i, int j)
{
    const design_t *d = s->d;
    double score = ldexp((double)s->a->score[i], -d->score_exp.frac);
    double unit = ldexp(1, -d->score_exp.frac),
           top = ldexp((double)fixed_max(d->score_exp.w), -d->score_exp.frac);
    double real =
        ldexp((double)s->scaled[i][j], -d->scaled.frac) - ldexp((double)s->a->bias[i], -d->bias.frac);
    double want = s->allowed[i][j] ? exp(real) : 0;
    double error = 0.4 / (1 << d->lut_bits) + fabs(real) * 0.005;
    if (want > 1.5 * top) ++s->clips_exp[i], want = top;
    strip_demand(s, fabs(score - fmin(want, top)) <= want * error + 1.01 * unit,
                 "row %d key %d: exp(%g) is %g", i, j, real, score);
}

static void return_strip(strip_t *s)
{
    const design_t *d = s->d;
    int keys = s->tiles * d->score_columns;
    int64_t sum[SIDE_MAX] = {0};
    for (int c = 0; c <= keys; ++c) {
        for (int i = 0; i < d->score_rows; ++i) {
            s->a->strip[i] = c < keys ? s->scaled[i][c] : 0;
            s->a->strip_allowed[i] = c < keys && s->allowed[i][c];
            int shift = d->score_exp.frac - d->score_sum.frac;
            int64_t term = shift >= 0 ? floor_divide(s->a->score[i], shift) : s->a->score[i] << -shift;
            if (c) sum[i] = clipped((__int128)sum[i] + term, d->score_sum.w, &s->clips_sum[i]);
        }
        clock(s, SCORE_IDLE, c ? ROW_SUM : ROW_IDLE);
        for (int i = 0; i < d->score_rows; ++i) {
            if (c < keys) check_score(s, i, c);
            strip_demand(s, s->a->sum[i] == sum[i], "row %d after key %d: sum %lld, not %lld", i, c - 1,
                         (long long)s->a->sum[i], (long long)sum[i]);
        }
    }
}

static void check_counters(const strip_t *s)
{
    const score_array_t *a = s->a;
    for (int i = 0; i < s->d->score_rows; ++i) {
        strip_demand(s, a->sat_acc[i] == s->clips_acc[i] && a->sat_scaled[i] == s->clips_scaled[i],
                     "row %d: %lld acc and %lld scaled saturations, not %lld and %lld", i,
                     (long long)a->sat_acc[i], (long long)a->sat_scaled[i], (long long)s->clips_acc[i],
                     (long long)s->clips_scaled[i]);
        strip_demand(s, a->sat_sum[i] == s->clips_sum[i] && a->sat_exp[i] >= s->clips_exp[i],
                     "row %d: %lld sum and %lld exp saturations, not %lld and at least %lld", i,
                     (long long)a->sat_sum[i], (long long)a->sat_exp[i], (long long)s->clips_sum[i],
                     (long long)s->clips_exp[i]);
    }
}

/* Heads for which the accumulator is meant, and some that fill it. */
static int head_of(random_t *r)
{
    return 1 + (int)random_below(r, random_one_in(r, 4) ? HEAD_MAX : 64);
}

START_TEST(a_strip_is_predicted_scaled_reduced_and_summed)
{
    int64_t acc = 0, scaled = 0, exp = 0;
    for (int n = 0; n < SIGNED; ++n) {
        design_t d = load(signed_names[n]);
        int seeds = d.score_rows < 16 ? 60 : 4;
        for (int seed = 1; seed <= seeds; ++seed) {
            random_t r = {.state = (uint64_t)seed * 7919};
            int head = head_of(&r), tiles = 1 + (int)random_below(&r, TILES_MAX);
            strip_t *s = strip_open(&d, signed_names[n], (uint64_t)seed, head, tiles);
            predict(s);
            return_strip(s);
            check_counters(s);
            for (int i = 0; i < d.score_rows; ++i) {
                acc += s->a->sat_acc[i], scaled += s->a->sat_scaled[i], exp += s->a->sat_exp[i];
            }
            strip_close(s);
        }
    }
    demand(acc && scaled && exp, "%lld, %lld and %lld saturations: a kind was never met", (long long)acc,
           (long long)scaled, (long long)exp);
}
END_TEST

START_TEST(a_row_without_an_allowed_key_has_no_sum_and_the_lowest_maximum)
{
    design_t d = load("full_4x4x4");
    strip_t *s = strip_open(&d, "full_4x4x4", 5, 16, 2);
    predict(s);
    return_strip(s);
    ck_assert_int_eq(s->a->max[1], fixed_min(d.scaled.w)); /* fill allows nothing in row 1 */
    ck_assert_int_eq(s->a->sum[1], 0);
    ck_assert_int_gt(s->a->sum[0], 0);
    strip_close(s);
}
END_TEST

START_TEST(a_maximum_below_the_scores_saturates_exp_and_then_the_sum_and_both_are_counted)
{
    design_t d = load("paper_64x16");
    block_t *b = block_open(&score_array_type, &d);
    score_array_t *a = b->self; /* after reset the maximum is the most negative value */
    int edges = 1 << (d.score_sum.w - d.score_exp.w), extra = 10;
    for (int i = 0; i < d.score_rows; ++i) {
        a->strip_allowed[i] = i == 2;
        a->strip[i] = 0;
    }
    score_array_type.tick(a);
    *a->row_state = ROW_SUM;
    for (int c = 0; c < edges + extra; ++c) score_array_type.tick(a);
    score_array_type.eval(a);
    ck_assert_int_eq(a->score[2], fixed_max(d.score_exp.w));
    ck_assert_int_eq(a->sum[2], fixed_max(d.score_sum.w));
    ck_assert_int_eq(a->sat_exp[2], edges + extra + 1);
    ck_assert_int_eq(a->sat_sum[2], extra);
    ck_assert_int_eq(a->sat_exp[1], 0);
    ck_assert_int_eq(a->sum[1], 0);
    *a->row_state = ROW_CLEAR;
    score_array_type.tick(a);
    ck_assert_int_eq(a->sum_q[2], 0);
    ck_assert_int_eq(a->sat_sum_q[2], extra); /* sticky */
    a->sat_exp_q[2] = INT64_C(0xffffffff);
    score_array_type.tick(a);
    ck_assert_int_eq(a->sat_exp_q[2], INT64_C(0xffffffff));
    block_close(b);
}
END_TEST

START_TEST(idle_holds_the_row_end_and_only_max_moves_the_maximum)
{
    design_t d = load("odd_5x7x3");
    strip_t *s = strip_open(&d, "odd_5x7x3", 9, 8, 1);
    predict(s);
    return_strip(s);
    int64_t sum = s->a->sum[0], max = s->a->max[0];
    for (int i = 0; i < d.score_rows; ++i) s->a->allowed[i] = s->a->strip_allowed[i] = 1;
    for (int c = 0; c < 5; ++c) clock(s, SCORE_IDLE, ROW_IDLE);
    ck_assert_int_eq(s->a->sum[0], sum);
    ck_assert_int_eq(s->a->max[0], max);
    clock(s, SCORE_IDLE, ROW_CLEAR);
    ck_assert_int_eq(s->a->max[0], fixed_min(d.scaled.w));
    clock(s, SCORE_IDLE, ROW_MAX);
    ck_assert_int_eq(s->a->max[0], s->a->scaled[0]); /* the PEs are clear: 0 */
    ck_assert_int_eq(s->a->max[0], 0);
    strip_close(s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("score_array");
    TCase *t = tcase_create("score_array");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, published_rows_give_exp_of_every_product_and_their_sum);
    tcase_add_test(t, a_strip_is_predicted_scaled_reduced_and_summed);
    tcase_add_test(t, a_row_without_an_allowed_key_has_no_sum_and_the_lowest_maximum);
    tcase_add_test(t, a_maximum_below_the_scores_saturates_exp_and_then_the_sum_and_both_are_counted);
    tcase_add_test(t, idle_holds_the_row_end_and_only_max_moves_the_maximum);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
