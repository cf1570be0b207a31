/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a design and the sources in rtl/ to a self-contained set of parameter-free Verilog files:
 *
 *     <design>_<module>.v    one module a file, sizes as literals, header with design name and hash
 *     <design>_signals.md    every unit's ports, named nets and registers
 *     <design>.vlt           which signals a Verilator build keeps visible, and which modules it keeps apart
 *
 * The same input gives the same bytes: no dates, no paths.
 */
#ifndef SANGER_GENERATE_H
#define SANGER_GENERATE_H

#include "../model/design.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GENERATE_ERROR_MAX = 512 };

/* A planted change of one source: `old` must occur exactly once in rtl/<file>. */
typedef struct {
    const char *file, *old, *replacement;
} patch_t;

/* Takes one finished file; returns 0, or -1 with `error` set. */
typedef int (*generate_sink_t)(void *context, const char *name, const char *text, size_t bytes, char *error);

/* Generates every file of the design from the sources in `source_dir`. `patch` may be NULL.
   Returns 0, or -1 with one line in error[GENERATE_ERROR_MAX]. */
int generate(const design_t *d, const char *source_dir, const patch_t *patch, generate_sink_t sink,
             void *context, char *error);

/* Generates into a directory, which is made when absent; no file is left half-written. */
int generate_files(const design_t *d, const char *source_dir, const char *out_dir, const patch_t *patch,
                   char *error);

#ifdef __cplusplus
}
#endif
#endif
