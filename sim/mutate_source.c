/* SPDX-License-Identifier: Apache-2.0 */
#include "mutate_source.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

enum { FUNCTIONS_MAX = 256, CHANGES_MAX = 16384, TOKENS_MAX = 16384, SOURCE_BYTES = 1 << 20 };

typedef enum { TOKEN_WORD, TOKEN_NUMBER, TOKEN_TEXT, TOKEN_PUNCTUATION } token_kind_t;

typedef struct {
    token_kind_t kind;
    size_t at, length;
    int partner; /* of a bracket, -1 none */
} token_t;

typedef struct {
    source_t *s;
    int function, n;
    token_t token[TOKENS_MAX];
} scan_t;

/* ---- tokens of a function's body ---- */

static size_t skip_space(const char *text, size_t at)
{
    for (;;) {
        if (isspace((unsigned char)text[at]))
            ++at;
        else if (!strncmp(text + at, "/*", 2))
            at = (size_t)(strstr(text + at + 2, "*/") - text) + 2;
        else if (!strncmp(text + at, "//", 2))
            at += strcspn(text + at, "\n");
        else
            return at;
    }
}

static size_t quoted_length(const char *at)
{
    size_t n = 1;
    while (at[n] != *at) n += at[n] == '\\' ? 2 : 1;
    return n + 1;
}

static size_t punctuation_length(const char *at)
{
    static const char *const longer[] = {"<<=", ">>=", "...", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
                                         "+=",  "-=",  "*=",  "/=", "%=", "&=", "|=", "^=", "->", "++", "--"};
    for (size_t i = 0; i < sizeof longer / sizeof *longer; ++i) {
        if (!strncmp(at, longer[i], strlen(longer[i]))) return strlen(longer[i]);
    }
    return 1;
}

static token_t next_token(const char *text, size_t at)
{
    const char *t = text + at;
    token_t k = {TOKEN_PUNCTUATION, at, 0, -1};
    if (isalpha((unsigned char)*t) || *t == '_')
        k.kind = TOKEN_WORD;
    else if (isdigit((unsigned char)*t))
        k.kind = TOKEN_NUMBER;
    else if (*t == '"' || *t == '\'')
        k.kind = TOKEN_TEXT;
    if (k.kind == TOKEN_TEXT)
        k.length = quoted_length(t);
    else if (k.kind == TOKEN_PUNCTUATION)
        k.length = punctuation_length(t);
    else
        while (isalnum((unsigned char)t[k.length]) || t[k.length] == '_' ||
               (k.kind == TOKEN_NUMBER && t[k.length] == '.'))
            ++k.length;
    return k;
}

static void pair_brackets(scan_t *c)
{
    static int open[TOKENS_MAX];
    int depth = 0;
    for (int i = 0; i < c->n; ++i) {
        char mark = c->token[i].length == 1 ? c->s->text[c->token[i].at] : '\0';
        if (c->token[i].kind != TOKEN_PUNCTUATION || !mark) continue;
        if (strchr("([{", mark)) open[depth++] = i;
        if (!strchr(")]}", mark) || !depth) continue;
        c->token[i].partner = open[--depth];
        c->token[open[depth]].partner = i;
    }
}

static void scan(scan_t *c)
{
    const function_t *f = &c->s->function[c->function];
    c->n = 0;
    for (size_t at = skip_space(c->s->text, f->open + 1); at < f->close && c->n < TOKENS_MAX;) {
        c->token[c->n] = next_token(c->s->text, at);
        at = skip_space(c->s->text, at + c->token[c->n++].length);
    }
    pair_brackets(c);
}

static bool is(const scan_t *c, int i, const char *text)
{
    if (i < 0 || i >= c->n || c->token[i].kind == TOKEN_TEXT) return false;
    return strlen(text) == c->token[i].length &&
           !strncmp(c->s->text + c->token[i].at, text, c->token[i].length);
}

static bool is_one_of(const scan_t *c, int i, const char *const *texts)
{
    for (; *texts; ++texts) {
        if (is(c, i, *texts)) return true;
    }
    return false;
}

static bool is_keyword(const scan_t *c, int i)
{
    static const char *const words[] = {"return", "case",   "sizeof", "if",      "for", "while",
                                        "switch", "else",   "do",     "goto",    "int", "const",
                                        "static", "struct", "enum",   "default", NULL};
    return is_one_of(c, i, words);
}

static bool is_type(const scan_t *c, int i)
{
    static const char *const words[] = {"void", "char", "bool", "double", "__int128", NULL};
    const token_t *t = &c->token[i];
    if (t->kind != TOKEN_WORD) return false;
    return is_one_of(c, i, words) || (t->length > 2 && !strncmp(c->s->text + t->at + t->length - 2, "_t", 2));
}

/* An operator after it is binary: not after a type, nor after a cast. */
static bool ends_operand(const scan_t *c, int i)
{
    if (i < 0 || is_type(c, i)) return false;
    if (is(c, i, ")") && c->token[i].partner >= 0 && is_type(c, c->token[i].partner + 1)) return false;
    if (c->token[i].kind == TOKEN_WORD) return !is_keyword(c, i);
    return c->token[i].kind == TOKEN_NUMBER || is(c, i, ")") || is(c, i, "]");
}

/* ---- changes ---- */

static int line_of(const char *text, size_t at)
{
    int line = 1;
    for (size_t i = 0; i < at; ++i) line += text[i] == '\n';
    return line;
}

/* Replaces tokens first to last. */
static void add(scan_t *c, int first, int last, const char *text)
{
    source_t *s = c->s;
    if (s->changes == CHANGES_MAX || strlen(text) >= sizeof s->change->text) return;
    change_t *change = &s->change[s->changes++];
    *change = (change_t){.at = c->token[first].at, .function = c->function};
    change->length = c->token[last].at + c->token[last].length - change->at;
    change->line = line_of(s->text, change->at);
    strcpy(change->text, text);
}

static void add_operator(scan_t *c, int i)
{
    static const char *const always[][2] = {
        {"<", "<="},  {"<=", "<"},  {">", ">="},  {">=", ">"},  {"==", "!="}, {"!=", "=="}, {"&&", "||"},
        {"||", "&&"}, {"<<", ">>"}, {">>", "<<"}, {"+=", "-="}, {"-=", "+="}, {"|=", "&="}, {"&=", "|="}};
    static const char *const binary[][2] = {{"+", "-"}, {"-", "+"}, {"*", "+"}, {"/", "*"},
                                            {"%", "/"}, {"&", "|"}, {"|", "&"}, {"^", "|"}};
    for (size_t k = 0; k < sizeof always / sizeof *always; ++k) {
        if (is(c, i, always[k][0])) add(c, i, i, always[k][1]);
    }
    for (size_t k = 0; k < sizeof binary / sizeof *binary && ends_operand(c, i - 1); ++k) {
        if (is(c, i, binary[k][0])) add(c, i, i, binary[k][1]);
    }
    if (is(c, i, "!")) add(c, i, i, "");
}

static void add_constant(scan_t *c, int i)
{
    char text[64], *end = NULL;
    if (c->token[i].kind != TOKEN_NUMBER) return;
    unsigned long long value = strtoull(c->s->text + c->token[i].at, &end, 10);
    if ((size_t)(end - c->s->text) != c->token[i].at + c->token[i].length) return; /* not a plain decimal */
    snprintf(text, sizeof text, "%llu", value + 1);
    add(c, i, i, text);
    snprintf(text, sizeof text, "%llu", value - 1);
    if (value > 1) add(c, i, i, text);
}

/* "text" of tokens first to last inside a frame like "!(%s)". */
static void add_framed(scan_t *c, int first, int last, const char *before, const char *after)
{
    char text[512];
    const token_t *a = &c->token[first], *z = &c->token[last];
    int n = (int)(z->at + z->length - a->at);
    if (first > last || n > 400) return;
    snprintf(text, sizeof text, "%s%.*s%s", before, n, c->s->text + a->at, after);
    add(c, first, last, text);
}

/* The comma after the argument that begins at i, before `end`; `end` itself when there is none. */
static int comma_after(const scan_t *c, int i, int end)
{
    for (; i < end && !is(c, i, ","); ++i) {
        if (c->token[i].partner > i) i = c->token[i].partner;
    }
    return i;
}

static void add_swap(scan_t *c, int i)
{
    char text[512];
    int end = c->token[i].partner, comma = comma_after(c, i + 1, end);
    if (comma >= end) return;
    int second = comma_after(c, comma + 1, end) - 1;
    const token_t *a = &c->token[i + 1], *b = &c->token[comma - 1], *x = &c->token[comma + 1],
                  *y = &c->token[second];
    if (y->at + y->length - a->at > 400) return;
    snprintf(text, sizeof text, "%.*s, %.*s", (int)(y->at + y->length - x->at), c->s->text + x->at,
             (int)(b->at + b->length - a->at), c->s->text + a->at);
    add(c, i + 1, second, text);
}

static void add_bracket(scan_t *c, int i)
{
    int end = c->token[i].partner;
    if (end < 0 || end < i) return;
    if (is(c, i, "(") && is(c, i - 1, "if")) add_framed(c, i + 1, end - 1, "!(", ")");
    if (is(c, i, "(") && i && c->token[i - 1].kind == TOKEN_WORD && !is_keyword(c, i - 1)) add_swap(c, i);
    if (is(c, i, "[") && ends_operand(c, i - 1)) add_framed(c, i + 1, end - 1, "(", ") + 1");
}

/* The colon of a label, not of a choice. */
static bool ends_label(const scan_t *c, int i)
{
    if (!is(c, i, ":")) return false;
    return is(c, i - 1, "default") || is(c, i - 2, "case");
}

static bool begins_statement(const scan_t *c, int i)
{
    static const char *const heads[] = {"if", "for", "while", NULL};
    if (!i || is(c, i - 1, ";") || is(c, i - 1, "{") || is(c, i - 1, "}") || is(c, i - 1, "else") ||
        ends_label(c, i - 1))
        return true;
    return is(c, i - 1, ")") && c->token[i - 1].partner > 0 &&
           is_one_of(c, c->token[i - 1].partner - 1, heads);
}

/* An assignment, a call or a break is dropped; declarations are not. */
static void add_drop(scan_t *c, int i)
{
    static const char *const stars[] = {"*", NULL};
    if (!begins_statement(c, i) || (is_keyword(c, i) && !is(c, i, "break"))) return;
    bool word = c->token[i].kind == TOKEN_WORD;
    if (!word && !is_one_of(c, i, stars) && !is(c, i, "++") && !is(c, i, "--")) return;
    if (word && i + 1 < c->n && c->token[i + 1].kind == TOKEN_WORD) return; /* int64_t x */
    if (word && is(c, i + 1, "*") && is(c, i + 3, "=")) return;             /* pe_t *pe = */
    int end = i;
    for (; end < c->n && !is(c, end, ";"); ++end) {
        if (is(c, end, "{") || is(c, end, "}")) return;
    }
    if (end > i && end < c->n) add(c, i, end - 1, "");
}

/* An assertion computes nothing: changed, it holds or it stops the run. */
static void find_changes(scan_t *c)
{
    scan(c);
    for (int i = 0; i < c->n; ++i) {
        if (is(c, i, "assert") && is(c, i + 1, "(")) i = c->token[i + 1].partner + 1;
        if (c->token[i].kind == TOKEN_PUNCTUATION) add_operator(c, i);
        add_constant(c, i);
        add_bracket(c, i);
        add_drop(c, i);
    }
}

/* ---- functions ---- */

/* The first character of the lines that belong to the function whose brace is at `open`. */
static size_t header_of(const char *text, size_t open)
{
    size_t at = open;
    while (at) {
        size_t line = at - 1; /* the line above ends here */
        size_t begin = line;
        while (begin && text[begin - 1] != '\n') --begin;
        if (begin == line || text[begin] == '#' || strchr(";}/", text[line - 1])) break;
        at = begin;
    }
    return at;
}

/* "const a_t *x, int y[4]" gives "x, y". */
static void name_arguments(const char *text, size_t n, char out[512])
{
    char copy[1024];
    *out = '\0';
    snprintf(copy, sizeof copy, "%.*s", (int)n, text);
    for (char *save, *one = strtok_r(copy, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
        char *end = one + strcspn(one, "[");
        while (end > one && !isalnum((unsigned char)end[-1]) && end[-1] != '_') --end;
        *end = '\0';
        while (end > one && (isalnum((unsigned char)end[-1]) || end[-1] == '_')) --end;
        if (!strcmp(end, "void")) return;
        if (*out) strcat(out, ", ");
        strncat(out, end, 500 - strlen(out));
    }
}

static bool describe_function(const char *text, size_t open, function_t *f)
{
    f->open = open;
    f->header = header_of(text, open);
    size_t end = open;
    while (end > f->header && text[end - 1] != ')') --end;
    if (end == f->header) return false;
    size_t begin = end - 1;
    for (int depth = 1; depth && begin > f->header;) {
        --begin;
        depth += (text[begin] == ')') - (text[begin] == '(');
    }
    size_t name = begin;
    while (name > f->header && (isalnum((unsigned char)text[name - 1]) || text[name - 1] == '_')) --name;
    f->name = name;
    f->name_length = begin - name;
    name_arguments(text + begin + 1, end - begin - 2, f->arguments);
    const char *close = strstr(text + open, "\n}");
    f->close = close ? (size_t)(close - text) + 1 : 0;
    return f->name_length && close;
}

static void find_functions(source_t *s)
{
    for (const char *at = s->text; (at = strstr(at, "\n{\n")) && s->functions < FUNCTIONS_MAX; ++at) {
        if (describe_function(s->text, (size_t)(at + 1 - s->text), &s->function[s->functions]))
            ++s->functions;
    }
}

/* What writes the table of signals is another side's. What no lockstep calls: `specified` speaks to vector
   files, and where a unit does not fit there is no module to compare. */
static bool is_left_out(const source_t *s, const function_t *f)
{
    static const char *const ends[] = {"_specified", "fits"};
    if (memmem(s->text + f->header, f->open - f->header, "signal_t *", strlen("signal_t *"))) return true;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; ++i) {
        size_t n = strlen(ends[i]);
        if (f->name_length >= n && !strncmp(s->text + f->name + f->name_length - n, ends[i], n)) return true;
    }
    return false;
}

static int by_place(const void *a, const void *b)
{
    const change_t *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return strcmp(x->text, y->text);
}

/* Keeps n of the changes. */
static void choose(source_t *s, int n, uint64_t seed)
{
    random_t r = {.state = seed};
    for (int i = 0; i < n && i < s->changes; ++i) {
        int k = i + (int)random_below(&r, s->changes - i);
        change_t swap = s->change[i];
        s->change[i] = s->change[k];
        s->change[k] = swap;
    }
    if (s->changes > n) s->changes = n;
    qsort(s->change, (size_t)s->changes, sizeof *s->change, by_place);
}

int mutate_source_open(source_t *s, const char *path, int n, uint64_t seed, char *error)
{
    static scan_t c;
    *s = (source_t){.text = calloc(1, SOURCE_BYTES + 1)};
    s->function = calloc(FUNCTIONS_MAX, sizeof *s->function);
    s->change = calloc(CHANGES_MAX, sizeof *s->change);
    FILE *in = fopen(path, "r");
    size_t bytes = in && s->text && s->function && s->change ? fread(s->text, 1, SOURCE_BYTES, in) : 0;
    if (in) fclose(in);
    if (!bytes) {
        snprintf(error, DUT_ERROR_MAX, "%s: expected a source of the model, found: %s", path,
                 strerror(errno));
        return -1;
    }
    find_functions(s);
    c.s = s;
    for (c.function = 0; c.function < s->functions; ++c.function) {
        if (!is_left_out(s, &s->function[c.function])) find_changes(&c);
    }
    choose(s, n, seed);
    return 0;
}

void mutate_source_close(source_t *s)
{
    free(s->text);
    free(s->function);
    free(s->change);
}

/* ---- writing ---- */

/* A function's header with a number behind its name, then its body with a change or none. */
static int write_clone(const source_t *s, const function_t *f, int number, const change_t *change, FILE *out)
{
    const char *t = s->text;
    size_t head = f->name + f->name_length, body = f->close + 1 - head;
    int lines = 0;
    fprintf(out, "%.*s__%d", (int)(head - f->header), t + f->header, number);
    if (change) {
        size_t before = change->at - head, after = change->at + change->length;
        fprintf(out, "%.*s%s%.*s\n", (int)before, t + head, change->text, (int)(f->close + 1 - after),
                t + after);
    } else {
        fprintf(out, "%.*s\n", (int)body, t + head);
    }
    for (size_t i = f->header; i <= f->close; ++i) lines += t[i] == '\n';
    return lines + 1;
}

/* The function of the name that was: it calls the chosen clone. */
static int write_chooser(const source_t *s, int function, FILE *out)
{
    const function_t *f = &s->function[function];
    int lines = 0;
    fprintf(out, "%.*s{ switch (sanger_mutant) {\n", (int)(f->open - f->header), s->text + f->header);
    for (size_t i = f->header; i < f->open; ++i) lines += s->text[i] == '\n';
    for (int i = 0; i < s->changes; ++i) {
        if (s->change[i].function != function || s->change[i].invalid) continue;
        fprintf(out, "case %d: return %.*s__%d(%s);\n", i + 1, (int)f->name_length, s->text + f->name, i + 1,
                f->arguments);
        ++lines;
    }
    fprintf(out, "default: return %.*s__0(%s);\n}}\n", (int)f->name_length, s->text + f->name, f->arguments);
    return lines + 3;
}

static int count_lines(const char *text, size_t n)
{
    int lines = 0;
    for (size_t i = 0; i < n; ++i) lines += text[i] == '\n';
    return lines;
}

static int write_function(source_t *s, int function, int line, FILE *out)
{
    const function_t *f = &s->function[function];
    bool any = false;
    for (int i = 0; i < s->changes; ++i) any |= s->change[i].function == function && !s->change[i].invalid;
    if (!any) {
        fprintf(out, "%.*s", (int)(f->close + 1 - f->header), s->text + f->header);
        return line + count_lines(s->text + f->header, f->close + 1 - f->header);
    }
    size_t head = f->open - f->header; /* a prototype: functions call each other and themselves */
    fprintf(out, "%.*s;\n", (int)head, s->text + f->header);
    line += count_lines(s->text + f->header, head) + 1;
    line += write_clone(s, f, 0, NULL, out);
    for (int i = 0; i < s->changes; ++i) {
        change_t *change = &s->change[i];
        if (change->function != function || change->invalid) continue;
        change->first_line = line;
        line += write_clone(s, f, i + 1, change, out);
        for (const char *t = s->text + change->at; t < s->text + change->at + change->length; ++t)
            line -= *t == '\n';
        for (const char *t = change->text; *t; ++t) line += *t == '\n';
        change->lines = line - change->first_line;
    }
    return line + write_chooser(s, function, out);
}

void mutate_source_write(source_t *s, FILE *out)
{
    size_t at = 0;
    int line = 2;
    fputs("int sanger_mutant;\n", out);
    for (int i = 0; i < s->functions; ++i) {
        const function_t *f = &s->function[i];
        fprintf(out, "%.*s", (int)(f->header - at), s->text + at);
        line += count_lines(s->text + at, f->header - at);
        line = write_function(s, i, line, out);
        at = f->close + 1;
    }
    fputs(s->text + at, out);
}

void mutate_source_write_one(const source_t *s, int i, FILE *out)
{
    if (i < 0) {
        fputs(s->text, out);
        return;
    }
    const change_t *c = &s->change[i];
    fprintf(out, "%.*s%s%s", (int)c->at, s->text, c->text, s->text + c->at + c->length);
}

/* One line, whatever the text's. */
static void flatten(char *text)
{
    char *to = text;
    for (char *from = text; *from; ++from) {
        if (isspace((unsigned char)*from) && to > text && to[-1] == ' ') continue;
        *to++ = isspace((unsigned char)*from) ? ' ' : *from;
    }
    *to = '\0';
}

void mutate_source_describe(const source_t *s, int i, char *out, size_t n)
{
    const change_t *c = &s->change[i];
    const char *line = s->text + c->at, *end = line;
    while (line > s->text && line[-1] != '\n') --line;
    line += strspn(line, " ");
    end += strcspn(end, "\n");
    char old[128], new[128], whole[128];
    snprintf(old, sizeof old, "%.*s", (int)c->length, s->text + c->at);
    snprintf(new, sizeof new, "%s", c->text);
    snprintf(whole, sizeof whole, "%.*s", (int)(end - line), line);
    flatten(old);
    flatten(new);
    snprintf(out, n, "'%s' becomes '%s' in: %s", old, new, whole);
}
