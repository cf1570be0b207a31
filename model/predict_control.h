/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predict_control: sequences prediction, strip after strip. It holds no data: it says which word goes where.
 *
 *     loaded, opened ►┌───────┐ word e of tile ──► predict_feeder
 *     asked ──────────►│ score │──► (pend) ──► drain words ──► predict_array      scored
 *        ┌────────────►└───────┘                                                  │
 *        │             ┌───────┐◄─────────────────────────────────────────────────┘
 *        │             │  sum  │──► sum words ──► predict_array     (summed) ─┐
 *        │             └───────┘                                              │
 *        │             ┌───────────┐◄─────────────────────────────────────────┘
 *        └─ (swept) ───│ threshold │──► threshold words ──► predict_array          predicted
 *                      └───────────┘
 *
 * Every output is a register. The time of a tile whose word 0 shows in cycle t, with heads of d:
 *
 *     t + e             word e = 0 .. d-1
 *     t + 1 + d + j     drain word of column j, where its key exists
 *     t + max(d, columns)   word 0 of the next tile, also of the next strip's
 *
 * A strip of a smaller d than the one before waits until its first drain word comes after the last one of
 * that strip. Keys are summed one a cycle; a tile of threshold words takes max(rows, columns) cycles. The
 * last drain word of a strip in cycle c, the last sum word in cycle x, the last threshold word in cycle l:
 *
 *     c + 3    scored rises      (row 0's maximum is known)      c + 4   its first sum word at the earliest
 *     x + 2    its first threshold word at the earliest
 *     l + rows + 3   predicted rises (the last row's mask word is stored)
 *
 * Row i is i cycles behind row 0; who goes by scored takes rows in order, one a cycle at most. Tiles reach
 * as far as any query of the group sees: pass_control reads the masks of all of them.
 *
 * Strip n has file and bank n mod 3, group n half n mod 2. The bank is free when rebias has asked for the
 * keys of strip n - 3, and the first threshold word of that strip has been shown, or of its last tile if rows
 * > columns: from there on the new strip never catches up with the old one. Its sum waits for the old one's
 * end. Positions without a key have no threshold word, but for the last column of a tile: t_last always
 * comes. t_key and t_col are 0 where they mean nothing.
 *
 * begun_groups counts groups whose first strip is compared, or was: K and V may be read. It, threshold and
 * policy change one cycle after a strip's first threshold word: row i takes them one cycle
 * after that word and i.
 *
 * Records that no head has (no keys, rows or elements) give strips of one tile, without words where there are
 * none; a tile without words drains nothing and its strip is never scored.
 */
#ifndef SANGER_PREDICT_CONTROL_H
#define SANGER_PREDICT_CONTROL_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int64_t *loaded, *opened, *asked;                                                       /* in */
    int64_t *g_rows, *g_first, *g_keys, *g_d, *g_causal, *g_upper, *g_policy, *g_threshold; /* in: [half] */
    int64_t *valid, *first, *file, *upper, *tile, *at, *head_key;                           /* out */
    int64_t *d_valid, *d_first, *d_bank, *d_col, *d_key, *d_limit, *d_rows;                 /* out */
    int64_t *s_valid, *s_first, *s_bank, *s_key;                                            /* out */
    int64_t *t_valid, *t_first, *t_bank, *t_there, *t_key, *t_col, *t_last, *t_tile, *t_strip; /* out */
    int64_t *threshold, *policy;                                                               /* out */
    int64_t *scored, *begun_groups, *predicted;                                                /* out */
    /* reg: behind each output */
    int64_t *valid_q, *first_q, *file_q, *upper_q, *tile_q, *at_q, *head_key_q;
    int64_t *d_valid_q, *d_first_q, *d_bank_q, *d_col_q, *d_key_q, *d_limit_q, *d_rows_q;
    int64_t *s_valid_q, *s_first_q, *s_bank_q;
    int64_t *t_valid_q, *t_first_q, *t_bank_q, *t_there_q, *t_key_q, *t_col_q, *t_last_q, *t_tile_q,
        *t_strip_q;
    int64_t *threshold_q, *policy_q;
    int64_t *scored_q, *begun_groups_q, *predicted_q;
    /* reg: the strip being scored, or the next one; its number, group, strip of the group, first key and
       cycle of the tile; cycles until the last tile's drain words are over */
    int64_t *score_q, *score_n_q, *score_group_q, *strip_q, *base_q, *step_q, *rest_q;
    /* reg: the tile whose last word was just shown, then the tile being drained */
    int64_t *pend_q, *pend_first_q, *pend_last_q, *pend_bank_q, *pend_half_q, *pend_base_q, *pend_limit_q,
        *pend_rows_q;
    int64_t *drain_q, *drain_last_q, *drain_half_q, *drain_base_q;
    /* reg: the strip being summed, or the next one; the key of the word */
    int64_t *sum_n_q, *sum_half_q, *sum_strip_q, *sum_key_q;
    /* reg: the strip being compared, or the next one */
    int64_t *keep_q, *keep_n_q, *keep_half_q, *keep_strip_q, *keep_base_q, *keep_step_q;
    int64_t *summed_q, *swept_q;               /* reg: strips */
    int64_t *scored_line_q, *predicted_line_q; /* reg: ends on their way to the counts */
    const design_t *d;
} predict_control_t;

extern const block_type_t predict_control_type;

void predict_control_init(void *self, const design_t *d);
void predict_control_eval(void *self);
void predict_control_tick(void *self);

/* Keys that any query of the half's group sees. */
int64_t predict_control_seen(const predict_control_t *c, int64_t half);

/* ---- many ticks at once ---- */

/* At least so many ticks from now on move nothing but steps within a tile, its words and lines, whatever the
   records of other groups say, as long as `loaded`, `opened` and `asked` stay; no tile's first word shows
   before they are over. */
int predict_control_quiet(const predict_control_t *c);

/* As many ticks, at most predict_control_quiet. */
void predict_control_skip(predict_control_t *c, int ticks);

#ifdef __cplusplus
}
#endif
#endif
