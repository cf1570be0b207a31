/* SPDX-License-Identifier: Apache-2.0 */
#include "mutate_run.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schedule.h"

/* A mutant may loop for ever; a run of the longest kind takes a fraction of this. */
enum { HANG_SECONDS = 300, JOBS_MAX = 64 };

/* What the workers share with their parent. */
typedef struct {
    atomic_int next;
    dut_status_t status;
    char error[DUT_ERROR_MAX];
    int current[JOBS_MAX]; /* the mutant that a worker is at, -1 none */
    mutant_t mutant[];
} shared_t;

/* ---- one mutant ---- */

static void note_first(void *context, lockstep_t *l, uint64_t cycle, bool after_edge)
{
    mutant_t *m = context;
    const difference_t *d;
    char name[SIGNAL_NAME_MAX];
    (void)cycle;
    (void)after_edge;
    if (!lockstep_differences(l, &d)) return;
    snprintf(m->how, sizeof m->how, "%s%s%s", d->signal->group ? d->signal->group : "",
             d->signal->group ? "." : "", signal_element_name(d->signal, d->index, name));
}

static dut_status_t run_class(const mutate_job_t *job, int number, stimulus_class_t kind, uint64_t seed,
                              uint64_t cycles, mutant_t *m, char *error)
{
    cosim_config_t c = job->base;
    cosim_result_t result;
    c.kind = kind;
    c.high_counters = kind != STIMULUS_LEGAL;
    c.seed = seed;
    c.cycles = cycles;
    if (!job->chosen) c.mutant = number;
    if (job->chosen) *job->chosen = number ? job->number[number - 1] + 1 : 0;
    dut_status_t status = cosim_run(&c, note_first, m, &result, error);
    if (status && number &&
        job->chosen) { /* the model's table is its source's, and an error is noticed too */
        m->end = MUTANT_KILLED;
        m->kind = kind;
        snprintf(m->how, sizeof m->how, "%.150s", error);
        return DUT_OK;
    }
    if (status || !result.diverged) return status;
    if (*result.check.fault) snprintf(m->how, sizeof m->how, "%.150s", result.check.fault);
    m->end = MUTANT_KILLED;
    m->kind = kind;
    m->seed = c.seed;
    m->cycle = result.cycle == COSIM_RESET ? 0 : result.cycle;
    return status;
}

static dut_status_t run_classes(const mutate_job_t *job, int number, uint64_t seed, uint64_t cycles,
                                mutant_t *m, char *error)
{
    dut_status_t status = DUT_OK;
    alarm(HANG_SECONDS);
    for (int kind = 0; kind < STIMULUS_CLASSES && !status && m->end != MUTANT_KILLED; ++kind) {
        if (cosim_has_class(job->config->unit, (stimulus_class_t)kind))
            status = run_class(job, number, (stimulus_class_t)kind, seed, cycles, m, error);
    }
    alarm(0);
    return status;
}

/* All classes for a while; what holds runs for longer, with the next seed: what a reset does shows by chance,
   since unset registers begin random. A proof takes longer than either, so it comes last. */
static dut_status_t run_mutant(const mutate_job_t *job, int number, mutant_t *m, char *error)
{
    const mutate_config_t *c = job->config;
    m->end = MUTANT_SURVIVED;
    dut_status_t status = run_classes(job, number, c->stimulus_seed, c->cycles, m, error);
    if (!status && m->end != MUTANT_KILLED && c->longer > 1)
        status = run_classes(job, number, c->stimulus_seed + 1, c->cycles * c->longer, m, error);
    if (!status && m->end != MUTANT_KILLED && number && job->prove) job->prove(job->context, number, m);
    return status;
}

/* ---- workers ---- */

static bool is_run(const mutate_job_t *job, const mutant_t *m)
{
    if (m->end == MUTANT_KILLED || m->end == MUTANT_EQUIVALENT) return false;
    size_t n = strlen(m->change), end = job->only ? strlen(job->only) : 0;
    return n >= end && (!end || !strcmp(m->change + n - end, job->only));
}

static void work(const mutate_job_t *job, shared_t *s, int worker, int n)
{
    for (int i; (i = atomic_fetch_add(&s->next, 1)) < n;) {
        char error[DUT_ERROR_MAX];
        if (!is_run(job, &s->mutant[i])) continue;
        s->current[worker] = i;
        dut_status_t status = run_mutant(job, i + 1, &s->mutant[i], error);
        s->current[worker] = -1;
        if (!status) continue;
        s->status = status;
        memcpy(s->error, error, sizeof error);
        return;
    }
}

static pid_t start(const mutate_job_t *job, shared_t *s, int worker, int n)
{
    s->current[worker] = -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid) return pid;
    work(job, s, worker, n);
    _exit(0);
}

/* The mutant that a dead worker was at. */
static void bury(shared_t *s, int worker, int status)
{
    int i = s->current[worker];
    if (i < 0) return;
    mutant_t *m = &s->mutant[i];
    m->end = MUTANT_KILLED;
    m->cycle = 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        snprintf(m->how, sizeof m->how, "it hangs");
    else
        snprintf(m->how, sizeof m->how, "it crashes (%s)",
                 WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit");
}

static dut_status_t run_workers(const mutate_job_t *job, shared_t *s, int n)
{
    pid_t pid[JOBS_MAX];
    int jobs = job->config->jobs < JOBS_MAX ? job->config->jobs : JOBS_MAX, running = 0;
    for (int i = 0; i < jobs; ++i) running += (pid[i] = start(job, s, i, n)) > 0;
    if (!running)
        return snprintf(s->error, sizeof s->error, "no worker process can be started"), DUT_BAD_INPUT;
    while (running) {
        int status;
        pid_t dead = waitpid(-1, &status, 0);
        if (dead < 0 && errno == EINTR) continue;
        if (dead < 0) break;
        for (int i = 0; i < jobs; ++i) {
            if (pid[i] != dead) continue;
            --running;
            bool early = s->current[i] >= 0;
            bury(s, i, status);
            if (early) running += (pid[i] = start(job, s, i, n)) > 0;
        }
    }
    return s->status;
}

dut_status_t mutate_run_all(const mutate_job_t *job, mutant_t *mutant, int n, char error[DUT_ERROR_MAX])
{
    size_t bytes = sizeof(shared_t) + (size_t)n * sizeof *mutant;
    shared_t *s = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED) {
        snprintf(error, DUT_ERROR_MAX, "%s: out of memory", job->config->unit);
        return DUT_BAD_INPUT;
    }
    memcpy(s->mutant, mutant, (size_t)n * sizeof *mutant);
    dut_status_t status = run_workers(job, s, n);
    if (status) memcpy(error, s->error, DUT_ERROR_MAX);
    memcpy(mutant, s->mutant, (size_t)n * sizeof *mutant);
    munmap(s, bytes);
    return status;
}

dut_status_t mutate_run_unchanged(const mutate_job_t *job, char error[DUT_ERROR_MAX])
{
    mutant_t m = {0};
    dut_status_t status = run_mutant(job, 0, &m, error);
    if (status || m.end != MUTANT_KILLED) return status;
    snprintf(error, DUT_ERROR_MAX,
             "%s of %s: expected the unchanged one to hold, found %s in cycle %llu of %s", job->config->unit,
             job->config->design->name, m.how, (unsigned long long)m.cycle, stimulus_names[m.kind]);
    return DUT_BAD_INPUT;
}
