/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canaries: bugs that are planted on purpose, to see that the comparison finds them. Each is one textual
 * change of one source, in the Verilog (a plug-in of its own is built) or in the C model (built into a shared
 * object of its own). A change that fits nowhere any more is an error, so canaries cannot rot silently.
 */
#ifndef SANGER_CANARY_H
#define SANGER_CANARY_H

#include "dut.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { CANARY_RTL, CANARY_MODEL } canary_side_t;

typedef struct {
    const char *name;
    canary_side_t side;
    const char *unit;       /* where cosim must see it */
    patch_t patch;          /* file in rtl/ or model/ */
    const char *kind;       /* "kind: what goes wrong" */
    const char *arithmetic; /* "published", "signed", "machine", "strips" (with three and more in a half),
                               "array" (its published control) or NULL: the designs that show it */
} canary_t;

/* Ends with a NULL name. */
extern const canary_t canaries[];

const canary_t *canary_find(const char *name);

/* True when the design has what the canary changes. */
bool canary_shows(const canary_t *canary, const design_t *d);

/* True when it sits in a fast model's source: only that model shows it, else only the reference does. */
bool canary_is_fast(const canary_t *canary);

/* The type of `unit` in a model built with the canary's change, the fast one for a canary of a fast source;
   NULL and one line in error otherwise. The library stays loaded until the process ends. */
const block_type_t *canary_model(const canary_t *canary, const char *unit, const design_t *d,
                                 dut_status_t *status, char error[DUT_ERROR_MAX]);

#ifdef __cplusplus
}
#endif
#endif
