/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_machine.h"

#include <stdio.h>

#include "../model/machine_pass.h"
#include "clock.h"
#include "image.h"
#include "machine_run.h"
#include "paths.h"

enum { HEADS_MAX = 16, LATENCY = 50, DEPTH = 64 };

static const char *const traces[] = {"minilm_128", "causal_tiny"};
enum { TRACES = sizeof traces / sizeof *traces };

/* The first trace that the design takes; NULL: none. */
static trace_t *open_trace(const design_t *d)
{
    for (int i = 0; i < TRACES; ++i) {
        char path[PATH_MAX_BYTES], error[TRACE_ERROR_BYTES], why[JOB_ERROR_MAX];
        trace_t *trace;
        snprintf(path, sizeof path, "%s/traces/%s.safetensors", paths_data(), traces[i]);
        if (!trace_open(path, &trace, error, sizeof error)) continue;
        const trace_layer_t *l = trace_layer(trace, 0);
        if (l->threshold && l->H <= HEADS_MAX && job_fits(d, l->L, l->M, l->d, why)) return trace;
        trace_close(trace);
    }
    return NULL;
}

bool bench_machine_fits(const design_t *d)
{
    trace_t *trace = open_trace(d);
    if (trace) trace_close(trace);
    return trace != NULL;
}

typedef struct {
    const block_t *block; /* whose arrays hold the inputs */
    tape_t *tape;
    bool ok;
} recorder_t;

static void record(void *context, const machine_t *m, uint64_t cycle)
{
    recorder_t *r = context;
    (void)m, (void)cycle;
    r->ok = r->ok && tape_add(r->tape, r->block);
}

static machine_run_config_t config_of(const design_t *d, const block_type_t *type, const image_t *image)
{
    return (machine_run_config_t){
        .design = d,
        .type = type,
        .x_seed = 1,
        .memory = {
            .bytes = image->limit, .beat = d->bus_bytes, .latency = LATENCY, .interval = 1, .depth = DEPTH}};
}

static machine_start_t start_of(const image_t *image)
{
    return (machine_start_t){image->queue, image->status, image->limit, image->count};
}

static bool hangs(const design_t *d, char error[DUT_ERROR_MAX])
{
    snprintf(error, DUT_ERROR_MAX, "machine of %s: it hangs; see sanger replay", d->name);
    return false;
}

static bool record_image(tape_t *tape, const block_t *b, const image_t *image, char error[DUT_ERROR_MAX])
{
    const machine_run_config_t config = config_of(b->design, b->type, image);
    const machine_start_t start = start_of(image);
    machine_run_t *run;
    uint64_t cycles;
    if (machine_run_open(&run, &config, error)) return false;
    image_write(image, memory_bytes(machine_run_memory(run)));
    recorder_t r = {lockstep_model(machine_run_lockstep(run)), tape, true};
    bool done = machine_run_queue(run, &start, record, &r, &cycles) == RUN_DONE;
    machine_run_close(run);
    if (!done) return hangs(b->design, error);
    snprintf(error, DUT_ERROR_MAX, "out of memory");
    return r.ok;
}

/* Cycles a second of whole queues; 0: it hangs. */
static double measure(machine_run_t *run, const machine_start_t *start, double seconds)
{
    double begin = clock_seconds(), end = begin;
    uint64_t cycles = 0, more;
    for (; end - begin < seconds; end = clock_seconds(), cycles += more) {
        if (machine_run_queue(run, start, NULL, NULL, &more) != RUN_DONE) return 0;
    }
    return (double)cycles / (end - begin);
}

static bool measure_image(const design_t *d, const image_t *image, double seconds, double *best,
                          char error[DUT_ERROR_MAX])
{
    const machine_run_config_t config = config_of(d, &machine_pass_type, image);
    const machine_start_t start = start_of(image);
    machine_run_t *run;
    if (machine_run_open(&run, &config, error)) return false;
    image_write(image, memory_bytes(machine_run_memory(run)));
    double speed = 1;
    for (int i = 0; i < BENCH_TRIES && speed > 0; ++i) {
        speed = measure(run, &start, seconds);
        *best = speed > *best ? speed : *best;
    }
    machine_run_close(run);
    return speed > 0 || hangs(d, error);
}

static bool load_jobs(const trace_t *trace, const design_t *d, job_t *jobs, int *n, char error[DUT_ERROR_MAX])
{
    const trace_layer_t *layer = trace_layer(trace, 0);
    trace_head_t head = {0};
    int64_t clipped[CLIP_KINDS] = {0};
    bool ok = true;
    for (*n = 0; ok && *n < (int)layer->H; *n += ok) {
        ok = trace_load_head(trace, layer, 0, (size_t)*n, &head, error, DUT_ERROR_MAX) &&
             job_from_heads(&jobs[*n], d, &head, 1, head.threshold, false, clipped, error);
    }
    trace_head_free(&head);
    return ok;
}

/* The trace's heads as jobs in an image. */
typedef struct {
    job_t job[HEADS_MAX];
    image_t image;
    int n;
} queue_t;

static bool open_queue(queue_t *q, const design_t *d, char error[DUT_ERROR_MAX])
{
    trace_t *trace = open_trace(d);
    snprintf(error, DUT_ERROR_MAX, "machine of %s: it takes none of the bundled traces", d->name);
    bool ok = trace && load_jobs(trace, d, q->job, &q->n, error) &&
              image_open(&q->image, d, q->job, q->n, NULL, error);
    if (trace) trace_close(trace);
    return ok;
}

static void close_queue(queue_t *q)
{
    image_close(&q->image);
    for (int i = 0; i < q->n; ++i) job_close(&q->job[i]);
}

bool bench_machine_record(tape_t *tape, const block_t *b, char error[DUT_ERROR_MAX])
{
    queue_t q = {.n = 0};
    bool ok = open_queue(&q, b->design, error) && record_image(tape, b, &q.image, error);
    close_queue(&q);
    return ok;
}

bool bench_machine_passes(const design_t *d, double seconds, double *cycles_per_s, char error[DUT_ERROR_MAX])
{
    queue_t q = {.n = 0};
    *cycles_per_s = 0;
    if (!block_fits(&machine_pass_type, d)) return true;
    bool ok = open_queue(&q, d, error) && measure_image(d, &q.image, seconds, cycles_per_s, error);
    close_queue(&q);
    return ok;
}
