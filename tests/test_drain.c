/* SPDX-License-Identifier: Apache-2.0 */
/* Does every computed row reach memory divided, once, in its place, and does a group end in order? */
#include "../model/drain.h"

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

enum { DIVIDING = 256, GROUPS = 400 };

/* A set of operands on its way through the dividers. */
typedef struct {
    int64_t num[128], den;
    int ready; /* cycle of the answer */
} set_t;

typedef struct {
    const design_t *d;
    int seed, cycle, latency;
    random_t random;
    groups_t source;
    group_t group[GROUPS];
    int started, computed, taken, cleared, finished, drained; /* groups */
    int write_gap, fin_gap, compute_gap;
    set_t set[DIVIDING];
    int first, count; /* of the sets above */
    int sets, rows;   /* entered, of the row that enters; rows that began to enter */
    int enter_group, enter_row;
    int write_group, write_row, write_beat; /* the beat that comes next */
    int rows_written, most_inside;
    bool ends; /* the last beat of write_group - 1 was accepted, and it is not cleared yet */
} run_t;

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* What accumulate holds: element e of a row of a group; e = -1: its sum. */
static int64_t accumulated(const run_t *r, int group, int row, int e, int bits)
{
    random_t x = {.state = (uint64_t)((group * 5000 + row) * 300 + e) * 31 + (uint64_t)r->seed};
    return fixed_wrap((int64_t)random_bits(&x), bits);
}

/* The dividers of this test: anything that needs both operands. */
static int64_t quotient(const design_t *d, int64_t num, int64_t den)
{
    return fixed_wrap(num * 5 + den * 3, d->output.w);
}

static int64_t expected_word(const run_t *r, int group, int row, int e)
{
    const design_t *d = r->d;
    if (e >= r->group[group].d) return 0;
    int64_t num = accumulated(r, group, row, e, d->output_sum.w);
    int64_t den = accumulated(r, group, row, -1, d->row_sum.w);
    return (int64_t)fixed_low((uint64_t)quotient(d, num, den), 16);
}

/* ---- the neighbours ---- */

static void offer_groups(run_t *r, drain_t *m)
{
    if (r->started - r->taken < 2) {
        demand(r->started < GROUPS, "too many groups for the test");
        int half = r->started & 1;
        group_t g = r->group[r->started++] = groups_next(&r->source);
        m->g_rows[half] = g.rows, m->g_d[half] = g.d, m->g_beats[half] = g.beats, m->g_o[half] = g.o;
        m->g_final[half] = g.final, m->g_job[half] = g.job & 0xffff;
    }
    bool computes =
        r->computed < r->started && r->computed - r->drained < 2; /* there are two halves of sums */
    if (computes && random_one_in(&r->random, r->compute_gap)) ++r->computed;
    *m->computed = r->computed & 3;
}

/* accumulate follows rd_index: rows of the group that is in that half. */
static void settle(run_t *r, block_t *b)
{
    drain_t *m = b->self;
    const design_t *d = r->d;
    b->type->eval(m);
    int half = *m->rd_index >= design_group_rows(d), group = r->enter_group;
    int row = (int)*m->rd_index - half * design_group_rows(d);
    for (int e = 0; e < d->head_max; ++e) m->rd_acc[e] = accumulated(r, group, row, e, d->output_sum.w);
    *m->rd_sum = accumulated(r, group, row, -1, d->row_sum.w);
    b->type->eval(m);
}

static void answer(run_t *r, drain_t *m)
{
    const set_t *s = &r->set[r->first % DIVIDING];
    *m->div_done = r->count && s->ready == r->cycle;
    if (!*m->div_done) return;
    for (int l = 0; l < r->d->lanes; ++l) m->div_quot[l] = quotient(r->d, s->num[l], s->den);
    ++r->first, --r->count;
}

/* ---- what leaves the block ---- */

static void check_enter(run_t *r, const drain_t *m)
{
    const design_t *d = r->d;
    if (!*m->div_valid) return;
    demand(r->enter_group < r->computed, "%s seed %d: enters group %d too early", d->name, r->seed,
           r->enter_group);
    const group_t *g = &r->group[r->enter_group];
    int index = (r->enter_group & 1) * design_group_rows(d) + r->enter_row;
    demand(*m->rd_index == index, "%s seed %d: index %d, not %d", d->name, r->seed, (int)*m->rd_index, index);
    demand(r->count < DIVIDING, "too many sets for the test");
    set_t *s = &r->set[(r->first + r->count++) % DIVIDING];
    *s = (set_t){.den = *m->div_den, .ready = r->cycle + r->latency};
    memcpy(s->num, m->div_num, (size_t)d->lanes * sizeof *s->num);
    for (int l = 0; l < d->lanes; ++l) {
        int e = r->sets * d->lanes + l;
        int64_t num = e < d->head_max ? accumulated(r, r->enter_group, r->enter_row, e, d->output_sum.w) : 0;
        demand(s->num[l] == num, "%s seed %d row %d element %d", d->name, r->seed, r->enter_row, e);
    }
    if (r->sets == 0) ++r->rows;
    if (r->rows - r->rows_written > r->most_inside) r->most_inside = r->rows - r->rows_written;
    if (++r->sets * d->lanes < g->d) return;
    r->sets = 0;
    if (++r->enter_row < g->rows) return;
    r->enter_row = 0, ++r->enter_group;
}

static void check_write(run_t *r, const drain_t *m)
{
    const design_t *d = r->d;
    const group_t *g = &r->group[r->write_group];
    if (!*m->wr_valid || !*m->wr_ready) return;
    demand(r->write_group < r->started, "%s seed %d: a beat of no group", d->name, r->seed);
    demand(!r->ends, "%s seed %d: group %d begins before the end of the one before", d->name, r->seed,
           r->write_group);
    int64_t addr = g->o + (r->write_row * g->beats + r->write_beat) * d->bus_bytes;
    demand(*m->wr_addr == (int64_t)fixed_low((uint64_t)addr, d->addr_w), "%s seed %d: address %llx", d->name,
           r->seed, (long long)*m->wr_addr);
    for (int i = 0; i < d->bus_bytes / 2; ++i) {
        int e = r->write_beat * d->bus_bytes / 2 + i;
        int64_t word = expected_word(r, r->write_group, r->write_row, e);
        demand(m->wr_data[i] == word, "%s seed %d group %d row %d element %d: %llx, not %llx", d->name,
               r->seed, r->write_group, r->write_row, e, (long long)m->wr_data[i], (long long)word);
    }
    if (++r->write_beat * d->bus_bytes < 2 * g->d) return;
    r->write_beat = 0, ++r->rows_written;
    if (++r->write_row < g->rows) return;
    r->write_row = 0, ++r->write_group, r->ends = true;
}

/* clear, fin and drained, one after the other, for each group. */
static void check_end(run_t *r, const drain_t *m)
{
    int drained = (int)((*m->drained - r->drained) & 3);
    r->taken += (int)((*m->taken - r->taken) & 3);
    demand(r->taken <= r->computed, "%s seed %d: the record of group %d is taken too early", r->d->name,
           r->seed, r->taken - 1);
    const group_t *g = &r->group[r->drained];
    if (drained) {
        demand(drained == 1 && r->cleared == r->drained + 1 && r->finished == r->cleared,
               "%s seed %d: group %d drained out of turn", r->d->name, r->seed, r->drained);
        ++r->drained;
        r->ends = false;
        g = &r->group[r->drained];
    }
    if (*m->clear) {
        demand(r->write_group == r->cleared + 1 && *m->clear_half == (r->cleared & 1),
               "%s seed %d: clear before group %d is written", r->d->name, r->seed, r->cleared);
        ++r->cleared;
        if (!g->final) ++r->finished;
    }
    if (*m->fin_valid) {
        demand(g->final && r->cleared == r->drained + 1 && *m->fin_job == (g->job & 0xffff),
               "%s seed %d: end of job %d after group %d", r->d->name, r->seed, (int)*m->fin_job, r->drained);
        if (*m->fin_ready) ++r->finished;
    }
}

static void cycle(run_t *r, block_t *b)
{
    drain_t *m = b->self;
    answer(r, m);
    offer_groups(r, m);
    *m->wr_ready = random_one_in(&r->random, r->write_gap);
    *m->fin_ready = random_one_in(&r->random, r->fin_gap);
    settle(r, b);
    check_end(r, m);
    check_enter(r, m);
    check_write(r, m);
    b->type->tick(m);
    ++r->cycle;
}

static void check_run(run_t *r, const design_t *d, int seed, int groups)
{
    static const int gaps[] = {1, 2, 9};
    block_t *b = block_open(&drain_type, d);
    *r = (run_t){.d = d, .seed = seed, .random = {(uint64_t)seed}};
    groups_open(&r->source, d, &r->random);
    r->write_gap = gaps[seed % 3];
    r->fin_gap = gaps[seed / 3 % 3];
    r->compute_gap = 20 * gaps[seed / 9 % 3] - 19;
    r->latency = 1 + (int)random_below(&r->random, 40);
    while (r->drained < groups) {
        demand(r->cycle < groups * 20000, "%s seed %d: stuck in group %d", d->name, seed, r->drained);
        cycle(r, b);
    }
    block_close(b);
}

static const char *const designs[] = {"odd_5x7x3_travelling", "one_pe_6x5x1_travelling",
                                      "full_4x4x4_travelling", "ties_7x9x3_travelling"};
enum { DESIGNS = sizeof designs / sizeof *designs };

START_TEST(every_row_reaches_its_place_and_groups_end_in_order)
{
    static run_t r;
    for (int i = 0; i < DESIGNS; ++i) {
        design_t d = load(designs[i]);
        int inside = 0;
        for (int seed = 1; seed <= 54; ++seed) {
            check_run(&r, &d, seed, 30);
            demand(r.most_inside <= 16, "%s seed %d: %d rows inside", d.name, seed, r.most_inside);
            if (r.most_inside > inside) inside = r.most_inside;
        }
        int resident = 2 * design_group_rows(&d);
        demand(inside == (resident < 16 ? resident : 16), "%s: never more than %d rows inside", d.name,
               inside);
    }
}
END_TEST

/* Lanes that do not divide beats, beats that do not divide rows. */
START_TEST(lanes_beats_and_heads_may_have_any_sizes)
{
    static run_t r;
    static const int sizes[][3] = {{1, 8, 1}, {5, 8, 3}, {7, 16, 6}, {3, 64, 20}, {16, 8, 13}, {2, 32, 33}};
    design_t d = load("odd_5x7x3_travelling");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        d.lanes = sizes[i][0], d.bus_bytes = sizes[i][1], d.head_max = sizes[i][2];
        for (int seed = 1; seed <= 9; ++seed) check_run(&r, &d, seed, 20);
    }
}
END_TEST

/* Nothing stalls: a row costs its sets or its beats, whatever is more, and a group a few cycles. */
START_TEST(a_row_costs_its_sets_or_its_beats)
{
    static run_t r;
    design_t d = load("full_4x4x4_travelling");
    check_run(&r, &d, 27, 100);
    demand(r.write_gap == 1 && r.fin_gap == 1 && r.compute_gap == 1, "the seed has gaps");
    int cycles = 0;
    for (int i = 0; i < r.drained; ++i) {
        const group_t *g = &r.group[i];
        int sets = (g->d + d.lanes - 1) / d.lanes;
        cycles += g->rows * (sets > g->beats ? sets : g->beats) + 5;
    }
    demand(r.cycle <= cycles + r.drained * (r.latency + 3), "%d cycles, not %d", r.cycle, cycles);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("drain");
    TCase *t = tcase_create("drain");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_row_reaches_its_place_and_groups_end_in_order);
    tcase_add_test(t, lanes_beats_and_heads_may_have_any_sizes);
    tcase_add_test(t, a_row_costs_its_sets_or_its_beats);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
