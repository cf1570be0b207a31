/* SPDX-License-Identifier: Apache-2.0 */
#include "dut.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "paths.h"
#include "process.h"

enum { FILES_MAX = 32, PATHS = PATH_MAX_BYTES + 256, ARGS_MAX = 40 };

/* The generated set in memory. */
typedef struct {
    int n;
    struct {
        char name[160];
        char *text;
        bool used; /* reachable from the unit's top */
    } file[FILES_MAX];
} fileset_t;

static int collect(void *context, const char *name, const char *text, size_t bytes, char *error)
{
    fileset_t *set = context;
    (void)bytes;
    char *copy = set->n < FILES_MAX ? strdup(text) : NULL;
    if (!copy) {
        snprintf(error, GENERATE_ERROR_MAX, "%s: out of memory", name);
        return -1;
    }
    snprintf(set->file[set->n].name, sizeof set->file[set->n].name, "%s", name);
    set->file[set->n++].text = copy;
    return 0;
}

static void free_set(fileset_t *set)
{
    for (int i = 0; i < set->n; ++i) free(set->file[i].text);
}

/* Marks a module and, by its instances, what it is built from. False when there is no such module. */
static bool mark_used(fileset_t *set, const char *module)
{
    char file[192], instance[192];
    snprintf(file, sizeof file, "%s.v", module);
    for (int i = 0; i < set->n; ++i) {
        if (strcmp(set->file[i].name, file) != 0) continue;
        if (set->file[i].used) return true;
        set->file[i].used = true;
        for (int k = 0; k < set->n; ++k) {
            size_t n = strlen(set->file[k].name);
            if (n < 3 || strcmp(set->file[k].name + n - 2, ".v") != 0) continue;
            snprintf(instance, sizeof instance, "%.*s u_", (int)n - 2, set->file[k].name);
            if (!strstr(set->file[i].text, instance)) continue;
            snprintf(instance, sizeof instance, "%.*s", (int)n - 2, set->file[k].name);
            mark_used(set, instance);
        }
        return true;
    }
    return false;
}

static uint64_t hash_text(uint64_t h, const char *text)
{
    for (; *text; ++text) h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h;
}

/* Big arrays earn the optimiser's time back within a second; small ones never do. */
static bool is_heavy(const design_t *d, const char *unit)
{
    int64_t size = (int64_t)d->rows * d->columns;
    return size >= 1024 && (!strcmp(unit, "pe_array") || !strcmp(unit, "score_array") || !strcmp(unit, "pe_row"));
}

typedef struct {
    const design_t *d;
    const block_type_t *type;
    fileset_t set;
    bool heavy;
    char module[128];
    char folder[PATHS]; /* of the finished plug-in */
    char part[PATHS];   /* while it is built */
    char log[PATHS + 32];
    char *error;
} build_t;

static dut_status_t fail(build_t *b, dut_status_t status, const char *what, const char *why)
{
    snprintf(b->error, DUT_ERROR_MAX, "%s: %s", what, why);
    return status;
}

/* The CPU belongs to the key: a build for this one's vector units may not run on another. */
static uint64_t hash_cpu(uint64_t h)
{
    char line[4096];
    FILE *info = fopen("/proc/cpuinfo", "r");
    while (info && fgets(line, sizeof line, info)) {
        if (strncmp(line, "flags", 5)) continue;
        h = hash_text(h, line);
        break;
    }
    if (info) fclose(info);
    return h;
}

static dut_status_t hash_plugin_source(build_t *b, uint64_t *h)
{
    char path[PATHS], line[4096];
    snprintf(path, sizeof path, "%s/sim/plugin.cpp", paths_data());
    FILE *file = fopen(path, "r");
    if (!file) return fail(b, DUT_BAD_INPUT, path, strerror(errno));
    while (fgets(line, sizeof line, file)) *h = hash_text(*h, line);
    fclose(file);
    return DUT_OK;
}

static dut_status_t prepare(build_t *b, const patch_t *patch)
{
    char source[PATHS], cache[PATH_MAX_BYTES];
    snprintf(b->module, sizeof b->module, "%s_%s", b->d->name, b->type->name);
    snprintf(source, sizeof source, "%s/rtl", paths_data());
    if (generate(b->d, source, patch, collect, &b->set, b->error)) return DUT_BAD_INPUT;
    if (!mark_used(&b->set, b->module)) return fail(b, DUT_BAD_INPUT, b->module, "no such module is generated");
    b->heavy = is_heavy(b->d, b->type->name);
    uint64_t h = hash_cpu(hash_text(UINT64_C(0xcbf29ce484222325), b->heavy ? "O3" : "O1"));
    for (int i = 0; i < b->set.n; ++i) {
        size_t n = strlen(b->set.file[i].name);
        bool is_vlt = n > 4 && !strcmp(b->set.file[i].name + n - 4, ".vlt");
        if (b->set.file[i].used || is_vlt) h = hash_text(h, b->set.file[i].text);
    }
    if (hash_plugin_source(b, &h)) return DUT_BAD_INPUT;
    if (paths_cache(cache, b->error)) return DUT_BAD_INPUT;
    snprintf(b->folder, sizeof b->folder, "%s/%s-%016llx", cache, b->module, (unsigned long long)h);
    snprintf(b->part, sizeof b->part, "%s.part%ld", b->folder, (long)getpid());
    snprintf(b->log, sizeof b->log, "%s.log", b->folder);
    return DUT_OK;
}

static dut_status_t write_text(build_t *b, const char *name, const char *text)
{
    char path[PATHS + 200];
    snprintf(path, sizeof path, "%s/%s", b->part, name);
    FILE *file = fopen(path, "w");
    bool ok = file && fputs(text, file) >= 0;
    if (file && fclose(file)) ok = false;
    return ok ? DUT_OK : fail(b, DUT_BAD_INPUT, path, "write failed");
}

static dut_status_t write_files(build_t *b)
{
    char visible[256];
    if (mkdir(b->part, 0777) && errno != EEXIST) return fail(b, DUT_BAD_INPUT, b->part, strerror(errno));
    for (int i = 0; i < b->set.n; ++i) {
        if (write_text(b, b->set.file[i].name, b->set.file[i].text)) return DUT_BAD_INPUT;
    }
    snprintf(visible, sizeof visible, "`verilator_config\npublic_flat_rd -module \"%s\" -var \"*_o\"\n", b->module);
    return write_text(b, "top.vlt", visible);
}

static dut_status_t run(build_t *b, char *const argv[])
{
    if (!process_run(argv, b->log)) return DUT_OK;
    char why[PATHS + 96];
    snprintf(why, sizeof why, "failed, see %s", b->log);
    return fail(b, DUT_BAD_INPUT, argv[0], why);
}

static dut_status_t verilate(build_t *b)
{
    char own_vlt[PATHS], top_vlt[PATHS], source[PATHS], objects[PATHS];
    snprintf(own_vlt, sizeof own_vlt, "%s/%s.vlt", b->part, b->d->name);
    snprintf(top_vlt, sizeof top_vlt, "%s/top.vlt", b->part);
    snprintf(source, sizeof source, "%s/%s.v", b->part, b->module);
    snprintf(objects, sizeof objects, "%s/obj", b->part);
    char *const argv[] = {"verilator", "--cc", "-Wno-fatal", "-fno-table", "--x-initial", "unique", "--x-assign",
                          "unique", "--output-split", "0", "--prefix", "Vdut", "-Mdir", objects, "--top-module",
                          b->module, "-y", b->part, own_vlt, top_vlt, source, NULL};
    return run(b, argv);
}

/* One translation unit out of all that Verilator wrote: its headers are read once. */
static dut_status_t write_unity(build_t *b)
{
    char path[PATHS];
    snprintf(path, sizeof path, "%s/obj", b->part);
    DIR *folder = opendir(path);
    if (!folder) return fail(b, DUT_BAD_INPUT, path, strerror(errno));
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    for (struct dirent *entry; (entry = readdir(folder));) {
        size_t n = strlen(entry->d_name);
        if (n > 4 && !strcmp(entry->d_name + n - 4, ".cpp")) fprintf(out, "#include \"obj/%s\"\n", entry->d_name);
    }
    closedir(folder);
    fprintf(out, "#include \"%s/sim/plugin.cpp\"\n", paths_data());
    fclose(out);
    dut_status_t status = write_text(b, "unity.cpp", text);
    free(text);
    return status;
}

/* Verilator's include folder, from the tool itself. */
static dut_status_t verilator_root(build_t *b, char *root, size_t n)
{
    FILE *pipe = popen("verilator --getenv VERILATOR_ROOT", "r");
    bool ok = pipe && fgets(root, (int)n, pipe);
    if (pipe && pclose(pipe)) ok = false;
    if (!ok) return fail(b, DUT_MISSING_TOOL, "verilator", "does not tell VERILATOR_ROOT; reinstall the package verilator");
    root[strcspn(root, "\n")] = '\0';
    return DUT_OK;
}

static dut_status_t compile(build_t *b)
{
    char root[PATH_MAX_BYTES], include[PATHS], vltstd[PATHS], sim[PATHS], here[PATHS], objects[PATHS];
    char unity[PATHS], verilated[PATHS], threads[PATHS], target[PATHS], scope[192];
    if (verilator_root(b, root, 2048)) return DUT_MISSING_TOOL;
    snprintf(include, sizeof include, "-I%s/include", root);
    snprintf(vltstd, sizeof vltstd, "-I%s/include/vltstd", root);
    snprintf(verilated, sizeof verilated, "%s/include/verilated.cpp", root);
    snprintf(threads, sizeof threads, "%s/include/verilated_threads.cpp", root);
    snprintf(sim, sizeof sim, "-I%s/sim", paths_data());
    snprintf(here, sizeof here, "-I%s", b->part);
    snprintf(objects, sizeof objects, "-I%s/obj", b->part);
    snprintf(unity, sizeof unity, "%s/unity.cpp", b->part);
    snprintf(target, sizeof target, "%s/plugin.so", b->part);
    snprintf(scope, sizeof scope, "-DDUT_SCOPE=\"TOP.%s\"", b->module);
    char *argv[ARGS_MAX] = {"g++", "-std=c++17", b->heavy ? "-O3" : "-O1", "-march=native", "-fPIC", "-shared", "-w",
                            "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TRACE=0", "-DVL_THREADED=0",
                            "-pthread", scope, here, objects, include, vltstd, sim, unity, verilated, threads, "-o",
                            target};
    if (!b->type->clocked) {
        int n = 0;
        while (argv[n]) ++n;
        argv[n] = "-DDUT_COMBINATIONAL";
    }
    return run(b, argv);
}

static bool is_built(const build_t *b)
{
    char path[PATHS + 16];
    snprintf(path, sizeof path, "%s/plugin.so", b->folder);
    return !access(path, R_OK);
}

static void remove_folder(const char *path)
{
    char *const argv[] = {"rm", "-rf", (char *)path, NULL};
    process_run(argv, "/dev/null");
}

static dut_status_t build_plugin(build_t *b)
{
    static const char *const tools[][2] = {{"verilator", "verilator"}, {"g++", "g++"}};
    for (int i = 0; i < 2; ++i) {
        if (process_exists(tools[i][0])) continue;
        snprintf(b->error, DUT_ERROR_MAX, "%s: not found; install the package %s", tools[i][0], tools[i][1]);
        return DUT_MISSING_TOOL;
    }
    unlink(b->log);
    dut_status_t status = write_files(b);
    if (!status) status = verilate(b);
    if (!status) status = write_unity(b);
    if (!status) status = compile(b);
    if (!status && rename(b->part, b->folder) && !is_built(b)) status = fail(b, DUT_BAD_INPUT, b->folder, strerror(errno));
    remove_folder(b->part);
    if (!status) unlink(b->log);
    return status;
}

/* Several processes may want the same plug-in: one builds, the others wait. */
static dut_status_t build_locked(build_t *b, double *seconds)
{
    char lock[PATHS + 16];
    struct timespec begin, end;
    *seconds = 0;
    if (is_built(b)) return DUT_OK;
    snprintf(lock, sizeof lock, "%s.lock", b->folder);
    int file = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    if (file < 0 || flock(file, LOCK_EX)) return fail(b, DUT_BAD_INPUT, lock, strerror(errno));
    clock_gettime(CLOCK_MONOTONIC, &begin);
    dut_status_t status = is_built(b) ? DUT_OK : build_plugin(b);
    clock_gettime(CLOCK_MONOTONIC, &end);
    *seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    unlink(lock);
    close(file);
    return status;
}

static dut_status_t build(build_t *b, const char *unit, const patch_t *patch, double *seconds)
{
    b->type = block_find(unit);
    if (!b->type) return fail(b, DUT_BAD_INPUT, unit, "no such unit");
    dut_status_t status = prepare(b, patch);
    if (!status) status = build_locked(b, seconds);
    free_set(&b->set);
    return status;
}

dut_status_t dut_build(const design_t *d, const char *unit, const patch_t *patch, double *seconds,
                       char error[DUT_ERROR_MAX])
{
    build_t b = {.d = d, .error = error};
    return build(&b, unit, patch, seconds);
}

dut_status_t dut_open(dut_t *dut, const design_t *d, const char *unit, const patch_t *patch, uint64_t x_seed,
                      char error[DUT_ERROR_MAX])
{
    build_t b = {.d = d, .error = error};
    double seconds;
    char path[PATHS + 16];
    dut_status_t status = build(&b, unit, patch, &seconds);
    if (status) return status;
    snprintf(path, sizeof path, "%s/plugin.so", b.folder);
    dut->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!dut->library) return fail(&b, DUT_BAD_INPUT, path, dlerror());
    const plugin_t *(*entry)(void) = (const plugin_t *(*)(void))(uintptr_t)dlsym(dut->library, "sanger_plugin");
    dut->api = entry ? entry() : NULL;
    if (!dut->api || dut->api->abi != PLUGIN_ABI) {
        dlclose(dut->library);
        return fail(&b, DUT_BAD_INPUT, path, "another plug-in interface");
    }
    dut->instance = dut->api->open(x_seed);
    if (dut->instance) return DUT_OK;
    dlclose(dut->library);
    return fail(&b, DUT_BAD_INPUT, path, "out of memory");
}

void dut_close(dut_t *dut)
{
    if (!dut->instance) return;
    dut->api->close(dut->instance);
    dlclose(dut->library);
    dut->instance = NULL;
}
