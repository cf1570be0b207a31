/* SPDX-License-Identifier: Apache-2.0 */
/* Is each bias the floored exact dot product of its query and its key, read from where the key lies, in
 * order, whatever the memory's delays? */
#include "../model/rebias.h"

#include <check.h>
#include <math.h>
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

enum { WAITING = 512, STRIPS = 256 };

/* A read on its way to the memory and back. */
typedef struct {
    int64_t tag, addr;
} read_t;

typedef struct {
    const design_t *d;
    int seed;
    random_t random;
    groups_t source;
    group_t group[2];      /* by half */
    int started, to_score; /* groups; strips of the last one */
    int ready_gap, got_gap, hold_gap, bits;
    int offered, held, scored, asked, rebiased; /* strips; offered: of started groups */
    int end[2];                                 /* by half: strips up to the end of its group */
    int64_t arg[STRIPS][128];                   /* by number */
    int since[3];                               /* by bank: when its strip was scored */
    /* what is expected next: a read, and a bias */
    struct {
        int n, group, strip, row, beat;
    } read, write;
    read_t waiting[WAITING];
    int first, count;
    int cycles, reads, clipped;
} run_t;

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* Memory and buffer hold noise: element e of a key is a hash of its address, of a query of its index. */
static int64_t noise(const run_t *r, int64_t at, int bits)
{
    random_t x = {.state = (uint64_t)at * 77 + (uint64_t)r->seed};
    return fixed_wrap((int64_t)random_bits(&x), bits);
}
static int64_t key_word(const run_t *r, int64_t addr)
{
    return (int64_t)fixed_low(
        (uint64_t)noise(r, fixed_low((uint64_t)addr, r->d->addr_w) & ~UINT64_C(1), r->bits), 16);
}
static int64_t query_word(const run_t *r, int64_t index, int element)
{
    return (int64_t)fixed_low((uint64_t)noise(r, -1 - (index * 1000 + element), r->bits), 16);
}

/* ---- what is expected, by double precision (exact: sums stay far below 2^53) ---- */

static double expected_bias(run_t *r, int64_t index, int64_t addr, int d)
{
    const design_t *g = r->d;
    double sum = 0, most = ldexp(1, g->bias.w - 1);
    for (int e = 0; e < d; ++e) {
        double q = (double)fixed_wrap(query_word(r, index, e), g->q.w);
        double k = (double)fixed_wrap(key_word(r, addr + 2 * e), g->k.w);
        sum += ldexp(q, -g->q.frac) * ldexp(k, -g->k.frac);
    }
    double bias = floor(ldexp(sum, g->bias.frac));
    if (bias >= most || bias < -most) ++r->clipped;
    return bias >= most ? most - 1 : bias < -most ? -most : bias;
}

static int64_t index_of(const run_t *r, int group, int strip, int row)
{
    return ((group & 1) * r->d->strips + strip) * r->d->rows + row;
}

static int64_t key_address(const run_t *r, int n, int group, int row)
{
    const group_t *g = &r->group[group & 1];
    return g->k + r->arg[n][row] * g->beats * r->d->bus_bytes;
}

/* The read that is accepted now is the next one in order. */
static void check_read(run_t *r, const rebias_t *b)
{
    const group_t *g = &r->group[r->read.group & 1];
    int64_t addr = key_address(r, r->read.n, r->read.group, r->read.row) + r->read.beat * r->d->bus_bytes;
    addr = (int64_t)fixed_low((uint64_t)addr, r->d->addr_w);
    demand(r->read.n < r->scored && r->read.n < r->held, "%s seed %d: reads strip %d too early", r->d->name,
           r->seed, r->read.n);
    demand(*b->rd_addr == addr, "%s seed %d read %d: address %llx, not %llx", r->d->name, r->seed, r->reads,
           (long long)*b->rd_addr, (long long)addr);
    ++r->reads;
    if (++r->read.beat < g->beats) return;
    r->read.beat = 0;
    if (++r->read.row < group_strip_rows(r->d, g, r->read.strip)) return;
    r->read.row = 0, ++r->read.n;
    if (++r->read.strip < group_strips(r->d, g)) return;
    r->read.strip = 0, ++r->read.group;
}

static void check_write(run_t *r, const rebias_t *b)
{
    const group_t *g = &r->group[r->write.group & 1];
    int64_t index = index_of(r, r->write.group, r->write.strip, r->write.row);
    double bias = expected_bias(r, index, key_address(r, r->write.n, r->write.group, r->write.row), g->d);
    demand(*b->b_index == index, "%s seed %d: index %d, not %d", r->d->name, r->seed, (int)*b->b_index,
           (int)index);
    demand((double)*b->b_bias == bias, "%s seed %d strip %d row %d d %d: bias %d, not %.0f", r->d->name,
           r->seed, r->write.n, r->write.row, g->d, (int)*b->b_bias, bias);
    if (++r->write.row < group_strip_rows(r->d, g, r->write.strip)) return;
    r->write.row = 0, ++r->write.n;
    if (++r->write.strip < group_strips(r->d, g)) return;
    r->write.strip = 0, ++r->write.group;
}

/* ---- the neighbours ---- */

/* Prediction: row i of a strip is scored i cycles after row 0, and looks like anything until then, and again
   when all its reads are out. */
static void show_args(run_t *r, rebias_t *b)
{
    const design_t *d = r->d;
    for (int n = r->scored - 3; n < r->scored; ++n) {
        for (int row = 0; n >= 0 && row < d->rows; ++row) {
            bool there = n >= r->asked && r->cycles >= r->since[n % 3] + row;
            b->arg[n % 3 * d->rows + row] =
                there ? r->arg[n][row] : random_below(&r->random, INT64_C(1) << fixed_bits(d->keys_max));
        }
    }
}

static void score(run_t *r, rebias_t *b)
{
    const design_t *d = r->d;
    if (!r->to_score && r->rebiased >= r->end[r->started & 1]) {
        int half = r->started++ & 1;
        group_t g = r->group[half] = groups_next(&r->source);
        r->to_score = group_strips(d, &g);
        r->offered += r->to_score;
        r->end[half] = r->offered;
        b->g_rows[half] = g.rows, b->g_k[half] = g.k, b->g_d[half] = g.d, b->g_beats[half] = g.beats;
    } else if (r->to_score && r->scored - r->asked < 3) {
        demand(r->scored < STRIPS, "too many strips for the test");
        for (int row = 0; row < d->rows; ++row)
            r->arg[r->scored][row] = random_below(&r->random, r->group[(r->started - 1) & 1].keys);
        r->since[r->scored % 3] = r->cycles;
        ++r->scored, --r->to_score;
    }
    if (r->held < r->offered && random_one_in(&r->random, r->hold_gap)) ++r->held;
    *b->scored = r->scored & 3;
    *b->held = (int64_t)fixed_low((uint64_t)r->held, design_held_w(d));
    show_args(r, b);
}

static void answer(run_t *r, rebias_t *b)
{
    int lanes = r->d->bus_bytes / 2;
    *b->got = r->count && random_one_in(&r->random, r->got_gap);
    *b->rd_ready = r->count < r->d->outstanding && random_one_in(&r->random, r->ready_gap);
    if (!*b->got) return;
    read_t read = r->waiting[r->first++ % WAITING];
    --r->count;
    *b->got_tag = read.tag;
    for (int l = 0; l < lanes; ++l) b->got_data[l] = key_word(r, read.addr + 2 * l);
}

/* The buffer follows dot_index and dot_beat. */
static void settle(run_t *r, block_t *block)
{
    rebias_t *b = block->self;
    int lanes = r->d->bus_bytes / 2;
    block->type->eval(b);
    for (int l = 0; l < lanes; ++l) b->dot_q[l] = query_word(r, *b->dot_index, (int)*b->dot_beat * lanes + l);
    block->type->eval(b);
}

/* The read that is offered next is its strip's last. */
static bool last_read(const run_t *r)
{
    const group_t *g = &r->group[r->read.group & 1];
    return r->read.beat == g->beats - 1 && r->read.row == group_strip_rows(r->d, g, r->read.strip) - 1;
}

static void check_counts(run_t *r, const rebias_t *b)
{
    r->asked += (int)((*b->asked - r->asked) & 3);
    r->rebiased += (int)fixed_low((uint64_t)(*b->rebiased - r->rebiased), design_held_w(r->d));
    int asked = r->read.n + (*b->rd_valid && last_read(r));
    demand(r->asked == asked, "%s seed %d: %d strips, not %d", r->d->name, r->seed, r->asked, asked);
    demand(r->rebiased == r->write.n, "%s seed %d: %d strips have biases, not %d", r->d->name, r->seed,
           r->rebiased, r->write.n);
}

static void cycle(run_t *r, block_t *block)
{
    rebias_t *b = block->self;
    check_counts(r, b); /* as the writes of the cycles before say */
    answer(r, b);
    score(r, b);
    settle(r, block);
    if (*b->b_we) check_write(r, b);
    if (*b->rd_valid && *b->rd_ready) {
        check_read(r, b);
        r->waiting[(r->first + r->count++) % WAITING] = (read_t){*b->rd_tag, *b->rd_addr};
    }
    block->type->tick(b);
    block->type->eval(b);
    ++r->cycles;
}

static void check_run(const design_t *d, int seed, int strips, run_t *r)
{
    static const int gaps[] = {1, 2, 7};
    block_t *block = block_open(&rebias_type, d);
    rebias_t *b = block->self;
    *r = (run_t){.d = d, .seed = seed, .random = {(uint64_t)seed}};
    groups_open(&r->source, d, &r->random);
    r->ready_gap = gaps[seed % 3];
    r->got_gap = gaps[seed / 3 % 3];
    r->hold_gap = seed % 5 ? 1 : 5 * d->rows;
    r->bits = seed % 4 ? 10 - seed % 4 : 16;
    while (r->write.n < strips) {
        demand(r->cycles < strips * d->rows * 1000, "%s seed %d: stuck", d->name, seed);
        cycle(r, block);
    }
    demand(*b->sat_q == r->clipped, "%s seed %d: %d clipped, not %d", d->name, seed, (int)*b->sat_q,
           r->clipped);
    block_close(block);
}

static const char *const designs[] = {"odd_5x7x3_travelling", "one_pe_6x5x1_travelling",
                                      "full_4x4x4_travelling", "ties_7x9x3_travelling"};
enum { DESIGNS = sizeof designs / sizeof *designs };

START_TEST(biases_are_exact_scores_floored)
{
    static run_t r;
    for (int i = 0; i < DESIGNS; ++i) {
        design_t d = load(designs[i]);
        int clipped = 0;
        for (int seed = 1; seed <= 36; ++seed) {
            check_run(&d, seed, 120, &r);
            clipped += r.clipped;
        }
        demand(clipped > 20, "%s: %d clipped", d.name, clipped);
    }
}
END_TEST

/* More fraction bits than the product has, fewer, and as many; words so narrow that the bias holds every sum.
 */
START_TEST(formats_may_be_odd)
{
    static run_t r;
    static const int formats[][4] = {
        {4, 0, 16, 8}, {4, 2, 16, 4}, {4, 2, 9, 5}, {16, 15, 2, 0}, {16, 15, 16, -9}};
    design_t d = load("ties_7x9x3_travelling");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; ++i) {
        d.q = (format_t){formats[i][0], formats[i][1]};
        d.k = (format_t){formats[i][0], formats[i][1]};
        d.bias = (format_t){formats[i][2], formats[i][3]};
        for (int seed = 1; seed <= 8; ++seed) check_run(&d, seed, 60, &r);
    }
}
END_TEST

/* Nothing stalls and answers come at once: a beat is read in every cycle but for the start of a strip that is
   not scored yet. */
START_TEST(a_beat_is_read_in_every_cycle)
{
    design_t d = load("paper_64x16");
    static run_t r;
    check_run(&d, 9, 60, &r); /* no gaps */
    demand(r.ready_gap == 1 && r.got_gap == 1, "the seed has gaps");
    demand(r.cycles < r.reads + 3 * 60 + 10 + r.write.group * 2, "%d cycles for %d reads", r.cycles, r.reads);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rebias");
    TCase *t = tcase_create("rebias");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, biases_are_exact_scores_floored);
    tcase_add_test(t, formats_may_be_odd);
    tcase_add_test(t, a_beat_is_read_in_every_cycle);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
