/* SPDX-License-Identifier: Apache-2.0 */
#include "wave.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fstapi.h"

enum { SHOWN_MAX = 24, PATHS = 4352 };

/* The FST handles of one signal: its model side and, unless it is an input, the DUT's. */
typedef struct {
    fstHandle *model, *dut;
    uint64_t *model_last, *dut_last;
    bool *known;
} traced_t;

struct wave {
    void *fst;
    int n;
    traced_t signal[SIGNAL_MAX];
};

static void create_vars(wave_t *w, const signal_t *s, fstHandle **handles)
{
    char name[SIGNAL_NAME_MAX], ranged[SIGNAL_NAME_MAX + 16];
    size_t count = signal_count(s);
    *handles = calloc(count, sizeof **handles);
    for (size_t i = 0; *handles && i < count; ++i) {
        enum fstVarDir dir = s->kind == SIGNAL_IN ? FST_VD_INPUT : FST_VD_IMPLICIT;
        signal_element_name(s, i, name);
        snprintf(ranged, sizeof ranged, s->bits > 1 ? "%s [%d:0]" : "%s", name, s->bits - 1);
        (*handles)[i] = fstWriterCreateVar(w->fst, FST_VT_VCD_WIRE, dir, (uint32_t)s->bits, ranged, 0);
    }
}

static void create_scope(wave_t *w, const lockstep_t *l, const char *scope, bool inputs, bool dut)
{
    const block_t *model = lockstep_model(l);
    fstWriterSetScope(w->fst, FST_ST_VCD_MODULE, scope, NULL);
    for (int i = 0; i < model->signals; ++i) {
        const signal_t *s = &model->table[i];
        if ((s->kind == SIGNAL_IN) != inputs) continue;
        create_vars(w, s, dut ? &w->signal[i].dut : &w->signal[i].model);
    }
    fstWriterSetUpscope(w->fst);
}

wave_t *wave_open(const char *path, const lockstep_t *l)
{
    char file[PATHS];
    const block_t *model = lockstep_model(l);
    wave_t *w = calloc(1, sizeof *w);
    snprintf(file, sizeof file, "%s.fst", path);
    if (w) w->fst = fstWriterCreate(file, 1);
    if (!w || !w->fst) {
        free(w);
        return NULL;
    }
    w->n = model->signals;
    fstWriterSetTimescaleFromString(w->fst, "1ns");
    fstWriterSetScope(w->fst, FST_ST_VCD_MODULE, model->type->name, NULL);
    create_scope(w, l, "in", true, false);
    create_scope(w, l, "model", false, false);
    create_scope(w, l, "dut", false, true);
    fstWriterSetUpscope(w->fst);
    for (int i = 0; i < w->n; ++i) {
        size_t count = signal_count(&model->table[i]);
        w->signal[i].model_last = calloc(count, sizeof(uint64_t));
        w->signal[i].dut_last = calloc(count, sizeof(uint64_t));
        w->signal[i].known = calloc(count, sizeof(bool));
    }
    return w;
}

static void emit(wave_t *w, fstHandle handle, int bits, uint64_t value)
{
    char text[65];
    for (int i = 0; i < bits; ++i) text[i] = (char)('0' + (value >> (bits - 1 - i) & 1));
    text[bits] = '\0';
    fstWriterEmitValueChange(w->fst, handle, text);
}

static void emit_signal(wave_t *w, const lockstep_t *l, const signal_t *s, traced_t *t)
{
    size_t count = signal_count(s);
    if (!t->model || !t->model_last || !t->dut_last || !t->known) return;
    for (size_t i = 0; i < count; ++i) {
        uint64_t mine = fixed_low((uint64_t)block_get(lockstep_model(l), s, i), s->bits);
        uint64_t other = t->dut ? lockstep_dut_bits(l, s, i) : 0;
        if (!t->known[i] || mine != t->model_last[i]) emit(w, t->model[i], s->bits, mine);
        if (t->dut && (!t->known[i] || other != t->dut_last[i])) emit(w, t->dut[i], s->bits, other);
        t->model_last[i] = mine;
        t->dut_last[i] = other;
        t->known[i] = true;
    }
}

void wave_emit(wave_t *w, const lockstep_t *l, uint64_t cycle, bool after_edge)
{
    const block_t *model = lockstep_model(l);
    fstWriterEmitTimeChange(w->fst, 2 * cycle + after_edge);
    for (int i = 0; i < w->n; ++i) {
        const signal_t *s = &model->table[i];
        if ((s->kind == SIGNAL_REG) == after_edge) emit_signal(w, l, s, &w->signal[i]);
    }
}

void wave_close(wave_t *w)
{
    if (!w) return;
    fstWriterClose(w->fst);
    for (int i = 0; i < w->n; ++i) {
        traced_t *t = &w->signal[i];
        void *all[] = {t->model, t->dut, t->model_last, t->dut_last, t->known};
        for (size_t k = 0; k < sizeof all / sizeof *all; ++k) free(all[k]);
    }
    free(w);
}

static void list(FILE *out, const char *unit, const char *scope, const signal_t *s, size_t index)
{
    char name[SIGNAL_NAME_MAX], range[24] = "";
    if (s->bits > 1) snprintf(range, sizeof range, "[%d:0]", s->bits - 1);
    fprintf(out, "@22\n%s.%s.%s%s\n", unit, scope, signal_element_name(s, index, name), range);
}

int wave_save_file(const char *path, const lockstep_t *l, const difference_t *differences, int n,
                   uint64_t cycle)
{
    char file[PATHS];
    const block_t *model = lockstep_model(l);
    const char *unit = model->type->name, *base = strrchr(path, '/');
    snprintf(file, sizeof file, "%s.gtkw", path);
    FILE *out = fopen(file, "w");
    if (!out) return -1;
    fprintf(out, "[dumpfile] \"%s.fst\"\n[timestart] %llu\n*-2.0 %llu\n", base ? base + 1 : path,
            (unsigned long long)(cycle > 16 ? 2 * (cycle - 16) : 0), (unsigned long long)(2 * cycle));
    for (int i = 0; i < model->signals; ++i) {
        if (model->table[i].codes && !model->table[i].dims) list(out, unit, "in", &model->table[i], 0);
    }
    for (int i = 0; i < model->signals && !n; ++i) {
        if (model->table[i].kind != SIGNAL_OUT) continue;
        list(out, unit, "model", &model->table[i], 0);
        list(out, unit, "dut", &model->table[i], 0);
    }
    for (int i = 0; i < n && i < SHOWN_MAX; ++i) {
        list(out, unit, "model", differences[i].signal, differences[i].index);
        list(out, unit, "dut", differences[i].signal, differences[i].index);
    }
    return fclose(out);
}
