/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../sim/suite.h"
#include "sanger.h"

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"design", required_argument, NULL, 'd'},
                                            {"unit", required_argument, NULL, 'u'},
                                            {"cycles", required_argument, NULL, 'c'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"junit", required_argument, NULL, 'x'},
                                            {"json", no_argument, NULL, 'o'},
                                            {"report", required_argument, NULL, 'r'},
                                            {"budget", required_argument, NULL, 'b'},
                                            {"no-minimise", no_argument, NULL, 'n'},
                                            {NULL, 0, NULL, 0}};
    static designs_t designs;
    uint64_t jobs = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), cycles = RUNS_REGRESSION_CYCLES, seed = 1;
    suite_t suite = {.verb = "regress",
                     .wanted = {.kind = -1, .models = RUNS_BOTH, .high_counters = true, .budget = -1}};
    for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        bool ok = true;
        switch (c) {
        case 'd': ok = designs_add("regress", optarg, &designs); break;
        case 'u': suite.wanted.unit = optarg; break;
        case 'c': ok = parse_count("regress", "--cycles", optarg, 1, UINT64_C(1) << 48, &cycles); break;
        case 's': ok = parse_count("regress", "--seed", optarg, 0, UINT64_C(1) << 53, &seed); break;
        case 'j': ok = parse_count("regress", "--jobs", optarg, 1, 64, &jobs); break;
        case 'x': suite.junit = optarg; break;
        case 'r': suite.wanted.report_dir = optarg; break;
        case 'b': ok = parse_budget("regress", optarg, &suite.wanted.budget); break;
        case 'n': suite.wanted.budget = 0; break;
        case 'o': suite.json = true; break;
        default: return option_error("regress", c, argv);
        }
        if (!ok) return EXIT_USAGE;
    }
    if (optind < argc)
        return usage_error("regress", "arguments: expected options only, found '%.64s'", argv[optind]);
    if (suite.wanted.unit && !check_unit("regress", suite.wanted.unit)) return EXIT_USAGE;
    if (!designs.n && !designs_add_named("regress", &designs)) return EXIT_USAGE;
    suite.wanted.designs = designs.design;
    suite.wanted.design_names = designs.name;
    suite.wanted.n_designs = designs.n;
    suite.total_cycles = cycles;
    suite.wanted.seed = seed;
    suite.jobs = (int)jobs;
    return suite_run(&suite);
}

const verb_t verb_regress = {
    "regress", "every unit of every design in lockstep",
    "usage: sanger regress [options]\n\n"
    "  --cycles N       cycles of all runs together (default 30000000), shared out so that runs take similar "
    "time;\n"
    "                   a run has 2000 at least\n"
    "  --design DESIGN  this one only; may be repeated (default: every named design)\n"
    "  --unit UNIT      this unit only\n"
    "  --seed S         default 1\n"
    "  --jobs N         worker processes (default: as many as processors)\n"
    "  --junit FILE     results as JUnit XML too\n"
    "  --report FOLDER  where divergences leave their smallest stimulus, waves and report.json\n"
    "  --budget S       seconds at most to make a stimulus small (default 10, 120 for big designs)\n"
    "  --no-minimise    do not make it small\n"
    "  --json           results as JSON\n\n"
    "Units with a fast model run against it and against the reference. Exit code 1 on a mismatch or when a "
    "run\n"
    "compared nothing.\n",
    run};
