/* SPDX-License-Identifier: Apache-2.0 */
#include "mutate_report.h"

#include <cjson/cJSON.h>
#include <inttypes.h>

static const char *const ends[] = {
    [MUTANT_SURVIVED] = "survived",
    [MUTANT_UNDECIDED] = "undecided",
    [MUTANT_EQUIVALENT] = "equivalent",
    [MUTANT_KILLED] = "killed",
};

static void print_row(FILE *out, const mutate_config_t *c, const mutate_result_t *r)
{
    mutate_sum_t s = mutate_sum(r);
    fprintf(out, "%-24s %-16s %-6s %7d %7d %7d %10d %9d %7d %8.2f %8" PRIu64 " %8" PRIu64 "\n",
            c->design->name, c->unit, mutate_sides[c->side], r->n, s.killed, s.equivalent, s.undecided,
            s.survived, s.argued, 100 * s.score, s.median, s.last);
}

static void print_survivors(FILE *out, const mutate_config_t *c, const mutate_result_t *r)
{
    for (int i = 0; i < r->n; ++i) {
        const mutant_t *m = &r->mutant[i];
        if (m->end == MUTANT_KILLED || m->end == MUTANT_EQUIVALENT) continue;
        fprintf(out, "%s %s %s %d %s: %s: %s%s%s\n", m->end == MUTANT_SURVIVED ? "SURVIVED" : "UNDECIDED",
                c->unit, mutate_sides[c->side], i + 1, m->where, m->change, m->how,
                *m->argument ? "; argued: " : "", m->argument);
    }
}

void mutate_print(FILE *out, const mutate_config_t *c, mutate_result_t *const *r, int n)
{
    for (int i = 0; i < n; ++i) print_survivors(out, &c[i], r[i]);
    fprintf(out, "%-24s %-16s %-6s %7s %7s %7s %10s %9s %7s %8s %8s %8s\n", "design", "unit", "side",
            "mutants", "killed", "proved", "undecided", "survived", "argued", "score %", "median", "last");
    for (int i = 0; i < n; ++i) print_row(out, &c[i], r[i]);
    for (int i = 0; i < n; ++i) {
        if (r[i]->invalid)
            fprintf(out, "%s: %d changes do not compile and do not count\n", mutate_sides[c[i].side],
                    r[i]->invalid);
    }
}

static cJSON *mutant_json(const mutant_t *m, int number)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddNumberToObject(item, "number", number);
    cJSON_AddStringToObject(item, "where", m->where);
    cJSON_AddStringToObject(item, "change", m->change);
    cJSON_AddStringToObject(item, "end", ends[m->end]);
    if (m->end == MUTANT_KILLED) {
        cJSON_AddStringToObject(item, "signal", m->how);
        cJSON_AddStringToObject(item, "stimulus", stimulus_names[m->kind]);
        cJSON_AddNumberToObject(item, "seed", (double)m->seed);
        cJSON_AddNumberToObject(item, "cycle", (double)m->cycle);
    } else {
        cJSON_AddStringToObject(item, m->end == MUTANT_EQUIVALENT ? "proof" : "why", m->how);
    }
    if (*m->argument) cJSON_AddStringToObject(item, "argument", m->argument);
    return item;
}

static cJSON *side_json(const mutate_config_t *c, const mutate_result_t *r)
{
    mutate_sum_t s = mutate_sum(r);
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "design", c->design->name);
    cJSON_AddStringToObject(item, "unit", c->unit);
    cJSON_AddStringToObject(item, "side", mutate_sides[c->side]);
    cJSON_AddNumberToObject(item, "seed", (double)c->seed);
    cJSON_AddNumberToObject(item, "stimulus_seed", (double)c->stimulus_seed);
    cJSON_AddNumberToObject(item, "cycles", (double)c->cycles);
    cJSON_AddNumberToObject(item, "longer", (double)c->longer);
    cJSON_AddNumberToObject(item, "mutants", r->n);
    cJSON_AddNumberToObject(item, "not_compiled", r->invalid);
    cJSON_AddNumberToObject(item, "killed", s.killed);
    cJSON_AddNumberToObject(item, "proved_equivalent", s.equivalent);
    cJSON_AddNumberToObject(item, "undecided", s.undecided);
    cJSON_AddNumberToObject(item, "survived", s.survived);
    cJSON_AddNumberToObject(item, "argued", s.argued);
    cJSON_AddNumberToObject(item, "score", s.score);
    cJSON_AddNumberToObject(item, "median_cycle", (double)s.median);
    cJSON_AddNumberToObject(item, "last_cycle", (double)s.last);
    cJSON *list = cJSON_AddArrayToObject(item, "list");
    for (int i = 0; i < r->n; ++i) cJSON_AddItemToArray(list, mutant_json(&r->mutant[i], i + 1));
    return item;
}

void mutate_print_json(FILE *out, const mutate_config_t *c, mutate_result_t *const *r, int n)
{
    cJSON *root = cJSON_CreateArray();
    for (int i = 0; i < n; ++i) cJSON_AddItemToArray(root, side_json(&c[i], r[i]));
    char *text = cJSON_Print(root);
    fprintf(out, "%s\n", text ? text : "");
    cJSON_free(text);
    cJSON_Delete(root);
}
