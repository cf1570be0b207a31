/* SPDX-License-Identifier: Apache-2.0 */
/*
 * normalise: divides a query row's accumulated outputs by its row sum, `lanes` elements at a time, one set a
 * cycle.
 *
 *     valid, den ──►┌────────┐    den_q ─► ... ──────► done
 *     num[lane] ───►│ divide │ x lanes ───────────────► quot[lane]    latency normalise_latency(d)
 *                   └────────┘                          zeros, sats[lane]: sticky event counters
 *
 * A lane is a restoring divider in the classical shift form, one quotient bit a stage:
 *
 *     load     |num| in half units of the output's last bit; its top is the first remainder, the rest fills
 * quo step     {rem, top bit of quo} less den if it fits; quo shifts that bit out and the quotient's bit in
 *     round    the last quotient bit is the half: to nearest, ties to even; sign; clip to the output's width
 *
 * so that a remainder is as wide as den. `big` says that the quotient does not fit anyway (its remainder
 * starts at 0), `tail` that half units cut something off |num| (only formats where they can have it).
 *
 * Cases: den <= 0 divides by 1 and the result is replaced by 0; it counts in zeros, once a row, never in
 * sats. A clipped element counts in its lane's sats. Both count only where valid, 32 bits, and stay at their
 * maximum. Registers move every cycle, so quot also changes where done is 0: read it where done is 1.
 *
 * Every stage is a register: nothing stalls, and there is no back-pressure.
 */
#ifndef SANGER_NORMALISE_H
#define SANGER_NORMALISE_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NORMALISE_LANES_MAX = 64 };

typedef struct {
    int64_t *valid, *num, *den;                /* in */
    int64_t *done, *quot, *zeros, *sats;       /* out */
    int64_t *valid_q, *empty_q, *den_q;        /* reg: [stage] */
    int64_t *rem_q, *quo_q;                    /* reg: [lane][stage] */
    uint8_t *neg_q, *big_q, *tail_q;           /* reg: [lane][stage]; tail_q: see above */
    int64_t *done_q, *quot_q, *zero_q, *sat_q; /* reg */
    const design_t *d;
    int64_t before[NORMALISE_LANES_MAX + 1]; /* num and den of the last edge */
    int repeats; /* edges in a row that found the inputs of the one before, not valid */
    int stages;  /* registers between load and round: one, and one for each quotient bit */
    int shift;   /* num's last bit is 2^shift half units of the output's (numerator over denominator) */
} normalise_t;

extern const block_type_t normalise_type;

void normalise_eval(void *self);
void normalise_tick(void *self);

/* Inputs of cycle t are answered in cycle t + latency. */
int normalise_latency(const design_t *d);

#ifdef __cplusplus
}
#endif
#endif
