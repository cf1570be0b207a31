/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many lockstep runs: every unit of every design under every class of stimulus it has, over several worker
 * processes, as lines, JSON or JUnit.
 */
#ifndef SANGER_SUITE_H
#define SANGER_SUITE_H

#include "runs.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const char *verb; /* for error lines */
    runs_wanted_t wanted;
    uint64_t cycles;       /* of each run */
    uint64_t total_cycles; /* not 0: of all runs together, shared out so that runs take similar time */
    int jobs;
    const char *junit; /* file, or NULL */
    bool json;
} suite_t;

/* Runs and prints all. Returns the exit code: 0 all equal, 1 a mismatch or a vacuous run, 2 or 3 for errors.
 */
int suite_run(const suite_t *suite);

#ifdef __cplusplus
}
#endif
#endif
