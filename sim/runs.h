/* SPDX-License-Identifier: Apache-2.0 */
/* Lockstep runs in worker processes: which runs a set of designs has, and a pool that works through them. */
#ifndef SANGER_RUNS_H
#define SANGER_RUNS_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include <sys/types.h>

#include "cosim.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { RUNS_JOBS_MAX = 64, RUNS_MAX = 1024, RUNS_LEAST_CYCLES = 2000, RUNS_REGRESSION_CYCLES = 30000000 };

typedef enum { RUNS_FAST = 1, RUNS_REFERENCE = 2, RUNS_BOTH = 3 } runs_models_t;

/* One run, and what its worker left. */
typedef struct {
    cosim_config_t config; /* report_dir: the folder of all runs' reports, this one's lies inside */
    double weight;         /* cycles in proportion to it take similar time */
    bool waves;            /* also of a run that held */
    /* result */
    bool done;
    dut_status_t status;
    cosim_result_t result;
    char error[DUT_ERROR_MAX];
    char *report; /* text of a divergence, allocated */
    pid_t worker;
    FILE *channel;
} run_t;

/* Which runs: of each design every unit (or `unit`) under every class of stimulus it has (or `kind`). */
typedef struct {
    const design_t *designs;
    const char *const *design_names;
    int n_designs;
    const char *unit;     /* NULL: all */
    int kind;             /* stimulus_class_t, -1: all that a unit has */
    runs_models_t models; /* which model of units that have two */
    uint64_t seed;
    const choices_t *choices;
    bool high_counters; /* but for legal stimulus (see lockstep.h) */
    const canary_t *canary;
    double budget; /* seconds to minimise a divergence; 0: it is not, below 0: as its design's size needs */
    const char *report_dir;
    bool waves;
} runs_wanted_t;

/* Writes at most RUNS_MAX runs and returns their number; cycles are still 0. */
int runs_plan(const runs_wanted_t *wanted, run_t *runs);

/* Shares `total` cycles among the runs so that they take similar time, at least `least` each. */
void runs_share(run_t *runs, int n, uint64_t total, uint64_t least);

/* Works with up to `jobs` processes, RUNS_JOBS_MAX at most. `next` gives a run to start, NULL when there is
   none (for now: it is asked again after each that ends); `done` gets each that ended, in any order. */
typedef struct {
    int jobs;
    void *context;
    run_t *(*next)(void *context);
    void (*done)(void *context, run_t *run);
} runs_pool_t;

void runs_work(const runs_pool_t *pool);

/* A run's figures. */
cJSON *runs_json(const run_t *r);

#ifdef __cplusplus
}
#endif
#endif
