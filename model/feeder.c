/* SPDX-License-Identifier: Apache-2.0 */
#include "feeder.h"

#include <string.h>

/* Elements of a beat, beats of a row, elements of a row of whole beats. */
static int lanes(const design_t *d)
{
    return design_bus_w(d) / 16;
}
static int beats(const design_t *d)
{
    return design_beats(d, d->head_max);
}
static int elements(const design_t *d)
{
    return beats(d) * lanes(d);
}
static int at_bits(const design_t *d)
{
    return fixed_bits(d->head_max);
}

/* Element n of the K (0) or V (1) of a column's tile. */
static int64_t tile_element(const feeder_t *f, int column, int64_t buffer, int64_t is_v, int64_t n)
{
    const design_t *d = f->d;
    if (n >= f->elements) return 0;
    int64_t row = ((int64_t)column * 2 + buffer) * 2 + is_v;
    int64_t element = f->tile_q[row * f->elements + n];
    return fixed_wrap(element, is_v ? d->v.w : d->k.w);
}

static int64_t left_of(const feeder_t *f, int row)
{
    int64_t word = f->row_at_q[row], n = (int64_t)fixed_low((uint64_t)word, f->at_w);
    if (word == n) return 0; /* neither */
    bool q = word >> (f->at_w + 1) & 1;
    if (q) return n < f->elements ? fixed_wrap(f->file_q[row * f->elements + n], f->d->q.w) : 0;
    return f->bias_q[row];
}

static int64_t top_of(const feeder_t *f, int column)
{
    int bits = f->at_w;
    int64_t word = f->col_at_q[column], n = (int64_t)fixed_low((uint64_t)word, bits);
    bool valid = word >> (bits + 2) & 1;
    return valid ? tile_element(f, column, word >> (bits + 1) & 1, word >> bits & 1, n) : 0;
}

void feeder_eval(void *self)
{
    feeder_t *f = self;
    for (int i = 0; i < f->d->rows; ++i) f->left[i] = left_of(f, i);
    for (int j = 0; j < f->d->columns; ++j) f->top[j] = top_of(f, j);
    *f->tag = *f->tag_q;
}

static void tick_tile(feeder_t *f)
{
    const design_t *d = f->d;
    int beat_w = design_beat_w(d), col_w = fixed_bits(d->columns);
    int64_t beat = (int64_t)fixed_low((uint64_t)*f->waddr, beat_w), rest = *f->waddr >> beat_w;
    int64_t column = (int64_t)fixed_low((uint64_t)rest, col_w), part = rest >> col_w;
    if (!*f->we || beat >= beats(d) || column >= d->columns) return;
    size_t n = (size_t)lanes(d);
    int64_t word = (column * 4 + part) * beats(d) + beat;
    for (size_t i = 0; i < n; ++i) f->tile_q[(size_t)word * n + i] = (uint16_t)f->wdata[i];
}

static void tick_file(feeder_t *f)
{
    if (!*f->load || *f->load_row >= f->d->rows) return;
    size_t n = (size_t)f->elements;
    for (size_t i = 0; i < n; ++i) f->file_q[(size_t)*f->load_row * n + i] = (uint16_t)f->q[i];
    f->bias_q[*f->load_row] = *f->bias;
}

/* The next word's address enters at row 0 and column 0, the others move on. */
static void shift_in(int64_t *words, int n, int64_t first)
{
    memmove(words + 1, words, (size_t)(n - 1) * sizeof *words);
    words[0] = first;
}

void feeder_tick(void *self)
{
    feeder_t *f = self;
    int bits = f->at_w;
    int64_t op = *f->valid ? *f->op : 0;
    int64_t q = op == 1 || op == 2, bias = op == 3, kv = op == 1 || op == 2 || op == 4 || op == 5;
    tick_tile(f);
    tick_file(f);
    shift_in(f->row_at_q, f->d->rows, (q << 1 | bias) << bits | *f->at);
    shift_in(f->col_at_q, f->d->columns, (kv << 2 | *f->buffer << 1 | *f->is_v) << bits | *f->at);
    *f->tag_q = *f->valid ? *f->par << 3 | *f->op : 0;
}

void feeder_init(void *self, const design_t *d)
{
    feeder_t *f = self;
    f->d = d;
    f->elements = elements(d);
    f->at_w = at_bits(d);
}

#define FIELD(member) offsetof(feeder_t, member)

static int add_inputs(const design_t *d, signal_t *table)
{
    const signal_t inputs[] = {
        {"we", SIGNAL_IN, FIELD(we), 1, .codes = 2, .weights = "12", .meaning = "no yes"},
        {"waddr", SIGNAL_IN, FIELD(waddr), 2 + fixed_bits(d->columns) + design_beat_w(d),
         .meaning = "buffer, is_v, column, beat"},
        {"wdata", SIGNAL_IN, FIELD(wdata), 16, .dims = 1, .n = {lanes(d)}, .meaning = "a beat of K or V"},
        {"load", SIGNAL_IN, FIELD(load), 1, .codes = 2, .weights = "12", .meaning = "no yes"},
        {"load_row", SIGNAL_IN, FIELD(load_row), fixed_bits(d->rows), .meaning = "row whose operands load"},
        {"q", SIGNAL_IN, FIELD(q), 16, .dims = 1, .n = {elements(d)}, .meaning = "its query"},
        {"bias", SIGNAL_IN, FIELD(bias), d->bias.w, d->bias.frac, true, .meaning = "its bias"},
        {"valid", SIGNAL_IN, FIELD(valid), 1, .codes = 2, .weights = "19", .meaning = "no yes"},
        {"op", SIGNAL_IN, FIELD(op), 3, .codes = 6, .meaning = "none load mac exp fwd fwd_last"},
        {"par", SIGNAL_IN, FIELD(par), 1, .meaning = "pass number modulo 2"},
        {"is_v", SIGNAL_IN, FIELD(is_v), 1, .codes = 2, .meaning = "K V"},
        {"at", SIGNAL_IN, FIELD(at), at_bits(d), .meaning = "element of q, k or v"},
        {"buffer", SIGNAL_IN, FIELD(buffer), 1, .codes = 2, .meaning = "first second"},
    };
    memcpy(table, inputs, sizeof inputs);
    return (int)(sizeof inputs / sizeof *inputs);
}

static int feeder_signals(const design_t *d, signal_t *table)
{
    const signal_t more[] = {
        {"left", SIGNAL_OUT, FIELD(left), design_left_w(d), d->q.frac, true, .dims = 1, .n = {d->rows},
         .meaning = "left words of the rows"},
        {"top", SIGNAL_OUT, FIELD(top), design_top_w(d), d->k.frac, true, .dims = 1, .n = {d->columns},
         .meaning = "top words of the columns"},
        {"tag", SIGNAL_OUT, FIELD(tag), 4, .meaning = "par, op of row 0's word"},
        {"tile_q", SIGNAL_REG, FIELD(tile_q), 16, .dims = 3, .n = {d->columns, 4 * beats(d), lanes(d)},
         .bytes = 2, .objects = 1, .memory = true, .stored = true, .path = "g_col[#].tile_q",
         .meaning = "K and V; word {buffer, is_v, beat}"},
        {"file_q", SIGNAL_REG, FIELD(file_q), 16, .dims = 2, .n = {d->rows, elements(d)}, .bytes = 2,
         .memory = true, .stored = true, .path = "file_q", .meaning = "queries of the rows"},
        {"bias_q", SIGNAL_REG, FIELD(bias_q), d->bias.w, d->bias.frac, true, .dims = 1, .n = {d->rows},
         .path = "bias_q", .meaning = "biases of the rows"},
        {"row_at_q", SIGNAL_REG, FIELD(row_at_q), 2 + at_bits(d), .dims = 1, .n = {d->rows},
         .path = "row_at_q", .meaning = "q, bias, at of each row's word"},
        {"col_at_q", SIGNAL_REG, FIELD(col_at_q), 3 + at_bits(d), .dims = 1, .n = {d->columns},
         .path = "col_at_q", .meaning = "valid, buffer, is_v, at of each column's word"},
        {"tag_q", SIGNAL_REG, FIELD(tag_q), 4, .path = "tag_q"},
    };
    int n = add_inputs(d, table);
    memcpy(table + n, more, sizeof more);
    return n + (int)(sizeof more / sizeof *more);
}

static bool fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t feeder_type = {
    .name = "feeder",
    .summary = "K and V of two tiles and the rows' operands, skewed into the array",
    .size = sizeof(feeder_t),
    .clocked = true,
    .signals = feeder_signals,
    .init = feeder_init,
    .eval = feeder_eval,
    .tick = feeder_tick,
    .fits = fits,
};
