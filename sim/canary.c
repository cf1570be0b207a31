/* SPDX-License-Identifier: Apache-2.0 */
#include "canary.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../model/hash.h"
#include "paths.h"
#include "process.h"

const canary_t *canary_find(const char *name)
{
    for (const canary_t *c = canaries; c->name; ++c) {
        if (!strcmp(c->name, name)) return c;
    }
    return NULL;
}

bool canary_shows(const canary_t *canary, const design_t *d)
{
    if (!canary->arithmetic) return true;
    if (!strcmp(canary->arithmetic, "machine")) return !design_lacks_machine(d);
    if (!strcmp(canary->arithmetic, "strips")) return !design_lacks_machine(d) && d->strips > 2;
    if (!strcmp(canary->arithmetic, "array")) return !design_lacks_machine(d) && d->control == CONTROL_ARRAY;
    return !strcmp(canary->arithmetic, design_signed(d) ? "signed" : "published");
}

bool canary_is_fast(const canary_t *canary)
{
    return canary->side == CANARY_MODEL && strstr(canary->patch.file, "_fast.") != NULL;
}

/* ---- a model with a planted bug ---- */

enum { PATHS = PATH_MAX_BYTES + 256, SOURCE_MAX = 1 << 20, SOURCES_MAX = 128, NAME_MAX_BYTES = 64 };

/* One build: the model's sources lie in a folder of links, the changed one as a file of its own. */
typedef struct {
    const patch_t *patch;
    int n;
    char source[SOURCES_MAX][NAME_MAX_BYTES];
    uint64_t hash; /* over names and texts */
    char folder[PATHS], library[PATHS], built[PATHS];
    char *error;
} model_build_t;

static int fail(model_build_t *b, const char *what, const char *text)
{
    snprintf(b->error, DUT_ERROR_MAX, "%s: %s", what, text);
    return -1;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* All of model/ that behaves; design files and ground truth stay the host's. */
static int list_sources(model_build_t *b)
{
    char path[PATHS];
    snprintf(path, sizeof path, "%s/model", paths_data());
    DIR *folder = opendir(path);
    if (!folder) return fail(b, path, strerror(errno));
    for (struct dirent *entry; (entry = readdir(folder));) {
        const char *name = entry->d_name;
        bool is_source = ends_with(name, ".c") || ends_with(name, ".h");
        bool host = !strcmp(name, "design.c") || !strcmp(name, "json.c") || !strcmp(name, "ground_truth.c");
        if (!is_source || host || strlen(name) >= NAME_MAX_BYTES || b->n == SOURCES_MAX) continue;
        snprintf(b->source[b->n++], NAME_MAX_BYTES, "%.*s", NAME_MAX_BYTES - 1, name);
    }
    closedir(folder);
    qsort(b->source, (size_t)b->n, sizeof *b->source, by_name);
    return 0;
}

/* The source as text, with the change where it belongs; NULL after a line in error. The caller frees it. */
static char *read_source(model_build_t *b, const char *name)
{
    char path[PATHS];
    snprintf(path, sizeof path, "%s/model/%s", paths_data(), name);
    const patch_t *patch = strcmp(name, b->patch->file) ? NULL : b->patch;
    size_t room = patch ? strlen(patch->replacement) : 0;
    char *text = calloc(1, SOURCE_MAX + room + 1);
    FILE *in = fopen(path, "r");
    size_t n = in && text ? fread(text, 1, SOURCE_MAX, in) : 0;
    if (in) fclose(in);
    char *at = n && patch ? strstr(text, patch->old) : NULL;
    if (!n || (patch && (!at || strstr(at + 1, patch->old)))) {
        fail(b, path,
             !n   ? "cannot be read"
             : at ? "the planted change fits more than once"
                  : "the planted change fits nowhere");
        free(text);
        return NULL;
    }
    if (!patch) return text;
    size_t old = strlen(patch->old);
    memmove(at + room, at + old, strlen(at + old) + 1);
    memcpy(at, patch->replacement, room);
    return text;
}

static int hash_sources(model_build_t *b)
{
    bool found = false;
    b->hash = HASH_BASIS;
    for (int i = 0; i < b->n; ++i) {
        char *text = read_source(b, b->source[i]);
        if (!text) return -1;
        found |= !strcmp(b->source[i], b->patch->file);
        b->hash = hash_text(hash_text(b->hash, b->source[i]), text);
        free(text);
    }
    return found ? 0 : fail(b, b->patch->file, "no such source");
}

/* Includes search the folder of the file that includes, links not followed: so a changed header counts. */
static int fill_folder(model_build_t *b)
{
    if (mkdir(b->folder, 0777)) return fail(b, b->folder, strerror(errno));
    for (int i = 0; i < b->n; ++i) {
        char from[PATHS], to[PATHS + NAME_MAX_BYTES];
        snprintf(from, sizeof from, "%s/model/%s", paths_data(), b->source[i]);
        snprintf(to, sizeof to, "%s/%s", b->folder, b->source[i]);
        if (strcmp(b->source[i], b->patch->file) != 0) {
            if (symlink(from, to)) return fail(b, to, strerror(errno));
            continue;
        }
        char *text = read_source(b, b->source[i]);
        FILE *out = text ? fopen(to, "w") : NULL;
        bool ok = out && fputs(text, out) >= 0;
        if (out && fclose(out)) ok = false;
        free(text);
        if (!ok) return fail(b, to, "write failed");
    }
    return 0;
}

static int compile(model_build_t *b, const char *log)
{
    static char path[SOURCES_MAX][PATHS + NAME_MAX_BYTES];
    char *argv[SOURCES_MAX + 16] = {"cc", "-std=gnu11", "-D_GNU_SOURCE", "-O0",
                                    "-w", "-fPIC",      "-shared",       "-Wl,-Bsymbolic"};
    int n = 8;
    for (int i = 0; i < b->n; ++i) {
        if (!ends_with(b->source[i], ".c")) continue;
        snprintf(path[i], sizeof path[i], "%s/%s", b->folder, b->source[i]);
        argv[n++] = path[i];
    }
    argv[n++] = "-o";
    argv[n++] = b->built;
    argv[n++] = "-lm";
    argv[n] = NULL;
    return process_run(argv, log) ? fail(b, b->patch->file, "the changed model does not compile") : 0;
}

/* The library of this very text, from the cache or built: several runs of one canary want it. */
static int build(model_build_t *b, const char *name)
{
    char cache[PATH_MAX_BYTES], log[PATHS + 8];
    if (list_sources(b) || hash_sources(b) || paths_cache(cache, b->error)) return -1;
    snprintf(b->library, sizeof b->library, "%s/canary-%s-%016llx.so", cache, name,
             (unsigned long long)b->hash);
    if (!access(b->library, R_OK)) return 0;
    snprintf(b->folder, sizeof b->folder, "%s.part%ld", b->library, (long)getpid());
    snprintf(b->built, sizeof b->built, "%s/model.so", b->folder);
    snprintf(log, sizeof log, "%s/log", b->folder);
    int status = fill_folder(b);
    if (!status) status = compile(b, log);
    if (!status && rename(b->built, b->library)) status = fail(b, b->library, strerror(errno));
    char *const clean[] = {"rm", "-rf", b->folder, NULL};
    process_run(clean, "/dev/null");
    return status;
}

const block_type_t *canary_model(const canary_t *canary, const char *unit, const design_t *d,
                                 dut_status_t *status, char error[DUT_ERROR_MAX])
{
    model_build_t b = {.patch = &canary->patch, .error = error};
    *status = process_exists("cc") ? DUT_BAD_INPUT : DUT_MISSING_TOOL;
    if (*status == DUT_MISSING_TOOL) return fail(&b, "cc", "not found; install the package gcc"), NULL;
    if (build(&b, canary->name)) return NULL;
    void *handle = dlopen(b.library, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return fail(&b, canary->name, dlerror()), NULL;
    const block_type_t *(*find)(const char *) =
        (const block_type_t *(*)(const char *))(uintptr_t)dlsym(handle, "block_find");
    const block_type_t *(*fast)(const block_type_t *, const design_t *) =
        (const block_type_t *(*)(const block_type_t *, const design_t *))(uintptr_t)dlsym(handle,
                                                                                          "block_fast");
    const block_type_t *type = find ? find(unit) : NULL;
    if (type && canary_is_fast(canary)) type = fast ? fast(type, d) : NULL;
    if (!type) return fail(&b, unit, "no such model of it in the changed sources"), NULL;
    *status = DUT_OK;
    return type;
}
