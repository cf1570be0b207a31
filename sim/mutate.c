/* SPDX-License-Identifier: Apache-2.0 */
#include "mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "mutate_model.h"
#include "mutate_prove.h"
#include "mutate_run.h"
#include "mutate_table.h"
#include "netlist.h"

const char *const mutate_sides[MUTATE_SIDES] = {"rtl", "model", "table"};

enum { CHECKED_PROOFS = 3 };

/* Mutants that were killed must not be provable, else proofs show nothing: some of them, all over the list.
 */
static dut_status_t check_proofs(const mutate_config_t *c, const netlist_t *n, const mutate_result_t *r,
                                 char *error)
{
    int step = r->n < CHECKED_PROOFS ? 1 : r->n / CHECKED_PROOFS;
    for (int i = 0; i < r->n && n->ways; i += step) {
        mutant_t killed = r->mutant[i];
        if (killed.end != MUTANT_KILLED) continue;
        mutate_prove(n, i + 1, &killed);
        if (killed.end != MUTANT_EQUIVALENT) continue;
        snprintf(error, DUT_ERROR_MAX, "%s: expected no proof of mutant %d, which was killed, found one (%s)",
                 c->unit, i + 1, killed.how);
        return DUT_BAD_INPUT;
    }
    return DUT_OK;
}

static dut_status_t run_netlist(const mutate_config_t *c, netlist_t *n, mutate_result_t *r, char *error)
{
    dut_t dut;
    double begin = clock_seconds();
    dut_status_t status = netlist_open(n, c, r, error);
    if (!status) status = dut_open_netlist(&dut, c->design, c->unit, n->netlist, 1, error);
    if (status) return status;
    r->build_seconds = clock_seconds() - begin;
    const mutate_job_t job = {
        .config = c,
        .base = {.design = c->design, .design_name = c->design->name, .unit = c->unit, .opened = &dut},
        .prove = mutate_prove,
        .context = n};
    status = mutate_run_unchanged(&job, error);
    if (!status) status = mutate_run_all(&job, r->mutant, r->n, error);
    if (!status) status = check_proofs(c, n, r, error);
    r->run_seconds = clock_seconds() - begin - r->build_seconds;
    dut_close(&dut);
    return status;
}

static dut_status_t mutate_rtl(const mutate_config_t *c, mutate_result_t *r, char *error)
{
    netlist_t n = {0};
    dut_status_t status = run_netlist(c, &n, r, error);
    netlist_close(&n);
    return status;
}

/* What held in designs before this one runs again, since a source has branches for both arithmetics. */
static dut_status_t run_model_on(const mutate_config_t *c, const design_t *d, const mutate_model_t *m,
                                 mutate_result_t *r, char *error)
{
    dut_t dut;
    const cosim_config_t base = {
        .design = d, .design_name = d->name, .unit = c->unit, .model = m->type, .opened = &dut};
    const mutate_job_t job = {.config = c,
                              .base = base,
                              .chosen = m->chosen,
                              .number = m->number,
                              .prove = mutate_model_prove,
                              .context = m};
    dut_status_t status = dut_open(&dut, d, c->unit, NULL, 1, error); /* once for all workers */
    if (status) return status;
    status = mutate_run_unchanged(&job, error);
    if (!status) status = mutate_run_all(&job, r->mutant, r->n, error);
    dut_close(&dut);
    return status;
}

static dut_status_t run_model(const mutate_config_t *c, mutate_model_t *m, mutate_result_t *r, char *error)
{
    dut_status_t status = mutate_model_open(m, c, r, error);
    if (!status) status = run_model_on(c, c->design, m, r, error);
    for (int i = 0; i < c->n_more && !status; ++i) {
        if (block_fits(m->type, &c->more[i])) status = run_model_on(c, &c->more[i], m, r, error);
    }
    return status;
}

static dut_status_t mutate_model(const mutate_config_t *c, mutate_result_t *r, char *error)
{
    static mutate_model_t m;
    dut_status_t status = run_model(c, &m, r, error);
    mutate_model_close(&m);
    return status;
}

/* Entries that were left out do not run: their arrays would be missing. */
static dut_status_t mutate_table(const mutate_config_t *c, mutate_result_t *r, char *error)
{
    dut_t dut;
    int *chosen;
    const int *number;
    const block_type_t *type;
    dut_status_t status = mutate_table_open(c, r, &type, &chosen, &number, error);
    if (!status) status = dut_open(&dut, c->design, c->unit, NULL, 1, error);
    if (status) return status;
    const mutate_job_t job = {.config = c,
                              .base = {.design = c->design,
                                       .design_name = c->design->name,
                                       .unit = c->unit,
                                       .model = type,
                                       .opened = &dut},
                              .chosen = chosen,
                              .number = number,
                              .only = "one bit narrower"};
    status = mutate_run_unchanged(&job, error);
    if (!status) status = mutate_run_all(&job, r->mutant, r->n, error);
    dut_close(&dut);
    return status;
}

dut_status_t mutate_run(const mutate_config_t *c, mutate_result_t *r, char error[DUT_ERROR_MAX])
{
    memset(r, 0, sizeof *r);
    switch (c->side) {
    case MUTATE_RTL: return mutate_rtl(c, r, error);
    case MUTATE_MODEL: return mutate_model(c, r, error);
    default: return mutate_table(c, r, error);
    }
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

mutate_sum_t mutate_sum(const mutate_result_t *r)
{
    static uint64_t cycle[MUTANTS_MAX];
    mutate_sum_t s = {0};
    for (int i = 0; i < r->n; ++i) {
        const mutant_t *m = &r->mutant[i];
        switch (m->end) {
        case MUTANT_KILLED: cycle[s.killed++] = m->cycle; break;
        case MUTANT_EQUIVALENT: ++s.equivalent; break;
        case MUTANT_UNDECIDED: ++s.undecided; break;
        default: ++s.survived;
        }
        s.argued += *m->argument != '\0';
    }
    qsort(cycle, (size_t)s.killed, sizeof *cycle, by_value);
    s.median = s.killed ? cycle[s.killed / 2] : 0;
    s.last = s.killed ? cycle[s.killed - 1] : 0;
    int counted = r->n - s.equivalent;
    s.score = counted ? (double)s.killed / counted : 1;
    return s;
}
