/* SPDX-License-Identifier: Apache-2.0 */
#include "cosim.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "schedule.h"

bool cosim_has_class(const char *unit, stimulus_class_t kind)
{
    return kind != STIMULUS_SCHEDULED || schedule_has(unit);
}

const block_type_t *cosim_model(const cosim_config_t *c, dut_status_t *status, char error[DUT_ERROR_MAX])
{
    if (c->model) return c->model;
    if (c->canary && c->canary->side == CANARY_MODEL)
        return canary_model(c->canary, c->unit, c->design, status, error);
    const block_type_t *type = block_find(c->unit);
    if (type && !block_fits(type, c->design)) {
        snprintf(error, DUT_ERROR_MAX, "unit: expected one that %s has, found %s", c->design->name, c->unit);
        *status = DUT_BAD_INPUT;
        return NULL;
    }
    const block_type_t *fast = c->fast && type ? block_fast(type, c->design) : NULL;
    if (type) return fast ? fast : type;
    snprintf(error, DUT_ERROR_MAX, "unit: expected one from sanger design show, found '%.64s'", c->unit);
    *status = DUT_BAD_INPUT;
    return NULL;
}

/* A pass must have compared something that moved. Units without registers or nets still have outputs. */
void cosim_check_vacuous(cosim_result_t *r)
{
    const lockstep_count_t *c = &r->count;
    const char *zero = !c->cycles    ? "cycles"
                       : !c->signals ? "signals"
                       : !c->bytes   ? "bytes"
                       : !c->changes ? "changes"
                                     : "";
    snprintf(r->vacuous, sizeof r->vacuous, "%s", zero);
}

static void run_cycles(const cosim_config_t *c, lockstep_t *l, stimulus_t *s, cosim_observer_t observer,
                       void *context, cosim_result_t *r)
{
    const schedule_check_t *check = stimulus_check(s);
    r->diverged = !lockstep_reset(l);
    if (r->diverged) {
        r->cycle = COSIM_RESET;
        if (observer) observer(context, l, COSIM_RESET, true);
    }
    for (uint64_t cycle = 0; cycle < c->cycles && !r->diverged; ++cycle) {
        stimulus_next(s);
        r->cycle = cycle;
        r->diverged = check && *check->fault;
        if (r->diverged) break;
        r->diverged = !lockstep_settle(l);
        if (observer) observer(context, l, cycle, false);
        if (r->diverged) break;
        r->diverged = !lockstep_edge(l);
        if (observer) observer(context, l, cycle, true);
    }
    if (r->diverged) return;
    r->diverged = !lockstep_compare_stored(l);
    if (r->diverged && observer) observer(context, l, r->cycle, true);
}

dut_status_t cosim_open(const cosim_config_t *c, bool zeros, lockstep_t **l, char error[DUT_ERROR_MAX])
{
    dut_status_t status = DUT_OK;
    const block_type_t *type = cosim_model(c, &status, error);
    if (!type) return status;
    const patch_t *patch = c->canary && c->canary->side == CANARY_RTL ? &c->canary->patch : NULL;
    const lockstep_config_t config = {.design = c->design,
                                      .type = type,
                                      .unit = c->unit,
                                      .patch = patch,
                                      .opened = c->opened,
                                      .mutant = c->mutant,
                                      .x_seed = c->seed,
                                      .high_counters = c->high_counters && !zeros,
                                      .zeros = zeros,
                                      .toggle = c->toggle,
                                      .coverage = c->coverage};
    return lockstep_open(l, &config, error);
}

dut_status_t cosim_run(const cosim_config_t *c, cosim_observer_t observer, void *context, cosim_result_t *r,
                       char error[DUT_ERROR_MAX])
{
    lockstep_t *l = NULL;
    memset(r, 0, sizeof *r);
    dut_status_t status = cosim_open(c, false, &l, error);
    if (status) return status;
    stimulus_t *s = stimulus_open_choices(c->kind, c->seed, c->choices, lockstep_model(l));
    if (!s) {
        snprintf(error, DUT_ERROR_MAX, "%s: expected a unit with %s stimulus, found none", c->unit,
                 stimulus_names[c->kind]);
        lockstep_close(l);
        return DUT_BAD_INPUT;
    }
    double begin = clock_seconds();
    run_cycles(c, l, s, observer, context, r);
    r->seconds = clock_seconds() - begin;
    r->count = *lockstep_count(l);
    if (stimulus_check(s)) r->check = *stimulus_check(s);
    if (!r->diverged && !*r->check.fault && !block_intact(lockstep_model(l)))
        snprintf(r->check.fault, sizeof r->check.fault, "the model wrote outside one of its arrays");
    if (*r->check.fault) {
        r->diverged = true; /* what the last cycle or the end shows too */
        ++r->count.mismatches;
    }
    if (!r->diverged) cosim_check_vacuous(r);
    stimulus_close(s);
    lockstep_close(l);
    return DUT_OK;
}
