/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass_control: gathers the sub-rows of predicted groups into passes, keeps passes as close together as the
 * array allows, and streams their words. docs/machine.md, "Time of a pass" and "pass_control".
 *
 *     mask ──► split ──► window ──► table of 4 passes ──► walk: a row a cycle to array, feeder and accumulate
 *              gather                    │ h
 *                             ▼
 *     tile_loaded ───────────────────► start ──────────► words 0 .. 2d to the feeder
 *     done (accumulate) ─────────────► complete ───────► tile_free, computed
 *
 * Passes are numbered from reset on. Four counters follow a number through its life: closed_q, walked_q,
 * started_q and complete_q say how many passes have come so far (modulo 8); a pass lies in bank number modulo
 * 4 of the table. With u the cycle in which a start is decided, the stream shows word 0 in u + 1 and the
 * array's row 0 gets it in t0 = u + 2; with w the cycle in which a walk is decided, the bus shows row 0 in tw
 * = w + 1. u = w is allowed: t0 = tw + 1.
 *
 * A tile has a record in its buffer, tile number modulo 2: open from its first row on; free again (a cycle of
 * tile_free) when it is loaded, gathered and all its passes are complete. A group is computed when all its
 * tiles are free.
 *
 * Codes beyond the table's: a group of 0 rows or keys counts as one of one row or tile, a head size of 0 is a
 * pass of one word, exp; done without a pass that has started does nothing.
 *
 * Rows whose mask word is empty are left out. left_q has the rows of strip gather_strip_q that are still to
 * be offered; with the last of them the next strip's, which some_strip and some_tile ask for, take their
 * place. A strip without any offers its row 0 all the same, so that each strip has a last row. A strip is
 * read once it is known, predicted and rebiased, and the half's last sums are drained (fresh_q). A group of
 * more rows than strips hold ends with the last strip.
 *
 * Designs with a window above 1 have a window between split and table: win_n_q sub-rows by age, of at most
 * two tiles (a tile's buffer stays taken until its passes are complete). The one that leaves is chosen at the
 * edge.
 *
 * `mask` and `some` are only read by tick: they may follow mask_index, mask_tile, some_strip and some_tile
 * combinationally.
 */
#ifndef SANGER_PASS_CONTROL_H
#define SANGER_PASS_CONTROL_H

#include "block.h"
#include "split.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PASS_LOAD = 1, PASS_MAC, PASS_EXP, PASS_FWD, PASS_FWD_LAST }; /* op */
enum {
    CAUSE_STREAM,
    CAUSE_HAZARD,
    CAUSE_INTERVAL,
    CAUSE_WALK,
    CAUSE_TILE,
    CAUSE_GATHER,
    CAUSE_PREDICT,
    CAUSES = 8
};

typedef struct {
    int64_t *g_rows, *g_first, *g_keys, *g_d, *g_causal, *predicted, *rebiased, *drained; /* in */
    int64_t *tile_loaded, *mask, *some, *done, *busy;                                     /* in */
    int64_t *mask_index, *mask_tile, *some_strip, *some_tile;                             /* out */
    int64_t *load, *load_row, *walk_index, *mode, *col;                                   /* out */
    int64_t *own, *own_bank, *own_row, *own_index;                                        /* out */
    int64_t *pass, *pass_bank, *pass_rows, *pass_d;                                       /* out */
    int64_t *valid, *op, *par, *is_v, *at, *buffer;                                       /* out */
    int64_t *tile_free, *computed;                                                        /* out */
    int64_t *cause_n;                                                                     /* net */

    int64_t *gather_group_q, *gather_tile_q, *gather_base_q, *gather_strip_q, *gather_buffer_q; /* reg */
    int64_t *strip_n_q;                                                                         /* reg */
    int64_t *left_q, *fresh_q, *begun_q;                                                        /* reg */
    int64_t *split_mask_q, *split_row_q, *split_part_q;                                         /* reg */
    int64_t *held_buffer_q, *held_end_q, *held_final_q;                                         /* reg */
    int64_t *win_n_q, *win_buffer_q, *win_index_q, *ended_q, *final_q;                          /* reg */
    uint8_t *win_mode_q, *win_col_q, *mode_q, *col_q;                                           /* reg */
    int64_t *fill_q, *high_q;                                                                   /* reg */
    int64_t *index_q, *count_q, *d_q, *h_q, *bank_buffer_q;                                     /* reg */
    int64_t *closed_q, *walked_q, *started_q, *complete_q;                                      /* reg */
    int64_t *walking_q, *walk_row_q;                                                            /* reg */
    int64_t *since_q, *before_q, *last_d_q, *before_d_q;                                        /* reg */
    int64_t *valid_q, *e_q, *gap_q;                                                             /* reg */
    int64_t *tile_open_q, *tile_half_q, *tile_gathered_q, *tile_left_q, *tile_free_q;           /* reg */
    int64_t *group_gathered_q, *computed_q, *why_q;                                             /* reg */
    int64_t *cause_q, *passes_q, *sub_rows_q, *active_q, *idle_q;                               /* reg */

    const design_t *d;
    split_t split; /* child: a view of the registers above and of the wires below */
    struct {
        int64_t valid, row, take, ready, have, sub_row, last, count;
        int64_t mask[SPLIT_COLUMNS_MAX], mode[SPLIT_COLUMNS_MAX], col[SPLIT_COLUMNS_MAX],
            c4[SPLIT_COLUMNS_MAX];
    } wire;
    struct { /* what happens at this edge */
        bool strip_end, last_strip, last_row, last_tile, accept, take, enter, split_end, end[2], close, walk,
            start, complete, group_done, free[2];
        int64_t why;
        int64_t half, buffer, pick; /* of the open pass; place in the window of what is taken */
        int64_t index, h;           /* of what is taken */
        uint8_t mode[SPLIT_COLUMNS_MAX], col[SPLIT_COLUMNS_MAX];
    } now;
} pass_control_t;

extern const block_type_t pass_control_type;

/* Idle cycles between word d and word d + 1 of a pass. */
int pass_control_gap(const design_t *d);

/* Cycles from the start of a pass of head size `last` to that of one of `next`: but for column hazards, and
   by what slots of both hold, of hazard h (docs/machine.md, Time of a pass). */
int64_t pass_control_least_interval(const design_t *d, int64_t last, int64_t next);
int64_t pass_control_hazard_interval(const design_t *d, int64_t last, int64_t h);

/* Builds the block whose register pointers are set. */
void pass_control_init(void *self, const design_t *d);
void pass_control_reset(void *self);
void pass_control_eval(void *self);
void pass_control_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
