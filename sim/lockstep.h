/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a block's C model and its DUT side by side. In every cycle:
 *
 *     poke inputs ─► settle both ─► compare outputs and named nets ─► clock both ─► compare every register
 *
 * The signal table decides what is compared; an entry that the DUT does not have is an error when opened. A
 * lockstep without a DUT steps the model alone.
 */
#ifndef SANGER_LOCKSTEP_H
#define SANGER_LOCKSTEP_H

#include "dut.h"
#include "toggle.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What was compared: anti-vacuity wants none of these zero. */
typedef struct {
    uint64_t cycles;
    uint64_t signals;    /* elements compared in each cycle */
    uint64_t bytes;      /* bytes compared in all */
    uint64_t changes;    /* Verilog objects (memories aside) that changed between two cycles, in all */
    uint64_t mismatches; /* elements that differed */
    uint64_t hash;       /* FNV-1a over the outputs of every cycle */
} lockstep_count_t;

/* The port of a netlist that chooses its active mutant; 16 bits wide. */
#define LOCKSTEP_MUTANT_PORT "mutant_i"

/* One element that differed. */
typedef struct {
    const signal_t *signal;
    size_t index;
    uint64_t model, dut; /* the element's bits */
} difference_t;

enum { DIFFERENCES_MAX = 4096 };

/* Stored memories of more bytes or elements than the first are compared in full every so many cycles, and on
   request. */
enum { LOCKSTEP_STORED_SMALL = 1 << 13, LOCKSTEP_STORED_PERIOD = 1 << 14 };

/* 32 bits are too many for events to fill. With `high_counters`, in every so many cycles the event counters
   of the unit's own table are overwritten just before the edge, and the model takes what they hold after it:
   they are not compared in that cycle, all else is. Reference models only. */
enum { LOCKSTEP_JUMP_PERIOD = 64 };

typedef struct lockstep lockstep_t;

typedef struct {
    const design_t *design;
    const block_type_t *type; /* the model to step; may be a fast one */
    const char *unit;         /* the DUT's unit; NULL: no DUT */
    const patch_t *patch;     /* planted in the DUT, or NULL */
    const dut_t *opened;      /* to take another instance of; NULL: builds and opens the unit's own */
    int mutant;               /* the active one of a netlist with mutants, 0 none */
    uint64_t x_seed;
    toggle_t *toggle; /* follows what is compared, opened for this type; or NULL */
    const char *
        coverage; /* where Verilator's own toggle coverage goes in the end (see dut_open_counting); or NULL */
    bool
        high_counters; /* event counters jump close to their maxima now and then (see LOCKSTEP_JUMP_PERIOD) */
    bool zeros;        /* memories without a reset begin with zeros, not with words of x_seed */
} lockstep_config_t;

/* DUT_OK and *out, or one line in error. The design must outlive it. */
dut_status_t lockstep_open(lockstep_t **out, const lockstep_config_t *config, char error[DUT_ERROR_MAX]);
void lockstep_close(lockstep_t *l);

/* Resets both sides and compares their reset state. True when equal. */
bool lockstep_reset(lockstep_t *l);

/* One cycle with the inputs that lie in the model's arrays. `settle` ends after outputs and nets are
   compared, `edge` clocks both and compares the registers; `step` is both. True when nothing differed. */
bool lockstep_settle(lockstep_t *l);
bool lockstep_edge(lockstep_t *l);
bool lockstep_step(lockstep_t *l);

/* Compares the stored memories that are too big for every cycle: at the end of a job or a run. */
bool lockstep_compare_stored(lockstep_t *l);

/* One cycle of one side alone, nothing compared: what benchmarks hold the lockstep against. */
void lockstep_step_model(lockstep_t *l);
void lockstep_step_dut(lockstep_t *l);

/* Brings the model's register arrays up to date, for readers that come without a compare. */
void lockstep_show(lockstep_t *l);

block_t *lockstep_model(const lockstep_t *l);
const lockstep_count_t *lockstep_count(const lockstep_t *l);

/* The differences of the last compare that found any; at most DIFFERENCES_MAX are kept. */
int lockstep_differences(const lockstep_t *l, const difference_t **out);

/* An element of the DUT, for reports and waves. */
uint64_t lockstep_dut_bits(const lockstep_t *l, const signal_t *s, size_t index);

#ifdef __cplusplus
}
#endif
#endif
