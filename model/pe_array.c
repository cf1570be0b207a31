/* SPDX-License-Identifier: Apache-2.0 */
#include "pe_array.h"

#include <string.h>

static void wire_row(pe_array_t *a, int r)
{
    const design_t *d = a->d;
    pe_row_t *row = &a->row[r];
    int pes = d->pes, columns = d->columns;
    row->left = &a->left[r];
    row->top = r ? a->wire[r - 1].bot : a->top;
    row->clear = a->clear;
    row->c1 = &a->c1[r * pes];
    row->c2 = &a->c2[r * pes];
    row->c3 = a->wire[r].c3;
    row->c4 = &a->c4[r * pes];
    row->c5 = a->wire[r].c5;
    row->shift = &a->shift;
    row->line_clear = &a->line_clear;
    row->bot = a->wire[r].bot;
    row->out = &a->out[r];
    row->sum = &a->sum[r];
    row->tap_n = a->wire[r].tap;
    row->v_q = &a->v_q[r * columns];
    row->h_q = &a->h_q[r * columns];
    row->acc_q = &a->acc_q[r * pes];
    row->score_q = &a->score_q[r * pes];
    row->line_q = &a->line_q[r * design_depth(d) * pes];
    row->wp_q = &a->wp_q[r];
    row->sum_q = &a->sum_q[r];
    if (!design_signed(d)) return;
    row->bias = &a->bias[r];
    row->sum_clear = a->sum_clear;
    row->sat_q = &a->sat_q[r * pes];
    row->acc_sat_q = &a->acc_sat_q[r];
    row->exp_sat_q = &a->exp_sat_q[r];
    row->sum_sat_q = &a->sum_sat_q[r];
}

void pe_array_init(void *self, const design_t *d)
{
    pe_array_t *a = self;
    a->d = d;
    for (int r = 0; r < d->rows; ++r) {
        wire_row(a, r);
        pe_row_init(&a->row[r], d);
    }
}

static int64_t c5_of(const pe_array_t *a, int r, int k)
{
    bool idle = design_signed(a->d) && !a->active[r * a->d->pes + k];
    return idle && *a->c5 == C5_CALC ? C5_CLEAR : *a->c5;
}

void pe_array_eval(void *self)
{
    pe_array_t *a = self;
    a->shift = *a->c3 == C3_LEFT;
    a->line_clear = *a->c3 == C3_CLEAR;
    for (int r = 0; r < a->d->rows; ++r) {
        for (int k = 0; k < a->d->pes; ++k) {
            a->wire[r].c3[k] = *a->c3;
            a->wire[r].c5[k] = c5_of(a, r, k);
        }
        pe_row_eval(&a->row[r]);
    }
}

void pe_array_tick(void *self)
{
    pe_array_t *a = self;
    for (int r = 0; r < a->d->rows; ++r) pe_row_tick(&a->row[r]);
}

/* The published row output means something only while partial sums move. */
static bool pe_array_specified(const void *self, const char *signal)
{
    const pe_array_t *a = self;
    return design_signed(a->d) || *a->c3 == C3_LEFT || strcmp(signal, "out") != 0;
}

#define FIELD(member) offsetof(pe_array_t, member)
#define ROW           "g_row[#].u_row."

static int add(signal_t *table, int n, const signal_t *more, size_t count)
{
    for (size_t i = 0; i < count; ++i) table[n++] = more[i];
    return n;
}

#define ADD(table, n, more) add(table, n, more, sizeof(more) / sizeof *(more))

static int add_inputs(const design_t *d, signal_t *table, int n)
{
    const int rows = d->rows, pes = d->pes, columns = d->columns;
    const signal_t inputs[] = {
        {"left",
         SIGNAL_IN,
         FIELD(left),
         d->q.w,
         d->q.frac,
         true,
         1,
         {rows},
         .meaning = "operands that enter the left taps"},
        {"top",
         SIGNAL_IN,
         FIELD(top),
         design_top_w(d),
         d->k.frac,
         true,
         1,
         {columns},
         .meaning = "operands that enter row 0"},
        {"clear", SIGNAL_IN, FIELD(clear), 1, .codes = 2, .weights = "91", .meaning = "load zero"},
        {"c1", SIGNAL_IN, FIELD(c1), design_c1_w(d), .dims = 2, .n = {rows, pes}, .codes = columns + 2,
         .meaning = "left tap; columns: the score; columns + 1: 0"},
        {"c2", SIGNAL_IN, FIELD(c2), design_c2_w(d), .dims = 2, .n = {rows, pes}, .codes = columns + 1,
         .meaning = "column register; columns: 0"},
        {"c3", SIGNAL_IN, FIELD(c3), 3, .codes = 5, .weights = "15995",
         .meaning = "clear idle self left load"},
        {"c4", SIGNAL_IN, FIELD(c4), design_c4_w(d), .dims = 2, .n = {rows, pes}, .codes = columns - pes + 1,
         .meaning = "age of the delay line's tap"},
        {"c5", SIGNAL_IN, FIELD(c5), 2, .codes = 4, .weights = "3331", .meaning = "hold calc move clear"},
    };
    const signal_t more[] = {
        {"bias",
         SIGNAL_IN,
         FIELD(bias),
         d->bias.w,
         d->bias.frac,
         true,
         1,
         {rows},
         .meaning = "subtracted before exp"},
        {"sum_clear", SIGNAL_IN, FIELD(sum_clear), 1, .codes = 2, .weights = "91", .meaning = "keep zero"},
        {"active", SIGNAL_IN, FIELD(active), 1, .dims = 2, .n = {rows, pes}, .codes = 2, .weights = "13",
         .meaning = "idle active"},
    };
    n = ADD(table, n, inputs);
    return design_signed(d) ? ADD(table, n, more) : n;
}

static int add_registers(const design_t *d, signal_t *table, int n)
{
    const int rows = d->rows, pes = d->pes, columns = d->columns, depth = design_depth(d);
    const signal_t registers[] = {
        {"v_q", SIGNAL_REG, FIELD(v_q), d->q.w, d->q.frac, true, 2, {rows, columns}, 1, .path = ROW "v_q"},
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
        {"acc_q",
         SIGNAL_REG,
         FIELD(acc_q),
         d->acc.w,
         d->acc.frac,
         true,
         2,
         {rows, pes},
         2,
         .path = ROW "g_pe[#].u_pe.acc_q"},
        {"score_q",
         SIGNAL_REG,
         FIELD(score_q),
         d->score.w,
         d->score.frac,
         true,
         2,
         {rows, pes},
         2,
         .path = ROW "g_pe[#].u_pe.score_q"},
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
         1,
         {rows},
         1,
         .path = ROW "sum_q"},
    };
    const signal_t counters[] = {
        {"sat_q", SIGNAL_REG, FIELD(sat_q), 1, .dims = 2, .n = {rows, pes}, .objects = 2,
         .path = ROW "g_pe[#].u_pe.sat_q"},
        {"acc_sat_q", SIGNAL_REG, FIELD(acc_sat_q), 32, .counts = true, .dims = 1, .n = {rows}, .objects = 1,
         .path = ROW "acc_sat_q"},
        {"exp_sat_q", SIGNAL_REG, FIELD(exp_sat_q), 32, .counts = true, .dims = 1, .n = {rows}, .objects = 1,
         .path = ROW "exp_sat_q"},
        {"sum_sat_q", SIGNAL_REG, FIELD(sum_sat_q), 32, .counts = true, .dims = 1, .n = {rows}, .objects = 1,
         .path = ROW "sum_sat_q"},
    };
    n = ADD(table, n, registers);
    return design_signed(d) ? ADD(table, n, counters) : n;
}

static int pe_array_signals(const design_t *d, signal_t *table)
{
    const signal_t outputs[] = {
        {"out",
         SIGNAL_OUT,
         FIELD(out),
         d->out.w,
         d->out.frac,
         true,
         1,
         {d->rows},
         .meaning = "partial sums that leave the rows"},
        {"sum",
         SIGNAL_OUT,
         FIELD(sum),
         d->row_sum.w,
         d->row_sum.frac,
         true,
         1,
         {d->rows},
         .meaning = "sums of scores"},
    };
    int n = add_inputs(d, table, 0);
    n = ADD(table, n, outputs);
    return add_registers(d, table, n);
}

static bool pe_array_fits(const design_t *d)
{
    return d->control == CONTROL_ARRAY;
}

const block_type_t pe_array_type = {
    .name = "pe_array",
    .summary = "the array under array control: SDDMM in place, exp, SpMM to the right",
    .size = sizeof(pe_array_t),
    .clocked = true,
    .signals = pe_array_signals,
    .init = pe_array_init,
    .eval = pe_array_eval,
    .tick = pe_array_tick,
    .specified = pe_array_specified,
    .fits = pe_array_fits,
};
