/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: reads what prediction needs of one head after the other, and cuts each head's queries into groups
 * and strips.
 *
 *     job_valid, j_* ──►┌────────────┐──► rd_valid, rd_addr, rd_tag
 *     job_ready      ◄──│ low, high  │◄── rd_ready, got, got_tag, got_data
 *     scored         ──►│            │──► k_*   low-bit keys      to predict_feeder
 *     taken          ──►│            │──► ql_*  low-bit queries   to predict_feeder
 *     loaded, opened ◄──│            │──► q_*   queries, m_* masks to buffer
 *     held, g_*      ◄──└────────────┘
 *
 * Two streams share the read port: `low` runs ahead, `high` needs a half for what it loads.
 *
 *   low    HEAD     looks at the job that is offered, once
 *          ROOM     waits until there is room for the keys
 *          KEYS     reads k_low, rows 0 .. M-1
 *          FILE     waits for a free file (strips asked for - scored < 3)
 *          QUERIES  reads the strip's rows of q_low; next strip or head
 *   high   HEAD     job_ready: takes the job that low has looked at
 *          GROUP    waits for a free half (groups opened - taken < 2), writes its record
 *          MASKS, QUERIES   reads the group's rows of mask, of external heads, and of q; next group or head
 *
 * Low-bit queries go before the rest, since scoring waits for them; keys of the next head come last, but
 * first when no strip is left to score (idle_q).
 *
 * Keys: a head of at most keys_max / 2 keys behind another such takes the other half of the places than that
 * one (`g_upper`); there is room when all strips before that one are scored. Any other head begins at place 0
 * and has room when all strips before it are scored.
 *
 * Rows of a matrix follow each other without a gap, so each matrix has one running address. A read's tag says
 * where its beat goes, {last, kind, number, beat}: kind 0 k_low (place), 1 q_low (row), 2 q (index), 3 mask
 * (index); the write ports follow got, got_tag and got_data. Answers come in order. `last` is the end of what
 * a count waits for: `loaded` a strip's q_low, `held` a strip's q, whose
 * group's masks came before.
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

typedef enum { LOW_HEAD, LOW_ROOM, LOW_KEYS, LOW_FILE, LOW_QUERIES } fetch_low_t;
typedef enum { HIGH_HEAD, HIGH_GROUP, HIGH_QUERIES, HIGH_MASKS } fetch_high_t;

/* What a read is for, in its tag. */
enum { FETCH_OF_K_LOW, FETCH_OF_Q_LOW, FETCH_OF_Q, FETCH_OF_MASK };

/* A read of a cycle, if there is one. */
typedef struct {
    bool valid, low; /* low: of that stream */
    int kind;
    int64_t *addr, number, beat;
    bool row_ends, run_ends, last;
} fetch_read_t;

typedef struct {
    int64_t *job_valid, *j_l, *j_m, *j_d, *j_causal, *j_external, *j_policy, *j_threshold;  /* in */
    int64_t *j_q, *j_k, *j_v, *j_q_low, *j_k_low, *j_mask, *j_o, *j_final, *j_number;       /* in */
    int64_t *rd_ready, *got, *got_tag, *got_data, *scored, *taken;                          /* in */
    int64_t *job_ready, *rd_valid, *rd_addr, *rd_tag, *loaded, *opened, *held;              /* out */
    int64_t *k_we, *k_key, *k_beat, *k_data, *ql_we, *ql_file, *ql_row, *ql_beat, *ql_data; /* out */
    int64_t *q_we, *q_index, *q_beat, *q_data, *m_we, *m_index, *m_beat, *m_data;           /* out */
    int64_t *g_rows, *g_first, *g_keys, *g_d, *g_beats, *g_causal, *g_external, *g_upper;   /* out */
    int64_t *g_policy, *g_threshold, *g_k, *g_v, *g_o, *g_final, *g_job;                    /* out */

    int64_t *low_q, *looked_q, *asked_q, *idle_q, *of_head_q;       /* reg: low; strips asked for */
    int64_t *low_m_q, *low_d_q, *low_left_q, *small_q, *beside_q;   /* reg: its head */
    int64_t *upper_q, *k_low_at_q, *q_low_at_q;                     /* reg: its head */
    int64_t *low_row_q, *low_beat_q;                                /* reg */
    int64_t *high_q, *m_q, *d_q, *causal_q, *external_q, *policy_q; /* reg: high, its head */
    int64_t *threshold_q, *k_q, *v_q, *final_q, *number_q;          /* reg: its head */
    int64_t *high_upper_q, *q_at_q, *mask_at_q, *o_at_q;            /* reg: its head */
    int64_t *left_q, *first_q, *row_q, *strip_row_q, *beat_q;       /* reg */
    int64_t *loaded_q, *file_q, *opened_q, *held_q;                 /* reg: what is there */
    int64_t *g_rows_q, *g_first_q, *g_keys_q, *g_d_q, *g_beats_q, *g_causal_q,
        *g_external_q;                                                                   /* reg: [half] */
    int64_t *g_upper_q, *g_policy_q, *g_threshold_q, *g_k_q, *g_v_q, *g_o_q, *g_final_q; /* reg: [half] */
    int64_t *g_job_q;                                                                    /* reg: [half] */
    const design_t *d;
    int beat_w, number_w; /* bits of a tag's beat and number */
    fetch_read_t read;    /* of this cycle, as registers say */
} fetch_t;

extern const block_type_t fetch_type;

void fetch_init(void *self, const design_t *d);
void fetch_eval(void *self);
void fetch_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
