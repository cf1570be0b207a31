/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is printed and written when model and DUT diverge: one greppable MISMATCH line per differing element,
 * the decoded phase, the last cycles' inputs, waves of the window and the command that does it again.
 */
#ifndef SANGER_REPORT_H
#define SANGER_REPORT_H

#include <stdio.h>

#include "cosim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Runs the diverging configuration again up to `result->cycle`, prints the report to `out` and, when
   config->report_dir is set, leaves report.json, window.fst and window.gtkw there (made when absent). */
dut_status_t report_divergence(const cosim_config_t *config, const cosim_result_t *result, FILE *out,
                               char error[DUT_ERROR_MAX]);

/* The line about a finished run that every harness prints, and a VACUOUS line where it compared nothing. */
void report_line(FILE *out, const cosim_config_t *config, dut_status_t status, const cosim_result_t *result);

/* Runs again for its first cycles and leaves their waves in config->report_dir: of a run that held. */
dut_status_t report_waves(const cosim_config_t *config, FILE *out, char error[DUT_ERROR_MAX]);

/* One MISMATCH line: `when` is the cycle, `run` says what was run. */
void report_difference(FILE *out, const char *unit, const char *when, const char *phase,
                       const difference_t *x, const char *run);

/* The same of a cosim run. */
void report_mismatch(FILE *out, const cosim_config_t *config, uint64_t cycle, const char *phase,
                     const difference_t *x);

/* The block's shared control inputs by name, "c3=2:self c5=0:hold"; the caller frees. NULL: out of memory. */
char *report_phase(const block_t *b);

/* "sanger cosim ..." that repeats the run, into command[n]. */
void report_command(const cosim_config_t *config, char *command, size_t n);

#ifdef __cplusplus
}
#endif
#endif
