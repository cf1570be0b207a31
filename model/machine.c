/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

/* ---- wires: a consumer's input is its producer's output array, or the other way round where many producers
 *      share one input ---- */

static void wire_memory(machine_t *m)
{
    memory_port_t *p = &m->memory_port;
    const size_t lanes = (size_t)design_bus_w(m->d) / 16;
    p->req_ready = m->req_ready;
    p->rsp_valid = m->rsp_valid;
    p->rsp_data = m->rsp_data;
    p->req_valid = m->req_valid;
    p->req_write = m->req_write;
    p->req_addr = m->req_addr;
    p->req_data = m->req_data;
    p->rsp_ready = m->rsp_ready;
#define READER(client, n)                                                                                    \
    m->client.rd_valid = p->rd_valid + (n);                                                                  \
    m->client.rd_addr = p->rd_addr + (n);                                                                    \
    m->client.rd_ready = p->rd_ready + (n);                                                                  \
    m->client.got = p->got + (n);                                                                            \
    m->client.got_data = p->got_data
    READER(tile_loader, READS_TILE_LOADER);
    READER(rebias, READS_REBIAS);
    READER(fetch, READS_FETCH);
    READER(controller, READS_CONTROLLER);
    /* the controller asks for one thing at a time and needs no tag */
#define TAGGED(client, n)                                                                                    \
    m->client.rd_tag = p->rd_tag + (n);                                                                      \
    m->client.got_tag = p->got_tag
    TAGGED(tile_loader, READS_TILE_LOADER);
    TAGGED(rebias, READS_REBIAS);
    TAGGED(fetch, READS_FETCH);
#define WRITER(client, n)                                                                                    \
    m->client.wr_valid = p->wr_valid + (n);                                                                  \
    m->client.wr_addr = p->wr_addr + (n);                                                                    \
    m->client.wr_data = p->wr_data + (n)*lanes;                                                              \
    m->client.wr_ready = p->wr_ready + (n)
    WRITER(drain, WRITES_DRAIN);
    WRITER(controller, WRITES_CONTROLLER);
}

static void wire_jobs(machine_t *m)
{
    controller_t *c = &m->controller;
    fetch_t *f = &m->fetch;
    c->start = m->start;
    c->queue = m->queue;
    c->status = m->status;
    c->count = m->count;
    c->limit = m->limit;
    c->finished = m->finished;
    c->failed = m->failed;
    f->job_valid = c->job_valid;
    f->j_l = c->j_l;
    f->j_m = c->j_m;
    f->j_d = c->j_d;
    f->j_causal = c->j_causal;
    f->j_external = c->j_external;
    f->j_policy = c->j_policy;
    f->j_threshold = c->j_threshold;
    f->j_q = c->j_q;
    f->j_k = c->j_k;
    f->j_v = c->j_v;
    f->j_q_low = c->j_q_low;
    f->j_k_low = c->j_k_low;
    f->j_mask = c->j_mask;
    f->j_o = c->j_o;
    f->j_final = c->j_final;
    f->j_number = c->j_number;
    c->job_ready = f->job_ready;
    c->fin_valid = m->drain.fin_valid;
    c->fin_job = m->drain.fin_job;
    m->drain.fin_ready = c->fin_ready;
}

/* What fetch loads goes to the predictor and to the buffer. */
static void wire_loads(machine_t *m)
{
    fetch_t *f = &m->fetch;
    predict_feeder_t *p = &m->predict_feeder;
    buffer_t *b = &m->buffer;
    p->k_we = f->k_we;
    p->k_key = f->k_key;
    p->k_beat = f->k_beat;
    p->k_data = f->k_data;
    p->q_we = f->ql_we;
    p->q_file = f->ql_file;
    p->q_row = f->ql_row;
    p->q_beat = f->ql_beat;
    p->q_data = f->ql_data;
    b->q_we = f->q_we;
    b->q_index = f->q_index;
    b->q_beat = f->q_beat;
    b->q_data = f->q_data;
    b->m_we = f->m_we;
    b->m_index = f->m_index;
    b->m_beat = f->m_beat;
    b->m_data = f->m_data;
}

static void wire_counts(machine_t *m)
{
    fetch_t *f = &m->fetch;
    predict_control_t *c = &m->predict_control;
    rebias_t *r = &m->rebias;
    pass_control_t *p = &m->pass_control;
    f->scored = c->scored;
    f->taken = m->drain.taken;
    m->pass_control.drained = m->drain.drained;
    c->loaded = f->loaded;
    c->opened = f->opened;
    c->asked = r->asked;
    r->scored = c->scored;
    r->held = f->held;
    m->tile_loader.begun_groups = c->begun_groups;
    p->predicted = c->predicted;
    p->rebiased = r->rebiased;
    m->drain.computed = p->computed;
    p->busy = m->busy;
}

static void wire_groups(machine_t *m)
{
    fetch_t *f = &m->fetch;
    m->predict_control.g_rows = m->rebias.g_rows = m->tile_loader.g_rows = m->pass_control.g_rows =
        m->drain.g_rows = f->g_rows;
    m->predict_control.g_first = m->tile_loader.g_first = m->pass_control.g_first = f->g_first;
    m->predict_control.g_keys = m->tile_loader.g_keys = m->pass_control.g_keys = f->g_keys;
    m->predict_control.g_d = m->rebias.g_d = m->pass_control.g_d = m->drain.g_d = f->g_d;
    m->rebias.g_beats = m->tile_loader.g_beats = m->drain.g_beats = f->g_beats;
    m->predict_control.g_causal = m->tile_loader.g_causal = m->pass_control.g_causal = f->g_causal;
    m->predict_control.g_upper = f->g_upper;
    m->predict_control.g_policy = f->g_policy;
    m->predict_control.g_threshold = f->g_threshold;
    m->rebias.g_k = m->tile_loader.g_k = f->g_k;
    m->tile_loader.g_v = f->g_v;
    m->drain.g_o = f->g_o;
    m->drain.g_final = f->g_final;
    m->drain.g_job = f->g_job;
}

static void wire_prediction(machine_t *m)
{
    predict_control_t *c = &m->predict_control;
    predict_feeder_t *f = &m->predict_feeder;
    predict_array_t *a = &m->predict_array;
    f->valid = c->valid;
    f->first = c->first;
    f->file = c->file;
    f->upper = c->upper;
    f->tile = c->tile;
    f->at = c->at;
    f->head_key = c->head_key;
    a->left = f->left;
    a->top = f->top;
    a->tag = f->tag;
    a->row_head = f->row_head;
    a->key_head = f->key_head;
    a->d_valid = c->d_valid;
    a->d_first = c->d_first;
    a->d_bank = c->d_bank;
    a->d_col = c->d_col;
    a->d_key = c->d_key;
    a->d_limit = c->d_limit;
    a->d_rows = c->d_rows;
    a->s_valid = c->s_valid;
    a->s_first = c->s_first;
    a->s_bank = c->s_bank;
    a->s_key = c->s_key;
    a->t_valid = c->t_valid;
    a->t_first = c->t_first;
    a->t_bank = c->t_bank;
    a->t_there = c->t_there;
    a->t_key = c->t_key;
    a->t_col = c->t_col;
    a->t_last = c->t_last;
    a->t_tile = c->t_tile;
    a->t_strip = c->t_strip;
    a->threshold = c->threshold;
    a->policy = c->policy;
    m->rebias.arg = a->arg;
    m->prediction = (machine_array_t){a, predict_array_eval, predict_array_tick};
}

/* Masks and biases into the buffer, and what reads them. */
static void wire_buffer(machine_t *m)
{
    buffer_t *b = &m->buffer;
    predict_array_t *a = &m->predict_array;
    b->p_we = &m->predicted_we;
    b->p_tile = a->mask_tile;
    b->p_word = a->mask_word;
    b->b_we = m->rebias.b_we;
    b->b_index = m->rebias.b_index;
    b->b_bias = m->rebias.b_bias;
    b->dot_index = m->rebias.dot_index;
    b->dot_beat = m->rebias.dot_beat;
    m->rebias.dot_q = b->dot_q;
    b->walk_index = m->pass_control.walk_index;
    b->mask_index = m->pass_control.mask_index;
    b->mask_tile = m->pass_control.mask_tile;
    m->pass_control.mask = b->mask;
    b->some_strip = m->pass_control.some_strip;
    b->some_tile = m->pass_control.some_tile;
    m->pass_control.some = b->some;
}

static void wire_array(machine_t *m)
{
    pass_control_t *p = &m->pass_control;
    feeder_t *f = &m->feeder;
    m->tile_loader.tile_free = p->tile_free;
    p->tile_loaded = m->tile_loader.tile_loaded;
    f->we = m->tile_loader.we;
    f->waddr = m->tile_loader.waddr;
    f->wdata = m->tile_loader.wdata;
    f->load = p->load;
    f->load_row = p->load_row;
    f->q = m->buffer.walk_q;
    f->bias = m->buffer.walk_bias;
    f->valid = p->valid;
    f->op = p->op;
    f->par = p->par;
    f->is_v = p->is_v;
    f->at = p->at;
    f->buffer = p->buffer;
#define ARRAY(array)                                                                                         \
    m->array.load = p->load;                                                                                 \
    m->array.load_row = p->load_row;                                                                         \
    m->array.mode = p->mode;                                                                                 \
    m->array.col = p->col;                                                                                   \
    m->array.left = f->left;                                                                                 \
    m->array.top = f->top;                                                                                   \
    m->array.tag = f->tag;                                                                                   \
    m->array.clash = m->clash;                                                                               \
    m->accumulate.out = m->array.out;                                                                        \
    m->accumulate.out_op = m->array.out_op;                                                                  \
    m->accumulate.sum = m->array.sum
    if (m->travelling) {
        ARRAY(slot_array);
        m->array = (machine_array_t){&m->slot_array, slot_array_eval, slot_array_tick};
    } else {
        ARRAY(array_control);
        m->array = (machine_array_t){&m->array_control, array_control_eval, array_control_tick};
    }
}

static void wire_outputs(machine_t *m)
{
    accumulate_t *a = &m->accumulate;
    pass_control_t *p = &m->pass_control;
    drain_t *o = &m->drain;
    normalise_t *n = &m->normalise;
    a->own = p->own;
    a->own_bank = p->own_bank;
    a->own_row = p->own_row;
    a->own_index = p->own_index;
    a->pass = p->pass;
    a->pass_bank = p->pass_bank;
    a->pass_rows = p->pass_rows;
    a->pass_d = p->pass_d;
    p->done = a->done;
    a->clear = o->clear;
    a->clear_half = o->clear_half;
    a->rd_index = o->rd_index;
    o->rd_acc = a->rd_acc;
    o->rd_sum = a->rd_sum;
    n->valid = o->div_valid;
    n->num = o->div_num;
    n->den = o->div_den;
    o->div_done = n->done;
    o->div_quot = n->quot;
}

void machine_init(void *self, const design_t *d)
{
    machine_t *m = self;
    m->d = d;
    m->travelling = d->control == CONTROL_TRAVELLING;
    wire_memory(m);
    wire_jobs(m);
    wire_loads(m);
    wire_counts(m);
    wire_groups(m);
    wire_prediction(m);
    wire_buffer(m);
    wire_array(m);
    wire_outputs(m);
}

/* ---- a cycle ---- */

/* The mask bus names a strip and a row; a job with an external mask keeps its own words. */
static void settle_predicted(machine_t *m)
{
    int64_t strip = *m->predict_array.mask_strip;
    int64_t half = strip >= m->d->strips;
    *m->buffer.p_index = strip * m->d->rows + *m->predict_array.mask_row;
    m->predicted_we = *m->predict_array.mask_valid && !m->fetch.g_external[half];
}

/* In the order of paths within the cycle: drain's index, then what accumulate holds there; valids, then
   readies; what memory_port has got comes out of a register. */
void machine_eval(void *self)
{
    machine_t *m = self;
    memory_port_show(&m->memory_port);
    controller_eval(&m->controller);
    fetch_eval(&m->fetch);
    tile_loader_eval(&m->tile_loader);
    rebias_eval(&m->rebias);
    normalise_eval(&m->normalise);
    drain_ask(&m->drain);
    accumulate_eval(&m->accumulate);
    drain_eval(&m->drain);
    memory_port_eval(&m->memory_port);
    *m->busy = *m->controller.busy || *m->req_valid; /* until the last status lies in memory */
    predict_control_eval(&m->predict_control);
    predict_feeder_eval(&m->predict_feeder);
    m->prediction.eval(m->prediction.self);
    settle_predicted(m);
    pass_control_eval(&m->pass_control);
    buffer_eval(&m->buffer);
    feeder_eval(&m->feeder);
    m->array.eval(m->array.self);
}

/* In any order, but that models whose wires are registers need the last two last. */
void machine_tick(void *self)
{
    machine_t *m = self;
    controller_tick(&m->controller);
    predict_control_tick(&m->predict_control);
    predict_feeder_tick(&m->predict_feeder);
    m->prediction.tick(m->prediction.self);
    rebias_tick(&m->rebias);
    buffer_tick(&m->buffer);
    tile_loader_tick(&m->tile_loader);
    pass_control_tick(&m->pass_control);
    feeder_tick(&m->feeder);
    m->array.tick(m->array.self);
    accumulate_tick(&m->accumulate);
    drain_tick(&m->drain);
    normalise_tick(&m->normalise);
    fetch_tick(&m->fetch);
    memory_port_tick(&m->memory_port);
}

#define FIELD(member) offsetof(machine_t, member)

int machine_signals(const design_t *d, signal_t *table)
{
    const int bus = design_bus_w(d) / 16;
    const signal_t all[] = {
        {"start", SIGNAL_IN, FIELD(start), 1, .codes = 2, .weights = "91", .meaning = "no yes"},
        {"queue", SIGNAL_IN, FIELD(queue), d->addr_w, .meaning = "address of the first descriptor"},
        {"status", SIGNAL_IN, FIELD(status), d->addr_w, .meaning = "address of the first status"},
        {"count", SIGNAL_IN, FIELD(count), 16, .meaning = "jobs"},
        {"limit", SIGNAL_IN, FIELD(limit), d->addr_w + 1, .meaning = "bytes of memory"},
        {"req_ready", SIGNAL_IN, FIELD(req_ready), 1, .codes = 2, .weights = "13", .meaning = "no yes"},
        {"rsp_valid", SIGNAL_IN, FIELD(rsp_valid), 1, .codes = 2, .meaning = "no yes"},
        {"rsp_data", SIGNAL_IN, FIELD(rsp_data), 16, .dims = 1, .n = {bus}, .meaning = "a beat"},
        {"busy", SIGNAL_OUT, FIELD(busy), 1, .meaning = "statuses are missing"},
        {"finished", SIGNAL_OUT, FIELD(finished), 16, .meaning = "jobs done"},
        {"failed", SIGNAL_OUT, FIELD(failed), 16, .meaning = "jobs refused"},
        {"clash", SIGNAL_OUT, FIELD(clash), 1, .meaning = "never: two PEs of a row wanted its exp unit"},
        {"req_valid", SIGNAL_OUT, FIELD(req_valid), 1, .meaning = "a request"},
        {"req_write", SIGNAL_OUT, FIELD(req_write), 1, .meaning = "it writes"},
        {"req_addr", SIGNAL_OUT, FIELD(req_addr), d->addr_w, .meaning = "its address"},
        {"req_data", SIGNAL_OUT, FIELD(req_data), 16, .dims = 1, .n = {bus}, .meaning = "its beat"},
        {"rsp_ready", SIGNAL_OUT, FIELD(rsp_ready), 1, .meaning = "an answer is expected"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) table[i] = all[i];
    return (int)(sizeof all / sizeof *all);
}

static bool machine_fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

#define CHILD(name)                                                                                          \
    {                                                                                                        \
#name, &name##_type, offsetof(machine_t, name)                                                       \
    }

static const block_child_t children[] = {
    CHILD(controller),     CHILD(fetch),         CHILD(memory_port), CHILD(predict_control),
    CHILD(predict_feeder), CHILD(predict_array), CHILD(rebias),      CHILD(buffer),
    CHILD(tile_loader),    CHILD(pass_control),  CHILD(feeder),      CHILD(slot_array),
    CHILD(array_control),  CHILD(accumulate),    CHILD(drain),       CHILD(normalise),
    {NULL, NULL, 0},
};

const block_type_t machine_type = {
    .name = "machine",
    .summary = "jobs in memory to outputs in memory",
    .size = sizeof(machine_t),
    .clocked = true,
    .signals = machine_signals,
    .init = machine_init,
    .eval = machine_eval,
    .tick = machine_tick,
    .fits = machine_fits,
    .children = children,
};
