/* SPDX-License-Identifier: Apache-2.0 */
#include "compare.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST
#endif

enum { VECTOR = 64, STRIDE = 4 * VECTOR };
typedef uint64_t vector_t __attribute__((vector_size(VECTOR), aligned(1), may_alias));

static inline uint64_t eight(const char *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

/* What differed so far: vectors, and the rest of what is no whole vector. */
typedef struct {
    vector_t whole;
    uint64_t rest;
} differences_t;

/* No early exit: equality is the case that must be fast. */
static inline __attribute__((always_inline)) void collect(differences_t *d, const char *a, const char *b,
                                                          size_t bytes)
{
    size_t i = 0;
    for (; i + VECTOR <= bytes; i += VECTOR)
        d->whole |= *(const vector_t *)(a + i) ^ *(const vector_t *)(b + i);
    for (; i + 8 <= bytes; i += 8) d->rest |= eight(a + i) ^ eight(b + i);
    for (; i < bytes; ++i) d->rest |= (unsigned char)(a[i] ^ b[i]);
}

static inline __attribute__((always_inline)) bool any(const differences_t *d)
{
    uint64_t rest = d->rest;
    for (int k = 0; k < VECTOR / 8; ++k) rest |= d->whole[k];
    return rest;
}

static inline __attribute__((always_inline)) bool differ(const char *a, const char *b, size_t bytes)
{
    differences_t d = {0};
    collect(&d, a, b, bytes);
    return any(&d);
}

WIDEST bool compare_objects_differ(const char *model, char *const *object, size_t objects, size_t bytes)
{
    differences_t d = {0};
    for (size_t i = 0; i < objects; ++i) collect(&d, model + i * bytes, object[i], bytes);
    return any(&d);
}

/* Words of one size: counted and copied in one loop. */
#define COUNT(type)                                                                                          \
    do {                                                                                                     \
        const type *from = (const type *)(const void *)now;                                                  \
        type *to = (type *)(void *)previous;                                                                 \
        for (size_t i = 0; i < objects; ++i) {                                                               \
            changes += from[i] != to[i];                                                                     \
            to[i] = from[i];                                                                                 \
        }                                                                                                    \
    } while (0)

WIDEST size_t compare_changes(const char *now, char *previous, size_t objects, size_t bytes)
{
    size_t changes = 0;
    switch (bytes) {
    case 1: COUNT(uint8_t); return changes;
    case 2: COUNT(uint16_t); return changes;
    case 4: COUNT(uint32_t); return changes;
    case 8: COUNT(uint64_t); return changes;
    default: break;
    }
    for (size_t i = 0; i < objects; ++i) changes += differ(now + i * bytes, previous + i * bytes, bytes);
    memcpy(previous, now, objects * bytes);
    return changes;
}

WIDEST size_t compare_next_change(const char *now, const char *previous, size_t from, size_t words,
                                  size_t bytes)
{
    size_t at = from * bytes, end = words * bytes;
    while (at + STRIDE <= end && !differ(now + at, previous + at, STRIDE)) at += STRIDE;
    while (at + 8 <= end && eight(now + at) == eight(previous + at)) at += 8;
    while (at < end && now[at] == previous[at]) ++at;
    return at < end ? at / bytes : words;
}

/* Sizes are constants at each call, so that the loop is loads and compares. */
static inline __attribute__((always_inline)) uint64_t
scan(const char *model, char *const *object, size_t objects, size_t element, size_t word, uint64_t mask)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < objects; ++i) {
        uint64_t mine = 0, other = 0;
        memcpy(&mine, model + i * element, element);
        memcpy(&other, object[i], word);
        differ |= (mine & mask) ^ other;
    }
    return differ;
}

bool compare_scalars_differ(const char *model, char *const *object, size_t objects, size_t element,
                            size_t word, uint64_t mask)
{
#define SIZES(element_bytes, word_bytes)                                                                     \
    case element_bytes * 16 + word_bytes:                                                                    \
        return scan(model, object, objects, element_bytes, word_bytes, mask) != 0
    switch (element * 16 + word) {
        SIZES(1, 1);
        SIZES(2, 1);
        SIZES(2, 2);
        SIZES(4, 1);
        SIZES(4, 2);
        SIZES(4, 4);
        SIZES(8, 1);
        SIZES(8, 2);
        SIZES(8, 4);
        SIZES(8, 8);
    default: return scan(model, object, objects, element, word, mask) != 0;
    }
}
