/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "../../sim/paths.h"
#include "sanger.h"

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        {"design", required_argument, NULL, 'd'}, {"out", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
    const char *name = NULL, *out = NULL;
    char source[PATH_MAX_BYTES + 8], error[GENERATE_ERROR_MAX];
    design_t d;
    for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (c == 'd')
            name = optarg;
        else if (c == 'o')
            out = optarg;
        else
            return option_error("generate", c, argv);
    }
    if (optind < argc)
        return usage_error("generate", "arguments: expected options only, found '%.64s'", argv[optind]);
    if (!out) return usage_error("generate", "--out: expected a folder, found nothing");
    if (!load_design("generate", name, &d)) return EXIT_USAGE;
    snprintf(source, sizeof source, "%s/rtl", paths_data());
    if (generate_files(&d, source, out, NULL, error)) return usage_error("generate", "%s", error);
    printf("%s: Verilog, signal table and Verilator configuration in %s\n", d.name, out);
    return EXIT_HOLDS;
}

const verb_t verb_generate = {
    "generate", "write a design's Verilog",
    "usage: sanger generate --design DESIGN --out FOLDER\n\n"
    "Writes one parameter-free Verilog file a module, <design>_signals.md (every unit's ports, nets and "
    "registers)\n"
    "and <design>.vlt (what a Verilator build keeps visible). The same design gives the same bytes.\n",
    run};
