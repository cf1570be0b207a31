/* SPDX-License-Identifier: Apache-2.0 */
#include "split.h"

#include <string.h>

int split_parts(const design_t *d, int n)
{
    return (n + d->pes - 1) / d->pes;
}

static int kept(const design_t *d, const int64_t *mask, int cols[SPLIT_COLUMNS_MAX])
{
    int n = 0;
    for (int c = 0; c < d->columns; ++c) {
        if (mask[c]) cols[n++] = c;
    }
    return n;
}

/* Of n kept columns those of sub-row `part`; returns how many. */
static int pick(const design_t *d, const int *all, int n, int part, int *cols)
{
    bool interleaved = d->split_policy == SPLIT_INTERLEAVED;
    int from = interleaved ? part : part * d->pes, step = interleaved ? split_parts(d, n) : 1, taken = 0;
    for (int i = from; i < n && taken < d->pes; i += step) cols[taken++] = all[i];
    return taken;
}

int split_columns(const design_t *d, const int64_t *mask, int part, int cols[SPLIT_COLUMNS_MAX])
{
    int all[SPLIT_COLUMNS_MAX], n = kept(d, mask, all);
    return pick(d, all, n, part, cols);
}

int split_home(const design_t *d, int c)
{
    return (2 * c * (d->pes - 1) + d->columns - 1) / (2 * (d->columns - 1));
}

static int max(int a, int b)
{
    return a > b ? a : b;
}
static int min(int a, int b)
{
    return a < b ? a : b;
}

void split_place(const design_t *d, const int *cols, int n, int *slot)
{
    int reach = d->columns - d->pes, next = 0;
    for (int i = 0; i < n; ++i) {
        int least = max(next, cols[i] - reach);
        int wish = d->slots == SLOTS_HOME ? max(split_home(d, cols[i]), least) : least;
        slot[i] = min(wish, min(cols[i], d->pes - n + i)); /* the columns still to come need room */
        next = slot[i] + 1;
    }
}

/* mode and col from the placement: idle slots follow their left neighbour. */
static void show_slots(split_t *s, const int *cols, const int *slot, int n)
{
    for (int k = 0, i = 0; k < s->d->pes; ++k) {
        bool left = k && s->mode[k - 1] != SPLIT_SKIP;
        s->mode[k] = left ? SPLIT_PASS : SPLIT_SKIP;
        s->col[k] = left ? s->col[k - 1] + 1 : 0;
        if (i < n && slot[i] == k) {
            s->mode[k] = SPLIT_ACTIVE;
            s->col[k] = cols[i++];
        }
    }
}

static void show_delays(split_t *s)
{
    int last = s->d->pes - 1;
    for (int k = 0; k <= last; ++k) {
        int64_t right = k < last ? s->col[k + 1] : s->d->columns;
        s->c4[k] = s->mode[k] == SPLIT_SKIP ? 0 : right - s->col[k] - 1;
    }
}

/* What follows registers alone; rows are held for several cycles. */
static void show_sub_row(split_t *s)
{
    int cols[SPLIT_COLUMNS_MAX], slot[SPLIT_COLUMNS_MAX], all[SPLIT_COLUMNS_MAX];
    int n = kept(s->d, s->mask_q, all);
    int taken = pick(s->d, all, n, (int)*s->part_q, cols);
    split_place(s->d, cols, taken, slot);
    show_slots(s, cols, slot, taken);
    show_delays(s);
    *s->count = n;
    *s->have = n > 0;
    *s->last = n > 0 && *s->part_q == split_parts(s->d, n) - 1;
    s->shown = true;
}

void split_eval(void *self)
{
    split_t *s = self;
    if (!s->shown) show_sub_row(s);
    *s->ready = !*s->have || (*s->take && *s->last);
    *s->sub_row = *s->row_q;
}

void split_tick(void *self)
{
    split_t *s = self;
    size_t columns = (size_t)s->d->columns;
    if (*s->ready && *s->valid) {
        memcpy(s->mask_q, s->mask, columns * sizeof *s->mask);
        *s->row_q = *s->row;
        *s->part_q = 0;
        s->shown = false;
    } else if (*s->take && *s->have) {
        if (*s->last) memset(s->mask_q, 0, columns * sizeof *s->mask_q);
        *s->part_q = *s->last ? 0 : *s->part_q + 1;
        s->shown = false;
    }
}

#define FIELD(member) offsetof(split_t, member)

static int split_signals(const design_t *d, signal_t *table)
{
    const int columns = d->columns, pes = d->pes, parts = split_parts(d, columns);
    const signal_t all[] = {
        {"valid", SIGNAL_IN, FIELD(valid), 1, .codes = 2, .weights = "14", .meaning = "no yes"},
        {"mask", SIGNAL_IN, FIELD(mask), 1, .dims = 1, .n = {columns}, .meaning = "kept columns of the row"},
        {"row", SIGNAL_IN, FIELD(row), d->sub_row_id_w, .meaning = "id that travels with its sub-rows"},
        {"take", SIGNAL_IN, FIELD(take), 1, .codes = 2, .weights = "13", .meaning = "no yes"},
        {"ready", SIGNAL_OUT, FIELD(ready), 1, .meaning = "a row can be loaded"},
        {"have", SIGNAL_OUT, FIELD(have), 1, .meaning = "a sub-row is shown"},
        {"sub_row", SIGNAL_OUT, FIELD(sub_row), d->sub_row_id_w, .meaning = "its row id"},
        {"last", SIGNAL_OUT, FIELD(last), 1, .meaning = "the row's last sub-row"},
        {"mode", SIGNAL_OUT, FIELD(mode), 2, .dims = 1, .n = {pes}, .meaning = "0 skip, 1 pass, 2 active"},
        {"col", SIGNAL_OUT, FIELD(col), fixed_bits(columns), .dims = 1, .n = {pes},
         .meaning = "the slot's column"},
        {"c4", SIGNAL_OUT, FIELD(c4), design_c4_w(d), .dims = 1, .n = {pes}, .meaning = "delay to the right"},
        {"count_n", SIGNAL_NET, FIELD(count), fixed_bits(columns + 1), .path = "count_n",
         .meaning = "kept columns of the row held"},
        {"mask_q", SIGNAL_REG, FIELD(mask_q), 1, .dims = 1, .n = {columns}, .path = "mask_q"},
        {"row_q", SIGNAL_REG, FIELD(row_q), d->sub_row_id_w, .path = "row_q"},
        {"part_q", SIGNAL_REG, FIELD(part_q), fixed_bits(parts), .path = "part_q",
         .meaning = "sub-row shown"},
    };
    memcpy(table, all, sizeof all);
    return (int)(sizeof all / sizeof *all);
}

void split_reset(void *self)
{
    ((split_t *)self)->shown = false;
}

void split_init(void *self, const design_t *d)
{
    ((split_t *)self)->d = d;
}

const block_type_t split_type = {
    .name = "split",
    .summary = "splits a mask row into sub-rows of at most pes kept columns and places them on PEs",
    .size = sizeof(split_t),
    .clocked = true,
    .signals = split_signals,
    .init = split_init,
    .reset = split_reset,
    .eval = split_eval,
    .tick = split_tick,
};
