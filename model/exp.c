/* SPDX-License-Identifier: Apache-2.0 */
#include "exp.h"

#include <math.h>

static int fraction_bits(const exp_unit_t *e)
{
    return e->x.frac + e->log2e.append;
}

void exp_unit_init(exp_unit_t *e, bool is_signed, format_t x, format_t y, log2e_t log2e, int lut_bits)
{
    *e = (exp_unit_t){.is_signed = is_signed, .x = x, .y = y, .log2e = log2e, .lut_bits = lut_bits};
    int entries = 1 << lut_bits;
    for (int k = 0; k < entries; ++k) {
        double v = (double)k / entries;
        e->lut[k] = (int64_t)floor(ldexp(exp2(v) - v, fraction_bits(e)) + 0.5);
    }
}

void exp_unit_of_pe(exp_unit_t *e, const design_t *d)
{
    exp_unit_init(e, design_signed(d), d->acc, d->score, d->log2e, d->lut_bits);
}

void exp_unit_of_score_array(exp_unit_t *e, const design_t *d)
{
    exp_unit_init(e, design_signed(d), d->scaled, d->score_exp, d->log2e, d->lut_bits);
}

/* 2^v with fraction_bits: v's own bits plus the table's correction. */
static int64_t mantissa(const exp_unit_t *e, int64_t v)
{
    return v + e->lut[v >> (fraction_bits(e) - e->lut_bits)];
}

static int64_t published_value(const exp_unit_t *e, int64_t x)
{
    int vw = e->x.w + e->log2e.append, vp = fraction_bits(e);
    uint64_t y = fixed_low(fixed_low((uint64_t)x, e->x.w) * (uint64_t)e->log2e.num, vw);
    uint64_t u = vp < vw ? y >> vp : 0;
    uint64_t z = u < 64 ? (uint64_t)mantissa(e, (int64_t)fixed_low(y, vp)) << u : 0;
    return (int64_t)(fixed_low(z, vw) >> e->log2e.append);
}

static int64_t signed_value(const exp_unit_t *e, int64_t x, int64_t *saturated)
{
    int vp = fraction_bits(e);
    int64_t y = x * e->log2e.num;
    int64_t left = (y >> vp) + e->y.frac - vp; /* shift of the mantissa into y's format */
    int64_t m = mantissa(e, (int64_t)fixed_low((uint64_t)y, vp));
    if (left < -62) return 0;
    if (left <= 0) return fixed_saturate(m >> -left, e->y.w, saturated);
    return fixed_saturate((__int128)m << (left < 64 ? left : 64), e->y.w, saturated);
}

int64_t exp_unit_value(const exp_unit_t *e, int64_t x, int64_t *saturated)
{
    return e->is_signed ? signed_value(e, x, saturated) : published_value(e, x);
}

static int exp_signals(const design_t *d, signal_t *table)
{
    int n = 0;
    bool is_signed = design_signed(d);
    table[n++] = (signal_t){"x",         SIGNAL_IN, offsetof(exp_t, x),   d->acc.w,
                            d->acc.frac, is_signed, .meaning = "exponent"};
    table[n++] = (signal_t){"y",           SIGNAL_OUT, offsetof(exp_t, y), d->score.w,
                            d->score.frac, is_signed,  .meaning = "e^x"};
    if (is_signed) {
        table[n++] = (signal_t){"sat", SIGNAL_OUT, offsetof(exp_t, sat), 1, .meaning = "y was clipped"};
    }
    return n;
}

static void exp_init(void *self, const design_t *d)
{
    exp_unit_of_pe(&((exp_t *)self)->unit, d);
}

static void exp_eval(void *self)
{
    exp_t *e = self;
    int64_t saturated = 0;
    *e->y = exp_unit_value(&e->unit, *e->x, &saturated);
    if (e->unit.is_signed) *e->sat = saturated;
}

static void exp_tick(void *self)
{
    (void)self;
}

const block_type_t exp_type = {
    .name = "exp",
    .summary = "e^x by a shift and a table of the fraction's correction",
    .size = sizeof(exp_t),
    .clocked = false,
    .signals = exp_signals,
    .init = exp_init,
    .eval = exp_eval,
    .tick = exp_tick,
};
