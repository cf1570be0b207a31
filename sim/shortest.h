/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How few cycles from reset on can show a signal's difference: proved by bounded model checking, with Yosys
 * and ABC, over every stimulus. Memories without a reset begin with zeros, as cycle vectors assume.
 *
 *     the bug      of a change planted in the Verilog: changed and clean Verilog side by side, no element of
 *                  the signal differs
 *     the value    of anything else, where there is no second Verilog: the element does not become in the
 *                  Verilog what it is there when it differs. Other values may show the bug sooner.
 *     the move     where that is its value after reset: the element does not become anything else. A model
 *                  that moves it too soon may show sooner.
 */
#ifndef SANGER_SHORTEST_H
#define SANGER_SHORTEST_H

#include "cosim.h"
#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const cosim_config_t *config;
    int signal;     /* of the block's table */
    size_t index;   /* the element */
    uint64_t value; /* its bits in the Verilog */
    int cycles;     /* of the stimulus that was found */
    double seconds; /* at most */
} shortest_job_t;

typedef enum { SHORTEST_BUG, SHORTEST_VALUE, SHORTEST_MOVE } shortest_kind_t;

typedef struct {
    shortest_kind_t kind;
    int cleared; /* no stimulus of up to so many cycles shows it; -1: nothing is proved */
    int first;   /* one of so many does, and it is the fewest; -1: not known */
    double seconds;
} shortest_t;

/* cleared and first -1 when the tools are missing, the signal is a memory, or the time does not do. `b` is a
   block of the unit; `tape` gets the stimulus of `first` cycles and stays empty without. */
void shortest(const shortest_job_t *job, block_t *b, tape_t *tape, shortest_t *out);

#ifdef __cplusplus
}
#endif
#endif
