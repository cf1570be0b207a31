/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buffer: what a resident query keeps while keys pass by: its elements, its mask and its bias.
 *
 *     q_we, q_index, q_beat, q_data ───► query_q[index] ──► walk_q (walk_index), dot_q (dot_index, dot_beat)
 *     b_we, b_index, b_bias ───────────► bias_q[index] ───► walk_bias (walk_index)
 *     m_we, m_index, m_beat, m_data ─┬─► mask_q[index] ───► mask (mask_index, mask_tile)
 *     p_we, p_index, p_tile, p_word ─┴─► some_q[strip] ───► some (some_strip, some_tile)
 *
 * Writes take effect at the edge; reads are combinational from their addresses. A mask beat holds mask_lanes
 * words of mask_lane_w bits, tile t in lane t % mask_lanes of beat t / mask_lanes. m writes a whole beat, p
 * one lane, the bits above `columns` 0; where both meet in a lane, p stays. some_q keeps a bit a word: does
 * it keep any of its `columns` columns? Its words have the rows of a strip side by side, lane after lane.
 *
 * Indices, strips, beats and tiles that do not exist are not written and read as 0. The memories have no
 * reset.
 */
#ifndef SANGER_BUFFER_H
#define SANGER_BUFFER_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int64_t *q_we, *q_index, *q_beat, *q_data;  /* in */
    int64_t *m_we, *m_index, *m_beat, *m_data;  /* in */
    int64_t *p_we, *p_index, *p_tile, *p_word;  /* in */
    int64_t *b_we, *b_index, *b_bias;           /* in */
    int64_t *walk_index, *dot_index, *dot_beat; /* in */
    int64_t *mask_index, *mask_tile;            /* in */
    int64_t *some_strip, *some_tile;            /* in */
    int64_t *walk_q, *walk_bias, *dot_q, *mask; /* out */
    int64_t *some;                              /* out */
    int64_t *query_q, *mask_q; /* reg: [index][elements], [index * mask_beats + beat][lanes] */
    uint8_t *some_q;           /* reg: [strip * mask_beats + beat][lane][row] */
    int64_t *bias_q;           /* reg: [index] */
    const design_t *d;
} buffer_t;

extern const block_type_t buffer_type;

void buffer_init(void *self, const design_t *d);
void buffer_eval(void *self);
void buffer_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
