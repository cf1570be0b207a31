/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stimulus from a stream of choices, as `sanger cosim --choices` reads it: generators, fuzzers and
 * reproducers share one. Four bytes choose the design, the unit, the class and the cycles; the rest is the
 * stream, which seed 1 follows. An input is run against the Verilog as well by
 *
 *     tail -c +5 INPUT > choices; sanger cosim --design D --unit U --stimulus S --seed 1 --choices choices
 *
 * Two models of the unit, each with a stimulus of its own from the same bytes, are driven alike in every
 * cycle and hold the same in every signal at the end. What is driven lies within its bits and, but for
 * illegal and scheduled stimulus, its codes; what the model makes of it lies within its own bits. Oracles of
 * scenarios find nothing. Units whose scenario steps most of a machine are left to cosim: an input would take
 * milliseconds.
 */
#include "../../sim/paths.h"
#include "../../sim/stimulus.h"
#include "fuzz.h"

enum { HEAD = 4, CYCLES_MAX = 24, UNITS_MAX = 64 };

static const char *const designs[] = {"one_pe_6x5x1_travelling", "odd_5x7x3", "published_8x8"};
static const char *const heavy[] = {"machine", "predict_array", "predict_row", "predict_feeder"};
enum { DESIGNS = sizeof designs / sizeof *designs, HEAVY = sizeof heavy / sizeof *heavy };

/* A signal of both blocks, element for element alike. */
typedef struct {
    const signal_t *signal;
    void *data[2];
    size_t count, bytes;
} view_t;

typedef struct {
    block_t *block[2]; /* opened once */
    view_t view[SIGNAL_MAX];
    int views, inputs; /* the inputs come first */
} unit_t;

typedef struct {
    design_t design;
    const block_type_t *type[UNITS_MAX];
    unit_t *unit[UNITS_MAX];
    int units;
} subject_t;

static bool is_heavy(const char *name)
{
    int i = 0;
    while (i < HEAVY && strcmp(heavy[i], name) != 0) ++i;
    return i < HEAVY;
}

static subject_t *find_subject(int number)
{
    static subject_t subject[DESIGNS];
    subject_t *s = &subject[number];
    char error[DESIGN_ERROR_MAX];
    if (s->units) return s;
    must(!paths_design(designs[number], &s->design, error));
    for (const block_type_t *const *type = block_types; *type; ++type) {
        if (block_fits(*type, &s->design) && !is_heavy((*type)->name)) s->type[s->units++] = *type;
    }
    return s;
}

/* ---- blocks ---- */

static void add_views(unit_t *u, bool inputs)
{
    for (int i = 0; i < u->block[0]->signals; ++i) {
        const signal_t *s = &u->block[0]->table[i];
        if ((s->kind == SIGNAL_IN) != inputs) continue;
        view_t *v = &u->view[u->views++];
        *v = (view_t){.signal = s, .count = signal_count(s)};
        v->bytes = v->count * (size_t)signal_bytes(s);
        for (int side = 0; side < 2; ++side)
            v->data[side] = block_data(u->block[side], &u->block[side]->table[i]);
    }
}

static unit_t *open_unit(const subject_t *s, const block_type_t *type)
{
    unit_t *u = calloc(1, sizeof *u);
    must(u);
    for (int side = 0; side < 2; ++side) must(u->block[side] = block_open(type, &s->design));
    add_views(u, true);
    u->inputs = u->views;
    add_views(u, false);
    return u;
}

/* As if just opened: also what no reset sets. */
static unit_t *fresh_unit(subject_t *s, int number)
{
    unit_t *u = s->unit[number];
    if (!u) return s->unit[number] = open_unit(s, s->type[number]);
    for (int i = 0; i < 2 * u->views; ++i) memset(u->view[i / 2].data[i % 2], 0, u->view[i / 2].bytes);
    for (int side = 0; side < 2; ++side) block_reset(u->block[side]);
    return u;
}

/* ---- what is demanded ---- */

static void must_be_equal(const unit_t *u, int views)
{
    for (int i = 0; i < views; ++i) must(!memcmp(u->view[i].data[0], u->view[i].data[1], u->view[i].bytes));
}

static void must_fit(const block_t *b, const view_t *v, bool legal)
{
    const signal_t *s = v->signal;
    for (size_t k = 0; k < v->count; ++k) {
        int64_t value = v->bytes == 8 * v->count ? ((int64_t *)v->data[0])[k] : block_get(b, s, k);
        int64_t low = (int64_t)fixed_low((uint64_t)value, s->bits);
        must(value == (s->is_signed ? fixed_wrap(value, s->bits) : low));
        must(!legal || !s->codes || value < s->codes);
    }
}

static void must_find_nothing(const stimulus_t *stimulus)
{
    const schedule_check_t *check = stimulus_check(stimulus);
    must(!check || !*check->fault);
}

/* ---- a run ---- */

static void run(const unit_t *u, stimulus_t *stimulus[2], int cycles, bool legal)
{
    for (int cycle = 0; cycle < cycles; ++cycle) {
        for (int side = 0; side < 2; ++side) {
            stimulus_next(stimulus[side]);
            must_find_nothing(stimulus[side]);
        }
        must_be_equal(u, u->inputs);
        for (int i = 0; i < u->inputs; ++i) must_fit(u->block[0], &u->view[i], legal);
        for (int side = 0; side < 2; ++side) {
            const block_t *b = u->block[side];
            b->type->eval(b->self);
            if (b->type->tick) b->type->tick(b->self);
        }
    }
    must_be_equal(u, u->views);
    for (int i = u->inputs; i < u->views; ++i) must_fit(u->block[0], &u->view[i], false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    stimulus_t *stimulus[2];
    if (size < HEAD) return 0;
    subject_t *s = find_subject(data[0] % DESIGNS);
    int number = data[1] % s->units;
    unit_t *u = fresh_unit(s, number);
    int classes = schedule_has(s->type[number]->name) ? STIMULUS_CLASSES : STIMULUS_SCHEDULED;
    stimulus_class_t kind = (stimulus_class_t)(data[2] % classes);
    const choices_t choices = {.bytes = (uint8_t *)(uintptr_t)data + HEAD, .n = size - HEAD};
    for (int side = 0; side < 2; ++side) {
        stimulus[side] = stimulus_open_choices(kind, 1, &choices, u->block[side]);
        must(stimulus[side]);
    }
    run(u, stimulus, 1 + data[3] % CYCLES_MAX, kind == STIMULUS_LEGAL || kind == STIMULUS_CORNER);
    for (int side = 0; side < 2; ++side) stimulus_close(stimulus[side]);
    return 0;
}
