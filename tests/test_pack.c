/* SPDX-License-Identifier: Apache-2.0 */
/* Does pack gather the groups that the published unit gathers, and say where that unit says nothing? */
#include "../model/pack.h"

#include <check.h>
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

enum { ROWS_MAX = 128, COLUMNS = 300 };

static const char *const names[] = {"published_8x8", "published_16x16x4", "odd_5x7x3",  "one_pe_6x5x1",
                                    "full_4x4x4",    "paper_64x16",       "paper_64x32"};
enum { NAMES = sizeof names / sizeof *names };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* One cycle; returns emit. */
static int64_t cycle(block_t *b, const int64_t *bit, int control)
{
    pack_t *p = b->self;
    memcpy(p->bit, bit, (size_t)b->design->pack_rows * sizeof *bit);
    *p->control = control;
    b->type->eval(p);
    int64_t emit = *p->emit;
    b->type->tick(p);
    b->type->eval(p);
    return emit;
}

static void random_column(random_t *r, const design_t *d, int percent, int64_t *bit)
{
    for (int i = 0; i < d->pack_rows; ++i) bit[i] = random_below(r, 100) < percent;
}

/* A group as its reader sees it: what each row's column registers said, column by column. */
typedef struct {
    int from, columns;    /* mask columns from .. from + columns - 1 */
    int in_row[ROWS_MAX]; /* non-zeros of each row */
} group_t;

static void take_column(const block_t *b, const int64_t *bit, group_t *g, const char *name, int seed)
{
    const pack_t *p = b->self;
    const design_t *d = b->design;
    bool any = false;
    for (int i = 0; i < d->pack_rows; ++i) {
        int64_t expected = bit[i] ? g->columns % (1 << d->row_id_bits) : d->no_pe;
        any = any || bit[i];
        g->in_row[i] += (int)bit[i];
        demand(!*p->write || p->column[i] == expected, "%s seed %d column %d row %d: %d, not %d", name, seed,
               g->from + g->columns, i, (int)p->column[i], (int)expected);
    }
    demand(*p->write == any, "%s seed %d column %d: write", name, seed, g->from + g->columns);
    ++g->columns;
}

static bool would_overflow(const design_t *d, const group_t *g, const int64_t *bit)
{
    for (int i = 0; i < d->pack_rows; ++i) {
        if (g->in_row[i] + bit[i] > d->pack_pes) return true;
    }
    return false;
}

/* Streams a mask as the published reader does: a column that closes a group is presented again. */
static int stream(const char *name, int seed)
{
    design_t d = load(name);
    block_t *b = block_open(&pack_type, &d);
    random_t r = {.state = (uint64_t)seed};
    int64_t bit[ROWS_MAX] = {0};
    group_t g = {0};
    int groups = 0, percent = (int)random_below(&r, 101);
    cycle(b, bit, PACK_CLEAR);
    for (int c = 0; c < COLUMNS; ++c) {
        random_column(&r, &d, percent, bit);
        bool closes = would_overflow(&d, &g, bit);
        int64_t emit = cycle(b, bit, PACK_READ);
        demand(emit == closes, "%s seed %d column %d: emit %d", name, seed, c, (int)emit);
        if (closes) {
            ++groups;
            g = (group_t){.from = c};
            emit = cycle(b, bit, PACK_READ);
            demand(!emit, "%s seed %d column %d: a fresh group is full", name, seed, c);
        }
        take_column(b, bit, &g, name, seed);
    }
    block_close(b);
    return groups;
}

START_TEST(groups_end_where_the_next_column_would_overflow_a_row)
{
    int groups = 0;
    for (int i = 0; i < NAMES; ++i) {
        for (int seed = 1; seed <= 60; ++seed) groups += stream(names[i], seed);
    }
    ck_assert_int_gt(groups, 1000);
}
END_TEST

/* The published sizes (8, 4, 4, 3, 3, 8), by hand: row 0 fills up, then overflows. */
START_TEST(the_closing_column_shows_the_old_place_once_more)
{
    design_t d = load("published_8x8");
    block_t *b = block_open(&pack_type, &d);
    pack_t *p = b->self;
    const int64_t none[8] = {0}, row0[8] = {1}, both[8] = {1, 0, 0, 0, 0, 0, 0, 1};
    cycle(b, none, PACK_CLEAR);
    for (int c = 0; c < 4; ++c) ck_assert_int_eq(cycle(b, row0, PACK_READ), 0);
    ck_assert_int_eq(p->column[0], 3);
    ck_assert_int_eq(p->column[7], 8);
    ck_assert_int_eq(cycle(b, none, PACK_READ), 0); /* an empty column has a place too */
    ck_assert_int_eq(*p->write, 0);
    ck_assert_int_eq(cycle(b, none, PACK_IDLE), 0);
    ck_assert_int_eq(cycle(b, both, PACK_IDLE), 0); /* emit needs read */
    ck_assert_int_eq(cycle(b, both, PACK_READ), 1);
    ck_assert_int_eq(p->column[0], 5);
    ck_assert_int_eq(p->column[7], 5);
    ck_assert_int_eq(*p->write, 1);
    ck_assert_int_eq(*p->r_q, 0);
    ck_assert_int_eq(p->n_q[0], 0);
    ck_assert_int_eq(cycle(b, both, PACK_READ), 0);
    ck_assert_int_eq(p->column[7], 0);
    ck_assert_int_eq(p->n_q[7], 1);
    block_close(b);
}
END_TEST

START_TEST(the_column_counter_wraps)
{
    design_t d = load("odd_5x7x3");
    block_t *b = block_open(&pack_type, &d);
    pack_t *p = b->self;
    int64_t bit[ROWS_MAX] = {0};
    for (int c = 0; c < 100; ++c) {
        demand(*p->r_q == c % 8, "after %d columns: %d", c, (int)*p->r_q);
        cycle(b, bit, PACK_READ);
    }
    block_close(b);
}
END_TEST

/* What each control may change, with random state before it. */
static void check_holds(const design_t *d, int seed, int control)
{
    block_t *b = block_open(&pack_type, d);
    pack_t *p = b->self;
    random_t r = {.state = (uint64_t)seed};
    int64_t bit[ROWS_MAX], n[ROWS_MAX], mask[ROWS_MAX];
    for (int i = 0; i < 5; ++i) {
        random_column(&r, d, 40, bit);
        cycle(b, bit, PACK_READ);
    }
    size_t bytes = (size_t)d->pack_rows * sizeof *n;
    memcpy(n, p->n_q, bytes);
    memcpy(mask, p->mask_q, bytes);
    int64_t columns = *p->r_q, write = *p->write_q;
    random_column(&r, d, 40, bit);
    demand(!cycle(b, bit, control), "%s seed %d control %d: emit", d->name, seed, control);
    bool clear = control == PACK_CLEAR;
    for (int i = 0; i < d->pack_rows; ++i) {
        demand(p->n_q[i] == (clear ? 0 : n[i]), "%s seed %d control %d: n[%d]", d->name, seed, control, i);
        demand(p->mask_q[i] == (clear ? 0 : mask[i]), "%s seed %d control %d: mask[%d]", d->name, seed,
               control, i);
    }
    demand(*p->r_q == (clear ? 0 : columns) && *p->write == (clear ? 0 : write), "%s seed %d control %d",
           d->name, seed, control);
    block_close(b);
}

START_TEST(idle_and_the_free_code_hold_and_clear_clears)
{
    for (int i = 0; i < NAMES; ++i) {
        design_t d = load(names[i]);
        for (int seed = 1; seed <= 30; ++seed) {
            for (int k = 0; k < 3; ++k) check_holds(&d, seed, (const int[]){PACK_IDLE, PACK_CLEAR, 3}[k]);
        }
    }
}
END_TEST

START_TEST(only_column_is_ever_unspecified_and_only_where_the_published_mask_is)
{
    design_t d = load("published_8x8");
    block_t *b = block_open(&pack_type, &d);
    pack_t *p = b->self;
    const int64_t none[8] = {0}, some[8] = {0, 1};
    const struct {
        const int64_t *bit;
        int control;
        bool known;
    } steps[] = {{none, PACK_IDLE, false}, {some, PACK_IDLE, false}, {some, PACK_READ, true},
                 {none, PACK_READ, false}, {none, PACK_CLEAR, true}, {some, PACK_IDLE, false},
                 {some, PACK_READ, true},  {some, 3, false}};
    ck_assert(!pack_type.specified(p, "column"));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; ++i) {
        cycle(b, steps[i].bit, steps[i].control);
        demand(pack_type.specified(p, "column") == steps[i].known, "step %zu", i);
        ck_assert(pack_type.specified(p, "emit") && pack_type.specified(p, "write"));
    }
    block_reset(b);
    ck_assert(!pack_type.specified(p, "column"));
    block_close(b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pack");
    TCase *t = tcase_create("pack");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, groups_end_where_the_next_column_would_overflow_a_row);
    tcase_add_test(t, the_closing_column_shows_the_old_place_once_more);
    tcase_add_test(t, the_column_counter_wraps);
    tcase_add_test(t, idle_and_the_free_code_hold_and_clear_clears);
    tcase_add_test(t, only_column_is_ever_unspecified_and_only_where_the_published_mask_is);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
