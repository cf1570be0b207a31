/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where in its work a unit is: the pass since reset, the cycle within it, what is being done; of the whole
 * machine also the queue and the job. Read from the unit's own ports and registers, cycle by cycle.
 */
#ifndef SANGER_PLACE_H
#define SANGER_PLACE_H

#include "../model/block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int64_t queue, job; /* from 0; -1: none yet, or a unit without any */
    int64_t pass;       /* the same */
    int64_t cycle;      /* within the pass, from 0 */
    char op[16];        /* what is being done */
    int64_t last;       /* of what tells a new pass */
} place_t;

/* After reset. */
void place_reset(place_t *p);

/* After the settle of each cycle. */
void place_step(place_t *p, const block_t *b);

/* True when the unit works in passes: there is something to say. */
bool place_known(const place_t *p);

/* "pass=3 cycle=17 op=fwd" into out[n]; empty when nothing is known. */
void place_text(const place_t *p, char *out, size_t n);

#ifdef __cplusplus
}
#endif
#endif
