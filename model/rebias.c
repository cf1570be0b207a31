/* SPDX-License-Identifier: Apache-2.0 */
#include "rebias.h"

#include <string.h>

enum { END_NONE, END_ROW, END_STRIP, END_GROUP };

static int64_t low(int64_t x, int w)
{
    return (int64_t)fixed_low((uint64_t)x, w);
}

static int lanes(const design_t *d)
{
    return design_bus_w(d) / 16;
}
static int index_bits(const design_t *d)
{
    return fixed_bits(2 * design_group_rows(d));
}
/* Of the sum of head_max products. */
static int sum_bits(const design_t *d)
{
    return d->q.w + d->k.w + fixed_bits(d->head_max);
}

/* ---- reads ---- */

/* What the next beat to read ends. */
static int64_t end_of_beat(const rebias_t *r)
{
    const design_t *d = r->d;
    int64_t half = *r->half_q, rows = *r->strip_q * d->rows + *r->row_q + 1;
    if (*r->beat_q + 1 < r->g_beats[half]) return END_NONE;
    bool group_row = rows >= r->g_rows[half], strip_row = *r->row_q == d->rows - 1;
    if (group_row || (strip_row && *r->strip_q == d->strips - 1)) return END_GROUP;
    return strip_row ? END_STRIP : END_ROW;
}

static void advance(rebias_t *r, int64_t end)
{
    const design_t *d = r->d;
    *r->beat_q = end ? 0 : *r->beat_q + 1;
    if (end) *r->row_q = end == END_ROW ? *r->row_q + 1 : 0;
    if (end == END_STRIP) ++*r->strip_q;
    if (end == END_GROUP) {
        *r->strip_q = 0;
        *r->half_q = !*r->half_q;
    }
    if (end < END_STRIP) return;
    *r->n_q = low(*r->n_q + 1, design_held_w(d));
    *r->bank_q = *r->bank_q == 2 ? 0 : *r->bank_q + 1;
}

static void read_next(rebias_t *r)
{
    const design_t *d = r->d;
    if (*r->rd_valid_q && !*r->rd_ready) return;
    *r->rd_valid_q = *r->scored != low(*r->n_q, 2) && *r->held != *r->n_q;
    if (!*r->rd_valid_q) return;
    int64_t half = *r->half_q, end = end_of_beat(r);
    int64_t key = r->arg[*r->bank_q * d->rows + *r->row_q];
    int64_t addr =
        *r->beat_q ? *r->rd_addr_q + d->bus_bytes : r->g_k[half] + key * r->g_beats[half] * d->bus_bytes;
    int64_t index = (half * d->strips + *r->strip_q) * d->rows + *r->row_q;
    *r->rd_addr_q = low(addr, d->addr_w);
    *r->rd_tag_q = ((end << index_bits(d) | index) << r->beat_w) | low(*r->beat_q, r->beat_w);
    advance(r, end);
}

/* ---- answers ---- */

static int64_t tag_beat(const rebias_t *r)
{
    return low(*r->got_tag, r->beat_w);
}
static int64_t tag_index(const rebias_t *r)
{
    return low(*r->got_tag >> r->beat_w, index_bits(r->d));
}
static int64_t tag_end(const rebias_t *r)
{
    return low(*r->got_tag >> (r->beat_w + index_bits(r->d)), 2);
}

static int64_t dot(const rebias_t *r)
{
    const design_t *d = r->d;
    int64_t head = r->g_d[tag_index(r) >= design_group_rows(d)], sum = 0;
    int64_t left = head - tag_beat(r) * lanes(d), n = left < lanes(d) ? left : lanes(d);
    for (int lane = 0; lane < n; ++lane) {
        int16_t q = (int16_t)fixed_wrap(r->dot_q[lane], d->q.w),
                k = (int16_t)fixed_wrap(r->got_data[lane], d->k.w);
        sum += q * k;
    }
    return sum;
}

static void take_answer(rebias_t *r)
{
    *r->end_q = *r->got ? tag_end(r) : END_NONE;
    if (!*r->got) return;
    *r->sum_q = fixed_wrap((tag_beat(r) ? *r->sum_q : 0) + dot(r), sum_bits(r->d));
    *r->index_q = tag_index(r);
}

/* sum_q as a bias. */
static int64_t bias(const rebias_t *r, int64_t *clipped)
{
    const design_t *d = r->d;
    return fixed_saturate(fixed_floor(*r->sum_q, d->q.frac + d->k.frac - d->bias.frac), d->bias.w, clipped);
}

static void count(rebias_t *r)
{
    int64_t clipped = 0;
    bias(r, &clipped);
    if (*r->end_q) *r->sat_q = fixed_count(*r->sat_q, clipped);
    *r->rebiased_q = low(*r->rebiased_q + (*r->end_q >= END_STRIP), design_held_w(r->d));
}

void rebias_eval(void *self)
{
    rebias_t *r = self;
    *r->rd_valid = *r->rd_valid_q;
    *r->rd_addr = *r->rd_addr_q;
    *r->rd_tag = *r->rd_tag_q;
    *r->dot_index = tag_index(r);
    *r->dot_beat = tag_beat(r);
    *r->b_we = *r->end_q != END_NONE;
    *r->b_index = *r->index_q;
    *r->b_bias = bias(r, NULL);
    *r->asked = low(*r->n_q, 2);
    *r->rebiased = *r->rebiased_q;
}

void rebias_tick(void *self)
{
    rebias_t *r = self;
    count(r);
    take_answer(r);
    read_next(r);
}

#define FIELD(member) offsetof(rebias_t, member)
#define RECORD(member, width)                                                                                \
    .name = #member, .kind = SIGNAL_IN, .field = FIELD(member), .bits = width, .dims = 1, .n = {2}
#define INPUT(member, width)  .name = #member, .kind = SIGNAL_IN, .field = FIELD(member), .bits = width
#define OUTPUT(member, width) .name = #member, .kind = SIGNAL_OUT, .field = FIELD(member), .bits = width
#define REGISTER(member, width)                                                                              \
    .name = #member, .kind = SIGNAL_REG, .field = FIELD(member), .bits = width, .path = #member

static int add(signal_t *table, int n, const signal_t *more, size_t count)
{
    for (size_t i = 0; i < count; ++i) table[n++] = more[i];
    return n;
}

#define ADD(table, n, more) add(table, n, more, sizeof(more) / sizeof *(more))

static int add_ports(const design_t *d, signal_t *table, int n)
{
    const int index = index_bits(d), beat = design_beat_w(d), tag = design_tag_w(d);
    const signal_t all[] = {
        {INPUT(scored, 2), .meaning = "strips whose maxima are known"},
        {INPUT(held, design_held_w(d)), .meaning = "strips whose queries are there"},
        {INPUT(arg, fixed_bits(d->keys_max)), .dims = 2, .n = {3, d->rows},
         .meaning = "key of each row's maximum"},
        {RECORD(g_rows, fixed_bits(design_group_rows(d) + 1)), .meaning = "queries of the group"},
        {RECORD(g_k, d->addr_w), .meaning = "address of the keys"},
        {RECORD(g_d, fixed_bits(d->head_max + 1)), .meaning = "head size"},
        {RECORD(g_beats, fixed_bits(design_beats(d, d->head_max) + 1)), .meaning = "beats of a key"},
        {INPUT(rd_ready, 1), .codes = 2, .weights = "13", .meaning = "no yes"},
        {INPUT(got, 1), .codes = 2, .weights = "12", .meaning = "no yes"},
        {INPUT(got_tag, tag), .meaning = "tag of the answer shown"},
        {INPUT(got_data, 16), .dims = 1, .n = {lanes(d)}, .meaning = "beat of a key"},
        {INPUT(dot_q, 16), .dims = 1, .n = {lanes(d)}, .meaning = "the query's beat"},
        {OUTPUT(rd_valid, 1), .meaning = "a read is asked for"},
        {OUTPUT(rd_addr, d->addr_w)},
        {OUTPUT(rd_tag, tag), .meaning = "end, index, beat"},
        {OUTPUT(dot_index, index), .meaning = "query whose beat is wanted"},
        {OUTPUT(dot_beat, beat)},
        {OUTPUT(b_we, 1), .meaning = "a bias is written"},
        {OUTPUT(b_index, index)},
        {OUTPUT(b_bias, d->bias.w), .frac = d->bias.frac, .is_signed = true},
        {OUTPUT(asked, 2), .meaning = "strips whose keys are asked for"},
        {OUTPUT(rebiased, design_held_w(d)), .meaning = "strips that have their biases"},
    };
    return ADD(table, n, all);
}

static int add_registers(const design_t *d, signal_t *table, int n)
{
    const signal_t all[] = {
        {REGISTER(n_q, design_held_w(d)), .meaning = "strip of the next read"},
        {REGISTER(bank_q, 2), .meaning = "its bank"},
        {REGISTER(half_q, 1), .meaning = "half of its group"},
        {REGISTER(strip_q, fixed_bits(d->strips)), .meaning = "strip of the group"},
        {REGISTER(row_q, fixed_bits(d->rows))},
        {REGISTER(beat_q, fixed_bits(design_beats(d, d->head_max) + 1))},
        {REGISTER(rd_valid_q, 1)},
        {REGISTER(rd_addr_q, d->addr_w)},
        {REGISTER(rd_tag_q, design_tag_w(d))},
        {REGISTER(sum_q, sum_bits(d)), .frac = d->q.frac + d->k.frac, .is_signed = true,
         .meaning = "products of a row"},
        {REGISTER(end_q, 2), .meaning = "none row strip group"},
        {REGISTER(index_q, index_bits(d))},
        {REGISTER(rebiased_q, design_held_w(d))},
        {REGISTER(sat_q, 32), .counts = true, .meaning = "clipped biases"},
    };
    return ADD(table, n, all);
}

static int rebias_signals(const design_t *d, signal_t *table)
{
    return add_registers(d, table, add_ports(d, table, 0));
}

void rebias_init(void *self, const design_t *d)
{
    rebias_t *r = self;
    r->d = d;
    r->beat_w = design_beat_w(d);
}

static bool rebias_fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t rebias_type = {
    .name = "rebias",
    .summary = "the exact score at each row's predicted maximum is the row's bias",
    .size = sizeof(rebias_t),
    .clocked = true,
    .signals = rebias_signals,
    .init = rebias_init,
    .eval = rebias_eval,
    .tick = rebias_tick,
    .fits = rebias_fits,
};
