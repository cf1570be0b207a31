/* SPDX-License-Identifier: Apache-2.0 */
/* Are outputs and row sums of random passes added to the right queries, in order, clipped, and in time? The
 * expectation is a list of additions, each with the cycle from which it shows. */
#include "../model/accumulate.h"

#include <string.h>

#include "../sim/paths.h"
#include "array_drive.h"

#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

enum { HEAD = 128, ROWS = 128, QUERIES = 1024, PASSES = 48, BANKS = 4 };

typedef struct {
    int rows, d, half;
    int walk, first; /* cycles: its first owner is written; row 0's first word leaves the array */
    int index[ROWS];
    int64_t out[ROWS][HEAD], sum[ROWS]; /* of all rows: those beyond `rows` leave the array too */
} pass_t;

typedef struct {
    const design_t *d;
    uint64_t seed;
    random_t random;
    pass_t pass[PASSES];
    int clear[PASSES]; /* cycle before pass p in which its half is cleared, -1: never */
    int end;
    /* as expected now */
    int64_t acc[QUERIES][HEAD], sum[QUERIES];
    bool started[QUERIES];
    int64_t acc_clips, sum_clips;
} bench_t;

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* ---- a plan: passes as close as the array can bring them, or further apart ---- */

static int last_word(const pass_t *p)
{
    return p->first + p->d - 1;
}

/* The cycle with `done`: row r of a pass is added 2 + r cycles after row 0's last word, and shows one later.
 */
static int done_at(const pass_t *p)
{
    return last_word(p) + 3 + p->rows - 1;
}

static int later(int a, int b)
{
    return a > b ? a : b;
}

static void plan_words(bench_t *x, pass_t *p)
{
    int bits = 1 + (int)random_below(&x->random, x->d->out.w);
    int sum_bits = 1 + (int)random_below(&x->random, x->d->row_sum.w);
    for (int i = 0; i < x->d->rows; ++i) {
        for (int f = 0; f < p->d; ++f) p->out[i][f] = fixed_wrap((int64_t)random_bits(&x->random), bits);
        p->sum[i] = fixed_wrap((int64_t)random_bits(&x->random), sum_bits);
    }
}

/* Rows of one query often follow each other, within a pass and from pass to pass. */
static void plan_owners(bench_t *x, pass_t *p)
{
    int queries = x->d->strips * x->d->rows, stay = (int)random_below(&x->random, 4);
    int index = (int)random_below(&x->random, queries);
    for (int i = 0; i < p->rows; ++i) {
        if (random_below(&x->random, 4) >= stay) index = (int)random_below(&x->random, queries);
        p->index[i] = p->half * queries + index;
    }
}

/* Passes use halves in turns of a few; a half is cleared when its last turn is over. */
static void plan(bench_t *x)
{
    int over[2] = {0, 0}, turn = 0, clear = -1;
    x->end = 0;
    for (int n = 0; n < PASSES; ++n) {
        pass_t *p = &x->pass[n], *before = n ? p - 1 : NULL;
        bool turns = n && --turn <= 0;
        if (turns || !n) turn = 1 + (int)random_below(&x->random, 5);
        p->half = n ? (turns ? !before->half : before->half) : 0;
        p->d =
            random_one_in(&x->random, 3) ? x->d->head_max : 1 + (int)random_below(&x->random, x->d->head_max);
        p->rows = random_one_in(&x->random, 3) ? 1 + (int)random_below(&x->random, x->d->rows) : x->d->rows;
        if (random_one_in(&x->random, 6)) p->rows = 1;
        p->walk = before ? before->walk + x->d->rows : 0;
        if (n >= BANKS) p->walk = later(p->walk, done_at(p - BANKS));
        p->first = p->walk + 1;
        if (before) p->first = later(p->first, last_word(before) + 1);
        if (before) p->first = later(p->first, last_word(before) + x->d->rows - (p->d - 1));
        if (random_one_in(&x->random, 3)) p->first += (int)random_below(&x->random, 30);
        x->clear[n] = -1;
        if (turns && random_below(&x->random, 4)) { /* some turns add to what is there */
            x->clear[n] = clear = later(over[p->half], clear + 1);
            p->first = later(p->first, clear - p->d + 1);
        }
        over[p->half] = done_at(p) + (int)random_below(&x->random, 3);
        plan_words(x, p);
        plan_owners(x, p);
        x->end = done_at(p) + 4;
    }
}

/* ---- one cycle's inputs ---- */

static void drive_rows(bench_t *x, accumulate_t *a, int t)
{
    const design_t *d = x->d;
    for (int i = 0; i < d->rows; ++i) {
        a->out[i] = random_word(&x->random, d->out.w);
        a->sum[i] = random_word(&x->random, d->row_sum.w);
        a->out_op[i] = 0;
    }
    for (int n = 0; n < PASSES; ++n) {
        const pass_t *p = &x->pass[n];
        for (int i = 0; i < d->rows && t >= p->first && t < p->first + p->d + d->rows; ++i) {
            int f = t - p->first - i;
            if (f < 0 || f >= p->d) continue;
            demand(!a->out_op[i], "the plan lets two passes meet");
            a->out[i] = p->out[i][f];
            a->out_op[i] = f == p->d - 1 ? 2 : 1;
            if (f == p->d - 1) a->sum[i] = p->sum[i];
        }
    }
}

static void drive_passes(bench_t *x, accumulate_t *a, int t)
{
    *a->own = *a->pass = *a->clear = 0;
    for (int n = 0; n < PASSES; ++n) {
        const pass_t *p = &x->pass[n];
        int row = t - p->walk;
        if (row >= 0 && row < p->rows) {
            *a->own = 1, *a->own_bank = n % BANKS, *a->own_row = row, *a->own_index = p->index[row];
        }
        if (t == p->first - 1) {
            *a->pass = 1, *a->pass_bank = n % BANKS, *a->pass_rows = p->rows, *a->pass_d = p->d;
        }
        if (t == x->clear[n]) *a->clear = 1, *a->clear_half = p->half;
    }
}

/* ---- what shows from cycle t on ---- */

static int64_t clip(double exact, int w, int64_t *clips)
{
    double top = (double)(INT64_C(1) << (w - 1));
    if (exact >= -top && exact < top) return (int64_t)exact;
    ++*clips;
    return exact < 0 ? fixed_min(w) : fixed_max(w);
}

/* Words in units of the sum's last bit, rounded down. Doubles are exact here: sums have at most 48 bits. */
static double aligned(const design_t *d, int64_t word)
{
    double value = (double)word;
    for (int i = d->out.frac; i < d->output_sum.frac; ++i) value *= 2;
    for (int i = d->output_sum.frac; i < d->out.frac; ++i) value /= 2;
    int64_t whole = (int64_t)value;
    return (double)(whole > value ? whole - 1 : whole);
}

static void add_row(bench_t *x, const pass_t *p, int row)
{
    int index = p->index[row];
    if (!x->started[index]) {
        memset(x->acc[index], 0, sizeof x->acc[index]);
        x->sum[index] = 0;
    }
    x->started[index] = true;
    for (int f = 0; f < p->d; ++f) {
        double exact = (double)x->acc[index][f] + aligned(x->d, p->out[row][f]);
        x->acc[index][f] = clip(exact, x->d->output_sum.w, &x->acc_clips);
    }
    x->sum[index] = clip((double)x->sum[index] + (double)p->sum[row], x->d->row_sum.w, &x->sum_clips);
}

static void expect(bench_t *x, int t)
{
    int half = x->d->strips * x->d->rows;
    for (int n = 0; n < PASSES; ++n) {
        const pass_t *p = &x->pass[n];
        int row = t - 3 - last_word(p);
        if (t - 1 == x->clear[n]) memset(x->started + p->half * half, 0, (size_t)half * sizeof *x->started);
        if (row >= 0 && row < p->rows) add_row(x, p, row);
    }
}

static void check_query(const bench_t *x, const accumulate_t *a, int index, int t)
{
    bool started = index < 2 * x->d->strips * x->d->rows && x->started[index];
    for (int f = 0; f < x->d->head_max; ++f) {
        int64_t want = started ? x->acc[index][f] : 0;
        demand(a->rd_acc[f] == want, "%s seed %d cycle %d query %d word %d: %lld, not %lld", x->d->name,
               (int)x->seed, t, index, f, (long long)a->rd_acc[f], (long long)want);
    }
    demand(*a->rd_sum == (started ? x->sum[index] : 0), "%s seed %d cycle %d query %d: row sum", x->d->name,
           (int)x->seed, t, index);
}

static void check_cycle(bench_t *x, block_t *b, int t)
{
    accumulate_t *a = b->self;
    bool done = false;
    int newest = -1;
    for (int n = 0; n < PASSES; ++n) {
        int row = t - 3 - last_word(&x->pass[n]);
        done |= t == done_at(&x->pass[n]);
        if (row >= 0 && row < x->pass[n].rows) newest = x->pass[n].index[row];
    }
    demand(*a->done == done, "%s seed %d cycle %d: done %d", x->d->name, (int)x->seed, t, (int)*a->done);
    int any = (int)random_below(&x->random, 1 << fixed_bits(2 * x->d->strips * x->d->rows));
    *a->rd_index = newest >= 0 && random_one_in(&x->random, 2) ? newest : any;
    settle(b);
    check_query(x, a, (int)*a->rd_index, t);
}

static void check_run(const design_t *d, uint64_t seed)
{
    static bench_t x;
    memset(&x, 0, sizeof x);
    x.d = d, x.seed = seed, x.random.state = seed;
    plan(&x);
    block_t *b = block_open(&accumulate_type, d);
    accumulate_t *a = b->self;
    for (int t = 0; t < x.end; ++t) {
        drive_rows(&x, a, t);
        drive_passes(&x, a, t);
        expect(&x, t);
        settle(b);
        check_cycle(&x, b, t);
        b->type->tick(a);
    }
    for (int i = 0; i < 2 * d->strips * d->rows; ++i) {
        *a->rd_index = i;
        settle(b);
        check_query(&x, a, i, x.end);
    }
    demand(*a->acc_sat_q == x.acc_clips && *a->sum_sat_q == x.sum_clips,
           "%s seed %d: %d and %d clips, not %d, %d", d->name, (int)seed, (int)*a->acc_sat_q,
           (int)*a->sum_sat_q, (int)x.acc_clips, (int)x.sum_clips);
    block_close(b);
}

START_TEST(random_passes_add_up_in_order_and_in_time)
{
    static const char *const names[] = {"odd_5x7x3_travelling", "full_4x4x4_travelling",
                                        "one_pe_6x5x1_travelling", "ties_7x9x3_travelling"};
    for (int i = 0; i < 4; ++i) {
        design_t d = load(names[i]);
        for (uint64_t seed = 1; seed <= 150; ++seed) check_run(&d, seed);
    }
    design_t d = load("paper_64x16");
    check_run(&d, 1);
}
END_TEST

/* Output sums with fewer fraction bits than outputs round down; narrow ones clip in both directions. */
START_TEST(coarse_and_narrow_sums_floor_and_clip)
{
    design_t d = load("odd_5x7x3_travelling");
    d.output_sum = (format_t){d.out.w - 4, d.out.frac - 5};
    for (uint64_t seed = 1; seed <= 150; ++seed) check_run(&d, seed);
    d.output_sum = (format_t){d.out.w + 2, d.out.frac + 6};
    for (uint64_t seed = 1; seed <= 150; ++seed) check_run(&d, seed);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("accumulate");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, random_passes_add_up_in_order_and_in_time);
    tcase_add_test(t, coarse_and_narrow_sums_floor_and_clip);
    return run_suite("accumulate", t);
}
