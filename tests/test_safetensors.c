// SPDX-License-Identifier: Apache-2.0
//
// Does the container reader take what the format allows, refuse everything else with one line, and survive
// anything? Does the writer leave either a whole file or none?
#include "../model/json.h"
#include "../traces/safetensors.h"

#include <cjson/cJSON.h>
#include <check.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run_suite.h"

typedef struct {
    uint8_t *bytes;
    size_t size;
} blob_t;

// Header length, header, then `data` bytes that count up.
static blob_t make_blob(uint64_t length, const char *header, size_t header_size, size_t data)
{
    blob_t blob = {malloc(8 + header_size + data), 8 + header_size + data};
    for (unsigned i = 0; i < 8; i++) blob.bytes[i] = (uint8_t)(length >> (8 * i));
    memcpy(blob.bytes + 8, header, header_size);
    for (size_t i = 0; i < data; i++) blob.bytes[8 + header_size + i] = (uint8_t)i;
    return blob;
}

static blob_t make_plain(const char *header, size_t data)
{
    return make_blob(strlen(header), header, strlen(header), data);
}

static void check_line(const char *err, const char *name)
{
    size_t length = strlen(err);
    ck_assert_msg(length > 0 && length < SAFETENSORS_ERROR_BYTES, "%s: no line", name);
    for (size_t i = 0; i < length; i++)
        ck_assert_msg(err[i] >= 0x20 && err[i] < 0x7f, "%s: byte %zu of \"%s\" is not printable", name, i,
                      err);
}

static void expect_refused(blob_t blob, const char *name, const char *part)
{
    char err[SAFETENSORS_ERROR_BYTES] = "";
    safetensors_file_t *file = (safetensors_file_t *)&blob;
    bool opened = safetensors_open_memory("t", blob.bytes, blob.size, &file, err, sizeof err);
    ck_assert_msg(!opened, "%s: was accepted", name);
    ck_assert_ptr_null(file);
    check_line(err, name);
    ck_assert_msg(strstr(err, part), "%s: \"%s\" does not say \"%s\"", name, err, part);
    free(blob.bytes);
}

#define TENSOR(name, shape, offsets)                                                                         \
    "\"" name "\":{\"dtype\":\"U8\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define A4 TENSOR("a", "[4]", "[0,4]")

static const struct {
    const char *name, *header;
    size_t data;
    const char *part;
} hostile[] = {
    {"empty header", "", 4, "expected {"},
    {"array", "[]", 0, "expected {"},
    {"space first", " {" A4 "}", 4, "expected {"},
    {"never closed", "{" A4, 4, "expected a comma or }"},
    {"open string", "{\"a", 0, "the end"},
    {"comma at the end", "{" A4 ",}", 4, "a string"},
    {"no colon", "{\"a\" 1}", 0, "a colon"},
    {"bare word", "{\"a\":nan}", 0, "an integer"},
    {"null entry", "{\"a\":null}", 0, "an integer"},
    {"behind it", "{" A4 "} x", 4, "nothing but spaces"},
    {"two objects", "{" A4 "}{}", 4, "nothing but spaces"},
    {"newline behind it", "{" A4 "}\n", 4, "nothing but spaces"},
    {"entry is a number", "{\"a\":1}", 0, "expected an object"},
    {"entry is an array", "{\"a\":[1]}", 0, "expected an object"},
    {"field missing", "{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}", 4, "exactly dtype, shape and data_offsets"},
    {"field unknown", "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4],\"x\":1}}", 4,
     "4 fields"},
    {"field twice", "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4,
     "4 fields"},
    {"field instead", "{\"a\":{\"dtype\":\"U8\",\"Shape\":[4],\"data_offsets\":[0,4]}}", 4, "exactly"},
    {"tensor twice", "{" A4 "," A4 "}", 4, "a: expected once"},
    {"tensor twice, escaped", "{" A4 "," TENSOR("\\u0061", "[0]", "[4,4]") "}", 4, "a: expected once"},
    {"dtype unknown", "{\"a\":{\"dtype\":\"I4\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "a known dtype"},
    {"dtype number", "{\"a\":{\"dtype\":3,\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "a.dtype"},
    {"shape string", "{\"a\":{\"dtype\":\"U8\",\"shape\":\"4\",\"data_offsets\":[0,4]}}", 4, "a.shape"},
    {"shape of strings", "{" TENSOR("a", "[\"4\"]", "[0,4]") "}", 4, "a.shape"},
    {"shape negative", "{" TENSOR("a", "[-4]", "[0,4]") "}", 4, "an integer from 0 to 2^53"},
    {"shape fraction", "{" TENSOR("a", "[4.0]", "[0,4]") "}", 4, "an integer from 0 to 2^53"},
    {"shape exponent", "{" TENSOR("a", "[4e0]", "[0,4]") "}", 4, "an integer from 0 to 2^53"},
    {"shape leading zero", "{" TENSOR("a", "[04]", "[0,4]") "}", 4, "an integer from 0 to 2^53"},
    {"shape hexadecimal", "{" TENSOR("a", "[0x4]", "[0,4]") "}", 4, "a comma or ]"},
    {"shape above 2^53", "{" TENSOR("a", "[9007199254740993]", "[0,4]") "}", 4, "an integer from 0 to 2^53"},
    {"shape above 2^64", "{" TENSOR("a", "[18446744073709551620]", "[0,4]") "}", 4, "an integer from 0"},
    {"shape true", "{" TENSOR("a", "[true]", "[0,4]") "}", 4, "an integer from 0 to 2^53"},
    {"rank 9", "{" TENSOR("a", "[1,1,1,1,1,1,1,1,4]", "[0,4]") "}", 4, "at most 8 numbers"},
    {"product overflows", "{" TENSOR("a", "[4294967296,4294967296]", "[0,0]") "}", 0, "below 2^63"},
    {"product overflows to 4", "{" TENSOR("a", "[4294967296,4294967297,4]", "[0,4]") "}", 4, "below 2^63"},
    {"size too small", "{" TENSOR("a", "[3]", "[0,4]") "}", 4, "expected 3 bytes"},
    {"size too large", "{" TENSOR("a", "[5]", "[0,4]") "}", 4, "expected 5 bytes"},
    {"scalar of four bytes", "{" TENSOR("a", "[]", "[0,4]") "}", 4, "expected 1 bytes"},
    {"size for its dtype", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "16 bytes"},
    {"begin behind end", "{" TENSOR("a", "[4]", "[4,0]") "}", 4, "a range within"},
    {"one offset", "{" TENSOR("a", "[4]", "[4]") "}", 4, "expected 2 numbers"},
    {"three offsets", "{" TENSOR("a", "[4]", "[0,4,4]") "}", 4, "at most 2 numbers"},
    {"beyond the data", "{" TENSOR("a", "[5]", "[0,5]") "}", 4, "within the 4 bytes"},
    {"end at 2^53", "{" TENSOR("a", "[9007199254740992]", "[0,9007199254740992]") "}", 4,
     "within the 4 bytes"},
    {"overlap", "{" A4 "," TENSOR("b", "[4]", "[2,6]") "}", 6, "an overlap"},
    {"same range", "{" A4 "," TENSOR("b", "[4]", "[0,4]") "}", 4, "an overlap"},
    {"hole", "{" A4 "," TENSOR("b", "[4]", "[5,9]") "}", 9, "a hole"},
    {"hole first", "{" TENSOR("a", "[4]", "[1,5]") "}", 5, "a hole"},
    {"trailing bytes", "{" A4 "}", 5, "trailing bytes"},
    {"data without tensors", "{}", 1, "trailing bytes"},
    {"deep nesting", "{\"a\":{\"shape\":[[4]]}}", 4, "less nesting"},
    {"deep objects", "{\"a\":{\"b\":{\"c\":{}}}}", 0, "less nesting"},
    {"metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "expected once"},
    {"metadata string", "{\"__metadata__\":\"x\"}", 0, "expected an object"},
    {"metadata number", "{\"__metadata__\":{\"x\":1}}", 0, "metadata.x: expected a string"},
    {"metadata key twice", "{\"__metadata__\":{\"x\":\"1\",\"y\":\"\",\"x\":\"2\"}}", 0,
     "metadata.x: expected once"},
    {"NUL in a name", "{" TENSOR("a\\u0000b", "[4]", "[0,4]") "}", 4, "no NUL"},
    {"control in a name", "{" TENSOR("a\x01", "[4]", "[0,4]") "}", 4, "no control character"},
    {"escape unknown", "{" TENSOR("\\x61", "[4]", "[0,4]") "}", 4, "a JSON escape"},
    {"lone low surrogate", "{" TENSOR("\\udc00", "[4]", "[0,4]") "}", 4, "surrogates in pairs"},
    {"lone high surrogate", "{" TENSOR("\\ud800", "[4]", "[0,4]") "}", 4, "surrogates in pairs"},
    {"high surrogate twice", "{" TENSOR("\\ud800\\ud800", "[4]", "[0,4]") "}", 4, "surrogates in pairs"},
    {"short escape", "{" TENSOR("\\u00g1", "[4]", "[0,4]") "}", 4, "four hexadecimal digits"},
    {"overlong UTF-8", "{" TENSOR("\xc0\xaf", "[4]", "[0,4]") "}", 4, "valid UTF-8"},
    {"surrogate in UTF-8", "{" TENSOR("\xed\xa0\x80", "[4]", "[0,4]") "}", 4, "valid UTF-8"},
    {"UTF-8 beyond Unicode", "{" TENSOR("\xf4\x90\x80\x80", "[4]", "[0,4]") "}", 4, "valid UTF-8"},
    {"cut UTF-8", "{\"\xe2\x82", 0, "valid UTF-8"},
    {"lone continuation", "{" TENSOR("\x80", "[4]", "[0,4]") "}", 4, "valid UTF-8"},
    {"name that would break the line", "{" TENSOR("a\\n\\u001b[31m\xc2\x80", "[3]", "[0,4]") "}", 4,
     "a??[31m??.data_offsets"},
};

START_TEST(every_hostile_header_is_refused_with_one_line)
{
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++)
        expect_refused(make_plain(hostile[i].header, hostile[i].data), hostile[i].name, hostile[i].part);
}
END_TEST

START_TEST(header_lengths_are_checked_before_anything_is_allocated)
{
    const char *header = "{" A4 "}";
    size_t size = strlen(header);
    const uint64_t lengths[] = {size + 5,          100000000,  100000001,     UINT64_C(1) << 53,
                                UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        expect_refused(make_blob(lengths[i], header, size, 4), "length", "header length: expected at most");
    for (size_t cut = 0; cut < 8; cut++) {
        blob_t blob = make_plain(header, 4);
        blob.size = cut;
        expect_refused(blob, "short file", "expected 8 bytes");
    }
    expect_refused(make_blob(0, header, size, 4), "length 0", "expected {");
    expect_refused(make_blob(size - 1, header, size, 4), "length one short", "header: expected");
}
END_TEST

START_TEST(a_header_above_the_limit_is_refused_however_large_the_file)
{
    char path[] = "/tmp/sanger_test_XXXXXX", err[SAFETENSORS_ERROR_BYTES];
    int fd = mkstemp(path);
    uint8_t length[8] = {0x01, 0xe1, 0xf5, 0x05}; // 100,000,001
    safetensors_file_t *file;
    ck_assert_int_eq(write(fd, length, 8), 8);
    ck_assert_int_eq(ftruncate(fd, 200000000), 0); // sparse
    bool opened = safetensors_open(path, &file, err, sizeof err);
    close(fd);
    unlink(path);
    ck_assert(!opened);
    ck_assert_msg(strstr(err, "expected at most 100000000 bytes, found 100000001"), "%s", err);
}
END_TEST

// Deep enough to overflow a recursive parser's stack.
START_TEST(brackets_without_end_do_not_exhaust_the_stack)
{
    for (int kind = 0; kind < 2; kind++) {
        size_t size = 3000000;
        char *header = malloc(size + 1);
        for (size_t i = 0; i < size; i++) header[i] = kind ? '[' : "{\"a\":"[i % 5];
        memcpy(header, "{\"a\":", 5);
        header[size] = 0;
        expect_refused(make_plain(header, 0), "brackets", "less nesting");
        free(header);
    }
}
END_TEST

START_TEST(too_many_values_are_refused)
{
    size_t count = JSON_MAX_VALUES + 1, at = 0;
    char *header = malloc(2 * count + 16);
    at += (size_t)sprintf(header, "{\"a\":[");
    for (size_t i = 0; i < count; i++, at += 2) memcpy(header + at, "1,", 2);
    memcpy(header + at - 1, "]}", 3);
    expect_refused(make_plain(header, 0), "values", "at most 1000000 JSON values");
    free(header);
}
END_TEST

START_TEST(what_the_format_allows_is_accepted)
{
    static const struct {
        const char *name, *header;
        size_t data, tensors;
    } fine[] = {
        {"nothing", "{}", 0, 0},
        {"padded", "{}      ", 0, 0},
        {"only metadata", "{\"__metadata__\":{\"a\":\"b\"}}", 0, 0},
        {"a scalar", "{" TENSOR("a", "[]", "[0,1]") "}", 1, 1},
        {"out of order", "{" TENSOR("a", "[4]", "[2,6]") "," TENSOR("b", "[2]", "[0,2]") "}", 6, 2},
        {"empty tensors", "{" TENSOR("a", "[0]", "[0,0]") "," TENSOR("b", "[0,9]", "[0,0]") "}", 0, 2},
        {"empty in the middle", "{" A4 "," TENSOR("b", "[0]", "[4,4]") "," TENSOR("c", "[2]", "[4,6]") "}", 6,
         3},
        {"empty and beyond any product",
         "{" TENSOR("a", "[9007199254740992,9007199254740992,0]", "[0,0]") "}", 0, 1},
        {"white space inside",
         "{\t\"a\" : {\"dtype\":\"U8\",\r\n\"shape\": [ 4 ] ,\"data_offsets\":[0, 4]} }", 4, 1},
        {"odd alignment",
         "{" TENSOR("a", "[1]", "[0,1]") ",\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[1,9]}}",
         9, 2},
        {"every kind of character",
         "{" TENSOR("\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\xf0\x9f\x98\x80", "[4]", "[0,4]") "}", 4,
         1},
        {"empty name", "{" TENSOR("", "[4]", "[0,4]") "}", 4, 1},
    };
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        char err[SAFETENSORS_ERROR_BYTES] = "";
        safetensors_file_t *file;
        blob_t blob = make_plain(fine[i].header, fine[i].data);
        bool opened = safetensors_open_memory("t", blob.bytes, blob.size, &file, err, sizeof err);
        ck_assert_msg(opened, "%s: %s", fine[i].name, err);
        ck_assert_uint_eq(safetensors_count(file), fine[i].tensors);
        safetensors_close(file);
        free(blob.bytes);
    }
}
END_TEST

START_TEST(tensors_and_metadata_are_found_and_read_in_pieces)
{
    char err[SAFETENSORS_ERROR_BYTES];
    safetensors_file_t *file;
    blob_t blob = make_plain(
        "{\"__metadata__\":{\"z\":\"1\",\"k\":\"v\"}," TENSOR("b", "[2,3]", "[4,10]") "," A4 "}", 10);
    ck_assert(safetensors_open_memory("t", blob.bytes, blob.size, &file, err, sizeof err));
    ck_assert_str_eq(safetensors_metadata(file, "k"), "v");
    ck_assert_ptr_null(safetensors_metadata(file, "x"));
    ck_assert_uint_eq(safetensors_metadata_count(file), 2);
    ck_assert_str_eq(safetensors_metadata_at(file, 1)->value, "1");
    ck_assert_ptr_null(safetensors_metadata_at(file, 2));
    ck_assert_ptr_null(safetensors_find(file, "c"));
    ck_assert_ptr_null(safetensors_tensor(file, 2));
    const safetensors_tensor_t *b = safetensors_find(file, "b");
    ck_assert_ptr_eq(b, safetensors_tensor(file, 1));
    ck_assert_int_eq(b->rank, 2);
    ck_assert_uint_eq(b->shape[1], 3);
    uint8_t bytes[7];
    ck_assert(safetensors_read(file, b, 2, bytes, 4, err, sizeof err));
    for (unsigned i = 0; i < 4; i++) ck_assert_uint_eq(bytes[i], 6 + i);
    ck_assert(safetensors_read(file, b, 6, bytes, 0, err, sizeof err));
    ck_assert(!safetensors_read(file, b, 2, bytes, 5, err, sizeof err));
    ck_assert(!safetensors_read(file, b, 7, bytes, 0, err, sizeof err));
    ck_assert(!safetensors_read(file, b, UINT64_MAX, bytes, 2, err, sizeof err));
    check_line(err, "read");
    safetensors_close(file);
    free(blob.bytes);
}
END_TEST

START_TEST(every_cut_of_a_file_is_refused)
{
    blob_t blob =
        make_plain("{\"__metadata__\":{\"k\":\"v\"}," TENSOR("b", "[2,3]", "[4,10]") "," A4 "}   ", 10);
    for (size_t cut = 0; cut < blob.size; cut++) {
        blob_t copy = {malloc(cut ? cut : 1), cut}; // its own block, so that reading on is seen
        memcpy(copy.bytes, blob.bytes, cut);
        expect_refused(copy, "cut", "expected");
    }
    free(blob.bytes);
}
END_TEST

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

START_TEST(random_damage_gives_a_file_or_one_line)
{
    const char *bytes = "{}[]\",:0129.-eE\\u \x01\x80\xff_abn";
    for (uint32_t seed = 1; seed <= 20000; seed++) {
        uint32_t state = seed;
        blob_t blob =
            make_plain("{\"__metadata__\":{\"k\":\"v\"}," TENSOR("b", "[2,3]", "[4,10]") "," A4 "}", 10);
        for (uint32_t n = 1 + next_random(&state) % 3; n--;)
            blob.bytes[next_random(&state) % blob.size] = (uint8_t)bytes[next_random(&state) % strlen(bytes)];
        char err[SAFETENSORS_ERROR_BYTES] = "", name[32];
        (void)sprintf(name, "seed %u", seed);
        safetensors_file_t *file;
        if (safetensors_open_memory("t", blob.bytes, blob.size, &file, err, sizeof err))
            safetensors_close(file);
        else
            check_line(err, name);
        free(blob.bytes);
    }
}
END_TEST

START_TEST(error_lines_fit_any_buffer)
{
    blob_t blob = make_plain("{" TENSOR("a", "[3]", "[0,4]") "}", 4);
    char path[2000];
    memset(path, 'p', sizeof path);
    memcpy(path + sizeof path - 5, "/end", 5);
    for (size_t size = 0; size < 300; size++) {
        char *err = malloc(size + 1);
        safetensors_file_t *file;
        err[size] = 'x';
        ck_assert(!safetensors_open_memory(path, blob.bytes, blob.size, &file, err, size));
        ck_assert_int_eq(err[size], 'x');
        ck_assert(size == 0 || memchr(err, 0, size));
        free(err);
    }
    char err[SAFETENSORS_ERROR_BYTES];
    safetensors_file_t *file;
    ck_assert(!safetensors_open_memory(path, blob.bytes, blob.size, &file, err, sizeof err));
    ck_assert_msg(strstr(err, "/end: a.data_offsets: expected 3 bytes"), "%s", err);
    ck_assert(!safetensors_open_memory(path, blob.bytes, blob.size, &file, NULL, 0));
    free(blob.bytes);
}
END_TEST

START_TEST(only_regular_files_are_opened)
{
    char directory[] = "/tmp/sanger_test_XXXXXX", fifo[64], err[SAFETENSORS_ERROR_BYTES];
    safetensors_file_t *file;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)sprintf(fifo, "%s/fifo", directory);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    const char *const paths[] = {directory, fifo, "/dev/zero", "/nowhere/at/all"};
    const char *const parts[] = {"a directory", "something else", "something else", "No such file"};
    for (size_t i = 0; i < 4; i++) {
        ck_assert(!safetensors_open(paths[i], &file, err, sizeof err));
        ck_assert_msg(strstr(err, parts[i]), "%s", err);
    }
    unlink(fifo);
    rmdir(directory);
}
END_TEST

// ---- writer

static const safetensors_pair_t pairs[] = {{"k", "v"}, {"quote\"\\\n", "\x01\xc3\xa9"}};
static const safetensors_tensor_t tensors[] = {
    {.name = "w", .dtype = SAFETENSORS_F16, .rank = 2, .shape = {3, 5}},
    {.name = "a b\"c", .dtype = SAFETENSORS_U8, .rank = 1, .shape = {7}},
};

static bool start(const char *path, safetensors_writer_t **writer, char *err)
{
    return safetensors_create(path, pairs, 2, tensors, 2, writer, err, SAFETENSORS_ERROR_BYTES);
}

static size_t count_entries(const char *directory)
{
    size_t count = 0;
    DIR *listing = opendir(directory);
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing))
        count += entry->d_name[0] != '.';
    closedir(listing);
    return count;
}

START_TEST(what_is_written_is_read_back)
{
    char directory[] = "/tmp/sanger_test_XXXXXX", path[64], err[SAFETENSORS_ERROR_BYTES] = "";
    safetensors_writer_t *writer;
    safetensors_file_t *file;
    uint8_t data[37], back[30];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)sprintf(path, "%s/t", directory);
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(3 * i);
    ck_assert_msg(start(path, &writer, err), "%s", err);
    for (size_t i = 0; i < sizeof data; i += 5) // pieces that know no tensor's end
        ck_assert(
            safetensors_write(writer, data + i, i + 5 <= sizeof data ? 5 : sizeof data - i, err, sizeof err));
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_msg(safetensors_commit(writer, err, sizeof err), "%s", err);
    ck_assert_uint_eq(count_entries(directory), 1);
    ck_assert_msg(safetensors_open(path, &file, err, sizeof err), "%s", err);
    ck_assert_str_eq(safetensors_metadata(file, pairs[1].key), pairs[1].value);
    const safetensors_tensor_t *w = safetensors_find(file, "w");
    ck_assert_ptr_nonnull(safetensors_find(file, tensors[1].name));
    ck_assert(w && w->dtype == SAFETENSORS_F16 && w->rank == 2 && w->shape[0] == 3 && w->shape[1] == 5);
    ck_assert(safetensors_read(file, w, 0, back, 30, err, sizeof err));
    ck_assert_mem_eq(back, data, 30);
    safetensors_close(file);
    unlink(path);
    rmdir(directory);
}
END_TEST

START_TEST(a_failed_write_leaves_the_old_file_and_nothing_else)
{
    char directory[] = "/tmp/sanger_test_XXXXXX", path[64], err[SAFETENSORS_ERROR_BYTES];
    safetensors_writer_t *writer;
    uint8_t data[38] = {0};
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)sprintf(path, "%s/t", directory);
    FILE *old = fopen(path, "w");
    ck_assert(fputs("old", old) >= 0 && fclose(old) == 0);

    ck_assert(start(path, &writer, err));
    ck_assert(!safetensors_write(writer, data, 38, err, sizeof err)); // one too many
    check_line(err, "too many");
    safetensors_abort(writer);
    ck_assert(start(path, &writer, err));
    ck_assert(safetensors_write(writer, data, 36, err, sizeof err)); // one too few
    ck_assert(!safetensors_commit(writer, err, sizeof err));
    ck_assert_msg(strstr(err, "expected 37 bytes, found 36"), "%s", err);
    safetensors_abort(NULL);

    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_size, 3);
    ck_assert_uint_eq(count_entries(directory), 1);
    unlink(path);
    rmdir(directory);
    ck_assert(!start(path, &writer, err)); // the directory is gone
    ck_assert_ptr_null(writer);
    check_line(err, "no directory");
}
END_TEST

START_TEST(a_failed_rename_removes_the_temporary_file)
{
    char directory[] = "/tmp/sanger_test_XXXXXX", path[64], err[SAFETENSORS_ERROR_BYTES] = "";
    safetensors_writer_t *writer;
    uint8_t data[37] = {0};
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)sprintf(path, "%s/t", directory);
    ck_assert_int_eq(mkdir(path, 0700), 0); // a directory has the name
    ck_assert(start(path, &writer, err) && safetensors_write(writer, data, 37, err, sizeof err));
    ck_assert_uint_eq(count_entries(directory), 2);
    ck_assert(!safetensors_commit(writer, err, sizeof err));
    check_line(err, "rename");
    ck_assert_uint_eq(count_entries(directory), 1);
    rmdir(path);
    rmdir(directory);
}
END_TEST

// A limit on file sizes stands in for a full disk.
START_TEST(a_write_that_the_system_refuses_is_an_error)
{
    char directory[] = "/tmp/sanger_test_XXXXXX", path[64], err[SAFETENSORS_ERROR_BYTES] = "";
    const safetensors_tensor_t large = {.name = "l", .dtype = SAFETENSORS_U8, .rank = 1, .shape = {100000}};
    struct rlimit before, limit;
    safetensors_writer_t *writer;
    uint8_t data[1000] = {0};
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)sprintf(path, "%s/t", directory);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 50000;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert(safetensors_create(path, NULL, 0, &large, 1, &writer, err, sizeof err));
    bool fine = true;
    for (int i = 0; i < 100 && fine; i++)
        fine = safetensors_write(writer, data, sizeof data, err, sizeof err);
    if (fine)
        fine = safetensors_commit(writer, err, sizeof err);
    else
        safetensors_abort(writer);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert(!fine);
    ck_assert_msg(strstr(err, "File too large"), "%s", err);
    ck_assert_uint_eq(count_entries(directory), 0);
    rmdir(directory);
}
END_TEST

START_TEST(headers_that_the_reader_would_refuse_are_not_written)
{
    char err[SAFETENSORS_ERROR_BYTES];
    safetensors_writer_t *writer;
    const char *path = "/tmp/sanger_test_never";
    const safetensors_tensor_t twice[] = {tensors[1], tensors[1]};
    const safetensors_tensor_t huge = {
        .name = "h", .dtype = SAFETENSORS_F64, .rank = 2, .shape = {UINT64_C(1) << 40, UINT64_C(1) << 40}};
    const safetensors_tensor_t rank = {.name = "r", .rank = 9};
    const safetensors_tensor_t utf8 = {.name = "\xff", .dtype = SAFETENSORS_U8, .rank = 1, .shape = {1}};
    const safetensors_pair_t keys[] = {{"k", "1"}, {"k", "2"}};
    ck_assert(!safetensors_create(path, NULL, 0, twice, 2, &writer, err, sizeof err));
    ck_assert(!safetensors_create(path, NULL, 0, &huge, 1, &writer, err, sizeof err));
    ck_assert(!safetensors_create(path, NULL, 0, &rank, 1, &writer, err, sizeof err));
    ck_assert(!safetensors_create(path, NULL, 0, &utf8, 1, &writer, err, sizeof err));
    ck_assert(!safetensors_create(path, keys, 2, NULL, 0, &writer, err, sizeof err));
    check_line(err, "keys");
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

// Round numbers that a printer of doubles would write with an exponent.
START_TEST(large_round_sizes_are_written_as_integers)
{
    char path[] = "/tmp/sanger_test_XXXXXX", err[SAFETENSORS_ERROR_BYTES] = "";
    int fd = mkstemp(path);
    close(fd);
    const safetensors_tensor_t large = {
        .name = "l", .dtype = SAFETENSORS_U8, .rank = 2, .shape = {1000000, UINT64_C(1000000000)}};
    safetensors_writer_t *writer;
    ck_assert_msg(safetensors_create(path, NULL, 0, &large, 1, &writer, err, sizeof err), "%s", err);
    safetensors_abort(writer);
    unlink(path);
}
END_TEST

// ---- JSON inside metadata

int main(void)
{
    Suite *suite = suite_create("safetensors");
    TCase *reader = tcase_create("reader"), *writing = tcase_create("writer");
    tcase_set_timeout(reader, 120);
    tcase_add_test(reader, every_hostile_header_is_refused_with_one_line);
    tcase_add_test(reader, header_lengths_are_checked_before_anything_is_allocated);
    tcase_add_test(reader, a_header_above_the_limit_is_refused_however_large_the_file);
    tcase_add_test(reader, brackets_without_end_do_not_exhaust_the_stack);
    tcase_add_test(reader, too_many_values_are_refused);
    tcase_add_test(reader, what_the_format_allows_is_accepted);
    tcase_add_test(reader, tensors_and_metadata_are_found_and_read_in_pieces);
    tcase_add_test(reader, every_cut_of_a_file_is_refused);
    tcase_add_test(reader, random_damage_gives_a_file_or_one_line);
    tcase_add_test(reader, error_lines_fit_any_buffer);
    tcase_add_test(reader, only_regular_files_are_opened);
    tcase_add_test(writing, what_is_written_is_read_back);
    tcase_add_test(writing, a_failed_write_leaves_the_old_file_and_nothing_else);
    tcase_add_test(writing, a_failed_rename_removes_the_temporary_file);
    tcase_add_test(writing, a_write_that_the_system_refuses_is_an_error);
    tcase_add_test(writing, headers_that_the_reader_would_refuse_are_not_written);
    tcase_add_test(writing, large_round_sizes_are_written_as_integers);
    suite_add_tcase(suite, reader);
    suite_add_tcase(suite, writing);
    return run_suite(suite);
}
