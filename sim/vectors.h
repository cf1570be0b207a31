/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cycle vectors of one unit: what went in and what came out in every cycle after reset, as text that any
 * other implementation can write or read (see vector_file.h). `record` writes what the reference model gives;
 * `check` feeds a file to model and RTL in lockstep and compares the outputs of both with the file's.
 * Memories without a reset begin with zeros; `record` writes x where other words there show.
 */
#ifndef SANGER_VECTORS_H
#define SANGER_VECTORS_H

#include "cosim.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const design_t *design;
    const char *unit;
    stimulus_class_t kind;
    uint64_t seed, cycles;
} vectors_source_t;

/* Writes the file, whole or not at all. DUT_OK, or one line in error. */
dut_status_t vectors_record(const vectors_source_t *source, const char *path, char error[DUT_ERROR_MAX]);

/* Writes the inputs of cycle t into the unit's arrays. */
typedef void (*vectors_drive_t)(void *context, block_t *unit, uint64_t t);

/* The same with inputs that come from elsewhere; `comment` is one line. What shows memories of zero is no x:
   a stimulus of a few cycles may show nothing else. */
dut_status_t vectors_write(const design_t *design, const char *unit, vectors_drive_t drive, void *context,
                           uint64_t cycles, const char *comment, const char *path, char error[DUT_ERROR_MAX]);

/* A check begins with this seed for everything that no reset sets. */
enum { VECTORS_FIRST_MAX = 384, VECTORS_X_SEED = 1 };

typedef struct {
    uint64_t cycles;
    uint64_t compared;             /* output values of the file */
    uint64_t unspecified;          /* output values of the file where the unit promises none: not compared */
    uint64_t model_mismatches;     /* values in which the model differs from the file */
    uint64_t rtl_mismatches;       /* values in which the RTL does */
    uint64_t output_cycle;         /* in which the first such value of either stands */
    uint64_t lockstep_mismatches;  /* elements of any kind in which RTL and model differ from each other */
    char first[VECTORS_FIRST_MAX]; /* the first mismatch in words; empty: none */
} vectors_result_t;

/* Runs the file through to its end; DUT_OK and *result, or one line in error. `with_rtl` false leaves the RTL
   out, for tests of the format alone. */
dut_status_t vectors_check(const design_t *design, const char *unit, const char *path, bool with_rtl,
                           vectors_result_t *result, char error[DUT_ERROR_MAX]);

/* The same against other sides than the clean reference model and its RTL: a planted bug, a fast model. Of
   `sides` only design, unit, fast and canary count. */
dut_status_t vectors_check_sides(const cosim_config_t *sides, const char *path, bool with_rtl,
                                 vectors_result_t *result, char error[DUT_ERROR_MAX]);

/* True when something was compared and nothing differed. */
bool vectors_hold(const vectors_result_t *result);

#ifdef __cplusplus
}
#endif
#endif
