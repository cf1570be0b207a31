/* SPDX-License-Identifier: Apache-2.0 */
#include "groups.h"

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* 1 .. most, often at an end or beside a multiple of `unit`, where off-by-one errors hide. */
static int size_up_to(random_t *r, int most, int unit)
{
    int size = 1 + (int)random_below(r, most);
    switch (random_below(r, 4)) {
    case 0: size = most; break;
    case 1: size = size / unit * unit + (int)random_below(r, 3) - 1; break;
    default: break;
    }
    return size < 1 ? 1 : size > most ? most : size;
}

static int64_t address(random_t *r, const design_t *d)
{
    int64_t beats = (INT64_C(1) << d->addr_w) / d->bus_bytes;
    return random_below(r, beats) * d->bus_bytes;
}

static void new_job(groups_t *g)
{
    const design_t *d = g->design;
    random_t *r = g->random;
    group_t *n = &g->next;
    ++n->job;
    n->keys = size_up_to(r, random_one_in(r, 4) ? least(d->columns, d->keys_max) : d->keys_max, d->columns);
    n->d = size_up_to(r, d->head_max, d->bus_bytes / 2);
    n->beats = design_beats(d, n->d);
    n->causal = random_one_in(r, 2);
    n->policy = (int)random_below(r, 3);
    n->threshold = (int64_t)fixed_low(random_bits(r), d->threshold.w);
    g->heads_left = 1 + (int)random_below(r, 3);
}

static void new_head(groups_t *g)
{
    const design_t *d = g->design;
    random_t *r = g->random;
    if (g->heads_left == 0) new_job(g);
    --g->heads_left;
    g->queries_left = size_up_to(r, random_one_in(r, 3) ? least(d->rows, d->keys_max) : d->keys_max, d->rows);
    g->next.first = 0;
    g->next.k = address(r, d);
    g->next.o = address(r, d);
}

void groups_open(groups_t *g, const design_t *d, random_t *random)
{
    *g = (groups_t){.design = d, .random = random, .next = {.job = (int)random_below(random, 1 << 15)}};
}

group_t groups_next(groups_t *g)
{
    if (g->queries_left == 0) new_head(g);
    int most = design_group_rows(g->design);
    g->next.rows = g->queries_left < most ? g->queries_left : most;
    g->queries_left -= g->next.rows;
    g->next.final = g->queries_left == 0 && g->heads_left == 0;
    group_t group = g->next;
    g->next.first += group.rows;
    g->next.o += (int64_t)group.rows * group.beats * g->design->bus_bytes;
    g->next.o = (int64_t)fixed_low((uint64_t)g->next.o, g->design->addr_w);
    return group;
}

int group_strips(const design_t *d, const group_t *g)
{
    return (g->rows + d->rows - 1) / d->rows;
}

int group_strip_rows(const design_t *d, const group_t *g, int strip)
{
    int left = g->rows - strip * d->rows;
    return left < d->rows ? left : d->rows;
}

int group_keys_seen(const group_t *g)
{
    int last = g->first + g->rows;
    return g->causal && last < g->keys ? last : g->keys;
}
