/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebias: the exact score at each row's predicted maximum, floored, is the row's bias.
 *
 *     scored, arg ──►┌────────────────────┐──► rd_valid, rd_addr, rd_tag     a beat of the key's row
 *     rd_ready ─────►│ next beat to read  │
 *                    └────────────────────┘
 *     got, got_tag ─────► dot_index, dot_beat ──► buffer ──► dot_q ─┐
 *     got_data ──────────────────────────────────────────────── x ◄─┘
 *                                                               + ──► sum_q ──► b_we, b_index, b_bias
 *
 * Rows of a strip in order, beats of a row in order, strips in order; the next strip begins as soon as it is
 * scored and its queries are held, whatever is still on its way. One read a cycle while rd_ready is 1: rd_*
 * are a register that is refilled when it is empty or taken.
 *
 *   rd_addr   g_k + (arg[n mod 3][row] * g_beats + beat) * bus_bytes, n the strip's number
 *   rd_tag    {end, index, beat}, beat lowest; end: 0 more beats follow, 1 the row ends, 2 the strip too,
 *             3 the group too
 *
 * Answers come in the order of reads, with their tag. dot_index and dot_beat follow got_tag, so that dot_q is
 * the query's beat in the same cycle. got: sum_q' = (beat 0: 0, else sum_q) + sum of q[e] k[e], e < d. After
 * a row's last beat, in the next cycle: b_we, b_bias = sum_q floored to the bias format and clipped, clips
 * counted in sat_q. rebiased rises one cycle after the strip's last b_we; asked counts the strips
 * whose last read is in rd_*, or was: their arg is not looked at any more.
 *
 * Records that no group has: a row has at least one beat, a group at least one row, and a group of too many
 * rows ends with the last row of its last strip.
 */
#ifndef SANGER_REBIAS_H
#define SANGER_REBIAS_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int64_t *scored, *held, *arg;                              /* in; arg: [bank][row] */
    int64_t *g_rows, *g_k, *g_d, *g_beats;                     /* in: [half] */
    int64_t *rd_ready, *got, *got_tag, *got_data, *dot_q;      /* in */
    int64_t *rd_valid, *rd_addr, *rd_tag;                      /* out */
    int64_t *dot_index, *dot_beat;                             /* out, follow got_tag */
    int64_t *b_we, *b_index, *b_bias;                          /* out */
    int64_t *asked, *rebiased;                                 /* out */
    int64_t *n_q, *bank_q, *half_q, *strip_q, *row_q, *beat_q; /* reg: the next beat to read; n: its strip */
    int64_t *rd_valid_q, *rd_addr_q, *rd_tag_q;                /* reg */
    int64_t *sum_q, *end_q, *index_q;                          /* reg */
    int64_t *rebiased_q, *sat_q;                               /* reg */
    const design_t *d;
    int beat_w; /* bits of a tag's beat */
} rebias_t;

extern const block_type_t rebias_type;

void rebias_init(void *self, const design_t *d);
void rebias_eval(void *self);
void rebias_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
