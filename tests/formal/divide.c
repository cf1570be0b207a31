/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dividers, model against Verilog in every register, and both against the identity that makes q the
 * quotient: N = q D + r with |2 r| <= D, and q even where they are equal; or |q| is clipped. Every pair of
 * corners, numerators at and beside every tie of a corner, and every pair at all where there are few.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../model/normalise.h"
#include "theorems.h"

typedef __int128 wide_t;

typedef struct {
    int64_t num, den;
} operands_t;

typedef struct {
    const design_t *d;
    lockstep_t *lockstep;
    normalise_t *model;
    int latency, lanes;
    uint64_t fed, taken; /* sets of operands */
    operands_t *inside;  /* [latency][lanes] */
    uint64_t exact, ties, clipped, zero;
} divider_t;

static void check(divider_t *v, operands_t o, int64_t q)
{
    const design_t *d = v->d;
    int shift = d->output.frac + d->row_sum.frac - d->output_sum.frac;
    if (o.den <= 0) {
        ++v->zero;
        if (q)
            refuted("divide: %lld by %lld gives %lld, expected 0", (long long)o.num, (long long)o.den,
                    (long long)q);
        return;
    }
    wide_t n = (wide_t)o.num * ((wide_t)1 << (shift > 0 ? shift : 0));
    wide_t den = (wide_t)o.den * ((wide_t)1 << (shift < 0 ? -shift : 0));
    wide_t twice = 2 * (n - q * den);
    bool tie = twice == den || twice == -den;
    bool nearest = twice <= den && twice >= -den && (!tie || q % 2 == 0);
    /* clipped: the exact quotient lies beyond the last value by half a step or more */
    bool above = q == fixed_max(d->output.w) && (twice > den || (tie && twice > 0));
    bool below = q == fixed_min(d->output.w) && (twice < -den || (tie && twice < 0 && q % 2));
    if (!nearest && !above && !below)
        refuted("divide: %lld by %lld gives %lld", (long long)o.num, (long long)o.den, (long long)q);
    v->exact += !twice;
    v->ties += tie;
    v->clipped += !nearest;
}

/* One set in, and what comes out in the same cycle checked against what went in `latency` cycles ago. */
static void cycle(divider_t *v, const operands_t *set)
{
    uint64_t slot = v->fed % (uint64_t)v->latency;
    operands_t *place = v->inside + slot * (uint64_t)v->lanes;
    *v->model->valid = 1;
    *v->model->den = set[0].den;
    for (int l = 0; l < v->lanes; ++l) v->model->num[l] = set[l].num;
    if (!lockstep_settle(v->lockstep))
        refuted("divide: outputs differ after %llu sets", (unsigned long long)v->fed);
    if (v->fed >= (uint64_t)v->latency) {
        if (!*v->model->done) refuted("divide: nothing is done after %d cycles", v->latency);
        for (int l = 0; l < v->lanes; ++l) check(v, place[l], v->model->quot[l]);
        v->taken += (uint64_t)v->lanes;
    }
    for (int l = 0; l < v->lanes; ++l) place[l] = set[l];
    if (!lockstep_edge(v->lockstep))
        refuted("divide: registers differ after %llu sets", (unsigned long long)v->fed);
    ++v->fed;
}

/* All lanes share the divisor: numerators gather until a set is full. */
typedef struct {
    divider_t *v;
    operands_t set[64];
    int n;
} feed_t;

static void flush(feed_t *f)
{
    if (!f->n) return;
    for (int l = f->n; l < f->v->lanes; ++l) f->set[l] = f->set[0];
    cycle(f->v, f->set);
    f->n = 0;
}

static void put(feed_t *f, wide_t num, int64_t den)
{
    if (num < fixed_min(f->v->d->output_sum.w) || num > fixed_max(f->v->d->output_sum.w)) return;
    f->set[f->n++] = (operands_t){(int64_t)num, den};
    if (f->n == f->v->lanes) flush(f);
}

/* Numerators whose quotient is q + 1/2, and both neighbours. */
static void put_tie(feed_t *f, int64_t q, int64_t den)
{
    const design_t *d = f->v->d;
    int shift = d->output.frac + d->row_sum.frac - d->output_sum.frac + 1;
    wide_t twice = (2 * (wide_t)q + 1) * den;
    wide_t num = shift >= 0 ? twice >> shift : twice * ((wide_t)1 << -shift);
    for (int near = -1; near <= 1; ++near) put(f, num + near, den);
}

static void try_corners(feed_t *f, bool quick)
{
    const design_t *d = f->v->d;
    int64_t num[CORNERS_MAX], den[CORNERS_MAX], quot[CORNERS_MAX];
    int nums = corners(d->output_sum.w, num), dens = corners(d->row_sum.w, den),
        quots = corners(d->output.w, quot);
    for (int i = 0; i < dens; i += quick ? 7 : 1) {
        for (int j = 0; j < nums; ++j) put(f, num[j], den[i]);
        for (int j = 0; j < quots && den[i] > 0; ++j) put_tie(f, quot[j], den[i]);
        flush(f);
    }
}

static void try_all(feed_t *f)
{
    const design_t *d = f->v->d;
    for (int64_t den = fixed_min(d->row_sum.w); den <= fixed_max(d->row_sum.w); ++den) {
        for (int64_t num = fixed_min(d->output_sum.w); num <= fixed_max(d->output_sum.w); ++num)
            put(f, num, den);
        flush(f);
    }
}

void theorem_divide(const proof_t *p)
{
    char error[DUT_ERROR_MAX];
    divider_t v = {.d = p->design, .latency = normalise_latency(p->design), .lanes = p->design->lanes};
    lockstep_config_t config = {
        .design = p->design, .type = &normalise_type, .unit = "normalise", .x_seed = 1};
    if (lockstep_open(&v.lockstep, &config, error)) untried("%s", error);
    v.model = lockstep_model(v.lockstep)->self;
    v.inside = calloc((size_t)v.latency * (size_t)v.lanes, sizeof *v.inside);
    if (!v.inside) untried("divide: out of memory");
    if (!lockstep_reset(v.lockstep)) refuted("divide: the reset states differ");
    feed_t f = {.v = &v};
    bool all = p->design->output_sum.w + p->design->row_sum.w <= 20;
    if (all)
        try_all(&f);
    else
        try_corners(&f, p->quick);
    for (int i = 0; i < v.latency; ++i) cycle(&v, (operands_t[64]){{0}});
    if (!v.exact || !v.ties || !v.clipped || !v.zero) refuted("divide: a kind of quotient never came");
    printf("%s: %llu quotients, of these %llu exact, %llu ties, %llu clipped, %llu of a divisor below 1\n",
           all ? "all pairs" : "corners", (unsigned long long)v.taken, (unsigned long long)v.exact,
           (unsigned long long)v.ties, (unsigned long long)v.clipped, (unsigned long long)v.zero);
    free(v.inside);
    lockstep_close(v.lockstep);
}
