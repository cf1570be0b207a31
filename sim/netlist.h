/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A unit's modules as a Yosys netlist with mutants in it: the input mutant_i (LOCKSTEP_MUTANT_PORT) chooses
 * which one is active, 0 none. Memories stay memories, names and hierarchy stay the sources'.
 *
 * Cells of other units inside are not mutated: they have mutants of their own.
 */
#ifndef SANGER_NETLIST_H
#define SANGER_NETLIST_H

#include "mutate.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NETLIST_PATH_MAX = 4352 };

typedef struct {
    const mutate_config_t *config;
    char module[128];
    char folder[NETLIST_PATH_MAX]; /* in the cache: the sources, prepared.il, list.ys, netlist.v */
    char netlist[NETLIST_PATH_MAX + 16];
    bool instances;        /* it has modules inside */
    unsigned ways;         /* of proof that are tried, one bit each (mutate_prove.c) */
    char (*command)[1024]; /* "-mode ...": the change of each mutant, as Yosys' mutate takes it */
} netlist_t;

/* Builds (unless cached) and fills result->mutant. Close in every case. */
dut_status_t netlist_open(netlist_t *n, const mutate_config_t *config, mutate_result_t *result,
                          char error[DUT_ERROR_MAX]);
void netlist_close(netlist_t *n);

enum { NETLIST_TIMED_OUT = -1 };

/* Runs a Yosys script in the netlist's folder for at most `seconds` of processor time; 0, NETLIST_TIMED_OUT
   when that was too short, else Yosys' exit status. `log` gets what it says. */
int netlist_yosys(const netlist_t *n, const char *script, const char *log, int seconds);

#ifdef __cplusplus
}
#endif
#endif
