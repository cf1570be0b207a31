/* SPDX-License-Identifier: Apache-2.0 */
/* Is every strip where prediction looks for it when it counts as loaded, and every query where it belongs
 * when it counts as held, and nothing sooner than there is room? */
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
    int place;     /* of the head's first key */
    int keys_from; /* the head's keys may come when all strips before this one are scored */
} strip_t;

typedef struct {
    block_t *block;
    const design_t *d;
    fetch_t *f;
    random_t random;
    int cycle, lanes;
    int ready_gap, answer_gap, stage_gap;
    bool frozen; /* nothing is scored or taken */
    strip_t strips[4096];
    int n_strips, offered;
    int loaded, held, scored, opened, taken; /* counts that do not wrap */
    int low, high;                           /* strip and group whose beats are read next */
    int64_t keys_read; /* beats of the keys of that strip's head, once its first strip is next */
    int64_t low_read;  /* beats of that strip */
    int64_t high_read; /* of that group */
    int64_t reads;     /* in all */
    int64_t waiting_addr[WAITING_MAX], waiting_tag[WAITING_MAX];
    int oldest, waiting;
    /* where beats went: the address + 1 of what lies there */
    int64_t keys[KEYS_MAX][BEATS_MAX], lows[3][128][BEATS_MAX];
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

/* Where the keys of a head lie, and which strips may still need what lay there: two small heads behind each
   other share the places, any other is alone. */
static void place_keys(const head_t *h, int *place, int *keys_from)
{
    int first = run.n_strips, half = run.d->keys_max / 2;
    *place = 0;
    *keys_from = first;
    if (!first || h->m > half || run.strips[first - 1].head.m > half) return;
    *place = run.strips[first - 1].place ? 0 : half;
    do {
        --*keys_from;
    } while (!run.strips[*keys_from].starts_head);
}

/* Cuts a head's queries as the page says. */
static void add_strips(head_t h, int *group)
{
    int place, keys_from;
    place_keys(&h, &place, &keys_from);
    int group_rows = run.d->strips * run.d->rows;
    for (int first = 0; first < h.l; first += run.d->rows) {
        int of = first / group_rows, left = h.l - first, in_group = first % group_rows;
        strip_t s = {.head = h, .first = first, .rows = left < run.d->rows ? left : run.d->rows};
        s.place = place, s.keys_from = keys_from;
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

static int base_of(const strip_t *s)
{
    return (s->group % 2 * run.d->strips + s->strip_of_group) * run.d->rows;
}

static void check_low(int n)
{
    const strip_t *s = &run.strips[n];
    const head_t *h = &s->head;
    for (int key = 0; key < h->m; ++key)
        check_row("k_low", n, run.keys[s->place + key], h->k_low, key, low_beats(h));
    for (int i = 0; i < s->rows; ++i)
        check_row("q_low", n, run.lows[n % 3][i], h->q_low, s->first + i, low_beats(h));
}

static void check_queries(int n)
{
    const strip_t *s = &run.strips[n];
    const head_t *h = &s->head;
    for (int i = 0; i < s->rows; ++i)
        check_row("q", n, run.queries[base_of(s) + i], h->q, s->first + i, row_beats(h));
}

static void check_masks(int n)
{
    const strip_t *s = &run.strips[n];
    const head_t *h = &s->head;
    for (int i = 0; h->external && i < s->rows; ++i)
        check_row("mask", n, run.masks[base_of(s) + i], h->mask, s->first + i, mask_row_beats(h));
}

static int first_of_group(int n)
{
    while (run.strips[n].strip_of_group > 0) --n;
    return n;
}

/* A strip that counts as held has its queries, and its group all masks. */
static void check_held(int n)
{
    check_queries(n);
    for (int i = first_of_group(n); i < run.n_strips && run.strips[i].group == run.strips[n].group; ++i)
        check_masks(i);
}

/* The records of all groups that are opened and not taken. */
static void check_records(void)
{
    const fetch_t *f = run.f;
    for (int n = 0, group = -1; n < run.n_strips && group < run.opened; ++n) {
        const strip_t *s = &run.strips[n];
        const head_t *h = &s->head;
        int half = s->group % 2;
        group = s->group;
        if (group < run.taken || group >= run.opened || s->strip_of_group) continue;
        int64_t last = h->final && s->group_first + s->group_rows == h->l;
        int64_t o = h->o + (int64_t)s->group_first * row_beats(h) * run.d->bus_bytes;
        bool sizes = f->g_rows[half] == s->group_rows && f->g_first[half] == s->group_first &&
                     f->g_keys[half] == h->m && f->g_d[half] == h->d && f->g_beats[half] == row_beats(h);
        bool flags = f->g_causal[half] == h->causal && f->g_external[half] == h->external &&
                     f->g_policy[half] == h->policy && f->g_threshold[half] == h->threshold &&
                     f->g_upper[half] == (s->place > 0);
        bool places = f->g_k[half] == h->k && f->g_v[half] == h->v && f->g_o[half] == o;
        demand(sizes && flags && places && f->g_final[half] == last && f->g_job[half] == h->number,
               "cycle %d group %d: record", run.cycle, s->group);
    }
}

/* Strips are scored in order, of opened groups; a group is taken some time after its strips are and its
   queries are here. What they need is still there. */
static void play_stages(void)
{
    fetch_t *f = run.f;
    bool scores = !run.frozen && run.scored < run.loaded && run.strips[run.scored].group < run.opened;
    if (scores && random_one_in(&run.random, run.stage_gap)) check_low(run.scored++);
    int end = 0;
    while (end < run.n_strips && run.strips[end].group <= run.taken) ++end;
    bool drains = !run.frozen && run.taken < run.opened && run.scored >= end && run.held >= end;
    if (drains && random_one_in(&run.random, run.stage_gap)) {
        for (int n = first_of_group(end - 1); n < end; ++n) check_queries(n), check_masks(n);
        ++run.taken;
    }
    *f->scored = run.scored & 3;
    *f->taken = run.taken & 3;
}

/* The next beat of what the low stream reads: keys of a head, then queries of its strips. */
static void check_low_read(int64_t kind)
{
    const strip_t *s = &run.strips[run.low];
    const head_t *h = &s->head;
    demand(run.low < run.n_strips, "cycle %d: a read of nothing", run.cycle);
    int64_t keys = s->starts_head ? (int64_t)h->m * low_beats(h) : 0, lows = (int64_t)s->rows * low_beats(h);
    bool of_keys = run.keys_read < keys;
    int64_t at = of_keys ? h->k_low + run.keys_read * run.d->bus_bytes
                         : h->q_low + ((int64_t)s->first * low_beats(h) + run.low_read) * run.d->bus_bytes;
    demand(kind == (of_keys ? FETCH_OF_K_LOW : FETCH_OF_Q_LOW) && *run.f->rd_addr == at,
           "cycle %d strip %d: reads %llx, kind %d", run.cycle, run.low, (unsigned long long)*run.f->rd_addr,
           (int)kind);
    if (of_keys)
        demand(run.scored >= s->keys_from, "cycle %d strip %d: keys too soon", run.cycle, run.low);
    else
        demand(run.low - run.scored < 3, "cycle %d strip %d: file not free", run.cycle, run.low);
    ++*(of_keys ? &run.keys_read : &run.low_read);
    if (run.low_read < lows) return;
    ++run.low;
    run.keys_read = run.low_read = 0;
}

/* Of what the high stream reads: masks of a group, then its queries. */
static void check_high_read(int64_t kind)
{
    int n = 0;
    while (n < run.n_strips && run.strips[n].group < run.high) ++n;
    const strip_t *s = &run.strips[n];
    const head_t *h = &s->head;
    demand(n < run.n_strips, "cycle %d: a read of nothing", run.cycle);
    demand(run.high < run.opened && run.high - run.taken < 2, "cycle %d group %d: half not free", run.cycle,
           run.high);
    int64_t queries = (int64_t)s->group_rows * row_beats(h), mask_row = h->external ? mask_row_beats(h) : 0;
    int64_t masks = s->group_rows * mask_row;
    bool of_masks = run.high_read < masks;
    int64_t at =
        of_masks ? h->mask + (s->group_first * mask_row + run.high_read) * run.d->bus_bytes
                 : h->q + ((int64_t)s->group_first * row_beats(h) + run.high_read - masks) * run.d->bus_bytes;
    demand(kind == (of_masks ? FETCH_OF_MASK : FETCH_OF_Q) && *run.f->rd_addr == at,
           "cycle %d group %d: reads %llx, kind %d", run.cycle, run.high, (unsigned long long)*run.f->rd_addr,
           (int)kind);
    if (++run.high_read < queries + masks) return;
    ++run.high;
    run.high_read = 0;
}

static void check_read(void)
{
    int64_t kind = *run.f->rd_tag >> (design_tag_w(run.d) - 3) & 3;
    if (kind == FETCH_OF_K_LOW || kind == FETCH_OF_Q_LOW)
        check_low_read(kind);
    else
        check_high_read(kind);
    ++run.reads;
}

/* A count of so many bits goes on by one at most; true when it does. */
static bool counts(const char *what, int64_t now, int *before, int bits)
{
    int64_t step = (int64_t)fixed_low((uint64_t)(now - *before), bits);
    demand(step <= 1, "cycle %d: %s jumps", run.cycle, what);
    *before += (int)step;
    return step;
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
    counts("opened", *f->opened, &run.opened, 2);
    if (counts("loaded", *f->loaded, &run.loaded, 2)) check_low(run.loaded - 1);
    if (counts("held", *f->held, &run.held, design_held_w(run.d))) check_held(run.held - 1);
    check_records();
    ++run.cycle;
}

static const char *const designs[] = {"odd_5x7x3_travelling", "one_pe_6x5x1_travelling",
                                      "ties_7x9x3_travelling", "full_4x4x4_travelling", "paper_64x16"};
enum { DESIGNS = sizeof designs / sizeof *designs };

static bool all_there(void)
{
    return run.held == run.n_strips && run.loaded == run.n_strips;
}

static void run_heads(int heads, int most)
{
    int group = 0;
    for (int i = 0; i < heads; ++i) add_strips(random_head(i == 0 ? run.d->keys_max : most), &group);
    int limit = 1000 * 1000;
    while (!all_there() && run.cycle < limit) {
        static const int gaps[] = {1, 1, 2, 9};
        if (run.cycle % 300 == 0) {
            run.ready_gap = gaps[random_below(&run.random, 4)];
            run.answer_gap = gaps[random_below(&run.random, 4)];
            run.stage_gap = gaps[random_below(&run.random, 4)] * (random_one_in(&run.random, 3) ? 30 : 1);
        }
        step();
    }
    demand(all_there(), "only %d and %d of %d strips", run.loaded, run.held, run.n_strips);
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
    while (!all_there() && run.cycle < 1000000) step();
    slack = 6 * run.n_strips + 10 * 4;
    demand(run.cycle <= run.reads + slack, "%d cycles for %lld beats of %d strips", run.cycle,
           (long long)run.reads, run.n_strips);
    block_close(run.block);
}
END_TEST

/* How many strips of heads of so many keys and one strip are loaded before any is scored. */
static int loaded_ahead(const design_t *d, int keys)
{
    int group = 0;
    for (int i = 0; i < 5; ++i) {
        head_t h = random_head(d->keys_max);
        h.l = d->rows < d->keys_max ? d->rows : d->keys_max;
        h.m = keys;
        add_strips(h, &group);
    }
    run.ready_gap = run.answer_gap = 1;
    run.stage_gap = 1;
    run.frozen = true;
    for (int i = 0; i < 20000; ++i) step();
    return run.loaded;
}

/* Two small heads are loaded side by side, a third waits for the first; larger ones wait for each other. */
START_TEST(keys_of_a_small_head_come_early)
{
    design_t d;
    for (int beyond = 0; beyond < 2; ++beyond) {
        open_run(&d, designs[_i], 5);
        int loaded = loaded_ahead(&d, d.keys_max / 2 + beyond);
        demand(loaded == (beyond ? 1 : 2), "%d strips", loaded);
        block_close(run.block);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fetch");
    TCase *c = tcase_create("fetch");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, strips_are_where_they_belong, 0, DESIGNS);
    tcase_add_loop_test(c, a_beat_a_cycle, 0, DESIGNS);
    tcase_add_loop_test(c, keys_of_a_small_head_come_early, 0, DESIGNS);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
