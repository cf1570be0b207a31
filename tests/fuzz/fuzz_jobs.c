/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Job descriptors, and everything else that a host leaves in memory. The first byte chooses the design and
 * the model, seven are the machine's registers (queue, status, limit of 16 bits, count of 8), the rest is the
 * memory from address 0 on; what is beyond it is 0.
 *
 * Whatever lies there, the machine ends its run, asks for nothing outside its limit and leaves, byte for
 * byte, what golden leaves. Jobs that read what another writes are the page's one exception (docs/machine.md,
 * "none may read what another writes"): of those the end of the run is demanded, and that nothing lies
 * outside.
 */
#include "../../include/sanger/host.h"
#include "../../model/golden.h"
#include "../../model/machine_pass.h"
#include "../../sim/machine_run.h"
#include "../../sim/paths.h"
#include "fuzz.h"

/* Of 256 first bytes, those for the stepped model: it takes ten times as long. */
enum { STEPPED_FROM = 240 };
enum { MEMORY = 2048, HEAD = 8, JOBS_MAX = 16, RANGES_MAX = JOBS_MAX * 7 + 2 };

static const char *const designs[] = {"one_pe_6x5x1_travelling", "odd_5x7x3", "full_4x4x4_travelling",
                                      "ties_7x9x3"};
enum { DESIGNS = sizeof designs / sizeof *designs };

/* The fast model before a memory that answers at once, the stepped one before a slow one that stalls. */
typedef struct {
    design_t design;
    machine_run_t *run[2];
    golden_t *golden;
} subject_t;

static subject_t *find_subject(int number)
{
    static subject_t subject[DESIGNS];
    static const memory_config_t timing[2] = {
        {.latency = 1, .interval = 1, .depth = 64},
        {.latency = 19, .interval = 2, .depth = 3, .request_stall = 0.2, .answer_stall = 0.2, .seed = 5}};
    subject_t *s = &subject[number];
    char error[DUT_ERROR_MAX];
    if (s->golden) return s;
    must(!paths_design(designs[number], &s->design, error));
    for (int i = 0; i < 2; ++i) {
        machine_run_config_t c = {.design = &s->design,
                                  .type = i ? &machine_type : &machine_pass_type,
                                  .x_seed = 3,
                                  .memory = timing[i]};
        c.memory.bytes = MEMORY;
        c.memory.beat = s->design.bus_bytes;
        must(!machine_run_open(&s->run[i], &c, error));
    }
    s->golden = golden_open(&s->design);
    must(s->golden);
    return s;
}

/* ---- what is read and written ---- */

typedef struct {
    uint64_t begin, end;
    int job; /* -1: the machine's own */
    bool written;
} range_t;

static void add_job(const design_t *d, const golden_run_t *run, int job, range_t *range, int *n)
{
    const sanger_layout_t layout = {d->bus_bytes, d->columns, d->operand_w};
    const uint8_t *from = run->memory + run->queue + (uint64_t)job * SANGER_JOB_BYTES;
    uint64_t L = sanger_get32(from + 4) & 0xffff, M = sanger_get32(from + 4) >> 16;
    uint64_t heads = sanger_get32(from + 44) & 0xffff;
    int head_size = from[8];
    bool external = from[9] >> 1 & 1;
    uint64_t row = sanger_row_bytes(&layout, head_size), low = sanger_low_bytes(&layout, head_size);
    const uint64_t bytes[7] = {
        L * row, M * row, M * row, L * low, M * low, L * sanger_mask_bytes(&layout, (int)M), L * row};
    for (int x = 0; x < 7; ++x) {
        uint64_t at = sanger_get32(from + 16 + 4 * x);
        if (x == 5 && !external) continue;
        range[(*n)++] = (range_t){at, at + heads * bytes[x], job, x == 6};
    }
}

static bool meet(const range_t *a, const range_t *b)
{
    return a->job != b->job && (a->written || b->written) && a->begin < b->end && b->begin < a->end;
}

/* True when the page says what must be left. */
static bool is_specified(const design_t *d, const golden_run_t *run)
{
    range_t range[RANGES_MAX];
    int n = 0;
    uint64_t status = run->status, count = (uint64_t)run->count;
    range[n++] = (range_t){status, status + count * (uint64_t)d->bus_bytes, -1, true};
    range[n++] = (range_t){run->queue, run->queue + count * SANGER_JOB_BYTES, -2, false};
    for (int job = 0; job < run->count; ++job) {
        if (!golden_check(d, run, job)) add_job(d, run, job, range, &n);
    }
    for (int i = 0; i < n; ++i) {
        for (int k = 0; k < i; ++k) {
            if (meet(&range[i], &range[k])) return false;
        }
    }
    return true;
}

/* An area outside ends the run before a descriptor is read. */
static bool has_areas(const design_t *d, const golden_run_t *run)
{
    uint64_t beat = (uint64_t)d->bus_bytes, count = (uint64_t)run->count;
    return run->queue % beat == 0 && run->status % beat == 0 &&
           run->queue + count * SANGER_JOB_BYTES <= run->limit && run->status + count * beat <= run->limit;
}

/* ---- a run ---- */

static uint64_t get16(const uint8_t *from)
{
    return from[0] | (uint64_t)from[1] << 8;
}

static void must_be_left(const subject_t *s, const uint8_t *before, const uint8_t *after,
                         const golden_run_t *at)
{
    static uint8_t should[MEMORY];
    golden_run_t run = *at;
    golden_total_t total;
    memcpy(should, before, MEMORY);
    run.memory = should;
    must(golden_run(s->golden, &run, &total));
    must(total.done + total.failed == run.count);
    for (int i = 0; i < MEMORY; ++i) must(after[i] == should[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t before[MEMORY];
    uint64_t cycles;
    if (size < HEAD || size > HEAD + MEMORY) return 0;
    subject_t *s = find_subject(data[0] % DESIGNS);
    machine_run_t *machine = s->run[data[0] >= STEPPED_FROM];
    memset(before, 0, sizeof before);
    memcpy(before, data + HEAD, size - HEAD);
    const golden_run_t run = {.memory = before,
                              .queue = get16(data + 1),
                              .status = get16(data + 3),
                              .limit = get16(data + 5) % (MEMORY + 1),
                              .count = data[7] % (JOBS_MAX + 1)};
    const machine_start_t start = {run.queue, run.status, run.limit, run.count};
    uint8_t *bytes = memory_bytes(machine_run_memory(machine));
    memcpy(bytes, before, sizeof before);
    must(machine_run_queue(machine, &start, NULL, NULL, &cycles) == RUN_DONE);
    must(!memory_count(machine_run_memory(machine))->outside);
    for (uint64_t i = run.limit; i < MEMORY; ++i) must(bytes[i] == before[i]);
    if (has_areas(&s->design, &run) && !is_specified(&s->design, &run)) return 0;
    must_be_left(s, before, bytes, &run);
    return 0;
}
