/* SPDX-License-Identifier: Apache-2.0 */
/* Rows become sub-rows, and those passes. machine_pass_gather.h says what of the whole this is. */
#include "machine_pass_gather.h"

#include <string.h>

/* ---- which row comes next ---- */

bool gather_knows(const gather_t *g, int strip)
{
    const pass_control_t *w = g->wires;
    int64_t n = (int64_t)fixed_low((uint64_t)(g->strip_n + strip), g->strip_n_w);
    bool cleared = fixed_low((uint64_t)(g->group - *w->drained), 2) < 2;
    return cleared && *w->predicted != n && *w->rebiased != n;
}

static int64_t key_limit(const gather_t *g, int half)
{
    const pass_control_t *w = g->wires;
    int64_t last = w->g_first[half] + w->g_rows[half];
    return w->g_causal[half] && last < w->g_keys[half] ? last : w->g_keys[half];
}

static bool is_last_strip(const gather_t *g)
{
    int next = g->strip + 1;
    return next >= g->d->strips || next * g->d->rows >= g->wires->g_rows[g->group % 2];
}

static int next_row(const gather_t *g)
{
    if (g->left[0]) return __builtin_ctzll(g->left[0]);
    return g->left[1] ? 64 + __builtin_ctzll(g->left[1]) : 0;
}

static bool at_most_one(const uint64_t bits[2])
{
    uint64_t all = bits[0] | bits[1];
    return !(all & (all - 1)) && !(bits[0] && bits[1]);
}

static bool offer_row(gather_t *g)
{
    if (!g->fresh || (!g->begun && g->tile_of[g->buffer].open)) return false;
    g->now.strip_end = at_most_one(g->left);
    g->now.last_strip = is_last_strip(g);
    g->now.last_row = g->now.strip_end && g->now.last_strip;
    g->now.last_tile = g->base + g->d->columns >= key_limit(g, g->group % 2);
    return true;
}

/* ---- decisions ---- */

/* A sub-row leaves a full window, or one whose oldest tile gets no more; one more may enter then. Returns
   whether one may. */
static bool pass_window(gather_t *g, bool room)
{
    int n = g->waiting, buffer = n ? g->window[0]->buffer : 0;
    g->now.take = room && n && (n == g->d->window || g->ended[buffer]);
    bool may = n < g->d->window || g->now.take;
    g->now.enter = may && g->part < g->parts;
    for (int b = 0; b < 2; ++b)
        g->now.end[b] = g->ended[b] && g->of_buffer[b] == (g->now.take && buffer == b);
    g->now.buffer = buffer;
    return may;
}

static bool pass_directly(gather_t *g, bool room)
{
    g->now.take = g->now.enter = room && g->part < g->parts;
    g->now.buffer = g->held_buffer;
    return room;
}

void gather_decide_rows(gather_t *g)
{
    const bool windowed = g->d->window > 1, have = g->part < g->parts, last = g->part + 1 == g->parts;
    bool room = (g->closed - g->complete + GATHER_PASSES) % GATHER_PASSES < DESIGN_PASSES;
    bool may = windowed ? pass_window(g, room) : pass_directly(g, room), ready = !have || (may && last);
    g->now.accept = ready && offer_row(g);
    g->now.split_end = g->held_end && (!have || (g->now.enter && last));
    for (int b = 0; b < 2 && !windowed; ++b) g->now.end[b] = g->now.split_end && g->held_buffer == b;
    g->now.half = g->tile_of[g->now.buffer].half;
    bool full = g->now.take && g->fill + 1 == g->d->rows;
    g->now.close = full || (g->now.end[g->now.buffer] && (g->now.take || g->fill));
}

/* ---- a clock edge ---- */

/* Places in the window of sub-rows of this query, a bit each. */
static unsigned places_of(const gather_t *g, int index)
{
    unsigned places = 0;
    for (int i = 0; i < GATHER_WINDOW_MAX; ++i) places |= (unsigned)(g->window_index[i] == index) << i;
    return places;
}

/* The next of its query is the oldest then. */
static gather_sub_row_t *leave_window(gather_t *g, int place)
{
    gather_sub_row_t *s = g->window[place];
    const unsigned older = (1u << place) - 1,
                   younger = places_of(g, s->slots.index) & ~older & ~(1u << place);
    --g->of_buffer[s->buffer];
    --g->waiting;
    g->younger &= ~(younger & -younger);
    g->younger = (g->younger & older) | (g->younger >> 1 & ~older);
    for (int i = place; i < GATHER_WINDOW_MAX; ++i) {
        g->window[i] = g->window[i + 1];
        g->window_index[i] = g->window_index[i + 1];
    }
    return s;
}

static void enter_window(gather_t *g, gather_sub_row_t *s)
{
    if (places_of(g, s->slots.index)) g->younger |= 1u << g->waiting;
    g->window_index[g->waiting] = s->slots.index;
    g->window[g->waiting++] = s;
    ++g->of_buffer[s->buffer];
}

/* The sub-row takes its place in the open pass, whose old one is free. */
static void enter_table(gather_t *g, gather_sub_row_t *s, int h)
{
    const pass_control_t *w = g->wires;
    gather_sub_row_t **place = &gather_bank(g, g->closed)->row[g->fill];
    g->spare[g->spares++] = *place;
    *place = s;
    if (h > g->high) g->high = h;
    ++*w->sub_rows_q;
    *w->active_q += s->slots.n;
    *w->idle_q += s->idle;
}

/* Closes the open pass, if it is its time. */
static void move_table(gather_t *g)
{
    gather_bank_t *bank = gather_bank(g, g->closed);
    g->fill += g->now.take;
    if (!g->now.close) return;
    bank->count = g->fill;
    bank->d = (int)g->wires->g_d[g->now.half];
    bank->h = g->high;
    bank->buffer = g->now.buffer;
    g->fill = g->high = 0;
}

static gather_sub_row_t *split_sub_row(gather_t *g)
{
    gather_sub_row_t *s = g->spare[--g->spares];
    gather_make_sub_row(g, s);
    ++g->part;
    return s;
}

static void move_window(gather_t *g)
{
    if (g->now.take) {
        int h, pick = gather_choose(g, &h);
        enter_table(g, leave_window(g, pick), h);
    }
    if (g->now.enter) enter_window(g, split_sub_row(g));
    for (int b = 0; b < 2; ++b) {
        if (g->now.end[b]) g->ended[b] = false;
    }
    if (!g->now.split_end) return;
    g->ended[g->held_buffer] = true;
    g->final[g->held_buffer] = g->held_final;
}

static void move_directly(gather_t *g)
{
    if (!g->now.take) return;
    gather_sub_row_t *s = split_sub_row(g);
    enter_table(g, s, gather_cost(g, s));
}

static int strip_to_read(const gather_t *g)
{
    if (!g->fresh) return g->strip;
    return is_last_strip(g) ? 0 : g->strip + 1;
}

/* Rows of the strip that follows that keep a column, as far as the group has them. */
static void read_rows(gather_t *g)
{
    const design_t *d = g->d;
    int half = g->group % 2;
    bool last = g->fresh && is_last_strip(g);
    int strip = strip_to_read(g), first = strip * d->rows;
    int64_t rows = g->wires->g_rows[half] - first;
    int index = half * design_group_rows(d) + first;
    datapath_get_rows(g->data, index, rows < d->rows ? (int)rows : d->rows, g->tile + last, g->left);
    g->fresh = true;
}

static void next_tile(gather_t *g)
{
    bool last = g->now.last_tile;
    g->buffer = !g->buffer;
    g->tile = last ? 0 : g->tile + 1;
    g->base = last ? 0 : g->base + g->d->columns;
    g->group = (g->group + last) % 4;
    if (!last) return;
    g->strip_n = (int)fixed_low((uint64_t)(g->strip_n + g->strip + 1), g->strip_n_w);
    g->fresh = false;
}

/* The row's kept columns go to split. */
static void load_row(gather_t *g, int row)
{
    int half = g->group % 2;
    int64_t keys = key_limit(g, half) - g->base;
    uint64_t word[2];
    g->index = half * design_group_rows(g->d) + g->strip * g->d->rows + row;
    datapath_get_word(g->data, g->index, g->tile, word);
    for (int i = 0; i < 2; ++i) {
        int64_t n = (keys < g->d->columns ? keys : g->d->columns) - 64 * i;
        word[i] = n >= 64 ? word[i] : n > 0 ? word[i] & ((UINT64_C(1) << n) - 1) : 0;
    }
    g->kept = gather_list_columns(g, word);
    g->part = 0;
    g->parts = g->parts_of[g->kept];
}

static void take_row(gather_t *g)
{
    int row = next_row(g);
    load_row(g, row);
    g->held_buffer = g->buffer;
    g->held_end = g->now.last_row;
    g->held_final = g->now.last_tile;
    g->begun = !g->now.last_row;
    if (!g->now.strip_end) {
        g->left[row / 64] &= ~(UINT64_C(1) << row % 64);
        return;
    }
    int next = strip_to_read(g);
    read_rows(g);
    g->fresh = gather_knows(g, next);
    if (g->now.last_strip) next_tile(g);
    g->strip = next;
}

void gather_move_rows(gather_t *g)
{
    if (g->d->window > 1)
        move_window(g);
    else
        move_directly(g);
    if (g->now.take || g->now.close) move_table(g);
    if (g->now.accept) {
        take_row(g);
        return;
    }
    if (g->now.split_end) g->held_end = false;
    if (!g->fresh && gather_knows(g, g->strip)) read_rows(g);
}

/* ---- opening ---- */

void gather_init(gather_t *g, const design_t *d, const pass_control_t *wires, const datapath_t *data)
{
    g->d = d;
    g->wires = wires;
    g->data = data;
    g->strip_n_w = design_held_w(d);
    gather_init_slots(g, d);
}

/* All registers 0; every place of the table and the window has a sub-row of its own. */
void gather_reset(gather_t *g)
{
    const gather_t kept = *g;
    int n = 0;
    memset(g, 0, sizeof *g);
    gather_init(g, kept.d, kept.wires, kept.data);
    g->vectors = kept.vectors;
    gather_reset_slots(g);
    for (int i = 0; i < DESIGN_PASSES; ++i) {
        for (int r = 0; r < g->d->rows; ++r) g->bank[i].row[r] = &g->sub_row[n++];
    }
    for (int i = 0; i <= GATHER_WINDOW_MAX; ++i) {
        g->window[i] = &g->sub_row[0];
        g->window_index[i] = -1;
    }
    while (g->spares < g->d->window) g->spare[g->spares++] = &g->sub_row[n++];
    gather_reset_starts(g);
}
