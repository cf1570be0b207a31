/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One lockstep run of one unit of one design under one class of stimulus, until the cycles are done or model
 * and DUT diverge. A run is a function of its configuration: `cosim_run` again gives the same cycles.
 */
#ifndef SANGER_COSIM_H
#define SANGER_COSIM_H

#include "canary.h"
#include "lockstep.h"
#include "stimulus.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const design_t *design;
    const char *design_name; /* as given on the command line */
    const char *unit;
    bool fast; /* step the fast model, where the unit has one */
    stimulus_class_t kind;
    uint64_t seed;
    const choices_t *choices; /* come before the seed's; or NULL */
    uint64_t cycles;
    bool high_counters;     /* event counters jump close to their maxima now and then (see lockstep.h) */
    const canary_t *canary; /* a planted bug, or NULL */
    double minimise;  /* seconds at most for the smallest stimulus of a divergence; 0: none is looked for */
    toggle_t *toggle; /* follows what is compared, opened for the model's type; or NULL */
    const char *coverage;      /* Verilator's own toggle coverage, a file to write; or NULL */
    const block_type_t *model; /* to step; NULL: the unit's own */
    const dut_t *opened;       /* a DUT to take an instance of; NULL: the unit's own is opened */
    int mutant;                /* the active one of a netlist with mutants, 0 none */
    const char *report_dir;    /* where waves of a divergence go; NULL: none are written */
} cosim_config_t;

/* The "cycle" of a divergence right after reset, before cycle 0. */
#define COSIM_RESET UINT64_MAX

typedef struct {
    lockstep_count_t count;
    double seconds;
    bool diverged;
    uint64_t cycle;         /* of the divergence, counted from 0 after reset; or COSIM_RESET */
    schedule_check_t check; /* of a scenario with an oracle of its own; its fault is a divergence too */
    char vacuous[64];       /* not empty: the run compared nothing worth a pass, and what was zero */
} cosim_result_t;

/* Called twice a cycle: when outputs are settled and compared, and after the edge (not after a divergence).
   Once with COSIM_RESET when the state after reset differs. */
typedef void (*cosim_observer_t)(void *context, lockstep_t *l, uint64_t cycle, bool after_edge);

/* Runs; DUT_OK and *result, or one line in error. The observer may be NULL. */
dut_status_t cosim_run(const cosim_config_t *config, cosim_observer_t observer, void *context,
                       cosim_result_t *result, char error[DUT_ERROR_MAX]);

/* The two sides of a run before their reset; `zeros`: memories without one begin with zeros. */
dut_status_t cosim_open(const cosim_config_t *config, bool zeros, lockstep_t **out,
                        char error[DUT_ERROR_MAX]);

/* The model that a run steps: with the canary in it, or fast; NULL and one line in error when it cannot be
 * had. */
const block_type_t *cosim_model(const cosim_config_t *config, dut_status_t *status,
                                char error[DUT_ERROR_MAX]);

/* Fills result->vacuous from result->count. */
void cosim_check_vacuous(cosim_result_t *result);

/* Classes of stimulus that the unit has: scheduled needs a scenario. */
bool cosim_has_class(const char *unit, stimulus_class_t kind);

#ifdef __cplusplus
}
#endif
#endif
