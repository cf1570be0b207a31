/* SPDX-License-Identifier: Apache-2.0 */
/* Does every word come in the cycle that a strip's start and closed formulas say, and every strip start as
 * soon as it may? */
#include "../model/predict_control.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/groups.h"
#include "../sim/paths.h"
#include "run_suite.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for millions of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

enum { CYCLES = 12000, GROUPS = 1000 };

/* What shows in one cycle; words that are not there are all 0. */
typedef struct {
    int valid, first, file, tile, at;
    int d_valid, d_first, d_bank, d_col, d_key, d_limit, d_rows;
    int s_op, s_first, s_bank, s_key, s_valid, s_col, s_last, s_tile, s_strip;
    int scored, swept, swept_groups;
    int64_t threshold, policy;
} shown_t;

typedef struct {
    int loaded, rebiased; /* counts that do not wrap, as they are in the cycle */
} asked_t;

typedef struct {
    const design_t *d;
    random_t random;
    groups_t source;
    group_t group[GROUPS];
    int groups, loading, used; /* groups offered; strips of the last one still to load; groups used up */
    int load_gap, rebias_gap, use_gap;
    asked_t asked[CYCLES];
    shown_t shown[CYCLES], expected[CYCLES + 1000];
    int bubbles, at_once; /* strips that waited, strips that did not */
} run_t;

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

/* ---- the block, with its neighbours ---- */

static int follow(int count, int64_t wrapped)
{
    return count + (int)((wrapped - count) & 3);
}

static shown_t show(const predict_control_t *c, const shown_t *before)
{
    shown_t s = {.scored = follow(before->scored, *c->scored),
                 .swept = follow(before->swept, *c->swept),
                 .swept_groups = follow(before->swept_groups, *c->swept_groups),
                 .threshold = *c->threshold,
                 .policy = *c->policy};
    if (*c->valid) {
        s.valid = 1, s.first = (int)*c->first, s.file = (int)*c->file;
        s.tile = (int)*c->tile, s.at = (int)*c->at;
    }
    if (*c->d_valid) {
        s.d_valid = 1, s.d_first = (int)*c->d_first, s.d_bank = (int)*c->d_bank, s.d_col = (int)*c->d_col;
        s.d_key = (int)*c->d_key, s.d_limit = (int)*c->d_limit, s.d_rows = (int)*c->d_rows;
        demand(*c->head_key == *c->d_key, "the header of key %d, not %d", (int)*c->head_key, s.d_key);
    }
    if (*c->s_op) {
        s.s_op = (int)*c->s_op, s.s_first = (int)*c->s_first, s.s_bank = (int)*c->s_bank;
        s.s_key = (int)*c->s_key, s.s_valid = (int)*c->s_valid, s.s_col = (int)*c->s_col;
        s.s_last = (int)*c->s_last, s.s_tile = (int)*c->s_tile, s.s_strip = (int)*c->s_strip;
    } else
        demand(!*c->s_last && !*c->s_valid && !*c->s_first, "marks without an operation");
    return s;
}

static void offer_group(run_t *r, predict_control_t *c)
{
    demand(r->groups < GROUPS, "too many groups for the test");
    int half = r->groups & 1;
    group_t g = r->group[r->groups++] = groups_next(&r->source);
    r->loading = group_strips(r->d, &g);
    c->g_rows[half] = g.rows;
    c->g_first[half] = g.first;
    c->g_keys[half] = g.keys;
    c->g_d[half] = g.d;
    c->g_causal[half] = g.causal;
    c->g_policy[half] = g.policy;
    c->g_threshold[half] = g.threshold;
}

/* Two strips are ahead of scoring, but none over the first strip of a head: it needs new keys. */
static bool may_load(const run_t *r, int ahead)
{
    const group_t *g = &r->group[r->groups - 1];
    bool head = g->first == 0 && r->loading == group_strips(r->d, g);
    return ahead < (head ? 1 : 2);
}

/* Inputs of a cycle, from what showed in the one before. */
static void drive(run_t *r, predict_control_t *c, asked_t *asked, const shown_t *shown)
{
    if (!r->loading && r->groups - r->used < 2)
        offer_group(r, c);
    else if (r->loading && may_load(r, asked->loaded - shown->scored) &&
             random_one_in(&r->random, r->load_gap))
        ++asked->loaded, --r->loading;
    if (asked->rebiased < shown->scored && random_one_in(&r->random, r->rebias_gap)) ++asked->rebiased;
    if (r->used < shown->swept_groups && random_one_in(&r->random, r->use_gap)) ++r->used;
    *c->loaded = asked->loaded & 3;
    *c->rebiased = asked->rebiased & 3;
}

static void record(run_t *r)
{
    block_t *b = block_open(&predict_control_type, r->d);
    asked_t asked = {0};
    shown_t shown = {0};
    for (int t = 0; t < CYCLES; ++t) {
        b->type->eval(b->self);
        r->shown[t] = shown = show(b->self, &shown);
        drive(r, b->self, &asked, &shown);
        r->asked[t] = asked;
        b->type->eval(b->self);
        b->type->tick(b->self);
    }
    block_close(b);
}

/* ---- what should have shown ---- */

typedef struct {
    const group_t *g;
    int n, group, strip; /* number of the strip, of its group, strip of the group */
    bool last;           /* of the group */
    int tiles;
} strip_t;

static void expect_counts(run_t *r, int from, int scored, int swept, int groups)
{
    for (int t = from; t < CYCLES; ++t) {
        r->expected[t].scored += scored;
        r->expected[t].swept += swept;
        r->expected[t].swept_groups += groups;
    }
}

/* One tile, word 0 in cycle t. */
static void expect_tile(run_t *r, const strip_t *s, int tile, int t)
{
    const design_t *d = r->d;
    const group_t *g = s->g;
    for (int e = 0; e < g->d && t + e < CYCLES; ++e) {
        shown_t *x = &r->expected[t + e];
        x->valid = 1, x->first = e == 0, x->file = s->n % 2, x->tile = tile, x->at = e;
    }
    for (int j = 0; j < d->columns && t + 1 + g->d + j < CYCLES; ++j) {
        shown_t *x = &r->expected[t + 1 + g->d + j];
        int key = tile * d->columns + j;
        if (key >= g->keys) break;
        demand(!x->d_valid, "two drain words in a cycle");
        x->d_valid = 1, x->d_first = key == 0, x->d_bank = s->n % 2, x->d_col = j, x->d_key = key;
        x->d_limit = g->causal ? g->first + s->strip * d->rows : d->keys_max;
        x->d_rows = group_strip_rows(d, g, s->strip);
    }
}

/* One tile of one sweep (1 sums, 2 thresholds), first column in cycle t. */
static void expect_sweep(run_t *r, const strip_t *s, int sweep, int tile, int t)
{
    const design_t *d = r->d;
    for (int j = 0; j < d->columns && t + j < CYCLES; ++j) {
        shown_t *x = &r->expected[t + j];
        int key = tile * d->columns + j;
        bool there = key < s->g->keys, last = sweep == 2 && j == d->columns - 1;
        if (!there && !last) continue;
        demand(!x->s_op, "two sweep words in a cycle");
        x->s_op = sweep, x->s_first = sweep == 1 && key == 0, x->s_bank = s->n % 2;
        x->s_key = there ? key : 0, x->s_valid = there, x->s_col = j, x->s_last = last, x->s_tile = tile;
        x->s_strip = s->group % 2 * d->strips + s->strip;
    }
}

static void expect_threshold(run_t *r, const strip_t *s, int from)
{
    for (int t = from; t < CYCLES; ++t) {
        r->expected[t].threshold = s->g->threshold;
        r->expected[t].policy = s->g->policy;
    }
}

static bool may_score(const run_t *r, int n, int t)
{
    const asked_t *a = &r->asked[t];
    return a->loaded > n && a->rebiased > n - 2 && r->expected[t].swept > n - 2;
}

/* The whole strip; scores and sweeps begin no earlier than *score and *sweep, which become those of the next
   strip. False: it begins after the recorded time. */
static bool expect_strip(run_t *r, const strip_t *s, int *score, int *sweep)
{
    const design_t *d = r->d;
    int tile_time = most(s->g->d, d->columns), sweep_time = most(d->rows, d->columns), start = *score - 1;
    while (start < CYCLES && !may_score(r, s->n, start)) ++start;
    *(start == *score - 1 ? &r->at_once : &r->bubbles) += 1;
    int t = ++start;
    if (t >= CYCLES) return false;
    for (int tile = 0; tile < s->tiles; ++tile, t += tile_time) expect_tile(r, s, tile, t);
    *score = t;
    expect_counts(r, t - tile_time + 1 + s->g->d + d->columns - 1 + d->rows + 4, 1, 0, 0);

    int from = *sweep - 1;
    while (from < CYCLES && r->expected[from].scored <= s->n) ++from;
    t = from + 1;
    if (t >= CYCLES) return true;
    for (int tile = 0; tile < s->tiles; ++tile, t += sweep_time) expect_sweep(r, s, 1, tile, t);
    expect_threshold(r, s, t + 1);
    for (int tile = 0; tile < s->tiles; ++tile, t += sweep_time) expect_sweep(r, s, 2, tile, t);
    *sweep = t;
    expect_counts(r, t - sweep_time + d->columns - 1 + d->rows + 4, 0, 1, s->last);
    return true;
}

static void expect(run_t *r)
{
    int score = 1, sweep = 1; /* a register shows what the first edge sees in cycle 1 */
    strip_t s = {0};
    for (int group = 0; group < r->groups; ++group) {
        const group_t *g = &r->group[group];
        int strips = group_strips(r->d, g), seen = 0;
        for (int key = 0; key < g->keys; ++key) seen += !g->causal || key <= g->first + g->rows - 1;
        for (int strip = 0; strip < strips; ++strip, ++s.n) {
            s.g = g, s.group = group, s.strip = strip, s.last = strip == strips - 1;
            s.tiles = (seen + r->d->columns - 1) / r->d->columns;
            if (!expect_strip(r, &s, &score, &sweep)) return;
        }
    }
}

#define SAME(field)                                                                                          \
    demand(a->field == b->field, "%s seed %d cycle %d: " #field " is %lld, not %lld", r->d->name, seed, t,   \
           (long long)a->field, (long long)b->field)

static void compare(const run_t *r, int seed)
{
    for (int t = 0; t < CYCLES; ++t) {
        const shown_t *a = &r->shown[t], *b = &r->expected[t];
        SAME(valid);
        SAME(first);
        SAME(file);
        SAME(tile);
        SAME(at);
        SAME(d_valid);
        SAME(d_first);
        SAME(d_bank);
        SAME(d_col);
        SAME(d_key);
        SAME(d_limit);
        SAME(d_rows);
        SAME(s_op);
        SAME(s_first);
        SAME(s_bank);
        SAME(s_key);
        SAME(s_valid);
        SAME(s_col);
        SAME(s_last);
        SAME(s_tile);
        SAME(s_strip);
        SAME(threshold);
        SAME(policy);
        SAME(scored);
        SAME(swept);
        SAME(swept_groups);
    }
}

static const char *const designs[] = {"odd_5x7x3_travelling", "one_pe_6x5x1_travelling",
                                      "full_4x4x4_travelling", "ties_7x9x3_travelling"};
enum { DESIGNS = sizeof designs / sizeof *designs };

/* Strips through a design; which of load, rebias and use are slow follows from the seed. */
static void check_run(run_t *r, const design_t *d, int seed)
{
    memset(r, 0, sizeof *r);
    r->d = d;
    r->random.state = (uint64_t)seed;
    groups_open(&r->source, d, &r->random);
    r->load_gap = seed & 1 ? 3 * d->keys_max : 1;
    r->rebias_gap = seed & 2 ? 3 * d->keys_max : 1;
    r->use_gap = seed & 4 ? 3 * d->keys_max : 1;
    record(r);
    expect(r);
    compare(r, seed);
}

START_TEST(every_word_and_count_comes_in_its_cycle)
{
    static run_t r;
    int at_once = 0, bubbles = 0;
    for (int i = 0; i < DESIGNS; ++i) {
        design_t d = load(designs[i]);
        for (int seed = 1; seed <= 24; ++seed) {
            check_run(&r, &d, seed);
            at_once += r.at_once;
            bubbles += r.bubbles;
        }
    }
    demand(at_once > 50 && bubbles > 50, "%d strips at once, %d after a wait", at_once, bubbles);
}
END_TEST

/* Sizes that none of the designs has: one row, fewer columns than rows by far, keys of one tile. */
START_TEST(sizes_may_be_odd)
{
    static run_t r;
    static const int sizes[][4] = {{1, 2, 1, 9}, {9, 2, 3, 5}, {2, 11, 16, 40}, {3, 16, 2, 16}};
    design_t d = load("odd_5x7x3_travelling");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        d.rows = d.score_rows = sizes[i][0];
        d.columns = d.score_columns = sizes[i][1];
        d.strips = sizes[i][2];
        d.keys_max = sizes[i][3];
        for (d.head_max = 1; d.head_max <= 20; d.head_max += 6) {
            for (int seed = 1; seed <= 8; ++seed) check_run(&r, &d, seed);
        }
    }
}
END_TEST

/* The last row looks at threshold and policy rows - 1 cycles after the first, which does so two cycles after
 * a word. */
START_TEST(the_threshold_stays_until_the_last_row_is_done)
{
    static run_t r;
    for (int i = 0; i < DESIGNS; ++i) {
        design_t d = load(designs[i]);
        for (int seed = 1; seed <= 8; ++seed) {
            check_run(&r, &d, seed);
            for (int t = 0; t + 1 + d.rows < CYCLES; ++t) {
                if (r.shown[t].s_op != 2) continue;
                for (int row = 1; row < d.rows; ++row) {
                    demand(r.shown[t + 2].threshold == r.shown[t + 2 + row].threshold,
                           "%s seed %d cycle %d: another threshold for row %d", d.name, seed, t, row);
                }
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("predict_control");
    TCase *t = tcase_create("predict_control");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_word_and_count_comes_in_its_cycle);
    tcase_add_test(t, sizes_may_be_odd);
    tcase_add_test(t, the_threshold_stays_until_the_last_row_is_done);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
