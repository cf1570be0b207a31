/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_machine.h"

#include <stdio.h>

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

static bool run_image(tape_t *tape, const block_t *b, const image_t *image, char error[DUT_ERROR_MAX])
{
    const machine_run_config_t config = {.design = b->design,
                                         .type = b->type,
                                         .x_seed = 1,
                                         .memory = {.bytes = image->limit,
                                                    .beat = b->design->bus_bytes,
                                                    .latency = LATENCY,
                                                    .interval = 1,
                                                    .depth = DEPTH}};
    const machine_start_t start = {image->queue, image->status, image->limit, image->count};
    machine_run_t *run;
    uint64_t cycles;
    if (machine_run_open(&run, &config, error)) return false;
    image_write(image, memory_bytes(machine_run_memory(run)));
    recorder_t r = {lockstep_model(machine_run_lockstep(run)), tape, true};
    bool done = machine_run_queue(run, &start, record, &r, &cycles) == RUN_DONE;
    snprintf(error, DUT_ERROR_MAX, done ? "out of memory" : "machine of %s: it hangs; see sanger replay",
             b->design->name);
    machine_run_close(run);
    return done && r.ok;
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

bool bench_machine_record(tape_t *tape, const block_t *b, char error[DUT_ERROR_MAX])
{
    job_t jobs[HEADS_MAX];
    image_t image = {0};
    int n = 0;
    trace_t *trace = open_trace(b->design);
    snprintf(error, DUT_ERROR_MAX, "machine of %s: it takes none of the bundled traces", b->design->name);
    bool ok = trace && load_jobs(trace, b->design, jobs, &n, error) &&
              image_open(&image, b->design, jobs, n, NULL, error) && run_image(tape, b, &image, error);
    image_close(&image);
    for (int i = 0; i < n; ++i) job_close(&jobs[i]);
    if (trace) trace_close(trace);
    return ok;
}
