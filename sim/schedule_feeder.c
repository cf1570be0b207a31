/* SPDX-License-Identifier: Apache-2.0 */
/* Passes back to back: K and V into the free buffer, rows that load while the pass before runs, words 0..2d.
 */
#include <stdlib.h>

#include "../model/feeder.h"
#include "schedule.h"

typedef struct {
    block_t *block;
    random_t *random;
    int d, e;      /* head size and next word of the pass that streams; e > 2d: none */
    int wait;      /* cycles until it starts */
    int row;       /* next row to load for the pass that follows; rows: all are */
    int beat, gap; /* next beat for the free buffer; one cycle in `gap` brings one */
    int64_t par, buffer;
} operands_t;

static void *operands_open(block_t *block, random_t *random)
{
    operands_t *o = calloc(1, sizeof *o);
    if (o) *o = (operands_t){.block = block, .random = random, .d = 1, .e = 3, .gap = 1};
    return o;
}

static void write_tile(operands_t *o, feeder_t *f)
{
    const design_t *d = o->block->design;
    int beats = design_beats(d, d->head_max), all = 2 * d->columns * beats;
    *f->we = o->beat < all && random_one_in(o->random, o->gap);
    if (!*f->we) return;
    int64_t is_v = o->beat / beats % 2, column = o->beat / beats / 2, beat = o->beat % beats;
    int64_t part = !o->buffer * 2 + is_v;
    *f->waddr = (part << fixed_bits(d->columns) | column) << design_beat_w(d) | beat;
    for (size_t n = 0; n < (size_t)design_bus_w(d) / 16; ++n) f->wdata[n] = random_below(o->random, 1 << 16);
    ++o->beat;
}

/* One row a cycle, not before the row's last query element of the pass before has gone. */
static void load_rows(operands_t *o, feeder_t *f)
{
    const design_t *d = o->block->design;
    *f->load = o->row < d->rows && (o->e >= o->d || o->row > 0);
    if (!*f->load) return;
    *f->load_row = o->row++;
    int n = design_beats(d, d->head_max) * design_bus_w(d) / 16;
    for (int i = 0; i < n; ++i) f->q[i] = random_below(o->random, 1 << 16);
    *f->bias = fixed_wrap((int64_t)random_bits(o->random), d->bias.w);
}

static void start_pass(operands_t *o)
{
    const design_t *d = o->block->design;
    o->d = random_one_in(o->random, 3) ? d->head_max : 1 + (int)random_below(o->random, d->head_max);
    o->wait = random_one_in(o->random, 2) ? 0 : (int)random_below(o->random, d->columns);
    o->e = o->row = 0;
    o->par = !o->par;
    if (random_one_in(o->random, 2)) { /* else the tile has more passes */
        o->buffer = !o->buffer;
        o->beat = 0;
        o->gap = 1 + (int)random_below(o->random, 3);
    }
}

static void stream(operands_t *o, feeder_t *f)
{
    int d = o->d, e = o->e;
    *f->valid = e <= 2 * d && o->wait == 0;
    if (!*f->valid) {
        if (o->wait) --o->wait;
        return;
    }
    *f->op = e == 0 ? 1 : e < d ? 2 : e == d ? 3 : e < 2 * d ? 4 : 5;
    *f->par = o->par;
    *f->is_v = e > d;
    *f->at = e < d ? e : e == d ? 0 : e - d - 1;
    *f->buffer = o->buffer;
    ++o->e;
}

static void operands_next(void *self)
{
    operands_t *o = self;
    feeder_t *f = o->block->self;
    write_tile(o, f);
    if (o->e > 2 * o->d && o->row > 0) start_pass(o);
    stream(o, f);
    load_rows(o, f);
}

const scenario_t scenario_feeder = {"feeder", operands_open, operands_next, free, NULL};
