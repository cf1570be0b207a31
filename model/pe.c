/* SPDX-License-Identifier: Apache-2.0 */
#include "pe.h"

/* Fraction bits that the product drops: in SDDMM, and in SpMM, where operand a is the score. */
static int drop_sddmm(const design_t *d)
{
    return d->q.frac + d->k.frac - d->acc.frac;
}
static int drop_spmm(const design_t *d)
{
    return d->score.frac + d->v.frac - d->out.frac;
}

int pe_product_bits(const design_t *d)
{
    if (!design_signed(d)) return d->acc.w;
    int sddmm = d->q.w + design_top_w(d) - drop_sddmm(d);
    int spmm = d->score.w + design_top_w(d) - drop_spmm(d);
    return sddmm > spmm ? sddmm : spmm;
}

static int64_t product(const pe_t *pe)
{
    const design_t *d = pe->d;
    int64_t a = *pe->sel ? *pe->score_q : *pe->a;
    __int128 full = (__int128)a * *pe->b;
    __int128 cut = fixed_floor(full, *pe->sel ? drop_spmm(d) : drop_sddmm(d));
    return design_signed(d) ? (int64_t)cut : fixed_wrap((int64_t)cut, d->acc.w);
}

/* acc' before its width is applied; acc itself where c3 holds. */
static __int128 sum(const pe_t *pe)
{
    switch (*pe->c3) {
    case C3_CLEAR: return 0;
    case C3_SELF: return (__int128)*pe->acc_q + *pe->prod;
    case C3_LEFT: return (__int128)*pe->o + *pe->prod;
    case C3_LOAD: return *pe->prod;
    default: return *pe->acc_q;
    }
}

static int64_t exponent(const pe_t *pe)
{
    const design_t *d = pe->d;
    if (*pe->c5 != C5_CALC) return 0;
    if (!design_signed(d)) return *pe->acc_q;
    int64_t bias = *pe->bias * ((int64_t)1 << (d->acc.frac - d->bias.frac));
    return fixed_saturate((__int128)*pe->acc_q - bias, d->acc.w, NULL);
}

void pe_eval(void *self)
{
    pe_t *pe = self;
    *pe->prod = product(pe);
    *pe->acc = *pe->acc_q;
    *pe->score = *pe->score_q;
    *pe->x = exponent(pe);
    if (design_signed(pe->d)) *pe->sat = *pe->sat_q;
}

void pe_tick(void *self)
{
    pe_t *pe = self;
    int w = pe->d->acc.w;
    __int128 next = sum(pe);
    if (design_signed(pe->d)) {
        *pe->sat_q = 0;
        *pe->acc_q = fixed_saturate(next, w, pe->sat_q);
    } else {
        *pe->acc_q = fixed_wrap((int64_t)next, w);
    }
    switch (*pe->c5) {
    case C5_CALC: *pe->score_q = *pe->y; break;
    case C5_MOVE: *pe->score_q = *pe->s; break;
    case C5_CLEAR: *pe->score_q = 0; break;
    default: break;
    }
}

#define FIELD(member) offsetof(pe_t, member)

static int pe_signals(const design_t *d, signal_t *table)
{
    const format_t acc = d->acc, score = d->score;
    const signal_t all[] = {
        {"a", SIGNAL_IN, FIELD(a), d->q.w, d->q.frac, true, .meaning = "operand from the left tap"},
        {"b", SIGNAL_IN, FIELD(b), design_top_w(d), d->k.frac, true, .meaning = "operand from above"},
        {"sel", SIGNAL_IN, FIELD(sel), 1, .codes = 2, .meaning = "a score"},
        {"o", SIGNAL_IN, FIELD(o), acc.w, d->out.frac, true, .meaning = "partial sum from the left"},
        {"s", SIGNAL_IN, FIELD(s), score.w, score.frac, true, .meaning = "score of the left neighbour"},
        {"c3", SIGNAL_IN, FIELD(c3), 3, .codes = 5, .weights = "12663",
         .meaning = "clear idle self left load"},
        {"c5", SIGNAL_IN, FIELD(c5), 2, .codes = 4, .meaning = "hold calc move clear"},
        {"y", SIGNAL_IN, FIELD(y), score.w, score.frac, true, .meaning = "exp of x"},
        {"acc", SIGNAL_OUT, FIELD(acc), acc.w, acc.frac, true, .meaning = "accumulator"},
        {"score", SIGNAL_OUT, FIELD(score), score.w, score.frac, true, .meaning = "score"},
        {"x", SIGNAL_OUT, FIELD(x), acc.w, acc.frac, true,
         .meaning = "exponent, to the exp unit; 0 unless c5 = calc"},
        {"prod_n", SIGNAL_NET, FIELD(prod), pe_product_bits(d), acc.frac, true, .path = "prod_n"},
        {"acc_q", SIGNAL_REG, FIELD(acc_q), acc.w, acc.frac, true, .path = "acc_q"},
        {"score_q", SIGNAL_REG, FIELD(score_q), score.w, score.frac, true, .path = "score_q"},
        {"bias", SIGNAL_IN, FIELD(bias), d->bias.w, d->bias.frac, true, .meaning = "the row's bias"},
        {"sat", SIGNAL_OUT, FIELD(sat), 1, .meaning = "acc was clipped at the last edge"},
        {"sat_q", SIGNAL_REG, FIELD(sat_q), 1, .path = "sat_q"},
    };
    int n = (int)(sizeof all / sizeof *all) - (design_signed(d) ? 0 : 3);
    for (int i = 0; i < n; ++i) table[i] = all[i];
    return n;
}

static void pe_init(void *self, const design_t *d)
{
    ((pe_t *)self)->d = d;
}

const block_type_t pe_type = {
    .name = "pe",
    .summary = "a processing element's multiplier, accumulator and score",
    .size = sizeof(pe_t),
    .clocked = true,
    .signals = pe_signals,
    .init = pe_init,
    .eval = pe_eval,
    .tick = pe_tick,
};
