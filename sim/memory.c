/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* A request that was accepted. */
typedef struct {
    bool write;
    uint64_t due; /* the first cycle in which its answer may show */
    uint8_t data[MEMORY_BEAT_MAX];
} place_t;

struct memory {
    memory_config_t config;
    memory_count_t count;
    uint8_t *bytes;
    place_t *place; /* a ring of config.depth */
    int first, held;
    uint64_t now, next_start;
    uint64_t written; /* writes that left */
    random_t random;
    bool stalled; /* requests, in this cycle */
    bool showing; /* the first place's answer */
};

static bool in_range(const memory_config_t *c)
{
    bool beat = c->beat >= 1 && c->beat <= MEMORY_BEAT_MAX && !(c->beat & (c->beat - 1));
    return beat && c->bytes > 0 && c->bytes % (size_t)c->beat == 0 && c->latency >= 1 && c->interval >= 1 &&
           c->depth >= 1 && c->request_stall >= 0 && c->request_stall <= 1 && c->answer_stall >= 0 &&
           c->answer_stall <= 1;
}

memory_t *memory_open(const memory_config_t *c)
{
    memory_t *m = in_range(c) ? calloc(1, sizeof *m) : NULL;
    if (!m) return NULL;
    m->config = *c;
    m->bytes = calloc(c->bytes, 1);
    m->place = calloc((size_t)c->depth, sizeof *m->place);
    if (!m->bytes || !m->place) {
        memory_close(m);
        return NULL;
    }
    memory_reset(m);
    return m;
}

void memory_close(memory_t *m)
{
    if (!m) return;
    free(m->bytes);
    free(m->place);
    free(m);
}

uint8_t *memory_bytes(memory_t *m)
{
    return m->bytes;
}

const memory_count_t *memory_count(const memory_t *m)
{
    return &m->count;
}

bool memory_inside(const memory_t *m, uint64_t addr)
{
    size_t beat = (size_t)m->config.beat;
    return addr % beat == 0 && addr <= m->config.bytes - beat;
}

uint64_t memory_written(const memory_t *m)
{
    uint64_t n = 0;
    for (; n < (uint64_t)m->held; ++n) {
        const place_t *p = &m->place[(m->first + (int)n) % m->config.depth];
        if (!p->write || p->due > m->now) break;
    }
    return m->written + n;
}

memory_out_t memory_settle(const memory_t *m)
{
    memory_out_t out = {.req_ready = !m->stalled && m->held < m->config.depth, .rsp_valid = m->showing};
    if (m->showing) out.rsp_data = m->place[m->first].data;
    return out;
}

/* ---- the clock edge ---- */

static bool happens(random_t *r, double probability)
{
    return (double)(random_bits(r) >> 11) < probability * 9007199254740992.0;
}

static void leave(memory_t *m)
{
    m->written += m->place[m->first].write;
    m->first = (m->first + 1) % m->config.depth;
    --m->held;
}

static void accept(memory_t *m, const memory_in_t *in)
{
    size_t beat = (size_t)m->config.beat;
    place_t *p = &m->place[(m->first + m->held++) % m->config.depth];
    bool inside = memory_inside(m, in->req_addr);
    uint64_t start = m->now > m->next_start ? m->now : m->next_start;
    p->write = in->req_write;
    p->due = start + (uint64_t)m->config.latency;
    m->next_start = start + (uint64_t)m->config.interval;
    m->count.outside += !inside;
    ++*(p->write ? &m->count.writes : &m->count.reads);
    if (p->write && inside) memcpy(m->bytes + in->req_addr, in->req_data, beat);
    if (p->write) return;
    if (inside)
        memcpy(p->data, m->bytes + in->req_addr, beat);
    else
        memset(p->data, MEMORY_OUTSIDE, beat);
}

/* What the next cycle shows. Both dice are thrown in every cycle, so that stalls do not depend on traffic;
   none where no throw makes a stall. */
static void prepare(memory_t *m)
{
    const bool dice = m->config.answer_stall > 0 || m->config.request_stall > 0;
    bool late = dice && happens(&m->random, m->config.answer_stall);
    m->stalled = dice && happens(&m->random, m->config.request_stall);
    if (m->showing) return;
    while (m->held && m->place[m->first].write && m->place[m->first].due < m->now) leave(m);
    m->showing = m->held && !m->place[m->first].write && m->place[m->first].due <= m->now && !late;
}

void memory_tick(memory_t *m, const memory_in_t *in)
{
    memory_out_t out = memory_settle(m);
    if (out.rsp_valid && in->rsp_ready) {
        leave(m);
        m->showing = false;
    }
    if (in->req_valid && out.req_ready) accept(m, in);
    m->count.waiting += in->req_valid && !out.req_ready;
    ++m->count.cycles;
    ++m->now;
    prepare(m);
}

void memory_reset(memory_t *m)
{
    m->count = (memory_count_t){0};
    m->first = m->held = 0;
    m->now = m->next_start = m->written = 0;
    m->showing = false;
    m->random = random_from(m->config.seed);
    prepare(m);
}

/* ---- elements ---- */

void memory_to_elements(const uint8_t *beat, int bytes, int64_t *elements)
{
    for (int i = 0; i < bytes / 2; ++i) elements[i] = beat[2 * i] | beat[2 * i + 1] << 8;
}

void memory_from_elements(const int64_t *elements, int bytes, uint8_t *beat)
{
    for (int i = 0; i < bytes / 2; ++i) {
        beat[2 * i] = (uint8_t)elements[i];
        beat[2 * i + 1] = (uint8_t)(elements[i] >> 8);
    }
}
