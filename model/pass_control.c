/* SPDX-License-Identifier: Apache-2.0 */
#include "pass_control.h"

#include <string.h>

enum { NUMBERS = 2 * DESIGN_PASSES }; /* pass counters are modulo this */

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t bank_of(int64_t pass)
{
    return pass % DESIGN_PASSES;
}

/* The pass before the one that comes next: the last that was walked, started. */
static int64_t last_of(int64_t counter)
{
    return (counter + NUMBERS - 1) % NUMBERS;
}

static int since_w(const design_t *d)
{
    int heads = 1 << fixed_bits(d->head_max + 1);
    return fixed_bits(2 * (heads + d->rows + d->columns) + 5);
}

static int base_w(const design_t *d)
{
    return fixed_bits((1 << fixed_bits(d->keys_max + 1)) + d->columns);
}

int pass_control_gap(const design_t *d)
{
    return d->control == CONTROL_TRAVELLING ? 0 : d->rows + d->columns - 2;
}

/* ---- what the array asks for, by its control ---- */

int64_t pass_control_least_interval(const design_t *d, int64_t last, int64_t next)
{
    if (d->control == CONTROL_ARRAY) return 2 * (last + d->rows + d->columns);
    int64_t longer = max(0, last - next);
    return max(d->columns + longer, d->rows + 2 * longer);
}

int64_t pass_control_hazard_interval(const design_t *d, int64_t last, int64_t h)
{
    return d->control == CONTROL_ARRAY ? 0 : 2 * last + 1 + h;
}

/* The array and the feeder can take the next pass's configuration: one is in use, one may wait. */
static bool may_walk(const pass_control_t *p)
{
    const design_t *d = p->d;
    if (d->control == CONTROL_ARRAY) return *p->since_q >= *p->last_d_q + 1;
    return *p->since_q >= *p->last_d_q + 1 && *p->before_q >= 2 * *p->before_d_q + d->columns + 2;
}

/* ---- decisions of one cycle, of registers and inputs ---- */

/* Strip of the group: its masks and biases are there, and the sums of the half's last group are not any more.
 */
static bool is_known(const pass_control_t *p, int64_t strip)
{
    int64_t n = (int64_t)fixed_low((uint64_t)(*p->strip_n_q + strip), design_held_w(p->d));
    bool cleared = fixed_low((uint64_t)(*p->gather_group_q - *p->drained), 2) < 2;
    return cleared && *p->predicted != n && *p->rebiased != n;
}

static int64_t key_limit(const pass_control_t *p, int64_t half)
{
    int64_t last = p->g_first[half] + p->g_rows[half];
    return p->g_causal[half] && last < p->g_keys[half] ? last : p->g_keys[half];
}

/* The strip's first row to come, 0 when none is. */
static int64_t next_row(const pass_control_t *p)
{
    for (int r = 0; r < p->d->rows; ++r)
        if (p->left_q[r]) return r;
    return 0;
}

/* Number of the query that is gathered next. */
static int64_t gather_index(const pass_control_t *p)
{
    int group_rows = design_group_rows(p->d);
    int64_t strip = *p->gather_strip_q * p->d->rows;
    int64_t index = *p->gather_group_q % 2 * group_rows + strip + next_row(p);
    return (int64_t)fixed_low((uint64_t)index, fixed_bits(2 * group_rows));
}

static bool is_last_strip(const pass_control_t *p)
{
    int64_t next = *p->gather_strip_q + 1;
    return next >= p->d->strips || next * p->d->rows >= p->g_rows[*p->gather_group_q % 2];
}

/* The strip of the group whose rows come next, and its tile: this one if its rows have not been read yet. */
static int64_t strip_to_read(const pass_control_t *p)
{
    if (!*p->fresh_q) return *p->gather_strip_q;
    return is_last_strip(p) ? 0 : *p->gather_strip_q + 1;
}

static int64_t tile_to_read(const pass_control_t *p)
{
    int64_t tile = *p->gather_tile_q + (*p->fresh_q && is_last_strip(p));
    return (int64_t)fixed_low((uint64_t)tile, fixed_bits(design_tiles_max(p->d)));
}

static void offer_row(pass_control_t *p)
{
    int64_t half = *p->gather_group_q % 2, rows = 0;
    for (int r = 0; r < p->d->rows; ++r) rows += p->left_q[r];
    p->now.strip_end = rows <= 1;
    p->now.last_strip = is_last_strip(p);
    p->now.last_row = p->now.strip_end && p->now.last_strip;
    p->now.last_tile = *p->gather_base_q + p->d->columns >= key_limit(p, half);
    bool free = *p->begun_q || !p->tile_open_q[*p->gather_buffer_q];
    p->wire.valid = *p->fresh_q && free;
    p->wire.row = gather_index(p);
}

static bool has_window(const pass_control_t *p)
{
    return p->d->window > 1;
}

static int64_t waiting_of(const pass_control_t *p, int64_t buffer)
{
    int64_t n = 0;
    for (int i = 0; i < *p->win_n_q; ++i) n += p->win_buffer_q[i] == buffer;
    return n;
}

/* A sub-row leaves a full window, or one whose oldest tile gets no more; one more may enter then. */
static void pass_window(pass_control_t *p, bool room)
{
    int64_t n = *p->win_n_q, buffer = p->win_buffer_q[0];
    p->now.take = room && n && (n == p->d->window || p->ended_q[buffer]);
    p->wire.take = n < p->d->window || p->now.take;
    split_eval(&p->split);
    p->now.enter = p->wire.take && p->wire.have;
    for (int b = 0; b < 2; ++b)
        p->now.end[b] = p->ended_q[b] && waiting_of(p, b) == (p->now.take && buffer == b);
    p->now.buffer = buffer;
}

static void pass_directly(pass_control_t *p, bool room)
{
    p->wire.take = room;
    split_eval(&p->split);
    p->now.take = p->now.enter = p->wire.take && p->wire.have;
    p->now.buffer = *p->held_buffer_q;
}

/* A sub-row is taken while its bank is free; a bank closes full or at its tile's end. */
static void take_sub_row(pass_control_t *p)
{
    bool room = (*p->closed_q - *p->complete_q + NUMBERS) % NUMBERS < DESIGN_PASSES;
    if (has_window(p))
        pass_window(p, room);
    else
        pass_directly(p, room);
    p->now.half = p->tile_half_q[p->now.buffer];
    p->now.accept = p->wire.valid && p->wire.ready;
    p->now.split_end = *p->held_end_q && (!p->wire.have || (p->now.enter && p->wire.last));
    for (int b = 0; b < 2 && !has_window(p); ++b) p->now.end[b] = p->now.split_end && *p->held_buffer_q == b;
    bool full = p->now.take && *p->fill_q + 1 == p->d->rows;
    p->now.close = full || (p->now.end[p->now.buffer] && (p->now.take || *p->fill_q));
}

/* Nothing moves before the next strip is known; an open pass may wait for it. */
static bool waits_for_strip(const pass_control_t *p)
{
    bool waiting = *p->fill_q || (has_window(p) && *p->win_n_q);
    bool leaving = has_window(p) && (p->ended_q[0] || p->ended_q[1]);
    if (*p->fresh_q || is_known(p, *p->gather_strip_q) || p->wire.have || p->now.take) return false;
    return (*p->begun_q && !leaving) || !waiting;
}

/* `why` is why no pass is started, if none is: the cause of the next cycle without a word. */
static void walk_and_start(pass_control_t *p)
{
    const design_t *d = p->d;
    int64_t bank = bank_of(*p->started_q);
    bool bus = !*p->walking_q || *p->walk_row_q == d->rows - 1;
    bool closed = *p->closed_q != *p->started_q, walked = *p->walked_q != *p->started_q;
    p->now.walk = closed && !walked && bus && may_walk(p);
    bool spaced = *p->since_q >= pass_control_least_interval(d, *p->last_d_q, p->d_q[bank]);
    bool clear = *p->since_q >= pass_control_hazard_interval(d, *p->last_d_q, p->h_q[bank]);
    bool placed = walked || p->now.walk, loaded = p->tile_loaded[p->bank_buffer_q[bank]];
    p->now.start = placed && spaced && clear && loaded;

    if (placed && spaced && clear)
        p->now.why = CAUSE_TILE;
    else if (placed)
        p->now.why = spaced ? CAUSE_HAZARD : CAUSE_INTERVAL;
    else if (closed)
        p->now.why = CAUSE_WALK;
    else
        p->now.why = waits_for_strip(p) ? CAUSE_PREDICT : CAUSE_GATHER;
}

static void finish(pass_control_t *p)
{
    int64_t half = *p->computed_q % 2;
    p->now.complete = *p->done && *p->complete_q != *p->started_q;
    p->now.group_done = p->group_gathered_q[half];
    for (int b = 0; b < 2; ++b) {
        p->now.free[b] = p->tile_gathered_q[b] && !p->tile_left_q[b] && p->tile_loaded[b];
        if (p->tile_open_q[b] && p->tile_half_q[b] == half) p->now.group_done = false;
    }
}

static void decide(pass_control_t *p)
{
    offer_row(p);
    take_sub_row(p);
    walk_and_start(p);
    finish(p);
    *p->cause_n = *p->valid_q ? CAUSE_STREAM : *p->why_q;
}

/* ---- outputs ---- */

static void show_walk(pass_control_t *p)
{
    int pes = p->d->pes;
    int64_t bank = bank_of(last_of(*p->walked_q)), row = *p->walk_row_q, at = bank * p->d->rows + row;
    bool used = *p->walking_q && row < p->count_q[bank];
    *p->load = *p->own = *p->walking_q;
    *p->load_row = *p->own_row = row;
    *p->own_bank = bank;
    *p->walk_index = *p->own_index = used ? p->index_q[at] : 0;
    for (int k = 0; k < pes; ++k) {
        p->mode[k] = used ? p->mode_q[at * pes + k] : SPLIT_SKIP;
        p->col[k] = used ? p->col_q[at * pes + k] : 0;
    }
}

static int64_t op_of(int64_t e, int64_t d)
{
    if (e == d) return PASS_EXP;
    if (e < d) return e ? PASS_MAC : PASS_LOAD;
    return e == 2 * d ? PASS_FWD_LAST : PASS_FWD;
}

static void show_word(pass_control_t *p)
{
    int64_t e = *p->e_q, d = *p->last_d_q, pass = last_of(*p->started_q);
    int64_t at = e < d ? e : e > d ? e - d - 1 : 0;
    bool on = *p->valid_q;
    *p->valid = on;
    *p->op = on ? op_of(e, d) : 0;
    *p->par = on ? pass % 2 : 0;
    *p->is_v = on && e > d;
    *p->at = on ? (int64_t)fixed_low((uint64_t)at, fixed_bits(p->d->head_max)) : 0;
    *p->buffer = on ? p->bank_buffer_q[bank_of(pass)] : 0;
    *p->pass = on && !e;
    *p->pass_bank = bank_of(pass);
    *p->pass_rows = p->count_q[bank_of(pass)];
    *p->pass_d = d;
}

void pass_control_eval(void *self)
{
    pass_control_t *p = self;
    *p->mask_index = gather_index(p);
    *p->mask_tile = *p->gather_tile_q;
    *p->some_strip = *p->gather_group_q % 2 * p->d->strips + strip_to_read(p);
    *p->some_tile = tile_to_read(p);
    show_walk(p);
    show_word(p);
    memcpy(p->tile_free, p->tile_free_q, 2 * sizeof *p->tile_free);
    *p->computed = *p->computed_q;
    decide(p);
}

/* ---- one clock edge; each function writes its own registers and reads none that one before it wrote ---- */

static void count(int64_t *counter, int64_t events)
{
    *counter = (int64_t)fixed_low((uint64_t)(*counter + events), 48);
}

static void tick_counters(pass_control_t *p)
{
    if (*p->busy) count(&p->cause_q[*p->cause_n], 1);
    *p->why_q = p->now.why;
    count(p->passes_q, p->now.start);
    count(p->sub_rows_q, p->now.take);
    for (int k = 0; k < p->d->pes && p->now.take; ++k) {
        count(p->active_q, p->now.mode[k] == SPLIT_ACTIVE);
        count(p->idle_q, p->now.mode[k] == SPLIT_PASS);
    }
}

static void tick_records(pass_control_t *p)
{
    int64_t done = p->bank_buffer_q[bank_of(*p->complete_q)];
    for (int b = 0; b < 2; ++b) {
        p->tile_free_q[b] = p->now.free[b];
        if (p->now.free[b]) p->tile_open_q[b] = p->tile_gathered_q[b] = 0;
    }
    if (p->now.accept) {
        p->tile_open_q[*p->gather_buffer_q] = 1;
        p->tile_half_q[*p->gather_buffer_q] = *p->gather_group_q % 2;
    }
    for (int b = 0; b < 2; ++b) {
        if (p->now.end[b]) p->tile_gathered_q[b] = 1;
    }
    if (p->now.close) p->tile_left_q[p->now.buffer] = (p->tile_left_q[p->now.buffer] + 1) % NUMBERS;
    if (p->now.complete) p->tile_left_q[done] = (p->tile_left_q[done] + NUMBERS - 1) % NUMBERS;
    if (p->now.group_done) {
        p->group_gathered_q[*p->computed_q % 2] = 0;
        *p->computed_q = (*p->computed_q + 1) % 4;
    }
    for (int b = 0; b < 2; ++b) {
        bool final = has_window(p) ? p->final_q[b] : *p->held_final_q;
        if (p->now.end[b] && final) p->group_gathered_q[p->tile_half_q[b]] = 1;
    }
}

/* How far a sub-row's slots go back behind the row of the pass before that it would follow. */
static int64_t row_hazard(const pass_control_t *p, const uint8_t *mode, const uint8_t *col)
{
    int pes = p->d->pes;
    int64_t before = bank_of(last_of(*p->closed_q)), at = before * p->d->rows + *p->fill_q, h = 0;
    if (*p->fill_q >= p->count_q[before]) return 0;
    for (int k = 0; k < pes; ++k) {
        if (mode[k] == SPLIT_SKIP || p->mode_q[at * pes + k] == SPLIT_SKIP) continue;
        int64_t later = mode[k] == SPLIT_PASS ? p->g_d[p->now.half] + 1 : 0;
        h = max(h, p->col_q[at * pes + k] - col[k] - later);
    }
    return h;
}

/* The oldest of its query, in the tile whose turn it is? */
static bool is_candidate(const pass_control_t *p, int64_t i)
{
    if (p->win_buffer_q[i] != p->win_buffer_q[0]) return false;
    for (int64_t j = 0; j < i; ++j) {
        if (p->win_index_q[j] == p->win_index_q[i]) return false;
    }
    return true;
}

/* What costs the open pass nothing goes first, and of that what would cost another the most. */
static bool is_better(int64_t h, int64_t than, int64_t high)
{
    if (h <= high) return than > high || h > than;
    return h < than;
}

static void choose(pass_control_t *p)
{
    int pes = p->d->pes;
    p->now.pick = 0;
    p->now.h = -1;
    for (int64_t i = 0; i < *p->win_n_q; ++i) {
        if (!is_candidate(p, i)) continue;
        int64_t h = row_hazard(p, &p->win_mode_q[i * pes], &p->win_col_q[i * pes]);
        if (i && !is_better(h, p->now.h, *p->high_q)) continue;
        p->now.pick = i;
        p->now.h = h;
    }
    p->now.index = p->win_index_q[p->now.pick];
    memcpy(p->now.mode, &p->win_mode_q[p->now.pick * pes], (size_t)pes);
    memcpy(p->now.col, &p->win_col_q[p->now.pick * pes], (size_t)pes);
}

static int64_t split_index(const pass_control_t *p)
{
    return (int64_t)fixed_low((uint64_t)p->wire.sub_row, fixed_bits(2 * design_group_rows(p->d)));
}

static void copy_slots(const pass_control_t *p, uint8_t *mode, uint8_t *col)
{
    for (int k = 0; k < p->d->pes; ++k) {
        mode[k] = (uint8_t)p->wire.mode[k];
        col[k] = (uint8_t)p->wire.col[k];
    }
}

/* Which sub-row is taken at this edge, if one is. */
static void find_sub_row(pass_control_t *p)
{
    if (!p->now.take) return;
    if (has_window(p)) {
        choose(p);
        return;
    }
    p->now.index = split_index(p);
    copy_slots(p, p->now.mode, p->now.col);
    p->now.h = row_hazard(p, p->now.mode, p->now.col);
}

static void tick_table(pass_control_t *p)
{
    int pes = p->d->pes;
    int64_t bank = bank_of(*p->closed_q), at = bank * p->d->rows + *p->fill_q;
    int64_t high = *p->high_q;
    if (p->now.take) {
        high = max(high, p->now.h);
        p->index_q[at] = p->now.index;
        memcpy(&p->mode_q[at * pes], p->now.mode, (size_t)pes);
        memcpy(&p->col_q[at * pes], p->now.col, (size_t)pes);
    }
    *p->high_q = p->now.close ? 0 : high;
    if (p->now.close) {
        p->count_q[bank] = *p->fill_q + p->now.take;
        p->d_q[bank] = p->g_d[p->now.half];
        p->h_q[bank] = high;
        p->bank_buffer_q[bank] = p->now.buffer;
    }
    *p->fill_q = p->now.close ? 0 : *p->fill_q + p->now.take;
}

/* Younger sub-rows move up; the last place keeps what it had. */
static void leave_window(pass_control_t *p)
{
    int pes = p->d->pes;
    for (int64_t i = p->now.pick; i + 1 < p->d->window; ++i) {
        p->win_buffer_q[i] = p->win_buffer_q[i + 1];
        p->win_index_q[i] = p->win_index_q[i + 1];
        memcpy(&p->win_mode_q[i * pes], &p->win_mode_q[(i + 1) * pes], (size_t)pes);
        memcpy(&p->win_col_q[i * pes], &p->win_col_q[(i + 1) * pes], (size_t)pes);
    }
    --*p->win_n_q;
}

static void enter_window(pass_control_t *p)
{
    int pes = p->d->pes;
    int64_t i = (*p->win_n_q)++;
    p->win_buffer_q[i] = *p->held_buffer_q;
    p->win_index_q[i] = split_index(p);
    copy_slots(p, &p->win_mode_q[i * pes], &p->win_col_q[i * pes]);
}

static void tick_window(pass_control_t *p)
{
    if (!has_window(p)) return;
    if (p->now.take) leave_window(p);
    if (p->now.enter) enter_window(p);
    for (int b = 0; b < 2; ++b) {
        if (p->now.end[b]) p->ended_q[b] = 0;
    }
    if (!p->now.split_end) return;
    p->ended_q[*p->held_buffer_q] = 1;
    p->final_q[*p->held_buffer_q] = *p->held_final_q;
}

/* Rows of the strip that follows, as far as the group has them. */
static void read_rows(pass_control_t *p)
{
    int64_t first = strip_to_read(p) * p->d->rows, rows = p->g_rows[*p->gather_group_q % 2];
    for (int r = 0; r < p->d->rows; ++r) p->left_q[r] = p->some[r] && first + r < rows;
    *p->fresh_q = 1;
}

static void next_tile(pass_control_t *p)
{
    bool last = p->now.last_tile;
    int64_t strips = *p->strip_n_q + *p->gather_strip_q + 1;
    int64_t tile = last ? 0 : *p->gather_tile_q + 1;
    *p->gather_buffer_q = !*p->gather_buffer_q;
    *p->gather_tile_q = (int64_t)fixed_low((uint64_t)tile, fixed_bits(design_tiles_max(p->d)));
    *p->gather_base_q = last ? 0 : *p->gather_base_q + p->d->columns;
    *p->gather_group_q = (*p->gather_group_q + last) % 4;
    if (!last) return;
    *p->strip_n_q = (int64_t)fixed_low((uint64_t)strips, design_held_w(p->d));
    *p->fresh_q = 0;
}

/* The row that split gets at this edge, and the place of the next. */
static void tick_gather(pass_control_t *p)
{
    if (!p->now.accept) {
        if (p->now.split_end) *p->held_end_q = 0;
        if (!*p->fresh_q && is_known(p, *p->gather_strip_q)) read_rows(p);
        return;
    }
    *p->held_buffer_q = *p->gather_buffer_q;
    *p->held_end_q = p->now.last_row;
    *p->held_final_q = p->now.last_tile;
    *p->begun_q = !p->now.last_row;
    if (!p->now.strip_end) {
        p->left_q[next_row(p)] = 0;
        return;
    }
    int64_t next = strip_to_read(p);
    read_rows(p);
    *p->fresh_q = is_known(p, next);
    if (p->now.last_strip) next_tile(p);
    *p->gather_strip_q = next;
}

static void tick_split(pass_control_t *p)
{
    int64_t limit = key_limit(p, *p->gather_group_q % 2);
    for (int c = 0; c < p->d->columns && p->now.accept; ++c)
        p->wire.mask[c] = p->mask[c] && *p->gather_base_q + c < limit;
    split_tick(&p->split);
}

static void tick_walk(pass_control_t *p)
{
    if (p->now.walk) {
        *p->walking_q = 1;
        *p->walk_row_q = 0;
    } else if (*p->walking_q) {
        *p->walking_q = *p->walk_row_q < p->d->rows - 1;
        *p->walk_row_q = *p->walking_q ? *p->walk_row_q + 1 : 0;
    }
}

static void tick_stream(pass_control_t *p)
{
    int gap_cycles = pass_control_gap(p->d);
    if (p->now.start) {
        *p->valid_q = 1;
        *p->e_q = 0;
        if (gap_cycles) *p->gap_q = 0;
    } else if (*p->valid_q) {
        bool end = *p->e_q == 2 * *p->last_d_q, pause = gap_cycles && *p->e_q == *p->last_d_q;
        *p->valid_q = !end && !pause;
        if (pause && !end) *p->gap_q = gap_cycles;
        *p->e_q = end ? 0 : *p->e_q + 1;
    } else if (gap_cycles && *p->gap_q) {
        *p->valid_q = --*p->gap_q == 0;
    }
}

static int64_t older(const pass_control_t *p, int64_t age)
{
    int64_t most = ((int64_t)1 << since_w(p->d)) - 1;
    return age < most ? age + 1 : most;
}

static void tick_ages(pass_control_t *p)
{
    if (!p->now.start) {
        *p->since_q = older(p, *p->since_q);
        *p->before_q = older(p, *p->before_q);
        return;
    }
    *p->before_q = older(p, *p->since_q);
    *p->since_q = 1;
    *p->before_d_q = *p->last_d_q;
    *p->last_d_q = p->d_q[bank_of(*p->started_q)];
}

static void tick_numbers(pass_control_t *p)
{
    *p->closed_q = (*p->closed_q + p->now.close) % NUMBERS;
    *p->walked_q = (*p->walked_q + p->now.walk) % NUMBERS;
    *p->started_q = (*p->started_q + p->now.start) % NUMBERS;
    *p->complete_q = (*p->complete_q + p->now.complete) % NUMBERS;
}

void pass_control_tick(void *self)
{
    pass_control_t *p = self;
    find_sub_row(p);
    tick_counters(p);
    tick_stream(p); /* the ages' head sizes, before they move on */
    tick_ages(p);
    tick_records(p);
    tick_table(p);
    tick_window(p);
    tick_split(p);
    tick_gather(p);
    tick_walk(p);
    tick_numbers(p);
}

/* No pass came before the first: nothing to wait for. */
void pass_control_reset(void *self)
{
    pass_control_t *p = self;
    *p->since_q = *p->before_q = ((int64_t)1 << since_w(p->d)) - 1;
    *p->why_q = CAUSE_PREDICT;
    split_reset(&p->split);
}

void pass_control_init(void *self, const design_t *d)
{
    pass_control_t *p = self;
    p->d = d;
    p->split = (split_t){
        .valid = &p->wire.valid,
        .mask = p->wire.mask,
        .row = &p->wire.row,
        .take = &p->wire.take,
        .ready = &p->wire.ready,
        .have = &p->wire.have,
        .sub_row = &p->wire.sub_row,
        .last = &p->wire.last,
        .mode = p->wire.mode,
        .col = p->wire.col,
        .c4 = p->wire.c4,
        .count = &p->wire.count,
        .mask_q = p->split_mask_q,
        .row_q = p->split_row_q,
        .part_q = p->split_part_q,
        .d = d,
    };
}

/* ---- the signal table ---- */

#define FIELD(member)       offsetof(pass_control_t, member)
#define ADD(table, n, more) add(table, n, more, sizeof(more) / sizeof *(more))

static int add(signal_t *table, int n, const signal_t *more, size_t count)
{
    for (size_t i = 0; i < count; ++i) table[n++] = more[i];
    return n;
}

static int add_inputs(const design_t *d, signal_t *table, int n)
{
    const int len = fixed_bits(d->keys_max + 1), group_rows = design_group_rows(d);
    const signal_t inputs[] = {
        {"g_rows", SIGNAL_IN, FIELD(g_rows), fixed_bits(group_rows + 1), .dims = 1, .n = {2},
         .codes = group_rows + 1, .meaning = "queries of the group, by half"},
        {"g_first", SIGNAL_IN, FIELD(g_first), len, .dims = 1, .n = {2}, .codes = d->keys_max + 1,
         .meaning = "its first query"},
        {"g_keys", SIGNAL_IN, FIELD(g_keys), len, .dims = 1, .n = {2}, .codes = d->keys_max + 1,
         .meaning = "keys of the head"},
        {"g_d", SIGNAL_IN, FIELD(g_d), fixed_bits(d->head_max + 1), .dims = 1, .n = {2},
         .codes = d->head_max + 1, .meaning = "head size"},
        {"g_causal", SIGNAL_IN, FIELD(g_causal), 1, .dims = 1, .n = {2}, .codes = 2,
         .meaning = "query i sees keys 0 .. i"},
        {"predicted", SIGNAL_IN, FIELD(predicted), design_held_w(d), .meaning = "strips with a mask"},
        {"rebiased", SIGNAL_IN, FIELD(rebiased), design_held_w(d), .meaning = "strips with biases"},
        {"drained", SIGNAL_IN, FIELD(drained), 2, .codes = 4, .meaning = "groups drained"},
        {"tile_loaded", SIGNAL_IN, FIELD(tile_loaded), 1, .dims = 1, .n = {2}, .codes = 2, .weights = "14",
         .meaning = "the buffer holds the tile whose turn it is"},
        {"mask", SIGNAL_IN, FIELD(mask), 1, .dims = 1, .n = {d->columns},
         .meaning = "kept columns of query mask_index in tile mask_tile"},
        {"some", SIGNAL_IN, FIELD(some), 1, .dims = 1, .n = {d->rows},
         .meaning = "rows of strip some_strip whose word of tile some_tile is not empty"},
        {"done", SIGNAL_IN, FIELD(done), 1, .codes = 2, .weights = "61", .meaning = "a pass is complete"},
        {"busy", SIGNAL_IN, FIELD(busy), 1, .codes = 2, .weights = "19", .meaning = "causes are counted"},
    };
    return ADD(table, n, inputs);
}

static int add_outputs(const design_t *d, signal_t *table, int n)
{
    const int index = fixed_bits(2 * design_group_rows(d)), row = fixed_bits(d->rows);
    const signal_t outputs[] = {
        {"mask_index", SIGNAL_OUT, FIELD(mask_index), index, .meaning = "query whose mask row comes next"},
        {"mask_tile", SIGNAL_OUT, FIELD(mask_tile), fixed_bits(design_tiles_max(d)), .meaning = "its tile"},
        {"some_strip", SIGNAL_OUT, FIELD(some_strip), fixed_bits(2 * d->strips),
         .meaning = "strip whose rows come next"},
        {"some_tile", SIGNAL_OUT, FIELD(some_tile), fixed_bits(design_tiles_max(d)), .meaning = "its tile"},
        {"load", SIGNAL_OUT, FIELD(load), 1, .meaning = "a row's configuration is on the bus"},
        {"load_row", SIGNAL_OUT, FIELD(load_row), row, .meaning = "of this row"},
        {"walk_index", SIGNAL_OUT, FIELD(walk_index), index, .meaning = "its query"},
        {"mode", SIGNAL_OUT, FIELD(mode), 2, .dims = 1, .n = {d->pes}, .meaning = "0 skip, 1 pass, 2 active"},
        {"col", SIGNAL_OUT, FIELD(col), fixed_bits(d->columns), .dims = 1, .n = {d->pes},
         .meaning = "column of each slot"},
        {"own", SIGNAL_OUT, FIELD(own), 1, .meaning = "a pass's row gets its query"},
        {"own_bank", SIGNAL_OUT, FIELD(own_bank), 2, .meaning = "the pass's bank"},
        {"own_row", SIGNAL_OUT, FIELD(own_row), row, .meaning = "the row"},
        {"own_index", SIGNAL_OUT, FIELD(own_index), index, .meaning = "the query"},
        {"pass", SIGNAL_OUT, FIELD(pass), 1, .meaning = "word 0 leaves"},
        {"pass_bank", SIGNAL_OUT, FIELD(pass_bank), 2, .meaning = "bank of the pass that started last"},
        {"pass_rows", SIGNAL_OUT, FIELD(pass_rows), fixed_bits(d->rows + 1), .meaning = "its rows in use"},
        {"pass_d", SIGNAL_OUT, FIELD(pass_d), fixed_bits(d->head_max + 1), .meaning = "its head size"},
        {"valid", SIGNAL_OUT, FIELD(valid), 1, .meaning = "a word of a pass"},
        {"op", SIGNAL_OUT, FIELD(op), 3, .meaning = "0 none, 1 load, 2 mac, 3 exp, 4 fwd, 5 fwd_last"},
        {"par", SIGNAL_OUT, FIELD(par), 1, .meaning = "pass number modulo 2"},
        {"is_v", SIGNAL_OUT, FIELD(is_v), 1, .meaning = "element of v, not of q and k"},
        {"at", SIGNAL_OUT, FIELD(at), fixed_bits(d->head_max), .meaning = "element"},
        {"buffer", SIGNAL_OUT, FIELD(buffer), 1, .meaning = "tile buffer of the pass"},
        {"tile_free", SIGNAL_OUT, FIELD(tile_free), 1, .dims = 1, .n = {2},
         .meaning = "a cycle: the buffer's tile is used up"},
        {"computed", SIGNAL_OUT, FIELD(computed), 2, .meaning = "groups computed"},
        {"cause_n", SIGNAL_NET, FIELD(cause_n), 3, .path = "cause_n",
         .meaning = "0 stream, 1 hazard, 2 interval, 3 walk, 4 tile, 5 gather, 6 predict"},
    };
    return ADD(table, n, outputs);
}

#define REG(member, bits, ...)                                                                               \
    {                                                                                                        \
#member, SIGNAL_REG, FIELD(member), bits, .path = #member, __VA_ARGS__                               \
    }
#define EACH(count) .dims = 1, .n = {count}

static int add_gather(const design_t *d, signal_t *table, int n)
{
    const int rows = d->rows, pes = d->pes, all = DESIGN_PASSES * rows;
    const signal_t registers[] = {
        REG(gather_group_q, 2, .meaning = "groups gathered"),
        REG(gather_tile_q, fixed_bits(design_tiles_max(d)), .meaning = "tile that is being gathered"),
        REG(gather_base_q, base_w(d), .meaning = "its first key"),
        REG(gather_strip_q, fixed_bits(d->strips), .meaning = "strip that is being gathered"),
        REG(strip_n_q, design_held_w(d), .meaning = "strips of the groups before"),
        REG(left_q, 1, EACH(rows), .meaning = "its rows to come"),
        REG(fresh_q, 1, .meaning = "left_q is the strip's"),
        REG(begun_q, 1, .meaning = "a row of the tile has been taken"),
        REG(gather_buffer_q, 1, .meaning = "the tile's buffer"),
        {"split_mask_q", SIGNAL_REG, FIELD(split_mask_q), 1, EACH(d->columns), .path = "u_split.mask_q"},
        {"split_row_q", SIGNAL_REG, FIELD(split_row_q), d->sub_row_id_w, .path = "u_split.row_q"},
        {"split_part_q", SIGNAL_REG, FIELD(split_part_q), fixed_bits(split_parts(d, d->columns)),
         .path = "u_split.part_q"},
        REG(held_buffer_q, 1, .meaning = "of the row in split: its tile's buffer"),
        REG(held_end_q, 1, .meaning = "it is its tile's last row"),
        REG(held_final_q, 1, .meaning = "its tile is the group's last"),
    };
    const signal_t window[] = {
        REG(win_n_q, fixed_bits(d->window + 1), .meaning = "sub-rows in the window"),
        REG(win_buffer_q, 1, EACH(d->window), .meaning = "their tiles' buffers"),
        REG(win_index_q, fixed_bits(2 * design_group_rows(d)), EACH(d->window), .meaning = "their queries"),
        REG(win_mode_q, 2, .bytes = 1, .dims = 2, .n = {d->window, pes}, .meaning = "slots' modes"),
        REG(win_col_q, fixed_bits(d->columns), .bytes = 1, .dims = 2, .n = {d->window, pes},
            .meaning = "slots' columns"),
        REG(ended_q, 1, EACH(2), .meaning = "by buffer: all sub-rows of its tile have entered the window"),
        REG(final_q, 1, EACH(2), .meaning = "and it is its group's last"),
    };
    const signal_t banks[] = {
        REG(fill_q, fixed_bits(rows + 1), .meaning = "sub-rows in the open bank"),
        REG(high_q, design_c4_w(d), .meaning = "their h"),
        REG(index_q, fixed_bits(2 * design_group_rows(d)), EACH(all), .memory = true, .stored = true,
            .meaning = "query, by bank and row"),
        REG(mode_q, 2, .bytes = 1, .dims = 2, .n = {all, pes}, .memory = true, .stored = true,
            .meaning = "slots' modes"),
        REG(col_q, fixed_bits(d->columns), .bytes = 1, .dims = 2, .n = {all, pes}, .memory = true,
            .stored = true, .meaning = "slots' columns"),
        REG(count_q, fixed_bits(rows + 1), EACH(DESIGN_PASSES), .meaning = "sub-rows, by bank"),
        REG(d_q, fixed_bits(d->head_max + 1), EACH(DESIGN_PASSES), .meaning = "head size, by bank"),
        REG(h_q, design_c4_w(d), EACH(DESIGN_PASSES), .meaning = "h against the pass before, by bank"),
        REG(bank_buffer_q, 1, EACH(DESIGN_PASSES), .meaning = "tile buffer, by bank"),
    };
    n = ADD(table, n, registers);
    if (d->window > 1) n = ADD(table, n, window);
    return ADD(table, n, banks);
}

static int add_schedule(const design_t *d, signal_t *table, int n)
{
    const int d_w = fixed_bits(d->head_max + 1);
    const signal_t registers[] = {
        REG(closed_q, 3, .meaning = "passes gathered"),
        REG(walked_q, 3, .meaning = "passes whose walk has begun"),
        REG(started_q, 3, .meaning = "passes started"),
        REG(complete_q, 3, .meaning = "passes complete"),
        REG(walking_q, 1, .meaning = "a walk is under way"),
        REG(walk_row_q, fixed_bits(d->rows), .meaning = "its row"),
        REG(since_q, since_w(d), .meaning = "cycles since the last start"),
        REG(before_q, since_w(d), .meaning = "cycles since the one before"),
        REG(last_d_q, d_w, .meaning = "head size of the pass that started last"),
        REG(before_d_q, d_w, .meaning = "and of the one before"),
        REG(valid_q, 1, .meaning = "a word leaves"),
        REG(e_q, fixed_bits(2 * d->head_max + 1), .meaning = "its number"),
    };
    const signal_t pause[] = {
        REG(gap_q, fixed_bits(pass_control_gap(d) + 1), .meaning = "cycles until word d + 1")};
    n = ADD(table, n, registers);
    return pass_control_gap(d) ? ADD(table, n, pause) : n;
}

static int add_records(signal_t *table, int n)
{
    const signal_t registers[] = {
        REG(tile_open_q, 1, EACH(2), .meaning = "by buffer: its tile is being gathered or computed"),
        REG(tile_half_q, 1, EACH(2), .meaning = "half of its group"),
        REG(tile_gathered_q, 1, EACH(2), .meaning = "its last row is gathered"),
        REG(tile_left_q, 3, EACH(2), .meaning = "its passes that are not complete"),
        REG(tile_free_q, 1, EACH(2), .meaning = "tile_free"),
        REG(group_gathered_q, 1, EACH(2), .meaning = "by half: gathered, not computed"),
        REG(computed_q, 2, .meaning = "groups computed"),
        REG(why_q, 3, .meaning = "cause of a cycle without a word"),
        REG(cause_q, 48, EACH(CAUSES), .counts = true, .meaning = "cycles by cause while busy"),
        REG(passes_q, 48, .counts = true, .meaning = "passes"),
        REG(sub_rows_q, 48, .counts = true, .meaning = "sub-rows"),
        REG(active_q, 48, .counts = true, .meaning = "slots in mode active"),
        REG(idle_q, 48, .counts = true, .meaning = "slots in mode pass"),
    };
    return ADD(table, n, registers);
}

static int pass_control_signals(const design_t *d, signal_t *table)
{
    int n = add_inputs(d, table, 0);
    n = add_outputs(d, table, n);
    n = add_gather(d, table, n);
    n = add_schedule(d, table, n);
    return add_records(table, n);
}

static bool pass_control_fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t pass_control_type = {
    .name = "pass_control",
    .summary = "gathers sub-rows into passes, starts passes as close together as the array allows and "
               "streams their words",
    .size = sizeof(pass_control_t),
    .clocked = true,
    .signals = pass_control_signals,
    .init = pass_control_init,
    .reset = pass_control_reset,
    .eval = pass_control_eval,
    .tick = pass_control_tick,
    .fits = pass_control_fits,
};
