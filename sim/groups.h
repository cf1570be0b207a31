/* SPDX-License-Identifier: Apache-2.0 */
/* Random heads cut into groups, as fetch of docs/machine.md offers them: for scenarios that play fetch. */
#ifndef SANGER_GROUPS_H
#define SANGER_GROUPS_H

#include "../model/design.h"
#include "random.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int rows, first, keys, d, beats; /* queries, first of them, keys, head size, beats of a 16-bit row */
    bool causal, final;              /* final: last group of the job */
    int policy, job;
    int64_t threshold, k, o; /* k and o: byte addresses */
} group_t;

typedef struct {
    const design_t *design;
    random_t *random;
    group_t next;
    int queries_left, heads_left;
} groups_t;

void groups_open(groups_t *g, const design_t *d, random_t *random);
group_t groups_next(groups_t *g);

/* Strips of a group, and rows of one of them. */
int group_strips(const design_t *d, const group_t *g);
int group_strip_rows(const design_t *d, const group_t *g, int strip);

/* Keys that any of its queries sees. */
int group_keys_seen(const group_t *g);

#ifdef __cplusplus
}
#endif
#endif
