// SPDX-License-Identifier: Apache-2.0
//
// rewrite_trace IN OUT: reads a trace head by head through the simulator's reader and writes it anew through
// its writer. What Python finds in OUT went through C both ways.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

static void *need(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory) exit(3);
    return memory;
}

static bool read_layer(const trace_t *trace, const trace_layer_t *from, trace_layer_data_t *to, char *err)
{
    const size_t group = from->H / from->Hkv, queries = from->L * from->d, keys = from->M * from->d;
    double *q = need(from->B * from->H * queries, sizeof *q);
    double *k = need(from->B * from->Hkv * keys, sizeof *k), *v = need(from->B * from->Hkv * keys, sizeof *v);
    uint8_t *mask = from->has_mask ? need(from->B * from->H * from->L * from->M, 1) : NULL;
    uint8_t *valid = need(from->B * from->M, 1), *valid_q = need(from->B * from->L, 1);
    trace_head_t head = {0};
    for (size_t b = 0; b < from->B; b++)
        for (size_t h = 0; h < from->H; h++) {
            if (!trace_load_head(trace, from, b, h, &head, err, TRACE_ERROR_BYTES)) return false;
            const size_t row = b * from->H + h, kv = b * from->Hkv + h / group;
            memcpy(q + row * queries, head.q, queries * sizeof *q);
            memcpy(k + kv * keys, head.k, keys * sizeof *k);
            memcpy(v + kv * keys, head.v, keys * sizeof *v);
            if (mask) memcpy(mask + row * from->L * from->M, head.mask, from->L * from->M);
            memcpy(valid + b * from->M, head.valid, from->M);
            memcpy(valid_q + b * from->L, head.valid_q, from->L);
        }
    trace_head_free(&head);
    *to = (trace_layer_data_t){
        .id = from->id,
        .B = from->B,
        .H = from->H,
        .Hkv = from->Hkv,
        .L = from->L,
        .M = from->M,
        .d = from->d,
        .dtype = from->dtype_q,
        .q = q,
        .k = k,
        .v = v,
        .mask = mask,
        .valid = valid,
        .valid_q = valid_q,
        .causal = from->causal,
        .scaling = from->scaling,
        .policy = from->policy_text,
        .empty_row = from->empty_row,
        .threshold = from->threshold,
        .threshold_count = from->threshold ? from->H : 0,
        .bits = from->bits,
        .quant_q = from->quant_q,
        .quant_k = from->quant_k,
    };
    return true;
}

int main(int argc, char **argv)
{
    char err[TRACE_ERROR_BYTES] = "usage: rewrite_trace IN OUT";
    trace_t *trace = NULL;
    bool ok = argc == 3 && trace_open(argv[1], &trace, err, sizeof err);
    if (ok) {
        trace_data_t data = {.model = trace_model(trace), .source = trace_source(trace)};
        data.layer_count = trace_layer_count(trace);
        trace_layer_data_t *layers = need(data.layer_count, sizeof *layers);
        for (size_t i = 0; ok && i < data.layer_count; i++)
            ok = read_layer(trace, trace_layer(trace, i), layers + i, err);
        data.layers = layers;
        ok = ok && trace_write(argv[2], &data, err, sizeof err);
    }
    if (!ok) fprintf(stderr, "%s\n", err);
    return ok ? 0 : 2;
}
