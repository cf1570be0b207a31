/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main pass of one strip of query rows: every key tile's mask rows through split, its sub-rows in passes
 * of `rows` through pe_array, outputs and sums accumulated per query row, then normalise.
 */
#ifndef SANGER_ATTEND_H
#define SANGER_ATTEND_H

#include "host.h"

/* A head in the design's formats. */
typedef struct {
    int L, M, d;
    int64_t *q, *k, *v; /* L x d, M x d, M x d; the score's scaling is folded into q */
    int64_t passes, sub_rows, non_zeros;
} attention_t;

/* Quantises a head; clipped words are counted in the host. False: out of memory. */
bool attend_open(attention_t *a, host_t *h, const trace_head_t *head);
void attend_close(attention_t *a);

/* Attends query rows first .. first + rows - 1 under their mask rows (L x M bytes). bias: `rows` words. out:
   L x d words of format output, these rows are written. False after a divergence or when memory is short. */
bool attend_strip(attention_t *a, host_t *h, int first, const int64_t *bias, const uint8_t *mask,
                  int64_t *out);

#endif
