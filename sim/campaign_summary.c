/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../model/file.h"
#include "campaign_private.h"

enum { JSON_MAX_BYTES = 1 << 26 };

/* ---- files ---- */

int campaign_write(const campaign_state_t *s, const char *name, const char *text, char error[CAMPAIGN_ERROR])
{
    char path[CAMPAIGN_PATH], part[CAMPAIGN_PATH];
    snprintf(path, sizeof path, "%s/%s", s->campaign->folder, name);
    snprintf(part, sizeof part, "%s.part%ld", path, (long)getpid());
    FILE *file = fopen(part, "w");
    bool ok = file && fputs(text, file) >= 0 && !fflush(file) && !fsync(fileno(file));
    if (file) ok = !fclose(file) && ok;
    if (ok && !rename(part, path)) return 0;
    snprintf(error, CAMPAIGN_ERROR, "%s: expected a file that can be written, found: %s", path,
             strerror(errno));
    unlink(part);
    return -1;
}

cJSON *campaign_read_json(const char *path, char error[CAMPAIGN_ERROR])
{
    size_t bytes;
    char *text = file_read(path, JSON_MAX_BYTES, &bytes);
    const char *found = text ? "something else" : errno == EFBIG ? "more than 64 MiB" : strerror(errno);
    cJSON *json = text ? cJSON_Parse(text) : NULL;
    if (!json) snprintf(error, CAMPAIGN_ERROR, "%s: expected JSON, found %s", path, found);
    free(text);
    return json;
}

/* ---- sums ---- */

static void add(campaign_sum_t *to, const campaign_sum_t *from)
{
    to->items += from->items;
    to->cycles += from->cycles;
    to->bytes += from->bytes;
    to->changes += from->changes;
    to->mismatches += from->mismatches;
    to->vacuous += from->vacuous;
    to->seconds += from->seconds;
}

/* Over the runs of the plan with that design and unit; NULL: any. */
static campaign_sum_t sum_of(const campaign_state_t *s, const design_t *d, const char *unit)
{
    campaign_sum_t sum = {0};
    for (int i = 0; i < s->n; ++i) {
        const cosim_config_t *c = &s->plan[i].config;
        if ((!d || c->design == d) && (!unit || !strcmp(c->unit, unit))) add(&sum, &s->sum[i]);
    }
    return sum;
}

static cJSON *sum_json(const campaign_sum_t *sum)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "runs", (double)sum->items);
    cJSON_AddNumberToObject(json, "cycles", (double)sum->cycles);
    cJSON_AddNumberToObject(json, "bytes_compared", (double)sum->bytes);
    cJSON_AddNumberToObject(json, "value_changes", (double)sum->changes);
    cJSON_AddNumberToObject(json, "mismatches", (double)sum->mismatches);
    cJSON_AddNumberToObject(json, "compared_nothing", (double)sum->vacuous);
    cJSON_AddNumberToObject(json, "seconds", sum->seconds);
    return json;
}

static void add_designs(const campaign_state_t *s, cJSON *json)
{
    const runs_wanted_t *w = &s->campaign->wanted;
    cJSON *list = cJSON_AddArrayToObject(json, "per_design");
    for (int i = 0; i < w->n_designs; ++i) {
        campaign_sum_t sum = sum_of(s, &w->designs[i], NULL);
        cJSON *item = sum_json(&sum);
        cJSON_AddStringToObject(item, "design", w->designs[i].name);
        cJSON_AddItemToArray(list, item);
    }
    list = cJSON_AddArrayToObject(json, "per_unit");
    for (const block_type_t *const *t = block_types; *t; ++t) {
        campaign_sum_t sum = sum_of(s, NULL, (*t)->name);
        if (!sum.items) continue;
        cJSON *item = sum_json(&sum);
        cJSON_AddStringToObject(item, "unit", (*t)->name);
        cJSON_AddItemToArray(list, item);
    }
}

/* ---- the evidence of other tools ---- */

cJSON *campaign_evidence(const campaign_t *campaign, char error[CAMPAIGN_ERROR])
{
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < campaign->n_evidence; ++i) {
        cJSON *item = campaign_read_json(campaign->evidence[i], error);
        const char *missing = NULL;
        if (item) {
            if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(item, "summary"))) missing = "summary";
            if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(item, "title"))) missing = "title";
            cJSON_AddItemToArray(list, item);
        }
        if (item && !missing) continue;
        if (missing)
            snprintf(error, CAMPAIGN_ERROR, "%s: %s: expected text, found none", campaign->evidence[i],
                     missing);
        cJSON_Delete(list);
        return NULL;
    }
    return list;
}

/* ---- the page ---- */

static void print_number(FILE *out, uint64_t value)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, value);
    for (int i = 0; i < n; ++i) fprintf(out, "%c%s", digits[i], (n - i) % 3 == 1 && i + 1 < n ? "," : "");
}

static void print_row(FILE *out, const char *name, const cJSON *sum)
{
    static const char *const keys[] = {"runs", "cycles", "bytes_compared", "value_changes", "mismatches"};
    fprintf(out, "| %s |", name);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; ++i) {
        fputc(' ', out);
        print_number(out, (uint64_t)cJSON_GetObjectItemCaseSensitive(sum, keys[i])->valuedouble);
        fputs(" |", out);
    }
    fputc('\n', out);
}

static void print_table(FILE *out, const cJSON *list, const char *name)
{
    const cJSON *item;
    fprintf(out, "\n| %s | runs | cycles | bytes compared | value changes | mismatches |\n", name);
    fputs("| --- | ---: | ---: | ---: | ---: | ---: |\n", out);
    cJSON_ArrayForEach(item, list)
        print_row(out, cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, name)), item);
}

static void print_page(FILE *out, const cJSON *json)
{
    const cJSON *manifest = cJSON_GetObjectItemCaseSensitive(json, "campaign"), *item;
    fputs("# Lockstep campaign\n\nC model and generated Verilog side by side; every output, named net and "
          "register "
          "compared in every cycle.\n\n",
          out);
    fprintf(out, "* commit: %s\n",
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(manifest, "commit")));
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(manifest, "tools"))
        fprintf(out, "* %s: %s\n", item->string, item->valuestring);
    fprintf(out, "* first seed: %.0f\n", cJSON_GetObjectItemCaseSensitive(manifest, "seed")->valuedouble);
    fprintf(out, "* hash over the outputs of all runs: %s\n",
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "output_hash")));
    fputs("\n| | runs | cycles | bytes compared | value changes | mismatches |\n"
          "| --- | ---: | ---: | ---: | ---: | ---: |\n",
          out);
    print_row(out, "total", cJSON_GetObjectItemCaseSensitive(json, "total"));
    print_table(out, cJSON_GetObjectItemCaseSensitive(json, "per_design"), "design");
    print_table(out, cJSON_GetObjectItemCaseSensitive(json, "per_unit"), "unit");
    fputs("\n| design | hash |\n| --- | --- |\n", out);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(manifest, "designs"))
        fprintf(out, "| %s | %s |\n", item->string, item->valuestring);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "evidence"))
        fprintf(out, "\n## %s\n\n%s\n", cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "title")),
                cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "summary")));
}

/* ---- both ---- */

static int write_both(const campaign_state_t *s, const cJSON *json, char error[CAMPAIGN_ERROR])
{
    char *page = NULL, *text = cJSON_Print(json);
    size_t bytes = 0;
    FILE *out = open_memstream(&page, &bytes);
    if (out) print_page(out, json);
    int status = out && !fclose(out) && text ? 0 : -1;
    if (status) snprintf(error, CAMPAIGN_ERROR, "summary: out of memory");
    if (!status) status = campaign_write(s, "summary.json", text, error);
    if (!status) status = campaign_write(s, "summary.md", page, error);
    cJSON_free(text);
    free(page);
    return status;
}

int campaign_summary(const campaign_state_t *s, char error[CAMPAIGN_ERROR])
{
    char hash[17];
    cJSON *json = cJSON_CreateObject();
    campaign_sum_t all = sum_of(s, NULL, NULL);
    cJSON_AddItemToObject(json, "campaign", cJSON_Duplicate(s->manifest, true));
    snprintf(hash, sizeof hash, "%016" PRIx64, s->hash);
    cJSON_AddStringToObject(json, "output_hash", hash);
    cJSON_AddItemToObject(json, "total", sum_json(&all));
    add_designs(s, json);
    cJSON_AddItemToObject(json, "evidence", cJSON_Duplicate(s->evidence, true));
    int status = write_both(s, json, error);
    cJSON_Delete(json);
    if (status) return status;
    printf("%" PRIu64 " runs, %" PRIu64 " cycles, %" PRIu64 " mismatches; %s/summary.md\n", all.items,
           all.cycles, all.mismatches, s->campaign->folder);
    return 0;
}
