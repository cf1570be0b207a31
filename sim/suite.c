/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

static int plan(const suite_t *s, run_t *runs)
{
    int n = runs_plan(&s->wanted, runs);
    for (int i = 0; i < n; ++i) runs[i].config.cycles = s->cycles;
    if (s->total_cycles) runs_share(runs, n, s->total_cycles, RUNS_LEAST_CYCLES);
    return n;
}

/* ---- lines ---- */

static void print_run(const run_t *r)
{
    report_line(stdout, &r->config, r->status, &r->result);
    if (r->report && *r->report) fputs(r->report, stdout);
    fflush(stdout);
}

static void progress(int done, int n)
{
    if (isatty(2)) fprintf(stderr, "\r%d of %d runs%s", done, n, done == n ? "\n" : "");
}

/* Runs finish in any order and are printed in plan order. */
typedef struct {
    run_t *runs;
    int n, started, printed;
    bool quiet;
} line_t;

static run_t *next_run(void *context)
{
    line_t *l = context;
    return l->started < l->n ? &l->runs[l->started++] : NULL;
}

static void run_done(void *context, run_t *run)
{
    line_t *l = context;
    (void)run;
    for (; l->printed < l->started && l->runs[l->printed].done; progress(++l->printed, l->n)) {
        if (!l->quiet) print_run(&l->runs[l->printed]);
    }
}

/* ---- summary ---- */

typedef struct {
    uint64_t cycles, mismatches;
    int failed, errors;
    bool missing;
} sum_t;

static sum_t sum_up(const run_t *runs, int n)
{
    sum_t sum = {0};
    for (int i = 0; i < n; ++i) {
        sum.cycles += runs[i].result.count.cycles;
        sum.mismatches += runs[i].result.count.mismatches;
        sum.errors += runs[i].status != DUT_OK;
        sum.missing |= runs[i].status == DUT_MISSING_TOOL;
        sum.failed += !runs[i].status && (runs[i].result.diverged || *runs[i].result.vacuous);
    }
    return sum;
}

static void print_json(const run_t *runs, int n, const sum_t *sum)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "mismatches", (double)sum->mismatches);
    cJSON_AddNumberToObject(root, "cycles", (double)sum->cycles);
    cJSON *list = cJSON_AddArrayToObject(root, "runs");
    for (int i = 0; i < n; ++i) cJSON_AddItemToArray(list, runs_json(&runs[i]));
    char *text = cJSON_Print(root);
    puts(text ? text : "");
    cJSON_free(text);
    cJSON_Delete(root);
}

static void print_xml(FILE *out, const char *text)
{
    for (; *text; ++text) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '"')
            fputs("&quot;", out);
        else
            fputc(*text, out);
    }
}

static int write_junit(const char *path, const run_t *runs, int n, const sum_t *sum)
{
    FILE *out = fopen(path, "w");
    if (!out) return -1;
    fprintf(out,
            "<?xml version=\"1.0\"?>\n<testsuite name=\"sanger lockstep\" tests=\"%d\" failures=\"%d\" "
            "errors=\"%d\">\n",
            n, sum->failed, sum->errors);
    for (int i = 0; i < n; ++i) {
        const run_t *r = &runs[i];
        fprintf(out, "  <testcase classname=\"%s.%s\" name=\"%s%s seed %" PRIu64 "\" time=\"%.3f\">",
                r->config.design->name, r->config.unit, stimulus_names[r->config.kind],
                r->config.fast ? " fast" : "", r->config.seed, r->result.seconds);
        if (r->status || r->result.diverged || *r->result.vacuous) {
            fputs(r->status ? "<error>" : "<failure>", out);
            print_xml(out, r->status            ? r->error
                           : *r->result.vacuous ? r->result.vacuous
                           : r->report          ? r->report
                                                : "");
            fputs(r->status ? "</error>" : "</failure>", out);
        }
        fputs("</testcase>\n", out);
    }
    fputs("</testsuite>\n", out);
    return fclose(out);
}

static int exit_code(const sum_t *sum)
{
    if (sum->errors) return sum->missing ? 3 : 2;
    return sum->failed ? 1 : 0;
}

/* What kept runs from running, each reason once. */
static void print_errors(const suite_t *s, const run_t *runs, int n)
{
    for (int i = 0; i < n; ++i) {
        bool known = !runs[i].status;
        for (int k = 0; k < i && !known; ++k) known = runs[k].status && !strcmp(runs[k].error, runs[i].error);
        if (!known) fprintf(stderr, "sanger %s: %s\n", s->verb, runs[i].error);
    }
}

int suite_run(const suite_t *s)
{
    run_t *runs = calloc(RUNS_MAX, sizeof *runs);
    int n = runs ? plan(s, runs) : 0;
    line_t line = {.runs = runs, .n = n, .quiet = s->json};
    const runs_pool_t pool = {.jobs = s->jobs, .context = &line, .next = next_run, .done = run_done};
    if (!n) {
        fprintf(stderr, "sanger %s: runs: expected a unit with that stimulus, found none\n", s->verb);
        free(runs);
        return 2;
    }
    FILE *junit = s->junit ? fopen(s->junit, "w") : NULL; /* before hours of runs, not after */
    if (junit) fclose(junit);
    if (s->junit && !junit) {
        fprintf(stderr, "sanger %s: %s: --junit: expected a file that can be written, found: %s\n", s->verb,
                s->junit, strerror(errno));
        free(runs);
        return 2;
    }
    runs_work(&pool);
    sum_t sum = sum_up(runs, n);
    if (s->json)
        print_json(runs, n, &sum);
    else
        printf("%d runs, %" PRIu64 " cycles, %" PRIu64 " mismatches, %d failed, %d errors\n", n, sum.cycles,
               sum.mismatches, sum.failed, sum.errors);
    fflush(stdout);
    print_errors(s, runs, n);
    if (s->wanted.canary && !sum.errors && !sum.mismatches) {
        fprintf(stderr, "sanger %s: --canary: expected a mismatch from %s, found none in these runs\n",
                s->verb, s->wanted.canary->name);
        sum.errors = 1;
    }
    if (s->junit && write_junit(s->junit, runs, n, &sum)) {
        fprintf(stderr, "sanger %s: --junit: expected a file that can be written, found %s\n", s->verb,
                s->junit);
        sum.errors = 1;
    }
    for (int i = 0; i < n; ++i) free(runs[i].report);
    free(runs);
    return exit_code(&sum);
}
