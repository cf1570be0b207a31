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
    work_add(&total->work, &h->work);
    total->cycles += h->cycles;
    total->rtl_cycles += h->rtl_cycles;
    accounting_add(&total->accounting, &h->accounting);
    total->bound_tiles += h->bound_tiles;
    total->bound_sub_rows += h->bound_sub_rows;
    total->bound_non_zeros += h->bound_non_zeros;
    total->v1_cycles += h->v1_cycles;
    total->v2_cycles += h->v2_cycles;
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
    double places = (double)h->work.passes * d->rows * d->pes;
    return places > 0 ? (double)h->work.non_zeros / places : 0;
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
    if (h->end == RUN_DIVERGED) return complain(verb, h, "model and RTL of the machine differ");
    if (h->end == RUN_HUNG) return complain(verb, h, "the machine hangs");
    if (h->contradiction || !accounting_sums(&h->accounting, r->config->design))
        return complain(verb, h, "the machine's counters and the mask disagree about the work");
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

/* ---- first table: is it right ---- */

static void print_row(const replay_report_t *r, const replay_head_t *h, const char *name)
{
    ground_truth_summary_t s = {0}, dense = {0};
    ground_truth_stats_summary(&h->error, &s);
    ground_truth_stats_summary(&h->dense_error, &dense);
    printf("%-16s %6zu", name, h->length);
    print_share(h->used.kept_a, h->used.allowed);
    printf(" %8.3f", utilisation(r, h));
    if (h->compared.cycles)
        printf(" %10" PRIu64, h->compared.mismatches);
    else
        printf(" %10s", "-");
    printf(" %6" PRId64, replay_saturations(h));
    print_share(h->agreed.agree, h->agreed.allowed);
    printf("  %7.4f %7.4f %7.4f  %7.4f\n", 100 * s.median, 100 * s.p99, 100 * s.worst, 100 * dense.median);
}

static void head_name(const replay_head_t *h, char name[64])
{
    snprintf(name, 64, "%zu/%s/%zu", h->sequence, h->layer->id, h->head);
}

static void print_results(const replay_report_t *r, const replay_head_t *total)
{
    char name[64];
    printf("%-16s %6s %8s %8s %10s %6s %8s  %-23s  %7s\n", "seq/layer/head", "length", "density", "util.",
           "mismatches", "clips", "agree", "row error % (same mask)", "dense %");
    printf("%68s  %7s %7s %7s  %7s\n", "", "median", "99 %", "worst", "median");
    for (int i = 0; i < r->n; ++i) {
        head_name(&r->heads[i], name);
        print_row(r, &r->heads[i], name);
    }
    print_row(r, total, "total");
    printf("the paper reports density 0.08 to 0.33 (BERT), 0.15 to 0.35 (GPT-2), 0.23 to 0.54 (BART); "
           "utilisation 0.56 to 0.74\n");
}

/* ---- second table: one trace, four consumers ---- */

static void print_estimate(double estimate, uint64_t cycles)
{
    if (cycles && estimate > 0)
        printf(" %9.0f %+7.1f", estimate, 100 * (estimate / (double)cycles - 1));
    else
        printf(" %9s %7s", "-", "-");
}

static void print_cycles(const replay_head_t *h, const char *name)
{
    printf("%-16s %7" PRId64 " %8" PRId64 " %10" PRIu64, name, h->work.passes, h->work.sub_rows, h->cycles);
    if (h->rtl_cycles)
        printf(" %10" PRIu64, h->rtl_cycles);
    else
        printf(" %10s", "-");
    print_estimate(h->v1_cycles, h->cycles);
    print_estimate(h->v2_cycles, h->cycles);
    printf(" %9" PRId64 " %9" PRId64 " %9" PRId64 " %7.3f\n", h->bound_tiles, h->bound_sub_rows,
           h->bound_non_zeros, h->bound_sub_rows ? (double)h->cycles / (double)h->bound_sub_rows : 0);
}

static void print_four(const replay_report_t *r, const replay_head_t *total)
{
    char name[64];
    printf("\n%-16s %7s %8s %10s %10s %9s %7s %9s %7s %9s %9s %9s %7s\n", "cycles", "passes", "sub-rows",
           "model", "RTL", "v1", "err %", "v2", "err %", "per tile", "sub-rows", "non-zeros", "model /");
    printf("%72s %29s %9s\n", "published estimates", "bounds", "bound");
    for (int i = 0; i < r->n; ++i) {
        head_name(&r->heads[i], name);
        print_cycles(&r->heads[i], name);
    }
    print_cycles(total, "total");
}

/* ---- third table: where the cycles went ---- */

static void print_accounting(const replay_report_t *r, const replay_head_t *total)
{
    const accounting_t *a = &total->accounting;
    const design_t *d = r->config->design;
    double pes = (double)d->rows * d->pes, all = (double)a->cycles * pes;
    printf("\n%-12s %16s %8s %14s\n", "PE cycles", "", "share", "cycles x PEs");
    for (int i = 0; i < SPENT_KINDS && all > 0; ++i) {
        printf("%-12s %16" PRIu64 " %7.2f%% %14.1f\n", spent_names[i], a->pe_cycles[i],
               100 * (double)a->pe_cycles[i] / all, (double)a->pe_cycles[i] / pes);
    }
    printf("%-12s %16.0f %7.2f%% %14" PRIu64 "\n", "sum", all, 100.0, a->cycles);
}

/* The paper mixes three clocks; cycles alone are the machine's. */
static void print_times(const replay_report_t *r, const replay_head_t *total)
{
    const design_t *d = r->config->design;
    double cycles = (double)total->cycles, pes = (double)d->rows * d->pes;
    printf("\n%" PRIu64
           " cycles are %.1f us at 500 MHz, %.1f us at 1 GHz, %.1f us scaled to 128 multipliers at 1 GHz; "
           "%.1f us at the design's %.0f MHz\n",
           total->cycles, cycles / 500, cycles / 1000, cycles / 1000 * pes / 128,
           cycles * 1e6 / (double)d->clock_hz, (double)d->clock_hz / 1e6);
}

void replay_print_table(const replay_report_t *r)
{
    replay_head_t total;
    if (!sum_up(r, &total)) return;
    printf("%s on %s, control: %s, mask: %s, schedule: machine\n\n", r->trace_path, r->config->design->name,
           r->config->design->control == CONTROL_TRAVELLING ? "travelling" : "array",
           r->config->mask == REPLAY_MASK_TRACE ? "trace" : "predict");
    print_results(r, &total);
    print_four(r, &total);
    print_accounting(r, &total);
    print_times(r, &total);
    const lockstep_count_t *c = &total.compared;
    if (c->cycles) {
        printf("\nlockstep: %" PRIu64 " cycles, %" PRIu64 " signals (every register of the machine), %" PRIu64
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
    cJSON_AddNumberToObject(to, "passes", (double)h->work.passes);
    cJSON_AddNumberToObject(to, "sub_rows", (double)h->work.sub_rows);
    cJSON_AddNumberToObject(to, "non_zeros", (double)h->work.non_zeros);
    cJSON_AddNumberToObject(to, "cycles", (double)h->cycles);
    if (h->rtl_cycles)
        cJSON_AddNumberToObject(to, "rtl_cycles", (double)h->rtl_cycles);
    else
        cJSON_AddNullToObject(to, "rtl_cycles");
    cJSON *estimate = cJSON_AddObjectToObject(to, "estimate");
    cJSON_AddNumberToObject(estimate, "v1_cycles", h->v1_cycles);
    cJSON_AddNumberToObject(estimate, "v2_cycles", h->v2_cycles);
    cJSON *bound = cJSON_AddObjectToObject(to, "bound_cycles");
    cJSON_AddNumberToObject(bound, "per_tile", (double)h->bound_tiles);
    cJSON_AddNumberToObject(bound, "sub_rows", (double)h->bound_sub_rows);
    cJSON_AddNumberToObject(bound, "non_zeros", (double)h->bound_non_zeros);
    cJSON *spent = cJSON_AddObjectToObject(to, "accounting");
    for (int i = 0; i < SPENT_KINDS; ++i)
        cJSON_AddNumberToObject(spent, spent_names[i], (double)h->accounting.pe_cycles[i]);
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
    cJSON_AddStringToObject(root, "control",
                            r->config->design->control == CONTROL_TRAVELLING ? "travelling" : "array");
    cJSON_AddStringToObject(root, "schedule", "machine");
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
