/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/block.h"
#include "../sim/paths.h"
#include "run_suite.h"

static const signal_t line = {.name = "line_q",
                              .kind = SIGNAL_REG,
                              .bits = 20,
                              .dims = 3,
                              .n = {5, 4, 3},
                              .objects = 1,
                              .memory = true,
                              .path = "g_row[#].u_line.line_q"};
static const signal_t pe = {.name = "acc_q",
                            .kind = SIGNAL_REG,
                            .bits = 27,
                            .dims = 2,
                            .n = {5, 3},
                            .objects = 2,
                            .path = "g_row[#].g_pe[#].acc_q"};
static const signal_t port = {.name = "left", .kind = SIGNAL_IN, .bits = 13, .dims = 1, .n = {5}};

START_TEST(shapes_part_into_objects_words_and_lanes)
{
    ck_assert_uint_eq(signal_count(&line), 60);
    ck_assert_uint_eq(signal_objects(&line), 5);
    ck_assert_uint_eq(signal_words(&line), 4);
    ck_assert_uint_eq(signal_lanes(&line), 3);
    ck_assert_uint_eq(signal_objects(&pe), 15);
    ck_assert_uint_eq(signal_lanes(&pe), 1);
    ck_assert_uint_eq(signal_objects(&port), 1);
    ck_assert_uint_eq(signal_lanes(&port), 5);
}
END_TEST

START_TEST(elements_objects_and_ports_have_names)
{
    char name[SIGNAL_NAME_MAX], path[64];
    ck_assert_str_eq(signal_element_name(&line, 59, name), "line_q_4_3_2");
    ck_assert_str_eq(signal_element_name(&line, 3, name), "line_q_0_1_0");
    ck_assert_str_eq(signal_port(&port, name), "left_i");
    signal_object_path(&pe, 7, path, sizeof path);
    ck_assert_str_eq(path, "g_row[2].g_pe[1].acc_q");
    signal_object_path(&line, 4, path, sizeof path);
    ck_assert_str_eq(path, "g_row[4].u_line.line_q");
}
END_TEST

/* What every harness relies on, in every table of every named design. */
START_TEST(the_tables_of_all_blocks_are_sound)
{
    static design_t designs[64];
    char error[DESIGN_ERROR_MAX];
    int n = paths_designs(designs, 64, error), entries = 0;
    ck_assert_msg(n > 0, "%s", error);
    for (int i = 0; i < n; ++i) {
        for (const block_type_t *const *t = block_types; *t; ++t) {
            if (!block_fits(*t, &designs[i])) continue;
            block_t *b = block_open(*t, &designs[i]);
            ck_assert_ptr_nonnull(b);
            for (int k = 0; k < b->signals; ++k, ++entries) {
                const signal_t *s = &b->table[k];
                ck_assert_msg(s->bits >= 1 && s->bits <= 63 && s->dims <= 3 && s->objects <= s->dims,
                              "%s.%s of %s", (*t)->name, s->name, designs[i].name);
                char name[2 * SIGNAL_NAME_MAX];
                snprintf(name, sizeof name, "%s%s%s", s->group ? s->group : "", s->group ? "." : "", s->name);
                ck_assert_msg(block_signal(b, name) == s, "%s.%s: a name twice", (*t)->name, name);
                bool inside = s->kind == SIGNAL_REG || s->kind == SIGNAL_NET;
                ck_assert_msg(inside == (s->path != NULL), "%s.%s: path", (*t)->name, s->name);
                ck_assert_msg(!s->codes || s->codes <= 1 << s->bits, "%s.%s: codes", (*t)->name, s->name);
                ck_assert_msg(!s->weights || strlen(s->weights) == (size_t)s->codes, "%s.%s: weights",
                              (*t)->name, s->name);
            }
            block_close(b);
        }
    }
    ck_assert_int_gt(entries, 0);
}
END_TEST

START_TEST(elements_keep_their_sign_and_width)
{
    design_t d;
    char error[DESIGN_ERROR_MAX];
    ck_assert_msg(!paths_design("odd_5x7x3", &d, error), "%s", error);
    block_t *b = block_open(block_find("pe"), &d);
    const signal_t *a = block_signal(b, "a"), *c3 = block_signal(b, "c3");
    block_set(b, a, 0, -5);
    block_set(b, c3, 0, 4);
    ck_assert_int_eq(block_get(b, a, 0), -5);
    ck_assert_int_eq(block_get(b, c3, 0), 4);
    ck_assert_ptr_null(block_signal(b, "nothing"));
    ck_assert_ptr_null(block_find("nothing"));
    block_close(b);
}
END_TEST

START_TEST(codes_have_the_names_of_a_list_alone)
{
    char word[SIGNAL_WORD_MAX];
    signal_t s = {.codes = 3, .meaning = "none first more"};
    ck_assert_str_eq(signal_code_name(&s, 0, word), "none");
    ck_assert_str_eq(signal_code_name(&s, 2, word), "more");
    ck_assert_str_eq(signal_code_name(&s, 3, word), "?");
    s.codes = 4;
    ck_assert_str_eq(signal_code_name(&s, 0, word), "");
    s = (signal_t){.codes = 3, .meaning = "7: score, 8:"};
    ck_assert_str_eq(signal_code_name(&s, 0, word), "");
    s = (signal_t){.codes = 0, .meaning = ""};
    ck_assert_str_eq(signal_code_name(&s, 0, word), "");
    s.meaning = NULL;
    ck_assert_str_eq(signal_code_name(&s, 0, word), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signal_table");
    TCase *tests = tcase_create("signal_table");
    tcase_add_test(tests, shapes_part_into_objects_words_and_lanes);
    tcase_add_test(tests, elements_objects_and_ports_have_names);
    tcase_add_test(tests, the_tables_of_all_blocks_are_sound);
    tcase_add_test(tests, elements_keep_their_sign_and_width);
    tcase_add_test(tests, codes_have_the_names_of_a_list_alone);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
