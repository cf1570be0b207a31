/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PE's multiplier, floor and accumulator, model against Verilog in every register, and both against
 * 128-bit arithmetic: every pair of corners as SDDMM and as SpMM operands, loaded, added to corners of the
 * accumulator and to those of the left neighbour; every pair at all where operands are narrow.
 */
#include <stdio.h>

#include "../../model/pe.h"
#include "theorems.h"

typedef struct {
    const design_t *d;
    lockstep_t *lockstep;
    pe_t *model;
    uint64_t cases, clipped;
} multiplier_t;

static void cycle(multiplier_t *m)
{
    if (!lockstep_step(m->lockstep))
        refuted("multiply: model and Verilog differ after %llu products", (unsigned long long)m->cases);
    *m->model->c3 = C3_IDLE;
    *m->model->c5 = C5_HOLD;
}

static void load_score(multiplier_t *m, int64_t score)
{
    *m->model->y = score;
    *m->model->c5 = C5_CALC;
    cycle(m);
}

/* base + floor(a * b), as the accumulator has it after the edge. */
static void multiply(multiplier_t *m, int64_t a, int64_t b, bool sel, int c3, int64_t base)
{
    const design_t *d = m->d;
    bool is_signed = design_signed(d);
    int drop =
        sel && is_signed ? d->score.frac + d->v.frac - d->out.frac : d->q.frac + d->k.frac - d->acc.frac;
    __int128 sum = fixed_floor((__int128)a * b, drop) + base;
    int64_t clipped = 0;
    int64_t expected =
        is_signed ? fixed_saturate(sum, d->acc.w, &clipped) : fixed_wrap((int64_t)sum, d->acc.w);
    *m->model->a = sel ? ~a : a;
    if (sel) *m->model->a = fixed_wrap(~a, d->q.w);
    *m->model->b = b;
    *m->model->sel = sel;
    *m->model->c3 = c3;
    *m->model->o = c3 == C3_LEFT ? base : fixed_wrap(~base, d->acc.w);
    cycle(m);
    if (*m->model->acc_q != expected || (is_signed && *m->model->sat_q != clipped))
        refuted("multiply: %lld * %lld + %lld (c3 = %d, sel = %d) gives %lld, expected %lld", (long long)a,
                (long long)b, (long long)base, c3, sel, (long long)*m->model->acc_q, (long long)expected);
    ++m->cases;
    m->clipped += (uint64_t)clipped;
}

/* The product alone, then on top of `base` where it stays and where it comes from the left. */
static void try_pair(multiplier_t *m, int64_t a, int64_t b, bool sel, int64_t base)
{
    multiply(m, a, b, sel, C3_LOAD, 0);
    multiply(m, a, b, sel, C3_SELF, *m->model->acc_q);
    multiply(m, a, b, sel, C3_LEFT, base);
}

static int operands(int bits, bool all, int64_t out[1 << 12])
{
    int n = 0;
    if (!all) return corners(bits, out);
    for (int64_t x = fixed_min(bits); x <= fixed_max(bits); ++x) out[n++] = x;
    return n;
}

static void try_pairs(multiplier_t *m, format_t a, format_t b, bool sel, bool quick)
{
    static int64_t left[1 << 12], up[1 << 12], sums[CORNERS_MAX];
    bool all = a.w + b.w <= 12;
    int lefts = operands(a.w, all, left), ups = operands(b.w, all, up), n = corners(m->d->acc.w, sums);
    for (int i = 0; i < lefts; i += quick && !all ? 5 : 1) {
        if (sel) load_score(m, left[i]);
        for (int j = 0; j < ups; ++j) try_pair(m, left[i], up[j], sel, sums[(i + j) % n]);
        for (int j = 0; j < n; ++j) try_pair(m, left[i], up[j % ups], sel, sums[j]);
    }
}

void theorem_multiply(const proof_t *p)
{
    char error[DUT_ERROR_MAX];
    multiplier_t m = {.d = p->design};
    lockstep_config_t config = {.design = p->design, .type = &pe_type, .unit = "pe", .x_seed = 1};
    if (lockstep_open(&m.lockstep, &config, error)) untried("%s", error);
    m.model = lockstep_model(m.lockstep)->self;
    if (!lockstep_reset(m.lockstep)) refuted("multiply: the reset states differ");
    *m.model->c3 = C3_IDLE;
    try_pairs(&m, p->design->q, p->design->k, false, p->quick);
    try_pairs(&m, p->design->score, p->design->v, true, p->quick);
    if (design_signed(p->design) && !m.clipped) refuted("multiply: nothing was clipped");
    printf("%llu sums of a product, %llu clipped\n", (unsigned long long)m.cases,
           (unsigned long long)m.clipped);
    lockstep_close(m.lockstep);
}
