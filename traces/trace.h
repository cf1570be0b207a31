// SPDX-License-Identifier: Apache-2.0
//
// trace: an attention trace, FORMAT.md's page in C. A trace holds the q, k and v of real attention layers
// and, where a pruner ran, the masks it chose.
//
//     char err[TRACE_ERROR_BYTES];
//     trace_t *trace;
//     trace_head_t head = {0};
//     if (!trace_open("traces/minilm_128.safetensors", &trace, err, sizeof err)) return fail(err);
//     const trace_layer_t *layer = trace_layer(trace, 0);
//     if (!trace_load_head(trace, layer, 0, 0, &head, err, sizeof err)) return fail(err);
//     ... head.q[i * head.d + c], head.mask[i * head.M + j] ...
//     trace_head_free(&head);
//     trace_close(trace);
//
// Letters as in FORMAT.md: B sequences, H query heads, Hkv key heads (H is a multiple of it), L queries,
// M keys, d the head size. Key j may be attended by query i, "is allowed", when valid[j] and, in a causal
// layer, j <= i. Causal layers have L == M and are no `-cross` layers: others are refused.
//
// trace_open checks everything that the header and the metadata say; trace_load_head checks the data that it
// loads, each time (values finite, mask bits only on allowed keys); trace_validate loads every head once.
// Memory is one head, however long the trace is. An open trace is read-only: threads may share it, each with
// a trace_head_t of its own.
//
// Every call that can fail returns false and leaves one line `file: field: expected X, found Y` in `err`.
// Nothing is printed and nothing exits.
#ifndef SANGER_TRACE_H
#define SANGER_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TRACE_ERROR_BYTES SAFETENSORS_ERROR_BYTES
#define TRACE_ID_BYTES    32 ///< a layer id with its terminating 0

/// The most memory one head may take when loaded; larger ones are refused by trace_open.
#define TRACE_MAX_HEAD_BYTES (UINT64_C(1) << 32)

/// The most query heads of one layer; more are refused by trace_open.
#define TRACE_MAX_HEADS 65536u

/// What the pruner did with rows whose every score was pruned. Stored masks have it applied already.
/// The values equal those of ground_truth_empty_row_t.
typedef enum {
    TRACE_EMPTY_ROW_NONE,  ///< the trace does not say
    TRACE_EMPTY_ROW_DENSE, ///< every allowed key was kept
    TRACE_EMPTY_ROW_ZERO,  ///< no key was kept; the row's output is 0
    TRACE_EMPTY_ROW_TOP1   ///< the key with the largest predicted score was kept
} trace_empty_row_t;

/// How the mask was made.
typedef enum {
    TRACE_POLICY_NONE, ///< the trace does not say; only in layers without a mask
    TRACE_POLICY_SANGER,
    TRACE_POLICY_STATIC, ///< `static:NAME`
    TRACE_POLICY_TOPK,   ///< `topk:K`
    TRACE_POLICY_LEARNED
} trace_policy_t;

/// One layer: shapes and metadata, checked. Pointers are owned by the trace.
typedef struct {
    char id[TRACE_ID_BYTES]; ///< `[0-9]+`, or with `-enc`, `-dec` or `-cross` behind
    size_t B, H, Hkv, L, M, d;
    bool causal;
    double scaling; ///< scores are scaling * q . k
    bool has_mask;
    bool has_valid_q;            ///< where false, see trace_head_t.valid_q
    trace_policy_t policy;       ///< never NONE where has_mask
    const char *policy_text;     ///< as stored, e.g. `topk:32`; NULL where the trace does not say
    trace_empty_row_t empty_row; ///< never NONE where has_mask
    const double *threshold;     ///< [H]; NULL where the trace does not say
    int bits;                    ///< of the prediction: 2, 4, 6 or 8; 0 where the trace does not say
    double quant_q, quant_k;     ///< the quantiser's ranges t; 0 where the trace does not say
    safetensors_dtype_t dtype_q, dtype_k, dtype_v; ///< SAFETENSORS_F16 or SAFETENSORS_F32
} trace_layer_t;

/// One head of one sequence. Start from `trace_head_t head = {0}`; trace_load_head reuses its buffers.
typedef struct {
    const trace_layer_t *layer;
    size_t sequence, head;
    size_t L, M, d;
    double *q;        ///< [L * d]
    double *k, *v;    ///< [M * d], of key head head / (H / Hkv)
    uint8_t *mask;    ///< [L * M], 0 or 1; NULL where the layer has no mask
    uint8_t *valid;   ///< [M], 1 for a key that is no padding
    uint8_t *valid_q; ///< [L], 1 for a query that is no padding; where the layer has no such tensor: equal
                      ///< to valid in self-attention (L == M, no `-cross`), else all 1
    bool causal;
    double scaling;
    bool has_threshold;
    double threshold; ///< this head's
    int bits;
    double quant_q, quant_k;
    trace_empty_row_t empty_row;
    size_t capacity[6]; ///< of the six buffers, in bytes; private
} trace_head_t;

typedef struct trace trace_t;

/// Opens a trace and checks header and metadata. On failure *trace is NULL.
bool trace_open(const char *path, trace_t **trace, char *err, size_t err_size);

/// The same from memory, which the caller keeps alive and unchanged until trace_close.
bool trace_open_memory(const char *shown, const void *data, size_t size, trace_t **trace, char *err,
                       size_t err_size);

void trace_close(trace_t *trace);

const char *trace_path(const trace_t *trace);
const char *trace_model(const trace_t *trace);
const char *trace_source(const trace_t *trace);

/// The container below, for metadata beyond the format's own keys.
const safetensors_file_t *trace_file(const trace_t *trace);

/// Layers in the order in which a network runs them: plain and `-enc` ids by number, then for each number
/// `-dec` before `-cross`.
size_t trace_layer_count(const trace_t *trace);
const trace_layer_t *trace_layer(const trace_t *trace, size_t index);

/// NULL where the trace has no such layer.
const trace_layer_t *trace_find_layer(const trace_t *trace, const char *id);

/// Loads and checks head `head` of sequence `sequence`. On failure `into` may be reused or freed, and its
/// contents are unspecified.
bool trace_load_head(const trace_t *trace, const trace_layer_t *layer, size_t sequence, size_t head,
                     trace_head_t *into, char *err, size_t err_size);

void trace_head_free(trace_head_t *head);

/// True where query i may attend key j.
static inline bool trace_allowed(const trace_head_t *head, size_t i, size_t j)
{
    return head->valid[j] && (!head->causal || j <= i);
}

/// Reads every head once.
bool trace_validate(const trace_t *trace, char *err, size_t err_size);

/// "dense", "zero", "top1"; "none" for TRACE_EMPTY_ROW_NONE.
const char *trace_empty_row_name(trace_empty_row_t empty_row);

/// IEEE binary16, both ways; encoding rounds to nearest even.
double trace_half_to_double(uint16_t half);
uint16_t trace_double_to_half(double value);

/// What trace_write stores for one layer. Arrays are dense and row-major.
typedef struct {
    const char *id;
    size_t B, H, Hkv, L, M, d;
    safetensors_dtype_t dtype; ///< SAFETENSORS_F16 or SAFETENSORS_F32, rounded to nearest even
    const double *q;           ///< [B * H * L * d]
    const double *k, *v;       ///< [B * Hkv * M * d]
    const uint8_t *mask;       ///< [B * H * L * M], 0 or 1; NULL for no mask
    const uint8_t *valid;      ///< [B * M], 0 or 1; NULL for all 1
    const uint8_t *valid_q;    ///< [B * L], 0 or 1; NULL leaves the tensor out
    bool causal;
    double scaling;
    const char *policy;          ///< NULL leaves it out
    trace_empty_row_t empty_row; ///< NONE leaves it out
    const double *threshold;     ///< [threshold_count]
    size_t threshold_count;      ///< 0 leaves it out, else 1 or H
    int bits;                    ///< 0 leaves it out
    double quant_q, quant_k;     ///< 0 leaves it out
} trace_layer_data_t;

typedef struct {
    const char *model, *source;
    const safetensors_pair_t *extra; ///< further metadata
    size_t extra_count;
    const trace_layer_data_t *layers;
    size_t layer_count;
} trace_data_t;

/// Writes a trace. The file appears under `path` only once it is complete and trace_validate accepts it;
/// on failure nothing is left behind and an older file stays as it was.
bool trace_write(const char *path, const trace_data_t *data, char *err, size_t err_size);

#ifdef __cplusplus
}
#endif

#endif
