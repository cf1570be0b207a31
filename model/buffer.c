/* SPDX-License-Identifier: Apache-2.0 */
#include "buffer.h"

#include <string.h>

/* 16-bit elements of a beat, beats of a query, queries that both groups hold. */
static int lanes(const design_t *d)
{
    return design_bus_w(d) / 16;
}
static int beats(const design_t *d)
{
    return design_beats(d, d->head_max);
}
static int queries(const design_t *d)
{
    return 2 * design_group_rows(d);
}

/* ---- reads ---- */

/* Copies n elements, or n zeros when what is asked for does not exist. */
static void read(int64_t *to, const int64_t *from, int n, bool exists)
{
    if (exists)
        memcpy(to, from, (size_t)n * sizeof *to);
    else
        memset(to, 0, (size_t)n * sizeof *to);
}

static const int64_t *query_beat(const buffer_t *b, int64_t index, int64_t beat)
{
    return b->query_q + (index * beats(b->d) + beat) * lanes(b->d);
}

static int64_t *mask_beat(const buffer_t *b, int64_t index, int64_t beat)
{
    return b->mask_q + (index * design_mask_beats(b->d) + beat) * lanes(b->d);
}

static void read_mask(buffer_t *b)
{
    const design_t *d = b->d;
    bool exists = *b->mask_index < queries(d) && *b->mask_tile < design_tiles_max(d);
    int64_t in_beat = design_mask_lanes(d), first = *b->mask_tile % in_beat * design_mask_lane_w(d);
    const int64_t *beat = exists ? mask_beat(b, *b->mask_index, *b->mask_tile / in_beat) : NULL;
    for (int c = 0; c < d->columns; ++c) {
        int64_t bit = first + c;
        b->mask[c] = beat ? beat[bit / 16] >> bit % 16 & 1 : 0;
    }
}

/* Of all rows of a strip: the bit of a tile's word. */
static uint8_t *some_rows(const buffer_t *b, int64_t strip, int64_t tile)
{
    int64_t in_beat = design_mask_lanes(b->d), word = strip * design_mask_beats(b->d) + tile / in_beat;
    return b->some_q + (word * in_beat + tile % in_beat) * b->d->rows;
}

static void read_some(buffer_t *b)
{
    bool exists = *b->some_strip < 2 * b->d->strips && *b->some_tile < design_tiles_max(b->d);
    const uint8_t *some = exists ? some_rows(b, *b->some_strip, *b->some_tile) : NULL;
    for (int r = 0; r < b->d->rows; ++r) b->some[r] = some ? some[r] : 0;
}

void buffer_eval(void *self)
{
    buffer_t *b = self;
    const design_t *d = b->d;
    bool walks = *b->walk_index < queries(d), dots = *b->dot_index < queries(d) && *b->dot_beat < beats(d);
    read(b->walk_q, query_beat(b, walks ? *b->walk_index : 0, 0), beats(d) * lanes(d), walks);
    read(b->dot_q, query_beat(b, dots ? *b->dot_index : 0, dots ? *b->dot_beat : 0), lanes(d), dots);
    *b->walk_bias = walks ? b->bias_q[*b->walk_index] : 0;
    read_mask(b);
    read_some(b);
}

/* ---- writes ---- */

static void write_query(buffer_t *b)
{
    const design_t *d = b->d;
    if (!*b->q_we || *b->q_index >= queries(d) || *b->q_beat >= beats(d)) return;
    int64_t *to = b->query_q + (*b->q_index * beats(d) + *b->q_beat) * lanes(d);
    memcpy(to, b->q_data, (size_t)lanes(d) * sizeof *to);
}

/* A beat's words, lane by lane: beats hold whole lanes, and lanes that are no tile's are kept like others. */
static void note_beat(buffer_t *b, const int64_t *beat)
{
    const design_t *d = b->d;
    int64_t strip = *b->m_index / d->rows, row = *b->m_index % d->rows, in_beat = design_mask_lanes(d);
    for (int64_t lane = 0; lane < in_beat; ++lane) {
        int64_t first = lane * design_mask_lane_w(d), any = 0;
        for (int64_t bit = first; bit < first + d->columns; ++bit) any |= beat[bit / 16] >> bit % 16 & 1;
        some_rows(b, strip, *b->m_beat * in_beat + lane)[row] = (uint8_t)any;
    }
}

static void write_mask(buffer_t *b)
{
    const design_t *d = b->d;
    if (!*b->m_we || *b->m_index >= queries(d) || *b->m_beat >= design_mask_beats(d)) return;
    int64_t *to = mask_beat(b, *b->m_index, *b->m_beat);
    memcpy(to, b->m_data, (size_t)lanes(d) * sizeof *to);
    note_beat(b, to);
}

/* One lane of a beat, bit by bit: a lane may be half an element or several. */
static void write_predicted(buffer_t *b)
{
    const design_t *d = b->d;
    if (!*b->p_we || *b->p_index >= queries(d) || *b->p_tile >= design_tiles_max(d)) return;
    int64_t in_beat = design_mask_lanes(d), lane_w = design_mask_lane_w(d);
    int64_t *beat = mask_beat(b, *b->p_index, *b->p_tile / in_beat), any = 0;
    for (int64_t c = 0; c < lane_w; ++c) {
        int64_t bit = *b->p_tile % in_beat * lane_w + c, one = INT64_C(1) << bit % 16;
        bool kept = c < d->columns && b->p_word[c];
        beat[bit / 16] = kept ? beat[bit / 16] | one : beat[bit / 16] & ~one;
        any |= kept;
    }
    some_rows(b, *b->p_index / d->rows, *b->p_tile)[*b->p_index % d->rows] = (uint8_t)any;
}

void buffer_tick(void *self)
{
    buffer_t *b = self;
    write_query(b);
    write_mask(b);
    write_predicted(b);
    if (*b->b_we && *b->b_index < queries(b->d)) b->bias_q[*b->b_index] = *b->b_bias;
}

void buffer_init(void *self, const design_t *d)
{
    ((buffer_t *)self)->d = d;
}

#define FIELD(member) offsetof(buffer_t, member)

static int add_inputs(const design_t *d, signal_t *table)
{
    const int index_w = fixed_bits(queries(d)), tile_w = fixed_bits(design_tiles_max(d));
    const int beat_w = design_beat_w(d), n = lanes(d);
    const signal_t inputs[] = {
        {"q_we", SIGNAL_IN, FIELD(q_we), 1, .codes = 2, .weights = "11", .meaning = "no yes"},
        {"q_index", SIGNAL_IN, FIELD(q_index), index_w, .meaning = "query written"},
        {"q_beat", SIGNAL_IN, FIELD(q_beat), beat_w, .meaning = "its beat"},
        {"q_data", SIGNAL_IN, FIELD(q_data), 16, .dims = 1, .n = {n}, .meaning = "elements of the query"},
        {"m_we", SIGNAL_IN, FIELD(m_we), 1, .codes = 2, .weights = "11", .meaning = "no yes"},
        {"m_index", SIGNAL_IN, FIELD(m_index), index_w, .meaning = "query whose mask is written"},
        {"m_beat", SIGNAL_IN, FIELD(m_beat), beat_w, .meaning = "beat of the mask"},
        {"m_data", SIGNAL_IN, FIELD(m_data), 16, .dims = 1, .n = {n}, .meaning = "a whole beat of mask"},
        {"p_we", SIGNAL_IN, FIELD(p_we), 1, .codes = 2, .weights = "11", .meaning = "no yes"},
        {"p_index", SIGNAL_IN, FIELD(p_index), index_w, .meaning = "query whose mask is predicted"},
        {"p_tile", SIGNAL_IN, FIELD(p_tile), tile_w, .meaning = "tile of the predicted word"},
        {"p_word", SIGNAL_IN, FIELD(p_word), 1, .dims = 1, .n = {d->columns}, .meaning = "its kept columns"},
        {"b_we", SIGNAL_IN, FIELD(b_we), 1, .codes = 2, .weights = "11", .meaning = "no yes"},
        {"b_index", SIGNAL_IN, FIELD(b_index), index_w, .meaning = "query whose bias is written"},
        {"b_bias", SIGNAL_IN, FIELD(b_bias), d->bias.w, d->bias.frac, true, .meaning = "its bias"},
        {"walk_index", SIGNAL_IN, FIELD(walk_index), index_w, .meaning = "query that goes to the feeder"},
        {"dot_index", SIGNAL_IN, FIELD(dot_index), index_w, .meaning = "query of the exact score"},
        {"dot_beat", SIGNAL_IN, FIELD(dot_beat), beat_w, .meaning = "its beat"},
        {"mask_index", SIGNAL_IN, FIELD(mask_index), index_w, .meaning = "query whose mask is read"},
        {"mask_tile", SIGNAL_IN, FIELD(mask_tile), tile_w, .meaning = "tile of the word read"},
        {"some_strip", SIGNAL_IN, FIELD(some_strip), fixed_bits(2 * d->strips), .meaning = "strip"},
        {"some_tile", SIGNAL_IN, FIELD(some_tile), tile_w, .meaning = "and tile whose words are looked at"},
    };
    memcpy(table, inputs, sizeof inputs);
    return (int)(sizeof inputs / sizeof *inputs);
}

static int buffer_signals(const design_t *d, signal_t *table)
{
    const int n = lanes(d), row = beats(d) * n;
    const signal_t more[] = {
        {"walk_q", SIGNAL_OUT, FIELD(walk_q), 16, .dims = 1, .n = {row}, .meaning = "query at walk_index"},
        {"walk_bias", SIGNAL_OUT, FIELD(walk_bias), d->bias.w, d->bias.frac, true, .meaning = "its bias"},
        {"dot_q", SIGNAL_OUT, FIELD(dot_q), 16, .dims = 1, .n = {n}, .meaning = "beat of dot_index"},
        {"mask", SIGNAL_OUT, FIELD(mask), 1, .dims = 1, .n = {d->columns}, .meaning = "kept columns"},
        {"some", SIGNAL_OUT, FIELD(some), 1, .dims = 1, .n = {d->rows},
         .meaning = "rows of the strip whose word keeps a column"},
        {"query_q", SIGNAL_REG, FIELD(query_q), 16, .dims = 2, .n = {queries(d), row}, .memory = true,
         .stored = true, .path = "query_q", .meaning = "queries"},
        {"mask_q", SIGNAL_REG, FIELD(mask_q), 16, .dims = 2, .n = {queries(d) * design_mask_beats(d), n},
         .memory = true, .stored = true, .path = "mask_q", .meaning = "masks; word {index, beat}"},
        {"some_q", SIGNAL_REG, FIELD(some_q), 1, .bytes = 1, .dims = 2,
         .n = {2 * d->strips * design_mask_beats(d), design_mask_lanes(d) * d->rows}, .memory = true,
         .stored = true, .path = "some_q", .meaning = "rows whose word is not empty; word {strip, beat}"},
        {"bias_q", SIGNAL_REG, FIELD(bias_q), d->bias.w, d->bias.frac, true, .dims = 1, .n = {queries(d)},
         .memory = true, .stored = true, .path = "bias_q", .meaning = "biases"},
    };
    int count = add_inputs(d, table);
    memcpy(table + count, more, sizeof more);
    return count + (int)(sizeof more / sizeof *more);
}

static bool fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t buffer_type = {
    .name = "buffer",
    .summary = "queries, masks and biases of the resident groups",
    .size = sizeof(buffer_t),
    .clocked = true,
    .signals = buffer_signals,
    .init = buffer_init,
    .eval = buffer_eval,
    .tick = buffer_tick,
    .fits = fits,
};
