/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "paths.h"
#include "vector_file.h"
#include "../model/file.h"

static dut_status_t no_unit(const char *unit, char error[DUT_ERROR_MAX])
{
    snprintf(error, DUT_ERROR_MAX, "unit: expected a unit of the design, found '%.64s'", unit);
    return DUT_BAD_INPUT;
}

/* ---- recording ---- */

static void write_names(FILE *out, const block_t *b, signal_kind_t kind, const char *title)
{
    char name[SIGNAL_NAME_MAX];
    fprintf(out, "# %s:", title);
    for (int i = 0; i < b->signals; ++i) {
        const signal_t *s = &b->table[i];
        size_t count = s->kind == kind ? signal_count(s) : 0;
        for (size_t k = 0; k < count; ++k) fprintf(out, " %s:%d", signal_element_name(s, k, name), s->bits);
    }
    fputc('\n', out);
}

/* The unit as it is recorded, with zeros in the memories that have no reset, and the same unit with other
 * words there: an output that shows what nobody wrote differs among them, and is nobody's promise. */
enum { FILLS = 8 };

typedef struct {
    block_t *unit, *other[FILLS];
    bool stores; /* has such a memory: else the others are not stepped */
} recorded_t;

static void fill_memory(block_t *b, const signal_t *s, int fill, random_t *random)
{
    size_t count = signal_count(s);
    for (size_t k = 0; k < count; ++k) {
        uint64_t word = fixed_low(fill ? random_bits(random) : UINT64_MAX, s->bits);
        block_set(b, s, k, s->is_signed ? fixed_wrap((int64_t)word, s->bits) : (int64_t)word);
    }
}

static void reset_all(recorded_t *r)
{
    random_t random = {.state = 1};
    block_reset(r->unit);
    for (int fill = 0; fill < FILLS && r->stores; ++fill) {
        block_t *b = r->other[fill];
        block_reset(b);
        for (int i = 0; i < b->signals; ++i) {
            if (b->table[i].stored) fill_memory(b, &b->table[i], fill, &random);
        }
    }
}

static void settle_all(recorded_t *r)
{
    block_t *from = r->unit;
    from->type->eval(from->self);
    for (int fill = 0; fill < FILLS && r->stores; ++fill) {
        block_t *b = r->other[fill];
        for (int i = 0; i < b->signals; ++i) {
            const signal_t *s = &b->table[i];
            size_t count = s->kind == SIGNAL_IN ? signal_count(s) : 0;
            for (size_t k = 0; k < count; ++k) block_set(b, s, k, block_get(from, &from->table[i], k));
        }
        b->type->eval(b->self);
    }
}

static void tick_all(recorded_t *r)
{
    r->unit->type->tick(r->unit->self);
    for (int fill = 0; fill < FILLS && r->stores; ++fill) r->other[fill]->type->tick(r->other[fill]->self);
}

/* `promises`: what only memories of zero show is x. */
static bool open_all(recorded_t *r, const block_type_t *type, const design_t *d, bool promises)
{
    *r = (recorded_t){.unit = block_open(type, d)};
    bool ok = r->unit != NULL;
    for (int i = 0; ok && promises && i < r->unit->signals; ++i) r->stores |= r->unit->table[i].stored;
    for (int fill = 0; ok && fill < FILLS && r->stores; ++fill) {
        r->other[fill] = block_open(type, d);
        ok = r->other[fill] != NULL;
    }
    return ok;
}

static void close_all(recorded_t *r)
{
    for (int fill = 0; fill < FILLS; ++fill) block_close(r->other[fill]);
    block_close(r->unit);
}

static bool same_in_all(const recorded_t *r, int signal, size_t k)
{
    int64_t value = block_get(r->unit, &r->unit->table[signal], k);
    for (int fill = 0; fill < FILLS && r->stores; ++fill) {
        if (block_get(r->other[fill], &r->other[fill]->table[signal], k) != value) return false;
    }
    return true;
}

static void write_values(FILE *out, const recorded_t *r, int signal, const char **gap)
{
    const block_t *b = r->unit;
    const signal_t *s = &b->table[signal];
    bool hidden = s->kind == SIGNAL_OUT && b->type->specified && !b->type->specified(b->self, s->name);
    size_t count = signal_count(s);
    for (size_t k = 0; k < count; ++k) {
        fputs(*gap, out);
        *gap = " ";
        if (hidden || !same_in_all(r, signal, k))
            fputc('x', out);
        else
            fprintf(out, "%" PRIx64, fixed_low((uint64_t)block_get(b, s, k), s->bits));
    }
}

static void write_cycle(FILE *out, const recorded_t *r)
{
    const char *gap = "";
    for (int i = 0; i < r->unit->signals; ++i) {
        if (r->unit->table[i].kind == SIGNAL_IN) write_values(out, r, i, &gap);
    }
    fputs(" |", out);
    for (int i = 0; i < r->unit->signals; ++i) {
        if (r->unit->table[i].kind == SIGNAL_OUT) write_values(out, r, i, &gap);
    }
    fputc('\n', out);
}

/* What is written: inputs from `drive`. */
typedef struct {
    vectors_drive_t drive;
    void *context;
    uint64_t cycles;
    const char *comment;
} writing_t;

static void write_vectors(FILE *out, const writing_t *w, recorded_t *r)
{
    write_names(out, r->unit, SIGNAL_IN, "inputs");
    write_names(out, r->unit, SIGNAL_OUT, "outputs");
    fprintf(out, "# %s\n", w->comment);
    reset_all(r);
    for (uint64_t cycle = 0; cycle < w->cycles && !ferror(out); ++cycle) {
        w->drive(w->context, r->unit, cycle);
        settle_all(r);
        write_cycle(out, r);
        tick_all(r);
    }
}

static dut_status_t write_failed(const char *path, char error[DUT_ERROR_MAX])
{
    snprintf(error, DUT_ERROR_MAX, "%.200s: file: expected one that can be written, found: %s", path,
             strerror(errno));
    return DUT_BAD_INPUT;
}

/* Through a file beside it, so that a reader never meets half of one. */
static dut_status_t write_whole(const writing_t *w, recorded_t *r, const char *path,
                                char error[DUT_ERROR_MAX])
{
    char part[PATH_MAX_BYTES];
    int n = snprintf(part, sizeof part, "%s.part%ld", path, (long)getpid());
    if (!file_may_replace(path)) return write_failed(path, error);
    errno = ENAMETOOLONG;
    FILE *out = n < (int)sizeof part ? fopen(part, "w") : NULL;
    if (!out) return write_failed(path, error);
    write_vectors(out, w, r);
    bool written = !ferror(out);
    written = !fclose(out) && written && !rename(part, path);
    if (written) return DUT_OK;
    write_failed(path, error);
    unlink(part);
    return DUT_BAD_INPUT;
}

static dut_status_t no_memory(const char *unit, char error[DUT_ERROR_MAX])
{
    snprintf(error, DUT_ERROR_MAX, "%s: out of memory", unit);
    return DUT_BAD_INPUT;
}

dut_status_t vectors_write(const design_t *d, const char *unit, vectors_drive_t drive, void *context,
                           uint64_t cycles, const char *comment, const char *path, char error[DUT_ERROR_MAX])
{
    const block_type_t *type = block_find(unit);
    if (!type) return no_unit(unit, error);
    recorded_t r;
    const writing_t w = {drive, context, cycles, comment};
    dut_status_t status =
        open_all(&r, type, d, false) ? write_whole(&w, &r, path, error) : no_memory(unit, error);
    close_all(&r);
    return status;
}

static void drive_stimulus(void *context, block_t *unit, uint64_t t)
{
    (void)unit, (void)t; /* the stimulus has been opened on the unit and counts itself */
    stimulus_next(context);
}

static dut_status_t record_opened(const vectors_source_t *v, recorded_t *r, const char *path,
                                  char error[DUT_ERROR_MAX])
{
    char comment[512], hash[17];
    stimulus_t *s = stimulus_open(v->kind, v->seed, r->unit);
    if (!s) {
        snprintf(error, DUT_ERROR_MAX, "%s: expected a unit with %s stimulus, found none", v->unit,
                 stimulus_names[v->kind]);
        return DUT_BAD_INPUT;
    }
    design_hash(v->design, hash);
    snprintf(comment, sizeof comment,
             "%s of %s (%s), %s stimulus of seed %" PRIu64 ", outputs of the reference model", v->unit,
             v->design->name, hash, stimulus_names[v->kind], v->seed);
    const writing_t w = {drive_stimulus, s, v->cycles, comment};
    dut_status_t status = write_whole(&w, r, path, error);
    stimulus_close(s);
    return status;
}

dut_status_t vectors_record(const vectors_source_t *v, const char *path, char error[DUT_ERROR_MAX])
{
    const block_type_t *type = block_find(v->unit);
    if (!type) return no_unit(v->unit, error);
    recorded_t r;
    dut_status_t status =
        open_all(&r, type, v->design, true) ? record_opened(v, &r, path, error) : no_memory(v->unit, error);
    close_all(&r);
    return status;
}

/* ---- checking ---- */

typedef struct {
    vector_file_t *file;
    lockstep_t *lockstep;
    const signal_t *table; /* what the file's columns point into */
    bool with_rtl;
    bool running; /* past reset */
    vectors_result_t *result;
} check_t;

static uint64_t model_bits(const block_t *b, const signal_t *s, size_t index)
{
    return fixed_low((uint64_t)block_get(b, s, index), s->bits);
}

/* The lockstep's own entry of a column's signal. */
static const signal_t *own_signal(const check_t *c, const vector_column_t *column)
{
    return &lockstep_model(c->lockstep)->table[column->signal - c->table];
}

static void drive(const check_t *c)
{
    const vector_columns_t *in = vector_file_inputs(c->file);
    block_t *b = lockstep_model(c->lockstep);
    for (int i = 0; i < in->n; ++i) {
        const vector_column_t *column = &in->column[i];
        const signal_t *s = own_signal(c, column);
        int64_t value = (int64_t)column->value;
        block_set(b, s, column->index, s->is_signed ? fixed_wrap(value, s->bits) : value);
    }
}

static void note(const check_t *c, const signal_t *s, size_t index, const char *file, uint64_t model,
                 uint64_t rtl)
{
    char name[SIGNAL_NAME_MAX], rtl_text[24] = "-", when[24] = "reset";
    vectors_result_t *r = c->result;
    if (*r->first) return;
    if (c->running) snprintf(when, sizeof when, "%" PRIu64, r->cycles);
    if (c->with_rtl) snprintf(rtl_text, sizeof rtl_text, "0x%" PRIx64, rtl);
    snprintf(r->first, sizeof r->first,
             "MISMATCH %s cycle=%s line=%" PRIu64 " signal=%s kind=%s file=%s model=0x%" PRIx64 " rtl=%s",
             lockstep_model(c->lockstep)->type->name, when, vector_file_line(c->file),
             signal_element_name(s, index, name), signal_kind_name(s->kind), file, model, rtl_text);
}

static void compare_value(check_t *c, const vector_column_t *column)
{
    char file[24];
    const block_t *b = lockstep_model(c->lockstep);
    const signal_t *s = own_signal(c, column);
    vectors_result_t *r = c->result;
    if (b->type->specified && !b->type->specified(b->self, s->name)) {
        ++r->unspecified;
        return;
    }
    uint64_t model = model_bits(b, s, column->index);
    uint64_t rtl = c->with_rtl ? lockstep_dut_bits(c->lockstep, s, column->index) : column->value;
    ++r->compared;
    bool differs = model != column->value || rtl != column->value;
    if (differs && !r->model_mismatches && !r->rtl_mismatches) r->output_cycle = r->cycles;
    r->model_mismatches += model != column->value;
    r->rtl_mismatches += rtl != column->value;
    if (!differs) return;
    snprintf(file, sizeof file, "0x%" PRIx64, column->value);
    note(c, s, column->index, file, model, rtl);
}

static void compare_outputs(check_t *c)
{
    const vector_columns_t *out = vector_file_outputs(c->file);
    for (int i = 0; i < out->n; ++i) {
        if (out->column[i].known) compare_value(c, &out->column[i]);
    }
}

/* Where model and RTL part company the file need not say a word about it. */
static void note_lockstep(check_t *c, bool equal)
{
    const difference_t *x;
    if (!equal && lockstep_differences(c->lockstep, &x) > 0)
        note(c, x->signal, x->index, "-", x->model, x->dut);
}

static int run_cycles(check_t *c, char error[DUT_ERROR_MAX])
{
    int got;
    note_lockstep(c, lockstep_reset(c->lockstep));
    c->running = true;
    while ((got = vector_file_next(c->file, error)) > 0) {
        drive(c);
        bool equal = lockstep_settle(c->lockstep);
        compare_outputs(c);
        note_lockstep(c, equal);
        note_lockstep(c, lockstep_edge(c->lockstep));
        ++c->result->cycles;
    }
    note_lockstep(c, lockstep_compare_stored(c->lockstep));
    c->result->lockstep_mismatches = lockstep_count(c->lockstep)->mismatches;
    return got;
}

/* Sides whose memories without a reset begin with zeros. */
static dut_status_t open_sides(check_t *c, const cosim_config_t *sides, char error[DUT_ERROR_MAX])
{
    cosim_config_t whole = *sides;
    whole.seed = VECTORS_X_SEED;
    if (c->with_rtl) return cosim_open(&whole, true, &c->lockstep, error);
    const lockstep_config_t model = {
        .design = sides->design, .type = block_find(sides->unit), .x_seed = VECTORS_X_SEED, .zeros = true};
    return lockstep_open(&c->lockstep, &model, error);
}

static dut_status_t check_file(check_t *c, const cosim_config_t *sides, const char *path,
                               char error[DUT_ERROR_MAX])
{
    dut_status_t status = open_sides(c, sides, error);
    if (status) return status;
    int got = run_cycles(c, error);
    if (!got && !c->result->cycles) {
        snprintf(error, DUT_ERROR_MAX,
                 "%.200s:%" PRIu64 ": cycles: expected at least one, found the end of the file", path,
                 vector_file_line(c->file));
        got = -1;
    }
    lockstep_close(c->lockstep);
    return got ? DUT_BAD_INPUT : DUT_OK;
}

dut_status_t vectors_check_sides(const cosim_config_t *sides, const char *path, bool with_rtl,
                                 vectors_result_t *result, char error[DUT_ERROR_MAX])
{
    signal_t table[SIGNAL_MAX];
    const block_type_t *type = block_find(sides->unit);
    check_t c = {.table = table, .with_rtl = with_rtl, .result = result};
    memset(result, 0, sizeof *result);
    if (!type) return no_unit(sides->unit, error);
    /* The header is read first: a bad file is refused without building any RTL. */
    c.file = vector_file_open(path, table, type->signals(sides->design, table), error);
    if (!c.file) return DUT_BAD_INPUT;
    dut_status_t status = check_file(&c, sides, path, error);
    vector_file_close(c.file);
    return status;
}

dut_status_t vectors_check(const design_t *d, const char *unit, const char *path, bool with_rtl,
                           vectors_result_t *result, char error[DUT_ERROR_MAX])
{
    const cosim_config_t clean = {.design = d, .unit = unit};
    return vectors_check_sides(&clean, path, with_rtl, result, error);
}

bool vectors_hold(const vectors_result_t *r)
{
    return r->compared && !r->model_mismatches && !r->rtl_mismatches && !r->lockstep_mismatches;
}
