// SPDX-License-Identifier: Apache-2.0
//
// safetensors: reads and writes the tensor container that traces are stored in.
//
//   offset 0          8               8 + N                    end of file
//          | u64 N LE | N bytes of JSON | tensors, back to back |
//
// The reader trusts nothing: every length is checked against the file before it is used, and only the
// header is held in memory. Tensor bytes are fetched with pread, so a file that is cut short while it is
// open is an error and not a signal. After opening, a file is read-only state: threads may share it.
//
// Refused: N beyond the file or 100,000,000; a first byte other than `{`; JSON that strict JSON forbids;
// nesting deeper than the format has; duplicate keys; numbers other than the integers 0 .. 2^53; unknown
// dtypes and fields; sizes that do not match dtype and shape; overlaps, holes and trailing bytes.
//
// Every call that can fail returns false and leaves one line `file: field: expected X, found Y` in `err`.
// Nothing is printed. Bytes from the file that are not printable ASCII appear in it as `?`.
#ifndef SANGER_SAFETENSORS_H
#define SANGER_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SAFETENSORS_MAX_HEADER_BYTES 100000000u
#define SAFETENSORS_MAX_RANK         8

/// A buffer of this size holds every error line of this library.
#define SAFETENSORS_ERROR_BYTES 512

typedef enum {
    SAFETENSORS_BOOL,
    SAFETENSORS_U8,
    SAFETENSORS_I8,
    SAFETENSORS_F8_E5M2,
    SAFETENSORS_F8_E4M3,
    SAFETENSORS_I16,
    SAFETENSORS_U16,
    SAFETENSORS_F16,
    SAFETENSORS_BF16,
    SAFETENSORS_I32,
    SAFETENSORS_U32,
    SAFETENSORS_F32,
    SAFETENSORS_I64,
    SAFETENSORS_U64,
    SAFETENSORS_F64,
    SAFETENSORS_DTYPES
} safetensors_dtype_t;

/// One entry of the header. `begin` and `end` are byte offsets from the start of the data.
typedef struct {
    const char *name; ///< owned by the file (reader) or by the caller (writer)
    safetensors_dtype_t dtype;
    int rank;
    uint64_t shape[SAFETENSORS_MAX_RANK];
    uint64_t begin, end; ///< set by the reader; ignored by the writer
} safetensors_tensor_t;

/// One string of `__metadata__`.
typedef struct {
    const char *key, *value;
} safetensors_pair_t;

typedef struct safetensors_file safetensors_file_t;
typedef struct safetensors_writer safetensors_writer_t;

/// `F32` and so on.
const char *safetensors_dtype_name(safetensors_dtype_t dtype);

/// Bytes of one element.
size_t safetensors_dtype_bytes(safetensors_dtype_t dtype);

/// Opens and checks a file's header. Only regular files are read. On failure *file is NULL.
bool safetensors_open(const char *path, safetensors_file_t **file, char *err, size_t err_size);

/// The same, with another name for the file in error lines.
bool safetensors_open_as(const char *path, const char *shown, safetensors_file_t **file, char *err,
                         size_t err_size);

/// The same from memory, which the caller keeps alive and unchanged until safetensors_close.
bool safetensors_open_memory(const char *shown, const void *data, size_t size, safetensors_file_t **file,
                             char *err, size_t err_size);

void safetensors_close(safetensors_file_t *file);

/// The name used in error lines.
const char *safetensors_name(const safetensors_file_t *file);

/// Tensors, sorted by name.
size_t safetensors_count(const safetensors_file_t *file);
const safetensors_tensor_t *safetensors_tensor(const safetensors_file_t *file, size_t index);

/// NULL where the file has no tensor of that name.
const safetensors_tensor_t *safetensors_find(const safetensors_file_t *file, const char *name);

/// Metadata strings, sorted by key.
size_t safetensors_metadata_count(const safetensors_file_t *file);
const safetensors_pair_t *safetensors_metadata_at(const safetensors_file_t *file, size_t index);

/// NULL where the metadata has no such key.
const char *safetensors_metadata(const safetensors_file_t *file, const char *key);

/// Copies `size` bytes from `offset` bytes into the tensor (both within it, or it is an error).
bool safetensors_read(const safetensors_file_t *file, const safetensors_tensor_t *tensor, uint64_t offset,
                      void *buffer, size_t size, char *err, size_t err_size);

/// Writes `shown: ` and the formatted text to err, as one printable line, and returns false.
bool safetensors_fail(char *err, size_t err_size, const char *shown, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 4, 5)))
#endif
    ;

/// Starts a file: writes the header to a temporary file beside `path`. Names and keys must be distinct
/// valid UTF-8, and the data must be given in the order of `tensors`. On failure *writer is NULL.
bool safetensors_create(const char *path, const safetensors_pair_t *metadata, size_t metadata_count,
                        const safetensors_tensor_t *tensors, size_t tensor_count,
                        safetensors_writer_t **writer, char *err, size_t err_size);

/// Appends data: the tensors' little-endian bytes, in order, in pieces of any size.
bool safetensors_write(safetensors_writer_t *writer, const void *data, size_t size, char *err,
                       size_t err_size);

/// The temporary file's path, for a signal handler that must unlink it, and for reading back what was
/// written so far after safetensors_flush.
const char *safetensors_temporary(const safetensors_writer_t *writer);

/// Hands buffered bytes to the system and checks that exactly the declared bytes were written.
bool safetensors_flush(safetensors_writer_t *writer, char *err, size_t err_size);

/// Flushes, then renames the temporary file to its final path. Frees the writer, also on failure, when
/// the temporary file is removed.
bool safetensors_commit(safetensors_writer_t *writer, char *err, size_t err_size);

/// Removes the temporary file and frees the writer; NULL is allowed.
void safetensors_abort(safetensors_writer_t *writer);

#ifdef __cplusplus
}
#endif

#endif
