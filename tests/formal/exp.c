/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exp unit, model against Verilog and both against libm.
 *
 * A signed unit gives 0 up to some x and its largest value from some x on, and between them there are few
 * enough inputs to try all. Beyond them, where there are more than 2^24 inputs in all (`long`: 2^32), an
 * argument stands for trying: `left`, the shift of the mantissa, is the floor of x * num / 2^vp plus a
 * constant, so it never falls as x grows; the mantissa lies in [2^vp, 2^(vp+1)) in every segment of the
 * table, which both ends of a segment show, since it grows by 1 a step within one. So left <= -(vp+1) gives 0
 * and left >= y_w - 1 - vp clips. That the Verilog does so as well is the theorem exp_far.
 *
 * A published unit wraps: u, the integer part of the product as far as it is kept, shifts the mantissa out of
 * the word from the word's width on, whatever the mantissa, so that y is 0 (exp_far_published); the x of
 * smaller u, which come once each time that the product wraps, are tried.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../model/exp.h"
#include "theorems.h"

enum { INPUTS_FEW = 24 }; /* bits of an input: so many are always tried */

typedef struct {
    exp_unit_t unit;
    dut_t dut;
    void *x, *y;
    const void *sat; /* signed units */
    size_t x_bytes, y_bytes;
} both_t;

typedef struct {
    uint64_t cases;
    double ulps, relative; /* largest errors: x <= 0 in units of y's last bit, x > 0 against e^x */
    double fall;           /* where a table segment ends, y falls by this share of it at most, for x > 0 */
} figures_t;

static void *port(both_t *b, const char *name, size_t *bytes)
{
    void *at = b->dut.api->object(b->dut.instance, name, bytes, NULL);
    if (!at) untried("exp: %s: expected a port, found none", name);
    return at;
}

static void open_both(both_t *b, const design_t *d)
{
    char error[DUT_ERROR_MAX];
    size_t bytes;
    exp_unit_of_pe(&b->unit, d);
    if (dut_open(&b->dut, d, "exp", NULL, 1, error)) untried("%s", error);
    b->x = port(b, "x_i", &b->x_bytes);
    b->y = port(b, "y_o", &b->y_bytes);
    b->sat = b->unit.is_signed ? port(b, "sat_o", &bytes) : NULL;
}

/* y of both sides, which must be the same. */
static int64_t value(both_t *b, int64_t x)
{
    int64_t clipped = 0, y = exp_unit_value(&b->unit, x, &clipped);
    uint64_t bits = fixed_low((uint64_t)x, b->unit.x.w), found = 0;
    memcpy(b->x, &bits, b->x_bytes);
    b->dut.api->eval(b->dut.instance);
    memcpy(&found, b->y, b->y_bytes);
    if (found != fixed_low((uint64_t)y, b->unit.y.w))
        refuted("exp: x = %lld: model %lld, Verilog %llu", (long long)x, (long long)y,
                (unsigned long long)found);
    if (b->sat && *(const uint8_t *)b->sat != clipped)
        refuted("exp: x = %lld: model clipped %lld, Verilog %d", (long long)x, (long long)clipped,
                *(const uint8_t *)b->sat);
    return y;
}

static int fraction(const exp_unit_t *e)
{
    return e->x.frac + e->log2e.append;
}

/* Every entry is the nearest to 2^v - v, and every segment's mantissa stays within [1, 2). */
static void check_table(const exp_unit_t *e)
{
    int vp = fraction(e), entries = 1 << e->lut_bits;
    int64_t one = INT64_C(1) << vp, length = one >> e->lut_bits;
    for (int k = 0; k < entries; ++k) {
        long double v = (long double)k / entries, exact = ldexpl(exp2l(v) - v, vp);
        if (fabsl((long double)e->lut[k] - exact) > 0.5L + 1e-3L)
            refuted("exp: table[%d] is not the nearest", k);
        int64_t first = k * length + e->lut[k], last = first + length - 1;
        if (first < one || last >= 2 * one) refuted("exp: table[%d]: the mantissa leaves [1, 2)", k);
    }
}

static void measure(const both_t *b, int64_t x, int64_t y, figures_t *f)
{
    double exact = ldexp(exp(ldexp((double)x, -b->unit.x.frac)), b->unit.y.frac);
    double error = fabs((double)y - exact);
    if (x <= 0) f->ulps = fmax(f->ulps, error);
    if (x > 0) f->relative = fmax(f->relative, error / exact);
}

/* All x from `from` to `to`, where y follows e^x. */
static void try_curve(both_t *b, int64_t from, int64_t to, figures_t *f)
{
    int64_t before = 0;
    for (int64_t x = from; x <= to; ++x) {
        int64_t y = value(b, x);
        if (x > from && x > 0 && y < before) f->fall = fmax(f->fall, (double)(before - y) / (double)before);
        before = y;
        measure(b, x, y, f);
    }
    f->cases += (uint64_t)(to - from + 1);
}

/* All x from `from` to `to`, where y is `expected`. */
static void try_constant(both_t *b, int64_t from, int64_t to, int64_t expected, figures_t *f)
{
    for (int64_t x = from; x <= to; ++x) {
        if (value(b, x) != expected)
            refuted("exp: x = %lld: expected %lld", (long long)x, (long long)expected);
    }
    f->cases += (uint64_t)(to - from + 1);
}

/* The same by the argument above: both ends, every power of two between, and no overflow of the product. */
static void argue_constant(both_t *b, int64_t from, int64_t to, int64_t expected, figures_t *f)
{
    int64_t product;
    if (__builtin_mul_overflow(from, (int64_t)b->unit.log2e.num, &product) ||
        __builtin_mul_overflow(to, (int64_t)b->unit.log2e.num, &product))
        refuted("exp: x * log2(e) overflows");
    try_constant(b, from, from, expected, f);
    try_constant(b, to, to, expected, f);
    for (int k = 0; k < b->unit.x.w; ++k) {
        int64_t power = INT64_C(1) << k;
        if (power >= from && power <= to) try_constant(b, power, power, expected, f);
        if (-power >= from && -power <= to) try_constant(b, -power, -power, expected, f);
    }
}

/* The least x of which x * num / 2^vp reaches `floor`. */
static int64_t least(const exp_unit_t *e, int64_t floor)
{
    __int128 product = (__int128)floor * ((__int128)1 << fraction(e));
    __int128 x = product / e->log2e.num;
    while (x * e->log2e.num < product) ++x;
    while ((x - 1) * e->log2e.num >= product) --x;
    return x > fixed_max(e->x.w)   ? fixed_max(e->x.w) + 1
           : x < fixed_min(e->x.w) ? fixed_min(e->x.w)
                                   : (int64_t)x;
}

static void prove_signed(both_t *b, bool everything)
{
    figures_t f = {0};
    const exp_unit_t *e = &b->unit;
    int64_t rises = least(e, -e->y.frac), clips = least(e, e->y.w - 1 - e->y.frac);
    int64_t min = fixed_min(e->x.w), max = fixed_max(e->x.w);
    bool all = everything || e->x.w <= INPUTS_FEW;
    check_table(e);
    try_curve(b, rises, clips - 1, &f);
    void (*beyond)(both_t *, int64_t, int64_t, int64_t, figures_t *) = all ? try_constant : argue_constant;
    if (rises > min) beyond(b, min, rises - 1, 0, &f);
    if (clips <= max) beyond(b, clips, max, fixed_max(e->y.w), &f);
    if (all && f.cases != UINT64_C(1) << e->x.w)
        refuted("exp: %llu cases tried", (unsigned long long)f.cases);
    printf(
        "%llu of 2^%d inputs tried%s, error %.2f ulp for x <= 0, %.3f %% above, falls by %.3f %% at most\n",
        (unsigned long long)f.cases, e->x.w, all ? "" : ", the rest by intervals", f.ulps, 100 * f.relative,
        100 * f.fall);
}

/* The inputs from `from` up to `to`, published. e^x holds below `wraps`. */
static void try_published(both_t *b, int64_t from, int64_t to, int64_t wraps, figures_t *f)
{
    for (int64_t x = from; x < to; ++x) {
        int64_t y = value(b, x);
        if (x < wraps) measure(b, x, y, f);
    }
    f->cases += to > from ? (uint64_t)(to - from) : 0;
}

static int64_t quotient_up(__int128 n, int64_t d)
{
    return (int64_t)((n + d - 1) / d);
}

static void prove_published(both_t *b, bool everything)
{
    figures_t f = {0};
    const exp_unit_t *e = &b->unit;
    int64_t inputs = INT64_C(1) << e->x.w, wraps = least(e, e->x.w - 1 - e->x.frac);
    int width = e->x.w + e->log2e.append;
    bool all = everything || e->x.w <= INPUTS_FEW;
    check_table(e);
    for (int64_t w = 0; w < e->log2e.num && !all; ++w) {
        __int128 product = (__int128)w << width, end = product + ((__int128)width << fraction(e));
        int64_t from = quotient_up(product, e->log2e.num), to = quotient_up(end, e->log2e.num);
        if (from < inputs) try_published(b, from, to < inputs ? to : inputs, wraps, &f);
        for (int64_t x = to; x < to + 3 && x < inputs; ++x) try_constant(b, x, x, 0, &f);
    }
    if (all) try_published(b, 0, inputs, wraps, &f);
    printf("%llu of 2^%d inputs tried%s, error %.3f %% for the first %lld\n", (unsigned long long)f.cases,
           e->x.w, all ? "" : ", the rest by intervals", 100 * f.relative, (long long)wraps);
}

void theorem_exp(const proof_t *p)
{
    both_t b;
    open_both(&b, p->design);
    if (b.unit.is_signed)
        prove_signed(&b, p->is_long);
    else
        prove_published(&b, p->is_long);
    dut_close(&b.dut);
}

/* The score array's unit is the same source at other formats: those of a PE's unit in this design. */
void theorem_score_exp(const proof_t *p)
{
    design_t d = *p->design;
    d.acc = d.scaled;
    d.score = d.score_exp;
    theorem_exp(&(proof_t){.design = &d, .is_long = p->is_long});
}
