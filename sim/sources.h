/* SPDX-License-Identifier: Apache-2.0 */
/* The generated files of a design in memory, and which of them a unit is built from. */
#ifndef SANGER_SOURCES_H
#define SANGER_SOURCES_H

#include "../model/block.h"
#include "../rtl/generate.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SOURCES_MAX = 64, SOURCES_NAME_MAX = 160 };

typedef struct {
    int n;
    struct {
        char name[SOURCES_NAME_MAX];
        char *text;
        bool used; /* reachable from the unit's top */
        bool own;  /* reachable without passing through another unit: the unit's module and its helpers */
    } file[SOURCES_MAX];
} sources_t;

/* Generates all files of the design, from the sources in rtl/ of paths_data; `patch` may be NULL. 0, or -1
   with one line in error[GENERATE_ERROR_MAX]. Close in both cases. */
int sources_open(sources_t *sources, const design_t *d, const char *unit, const patch_t *patch, char *error);
void sources_close(sources_t *sources);

#ifdef __cplusplus
}
#endif
#endif
