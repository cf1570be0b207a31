/* SPDX-License-Identifier: Apache-2.0 */
/* What mutants of a unit came to: one row a side and one line for each that was neither killed nor proved, or
 * JSON. */
#ifndef SANGER_MUTATE_REPORT_H
#define SANGER_MUTATE_REPORT_H

#include <stdio.h>

#include "mutate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The n sides' results, config[i] with result[i]. */
void mutate_print(FILE *out, const mutate_config_t *config, mutate_result_t *const *result, int n);
void mutate_print_json(FILE *out, const mutate_config_t *config, mutate_result_t *const *result, int n);

#ifdef __cplusplus
}
#endif
#endif
