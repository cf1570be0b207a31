/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checker checked: hundreds of small random changes of one side of a unit, each run under the
 * regression's own stimulus in the project's own lockstep. What the lockstep does not see is either no change
 * at all, which a proof has to show, or a hole in the stimulus.
 *
 *     rtl     Yosys changes cells of the unit's netlist: all mutants in one netlist, chosen by an input
 *     model   operators, constants, conditions and statements of model/<unit>.c: all in one library, chosen
 * by a variable table   entries of the signal table left out or one bit narrower: opening the lockstep must
 * fail
 */
#ifndef SANGER_MUTATE_H
#define SANGER_MUTATE_H

#include "cosim.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { MUTATE_RTL, MUTATE_MODEL, MUTATE_TABLE, MUTATE_SIDES } mutate_side_t;
extern const char *const mutate_sides[MUTATE_SIDES];

typedef enum {
    MUTANT_SURVIVED,   /* held in every run, and is known to differ */
    MUTANT_UNDECIDED,  /* held in every run; neither proved equivalent nor refuted */
    MUTANT_EQUIVALENT, /* proved to change nothing */
    MUTANT_KILLED
} mutant_end_t;

typedef struct {
    char change[256]; /* what was changed */
    char where[128];  /* file:line */
    mutant_end_t end;
    char how[160]; /* killed: by which signal; equivalent: by which proof; undecided: why */
    stimulus_class_t kind;
    uint64_t seed, cycle;
    char argument[400]; /* a survivor's reviewed reason, "" none */
} mutant_t;

enum { MUTANTS_MAX = 4096 };

typedef struct {
    const design_t *design;
    const design_t *more; /* n_more other designs for mutants of the model that held in `design` */
    int n_more;
    const char *unit;
    mutate_side_t side;
    uint64_t seed;          /* of the choice of mutants */
    int mutants;            /* at most; fewer when the unit has no more places */
    uint64_t stimulus_seed; /* of the first runs; longer ones take the next */
    uint64_t cycles;        /* of each class at first */
    uint64_t longer;        /* survivors run that many times longer */
    int jobs;
    int proof_seconds; /* for each proof */
} mutate_config_t;

typedef struct {
    int n;
    mutant_t mutant[MUTANTS_MAX];
    int invalid;       /* changes that do not compile, not counted */
    int nets_left_out; /* compared nets that a netlist does not have */
    double build_seconds, run_seconds, proof_seconds;
} mutate_result_t;

/* Runs one side of one unit; DUT_OK and *result, or one line in error. */
dut_status_t mutate_run(const mutate_config_t *config, mutate_result_t *result, char error[DUT_ERROR_MAX]);

typedef struct {
    int killed, equivalent, undecided, survived, argued;
    uint64_t median, last; /* cycles to the first difference: half of the killed, all of them */
    double score;          /* killed of those not proved equivalent; 1 when there are none */
} mutate_sum_t;

mutate_sum_t mutate_sum(const mutate_result_t *result);

#ifdef __cplusplus
}
#endif
#endif
