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
#include <unistd.h>

#include "../model/hash.h"
#include "clock.h"
#include "paths.h"
#include "process.h"
#include "sources.h"

enum { PATHS = PATH_MAX_BYTES + 256, ARGS_MAX = 40 };

/* Big arrays earn the optimiser's time back within a second; small ones never do. */
static bool is_heavy(const design_t *d, const char *unit)
{
    static const char *const units[] = {"pe_row",     "pe_array",      "score_array",   "slot_row",
                                        "slot_array", "array_control", "predict_array", "machine"};
    bool big = false;
    for (size_t i = 0; i < sizeof units / sizeof *units; ++i) big |= !strcmp(unit, units[i]);
    return big && (int64_t)d->rows * d->columns >= 1024;
}

typedef struct {
    const design_t *d;
    const block_type_t *type;
    const char *netlist; /* a file in place of the modules, or NULL */
    sources_t set;
    bool heavy;
    bool counting; /* Verilator's own toggle coverage is built in */
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

/* The compiler's option for the vector units to use: this CPU's, or those of SANGER_MARCH, for tools that do
 * not know all of them. */
static const char *march(void)
{
    static char option[64];
    const char *wanted = getenv("SANGER_MARCH");
    snprintf(option, sizeof option, "-march=%s", wanted && *wanted ? wanted : "native");
    return option;
}

/* The CPU belongs to the key: a build for this one's vector units may not run on another. */
static uint64_t hash_cpu(uint64_t h)
{
    char line[4096];
    if (strcmp(march(), "-march=native") != 0) h = hash_text(h, march());
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

/* Fills the set and marks what the unit is built from. */
static dut_status_t generate_set(build_t *b, const patch_t *patch)
{
    snprintf(b->module, sizeof b->module, "%s_%s", b->d->name, b->type->name);
    return sources_open(&b->set, b->d, b->type->name, patch, b->error) ? DUT_BAD_INPUT : DUT_OK;
}

/* The netlist becomes the top's file; the others are no more used. */
static dut_status_t take_netlist(build_t *b)
{
    char *text = NULL, name[192];
    size_t room = 0;
    snprintf(name, sizeof name, "%s.v", b->module);
    FILE *file = fopen(b->netlist, "r");
    ssize_t n = file ? getdelim(&text, &room, '\0', file) : -1;
    if (file) fclose(file);
    if (n <= 0) {
        free(text);
        return fail(b, DUT_BAD_INPUT, b->netlist, "cannot be read");
    }
    for (int i = 0; i < b->set.n; ++i) {
        b->set.file[i].used = !strcmp(b->set.file[i].name, name);
        if (!b->set.file[i].used) continue;
        free(b->set.file[i].text);
        b->set.file[i].text = text;
    }
    return DUT_OK;
}

static dut_status_t prepare(build_t *b, const patch_t *patch)
{
    char cache[PATH_MAX_BYTES];
    if (generate_set(b, patch)) return DUT_BAD_INPUT;
    if (b->netlist && take_netlist(b)) return DUT_BAD_INPUT;
    b->heavy = is_heavy(b->d, b->type->name);
    uint64_t h = hash_cpu(hash_text(HASH_BASIS, b->heavy ? "O3" : "O1"));
    if (b->counting) h = hash_text(h, "coverage");
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

/* Registers are visible in every build; outputs and the nets that the unit's table names in this one only,
   since every visible net is one that Verilator may not optimise away. */
static dut_status_t write_visible(build_t *b)
{
    signal_t table[SIGNAL_MAX];
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) return fail(b, DUT_BAD_INPUT, b->module, "out of memory");
    fprintf(out, "`verilator_config\npublic_flat_rd -module \"%s\" -var \"*_i\"\n", b->module);
    fprintf(out, "public_flat_rd -module \"%s\" -var \"*_o\"\n", b->module);
    int n = b->type->signals(b->d, table);
    for (int i = 0; i < n; ++i) {
        if (table[i].kind != SIGNAL_NET || !table[i].path) continue;
        const char *dot = strrchr(table[i].path, '.');
        /* in a netlist its name holds the blocks around it */
        fprintf(out, "public_flat_rd -module \"*\" -var \"%s%s\"\n", b->netlist ? "*" : "",
                dot ? dot + 1 : table[i].path);
    }
    fclose(out);
    dut_status_t status = write_text(b, "visible.vlt", text);
    free(text);
    return status;
}

static dut_status_t write_files(build_t *b)
{
    if (mkdir(b->part, 0777) && errno != EEXIST) return fail(b, DUT_BAD_INPUT, b->part, strerror(errno));
    for (int i = 0; i < b->set.n; ++i) {
        if (write_text(b, b->set.file[i].name, b->set.file[i].text)) return DUT_BAD_INPUT;
    }
    return write_visible(b);
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
    char own_vlt[PATHS], visible[PATHS], source[PATHS], objects[PATHS];
    snprintf(own_vlt, sizeof own_vlt, "%s/%s.vlt", b->part, b->d->name);
    snprintf(visible, sizeof visible, "%s/visible.vlt", b->part);
    snprintf(source, sizeof source, "%s/%s.v", b->part, b->module);
    snprintf(objects, sizeof objects, "%s/obj", b->part);
    char *argv[] = {"verilator",  "--cc",   "-Wno-fatal",     "-fno-table", "--x-initial", "unique",
                    "--x-assign", "unique", "--output-split", "0",          "--prefix",    "Vdut",
                    "-Mdir",      objects,  "--top-module",   b->module,    "-y",          b->part,
                    own_vlt,      visible,  source,           NULL,         NULL,          NULL,
                    NULL};
    if (b->counting) { /* wide signals are left out unless told */
        char *const more[] = {"--coverage-toggle", "--coverage-max-width", "1000000"};
        char **end = argv;
        while (*end) ++end;
        memcpy(end, more, sizeof more);
    }
    return run(b, argv);
}

/* ---- compiling what Verilator wrote ---- */

/* Set-up code and symbol tables run once: they are not worth optimising. */
static bool is_slow(const char *name)
{
    return strstr(name, "Slow") || strstr(name, "Syms") || strstr(name, "ConstPool");
}
static bool is_row(const char *name)
{
    return strstr(name, "_row__") != NULL;
}

/* Translation units of a build; each includes its share of Verilator's files, whose headers are read once. A
   heavy unit gets its row code and its slow code in units of their own, to be compiled side by side. */
typedef enum { PART_TOP, PART_ROW, PART_SLOW, PARTS } part_t;
static const char *const part_names[PARTS] = {"top", "row", "slow"};

static part_t part_of(const build_t *b, const char *name)
{
    if (!b->heavy) return PART_TOP;
    return is_slow(name) ? PART_SLOW : is_row(name) ? PART_ROW : PART_TOP;
}

static dut_status_t write_part(build_t *b, part_t part)
{
    char path[PATHS], name[32], *text = NULL;
    size_t bytes = 0;
    snprintf(path, sizeof path, "%s/obj", b->part);
    DIR *folder = opendir(path);
    if (!folder) return fail(b, DUT_BAD_INPUT, path, strerror(errno));
    FILE *out = open_memstream(&text, &bytes);
    for (struct dirent *entry; out && (entry = readdir(folder));) {
        size_t n = strlen(entry->d_name);
        bool is_source = n > 4 && !strcmp(entry->d_name + n - 4, ".cpp");
        if (is_source && part_of(b, entry->d_name) == part)
            fprintf(out, "#include \"obj/%s\"\n", entry->d_name);
    }
    closedir(folder);
    if (!out) return fail(b, DUT_BAD_INPUT, path, "out of memory");
    if (part == PART_TOP) fprintf(out, "#include \"%s/sim/plugin.cpp\"\n", paths_data());
    fclose(out);
    snprintf(name, sizeof name, "%s.cpp", part_names[part]);
    dut_status_t status = write_text(b, name, text);
    free(text);
    return status;
}

/* Verilator's include folder, from the tool itself. */
static dut_status_t verilator_root(build_t *b, char *root, size_t n)
{
    if (process_line("verilator --getenv VERILATOR_ROOT", root, n)) return DUT_OK;
    return fail(b, DUT_MISSING_TOOL, "verilator",
                "does not tell VERILATOR_ROOT; reinstall the package verilator");
}

#define COMMON_FLAGS                                                                                         \
    "-std=c++17", (char *)march(), "-fPIC", "-w", "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0",           \
        "-DVM_TRACE=0", "-DVL_THREADED=0", "-pthread"

/* Verilator's run-time library is the same for all plug-ins: compiled once into the cache. */
static dut_status_t build_runtime(build_t *b, const char *root, char object[PATHS])
{
    char source[PATHS], threads[PATHS], coverage[PATHS], include[PATHS], vltstd[PATHS], part[PATHS],
        cache[PATH_MAX_BYTES];
    uint64_t h = hash_text(hash_cpu(hash_text(HASH_BASIS, root)), "coverage");
    if (paths_cache(cache, b->error)) return DUT_BAD_INPUT;
    snprintf(object, PATHS, "%s/verilated-%016llx.o", cache, (unsigned long long)h);
    if (!access(object, R_OK)) return DUT_OK;
    snprintf(source, sizeof source, "%s/include/verilated.cpp", root);
    snprintf(threads, sizeof threads, "%s/include/verilated_threads.cpp", root);
    snprintf(coverage, sizeof coverage, "%s/include/verilated_cov.cpp", root);
    snprintf(include, sizeof include, "-I%s/include", root);
    snprintf(vltstd, sizeof vltstd, "-I%s/include/vltstd", root);
    snprintf(part, sizeof part, "%s.part%ld", object, (long)getpid());
    char *const argv[] = {"g++",      COMMON_FLAGS, "-O2", include, vltstd, "-include", source,
                          "-include", coverage,     "-c",  threads, "-o",   part,       NULL};
    dut_status_t status = run(b, argv);
    if (!status && rename(part, object)) status = fail(b, DUT_BAD_INPUT, object, strerror(errno));
    return status;
}

static int start_part(build_t *b, part_t part, const char *root)
{
    char include[PATHS], vltstd[PATHS], sim[PATHS], here[PATHS], objects[PATHS], source[PATHS], object[PATHS],
        scope[192];
    snprintf(include, sizeof include, "-I%s/include", root);
    snprintf(vltstd, sizeof vltstd, "-I%s/include/vltstd", root);
    snprintf(sim, sizeof sim, "-I%s/sim", paths_data());
    snprintf(here, sizeof here, "-I%s", b->part);
    snprintf(objects, sizeof objects, "-I%s/obj", b->part);
    snprintf(source, sizeof source, "%s/%s.cpp", b->part, part_names[part]);
    snprintf(object, sizeof object, "%s/%s.o", b->part, part_names[part]);
    snprintf(scope, sizeof scope, "-DDUT_SCOPE=\"TOP.%s\"", b->module);
    char *const argv[] = {"g++",
                          COMMON_FLAGS,
                          part == PART_SLOW ? "-O0"
                          : b->heavy        ? "-O3"
                                            : "-O1",
                          scope,
                          b->counting ? "-DDUT_COUNTING" : "-DDUT_PLAIN",
                          b->type->clocked ? "-DDUT_CLOCKED" : "-DDUT_COMBINATIONAL",
                          here,
                          objects,
                          include,
                          vltstd,
                          sim,
                          "-c",
                          source,
                          "-o",
                          object,
                          NULL};
    return process_start(argv, b->log);
}

static dut_status_t link_parts(build_t *b, const char *runtime)
{
    char object[PARTS][PATHS], target[PATHS];
    for (int i = 0; i < PARTS; ++i) snprintf(object[i], sizeof object[i], "%s/%s.o", b->part, part_names[i]);
    snprintf(target, sizeof target, "%s/plugin.so", b->part);
    char *argv[] = {
        "g++",     "-shared", "-o", target, (char *)runtime, object[0], b->heavy ? object[1] : NULL,
        object[2], NULL};
    return run(b, argv);
}

static dut_status_t compile(build_t *b)
{
    char root[PATH_MAX_BYTES], runtime[PATHS];
    int process[PARTS], parts = b->heavy ? PARTS : 1, failed = 0;
    dut_status_t status = verilator_root(b, root, 2048);
    if (!status) status = build_runtime(b, root, runtime);
    for (int i = 0; i < parts && !status; ++i) status = write_part(b, (part_t)i);
    if (status) return status;
    for (int i = 0; i < parts; ++i) process[i] = start_part(b, (part_t)i, root);
    for (int i = 0; i < parts; ++i) failed |= process_wait(process[i]);
    if (!failed) return link_parts(b, runtime);
    char why[PATHS + 96];
    snprintf(why, sizeof why, "failed, see %s", b->log);
    return fail(b, DUT_BAD_INPUT, "g++", why);
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
    if (!status) status = compile(b);
    if (!status && rename(b->part, b->folder) && !is_built(b))
        status = fail(b, DUT_BAD_INPUT, b->folder, strerror(errno));
    remove_folder(b->part);
    if (!status) unlink(b->log);
    return status;
}

/* Several processes may want the same plug-in: one builds, the others wait. */
static dut_status_t build_locked(build_t *b, double *seconds)
{
    char lock[PATHS + 16];
    *seconds = 0;
    if (is_built(b)) return DUT_OK;
    snprintf(lock, sizeof lock, "%s.lock", b->folder);
    int file = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    if (file < 0 || flock(file, LOCK_EX)) return fail(b, DUT_BAD_INPUT, lock, strerror(errno));
    double begin = clock_seconds();
    dut_status_t status = is_built(b) ? DUT_OK : build_plugin(b);
    *seconds = clock_seconds() - begin;
    unlink(lock);
    close(file);
    return status;
}

static dut_status_t build(build_t *b, const char *unit, const patch_t *patch, double *seconds)
{
    b->type = block_find(unit);
    if (!b->type || !block_fits(b->type, b->d)) return fail(b, DUT_BAD_INPUT, unit, "no such unit");
    dut_status_t status = prepare(b, patch);
    if (!status) status = build_locked(b, seconds);
    sources_close(&b->set);
    return status;
}

dut_status_t dut_hash(const design_t *d, const char *unit, const patch_t *patch, char out[17],
                      char error[DUT_ERROR_MAX])
{
    build_t b = {.d = d, .type = block_find(unit), .error = error};
    uint64_t h = HASH_BASIS;
    if (!b.type) return fail(&b, DUT_BAD_INPUT, unit, "no such unit");
    dut_status_t status = generate_set(&b, patch);
    for (int i = 0; i < b.set.n; ++i) {
        if (b.set.file[i].used) h = hash_text(h, b.set.file[i].text);
    }
    snprintf(out, 17, "%016llx", (unsigned long long)h);
    sources_close(&b.set);
    return status;
}

dut_status_t dut_build(const design_t *d, const char *unit, const patch_t *patch, double *seconds,
                       char error[DUT_ERROR_MAX])
{
    build_t b = {.d = d, .error = error};
    return build(&b, unit, patch, seconds);
}

static dut_status_t build_and_load(build_t *b, const char *unit, const patch_t *patch, uint64_t x_seed,
                                   dut_t *dut)
{
    double seconds;
    char path[PATHS + 16];
    dut_status_t status = build(b, unit, patch, &seconds);
    if (status) return status;
    snprintf(path, sizeof path, "%s/plugin.so", b->folder);
    dut->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!dut->library) return fail(b, DUT_BAD_INPUT, path, dlerror());
    const plugin_t *(*entry)(void) =
        (const plugin_t *(*)(void))(uintptr_t)dlsym(dut->library, "sanger_plugin");
    dut->api = entry ? entry() : NULL;
    if (!dut->api || dut->api->abi != PLUGIN_ABI) {
        dlclose(dut->library);
        return fail(b, DUT_BAD_INPUT, path, "another plug-in interface");
    }
    dut->instance = dut->api->open(x_seed);
    if (dut->instance) return DUT_OK;
    dlclose(dut->library);
    return fail(b, DUT_BAD_INPUT, path, "out of memory");
}

dut_status_t dut_open(dut_t *dut, const design_t *d, const char *unit, const patch_t *patch, uint64_t x_seed,
                      char error[DUT_ERROR_MAX])
{
    build_t b = {.d = d, .error = error};
    return build_and_load(&b, unit, patch, x_seed, dut);
}

dut_status_t dut_open_counting(dut_t *dut, const design_t *d, const char *unit, uint64_t x_seed,
                               char error[DUT_ERROR_MAX])
{
    build_t b = {.d = d, .counting = true, .error = error};
    return build_and_load(&b, unit, NULL, x_seed, dut);
}

dut_status_t dut_open_netlist(dut_t *dut, const design_t *d, const char *unit, const char *netlist,
                              uint64_t x_seed, char error[DUT_ERROR_MAX])
{
    build_t b = {.d = d, .netlist = netlist, .error = error};
    return build_and_load(&b, unit, NULL, x_seed, dut);
}

dut_status_t dut_again(dut_t *dut, const dut_t *open, uint64_t x_seed, char error[DUT_ERROR_MAX])
{
    *dut = (dut_t){.api = open->api, .instance = open->api->open(x_seed)};
    if (dut->instance) return DUT_OK;
    snprintf(error, DUT_ERROR_MAX, "plug-in: out of memory");
    return DUT_BAD_INPUT;
}

void dut_close(dut_t *dut)
{
    if (!dut->instance) return;
    dut->api->close(dut->instance);
    if (dut->library) dlclose(dut->library);
    dut->instance = NULL;
}
