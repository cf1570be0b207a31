/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accumulate: from the array's diagonal output to whole output rows of queries, one row a cycle.
 *
 *     out[i], out_op[i] ──► word_q[i][f_q[i]] ─┐
 *     sum[i] at a last ───► last_sum_q[i] ─────┤ commit_q, row_q
 *     own ────► owner_q[bank][row] ────────────┤                      ┌────────────┐
 *     pass ───► size_q[bank] ──────────────────┴─► stage 1 ─► add_* ─►│ + saturate │─► acc_q,
 * row_sum_q[index] ▲      stage 2  └─────┬──────┘        │ └── forwarded ◄───────┴───────────────┴─► rd_acc,
 * rd_sum
 *
 *   out_op   of each row: 0 none, 1 (and 3) a word, 2 the pass's last word
 *   commit   row 0's last word in cycle c: row r of the bank's pass is in stage 1 in c + 1 + r, in stage 2 in
 *            c + 2 + r, and shows at rd_index from c + 3 + r; `done` with the last one. Then the bank is
 * next. old sum  of a query: what stage 2 writes if it is the same query's, else its word if started, else 0
 *   words    at and above the pass's d count as 0; the others are aligned from out to output_sum by a floor
 *   clear    empties a half at the edge; a query that stage 2 writes in that cycle stays
 *
 * Sums saturate; acc_sat_q and sum_sat_q count clipped words and row sums, 32 bits that stay at their
 * maximum. Own rows, words and queries that do not exist are not written; these and what is not started read
 * as 0. A pass of no row, or of too many, ends as one of 1 or `rows` would.
 */
#ifndef SANGER_ACCUMULATE_H
#define SANGER_ACCUMULATE_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int64_t *out, *out_op, *sum;                           /* in */
    int64_t *own, *own_bank, *own_row, *own_index;         /* in */
    int64_t *pass, *pass_bank, *pass_rows, *pass_d;        /* in */
    int64_t *clear, *clear_half, *rd_index;                /* in */
    int64_t *done, *rd_acc, *rd_sum;                       /* out */
    int64_t *word_q, *f_q, *last_sum_q, *owner_q, *size_q; /* reg: size_q {rows, d} */
    int64_t *bank_q, *commit_q, *row_q;                    /* reg: stage 1 */
    int64_t *add_q, *add_index_q, *add_last_q, *add_acc_q, *add_word_q, *add_sum_q, *add_row_sum_q;
    int64_t *acc_q, *row_sum_q, *acc_sat_q, *sum_sat_q, *done_q; /* reg */
    uint8_t *started_q;                                          /* reg */
    const design_t *d;
    int f_w; /* bits of a word's number */
} accumulate_t;

extern const block_type_t accumulate_type;

void accumulate_init(void *self, const design_t *d);
void accumulate_eval(void *self);
void accumulate_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
