/* SPDX-License-Identifier: Apache-2.0 */
/* The C interface of a Verilated design: what a plug-in's `sanger_plugin` returns. */
#ifndef SANGER_PLUGIN_H
#define SANGER_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PLUGIN_ABI = 3 };

typedef struct {
    int abi;
    /* A fresh instance whose unset state is random, from the seed. NULL when memory is short. */
    void *(*open)(uint64_t x_seed);
    void (*close)(void *instance);
    /* One edge with reset low, then reset released. Inputs keep what was poked. */
    void (*reset)(void *instance);
    /* Settles combinational logic after pokes. */
    void (*eval)(void *instance);
    /* One rising edge of the clock, with outputs settled afterwards. */
    void (*tick)(void *instance);
    /* Storage of a top port ("left_i") or of an object below the top ("g_row[0].u_row.acc_q"), its bytes and
       its width as declared, of a word when it is a memory (NULL: not asked for); NULL when there is none.
       Little-endian; bits above the object's width are zero and must stay so. */
    void *(*object)(void *instance, const char *path, size_t *bytes, size_t *width);
    /* Writes Verilator's toggle counts as a coverage.dat; NULL path: sets them to 0. NULL: built without. */
    void (*coverage)(void *instance, const char *path);
} plugin_t;

const plugin_t *sanger_plugin(void);

#ifdef __cplusplus
}
#endif
#endif
