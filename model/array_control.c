/* SPDX-License-Identifier: Apache-2.0 */
#include "array_control.h"

#include <string.h>

enum { REST, SDDMM, SPMM, CLEAR };                         /* phase_q */
enum { OP_LOAD = 1, OP_MAC, OP_EXP, OP_FWD, OP_FWD_LAST }; /* low bits of a tag */
enum { ACTIVE = 2 };

static int reach(const design_t *d)
{
    return d->rows + d->columns;
}
static int64_t now(const array_control_t *a)
{
    return *a->tag & 7;
}

/* The operation that row i's left word has, and the one whose output it shows. */
static int64_t op_in(const array_control_t *a, int row)
{
    return row ? a->op_q[row - 1] : now(a);
}
static int64_t op_out(const array_control_t *a, int row)
{
    return a->op_q[a->d->columns + row];
}

/* ---- a cycle ---- */

static void settle_control(array_control_t *a)
{
    static const int64_t c3[] = {[REST] = C3_IDLE, [SDDMM] = C3_SELF, [SPMM] = C3_LEFT, [CLEAR] = C3_CLEAR};
    bool due = *a->armed_q && *a->count_q == 0;
    a->exp = due && *a->phase_q == SDDMM;
    a->ends = due && *a->phase_q == SPMM;
    a->wire.c3 = a->exp ? C3_IDLE : c3[*a->phase_q];
    a->wire.c5 = a->exp ? C5_CALC : a->ends || *a->move_q ? C5_MOVE : C5_HOLD;
    a->wire.clear = *a->phase_q == CLEAR;
    a->wire.sum_clear = a->exp;
}

static void settle_operands(array_control_t *a)
{
    const design_t *d = a->d;
    for (int i = 0; i < d->rows; ++i) {
        bool is_q = op_in(a, i) == OP_LOAD || op_in(a, i) == OP_MAC;
        a->wire.left[i] = is_q ? fixed_wrap(a->left[i], d->q.w) : 0;
    }
    memcpy(a->wire.top, a->top, (size_t)d->columns * sizeof *a->top);
}

static void show_row(array_control_t *a, int i)
{
    bool word = op_out(a, i) == OP_FWD;
    a->out_op[i] = a->deliver_q[i] ? 2 : word;
    a->out[i] = a->deliver_q[i] ? a->hold_q[i] : word ? a->wire.out[i] : 0;
    a->sum[i] = a->wire.sum[i];
}

void array_control_eval(void *self)
{
    array_control_t *a = self;
    settle_control(a);
    settle_operands(a);
    pe_array_eval(&a->array);
    for (int i = 0; i < a->d->rows; ++i) show_row(a, i);
    *a->clash = *a->clash_q;
}

/* ---- an edge ---- */

/* Column of slot k in the row's next configuration, and its mode. */
static int64_t next_col(const array_control_t *a, int row, int k)
{
    return (int64_t)fixed_low((uint64_t)a->next_q[row * a->d->pes + k], fixed_bits(a->d->columns));
}
static int64_t next_mode(const array_control_t *a, int row, int k)
{
    return a->next_q[row * a->d->pes + k] >> fixed_bits(a->d->columns);
}

static int64_t gap(const array_control_t *a, int row, int k)
{
    const design_t *d = a->d;
    int64_t right = k + 1 < d->pes ? next_col(a, row, k + 1) : d->columns;
    if (next_mode(a, row, k) == 0) return 0;
    return (int64_t)fixed_low((uint64_t)(right - next_col(a, row, k) - 1), design_c4_w(d));
}

static void start_row(array_control_t *a, int row)
{
    const design_t *d = a->d;
    for (int k = 0; k < d->pes; ++k) {
        int pe = row * d->pes + k;
        a->active_q[pe] = next_mode(a, row, k) == ACTIVE;
        a->c1_q[pe] = a->active_q[pe] ? next_col(a, row, k) : d->columns + 1;
        a->c2_q[pe] = a->active_q[pe] ? next_col(a, row, k) : d->columns;
        a->c4_q[pe] = gap(a, row, k);
    }
}

static void no_operands(array_control_t *a)
{
    for (int pe = 0; pe < a->d->rows * a->d->pes; ++pe) {
        a->active_q[pe] = 0;
        a->c1_q[pe] = a->d->columns + 1;
        a->c2_q[pe] = a->d->columns;
    }
}

static void tick_rows(array_control_t *a)
{
    const design_t *d = a->d;
    if (*a->phase_q == CLEAR) no_operands(a);
    for (int pe = 0; a->exp && pe < d->rows * d->pes; ++pe) {
        if (a->active_q[pe]) a->c1_q[pe] = d->columns;
    }
    for (int i = 0; i < d->rows; ++i) {
        if (op_in(a, i) == OP_LOAD) start_row(a, i);
        if (op_in(a, i) == OP_EXP) a->bias_q[i] = fixed_wrap(a->left[i], d->bias.w);
        if (op_out(a, i) == OP_FWD_LAST) a->hold_q[i] = a->wire.out[i];
    }
}

static void tick_next(array_control_t *a)
{
    const design_t *d = a->d;
    if (!*a->load || *a->load_row >= d->rows) return;
    for (int k = 0; k < d->pes; ++k)
        a->next_q[*a->load_row * d->pes + k] = a->mode[k] << fixed_bits(d->columns) | a->col[k];
}

static int64_t next_phase(const array_control_t *a)
{
    if (now(a) == OP_LOAD) return SDDMM;
    if (a->exp) return SPMM;
    if (a->ends) return CLEAR;
    return *a->phase_q == CLEAR ? REST : *a->phase_q;
}

static void tick_count(array_control_t *a)
{
    if (now(a) == OP_EXP || now(a) == OP_FWD_LAST) {
        *a->armed_q = 1;
        *a->count_q = reach(a->d) - (now(a) == OP_EXP ? 2 : 1);
    } else if (*a->count_q > 0)
        --*a->count_q;
    else
        *a->armed_q = 0;
}

/* Scores leave in `pes` cycles, the one in which the last output shows the first; then the rows deliver. */
static void tick_moves(array_control_t *a)
{
    const design_t *d = a->d;
    int64_t left = a->ends ? d->pes : *a->move_q;
    memmove(a->deliver_q + 1, a->deliver_q, (size_t)(d->rows - 1) * sizeof *a->deliver_q);
    a->deliver_q[0] = left == 1;
    *a->move_q = left ? left - 1 : 0;
}

static bool breaks_rule(const array_control_t *a)
{
    bool fwd = now(a) == OP_FWD || now(a) == OP_FWD_LAST;
    return (now(a) == OP_LOAD && *a->phase_q != REST) || (fwd && *a->phase_q != SPMM && !a->exp);
}

void array_control_tick(void *self)
{
    array_control_t *a = self;
    int64_t phase = next_phase(a);
    pe_array_tick(&a->array); /* before its control changes */
    tick_rows(a);
    tick_next(a);
    if (breaks_rule(a)) *a->clash_q = 1;
    tick_count(a);
    tick_moves(a);
    memmove(a->op_q + 1, a->op_q, (size_t)(reach(a->d) - 1) * sizeof *a->op_q);
    a->op_q[0] = now(a);
    *a->phase_q = phase;
}

void array_control_reset(void *self)
{
    no_operands(self);
}

void array_control_init(void *self, const design_t *d)
{
    array_control_t *a = self;
    pe_array_t *p = &a->array;
    a->d = d;
    p->left = a->wire.left;
    p->top = a->wire.top;
    p->clear = &a->wire.clear;
    p->c1 = a->c1_q;
    p->c2 = a->c2_q;
    p->c3 = &a->wire.c3;
    p->c4 = a->c4_q;
    p->c5 = &a->wire.c5;
    p->bias = a->bias_q;
    p->sum_clear = &a->wire.sum_clear;
    p->active = a->active_q;
    p->out = a->wire.out;
    p->sum = a->wire.sum;
    pe_array_init(p, d);
}

#define FIELD(member) offsetof(array_control_t, member)

static int add_ports(const design_t *d, signal_t *table)
{
    const int rows = d->rows, columns = d->columns, pes = d->pes;
    const signal_t ports[] = {
        {"left", SIGNAL_IN, FIELD(left), design_left_w(d), d->q.frac, true, .dims = 1, .n = {rows},
         .meaning = "left words: queries, biases"},
        {"top", SIGNAL_IN, FIELD(top), design_top_w(d), d->k.frac, true, .dims = 1, .n = {columns},
         .meaning = "operands that enter row 0"},
        {"tag", SIGNAL_IN, FIELD(tag), 4, .codes = 16, .weights = "5191911151919111",
         .meaning = "par, op of row 0's word"},
        {"load", SIGNAL_IN, FIELD(load), 1, .codes = 2, .weights = "11", .meaning = "no yes"},
        {"load_row", SIGNAL_IN, FIELD(load_row), fixed_bits(rows), .meaning = "row that is configured"},
        {"mode", SIGNAL_IN, FIELD(mode), 2, .dims = 1, .n = {pes}, .codes = 3, .weights = "124",
         .meaning = "skip pass active"},
        {"col", SIGNAL_IN, FIELD(col), fixed_bits(columns), .dims = 1, .n = {pes}, .codes = columns,
         .meaning = "its slots' columns"},
        {"out", SIGNAL_OUT, FIELD(out), d->out.w, d->out.frac, true, .dims = 1, .n = {rows},
         .meaning = "words that leave the rows"},
        {"out_op", SIGNAL_OUT, FIELD(out_op), 2, .dims = 1, .n = {rows}, .meaning = "none word last"},
        {"sum", SIGNAL_OUT, FIELD(sum), d->row_sum.w, d->row_sum.frac, true, .dims = 1, .n = {rows},
         .meaning = "row sums, with the last words"},
        {"clash", SIGNAL_OUT, FIELD(clash), 1, .meaning = "a word came when it must not"},
    };
    memcpy(table, ports, sizeof ports);
    return (int)(sizeof ports / sizeof *ports);
}

static int add_control(const design_t *d, signal_t *table)
{
    const int rows = d->rows, pes = d->pes, n = reach(d);
    const signal_t registers[] = {
        {"next_q", SIGNAL_REG, FIELD(next_q), 2 + fixed_bits(d->columns), .dims = 2, .n = {rows, pes},
         .memory = true, .stored = true, .path = "next_q", .meaning = "mode, col of the next pass"},
        {"c1_q", SIGNAL_REG, FIELD(c1_q), design_c1_w(d), .dims = 2, .n = {rows, pes}, .path = "c1_q"},
        {"c2_q", SIGNAL_REG, FIELD(c2_q), design_c2_w(d), .dims = 2, .n = {rows, pes}, .path = "c2_q"},
        {"c4_q", SIGNAL_REG, FIELD(c4_q), design_c4_w(d), .dims = 2, .n = {rows, pes}, .path = "c4_q"},
        {"active_q", SIGNAL_REG, FIELD(active_q), 1, .dims = 2, .n = {rows, pes}, .path = "active_q"},
        {"op_q", SIGNAL_REG, FIELD(op_q), 3, .dims = 1, .n = {n}, .path = "op_q",
         .meaning = "operations of the last cycles"},
        {"phase_q", SIGNAL_REG, FIELD(phase_q), 2, .path = "phase_q", .meaning = "rest SDDMM SpMM clear"},
        {"armed_q", SIGNAL_REG, FIELD(armed_q), 1, .path = "armed_q", .meaning = "count_q is running"},
        {"count_q", SIGNAL_REG, FIELD(count_q), fixed_bits(n), .path = "count_q",
         .meaning = "cycles until the exp, or until the last output"},
        {"move_q", SIGNAL_REG, FIELD(move_q), fixed_bits(pes), .path = "move_q",
         .meaning = "moves of scores to come"},
        {"deliver_q", SIGNAL_REG, FIELD(deliver_q), 1, .dims = 1, .n = {rows}, .path = "deliver_q",
         .meaning = "the row shows its last word"},
        {"hold_q", SIGNAL_REG, FIELD(hold_q), d->out.w, d->out.frac, true, .dims = 1, .n = {rows},
         .path = "hold_q", .meaning = "last words"},
        {"bias_q", SIGNAL_REG, FIELD(bias_q), d->bias.w, d->bias.frac, true, .dims = 1, .n = {rows},
         .path = "bias_q"},
        {"clash_q", SIGNAL_REG, FIELD(clash_q), 1, .path = "clash_q"},
    };
    memcpy(table, registers, sizeof registers);
    return (int)(sizeof registers / sizeof *registers);
}

/* Where the array's registers lie below this block. */
static const char *path_inside(const char *name)
{
#define ROW "u_array.g_row[#].u_row."
    static const struct {
        const char *name, *path;
    } paths[] = {
        {"v_q", ROW "v_q"},
        {"h_q", ROW "h_q"},
        {"acc_q", ROW "g_pe[#].u_pe.acc_q"},
        {"score_q", ROW "g_pe[#].u_pe.score_q"},
        {"line_q", ROW "u_line.line_q"},
        {"wp_q", ROW "u_line.wp_q"},
        {"sum_q", ROW "sum_q"},
        {"sat_q", ROW "g_pe[#].u_pe.sat_q"},
        {"acc_sat_q", ROW "acc_sat_q"},
        {"exp_sat_q", ROW "exp_sat_q"},
        {"sum_sat_q", ROW "sum_sat_q"},
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; ++i) {
        if (!strcmp(name, paths[i].name)) return paths[i].path;
    }
    return NULL;
}

static int add_array(const design_t *d, signal_t *table)
{
    signal_t own[SIGNAL_MAX];
    int count = pe_array_type.signals(d, own), n = 0;
    for (int i = 0; i < count; ++i) {
        if (own[i].kind != SIGNAL_REG) continue;
        table[n] = own[i];
        table[n].field += FIELD(array);
        table[n++].path = path_inside(own[i].name);
    }
    return n;
}

static int array_control_signals(const design_t *d, signal_t *table)
{
    int n = add_ports(d, table);
    n += add_control(d, table + n);
    return n + add_array(d, table + n);
}

static bool fits(const design_t *d)
{
    return d->control == CONTROL_ARRAY && !design_lacks_machine(d);
}

const block_type_t array_control_type = {
    .name = "array_control",
    .summary = "the array under its published control, driven by the tags of a stream",
    .size = sizeof(array_control_t),
    .clocked = true,
    .signals = array_control_signals,
    .init = array_control_init,
    .reset = array_control_reset,
    .eval = array_control_eval,
    .tick = array_control_tick,
    .fits = fits,
};
