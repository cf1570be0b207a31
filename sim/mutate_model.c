/* SPDX-License-Identifier: Apache-2.0 */
#include "mutate_model.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paths.h"
#include "process.h"

enum { PATHS = 4480, TRIES = 8 };

static dut_status_t fail(char *error, dut_status_t status, const char *what, const char *why)
{
    snprintf(error, DUT_ERROR_MAX, "%s: %s", what, why);
    return status;
}

/* Compiles in the folder, so that no path gets into the object. */
static int compile(const mutate_model_t *m, const char *mode, const char *level, const char *from,
                   const char *to, const char *log)
{
    char include[PATHS], path[PATHS];
    snprintf(include, sizeof include, "-I%s/model", paths_data());
    snprintf(path, sizeof path, "%s/%s", m->folder, log);
    unlink(path);
    char *const argv[] = {
        "env",         "-C", (char *)m->folder, "cc",         "-std=gnu11",     "-D_GNU_SOURCE",
        (char *)level, "-w", "-fPIC",           (char *)mode, "-Wl,-Bsymbolic", include,
        "-x",          "c",  (char *)from,      "-o",         (char *)to,       NULL};
    return process_run(argv, path);
}

static dut_status_t write_all(mutate_model_t *m, char *error)
{
    char path[PATHS];
    snprintf(path, sizeof path, "%s/mutants.c", m->folder);
    FILE *out = fopen(path, "w");
    if (!out) return fail(error, DUT_BAD_INPUT, path, strerror(errno));
    mutate_source_write(&m->source, out);
    return fclose(out) ? fail(error, DUT_BAD_INPUT, path, "write failed") : DUT_OK;
}

/* Marks the changes in whose functions the compiler found errors; returns how many. */
static int mark_invalid(mutate_model_t *m)
{
    char path[PATHS], line[1024];
    int marked = 0;
    snprintf(path, sizeof path, "%s/log", m->folder);
    FILE *in = fopen(path, "r");
    while (in && fgets(line, sizeof line, in)) {
        int at;
        if (sscanf(line, "mutants.c:%d:", &at) != 1 || !strstr(line, " error: ")) continue;
        /* what follows an error before it */
        if (strstr(line, "invalid storage class") || strstr(line, "static declaration of")) continue;
        for (int i = 0; i < m->source.changes; ++i) {
            change_t *c = &m->source.change[i];
            if (c->invalid || at < c->first_line || at >= c->first_line + c->lines) continue;
            c->invalid = true;
            ++marked;
        }
    }
    if (in) fclose(in);
    return marked;
}

static dut_status_t build(mutate_model_t *m, char *error)
{
    for (int i = 0; i < TRIES; ++i) {
        dut_status_t status = write_all(m, error);
        if (status) return status;
        if (!compile(m, "-shared", "-O1", "mutants.c", "mutants.so", "log")) return DUT_OK;
        if (!mark_invalid(m)) break;
    }
    char why[PATHS];
    snprintf(why, sizeof why, "the mutants do not compile, see %s/log", m->folder);
    return fail(error, DUT_BAD_INPUT, "cc", why);
}

static dut_status_t load(mutate_model_t *m, char *error)
{
    char path[PATHS], name[128];
    snprintf(path, sizeof path, "%s/mutants.so", m->folder);
    snprintf(name, sizeof name, "%s_type", m->config->unit);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* stays loaded until the process ends */
    if (!library) return fail(error, DUT_BAD_INPUT, path, dlerror());
    m->type = dlsym(library, name);
    m->chosen = dlsym(library, "sanger_mutant");
    return m->type && m->chosen ? DUT_OK : fail(error, DUT_BAD_INPUT, path, "no model of the unit in it");
}

static void list(mutate_model_t *m, mutate_result_t *r)
{
    for (int i = 0; i < m->source.changes; ++i) {
        if (m->source.change[i].invalid) {
            ++r->invalid;
            continue;
        }
        mutant_t *to = &r->mutant[r->n];
        snprintf(to->where, sizeof to->where, "%s.c:%d", m->config->unit, m->source.change[i].line);
        mutate_source_describe(&m->source, i, to->change, sizeof to->change);
        m->number[r->n++] = i;
    }
}

dut_status_t mutate_model_open(mutate_model_t *m, const mutate_config_t *config, mutate_result_t *r,
                               char error[DUT_ERROR_MAX])
{
    char path[PATHS], cache[PATH_MAX_BYTES];
    memset(m, 0, sizeof *m);
    m->config = config;
    if (!process_exists("cc"))
        return fail(error, DUT_MISSING_TOOL, "cc", "not found; install the package gcc");
    snprintf(path, sizeof path, "%s/model/%s.c", paths_data(), config->unit);
    if (paths_cache(cache, error)) return DUT_BAD_INPUT;
    if (mutate_source_open(&m->source, path, config->mutants, config->seed, error)) return DUT_BAD_INPUT;
    snprintf(m->folder, sizeof m->folder, "%.4000s/mutants-%s.part%ld", cache, config->unit, (long)getpid());
    if (mkdir(m->folder, 0777)) return fail(error, DUT_BAD_INPUT, m->folder, strerror(errno));
    dut_status_t status = build(m, error);
    if (!status) list(m, r);
    if (!status && !r->n)
        status = fail(error, DUT_BAD_INPUT, path, "expected something to change, found nothing");
    return status ? status : load(m, error);
}

void mutate_model_close(mutate_model_t *m)
{
    char *const argv[] = {"rm", "-rf", m->folder, NULL};
    if (*m->folder) process_run(argv, "/dev/null");
    mutate_source_close(&m->source);
}

/* ---- the same object code ---- */

/* The object of change i (-1: none) under the name `object`. All are compiled from a file of one name. */
static bool make_object(const mutate_model_t *m, int i, const char *object, const char *folder)
{
    char path[PATHS], from[256], to[256], log[256];
    snprintf(path, sizeof path, "%s/%s", m->folder, folder);
    if (mkdir(path, 0777) && errno != EEXIST) return false;
    snprintf(path, sizeof path, "%s/%s/source.c", m->folder, folder);
    FILE *out = fopen(path, "w");
    if (!out) return false;
    mutate_source_write_one(&m->source, i, out);
    if (fclose(out)) return false;
    snprintf(from, sizeof from, "%s/source.c", folder);
    snprintf(to, sizeof to, "%s/%s", folder, object);
    snprintf(log, sizeof log, "%s/log", folder);
    return !compile(m, "-c", "-O2", from, to, log);
}

static bool same_objects(const mutate_model_t *m, const char *folder)
{
    char a[PATHS], b[PATHS];
    snprintf(a, sizeof a, "%s/%s/unchanged.o", m->folder, folder);
    snprintf(b, sizeof b, "%s/%s/changed.o", m->folder, folder);
    char *const argv[] = {"cmp", "-s", a, b, NULL};
    return !process_run(argv, "/dev/null");
}

void mutate_model_prove(const void *model, int number, mutant_t *r)
{
    const mutate_model_t *m = model;
    char folder[64];
    snprintf(folder, sizeof folder, "worker%ld", (long)getpid());
    bool same = make_object(m, -1, "unchanged.o", folder) &&
                make_object(m, m->number[number - 1], "changed.o", folder) && same_objects(m, folder);
    r->end = same ? MUTANT_EQUIVALENT : MUTANT_SURVIVED;
    snprintf(r->how, sizeof r->how, same ? "same object code at -O2" : "other object code at -O2");
}
