/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Are all sub-rows of all tiles in passes, as early as the array allows and no earlier?
 *
 * A world of groups with masks in memory, a tile loader, an accumulate and a drain plays the neighbours. What
 * should come out is worked out from the masks alone: which sub-rows share a pass, from a tile's list of
 * them. When passes may start is worked out from the array's side: in which cycles each slot, exp unit and
 * output place is in use.
 */
#include "../model/pass_control.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/paths.h"
#include "../sim/random.h"
#include "run_suite.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for millions of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

enum { ROWS_MAX = 64, COLUMNS_MAX = 64, PES_MAX = 64, TILES_MAX = 64, STRIPS_MAX = 4, GROUPS_MAX = 64 };
enum { GROUP_ROWS_MAX = ROWS_MAX * STRIPS_MAX };
enum { LONG_AGO = -100000, NEVER = 1 << 30 };

/* ---- what should happen ---- */

typedef struct {
    int index, n, cols[COLUMNS_MAX];
    int end[PES_MAX];   /* by slot: the column it acts for, -1: skips */
    bool idle[PES_MAX]; /* and takes part in the second half only */
} sub_row_t;

/* A pass: what it should hold, and when what was seen of it. */
typedef struct {
    int tile, group, d, count;
    sub_row_t row[ROWS_MAX];
    int mode[ROWS_MAX][PES_MAX], col[ROWS_MAX][PES_MAX];
    int closed, walk, start,
        end; /* cycles: closed_q counts it; tw; t0; after the last word so far. NEVER: not yet */
} pass_t;

typedef struct {
    int group, passes, left; /* passes in all, not complete */
    int loaded, freed;       /* cycles */
    int offers;              /* rows that cost a cycle */
} tile_t;

typedef struct {
    int rows, first, keys, d, causal, tiles, first_tile;
    int first_strip, strips; /* strips are numbered over all groups */
} group_t;

/* How the neighbours behave. */
typedef struct {
    int seed, groups, percent,
        run;       /* of masks: density; columns repeat their neighbour but for one in `run` */
    int stall;     /* 0: neighbours are never late */
    bool one_head; /* all groups have one head size, the longest */
} temper_t;

typedef struct {
    const design_t *d;
    temper_t temper;
    random_t random;
    block_t *block;
    pass_control_t *p;
    bool travelling;
    int cycle;

    uint8_t mask[2][GROUP_ROWS_MAX][TILES_MAX][COLUMNS_MAX];
    group_t group[GROUPS_MAX];
    tile_t tile[GROUPS_MAX * TILES_MAX];
    pass_t *pass;
    int groups, tiles, passes, room; /* so far */

    int begun, computed, released, drained, drain_at, predict_at; /* groups */
    int strips, predicted, rebiased;                              /* strips */
    int loading, load_at;                                         /* tiles */
    int freed[2];                                                 /* the next tile that each buffer frees */
    int ready_before, closes, walked, started, finished, completed, done_at; /* passes */
    int64_t closed;                                                          /* closed_q */
    int walk_row, word; /* of the walk and the pass under way; -1: none */

    int busy_until[ROWS_MAX]
                  [PES_MAX + 1];        /* the last cycle in which the slot, or the output place, is used */
    int current[ROWS_MAX][PES_MAX + 1]; /* the edge at which its last configuration becomes current */
    int over[ROWS_MAX][PES_MAX + 1];    /* the first edge at which the next may */
    int last_exp[ROWS_MAX], last_commit;
    int64_t hazard, interval, late_tile; /* idle cycles by these causes */
    int64_t words, busy, held_back;
} world_t;

/* What runs have shown. */
typedef struct {
    int64_t causes[CAUSES], passes, held_back, cycles;
} seen_t;

static int larger(int a, int b)
{
    return a > b ? a : b;
}

#define HERE      "%s %dx%dx%d seed %d cycle %d: "
#define HERE_ARGS w->d->name, w->d->rows, w->d->columns, w->d->pes, w->temper.seed, w->cycle

/* ---- groups, their masks, and the passes that these become ---- */

static pass_t *add_pass(world_t *w, int group, int tile)
{
    if (w->passes == w->room) {
        w->room = 2 * w->room + 64;
        w->pass = realloc(w->pass, (size_t)w->room * sizeof *w->pass);
        demand(w->pass, "out of memory");
    }
    pass_t *pass = &w->pass[w->passes++];
    memset(pass, 0, sizeof *pass);
    pass->group = group;
    pass->tile = tile;
    pass->d = w->group[group].d;
    pass->closed = pass->walk = pass->start = pass->end = NEVER;
    ++w->tile[tile].passes;
    return pass;
}

/* A tile's sub-rows that are in no pass yet. */
static struct {
    int n;
    sub_row_t row[GROUP_ROWS_MAX * COLUMNS_MAX];
} waiting;

static void add_sub_row(const design_t *d, sub_row_t *sub)
{
    int slot[COLUMNS_MAX], next = 0;
    split_place(d, sub->cols, sub->n, slot);
    for (int k = 0; k < d->pes; ++k) {
        bool holds = next < sub->n && slot[next] == k;
        sub->idle[k] = next && !holds;
        sub->end[k] = holds ? sub->cols[next] : next ? sub->end[k - 1] + 1 : -1;
        next += holds;
    }
    waiting.row[waiting.n++] = *sub;
}

/* What the sub-row asks for behind row i of the pass before. */
static int hazard_behind(const pass_t *before, int i, const sub_row_t *sub, int pes, int d)
{
    int h = 0;
    for (int k = 0; k < pes && before && i < before->count; ++k) {
        int earlier = before->row[i].end[k], later = sub->end[k];
        if (later >= 0) h = larger(h, earlier - later - (sub->idle[k] ? d + 1 : 0));
    }
    return h;
}

/* Of the first `window` that wait: the dearest that the pass pays for already, else the cheapest. */
static int best_waiting(const world_t *w, const pass_t *before, const pass_t *pass, int high)
{
    int best = 0, least = NEVER;
    for (int i = 0; i < waiting.n && i < w->d->window; ++i) {
        bool later = false;
        for (int j = 0; j < i; ++j) later |= waiting.row[j].index == waiting.row[i].index;
        int h = hazard_behind(before, pass->count, &waiting.row[i], w->d->pes, pass->d);
        int price = h > high ? h : high - h - 1000;
        if (later || price >= least) continue;
        best = i;
        least = price;
    }
    return best;
}

static void form_passes(world_t *w, int group, int tile)
{
    pass_t *pass = NULL, *before = NULL;
    int high = 0;
    while (waiting.n) {
        if (!pass || pass->count == w->d->rows) {
            pass = add_pass(w, group, tile);
            before = w->passes > 1 ? pass - 1 : NULL;
            high = 0;
        }
        int best = best_waiting(w, before, pass, high);
        sub_row_t *sub = &waiting.row[best];
        high = larger(high, hazard_behind(before, pass->count, sub, w->d->pes, pass->d));
        pass->row[pass->count++] = *sub;
        memmove(sub, sub + 1, (size_t)(--waiting.n - best) * sizeof *sub);
    }
}

/* Sub-rows by rank: the r-th kept column goes to sub-row r mod m, or r / pes. */
static void add_mask_row(const world_t *w, int index, const uint8_t *kept, int columns)
{
    int n = 0, rank = 0, pes = w->d->pes;
    for (int c = 0; c < columns; ++c) n += kept[c];
    int parts = (n + pes - 1) / pes;
    sub_row_t sub[COLUMNS_MAX];
    for (int a = 0; a < parts; ++a) sub[a] = (sub_row_t){.index = index};
    for (int c = 0; c < columns; ++c) {
        if (!kept[c]) continue;
        sub_row_t *s = &sub[w->d->split_policy == SPLIT_INTERLEAVED ? rank % parts : rank / pes];
        s->cols[s->n++] = c;
        ++rank;
    }
    for (int a = 0; a < parts; ++a) add_sub_row(w->d, &sub[a]);
}

static void draw_row(world_t *w, uint8_t *kept)
{
    bool empty = random_one_in(&w->random, 8);
    for (int c = 0; c < w->d->columns; ++c) {
        bool repeat = c && w->temper.run && random_below(&w->random, w->temper.run);
        kept[c] = repeat ? kept[c - 1] : random_below(&w->random, 100) < w->temper.percent;
        if (empty) kept[c] = 0;
    }
}

/* Rows that keep something, and one of a strip of others. */
static int count_offers(const world_t *w, int n, int t)
{
    int offers = 0, rows = w->d->rows;
    for (int first = 0; first < w->group[n].rows; first += rows) {
        int some = 0;
        for (int row = first; row < first + rows && row < w->group[n].rows; ++row)
            some += memchr(w->mask[n % 2][row][t], 1, (size_t)w->d->columns) != NULL;
        offers += larger(some, 1);
    }
    return offers;
}

static void add_tile(world_t *w, int n, int t)
{
    const group_t *g = &w->group[n];
    int end = g->causal && g->first + g->rows < g->keys ? g->first + g->rows : g->keys;
    int half = n % 2, left = end - t * w->d->columns, columns = left < w->d->columns ? left : w->d->columns;
    w->tile[w->tiles] = (tile_t){.group = n, .loaded = NEVER, .freed = NEVER};
    bool empty = random_one_in(&w->random, 6);
    for (int row = 0; row < g->rows; ++row) {
        uint8_t *kept = w->mask[half][row][t];
        draw_row(w, kept);
        if (empty) memset(kept, 0, (size_t)w->d->columns);
        if (empty && left < w->d->columns) kept[w->d->columns - 1] = 1; /* beyond the keys it looks at */
        add_mask_row(w, half * design_group_rows(w->d) + row, kept, columns);
    }
    form_passes(w, n, w->tiles);
    w->tile[w->tiles].offers = count_offers(w, n, t);
    w->tile[w->tiles].left = w->tile[w->tiles].passes;
    ++w->tiles;
}

static void add_group(world_t *w)
{
    const design_t *d = w->d;
    int n = w->groups++, end;
    group_t *g = &w->group[n];
    g->rows = 1 + (int)random_below(&w->random, design_group_rows(d));
    if (random_one_in(&w->random, 2)) g->rows = design_group_rows(d);
    g->keys = 1 + (int)random_below(&w->random, d->keys_max);
    g->first = (int)random_below(&w->random, d->keys_max);
    g->d = w->temper.one_head ? d->head_max : 1 + (int)random_below(&w->random, d->head_max);
    g->causal = random_one_in(&w->random, 2);
    end = g->causal && g->first + g->rows < g->keys ? g->first + g->rows : g->keys;
    g->tiles = (end + d->columns - 1) / d->columns;
    g->first_tile = w->tiles;
    g->first_strip = w->strips;
    g->strips = (g->rows + d->rows - 1) / d->rows;
    w->strips += g->strips;
    for (int t = 0; t < g->tiles; ++t) add_tile(w, n, t);
    w->p->g_rows[n % 2] = g->rows;
    w->p->g_first[n % 2] = g->first;
    w->p->g_keys[n % 2] = g->keys;
    w->p->g_d[n % 2] = g->d;
    w->p->g_causal[n % 2] = g->causal;
}

/* ---- the neighbours ---- */

/* A delay of at least `least` cycles. */
static int later(world_t *w, int least)
{
    int stall = w->temper.stall;
    return w->cycle + least +
           (stall && random_one_in(&w->random, 2) ? (int)random_below(&w->random, stall) : 0);
}

static bool soon(world_t *w)
{
    return w->cycle >= w->predict_at && !random_below(&w->random, 1 + w->temper.stall / 2);
}

static void predict(world_t *w)
{
    const int held_w = design_held_w(w->d);
    if (w->groups < w->temper.groups && w->groups - w->released < 2 && w->cycle >= w->predict_at) {
        add_group(w);
        w->predict_at = later(w, 1);
    }
    /* masks and biases are ready one after the other, in either order */
    if (w->begun < w->groups && soon(w)) ++w->begun;
    if (w->predicted < w->strips && soon(w)) ++w->predicted;
    if (w->rebiased < w->strips && soon(w)) ++w->rebiased;
    *w->p->predicted = (int64_t)fixed_low((uint64_t)w->predicted, held_w);
    *w->p->rebiased = (int64_t)fixed_low((uint64_t)w->rebiased, held_w);
    if (w->drained < w->released && w->cycle >= w->drain_at) {
        ++w->drained;
        w->drain_at = later(w, 1);
    }
    if (w->released < w->computed && soon(w)) ++w->released; /* its record may change, its sums are there */
    *w->p->drained = w->drained % 4;
}

/* The tile whose turn it is in buffer b, or the one that was freed there last. */
static void load_tiles(world_t *w)
{
    int n = w->loading;
    bool known = n < w->tiles && w->tile[n].group < w->begun;
    if (known && (n < 2 || w->tile[n - 2].freed + 2 < w->cycle) && w->cycle >= w->load_at) {
        w->tile[n].loaded = w->cycle;
        w->load_at = later(w, 1);
        ++w->loading;
    }
    for (int b = 0; b < 2; ++b) {
        int last = w->loading - 1 - (w->loading - 1 + b) % 2;
        w->p->tile_loaded[b] = w->loading && last >= 0 && w->tile[last].freed >= w->cycle;
    }
}

static void accumulate(world_t *w)
{
    *w->p->done = 0;
    if (w->completed == w->started) return;
    pass_t *pass = &w->pass[w->completed];
    if (pass == &w->pass[w->started - 1] && w->word >= 0) return;
    /* a row a cycle, after row 0's last word has come out */
    if (w->done_at == NEVER) w->done_at = larger(pass->end + w->d->columns + 3 + pass->count, later(w, 0));
    if (w->cycle < w->done_at) return;
    *w->p->done = 1;
    --w->tile[pass->tile].left;
    ++w->completed;
    w->done_at = NEVER;
}

static void drive(world_t *w)
{
    predict(w);
    load_tiles(w);
    accumulate(w);
    *w->p->busy = w->cycle > 0;
    w->busy += w->cycle > 0;
}

/* The group that has a half, -1: none. */
static int group_of(const world_t *w, int half)
{
    return (w->groups - 1 - half) % 2 ? w->groups - 2 : w->groups - 1;
}

/* A strip of a group may be looked at. */
static bool is_known(const world_t *w, int group, int strip)
{
    int known = w->predicted < w->rebiased ? w->predicted : w->rebiased;
    return group >= 0 && group - w->drained < 2 && w->group[group].first_strip + strip < known;
}

static bool is_predicted(const world_t *w, int group)
{
    return is_known(w, group, w->group[group].strips - 1);
}

/* Of each row of the strip asked for: does its word of the tile keep anything, keys beyond the limit
 * included? Noise where there is no such group, strip, tile or row. */
static void show_some(world_t *w)
{
    int rows = w->d->rows, strip = (int)*w->p->some_strip % w->d->strips, tile = (int)*w->p->some_tile;
    int half = (int)*w->p->some_strip / w->d->strips, first = strip * rows, group = group_of(w, half);
    for (int r = 0; r < rows; ++r) {
        const group_t *g = is_known(w, group, strip) ? &w->group[group] : NULL;
        bool known = g && first + r < g->rows && tile < g->tiles;
        w->p->some[r] = known ? memchr(w->mask[half][first + r][tile], 1, (size_t)w->d->columns) != NULL
                              : random_below(&w->random, 2);
    }
}

/* The mask of a strip that is not predicted is noise. */
static void show_mask(world_t *w)
{
    int group_rows = design_group_rows(w->d);
    int index = (int)*w->p->mask_index, tile = (int)*w->p->mask_tile, half = index / group_rows;
    bool known = is_known(w, group_of(w, half), index % group_rows / w->d->rows);
    for (int c = 0; c < w->d->columns; ++c) {
        w->p->mask[c] = w->mask[half][index % group_rows][tile][c];
        if (!known) w->p->mask[c] = random_below(&w->random, 2);
    }
}

/* ---- walks ---- */

/* Active slots hold the sub-row's columns in order; the others follow their left neighbour. */
static void check_row(const world_t *w, const pass_t *pass, int row)
{
    int n = 0, before = -1, pes = w->d->pes;
    const sub_row_t *sub = row < pass->count ? &pass->row[row] : NULL;
    for (int k = 0; k < pes; ++k) {
        int mode = (int)w->p->mode[k], col = (int)w->p->col[k];
        if (mode == SPLIT_ACTIVE) {
            demand(sub && n < sub->n && sub->cols[n] == col, HERE "row %d slot %d holds column %d", HERE_ARGS,
                   row, k, col);
            ++n;
        } else if (mode == SPLIT_PASS) {
            demand(n && col == before + 1, HERE "row %d slot %d passes at %d", HERE_ARGS, row, k, col);
        } else {
            demand(mode == SPLIT_SKIP && !n && !col, HERE "row %d slot %d: mode %d", HERE_ARGS, row, k, mode);
        }
        before = col;
    }
    demand(n == (sub ? sub->n : 0), HERE "row %d has %d columns", HERE_ARGS, row, n);
    if (sub)
        demand(*w->p->walk_index == sub->index, HERE "row %d: query %d", HERE_ARGS, row,
               (int)*w->p->walk_index);
}

/* A slot's configuration may be replaced only once it is current: `current` is that edge (of the cycle of
 * that number). */
static void check_slot(world_t *w, int row, int slot, bool used, int col)
{
    int load = w->cycle, *current = &w->current[row][slot];
    const pass_t *older = w->walked > 1 ? &w->pass[w->walked - 2] : NULL;
    demand(*current <= load, HERE "row %d slot %d: the configuration that waits is lost", HERE_ARGS, row,
           slot);
    *current = larger(w->over[row][slot], load + 1);
    w->over[row][slot] =
        *current + 1; /* a skipped one is over at once; finish_pass knows better of one in use */
    /* words of the pass two before have the same parity */
    if (used && older && w->travelling)
        demand(older->start + row + col + 1 + 2 * older->d <= *current,
               HERE "row %d slot %d takes words of an older pass for its own", HERE_ARGS, row, slot);
}

static void check_bus(world_t *w, pass_t *pass)
{
    int row = w->walk_row, pes = w->d->pes;
    const pass_t *last = w->walked ? pass - 1 : NULL;
    demand(*w->p->load_row == row && *w->p->own_row == row, HERE "row %d", HERE_ARGS, row);
    demand(*w->p->own && *w->p->own_bank == w->walked % DESIGN_PASSES, HERE "bank %d", HERE_ARGS,
           (int)*w->p->own_bank);
    demand(*w->p->own_index == *w->p->walk_index, HERE "another owner", HERE_ARGS);
    check_row(w, pass, row);
    /* the feeder's row still serves the pass before until its bias has left */
    if (last) demand(w->cycle >= last->start + row + last->d, HERE "row %d is still read", HERE_ARGS, row);
    for (int k = 0; k < pes; ++k) {
        pass->mode[row][k] = (int)w->p->mode[k];
        pass->col[row][k] = (int)w->p->col[k];
        check_slot(w, row, k, pass->mode[row][k] != SPLIT_SKIP, pass->col[row][k]);
    }
    check_slot(w, row, pes, pass->mode[row][pes - 1] != SPLIT_SKIP, w->d->columns);
}

/* The walk of a closed pass is as early as the page says. */
static void check_walk_time(const world_t *w, const pass_t *pass)
{
    int n = w->walked, tw = pass->closed + 1;
    if (n) tw = larger(tw, larger(pass[-1].start + pass[-1].d, pass[-1].walk + w->d->rows));
    if (n > 1) tw = larger(tw, pass[-2].start + 2 * pass[-2].d + w->d->columns + 1);
    demand(w->cycle == tw, HERE "walk of pass %d, not in cycle %d", HERE_ARGS, n, tw);
}

/* While sub-rows of predicted groups are not gathered, nobody waits for prediction. */
static void watch_gather(world_t *w)
{
    int ready = 0;
    if (*w->p->why_q == CAUSE_PREDICT)
        demand(w->closes >= w->ready_before, HERE "%d of %d passes are closed", HERE_ARGS, w->closes,
               w->ready_before);
    for (int n = 0; n < w->tiles && is_predicted(w, w->tile[n].group); ++n) ready += w->tile[n].passes;
    w->ready_before = ready;
}

static void watch_walk(world_t *w)
{
    for (; w->closed != *w->p->closed_q; w->closed = (w->closed + 1) % 8)
        w->pass[w->closes++].closed = w->cycle;
    if (!*w->p->load) {
        demand(w->walk_row < 0, HERE "a walk that stops", HERE_ARGS);
        return;
    }
    demand(w->walked < w->passes, HERE "a pass too many", HERE_ARGS);
    pass_t *pass = &w->pass[w->walked];
    if (w->walk_row < 0) {
        demand(w->walked - w->completed < DESIGN_PASSES, HERE "a bank that is in use", HERE_ARGS);
        pass->walk = w->cycle;
        w->walk_row = 0;
        if (w->travelling) check_walk_time(w, pass);
    }
    check_bus(w, pass);
    if (++w->walk_row < w->d->rows) return;
    w->walk_row = -1;
    ++w->walked;
}

/* ---- starts ---- */

/* The earliest t0 at which no slot and no output place is used twice, by what they are used for. */
static int first_free(const world_t *w, const pass_t *pass)
{
    int t0 = LONG_AGO, pes = w->d->pes;
    for (int i = 0; i < w->d->rows; ++i) {
        for (int k = 0; k <= pes; ++k) {
            int mode = pass->mode[i][k < pes ? k : pes - 1], col = k < pes ? pass->col[i][k] : w->d->columns;
            int word = k < pes && mode == SPLIT_ACTIVE ? 0 : pass->d + 1; /* the slot's first */
            if (mode != SPLIT_SKIP) t0 = larger(t0, w->busy_until[i][k] + 1 - (i + col + 1 + word));
        }
    }
    return t0;
}

static void occupy(world_t *w, const pass_t *pass)
{
    int pes = w->d->pes;
    for (int i = 0; i < w->d->rows; ++i) {
        for (int k = 0; k <= pes; ++k) {
            int mode = pass->mode[i][k < pes ? k : pes - 1], col = k < pes ? pass->col[i][k] : w->d->columns;
            int word = k < pes && mode == SPLIT_ACTIVE ? 0 : pass->d + 1, at = pass->start + i + col + 1;
            if (mode == SPLIT_SKIP) continue;
            demand(at + word > w->busy_until[i][k], HERE "row %d slot %d has two passes", HERE_ARGS, i, k);
            demand(at + word > w->current[i][k], HERE "row %d slot %d comes too late", HERE_ARGS, i, k);
            w->busy_until[i][k] = w->over[i][k] = at + 2 * pass->d;
            if (k == pes || mode != SPLIT_ACTIVE) continue;
            demand(at + pass->d > w->last_exp[i], HERE "row %d has two exps", HERE_ARGS, i);
        }
        for (int k = 0; k < pes; ++k) {
            if (pass->mode[i][k] == SPLIT_ACTIVE)
                w->last_exp[i] = larger(w->last_exp[i], pass->start + i + pass->col[i][k] + 1 + pass->d);
        }
    }
    demand(pass->start + 2 * pass->d >= w->last_commit + w->d->rows, HERE "two rows are finished at once",
           HERE_ARGS);
    w->last_commit = pass->start + 2 * pass->d;
}

/* What each idle cycle from the end of the pass before to the start waited for. u: decided in cycle u. */
static void count_causes(world_t *w, const pass_t *pass, int from, int spaced, int clear)
{
    int u = pass->start - 2, loaded = w->tile[pass->tile].loaded;
    for (int x = larger(from, pass->walk - 1); x < u; ++x) {
        w->late_tile += x >= spaced && x >= clear && x < loaded;
        w->hazard += x >= spaced && x < clear;
        w->interval += x < spaced;
    }
}

/* The pass is as early as the array allows. */
static void check_start_time(world_t *w, const pass_t *pass)
{
    bool first = pass == w->pass;
    int before = first ? LONG_AGO : pass[-1].start - 2, d_before = first ? 0 : pass[-1].d;
    int longer = larger(0, d_before - pass->d), u = pass->start - 2;
    int spaced = before + larger(w->d->columns + longer, w->d->rows + 2 * longer);
    int clear = larger(before + 2 * d_before + 1, first_free(w, pass) - 2);
    int earliest = larger(larger(spaced, clear), larger(pass->walk - 1, w->tile[pass->tile].loaded));
    demand(u == earliest, HERE "pass %d started in %d, not %d", HERE_ARGS, (int)(pass - w->pass), u,
           earliest);
    count_causes(w, pass, first ? 0 : before + 2 * d_before + 1, spaced, clear);
    w->held_back += clear > before + 2 * d_before + 1 && clear > spaced && u == clear;
}

/* Its rows and its start are known. */
static void finish_pass(world_t *w)
{
    if (w->finished == w->walked || w->finished == w->started) return;
    pass_t *pass = &w->pass[w->finished++];
    if (w->travelling) check_start_time(w, pass);
    if (w->travelling) occupy(w, pass);
}

static void watch_start(world_t *w)
{
    if (!*w->p->pass) return;
    demand(w->started <= w->walked && w->started < w->passes, HERE "an early start", HERE_ARGS);
    pass_t *pass = &w->pass[w->started];
    const tile_t *tile = &w->tile[pass->tile];
    demand(*w->p->pass_bank == w->started % DESIGN_PASSES, HERE "bank %d", HERE_ARGS, (int)*w->p->pass_bank);
    demand(*w->p->pass_rows == pass->count, HERE "%d rows", HERE_ARGS, (int)*w->p->pass_rows);
    demand(*w->p->pass_d == pass->d, HERE "head size %d", HERE_ARGS, (int)*w->p->pass_d);
    demand(tile->loaded < w->cycle && tile->freed == NEVER, HERE "pass %d without its tile", HERE_ARGS,
           w->started);
    demand(w->word < 0, HERE "a pass within a pass", HERE_ARGS);
    pass->start = w->cycle + 1;
    w->word = 0;
    ++w->started;
}

static void watch_words(world_t *w)
{
    if (!*w->p->valid) {
        bool pause = !w->travelling && w->word > 0 && w->word == w->pass[w->started - 1].d + 1;
        demand(w->word < 0 || pause, HERE "word %d is missing", HERE_ARGS, w->word);
        demand(!*w->p->op, HERE "op without a word", HERE_ARGS);
        return;
    }
    demand(w->word >= 0, HERE "a word too many", HERE_ARGS);
    pass_t *pass = &w->pass[w->started - 1];
    int e = w->word, d = pass->d;
    int op = e == d       ? PASS_EXP
             : e == 0     ? PASS_LOAD
             : e < d      ? PASS_MAC
             : e == 2 * d ? PASS_FWD_LAST
                          : PASS_FWD;
    demand(*w->p->op == op, HERE "word %d: op %d", HERE_ARGS, e, (int)*w->p->op);
    demand(*w->p->par == (w->started - 1) % 2, HERE "word %d: parity", HERE_ARGS, e);
    demand(*w->p->is_v == (e > d), HERE "word %d: is_v", HERE_ARGS, e);
    demand(e == d || *w->p->at == (e < d ? e : e - d - 1), HERE "word %d: element %d", HERE_ARGS, e,
           (int)*w->p->at);
    demand(*w->p->buffer == pass->tile % 2, HERE "word %d: buffer", HERE_ARGS, e);
    ++w->words;
    pass->end = w->cycle + 1;
    w->word = e == 2 * d ? -1 : e + 1;
}

/* ---- tiles and groups ---- */

static void watch_tiles(world_t *w)
{
    for (int b = 0; b < 2; ++b) {
        if (!w->p->tile_free[b]) continue;
        demand(w->freed[b] < w->loading, HERE "buffer %d is freed too often", HERE_ARGS, b);
        tile_t *tile = &w->tile[w->freed[b]];
        demand(tile->loaded < w->cycle, HERE "tile %d is freed before it is loaded", HERE_ARGS, w->freed[b]);
        demand(!tile->left, HERE "tile %d is freed with %d passes to come", HERE_ARGS, w->freed[b],
               tile->left);
        tile->freed = w->cycle;
        w->freed[b] += 2;
    }
    if (*w->p->computed == w->computed % 4) return;
    demand(*w->p->computed == (w->computed + 1) % 4, HERE "computed %d", HERE_ARGS, (int)*w->p->computed);
    const group_t *g = &w->group[w->computed];
    for (int t = 0; t < g->tiles; ++t) {
        const tile_t *tile = &w->tile[g->first_tile + t];
        demand(tile->freed < w->cycle, HERE "group %d is computed without tile %d", HERE_ARGS, w->computed,
               t);
    }
    ++w->computed;
    w->drain_at = later(w, 1);
}

/* ---- one run ---- */

static void check_counters(world_t *w)
{
    const pass_control_t *p = w->p;
    int64_t sub_rows = 0, active = 0, idle = 0, sum = 0;
    for (int n = 0; n < w->passes; ++n) {
        const pass_t *pass = &w->pass[n];
        sub_rows += pass->count;
        for (int i = 0; i < w->d->rows; ++i) {
            for (int k = 0; k < w->d->pes; ++k) {
                active += pass->mode[i][k] == SPLIT_ACTIVE;
                idle += pass->mode[i][k] == SPLIT_PASS;
            }
        }
    }
    demand(w->finished == w->passes && w->completed == w->passes, HERE "%d of %d passes", HERE_ARGS,
           w->completed, w->passes);
    demand(*p->passes_q == w->passes, HERE "passes %d", HERE_ARGS, (int)*p->passes_q);
    demand(*p->sub_rows_q == sub_rows, HERE "sub-rows %d", HERE_ARGS, (int)*p->sub_rows_q);
    demand(*p->active_q == active && *p->idle_q == idle, HERE "active %d idle %d", HERE_ARGS,
           (int)*p->active_q, (int)*p->idle_q);
    for (int i = 0; i < CAUSES; ++i) sum += p->cause_q[i];
    demand(sum == w->busy, HERE "causes of %d of %d cycles", HERE_ARGS, (int)sum, (int)w->busy);
    demand(p->cause_q[CAUSE_STREAM] == w->words, HERE "stream %d", HERE_ARGS, (int)p->cause_q[CAUSE_STREAM]);
    demand(!p->cause_q[7], HERE "a cause of no name", HERE_ARGS);
    if (!w->travelling) return;
    demand(p->cause_q[CAUSE_HAZARD] == w->hazard, HERE "hazard %d, not %d", HERE_ARGS,
           (int)p->cause_q[CAUSE_HAZARD], (int)w->hazard);
    demand(p->cause_q[CAUSE_INTERVAL] == w->interval, HERE "interval %d, not %d", HERE_ARGS,
           (int)p->cause_q[CAUSE_INTERVAL], (int)w->interval);
    demand(p->cause_q[CAUSE_TILE] == w->late_tile, HERE "tile %d, not %d", HERE_ARGS,
           (int)p->cause_q[CAUSE_TILE], (int)w->late_tile);
}

static void step(world_t *w)
{
    drive(w);
    w->block->type->eval(w->p);
    show_mask(w);
    show_some(w);
    watch_gather(w);
    watch_walk(w);
    watch_start(w);
    watch_words(w);
    finish_pass(w);
    watch_tiles(w);
    w->block->type->tick(w->p);
    ++w->cycle;
}

static world_t *open_world(const design_t *d, temper_t temper)
{
    world_t *w = calloc(1, sizeof *w);
    demand(w, "out of memory");
    w->d = d;
    w->temper = temper;
    w->travelling = d->control == CONTROL_TRAVELLING;
    w->random = random_from((uint64_t)temper.seed);
    w->block = block_open(&pass_control_type, d);
    demand(w->block, "out of memory");
    w->p = w->block->self;
    w->walk_row = w->word = -1;
    w->done_at = NEVER;
    w->freed[1] = 1;
    w->last_commit = LONG_AGO;
    for (int i = 0; i < ROWS_MAX; ++i) {
        w->last_exp[i] = LONG_AGO;
        for (int k = 0; k <= PES_MAX; ++k) w->busy_until[i][k] = w->current[i][k] = w->over[i][k] = LONG_AGO;
    }
    return w;
}

static void close_world(world_t *w)
{
    block_close(w->block);
    free(w->pass);
    free(w);
}

/* Adds what happened to *seen. */
static void run(const design_t *d, temper_t temper, seen_t *seen)
{
    world_t *w = open_world(d, temper);
    while (w->computed < temper.groups) {
        demand(w->cycle < 1000000, HERE "stuck", HERE_ARGS);
        step(w);
    }
    check_counters(w);
    for (int i = 0; i < CAUSES; ++i) seen->causes[i] += w->p->cause_q[i];
    seen->passes += w->passes;
    seen->held_back += w->held_back;
    seen->cycles += w->cycle;
    close_world(w);
}

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

static temper_t draw_temper(random_t *r, int seed)
{
    static const int percents[] = {3, 12, 30, 60, 90, 100}, stalls[] = {0, 0, 10, 60};
    temper_t t = {.seed = seed, .groups = 5};
    t.percent = percents[random_below(r, 6)];
    t.run = random_one_in(r, 3) ? 6 : 0;
    t.stall = stalls[random_below(r, 4)];
    t.one_head = random_one_in(r, 2);
    return t;
}

/* ---- tests ---- */

static void run_seeds(const design_t *d, int seeds, seen_t *seen)
{
    for (int seed = 1; seed <= seeds; ++seed) {
        random_t r = {.state = (uint64_t)seed * 77};
        run(d, draw_temper(&r, seed), seen);
    }
}

START_TEST(all_sub_rows_pass_as_early_as_the_array_allows)
{
    static const char *const names[] = {"odd_5x7x3_travelling", "full_4x4x4_travelling",
                                        "one_pe_6x5x1_travelling", "ties_7x9x3_travelling"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        design_t d = load(names[i]);
        seen_t seen = {0};
        run_seeds(&d, 60, &seen);
        for (int cause = 0; cause < CAUSE_PREDICT + 1; ++cause) {
            bool never = cause == CAUSE_HAZARD && d.columns == d.pes;
            demand(seen.causes[cause] || never, "%s: cause %d never occurs", names[i], cause);
        }
        demand(seen.held_back || d.columns == d.pes, "%s: h never held a pass back", names[i]);
    }
}
END_TEST

/* Sizes for this block alone. */
static design_t sized(int rows, int columns, int pes, int head_max, int keys_max, int strips)
{
    design_t d = load("odd_5x7x3_travelling");
    d.rows = d.score_rows = rows;
    d.columns = d.score_columns = columns;
    d.pes = pes;
    d.head_max = head_max;
    d.keys_max = keys_max;
    d.strips = strips;
    d.sub_row_id_w = fixed_bits(2 * strips * rows);
    snprintf(d.name, sizeof d.name, "sized");
    return d;
}

START_TEST(any_sizes_do)
{
    seen_t seen = {0};
    for (int seed = 1; seed <= 200; ++seed) {
        random_t r = {.state = (uint64_t)seed};
        int columns = 2 + (int)random_below(&r, 15);
        design_t d = sized(1 + (int)random_below(&r, 12), columns, 1 + (int)random_below(&r, columns),
                           1 + (int)random_below(&r, 14), 1 + (int)random_below(&r, 60),
                           1 + (int)random_below(&r, STRIPS_MAX));
        d.split_policy = random_one_in(&r, 2) ? SPLIT_INTERLEAVED : SPLIT_CONSECUTIVE;
        d.slots = random_one_in(&r, 2) ? SLOTS_HOME : SLOTS_FIRST;
        d.control = random_one_in(&r, 8) ? CONTROL_ARRAY : CONTROL_TRAVELLING;
        d.window = random_one_in(&r, 3) ? 1 : 2 + (int)random_below(&r, 7);
        run(&d, draw_temper(&r, seed), &seen);
    }
}
END_TEST

START_TEST(the_papers_size_does)
{
    seen_t seen = {0};
    design_t d = sized(64, 64, 16, 64, 256, 2);
    run(&d, (temper_t){.seed = 1, .groups = 2, .percent = 20, .one_head = true}, &seen);
    d.window = 8;
    run(&d, (temper_t){.seed = 2, .groups = 2, .percent = 5, .run = 5}, &seen);
}
END_TEST

/* Masks that are empty, or look so to their group: a cycle a strip, or a row, from tile to tile without a
 * gap. */
START_TEST(rows_are_gathered_one_a_cycle)
{
    design_t d = load("ties_7x9x3_travelling");
    int beyond = 0;
    for (int seed = 3; seed < 13; ++seed) {
        world_t *w = open_world(&d, (temper_t){.seed = seed, .groups = 6});
        int offers = 0;
        while (w->computed < w->temper.groups) step(w);
        for (int n = 0; n < w->tiles; ++n) {
            beyond += w->tile[n].offers > (w->group[w->tile[n].group].rows + d.rows - 1) / d.rows;
            offers += larger(w->tile[n].offers, 4); /* 4: free to open */
        }
        demand(w->cycle <= offers + 12 + 3 * w->groups, HERE "%d offers", HERE_ARGS, offers);
        close_world(w);
    }
    demand(beyond, "no tile with keys beyond the limit");
}
END_TEST

/* One tile of four strips, by hand. */
START_TEST(rows_that_keep_nothing_are_left_out)
{
    design_t d = sized(8, 8, 8, 4, 8, 4);
    d.window = 1;
    block_t *block = block_open(&pass_control_type, &d);
    pass_control_t *p = block->self;
    const int kept[] = {3, 9, 10, 15, 29}, offered[] = {3, 9, 10, 15, 16, 29}; /* 16: a strip of empty rows */
    p->g_rows[0] = 30, p->g_keys[0] = 8, p->g_d[0] = 4;
    *p->predicted = *p->rebiased = 4;
    for (int t = 0; t < 7; ++t) {
        block->type->eval(p);
        demand(t == 0 || *p->mask_index == offered[t - 1], "cycle %d: row %d", t, (int)*p->mask_index);
        for (int r = 0; r < 8; ++r)
            p->some[r] = *p->some_strip == 3 && r > 5; /* rows that are not the group's */
        for (int i = 0; i < 5; ++i)
            if (kept[i] / 8 == *p->some_strip) p->some[kept[i] % 8] = 1;
        for (int c = 0; c < 8; ++c) p->mask[c] = *p->mask_index != 16;
        block->type->tick(p);
    }
    demand(*p->gather_group_q == 1, "the group is not gathered");
    block->type->eval(p);
    block->type->tick(p);
    demand(*p->sub_rows_q == 5 && *p->closed_q == 1 && p->count_q[0] == 5, "%d sub-rows",
           (int)*p->sub_rows_q);
    block_close(block);
}
END_TEST

/* Full masks, long heads, no hazards: the array never waits but for the first pass of a group. */
START_TEST(words_follow_each_other_without_a_gap)
{
    design_t d = sized(6, 8, 8, 12, 40, 3);
    seen_t seen = {0};
    run(&d, (temper_t){.seed = 4, .groups = 4, .percent = 100, .one_head = true}, &seen);
    demand(seen.causes[CAUSE_HAZARD] == 0, "hazards");
    demand(seen.causes[CAUSE_STREAM] == 25 * seen.passes, "words");
    demand(seen.cycles <= seen.causes[CAUSE_STREAM] + 4 * 40, "%d cycles", (int)seen.cycles);
}
END_TEST

/* Heads so short that passes are not complete when others have started: all four banks are in use. */
START_TEST(four_passes_are_kept)
{
    design_t d = sized(8, 8, 8, 1, 64, 4);
    world_t *w = open_world(&d, (temper_t){.seed = 5, .groups = 8, .percent = 100});
    int most = 0;
    while (w->computed < w->temper.groups) {
        step(w);
        most = larger(most, w->closes - w->completed);
    }
    demand(most == DESIGN_PASSES, HERE "%d passes kept", HERE_ARGS, most);
    close_world(w);
}
END_TEST

/* Masks are drawn between other things and differ: cycles a pass are compared. */
START_TEST(a_window_brings_the_hazard_down)
{
    int64_t h[2], passes[2];
    for (int wide = 0; wide < 2; ++wide) {
        design_t d = sized(16, 32, 8, 12, 160, 4);
        seen_t seen = {0};
        d.window = wide ? 8 : 1;
        for (int seed = 1; seed <= 10; ++seed)
            run(&d, (temper_t){.seed = seed, .groups = 4, .percent = 20, .one_head = true}, &seen);
        h[wide] = seen.causes[CAUSE_HAZARD];
        passes[wide] = seen.passes;
    }
    demand(4 * h[1] * passes[0] < 3 * h[0] * passes[1], "%d cycles of %d passes with, %d of %d without",
           (int)h[1], (int)passes[1], (int)h[0], (int)passes[0]);
}
END_TEST

/* Few columns far apart, short heads: idle slots, which only join for the second half, decide over h. */
START_TEST(idle_slots_join_later)
{
    design_t d = sized(6, 32, 3, 8, 96, 2);
    seen_t seen = {0};
    for (int seed = 1; seed <= 30; ++seed) {
        d.slots = seed % 2 ? SLOTS_HOME : SLOTS_FIRST;
        run(&d, (temper_t){.seed = seed, .groups = 3, .percent = 8, .one_head = seed % 4 < 2}, &seen);
    }
    demand(seen.held_back, "h never held a pass back");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pass_control");
    TCase *t = tcase_create("pass_control");
    tcase_set_timeout(t, 200);
    tcase_add_test(t, all_sub_rows_pass_as_early_as_the_array_allows);
    tcase_add_test(t, any_sizes_do);
    tcase_add_test(t, the_papers_size_does);
    tcase_add_test(t, rows_are_gathered_one_a_cycle);
    tcase_add_test(t, rows_that_keep_nothing_are_left_out);
    tcase_add_test(t, words_follow_each_other_without_a_gap);
    tcase_add_test(t, four_passes_are_kept);
    tcase_add_test(t, a_window_brings_the_hazard_down);
    tcase_add_test(t, idle_slots_join_later);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
