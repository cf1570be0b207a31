/* SPDX-License-Identifier: Apache-2.0 */
/* Ports by name, for tests that drive a block from outside. */
#ifndef SANGER_TESTS_ARRAY_DRIVE_H
#define SANGER_TESTS_ARRAY_DRIVE_H

#include <check.h>
#include <stdlib.h>

#include "../model/block.h"
#include "../sim/random.h"

static inline void put(block_t *b, const char *name, size_t index, int64_t value)
{
    const signal_t *s = block_signal(b, name);
    ck_assert_msg(s != NULL, "no signal %s", name);
    block_set(b, s, index, value);
}

static inline int64_t get(const block_t *b, const char *name, size_t index)
{
    const signal_t *s = block_signal(b, name);
    ck_assert_msg(s != NULL, "no signal %s", name);
    return block_get(b, s, index);
}

static inline void settle(block_t *b)
{
    b->type->eval(b->self);
}

static inline void cycle(block_t *b)
{
    b->type->eval(b->self);
    b->type->tick(b->self);
}

/* A signed word of `bits`, of any magnitude as likely as any other. */
static inline int64_t random_word(random_t *random, int bits)
{
    return fixed_wrap((int64_t)random_bits(random), 1 + (int)random_below(random, bits));
}

static inline int run_suite(const char *name, TCase *tests)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
