/* SPDX-License-Identifier: Apache-2.0 */
#include "cover.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WHYS_MAX = 32, NAME_MAX_BYTES = 160, TEXT_MAX = 512 };

struct cover {
    const design_t *design;
    const char *unit;
    toggle_t *toggle;
    points_t *points;
    uint64_t cycles;
    int runs;
};

/* ---- runs ---- */

cover_t *cover_open(const char *unit, const design_t *d, const points_item_t *more, char error[DUT_ERROR_MAX])
{
    const cosim_config_t config = {.design = d, .unit = unit};
    dut_status_t status = DUT_OK;
    const block_type_t *type = cosim_model(&config, &status, error);
    cover_t *c = type ? calloc(1, sizeof *c) : NULL;
    if (!type) return NULL;
    snprintf(error, DUT_ERROR_MAX, "cover of %s: out of memory", unit);
    if (!c) return NULL;
    c->design = d;
    c->unit = unit;
    c->toggle = toggle_open(type, d);
    c->points = c->toggle ? points_open(type, d, more, error) : NULL;
    if (c->points) return c;
    cover_close(c);
    return NULL;
}

void cover_close(cover_t *c)
{
    if (!c) return;
    toggle_close(c->toggle);
    points_close(c->points);
    free(c);
}

static void observe(void *context, lockstep_t *l, uint64_t cycle, bool after_edge)
{
    cover_t *c = context;
    (void)cycle;
    if (after_edge) return;
    points_sample(c->points, lockstep_model(l));
}

dut_status_t cover_run(cover_t *c, const cosim_config_t *config, cosim_result_t *result,
                       char error[DUT_ERROR_MAX])
{
    cosim_config_t followed = *config;
    followed.toggle = c->toggle;
    points_begin(c->points);
    dut_status_t status = cosim_run(&followed, observe, c, result, error);
    if (status) return status;
    c->cycles += result->count.cycles;
    ++c->runs;
    return DUT_OK;
}

/* ---- missed bits ---- */

/* The bits of a signal that are missed for one reason, by element. */
typedef struct {
    const char *reason; /* NULL: none */
    uint64_t *rise, *fall;
} why_t;

typedef struct {
    const cover_t *cover;
    reasons_t *reasons;
    cJSON *missed;
    int whys;
    why_t why[WHYS_MAX];
    bool failed;
} gather_t;

static why_t *why_of(gather_t *g, const char *reason, size_t elements)
{
    for (int i = 0; i < g->whys; ++i) {
        if (g->why[i].reason == reason) return &g->why[i];
    }
    why_t *w = g->whys < WHYS_MAX ? &g->why[g->whys] : NULL;
    if (w) *w = (why_t){reason, calloc(2 * elements, sizeof *w->rise), NULL};
    if (!w || !w->rise) return NULL;
    w->fall = w->rise + elements;
    ++g->whys;
    return w;
}

static const char *signal_name(const signal_t *s, char out[NAME_MAX_BYTES])
{
    snprintf(out, NAME_MAX_BYTES, "%s%s%s", s->group ? s->group : "", s->group ? "." : "", s->name);
    return out;
}

static void sort_bit(gather_t *g, const signal_t *s, size_t element, int bit, bool rise, bool hit)
{
    char signal[NAME_MAX_BYTES], name[NAME_MAX_BYTES + 64];
    const char *reason = NULL;
    if (g->reasons) {
        snprintf(name, sizeof name, "%s[%zu][%d] %s", signal_name(s, signal), element, bit,
                 rise ? "0->1" : "1->0");
        if (hit) reasons_hit(g->reasons, name);
        if (!hit) reason = reasons_of_missed(g->reasons, name);
    }
    if (hit) return;
    why_t *w = why_of(g, reason, signal_count(s));
    if (w)
        (rise ? w->rise : w->fall)[element] |= UINT64_C(1) << bit;
    else
        g->failed = true;
}

/* "7-4,1" of bits 7 to 4 and 1. */
static void bit_text(uint64_t bits, char out[TEXT_MAX])
{
    int at = 0;
    for (int high = 63; high >= 0; --high) {
        if (!(bits >> high & 1)) continue;
        int low = high;
        while (low && bits >> (low - 1) & 1) --low;
        at += snprintf(out + at, TEXT_MAX - (size_t)at, high > low ? "%s%d-%d" : "%s%d", at ? "," : "", high,
                       low);
        high = low;
    }
}

static void add_missed(cJSON *list, const char *text, uint64_t count, const char *reason)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "points", text);
    cJSON_AddNumberToObject(item, "count", (double)count);
    if (reason) cJSON_AddStringToObject(item, "reason", reason);
    cJSON_AddItemToArray(list, item);
}

/* Elements first .. last miss the same bits. */
static void add_bits(gather_t *g, const signal_t *s, size_t first, size_t last, uint64_t bits,
                     const char *way, const char *reason)
{
    char signal[NAME_MAX_BYTES], text[TEXT_MAX], line[2 * TEXT_MAX], range[64];
    uint64_t each = (uint64_t)__builtin_popcountll(bits) * (*way ? 1 : 2);
    snprintf(range, sizeof range, last > first ? "%zu-%zu" : "%zu", first, last);
    bit_text(bits, text);
    snprintf(line, sizeof line, "%s[%s][%s]%s", signal_name(s, signal), range, text, way);
    add_missed(g->missed, line, each * (last - first + 1), reason);
}

static void add_ways(gather_t *g, const signal_t *s, const why_t *w, int way)
{
    static const char *const names[] = {"", " 0->1", " 1->0"};
    size_t count = signal_count(s), first = 0;
    uint64_t bits = 0;
    for (size_t e = 0; e <= count; ++e) {
        uint64_t rise = e < count ? w->rise[e] : 0, fall = e < count ? w->fall[e] : 0;
        uint64_t now = way == 0 ? rise & fall : way == 1 ? rise & ~fall : fall & ~rise;
        if (e && now == bits && e < count) continue;
        if (bits) add_bits(g, s, first, e - 1, bits, names[way], w->reason);
        first = e;
        bits = now;
    }
}

static void gather_signal(gather_t *g, int signal, const signal_t *s)
{
    char name[NAME_MAX_BYTES];
    size_t count = signal_count(s);
    const uint64_t all = fixed_low(UINT64_MAX, s->bits);
    bool about = g->reasons && reasons_about(g->reasons, signal_name(s, name));
    g->whys = 0;
    for (size_t e = 0; e < count; ++e) {
        uint64_t rose = toggle_rose(g->cover->toggle, signal, e),
                 fell = toggle_fell(g->cover->toggle, signal, e);
        if (!about && rose == all && fell == all) continue;
        for (int bit = 0; bit < s->bits; ++bit) {
            sort_bit(g, s, e, bit, true, rose >> bit & 1);
            sort_bit(g, s, e, bit, false, fell >> bit & 1);
        }
    }
    for (int i = 0; i < g->whys; ++i) {
        for (int way = 0; way < 3; ++way) add_ways(g, s, &g->why[i], way);
        free(g->why[i].rise);
    }
}

/* ---- JSON ---- */

static void add_count(cJSON *to, const char *name, uint64_t points, uint64_t hit)
{
    cJSON *count = cJSON_AddObjectToObject(to, name);
    cJSON_AddNumberToObject(count, "points", (double)points);
    cJSON_AddNumberToObject(count, "hit", (double)hit);
}

static void add_toggles(gather_t *g, cJSON *root)
{
    static const char *const kinds[] = {"inputs", "outputs", "nets", "registers"};
    const signal_t *table;
    int n = toggle_signals(g->cover->toggle, &table);
    cJSON *toggle = cJSON_AddObjectToObject(root, "toggle");
    for (int kind = SIGNAL_IN; kind <= SIGNAL_REG; ++kind) {
        toggle_count_t count = toggle_count(g->cover->toggle, (signal_kind_t)kind);
        add_count(toggle, kinds[kind], count.points, count.hit);
    }
    for (int i = 0; i < n; ++i) gather_signal(g, i, &table[i]);
}

typedef struct {
    gather_t *gather;
    uint64_t points, hit;
} functional_t;

static void gather_point(void *context, const char *name, uint64_t hits)
{
    functional_t *f = context;
    reasons_t *r = f->gather->reasons;
    ++f->points;
    f->hit += hits > 0;
    if (hits && r) reasons_hit(r, name);
    if (!hits) add_missed(f->gather->missed, name, 1, r ? reasons_of_missed(r, name) : NULL);
}

cJSON *cover_json(const cover_t *c, reasons_t *reasons)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "unit", c->unit);
    cJSON_AddStringToObject(root, "design", c->design->name);
    cJSON_AddNumberToObject(root, "runs", c->runs);
    cJSON_AddNumberToObject(root, "cycles", (double)c->cycles);
    gather_t g = {.cover = c, .reasons = reasons, .missed = cJSON_CreateArray()};
    functional_t f = {.gather = &g};
    add_toggles(&g, root);
    points_each(c->points, gather_point, &f);
    add_count(root, "functional", f.points, f.hit);
    cJSON_AddItemToObject(root, "missed", g.missed);
    cJSON *stale = cJSON_AddArrayToObject(root, "stale");
    const char *text;
    for (int at = 0; reasons && (text = reasons_stale(reasons, &at));)
        cJSON_AddItemToArray(stale, cJSON_CreateString(text));
    if (!g.failed) return root;
    cJSON_Delete(root);
    return NULL;
}

bool cover_holds(const cJSON *json)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(json, "missed"))
    {
        if (!cJSON_GetObjectItem(item, "reason")) return false;
    }
    return cJSON_GetArraySize(cJSON_GetObjectItem(json, "stale")) == 0;
}

/* ---- text ---- */

static void print_count(FILE *out, const char *name, const cJSON *count)
{
    double points = cJSON_GetObjectItem(count, "points")->valuedouble;
    double hit = cJSON_GetObjectItem(count, "hit")->valuedouble;
    if (points > 0)
        fprintf(out, "  %-10s %9.0f points %9.0f hit %7.3f %%\n", name, points, hit, 100 * hit / points);
}

static void print_missed(FILE *out, const cJSON *list, bool all)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *reason = cJSON_GetObjectItem(item, "reason");
        if (reason && !all) continue;
        fprintf(out, "MISSED %s%s%s\n", cJSON_GetObjectItem(item, "points")->valuestring, reason ? ": " : "",
                reason ? reason->valuestring : "");
    }
}

void cover_print(FILE *out, const cJSON *json, bool all)
{
    const cJSON *kind, *stale;
    fprintf(out, "%s of %s: %.0f runs, %.0f cycles in lockstep\n",
            cJSON_GetObjectItem(json, "unit")->valuestring, cJSON_GetObjectItem(json, "design")->valuestring,
            cJSON_GetObjectItem(json, "runs")->valuedouble, cJSON_GetObjectItem(json, "cycles")->valuedouble);
    cJSON_ArrayForEach(kind, cJSON_GetObjectItem(json, "toggle")) print_count(out, kind->string, kind);
    print_count(out, "functional", cJSON_GetObjectItem(json, "functional"));
    print_missed(out, cJSON_GetObjectItem(json, "missed"), all);
    cJSON_ArrayForEach(stale, cJSON_GetObjectItem(json, "stale"))
        fprintf(out, "STALE  %s: a reason for points that are hit, or are none\n", stale->valuestring);
}
