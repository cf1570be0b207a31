/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the PEs' cycles went. Every cycle of every PE has one cause; the causes sum to cycles x PEs.
 *
 * A pass gives each PE a window of 2d+1 cycles, skewed by its row and column (docs/machine.md, "Time of a
 * pass"). Inside it a PE multiplies, takes exp, hands a partial sum on, or has nothing to do (`short_pass`).
 * Between windows the cause is the one that held the next pass back, as pass_control counts it in the frame
 * of row 0 and column 0.
 */
#ifndef SANGER_ACCOUNTING_H
#define SANGER_ACCOUNTING_H

#include "../model/pass_control.h"
#include "work.h"

typedef enum {
    SPENT_MAC,        /* a product of SDDMM or SpMM */
    SPENT_EXP,        /* score = exp(...) */
    SPENT_FORWARD,    /* an idle slot hands a partial sum on */
    SPENT_SHORT_PASS, /* inside a pass, nothing to do: rows and slots that hold no kept key */
    SPENT_HAZARD,     /* only h, slots that go back to an earlier column, held the next pass back */
    SPENT_SKEW,       /* only rows and columns did: fill and drain of the array */
    SPENT_WALK,       /* its configuration was on the way to the slots */
    SPENT_MEMORY,     /* its K and V tile was on the way */
    SPENT_GATHER,     /* a strip was at hand and no pass full yet: sub-rows were being split, or an empty tile
                         waited for its K and V */
    SPENT_PREDICT,    /* its strip's mask or bias was not ready */
    SPENT_TAIL,       /* after the last pass: drain, division, writing O and status */
    SPENT_KINDS
} spent_t;

extern const char *const spent_names[SPENT_KINDS];

typedef struct {
    uint64_t cycles;
    uint64_t pe_cycles[SPENT_KINDS];
} accounting_t;

/* Accounts for a slice of a run in which pass_control counted `counted`, `tail` of them (within
 * CAUSE_PREDICT) after the last pass, and the passes of `work` with head size d were streamed. False when the
 * figures contradict each other: the work cannot have been done in those cycles. */
bool accounting_fill(accounting_t *a, const design_t *d, const uint64_t counted[CAUSES], uint64_t tail,
                     const work_t *work, int head_size);

/* True when the causes sum to cycles x PEs. */
bool accounting_sums(const accounting_t *a, const design_t *d);

void accounting_add(accounting_t *to, const accounting_t *from);

#endif
