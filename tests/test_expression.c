/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../rtl/expression.h"
#include "run_suite.h"

static bool lookup(void *context, const char *name, int64_t *value)
{
    (void)context;
    if (!strcmp(name, "seven")) return *value = 7, true;
    if (!strcmp(name, "x_w")) return *value = 32, true;
    return false;
}

static const char *evaluate(const char *text, int64_t *value)
{
    return expression_value(text, (int)strlen(text), lookup, NULL, value);
}

START_TEST(values_follow_c)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"1", 1},
        {" 2 + 3 * 4 ", 14},
        {"(2 + 3) * 4", 20},
        {"10 - 3 - 2", 5},
        {"-seven + 1", -6},
        {"1 << 4 + 1", 32},
        {"256 >> 2", 64},
        {"7 / 2 % 2", 1},
        {"3 < 4 && 4 <= 4", 1},
        {"3 > 4 || 4 >= 5", 0},
        {"!0 && 2 == 2", 1},
        {"1 != 1", 0},
        {"seven > 6 ? x_w : 0", 32},
        {"0 ? 1 : 0 ? 2 : 3", 3},
        {"clog2(1)", 1},
        {"clog2(2)", 1},
        {"clog2(3)", 2},
        {"clog2(64)", 6},
        {"clog2(65)", 7},
        {"max(3, seven)", 7},
        {"min(3, seven - 5)", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        int64_t value = 0;
        const char *why = evaluate(cases[i].text, &value);
        ck_assert_msg(!why && value == cases[i].value, "%s: %s, %lld", cases[i].text, why ? why : "",
                      (long long)value);
    }
}
END_TEST

START_TEST(nonsense_is_refused)
{
    static const char *const cases[] = {
        "",        "1 +",     "(1",    "1)",  "unknown", "f(1)", "1 / 0", "1 % (seven - 7)",
        "1 << 63", "1 << -1", "1 ? 2", "1 2", "max(1",   "@"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        int64_t value;
        ck_assert_msg(evaluate(cases[i], &value) != NULL, "'%s' was taken", cases[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("expression");
    TCase *tests = tcase_create("expression");
    tcase_add_test(tests, values_follow_c);
    tcase_add_test(tests, nonsense_is_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
