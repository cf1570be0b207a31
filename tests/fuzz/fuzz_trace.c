/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trace files. Any bytes must give either a trace whose every head loads, or one printable line; what
 * trace_validate says must agree with what trace_load_head says. A sound trace that is written again is read
 * as the same trace.
 */
#include "../../traces/trace.h"

#include <unistd.h>

#include "fuzz.h"

/* Beyond this a layer is not written again: inputs are small, but many heads share few keys. */
enum { WRITTEN_MAX = 1 << 16 };

static void must_hold_head(const trace_head_t *head)
{
    for (size_t i = 0; i < head->L * head->M && head->mask; i++)
        must(!head->mask[i] || trace_allowed(head, i / head->M, i % head->M));
}

static bool load_layer(const trace_t *trace, const trace_layer_t *layer, trace_head_t *head, char *error)
{
    for (size_t b = 0; b < layer->B; b++)
        for (size_t h = 0; h < layer->H; h++) {
            if (!trace_load_head(trace, layer, b, h, head, error, TRACE_ERROR_BYTES)) return false;
            must_hold_head(head);
        }
    return true;
}

/* ---- written again ---- */

typedef struct {
    double *q, *k, *v;
    uint8_t *mask, *valid, *valid_q;
} arrays_t;

static void *array(size_t count, size_t bytes)
{
    void *to = calloc(count ? count : 1, bytes);
    must(to);
    return to;
}

static void copy_head(const trace_head_t *head, arrays_t *a)
{
    const trace_layer_t *l = head->layer;
    size_t query = (head->sequence * l->H + head->head) * l->L;
    size_t key = (head->sequence * l->Hkv + head->head / (l->H / l->Hkv)) * l->M;
    memcpy(a->q + query * l->d, head->q, l->L * l->d * sizeof *a->q);
    memcpy(a->k + key * l->d, head->k, l->M * l->d * sizeof *a->k);
    memcpy(a->v + key * l->d, head->v, l->M * l->d * sizeof *a->v);
    if (l->has_mask) memcpy(a->mask + query * l->M, head->mask, l->L * l->M);
    memcpy(a->valid + head->sequence * l->M, head->valid, l->M);
    memcpy(a->valid_q + head->sequence * l->L, head->valid_q, l->L);
}

static trace_layer_data_t collect(const trace_t *trace, const trace_layer_t *l, arrays_t *a)
{
    char error[TRACE_ERROR_BYTES];
    trace_head_t head = {0};
    a->q = array(l->B * l->H * l->L * l->d, sizeof *a->q);
    a->k = array(l->B * l->Hkv * l->M * l->d, sizeof *a->k);
    a->v = array(l->B * l->Hkv * l->M * l->d, sizeof *a->v);
    a->mask = array(l->B * l->H * l->L * l->M, 1);
    a->valid = array(l->B * l->M, 1), a->valid_q = array(l->B * l->L, 1);
    for (size_t n = 0; n < l->B * l->H; n++) {
        must(trace_load_head(trace, l, n / l->H, n % l->H, &head, error, sizeof error));
        copy_head(&head, a);
    }
    trace_head_free(&head);
    return (trace_layer_data_t){.id = l->id,
                                .B = l->B,
                                .H = l->H,
                                .Hkv = l->Hkv,
                                .L = l->L,
                                .M = l->M,
                                .d = l->d,
                                .dtype = SAFETENSORS_F32,
                                .q = a->q,
                                .k = a->k,
                                .v = a->v,
                                .mask = l->has_mask ? a->mask : NULL,
                                .valid = a->valid,
                                .valid_q = l->has_valid_q ? a->valid_q : NULL,
                                .causal = l->causal,
                                .scaling = l->scaling,
                                .policy = l->policy_text,
                                .empty_row = l->empty_row,
                                .threshold = l->threshold,
                                .threshold_count = l->threshold ? l->H : 0,
                                .bits = l->bits,
                                .quant_q = l->quant_q,
                                .quant_k = l->quant_k};
}

static void must_be_head(const trace_head_t *a, const trace_head_t *b)
{
    must(!memcmp(a->q, b->q, a->L * a->d * sizeof *a->q) && !memcmp(a->k, b->k, a->M * a->d * sizeof *a->k));
    must(!memcmp(a->v, b->v, a->M * a->d * sizeof *a->v) && !a->mask == !b->mask);
    must(!a->mask || !memcmp(a->mask, b->mask, a->L * a->M));
    must(!memcmp(a->valid, b->valid, a->M) && !memcmp(a->valid_q, b->valid_q, a->L));
    must(a->scaling == b->scaling && a->threshold == b->threshold && a->bits == b->bits);
    must(a->quant_q == b->quant_q && a->quant_k == b->quant_k && a->empty_row == b->empty_row);
    must(a->causal == b->causal && a->has_threshold == b->has_threshold);
}

static void must_be_trace(const trace_t *a, const trace_t *b)
{
    char error[TRACE_ERROR_BYTES];
    trace_head_t x = {0}, y = {0};
    must(trace_layer_count(a) == trace_layer_count(b));
    must(!strcmp(trace_model(a), trace_model(b)) && !strcmp(trace_source(a), trace_source(b)));
    for (size_t i = 0; i < trace_layer_count(a); i++) {
        const trace_layer_t *l = trace_layer(a, i), *m = trace_layer(b, i);
        must(!strcmp(l->id, m->id) && l->B == m->B && l->H == m->H && l->Hkv == m->Hkv);
        must(l->L == m->L && l->M == m->M && l->d == m->d && l->policy == m->policy);
        for (size_t n = 0; n < l->B * l->H; n++) {
            must(trace_load_head(a, l, n / l->H, n % l->H, &x, error, sizeof error));
            must(trace_load_head(b, m, n / l->H, n % l->H, &y, error, sizeof error));
            must_be_head(&x, &y);
        }
    }
    trace_head_free(&x);
    trace_head_free(&y);
}

static void must_survive_writing(const trace_t *trace)
{
    char error[TRACE_ERROR_BYTES] = "", path[64];
    size_t layers = trace_layer_count(trace);
    arrays_t *arrays = array(layers, sizeof *arrays);
    trace_layer_data_t *data = array(layers, sizeof *data);
    trace_t *again;
    for (size_t i = 0; i < layers; i++) data[i] = collect(trace, trace_layer(trace, i), &arrays[i]);
    const trace_data_t whole = {
        .model = trace_model(trace), .source = trace_source(trace), .layers = data, .layer_count = layers};
    snprintf(path, sizeof path, "/dev/shm/fuzz_trace-%ld", (long)getpid());
    must(trace_write(path, &whole, error, sizeof error));
    must(trace_open(path, &again, error, sizeof error));
    must_be_trace(trace, again);
    trace_close(again);
    must(!unlink(path));
    for (size_t i = 0; i < layers; i++) {
        free(arrays[i].q), free(arrays[i].k), free(arrays[i].v);
        free(arrays[i].mask), free(arrays[i].valid), free(arrays[i].valid_q);
    }
    free(arrays);
    free(data);
}

static bool is_small(const trace_t *trace)
{
    size_t all = 0;
    for (size_t i = 0; i < trace_layer_count(trace); i++) {
        const trace_layer_t *l = trace_layer(trace, i);
        all += l->B * l->H * (l->L * (l->d + l->M) + l->M * l->d);
    }
    return all <= WRITTEN_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[TRACE_ERROR_BYTES] = "";
    trace_t *trace;
    trace_head_t head = {0};
    if (!trace_open_memory("t", data, size, &trace, error, sizeof error)) {
        must(trace == NULL);
        must_be_line(error, "t: ", sizeof error);
        return 0;
    }
    bool valid = trace_validate(trace, error, sizeof error), loads = true;
    if (!valid) must_be_line(error, "t: ", sizeof error);
    for (size_t i = 0; i < trace_layer_count(trace) && loads; i++) {
        const trace_layer_t *layer = trace_layer(trace, i);
        must(trace_find_layer(trace, layer->id) == layer);
        loads = load_layer(trace, layer, &head, error);
    }
    must(loads == valid);
    trace_head_free(&head);
    if (valid && is_small(trace)) must_survive_writing(trace);
    trace_close(trace);
    return 0;
}
