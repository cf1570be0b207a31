/* SPDX-License-Identifier: Apache-2.0 */
#include "runs.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "minimise.h"
#include "report.h"

/* What the machine does takes longer to get anywhere than what is drawn anew in every cycle. */
enum { PATHS = 4352, SCHEDULED = 8, SCHEDULED_MACHINE = 200 };

/* ---- which runs ---- */

static double elements(const design_t *d, const block_type_t *type)
{
    signal_t table[SIGNAL_MAX];
    int n = block_signals(type, d, table);
    double sum = 0;
    for (int i = 0; i < n; ++i) sum += (double)signal_count(&table[i]);
    return sum;
}

static int add_runs(const runs_wanted_t *w, int design, const block_type_t *type, run_t *runs, int n)
{
    const design_t *d = &w->designs[design];
    if (!block_fits(type, d)) return n;
    const bool has_fast = block_fast(type, d) != NULL;
    const double weight = 1 / (1024 + elements(d, type));
    const int scheduled = strcmp(type->name, "machine") ? SCHEDULED : SCHEDULED_MACHINE;
    for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) {
        if ((w->kind >= 0 && kind != w->kind) || !cosim_has_class(type->name, (stimulus_class_t)kind))
            continue;
        for (int fast = 0; fast < 2; ++fast) {
            bool wanted = has_fast ? w->models & (fast ? RUNS_FAST : RUNS_REFERENCE) : !fast;
            if (!wanted || n == RUNS_MAX) continue;
            runs[n++] = (run_t){.config = {.design = d,
                                           .design_name = w->design_names[design],
                                           .unit = type->name,
                                           .fast = fast,
                                           .kind = (stimulus_class_t)kind,
                                           .high_counters = w->high_counters && kind != STIMULUS_LEGAL,
                                           .seed = w->seed,
                                           .choices = w->choices,
                                           .canary = w->canary,
                                           .minimise = w->budget < 0 ? minimise_budget(d) : w->budget,
                                           .report_dir = w->report_dir},
                                .weight = kind == STIMULUS_SCHEDULED ? scheduled * weight : weight,
                                .waves = w->waves};
        }
    }
    return n;
}

int runs_plan(const runs_wanted_t *w, run_t *runs)
{
    int n = 0;
    for (int design = 0; design < w->n_designs; ++design) {
        for (const block_type_t *const *t = block_types; *t; ++t) {
            if (!w->unit || !strcmp(w->unit, (*t)->name)) n = add_runs(w, design, *t, runs, n);
        }
    }
    return n;
}

void runs_share(run_t *runs, int n, uint64_t total, uint64_t least)
{
    double sum = 0;
    for (int i = 0; i < n; ++i) sum += runs[i].weight;
    for (int i = 0; i < n; ++i) {
        uint64_t share = (uint64_t)((double)total * runs[i].weight / sum) + 1;
        runs[i].config.cycles = share > least ? share : least;
    }
}

/* ---- one run in a worker ---- */

static void write_report(run_t *r, FILE *out)
{
    cosim_config_t c = r->config;
    char folder[PATHS];
    if (c.report_dir) {
        mkdir(c.report_dir, 0777);
        snprintf(folder, sizeof folder, "%s/%s-%s-%s%s", c.report_dir, c.design->name, c.unit,
                 stimulus_names[c.kind], c.fast ? "-fast" : "");
        c.report_dir = folder;
    }
    if (r->result.diverged)
        r->status = report_divergence(&c, &r->result, out, r->error);
    else if (r->waves)
        r->status = report_waves(&c, out, r->error);
}

/* Writes status, result, error and report text: what read_result reads. */
static void work(run_t *r, FILE *to)
{
    char *text = NULL;
    size_t bytes = 0;
    r->status = cosim_run(&r->config, NULL, NULL, &r->result, r->error);
    FILE *report = open_memstream(&text, &bytes);
    if (!r->status && report) write_report(r, report);
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
        snprintf(r->error, sizeof r->error, "%s of %s: the worker process died", r->config.unit,
                 r->config.design_name);
    }
    fclose(r->channel);
    r->channel = NULL;
    r->done = true;
}

/* ---- the pool ---- */

static void start(run_t *r)
{
    fflush(NULL);
    r->channel = tmpfile();
    r->worker = r->channel ? fork() : -1;
    if (r->worker == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would read what an orphan found */
        work(r, r->channel);
        _exit(0);
    }
    if (r->worker > 0) return;
    if (r->channel) fclose(r->channel);
    r->channel = NULL;
    r->status = DUT_BAD_INPUT;
    snprintf(r->error, sizeof r->error, "no worker process can be started");
    r->done = true;
}

/* Waits for any worker, reads what it left and fills its place with the last one; returns how many still run.
 */
static int reap(const runs_pool_t *pool, run_t **running, int n)
{
    int status;
    pid_t worker = waitpid(-1, &status, 0);
    for (int i = 0; i < n; ++i) {
        run_t *r = running[i];
        if (r->worker != worker && worker >= 0) continue;
        read_result(r);
        running[i] = running[n - 1];
        pool->done(pool->context, r);
        return n - 1;
    }
    return n;
}

void runs_work(const runs_pool_t *pool)
{
    run_t *running[RUNS_JOBS_MAX];
    const int jobs = pool->jobs < RUNS_JOBS_MAX ? pool->jobs : RUNS_JOBS_MAX;
    for (int n = 0;;) {
        run_t *r = n < jobs ? pool->next(pool->context) : NULL;
        if (!r && !n) return;
        if (!r) {
            n = reap(pool, running, n);
            continue;
        }
        start(r);
        if (r->done)
            pool->done(pool->context, r);
        else
            running[n++] = r;
    }
}

/* ---- figures ---- */

cJSON *runs_json(const run_t *r)
{
    const lockstep_count_t *c = &r->result.count;
    cJSON *item = cJSON_CreateObject();
    char hash[17];
    snprintf(hash, sizeof hash, "%016" PRIx64, c->hash);
    cJSON_AddStringToObject(item, "unit", r->config.unit);
    cJSON_AddStringToObject(item, "design", r->config.design->name);
    cJSON_AddStringToObject(item, "stimulus", stimulus_names[r->config.kind]);
    cJSON_AddStringToObject(item, "model", r->config.fast ? "fast" : "reference");
    cJSON_AddNumberToObject(item, "seed", (double)r->config.seed);
    cJSON_AddNumberToObject(item, "cycles", (double)c->cycles);
    cJSON_AddNumberToObject(item, "signals", (double)c->signals);
    cJSON_AddNumberToObject(item, "bytes", (double)c->bytes);
    cJSON_AddNumberToObject(item, "changes", (double)c->changes);
    cJSON_AddNumberToObject(item, "mismatches", (double)c->mismatches);
    if (r->result.check.checked) cJSON_AddNumberToObject(item, "checked", (double)r->result.check.checked);
    cJSON_AddNumberToObject(item, "cycles_per_s",
                            r->result.seconds > 0 ? (double)c->cycles / r->result.seconds : 0);
    cJSON_AddStringToObject(item, "output_hash", hash);
    if (r->status) cJSON_AddStringToObject(item, "error", r->error);
    if (*r->result.vacuous) cJSON_AddStringToObject(item, "vacuous", r->result.vacuous);
    if (r->report && *r->report) cJSON_AddStringToObject(item, "report", r->report);
    return item;
}
