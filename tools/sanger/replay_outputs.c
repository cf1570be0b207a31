/* SPDX-License-Identifier: Apache-2.0 */
#include "replay_outputs.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../traces/safetensors.h"

enum { NAME_MAX_BYTES = 64 };

struct replay_outputs {
    safetensors_writer_t *writer;
};

/* Heads of the layer of items[first], which lie together, and of its first sequence among them. */
static int layer_heads(const replay_item_t *items, int n, int first, int *heads)
{
    int count = 0;
    *heads = 0;
    for (; first + count < n && items[first + count].layer == items[first].layer; ++count)
        *heads += items[first + count].sequence == items[first].sequence;
    return count;
}

static bool create(replay_outputs_t *o, const char *path, const safetensors_pair_t metadata[3],
                   const replay_item_t *items, int n, char error[REPLAY_ERROR_MAX])
{
    safetensors_tensor_t *tensors = calloc((size_t)n, sizeof *tensors);
    char(*names)[NAME_MAX_BYTES] = calloc((size_t)n, sizeof *names);
    size_t count = 0;
    bool ok = tensors && names;
    if (!ok) snprintf(error, REPLAY_ERROR_MAX, "%s: out of memory", path);
    for (int first = 0, heads, all; ok && first < n; first += all, ++count) {
        const trace_layer_t *l = items[first].layer;
        all = layer_heads(items, n, first, &heads);
        snprintf(names[count], sizeof names[count], "layer.%s.o", l->id);
        tensors[count] = (safetensors_tensor_t){
            .name = names[count],
            .dtype = SAFETENSORS_F32,
            .rank = 4,
            .shape = {(uint64_t)(all / heads), (uint64_t)heads, (uint64_t)l->L, (uint64_t)l->d}};
    }
    ok = ok && safetensors_create(path, metadata, 3, tensors, count, &o->writer, error, REPLAY_ERROR_MAX);
    free(tensors);
    free(names);
    return ok;
}

replay_outputs_t *replay_outputs_open(const char *path, const char *design, const char *trace,
                                      const replay_item_t *items, int n, char error[REPLAY_ERROR_MAX])
{
    const safetensors_pair_t metadata[] = {
        {"design", design}, {"format", "sanger-outputs"}, {"trace", trace}};
    replay_outputs_t *o = calloc(1, sizeof *o);
    if (!o) snprintf(error, REPLAY_ERROR_MAX, "%s: out of memory", path);
    if (o && create(o, path, metadata, items, n, error)) return o;
    free(o);
    return NULL;
}

bool replay_outputs_add(replay_outputs_t *o, const float *outputs, size_t words, char error[REPLAY_ERROR_MAX])
{
    return safetensors_write(o->writer, outputs, words * sizeof *outputs, error, REPLAY_ERROR_MAX);
}

bool replay_outputs_close(replay_outputs_t *o, bool whole, char error[REPLAY_ERROR_MAX])
{
    if (!o) return true;
    bool ok = true;
    if (whole)
        ok = safetensors_commit(o->writer, error, REPLAY_ERROR_MAX);
    else
        safetensors_abort(o->writer);
    free(o);
    return ok;
}
