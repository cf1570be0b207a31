/* SPDX-License-Identifier: Apache-2.0 */
#include "mutate_table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sources.h"

enum { WHOLE_MAX = 4 * SIGNAL_MAX };

/* The type that runs: the unit's, with its table changed. */
static struct {
    block_type_t type;
    const block_type_t *of;
    int chosen; /* a width mutant's entry + 1, 0 none */
    int number[MUTANTS_MAX];
} own;

static int narrowed_signals(const design_t *d, signal_t *table)
{
    int n = own.of->signals(d, table);
    if (own.chosen) --table[own.chosen - 1].bits;
    return n;
}

/* ---- reading the Verilog ---- */

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static const char *last_part(const signal_t *s)
{
    const char *dot = strrchr(s->path, '.');
    return dot ? dot + 1 : s->path;
}

static bool has_object(const signal_t *table, int n, const char *name)
{
    for (int i = 0; i < n; ++i) {
        if (!strcmp(table[i].path ? last_part(&table[i]) : table[i].name, name)) return true;
    }
    return false;
}

/* The next name ending in _q outside comments, into out; NULL at the end. */
static const char *next_register(const char *at, char *out, size_t n)
{
    while (*at) {
        if (at[0] == '/' && at[1] == '/') {
            at += strcspn(at, "\n");
        } else if (is_name(*at)) {
            size_t length = 1;
            while (is_name(at[length])) ++length;
            snprintf(out, n, "%.*s", (int)length, at);
            at += length;
            if (length > 2 && !strcmp(out + strlen(out) - 2, "_q")) return at;
        } else {
            ++at;
        }
    }
    return NULL;
}

static bool check_registers(const char *text, const signal_t *table, int n, char out[160])
{
    char name[96];
    while ((text = next_register(text, name, sizeof name))) {
        if (has_object(table, n, name)) continue;
        snprintf(out, 160, "register %s is in no entry of the table", name);
        return false;
    }
    return true;
}

static const signal_t *port_signal(const signal_t *table, int n, const char *port)
{
    char name[SIGNAL_NAME_MAX];
    for (int i = 0; i < n; ++i) {
        bool is_port = !table[i].path && (table[i].kind == SIGNAL_IN || table[i].kind == SIGNAL_OUT);
        if (is_port && !strcmp(signal_port(&table[i], name), port)) return &table[i];
    }
    return NULL;
}

/* "input  logic [80:0] acc_i," */
static bool check_port(const char *line, const signal_t *table, int n, char out[160])
{
    char name[96];
    int high = 0;
    line += strspn(line, " ");
    if (strncmp(line, "input", 5) && strncmp(line, "output", 6)) return true;
    line = strstr(line, "logic");
    if (!line) return true;
    line += strlen("logic");
    line += strspn(line, " ");
    if (!strncmp(line, "signed", 6)) line += strspn(line + 6, " ") + 6;
    if (*line == '[') high = (int)strtol(line + 1, NULL, 10), line = strchr(line, ']') + 1;
    line += strspn(line, " ");
    size_t length = 0;
    while (is_name(line[length])) ++length;
    snprintf(name, sizeof name, "%.*s", (int)length, line);
    if (!strcmp(name, "clk_i") || !strcmp(name, "rst_ni")) return true;
    const signal_t *s = port_signal(table, n, name);
    size_t bits = s ? signal_count(s) * (size_t)s->bits : 0;
    if (bits == (size_t)high + 1) return true;
    snprintf(out, 160, "port %s has %d bits, in the table %zu", name, high + 1, bits);
    return false;
}

static bool check_ports(const char *text, const signal_t *table, int n, char out[160])
{
    const char *end = strstr(text, "\n);");
    while (text < end) {
        if (!check_port(text, table, n, out)) return false;
        text += strcspn(text, "\n") + 1;
    }
    return true;
}

/* The first n of the table are the unit's own: its ports are among them. */
static void check_sources(const sources_t *s, const char *top, const signal_t *table, int n, int all,
                          char out[160])
{
    bool holds = true;
    for (int i = 0; i < s->n && holds; ++i) {
        if (!s->file[i].used) continue;
        if (!strcmp(s->file[i].name, top)) holds = check_ports(s->file[i].text, table, n, out);
        if (holds) holds = check_registers(s->file[i].text, table, all, out);
    }
}

/* The table, and behind it those of the mounted units, whose nets may have names like registers'; returns how
   many. */
static int add_mounted(const design_t *d, const char *unit, const signal_t *table, int n, signal_t *whole)
{
    memcpy(whole, table, (size_t)n * sizeof *whole);
    for (const block_child_t *c = block_find(unit)->children; c && c->group; ++c) {
        if (block_fits(c->type, d)) n += c->type->signals(d, whole + n);
    }
    return n;
}

int mutate_table_check(const design_t *d, const char *unit, const signal_t *table, int n, char out[160],
                       char error[DUT_ERROR_MAX])
{
    static signal_t whole[WHOLE_MAX];
    sources_t s;
    char top[SOURCES_NAME_MAX];
    *out = '\0';
    snprintf(top, sizeof top, "%s_%s.v", d->name, unit);
    int status = sources_open(&s, d, unit, NULL, error);
    if (!status) check_sources(&s, top, whole, n, add_mounted(d, unit, table, n, whole), out);
    sources_close(&s);
    return status;
}

/* ---- mutants ---- */

static int add_mutant(const mutate_config_t *c, mutate_result_t *r, const signal_t *s, const char *what,
                      int number)
{
    mutant_t *m = &r->mutant[r->n];
    snprintf(m->change, sizeof m->change, "%s '%s' %s", signal_kind_name(s->kind), s->name, what);
    snprintf(m->where, sizeof m->where, "table of %s", c->unit);
    own.number[r->n] = number;
    return r->n++;
}

/* The table without entry i, checked. */
static int drop(const mutate_config_t *c, mutate_result_t *r, const signal_t *table, int n, int i,
                char *error)
{
    static signal_t less[SIGNAL_MAX];
    memcpy(less, table, (size_t)i * sizeof *less);
    memcpy(less + i, table + i + 1, (size_t)(n - i - 1) * sizeof *less);
    mutant_t *m = &r->mutant[add_mutant(c, r, &table[i], "left out", i)];
    if (mutate_table_check(c->design, c->unit, less, n - 1, m->how, error)) return -1;
    m->end = *m->how ? MUTANT_KILLED : MUTANT_SURVIVED;
    return 0;
}

static int narrow(const mutate_config_t *c, mutate_result_t *r, const signal_t *table, int n, int i,
                  char *error)
{
    static signal_t cut[SIGNAL_MAX];
    memcpy(cut, table, (size_t)n * sizeof *cut);
    --cut[i].bits;
    mutant_t *m = &r->mutant[add_mutant(c, r, &table[i], "one bit narrower", i)];
    if (mutate_table_check(c->design, c->unit, cut, n, m->how, error)) return -1;
    m->end = *m->how ? MUTANT_KILLED : MUTANT_SURVIVED;
    return 0;
}

dut_status_t mutate_table_open(const mutate_config_t *c, mutate_result_t *r, const block_type_t **type,
                               int **chosen, const int **number, char error[DUT_ERROR_MAX])
{
    static signal_t table[SIGNAL_MAX];
    char fault[160];
    own.of = block_find(c->unit);
    own.type = *own.of;
    own.type.signals = narrowed_signals;
    own.chosen = 0;
    int n = own.of->signals(c->design, table);
    if (mutate_table_check(c->design, c->unit, table, n, fault, error)) return DUT_BAD_INPUT;
    if (*fault) {
        snprintf(error, DUT_ERROR_MAX, "%s: expected a table of all ports and registers, found: %s", c->unit,
                 fault);
        return DUT_BAD_INPUT;
    }
    for (int i = 0; i < n && r->n + 2 <= MUTANTS_MAX; ++i) {
        if (table[i].kind != SIGNAL_NET && drop(c, r, table, n, i, error)) return DUT_BAD_INPUT;
        if (table[i].bits > 1 && narrow(c, r, table, n, i, error)) return DUT_BAD_INPUT;
    }
    *type = &own.type;
    *chosen = &own.chosen;
    *number = own.number;
    return DUT_OK;
}
