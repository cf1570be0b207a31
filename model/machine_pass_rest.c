/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks that machine_pass steps by their own models, as long as there is something to do: a block whose
 * tick changed nothing and whose inputs stay rests. */
#include "machine_pass.h"

/* ---- wires: what shows a register is the register itself; its block ticks after all that look at it ---- */

static void join_memory(machine_t *m)
{
    memory_port_t *p = &m->memory_port;
    fetch_t *f = &m->fetch;
    p->got = p->got_q;
    p->got_tag = p->got_tag_q;
    p->got_data = p->got_data_q;
    f->k_data = f->ql_data = f->q_data = f->m_data = m->tile_loader.wdata = p->got_data_q;
}

static void join_records(fetch_t *f)
{
    f->g_rows = f->g_rows_q;
    f->g_first = f->g_first_q;
    f->g_keys = f->g_keys_q;
    f->g_d = f->g_d_q;
    f->g_beats = f->g_beats_q;
    f->g_causal = f->g_causal_q;
    f->g_external = f->g_external_q;
    f->g_upper = f->g_upper_q;
    f->g_policy = f->g_policy_q;
    f->g_threshold = f->g_threshold_q;
    f->g_k = f->g_k_q;
    f->g_v = f->g_v_q;
    f->g_o = f->g_o_q;
    f->g_final = f->g_final_q;
    f->g_job = f->g_job_q;
}

void machine_pass_wire(machine_t *m, const design_t *d)
{
    join_memory(m);
    join_records(&m->fetch);
    machine_init(m, d);
}

/* ---- what wakes a block ---- */

static uint64_t controller_inputs(const machine_t *m)
{
    return (uint64_t)(*m->start | *m->fetch.job_ready << 1 | *m->drain.fin_valid << 2);
}

static uint64_t fetch_inputs(const machine_t *m)
{
    return (uint64_t)(*m->controller.job_valid | *m->fetch.scored << 1 | *m->fetch.taken << 3);
}

static uint64_t tile_loader_inputs(const machine_t *m)
{
    return (uint64_t)*m->tile_loader.begun_groups;
}

static uint64_t rebias_inputs(const machine_t *m)
{
    return (uint64_t)(*m->rebias.scored | *m->rebias.held << 2);
}

static uint64_t drain_inputs(const machine_t *m)
{
    return (uint64_t)*m->drain.computed;
}

static bool port_is_asked(const machine_t *m)
{
    const memory_port_t *p = &m->memory_port;
    int64_t any = *m->rsp_valid | *p->req_valid_q;
    for (int i = 0; i < MEMORY_PORT_READS; ++i) any |= p->rd_valid[i] | p->got[i];
    for (int i = 0; i < MEMORY_PORT_WRITES; ++i) any |= p->wr_valid[i];
    return any;
}

/* ---- what a tick may change: a block in motion never rests, another only if this stays ---- */

#define IN_MOTION (UINT64_C(1) << 63)

static uint64_t motion(bool moves)
{
    return moves ? IN_MOTION : 0;
}

static uint64_t controller_state(const machine_t *m)
{
    const controller_t *c = &m->controller;
    const int64_t s = *c->state_q;
    bool waits = s == CONTROLLER_IDLE || s == CONTROLLER_OFFER || s == CONTROLLER_WAIT;
    return (uint64_t)(s | *c->left_q << 8) | motion(!waits || *c->wr_valid_q);
}

static uint64_t fetch_state(const machine_t *m)
{
    const fetch_t *f = &m->fetch;
    return (uint64_t)(*f->low_q | *f->high_q << 4 | *f->looked_q << 8 | *f->idle_q << 9) |
           motion(*f->rd_valid || *f->got);
}

static uint64_t tile_loader_state(const machine_t *m)
{
    const tile_loader_t *t = &m->tile_loader;
    return motion(*t->rd_valid_q || *t->got || t->tile_free[0] || t->tile_free[1]);
}

static uint64_t rebias_state(const machine_t *m)
{
    const rebias_t *r = &m->rebias;
    return motion(*r->rd_valid_q || *r->got || *r->end_q);
}

static uint64_t drain_state(const machine_t *m)
{
    const drain_t *o = &m->drain;
    return (uint64_t)*o->taken_q | motion(*o->end_q || *o->full_q || *o->div_done || *o->enter_q);
}

/* ---- a cycle ---- */

static void settle_rebias(machine_pass_t *p)
{
    rebias_t *r = &p->machine.rebias;
    rebias_eval(r);
    if (*r->got) datapath_read_query(&p->data, *r->dot_index, *r->dot_beat, r->dot_q);
}

/* Registers' outputs, and what follows an answer of the memory; then the grants. */
void machine_pass_settle(machine_pass_t *p)
{
    machine_t *m = &p->machine;
    const machine_pass_rest_t *rest = p->rest;
    if (!rest[REST_CONTROLLER].rests) controller_eval(&m->controller);
    if (!rest[REST_FETCH].rests || *m->fetch.got) fetch_eval(&m->fetch);
    if (!rest[REST_TILE_LOADER].rests || *m->tile_loader.got) tile_loader_eval(&m->tile_loader);
    if (!rest[REST_REBIAS].rests || *m->rebias.got) settle_rebias(p);
    if (!rest[REST_DRAIN].rests) drain_eval(&m->drain);
    bool asked = port_is_asked(m);
    if (asked || p->port_was_asked) memory_port_eval(&m->memory_port);
    p->port_was_asked = asked;
    *m->busy = *m->controller.busy || *m->req_valid;
}

/* Each block's functions, known to the compiler. */
#define TICK(which, name)                                                                                    \
    do {                                                                                                     \
        machine_pass_rest_t *rest = &p->rest[which];                                                         \
        const uint64_t inputs = name##_inputs(m), state = name##_state(m);                                   \
        if (rest->rests && inputs == rest->inputs && !(state & IN_MOTION)) break;                            \
        name##_tick(&m->name);                                                                               \
        rest->rests = !(state & IN_MOTION) && name##_state(m) == state;                                      \
        rest->inputs = inputs;                                                                               \
    } while (0)

/* One clock edge; fetch's records and memory_port's answers are looked at by the others, so these are last.
 */
void machine_pass_move(machine_pass_t *p)
{
    machine_t *m = &p->machine;
    TICK(REST_CONTROLLER, controller);
    TICK(REST_TILE_LOADER, tile_loader);
    TICK(REST_REBIAS, rebias);
    TICK(REST_DRAIN, drain);
    TICK(REST_FETCH, fetch);
    if (p->port_was_asked) memory_port_tick(&m->memory_port);
}
