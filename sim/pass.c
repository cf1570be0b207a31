/* SPDX-License-Identifier: Apache-2.0 */
#include "pass.h"

#include "../model/pe.h"

typedef enum { CLEAR, SDDMM, EXP, SPMM, MOVE } phase_t;

static int fill(const pass_t *p)
{
    return p->design->rows + p->design->columns + p->d - 1;
}

int pass_cycles(const pass_t *p)
{
    return 2 * fill(p) + 2 + p->design->pes;
}

static phase_t phase_at(const pass_t *p, int t)
{
    int f = fill(p);
    if (t == 0) return CLEAR;
    if (t <= f) return SDDMM;
    if (t == f + 1) return EXP;
    return t <= 2 * f + 1 ? SPMM : MOVE;
}

static void set_scalar(block_t *b, const char *name, int64_t value)
{
    const signal_t *s = block_signal(b, name);
    if (s) block_set(b, s, 0, value);
}

/* Word `e` of every stream, the stream's index skewing it; zero outside. */
static void drive_skewed(block_t *b, const char *name, const int64_t *words, int streams, int d, int e)
{
    const signal_t *s = block_signal(b, name);
    for (int i = 0; i < streams; ++i) {
        int at = e - i;
        block_set(b, s, (size_t)i,
                  words && at >= 0 && at < d ? words[(size_t)i * (size_t)d + (size_t)at] : 0);
    }
}

static void drive_operands(const pass_t *p, block_t *b, int t)
{
    const design_t *d = p->design;
    bool scores = t <= fill(p);
    drive_skewed(b, "left", scores ? p->q : NULL, d->rows, p->d, t - 1);
    drive_skewed(b, "top", scores ? p->k : p->v, d->columns, p->d, scores ? t - 1 : t - 1 - fill(p));
}

/* The operand selects change only between phases. */
static void drive_selects(const pass_t *p, block_t *b, bool spmm)
{
    const design_t *d = p->design;
    const signal_t *c1 = block_signal(b, "c1"), *c2 = block_signal(b, "c2");
    const signal_t *c4 = block_signal(b, "c4"), *active = block_signal(b, "active");
    size_t n = (size_t)d->rows * (size_t)d->pes;
    for (size_t i = 0; i < n; ++i) {
        int64_t a = spmm ? d->columns : p->column[i];
        block_set(b, c1, i, p->active[i] ? a : d->columns + 1);
        block_set(b, c2, i, p->active[i] ? p->column[i] : d->columns);
        block_set(b, c4, i, p->c4[i]);
        if (active) block_set(b, active, i, p->active[i]);
    }
}

static void drive_bias(const pass_t *p, block_t *b)
{
    const signal_t *bias = block_signal(b, "bias");
    for (int i = 0; bias && i < p->design->rows; ++i) block_set(b, bias, (size_t)i, p->bias[i]);
}

void pass_drive(const pass_t *p, block_t *array, int t)
{
    static const int64_t c3[] = {C3_CLEAR, C3_SELF, C3_IDLE, C3_LEFT, C3_IDLE};
    static const int64_t c5[] = {C5_HOLD, C5_HOLD, C5_CALC, C5_HOLD, C5_MOVE};
    phase_t phase = phase_at(p, t);
    set_scalar(array, "clear", phase == CLEAR);
    set_scalar(array, "sum_clear", phase == CLEAR);
    set_scalar(array, "c3", c3[phase]);
    set_scalar(array, "c5", c5[phase]);
    drive_operands(p, array, t);
    if (t == 0 || t == fill(p) + 1) drive_selects(p, array, t != 0);
    if (t == 0) drive_bias(p, array);
}

void pass_collect(const pass_t *p, const block_t *array, int t, int64_t *out)
{
    const design_t *d = p->design;
    const signal_t *s = block_signal(array, "out");
    int first = fill(p) + 2 + d->columns; /* word 0 of row 0 */
    for (int i = 0; i < d->rows; ++i) {
        int f = t - first - i;
        if (f >= 0 && f < p->d) out[(size_t)i * (size_t)p->d + (size_t)f] = block_get(array, s, (size_t)i);
    }
}

int64_t pass_sum(const block_t *array, int row)
{
    return block_get(array, block_signal(array, "sum_q"), (size_t)row);
}
