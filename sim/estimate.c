/* SPDX-License-Identifier: Apache-2.0 */
#include "estimate.h"

double estimate_v1_cycles(const design_t *d, const estimate_t *e)
{
    if (e->balance <= 0) return 0;
    double operations = 4 * e->queries * e->keys * e->head_size;
    return operations / (2.0 * d->rows * d->pes) * e->density / e->balance;
}

double estimate_v2_cycles(const design_t *d, const estimate_t *e)
{
    if (e->balance <= 0 || e->heads <= 0) return 0;
    double n = e->density / e->balance * d->columns / d->pes * e->queries;
    double tile = (e->heads * e->head_size + d->columns) + (n + d->rows);
    return n / d->rows * (e->keys / d->columns) * tile / e->heads;
}
