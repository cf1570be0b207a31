/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a replay reads off a running machine: the mask bits that it predicts, where the counters stood at the
 * end of each pass, and, on request, a timeline.
 */
#ifndef SANGER_WATCH_H
#define SANGER_WATCH_H

#include "accounting.h"
#include "clip.h"
#include "machine_run.h"
#include "timeline.h"

/* Counters when the last word of a pass has left (or at the end of the run), in the frame of row 0. */
typedef struct {
    uint64_t cycle;
    uint64_t cause[CAUSES];
    int64_t clipped[CLIP_KINDS]; /* by the machine, since the run began */
} watch_mark_t;

enum { WATCH_COUNTERS = 14 };

typedef struct {
    const design_t *design;
    const block_t *machine;
    const signal_t *counter[WATCH_COUNTERS]; /* of clipped values; NULL: the machine has none */
    int jobs;
    size_t L, M;          /* of every job */
    uint8_t *own;         /* jobs x L x M: predicted bits */
    timeline_t *timeline; /* or NULL */
    watch_mark_t *mark;   /* one a pass, then one for the end */
    size_t marks, capacity;
    bool ok; /* false: out of memory */
    struct { /* of the cycle before */
        bool pass_ends;
        int64_t scored, summed, kept, asked, computed, drained, loaded;
        uint64_t pass_begin, since[7];
    } last;
} watch_t;

/* False: out of memory. */
bool watch_open(watch_t *w, const design_t *d, const block_t *machine, int jobs, size_t L, size_t M,
                timeline_t *timeline);
void watch_close(watch_t *w);

/* The machine_observer_t; `context` is the watch. */
void watch_cycle(void *context, const machine_t *m, uint64_t cycle);

/* After the run: marks its end. */
void watch_end(watch_t *w, const machine_t *m, uint64_t cycles);

#endif
