/* SPDX-License-Identifier: Apache-2.0 */
/* FNV-1a of 64 bits, for names of cached files and to tell texts apart. */
#ifndef SANGER_HASH_H
#define SANGER_HASH_H

#include <stdint.h>

#define HASH_BASIS UINT64_C(0xcbf29ce484222325)

/* One step: `word` is a byte, or a whole element where a run's outputs are hashed. */
static inline uint64_t hash_word(uint64_t h, uint64_t word)
{
    return (h ^ word) * UINT64_C(0x100000001b3);
}

static inline uint64_t hash_text(uint64_t h, const char *text)
{
    for (; *text; ++text) h = hash_word(h, (unsigned char)*text);
    return h;
}

#endif
