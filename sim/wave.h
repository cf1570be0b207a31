/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An FST of a window of a lockstep run, model and DUT side by side, and a GTKWave save file that shows the
 * signals that differ. Time is in half cycles: 2 * cycle when settled, 2 * cycle + 1 after the edge.
 */
#ifndef SANGER_WAVE_H
#define SANGER_WAVE_H

#include "lockstep.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wave wave_t;

/* Opens <path>.fst; NULL when it cannot be written. */
wave_t *wave_open(const char *path, const lockstep_t *l);

/* Writes what changed. Outputs and nets are taken when settled, registers after the edge. */
void wave_emit(wave_t *w, const lockstep_t *l, uint64_t cycle, bool after_edge);
void wave_close(wave_t *w);

/* <path>.gtkw beside it, listing control inputs and the elements that differ; without
   differences the outputs' first elements. */
int wave_save_file(const char *path, const lockstep_t *l, const difference_t *differences, int n,
                   uint64_t cycle);

#ifdef __cplusplus
}
#endif
#endif
