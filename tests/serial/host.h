/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An independent way to a head's result, for tests of jobs and golden: the published units one after the
 * other, under array control. The five units of the machine, each a model alone or in lockstep with its DUT,
 * and one head's data in the design's formats. The host decides the sequence, nothing overlaps, and a unit's
 * cycles count while it runs ("host-serial").
 *
 *     score_array ─► (strip buffer) ─► binarise ─► split ─► pe_array ─► (accumulators) ─► normalise
 *       predict.h                                   attend.h
 */
#ifndef SANGER_HOST_H
#define SANGER_HOST_H

#include "../../sim/clip.h"
#include "../../sim/lockstep.h"
#include "../../traces/trace.h"

typedef enum {
    HOST_SCORE_ARRAY,
    HOST_BINARISE,
    HOST_SPLIT,
    HOST_PE_ARRAY,
    HOST_NORMALISE,
    HOST_UNITS
} host_unit_t;

extern const char *const host_unit_names[HOST_UNITS];

enum { HOST_ERROR_MAX = DUT_ERROR_MAX };

typedef struct {
    const design_t *design;
    lockstep_t *unit[HOST_UNITS];
    bool diverged; /* a lockstep step found a difference: the head is given up */
    host_unit_t diverged_unit;
    int64_t clipped[CLIP_KINDS]; /* of the head */
} host_t;

/* NULL when the design can replay, else what it lacks. */
const char *host_lacks(const design_t *d);

/* Opens the units, with DUTs if `lockstep`. DUT_OK, or one line in error. */
dut_status_t host_open(host_t *h, const design_t *d, bool lockstep, char error[HOST_ERROR_MAX]);
void host_close(host_t *h);

/* Resets every unit and the counters, before a head. */
void host_reset(host_t *h);

/* Inputs by name; the element arrays are the model's. */
void host_set(host_t *h, host_unit_t unit, const char *name, size_t index, int64_t value);
int64_t host_get(const host_t *h, host_unit_t unit, const char *name, size_t index);

/* Settles and clocks one unit; false once it has diverged. */
bool host_settle(host_t *h, host_unit_t unit);
bool host_edge(host_t *h, host_unit_t unit);
bool host_step(host_t *h, host_unit_t unit);

/* Sums of a per-row counter register. */
int64_t host_counter(const host_t *h, host_unit_t unit, const char *name);

#endif
