/* SPDX-License-Identifier: Apache-2.0 */
#include "replay.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "estimate.h"
#include "../model/machine_pass.h"
#include "image.h"
#include "report.h"

enum { SHOWN_MAX = 16 };

int64_t replay_saturations(const replay_head_t *r)
{
    int64_t sum = 0;
    for (int i = 0; i < CLIP_KINDS; ++i) sum += r->clipped[i];
    return sum;
}

void replay_head_free(replay_head_t *out)
{
    ground_truth_stats_free(&out->error);
    ground_truth_stats_free(&out->dense_error);
    free(out->outputs);
    out->outputs = NULL;
}

const char *replay_lacks(const replay_config_t *c, const trace_layer_t *layer)
{
    static _Thread_local char text[JOB_ERROR_MAX];
    if (!job_fits(c->design, layer->L, layer->M, layer->d, text)) return text;
    double limit = ldexp(1, c->design->threshold.w - c->design->threshold.frac);
    for (size_t h = 0; layer->threshold && c->threshold < 0 && h < layer->H; ++h) {
        if (layer->threshold[h] >= limit) return "thresholds that fit prediction.threshold of the design";
    }
    if (c->threshold >= limit) return "a --threshold that fits prediction.threshold of the design";
    if (c->mask == REPLAY_MASK_TRACE && !layer->has_mask) return "a mask in the trace (or --mask predict)";
    if (c->mask == REPLAY_MASK_PREDICT && c->threshold < 0 && !layer->threshold)
        return "a threshold in the trace (or --threshold)";
    return NULL;
}

/* ---- a run ---- */

typedef struct {
    const replay_config_t *c;
    const trace_layer_t *layer;
    int n;
    trace_head_t head[REPLAY_HEADS_MAX];
    job_t job[REPLAY_HEADS_MAX];
    image_t image;
    machine_run_t *machine;
    watch_t watch;
    run_end_t end;
    uint64_t cycles;
    replay_head_t *out;
} run_t;

static double threshold_of(const replay_config_t *c, const trace_head_t *head)
{
    if (c->threshold >= 0) return c->threshold;
    return head->has_threshold ? head->threshold : 0;
}

static bool load_heads(run_t *r, size_t sequence, const size_t *heads, char error[REPLAY_ERROR_MAX])
{
    bool external = r->c->mask == REPLAY_MASK_TRACE;
    for (int i = 0; i < r->n; ++i) {
        replay_head_t *o = &r->out[i];
        *o = (replay_head_t){.layer = r->layer, .sequence = sequence, .head = heads[i], .heads = r->layer->H};
        if (!trace_load_head(r->c->trace, r->layer, sequence, heads[i], &r->head[i], error, REPLAY_ERROR_MAX))
            return false;
        if (!job_from_heads(&r->job[i], r->c->design, &r->head[i], 1, threshold_of(r->c, &r->head[i]),
                            external, o->clipped, error))
            return false;
    }
    return true;
}

/* The fastest model that may be used and holds the design's formats. */
static const block_type_t *model_of(const replay_config_t *c)
{
    bool pass = !c->lockstep && c->model == REPLAY_MODEL_PASS && block_fits(&machine_pass_type, c->design);
    const block_type_t *fast = block_fast(&machine_type, c->design);
    return pass ? &machine_pass_type : fast ? fast : &machine_type;
}

static bool open_machine(run_t *r, dut_status_t *status, char error[REPLAY_ERROR_MAX])
{
    machine_run_config_t config = {.design = r->c->design,
                                   .type = model_of(r->c),
                                   .lockstep = r->c->lockstep,
                                   .x_seed = 1,
                                   .memory = r->c->memory};
    config.memory.beat = r->c->design->bus_bytes;
    config.memory.bytes = r->image.limit;
    *status = machine_run_open(&r->machine, &config, error);
    if (*status) return false;
    image_write(&r->image, memory_bytes(machine_run_memory(r->machine)));
    return true;
}

static void print_differences(const run_t *r)
{
    const difference_t *x;
    const lockstep_t *l = machine_run_lockstep(r->machine);
    char when[24], *phase = report_phase(lockstep_model(l));
    int n = lockstep_differences(l, &x);
    snprintf(when, sizeof when, "%" PRIu64, lockstep_count(l)->cycles);
    for (int i = 0; i < n && i < SHOWN_MAX; ++i)
        report_difference(stderr, "machine", when, phase ? phase : "", &x[i], "replay");
    free(phase);
}

static bool run_machine(run_t *r, char error[REPLAY_ERROR_MAX])
{
    const image_t *m = &r->image;
    const machine_start_t start = {m->queue, m->status, m->limit, m->count};
    timeline_t *timeline = r->c->timeline ? timeline_open(r->c->timeline) : NULL;
    if (r->c->timeline && !timeline) {
        snprintf(error, REPLAY_ERROR_MAX, "%s: --timeline: expected a file that can be written, found: %s",
                 r->c->timeline, strerror(errno));
        return false;
    }
    bool ok = watch_open(&r->watch, r->c->design, lockstep_model(machine_run_lockstep(r->machine)), r->n,
                         r->layer->L, r->layer->M, timeline);
    if (ok) r->end = machine_run_queue(r->machine, &start, watch_cycle, &r->watch, &r->cycles);
    if (ok) watch_end(&r->watch, machine_run_model(r->machine), r->cycles);
    if (timeline && !timeline_close(timeline)) {
        snprintf(error, REPLAY_ERROR_MAX, "%s: --timeline: expected room for it, found none", r->c->timeline);
        return false;
    }
    if (r->end == RUN_DIVERGED) print_differences(r);
    ok = ok && r->watch.ok;
    if (!ok) snprintf(error, REPLAY_ERROR_MAX, "layer %s: out of memory", r->layer->id);
    return ok;
}

/* ---- figures of each head ---- */

static const uint8_t *own_mask(const run_t *r, int i)
{
    return r->watch.own + (size_t)i * r->watch.L * r->watch.M;
}
static const uint8_t *used_mask(const run_t *r, int i)
{
    return r->c->mask == REPLAY_MASK_TRACE ? r->head[i].mask : own_mask(r, i);
}

static ground_truth_head_t truth_head(const trace_head_t *h)
{
    return (ground_truth_head_t){h->L, h->M,     h->d,       h->q,      h->k,
                                 h->v, h->valid, h->valid_q, h->causal, h->scaling};
}

static bool keep_outputs(const run_t *r, int i, const double *measured, size_t words)
{
    if (!r->c->outputs) return true;
    float *kept = r->out[i].outputs = malloc(words * sizeof *kept);
    for (size_t k = 0; kept && k < words; ++k) kept[k] = (float)measured[k];
    return kept;
}

static bool compare_outputs(const run_t *r, int i)
{
    const trace_head_t *head = &r->head[i];
    const ground_truth_head_t truth = truth_head(head);
    replay_head_t *out = &r->out[i];
    size_t words = head->L * head->d;
    int64_t *o = calloc(words, sizeof *o);
    double *measured = calloc(words, sizeof *measured), *reference = calloc(words, sizeof *reference);
    bool ok = o && measured && reference;
    if (ok) image_output(&r->image, memory_bytes(machine_run_memory(r->machine)), i, 0, o);
    for (size_t k = 0; ok && k < words; ++k) measured[k] = ldexp((double)o[k], -r->c->design->output.frac);
    ok = ok && keep_outputs(r, i, measured, words);
    ok = ok && ground_truth_masked(&truth, used_mask(r, i), reference) &&
         ground_truth_stats_head(&out->error, &truth, reference, measured) &&
         ground_truth_dense(&truth, reference) &&
         ground_truth_stats_head(&out->dense_error, &truth, reference, measured);
    free(o);
    free(measured);
    free(reference);
    return ok;
}

/* A padded query has no work, whatever a trace's mask says. False: out of memory. */
static bool count_work(const run_t *r, int i)
{
    const trace_head_t *head = &r->head[i];
    uint8_t *mask = malloc(head->L * head->M);
    if (!mask) return false;
    memcpy(mask, used_mask(r, i), head->L * head->M);
    for (size_t row = 0; row < head->L; ++row) {
        if (!head->valid_q[row]) memset(mask + row * head->M, 0, head->M);
    }
    r->out[i].work = work_of_mask(r->c->design, mask, head->L, head->M, head->causal);
    free(mask);
    return true;
}

static bool describe(const run_t *r, int i)
{
    const design_t *d = r->c->design;
    const trace_head_t *head = &r->head[i];
    const ground_truth_head_t truth = truth_head(head);
    replay_head_t *o = &r->out[i];
    for (size_t k = 0; k < head->L; ++k) o->length += head->valid_q[k];
    for (size_t k = 0; k < head->M; ++k) o->keys += head->valid[k];
    o->head_size = head->d;
    ground_truth_compare_masks(&truth, used_mask(r, i), used_mask(r, i), &o->used);
    if (head->mask) ground_truth_compare_masks(&truth, head->mask, own_mask(r, i), &o->agreed);
    if (!count_work(r, i)) return false;
    o->bound_tiles = 2 * (int64_t)head->d * o->work.passes;
    o->bound_sub_rows = work_bound_sub_rows(d, &o->work, (int)head->d);
    o->bound_non_zeros = work_bound_non_zeros(d, &o->work, (int)head->d);
    double balance = o->work.sub_rows ? (double)o->work.non_zeros / ((double)o->work.sub_rows * d->pes) : 0;
    /* of all pairs, since the closed forms count the future of causal heads as work too */
    double pairs = (double)o->length * (double)o->keys,
           density = pairs > 0 ? (double)o->work.non_zeros / pairs : 0;
    const estimate_t e = {(double)o->length,   (double)o->keys, (double)head->d,
                          (double)r->layer->H, density,         balance};
    o->v1_cycles = estimate_v1_cycles(d, &e);
    o->v2_cycles = estimate_v2_cycles(d, &e);
    return true;
}

/* ---- a head's slice of the run ---- */

static const watch_mark_t zero_mark = {0};

static void slice(const run_t *r, int i, const watch_mark_t *from, const watch_mark_t *to, uint64_t tail)
{
    uint64_t counted[CAUSES];
    replay_head_t *o = &r->out[i];
    for (int k = 0; k < CAUSES; ++k) counted[k] = to->cause[k] - from->cause[k];
    for (int k = 0; k < CLIP_KINDS; ++k) o->clipped[k] += to->clipped[k] - from->clipped[k];
    if (!accounting_fill(&o->accounting, r->c->design, counted, tail, &o->work, (int)o->head_size))
        o->contradiction = true;
    o->cycles = o->accounting.cycles;
}

static void share_compared(const run_t *r, int i, lockstep_count_t *left, uint64_t *cycles_left)
{
    const lockstep_count_t *all = lockstep_count(machine_run_lockstep(r->machine));
    replay_head_t *o = &r->out[i];
    if (!r->c->lockstep) return;
    double part = *cycles_left ? (double)o->cycles / (double)*cycles_left : 1;
    bool last = i == r->n - 1;
    o->compared =
        (lockstep_count_t){.cycles = last ? left->cycles : o->cycles,
                           .signals = all->signals,
                           .bytes = last ? left->bytes : (uint64_t)((double)left->bytes * part),
                           .changes = last ? left->changes : (uint64_t)((double)left->changes * part),
                           .mismatches = last ? left->mismatches : 0};
    left->cycles -= o->compared.cycles;
    left->bytes -= o->compared.bytes;
    left->changes -= o->compared.changes;
    *cycles_left -= o->cycles;
}

static void slice_heads(const run_t *r)
{
    const watch_t *w = &r->watch;
    const watch_mark_t *from = &zero_mark, *end = &w->mark[w->marks - 1];
    size_t passes = 0;
    lockstep_count_t left = *lockstep_count(machine_run_lockstep(r->machine));
    uint64_t cycles_left = r->cycles;
    for (int i = 0; i < r->n; ++i) {
        passes += (size_t)r->out[i].work.passes;
        bool last = i == r->n - 1;
        if (passes > w->marks - 1 || (last && passes != w->marks - 1)) {
            r->out[i].contradiction = true;
            passes = w->marks - 1;
        }
        const watch_mark_t *to = passes ? &w->mark[passes - 1] : &zero_mark;
        uint64_t tail = last ? end->cause[CAUSE_PREDICT] - to->cause[CAUSE_PREDICT] : 0;
        slice(r, i, from, last ? end : to, tail);
        from = to;
        share_compared(r, i, &left, &cycles_left);
    }
}

/* Reads the DUT's own cycle counters: they are registers, compared in every cycle, but the printed figure is
 * theirs. */
static void read_rtl_cycles(const run_t *r)
{
    const lockstep_t *l = machine_run_lockstep(r->machine);
    const signal_t *s = block_signal(lockstep_model(l), "pass_control.cause_q");
    uint64_t rtl = 0, model = 0;
    if (!r->c->lockstep || !s) return;
    for (size_t k = 0; k < signal_count(s); ++k) rtl += lockstep_dut_bits(l, s, k);
    for (int i = 0; i < r->n; ++i) model += r->out[i].cycles;
    for (int i = 0; i < r->n; ++i) r->out[i].rtl_cycles = r->out[i].cycles;
    r->out[r->n - 1].rtl_cycles += rtl - model;
}

static bool collect(run_t *r, char error[REPLAY_ERROR_MAX])
{
    bool ok = true;
    for (int i = 0; i < r->n; ++i) {
        r->out[i].end = r->end;
        if (r->end == RUN_DONE) ok = ok && describe(r, i) && compare_outputs(r, i);
    }
    if (r->end == RUN_DONE && r->watch.marks) slice_heads(r);
    if (r->end == RUN_DONE) read_rtl_cycles(r);
    for (int i = 0; r->end == RUN_DONE && i < r->n; ++i) {
        int code = image_status(&r->image, memory_bytes(machine_run_memory(r->machine)), i);
        if (code != JOB_DONE) r->out[i].contradiction = true;
    }
    if (r->end == RUN_DIVERGED) r->out[0].compared = *lockstep_count(machine_run_lockstep(r->machine));
    if (!ok) snprintf(error, REPLAY_ERROR_MAX, "layer %s: out of memory", r->layer->id);
    return ok;
}

static void close_run(run_t *r)
{
    watch_close(&r->watch);
    machine_run_close(r->machine);
    image_close(&r->image);
    for (int i = 0; i < r->n; ++i) {
        job_close(&r->job[i]);
        trace_head_free(&r->head[i]);
    }
    free(r);
}

/* Where the addresses do not reach, half the heads may do. */
static bool split_run(const replay_config_t *c, const trace_layer_t *layer, size_t sequence,
                      const size_t *heads, int n, replay_head_t *out, dut_status_t *status,
                      char error[REPLAY_ERROR_MAX])
{
    int half = n / 2;
    return replay_run(c, layer, sequence, heads, half, out, status, error) &&
           replay_run(c, layer, sequence, heads + half, n - half, out + half, status, error);
}

bool replay_run(const replay_config_t *c, const trace_layer_t *layer, size_t sequence, const size_t *heads,
                int n, replay_head_t *out, dut_status_t *status, char error[REPLAY_ERROR_MAX])
{
    *status = DUT_OK;
    run_t *r = calloc(1, sizeof *r);
    if (!r) {
        snprintf(error, REPLAY_ERROR_MAX, "layer %s: out of memory", layer->id);
        return false;
    }
    *r = (run_t){.c = c, .layer = layer, .n = n, .out = out};
    bool ok = load_heads(r, sequence, heads, error);
    if (ok && !image_open(&r->image, c->design, r->job, n, NULL, error)) {
        close_run(r);
        return n > 1 && split_run(c, layer, sequence, heads, n, out, status, error);
    }
    ok = ok && open_machine(r, status, error) && run_machine(r, error) && collect(r, error);
    close_run(r);
    return ok;
}
