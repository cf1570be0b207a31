// SPDX-License-Identifier: Apache-2.0
#include "safetensors.h"

#include "../model/json.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_INTEGER   (UINT64_C(1) << 53)
#define METADATA_KEY  "__metadata__"
#define LENGTH_BYTES  8u
#define ALIGN_BYTES   8u
#define HEADER_DEPTH  3
#define SHOWN_CHARS   200u
#define TEMPORARY_TRY 100

struct safetensors_file {
    char *shown;
    int fd; // -1 when the file is in memory
    const uint8_t *memory;
    uint64_t size, data_begin;
    cJSON *root; // owns every name, key and value
    safetensors_tensor_t *tensors;
    size_t tensor_count;
    safetensors_pair_t *pairs;
    size_t pair_count;
};

struct safetensors_writer {
    FILE *stream;
    char *path, *temporary;
    uint64_t expected, written; // data bytes
};

static const struct {
    const char *name;
    size_t bytes;
} dtypes[SAFETENSORS_DTYPES] = {
    [SAFETENSORS_BOOL] = {"BOOL", 1},       [SAFETENSORS_U8] = {"U8", 1},
    [SAFETENSORS_I8] = {"I8", 1},           [SAFETENSORS_F8_E5M2] = {"F8_E5M2", 1},
    [SAFETENSORS_F8_E4M3] = {"F8_E4M3", 1}, [SAFETENSORS_I16] = {"I16", 2},
    [SAFETENSORS_U16] = {"U16", 2},         [SAFETENSORS_F16] = {"F16", 2},
    [SAFETENSORS_BF16] = {"BF16", 2},       [SAFETENSORS_I32] = {"I32", 4},
    [SAFETENSORS_U32] = {"U32", 4},         [SAFETENSORS_F32] = {"F32", 4},
    [SAFETENSORS_I64] = {"I64", 8},         [SAFETENSORS_U64] = {"U64", 8},
    [SAFETENSORS_F64] = {"F64", 8},
};

const char *safetensors_dtype_name(safetensors_dtype_t dtype)
{
    return dtype < SAFETENSORS_DTYPES ? dtypes[dtype].name : "?";
}

size_t safetensors_dtype_bytes(safetensors_dtype_t dtype)
{
    return dtype < SAFETENSORS_DTYPES ? dtypes[dtype].bytes : 0;
}

// ---- errors

// Long paths keep their end, which tells files apart.
static size_t print_shown(char *err, size_t err_size, const char *shown)
{
    size_t length = strlen(shown);
    const char *dots = length > SHOWN_CHARS ? "..." : "";
    if (length > SHOWN_CHARS) shown += length - SHOWN_CHARS;
    int n = snprintf(err, err_size, "%s%s: ", dots, shown);
    return n < 0 ? 0 : (size_t)n < err_size ? (size_t)n : err_size - 1;
}

bool safetensors_fail(char *err, size_t err_size, const char *shown, const char *format, ...)
{
    if (!err || err_size == 0) return false;
    size_t start = print_shown(err, err_size, shown);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(err + start, err_size - start, format, arguments);
    va_end(arguments);
    for (size_t i = 0; err[i]; i++) {
        unsigned char c = (unsigned char)err[i];
        bool plain = c >= 0x20 && c < 0x7f;
        bool in_path = i < start && c >= 0x80; // a user's path may be UTF-8
        if (!plain && !in_path) err[i] = '?';
    }
    return false;
}

// ---- the header

static bool out_of_memory(const char *shown, char *err, size_t err_size)
{
    return safetensors_fail(err, err_size, shown, "memory: expected enough for its header, found too little");
}

static int compare_tensor_names(const void *a, const void *b)
{
    return strcmp(((const safetensors_tensor_t *)a)->name, ((const safetensors_tensor_t *)b)->name);
}

static int compare_pairs(const void *a, const void *b)
{
    return strcmp(((const safetensors_pair_t *)a)->key, ((const safetensors_pair_t *)b)->key);
}

static int compare_offsets(const void *a, const void *b)
{
    const safetensors_tensor_t *x = *(const safetensors_tensor_t *const *)a;
    const safetensors_tensor_t *y = *(const safetensors_tensor_t *const *)b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static bool parse_dtype(const safetensors_file_t *file, safetensors_tensor_t *tensor, const cJSON *value,
                        char *err, size_t err_size)
{
    if (!cJSON_IsString(value))
        return safetensors_fail(err, err_size, file->shown, "%.80s.dtype: expected a string, found none",
                                tensor->name);
    for (int i = 0; i < SAFETENSORS_DTYPES; i++) {
        if (strcmp(value->valuestring, dtypes[i].name) != 0) continue;
        tensor->dtype = (safetensors_dtype_t)i;
        return true;
    }
    return safetensors_fail(err, err_size, file->shown, "%.80s.dtype: expected a known dtype, found %.20s",
                            tensor->name, value->valuestring);
}

// The scan has let only the integers 0 .. 2^53 through, which doubles hold exactly.
static bool parse_integers(const safetensors_file_t *file, const char *name, const char *field,
                           const cJSON *value, uint64_t *into, int most, int *count, char *err,
                           size_t err_size)
{
    if (!cJSON_IsArray(value))
        return safetensors_fail(err, err_size, file->shown, "%.80s.%s: expected an array, found none", name,
                                field);
    *count = 0;
    for (const cJSON *item = value->child; item; item = item->next) {
        if (!cJSON_IsNumber(item))
            return safetensors_fail(err, err_size, file->shown,
                                    "%.80s.%s: expected integers, found another value", name, field);
        if (*count == most)
            return safetensors_fail(err, err_size, file->shown,
                                    "%.80s.%s: expected at most %d numbers, found more", name, field, most);
        into[(*count)++] = (uint64_t)item->valuedouble;
    }
    return true;
}

// False when the product is beyond any file.
static bool tensor_bytes(const safetensors_tensor_t *tensor, uint64_t *bytes)
{
    *bytes = safetensors_dtype_bytes(tensor->dtype);
    for (int i = 0; i < tensor->rank; i++)
        if (tensor->shape[i] == 0) *bytes = 0;
    for (int i = 0; i < tensor->rank && *bytes; i++) {
        if (tensor->shape[i] > (uint64_t)INT64_MAX / *bytes) return false;
        *bytes *= tensor->shape[i];
    }
    return true;
}

static bool check_size(const safetensors_file_t *file, const safetensors_tensor_t *tensor, char *err,
                       size_t err_size)
{
    uint64_t bytes, data = file->size - file->data_begin;
    if (tensor->begin > tensor->end || tensor->end > data)
        return safetensors_fail(
            err, err_size, file->shown,
            "%.80s.data_offsets: expected a range within the %llu bytes of data, found [%llu, %llu]",
            tensor->name, (unsigned long long)data, (unsigned long long)tensor->begin,
            (unsigned long long)tensor->end);
    if (!tensor_bytes(tensor, &bytes))
        return safetensors_fail(err, err_size, file->shown,
                                "%.80s.shape: expected a size below 2^63 bytes, found more", tensor->name);
    if (tensor->end - tensor->begin != bytes)
        return safetensors_fail(err, err_size, file->shown,
                                "%.80s.data_offsets: expected %llu bytes for its dtype and shape, found %llu",
                                tensor->name, (unsigned long long)bytes,
                                (unsigned long long)(tensor->end - tensor->begin));
    return true;
}

static bool parse_tensor(const safetensors_file_t *file, safetensors_tensor_t *tensor, const cJSON *entry,
                         char *err, size_t err_size)
{
    tensor->name = entry->string;
    if (!cJSON_IsObject(entry))
        return safetensors_fail(err, err_size, file->shown, "%.80s: expected an object, found another value",
                                tensor->name);
    // Three fields of which three distinct ones are found: none is unknown, missing or doubled.
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(entry, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(entry, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
    int fields = cJSON_GetArraySize(entry);
    if (!dtype || !shape || !offsets || fields != 3)
        return safetensors_fail(err, err_size, file->shown,
                                "%.80s: expected exactly dtype, shape and data_offsets, found %d fields%s",
                                tensor->name, fields, fields == 3 ? ", others" : "");
    uint64_t range[2];
    int range_count;
    if (!parse_dtype(file, tensor, dtype, err, err_size)) return false;
    if (!parse_integers(file, tensor->name, "shape", shape, tensor->shape, SAFETENSORS_MAX_RANK,
                        &tensor->rank, err, err_size))
        return false;
    if (!parse_integers(file, tensor->name, "data_offsets", offsets, range, 2, &range_count, err, err_size))
        return false;
    if (range_count != 2)
        return safetensors_fail(err, err_size, file->shown,
                                "%.80s.data_offsets: expected 2 numbers, found %d", tensor->name,
                                range_count);
    tensor->begin = range[0];
    tensor->end = range[1];
    return check_size(file, tensor, err, err_size);
}

static bool parse_metadata(safetensors_file_t *file, const cJSON *entry, char *err, size_t err_size)
{
    if (file->pairs)
        return safetensors_fail(err, err_size, file->shown, METADATA_KEY ": expected once, found twice");
    if (!cJSON_IsObject(entry))
        return safetensors_fail(err, err_size, file->shown,
                                METADATA_KEY ": expected an object, found another value");
    size_t count = (size_t)cJSON_GetArraySize(entry);
    file->pairs = calloc(count + 1, sizeof *file->pairs);
    if (!file->pairs) return out_of_memory(file->shown, err, err_size);
    for (const cJSON *item = entry->child; item; item = item->next) {
        if (!cJSON_IsString(item))
            return safetensors_fail(err, err_size, file->shown,
                                    "metadata.%.80s: expected a string, found another value", item->string);
        file->pairs[file->pair_count++] = (safetensors_pair_t){item->string, item->valuestring};
    }
    qsort(file->pairs, count, sizeof *file->pairs, compare_pairs);
    for (size_t i = 1; i < count; i++)
        if (strcmp(file->pairs[i - 1].key, file->pairs[i].key) == 0)
            return safetensors_fail(err, err_size, file->shown, "metadata.%.80s: expected once, found twice",
                                    file->pairs[i].key);
    return true;
}

static bool check_names(safetensors_file_t *file, char *err, size_t err_size)
{
    qsort(file->tensors, file->tensor_count, sizeof *file->tensors, compare_tensor_names);
    for (size_t i = 1; i < file->tensor_count; i++)
        if (strcmp(file->tensors[i - 1].name, file->tensors[i].name) == 0)
            return safetensors_fail(err, err_size, file->shown, "%.80s: expected once, found twice",
                                    file->tensors[i].name);
    return true;
}

static bool check_cover(const safetensors_file_t *file, const safetensors_tensor_t **order, char *err,
                        size_t err_size)
{
    uint64_t at = 0, data = file->size - file->data_begin;
    for (size_t i = 0; i < file->tensor_count; i++) order[i] = &file->tensors[i];
    qsort(order, file->tensor_count, sizeof *order, compare_offsets);
    for (size_t i = 0; i < file->tensor_count; i++) {
        if (order[i]->begin != at)
            return safetensors_fail(err, err_size, file->shown,
                                    "%.80s.data_offsets: expected begin %llu, found %llu, %s", order[i]->name,
                                    (unsigned long long)at, (unsigned long long)order[i]->begin,
                                    order[i]->begin < at ? "an overlap" : "a hole");
        at = order[i]->end;
    }
    if (at != data)
        return safetensors_fail(err, err_size, file->shown,
                                "data: expected %llu bytes, found %llu, trailing bytes",
                                (unsigned long long)at, (unsigned long long)data);
    return true;
}

static bool parse_entries(safetensors_file_t *file, char *err, size_t err_size)
{
    size_t entries = (size_t)cJSON_GetArraySize(file->root);
    file->tensors = calloc(entries + 1, sizeof *file->tensors);
    if (!file->tensors) return out_of_memory(file->shown, err, err_size);
    for (const cJSON *entry = file->root->child; entry; entry = entry->next) {
        bool is_metadata = strcmp(entry->string, METADATA_KEY) == 0;
        if (is_metadata && !parse_metadata(file, entry, err, err_size)) return false;
        if (is_metadata) continue;
        safetensors_tensor_t *tensor = &file->tensors[file->tensor_count++];
        if (!parse_tensor(file, tensor, entry, err, err_size)) return false;
    }
    return check_names(file, err, err_size);
}

// Needs file->size and file->data_begin.
static bool parse_header(safetensors_file_t *file, const char *text, size_t size, char *err, size_t err_size)
{
    json_rule_t rule = {.max_depth = HEADER_DEPTH, .integers_only = true};
    json_fault_t fault;
    file->root = json_parse(text, size, rule, &fault);
    if (!file->root)
        return safetensors_fail(err, err_size, file->shown, "header: expected %s at byte %zu, found %s",
                                fault.expected, fault.at, fault.found);
    if (!parse_entries(file, err, err_size)) return false;
    const safetensors_tensor_t **order = calloc(file->tensor_count + 1, sizeof *order);
    if (!order) return out_of_memory(file->shown, err, err_size);
    bool fine = check_cover(file, order, err, err_size);
    free(order);
    return fine;
}

// ---- reading

static bool read_file(const safetensors_file_t *file, uint64_t at, uint8_t *buffer, size_t size,
                      const char *field, char *err, size_t err_size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(file->fd, buffer + done, size - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return safetensors_fail(err, err_size, file->shown,
                                    "%.80s: expected readable bytes, found error: %s", field,
                                    strerror(errno));
        if (n == 0)
            return safetensors_fail(err, err_size, file->shown,
                                    "%.80s: expected %zu bytes at %llu, found the end after %zu: cut short "
                                    "while open",
                                    field, size, (unsigned long long)at, done);
        done += (size_t)n;
    }
    return true;
}

static bool read_bytes(const safetensors_file_t *file, uint64_t at, void *buffer, size_t size,
                       const char *field, char *err, size_t err_size)
{
    if (size == 0) return true;
    if (file->fd >= 0) return read_file(file, at, buffer, size, field, err, err_size);
    memcpy(buffer, file->memory + at, size);
    return true;
}

static uint64_t little_endian(const uint8_t bytes[LENGTH_BYTES])
{
    uint64_t value = 0;
    for (unsigned i = 0; i < LENGTH_BYTES; i++) value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static bool read_length(safetensors_file_t *file, uint64_t *length, char *err, size_t err_size)
{
    uint8_t bytes[LENGTH_BYTES];
    if (file->size < LENGTH_BYTES)
        return safetensors_fail(err, err_size, file->shown,
                                "header length: expected 8 bytes, found a file of %llu",
                                (unsigned long long)file->size);
    if (!read_bytes(file, 0, bytes, sizeof bytes, "header length", err, err_size)) return false;
    *length = little_endian(bytes);
    uint64_t most = file->size - LENGTH_BYTES;
    if (most > SAFETENSORS_MAX_HEADER_BYTES) most = SAFETENSORS_MAX_HEADER_BYTES;
    if (*length > most)
        return safetensors_fail(err, err_size, file->shown,
                                "header length: expected at most %llu bytes, found %llu",
                                (unsigned long long)most, (unsigned long long)*length);
    file->data_begin = LENGTH_BYTES + *length;
    return true;
}

static bool load_header(safetensors_file_t *file, char *err, size_t err_size)
{
    uint64_t length = 0;
    if (!read_length(file, &length, err, err_size)) return false;
    char *text = malloc((size_t)length + 1);
    if (!text) return out_of_memory(file->shown, err, err_size);
    bool fine = read_bytes(file, LENGTH_BYTES, text, (size_t)length, "header", err, err_size) &&
                parse_header(file, text, (size_t)length, err, err_size);
    free(text);
    return fine;
}

static safetensors_file_t *new_file(const char *shown, char *err, size_t err_size)
{
    safetensors_file_t *file = calloc(1, sizeof *file);
    if (file) file->fd = -1;
    if (file) file->shown = strdup(shown);
    if (file && file->shown) return file;
    safetensors_close(file);
    out_of_memory(shown, err, err_size);
    return NULL;
}

// Not blocking, so that a FIFO is refused and not waited for.
static bool open_regular(safetensors_file_t *file, const char *path, char *err, size_t err_size)
{
    struct stat status;
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0 || fstat(file->fd, &status) != 0)
        return safetensors_fail(err, err_size, file->shown, "file: expected a readable file, found error: %s",
                                strerror(errno));
    if (!S_ISREG(status.st_mode))
        return safetensors_fail(err, err_size, file->shown, "file: expected a regular file, found %s",
                                S_ISDIR(status.st_mode) ? "a directory" : "something else");
    file->size = (uint64_t)status.st_size;
    return true;
}

bool safetensors_open_as(const char *path, const char *shown, safetensors_file_t **file, char *err,
                         size_t err_size)
{
    *file = NULL;
    safetensors_file_t *opened = new_file(shown, err, err_size);
    if (!opened) return false;
    if (open_regular(opened, path, err, err_size) && load_header(opened, err, err_size)) {
        *file = opened;
        return true;
    }
    safetensors_close(opened);
    return false;
}

bool safetensors_open(const char *path, safetensors_file_t **file, char *err, size_t err_size)
{
    return safetensors_open_as(path, path, file, err, err_size);
}

bool safetensors_open_memory(const char *shown, const void *data, size_t size, safetensors_file_t **file,
                             char *err, size_t err_size)
{
    *file = NULL;
    safetensors_file_t *opened = new_file(shown, err, err_size);
    if (!opened) return false;
    opened->memory = data;
    opened->size = size;
    if (load_header(opened, err, err_size)) {
        *file = opened;
        return true;
    }
    safetensors_close(opened);
    return false;
}

void safetensors_close(safetensors_file_t *file)
{
    if (!file) return;
    if (file->fd >= 0) (void)close(file->fd);
    cJSON_Delete(file->root);
    free(file->tensors);
    free(file->pairs);
    free(file->shown);
    free(file);
}

const char *safetensors_name(const safetensors_file_t *file)
{
    return file->shown;
}

size_t safetensors_count(const safetensors_file_t *file)
{
    return file->tensor_count;
}

const safetensors_tensor_t *safetensors_tensor(const safetensors_file_t *file, size_t index)
{
    return index < file->tensor_count ? &file->tensors[index] : NULL;
}

const safetensors_tensor_t *safetensors_find(const safetensors_file_t *file, const char *name)
{
    safetensors_tensor_t wanted = {.name = name};
    if (file->tensor_count == 0) return NULL;
    return bsearch(&wanted, file->tensors, file->tensor_count, sizeof wanted, compare_tensor_names);
}

size_t safetensors_metadata_count(const safetensors_file_t *file)
{
    return file->pair_count;
}

const safetensors_pair_t *safetensors_metadata_at(const safetensors_file_t *file, size_t index)
{
    return index < file->pair_count ? &file->pairs[index] : NULL;
}

const char *safetensors_metadata(const safetensors_file_t *file, const char *key)
{
    safetensors_pair_t wanted = {.key = key};
    if (file->pair_count == 0) return NULL;
    const safetensors_pair_t *pair =
        bsearch(&wanted, file->pairs, file->pair_count, sizeof wanted, compare_pairs);
    return pair ? pair->value : NULL;
}

bool safetensors_read(const safetensors_file_t *file, const safetensors_tensor_t *tensor, uint64_t offset,
                      void *buffer, size_t size, char *err, size_t err_size)
{
    uint64_t bytes = tensor->end - tensor->begin;
    if (offset > bytes || size > bytes - offset)
        return safetensors_fail(err, err_size, file->shown,
                                "%.80s: expected a range within its %llu bytes, found %zu at %llu",
                                tensor->name, (unsigned long long)bytes, size, (unsigned long long)offset);
    return read_bytes(file, file->data_begin + tensor->begin + offset, buffer, size, tensor->name, err,
                      err_size);
}

// ---- writing

static void print_string(FILE *stream, const char *text)
{
    (void)fputc('"', stream);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x20)
            (void)fprintf(stream, "\\u%04x", (unsigned)*c);
        else if (*c == '"' || *c == '\\')
            (void)fprintf(stream, "\\%c", *c);
        else
            (void)fputc(*c, stream);
    }
    (void)fputc('"', stream);
}

static void print_tensor(FILE *stream, const safetensors_tensor_t *tensor, uint64_t begin, uint64_t end)
{
    print_string(stream, tensor->name);
    (void)fprintf(stream, ":{\"dtype\":\"%s\",\"shape\":[", safetensors_dtype_name(tensor->dtype));
    for (int i = 0; i < tensor->rank; i++)
        (void)fprintf(stream, "%s%llu", i ? "," : "", (unsigned long long)tensor->shape[i]);
    (void)fprintf(stream, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin,
                  (unsigned long long)end);
}

static void print_metadata(FILE *stream, const safetensors_pair_t *metadata, size_t count)
{
    (void)fprintf(stream, "\"" METADATA_KEY "\":{");
    for (size_t i = 0; i < count; i++) {
        if (i) (void)fputc(',', stream);
        print_string(stream, metadata[i].key);
        (void)fputc(':', stream);
        print_string(stream, metadata[i].value);
    }
    (void)fputc('}', stream);
}

// Prints the header without its padding and adds up the data; false when a tensor is beyond any file.
static bool print_header(FILE *stream, const safetensors_pair_t *metadata, size_t metadata_count,
                         const safetensors_tensor_t *tensors, size_t tensor_count, uint64_t *data)
{
    *data = 0;
    (void)fputc('{', stream);
    print_metadata(stream, metadata, metadata_count);
    for (size_t i = 0; i < tensor_count; i++) {
        uint64_t bytes;
        if (tensors[i].rank < 0 || tensors[i].rank > SAFETENSORS_MAX_RANK) return false;
        if (!tensor_bytes(&tensors[i], &bytes) || bytes > MAX_INTEGER - *data) return false;
        (void)fputc(',', stream);
        print_tensor(stream, &tensors[i], *data, *data + bytes);
        *data += bytes;
    }
    (void)fputc('}', stream);
    return true;
}

typedef struct {
    char *text;
    size_t size;
    uint64_t data;
} header_text_t;

static bool build_header(header_text_t *header, const char *path, const safetensors_pair_t *metadata,
                         size_t metadata_count, const safetensors_tensor_t *tensors, size_t tensor_count,
                         char *err, size_t err_size)
{
    FILE *stream = open_memstream(&header->text, &header->size);
    if (!stream) return out_of_memory(path, err, err_size);
    bool fine = print_header(stream, metadata, metadata_count, tensors, tensor_count, &header->data);
    // Padding puts the data on a multiple of its largest element.
    long length = fine ? ftell(stream) : 0;
    for (; length % (long)ALIGN_BYTES; length++) (void)fputc(' ', stream);
    bool written = !ferror(stream);
    written = fclose(stream) == 0 && written;
    if (!fine)
        return safetensors_fail(err, err_size, path, "tensors: expected less than 2^53 bytes, found more");
    if (!written) return out_of_memory(path, err, err_size);
    if (header->size > SAFETENSORS_MAX_HEADER_BYTES)
        return safetensors_fail(err, err_size, path, "header: expected at most %u bytes, found %zu",
                                SAFETENSORS_MAX_HEADER_BYTES, header->size);
    return true;
}

// The reader judges what the writer is about to write: names twice, broken UTF-8 and so on.
static bool check_header(const header_text_t *header, const char *path, char *err, size_t err_size)
{
    safetensors_file_t *file = new_file(path, err, err_size);
    if (!file) return false;
    file->data_begin = LENGTH_BYTES + header->size;
    file->size = file->data_begin + header->data;
    bool fine = parse_header(file, header->text, header->size, err, err_size);
    safetensors_close(file);
    return fine;
}

static bool write_failed(const safetensors_writer_t *writer, char *err, size_t err_size)
{
    return safetensors_fail(err, err_size, writer->path, "file: expected to be writable, found error: %s",
                            strerror(errno));
}

// A name of its own beside the target, so that the rename stays within one file system.
static bool open_temporary(safetensors_writer_t *writer, char *err, size_t err_size)
{
    size_t size = strlen(writer->path) + 64;
    int fd = -1;
    writer->temporary = malloc(size);
    if (!writer->temporary) return out_of_memory(writer->path, err, err_size);
    for (int i = 0; i < TEMPORARY_TRY && fd < 0; i++) {
        (void)snprintf(writer->temporary, size, "%s.%ld-%d.tmp", writer->path, (long)getpid(), i);
        fd = open(writer->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) break;
    }
    if (fd >= 0) writer->stream = fdopen(fd, "wb");
    if (writer->stream) return true;
    (void)write_failed(writer, err, err_size);
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(writer->temporary);
    }
    return false;
}

static bool write_header(safetensors_writer_t *writer, const header_text_t *header, char *err,
                         size_t err_size)
{
    uint8_t length[LENGTH_BYTES];
    for (unsigned i = 0; i < LENGTH_BYTES; i++) length[i] = (uint8_t)((uint64_t)header->size >> (8 * i));
    if (fwrite(length, 1, sizeof length, writer->stream) == sizeof length &&
        fwrite(header->text, 1, header->size, writer->stream) == header->size)
        return true;
    return write_failed(writer, err, err_size);
}

static bool start_writer(safetensors_writer_t *writer, const header_text_t *header, const char *path,
                         char *err, size_t err_size)
{
    writer->path = strdup(path);
    if (!writer->path) return out_of_memory(path, err, err_size);
    writer->expected = header->data;
    return open_temporary(writer, err, err_size) && write_header(writer, header, err, err_size);
}

bool safetensors_create(const char *path, const safetensors_pair_t *metadata, size_t metadata_count,
                        const safetensors_tensor_t *tensors, size_t tensor_count,
                        safetensors_writer_t **writer, char *err, size_t err_size)
{
    header_text_t header = {0};
    *writer = NULL;
    bool fine = build_header(&header, path, metadata, metadata_count, tensors, tensor_count, err, err_size) &&
                check_header(&header, path, err, err_size);
    if (fine) {
        safetensors_writer_t *started = calloc(1, sizeof *started);
        if (!started) {
            fine = out_of_memory(path, err, err_size);
        } else if (start_writer(started, &header, path, err, err_size)) {
            *writer = started;
        } else {
            safetensors_abort(started);
            fine = false;
        }
    }
    free(header.text);
    return fine;
}

bool safetensors_write(safetensors_writer_t *writer, const void *data, size_t size, char *err,
                       size_t err_size)
{
    if (size > writer->expected - writer->written)
        return safetensors_fail(err, err_size, writer->path, "data: expected %llu bytes, found more",
                                (unsigned long long)writer->expected);
    if (size && fwrite(data, 1, size, writer->stream) != size) return write_failed(writer, err, err_size);
    writer->written += size;
    return true;
}

const char *safetensors_temporary(const safetensors_writer_t *writer)
{
    return writer->temporary;
}

bool safetensors_flush(safetensors_writer_t *writer, char *err, size_t err_size)
{
    if (writer->written != writer->expected)
        return safetensors_fail(err, err_size, writer->path, "data: expected %llu bytes, found %llu",
                                (unsigned long long)writer->expected, (unsigned long long)writer->written);
    if (fflush(writer->stream) != 0) return write_failed(writer, err, err_size);
    return true;
}

static void free_writer(safetensors_writer_t *writer)
{
    free(writer->path);
    free(writer->temporary);
    free(writer);
}

bool safetensors_commit(safetensors_writer_t *writer, char *err, size_t err_size)
{
    bool fine = safetensors_flush(writer, err, err_size);
    if (fine && fsync(fileno(writer->stream)) != 0) fine = write_failed(writer, err, err_size);
    if (!fine) {
        safetensors_abort(writer);
        return false;
    }
    if (fclose(writer->stream) != 0 || rename(writer->temporary, writer->path) != 0) {
        fine = write_failed(writer, err, err_size);
        (void)unlink(writer->temporary);
    }
    free_writer(writer);
    return fine;
}

void safetensors_abort(safetensors_writer_t *writer)
{
    if (!writer) return;
    if (writer->stream) {
        (void)fclose(writer->stream);
        (void)unlink(writer->temporary);
    }
    free_writer(writer);
}
