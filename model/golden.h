/* SPDX-License-Identifier: Apache-2.0 */
/*
 * golden: what the machine must give, bit for bit, without any cycles (docs/machine.md). Head by head and row
 * by row from the page's arithmetic, not from its blocks: of those only the exp unit is shared.
 *
 *     q_low, k_low, scales ─► scaled scores ─► maximum, its key ─► exp, sum ─► threshold ─► mask bits
 *     q, k at the maximum's key ─► bias                                            │ (or external bits)
 *     q, k, v, bias, mask bits ─► sub-rows: scores, exp, sums, outputs ─► rows ─► division ─► O
 *
 * A query's result depends on the order of its own sub-rows only (tile after tile, part after part), so rows
 * are computed one by one; which sub-rows share a pass matters for time alone (golden_passes).
 *
 * Saturations are counted as the machine's registers meet them: everything of keys that exist and of tiles
 * that the query's group looks at, but nothing of array rows and columns that carry no query or key.
 *
 * golden_run does to a memory what the machine does, statuses and refused jobs included.
 */
#ifndef SANGER_GOLDEN_H
#define SANGER_GOLDEN_H

#include "exp.h"
#include "split.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One head in the design's formats; all arrays are row-major. */
typedef struct {
    int L, M, d;
    bool causal, external;
    int policy; /* rows that keep nothing: 0 zero, 1 dense, 2 top1 */
    int64_t threshold;
    const int16_t *q, *k, *v;          /* L x d, M x d, M x d */
    const int8_t *q_low, *k_low;       /* L x d, M x d */
    const uint16_t *q_scale, *k_scale; /* L, M */
    const uint8_t *q_valid, *k_valid;  /* L, M */
    const uint8_t *mask;               /* L x M, external heads: taken as it is */
} golden_head_t;

/* Where values are clipped. */
typedef enum {
    GOLDEN_SCORE_ACC, /* low-bit sums */
    GOLDEN_SCALED,    /* scaled scores of allowed keys */
    GOLDEN_SCORE_EXP, /* their exponentials, once a key */
    GOLDEN_SCORE_SUM,
    GOLDEN_BIAS,
    GOLDEN_ACC, /* SDDMM and SpMM: one register */
    GOLDEN_EXP,
    GOLDEN_ROW_SUM, /* of a sub-row */
    GOLDEN_OUTPUT_SUM,
    GOLDEN_ROW_TOTAL, /* row sums over sub-rows */
    GOLDEN_OUTPUT,
    GOLDEN_CLIPS
} golden_clip_t;

extern const char *const golden_clip_names[GOLDEN_CLIPS];

typedef struct {
    int64_t clipped[GOLDEN_CLIPS];
    int64_t zero_rows; /* queries whose row sum is 0 or less: O = 0 */
    int64_t sub_rows, passes, non_zeros;
    int64_t forwards;          /* slots that only pass */
    int64_t hazard, intervals; /* sums of h and of the least interval over passes that follow one of this
                                  head, window 1 */
} golden_count_t;

typedef struct golden golden_t;

/* The design must be a machine (design_lacks_machine) and outlive it. NULL: out of memory. */
golden_t *golden_open(const design_t *d);
void golden_close(golden_t *g);

/* Computes a head. out: L x d words of format output; mask: L x M, the bits that the main pass uses; bias: L
   words of format bias. Saturations and zero rows are added to *count. */
void golden_head(golden_t *g, const golden_head_t *h, int16_t *out, uint8_t *mask, int32_t *bias,
                 golden_count_t *count);

/* Keys that the group of query i looks at. */
int golden_keys(const design_t *d, const golden_head_t *h, int i);

/* ---- passes ---- */

enum { GOLDEN_ROWS_MAX = 128, GOLDEN_PES_MAX = 64 };

typedef struct {
    int query;
    uint8_t mode[GOLDEN_PES_MAX], col[GOLDEN_PES_MAX]; /* of each slot, as split places them */
} golden_sub_row_t;

typedef struct {
    int group, tile, rows; /* array rows in use */
    golden_sub_row_t row[GOLDEN_ROWS_MAX];
} golden_pass_t;

/* Calls visit for every pass of a head under a mask (L x M), in the order of a machine without a window
   (split.window 1): group by group, tile by tile, sub-rows in the order of their queries. A wider window
   changes which sub-rows of a tile share a pass, and so h, but neither how many there are nor how many
   passes. False: out of memory. */
bool golden_passes(const design_t *d, const golden_head_t *h, const uint8_t *mask,
                   void (*visit)(void *context, const golden_pass_t *pass), void *context);

/* Adds a head's passes, sub-rows, slots and intervals to *count. False: out of memory. */
bool golden_tally(const design_t *d, const golden_head_t *h, const uint8_t *mask, golden_count_t *count);

/* h of a pass of head size `head` after the one before. */
int golden_hazard(const design_t *d, const golden_pass_t *before, const golden_pass_t *pass, int head);

/* The least t0(p) - t0(p-1), given h and both head sizes. */
int golden_interval(const design_t *d, int hazard, int head_before, int head);

/* ---- whole runs ---- */

typedef struct {
    uint8_t *memory; /* limit bytes */
    uint64_t limit, queue, status;
    int count;
} golden_run_t;

typedef struct {
    golden_count_t count;
    int64_t done, failed; /* jobs */
} golden_total_t;

/* The code of a job's status, by the page's checks alone. */
int golden_check(const design_t *d, const golden_run_t *run, int job);

/* Runs all jobs in the memory. False: out of memory. */
bool golden_run(golden_t *g, const golden_run_t *run, golden_total_t *total);

#ifdef __cplusplus
}
#endif
#endif
