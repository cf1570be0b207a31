/* SPDX-License-Identifier: Apache-2.0 */
#include "accumulate.h"

#include <string.h>

enum { OP_NONE, OP_WORD, OP_LAST };

static int queries(const design_t *d)
{
    return 2 * design_group_rows(d);
}
static int d_bits(const design_t *d)
{
    return fixed_bits(d->head_max + 1);
}

static const int64_t *acc_of(const accumulate_t *a, int64_t index)
{
    return a->acc_q + index * a->d->head_max;
}
static bool started(const accumulate_t *a, int64_t index)
{
    return index < queries(a->d) && a->started_q[index];
}

void accumulate_eval(void *self)
{
    accumulate_t *a = self;
    size_t bytes = (size_t)a->d->head_max * sizeof *a->rd_acc;
    *a->done = *a->done_q;
    if (started(a, *a->rd_index)) {
        memcpy(a->rd_acc, acc_of(a, *a->rd_index), bytes);
        *a->rd_sum = a->row_sum_q[*a->rd_index];
    } else {
        memset(a->rd_acc, 0, bytes);
        *a->rd_sum = 0;
    }
}

/* ---- stage 2: the sums of one query ---- */

static void store(accumulate_t *a)
{
    const design_t *d = a->d;
    int64_t index = *a->add_index_q, acc_clips = 0, sum_clips = 0;
    int drop = d->out.frac - d->output_sum.frac;
    bool exists = index < queries(d);
    for (int f = 0; f < d->head_max; ++f) {
        int64_t acc = a->add_acc_q[f], word = a->add_word_q[f];
        if (word) acc = fixed_saturate(acc + fixed_floor(word, drop), d->output_sum.w, &acc_clips);
        if (exists) a->acc_q[index * d->head_max + f] = acc;
    }
    int64_t row_sum = fixed_saturate(*a->add_sum_q + *a->add_row_sum_q, d->row_sum.w, &sum_clips);
    if (exists) a->row_sum_q[index] = row_sum;
    *a->acc_sat_q = fixed_count(*a->acc_sat_q, acc_clips);
    *a->sum_sat_q = fixed_count(*a->sum_sat_q, sum_clips);
}

/* ---- stage 1: a row of the pass meets its query ---- */

static int64_t pass_d(const accumulate_t *a)
{
    return (int64_t)fixed_low((uint64_t)a->size_q[*a->bank_q], d_bits(a->d));
}

/* The row in stage 1 is its pass's last. */
static bool is_last(const accumulate_t *a)
{
    int64_t rows = a->size_q[*a->bank_q] >> d_bits(a->d);
    return *a->commit_q && (*a->row_q + 1 >= rows || *a->row_q + 1 == a->d->rows);
}

/* `open`: the query has sums already. */
static void commit(accumulate_t *a, int64_t index, bool open)
{
    const design_t *d = a->d;
    int64_t head = pass_d(a);
    const int64_t *word = a->word_q + *a->row_q * d->head_max;
    for (int f = 0; f < d->head_max; ++f) {
        a->add_acc_q[f] = open ? acc_of(a, index)[f] : 0;
        a->add_word_q[f] = f < head ? word[f] : 0;
    }
    *a->add_sum_q = open ? a->row_sum_q[index] : 0;
    *a->add_row_sum_q = a->last_sum_q[*a->row_q];
    *a->add_index_q = index;
}

/* Stage 2 writes before stage 1 reads: so a query that follows itself finds its newest sums. */
static void tick_stages(accumulate_t *a)
{
    int64_t added = *a->add_index_q, index = a->owner_q[*a->bank_q * a->d->rows + *a->row_q];
    bool adds = *a->add_q && added < queries(a->d), open = started(a, index) || (adds && index == added);
    *a->done_q = *a->add_q && *a->add_last_q;
    if (*a->add_q) store(a);
    *a->add_q = *a->commit_q;
    *a->add_last_q = is_last(a);
    if (*a->commit_q) commit(a, index, open);
    if (*a->clear) {
        size_t half = (size_t)design_group_rows(a->d);
        memset(a->started_q + (size_t)*a->clear_half * half, 0, half * sizeof *a->started_q);
    }
    if (adds) a->started_q[added] = 1;
}

static void advance(accumulate_t *a)
{
    bool last = is_last(a);
    if (last) *a->bank_q = (*a->bank_q + 1) % DESIGN_PASSES;
    if (a->out_op[0] == OP_LAST) {
        *a->commit_q = 1;
        *a->row_q = 0;
    } else if (last)
        *a->commit_q = 0;
    else
        *a->row_q += *a->commit_q;
}

/* ---- what comes in ---- */

static void collect(accumulate_t *a, int i)
{
    int64_t f = a->f_q[i];
    if (a->out_op[i] == OP_NONE) return;
    if (f < a->d->head_max) a->word_q[i * a->d->head_max + f] = a->out[i];
    a->f_q[i] = a->out_op[i] == OP_LAST ? 0 : (int64_t)fixed_low((uint64_t)f + 1, a->f_w);
    if (a->out_op[i] == OP_LAST) a->last_sum_q[i] = a->sum[i];
}

static void note_pass(accumulate_t *a)
{
    const design_t *d = a->d;
    if (*a->own && *a->own_row < d->rows) a->owner_q[*a->own_bank * d->rows + *a->own_row] = *a->own_index;
    if (*a->pass) a->size_q[*a->pass_bank] = *a->pass_rows << d_bits(d) | *a->pass_d;
}

void accumulate_tick(void *self)
{
    accumulate_t *a = self;
    tick_stages(a);
    advance(a);
    for (int i = 0; i < a->d->rows; ++i) collect(a, i);
    note_pass(a);
}

void accumulate_init(void *self, const design_t *d)
{
    accumulate_t *a = self;
    a->d = d;
    a->f_w = fixed_bits(d->head_max);
}

#define FIELD(member) offsetof(accumulate_t, member)

static int add_ports(const design_t *d, signal_t *table)
{
    const int index_w = fixed_bits(queries(d)), rows = d->rows, bank_w = fixed_bits(DESIGN_PASSES);
    const signal_t ports[] = {
        {"out", SIGNAL_IN, FIELD(out), d->out.w, d->out.frac, true, .dims = 1, .n = {rows},
         .meaning = "words that leave the array's rows"},
        {"out_op", SIGNAL_IN, FIELD(out_op), 2, .dims = 1, .n = {rows}, .codes = 3, .weights = "252",
         .meaning = "none word last"},
        {"sum", SIGNAL_IN, FIELD(sum), d->row_sum.w, d->row_sum.frac, true, .dims = 1, .n = {rows},
         .meaning = "row sums, with the last words"},
        {"own", SIGNAL_IN, FIELD(own), 1, .codes = 2, .weights = "11", .meaning = "no yes"},
        {"own_bank", SIGNAL_IN, FIELD(own_bank), bank_w, .meaning = "pass number modulo 4"},
        {"own_row", SIGNAL_IN, FIELD(own_row), fixed_bits(rows), .meaning = "row of the pass"},
        {"own_index", SIGNAL_IN, FIELD(own_index), index_w, .meaning = "its query"},
        {"pass", SIGNAL_IN, FIELD(pass), 1, .codes = 2, .weights = "11", .meaning = "no yes"},
        {"pass_bank", SIGNAL_IN, FIELD(pass_bank), bank_w, .meaning = "pass number modulo 4"},
        {"pass_rows", SIGNAL_IN, FIELD(pass_rows), fixed_bits(rows + 1), .codes = rows + 1,
         .meaning = "rows of the pass that count"},
        {"pass_d", SIGNAL_IN, FIELD(pass_d), d_bits(d), .codes = d->head_max + 1, .meaning = "its head size"},
        {"clear", SIGNAL_IN, FIELD(clear), 1, .codes = 2, .weights = "91", .meaning = "no yes"},
        {"clear_half", SIGNAL_IN, FIELD(clear_half), 1, .meaning = "half that is forgotten"},
        {"rd_index", SIGNAL_IN, FIELD(rd_index), index_w, .meaning = "query shown"},
        {"done", SIGNAL_OUT, FIELD(done), 1, .meaning = "a pass is complete"},
        {"rd_acc", SIGNAL_OUT, FIELD(rd_acc), d->output_sum.w, d->output_sum.frac, true, .dims = 1,
         .n = {d->head_max}, .meaning = "its accumulated outputs"},
        {"rd_sum", SIGNAL_OUT, FIELD(rd_sum), d->row_sum.w, d->row_sum.frac, true,
         .meaning = "its accumulated row sum"},
    };
    memcpy(table, ports, sizeof ports);
    return (int)(sizeof ports / sizeof *ports);
}

/* Collecting and stage 1. */
static int add_pass(const design_t *d, signal_t *table)
{
    const int index_w = fixed_bits(queries(d)), rows = d->rows, head = d->head_max;
    const signal_t registers[] = {
        {"word_q", SIGNAL_REG, FIELD(word_q), d->out.w, d->out.frac, true, .dims = 2, .n = {rows, head},
         .memory = true, .stored = true, .path = "word_q", .meaning = "words of the rows' passes"},
        {"f_q", SIGNAL_REG, FIELD(f_q), fixed_bits(head), .dims = 1, .n = {rows}, .path = "f_q",
         .meaning = "the rows' next words"},
        {"last_sum_q", SIGNAL_REG, FIELD(last_sum_q), d->row_sum.w, d->row_sum.frac, true, .dims = 1,
         .n = {rows}, .path = "last_sum_q"},
        {"owner_q", SIGNAL_REG, FIELD(owner_q), index_w, .dims = 1, .n = {DESIGN_PASSES * rows},
         .memory = true, .stored = true, .path = "owner_q", .meaning = "queries; word {bank, row}"},
        {"size_q", SIGNAL_REG, FIELD(size_q), fixed_bits(rows + 1) + d_bits(d), .dims = 1,
         .n = {DESIGN_PASSES}, .path = "size_q", .meaning = "rows, d of each bank's pass"},
        {"bank_q", SIGNAL_REG, FIELD(bank_q), fixed_bits(DESIGN_PASSES), .path = "bank_q",
         .meaning = "the pass that leaves the array"},
        {"commit_q", SIGNAL_REG, FIELD(commit_q), 1, .path = "commit_q"},
        {"row_q", SIGNAL_REG, FIELD(row_q), fixed_bits(rows), .path = "row_q"},
    };
    memcpy(table, registers, sizeof registers);
    return (int)(sizeof registers / sizeof *registers);
}

/* Stage 2 and the sums. */
static int add_sums(const design_t *d, signal_t *table)
{
    const int index_w = fixed_bits(queries(d)), head = d->head_max;
    const format_t acc = d->output_sum, sum = d->row_sum;
    const signal_t registers[] = {
        {"add_q", SIGNAL_REG, FIELD(add_q), 1, .path = "add_q"},
        {"add_index_q", SIGNAL_REG, FIELD(add_index_q), index_w, .path = "add_index_q"},
        {"add_last_q", SIGNAL_REG, FIELD(add_last_q), 1, .path = "add_last_q"},
        {"add_acc_q", SIGNAL_REG, FIELD(add_acc_q), acc.w, acc.frac, true, .dims = 1, .n = {head},
         .path = "add_acc_q", .meaning = "sums so far"},
        {"add_word_q", SIGNAL_REG, FIELD(add_word_q), d->out.w, d->out.frac, true, .dims = 1, .n = {head},
         .path = "add_word_q", .meaning = "the pass's words, 0 from d on"},
        {"add_sum_q", SIGNAL_REG, FIELD(add_sum_q), sum.w, sum.frac, true, .path = "add_sum_q"},
        {"add_row_sum_q", SIGNAL_REG, FIELD(add_row_sum_q), sum.w, sum.frac, true, .path = "add_row_sum_q"},
        {"acc_q", SIGNAL_REG, FIELD(acc_q), acc.w, acc.frac, true, .dims = 2, .n = {queries(d), head},
         .memory = true, .stored = true, .path = "acc_q", .meaning = "accumulated outputs"},
        {"row_sum_q", SIGNAL_REG, FIELD(row_sum_q), sum.w, sum.frac, true, .dims = 1, .n = {queries(d)},
         .memory = true, .stored = true, .path = "row_sum_q", .meaning = "accumulated row sums"},
        {"started_q", SIGNAL_REG, FIELD(started_q), 1, .bytes = 1, .dims = 1, .n = {queries(d)},
         .path = "started_q", .meaning = "the query has sums"},
        {"acc_sat_q", SIGNAL_REG, FIELD(acc_sat_q), 32, .counts = true, .path = "acc_sat_q"},
        {"sum_sat_q", SIGNAL_REG, FIELD(sum_sat_q), 32, .counts = true, .path = "sum_sat_q"},
        {"done_q", SIGNAL_REG, FIELD(done_q), 1, .path = "done_q"},
    };
    memcpy(table, registers, sizeof registers);
    return (int)(sizeof registers / sizeof *registers);
}

static int accumulate_signals(const design_t *d, signal_t *table)
{
    int n = add_ports(d, table);
    n += add_pass(d, table + n);
    return n + add_sums(d, table + n);
}

static bool fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t accumulate_type = {
    .name = "accumulate",
    .summary = "collects the array's diagonal output and adds it to the output rows of its queries",
    .size = sizeof(accumulate_t),
    .clocked = true,
    .signals = accumulate_signals,
    .init = accumulate_init,
    .eval = accumulate_eval,
    .tick = accumulate_tick,
    .fits = fits,
};
