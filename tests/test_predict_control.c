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
    int valid, first, file, upper, tile, at;
    int d_valid, d_first, d_bank, d_col, d_key, d_limit, d_rows, head_key;
    int s_valid, s_first, s_bank, s_key;
    int t_valid, t_first, t_bank, t_there, t_key, t_col, t_last, t_tile, t_strip;
    int scored, begun_groups, predicted;
    int64_t threshold, policy;
} shown_t;

typedef struct {
    int loaded, opened, asked; /* counts that do not wrap, as they are in the cycle */
} asked_t;

typedef struct {
    const design_t *d;
    random_t random;
    groups_t source;
    group_t group[GROUPS];
    bool upper[GROUPS];
    int end[GROUPS];           /* strips up to the end of each */
    int groups, loading, used; /* groups made; strips of the last one still to load; groups used up */
    int load_gap, open_gap, ask_gap, use_gap;
    asked_t asked[CYCLES];
    shown_t shown[CYCLES], expected[CYCLES + 1000];
    int bubbles, at_once, late; /* strips that waited, that did not, and that only a smaller d kept waiting */
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

static int follow(int count, int64_t wrapped, int bits)
{
    return count + (int)fixed_low((uint64_t)(wrapped - count), bits);
}

static shown_t show(const predict_control_t *c, const shown_t *before)
{
    shown_t s = {.scored = follow(before->scored, *c->scored, 2),
                 .begun_groups = follow(before->begun_groups, *c->begun_groups, 2),
                 .predicted = follow(before->predicted, *c->predicted, design_held_w(c->d)),
                 .threshold = *c->threshold,
                 .policy = *c->policy};
    if (*c->valid) {
        s.valid = 1, s.first = (int)*c->first, s.file = (int)*c->file, s.upper = (int)*c->upper;
        s.tile = (int)*c->tile, s.at = (int)*c->at;
    }
    if (*c->d_valid) {
        s.d_valid = 1, s.d_first = (int)*c->d_first, s.d_bank = (int)*c->d_bank, s.d_col = (int)*c->d_col;
        s.d_key = (int)*c->d_key, s.d_limit = (int)*c->d_limit, s.d_rows = (int)*c->d_rows;
        s.head_key = (int)*c->head_key;
    }
    if (*c->s_valid)
        s.s_valid = 1, s.s_first = (int)*c->s_first, s.s_bank = (int)*c->s_bank, s.s_key = (int)*c->s_key;
    else
        demand(!*c->s_first, "a first sum word that is none");
    if (*c->t_valid) {
        s.t_valid = 1, s.t_first = (int)*c->t_first, s.t_bank = (int)*c->t_bank, s.t_there = (int)*c->t_there;
        s.t_key = (int)*c->t_key, s.t_col = (int)*c->t_col, s.t_last = (int)*c->t_last;
        s.t_tile = (int)*c->t_tile, s.t_strip = (int)*c->t_strip;
    } else
        demand(!*c->t_last && !*c->t_there && !*c->t_first, "marks without a threshold word");
    return s;
}

/* Strips of a group are loaded before or after it gets its record. */
static void load_strip(run_t *r, asked_t *asked, const shown_t *shown)
{
    if (!r->loading) {
        if (r->groups > asked->opened) return;
        demand(r->groups < GROUPS, "too many groups for the test");
        group_t *g = &r->group[r->groups];
        *g = groups_next(&r->source);
        bool same_head = g->first > 0;
        r->upper[r->groups] = same_head ? r->upper[r->groups - 1] : (int)random_below(&r->random, 2);
        r->loading = group_strips(r->d, g);
        r->end[r->groups] = asked->loaded + r->loading;
        ++r->groups;
    } else if (asked->loaded - shown->scored < 3 && random_one_in(&r->random, r->load_gap)) {
        ++asked->loaded, --r->loading;
    }
}

static void open_group(run_t *r, predict_control_t *c, asked_t *asked)
{
    if (asked->opened == r->groups || asked->opened - r->used == 2) return;
    if (!random_one_in(&r->random, r->open_gap)) return;
    int n = asked->opened++, half = n & 1;
    const group_t *g = &r->group[n];
    c->g_rows[half] = g->rows;
    c->g_first[half] = g->first;
    c->g_keys[half] = g->keys;
    c->g_d[half] = g->d;
    c->g_causal[half] = g->causal;
    c->g_upper[half] = r->upper[n];
    c->g_policy[half] = g->policy;
    c->g_threshold[half] = g->threshold;
}

/* Inputs of a cycle, from what showed in the one before. */
static void drive(run_t *r, predict_control_t *c, asked_t *asked, const shown_t *shown)
{
    load_strip(r, asked, shown);
    open_group(r, c, asked);
    if (asked->asked < shown->scored && random_one_in(&r->random, r->ask_gap)) ++asked->asked;
    bool usable = r->used < asked->opened && shown->predicted >= r->end[r->used];
    if (usable && random_one_in(&r->random, r->use_gap)) ++r->used;
    *c->loaded = asked->loaded & 3;
    *c->opened = asked->opened & 3;
    *c->asked = asked->asked & 3;
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
    int seen, tiles;     /* keys that its group sees, and their tiles */
    int bank, upper;     /* upper: place of the first key */
} strip_t;

/* Where each sequencer is with the strips before: the first cycle in which the next may show its first word.
 */
typedef struct {
    int score, sum, keep;
    int drained; /* last cycle of the last strip's drain words */
    int free[3],
        kept[3]; /* by bank: the first cycle that knows it to be free, and the last strip to be gone */
} when_t;

static void expect_count(run_t *r, int from, int scored, int begun, int predicted)
{
    for (int t = from; t < CYCLES; ++t) {
        r->expected[t].scored += scored;
        r->expected[t].begun_groups += begun;
        r->expected[t].predicted += predicted;
    }
}

/* One tile, word 0 in cycle t. */
static void expect_tile(run_t *r, const strip_t *s, int tile, int t)
{
    const design_t *d = r->d;
    const group_t *g = s->g;
    for (int e = 0; e < g->d && t + e < CYCLES; ++e) {
        shown_t *x = &r->expected[t + e];
        x->valid = 1, x->first = e == 0, x->file = s->bank, x->tile = tile, x->at = e;
        x->upper = s->upper > 0;
    }
    for (int j = 0; j < d->columns && t + 1 + g->d + j < CYCLES; ++j) {
        shown_t *x = &r->expected[t + 1 + g->d + j];
        int key = tile * d->columns + j;
        if (key >= g->keys) break;
        demand(!x->d_valid, "two drain words in a cycle");
        x->d_valid = 1, x->d_first = key == 0, x->d_bank = s->bank, x->d_col = j, x->d_key = key;
        x->d_limit = g->causal ? g->first + s->strip * d->rows : d->keys_max;
        x->d_rows = group_strip_rows(d, g, s->strip);
        x->head_key = (s->upper + key) % (1 << fixed_bits(d->keys_max));
    }
}

static void expect_sum(run_t *r, const strip_t *s, int t)
{
    for (int key = 0; key < s->seen && t + key < CYCLES; ++key) {
        shown_t *x = &r->expected[t + key];
        demand(!x->s_valid, "two sum words in a cycle");
        x->s_valid = 1, x->s_first = key == 0, x->s_bank = s->bank, x->s_key = key;
    }
}

/* One tile of the threshold words, first column in cycle t. */
static void expect_keep(run_t *r, const strip_t *s, int tile, int t)
{
    const design_t *d = r->d;
    for (int j = 0; j < d->columns && t + j < CYCLES; ++j) {
        shown_t *x = &r->expected[t + j];
        int key = tile * d->columns + j;
        bool there = key < s->g->keys, last = j == d->columns - 1;
        if (!there && !last) continue;
        demand(!x->t_valid, "two threshold words in a cycle");
        x->t_valid = 1, x->t_first = key == 0, x->t_bank = s->bank, x->t_there = there;
        x->t_key = there ? key : 0, x->t_col = j, x->t_last = last, x->t_tile = tile;
        x->t_strip = s->group % 2 * d->strips + s->strip;
    }
}

static void expect_threshold(run_t *r, const strip_t *s, int from)
{
    for (int t = from; t < CYCLES; ++t) {
        r->expected[t].threshold = s->g->threshold;
        r->expected[t].policy = s->g->policy;
    }
}

static bool may_score(const run_t *r, const strip_t *s, const when_t *w, int t)
{
    const asked_t *a = &r->asked[t];
    return a->loaded > s->n && a->opened > s->group && a->asked > s->n - 3 && t >= w->free[s->bank];
}

/* Word 0 of the strip, no earlier than `from`; its drain words come after those of the strip before. */
static int expect_start(run_t *r, const strip_t *s, const when_t *w)
{
    int t = w->score;
    while (t <= CYCLES && !may_score(r, s, w, t - 1)) ++t;
    int spaced = most(t, w->drained - s->g->d);
    if (t > w->score)
        ++r->bubbles;
    else if (spaced > t)
        ++r->late;
    else
        ++r->at_once;
    return spaced;
}

/* The whole strip; false: it begins after the recorded time. */
static bool expect_strip(run_t *r, const strip_t *s, when_t *w)
{
    const design_t *d = r->d;
    int tile_time = most(s->g->d, d->columns), keep_time = most(d->rows, d->columns);
    int t = expect_start(r, s, w);
    if (t >= CYCLES) return false;
    for (int tile = 0; tile < s->tiles; ++tile, t += tile_time) expect_tile(r, s, tile, t);
    w->score = t;
    w->drained = t - tile_time + s->g->d + d->columns;
    expect_count(r, w->drained + 3, 1, 0, 0);

    t = most(most(w->sum, w->drained + 4), w->kept[s->bank] + 1);
    expect_sum(r, s, t);
    w->sum = t + s->seen;

    t = most(w->keep, w->sum - 1 + 2);
    for (int tile = 0; tile < s->tiles; ++tile) expect_keep(r, s, tile, t + tile * keep_time);
    expect_threshold(r, s, t + 1);
    expect_count(r, t + 1, 0, s->strip == 0, 0);
    w->keep = t + s->tiles * keep_time;
    w->free[s->bank] = (d->rows > d->columns ? w->keep - keep_time : t) + 1;
    w->kept[s->bank] = w->keep;
    expect_count(r, w->keep - keep_time + d->columns - 1 + d->rows + 3, 0, 0, 1);
    return true;
}

static void expect(run_t *r)
{
    when_t w = {.score = 1, .sum = 1, .keep = 1}; /* a register shows what the first edge sees in cycle 1 */
    strip_t s = {0};
    for (int group = 0; group < r->groups; ++group) {
        const group_t *g = &r->group[group];
        int strips = group_strips(r->d, g);
        s.seen = 0;
        for (int key = 0; key < g->keys; ++key) s.seen += !g->causal || key <= g->first + g->rows - 1;
        for (int strip = 0; strip < strips; ++strip, ++s.n) {
            s.g = g, s.group = group, s.strip = strip, s.bank = s.n % 3;
            s.tiles = (s.seen + r->d->columns - 1) / r->d->columns;
            s.upper = r->upper[group] ? r->d->keys_max / 2 : 0;
            if (!expect_strip(r, &s, &w)) return;
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
        SAME(upper);
        SAME(tile);
        SAME(at);
        SAME(d_valid);
        SAME(d_first);
        SAME(d_bank);
        SAME(d_col);
        SAME(d_key);
        SAME(d_limit);
        SAME(d_rows);
        SAME(head_key);
        SAME(s_valid);
        SAME(s_first);
        SAME(s_bank);
        SAME(s_key);
        SAME(t_valid);
        SAME(t_first);
        SAME(t_bank);
        SAME(t_there);
        SAME(t_key);
        SAME(t_col);
        SAME(t_last);
        SAME(t_tile);
        SAME(t_strip);
        SAME(threshold);
        SAME(policy);
        SAME(scored);
        SAME(begun_groups);
        SAME(predicted);
    }
}

static const char *const designs[] = {"odd_5x7x3_travelling", "one_pe_6x5x1_travelling",
                                      "full_4x4x4_travelling", "ties_7x9x3_travelling"};
enum { DESIGNS = sizeof designs / sizeof *designs };

/* Strips through a design; which of load, open, ask and use are slow follows from the seed. */
static void check_run(run_t *r, const design_t *d, int seed)
{
    memset(r, 0, sizeof *r);
    r->d = d;
    r->random.state = (uint64_t)seed;
    groups_open(&r->source, d, &r->random);
    r->load_gap = seed & 1 ? 3 * d->keys_max : 1;
    r->ask_gap = seed & 2 ? 3 * d->keys_max : 1;
    r->use_gap = seed & 4 ? 3 * d->keys_max : 1;
    r->open_gap = seed & 8 ? d->keys_max : 1;
    record(r);
    expect(r);
    compare(r, seed);
}

START_TEST(every_word_and_count_comes_in_its_cycle)
{
    static run_t r;
    int at_once = 0, bubbles = 0, late = 0;
    for (int i = 0; i < DESIGNS; ++i) {
        design_t d = load(designs[i]);
        for (int seed = 1; seed <= 24; ++seed) {
            check_run(&r, &d, seed);
            at_once += r.at_once;
            bubbles += r.bubbles;
            late += r.late;
        }
    }
    demand(at_once > 50 && bubbles > 50 && late > 5, "%d strips at once, %d after a wait, %d drained later",
           at_once, bubbles, late);
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

/* Row i takes threshold and policy one cycle after the strip's first threshold word and i. */
START_TEST(the_threshold_stays_until_the_last_row_has_it)
{
    static run_t r;
    for (int i = 0; i < DESIGNS; ++i) {
        design_t d = load(designs[i]);
        for (int seed = 1; seed <= 8; ++seed) {
            check_run(&r, &d, seed);
            for (int t = 0; t + 1 + d.rows < CYCLES; ++t) {
                if (!r.shown[t].t_first) continue;
                for (int row = 1; row < d.rows; ++row) {
                    demand(r.shown[t + 1].threshold == r.shown[t + 1 + row].threshold,
                           "%s seed %d cycle %d: another threshold for row %d", d.name, seed, t, row);
                }
            }
        }
    }
}
END_TEST

/* Nothing to wait for: a strip leaves every T * max(d, rows, columns) cycles. */
START_TEST(strips_follow_each_other_at_once)
{
    design_t d = load("odd_5x7x3_travelling");
    d.rows = d.score_rows = 16;
    d.columns = d.score_columns = 16;
    d.keys_max = 64;
    d.strips = 8;
    for (int tiles = 2; tiles <= 4; ++tiles) {
        for (int head = 1; head <= 40; ++head) {
            d.head_max = head;
            block_t *b = block_open(&predict_control_type, &d);
            predict_control_t *c = b->self;
            int time = tiles * most(head, 16), strips = 0, last = 0;
            *c->opened = 1;
            c->g_rows[0] = 8 * d.rows, c->g_keys[0] = 16 * tiles, c->g_d[0] = head;
            for (int t = 0; strips < 8; ++t) {
                demand(t < CYCLES, "stuck after %d strips", strips);
                b->type->eval(c);
                *c->asked = *c->scored;
                *c->loaded = (*c->scored + 3) & 3;
                if (*c->t_first) {
                    demand(!strips || t - last == time, "%d tiles of d %d: strip %d after %d cycles, not %d",
                           tiles, head, strips, t - last, time);
                    ++strips;
                    last = t;
                }
                b->type->tick(c);
            }
            block_close(b);
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
    tcase_add_test(t, the_threshold_stays_until_the_last_row_has_it);
    tcase_add_test(t, strips_follow_each_other_at_once);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
