/* SPDX-License-Identifier: Apache-2.0 */
#include "predict_row.h"

#include <string.h>

#include "predict_feeder.h"

static int tile_w(const design_t *d)
{
    return fixed_bits(design_tiles_max(d));
}

static int strip_w(const design_t *d)
{
    return fixed_bits(2 * d->strips);
}

static int key_w(const design_t *d)
{
    return fixed_bits(d->keys_max);
}

static int limit_w(const design_t *d)
{
    return fixed_bits(d->keys_max + 1) + 1;
}

/* ---- words as signals: fields side by side, the last one lowest ---- */

static void put(uint64_t *word, int64_t value, int bits)
{
    *word = *word << bits | fixed_low((uint64_t)value, bits);
}

static int64_t take(uint64_t *word, int bits)
{
    int64_t value = (int64_t)fixed_low(*word, bits);
    *word >>= bits;
    return value;
}

int predict_drain_w(const design_t *d)
{
    return 5 + fixed_bits(d->columns) + key_w(d) + limit_w(d) + fixed_bits(d->rows + 1) + d->scale.w;
}

int64_t predict_drain_pack(const design_t *d, predict_drain_t word)
{
    uint64_t bits = 0;
    put(&bits, word.valid, 1);
    put(&bits, word.first, 1);
    put(&bits, word.bank, 2);
    put(&bits, word.col, fixed_bits(d->columns));
    put(&bits, word.key, key_w(d));
    put(&bits, word.limit, limit_w(d));
    put(&bits, word.rows, fixed_bits(d->rows + 1));
    put(&bits, word.key_valid, 1);
    put(&bits, word.key_scale, d->scale.w);
    return (int64_t)bits;
}

predict_drain_t predict_drain_unpack(const design_t *d, int64_t word)
{
    uint64_t bits = (uint64_t)word;
    predict_drain_t w;
    w.key_scale = take(&bits, d->scale.w);
    w.key_valid = take(&bits, 1);
    w.rows = take(&bits, fixed_bits(d->rows + 1));
    w.limit = fixed_wrap(take(&bits, limit_w(d)), limit_w(d));
    w.key = take(&bits, key_w(d));
    w.col = take(&bits, fixed_bits(d->columns));
    w.bank = take(&bits, 2);
    w.first = take(&bits, 1);
    w.valid = take(&bits, 1);
    return w;
}

int predict_add_w(const design_t *d)
{
    return 4 + key_w(d);
}

int64_t predict_add_pack(const design_t *d, predict_add_t word)
{
    uint64_t bits = 0;
    put(&bits, word.valid, 1);
    put(&bits, word.first, 1);
    put(&bits, word.bank, 2);
    put(&bits, word.key, key_w(d));
    return (int64_t)bits;
}

predict_add_t predict_add_unpack(const design_t *d, int64_t word)
{
    uint64_t bits = (uint64_t)word;
    predict_add_t w;
    w.key = take(&bits, key_w(d));
    w.bank = take(&bits, 2);
    w.first = take(&bits, 1);
    w.valid = take(&bits, 1);
    return w;
}

int predict_keep_w(const design_t *d)
{
    return 6 + key_w(d) + fixed_bits(d->columns) + tile_w(d) + strip_w(d);
}

int64_t predict_keep_pack(const design_t *d, predict_keep_t word)
{
    uint64_t bits = 0;
    put(&bits, word.valid, 1);
    put(&bits, word.first, 1);
    put(&bits, word.bank, 2);
    put(&bits, word.there, 1);
    put(&bits, word.key, key_w(d));
    put(&bits, word.col, fixed_bits(d->columns));
    put(&bits, word.last, 1);
    put(&bits, word.tile, tile_w(d));
    put(&bits, word.strip, strip_w(d));
    return (int64_t)bits;
}

predict_keep_t predict_keep_unpack(const design_t *d, int64_t word)
{
    uint64_t bits = (uint64_t)word;
    predict_keep_t w;
    w.strip = take(&bits, strip_w(d));
    w.tile = take(&bits, tile_w(d));
    w.last = take(&bits, 1);
    w.col = take(&bits, fixed_bits(d->columns));
    w.key = take(&bits, key_w(d));
    w.there = take(&bits, 1);
    w.bank = take(&bits, 2);
    w.first = take(&bits, 1);
    w.valid = take(&bits, 1);
    return w;
}

/* ---- the PEs ---- */

static void multiply(predict_row_t *r)
{
    const int columns = r->d->columns;
    const int64_t most = fixed_max(r->d->score_acc_w), least = -most - 1;
    int64_t clipped = 0;
    for (int j = 0; j < columns; ++j) {
        bool first = r->tag_q[j] == PREDICT_FIRST, more = r->tag_q[j] == PREDICT_MORE;
        int64_t base = first ? 0 : r->s_q[j], product = r->v_q[j] * r->h_q[j];
        int64_t sum = base + (first || more ? product : 0);
        clipped += sum > most || sum < least;
        r->s_q[j] = (int32_t)(sum > most ? most : sum < least ? least : sum);
    }
    *r->sat_acc_q = fixed_count(*r->sat_acc_q, clipped);
}

static void shift(predict_row_t *r)
{
    size_t columns = (size_t)r->d->columns;
    memcpy(r->v_q, r->top, columns);
    memmove(r->h_q + 1, r->h_q, columns - 1);
    memmove(r->tag_q + 1, r->tag_q, columns - 1);
    r->h_q[0] = (int8_t)*r->left;
    r->tag_q[0] = (uint8_t)*r->tag;
}

/* ---- strip banks ---- */

int predict_value_w(const design_t *d)
{
    return d->scaled.w > d->score_exp.w ? d->scaled.w : d->score_exp.w;
}

/* Where a key of a bank lies; NULL where nothing does. */
static int64_t *strip_at(const predict_row_t *r, int64_t bank, int64_t key)
{
    bool stored = bank < PREDICT_BANKS && key < r->d->keys_max;
    return stored ? &r->strip_q[bank * r->d->keys_max + key] : NULL;
}

static int64_t strip_word(const predict_row_t *r, bool allowed, int64_t value)
{
    int w = predict_value_w(r->d);
    return (int64_t)allowed << w | (int64_t)fixed_low((uint64_t)value, w);
}

/* ---- drain ---- */

static void drain(predict_row_t *r)
{
    const design_t *d = r->d;
    predict_drain_t w = predict_drain_unpack(d, *r->drain_q);
    *r->drain1_q = predict_add_pack(
        d, (predict_add_t){.valid = w.valid, .first = w.first, .bank = w.bank, .key = w.key});
    if (!w.valid) return;
    int64_t head = w.bank < PREDICT_BANKS ? r->head[w.bank] : 0, clipped = 0;
    int64_t row_valid = head >> d->scale.w, row_scale = (int64_t)fixed_low((uint64_t)head, d->scale.w);
    int64_t sum = w.col < d->columns ? r->s_q[w.col] : 0;
    __int128 full = (__int128)(sum * row_scale) * w.key_scale;
    *r->scaled_q =
        fixed_saturate(fixed_floor(full, 2 * d->scale.frac - d->scaled.frac), d->scaled.w, &clipped);
    *r->allowed_q = row_valid && w.rows > 0 && w.key_valid && w.key <= w.limit;
    if (*r->allowed_q) *r->sat_scaled_q = fixed_count(*r->sat_scaled_q, clipped);
}

static void keep_drained(predict_row_t *r)
{
    const design_t *d = r->d;
    predict_add_t w = predict_add_unpack(d, *r->drain1_q);
    int64_t allowed = *r->allowed_q, scaled = *r->scaled_q;
    if (!w.valid || w.bank >= PREDICT_BANKS) return;
    int64_t *place = strip_at(r, w.bank, w.key);
    if (place) *place = strip_word(r, allowed, (int64_t)fixed_low((uint64_t)scaled, d->scaled.w));
    if (w.first) {
        r->max_q[w.bank] = fixed_min(d->scaled.w);
        r->arg_q[w.bank] = 0;
        r->any_q[w.bank] = 0;
    }
    if (!allowed || (r->any_q[w.bank] && scaled <= r->max_q[w.bank])) return;
    r->max_q[w.bank] = scaled;
    r->arg_q[w.bank] = w.key;
    r->any_q[w.bank] = 1;
}

/* ---- sum ---- */

/* What the word in add_q finds in its bank. */
static int64_t read_score(const predict_row_t *r)
{
    predict_add_t w = predict_add_unpack(r->d, *r->add_q);
    predict_keep_t other = predict_keep_unpack(r->d, *r->keep_q);
    if (!w.valid || (other.valid && other.bank == w.bank)) return 0;
    const int64_t *place = strip_at(r, w.bank, w.key);
    return place ? *place : 0;
}

/* exp of the distance to the maximum, which is floored as the bias of the main array is. */
static int64_t exponential(const predict_row_t *r, int64_t scaled, int64_t max, int64_t *clipped)
{
    const design_t *d = r->d;
    int drop = d->scaled.frac - d->bias.frac;
    int64_t bias = fixed_saturate(fixed_floor(max, drop), d->bias.w, NULL);
    return exp_unit_value(&r->exp, fixed_saturate(scaled - fixed_floor(bias, -drop), d->scaled.w, NULL),
                          clipped);
}

static void exponentiate(predict_row_t *r, int64_t score)
{
    const design_t *d = r->d;
    predict_add_t w = predict_add_unpack(d, *r->add_q);
    int64_t allowed = score >> predict_value_w(d), clipped = 0;
    *r->add1_q = allowed << predict_add_w(d) | *r->add_q;
    if (!w.valid) return;
    *r->exp_q = 0;
    if (allowed) *r->exp_q = exponential(r, fixed_wrap(score, d->scaled.w), r->max_q[w.bank], &clipped);
    *r->sat_exp_q = fixed_count(*r->sat_exp_q, clipped);
}

static void add_exp(predict_row_t *r)
{
    const design_t *d = r->d;
    predict_add_t w = predict_add_unpack(d, *r->add1_q), other = predict_add_unpack(d, *r->drain1_q);
    if (!w.valid || w.bank >= PREDICT_BANKS) return;
    int64_t *sum = &r->sum_q[w.bank], *top = &r->top_q[w.bank], clipped = 0;
    __int128 term = fixed_floor(*r->exp_q, d->score_exp.frac - d->score_sum.frac);
    *sum = fixed_saturate((w.first ? 0 : *sum) + term, d->score_sum.w, &clipped);
    if (w.first || *r->exp_q > *top) *top = *r->exp_q;
    *r->sat_sum_q = fixed_count(*r->sat_sum_q, clipped);
    int64_t *place = strip_at(r, w.bank, w.key), allowed = *r->add1_q >> predict_add_w(d);
    int64_t exp = (int64_t)fixed_low((uint64_t)*r->exp_q, d->score_exp.w);
    if (place && !(other.valid && other.bank == w.bank)) *place = strip_word(r, allowed, exp);
}

/* ---- threshold ---- */

/* T * sum in exp's format: an exp is above it exactly when it is above what was floored and clipped. */
static int64_t limit(const predict_row_t *r, int64_t sum)
{
    const design_t *d = r->d;
    __int128 product = (__int128)*r->threshold * sum;
    return fixed_saturate(fixed_floor(product, d->threshold.frac + d->score_sum.frac - d->score_exp.frac),
                          d->score_exp.w, NULL);
}

static void take_strip(predict_row_t *r, int64_t bank)
{
    bool there = bank < PREDICT_BANKS;
    *r->limit_q = limit(r, there ? r->sum_q[bank] : 0);
    *r->best_q = there ? r->arg_q[bank] : 0;
    *r->rule_q = *r->policy == EMPTY_NOT ? EMPTY_ZERO : *r->policy;
    if ((there ? r->top_q[bank] : 0) > *r->limit_q) *r->rule_q = EMPTY_NOT;
}

static void read_exp(predict_row_t *r)
{
    const design_t *d = r->d;
    predict_keep_t w = predict_keep_unpack(d, *r->keep_q);
    if (w.valid) {
        const int64_t *place = w.there ? strip_at(r, w.bank, w.key) : NULL;
        w.there = place && *place >> predict_value_w(d);
        *r->share_q = place ? fixed_wrap(*place, d->score_exp.w) : 0;
        if (w.first) take_strip(r, w.bank);
    }
    *r->keep1_q = predict_keep_pack(d, w);
}

static bool kept(const predict_row_t *r, predict_keep_t w)
{
    if (!w.there) return false;
    switch (*r->rule_q) {
    case EMPTY_NOT: return *r->share_q > *r->limit_q;
    case EMPTY_TOP1: return w.key == *r->best_q;
    default: return *r->rule_q == EMPTY_DENSE;
    }
}

static void compare(predict_row_t *r)
{
    predict_keep_t w = predict_keep_unpack(r->d, *r->keep1_q);
    *r->mask_valid_q = w.valid && w.last;
    if (!w.valid) return;
    if (w.col == 0) memset(r->word_q, 0, (size_t)r->d->columns * sizeof *r->word_q);
    if (w.col < r->d->columns) r->word_q[w.col] = kept(r, w);
    if (!w.last) return;
    *r->mask_tile_q = w.tile;
    *r->mask_strip_q = w.strip;
}

/* ---- the block ---- */

static int64_t drain_for_below(const predict_row_t *r)
{
    predict_drain_t w = predict_drain_unpack(r->d, *r->drain_q);
    w.limit = fixed_saturate(w.limit + 1, limit_w(r->d), NULL);
    if (w.rows) --w.rows;
    return predict_drain_pack(r->d, w);
}

void predict_row_eval(void *self)
{
    predict_row_t *r = self;
    const size_t columns = (size_t)r->d->columns;
    memcpy(r->bottom, r->v_q, columns);
    *r->tag_down = r->tag_q[0];
    *r->drain_down = drain_for_below(r);
    *r->add_down = *r->add_q;
    *r->keep_down = *r->keep_q;
    *r->mask_valid = *r->mask_valid_q;
    *r->mask_tile = *r->mask_valid_q ? *r->mask_tile_q : 0;
    *r->mask_strip = *r->mask_valid_q ? *r->mask_strip_q : 0;
    if (*r->mask_valid_q)
        memcpy(r->mask_word, r->word_q, columns * sizeof *r->mask_word);
    else
        memset(r->mask_word, 0, columns * sizeof *r->mask_word);
    memcpy(r->arg, r->arg_q, PREDICT_BANKS * sizeof *r->arg);
    *r->sat_acc = *r->sat_acc_q;
    *r->sat_scaled = *r->sat_scaled_q;
    *r->sat_exp = *r->sat_exp_q;
    *r->sat_sum = *r->sat_sum_q;
}

/* Last stage first, and reads of the banks before writes, so that each sees what the others held before the
 * edge. */
void predict_row_tick(void *self)
{
    predict_row_t *r = self;
    int64_t score = read_score(r);
    compare(r);
    read_exp(r);
    add_exp(r);
    exponentiate(r, score);
    keep_drained(r);
    drain(r);
    *r->keep_q = *r->keep;
    *r->add_q = *r->add;
    *r->drain_q = *r->drain;
    multiply(r);
    shift(r);
}

#define FIELD(member) offsetof(predict_row_t, member)
#define REG(name)     #name, SIGNAL_REG, FIELD(name)
#define IN_ROW(name)  .path = #name
#define PES           .dims = 1, .n = {columns}
#define BANKS         .dims = 1, .n = {PREDICT_BANKS}

static int add(signal_t *table, int n, const signal_t *more, size_t count)
{
    for (size_t i = 0; i < count; ++i) table[n++] = more[i];
    return n;
}

#define ADD(table, n, more) add(table, n, more, sizeof(more) / sizeof *(more))

static int add_ports(const design_t *d, signal_t *table, int n)
{
    const int columns = d->columns, w = d->operand_w;
    const signal_t ports[] = {
        {"left", SIGNAL_IN, FIELD(left), w, 0, true, .meaning = "operand of the query"},
        {"top", SIGNAL_IN, FIELD(top), w, 0, true, PES, .bytes = 1, .meaning = "operands of keys"},
        {"tag", SIGNAL_IN, FIELD(tag), 2, .codes = 3, .weights = "129", .meaning = "none first more"},
        {"head", SIGNAL_IN, FIELD(head), 1 + d->scale.w, BANKS, .meaning = "valid and scale of the query"},
        {"drain", SIGNAL_IN, FIELD(drain), predict_drain_w(d), .meaning = "drain word"},
        {"add", SIGNAL_IN, FIELD(add), predict_add_w(d), .meaning = "sum word"},
        {"keep", SIGNAL_IN, FIELD(keep), predict_keep_w(d), .meaning = "threshold word"},
        {"threshold", SIGNAL_IN, FIELD(threshold), d->threshold.w, d->threshold.frac, .meaning = "T"},
        {"policy", SIGNAL_IN, FIELD(policy), 2, .codes = 3, .meaning = "zero dense top1"},
        {"bottom", SIGNAL_OUT, FIELD(bottom), w, 0, true, PES, .bytes = 1,
         .meaning = "operands for the row below"},
        {"tag_down", SIGNAL_OUT, FIELD(tag_down), 2, .meaning = "its tag"},
        {"drain_down", SIGNAL_OUT, FIELD(drain_down), predict_drain_w(d), .meaning = "its drain word"},
        {"add_down", SIGNAL_OUT, FIELD(add_down), predict_add_w(d), .meaning = "its sum word"},
        {"keep_down", SIGNAL_OUT, FIELD(keep_down), predict_keep_w(d), .meaning = "its threshold word"},
        {"mask_valid", SIGNAL_OUT, FIELD(mask_valid), 1, .meaning = "a tile's mask word is complete"},
        {"mask_tile", SIGNAL_OUT, FIELD(mask_tile), tile_w(d), .meaning = "its tile"},
        {"mask_strip", SIGNAL_OUT, FIELD(mask_strip), strip_w(d), .meaning = "its strip"},
        {"mask_word", SIGNAL_OUT, FIELD(mask_word), 1, PES, .meaning = "kept columns"},
        {"arg", SIGNAL_OUT, FIELD(arg), key_w(d), BANKS, .meaning = "keys of the maxima"},
        {"sat_acc", SIGNAL_OUT, FIELD(sat_acc), 32, .meaning = "clipped sums of PEs"},
        {"sat_scaled", SIGNAL_OUT, FIELD(sat_scaled), 32, .meaning = "clipped scaled scores"},
        {"sat_exp", SIGNAL_OUT, FIELD(sat_exp), 32, .meaning = "clipped exponentials"},
        {"sat_sum", SIGNAL_OUT, FIELD(sat_sum), 32, .meaning = "clipped sums of exp"},
    };
    return ADD(table, n, ports);
}

static int add_registers(const design_t *d, signal_t *table, int n)
{
    const int columns = d->columns, w = d->operand_w;
    const format_t scaled = d->scaled, exp = d->score_exp, sum = d->score_sum;
    const signal_t registers[] = {
        {REG(v_q), w, 0, true, PES, .bytes = 1, IN_ROW(v_q)},
        {REG(h_q), w, 0, true, PES, .bytes = 1, IN_ROW(h_q)},
        {REG(tag_q), 2, PES, .bytes = 1, IN_ROW(tag_q)},
        {REG(s_q), d->score_acc_w, 0, true, PES, .bytes = 4, IN_ROW(s_q)},
        {REG(drain_q), predict_drain_w(d), IN_ROW(drain_q)},
        {REG(drain1_q), predict_add_w(d), IN_ROW(drain1_q)},
        {REG(scaled_q), scaled.w, scaled.frac, true, IN_ROW(scaled_q)},
        {REG(allowed_q), 1, IN_ROW(allowed_q)},
        {REG(max_q), scaled.w, scaled.frac, true, BANKS, IN_ROW(max_q)},
        {REG(arg_q), key_w(d), BANKS, IN_ROW(arg_q)},
        {REG(any_q), 1, BANKS, IN_ROW(any_q)},
        {REG(sum_q), sum.w, sum.frac, true, BANKS, IN_ROW(sum_q)},
        {REG(top_q), exp.w, exp.frac, true, BANKS, IN_ROW(top_q)},
        {REG(strip_q), 1 + predict_value_w(d), .dims = 2, .n = {PREDICT_BANKS, d->keys_max}, .objects = 1,
         .memory = true, .stored = true, .path = "g_bank[#].strip_q"},
        {REG(add_q), predict_add_w(d), IN_ROW(add_q)},
        {REG(add1_q), 1 + predict_add_w(d), IN_ROW(add1_q)},
        {REG(exp_q), exp.w, exp.frac, true, IN_ROW(exp_q)},
        {REG(keep_q), predict_keep_w(d), IN_ROW(keep_q)},
        {REG(keep1_q), predict_keep_w(d), IN_ROW(keep1_q)},
        {REG(share_q), exp.w, exp.frac, true, IN_ROW(share_q)},
        {REG(limit_q), exp.w, exp.frac, true, IN_ROW(limit_q)},
        {REG(rule_q), 2, IN_ROW(rule_q)},
        {REG(best_q), key_w(d), IN_ROW(best_q)},
        {REG(word_q), 1, PES, IN_ROW(word_q)},
        {REG(mask_valid_q), 1, IN_ROW(mask_valid_q)},
        {REG(mask_tile_q), tile_w(d), IN_ROW(mask_tile_q)},
        {REG(mask_strip_q), strip_w(d), IN_ROW(mask_strip_q)},
        {REG(sat_acc_q), 32, .counts = true, IN_ROW(sat_acc_q)},
        {REG(sat_scaled_q), 32, .counts = true, IN_ROW(sat_scaled_q)},
        {REG(sat_exp_q), 32, .counts = true, IN_ROW(sat_exp_q)},
        {REG(sat_sum_q), 32, .counts = true, IN_ROW(sat_sum_q)},
    };
    return ADD(table, n, registers);
}

static int predict_row_signals(const design_t *d, signal_t *table)
{
    return add_registers(d, table, add_ports(d, table, 0));
}

void predict_row_init(void *self, const design_t *d)
{
    predict_row_t *r = self;
    r->d = d;
    exp_unit_of_score_array(&r->exp, d);
}

static bool predict_row_fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t predict_row_type = {
    .name = "predict_row",
    .summary = "one row of the low-bit array under travelling control, with maximum, exp, sum and threshold",
    .size = sizeof(predict_row_t),
    .clocked = true,
    .signals = predict_row_signals,
    .init = predict_row_init,
    .eval = predict_row_eval,
    .tick = predict_row_tick,
    .fits = predict_row_fits,
};
