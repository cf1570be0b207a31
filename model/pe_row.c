/* SPDX-License-Identifier: Apache-2.0 */
#include "pe_row.h"

#include <string.h>

static void wire_pe(pe_row_t *row, int k)
{
    pe_t *pe = &row->pe[k];
    bool is_signed = design_signed(row->d);
    *pe = (pe_t){
        .a = &row->wire[k].a,
        .b = &row->wire[k].b,
        .sel = &row->wire[k].sel,
        .o = k ? &row->tap_n[k - 1] : &row->zero,
        .s = k ? &row->wire[k - 1].score : &row->zero,
        .c3 = &row->c3[k],
        .c5 = &row->c5[k],
        .y = &row->wire[k].y,
        .bias = is_signed ? row->bias : NULL,
        .acc = &row->wire[k].acc,
        .score = &row->wire[k].score,
        .x = &row->wire[k].x,
        .sat = is_signed ? &row->wire[k].sat : NULL,
        .prod = &row->wire[k].prod,
        .acc_q = &row->acc_q[k],
        .score_q = &row->score_q[k],
        .sat_q = is_signed ? &row->sat_q[k] : NULL,
        .d = row->d,
    };
}

void pe_row_init(void *self, const design_t *d)
{
    pe_row_t *row = self;
    row->d = d;
    exp_unit_of_pe(&row->exp, d);
    row->line = (delay_line_t){
        .acc = row->acc,
        .c4 = row->c4,
        .shift = row->shift,
        .clear = row->line_clear,
        .tap = row->tap_n,
        .line_q = row->line_q,
        .wp_q = row->wp_q,
        .d = d,
    };
    for (int k = 0; k < d->pes; ++k) wire_pe(row, k);
}

static void select_operands(pe_row_t *row, int k)
{
    int64_t columns = row->d->columns, c1 = row->c1[k], c2 = row->c2[k];
    row->wire[k].a = c1 < columns ? row->v_q[c1] : 0;
    row->wire[k].sel = c1 == columns;
    row->wire[k].b = c2 < columns ? row->h_q[c2] : 0;
}

/* Only a PE with c5 = calc looks at its exp unit, and it alone counts. The published unit's output is
   unsigned, the score that holds it is not. */
static void eval_exp(pe_row_t *row, int k)
{
    row->wire[k].exp_sat = 0;
    if (row->c5[k] == C5_CALC) {
        int64_t y = exp_unit_value(&row->exp, row->wire[k].x, &row->wire[k].exp_sat);
        row->wire[k].y = fixed_wrap(y, row->d->score.w);
    }
}

void pe_row_eval(void *self)
{
    pe_row_t *row = self;
    int pes = row->d->pes;
    memcpy(row->acc, row->acc_q, (size_t)pes * sizeof *row->acc);
    delay_line_eval(&row->line); /* of registers alone, so that every o is settled before the PEs */
    for (int k = 0; k < pes; ++k) {
        select_operands(row, k);
        pe_eval(&row->pe[k]);
        eval_exp(row, k);
    }
    memcpy(row->bot, row->h_q, (size_t)row->d->columns * sizeof *row->bot);
    *row->out = row->tap_n[pes - 1];
    *row->sum = *row->sum_q;
}

static void tick_operands(pe_row_t *row)
{
    size_t columns = (size_t)row->d->columns, bytes = columns * sizeof *row->v_q;
    if (*row->clear) {
        memset(row->v_q, 0, bytes);
        memset(row->h_q, 0, bytes);
        return;
    }
    memmove(row->v_q + 1, row->v_q, bytes - sizeof *row->v_q);
    row->v_q[0] = *row->left;
    memcpy(row->h_q, row->top, bytes);
}

static void tick_sum(pe_row_t *row)
{
    const design_t *d = row->d;
    int last = d->pes - 1;
    bool is_signed = design_signed(d);
    if (is_signed ? *row->sum_clear : *row->clear) {
        *row->sum_q = 0;
        return;
    }
    if (row->c5[last] != C5_MOVE) return;
    __int128 sum = *row->sum_q + fixed_floor(row->wire[last].score, d->score.frac - d->row_sum.frac);
    int64_t clipped = 0;
    *row->sum_q =
        is_signed ? fixed_saturate(sum, d->row_sum.w, &clipped) : fixed_wrap((int64_t)sum, d->row_sum.w);
    if (is_signed) *row->sum_sat_q = fixed_count(*row->sum_sat_q, clipped);
}

static void tick_counters(pe_row_t *row)
{
    int64_t acc = 0, exp = 0;
    for (int k = 0; k < row->d->pes; ++k) {
        acc += row->wire[k].sat;
        exp += row->wire[k].exp_sat;
    }
    *row->acc_sat_q = fixed_count(*row->acc_sat_q, acc);
    *row->exp_sat_q = fixed_count(*row->exp_sat_q, exp);
}

void pe_row_tick(void *self)
{
    pe_row_t *row = self;
    tick_operands(row);
    tick_sum(row);
    if (design_signed(row->d)) tick_counters(row);
    for (int k = 0; k < row->d->pes; ++k) pe_tick(&row->pe[k]);
    delay_line_tick(&row->line);
}

#define FIELD(member) offsetof(pe_row_t, member)

static int add(signal_t *table, int n, const signal_t *more, size_t count)
{
    for (size_t i = 0; i < count; ++i) table[n++] = more[i];
    return n;
}

#define ADD(table, n, more) add(table, n, more, sizeof(more) / sizeof *(more))

static int add_inputs(const design_t *d, signal_t *table, int n)
{
    const int pes = d->pes, columns = d->columns;
    const signal_t inputs[] = {
        {"left", SIGNAL_IN, FIELD(left), d->q.w, d->q.frac, true,
         .meaning = "operand that enters the left taps"},
        {"top",
         SIGNAL_IN,
         FIELD(top),
         design_top_w(d),
         d->k.frac,
         true,
         1,
         {columns},
         .meaning = "operands from above"},
        {"clear", SIGNAL_IN, FIELD(clear), 1, .codes = 2, .weights = "91", .meaning = "load zero"},
        {"c1", SIGNAL_IN, FIELD(c1), design_c1_w(d), .dims = 1, .n = {pes}, .codes = columns + 2,
         .meaning = "left tap; columns: the score; columns + 1: 0"},
        {"c2", SIGNAL_IN, FIELD(c2), design_c2_w(d), .dims = 1, .n = {pes}, .codes = columns + 1,
         .meaning = "column register; columns: 0"},
        {"c3", SIGNAL_IN, FIELD(c3), 3, .dims = 1, .n = {pes}, .codes = 5, .weights = "12663",
         .meaning = "clear idle self left load"},
        {"c4", SIGNAL_IN, FIELD(c4), design_c4_w(d), .dims = 1, .n = {pes}, .codes = columns - pes + 1,
         .meaning = "age of the delay line's tap"},
        {"c5", SIGNAL_IN, FIELD(c5), 2, .dims = 1, .n = {pes}, .codes = 4, .meaning = "hold calc move clear"},
        {"shift", SIGNAL_IN, FIELD(shift), 1, .codes = 2, .weights = "19", .meaning = "hold store"},
        {"line_clear", SIGNAL_IN, FIELD(line_clear), 1, .codes = 2, .weights = "91", .meaning = "keep zero"},
    };
    const signal_t more[] = {
        {"bias", SIGNAL_IN, FIELD(bias), d->bias.w, d->bias.frac, true, .meaning = "subtracted before exp"},
        {"sum_clear", SIGNAL_IN, FIELD(sum_clear), 1, .codes = 2, .weights = "91", .meaning = "keep zero"},
    };
    n = ADD(table, n, inputs);
    return design_signed(d) ? ADD(table, n, more) : n;
}

static int add_registers(const design_t *d, signal_t *table, int n)
{
    const int pes = d->pes, columns = d->columns, depth = design_depth(d);
    const signal_t registers[] = {
        {"v_q", SIGNAL_REG, FIELD(v_q), d->q.w, d->q.frac, true, 1, {columns}, .path = "v_q"},
        {"h_q", SIGNAL_REG, FIELD(h_q), design_top_w(d), d->k.frac, true, 1, {columns}, .path = "h_q"},
        {"acc_q",
         SIGNAL_REG,
         FIELD(acc_q),
         d->acc.w,
         d->acc.frac,
         true,
         1,
         {pes},
         1,
         .path = "g_pe[#].u_pe.acc_q"},
        {"score_q",
         SIGNAL_REG,
         FIELD(score_q),
         d->score.w,
         d->score.frac,
         true,
         1,
         {pes},
         1,
         .path = "g_pe[#].u_pe.score_q"},
        {"line_q",
         SIGNAL_REG,
         FIELD(line_q),
         d->acc.w,
         d->out.frac,
         true,
         2,
         {depth, pes},
         .memory = true,
         .path = "u_line.line_q"},
        {"wp_q", SIGNAL_REG, FIELD(wp_q), fixed_bits(depth), .path = "u_line.wp_q"},
        {"sum_q", SIGNAL_REG, FIELD(sum_q), d->row_sum.w, d->row_sum.frac, true, .path = "sum_q"},
    };
    const signal_t counters[] = {
        {"sat_q", SIGNAL_REG, FIELD(sat_q), 1, .dims = 1, .n = {pes}, .objects = 1,
         .path = "g_pe[#].u_pe.sat_q"},
        {"acc_sat_q", SIGNAL_REG, FIELD(acc_sat_q), 32, .counts = true, .path = "acc_sat_q"},
        {"exp_sat_q", SIGNAL_REG, FIELD(exp_sat_q), 32, .counts = true, .path = "exp_sat_q"},
        {"sum_sat_q", SIGNAL_REG, FIELD(sum_sat_q), 32, .counts = true, .path = "sum_sat_q"},
    };
    n = ADD(table, n, registers);
    return design_signed(d) ? ADD(table, n, counters) : n;
}

static int pe_row_signals(const design_t *d, signal_t *table)
{
    const signal_t outputs[] = {
        {"bot",
         SIGNAL_OUT,
         FIELD(bot),
         design_top_w(d),
         d->k.frac,
         true,
         1,
         {d->columns},
         .meaning = "operands for the row below"},
        {"out", SIGNAL_OUT, FIELD(out), d->out.w, d->out.frac, true, .meaning = "tap of the last PE"},
        {"sum", SIGNAL_OUT, FIELD(sum), d->row_sum.w, d->row_sum.frac, true, .meaning = "sum of scores"},
        {"tap_n", SIGNAL_NET, FIELD(tap_n), d->acc.w, d->out.frac, true, 1, {d->pes}, .path = "tap_n"},
    };
    int n = add_inputs(d, table, 0);
    n = ADD(table, n, outputs);
    return add_registers(d, table, n);
}

static bool pe_row_fits(const design_t *d)
{
    return d->control == CONTROL_ARRAY;
}

const block_type_t pe_row_type = {
    .name = "pe_row",
    .summary = "one query row: operand taps, PEs with their exp units, delay lines and the row sum",
    .size = sizeof(pe_row_t),
    .clocked = true,
    .signals = pe_row_signals,
    .init = pe_row_init,
    .eval = pe_row_eval,
    .tick = pe_row_tick,
    .fits = pe_row_fits,
};
