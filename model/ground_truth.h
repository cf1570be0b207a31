// SPDX-License-Identifier: Apache-2.0
//
// ground_truth: attention in double precision, what the machine's numbers are held against.
//
//     O_i = sum_j P_ij v_j      P_i = softmax over the kept keys j of  scaling * q_i . k_j
//
// One head at a time, from the trace's own unquantised q, k, v. A row that keeps nothing is exactly 0. The
// softmax subtracts the row's true maximum over its kept keys, so no input that a trace may hold overflows.
//
// Not modelled: any fixed-point format, the machine's bias and its exp unit; those are what is compared.
#ifndef SANGER_GROUND_TRUTH_H
#define SANGER_GROUND_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// One head; all arrays are the caller's. Key j is allowed for query i when valid[j] and, if causal, j <= i
/// (causal heads have L == M).
typedef struct {
    size_t L, M, d;         ///< queries, keys, head size
    const double *q;        ///< [L * d]
    const double *k, *v;    ///< [M * d]
    const uint8_t *valid;   ///< [M], 0 for padded keys; NULL: none is padded
    const uint8_t *valid_q; ///< [L], 0 for padded queries; NULL: none is padded
    bool causal;
    double scaling; ///< usually 1/sqrt(d)
} ground_truth_head_t;

/// What happens to rows whose every score was pruned. The values equal those of trace_empty_row_t.
typedef enum {
    GROUND_TRUTH_EMPTY_ROW_DENSE = 1, ///< keep every allowed key
    GROUND_TRUTH_EMPTY_ROW_ZERO,      ///< keep none
    GROUND_TRUTH_EMPTY_ROW_TOP1       ///< keep the largest predicted score, the first one among equals
} ground_truth_empty_row_t;

/// The pruning rule's parameters.
typedef struct {
    double threshold;        ///< keep where the predicted probability is strictly above it
    int bits;                ///< of the quantised q and k, 2 .. 16
    double quant_q, quant_k; ///< the ranges t of the normalised rows, above 0
    ground_truth_empty_row_t empty_row;
} ground_truth_rule_t;

static inline bool ground_truth_allowed(const ground_truth_head_t *head, size_t i, size_t j)
{
    return (!head->valid || head->valid[j]) && (!head->causal || j <= i);
}

/// Attention under a mask. mask: [L * M], non-zero is kept, taken as it is; out: [L * d].
/// Padded query rows are computed like any other. False: out of memory.
bool ground_truth_masked(const ground_truth_head_t *head, const uint8_t *mask, double *out);

/// Attention over all allowed keys. out: [L * d]. False: out of memory.
bool ground_truth_dense(const ground_truth_head_t *head, double *out);

/// The mask of the pruning rule: rows of q and k divided by their norms (a zero row stays zero), quantised
/// to `bits` over +-t with ties to even, multiplied, scaled back, softmax over the allowed keys, kept where
/// strictly above the threshold, then the empty-row policy.
/// mask: [L * M], 0 or 1; probability: [L * M], the predicted softmax (0 where not allowed), or NULL.
/// False: out of memory, or a rule outside its ranges.
bool ground_truth_predicted_mask(const ground_truth_head_t *head, const ground_truth_rule_t *rule,
                                 uint8_t *mask, double *probability);

/// Counts over the allowed positions of queries that are no padding.
typedef struct {
    uint64_t allowed; ///< positions
    uint64_t kept_a, kept_b;
    uint64_t agree; ///< both kept or neither
} ground_truth_agreement_t;

/// Adds to *sum, so that heads can be pooled: density = kept / allowed, agreement = agree / allowed.
/// Either mask may be the same array twice.
void ground_truth_compare_masks(const ground_truth_head_t *head, const uint8_t *a, const uint8_t *b,
                                ground_truth_agreement_t *sum);

/// Row errors ||O' - O|| / ||O||, growable, so that percentiles of a total come from all its rows.
/// Start from {0}.
typedef struct {
    double *error; ///< [rows], unsorted; INFINITY for a row that cannot be right, see below
    size_t rows, capacity;
    uint64_t zero_rows;   ///< rows with ||O|| = 0 and O' exactly 0; they have no error and are not in `rows`
    uint64_t broken_rows; ///< ||O|| = 0 but O' is not, or O' is not finite: their error is INFINITY
    uint64_t elements;    ///< elements of all rows
    uint64_t within;      ///< elements with |x-y| / max(|x|,|y|) <= 0.05, both 0 included
} ground_truth_stats_t;

typedef struct {
    size_t rows;
    double median, p99, worst; ///< 0 where there are no rows; percentiles interpolate linearly between ranks
    double within;             ///< share of elements within 5 %; 1 where there are none
} ground_truth_summary_t;

/// Adds one row of d elements. False: out of memory.
bool ground_truth_stats_row(ground_truth_stats_t *stats, const double *reference, const double *measured,
                            size_t d);

/// Adds the rows of one head that are no padding. reference, measured: [L * d]. False: out of memory.
bool ground_truth_stats_head(ground_truth_stats_t *stats, const ground_truth_head_t *head,
                             const double *reference, const double *measured);

/// Adds everything in `from` to `into`. False: out of memory, `into` unchanged.
bool ground_truth_stats_merge(ground_truth_stats_t *into, const ground_truth_stats_t *from);

/// False: out of memory.
bool ground_truth_stats_summary(const ground_truth_stats_t *stats, ground_truth_summary_t *summary);

void ground_truth_stats_free(ground_truth_stats_t *stats);

/// ||measured - reference|| / ||reference|| of one row; 0 where both are exactly 0; INFINITY where only the
/// reference is 0 or where `measured` is not finite.
double ground_truth_row_error(const double *reference, const double *measured, size_t d);

/// |x-y| / max(|x|,|y|) <= share; true where both are 0; false where either is not finite.
bool ground_truth_within(double x, double y, double share);

#ifdef __cplusplus
}
#endif

#endif
