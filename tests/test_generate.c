/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../rtl/expand.h"
#include "../rtl/generate.h"
#include "../sim/paths.h"
#include "run_suite.h"

static char *expanded(const char *design_name, const char *source, char error[EXPAND_ERROR_MAX])
{
    static design_t d;
    char why[DESIGN_ERROR_MAX], *text = NULL;
    size_t bytes;
    ck_assert_msg(!paths_design(design_name, &d, why), "%s", why);
    expand_t e = {.design = &d, .module = "thing"};
    FILE *out = open_memstream(&text, &bytes);
    int status = expand(&e, "thing.v", source, out);
    fclose(out);
    snprintf(error, EXPAND_ERROR_MAX, "%s", status ? e.error : "");
    return text;
}

START_TEST(a_source_expands)
{
    static const struct {
        const char *source, *text;
    } cases[] = {
        {"module @{prefix}_@{module} [@{columns-1}:0];\n", "module odd_5x7x3_thing [6:0];\n"},
        {"//@let twice = 2 * columns\n@{twice}\n", "14\n"},
        {"//@if columns == 7\na\n//@else\nb\n//@endif\nc\n", "a\nc\n"},
        {"//@if published\na\n//@if 1\nb\n//@else\nc\n//@endif\n//@else\nd\n//@endif\n", "d\n"},
        {"@sext{x, 4, 6} @sext{x, 4, 4} @zext{x, 4, 7}\n", "{{2{x[3]}}, x} x {3'd0, x}\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        char error[EXPAND_ERROR_MAX];
        char *text = expanded("odd_5x7x3", cases[i].source, error);
        ck_assert_msg(!*error && !strcmp(text, cases[i].text), "case %zu: %s\n%s", i, error, text);
        free(text);
    }
}
END_TEST

START_TEST(a_broken_source_is_refused_with_its_line)
{
    static const char *const cases[] = {"\n@{nothing}\n", "\n@{columns\n", "\n//@endif\n",
                                        "\n//@if 1\n",    "\n//@what\n",   "\n@sext{x, 6, 4}\n",
                                        "\n@sext{x}\n",   "\n//@let = 1\n"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        char error[EXPAND_ERROR_MAX];
        free(expanded("odd_5x7x3", cases[i], error));
        ck_assert_msg(!strncmp(error, "thing.v:", 8), "case %zu: '%s'", i, error);
    }
}
END_TEST

/* Concatenates all files, and counts them. */
typedef struct {
    char *text;
    int files;
} all_t;

static int gather(void *context, const char *name, const char *text, size_t bytes, char *error)
{
    all_t *all = context;
    size_t before = all->text ? strlen(all->text) : 0, n = strlen(name);
    (void)error;
    all->text = realloc(all->text, before + n + bytes + 2);
    sprintf(all->text + before, "%s\n%s", name, text);
    ++all->files;
    return 0;
}

static all_t generated(const char *name, const patch_t *patch, int *status, char error[GENERATE_ERROR_MAX])
{
    design_t d;
    char source[PATH_MAX_BYTES + 8];
    all_t all = {NULL, 0};
    ck_assert_msg(!paths_design(name, &d, error), "%s", error);
    snprintf(source, sizeof source, "%s/rtl", paths_data());
    *status = generate(&d, source, patch, gather, &all, error);
    return all;
}

START_TEST(the_same_design_gives_the_same_bytes_without_parameters_or_dates)
{
    static const char *const names[] = {"published_8x8", "paper_64x16", "odd_5x7x3"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        char error[GENERATE_ERROR_MAX];
        int status[2];
        all_t a = generated(names[i], NULL, &status[0], error),
              b = generated(names[i], NULL, &status[1], error);
        ck_assert_msg(!status[0] && !status[1], "%s", error);
        ck_assert_int_gt(a.files, 10);
        ck_assert_str_eq(a.text, b.text);
        ck_assert_ptr_null(strstr(a.text, "parameter "));
        ck_assert_ptr_null(strstr(a.text, "@{"));
        ck_assert_ptr_null(strstr(a.text, "//@"));
        ck_assert_ptr_nonnull(strstr(a.text, names[i]));
        free(a.text);
        free(b.text);
    }
}
END_TEST

START_TEST(lut_rows_are_the_real_value_beside_them)
{
    char error[GENERATE_ERROR_MAX];
    int status, rows = 0;
    all_t all = generated("paper_64x16", NULL, &status, error);
    for (const char *p = strstr(all.text, "localparam"); p && (p = strstr(p, "'d")); ++p) {
        long long entry;
        int k;
        double real;
        if (sscanf(p, "'d%lld, // %d: %lf", &entry, &k, &real) != 3 &&
            sscanf(p, "'d%lld // %d: %lf", &entry, &k, &real) != 3)
            continue;
        double want = exp2(k / 64.0) - k / 64.0;
        ck_assert_msg(fabs(real - want) < 1e-8, "row %d says %.9f, not %.9f", k, real, want);
        ck_assert_msg(fabs(ldexp((double)entry, -26) - want) < 1e-7 ||
                          fabs(ldexp((double)entry, -20) - want) < 1e-5,
                      "row %d holds %lld", k, entry);
        ++rows;
    }
    ck_assert_int_eq(rows, 128); /* a PE's and the score array's exp unit */
    free(all.text);
}
END_TEST

START_TEST(a_planted_change_must_fit_once)
{
    static const struct {
        patch_t patch;
        bool fits;
    } cases[] = {
        {{"pe.v", "assign acc_o = acc_q;", "assign acc_o = '0;"}, true},
        {{"pe.v", "no such text", ""}, false},
        {{"pe.v", "assign", "assign "}, false},
        {{"nothing.v", "a", "b"}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        char error[GENERATE_ERROR_MAX] = "";
        int status;
        all_t all = generated("odd_5x7x3", &cases[i].patch, &status, error);
        ck_assert_msg((status == 0) == cases[i].fits, "case %zu: %d %s", i, status, error);
        free(all.text);
    }
}
END_TEST

START_TEST(a_missing_source_is_an_error)
{
    design_t d;
    char error[GENERATE_ERROR_MAX] = "";
    all_t all = {NULL, 0};
    ck_assert_msg(!paths_design("odd_5x7x3", &d, error), "%s", error);
    ck_assert_int_eq(generate(&d, "/no/such/folder", NULL, gather, &all, error), -1);
    ck_assert_ptr_nonnull(strstr(error, "/no/such/folder/exp.v"));
    ck_assert_int_eq(all.files, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("generate");
    TCase *tests = tcase_create("generate");
    tcase_add_test(tests, a_source_expands);
    tcase_add_test(tests, a_broken_source_is_refused_with_its_line);
    tcase_add_test(tests, the_same_design_gives_the_same_bytes_without_parameters_or_dates);
    tcase_add_test(tests, lut_rows_are_the_real_value_beside_them);
    tcase_add_test(tests, a_planted_change_must_fit_once);
    tcase_add_test(tests, a_missing_source_is_an_error);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
