/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs of a block in each cycle, to drive one side or both again without what made them. */
#ifndef SANGER_TAPE_H
#define SANGER_TAPE_H

#include "../model/block.h"

/* What changes from cycle to cycle: copies of whole input signals. */
typedef struct {
    uint16_t signal;
    size_t bytes;
    char *data;
} tape_change_t;

typedef struct {
    tape_change_t *change;
    int changes, changes_max;
    int *first; /* change of each cycle */
    int cycles, cycles_max;
    const char *last[SIGNAL_MAX]; /* of each signal */
} tape_t;

/* Appends a cycle with the inputs that lie in the block's arrays. False: out of memory. */
bool tape_add(tape_t *tape, const block_t *b);
void tape_free(tape_t *tape);

/* Cycle t's changes into a block of the same type. Cycles come in order, from 0. */
static inline void tape_play(const tape_t *tape, block_t *b, int t)
{
    int end = t + 1 < tape->cycles ? tape->first[t + 1] : tape->changes;
    for (int i = tape->first[t]; i < end; ++i) {
        const tape_change_t *c = &tape->change[i];
        __builtin_memcpy(block_data(b, &b->table[c->signal]), c->data, c->bytes);
    }
}

#endif
