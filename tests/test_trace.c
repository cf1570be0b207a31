// SPDX-License-Identifier: Apache-2.0
//
// Does the trace reader give back what was stored, refuse every contradiction with one line that names it,
// and stay calm over damaged files?
#include "../traces/trace.h"

#include <check.h>

#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run_suite.h"

// ---- files in memory, made by hand so that they may be wrong

typedef struct {
    char name[48], dtype[8], shape[48];
    uint8_t data[512];
    size_t size;
} entry_t;

typedef struct {
    char key[24], value[160];
} meta_t;

typedef struct {
    entry_t entries[24];
    size_t entry_count;
    meta_t meta[24];
    size_t meta_count;
} forge_t;

static void add_entry(forge_t *forge, const char *name, const char *dtype, const char *shape, size_t size)
{
    entry_t *entry = &forge->entries[forge->entry_count++];
    ck_assert_uint_le(size, sizeof entry->data);
    (void)snprintf(entry->name, sizeof entry->name, "%s", name);
    (void)snprintf(entry->dtype, sizeof entry->dtype, "%s", dtype);
    (void)snprintf(entry->shape, sizeof entry->shape, "%s", shape);
    entry->size = size;
}

static entry_t *find_entry(forge_t *forge, const char *name)
{
    for (size_t i = 0; i < forge->entry_count; i++)
        if (strcmp(forge->entries[i].name, name) == 0) return &forge->entries[i];
    ck_abort_msg("no entry %s", name);
    return NULL;
}

static void drop_entry(forge_t *forge, const char *name)
{
    entry_t *entry = find_entry(forge, name);
    *entry = forge->entries[--forge->entry_count];
}

static void reshape(forge_t *forge, const char *name, const char *dtype, const char *shape, size_t size)
{
    drop_entry(forge, name);
    add_entry(forge, name, dtype, shape, size);
}

// NULL removes the key.
static void set_meta(forge_t *forge, const char *key, const char *value)
{
    size_t i = 0;
    while (i < forge->meta_count && strcmp(forge->meta[i].key, key) != 0) i++;
    if (!value) {
        forge->meta[i] = forge->meta[--forge->meta_count];
        return;
    }
    if (i == forge->meta_count) forge->meta_count++;
    (void)snprintf(forge->meta[i].key, sizeof forge->meta[i].key, "%s", key);
    (void)snprintf(forge->meta[i].value, sizeof forge->meta[i].value, "%s", value);
}

static void set_float(entry_t *entry, size_t index, float value)
{
    memcpy(entry->data + 4 * index, &value, 4);
}

// Layer 3: B 1, H 2, Hkv 1, L 5, M 5, d 2, causal, key 4 padded; layer 10-cross: L 3, M 9, F16, no mask.
static void forge_good(forge_t *forge)
{
    *forge = (forge_t){0};
    add_entry(forge, "layer.3.q", "F32", "[1,2,5,2]", 80);
    add_entry(forge, "layer.3.k", "F32", "[1,1,5,2]", 40);
    add_entry(forge, "layer.3.v", "F32", "[1,1,5,2]", 40);
    add_entry(forge, "layer.3.mask", "U8", "[1,2,5,1]", 10);
    add_entry(forge, "layer.3.valid", "U8", "[1,1]", 1);
    add_entry(forge, "layer.10-cross.q", "F16", "[1,1,3,1]", 6);
    add_entry(forge, "layer.10-cross.k", "F16", "[1,1,9,1]", 18);
    add_entry(forge, "layer.10-cross.v", "F16", "[1,1,9,1]", 18);
    add_entry(forge, "layer.10-cross.valid", "U8", "[1,2]", 2);
    add_entry(forge, "layer.10-cross.valid_q", "U8", "[1,1]", 1);
    for (size_t i = 0; i < 20; i++) set_float(find_entry(forge, "layer.3.q"), i, (float)i / 4);
    for (size_t i = 0; i < 10; i++) {
        set_float(find_entry(forge, "layer.3.k"), i, (float)i);
        set_float(find_entry(forge, "layer.3.v"), i, -(float)i);
    }
    for (size_t i = 0; i < 10; i++) // the last of what causality allows; query 4's own key is padded
        find_entry(forge, "layer.3.mask")->data[i] = (uint8_t)(1u << (i % 5 == 4 ? 3 : i % 5));
    find_entry(forge, "layer.3.valid")->data[0] = 0x0f;
    memcpy(find_entry(forge, "layer.10-cross.valid")->data, "\xff\x01", 2);
    find_entry(forge, "layer.10-cross.valid_q")->data[0] = 0x05;
    set_meta(forge, "format", "sanger-trace");
    set_meta(forge, "version", "1");
    set_meta(forge, "model", "forged");
    set_meta(forge, "source", "test");
    set_meta(forge, "causal", "{\"3\":true,\"10-cross\":false}");
    set_meta(forge, "scaling", "{\"3\":0.5,\"10-cross\":1}");
    set_meta(forge, "policy", "{\"3\":\"sanger\"}");
    set_meta(forge, "empty_row", "{\"3\":\"top1\"}");
    set_meta(forge, "threshold", "{\"3\":[0.01,0.02],\"10-cross\":0.25}");
    set_meta(forge, "bits", "{\"3\":4}");
    set_meta(forge, "quant_q", "{\"3\":0.5}");
    set_meta(forge, "quant_k", "{\"3\":0.625}");
}

static size_t print(char *text, size_t at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsprintf(text + at, format, arguments);
    va_end(arguments);
    return at + (size_t)n;
}

static size_t print_json_string(char *text, size_t at, const char *value)
{
    text[at++] = '"';
    for (; *value; value++) {
        if (*value == '"' || *value == '\\') text[at++] = '\\';
        text[at++] = *value;
    }
    text[at++] = '"';
    return at;
}

// Returns a block of exactly the file's size.
static uint8_t *forge_file(const forge_t *forge, size_t *size)
{
    char *text = malloc(65536);
    size_t at = print(text, 0, "{\"__metadata__\":{"), offset = 0;
    for (size_t i = 0; i < forge->meta_count; i++) {
        if (i) text[at++] = ',';
        at = print_json_string(text, at, forge->meta[i].key);
        text[at++] = ':';
        at = print_json_string(text, at, forge->meta[i].value);
    }
    text[at++] = '}';
    for (size_t i = 0; i < forge->entry_count; i++) {
        const entry_t *e = &forge->entries[i];
        at = print(text, at, ",\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}", e->name,
                   e->dtype, e->shape, offset, offset + e->size);
        offset += e->size;
    }
    text[at++] = '}';
    *size = 8 + at + offset;
    uint8_t *file = calloc(*size, 1);
    for (unsigned i = 0; i < 8; i++) file[i] = (uint8_t)((uint64_t)at >> (8 * i));
    memcpy(file + 8, text, at);
    free(text);
    offset = 8 + at;
    for (size_t i = 0; i < forge->entry_count; offset += forge->entries[i++].size)
        memcpy(file + offset, forge->entries[i].data, forge->entries[i].size);
    return file;
}

static bool open_forged(const forge_t *forge, trace_t **trace, uint8_t **file, char *err)
{
    size_t size;
    *file = forge_file(forge, &size);
    return trace_open_memory("t", *file, size, trace, err, TRACE_ERROR_BYTES);
}

static void check_line(const char *err, const char *name)
{
    ck_assert_msg(strncmp(err, "t: ", 3) == 0, "%s: \"%s\"", name, err);
    for (size_t i = 0; err[i]; i++)
        ck_assert_msg(err[i] >= 0x20 && err[i] < 0x7f, "%s: byte %zu of \"%s\"", name, i, err);
}

// ---- contradictions

static void bad_shape_rank(forge_t *f)
{
    reshape(f, "layer.3.q", "F32", "[2,5,2]", 80);
}
static void bad_shape_zero(forge_t *f)
{
    reshape(f, "layer.3.q", "F32", "[1,0,5,2]", 0);
}
static void bad_zero_keys(forge_t *f)
{
    reshape(f, "layer.3.k", "F32", "[1,1,0,2]", 0);
}
static void bad_k_d(forge_t *f)
{
    reshape(f, "layer.3.k", "F32", "[1,1,5,1]", 20);
}
static void bad_k_batch(forge_t *f)
{
    reshape(f, "layer.3.k", "F32", "[2,1,5,2]", 80);
}
static void bad_v_keys(forge_t *f)
{
    reshape(f, "layer.3.v", "F32", "[1,1,4,2]", 32);
}
static void bad_mask_bytes(forge_t *f)
{
    reshape(f, "layer.3.mask", "U8", "[1,2,5,2]", 20);
}
static void bad_mask_heads(forge_t *f)
{
    reshape(f, "layer.3.mask", "U8", "[1,1,5,1]", 5);
}
static void bad_mask_rank(forge_t *f)
{
    reshape(f, "layer.3.mask", "U8", "[10]", 10);
}
static void bad_valid_bytes(forge_t *f)
{
    reshape(f, "layer.3.valid", "U8", "[1,5]", 5);
}
static void bad_valid_q_bytes(forge_t *f)
{
    reshape(f, "layer.10-cross.valid_q", "U8", "[1,2]", 2);
}
static void bad_heads(forge_t *f)
{
    reshape(f, "layer.3.k", "F32", "[1,3,5,2]", 120);
    reshape(f, "layer.3.v", "F32", "[1,3,5,2]", 120);
}
static void bad_heads_remainder(forge_t *f)
{
    reshape(f, "layer.3.q", "F32", "[1,3,5,2]", 120);
    reshape(f, "layer.3.mask", "U8", "[1,3,5,1]", 15);
    reshape(f, "layer.3.k", "F32", "[1,2,5,2]", 80);
    reshape(f, "layer.3.v", "F32", "[1,2,5,2]", 80);
}
static void bad_q_dtype(forge_t *f)
{
    reshape(f, "layer.3.q", "F64", "[1,2,5,2]", 160);
}
static void bad_k_dtype(forge_t *f)
{
    reshape(f, "layer.3.k", "BF16", "[1,1,5,2]", 20);
}
static void bad_mask_dtype(forge_t *f)
{
    reshape(f, "layer.3.mask", "BOOL", "[1,2,5,1]", 10);
}
static void bad_valid_dtype(forge_t *f)
{
    reshape(f, "layer.3.valid", "I8", "[1,1]", 1);
}
static void no_q(forge_t *f)
{
    drop_entry(f, "layer.3.q");
}
static void no_k(forge_t *f)
{
    drop_entry(f, "layer.3.k");
}
static void no_v(forge_t *f)
{
    drop_entry(f, "layer.3.v");
}
static void no_valid(forge_t *f)
{
    drop_entry(f, "layer.3.valid");
}
static void no_layers(forge_t *f)
{
    f->entry_count = 0;
}
static void unknown_part(forge_t *f)
{
    add_entry(f, "layer.3.bias", "U8", "[1]", 1);
}
static void unknown_tensor(forge_t *f)
{
    add_entry(f, "weights", "U8", "[1]", 1);
}
static void unknown_suffix(forge_t *f)
{
    add_entry(f, "layer.3-mid.q", "U8", "[1]", 1);
}
static void id_without_digits(forge_t *f)
{
    add_entry(f, "layer.-enc.q", "U8", "[1]", 1);
}
static void id_negative(forge_t *f)
{
    add_entry(f, "layer.-3.q", "U8", "[1]", 1);
}
static void id_too_long(forge_t *f)
{
    add_entry(f, "layer.00000000000000000000000000000001.q", "U8", "[1]", 1);
}
static void id_missing(forge_t *f)
{
    add_entry(f, "layer.q", "U8", "[1]", 1);
}
static void id_dotted(forge_t *f)
{
    add_entry(f, "layer.3.0.q", "U8", "[1]", 1);
}
static void lone_mask(forge_t *f)
{
    add_entry(f, "layer.4.mask", "U8", "[1]", 1);
}

// These open; the data is what contradicts.
static void q_nan(forge_t *f)
{
    set_float(find_entry(f, "layer.3.q"), 13, NAN);
}
static void k_infinite(forge_t *f)
{
    set_float(find_entry(f, "layer.3.k"), 9, -INFINITY);
}
static void v_infinite(forge_t *f)
{
    set_float(find_entry(f, "layer.3.v"), 0, INFINITY);
}
static void half_nan(forge_t *f)
{
    memcpy(find_entry(f, "layer.10-cross.k")->data + 4, "\x01\x7e", 2);
}
static void half_infinite(forge_t *f)
{
    memcpy(find_entry(f, "layer.10-cross.v")->data, "\x00\xfc", 2);
}
static void mask_padded(forge_t *f)
{
    find_entry(f, "layer.3.mask")->data[9] |= 0x10;
}
static void mask_future(forge_t *f)
{
    find_entry(f, "layer.3.mask")->data[6] |= 0x04;
}
static void mask_beyond(forge_t *f)
{
    find_entry(f, "layer.3.mask")->data[4] |= 0x20;
}
static void mask_empty_row(forge_t *f)
{
    find_entry(f, "layer.3.mask")->data[7] = 0;
}
static void valid_beyond(forge_t *f)
{
    find_entry(f, "layer.10-cross.valid")->data[1] |= 0x80;
}
static void valid_q_beyond(forge_t *f)
{
    find_entry(f, "layer.10-cross.valid_q")->data[0] |= 0x08;
}

typedef struct {
    const char *name;
    void (*change)(forge_t *);
    const char *key, *value; // where change is NULL
    const char *part;        // of the line
} contradiction_t;

static const contradiction_t in_header[] = {
    {"no format", NULL, "format", NULL, "metadata.format: expected sanger-trace, found none"},
    {"other format", NULL, "format", "sanger", "metadata.format: expected sanger-trace, found \"sanger\""},
    {"no version", NULL, "version", NULL, "metadata.version: expected 1, found none"},
    {"version 2", NULL, "version", "2", "metadata.version: expected 1, found \"2\""},
    {"version 1.0", NULL, "version", "1.0", "metadata.version: expected 1, found \"1.0\""},
    {"no model", NULL, "model", NULL, "metadata.model: expected"},
    {"empty source", NULL, "source", "", "metadata.source: expected"},
    {"no causal", NULL, "causal", NULL, "metadata.causal: expected a value for layer 3, found none"},
    {"causal for one layer", NULL, "causal", "{\"3\":true}",
     "metadata.causal: expected a value for layer 10-cross"},
    {"causal is no map", NULL, "causal", "true", "metadata.causal: expected {"},
    {"causal is broken", NULL, "causal", "{\"3\":true", "metadata.causal: expected a comma or }"},
    {"causal is a number", NULL, "causal", "{\"3\":1,\"10-cross\":false}",
     "metadata.causal.3: expected true or"},
    {"causal twice", NULL, "causal", "{\"3\":true,\"3\":true}", "metadata.causal.3: expected once"},
    {"causal for a stranger", NULL, "causal", "{\"4\":true}", "found \"4\""},
    {"causal for no id", NULL, "causal", "{\"x\":true}", "found \"x\""},
    {"causal cross", NULL, "causal", "{\"3\":true,\"10-cross\":true}",
     "metadata.causal.10-cross: expected false"},
    {"no scaling", NULL, "scaling", NULL, "metadata.scaling: expected"},
    {"scaling 0", NULL, "scaling", "{\"3\":0,\"10-cross\":1}", "metadata.scaling.3: expected a number"},
    {"scaling negative", NULL, "scaling", "{\"3\":-1,\"10-cross\":1}", "found -1"},
    {"scaling infinite", NULL, "scaling", "{\"3\":1e999,\"10-cross\":1}", "metadata.scaling.3"},
    {"scaling string", NULL, "scaling", "{\"3\":\"0.5\",\"10-cross\":1}", "found \"0.5\""},
    {"scaling null", NULL, "scaling", "{\"3\":null,\"10-cross\":1}", "found null"},
    {"scaling array", NULL, "scaling", "{\"3\":[1],\"10-cross\":1}", "found an array"},
    {"no policy", NULL, "policy", NULL, "metadata.policy: expected a value for layer 3"},
    {"policy unknown", NULL, "policy", "{\"3\":\"magic\"}", "metadata.policy.3: expected sanger"},
    {"policy nameless", NULL, "policy", "{\"3\":\"static:\"}", "metadata.policy.3"},
    {"policy name with a space", NULL, "policy", "{\"3\":\"static:a b\"}", "metadata.policy.3"},
    {"policy name with an escape", NULL, "policy", "{\"3\":\"static:\\u001b[1m\"}", "metadata.policy.3"},
    {"policy topk of nothing", NULL, "policy", "{\"3\":\"topk:\"}", "metadata.policy.3"},
    {"policy topk 0", NULL, "policy", "{\"3\":\"topk:0\"}", "metadata.policy.3"},
    {"policy topk -1", NULL, "policy", "{\"3\":\"topk:-1\"}", "metadata.policy.3"},
    {"policy topk 3x", NULL, "policy", "{\"3\":\"topk:3x\"}", "metadata.policy.3"},
    {"policy null", NULL, "policy", "{\"3\":null}", "metadata.policy.3"},
    {"no empty_row", NULL, "empty_row", NULL, "metadata.empty_row: expected a value for layer 3"},
    {"empty_row unknown", NULL, "empty_row", "{\"3\":\"none\"}",
     "metadata.empty_row.3: expected dense, zero or top1"},
    {"empty_row number", NULL, "empty_row", "{\"3\":0}", "metadata.empty_row.3"},
    {"no threshold", NULL, "threshold", NULL, "metadata.threshold: expected a value for layer 3"},
    {"threshold for 3 heads", NULL, "threshold", "{\"3\":[0,0,0]}", "one for each of 2 heads, found 3"},
    {"threshold for no head", NULL, "threshold", "{\"3\":[]}", "one for each of 2 heads, found 0"},
    {"threshold above 1", NULL, "threshold", "{\"3\":1.5}",
     "metadata.threshold.3: expected numbers from 0 to below 1"},
    {"threshold 1", NULL, "threshold", "{\"3\":[0.5,1]}", "metadata.threshold.3"},
    {"threshold negative", NULL, "threshold", "{\"3\":[0.5,-0.5]}", "found -0.5"},
    {"threshold nested", NULL, "threshold", "{\"3\":[[0.5],0]}", "less nesting"},
    {"threshold string", NULL, "threshold", "{\"3\":\"low\"}", "found \"low\""},
    {"no bits", NULL, "bits", NULL, "metadata.bits: expected a value for layer 3"},
    {"bits 3", NULL, "bits", "{\"3\":3}", "metadata.bits.3: expected 2, 4, 6 or 8, found 3"},
    {"bits 4.5", NULL, "bits", "{\"3\":4.5}", "found 4.5"},
    {"bits 1e300", NULL, "bits", "{\"3\":1e300}", "metadata.bits.3"},
    {"no quant_q", NULL, "quant_q", NULL, "metadata.quant_q: expected a value for layer 3"},
    {"quant_q 0", NULL, "quant_q", "{\"3\":0}", "metadata.quant_q.3: expected a number from"},
    {"no quant_k", NULL, "quant_k", "{}", "metadata.quant_k: expected a value for layer 3"},
    {"shape of rank 3", bad_shape_rank, 0, 0,
     "layer.3.q.shape: expected [B,H,L,d], none of them 0, found [2,5,2]"},
    {"no heads", bad_shape_zero, 0, 0, "layer.3.q.shape"},
    {"no keys", bad_zero_keys, 0, 0,
     "layer.3.k.shape: expected [B,Hkv,M,d], none of them 0, found [1,1,0,2]"},
    {"k of another d", bad_k_d, 0, 0, "layer.3.k.shape: expected [1,1,5,2], found [1,1,5,1]"},
    {"k of another B", bad_k_batch, 0, 0, "layer.3.k.shape: expected [1,1,5,2], found [2,1,5,2]"},
    {"v shorter than k", bad_v_keys, 0, 0, "layer.3.v.shape: expected [1,1,5,2], found [1,1,4,2]"},
    {"mask rows too long", bad_mask_bytes, 0, 0, "layer.3.mask.shape: expected [1,2,5,1], found [1,2,5,2]"},
    {"mask per key head", bad_mask_heads, 0, 0, "layer.3.mask.shape"},
    {"mask flat", bad_mask_rank, 0, 0, "layer.3.mask.shape: expected [1,2,5,1], found [10]"},
    {"valid unpacked", bad_valid_bytes, 0, 0, "layer.3.valid.shape: expected [1,1], found [1,5]"},
    {"valid_q too long", bad_valid_q_bytes, 0, 0, "layer.10-cross.valid_q.shape"},
    {"2 heads over 3", bad_heads, 0, 0, "layer.3: expected q's heads to be a multiple of k's, found 2 and 3"},
    {"3 heads over 2", bad_heads_remainder, 0, 0, "to be a multiple of k's, found 3 and 2"},
    {"q in F64", bad_q_dtype, 0, 0, "layer.3.q.dtype: expected F16 or F32, found F64"},
    {"k in BF16", bad_k_dtype, 0, 0, "layer.3.k.dtype: expected F16 or F32, found BF16"},
    {"mask in BOOL", bad_mask_dtype, 0, 0, "layer.3.mask.dtype: expected U8, found BOOL"},
    {"valid in I8", bad_valid_dtype, 0, 0, "layer.3.valid.dtype: expected U8, found I8"},
    {"q missing", no_q, 0, 0, "layer.3.q: expected this tensor, found none"},
    {"k missing", no_k, 0, 0, "layer.3.k: expected this tensor, found none"},
    {"v missing", no_v, 0, 0, "layer.3.v: expected this tensor, found none"},
    {"valid missing", no_valid, 0, 0, "layer.3.valid: expected this tensor, found none"},
    {"nothing", no_layers, 0, 0, "layers: expected at least one, found none"},
    {"unknown part", unknown_part, 0, 0, "layer.3.bias: expected layer.<id>.q"},
    {"unknown tensor", unknown_tensor, 0, 0, "weights: expected layer.<id>.q"},
    {"unknown suffix", unknown_suffix, 0, 0, "layer.3-mid.q: expected"},
    {"id without digits", id_without_digits, 0, 0, "layer.-enc.q: expected"},
    {"id negative", id_negative, 0, 0, "layer.-3.q: expected"},
    {"id too long", id_too_long, 0, 0, "expected layer.<id>.q"},
    {"id missing", id_missing, 0, 0, "layer.q: expected"},
    {"id dotted", id_dotted, 0, 0, "layer.3.0.q: expected"},
    {"mask alone", lone_mask, 0, 0, "layer.4.q: expected this tensor, found none"},
};

static const contradiction_t in_data[] = {
    {"q NaN", q_nan, 0, 0, "layer.3.q: expected finite values, found NaN at [0,1,1,1]"},
    {"k infinite", k_infinite, 0, 0, "layer.3.k: expected finite values, found infinity at [0,0,4,1]"},
    {"v infinite", v_infinite, 0, 0, "layer.3.v: expected finite values, found infinity at [0,0,0,0]"},
    {"F16 NaN", half_nan, 0, 0, "layer.10-cross.k: expected finite values, found NaN at [0,0,2,0]"},
    {"F16 infinite", half_infinite, 0, 0, "layer.10-cross.v: expected finite values, found infinity"},
    {"mask on padding", mask_padded, 0, 0,
     "layer.3.mask: expected no bit on a padded key, found one on key 4 of query 4 in [0,1]"},
    {"mask on the future", mask_future, 0, 0,
     "expected no bit on a key in a causal layer's future, found one on key 2 of query 1 in [0,1]"},
    {"mask beyond M", mask_beyond, 0, 0, "layer.3.mask: expected no bit beyond 5, found one in row 4"},
    {"mask row empty under top1", mask_empty_row, 0, 0,
     "layer.3.mask: expected a kept key in every row under empty_row top1, found none in query 2 in [0,1]"},
    {"valid beyond M", valid_beyond, 0, 0,
     "layer.10-cross.valid: expected no bit beyond 9, found one in row 0"},
    {"valid_q beyond L", valid_q_beyond, 0, 0, "layer.10-cross.valid_q: expected no bit beyond 3"},
};

static void contradict(forge_t *forge, const contradiction_t *c)
{
    forge_good(forge);
    if (c->change)
        c->change(forge);
    else
        set_meta(forge, c->key, c->value);
}

START_TEST(contradictions_in_header_and_metadata_are_refused_when_opened)
{
    for (size_t i = 0; i < sizeof in_header / sizeof in_header[0]; i++) {
        forge_t forge;
        trace_t *trace;
        uint8_t *file;
        char err[TRACE_ERROR_BYTES] = "";
        contradict(&forge, &in_header[i]);
        ck_assert_msg(!open_forged(&forge, &trace, &file, err), "%s: was accepted", in_header[i].name);
        ck_assert_ptr_null(trace);
        check_line(err, in_header[i].name);
        ck_assert_msg(strstr(err, in_header[i].part), "%s: \"%s\"", in_header[i].name, err);
        free(file);
    }
}
END_TEST

static bool load_all(const trace_t *trace, char *err)
{
    trace_head_t head = {0};
    bool fine = true;
    for (size_t i = 0; i < trace_layer_count(trace) && fine; i++) {
        const trace_layer_t *layer = trace_layer(trace, i);
        for (size_t n = 0; n < layer->B * layer->H && fine; n++)
            fine = trace_load_head(trace, layer, n / layer->H, n % layer->H, &head, err, TRACE_ERROR_BYTES);
    }
    trace_head_free(&head);
    return fine;
}

START_TEST(contradictions_in_the_data_are_refused_when_loaded_and_when_validated)
{
    for (size_t i = 0; i < sizeof in_data / sizeof in_data[0]; i++) {
        forge_t forge;
        trace_t *trace;
        uint8_t *file;
        char loading[TRACE_ERROR_BYTES] = "", validating[TRACE_ERROR_BYTES] = "";
        contradict(&forge, &in_data[i]);
        ck_assert_msg(open_forged(&forge, &trace, &file, loading), "%s: %s", in_data[i].name, loading);
        ck_assert_msg(!trace_validate(trace, validating, sizeof validating), "%s: was accepted",
                      in_data[i].name);
        ck_assert_msg(!load_all(trace, loading), "%s: was loaded", in_data[i].name);
        ck_assert_str_eq(loading, validating);
        check_line(loading, in_data[i].name);
        ck_assert_msg(strstr(loading, in_data[i].part), "%s: \"%s\"", in_data[i].name, loading);
        trace_close(trace);
        free(file);
    }
}
END_TEST

START_TEST(causal_layers_have_as_many_queries_as_keys)
{
    forge_t forge;
    trace_t *trace;
    uint8_t *file;
    char err[TRACE_ERROR_BYTES] = "";
    forge_good(&forge);
    reshape(&forge, "layer.3.q", "F32", "[1,2,4,2]", 64);
    reshape(&forge, "layer.3.mask", "U8", "[1,2,4,1]", 8);
    ck_assert(!open_forged(&forge, &trace, &file, err));
    ck_assert_msg(strstr(err, "metadata.causal.3: expected as many queries as keys"), "%s", err);
    free(file);
}
END_TEST

START_TEST(heads_that_no_memory_would_hold_are_refused)
{
    char path[] = "/tmp/sanger_test_XXXXXX", err[TRACE_ERROR_BYTES];
    const uint64_t queries = UINT64_C(1) << 30;
    const safetensors_tensor_t tensors[] = {
        {.name = "layer.0.q", .dtype = SAFETENSORS_F16, .rank = 4, .shape = {1, 1, queries, 1}},
        {.name = "layer.0.k", .dtype = SAFETENSORS_F16, .rank = 4, .shape = {1, 1, 1, 1}},
        {.name = "layer.0.v", .dtype = SAFETENSORS_F16, .rank = 4, .shape = {1, 1, 1, 1}},
        {.name = "layer.0.valid", .dtype = SAFETENSORS_U8, .rank = 2, .shape = {1, 1}}};
    const safetensors_pair_t pairs[] = {
        {"format", "sanger-trace"}, {"version", "1"}, {"model", "m"}, {"source", "s"}};
    safetensors_writer_t *writer;
    trace_t *trace;
    close(mkstemp(path));
    ck_assert(safetensors_create(path, pairs, 4, tensors, 4, &writer, err, sizeof err));
    ck_assert(!safetensors_flush(writer, err, sizeof err)); // it lacks its data, which a sparse file replaces
    const char *temporary = safetensors_temporary(writer);
    ck_assert(safetensors_write(writer, "", 1, err, sizeof err));
    for (size_t i = 0; i < 2; i++) { // fill stdio's buffer, so that the header reaches the file
        static const uint8_t zeros[1 << 16];
        ck_assert(safetensors_write(writer, zeros, sizeof zeros, err, sizeof err));
    }
    uint8_t length[8];
    int fd = open(temporary, O_RDWR);
    ck_assert_int_eq(read(fd, length, 8), 8);
    uint64_t header = 8u + length[0] + 256u * length[1];
    ck_assert_int_eq(ftruncate(fd, (off_t)(header + 2 * queries + 5)), 0);
    bool opened = trace_open(temporary, &trace, err, sizeof err);
    close(fd);
    safetensors_abort(writer);
    unlink(path);
    ck_assert(!opened);
    ck_assert_msg(strstr(err, "layer.0: expected at most 4294967296 bytes for one loaded head"), "%s", err);
}
END_TEST

// ---- reading

START_TEST(a_trace_is_read_as_stored)
{
    forge_t forge;
    trace_t *trace;
    uint8_t *file;
    trace_head_t head = {0};
    char err[TRACE_ERROR_BYTES] = "";
    forge_good(&forge);
    set_meta(&forge, "note", "further keys are welcome");
    memcpy(find_entry(&forge, "layer.10-cross.v")->data, "\x00\x3c\x01\x00\xff\x7b\x00\x80", 8);
    ck_assert_msg(open_forged(&forge, &trace, &file, err), "%s", err);
    ck_assert_msg(trace_validate(trace, err, sizeof err), "%s", err);
    ck_assert_str_eq(trace_model(trace), "forged");
    ck_assert_str_eq(trace_source(trace), "test");
    ck_assert_str_eq(trace_path(trace), "t");
    ck_assert_str_eq(safetensors_metadata(trace_file(trace), "note"), "further keys are welcome");
    ck_assert_uint_eq(trace_layer_count(trace), 2);
    ck_assert_ptr_null(trace_layer(trace, 2));
    ck_assert_ptr_null(trace_find_layer(trace, "4"));
    ck_assert_ptr_null(trace_find_layer(trace, ""));

    const trace_layer_t *self = trace_find_layer(trace, "3"), *cross = trace_layer(trace, 1);
    ck_assert_ptr_eq(self, trace_layer(trace, 0));
    ck_assert(self->B == 1 && self->H == 2 && self->Hkv == 1 && self->L == 5 && self->M == 5 && self->d == 2);
    ck_assert(self->causal && self->scaling == 0.5 && self->has_mask && !self->has_valid_q);
    ck_assert(self->policy == TRACE_POLICY_SANGER && self->empty_row == TRACE_EMPTY_ROW_TOP1 &&
              self->bits == 4);
    ck_assert_str_eq(self->policy_text, "sanger");
    ck_assert(self->threshold[0] == 0.01 && self->threshold[1] == 0.02);
    ck_assert(self->quant_q == 0.5 && self->quant_k == 0.625 && self->dtype_q == SAFETENSORS_F32);
    ck_assert_str_eq(cross->id, "10-cross");
    ck_assert(!cross->causal && !cross->has_mask && cross->policy == TRACE_POLICY_NONE &&
              !cross->policy_text);
    ck_assert(cross->has_valid_q && cross->threshold[0] == 0.25 && cross->bits == 0 && cross->quant_q == 0);

    ck_assert_msg(trace_load_head(trace, self, 0, 1, &head, err, sizeof err), "%s", err);
    for (size_t i = 0; i < 10; i++) {
        ck_assert(head.q[i] == (double)(10 + i) / 4); // the second head
        ck_assert(head.k[i] == (double)i && head.v[i] == -(double)i);
    }
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(head.valid[i], i < 4);
        ck_assert_uint_eq(head.valid_q[i], i < 4); // self-attention: as the keys
        for (size_t j = 0; j < 5; j++) {
            ck_assert_uint_eq(head.mask[i * 5 + j], j == (i == 4 ? 3 : i));
            ck_assert_int_eq(trace_allowed(&head, i, j), j <= i && j < 4);
        }
    }
    ck_assert(head.threshold == 0.02 && head.has_threshold && head.bits == 4 && head.quant_k == 0.625);
    ck_assert(head.empty_row == TRACE_EMPTY_ROW_TOP1 && head.head == 1 && head.layer == self);

    ck_assert_msg(trace_load_head(trace, cross, 0, 0, &head, err, sizeof err), "%s", err); // buffers reused
    ck_assert_ptr_null(head.mask);
    ck_assert(head.v[0] == 1 && head.v[1] == 0x1p-24 && head.v[2] == 65504 && head.v[3] == 0 &&
              signbit(head.v[3]));
    ck_assert(head.L == 3 && head.M == 9 && head.valid[8] && head.valid_q[0] && !head.valid_q[1] &&
              head.valid_q[2]);
    ck_assert(!trace_load_head(trace, cross, 1, 0, &head, err, sizeof err));
    ck_assert(!trace_load_head(trace, cross, 0, 1, &head, err, sizeof err));
    check_line(err, "no such head");
    trace_head_free(&head);
    ck_assert_ptr_null(head.q);
    trace_close(trace);
    trace_close(NULL);
    free(file);
}
END_TEST

START_TEST(queries_of_cross_attention_do_not_take_the_keys_padding)
{
    static const char *const ids[] = {"0-cross", "0-dec"};
    for (int i = 0; i < 2; i++) {
        char path[] = "/tmp/sanger_test_XXXXXX", err[TRACE_ERROR_BYTES] = "";
        const double x[] = {1, 2, 3};
        const uint8_t valid[] = {1, 0, 1};
        trace_layer_data_t layer = {.id = ids[i],
                                    .B = 1,
                                    .H = 1,
                                    .Hkv = 1,
                                    .L = 3,
                                    .M = 3,
                                    .d = 1,
                                    .dtype = SAFETENSORS_F32,
                                    .q = x,
                                    .k = x,
                                    .v = x,
                                    .valid = valid,
                                    .scaling = 1};
        trace_data_t data = {.model = "m", .source = "s", .layers = &layer, .layer_count = 1};
        trace_t *trace;
        trace_head_t head = {0};
        close(mkstemp(path));
        ck_assert_msg(trace_write(path, &data, err, sizeof err), "%s", err);
        ck_assert_msg(trace_open(path, &trace, err, sizeof err), "%s", err);
        ck_assert_msg(trace_load_head(trace, trace_layer(trace, 0), 0, 0, &head, err, sizeof err), "%s", err);
        ck_assert_uint_eq(head.valid_q[1], i == 0);
        ck_assert_uint_eq(head.valid[1], 0);
        trace_head_free(&head);
        trace_close(trace);
        unlink(path);
    }
}
END_TEST

// An empty row is fine where the policy says so, where nothing is allowed and where the query is padded.
START_TEST(empty_mask_rows_are_accepted_where_they_can_be_right)
{
    forge_t forge;
    trace_t *trace;
    uint8_t *file;
    char err[TRACE_ERROR_BYTES] = "";
    forge_good(&forge);
    set_meta(&forge, "empty_row", "{\"3\":\"zero\"}");
    find_entry(&forge, "layer.3.mask")->data[7] = 0;
    ck_assert(open_forged(&forge, &trace, &file, err));
    ck_assert_msg(trace_validate(trace, err, sizeof err), "%s", err);
    trace_close(trace);
    free(file);

    forge_good(&forge);
    find_entry(&forge, "layer.3.mask")->data[4] = 0; // query 4 is padded
    ck_assert(open_forged(&forge, &trace, &file, err));
    ck_assert_msg(trace_validate(trace, err, sizeof err), "%s", err);
    trace_close(trace);
    free(file);

    forge_good(&forge);
    find_entry(&forge, "layer.3.valid")->data[0] = 0x1e; // nothing is allowed to query 0
    for (size_t i = 0; i < 10; i++) find_entry(&forge, "layer.3.mask")->data[i] = i % 5 ? 0x02 : 0;
    ck_assert(open_forged(&forge, &trace, &file, err));
    ck_assert_msg(trace_validate(trace, err, sizeof err), "%s", err);
    trace_close(trace);
    free(file);
}
END_TEST

START_TEST(layers_come_in_the_order_in_which_they_run)
{
    static const char *const shuffled[] = {"1-cross",
                                           "10",
                                           "0-dec",
                                           "9",
                                           "2-enc",
                                           "07",
                                           "0-cross",
                                           "7",
                                           "10-enc",
                                           "1-dec",
                                           "100000000000000000000000",
                                           "99999999999999999999999"};
    static const char *const ordered[] = {"2-enc",
                                          "07",
                                          "7",
                                          "9",
                                          "10",
                                          "10-enc",
                                          "99999999999999999999999",
                                          "100000000000000000000000",
                                          "0-dec",
                                          "0-cross",
                                          "1-dec",
                                          "1-cross"};
    enum { COUNT = sizeof shuffled / sizeof shuffled[0] };
    char path[] = "/tmp/sanger_test_XXXXXX", err[TRACE_ERROR_BYTES] = "";
    const double x[] = {1};
    trace_layer_data_t layers[COUNT];
    trace_t *trace;
    for (size_t i = 0; i < COUNT; i++)
        layers[i] = (trace_layer_data_t){.id = shuffled[i],
                                         .B = 1,
                                         .H = 1,
                                         .Hkv = 1,
                                         .L = 1,
                                         .M = 1,
                                         .d = 1,
                                         .dtype = SAFETENSORS_F32,
                                         .q = x,
                                         .k = x,
                                         .v = x,
                                         .scaling = 1};
    trace_data_t data = {.model = "m", .source = "s", .layers = layers, .layer_count = COUNT};
    close(mkstemp(path));
    ck_assert_msg(trace_write(path, &data, err, sizeof err), "%s", err);
    ck_assert_msg(trace_open(path, &trace, err, sizeof err), "%s", err);
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_str_eq(trace_layer(trace, i)->id, ordered[i]);
        ck_assert_ptr_eq(trace_find_layer(trace, shuffled[i])->id, trace_find_layer(trace, shuffled[i]));
    }
    trace_close(trace);
    unlink(path);
}
END_TEST

START_TEST(a_file_cut_short_while_open_is_an_error_and_no_signal)
{
    char path[] = "/tmp/sanger_test_XXXXXX", err[TRACE_ERROR_BYTES] = "";
    forge_t forge;
    trace_t *trace;
    trace_head_t head = {0};
    size_t size;
    forge_good(&forge);
    uint8_t *file = forge_file(&forge, &size);
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, file, size), (ssize_t)size);
    ck_assert_msg(trace_open(path, &trace, err, sizeof err), "%s", err);
    ck_assert(trace_load_head(trace, trace_layer(trace, 1), 0, 0, &head, err, sizeof err));
    for (size_t cut = size; cut-- > size - 20;) {
        ck_assert_int_eq(ftruncate(fd, (off_t)cut), 0);
        ck_assert(!trace_validate(trace, err, sizeof err));
        ck_assert_msg(strstr(err, "cut short while open"), "%s", err);
    }
    trace_head_free(&head);
    trace_close(trace);
    close(fd);
    unlink(path);
    free(file);
}
END_TEST

// ---- damage

START_TEST(every_cut_of_a_trace_is_refused)
{
    forge_t forge;
    size_t size;
    forge_good(&forge);
    uint8_t *file = forge_file(&forge, &size);
    for (size_t cut = 0; cut < size; cut++) {
        char err[TRACE_ERROR_BYTES] = "";
        trace_t *trace;
        uint8_t *copy = malloc(cut ? cut : 1);
        memcpy(copy, file, cut);
        ck_assert_msg(!trace_open_memory("t", copy, cut, &trace, err, sizeof err), "cut at %zu", cut);
        check_line(err, "cut");
        free(copy);
    }
    free(file);
}
END_TEST

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

START_TEST(random_damage_gives_a_trace_or_one_line)
{
    size_t size, opened = 0, valid = 0;
    forge_t forge;
    forge_good(&forge);
    uint8_t *file = forge_file(&forge, &size), *copy = malloc(size);
    for (uint32_t seed = 1; seed <= 30000; seed++) {
        uint32_t state = seed;
        char err[TRACE_ERROR_BYTES] = "", name[32];
        trace_t *trace;
        (void)sprintf(name, "seed %u", seed);
        memcpy(copy, file, size);
        for (uint32_t n = 1 + next_random(&state) % 3; n--;) {
            size_t at = next_random(&state) % size;
            copy[at] =
                next_random(&state) % 2 ? copy[next_random(&state) % size] : (uint8_t)next_random(&state);
        }
        if (trace_open_memory("t", copy, size, &trace, err, sizeof err)) {
            opened++;
            bool fine = trace_validate(trace, err, sizeof err);
            ck_assert_msg(load_all(trace, err) == fine, "%s: %s", name, err);
            valid += fine;
            if (!fine) check_line(err, name);
            trace_close(trace);
        } else {
            check_line(err, name);
        }
    }
    ck_assert_uint_gt(opened, 1000); // else the damage tests nothing but the parser
    ck_assert_uint_gt(opened - valid, 100);
    free(copy);
    free(file);
}
END_TEST

// ---- writing

enum { B = 2, H = 4, HKV = 2, L = 19, M = 19, D = 3 };

typedef struct {
    double q[B * H * L * D], k[B * HKV * M * D], v[B * HKV * M * D], threshold[H];
    uint8_t mask[B * H * L * M], valid[B * M], valid_q[B * L];
    trace_layer_data_t layer;
} sample_t;

static double random_value(uint32_t *state)
{
    return ldexp((double)next_random(state) - 8388608, -23 + (int)(next_random(state) % 30) - 20);
}

static void fill_sample(sample_t *s, uint32_t seed)
{
    uint32_t state = seed * 2654435761u;
    s->layer = (trace_layer_data_t){.id = "12-dec",
                                    .B = B,
                                    .H = H,
                                    .Hkv = HKV,
                                    .L = L,
                                    .M = M,
                                    .d = D,
                                    .q = s->q,
                                    .k = s->k,
                                    .v = s->v,
                                    .scaling = 1 / sqrt(3),
                                    .empty_row = 1 + seed % 3,
                                    .policy = seed % 2 ? "sanger" : "static:odd-\"name\"",
                                    .threshold = s->threshold,
                                    .bits = 8,
                                    .quant_q = 0.1,
                                    .quant_k = 1.0 / 3};
    s->layer.dtype = seed % 2 ? SAFETENSORS_F16 : SAFETENSORS_F32;
    s->layer.causal = seed / 2 % 2;
    s->layer.threshold_count = seed / 4 % 2 ? 1 : H;
    s->layer.mask = seed / 8 % 4 ? s->mask : NULL;
    s->layer.valid = seed / 8 % 3 ? s->valid : NULL;
    s->layer.valid_q = seed / 8 % 5 ? s->valid_q : NULL;
    for (size_t i = 0; i < B * H * L * D; i++) s->q[i] = random_value(&state);
    for (size_t i = 0; i < B * HKV * M * D; i++) {
        s->k[i] = random_value(&state);
        s->v[i] = random_value(&state);
    }
    for (size_t h = 0; h < H; h++) s->threshold[h] = (double)next_random(&state) / 16777216;
    for (size_t i = 0; i < B * M; i++) s->valid[i] = next_random(&state) % 8 != 0;
    for (size_t i = 0; i < B * L; i++) s->valid_q[i] = next_random(&state) % 8 != 0;
    for (size_t r = 0; r < B * H * L; r++)
        for (size_t j = 0; j < M; j++) {
            bool may = (!s->layer.valid || s->valid[r / (H * L) * M + j]) && (!s->layer.causal || j <= r % L);
            s->mask[r * M + j] =
                may && (next_random(&state) % 3 == 0 || s->layer.empty_row == TRACE_EMPTY_ROW_DENSE ||
                        s->layer.empty_row == TRACE_EMPTY_ROW_TOP1);
        }
}

static bool same_value(double stored, double given, safetensors_dtype_t dtype)
{
    if (dtype == SAFETENSORS_F32) return stored == (double)(float)given;
    return stored == trace_half_to_double(trace_double_to_half(given));
}

static void check_sample(const sample_t *s, const trace_t *trace, uint32_t seed)
{
    const trace_layer_t *layer = trace_find_layer(trace, "12-dec");
    trace_head_t head = {0};
    char err[TRACE_ERROR_BYTES] = "";
    ck_assert(layer->scaling == s->layer.scaling && layer->quant_k == s->layer.quant_k);
    ck_assert_str_eq(layer->policy_text, s->layer.policy);
    for (size_t n = 0; n < B * H; n++) {
        size_t b = n / H, h = n % H, key = (b * HKV + h / 2) * M * D;
        ck_assert_msg(trace_load_head(trace, layer, b, h, &head, err, sizeof err), "seed %u: %s", seed, err);
        for (size_t i = 0; i < L * D; i++)
            ck_assert_msg(same_value(head.q[i], s->q[n * L * D + i], s->layer.dtype), "seed %u q %zu", seed,
                          i);
        for (size_t i = 0; i < M * D; i++) {
            ck_assert_msg(same_value(head.k[i], s->k[key + i], s->layer.dtype), "seed %u k %zu", seed, i);
            ck_assert_msg(same_value(head.v[i], s->v[key + i], s->layer.dtype), "seed %u v %zu", seed, i);
        }
        ck_assert((head.mask != NULL) == (s->layer.mask != NULL));
        if (head.mask) ck_assert_mem_eq(head.mask, s->mask + n * L * M, L * M);
        for (size_t j = 0; j < M; j++)
            ck_assert_uint_eq(head.valid[j], s->layer.valid ? s->valid[b * M + j] : 1);
        for (size_t i = 0; i < L; i++)
            ck_assert_uint_eq(head.valid_q[i], s->layer.valid_q ? s->valid_q[b * L + i] : head.valid[i]);
        ck_assert(head.threshold == s->threshold[s->layer.threshold_count == 1 ? 0 : h]);
        ck_assert_int_eq(head.empty_row, s->layer.empty_row);
    }
    trace_head_free(&head);
}

START_TEST(what_is_written_is_read_back)
{
    sample_t *s = malloc(sizeof *s);
    char path[] = "/tmp/sanger_test_XXXXXX";
    close(mkstemp(path));
    for (uint32_t seed = 1; seed <= 240; seed++) {
        char err[TRACE_ERROR_BYTES] = "";
        const safetensors_pair_t extra = {"text", "a \"quoted\"\nline"};
        trace_t *trace;
        fill_sample(s, seed);
        trace_data_t data = {.model = "m",
                             .source = "s",
                             .extra = &extra,
                             .extra_count = 1,
                             .layers = &s->layer,
                             .layer_count = 1};
        ck_assert_msg(trace_write(path, &data, err, sizeof err), "seed %u: %s", seed, err);
        ck_assert_msg(trace_open(path, &trace, err, sizeof err), "seed %u: %s", seed, err);
        ck_assert_str_eq(safetensors_metadata(trace_file(trace), "text"), extra.value);
        check_sample(s, trace, seed);
        trace_close(trace);
    }
    unlink(path);
    free(s);
}
END_TEST

START_TEST(contradictory_data_is_not_written)
{
    char directory[] = "/tmp/sanger_test_XXXXXX", path[64], err[TRACE_ERROR_BYTES] = "";
    sample_t *s = malloc(sizeof *s);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)sprintf(path, "%s/t", directory);
    for (int i = 0; i < 9; i++) {
        fill_sample(s, 14); // F32, causal, with a mask and valid
        trace_data_t data = {.model = "m", .source = "s", .layers = &s->layer, .layer_count = 1};
        if (i == 0) s->q[5] = NAN;
        if (i == 1) s->q[5] = 1e39;
        if (i == 2) s->mask[M - 1] = 1; // causal: the first query's last key
        if (i == 3) s->layer.id = "x";
        if (i == 4) s->layer.scaling = NAN;
        if (i == 5) s->layer.policy = "none";
        if (i == 6) data.layer_count = 0;
        if (i == 7) data.model = "";
        if (i == 8) s->k[M * D + 1] = NAN; // the second key head, which not every query head reads
        ck_assert_msg(!trace_write(path, &data, err, sizeof err), "case %d", i);
        ck_assert_msg(strncmp(err, path, strlen(path)) == 0 && err[strlen(path)] == ':', "case %d: %s", i,
                      err);
    }
    free(s);
    ck_assert_int_eq(rmdir(directory), 0); // it is empty
}
END_TEST

START_TEST(half_precision_is_exact_and_rounds_to_even)
{
    for (uint32_t bits = 0; bits < 65536; bits++) {
        uint16_t half = (uint16_t)bits;
        double value = trace_half_to_double(half);
        int exponent = half >> 10 & 31, fraction = half & 1023;
        if (exponent == 31) {
            ck_assert(fraction ? isnan(value) : isinf(value));
            continue;
        }
        double expected = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        ck_assert_msg(value == (half >> 15 ? -expected : expected), "%04x", bits);
        ck_assert_msg(trace_double_to_half(value) == half, "%04x", bits);
        if ((half & 0x7fff) == 0x7bff) continue;
        double above = trace_half_to_double((uint16_t)(half + 1)), middle = (value + above) / 2;
        uint16_t even = half & 1 ? (uint16_t)(half + 1) : half;
        ck_assert_msg(trace_double_to_half(middle) == even, "between %04x and the next", bits);
        ck_assert_msg(trace_double_to_half(nextafter(middle, value)) == half, "%04x", bits);
        ck_assert_msg(trace_double_to_half(nextafter(middle, above)) == half + 1, "%04x", bits);
    }
    ck_assert_uint_eq(trace_double_to_half(65519.999), 0x7bff);
    ck_assert_uint_eq(trace_double_to_half(65520), 0x7c00);
    ck_assert_uint_eq(trace_double_to_half(-1e300), 0xfc00);
    ck_assert_uint_eq(trace_double_to_half(NAN), 0x7e00);
    ck_assert_uint_eq(trace_double_to_half(1e-300), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *reading = tcase_create("reading"), *refusing = tcase_create("refusing"),
          *writing = tcase_create("writing");
    tcase_set_timeout(refusing, 120);
    tcase_set_timeout(writing, 120);
    tcase_add_test(reading, a_trace_is_read_as_stored);
    tcase_add_test(reading, queries_of_cross_attention_do_not_take_the_keys_padding);
    tcase_add_test(reading, empty_mask_rows_are_accepted_where_they_can_be_right);
    tcase_add_test(reading, layers_come_in_the_order_in_which_they_run);
    tcase_add_test(reading, half_precision_is_exact_and_rounds_to_even);
    tcase_add_test(refusing, contradictions_in_header_and_metadata_are_refused_when_opened);
    tcase_add_test(refusing, contradictions_in_the_data_are_refused_when_loaded_and_when_validated);
    tcase_add_test(refusing, causal_layers_have_as_many_queries_as_keys);
    tcase_add_test(refusing, heads_that_no_memory_would_hold_are_refused);
    tcase_add_test(refusing, a_file_cut_short_while_open_is_an_error_and_no_signal);
    tcase_add_test(refusing, every_cut_of_a_trace_is_refused);
    tcase_add_test(refusing, random_damage_gives_a_trace_or_one_line);
    tcase_add_test(writing, what_is_written_is_read_back);
    tcase_add_test(writing, contradictory_data_is_not_written);
    suite_add_tcase(suite, reading);
    suite_add_tcase(suite, refusing);
    suite_add_tcase(suite, writing);
    return run_suite(suite);
}
