/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predict_control: sequences prediction, strip after strip. It holds no data: it says which word goes where.
 *
 *     loaded ───────►┌───────┐ word e of tile ──► predict_feeder
 *     rebiased ─────►│ score │──► (pend) ──► drain words ──► predict_array   scored ─┐
 *        ┌──────────►└───────┘                                                       │
 *        │           ┌───────┐◄──────────────────────────────────────────────────────┘
 *        └── swept ──│ sweep │ sweep words ──► predict_array                  swept, swept_groups
 *                    └───────┘
 *
 * Every output is a register. The time of a tile whose word 0 shows in cycle t, with heads of d:
 *
 *     t + e             word e = 0 .. d-1
 *     t + 1 + d + j     drain word of column j, where its key exists
 *     t + max(d, columns)   word 0 of the next tile, also of the next strip's
 *
 * Strips that follow each other at once have one d: a head's first strip is loaded when all before it are
 * scored, since its keys take the place of theirs.
 *
 * A strip is `scored` rows + 4 cycles after the last column of its last tile. Its sweep is 2 x tiles times
 * max(rows, columns) cycles, sums first; it is `swept` rows + 4 cycles after the last tile's last column.
 * Tiles reach as far as any query of the group sees: pass_control reads the masks of all of them.
 *
 * Strip n has file and bank n mod 2, group n half n mod 2. The bank is free when strip n - 2 is swept and
 * rebiased. Positions without a key carry s_op 0, but for the last column of a tile while thresholding:
 * s_last always comes. s_key and s_col are 0 where they mean nothing.
 *
 * threshold and policy change one cycle after a strip's first thresholding word: a row looks at them two
 * cycles after its word, and the last row is still busy with the strip before until then.
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
    int64_t *loaded, *rebiased;                                                             /* in */
    int64_t *g_rows, *g_first, *g_keys, *g_d, *g_causal, *g_policy, *g_threshold;           /* in: [half] */
    int64_t *valid, *first, *file, *tile, *at, *head_key;                                   /* out */
    int64_t *d_valid, *d_first, *d_bank, *d_col, *d_key, *d_limit, *d_rows;                 /* out */
    int64_t *s_op, *s_first, *s_bank, *s_key, *s_valid, *s_col, *s_last, *s_tile, *s_strip; /* out */
    int64_t *threshold, *policy;                                                            /* out */
    int64_t *scored, *swept, *swept_groups;                                                 /* out */
    /* reg: behind each output */
    int64_t *valid_q, *first_q, *file_q, *tile_q, *at_q;
    int64_t *d_valid_q, *d_first_q, *d_bank_q, *d_col_q, *d_key_q, *d_limit_q, *d_rows_q;
    int64_t *s_op_q, *s_first_q, *s_bank_q, *s_key_q, *s_valid_q, *s_col_q, *s_last_q, *s_tile_q, *s_strip_q;
    int64_t *threshold_q, *policy_q;
    int64_t *scored_q, *swept_q, *swept_groups_q;
    /* reg: the strip being scored; its number, half, strip of the group, first key and cycle of the tile */
    int64_t *score_q, *score_n_q, *half_q, *strip_q, *base_q, *step_q;
    /* reg: the tile whose last word was just shown, then the tile being drained */
    int64_t *pend_q, *pend_first_q, *pend_last_q, *pend_bank_q, *pend_half_q, *pend_base_q, *pend_limit_q,
        *pend_rows_q;
    int64_t *drain_q, *drain_last_q, *drain_half_q, *drain_base_q;
    /* reg: the strip being swept, as above; phase 1: thresholds */
    int64_t *sweep_q, *sweep_n_q, *sweep_half_q, *sweep_strip_q, *sweep_base_q, *sweep_tile_q, *sweep_step_q,
        *sweep_phase_q;
    int64_t *scored_line_q, *swept_line_q, *groups_line_q; /* reg: ends on their way to the counts */
    const design_t *d;
} predict_control_t;

extern const block_type_t predict_control_type;

void predict_control_init(void *self, const design_t *d);
void predict_control_eval(void *self);
void predict_control_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
