/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../sim/paths.h"
#include "../../sim/suite.h"
#include "sanger.h"

enum { DESIGNS_MAX = 64 };

/* The regression's designs: named ones in the order of their names, or those of --design. */
typedef struct {
    int n;
    design_t design[DESIGNS_MAX];
    const char *name[DESIGNS_MAX];
} designs_t;

static bool add_named(designs_t *all)
{
    char error[DESIGN_ERROR_MAX];
    all->n = paths_designs(all->design, DESIGNS_MAX, error);
    if (all->n < 0) return usage_error("regress", "%s", error), false;
    for (int i = 0; i < all->n; ++i) all->name[i] = all->design[i].name;
    return true;
}

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
                                            {NULL, 0, NULL, 0}};
    static designs_t all;
    uint64_t jobs = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), cycles = 1500000, seed = 1;
    suite_t suite = {.verb = "regress", .kind = -1, .models = SUITE_BOTH};
    for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        bool ok = true;
        switch (c) {
        case 'd':
            if (all.n == DESIGNS_MAX)
                return usage_error("regress", "--design: expected at most %d", DESIGNS_MAX);
            ok = load_design("regress", optarg, &all.design[all.n]);
            all.name[all.n++] = optarg;
            break;
        case 'u': suite.unit = optarg; break;
        case 'c': ok = parse_count("regress", "--cycles", optarg, 1, UINT64_C(1) << 48, &cycles); break;
        case 's': ok = parse_count("regress", "--seed", optarg, 0, UINT64_C(1) << 53, &seed); break;
        case 'j': ok = parse_count("regress", "--jobs", optarg, 1, 64, &jobs); break;
        case 'x': suite.junit = optarg; break;
        case 'r': suite.report_dir = optarg; break;
        case 'o': suite.json = true; break;
        default: return option_error("regress", c, argv);
        }
        if (!ok) return EXIT_USAGE;
    }
    if (optind < argc)
        return usage_error("regress", "arguments: expected options only, found '%.64s'", argv[optind]);
    if (suite.unit && !check_unit("regress", suite.unit)) return EXIT_USAGE;
    if (!all.n && !add_named(&all)) return EXIT_USAGE;
    suite.designs = all.design;
    suite.design_names = all.name;
    suite.n_designs = all.n;
    suite.total_cycles = cycles;
    suite.seed = seed;
    suite.jobs = (int)jobs;
    return suite_run(&suite);
}

const verb_t verb_regress = {
    "regress", "every unit of every design in lockstep",
    "usage: sanger regress [options]\n\n"
    "  --cycles N       cycles of all runs together (default 1500000), shared out so that runs take similar "
    "time\n"
    "  --design DESIGN  this one only; may be repeated (default: every named design)\n"
    "  --unit UNIT      this unit only\n"
    "  --seed S         default 1\n"
    "  --jobs N         worker processes (default: as many as processors)\n"
    "  --junit FILE     results as JUnit XML too\n"
    "  --report FOLDER  where divergences leave waves and report.json\n"
    "  --json           results as JSON\n\n"
    "Units with a fast model run against it and against the reference. Exit code 1 on a mismatch or when a "
    "run\n"
    "compared nothing.\n",
    run};
