/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_array.h"

#include <string.h>

static void wire_row(slot_array_t *a, int r)
{
    const design_t *d = a->d;
    int pes = d->pes, columns = d->columns;
    a->row[r] = (slot_row_t){
        .left = &a->left[r],
        .top = r ? a->wire[r - 1].bot : a->top,
        .tag = r ? &a->wire[r - 1].tag_down : a->tag,
        .load = &a->wire[r].load,
        .mode = a->mode,
        .col = a->col,
        .bot = a->wire[r].bot,
        .tag_down = &a->wire[r].tag_down,
        .out = &a->out[r],
        .out_op = &a->out_op[r],
        .sum = &a->sum[r],
        .clash = &a->wire[r].clash,
        .v_q = &a->v_q[r * columns],
        .h_q = &a->h_q[r * columns],
        .tag_q = &a->tag_q[r * (columns + 1)],
        .slot_q = &a->slot_q[r * pes],
        .tail_q = &a->tail_q[r],
        .acc_q = &a->acc_q[r * pes],
        .score_q = &a->score_q[r * pes],
        .sat_q = &a->sat_q[r * pes],
        .line_q = &a->line_q[r * design_depth(d) * pes],
        .wp_q = &a->wp_q[r],
        .sum_q = &a->sum_q[2 * r],
        .clash_q = &a->clash_q[r],
        .acc_sat_q = &a->acc_sat_q[r],
        .exp_sat_q = &a->exp_sat_q[r],
        .sum_sat_q = &a->sum_sat_q[r],
    };
    slot_row_init(&a->row[r], d);
}

void slot_array_init(void *self, const design_t *d)
{
    slot_array_t *a = self;
    a->d = d;
    for (int r = 0; r < d->rows; ++r) wire_row(a, r);
}

void slot_array_reset(void *self)
{
    slot_array_t *a = self;
    for (int r = 0; r < a->d->rows; ++r) slot_row_reset(&a->row[r]);
}

void slot_array_eval(void *self)
{
    slot_array_t *a = self;
    *a->clash = 0;
    for (int r = 0; r < a->d->rows; ++r) {
        a->wire[r].load = *a->load && *a->load_row == r;
        slot_row_eval(&a->row[r]);
        *a->clash |= a->wire[r].clash;
    }
}

void slot_array_tick(void *self)
{
    slot_array_t *a = self;
    for (int r = 0; r < a->d->rows; ++r) slot_row_tick(&a->row[r]);
}

#define FIELD(member) offsetof(slot_array_t, member)
#define ROW           "g_row[#].u_row."

static int add(signal_t *table, int n, const signal_t *more, size_t count)
{
    memcpy(table + n, more, count * sizeof *more);
    return n + (int)count;
}

#define ADD(table, n, more) add(table, n, more, sizeof(more) / sizeof *(more))

static int add_ports(const design_t *d, signal_t *table, int n)
{
    const int rows = d->rows, pes = d->pes, columns = d->columns;
    const signal_t ports[] = {
        {"left",
         SIGNAL_IN,
         FIELD(left),
         design_left_w(d),
         d->q.frac,
         true,
         1,
         {rows},
         .meaning = "operands or biases that enter the left taps"},
        {"top",
         SIGNAL_IN,
         FIELD(top),
         design_top_w(d),
         d->k.frac,
         true,
         1,
         {columns},
         .meaning = "operands that enter row 0"},
        {"tag", SIGNAL_IN, FIELD(tag), 4, .codes = 16, .weights = "1322310013223100",
         .meaning = "parity and operation"},
        {"load", SIGNAL_IN, FIELD(load), 1, .codes = 2, .weights = "13", .meaning = "no yes"},
        {"load_row", SIGNAL_IN, FIELD(load_row), fixed_bits(rows), .codes = rows,
         .meaning = "row that gets a configuration"},
        {"mode", SIGNAL_IN, FIELD(mode), 2, .dims = 1, .n = {pes}, .codes = 3, .weights = "124",
         .meaning = "skip pass active"},
        {"col", SIGNAL_IN, FIELD(col), fixed_bits(columns), .dims = 1, .n = {pes}, .codes = columns,
         .meaning = "column of each slot"},
        {"out", SIGNAL_OUT, FIELD(out), d->out.w, d->out.frac, true, 1, {rows}, .meaning = "output words"},
        {"out_op", SIGNAL_OUT, FIELD(out_op), 2, .dims = 1, .n = {rows}, .meaning = "none word last"},
        {"sum",
         SIGNAL_OUT,
         FIELD(sum),
         d->row_sum.w,
         d->row_sum.frac,
         true,
         1,
         {rows},
         .meaning = "sums of the passes' scores"},
        {"clash", SIGNAL_OUT, FIELD(clash), 1, .meaning = "some row has wanted its exp unit twice at once"},
    };
    return ADD(table, n, ports);
}

static int add_taps(const design_t *d, signal_t *table, int n)
{
    const int rows = d->rows, pes = d->pes, columns = d->columns;
    const signal_t registers[] = {
        {"v_q",
         SIGNAL_REG,
         FIELD(v_q),
         design_left_w(d),
         d->q.frac,
         true,
         2,
         {rows, columns},
         1,
         .path = ROW "v_q"},
        {"h_q",
         SIGNAL_REG,
         FIELD(h_q),
         design_top_w(d),
         d->k.frac,
         true,
         2,
         {rows, columns},
         1,
         .path = ROW "h_q"},
        {"tag_q", SIGNAL_REG, FIELD(tag_q), 4, .dims = 2, .n = {rows, columns + 1}, .objects = 1,
         .path = ROW "tag_q"},
        {"slot_q", SIGNAL_REG, FIELD(slot_q), slot_control_bits(d), .dims = 2, .n = {rows, pes}, .objects = 2,
         .path = ROW "g_slot[#].u_control.slot_q",
         .meaning = "par nv nmode ncol ngap nleft mode col gap left"},
        {"tail_q", SIGNAL_REG, FIELD(tail_q), slot_row_tail_bits(d), .dims = 1, .n = {rows}, .objects = 1,
         .path = ROW "tail_q", .meaning = "par nv nused ngap used gap"},
    };
    return ADD(table, n, registers);
}

static int add_words(const design_t *d, signal_t *table, int n)
{
    const int rows = d->rows, pes = d->pes, depth = design_depth(d);
    const signal_t registers[] = {
        {"acc_q",
         SIGNAL_REG,
         FIELD(acc_q),
         d->acc.w,
         d->acc.frac,
         true,
         2,
         {rows, pes},
         2,
         .path = ROW "g_slot[#].u_pe.acc_q"},
        {"score_q",
         SIGNAL_REG,
         FIELD(score_q),
         d->score.w,
         d->score.frac,
         true,
         2,
         {rows, pes},
         2,
         .path = ROW "g_slot[#].u_pe.score_q"},
        {"sat_q", SIGNAL_REG, FIELD(sat_q), 1, .dims = 2, .n = {rows, pes}, .objects = 2,
         .path = ROW "g_slot[#].u_pe.sat_q"},
        {"line_q",
         SIGNAL_REG,
         FIELD(line_q),
         d->acc.w,
         d->out.frac,
         true,
         3,
         {rows, depth, pes},
         1,
         .memory = true,
         .path = ROW "u_line.line_q"},
        {"wp_q", SIGNAL_REG, FIELD(wp_q), fixed_bits(depth), .dims = 1, .n = {rows}, .objects = 1,
         .path = ROW "u_line.wp_q"},
        {"sum_q",
         SIGNAL_REG,
         FIELD(sum_q),
         d->row_sum.w,
         d->row_sum.frac,
         true,
         2,
         {rows, 2},
         1,
         .path = ROW "sum_q"},
        {"clash_q", SIGNAL_REG, FIELD(clash_q), 1, .dims = 1, .n = {rows}, .objects = 1,
         .path = ROW "clash_q"},
        {"acc_sat_q", SIGNAL_REG, FIELD(acc_sat_q), 32, .counts = true, .dims = 1, .n = {rows}, .objects = 1,
         .path = ROW "acc_sat_q"},
        {"exp_sat_q", SIGNAL_REG, FIELD(exp_sat_q), 32, .counts = true, .dims = 1, .n = {rows}, .objects = 1,
         .path = ROW "exp_sat_q"},
        {"sum_sat_q", SIGNAL_REG, FIELD(sum_sat_q), 32, .counts = true, .dims = 1, .n = {rows}, .objects = 1,
         .path = ROW "sum_sat_q"},
    };
    return ADD(table, n, registers);
}

static int slot_array_signals(const design_t *d, signal_t *table)
{
    return add_words(d, table, add_taps(d, table, add_ports(d, table, 0)));
}

const block_type_t slot_array_type = {
    .name = "slot_array",
    .summary = "the array under travelling control: every word carries what is to be done with it",
    .size = sizeof(slot_array_t),
    .clocked = true,
    .signals = slot_array_signals,
    .init = slot_array_init,
    .reset = slot_array_reset,
    .eval = slot_array_eval,
    .tick = slot_array_tick,
    .fits = slot_control_fits,
};
