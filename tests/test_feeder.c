/* SPDX-License-Identifier: Apache-2.0 */
/* Does every row and column get the word of its time: q[e], the bias, k[e], v[f] of docs/machine.md's pass,
 * and whatever random words, loads and writes leave? */
#include "../model/feeder.h"

#include <string.h>

#include "../sim/paths.h"
#include "array_drive.h"

#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

enum { HEAD = 128, SIDE = 128, ELEMENTS = 160, HISTORY = 256 };

static const char *const names[] = {"odd_5x7x3_travelling", "full_4x4x4_travelling",
                                    "one_pe_6x5x1_travelling", "ties_7x9x3_travelling", "paper_64x16"};
enum { DESIGNS = sizeof names / sizeof *names };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* The value of the low w bits of a memory element. */
static int64_t operand(int64_t element, int w)
{
    int64_t low = element % (INT64_C(1) << w);
    return low >= INT64_C(1) << (w - 1) ? low - (INT64_C(1) << w) : low;
}

/* ---- the memories by element, as a host would know them, and all words of the past ---- */

typedef struct {
    int op, par, is_v, at, buffer; /* op 0: none */
} word_t;

typedef struct {
    block_t *b;
    feeder_t *f;
    random_t random;
    int t;
    word_t past[HISTORY]; /* by cycle, modulo HISTORY */
    int64_t kv[2][2][SIDE][ELEMENTS], q[SIDE][ELEMENTS], bias[SIDE];
} bench_t;

static void bench_open(bench_t *x, const design_t *d, uint64_t seed)
{
    memset(x, 0, sizeof *x);
    x->b = block_open(&feeder_type, d);
    x->f = x->b->self;
    x->random.state = seed;
}

static const word_t *word_of(const bench_t *x, int cycle)
{
    static const word_t none = {0};
    return cycle < 0 ? &none : &x->past[cycle % HISTORY];
}

static int64_t expected_left(const bench_t *x, int row)
{
    const word_t *w = word_of(x, x->t - 1 - row);
    if (w->op == 3) return x->bias[row];
    return w->op == 1 || w->op == 2 ? operand(x->q[row][w->at], x->b->design->q.w) : 0;
}

static int64_t expected_top(const bench_t *x, int column)
{
    const design_t *d = x->b->design;
    const word_t *w = word_of(x, x->t - 1 - column);
    if (w->op != 1 && w->op != 2 && w->op != 4 && w->op != 5) return 0;
    return operand(x->kv[w->buffer][w->is_v][column][w->at], w->is_v ? d->v.w : d->k.w);
}

static void check(bench_t *x, uint64_t seed)
{
    const design_t *d = x->b->design;
    const word_t *w = word_of(x, x->t - 1);
    settle(x->b);
    demand(*x->f->tag == 8 * w->par + w->op, "%s seed %d cycle %d: tag %d", d->name, (int)seed, x->t,
           (int)*x->f->tag);
    for (int i = 0; i < d->rows; ++i) {
        demand(x->f->left[i] == expected_left(x, i), "%s seed %d cycle %d row %d: left %d, not %d", d->name,
               (int)seed, x->t, i, (int)x->f->left[i], (int)expected_left(x, i));
    }
    for (int j = 0; j < d->columns; ++j) {
        demand(x->f->top[j] == expected_top(x, j), "%s seed %d cycle %d column %d: top %d, not %d", d->name,
               (int)seed, x->t, j, (int)x->f->top[j], (int)expected_top(x, j));
    }
}

/* ---- inputs of a cycle, noted in the memories when it ends ---- */

static void show_word(bench_t *x, word_t w)
{
    *x->f->valid = w.op != 0 || w.par;
    *x->f->op = w.op, *x->f->par = w.par, *x->f->is_v = w.is_v, *x->f->at = w.at, *x->f->buffer = w.buffer;
    x->past[x->t % HISTORY] = w;
}

static void write_beat(bench_t *x, int buffer, int is_v, int column, int beat)
{
    const design_t *d = x->b->design;
    int lanes = d->bus_bytes / 2;
    *x->f->we = 1;
    *x->f->waddr = ((buffer * 2 + is_v) << fixed_bits(d->columns) | column) << design_beat_w(d) | beat;
    for (int n = 0; n < lanes; ++n) x->f->wdata[n] = random_below(&x->random, 1 << 16);
}

static void load_row(bench_t *x, int row)
{
    const design_t *d = x->b->design;
    int n = design_beats(d, d->head_max) * d->bus_bytes / 2;
    *x->f->load = 1, *x->f->load_row = row;
    for (int e = 0; e < n; ++e) x->f->q[e] = random_below(&x->random, 1 << 16);
    *x->f->bias = random_word(&x->random, d->bias.w);
}

static void note_writes(bench_t *x)
{
    const design_t *d = x->b->design;
    int lanes = d->bus_bytes / 2, beats = design_beats(d, d->head_max);
    int64_t addr = *x->f->waddr, beat = addr % (1 << design_beat_w(d)), rest = addr >> design_beat_w(d);
    int64_t column = rest % (1 << fixed_bits(d->columns)), part = rest >> fixed_bits(d->columns);
    for (int n = 0; *x->f->we && beat < beats && column < d->columns && n < lanes; ++n)
        x->kv[part / 2][part % 2][column][beat * lanes + n] = x->f->wdata[n];
    if (!*x->f->load || *x->f->load_row >= d->rows) return;
    for (int n = 0; n < beats * lanes; ++n) x->q[*x->f->load_row][n] = x->f->q[n];
    x->bias[*x->f->load_row] = *x->f->bias;
}

static void end_cycle(bench_t *x)
{
    note_writes(x);
    cycle(x->b);
    ++x->t;
    *x->f->we = *x->f->load = *x->f->valid = 0;
}

/* Every beat of both tiles and every row, so that nothing is unknown. */
static void fill(bench_t *x)
{
    const design_t *d = x->b->design;
    int beats = design_beats(d, d->head_max);
    for (int i = 0; i < 4 * d->columns * beats; ++i) {
        int column = i / beats % d->columns, part = i / beats / d->columns;
        if (i < d->rows) load_row(x, i);
        write_beat(x, part / 2, part % 2, column, i % beats);
        show_word(x, (word_t){0});
        end_cycle(x);
    }
}

/* ---- tests ---- */

static void check_random(const design_t *d, uint64_t seed, int cycles)
{
    static bench_t x;
    bench_open(&x, d, seed);
    fill(&x);
    for (int n = 0; n < cycles; ++n) {
        word_t w = {0};
        if (random_below(&x.random, 5)) {
            w = (word_t){(int)random_below(&x.random, 8), (int)random_below(&x.random, 2),
                         (int)random_below(&x.random, 2), (int)random_below(&x.random, d->head_max),
                         (int)random_below(&x.random, 2)};
        }
        show_word(&x, w);
        if (!w.op && !w.par) *x.f->op = random_below(&x.random, 8); /* which valid = 0 hides */
        if (!w.op && !w.par) *x.f->par = random_below(&x.random, 2);
        if (random_one_in(&x.random, 2)) {
            write_beat(&x, (int)random_below(&x.random, 2), (int)random_below(&x.random, 2),
                       (int)random_below(&x.random, 1 << fixed_bits(d->columns)),
                       (int)random_below(&x.random, 1 << design_beat_w(d)));
        }
        if (random_one_in(&x.random, 2)) load_row(&x, (int)random_below(&x.random, 1 << fixed_bits(d->rows)));
        check(&x, seed);
        end_cycle(&x);
    }
    block_close(x.b);
}

START_TEST(random_words_show_what_was_last_written)
{
    for (int i = 0; i < DESIGNS; ++i) {
        design_t d = load(names[i]);
        for (uint64_t seed = 1; seed <= 4; ++seed) check_random(&d, seed, d.rows > 32 ? 600 : 4000);
    }
}
END_TEST

/* Word e of a pass: its op, K or V, and the element. */
static word_t pass_word(int d, int e, int par, int buffer)
{
    int op = e == 0 ? 1 : e < d ? 2 : e == d ? 3 : e < 2 * d ? 4 : 5;
    return (word_t){op, par, e > d, e == d ? 0 : e < d ? e : e - d - 1, buffer};
}

/* Row i, cycle t0 + i + e: q[e], then the bias, then nothing; column j, t0 + j + e: k[e], then nothing, then
 * v[e - d - 1]. */
static void check_pass_cycle(const bench_t *x, int t0, int d, int buffer)
{
    const design_t *design = x->b->design;
    for (int i = 0; i < design->rows; ++i) {
        int e = x->t - t0 - i;
        int64_t want = e >= 0 && e < d ? operand(x->q[i][e], design->q.w) : e == d ? x->bias[i] : 0;
        demand(x->f->left[i] == want, "%s d %d: row %d word %d", design->name, d, i, e);
    }
    for (int j = 0; j < design->columns; ++j) {
        int e = x->t - t0 - j;
        int64_t want = e >= 0 && e < d ? operand(x->kv[buffer][0][j][e], design->k.w) : 0;
        if (e > d && e <= 2 * d) want = operand(x->kv[buffer][1][j][e - d - 1], design->v.w);
        demand(x->f->top[j] == want, "%s d %d: column %d word %d", design->name, d, j, e);
    }
}

START_TEST(a_pass_meets_the_times_of_the_page)
{
    static bench_t x;
    for (int i = 0; i < DESIGNS; ++i) {
        design_t design = load(names[i]);
        for (int d = 1; d <= design.head_max; d += d < 8 ? 1 : 24) {
            bench_open(&x, &design, (uint64_t)d);
            fill(&x);
            int buffer = d % 2, t0 = x.t + 1, end = t0 + 2 * d + design.rows + design.columns;
            for (int e = 0; x.t < end; ++e) {
                if (e <= 2 * d) show_word(&x, pass_word(d, e, 1, buffer));
                settle(x.b);
                check_pass_cycle(&x, t0, d, buffer);
                demand(*x.f->tag == (e > 0 && e <= 2 * d + 1 ? 8 + pass_word(d, e - 1, 1, 0).op : 0), "tag");
                end_cycle(&x);
            }
            block_close(x.b);
        }
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("feeder");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, random_words_show_what_was_last_written);
    tcase_add_test(t, a_pass_meets_the_times_of_the_page);
    return run_suite("feeder", t);
}
