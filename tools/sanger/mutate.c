/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../sim/mutate_argued.h"
#include "../../sim/mutate_report.h"
#include "../../sim/paths.h"
#include "sanger.h"

/* The sides that --side names, one bit each; 0 after an error line. */
static int parse_sides(const char *text)
{
    if (!strcmp(text, "all")) return (1 << MUTATE_SIDES) - 1;
    for (int i = 0; i < MUTATE_SIDES; ++i) {
        if (!strcmp(text, mutate_sides[i])) return 1 << i;
    }
    usage_error("mutate", "--side: expected rtl, model, table or all, found '%.64s'", text);
    return 0;
}

static bool parse_least(const char *text, double *least)
{
    char *end = NULL;
    *least = strtod(text, &end);
    if (*text && !*end && *least >= 0 && *least <= 100) return true;
    usage_error("mutate", "--least: expected a percentage from 0 to 100, found '%.64s'", text);
    return false;
}

static bool parse_path(const char *text, char *out, size_t n)
{
    if ((size_t)snprintf(out, n, "%s", text) < n) return true;
    usage_error("mutate", "--argued: expected a shorter path, found '%.64s'", text);
    return false;
}

/* Runs the sides, prints, compares with the least score. */
static int run_sides(const mutate_config_t *base, int sides, const char *argued, double least, bool json)
{
    mutate_config_t config[MUTATE_SIDES];
    mutate_result_t *result[MUTATE_SIDES] = {NULL};
    char error[DUT_ERROR_MAX];
    int n = 0, code = EXIT_HOLDS;
    for (int side = 0; side < MUTATE_SIDES && code < EXIT_USAGE; ++side) {
        if (!(sides >> side & 1)) continue;
        config[n] = *base;
        config[n].side = (mutate_side_t)side;
        result[n] = malloc(sizeof *result[n]);
        if (!result[n]) return usage_error("mutate", "%s: out of memory", base->unit);
        dut_status_t status = mutate_run(&config[n], result[n], error);
        if (!status) status = mutate_argue(argued, &config[n], result[n], error);
        if (status)
            code = dut_error("mutate", status, error);
        else if (100 * mutate_sum(result[n]).score < least)
            code = EXIT_MISMATCH;
        ++n;
    }
    if (code < EXIT_USAGE) (json ? mutate_print_json : mutate_print)(stdout, config, result, n);
    for (int i = 0; i < n; ++i) free(result[i]);
    return code;
}

static int list_units(const design_t *d)
{
    for (const block_type_t *const *t = block_types; *t; ++t) {
        if (block_fits(*t, d)) puts((*t)->name);
    }
    return EXIT_HOLDS;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"design", required_argument, NULL, 'd'},
                                            {"unit", required_argument, NULL, 'u'},
                                            {"side", required_argument, NULL, 'w'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"mutants", required_argument, NULL, 'm'},
                                            {"cycles", required_argument, NULL, 'c'},
                                            {"longer", required_argument, NULL, 'l'},
                                            {"least", required_argument, NULL, 'p'},
                                            {"proof-seconds", required_argument, NULL, 't'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"argued", required_argument, NULL, 'a'},
                                            {"list", no_argument, NULL, 'i'},
                                            {"json", no_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};
    static design_t designs[DESIGNS_MAX];
    uint64_t jobs = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), mutants = 500, seconds = 20;
    mutate_config_t c = {
        .design = designs, .more = designs + 1, .seed = 1, .stimulus_seed = 1, .cycles = 2000, .longer = 50};
    int n = 0;
    char argued[PATH_MAX_BYTES + 32];
    double least = 99;
    int sides = 1 << MUTATE_RTL;
    bool json = false, list = false;
    snprintf(argued, sizeof argued, "%s/docs/mutation_argued.json", paths_data());
    for (int o; (o = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        bool ok = true;
        switch (o) {
        case 'd':
            if (n == DESIGNS_MAX) return usage_error("mutate", "--design: expected at most %d", DESIGNS_MAX);
            ok = load_design("mutate", optarg, &designs[n++]);
            break;
        case 'u': c.unit = optarg; break;
        case 'w': ok = (sides = parse_sides(optarg)) != 0; break;
        case 's': ok = parse_count("mutate", "--seed", optarg, 0, INT32_MAX, &c.seed); break;
        case 'm': ok = parse_count("mutate", "--mutants", optarg, 1, MUTANTS_MAX, &mutants); break;
        case 'c': ok = parse_count("mutate", "--cycles", optarg, 1, UINT64_C(1) << 32, &c.cycles); break;
        case 'l': ok = parse_count("mutate", "--longer", optarg, 1, 100000, &c.longer); break;
        case 'p': ok = parse_least(optarg, &least); break;
        case 't': ok = parse_count("mutate", "--proof-seconds", optarg, 1, 86400, &seconds); break;
        case 'j': ok = parse_count("mutate", "--jobs", optarg, 1, 64, &jobs); break;
        case 'a': ok = parse_path(optarg, argued, sizeof argued); break;
        case 'i': list = true; break;
        case 'o': json = true; break;
        default: return option_error("mutate", o, argv);
        }
        if (!ok) return EXIT_USAGE;
    }
    if (optind < argc)
        return usage_error("mutate", "arguments: expected options only, found '%.64s'", argv[optind]);
    if (!n) return usage_error("mutate", "--design: expected a name or a path, found nothing");
    if (list) return list_units(designs);
    if (!c.unit) return usage_error("mutate", "--unit: expected a unit, found nothing");
    if (!check_unit("mutate", c.unit)) return EXIT_USAGE;
    if (!block_fits(block_find(c.unit), designs))
        return usage_error("mutate", "--unit: expected one that %s has, found %s", designs->name, c.unit);
    c.n_more = n - 1;
    c.mutants = (int)mutants;
    c.jobs = (int)jobs;
    c.proof_seconds = (int)seconds;
    return run_sides(&c, sides, argued, least, json);
}

const verb_t verb_mutate = {
    "mutate", "are small random changes of one side of a unit noticed?",
    "usage: sanger mutate --design DESIGN --unit UNIT [options]\n\n"
    "  --design DESIGN     once more: where mutants of the model that held in the first one run too\n"
    "  --side SIDE         rtl (default), model, table or all: what is changed\n"
    "  --mutants N         at most (default 500)\n"
    "  --seed S            of the choice of mutants (default 1)\n"
    "  --cycles N          of each class of stimulus at first (default 2000)\n"
    "  --longer K          mutants that held run K times as long, with the next seed (default 50)\n"
    "  --proof-seconds N   for each try to prove a mutant of the Verilog equivalent (default 20)\n"
    "  --least P           the score in percent below which the exit code is 1 (default 99)\n"
    "  --argued FILE       reviewed reasons why no input shows a survivor (default: "
    "docs/mutation_argued.json)\n"
    "  --jobs N            worker processes (default: as many as processors)\n"
    "  --json              every mutant, as JSON\n"
    "  --list              the design's units, nothing else\n\n"
    "Each mutant runs under all classes of stimulus of the regression, seed 1, until the first difference: "
    "killed.\n"
    "What holds is proved equivalent (rtl: by Yosys; model: the same object code at -O2), or survived (no "
    "proof), or is\n"
    "undecided (no proof in time). The score is killed / (mutants - proved equivalent). The unchanged one "
    "has "
    "to hold for\n"
    "as long as a survivor runs.\n"
    "Needs yosys, verilator and g++.\n",
    run};
