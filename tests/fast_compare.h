/* SPDX-License-Identifier: Apache-2.0 */
/* A fast model beside its reference: the same inputs, every output, every register. */
#ifndef SANGER_TESTS_FAST_COMPARE_H
#define SANGER_TESTS_FAST_COMPARE_H

#include <check.h>

#include "../model/block.h"

static inline void copy_inputs(const block_t *from, block_t *to)
{
    for (int i = 0; i < from->signals; ++i) {
        const signal_t *s = &from->table[i];
        if (s->kind != SIGNAL_IN) continue;
        size_t n = signal_count(s);
        for (size_t k = 0; k < n; ++k) block_set(to, &to->table[i], k, block_get(from, s, k));
    }
}

typedef struct {
    const char *what; /* of the run, for messages */
    uint64_t seed;
    int cycle;
} place_t;

static inline void compare(const block_t *ref, const block_t *fast, signal_kind_t kind, const place_t *at)
{
    char name[SIGNAL_NAME_MAX];
    for (int i = 0; i < ref->signals; ++i) {
        const signal_t *s = &ref->table[i];
        if (s->kind != kind) continue;
        size_t n = signal_count(s);
        for (size_t k = 0; k < n; ++k) {
            int64_t expected = block_get(ref, s, k), found = block_get(fast, &fast->table[i], k);
            if (expected == found) continue;
            ck_abort_msg("%s seed=%llu cycle=%d %s reference=%lld fast=%lld", at->what,
                         (unsigned long long)at->seed, at->cycle, signal_element_name(s, k, name),
                         (long long)expected, (long long)found);
        }
    }
}

/* A cycle of both with the reference's inputs; registers are compared when `show` says so. */
static inline void cycle_of_both(block_t *ref, block_t *fast, bool show, const place_t *at)
{
    copy_inputs(ref, fast);
    ref->type->eval(ref->self);
    fast->type->eval(fast->self);
    compare(ref, fast, SIGNAL_OUT, at);
    ref->type->tick(ref->self);
    fast->type->tick(fast->self);
    if (!show) return;
    if (fast->type->show) fast->type->show(fast->self);
    compare(ref, fast, SIGNAL_REG, at);
}

static inline int64_t counter_sum(const block_t *b, const char *name)
{
    const signal_t *s = block_signal(b, name);
    int64_t sum = 0;
    for (size_t k = 0; k < signal_count(s); ++k) sum += block_get(b, s, k);
    return sum;
}

#endif
