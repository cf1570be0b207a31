/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../model/block.h"
#include "../../sim/number.h"
#include "../../sim/paths.h"
#include "sanger.h"

static const verb_t *const verbs[] = {&verb_design,   &verb_generate, &verb_cosim, &verb_cover, &verb_regress,
                                      &verb_campaign, &verb_replay,   &verb_check, &verb_trace, &verb_vectors,
                                      &verb_bench,    &verb_mutate,   NULL};

int print_help(const verb_t *verb)
{
    printf("sanger %s - %s\n\n%s", verb->name, verb->summary, verb->help);
    return EXIT_HOLDS;
}

enum { LINE_MAX_BYTES = 8192 };

/* What an argument brings along must neither end the line nor speak to the terminal. */
static void put_line(const char *text)
{
    for (; *text; ++text) fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, stderr);
    fputc('\n', stderr);
}

int usage_error(const char *verb, const char *format, ...)
{
    va_list args;
    char text[LINE_MAX_BYTES];
    int at = snprintf(text, sizeof text, "sanger %.64s: ", verb);
    va_start(args, format);
    vsnprintf(text + at, sizeof text - (size_t)at, format, args);
    va_end(args);
    put_line(text);
    return EXIT_USAGE;
}

int option_error(const char *verb, int answer, char **argv)
{
    const char *found = argv[optind - 1];
    if (answer == ':') return usage_error(verb, "%.64s: expected a value, found nothing", found);
    return usage_error(verb, "options: expected those of sanger %s --help, found '%.64s'", verb, found);
}

bool check_unit(const char *verb, const char *unit)
{
    char names[512] = "";
    size_t at = 0;
    if (block_find(unit)) return true;
    for (const block_type_t *const *t = block_types; *t && at < sizeof names; ++t) {
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", at ? ", " : "", (*t)->name);
    }
    usage_error(verb, "--unit: expected one of %s, found '%.64s'", names, unit);
    return false;
}

int dut_error(const char *verb, dut_status_t status, const char *error)
{
    usage_error(verb, "%s", error);
    return status == DUT_MISSING_TOOL ? EXIT_MISSING : EXIT_USAGE;
}

bool parse_count(const char *verb, const char *option, const char *text, uint64_t min, uint64_t max,
                 uint64_t *value)
{
    if (number_count(text, min, max, value)) return true;
    usage_error(verb, "%s: expected an integer from %" PRIu64 " to %" PRIu64 ", found '%.64s'", option, min,
                max, text);
    return false;
}

bool parse_budget(const char *verb, const char *text, double *seconds)
{
    uint64_t value;
    if (!parse_count(verb, "--budget", text, 1, 86400, &value)) return false;
    *seconds = (double)value;
    return true;
}

bool load_design(const char *verb, const char *name, design_t *d)
{
    char error[DESIGN_ERROR_MAX];
    if (!name) return usage_error(verb, "--design: expected a name or a path, found nothing"), false;
    if (!paths_design(name, d, error)) return true;
    usage_error(verb, "%s", error);
    return false;
}

static int print_overview(FILE *out)
{
    fputs("sanger - cycle-accurate simulator of the Sanger sparse-attention accelerator, with RTL "
          "co-simulation\n\n"
          "usage: sanger VERB [options]      sanger VERB --help\n\n",
          out);
    for (const verb_t *const *v = verbs; *v; ++v) fprintf(out, "  %-10s %s\n", (*v)->name, (*v)->summary);
    fputs("\nexit codes: 0 holds, 1 a mismatch or an error above the bound, 2 bad usage or input, 3 a "
          "missing tool\n",
          out);
    return out == stdout ? EXIT_HOLDS : EXIT_USAGE;
}

/* A closed standard stream must not become the first file that a verb opens. */
static void keep_standard_streams(void)
{
    for (int fd = 0; fd <= 2; ++fd) {
        if (fcntl(fd, F_GETFD) < 0) (void)!open("/dev/null", O_RDONLY);
    }
}

static int run_verb(const verb_t *verb, int argc, char **argv)
{
    for (int i = 1; i < argc; ++i) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return print_help(verb);
    }
    return verb->run(argc, argv);
}

static int run_command(int argc, char **argv)
{
    if (argc < 2) return print_overview(stderr);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return print_overview(stdout);
    if (!strcmp(argv[1], "--version")) return puts("sanger " SANGER_VERSION), EXIT_HOLDS;
    for (const verb_t *const *v = verbs; *v; ++v) {
        if (!strcmp((*v)->name, argv[1])) return run_verb(*v, argc - 1, argv + 1);
    }
    char text[128];
    snprintf(text, sizeof text, "sanger: expected a verb (see sanger --help), found '%.64s'", argv[1]);
    return put_line(text), EXIT_USAGE;
}

int main(int argc, char **argv)
{
    keep_standard_streams();
    int code = run_command(argc, argv);
    if (!fflush(stdout) && !ferror(stdout)) return code;
    return usage_error(argc > 1 ? argv[1] : "",
                       "standard output: expected one that can be written, found none");
}
