// SPDX-License-Identifier: Apache-2.0
#include "trace.h"

#include "../model/json.h"

#include <cjson/cJSON.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX         "layer."
#define CHUNK_BYTES    32768u
#define DESCRIBE_BYTES 64u
#define LEAST_NUMBER   1e-9
#define MOST_NUMBER    1e9

enum { PART_Q, PART_K, PART_V, PART_MASK, PART_VALID, PART_VALID_Q, PARTS };

static const char *const part_names[PARTS] = {"q", "k", "v", "mask", "valid", "valid_q"};

// `layer` comes first: a trace_layer_t handed out is also a pointer to its record.
typedef struct {
    trace_layer_t layer;
    const safetensors_tensor_t *part[PARTS];
    char *policy_text;
    double *threshold;
    unsigned seen; // bit per metadata field that names this layer
} record_t;

struct trace {
    safetensors_file_t *file;
    record_t *records;
    size_t count;
    const char *model, *source;
};

// Where an error line goes.
typedef struct {
    const char *shown;
    char *text;
    size_t size;
} report_t;

#define FAIL(report, ...) safetensors_fail((report)->text, (report)->size, (report)->shown, __VA_ARGS__)

static bool out_of_memory(const report_t *report)
{
    return FAIL(report, "memory: expected enough for a layer, found too little");
}

const char *trace_empty_row_name(trace_empty_row_t empty_row)
{
    static const char *const names[] = {"none", "dense", "zero", "top1"};
    return empty_row <= TRACE_EMPTY_ROW_TOP1 ? names[empty_row] : "none";
}

// ---- layer ids

static size_t count_digits(const char *id)
{
    return strspn(id, "0123456789");
}

// 0 plain, 1 -enc, 2 -dec, 3 -cross; -1 for anything else.
static int id_kind(const char *suffix)
{
    static const char *const suffixes[] = {"", "-enc", "-dec", "-cross"};
    for (int i = 0; i < 4; i++)
        if (strcmp(suffix, suffixes[i]) == 0) return i;
    return -1;
}

static int compare_numbers(const char *a, const char *b)
{
    a += strspn(a, "0");
    b += strspn(b, "0");
    size_t digits_a = count_digits(a), digits_b = count_digits(b);
    if (digits_a != digits_b) return digits_a < digits_b ? -1 : 1;
    return strncmp(a, b, digits_a);
}

// Encoders run before decoders, and in a decoder layer self-attention runs before cross-attention.
static int compare_ids(const char *a, const char *b)
{
    int kind_a = id_kind(a + count_digits(a)), kind_b = id_kind(b + count_digits(b));
    bool decoder_a = kind_a >= 2, decoder_b = kind_b >= 2;
    if (decoder_a != decoder_b) return decoder_a ? 1 : -1;
    int order = compare_numbers(a, b);
    if (order) return order;
    if (kind_a != kind_b) return kind_a < kind_b ? -1 : 1;
    return strcmp(a, b); // 7 and 07
}

static int compare_records(const void *a, const void *b)
{
    return compare_ids(((const record_t *)a)->layer.id, ((const record_t *)b)->layer.id);
}

static bool is_cross(const trace_layer_t *layer)
{
    return id_kind(layer->id + count_digits(layer->id)) == 3;
}

static record_t *find_record(const trace_t *trace, const char *id)
{
    record_t wanted = {0};
    size_t length = strlen(id), digits = count_digits(id);
    if (length >= TRACE_ID_BYTES || digits == 0 || id_kind(id + digits) < 0) return NULL;
    memcpy(wanted.layer.id, id, length + 1);
    return bsearch(&wanted, trace->records, trace->count, sizeof wanted, compare_records);
}

// ---- tensors to layers

static int find_part(const char *name)
{
    for (int part = 0; part < PARTS; part++)
        if (strcmp(name, part_names[part]) == 0) return part;
    return -1;
}

// Splits `layer.<id>.<part>`; false where the name is none of ours.
static bool split_name(const char *name, char id[TRACE_ID_BYTES], int *part)
{
    size_t prefix = strlen(PREFIX);
    if (strncmp(name, PREFIX, prefix) != 0) return false;
    const char *start = name + prefix, *dot = strchr(start, '.');
    if (!dot || (size_t)(dot - start) >= TRACE_ID_BYTES) return false;
    memcpy(id, start, (size_t)(dot - start));
    id[dot - start] = 0;
    size_t digits = count_digits(id);
    *part = find_part(dot + 1);
    return digits > 0 && id_kind(id + digits) >= 0 && *part >= 0;
}

// Tensors come sorted by name, so those of one layer are neighbours.
static bool collect_layers(trace_t *trace, const report_t *report)
{
    size_t tensors = safetensors_count(trace->file);
    trace->records = calloc(tensors + 1, sizeof *trace->records);
    if (!trace->records) return out_of_memory(report);
    for (size_t i = 0; i < tensors; i++) {
        const safetensors_tensor_t *tensor = safetensors_tensor(trace->file, i);
        char id[TRACE_ID_BYTES];
        int part;
        if (!split_name(tensor->name, id, &part))
            return FAIL(
                report,
                "%.80s: expected layer.<id>.q, .k, .v, .mask, .valid or .valid_q, found another tensor",
                tensor->name);
        if (trace->count == 0 || strcmp(trace->records[trace->count - 1].layer.id, id) != 0)
            memcpy(trace->records[trace->count++].layer.id, id, sizeof id);
        trace->records[trace->count - 1].part[part] = tensor;
    }
    if (trace->count == 0) return FAIL(report, "layers: expected at least one, found none");
    qsort(trace->records, trace->count, sizeof *trace->records, compare_records);
    return true;
}

static void print_shape(char text[DESCRIBE_BYTES], const uint64_t *shape, int rank)
{
    size_t at = 0;
    text[at++] = '[';
    for (int i = 0; i < rank && at < DESCRIBE_BYTES; i++) {
        int n =
            snprintf(text + at, DESCRIBE_BYTES - at, "%s%llu", i ? "," : "", (unsigned long long)shape[i]);
        at += n > 0 ? (size_t)n : 0;
    }
    if (at > DESCRIBE_BYTES - 2) at = DESCRIBE_BYTES - 2;
    text[at++] = ']';
    text[at] = 0;
}

static bool check_shape(const safetensors_tensor_t *tensor, const uint64_t *shape, int rank,
                        const report_t *report)
{
    char expected[DESCRIBE_BYTES], found[DESCRIBE_BYTES];
    if (tensor->rank == rank && memcmp(tensor->shape, shape, (size_t)rank * sizeof *shape) == 0) return true;
    print_shape(expected, shape, rank);
    print_shape(found, tensor->shape, tensor->rank);
    return FAIL(report, "%s.shape: expected %s, found %s", tensor->name, expected, found);
}

static bool check_dtype(const safetensors_tensor_t *tensor, bool is_float, const report_t *report)
{
    bool fine = is_float ? tensor->dtype == SAFETENSORS_F16 || tensor->dtype == SAFETENSORS_F32
                         : tensor->dtype == SAFETENSORS_U8;
    if (fine) return true;
    return FAIL(report, "%s.dtype: expected %s, found %s", tensor->name, is_float ? "F16 or F32" : "U8",
                safetensors_dtype_name(tensor->dtype));
}

static bool check_parts(const record_t *record, const report_t *report)
{
    for (int part = 0; part < PARTS; part++) {
        bool optional = part == PART_MASK || part == PART_VALID_Q;
        if (!record->part[part] && optional) continue;
        if (!record->part[part])
            return FAIL(report, PREFIX "%s.%s: expected this tensor, found none", record->layer.id,
                        part_names[part]);
        if (!check_dtype(record->part[part], part <= PART_V, report)) return false;
    }
    return true;
}

// Reads B, H, L, d from q and Hkv, M from k.
static bool take_sizes(record_t *record, const report_t *report)
{
    trace_layer_t *layer = &record->layer;
    const safetensors_tensor_t *of[] = {record->part[PART_Q], record->part[PART_K]};
    for (int i = 0; i < 2; i++) {
        char found[DESCRIBE_BYTES];
        bool fine = of[i]->rank == 4;
        for (int j = 0; j < 4 && fine; j++) fine = of[i]->shape[j] > 0 && of[i]->shape[j] <= SIZE_MAX;
        print_shape(found, of[i]->shape, of[i]->rank);
        if (!fine)
            return FAIL(report, "%s.shape: expected %s, none of them 0, found %s", of[i]->name,
                        i ? "[B,Hkv,M,d]" : "[B,H,L,d]", found);
    }
    layer->B = (size_t)of[0]->shape[0];
    layer->H = (size_t)of[0]->shape[1];
    layer->L = (size_t)of[0]->shape[2];
    layer->d = (size_t)of[0]->shape[3];
    layer->Hkv = (size_t)of[1]->shape[1];
    layer->M = (size_t)of[1]->shape[2];
    return true;
}

static bool check_head_bytes(const trace_layer_t *layer, const report_t *report)
{
    double L = (double)layer->L, M = (double)layer->M, d = (double)layer->d;
    double bytes = sizeof(double) * d * (L + 2 * M) + L + M + (layer->has_mask ? L * M : 0);
    if (bytes <= (double)TRACE_MAX_HEAD_BYTES) return true;
    return FAIL(report, PREFIX "%s: expected at most %.0f bytes for one loaded head, found %.0f", layer->id,
                (double)TRACE_MAX_HEAD_BYTES, bytes);
}

static bool check_shapes(const record_t *record, const report_t *report)
{
    const trace_layer_t *layer = &record->layer;
    const safetensors_tensor_t *const *part = record->part;
    uint64_t row_bytes = (layer->M + 7) / 8;
    uint64_t key[] = {layer->B, layer->Hkv, layer->M, layer->d};
    uint64_t mask[] = {layer->B, layer->H, layer->L, row_bytes};
    uint64_t valid[] = {layer->B, row_bytes};
    uint64_t valid_q[] = {layer->B, (layer->L + 7) / 8};
    return check_shape(part[PART_K], key, 4, report) && check_shape(part[PART_V], key, 4, report) &&
           (!part[PART_MASK] || check_shape(part[PART_MASK], mask, 4, report)) &&
           check_shape(part[PART_VALID], valid, 2, report) &&
           (!part[PART_VALID_Q] || check_shape(part[PART_VALID_Q], valid_q, 2, report));
}

static bool check_layer(record_t *record, const report_t *report)
{
    trace_layer_t *layer = &record->layer;
    if (!check_parts(record, report) || !take_sizes(record, report)) return false;
    layer->has_mask = record->part[PART_MASK] != NULL;
    layer->has_valid_q = record->part[PART_VALID_Q] != NULL;
    layer->dtype_q = record->part[PART_Q]->dtype;
    layer->dtype_k = record->part[PART_K]->dtype;
    layer->dtype_v = record->part[PART_V]->dtype;
    if (!check_shapes(record, report)) return false;
    // a file may say anything of heads that share few bytes, or none on the disk
    if (layer->H > TRACE_MAX_HEADS)
        return FAIL(report, PREFIX "%s: expected at most %u heads, found %zu", layer->id, TRACE_MAX_HEADS,
                    layer->H);
    if (layer->H % layer->Hkv != 0)
        return FAIL(report, PREFIX "%s: expected q's heads to be a multiple of k's, found %zu and %zu",
                    layer->id, layer->H, layer->Hkv);
    return check_head_bytes(layer, report);
}

// ---- metadata

static void describe(const cJSON *item, char text[DESCRIBE_BYTES])
{
    const char *kind = cJSON_IsBool(item)    ? (cJSON_IsTrue(item) ? "true" : "false")
                       : cJSON_IsNull(item)  ? "null"
                       : cJSON_IsArray(item) ? "an array"
                                             : "an object";
    if (cJSON_IsNumber(item))
        (void)snprintf(text, DESCRIBE_BYTES, "%.17g", item->valuedouble);
    else if (cJSON_IsString(item))
        (void)snprintf(text, DESCRIBE_BYTES, "\"%.40s\"", item->valuestring);
    else
        (void)snprintf(text, DESCRIBE_BYTES, "%s", kind);
}

static bool refuse(const report_t *report, const char *key, const record_t *record, const char *expected,
                   const cJSON *found)
{
    char text[DESCRIBE_BYTES];
    describe(found, text);
    return FAIL(report, "metadata.%s.%s: expected %s, found %s", key, record->layer.id, expected, text);
}

static bool number_within(const cJSON *item, double least, double most)
{
    return cJSON_IsNumber(item) && item->valuedouble >= least && item->valuedouble <= most;
}

static bool set_causal(record_t *record, const cJSON *item, const char *key, const report_t *report)
{
    if (!cJSON_IsBool(item)) return refuse(report, key, record, "true or false", item);
    record->layer.causal = cJSON_IsTrue(item);
    return true;
}

static bool set_positive(record_t *record, const cJSON *item, const char *key, const report_t *report,
                         double *into)
{
    if (!number_within(item, LEAST_NUMBER, MOST_NUMBER))
        return refuse(report, key, record, "a number from 1e-9 to 1e9", item);
    *into = item->valuedouble;
    return true;
}

static bool set_scaling(record_t *record, const cJSON *item, const char *key, const report_t *report)
{
    return set_positive(record, item, key, report, &record->layer.scaling);
}

static bool set_quant_q(record_t *record, const cJSON *item, const char *key, const report_t *report)
{
    return set_positive(record, item, key, report, &record->layer.quant_q);
}

static bool set_quant_k(record_t *record, const cJSON *item, const char *key, const report_t *report)
{
    return set_positive(record, item, key, report, &record->layer.quant_k);
}

static bool set_bits(record_t *record, const cJSON *item, const char *key, const report_t *report)
{
    for (int bits = 2; bits <= 8; bits += 2) {
        if (!number_within(item, bits, bits)) continue;
        record->layer.bits = bits;
        return true;
    }
    return refuse(report, key, record, "2, 4, 6 or 8", item);
}

// Printable ASCII without spaces: reports print it as it is.
static bool is_name(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c > '~') return false;
    return *text != 0;
}

static trace_policy_t parse_policy(const char *text)
{
    if (strcmp(text, "sanger") == 0) return TRACE_POLICY_SANGER;
    if (strcmp(text, "learned") == 0) return TRACE_POLICY_LEARNED;
    if (strncmp(text, "static:", 7) == 0) return is_name(text + 7) ? TRACE_POLICY_STATIC : TRACE_POLICY_NONE;
    if (strncmp(text, "topk:", 5) != 0) return TRACE_POLICY_NONE;
    size_t digits = count_digits(text + 5);
    bool number = digits > 0 && digits <= 15 && text[5] != '0' && text[5 + digits] == 0;
    return number ? TRACE_POLICY_TOPK : TRACE_POLICY_NONE;
}

static bool set_policy(record_t *record, const cJSON *item, const char *key, const report_t *report)
{
    record->layer.policy = cJSON_IsString(item) ? parse_policy(item->valuestring) : TRACE_POLICY_NONE;
    if (record->layer.policy == TRACE_POLICY_NONE)
        return refuse(report, key, record, "sanger, static:NAME, topk:K or learned", item);
    record->policy_text = strdup(item->valuestring);
    if (!record->policy_text) return out_of_memory(report);
    record->layer.policy_text = record->policy_text;
    return true;
}

static bool set_empty_row(record_t *record, const cJSON *item, const char *key, const report_t *report)
{
    for (int i = TRACE_EMPTY_ROW_DENSE; i <= TRACE_EMPTY_ROW_TOP1 && cJSON_IsString(item); i++) {
        if (strcmp(item->valuestring, trace_empty_row_name((trace_empty_row_t)i)) != 0) continue;
        record->layer.empty_row = (trace_empty_row_t)i;
        return true;
    }
    return refuse(report, key, record, "dense, zero or top1", item);
}

static bool set_threshold(record_t *record, const cJSON *item, const char *key, const report_t *report)
{
    size_t H = record->layer.H, given = cJSON_IsArray(item) ? (size_t)cJSON_GetArraySize(item) : 1;
    const cJSON *value = cJSON_IsArray(item) ? item->child : item;
    if (cJSON_IsArray(item) && given != H)
        return FAIL(report, "metadata.%s.%s: expected a number or one for each of %zu heads, found %zu", key,
                    record->layer.id, H, given);
    record->threshold = calloc(H, sizeof *record->threshold);
    if (!record->threshold) return out_of_memory(report);
    for (size_t h = 0; h < H; h++) {
        if (!number_within(value, 0, 1) || value->valuedouble == 1)
            return refuse(report, key, record, "numbers from 0 to below 1", value);
        record->threshold[h] = value->valuedouble;
        if (cJSON_IsArray(item)) value = value->next;
    }
    record->layer.threshold = record->threshold;
    return true;
}

// Which layers must be named in a field.
typedef enum { NEED_ALWAYS, NEED_WITH_MASK, NEED_TO_RECOMPUTE } need_t;

static const struct field {
    const char *key;
    bool (*set)(record_t *, const cJSON *, const char *key, const report_t *);
    need_t need;
} fields[] = {
    {"causal", set_causal, NEED_ALWAYS},
    {"scaling", set_scaling, NEED_ALWAYS},
    {"policy", set_policy, NEED_WITH_MASK},
    {"empty_row", set_empty_row, NEED_WITH_MASK},
    {"threshold", set_threshold, NEED_TO_RECOMPUTE},
    {"bits", set_bits, NEED_TO_RECOMPUTE},
    {"quant_q", set_quant_q, NEED_TO_RECOMPUTE},
    {"quant_k", set_quant_k, NEED_TO_RECOMPUTE},
};

#define FIELDS (sizeof fields / sizeof fields[0])

static bool set_entry(trace_t *trace, size_t field, const cJSON *item, const report_t *report)
{
    const char *key = fields[field].key;
    record_t *record = find_record(trace, item->string);
    if (!record)
        return FAIL(report, "metadata.%s: expected ids of this file's layers, found \"%.40s\"", key,
                    item->string);
    if (record->seen & 1u << field)
        return FAIL(report, "metadata.%s.%s: expected once, found twice", key, record->layer.id);
    record->seen |= 1u << field;
    return fields[field].set(record, item, key, report);
}

static bool parse_field(trace_t *trace, size_t field, const report_t *report)
{
    const char *text = safetensors_metadata(trace->file, fields[field].key);
    const json_rule_t rule = {.max_depth = 2};
    json_fault_t fault;
    if (!text) return true;
    cJSON *root = json_parse(text, strlen(text), rule, &fault);
    if (!root)
        return FAIL(report, "metadata.%s: expected %s at byte %zu, found %s", fields[field].key,
                    fault.expected, fault.at, fault.found);
    bool fine = true;
    for (const cJSON *item = root->child; item && fine; item = item->next)
        fine = set_entry(trace, field, item, report);
    cJSON_Delete(root);
    return fine;
}

static bool is_needed(const trace_layer_t *layer, need_t need)
{
    if (need == NEED_ALWAYS) return true;
    return layer->has_mask && (need == NEED_WITH_MASK || layer->policy == TRACE_POLICY_SANGER);
}

static bool check_fields(const record_t *record, const report_t *report)
{
    for (size_t field = 0; field < FIELDS; field++)
        if (is_needed(&record->layer, fields[field].need) && !(record->seen & 1u << field))
            return FAIL(report, "metadata.%s: expected a value for layer %s, found none", fields[field].key,
                        record->layer.id);
    return true;
}

static bool check_causal(const trace_layer_t *layer, const report_t *report)
{
    if (layer->causal && is_cross(layer))
        return FAIL(report, "metadata.causal.%s: expected false for cross-attention, found true", layer->id);
    if (layer->causal && layer->L != layer->M)
        return FAIL(
            report,
            "metadata.causal.%s: expected as many queries as keys in a causal layer, found %zu and %zu",
            layer->id, layer->L, layer->M);
    return true;
}

static bool check_string(const trace_t *trace, const char *key, const char *expected, const report_t *report,
                         const char **into)
{
    const char *value = safetensors_metadata(trace->file, key);
    if (!value)
        return FAIL(report, "metadata.%s: expected %s, found none", key, expected ? expected : "a string");
    if (expected ? strcmp(value, expected) != 0 : !*value)
        return FAIL(report, "metadata.%s: expected %s, found \"%.40s\"", key,
                    expected ? expected : "a string", value);
    if (into) *into = value;
    return true;
}

// ---- opening

static bool check_trace(trace_t *trace, const report_t *report)
{
    if (!check_string(trace, "format", "sanger-trace", report, NULL) ||
        !check_string(trace, "version", "1", report, NULL) ||
        !check_string(trace, "model", NULL, report, &trace->model) ||
        !check_string(trace, "source", NULL, report, &trace->source))
        return false;
    if (!collect_layers(trace, report)) return false;
    for (size_t i = 0; i < trace->count; i++)
        if (!check_layer(&trace->records[i], report)) return false;
    for (size_t field = 0; field < FIELDS; field++)
        if (!parse_field(trace, field, report)) return false;
    for (size_t i = 0; i < trace->count; i++)
        if (!check_fields(&trace->records[i], report) || !check_causal(&trace->records[i].layer, report))
            return false;
    return true;
}

// Takes the file over.
static bool open_file(safetensors_file_t *file, trace_t **trace, char *err, size_t err_size)
{
    report_t report = {safetensors_name(file), err, err_size};
    trace_t *opened = calloc(1, sizeof *opened);
    if (!opened) {
        (void)out_of_memory(&report);
        safetensors_close(file);
        return false;
    }
    opened->file = file;
    if (check_trace(opened, &report)) {
        *trace = opened;
        return true;
    }
    trace_close(opened);
    return false;
}

static bool open_as(const char *path, const char *shown, trace_t **trace, char *err, size_t err_size)
{
    safetensors_file_t *file;
    *trace = NULL;
    return safetensors_open_as(path, shown, &file, err, err_size) && open_file(file, trace, err, err_size);
}

bool trace_open(const char *path, trace_t **trace, char *err, size_t err_size)
{
    return open_as(path, path, trace, err, err_size);
}

bool trace_open_memory(const char *shown, const void *data, size_t size, trace_t **trace, char *err,
                       size_t err_size)
{
    safetensors_file_t *file;
    *trace = NULL;
    return safetensors_open_memory(shown, data, size, &file, err, err_size) &&
           open_file(file, trace, err, err_size);
}

void trace_close(trace_t *trace)
{
    if (!trace) return;
    for (size_t i = 0; i < trace->count; i++) {
        free(trace->records[i].policy_text);
        free(trace->records[i].threshold);
    }
    free(trace->records);
    safetensors_close(trace->file);
    free(trace);
}

const char *trace_path(const trace_t *trace)
{
    return safetensors_name(trace->file);
}

const char *trace_model(const trace_t *trace)
{
    return trace->model;
}

const char *trace_source(const trace_t *trace)
{
    return trace->source;
}

const safetensors_file_t *trace_file(const trace_t *trace)
{
    return trace->file;
}

size_t trace_layer_count(const trace_t *trace)
{
    return trace->count;
}

const trace_layer_t *trace_layer(const trace_t *trace, size_t index)
{
    return index < trace->count ? &trace->records[index].layer : NULL;
}

const trace_layer_t *trace_find_layer(const trace_t *trace, const char *id)
{
    const record_t *record = find_record(trace, id);
    return record ? &record->layer : NULL;
}

// ---- data

double trace_half_to_double(uint16_t half)
{
    uint64_t sign = (uint64_t)(half >> 15) << 63, exponent = half >> 10 & 31, fraction = half & 1023;
    double value = (double)fraction * 0x1p-24; // subnormal
    if (exponent) {
        // the exponents' biases differ by 1023 - 15; all ones stay all ones
        uint64_t wide = exponent == 31 ? 2047 : exponent + 1008;
        uint64_t bits = wide << 52 | fraction << 42;
        memcpy(&value, &bits, sizeof value);
    }
    return sign ? -value : value;
}

uint16_t trace_double_to_half(double value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double magnitude = fabs(value);
    int exponent;
    if (isnan(value)) return 0x7e00;
    if (magnitude >= 65520) return sign | 0x7c00; // half a step above the largest
    if (magnitude < 0x1p-14) return (uint16_t)(sign | (uint16_t)nearbyint(magnitude * 0x1p24));
    double fraction = nearbyint(frexp(magnitude, &exponent) * 2048); // 1024 .. 2048; 2048 carries
    return (uint16_t)(sign | (uint16_t)(((exponent + 14) << 10) + (int)fraction - 1024));
}

static double decode(const uint8_t *bytes, safetensors_dtype_t dtype)
{
    if (dtype == SAFETENSORS_F16) return trace_half_to_double((uint16_t)(bytes[0] | bytes[1] << 8));
    uint32_t bits =
        (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static bool refuse_value(const safetensors_tensor_t *tensor, uint64_t element, double value,
                         const report_t *report)
{
    uint64_t at[4];
    char text[DESCRIBE_BYTES];
    for (int i = 4; i-- > 0;) {
        at[i] = element % tensor->shape[i];
        element /= tensor->shape[i];
    }
    print_shape(text, at, 4);
    return FAIL(report, "%s: expected finite values, found %s at %s", tensor->name,
                isnan(value) ? "NaN" : "infinity", text);
}

// Decodes `count` values from element `first` on.
static bool load_floats(const trace_t *trace, const safetensors_tensor_t *tensor, uint64_t first,
                        size_t count, double *into, const report_t *report)
{
    uint8_t chunk[CHUNK_BYTES];
    size_t bytes = safetensors_dtype_bytes(tensor->dtype);
    for (size_t done = 0; done < count;) {
        size_t now = count - done < CHUNK_BYTES / bytes ? count - done : CHUNK_BYTES / bytes;
        if (!safetensors_read(trace->file, tensor, (first + done) * bytes, chunk, now * bytes, report->text,
                              report->size))
            return false;
        for (size_t i = 0; i < now; i++) {
            into[done + i] = decode(chunk + i * bytes, tensor->dtype);
            if (!isfinite(into[done + i]))
                return refuse_value(tensor, first + done + i, into[done + i], report);
        }
        done += now;
    }
    return true;
}

// Unpacks one row of `count` bits; false where a bit beyond them is set.
static bool unpack_bits(const uint8_t *bytes, size_t count, uint8_t *into)
{
    for (size_t j = 0; j < count; j++) into[j] = bytes[j / 8] >> (j % 8) & 1;
    return count % 8 == 0 || bytes[count / 8] >> (count % 8) == 0;
}

// Reads row `row` of a tensor of packed rows of `count` bits.
static bool load_bits(const trace_t *trace, const safetensors_tensor_t *tensor, uint64_t row, size_t count,
                      uint8_t *into, const report_t *report)
{
    uint8_t chunk[CHUNK_BYTES];
    size_t row_bytes = (count + 7) / 8;
    for (size_t done = 0; done < row_bytes;) {
        size_t now = row_bytes - done < CHUNK_BYTES ? row_bytes - done : CHUNK_BYTES;
        size_t bits = count - done * 8 < now * 8 ? count - done * 8 : now * 8;
        if (!safetensors_read(trace->file, tensor, row * row_bytes + done, chunk, now, report->text,
                              report->size))
            return false;
        if (!unpack_bits(chunk, bits, into + done * 8))
            return FAIL(report, "%s: expected no bit beyond %zu, found one in row %llu", tensor->name, count,
                        (unsigned long long)row);
        done += now;
    }
    return true;
}

static bool reserve(void **buffer, size_t *capacity, size_t bytes, const report_t *report)
{
    if (*buffer && bytes <= *capacity) return true;
    free(*buffer);
    *buffer = malloc(bytes);
    *capacity = *buffer ? bytes : 0;
    return *buffer || out_of_memory(report);
}

static bool reserve_doubles(double **buffer, size_t *capacity, size_t count, const report_t *report)
{
    void *raw = *buffer;
    bool fine = reserve(&raw, capacity, count * sizeof(double), report);
    *buffer = raw;
    return fine;
}

static bool reserve_bytes(uint8_t **buffer, size_t *capacity, size_t count, const report_t *report)
{
    void *raw = *buffer;
    bool fine = reserve(&raw, capacity, count, report);
    *buffer = raw;
    return fine;
}

static bool reserve_head(const trace_layer_t *layer, trace_head_t *head, const report_t *report)
{
    if (!layer->has_mask) {
        free(head->mask);
        head->mask = NULL;
        head->capacity[PART_MASK] = 0;
    }
    return reserve_doubles(&head->q, &head->capacity[PART_Q], layer->L * layer->d, report) &&
           reserve_doubles(&head->k, &head->capacity[PART_K], layer->M * layer->d, report) &&
           reserve_doubles(&head->v, &head->capacity[PART_V], layer->M * layer->d, report) &&
           reserve_bytes(&head->valid, &head->capacity[PART_VALID], layer->M, report) &&
           reserve_bytes(&head->valid_q, &head->capacity[PART_VALID_Q], layer->L, report) &&
           (!layer->has_mask ||
            reserve_bytes(&head->mask, &head->capacity[PART_MASK], layer->L * layer->M, report));
}

static void describe_head(const trace_layer_t *layer, size_t sequence, size_t head, trace_head_t *into)
{
    into->layer = layer;
    into->sequence = sequence;
    into->head = head;
    into->L = layer->L;
    into->M = layer->M;
    into->d = layer->d;
    into->causal = layer->causal;
    into->scaling = layer->scaling;
    into->has_threshold = layer->threshold != NULL;
    into->threshold = layer->threshold ? layer->threshold[head] : 0;
    into->bits = layer->bits;
    into->quant_q = layer->quant_q;
    into->quant_k = layer->quant_k;
    into->empty_row = layer->empty_row;
}

static bool load_valid(const trace_t *trace, const record_t *record, size_t sequence, trace_head_t *into,
                       const report_t *report)
{
    const trace_layer_t *layer = &record->layer;
    if (!load_bits(trace, record->part[PART_VALID], sequence, layer->M, into->valid, report)) return false;
    if (layer->has_valid_q)
        return load_bits(trace, record->part[PART_VALID_Q], sequence, layer->L, into->valid_q, report);
    if (layer->L == layer->M && !is_cross(layer))
        memcpy(into->valid_q, into->valid, layer->L);
    else
        memset(into->valid_q, 1, layer->L);
    return true;
}

static bool load_keys(const trace_t *trace, const record_t *record, size_t sequence, size_t key_head,
                      trace_head_t *into, const report_t *report)
{
    const trace_layer_t *layer = &record->layer;
    size_t count = layer->M * layer->d;
    uint64_t first = ((uint64_t)sequence * layer->Hkv + key_head) * count;
    return load_floats(trace, record->part[PART_K], first, count, into->k, report) &&
           load_floats(trace, record->part[PART_V], first, count, into->v, report);
}

static bool check_mask_row(const trace_head_t *head, size_t i, const report_t *report)
{
    const uint8_t *row = head->mask + i * head->M;
    size_t kept = 0, allowed = 0;
    for (size_t j = 0; j < head->M; j++) {
        bool may = trace_allowed(head, i, j);
        if (row[j] && !may)
            return FAIL(report,
                        PREFIX
                        "%s.mask: expected no bit on %s, found one on key %zu of query %zu in [%zu,%zu]",
                        head->layer->id, head->valid[j] ? "a key in a causal layer's future" : "a padded key",
                        j, i, head->sequence, head->head);
        kept += row[j];
        allowed += may;
    }
    // under the other policies an empty row would have been filled before it was stored
    if (kept || !allowed || !head->valid_q[i] || head->empty_row == TRACE_EMPTY_ROW_ZERO) return true;
    return FAIL(report,
                PREFIX
                "%s.mask: expected a kept key in every row under empty_row %s, found none in query %zu "
                "in [%zu,%zu]",
                head->layer->id, trace_empty_row_name(head->empty_row), i, head->sequence, head->head);
}

static bool load_queries(const trace_t *trace, const record_t *record, trace_head_t *into,
                         const report_t *report)
{
    const trace_layer_t *layer = &record->layer;
    size_t count = layer->L * layer->d;
    uint64_t index = (uint64_t)into->sequence * layer->H + into->head;
    if (!load_floats(trace, record->part[PART_Q], index * count, count, into->q, report)) return false;
    for (size_t i = 0; i < layer->L && layer->has_mask; i++) {
        uint8_t *row = into->mask + i * layer->M;
        if (!load_bits(trace, record->part[PART_MASK], index * layer->L + i, layer->M, row, report) ||
            !check_mask_row(into, i, report))
            return false;
    }
    return true;
}

bool trace_load_head(const trace_t *trace, const trace_layer_t *layer, size_t sequence, size_t head,
                     trace_head_t *into, char *err, size_t err_size)
{
    const record_t *record = (const record_t *)layer;
    report_t report = {trace_path(trace), err, err_size};
    if (sequence >= layer->B || head >= layer->H)
        return FAIL(&report, PREFIX "%s: expected a head below [%zu,%zu], found [%zu,%zu]", layer->id,
                    layer->B, layer->H, sequence, head);
    describe_head(layer, sequence, head, into);
    return reserve_head(layer, into, &report) && load_valid(trace, record, sequence, into, &report) &&
           load_keys(trace, record, sequence, head / (layer->H / layer->Hkv), into, &report) &&
           load_queries(trace, record, into, &report);
}

void trace_head_free(trace_head_t *head)
{
    free(head->q);
    free(head->k);
    free(head->v);
    free(head->mask);
    free(head->valid);
    free(head->valid_q);
    *head = (trace_head_t){0};
}

// Keys are read once per key head and not once per query head: many query heads over few long keys would
// cost the square of the file's size.
static bool validate_layer(const trace_t *trace, const record_t *record, trace_head_t *head,
                           const report_t *report)
{
    const trace_layer_t *layer = &record->layer;
    size_t group = layer->H / layer->Hkv;
    if (!reserve_head(layer, head, report)) return false;
    for (size_t b = 0; b < layer->B; b++) {
        if (!load_valid(trace, record, b, head, report)) return false;
        for (size_t h = 0; h < layer->H; h++) {
            describe_head(layer, b, h, head);
            if (h % group == 0 && !load_keys(trace, record, b, h / group, head, report)) return false;
            if (!load_queries(trace, record, head, report)) return false;
        }
    }
    return true;
}

bool trace_validate(const trace_t *trace, char *err, size_t err_size)
{
    report_t report = {trace_path(trace), err, err_size};
    trace_head_t head = {0};
    bool fine = true;
    for (size_t i = 0; i < trace->count && fine; i++)
        fine = validate_layer(trace, &trace->records[i], &head, &report);
    trace_head_free(&head);
    return fine;
}

// ---- writing

typedef cJSON *value_of_t(const trace_layer_data_t *); // NULL: out of memory

// cJSON's own printing may lose the last bit.
static cJSON *exact_number(double value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%.17g", value);
    return cJSON_CreateRaw(text);
}

static cJSON *causal_of(const trace_layer_data_t *layer)
{
    return cJSON_CreateBool(layer->causal);
}

static cJSON *scaling_of(const trace_layer_data_t *layer)
{
    return exact_number(layer->scaling);
}

static cJSON *policy_of(const trace_layer_data_t *layer)
{
    return cJSON_CreateString(layer->policy);
}

static cJSON *empty_row_of(const trace_layer_data_t *layer)
{
    return cJSON_CreateString(trace_empty_row_name(layer->empty_row));
}

static cJSON *threshold_of(const trace_layer_data_t *layer)
{
    if (layer->threshold_count == 1) return exact_number(layer->threshold[0]);
    cJSON *array = cJSON_CreateArray();
    for (size_t h = 0; h < layer->threshold_count && array; h++)
        (void)cJSON_AddItemToArray(array, exact_number(layer->threshold[h]));
    return array;
}

static cJSON *bits_of(const trace_layer_data_t *layer)
{
    return cJSON_CreateNumber(layer->bits);
}

static cJSON *quant_q_of(const trace_layer_data_t *layer)
{
    return exact_number(layer->quant_q);
}

static cJSON *quant_k_of(const trace_layer_data_t *layer)
{
    return exact_number(layer->quant_k);
}

static value_of_t *const values_of[FIELDS] = {causal_of,    scaling_of, policy_of,  empty_row_of,
                                              threshold_of, bits_of,    quant_q_of, quant_k_of};

static bool is_given(const trace_layer_data_t *layer, size_t field)
{
    const bool given[FIELDS] = {true,
                                true,
                                layer->policy != NULL,
                                layer->empty_row != TRACE_EMPTY_ROW_NONE,
                                layer->threshold_count > 0,
                                layer->bits != 0,
                                layer->quant_q != 0,
                                layer->quant_k != 0};
    return given[field];
}

static bool add_value(cJSON *map, const trace_layer_data_t *layer, size_t field)
{
    cJSON *value = values_of[field](layer);
    if (value && cJSON_AddItemToObject(map, layer->id, value)) return true;
    cJSON_Delete(value);
    return false;
}

// The JSON map of one field over all layers, for cJSON_free; *text stays NULL when no layer has it.
static bool build_map(const trace_data_t *data, size_t field, char **text)
{
    cJSON *map = cJSON_CreateObject();
    bool fine = map != NULL;
    for (size_t i = 0; i < data->layer_count && fine; i++)
        if (is_given(&data->layers[i], field)) fine = add_value(map, &data->layers[i], field);
    if (fine && map->child) {
        *text = cJSON_PrintUnformatted(map);
        fine = *text != NULL;
    }
    cJSON_Delete(map);
    return fine;
}

static safetensors_tensor_t make_tensor(const char *name, safetensors_dtype_t dtype, int rank, size_t a,
                                        size_t b, size_t c, size_t d)
{
    return (safetensors_tensor_t){.name = name, .dtype = dtype, .rank = rank, .shape = {a, b, c, d}};
}

typedef char part_name_t[TRACE_ID_BYTES + 16];

// Fills names[PARTS] and tensors; returns how many.
static size_t plan_layer(const trace_layer_data_t *layer, part_name_t *names, safetensors_tensor_t *tensors)
{
    const trace_layer_data_t l = *layer;
    size_t n = 0, row_bytes = (l.M + 7) / 8;
    for (int part = 0; part < PARTS; part++)
        (void)snprintf(names[part], sizeof names[part], PREFIX "%.31s.%s", l.id, part_names[part]);
    tensors[n++] = make_tensor(names[PART_Q], l.dtype, 4, l.B, l.H, l.L, l.d);
    tensors[n++] = make_tensor(names[PART_K], l.dtype, 4, l.B, l.Hkv, l.M, l.d);
    tensors[n++] = make_tensor(names[PART_V], l.dtype, 4, l.B, l.Hkv, l.M, l.d);
    if (l.mask) tensors[n++] = make_tensor(names[PART_MASK], SAFETENSORS_U8, 4, l.B, l.H, l.L, row_bytes);
    tensors[n++] = make_tensor(names[PART_VALID], SAFETENSORS_U8, 2, l.B, row_bytes, 0, 0);
    if (l.valid_q)
        tensors[n++] = make_tensor(names[PART_VALID_Q], SAFETENSORS_U8, 2, l.B, (l.L + 7) / 8, 0, 0);
    return n;
}

static size_t encode(double value, safetensors_dtype_t dtype, uint8_t *bytes)
{
    size_t size = safetensors_dtype_bytes(dtype);
    uint32_t bits = dtype == SAFETENSORS_F16 ? trace_double_to_half(value) : 0x7f800000u;
    // beyond FLT_MAX the conversion is undefined; infinity is refused when the file is checked
    if (dtype != SAFETENSORS_F16 && fabs(value) <= (double)FLT_MAX) {
        float narrow = (float)value;
        memcpy(&bits, &narrow, sizeof bits);
    }
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(bits >> (8 * i));
    return size;
}

static bool write_floats(safetensors_writer_t *writer, const double *values, size_t count,
                         safetensors_dtype_t dtype, const report_t *report)
{
    uint8_t chunk[CHUNK_BYTES];
    for (size_t i = 0, bytes = 0; i < count; i++) {
        bytes += encode(values[i], dtype, chunk + bytes);
        if (bytes + 4 <= CHUNK_BYTES && i + 1 < count) continue;
        if (!safetensors_write(writer, chunk, bytes, report->text, report->size)) return false;
        bytes = 0;
    }
    return true;
}

// bits: [rows * count], or NULL for all 1.
static bool write_bits(safetensors_writer_t *writer, const uint8_t *bits, size_t rows, size_t count,
                       const report_t *report)
{
    for (size_t row = 0; row < rows; row++) {
        for (size_t j = 0; j < count; j += 8) {
            unsigned byte = 0;
            for (size_t i = 0; i < 8 && j + i < count; i++)
                byte |= (!bits || bits[row * count + j + i] ? 1u : 0u) << i;
            uint8_t packed = (uint8_t)byte;
            if (!safetensors_write(writer, &packed, 1, report->text, report->size)) return false;
        }
    }
    return true;
}

static bool write_layer(safetensors_writer_t *writer, const trace_layer_data_t *l, const report_t *report)
{
    size_t keys = l->B * l->Hkv * l->M * l->d;
    return write_floats(writer, l->q, l->B * l->H * l->L * l->d, l->dtype, report) &&
           write_floats(writer, l->k, keys, l->dtype, report) &&
           write_floats(writer, l->v, keys, l->dtype, report) &&
           (!l->mask || write_bits(writer, l->mask, l->B * l->H * l->L, l->M, report)) &&
           write_bits(writer, l->valid, l->B, l->M, report) &&
           (!l->valid_q || write_bits(writer, l->valid_q, l->B, l->L, report));
}

static bool check_written(safetensors_writer_t *writer, const report_t *report)
{
    trace_t *trace;
    if (!safetensors_flush(writer, report->text, report->size) ||
        !open_as(safetensors_temporary(writer), report->shown, &trace, report->text, report->size))
        return false;
    bool fine = trace_validate(trace, report->text, report->size);
    trace_close(trace);
    return fine;
}

// What the header is made of; owned here until it is written.
typedef struct {
    safetensors_pair_t *pairs;
    size_t pair_count;
    part_name_t *names;
    safetensors_tensor_t *tensors;
    size_t tensor_count;
    char *maps[FIELDS];
} plan_t;

static bool plan_pairs(plan_t *plan, const trace_data_t *data)
{
    const safetensors_pair_t own[] = {
        {"format", "sanger-trace"}, {"version", "1"}, {"model", data->model}, {"source", data->source}};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) plan->pairs[plan->pair_count++] = own[i];
    for (size_t field = 0; field < FIELDS; field++) {
        if (!build_map(data, field, &plan->maps[field])) return false;
        if (plan->maps[field])
            plan->pairs[plan->pair_count++] = (safetensors_pair_t){fields[field].key, plan->maps[field]};
    }
    for (size_t i = 0; i < data->extra_count; i++) plan->pairs[plan->pair_count++] = data->extra[i];
    return true;
}

static bool make_plan(plan_t *plan, const trace_data_t *data, const report_t *report)
{
    size_t layers = data->layer_count ? data->layer_count : 1;
    plan->pairs = calloc(4 + FIELDS + data->extra_count, sizeof *plan->pairs);
    plan->names = calloc(layers * PARTS, sizeof *plan->names);
    plan->tensors = calloc(layers * PARTS, sizeof *plan->tensors);
    if (!plan->pairs || !plan->names || !plan->tensors) return out_of_memory(report);
    for (size_t i = 0; i < data->layer_count; i++)
        plan->tensor_count +=
            plan_layer(&data->layers[i], plan->names + i * PARTS, plan->tensors + plan->tensor_count);
    return plan_pairs(plan, data) || out_of_memory(report);
}

static void free_plan(plan_t *plan)
{
    for (size_t field = 0; field < FIELDS; field++) cJSON_free(plan->maps[field]);
    free(plan->pairs);
    free(plan->names);
    free(plan->tensors);
}

bool trace_write(const char *path, const trace_data_t *data, char *err, size_t err_size)
{
    report_t report = {path, err, err_size};
    plan_t plan = {0};
    safetensors_writer_t *writer = NULL;
    bool fine =
        make_plan(&plan, data, &report) && safetensors_create(path, plan.pairs, plan.pair_count, plan.tensors,
                                                              plan.tensor_count, &writer, err, err_size);
    free_plan(&plan);
    for (size_t i = 0; i < data->layer_count && fine; i++)
        fine = write_layer(writer, &data->layers[i], &report);
    if (fine && check_written(writer, &report)) return safetensors_commit(writer, err, err_size);
    safetensors_abort(writer);
    return false;
}
