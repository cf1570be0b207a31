/* SPDX-License-Identifier: Apache-2.0 */
/* Does the machine leave in memory what golden does, whatever the jobs, the memory's stalls and what its own
 * memories held before? The model alone; the RTL follows in lockstep. */
#include "../sim/machine_run.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/golden.h"
#include "../sim/image.h"
#include "../sim/paths.h"
#include "../sim/stimulus.h"
#include "run_suite.h"

#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

static const char *const machines[] = {
    "odd_5x7x3_travelling", "one_pe_6x5x1_travelling", "odd_5x7x3",
    "ties_7x9x3",           "full_4x4x4_travelling",   "ties_7x9x3_travelling"};
enum { MACHINES = sizeof machines / sizeof *machines, JOBS = 3 };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* A queue, where it lies, and what its memory holds at first. */
typedef struct {
    const design_t *d;
    uint64_t seed;
    job_t jobs[JOBS];
    image_t image;
    int code[JOBS]; /* expected */
    uint8_t *bytes;
} queue_t;

static void fill_queue(queue_t *q, const design_t *d, uint64_t seed, bool spoil)
{
    random_t r = {.state = seed};
    char error[JOB_ERROR_MAX];
    *q = (queue_t){.d = d, .seed = seed};
    for (int i = 0; i < JOBS; ++i) demand(job_random(&q->jobs[i], d, &r, d->keys_max), "memory");
    demand(image_open(&q->image, d, q->jobs, JOBS, seed % 2 ? &r : NULL, error), "%s seed %" PRIu64 ": %s",
           d->name, seed, error);
    q->bytes = malloc(q->image.limit);
    demand(q->bytes, "memory");
    for (uint64_t i = 0; i < q->image.limit; ++i) q->bytes[i] = (uint8_t)random_bits(&r);
    image_write(&q->image, q->bytes);
    for (int i = 0; i < JOBS; ++i) {
        if (spoil && random_one_in(&r, 2)) q->code[i] = image_spoil(&q->image, q->bytes, i, &r);
    }
}

static void empty_queue(queue_t *q)
{
    for (int i = 0; i < JOBS; ++i) job_close(&q->jobs[i]);
    image_close(&q->image);
    free(q->bytes);
}

/* What the machine leaves in memory; the caller frees. */
static uint8_t *run_seen(const queue_t *q, memory_config_t timing, uint64_t x_seed, uint64_t *cycles,
                         machine_observer_t observer, void *context)
{
    char error[DUT_ERROR_MAX];
    machine_run_t *m;
    timing.bytes = q->image.limit;
    timing.beat = q->d->bus_bytes;
    const machine_run_config_t c = {
        .design = q->d, .type = &machine_type, .x_seed = x_seed, .memory = timing};
    demand(!machine_run_open(&m, &c, error), "%s", error);
    memcpy(memory_bytes(machine_run_memory(m)), q->bytes, q->image.limit);
    const machine_start_t start = {q->image.queue, q->image.status, q->image.limit, JOBS};
    run_end_t end = machine_run_queue(m, &start, observer, context, cycles);
    demand(end == RUN_DONE, "%s seed %" PRIu64 ": ended as %d", q->d->name, q->seed, end);
    demand(!memory_count(machine_run_memory(m))->outside, "%s seed %" PRIu64 ": beats outside the memory",
           q->d->name, q->seed);
    demand(!*machine_run_model(m)->clash, "%s seed %" PRIu64 ": two PEs of a row in exp", q->d->name,
           q->seed);
    uint8_t *left = malloc(q->image.limit);
    demand(left, "memory");
    memcpy(left, memory_bytes(machine_run_memory(m)), q->image.limit);
    machine_run_close(m);
    return left;
}

static uint8_t *run(const queue_t *q, memory_config_t timing, uint64_t x_seed, uint64_t *cycles)
{
    return run_seen(q, timing, x_seed, cycles, NULL, NULL);
}

static uint8_t *expected(const queue_t *q)
{
    uint8_t *left = malloc(q->image.limit);
    golden_t *g = golden_open(q->d);
    golden_total_t total;
    demand(left && g, "memory");
    memcpy(left, q->bytes, q->image.limit);
    const golden_run_t r = {left, q->image.limit, q->image.queue, q->image.status, JOBS};
    demand(golden_run(g, &r, &total), "memory");
    golden_close(g);
    return left;
}

static void same_bytes(const queue_t *q, const uint8_t *a, const uint8_t *b, const char *what)
{
    for (uint64_t i = 0; i < q->image.limit; ++i) {
        demand(a[i] == b[i], "%s seed %" PRIu64 ", %s: byte %#" PRIx64 " is %#x instead of %#x", q->d->name,
               q->seed, what, i, a[i], b[i]);
    }
}

static const memory_config_t calm = {.latency = 12, .interval = 1, .depth = 16};

static memory_config_t rough(uint64_t seed)
{
    random_t r = {.state = seed};
    return (memory_config_t){.latency = 1 + (int)random_below(&r, 90),
                             .interval = 1 + (int)random_below(&r, 4),
                             .depth = 1 + (int)random_below(&r, 12),
                             .request_stall = 0.3 * (double)random_below(&r, 3),
                             .answer_stall = 0.3 * (double)random_below(&r, 3),
                             .seed = seed};
}

START_TEST(memory_is_left_as_golden_leaves_it)
{
    uint64_t passes = 0;
    for (int k = 0; k < MACHINES; ++k) {
        design_t d = load(machines[k]);
        for (uint64_t seed = 1; seed <= 25; ++seed) {
            queue_t q;
            uint64_t cycles;
            fill_queue(&q, &d, seed, false);
            uint8_t *is = run(&q, calm, 1, &cycles), *should = expected(&q);
            same_bytes(&q, is, should, "against golden");
            passes += cycles > 100;
            free(is);
            free(should);
            empty_queue(&q);
        }
    }
    ck_assert_uint_gt(passes, 0);
}
END_TEST

START_TEST(stalls_and_old_contents_change_nothing_but_time)
{
    int slower = 0;
    for (int k = 0; k < MACHINES; ++k) {
        design_t d = load(machines[k]);
        for (uint64_t seed = 101; seed <= 112; ++seed) {
            queue_t q;
            uint64_t cycles, rough_cycles;
            fill_queue(&q, &d, seed, false);
            uint8_t *is = run(&q, calm, 1, &cycles), *stalled = run(&q, rough(seed), seed, &rough_cycles);
            same_bytes(&q, stalled, is, "stalls");
            slower += rough_cycles > cycles;
            free(is);
            free(stalled);
            empty_queue(&q);
        }
    }
    ck_assert_int_gt(slower, 20);
}
END_TEST

START_TEST(broken_jobs_are_refused_and_the_others_run)
{
    int refused[JOB_CODES] = {0}, done = 0;
    for (int k = 0; k < MACHINES; ++k) {
        design_t d = load(machines[k]);
        for (uint64_t seed = 201; seed <= 240; ++seed) {
            queue_t q;
            uint64_t cycles;
            fill_queue(&q, &d, seed, true);
            uint8_t *is = run(&q, rough(seed), 1, &cycles), *should = expected(&q);
            same_bytes(&q, is, should, "against golden");
            for (int i = 0; i < JOBS; ++i) {
                int code = image_status(&q.image, is, i);
                demand(code == q.code[i], "%s seed %" PRIu64 ": job %d says %d instead of %d", d.name, seed,
                       i, code, q.code[i]);
                ++refused[code];
                done += !code;
            }
            free(is);
            free(should);
            empty_queue(&q);
        }
    }
    ck_assert_int_gt(done, 0);
    for (int code = 1; code < JOB_CODES; ++code) demand(refused[code], "code %d never occurred", code);
}
END_TEST

/* What PEs did, counted one by one, and what pass_control's counters say that they did. */
typedef struct {
    const design_t *d;
    int64_t mac, exp, forward;                 /* seen */
    int64_t active, idle, stream, busy, words; /* counters, at the end */
    int64_t causes;
} seen_t;

static void see_row(seen_t *s, const slot_row_t *row)
{
    for (int k = 0; k < s->d->pes; ++k) {
        int64_t c3 = row->wire[k].c3, active = row->wire[k].active;
        s->mac += active && (c3 == C3_LOAD || c3 == C3_SELF || c3 == C3_LEFT);
        s->forward += !active && c3 == C3_LEFT;
        s->exp += row->wire[k].c5 == C5_CALC;
    }
}

static void see(void *context, const machine_t *m, uint64_t cycle)
{
    seen_t *s = context;
    for (int r = 0; r < s->d->rows; ++r) see_row(s, &m->slot_array.row[r]);
    s->busy += cycle > 0 && *m->busy;
    s->words += *m->pass_control.valid;
    s->active = *m->pass_control.active_q;
    s->idle = *m->pass_control.idle_q;
    s->stream = m->pass_control.cause_q[CAUSE_STREAM];
    s->causes = 0;
    for (int i = 0; i < CAUSES; ++i) s->causes += m->pass_control.cause_q[i];
}

/* All jobs of the queue get one head size, so that slots can be multiplied by it. */
static void one_head_size(queue_t *q)
{
    for (int i = 1; i < JOBS; ++i) memcpy(q->bytes + q->image.queue + 64 * i, q->bytes + q->image.queue, 64);
}

START_TEST(pes_do_what_the_counters_say)
{
    int64_t macs = 0;
    for (int k = 0; k < MACHINES; ++k) {
        design_t d = load(machines[k]);
        for (uint64_t seed = 301; d.control == CONTROL_TRAVELLING && seed <= 306; ++seed) {
            queue_t q;
            uint64_t cycles;
            seen_t s = {.d = &d};
            fill_queue(&q, &d, seed, false);
            one_head_size(&q);
            int64_t head = q.jobs[0].d;
            free(run_seen(&q, rough(seed), 1, &cycles, see, &s));
            demand(s.mac == 2 * head * s.active, "%s seed %" PRIu64 ": %d products, not %d", d.name, seed,
                   (int)s.mac, (int)(2 * head * s.active));
            demand(s.exp == s.active && s.forward == head * s.idle, "%s seed %" PRIu64 ": exp or forward",
                   d.name, seed);
            demand(s.words == s.stream && s.busy == s.causes, "%s seed %" PRIu64 ": cycles without a cause",
                   d.name, seed);
            macs += s.mac;
            empty_queue(&q);
        }
    }
    ck_assert_int_gt(macs, 0);
}
END_TEST

/* Plays the scheduled stimulus to the model alone; `meddle` may change what it drives. What the scenario
 * found. */
static schedule_check_t play(int cycles, void (*meddle)(machine_t *m, int cycle))
{
    design_t d = load("one_pe_6x5x1_travelling");
    block_t *b = block_open(&machine_type, &d);
    demand(b, "memory");
    block_reset(b);
    stimulus_t *s = stimulus_open(STIMULUS_SCHEDULED, 1, b);
    demand(s, "memory");
    for (int i = 0; i < cycles && !*stimulus_check(s)->fault; ++i) {
        stimulus_next(s);
        meddle(b->self, i);
        b->type->eval(b->self);
        b->type->tick(b->self);
    }
    schedule_check_t found = *stimulus_check(s);
    stimulus_close(s);
    block_close(b);
    return found;
}

static void leave(machine_t *m, int cycle)
{
    (void)m;
    (void)cycle;
}

/* A bit of every answer. */
static void flip(machine_t *m, int cycle)
{
    if (cycle > 3000 && *m->rsp_valid) m->rsp_data[0] ^= 0x1000;
}

static void starve(machine_t *m, int cycle)
{
    if (cycle > 1000) *m->req_ready = 0;
}

START_TEST(the_scenario_sees_wrong_results_and_hangs)
{
    schedule_check_t held = play(20000, leave), wrong = play(200000, flip), hung = play(400000, starve);
    ck_assert_uint_gt(held.checked, 2);
    ck_assert_str_eq(held.fault, "");
    ck_assert_msg(strstr(wrong.fault, "golden"), "'%s'", wrong.fault);
    ck_assert_msg(strstr(hung.fault, "without a beat"), "'%s'", hung.fault);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("machine");
    TCase *t = tcase_create("machine");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, memory_is_left_as_golden_leaves_it);
    tcase_add_test(t, stalls_and_old_contents_change_nothing_but_time);
    tcase_add_test(t, broken_jobs_are_refused_and_the_others_run);
    tcase_add_test(t, pes_do_what_the_counters_say);
    tcase_add_test(t, the_scenario_sees_wrong_results_and_hangs);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
