/* SPDX-License-Identifier: Apache-2.0 */
#include "replay_report.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- totals: counts are summed, shares pooled, percentiles taken over all rows ---- */

static void add_agreement(ground_truth_agreement_t *to, const ground_truth_agreement_t *from)
{
    to->allowed += from->allowed;
    to->kept_a += from->kept_a;
    to->kept_b += from->kept_b;
    to->agree += from->agree;
}

static bool add_head(replay_head_t *total, const replay_head_t *h)
{
    add_agreement(&total->used, &h->used);
    add_agreement(&total->agreed, &h->agreed);
    total->length += h->length;
    total->keys += h->keys;
    total->passes += h->passes;
    total->sub_rows += h->sub_rows;
    total->non_zeros += h->non_zeros;
    for (int i = 0; i < HOST_UNITS; ++i) total->cycles[i] += h->cycles[i];
    for (int i = 0; i < CLIP_KINDS; ++i) total->clipped[i] += h->clipped[i];
    total->compared.cycles += h->compared.cycles;
    total->compared.bytes += h->compared.bytes;
    total->compared.changes += h->compared.changes;
    total->compared.mismatches += h->compared.mismatches;
    total->compared.signals = h->compared.signals;
    return ground_truth_stats_merge(&total->error, &h->error) &&
           ground_truth_stats_merge(&total->dense_error, &h->dense_error);
}

static bool sum_up(const replay_report_t *r, replay_head_t *total)
{
    *total = (replay_head_t){0};
    for (int i = 0; i < r->n; ++i) {
        if (!add_head(total, &r->heads[i])) return false;
    }
    return true;
}

static double share(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static double utilisation(const replay_report_t *r, const replay_head_t *h)
{
    const design_t *d = r->config->design;
    double places = (double)h->passes * d->rows * d->pes;
    return places > 0 ? (double)h->non_zeros / places : 0;
}

/* ---- verdict ---- */

static int complain(const char *verb, const replay_head_t *h, const char *what)
{
    fprintf(stderr, "sanger %s: sequence %zu layer %s head %zu: %s\n", verb, h->sequence, h->layer->id,
            h->head, what);
    return 1;
}

static int head_verdict(const replay_report_t *r, const replay_head_t *h, const char *verb)
{
    char text[160];
    ground_truth_summary_t s;
    const lockstep_count_t *c = &h->compared;
    if (h->diverged) {
        snprintf(text, sizeof text, "model and RTL of %s differ", host_unit_names[h->diverged_unit]);
        return complain(verb, h, text);
    }
    if (r->config->lockstep && (!c->cycles || !c->signals || !c->bytes || !c->changes)) {
        return complain(verb, h, "the lockstep compared nothing");
    }
    if (!ground_truth_stats_summary(&h->error, &s)) return complain(verb, h, "out of memory");
    if (!s.rows && !h->error.zero_rows) return complain(verb, h, "no row was compared with ground truth");
    if (s.worst <= r->bound) return 0;
    snprintf(text, sizeof text, "worst row error %.4g is above the bound %.4g", s.worst, r->bound);
    return complain(verb, h, text);
}

int replay_verdict(const replay_report_t *r, const char *verb)
{
    int verdict = 0;
    for (int i = 0; i < r->n; ++i) verdict |= head_verdict(r, &r->heads[i], verb);
    return verdict;
}

/* ---- table ---- */

static void print_share(uint64_t part, uint64_t whole)
{
    if (whole)
        printf(" %8.4f", share(part, whole));
    else
        printf(" %8s", "-");
}

static void print_row(const replay_report_t *r, const replay_head_t *h, const char *name)
{
    ground_truth_summary_t s = {0}, dense = {0};
    ground_truth_stats_summary(&h->error, &s);
    ground_truth_stats_summary(&h->dense_error, &dense);
    printf("%-16s %6zu", name, h->length);
    print_share(h->used.kept_a, h->used.allowed);
    printf(" %8.3f %7" PRId64 " %10" PRIu64, utilisation(r, h), h->passes, replay_cycles(h));
    if (h->compared.cycles)
        printf(" %10" PRIu64, h->compared.mismatches);
    else
        printf(" %10s", "-");
    printf(" %6" PRId64, replay_saturations(h));
    print_share(h->agreed.agree, h->agreed.allowed);
    printf("  %7.4f %7.4f %7.4f  %7.4f\n", 100 * s.median, 100 * s.p99, 100 * s.worst, 100 * dense.median);
}

void replay_print_table(const replay_report_t *r)
{
    replay_head_t total;
    printf("%s on %s, mask: %s, schedule: host-serial\n\n", r->trace_path, r->config->design->name,
           r->config->mask == REPLAY_MASK_TRACE ? "trace" : "predict");
    printf("%-16s %6s %8s %8s %7s %10s %10s %6s %8s  %-23s  %7s\n", "seq/layer/head", "length", "density",
           "util.", "passes", "cycles", "mismatches", "clips", "agree", "row error % (same mask)", "dense %");
    printf("%84s %8s  %7s %7s %7s  %7s\n", "", "", "median", "99 %", "worst", "median");
    for (int i = 0; i < r->n; ++i) {
        char name[64];
        const replay_head_t *h = &r->heads[i];
        snprintf(name, sizeof name, "%zu/%s/%zu", h->sequence, h->layer->id, h->head);
        print_row(r, h, name);
    }
    if (sum_up(r, &total)) print_row(r, &total, "total");
    const lockstep_count_t *c = &total.compared;
    if (c->cycles) {
        printf("\nlockstep: %" PRIu64 " cycles, %" PRIu64 " signals (all five units), %" PRIu64
               " bytes compared, %" PRIu64 " value changes, %" PRIu64 " mismatches\n",
               c->cycles, c->signals, c->bytes, c->changes, c->mismatches);
    }
    replay_head_free(&total);
}

/* ---- JSON ---- */

static void add_finite(cJSON *to, const char *name, double value)
{
    if (isfinite(value))
        cJSON_AddNumberToObject(to, name, value);
    else
        cJSON_AddNullToObject(to, name);
}

static void add_error(cJSON *to, const char *name, const ground_truth_stats_t *stats)
{
    ground_truth_summary_t s;
    if (!ground_truth_stats_summary(stats, &s)) return;
    cJSON *error = cJSON_AddObjectToObject(to, name);
    add_finite(error, "median", s.median);
    add_finite(error, "p99", s.p99);
    add_finite(error, "worst", s.worst);
    cJSON_AddNumberToObject(error, "rows", (double)s.rows);
    cJSON_AddNumberToObject(error, "zero_rows", (double)stats->zero_rows);
}

static void add_compared(cJSON *to, const replay_head_t *h)
{
    if (!h->compared.cycles) {
        cJSON_AddNullToObject(to, "mismatches");
        return;
    }
    cJSON_AddNumberToObject(to, "mismatches", (double)h->compared.mismatches);
    cJSON *c = cJSON_AddObjectToObject(to, "compared");
    cJSON_AddNumberToObject(c, "cycles", (double)h->compared.cycles);
    cJSON_AddNumberToObject(c, "signals", (double)h->compared.signals);
    cJSON_AddNumberToObject(c, "bytes", (double)h->compared.bytes);
    cJSON_AddNumberToObject(c, "changes", (double)h->compared.changes);
}

static void add_figures(cJSON *to, const replay_report_t *r, const replay_head_t *h)
{
    ground_truth_summary_t s;
    cJSON_AddNumberToObject(to, "length", (double)h->length);
    cJSON_AddNumberToObject(to, "keys", (double)h->keys);
    cJSON_AddNumberToObject(to, "density", share(h->used.kept_a, h->used.allowed));
    cJSON_AddNumberToObject(to, "utilisation", utilisation(r, h));
    cJSON_AddNumberToObject(to, "passes", (double)h->passes);
    cJSON_AddNumberToObject(to, "sub_rows", (double)h->sub_rows);
    cJSON_AddNumberToObject(to, "cycles", (double)replay_cycles(h));
    cJSON *units = cJSON_AddObjectToObject(to, "unit_cycles");
    for (int i = 0; i < HOST_UNITS; ++i)
        cJSON_AddNumberToObject(units, host_unit_names[i], (double)h->cycles[i]);
    add_compared(to, h);
    cJSON_AddNumberToObject(to, "saturations", (double)replay_saturations(h));
    cJSON *kinds = cJSON_AddObjectToObject(to, "saturations_by_kind");
    for (int i = 0; i < CLIP_KINDS; ++i) cJSON_AddNumberToObject(kinds, clip_names[i], (double)h->clipped[i]);
    if (h->agreed.allowed)
        cJSON_AddNumberToObject(to, "mask_agreement", share(h->agreed.agree, h->agreed.allowed));
    else
        cJSON_AddNullToObject(to, "mask_agreement");
    add_error(to, "row_error", &h->error);
    add_error(to, "dense_row_error", &h->dense_error);
    if (ground_truth_stats_summary(&h->error, &s))
        cJSON_AddNumberToObject(to, "elements_within_5pct", s.within);
}

static cJSON *head_json(const replay_report_t *r, const replay_head_t *h)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddNumberToObject(item, "sequence", (double)h->sequence);
    cJSON_AddStringToObject(item, "layer", h->layer->id);
    cJSON_AddNumberToObject(item, "head", (double)h->head);
    add_figures(item, r, h);
    return item;
}

bool replay_print_json(const replay_report_t *r)
{
    replay_head_t total;
    if (!sum_up(r, &total)) return false;
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "design", r->config->design->name);
    cJSON_AddStringToObject(root, "trace", r->trace_path);
    cJSON_AddStringToObject(root, "control", "array");
    cJSON_AddStringToObject(root, "schedule", "host-serial");
    cJSON_AddStringToObject(root, "mask", r->config->mask == REPLAY_MASK_TRACE ? "trace" : "predict");
    cJSON_AddNumberToObject(root, "clock_hz", (double)r->config->design->clock_hz);
    cJSON_AddNumberToObject(root, "bound", r->bound);
    cJSON *heads = cJSON_AddArrayToObject(root, "heads");
    for (int i = 0; i < r->n; ++i) cJSON_AddItemToArray(heads, head_json(r, &r->heads[i]));
    add_figures(cJSON_AddObjectToObject(root, "total"), r, &total);
    char *text = cJSON_Print(root);
    bool ok = text != NULL;
    if (ok) puts(text); /* a failed write shows when the command ends */
    cJSON_free(text);
    cJSON_Delete(root);
    replay_head_free(&total);
    return ok;
}
