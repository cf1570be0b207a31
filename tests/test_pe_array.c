/* SPDX-License-Identifier: Apache-2.0 */
/* Does the array compute attention when it is driven by the schedule of a pass? Held against direct
   computation in double precision. */
#include <math.h>
#include <string.h>

#include "array_designs.h"
#include "array_drive.h"
#include "../sim/pass.h"
#include "../model/pe_array.h"

enum { ROWS = 12, COLUMNS = 24, PES = 8, HEAD = 32, SEEDS = 20 };

/* One pass: operands as integers, and what the array made of them. */
typedef struct {
    int64_t q[ROWS * HEAD], k[COLUMNS * HEAD], v[COLUMNS * HEAD];
    int64_t column[ROWS * PES], active[ROWS * PES], c4[ROWS * PES], bias[ROWS];
    int64_t out[ROWS * HEAD];
    double sum[ROWS];
} work_t;

static pass_t pass_of(const design_t *d, int head, const work_t *w)
{
    return (pass_t){d, head, w->q, w->k, w->v, w->column, w->active, w->c4, w->bias};
}

/* Distinct ascending columns for every PE, the first `kept` of a random order active. */
static void random_row(random_t *random, const design_t *d, work_t *w, int r, int kept)
{
    int64_t *column = w->column + r * d->pes, *active = w->active + r * d->pes, *c4 = w->c4 + r * d->pes;
    for (int c = 0, k = 0; c < d->columns; ++c) {
        if (random_below(random, d->columns - c) < d->pes - k) column[k++] = c;
    }
    for (int k = 0, left = kept; k < d->pes; ++k) {
        active[k] = random_below(random, d->pes - k) < left;
        left -= (int)active[k];
        c4[k] = (k + 1 < d->pes ? column[k + 1] : d->columns) - column[k] - 1;
    }
}

static void run_pass(block_t *b, int head, work_t *w)
{
    const pass_t pass = pass_of(b->design, head, w);
    for (int t = 0; t < pass_cycles(&pass); ++t) {
        pass_drive(&pass, b, t);
        settle(b);
        pass_collect(&pass, b, t, w->out);
        b->type->tick(b->self);
    }
    for (int r = 0; r < b->design->rows; ++r) {
        w->sum[r] = ldexp((double)pass_sum(b, r), -b->design->row_sum.frac);
    }
}

/* Row r's exponential weights and their sum, from the quantised operands. */
static double weights(const design_t *d, int head, const work_t *w, int r, double p[PES])
{
    double sum = 0, bias = design_signed(d) ? ldexp((double)w->bias[r], -d->bias.frac) : 0;
    for (int k = 0; k < d->pes; ++k) {
        double score = 0;
        int c = (int)w->column[r * d->pes + k];
        for (int e = 0; e < head; ++e) score += (double)w->q[r * head + e] * (double)w->k[c * head + e];
        p[k] = w->active[r * d->pes + k] ? exp(ldexp(score, -d->q.frac - d->k.frac) - bias) : 0;
        sum += p[k];
    }
    return sum;
}

static double direct(const design_t *d, int head, const work_t *w, int r, int e, const double p[PES])
{
    double out = 0;
    for (int k = 0; k < d->pes; ++k) {
        int c = (int)w->column[r * d->pes + k];
        out += p[k] * ldexp((double)w->v[c * head + e], -d->v.frac);
    }
    return out;
}

static double apart(double x, double y)
{
    return x == y ? 0 : fabs(x - y) / fmax(fabs(x), fabs(y));
}

START_TEST(published_size_and_operands_are_within_five_percent_element_by_element)
{
    design_t d = published_design(8, 8, 4, 32, 16);
    block_t *b = block_open(&pe_array_type, &d);
    static work_t w;
    const int head = 8;
    double worst = 0;
    for (uint64_t seed = 1; seed <= SEEDS; ++seed) {
        random_t random = {.state = seed};
        for (int i = 0; i < 8 * head; ++i) {
            w.q[i] = random_below(&random, 17) << 12; /* k/16, k in 0 .. 16 */
            w.k[i] = random_below(&random, 17) << 12;
            w.v[i] = random_below(&random, 17) << 12;
        }
        for (int r = 0; r < 8; ++r) random_row(&random, &d, &w, r, 4);
        run_pass(b, head, &w);
        for (int r = 0; r < 8; ++r) {
            double p[PES], sum = weights(&d, head, &w, r, p), error = apart(w.sum[r], sum);
            ck_assert_msg(error < 0.05, "seed=%d row=%d sum %f expected %f", (int)seed, r, w.sum[r], sum);
            for (int e = 0; e < head; ++e) {
                double expected = direct(&d, head, &w, r, e, p),
                       found = ldexp((double)w.out[r * head + e], -16);
                error = apart(found, expected);
                worst = fmax(worst, error);
                ck_assert_msg(error < 0.05, "seed=%d row=%d element=%d %f expected %f", (int)seed, r, e,
                              found, expected);
            }
        }
    }
    ck_assert_msg(worst > 1e-4, "an error of %g is too good for this exp unit: nothing was computed", worst);
    block_close(b);
}
END_TEST

/* Largest score of the row's kept columns, floored to the bias format, off by `off`. */
static void choose_bias(const design_t *d, int head, work_t *w, int r, double off)
{
    double most = -1e9, p[PES];
    w->bias[r] = 0;
    weights(d, head, w, r, p);
    for (int k = 0; k < d->pes; ++k) {
        if (p[k] > 0) most = fmax(most, log(p[k]));
    }
    w->bias[r] = most > -1e9 ? (int64_t)floor(ldexp(most + off, d->bias.frac)) : 0;
}

static double normal(random_t *random)
{
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += ldexp((double)(random_bits(random) >> 11), -53);
    return sum;
}

static void random_attention(random_t *random, const design_t *d, int head, work_t *w)
{
    double scale = 4 / sqrt(head); /* scores of about +-4 sigma each way */
    for (int i = 0; i < d->rows * head; ++i)
        w->q[i] = (int64_t)lrint(ldexp(normal(random) * scale, d->q.frac));
    for (int i = 0; i < d->columns * head; ++i) {
        w->k[i] = (int64_t)lrint(ldexp(normal(random), d->k.frac));
        w->v[i] = (int64_t)lrint(ldexp(normal(random), d->v.frac));
    }
    for (int r = 0; r < d->rows; ++r) {
        random_row(random, d, w, r, (int)random_below(random, d->pes + 1));
        /* an estimate off by up to 3 either way; more would saturate SpMM here, with 11 integer bits */
        choose_bias(d, head, w, r, ldexp((double)random_word(random, 10), -9) * 3);
    }
}

static void check_row(const design_t *d, int head, const work_t *w, int r, uint64_t seed)
{
    double p[PES], sum = weights(d, head, w, r, p), off = 0, norm = 0;
    for (int e = 0; e < head; ++e) {
        double expected = direct(d, head, w, r, e, p),
               found = ldexp((double)w->out[r * head + e], -d->out.frac);
        if (sum == 0)
            ck_assert_msg(found == 0 && w->sum[r] == 0, "seed=%d row=%d keeps nothing", (int)seed, r);
        if (sum == 0) continue;
        off += pow(found / w->sum[r] - expected / sum, 2);
        norm += pow(expected / sum, 2);
    }
    ck_assert_msg(sqrt(off) <= 0.01 * sqrt(norm), "seed=%d row=%d row error %f", (int)seed, r,
                  sqrt(off / norm));
    ck_assert_msg(apart(w->sum[r], sum) < 0.01, "seed=%d row=%d sum %f expected %f", (int)seed, r, w->sum[r],
                  sum);
}

static int64_t clipped(const block_t *b)
{
    int64_t events = 0;
    for (size_t r = 0; r < (size_t)b->design->rows; ++r) {
        events += get(b, "acc_sat_q", r) + get(b, "exp_sat_q", r) + get(b, "sum_sat_q", r);
    }
    return events;
}

START_TEST(signed_passes_back_to_back_are_attention_within_one_percent)
{
    static const int sizes[][4] = {
        {12, 24, 8, 32}, {5, 7, 3, 16}, {4, 4, 4, 8}, {3, 9, 1, 5}, {1, 16, 8, 32}};
    static work_t w;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        design_t d = signed_design(sizes[i][0], sizes[i][1], sizes[i][2]);
        block_t *b = block_open(&pe_array_type, &d);
        for (uint64_t seed = 1; seed <= SEEDS; ++seed) {
            random_t random = {.state = seed};
            random_attention(&random, &d, sizes[i][3], &w);
            run_pass(b, sizes[i][3], &w);
            for (int r = 0; r < d.rows; ++r) check_row(&d, sizes[i][3], &w, r, seed);
        }
        ck_assert_int_eq(clipped(b), 0);
        block_close(b);
    }
}
END_TEST

START_TEST(an_idle_pe_adds_nothing_to_the_sum_and_without_active_it_would)
{
    design_t d = signed_design(1, 4, 2);
    block_t *b = block_open(&pe_array_type, &d);
    for (int active = 0; active < 2; ++active) {
        block_reset(b);
        put(b, "c3", 0, C3_IDLE);
        put(b, "active", 0, 0);
        put(b, "active", 1, active);
        put(b, "c5", 0, C5_CALC);
        cycle(b);
        put(b, "c5", 0, C5_MOVE);
        cycle(b);
        cycle(b);
        ck_assert_int_eq(get(b, "sum_q", 0), active ? 1 << 20 : 0); /* e^0 */
    }
    block_close(b);
}
END_TEST

START_TEST(lines_move_with_partial_sums_alone_and_clear_with_accumulators)
{
    design_t d = signed_design(2, 8, 3);
    block_t *b = block_open(&pe_array_type, &d);
    for (int c3 = 0; c3 < 8; ++c3) {
        block_reset(b);
        put(b, "line_q", 4, 55); /* row 0, word 1, PE 1 */
        put(b, "acc_q", 1, 66);
        put(b, "c3", 0, c3);
        cycle(b);
        ck_assert_msg(get(b, "line_q", 4) == (c3 == C3_CLEAR ? 0 : 55), "c3=%d", c3);
        ck_assert_msg(get(b, "line_q", 1) == (c3 == C3_LEFT ? 66 : 0), "c3=%d", c3);
        ck_assert_msg(get(b, "wp_q", 0) == (c3 == C3_LEFT ? 4 : 0), "c3=%d", c3);
    }
    block_close(b);
}
END_TEST

START_TEST(rows_tick_in_any_order)
{
    design_t d = signed_design(5, 9, 4);
    block_t *a = block_open(&pe_array_type, &d), *b = block_open(&pe_array_type, &d);
    random_t random = {.state = 3};
    for (int t = 0; t < 600; ++t) {
        for (int i = 0; i < a->signals; ++i) {
            const signal_t *s = &a->table[i];
            for (size_t k = 0; s->kind == SIGNAL_IN && k < signal_count(s); ++k) {
                int64_t value = s->codes ? random_below(&random, s->codes) : random_word(&random, s->bits);
                put(a, s->name, k, value);
                put(b, s->name, k, value);
            }
        }
        put(a, "clear", 0, t % 50 == 0);
        put(b, "clear", 0, t % 50 == 0);
        cycle(a);
        settle(b);
        pe_array_t *array = b->self;
        for (int r = d.rows - 1; r >= 0; --r) pe_row_tick(&array->row[r]);
        for (int i = 0; i < a->signals; ++i) {
            const signal_t *s = &a->table[i];
            if (s->kind != SIGNAL_REG) continue;
            ck_assert_msg(!memcmp(block_data(a, s), block_data(b, s), signal_count(s) * sizeof(int64_t)),
                          "cycle=%d %s", t, s->name);
        }
    }
    block_close(a);
    block_close(b);
}
END_TEST

START_TEST(published_outputs_mean_something_only_while_sums_move)
{
    design_t d = published_design(2, 4, 2, 32, 16), s = signed_design(2, 4, 2);
    block_t *b = block_open(&pe_array_type, &d), *other = block_open(&pe_array_type, &s);
    for (int c3 = 0; c3 < 8; ++c3) {
        put(b, "c3", 0, c3);
        put(other, "c3", 0, c3);
        ck_assert_int_eq(b->type->specified(b->self, "out"), c3 == C3_LEFT);
        ck_assert(b->type->specified(b->self, "sum"));
        ck_assert(other->type->specified(other->self, "out"));
    }
    block_close(b);
    block_close(other);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pe_array");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, published_size_and_operands_are_within_five_percent_element_by_element);
    tcase_add_test(tests, signed_passes_back_to_back_are_attention_within_one_percent);
    tcase_add_test(tests, an_idle_pe_adds_nothing_to_the_sum_and_without_active_it_would);
    tcase_add_test(tests, lines_move_with_partial_sums_alone_and_clear_with_accumulators);
    tcase_add_test(tests, rows_tick_in_any_order);
    tcase_add_test(tests, published_outputs_mean_something_only_while_sums_move);
    return run_suite("pe_array", tests);
}
