/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_control as machine_pass has it: equal in every cycle in what the other blocks and a watcher see of it,
 * and in its counters, but with sub-rows as lists instead of registers, and ages as the cycles of starts.
 *
 *     masks (datapath) ──► row ──► sub-rows ──► window ──► table of 4 passes      machine_pass_gather.c
 *                                  slots        choice          │                 machine_pass_slots.c
 *                                                               │
 *     tile_loaded, done ──► walk, start, words, causes, ends ◄──┘                 machine_pass_start.c
 *
 * Names are those of pass_control.h, which says what happens. Inputs are taken from a pass_control_t's ports;
 * of its outputs `valid`, `op`, `pass`, `pass_bank`, `pass_rows`, `pass_d`, `buffer`, `tile_free` and
 * `computed` are shown, and its counters count. In a cycle: `show`, then `decide` and `edge`.
 */
#ifndef SANGER_MACHINE_PASS_GATHER_H
#define SANGER_MACHINE_PASS_GATHER_H

#include "datapath.h"
#include "pass_control.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    GATHER_WINDOW_MAX = 8,
    GATHER_SUB_ROWS_MAX = DESIGN_PASSES * DATAPATH_ROWS_MAX + GATHER_WINDOW_MAX,
    GATHER_PASSES = 2 * DESIGN_PASSES, /* pass counters are modulo this */
};

/* A sub-row. What it costs behind another is the largest reach[k] of the other less its own from[k]. */
typedef struct {
    int idle, buffer; /* slots in mode pass; its tile's */
    datapath_sub_row_t slots;
    int16_t reach[DATAPATH_PES_MAX], from[DATAPATH_PES_MAX];
} gather_sub_row_t;

typedef struct {
    int count, d, h, buffer;
    gather_sub_row_t *row[DATAPATH_ROWS_MAX];
} gather_bank_t;

typedef struct {
    const design_t *d;
    const pass_control_t *wires;
    const datapath_t *data;
    int slots; /* a row's, in whole vectors */
    bool vectors;
    int home[SPLIT_COLUMNS_MAX], parts_of[SPLIT_COLUMNS_MAX + 1]; /* of a column; of so many kept */

    /* which row comes next; rows of a strip are bits */
    int group, tile, base, strip, buffer;
    int strip_n, strip_n_w; /* strips of the groups before; bits of their count */
    uint64_t left[2];
    bool fresh, begun;
    /* the row in split: its kept columns */
    int kept, part, parts, index;
    uint8_t column[SPLIT_COLUMNS_MAX + 64]; /* whole vectors are written */
    int held_buffer;
    bool held_end, held_final;
    /* window */
    int waiting, of_buffer[2];                       /* all of them, by buffer */
    gather_sub_row_t *window[GATHER_WINDOW_MAX + 1]; /* behind them any */
    int window_index[GATHER_WINDOW_MAX + 1];         /* their queries, -1 */
    unsigned younger;                                /* a bit each: an older one is of the same query */
    bool ended[2], final[2];
    int spares;
    gather_sub_row_t *spare[GATHER_WINDOW_MAX];
    /* table */
    int fill, high;
    gather_bank_t bank[DESIGN_PASSES];
    int closed, walked, started, complete;
    struct {
        bool open, gathered, free;
        int half, left;
    } tile_of[2]; /* by buffer */
    bool group_gathered[2];
    int computed;
    /* schedule; starts of passes long ago lie before cycle 0 */
    uint64_t cycle;
    int64_t last_start, before_start; /* cycles in which they were decided */
    int last_d, before_d, walk_row;   /* -1: no walk */
    int why;
    bool streams; /* a word or a pause of the pass started last */

    struct { /* what happens at this edge */
        bool strip_end, last_strip, last_row, last_tile, accept, take, enter, split_end, end[2], close, walk,
            start, complete, group_done, free[2];
        int why, half, buffer;
    } now;
    gather_sub_row_t sub_row[GATHER_SUB_ROWS_MAX];
} gather_t;

void gather_init(gather_t *g, const design_t *d, const pass_control_t *wires, const datapath_t *data);
void gather_reset(gather_t *g);

/* The outputs of this cycle. */
void gather_show(gather_t *g);

/* One clock edge; inputs are settled. */
void gather_edge(gather_t *g);

/* ---- between the files ---- */
void gather_decide_rows(gather_t *g);
void gather_move_rows(gather_t *g);
void gather_reset_starts(gather_t *g);
/* The strip of the group is predicted and rebiased, and its half drained. */
bool gather_knows(const gather_t *g, int strip);
void gather_init_slots(gather_t *g, const design_t *d);
void gather_reset_slots(gather_t *g);

/* Columns of a word, ascending, into g->column; returns how many. */
int gather_list_columns(gather_t *g, const uint64_t word[2]);

/* Split's sub-row. */
void gather_make_sub_row(gather_t *g, gather_sub_row_t *s);

/* What the sub-row would cost the open pass; which of the window's leaves it, and what that costs. */
int gather_cost(gather_t *g, const gather_sub_row_t *s);
int gather_choose(gather_t *g, int *cost);

static inline gather_bank_t *gather_bank(gather_t *g, int pass)
{
    return &g->bank[pass % DESIGN_PASSES];
}

/* The pass before the one that comes next. */
static inline int gather_last(int counter)
{
    return (counter + GATHER_PASSES - 1) % GATHER_PASSES;
}

#ifdef __cplusplus
}
#endif
#endif
