/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutants of a unit's signal table: an input, output or register left out, or one bit narrower. A register or
 * port that the generated Verilog has and the table has not, or a port of another width, is found by reading
 * the Verilog; narrower registers and nets by the lockstep. Nets are named by choice: leaving one out is no
 * fault.
 */
#ifndef SANGER_MUTATE_TABLE_H
#define SANGER_MUTATE_TABLE_H

#include "mutate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the unit's own Verilog has and the table of n entries has not, or has otherwise: one line in out, or
   "". 0, or -1 and one line in error. */
int mutate_table_check(const design_t *d, const char *unit, const signal_t *table, int n, char out[160],
                       char error[DUT_ERROR_MAX]);

/* Fills result->mutant and ends those that the check finds; the rest has to run on `*type` with `*chosen` =
   number[i] + 1 for mutant i. The unchanged table has to pass. */
dut_status_t mutate_table_open(const mutate_config_t *config, mutate_result_t *result,
                               const block_type_t **type, int **chosen, const int **number,
                               char error[DUT_ERROR_MAX]);

#ifdef __cplusplus
}
#endif
#endif
