/* SPDX-License-Identifier: Apache-2.0 */
#include "controller.h"

#include <string.h>

void controller_init(void *self, const design_t *d)
{
    ((controller_t *)self)->d = d;
}

static int64_t cut(int64_t x, int w)
{
    return (int64_t)fixed_low((uint64_t)x, w);
}
static int desc_beats(const design_t *d)
{
    return JOB_BYTES / d->bus_bytes;
}

/* ---- the descriptor ---- */

/* Bits `from` to `from + w - 1` of word n. */
static int64_t field(const controller_t *c, int n, int from, int w)
{
    return cut(c->desc_q[n] >> from, w);
}
static int64_t queries(const controller_t *c)
{
    return field(c, 1, 0, 16);
}
static int64_t keys(const controller_t *c)
{
    return field(c, 1, 16, 16);
}
static int64_t head_size(const controller_t *c)
{
    return field(c, 2, 0, 8);
}
static bool external(const controller_t *c)
{
    return field(c, 2, 9, 1);
}
static int64_t heads(const controller_t *c)
{
    return field(c, 11, 0, 16);
}
static int64_t address(const controller_t *c, int matrix)
{
    return c->desc_q[4 + matrix];
}
static bool used(const controller_t *c, int matrix)
{
    return matrix != JOB_MASK || external(c);
}

/* ---- checks ---- */

static bool reserved_bits(const controller_t *c)
{
    int64_t all = field(c, 2, 12, 20) | field(c, 11, 16, 16);
    for (int n = 12; n < JOB_WORDS; ++n) all |= c->desc_q[n];
    return all != 0;
}

static bool misaligned(const controller_t *c)
{
    for (int matrix = 0; matrix < JOB_MATRICES; ++matrix) {
        if (used(c, matrix) && address(c, matrix) % c->d->bus_bytes) return true;
    }
    return false;
}

/* The first of codes 1 to 5 that applies. */
static job_code_t early_code(const controller_t *c)
{
    const design_t *d = c->d;
    if (c->desc_q[0] != JOB_VERSION || reserved_bits(c) || field(c, 2, 10, 2) == 3) return JOB_BAD_VERSION;
    if (!queries(c) || queries(c) > d->keys_max || !keys(c) || keys(c) > d->keys_max) return JOB_BAD_LENGTH;
    if (!head_size(c) || head_size(c) > d->head_max) return JOB_BAD_HEAD_SIZE;
    if (!heads(c)) return JOB_NO_HEADS;
    return misaligned(c) ? JOB_MISALIGNED : JOB_DONE;
}

static job_code_t late_code(const controller_t *c)
{
    if (*c->beyond_q) return JOB_BEYOND_LIMIT;
    if (*c->overlap_q) return JOB_OVERLAP;
    return c->desc_q[3] >> c->d->threshold.w ? JOB_BAD_THRESHOLD : JOB_DONE;
}

static int64_t rows(const controller_t *c, int matrix)
{
    return matrix == JOB_K || matrix == JOB_V || matrix == JOB_K_LOW ? keys(c) : queries(c);
}

static int64_t row_beats(const controller_t *c, int matrix)
{
    const design_t *d = c->d;
    int per_beat = d->columns * design_mask_lanes(d);
    if (matrix == JOB_MASK) return (keys(c) + per_beat - 1) / per_beat;
    if (matrix == JOB_Q_LOW || matrix == JOB_K_LOW) return design_low_record_beats(d, (int)head_size(c));
    return design_beats(d, (int)head_size(c));
}

static bool meet(int64_t begin, int64_t end, int64_t other, int64_t other_end)
{
    return begin < other_end && other < end;
}

static int64_t queue_end(const controller_t *c)
{
    return *c->queue_q + *c->count_q * JOB_BYTES;
}
static int64_t status_end(const controller_t *c)
{
    return *c->status_q + *c->count_q * c->d->bus_bytes;
}

static bool areas_bad(const controller_t *c)
{
    return *c->queue_q % c->d->bus_bytes || *c->status_q % c->d->bus_bytes || queue_end(c) > *c->limit_q ||
           status_end(c) > *c->limit_q;
}

/* ---- outputs ---- */

static bool fin_ready(const controller_t *c)
{
    return *c->state_q != CONTROLLER_IDLE && *c->state_q != CONTROLLER_STATUS && !*c->wr_valid_q;
}

static void show_job(controller_t *c)
{
    const design_t *d = c->d;
    int64_t *const at[] = {c->j_q, c->j_k, c->j_v, c->j_q_low, c->j_k_low, c->j_mask, c->j_o};
    int len_w = fixed_bits(d->keys_max + 1);
    *c->job_valid = *c->state_q == CONTROLLER_OFFER;
    *c->j_l = cut(queries(c), len_w);
    *c->j_m = cut(keys(c), len_w);
    *c->j_d = cut(head_size(c), fixed_bits(d->head_max + 1));
    *c->j_causal = field(c, 2, 8, 1);
    *c->j_external = external(c);
    *c->j_policy = field(c, 2, 10, 2);
    *c->j_threshold = cut(c->desc_q[3], d->threshold.w);
    *c->j_final = *c->left_q == 1;
    *c->j_number = *c->number_q;
    for (int matrix = 0; matrix < JOB_MATRICES; ++matrix) *at[matrix] = c->at_q[matrix];
}

static void show_status(controller_t *c)
{
    const design_t *d = c->d;
    *c->wr_valid = *c->wr_valid_q;
    *c->wr_addr = cut(*c->status_q + *c->wr_job_q * d->bus_bytes, d->addr_w);
    memset(c->wr_data, 0, (size_t)d->bus_bytes / 2 * sizeof *c->wr_data);
    c->wr_data[0] = *c->wr_code_q;
    c->wr_data[1] = 0x8000;
    c->wr_data[2] = *c->wr_job_q;
}

void controller_eval(void *self)
{
    controller_t *c = self;
    const design_t *d = c->d;
    *c->busy = *c->state_q != CONTROLLER_IDLE;
    *c->finished = *c->finished_q;
    *c->failed = *c->failed_q;
    *c->rd_valid = *c->state_q == CONTROLLER_READ && *c->asked_q < desc_beats(d);
    *c->rd_addr = cut(*c->queue_q + *c->number_q * JOB_BYTES + *c->asked_q * d->bus_bytes, d->addr_w);
    *c->fin_ready = fin_ready(c);
    show_job(c);
    show_status(c);
}

/* ---- one clock edge ---- */

static void begin(controller_t *c)
{
    int64_t above = INT64_C(1) << c->d->addr_w;
    if (!*c->start) return;
    *c->queue_q = *c->queue;
    *c->status_q = *c->status;
    *c->count_q = *c->count;
    *c->limit_q = *c->limit < above ? *c->limit : above;
    *c->finished_q = *c->failed_q = 0;
    *c->number_q = 0;
    *c->state_q = CONTROLLER_AREAS;
}

static void read_job(controller_t *c)
{
    *c->asked_q = *c->answered_q = 0;
    *c->state_q = CONTROLLER_READ;
}

static void check_areas(controller_t *c)
{
    *c->state_q = CONTROLLER_IDLE;
    if (!*c->count_q) return;
    if (areas_bad(c))
        *c->failed_q = *c->count_q;
    else
        read_job(c);
}

static void next_job(controller_t *c)
{
    ++*c->number_q; /* at most count */
    if (*c->number_q == *c->count_q)
        *c->state_q = CONTROLLER_WAIT;
    else
        read_job(c);
}

static void take_beat(controller_t *c)
{
    const design_t *d = c->d;
    int words = d->bus_bytes / 4, beat = (int)*c->answered_q;
    for (int n = 0; n < words; ++n) {
        c->desc_q[beat * words + n] = c->got_data[2 * n] | c->got_data[2 * n + 1] << 16;
    }
    if (++*c->answered_q == desc_beats(d)) *c->state_q = CONTROLLER_CHECK;
}

static void read_descriptor(controller_t *c)
{
    if (*c->rd_valid && *c->rd_ready) ++*c->asked_q;
    if (*c->got) take_beat(c);
}

static void fail(controller_t *c, job_code_t code)
{
    *c->code_q = code;
    *c->state_q = CONTROLLER_STATUS;
}

static void check(controller_t *c)
{
    job_code_t code = early_code(c);
    *c->beyond_q = *c->overlap_q = 0;
    *c->matrix_q = JOB_O; /* the others are compared with it */
    if (code)
        fail(c, code);
    else
        *c->state_q = CONTROLLER_ROWS;
}

static void place(controller_t *c)
{
    const design_t *d = c->d;
    int matrix = (int)*c->matrix_q;
    int64_t from = address(c, matrix), to = from + *c->span_q * d->bus_bytes, o = address(c, JOB_O);
    bool overlap = used(c, matrix) && meet(from, to, o, *c->o_end_q);
    if (matrix == JOB_O) {
        *c->o_end_q = to;
        overlap = meet(from, to, *c->queue_q, queue_end(c)) || meet(from, to, *c->status_q, status_end(c));
    }
    if (overlap) *c->overlap_q = 1;
    if (used(c, matrix) && to > *c->limit_q) *c->beyond_q = 1;
    *c->state_q = matrix == JOB_MASK ? CONTROLLER_VERDICT : CONTROLLER_ROWS;
    *c->matrix_q = matrix == JOB_O ? JOB_Q : matrix + 1;
}

static void judge(controller_t *c)
{
    job_code_t code = late_code(c);
    if (code) {
        fail(c, code);
        return;
    }
    for (int matrix = 0; matrix < JOB_MATRICES; ++matrix)
        c->at_q[matrix] = cut(address(c, matrix), c->d->addr_w);
    *c->left_q = heads(c);
    *c->state_q = CONTROLLER_OFFER;
}

static void offer(controller_t *c)
{
    if (!*c->job_ready) return;
    for (int matrix = 0; matrix < JOB_MATRICES; ++matrix) {
        c->at_q[matrix] = cut(c->at_q[matrix] + c->step_q[matrix], c->d->addr_w);
    }
    *c->left_q = cut(*c->left_q - 1, 16);
    if (!*c->left_q) next_job(c);
}

static void write_status(controller_t *c, int64_t job, int64_t code)
{
    *c->wr_valid_q = 1;
    *c->wr_job_q = job;
    *c->wr_code_q = code;
}

/* A failed job or a finished one takes the writer; a written status empties it. */
static void tick_writer(controller_t *c)
{
    if (*c->wr_valid_q) {
        if (!*c->wr_ready) return;
        *c->wr_valid_q = 0;
        int64_t *counter = *c->wr_code_q ? c->failed_q : c->finished_q;
        *counter = cut(*counter + 1, 16);
    } else if (*c->state_q == CONTROLLER_STATUS) {
        write_status(c, *c->number_q, *c->code_q);
        next_job(c);
    } else if (fin_ready(c) && *c->fin_valid) {
        write_status(c, *c->fin_job, JOB_DONE);
    }
}

void controller_tick(void *self)
{
    controller_t *c = self;
    int64_t written = *c->finished_q + *c->failed_q;
    controller_state_t state = (controller_state_t)*c->state_q;
    tick_writer(c); /* before a run's end or start: both are about counters as they were */
    switch (state) {
    case CONTROLLER_IDLE: begin(c); break;
    case CONTROLLER_AREAS: check_areas(c); break;
    case CONTROLLER_READ: read_descriptor(c); break;
    case CONTROLLER_CHECK: check(c); break;
    case CONTROLLER_ROWS:
        *c->head_q = rows(c, (int)*c->matrix_q) * row_beats(c, (int)*c->matrix_q);
        *c->state_q = CONTROLLER_SPAN;
        break;
    case CONTROLLER_SPAN:
        *c->span_q = *c->head_q * heads(c);
        c->step_q[*c->matrix_q] = cut(*c->head_q * c->d->bus_bytes, c->d->addr_w);
        *c->state_q = CONTROLLER_PLACE;
        break;
    case CONTROLLER_PLACE: place(c); break;
    case CONTROLLER_VERDICT: judge(c); break;
    case CONTROLLER_OFFER: offer(c); break;
    case CONTROLLER_STATUS: break; /* the writer goes on when it is empty */
    default:
        if (written >= *c->count_q) *c->state_q = CONTROLLER_IDLE;
        break;
    }
}

/* ---- signals ---- */

#define FIELD(member) offsetof(controller_t, member)
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

static int add_inputs(const design_t *d, signal_t *table)
{
    const int addr = d->addr_w;
    const signal_t all[] = {
        {"start", SIGNAL_IN, FIELD(start), 1, .codes = 2, .weights = "31", .meaning = "no yes"},
        {"queue", SIGNAL_IN, FIELD(queue), addr, .meaning = "address of the first descriptor"},
        {"status", SIGNAL_IN, FIELD(status), addr, .meaning = "address of job 0's status"},
        {"count", SIGNAL_IN, FIELD(count), 16, .meaning = "jobs"},
        {"limit", SIGNAL_IN, FIELD(limit), addr + 1, .meaning = "bytes of memory"},
        {"rd_ready", SIGNAL_IN, FIELD(rd_ready), 1, .codes = 2, .weights = "13", .meaning = "no yes"},
        {"got", SIGNAL_IN, FIELD(got), 1, .codes = 2, .weights = "12", .meaning = "no yes"},
        {"got_data", SIGNAL_IN, FIELD(got_data), 16, .dims = 1, .n = {d->bus_bytes / 2},
         .meaning = "the beat"},
        {"wr_ready", SIGNAL_IN, FIELD(wr_ready), 1, .codes = 2, .weights = "13", .meaning = "no yes"},
        {"job_ready", SIGNAL_IN, FIELD(job_ready), 1, .codes = 2, .weights = "13", .meaning = "no yes"},
        {"fin_valid", SIGNAL_IN, FIELD(fin_valid), 1, .codes = 2, .weights = "31", .meaning = "no yes"},
        {"fin_job", SIGNAL_IN, FIELD(fin_job), 16, .meaning = "job whose outputs are written"},
    };
    return ADD(table, 0, all);
}

static int add_outputs(const design_t *d, signal_t *table, int n)
{
    const int addr = d->addr_w, len = fixed_bits(d->keys_max + 1);
    const signal_t all[] = {
        {"busy", SIGNAL_OUT, FIELD(busy), 1, .meaning = "a run is on"},
        {"finished", SIGNAL_OUT, FIELD(finished), 16, .meaning = "statuses of code 0 written"},
        {"failed", SIGNAL_OUT, FIELD(failed), 16, .meaning = "statuses of other codes"},
        {"rd_valid", SIGNAL_OUT, FIELD(rd_valid), 1, .meaning = "a beat of a descriptor is asked for"},
        {"rd_addr", SIGNAL_OUT, FIELD(rd_addr), addr, .meaning = "its address"},
        {"wr_valid", SIGNAL_OUT, FIELD(wr_valid), 1, .meaning = "a status"},
        {"wr_addr", SIGNAL_OUT, FIELD(wr_addr), addr, .meaning = "its address"},
        {"wr_data", SIGNAL_OUT, FIELD(wr_data), 16, .dims = 1, .n = {d->bus_bytes / 2}},
        {"job_valid", SIGNAL_OUT, FIELD(job_valid), 1, .meaning = "a head is offered"},
        {"j_l", SIGNAL_OUT, FIELD(j_l), len, .meaning = "queries"},
        {"j_m", SIGNAL_OUT, FIELD(j_m), len, .meaning = "keys"},
        {"j_d", SIGNAL_OUT, FIELD(j_d), fixed_bits(d->head_max + 1), .meaning = "head size"},
        {"j_causal", SIGNAL_OUT, FIELD(j_causal), 1, .meaning = "query i sees keys 0 .. i"},
        {"j_external", SIGNAL_OUT, FIELD(j_external), 1, .meaning = "mask bits come from memory"},
        {"j_policy", SIGNAL_OUT, FIELD(j_policy), 2, .meaning = "rows that keep nothing: zero dense top1"},
        {"j_threshold", SIGNAL_OUT, FIELD(j_threshold), d->threshold.w, d->threshold.frac, .meaning = "T"},
        {"j_q", SIGNAL_OUT, FIELD(j_q), addr, .meaning = "address of the head's q"},
        {"j_k", SIGNAL_OUT, FIELD(j_k), addr, .meaning = "of k"},
        {"j_v", SIGNAL_OUT, FIELD(j_v), addr, .meaning = "of v"},
        {"j_q_low", SIGNAL_OUT, FIELD(j_q_low), addr, .meaning = "of q_low"},
        {"j_k_low", SIGNAL_OUT, FIELD(j_k_low), addr, .meaning = "of k_low"},
        {"j_mask", SIGNAL_OUT, FIELD(j_mask), addr, .meaning = "of mask"},
        {"j_o", SIGNAL_OUT, FIELD(j_o), addr, .meaning = "of o"},
        {"j_final", SIGNAL_OUT, FIELD(j_final), 1, .meaning = "last head of the job"},
        {"j_number", SIGNAL_OUT, FIELD(j_number), 16, .meaning = "the job's number"},
        {"fin_ready", SIGNAL_OUT, FIELD(fin_ready), 1, .meaning = "a finished job is taken"},
    };
    return ADD(table, n, all);
}

static int add_registers(const design_t *d, signal_t *table, int n)
{
    const int addr = d->addr_w, beats = fixed_bits(desc_beats(d) + 1);
    const signal_t all[] = {
        REG(state_q, 4, .meaning = "idle areas read check rows span place verdict offer status wait"),
        REG(queue_q, addr),
        REG(status_q, addr),
        REG(count_q, 16),
        REG(limit_q, addr + 1),
        REG(finished_q, 16),
        REG(failed_q, 16),
        REG(number_q, 16, .meaning = "job at hand"),
        REG(asked_q, beats, .meaning = "beats of its descriptor asked for"),
        REG(answered_q, beats, .meaning = "and here"),
        REG(desc_q, 32, .dims = 1, .n = {JOB_WORDS}, .meaning = "its descriptor"),
        REG(matrix_q, 3, .meaning = "q k v q_low k_low mask o"),
        REG(head_q, CONTROLLER_SPAN_W, .meaning = "beats of a head's matrix"),
        REG(span_q, CONTROLLER_SPAN_W, .meaning = "of all heads'"),
        REG(o_end_q, CONTROLLER_END_W, .meaning = "address behind o"),
        REG(beyond_q, 1, .meaning = "a matrix ends above the limit"),
        REG(overlap_q, 1, .meaning = "o overlaps something"),
        REG(step_q, addr, .dims = 1, .n = {JOB_MATRICES}, .meaning = "bytes of a head's matrix"),
        REG(at_q, addr, .dims = 1, .n = {JOB_MATRICES}, .meaning = "addresses of the head offered"),
        REG(left_q, 16, .meaning = "heads not yet taken"),
        REG(code_q, 4, .meaning = "why the job fails"),
        REG(wr_valid_q, 1),
        REG(wr_job_q, 16),
        REG(wr_code_q, 4),
    };
    return ADD(table, n, all);
}

static int controller_signals(const design_t *d, signal_t *table)
{
    int n = add_inputs(d, table);
    n = add_outputs(d, table, n);
    return add_registers(d, table, n);
}

static bool controller_fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t controller_type = {
    .name = "controller",
    .summary = "reads and checks job descriptors, offers heads, writes statuses",
    .size = sizeof(controller_t),
    .clocked = true,
    .signals = controller_signals,
    .init = controller_init,
    .eval = controller_eval,
    .tick = controller_tick,
    .fits = controller_fits,
};
