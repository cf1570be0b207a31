/* SPDX-License-Identifier: Apache-2.0 */
#include "points.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/fixed.h"
#include "../rtl/expression.h"

enum {
    BINS_MAX = 128,
    ITEMS_MAX = 512,
    CODES_SHOWN = 16, /* more codes than this are numbers: their ends are points */
    CODES_PAIRED = 8,
    ILLEGAL_BITS = 4
};

typedef struct {
    int64_t low, high;
} bin_t;

typedef struct {
    signal_t signal;        /* its field counts from the struct of the block that is sampled */
    size_t offset;          /* of the struct that it lies in */
    size_t elements, first; /* those looked at */
    bool single;            /* one of several */
    int from, width;        /* width 0: the whole element */
    int64_t (*value)(const void *self, size_t at);
    const char *what;
    int n;
    bin_t bin[BINS_MAX];
} term_t;

typedef struct {
    int terms;
    term_t *term; /* `pairs` has term 0 twice */
    bool each, pairs;
    const char *names;
    size_t combinations;
    int *before;    /* term 0's bin in the cycle before, by element; -1: none */
    uint64_t *hits; /* element by element (one if not each), combination by combination */
} item_t;

struct points {
    const design_t *design;
    const block_type_t *type;
    struct { /* the block whose items are added: the type itself, or a child mounted in it */
        const block_type_t *type;
        size_t offset;
        const char *group;
        int signals;
        signal_t table[SIGNAL_MAX];
    } of;
    int n;
    item_t item[ITEMS_MAX];
    char *error;
};

/* ---- opening ---- */

static bool lookup(void *context, const char *name, int64_t *value)
{
    return design_value(context, name, value);
}

static bool complain(points_t *p, const char *unit, const char *text, const char *why)
{
    snprintf(p->error, POINTS_ERROR_MAX, "points of %s: '%s': %s", unit, text, why);
    return false;
}

static bool number(points_t *p, const char *text, size_t n, int64_t *value)
{
    const char *wrong = expression_value(text, (int)n, lookup, (void *)(uintptr_t)p->design, value);
    return wrong ? complain(p, p->type->name, text, wrong) : true;
}

static bool add_bin(points_t *p, term_t *t, int64_t low, int64_t high)
{
    if (t->n == BINS_MAX) return complain(p, p->type->name, t->signal.name, "too many values");
    t->bin[t->n++] = (bin_t){low, high};
    return true;
}

static int64_t least(const signal_t *s)
{
    return s->is_signed ? fixed_min(s->bits) : 0;
}
static int64_t most(const signal_t *s)
{
    return s->is_signed ? fixed_max(s->bits) : (int64_t)fixed_low(UINT64_MAX, s->bits);
}

static bool is_word(const char *text, size_t n, const char *word)
{
    return strlen(word) == n && !strncmp(text, word, n);
}

static bool add_range(points_t *p, term_t *t, const char *text, size_t n, const char *between, size_t skip)
{
    int64_t low, high;
    size_t first = (size_t)(between - text);
    if (!number(p, text, first, &low) || !number(p, between + skip, n - first - skip, &high)) return false;
    if (skip == 4) return add_bin(p, t, low, high); /* " to " */
    for (; low <= high; ++low) {
        if (!add_bin(p, t, low, low)) return false;
    }
    return true;
}

static bool add_value(points_t *p, term_t *t, const char *text, size_t n)
{
    const signal_t *s = &t->signal;
    int64_t value;
    if (is_word(text, n, "min")) return add_bin(p, t, least(s), least(s));
    if (is_word(text, n, "max")) return add_bin(p, t, most(s), most(s));
    if (is_word(text, n, "neg")) return add_bin(p, t, INT64_MIN, -1);
    if (is_word(text, n, "pos")) return add_bin(p, t, 1, INT64_MAX);
    if (!text) return false; /* never so: gcc under sanitizers takes it for possible and refuses memmem */
    const char *dots = memmem(text, n, " .. ", 4), *to = memmem(text, n, " to ", 4);
    if (to) return add_range(p, t, text, n, to, 4);
    if (dots) return add_range(p, t, text, n, dots + 1, 2);
    return number(p, text, n, &value) && add_bin(p, t, value, value);
}

static bool add_values(points_t *p, term_t *t, const char *values)
{
    while (*values) {
        values += strspn(values, " ,");
        size_t n = strcspn(values, ",");
        if (n && !add_value(p, t, values, n)) return false;
        values += n;
    }
    return true;
}

/* "name" or "name[7]". */
static const signal_t *find_signal(const points_t *p, const char *name)
{
    for (int i = 0; i < p->of.signals; ++i) {
        if (is_word(name, strcspn(name, "["), p->of.table[i].name)) return &p->of.table[i];
    }
    return NULL;
}

static bool open_term(points_t *p, term_t *t, const points_term_t *from)
{
    int64_t low = 0, width = 0;
    const signal_t *found = find_signal(p, from->signal);
    if (!found) return complain(p, p->of.type->name, from->signal, "no such signal");
    t->signal = *found;
    t->signal.field += p->of.offset;
    t->signal.group = p->of.group;
    t->offset = p->of.offset;
    if (from->from && !number(p, from->from, strlen(from->from), &low)) return false;
    if (from->width && !number(p, from->width, strlen(from->width), &width)) return false;
    const char *index = strchr(from->signal, '[');
    t->elements = index ? 1 : signal_count(&t->signal);
    t->first = index ? strtoul(index + 1, NULL, 10) : 0;
    t->single = index != NULL;
    t->from = (int)low;
    t->width = (int)width;
    t->value = from->value;
    t->what = from->what;
    return add_values(p, t, from->values);
}

static int count_terms(const points_item_t *from)
{
    int n = 0;
    while (n < POINTS_TERMS && from->term[n].signal) ++n;
    return n;
}

static bool allocate(points_t *p, item_t *item)
{
    size_t elements = item->term[0].elements;
    item->combinations = 1;
    for (int i = 0; i < item->terms; ++i) item->combinations *= (size_t)item->term[i].n;
    item->before = malloc(elements * sizeof *item->before);
    item->hits = calloc((item->each ? elements : 1) * item->combinations + 1, sizeof *item->hits);
    return (item->before && item->hits) || complain(p, p->type->name, "", "out of memory");
}

static bool open_item(points_t *p, const points_item_t *from)
{
    if (p->n == ITEMS_MAX) return complain(p, p->of.type->name, from->term[0].signal, "too many items");
    item_t *item = &p->item[p->n++];
    item->terms = count_terms(from) + from->pairs;
    item->each = from->each;
    item->pairs = from->pairs;
    item->names = from->names;
    item->term = calloc((size_t)item->terms, sizeof *item->term);
    if (!item->term) return complain(p, p->of.type->name, from->term[0].signal, "out of memory");
    for (int i = 0; i < item->terms; ++i) {
        if (!open_term(p, &item->term[i], &from->term[from->pairs && i ? i - 1 : i])) return false;
    }
    return allocate(p, item);
}

static bool add_items(points_t *p, const points_item_t *list)
{
    for (const points_item_t *i = list; i->unit; ++i) {
        int64_t holds = 1;
        if (strcmp(i->unit, p->of.type->name) != 0) continue;
        if (i->when && !number(p, i->when, strlen(i->when), &holds)) return false;
        bool asked = holds && !(i->alone && p->of.group);
        if (asked && !open_item(p, i)) return false;
    }
    return true;
}

/* Chooses the block whose items are added next. */
static void look_at(points_t *p, const block_type_t *type, size_t offset, const char *group)
{
    p->of.type = type;
    p->of.offset = offset;
    p->of.group = group;
    p->of.signals = block_signals(type, p->design, p->of.table);
}

static bool add_children(points_t *p, const points_item_t *list)
{
    for (const block_child_t *c = p->type->children; c && c->group; ++c) {
        if (!block_fits(c->type, p->design)) continue;
        look_at(p, c->type, c->offset, c->group);
        if (!add_items(p, list)) return false;
    }
    return true;
}

/* ---- control inputs, from the table alone ---- */

static bool add_codes(points_t *p, const signal_t *s)
{
    const bool few = s->codes <= CODES_SHOWN;
    char all[64], legal[64];
    const int last = s->bits <= ILLEGAL_BITS ? (1 << s->bits) - 1 : s->codes - 1;
    snprintf(all, sizeof all, few ? "0 .. %d" : "0, %d", few ? last : s->codes - 1);
    snprintf(legal, sizeof legal, "0 .. %d", s->codes - 1);
    const char *names = few && s->meaning && s->codes <= CODES_PAIRED ? s->meaning : NULL;
    const points_item_t single = {.term = {{s->name, all}}, .each = few, .names = names};
    const points_item_t pair = {.term = {{s->name, legal}}, .each = true, .pairs = true, .names = names};
    return open_item(p, &single) && (s->codes > CODES_PAIRED || open_item(p, &pair));
}

static bool add_inputs(points_t *p)
{
    for (int i = 0; i < p->of.signals; ++i) {
        const signal_t *s = &p->of.table[i];
        if (s->kind == SIGNAL_IN && s->codes && !add_codes(p, s)) return false;
    }
    return true;
}

points_t *points_open(const block_type_t *type, const design_t *d, const points_item_t *more,
                      char error[POINTS_ERROR_MAX])
{
    points_t *p = calloc(1, sizeof *p);
    snprintf(error, POINTS_ERROR_MAX, "points of %s: out of memory", type->name);
    if (!p) return NULL;
    p->design = d;
    p->type = type;
    p->error = error;
    look_at(p, type, 0, NULL);
    if (add_inputs(p) && add_items(p, points_list) && (!more || add_items(p, more)) &&
        add_children(p, points_list))
        return p;
    points_close(p);
    return NULL;
}

void points_close(points_t *p)
{
    if (!p) return;
    for (int i = 0; i < p->n; ++i) {
        free(p->item[i].term);
        free(p->item[i].before);
        free(p->item[i].hits);
    }
    free(p);
}

/* ---- a run ---- */

void points_begin(points_t *p)
{
    for (int i = 0; i < p->n; ++i) {
        for (size_t e = 0; e < p->item[i].term[0].elements; ++e) p->item[i].before[e] = -1;
    }
}

static int bin_of(const term_t *t, int64_t value)
{
    for (int i = 0; i < t->n; ++i) {
        if (value >= t->bin[i].low && value <= t->bin[i].high) return i;
    }
    return -1;
}

/* The bin of a term beside element `at` of term 0. */
static int look(const item_t *item, const term_t *t, const block_t *b, size_t at)
{
    size_t mine = t->first + (t->elements == item->term[0].elements ? at : 0);
    int64_t value =
        t->value ? t->value((const char *)b->self + t->offset, mine) : block_get(b, &t->signal, mine);
    if (t->width) value = (int64_t)fixed_low((uint64_t)value >> t->from, t->width);
    return bin_of(t, value);
}

static void sample_element(item_t *item, const block_t *b, size_t at)
{
    int now = look(item, &item->term[0], b, at), first = item->pairs ? item->before[at] : now;
    size_t point = (size_t)first;
    bool seen = first >= 0;
    item->before[at] = now;
    for (int i = 1; i < item->terms && seen; ++i) {
        int bin = look(item, &item->term[i], b, at);
        seen = bin >= 0;
        point = point * (size_t)item->term[i].n + (size_t)bin;
    }
    if (seen) ++item->hits[(item->each ? at : 0) * item->combinations + point];
}

void points_sample(points_t *p, const block_t *b)
{
    for (int i = 0; i < p->n; ++i) {
        item_t *item = &p->item[i];
        for (size_t at = 0; at < item->term[0].elements; ++at) sample_element(item, b, at);
    }
}

/* ---- names ---- */

static void print_bin(FILE *out, const item_t *item, const term_t *t, int bin)
{
    const bin_t *b = &t->bin[bin];
    const char *word = t == item->term || (item->pairs && t == item->term + 1) ? item->names : NULL;
    for (int64_t i = 0; word && *word && i < b->low; ++i) {
        word += strcspn(word, " ");
        word += strspn(word, " ");
    }
    if (b->low == INT64_MIN || b->high == INT64_MAX)
        fputs(b->high == INT64_MAX ? "positive" : "negative", out);
    else if (word && *word)
        fprintf(out, "%.*s", (int)strcspn(word, " "), word);
    else if (b->low == b->high)
        fprintf(out, "%" PRId64, b->low);
    else
        fprintf(out, "%" PRId64 "..%" PRId64, b->low, b->high);
}

static void print_term(FILE *out, const term_t *t)
{
    const signal_t *s = &t->signal;
    fprintf(out, "%s%s%s", s->group ? s->group : "", s->group ? "." : "", t->what ? t->what : s->name);
    if (t->single && !t->what) fprintf(out, "[%zu]", t->first);
    if (t->width) fprintf(out, "{%d:%d}", t->from + t->width - 1, t->from);
}

static void name_point(const item_t *item, size_t element, size_t point, char name[POINTS_NAME_MAX])
{
    FILE *out = fmemopen(name, POINTS_NAME_MAX, "w");
    size_t below = item->combinations;
    if (!out) return;
    for (int i = 0; i < item->terms; ++i) {
        const term_t *t = &item->term[i];
        below /= (size_t)t->n;
        if (i != 1 || !item->pairs) {
            if (i) fputs(" x ", out);
            print_term(out, t);
            if (i == 0 && item->each && t->elements > 1) fprintf(out, "[%zu]", element);
            fputc(' ', out);
        } else {
            fputs(" -> ", out);
        }
        print_bin(out, item, t, (int)(point / below));
        point %= below;
    }
    fclose(out);
}

void points_each(const points_t *p, void (*call)(void *context, const char *name, uint64_t hits),
                 void *context)
{
    char name[POINTS_NAME_MAX];
    for (int i = 0; i < p->n; ++i) {
        const item_t *item = &p->item[i];
        size_t points = (item->each ? item->term[0].elements : 1) * item->combinations;
        for (size_t k = 0; k < points; ++k) {
            name_point(item, k / item->combinations, k % item->combinations, name);
            call(context, name, item->hits[k]);
        }
    }
}
