/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller: reads the host's job descriptors, checks them, offers heads to fetch and writes statuses.
 *
 *     start, queue, status, count, limit ──►┌────────────┐──► rd_valid, rd_addr   (rd_ready, got, got_data)
 *     busy, finished, failed             ◄──│ desc_q     │──► job_valid, j_*      (job_ready)
 *     fin_valid, fin_job                 ──►│ checks     │──► wr_valid, wr_addr, wr_data   (wr_ready)
 *     fin_ready                          ◄──└────────────┘
 *
 * Descriptors, statuses and codes are those of docs/machine.md. Sequence, one state at a time:
 *
 *   IDLE     start takes queue, status, count and limit (cut to 2^addr_w: no address lies above)
 *   AREAS    no jobs: IDLE; queue or status area misaligned or beyond the limit: failed = count, IDLE
 *   READ     reads job n's descriptor; its beats come back in order
 *   CHECK    codes 1 to 5
 *   ROWS, SPAN, PLACE   for o and then each other matrix: beats of one head, of all heads; its end
 *   VERDICT  codes 6 to 8, or the first head
 *   OFFER    offers head after head; addresses move on by a head's beats
 *   STATUS   hands a failed job's code to the writer; then job n + 1, READ
 *   WAIT     until as many statuses as jobs are written
 *
 * The writer holds one status. fin_ready is 1 while busy, the writer is empty and no failed job waits for it.
 * finished counts written statuses of code 0, failed those of other codes; both start at 0 with a run.
 *
 * The last product of a matrix (rows x beats x heads x bus_bytes) has less than 44 bits, so ends are kept in
 * 48 bits and nothing wraps. No descriptor keeps the controller from going on: every state but OFFER and the
 * waits for memory lasts a fixed number of cycles.
 */
#ifndef SANGER_CONTROLLER_H
#define SANGER_CONTROLLER_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    CONTROLLER_IDLE,
    CONTROLLER_AREAS,
    CONTROLLER_READ,
    CONTROLLER_CHECK,
    CONTROLLER_ROWS,
    CONTROLLER_SPAN,
    CONTROLLER_PLACE,
    CONTROLLER_VERDICT,
    CONTROLLER_OFFER,
    CONTROLLER_STATUS,
    CONTROLLER_WAIT
} controller_state_t;

/* Codes of a job's status. */
typedef enum {
    JOB_DONE,
    JOB_BAD_VERSION,
    JOB_BAD_LENGTH,
    JOB_BAD_HEAD_SIZE,
    JOB_NO_HEADS,
    JOB_MISALIGNED,
    JOB_BEYOND_LIMIT,
    JOB_OVERLAP,
    JOB_BAD_THRESHOLD
} job_code_t;

enum { JOB_BYTES = 64, JOB_WORDS = 16, JOB_MATRICES = 7, CONTROLLER_SPAN_W = 40, CONTROLLER_END_W = 48 };
#define JOB_VERSION UINT32_C(0x53470001)

/* Matrices in the order of their descriptor words, 4 upwards. */
enum { JOB_Q, JOB_K, JOB_V, JOB_Q_LOW, JOB_K_LOW, JOB_MASK, JOB_O };

typedef struct {
    int64_t *start, *queue, *status, *count, *limit;                      /* in: the host */
    int64_t *rd_ready, *got, *got_data, *wr_ready;                        /* in: memory_port */
    int64_t *job_ready, *fin_valid, *fin_job;                             /* in: fetch, drain */
    int64_t *busy, *finished, *failed;                                    /* out: the host */
    int64_t *rd_valid, *rd_addr, *wr_valid, *wr_addr, *wr_data;           /* out: memory_port */
    int64_t *job_valid, *j_l, *j_m, *j_d, *j_causal, *j_external;         /* out: fetch */
    int64_t *j_policy, *j_threshold, *j_q, *j_k, *j_v, *j_q_low;          /* out: fetch */
    int64_t *j_k_low, *j_mask, *j_o, *j_final, *j_number;                 /* out: fetch */
    int64_t *fin_ready;                                                   /* out: drain */
    int64_t *state_q, *queue_q, *status_q, *count_q, *limit_q;            /* reg: the run */
    int64_t *finished_q, *failed_q;                                       /* reg: the run */
    int64_t *number_q, *asked_q, *answered_q, *desc_q;                    /* reg: the job */
    int64_t *matrix_q, *head_q, *span_q, *o_end_q, *beyond_q, *overlap_q; /* reg: its checks */
    int64_t *step_q, *at_q, *left_q, *code_q;   /* reg: its heads; code if it fails */
    int64_t *wr_valid_q, *wr_job_q, *wr_code_q; /* reg: the writer */
    const design_t *d;
} controller_t;

extern const block_type_t controller_type;

void controller_init(void *self, const design_t *d);
void controller_eval(void *self);
void controller_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
