/* SPDX-License-Identifier: Apache-2.0 */
#include "replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attend.h"
#include "predict.h"

uint64_t replay_cycles(const replay_head_t *r)
{
    uint64_t sum = 0;
    for (int i = 0; i < HOST_UNITS; ++i) sum += r->cycles[i];
    return sum;
}

int64_t replay_saturations(const replay_head_t *r)
{
    int64_t sum = 0;
    for (int i = 0; i < CLIP_KINDS; ++i) sum += r->clipped[i];
    return sum;
}

const char *replay_lacks(const replay_config_t *c, const trace_layer_t *layer)
{
    if (layer->L > 65536 || layer->M > 65536 || layer->d > 128)
        return "at most 65536 positions and head size 128";
    /* the main array's accumulators state no limit on d, the prediction's do */
    int64_t most = fixed_max(c->design->score_acc_w), m = fixed_max(c->design->operand_w);
    if ((int64_t)layer->d * m * m > most) return "a head size whose products fit prediction.acc_w";
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

/* The host's buffers of one head. */
typedef struct {
    prediction_t prediction;
    attention_t attention;
    uint8_t *own, *mask; /* L x M: predicted here, and the one that is used */
    int64_t *bias, *output;
    double *measured, *reference;
} work_t;

static void close_work(work_t *w)
{
    predict_close(&w->prediction);
    attend_close(&w->attention);
    void *all[] = {w->own, w->bias, w->output, w->measured, w->reference};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) free(all[i]);
}

static double threshold_of(const replay_config_t *c, const trace_head_t *head)
{
    if (c->threshold >= 0) return c->threshold;
    return head->has_threshold ? head->threshold : 0;
}

static bool open_work(work_t *w, const replay_config_t *c, host_t *host, trace_head_t *head)
{
    size_t words = head->L * head->d;
    w->own = calloc(head->L, head->M);
    w->bias = calloc((size_t)c->design->rows, sizeof *w->bias);
    w->output = calloc(words, sizeof *w->output);
    w->measured = calloc(words, sizeof *w->measured);
    w->reference = calloc(words, sizeof *w->reference);
    w->mask = c->mask == REPLAY_MASK_TRACE ? head->mask : w->own;
    return w->own && w->bias && w->output && w->measured && w->reference &&
           predict_open(&w->prediction, host, head, threshold_of(c, head)) &&
           attend_open(&w->attention, host, head);
}

/* Every strip: prediction always runs, since the bias comes from it. */
static bool run_strips(work_t *w, const replay_config_t *c, host_t *host, const trace_head_t *head)
{
    trace_empty_row_t empty =
        head->empty_row != TRACE_EMPTY_ROW_NONE ? head->empty_row : TRACE_EMPTY_ROW_TOP1;
    for (size_t first = 0; first < head->L; first += (size_t)c->design->rows) {
        if (!predict_strip(&w->prediction, host, (int)first, empty, w->bias, w->own)) return false;
        if (!attend_strip(&w->attention, host, (int)first, w->bias, w->mask, w->output)) return false;
    }
    return true;
}

static ground_truth_head_t truth_head(const trace_head_t *h)
{
    return (ground_truth_head_t){h->L, h->M,     h->d,       h->q,      h->k,
                                 h->v, h->valid, h->valid_q, h->causal, h->scaling};
}

static bool compare_outputs(work_t *w, const design_t *d, const trace_head_t *head, replay_head_t *out)
{
    const ground_truth_head_t truth = truth_head(head);
    for (size_t i = 0; i < head->L * head->d; ++i)
        w->measured[i] = ldexp((double)w->output[i], -d->output.frac);
    ground_truth_compare_masks(&truth, w->mask, w->mask, &out->used);
    if (head->mask) ground_truth_compare_masks(&truth, head->mask, w->own, &out->agreed);
    return ground_truth_masked(&truth, w->mask, w->reference) &&
           ground_truth_stats_head(&out->error, &truth, w->reference, w->measured) &&
           ground_truth_dense(&truth, w->reference) &&
           ground_truth_stats_head(&out->dense_error, &truth, w->reference, w->measured);
}

static void gather_counts(const host_t *host, const lockstep_count_t before[HOST_UNITS], replay_head_t *out)
{
    for (int i = 0; i < HOST_UNITS; ++i) {
        const lockstep_count_t *c = lockstep_count(host->unit[i]);
        out->cycles[i] = c->cycles - before[i].cycles;
        if (!c->signals) continue;
        out->compared.cycles += out->cycles[i];
        out->compared.signals += c->signals;
        out->compared.bytes += c->bytes - before[i].bytes;
        out->compared.changes += c->changes - before[i].changes;
        out->compared.mismatches += c->mismatches - before[i].mismatches;
    }
}

static void gather_clips(const host_t *h, int64_t clipped[CLIP_KINDS])
{
    static const struct {
        clip_t kind;
        host_unit_t unit;
        const char *name;
    } counters[] = {
        {CLIP_SCORE_ACC, HOST_SCORE_ARRAY, "sat_acc_q"}, {CLIP_SCALED, HOST_SCORE_ARRAY, "sat_scaled_q"},
        {CLIP_SCORE_EXP, HOST_SCORE_ARRAY, "sat_exp_q"}, {CLIP_SCORE_SUM, HOST_SCORE_ARRAY, "sat_sum_q"},
        {CLIP_ACC, HOST_PE_ARRAY, "acc_sat_q"},          {CLIP_EXP, HOST_PE_ARRAY, "exp_sat_q"},
        {CLIP_ROW_SUM, HOST_PE_ARRAY, "sum_sat_q"},      {CLIP_OUTPUT, HOST_NORMALISE, "sat_q"},
    };
    memcpy(clipped, h->clipped, sizeof h->clipped);
    for (size_t i = 0; i < sizeof counters / sizeof *counters; ++i) {
        clipped[counters[i].kind] += host_counter(h, counters[i].unit, counters[i].name);
    }
}

bool replay_head(const replay_config_t *c, host_t *host, const trace_layer_t *layer, size_t sequence,
                 size_t head, replay_head_t *out, char error[HOST_ERROR_MAX])
{
    trace_head_t data = {0};
    work_t w = {0};
    lockstep_count_t before[HOST_UNITS];
    *out = (replay_head_t){.layer = layer, .sequence = sequence, .head = head};
    if (!trace_load_head(c->trace, layer, sequence, head, &data, error, HOST_ERROR_MAX)) {
        trace_head_free(&data);
        return false;
    }
    for (int i = 0; i < HOST_UNITS; ++i) before[i] = *lockstep_count(host->unit[i]);
    host_reset(host);
    bool ok = open_work(&w, c, host, &data);
    bool finished = ok && !host->diverged && run_strips(&w, c, host, &data);
    out->diverged = host->diverged;
    out->diverged_unit = host->diverged_unit;
    for (size_t i = 0; i < data.L; ++i) out->length += data.valid_q[i];
    for (size_t i = 0; i < data.M; ++i) out->keys += data.valid[i];
    out->passes = w.attention.passes;
    out->sub_rows = w.attention.sub_rows;
    out->non_zeros = w.attention.non_zeros;
    gather_counts(host, before, out);
    gather_clips(host, out->clipped);
    if (finished)
        ok = compare_outputs(&w, c->design, &data, out);
    else
        ok = ok && out->diverged;
    if (!ok) snprintf(error, HOST_ERROR_MAX, "layer %s head %zu: out of memory", layer->id, head);
    close_work(&w);
    trace_head_free(&data);
    return ok;
}

void replay_head_free(replay_head_t *out)
{
    ground_truth_stats_free(&out->error);
    ground_truth_stats_free(&out->dense_error);
}
