/* SPDX-License-Identifier: Apache-2.0 */
/* What every Check program ends with. */
#ifndef SANGER_RUN_SUITE_H
#define SANGER_RUN_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Runs a suite, prints its failures and frees it. Returns the exit code. */
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
