/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cycle vectors. The first byte chooses the unit, the rest is the file. It is read to its end or refused with
 * one printable line; values lie within the unit's bits, and what was read is read again from a file that
 * says it in other words: columns in table order, widths of the unit's own.
 */
#include "../../model/block.h"
#include "../../sim/paths.h"
#include "../../sim/vector_file.h"
#include "fuzz.h"

static const char *const units[] = {"binarise", "pe", "split", "exp"};
enum { UNITS = sizeof units / sizeof *units, CYCLES_MAX = 64, COLUMNS_MAX = 64 };

typedef struct {
    signal_t table[SIGNAL_MAX];
    int n;
} unit_t;

/* A column of all cycles, by its place in the unit. */
typedef struct {
    const signal_t *signal;
    size_t index;
    bool known[CYCLES_MAX];
    uint64_t value[CYCLES_MAX];
} column_t;

typedef struct {
    int columns[2], cycles;
    column_t column[2][COLUMNS_MAX];
} values_t;

static const unit_t *find_unit(int number)
{
    static unit_t unit[UNITS];
    static design_t design;
    char error[DESIGN_ERROR_MAX];
    unit_t *u = &unit[number];
    if (!design.rows) must(!paths_design("odd_5x7x3", &design, error));
    if (!u->n) u->n = block_find(units[number])->signals(&design, u->table);
    return u;
}

static vector_file_t *open_text(const void *text, size_t size, const unit_t *unit, char *error)
{
    FILE *file = fmemopen((void *)(uintptr_t)text, size, "r");
    must(file);
    return vector_file_read(file, "t", unit->table, unit->n, error);
}

static int by_place(const void *a, const void *b)
{
    const column_t *x = a, *y = b;
    if (x->signal != y->signal) return x->signal < y->signal ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void keep(values_t *v, const vector_file_t *f)
{
    const vector_columns_t *sides[] = {vector_file_inputs(f), vector_file_outputs(f)};
    for (int side = 0; side < 2; ++side) {
        must(sides[side]->n >= 1 && sides[side]->n <= COLUMNS_MAX);
        v->columns[side] = sides[side]->n;
        for (int i = 0; i < sides[side]->n; ++i) {
            const vector_column_t *c = &sides[side]->column[i];
            column_t *to = &v->column[side][i];
            must(c->signal->kind == (side ? SIGNAL_OUT : SIGNAL_IN) && c->index < signal_count(c->signal));
            must(c->value == fixed_low(c->value, c->signal->bits) && (c->known || side));
            to->signal = c->signal, to->index = c->index;
            to->known[v->cycles] = c->known, to->value[v->cycles] = c->value;
        }
    }
    ++v->cycles;
}

/* False after an error line. */
static bool read_all(vector_file_t *f, values_t *v, char *error)
{
    int got = 0;
    v->cycles = 0;
    while (v->cycles < CYCLES_MAX && (got = vector_file_next(f, error)) > 0) keep(v, f);
    for (int side = 0; side < 2 && v->cycles; ++side)
        qsort(v->column[side], (size_t)v->columns[side], sizeof(column_t), by_place);
    return got >= 0;
}

static void write_all(FILE *to, const values_t *v)
{
    char name[SIGNAL_NAME_MAX];
    for (int side = 0; side < 2; ++side) {
        fprintf(to, "# %s:", side ? "outputs" : "inputs");
        for (int i = 0; i < v->columns[side]; ++i) {
            const column_t *c = &v->column[side][i];
            fprintf(to, " %s:%d", signal_element_name(c->signal, c->index, name), c->signal->bits);
        }
        fputc('\n', to);
    }
    for (int cycle = 0; cycle < v->cycles; ++cycle) {
        for (int side = 0; side < 2; ++side) {
            for (int i = 0; i < v->columns[side]; ++i) {
                const column_t *c = &v->column[side][i];
                fprintf(to, c->known[cycle] ? "%llX " : "x ", (unsigned long long)c->value[cycle]);
            }
            fputs(side ? "\n" : "|", to);
        }
    }
}

static void must_be_read_again(const values_t *v, const unit_t *unit)
{
    static values_t again;
    char error[VECTOR_ERROR_MAX] = "", *text;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    must(to);
    write_all(to, v);
    fclose(to);
    vector_file_t *f = open_text(text, size, unit, error);
    must(f && read_all(f, &again, error) && again.cycles == v->cycles);
    for (int side = 0; side < 2; ++side) {
        must(again.columns[side] == v->columns[side]);
        for (int i = 0; i < v->columns[side]; ++i) {
            const column_t *a = &v->column[side][i], *b = &again.column[side][i];
            must(a->signal == b->signal && a->index == b->index);
            must(!memcmp(a->known, b->known, (size_t)v->cycles));
            must(!memcmp(a->value, b->value, (size_t)v->cycles * sizeof *a->value));
        }
    }
    vector_file_close(f);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static values_t values;
    char error[VECTOR_ERROR_MAX] = "";
    if (size < 2) return 0;
    const unit_t *unit = find_unit(data[0] % UNITS);
    vector_file_t *f = open_text(data + 1, size - 1, unit, error);
    if (!f) {
        must_be_line(error, "t:", sizeof error);
        return 0;
    }
    bool sound = read_all(f, &values, error);
    if (!sound) must_be_line(error, "t:", sizeof error);
    vector_file_close(f);
    if (values.cycles) must_be_read_again(&values, unit);
    return 0;
}
