/* SPDX-License-Identifier: Apache-2.0 */
/* Where the project's files are: installed beside the binary, in the source tree around its build folder, or
   where it was configured for. */
#ifndef SANGER_PATHS_H
#define SANGER_PATHS_H

#include "../model/design.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PATH_MAX_BYTES = 4096 };

/* The folder that holds designs/, rtl/, model/ and sim/: $SANGER_DATA, else ../share/sanger or ../.. seen
   from the binary's folder, else the source tree for a binary in the configured build folder, else the
   configured prefix. */
const char *paths_data(void);

/* Where built plug-ins are kept: $SANGER_CACHE, else $XDG_CACHE_HOME/sanger or ~/.cache/sanger. Created on
   demand; returns 0, or -1 with one line in error[DESIGN_ERROR_MAX]. */
int paths_cache(char out[PATH_MAX_BYTES], char *error);

/* The named designs in the order of their names: loads up to `max` into d. Returns how many, or -1 with one
   line in error[DESIGN_ERROR_MAX] when one is unsound or there are none. */
int paths_designs(design_t *d, int max, char *error);

/* Loads a design by name (from designs/) or by path (anything with a '/' or ending in .json). */
int paths_design(const char *name, design_t *d, char *error);

#ifdef __cplusplus
}
#endif
#endif
