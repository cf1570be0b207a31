/* SPDX-License-Identifier: Apache-2.0 */
/* Plays fetch, the memory port and pass_control: reads are granted and answered with and without delay, tiles
 * are used up at times at once. */
#include <stdlib.h>

#include "../model/tile_loader.h"
#include "groups.h"
#include "schedule.h"

enum { READS_MAX = 512 };

typedef struct {
    block_t *block;
    random_t *random;
    groups_t groups;
    int epoch;                          /* cycles until the temper changes */
    int grant_gap, answer_gap, use_gap; /* one cycle in so many moves */
    int cycle;
    int started, begun, used; /* groups */
    int tiles_left[2];        /* of each half's group */
    int buffer;               /* of the tile that is used up next */
    int granted, answered;    /* reads */
    int64_t tag[READS_MAX];
    int due[READS_MAX];
} memory_t;

static void *memory_open(block_t *block, random_t *random)
{
    memory_t *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    *m = (memory_t){.block = block, .random = random};
    groups_open(&m->groups, block->design, random);
    return m;
}

static void new_temper(memory_t *m)
{
    static const int gaps[] = {1, 1, 3, 20};
    m->epoch = 100 + (int)random_below(m->random, 1000);
    m->grant_gap = gaps[random_below(m->random, 4)];
    m->answer_gap = gaps[random_below(m->random, 4)];
    m->use_gap = gaps[random_below(m->random, 4)] * gaps[random_below(m->random, 4)];
}

static void start_group(memory_t *m, tile_loader_t *t)
{
    const design_t *d = m->block->design;
    group_t g = groups_next(&m->groups);
    int half = m->started++ & 1;
    m->tiles_left[half] = (group_keys_seen(&g) + d->columns - 1) / d->columns;
    t->g_rows[half] = g.rows;
    t->g_first[half] = g.first;
    t->g_keys[half] = g.keys;
    t->g_beats[half] = g.beats;
    t->g_causal[half] = g.causal;
    t->g_k[half] = g.k;
    t->g_v[half] = (int64_t)fixed_low(random_bits(m->random), d->addr_w) & -d->bus_bytes;
}

/* Tiles are used up in order; with its last tile a group is. */
static void use_tiles(memory_t *m, tile_loader_t *t)
{
    int b = m->buffer;
    t->tile_free[0] = t->tile_free[1] = 0;
    if (!t->tile_loaded[b] || !random_one_in(m->random, m->use_gap)) return;
    t->tile_free[b] = 1;
    m->buffer ^= 1;
    if (--m->tiles_left[m->used & 1] == 0) ++m->used;
}

static void answer_reads(memory_t *m, tile_loader_t *t)
{
    const design_t *d = m->block->design;
    if (*t->rd_valid && *t->rd_ready) { /* in the cycle before */
        m->tag[m->granted % READS_MAX] = *t->rd_tag;
        m->due[m->granted++ % READS_MAX] = m->cycle + 2;
    }
    *t->got = m->answered < m->granted && m->due[m->answered % READS_MAX] <= m->cycle &&
              random_one_in(m->random, m->answer_gap);
    if (*t->got) *t->got_tag = m->tag[m->answered++ % READS_MAX];
    *t->rd_ready = m->granted - m->answered < d->outstanding && random_one_in(m->random, m->grant_gap);
    for (int i = 0; i < d->bus_bytes / 2; ++i) t->got_data[i] = random_below(m->random, 1 << 16);
}

static void memory_next(void *self)
{
    memory_t *m = self;
    tile_loader_t *t = m->block->self;
    if (m->epoch-- == 0) new_temper(m);
    if (m->started - m->used < 2 && random_one_in(m->random, m->use_gap)) start_group(m, t);
    if (m->begun < m->started && random_one_in(m->random, m->use_gap)) ++m->begun;
    use_tiles(m, t);
    answer_reads(m, t);
    *t->begun_groups = m->begun & 3;
    ++m->cycle;
}

const scenario_t scenario_tile_loader = {"tile_loader", memory_open, memory_next, free, NULL};
