/* SPDX-License-Identifier: Apache-2.0 */
/* Does every read of the buffer show the last write of each of its bits? */
#include "../model/buffer.h"

#include <string.h>

#include "../sim/paths.h"
#include "array_drive.h"

#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

enum { QUERIES = 1024, ELEMENTS = 256, TILES = 4096, COLUMNS = 128 };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* What was written, by query and key: nothing of beats and lanes. */
static struct {
    int64_t q[QUERIES][ELEMENTS], bias[QUERIES];
    char mask[QUERIES][TILES * 2]; /* by bit of a mask row */
} known;

static random_t r;

static void fill_words(int64_t *words, int n, int64_t limit)
{
    for (int i = 0; i < n; ++i) words[i] = random_below(&r, limit);
}

/* Bit of the mask row where a tile's word begins. */
static int lane_of(const design_t *d, int64_t tile)
{
    int width = 8;
    while (width < d->columns) width *= 2;
    return (int)tile * width;
}

static void drive(buffer_t *b)
{
    const design_t *d = b->d;
    int lanes = d->bus_bytes / 2, index = fixed_bits(2 * d->strips * d->rows), beat = design_beat_w(d);
    int tile = fixed_bits(design_tiles_max(d));
    int64_t *const enables[] = {b->q_we, b->m_we, b->p_we, b->b_we};
    int64_t *const indices[] = {b->q_index,    b->m_index,   b->p_index,   b->b_index,
                                b->walk_index, b->dot_index, b->mask_index};
    int64_t *const beats[] = {b->q_beat, b->m_beat, b->dot_beat};
    for (int i = 0; i < 4; ++i) *enables[i] = random_below(&r, 2);
    for (int i = 0; i < 7; ++i) *indices[i] = random_below(&r, 1 << index);
    for (int i = 0; i < 3; ++i) *beats[i] = random_below(&r, 1 << beat);
    *b->p_tile = random_below(&r, 1 << tile), *b->mask_tile = random_below(&r, 1 << tile);
    *b->some_strip = random_below(&r, 1 << fixed_bits(2 * d->strips)),
    *b->some_tile = random_below(&r, 1 << tile);
    if (random_one_in(&r, 3)) *b->p_index = *b->m_index; /* where the two may meet */
    *b->b_bias = random_word(&r, d->bias.w);
    fill_words(b->q_data, lanes, 1 << 16);
    fill_words(b->m_data, lanes, 1 << 16);
    fill_words(b->p_word, d->columns, 2);
    bool empty = random_one_in(&r, 2), spare = random_one_in(&r, 2); /* nothing, or nothing but spare bits */
    for (int n = 0; n < 16 * lanes && empty; ++n) {
        if (!spare || n % lane_of(d, 1) < d->columns) b->m_data[n / 16] &= ~(INT64_C(1) << n % 16);
    }
    for (int c = 0; c < d->columns && empty; ++c) b->p_word[c] = spare && c == d->columns - 1;
}

/* After the edge. */
static void note(const buffer_t *b)
{
    const design_t *d = b->d;
    int lanes = d->bus_bytes / 2, queries = 2 * d->strips * d->rows;
    if (*b->q_we && *b->q_index < queries && *b->q_beat < design_beats(d, d->head_max)) {
        for (int n = 0; n < lanes; ++n) known.q[*b->q_index][*b->q_beat * lanes + n] = b->q_data[n];
    }
    if (*b->b_we && *b->b_index < queries) known.bias[*b->b_index] = *b->b_bias;
    if (*b->m_we && *b->m_index < queries && *b->m_beat < design_mask_beats(d)) {
        for (int n = 0; n < 16 * lanes; ++n)
            known.mask[*b->m_index][*b->m_beat * 16 * lanes + n] = b->m_data[n / 16] >> n % 16 & 1;
    }
    if (*b->p_we && *b->p_index < queries && *b->p_tile < design_tiles_max(d)) {
        int first = lane_of(d, *b->p_tile), next = lane_of(d, *b->p_tile + 1);
        for (int n = first; n < next; ++n)
            known.mask[*b->p_index][n] = n - first < d->columns && b->p_word[n - first];
    }
}

static void check(const buffer_t *b, int t)
{
    const design_t *d = b->d;
    int lanes = d->bus_bytes / 2, queries = 2 * d->strips * d->rows, beats = design_beats(d, d->head_max);
    bool walks = *b->walk_index < queries, dots = *b->dot_index < queries && *b->dot_beat < beats;
    for (int n = 0; n < beats * lanes; ++n) {
        int64_t want = walks ? known.q[*b->walk_index][n] : 0;
        demand(b->walk_q[n] == want, "%s cycle %d: walk element %d", d->name, t, n);
    }
    demand(*b->walk_bias == (walks ? known.bias[*b->walk_index] : 0), "%s cycle %d: bias", d->name, t);
    for (int n = 0; n < lanes; ++n) {
        int64_t want = dots ? known.q[*b->dot_index][*b->dot_beat * lanes + n] : 0;
        demand(b->dot_q[n] == want, "%s cycle %d: dot element %d", d->name, t, n);
    }
    bool masks = *b->mask_index < queries && *b->mask_tile < design_tiles_max(d);
    for (int c = 0; c < d->columns; ++c) {
        int want = masks ? known.mask[*b->mask_index][lane_of(d, *b->mask_tile) + c] : 0;
        demand(b->mask[c] == want, "%s cycle %d: query %d tile %d column %d", d->name, t, (int)*b->mask_index,
               (int)*b->mask_tile, c);
    }
}

static void check_some(const buffer_t *b, int t)
{
    const design_t *d = b->d;
    bool exist = *b->some_strip < 2 * d->strips && *b->some_tile < design_tiles_max(d);
    for (int i = 0; i < d->rows; ++i) {
        const char *row = exist ? known.mask[*b->some_strip * d->rows + i] : NULL;
        bool want = exist && memchr(row + lane_of(d, *b->some_tile), 1, (size_t)d->columns);
        demand(b->some[i] == want, "%s cycle %d: strip %d tile %d row %d", d->name, t, (int)*b->some_strip,
               (int)*b->some_tile, i);
    }
}

/* The memories hold zeros at first here: they have no reset, and the block opens with zeros. */
static void check_design(const design_t *d, int cycles)
{
    block_t *block = block_open(&buffer_type, d);
    buffer_t *b = block->self;
    memset(&known, 0, sizeof known);
    for (int t = 0; t < cycles; ++t) {
        drive(b);
        settle(block);
        check(b, t);
        check_some(b, t);
        block->type->tick(b);
        note(b);
    }
    block_close(block);
}

START_TEST(reads_show_the_last_write_of_every_bit)
{
    static const char *const names[] = {"odd_5x7x3_travelling", "full_4x4x4_travelling",
                                        "one_pe_6x5x1_travelling", "ties_7x9x3_travelling"};
    for (int i = 0; i < 4; ++i) {
        design_t d = load(names[i]);
        r.state = (uint64_t)i;
        check_design(&d, 30000);
    }
    design_t d = load("paper_64x16");
    check_design(&d, 3000);
}
END_TEST

/* One tile a beat, and lanes of two beats' width in a small bus: shapes that no design file has. */
START_TEST(lanes_of_other_widths_are_found)
{
    design_t d = load("odd_5x7x3_travelling");
    for (d.bus_bytes = 8; d.bus_bytes <= 64; d.bus_bytes *= 2) {
        for (d.columns = 7; d.columns <= 64; d.columns += 19) {
            d.keys_max = 3 * d.columns + 1;
            check_design(&d, 2000);
            d.keys_max = 1;
            check_design(&d, 500);
        }
    }
}
END_TEST

/* A query's mask row as memory holds it: tile t's word in lane t, bit c for key t * columns + c. */
START_TEST(a_known_mask_row_is_read_tile_by_tile)
{
    design_t d = load("odd_5x7x3_travelling"); /* 8 lanes of 8 bits a beat */
    block_t *block = block_open(&buffer_type, &d);
    buffer_t *b = block->self;
    const int64_t beat[4] = {0x0201, 0x0804, 0x2010, 0x0040};
    *b->m_we = 1, *b->m_index = 3;
    memcpy(b->m_data, beat, sizeof beat);
    cycle(block);
    *b->mask_index = 3;
    for (int tile = 0; tile < design_tiles_max(&d); ++tile) {
        *b->mask_tile = tile;
        settle(block);
        for (int c = 0; c < d.columns; ++c) demand(b->mask[c] == (c == tile), "tile %d column %d", tile, c);
    }
    block_close(block);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("buffer");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, reads_show_the_last_write_of_every_bit);
    tcase_add_test(t, lanes_of_other_widths_are_found);
    tcase_add_test(t, a_known_mask_row_is_read_tile_by_tile);
    return run_suite("buffer", t);
}
