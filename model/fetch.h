/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: reads what prediction needs of one head after the other, and cuts each head's queries into groups
 * and strips.
 *
 *     job_valid, j_* ──►┌────────────┐──► rd_valid, rd_addr, rd_tag
 *     job_ready      ◄──│ head, at_q │◄── rd_ready, got, got_tag, got_data
 *     scored         ──►│            │──► k_*   low-bit keys      to predict_feeder
 *     drained        ──►│            │──► ql_*  low-bit queries   to predict_feeder
 *     loaded         ◄──│ g_*_q      │──► q_*   queries, m_* masks to buffer
 *     g_*            ◄──└────────────┘
 *
 * Sequence, one state at a time:
 *
 *   HEAD     job_ready; takes a head
 *   SCORED   waits until every loaded strip is scored: the keys of the head before are not read again
 *   KEYS     reads k_low, rows 0 .. M-1
 *   GROUP    waits for a free half (groups started - drained < 2), writes its record
 *   STRIP    waits for a free file (strips loaded - scored < 2)
 *   QUERIES, LOWS, MASKS   read the strip's rows of q, q_low and, of external heads, mask
 *   ANSWERS  waits until nothing is asked for, then counts the strip as loaded; next strip, group or head
 *
 * Rows of a matrix follow each other without a gap, so each matrix has one running address. A read's tag says
 * where its beat goes, {kind, number, beat}: kind 0 k_low (key), 1 q_low (row), 2 q (index), 3 mask (index);
 * the write ports follow got, got_tag and got_data. The file of a low-bit query is the strip's number modulo
 * 2: answers of one strip only are awaited at a time.
 *
 * Sizes are those that controller checked: a head has at least one query, key and element, and no more than
 * the design's. Row and beat counters end on equality with the last number, cut to their widths, so that
 * other sizes read something else, but never without end.
 */
#ifndef SANGER_FETCH_H
#define SANGER_FETCH_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    FETCH_HEAD,
    FETCH_SCORED,
    FETCH_KEYS,
    FETCH_GROUP,
    FETCH_STRIP,
    FETCH_QUERIES,
    FETCH_LOWS,
    FETCH_MASKS,
    FETCH_ANSWERS
} fetch_state_t;

/* What a read is for: the top of its tag. */
enum { FETCH_OF_K_LOW, FETCH_OF_Q_LOW, FETCH_OF_Q, FETCH_OF_MASK };

typedef struct {
    int64_t *job_valid, *j_l, *j_m, *j_d, *j_causal, *j_external, *j_policy, *j_threshold;  /* in */
    int64_t *j_q, *j_k, *j_v, *j_q_low, *j_k_low, *j_mask, *j_o, *j_final, *j_number;       /* in */
    int64_t *rd_ready, *got, *got_tag, *got_data, *scored, *drained;                        /* in */
    int64_t *job_ready, *rd_valid, *rd_addr, *rd_tag, *loaded;                              /* out */
    int64_t *k_we, *k_key, *k_beat, *k_data, *ql_we, *ql_file, *ql_row, *ql_beat, *ql_data; /* out */
    int64_t *q_we, *q_index, *q_beat, *q_data, *m_we, *m_index, *m_beat, *m_data;           /* out */
    int64_t *g_rows, *g_first, *g_keys, *g_d, *g_beats, *g_causal, *g_external, *g_policy;  /* out */
    int64_t *g_threshold, *g_k, *g_v, *g_o, *g_final, *g_job;                               /* out */

    int64_t *state_q, *loaded_q, *started_q, *pending_q;                        /* reg */
    int64_t *m_q, *d_q, *causal_q, *external_q, *policy_q, *threshold_q;        /* reg: the head */
    int64_t *k_q, *v_q, *final_q, *number_q;                                    /* reg: the head */
    int64_t *q_at_q, *q_low_at_q, *k_low_at_q, *mask_at_q, *o_at_q;             /* reg */
    int64_t *left_q, *first_q, *strip_q, *base_q, *row_q, *beat_q;              /* reg */
    int64_t *g_rows_q, *g_first_q, *g_keys_q, *g_d_q, *g_beats_q, *g_causal_q;  /* reg: [half] */
    int64_t *g_external_q, *g_policy_q, *g_threshold_q, *g_k_q, *g_v_q, *g_o_q; /* reg: [half] */
    int64_t *g_final_q, *g_job_q;                                               /* reg: [half] */
    const design_t *d;
} fetch_t;

extern const block_type_t fetch_type;

void fetch_init(void *self, const design_t *d);
void fetch_eval(void *self);
void fetch_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
