/* SPDX-License-Identifier: Apache-2.0 */
#include "predict_feeder.h"

#include <string.h>

enum { LANE = 16, HEADER = 32 }; /* bits of a memory's element, of a record's header */

static int lanes(const design_t *d)
{
    return design_bus_w(d) / LANE;
}

static int beats(const design_t *d)
{
    return design_low_record_beats(d, d->head_max);
}

static int at_w(const design_t *d)
{
    return fixed_bits(d->head_max);
}

static int tile_w(const design_t *d)
{
    return fixed_bits(design_tiles_max(d));
}

/* Place of a head's first key. */
static int64_t first_place(const design_t *d, int64_t upper)
{
    return upper ? d->keys_max / 2 : 0;
}

/* A record begins at a beat, so its elements lie at fixed places behind each other. */
static const uint16_t *record(const predict_feeder_t *f, const uint16_t *memory, int64_t number)
{
    return memory + number * f->elements;
}

static int64_t element(const predict_feeder_t *f, const uint16_t *r, int64_t n)
{
    int64_t bit = HEADER + n * design_low_w(f->d);
    return fixed_wrap(r[bit / LANE] >> (bit % LANE), f->d->operand_w);
}

static int64_t head(const predict_feeder_t *f, int64_t low, int64_t high)
{
    return (high & 1) << 16 | (int64_t)fixed_low((uint64_t)low, f->d->scale.w);
}

/* ---- what a place of the skew holds: valid, which record, which element ---- */

static int64_t place(bool valid, int64_t which, int which_bits, int64_t at, int at_bits)
{
    return (int64_t)valid << (which_bits + at_bits) | which << at_bits | at;
}

static int64_t left(const predict_feeder_t *f, int i)
{
    int at_bits = f->at_w;
    int64_t p = f->row_at_q[i], file = p >> at_bits & 3;
    if (!(p >> at_bits >> 2) || file >= PREDICT_FILES) return 0;
    return element(f, record(f, f->query_q, file * f->d->rows + i), (int64_t)fixed_low((uint64_t)p, at_bits));
}

static int64_t top(const predict_feeder_t *f, int j)
{
    int at_bits = f->at_w, tile_bits = f->tile_w;
    int64_t p = f->col_at_q[j], tile = (int64_t)fixed_low((uint64_t)p >> at_bits, tile_bits);
    int64_t upper = p >> at_bits >> tile_bits & 1;
    int64_t key = first_place(f->d, upper) + tile * f->d->columns + j;
    if (!(p >> at_bits >> tile_bits >> 1) || key >= f->d->keys_max) return 0;
    return element(f, record(f, f->key_q, key), (int64_t)fixed_low((uint64_t)p, at_bits));
}

void predict_feeder_eval(void *self)
{
    predict_feeder_t *f = self;
    const design_t *d = f->d;
    for (int i = 0; i < d->rows; ++i) f->left[i] = left(f, i);
    for (int j = 0; j < d->columns; ++j) f->top[j] = top(f, j);
    *f->tag = *f->tag_q;
    if (f->row_head != f->row_head_q)
        memcpy(f->row_head, f->row_head_q, PREDICT_FILES * (size_t)d->rows * sizeof *f->row_head);
    *f->key_head = 0;
    if (*f->head_key < d->keys_max) {
        const uint16_t *r = record(f, f->key_q, *f->head_key);
        *f->key_head = head(f, r[0], r[1]);
    }
}

static void store(const predict_feeder_t *f, uint16_t *memory, int64_t number, int64_t beat,
                  const int64_t *data)
{
    uint16_t *to = memory + (number * beats(f->d) + beat) * lanes(f->d);
    for (int i = 0; i < lanes(f->d); ++i) to[i] = (uint16_t)data[i];
}

static void write_memories(predict_feeder_t *f)
{
    const design_t *d = f->d;
    if (*f->k_we && *f->k_key < d->keys_max && *f->k_beat < beats(d))
        store(f, f->key_q, *f->k_key, *f->k_beat, f->k_data);
    if (!*f->q_we || *f->q_file >= PREDICT_FILES || *f->q_row >= d->rows || *f->q_beat >= beats(d)) return;
    int64_t query = *f->q_file * d->rows + *f->q_row;
    store(f, f->query_q, query, *f->q_beat, f->q_data);
    if (*f->q_beat == 0) f->row_head_q[query] = head(f, f->q_data[0], f->q_data[1]);
}

void predict_feeder_tick(void *self)
{
    predict_feeder_t *f = self;
    const design_t *d = f->d;
    bool has_element = *f->valid && *f->at < d->head_max, has_key = *f->tile < design_tiles_max(d);
    memmove(f->row_at_q + 1, f->row_at_q, ((size_t)d->rows - 1) * sizeof *f->row_at_q);
    memmove(f->col_at_q + 1, f->col_at_q, ((size_t)d->columns - 1) * sizeof *f->col_at_q);
    f->row_at_q[0] = place(has_element, *f->file, 2, *f->at, at_w(d));
    f->col_at_q[0] =
        place(has_element && has_key, *f->upper << tile_w(d) | *f->tile, 1 + tile_w(d), *f->at, at_w(d));
    *f->tag_q = !*f->valid ? PREDICT_NONE : *f->first ? PREDICT_FIRST : PREDICT_MORE;
    write_memories(f);
}

#define FIELD(member) offsetof(predict_feeder_t, member)

static int predict_feeder_signals(const design_t *d, signal_t *table)
{
    const int rows = d->rows, columns = d->columns, records = beats(d), key_w = fixed_bits(d->keys_max);
    const int beat_w = design_beat_w(d);
    const signal_t all[] = {
        {"k_we", SIGNAL_IN, FIELD(k_we), 1, .codes = 2, .weights = "11", .meaning = "hold write"},
        {"k_key", SIGNAL_IN, FIELD(k_key), key_w, .codes = d->keys_max, .meaning = "place of a key"},
        {"k_beat", SIGNAL_IN, FIELD(k_beat), beat_w, .codes = records, .meaning = "beat of its record"},
        {"k_data", SIGNAL_IN, FIELD(k_data), LANE, .dims = 1, .n = {lanes(d)}, .meaning = "a beat"},
        {"q_we", SIGNAL_IN, FIELD(q_we), 1, .codes = 2, .weights = "11", .meaning = "hold write"},
        {"q_file", SIGNAL_IN, FIELD(q_file), 2, .codes = PREDICT_FILES, .meaning = "file"},
        {"q_row", SIGNAL_IN, FIELD(q_row), fixed_bits(rows), .codes = rows, .meaning = "row"},
        {"q_beat", SIGNAL_IN, FIELD(q_beat), beat_w, .codes = records, .meaning = "beat of its record"},
        {"q_data", SIGNAL_IN, FIELD(q_data), LANE, .dims = 1, .n = {lanes(d)}, .meaning = "a beat"},
        {"valid", SIGNAL_IN, FIELD(valid), 1, .codes = 2, .weights = "14", .meaning = "none word"},
        {"first", SIGNAL_IN, FIELD(first), 1, .codes = 2, .weights = "41", .meaning = "more first"},
        {"file", SIGNAL_IN, FIELD(file), 2, .codes = PREDICT_FILES, .meaning = "file of the queries"},
        {"upper", SIGNAL_IN, FIELD(upper), 1, .codes = 2, .weights = "31", .meaning = "lower upper keys"},
        {"tile", SIGNAL_IN, FIELD(tile), tile_w(d), .codes = design_tiles_max(d), .meaning = "tile of keys"},
        {"at", SIGNAL_IN, FIELD(at), at_w(d), .codes = d->head_max, .meaning = "element"},
        {"head_key", SIGNAL_IN, FIELD(head_key), key_w, .codes = d->keys_max,
         .meaning = "key whose header shows"},
        {"left", SIGNAL_OUT, FIELD(left), d->operand_w, 0, true, .dims = 1, .n = {rows},
         .meaning = "operands of queries"},
        {"top", SIGNAL_OUT, FIELD(top), d->operand_w, 0, true, .dims = 1, .n = {columns},
         .meaning = "operands of keys"},
        {"tag", SIGNAL_OUT, FIELD(tag), 2, .meaning = "none first more"},
        {"row_head", SIGNAL_OUT, FIELD(row_head), PREDICT_HEAD_W, .dims = 2, .n = {PREDICT_FILES, rows},
         .meaning = "valid and scale of the files' queries"},
        {"key_head", SIGNAL_OUT, FIELD(key_head), PREDICT_HEAD_W, .meaning = "valid and scale of head_key"},
        {"key_q", SIGNAL_REG, FIELD(key_q), LANE, .dims = 2, .n = {d->keys_max * records, lanes(d)},
         .memory = true, .stored = true, .bytes = 2, .path = "key_q"},
        {"query_q", SIGNAL_REG, FIELD(query_q), LANE, .dims = 2,
         .n = {PREDICT_FILES * rows * records, lanes(d)}, .memory = true, .stored = true, .bytes = 2,
         .path = "query_q"},
        {"row_head_q", SIGNAL_REG, FIELD(row_head_q), PREDICT_HEAD_W, .dims = 2, .n = {PREDICT_FILES, rows},
         .path = "row_head_q"},
        {"row_at_q", SIGNAL_REG, FIELD(row_at_q), 3 + at_w(d), .dims = 1, .n = {rows}, .path = "row_at_q"},
        {"col_at_q", SIGNAL_REG, FIELD(col_at_q), 2 + tile_w(d) + at_w(d), .dims = 1, .n = {columns},
         .path = "col_at_q"},
        {"tag_q", SIGNAL_REG, FIELD(tag_q), 2, .path = "tag_q"},
    };
    int n = (int)(sizeof all / sizeof *all);
    for (int i = 0; i < n; ++i) table[i] = all[i];
    return n;
}

void predict_feeder_init(void *self, const design_t *d)
{
    predict_feeder_t *f = self;
    f->d = d;
    f->at_w = at_w(d);
    f->tile_w = tile_w(d);
    f->elements = beats(d) * lanes(d);
}

static bool predict_feeder_fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t predict_feeder_type = {
    .name = "predict_feeder",
    .summary = "low-bit keys of heads and low-bit queries of three strips, skewed for predict_array",
    .size = sizeof(predict_feeder_t),
    .clocked = true,
    .signals = predict_feeder_signals,
    .init = predict_feeder_init,
    .eval = predict_feeder_eval,
    .tick = predict_feeder_tick,
    .fits = predict_feeder_fits,
};
