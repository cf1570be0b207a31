/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of the `sanger` command share. */
#ifndef SANGER_COMMAND_H
#define SANGER_COMMAND_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../model/design.h"
#include "../../sim/dut.h"

enum { EXIT_HOLDS = 0, EXIT_MISMATCH = 1, EXIT_USAGE = 2, EXIT_MISSING = 3 };

typedef struct {
    const char *name;
    const char *summary;               /* one line */
    const char *help;                  /* the page that --help prints */
    int (*run)(int argc, char **argv); /* argv[0] is the verb */
} verb_t;

extern const verb_t verb_bench, verb_campaign, verb_check, verb_cosim, verb_cover, verb_design, verb_generate,
    verb_mutate, verb_regress, verb_replay, verb_trace, verb_vectors;

/* The verb's page to stdout. Returns EXIT_HOLDS. */
int print_help(const verb_t *verb);

/* "sanger VERB: what" to stderr. Returns EXIT_USAGE. */
int usage_error(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The line for what getopt_long (with options ":") answered '?' or ':' to. Returns EXIT_USAGE. */
int option_error(const char *verb, int answer, char **argv);

/* True for a unit's name; else false after a line that lists them. */
bool check_unit(const char *verb, const char *unit);

/* The exit code for a DUT that could not be had, after its line on stderr. */
int dut_error(const char *verb, dut_status_t status, const char *error);

/* An unsigned decimal option; false after an error line when it is none or beyond [min, max]. */
bool parse_count(const char *verb, const char *option, const char *text, uint64_t min, uint64_t max,
                 uint64_t *value);

/* --budget: whole seconds. False after an error line. */
bool parse_budget(const char *verb, const char *text, double *seconds);

/* Loads --design; false after an error line. */
bool load_design(const char *verb, const char *name, design_t *d);

enum { DESIGNS_MAX = 256 };

/* The designs of a verb that runs over several, with their names as given. */
typedef struct {
    int n;
    design_t design[DESIGNS_MAX];
    const char *name[DESIGNS_MAX];
} designs_t;

/* Appends one, or all named ones in the order of their names; false after an error line. */
bool designs_add(const char *verb, const char *name, designs_t *all);
bool designs_add_named(const char *verb, designs_t *all);

#endif
