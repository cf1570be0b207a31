/* SPDX-License-Identifier: Apache-2.0 */
#include "pack.h"

#include <string.h>

static bool any_bit(const pack_t *p)
{
    for (int i = 0; i < p->d->pack_rows; ++i) {
        if (p->bit[i]) return true;
    }
    return false;
}

static bool overflows(const pack_t *p)
{
    for (int i = 0; i < p->d->pack_rows; ++i) {
        if (p->bit[i] && p->n_q[i] == p->d->pack_pes) return true;
    }
    return false;
}

static void pack_eval(void *self)
{
    pack_t *p = self;
    *p->emit = *p->control == PACK_READ && overflows(p);
    *p->write = *p->write_q;
    for (int i = 0; i < p->d->pack_rows; ++i) p->column[i] = p->mask_q[i];
}

static void clear_counters(pack_t *p)
{
    for (int i = 0; i < p->d->pack_rows; ++i) p->n_q[i] = 0;
    *p->r_q = 0;
}

static void clear(pack_t *p)
{
    clear_counters(p);
    for (int i = 0; i < p->d->pack_rows; ++i) p->mask_q[i] = 0;
    *p->write_q = 0;
    p->known = true;
}

static void read_column(pack_t *p)
{
    bool full = overflows(p);
    p->known = any_bit(p);
    *p->write_q = p->known;
    if (p->known) {
        for (int i = 0; i < p->d->pack_rows; ++i) p->mask_q[i] = p->bit[i] ? *p->r_q : p->d->no_pe;
    }
    if (full) {
        clear_counters(p);
        return;
    }
    for (int i = 0; i < p->d->pack_rows; ++i) p->n_q[i] += p->bit[i];
    *p->r_q = (int64_t)fixed_low((uint64_t)*p->r_q + 1, p->d->row_id_bits);
}

static void pack_tick(void *self)
{
    pack_t *p = self;
    switch (*p->control) {
    case PACK_CLEAR: clear(p); break;
    case PACK_READ: read_column(p); break;
    default: p->known = false; break;
    }
}

static void pack_reset(void *self)
{
    ((pack_t *)self)->known = false;
}

static bool pack_specified(const void *self, const char *signal)
{
    return ((const pack_t *)self)->known || strcmp(signal, "column") != 0;
}

#define FIELD(member) offsetof(pack_t, member)

static int pack_signals(const design_t *d, signal_t *table)
{
    const int rows = d->pack_rows;
    const signal_t all[] = {
        {"bit", SIGNAL_IN, FIELD(bit), 1, .dims = 1, .n = {rows}, .meaning = "a mask column"},
        {"control", SIGNAL_IN, FIELD(control), 2, .codes = 3, .weights = "219", .meaning = "idle clear read"},
        {"column", SIGNAL_OUT, FIELD(column), d->mask_bits, .dims = 1, .n = {rows},
         .meaning = "the column's place in its group, or no_pe"},
        {"emit", SIGNAL_OUT, FIELD(emit), 1, .meaning = "the column shown closes the group"},
        {"write", SIGNAL_OUT, FIELD(write), 1, .meaning = "column is worth reading"},
        {"n_q", SIGNAL_REG, FIELD(n_q), d->counter_bits, .dims = 1, .n = {rows}, .path = "n_q",
         .meaning = "non-zeros of the group"},
        {"r_q", SIGNAL_REG, FIELD(r_q), d->row_id_bits, .path = "r_q", .meaning = "columns of the group"},
        {"mask_q", SIGNAL_REG, FIELD(mask_q), d->mask_bits, .dims = 1, .n = {rows}, .path = "mask_q"},
        {"write_q", SIGNAL_REG, FIELD(write_q), 1, .path = "write_q"},
    };
    memcpy(table, all, sizeof all);
    return (int)(sizeof all / sizeof *all);
}

static void pack_init(void *self, const design_t *d)
{
    ((pack_t *)self)->d = d;
}

const block_type_t pack_type = {
    .name = "pack",
    .summary = "the published packer: gathers mask columns until a row would overflow",
    .size = sizeof(pack_t),
    .clocked = true,
    .signals = pack_signals,
    .init = pack_init,
    .reset = pack_reset,
    .eval = pack_eval,
    .tick = pack_tick,
    .specified = pack_specified,
};
