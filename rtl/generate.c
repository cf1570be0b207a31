/* SPDX-License-Identifier: Apache-2.0 */
#include "generate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../model/block.h"
#include "expand.h"

enum { SOURCE_MAX = 1 << 20 };

/* Which instance of a source: most have one; the exp unit is built for a PE and for the score array. */
typedef enum { SCOPE_DESIGN, SCOPE_EXP_PE, SCOPE_EXP_SCORE } scope_t;

typedef struct {
    const char *source; /* rtl/<source>.v */
    const char *module; /* <design>_<module> */
    scope_t scope;
    bool apart;                      /* kept as a module of its own when simulated: many equal instances */
    bool (*fits)(const design_t *d); /* which designs have it; NULL: all */
} module_t;

static bool has_machine(const design_t *d)
{
    return !design_lacks_machine(d);
}
static bool travels(const design_t *d)
{
    return d->control == CONTROL_TRAVELLING && has_machine(d);
}

static bool shares_control(const design_t *d)
{
    return d->control == CONTROL_ARRAY;
}

/* A machine under the published control. */
static bool has_array_machine(const design_t *d)
{
    return shares_control(d) && has_machine(d);
}

static const module_t modules[] = {
    {"exp", "exp", SCOPE_EXP_PE, false, NULL},
    {"exp", "score_exp", SCOPE_EXP_SCORE, false, NULL},
    {"score_pe", "score_pe", SCOPE_DESIGN, false, NULL},
    {"score_row", "score_row", SCOPE_DESIGN, true, NULL},
    {"score_array", "score_array", SCOPE_DESIGN, false, NULL},
    {"binarise", "binarise", SCOPE_DESIGN, false, NULL},
    {"pack", "pack", SCOPE_DESIGN, false, NULL},
    {"split", "split", SCOPE_DESIGN, false, NULL},
    {"pe", "pe", SCOPE_DESIGN, false, NULL},
    {"delay_line", "delay_line", SCOPE_DESIGN, false, NULL},
    {"pe_row", "pe_row", SCOPE_DESIGN, true, shares_control},
    {"pe_array", "pe_array", SCOPE_DESIGN, false, shares_control},
    {"divide", "divide", SCOPE_DESIGN, true, NULL},
    {"normalise", "normalise", SCOPE_DESIGN, false, NULL},
    {"memory_port", "memory_port", SCOPE_DESIGN, false, has_machine},
    {"fetch", "fetch", SCOPE_DESIGN, false, has_machine},
    {"controller", "controller", SCOPE_DESIGN, false, has_machine},
    {"tile_loader", "tile_loader", SCOPE_DESIGN, false, has_machine},
    {"pass_control", "pass_control", SCOPE_DESIGN, false, has_machine},
    {"feeder", "feeder", SCOPE_DESIGN, false, has_machine},
    {"buffer", "buffer", SCOPE_DESIGN, false, has_machine},
    {"slot_control", "slot_control", SCOPE_DESIGN, false, travels},
    {"slot_row", "slot_row", SCOPE_DESIGN, true, travels},
    {"slot_array", "slot_array", SCOPE_DESIGN, false, travels},
    {"predict_control", "predict_control", SCOPE_DESIGN, false, has_machine},
    {"rebias", "rebias", SCOPE_DESIGN, false, has_machine},
    {"predict_feeder", "predict_feeder", SCOPE_DESIGN, false, has_machine},
    {"predict_row", "predict_row", SCOPE_DESIGN, true, has_machine},
    {"predict_array", "predict_array", SCOPE_DESIGN, false, has_machine},
    {"drain", "drain", SCOPE_DESIGN, false, has_machine},
    {"accumulate", "accumulate", SCOPE_DESIGN, false, has_machine},
    {"machine", "machine", SCOPE_DESIGN, false, has_machine},
    {"array_control", "array_control", SCOPE_DESIGN, false, has_array_machine},
};
enum { MODULES = sizeof modules / sizeof *modules };

static bool has_module(const design_t *d, const module_t *m)
{
    return !m->fits || m->fits(d);
}

static int fail(char *error, const char *what, const char *why)
{
    snprintf(error, GENERATE_ERROR_MAX, "%s: %s", what, why);
    return -1;
}

/* A whole source as text; the caller frees it. */
static char *read_source(const char *path, char *error)
{
    FILE *file = fopen(path, "rb");
    char *text = file ? malloc(SOURCE_MAX + 1) : NULL;
    if (!text) {
        fail(error, path, strerror(errno));
        if (file) fclose(file);
        return NULL;
    }
    size_t n = fread(text, 1, SOURCE_MAX, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

/* Replaces the one occurrence of patch->old. */
static char *apply_patch(char *text, const patch_t *patch, char *error)
{
    char *at = strstr(text, patch->old);
    if (!at || strstr(at + 1, patch->old)) {
        fail(error, patch->file,
             at ? "the planted change fits more than once" : "the planted change fits nowhere");
        free(text);
        return NULL;
    }
    size_t before = (size_t)(at - text), old = strlen(patch->old), new = strlen(patch->replacement);
    char *out = malloc(strlen(text) - old + new + 1);
    if (out) {
        memcpy(out, text, before);
        memcpy(out + before, patch->replacement, new);
        strcpy(out + before + new, at + old);
    } else
        fail(error, patch->file, "out of memory");
    free(text);
    return out;
}

static void define_exp(expand_t *e, format_t x, format_t y)
{
    expand_define(e, "x_w", x.w);
    expand_define(e, "x_frac", x.frac);
    expand_define(e, "y_w", y.w);
    expand_define(e, "y_frac", y.frac);
}

static void define_scope(expand_t *e, scope_t scope)
{
    const design_t *d = e->design;
    if (scope == SCOPE_EXP_PE) define_exp(e, d->acc, d->score);
    if (scope == SCOPE_EXP_SCORE) define_exp(e, d->scaled, d->score_exp);
}

static void put_header(FILE *out, const design_t *d, const char *source, const char *comment)
{
    char hash[17];
    design_hash(d, hash);
    fprintf(out, "%s Generated by sanger from %s for design %s (hash %s). Do not edit.\n", comment, source,
            d->name, hash);
}

typedef struct {
    const design_t *d;
    const char *source_dir;
    const patch_t *patch;
    generate_sink_t sink;
    void *context;
    char *error;
} job_t;

/* Hands a finished stream to the sink. */
static int finish(const job_t *job, const char *suffix, FILE *out, char **text, size_t *bytes, int status)
{
    char name[160];
    snprintf(name, sizeof name, "%s%s", job->d->name, suffix);
    if (fclose(out)) status = fail(job->error, name, "out of memory");
    if (!status) status = job->sink(job->context, name, *text, *bytes, job->error);
    free(*text);
    return status;
}

static int generate_module(const job_t *job, const module_t *m)
{
    char path[4096], file[64], suffix[64], *text = NULL;
    size_t bytes = 0;
    snprintf(file, sizeof file, "%s.v", m->source);
    snprintf(suffix, sizeof suffix, "_%s.v", m->module);
    if ((size_t)snprintf(path, sizeof path, "%s/%s", job->source_dir, file) >= sizeof path) {
        return fail(job->error, job->source_dir, "path too long");
    }
    char *source = read_source(path, job->error);
    if (source && job->patch && !strcmp(job->patch->file, file))
        source = apply_patch(source, job->patch, job->error);
    if (!source) return -1;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) {
        free(source);
        return fail(job->error, file, "out of memory");
    }
    expand_t e = {.design = job->d, .module = m->module};
    define_scope(&e, m->scope);
    put_header(out, job->d, file, "//");
    int status = expand(&e, file, source, out);
    free(source);
    if (status) snprintf(job->error, GENERATE_ERROR_MAX, "%s", e.error);
    return finish(job, suffix, out, &text, &bytes, status);
}

static void put_shape(FILE *out, const signal_t *s)
{
    if (!s->dims) fputs("1", out);
    for (int i = 0; i < s->dims; ++i) fprintf(out, "%s%d", i ? " x " : "", s->n[i]);
}

/* Units inside: their registers are compared in this unit too, and stand in their own tables. */
static void put_children(FILE *out, const design_t *d, const block_type_t *type)
{
    const char *gap = "\nContains the registers of";
    for (const block_child_t *c = type->children; c && c->group; ++c) {
        if (!block_fits(c->type, d)) continue;
        fprintf(out, "%s `u_%s` (%s)", gap, c->group, c->type->name);
        gap = ",";
    }
    if (type->children) fputs(".\n", out);
}

static void put_unit(FILE *out, const design_t *d, const block_type_t *type)
{
    signal_t table[SIGNAL_MAX];
    char name[SIGNAL_NAME_MAX];
    int n = type->signals(d, table);
    fprintf(out, "\n## %s_%s\n\n%s.\n\n", d->name, type->name, type->summary);
    fputs("| signal | kind | elements | bits | fraction | signed | Verilog | reset | meaning |\n", out);
    fputs("| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n", out);
    for (int i = 0; i < n; ++i) {
        const signal_t *s = &table[i];
        fprintf(out, "| `%s` | %s | ", s->name, signal_kind_name(s->kind));
        put_shape(out, s);
        const char *reset = s->kind != SIGNAL_REG ? "" : s->stored ? "none" : "yes";
        fprintf(out, " | %d | %d | %s | `%s` | %s | %s |\n", s->bits, s->frac, s->is_signed ? "yes" : "no",
                s->path ? s->path : signal_port(s, name), reset, s->meaning ? s->meaning : "");
    }
    put_children(out, d, type);
}

static int generate_signals(const job_t *job)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) return fail(job->error, job->d->name, "out of memory");
    char hash[17];
    design_hash(job->d, hash);
    fprintf(out,
            "# Signals of %s\n\nDesign hash %s. Element 0 of a vector lies in the lowest bits; `#` in a\n"
            "Verilog name is an index. A register without a reset is a memory that begins with anything.\n",
            job->d->name, hash);
    for (const block_type_t *const *t = block_types; *t; ++t) {
        if (block_fits(*t, job->d)) put_unit(out, job->d, *t);
    }
    return finish(job, "_signals.md", out, &text, &bytes, 0);
}

/* Row modules stay apart and their ports visible: else Verilator emits every row's code again. */
static int generate_vlt(const job_t *job)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) return fail(job->error, job->d->name, "out of memory");
    put_header(out, job->d, "the module list", "//");
    fputs("`verilator_config\n", out);
    for (int i = 0; i < MODULES; ++i) {
        if (!has_module(job->d, &modules[i])) continue;
        fprintf(out, "public_flat_rd -module \"%s_%s\" -var \"*_q\"\n", job->d->name, modules[i].module);
        if (!modules[i].apart) continue;
        fprintf(out, "public_flat_rd -module \"%s_%s\" -var \"*_i\"\n", job->d->name, modules[i].module);
        fprintf(out, "no_inline -module \"%s_%s\"\n", job->d->name, modules[i].module);
    }
    return finish(job, ".vlt", out, &text, &bytes, 0);
}

static bool source_known(const char *file)
{
    for (int i = 0; i < MODULES; ++i) {
        size_t n = strlen(modules[i].source);
        if (!strncmp(file, modules[i].source, n) && !strcmp(file + n, ".v")) return true;
    }
    return false;
}

int generate(const design_t *d, const char *source_dir, const patch_t *patch, generate_sink_t sink,
             void *context, char *error)
{
    const job_t job = {d, source_dir, patch, sink, context, error};
    if (patch && !source_known(patch->file)) return fail(error, patch->file, "no such source");
    for (int i = 0; i < MODULES; ++i) {
        if (has_module(d, &modules[i]) && generate_module(&job, &modules[i])) return -1;
    }
    return generate_signals(&job) || generate_vlt(&job) ? -1 : 0;
}

static int write_file(void *context, const char *name, const char *text, size_t bytes, char *error)
{
    char path[4096], part[4112];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", (const char *)context, name) >= sizeof path) {
        return fail(error, context, "path too long");
    }
    snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "wb");
    if (!file) return fail(error, part, strerror(errno));
    bool written = fwrite(text, 1, bytes, file) == bytes;
    written = !fclose(file) && written && !rename(part, path);
    if (!written) {
        unlink(part);
        return fail(error, path, "write failed");
    }
    return 0;
}

int generate_files(const design_t *d, const char *source_dir, const char *out_dir, const patch_t *patch,
                   char *error)
{
    if (mkdir(out_dir, 0777) && errno != EEXIST) {
        snprintf(error, GENERATE_ERROR_MAX, "%s: folder: expected one that can be made, found: %s", out_dir,
                 strerror(errno));
        return -1;
    }
    return generate(d, source_dir, patch, write_file, (void *)out_dir, error);
}
