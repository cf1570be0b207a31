/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many lockstep runs: every unit of every design under every class of stimulus it has, over several worker
 * processes, as lines, JSON or JUnit.
 */
#ifndef SANGER_SUITE_H
#define SANGER_SUITE_H

#include "cosim.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { SUITE_FAST = 1, SUITE_REFERENCE = 2, SUITE_BOTH = 3 } suite_models_t;

typedef struct {
    const char *verb; /* for error lines */
    const design_t *designs;
    const char *const *design_names;
    int n_designs;
    const char *unit; /* NULL: all */
    int kind;         /* stimulus_class_t, -1: all that a unit has */
    uint64_t seed;
    uint64_t cycles;       /* of each run */
    uint64_t total_cycles; /* not 0: of all runs together, shared out so that runs take similar time */
    suite_models_t models; /* which model of units that have two */
    const canary_t *canary;
    int jobs;
    const char *report_dir; /* for waves of divergences, or NULL */
    const char *junit;      /* file, or NULL */
    bool waves;             /* also of runs that held, in report_dir */
    bool json;
} suite_t;

/* Runs and prints all. Returns the exit code: 0 all equal, 1 a mismatch or a vacuous run, 2 or 3 for errors.
 */
int suite_run(const suite_t *suite);

#ifdef __cplusplus
}
#endif
#endif
