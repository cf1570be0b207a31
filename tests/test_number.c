/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "../sim/number.h"
#include "run_suite.h"

START_TEST(counts)
{
    static const char *const bad[] = {"",    " 5", "5 ",  "+5", "-5", "5x",
                                      "0x5", "5.", "5e0", "65", "4",  "99999999999999999999999999"};
    uint64_t value = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
        ck_assert_msg(!number_count(bad[i], 5, 64, &value) && value == 1, "'%s'", bad[i]);
    ck_assert(number_count("5", 5, 64, &value) && value == 5);
    ck_assert(number_count("0064", 5, 64, &value) && value == 64);
    ck_assert(number_count("18446744073709551615", 0, UINT64_MAX, &value) && value == UINT64_MAX);
    ck_assert(!number_count("18446744073709551616", 0, UINT64_MAX, &value) && value == UINT64_MAX);
}
END_TEST

START_TEST(reals)
{
    static const char *const bad[] = {"",  " 1", "1 ", "+1",  "-1",   "1x",  "0x1p3",    "inf", "nan",
                                      ".", "1e", "e5", "1e+", "1.5.", "1,5", "infinity", "2e9", "1e999"};
    double value = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
        ck_assert_msg(!number_real(bad[i], 0, 1e9, &value) && value == 7, "'%s'", bad[i]);
    ck_assert(number_real("0.05", 0, 1e9, &value) && value == 0.05);
    ck_assert(number_real(".5E+1", 0, 1e9, &value) && value == 5);
    ck_assert(number_real("2.e-3", 0, 1e9, &value) && value == 2e-3);
}
END_TEST

START_TEST(lists)
{
    static const char *const bad[] = {"",       "5,1",   "5,1,",  "5,1,1,", "5,1,1,1", " 5,1,1", "5, 1,1",
                                      "5,1,1 ", "0,1,1", "5,1,0", "9,1,1",  "5;1;1",   "5,+1,1", ",1,1"};
    int value[3] = {7, 7, 7};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
        ck_assert_msg(!number_list(bad[i], 3, 1, 8, value) && value[0] == 7, "'%s'", bad[i]);
    ck_assert(number_list("5,1,8", 3, 1, 8, value) && value[0] == 5 && value[1] == 1 && value[2] == 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("number");
    TCase *t = tcase_create("number");
    tcase_add_test(t, counts);
    tcase_add_test(t, reals);
    tcase_add_test(t, lists);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
