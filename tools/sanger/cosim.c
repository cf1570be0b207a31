/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../model/file.h"
#include "../../sim/report.h"
#include "../../sim/suite.h"
#include "sanger.h"

enum { CHOICES_MAX = 1 << 26 };

typedef struct {
    const char *design, *unit, *report, *stimulus;
    const canary_t *canary;
    choices_t choices; /* path NULL: none */
    uint64_t cycles, seed;
    double budget; /* as runs_wanted_t's */
    bool list, high_counters;
    bool reference, waves, json;
} options_t;

static int list_canaries(void)
{
    for (const canary_t *c = canaries; c->name; ++c) {
        const char *side = c->side == CANARY_RTL ? "rtl" : canary_is_fast(c) ? "fast" : "model";
        printf("%-28s %-5s %-12s %-10s %s\n", c->name, side, c->unit, c->arithmetic ? c->arithmetic : "any",
               c->kind);
    }
    return EXIT_HOLDS;
}

static int parse(int argc, char **argv, options_t *o)
{
    static const struct option options[] = {
        {"design", required_argument, NULL, 'd'},   {"unit", required_argument, NULL, 'u'},
        {"cycles", required_argument, NULL, 'c'},   {"seed", required_argument, NULL, 's'},
        {"stimulus", required_argument, NULL, 't'}, {"canary", required_argument, NULL, 'k'},
        {"model", required_argument, NULL, 'm'},    {"report", required_argument, NULL, 'r'},
        {"waves", no_argument, NULL, 'w'},          {"json", no_argument, NULL, 'j'},
        {"list-canaries", no_argument, NULL, 'l'},  {"budget", required_argument, NULL, 'b'},
        {"no-minimise", no_argument, NULL, 'n'},    {"choices", required_argument, NULL, 'C'},
        {"high-counters", no_argument, NULL, 'H'},  {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        switch (c) {
        case 'd': o->design = optarg; break;
        case 'u': o->unit = optarg; break;
        case 'r': o->report = optarg; break;
        case 'C': o->choices.path = optarg; break;
        case 'H': o->high_counters = true; break;
        case 'w': o->waves = true; break;
        case 'j': o->json = true; break;
        case 't': o->stimulus = optarg; break;
        case 'n': o->budget = 0; break;
        case 'b':
            if (!parse_budget("cosim", optarg, &o->budget)) return EXIT_USAGE;
            break;
        case 'c':
            if (!parse_count("cosim", "--cycles", optarg, 0, UINT64_C(1) << 48, &o->cycles))
                return EXIT_USAGE;
            break;
        case 's':
            if (!parse_count("cosim", "--seed", optarg, 0, UINT64_C(1) << 53, &o->seed)) return EXIT_USAGE;
            break;
        case 'm':
            o->reference = !strcmp(optarg, "reference");
            if (o->reference || !strcmp(optarg, "fast")) break;
            return usage_error("cosim", "--model: expected fast or reference, found '%.64s'", optarg);
        case 'k':
            o->canary = canary_find(optarg);
            if (o->canary) break;
            return usage_error("cosim", "--canary: expected a name from --list-canaries, found '%.64s'",
                               optarg);
        case 'l': o->list = true; break;
        default: return option_error("cosim", c, argv);
        }
    }
    if (optind < argc)
        return usage_error("cosim", "arguments: expected options only, found '%.64s'", argv[optind]);
    if (o->unit && !check_unit("cosim", o->unit)) return EXIT_USAGE;
    if (o->stimulus && stimulus_find(o->stimulus) < 0) {
        return usage_error("cosim", "--stimulus: expected legal, illegal, corner or scheduled, found '%.64s'",
                           o->stimulus);
    }
    return EXIT_HOLDS;
}

/* A planted bug chooses the unit, and the model that it sits in. */
static int plant(options_t *o, const design_t *d)
{
    if (!o->canary) return EXIT_HOLDS;
    if (!o->unit) o->unit = o->canary->unit;
    if (o->canary->side == CANARY_MODEL) o->reference = !canary_is_fast(o->canary);
    if (canary_is_fast(o->canary) && !block_fast(block_find(o->unit), d))
        return usage_error("cosim",
                           "--canary: expected a unit and design with a fast model for %s, found %s of %s",
                           o->canary->name, o->unit, d->name);
    if (canary_shows(o->canary, d)) return EXIT_HOLDS;
    return usage_error("cosim", "--canary: expected a %s design for %s, found %s", o->canary->arithmetic,
                       o->canary->name, d->name);
}

/* Bytes of --choices. */
static int read_choices(choices_t *c)
{
    if (!c->path) return EXIT_HOLDS;
    c->bytes = (uint8_t *)file_read(c->path, CHOICES_MAX, &c->n);
    if (c->bytes) return EXIT_HOLDS;
    const char *why = errno == EFBIG ? "a larger one" : errno == EINVAL ? "no regular file" : strerror(errno);
    return usage_error("cosim", "%s: --choices: expected a readable file of at most %d bytes, found: %s",
                       c->path, CHOICES_MAX, why);
}

static int run(int argc, char **argv)
{
    options_t o = {.cycles = 10000, .seed = 1, .budget = -1};
    design_t d;
    int code = parse(argc, argv, &o);
    if (code) return code;
    if (o.list) return list_canaries();
    if (!load_design("cosim", o.design, &d)) return EXIT_USAGE;
    code = plant(&o, &d);
    if (!code) code = read_choices(&o.choices);
    if (code) return code;
    suite_t suite = {.verb = "cosim",
                     .wanted = {.designs = &d,
                                .design_names = &o.design,
                                .n_designs = 1,
                                .unit = o.unit,
                                .kind = o.stimulus ? stimulus_find(o.stimulus) : -1,
                                .models = o.reference ? RUNS_REFERENCE : RUNS_FAST,
                                .seed = o.seed,
                                .choices = o.choices.path ? &o.choices : NULL,
                                .high_counters = o.high_counters,
                                .canary = o.canary,
                                .budget = o.budget,
                                .report_dir = o.report ? o.report : "sanger-report",
                                .waves = o.waves},
                     .cycles = o.cycles,
                     .jobs = 1,
                     .json = o.json};
    code = suite_run(&suite);
    free(o.choices.bytes);
    return code;
}

const verb_t verb_cosim = {
    "cosim", "model and generated Verilog in lockstep under random stimulus",
    "usage: sanger cosim --design DESIGN [--unit UNIT] [options]\n\n"
    "  --unit UNIT        one unit; all units of the design otherwise\n"
    "  --cycles N         cycles of each run (default 10000)\n"
    "  --seed S           replays a run (default 1)\n"
    "  --stimulus CLASS   legal, illegal, corner or scheduled; all otherwise\n"
    "  --choices FILE     bytes that random choices are taken from before the seed's: a fuzzer's input "
    "replayed\n"
    "  --high-counters    event counters jump close to their maxima now and then, but for legal stimulus,\n"
    "                     as in regress\n"
    "  --model M          fast (default; where a unit has a fast model) or reference\n"
    "  --canary NAME      plant a known bug, in its unit unless --unit names another; it must be found\n"
    "  --list-canaries    their names\n"
    "  --report FOLDER    where a divergence leaves its smallest stimulus as cycle vectors, waves (FST, "
    "GTKWave "
    "save\n"
    "                     files) and report.json (default: ./sanger-report)\n"
    "  --budget S         seconds at most to make the stimulus small (default 10, 120 for big designs)\n"
    "  --no-minimise      do not make it small\n"
    "  --waves            waves also of a run that holds: its first 256 cycles\n"
    "  --json             results as JSON\n\n"
    "At the first divergence: one MISMATCH line per differing element, the last cycles' inputs, and the "
    "command that\n"
    "does it again. A run that compared nothing fails. Exit code 1 on a mismatch.\n",
    run};
