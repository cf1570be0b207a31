/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../sim/paths.h"
#include "sanger.h"

static int list(void)
{
    static design_t d[DESIGNS_MAX];
    char error[DESIGN_ERROR_MAX];
    int n = paths_designs(d, DESIGNS_MAX, error);
    if (n < 0) return usage_error("design", "%s", error);
    for (int i = 0; i < n; ++i) {
        printf("%-20s %3d x %2d PEs over %3d columns  %s\n", d[i].name, d[i].rows, d[i].pes, d[i].columns,
               d[i].summary);
    }
    return EXIT_HOLDS;
}

static void print_fields(void)
{
    static const char *const kinds[] = {"text", "integer", "[bits, fraction]", "[num, append]", "choice"};
    for (const field_t *f = design_fields; f->key; ++f) {
        printf("%-24s %-17s ", f->key, kinds[f->kind]);
        if (f->kind == FIELD_CHOICE)
            printf("%s; ", f->choices);
        else if (f->kind == FIELD_FORMAT)
            printf("bits %lld to %lld; ", (long long)f->min, (long long)f->max);
        else if (f->kind == FIELD_INT)
            printf("%lld to %lld; ", (long long)f->min, (long long)f->max);
        printf("%s\n", f->doc);
    }
}

static int show(const char *name)
{
    design_t d;
    char hash[17];
    if (!name) return print_fields(), EXIT_HOLDS;
    if (!load_design("design", name, &d)) return EXIT_USAGE;
    char *text = design_print(&d);
    design_hash(&d, hash);
    printf("%s\n", text);
    fprintf(stderr, "hash %s\n", hash);
    free(text);
    return EXIT_HOLDS;
}

static int validate(int n, char **names)
{
    int code = EXIT_HOLDS;
    if (!n) return usage_error("design", "arguments: expected a file, found nothing");
    for (int i = 0; i < n; ++i) {
        design_t d;
        if (load_design("design", names[i], &d))
            printf("%s: a sound design, %s\n", names[i], d.name);
        else
            code = EXIT_USAGE;
    }
    return code;
}

static int run(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "list") && argc == 2) return list();
    if (!strcmp(what, "show") && argc <= 3) return show(argc == 3 ? argv[2] : NULL);
    if (!strcmp(what, "validate")) return validate(argc - 2, argv + 2);
    return usage_error("design", "action: expected list, show [DESIGN] or validate FILE..., found '%.64s'",
                       what);
}

const verb_t verb_design = {
    "design", "list, show and validate design points",
    "usage: sanger design list              the named designs\n"
    "       sanger design show              every field of a design: range and meaning\n"
    "       sanger design show DESIGN       a design as canonical JSON, its hash on stderr\n"
    "       sanger design validate FILE...  is it sound? else one line: file, field, expected, found\n\n"
    "DESIGN is a name from the list or a path to a JSON file.\n",
    run};
