/* SPDX-License-Identifier: Apache-2.0 */
/* The project's one pseudo-random generator (SplitMix64): small state, a seed replays everywhere. */
#ifndef SANGER_RANDOM_H
#define SANGER_RANDOM_H

#include <stdint.h>

typedef struct {
    uint64_t state;
} random_t;

static inline uint64_t random_bits(random_t *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 .. n-1. */
static inline int64_t random_below(random_t *r, int64_t n)
{
    return (int64_t)((random_bits(r) >> 32) * (uint64_t)n >> 32);
}

/* True once in n, on average. */
static inline int random_one_in(random_t *r, int n)
{
    return random_below(r, n) == 0;
}

#endif
