/* SPDX-License-Identifier: Apache-2.0 */
#include "netlist.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../model/file.h"
#include "../model/hash.h"
#include "paths.h"
#include "process.h"
#include "sources.h"

enum { BUILD_SECONDS = 600, PREPARED_MAX = 1 << 30 };

static dut_status_t fail(char *error, dut_status_t status, const char *what, const char *why)
{
    snprintf(error, DUT_ERROR_MAX, "%s: %s", what, why);
    return status;
}

int netlist_yosys(const netlist_t *n, const char *script, const char *log, int seconds)
{
    char limit[16], path[NETLIST_PATH_MAX + 64];
    snprintf(limit, sizeof limit, "--cpu=%d", seconds);
    snprintf(path, sizeof path, "%s/%s", n->folder, log);
    unlink(path);
    /* Yosys names cells after the path that it was given, so paths are relative: env changes the folder. */
    char *const argv[] = {"env", "-C", (char *)n->folder, "prlimit", limit, "yosys",
                          "-q",  "-s", (char *)script,    NULL};
    return process_run(argv, path);
}

static dut_status_t write_text(const char *folder, const char *name, const char *text, char *error)
{
    char path[NETLIST_PATH_MAX + SOURCES_NAME_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    bool ok = file && fputs(text, file) >= 0;
    if (file && fclose(file)) ok = false;
    return ok ? DUT_OK : fail(error, DUT_BAD_INPUT, path, "write failed");
}

/* Registers and nets that nothing reads are compared all the same. */
static void keep_compared(const mutate_config_t *c, FILE *out)
{
    signal_t table[SIGNAL_MAX];
    int n = block_find(c->unit)->signals(c->design, table);
    fputs("setattr -set keep 1 w:*_q\n", out);
    for (int i = 0; i < n; ++i) {
        if (!table[i].path) continue;
        const char *dot = strrchr(table[i].path, '.');
        fprintf(out, "setattr -set keep 1 w:*%s\n", dot ? dot + 1 : table[i].path);
    }
}

/* The own modules without the flip-flops of counters: those would no longer be what has the counter's name,
   and runs with high counters could not raise it. What comes to them and goes from them is mutated all the
   same. */
static void select_mutated(const netlist_t *n, const sources_t *s, FILE *out)
{
    signal_t table[SIGNAL_MAX];
    int count = block_find(n->config->unit)->signals(n->config->design, table);
    const char *and = "";
    fputs("select -set mutated", out);
    for (int i = 0; i < s->n; ++i) {
        if (!s->file[i].own) continue;
        fprintf(out, " %.*s%s", (int)strlen(s->file[i].name) - 2, s->file[i].name, and);
        and = " %u";
    }
    for (int i = 0; i < count; ++i) {
        const char *dot = table[i].path ? strrchr(table[i].path, '.') : NULL;
        if (table[i].counts) fprintf(out, " w:*%s %%ci1 t:$*dff* %%i %%d", dot ? dot + 1 : table[i].path);
    }
    fputs("\n", out);
}

/* Reads the used files, mutates the own modules. */
static char *build_script(const netlist_t *n, const sources_t *s)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) return NULL;
    for (int i = 0; i < s->n; ++i) {
        if (s->file[i].used) fprintf(out, "read_verilog -sv %s\n", s->file[i].name);
    }
    fprintf(out, "hierarchy -check -top %s\nproc\n", n->module);
    keep_compared(n->config, out);
    /* a memory becomes one cell of its name, which a proof takes as it takes an instance */
    fputs("memory_collect\nopt_expr\nopt_clean\nwrite_rtlil prepared.il\n", out);
    select_mutated(n, s, out);
    fprintf(out, "mutate -list %d -seed %llu -none -ctrl " LOCKSTEP_MUTANT_PORT " 16 0 -o list.ys @mutated",
            n->config->mutants + 1, (unsigned long long)n->config->seed);
    fputs("\nscript list.ys\nwrite_verilog -noattr netlist.v\n", out);
    fclose(out);
    return text;
}

static void remove_folder(const char *path)
{
    char *const argv[] = {"rm", "-rf", (char *)path, NULL};
    process_run(argv, "/dev/null");
}

static dut_status_t build(netlist_t *n, const sources_t *s, const char *script, char *error)
{
    char target[NETLIST_PATH_MAX];
    dut_status_t status = DUT_OK;
    if (!process_exists("yosys"))
        return fail(error, DUT_MISSING_TOOL, "yosys", "not found; install the package yosys");
    strcpy(target, n->folder);
    snprintf(n->folder, sizeof n->folder, "%.4200s.part%ld", target, (long)getpid());
    if (mkdir(n->folder, 0777)) return fail(error, DUT_BAD_INPUT, n->folder, strerror(errno));
    for (int i = 0; i < s->n && !status; ++i) {
        if (s->file[i].used) status = write_text(n->folder, s->file[i].name, s->file[i].text, error);
    }
    if (!status) status = write_text(n->folder, "build.ys", script, error);
    if (!status && netlist_yosys(n, "build.ys", "log", BUILD_SECONDS)) {
        char why[NETLIST_PATH_MAX + 32];
        snprintf(why, sizeof why, "failed, see %s/log", n->folder);
        return fail(error, DUT_BAD_INPUT, "yosys", why);
    }
    if (!status && rename(n->folder, target) && access(target, R_OK))
        status = fail(error, DUT_BAD_INPUT, target, strerror(errno));
    remove_folder(n->folder);
    strcpy(n->folder, target);
    return status;
}

/* ---- the list ---- */

/* The word after " -option " in a command, into out[n]; true when it is there. */
static bool option_of(const char *command, const char *option, char *out, size_t n)
{
    const char *at = strstr(command, option);
    if (!at) return *out = '\0', false;
    at += strlen(option);
    snprintf(out, n, "%.*s", (int)strcspn(at, " \n"), at);
    return true;
}

/* "$add$file.v:12$345" is an $add; others are instances. */
static void cell_name(char *cell)
{
    char *end = *cell == '$' ? strchr(cell + 1, '$') : NULL;
    if (end) *end = '\0';
}

static void describe(const char *command, mutant_t *m)
{
    char mode[16], module[128], cell[160], port[64], bit[16], other[16], wire[96], wirebit[16];
    option_of(command, "-mode ", mode, sizeof mode);
    option_of(command, " -module ", module, sizeof module);
    option_of(command, " -cell ", cell, sizeof cell);
    option_of(command, " -port ", port, sizeof port);
    option_of(command, " -portbit ", bit, sizeof bit);
    bool by = option_of(command, " -ctrlbit ", other, sizeof other);
    bool named = option_of(command, " -wire ", wire, sizeof wire);
    option_of(command, " -wirebit ", wirebit, sizeof wirebit);
    cell_name(cell);
    snprintf(m->change, sizeof m->change, "%s %s.%s[%s]%s%s%s%s%s%s%s", mode, cell, port, bit,
             by ? " by bit " : "", other, named ? " (" : "", wire, named ? "[" : "", named ? wirebit : "",
             named ? "])" : "");
    if (!option_of(command, " -src ", m->where, sizeof m->where))
        snprintf(m->where, sizeof m->where, "%s.v", module);
    char *range = strchr(m->where, '.'); /* "file.v:12.3-12.9": the line will do */
    range = range ? strchr(range + 2, '.') : NULL;
    if (range) *range = '\0';
}

static dut_status_t read_list(netlist_t *n, mutate_result_t *r, char *error)
{
    static const char active[] = "mutate -ctrl " LOCKSTEP_MUTANT_PORT " 16 ";
    char path[NETLIST_PATH_MAX + 16], line[2048];
    snprintf(path, sizeof path, "%s/list.ys", n->folder);
    FILE *in = fopen(path, "r");
    n->command = calloc(MUTANTS_MAX, sizeof *n->command);
    while (in && n->command && r->n < MUTANTS_MAX && fgets(line, sizeof line, in)) {
        char *mode = strstr(line, "-mode ");
        if (strncmp(line, active, sizeof active - 1) || !mode || !strncmp(mode, "-mode none", 10)) continue;
        mode[strcspn(mode, "\n")] = '\0';
        if (strtol(line + sizeof active - 1, NULL, 10) != r->n + 1) break;
        snprintf(n->command[r->n], sizeof *n->command, "%s", mode);
        describe(mode, &r->mutant[r->n++]);
    }
    if (in) fclose(in);
    return r->n ? DUT_OK : fail(error, DUT_BAD_INPUT, path, "expected mutants, found none");
}

/* In RTLIL a cell of Yosys' own has a type that begins with $, an instance a module's. */
static bool has_instances(const netlist_t *n)
{
    char path[NETLIST_PATH_MAX + 16];
    size_t bytes;
    snprintf(path, sizeof path, "%s/prepared.il", n->folder);
    char *text = file_read(path, PREPARED_MAX, &bytes);
    bool found = text && strstr(text, "\n  cell \\");
    free(text);
    return found;
}

dut_status_t netlist_open(netlist_t *n, const mutate_config_t *config, mutate_result_t *r,
                          char error[DUT_ERROR_MAX])
{
    char cache[PATH_MAX_BYTES];
    sources_t sources;
    uint64_t h = HASH_BASIS;
    *n = (netlist_t){.config = config, .ways = ~0u};
    snprintf(n->module, sizeof n->module, "%s_%s", config->design->name, config->unit);
    dut_status_t status =
        sources_open(&sources, config->design, config->unit, NULL, error) ? DUT_BAD_INPUT : DUT_OK;
    if (!status && paths_cache(cache, error)) status = DUT_BAD_INPUT;
    char *script = status ? NULL : build_script(n, &sources);
    if (!status && !script) status = fail(error, DUT_BAD_INPUT, config->unit, "out of memory");
    if (!status) {
        for (int i = 0; i < sources.n; ++i) {
            if (sources.file[i].used) h = hash_text(h, sources.file[i].text);
        }
        snprintf(n->folder, sizeof n->folder, "%s/mutate-%s-%016llx", cache, n->module,
                 (unsigned long long)hash_text(h, script));
        if (access(n->folder, R_OK)) status = build(n, &sources, script, error);
    }
    snprintf(n->netlist, sizeof n->netlist, "%s/netlist.v", n->folder);
    n->instances = !status && has_instances(n);
    free(script);
    sources_close(&sources);
    return status ? status : read_list(n, r, error);
}

void netlist_close(netlist_t *n)
{
    free(n->command);
    n->command = NULL;
}
