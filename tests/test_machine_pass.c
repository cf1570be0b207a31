/* SPDX-License-Identifier: Apache-2.0 */
/* Is machine_pass equal to the stepped model in memory, in cycles, in what it shows in them and in every
 * counter, whatever the jobs and the memory's stalls? */
#include "../model/machine_pass.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/machine_fast.h"
#include "../sim/bench_machine.h"
#include "../sim/image.h"
#include "../sim/machine_run.h"
#include "../sim/paths.h"
#include "run_suite.h"

#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

static const char *const machines[] = {"odd_5x7x3_travelling",  "odd_5x7x3",  "one_pe_6x5x1_travelling",
                                       "ties_7x9x3_travelling", "ties_7x9x3", "full_4x4x4_travelling"};
enum { MACHINES = sizeof machines / sizeof *machines, JOBS_MAX = 3 };

static const char *const counters[] = {
    "predict_array.sat_acc_q",
    "predict_array.sat_scaled_q",
    "predict_array.sat_exp_q",
    "predict_array.sat_sum_q",
    "rebias.sat_q",
    "slot_array.acc_sat_q",
    "slot_array.exp_sat_q",
    "slot_array.sum_sat_q",
    "array_control.acc_sat_q",
    "array_control.exp_sat_q",
    "array_control.sum_sat_q",
    "accumulate.sum_sat_q",
    "accumulate.acc_sat_q",
    "normalise.sat_q",
    "normalise.zero_q",
    "pass_control.cause_q",
    "pass_control.passes_q",
    "pass_control.sub_rows_q",
    "pass_control.active_q",
    "pass_control.idle_q",
};
enum { COUNTERS = sizeof counters / sizeof *counters };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* ---- what a run shows, one line an occurrence ---- */

typedef struct {
    uint64_t cycle;
    char kind; /* pass starts, its last word leaves, mask word, stage counts change */
    int64_t value[COUNTERS];
} moment_t;

typedef struct {
    const block_t *block;
    moment_t *moment;
    size_t n, capacity;
    int64_t counts; /* of the stages, in the cycle before */
    int64_t clips;
} log_t;

static moment_t *add(log_t *l, uint64_t cycle, char kind)
{
    if (l->n == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : 1024;
        l->moment = realloc(l->moment, l->capacity * sizeof *l->moment);
        demand(l->moment, "memory");
    }
    l->moment[l->n] = (moment_t){.cycle = cycle, .kind = kind};
    return &l->moment[l->n++];
}

static void read_counters(const log_t *l, int64_t *value)
{
    if (l->block->type->show) l->block->type->show(l->block->self);
    for (int i = 0; i < COUNTERS; ++i) {
        const signal_t *s = block_signal(l->block, counters[i]);
        value[i] = 0;
        for (size_t k = 0; s && k < signal_count(s); ++k)
            value[i] = value[i] * (i >= COUNTERS - 5 ? 31 : 1) + block_get(l->block, s, k);
    }
}

static void observe(void *context, const machine_t *m, uint64_t cycle)
{
    log_t *l = context;
    const predict_array_t *a = &m->predict_array;
    int64_t counts = *m->fetch.loaded | *m->predict_control.scored << 2 |
                     *m->predict_control.predicted << 20 | *m->rebias.asked << 6 |
                     *m->pass_control.computed << 8 | *m->drain.drained << 10 | *m->fetch.opened << 12 |
                     *m->rebias.rebiased << 28 | *m->fetch.held << 16;
    if (counts != l->counts) add(l, cycle, 'c')->value[0] = counts;
    l->counts = counts;
    if (*m->pass_control.pass) add(l, cycle, 'p')->value[0] = *m->pass_control.pass_rows;
    if (*m->pass_control.valid && *m->pass_control.op == PASS_FWD_LAST)
        read_counters(l, add(l, cycle, 'l')->value);
    if (!*a->mask_valid) return;
    int64_t *value = add(l, cycle, 'm')->value;
    value[0] = *a->mask_row, value[1] = *a->mask_tile, value[2] = *a->mask_strip;
    for (size_t c = 0; c < 128 && signal_count(block_signal(l->block, "busy")) && c < 64; ++c) {
        if (c < (size_t)l->block->design->columns) value[3] |= (a->mask_word[c] & 1) << c;
    }
}

/* ---- a run of one model ---- */

typedef struct {
    uint8_t *bytes;
    uint64_t cycles;
    log_t log;
    memory_count_t memory;
} result_t;

/* As on a processor without vectors. */
static void take_plain_loops(machine_pass_t *p)
{
    p->gather.vectors = p->data.strips.vectors = p->data.strips.scores = false;
    datapath_row_plain(&p->data.row);
}

static result_t run(const design_t *d, const image_t *image, const uint8_t *bytes, memory_config_t timing,
                    const block_type_t *type, uint64_t x_seed, const char *what)
{
    char error[DUT_ERROR_MAX];
    machine_run_t *m;
    result_t r = {.bytes = malloc(image->limit)};
    timing.bytes = image->limit;
    timing.beat = d->bus_bytes;
    const machine_run_config_t c = {.design = d, .type = type, .x_seed = x_seed, .memory = timing};
    demand(r.bytes, "memory");
    demand(!machine_run_open(&m, &c, error), "%s", error);
    memcpy(memory_bytes(machine_run_memory(m)), bytes, image->limit);
    r.log.block = lockstep_model(machine_run_lockstep(m));
    if (type == &machine_pass_type && x_seed % 3 == 0) take_plain_loops(r.log.block->self);
    const machine_start_t start = {image->queue, image->status, image->limit, image->count};
    run_end_t end = machine_run_queue(m, &start, observe, &r.log, &r.cycles);
    demand(end == RUN_DONE, "%s: ended as %d", what, end);
    read_counters(&r.log, add(&r.log, r.cycles, 'e')->value);
    for (int i = 0; i < COUNTERS - 5; ++i) r.log.clips += r.log.moment[r.log.n - 1].value[i];
    memcpy(r.bytes, memory_bytes(machine_run_memory(m)), image->limit);
    r.memory = *memory_count(machine_run_memory(m));
    machine_run_close(m);
    return r;
}

static void close_result(result_t *r)
{
    free(r->bytes);
    free(r->log.moment);
}

static void print_moment(const moment_t *m, char *text, size_t n)
{
    int at = snprintf(text, n, "%c at %" PRIu64 ":", m->kind, m->cycle);
    for (int i = 0; i < COUNTERS && at < (int)n; ++i)
        at += snprintf(text + at, n - (size_t)at, " %" PRId64, m->value[i]);
}

static void same(const result_t *is, const result_t *should, uint64_t limit, const char *what)
{
    for (size_t i = 0; i < is->log.n && i < should->log.n; ++i) {
        char a[600], b[600];
        if (!memcmp(&is->log.moment[i], &should->log.moment[i], sizeof(moment_t))) continue;
        for (size_t j = 0; getenv("DUMP") && j < is->log.n && j < should->log.n; ++j) {
            if (is->log.moment[j].kind != 'l' && is->log.moment[j].kind != 'e') continue;
            print_moment(&is->log.moment[j], a, sizeof a);
            print_moment(&should->log.moment[j], b, sizeof b);
            printf("%s\n%s\n", a, b);
        }
        print_moment(&is->log.moment[i], a, sizeof a);
        print_moment(&should->log.moment[i], b, sizeof b);
        ck_abort_msg("%s: %s instead of %s", what, a, b);
    }
    demand(is->log.n == should->log.n, "%s: %zu moments instead of %zu", what, is->log.n, should->log.n);
    demand(is->cycles == should->cycles, "%s: %" PRIu64 " cycles instead of %" PRIu64, what, is->cycles,
           should->cycles);
    demand(!memcmp(&is->memory, &should->memory, sizeof is->memory), "%s: other traffic", what);
    for (uint64_t i = 0; i < limit; ++i)
        demand(is->bytes[i] == should->bytes[i], "%s: byte %#" PRIx64 " is %#x instead of %#x", what, i,
               is->bytes[i], should->bytes[i]);
}

/* ---- random queues ---- */

static memory_config_t timing(random_t *r)
{
    if (random_one_in(r, 3)) return (memory_config_t){.latency = 12, .interval = 1, .depth = 16};
    return (memory_config_t){.latency = 1 + (int)random_below(r, 90),
                             .interval = 1 + (int)random_below(r, 4),
                             .depth = 1 + (int)random_below(r, 12),
                             .request_stall = 0.3 * (double)random_below(r, 3),
                             .answer_stall = 0.3 * (double)random_below(r, 3),
                             .seed = random_bits(r)};
}

/* The stepped model; of large arrays its fast one, which is equal to it. */
static const block_type_t *stepped(const design_t *d)
{
    return d->rows > 16 && machine_fast_fits(d) ? &machine_fast_type : &machine_type;
}

static int64_t compare(const design_t *d, uint64_t seed, bool spoil, int most)
{
    char what[120], error[JOB_ERROR_MAX];
    random_t r = {.state = seed};
    job_t jobs[JOBS_MAX];
    image_t image;
    int n = 1 + (int)random_below(&r, JOBS_MAX);
    snprintf(what, sizeof what, "%s seed %" PRIu64, d->name, seed);
    for (int i = 0; i < n; ++i) demand(job_random(&jobs[i], d, &r, most), "memory");
    demand(image_open(&image, d, jobs, n, seed % 2 ? &r : NULL, error), "%s: %s", what, error);
    uint8_t *bytes = malloc(image.limit);
    demand(bytes, "memory");
    for (uint64_t i = 0; i < image.limit; ++i) bytes[i] = (uint8_t)random_bits(&r);
    image_write(&image, bytes);
    for (int i = 0; i < n && spoil; ++i) {
        if (random_one_in(&r, 2)) image_spoil(&image, bytes, i, &r);
    }
    memory_config_t memory = timing(&r);
    result_t is = run(d, &image, bytes, memory, &machine_pass_type, seed, what);
    result_t should = run(d, &image, bytes, memory, stepped(d), seed, what);
    same(&is, &should, image.limit, what);
    int64_t clips = is.log.clips;
    close_result(&is);
    close_result(&should);
    free(bytes);
    image_close(&image);
    for (int i = 0; i < n; ++i) job_close(&jobs[i]);
    return clips;
}

START_TEST(random_jobs)
{
    for (int k = 0; k < MACHINES; ++k) {
        design_t d = load(machines[k]);
        int64_t clips = 0;
        for (uint64_t seed = 1; seed <= 40; ++seed) clips += compare(&d, seed, false, d.keys_max);
        demand(clips, "%s: nothing was clipped", d.name);
    }
}
END_TEST

START_TEST(hostile_descriptors)
{
    for (int k = 0; k < MACHINES; ++k) {
        design_t d = load(machines[k]);
        for (uint64_t seed = 501; seed <= 540; ++seed) compare(&d, seed, true, d.keys_max);
    }
}
END_TEST

/* 16 slots a row, 64 rows, a window: what small designs leave out. */
START_TEST(papers_machines)
{
    static const char *const names[] = {"paper_64x16", "paper_64x16_array"};
    for (size_t k = 0; k < sizeof names / sizeof *names; ++k) {
        design_t d = load(names[k]);
        for (uint64_t seed = 901; seed <= 908; ++seed) compare(&d, seed, seed % 4 == 0, 150);
    }
}
END_TEST

START_TEST(measured)
{
    design_t d = load("paper_64x16");
    char error[DUT_ERROR_MAX];
    double speed = 0;
    demand(bench_machine_passes(&d, 0.01, &speed, error), "%s", error);
    demand(speed > 1000, "%g cycles a second", speed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("machine_pass");
    TCase *t = tcase_create("machine_pass");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, random_jobs);
    tcase_add_test(t, hostile_descriptors);
    tcase_add_test(t, papers_machines);
    tcase_add_test(t, measured);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
