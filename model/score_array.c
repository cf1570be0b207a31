/* SPDX-License-Identifier: Apache-2.0 */
#include "score_array.h"

#include <string.h>

/* ---- the PEs ---- */

static void shift_operands(score_array_t *a)
{
    size_t rows = (size_t)a->d->score_rows, columns = (size_t)a->d->score_columns;
    memmove(a->v_q + columns, a->v_q, (rows - 1) * columns * sizeof *a->v_q);
    memcpy(a->v_q, a->top, columns * sizeof *a->v_q);
    for (size_t i = 0; i < rows; ++i) {
        int64_t *h = a->h_q + i * columns;
        memmove(h + 1, h, (columns - 1) * sizeof *h);
        h[0] = a->left[i];
    }
}

static void accumulate(score_array_t *a)
{
    const design_t *d = a->d;
    int64_t *s = a->s_q;
    const int64_t *v = a->v_q, *h = a->h_q;
    for (int i = 0; i < d->score_rows; ++i) {
        int64_t clipped = 0;
        for (int j = 0; j < d->score_columns; ++j, ++s, ++v, ++h) *s = score_pe_sum(d, *s, *v, *h, &clipped);
        if (clipped) a->sat_acc_q[i] = fixed_count(a->sat_acc_q[i], clipped);
    }
}

static void clear_pes(score_array_t *a)
{
    size_t bytes = (size_t)a->d->score_rows * (size_t)a->d->score_columns * sizeof(int64_t);
    memset(a->v_q, 0, bytes);
    memset(a->h_q, 0, bytes);
    memset(a->s_q, 0, bytes);
}

static void move_sums(score_array_t *a)
{
    size_t columns = (size_t)a->d->score_columns;
    for (int i = 0; i < a->d->score_rows; ++i) {
        int64_t *s = a->s_q + (size_t)i * columns;
        memmove(s + 1, s, (columns - 1) * sizeof *s);
        s[0] = 0;
    }
}

static void tick_pes(score_array_t *a)
{
    switch (*a->pe_state) {
    case SCORE_CLEAR: clear_pes(a); break;
    case SCORE_CALC:
        accumulate(a);
        shift_operands(a);
        break;
    case SCORE_MOVE: move_sums(a); break;
    default: break;
    }
}

static int64_t last_sum(const score_array_t *a, int row)
{
    return a->s_q[(size_t)(row + 1) * (size_t)a->d->score_columns - 1];
}

/* ---- the right end of a row ---- */

static void tick_row_published(score_array_t *a, int i)
{
    const design_t *d = a->d;
    if (*a->row_state == ROW_CLEAR) a->sum_q[i] = 0;
    if (*a->row_state == ROW_SUM) {
        a->sum_q[i] = (int64_t)fixed_low((uint64_t)(a->sum_q[i] + a->exp_q[i]), d->score_sum.w);
    }
    a->exp_q[i] = exp_unit_value(&a->exp, last_sum(a, i) << d->score_shift, NULL);
}

static int64_t bias(const score_array_t *a, int i)
{
    const design_t *d = a->d;
    return fixed_saturate(fixed_floor(a->max_q[i], d->scaled.frac - d->bias.frac), d->bias.w, NULL);
}

static int64_t exponential(const score_array_t *a, int i, int64_t *clipped)
{
    const design_t *d = a->d;
    if (!a->strip_allowed[i]) return 0;
    __int128 aligned = fixed_floor(bias(a, i), d->bias.frac - d->scaled.frac);
    return exp_unit_value(&a->exp, fixed_saturate(a->strip[i] - aligned, d->scaled.w, NULL), clipped);
}

static void tick_row_state(score_array_t *a, int i)
{
    const design_t *d = a->d;
    int64_t clipped = 0;
    switch (*a->row_state) {
    case ROW_CLEAR:
        a->sum_q[i] = 0;
        a->max_q[i] = fixed_min(d->scaled.w);
        break;
    case ROW_SUM: {
        __int128 term = fixed_floor(a->exp_q[i], d->score_exp.frac - d->score_sum.frac);
        a->sum_q[i] = fixed_saturate(a->sum_q[i] + term, d->score_sum.w, &clipped);
        break;
    }
    case ROW_MAX:
        if (a->allowed_q[i] && a->scaled_q[i] > a->max_q[i]) a->max_q[i] = a->scaled_q[i];
        break;
    default: break;
    }
    a->sat_sum_q[i] = fixed_count(a->sat_sum_q[i], clipped);
}

static int64_t scaled(const score_array_t *a, int i, int64_t *clipped)
{
    const design_t *d = a->d;
    __int128 full = (__int128)last_sum(a, i) * a->row_scale[i] * *a->col_scale;
    return fixed_saturate(fixed_floor(full, 2 * d->scale.frac - d->scaled.frac), d->scaled.w, clipped);
}

static void tick_row_signed(score_array_t *a, int i)
{
    int64_t clipped_exp = 0, clipped_scaled = 0;
    int64_t exp_d = exponential(a, i, &clipped_exp); /* with the maximum before this edge */
    tick_row_state(a, i);
    a->exp_q[i] = exp_d;
    a->scaled_q[i] = scaled(a, i, &clipped_scaled);
    a->allowed_q[i] = a->allowed[i];
    a->sat_exp_q[i] = fixed_count(a->sat_exp_q[i], clipped_exp);
    if (a->allowed[i]) a->sat_scaled_q[i] = fixed_count(a->sat_scaled_q[i], clipped_scaled);
}

/* ---- the block ---- */

static void score_array_reset(void *self)
{
    score_array_t *a = self;
    if (!design_signed(a->d)) return;
    for (int i = 0; i < a->d->score_rows; ++i) a->max_q[i] = fixed_min(a->d->scaled.w);
}

static void score_array_eval(void *self)
{
    score_array_t *a = self;
    size_t bytes = (size_t)a->d->score_rows * sizeof(int64_t);
    memcpy(a->score, a->exp_q, bytes);
    memcpy(a->sum, a->sum_q, bytes);
    if (!design_signed(a->d)) return;
    memcpy(a->scaled, a->scaled_q, bytes);
    memcpy(a->max, a->max_q, bytes);
    memcpy(a->sat_acc, a->sat_acc_q, bytes);
    memcpy(a->sat_scaled, a->sat_scaled_q, bytes);
    memcpy(a->sat_exp, a->sat_exp_q, bytes);
    memcpy(a->sat_sum, a->sat_sum_q, bytes);
    for (int i = 0; i < a->d->score_rows; ++i) a->bias[i] = bias(a, i);
}

static void score_array_tick(void *self)
{
    score_array_t *a = self;
    bool is_signed = design_signed(a->d);
    for (int i = 0; i < a->d->score_rows; ++i) {
        if (is_signed)
            tick_row_signed(a, i);
        else
            tick_row_published(a, i);
    }
    tick_pes(a); /* after the rows, which read the sums before this edge */
}

#define FIELD(member) offsetof(score_array_t, member)
#define PER_ROW       .dims = 1, .n = {d->score_rows}
#define PER_PE        .dims = 2, .n = {d->score_rows, d->score_columns}, .objects = 1
#define ROW(name)     .objects = 1, .path = "g_row[#].u_row." name

/* Names and order of the published unit's ports are those of its cycle vectors. */
static int published_signals(const design_t *d, signal_t *table)
{
    const int w = d->operand_w, acc_w = d->score_acc_w;
    const format_t exp = d->score_exp, sum = d->score_sum;
    const bool sign = design_signed(d);
    const signal_t all[] = {
        {"left", SIGNAL_IN, FIELD(left), w, 0, sign, PER_ROW, .meaning = "operands into column 0"},
        {"top", SIGNAL_IN, FIELD(top), w, 0, sign, .dims = 1, .n = {d->score_columns},
         .meaning = "operands into row 0"},
        {"pe_state", SIGNAL_IN, FIELD(pe_state), 2, .codes = 4, .weights = "2183",
         .meaning = "idle clear calc move"},
        {"row_state", SIGNAL_IN, FIELD(row_state), 2, .codes = sign ? 4 : 3, .weights = sign ? "2144" : "217",
         .meaning = sign ? "idle clear sum max" : "idle clear sum"},
        {"score", SIGNAL_OUT, FIELD(score), exp.w, exp.frac, sign, PER_ROW, .meaning = "exp"},
        {"sum", SIGNAL_OUT, FIELD(sum), sum.w, sum.frac, sign, PER_ROW, .meaning = "sum of exp"},
        {"v_q", SIGNAL_REG, FIELD(v_q), w, 0, sign, PER_PE, .path = "g_row[#].u_row.v_q"},
        {"h_q", SIGNAL_REG, FIELD(h_q), w, 0, sign, PER_PE, .path = "g_row[#].u_row.h_q"},
        {"s_q", SIGNAL_REG, FIELD(s_q), acc_w, 0, sign, PER_PE, .path = "g_row[#].u_row.s_q"},
        {"exp_q", SIGNAL_REG, FIELD(exp_q), exp.w, exp.frac, sign, PER_ROW, ROW("exp_q")},
        {"sum_q", SIGNAL_REG, FIELD(sum_q), sum.w, sum.frac, sign, PER_ROW, ROW("sum_q")},
    };
    int n = (int)(sizeof all / sizeof *all);
    for (int i = 0; i < n; ++i) table[i] = all[i];
    return n;
}

static int drain_signals(const design_t *d, signal_t *table)
{
    const format_t scale = d->scale, scaled = d->scaled;
    const signal_t all[] = {
        {"row_scale", SIGNAL_IN, FIELD(row_scale), scale.w, scale.frac, false, PER_ROW,
         .meaning = "scale of the query"},
        {"col_scale", SIGNAL_IN, FIELD(col_scale), scale.w, scale.frac,
         .meaning = "scale of the drained key"},
        {"allowed", SIGNAL_IN, FIELD(allowed), 1, .dims = 1, .n = {d->score_rows}, .codes = 2,
         .weights = "14", .meaning = "no yes"},
        {"strip", SIGNAL_IN, FIELD(strip), scaled.w, scaled.frac, true, PER_ROW,
         .meaning = "scaled score coming back"},
        {"strip_allowed", SIGNAL_IN, FIELD(strip_allowed), 1, .dims = 1, .n = {d->score_rows}, .codes = 2,
         .weights = "14", .meaning = "no yes"},
        {"scaled", SIGNAL_OUT, FIELD(scaled), scaled.w, scaled.frac, true, PER_ROW,
         .meaning = "scaled score"},
        {"max", SIGNAL_OUT, FIELD(max), scaled.w, scaled.frac, true, PER_ROW, .meaning = "the row's maximum"},
        {"bias", SIGNAL_OUT, FIELD(bias), d->bias.w, d->bias.frac, true, PER_ROW, .meaning = "its floor"},
        {"sat_acc", SIGNAL_OUT, FIELD(sat_acc), 32, PER_ROW, .meaning = "clipped sums of PEs"},
        {"sat_scaled", SIGNAL_OUT, FIELD(sat_scaled), 32, PER_ROW, .meaning = "clipped scaled scores"},
        {"sat_exp", SIGNAL_OUT, FIELD(sat_exp), 32, PER_ROW, .meaning = "clipped exponentials"},
        {"sat_sum", SIGNAL_OUT, FIELD(sat_sum), 32, PER_ROW, .meaning = "clipped sums of exp"},
        {"scaled_q", SIGNAL_REG, FIELD(scaled_q), scaled.w, scaled.frac, true, PER_ROW, ROW("scaled_q")},
        {"allowed_q", SIGNAL_REG, FIELD(allowed_q), 1, PER_ROW, ROW("allowed_q")},
        {"max_q", SIGNAL_REG, FIELD(max_q), scaled.w, scaled.frac, true, PER_ROW, ROW("max_q")},
        {"sat_acc_q", SIGNAL_REG, FIELD(sat_acc_q), 32, .counts = true, PER_ROW, ROW("sat_acc_q")},
        {"sat_scaled_q", SIGNAL_REG, FIELD(sat_scaled_q), 32, .counts = true, PER_ROW, ROW("sat_scaled_q")},
        {"sat_exp_q", SIGNAL_REG, FIELD(sat_exp_q), 32, .counts = true, PER_ROW, ROW("sat_exp_q")},
        {"sat_sum_q", SIGNAL_REG, FIELD(sat_sum_q), 32, .counts = true, PER_ROW, ROW("sat_sum_q")},
    };
    int n = (int)(sizeof all / sizeof *all);
    for (int i = 0; i < n; ++i) table[i] = all[i];
    return n;
}

static int score_array_signals(const design_t *d, signal_t *table)
{
    int n = published_signals(d, table);
    return design_signed(d) ? n + drain_signals(d, table + n) : n;
}

static void score_array_init(void *self, const design_t *d)
{
    score_array_t *a = self;
    a->d = d;
    exp_unit_of_score_array(&a->exp, d);
}

const block_type_t score_array_type = {
    .name = "score_array",
    .summary = "the low-bit systolic array that predicts attention, with exp and sum at each row's end",
    .size = sizeof(score_array_t),
    .clocked = true,
    .signals = score_array_signals,
    .init = score_array_init,
    .reset = score_array_reset,
    .eval = score_array_eval,
    .tick = score_array_tick,
};
