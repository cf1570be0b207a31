/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Job descriptors as they are read, without the work that follows (fuzz_jobs has it): the first byte chooses
 * the design, then come the machine's registers (queue and status of 32 bits, limit of 40, count of 16), the
 * rest are the first descriptors of the queue, cut off ones filled up with 0.
 *
 * The controller reads the descriptors and nothing else, writes one status a job and offers the heads of good
 * ones alone. Its code is golden's and, for well-formed words, host.h's packing of the fields gives the words
 * again. What is offered lies as host.h lays it out, below the limit.
 */
#include "../../include/sanger/host.h"
#include "../../model/controller.h"
#include "../../model/golden.h"
#include "../../sim/memory.h"
#include "../../sim/paths.h"
#include "fuzz.h"

enum {
    HEAD = 16,
    JOBS_MAX = 3,
    HEADS_SEEN = 4, /* of a job: the others move on in the same way */
    CYCLES_MAX = 200
};

static const char *const designs[] = {"one_pe_6x5x1_travelling", "odd_5x7x3_travelling",
                                      "full_4x4x4_travelling", "ties_7x9x3_travelling", "paper_64x16"};
enum { DESIGNS = sizeof designs / sizeof *designs };

typedef struct {
    design_t design;
    block_t *block;
} subject_t;

static subject_t *find_subject(int number)
{
    static subject_t subject[DESIGNS];
    subject_t *s = &subject[number];
    char error[DESIGN_ERROR_MAX];
    if (s->block) return s;
    must(!paths_design(designs[number], &s->design, error));
    s->block = block_open(&controller_type, &s->design);
    must(s->block);
    return s;
}

/* A run: where the descriptors lie, and how far the controller has come. */
typedef struct {
    const design_t *d;
    block_t *block;
    controller_t *c;
    uint64_t queue, status, limit;
    int64_t count;
    uint8_t bytes[(JOBS_MAX + 1) * SANGER_JOB_BYTES]; /* the last is read while a status is on its way */
    int jobs;                                         /* with bytes */
    int beats, head, answered, done;                  /* read; offered of the job at hand; statuses */
} run_t;

static uint64_t get(const uint8_t *from, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value |= (uint64_t)from[i] << 8 * i;
    return value;
}

/* ---- the page ---- */

static bool has_areas(const run_t *r)
{
    uint64_t beat = (uint64_t)r->d->bus_bytes, count = (uint64_t)r->count;
    return r->queue % beat == 0 && r->status % beat == 0 && r->queue + count * SANGER_JOB_BYTES <= r->limit &&
           r->status + count * beat <= r->limit;
}

static int expected_code(const run_t *r, int job)
{
    /* golden adds the queue's address */
    golden_run_t run = {.memory = (uint8_t *)((uintptr_t)r->bytes - r->queue),
                        .limit = r->limit,
                        .queue = r->queue,
                        .status = r->status,
                        .count = (int)r->count};
    return golden_check(r->d, &run, job);
}

static sanger_job_t unpack(const uint8_t *from)
{
    uint32_t flags = sanger_get32(from + 8);
    return (sanger_job_t){.queries = (uint16_t)get(from + 4, 2),
                          .keys = (uint16_t)get(from + 6, 2),
                          .head_size = from[8],
                          .causal = flags >> 8 & 1,
                          .external = flags >> 9 & 1,
                          .empty = (sanger_empty_t)(flags >> 10 & 3),
                          .threshold = sanger_get32(from + 12),
                          .q = sanger_get32(from + 16),
                          .k = sanger_get32(from + 20),
                          .v = sanger_get32(from + 24),
                          .q_low = sanger_get32(from + 28),
                          .k_low = sanger_get32(from + 32),
                          .mask = sanger_get32(from + 36),
                          .o = sanger_get32(from + 40),
                          .heads = (uint16_t)get(from + 44, 2)};
}

static sanger_job_t job_of(const run_t *r, int job)
{
    return unpack(r->bytes + job * SANGER_JOB_BYTES);
}

static void must_be_packed(const run_t *r, int job, int code)
{
    uint8_t again[SANGER_JOB_BYTES];
    sanger_job_t j = job_of(r, job);
    sanger_job_pack(&j, again);
    bool well_formed = !memcmp(again, r->bytes + job * SANGER_JOB_BYTES, sizeof again) && (int)j.empty != 3;
    must(well_formed == (code != SANGER_BAD_FORM));
}

/* Bytes of a head's matrices, q k v q_low k_low mask o. */
static void head_bytes(const run_t *r, const sanger_job_t *j, uint64_t bytes[JOB_MATRICES])
{
    const sanger_layout_t layout = {r->d->bus_bytes, r->d->columns, r->d->operand_w};
    uint64_t row = sanger_row_bytes(&layout, j->head_size), low = sanger_low_bytes(&layout, j->head_size);
    bytes[JOB_Q] = bytes[JOB_O] = j->queries * row;
    bytes[JOB_K] = bytes[JOB_V] = j->keys * row;
    bytes[JOB_Q_LOW] = j->queries * low;
    bytes[JOB_K_LOW] = j->keys * low;
    bytes[JOB_MASK] = j->queries * sanger_mask_bytes(&layout, j->keys);
}

/* ---- what the controller does ---- */

static void must_be_head(const run_t *r)
{
    const controller_t *c = r->c;
    const int job = (int)*c->j_number;
    const sanger_job_t j = job_of(r, job);
    const int64_t at[] = {*c->j_q, *c->j_k, *c->j_v, *c->j_q_low, *c->j_k_low, *c->j_mask, *c->j_o};
    const uint64_t from[] = {j.q, j.k, j.v, j.q_low, j.k_low, j.mask, j.o};
    uint64_t bytes[JOB_MATRICES];
    must((job + 1) * SANGER_JOB_BYTES == r->beats * r->d->bus_bytes);
    must(expected_code(r, job) == SANGER_DONE);
    must(*c->j_l == j.queries && *c->j_m == j.keys && *c->j_d == j.head_size);
    must(*c->j_causal == j.causal && *c->j_external == j.external && *c->j_policy == (int64_t)j.empty);
    must(*c->j_threshold == j.threshold && *c->j_final == (r->head + 1 == j.heads));
    head_bytes(r, &j, bytes);
    for (int x = 0; x < JOB_MATRICES; ++x) {
        if (x == JOB_MASK && !j.external) continue;
        must((uint64_t)at[x] == from[x] + (uint64_t)r->head * bytes[x]);
        must(from[x] + j.heads * bytes[x] <= r->limit && at[x] % r->d->bus_bytes == 0);
    }
}

static void must_be_status(run_t *r)
{
    uint8_t beat[MEMORY_BEAT_MAX];
    memory_from_elements(r->c->wr_data, r->d->bus_bytes, beat);
    sanger_status_t status = sanger_status_read(beat);
    int code = expected_code(r, r->answered);
    must((uint64_t)*r->c->wr_addr == r->status + (uint64_t)(r->answered * r->d->bus_bytes));
    must(status.written && status.code == (unsigned)code && status.job == (uint32_t)r->answered);
    must(strcmp(sanger_code_text(status.code), "unknown code") != 0);
    must_be_packed(r, r->answered, code);
    ++r->answered;
    r->done += code == SANGER_DONE;
}

static void give_beat(run_t *r)
{
    controller_t *c = r->c;
    uint64_t offset = (uint64_t)(r->beats++ * r->d->bus_bytes);
    must(offset < sizeof r->bytes && offset / SANGER_JOB_BYTES < (uint64_t)r->count);
    memory_to_elements(r->bytes + offset, r->d->bus_bytes, c->got_data);
    *c->got = 1;
}

/* A cycle: a memory that answers in the next one; fetch takes every head, drain reports the job's last. */
static void step(run_t *r)
{
    controller_t *c = r->c;
    controller_eval(c);
    const uint64_t address = (uint64_t)*c->rd_addr;
    const int64_t job = *c->j_number;
    bool reads = *c->rd_valid, writes = *c->wr_valid, head = *c->job_valid;
    bool reported = *c->fin_valid && *c->fin_ready, final = head && *c->j_final;
    if (head) must_be_head(r), ++r->head;
    if (writes) must_be_status(r);
    controller_tick(c);
    *c->got = 0;
    must(!reads || address == r->queue + (uint64_t)(r->beats * r->d->bus_bytes));
    if (reads) give_beat(r);
    if (reported) *c->fin_valid = 0;
    if (final) *c->fin_valid = 1, *c->fin_job = job, r->head = 0;
}

static void start(run_t *r)
{
    controller_t *c = r->c;
    block_reset(r->block);
    *c->queue = (int64_t)r->queue, *c->status = (int64_t)r->status;
    *c->limit = (int64_t)r->limit, *c->count = r->count;
    *c->rd_ready = *c->wr_ready = *c->job_ready = 1;
    *c->fin_valid = *c->got = 0;
    *c->start = 1;
    controller_eval(c);
    controller_tick(c);
    *c->start = 0;
    controller_eval(c);
    must(*c->busy);
}

/* True when the controller has come to the end of its input. */
static bool is_over(const run_t *r)
{
    return r->answered == r->jobs || r->answered == r->count || r->head == HEADS_SEEN;
}

static void must_end(run_t *r)
{
    controller_t *c = r->c;
    step(r);
    controller_eval(c);
    must(!*c->busy && *c->finished == r->done && *c->failed == r->count - r->done);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static run_t r;
    if (size < HEAD) return 0;
    subject_t *s = find_subject(data[0] % DESIGNS);
    const uint64_t space = UINT64_C(1) << s->design.addr_w;
    uint64_t limit = get(data + 9, 5) % (2 * space);
    size_t most = size - HEAD < JOBS_MAX * SANGER_JOB_BYTES ? size - HEAD : JOBS_MAX * SANGER_JOB_BYTES;
    r = (run_t){.d = &s->design, .block = s->block, .c = s->block->self};
    r.queue = get(data + 1, 4) % space, r.status = get(data + 5, 4) % space;
    r.limit = limit, r.count = (int64_t)get(data + 14, 2);
    memcpy(r.bytes, data + HEAD, most);
    r.jobs = (int)((most + SANGER_JOB_BYTES - 1) / SANGER_JOB_BYTES);
    start(&r);
    r.limit = limit < space ? limit : space; /* no address lies above */
    if (!r.count || !has_areas(&r)) {
        must_end(&r);
        must(!r.beats && !r.answered);
        return 0;
    }
    for (int cycle = 0; !is_over(&r); ++cycle) {
        must(cycle < CYCLES_MAX && *r.c->busy);
        step(&r);
    }
    if (r.answered == r.count) must_end(&r);
    return 0;
}
