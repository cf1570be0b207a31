/* SPDX-License-Identifier: Apache-2.0 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../sim/vectors.h"
#include "sanger.h"

typedef struct {
    const char *design, *unit, *out, *stimulus, *file;
    const canary_t *canary;
    uint64_t cycles, seed;
    bool fast, json;
} options_t;

static int parse(int argc, char **argv, options_t *o)
{
    static const struct option options[] = {
        {"design", required_argument, NULL, 'd'},   {"unit", required_argument, NULL, 'u'},
        {"cycles", required_argument, NULL, 'c'},   {"seed", required_argument, NULL, 's'},
        {"stimulus", required_argument, NULL, 't'}, {"out", required_argument, NULL, 'o'},
        {"canary", required_argument, NULL, 'k'},   {"model", required_argument, NULL, 'm'},
        {"json", no_argument, NULL, 'j'},           {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        switch (c) {
        case 'd': o->design = optarg; break;
        case 'u': o->unit = optarg; break;
        case 'o': o->out = optarg; break;
        case 't': o->stimulus = optarg; break;
        case 'j': o->json = true; break;
        case 'k':
            o->canary = canary_find(optarg);
            if (o->canary) break;
            return usage_error("vectors",
                               "--canary: expected a name from cosim --list-canaries, found '%.64s'", optarg);
        case 'm':
            o->fast = !strcmp(optarg, "fast");
            if (o->fast || !strcmp(optarg, "reference")) break;
            return usage_error("vectors", "--model: expected fast or reference, found '%.64s'", optarg);
        case 'c':
            if (!parse_count("vectors", "--cycles", optarg, 1, UINT64_C(1) << 40, &o->cycles))
                return EXIT_USAGE;
            break;
        case 's':
            if (!parse_count("vectors", "--seed", optarg, 0, UINT64_C(1) << 53, &o->seed)) return EXIT_USAGE;
            break;
        default: return option_error("vectors", c, argv);
        }
    }
    if (!o->unit) return usage_error("vectors", "--unit: expected a unit of the design, found nothing");
    if (!check_unit("vectors", o->unit)) return EXIT_USAGE;
    if (optind < argc) o->file = argv[optind++];
    return optind < argc
               ? usage_error("vectors", "arguments: expected one file, found '%.64s' too", argv[optind])
               : EXIT_HOLDS;
}

static int record(const options_t *o, const design_t *d)
{
    char error[DUT_ERROR_MAX];
    int kind = stimulus_find(o->stimulus);
    if (kind < 0) {
        return usage_error("vectors",
                           "--stimulus: expected legal, illegal, corner or scheduled, found '%.64s'",
                           o->stimulus);
    }
    if (o->file) return usage_error("vectors", "arguments: expected options only, found '%.64s'", o->file);
    if (!o->out) return usage_error("vectors", "--out: expected a file, found nothing");
    const vectors_source_t source = {d, o->unit, (stimulus_class_t)kind, o->seed, o->cycles};
    dut_status_t status = vectors_record(&source, o->out, error);
    if (status) return dut_error("vectors", status, error);
    printf("%s: %" PRIu64 " cycles of %s of %s, %s stimulus, seed %" PRIu64 "\n", o->out, o->cycles, o->unit,
           d->name, o->stimulus, o->seed);
    return EXIT_HOLDS;
}

static int print_json(const options_t *o, const design_t *d, const vectors_result_t *r)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "unit", o->unit);
    cJSON_AddStringToObject(root, "design", d->name);
    cJSON_AddNumberToObject(root, "cycles", (double)r->cycles);
    cJSON_AddNumberToObject(root, "compared", (double)r->compared);
    cJSON_AddNumberToObject(root, "unspecified", (double)r->unspecified);
    cJSON_AddNumberToObject(root, "model_mismatches", (double)r->model_mismatches);
    cJSON_AddNumberToObject(root, "rtl_mismatches", (double)r->rtl_mismatches);
    cJSON_AddNumberToObject(root, "lockstep_mismatches", (double)r->lockstep_mismatches);
    if (*r->first) cJSON_AddStringToObject(root, "first", r->first);
    char *text = cJSON_Print(root);
    puts(text ? text : "");
    cJSON_free(text);
    cJSON_Delete(root);
    return vectors_hold(r) ? EXIT_HOLDS : EXIT_MISMATCH;
}

static int print_lines(const options_t *o, const design_t *d, const vectors_result_t *r)
{
    bool holds = vectors_hold(r);
    printf("%s %s %s %s cycles=%" PRIu64 " compared=%" PRIu64 " model_mismatches=%" PRIu64
           " rtl_mismatches=%" PRIu64 " lockstep_mismatches=%" PRIu64 "\n",
           holds ? "PASS" : "FAIL", o->unit, d->name, o->file, r->cycles, r->compared, r->model_mismatches,
           r->rtl_mismatches, r->lockstep_mismatches);
    if (*r->first) puts(r->first);
    if (r->unspecified) {
        printf("%" PRIu64 " values of the file stand where the unit promises none and were not compared\n",
               r->unspecified);
    }
    if (!r->compared) printf("VACUOUS %s: no output value to compare, all are x\n", o->file);
    return holds ? EXIT_HOLDS : EXIT_MISMATCH;
}

static int check(const options_t *o, const design_t *d)
{
    char error[DUT_ERROR_MAX];
    vectors_result_t r;
    if (!o->file) return usage_error("vectors", "arguments: expected a file, found nothing");
    if (o->out) return usage_error("vectors", "--out: expected on record only, found '%.64s'", o->out);
    if (o->canary && !canary_shows(o->canary, d))
        return usage_error("vectors", "--canary: expected a %s design for %s, found %s",
                           o->canary->arithmetic, o->canary->name, d->name);
    const cosim_config_t sides = {.design = d, .unit = o->unit, .fast = o->fast, .canary = o->canary};
    dut_status_t status = vectors_check_sides(&sides, o->file, true, &r, error);
    if (status) return dut_error("vectors", status, error);
    return o->json ? print_json(o, d, &r) : print_lines(o, d, &r);
}

static int run(int argc, char **argv)
{
    options_t o = {.cycles = 1000, .seed = 1, .stimulus = "legal"};
    design_t d;
    const char *action = argc > 1 ? argv[1] : "";
    bool records = !strcmp(action, "record");
    if (!records && strcmp(action, "check") != 0) {
        return usage_error("vectors", "action: expected record or check, found '%.64s'", action);
    }
    int code = parse(argc - 1, argv + 1, &o);
    if (code) return code;
    if (!load_design("vectors", o.design, &d)) return EXIT_USAGE;
    return records ? record(&o, &d) : check(&o, &d);
}

const verb_t verb_vectors = {
    "vectors", "cycle vectors of a unit as text: write them, or check a file against model and RTL",
    "usage: sanger vectors record --design DESIGN --unit UNIT --out FILE [--cycles N] [--seed S] [--stimulus "
    "CLASS]\n"
    "       sanger vectors check FILE --design DESIGN --unit UNIT [--canary NAME] [--model M] [--json]\n\n"
    "  --cycles N         cycles to record (default 1000)\n"
    "  --seed S           of the stimulus (default 1)\n"
    "  --stimulus CLASS   legal (default), illegal, corner or scheduled\n"
    "  --canary NAME      check a design with this planted bug (names: sanger cosim --list-canaries)\n"
    "  --model M          reference (default) or fast, where the unit has one\n"
    "  --json             the result as JSON\n\n"
    "A file has two header lines, '# inputs: name:bits ...' and '# outputs: name:bits ...', then one line a "
    "cycle,\n"
    "from the first after reset on: inputs in hex, '|', outputs in hex as settled before that cycle's clock "
    "edge, x\n"
    "where the unit specifies nothing. Elements of vectors are name_0, of matrices name_0_0; columns come in "
    "any\n"
    "order, outputs may be a part of the unit's. Widths may be another implementation's as long as the "
    "values fit.\n"
    "Exit code 1 when model or RTL differ from the file (the first one is named) or the file has no output "
    "value.\n",
    run};
