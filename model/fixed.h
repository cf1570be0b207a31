/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed-point arithmetic that the blocks share: two's complement values of `w` bits held in int64_t.
 *
 * A format is (w, frac): w bits in all, frac of them after the binary point. Every helper takes and returns
 * canonical values: sign-extended for signed formats, zero-extended for unsigned ones.
 */
#ifndef SANGER_FIXED_H
#define SANGER_FIXED_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int w;    /* bits in all, 1..63 */
    int frac; /* bits after the binary point; may exceed w */
} format_t;

/* The largest and the smallest value of a signed w-bit word. */
static inline int64_t fixed_max(int w)
{
    return (int64_t)((UINT64_C(1) << (w - 1)) - 1);
}
static inline int64_t fixed_min(int w)
{
    return -fixed_max(w) - 1;
}

/* The w low bits of x, zero-extended (1 <= w <= 64). */
static inline uint64_t fixed_low(uint64_t x, int w)
{
    return w >= 64 ? x : x & ((UINT64_C(1) << w) - 1);
}

/* The w low bits of x, sign-extended: what a w-bit register keeps of x. */
static inline int64_t fixed_wrap(int64_t x, int w)
{
    uint64_t sign = UINT64_C(1) << (w - 1);
    return (int64_t)((fixed_low((uint64_t)x, w) ^ sign) - sign);
}

/* x clipped to a signed w-bit word; *clipped counts the event when it is not NULL. */
static inline int64_t fixed_saturate(__int128 x, int w, int64_t *clipped)
{
    if (x > fixed_max(w) || x < fixed_min(w)) {
        if (clipped) ++*clipped;
        return x < 0 ? fixed_min(w) : fixed_max(w);
    }
    return (int64_t)x;
}

/* x * 2^-shift rounded down; a negative shift multiplies exactly. */
static inline __int128 fixed_floor(__int128 x, int shift)
{
    return shift >= 0 ? x >> shift : x * ((__int128)1 << -shift);
}

/* The bits needed to hold the values 0 .. n-1, at least 1. */
static inline int fixed_bits(int n)
{
    return n <= 2 ? 1 : 32 - __builtin_clz((unsigned)n - 1);
}

/* A 32-bit event counter that stays at its maximum. */
static inline int64_t fixed_count(int64_t counter, int64_t events)
{
    int64_t sum = counter + events;
    return sum > INT64_C(0xffffffff) ? INT64_C(0xffffffff) : sum;
}

#endif
