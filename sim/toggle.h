/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Toggle coverage of a unit: each bit of each signal of its table is two points, seen to rise and seen to
 * fall. The lockstep calls toggle_sample where it compares a signal, so that a change counts only between two
 * values that were compared. Inputs count when they are poked. One toggle_t may follow several runs.
 */
#ifndef SANGER_TOGGLE_H
#define SANGER_TOGGLE_H

#include "../model/block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct toggle toggle_t;

/* NULL when memory is short. The design must outlive it. */
toggle_t *toggle_open(const block_type_t *type, const design_t *d);
void toggle_close(toggle_t *t);

/* A new run: what comes next is a first value, no change. */
void toggle_begin(toggle_t *t);

/* The elements of a signal (its place in the table), as the model keeps them. */
void toggle_sample(toggle_t *t, int signal, const void *elements);

/* Points of a kind of signal, and how many of them were hit. */
typedef struct {
    uint64_t points, hit;
} toggle_count_t;
toggle_count_t toggle_count(const toggle_t *t, signal_kind_t kind);

/* The table that it was opened with. */
int toggle_signals(const toggle_t *t, const signal_t **table);

/* Bits of an element that rose, and that fell. */
uint64_t toggle_rose(const toggle_t *t, int signal, size_t element);
uint64_t toggle_fell(const toggle_t *t, int signal, size_t element);

#ifdef __cplusplus
}
#endif
#endif
