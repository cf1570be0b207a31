/* SPDX-License-Identifier: Apache-2.0 */
/* Passes are walked, started, streamed and completed. machine_pass_gather.h says what of the whole this is.
 */
#include "machine_pass_gather.h"

#define LONG_AGO (-(INT64_C(1) << 40))

/* What the array asks for: pass_control.c says why. */
static bool may_walk(const gather_t *g, int64_t since, int64_t before)
{
    const design_t *d = g->d;
    if (d->control == CONTROL_ARRAY) return since >= g->last_d + 1;
    return since >= g->last_d + 1 && before >= 2 * g->before_d + d->columns + 2;
}

/* ---- decisions ---- */

static int why_gathering(const gather_t *g)
{
    bool open = g->fill || g->waiting, leaves = g->ended[0] || g->ended[1];
    if (g->fresh || g->part < g->parts || g->now.take || gather_knows(g, g->strip)) return CAUSE_GATHER;
    return (g->begun && !leaves) || !open ? CAUSE_PREDICT : CAUSE_GATHER;
}

static void walk_and_start(gather_t *g)
{
    const design_t *d = g->d;
    const bool closed = g->closed != g->started, walked = g->walked != g->started;
    g->now.walk = g->now.start = false;
    if (!closed) {
        g->now.why = why_gathering(g);
        return;
    }
    const gather_bank_t *next = gather_bank(g, g->started);
    int64_t since = (int64_t)g->cycle - g->last_start, before = (int64_t)g->cycle - g->before_start;
    bool bus = g->walk_row < 0 || g->walk_row == d->rows - 1;
    g->now.walk = !walked && bus && may_walk(g, since, before);
    if (!walked && !g->now.walk) {
        g->now.why = CAUSE_WALK;
        return;
    }
    bool spaced = since >= pass_control_least_interval(d, g->last_d, next->d);
    bool clear = since >= pass_control_hazard_interval(d, g->last_d, next->h);
    g->now.start = spaced && clear && g->wires->tile_loaded[next->buffer];
    g->now.why = !spaced ? CAUSE_INTERVAL : clear ? CAUSE_TILE : CAUSE_HAZARD;
}

static void finish(gather_t *g)
{
    int half = g->computed % 2;
    g->now.complete = *g->wires->done && g->complete != g->started;
    g->now.group_done = g->group_gathered[half];
    for (int b = 0; b < 2; ++b) {
        g->now.free[b] = g->tile_of[b].gathered && !g->tile_of[b].left && g->wires->tile_loaded[b];
        if (g->tile_of[b].open && g->tile_of[b].half == half) g->now.group_done = false;
    }
}

/* ---- outputs ---- */

/* The word of this cycle, if there is one: -1 if not. */
static int64_t word(const gather_t *g)
{
    int64_t e = (int64_t)g->cycle - g->last_start - 1;
    if (!g->streams) return -1;
    if (e <= g->last_d) return e;
    e -= pass_control_gap(g->d);
    return e > g->last_d ? e : -1;
}

static int op_of(int64_t e, int64_t d)
{
    if (e == d) return PASS_EXP;
    if (e < d) return e ? PASS_MAC : PASS_LOAD;
    return e == 2 * d ? PASS_FWD_LAST : PASS_FWD;
}

void gather_show(gather_t *g)
{
    const pass_control_t *w = g->wires;
    int64_t e = word(g);
    *w->valid = e >= 0;
    *w->op = e >= 0 ? op_of(e, g->last_d) : 0;
    *w->pass = e == 0;
    if (e == 0) {
        int pass = gather_last(g->started);
        const gather_bank_t *bank = gather_bank(g, pass);
        *w->pass_bank = pass % DESIGN_PASSES;
        *w->pass_rows = bank->count;
        *w->pass_d = g->last_d;
        *w->buffer = bank->buffer;
    }
    for (int b = 0; b < 2; ++b) w->tile_free[b] = g->tile_of[b].free;
    *w->computed = g->computed;
}

/* ---- a clock edge ---- */

static void count_cause(gather_t *g)
{
    const pass_control_t *w = g->wires;
    if (*w->busy) ++w->cause_q[*w->valid ? CAUSE_STREAM : g->why];
    g->why = g->now.why;
}

static void move_ages(gather_t *g)
{
    if (*g->wires->valid && *g->wires->op == PASS_FWD_LAST) g->streams = false;
    if (!g->now.start) return;
    g->before_start = g->last_start;
    g->before_d = g->last_d;
    g->last_start = (int64_t)g->cycle;
    g->last_d = gather_bank(g, g->started)->d;
    g->streams = true;
    ++*g->wires->passes_q;
}

static void move_records(gather_t *g)
{
    const bool windowed = g->d->window > 1;
    for (int b = 0; b < 2; ++b) {
        g->tile_of[b].free = g->now.free[b];
        if (g->now.free[b]) g->tile_of[b].open = g->tile_of[b].gathered = false;
    }
    if (g->now.accept) {
        g->tile_of[g->buffer].open = true;
        g->tile_of[g->buffer].half = g->group % 2;
    }
    if (g->now.close) ++g->tile_of[g->now.buffer].left;
    if (g->now.complete) --g->tile_of[gather_bank(g, g->complete)->buffer].left;
    if (g->now.group_done) {
        g->group_gathered[g->computed % 2] = false;
        g->computed = (g->computed + 1) % 4;
    }
    for (int b = 0; b < 2; ++b) {
        if (!g->now.end[b]) continue;
        g->tile_of[b].gathered = true;
        if (windowed ? g->final[b] : g->held_final) g->group_gathered[g->tile_of[b].half] = true;
    }
}

static void move_walk(gather_t *g)
{
    if (g->now.walk)
        g->walk_row = 0;
    else if (g->walk_row >= 0)
        g->walk_row = g->walk_row < g->d->rows - 1 ? g->walk_row + 1 : -1;
}

static void move_numbers(gather_t *g)
{
    g->closed = (g->closed + g->now.close) % GATHER_PASSES;
    g->walked = (g->walked + g->now.walk) % GATHER_PASSES;
    g->started = (g->started + g->now.start) % GATHER_PASSES;
    g->complete = (g->complete + g->now.complete) % GATHER_PASSES;
}

/* What is decided first is of registers and inputs as they are. */
void gather_edge(gather_t *g)
{
    gather_decide_rows(g);
    walk_and_start(g);
    finish(g);
    count_cause(g);
    move_ages(g);
    move_records(g);
    gather_move_rows(g);
    move_walk(g);
    move_numbers(g);
    ++g->cycle;
}

/* No pass came before the first: nothing to wait for. */
void gather_reset_starts(gather_t *g)
{
    g->last_start = g->before_start = LONG_AGO;
    g->walk_row = -1;
    g->why = CAUSE_PREDICT;
}
