/* SPDX-License-Identifier: Apache-2.0 */
/* Rows become sub-rows, and those passes. machine_pass_gather.h says what of the whole this is. */
#include "machine_pass_gather.h"

#include <string.h>

#include "vectors.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_AVX2 1
#endif

enum { SLOTS_GROUP = 16, FAR = 12000 }; /* FAR: of a slot that holds nothing, beyond all columns */

/* ---- which row comes next ---- */

bool gather_at_hand(const gather_t *g)
{
    return *g->wires->swept_groups != g->group && *g->wires->rebiased_groups != g->group;
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
    if (!g->fresh || !gather_at_hand(g) || (!g->begun && g->tile_of[g->buffer].open)) return false;
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

/* ---- a sub-row ---- */

/* split_place with its wishes in a table. */
static void place(const gather_t *g, datapath_sub_row_t *s)
{
    const int pes = g->d->pes, reach = g->d->columns - pes, n = s->n;
    const bool wishes = g->d->slots == SLOTS_HOME;
    for (int i = 0, next = 0; i < n; ++i) {
        int col = s->col[i], least = next > col - reach ? next : col - reach;
        int wish = wishes && g->home[col] > least ? g->home[col] : least;
        int room = col < pes - n + i ? col : pes - n + i;
        s->slot[i] = wish < room ? wish : room;
        next = s->slot[i] + 1;
    }
}

/* Idle slots follow their left neighbour, a head's words later. */
static void find_reach(const gather_t *g, gather_sub_row_t *s, int d)
{
    int first = s->slots.n ? s->slots.slot[0] : g->d->pes, i = 0, col = 0;
    for (int k = 0; k < first; ++k) {
        s->reach[k] = -FAR;
        s->from[k] = FAR;
    }
    for (int k = first; k < g->d->pes; ++k) {
        bool active = i < s->slots.n && s->slots.slot[i] == k;
        col = active ? s->slots.col[i++] : col + 1;
        s->reach[k] = (int16_t)col;
        s->from[k] = (int16_t)(active ? col : col + d + 1);
    }
    s->idle = g->d->pes - first - s->slots.n;
}

static void make_sub_row(gather_t *g, gather_sub_row_t *s)
{
    const design_t *d = g->d;
    const bool interleaved = d->split_policy == SPLIT_INTERLEAVED;
    int from = interleaved ? g->part : g->part * d->pes, step = interleaved ? g->parts : 1, n = 0;
    for (int i = from; i < g->kept && n < d->pes; i += step) s->slots.col[n++] = g->column[i];
    for (int i = n; i % DATAPATH_ROW_KEYS; ++i) s->slots.col[i] = 0; /* readable */
    s->slots.n = n;
    s->slots.index = g->index;
    s->buffer = g->held_buffer;
    place(g, &s->slots);
    find_reach(g, s, (int)g->wires->g_d[g->tile_of[s->buffer].half]);
}

/* ---- the choice ---- */

VECTORS static void plain_costs(const int16_t *reach, gather_sub_row_t *const *s, int n, int slots, int *cost)
{
    for (int i = 0; i < n; ++i) {
        int16_t most = 0;
        for (int k = 0; k < slots; ++k) {
            int16_t h = (int16_t)(reach[k] - s[i]->from[k]);
            most = h > most ? h : most;
        }
        cost[i] = most;
    }
}

#if HAVE_AVX2
/* The largest of eight is found as the smallest of what they lack. */
__attribute__((target("avx2"))) static void vector_costs(const int16_t *reach, gather_sub_row_t *const *s,
                                                         int n, int slots, int *cost)
{
    const __m128i top = _mm_set1_epi16(INT16_MAX);
    for (int i = 0; i < n; ++i) {
        __m256i most = _mm256_setzero_si256();
        for (int k = 0; k < slots; k += SLOTS_GROUP) {
            __m256i to = _mm256_loadu_si256((const __m256i *)(const void *)(reach + k));
            __m256i from = _mm256_loadu_si256((const __m256i *)(const void *)(s[i]->from + k));
            most = _mm256_max_epi16(most, _mm256_sub_epi16(to, from));
        }
        __m128i eight = _mm_max_epi16(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
        __m128i least = _mm_minpos_epu16(_mm_sub_epi16(top, eight));
        cost[i] = INT16_MAX - _mm_extract_epi16(least, 0);
    }
}
#endif

/* How far sub-rows' slots go back behind the row of the pass before that they would follow. */
static void find_costs(gather_t *g, gather_sub_row_t *const *s, int n, int *cost)
{
    const gather_bank_t *before = gather_bank(g, gather_last(g->closed));
    if (g->fill >= before->count) {
        for (int i = 0; i < n; ++i) cost[i] = 0;
        return;
    }
#if HAVE_AVX2
    if (g->vectors) {
        vector_costs(before->row[g->fill]->reach, s, n, g->slots, cost);
        return;
    }
#endif
    plain_costs(before->row[g->fill]->reach, s, n, g->slots, cost);
}

/* What costs the open pass nothing goes first, and of that what would cost another the most. */
static bool is_better(int h, int than, int high)
{
    if (h <= high) return than > high || h > than;
    return h < than;
}

/* Of those that are the oldest of their query, in the tile whose turn it is. */
static int choose(gather_t *g, int *cost)
{
    int pick = 0, n = g->of_buffer[g->window[0]->buffer], all[GATHER_WINDOW_MAX] = {0};
    find_costs(g, g->window, n, all);
    for (int i = 1; i < n; ++i) {
        if (!(g->younger >> i & 1) && is_better(all[i], all[pick], g->high)) pick = i;
    }
    *cost = all[pick];
    return pick;
}

/* ---- a clock edge ---- */

/* The next of its query is the oldest then. */
static gather_sub_row_t *leave_window(gather_t *g, int i)
{
    gather_sub_row_t *s = g->window[i];
    const unsigned before = (1u << i) - 1;
    bool freed = false;
    --g->of_buffer[s->buffer];
    --g->waiting;
    g->younger = (g->younger & before) | (g->younger >> 1 & ~before);
    for (; i < g->waiting; ++i) {
        g->window[i] = g->window[i + 1];
        if (freed || g->window[i]->slots.index != s->slots.index) continue;
        g->younger &= ~(1u << i);
        freed = true;
    }
    return s;
}

static void enter_window(gather_t *g, gather_sub_row_t *s)
{
    bool younger = false;
    for (int i = 0; i < g->waiting; ++i) younger |= g->window[i]->slots.index == s->slots.index;
    g->younger |= (unsigned)younger << g->waiting;
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
    make_sub_row(g, s);
    ++g->part;
    return s;
}

static void move_window(gather_t *g)
{
    if (g->now.take) {
        int h, pick = choose(g, &h);
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
    int h;
    gather_sub_row_t *s = split_sub_row(g);
    find_costs(g, &s, 1, &h);
    enter_table(g, s, h);
}

/* Rows of the strip that follows that keep a column, as far as the group has them. */
static void read_rows(gather_t *g)
{
    const design_t *d = g->d;
    int half = g->group % 2;
    bool last = g->fresh && is_last_strip(g);
    int strip = g->fresh && !last ? g->strip + 1 : 0, first = strip * d->rows;
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
    g->fresh = !last;
}

/* The row's kept columns go to split. */
static void load_row(gather_t *g, int row)
{
    int half = g->group % 2;
    int64_t keys = key_limit(g, half) - g->base;
    uint64_t word[2];
    g->index = half * design_group_rows(g->d) + g->strip * g->d->rows + row;
    datapath_get_word(g->data, g->index, g->tile, word);
    g->kept = 0;
    for (int i = 0; i < 2; ++i) {
        int64_t n = (keys < g->d->columns ? keys : g->d->columns) - 64 * i;
        uint64_t rest = n >= 64 ? word[i] : n > 0 ? word[i] & ((UINT64_C(1) << n) - 1) : 0;
        for (; rest; rest &= rest - 1) g->column[g->kept++] = (uint8_t)(64 * i + __builtin_ctzll(rest));
    }
    g->part = 0;
    g->parts = split_parts(g->d, g->kept);
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
    read_rows(g);
    g->strip = g->now.last_strip ? 0 : g->strip + 1;
    if (g->now.last_strip) next_tile(g);
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
    if (!g->fresh && gather_at_hand(g)) read_rows(g);
}

/* ---- opening ---- */

void gather_init(gather_t *g, const design_t *d, const pass_control_t *wires, const datapath_t *data)
{
    g->d = d;
    g->wires = wires;
    g->data = data;
    g->slots = (d->pes + SLOTS_GROUP - 1) / SLOTS_GROUP * SLOTS_GROUP;
#if HAVE_AVX2
    g->vectors = __builtin_cpu_supports("avx2");
#endif
    for (int c = 0; c < d->columns; ++c) g->home[c] = d->columns > 1 ? split_home(d, c) : 0;
}

/* All registers 0; every place of the table and the window has a sub-row of its own. */
void gather_reset(gather_t *g)
{
    const gather_t kept = *g;
    int n = 0;
    memset(g, 0, sizeof *g);
    gather_init(g, kept.d, kept.wires, kept.data);
    for (int i = 0; i < GATHER_SUB_ROWS_MAX; ++i) {
        for (int k = 0; k < DATAPATH_PES_MAX; ++k) g->sub_row[i].reach[k] = -FAR;
    }
    for (int i = 0; i < DESIGN_PASSES; ++i) {
        for (int r = 0; r < g->d->rows; ++r) g->bank[i].row[r] = &g->sub_row[n++];
    }
    while (g->spares < g->d->window) g->spare[g->spares++] = &g->sub_row[n++];
    gather_reset_starts(g);
}
