// SPDX-License-Identifier: Apache-2.0
//
// A libFuzzer target for trace files:
//
//     clang -g -O1 -fsanitize=fuzzer,address,undefined -D_POSIX_C_SOURCE=200809L -std=c11
//         tests/fuzz_trace.c traces/trace.c traces/safetensors.c -lcjson -lm -o fuzz_trace
//
// Any bytes must give either a trace whose every head loads, or one printable line. What trace_validate
// says must agree with what trace_load_head says.
#include "../traces/trace.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) abort();
}

static void check_line(const char *err)
{
    size_t length = strlen(err);
    check(length > 0 && length < TRACE_ERROR_BYTES && strncmp(err, "t: ", 3) == 0);
    for (size_t i = 0; i < length; i++) check(err[i] >= 0x20 && err[i] < 0x7f);
}

static bool load_layer(const trace_t *trace, const trace_layer_t *layer, trace_head_t *head, char *err)
{
    for (size_t b = 0; b < layer->B; b++)
        for (size_t h = 0; h < layer->H; h++) {
            if (!trace_load_head(trace, layer, b, h, head, err, TRACE_ERROR_BYTES)) return false;
            for (size_t i = 0; i < head->L * head->M && head->mask; i++)
                check(!head->mask[i] || trace_allowed(head, i / head->M, i % head->M));
        }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char err[TRACE_ERROR_BYTES] = "";
    trace_t *trace;
    trace_head_t head = {0};
    if (!trace_open_memory("t", data, size, &trace, err, sizeof err)) {
        check(trace == NULL);
        check_line(err);
        return 0;
    }
    bool valid = trace_validate(trace, err, sizeof err), loads = true;
    if (!valid) check_line(err);
    for (size_t i = 0; i < trace_layer_count(trace) && loads; i++) {
        const trace_layer_t *layer = trace_layer(trace, i);
        check(trace_find_layer(trace, layer->id) == layer);
        loads = load_layer(trace, layer, &head, err);
    }
    check(loads == valid);
    trace_head_free(&head);
    trace_close(trace);
    return 0;
}
