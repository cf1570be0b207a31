/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs that a mutant of a netlist changes nothing: Yosys' induction over the changed module and its
 * original, whose registers, named nets and inputs of inner instances must stay equal. First with inner
 * instances as they are, then with what is in them.
 */
#ifndef SANGER_MUTATE_PROVE_H
#define SANGER_MUTATE_PROVE_H

#include "netlist.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Tries mutant `number` (from 1) of the netlist: end MUTANT_EQUIVALENT with the proof's name in m->how; or
   MUTANT_SURVIVED when the tries ended without a proof, MUTANT_UNDECIDED when time ran out, and why in
   m->how. */
void mutate_prove(const void *netlist, int number, mutant_t *m);

/* The ways by which mutants were proved, as netlist_t's `ways`. */
unsigned mutate_prove_ways(const mutant_t *mutant, int n);

#ifdef __cplusplus
}
#endif
#endif
