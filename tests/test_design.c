/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/design.h"
#include "../sim/paths.h"
#include "run_suite.h"

static design_t named(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX];
    ck_assert_msg(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* The canonical text of odd_5x7x3 with one occurrence of `old` replaced. */
static char *changed(const char *old, const char *new)
{
    design_t d = named("odd_5x7x3");
    char *text = design_print(&d), *at = strstr(text, old);
    ck_assert_msg(at != NULL, "'%s' is not in the design", old);
    char *out = malloc(strlen(text) + strlen(new) + 1);
    ck_assert_ptr_nonnull(out);
    sprintf(out, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    free(text);
    return out;
}

START_TEST(printing_and_reading_again_gives_the_same_design)
{
    static const char *const names[] = {"published_8x8", "paper_64x16", "paper_64x32", "odd_5x7x3"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        design_t d = named(names[i]), again;
        char error[DESIGN_ERROR_MAX], first[17], second[17], *text = design_print(&d);
        ck_assert_msg(!design_parse(text, strlen(text), "text", &again, error), "%s", error);
        design_hash(&d, first);
        design_hash(&again, second);
        ck_assert_str_eq(first, second);
        ck_assert_mem_eq(&d, &again, sizeof d);
        free(text);
    }
}
END_TEST

START_TEST(the_published_sizes_are_the_published_ones)
{
    design_t d = named("published_8x8");
    const int found[] = {d.rows,        d.columns,     d.pes,         d.acc.w,       d.acc.frac,
                         d.scaled.w,    d.scaled.frac, d.score_shift, d.score_acc_w, d.score_columns,
                         d.score_rows,  d.pack_rows,   d.pack_pes,    d.mask_bits,   d.counter_bits,
                         d.row_id_bits, d.no_pe};
    const int published[] = {8, 8, 4, 32, 16, 20, 8, 0, 11, 8, 8, 8, 4, 4, 3, 3, 8};
    ck_assert_mem_eq(found, published, sizeof published);
    ck_assert(!design_signed(&d));
}
END_TEST

START_TEST(a_bad_design_is_refused_by_field)
{
    static const struct {
        const char *old, *new, *field;
    } cases[] = {
        {"\"rows\":\t5", "\"rows\":\t0", "array.rows"},
        {"\"rows\":\t5", "\"rows\":\t1e99", "array.rows"},
        {"\"rows\":\t5", "\"rows\":\t5.5", "array.rows"},
        {"\"rows\":\t5", "\"rows\":\t\"5\"", "array.rows"},
        {"\"rows\":\t5", "\"rows\":\t5, \"rows\": 5", "array.rows"},
        {"\"rows\":\t5", "\"rowz\":\t5", "array.rowz"},
        {"\"pes\":\t3", "\"pes\":\t8", "array.pes"},
        {"\"name\":\t\"odd_5x7x3\"", "\"name\":\t\"Odd\"", "name"},
        {"\"name\":\t\"odd_5x7x3\"", "\"name\":\t\"\"", "name"},
        {"\"arithmetic\":\t\"signed\"", "\"arithmetic\":\t\"other\"", "arithmetic"},
        {"\"arithmetic\":\t\"signed\"", "\"arithmetic\":\t\"published\"", "formats"},
        {"\"log2e\":\t[", "\"log2e\":\t[1, ", "exp.log2e"},
        {"\"q\":\t[", "\"q\":\t[[], ", "formats.q"},
        {"\"q\":\t[", "\"q\":\t[99, ", "formats.q"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        design_t d;
        char error[DESIGN_ERROR_MAX] = "", want[64], *text = changed(cases[i].old, cases[i].new);
        snprintf(want, sizeof want, "text: %s: expected ", cases[i].field);
        int status = design_parse(text, strlen(text), "text", &d, error);
        ck_assert_msg(status && !strncmp(error, want, strlen(want)), "case %zu: %d '%s'", i, status, error);
        ck_assert_ptr_null(strchr(error, '\n'));
        free(text);
    }
}
END_TEST

START_TEST(no_prefix_of_a_design_is_a_design)
{
    design_t d = named("odd_5x7x3");
    char *text = design_print(&d);
    for (size_t n = 0; n < strlen(text); ++n) {
        design_t cut;
        char error[DESIGN_ERROR_MAX], *copy = malloc(n + 1); /* exact, so that sanitizers see an over-read */
        memcpy(copy, text, n);
        ck_assert_msg(design_parse(copy, n, "text", &cut, error), "%zu bytes were taken", n);
        free(copy);
    }
    free(text);
}
END_TEST

START_TEST(names_of_sizes_have_values)
{
    design_t d = named("paper_64x16");
    int64_t value;
    ck_assert(design_value(&d, "depth", &value) && value == 48);
    ck_assert(design_value(&d, "c4_w", &value) && value == 6);
    ck_assert(design_value(&d, "output_sum_frac", &value) && value == d.output_sum.frac);
    ck_assert(design_value(&d, "score_w", &value) && value == d.score.w);
    ck_assert(design_value(&d, "score_exp_w", &value) && value == d.score_exp.w);
    ck_assert(!design_value(&d, "score_what", &value));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("design");
    TCase *tests = tcase_create("design");
    tcase_add_test(tests, printing_and_reading_again_gives_the_same_design);
    tcase_add_test(tests, the_published_sizes_are_the_published_ones);
    tcase_add_test(tests, a_bad_design_is_refused_by_field);
    tcase_add_test(tests, no_prefix_of_a_design_is_a_design);
    tcase_add_test(tests, names_of_sizes_have_values);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
