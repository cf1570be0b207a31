/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loops of the lockstep's comparison. A big array's state is hundreds of kilobytes, compared in
 * every cycle, so these run as wide as the processor allows (chosen at run time) and answer for a whole
 * signal at once; which element differs is found afterwards, and only then.
 */
#ifndef SANGER_COMPARE_H
#define SANGER_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when any object differs from its model bytes: object i against model[i * bytes ...]. */
bool compare_objects_differ(const char *model, char *const *object, size_t objects, size_t bytes);

/* Counts the objects of `bytes` bytes in which now and previous differ, and copies now to previous. */
size_t compare_changes(const char *now, char *previous, size_t objects, size_t bytes);

/* The first of words from, from + 1, ... of `bytes` bytes in which now and previous differ; words: none. */
size_t compare_next_change(const char *now, const char *previous, size_t from, size_t words, size_t bytes);

/* The same for objects of one element: model elements of `element` bytes (1 to 8), of which `mask` counts,
   against `word` bytes (1 to 8) of each object. */
bool compare_scalars_differ(const char *model, char *const *object, size_t objects, size_t element,
                            size_t word, uint64_t mask);

#endif
