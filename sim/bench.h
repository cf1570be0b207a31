/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speed of a unit: the C model alone, the Verilated RTL alone and both in lockstep, in one run on the same
 * inputs. The inputs are taped first, so that none of the figures contains what made them: back-to-back
 * attention passes for the arrays, a layer of the bundled trace for the whole machine.
 */
#ifndef SANGER_BENCH_H
#define SANGER_BENCH_H

#include "dut.h"

typedef struct {
    bool has_fast;
    double reference_cycles_per_s; /* the readable model */
    double model_cycles_per_s;     /* the fast model where the design has one, else the same */
    double passes_cycles_per_s; /* machine_pass at work on the same layer, its memory too; 0: other units */
    double rtl_cycles_per_s, lockstep_cycles_per_s;
    double rtl_build_s;   /* 0: the plug-in was cached */
    uint64_t state_bytes; /* compared in each cycle */
} bench_result_t;

/* The array of the design's control: pe_array or slot_array. */
const char *bench_array(const design_t *d);

/* True when the design has that unit, and a machine the heads of a bundled trace. */
bool bench_has(const design_t *d, const char *unit);

/* Each figure is the best of three runs of at least `seconds`. DUT_OK, or one line in error. */
dut_status_t bench_run(const design_t *d, const char *unit, double seconds, bench_result_t *result,
                       char error[DUT_ERROR_MAX]);

#endif
