/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "../../traces/trace.h"
#include "sanger.h"

static void print_layer(const trace_layer_t *l)
{
    printf("  layer %-8s B=%zu H=%zu Hkv=%zu L=%zu M=%zu d=%zu %s scaling=%.6g", l->id, l->B, l->H, l->Hkv,
           l->L, l->M, l->d, l->causal ? "causal" : "full", l->scaling);
    if (l->has_mask) printf(" mask=%s empty_row=%s", l->policy_text, trace_empty_row_name(l->empty_row));
    if (l->threshold) printf(" threshold=%g", l->threshold[0]);
    if (l->bits) printf(" bits=%d quant_q=%.6g quant_k=%.6g", l->bits, l->quant_q, l->quant_k);
    putchar('\n');
}

/* A file's words may hold line breaks and what steers a terminal. */
static void print_text(const char *name, const char *text)
{
    printf("  %s ", name);
    for (; *text; ++text) putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
    putchar('\n');
}

static int info(const char *path)
{
    char error[TRACE_ERROR_BYTES];
    trace_t *trace;
    if (!trace_open(path, &trace, error, sizeof error)) return usage_error("trace", "%s", error);
    printf("%s\n", path);
    print_text("model ", trace_model(trace));
    print_text("source", trace_source(trace));
    for (size_t i = 0; i < trace_layer_count(trace); ++i) print_layer(trace_layer(trace, i));
    trace_close(trace);
    return EXIT_HOLDS;
}

static int validate(const char *path)
{
    char error[TRACE_ERROR_BYTES];
    trace_t *trace;
    if (!trace_open(path, &trace, error, sizeof error)) return usage_error("trace", "%s", error);
    bool sound = trace_validate(trace, error, sizeof error);
    trace_close(trace);
    if (!sound) return usage_error("trace", "%s", error);
    printf("%s: a sound trace\n", path);
    return EXIT_HOLDS;
}

static int run(int argc, char **argv)
{
    int code = EXIT_HOLDS;
    bool is_info = argc > 1 && !strcmp(argv[1], "info");
    bool known = is_info || (argc > 1 && !strcmp(argv[1], "validate"));
    if (known && argc == 2) return usage_error("trace", "arguments: expected a file, found nothing");
    if (!known) {
        return usage_error("trace", "action: expected info FILE... or validate FILE..., found '%.64s'",
                           argc > 1 ? argv[1] : "");
    }
    for (int i = 2; i < argc; ++i) {
        int one = is_info ? info(argv[i]) : validate(argv[i]);
        if (one) code = one;
    }
    return code;
}

const verb_t verb_trace = {
    "trace", "describe and validate attention traces",
    "usage: sanger trace info FILE...      shapes and metadata of every layer\n"
    "       sanger trace validate FILE...  reads everything; else one line: file, field, expected, found\n\n"
    "The format's page is traces/FORMAT.md.\n",
    run};
