/* SPDX-License-Identifier: Apache-2.0 */
/* Are jobs quantised as the replay does it, do they lie in memory as docs/machine.md says, and are those that
 * a design cannot take refused? */
#include "../sim/image.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serial/attend.h"
#include "../sim/paths.h"
#include "serial/predict.h"
#include "run_suite.h"

#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

static const char *const machines[] = {"odd_5x7x3_travelling", "one_pe_6x5x1_travelling",
                                       "full_4x4x4_travelling", "ties_7x9x3_travelling"};
enum { MACHINES = sizeof machines / sizeof *machines };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* ---- a trace's heads ---- */

static void equal_head(const job_t *j, const design_t *d, const trace_head_t *head,
                       const int64_t clipped[CLIP_KINDS])
{
    static const clip_t kinds[] = {CLIP_Q, CLIP_K, CLIP_V, CLIP_SCALE};
    host_t host = {.design = d};
    prediction_t p;
    attention_t a;
    demand(predict_open(&p, &host, head, head->threshold) && attend_open(&a, &host, head), "memory");
    size_t queries = head->L * head->d, keys = head->M * head->d;
    for (size_t i = 0; i < queries; ++i) demand(j->q[i] == a.q[i] && j->q_low[i] == p.q[i], "q %zu", i);
    for (size_t i = 0; i < keys; ++i)
        demand(j->k[i] == a.k[i] && j->v[i] == a.v[i] && j->k_low[i] == p.k[i], "k or v %zu", i);
    for (size_t i = 0; i < head->L; ++i)
        demand(j->q_scale[i] == p.row_scale[i] && j->q_valid[i] == head->valid_q[i], "query %zu", i);
    for (size_t i = 0; i < head->M; ++i)
        demand(j->k_scale[i] == p.col_scale[i] && j->k_valid[i] == head->valid[i], "key %zu", i);
    demand(j->threshold == p.threshold && j->causal == head->causal, "head");
    for (int i = 0; i < 4; ++i)
        demand(clipped[kinds[i]] == host.clipped[kinds[i]], "clipped %s", clip_names[kinds[i]]);
    for (size_t i = 0; i < head->L * head->M; ++i) {
        bool kept = head->mask[i] && head->valid_q[i / head->M];
        demand(!j->external || j->mask[i] == kept, "mask %zu", i);
    }
    predict_close(&p);
    attend_close(&a);
}

/* Narrow operands, so that some clip. */
static design_t wide_design(void)
{
    design_t d = load("ties_7x9x3_travelling");
    d.head_max = 64, d.keys_max = 512, d.v = (format_t){12, 11};
    return d;
}

START_TEST(heads_of_a_trace_become_the_integers_that_the_replay_uses)
{
    char error[TRACE_ERROR_BYTES], why[JOB_ERROR_MAX], path[PATH_MAX_BYTES];
    design_t d = wide_design();
    trace_t *trace;
    snprintf(path, sizeof path, "%s/traces/causal_tiny.safetensors", paths_data());
    demand(trace_open(path, &trace, error, sizeof error), "%s", error);
    for (size_t l = 0; l < trace_layer_count(trace); ++l) {
        const trace_layer_t *layer = trace_layer(trace, l);
        for (size_t h = 0; h < layer->H; ++h) {
            trace_head_t head = {0};
            int64_t clipped[CLIP_KINDS] = {0};
            job_t j;
            demand(trace_load_head(trace, layer, 0, h, &head, error, sizeof error), "%s", error);
            bool external = h % 2 && head.mask;
            demand(job_from_heads(&j, &d, &head, 1, head.threshold, external, clipped, why), "%s", why);
            equal_head(&j, &d, &head, clipped);
            job_close(&j);
            trace_head_free(&head);
        }
    }
    trace_close(trace);
}
END_TEST

START_TEST(what_a_design_cannot_take_is_refused_in_one_line_that_names_the_limit)
{
    const design_t d = load("odd_5x7x3_travelling"), array = load("published_8x8");
    static const struct {
        size_t L, M, d;
        const char *names;
    } cases[] = {{0, 1, 1, "keys_max"},  {81, 80, 16, "81 queries"}, {80, 81, 16, "81 keys"},
                 {80, 0, 16, "0 keys"},  {80, 80, 17, "head_max"},   {80, 80, 0, "head_max"},
                 {SIZE_MAX, 1, 1, "80"}, {1, SIZE_MAX, 1, "80"},     {1, 1, 256, "256 elements"}};
    char error[JOB_ERROR_MAX];
    job_t j;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        demand(!job_open(&j, &d, 1, cases[i].L, cases[i].M, cases[i].d, error), "case %zu", i);
        demand(strstr(error, cases[i].names) && !strchr(error, '\n'), "case %zu: %s", i, error);
    }
    demand(!job_open(&j, &d, 0, 1, 1, 1, error) && strstr(error, "heads"), "%s", error);
    demand(!job_open(&j, &array, 1, 1, 1, 1, error) && strstr(error, "signed"), "%s", error);
    demand(job_open(&j, &d, 1, 30, 30, 5, error), "%s", error);
    job_close(&j);

    trace_head_t head = {.L = 1, .M = 1, .d = 1};
    int64_t clipped[CLIP_KINDS] = {0};
    demand(!job_from_heads(&j, &d, &head, 1, 1.0, false, clipped, error) && strstr(error, "threshold"), "%s",
           error);
    demand(!job_from_heads(&j, &d, &head, 1, NAN, false, clipped, error), "a threshold that is no number");
    demand(!job_from_heads(&j, &d, &head, 1, 0.5, true, clipped, error) && strstr(error, "mask"), "%s",
           error);

    image_t image;
    demand(job_open(&j, &d, 3000, 1, 30, 5, error), "%s", error);
    demand(!image_open(&image, &d, &j, 1, NULL, error) && strstr(error, "addr_w"), "%s", error);
    job_close(&j);
}
END_TEST

/* ---- random jobs ---- */

static bool fits(const design_t *d, const job_t *j)
{
    size_t queries = (size_t)j->heads * (size_t)j->L, keys = (size_t)j->heads * (size_t)j->M;
    bool ok = true;
    for (size_t i = 0; i < queries * (size_t)j->d; ++i)
        ok = ok && j->q[i] == fixed_wrap(j->q[i], d->q.w) &&
             j->q_low[i] == fixed_wrap(j->q_low[i], d->operand_w);
    for (size_t i = 0; i < keys * (size_t)j->d; ++i)
        ok = ok && j->k[i] == fixed_wrap(j->k[i], d->k.w) && j->v[i] == fixed_wrap(j->v[i], d->v.w);
    for (size_t i = 0; i < keys; ++i) ok = ok && j->k_scale[i] < 1 << d->scale.w;
    return ok && j->threshold >= 0 && j->threshold < 1 << d->threshold.w && j->policy <= JOB_EMPTY_TOP1;
}

START_TEST(random_jobs_reach_the_limits_and_every_option)
{
    for (int m = 0; m < MACHINES; ++m) {
        design_t d = load(machines[m]);
        int seen[12] = {0};
        for (int seed = 1; seed <= 400; ++seed) {
            random_t r = {.state = (uint64_t)seed};
            job_t j;
            demand(job_random(&j, &d, &r, d.keys_max), "memory");
            demand(fits(&d, &j), "%s seed %d: a value beyond its format", d.name, seed);
            const bool facts[] = {j.L == d.keys_max, j.M == d.keys_max, j.d == d.head_max, j.L == 1,
                                  j.M == 1,          j.d == 1,          j.causal,          j.external,
                                  j.heads > 1,       j.policy == 0,     j.policy == 1,     j.policy == 2};
            for (int i = 0; i < 12; ++i) seen[i] += facts[i];
            job_close(&j);
        }
        for (int i = 0; i < 12; ++i) demand(seen[i] >= 10, "%s: fact %d in %d of 400", d.name, i, seen[i]);
    }
}
END_TEST

/* ---- memory ---- */

enum { JOBS = 3 };

typedef struct {
    design_t d;
    job_t job[JOBS];
    image_t image;
    uint8_t *bytes;
    int seed;
} run_t;

static void open_run(run_t *run, const char *name, int seed)
{
    random_t r = {.state = (uint64_t)seed};
    char error[JOB_ERROR_MAX];
    run->d = load(name);
    run->seed = seed;
    if (seed == 1) run->d.keys_max = 12;
    for (int i = 0; i < JOBS; ++i) demand(job_random(&run->job[i], &run->d, &r, 20), "memory");
    run->d.addr_w = 24;
    demand(image_open(&run->image, &run->d, run->job, JOBS, seed % 2 ? &r : NULL, error), "%s", error);
    run->bytes = malloc(run->image.limit);
    for (uint64_t i = 0; i < run->image.limit; ++i) run->bytes[i] = (uint8_t)random_bits(&r);
}

static void close_run(run_t *run)
{
    free(run->bytes);
    image_close(&run->image);
    for (int i = 0; i < JOBS; ++i) job_close(&run->job[i]);
}

/* Parts are aligned, within the limit and apart. */
static void check_parts(const run_t *run)
{
    uint64_t at[2 + JOBS * JOB_MATRICES] = {run->image.queue, run->image.status};
    uint64_t bytes[2 + JOBS * JOB_MATRICES] = {64 * JOBS, (uint64_t)run->d.bus_bytes * JOBS};
    int n = 2;
    for (int i = 0; i < JOBS; ++i) {
        for (int x = 0; x < JOB_MATRICES; ++x, ++n)
            at[n] = run->image.place[i].at[x], bytes[n] = run->image.place[i].bytes[x];
    }
    for (int i = 0; i < n; ++i) {
        if (!bytes[i]) continue;
        demand(at[i] % (uint64_t)run->d.bus_bytes == 0, "seed %d part %d: not aligned", run->seed, i);
        demand(at[i] + bytes[i] <= run->image.limit, "seed %d part %d: beyond the limit", run->seed, i);
        for (int k = 0; k < i; ++k)
            demand(!bytes[k] || at[i] + bytes[i] <= at[k] || at[k] + bytes[k] <= at[i],
                   "seed %d: parts %d and %d overlap", run->seed, i, k);
    }
}

/* `w` bits from bit `bit` of the memory on. */
static uint64_t bits(const run_t *run, uint64_t at, uint64_t bit, int w)
{
    uint64_t x = 0;
    for (int i = 0; i < w; ++i, ++bit) x |= (uint64_t)(run->bytes[at + bit / 8] >> bit % 8 & 1) << i;
    return x;
}

static uint64_t ceiling(uint64_t n, uint64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static void check_words(const run_t *run, uint64_t at, const int16_t *words, int rows, int d)
{
    for (int i = 0; i < rows; ++i, at += ceiling(2 * (uint64_t)d, (uint64_t)run->d.bus_bytes)) {
        for (int e = 0; e < d; ++e, ++words)
            demand(bits(run, at, 16 * (uint64_t)e, 16) == (uint16_t)*words, "seed %d: row %d element %d",
                   run->seed, i, e);
    }
}

static void check_records(const run_t *run, uint64_t at, const int8_t *words, const uint16_t *scale,
                          const uint8_t *valid, int rows, int d)
{
    int w = run->d.operand_w <= 4 ? 4 : 8;
    uint64_t row = ceiling(4 + ((uint64_t)d * (uint64_t)w + 7) / 8, (uint64_t)run->d.bus_bytes);
    for (int i = 0; i < rows; ++i, at += row) {
        demand(bits(run, at, 0, 32) == (scale[i] | (uint64_t)valid[i] << 16), "seed %d: header %d", run->seed,
               i);
        for (int e = 0; e < d; ++e, ++words)
            demand(fixed_wrap((int64_t)bits(run, at, 32 + (uint64_t)(e * w), w), w) == *words,
                   "seed %d: record %d element %d", run->seed, i, e);
    }
}

static void check_mask(const run_t *run, uint64_t at, const job_t *j)
{
    uint64_t lane = 8;
    while (lane < (uint64_t)run->d.columns) lane *= 2;
    uint64_t tiles = ceiling((uint64_t)j->M, (uint64_t)run->d.columns) / (uint64_t)run->d.columns;
    for (int i = 0; i < j->heads * j->L; ++i) {
        for (int key = 0; key < j->M; ++key) {
            uint64_t tile = (uint64_t)(key / run->d.columns), c = (uint64_t)(key % run->d.columns);
            demand(bits(run, at, tile * lane + c, 1) == j->mask[i * j->M + key], "seed %d: mask %d %d",
                   run->seed, i, key);
        }
        at += ceiling(tiles * lane / 8, (uint64_t)run->d.bus_bytes);
    }
}

static void check_job(const run_t *run, int n)
{
    const job_t *j = &run->job[n];
    const uint64_t *at = run->image.place[n].at, word = run->image.queue + 64 * (uint64_t)n;
    int queries = j->heads * j->L, keys = j->heads * j->M;
    demand(bits(run, word, 0, 32) == 0x53470001, "version");
    demand(bits(run, word, 32, 16) == (uint64_t)j->L && bits(run, word, 48, 16) == (uint64_t)j->M, "L, M");
    demand(bits(run, word, 64, 8) == (uint64_t)j->d && bits(run, word, 72, 1) == j->causal, "d, causal");
    demand(bits(run, word, 73, 1) == j->external && bits(run, word, 74, 2) == (uint64_t)j->policy, "flags");
    demand(bits(run, word, 76, 20) == 0 && bits(run, word, 96, 32) == (uint64_t)j->threshold, "threshold");
    for (int x = 0; x < JOB_MATRICES; ++x)
        demand(bits(run, word, 128 + 32 * (uint64_t)x, 32) == at[x], "address %d", x);
    demand(bits(run, word, 352, 32) == (uint64_t)j->heads && !bits(run, word, 384, 64) &&
               !bits(run, word, 448, 64),
           "heads");
    check_words(run, at[JOB_Q], j->q, queries, j->d);
    check_words(run, at[JOB_K], j->k, keys, j->d);
    check_words(run, at[JOB_V], j->v, keys, j->d);
    check_records(run, at[JOB_Q_LOW], j->q_low, j->q_scale, j->q_valid, queries, j->d);
    check_records(run, at[JOB_K_LOW], j->k_low, j->k_scale, j->k_valid, keys, j->d);
    if (j->external) check_mask(run, at[JOB_MASK], j);
}

START_TEST(jobs_lie_in_memory_as_the_page_says)
{
    run_t run;
    for (int m = 0; m < MACHINES; ++m) {
        for (int seed = 1; seed <= 40; ++seed) {
            open_run(&run, machines[m], seed);
            check_parts(&run);
            image_write(&run.image, run.bytes);
            for (int i = 0; i < JOBS; ++i) check_job(&run, i);
            close_run(&run);
        }
    }
}
END_TEST

START_TEST(outputs_and_statuses_are_read_back)
{
    run_t run;
    for (int seed = 1; seed <= 20; ++seed) {
        open_run(&run, machines[seed % MACHINES], seed);
        const job_t *j = &run.job[1];
        uint64_t row = ceiling(2 * (uint64_t)j->d, (uint64_t)run.d.bus_bytes);
        int head = j->heads - 1, last = head * j->L + j->L - 1;
        uint8_t *at = run.bytes + run.image.place[1].at[JOB_O] + (uint64_t)last * row;
        int64_t *o = calloc((size_t)j->L * (size_t)j->d, sizeof *o);
        at[2 * (j->d - 1)] = 0xfe, at[2 * (j->d - 1) + 1] = 0xff;
        image_output(&run.image, run.bytes, 1, head, o);
        demand(o[j->L * j->d - 1] == -2, "seed %d: the last word is %d", seed, (int)o[j->L * j->d - 1]);
        free(o);

        int beat = run.d.bus_bytes;
        uint8_t *status = run.bytes + run.image.status + beat;
        memset(status, 0, (size_t)beat);
        demand(image_status(&run.image, run.bytes, 1) == -1, "no status yet");
        status[0] = JOB_BEYOND_LIMIT, status[3] = 0x80, status[4] = 1;
        demand(image_status(&run.image, run.bytes, 1) == JOB_BEYOND_LIMIT, "a status");
        status[beat - 1] ^= 1;
        demand(image_status(&run.image, run.bytes, 1) == -1, "a beat with something behind the status");
        close_run(&run);
    }
}
END_TEST

START_TEST(descriptors_are_spoiled_in_every_way)
{
    run_t run;
    int codes[JOB_CODES] = {0};
    for (int seed = 1; seed <= 400; ++seed) {
        open_run(&run, machines[seed % MACHINES], seed);
        random_t r = {.state = (uint64_t)seed};
        image_write(&run.image, run.bytes);
        ++codes[image_spoil(&run.image, run.bytes, seed % JOBS, &r)];
        close_run(&run);
    }
    demand(!codes[JOB_DONE], "a spoiled job that is sound");
    for (int i = 1; i < JOB_CODES; ++i) demand(codes[i] > 20, "code %d only %d times", i, codes[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("job");
    TCase *t = tcase_create("job");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, heads_of_a_trace_become_the_integers_that_the_replay_uses);
    tcase_add_test(t, what_a_design_cannot_take_is_refused_in_one_line_that_names_the_limit);
    tcase_add_test(t, random_jobs_reach_the_limits_and_every_option);
    tcase_add_test(t, jobs_lie_in_memory_as_the_page_says);
    tcase_add_test(t, outputs_and_statuses_are_read_back);
    tcase_add_test(t, descriptors_are_spoiled_in_every_way);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
