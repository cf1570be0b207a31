/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expands one Verilog source of rtl/ for one design:
 *
 *     @{expr}               its value                   //@let name = expr   a name for this file
 *     @{prefix} @{module}   the design's prefix, the module's own name
 *     @sext{sig, from, to}  sign-extended identifier    @zext{...}           zero-extended
 *     //@if expr  //@else  //@endif                     selected lines
 *     //@lut                rows of the exp unit's table, the real value beside each
 */
#ifndef SANGER_EXPAND_H
#define SANGER_EXPAND_H

#include <stdio.h>

#include "../model/design.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A name whose value the module needs beyond the design's own. */
typedef struct {
    char name[32];
    int64_t value;
} expand_name_t;

enum { EXPAND_NAMES_MAX = 48, EXPAND_ERROR_MAX = 256 };

typedef struct {
    const design_t *design;
    const char *module; /* without prefix */
    int names;
    expand_name_t name[EXPAND_NAMES_MAX];
    char error[EXPAND_ERROR_MAX];
} expand_t;

/* Adds a name; the last one of a name counts. */
void expand_define(expand_t *e, const char *name, int64_t value);

/* Writes the expansion of `source` (named `file` in errors) to `out`. Returns 0, or -1 with e->error set. */
int expand(expand_t *e, const char *file, const char *source, FILE *out);

#ifdef __cplusplus
}
#endif
#endif
