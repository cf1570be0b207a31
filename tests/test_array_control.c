/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the array under its published control give attention in plain integers, at the cycles of
 * docs/machine.md, "array_control", when words of V and the next pass come as early as allowed? Does
 * accumulate understand it? And does something break when they come a cycle earlier?
 */
#include "../model/array_control.h"

#include <stdio.h>
#include <string.h>

#include "../model/accumulate.h"
#include "../sim/paths.h"
#include "array_designs.h"
#include "array_drive.h"
#include "plain_attention.h"

#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

/* ---- passes and what they give ---- */

enum { ROWS = 64, WINDOW = 16, PASSES = 40 };

typedef struct {
    int64_t t0, tv;
    int d;
    row_result_t row[ROWS];
} result_t;

typedef struct {
    const design_t *d;
    block_t *block, *sums; /* array_control; accumulate behind it */
    slot_player_t player;
    exp_unit_t exp;
    int64_t known;                                  /* passes whose results lie in result[number % WINDOW] */
    int64_t checked;                                /* pass rows whose last word was seen */
    int64_t added;                                  /* passes that accumulate has completed */
    int64_t acc[ROWS], exps[ROWS], sum_clips[ROWS]; /* clips expected in each row */
    result_t result[WINDOW];
    char where[200];
    const char *wrong; /* what differed first; NULL: nothing has */
} bench_t;

static bench_t bench; /* too big for the stack */

static void bench_open(bench_t *b, const design_t *d, random_t *random, int head_max)
{
    *b = (bench_t){
        .d = d, .block = block_open(&array_control_type, d), .sums = block_open(&accumulate_type, d)};
    demand(b->block && b->sums && d->rows <= ROWS && head_max <= PLAIN_HEAD, "bench of %s", d->name);
    demand(slot_player_open(&b->player, b->block, random, head_max), "out of memory");
    exp_unit_of_pe(&b->exp, d);
    snprintf(b->where, sizeof b->where, "%s %dx%dx%d split %d slots %d", d->name, d->rows, d->columns, d->pes,
             d->split_policy, d->slots);
}

static void bench_close(bench_t *b)
{
    slot_player_close(&b->player);
    block_close(b->block);
    block_close(b->sums);
}

static void learn_passes(bench_t *b)
{
    for (; b->known < b->player.passes; ++b->known) {
        const slot_pass_t *s = slot_player_pass(&b->player, b->known);
        result_t *r = &b->result[b->known % WINDOW];
        *r = (result_t){.t0 = s->t0, .tv = s->tv, .d = s->d};
        for (int i = 0; i < b->d->rows; ++i) {
            attend(b->d, &b->exp, s, i, true, &r->row[i]);
            b->acc[i] += r->row[i].acc_clips;
            b->exps[i] += r->row[i].exp_clips;
            b->sum_clips[i] += r->row[i].sum_clips;
        }
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

/* ---- what shows, and when ---- */

/* The cycle in which row i shows word f: the last one waits until the scores have moved out, pes cycles from
 * the array's last output on. */
static int64_t shows_at(const design_t *d, const result_t *r, int i, int f)
{
    int64_t last_output = r->tv + r->d - 1 + d->rows + d->columns;
    return f == r->d - 1 ? last_output + d->pes + i : r->tv + i + d->columns + 1 + f;
}

static bool due(const bench_t *b, int i, int64_t t, const result_t **r, int *f)
{
    for (int64_t n = b->known > WINDOW ? b->known - WINDOW : 0; n < b->known; ++n) {
        *r = &b->result[n % WINDOW];
        for (*f = 0; *f < (*r)->d; ++*f) {
            if (shows_at(b->d, *r, i, *f) == t) return true;
        }
    }
    return false;
}

static void check_row(bench_t *b, const array_control_t *a, int i, int64_t t)
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

/* ---- accumulate: pass n's rows belong to the queries of half n % 2, which is cleared once they are seen
 * ---- */

static void check_sums(bench_t *b, accumulate_t *s)
{
    const design_t *d = b->d;
    const result_t *r = &b->result[b->added % WINDOW];
    for (int i = 0; i < d->rows; ++i) {
        *s->rd_index = b->added % 2 * design_group_rows(d) + i;
        accumulate_eval(s);
        int64_t ignored = 0;
        for (int f = 0; f < d->head_max; ++f) {
            __int128 whole = f < r->d ? scale_down(r->row[i].word[f], d->out.frac - d->output_sum.frac) : 0;
            int64_t want = clip(whole, d->output_sum.w, &ignored);
            if (s->rd_acc[f] != want) differ(b, "accumulated", i, s->rd_acc[f], want);
        }
        if (*s->rd_sum != r->row[i].sum) differ(b, "accumulated sum", i, *s->rd_sum, r->row[i].sum);
    }
    *s->clear = 1, *s->clear_half = b->added % 2;
    ++b->added;
}

static void step_sums(bench_t *b, const array_control_t *a, int64_t t)
{
    const design_t *d = b->d;
    accumulate_t *s = b->sums->self;
    size_t rows = (size_t)d->rows;
    memcpy(s->out, a->out, rows * sizeof *s->out);
    memcpy(s->out_op, a->out_op, rows * sizeof *s->out_op);
    memcpy(s->sum, a->sum, rows * sizeof *s->sum);
    *s->own = *s->pass = *s->clear = 0;
    for (int64_t n = b->known > WINDOW ? b->known - WINDOW : 0; n < b->known; ++n) {
        const result_t *r = &b->result[n % WINDOW];
        int64_t row = t - r->t0;
        if (row == 0) *s->pass = 1, *s->pass_bank = n % 4, *s->pass_rows = d->rows, *s->pass_d = r->d;
        if (row < 0 || row >= d->rows) continue;
        *s->own = 1, *s->own_bank = n % 4, *s->own_row = row;
        *s->own_index = n % 2 * design_group_rows(d) + row;
    }
    accumulate_eval(s);
    if (*s->done) check_sums(b, s);
    accumulate_tick(s);
}

static void step(bench_t *b)
{
    array_control_t *a = b->block->self;
    slot_player_next(&b->player);
    learn_passes(b);
    array_control_eval(a);
    for (int i = 0; i < b->d->rows; ++i) check_row(b, a, i, b->player.t - 1);
    if (*a->clash) differ(b, "clash", 0, 1, 0);
    if (b->d->strips) step_sums(b, a, b->player.t - 1);
    array_control_tick(a);
}

/* Once nothing is on its way, whatever clipped is counted; partial sums of noise that no word takes count as
 * well. */
static void check_counters(bench_t *b)
{
    const array_control_t *a = b->block->self;
    for (int i = 0; i < b->d->rows; ++i) {
        if (b->player.quiet && a->array.acc_sat_q[i] != b->acc[i])
            differ(b, "acc_sat_q", i, a->array.acc_sat_q[i], b->acc[i]);
        if (a->array.exp_sat_q[i] != b->exps[i]) differ(b, "exp_sat_q", i, a->array.exp_sat_q[i], b->exps[i]);
        if (a->array.sum_sat_q[i] != b->sum_clips[i])
            differ(b, "sum_sat_q", i, a->array.sum_sat_q[i], b->sum_clips[i]);
    }
}

static int64_t end_of(const bench_t *b)
{
    const result_t *last = &b->result[(b->known - 1) % WINDOW];
    return shows_at(b->d, last, b->d->rows - 1, last->d - 1) + 4;
}

static void play(bench_t *b)
{
    while (!b->wrong && (b->known < b->player.limit || b->player.t < end_of(b))) step(b);
    if (b->wrong) return;
    check_counters(b);
    if (b->d->strips && b->added != b->known) differ(b, "passes added", 0, b->added, b->known);
}

/* ---- as the rules allow ---- */

static const int sizes[][3] = {{1, 2, 1},  {2, 2, 2},  {5, 7, 3},   {6, 5, 1},   {4, 4, 4},   {8, 16, 4},
                               {9, 16, 1}, {16, 8, 4}, {3, 33, 16}, {12, 61, 7}, {64, 64, 16}};

static design_t sized(const int size[3], int policy)
{
    design_t d = signed_design(size[0], size[1], size[2]);
    d.control = CONTROL_ARRAY;
    d.strips = 1;
    d.head_max = PLAIN_HEAD;
    d.output_sum = (format_t){40, 20};
    d.split_policy = policy & 1 ? SPLIT_INTERLEAVED : SPLIT_CONSECUTIVE;
    d.slots = policy & 2 ? SLOTS_HOME : SLOTS_FIRST;
    return d;
}

typedef struct {
    int64_t rows, clips;
} total_t;

static void must_hold(const design_t *d, uint64_t seed, bool minimal, total_t *total)
{
    bench_t *b = &bench;
    random_t random = {.state = seed};
    bench_open(b, d, &random, 2 * d->columns < d->head_max ? 2 * d->columns : d->head_max);
    b->player.limit = d->rows * d->columns > 1000 ? PASSES / 8 : PASSES;
    b->player.minimal = minimal;
    b->player.quiet = seed % 2;
    play(b);
    demand(!b->wrong, "seed %d minimal %d: %s", (int)seed, minimal, b->where);
    total->rows += b->checked;
    for (int i = 0; i < d->rows; ++i) total->clips += b->acc[i] + b->exps[i] + b->sum_clips[i];
    bench_close(b);
}

START_TEST(passes_come_out_as_attention_and_add_up)
{
    total_t total = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        for (int policy = 0; policy < 4; ++policy) {
            const design_t d = sized(sizes[i], policy);
            for (uint64_t seed = 1; seed <= 6; ++seed) must_hold(&d, seed, seed <= 4, &total);
        }
    }
    demand(total.rows > 10000 && total.clips > 10000, "%d rows, %d clips", (int)total.rows, (int)total.clips);
}
END_TEST

START_TEST(other_formats_hold)
{
    static const char *const names[] = {"odd_5x7x3_travelling", "one_pe_6x5x1_travelling",
                                        "full_4x4x4_travelling", "ties_7x9x3_travelling"};
    total_t total = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        design_t d;
        char error[DESIGN_ERROR_MAX] = "";
        demand(!paths_design(names[i], &d, error), "%s", error);
        d.control = CONTROL_ARRAY;
        for (uint64_t seed = 1; seed <= 20; ++seed) must_hold(&d, seed, seed % 3, &total);
    }
    demand(total.rows > 1000, "%d rows", (int)total.rows);
}
END_TEST

/* Heads of one size follow each other in 2 (d + rows + columns) cycles. */
START_TEST(the_least_interval_is_twice_the_way_through_the_array)
{
    const design_t d = sized(sizes[2], 0);
    bench_t *b = &bench;
    random_t random = {.state = 1};
    bench_open(b, &d, &random, 1);
    b->player.limit = 10;
    play(b);
    for (int n = 1; n < 10; ++n)
        demand(b->result[n].t0 - b->result[n - 1].t0 == 2 * (1 + 5 + 7), "pass %d", n);
    bench_close(b);
}
END_TEST

/* ---- closer than they allow ---- */

typedef enum { SLOTS, EXP, WALK } rule_t;

static bool breaks(const design_t *d, uint64_t seed, rule_t rule)
{
    bench_t *b = &bench;
    random_t random = {.state = seed};
    bench_open(b, d, &random, 2 * d->columns < PLAIN_HEAD ? 2 * d->columns : PLAIN_HEAD);
    b->player.limit = PASSES;
    b->player.early.slots = rule == SLOTS;
    b->player.early.exp = rule == EXP;
    b->player.early.walk = rule == WALK;
    play(b);
    bool broken = b->wrong != NULL;
    bench_close(b);
    return broken;
}

START_TEST(a_cycle_earlier_does_not_hold)
{
    static const char *const names[] = {"next pass", "V", "walk"};
    for (rule_t rule = SLOTS; rule <= WALK; ++rule) {
        for (int policy = 0; policy < 4; ++policy) {
            const design_t d = sized(sizes[5], policy);
            int broken = 0;
            for (uint64_t seed = 1; seed <= 20; ++seed) broken += breaks(&d, seed, rule);
            demand(broken > 0, "%s, policy %d: nothing differs", names[rule], policy);
        }
    }
}
END_TEST

/* The published sequence: one clear, d + rows + columns - 1 cycles of SDDMM (the first, when word 0 enters,
 * has no product: it rests here), exp, as many of SpMM, pes moves. */
START_TEST(the_array_sees_the_published_sequence)
{
    const design_t d = sized(sizes[5], 0);
    int cycles[5] = {0}, moves = 0, passes = 6, words = 0;
    bench_t *b = &bench;
    random_t random = {.state = 7};
    bench_open(b, &d, &random, 9);
    b->player.limit = passes;
    const array_control_t *a = b->block->self;
    while (b->known < passes || b->player.t < end_of(b)) {
        step(b);
        ++cycles[a->wire.c3];
        moves += a->wire.c5 == 2;
        demand((a->wire.c5 == 1) == (a->exp == true) && (a->wire.clear == 1) == (a->wire.c3 == 0),
               "c5, clear");
    }
    demand(!b->wrong, "%s", b->where);
    for (int n = 0; n < passes; ++n) words += b->result[n].d + 8 + 16 - 1;
    demand(cycles[0] == passes && cycles[2] == words - passes && cycles[3] == words && moves == 4 * passes &&
               !cycles[4],
           "%d clear, %d self, %d left, %d moves", cycles[0], cycles[2], cycles[3], moves);
    bench_close(b);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("array_control");
    tcase_set_timeout(t, 240);
    tcase_add_test(t, passes_come_out_as_attention_and_add_up);
    tcase_add_test(t, other_formats_hold);
    tcase_add_test(t, the_least_interval_is_twice_the_way_through_the_array);
    tcase_add_test(t, a_cycle_earlier_does_not_hold);
    tcase_add_test(t, the_array_sees_the_published_sequence);
    return run_suite("array_control", t);
}
