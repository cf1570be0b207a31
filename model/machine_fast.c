/* SPDX-License-Identifier: Apache-2.0 */
#include "machine_fast.h"

#include "machine_pass.h"

/* ---- predict_array: its fast model has the same ports ---- */

static void share_ports(machine_fast_t *m, const design_t *d)
{
    signal_t wide[SIGNAL_MAX], fast[SIGNAL_MAX];
    int n = predict_array_type.signals(d, wide);
    predict_array_fast_type.signals(d, fast);
    for (int i = 0; i < n; ++i) {
        if (wide[i].kind == SIGNAL_REG) continue;
        void *const *from = (void *const *)((const char *)&m->machine.predict_array + wide[i].field);
        *(void **)((char *)&m->predict_array + fast[i].field) = *from;
    }
}

/* ---- the array: its wires are the machine's, its elements are narrower ---- */

static void eval_array(void *machine)
{
    machine_fast_t *m = machine;
    const slot_array_t *wide = &m->machine.slot_array;
    slot_array_fast_t *a = &m->slot_array;
    slot_array_fast_eval(a);
    for (int r = 0; r < a->rows; ++r) {
        wide->out[r] = a->out[r];
        wide->out_op[r] = a->out_op[r];
        wide->sum[r] = a->sum[r];
    }
    *wide->clash = *a->clash;
}

static void tick_array(void *machine)
{
    machine_fast_t *m = machine;
    const slot_array_t *wide = &m->machine.slot_array;
    slot_array_fast_t *a = &m->slot_array;
    for (int r = 0; r < a->rows; ++r) a->left[r] = (int16_t)wide->left[r];
    for (int c = 0; c < a->columns; ++c) a->top[c] = (int16_t)wide->top[c];
    *a->tag = (uint8_t)*wide->tag;
    *a->load = (uint8_t)*wide->load;
    *a->load_row = (uint8_t)*wide->load_row;
    for (int k = 0; k < a->pes && *a->load; ++k) {
        a->mode[k] = (uint8_t)wide->mode[k];
        a->col[k] = (uint8_t)wide->col[k];
    }
    slot_array_fast_tick(a);
}

static void machine_fast_init(void *self, const design_t *d)
{
    machine_fast_t *m = self;
    machine_pass_wire(&m->machine, d);
    share_ports(m, d);
    m->machine.predict_feeder.row_head = m->machine.predict_feeder.row_head_q;
    m->predict_array.row_head = m->machine.predict_feeder.row_head_q;
    m->machine.prediction =
        (machine_array_t){&m->predict_array, predict_array_fast_eval, predict_array_fast_tick};
    if (m->machine.travelling) m->machine.array = (machine_array_t){m, eval_array, tick_array};
}

static void machine_fast_show(void *self)
{
    machine_fast_t *m = self;
    predict_array_fast_show(&m->predict_array);
    if (m->machine.travelling) slot_array_fast_show(&m->slot_array);
}

bool machine_fast_fits(const design_t *d)
{
    bool array = d->control == CONTROL_ARRAY || slot_array_fast_fits(d);
    return block_fits(&machine_type, d) && predict_array_fast_fits(d) && array;
}

/* ---- the table: the machine's, and of an array whose fast model lies beside it the ports ---- */

static int ports(const block_type_t *type, const design_t *d, signal_t *table)
{
    signal_t all[SIGNAL_MAX];
    int n = type->signals(d, all), kept = 0;
    for (int i = 0; i < n; ++i) {
        if (all[i].kind != SIGNAL_REG) table[kept++] = all[i];
    }
    return kept;
}

static int predict_array_ports(const design_t *d, signal_t *table)
{
    return ports(&predict_array_type, d, table);
}
static int slot_array_ports(const design_t *d, signal_t *table)
{
    return ports(&slot_array_type, d, table);
}

static const block_type_t predict_array_ports_type = {.name = "predict_array",
                                                      .signals = predict_array_ports};
static const block_type_t slot_array_ports_type = {
    .name = "slot_array", .signals = slot_array_ports, .fits = slot_array_fast_fits};

#define CHILD(name)                                                                                          \
    {                                                                                                        \
#name, &name##_type, offsetof(machine_t, name)                                                       \
    }

static const block_child_t children[] = {
    CHILD(controller),
    CHILD(fetch),
    CHILD(memory_port),
    CHILD(predict_control),
    CHILD(predict_feeder),
    {"predict_array", &predict_array_ports_type, offsetof(machine_t, predict_array)},
    {"predict_array", &predict_array_fast_type, offsetof(machine_fast_t, predict_array)},
    CHILD(rebias),
    CHILD(buffer),
    CHILD(tile_loader),
    CHILD(pass_control),
    CHILD(feeder),
    {"slot_array", &slot_array_ports_type, offsetof(machine_t, slot_array)},
    {"slot_array", &slot_array_fast_type, offsetof(machine_fast_t, slot_array)},
    CHILD(array_control),
    CHILD(accumulate),
    CHILD(drain),
    CHILD(normalise),
    {NULL, NULL, 0},
};

const block_type_t machine_fast_type = {
    .name = "machine",
    .summary = "jobs in memory to outputs in memory, as fast as a processor steps it",
    .size = sizeof(machine_fast_t),
    .clocked = true,
    .signals = machine_signals,
    .init = machine_fast_init,
    .eval = machine_eval,
    .tick = machine_tick,
    .show = machine_fast_show,
    .fits = machine_fast_fits,
    .children = children,
};
