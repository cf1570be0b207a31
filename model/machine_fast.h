/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_fast: the machine once more, for speed: the same wires and the same blocks, but for arrays that are
 * stepped by their fast models: predict_array and, under travelling control, slot_array. machine.c stays the
 * definition; this one is checked against it, in every register of every cycle.
 *
 *     predict_control, predict_feeder ──► machine.predict_array's ports ─────────► predict_array ──► rebias,
 * buffer pass_control, feeder ──► machine.slot_array's ports ──narrowed──► slot_array ──widened──► accumulate
 *
 * The struct begins with a machine_t, so what looks at a running machine may look at this one.
 */
#ifndef SANGER_MACHINE_FAST_H
#define SANGER_MACHINE_FAST_H

#include "machine.h"
#include "predict_array_fast.h"
#include "slot_array_fast.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    machine_t machine; /* of its predict_array and its slot_array the ports alone */
    predict_array_fast_t predict_array;
    slot_array_fast_t slot_array;
} machine_fast_t;

extern const block_type_t machine_fast_type;

/* True for the designs that it can take: those whose arrays have fast models. */
bool machine_fast_fits(const design_t *d);

#ifdef __cplusplus
}
#endif
#endif
