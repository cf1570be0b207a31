/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drain: divides a computed group's rows and writes them to memory. The dividers (block normalise) are
 * outside: they answer in order, whenever they do.
 *
 *     computed ──►┌───────┐──► rd_index ──► accumulate ──► rd_acc, rd_sum ─┐
 *                 │ enter │──► div_valid, div_num, div_den ◄───────────────┘
 *                 └───────┘                 │ normalise
 *                 ┌───────┐◄── div_done, div_quot
 *                 │ out_q │  16 rows
 *                 └───────┘──► wr_valid, wr_addr, wr_data ──► clear, fin ──► drained
 *
 * A computed group's record is copied (`taken`), so that fetch may write the next one of that half.
 *
 * Three sequencers, each with a half, a row of the group and a place in the row, each running on by itself:
 *
 *   enter   `lanes` elements a cycle, ceil(d / lanes) cycles a row; div_num and div_den follow rd_acc and
 *           rd_sum; elements from head_max on are 0. A row enters only while fewer than 16 are inside, that
 *           is between its first elements' and its last beat's cycle.
 *   result  a set of quotients goes to row slot_q's place; after a row's last set the row is full.
 *   write   beats of full rows, one after the other from g_o on: a row's beats take ceil(2 d / bus_bytes).
 *           Elements of 16 bits, sign-extended, 0 from d on. wr_data is 0 while wr_valid is 0.
 *
 * After a group's last beat was accepted: clear for one cycle (of its half), then, if g_final, fin_valid with
 * g_job until fin_ready; drained rises in the cycle after. Meanwhile the next group may already enter.
 *
 * Records that no group has: at least one element, row and beat; at most head_max, 2 * strips * rows / 2 and
 * the beats of head_max. Answers that nobody asked for fill rows all the same; counts of rows wrap.
 */
#ifndef SANGER_DRAIN_H
#define SANGER_DRAIN_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int64_t *computed, *g_rows, *g_d, *g_beats, *g_o, *g_final, *g_job;    /* in; g_*: [half] */
    int64_t *rd_acc, *rd_sum, *div_done, *div_quot, *wr_ready, *fin_ready; /* in */
    int64_t *rd_index;                                                     /* out */
    int64_t *div_valid, *div_num, *div_den;                                /* out; num, den follow rd_* */
    int64_t *wr_valid, *wr_addr, *wr_data;                                 /* out */
    int64_t *clear, *clear_half, *taken, *drained, *fin_valid, *fin_job;   /* out */
    int64_t *taken_q, *rows_q, *d_q, *beats_q, *o_q, *final_q, *job_q;     /* reg: records, [half] */
    int64_t *enter_q, *enter_n_q, *enter_row_q, *enter_set_q, *inside_q;   /* reg */
    int64_t *result_half_q, *result_row_q, *result_set_q, *result_slot_q;  /* reg */
    int16_t *out_q;                                                        /* memory: [16][sets * lanes] */
    int64_t *full_q, *slot_q, *half_q, *row_q, *beat_q, *offset_q;         /* reg: write */
    int64_t *end_q, *drained_q;                                            /* reg; end: none clear fin */
    const design_t *d;
} drain_t;

extern const block_type_t drain_type;

void drain_init(void *self, const design_t *d);
void drain_eval(void *self);
void drain_ask(void *self); /* rd_index alone, which others need to answer first */
void drain_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
