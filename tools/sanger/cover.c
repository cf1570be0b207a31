/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../sim/cover.h"
#include "../../sim/paths.h"
#include "../../sim/report.h"
#include "../../sim/runs.h"
#include "sanger.h"

typedef struct {
    const char *design, *unit, *reasons, *verilator;
    uint64_t cycles, seed; /* cycles 0: the regression's */
    bool json, all;
} options_t;

static int parse(int argc, char **argv, options_t *o)
{
    static const struct option options[] = {{"design", required_argument, NULL, 'd'},
                                            {"unit", required_argument, NULL, 'u'},
                                            {"cycles", required_argument, NULL, 'c'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"reasons", required_argument, NULL, 'r'},
                                            {"verilator", required_argument, NULL, 'v'},
                                            {"all", no_argument, NULL, 'a'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        bool ok = true;
        switch (c) {
        case 'd': o->design = optarg; break;
        case 'u': o->unit = optarg; break;
        case 'r': o->reasons = optarg; break;
        case 'v': o->verilator = optarg; break;
        case 'a': o->all = true; break;
        case 'j': o->json = true; break;
        case 'c': ok = parse_count("cover", "--cycles", optarg, 1, UINT64_C(1) << 48, &o->cycles); break;
        case 's': ok = parse_count("cover", "--seed", optarg, 0, UINT64_C(1) << 53, &o->seed); break;
        default: return option_error("cover", c, argv);
        }
        if (!ok) return EXIT_USAGE;
    }
    if (optind < argc)
        return usage_error("cover", "arguments: expected options only, found '%.64s'", argv[optind]);
    return o->unit && !check_unit("cover", o->unit) ? EXIT_USAGE : EXIT_HOLDS;
}

/* The regression's runs of named designs, and of this one where it is none of them; returns how many, -1
 * after an error line. */
static int plan(const options_t *o, const design_t *d, designs_t *designs, run_t *runs)
{
    bool named = false;
    if (!designs_add_named("cover", designs)) return -1;
    for (int i = 0; i < designs->n; ++i) named |= !strcmp(designs->design[i].name, d->name);
    if (!named && !designs_add("cover", o->design, designs)) return -1;
    const runs_wanted_t wanted = {.designs = designs->design,
                                  .design_names = designs->name,
                                  .n_designs = designs->n,
                                  .kind = -1,
                                  .models = RUNS_BOTH,
                                  .seed = o->seed};
    int n = runs_plan(&wanted, runs);
    runs_share(runs, n, RUNS_REGRESSION_CYCLES, RUNS_LEAST_CYCLES);
    return n;
}

/* Of a unit with two models the reference: both step through the same states. */
static bool is_followed(const run_t *r, const design_t *d, const char *unit)
{
    return !strcmp(r->config.design->name, d->name) && !strcmp(r->config.unit, unit) && !r->config.fast;
}

static int follow(const options_t *o, cover_t *cover, run_t *r)
{
    char coverage[PATH_MAX_BYTES], error[DUT_ERROR_MAX];
    cosim_config_t config = r->config;
    config.design_name = o->design;
    if (o->cycles) config.cycles = o->cycles;
    if (o->verilator) {
        snprintf(coverage, sizeof coverage, "%s.%s", o->verilator, stimulus_names[config.kind]);
        config.coverage = coverage;
    }
    dut_status_t status = cover_run(cover, &config, &r->result, error);
    if (status) return dut_error("cover", status, error);
    if (!r->result.diverged && !*r->result.vacuous) return EXIT_HOLDS;
    report_line(stdout, &config, status, &r->result);
    if (r->result.diverged && report_divergence(&config, &r->result, stdout, error))
        return dut_error("cover", DUT_BAD_INPUT, error);
    return EXIT_MISMATCH;
}

static int judge(const options_t *o, const design_t *d, const char *unit, cover_t *cover, cJSON *list)
{
    char path[PATH_MAX_BYTES + 32], error[REASONS_ERROR_MAX];
    snprintf(path, sizeof path, "%s/docs/coverage_reasons.json", paths_data());
    reasons_t *reasons = reasons_open(o->reasons ? o->reasons : path, block_find(unit), d, error);
    if (!reasons) return usage_error("cover", "%s", error);
    cJSON *json = cover_json(cover, reasons);
    reasons_close(reasons);
    if (!json) return usage_error("cover", "%s: out of memory", unit);
    if (!o->json) cover_print(stdout, json, o->all);
    int code = cover_holds(json) ? EXIT_HOLDS : EXIT_MISMATCH;
    cJSON_AddItemToArray(list, json);
    fflush(stdout);
    return code;
}

static int cover_unit(const options_t *o, const design_t *d, const char *unit, run_t *runs, int n,
                      cJSON *list)
{
    char error[DUT_ERROR_MAX];
    int code = EXIT_HOLDS;
    cover_t *cover = cover_open(unit, d, NULL, error);
    if (!cover) return usage_error("cover", "%s", error);
    for (int i = 0; i < n && !code; ++i) {
        if (is_followed(&runs[i], d, unit)) code = follow(o, cover, &runs[i]);
    }
    if (!code) code = judge(o, d, unit, cover, list);
    cover_close(cover);
    return code;
}

static int cover_all(const options_t *o, const design_t *d, run_t *runs, int n)
{
    cJSON *list = cJSON_CreateArray();
    int code = EXIT_HOLDS;
    for (const block_type_t *const *t = block_types; *t && code != EXIT_USAGE && code != EXIT_MISSING; ++t) {
        bool wanted = o->unit ? !strcmp(o->unit, (*t)->name) : block_fits(*t, d);
        int one = wanted ? cover_unit(o, d, (*t)->name, runs, n, list) : EXIT_HOLDS;
        code = one > code ? one : code;
    }
    char *text = o->json ? cJSON_Print(list) : NULL;
    if (text) puts(text);
    cJSON_free(text);
    cJSON_Delete(list);
    return code;
}

static int run(int argc, char **argv)
{
    static designs_t designs;
    options_t o = {.seed = 1};
    design_t d;
    int code = parse(argc, argv, &o);
    if (code) return code;
    if (!load_design("cover", o.design, &d)) return EXIT_USAGE;
    run_t *runs = calloc(RUNS_MAX, sizeof *runs);
    int n = runs ? plan(&o, &d, &designs, runs) : -1;
    code = n < 0 ? EXIT_USAGE : cover_all(&o, &d, runs, n);
    free(runs);
    return code;
}

const verb_t verb_cover = {
    "cover", "which bits and which situations lockstep runs reach",
    "usage: sanger cover --design DESIGN [--unit UNIT] [options]\n\n"
    "  --unit UNIT       one unit; all units of the design otherwise\n"
    "  --cycles N        cycles of each run (default: those that sanger regress gives it)\n"
    "  --seed S          of the runs (default 1, the regression's)\n"
    "  --all             list missed points that have a reason too\n"
    "  --reasons FILE    why points are missed (default: docs/coverage_reasons.json)\n"
    "  --verilator FILE  build the Verilog with Verilator's own toggle coverage and write FILE.<class> for "
    "each\n"
    "                    class of stimulus\n"
    "  --json            results as JSON\n\n"
    "Runs the unit in lockstep under each class of stimulus. A bit of a register, output, net or input has "
    "two\n"
    "points, 0->1 and 1->0, counted where the lockstep compares it; functional points are control codes, "
    "their\n"
    "pairs, states under back-pressure, extremes. Exit code 1 when a missed point has no reason, when a "
    "reason is\n"
    "stale, and on a mismatch.\n",
    run};
