/* SPDX-License-Identifier: Apache-2.0 */
#include "memory_port.h"

#include <string.h>

void memory_port_init(void *self, const design_t *d)
{
    memory_port_t *p = self;
    p->d = d;
    p->tag_w = design_tag_w(d);
}

static size_t lanes(const design_t *d)
{
    return (size_t)d->bus_bytes / 2;
}

/* Grants the first client that asks; -1: none does. */
static int grant(const int64_t *valid, int64_t *ready, int clients, bool may)
{
    int granted = -1;
    for (int i = 0; i < clients; ++i) {
        ready[i] = may && granted < 0 && valid[i];
        if (ready[i]) granted = i;
    }
    return granted;
}

void memory_port_show(void *self)
{
    memory_port_t *p = self;
    *p->req_valid = *p->req_valid_q;
    *p->req_write = *p->req_write_q;
    *p->req_addr = *p->req_addr_q;
    memcpy(p->req_data, p->req_data_q, lanes(p->d) * sizeof *p->req_data);
    *p->rsp_ready = *p->waiting_q > 0;
    for (int i = 0; i < MEMORY_PORT_READS; ++i) p->got[i] = p->got_q[i];
    *p->got_tag = *p->got_tag_q;
    if (p->got_data != p->got_data_q) memcpy(p->got_data, p->got_data_q, lanes(p->d) * sizeof *p->got_data);
}

void memory_port_eval(void *self)
{
    memory_port_t *p = self;
    bool free = !*p->req_valid_q || *p->req_ready;
    bool write = grant(p->wr_valid, p->wr_ready, MEMORY_PORT_WRITES, free) >= 0;
    grant(p->rd_valid, p->rd_ready, MEMORY_PORT_READS, free && !write && *p->waiting_q < p->d->outstanding);
    memory_port_show(p);
}

static int granted(const int64_t *ready, int clients)
{
    for (int i = 0; i < clients; ++i) {
        if (ready[i]) return i;
    }
    return -1;
}

static void remember(memory_port_t *p, int client)
{
    int64_t place = (*p->oldest_q + *p->waiting_q) % p->d->outstanding;
    p->route_q[place] = (int64_t)client << p->tag_w | p->rd_tag[client];
}

static void tick_request(memory_port_t *p, int write, int read)
{
    if (*p->req_ready) *p->req_valid_q = 0;
    if (write < 0 && read < 0) return;
    *p->req_valid_q = 1;
    *p->req_write_q = write >= 0;
    *p->req_addr_q = write >= 0 ? p->wr_addr[write] : p->rd_addr[read];
    if (write < 0) return;
    size_t n = lanes(p->d);
    memcpy(p->req_data_q, p->wr_data + (size_t)write * n, n * sizeof *p->req_data_q);
}

static void tick_answer(memory_port_t *p, bool taken)
{
    int64_t route = p->route_q[*p->oldest_q];
    int tag_w = p->tag_w;
    for (int i = 0; i < MEMORY_PORT_READS; ++i) p->got_q[i] = taken && route >> tag_w == i;
    if (!taken) return;
    *p->got_tag_q = (int64_t)fixed_low((uint64_t)route, tag_w);
    memcpy(p->got_data_q, p->rsp_data, lanes(p->d) * sizeof *p->got_data_q);
    *p->oldest_q = (*p->oldest_q + 1) % p->d->outstanding;
}

void memory_port_tick(void *self)
{
    memory_port_t *p = self;
    int write = granted(p->wr_ready, MEMORY_PORT_WRITES), read = granted(p->rd_ready, MEMORY_PORT_READS);
    bool taken = *p->rsp_valid && *p->rsp_ready;
    tick_request(p, write, read);
    if (read >= 0) remember(p, read); /* before the ring moves */
    tick_answer(p, taken);
    *p->waiting_q += (read >= 0) - taken;
}

#define FIELD(member) offsetof(memory_port_t, member)

static int memory_port_signals(const design_t *d, signal_t *table)
{
    enum { R = MEMORY_PORT_READS, W = MEMORY_PORT_WRITES };
    const int beat = d->bus_bytes / 2, addr = d->addr_w, tag = design_tag_w(d), ring = d->outstanding;
    const signal_t all[] = {
        {"rd_valid", SIGNAL_IN, FIELD(rd_valid), 1, .dims = 1, .n = {R}, .codes = 2, .weights = "21",
         .meaning = "no yes"},
        {"rd_addr", SIGNAL_IN, FIELD(rd_addr), addr, .dims = 1, .n = {R}, .meaning = "of a beat"},
        {"rd_tag", SIGNAL_IN, FIELD(rd_tag), tag, .dims = 1, .n = {R}, .meaning = "comes back with the beat"},
        {"wr_valid", SIGNAL_IN, FIELD(wr_valid), 1, .dims = 1, .n = {W}, .codes = 2, .weights = "41",
         .meaning = "no yes"},
        {"wr_addr", SIGNAL_IN, FIELD(wr_addr), addr, .dims = 1, .n = {W}, .meaning = "of a beat"},
        {"wr_data", SIGNAL_IN, FIELD(wr_data), 16, .dims = 2, .n = {W, beat}, .meaning = "beats to write"},
        {"req_ready", SIGNAL_IN, FIELD(req_ready), 1, .codes = 2, .weights = "13", .meaning = "no yes"},
        {"rsp_valid", SIGNAL_IN, FIELD(rsp_valid), 1, .codes = 2, .weights = "11", .meaning = "no yes"},
        {"rsp_data", SIGNAL_IN, FIELD(rsp_data), 16, .dims = 1, .n = {beat}, .meaning = "beat read"},
        {"rd_ready", SIGNAL_OUT, FIELD(rd_ready), 1, .dims = 1, .n = {R}, .meaning = "grant"},
        {"wr_ready", SIGNAL_OUT, FIELD(wr_ready), 1, .dims = 1, .n = {W}, .meaning = "grant"},
        {"req_valid", SIGNAL_OUT, FIELD(req_valid), 1, .meaning = "a request is held"},
        {"req_write", SIGNAL_OUT, FIELD(req_write), 1, .meaning = "it writes"},
        {"req_addr", SIGNAL_OUT, FIELD(req_addr), addr, .meaning = "its address"},
        {"req_data", SIGNAL_OUT, FIELD(req_data), 16, .dims = 1, .n = {beat}, .meaning = "beat to write"},
        {"rsp_ready", SIGNAL_OUT, FIELD(rsp_ready), 1, .meaning = "an answer is awaited"},
        {"got", SIGNAL_OUT, FIELD(got), 1, .dims = 1, .n = {R}, .meaning = "whose beat is shown"},
        {"got_tag", SIGNAL_OUT, FIELD(got_tag), tag, .meaning = "the tag of its read"},
        {"got_data", SIGNAL_OUT, FIELD(got_data), 16, .dims = 1, .n = {beat}, .meaning = "beat read"},
        {"req_valid_q", SIGNAL_REG, FIELD(req_valid_q), 1, .path = "req_valid_q"},
        {"req_write_q", SIGNAL_REG, FIELD(req_write_q), 1, .path = "req_write_q"},
        {"req_addr_q", SIGNAL_REG, FIELD(req_addr_q), addr, .path = "req_addr_q"},
        {"req_data_q", SIGNAL_REG, FIELD(req_data_q), 16, .dims = 1, .n = {beat}, .path = "req_data_q"},
        {"route_q", SIGNAL_REG, FIELD(route_q), 2 + tag, .dims = 1, .n = {ring}, .memory = true,
         .path = "route_q", .stored = true, .meaning = "client and tag of the reads that wait"},
        {"oldest_q", SIGNAL_REG, FIELD(oldest_q), fixed_bits(ring), .path = "oldest_q",
         .meaning = "place of the read that is answered next"},
        {"waiting_q", SIGNAL_REG, FIELD(waiting_q), fixed_bits(ring + 1), .path = "waiting_q",
         .meaning = "reads that wait"},
        {"got_q", SIGNAL_REG, FIELD(got_q), 1, .dims = 1, .n = {R}, .path = "got_q"},
        {"got_tag_q", SIGNAL_REG, FIELD(got_tag_q), tag, .path = "got_tag_q"},
        {"got_data_q", SIGNAL_REG, FIELD(got_data_q), 16, .dims = 1, .n = {beat}, .path = "got_data_q"},
    };
    memcpy(table, all, sizeof all);
    return (int)(sizeof all / sizeof *all);
}

static bool memory_port_fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t memory_port_type = {
    .name = "memory_port",
    .summary = "arbiter of the one memory port: writes before reads, answers back to whom they belong",
    .size = sizeof(memory_port_t),
    .clocked = true,
    .signals = memory_port_signals,
    .init = memory_port_init,
    .eval = memory_port_eval,
    .tick = memory_port_tick,
    .fits = memory_port_fits,
};
