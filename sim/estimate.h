/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two published closed forms of Sanger's latency: the attention part of a layer of `heads` heads
 * (projections left out: the machine does not compute them), a head's share of it, in cycles of a rows x pes
 * array. Density s = kept / (queries * keys), load balance b = utilisation of the PEs inside sub-rows.
 *
 *     v1   (2 L M d + 2 L M d) operations, 2 rows pes a cycle, times s / b
 *     v2   n = s / b * columns / pes * L sub-rows of a key tile, then
 *          (n / rows) * (M / columns) * ((heads d + columns) + (n + rows)) / heads
 *
 * Published for 64 x 16 PEs and 64 columns at 1 GHz. Both ignore prediction, softmax, packing and memory.
 */
#ifndef SANGER_ESTIMATE_H
#define SANGER_ESTIMATE_H

#include "../model/design.h"

typedef struct {
    double queries, keys, head_size, heads;
    double density, balance; /* 0: nothing was kept, and the estimates are 0 */
} estimate_t;

double estimate_v1_cycles(const design_t *d, const estimate_t *e);
double estimate_v2_cycles(const design_t *d, const estimate_t *e);

#endif
