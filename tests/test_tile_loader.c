/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does every beat of every tile reach its place, in order and not before its buffer is given back?
 *
 * Which address each place of the feeder should hold is found from the group's addresses alone.
 */
#include "../model/tile_loader.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/groups.h"
#include "../sim/paths.h"
#include "../sim/random.h"
#include "run_suite.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for many of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

enum { COLUMNS_MAX = 64, BEATS_MAX = 16, READS_MAX = 64, GROUPS_MAX = 40, TILES_MAX = 1000 };

typedef struct {
    int64_t tag, addr;
    int due;
} read_t;

typedef struct {
    const design_t *d;
    random_t random;
    groups_t heads;
    block_t *block;
    tile_loader_t *t;
    int seed, cycle, stall;
    group_t group[GROUPS_MAX];
    int64_t v[GROUPS_MAX];
    int groups, begun, used; /* groups that are there, that may be loaded, used up */
    int tile, tiles;         /* of the group that is used: the tile whose turn it is; tiles in all */
    int buffer;              /* its buffer */
    int64_t held[2][2][COLUMNS_MAX][BEATS_MAX]; /* the feeder: address of each beat that was written, or -1 */
    read_t read[READS_MAX];
    int asked, answered;
    int reads_to[TILES_MAX];   /* reads of all tiles before this one */
    int all_tiles, tiles_used; /* there; used up */
} world_t;

#define HERE      "%s seed %d cycle %d: "
#define HERE_ARGS w->d->name, w->seed, w->cycle

static bool now(world_t *w, int stall)
{
    return !stall || random_one_in(&w->random, stall);
}

static void add_group(world_t *w)
{
    int n = w->groups++, half = n % 2;
    w->group[n] = groups_next(&w->heads);
    w->v[n] = (int64_t)fixed_low(random_bits(&w->random), w->d->addr_w) & -w->d->bus_bytes;
    const group_t *g = &w->group[n];
    for (int base = 0; base < group_keys_seen(g); base += w->d->columns, ++w->all_tiles) {
        int keys = g->keys - base < w->d->columns ? g->keys - base : w->d->columns;
        w->reads_to[w->all_tiles + 1] = w->reads_to[w->all_tiles] + 2 * keys * g->beats;
    }
    w->t->g_rows[half] = g->rows;
    w->t->g_first[half] = g->first;
    w->t->g_keys[half] = g->keys;
    w->t->g_beats[half] = g->beats;
    w->t->g_causal[half] = g->causal;
    w->t->g_k[half] = g->k;
    w->t->g_v[half] = w->v[n];
}

/* Memory: in order, two cycles at least, a bounded number at a time. */
static void answer(world_t *w)
{
    tile_loader_t *t = w->t;
    read_t *oldest = &w->read[w->answered % READS_MAX];
    *t->got = w->answered < w->asked && oldest->due <= w->cycle && now(w, w->stall);
    *t->got_tag = random_below(&w->random, INT64_C(1) << design_tag_w(w->d));
    if (*t->got) {
        ++w->answered;
        *t->got_tag = oldest->tag;
    }
    for (int i = 0; i < w->d->bus_bytes / 2; ++i) t->got_data[i] = random_below(&w->random, 1 << 16);
    *t->rd_ready = w->asked - w->answered < 8 && now(w, w->stall);
}

static void take_read(world_t *w)
{
    if (!*w->t->rd_valid || !*w->t->rd_ready) return;
    w->read[w->asked++ % READS_MAX] = (read_t){*w->t->rd_tag, *w->t->rd_addr, w->cycle + 2};
}

static void write_feeder(world_t *w)
{
    const tile_loader_t *t = w->t;
    demand(*t->we == *t->got, HERE "we", HERE_ARGS);
    demand(!memcmp(t->wdata, t->got_data, (size_t)w->d->bus_bytes / 2 * sizeof *t->wdata), HERE "data",
           HERE_ARGS);
    if (!*t->we) return;
    int beat_w = design_beat_w(w->d), col_w = fixed_bits(w->d->columns);
    int64_t at = *t->waddr;
    int beat = (int)(at & ((1 << beat_w) - 1)), column = (int)(at >> beat_w & ((1 << col_w) - 1));
    int is_v = (int)(at >> (beat_w + col_w) & 1), buffer = (int)(at >> (beat_w + col_w + 1));
    int64_t *place = &w->held[buffer][is_v][column][beat];
    demand(*place < 0, HERE "buffer %d: is_v %d column %d beat %d is written twice", HERE_ARGS, buffer, is_v,
           column, beat);
    *place = w->read[(w->answered - 1) % READS_MAX].addr;
}

/* The buffer holds that tile, whole, and nothing else. */
static void check_tile(const world_t *w, const group_t *g, int64_t v)
{
    int base = w->tile * w->d->columns;
    int64_t most = (INT64_C(1) << w->d->addr_w) - 1, row = (int64_t)g->beats * w->d->bus_bytes;
    for (int is_v = 0; is_v < 2; ++is_v) {
        for (int c = 0; c < w->d->columns; ++c) {
            for (int beat = 0; beat < BEATS_MAX; ++beat) {
                int64_t addr = (is_v ? v : g->k) + (base + c) * row + beat * w->d->bus_bytes;
                bool there = base + c < g->keys && beat < g->beats;
                demand(w->held[w->buffer][is_v][c][beat] == (there ? addr & most : -1),
                       HERE "group %d tile %d is_v %d column %d beat %d", HERE_ARGS, w->used, w->tile, is_v,
                       c, beat);
            }
        }
    }
}

/* Tiles are used in order; a buffer is given back at once or later. */
static void use_tile(world_t *w)
{
    tile_loader_t *t = w->t;
    t->tile_free[0] = t->tile_free[1] = 0;
    if (w->used == w->groups || !t->tile_loaded[w->buffer]) return;
    const group_t *g = &w->group[w->used];
    demand(w->used < w->begun, HERE "group %d is loaded before its turn", HERE_ARGS, w->used);
    if (!now(w, 4 * w->stall)) return;
    check_tile(w, g, w->v[w->used]);
    t->tile_free[w->buffer] = 1;
    memset(w->held[w->buffer], -1, sizeof w->held[w->buffer]);
    w->buffer ^= 1;
    ++w->tiles_used;
    w->tiles = (group_keys_seen(g) + w->d->columns - 1) / w->d->columns;
    if (++w->tile < w->tiles) return;
    w->tile = 0;
    ++w->used;
}

static void step(world_t *w)
{
    use_tile(w); /* of what showed in the cycle before */
    if (w->groups < GROUPS_MAX && w->groups - w->used < 2) add_group(w);
    if (w->begun < w->groups && now(w, w->stall)) ++w->begun;
    *w->t->begun_groups = w->begun % 4;
    answer(w);
    w->block->type->eval(w->t);
    take_read(w);
    write_feeder(w);
    w->block->type->tick(w->t);
    ++w->cycle;
}

static world_t *open_world(const design_t *d, int seed, int stall)
{
    world_t *w = calloc(1, sizeof *w);
    demand(w, "out of memory");
    w->d = d;
    w->seed = seed;
    w->stall = stall;
    w->random = random_from((uint64_t)seed);
    groups_open(&w->heads, d, &w->random);
    w->block = block_open(&tile_loader_type, d);
    demand(w->block, "out of memory");
    w->t = w->block->self;
    memset(w->held, -1, sizeof w->held);
    return w;
}

static void close_world(world_t *w)
{
    block_close(w->block);
    free(w);
}

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

static void run(const design_t *d, int seed, int stall)
{
    world_t *w = open_world(d, seed, stall);
    while (w->used < GROUPS_MAX) {
        demand(w->cycle < 1000000, HERE "stuck", HERE_ARGS);
        step(w);
    }
    for (int i = 0; i < 50; ++i) step(w);
    demand(w->asked == w->answered, HERE "answers", HERE_ARGS);
    demand(!w->t->tile_loaded[0] && !w->t->tile_loaded[1], HERE "loaded for nobody", HERE_ARGS);
    close_world(w);
}

START_TEST(every_beat_of_every_tile_is_where_it_belongs)
{
    static const char *const names[] = {"odd_5x7x3_travelling", "full_4x4x4_travelling",
                                        "one_pe_6x5x1_travelling", "ties_7x9x3_travelling"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        design_t d = load(names[i]);
        for (int seed = 1; seed <= 40; ++seed) run(&d, seed, seed % 3 * (seed % 5));
    }
}
END_TEST

/* A head with fewer keys than a tile has columns. */
START_TEST(few_keys_do)
{
    design_t d = load("odd_5x7x3_travelling");
    d.keys_max = 3;
    d.strips = d.rows = 1;
    for (int seed = 1; seed <= 20; ++seed) run(&d, seed, seed % 3);
}
END_TEST

/* Reads that may be offered: of groups begun, of two tiles at a time. */
static int allowed_reads(const world_t *w)
{
    int tiles = w->all_tiles;
    if (w->begun < w->groups)
        tiles -= (group_keys_seen(&w->group[w->groups - 1]) + w->d->columns - 1) / w->d->columns;
    return w->reads_to[tiles < w->tiles_used + 2 ? tiles : w->tiles_used + 2];
}

/* One read a cycle, from tile to tile and from group to group. */
START_TEST(memory_never_waits_while_a_buffer_is_free)
{
    design_t d = load("ties_7x9x3_travelling");
    for (int seed = 1; seed <= 10; ++seed) {
        world_t *w = open_world(&d, 2 * seed, 0);
        for (int allowed = 0, before = 0; w->used < GROUPS_MAX; before = allowed) {
            allowed =
                allowed_reads(w); /* two cycles: one until tile_free is seen, one until the read shows */
            int asked = w->asked;
            step(w);
            demand(w->asked > asked || asked >= before || w->cycle < 4, HERE "no read", HERE_ARGS);
        }
        close_world(w);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tile_loader");
    TCase *t = tcase_create("tile_loader");
    tcase_set_timeout(t, 200);
    tcase_add_test(t, every_beat_of_every_tile_is_where_it_belongs);
    tcase_add_test(t, few_keys_do);
    tcase_add_test(t, memory_never_waits_while_a_buffer_is_free);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
