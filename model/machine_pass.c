/* SPDX-License-Identifier: Apache-2.0 */
#include "machine_pass.h"

#include <string.h>

#include "vectors.h"

/* ---- what the blocks in between would show in this cycle ---- */

static void show_done(machine_pass_t *p)
{
    bool done = p->passes && p->done[p->first_done] == p->cycle;
    *p->machine.accumulate.done = done;
    if (!done) return;
    p->first_done = (p->first_done + 1) % DESIGN_PASSES;
    --p->passes;
}

static void show_quotients(machine_pass_t *p)
{
    const size_t at = p->cycle % MACHINE_PASS_QUOTIENTS;
    *p->machine.normalise.done = p->division[at].valid;
    if (!p->division[at].valid) return;
    p->division[at].valid = false;
    memcpy(p->machine.normalise.quot, p->division[at].quot, (size_t)p->data.d->lanes * sizeof(int64_t));
}

VECTORS static void show_bits(const uint64_t word[2], int n, int64_t *bit)
{
    for (int c = 0; c < n; ++c) bit[c] = word[c / 64] >> c % 64 & 1;
}

static void show_mask_word(machine_pass_t *p)
{
    const design_t *d = p->data.d;
    predict_array_t *a = &p->machine.predict_array;
    *a->mask_valid = 0;
    if (p->cycle >= p->shown_until) return;
    for (int i = 0; i < MACHINE_PASS_TILES; ++i) {
        const machine_pass_tile_t *t = &p->shown[i];
        uint64_t row = p->cycle - t->cycle;
        if (!t->cycle || row >= (uint64_t)d->rows) continue;
        *a->mask_valid = 1;
        *a->mask_row = (int64_t)row;
        *a->mask_tile = t->tile;
        *a->mask_strip = t->strip;
        show_bits(t->word[row], d->columns, a->mask_word);
    }
}

/* ---- prediction: sleeps while only its steps move ---- */

static int64_t prediction_inputs(const predict_control_t *c)
{
    return *c->loaded | *c->opened << 2 | *c->asked << 4;
}

static void settle_prediction(machine_pass_t *p)
{
    predict_control_t *c = &p->machine.predict_control;
    const uint64_t since = p->prediction.since;
    p->prediction.sleeps = p->cycle < p->prediction.until && prediction_inputs(c) == p->prediction.inputs;
    if (p->prediction.sleeps) return;
    if (p->cycle > since) predict_control_skip(c, (int)(p->cycle - since));
    p->prediction.until = p->cycle;
    predict_control_eval(c);
}

static void move_prediction(machine_pass_t *p)
{
    predict_control_t *c = &p->machine.predict_control;
    if (p->prediction.sleeps) return;
    p->prediction.inputs = prediction_inputs(c);
    int quiet = predict_control_quiet(c);
    p->prediction.since = p->cycle;
    p->prediction.until = p->cycle + (uint64_t)quiet;
    if (quiet) return;
    predict_control_tick(c);
    p->prediction.since = p->prediction.until = p->cycle + 1;
}

/* ---- a cycle ---- */

/* In machine_eval's order. */
static void machine_pass_eval(void *self)
{
    machine_pass_t *p = self;
    show_done(p);
    show_quotients(p);
    show_mask_word(p);
    machine_pass_settle(p);
    settle_prediction(p);
    gather_show(&p->gather);
}

static void take_beats(machine_pass_t *p)
{
    const design_t *d = p->data.d;
    const fetch_t *f = &p->machine.fetch;
    const tile_loader_t *t = &p->machine.tile_loader;
    const rebias_t *r = &p->machine.rebias;
    datapath_t *to = &p->data;
    if (*f->k_we) datapath_write_low_key(to, *f->k_key, *f->k_beat, f->k_data);
    if (*f->ql_we) datapath_write_low_query(to, *f->ql_file, *f->ql_row, *f->ql_beat, f->ql_data);
    if (*f->q_we) datapath_write_query(to, *f->q_index, *f->q_beat, f->q_data);
    if (*f->m_we) datapath_write_mask(to, *f->m_index, *f->m_beat, f->m_data);
    if (*r->b_we) to->bias[*r->b_index] = (int32_t)*r->b_bias;
    if (!*t->we) return;
    int beat_w = t->beat_w, column_w = fixed_bits(d->columns);
    int64_t beat = (int64_t)fixed_low((uint64_t)*t->waddr, beat_w), rest = *t->waddr >> beat_w;
    int64_t column = (int64_t)fixed_low((uint64_t)rest, column_w), place = rest >> column_w;
    datapath_write_tile(to, place >> 1, place & 1, column, beat, t->wdata);
}

/* A tile's words, carried out with the first: while they go on, the next strip takes over the bank. Row 0's
   mask word shows three cycles after the last. */
static void take_thresholds(machine_pass_t *p)
{
    const design_t *d = p->data.d;
    const predict_control_t *c = &p->machine.predict_control;
    const fetch_t *f = &p->machine.fetch;
    int64_t first = *c->t_tile * d->columns, half = *c->t_strip >= d->strips, keys = f->g_keys[half] - first;
    if (*c->t_first) datapath_take(&p->data, *c->t_bank, f->g_threshold[half], f->g_policy[half]);
    datapath_threshold(&p->data, *c->t_bank, first, (int)(keys < d->columns ? keys : d->columns));
    p->newest = (p->newest + 1) % MACHINE_PASS_TILES;
    machine_pass_tile_t *t = &p->shown[p->newest];
    t->cycle = p->cycle + (uint64_t)d->columns + 2;
    p->shown_until = t->cycle + (uint64_t)d->rows;
    t->tile = *c->t_tile;
    t->strip = *c->t_strip;
    memcpy(t->word, p->data.word, (size_t)d->rows * sizeof *t->word);
    if (f->g_external[half]) return;
    for (int r = 0; r < d->rows; ++r)
        datapath_put_word(&p->data, *c->t_strip * d->rows + r, *c->t_tile, p->data.word[r]);
}

static void show_maxima(machine_pass_t *p, int64_t bank)
{
    const int rows = p->data.d->rows;
    int64_t *arg = p->machine.predict_array.arg + bank * rows;
    for (int r = 0; r < rows; ++r) arg[r] = p->data.bank[bank].arg[r];
}

static int columns_of(const design_t *d, int64_t keys)
{
    return (int)(keys < d->columns ? keys : d->columns);
}

static void drain_tile(machine_pass_t *p)
{
    const predict_control_t *c = &p->machine.predict_control;
    const int64_t half = *c->drain_half_q;
    const datapath_drain_t tile = {.first = *c->d_first,
                                   .bank = (int)*c->d_bank,
                                   .d = (int)c->g_d[half],
                                   .columns = columns_of(p->data.d, c->g_keys[half] - *c->d_key),
                                   .rows = (int)*c->d_rows,
                                   .key = *c->d_key,
                                   .place = *c->head_key,
                                   .limit = *c->d_limit};
    datapath_drain(&p->data, &tile, p->cycle);
    show_maxima(p, tile.bank);
}

/* Words of a tile are carried out with the first. */
static void predict(machine_pass_t *p)
{
    const design_t *d = p->data.d;
    const predict_control_t *c = &p->machine.predict_control;
    if (*c->d_valid && !*c->d_col) drain_tile(p);
    if (*c->s_valid && *c->s_key % d->columns == 0) {
        int64_t left = predict_control_seen(c, *c->sum_half_q) - *c->s_key;
        datapath_sum(&p->data, *c->s_bank, *c->s_key, columns_of(d, left), p->cycle);
    }
    if (*c->t_valid && !*c->t_col) take_thresholds(p);
}

static void start_pass(machine_pass_t *p)
{
    const pass_control_t *c = &p->machine.pass_control;
    const gather_bank_t *bank = &p->gather.bank[*c->pass_bank];
    datapath_pass_t pass = {.rows = bank->count, .d = bank->d, .buffer = bank->buffer};
    for (int r = 0; r < pass.rows; ++r) pass.row[r] = &bank->row[r]->slots;
    datapath_pass(&p->data, &pass, p->cycle);
    int place = (p->first_done + p->passes++) % DESIGN_PASSES;
    p->done[place] = p->cycle + (uint64_t)datapath_pass_time(p->data.d, pass.d, pass.rows);
}

static void divide(machine_pass_t *p)
{
    const drain_t *m = &p->machine.drain;
    size_t at = (p->cycle + (uint64_t)p->latency) % MACHINE_PASS_QUOTIENTS;
    if (*m->div_valid) {
        p->division[at].valid = true;
        datapath_divide(&p->data, *m->rd_index, *m->enter_set_q * p->data.d->lanes, p->cycle,
                        p->division[at].quot);
    }
    if (*m->clear) datapath_clear(&p->data, *m->clear_half);
}

/* What the cycle's words say is done first: they lie in the ports of blocks whose registers then move on. */
static void machine_pass_tick(void *self)
{
    machine_pass_t *p = self;
    machine_t *m = &p->machine;
    take_beats(p);
    if (!p->prediction.sleeps) predict(p);
    if (*m->pass_control.pass) start_pass(p);
    divide(p);
    move_prediction(p);
    gather_edge(&p->gather);
    machine_pass_move(p);
    ++p->cycle;
}

static void machine_pass_reset(void *self)
{
    machine_pass_t *p = self;
    datapath_reset(&p->data);
    gather_reset(&p->gather);
    memset(p->shown, 0, sizeof p->shown);
    p->shown_until = 0;
    p->cycle = 0;
    p->first_done = p->passes = 0;
    memset(p->division, 0, sizeof p->division);
    memset(p->rest, 0, sizeof p->rest);
    p->port_was_asked = true;
    memset(&p->prediction, 0, sizeof p->prediction);
}

static void machine_pass_show(void *self)
{
    machine_pass_t *p = self;
    machine_t *m = &p->machine;
    const bool travelling = m->travelling;
    const pe_array_t *a = &m->array_control.array;
    int64_t *const counter[DATAPATH_EVENTS] = {
        [DATAPATH_SCORE_ACC] = m->predict_array.sat_acc_q,
        [DATAPATH_SCALED] = m->predict_array.sat_scaled_q,
        [DATAPATH_SCORE_EXP] = m->predict_array.sat_exp_q,
        [DATAPATH_SCORE_SUM] = m->predict_array.sat_sum_q,
        [DATAPATH_ACC] = travelling ? m->slot_array.acc_sat_q : a->acc_sat_q,
        [DATAPATH_EXP] = travelling ? m->slot_array.exp_sat_q : a->exp_sat_q,
        [DATAPATH_ROW_SUM] = travelling ? m->slot_array.sum_sat_q : a->sum_sat_q,
        [DATAPATH_OUTPUT_SUM] = m->accumulate.acc_sat_q,
        [DATAPATH_ROW_TOTAL] = m->accumulate.sum_sat_q,
        [DATAPATH_OUTPUT] = m->normalise.sat_q,
        [DATAPATH_ZERO_ROWS] = m->normalise.zero_q,
    };
    datapath_count(&p->data, p->cycle);
    for (int k = 0; k < DATAPATH_EVENTS; ++k) *counter[k] = p->data.count[k];
}

static void machine_pass_init(void *self, const design_t *d)
{
    machine_pass_t *p = self;
    machine_pass_wire(&p->machine, d);
    datapath_init(&p->data, d);
    gather_init(&p->gather, d, &p->machine.pass_control, &p->data);
    p->latency = normalise_latency(d);
}

/* ---- the table: the machine's, the memories, and of blocks that are computed at once ports and counters
 * ---- */

#define MEMORY(member, bytes_each, count)                                                                    \
    {                                                                                                        \
#member, SIGNAL_NET, offsetof(machine_pass_t, data.member),                                          \
            8 * (bytes_each) < 63 ? 8 * (bytes_each) : 63, .dims = 1,                                        \
                                                           .n = {(int)(count) }, .bytes = (bytes_each)       \
    }

static int machine_pass_signals(const design_t *d, signal_t *table)
{
    const int lanes = (d->rows + DATAPATH_LANES - 1) / DATAPATH_LANES * DATAPATH_LANES;
    const int queries = 2 * design_group_rows(d), head = d->head_max, keys = d->keys_max;
    const signal_t memories[] = {
        MEMORY(low_key, 1, keys * head),
        MEMORY(key_head, 4, keys),
        MEMORY(low_query, 1, DATAPATH_FILES * datapath_quads(d) * lanes * 4),
        MEMORY(query_head, 4, DATAPATH_FILES * lanes),
        MEMORY(strip, 4, DATAPATH_FILES * keys * lanes),
        MEMORY(query, 2, queries * datapath_elements(d)),
        MEMORY(mask, 1, queries * design_mask_beats(d) * d->bus_bytes),
        MEMORY(bias, 4, queries),
        MEMORY(tile, 2, 4 * d->columns * datapath_elements(d)),
        MEMORY(acc, 8, queries * head),
        MEMORY(row_sum, 8, queries),
        MEMORY(started, 1, queries),
        MEMORY(q_norm, 8, queries),
        MEMORY(acc_most, 8, queries),
        MEMORY(noted, 4, DATAPATH_AHEAD * DATAPATH_EVENTS),
    };
    int n = machine_signals(d, table);
    for (size_t i = 0; i < sizeof memories / sizeof *memories; ++i) table[n++] = memories[i];
    return n;
}

/* A block's ports, and its counters of events. */
static int ports(const block_type_t *type, const design_t *d, signal_t *table)
{
    signal_t all[SIGNAL_MAX];
    int n = type->signals(d, all), kept = 0;
    for (int i = 0; i < n; ++i) {
        bool events = all[i].bits == 32 && (strstr(all[i].name, "sat_") || strstr(all[i].name, "zero_"));
        bool counter = events || all[i].bits == 48; /* of pass_control */
        if (all[i].kind == SIGNAL_REG && !counter) continue;
        table[kept] = all[i];
        if (events) table[kept].dims = 0;
        ++kept;
    }
    return kept;
}

#define PORTS(block, fits_)                                                                                  \
    static int block##_ports(const design_t *d, signal_t *table)                                             \
    {                                                                                                        \
        return ports(&block##_type, d, table);                                                               \
    }                                                                                                        \
    static const block_type_t block##_ports_type = {.name = #block, .signals = block##_ports, .fits = fits_}

static bool travels(const design_t *d)
{
    return d->control == CONTROL_TRAVELLING;
}
static bool is_array(const design_t *d)
{
    return d->control == CONTROL_ARRAY;
}

PORTS(predict_feeder, NULL);
PORTS(predict_array, NULL);
PORTS(buffer, NULL);
PORTS(pass_control, NULL);
PORTS(feeder, NULL);
PORTS(slot_array, travels);
PORTS(array_control, is_array);
PORTS(accumulate, NULL);
PORTS(normalise, NULL);

#define CHILD(name)                                                                                          \
    {                                                                                                        \
#name, &name##_type, offsetof(machine_t, name)                                                       \
    }
#define PORTS_OF(name)                                                                                       \
    {                                                                                                        \
#name, &name##_ports_type, offsetof(machine_t, name)                                                 \
    }

static const block_child_t children[] = {
    CHILD(controller),
    CHILD(fetch),
    CHILD(memory_port),
    CHILD(predict_control),
    CHILD(rebias),
    CHILD(tile_loader),
    CHILD(drain),
    PORTS_OF(predict_feeder),
    PORTS_OF(predict_array),
    PORTS_OF(buffer),
    PORTS_OF(pass_control),
    PORTS_OF(feeder),
    PORTS_OF(slot_array),
    PORTS_OF(array_control),
    PORTS_OF(accumulate),
    PORTS_OF(normalise),
    {NULL, NULL, 0},
};

const block_type_t machine_pass_type = {
    .name = "machine",
    .summary = "jobs in memory to outputs in memory: control in cycles, data at once",
    .size = sizeof(machine_pass_t),
    .clocked = true,
    .signals = machine_pass_signals,
    .init = machine_pass_init,
    .reset = machine_pass_reset,
    .eval = machine_pass_eval,
    .tick = machine_pass_tick,
    .show = machine_pass_show,
    .fits = datapath_fits,
    .children = children,
};
