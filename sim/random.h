/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The project's one source of random choices. A seed replays everywhere (SplitMix64, small state). Choices
 * may instead come from bytes, a fuzzer's or a file's, so that one stream drives generators, fuzzers and
 * reproducers alike; when the bytes are used up, the seed's follow.
 */
#ifndef SANGER_RANDOM_H
#define SANGER_RANDOM_H

#include <stdint.h>

typedef struct {
    uint64_t state;
    const uint8_t *bytes, *end; /* choices that come first; NULL: none */
} random_t;

static inline random_t random_from(uint64_t seed)
{
    random_t r = {seed, 0, 0};
    return r;
}

/* The next `n` bytes (1 to 8) of choices, little-endian, as far as there are any. */
static inline uint64_t random_choice(random_t *r, int n)
{
    uint64_t bits = 0;
    for (int i = 0; i < n && r->bytes < r->end; ++i) bits |= (uint64_t)*r->bytes++ << 8 * i;
    return bits;
}

static inline uint64_t random_bits(random_t *r)
{
    if (r->bytes < r->end) return random_choice(r, 8);
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 .. n-1, for n up to 2^32. */
static inline int64_t random_below(random_t *r, int64_t n)
{
    if (r->bytes < r->end) {
        int bytes = n <= 1 << 8 ? 1 : n <= 1 << 16 ? 2 : 4;
        return (int64_t)(random_choice(r, bytes) * (uint64_t)n >> 8 * bytes);
    }
    return (int64_t)((random_bits(r) >> 32) * (uint64_t)n >> 32);
}

/* True once in n, on average. */
static inline int random_one_in(random_t *r, int n)
{
    return random_below(r, n) == 0;
}

#endif
