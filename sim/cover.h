/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lockstep runs of a unit reached: toggle coverage of what they compared, functional points, and of each
 * missed point the reason.
 */
#ifndef SANGER_COVER_H
#define SANGER_COVER_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "cosim.h"
#include "points.h"
#include "reasons.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cover cover_t;

/* Of a unit, stepped with its reference model: fast ones go through the same states. NULL and one line in
 * error. `more` are items besides points_list, or NULL. */
cover_t *cover_open(const char *unit, const design_t *d, const points_item_t *more,
                    char error[DUT_ERROR_MAX]);
void cover_close(cover_t *c);

/* One more run, as cosim_run; `config` has the unit, design and model that the cover was opened for. */
dut_status_t cover_run(cover_t *c, const cosim_config_t *config, cosim_result_t *result,
                       char error[DUT_ERROR_MAX]);

/* Everything: counts, missed points (those of a signal that lie side by side in one line) with their reasons,
 * stale reasons. `reasons` may be NULL. The caller deletes it; NULL: out of memory. */
cJSON *cover_json(const cover_t *c, reasons_t *reasons);

/* The same as text; missed points that have a reason only if `all`. */
void cover_print(FILE *out, const cJSON *json, bool all);

/* True when all missed points have a reason and no reason is stale. */
bool cover_holds(const cJSON *json);

#ifdef __cplusplus
}
#endif
#endif
