/* SPDX-License-Identifier: Apache-2.0 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../sim/bench.h"
#include "sanger.h"

static const char *const default_designs[] = {"paper_64x16", "paper_64x16_array", "published_16x16x4",
                                              "published_8x8", NULL};

/* The processor's name, since a speed without one says nothing. */
static void machine_name(char name[128])
{
    char line[512];
    FILE *info = fopen("/proc/cpuinfo", "r");
    snprintf(name, 128, "unknown");
    while (info && fgets(line, sizeof line, info)) {
        if (sscanf(line, "model name : %127[^\n]", name) == 1) break;
    }
    if (info) fclose(info);
}

static cJSON *to_json(const design_t *d, const char *unit, const bench_result_t *r)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "design", d->name);
    cJSON_AddStringToObject(item, "unit", unit);
    cJSON_AddStringToObject(item, "model", r->has_fast ? "fast" : "reference");
    cJSON_AddNumberToObject(item, "model_cycles_per_s", r->model_cycles_per_s);
    cJSON_AddNumberToObject(item, "reference_cycles_per_s", r->reference_cycles_per_s);
    if (r->passes_cycles_per_s > 0)
        cJSON_AddNumberToObject(item, "whole_passes_cycles_per_s", r->passes_cycles_per_s);
    cJSON_AddNumberToObject(item, "rtl_cycles_per_s", r->rtl_cycles_per_s);
    cJSON_AddNumberToObject(item, "lockstep_cycles_per_s", r->lockstep_cycles_per_s);
    if (r->rtl_build_s > 0)
        cJSON_AddNumberToObject(item, "rtl_build_s", r->rtl_build_s);
    else
        cJSON_AddNullToObject(item, "rtl_build_s");
    cJSON_AddNumberToObject(item, "bytes_compared_per_cycle", (double)r->state_bytes);
    return item;
}

static void print_row(const design_t *d, const char *unit, const bench_result_t *r)
{
    char build[32] = "cached";
    char passes[32] = "";
    if (r->rtl_build_s > 0) snprintf(build, sizeof build, "%.1f", r->rtl_build_s);
    if (r->passes_cycles_per_s > 0) snprintf(passes, sizeof passes, "%.0f", 1e-3 * r->passes_cycles_per_s);
    printf("| %s | %s | %.0f | %.0f | %s | %.1f | %.1f | %.0f x | %.0f %% | %llu | %s |\n", d->name, unit,
           1e-3 * r->reference_cycles_per_s, 1e-3 * r->model_cycles_per_s, passes, 1e-3 * r->rtl_cycles_per_s,
           1e-3 * r->lockstep_cycles_per_s, r->model_cycles_per_s / r->rtl_cycles_per_s,
           100 * r->lockstep_cycles_per_s / r->rtl_cycles_per_s, (unsigned long long)r->state_bytes, build);
    fflush(stdout);
}

static void print_head(const char *machine)
{
    printf("The array under attention passes, the machine at work on a layer, kcycle/s, one core of %s\n\n",
           machine);
    puts("| design | unit | reference model | fast model | whole passes | RTL alone | lockstep | model / RTL "
         "| lockstep / "
         "RTL | "
         "bytes a cycle | RTL build s |");
    puts("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
}

/* The first design's figures at the top, all of them in "designs". */
static void print_json(const char *machine, const cJSON *list)
{
    cJSON *root = cJSON_Duplicate(list->child, true);
    cJSON_AddStringToObject(root, "machine", machine);
    cJSON_AddItemToObject(root, "designs", cJSON_Duplicate(list, true));
    char *text = cJSON_Print(root);
    puts(text ? text : "");
    cJSON_free(text);
    cJSON_Delete(root);
}

static int bench_unit(const design_t *d, const char *unit, double seconds, bool json, cJSON *list)
{
    char error[DUT_ERROR_MAX];
    bench_result_t r;
    if (!bench_has(d, unit)) return EXIT_HOLDS;
    dut_status_t status = bench_run(d, unit, seconds, &r, error);
    if (status) return dut_error("bench", status, error);
    cJSON_AddItemToArray(list, to_json(d, unit, &r));
    if (!json) print_row(d, unit, &r);
    return EXIT_HOLDS;
}

static int bench_all(const char *const *names, double seconds, bool json)
{
    char machine[128];
    cJSON *list = cJSON_CreateArray();
    int code = EXIT_HOLDS;
    machine_name(machine);
    if (!json) print_head(machine);
    for (int i = 0; names[i] && !code; ++i) {
        design_t d;
        if (!load_design("bench", names[i], &d)) code = EXIT_USAGE;
        if (!code) code = bench_unit(&d, bench_array(&d), seconds, json, list);
        if (!code) code = bench_unit(&d, "machine", seconds, json, list);
    }
    if (json && !code) print_json(machine, list);
    cJSON_Delete(list);
    return code;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"design", required_argument, NULL, 'd'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    const char *names[DESIGNS_MAX + 1] = {NULL};
    uint64_t seconds = 1;
    bool json = false;
    int n = 0;
    for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (c == 'd' && n < DESIGNS_MAX)
            names[n++] = optarg;
        else if (c == 'd')
            return usage_error("bench", "--design: expected at most %d designs", DESIGNS_MAX);
        else if (c == 'j')
            json = true;
        else if (c != 's')
            return option_error("bench", c, argv);
        else if (!parse_count("bench", "--seconds", optarg, 1, 600, &seconds))
            return EXIT_USAGE;
    }
    if (optind < argc)
        return usage_error("bench", "arguments: expected options only, found '%.64s'", argv[optind]);
    return bench_all(n ? names : default_designs, (double)seconds, json);
}

const verb_t verb_bench = {
    "bench", "speed of model, RTL and lockstep, in one run",
    "usage: sanger bench [--design DESIGN]... [--seconds N] [--json]\n\n"
    "The array under attention passes (slot_array where control travels), and the whole machine on a layer "
    "of\n"
    "a bundled trace: the readable model, the fast model, the machine with passes as a whole (its memory\n"
    "included), the Verilated RTL alone and the lockstep, best of three runs of N seconds each (default 1),\n"
    "for the paper's machine under both controls and two smaller designs. Compare ratios within one run;\n"
    "absolute speeds depend on the machine's other load.\n",
    run};
