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

enum { RUNS_MAX = 1024, JOBS_MAX = 64, LEAST_CYCLES = 2000, PATHS = 4352 };

/* One run, and what its worker found. */
typedef struct {
    const design_t *design;
    const char *design_name, *unit;
    stimulus_class_t kind;
    bool fast;
    uint64_t seed, cycles;
    double weight;
    /* result */
    bool done;
    dut_status_t status;
    cosim_result_t result;
    char error[DUT_ERROR_MAX];
    char *report;
    pid_t worker;
    FILE *channel;
} run_t;

/* ---- which runs ---- */

static double elements(const design_t *d, const block_type_t *type)
{
    signal_t table[SIGNAL_MAX];
    int n = block_signals(type, d, table);
    double sum = 0;
    for (int i = 0; i < n; ++i) sum += (double)signal_count(&table[i]);
    return sum;
}

static int add_runs(const suite_t *s, int design, const block_type_t *type, run_t *runs, int n)
{
    const design_t *d = &s->designs[design];
    if (!block_fits(type, d)) return n;
    bool has_fast = block_fast(type, d) != NULL;
    for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) {
        if ((s->kind >= 0 && kind != s->kind) || !cosim_has_class(type->name, (stimulus_class_t)kind))
            continue;
        for (int fast = 0; fast < 2; ++fast) {
            bool wanted = has_fast ? s->models & (fast ? SUITE_FAST : SUITE_REFERENCE) : !fast;
            if (!wanted || n == RUNS_MAX) continue;
            double weight = 1 / (64 + elements(d, type));
            runs[n++] = (run_t){.design = d,
                                .design_name = s->design_names[design],
                                .unit = type->name,
                                .kind = (stimulus_class_t)kind,
                                .fast = fast,
                                .seed = s->seed,
                                .cycles = s->cycles,
                                .weight = weight};
        }
    }
    return n;
}

static int plan(const suite_t *s, run_t *runs)
{
    int n = 0;
    double sum = 0;
    for (int design = 0; design < s->n_designs; ++design) {
        for (const block_type_t *const *t = block_types; *t; ++t) {
            if (!s->unit || !strcmp(s->unit, (*t)->name)) n = add_runs(s, design, *t, runs, n);
        }
    }
    for (int i = 0; i < n; ++i) sum += runs[i].weight;
    for (int i = 0; i < n && s->total_cycles; ++i) {
        uint64_t share = (uint64_t)((double)s->total_cycles * runs[i].weight / sum) + 1;
        runs[i].cycles = share > LEAST_CYCLES ? share : LEAST_CYCLES;
    }
    return n;
}

/* ---- one run in a worker ---- */

static cosim_config_t config_of(const suite_t *s, const run_t *r, char folder[PATHS])
{
    cosim_config_t c = {.design = r->design,
                        .design_name = r->design_name,
                        .unit = r->unit,
                        .fast = r->fast,
                        .kind = r->kind,
                        .seed = r->seed,
                        .cycles = r->cycles,
                        .canary = s->canary};
    if (!s->report_dir) return c;
    snprintf(folder, PATHS, "%s/%s-%s-%s%s", s->report_dir, r->design->name, r->unit, stimulus_names[r->kind],
             r->fast ? "-fast" : "");
    c.report_dir = folder;
    return c;
}

/* Writes status, result, error and report text: what read_result reads. */
static void work(const suite_t *s, run_t *r, FILE *to)
{
    char folder[PATHS], *text = NULL;
    size_t bytes = 0;
    const cosim_config_t c = config_of(s, r, folder);
    r->status = cosim_run(&c, NULL, NULL, &r->result, r->error);
    FILE *report = open_memstream(&text, &bytes);
    if (!r->status && r->result.diverged && report) {
        if (s->report_dir) mkdir(s->report_dir, 0777);
        r->status = report_divergence(&c, &r->result, report, r->error);
    } else if (!r->status && s->waves && report) {
        if (s->report_dir) mkdir(s->report_dir, 0777);
        r->status = report_waves(&c, report, r->error);
    }
    if (report) fclose(report);
    fwrite(&r->status, sizeof r->status, 1, to);
    fwrite(&r->result, sizeof r->result, 1, to);
    fwrite(r->error, sizeof r->error, 1, to);
    fwrite(text ? text : "", 1, bytes, to);
    fflush(to);
    free(text);
}

static void read_result(run_t *r)
{
    struct stat info;
    long head = (long)(sizeof r->status + sizeof r->result + sizeof r->error);
    bool ok = !fstat(fileno(r->channel), &info) && info.st_size >= head && !fseek(r->channel, 0, SEEK_SET) &&
              fread(&r->status, sizeof r->status, 1, r->channel) == 1 &&
              fread(&r->result, sizeof r->result, 1, r->channel) == 1 &&
              fread(r->error, sizeof r->error, 1, r->channel) == 1;
    size_t bytes = ok ? (size_t)(info.st_size - head) : 0;
    r->report = calloc(1, bytes + 1);
    if (ok && r->report) ok = fread(r->report, 1, bytes, r->channel) == bytes;
    if (!ok) {
        r->status = DUT_BAD_INPUT;
        snprintf(r->error, sizeof r->error, "%s of %s: the worker process died", r->unit, r->design_name);
    }
    fclose(r->channel);
    r->channel = NULL;
    r->done = true;
}

static void start(const suite_t *s, run_t *r)
{
    fflush(NULL);
    r->channel = tmpfile();
    r->worker = r->channel ? fork() : -1;
    if (r->worker == 0) {
        work(s, r, r->channel);
        _exit(0);
    }
    if (r->worker > 0) return;
    r->status = DUT_BAD_INPUT;
    snprintf(r->error, sizeof r->error, "no worker process can be started");
    r->done = true;
}

/* Waits for any worker and reads what it left. */
static void reap(run_t *runs, int n)
{
    int status;
    pid_t worker = waitpid(-1, &status, 0);
    for (int i = 0; i < n; ++i) {
        if (runs[i].channel && (runs[i].worker == worker || worker < 0)) read_result(&runs[i]);
    }
}

/* ---- lines ---- */

static void print_run(const suite_t *s, const run_t *r)
{
    char folder[PATHS];
    const cosim_config_t c = config_of(s, r, folder);
    report_line(stdout, &c, r->status, &r->result);
    if (r->report && *r->report) fputs(r->report, stdout);
    fflush(stdout);
}

static void progress(int done, int n)
{
    if (isatty(2)) fprintf(stderr, "\r%d of %d runs%s", done, n, done == n ? "\n" : "");
}

/* Runs finish in any order and are printed in plan order. */
static void run_all(const suite_t *s, run_t *runs, int n)
{
    int started = 0, running = 0, printed = 0, jobs = s->jobs < JOBS_MAX ? s->jobs : JOBS_MAX;
    while (printed < n) {
        while (started < n && running < jobs) {
            start(s, &runs[started]);
            running += runs[started++].channel != NULL;
        }
        if (running) reap(runs, started);
        running = 0;
        for (int i = 0; i < started; ++i) running += !runs[i].done;
        while (printed < started && runs[printed].done) {
            if (!s->json) print_run(s, &runs[printed]);
            progress(++printed, n);
        }
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

static cJSON *run_json(const run_t *r)
{
    const lockstep_count_t *c = &r->result.count;
    cJSON *item = cJSON_CreateObject();
    char hash[17];
    snprintf(hash, sizeof hash, "%016" PRIx64, c->hash);
    cJSON_AddStringToObject(item, "unit", r->unit);
    cJSON_AddStringToObject(item, "design", r->design->name);
    cJSON_AddStringToObject(item, "stimulus", stimulus_names[r->kind]);
    cJSON_AddStringToObject(item, "model", r->fast ? "fast" : "reference");
    cJSON_AddNumberToObject(item, "seed", (double)r->seed);
    cJSON_AddNumberToObject(item, "cycles", (double)c->cycles);
    cJSON_AddNumberToObject(item, "signals", (double)c->signals);
    cJSON_AddNumberToObject(item, "bytes", (double)c->bytes);
    cJSON_AddNumberToObject(item, "changes", (double)c->changes);
    cJSON_AddNumberToObject(item, "mismatches", (double)c->mismatches);
    cJSON_AddNumberToObject(item, "cycles_per_s",
                            r->result.seconds > 0 ? (double)c->cycles / r->result.seconds : 0);
    cJSON_AddStringToObject(item, "output_hash", hash);
    if (r->status) cJSON_AddStringToObject(item, "error", r->error);
    if (*r->result.vacuous) cJSON_AddStringToObject(item, "vacuous", r->result.vacuous);
    if (r->report && *r->report) cJSON_AddStringToObject(item, "report", r->report);
    return item;
}

static void print_json(const run_t *runs, int n, const sum_t *sum)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "mismatches", (double)sum->mismatches);
    cJSON_AddNumberToObject(root, "cycles", (double)sum->cycles);
    cJSON *list = cJSON_AddArrayToObject(root, "runs");
    for (int i = 0; i < n; ++i) cJSON_AddItemToArray(list, run_json(&runs[i]));
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
                r->design->name, r->unit, stimulus_names[r->kind], r->fast ? " fast" : "", r->seed,
                r->result.seconds);
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
    run_all(s, runs, n);
    sum_t sum = sum_up(runs, n);
    if (s->json)
        print_json(runs, n, &sum);
    else
        printf("%d runs, %" PRIu64 " cycles, %" PRIu64 " mismatches, %d failed, %d errors\n", n, sum.cycles,
               sum.mismatches, sum.failed, sum.errors);
    fflush(stdout);
    print_errors(s, runs, n);
    if (s->canary && !sum.errors && !sum.mismatches) {
        fprintf(stderr, "sanger %s: --canary: expected a mismatch from %s, found none in these runs\n",
                s->verb, s->canary->name);
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
