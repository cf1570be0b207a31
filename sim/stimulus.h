/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a lockstep run feeds a unit. Every class is a function of its seed alone:
 *
 *     legal      random data, random legal control codes that dwell for a while
 *     illegal    the same, with codes outside the tables, whose effect the blocks state
 *     corner     legal control, data from 0, +-1, extremes and powers of two
 *     scheduled  what the machine does: passes, tiles, mask rows, divisions
 */
#ifndef SANGER_STIMULUS_H
#define SANGER_STIMULUS_H

#include "../model/block.h"
#include "random.h"
#include "schedule.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    STIMULUS_LEGAL,
    STIMULUS_ILLEGAL,
    STIMULUS_CORNER,
    STIMULUS_SCHEDULED,
    STIMULUS_CLASSES
} stimulus_class_t;

extern const char *const stimulus_names[STIMULUS_CLASSES];

/* The class of that name, or -1. */
int stimulus_find(const char *name);

/* Bytes that choices are taken from before the seed's (see random.h). */
typedef struct {
    const char *path; /* the file they came from, for the command that repeats a run */
    uint8_t *bytes;
    size_t n;
} choices_t;

typedef struct stimulus stimulus_t;

/* NULL when memory is short. The block's table decides what is driven. */
stimulus_t *stimulus_open(stimulus_class_t kind, uint64_t seed, block_t *block);

/* The same with choices that come first; NULL: none. They must outlive it. */
stimulus_t *stimulus_open_choices(stimulus_class_t kind, uint64_t seed, const choices_t *choices,
                                  block_t *block);
void stimulus_close(stimulus_t *s);

/* Writes the inputs of the next cycle into the block's arrays; may look at its outputs of the cycle before.
 */
void stimulus_next(stimulus_t *s);

/* What a scenario checks by itself; NULL: nothing. */
const schedule_check_t *stimulus_check(const stimulus_t *s);

#ifdef __cplusplus
}
#endif
#endif
