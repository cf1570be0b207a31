/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container of traces. Any bytes give a file or one printable line. Tensors of a file lie within it,
 * cover it, and are found by name; what is written again from it is read as the same file.
 */
#include "../../traces/safetensors.h"

#include <unistd.h>

#include "fuzz.h"

enum { TENSORS_MAX = 64 };

static void must_be_sound(const safetensors_file_t *file, size_t size)
{
    char error[SAFETENSORS_ERROR_BYTES];
    uint64_t all = 0;
    for (size_t i = 0; i < safetensors_count(file); ++i) {
        const safetensors_tensor_t *t = safetensors_tensor(file, i);
        uint64_t bytes = safetensors_dtype_bytes(t->dtype);
        for (int k = 0; k < t->rank; ++k) bytes *= t->shape[k];
        must(t->begin <= t->end && t->end - t->begin == bytes && bytes <= size);
        must(safetensors_find(file, t->name) == t && safetensors_dtype_name(t->dtype)[0] != '?');
        void *to = malloc(bytes ? (size_t)bytes : 1);
        must(to && safetensors_read(file, t, 0, to, (size_t)bytes, error, sizeof error));
        must(!safetensors_read(file, t, 1, to, (size_t)bytes, error, sizeof error));
        must_be_line(error, "t: ", sizeof error);
        free(to);
        all += bytes;
    }
    must(all <= size);
    for (size_t i = 0; i < safetensors_metadata_count(file); ++i) {
        const safetensors_pair_t *p = safetensors_metadata_at(file, i);
        must(safetensors_metadata(file, p->key) == p->value);
    }
}

static void copy_data(const safetensors_file_t *from, safetensors_writer_t *writer)
{
    char error[SAFETENSORS_ERROR_BYTES];
    uint8_t chunk[64];
    for (size_t i = 0; i < safetensors_count(from); ++i) {
        const safetensors_tensor_t *t = safetensors_tensor(from, i);
        uint64_t bytes = t->end - t->begin;
        for (uint64_t at = 0, n; at < bytes; at += n) {
            n = bytes - at < sizeof chunk ? bytes - at : sizeof chunk;
            must(safetensors_read(from, t, at, chunk, (size_t)n, error, sizeof error));
            must(safetensors_write(writer, chunk, (size_t)n, error, sizeof error));
        }
    }
}

static void must_be_file(const safetensors_file_t *a, const safetensors_file_t *b)
{
    char error[SAFETENSORS_ERROR_BYTES];
    uint8_t x, y;
    must(safetensors_count(a) == safetensors_count(b));
    must(safetensors_metadata_count(a) == safetensors_metadata_count(b));
    for (size_t i = 0; i < safetensors_count(a); ++i) {
        const safetensors_tensor_t *t = safetensors_tensor(a, i), *u = safetensors_tensor(b, i);
        must(!strcmp(t->name, u->name) && t->dtype == u->dtype && t->rank == u->rank);
        must(!memcmp(t->shape, u->shape, (size_t)t->rank * sizeof *t->shape));
        for (uint64_t at = 0; at < t->end - t->begin; ++at) {
            must(safetensors_read(a, t, at, &x, 1, error, sizeof error));
            must(safetensors_read(b, u, at, &y, 1, error, sizeof error) && x == y);
        }
    }
    for (size_t i = 0; i < safetensors_metadata_count(a); ++i) {
        const safetensors_pair_t *p = safetensors_metadata_at(a, i), *q = safetensors_metadata_at(b, i);
        must(!strcmp(p->key, q->key) && !strcmp(p->value, q->value));
    }
}

static void must_survive_writing(const safetensors_file_t *file)
{
    char error[SAFETENSORS_ERROR_BYTES] = "", path[64];
    safetensors_tensor_t tensors[TENSORS_MAX];
    safetensors_pair_t pairs[TENSORS_MAX];
    safetensors_writer_t *writer;
    safetensors_file_t *again;
    size_t n = safetensors_count(file), m = safetensors_metadata_count(file);
    for (size_t i = 0; i < n; ++i) tensors[i] = *safetensors_tensor(file, i);
    for (size_t i = 0; i < m; ++i) pairs[i] = *safetensors_metadata_at(file, i);
    snprintf(path, sizeof path, "/dev/shm/fuzz_safetensors-%ld", (long)getpid());
    must(safetensors_create(path, pairs, m, tensors, n, &writer, error, sizeof error));
    copy_data(file, writer);
    must(safetensors_commit(writer, error, sizeof error));
    must(safetensors_open(path, &again, error, sizeof error));
    must_be_file(file, again);
    safetensors_close(again);
    must(!unlink(path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[SAFETENSORS_ERROR_BYTES] = "";
    safetensors_file_t *file;
    if (!safetensors_open_memory("t", data, size, &file, error, sizeof error)) {
        must(file == NULL);
        must_be_line(error, "t: ", sizeof error);
        must(strncmp(error, "t: header: expected JSON that fits", 34) != 0);
        return 0;
    }
    must_be_sound(file, size);
    if (safetensors_count(file) <= TENSORS_MAX && safetensors_metadata_count(file) <= TENSORS_MAX)
        must_survive_writing(file);
    safetensors_close(file);
    return 0;
}
