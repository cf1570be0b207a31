/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays heads of an attention trace through the machine, memory to memory, and compares the outputs with
 * ground truth. The heads of one layer and sequence are one run: a queue of jobs, so that the prediction of
 * one overlaps the passes of another.
 *
 * A head's cycles are those from the end of the last pass of the head before it to the end of its own last
 * pass, so that they sum to the run's; the run's last head also has what follows: drain, division and the
 * last writes.
 */
#ifndef SANGER_REPLAY_H
#define SANGER_REPLAY_H

#include "../model/ground_truth.h"
#include "../traces/trace.h"
#include "accounting.h"
#include "machine_run.h"
#include "watch.h"

typedef enum { REPLAY_MASK_TRACE, REPLAY_MASK_PREDICT } replay_mask_t;

/* Of the machine; a lockstep has the stepped one. */
typedef enum { REPLAY_MODEL_PASS, REPLAY_MODEL_STEPPED } replay_model_t;

typedef struct {
    const design_t *design;
    const trace_t *trace;
    bool lockstep;
    replay_model_t model;
    replay_mask_t mask;
    double threshold;       /* of the prediction; negative: the trace's */
    memory_config_t memory; /* timing and stalls; bytes and beat are the replay's */
    bool outputs;           /* keep them in each head */
    const char *timeline;   /* written for the first run; NULL: none */
} replay_config_t;

/* Heads in one run, at most. */
enum { REPLAY_HEADS_MAX = 16, REPLAY_ERROR_MAX = DUT_ERROR_MAX };

/* One head's figures. */
typedef struct {
    const trace_layer_t *layer;
    size_t sequence, head, length, keys, head_size, heads;
    ground_truth_agreement_t used;   /* kept_a: of the mask used */
    ground_truth_agreement_t agreed; /* trace's mask against the machine's own; allowed = 0: not compared */
    work_t work;
    uint64_t cycles, rtl_cycles; /* rtl_cycles: as the DUT's own counters say; 0 without a lockstep */
    accounting_t accounting;
    int64_t bound_tiles, bound_sub_rows, bound_non_zeros; /* cycles */
    double v1_cycles, v2_cycles;
    lockstep_count_t compared; /* zero cycles: nothing was compared */
    int64_t clipped[CLIP_KINDS];
    ground_truth_stats_t error, dense_error;
    float *outputs; /* [L, d], allocated, when they were asked for and the run came to its end; else NULL */
    run_end_t end;
    bool contradiction; /* counters and mask disagree about the work done */
} replay_head_t;

/* NULL when the layer can be replayed with this configuration, else what is missing. */
const char *replay_lacks(const replay_config_t *c, const trace_layer_t *layer);

/* Replays n <= REPLAY_HEADS_MAX heads of one layer and sequence as one run (as several where the design's
   addresses do not reach). False with one line in error for unsound input, short memory or a DUT that cannot
   be had (*status); a divergence is a result. */
bool replay_run(const replay_config_t *c, const trace_layer_t *layer, size_t sequence, const size_t *heads,
                int n, replay_head_t *out, dut_status_t *status, char error[REPLAY_ERROR_MAX]);
void replay_head_free(replay_head_t *out);

int64_t replay_saturations(const replay_head_t *r);

#endif
