/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduled stimulus: random work, driven as the machine drives it. One scenario per unit that has one. */
#ifndef SANGER_SCHEDULE_H
#define SANGER_SCHEDULE_H

#include "../model/block.h"
#include "random.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct schedule schedule_t;

/* What a scenario found that checks results of its own, beside what the lockstep compares. */
typedef struct {
    uint64_t checked; /* results held against an oracle */
    char fault[160];  /* the first that differed; empty: none */
} schedule_check_t;

/* A unit's scenario: `next` writes the inputs of one cycle. */
typedef struct {
    const char *unit;
    void *(*open)(block_t *block, random_t *random);
    void (*next)(void *self);
    void (*close)(void *self);
    const schedule_check_t *(*check)(const void *self); /* NULL: it checks nothing */
} scenario_t;

extern const scenario_t scenario_score_array, scenario_pack, scenario_split, scenario_pe_row,
    scenario_pe_array, scenario_normalise, scenario_drain, scenario_rebias, scenario_predict_control,
    scenario_predict_array, scenario_predict_feeder, scenario_predict_row, scenario_slot_row,
    scenario_slot_array, scenario_tile_loader, scenario_pass_control, scenario_memory_port, scenario_fetch,
    scenario_controller, scenario_feeder, scenario_accumulate, scenario_machine, scenario_array_control;

/* True when the unit has a scenario. */
bool schedule_has(const char *unit);

/* NULL when the unit has no scenario or memory is short. `random` must outlive it. */
schedule_t *schedule_open(block_t *block, random_t *random);
void schedule_close(schedule_t *s);
void schedule_next(schedule_t *s);

/* NULL when the scenario checks nothing. */
const schedule_check_t *schedule_check(const schedule_t *s);

#ifdef __cplusplus
}
#endif
#endif
