/* SPDX-License-Identifier: Apache-2.0 */
#include "reasons.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/file.h"
#include "../rtl/expression.h"

enum { FILE_MAX = 1 << 22, PATTERN_MAX = 512 };

typedef struct {
    char *text;
    const char *reason;
    bool inherited; /* of a unit that is mounted in this one */
    int missed, hit;
} pattern_t;

struct reasons {
    cJSON *json;
    int n;
    pattern_t *pattern;
};

/* ---- patterns ---- */

/* "{a}", "{a..b}", "{a..}", any of them with " step n": the text's number in it; *after what follows the
 * braces. */
static bool match_number(const char *pattern, const char **after, const char **text)
{
    char *end;
    long low = strtol(pattern + 1, &end, 10), high = low, step = 1, value;
    if (!strncmp(end, "..", 2)) {
        end += 2;
        high = isdigit((unsigned char)*end) ? strtol(end, &end, 10) : LONG_MAX;
    }
    if (!strncmp(end, " step ", 6)) step = strtol(end + 6, &end, 10);
    if (*end != '}' || step < 1 || !isdigit((unsigned char)**text)) return false;
    *after = end + 1;
    value = strtol(*text, &end, 10);
    *text = end;
    return value >= low && value <= high && (value - low) % step == 0;
}

bool reasons_match(const char *pattern, const char *text)
{
    for (; *pattern; ++pattern, ++text) {
        if (*pattern == '*') {
            for (;; ++text) {
                if (reasons_match(pattern + 1, text)) return true;
                if (!*text) return false;
            }
        }
        if (*pattern == '{') {
            const char *after = NULL;
            return match_number(pattern, &after, &text) && reasons_match(after, text);
        }
        if (*pattern != *text) return false;
    }
    return !*text;
}

/* ---- the file ---- */

static bool names(const cJSON *list, const char *name)
{
    const cJSON *item;
    if (!list) return true;
    cJSON_ArrayForEach(item, list)
    {
        if (!strcmp(item->valuestring, name)) return true;
    }
    return false;
}

static bool texts(const cJSON *list)
{
    const cJSON *item;
    if (!cJSON_IsArray(list) || !list->child) return false;
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item)) return false;
    }
    return true;
}

/* NULL, or what is wrong with the entry's fields. */
static const char *lacks(const cJSON *entry)
{
    static const char *const fields[] = {"units", "designs", "when", "points", "reason"};
    const cJSON *field, *designs = cJSON_GetObjectItem(entry, "designs"),
                        *when = cJSON_GetObjectItem(entry, "when");
    const cJSON *reason = cJSON_GetObjectItem(entry, "reason");
    cJSON_ArrayForEach(field, entry)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof fields / sizeof *fields; ++i)
            known |= !strcmp(field->string, fields[i]);
        if (!known) return "a field beside units, designs, when, points, reason";
    }
    if (!texts(cJSON_GetObjectItem(entry, "units"))) return "no list of units";
    if (designs && !texts(designs)) return "designs that are no list of names";
    if (when && !cJSON_IsString(when)) return "a when that is no expression";
    if (!texts(cJSON_GetObjectItem(entry, "points"))) return "no list of points";
    if (!cJSON_IsString(reason) || !*reason->valuestring) return "no reason";
    return NULL;
}

static bool lookup(void *context, const char *name, int64_t *value)
{
    return design_value(context, name, value);
}

/* An expression's value; nothing stays nothing. */
static const char *print_value(FILE *out, const design_t *d, const char *text, size_t n)
{
    int64_t value;
    const char *wrong = n ? expression_value(text, (int)n, lookup, (void *)(uintptr_t)d, &value) : NULL;
    if (n && !wrong) fprintf(out, "%" PRId64, value);
    return wrong;
}

/* What is between braces, with numbers for expressions. */
static const char *print_range(FILE *out, const design_t *d, const char *text, size_t n)
{
    static const char *const between[] = {"..", " step "};
    const char *wrong = NULL;
    for (int i = 0; i < 2 && !wrong; ++i) {
        const char *found = memmem(text, n, between[i], strlen(between[i]));
        if (!found) continue;
        size_t first = (size_t)(found - text), skip = first + strlen(between[i]);
        wrong = print_value(out, d, text, first);
        fputs(between[i], out);
        text += skip;
        n -= skip;
    }
    return wrong ? wrong : print_value(out, d, text, n);
}

/* The pattern with numbers for expressions, allocated; NULL and what is wrong with it. */
static char *with_numbers(const design_t *d, const char *pattern, const char **wrong)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    for (*wrong = out ? NULL : "out of memory"; *pattern && !*wrong; ++pattern) {
        fputc(*pattern, out);
        if (*pattern != '{') continue;
        size_t n = strcspn(pattern, "}");
        *wrong = print_range(out, d, pattern + 1, n - 1);
        pattern += n - 1;
    }
    if (out) fclose(out);
    if (!*wrong) return text;
    free(text);
    return NULL;
}

/* `group`: the mounted unit's name, or NULL. */
static const char *add_pattern(reasons_t *r, const design_t *d, const char *group, const char *text,
                               const char *reason)
{
    char whole[PATTERN_MAX];
    const char *wrong;
    pattern_t *more = realloc(r->pattern, (size_t)(r->n + 1) * sizeof *more);
    if (!more) return "out of memory";
    r->pattern = more;
    snprintf(whole, sizeof whole, "%s%s%s", group ? group : "", group ? "." : "", text);
    more[r->n] = (pattern_t){.text = with_numbers(d, whole, &wrong), .reason = reason, .inherited = group};
    if (!more[r->n].text) return wrong;
    ++r->n;
    return NULL;
}

static const char *add_patterns(reasons_t *r, const design_t *d, const char *group, const cJSON *entry)
{
    const cJSON *point;
    const char *wrong = NULL, *reason = cJSON_GetObjectItem(entry, "reason")->valuestring;
    cJSON_ArrayForEach(point, cJSON_GetObjectItem(entry, "points"))
    {
        if (!wrong) wrong = add_pattern(r, d, group, point->valuestring, reason);
    }
    return wrong;
}

/* Whether the entry is about the design; false with *wrong set when it does not say. */
static bool is_about(const cJSON *entry, const design_t *d, const char **wrong)
{
    const cJSON *when = cJSON_GetObjectItem(entry, "when");
    int64_t holds = 1;
    *wrong = NULL;
    if (!names(cJSON_GetObjectItem(entry, "designs"), d->name)) return false;
    if (when)
        *wrong = expression_value(when->valuestring, (int)strlen(when->valuestring), lookup,
                                  (void *)(uintptr_t)d, &holds);
    return !*wrong && holds;
}

/* NULL, or what is wrong with the entry. */
static const char *read_entry(reasons_t *r, const block_type_t *type, const design_t *d, const cJSON *entry)
{
    const char *wrong = lacks(entry);
    const cJSON *units = cJSON_GetObjectItem(entry, "units");
    if (wrong || !is_about(entry, d, &wrong)) return wrong;
    if (names(units, type->name)) wrong = add_patterns(r, d, NULL, entry);
    for (const block_child_t *c = type->children; c && c->group && !wrong; ++c) {
        if (names(units, c->type->name) && block_fits(c->type, d))
            wrong = add_patterns(r, d, c->group, entry);
    }
    return wrong;
}

static bool read_entries(reasons_t *r, const char *path, const block_type_t *type, const design_t *d,
                         char *error)
{
    const cJSON *entry;
    int number = 0;
    if (!cJSON_IsArray(r->json)) {
        snprintf(error, REASONS_ERROR_MAX, "%s: expected a list of entries, found none", path);
        return false;
    }
    cJSON_ArrayForEach(entry, r->json)
    {
        const char *wrong = read_entry(r, type, d, entry);
        ++number;
        if (!wrong) continue;
        snprintf(error, REASONS_ERROR_MAX, "%s: entry %d: expected units, points and a reason, found: %s",
                 path, number, wrong);
        return false;
    }
    return true;
}

reasons_t *reasons_open(const char *path, const block_type_t *type, const design_t *d,
                        char error[REASONS_ERROR_MAX])
{
    reasons_t *r = calloc(1, sizeof *r);
    snprintf(error, REASONS_ERROR_MAX, "%s: out of memory", path);
    size_t bytes = 0;
    char *text = r ? file_read(path, FILE_MAX, &bytes) : NULL;
    if (r && !text)
        snprintf(error, REASONS_ERROR_MAX, "%s: expected a readable file, found: %s", path, strerror(errno));
    if (text) r->json = cJSON_Parse(text);
    free(text);
    if (r && text && read_entries(r, path, type, d, error)) return r;
    reasons_close(r);
    return NULL;
}

void reasons_close(reasons_t *r)
{
    if (!r) return;
    cJSON_Delete(r->json);
    for (int i = 0; i < r->n; ++i) free(r->pattern[i].text);
    free(r->pattern);
    free(r);
}

/* ---- points ---- */

const char *reasons_of_missed(reasons_t *r, const char *point)
{
    for (int i = 0; i < r->n; ++i) {
        if (!reasons_match(r->pattern[i].text, point)) continue;
        ++r->pattern[i].missed;
        return r->pattern[i].reason;
    }
    return NULL;
}

void reasons_hit(reasons_t *r, const char *point)
{
    for (int i = 0; i < r->n; ++i) r->pattern[i].hit += reasons_match(r->pattern[i].text, point);
}

bool reasons_about(const reasons_t *r, const char *signal)
{
    char head[256];
    for (int i = 0; i < r->n; ++i) {
        snprintf(head, sizeof head, "%.*s", (int)strcspn(r->pattern[i].text, "["), r->pattern[i].text);
        if (strchr(head, ' ') || reasons_match(head, signal)) return true;
    }
    return false;
}

static bool is_stale(const pattern_t *p)
{
    bool open_ended = strstr(p->text, "..}") || strstr(p->text, ".. step");
    return !open_ended && ((!p->missed && !p->inherited) || p->hit);
}

const char *reasons_stale(const reasons_t *r, int *at)
{
    while (*at < r->n) {
        const pattern_t *p = &r->pattern[(*at)++];
        if (is_stale(p)) return p->text;
    }
    return NULL;
}
