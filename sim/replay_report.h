/* SPDX-License-Identifier: Apache-2.0 */
/* A replay's heads as a table and as JSON (keys in README.md, "JSON"). */
#ifndef SANGER_REPLAY_REPORT_H
#define SANGER_REPLAY_REPORT_H

#include <stdio.h>

#include "replay.h"

typedef struct {
    const replay_config_t *config;
    const char *trace_path;
    double bound;
    int n;
    replay_head_t *heads;
} replay_report_t;

/* What is wrong with the run: 0 nothing, else 1. A line for each reason goes to stderr. */
int replay_verdict(const replay_report_t *r, const char *verb);

void replay_print_table(const replay_report_t *r);

/* False: out of memory. */
bool replay_print_json(const replay_report_t *r);

#endif
