/* SPDX-License-Identifier: Apache-2.0 */
/* Does golden give what the units give that exist without the machine, what double precision gives, and what
 * can be worked out by hand? */
#include "../model/golden.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/ground_truth.h"
#include "serial/attend.h"
#include "../sim/image.h"
#include "../sim/paths.h"
#include "serial/predict.h"
#include "run_suite.h"

#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

static const char *const machines[] = {"odd_5x7x3_travelling", "one_pe_6x5x1_travelling",
                                       "full_4x4x4_travelling", "ties_7x9x3_travelling"};
enum { MACHINES = sizeof machines / sizeof *machines };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

static golden_head_t head_of(const job_t *j, int n)
{
    size_t query = (size_t)n * (size_t)j->L, key = (size_t)n * (size_t)j->M, d = (size_t)j->d;
    return (golden_head_t){.L = j->L,
                           .M = j->M,
                           .d = j->d,
                           .causal = j->causal,
                           .external = j->external,
                           .policy = j->policy,
                           .threshold = j->threshold,
                           .q = j->q + query * d,
                           .k = j->k + key * d,
                           .v = j->v + key * d,
                           .q_low = j->q_low + query * d,
                           .k_low = j->k_low + key * d,
                           .q_scale = j->q_scale + query,
                           .k_scale = j->k_scale + key,
                           .q_valid = j->q_valid + query,
                           .k_valid = j->k_valid + key,
                           .mask = j->mask + query * (size_t)j->M};
}

typedef struct {
    golden_head_t h;
    int16_t *out;
    uint8_t *mask;
    int32_t *bias;
    golden_count_t count;
} result_t;

static result_t compute(const design_t *d, const golden_head_t *h)
{
    golden_t *g = golden_open(d);
    result_t r = {.h = *h,
                  .out = calloc((size_t)h->L * (size_t)h->d, sizeof *r.out),
                  .mask = calloc((size_t)h->L * (size_t)h->M, 1),
                  .bias = calloc((size_t)h->L, sizeof *r.bias)};
    golden_head(g, h, r.out, r.mask, r.bias, &r.count);
    demand(golden_tally(d, h, r.mask, &r.count), "memory");
    golden_close(g);
    return r;
}

static void drop(result_t *r)
{
    free(r->out);
    free(r->mask);
    free(r->bias);
}

static int64_t clips(const golden_count_t *c)
{
    int64_t sum = 0;
    for (int i = 0; i < GOLDEN_CLIPS; ++i) sum += c->clipped[i];
    return sum;
}

/* ---- against the units, one strip after the other ---- */

static int64_t *widen(const void *from, size_t n, int bytes, bool is_signed)
{
    int64_t *to = calloc(n, sizeof *to);
    for (size_t i = 0; i < n; ++i) {
        if (bytes == 1) to[i] = ((const int8_t *)from)[i];
        if (bytes == 2) to[i] = is_signed ? ((const int16_t *)from)[i] : ((const uint16_t *)from)[i];
    }
    return to;
}

static trace_empty_row_t policy_of(int policy)
{
    static const trace_empty_row_t policies[] = {TRACE_EMPTY_ROW_ZERO, TRACE_EMPTY_ROW_DENSE,
                                                 TRACE_EMPTY_ROW_TOP1};
    return policies[policy];
}

/* The mask that score_array and binarise make; rows of padded queries mean nothing. */
static void check_mask(const result_t *r, host_t *host, const char *where)
{
    const golden_head_t *h = &r->h;
    size_t L = (size_t)h->L, M = (size_t)h->M, d = (size_t)h->d;
    const trace_head_t allowed = {
        .L = L, .M = M, .d = d, .valid = (uint8_t *)h->k_valid, .causal = h->causal};
    prediction_t p = {h->L,
                      h->M,
                      h->d,
                      widen(h->q_low, L * d, 1, true),
                      widen(h->k_low, M * d, 1, true),
                      widen(h->q_scale, L, 2, false),
                      widen(h->k_scale, M, 2, false),
                      h->threshold,
                      &allowed};
    uint8_t *mask = calloc(L, M);
    int64_t *bias = calloc((size_t)host->design->rows, sizeof *bias);
    for (int first = 0; first < h->L; first += host->design->rows)
        demand(predict_strip(&p, host, first, policy_of(h->policy), bias, mask), "memory");
    for (size_t i = 0; i < L * M; ++i)
        demand(!h->q_valid[i / M] || mask[i] == r->mask[i], "%s: mask of query %zu, key %zu", where, i / M,
               i % M);
    free(mask);
    free(bias);
    predict_close(&p);
}

/* The outputs that split, pe_array and normalise make with the same mask and biases. */
static void check_outputs(const result_t *r, host_t *host, const char *where)
{
    const golden_head_t *h = &r->h;
    size_t L = (size_t)h->L, M = (size_t)h->M, d = (size_t)h->d;
    attention_t a = {h->L,
                     h->M,
                     h->d,
                     widen(h->q, L * d, 2, true),
                     widen(h->k, M * d, 2, true),
                     widen(h->v, M * d, 2, true),
                     0,
                     0,
                     0};
    int64_t *out = calloc(L * d, sizeof *out), *bias = calloc(L + (size_t)host->design->rows, sizeof *bias);
    for (size_t i = 0; i < L; ++i) bias[i] = r->bias[i];
    for (int first = 0; first < h->L; first += host->design->rows)
        demand(attend_strip(&a, host, first, bias + first, r->mask, out), "memory");
    for (size_t i = 0; i < L * d; ++i)
        demand(out[i] == r->out[i], "%s: query %zu element %zu: units %d, golden %d", where, i / d, i % d,
               (int)out[i], r->out[i]);
    demand(a.sub_rows == r->count.sub_rows && a.non_zeros == r->count.non_zeros, "%s: sub-rows", where);
    free(out);
    free(bias);
    attend_close(&a);
}

/* `units`: of the design, its control aside. The units sum a row's scores from the right, so that only heads
   without a clip there must agree. Returns whether outputs were compared. */
static bool check_head(const design_t *d, const job_t *j, int n, host_t *units, const char *where)
{
    golden_head_t h = head_of(j, n);
    result_t r = compute(d, &h);
    if (!h.external) check_mask(&r, units, where);
    bool compares = !r.count.clipped[GOLDEN_ROW_SUM];
    if (compares) check_outputs(&r, units, where);
    drop(&r);
    return compares;
}

START_TEST(heads_equal_those_that_the_units_compute_strip_by_strip)
{
    for (int m = 0; m < MACHINES; ++m) {
        char error[HOST_ERROR_MAX], where[64];
        design_t d = load(machines[m]), array = d;
        host_t units;
        array.control = CONTROL_ARRAY;
        demand(!host_open(&units, &array, false, error), "%s", error);
        int compared = 0;
        for (int seed = 1; seed <= 120; ++seed) {
            random_t r = {.state = (uint64_t)seed};
            job_t j;
            demand(job_random(&j, &d, &r, 20), "memory");
            for (int n = 0; n < j.heads; ++n) {
                snprintf(where, sizeof where, "%s seed %d head %d", d.name, seed, n);
                host_reset(&units);
                compared += check_head(&d, &j, n, &units, where);
            }
            job_close(&j);
        }
        demand(compared > 60, "%s: only %d outputs compared", d.name, compared);
        host_close(&units);
    }
}
END_TEST

/* Registers so narrow that wide operands clip in them. */
static design_t narrow(const char *name)
{
    design_t d = load(name);
    char error[DESIGN_ERROR_MAX];
    snprintf(d.name, sizeof d.name, "narrow");
    d.score_acc_w = 2 * d.operand_w;
    d.acc.w = d.out.w = d.acc.w * 3 / 4;
    d.scaled.w -= 3, d.output_sum.w -= 8, d.bias.w -= 2;
    demand(!design_check(&d, name, error), "%s", error);
    return d;
}

START_TEST(registers_clip_where_those_of_the_units_do)
{
    for (int m = 0; m < MACHINES; ++m) {
        design_t d = narrow(machines[m]), array = d;
        char error[HOST_ERROR_MAX], where[64];
        host_t units;
        array.control = CONTROL_ARRAY;
        demand(!host_open(&units, &array, false, error), "%s", error);
        golden_count_t all = {0};
        for (int seed = 1; seed <= 120; ++seed) {
            random_t r = {.state = (uint64_t)seed};
            job_t j;
            demand(job_random(&j, &d, &r, 20), "memory");
            snprintf(where, sizeof where, "%s, narrow, seed %d", machines[m], seed);
            host_reset(&units);
            check_head(&d, &j, 0, &units, where);
            golden_head_t h = head_of(&j, 0);
            result_t x = compute(&d, &h);
            for (int i = 0; i < GOLDEN_CLIPS; ++i) all.clipped[i] += x.count.clipped[i];
            drop(&x);
            job_close(&j);
        }
        host_close(&units);
        demand(all.clipped[GOLDEN_SCALED] && all.clipped[GOLDEN_ACC] && all.clipped[GOLDEN_BIAS],
               "%s: not narrow enough", machines[m]);
        demand(m == 1 || all.clipped[GOLDEN_SCORE_ACC], "%s: low-bit sums never clip", machines[m]);
    }
}
END_TEST

/* ---- against double precision ---- */

static ground_truth_head_t truth_of(const trace_head_t *h)
{
    return (ground_truth_head_t){h->L, h->M,     h->d,       h->q,      h->k,
                                 h->v, h->valid, h->valid_q, h->causal, h->scaling};
}

typedef struct {
    ground_truth_stats_t error;
    ground_truth_agreement_t agreement;
    int64_t clipped, least, most; /* true maximum less bias, in bias units */
} figures_t;

static void compare_head(const design_t *d, const trace_head_t *head, figures_t *f)
{
    char error[JOB_ERROR_MAX];
    int64_t clipped[CLIP_KINDS] = {0};
    job_t j;
    demand(job_from_heads(&j, d, head, 1, head->threshold, false, clipped, error), "%s", error);
    golden_head_t h = head_of(&j, 0);
    result_t r = compute(d, &h);
    ground_truth_head_t truth = truth_of(head);
    double *reference = calloc(head->L * head->d, sizeof *reference),
           *measured = calloc(head->L * head->d, sizeof *measured);
    for (size_t i = 0; i < head->L * head->d; ++i) measured[i] = ldexp(r.out[i], -d->output.frac);
    demand(ground_truth_masked(&truth, r.mask, reference) &&
               ground_truth_stats_head(&f->error, &truth, reference, measured),
           "memory");
    ground_truth_compare_masks(&truth, head->mask, r.mask, &f->agreement);
    f->clipped += clips(&r.count);
    for (size_t i = 0; i < head->L; ++i) {
        for (size_t c = 0; c < head->d && !head->valid_q[i]; ++c)
            demand(measured[i * head->d + c] == 0, "a padded query's output");
    }
    free(reference);
    free(measured);
    drop(&r);
    job_close(&j);
}

START_TEST(a_traces_heads_come_close_to_double_precision)
{
    static const char *const designs[] = {"paper_64x16", "ties_7x9x3_travelling"};
    char error[TRACE_ERROR_BYTES], path[PATH_MAX_BYTES];
    trace_t *trace;
    snprintf(path, sizeof path, "%s/traces/causal_tiny.safetensors", paths_data());
    demand(trace_open(path, &trace, error, sizeof error), "%s", error);
    for (int i = 0; i < 2; ++i) {
        design_t d = load(designs[i]);
        figures_t f = {0};
        trace_head_t head = {0};
        ground_truth_summary_t s;
        if (i) d.head_max = 64, d.keys_max = 512, d.operand_w = 4, d.output = (format_t){16, 12};
        for (size_t l = 0; l < trace_layer_count(trace); ++l) {
            const trace_layer_t *layer = trace_layer(trace, l);
            for (size_t h = 0; h < layer->H; ++h) {
                demand(trace_load_head(trace, layer, 0, h, &head, error, sizeof error), "%s", error);
                compare_head(&d, &head, &f);
            }
        }
        trace_head_free(&head);
        demand(ground_truth_stats_summary(&f.error, &s), "memory");
        demand(f.clipped == 0, "%s: %d clipped", d.name, (int)f.clipped);
        demand(s.worst < 0.02 && s.median < 0.003, "%s: row error median %f worst %f", d.name, s.median,
               s.worst);
        /* the trace was pruned with 4 bits and ranges of its own */
        double agree = (double)f.agreement.agree / (double)f.agreement.allowed;
        demand(agree > 0.85, "%s: masks agree in %f", d.name, agree);
        ground_truth_stats_free(&f.error);
    }
    trace_close(trace);
}
END_TEST

/* ---- by hand ---- */

enum { HAND_L = 3, HAND_M = 5, HAND_D = 2 };

/* All scores equal: q is 0, so every exponential is exactly 1 and a row's output the mean of its values. */
typedef struct {
    int16_t q[HAND_L * HAND_D], k[HAND_M * HAND_D], v[HAND_M * HAND_D];
    int8_t q_low[HAND_L * HAND_D], k_low[HAND_M * HAND_D];
    uint16_t q_scale[HAND_L], k_scale[HAND_M];
    uint8_t q_valid[HAND_L], k_valid[HAND_M];
    golden_head_t h;
} hand_t;

static void open_hand(hand_t *x)
{
    *x = (hand_t){
        .v = {10, -1, 20, -2, 31, -4, 40, -8, 50, -16}, .q_valid = {1, 1, 1}, .k_valid = {1, 1, 1, 1, 1}};
    x->h = (golden_head_t){.L = HAND_L,
                           .M = HAND_M,
                           .d = HAND_D,
                           .q = x->q,
                           .k = x->k,
                           .v = x->v,
                           .q_low = x->q_low,
                           .k_low = x->k_low,
                           .q_scale = x->q_scale,
                           .k_scale = x->k_scale,
                           .q_valid = x->q_valid,
                           .k_valid = x->k_valid};
}

/* v and output in one format, so that means can be read off. */
static design_t hand_design(void)
{
    design_t d = load("odd_5x7x3_travelling");
    d.v.frac = d.output.frac;
    return d;
}

static void demand_row(const result_t *r, int i, const char *mask, int a, int b, const char *what)
{
    for (int c = 0; c < HAND_M; ++c)
        demand(r->mask[i * HAND_M + c] == mask[c] - '0', "%s: query %d: mask of key %d", what, i, c);
    demand(r->out[2 * i] == a && r->out[2 * i + 1] == b, "%s: query %d: %d %d, not %d %d", what, i,
           r->out[2 * i], r->out[2 * i + 1], a, b);
}

START_TEST(equal_scores_give_means_rounded_to_even)
{
    const design_t d = hand_design();
    hand_t x;
    open_hand(&x);
    result_t r = compute(&d, &x.h);
    for (int i = 0; i < HAND_L; ++i) demand_row(&r, i, "11111", 30, -6, "all"); /* 151 / 5, -31 / 5 */
    demand(r.count.sub_rows == 2 * HAND_L && r.count.non_zeros == 5 * HAND_L, "sub-rows");
    demand(r.count.passes == 2, "%d passes", (int)r.count.passes); /* six sub-rows, five rows */
    drop(&r);

    x.h.causal = true;
    r = compute(&d, &x.h);
    demand_row(&r, 0, "10000", 10, -1, "causal");
    demand_row(&r, 1, "11000", 15, -2, "causal"); /* -1.5 to even */
    demand_row(&r, 2, "11100", 20, -2, "causal"); /* 20.33, -2.33 */
    drop(&r);

    x.h.causal = false;
    x.k_valid[0] = x.k_valid[4] = 0;
    x.q_valid[1] = 0;
    r = compute(&d, &x.h);
    demand_row(&r, 0, "01110", 30, -5, "padding"); /* 91 / 3, -14 / 3 */
    demand_row(&r, 1, "00000", 0, 0, "padding");
    demand_row(&r, 2, "01110", 30, -5, "padding");
    demand(r.count.zero_rows == 1, "zero rows");
    drop(&r);
}
END_TEST

START_TEST(rows_that_keep_nothing_follow_their_policy)
{
    const design_t d = hand_design();
    hand_t x;
    open_hand(&x);
    x.h.threshold = INT64_C(1) << (d.threshold.frac - 2); /* a quarter: above a fifth */
    for (int policy = 0; policy < 3; ++policy) {
        x.h.policy = policy;
        result_t r = compute(&d, &x.h);
        if (policy == 0) demand_row(&r, 0, "00000", 0, 0, "zero");
        if (policy == 1) demand_row(&r, 0, "11111", 30, -6, "dense");
        if (policy == 2) demand_row(&r, 0, "10000", 10, -1, "top1: the first of equals");
        drop(&r);
    }
    memset(x.k_valid, 0, sizeof x.k_valid);
    for (int policy = 0; policy < 3; ++policy) {
        x.h.policy = policy;
        result_t r = compute(&d, &x.h);
        demand_row(&r, 2, "00000", 0, 0, "nothing is allowed");
        drop(&r);
    }
    x.k_valid[3] = 1;
    x.h.policy = 2;
    x.h.threshold = fixed_max(d.threshold.w + 1);
    result_t r = compute(&d, &x.h);
    demand_row(&r, 1, "00010", 40, -8, "top1");
    drop(&r);
}
END_TEST

START_TEST(external_bits_are_taken_as_they_are_within_what_the_group_sees)
{
    design_t d = hand_design();
    const uint8_t mask[HAND_L * HAND_M] = {0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0};
    hand_t x;
    open_hand(&x);
    x.h.external = true, x.h.mask = mask, x.h.policy = 1;
    x.k_valid[4] = 0;
    result_t r = compute(&d, &x.h);
    demand_row(&r, 0, "00011", 45, -12, "external");
    demand_row(&r, 1, "10001", 30, -8, "external"); /* -8.5 to even */
    demand_row(&r, 2, "00000", 0, 0, "external: no policy");
    drop(&r);

    x.h.causal = true; /* the last of three queries sees three keys */
    r = compute(&d, &x.h);
    demand_row(&r, 0, "00000", 0, 0, "external, causal");
    demand_row(&r, 1, "10000", 10, -1, "external, causal");
    drop(&r);

    d.rows = 2, d.strips = 1; /* groups of two queries and one */
    r = compute(&d, &x.h);
    demand_row(&r, 0, "00000", 0, 0, "external, causal, groups");
    drop(&r);
    const uint8_t all[HAND_L * HAND_M] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    x.h.mask = all;
    r = compute(&d, &x.h);
    demand_row(&r, 0, "11000", 15, -2, "external, causal, groups");
    demand_row(&r, 1, "11000", 15, -2, "external, causal, groups");
    demand_row(&r, 2, "11100", 20, -2, "external, causal, groups");
    drop(&r);
}
END_TEST

START_TEST(the_bias_is_the_exact_score_at_the_predicted_maximum_rounded_down)
{
    const design_t d = load("odd_5x7x3_travelling");
    hand_t x;
    open_hand(&x);
    x.q[2] = -3, x.q[3] = 700; /* of query 1 */
    x.k[6] = 1000, x.k[7] = -5;
    x.q_low[2] = 1, x.k_low[6] = 1; /* key 3 is the maximum */
    for (int i = 0; i < HAND_L; ++i) x.q_scale[i] = 1 << d.scale.frac;
    for (int i = 0; i < HAND_M; ++i) x.k_scale[i] = 1 << d.scale.frac;
    result_t r = compute(&d, &x.h);
    int expected = (int)floor(ldexp(-3 * 1000 - 700 * 5, d.bias.frac - d.q.frac - d.k.frac));
    demand(expected < 0 && r.bias[1] == expected, "bias %d, not %d", r.bias[1], expected);
    demand(r.bias[0] == 0, "bias of a query of 0");
    drop(&r);

    x.q[2] = 1, x.k[6] = 2047, x.q[3] = 3, x.k[7] = 683; /* odd products, 4096 in all: not a bit is lost */
    r = compute(&d, &x.h);
    demand(d.q.frac + d.k.frac - d.bias.frac == 12 && r.bias[1] == 1, "bias %d, not 1", r.bias[1]);
    drop(&r);

    x.k[0] = 2047, x.k[1] = 2047; /* nothing is allowed: key 0's score */
    x.q_valid[1] = 0;
    r = compute(&d, &x.h);
    demand(r.bias[1] == (1 + 3) * 2047 >> 12, "bias %d of a padded query", r.bias[1]);
    x.q_valid[1] = 1;
    drop(&r);

    x.q[3] = fixed_max(d.q.w), x.k[7] = (int16_t)fixed_max(d.k.w);
    x.q[2] = fixed_max(d.q.w), x.k[6] = (int16_t)fixed_max(d.k.w);
    r = compute(&d, &x.h);
    demand(r.bias[1] == fixed_max(d.bias.w) && r.count.clipped[GOLDEN_BIAS] == 1, "a bias that does not fit");
    drop(&r);
}
END_TEST

/* ---- passes ---- */

typedef struct {
    const design_t *d;
    const golden_head_t *h;
    const uint8_t *mask;
    int *parts; /* sub-rows seen of [query][tile] */
    int passes, group, tile, query;
    bool open; /* the pass before was not full */
    golden_pass_t before;
    int64_t hazard;
    const char *where;
} seen_t;

/* Does slot k of array row i meet pass p's words no sooner than pass p-1's last one has gone? */
static bool free_in_time(const seen_t *s, const golden_pass_t *p, int interval)
{
    int head = s->h->d;
    for (int i = 0; i < s->d->rows; ++i) {
        for (int k = 0; k < s->d->pes && i < p->rows && i < s->before.rows; ++k) {
            if (!s->before.row[i].mode[k] || !p->row[i].mode[k]) continue;
            int last = s->before.row[i].col[k] + 2 * head;
            int first = interval + p->row[i].col[k] + (p->row[i].mode[k] == SPLIT_PASS ? head + 1 : 0);
            if (first <= last) return false;
        }
    }
    return true;
}

static void check_row(seen_t *s, const golden_pass_t *p, const golden_sub_row_t *row)
{
    const design_t *d = s->d;
    int tiles = (s->h->M + d->columns - 1) / d->columns, kept = 0, active = 0, rank = 0;
    int part = s->parts[row->query * tiles + p->tile]++;
    uint8_t wanted[SPLIT_COLUMNS_MAX] = {0};
    const uint8_t *mask = s->mask + row->query * s->h->M + p->tile * d->columns;
    int columns = s->h->M - p->tile * d->columns < d->columns ? s->h->M - p->tile * d->columns : d->columns;
    for (int c = 0; c < columns; ++c) kept += mask[c];
    for (int c = 0; c < columns; ++c) {
        if (!mask[c]) continue;
        bool mine = d->split_policy == SPLIT_INTERLEAVED ? rank % ((kept + d->pes - 1) / d->pes) == part
                                                         : rank / d->pes == part;
        wanted[c] = mine;
        active += mine;
        ++rank;
    }
    for (int k = 0; k < d->pes; ++k) {
        bool left = k && row->mode[k - 1] != SPLIT_SKIP;
        if (row->mode[k] != SPLIT_ACTIVE)
            demand(row->mode[k] == (left ? SPLIT_PASS : SPLIT_SKIP) &&
                       row->col[k] == (left ? row->col[k - 1] + 1 : 0),
                   "%s: idle slot %d", s->where, k);
        if (row->mode[k] != SPLIT_ACTIVE) continue;
        demand(wanted[row->col[k]], "%s: query %d tile %d: column %d", s->where, row->query, p->tile,
               row->col[k]);
        --active;
    }
    demand(active == 0, "%s: query %d tile %d: columns are missing", s->where, row->query, p->tile);
    demand(row->query >= s->query, "%s: queries out of order", s->where);
    s->query = row->query;
}

static void check_pass(void *context, const golden_pass_t *p)
{
    seen_t *s = context;
    demand(p->rows >= 1 && p->rows <= s->d->rows, "%s: %d rows", s->where, p->rows);
    bool same = p->group == s->group && p->tile == s->tile;
    demand(same || p->group > s->group || p->tile > s->tile, "%s: tiles out of order", s->where);
    demand(!same || !s->open, "%s: a pass that is not full goes on", s->where);
    if (!same) s->query = -1;
    for (int i = 0; i < p->rows; ++i) {
        demand(p->row[i].query / design_group_rows(s->d) == p->group, "%s: group", s->where);
        check_row(s, p, &p->row[i]);
    }
    if (s->passes++) {
        int h = golden_hazard(s->d, &s->before, p, s->h->d), least = 2 * s->h->d + 1;
        while (!free_in_time(s, p, least)) ++least;
        demand(h == least - 2 * s->h->d - 1, "%s: h is %d, not %d", s->where, h, least - 2 * s->h->d - 1);
        s->hazard += h;
    }
    s->group = p->group, s->tile = p->tile, s->open = p->rows < s->d->rows;
    s->before = *p;
}

START_TEST(passes_gather_every_sub_row_once_in_order_and_h_is_the_least_that_keeps_slots_apart)
{
    for (int m = 0; m < MACHINES; ++m) {
        design_t d = load(machines[m]);
        int64_t hazard = 0;
        for (int seed = 1; seed <= 200; ++seed) {
            random_t r = {.state = (uint64_t)seed};
            char where[64];
            job_t j;
            demand(job_random(&j, &d, &r, d.keys_max), "memory");
            golden_head_t h = head_of(&j, 0);
            result_t x = compute(&d, &h);
            int tiles = (h.M + d.columns - 1) / d.columns;
            snprintf(where, sizeof where, "%s seed %d", d.name, seed);
            static seen_t s;
            s = (seen_t){.d = &d, .h = &h, .mask = x.mask, .where = where, .group = -1, .query = -1};
            s.parts = calloc((size_t)(h.L * tiles), sizeof *s.parts);
            demand(golden_passes(&d, &h, x.mask, check_pass, &s), "memory");
            for (int i = 0; i < h.L * tiles; ++i) {
                int kept = 0;
                for (int c = i % tiles * d.columns; c < (i % tiles + 1) * d.columns && c < h.M; ++c)
                    kept += x.mask[i / tiles * h.M + c];
                demand(s.parts[i] == (kept + d.pes - 1) / d.pes, "%s: query %d tile %d: %d sub-rows", where,
                       i / tiles, i % tiles, s.parts[i]);
            }
            demand(s.passes == x.count.passes && s.hazard == x.count.hazard, "%s: counts", where);
            hazard += s.hazard;
            free(s.parts);
            drop(&x);
            job_close(&j);
        }
        demand(hazard > 0 || d.columns == d.pes || d.pes == 1, "%s: no hazard at all", d.name);
    }
}
END_TEST

START_TEST(an_interval_keeps_slots_exp_units_and_buses_apart)
{
    const design_t d = load("paper_64x16");
    demand(golden_interval(&d, 0, 64, 64) == 129, "slots");
    demand(golden_interval(&d, 17, 64, 64) == 146, "h");
    demand(golden_interval(&d, 0, 8, 8) == 64, "columns");
    demand(golden_interval(&d, 0, 40, 8) == 128, "rows: a long pass before a short one");
}
END_TEST

/* ---- whole runs ---- */

enum { JOBS = 4 };

typedef struct {
    design_t d;
    job_t job[JOBS];
    image_t image;
    uint8_t *bytes, *before;
    golden_run_t run;
    int seed;
} trial_t;

static void open_trial(trial_t *t, const char *name, int seed)
{
    random_t r = {.state = (uint64_t)seed};
    char error[JOB_ERROR_MAX];
    t->d = load(name);
    t->d.addr_w = 24;
    t->seed = seed;
    for (int i = 0; i < JOBS; ++i) demand(job_random(&t->job[i], &t->d, &r, 20), "memory");
    demand(image_open(&t->image, &t->d, t->job, JOBS, seed % 2 ? &r : NULL, error), "%s", error);
    t->bytes = malloc(t->image.limit), t->before = malloc(t->image.limit);
    for (uint64_t i = 0; i < t->image.limit; ++i) t->bytes[i] = (uint8_t)random_bits(&r);
    image_write(&t->image, t->bytes);
    t->run = (golden_run_t){t->bytes, t->image.limit, t->image.queue, t->image.status, JOBS};
}

static void close_trial(trial_t *t)
{
    free(t->bytes);
    free(t->before);
    image_close(&t->image);
    for (int i = 0; i < JOBS; ++i) job_close(&t->job[i]);
}

static golden_total_t run_trial(trial_t *t)
{
    golden_total_t total;
    golden_t *g = golden_open(&t->d);
    memcpy(t->before, t->bytes, t->image.limit);
    demand(golden_run(g, &t->run, &total), "memory");
    golden_close(g);
    return total;
}

static void check_job_outputs(const trial_t *t, int n)
{
    const job_t *j = &t->job[n];
    int64_t *o = calloc((size_t)j->L * (size_t)j->d, sizeof *o);
    for (int head = 0; head < j->heads; ++head) {
        golden_head_t h = head_of(j, head);
        result_t r = compute(&t->d, &h);
        image_output(&t->image, t->bytes, n, head, o);
        for (int i = 0; i < j->L * j->d; ++i)
            demand(o[i] == r.out[i], "seed %d job %d head %d: word %d", t->seed, n, head, i);
        drop(&r);
    }
    uint64_t used = 2 * (uint64_t)j->d, row = t->image.place[n].bytes[JOB_O] / (uint64_t)(j->heads * j->L);
    for (uint64_t i = 0; i < t->image.place[n].bytes[JOB_O]; ++i)
        demand(i % row < used || !t->bytes[t->image.place[n].at[JOB_O] + i], "seed %d: behind a row",
               t->seed);
    free(o);
}

/* Nothing but statuses and the outputs of sound jobs changes. */
static void check_untouched(const trial_t *t, const int *codes)
{
    for (uint64_t i = 0; i < t->image.limit; ++i) {
        bool mine = i >= t->image.status && i - t->image.status < (uint64_t)(t->d.bus_bytes * JOBS);
        for (int n = 0; n < JOBS; ++n) {
            const image_job_t *p = &t->image.place[n];
            mine = mine || (!codes[n] && i >= p->at[JOB_O] && i - p->at[JOB_O] < p->bytes[JOB_O]);
        }
        demand(mine || t->bytes[i] == t->before[i], "seed %d: byte %d was written", t->seed, (int)i);
    }
}

START_TEST(a_run_writes_outputs_and_statuses_and_refuses_what_was_spoiled)
{
    trial_t t;
    for (int m = 0; m < MACHINES; ++m) {
        for (int seed = 1; seed <= 100; ++seed) {
            int codes[JOBS] = {0}, failed = 0;
            open_trial(&t, machines[m], seed);
            random_t r = {.state = (uint64_t)seed + 1000};
            for (int n = 0; n < JOBS; ++n) {
                if (random_one_in(&r, 2)) codes[n] = image_spoil(&t.image, t.bytes, n, &r);
                failed += codes[n] != 0;
                int code = golden_check(&t.d, &t.run, n);
                demand(code == codes[n], "%s seed %d job %d: code %d, not %d", t.d.name, seed, n, code,
                       codes[n]);
            }
            golden_total_t total = run_trial(&t);
            demand(total.failed == failed && total.done == JOBS - failed, "seed %d: jobs", seed);
            for (int n = 0; n < JOBS; ++n) {
                demand(image_status(&t.image, t.bytes, n) == codes[n], "seed %d: status %d", seed, n);
                if (!codes[n]) check_job_outputs(&t, n);
            }
            check_untouched(&t, codes);
            close_trial(&t);
        }
    }
}
END_TEST

START_TEST(an_unsound_queue_or_status_area_ends_a_run)
{
    trial_t t;
    for (int which = 0; which < 4; ++which) {
        open_trial(&t, machines[which], which + 1);
        uint64_t *at = which % 2 ? &t.run.queue : &t.run.status;
        *at = which / 2 ? *at + 1 : t.run.limit - (uint64_t)t.d.bus_bytes;
        golden_total_t total = run_trial(&t);
        demand(total.failed == JOBS && total.done == 0, "case %d", which);
        demand(!memcmp(t.bytes, t.before, t.image.limit), "case %d: memory was written", which);
        close_trial(&t);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden");
    TCase *t = tcase_create("golden");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, heads_equal_those_that_the_units_compute_strip_by_strip);
    tcase_add_test(t, registers_clip_where_those_of_the_units_do);
    tcase_add_test(t, a_traces_heads_come_close_to_double_precision);
    tcase_add_test(t, equal_scores_give_means_rounded_to_even);
    tcase_add_test(t, rows_that_keep_nothing_follow_their_policy);
    tcase_add_test(t, external_bits_are_taken_as_they_are_within_what_the_group_sees);
    tcase_add_test(t, the_bias_is_the_exact_score_at_the_predicted_maximum_rounded_down);
    tcase_add_test(t, passes_gather_every_sub_row_once_in_order_and_h_is_the_least_that_keeps_slots_apart);
    tcase_add_test(t, an_interval_keeps_slots_exp_units_and_buses_apart);
    tcase_add_test(t, a_run_writes_outputs_and_statuses_and_refuses_what_was_spoiled);
    tcase_add_test(t, an_unsound_queue_or_status_area_ends_a_run);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
