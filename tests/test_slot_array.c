/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does whatever the tags say come out as attention in plain integers, at the cycle where the schedule says
 * so, when passes follow each other as closely as docs/machine.md, "Time of a pass", allows? And does it not
 * when they follow closer?
 */
#include "../model/slot_array.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/paths.h"
#include "../sim/slot_pass.h"
#include "array_designs.h"
#include "plain_attention.h"
#include "run_suite.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for millions of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

/* ---- passes and what they give ---- */

enum { ROWS = 64, HEAD = PLAIN_HEAD, WINDOW = 16 };

typedef struct {
    int64_t t0;
    int d;
    row_result_t row[ROWS];
} result_t;

/* ---- the array beside it ---- */

typedef struct {
    const design_t *d;
    block_t *block;
    slot_player_t player;
    exp_unit_t exp;
    int64_t known;                             /* passes whose results lie in result[number % WINDOW] */
    int64_t checked;                           /* pass rows whose last word was seen */
    int64_t by_h;                              /* passes that had to wait for h */
    int64_t acc[ROWS], exps[ROWS], sums[ROWS]; /* clips expected in each row */
    result_t result[WINDOW];
    char where[160];
    const char *wrong; /* what differed first; NULL: nothing has */
} bench_t;

static bench_t bench; /* too big for the stack */

static void learn_passes(bench_t *b)
{
    for (; b->known < b->player.passes; ++b->known) {
        const slot_pass_t *s = slot_player_pass(&b->player, b->known);
        result_t *r = &b->result[b->known % WINDOW];
        r->t0 = s->t0;
        r->d = s->d;
        for (int i = 0; i < b->d->rows; ++i) {
            attend(b->d, &b->exp, s, i, false, &r->row[i]);
            b->acc[i] += r->row[i].acc_clips;
            b->exps[i] += r->row[i].exp_clips;
            b->sums[i] += r->row[i].sum_clips;
        }
        b->by_h += s->h > 0;
    }
}

static void differ(bench_t *b, const char *what, int i, int64_t got, int64_t expected)
{
    if (b->wrong) return;
    b->wrong = what;
    size_t n = strlen(b->where);
    snprintf(b->where + n, sizeof b->where - n, " cycle %lld row %d: %s %lld, not %lld",
             (long long)b->player.t - 1, i, what, (long long)got, (long long)expected);
}

/* The word that row i shows in cycle t: of the pass r, number f; false when none is due. */
static bool due(const bench_t *b, int i, int64_t t, const result_t **r, int *f)
{
    for (int64_t n = b->known > WINDOW ? b->known - WINDOW : 0; n < b->known; ++n) {
        *r = &b->result[n % WINDOW];
        int64_t word = t - ((*r)->t0 + i + b->d->columns + (*r)->d + 2);
        if (word < 0 || word >= (*r)->d || (*r)->row[i].empty) continue;
        *f = (int)word;
        return true;
    }
    return false;
}

static void check_row(bench_t *b, const slot_array_t *a, int i, int64_t t)
{
    const result_t *r;
    int f;
    int64_t op = 0, word = 0;
    if (due(b, i, t, &r, &f)) {
        op = f == r->d - 1 ? 2 : 1;
        word = r->row[i].word[f];
        b->checked += op == 2;
        if (op == 2 && a->sum[i] != r->row[i].sum) differ(b, "sum", i, a->sum[i], r->row[i].sum);
    }
    if (a->out_op[i] != op) differ(b, "out_op", i, a->out_op[i], op);
    if (a->out[i] != word) differ(b, "out", i, a->out[i], word);
}

static void bench_open(bench_t *b, const design_t *d, random_t *random, int head_max)
{
    *b = (bench_t){.d = d, .block = block_open(&slot_array_type, d)};
    demand(b->block && d->rows <= ROWS && head_max <= HEAD, "bench of %s", d->name);
    demand(slot_player_open(&b->player, b->block, random, head_max), "out of memory");
    exp_unit_of_pe(&b->exp, d);
    snprintf(b->where, sizeof b->where, "%s %dx%dx%d split %d slots %d", d->name, d->rows, d->columns, d->pes,
             d->split_policy, d->slots);
}

static void bench_close(bench_t *b)
{
    slot_player_close(&b->player);
    block_close(b->block);
}

static void step(bench_t *b)
{
    slot_array_t *a = b->block->self;
    slot_player_next(&b->player);
    learn_passes(b);
    b->block->type->eval(a);
    for (int i = 0; i < b->d->rows; ++i) check_row(b, a, i, b->player.t - 1);
    if (*a->clash) differ(b, "clash", 0, 1, 0);
    b->block->type->tick(a);
}

/* Once nothing is on its way, whatever clipped is counted. */
static void check_counters(bench_t *b)
{
    const slot_array_t *a = b->block->self;
    for (int i = 0; i < b->d->rows; ++i) {
        if (a->acc_sat_q[i] != b->acc[i]) differ(b, "acc_sat_q", i, a->acc_sat_q[i], b->acc[i]);
        if (a->exp_sat_q[i] != b->exps[i]) differ(b, "exp_sat_q", i, a->exp_sat_q[i], b->exps[i]);
        if (a->sum_sat_q[i] != b->sums[i]) differ(b, "sum_sat_q", i, a->sum_sat_q[i], b->sums[i]);
    }
}

/* The cycle after the last one in which a word of the last pass is on its way. */
static int64_t end_of(const bench_t *b)
{
    const slot_pass_t *last = slot_player_pass(&b->player, b->player.passes - 1);
    return last->t0 + 2 * last->d + b->d->rows + b->d->columns + 4;
}

static void play(bench_t *b)
{
    while (!b->wrong && (b->known < b->player.limit || b->player.t < end_of(b))) step(b);
    if (!b->wrong) check_counters(b);
}

/* ---- as the rules allow ---- */

enum { PASSES = 40 };

static const int sizes[][3] = {{1, 2, 1},  {2, 2, 2},  {5, 7, 3},   {6, 5, 1},   {4, 4, 4},    {8, 16, 4},
                               {9, 16, 1}, {16, 8, 4}, {3, 33, 16}, {12, 61, 7}, {64, 64, 16}, {20, 64, 60}};

static design_t sized(const int size[3], int policy)
{
    design_t d = signed_design(size[0], size[1], size[2]);
    d.control = CONTROL_TRAVELLING;
    d.split_policy = policy & 1 ? SPLIT_INTERLEAVED : SPLIT_CONSECUTIVE;
    d.slots = policy & 2 ? SLOTS_HOME : SLOTS_FIRST;
    return d;
}

typedef struct {
    int64_t rows, waits, clips;
} total_t;

static void must_hold(const design_t *d, uint64_t seed, bool minimal, total_t *total)
{
    bench_t *b = &bench;
    random_t random = {.state = seed};
    bench_open(b, d, &random, 2 * d->columns < HEAD ? 2 * d->columns : HEAD);
    b->player.limit = d->rows * d->columns > 1000 ? PASSES / 4 : PASSES;
    b->player.minimal = minimal;
    play(b);
    demand(!b->wrong, "seed %d minimal %d: %s", (int)seed, minimal, b->where);
    total->rows += b->checked;
    total->waits += b->by_h;
    for (int i = 0; i < d->rows; ++i) total->clips += b->acc[i] + b->exps[i] + b->sums[i];
    bench_close(b);
}

START_TEST(passes_at_minimal_intervals_come_out_as_attention)
{
    total_t total = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        for (int policy = 0; policy < 4; ++policy) {
            const design_t d = sized(sizes[i], policy);
            for (uint64_t seed = 1; seed <= 6; ++seed) must_hold(&d, seed, true, &total);
        }
    }
    demand(total.rows > 10000 && total.waits > 1000 && total.clips > 10000, "%d rows, %d waits, %d clips",
           (int)total.rows, (int)total.waits, (int)total.clips);
}
END_TEST

START_TEST(later_passes_come_out_as_well)
{
    total_t total = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        for (int policy = 0; policy < 4; ++policy) {
            const design_t d = sized(sizes[i], policy);
            for (uint64_t seed = 1; seed <= 3; ++seed) must_hold(&d, seed, false, &total);
        }
    }
    demand(total.rows > 5000, "%d rows", (int)total.rows);
}
END_TEST

/* Other widths, fractions and tables. */
START_TEST(the_formats_of_every_travelling_design_hold)
{
    static const char *const names[] = {"odd_5x7x3_travelling", "one_pe_6x5x1_travelling",
                                        "full_4x4x4_travelling", "ties_7x9x3_travelling", "paper_64x16"};
    total_t total = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        design_t d;
        char error[DESIGN_ERROR_MAX] = "";
        demand(!paths_design(names[i], &d, error), "%s", error);
        for (uint64_t seed = 1; seed <= 10; ++seed) must_hold(&d, seed, seed % 2, &total);
    }
    demand(total.rows > 1000, "%d rows", (int)total.rows);
}
END_TEST

/* ---- closer than they allow ---- */

typedef enum { SLOTS, EXP, WALK } rule_t;

/* True when something differs, or two slots want the exp unit at once. */
static bool breaks(const design_t *d, uint64_t seed, rule_t rule)
{
    bench_t *b = &bench;
    random_t random = {.state = seed};
    bench_open(b, d, &random, 2 * d->columns < HEAD ? 2 * d->columns : HEAD);
    b->player.limit = PASSES;
    b->player.early.slots = rule == SLOTS;
    b->player.early.exp = rule == EXP;
    b->player.early.walk = rule == WALK;
    play(b);
    bool broken = b->wrong != NULL;
    bench_close(b);
    return broken;
}

/* So the rules are no wider than they must be, and the tests above would see a machine that breaks them. */
START_TEST(passes_a_cycle_closer_do_not)
{
    static const char *const names[] = {"slots", "exp", "walk"};
    for (rule_t rule = SLOTS; rule <= WALK; ++rule) {
        for (int policy = 0; policy < 4; ++policy) {
            const design_t d = sized(sizes[5], policy);
            int broken = 0;
            for (uint64_t seed = 1; seed <= 20; ++seed) broken += breaks(&d, seed, rule);
            demand(broken > 0, "rule %s, policy %d: nothing differs", names[rule], policy);
        }
    }
}
END_TEST

/* ---- small things by hand ---- */

START_TEST(a_row_beyond_the_last_loads_nothing)
{
    const int size[3] = {5, 7, 3};
    design_t d = sized(size, 0);
    block_t *b = block_open(&slot_array_type, &d);
    slot_array_t *a = b->self;
    *a->load = 1;
    for (int row = 0; row < 8; ++row) {
        *a->load_row = row;
        b->type->eval(a);
        b->type->tick(a);
        for (int i = 0; i < 5; ++i) {
            int64_t word = a->slot_q[i * 3], fresh = slot_control_at_reset(&d);
            demand((word != fresh) == (i <= row), "row %d after a load of row %d", i, row);
        }
    }
    block_close(b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slot_array");
    TCase *t = tcase_create("slot_array");
    tcase_set_timeout(t, 240);
    tcase_add_test(t, passes_at_minimal_intervals_come_out_as_attention);
    tcase_add_test(t, later_passes_come_out_as_well);
    tcase_add_test(t, the_formats_of_every_travelling_design_hold);
    tcase_add_test(t, passes_a_cycle_closer_do_not);
    tcase_add_test(t, a_row_beyond_the_last_loads_nothing);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
