/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch.h"

#include <string.h>

/* ---- widths ---- */

/* Bits of a tag's number: a place or an index. */
static int number_w(const design_t *d)
{
    return design_tag_w(d) - 3 - design_beat_w(d);
}
static int index_w(const design_t *d)
{
    return fixed_bits(2 * design_group_rows(d));
}
/* Rows of one run of low's reads: keys of a head or rows of a strip. */
static int low_row_w(const design_t *d)
{
    int key = fixed_bits(d->keys_max), row = fixed_bits(d->rows);
    return key > row ? key : row;
}
/* Rows of a group. */
static int row_w(const design_t *d)
{
    return fixed_bits(design_group_rows(d));
}
static int g_beats_w(const design_t *d)
{
    return fixed_bits(design_beats(d, d->head_max) + 1);
}
static int64_t cut(int64_t x, int w)
{
    return (int64_t)fixed_low((uint64_t)x, w);
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void fetch_init(void *self, const design_t *d)
{
    fetch_t *f = self;
    f->d = d;
    f->beat_w = design_beat_w(d);
    f->number_w = number_w(d);
}

/* ---- what is read ---- */

/* Strips that low has asked for and that are not scored. */
static int64_t ahead(const fetch_t *f)
{
    return cut(*f->asked_q - *f->scored, 2);
}

/* Nothing looks at the places of the keys to come any more: with a head beside them, of whose strips so many
   have been asked for, older ones are scored. */
static bool has_room(const fetch_t *f)
{
    return *f->beside_q ? ahead(f) <= *f->of_head_q : !ahead(f);
}

static fetch_read_t low_read(fetch_t *f)
{
    const design_t *d = f->d;
    bool keys = *f->low_q == LOW_KEYS;
    int64_t rows = keys ? *f->low_m_q : smaller(*f->low_left_q, d->rows);
    int64_t beats = design_low_record_beats(d, (int)*f->low_d_q);
    fetch_read_t r = {.low = true, .kind = keys ? FETCH_OF_K_LOW : FETCH_OF_Q_LOW};
    r.valid = keys || *f->low_q == LOW_QUERIES;
    r.addr = keys ? f->k_low_at_q : f->q_low_at_q;
    r.number = *f->low_row_q;
    if (keys && *f->upper_q) r.number = cut(r.number + d->keys_max / 2, low_row_w(d));
    r.beat = *f->low_beat_q;
    r.row_ends = r.beat == cut(beats - 1, f->beat_w);
    r.run_ends = r.row_ends && *f->low_row_q == cut(rows - 1, low_row_w(d));
    r.last = !keys && r.run_ends;
    return r;
}

/* Beats of a row of the mask: one word a tile. */
static int mask_beats(const design_t *d, int64_t keys)
{
    int per_beat = d->columns * design_mask_lanes(d);
    return (int)((keys + per_beat - 1) / per_beat);
}

/* The group that high loads is the last one opened. */
static int64_t high_half(const fetch_t *f)
{
    return ~*f->opened_q & 1;
}

static fetch_read_t high_read(fetch_t *f)
{
    const design_t *d = f->d;
    bool masks = *f->high_q == HIGH_MASKS;
    int64_t rows = f->g_rows_q[high_half(f)];
    int64_t beats = masks ? mask_beats(d, *f->m_q) : design_beats(d, (int)*f->d_q);
    fetch_read_t r = {.kind = masks ? FETCH_OF_MASK : FETCH_OF_Q};
    r.valid = masks || *f->high_q == HIGH_QUERIES;
    r.addr = masks ? f->mask_at_q : f->q_at_q;
    r.number = cut(high_half(f) * design_group_rows(d) + *f->row_q, index_w(d));
    r.beat = *f->beat_q;
    r.row_ends = r.beat == cut(beats - 1, f->beat_w);
    r.run_ends = r.row_ends && *f->row_q == cut(rows - 1, row_w(d));
    bool strip_ends = r.row_ends && *f->strip_row_q == d->rows - 1;
    r.last = !masks && (r.run_ends || strip_ends);
    return r;
}

static fetch_read_t next_read(fetch_t *f)
{
    bool low = *f->low_q == LOW_KEYS || *f->low_q == LOW_QUERIES;
    bool high = *f->high_q == HIGH_QUERIES || *f->high_q == HIGH_MASKS;
    bool scoring_waits = *f->low_q == LOW_QUERIES || (low && *f->idle_q);
    return high && !scoring_waits ? high_read(f) : low_read(f);
}

static int64_t tag(const fetch_t *f, const fetch_read_t *r)
{
    int64_t what = (int64_t)r->last << 2 | r->kind;
    return (what << f->number_w | r->number) << f->beat_w | r->beat;
}

/* ---- outputs ---- */

/* The tag of an answer. */
static int64_t got_kind(const fetch_t *f)
{
    return *f->got_tag >> (f->beat_w + f->number_w) & 3;
}
static bool got_last(const fetch_t *f)
{
    return *f->got && *f->got_tag >> ((3 + f->number_w + f->beat_w) - 1);
}

static void show_beat(fetch_t *f)
{
    const design_t *d = f->d;
    int beat_w = f->beat_w;
    int64_t beat = cut(*f->got_tag, beat_w), number = cut(*f->got_tag >> beat_w, f->number_w);
    int64_t of = got_kind(f);
    *f->k_we = *f->got && of == FETCH_OF_K_LOW;
    *f->ql_we = *f->got && of == FETCH_OF_Q_LOW;
    *f->q_we = *f->got && of == FETCH_OF_Q;
    *f->m_we = *f->got && of == FETCH_OF_MASK;
    *f->k_beat = *f->ql_beat = *f->q_beat = *f->m_beat = beat;
    *f->k_key = cut(number, fixed_bits(d->keys_max));
    *f->ql_row = cut(number, fixed_bits(d->rows));
    *f->ql_file = *f->file_q;
    *f->q_index = *f->m_index = cut(number, index_w(d));
    if (f->k_data == f->got_data) return; /* all are the one array */
    size_t bytes = (size_t)d->bus_bytes / 2 * sizeof *f->got_data;
    int64_t *const data[] = {f->k_data, f->ql_data, f->q_data, f->m_data};
    for (size_t i = 0; i < sizeof data / sizeof *data; ++i) memcpy(data[i], f->got_data, bytes);
}

static void show_records(fetch_t *f)
{
    if (f->g_rows == f->g_rows_q) return; /* as all others are */
    int64_t *const shown[][2] = {
        {f->g_rows, f->g_rows_q},
        {f->g_first, f->g_first_q},
        {f->g_keys, f->g_keys_q},
        {f->g_d, f->g_d_q},
        {f->g_beats, f->g_beats_q},
        {f->g_causal, f->g_causal_q},
        {f->g_external, f->g_external_q},
        {f->g_upper, f->g_upper_q},
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
    fetch_read_t r = f->read = next_read(f);
    *f->job_ready = *f->high_q == HIGH_HEAD && *f->looked_q;
    *f->rd_valid = r.valid;
    *f->rd_addr = *r.addr;
    *f->rd_tag = tag(f, &r);
    *f->loaded = *f->loaded_q;
    *f->opened = *f->opened_q;
    *f->held = *f->held_q;
    show_beat(f);
    show_records(f);
}

/* ---- one clock edge: low ---- */

static void look_at_head(fetch_t *f)
{
    bool small = *f->j_m <= f->d->keys_max / 2;
    if (!*f->job_valid || *f->looked_q) return;
    *f->beside_q = small && *f->small_q;
    *f->upper_q = *f->beside_q && !*f->upper_q;
    *f->small_q = small;
    *f->low_m_q = *f->j_m;
    *f->low_d_q = *f->j_d;
    *f->low_left_q = *f->j_l;
    *f->k_low_at_q = *f->j_k_low;
    *f->q_low_at_q = *f->j_q_low;
    *f->looked_q = 1;
    *f->low_q = LOW_ROOM;
}

static void wait_low(fetch_t *f)
{
    switch (*f->low_q) {
    case LOW_HEAD: look_at_head(f); break;
    case LOW_ROOM:
        if (has_room(f)) *f->low_q = LOW_KEYS;
        break;
    case LOW_FILE:
        if (ahead(f) < 3) *f->low_q = LOW_QUERIES;
        break;
    default: break;
    }
}

/* The strip's reads are out. */
static void ask_strip(fetch_t *f)
{
    *f->asked_q = cut(*f->asked_q + 1, 2);
    *f->of_head_q = smaller(*f->of_head_q + 1, 3);
    *f->low_left_q -= smaller(*f->low_left_q, f->d->rows);
    *f->low_q = *f->low_left_q ? LOW_FILE : LOW_HEAD;
}

static void issue_low(fetch_t *f, const fetch_read_t *r)
{
    const design_t *d = f->d;
    *f->low_beat_q = r->row_ends ? 0 : cut(*f->low_beat_q + 1, f->beat_w);
    if (r->row_ends) *f->low_row_q = r->run_ends ? 0 : cut(*f->low_row_q + 1, low_row_w(d));
    if (!r->run_ends) return;
    if (r->kind == FETCH_OF_Q_LOW) {
        ask_strip(f);
        return;
    }
    *f->of_head_q = 0;
    *f->low_q = LOW_FILE;
}

/* ---- high ---- */

static void take_head(fetch_t *f)
{
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
    *f->high_upper_q = *f->upper_q;
    *f->q_at_q = *f->j_q;
    *f->mask_at_q = *f->j_mask;
    *f->o_at_q = *f->j_o;
    *f->left_q = *f->j_l;
    *f->first_q = 0;
    *f->looked_q = 0;
    *f->high_q = HIGH_GROUP;
}

static void open_group(fetch_t *f)
{
    const design_t *d = f->d;
    int64_t half = *f->opened_q & 1, rows = smaller(*f->left_q, design_group_rows(d));
    if (cut(*f->opened_q - *f->taken, 2) >= 2) return;
    f->g_rows_q[half] = rows;
    f->g_first_q[half] = *f->first_q;
    f->g_keys_q[half] = *f->m_q;
    f->g_d_q[half] = *f->d_q;
    f->g_beats_q[half] = cut(design_beats(d, (int)*f->d_q), g_beats_w(d));
    f->g_causal_q[half] = *f->causal_q;
    f->g_external_q[half] = *f->external_q;
    f->g_upper_q[half] = *f->high_upper_q;
    f->g_policy_q[half] = *f->policy_q;
    f->g_threshold_q[half] = *f->threshold_q;
    f->g_k_q[half] = *f->k_q;
    f->g_v_q[half] = *f->v_q;
    f->g_o_q[half] = *f->o_at_q;
    f->g_final_q[half] = *f->final_q && *f->left_q == rows;
    f->g_job_q[half] = *f->number_q;
    *f->opened_q = cut(*f->opened_q + 1, 2);
    *f->left_q -= rows;
    *f->first_q = cut(*f->first_q + rows, fixed_bits(d->keys_max + 1));
    *f->high_q = *f->external_q ? HIGH_MASKS : HIGH_QUERIES;
}

static void issue_high(fetch_t *f, const fetch_read_t *r)
{
    const design_t *d = f->d;
    bool query = r->kind == FETCH_OF_Q, strip_ends = *f->strip_row_q == d->rows - 1;
    if (query) *f->o_at_q = cut(*f->o_at_q + d->bus_bytes, d->addr_w);
    *f->beat_q = r->row_ends ? 0 : cut(*f->beat_q + 1, f->beat_w);
    if (!r->row_ends) return;
    *f->strip_row_q = r->run_ends || strip_ends ? 0 : *f->strip_row_q + 1;
    *f->row_q = r->run_ends ? 0 : cut(*f->row_q + 1, row_w(d));
    if (!r->run_ends) return;
    *f->high_q = !query ? HIGH_QUERIES : *f->left_q ? HIGH_GROUP : HIGH_HEAD;
}

/* ---- both ---- */

static void count_answer(fetch_t *f)
{
    if (!got_last(f)) return;
    switch (got_kind(f)) {
    case FETCH_OF_Q_LOW:
        *f->loaded_q = cut(*f->loaded_q + 1, 2);
        *f->file_q = *f->file_q == 2 ? 0 : *f->file_q + 1;
        break;
    case FETCH_OF_Q: *f->held_q = cut(*f->held_q + 1, design_held_w(f->d)); break;
    default: break;
    }
}

void fetch_tick(void *self)
{
    fetch_t *f = self;
    fetch_read_t r = f->read; /* of registers, as eval found it */
    bool takes = *f->job_valid && *f->high_q == HIGH_HEAD && *f->looked_q;
    *f->idle_q = !ahead(f);
    wait_low(f);
    if (takes)
        take_head(f);
    else if (*f->high_q == HIGH_GROUP)
        open_group(f);
    count_answer(f);
    if (!r.valid || !*f->rd_ready) return;
    *r.addr = cut(*r.addr + f->d->bus_bytes, f->d->addr_w);
    if (r.low)
        issue_low(f, &r);
    else
        issue_high(f, &r);
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
        {"taken", SIGNAL_IN, FIELD(taken), 2, .codes = 4,
         .meaning = "groups whose half is free again, modulo 4"},
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
        {"rd_tag", SIGNAL_OUT, FIELD(rd_tag), design_tag_w(d), .meaning = "last, kind, number, beat"},
        {"loaded", SIGNAL_OUT, FIELD(loaded), 2, .meaning = "strips loaded, modulo 4"},
        {"opened", SIGNAL_OUT, FIELD(opened), 2, .meaning = "groups that have a record, modulo 4"},
        {"held", SIGNAL_OUT, FIELD(held), design_held_w(d), .meaning = "strips whose queries are there"},
        {"k_we", SIGNAL_OUT, FIELD(k_we), 1, .meaning = "a low-bit key"},
        {"k_key", SIGNAL_OUT, FIELD(k_key), key, .meaning = "its place"},
        {"k_beat", SIGNAL_OUT, FIELD(k_beat), beat, .meaning = "beat of its record"},
        {"k_data", SIGNAL_OUT, FIELD(k_data), 16, .dims = 1, .n = {bus}},
        {"ql_we", SIGNAL_OUT, FIELD(ql_we), 1, .meaning = "a low-bit query"},
        {"ql_file", SIGNAL_OUT, FIELD(ql_file), 2, .meaning = "file of its strip"},
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
        RECORD(g_upper, 1, "the low-bit keys lie in the upper places"),
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
        REG(low_q, 3, .meaning = "head room keys file queries"),
        REG(looked_q, 1, .meaning = "low has looked at the job that is offered"),
        REG(asked_q, 2, .meaning = "strips whose low-bit queries are asked for"),
        REG(idle_q, 1, .meaning = "all strips that are asked for were scored in the cycle before"),
        REG(of_head_q, 2, .meaning = "of the head, at most 3"),
        REG(low_m_q, len),
        REG(low_d_q, fixed_bits(d->head_max + 1)),
        REG(low_left_q, len, .meaning = "queries of the head that are not asked for"),
        REG(small_q, 1, .meaning = "two such heads' keys fit"),
        REG(beside_q, 1, .meaning = "the keys lie beside those of the head before"),
        REG(upper_q, 1, .meaning = "in the upper places"),
        REG(k_low_at_q, addr, .meaning = "of the next beat of k_low"),
        REG(q_low_at_q, addr),
        REG(low_row_q, low_row_w(d), .meaning = "key or row that is read"),
        REG(low_beat_q, design_beat_w(d), .meaning = "its beat"),
        REG(high_q, 2, .meaning = "head group queries masks"),
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
        REG(high_upper_q, 1),
        REG(q_at_q, addr, .meaning = "of the next beat of q"),
        REG(mask_at_q, addr),
        REG(o_at_q, addr, .meaning = "output of the query at q_at_q"),
        REG(left_q, len, .meaning = "queries of the head that are in no group yet"),
        REG(first_q, len, .meaning = "queries of the head that are"),
        REG(row_q, row_w(d), .meaning = "row of the group that is read"),
        REG(strip_row_q, fixed_bits(d->rows), .meaning = "of its strip"),
        REG(beat_q, design_beat_w(d), .meaning = "its beat"),
        REG(loaded_q, 2),
        REG(file_q, 2, .meaning = "of the low-bit queries to come"),
        REG(opened_q, 2),
        REG(held_q, design_held_w(d)),
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
