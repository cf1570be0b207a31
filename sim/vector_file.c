/* SPDX-License-Identifier: Apache-2.0 */
#include "vector_file.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/file.h"
#include "../model/fixed.h"
#include "number.h"

enum { LINE_LEAST = 4096, LINE_PER_ELEMENT = 96, WIDTH_MAX = 64, CLIP_MAX = 40 };

/* The two sides of a line. */
typedef enum { SIDE_IN, SIDE_OUT, SIDES } side_t;
static const char *const side_names[SIDES] = {"inputs", "outputs"};

/* An element of the unit that the header may name. */
typedef struct {
    const signal_t *signal;
    size_t index;
    bool seen;
    char name[SIGNAL_NAME_MAX];
} element_t;

struct vector_file {
    const char *path;
    FILE *file;
    char *text; /* the line */
    size_t limit;
    uint64_t line;
    int n[SIDES];
    element_t *element[SIDES];
    vector_columns_t columns[SIDES];
    char *error;
};

static int fail(vector_file_t *f, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(vector_file_t *f, const char *field, const char *format, ...)
{
    va_list args;
    int at = snprintf(f->error, VECTOR_ERROR_MAX, "%.200s:%" PRIu64 ": %.96s: ", f->path, f->line, field);
    va_start(args, format);
    vsnprintf(f->error + at, (size_t)(VECTOR_ERROR_MAX - at), format, args);
    va_end(args);
    return -1;
}

/* What a message may show of a file's text: printable and short. */
static const char *clip(const char *text, char out[CLIP_MAX + 4])
{
    size_t n = 0;
    for (; text[n] && n < CLIP_MAX; ++n) out[n] = isprint((unsigned char)text[n]) ? text[n] : '?';
    strcpy(out + n, text[n] ? "..." : "");
    return out;
}

/* ---- lines ---- */

/* 1 for a line, 0 at the end of the file. */
static int read_line(vector_file_t *f)
{
    size_t n = 0;
    int c;
    ++f->line;
    while ((c = getc_unlocked(f->file)) != EOF && c != '\n') {
        if (!c) return fail(f, "line", "expected text, found a zero byte");
        if (n + 1 == f->limit) return fail(f, "line", "expected at most %zu bytes, found more", f->limit - 1);
        f->text[n++] = (char)c;
    }
    if (ferror(f->file)) return fail(f, "file", "expected one that can be read, found: %s", strerror(errno));
    f->text[n] = '\0';
    return c != EOF || n > 0;
}

/* The next word of *at, ended with a zero byte; NULL at the end. */
static char *next_word(char **at)
{
    char *word;
    do word = strsep(at, " \t\r");
    while (word && !*word);
    return word;
}

/* ---- the header ---- */

static element_t *find_element(vector_file_t *f, side_t side, const char *name)
{
    /* Files that list a unit in table order are found at the first look. */
    int expected = f->columns[side].n;
    if (expected < f->n[side] && !strcmp(f->element[side][expected].name, name)) {
        return &f->element[side][expected];
    }
    for (int i = 0; i < f->n[side]; ++i) {
        if (!strcmp(f->element[side][i].name, name)) return &f->element[side][i];
    }
    return NULL;
}

/* "name:bits". */
static int read_column(vector_file_t *f, side_t side, char *word)
{
    char shown[CLIP_MAX + 4], width[CLIP_MAX + 4], *colon = strrchr(word, ':');
    uint64_t bits;
    if (!colon) return fail(f, side_names[side], "expected name:bits, found '%s'", clip(word, shown));
    *colon = '\0';
    if (!number_count(colon + 1, 1, WIDTH_MAX, &bits)) {
        return fail(f, clip(word, shown), "expected a width of 1 to %d bits, found '%.8s'", WIDTH_MAX,
                    clip(colon + 1, width));
    }
    element_t *e = find_element(f, side, word);
    if (!e) return fail(f, side_names[side], "expected a name of the unit's, found '%s'", clip(word, shown));
    if (e->seen) return fail(f, side_names[side], "expected each name once, found '%s' again", e->name);
    e->seen = true;
    vector_columns_t *c = &f->columns[side];
    c->column[c->n++] = (vector_column_t){.signal = e->signal, .index = e->index, .bits = (int)bits};
    return 0;
}

static int read_columns(vector_file_t *f, side_t side, char *at)
{
    if (f->columns[side].n) return fail(f, side_names[side], "expected one line of them, found another");
    for (char *word; (word = next_word(&at));) {
        if (read_column(f, side, word)) return -1;
    }
    if (!f->columns[side].n) return fail(f, side_names[side], "expected name:bits, found nothing");
    return 0;
}

/* The names after "# inputs:" or "# outputs:", and which; NULL for any other line. */
static char *header_of(char *text, side_t *side)
{
    if (*text != '#') return NULL;
    ++text;
    text += strspn(text, " \t");
    for (int i = 0; i < SIDES; ++i) {
        size_t n = strlen(side_names[i]);
        *side = (side_t)i;
        if (!strncmp(text, side_names[i], n) && text[n] == ':') return text + n + 1;
    }
    return NULL;
}

static bool is_blank(const char *text)
{
    return !text[strspn(text, " \t\r")];
}

/* Every input must be driven; outputs may be a part of the unit's. */
static int check_inputs(vector_file_t *f)
{
    for (int i = 0; i < f->n[SIDE_IN]; ++i) {
        const element_t *e = &f->element[SIDE_IN][i];
        if (!e->seen) return fail(f, "inputs", "expected '%s' among them, found none", e->name);
    }
    return 0;
}

static int read_header(vector_file_t *f)
{
    side_t side;
    char shown[CLIP_MAX + 4];
    while (!f->columns[SIDE_IN].n || !f->columns[SIDE_OUT].n) {
        const char *missing = side_names[f->columns[SIDE_IN].n ? SIDE_OUT : SIDE_IN];
        int got = read_line(f);
        if (got < 0) return -1;
        if (!got)
            return fail(f, "header", "expected '# %s: name:bits ...', found the end of the file", missing);
        char *names = header_of(f->text, &side);
        if (names && read_columns(f, side, names)) return -1;
        if (names || *f->text == '#' || is_blank(f->text)) continue;
        return fail(f, "header", "expected '# %s: name:bits ...', found '%s'", missing, clip(f->text, shown));
    }
    return check_inputs(f);
}

/* ---- a cycle ---- */

static void column_name(const vector_column_t *c, char name[SIGNAL_NAME_MAX])
{
    signal_element_name(c->signal, c->index, name);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False when the word is no hex number of `bits` bits. */
static bool parse_hex(const char *word, int bits, uint64_t *value)
{
    *value = 0;
    for (const char *p = word; *p; ++p) {
        int digit = hex_digit(*p);
        if (digit < 0 || *value >> 60) return false;
        *value = *value << 4 | (uint64_t)digit;
    }
    return *value == fixed_low(*value, bits);
}

/* A word of the declared width as one of the signal's; false when it does not fit, read as unsigned or
 * signed. */
static bool convert(const vector_column_t *c, uint64_t *value)
{
    int have = c->bits, want = c->signal->bits;
    uint64_t extended = have < 64 ? (uint64_t)fixed_wrap((int64_t)*value, have) : *value;
    if (have <= want) {
        *value = fixed_low(c->signal->is_signed ? extended : *value, want);
        return true;
    }
    bool fits =
        *value == fixed_low(*value, want) || extended == (uint64_t)fixed_wrap((int64_t)extended, want);
    *value = fixed_low(*value, want);
    return fits;
}

static int read_value(vector_file_t *f, vector_column_t *c, const char *word)
{
    char name[SIGNAL_NAME_MAX], shown[CLIP_MAX + 4];
    column_name(c, name);
    c->known = strcmp(word, "x") != 0;
    c->value = 0;
    if (!c->known) {
        return c->signal->kind == SIGNAL_IN ? fail(f, name, "expected a value for an input, found 'x'") : 0;
    }
    if (!parse_hex(word, c->bits, &c->value)) {
        return fail(f, name, "expected a hex number of %d bits, found '%s'", c->bits, clip(word, shown));
    }
    if (convert(c, &c->value)) return 0;
    return fail(f, name, "expected a value that fits the unit's %d bits, found '%s'", c->signal->bits,
                clip(word, shown));
}

static int read_side(vector_file_t *f, side_t side, char *at)
{
    vector_columns_t *c = &f->columns[side];
    int n = 0;
    for (char *word; (word = next_word(&at)); ++n) {
        if (n < c->n && read_value(f, &c->column[n], word)) return -1;
    }
    if (n == c->n) return 0;
    return fail(f, side_names[side], "expected %d values, found %d", c->n, n);
}

static int read_cycle(vector_file_t *f)
{
    char *bar = strchr(f->text, '|');
    if (!bar) return fail(f, "line", "expected inputs, '|', outputs, found no '|'");
    if (strchr(bar + 1, '|')) return fail(f, "line", "expected one '|', found another");
    *bar = '\0';
    return read_side(f, SIDE_IN, f->text) || read_side(f, SIDE_OUT, bar + 1) ? -1 : 1;
}

int vector_file_next(vector_file_t *f, char *error)
{
    side_t side;
    int got;
    f->error = error;
    while ((got = read_line(f)) > 0) {
        if (header_of(f->text, &side))
            return fail(f, side_names[side], "expected one line of them, found another");
        if (*f->text != '#' && !is_blank(f->text)) return read_cycle(f);
    }
    return got;
}

/* ---- opening ---- */

static int add_elements(vector_file_t *f, side_t side, const signal_t *table, int signals)
{
    const signal_kind_t kind = side == SIDE_IN ? SIGNAL_IN : SIGNAL_OUT;
    size_t count = 0;
    for (int i = 0; i < signals; ++i) count += table[i].kind == kind ? signal_count(&table[i]) : 0;
    f->element[side] = calloc(count + 1, sizeof *f->element[side]);
    f->columns[side].column = calloc(count + 1, sizeof *f->columns[side].column);
    if (!f->element[side] || !f->columns[side].column) return -1;
    for (int i = 0; i < signals; ++i) {
        size_t elements = table[i].kind == kind ? signal_count(&table[i]) : 0;
        for (size_t k = 0; k < elements; ++k) {
            element_t *e = &f->element[side][f->n[side]++];
            e->signal = &table[i];
            e->index = k;
            signal_element_name(&table[i], k, e->name);
        }
    }
    f->limit += count * LINE_PER_ELEMENT;
    return 0;
}

static int open_text(vector_file_t *f, const signal_t *table, int signals)
{
    f->limit = LINE_LEAST;
    int failed = add_elements(f, SIDE_IN, table, signals) || add_elements(f, SIDE_OUT, table, signals);
    if (!failed) f->text = malloc(f->limit);
    if (!f->text) return fail(f, "file", "out of memory");
    return read_header(f);
}

vector_file_t *vector_file_open(const char *path, const signal_t *table, int signals, char *error)
{
    FILE *file = file_open_regular(path);
    if (!file) {
        snprintf(error, VECTOR_ERROR_MAX, "%.200s: file: expected one that can be read, found: %s", path,
                 errno == EINVAL ? "no regular file" : strerror(errno));
        return NULL;
    }
    return vector_file_read(file, path, table, signals, error);
}

vector_file_t *vector_file_read(FILE *file, const char *shown, const signal_t *table, int signals,
                                char *error)
{
    vector_file_t *f = calloc(1, sizeof *f);
    if (!f) {
        snprintf(error, VECTOR_ERROR_MAX, "%.200s: out of memory", shown);
        fclose(file);
        return NULL;
    }
    *f = (vector_file_t){.path = shown, .file = file, .error = error};
    if (!open_text(f, table, signals)) return f;
    vector_file_close(f);
    return NULL;
}

void vector_file_close(vector_file_t *f)
{
    if (!f) return;
    if (f->file) fclose(f->file);
    for (int i = 0; i < SIDES; ++i) {
        free(f->element[i]);
        free(f->columns[i].column);
    }
    free(f->text);
    free(f);
}

const vector_columns_t *vector_file_inputs(const vector_file_t *f)
{
    return &f->columns[SIDE_IN];
}

const vector_columns_t *vector_file_outputs(const vector_file_t *f)
{
    return &f->columns[SIDE_OUT];
}

uint64_t vector_file_line(const vector_file_t *f)
{
    return f->line;
}
