/* SPDX-License-Identifier: Apache-2.0 */
#include "score_pe.h"

static void score_pe_eval(void *self)
{
    score_pe_t *pe = self;
    int64_t clipped = 0;
    *pe->b = *pe->v_q;
    *pe->r = *pe->h_q;
    *pe->sum = *pe->s_q;
    if (!design_signed(pe->d)) return;
    score_pe_sum(pe->d, *pe->s_q, *pe->v_q, *pe->h_q, &clipped);
    *pe->sat = *pe->state == SCORE_CALC && clipped;
}

static void score_pe_tick(void *self)
{
    score_pe_t *pe = self;
    int64_t clipped = 0;
    switch (*pe->state) {
    case SCORE_CLEAR: *pe->v_q = *pe->h_q = *pe->s_q = 0; break;
    case SCORE_CALC:
        *pe->s_q = score_pe_sum(pe->d, *pe->s_q, *pe->v_q, *pe->h_q, &clipped);
        *pe->v_q = *pe->t;
        *pe->h_q = *pe->l;
        break;
    case SCORE_MOVE: *pe->s_q = *pe->s; break;
    default: break;
    }
}

#define FIELD(member) offsetof(score_pe_t, member)

static int score_pe_signals(const design_t *d, signal_t *table)
{
    const int w = d->operand_w, acc_w = d->score_acc_w;
    const bool sign = design_signed(d);
    const signal_t all[] = {
        {"t", SIGNAL_IN, FIELD(t), w, 0, sign, .meaning = "operand from above"},
        {"l", SIGNAL_IN, FIELD(l), w, 0, sign, .meaning = "operand from the left"},
        {"s", SIGNAL_IN, FIELD(s), acc_w, 0, sign, .meaning = "sum of the left neighbour"},
        {"state", SIGNAL_IN, FIELD(state), 2, .codes = 4, .weights = "2263",
         .meaning = "idle clear calc move"},
        {"b", SIGNAL_OUT, FIELD(b), w, 0, sign, .meaning = "operand to below"},
        {"r", SIGNAL_OUT, FIELD(r), w, 0, sign, .meaning = "operand to the right"},
        {"sum", SIGNAL_OUT, FIELD(sum), acc_w, 0, sign, .meaning = "sum of products"},
        {"v_q", SIGNAL_REG, FIELD(v_q), w, 0, sign, .path = "v_q"},
        {"h_q", SIGNAL_REG, FIELD(h_q), w, 0, sign, .path = "h_q"},
        {"s_q", SIGNAL_REG, FIELD(s_q), acc_w, 0, sign, .path = "s_q"},
        {"sat", SIGNAL_OUT, FIELD(sat), 1, .meaning = "sum is clipped at this edge"},
    };
    int n = (int)(sizeof all / sizeof *all) - (sign ? 0 : 1);
    for (int i = 0; i < n; ++i) table[i] = all[i];
    return n;
}

static void score_pe_init(void *self, const design_t *d)
{
    ((score_pe_t *)self)->d = d;
}

const block_type_t score_pe_type = {
    .name = "score_pe",
    .summary = "a PE of the low-bit score array: passes two operands on and sums their products",
    .size = sizeof(score_pe_t),
    .clocked = true,
    .signals = score_pe_signals,
    .init = score_pe_init,
    .eval = score_pe_eval,
    .tick = score_pe_tick,
};
