/* SPDX-License-Identifier: Apache-2.0 */
#include "design.h"
#include "file.h"
#include "hash.h"
#include "json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a long path so much is shown that field and values follow. */
enum { DESIGN_FILE_MAX = 1 << 20, FIELDS_MAX = 64, WHERE_MAX = 200 };

#define AT(member) offsetof(design_t, member)
#define INT(key, member, min, max, doc)                                                                      \
    {                                                                                                        \
        key, FIELD_INT, AT(member), min, max, NULL, doc                                                      \
    }
#define FORMAT(key, member, max, doc)                                                                        \
    {                                                                                                        \
        key, FIELD_FORMAT, AT(member), 2, max, NULL, doc                                                     \
    }
#define CHOICE(key, member, names, doc)                                                                      \
    {                                                                                                        \
        key, FIELD_CHOICE, AT(member), 0, 0, names, doc                                                      \
    }

const field_t design_fields[] = {
    {"name", FIELD_TEXT, AT(name), 1, DESIGN_NAME_MAX, NULL,
     "lower-case letters, digits and _; prefix of every generated module"},
    {"summary", FIELD_TEXT, AT(summary), 1, DESIGN_TEXT_MAX, NULL, "one sentence for people"},
    CHOICE("arithmetic", arithmetic, "published|signed",
           "published: unsigned exp, wrap-around; signed: per-row bias, saturation"),
    CHOICE("control", control, "array|travelling",
           "who drives c1..c5; array: c3 and c5 shared by the whole array; travelling: tags beside the data"),
    {"clock_hz", FIELD_INT, AT(clock_hz), 1, INT64_C(100000000000), NULL, "clock that times are reported at"},
    INT("array.rows", rows, 1, 128, "query rows that the array holds"),
    INT("array.columns", columns, 2, 128, "key columns of a tile"),
    INT("array.pes", pes, 1, 64, "PEs in a row, at most columns"),
    FORMAT("formats.q", q, 32, "query operand [bits, fraction bits]"),
    FORMAT("formats.k", k, 32, "key operand"),
    FORMAT("formats.v", v, 32, "value operand"),
    FORMAT("formats.bias", bias, 32, "per-row bias, subtracted before exp"),
    FORMAT("formats.acc", acc, 40, "accumulator during SDDMM"),
    FORMAT("formats.score", score, 40, "output of exp"),
    FORMAT("formats.out", out, 40, "accumulator during SpMM; the same register as acc"),
    FORMAT("formats.row_sum", row_sum, 48, "sum of a row's scores"),
    FORMAT("formats.output_sum", output_sum, 48, "output accumulated over passes"),
    FORMAT("formats.output", output, 32, "output after the division"),
    {"exp.log2e", FIELD_LOG2E, AT(log2e), 1, 16, NULL, "log2(e) as [num, append]: num / 2^append"},
    INT("exp.lut_bits", lut_bits, 1, 10, "the table has 2^lut_bits entries"),
    INT("prediction.rows", score_rows, 1, 128, "rows of the low-bit score array"),
    INT("prediction.columns", score_columns, 1, 128, "columns of the low-bit score array"),
    INT("prediction.operand_w", operand_w, 2, 8, "bits of its operands"),
    INT("prediction.acc_w", score_acc_w, 4, 32, "bits of its accumulators"),
    INT("prediction.shift", score_shift, 0, 16, "left shift between accumulator and exp (published designs)"),
    FORMAT("prediction.scale", scale, 24, "unsigned scale per row and per column at the drain"),
    FORMAT("prediction.scaled", scaled, 32, "scaled score, input of its exp"),
    FORMAT("prediction.exp", score_exp, 32, "output of its exp"),
    FORMAT("prediction.sum", score_sum, 40, "sum of a row's predicted exponentials"),
    FORMAT("prediction.threshold", threshold, 24, "unsigned threshold T of exp > T * sum"),
    INT("pack.rows", pack_rows, 1, 128, "bits of a mask column"),
    INT("pack.pes", pack_pes, 1, 64, "non-zeros a row may gather in a group"),
    INT("pack.mask_bits", mask_bits, 1, 8, "bits of a mask register"),
    INT("pack.counter_bits", counter_bits, 1, 8, "bits of a row's counter"),
    INT("pack.row_id_bits", row_id_bits, 1, 8, "bits of the column counter"),
    INT("pack.no_pe", no_pe, 0, 255, "code for no PE in a mask register"),
    CHOICE("split.policy", split_policy, "consecutive|interleaved", "which columns share a sub-row"),
    CHOICE("split.slots", slots, "first|home", "which PEs hold a sub-row's columns"),
    INT("split.row_id_w", sub_row_id_w, 1, 16, "bits of the row id that travels with a sub-row"),
    INT("split.window", window, 1, 8, "sub-rows that pass_control chooses from"),
    INT("normalise.lanes", lanes, 1, 64, "dividers side by side"),
    INT("machine.head_max", head_max, 1, 128, "longest head size"),
    INT("machine.keys_max", keys_max, 1, 4096, "most queries and most keys of a head"),
    INT("machine.strips", strips, 1, 16, "strips of array.rows queries that share each key tile"),
    INT("machine.bus_bytes", bus_bytes, 8, 64, "bytes of a memory beat, a power of two"),
    INT("machine.addr_w", addr_w, 16, 32, "bits of a byte address"),
    INT("machine.outstanding", outstanding, 2, 256, "reads that may wait for their answer"),
    {NULL, FIELD_INT, 0, 0, 0, NULL, NULL},
};

/* ---- reading ---- */

static int fail(char *error, const char *where, const char *field, const char *expected, const char *found)
{
    size_t start = (size_t)snprintf(error, DESIGN_ERROR_MAX, "%.*s: ", WHERE_MAX, where);
    snprintf(error + start, DESIGN_ERROR_MAX - start, "%s: expected %s, found %s", field, expected, found);
    for (char *c = error + start; *c; ++c) {
        if (*c < 0x20 || *c > 0x7e) *c = '?'; /* keys and values of the file */
    }
    return -1;
}

/* A JSON value in a few characters, for error lines. */
static const char *show(const cJSON *item, char out[64])
{
    char *text = item ? cJSON_PrintUnformatted(item) : NULL;
    snprintf(out, 64, "%.50s%s", text ? text : "nothing", text && strlen(text) > 50 ? "..." : "");
    cJSON_free(text);
    return out;
}

static bool is_integer(const cJSON *item)
{
    return cJSON_IsNumber(item) && item->valuedouble == floor(item->valuedouble) &&
           fabs(item->valuedouble) < 9007199254740992.0;
}

static bool is_name(const char *s)
{
    return s[0] >= 'a' && s[0] <= 'z' && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s);
}

static bool is_plain_text(const char *s)
{
    for (; *s; ++s) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f) return false;
    }
    return true;
}

static int read_text(const field_t *f, const cJSON *item, void *to, const char *where, char *error)
{
    char expected[64], found[64];
    bool name = !strcmp(f->key, "name");
    snprintf(expected, sizeof expected, "%s of 1 to %d characters", name ? "a lower-case identifier" : "text",
             (int)f->max);
    const char *text = cJSON_IsString(item) ? item->valuestring : NULL;
    if (!text || !*text || strlen(text) > (size_t)f->max || !(name ? is_name(text) : is_plain_text(text))) {
        return fail(error, where, f->key, expected, show(item, found));
    }
    memcpy(to, text, strlen(text) + 1);
    return 0;
}

static int read_int(const field_t *f, const cJSON *item, void *to, const char *where, char *error)
{
    char expected[64], found[64];
    snprintf(expected, sizeof expected, "an integer from %lld to %lld", (long long)f->min, (long long)f->max);
    if (!is_integer(item) || item->valuedouble < (double)f->min || item->valuedouble > (double)f->max) {
        return fail(error, where, f->key, expected, show(item, found));
    }
    if (f->offset == AT(clock_hz))
        *(int64_t *)to = (int64_t)item->valuedouble;
    else
        *(int *)to = (int)item->valuedouble;
    return 0;
}

/* The two integers of a format or of log2(e). */
static bool read_pair(const cJSON *item, int64_t lo0, int64_t hi0, int64_t lo1, int64_t hi1, int pair[2])
{
    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2) return false;
    const cJSON *a = cJSON_GetArrayItem(item, 0), *b = cJSON_GetArrayItem(item, 1);
    if (!is_integer(a) || !is_integer(b)) return false;
    if (a->valuedouble < (double)lo0 || a->valuedouble > (double)hi0) return false;
    if (b->valuedouble < (double)lo1 || b->valuedouble > (double)hi1) return false;
    pair[0] = (int)a->valuedouble;
    pair[1] = (int)b->valuedouble;
    return true;
}

static int read_format(const field_t *f, const cJSON *item, void *to, const char *where, char *error)
{
    char expected[80], found[64];
    int pair[2];
    snprintf(expected, sizeof expected, "[bits %d to %d, fraction bits 0 to 40]", (int)f->min, (int)f->max);
    if (!read_pair(item, f->min, f->max, 0, 40, pair)) {
        return fail(error, where, f->key, expected, show(item, found));
    }
    *(format_t *)to = (format_t){pair[0], pair[1]};
    return 0;
}

static int read_log2e(const field_t *f, const cJSON *item, void *to, const char *where, char *error)
{
    char found[64];
    int pair[2];
    if (!read_pair(item, 1, 1 << 18, 0, f->max, pair)) {
        return fail(error, where, f->key, "[num 1 to 262144, append 0 to 16]", show(item, found));
    }
    *(log2e_t *)to = (log2e_t){pair[0], pair[1]};
    return 0;
}

/* The index of `name` among "a|b|c", or -1. */
static int choice_index(const char *choices, const char *name)
{
    int index = 0;
    for (const char *p = choices;; ++index) {
        size_t n = strcspn(p, "|");
        if (strlen(name) == n && !strncmp(p, name, n)) return index;
        if (!p[n]) return -1;
        p += n + 1;
    }
}

static int read_choice(const field_t *f, const cJSON *item, void *to, const char *where, char *error)
{
    char found[64];
    int index = cJSON_IsString(item) ? choice_index(f->choices, item->valuestring) : -1;
    if (index < 0) return fail(error, where, f->key, f->choices, show(item, found));
    *(int *)to = index;
    return 0;
}

static int read_field(const field_t *f, const cJSON *item, design_t *d, const char *where, char *error)
{
    void *to = (char *)d + f->offset;
    switch (f->kind) {
    case FIELD_TEXT: return read_text(f, item, to, where, error);
    case FIELD_INT: return read_int(f, item, to, where, error);
    case FIELD_FORMAT: return read_format(f, item, to, where, error);
    case FIELD_LOG2E: return read_log2e(f, item, to, where, error);
    case FIELD_CHOICE: return read_choice(f, item, to, where, error);
    }
    return -1;
}

static int field_index(const char *key)
{
    for (int i = 0; design_fields[i].key; ++i) {
        if (!strcmp(design_fields[i].key, key)) return i;
    }
    return -1;
}

static bool is_section(const char *key)
{
    size_t n = strlen(key);
    for (const field_t *f = design_fields; f->key; ++f) {
        if (!strncmp(f->key, key, n) && f->key[n] == '.') return true;
    }
    return false;
}

/* True when a member before it has its key. */
static bool is_repeated(const cJSON *item)
{
    for (const cJSON *before = item; before->prev->next; before = before->prev) {
        if (!strcmp(before->prev->string, item->string)) return true;
    }
    return false;
}

/* Reads the members of `object`; `section` is "" at the top. Duplicates are errors: cJSON keeps both. */
static int read_members(const cJSON *object, const char *section, bool *seen, design_t *d, const char *where,
                        char *error)
{
    for (const cJSON *item = object->child; item; item = item->next) {
        char key[128], found[64];
        snprintf(key, sizeof key, "%s%s%.60s", section, *section ? "." : "", item->string);
        if (!*section && is_section(key)) {
            if (is_repeated(item)) return fail(error, where, key, "one value", "a duplicate key");
            if (!cJSON_IsObject(item)) return fail(error, where, key, "an object", show(item, found));
            if (read_members(item, key, seen, d, where, error)) return -1;
            continue;
        }
        int i = *section || !strchr(key, '.') ? field_index(key) : -1;
        if (i < 0) return fail(error, where, key, "a known field (see sanger design show)", "an unknown key");
        if (seen[i]) return fail(error, where, key, "one value", "a duplicate key");
        seen[i] = true;
        if (read_field(&design_fields[i], item, d, where, error)) return -1;
    }
    return 0;
}

/* All numbers of a design are integers, so text that would only round to one is refused with its place. */
static cJSON *parse_json(const char *text, size_t bytes, const char *where, char *error)
{
    const json_rule_t rule = {.max_depth = 4, .integers_only = true, .any_space = true};
    json_fault_t fault;
    cJSON *root = json_parse(text, bytes, rule, &fault);
    if (!root)
        snprintf(error, DESIGN_ERROR_MAX, "%.*s: %s: expected %s at byte %zu, found %s", WHERE_MAX, where,
                 *fault.path ? fault.path : "JSON", fault.expected, fault.at, fault.found);
    return root;
}

int design_parse(const char *text, size_t bytes, const char *where, design_t *d, char *error)
{
    bool seen[FIELDS_MAX] = {false};
    memset(d, 0, sizeof *d);
    if (memchr(text, 0, bytes)) return fail(error, where, "file", "JSON text", "a NUL byte");
    cJSON *root = parse_json(text, bytes, where, error);
    if (!root) return -1;
    int status = read_members(root, "", seen, d, where, error);
    cJSON_Delete(root);
    for (int i = 0; !status && design_fields[i].key; ++i) {
        if (!seen[i]) status = fail(error, where, design_fields[i].key, design_fields[i].doc, "nothing");
    }
    return status ? status : design_check(d, where, error);
}

int design_load(const char *path, design_t *d, char *error)
{
    size_t bytes = 0;
    char *text = file_read(path, DESIGN_FILE_MAX, &bytes);
    if (!text) {
        if (errno == EFBIG) return fail(error, path, "file", "at most 1 MiB", "a larger file");
        return fail(error, path, "file", "a readable design file",
                    errno == EINVAL   ? "no regular file"
                    : errno == ENOENT ? "no such file"
                                      : strerror(errno));
    }
    int status = design_parse(text, bytes, path, d, error);
    free(text);
    return status;
}

/* ---- rules that tie fields together ---- */

static bool same(format_t a, format_t b)
{
    return a.w == b.w && a.frac == b.frac;
}

static int broken(const char *where, char *error, const char *field, const char *expected, int found)
{
    char text[32];
    snprintf(text, sizeof text, "%d", found);
    return fail(error, where, field, expected, text);
}

static int check_sizes(const design_t *d, const char *where, char *error)
{
    if (d->pes > d->columns) return broken(where, error, "array.pes", "at most array.columns", d->pes);
    if (d->acc.w != d->out.w) {
        return broken(where, error, "formats.out", "the width of formats.acc (one register)", d->out.w);
    }
    if (d->pack_pes >= 1 << d->counter_bits) {
        return broken(where, error, "pack.counter_bits", "bits enough to count to pack.pes", d->counter_bits);
    }
    if (d->no_pe >= 1 << d->mask_bits || d->row_id_bits > d->mask_bits) {
        return broken(where, error, "pack.mask_bits", "bits enough for no_pe and row ids", d->mask_bits);
    }
    if (1 << d->sub_row_id_w < d->rows) {
        return broken(where, error, "split.row_id_w", "bits enough for array.rows", d->sub_row_id_w);
    }
    if (d->score_acc_w < d->operand_w) {
        return broken(where, error, "prediction.acc_w", "at least prediction.operand_w", d->score_acc_w);
    }
    return 0;
}

/* Every intermediate must fit the 63 bits in which the model computes. */
static int check_widths(const design_t *d, const char *where, char *error)
{
    if (d->log2e.num < 1 << d->log2e.append || d->log2e.num >= 2 << d->log2e.append) {
        return broken(where, error, "exp.log2e", "a value from 1 to 2", d->log2e.num);
    }
    if (d->acc.w + d->log2e.append > 60 || d->acc.frac + d->log2e.append > 52) {
        return broken(where, error, "formats.acc", "acc bits + log2e append at most 60, fraction 52",
                      d->acc.w);
    }
    if (d->scaled.w + d->log2e.append > 60 || d->scaled.frac + d->log2e.append > 52) {
        return broken(where, error, "prediction.scaled", "scaled bits + log2e append at most 60, fraction 52",
                      d->scaled.w);
    }
    if (d->acc.frac + d->log2e.append < d->lut_bits || d->scaled.frac + d->log2e.append < d->lut_bits) {
        return broken(where, error, "exp.lut_bits", "at most the fraction bits + append of exp's input",
                      d->lut_bits);
    }
    if (d->score_sum.w + d->threshold.w > 63 || d->score_exp.w + d->threshold.frac > 63) {
        return broken(where, error, "prediction.threshold", "exp and T * sum within 63 bits", d->threshold.w);
    }
    return 0;
}

/* The divider's numerator, in half units of the output's last bit. */
static int check_division(const design_t *d, const char *where, char *error)
{
    int shift = d->output.frac + d->row_sum.frac - d->output_sum.frac + 1;
    if (d->output_sum.w + (shift > 0 ? shift : 0) <= 126) return 0;
    return broken(where, error, "formats.output", "a numerator of at most 126 bits in normalise",
                  d->output.frac);
}

/* The product of a PE as the model holds it: 63 bits. */
static int check_product(const design_t *d, const char *where, char *error)
{
    int top = design_top_w(d), sddmm = d->q.w - (d->q.frac + d->k.frac - d->acc.frac);
    int spmm = d->score.w - (d->score.frac + d->v.frac - d->out.frac), widest = sddmm > spmm ? sddmm : spmm;
    if (widest + top <= 62) return 0;
    return broken(where, error, "formats.out", "a product of at most 62 bits after its floor", widest + top);
}

static int check_published(const design_t *d, const char *where, char *error)
{
    const format_t *all[] = {&d->k, &d->v, &d->acc, &d->score, &d->out, &d->row_sum};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
        if (!same(*all[i], d->q)) {
            return broken(where, error, "formats",
                          "one format for q, k, v, acc, score, out and row_sum in published arithmetic",
                          all[i]->w);
        }
    }
    if (!same(d->scaled, d->score_exp) || !same(d->scaled, d->score_sum)) {
        return broken(where, error, "prediction",
                      "one format for scaled, exp and sum in published arithmetic", d->score_exp.w);
    }
    if (d->score_acc_w + d->score_shift > d->scaled.w) {
        return broken(where, error, "prediction.scaled", "at least acc_w + shift bits", d->scaled.w);
    }
    return 0;
}

/* Travelling control exists in the machine only. */
static int check_control(const design_t *d, const char *where, char *error)
{
    const char *lacks = d->control == CONTROL_TRAVELLING ? design_lacks_machine(d) : NULL;
    return lacks ? fail(error, where, "control", lacks, "travelling control without it") : 0;
}

static int check_signed(const design_t *d, const char *where, char *error)
{
    if (d->q.frac + d->k.frac < d->acc.frac) {
        return broken(where, error, "formats.acc", "at most q + k fraction bits", d->acc.frac);
    }
    if (d->score.frac + d->v.frac < d->out.frac) {
        return broken(where, error, "formats.out", "at most score + v fraction bits", d->out.frac);
    }
    if (d->bias.w > 16 || d->bias.frac > 8 || d->bias.frac > d->acc.frac || d->bias.frac > d->scaled.frac) {
        return broken(where, error, "formats.bias",
                      "at most 16 bits, 8 of them fraction, no more fraction bits than acc and scaled",
                      d->bias.frac);
    }
    if (d->scaled.frac > 2 * d->scale.frac) {
        return broken(where, error, "prediction.scaled", "at most twice the fraction bits of scale",
                      d->scaled.frac);
    }
    if (d->score_acc_w < 2 * d->operand_w) {
        return broken(where, error, "prediction.acc_w", "at least twice prediction.operand_w",
                      d->score_acc_w);
    }
    if (d->score_acc_w + 2 * d->scale.w > 63) {
        return broken(where, error, "prediction.scale", "acc_w + twice scale within 63 bits", d->scale.w);
    }
    return check_product(d, where, error);
}

int design_check(const design_t *d, const char *where, char *error)
{
    if (check_sizes(d, where, error) || check_widths(d, where, error) || check_division(d, where, error))
        return -1;
    if (check_control(d, where, error)) return -1;
    return design_signed(d) ? check_signed(d, where, error) : check_published(d, where, error);
}

/* ---- printing ---- */

static cJSON *print_pair(int a, int b)
{
    const int pair[2] = {a, b};
    return cJSON_CreateIntArray(pair, 2);
}

static cJSON *print_choice(const char *choices, int index)
{
    const char *p = choices;
    while (index--) p += strcspn(p, "|") + 1;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(p, "|"), p);
    return cJSON_CreateString(name);
}

static cJSON *print_field(const field_t *f, const design_t *d)
{
    const void *at = (const char *)d + f->offset;
    switch (f->kind) {
    case FIELD_TEXT: return cJSON_CreateString(at);
    case FIELD_INT:
        return cJSON_CreateNumber(f->offset == AT(clock_hz) ? (double)*(const int64_t *)at
                                                            : *(const int *)at);
    case FIELD_FORMAT: return print_pair(((const format_t *)at)->w, ((const format_t *)at)->frac);
    case FIELD_LOG2E: return print_pair(((const log2e_t *)at)->num, ((const log2e_t *)at)->append);
    case FIELD_CHOICE: return print_choice(f->choices, *(const int *)at);
    }
    return NULL;
}

char *design_print(const design_t *d)
{
    cJSON *root = cJSON_CreateObject();
    for (const field_t *f = design_fields; f->key; ++f) {
        const char *dot = strchr(f->key, '.');
        cJSON *to = root;
        if (dot) {
            char section[32];
            snprintf(section, sizeof section, "%.*s", (int)(dot - f->key), f->key);
            to = cJSON_GetObjectItemCaseSensitive(root, section);
            if (!to) to = cJSON_AddObjectToObject(root, section);
        }
        cJSON_AddItemToObject(to, dot ? dot + 1 : f->key, print_field(f, d));
    }
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    return text;
}

void design_hash(const design_t *d, char hex[17])
{
    char *text = design_print(d);
    uint64_t h = hash_text(HASH_BASIS, text ? text : "");
    free(text);
    snprintf(hex, 17, "%016llx", (unsigned long long)h);
}

/* ---- names that rtl/ sources use ---- */

typedef struct {
    const char *name;
    size_t offset;
} name_offset_t;

static bool format_value(const design_t *d, const char *name, int64_t *value)
{
    static const name_offset_t formats[] = {
        {"q", AT(q)},
        {"k", AT(k)},
        {"v", AT(v)},
        {"bias", AT(bias)},
        {"acc", AT(acc)},
        {"score", AT(score)},
        {"out", AT(out)},
        {"row_sum", AT(row_sum)},
        {"output_sum", AT(output_sum)},
        {"output", AT(output)},
        {"scale", AT(scale)},
        {"scaled", AT(scaled)},
        {"score_exp", AT(score_exp)},
        {"score_sum", AT(score_sum)},
        {"threshold", AT(threshold)},
    };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; ++i) {
        size_t n = strlen(formats[i].name);
        if (strncmp(name, formats[i].name, n)) continue;
        const format_t *f = (const format_t *)(const void *)((const char *)d + formats[i].offset);
        if (!strcmp(name + n, "_w")) return *value = f->w, true;
        if (!strcmp(name + n, "_frac")) return *value = f->frac, true;
    }
    return false;
}

bool design_value(const design_t *d, const char *name, int64_t *value)
{
    const struct {
        const char *name;
        int64_t value;
    } plain[] = {
        {"signed", design_signed(d)},
        {"published", !design_signed(d)},
        {"rows", d->rows},
        {"columns", d->columns},
        {"pes", d->pes},
        {"depth", design_depth(d)},
        {"c1_w", design_c1_w(d)},
        {"c2_w", design_c2_w(d)},
        {"c4_w", design_c4_w(d)},
        {"top_w", design_top_w(d)},
        {"log2e_num", d->log2e.num},
        {"log2e_append", d->log2e.append},
        {"lut_bits", d->lut_bits},
        {"score_rows", d->score_rows},
        {"score_columns", d->score_columns},
        {"operand_w", d->operand_w},
        {"score_acc_w", d->score_acc_w},
        {"score_shift", d->score_shift},
        {"pack_rows", d->pack_rows},
        {"pack_pes", d->pack_pes},
        {"mask_bits", d->mask_bits},
        {"counter_bits", d->counter_bits},
        {"row_id_bits", d->row_id_bits},
        {"no_pe", d->no_pe},
        {"interleaved", d->split_policy == SPLIT_INTERLEAVED},
        {"home", d->slots == SLOTS_HOME},
        {"sub_row_id_w", d->sub_row_id_w},
        {"window", d->window},
        {"lanes", d->lanes},
        {"travelling", d->control == CONTROL_TRAVELLING},
        {"head_max", d->head_max},
        {"keys_max", d->keys_max},
        {"strips", d->strips},
        {"bus_bytes", d->bus_bytes},
        {"addr_w", d->addr_w},
        {"outstanding", d->outstanding},
        {"passes", DESIGN_PASSES},
        {"output_rows", DESIGN_OUTPUT_ROWS},
        {"bus_w", design_bus_w(d)},
        {"row_beats", design_beats(d, d->head_max)},
        {"low_w", design_low_w(d)},
        {"low_beats", design_low_record_beats(d, d->head_max)},
        {"tiles_max", design_tiles_max(d)},
        {"mask_lane_w", design_mask_lane_w(d)},
        {"mask_lanes", design_mask_lanes(d)},
        {"mask_beats", design_mask_beats(d)},
        {"group_rows", design_group_rows(d)},
        {"left_w", design_left_w(d)},
        {"index_w", fixed_bits(2 * design_group_rows(d))},
        {"strip_w", fixed_bits(2 * d->strips)},
        {"row_w", fixed_bits(d->rows)},
        {"col_w", fixed_bits(d->columns)},
        {"tile_w", fixed_bits(design_tiles_max(d))},
        {"key_w", fixed_bits(d->keys_max)},
        {"len_w", fixed_bits(d->keys_max + 1)},
        {"d_w", fixed_bits(d->head_max + 1)},
        {"e_w", fixed_bits(2 * d->head_max + 1)},
        {"at_w", fixed_bits(d->head_max)},
        {"beat_w", design_beat_w(d)},
        {"tag_w", design_tag_w(d)},
        {"held_w", design_held_w(d)},
        {"group_count_w", fixed_bits(design_group_rows(d) + 1)},
        {"row_count_w", fixed_bits(d->rows + 1)},
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; ++i) {
        if (!strcmp(name, plain[i].name)) return *value = plain[i].value, true;
    }
    return format_value(d, name, value);
}
