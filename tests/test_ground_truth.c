// SPDX-License-Identifier: Apache-2.0
//
// Is the ground truth attention, and are its figures the ones that reports quote?
#include "../model/ground_truth.h"

#include <check.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"

#define MOST 24 // the largest L, M and d of random heads

static double next_random(uint32_t *state) // -1 .. 1
{
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / 8388608.0 - 1;
}

static size_t next_below(uint32_t *state, size_t below)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % below;
}

typedef struct {
    ground_truth_head_t head;
    double q[MOST * MOST], k[MOST * MOST], v[MOST * MOST];
    uint8_t valid[MOST], valid_q[MOST], mask[MOST * MOST];
} sample_t;

static sample_t *make_sample(uint32_t seed)
{
    uint32_t state = seed * 2654435761u;
    sample_t *s = calloc(1, sizeof *s);
    s->head =
        (ground_truth_head_t){.q = s->q, .k = s->k, .v = s->v, .valid = s->valid, .valid_q = s->valid_q};
    s->head.M = 1 + next_below(&state, MOST);
    s->head.d = 1 + next_below(&state, MOST);
    s->head.causal = next_below(&state, 2);
    s->head.L = s->head.causal ? s->head.M : 1 + next_below(&state, MOST);
    s->head.scaling = 0.1 + fabs(next_random(&state));
    for (size_t i = 0; i < MOST * MOST; i++) {
        s->q[i] = 8 * next_random(&state);
        s->k[i] = 8 * next_random(&state);
        s->v[i] = next_random(&state);
    }
    for (size_t i = 0; i < MOST; i++) {
        s->valid[i] = next_below(&state, 5) > 0;
        s->valid_q[i] = next_below(&state, 5) > 0;
    }
    for (size_t i = 0; i < s->head.L; i++)
        for (size_t j = 0; j < s->head.M; j++)
            s->mask[i * s->head.M + j] = ground_truth_allowed(&s->head, i, j) && next_below(&state, 3) == 0;
    return s;
}

// ---- attention

// Another road to the same value: v weighted by exp(s_t - s_j) over pairs, in long double, no maximum.
static long double naive(const ground_truth_head_t *h, const uint8_t *keep, size_t i, size_t c)
{
    long double out = 0;
    for (size_t j = 0; j < h->M; j++) {
        long double inverse = 0;
        if (!keep[j]) continue;
        for (size_t t = 0; t < h->M; t++) {
            long double difference = 0;
            for (size_t e = 0; e < h->d && keep[t]; e++)
                difference += (long double)h->q[i * h->d + e] *
                              ((long double)h->k[t * h->d + e] - (long double)h->k[j * h->d + e]);
            if (keep[t]) inverse += expl(difference * (long double)h->scaling);
        }
        out += (long double)h->v[j * h->d + c] / inverse;
    }
    return out;
}

START_TEST(masked_attention_equals_a_naive_one)
{
    for (uint32_t seed = 1; seed <= 150; seed++) {
        sample_t *s = make_sample(seed);
        double out[MOST * MOST];
        ck_assert(ground_truth_masked(&s->head, s->mask, out));
        for (size_t i = 0; i < s->head.L; i++)
            for (size_t c = 0; c < s->head.d; c++) {
                double expected = (double)naive(&s->head, s->mask + i * s->head.M, i, c);
                ck_assert_msg(fabs(out[i * s->head.d + c] - expected) < 1e-11, "seed %u row %zu: %g, not %g",
                              seed, i, out[i * s->head.d + c], expected);
            }
        free(s);
    }
}
END_TEST

START_TEST(dense_attention_is_masked_attention_over_the_allowed_keys)
{
    for (uint32_t seed = 1; seed <= 200; seed++) {
        sample_t *s = make_sample(seed);
        double dense[MOST * MOST], masked[MOST * MOST];
        uint8_t all[MOST * MOST];
        for (size_t i = 0; i < s->head.L; i++)
            for (size_t j = 0; j < s->head.M; j++)
                all[i * s->head.M + j] = s->valid[j] && (!s->head.causal || j <= i);
        ck_assert(ground_truth_dense(&s->head, dense));
        ck_assert(ground_truth_masked(&s->head, all, masked));
        ck_assert_msg(memcmp(dense, masked, s->head.L * s->head.d * sizeof *dense) == 0, "seed %u", seed);
        free(s);
    }
}
END_TEST

START_TEST(a_row_without_kept_keys_is_exactly_zero)
{
    sample_t *s = make_sample(7);
    double out[MOST * MOST];
    memset(s->mask, 0, sizeof s->mask);
    ck_assert(ground_truth_masked(&s->head, s->mask, out));
    for (size_t i = 0; i < s->head.L * s->head.d; i++) ck_assert(out[i] == 0);
    memset(s->valid, 0, sizeof s->valid);
    ck_assert(ground_truth_dense(&s->head, out));
    for (size_t i = 0; i < s->head.L * s->head.d; i++) ck_assert(out[i] == 0);
    free(s);
}
END_TEST

START_TEST(one_kept_key_gives_its_value)
{
    sample_t *s = make_sample(9);
    double out[MOST * MOST];
    memset(s->mask, 0, sizeof s->mask);
    for (size_t i = 0; i < s->head.L; i++) s->mask[i * s->head.M + i % s->head.M] = 1;
    ck_assert(ground_truth_masked(&s->head, s->mask, out));
    for (size_t i = 0; i < s->head.L; i++)
        for (size_t c = 0; c < s->head.d; c++)
            ck_assert(out[i * s->head.d + c] == s->v[(i % s->head.M) * s->head.d + c]);
    free(s);
}
END_TEST

START_TEST(scores_of_any_size_stay_finite)
{
    const double q[] = {1e30, -1e30, 1e-30}, k[] = {1e30, -1e30}, v[] = {3, 5};
    ground_truth_head_t head = {.L = 3, .M = 2, .d = 1, .q = q, .k = k, .v = v, .scaling = 1};
    double out[3];
    ck_assert(ground_truth_dense(&head, out));
    ck_assert(out[0] == 3);
    ck_assert(out[1] == 5);
    ck_assert_double_eq_tol(out[2], 3 * 0.8807970779778823 + 5 * 0.11920292202211755, 1e-12);
}
END_TEST

// ---- the pruning rule

START_TEST(the_rule_gives_a_worked_example)
{
    // 4 bits, t = 1: levels of 1/7. Rows (3,4)/5 = (.6,.8) -> (4,6)/7; (0,2) -> (0,7)/7; (4,-3) -> (6,-4)/7.
    const double q[] = {3, 4}, k[] = {3, 4, 0, 2, 4, -3, 0, 0}, v[8] = {0};
    ground_truth_head_t head = {.L = 1, .M = 4, .d = 2, .q = q, .k = k, .v = v, .scaling = 0.5};
    ground_truth_rule_t rule = {
        .threshold = 0.005, .bits = 4, .quant_q = 1, .quant_k = 1, .empty_row = GROUND_TRUTH_EMPTY_ROW_ZERO};
    const double score[] = {52. / 49 * 25 / 2, 42. / 49 * 10 / 2, 0, 0};
    double sum = 0, probability[4];
    uint8_t mask[4];
    for (int j = 0; j < 4; j++) sum += exp(score[j]);
    ck_assert(ground_truth_predicted_mask(&head, &rule, mask, probability));
    for (int j = 0; j < 4; j++) {
        ck_assert_double_eq_tol(probability[j], exp(score[j]) / sum, 1e-14);
        ck_assert_uint_eq(mask[j], exp(score[j]) / sum > 0.005);
    }
    ck_assert_uint_eq(mask[0], 1);
    ck_assert_uint_eq(mask[1], 0);
    rule.threshold = 1e-4;
    ck_assert(ground_truth_predicted_mask(&head, &rule, mask, NULL));
    ck_assert_uint_eq(mask[1], 1);
    ck_assert_uint_eq(mask[3], 0);
}
END_TEST

START_TEST(ties_round_to_even_and_values_beyond_the_range_saturate)
{
    // The normalised row is (.5,.5,.5,.5) exactly, so that .5 * 7 / t is a tie, or beyond 7, exactly.
    static const struct {
        double t, value;
    } cases[] = {{7, 0}, {1, 4. / 7}, {0.25, 0.25}};
    const double rows[] = {1, 1, 1, 1, -1, -1, -1, -1}, k[] = {1, 0, 0, 0, 0, 0, 0, 0}, v[8] = {0};
    ground_truth_head_t head = {.L = 1, .M = 2, .d = 4, .q = rows, .k = k, .v = v, .scaling = 1};
    for (size_t n = 0; n < 6; n++) {
        size_t i = n % 3;
        double sign = n < 3 ? 1 : -1;
        head.q = n < 3 ? rows : rows + 4;
        ground_truth_rule_t rule = {
            .bits = 4, .quant_q = cases[i].t, .quant_k = 1, .empty_row = GROUND_TRUTH_EMPTY_ROW_ZERO};
        double probability[2];
        uint8_t mask[2];
        ck_assert(ground_truth_predicted_mask(&head, &rule, mask, probability));
        ck_assert_double_eq_tol(log(probability[0] / probability[1]), sign * cases[i].value * 2, 1e-12);
    }
}
END_TEST

START_TEST(the_threshold_is_strict)
{
    const double q[] = {0}, k[] = {1, 1, 1, 1}, v[4] = {0};
    ground_truth_head_t head = {.L = 1, .M = 4, .d = 1, .q = q, .k = k, .v = v, .scaling = 1};
    ground_truth_rule_t rule = {
        .threshold = 0.25, .bits = 4, .quant_q = 1, .quant_k = 1, .empty_row = GROUND_TRUTH_EMPTY_ROW_ZERO};
    uint8_t mask[4];
    ck_assert(ground_truth_predicted_mask(&head, &rule, mask, NULL)); // a zero row of q: all alike
    ck_assert_uint_eq(mask[0] + mask[1] + mask[2] + mask[3], 0);
    rule.threshold = 0.2499999;
    ck_assert(ground_truth_predicted_mask(&head, &rule, mask, NULL));
    ck_assert_uint_eq(mask[0] + mask[1] + mask[2] + mask[3], 4);
}
END_TEST

START_TEST(empty_rows_follow_their_policy)
{
    for (uint32_t seed = 1; seed <= 200; seed++) {
        sample_t *s = make_sample(seed);
        ground_truth_rule_t rule = {.threshold = 1, .bits = 8, .quant_q = 1, .quant_k = 1};
        for (int policy = GROUND_TRUTH_EMPTY_ROW_DENSE; policy <= GROUND_TRUTH_EMPTY_ROW_TOP1; policy++) {
            double probability[MOST * MOST];
            rule.empty_row = (ground_truth_empty_row_t)policy;
            ck_assert(ground_truth_predicted_mask(&s->head, &rule, s->mask, probability));
            for (size_t i = 0; i < s->head.L; i++) {
                const double *row = probability + i * s->head.M;
                size_t kept = 0, allowed = 0;
                for (size_t j = 0; j < s->head.M; j++) {
                    bool may = ground_truth_allowed(&s->head, i, j), keep = s->mask[i * s->head.M + j];
                    ck_assert_msg(may || !keep, "seed %u", seed);
                    allowed += may;
                    kept += keep;
                    for (size_t t = 0; t < s->head.M && keep && policy == GROUND_TRUTH_EMPTY_ROW_TOP1; t++)
                        ck_assert_msg(row[t] <= row[j], "seed %u", seed);
                }
                size_t expected = policy == GROUND_TRUTH_EMPTY_ROW_DENSE  ? allowed
                                  : policy == GROUND_TRUTH_EMPTY_ROW_ZERO ? 0
                                                                          : allowed > 0;
                ck_assert_msg(kept == expected, "seed %u policy %d row %zu: %zu, not %zu", seed, policy, i,
                              kept, expected);
            }
        }
        free(s);
    }
}
END_TEST

START_TEST(many_bits_approach_the_exact_scores)
{
    for (uint32_t seed = 1; seed <= 100; seed++) {
        sample_t *s = make_sample(seed);
        double probability[MOST * MOST], dense[MOST * MOST], out[MOST * MOST];
        ground_truth_rule_t rule = {
            .bits = 16, .quant_q = 1, .quant_k = 1, .empty_row = GROUND_TRUTH_EMPTY_ROW_ZERO};
        for (size_t i = 0; i < MOST * MOST;
             i++) { // small scores, so that the step of 2^-15 stays small in exp
            s->q[i] /= 8;
            s->k[i] /= 8;
        }
        ck_assert(ground_truth_predicted_mask(&s->head, &rule, s->mask, probability));
        ck_assert(ground_truth_dense(&s->head, dense));
        for (size_t i = 0; i < s->head.L; i++)
            for (size_t c = 0; c < s->head.d; c++) {
                out[c] = 0;
                for (size_t j = 0; j < s->head.M; j++)
                    out[c] += probability[i * s->head.M + j] * s->v[j * s->head.d + c];
                ck_assert_msg(fabs(out[c] - dense[i * s->head.d + c]) < 0.02, "seed %u", seed);
            }
        free(s);
    }
}
END_TEST

START_TEST(rules_outside_their_ranges_are_refused)
{
    sample_t *s = make_sample(3);
    const ground_truth_rule_t good = {
        .threshold = 0.01, .bits = 4, .quant_q = 1, .quant_k = 1, .empty_row = GROUND_TRUTH_EMPTY_ROW_TOP1};
    ground_truth_rule_t bad[8];
    for (size_t i = 0; i < 8; i++) bad[i] = good;
    bad[0].bits = 1;
    bad[1].bits = 17;
    bad[2].quant_q = 0;
    bad[3].quant_k = -1;
    bad[4].quant_k = INFINITY;
    bad[5].threshold = NAN;
    bad[6].empty_row = 0;
    bad[7].quant_q = NAN;
    ck_assert(ground_truth_predicted_mask(&s->head, &good, s->mask, NULL));
    for (size_t i = 0; i < 8; i++)
        ck_assert_msg(!ground_truth_predicted_mask(&s->head, &bad[i], s->mask, NULL), "case %zu", i);
    free(s);
}
END_TEST

START_TEST(agreement_counts_allowed_positions_of_queries_that_are_no_padding)
{
    const double x[3] = {0};
    const uint8_t valid[] = {1, 1, 0}, valid_q[] = {1, 0, 1};
    const uint8_t a[] = {1, 0, 0, 1, 1, 0, 1, 0, 0}, b[] = {1, 0, 0, 0, 0, 0, 1, 1, 0};
    ground_truth_head_t head = {
        .L = 3, .M = 3, .d = 1, .q = x, .k = x, .v = x, .valid = valid, .valid_q = valid_q, .causal = true};
    ground_truth_agreement_t sum = {0};
    ground_truth_compare_masks(&head, a, b, &sum); // row 0: key 0; row 1 padded; row 2: keys 0, 1
    ck_assert_uint_eq(sum.allowed, 3);
    ck_assert_uint_eq(sum.kept_a, 2);
    ck_assert_uint_eq(sum.kept_b, 3);
    ck_assert_uint_eq(sum.agree, 2);
    ground_truth_compare_masks(&head, a, a, &sum);
    ck_assert_uint_eq(sum.allowed, 6);
    ck_assert_uint_eq(sum.agree, 5);
}
END_TEST

// ---- errors

START_TEST(row_errors_are_relative_norms)
{
    const double zero[] = {0, 0}, reference[] = {3, 4}, measured[] = {3, 4.05};
    const double minus_zero[] = {-0.0, 0}, tiny[] = {0, 1e-300}, infinite[] = {3, INFINITY}, nan[] = {NAN, 4};
    ck_assert_double_eq_tol(ground_truth_row_error(reference, measured, 2), 0.01, 1e-14);
    ck_assert(ground_truth_row_error(reference, reference, 2) == 0);
    ck_assert(ground_truth_row_error(reference, zero, 2) == 1);
    ck_assert(ground_truth_row_error(zero, zero, 2) == 0);
    ck_assert(ground_truth_row_error(zero, minus_zero, 2) == 0);
    ck_assert(isinf(ground_truth_row_error(zero, tiny, 2)));
    ck_assert(isinf(ground_truth_row_error(reference, infinite, 2)));
    ck_assert(isinf(ground_truth_row_error(reference, nan, 2)));
    ck_assert(isinf(ground_truth_row_error(zero, nan, 2)));
    ck_assert(ground_truth_row_error(tiny, tiny, 2) == 0); // squares of these would vanish
    ck_assert(ground_truth_row_error(tiny, zero, 2) == 1);
}
END_TEST

START_TEST(elements_are_within_five_percent_of_the_larger)
{
    static const struct {
        double x, y;
        bool within;
    } cases[] = {{0, 0, true},       {100, 95, true},   {95, 100, true},   {100, 94.99, false},
                 {0, 1e-300, false}, {1, -1, false},    {-100, -95, true}, {NAN, 1, false},
                 {1, NAN, false},    {NAN, NAN, false}, {1, INFINITY, 0},  {INFINITY, INFINITY, 0},
                 {0, -0.0, true},    {1e-310, 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg(ground_truth_within(cases[i].x, cases[i].y, 0.05) == cases[i].within, "case %zu", i);
}
END_TEST

// Adds one-element rows with the given errors against a reference of 1.
static void add_errors(ground_truth_stats_t *stats, const double *errors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const double one = 1, measured = 1 + errors[i];
        ck_assert(ground_truth_stats_row(stats, &one, &measured, 1));
    }
}

START_TEST(percentiles_interpolate_between_ranks)
{
    ground_truth_stats_t stats = {0};
    ground_truth_summary_t summary;
    const double first[] = {0.5, 0.25, 0.125, 1};
    add_errors(&stats, first, 1);
    ck_assert(ground_truth_stats_summary(&stats, &summary));
    ck_assert(summary.median == 0.5 && summary.p99 == 0.5 && summary.worst == 0.5 && summary.rows == 1);
    add_errors(&stats, first + 1, 3);
    ck_assert(ground_truth_stats_summary(&stats, &summary));
    ck_assert_double_eq_tol(summary.median, 0.375, 1e-15);
    ck_assert_double_eq_tol(summary.p99, 0.5 + 0.97 * 0.5, 1e-12); // rank 0.99 * 3
    ck_assert(summary.worst == 1);
    ck_assert(summary.within == 0);
    ground_truth_stats_free(&stats);
    ck_assert_ptr_null(stats.error);
    for (int i = 200; i >= 0; i--) {
        const double error = i / 256.0;
        add_errors(&stats, &error, 1);
    }
    ck_assert(ground_truth_stats_summary(&stats, &summary));
    ck_assert(summary.median == 100 / 256.0 && summary.p99 == 198 / 256.0 && summary.worst == 200 / 256.0);
    ck_assert_double_eq_tol(summary.within, 14 / 201.0, 1e-15); // i/256 / (1 + i/256) <= 5 % up to i = 13
    ground_truth_stats_free(&stats);
}
END_TEST

START_TEST(zero_rows_are_counted_apart_and_broken_rows_are_infinitely_wrong)
{
    ground_truth_stats_t stats = {0};
    ground_truth_summary_t summary;
    const double zero[] = {0, 0}, tiny[] = {1e-9, 0}, one[] = {1, 1}, nan[] = {NAN, 1};
    ck_assert(ground_truth_stats_summary(&stats, &summary));
    ck_assert(summary.rows == 0 && summary.worst == 0 && summary.within == 1);
    ck_assert(ground_truth_stats_row(&stats, zero, zero, 2));
    ck_assert(ground_truth_stats_summary(&stats, &summary));
    ck_assert(stats.zero_rows == 1 && summary.rows == 0 && summary.worst == 0);
    ck_assert(ground_truth_stats_row(&stats, one, one, 2));
    ck_assert(ground_truth_stats_row(&stats, zero, tiny, 2));
    ck_assert(ground_truth_stats_row(&stats, one, nan, 2));
    ck_assert(ground_truth_stats_summary(&stats, &summary));
    ck_assert(stats.broken_rows == 2 && summary.rows == 3);
    ck_assert(isinf(summary.worst) && isinf(summary.median) && isinf(summary.p99));
    ck_assert_uint_eq(stats.elements, 8);
    ck_assert_uint_eq(stats.within, 6);
    ground_truth_stats_free(&stats);
}
END_TEST

START_TEST(pooled_rows_equal_one_collection)
{
    ground_truth_stats_t all = {0}, pool = {0};
    for (uint32_t seed = 1; seed <= 40; seed++) {
        sample_t *s = make_sample(seed);
        ground_truth_stats_t one = {0};
        double reference[MOST * MOST], measured[MOST * MOST];
        size_t rows = 0;
        ck_assert(ground_truth_masked(&s->head, s->mask, reference));
        ck_assert(ground_truth_dense(&s->head, measured));
        for (size_t i = 0; i < s->head.L; i++) rows += s->valid_q[i];
        ck_assert(ground_truth_stats_head(&one, &s->head, reference, measured));
        ck_assert(ground_truth_stats_head(&all, &s->head, reference, measured));
        ck_assert_msg(one.rows + one.zero_rows == rows, "seed %u: padded rows are in no figure", seed);
        ck_assert(ground_truth_stats_merge(&pool, &one));
        ground_truth_stats_free(&one);
        free(s);
    }
    ground_truth_summary_t a, b;
    ck_assert(ground_truth_stats_summary(&all, &a) && ground_truth_stats_summary(&pool, &b));
    ck_assert(a.rows == b.rows && a.median == b.median && a.p99 == b.p99 && a.worst == b.worst);
    ck_assert(a.within == b.within && all.zero_rows == pool.zero_rows && all.broken_rows == pool.broken_rows);
    ground_truth_stats_free(&all);
    ground_truth_stats_free(&pool);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ground_truth");
    TCase *attention = tcase_create("attention"), *rule = tcase_create("rule"),
          *errors = tcase_create("errors");
    tcase_set_timeout(attention, 60);
    tcase_add_test(attention, masked_attention_equals_a_naive_one);
    tcase_add_test(attention, dense_attention_is_masked_attention_over_the_allowed_keys);
    tcase_add_test(attention, a_row_without_kept_keys_is_exactly_zero);
    tcase_add_test(attention, one_kept_key_gives_its_value);
    tcase_add_test(attention, scores_of_any_size_stay_finite);
    tcase_add_test(rule, the_rule_gives_a_worked_example);
    tcase_add_test(rule, ties_round_to_even_and_values_beyond_the_range_saturate);
    tcase_add_test(rule, the_threshold_is_strict);
    tcase_add_test(rule, empty_rows_follow_their_policy);
    tcase_add_test(rule, many_bits_approach_the_exact_scores);
    tcase_add_test(rule, rules_outside_their_ranges_are_refused);
    tcase_add_test(rule, agreement_counts_allowed_positions_of_queries_that_are_no_padding);
    tcase_add_test(errors, row_errors_are_relative_norms);
    tcase_add_test(errors, elements_are_within_five_percent_of_the_larger);
    tcase_add_test(errors, percentiles_interpolate_between_ranks);
    tcase_add_test(errors, zero_rows_are_counted_apart_and_broken_rows_are_infinitely_wrong);
    tcase_add_test(errors, pooled_rows_equal_one_collection);
    suite_add_tcase(suite, attention);
    suite_add_tcase(suite, rule);
    suite_add_tcase(suite, errors);
    return run_suite(suite);
}
