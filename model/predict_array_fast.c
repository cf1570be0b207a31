/* SPDX-License-Identifier: Apache-2.0 */
#include "predict_array_fast.h"

#include <string.h>

#include "predict_feeder.h"

static int floor_scaled(const design_t *d)
{
    return 2 * d->scale.frac - d->scaled.frac;
}
static int floor_bias(const design_t *d)
{
    return d->scaled.frac - d->bias.frac;
}
static int floor_exp(const design_t *d)
{
    return d->score_exp.frac - d->score_sum.frac;
}
static int floor_limit(const design_t *d)
{
    return d->threshold.frac + d->score_sum.frac - d->score_exp.frac;
}

static bool loses(int bits)
{
    return bits >= 0 && bits < 62;
}

bool predict_array_fast_fits(const design_t *d)
{
    bool sizes = d->columns <= PREDICT_FAST_COLUMNS && d->rows <= PREDICT_ROWS_MAX && d->keys_max <= 1 << 15;
    bool sums = d->operand_w <= 8 && d->score_acc_w <= 15;
    bool values = d->scaled.w <= 31 && d->score_exp.w <= 31 && d->score_sum.w <= 32 && d->scale.w <= 16 &&
                  d->bias.w <= 31 && d->threshold.w + d->score_sum.w <= 62;
    bool floors =
        loses(floor_scaled(d)) && loses(floor_bias(d)) && loses(floor_exp(d)) && loses(floor_limit(d));
    return block_fits(&predict_array_type, d) && sizes && sums && values && floors;
}

/* ---- words ---- */

static inline int64_t get(uint64_t word, predict_bits_t field)
{
    return (int64_t)(word >> field.at & field.mask);
}

static inline uint64_t put(int64_t value, predict_bits_t field)
{
    return ((uint64_t)value & field.mask) << field.at;
}

/* The next field above those that end at *at. */
static predict_bits_t field(int *at, int bits)
{
    predict_bits_t f = {*at, fixed_low(UINT64_MAX, bits)};
    *at += bits;
    return f;
}

static void place_fields(predict_array_fast_t *a)
{
    const design_t *d = a->d;
    const int key_w = fixed_bits(d->keys_max), col_w = fixed_bits(d->columns);
    int at = 0;
    a->drain.scale = field(&at, d->scale.w);
    a->drain.key_valid = field(&at, 1);
    a->drain.rows = field(&at, fixed_bits(d->rows + 1));
    a->drain.limit = field(&at, fixed_bits(d->keys_max + 1) + 1);
    a->drain.key = field(&at, key_w);
    a->drain.col = field(&at, col_w);
    a->drain.bank = field(&at, 2);
    a->drain.first = field(&at, 1);
    a->drain.valid = at;
    at = 0;
    a->add.key = field(&at, key_w);
    a->add.bank = field(&at, 2);
    a->add.first = field(&at, 1);
    a->add.valid = at;
    a->add.allowed = at + 1;
    at = 0;
    a->keep.strip = field(&at, fixed_bits(2 * d->strips));
    a->keep.tile = field(&at, fixed_bits(design_tiles_max(d)));
    a->keep.last = field(&at, 1);
    a->keep.col = field(&at, col_w);
    a->keep.key = field(&at, key_w);
    a->keep.there = field(&at, 1);
    a->keep.bank = field(&at, 2);
    a->keep.first = field(&at, 1);
    a->keep.valid = at;
}

static uint64_t drain_word(const predict_array_fast_t *a)
{
    return (uint64_t)(*a->d_valid & 1) << a->drain.valid | put(*a->d_first, a->drain.first) |
           put(*a->d_bank, a->drain.bank) | put(*a->d_col, a->drain.col) | put(*a->d_key, a->drain.key) |
           put(*a->d_limit, a->drain.limit) | put(*a->d_rows, a->drain.rows) |
           put(*a->key_head >> (PREDICT_HEAD_W - 1), a->drain.key_valid) | put(*a->key_head, a->drain.scale);
}

static uint32_t add_word(const predict_array_fast_t *a)
{
    return (uint32_t)((uint64_t)(*a->s_valid & 1) << a->add.valid | put(*a->s_first, a->add.first) |
                      put(*a->s_bank, a->add.bank) | put(*a->s_key, a->add.key));
}

static uint64_t keep_word(const predict_array_fast_t *a)
{
    return (uint64_t)(*a->t_valid & 1) << a->keep.valid | put(*a->t_first, a->keep.first) |
           put(*a->t_bank, a->keep.bank) | put(*a->t_there, a->keep.there) | put(*a->t_key, a->keep.key) |
           put(*a->t_col, a->keep.col) | put(*a->t_last, a->keep.last) | put(*a->t_tile, a->keep.tile) |
           put(*a->t_strip, a->keep.strip);
}

/* A row further down: the limit one more, rows in use one less, both saturated. */
static void shift_drain(predict_array_fast_t *a, uint64_t first)
{
    const uint64_t limit = a->drain.limit.mask << a->drain.limit.at, limit_one = UINT64_C(1)
                                                                                 << a->drain.limit.at;
    const uint64_t last = (a->drain.limit.mask >> 1) << a->drain.limit.at;
    const uint64_t rows = a->drain.rows.mask << a->drain.rows.at, row_one = UINT64_C(1) << a->drain.rows.at;
    uint64_t below[PREDICT_ROWS_MAX];
    for (int r = 0; r < a->rows; ++r) {
        uint64_t word = a->drain_q[r], more = (word & limit) == last ? 0 : limit_one;
        uint64_t fewer = word & rows ? row_one : 0;
        below[r] = ((word & ~limit) | ((word + more) & limit)) - fewer;
    }
    memcpy(a->drain_q + 1, below, (size_t)(a->rows - 1) * sizeof *below);
    a->drain_q[0] = first;
}

/* What is left of the words that the rows have drained. */
static void keep_drain_words(predict_array_fast_t *a)
{
    const int bank = a->drain.bank.at, key = a->drain.key.at, key_w = a->add.bank.at;
    const uint64_t keys = a->drain.key.mask;
    for (int r = 0; r < a->rows; ++r) {
        uint64_t word = a->drain_q[r];
        a->drain1_q[r] = (uint32_t)(word >> bank << key_w | (word >> key & keys));
    }
}

static void shift_words(predict_array_fast_t *a)
{
    const size_t below = (size_t)a->rows - 1;
    shift_drain(a, drain_word(a));
    memmove(a->add_q + 1, a->add_q, below * sizeof *a->add_q);
    memmove(a->keep_q + 1, a->keep_q, below * sizeof *a->keep_q);
    a->add_q[0] = add_word(a);
    a->keep_q[0] = keep_word(a);
    a->drained = a->draining;
    a->added = a->adding;
    a->kept = a->keeping;
    a->draining = a->draining << 1 | (*a->d_valid & 1);
    a->adding = a->adding << 1 | (*a->s_valid & 1);
    a->keeping = a->keeping << 1 | (*a->t_valid & 1);
}

/* The same idle words came for so long that all rows, and the two registers behind their words, have them. */
static bool words_rest(predict_array_fast_t *a)
{
    bool idle = !(*a->d_valid | *a->s_valid | *a->t_valid);
    bool same =
        idle && drain_word(a) == a->drain_q[0] && add_word(a) == a->add_q[0] && keep_word(a) == a->keep_q[0];
    a->same = same ? a->same + (a->same < a->rows + 3) : 0;
    return a->same == a->rows + 3;
}

/* The lowest of the rows, which it leaves; -1: there is none below `rows`. */
static inline int next_row(predict_rows_t *set, int rows)
{
    uint64_t low = (uint64_t)*set, high = (uint64_t)(*set >> 64);
    int row = low ? __builtin_ctzll(low) : high ? 64 + __builtin_ctzll(high) : rows;
    if (row >= rows) return -1;
    *set &= *set - 1;
    return row;
}

#define FOR_ROWS(r, a, set)                                                                                  \
    for (predict_rows_t r##_rest = (set), r##_more = 1; r##_more; r##_more = 0)                              \
        for (int r; (r = next_row(&r##_rest, (a)->rows)) >= 0;)

/* ---- strip banks ---- */

static inline uint32_t *strip_at(const predict_array_fast_t *a, int r, int64_t bank, int64_t key)
{
    const int64_t keys = a->d->keys_max;
    return bank < PREDICT_BANKS && key < keys ? &a->strip_q[(r * PREDICT_BANKS + bank) * keys + key] : NULL;
}

static inline uint32_t strip_word(const predict_array_fast_t *a, bool allowed, int64_t value)
{
    return (uint32_t)allowed << a->value_w | (uint32_t)fixed_low((uint64_t)value, a->value_w);
}

static inline int64_t clip(int64_t x, int w, int64_t *clipped)
{
    const int64_t most = fixed_max(w), least = -most - 1;
    *clipped += x > most || x < least;
    return x > most ? most : x < least ? least : x;
}

static void count(predict_array_fast_t *a, uint32_t *counter, int64_t events)
{
    if (!events) return;
    *counter = (uint32_t)fixed_count(*counter, events);
    a->counted = true;
}

/* ---- threshold ---- */

static bool is_kept(const predict_array_fast_t *a, int r, uint64_t word)
{
    if (!get(word, a->keep.there)) return false;
    switch (a->rule_q[r]) {
    case EMPTY_NOT: return a->share_q[r] > a->limit_q[r];
    case EMPTY_TOP1: return get(word, a->keep.key) == a->best_q[r];
    default: return a->rule_q[r] == EMPTY_DENSE;
    }
}

static void compare(predict_array_fast_t *a)
{
    FOR_ROWS(r, a, a->shown) a->mask_valid_q[r] = 0;
    a->shown = 0;
    FOR_ROWS(r, a, a->kept)
    {
        uint64_t word = a->keep1_q[r];
        int64_t col = get(word, a->keep.col);
        uint8_t *bits = a->word_q + r * a->columns;
        if (col == 0) memset(bits, 0, (size_t)a->columns);
        if (col < a->columns) bits[col] = is_kept(a, r, word);
        if (!get(word, a->keep.last)) continue;
        a->mask_valid_q[r] = 1;
        a->shown |= (predict_rows_t)1 << r;
        a->mask_tile_q[r] = (uint16_t)get(word, a->keep.tile);
        a->mask_strip_q[r] = (uint16_t)get(word, a->keep.strip);
    }
}

static void take_strip(predict_array_fast_t *a, int r, int64_t bank)
{
    const bool there = bank < PREDICT_BANKS;
    const int64_t at = r * PREDICT_BANKS + bank, policy = *a->policy;
    int64_t limit = (*a->threshold * (there ? a->sum_q[at] : 0)) >> a->floor_limit, clipped = 0;
    a->limit_q[r] = (int32_t)clip(limit, a->d->score_exp.w, &clipped);
    a->best_q[r] = there ? a->arg_q[at] : 0;
    a->rule_q[r] = (uint8_t)(policy == EMPTY_NOT ? EMPTY_ZERO : policy);
    if ((there ? a->top_q[at] : 0) > a->limit_q[r]) a->rule_q[r] = EMPTY_NOT;
}

static void read_exp(predict_array_fast_t *a)
{
    memcpy(a->keep1_q, a->keep_q, (size_t)a->rows * sizeof *a->keep_q);
    FOR_ROWS(r, a, a->keeping)
    {
        uint64_t word = a->keep_q[r];
        int64_t bank = get(word, a->keep.bank);
        const uint32_t *place =
            get(word, a->keep.there) ? strip_at(a, r, bank, get(word, a->keep.key)) : NULL;
        if (!place || !(*place >> a->value_w)) a->keep1_q[r] &= ~(a->keep.there.mask << a->keep.there.at);
        a->share_q[r] = place ? (int32_t)fixed_wrap(*place, a->d->score_exp.w) : 0;
        if (get(word, a->keep.first)) take_strip(a, r, bank);
    }
}

/* ---- sum ---- */

/* What the words in add_q find in their banks. */
static void read_scores(predict_array_fast_t *a)
{
    FOR_ROWS(r, a, a->adding)
    {
        uint64_t word = a->add_q[r], other = a->keep_q[r];
        int64_t bank = get(word, a->add.bank);
        bool lost = other >> a->keep.valid && get(other, a->keep.bank) == bank;
        const uint32_t *place = strip_at(a, r, bank, get(word, a->add.key));
        a->score[r] = place && !lost ? *place : 0;
    }
}

static void exponentiate(predict_array_fast_t *a)
{
    const design_t *d = a->d;
    memcpy(a->add1_q, a->add_q, (size_t)a->rows * sizeof *a->add_q);
    FOR_ROWS(r, a, a->adding)
    {
        bool allowed = a->score[r] >> a->value_w;
        int64_t clipped = 0, unused = 0, y = 0;
        a->add1_q[r] |= (uint32_t)allowed << a->add.allowed;
        if (allowed) {
            int64_t max = a->max_q[r * PREDICT_BANKS + get(a->add_q[r], a->add.bank)];
            int64_t bias = clip(max >> a->floor_bias, d->bias.w, &unused);
            int64_t x = fixed_wrap(a->score[r], d->scaled.w) - bias * (INT64_C(1) << a->floor_bias);
            y = exp_unit_value(&a->exp, clip(x, d->scaled.w, &unused), &clipped);
        }
        a->exp_q[r] = (int32_t)y;
        count(a, &a->sat_exp_q[r], clipped);
    }
}

static void add_exp(predict_array_fast_t *a)
{
    const design_t *d = a->d;
    FOR_ROWS(r, a, a->added)
    {
        uint64_t word = a->add1_q[r], other = a->drain1_q[r];
        int64_t bank = get(word, a->add.bank), at = r * PREDICT_BANKS + bank, clipped = 0, exp = a->exp_q[r];
        bool first = get(word, a->add.first);
        if (bank >= PREDICT_BANKS) continue;
        int64_t sum = (first ? 0 : a->sum_q[at]) + (exp >> a->floor_exp);
        a->sum_q[at] = (int32_t)clip(sum, d->score_sum.w, &clipped);
        if (first || exp > a->top_q[at]) a->top_q[at] = (int32_t)exp;
        count(a, &a->sat_sum_q[r], clipped);
        bool lost = other >> a->add.valid && get(other, a->add.bank) == bank;
        uint32_t *place = strip_at(a, r, bank, get(word, a->add.key));
        if (place && !lost)
            *place = strip_word(a, word >> a->add.allowed, (int64_t)fixed_low((uint64_t)exp, d->score_exp.w));
    }
}

/* ---- drain ---- */

static void keep_drained(predict_array_fast_t *a)
{
    const design_t *d = a->d;
    FOR_ROWS(r, a, a->drained)
    {
        uint64_t word = a->drain1_q[r];
        int64_t bank = get(word, a->add.bank), key = get(word, a->add.key), at = r * PREDICT_BANKS + bank;
        bool allowed = a->allowed_q[r];
        int32_t scaled = a->scaled_q[r];
        if (bank >= PREDICT_BANKS) continue;
        uint32_t *place = strip_at(a, r, bank, key);
        if (place) *place = strip_word(a, allowed, (int64_t)fixed_low((uint64_t)scaled, d->scaled.w));
        bool better = allowed && (!a->any_q[at] || scaled > a->max_q[at]);
        if (get(word, a->add.first)) {
            a->max_q[at] = (int32_t)fixed_min(d->scaled.w);
            a->arg_q[at] = 0;
            a->any_q[at] = 0;
            a->moved |= (predict_rows_t)1 << r;
            better = allowed;
        }
        if (!better) continue;
        a->max_q[at] = scaled;
        a->arg_q[at] = (uint16_t)key;
        a->any_q[at] = 1;
        a->moved |= (predict_rows_t)1 << r;
    }
}

static void drain(predict_array_fast_t *a)
{
    const design_t *d = a->d;
    keep_drain_words(a);
    FOR_ROWS(r, a, a->draining)
    {
        uint64_t word = a->drain_q[r];
        int64_t bank = get(word, a->drain.bank), col = get(word, a->drain.col), clipped = 0;
        int64_t head = bank < PREDICT_BANKS ? a->row_head[bank * a->rows + r] : 0;
        int64_t row_scale = (int64_t)fixed_low((uint64_t)head, d->scale.w);
        int64_t sum = col < a->columns ? a->s_q[r * a->columns + col] : 0;
        int64_t full = sum * row_scale * get(word, a->drain.scale);
        int64_t limit = (get(word, a->drain.limit) ^ (int64_t)(a->drain.limit.mask / 2 + 1)) -
                        (int64_t)(a->drain.limit.mask / 2 + 1);
        a->scaled_q[r] = (int32_t)clip(full >> a->floor_scaled, d->scaled.w, &clipped);
        a->allowed_q[r] = head >> (PREDICT_HEAD_W - 1) && get(word, a->drain.rows) &&
                          get(word, a->drain.key_valid) && get(word, a->drain.key) <= limit;
        if (a->allowed_q[r]) count(a, &a->sat_scaled_q[r], clipped);
    }
}

/* ---- the PEs ---- */

/* One row; returns clipped sums. */
static int multiply_row(const predict_array_fast_t *a, int16_t *s, const int16_t *v, const int16_t *h,
                        int tags)
{
    const int16_t *keep = a->keep_sum + tags, *take = a->multiply + tags, most = a->most, least = a->least;
    int16_t clipped = 0;
    for (int j = 0; j < a->columns; ++j) {
        int16_t sum = (int16_t)((s[j] & keep[j]) + ((v[j] * h[j]) & take[j]));
        clipped = (int16_t)(clipped + (sum > most) + (sum < least));
        s[j] = sum > most ? most : sum < least ? least : sum;
    }
    return clipped;
}

static inline bool has_tag(const uint8_t *tag, int columns)
{
    uint64_t any = 0, eight;
    int j = 0;
    for (; j + 8 <= columns; j += 8) {
        memcpy(&eight, tag + j, sizeof eight);
        any |= eight;
    }
    for (; j < columns; ++j) any |= tag[j];
    return any;
}

static void multiply(predict_array_fast_t *a)
{
    if (a->quiet >= a->rows + a->columns) return;
    for (int r = 0; r < a->rows; ++r) {
        int at = a->v_base + r, tags = a->tag_base + r;
        if (!has_tag(a->narrow_tag + tags, a->columns)) continue;
        int clipped = multiply_row(a, a->s_q + r * a->columns, a->v[at < a->rows ? at : at - a->rows],
                                   a->h[r] + a->h_base, tags);
        if (clipped) count(a, &a->sat_acc_q[r], clipped);
    }
}

/* The window slides down its arrays and starts again at the top. */
static void restart_tags(predict_array_fast_t *a)
{
    memcpy(a->narrow_tag + PREDICT_FAST_TAGS, a->narrow_tag, PREDICT_FAST_WINDOW);
    memcpy(a->keep_sum + PREDICT_FAST_TAGS, a->keep_sum, PREDICT_FAST_WINDOW * sizeof *a->keep_sum);
    memcpy(a->multiply + PREDICT_FAST_TAGS, a->multiply, PREDICT_FAST_WINDOW * sizeof *a->multiply);
    a->tag_base = PREDICT_FAST_TAGS;
}

/* Zeros came for so long that nothing else is left: another would change nothing. */
static bool is_still(predict_array_fast_t *a)
{
    int64_t any = *a->tag;
    for (int j = 0; j < a->columns; ++j) any |= a->top[j];
    for (int r = 0; r < a->rows; ++r) any |= a->left[r];
    a->still = any ? 0 : a->still + (a->still < PREDICT_FAST_WINDOW);
    return a->still > a->rows + PREDICT_FAST_COLUMNS;
}

static void shift(predict_array_fast_t *a)
{
    const int64_t tag = *a->tag;
    if (is_still(a)) return;
    a->taps_shown = false;
    a->v_base = a->v_base ? a->v_base - 1 : a->rows - 1;
    for (int j = 0; j < a->columns; ++j) a->v[a->v_base][j] = (int16_t)a->top[j];
    a->h_base = a->h_base ? a->h_base - 1 : PREDICT_FAST_COLUMNS - 1;
    for (int r = 0; r < a->rows; ++r)
        a->h[r][a->h_base] = a->h[r][a->h_base + PREDICT_FAST_COLUMNS] = (int16_t)a->left[r];
    if (!a->tag_base) restart_tags(a);
    --a->tag_base;
    a->narrow_tag[a->tag_base] = (uint8_t)tag;
    a->keep_sum[a->tag_base] = tag == PREDICT_FIRST ? 0 : -1;
    a->multiply[a->tag_base] = tag == PREDICT_FIRST || tag == PREDICT_MORE ? -1 : 0;
    a->quiet = tag ? 0 : a->quiet + (a->quiet < PREDICT_FAST_WINDOW);
}

/* ---- the block ---- */

static void show_bus(predict_array_fast_t *a)
{
    if (!a->shown && !a->on_bus) return;
    *a->mask_valid = *a->mask_row = *a->mask_tile = *a->mask_strip = 0;
    memset(a->mask_word, 0, (size_t)a->columns * sizeof *a->mask_word);
    FOR_ROWS(r, a, a->shown)
    {
        *a->mask_valid = 1;
        *a->mask_row |= r;
        *a->mask_tile |= a->mask_tile_q[r];
        *a->mask_strip |= a->mask_strip_q[r];
        for (int j = 0; j < a->columns; ++j) a->mask_word[j] |= a->word_q[r * a->columns + j];
    }
    a->on_bus = a->shown != 0;
}

static void show_counters(predict_array_fast_t *a)
{
    for (int r = 0; r < a->rows && a->counted; ++r) {
        a->sat_acc[r] = a->sat_acc_q[r];
        a->sat_scaled[r] = a->sat_scaled_q[r];
        a->sat_exp[r] = a->sat_exp_q[r];
        a->sat_sum[r] = a->sat_sum_q[r];
    }
    a->counted = false;
}

void predict_array_fast_eval(void *self)
{
    predict_array_fast_t *a = self;
    show_bus(a);
    show_counters(a);
    FOR_ROWS(r, a, a->moved)
    {
        for (int bank = 0; bank < PREDICT_BANKS; ++bank)
            a->arg[bank * a->rows + r] = a->arg_q[r * PREDICT_BANKS + bank];
    }
    a->moved = 0;
}

/* predict_row's order: last stage first, and reads of the banks before writes. */
static void tick(predict_array_fast_t *a)
{
    if (!words_rest(a)) {
        read_scores(a);
        compare(a);
        read_exp(a);
        add_exp(a);
        exponentiate(a);
        keep_drained(a);
        drain(a);
        shift_words(a);
    }
    multiply(a);
    shift(a);
}

static void show(predict_array_fast_t *a)
{
    const int columns = a->columns;
    if (a->taps_shown) return;
    a->taps_shown = true;
    for (int r = 0; r < a->rows; ++r) {
        int at = a->v_base + r;
        const int16_t *v = a->v[at < a->rows ? at : at - a->rows], *h = a->h[r] + a->h_base;
        for (int j = 0; j < columns; ++j) a->v_q[r * columns + j] = (int8_t)v[j];
        for (int j = 0; j < columns; ++j) a->h_q[r * columns + j] = (int8_t)h[j];
        memcpy(a->tag_q + r * columns, a->narrow_tag + a->tag_base + r, (size_t)columns);
    }
}

/* ---- both again with vectors as wide as 32 words, where the processor has them ---- */

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl,prefer-vector-width=512"), flatten))

static bool have_vectors(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
}
#else
#define WIDE
static bool have_vectors(void)
{
    return false;
}
#endif

WIDE static void tick_wide(predict_array_fast_t *a)
{
    tick(a);
}

WIDE static void show_wide(predict_array_fast_t *a)
{
    show(a);
}

void predict_array_fast_tick(void *self)
{
    predict_array_fast_t *a = self;
    if (a->vectors)
        tick_wide(a);
    else
        tick(a);
}

void predict_array_fast_show(void *self)
{
    predict_array_fast_t *a = self;
    if (a->vectors)
        show_wide(a);
    else
        show(a);
}

void predict_array_fast_plain(void *self)
{
    ((predict_array_fast_t *)self)->vectors = false;
}

void predict_array_fast_reset(void *self)
{
    predict_array_fast_t *a = self;
    a->draining = a->drained = a->adding = a->added = a->keeping = a->kept = a->shown = 0;
    a->moved = ~(predict_rows_t)0;
    a->counted = a->on_bus = true;
    a->v_base = a->h_base = 0;
    a->tag_base = PREDICT_FAST_TAGS;
    a->quiet = a->still = PREDICT_FAST_WINDOW;
    a->same = 0;
    a->taps_shown = true;
    memset(a->narrow_tag, 0, sizeof a->narrow_tag);
    memset(a->keep_sum, -1, sizeof a->keep_sum);
    memset(a->multiply, 0, sizeof a->multiply);
    memset(a->v, 0, sizeof a->v);
    memset(a->h, 0, sizeof a->h);
}

void predict_array_fast_init(void *self, const design_t *d)
{
    predict_array_fast_t *a = self;
    a->d = d;
    a->rows = d->rows;
    a->columns = d->columns;
    a->value_w = predict_value_w(d);
    a->most = (int16_t)fixed_max(d->score_acc_w);
    a->least = (int16_t)fixed_min(d->score_acc_w);
    a->floor_scaled = floor_scaled(d);
    a->floor_bias = floor_bias(d);
    a->floor_exp = floor_exp(d);
    a->floor_limit = floor_limit(d);
    a->vectors = have_vectors();
    place_fields(a);
    exp_unit_of_score_array(&a->exp, d);
}

/* ---- the table ---- */

#define FIELD(member)                                                                                        \
    {                                                                                                        \
#member, offsetof(predict_array_fast_t, member), sizeof *((predict_array_fast_t *)0)->member         \
    }

static const signal_place_t fields[] = {
    FIELD(left),         FIELD(top),          FIELD(tag),         FIELD(row_head),     FIELD(key_head),
    FIELD(d_valid),      FIELD(d_first),      FIELD(d_bank),      FIELD(d_col),        FIELD(d_key),
    FIELD(d_limit),      FIELD(d_rows),       FIELD(s_valid),     FIELD(s_first),      FIELD(s_bank),
    FIELD(s_key),        FIELD(t_valid),      FIELD(t_first),     FIELD(t_bank),       FIELD(t_there),
    FIELD(t_key),        FIELD(t_col),        FIELD(t_last),      FIELD(t_tile),       FIELD(t_strip),
    FIELD(threshold),    FIELD(policy),       FIELD(mask_valid),  FIELD(mask_row),     FIELD(mask_tile),
    FIELD(mask_strip),   FIELD(mask_word),    FIELD(arg),         FIELD(sat_acc),      FIELD(sat_scaled),
    FIELD(sat_exp),      FIELD(sat_sum),      FIELD(v_q),         FIELD(h_q),          FIELD(tag_q),
    FIELD(s_q),          FIELD(drain_q),      FIELD(drain1_q),    FIELD(scaled_q),     FIELD(allowed_q),
    FIELD(max_q),        FIELD(arg_q),        FIELD(any_q),       FIELD(sum_q),        FIELD(top_q),
    FIELD(strip_q),      FIELD(add_q),        FIELD(add1_q),      FIELD(exp_q),        FIELD(keep_q),
    FIELD(keep1_q),      FIELD(share_q),      FIELD(limit_q),     FIELD(rule_q),       FIELD(best_q),
    FIELD(word_q),       FIELD(mask_valid_q), FIELD(mask_tile_q), FIELD(mask_strip_q), FIELD(sat_acc_q),
    FIELD(sat_scaled_q), FIELD(sat_exp_q),    FIELD(sat_sum_q),
};

/* The reference's table with narrower registers. */
static int fast_signals(const design_t *d, signal_t *table)
{
    int n = predict_array_type.signals(d, table);
    signals_place(table, n, fields, sizeof fields / sizeof *fields);
    return n;
}

const block_type_t predict_array_fast_type = {
    .name = "predict_array",
    .summary = "the low-bit array, as fast as a processor steps it",
    .size = sizeof(predict_array_fast_t),
    .clocked = true,
    .signals = fast_signals,
    .init = predict_array_fast_init,
    .reset = predict_array_fast_reset,
    .eval = predict_array_fast_eval,
    .tick = predict_array_fast_tick,
    .show = predict_array_fast_show,
    .fits = predict_array_fast_fits,
};
