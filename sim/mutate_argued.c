/* SPDX-License-Identifier: Apache-2.0 */
#include "mutate_argued.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/file.h"
#include "reasons.h"

enum { FILE_MAX = 1 << 22, FIELDS = 5 };
static const char *const fields[FIELDS] = {"unit", "side", "where", "change", "argument"};

static dut_status_t fail(char *error, const char *path, int entry, const char *found)
{
    snprintf(error, DUT_ERROR_MAX, "%s: entry %d: expected unit, side, where, change, argument, found %s",
             path, entry, found);
    return DUT_BAD_INPUT;
}

/* The entry's texts in the order of `fields`; NULL or what is wrong. */
static const char *read_entry(const cJSON *entry, const char *text[FIELDS])
{
    if (!cJSON_IsObject(entry)) return "no object";
    if (cJSON_GetArraySize(entry) != FIELDS) return "another number of fields";
    for (int i = 0; i < FIELDS; ++i) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(entry, fields[i]);
        if (!cJSON_IsString(item) || !*item->valuestring) return "a field that is no text, or none";
        text[i] = item->valuestring;
    }
    return NULL;
}

static bool is_about(const char *const text[FIELDS], const mutant_t *m)
{
    size_t n = strcspn(m->where, ":");
    return strlen(text[2]) == n && !strncmp(text[2], m->where, n) && reasons_match(text[3], m->change);
}

static void argue(const char *const text[FIELDS], const mutate_config_t *c, mutate_result_t *r)
{
    if (strcmp(text[0], c->unit) || strcmp(text[1], mutate_sides[c->side])) return;
    for (int i = 0; i < r->n; ++i) {
        mutant_t *m = &r->mutant[i];
        if (m->end == MUTANT_KILLED || m->end == MUTANT_EQUIVALENT || !is_about(text, m)) continue;
        snprintf(m->argument, sizeof m->argument, "%s", text[4]);
    }
}

dut_status_t mutate_argue(const char *path, const mutate_config_t *c, mutate_result_t *r,
                          char error[DUT_ERROR_MAX])
{
    size_t bytes;
    char *content = file_read(path, FILE_MAX, &bytes);
    cJSON *json = content ? cJSON_Parse(content) : NULL;
    const cJSON *entry;
    const char *text[FIELDS], *wrong = NULL;
    dut_status_t status = DUT_OK;
    int number = 0;
    if (!cJSON_IsArray(json)) status = fail(error, path, 0, content ? "no list" : strerror(errno));
    cJSON_ArrayForEach(entry, json)
    {
        ++number;
        wrong = read_entry(entry, text);
        if (wrong) break;
        argue(text, c, r);
    }
    if (wrong) status = fail(error, path, number, wrong);
    cJSON_Delete(json);
    free(content);
    return status;
}
