/* SPDX-License-Identifier: Apache-2.0 */
/* Does the memory answer in order, after its latency, at its bandwidth, with what was written, and the same
 * way for equal seeds? */
#include "../sim/memory.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"

#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

enum { BEAT = 8, WORDS = 64 };

static memory_config_t config(int latency, int interval, int depth)
{
    return (memory_config_t){.bytes = BEAT * WORDS,
                             .beat = BEAT,
                             .latency = latency,
                             .interval = interval,
                             .depth = depth,
                             .seed = 1};
}

static memory_t *open(const memory_config_t *c)
{
    memory_t *m = memory_open(c);
    demand(m, "no memory");
    return m;
}

static uint64_t word(const uint8_t *beat)
{
    uint64_t x;
    memcpy(&x, beat, sizeof x);
    return x;
}

/* One cycle; returns what the memory drove. */
static memory_out_t cycle(memory_t *m, bool valid, bool write, uint64_t addr, uint64_t data, bool ready)
{
    memory_out_t out = memory_settle(m);
    const memory_in_t in = {valid, write, addr, (const uint8_t *)&data, ready};
    memory_tick(m, &in);
    return out;
}

START_TEST(a_lone_read_shows_after_the_latency_and_not_before)
{
    for (int latency = 1; latency <= 20; ++latency) {
        memory_config_t c = config(latency, 1, 4);
        memory_t *m = open(&c);
        demand(cycle(m, true, false, 0, 0, true).req_ready, "latency %d: not ready", latency);
        for (int t = 1; t < latency; ++t)
            demand(!cycle(m, false, false, 0, 0, true).rsp_valid, "latency %d: shows at %d", latency, t);
        demand(cycle(m, false, false, 0, 0, true).rsp_valid, "latency %d: does not show", latency);
        demand(!cycle(m, false, false, 0, 0, true).rsp_valid, "latency %d: shows twice", latency);
        memory_close(m);
    }
}
END_TEST

/* Cycles in which `beats` reads are answered, as fast as they are taken. */
static int stream(memory_t *m, int beats)
{
    int sent = 0, got = 0, t = 0;
    for (; got < beats; ++t) {
        demand(t < 1000 * beats, "stuck");
        memory_out_t out = cycle(m, sent < beats, false, BEAT * (uint64_t)(sent % WORDS), 0, true);
        sent += sent < beats && out.req_ready;
        got += out.rsp_valid;
    }
    return t;
}

START_TEST(bandwidth_is_a_beat_an_interval_when_the_queue_is_deep)
{
    for (int interval = 1; interval <= 7; ++interval) {
        memory_config_t c = config(13, interval, 32);
        memory_t *m = open(&c);
        /* the first answer shows in cycle 13, each further one an interval later */
        int cycles = stream(m, 100), least = 13 + 99 * interval + 1;
        demand(cycles == least, "interval %d: %d cycles, not %d", interval, cycles, least);
        memory_close(m);
    }
}
END_TEST

/* Little's law: places held = beats a cycle * cycles that one is held. */
START_TEST(a_bounded_queue_bounds_the_bandwidth)
{
    for (int depth = 1; depth <= 24; ++depth) {
        for (int latency = 1; latency <= 31; latency += 5) {
            memory_config_t c = config(latency, 2, depth);
            memory_t *m = open(&c);
            double each = stream(m, 4000) / 4000.0, law = (latency + 1.0) / depth;
            if (law < 2) law = 2;
            demand(fabs(each / law - 1) < 0.02, "depth %d latency %d: %f cycles a beat, not %f", depth,
                   latency, each, law);
            memory_close(m);
        }
    }
}
END_TEST

START_TEST(ready_falls_when_the_queue_is_full_and_answers_wait_for_ready)
{
    memory_config_t c = config(3, 1, 4);
    memory_t *m = open(&c);
    for (int i = 0; i < WORDS; ++i) memory_bytes(m)[BEAT * i] = (uint8_t)(i + 1);
    int taken = 0;
    for (int t = 0; t < 20; ++t) taken += cycle(m, true, false, BEAT * (uint64_t)taken, 0, false).req_ready;
    demand(taken == 4, "%d requests fit in 4 places", taken);
    demand(memory_count(m)->waiting == 16, "%d cycles waited", (int)memory_count(m)->waiting);
    for (int t = 0; t < 5; ++t) {
        memory_out_t out = cycle(m, false, false, 0, 0, false);
        demand(out.rsp_valid && word(out.rsp_data) == 1 && !out.req_ready, "the first answer moves");
    }
    for (int i = 0; i < 4; ++i) {
        memory_out_t out = memory_settle(m);
        demand(out.rsp_valid && word(out.rsp_data) == (uint64_t)i + 1, "answer %d", i);
        cycle(m, false, false, 0, 0, true);
    }
    demand(memory_settle(m).req_ready && !memory_settle(m).rsp_valid, "not empty");
    memory_close(m);
}
END_TEST

/* ---- against a plain array ---- */

typedef struct {
    uint64_t mirror[WORDS];
    uint64_t expected[1 << 16];
    int sent, got;
    uint64_t outside;
} trial_t;

static uint64_t random_address(random_t *r, bool *inside)
{
    static const uint64_t far[] = {BEAT * WORDS, BEAT * WORDS - 4, 3, UINT64_MAX, UINT64_MAX - 7, 1 << 20};
    *inside = !random_one_in(r, 20);
    return *inside ? BEAT * (uint64_t)random_below(r, WORDS) : far[random_below(r, 6)];
}

static void expect(trial_t *t, bool write, uint64_t addr, bool inside, uint64_t data)
{
    t->outside += !inside;
    if (write && inside) t->mirror[addr / BEAT] = data;
    if (write) return;
    t->expected[t->sent++] = inside ? t->mirror[addr / BEAT] : UINT64_C(0xa5a5a5a5a5a5a5a5);
}

START_TEST(answers_come_in_order_with_what_was_written_before)
{
    static trial_t t;
    for (int seed = 1; seed <= 200; ++seed) {
        random_t r = {.state = (uint64_t)seed};
        memory_config_t c =
            config(1 + (int)random_below(&r, 9), 1 + (int)random_below(&r, 3), 1 + (int)random_below(&r, 6));
        c.request_stall = (double)random_below(&r, 4) / 4, c.answer_stall = (double)random_below(&r, 4) / 4;
        memory_t *m = open(&c);
        t = (trial_t){0};
        bool pending = false, write = false, inside = false;
        uint64_t addr = 0, data = 0;
        for (int k = 0; k < 2000; ++k) {
            if (!pending && (pending = random_one_in(&r, 2))) {
                write = random_one_in(&r, 3);
                addr = random_address(&r, &inside);
                data = random_bits(&r);
            }
            bool ready = !random_one_in(&r, 3);
            memory_out_t out = memory_settle(m);
            if (out.rsp_valid && ready) {
                demand(t.got < t.sent, "seed %d: an answer that nobody asked for", seed);
                demand(word(out.rsp_data) == t.expected[t.got], "seed %d: answer %d", seed, t.got);
                ++t.got;
            }
            bool accepted = pending && out.req_ready;
            if (accepted) expect(&t, write, addr, inside, data);
            cycle(m, pending, write, addr, data, ready);
            if (accepted) pending = false;
        }
        demand(memory_count(m)->outside == t.outside, "seed %d: %d outside, not %d", seed,
               (int)memory_count(m)->outside, (int)t.outside);
        demand(!memcmp(memory_bytes(m), t.mirror, sizeof t.mirror), "seed %d: contents", seed);
        demand(t.got > 50, "seed %d: only %d answers", seed, t.got);
        memory_close(m);
    }
}
END_TEST

/* ---- stalls ---- */

enum { LONG = 20000 };

/* Which cycles are ready, and which show an answer, when nothing is asked but reads. */
static void record(memory_t *m, bool ask, uint8_t *trace)
{
    for (int t = 0; t < LONG; ++t) {
        memory_out_t out = cycle(m, ask, false, 0, 0, true);
        trace[t] = (uint8_t)(out.req_ready | out.rsp_valid << 1);
    }
}

START_TEST(equal_seeds_stall_equally_and_as_often_as_asked)
{
    static uint8_t a[LONG], b[LONG], other[LONG], idle[LONG];
    memory_config_t c = config(2, 1, 64);
    c.request_stall = 0.3;
    memory_t *m = open(&c);
    record(m, true, a);
    memory_reset(m);
    record(m, true, b);
    demand(!memcmp(a, b, LONG), "one seed, two behaviours");
    memory_reset(m);
    record(m, false, idle);
    int ready = 0;
    for (int t = 0; t < LONG; ++t) {
        demand((a[t] & 1) == (idle[t] & 1), "cycle %d: a stall depends on traffic", t);
        ready += a[t] & 1;
    }
    demand(fabs(ready / (double)LONG - 0.7) < 0.02, "ready in %d of %d cycles", ready, LONG);
    memory_close(m);
    c.seed = 2;
    m = open(&c);
    record(m, true, other);
    demand(memcmp(a, other, LONG) != 0, "two seeds, one behaviour");
    memory_close(m);
}
END_TEST

START_TEST(answers_stall_as_often_as_asked)
{
    memory_config_t c = config(4, 1, 64);
    c.answer_stall = 0.5;
    memory_t *m = open(&c);
    double each = stream(m, LONG) / (double)LONG;
    demand(fabs(each - 2) < 0.05, "%f cycles an answer, not 2", each);
    memory_close(m);
}
END_TEST

START_TEST(unsound_configurations_are_refused)
{
    const memory_config_t sound = config(1, 1, 1);
    memory_config_t c[9];
    for (int i = 0; i < 9; ++i) c[i] = sound;
    c[0].latency = 0, c[1].interval = 0, c[2].depth = 0, c[3].beat = 12, c[4].beat = 128, c[5].bytes = 0;
    c[6].bytes = BEAT + 1, c[7].request_stall = 1.5, c[8].answer_stall = NAN;
    for (int i = 0; i < 9; ++i) demand(!memory_open(&c[i]), "configuration %d", i);
    memory_t *m = open(&sound);
    memory_close(m);
}
END_TEST

START_TEST(elements_are_little_endian)
{
    const uint8_t beat[BEAT] = {1, 2, 3, 4, 0xff, 0xfe, 7, 0x80};
    static const int64_t expected[] = {0x0201, 0x0403, 0xfeff, 0x8007};
    int64_t elements[BEAT / 2];
    uint8_t back[BEAT];
    memory_to_elements(beat, BEAT, elements);
    for (int i = 0; i < BEAT / 2; ++i) demand(elements[i] == expected[i], "element %d", i);
    elements[2] = -257; /* signed elements write the same bits */
    memory_from_elements(elements, BEAT, back);
    demand(!memcmp(beat, back, BEAT), "back");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *t = tcase_create("memory");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_lone_read_shows_after_the_latency_and_not_before);
    tcase_add_test(t, bandwidth_is_a_beat_an_interval_when_the_queue_is_deep);
    tcase_add_test(t, a_bounded_queue_bounds_the_bandwidth);
    tcase_add_test(t, ready_falls_when_the_queue_is_full_and_answers_wait_for_ready);
    tcase_add_test(t, answers_come_in_order_with_what_was_written_before);
    tcase_add_test(t, equal_seeds_stall_equally_and_as_often_as_asked);
    tcase_add_test(t, answers_stall_as_often_as_asked);
    tcase_add_test(t, unsound_configurations_are_refused);
    tcase_add_test(t, elements_are_little_endian);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
