/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutants of model/<unit>.c in one library; everything that the source calls is the running program's own. A
 * change that gives the same object code at -O2 is proved equivalent; nothing else is.
 */
#ifndef SANGER_MUTATE_MODEL_H
#define SANGER_MUTATE_MODEL_H

#include "mutate_source.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const mutate_config_t *config;
    source_t source;
    char folder[4352];
    int number[MUTANTS_MAX]; /* of the change behind each mutant of the result */
    const block_type_t *type;
    int *chosen;
} mutate_model_t;

/* Builds and loads; fills result->mutant and ->invalid. Close in every case. */
dut_status_t mutate_model_open(mutate_model_t *m, const mutate_config_t *config, mutate_result_t *result,
                               char error[DUT_ERROR_MAX]);
void mutate_model_close(mutate_model_t *m);

/* A mutate_job_t's prove. */
void mutate_model_prove(const void *model, int number, mutant_t *m);

#ifdef __cplusplus
}
#endif
#endif
