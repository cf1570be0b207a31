/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs of the machine (docs/machine.md, "For hosts") as a host holds them: plain arrays of integers in a
 * design's formats. From a trace's heads, from arrays that the caller fills, or at random for property tests.
 * image.h lays them out in memory.
 */
#ifndef SANGER_JOB_H
#define SANGER_JOB_H

#include "../model/design.h"
#include "../traces/trace.h"
#include "clip.h"
#include "random.h"

/* What a row that keeps nothing does: the descriptor's codes. */
typedef enum { JOB_EMPTY_ZERO, JOB_EMPTY_DENSE, JOB_EMPTY_TOP1 } job_empty_t;

/* All arrays are row-major and head after head. */
typedef struct {
    int heads, L, M, d;
    bool causal, external;
    int policy;                  /* job_empty_t */
    int64_t threshold;           /* format threshold */
    int16_t *q, *k, *v;          /* heads x L x d, heads x M x d, heads x M x d */
    int8_t *q_low, *k_low;       /* heads x L x d, heads x M x d: operand_w bits */
    uint16_t *q_scale, *k_scale; /* heads x L, heads x M: format scale */
    uint8_t *q_valid, *k_valid;  /* heads x L, heads x M: 0 is padding */
    uint8_t *mask;               /* heads x L x M, 1 is kept; of external jobs */
} job_t;

enum { JOB_ERROR_MAX = 240 };

/* True when the design takes heads of that size, else one line in error that names the limit. */
bool job_fits(const design_t *d, size_t L, size_t M, size_t head_size, char error[JOB_ERROR_MAX]);

/* A job with all integers 0, nothing valid. False with one line in error when it does not fit or memory is
   short. */
bool job_open(job_t *j, const design_t *d, int heads, size_t L, size_t M, size_t head_size,
              char error[JOB_ERROR_MAX]);
void job_close(job_t *j);

/* Quantises n heads of equal size; clipped words are counted by kind. threshold: of the prediction, and
   refused when it does not fit. external: mask bits are the heads' own (of allowed keys and of queries that
   are no padding) instead of predicted. */
bool job_from_heads(job_t *j, const design_t *d, const trace_head_t *heads, int n, double threshold,
                    bool external, int64_t clipped[CLIP_KINDS], char error[JOB_ERROR_MAX]);

/* A job to test with: every size from 1 to the design's limits (queries and keys at most `most`), values as
   of real heads or as wide as their formats, some keys and queries padding, every policy, causal or not,
   masks predicted or external. False: out of memory. */
bool job_random(job_t *j, const design_t *d, random_t *r, int most);

#endif
