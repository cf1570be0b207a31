/* SPDX-License-Identifier: Apache-2.0 */
#include "expand.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "expression.h"

enum { NESTING_MAX = 8 };

typedef struct {
    expand_t *e;
    const char *file;
    int line;
    FILE *out;
    int depth;
    bool taken[NESTING_MAX]; /* the branch of each open //@if that is written */
} state_t;

static int fail(state_t *s, const char *why, const char *text, int n)
{
    snprintf(s->e->error, EXPAND_ERROR_MAX, "%s:%d: %s in '%.*s'", s->file, s->line, why, n > 80 ? 80 : n,
             text);
    return -1;
}

void expand_define(expand_t *e, const char *name, int64_t value)
{
    int i = 0;
    while (i < e->names && strcmp(e->name[i].name, name) != 0) ++i;
    if (i == EXPAND_NAMES_MAX) return; /* the lookup that misses it reports it */
    if (i == e->names) ++e->names;
    snprintf(e->name[i].name, sizeof e->name[i].name, "%s", name);
    e->name[i].value = value;
}

static bool lookup(void *context, const char *name, int64_t *value)
{
    const expand_t *e = context;
    for (int i = 0; i < e->names; ++i) {
        if (!strcmp(e->name[i].name, name)) return *value = e->name[i].value, true;
    }
    return design_value(e->design, name, value);
}

static int evaluate(state_t *s, const char *text, int n, int64_t *value)
{
    const char *why = expression_value(text, n, lookup, s->e, value);
    return why ? fail(s, why, text, n) : 0;
}

static bool is_word(const char *text, int n, const char *word)
{
    return (size_t)n == strlen(word) && !strncmp(text, word, (size_t)n);
}

/* @{...} */
static int put_value(state_t *s, const char *text, int n)
{
    int64_t value;
    if (is_word(text, n, "prefix")) return fputs(s->e->design->name, s->out) < 0 ? -1 : 0;
    if (is_word(text, n, "module")) return fputs(s->e->module, s->out) < 0 ? -1 : 0;
    if (evaluate(s, text, n, &value)) return -1;
    fprintf(s->out, "%" PRId64, value);
    return 0;
}

/* @sext{sig, from, to} and @zext: a replication of zero bits is no Verilog, so equal widths give sig itself.
 */
static int put_extension(state_t *s, const char *text, int n, bool is_signed)
{
    const char *end = text + n, *comma = memchr(text, ',', (size_t)n);
    const char *second = comma ? memchr(comma + 1, ',', (size_t)(end - comma - 1)) : NULL;
    int64_t from, to;
    if (!second) return fail(s, "three arguments wanted", text, n);
    if (evaluate(s, comma + 1, (int)(second - comma - 1), &from)) return -1;
    if (evaluate(s, second + 1, (int)(end - second - 1), &to)) return -1;
    int name = (int)(comma - text);
    if (to < from) return fail(s, "extension to fewer bits", text, n);
    if (to == from)
        fprintf(s->out, "%.*s", name, text);
    else if (is_signed) {
        fprintf(s->out, "{{%" PRId64 "{%.*s[%" PRId64 "]}}, %.*s}", to - from, name, text, from - 1, name,
                text);
    } else
        fprintf(s->out, "{%" PRId64 "'d0, %.*s}", to - from, name, text);
    return 0;
}

static int put_line(state_t *s, const char *line, int n)
{
    static const struct {
        const char *open;
        int kind;
    } marks[] = {{"@{", 0}, {"@sext{", 1}, {"@zext{", 2}};
    for (const char *p = line, *end = line + n; p < end;) {
        int kind = -1;
        const char *body = p;
        for (size_t i = 0; i < sizeof marks / sizeof *marks && kind < 0; ++i) {
            size_t open = strlen(marks[i].open);
            if ((size_t)(end - p) > open && !strncmp(p, marks[i].open, open))
                kind = marks[i].kind, body = p + open;
        }
        if (kind < 0) {
            putc(*p++, s->out);
            continue;
        }
        const char *close = memchr(body, '}', (size_t)(end - body));
        if (!close) return fail(s, "missing }", p, (int)(end - p));
        int length = (int)(close - body);
        if (kind ? put_extension(s, body, length, kind == 1) : put_value(s, body, length)) return -1;
        p = close + 1;
    }
    putc('\n', s->out);
    return 0;
}

/* Written from the formula here and again in the model, and compared with libm by the tests. */
static int put_lut(state_t *s)
{
    int64_t lut_bits, fraction;
    if (evaluate(s, "lut_bits", 8, &lut_bits) || evaluate(s, "vp", 2, &fraction)) return -1;
    for (int k = (1 << lut_bits) - 1; k >= 0; --k) {
        double at = ldexp(k, (int)-lut_bits), real = pow(2.0, at) - at;
        int64_t entry = llround(ldexp(real, (int)fraction));
        fprintf(s->out, "      %" PRId64 "'d%" PRId64 "%s  // %d: %.9f\n", fraction + 1, entry, k ? "," : "",
                k, real);
    }
    return 0;
}

static int let(state_t *s, const char *text, int n)
{
    char name[32];
    const char *equals = memchr(text, '=', (size_t)n);
    int64_t value;
    if (!equals || sscanf(text, " %31[a-z0-9_]", name) != 1) return fail(s, "name = expr wanted", text, n);
    if (evaluate(s, equals + 1, (int)(text + n - equals - 1), &value)) return -1;
    expand_define(s->e, name, value);
    return 0;
}

static bool writing(const state_t *s)
{
    for (int i = 0; i < s->depth; ++i) {
        if (!s->taken[i]) return false;
    }
    return true;
}

static bool starts(const char *line, int n, const char *word)
{
    return (size_t)n >= strlen(word) && !strncmp(line, word, strlen(word));
}

/* An //@ line: directives nest, and inside a branch that is not written only the nesting is followed. */
static int directive(state_t *s, const char *line, int n)
{
    if (starts(line, n, "if ")) {
        int64_t value = 0;
        if (s->depth == NESTING_MAX) return fail(s, "too deep", line, n);
        if (writing(s) && evaluate(s, line + 3, n - 3, &value)) return -1;
        s->taken[s->depth++] = value != 0;
        return 0;
    }
    if (starts(line, n, "else") || starts(line, n, "endif")) {
        if (!s->depth) return fail(s, "no //@if is open", line, n);
        if (line[1] == 'l')
            s->taken[s->depth - 1] = !s->taken[s->depth - 1];
        else
            --s->depth;
        return 0;
    }
    if (!writing(s)) return 0;
    if (starts(line, n, "let ")) return let(s, line + 4, n - 4);
    if (starts(line, n, "lut")) return put_lut(s);
    return fail(s, "unknown directive", line, n);
}

int expand(expand_t *e, const char *file, const char *source, FILE *out)
{
    state_t s = {.e = e, .file = file, .out = out};
    for (const char *p = source; *p;) {
        int n = (int)strcspn(p, "\n"), blanks = 0;
        ++s.line;
        while (blanks < n && isspace((unsigned char)p[blanks])) ++blanks;
        if (starts(p + blanks, n - blanks, "//@")) {
            if (directive(&s, p + blanks + 3, n - blanks - 3)) return -1;
        } else if (writing(&s) && put_line(&s, p, n))
            return -1;
        p += n + (p[n] == '\n');
    }
    return s.depth ? fail(&s, "//@if without //@endif", "end of file", 11) : 0;
}
