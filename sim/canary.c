/* SPDX-License-Identifier: Apache-2.0 */
#include "canary.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paths.h"
#include "process.h"

const canary_t *canary_find(const char *name)
{
    for (const canary_t *c = canaries; c->name; ++c) {
        if (!strcmp(c->name, name)) return c;
    }
    return NULL;
}

/* ---- a model with a planted bug ---- */

enum { PATHS = PATH_MAX_BYTES + 256, SOURCE_MAX = 1 << 20 };

/* The model's sources that behave; design files and ground truth stay the host's. */
static const char *const sources[] = {
    "signal_table.c", "block.c", "blocks.c", "exp.c",        "score_pe.c", "score_array.c", "binarise.c",
    "pack.c",         "split.c", "pe.c",     "delay_line.c", "pe_row.c",   "pe_array.c",    "normalise.c"};
enum { SOURCES = sizeof sources / sizeof *sources };

static const block_type_t *fail(dut_status_t *status, dut_status_t why, char *error, const char *what,
                                const char *text)
{
    snprintf(error, DUT_ERROR_MAX, "%s: %s", what, text);
    *status = why;
    return NULL;
}

/* Writes the changed source into the folder; true on success. */
static bool write_changed(const patch_t *patch, const char *folder, char error[DUT_ERROR_MAX])
{
    char path[PATHS];
    char *text = calloc(1, SOURCE_MAX + 1);
    snprintf(path, sizeof path, "%s/model/%s", paths_data(), patch->file);
    FILE *in = fopen(path, "r");
    size_t n = in && text ? fread(text, 1, SOURCE_MAX, in) : 0;
    if (in) fclose(in);
    char *at = n ? strstr(text, patch->old) : NULL;
    bool once = at && !strstr(at + 1, patch->old);
    if (!once) {
        snprintf(error, DUT_ERROR_MAX, "%s: the planted change fits %s", path,
                 at ? "more than once" : "nowhere");
        free(text);
        return false;
    }
    snprintf(path, sizeof path, "%s/%s", folder, patch->file);
    FILE *out = fopen(path, "w");
    bool ok = out && fprintf(out, "%.*s%s%s", (int)(at - text), text, patch->replacement,
                             at + strlen(patch->old)) > 0;
    if (out && fclose(out)) ok = false;
    if (!ok) snprintf(error, DUT_ERROR_MAX, "%s: write failed", path);
    free(text);
    return ok;
}

/* Compiles all sources, the changed one from the folder. */
static int compile(const patch_t *patch, const char *folder, const char *library, const char *log)
{
    static char path[SOURCES][PATHS];
    char include[PATHS];
    char *argv[SOURCES + 16] = {"cc",    "-std=c11", "-D_GNU_SOURCE",  "-O2",
                                "-fPIC", "-shared",  "-Wl,-Bsymbolic", include};
    int n = 8;
    snprintf(include, sizeof include, "-I%s/model", paths_data());
    for (int i = 0; i < SOURCES; ++i) {
        bool changed = !strcmp(sources[i], patch->file);
        snprintf(path[i], sizeof path[i], "%s%s/%s", changed ? folder : paths_data(), changed ? "" : "/model",
                 sources[i]);
        argv[n++] = path[i];
    }
    argv[n++] = "-o";
    argv[n++] = (char *)library;
    argv[n++] = "-lm";
    argv[n] = NULL;
    return process_run(argv, log);
}

const block_type_t *canary_model(const canary_t *canary, const char *unit, dut_status_t *status,
                                 char error[DUT_ERROR_MAX])
{
    char cache[PATH_MAX_BYTES], folder[PATHS], library[PATHS], log[PATHS];
    if (!process_exists("cc"))
        return fail(status, DUT_MISSING_TOOL, error, "cc", "not found; install the package gcc");
    if (paths_cache(cache, error)) return *status = DUT_BAD_INPUT, NULL;
    snprintf(folder, sizeof folder, "%s/canary-%s-%ld", cache, canary->name, (long)getpid());
    snprintf(library, sizeof library, "%s/model.so", folder);
    snprintf(log, sizeof log, "%s/log", folder);
    if (mkdir(folder, 0777) && errno != EEXIST)
        return fail(status, DUT_BAD_INPUT, error, folder, strerror(errno));
    if (!write_changed(&canary->patch, folder, error)) return *status = DUT_BAD_INPUT, NULL;
    if (compile(&canary->patch, folder, library, log)) {
        return fail(status, DUT_BAD_INPUT, error, canary->name, "the changed model does not compile");
    }
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    char *const remove[] = {"rm", "-rf", folder, NULL};
    process_run(remove, "/dev/null");
    if (!handle) return fail(status, DUT_BAD_INPUT, error, canary->name, dlerror());
    const block_type_t *(*find)(const char *) =
        (const block_type_t *(*)(const char *))(uintptr_t)dlsym(handle, "block_find");
    const block_type_t *type = find ? find(unit) : NULL;
    return type ? type : fail(status, DUT_BAD_INPUT, error, unit, "no such unit in the changed model");
}
