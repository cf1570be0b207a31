/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch.h"

#include <string.h>

void fetch_init(void *self, const design_t *d)
{
    ((fetch_t *)self)->d = d;
}

/* ---- widths ---- */

/* Bits of a tag's number: a key or an index. */
static int number_w(const design_t *d)
{
    return design_tag_w(d) - 2 - design_beat_w(d);
}
static int index_w(const design_t *d)
{
    return fixed_bits(2 * design_group_rows(d));
}
/* Rows of one run of reads: keys of a head or rows of a strip. */
static int row_counter_w(const design_t *d)
{
    int key = fixed_bits(d->keys_max), row = fixed_bits(d->rows);
    return key > row ? key : row;
}
/* Reads whose answers are awaited, a beat shown by memory_port included. */
static int pending_w(const design_t *d)
{
    return fixed_bits(d->outstanding + 2);
}
static int g_beats_w(const design_t *d)
{
    return fixed_bits(design_beats(d, d->head_max) + 1);
}
static int64_t cut(int64_t x, int w)
{
    return (int64_t)fixed_low((uint64_t)x, w);
}

/* ---- what is read ---- */

static bool reads(const fetch_t *f)
{
    return *f->state_q == FETCH_KEYS || (*f->state_q >= FETCH_QUERIES && *f->state_q <= FETCH_MASKS);
}

static int kind(const fetch_t *f)
{
    switch (*f->state_q) {
    case FETCH_QUERIES: return FETCH_OF_Q;
    case FETCH_LOWS: return FETCH_OF_Q_LOW;
    case FETCH_MASKS: return FETCH_OF_MASK;
    default: return FETCH_OF_K_LOW;
    }
}

/* The running address of what is read now. */
static int64_t *address(fetch_t *f)
{
    int64_t *const of[] = {f->k_low_at_q, f->q_low_at_q, f->q_at_q, f->mask_at_q};
    return of[kind(f)];
}

/* Beats of a row of the mask: one word a tile. */
static int mask_beats(const design_t *d, int64_t keys)
{
    int per_beat = d->columns * design_mask_lanes(d);
    return (int)((keys + per_beat - 1) / per_beat);
}

static int beats(const fetch_t *f)
{
    int head = (int)*f->d_q;
    if (kind(f) == FETCH_OF_Q) return design_beats(f->d, head);
    if (kind(f) == FETCH_OF_MASK) return mask_beats(f->d, *f->m_q);
    return design_low_record_beats(f->d, head);
}

static int64_t strip_rows(const fetch_t *f)
{
    return *f->left_q < f->d->rows ? *f->left_q : f->d->rows;
}

static int64_t tag(const fetch_t *f)
{
    const design_t *d = f->d;
    bool of_index = kind(f) == FETCH_OF_Q || kind(f) == FETCH_OF_MASK;
    int64_t number = of_index ? cut(*f->base_q + *f->row_q, index_w(d)) : *f->row_q;
    return ((int64_t)kind(f) << number_w(d) | number) << design_beat_w(d) | *f->beat_q;
}

/* ---- outputs ---- */

static void show_beat(fetch_t *f)
{
    const design_t *d = f->d;
    int beat_w = design_beat_w(d), numbers = number_w(d);
    int64_t beat = cut(*f->got_tag, beat_w), number = cut(*f->got_tag >> beat_w, numbers);
    int64_t of = *f->got_tag >> (beat_w + numbers);
    *f->k_we = *f->got && of == FETCH_OF_K_LOW;
    *f->ql_we = *f->got && of == FETCH_OF_Q_LOW;
    *f->q_we = *f->got && of == FETCH_OF_Q;
    *f->m_we = *f->got && of == FETCH_OF_MASK;
    *f->k_beat = *f->ql_beat = *f->q_beat = *f->m_beat = beat;
    *f->k_key = cut(number, fixed_bits(d->keys_max));
    *f->ql_row = cut(number, fixed_bits(d->rows));
    *f->ql_file = *f->loaded_q & 1;
    *f->q_index = *f->m_index = cut(number, index_w(d));
    size_t bytes = (size_t)d->bus_bytes / 2 * sizeof *f->got_data;
    int64_t *const data[] = {f->k_data, f->ql_data, f->q_data, f->m_data};
    for (size_t i = 0; i < sizeof data / sizeof *data; ++i) memcpy(data[i], f->got_data, bytes);
}

static void show_records(fetch_t *f)
{
    int64_t *const shown[][2] = {
        {f->g_rows, f->g_rows_q},
        {f->g_first, f->g_first_q},
        {f->g_keys, f->g_keys_q},
        {f->g_d, f->g_d_q},
        {f->g_beats, f->g_beats_q},
        {f->g_causal, f->g_causal_q},
        {f->g_external, f->g_external_q},
        {f->g_policy, f->g_policy_q},
        {f->g_threshold, f->g_threshold_q},
        {f->g_k, f->g_k_q},
        {f->g_v, f->g_v_q},
        {f->g_o, f->g_o_q},
        {f->g_final, f->g_final_q},
        {f->g_job, f->g_job_q},
    };
    for (size_t i = 0; i < sizeof shown / sizeof *shown; ++i) {
        for (int half = 0; half < 2; ++half) shown[i][0][half] = shown[i][1][half];
    }
}

void fetch_eval(void *self)
{
    fetch_t *f = self;
    *f->job_ready = *f->state_q == FETCH_HEAD;
    *f->rd_valid = reads(f);
    *f->rd_addr = *address(f);
    *f->rd_tag = tag(f);
    *f->loaded = *f->loaded_q;
    show_beat(f);
    show_records(f);
}

/* ---- one clock edge ---- */

static void take_head(fetch_t *f)
{
    if (!*f->job_valid) return;
    *f->m_q = *f->j_m;
    *f->d_q = *f->j_d;
    *f->causal_q = *f->j_causal;
    *f->external_q = *f->j_external;
    *f->policy_q = *f->j_policy;
    *f->threshold_q = *f->j_threshold;
    *f->k_q = *f->j_k;
    *f->v_q = *f->j_v;
    *f->final_q = *f->j_final;
    *f->number_q = *f->j_number;
    *f->q_at_q = *f->j_q;
    *f->q_low_at_q = *f->j_q_low;
    *f->k_low_at_q = *f->j_k_low;
    *f->mask_at_q = *f->j_mask;
    *f->o_at_q = *f->j_o;
    *f->left_q = *f->j_l;
    *f->first_q = 0;
    *f->state_q = FETCH_SCORED;
}

static void start_group(fetch_t *f)
{
    const design_t *d = f->d;
    int64_t half = *f->started_q & 1, most = design_group_rows(d);
    if (cut(*f->started_q - *f->drained, 2) >= 2) return;
    f->g_rows_q[half] = *f->left_q < most ? *f->left_q : most;
    f->g_first_q[half] = *f->first_q;
    f->g_keys_q[half] = *f->m_q;
    f->g_d_q[half] = *f->d_q;
    f->g_beats_q[half] = cut(design_beats(d, (int)*f->d_q), g_beats_w(d));
    f->g_causal_q[half] = *f->causal_q;
    f->g_external_q[half] = *f->external_q;
    f->g_policy_q[half] = *f->policy_q;
    f->g_threshold_q[half] = *f->threshold_q;
    f->g_k_q[half] = *f->k_q;
    f->g_v_q[half] = *f->v_q;
    f->g_o_q[half] = *f->o_at_q;
    f->g_final_q[half] = *f->final_q && *f->left_q <= most;
    f->g_job_q[half] = *f->number_q;
    *f->started_q = cut(*f->started_q + 1, 2);
    *f->base_q = half * most;
    *f->strip_q = 0;
    *f->state_q = FETCH_STRIP;
}

/* The state after the last read of the present one. */
static fetch_state_t after(const fetch_t *f)
{
    switch (*f->state_q) {
    case FETCH_KEYS: return FETCH_GROUP;
    case FETCH_QUERIES: return FETCH_LOWS;
    case FETCH_LOWS: return *f->external_q ? FETCH_MASKS : FETCH_ANSWERS;
    default: return FETCH_ANSWERS;
    }
}

static void issue(fetch_t *f)
{
    const design_t *d = f->d;
    int64_t rows = *f->state_q == FETCH_KEYS ? *f->m_q : strip_rows(f);
    bool row_ends = *f->beat_q == cut(beats(f) - 1, design_beat_w(d));
    bool all = row_ends && *f->row_q == cut(rows - 1, row_counter_w(d));
    int64_t *at = address(f);
    *at = cut(*at + d->bus_bytes, d->addr_w);
    if (*f->state_q == FETCH_QUERIES) *f->o_at_q = cut(*f->o_at_q + d->bus_bytes, d->addr_w);
    *f->beat_q = row_ends ? 0 : cut(*f->beat_q + 1, design_beat_w(d));
    if (row_ends) *f->row_q = all ? 0 : cut(*f->row_q + 1, row_counter_w(d));
    if (all) *f->state_q = after(f);
}

static void finish_strip(fetch_t *f)
{
    const design_t *d = f->d;
    int64_t rows = strip_rows(f);
    bool head_ends = *f->left_q == rows, group_ends = *f->strip_q == d->strips - 1;
    *f->loaded_q = cut(*f->loaded_q + 1, 2);
    *f->left_q -= rows;
    *f->first_q = cut(*f->first_q + rows, fixed_bits(d->keys_max + 1));
    *f->base_q = cut(*f->base_q + d->rows, index_w(d));
    *f->strip_q = group_ends ? 0 : *f->strip_q + 1;
    *f->state_q = head_ends ? FETCH_HEAD : group_ends ? FETCH_GROUP : FETCH_STRIP;
}

void fetch_tick(void *self)
{
    fetch_t *f = self;
    bool issues = reads(f) && *f->rd_ready, nothing_pending = !*f->pending_q;
    bool answered = *f->got && *f->pending_q;
    *f->pending_q = cut(*f->pending_q + issues - answered, pending_w(f->d));
    switch (*f->state_q) {
    case FETCH_HEAD: take_head(f); break;
    case FETCH_SCORED:
        if (*f->scored == *f->loaded_q) *f->state_q = FETCH_KEYS;
        break;
    case FETCH_GROUP: start_group(f); break;
    case FETCH_STRIP:
        if (cut(*f->loaded_q - *f->scored, 2) < 2) *f->state_q = FETCH_QUERIES;
        break;
    case FETCH_ANSWERS:
        if (nothing_pending) finish_strip(f);
        break;
    default:
        if (issues) issue(f);
        break;
    }
}

/* ---- signals ---- */

#define FIELD(member) offsetof(fetch_t, member)
#define REG(member, width, ...)                                                                              \
    {                                                                                                        \
#member, SIGNAL_REG, FIELD(member), width, .path = #member, ##__VA_ARGS__                            \
    }

static int add(signal_t *table, int n, const signal_t *more, size_t count)
{
    memcpy(table + n, more, count * sizeof *more);
    return n + (int)count;
}
#define ADD(table, n, more) add(table, n, more, sizeof(more) / sizeof *(more))

static int add_inputs(const design_t *d, signal_t *table, int n)
{
    const int addr = d->addr_w, len = fixed_bits(d->keys_max + 1);
    const signal_t all[] = {
        {"job_valid", SIGNAL_IN, FIELD(job_valid), 1, .codes = 2, .weights = "13", .meaning = "no yes"},
        {"j_l", SIGNAL_IN, FIELD(j_l), len, .codes = d->keys_max + 1, .meaning = "queries"},
        {"j_m", SIGNAL_IN, FIELD(j_m), len, .codes = d->keys_max + 1, .meaning = "keys"},
        {"j_d", SIGNAL_IN, FIELD(j_d), fixed_bits(d->head_max + 1), .codes = d->head_max + 1,
         .meaning = "head size"},
        {"j_causal", SIGNAL_IN, FIELD(j_causal), 1, .meaning = "query i sees keys 0 .. i"},
        {"j_external", SIGNAL_IN, FIELD(j_external), 1, .meaning = "mask bits come from memory"},
        {"j_policy", SIGNAL_IN, FIELD(j_policy), 2, .meaning = "rows that keep nothing: zero dense top1"},
        {"j_threshold", SIGNAL_IN, FIELD(j_threshold), d->threshold.w, d->threshold.frac, .meaning = "T"},
        {"j_q", SIGNAL_IN, FIELD(j_q), addr, .meaning = "address of q"},
        {"j_k", SIGNAL_IN, FIELD(j_k), addr, .meaning = "of k"},
        {"j_v", SIGNAL_IN, FIELD(j_v), addr, .meaning = "of v"},
        {"j_q_low", SIGNAL_IN, FIELD(j_q_low), addr, .meaning = "of q_low"},
        {"j_k_low", SIGNAL_IN, FIELD(j_k_low), addr, .meaning = "of k_low"},
        {"j_mask", SIGNAL_IN, FIELD(j_mask), addr, .meaning = "of mask"},
        {"j_o", SIGNAL_IN, FIELD(j_o), addr, .meaning = "of o"},
        {"j_final", SIGNAL_IN, FIELD(j_final), 1, .meaning = "last head of the job"},
        {"j_number", SIGNAL_IN, FIELD(j_number), 16, .meaning = "the job's number"},
        {"rd_ready", SIGNAL_IN, FIELD(rd_ready), 1, .codes = 2, .weights = "13", .meaning = "no yes"},
        {"got", SIGNAL_IN, FIELD(got), 1, .codes = 2, .weights = "12", .meaning = "no yes"},
        {"got_tag", SIGNAL_IN, FIELD(got_tag), design_tag_w(d), .meaning = "of the beat's read"},
        {"got_data", SIGNAL_IN, FIELD(got_data), 16, .dims = 1, .n = {d->bus_bytes / 2},
         .meaning = "the beat"},
        {"scored", SIGNAL_IN, FIELD(scored), 2, .codes = 4, .meaning = "strips scored, modulo 4"},
        {"drained", SIGNAL_IN, FIELD(drained), 2, .codes = 4, .meaning = "groups drained, modulo 4"},
    };
    return ADD(table, n, all);
}

static int add_outputs(const design_t *d, signal_t *table, int n)
{
    const int beat = design_beat_w(d), bus = d->bus_bytes / 2;
    const int key = fixed_bits(d->keys_max), row = fixed_bits(d->rows), index = index_w(d);
    const signal_t all[] = {
        {"job_ready", SIGNAL_OUT, FIELD(job_ready), 1, .meaning = "a head is taken"},
        {"rd_valid", SIGNAL_OUT, FIELD(rd_valid), 1, .meaning = "a beat is asked for"},
        {"rd_addr", SIGNAL_OUT, FIELD(rd_addr), d->addr_w, .meaning = "its address"},
        {"rd_tag", SIGNAL_OUT, FIELD(rd_tag), design_tag_w(d), .meaning = "kind, number, beat"},
        {"loaded", SIGNAL_OUT, FIELD(loaded), 2, .meaning = "strips loaded, modulo 4"},
        {"k_we", SIGNAL_OUT, FIELD(k_we), 1, .meaning = "a low-bit key"},
        {"k_key", SIGNAL_OUT, FIELD(k_key), key, .meaning = "which"},
        {"k_beat", SIGNAL_OUT, FIELD(k_beat), beat, .meaning = "beat of its record"},
        {"k_data", SIGNAL_OUT, FIELD(k_data), 16, .dims = 1, .n = {bus}},
        {"ql_we", SIGNAL_OUT, FIELD(ql_we), 1, .meaning = "a low-bit query"},
        {"ql_file", SIGNAL_OUT, FIELD(ql_file), 1, .meaning = "file of its strip"},
        {"ql_row", SIGNAL_OUT, FIELD(ql_row), row, .meaning = "row of its strip"},
        {"ql_beat", SIGNAL_OUT, FIELD(ql_beat), beat, .meaning = "beat of its record"},
        {"ql_data", SIGNAL_OUT, FIELD(ql_data), 16, .dims = 1, .n = {bus}},
        {"q_we", SIGNAL_OUT, FIELD(q_we), 1, .meaning = "a query"},
        {"q_index", SIGNAL_OUT, FIELD(q_index), index, .meaning = "which"},
        {"q_beat", SIGNAL_OUT, FIELD(q_beat), beat, .meaning = "beat of its row"},
        {"q_data", SIGNAL_OUT, FIELD(q_data), 16, .dims = 1, .n = {bus}},
        {"m_we", SIGNAL_OUT, FIELD(m_we), 1, .meaning = "a query's mask"},
        {"m_index", SIGNAL_OUT, FIELD(m_index), index, .meaning = "which"},
        {"m_beat", SIGNAL_OUT, FIELD(m_beat), beat, .meaning = "beat of its row"},
        {"m_data", SIGNAL_OUT, FIELD(m_data), 16, .dims = 1, .n = {bus}},
    };
    return ADD(table, n, all);
}

/* The group records: a port and its register each. */
static int add_records(const design_t *d, signal_t *table, int n)
{
    const int addr = d->addr_w, len = fixed_bits(d->keys_max + 1);
    const struct {
        const char *port, *reg;
        size_t port_field, reg_field;
        int bits;
        const char *meaning;
    } all[] = {
#define RECORD(name, bits, meaning) {#name, #name "_q", FIELD(name), FIELD(name##_q), bits, meaning}
        RECORD(g_rows, fixed_bits(design_group_rows(d) + 1), "queries of the group"),
        RECORD(g_first, len, "its first query"),
        RECORD(g_keys, len, "keys"),
        RECORD(g_d, fixed_bits(d->head_max + 1), "head size"),
        RECORD(g_beats, g_beats_w(d), "beats of a row of 16-bit elements"),
        RECORD(g_causal, 1, "query i sees keys 0 .. i"),
        RECORD(g_external, 1, "mask bits come from memory"),
        RECORD(g_policy, 2, "rows that keep nothing"),
        RECORD(g_threshold, d->threshold.w, "T"),
        RECORD(g_k, addr, "address of k"),
        RECORD(g_v, addr, "of v"),
        RECORD(g_o, addr, "of the first query's output"),
        RECORD(g_final, 1, "last group of the job's last head"),
        RECORD(g_job, 16, "the job's number"),
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
        table[n++] = (signal_t){all[i].port, SIGNAL_OUT, all[i].port_field,        all[i].bits,
                                .dims = 1,   .n = {2},   .meaning = all[i].meaning};
        table[n++] = (signal_t){all[i].reg, SIGNAL_REG, all[i].reg_field,  all[i].bits,
                                .dims = 1,  .n = {2},   .path = all[i].reg};
    }
    return n;
}

static int add_registers(const design_t *d, signal_t *table, int n)
{
    const int addr = d->addr_w, len = fixed_bits(d->keys_max + 1);
    const signal_t all[] = {
        REG(state_q, 4, .meaning = "head scored keys group strip queries lows masks answers"),
        REG(loaded_q, 2),
        REG(started_q, 2, .meaning = "groups started, modulo 4"),
        REG(pending_q, pending_w(d), .meaning = "reads that are not answered"),
        REG(m_q, len),
        REG(d_q, fixed_bits(d->head_max + 1)),
        REG(causal_q, 1),
        REG(external_q, 1),
        REG(policy_q, 2),
        REG(threshold_q, d->threshold.w),
        REG(k_q, addr),
        REG(v_q, addr),
        REG(final_q, 1),
        REG(number_q, 16),
        REG(q_at_q, addr, .meaning = "of the next beat of q"),
        REG(q_low_at_q, addr),
        REG(k_low_at_q, addr),
        REG(mask_at_q, addr),
        REG(o_at_q, addr, .meaning = "output of the query at q_at_q"),
        REG(left_q, len, .meaning = "queries of the head that are not loaded"),
        REG(first_q, len, .meaning = "queries of the head that are"),
        REG(strip_q, fixed_bits(d->strips), .meaning = "of the group"),
        REG(base_q, index_w(d), .meaning = "index of the strip's first row"),
        REG(row_q, row_counter_w(d), .meaning = "row that is read"),
        REG(beat_q, design_beat_w(d), .meaning = "its beat"),
    };
    return ADD(table, n, all);
}

static int fetch_signals(const design_t *d, signal_t *table)
{
    int n = add_inputs(d, table, 0);
    n = add_outputs(d, table, n);
    n = add_records(d, table, n);
    return add_registers(d, table, n);
}

static bool fetch_fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t fetch_type = {
    .name = "fetch",
    .summary = "reads low-bit keys, queries and masks of one head after the other, by groups and strips",
    .size = sizeof(fetch_t),
    .clocked = true,
    .signals = fetch_signals,
    .init = fetch_init,
    .eval = fetch_eval,
    .tick = fetch_tick,
    .fits = fetch_fits,
};
