/* SPDX-License-Identifier: Apache-2.0 */
/* Is every strip where prediction looks for it when it counts as loaded, and never sooner than there is room?
 */
#include "../model/fetch.h"

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

enum { LANES_MAX = 32, KEYS_MAX = 4096, INDICES_MAX = 2 * 16 * 128, BEATS_MAX = 64, WAITING_MAX = 512 };

typedef struct {
    int l, m, d, causal, external, policy, final, number;
    int64_t threshold, q, k, v, q_low, k_low, mask, o;
} head_t;

/* A strip as the test expects it: strips are numbered from reset on. */
typedef struct {
    head_t head;
    int first, rows;             /* queries */
    int group, strip_of_group;   /* groups are numbered from reset on */
    int group_first, group_rows; /* queries */
    bool starts_head, ends_group, ends_head;
} strip_t;

typedef struct {
    block_t *block;
    const design_t *d;
    fetch_t *f;
    random_t random;
    int cycle, lanes;
    int ready_gap, answer_gap, stage_gap;
    strip_t strips[4096];
    int n_strips, offered;
    int loaded, scored, drained; /* counts that do not wrap */
    int groups_loaded;           /* groups whose last strip is loaded */
    int64_t reads, read_now;     /* beats in all, and of the strip (and keys) at hand */
    int64_t waiting_addr[WAITING_MAX], waiting_tag[WAITING_MAX];
    int oldest, waiting;
    /* where beats went: the address + 1 of what lies there */
    int64_t keys[KEYS_MAX][BEATS_MAX], lows[2][128][BEATS_MAX];
    int64_t queries[INDICES_MAX][BEATS_MAX], masks[INDICES_MAX][BEATS_MAX];
} run_t;

static run_t run; /* too big for a stack */

static void open_run(design_t *d, const char *name, uint64_t seed)
{
    char error[DESIGN_ERROR_MAX] = "";
    memset(&run, 0, sizeof run);
    demand(!paths_design(name, d, error), "%s", error);
    run.block = block_open(&fetch_type, d);
    run.d = d;
    run.f = run.block->self;
    run.random.state = seed;
    run.lanes = d->bus_bytes / 2;
}

/* ---- sizes, by counting ---- */

static int beats_of(int bytes)
{
    int beats = 0;
    for (; bytes > 0; bytes -= run.d->bus_bytes) ++beats;
    return beats;
}
static int row_beats(const head_t *h)
{
    return beats_of(2 * h->d);
}
static int low_beats(const head_t *h)
{
    int bits = 32 + h->d * (run.d->operand_w <= 4 ? 4 : 8);
    return beats_of((bits + 7) / 8);
}
static int mask_row_beats(const head_t *h)
{
    int tiles = 0, lane = 8;
    while (lane < run.d->columns) lane *= 2;
    for (int key = 0; key < h->m; key += run.d->columns) ++tiles;
    return beats_of(tiles * lane / 8);
}

/* ---- work ---- */

static int size_below(int most)
{
    switch (random_below(&run.random, 4)) {
    case 0: return 1;
    case 1: return most;
    default: return 1 + (int)random_below(&run.random, most);
    }
}

static int64_t somewhere(int64_t bytes)
{
    int64_t space = INT64_C(1) << run.d->addr_w, beat = run.d->bus_bytes, places = (space - bytes) / beat;
    if (random_one_in(&run.random, 4)) return places * beat; /* ends with the address space */
    return (int64_t)(random_bits(&run.random) % (uint64_t)(places + 1)) * beat;
}

static head_t random_head(int most)
{
    random_t *r = &run.random;
    int limit = most < run.d->keys_max ? most : run.d->keys_max;
    head_t h = {.l = size_below(limit), .m = size_below(limit), .d = size_below(run.d->head_max)};
    int beat = run.d->bus_bytes;
    h.causal = (int)random_below(r, 2);
    h.external = (int)random_below(r, 2);
    h.policy = (int)random_below(r, 3);
    h.final = (int)random_below(r, 2);
    h.number = (int)random_below(r, 1 << 16);
    h.threshold = (int64_t)fixed_low(random_bits(r), run.d->threshold.w);
    h.q = somewhere((int64_t)h.l * row_beats(&h) * beat);
    h.k = somewhere((int64_t)h.m * row_beats(&h) * beat);
    h.v = somewhere((int64_t)h.m * row_beats(&h) * beat);
    h.o = somewhere((int64_t)h.l * row_beats(&h) * beat);
    h.q_low = somewhere((int64_t)h.l * low_beats(&h) * beat);
    h.k_low = somewhere((int64_t)h.m * low_beats(&h) * beat);
    h.mask = somewhere((int64_t)h.l * mask_row_beats(&h) * beat);
    return h;
}

/* Cuts a head's queries as the page says. */
static void add_strips(head_t h, int *group)
{
    int group_rows = run.d->strips * run.d->rows;
    for (int first = 0; first < h.l; first += run.d->rows) {
        int of = first / group_rows, left = h.l - first, in_group = first % group_rows;
        strip_t s = {.head = h, .first = first, .rows = left < run.d->rows ? left : run.d->rows};
        s.group = *group + of;
        s.strip_of_group = in_group / run.d->rows;
        s.group_first = of * group_rows;
        s.group_rows = h.l - s.group_first < group_rows ? h.l - s.group_first : group_rows;
        s.starts_head = first == 0;
        s.ends_head = left <= run.d->rows;
        s.ends_group = s.ends_head || s.strip_of_group == run.d->strips - 1;
        demand(run.n_strips < (int)(sizeof run.strips / sizeof *run.strips), "too many strips");
        run.strips[run.n_strips++] = s;
    }
    *group = run.strips[run.n_strips - 1].group + 1;
}

/* ---- neighbours ---- */

static void offer_head(void)
{
    fetch_t *f = run.f;

    if (*f->job_valid || run.offered == run.n_strips || !random_one_in(&run.random, run.stage_gap)) return;
    head_t h = run.strips[run.offered].head;
    *f->job_valid = 1;
    *f->j_l = h.l, *f->j_m = h.m, *f->j_d = h.d;
    *f->j_causal = h.causal, *f->j_external = h.external, *f->j_policy = h.policy,
    *f->j_threshold = h.threshold;
    *f->j_q = h.q, *f->j_k = h.k, *f->j_v = h.v, *f->j_q_low = h.q_low, *f->j_k_low = h.k_low;
    *f->j_mask = h.mask, *f->j_o = h.o, *f->j_final = h.final, *f->j_number = h.number;
}

/* Data say where they come from. */
static int64_t element(int64_t addr, int i)
{
    return (addr / run.d->bus_bytes * 40503 + 977 * i) & 0xffff;
}

static void play_port(void)
{
    fetch_t *f = run.f;

    *f->got = run.waiting && random_one_in(&run.random, run.answer_gap);
    *f->got_tag = (int64_t)fixed_low(random_bits(&run.random), design_tag_w(run.d));
    if (*f->got) {
        int64_t addr = run.waiting_addr[run.oldest];
        *f->got_tag = run.waiting_tag[run.oldest];
        for (int i = 0; i < run.lanes; ++i) f->got_data[i] = element(addr, i);
        run.oldest = (run.oldest + 1) % WAITING_MAX;
        --run.waiting;
    }
    *f->rd_ready = run.waiting < run.d->outstanding && random_one_in(&run.random, run.ready_gap);
}

/* Handshakes of this cycle. */
static void take_head(void)
{
    *run.f->job_valid = 0;
    do {
        ++run.offered;
    } while (!run.strips[run.offered - 1].ends_head);
}

static void take_read(void)
{
    int place = (run.oldest + run.waiting++) % WAITING_MAX;
    run.waiting_addr[place] = *run.f->rd_addr;
    run.waiting_tag[place] = *run.f->rd_tag;
}

/* Strips are scored in order; a group is drained some time after its strips are. */
static void play_stages(void)
{
    fetch_t *f = run.f;
    if (run.scored < run.loaded && random_one_in(&run.random, run.stage_gap)) ++run.scored;
    int whole = 0;
    for (int n = 0; n < run.scored; ++n) whole += run.strips[n].ends_group;
    if (run.drained < whole && random_one_in(&run.random, run.stage_gap)) ++run.drained;
    *f->scored = run.scored & 3;
    *f->drained = run.drained & 3;
}

/* ---- checks ---- */

/* The address whose beat these data are; data tell addresses apart, but for their high bits. */
static void keep(int64_t *place, const int64_t *data)
{
    int64_t addr = run.waiting_addr[(run.oldest + WAITING_MAX - 1) % WAITING_MAX];
    for (int i = 0; i < run.lanes; ++i) demand(data[i] == element(addr, i), "cycle %d: data", run.cycle);
    *place = addr + 1;
}

static void take_beats(void)
{
    const fetch_t *f = run.f;
    int writes = (int)(*f->k_we + *f->ql_we + *f->q_we + *f->m_we);
    demand(writes == *f->got, "cycle %d: %d writes, got %d", run.cycle, writes, (int)*f->got);
    if (*f->k_we) keep(&run.keys[*f->k_key][*f->k_beat], f->k_data);
    if (*f->ql_we) keep(&run.lows[*f->ql_file][*f->ql_row][*f->ql_beat], f->ql_data);
    if (*f->q_we) keep(&run.queries[*f->q_index][*f->q_beat], f->q_data);
    if (*f->m_we) keep(&run.masks[*f->m_index][*f->m_beat], f->m_data);
}

static void check_row(const char *what, int n, const int64_t *beats, int64_t matrix, int row, int row_beats_)
{
    for (int b = 0; b < row_beats_; ++b) {
        int64_t addr = matrix + ((int64_t)row * row_beats_ + b) * run.d->bus_bytes;
        demand(beats[b] == addr + 1, "strip %d: %s row %d beat %d holds %llx, not %llx", n, what, row, b,
               (unsigned long long)(beats[b] - 1), (unsigned long long)addr);
    }
}

static void check_strip(int n)
{
    const strip_t *s = &run.strips[n];
    const head_t *h = &s->head;
    int base = (s->group % 2 * run.d->strips + s->strip_of_group) * run.d->rows;
    for (int key = 0; key < h->m; ++key) check_row("k_low", n, run.keys[key], h->k_low, key, low_beats(h));
    for (int i = 0; i < s->rows; ++i) {
        check_row("q", n, run.queries[base + i], h->q, s->first + i, row_beats(h));
        check_row("q_low", n, run.lows[n % 2][i], h->q_low, s->first + i, low_beats(h));
        if (h->external) check_row("mask", n, run.masks[base + i], h->mask, s->first + i, mask_row_beats(h));
    }
    int64_t reads = (int64_t)s->rows * (row_beats(h) + low_beats(h) + (h->external ? mask_row_beats(h) : 0));
    if (s->starts_head) reads += (int64_t)h->m * low_beats(h);
    demand(run.read_now == reads, "strip %d: %lld beats read, not %lld", n, (long long)run.read_now,
           (long long)reads);
}

/* The records of all groups that have a loaded strip and are not drained. */
static void check_records(void)
{
    const fetch_t *f = run.f;
    for (int n = run.loaded - 1; n >= 0 && run.strips[n].group >= run.drained; --n) {
        const strip_t *s = &run.strips[n];
        const head_t *h = &s->head;
        int half = s->group % 2;
        int64_t last = h->final && s->group_first + s->group_rows == h->l;
        int64_t o = h->o + (int64_t)s->group_first * row_beats(h) * run.d->bus_bytes;
        bool sizes = f->g_rows[half] == s->group_rows && f->g_first[half] == s->group_first &&
                     f->g_keys[half] == h->m && f->g_d[half] == h->d && f->g_beats[half] == row_beats(h);
        bool flags = f->g_causal[half] == h->causal && f->g_external[half] == h->external &&
                     f->g_policy[half] == h->policy && f->g_threshold[half] == h->threshold;
        bool places = f->g_k[half] == h->k && f->g_v[half] == h->v && f->g_o[half] == o;
        demand(sizes && flags && places && f->g_final[half] == last && f->g_job[half] == h->number,
               "cycle %d group %d: record", run.cycle, s->group);
    }
}

/* Reads of a strip that has no room yet, or of keys that are still scored, must wait. */
static void check_read(void)
{
    const fetch_t *f = run.f;
    const strip_t *s = &run.strips[run.loaded];
    int64_t kind = *f->rd_tag >> (design_tag_w(run.d) - 2);
    demand(*f->rd_addr % run.d->bus_bytes == 0, "cycle %d: address", run.cycle);
    demand(run.loaded < run.n_strips, "cycle %d: a read of nothing", run.cycle);
    if (kind == FETCH_OF_K_LOW) {
        demand(s->starts_head && run.scored == run.loaded, "cycle %d strip %d: keys too soon", run.cycle,
               run.loaded);
    } else {
        demand(run.loaded - run.scored < 2, "cycle %d strip %d: file not free", run.cycle, run.loaded);
        demand(s->group - run.drained < 2, "cycle %d group %d: half not free", run.cycle, s->group);
    }
    ++run.reads;
    ++run.read_now;
}

static void step(void)
{
    fetch_t *f = run.f;
    offer_head();
    play_port();
    play_stages();
    run.block->type->eval(f);
    take_beats();
    if (*f->rd_valid && *f->rd_ready) {
        check_read();
        take_read();
    }
    bool takes = *f->job_valid && *f->job_ready;
    run.block->type->tick(f);
    if (takes) take_head();
    run.block->type->eval(f);
    if (*f->loaded != (run.loaded & 3)) {
        demand(*f->loaded == ((run.loaded + 1) & 3), "cycle %d: loaded jumps", run.cycle);
        demand(run.waiting == 0, "cycle %d: strip %d is loaded, %d beats are not here", run.cycle, run.loaded,
               run.waiting);
        check_strip(run.loaded);
        run.read_now = 0;
        ++run.loaded;
    }
    check_records();
    ++run.cycle;
}

static const char *const designs[] = {"odd_5x7x3_travelling", "one_pe_6x5x1_travelling",
                                      "ties_7x9x3_travelling", "full_4x4x4_travelling", "paper_64x16"};
enum { DESIGNS = sizeof designs / sizeof *designs };

static void run_heads(int heads, int most)
{
    int group = 0;
    for (int i = 0; i < heads; ++i) add_strips(random_head(i == 0 ? run.d->keys_max : most), &group);
    int limit = 1000 * 1000;
    while (run.loaded < run.n_strips && run.cycle < limit) {
        static const int gaps[] = {1, 1, 2, 9};
        if (run.cycle % 300 == 0) {
            run.ready_gap = gaps[random_below(&run.random, 4)];
            run.answer_gap = gaps[random_below(&run.random, 4)];
            run.stage_gap = gaps[random_below(&run.random, 4)] * (random_one_in(&run.random, 3) ? 30 : 1);
        }
        step();
    }
    demand(run.loaded == run.n_strips, "only %d of %d strips", run.loaded, run.n_strips);
}

START_TEST(strips_are_where_they_belong)
{
    design_t d;
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        open_run(&d, designs[_i], seed);
        run_heads(d.keys_max > 1000 ? 8 : 40, 300);
        block_close(run.block);
    }
}
END_TEST

/* Without stalls a beat a cycle is read, but for a few cycles a strip. */
START_TEST(a_beat_a_cycle)
{
    design_t d;
    int group = 0, slack = 0;
    open_run(&d, designs[_i], 9);
    run.ready_gap = run.answer_gap = run.stage_gap = 1;
    for (int i = 0; i < 10; ++i) add_strips(random_head(200), &group);
    while (run.loaded < run.n_strips && run.cycle < 1000000) step();
    slack = 6 * run.n_strips + 10 * 4;
    demand(run.cycle <= run.reads + slack, "%d cycles for %lld beats of %d strips", run.cycle,
           (long long)run.reads, run.n_strips);
    block_close(run.block);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fetch");
    TCase *c = tcase_create("fetch");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, strips_are_where_they_belong, 0, DESIGNS);
    tcase_add_loop_test(c, a_beat_a_cycle, 0, DESIGNS);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
