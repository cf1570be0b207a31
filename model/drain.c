/* SPDX-License-Identifier: Apache-2.0 */
#include "drain.h"

#include <string.h>

enum { END_NONE, END_CLEAR, END_FIN };

static int64_t low(int64_t x, int w)
{
    return (int64_t)fixed_low((uint64_t)x, w);
}

/* Sets of `lanes` elements that the longest row takes, and elements of a beat. */
static int sets(const design_t *d)
{
    return (d->head_max + d->lanes - 1) / d->lanes;
}
static int row_elements(const design_t *d)
{
    return sets(d) * d->lanes;
}
static int beat_elements(const design_t *d)
{
    return d->bus_bytes / 2;
}
static int row_bits(const design_t *d)
{
    return fixed_bits(design_group_rows(d));
}
static int slot_bits(void)
{
    return fixed_bits(DESIGN_OUTPUT_ROWS);
}
/* Counts 0 .. 16 rows. */
static int count_bits(void)
{
    return fixed_bits(DESIGN_OUTPUT_ROWS + 1);
}

/* ---- ends, of legal and of other records ---- */

static bool last_row(const drain_t *m, int64_t half, int64_t row)
{
    return row + 1 >= m->rows_q[half] || row == design_group_rows(m->d) - 1;
}
static bool last_set(const drain_t *m, int64_t half, int64_t set)
{
    return (set + 1) * m->d->lanes >= m->d_q[half] || set == sets(m->d) - 1;
}
static bool last_beat(const drain_t *m, int64_t half, int64_t beat)
{
    return beat + 1 >= m->beats_q[half] || beat == design_beats(m->d, m->d->head_max) - 1;
}

/* ---- enter ---- */

static int64_t enter_half(const drain_t *m)
{
    return *m->enter_n_q & 1;
}

static bool enters(const drain_t *m)
{
    return *m->enter_q && (*m->enter_set_q || *m->inside_q < DESIGN_OUTPUT_ROWS);
}

static void show_operands(drain_t *m)
{
    const design_t *d = m->d;
    *m->div_valid = enters(m);
    *m->div_den = *m->rd_sum;
    for (int lane = 0; lane < d->lanes; ++lane) {
        int64_t element = *m->enter_set_q * d->lanes + lane;
        m->div_num[lane] = element < d->head_max ? m->rd_acc[element] : 0;
    }
}

/* Returns 1 when a row begins to enter. */
static int enter(drain_t *m)
{
    if (!*m->enter_q)
        *m->enter_q = *m->taken_q != *m->enter_n_q;
    else if (enters(m)) {
        int64_t half = enter_half(m);
        bool begins = *m->enter_set_q == 0, ends = last_set(m, half, *m->enter_set_q);
        *m->enter_set_q = ends ? 0 : *m->enter_set_q + 1;
        if (ends && last_row(m, half, *m->enter_row_q)) {
            *m->enter_q = 0;
            *m->enter_n_q = low(*m->enter_n_q + 1, 2);
            *m->enter_row_q = 0;
        } else if (ends)
            ++*m->enter_row_q;
        return begins;
    }
    return 0;
}

/* ---- result ---- */

/* Returns 1 when a row is full. */
static int take_quotients(drain_t *m)
{
    const design_t *d = m->d;
    if (!*m->div_done) return 0;
    int64_t at = *m->result_slot_q * row_elements(d) + *m->result_set_q * d->lanes;
    for (int lane = 0; lane < d->lanes; ++lane) m->out_q[at + lane] = (int16_t)m->div_quot[lane];
    if (!last_set(m, *m->result_half_q, *m->result_set_q)) {
        ++*m->result_set_q;
        return 0;
    }
    bool last = last_row(m, *m->result_half_q, *m->result_row_q);
    *m->result_set_q = 0;
    *m->result_slot_q = low(*m->result_slot_q + 1, slot_bits());
    *m->result_row_q = last ? 0 : *m->result_row_q + 1;
    if (last) *m->result_half_q = !*m->result_half_q;
    return 1;
}

/* ---- write ---- */

static bool writes(const drain_t *m)
{
    return *m->full_q && *m->end_q == END_NONE;
}

static void show_beat(drain_t *m)
{
    const design_t *d = m->d;
    const int16_t *row = m->out_q + *m->slot_q * row_elements(d);
    *m->wr_valid = writes(m);
    *m->wr_addr = low(m->o_q[*m->half_q] + *m->offset_q, d->addr_w);
    for (int i = 0; i < beat_elements(d); ++i) {
        int64_t element = *m->beat_q * beat_elements(d) + i;
        bool there = writes(m) && element < m->d_q[*m->half_q] && element < row_elements(d);
        m->wr_data[i] = there ? low(row[element], 16) : 0;
    }
}

/* Returns 1 when a row has left. */
static int write(drain_t *m)
{
    const design_t *d = m->d;
    if (!writes(m) || !*m->wr_ready) return 0;
    bool row_ends = last_beat(m, *m->half_q, *m->beat_q);
    bool group_ends = row_ends && last_row(m, *m->half_q, *m->row_q);
    *m->beat_q = row_ends ? 0 : *m->beat_q + 1;
    *m->offset_q = group_ends ? 0 : low(*m->offset_q + d->bus_bytes, d->addr_w);
    if (!row_ends) return 0;
    *m->slot_q = low(*m->slot_q + 1, slot_bits());
    *m->row_q = group_ends ? 0 : *m->row_q + 1;
    if (group_ends) *m->end_q = END_CLEAR;
    return 1;
}

static void end_group(drain_t *m)
{
    bool done = *m->end_q == END_FIN ? *m->fin_ready : !m->final_q[*m->half_q];
    *m->end_q = done ? END_NONE : END_FIN;
    if (!done) return;
    *m->drained_q = low(*m->drained_q + 1, 2);
    *m->half_q = !*m->half_q;
}

void drain_ask(void *self)
{
    drain_t *m = self;
    *m->rd_index = enter_half(m) * design_group_rows(m->d) + *m->enter_row_q;
}

/* A computed group's record: from now on fetch may write the next one over it. */
static void take_record(drain_t *m)
{
    int64_t half = *m->taken_q & 1;
    if (*m->computed == *m->taken_q) return;
    m->rows_q[half] = m->g_rows[half];
    m->d_q[half] = m->g_d[half];
    m->beats_q[half] = m->g_beats[half];
    m->o_q[half] = m->g_o[half];
    m->final_q[half] = m->g_final[half];
    m->job_q[half] = m->g_job[half];
    *m->taken_q = low(*m->taken_q + 1, 2);
}

void drain_eval(void *self)
{
    drain_t *m = self;
    drain_ask(m);
    show_operands(m);
    show_beat(m);
    *m->clear = *m->end_q == END_CLEAR;
    *m->clear_half = *m->half_q;
    *m->taken = *m->taken_q;
    *m->drained = *m->drained_q;
    *m->fin_valid = *m->end_q == END_FIN;
    *m->fin_job = m->job_q[*m->half_q];
}

void drain_tick(void *self)
{
    drain_t *m = self;
    int left = 0;
    if (*m->end_q != END_NONE)
        end_group(m);
    else
        left = write(m);
    *m->full_q = low(*m->full_q + take_quotients(m) - left, count_bits());
    *m->inside_q = low(*m->inside_q + enter(m) - left, count_bits());
    take_record(m);
}

#define FIELD(member)         offsetof(drain_t, member)
#define INPUT(member, width)  .name = #member, .kind = SIGNAL_IN, .field = FIELD(member), .bits = width
#define RECORD(member, width) INPUT(member, width), .dims = 1, .n = {2}
#define OUTPUT(member, width) .name = #member, .kind = SIGNAL_OUT, .field = FIELD(member), .bits = width
#define REGISTER(member, width)                                                                              \
    .name = #member, .kind = SIGNAL_REG, .field = FIELD(member), .bits = width, .path = #member
#define TAKEN(member, width) REGISTER(member, width), .dims = 1, .n = {2}
#define FORMAT(format)       .frac = (format).frac, .is_signed = true

static int add(signal_t *table, int n, const signal_t *more, size_t count)
{
    for (size_t i = 0; i < count; ++i) table[n++] = more[i];
    return n;
}

#define ADD(table, n, more) add(table, n, more, sizeof(more) / sizeof *(more))

static int add_inputs(const design_t *d, signal_t *table, int n)
{
    const signal_t all[] = {
        {INPUT(computed, 2), .meaning = "groups computed"},
        {RECORD(g_rows, fixed_bits(design_group_rows(d) + 1)), .meaning = "queries of the group"},
        {RECORD(g_d, fixed_bits(d->head_max + 1)), .meaning = "head size"},
        {RECORD(g_beats, fixed_bits(design_beats(d, d->head_max) + 1)), .meaning = "beats of a row"},
        {RECORD(g_o, d->addr_w), .meaning = "address of the group's first row"},
        {RECORD(g_final, 1), .codes = 2, .meaning = "no yes"},
        {RECORD(g_job, 16), .meaning = "number of its job"},
        {INPUT(rd_acc, d->output_sum.w), FORMAT(d->output_sum), .dims = 1, .n = {d->head_max},
         .meaning = "accumulated row"},
        {INPUT(rd_sum, d->row_sum.w), FORMAT(d->row_sum), .meaning = "its row sum"},
        {INPUT(div_done, 1), .codes = 2, .weights = "11", .meaning = "no yes"},
        {INPUT(div_quot, d->output.w), FORMAT(d->output), .dims = 1, .n = {d->lanes}, .meaning = "quotients"},
        {INPUT(wr_ready, 1), .codes = 2, .weights = "13", .meaning = "no yes"},
        {INPUT(fin_ready, 1), .codes = 2, .weights = "13", .meaning = "no yes"},
    };
    return ADD(table, n, all);
}

static int add_outputs(const design_t *d, signal_t *table, int n)
{
    const signal_t all[] = {
        {OUTPUT(rd_index, fixed_bits(2 * design_group_rows(d))), .meaning = "row wanted"},
        {OUTPUT(div_valid, 1), .meaning = "a set of elements enters"},
        {OUTPUT(div_num, d->output_sum.w), FORMAT(d->output_sum), .dims = 1, .n = {d->lanes}},
        {OUTPUT(div_den, d->row_sum.w), FORMAT(d->row_sum)},
        {OUTPUT(wr_valid, 1), .meaning = "a beat is written"},
        {OUTPUT(wr_addr, d->addr_w)},
        {OUTPUT(wr_data, 16), .dims = 1, .n = {beat_elements(d)}},
        {OUTPUT(clear, 1), .meaning = "forget a half"},
        {OUTPUT(clear_half, 1)},
        {OUTPUT(taken, 2), .meaning = "groups whose record is not needed any more"},
        {OUTPUT(drained, 2), .meaning = "groups drained"},
        {OUTPUT(fin_valid, 1), .meaning = "a job is complete"},
        {OUTPUT(fin_job, 16)},
    };
    return ADD(table, n, all);
}

static int add_registers(const design_t *d, signal_t *table, int n)
{
    const int set = fixed_bits(sets(d)), row = row_bits(d);
    const signal_t all[] = {
        {REGISTER(taken_q, 2), .meaning = "groups whose record was taken"},
        {TAKEN(rows_q, fixed_bits(design_group_rows(d) + 1))},
        {TAKEN(d_q, fixed_bits(d->head_max + 1))},
        {TAKEN(beats_q, fixed_bits(design_beats(d, d->head_max) + 1))},
        {TAKEN(o_q, d->addr_w)},
        {TAKEN(final_q, 1)},
        {TAKEN(job_q, 16)},
        {REGISTER(enter_q, 1), .meaning = "a group enters"},
        {REGISTER(enter_n_q, 2), .meaning = "its number"},
        {REGISTER(enter_row_q, row)},
        {REGISTER(enter_set_q, set)},
        {REGISTER(inside_q, count_bits()), .meaning = "rows that have entered and not left"},
        {REGISTER(result_half_q, 1)},
        {REGISTER(result_row_q, row)},
        {REGISTER(result_set_q, set)},
        {REGISTER(result_slot_q, slot_bits())},
        {REGISTER(out_q, d->output.w), FORMAT(d->output), .bytes = 2, .dims = 2,
         .n = {DESIGN_OUTPUT_ROWS, row_elements(d)}, .memory = true, .stored = true,
         .meaning = "divided rows"},
        {REGISTER(full_q, count_bits()), .meaning = "rows to write"},
        {REGISTER(slot_q, slot_bits())},
        {REGISTER(half_q, 1)},
        {REGISTER(row_q, row)},
        {REGISTER(beat_q, fixed_bits(design_beats(d, d->head_max)))},
        {REGISTER(offset_q, d->addr_w), .meaning = "bytes of the group written"},
        {REGISTER(end_q, 2), .meaning = "none clear fin"},
        {REGISTER(drained_q, 2)},
    };
    return ADD(table, n, all);
}

static int drain_signals(const design_t *d, signal_t *table)
{
    int n = add_inputs(d, table, 0);
    n = add_outputs(d, table, n);
    return add_registers(d, table, n);
}

void drain_init(void *self, const design_t *d)
{
    ((drain_t *)self)->d = d;
}

static bool drain_fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t drain_type = {
    .name = "drain",
    .summary = "divides the rows of computed groups and writes them to memory",
    .size = sizeof(drain_t),
    .clocked = true,
    .signals = drain_signals,
    .init = drain_init,
    .eval = drain_eval,
    .tick = drain_tick,
    .fits = drain_fits,
};
