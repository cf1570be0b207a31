/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest stimulus that still shows a divergence. A stimulus is a list of records, one a cycle from
 * reset on, each with every element of every input. From the tape of the failing run:
 *
 *     window     the last 1, 2, 4 .. cycles, until those alone fail
 *     cycles     chunks of cycles left out, halving to single ones
 *     words      elements set to zero, or left at their value of the cycle before
 *     bits       ones cleared
 *     merge      two cycles made one
 *     restart    runs of fewer cycles: of the same class under other seeds, and the best one changed at
 * random
 *
 * Every try begins at reset with inputs of zero and, when the bug shows so, memories without a reset at zero:
 * as a file of cycle vectors is checked. A try counts when the signal that differed first in the run is
 * among those that differ first in it. No word of this knows what the unit means.
 */
#ifndef SANGER_MINIMISE_H
#define SANGER_MINIMISE_H

#include "cosim.h"
#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const cosim_config_t *config;
    const tape_t *tape; /* inputs of the cycles before the divergence, its own last */
    int signal;         /* of the block's table: what differed first */
    double budget;      /* seconds, at most */
    bool alone;         /* of no other runs than the tape's, and as vectors begin */
} minimise_job_t;

enum { MINIMISE_WHY_MAX = 96 };

typedef struct {
    /* Empty: found; else why no stimulus from reset on shows it, and nothing below holds. */
    char why[MINIMISE_WHY_MAX];
    int window;                       /* cycles before the divergence that it began with */
    int cycles;                       /* records; the divergence shows in the last. 0: right after reset */
    size_t elements;                  /* of a record, in the order of the table */
    int64_t *record;                  /* cycles x elements */
    size_t words;                     /* elements that are not zero */
    size_t bits;                      /* ones in them */
    size_t index;                     /* element of job's signal that differs in the end */
    uint64_t dut;                     /* and its bits in the Verilog */
    bool same;                        /* the first signal that differs is the run's */
    bool zeros;                       /* memories without a reset began at zero, as vectors assume */
    bool minimal;                     /* no single cycle can be left out */
    bool in_time;                     /* false: the budget ended it */
    uint64_t tries;                   /* runs from reset */
    uint64_t shorter, shorter_cycles; /* random runs of fewer cycles that did not show it; the longest */
    int moves; /* the signal's first move in any of the random runs: cycles before it; -1: it never moved */
    double seconds;
} minimised_t;

/* DUT_OK and *out, or one line in error. */
dut_status_t minimise(const minimise_job_t *job, minimised_t *out, char error[DUT_ERROR_MAX]);

/* Seconds that are enough for most bugs at the design's size. */
double minimise_budget(const design_t *d);
void minimised_free(minimised_t *m);

/* Cycle t's inputs into a block of the unit, whatever model of it. */
void minimised_play(const minimised_t *m, block_t *b, int t);

#ifdef __cplusplus
}
#endif
#endif
