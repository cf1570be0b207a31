/* SPDX-License-Identifier: Apache-2.0 */
#include "tile_loader.h"

#include <string.h>

/* ---- sizes ---- */

static int base_w(const design_t *d)
{
    return fixed_bits((1 << fixed_bits(d->keys_max + 1)) + d->columns);
}
static int row_beats(const design_t *d)
{
    return design_beats(d, d->head_max);
}
static int beat_bits(const design_t *d)
{
    return fixed_bits(row_beats(d));
}
static int due_w(const design_t *d)
{
    return fixed_bits(2 * d->columns * row_beats(d) + 1);
}
static int waddr_w(const design_t *d)
{
    return 2 + fixed_bits(d->columns) + design_beat_w(d);
}

/* Bits of the column in a tag: where columns has more of them than keys_max, the rest are 0. */
static int tag_column_w(const design_t *d)
{
    int room = design_tag_w(d) - 2 - design_beat_w(d), w = fixed_bits(d->columns);
    return w < room ? w : room;
}

static int64_t low(int64_t x, int w)
{
    return (int64_t)fixed_low((uint64_t)x, w);
}

/* ---- a beat's place in the feeder, as it travels in the tag ---- */

static int64_t tag_of(const tile_loader_t *t)
{
    int column_w = t->column_w, beat_w = t->beat_w;
    int64_t place = *t->buffer_q * 2 + *t->is_v_q;
    place = (place << column_w) + low(*t->column_q, column_w);
    return (place << beat_w) + *t->beat_q;
}

static int64_t waddr_of(const tile_loader_t *t, int64_t tag)
{
    int column_w = t->column_w, beat_w = t->beat_w;
    int64_t place = low(tag >> (column_w + beat_w), 2), column_beat = low(tag, column_w + beat_w);
    return (place << (fixed_bits(t->d->columns) + beat_w)) + column_beat;
}

static int buffer_of(const tile_loader_t *t, int64_t tag)
{
    return (int)(tag >> (1 + t->column_w + t->beat_w) & 1);
}

/* ---- where it reads ---- */

static bool at_hand(const tile_loader_t *t)
{
    return *t->begun_groups != *t->group_q;
}

static bool at_first_beat(const tile_loader_t *t)
{
    return !*t->is_v_q && !*t->column_q && !*t->beat_q;
}

static bool at_last_tile(const tile_loader_t *t, int64_t half)
{
    int64_t limit = t->g_keys[half], seen = t->g_first[half] + t->g_rows[half];
    if (t->g_causal[half] && seen < limit) limit = seen;
    return *t->base_q + t->d->columns >= limit;
}

static void next_tile(tile_loader_t *t, int64_t half)
{
    bool last = at_last_tile(t, half);
    if (last) *t->offset_q = 0;
    *t->start_q = *t->offset_q;
    *t->base_q = last ? 0 : *t->base_q + t->d->columns;
    *t->group_q = (*t->group_q + last) % 4;
    *t->buffer_q = !*t->buffer_q;
}

/* Rows of a tile follow each other in memory: one offset walks through all their beats, for K and again for
 * V. */
static void next_beat(tile_loader_t *t, int64_t half)
{
    *t->offset_q = low(*t->offset_q + t->d->bus_bytes, t->d->addr_w);
    if (*t->beat_q + 1 < t->g_beats[half] && *t->beat_q + 1 < row_beats(t->d)) {
        ++*t->beat_q;
        return;
    }
    *t->beat_q = 0;
    bool last = *t->column_q == t->d->columns - 1 || *t->base_q + *t->column_q + 1 >= t->g_keys[half];
    if (!last) {
        ++*t->column_q;
        return;
    }
    *t->column_q = 0;
    if (*t->is_v_q)
        next_tile(t, half);
    else
        *t->offset_q = *t->start_q;
    *t->is_v_q = !*t->is_v_q;
}

/* ---- one clock edge ---- */

static void tick_answers(tile_loader_t *t)
{
    int buffer = buffer_of(t, *t->got_tag);
    if (*t->got) t->due_q[buffer] = low(t->due_q[buffer] - 1, t->due_w);
    for (int b = 0; b < 2; ++b) {
        if (t->tile_free[b]) t->taken_q[b] = t->asked_q[b] = 0;
    }
}

static void tick_reads(tile_loader_t *t, bool offer)
{
    int64_t half = *t->group_q % 2, buffer = *t->buffer_q;
    if (*t->rd_ready) *t->rd_valid_q = 0;
    if (!offer) return;
    *t->rd_valid_q = 1;
    *t->rd_addr_q = low((*t->is_v_q ? t->g_v : t->g_k)[half] + *t->offset_q, t->d->addr_w);
    *t->rd_tag_q = tag_of(t);
    t->due_q[buffer] = low(t->due_q[buffer] + 1, t->due_w);
    t->taken_q[buffer] = 1;
    next_beat(t, half);
    if (*t->buffer_q != buffer) t->asked_q[buffer] = 1;
}

void tile_loader_tick(void *self)
{
    tile_loader_t *t = self;
    bool room = !*t->rd_valid_q || *t->rd_ready, may_begin = !t->taken_q[*t->buffer_q];
    bool offer = room && at_hand(t) && (may_begin || !at_first_beat(t));
    tick_answers(t);
    tick_reads(t, offer);
}

void tile_loader_eval(void *self)
{
    tile_loader_t *t = self;
    *t->rd_valid = *t->rd_valid_q;
    *t->rd_addr = *t->rd_addr_q;
    *t->rd_tag = *t->rd_tag_q;
    *t->we = *t->got;
    *t->waddr = waddr_of(t, *t->got_tag);
    if (t->wdata != t->got_data)
        memcpy(t->wdata, t->got_data, (size_t)t->d->bus_bytes / 2 * sizeof *t->wdata);
    for (int b = 0; b < 2; ++b) t->tile_loaded[b] = t->asked_q[b] && !t->due_q[b];
}

void tile_loader_init(void *self, const design_t *d)
{
    tile_loader_t *t = self;
    t->d = d;
    t->column_w = tag_column_w(d);
    t->beat_w = design_beat_w(d);
    t->due_w = due_w(d);
}

/* ---- the signal table ---- */

#define FIELD(member) offsetof(tile_loader_t, member)
#define HALVES        .dims = 1, .n = {2}
#define REG(member, bits, ...)                                                                               \
    {                                                                                                        \
#member, SIGNAL_REG, FIELD(member), bits, .path = #member, __VA_ARGS__                               \
    }
#define ADD(table, n, more) add(table, n, more, sizeof(more) / sizeof *(more))

static int add(signal_t *table, int n, const signal_t *more, size_t count)
{
    for (size_t i = 0; i < count; ++i) table[n++] = more[i];
    return n;
}

static int add_inputs(const design_t *d, signal_t *table, int n)
{
    const int len = fixed_bits(d->keys_max + 1), rows = design_group_rows(d), beats = row_beats(d);
    const signal_t inputs[] = {
        {"g_rows", SIGNAL_IN, FIELD(g_rows), fixed_bits(rows + 1), HALVES, .codes = rows + 1,
         .meaning = "queries of the group, by half"},
        {"g_first", SIGNAL_IN, FIELD(g_first), len, HALVES, .codes = d->keys_max + 1,
         .meaning = "its first query"},
        {"g_keys", SIGNAL_IN, FIELD(g_keys), len, HALVES, .codes = d->keys_max + 1,
         .meaning = "keys of the head"},
        {"g_beats", SIGNAL_IN, FIELD(g_beats), fixed_bits(beats + 1), HALVES, .codes = beats + 1,
         .meaning = "beats of a row"},
        {"g_causal", SIGNAL_IN, FIELD(g_causal), 1, HALVES, .codes = 2,
         .meaning = "query i sees keys 0 .. i"},
        {"g_k", SIGNAL_IN, FIELD(g_k), d->addr_w, HALVES, .meaning = "address of K"},
        {"g_v", SIGNAL_IN, FIELD(g_v), d->addr_w, HALVES, .meaning = "address of V"},
        {"begun_groups", SIGNAL_IN, FIELD(begun_groups), 2, .codes = 4,
         .meaning = "groups whose tiles may be read"},
        {"tile_free", SIGNAL_IN, FIELD(tile_free), 1, HALVES, .codes = 2, .weights = "91",
         .meaning = "the buffer's tile is used up"},
        {"rd_ready", SIGNAL_IN, FIELD(rd_ready), 1, .codes = 2, .weights = "13", .meaning = "grant"},
        {"got", SIGNAL_IN, FIELD(got), 1, .codes = 2, .weights = "11", .meaning = "an answer is shown"},
        {"got_tag", SIGNAL_IN, FIELD(got_tag), design_tag_w(d), .meaning = "the tag of its read"},
        {"got_data", SIGNAL_IN, FIELD(got_data), 16, .dims = 1, .n = {d->bus_bytes / 2},
         .meaning = "its beat"},
    };
    return ADD(table, n, inputs);
}

static int add_outputs(const design_t *d, signal_t *table, int n)
{
    const signal_t outputs[] = {
        {"rd_valid", SIGNAL_OUT, FIELD(rd_valid), 1, .meaning = "a read is offered"},
        {"rd_addr", SIGNAL_OUT, FIELD(rd_addr), d->addr_w, .meaning = "of this beat"},
        {"rd_tag", SIGNAL_OUT, FIELD(rd_tag), design_tag_w(d), .meaning = "where its answer goes"},
        {"we", SIGNAL_OUT, FIELD(we), 1, .meaning = "a beat for the feeder"},
        {"waddr", SIGNAL_OUT, FIELD(waddr), waddr_w(d), .meaning = "buffer, is_v, column, beat"},
        {"wdata", SIGNAL_OUT, FIELD(wdata), 16, .dims = 1, .n = {d->bus_bytes / 2}, .meaning = "the beat"},
        {"tile_loaded", SIGNAL_OUT, FIELD(tile_loaded), 1, HALVES,
         .meaning = "by buffer: all of its tile is there"},
    };
    return ADD(table, n, outputs);
}

static int add_registers(const design_t *d, signal_t *table, int n)
{
    const signal_t registers[] = {
        REG(group_q, 2, .meaning = "groups read"),
        REG(buffer_q, 1, .meaning = "buffer of the tile that is read"),
        REG(base_q, base_w(d), .meaning = "its first key"),
        REG(start_q, d->addr_w, .meaning = "where it begins, in K and in V"),
        REG(offset_q, d->addr_w, .meaning = "where the next beat is"),
        REG(is_v_q, 1, .meaning = "it is one of V"),
        REG(column_q, fixed_bits(d->columns), .meaning = "its row of the tile"),
        REG(beat_q, beat_bits(d), .meaning = "its number in the row"),
        REG(rd_valid_q, 1, .meaning = "a read is offered"),
        REG(rd_addr_q, d->addr_w, .meaning = "its address"),
        REG(rd_tag_q, design_tag_w(d), .meaning = "its tag"),
        REG(taken_q, 1, HALVES, .meaning = "by buffer: a tile is in it or on its way"),
        REG(asked_q, 1, HALVES, .meaning = "all reads of it are offered"),
        REG(due_q, due_w(d), HALVES, .meaning = "answers to come"),
    };
    return ADD(table, n, registers);
}

static int tile_loader_signals(const design_t *d, signal_t *table)
{
    int n = add_inputs(d, table, 0);
    n = add_outputs(d, table, n);
    return add_registers(d, table, n);
}

static bool tile_loader_fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t tile_loader_type = {
    .name = "tile_loader",
    .summary = "reads K and V of the next key tile into the feeder's free buffer",
    .size = sizeof(tile_loader_t),
    .clocked = true,
    .signals = tile_loader_signals,
    .init = tile_loader_init,
    .eval = tile_loader_eval,
    .tick = tile_loader_tick,
    .fits = tile_loader_fits,
};
