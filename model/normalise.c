/* SPDX-License-Identifier: Apache-2.0 */
#include "normalise.h"

#include <assert.h>
#include <string.h>

typedef unsigned __int128 wide_t;

/* The quotient's bits: the output's, and one for the half. */
static int quotient_bits(const design_t *d)
{
    return d->output.w + 1;
}
static int stages(const design_t *d)
{
    return quotient_bits(d) + 1;
}
static int shift(const design_t *d)
{
    return d->output.frac + d->row_sum.frac - d->output_sum.frac + 1;
}

int normalise_latency(const design_t *d)
{
    return stages(d) + 1;
}

void normalise_eval(void *self)
{
    normalise_t *m = self;
    size_t lanes = (size_t)m->d->lanes;
    *m->done = *m->done_q;
    *m->zeros = *m->zero_q;
    memcpy(m->quot, m->quot_q, lanes * sizeof *m->quot);
    memcpy(m->sats, m->sat_q, lanes * sizeof *m->sats);
}

/* ---- one clock edge, last stage first, so that each stage still sees the old values before it ---- */

/* Rounds and clips the quotient at `at`, the lane's last stage. */
static int64_t rounded(const normalise_t *m, size_t at, int64_t *clipped)
{
    int64_t quo = m->quo_q[at];
    bool more = m->rem_q[at] || (m->tail_q && m->tail_q[at]);
    /* Above a tie an odd (half) count goes up; on a tie only the one that reaches an even result. */
    int64_t size = more ? (quo + 1) >> 1 : (quo >> 1) + ((quo & 3) == 3);
    if (m->big_q[at]) size = INT64_C(1) << m->d->output.w;
    return fixed_saturate(m->neg_q[at] ? -size : size, m->d->output.w, clipped);
}

static void round_stage(normalise_t *m)
{
    int last = m->stages - 1;
    bool counts = m->valid_q[last], empty = m->empty_q[last];
    for (int lane = 0; lane < m->d->lanes; ++lane) {
        int64_t clipped = 0, value = rounded(m, (size_t)(lane * m->stages + last), &clipped);
        m->quot_q[lane] = empty ? 0 : value;
        if (counts && !empty) m->sat_q[lane] = fixed_count(m->sat_q[lane], clipped);
    }
    if (counts && empty) *m->zero_q = fixed_count(*m->zero_q, 1);
    *m->done_q = counts;
}

/* One more quotient bit: from stage at to stage at + 1. */
static void divide_stage(normalise_t *m, int lane, int stage)
{
    size_t at = (size_t)(lane * m->stages + stage);
    int bits = quotient_bits(m->d);
    int64_t dividend = 2 * m->rem_q[at] + (m->quo_q[at] >> (bits - 1));
    bool once = dividend >= m->den_q[stage]; /* and never twice */
    m->rem_q[at + 1] = once ? dividend - m->den_q[stage] : dividend;
    m->quo_q[at + 1] = (int64_t)fixed_low((uint64_t)(2 * m->quo_q[at] + once), bits);
    m->neg_q[at + 1] = m->neg_q[at];
    m->big_q[at + 1] = m->big_q[at];
    if (m->tail_q) m->tail_q[at + 1] = m->tail_q[at];
}

static void load_stage(normalise_t *m, int lane, int64_t den)
{
    size_t at = (size_t)(lane * m->stages);
    int bits = quotient_bits(m->d);
    wide_t size = (wide_t)(m->num[lane] < 0 ? -m->num[lane] : m->num[lane]);
    wide_t halves = m->shift >= 0 ? size << m->shift : size >> -m->shift;
    wide_t top = halves >> bits;
    m->neg_q[at] = m->num[lane] < 0;
    m->big_q[at] = top >= (wide_t)den;
    m->rem_q[at] = m->big_q[at] ? 0 : (int64_t)top;
    m->quo_q[at] = (int64_t)(halves - (top << bits));
    if (m->tail_q) m->tail_q[at] = halves << -m->shift != size;
}

/* The same idle set has come for so long that it is in every register: nothing will change. */
static bool rests(normalise_t *m)
{
    const size_t lanes = (size_t)m->d->lanes;
    bool same =
        !*m->valid && m->before[lanes] == *m->den && !memcmp(m->before, m->num, lanes * sizeof *m->num);
    memcpy(m->before, m->num, lanes * sizeof *m->num);
    m->before[lanes] = *m->den;
    m->repeats = same ? m->repeats + (m->repeats < m->stages + 2) : 0;
    return m->repeats == m->stages + 2; /* a register more than there are stages: done_q */
}

void normalise_tick(void *self)
{
    normalise_t *m = self;
    if (rests(m)) return;
    int64_t den = *m->den > 0 ? *m->den : 1;
    round_stage(m);
    for (int stage = m->stages - 2; stage >= 0; --stage) {
        for (int lane = 0; lane < m->d->lanes; ++lane) divide_stage(m, lane, stage);
        m->valid_q[stage + 1] = m->valid_q[stage];
        m->empty_q[stage + 1] = m->empty_q[stage];
        if (stage) m->den_q[stage] = m->den_q[stage - 1];
    }
    for (int lane = 0; lane < m->d->lanes; ++lane) load_stage(m, lane, den);
    m->valid_q[0] = *m->valid;
    m->empty_q[0] = *m->den <= 0;
    m->den_q[0] = den;
}

/* No divisor is ever 0: not even before the first row. */
static void normalise_reset(void *self)
{
    normalise_t *m = self;
    for (int stage = 0; stage < m->stages - 1; ++stage) m->den_q[stage] = 1;
    m->repeats = 0;
}

static void normalise_init(void *self, const design_t *d)
{
    normalise_t *m = self;
    m->d = d;
    m->stages = stages(d);
    m->shift = shift(d);
    assert(d->lanes <= NORMALISE_LANES_MAX);
    assert(d->output_sum.w + (m->shift > 0 ? m->shift : 0) <= 126);
}

#define FIELD(member) offsetof(normalise_t, member)
#define STAGE(member, width, what)                                                                           \
    (signal_t)                                                                                               \
    {                                                                                                        \
#member, SIGNAL_REG, FIELD(member), width, .dims = 1, .n = {n }, .path = #member, .meaning = what    \
    }
#define LANE(member, width, bytes_each, what)                                                                \
    (signal_t)                                                                                               \
    {                                                                                                        \
#member, SIGNAL_REG, FIELD(member), width,                                                           \
            .bytes = bytes_each, .dims = 2,                                                                  \
            .n = {d->lanes, n }, .objects = 1, .path = "g_lane[#].u_divide." #member, .meaning = what        \
    }

/* Registers of the stages; returns how many entries. */
static int pipeline_signals(const design_t *d, signal_t *table)
{
    int count = 0, n = stages(d);
    table[count++] = STAGE(valid_q, 1, "valid, by stage");
    table[count++] = STAGE(empty_q, 1, "den was 0 or less");
    table[count++] = LANE(neg_q, 1, 1, "the quotient's sign");
    table[count++] = LANE(big_q, 1, 1, "the quotient cannot fit");
    if (shift(d) < 0) table[count++] = LANE(tail_q, 1, 1, "half units cut bits off num");
    table[count++] = LANE(rem_q, d->row_sum.w - 1, 8, "remainder");
    table[count++] = LANE(quo_q, quotient_bits(d), 8, "dividend's low bits going out, quotient's coming in");
    n = stages(d) - 1;
    table[count++] = STAGE(den_q, d->row_sum.w - 1, "divisor, by stage");
    return count;
}

static int normalise_signals(const design_t *d, signal_t *table)
{
    const format_t sum = d->output_sum, den = d->row_sum, out = d->output;
    const signal_t all[] = {
        {"valid", SIGNAL_IN, FIELD(valid), 1, .codes = 2, .weights = "14", .meaning = "no yes"},
        {"num", SIGNAL_IN, FIELD(num), sum.w, sum.frac, true, .dims = 1, .n = {d->lanes},
         .meaning = "accumulated outputs"},
        {"den", SIGNAL_IN, FIELD(den), den.w, den.frac, true, .meaning = "the row's sum of scores"},
        {"done", SIGNAL_OUT, FIELD(done), 1, .meaning = "valid, latency cycles later"},
        {"quot", SIGNAL_OUT, FIELD(quot), out.w, out.frac, true, .dims = 1, .n = {d->lanes},
         .meaning = "num / den, nearest, ties to even"},
        {"zeros", SIGNAL_OUT, FIELD(zeros), 32, .meaning = "rows with den 0 or less"},
        {"sats", SIGNAL_OUT, FIELD(sats), 32, .dims = 1, .n = {d->lanes}, .meaning = "clipped elements"},
        {"done_q", SIGNAL_REG, FIELD(done_q), 1, .path = "done_q"},
        {"zero_q", SIGNAL_REG, FIELD(zero_q), 32, .counts = true, .path = "zero_q"},
        {"quot_q", SIGNAL_REG, FIELD(quot_q), out.w, out.frac, true, .dims = 1, .n = {d->lanes}, .objects = 1,
         .path = "g_lane[#].u_divide.quot_q"},
        {"sat_q", SIGNAL_REG, FIELD(sat_q), 32, .counts = true, .dims = 1, .n = {d->lanes}, .objects = 1,
         .path = "g_lane[#].u_divide.sat_q"},
    };
    int n = (int)(sizeof all / sizeof *all);
    memcpy(table, all, sizeof all);
    return n + pipeline_signals(d, table + n);
}

const block_type_t normalise_type = {
    .name = "normalise",
    .summary = "pipelined dividers: accumulated outputs over the row sum, rounded to nearest even",
    .size = sizeof(normalise_t),
    .clocked = true,
    .signals = normalise_signals,
    .init = normalise_init,
    .reset = normalise_reset,
    .eval = normalise_eval,
    .tick = normalise_tick,
};
