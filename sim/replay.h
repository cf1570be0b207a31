/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays heads of an attention trace through the machine's units, and compares the outputs with ground
 * truth. Host-sequenced: unit cycles are summed with nothing overlapped, so no time or speed-up follows from
 * them.
 */
#ifndef SANGER_REPLAY_H
#define SANGER_REPLAY_H

#include "../model/ground_truth.h"
#include "host.h"

typedef enum { REPLAY_MASK_TRACE, REPLAY_MASK_PREDICT } replay_mask_t;

typedef struct {
    const design_t *design;
    const trace_t *trace;
    bool lockstep;
    replay_mask_t mask;
    double threshold; /* of the prediction; negative: the trace's */
} replay_config_t;

/* One head's figures. */
typedef struct {
    const trace_layer_t *layer;
    size_t sequence, head, length, keys;
    ground_truth_agreement_t used;   /* kept_a: of the mask used */
    ground_truth_agreement_t agreed; /* trace's mask against the machine's own; allowed = 0: not compared */
    int64_t passes, sub_rows, non_zeros;
    uint64_t cycles[HOST_UNITS];
    lockstep_count_t compared; /* zero cycles: nothing was compared */
    int64_t clipped[CLIP_KINDS];
    ground_truth_stats_t error, dense_error;
    bool diverged;
    host_unit_t diverged_unit;
} replay_head_t;

/* NULL when the layer can be replayed with this configuration, else what is missing. */
const char *replay_lacks(const replay_config_t *c, const trace_layer_t *layer);

/* Replays one head. False with one line in error for unsound input or short memory; a divergence is a result.
 */
bool replay_head(const replay_config_t *c, host_t *host, const trace_layer_t *layer, size_t sequence,
                 size_t head, replay_head_t *out, char error[HOST_ERROR_MAX]);
void replay_head_free(replay_head_t *out);

/* All cycles of a head, host-serial. */
uint64_t replay_cycles(const replay_head_t *r);
int64_t replay_saturations(const replay_head_t *r);

#endif
