/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reviewed reasons why no input can show a mutant that no proof decides: docs/mutation_argued.json, a list of
 *
 *     {"unit": "pack", "side": "model", "where": "pack.c", "change": "'p->known = *", "argument": "..."}
 *
 * `where` is a file of the mutant's place without its line; in `change` `*` is any text. An argued mutant
 * stays a survivor in every figure: it is explained, not counted as killed or equivalent.
 */
#ifndef SANGER_MUTATE_ARGUED_H
#define SANGER_MUTATE_ARGUED_H

#include "mutate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fills `argument` of the survivors that the file names; DUT_OK, or one line in error: file, entry, expected,
 * found. */
dut_status_t mutate_argue(const char *path, const mutate_config_t *config, mutate_result_t *result,
                          char error[DUT_ERROR_MAX]);

#ifdef __cplusplus
}
#endif
#endif
