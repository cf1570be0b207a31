// SPDX-License-Identifier: Apache-2.0
#include "ground_truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WITHIN_SHARE 0.05

static double *new_doubles(size_t count)
{
    return count <= SIZE_MAX / sizeof(double) ? malloc((count ? count : 1) * sizeof(double)) : NULL;
}

static double dot(const double *a, const double *b, size_t d)
{
    double sum = 0;
    for (size_t c = 0; c < d; c++) sum += a[c] * b[c];
    return sum;
}

// ---- attention

// Turns the scores of the kept keys into probabilities, and all others into 0.
static void softmax(double *row, const uint8_t *keep, size_t M)
{
    double largest = -INFINITY, sum = 0;
    for (size_t j = 0; j < M; j++)
        if (keep[j] && row[j] > largest) largest = row[j];
    for (size_t j = 0; j < M; j++) {
        row[j] = keep[j] ? exp(row[j] - largest) : 0;
        sum += row[j];
    }
    for (size_t j = 0; j < M && sum > 0; j++) row[j] /= sum;
}

static void attend_row(const ground_truth_head_t *head, size_t i, const uint8_t *keep, double *row,
                       double *out)
{
    for (size_t j = 0; j < head->M; j++)
        row[j] = keep[j] ? head->scaling * dot(head->q + i * head->d, head->k + j * head->d, head->d) : 0;
    softmax(row, keep, head->M);
    for (size_t c = 0; c < head->d; c++) out[c] = 0;
    for (size_t j = 0; j < head->M; j++)
        for (size_t c = 0; c < head->d && keep[j]; c++) out[c] += row[j] * head->v[j * head->d + c];
}

bool ground_truth_masked(const ground_truth_head_t *head, const uint8_t *mask, double *out)
{
    double *row = new_doubles(head->M);
    if (!row) return false;
    for (size_t i = 0; i < head->L; i++) attend_row(head, i, mask + i * head->M, row, out + i * head->d);
    free(row);
    return true;
}

static void allowed_row(const ground_truth_head_t *head, size_t i, uint8_t *keep)
{
    for (size_t j = 0; j < head->M; j++) keep[j] = ground_truth_allowed(head, i, j);
}

bool ground_truth_dense(const ground_truth_head_t *head, double *out)
{
    double *row = new_doubles(head->M);
    uint8_t *keep = malloc(head->M ? head->M : 1);
    bool fine = row && keep;
    for (size_t i = 0; i < head->L && fine; i++) {
        allowed_row(head, i, keep);
        attend_row(head, i, keep, row, out + i * head->d);
    }
    free(keep);
    free(row);
    return fine;
}

// ---- the pruning rule

typedef struct {
    double *q, *k;           // rows divided by their norms, quantised
    double *q_norm, *k_norm; // [L], [M]
} predictor_t;

// nearbyint rounds ties to even in the default rounding mode.
static double quantise(double x, double range, double most)
{
    double level = nearbyint(x * most / range);
    if (level > most) level = most;
    if (level < -most) level = -most;
    return level / (most / range);
}

static void quantise_rows(const double *rows, size_t count, size_t d, double range, double most, double *out,
                          double *norms)
{
    for (size_t i = 0; i < count; i++) {
        norms[i] = sqrt(dot(rows + i * d, rows + i * d, d));
        for (size_t c = 0; c < d; c++)
            out[i * d + c] = norms[i] > 0 ? quantise(rows[i * d + c] / norms[i], range, most) : 0;
    }
}

static void predict_row(const ground_truth_head_t *head, const predictor_t *predictor, size_t i,
                        const uint8_t *allowed, double *row)
{
    const double *q = predictor->q + i * head->d;
    for (size_t j = 0; j < head->M; j++) {
        double cosine = allowed[j] ? dot(q, predictor->k + j * head->d, head->d) : 0;
        row[j] = cosine * predictor->q_norm[i] * predictor->k_norm[j] * head->scaling;
    }
}

// The largest score, not the largest probability: several may round to the same one.
static size_t top_key(const double *scores, const uint8_t *allowed, size_t M)
{
    size_t top = M;
    for (size_t j = 0; j < M; j++)
        if (allowed[j] && (top == M || scores[j] > scores[top])) top = j;
    return top;
}

static void fill_empty_row(ground_truth_empty_row_t policy, size_t top, const uint8_t *allowed, uint8_t *mask,
                           size_t M)
{
    if (policy == GROUND_TRUTH_EMPTY_ROW_DENSE) memcpy(mask, allowed, M);
    if (policy == GROUND_TRUTH_EMPTY_ROW_TOP1 && top < M) mask[top] = 1;
}

static void prune_row(const ground_truth_rule_t *rule, double *row, const uint8_t *allowed, uint8_t *mask,
                      size_t M)
{
    size_t top = top_key(row, allowed, M);
    bool empty = true;
    softmax(row, allowed, M);
    for (size_t j = 0; j < M; j++) {
        mask[j] = allowed[j] && row[j] > rule->threshold;
        empty = empty && !mask[j];
    }
    if (empty) fill_empty_row(rule->empty_row, top, allowed, mask, M);
}

static bool new_predictor(const ground_truth_head_t *head, const ground_truth_rule_t *rule,
                          predictor_t *predictor)
{
    double most = (double)((1 << (rule->bits - 1)) - 1);
    *predictor = (predictor_t){
        .q = new_doubles(head->L * head->d),
        .k = new_doubles(head->M * head->d),
        .q_norm = new_doubles(head->L),
        .k_norm = new_doubles(head->M),
    };
    if (!predictor->q || !predictor->k || !predictor->q_norm || !predictor->k_norm) return false;
    quantise_rows(head->q, head->L, head->d, rule->quant_q, most, predictor->q, predictor->q_norm);
    quantise_rows(head->k, head->M, head->d, rule->quant_k, most, predictor->k, predictor->k_norm);
    return true;
}

static void free_predictor(predictor_t *predictor)
{
    free(predictor->q);
    free(predictor->k);
    free(predictor->q_norm);
    free(predictor->k_norm);
}

static bool rule_in_range(const ground_truth_rule_t *rule)
{
    return rule->bits >= 2 && rule->bits <= 16 && rule->quant_q > 0 && isfinite(rule->quant_q) &&
           rule->quant_k > 0 && isfinite(rule->quant_k) && !isnan(rule->threshold) &&
           rule->empty_row >= GROUND_TRUTH_EMPTY_ROW_DENSE && rule->empty_row <= GROUND_TRUTH_EMPTY_ROW_TOP1;
}

bool ground_truth_predicted_mask(const ground_truth_head_t *head, const ground_truth_rule_t *rule,
                                 uint8_t *mask, double *probability)
{
    predictor_t predictor = {0};
    if (!rule_in_range(rule)) return false;
    double *row = new_doubles(head->M);
    uint8_t *allowed = malloc(head->M ? head->M : 1);
    bool fine = row && allowed && new_predictor(head, rule, &predictor);
    for (size_t i = 0; i < head->L && fine; i++) {
        allowed_row(head, i, allowed);
        predict_row(head, &predictor, i, allowed, row);
        prune_row(rule, row, allowed, mask + i * head->M, head->M);
        if (probability) memcpy(probability + i * head->M, row, head->M * sizeof *row);
    }
    free_predictor(&predictor);
    free(allowed);
    free(row);
    return fine;
}

void ground_truth_compare_masks(const ground_truth_head_t *head, const uint8_t *a, const uint8_t *b,
                                ground_truth_agreement_t *sum)
{
    for (size_t i = 0; i < head->L; i++) {
        if (head->valid_q && !head->valid_q[i]) continue;
        for (size_t j = 0; j < head->M; j++) {
            if (!ground_truth_allowed(head, i, j)) continue;
            bool kept_a = a[i * head->M + j], kept_b = b[i * head->M + j];
            sum->allowed++;
            sum->kept_a += kept_a;
            sum->kept_b += kept_b;
            sum->agree += kept_a == kept_b;
        }
    }
}

// ---- errors

bool ground_truth_within(double x, double y, double share)
{
    double largest = fmax(fabs(x), fabs(y));
    if (!isfinite(x) || !isfinite(y)) return false;
    return largest == 0 || fabs(x - y) / largest <= share;
}

double ground_truth_row_error(const double *reference, const double *measured, size_t d)
{
    double norm = 0, difference = 0;
    for (size_t c = 0; c < d; c++) {
        if (!isfinite(measured[c])) return INFINITY;
        // hypot neither overflows nor underflows where squares would
        norm = hypot(norm, reference[c]);
        difference = hypot(difference, measured[c] - reference[c]);
    }
    if (norm > 0) return difference / norm;
    return difference > 0 ? INFINITY : 0;
}

static bool is_zero_row(const double *row, size_t d)
{
    for (size_t c = 0; c < d; c++)
        if (row[c] != 0) return false;
    return true;
}

static bool reserve(ground_truth_stats_t *stats, size_t more)
{
    if (more <= stats->capacity - stats->rows) return true;
    if (more > SIZE_MAX / sizeof(double) / 4 - stats->rows) return false;
    size_t capacity = 2 * (stats->rows + more);
    double *grown = realloc(stats->error, capacity * sizeof *grown);
    if (!grown) return false;
    stats->error = grown;
    stats->capacity = capacity;
    return true;
}

static void count_elements(ground_truth_stats_t *stats, const double *reference, const double *measured,
                           size_t d)
{
    stats->elements += d;
    for (size_t c = 0; c < d; c++)
        stats->within += ground_truth_within(reference[c], measured[c], WITHIN_SHARE);
}

bool ground_truth_stats_row(ground_truth_stats_t *stats, const double *reference, const double *measured,
                            size_t d)
{
    if (!reserve(stats, 1)) return false;
    double error = ground_truth_row_error(reference, measured, d);
    count_elements(stats, reference, measured, d);
    if (error == 0 && is_zero_row(reference, d)) {
        stats->zero_rows++;
        return true;
    }
    stats->broken_rows += isinf(error) != 0;
    stats->error[stats->rows++] = error;
    return true;
}

bool ground_truth_stats_head(ground_truth_stats_t *stats, const ground_truth_head_t *head,
                             const double *reference, const double *measured)
{
    for (size_t i = 0; i < head->L; i++) {
        if (head->valid_q && !head->valid_q[i]) continue;
        if (!ground_truth_stats_row(stats, reference + i * head->d, measured + i * head->d, head->d))
            return false;
    }
    return true;
}

bool ground_truth_stats_merge(ground_truth_stats_t *into, const ground_truth_stats_t *from)
{
    if (!reserve(into, from->rows)) return false;
    if (from->rows) memcpy(into->error + into->rows, from->error, from->rows * sizeof *from->error);
    into->rows += from->rows;
    into->zero_rows += from->zero_rows;
    into->broken_rows += from->broken_rows;
    into->elements += from->elements;
    into->within += from->within;
    return true;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, size_t count, double share)
{
    double rank = share * (double)(count - 1);
    size_t below = (size_t)rank;
    double part = rank - (double)below;
    if (part == 0 || below + 1 >= count) return sorted[below];
    // equal neighbours also when both are infinite
    if (sorted[below] == sorted[below + 1]) return sorted[below];
    return sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

bool ground_truth_stats_summary(const ground_truth_stats_t *stats, ground_truth_summary_t *summary)
{
    *summary = (ground_truth_summary_t){.rows = stats->rows, .within = 1};
    if (stats->elements) summary->within = (double)stats->within / (double)stats->elements;
    if (stats->rows == 0) return true;
    double *sorted = new_doubles(stats->rows);
    if (!sorted) return false;
    memcpy(sorted, stats->error, stats->rows * sizeof *sorted);
    qsort(sorted, stats->rows, sizeof *sorted, compare_doubles);
    summary->median = percentile(sorted, stats->rows, 0.5);
    summary->p99 = percentile(sorted, stats->rows, 0.99);
    summary->worst = sorted[stats->rows - 1];
    free(sorted);
    return true;
}

void ground_truth_stats_free(ground_truth_stats_t *stats)
{
    free(stats->error);
    *stats = (ground_truth_stats_t){0};
}
