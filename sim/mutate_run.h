/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs mutants in worker processes, each until its first difference. A worker that dies or hangs takes one
 * mutant with it, and that one counts as killed: a regression would notice.
 */
#ifndef SANGER_MUTATE_RUN_H
#define SANGER_MUTATE_RUN_H

#include "mutate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a worker runs: everything of `base` but class, seed and cycles. */
typedef struct {
    const mutate_config_t *config;
    cosim_config_t base;
    int *chosen;       /* a library's variable that chooses its active mutant, or NULL */
    const int *number; /* of each mutant there, from 0 */
    /* Tries to prove a mutant equivalent that held for a while: sets end and how. NULL: nobody can. */
    void (*prove)(const void *context, int number, mutant_t *m);
    const void *context;
    const char *only; /* runs mutants alone whose change ends so; NULL: all */
} mutate_job_t;

/* Mutant 0, the unchanged one, must hold for as long as a survivor runs: else one line in error. */
dut_status_t mutate_run_unchanged(const mutate_job_t *job, char error[DUT_ERROR_MAX]);

/* Fills end, how, kind, seed and cycle of the first n mutants that have not ended yet. */
dut_status_t mutate_run_all(const mutate_job_t *job, mutant_t *mutant, int n, char error[DUT_ERROR_MAX]);

#ifdef __cplusplus
}
#endif
#endif
