/* SPDX-License-Identifier: Apache-2.0 */
#include "expression.h"

#include <ctype.h>
#include <string.h>

typedef struct {
    const char *at, *end;
    expression_lookup_t lookup;
    void *context;
    const char *error;
} parser_t;

static int64_t conditional(parser_t *p);

static void skip_blanks(parser_t *p)
{
    while (p->at < p->end && isspace((unsigned char)*p->at)) ++p->at;
}

static bool accept(parser_t *p, const char *token)
{
    skip_blanks(p);
    size_t n = strlen(token);
    if ((size_t)(p->end - p->at) < n || strncmp(p->at, token, n) != 0) return false;
    p->at += n;
    return true;
}

static int64_t fail(parser_t *p, const char *why)
{
    if (!p->error) p->error = why;
    p->at = p->end;
    return 0;
}

/* Bits that hold the values 0 .. n-1, at least 1: as fixed_bits in the model. */
static int64_t clog2(int64_t n)
{
    int64_t bits = 1;
    while (bits < 62 && (INT64_C(1) << bits) < n) ++bits;
    return bits;
}

static int64_t call(parser_t *p, const char *name)
{
    int64_t a = conditional(p), b = 0;
    if (accept(p, ",")) b = conditional(p);
    if (!accept(p, ")")) return fail(p, "missing )");
    if (!strcmp(name, "clog2")) return clog2(a);
    if (!strcmp(name, "max")) return a > b ? a : b;
    if (!strcmp(name, "min")) return a < b ? a : b;
    return fail(p, "unknown function");
}

static int64_t name_or_call(parser_t *p)
{
    char name[64];
    int n = 0;
    while (p->at < p->end && (isalnum((unsigned char)*p->at) || *p->at == '_')) {
        if (n == sizeof name - 1) return fail(p, "name too long");
        name[n++] = *p->at++;
    }
    name[n] = '\0';
    if (accept(p, "(")) return call(p, name);
    int64_t value = 0;
    return p->lookup(p->context, name, &value) ? value : fail(p, "unknown name");
}

static int64_t primary(parser_t *p)
{
    skip_blanks(p);
    if (accept(p, "(")) {
        int64_t value = conditional(p);
        return accept(p, ")") ? value : fail(p, "missing )");
    }
    if (accept(p, "-")) return -primary(p);
    if (accept(p, "!")) return !primary(p);
    if (p->at < p->end && isdigit((unsigned char)*p->at)) {
        int64_t value = 0;
        while (p->at < p->end && isdigit((unsigned char)*p->at)) value = value * 10 + (*p->at++ - '0');
        return value;
    }
    if (p->at < p->end && (isalpha((unsigned char)*p->at) || *p->at == '_')) return name_or_call(p);
    return fail(p, "a value is missing");
}

static int64_t divide(parser_t *p, int64_t a, int64_t b, bool remainder)
{
    if (b == 0) return fail(p, "division by zero");
    return remainder ? a % b : a / b;
}

static int64_t shift(parser_t *p, int64_t a, int64_t by, bool left)
{
    if (by < 0 || by > 62) return fail(p, "shift out of range");
    return left ? a * (INT64_C(1) << by) : a >> by;
}

/* Binary operators, loosest first; longer spellings before their prefixes. */
enum { LEVELS = 6 };
static const char *const operators[LEVELS][7] = {
    {"||"}, {"&&"}, {"==", "!=", "<=", ">=", "<", ">"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"},
};

static int64_t apply(parser_t *p, const char *op, int64_t a, int64_t b)
{
    switch (op[0]) {
    case '|': return a || b;
    case '&': return a && b;
    case '=': return a == b;
    case '!': return a != b;
    case '<': return op[1] == '<' ? shift(p, a, b, true) : op[1] == '=' ? a <= b : a < b;
    case '>': return op[1] == '>' ? shift(p, a, b, false) : op[1] == '=' ? a >= b : a > b;
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    default: return divide(p, a, b, op[0] == '%');
    }
}

static int64_t binary(parser_t *p, int level)
{
    if (level == LEVELS) return primary(p);
    int64_t value = binary(p, level + 1);
    for (;;) {
        const char *const *op = operators[level];
        while (*op && !accept(p, *op)) ++op;
        if (!*op) return value;
        int64_t right = binary(p, level + 1);
        value = apply(p, *op, value, right);
    }
}

static int64_t conditional(parser_t *p)
{
    int64_t condition = binary(p, 0);
    if (!accept(p, "?")) return condition;
    int64_t yes = conditional(p);
    if (!accept(p, ":")) return fail(p, "missing :");
    int64_t no = conditional(p);
    return condition ? yes : no;
}

const char *expression_value(const char *text, int n, expression_lookup_t lookup, void *context,
                             int64_t *value)
{
    parser_t p = {text, text + n, lookup, context, NULL};
    *value = conditional(&p);
    skip_blanks(&p);
    if (!p.error && p.at != p.end) p.error = "text behind the expression";
    return p.error;
}
