/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The design under test: generated Verilog of one unit, built by Verilator into a shared object with a plain
 * C interface and loaded at run time. `sanger` itself needs no Verilator; a build needs `verilator` and
 * `g++`.
 *
 * Plug-ins are cached under a hash of the generated files and the build flags.
 */
#ifndef SANGER_DUT_H
#define SANGER_DUT_H

#include "../model/block.h"
#include "../rtl/generate.h"
#include "plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const plugin_t *api;
    void *library; /* NULL: another instance's */
    void *instance;
} dut_t;

/* Why a DUT could not be had: bad input, or a tool that is missing. */
typedef enum { DUT_OK, DUT_BAD_INPUT, DUT_MISSING_TOOL } dut_status_t;

enum { DUT_ERROR_MAX = 512 };

/* Builds (unless cached) and opens `unit` of the design. `patch` plants a bug in the Verilog, NULL for none.
   `x_seed` chooses the initial values of everything that reset does not set. One line in error otherwise. */
dut_status_t dut_open(dut_t *dut, const design_t *d, const char *unit, const patch_t *patch, uint64_t x_seed,
                      char error[DUT_ERROR_MAX]);
/* The same with Verilator's own toggle coverage: api->coverage is set. */
dut_status_t dut_open_counting(dut_t *dut, const design_t *d, const char *unit, uint64_t x_seed,
                               char error[DUT_ERROR_MAX]);
/* The same for a netlist (a Verilog file) that stands for all of the unit's modules. */
dut_status_t dut_open_netlist(dut_t *dut, const design_t *d, const char *unit, const char *netlist,
                              uint64_t x_seed, char error[DUT_ERROR_MAX]);
/* Another instance of an open DUT, without building or loading again. */
dut_status_t dut_again(dut_t *dut, const dut_t *open, uint64_t x_seed, char error[DUT_ERROR_MAX]);
void dut_close(dut_t *dut);

/* A hash of the unit's generated Verilog, its children's included, in hex. */
dut_status_t dut_hash(const design_t *d, const char *unit, const patch_t *patch, char out[17],
                      char error[DUT_ERROR_MAX]);

/* Builds without opening; `seconds` gets the build time, 0 when it was cached. */
dut_status_t dut_build(const design_t *d, const char *unit, const patch_t *patch, double *seconds,
                       char error[DUT_ERROR_MAX]);

#ifdef __cplusplus
}
#endif
#endif
