/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../sim/report.h"

enum { SHOWN_MAX = 16 };

const char *const host_unit_names[HOST_UNITS] = {"score_array", "binarise", "split", "pe_array", "normalise"};

const char *host_lacks(const design_t *d)
{
    if (!design_signed(d))
        return "signed operands, a per-row bias and signed prediction (arithmetic: signed)";
    if (d->score_rows != d->rows || d->score_columns != d->columns) {
        return "a score array of the array's size (prediction.rows and columns equal to array.rows and "
               "columns)";
    }
    return NULL;
}

dut_status_t host_open(host_t *h, const design_t *d, bool lockstep, char error[HOST_ERROR_MAX])
{
    *h = (host_t){.design = d};
    for (int i = 0; i < HOST_UNITS; ++i) {
        const block_type_t *type = block_find(host_unit_names[i]), *fast = block_fast(type, d);
        const lockstep_config_t config = {
            .design = d, .type = fast ? fast : type, .unit = lockstep ? type->name : NULL, .x_seed = 1};
        dut_status_t status = lockstep_open(&h->unit[i], &config, error);
        if (!status) continue;
        host_close(h);
        return status;
    }
    return DUT_OK;
}

void host_close(host_t *h)
{
    for (int i = 0; i < HOST_UNITS; ++i) {
        lockstep_close(h->unit[i]);
        h->unit[i] = NULL;
    }
}

/* What differs, on stderr: a replay that diverges ends there and the same command shows it again. */
static void print_differences(const host_t *h, host_unit_t unit)
{
    const difference_t *x;
    const lockstep_t *l = h->unit[unit];
    char when[24], *phase = report_phase(lockstep_model(l));
    int n = lockstep_differences(l, &x);
    snprintf(when, sizeof when, "%" PRIu64, lockstep_count(l)->cycles);
    for (int i = 0; i < n && i < SHOWN_MAX; ++i) {
        report_difference(stderr, host_unit_names[unit], when, phase ? phase : "", &x[i], "replay");
    }
    free(phase);
}

/* Notes the first difference; the head's replay then unwinds. */
static bool check(host_t *h, host_unit_t unit, bool equal)
{
    if (!equal && !h->diverged) {
        h->diverged = true;
        h->diverged_unit = unit;
        print_differences(h, unit);
    }
    return equal;
}

void host_reset(host_t *h)
{
    h->diverged = false;
    memset(h->clipped, 0, sizeof h->clipped);
    for (int i = 0; i < HOST_UNITS; ++i) {
        block_t *b = lockstep_model(h->unit[i]);
        for (int k = 0; k < b->signals; ++k) {
            const signal_t *s = &b->table[k];
            if (s->kind == SIGNAL_IN) memset(block_data(b, s), 0, signal_count(s) * (size_t)signal_bytes(s));
        }
        check(h, (host_unit_t)i, lockstep_reset(h->unit[i]));
    }
}

void host_set(host_t *h, host_unit_t unit, const char *name, size_t index, int64_t value)
{
    block_t *b = lockstep_model(h->unit[unit]);
    block_set(b, block_signal(b, name), index, value);
}

int64_t host_get(const host_t *h, host_unit_t unit, const char *name, size_t index)
{
    const block_t *b = lockstep_model(h->unit[unit]);
    return block_get(b, block_signal(b, name), index);
}

bool host_settle(host_t *h, host_unit_t unit)
{
    return check(h, unit, lockstep_settle(h->unit[unit]));
}
bool host_edge(host_t *h, host_unit_t unit)
{
    return check(h, unit, lockstep_edge(h->unit[unit]));
}
bool host_step(host_t *h, host_unit_t unit)
{
    return host_settle(h, unit) && host_edge(h, unit);
}

int64_t host_counter(const host_t *h, host_unit_t unit, const char *name)
{
    const block_t *b = lockstep_model(h->unit[unit]);
    const signal_t *s = block_signal(b, name);
    int64_t sum = 0;
    for (size_t i = 0; s && i < signal_count(s); ++i) sum += block_get(b, s, i);
    return sum;
}
