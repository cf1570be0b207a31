/* SPDX-License-Identifier: Apache-2.0 */
#include "compare.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST
#endif

enum { VECTOR = 64 };
typedef uint64_t vector_t __attribute__((vector_size(VECTOR), aligned(1), may_alias));

static inline uint64_t eight(const char *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

/* Not 0 where a and b differ. No early exit: equality is the case that must be fast. */
static inline __attribute__((always_inline)) uint64_t difference(const char *a, const char *b, size_t bytes)
{
    vector_t sum = {0};
    uint64_t rest = 0;
    size_t i = 0;
    for (; i + VECTOR <= bytes; i += VECTOR) sum |= *(const vector_t *)(a + i) ^ *(const vector_t *)(b + i);
    for (int k = 0; k < VECTOR / 8; ++k) rest |= sum[k];
    for (; i + 8 <= bytes; i += 8) rest |= eight(a + i) ^ eight(b + i);
    for (; i < bytes; ++i) rest |= (unsigned char)(a[i] ^ b[i]);
    return rest;
}

WIDEST bool compare_objects_differ(const char *model, char *const *object, size_t objects, size_t bytes)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < objects; ++i) differ |= difference(model + i * bytes, object[i], bytes);
    return differ != 0;
}

WIDEST size_t compare_changes(const char *now, char *previous, size_t objects, size_t bytes)
{
    size_t changes = 0;
    if (bytes == 1) {
        for (size_t i = 0; i < objects; ++i) changes += now[i] != previous[i];
    } else if (bytes == 2) {
        for (size_t i = 0; i < objects; ++i)
            changes += ((const uint16_t *)(const void *)now)[i] != ((uint16_t *)(void *)previous)[i];
    } else if (bytes == 4) {
        for (size_t i = 0; i < objects; ++i)
            changes += ((const uint32_t *)(const void *)now)[i] != ((uint32_t *)(void *)previous)[i];
    } else if (bytes == 8) {
        for (size_t i = 0; i < objects; ++i)
            changes += ((const uint64_t *)(const void *)now)[i] != ((uint64_t *)(void *)previous)[i];
    } else {
        for (size_t i = 0; i < objects; ++i)
            changes += difference(now + i * bytes, previous + i * bytes, bytes) != 0;
    }
    memcpy(previous, now, objects * bytes);
    return changes;
}

WIDEST size_t compare_next_change(const char *now, const char *previous, size_t from, size_t words,
                                  size_t bytes)
{
    size_t at = from * bytes, end = words * bytes;
    while (at + VECTOR <= end && !difference(now + at, previous + at, VECTOR)) at += VECTOR;
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
