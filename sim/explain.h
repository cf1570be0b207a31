/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A divergence explained: the smallest stimulus (minimise.h), printed and as cycle vectors, waves of both
 * sides under it, and the command that shows it again anywhere.
 *
 *     minimised.txt    cycle vectors; outputs are those of the clean reference model
 *     minimised.fst    waves of both sides from reset on, with minimised.gtkw
 */
#ifndef SANGER_EXPLAIN_H
#define SANGER_EXPLAIN_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "minimise.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Minimises and prints to `out`, adds "minimised" to the report `json`, and writes the files into the
   configuration's report_dir, unless that is NULL. `why` is empty then, else why there is no such stimulus.
   DUT_OK, or one line in error. */
dut_status_t explain(const minimise_job_t *job, FILE *out, cJSON *json, char why[MINIMISE_WHY_MAX],
                     char error[DUT_ERROR_MAX]);

/* "signal", "model", "dut", both as real values, "xor" and so on of one difference, as an object. */
cJSON *explain_difference(const difference_t *x);

/* The value that an element's bits stand for. */
double explain_value(const signal_t *s, uint64_t bits);

#ifdef __cplusplus
}
#endif
#endif
