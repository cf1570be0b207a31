/* SPDX-License-Identifier: Apache-2.0 */
#include "../../sim/campaign.h"
#include "../../sim/number.h"

#include <stdlib.h>
#include <unistd.h>

#include "sanger.h"

enum { HOURS_MAX = 10000 };

static bool parse_hours(const char *text, double *hours)
{
    double value;
    if (number_real(text, 0, HOURS_MAX, &value) && value > 0) return *hours = value, true;
    usage_error("campaign", "--hours: expected a number above 0, at most %d, found '%.64s'", HOURS_MAX, text);
    return false;
}

static bool add_evidence(campaign_t *c, const char *path)
{
    if (c->n_evidence == CAMPAIGN_EVIDENCE_MAX)
        return usage_error("campaign", "--evidence: expected at most %d", CAMPAIGN_EVIDENCE_MAX), false;
    c->evidence[c->n_evidence++] = path;
    return true;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        {"out", required_argument, NULL, 'O'},    {"cycles", required_argument, NULL, 'c'},
        {"hours", required_argument, NULL, 'h'},  {"design", required_argument, NULL, 'd'},
        {"unit", required_argument, NULL, 'u'},   {"seed", required_argument, NULL, 's'},
        {"jobs", required_argument, NULL, 'j'},   {"evidence", required_argument, NULL, 'e'},
        {"report", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
    static designs_t designs;
    uint64_t jobs = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), seed = 1;
    campaign_t campaign = {.wanted = {.kind = -1, .models = RUNS_BOTH, .budget = -1}};
    for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        bool ok = true;
        switch (c) {
        case 'O': campaign.folder = optarg; break;
        case 'c':
            ok = parse_count("campaign", "--cycles", optarg, 1, UINT64_C(1) << 48, &campaign.cycles);
            break;
        case 'h': ok = parse_hours(optarg, &campaign.hours); break;
        case 'd': ok = designs_add("campaign", optarg, &designs); break;
        case 'u': campaign.wanted.unit = optarg; break;
        case 's': ok = parse_count("campaign", "--seed", optarg, 0, UINT64_C(1) << 52, &seed); break;
        case 'j': ok = parse_count("campaign", "--jobs", optarg, 1, 64, &jobs); break;
        case 'e': ok = add_evidence(&campaign, optarg); break;
        case 'r': campaign.wanted.report_dir = optarg; break;
        default: return option_error("campaign", c, argv);
        }
        if (!ok) return EXIT_USAGE;
    }
    if (optind < argc)
        return usage_error("campaign", "arguments: expected options only, found '%.64s'", argv[optind]);
    if (!campaign.folder) return usage_error("campaign", "--out: expected a folder, found nothing");
    if (!campaign.cycles && !(campaign.hours > 0))
        return usage_error("campaign", "--cycles, --hours: expected one of them, found neither");
    if (campaign.wanted.unit && !check_unit("campaign", campaign.wanted.unit)) return EXIT_USAGE;
    if (!designs.n && !designs_add_named("campaign", &designs)) return EXIT_USAGE;
    campaign.wanted.designs = designs.design;
    campaign.wanted.design_names = designs.name;
    campaign.wanted.n_designs = designs.n;
    campaign.wanted.seed = seed;
    campaign.jobs = (int)jobs;
    return campaign_run(&campaign);
}

const verb_t verb_campaign = {
    "campaign", "a long lockstep campaign that can be killed and goes on",
    "usage: sanger campaign --out FOLDER --cycles N | --hours H [options]\n\n"
    "  --out FOLDER     the campaign's journal and summary; started again on it, the campaign goes on\n"
    "  --cycles N       until runs of so many cycles are done, those of earlier starts counted\n"
    "  --hours H        start no run after so long\n"
    "  --design DESIGN  this one only; may be repeated (default: every named design)\n"
    "  --unit UNIT      this unit only\n"
    "  --seed S         of the first round; each later one takes the next (default 1)\n"
    "  --jobs N         worker processes (default: as many as processors)\n"
    "  --evidence FILE  JSON of another tool, with \"title\" and \"summary\", to show in the summary; may be "
    "repeated\n"
    "  --report FOLDER  where divergences leave waves and report.json\n\n"
    "Every unit of every design under every class of stimulus, with new seeds in every round. The summary "
    "names commit,\n"
    "tools, designs' hashes, cycles and mismatches, as JSON and as a page. Exit code 1 when anything ever "
    "differed.\n",
    run};
