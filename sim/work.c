/* SPDX-License-Identifier: Apache-2.0 */
#include "work.h"

#include "../model/split.h"

/* One mask row of a tile. */
static int64_t add_row(const design_t *d, const uint8_t *bits, size_t n, work_t *w)
{
    int64_t mask[SPLIT_COLUMNS_MAX] = {0};
    int kept = 0;
    for (size_t c = 0; c < n; ++c) kept += (mask[c] = bits[c] != 0) != 0;
    int parts = split_parts(d, kept);
    for (int part = 0; part < parts; ++part) {
        int cols[SPLIT_COLUMNS_MAX], slot[SPLIT_COLUMNS_MAX];
        int n_cols = split_columns(d, mask, part, cols);
        split_place(d, cols, n_cols, slot);
        w->pass_slots += d->pes - slot[0] - n_cols;
    }
    w->non_zeros += kept;
    return parts;
}

static void add_tile(const design_t *d, const uint8_t *mask, size_t rows, size_t keys, size_t base, work_t *w)
{
    size_t n = keys - base < (size_t)d->columns ? keys - base : (size_t)d->columns;
    int64_t sub_rows = 0;
    for (size_t i = 0; i < rows; ++i) sub_rows += add_row(d, mask + i * keys + base, n, w);
    w->sub_rows += sub_rows;
    w->passes += (sub_rows + d->rows - 1) / d->rows;
}

work_t work_of_mask(const design_t *d, const uint8_t *mask, size_t queries, size_t keys, bool causal)
{
    work_t w = {0};
    size_t group = (size_t)design_group_rows(d);
    for (size_t first = 0; first < queries; first += group) {
        size_t rows = queries - first < group ? queries - first : group;
        size_t limit = causal && first + rows < keys ? first + rows : keys;
        for (size_t base = 0; base < limit; base += (size_t)d->columns)
            add_tile(d, mask + first * keys, rows, keys, base, &w);
    }
    return w;
}

void work_add(work_t *a, const work_t *b)
{
    a->passes += b->passes;
    a->sub_rows += b->sub_rows;
    a->non_zeros += b->non_zeros;
    a->pass_slots += b->pass_slots;
}

int64_t work_bound_sub_rows(const design_t *d, const work_t *w, int head_size)
{
    return 2 * head_size * ((w->sub_rows + d->rows - 1) / d->rows);
}

int64_t work_bound_non_zeros(const design_t *d, const work_t *w, int head_size)
{
    int64_t pes = (int64_t)d->rows * d->pes;
    return (w->non_zeros * 2 * head_size + pes - 1) / pes;
}
