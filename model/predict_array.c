/* SPDX-License-Identifier: Apache-2.0 */
#include "predict_array.h"

#include <string.h>

#include "predict_feeder.h"

static void wire_registers(predict_array_t *a, int r)
{
    const size_t at = (size_t)r, columns = (size_t)a->d->columns, keys = (size_t)a->d->keys_max;
    predict_row_t *row = &a->row[r];
    row->v_q = &a->v_q[at * columns];
    row->h_q = &a->h_q[at * columns];
    row->tag_q = &a->tag_q[at * columns];
    row->s_q = &a->s_q[at * columns];
    row->drain_q = &a->drain_q[at];
    row->drain1_q = &a->drain1_q[at];
    row->scaled_q = &a->scaled_q[at];
    row->allowed_q = &a->allowed_q[at];
    row->max_q = &a->max_q[PREDICT_BANKS * at];
    row->arg_q = &a->arg_q[PREDICT_BANKS * at];
    row->any_q = &a->any_q[PREDICT_BANKS * at];
    row->sum_q = &a->sum_q[PREDICT_BANKS * at];
    row->top_q = &a->top_q[PREDICT_BANKS * at];
    row->strip_q = &a->strip_q[PREDICT_BANKS * at * keys];
    row->add_q = &a->add_q[at];
    row->add1_q = &a->add1_q[at];
    row->exp_q = &a->exp_q[at];
    row->keep_q = &a->keep_q[at];
    row->keep1_q = &a->keep1_q[at];
    row->share_q = &a->share_q[at];
    row->limit_q = &a->limit_q[at];
    row->rule_q = &a->rule_q[at];
    row->best_q = &a->best_q[at];
    row->word_q = &a->word_q[at * columns];
    row->mask_valid_q = &a->mask_valid_q[at];
    row->mask_tile_q = &a->mask_tile_q[at];
    row->mask_strip_q = &a->mask_strip_q[at];
    row->sat_acc_q = &a->sat_acc_q[at];
    row->sat_scaled_q = &a->sat_scaled_q[at];
    row->sat_exp_q = &a->sat_exp_q[at];
    row->sat_sum_q = &a->sat_sum_q[at];
}

static void wire_ports(predict_array_t *a, int r)
{
    predict_row_t *row = &a->row[r];
    row->left = &a->left[r];
    row->top = r ? a->below[r - 1].bottom : a->wire.top;
    row->tag = r ? &a->below[r - 1].tag : a->tag;
    row->drain = r ? &a->below[r - 1].drain : &a->wire.drain;
    row->add = r ? &a->below[r - 1].add : &a->wire.add;
    row->keep = r ? &a->below[r - 1].keep : &a->wire.keep;
    row->head = a->below[r].head;
    row->threshold = a->threshold;
    row->policy = a->policy;
    row->bottom = a->below[r].bottom;
    row->tag_down = &a->below[r].tag;
    row->drain_down = &a->below[r].drain;
    row->add_down = &a->below[r].add;
    row->keep_down = &a->below[r].keep;
    row->mask_valid = &a->below[r].mask_valid;
    row->mask_tile = &a->below[r].mask_tile;
    row->mask_strip = &a->below[r].mask_strip;
    row->mask_word = a->below[r].mask_word;
    row->arg = a->below[r].arg;
    row->sat_acc = &a->sat_acc[r];
    row->sat_scaled = &a->sat_scaled[r];
    row->sat_exp = &a->sat_exp[r];
    row->sat_sum = &a->sat_sum[r];
}

void predict_array_init(void *self, const design_t *d)
{
    predict_array_t *a = self;
    a->d = d;
    for (int r = 0; r < d->rows; ++r) {
        wire_registers(a, r);
        wire_ports(a, r);
        predict_row_init(&a->row[r], d);
    }
}

/* Row 0's words, out of the ports' fields. */
static void gather_words(predict_array_t *a)
{
    const design_t *d = a->d;
    a->wire.drain = predict_drain_pack(d, (predict_drain_t){.valid = *a->d_valid,
                                                            .first = *a->d_first,
                                                            .bank = *a->d_bank,
                                                            .col = *a->d_col,
                                                            .key = *a->d_key,
                                                            .limit = *a->d_limit,
                                                            .rows = *a->d_rows,
                                                            .key_valid = *a->key_head >> (PREDICT_HEAD_W - 1),
                                                            .key_scale = *a->key_head});
    a->wire.add = predict_add_pack(
        d, (predict_add_t){.valid = *a->s_valid, .first = *a->s_first, .bank = *a->s_bank, .key = *a->s_key});
    a->wire.keep = predict_keep_pack(d, (predict_keep_t){.valid = *a->t_valid,
                                                         .first = *a->t_first,
                                                         .bank = *a->t_bank,
                                                         .there = *a->t_there,
                                                         .key = *a->t_key,
                                                         .col = *a->t_col,
                                                         .last = *a->t_last,
                                                         .tile = *a->t_tile,
                                                         .strip = *a->t_strip});
}

/* A header with as many bits of its scale as count. */
static int64_t head_of(const predict_array_t *a, int bank, int r)
{
    int64_t head = a->row_head[bank * a->d->rows + r];
    return head >> (PREDICT_HEAD_W - 1) << a->d->scale.w | (int64_t)fixed_low((uint64_t)head, a->d->scale.w);
}

static void drive_bus(predict_array_t *a, int r)
{
    const size_t columns = (size_t)a->d->columns;
    if (!a->below[r].mask_valid) return;
    *a->mask_valid = 1;
    *a->mask_row |= r;
    *a->mask_tile |= a->below[r].mask_tile;
    *a->mask_strip |= a->below[r].mask_strip;
    for (size_t j = 0; j < columns; ++j) a->mask_word[j] |= a->below[r].mask_word[j];
}

void predict_array_eval(void *self)
{
    predict_array_t *a = self;
    const design_t *d = a->d;
    gather_words(a);
    for (int j = 0; j < d->columns; ++j) a->wire.top[j] = (int8_t)a->top[j];
    *a->mask_valid = *a->mask_row = *a->mask_tile = *a->mask_strip = 0;
    memset(a->mask_word, 0, (size_t)d->columns * sizeof *a->mask_word);
    for (int r = 0; r < d->rows; ++r) {
        for (int bank = 0; bank < PREDICT_BANKS; ++bank) a->below[r].head[bank] = head_of(a, bank, r);
        predict_row_eval(&a->row[r]);
        drive_bus(a, r);
        for (int bank = 0; bank < PREDICT_BANKS; ++bank) a->arg[bank * d->rows + r] = a->below[r].arg[bank];
    }
}

void predict_array_tick(void *self)
{
    predict_array_t *a = self;
    for (int r = 0; r < a->d->rows; ++r) predict_row_tick(&a->row[r]);
}

#define FIELD(member) offsetof(predict_array_t, member)
#define IN(name)      #name, SIGNAL_IN, FIELD(name)
#define OUT(name)     #name, SIGNAL_OUT, FIELD(name)
#define REG(name)     #name, SIGNAL_REG, FIELD(name)
#define IN_ROW(name)  .objects = 1, .path = "g_row[#].u_row." #name
#define ROWS          .dims = 1, .n = {rows}
#define PES           .dims = 2, .n = {rows, columns}
#define BANKS         .dims = 2, .n = {rows, PREDICT_BANKS}

static int add(signal_t *table, int n, const signal_t *more, size_t count)
{
    for (size_t i = 0; i < count; ++i) table[n++] = more[i];
    return n;
}

#define ADD(table, n, more) add(table, n, more, sizeof(more) / sizeof *(more))

static int add_inputs(const design_t *d, signal_t *table, int n)
{
    const int rows = d->rows, columns = d->columns, w = d->operand_w, key_w = fixed_bits(d->keys_max);
    const int col_w = fixed_bits(columns), tiles = design_tiles_max(d);
    const signal_t inputs[] = {
        {IN(left), w, 0, true, ROWS, .meaning = "operands of queries"},
        {IN(top), w, 0, true, .dims = 1, .n = {columns}, .meaning = "operands of keys"},
        {IN(tag), 2, .codes = 3, .weights = "129", .meaning = "none first more"},
        {IN(row_head), PREDICT_HEAD_W, .dims = 2, .n = {PREDICT_BANKS, rows},
         .meaning = "valid and scale of the queries"},
        {IN(key_head), PREDICT_HEAD_W, .meaning = "valid and scale of the drained key"},
        {IN(d_valid), 1, .codes = 2, .weights = "14", .meaning = "none drain"},
        {IN(d_first), 1, .codes = 2, .weights = "91", .meaning = "more first"},
        {IN(d_bank), 2, .codes = PREDICT_BANKS, .meaning = "bank"},
        {IN(d_col), col_w, .codes = columns, .meaning = "column"},
        {IN(d_key), key_w, .codes = d->keys_max, .meaning = "its key"},
        {IN(d_limit), fixed_bits(d->keys_max + 1) + 1, 0, true, .meaning = "last key that row 0 may see"},
        {IN(d_rows), fixed_bits(rows + 1), .codes = rows + 1, .meaning = "rows in use"},
        {IN(s_valid), 1, .codes = 2, .weights = "14", .meaning = "none sum"},
        {IN(s_first), 1, .codes = 2, .weights = "91", .meaning = "more first"},
        {IN(s_bank), 2, .codes = PREDICT_BANKS, .meaning = "bank"},
        {IN(s_key), key_w, .codes = d->keys_max, .meaning = "key"},
        {IN(t_valid), 1, .codes = 2, .weights = "14", .meaning = "none threshold"},
        {IN(t_first), 1, .codes = 2, .weights = "91", .meaning = "more first"},
        {IN(t_bank), 2, .codes = PREDICT_BANKS, .meaning = "bank"},
        {IN(t_there), 1, .codes = 2, .weights = "19", .meaning = "no key"},
        {IN(t_key), key_w, .codes = d->keys_max, .meaning = "key"},
        {IN(t_col), col_w, .codes = columns, .meaning = "its column"},
        {IN(t_last), 1, .codes = 2, .weights = "41", .meaning = "more last"},
        {IN(t_tile), fixed_bits(tiles), .codes = tiles, .meaning = "tile"},
        {IN(t_strip), fixed_bits(2 * d->strips), .codes = 2 * d->strips, .meaning = "strip"},
        {IN(threshold), d->threshold.w, d->threshold.frac, .meaning = "T"},
        {IN(policy), 2, .codes = 3, .meaning = "zero dense top1"},
    };
    return ADD(table, n, inputs);
}

static int add_outputs(const design_t *d, signal_t *table, int n)
{
    const int rows = d->rows;
    const signal_t outputs[] = {
        {OUT(mask_valid), 1, .meaning = "a tile's mask word is complete"},
        {OUT(mask_row), fixed_bits(rows), .meaning = "its row"},
        {OUT(mask_tile), fixed_bits(design_tiles_max(d)), .meaning = "its tile"},
        {OUT(mask_strip), fixed_bits(2 * d->strips), .meaning = "its strip"},
        {OUT(mask_word), 1, .dims = 1, .n = {d->columns}, .meaning = "kept columns"},
        {OUT(arg), fixed_bits(d->keys_max), .dims = 2, .n = {PREDICT_BANKS, rows},
         .meaning = "keys of the maxima"},
        {OUT(sat_acc), 32, ROWS, .meaning = "clipped sums of PEs"},
        {OUT(sat_scaled), 32, ROWS, .meaning = "clipped scaled scores"},
        {OUT(sat_exp), 32, ROWS, .meaning = "clipped exponentials"},
        {OUT(sat_sum), 32, ROWS, .meaning = "clipped sums of exp"},
    };
    return ADD(table, n, outputs);
}

static int add_registers(const design_t *d, signal_t *table, int n)
{
    const int rows = d->rows, columns = d->columns, w = d->operand_w, key_w = fixed_bits(d->keys_max);
    const format_t scaled = d->scaled, exp = d->score_exp, sum = d->score_sum;
    const signal_t registers[] = {
        {REG(v_q), w, 0, true, PES, .bytes = 1, IN_ROW(v_q)},
        {REG(h_q), w, 0, true, PES, .bytes = 1, IN_ROW(h_q)},
        {REG(tag_q), 2, PES, .bytes = 1, IN_ROW(tag_q)},
        {REG(s_q), d->score_acc_w, 0, true, PES, .bytes = 4, IN_ROW(s_q)},
        {REG(drain_q), predict_drain_w(d), ROWS, IN_ROW(drain_q)},
        {REG(drain1_q), predict_add_w(d), ROWS, IN_ROW(drain1_q)},
        {REG(scaled_q), scaled.w, scaled.frac, true, ROWS, IN_ROW(scaled_q)},
        {REG(allowed_q), 1, ROWS, IN_ROW(allowed_q)},
        {REG(max_q), scaled.w, scaled.frac, true, BANKS, IN_ROW(max_q)},
        {REG(arg_q), key_w, BANKS, IN_ROW(arg_q)},
        {REG(any_q), 1, BANKS, IN_ROW(any_q)},
        {REG(sum_q), sum.w, sum.frac, true, BANKS, IN_ROW(sum_q)},
        {REG(top_q), exp.w, exp.frac, true, BANKS, IN_ROW(top_q)},
        {REG(strip_q), 1 + predict_value_w(d), .dims = 3, .n = {rows, PREDICT_BANKS, d->keys_max},
         .objects = 2, .memory = true, .stored = true, .path = "g_row[#].u_row.g_bank[#].strip_q"},
        {REG(add_q), predict_add_w(d), ROWS, IN_ROW(add_q)},
        {REG(add1_q), 1 + predict_add_w(d), ROWS, IN_ROW(add1_q)},
        {REG(exp_q), exp.w, exp.frac, true, ROWS, IN_ROW(exp_q)},
        {REG(keep_q), predict_keep_w(d), ROWS, IN_ROW(keep_q)},
        {REG(keep1_q), predict_keep_w(d), ROWS, IN_ROW(keep1_q)},
        {REG(share_q), exp.w, exp.frac, true, ROWS, IN_ROW(share_q)},
        {REG(limit_q), exp.w, exp.frac, true, ROWS, IN_ROW(limit_q)},
        {REG(rule_q), 2, ROWS, IN_ROW(rule_q)},
        {REG(best_q), key_w, ROWS, IN_ROW(best_q)},
        {REG(word_q), 1, PES, IN_ROW(word_q)},
        {REG(mask_valid_q), 1, ROWS, IN_ROW(mask_valid_q)},
        {REG(mask_tile_q), fixed_bits(design_tiles_max(d)), ROWS, IN_ROW(mask_tile_q)},
        {REG(mask_strip_q), fixed_bits(2 * d->strips), ROWS, IN_ROW(mask_strip_q)},
        {REG(sat_acc_q), 32, .counts = true, ROWS, IN_ROW(sat_acc_q)},
        {REG(sat_scaled_q), 32, .counts = true, ROWS, IN_ROW(sat_scaled_q)},
        {REG(sat_exp_q), 32, .counts = true, ROWS, IN_ROW(sat_exp_q)},
        {REG(sat_sum_q), 32, .counts = true, ROWS, IN_ROW(sat_sum_q)},
    };
    return ADD(table, n, registers);
}

static int predict_array_signals(const design_t *d, signal_t *table)
{
    int n = add_inputs(d, table, 0);
    n = add_outputs(d, table, n);
    return add_registers(d, table, n);
}

static bool predict_array_fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t predict_array_type = {
    .name = "predict_array",
    .summary = "the low-bit array under travelling control, from operands to mask words",
    .size = sizeof(predict_array_t),
    .clocked = true,
    .signals = predict_array_signals,
    .init = predict_array_init,
    .eval = predict_array_eval,
    .tick = predict_array_tick,
    .fits = predict_array_fits,
};
