/* SPDX-License-Identifier: Apache-2.0 */
#include "signal_table.h"

#include <stdio.h>
#include <string.h>

const char *signal_kind_name(signal_kind_t kind)
{
    static const char *const names[] = {"in", "out", "net", "reg"};
    return names[kind];
}

bool signal_codes_fit(const signal_t *s)
{
    if (!s->codes) return !s->weights;
    bool weighed = !s->weights || (s->codes > 1 && strlen(s->weights) == (size_t)s->codes);
    return s->codes > 0 && s->codes <= INT64_C(1) << s->bits && weighed;
}

const char *signal_element_name(const signal_t *s, size_t index, char *out)
{
    int at = snprintf(out, SIGNAL_NAME_MAX, "%s%s%s", s->group ? s->group : "", s->group ? "." : "", s->name);
    size_t below = signal_count(s);
    for (int i = 0; i < s->dims; ++i) {
        below /= (size_t)s->n[i];
        at += snprintf(out + at, SIGNAL_NAME_MAX - (size_t)at, "_%zu", index / below);
        index %= below;
    }
    return out;
}

const char *signal_word(const char *words, int64_t index, char *out)
{
    for (; index > 0 && *words; --index) {
        words += strcspn(words, " ");
        words += strspn(words, " ");
    }
    snprintf(out, SIGNAL_WORD_MAX, "%.*s", (int)strcspn(words, " "), words);
    return *out ? out : "?";
}

const char *signal_code_name(const signal_t *s, int64_t code, char *out)
{
    const char *meaning = s->meaning ? s->meaning : "";
    int words = 0;
    if (strpbrk(meaning, ",:;")) return ""; /* a sentence */
    for (const char *p = meaning; *p; p += strspn(p, " ")) {
        p += strcspn(p, " ");
        ++words;
    }
    return s->codes && words == s->codes ? signal_word(meaning, code, out) : "";
}

const char *signal_port(const signal_t *s, char *out)
{
    snprintf(out, SIGNAL_NAME_MAX, "%s_%s", s->name, s->kind == SIGNAL_IN ? "i" : "o");
    return out;
}

void signal_object_path(const signal_t *s, size_t object, char *out, size_t n)
{
    size_t below = signal_objects(s), at = 0;
    int dim = 0;
    if (s->group) at = (size_t)snprintf(out, n, "u_%s.", s->group);
    for (const char *p = s->path; *p && at + 1 < n; ++p) {
        if (*p != '#') {
            out[at++] = *p;
            continue;
        }
        below /= (size_t)s->n[dim++];
        at += (size_t)snprintf(out + at, n - at, "%zu", object / below);
        object %= below;
    }
    out[at < n ? at : n - 1] = '\0';
}

void signals_place(signal_t *table, int n, const signal_place_t *places, size_t count)
{
    for (int i = 0; i < n; ++i) {
        for (size_t k = 0; k < count; ++k) {
            if (strcmp(table[i].name, places[k].name)) continue;
            table[i].field = places[k].field;
            table[i].bytes = (int)places[k].bytes;
        }
    }
}
