/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's outputs as a safetensors file: `layer.<id>.o`, F32 [sequences, heads, L, d] of those
 * replayed. */
#ifndef SANGER_REPLAY_OUTPUTS_H
#define SANGER_REPLAY_OUTPUTS_H

#include "../../sim/replay.h"

/* One head to replay. */
typedef struct {
    const trace_layer_t *layer;
    size_t sequence, head;
} replay_item_t;

typedef struct replay_outputs replay_outputs_t;

/* Starts the file for heads in the order of items, each layer's together. NULL and one line in error
 * otherwise. */
replay_outputs_t *replay_outputs_open(const char *path, const char *design, const char *trace,
                                      const replay_item_t *items, int n, char error[REPLAY_ERROR_MAX]);

/* The next head: `words` outputs. False with one line in error. */
bool replay_outputs_add(replay_outputs_t *o, const float *outputs, size_t words,
                        char error[REPLAY_ERROR_MAX]);

/* Puts the file in place when `whole`, else leaves none. NULL is allowed. */
bool replay_outputs_close(replay_outputs_t *o, bool whole, char error[REPLAY_ERROR_MAX]);

#endif
