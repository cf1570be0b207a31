/* SPDX-License-Identifier: Apache-2.0 */
/* Is every descriptor, good or hostile, answered with the code of the page, and only good ones offered? */
#include "../model/controller.h"

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

typedef __int128 wide_t;

enum { JOBS_MAX = 16, LANES_MAX = 32, WORDS = 16, CODES = 9 };

/* One run: what the host gives, and what must come of it. */
typedef struct {
    block_t *block;
    const design_t *d;
    controller_t *c;
    random_t random;
    uint64_t seed;
    int cycle;
    uint64_t queue, status, limit;
    int count;
    uint32_t words[JOBS_MAX][WORDS];
    int code[JOBS_MAX], written[JOBS_MAX]; /* expected; times a status was written */
    int heads_seen[JOBS_MAX], handed[JOBS_MAX];
    int finished, failed;
    uint64_t waiting[16]; /* addresses of reads */
    int oldest, n_waiting;
    int job;                                    /* whose head is offered next */
    int done[JOBS_MAX + 1], n_done, first_done; /* jobs to report as finished */
    int ready_gap, answer_gap, fin_gap;
} run_t;

static void open_run(run_t *r, design_t *d, const char *name)
{
    char error[DESIGN_ERROR_MAX] = "";
    memset(r, 0, sizeof *r);
    demand(!paths_design(name, d, error), "%s", error);
    r->block = block_open(&controller_type, d);
    r->d = d;
    r->c = r->block->self;
}

/* ---- the page, by intervals ---- */

typedef struct {
    wide_t from, to;
} span_t;

static int half(uint32_t word, int which)
{
    return (int)(which ? word >> 16 : word & 0xffff);
}

static int beats_of(const design_t *d, int bits)
{
    int bus = 8 * d->bus_bytes, n = bits / bus;
    return n * bus < bits ? n + 1 : n;
}

/* Bytes of a row of matrix 0 .. 6: q, k, v, q_low, k_low, mask, o. */
static wide_t row_bytes(const design_t *d, const uint32_t *w, int matrix)
{
    int head = (int)(w[2] & 0xff), keys = half(w[1], 1), lane = 8;
    while (lane < d->columns) lane *= 2;
    int tiles = keys / d->columns + (keys % d->columns > 0);
    int low = 32 + (head * (d->operand_w > 4 ? 8 : 4) + 7) / 8 * 8;
    int bits = matrix == 5 ? tiles * lane : matrix == 3 || matrix == 4 ? low : 16 * head;
    return (wide_t)beats_of(d, bits) * d->bus_bytes;
}

static wide_t head_bytes(const design_t *d, const uint32_t *w, int matrix)
{
    bool of_keys = matrix == 1 || matrix == 2 || matrix == 4;
    return row_bytes(d, w, matrix) * half(w[1], of_keys);
}

static span_t matrix_span(const design_t *d, const uint32_t *w, int matrix)
{
    wide_t from = w[4 + matrix];
    return (span_t){from, from + head_bytes(d, w, matrix) * half(w[11], 0)};
}

static bool is_external(const uint32_t *w)
{
    return w[2] >> 9 & 1;
}

/* Matrices that the job has, o last; returns how many. */
static int matrices(const uint32_t *w, int *out)
{
    int n = 0;
    for (int matrix = 0; matrix < 7; ++matrix) {
        if (matrix != 5 || is_external(w)) out[n++] = matrix;
    }
    return n;
}

static bool disjoint(span_t a, span_t b)
{
    return a.to <= b.from || b.to <= a.from;
}

static bool bad_form(const uint32_t *w)
{
    uint32_t rest = 0;
    for (int n = 12; n < WORDS; ++n) rest |= w[n];
    return w[0] != 0x53470001u || w[2] > 0xfff || (w[2] >> 10) == 3 || w[11] > 0xffff || rest;
}

static int expected_code(const run_t *r, const uint32_t *w)
{
    const design_t *d = r->d;
    int all[7], n = matrices(w, all), l = half(w[1], 0), m = half(w[1], 1), head = (int)(w[2] & 0xff);
    wide_t space = (wide_t)1 << d->addr_w, limit = r->limit < (uint64_t)space ? (wide_t)r->limit : space;
    span_t queue = {(wide_t)r->queue, (wide_t)r->queue + r->count * 64};
    span_t status = {(wide_t)r->status, (wide_t)r->status + (wide_t)r->count * d->bus_bytes};
    if (bad_form(w)) return 1;
    if (l < 1 || l > d->keys_max || m < 1 || m > d->keys_max) return 2;
    if (head < 1 || head > d->head_max) return 3;
    if (half(w[11], 0) == 0) return 4;
    for (int i = 0; i < n; ++i) {
        if (w[4 + all[i]] % (uint32_t)d->bus_bytes) return 5;
    }
    for (int i = 0; i < n; ++i) {
        if (matrix_span(d, w, all[i]).to > limit) return 6;
    }
    span_t o = matrix_span(d, w, 6);
    for (int i = 0; i < n - 1; ++i) {
        if (!disjoint(o, matrix_span(d, w, all[i]))) return 7;
    }
    if (!disjoint(o, queue) || !disjoint(o, status)) return 7;
    return (uint64_t)w[3] >= (uint64_t)1 << d->threshold.w ? 8 : 0;
}

/* ---- descriptors ---- */

static int near(run_t *r, int most)
{
    int n = random_one_in(&r->random, 3) ? most : 1 + (int)random_below(&r->random, most);
    return random_one_in(&r->random, 12) ? most + (int)random_below(&r->random, 3) - 1 : n;
}

static uint32_t any(run_t *r)
{
    return (uint32_t)random_bits(&r->random);
}

/* An address that is likely to end at the limit, or a beat before or behind it. */
static uint32_t place(run_t *r, wide_t bytes)
{
    wide_t limit = (wide_t)r->limit, beat = r->d->bus_bytes, last = limit - bytes;
    wide_t at = last > 0 ? (wide_t)(random_bits(&r->random) % (uint64_t)(last + 1)) : 0;
    if (random_one_in(&r->random, 6)) at = last + (random_below(&r->random, 3) - 1) * beat;
    if (at < 0 || random_one_in(&r->random, 40)) return any(r);
    return (uint32_t)(at / beat * beat) + (random_one_in(&r->random, 60) ? 1u + any(r) % 7 : 0);
}

/* Puts o right before or behind something, or a beat into it. */
static void touch(run_t *r, uint32_t *w)
{
    const design_t *d = r->d;
    int all[7], n = matrices(w, all);
    span_t other = matrix_span(d, w, all[random_below(&r->random, n - 1)]), o = matrix_span(d, w, 6);
    if (random_one_in(&r->random, 3)) other = (span_t){(wide_t)r->queue, (wide_t)r->queue + r->count * 64};
    if (random_one_in(&r->random, 3))
        other = (span_t){(wide_t)r->status, (wide_t)r->status + r->count * d->bus_bytes};
    wide_t at = random_one_in(&r->random, 2) ? other.to : other.from - (o.to - o.from);
    at += (random_below(&r->random, 3) - 1) * d->bus_bytes;
    if (at >= 0) w[10] = (uint32_t)at;
}

/* Mostly a job that could run, with a flaw now and then. */
static void good_words(run_t *r, uint32_t *w)
{
    const design_t *d = r->d;
    int small = d->keys_max < 8 ? d->keys_max : 8;
    bool big = random_one_in(&r->random, 4);
    int l = near(r, big ? d->keys_max : small), m = near(r, big ? d->keys_max : small);
    int heads = random_one_in(&r->random, 3) ? 1 : (int)random_below(&r->random, 5);
    if (random_one_in(&r->random, 30)) heads = (int)(any(r) & 0xffff);
    memset(w, 0, WORDS * sizeof *w);
    w[0] = 0x53470001u;
    w[1] = (uint32_t)m << 16 | (uint32_t)l;
    w[2] = (uint32_t)near(r, d->head_max) | (any(r) & 3) << 8 | (uint32_t)random_below(&r->random, 3) << 10;
    w[3] = any(r) >> (32 - d->threshold.w + (random_one_in(&r->random, 20) ? -1 : 0));
    w[11] = (uint32_t)heads;
    for (int matrix = 0; matrix < 7; ++matrix) {
        w[4 + matrix] = place(r, head_bytes(d, w, matrix) * heads);
    }
    if (random_one_in(&r->random, 3)) touch(r, w);
}

static void random_words(run_t *r, uint32_t *w)
{
    int kind = (int)random_below(&r->random, 10);
    good_words(r, w);
    if (kind == 0) {
        for (int n = 0; n < WORDS; ++n) w[n] = any(r); /* nothing but noise */
    } else if (kind == 1) {
        w[random_below(&r->random, WORDS)] ^= 1u << random_below(&r->random, 32);
    } else if (kind == 2) {
        w[random_below(&r->random, WORDS)] = any(r);
    } else if (kind == 3) { /* noise in every field that is checked late */
        for (int n = 3; n < 11; ++n) w[n] = any(r) & ~(uint32_t)(r->d->bus_bytes - 1);
    }
}

static void new_work(run_t *r)
{
    const design_t *d = r->d;
    uint64_t space = UINT64_C(1) << d->addr_w, beat = (uint64_t)d->bus_bytes;
    static const int gaps[] = {1, 1, 3, 10};
    int kind = (int)random_below(&r->random, 8);
    r->limit = kind == 0 ? 2 * space - 1 : kind == 1 ? space / 2 + any(r) % space / 2 : space;
    if (kind == 2) r->limit = space - any(r) % 200;
    uint64_t inside = r->limit < space ? r->limit : space;
    r->count = (int)random_below(&r->random, JOBS_MAX + 1);
    uint64_t last_queue = inside - 64 * (uint64_t)r->count, last_status = inside - beat * (uint64_t)r->count;
    r->queue = (random_one_in(&r->random, 4) ? last_queue : random_bits(&r->random) % (last_queue + 1)) /
               beat * beat;
    r->status = (random_one_in(&r->random, 4) ? last_status : random_bits(&r->random) % (last_status + 1)) /
                beat * beat;
    if (random_one_in(&r->random, 12)) r->queue = (r->queue + 1 + any(r) % 64) % space;
    if (random_one_in(&r->random, 12)) r->status = (r->status + 1 + any(r) % 64) % space;
    for (int n = 0; n < r->count; ++n) {
        random_words(r, r->words[n]);
        r->code[n] = expected_code(r, r->words[n]);
    }
    r->ready_gap = gaps[random_below(&r->random, 4)];
    r->answer_gap = gaps[random_below(&r->random, 4)];
    r->fin_gap = gaps[random_below(&r->random, 4)] * 4;
}

static bool areas_bad(const run_t *r)
{
    uint64_t beat = (uint64_t)r->d->bus_bytes, space = UINT64_C(1) << r->d->addr_w;
    uint64_t limit = r->limit < space ? r->limit : space;
    return r->queue % beat || r->status % beat || r->queue + 64 * (uint64_t)r->count > limit ||
           r->status + beat * (uint64_t)r->count > limit;
}

/* ---- neighbours ---- */

static void play_memory(run_t *r)
{
    controller_t *c = r->c;
    int lanes = r->d->bus_bytes / 2;
    *c->got = r->n_waiting && random_one_in(&r->random, r->answer_gap);
    for (int i = 0; i < lanes; ++i) c->got_data[i] = random_below(&r->random, 1 << 16);
    if (*c->got) {
        uint64_t at = r->waiting[r->oldest] - r->queue;
        for (int i = 0; i < lanes; ++i) {
            c->got_data[i] = half(r->words[at / 64][(at % 64 + 2 * (uint64_t)i) / 4], i & 1);
        }
        r->oldest = (r->oldest + 1) % 16;
        --r->n_waiting;
    }
    *c->rd_ready = random_one_in(&r->random, r->ready_gap);
    *c->wr_ready = random_one_in(&r->random, r->ready_gap);
    *c->job_ready = random_one_in(&r->random, r->ready_gap);
    bool offers = *c->fin_valid; /* until it is taken */
    *c->fin_valid = r->first_done < r->n_done && (offers || random_one_in(&r->random, r->fin_gap));
    *c->fin_job = *c->fin_valid ? r->done[r->first_done] : random_below(&r->random, 1 << 16);
}

static void check_read(run_t *r)
{
    uint64_t addr = (uint64_t)*r->c->rd_addr, beat = (uint64_t)r->d->bus_bytes;
    demand(addr >= r->queue && addr + beat <= r->queue + 64 * (uint64_t)r->count && addr % beat == 0,
           "seed %llu: reads %llx", (unsigned long long)r->seed, (unsigned long long)addr);
    demand(r->n_waiting < 16, "seed %llu: too many reads", (unsigned long long)r->seed);
    r->waiting[(r->oldest + r->n_waiting++) % 16] = addr;
}

static void check_write(run_t *r)
{
    const controller_t *c = r->c;
    uint64_t at = (uint64_t)*c->wr_addr - r->status, n = at / (uint64_t)r->d->bus_bytes;
    int64_t sum = 0;
    for (int i = 3; i < r->d->bus_bytes / 2; ++i) sum |= c->wr_data[i];
    demand((uint64_t)*c->wr_addr >= r->status && n < (uint64_t)r->count &&
               at % (uint64_t)r->d->bus_bytes == 0,
           "seed %llu: writes %llx", (unsigned long long)r->seed, (unsigned long long)*c->wr_addr);
    demand(c->wr_data[2] == (int64_t)n && c->wr_data[1] == 0x8000 && !sum, "seed %llu job %d: status",
           (unsigned long long)r->seed, (int)n);
    demand(c->wr_data[0] == r->code[n], "seed %llu job %d: code %d, not %d", (unsigned long long)r->seed,
           (int)n, (int)c->wr_data[0], r->code[n]);
    demand(r->code[n] ? !r->heads_seen[n] : r->handed[n], "seed %llu job %d: status too soon",
           (unsigned long long)r->seed, (int)n);
    ++r->written[n];
    ++*(r->code[n] ? &r->failed : &r->finished);
}

/* A head: the next one of the next good job. */
static void check_head(run_t *r)
{
    const controller_t *c = r->c;
    while (r->job < r->count && r->code[r->job]) ++r->job;
    int n = r->job, head = r->heads_seen[n]++;
    demand(n < r->count, "seed %llu: a head of no job", (unsigned long long)r->seed);
    const uint32_t *w = r->words[n];
    int64_t *const at[] = {c->j_q, c->j_k, c->j_v, c->j_q_low, c->j_k_low, c->j_mask, c->j_o};
    int all[7], used = matrices(w, all), heads = half(w[11], 0);
    for (int i = 0; i < used; ++i) {
        wide_t addr = matrix_span(r->d, w, all[i]).from + head_bytes(r->d, w, all[i]) * head;
        demand(*at[all[i]] == (int64_t)addr, "seed %llu job %d head %d: matrix %d at %llx",
               (unsigned long long)r->seed, n, head, all[i], (unsigned long long)*at[all[i]]);
    }
    demand(*c->j_l == half(w[1], 0) && *c->j_m == half(w[1], 1) && *c->j_d == (w[2] & 0xff) &&
               *c->j_causal == (w[2] >> 8 & 1) && *c->j_external == is_external(w) &&
               *c->j_policy == w[2] >> 10 && *c->j_threshold == w[3] && *c->j_number == n,
           "seed %llu job %d: record", (unsigned long long)r->seed, n);
    demand(*c->j_final == (head == heads - 1), "seed %llu job %d head %d: final", (unsigned long long)r->seed,
           n, head);
    if (head < heads - 1) return;
    r->done[r->n_done++] = n;
    ++r->job;
}

/* While busy the host's inputs are anything. */
static void disturb(run_t *r)
{
    controller_t *c = r->c;
    *c->start = random_one_in(&r->random, 3);
    *c->queue = any(r) & (uint32_t)((UINT64_C(1) << r->d->addr_w) - 1);
    *c->status = any(r) & (uint32_t)((UINT64_C(1) << r->d->addr_w) - 1);
    *c->count = any(r) & 0xffff;
    *c->limit = any(r) & (uint32_t)((UINT64_C(1) << r->d->addr_w) - 1);
}

static void step(run_t *r)
{
    controller_t *c = r->c;
    play_memory(r);
    r->block->type->eval(c);
    bool reads = *c->rd_valid && *c->rd_ready, writes = *c->wr_valid && *c->wr_ready;
    bool head = *c->job_valid && *c->job_ready, fin = *c->fin_valid && *c->fin_ready;
    if (reads) check_read(r);
    if (writes) check_write(r);
    if (head) check_head(r);
    if (fin) r->handed[r->done[r->first_done++]] = 1;
    r->block->type->tick(c);
    if (fin) *c->fin_valid = 0;
    r->block->type->eval(c);
    ++r->cycle;
}

static void begin(run_t *r)
{
    controller_t *c = r->c;
    *c->start = 1;
    *c->queue = (int64_t)r->queue;
    *c->status = (int64_t)r->status;
    *c->count = r->count;
    *c->limit = (int64_t)r->limit;
    memset(r->written, 0, sizeof r->written);
    memset(r->heads_seen, 0, sizeof r->heads_seen);
    memset(r->handed, 0, sizeof r->handed);
    r->finished = r->failed = r->job = r->n_done = r->first_done = r->cycle = r->n_waiting = 0;
    step(r);
    demand(*c->busy, "seed %llu: not busy", (unsigned long long)r->seed);
}

static void check_end(const run_t *r)
{
    const controller_t *c = r->c;
    if (!r->count || areas_bad(r)) {
        demand(r->cycle == 2 && !*c->finished && *c->failed == r->count,
               "seed %llu: %d cycles, %d finished, %d failed", (unsigned long long)r->seed, r->cycle,
               (int)*c->finished, (int)*c->failed);
        return;
    }
    demand(*c->finished == r->finished && *c->failed == r->failed, "seed %llu: counts",
           (unsigned long long)r->seed);
    for (int n = 0; n < r->count; ++n) {
        demand(r->written[n] == 1, "seed %llu job %d: %d statuses", (unsigned long long)r->seed, n,
               r->written[n]);
    }
}

static void run_seed(run_t *r, uint64_t seed, int codes[CODES])
{
    r->seed = seed;
    r->random.state = seed * 7919;
    new_work(r);
    begin(r);
    int heads = 0;
    for (int n = 0; n < r->count; ++n) heads += r->code[n] ? 0 : half(r->words[n][11], 0);
    int limit = 20000 + 200 * heads;
    while (*r->c->busy && r->cycle < limit) {
        disturb(r);
        step(r);
    }
    *r->c->start = 0;
    demand(!*r->c->busy, "seed %llu: busy after %d cycles", (unsigned long long)seed, r->cycle);
    check_end(r);
    if (!areas_bad(r)) {
        for (int n = 0; n < r->count; ++n) ++codes[r->code[n]];
    }
}

static const char *const designs[] = {"odd_5x7x3_travelling", "one_pe_6x5x1_travelling",
                                      "ties_7x9x3_travelling", "full_4x4x4_travelling", "paper_64x16"};
enum { DESIGNS = sizeof designs / sizeof *designs };

START_TEST(every_job_gets_its_code)
{
    design_t d;
    run_t r;
    int codes[CODES] = {0};
    open_run(&r, &d, designs[_i]);
    for (uint64_t seed = 1; seed <= 3000; ++seed) run_seed(&r, seed, codes);
    for (int code = 0; code < CODES; ++code) {
        demand(codes[code] > 20, "code %d only %d times", code, codes[code]);
    }
    block_close(r.block);
}
END_TEST

/* The largest sizes of the paper's design: products beyond 32 bits must not come back small. */
START_TEST(products_do_not_wrap)
{
    design_t d;
    run_t r;
    int codes[CODES] = {0};
    open_run(&r, &d, "paper_64x16");
    for (int heads = 1; heads <= 0xffff; heads = heads < 1024 ? heads * 2 : heads + 509) {
        r.limit = UINT64_C(1) << d.addr_w;
        r.queue = 0, r.status = 4096, r.count = 1;
        uint32_t *w = r.words[0];
        memset(w, 0, WORDS * sizeof *w);
        w[0] = 0x53470001u, w[1] = 4096u << 16 | 4096u, w[2] = 128, w[11] = (uint32_t)heads;
        for (int matrix = 0; matrix < 7; ++matrix) w[4 + matrix] = 0x10000;
        w[10] = 0x20000000;
        r.code[0] = expected_code(&r, w);
        int good = heads < 512 ? 0 : heads <= 3584 ? 7 : 6; /* a MiB a head */
        demand(r.code[0] == good, "heads %d: %d", heads, r.code[0]);
        r.ready_gap = r.answer_gap = r.fin_gap = 1;
        begin(&r);
        *r.c->start = 0;
        while (*r.c->busy && r.cycle < 3000) step(&r);
        check_end(&r);
        ++codes[r.code[0]];
    }
    demand(codes[6] > 100 && codes[0] > 0, "codes: %d beyond, %d good", codes[6], codes[0]);
    block_close(r.block);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("controller");
    TCase *c = tcase_create("controller");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, every_job_gets_its_code, 0, DESIGNS);
    tcase_add_test(c, products_do_not_wrap);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
