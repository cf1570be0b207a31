/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prediction of one strip of query rows on score_array and binarise, as the units define it:
 *
 *     per key tile   clear, d + rows + columns - 1 cycles of calc, then `columns` moves: the last column
 * drains first, is scaled at one edge and enters the row's maximum at the next then per key   exp of the kept
 * scaled score minus the row's bias, and the sum one edge later then per key   binarise: exp > T * sum
 *
 * The strip's scaled scores and exponentials lie in a buffer of the host (rows x keys).
 */
#ifndef SANGER_PREDICT_H
#define SANGER_PREDICT_H

#include "host.h"

/* A head as the prediction sees it (Eq. of the pruning rule: rows divided by their norms, quantised to
   operand_w bits over +-t). */
typedef struct {
    int L, M, d;
    int64_t *q, *k;                 /* L x d, M x d: low-bit operands */
    int64_t *row_scale, *col_scale; /* L, M: in format scale */
    int64_t threshold;              /* in format threshold */
    const trace_head_t *head;       /* allowed positions */
} prediction_t;

/* Quantises a head; ranges t from the trace, or this head's own where the trace has none. False: out of
 * memory. */
bool predict_open(prediction_t *p, host_t *h, const trace_head_t *head, double threshold);
void predict_close(prediction_t *p);

/* Predicts query rows first .. first + rows - 1. bias: `rows` words of format bias; mask: L x M bytes, these
   rows are written with the empty-row policy applied. False after a divergence or when memory is short. */
bool predict_strip(prediction_t *p, host_t *h, int first, trace_empty_row_t empty_row, int64_t *bias,
                   uint8_t *mask);

#endif
