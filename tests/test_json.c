/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/json.h"
#include "run_suite.h"

static bool taken(const char *text, json_rule_t rule, json_fault_t *fault)
{
    cJSON *root = json_parse(text, strlen(text), rule, fault);
    cJSON_Delete(root);
    return root != NULL;
}

START_TEST(grammar_is_json_s_own)
{
    static const struct {
        const char *text;
        bool fine;
    } cases[] = {
        {"{\"0\":true,\"1\":null}", true},
        {"{\"0\":-1.5e-3}", true},
        {"{\"0\":[0.1,2]}", true},
        {"{\"0\":{\"a\":{}}}", false},
        {"{\"0\":1.}", false},
        {"{\"0\":.5}", false},
        {"{\"0\":+1}", false},
        {"{\"0\":01}", false},
        {"{\"0\":1e}", false},
        {"{\"0\":NaN}", false},
        {"{\"0\":tru}", false},
        {"{\"0\":Infinity}", false},
        {"{\"0\":'a'}", false},
        {"{\"0\":1}\n", false},
        {" {\"0\":1}", false},
        {"\xef\xbb\xbf{}", false},
        {"{\"0\":\"\t\"}", false},
        {"{\"0\":\"\xc0\x80\"}", false},
        {"", false},
        {"[]", false},
        {"{\"0\":-}", false},
        {"{\"0\":0.1111111111111111111111111111111111111111111111111111111111111}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_fault_t fault;
        bool fine = taken(cases[i].text, (json_rule_t){.max_depth = 2}, &fault);
        ck_assert_msg(fine == cases[i].fine, "%s: expected %s, found %s", cases[i].text, fault.expected,
                      fault.found);
    }
}
END_TEST

START_TEST(integers_are_written_as_integers)
{
    static const struct {
        const char *value;
        bool fine;
    } cases[] = {
        {"0", true},
        {"9007199254740992", true},
        {"9007199254740993", false},
        {"5.0", false},
        {"5e0", false},
        {"5.00000000000000000000001", false},
        {"-1", false},
        {"-0", false},
        {"00", false},
        {"1e3", false},
        {"true", false},
        {"99999999999999999999999999", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        json_fault_t fault;
        snprintf(text, sizeof text, "\n{\"a\":{\"b\": [1, %s]}}\r\n", cases[i].value);
        bool fine =
            taken(text, (json_rule_t){.max_depth = 3, .integers_only = true, .any_space = true}, &fault);
        ck_assert_msg(fine == cases[i].fine, "%s", text);
        if (!fine) ck_assert_msg(!strcmp(fault.path, "a.b"), "%s: path '%s'", text, fault.path);
    }
}
END_TEST

/* No key is lost or cut in two by a long path, and nesting is refused where the rule ends, not the stack. */
START_TEST(paths_and_depths_have_bounds)
{
    enum { MANY = 100000 };
    json_fault_t fault;
    char *text = malloc(MANY + 32);
    ck_assert_ptr_nonnull(text);
    memset(text, '[', MANY);
    memcpy(text, "{\"k\":", 5);
    text[MANY] = 0;
    ck_assert(!taken(text, (json_rule_t){.max_depth = JSON_DEPTH_MAX}, &fault));
    ck_assert_str_eq(fault.expected, "less nesting");
    ck_assert_uint_eq(fault.at, 5 + JSON_DEPTH_MAX);
    memset(text, 'k', MANY);
    memcpy(text, "{\"", 2);
    strcpy(text + MANY, "\": x}");
    ck_assert(!taken(text, (json_rule_t){.max_depth = 1}, &fault));
    ck_assert_uint_eq(strlen(fault.path), JSON_PATH_MAX - 1);
    ck_assert_str_eq(fault.found, "'x'");
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *t = tcase_create("json");
    tcase_add_test(t, grammar_is_json_s_own);
    tcase_add_test(t, integers_are_written_as_integers);
    tcase_add_test(t, paths_and_depths_have_bounds);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
