/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule.h"

#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const scenario_t *const scenarios[] = {
    &scenario_score_array,
    &scenario_pack,
    &scenario_split,
    &scenario_pe_row,
    &scenario_pe_array,
    &scenario_normalise,
    &scenario_drain,
    &scenario_rebias,
    &scenario_predict_control,
    &scenario_predict_array,
    &scenario_predict_feeder,
    &scenario_predict_row,
    &scenario_slot_row,
    &scenario_slot_array,
    &scenario_tile_loader,
    &scenario_pass_control,
    &scenario_memory_port,
    &scenario_fetch,
    &scenario_controller,
    &scenario_feeder,
    &scenario_accumulate,
    &scenario_machine,
    &scenario_array_control,
    NULL,
};
/* clang-format on */

struct schedule {
    const scenario_t *scenario;
    void *self;
};

static const scenario_t *find(const char *unit)
{
    for (const scenario_t *const *s = scenarios; *s; ++s) {
        if (!strcmp((*s)->unit, unit)) return *s;
    }
    return NULL;
}

bool schedule_has(const char *unit)
{
    return find(unit) != NULL;
}

schedule_t *schedule_open(block_t *block, random_t *random)
{
    const scenario_t *scenario = find(block->type->name);
    schedule_t *s = scenario ? calloc(1, sizeof *s) : NULL;
    if (!s) return NULL;
    s->scenario = scenario;
    s->self = scenario->open(block, random);
    if (s->self) return s;
    free(s);
    return NULL;
}

void schedule_close(schedule_t *s)
{
    if (!s) return;
    s->scenario->close(s->self);
    free(s);
}

void schedule_next(schedule_t *s)
{
    s->scenario->next(s->self);
}

const schedule_check_t *schedule_check(const schedule_t *s)
{
    return s->scenario->check ? s->scenario->check(s->self) : NULL;
}
