/* SPDX-License-Identifier: Apache-2.0 */
/* Does each request reach the memory once and in order, and each answer its client, whatever stalls? */
#include "../model/memory_port.h"

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

enum { CLIENTS = MEMORY_PORT_WRITES + MEMORY_PORT_READS, BEATS = 32, BEAT_MAX = 32, WAITING_MAX = 300 };

typedef struct {
    int64_t client, tag, data[BEAT_MAX];
} answer_t;

/* A run: what the clients expect, and the memory. */
typedef struct {
    block_t *block;
    memory_port_t *port;
    random_t random;
    int cycle;
    int lanes;
    int ask_gap, ready_gap, answer_gap; /* one cycle in so many */
    int latency;
    /* in the order of grants */
    int64_t granted[BEATS][BEAT_MAX];
    answer_t expected[WAITING_MAX];
    int first, waiting;
    bool held; /* the request that must be shown */
    bool held_write;
    int64_t held_addr, held_data[BEAT_MAX];
    /* the memory, in the order of requests */
    int64_t stored[BEATS][BEAT_MAX];
    answer_t ready[WAITING_MAX];
    int due[WAITING_MAX];
    int oldest, inside;
    int grants, reads;
} run_t;

static void open_run(run_t *r, design_t *d, const char *name, uint64_t seed)
{
    char error[DESIGN_ERROR_MAX] = "";
    memset(r, 0, sizeof *r);
    demand(!paths_design(name, d, error), "%s", error);
    r->block = block_open(&memory_port_type, d);
    r->port = r->block->self;
    r->random.state = seed;
    r->lanes = d->bus_bytes / 2;
}

static void new_temper(run_t *r)
{
    static const int gaps[] = {1, 1, 2, 7};
    r->ask_gap = gaps[random_below(&r->random, 4)];
    r->ready_gap = gaps[random_below(&r->random, 4)];
    r->answer_gap = gaps[random_below(&r->random, 4)];
    r->latency = (int)random_below(&r->random, 12);
}

static size_t beat_bytes(const run_t *r)
{
    return (size_t)r->lanes * sizeof(int64_t);
}
static int64_t *beat_at(const run_t *r, int64_t (*memory)[BEAT_MAX], int64_t addr)
{
    return memory[addr / (2 * r->lanes) % BEATS];
}

/* New requests of those clients that do not wait; now and then one takes its request back. */
static void ask(run_t *r)
{
    memory_port_t *p = r->port;
    int64_t *valid[CLIENTS] = {p->wr_valid,     p->wr_valid + 1, p->rd_valid,
                               p->rd_valid + 1, p->rd_valid + 2, p->rd_valid + 3};
    int64_t *addr[CLIENTS] = {p->wr_addr,     p->wr_addr + 1, p->rd_addr,
                              p->rd_addr + 1, p->rd_addr + 2, p->rd_addr + 3};
    for (int i = 0; i < CLIENTS; ++i) {
        if (*valid[i] && !random_one_in(&r->random, 9)) continue;
        *valid[i] = random_one_in(&r->random, r->ask_gap * (i < MEMORY_PORT_WRITES ? 4 : 2));
        *addr[i] = random_below(&r->random, BEATS) * 2 * r->lanes;
    }
    for (int i = 0; i < MEMORY_PORT_READS; ++i) {
        p->rd_tag[i] = (int64_t)fixed_low(random_bits(&r->random), design_tag_w(r->block->design));
    }
    for (int i = 0; i < MEMORY_PORT_WRITES * r->lanes; ++i) p->wr_data[i] = random_below(&r->random, 1 << 16);
}

/* What the memory shows. Without an answer its data are anything. */
static void memory_shows(run_t *r)
{
    memory_port_t *p = r->port;
    bool due = r->inside && r->due[r->oldest] <= r->cycle;
    *p->req_ready = random_one_in(&r->random, r->ready_gap);
    *p->rsp_valid = due && (*p->rsp_valid || random_one_in(&r->random, r->answer_gap));
    for (int i = 0; i < r->lanes; ++i) {
        p->rsp_data[i] = *p->rsp_valid ? r->ready[r->oldest].data[i] : random_below(&r->random, 1 << 16);
    }
}

/* The one client that is granted, 0 and 1 writes: -1 none. */
static int expected_grant(const run_t *r)
{
    const memory_port_t *p = r->port;
    if (r->held && !*p->req_ready) return -1;
    for (int i = 0; i < CLIENTS; ++i) {
        bool write = i < MEMORY_PORT_WRITES;
        if (write ? p->wr_valid[i] : p->rd_valid[i - MEMORY_PORT_WRITES]) {
            return write || r->waiting < r->block->design->outstanding ? i : -1;
        }
    }
    return -1;
}

static void check_grants(const run_t *r, int granted)
{
    const memory_port_t *p = r->port;
    for (int i = 0; i < CLIENTS; ++i) {
        int64_t ready = i < MEMORY_PORT_WRITES ? p->wr_ready[i] : p->rd_ready[i - MEMORY_PORT_WRITES];
        demand(ready == (i == granted), "cycle %d client %d: ready %d, %d is granted", r->cycle, i,
               (int)ready, granted);
    }
}

static void check_request(const run_t *r)
{
    const memory_port_t *p = r->port;
    demand(*p->req_valid == r->held, "cycle %d: req_valid %d", r->cycle, (int)*p->req_valid);
    demand(*p->rsp_ready == (r->waiting > 0), "cycle %d: rsp_ready with %d waiting", r->cycle, r->waiting);
    if (!r->held) return;
    demand(*p->req_write == r->held_write && *p->req_addr == r->held_addr, "cycle %d: request", r->cycle);
    demand(!r->held_write || !memcmp(p->req_data, r->held_data, beat_bytes(r)), "cycle %d: req_data",
           r->cycle);
}

/* The memory takes the request held. */
static void accept(run_t *r)
{
    const memory_port_t *p = r->port;
    int64_t *beat = beat_at(r, r->stored, *p->req_addr);
    if (*p->req_write) {
        memcpy(beat, p->req_data, beat_bytes(r));
        return;
    }
    int place = (r->oldest + r->inside++) % WAITING_MAX;
    memcpy(r->ready[place].data, beat, beat_bytes(r));
    r->due[place] = r->cycle + 1 + r->latency;
}

static void hold(run_t *r, int granted)
{
    const memory_port_t *p = r->port;
    int read = granted - MEMORY_PORT_WRITES;
    ++r->grants;
    r->held = true;
    r->held_write = read < 0;
    r->held_addr = read < 0 ? p->wr_addr[granted] : p->rd_addr[read];
    int64_t *beat = beat_at(r, r->granted, r->held_addr);
    if (read < 0) {
        memcpy(r->held_data, p->wr_data + granted * r->lanes, beat_bytes(r));
        memcpy(beat, r->held_data, beat_bytes(r));
        return;
    }
    answer_t *a = &r->expected[(r->first + r->waiting++) % WAITING_MAX];
    *a = (answer_t){.client = read, .tag = p->rd_tag[read]};
    memcpy(a->data, beat, beat_bytes(r));
    ++r->reads;
}

/* The answer taken at the edge, or NULL, shows now. */
static void check_answer(const run_t *r, const answer_t *taken)
{
    const memory_port_t *p = r->port;
    for (int i = 0; i < MEMORY_PORT_READS; ++i) {
        demand(p->got[i] == (taken && taken->client == i), "cycle %d: got[%d] %d", r->cycle, i,
               (int)p->got[i]);
    }
    if (!taken) return;
    demand(*p->got_tag == taken->tag, "cycle %d: tag %d, not %d", r->cycle, (int)*p->got_tag,
           (int)taken->tag);
    demand(!memcmp(p->got_data, taken->data, beat_bytes(r)), "cycle %d: data", r->cycle);
}

static void step(run_t *r)
{
    memory_port_t *p = r->port;
    answer_t taken;
    r->block->type->eval(p);
    check_request(r);
    int granted = expected_grant(r);
    check_grants(r, granted);
    bool takes = *p->rsp_valid && *p->rsp_ready;
    if (takes) {
        taken = r->expected[r->first];
        r->first = (r->first + 1) % WAITING_MAX;
        r->oldest = (r->oldest + 1) % WAITING_MAX;
        --r->waiting;
        --r->inside;
    }
    if (r->held && *p->req_ready) {
        accept(r);
        r->held = false;
    }
    if (granted >= 0) hold(r, granted);
    r->block->type->tick(p);
    r->block->type->eval(p);
    check_answer(r, takes ? &taken : NULL);
    ++r->cycle;
}

static const char *const designs[] = {"odd_5x7x3_travelling", "one_pe_6x5x1_travelling",
                                      "ties_7x9x3_travelling", "full_4x4x4_travelling", "paper_64x16"};
enum { DESIGNS = sizeof designs / sizeof *designs };

START_TEST(every_answer_finds_its_client)
{
    design_t d;
    run_t r;
    open_run(&r, &d, designs[_i], 1 + (uint64_t)_i);
    for (int cycle = 0; cycle < 40000; ++cycle) {
        if (cycle % 200 == 0) new_temper(&r);
        ask(&r);
        memory_shows(&r);
        step(&r);
    }
    demand(r.reads > 2000, "%d reads", r.reads);
    block_close(r.block);
}
END_TEST

/* A memory that always takes and answers at once: a beat a cycle, also with few places. */
START_TEST(a_beat_a_cycle)
{
    design_t d;
    run_t r;
    open_run(&r, &d, designs[_i], 7);
    r.ready_gap = r.answer_gap = 1;
    r.latency = 0;
    for (int cycle = 0; cycle < 1000; ++cycle) {
        bool reads = cycle % 3 != 0 || d.outstanding == 2;
        for (int i = 0; i < MEMORY_PORT_READS; ++i) r.port->rd_valid[i] = reads;
        for (int i = 0; i < MEMORY_PORT_WRITES; ++i) r.port->wr_valid[i] = !reads;
        memory_shows(&r);
        step(&r);
    }
    demand(r.grants == 1000 || d.outstanding == 2, "%d requests in 1000 cycles", r.grants);
    demand(r.grants >= 666, "%d requests in 1000 cycles", r.grants);
    block_close(r.block);
}
END_TEST

/* An answer that nobody waits for is not taken and changes nothing. */
START_TEST(unasked_answers)
{
    design_t d;
    run_t r;
    open_run(&r, &d, designs[_i], 3);
    for (int cycle = 0; cycle < 100; ++cycle) {
        *r.port->rsp_valid = 1;
        *r.port->req_ready = cycle & 1;
        r.block->type->eval(r.port);
        demand(!*r.port->rsp_ready, "cycle %d: rsp_ready", cycle);
        r.block->type->tick(r.port);
        r.block->type->eval(r.port);
        check_answer(&r, NULL);
    }
    block_close(r.block);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory_port");
    TCase *c = tcase_create("memory_port");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, every_answer_finds_its_client, 0, DESIGNS);
    tcase_add_loop_test(c, a_beat_a_cycle, 0, DESIGNS);
    tcase_add_loop_test(c, unasked_answers, 0, DESIGNS);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
