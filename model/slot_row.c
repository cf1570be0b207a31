/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_row.h"

#include <string.h>

static void wire_slot(slot_row_t *row, int k)
{
    row->slot[k] = (slot_control_t){
        .tags = row->tag_q,
        .load = row->load,
        .mode_in = &row->mode[k],
        .col_in = &row->col[k],
        .gap_in = &row->wire[k].gap_in,
        .left_in = &row->wire[k].left_in,
        .col = &row->wire[k].col,
        .sel = &row->wire[k].sel,
        .c3 = &row->wire[k].c3,
        .c5 = &row->wire[k].c5,
        .gap = &row->wire[k].gap,
        .from_left = &row->wire[k].from_left,
        .active = &row->wire[k].active,
        .par = &row->wire[k].par,
        .slot_q = &row->slot_q[k],
    };
    slot_control_init(&row->slot[k], row->d);
}

static void wire_pe(slot_row_t *row, int k)
{
    row->pe[k] = (pe_t){
        .a = &row->wire[k].a,
        .b = &row->wire[k].b,
        .sel = &row->wire[k].sel,
        .o = &row->wire[k].o,
        .s = &row->zero,
        .c3 = &row->wire[k].c3,
        .c5 = &row->wire[k].c5,
        .bias = &row->wire[k].bias,
        .y = &row->y,
        .acc = &row->wire[k].acc,
        .score = &row->wire[k].score,
        .x = &row->wire[k].x,
        .sat = &row->wire[k].sat,
        .prod = &row->wire[k].prod,
        .acc_q = &row->acc_q[k],
        .score_q = &row->score_q[k],
        .sat_q = &row->sat_q[k],
        .d = row->d,
    };
}

void slot_row_init(void *self, const design_t *d)
{
    slot_row_t *row = self;
    row->d = d;
    row->gap_w = design_c4_w(d);
    row->shift = 1;
    row->clear = row->zero = 0;
    exp_unit_of_pe(&row->exp, d);
    row->line = (delay_line_t){
        .acc = row->acc,
        .c4 = row->c4,
        .shift = &row->shift,
        .clear = &row->clear,
        .tap = row->tap,
        .line_q = row->line_q,
        .wp_q = row->wp_q,
        .d = d,
    };
    for (int k = 0; k < d->pes; ++k) {
        wire_slot(row, k);
        wire_pe(row, k);
    }
}

/* ---- the output slot: forwards at column `columns` ---- */

typedef struct {
    bool par, nv, nused, used;
    int64_t ngap, gap;
} tail_t;

int slot_row_tail_bits(const design_t *d)
{
    return 4 + 2 * design_c4_w(d);
}

static tail_t unpack_tail(const slot_row_t *row)
{
    int w = row->gap_w;
    uint64_t word = (uint64_t)*row->tail_q;
    return (tail_t){
        .gap = (int64_t)fixed_low(word, w),
        .used = word >> w & 1,
        .ngap = (int64_t)fixed_low(word >> (w + 1), w),
        .nused = word >> (2 * w + 1) & 1,
        .nv = word >> (2 * w + 2) & 1,
        .par = word >> (2 * w + 3) & 1,
    };
}

static int64_t pack_tail(const slot_row_t *row, tail_t t)
{
    int w = row->gap_w;
    return t.gap | (int64_t)t.used << w | t.ngap << (w + 1) | (int64_t)t.nused << (2 * w + 1) |
           (int64_t)t.nv << (2 * w + 2) | (int64_t)t.par << (2 * w + 3);
}

/* 0 nothing of its own pass, 1 a word, 2 the last. */
static int64_t tail_op(const slot_row_t *row, const tail_t *t)
{
    int64_t tag = row->tag_q[row->d->columns], op = tag % TAG_PAR;
    if (!t->used || tag / TAG_PAR != t->par) return 0;
    return op == TAG_FWD ? 1 : op == TAG_FWD_LAST ? 2 : 0;
}

static void tick_tail(slot_row_t *row)
{
    const design_t *d = row->d;
    tail_t t = unpack_tail(row);
    bool last = tail_op(row, &t) == 2;
    if (t.nv && (last || !t.used)) {
        t.used = t.nused;
        t.gap = t.ngap;
        t.par = !t.par;
        t.nv = false;
    } else if (last) {
        t.used = false;
    }
    if (*row->load) {
        t.nused = row->mode[d->pes - 1] != SLOT_SKIP;
        int64_t gap = d->columns - 1 - row->col[d->pes - 1];
        t.ngap = t.nused ? (int64_t)fixed_low((uint64_t)gap, row->gap_w) : 0;
        t.nv = true;
    }
    *row->tail_q = pack_tail(row, t);
}

void slot_row_reset(void *self)
{
    slot_row_t *row = self;
    for (int k = 0; k < row->d->pes; ++k) row->slot_q[k] = slot_control_at_reset(row->d);
    *row->tail_q = pack_tail(row, (tail_t){.par = true});
}

/* ---- settle ---- */

static void eval_slot(slot_row_t *row, int k)
{
    bool left = k && row->mode[k - 1] != SLOT_SKIP;
    int64_t gap = left ? row->col[k] - row->col[k - 1] - 1 : 0;
    row->wire[k].left_in = left;
    row->wire[k].gap_in = (int64_t)fixed_low((uint64_t)gap, row->gap_w);
    slot_control_eval(&row->slot[k]);
}

static void eval_line(slot_row_t *row, const tail_t *t)
{
    int pes = row->d->pes;
    for (int k = 0; k < pes; ++k) {
        row->acc[k] = row->acc_q[k];
        row->c4[k] = k + 1 < pes ? row->wire[k + 1].gap : t->gap;
    }
    delay_line_eval(&row->line);
}

static void eval_pe(slot_row_t *row, int k)
{
    const design_t *d = row->d;
    int64_t col = row->wire[k].col;
    bool there = col < d->columns;
    int64_t v = there ? row->v_q[col] : 0, h = there ? row->h_q[col] : 0;
    row->wire[k].a = row->wire[k].active ? fixed_wrap(v, d->q.w) : 0;
    row->wire[k].b = row->wire[k].active ? h : 0;
    row->wire[k].bias = fixed_wrap(v, d->bias.w);
    row->wire[k].o = k && row->wire[k].from_left ? row->tap[k - 1] : 0;
    pe_eval(&row->pe[k]);
}

/* One unit for all slots: right while at most one calculates. */
static void eval_exp(slot_row_t *row)
{
    const design_t *d = row->d;
    uint64_t x = 0;
    row->calcs = 0;
    row->exp_sat = 0;
    for (int k = 0; k < d->pes; ++k) {
        row->calcs += row->wire[k].c5 == C5_CALC;
        x |= (uint64_t)row->wire[k].x;
    }
    row->y = exp_unit_value(&row->exp, (int64_t)x, &row->exp_sat);
}

void slot_row_eval(void *self)
{
    slot_row_t *row = self;
    const design_t *d = row->d;
    const tail_t t = unpack_tail(row);
    for (int k = 0; k < d->pes; ++k) eval_slot(row, k);
    eval_line(row, &t);
    for (int k = 0; k < d->pes; ++k) eval_pe(row, k);
    eval_exp(row);
    memcpy(row->bot, row->h_q, (size_t)d->columns * sizeof *row->bot);
    *row->tag_down = row->tag_q[0];
    *row->out_op = tail_op(row, &t);
    *row->out = *row->out_op ? row->tap[d->pes - 1] : 0;
    *row->sum = row->sum_q[t.par];
    *row->clash = *row->clash_q;
}

/* ---- edge ---- */

static int64_t parity_that_calculates(const slot_row_t *row)
{
    int k = 0;
    while (row->wire[k].c5 != C5_CALC) ++k;
    return row->wire[k].par;
}

/* Before tail_q changes: it says which sum its last word clears. */
static void tick_sums(slot_row_t *row)
{
    const design_t *d = row->d;
    const tail_t t = unpack_tail(row);
    int clears = tail_op(row, &t) == 2 ? t.par : -1;
    if (row->calcs) {
        int64_t p = parity_that_calculates(row), clipped = 0;
        __int128 sum = row->sum_q[p] + fixed_floor(row->y, d->score.frac - d->row_sum.frac);
        if (p != clears) {
            row->sum_q[p] = fixed_saturate(sum, d->row_sum.w, &clipped);
            *row->sum_sat_q = fixed_count(*row->sum_sat_q, clipped);
        }
        *row->exp_sat_q = fixed_count(*row->exp_sat_q, row->exp_sat);
    }
    if (clears >= 0) row->sum_q[clears] = 0;
    if (row->calcs > 1) *row->clash_q = 1;
}

static void tick_taps(slot_row_t *row)
{
    size_t columns = (size_t)row->d->columns;
    memmove(row->v_q + 1, row->v_q, (columns - 1) * sizeof *row->v_q);
    memmove(row->tag_q + 1, row->tag_q, columns * sizeof *row->tag_q);
    memcpy(row->h_q, row->top, columns * sizeof *row->h_q);
    row->v_q[0] = *row->left;
    row->tag_q[0] = *row->tag;
}

/* Taps move last: slots read the tags. */
void slot_row_tick(void *self)
{
    slot_row_t *row = self;
    int64_t clipped = 0;
    for (int k = 0; k < row->d->pes; ++k) clipped += row->wire[k].sat;
    *row->acc_sat_q = fixed_count(*row->acc_sat_q, clipped);
    tick_sums(row);
    tick_tail(row);
    for (int k = 0; k < row->d->pes; ++k) {
        pe_tick(&row->pe[k]);
        slot_control_tick(&row->slot[k]);
    }
    delay_line_tick(&row->line);
    tick_taps(row);
}

#define FIELD(member) offsetof(slot_row_t, member)

static int slot_row_signals(const design_t *d, signal_t *table)
{
    const int pes = d->pes, columns = d->columns, depth = design_depth(d), col_w = fixed_bits(columns);
    const signal_t all[] = {
        {"left", SIGNAL_IN, FIELD(left), design_left_w(d), d->q.frac, true,
         .meaning = "operand or bias that enters the left taps"},
        {"top",
         SIGNAL_IN,
         FIELD(top),
         design_top_w(d),
         d->k.frac,
         true,
         1,
         {columns},
         .meaning = "operands from above"},
        {"tag", SIGNAL_IN, FIELD(tag), 4, .codes = 16, .weights = "1322310013223100",
         .meaning = "parity and operation"},
        {"load", SIGNAL_IN, FIELD(load), 1, .codes = 2, .weights = "31", .meaning = "no yes"},
        {"mode", SIGNAL_IN, FIELD(mode), 2, .dims = 1, .n = {pes}, .codes = 3, .weights = "124",
         .meaning = "skip pass active"},
        {"col", SIGNAL_IN, FIELD(col), col_w, .dims = 1, .n = {pes}, .codes = columns,
         .meaning = "column of each slot"},
        {"bot",
         SIGNAL_OUT,
         FIELD(bot),
         design_top_w(d),
         d->k.frac,
         true,
         1,
         {columns},
         .meaning = "operands for the row below"},
        {"tag_down", SIGNAL_OUT, FIELD(tag_down), 4, .meaning = "tag for the row below"},
        {"out", SIGNAL_OUT, FIELD(out), d->out.w, d->out.frac, true, .meaning = "word of the output"},
        {"out_op", SIGNAL_OUT, FIELD(out_op), 2, .meaning = "none word last"},
        {"sum", SIGNAL_OUT, FIELD(sum), d->row_sum.w, d->row_sum.frac, true,
         .meaning = "sum of the pass's scores"},
        {"clash", SIGNAL_OUT, FIELD(clash), 1, .meaning = "two slots have wanted the exp unit at once"},
        {"v_q", SIGNAL_REG, FIELD(v_q), design_left_w(d), d->q.frac, true, 1, {columns}, .path = "v_q"},
        {"h_q", SIGNAL_REG, FIELD(h_q), design_top_w(d), d->k.frac, true, 1, {columns}, .path = "h_q"},
        {"tag_q", SIGNAL_REG, FIELD(tag_q), 4, .dims = 1, .n = {columns + 1}, .path = "tag_q"},
        {"slot_q", SIGNAL_REG, FIELD(slot_q), slot_control_bits(d), .dims = 1, .n = {pes}, .objects = 1,
         .path = "g_slot[#].u_control.slot_q", .meaning = "par nv nmode ncol ngap nleft mode col gap left"},
        {"tail_q", SIGNAL_REG, FIELD(tail_q), slot_row_tail_bits(d), .path = "tail_q",
         .meaning = "par nv nused ngap used gap"},
        {"acc_q",
         SIGNAL_REG,
         FIELD(acc_q),
         d->acc.w,
         d->acc.frac,
         true,
         1,
         {pes},
         1,
         .path = "g_slot[#].u_pe.acc_q"},
        {"score_q",
         SIGNAL_REG,
         FIELD(score_q),
         d->score.w,
         d->score.frac,
         true,
         1,
         {pes},
         1,
         .path = "g_slot[#].u_pe.score_q"},
        {"sat_q", SIGNAL_REG, FIELD(sat_q), 1, .dims = 1, .n = {pes}, .objects = 1,
         .path = "g_slot[#].u_pe.sat_q"},
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
        {"sum_q", SIGNAL_REG, FIELD(sum_q), d->row_sum.w, d->row_sum.frac, true, 1, {2}, .path = "sum_q"},
        {"clash_q", SIGNAL_REG, FIELD(clash_q), 1, .path = "clash_q"},
        {"acc_sat_q", SIGNAL_REG, FIELD(acc_sat_q), 32, .counts = true, .path = "acc_sat_q"},
        {"exp_sat_q", SIGNAL_REG, FIELD(exp_sat_q), 32, .counts = true, .path = "exp_sat_q"},
        {"sum_sat_q", SIGNAL_REG, FIELD(sum_sat_q), 32, .counts = true, .path = "sum_sat_q"},
    };
    memcpy(table, all, sizeof all);
    return (int)(sizeof all / sizeof *all);
}

const block_type_t slot_row_type = {
    .name = "slot_row",
    .summary =
        "one query row under travelling control: taps, slots, delay lines, one exp unit and the row sums",
    .size = sizeof(slot_row_t),
    .clocked = true,
    .signals = slot_row_signals,
    .init = slot_row_init,
    .reset = slot_row_reset,
    .eval = slot_row_eval,
    .tick = slot_row_tick,
    .fits = slot_control_fits,
};
