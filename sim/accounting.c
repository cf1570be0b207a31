/* SPDX-License-Identifier: Apache-2.0 */
#include "accounting.h"

#include <string.h>

const char *const spent_names[SPENT_KINDS] = {"mac",  "exp",    "forward", "short_pass", "hazard", "skew",
                                              "walk", "memory", "gather",  "predict",    "tail"};

bool accounting_fill(accounting_t *a, const design_t *d, const uint64_t counted[CAUSES], uint64_t tail,
                     const work_t *work, int head_size)
{
    uint64_t pes = (uint64_t)d->rows * (uint64_t)d->pes, words = 2 * (uint64_t)head_size + 1;
    uint64_t *to = a->pe_cycles;
    memset(a, 0, sizeof *a);
    for (int i = 0; i < CAUSES; ++i) a->cycles += counted[i];
    to[SPENT_MAC] = (uint64_t)work->non_zeros * 2 * (uint64_t)head_size;
    to[SPENT_EXP] = (uint64_t)work->non_zeros;
    to[SPENT_FORWARD] = (uint64_t)work->pass_slots * (uint64_t)head_size;
    uint64_t busy = to[SPENT_MAC] + to[SPENT_EXP] + to[SPENT_FORWARD];
    if (counted[CAUSE_STREAM] != (uint64_t)work->passes * words || busy > counted[CAUSE_STREAM] * pes)
        return false;
    if (tail > counted[CAUSE_PREDICT]) return false;
    to[SPENT_SHORT_PASS] = counted[CAUSE_STREAM] * pes - busy;
    to[SPENT_HAZARD] = counted[CAUSE_HAZARD] * pes;
    to[SPENT_SKEW] = counted[CAUSE_INTERVAL] * pes;
    to[SPENT_WALK] = counted[CAUSE_WALK] * pes;
    to[SPENT_MEMORY] = counted[CAUSE_TILE] * pes;
    to[SPENT_GATHER] = counted[CAUSE_GATHER] * pes;
    to[SPENT_PREDICT] = (counted[CAUSE_PREDICT] - tail) * pes;
    to[SPENT_TAIL] = tail * pes;
    return accounting_sums(a, d);
}

bool accounting_sums(const accounting_t *a, const design_t *d)
{
    uint64_t sum = 0;
    for (int i = 0; i < SPENT_KINDS; ++i) sum += a->pe_cycles[i];
    return sum == a->cycles * (uint64_t)d->rows * (uint64_t)d->pes;
}

void accounting_add(accounting_t *to, const accounting_t *from)
{
    to->cycles += from->cycles;
    for (int i = 0; i < SPENT_KINDS; ++i) to->pe_cycles[i] += from->pe_cycles[i];
}
