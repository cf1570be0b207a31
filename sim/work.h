/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work that a mask gives the array: how many sub-rows and passes, and what its PEs do in them. Computed
 * from the mask alone, with the rules of docs/machine.md, so that the machine's own counters can be held
 * against it.
 */
#ifndef SANGER_WORK_H
#define SANGER_WORK_H

#include "../model/design.h"

typedef struct {
    int64_t passes;     /* a group's tile takes ceil(its sub-rows / rows) */
    int64_t sub_rows;   /* of at most pes kept keys */
    int64_t non_zeros;  /* kept positions: slots in mode active */
    int64_t pass_slots; /* slots that only hand partial sums on */
} work_t;

/* Work of a head: mask bits (one byte each, queries x keys), head's queries in groups of strips * rows. */
work_t work_of_mask(const design_t *d, const uint8_t *mask, size_t queries, size_t keys, bool causal);

/* a += b */
void work_add(work_t *a, const work_t *b);

/* Cycles that no schedule on this array beats: 2d for every full set of `rows` sub-rows, and 2d for every
   rows x pes kept positions. */
int64_t work_bound_sub_rows(const design_t *d, const work_t *w, int head_size);
int64_t work_bound_non_zeros(const design_t *d, const work_t *w, int head_size);

#endif
