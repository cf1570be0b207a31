/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functional coverage: named points, looked at in every cycle in the model's arrays once outputs are settled.
 * A list of items says what matters in a unit (sim/points_list.c); control inputs need none, their codes and
 * pairs of successive codes follow from the signal table. A unit with mounted children (the machine) has its
 * children's items on registers too.
 */
#ifndef SANGER_POINTS_H
#define SANGER_POINTS_H

#include "../model/block.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { POINTS_TERMS = 3, POINTS_NAME_MAX = 240, POINTS_ERROR_MAX = 240 };

/* Values of a signal ("acc_q", or one element: "desc_q[1]") that are told apart; others are no point. A list
 * of: a number, `a .. b` (each of them), `a to b` (any of them), min, max (of the signal's format), neg, pos.
 * Numbers are expressions of the design's names (rtl/expression.h). */
typedef struct {
    const char *signal, *values;
    const char *from, *width; /* bits of the element, expressions; NULL: the whole element */
    int64_t (*value)(const void *self,
                     size_t at); /* instead, of the unit's struct; `signal` gives elements alone */
    const char *what;            /* then: what it is */
} points_term_t;

/* Each combination of its terms' values is a point. */
typedef struct {
    const char *unit;
    points_term_t term[POINTS_TERMS]; /* a NULL signal ends them */
    bool each;  /* points of every element of term 0, whose index the others share where they have as many */
    bool pairs; /* combinations with what term 0 was in the cycle before */
    bool alone; /* not where the unit is mounted: there nothing asks for it */
    const char *when;  /* an expression: only in designs where it is not 0; NULL: in all */
    const char *names; /* of term 0's values from 0 on, parted by spaces; NULL: numbers */
} points_item_t;

/* Ends with a NULL unit. */
extern const points_item_t points_list[];

typedef struct points points_t;

/* The points of a unit; NULL and one line in error when an item asks for what the unit has not, or out of
 * memory. The design must outlive it. `more` are items besides points_list, or NULL. */
points_t *points_open(const block_type_t *type, const design_t *d, const points_item_t *more,
                      char error[POINTS_ERROR_MAX]);
void points_close(points_t *p);

/* A new run: no cycle before. */
void points_begin(points_t *p);

/* A cycle of a block of that type and design. */
void points_sample(points_t *p, const block_t *b);

/* All points, in order: their names, and cycles in which each was seen. */
void points_each(const points_t *p, void (*call)(void *context, const char *name, uint64_t hits),
                 void *context);

#ifdef __cplusplus
}
#endif
#endif
