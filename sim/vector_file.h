/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a file of cycle vectors line by line, in constant memory:
 *
 *     # inputs: a:16 b:16 clear:1          name:bits, vectors as name_0, matrices as name_0_0
 *     # outputs: acc:32
 *     3 ffff 0 | 1f                        one line a cycle: hex, two's complement, x where unspecified
 *
 * Columns come in any order. Declared widths may be another implementation's: narrower words are extended,
 * wider ones must fit. Other lines that start with # are comments.
 */
#ifndef SANGER_VECTOR_FILE_H
#define SANGER_VECTOR_FILE_H

#include <stdio.h>

#include "../model/signal_table.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VECTOR_ERROR_MAX = 512 };

typedef struct {
    const signal_t *signal;
    size_t index;
    int bits;       /* as declared */
    bool known;     /* false: x in this cycle */
    uint64_t value; /* in this cycle, cut to the signal's bits */
} vector_column_t;

typedef struct {
    int n;
    vector_column_t *column;
} vector_columns_t;

typedef struct vector_file vector_file_t;

/* Opens the file and reads its header against a unit's table, which must outlive it. NULL and one line
   "file:line: field: expected X, found Y" in error[VECTOR_ERROR_MAX] otherwise. */
vector_file_t *vector_file_open(const char *path, const signal_t *table, int signals, char *error);

/* The same of a stream, which is closed with the file or when it is refused. */
vector_file_t *vector_file_read(FILE *file, const char *shown, const signal_t *table, int signals,
                                char *error);
void vector_file_close(vector_file_t *f);

/* The next cycle's columns. 1, 0 at the end of the file, -1 with one line in error. */
int vector_file_next(vector_file_t *f, char *error);

const vector_columns_t *vector_file_inputs(const vector_file_t *f);
const vector_columns_t *vector_file_outputs(const vector_file_t *f);

/* Of the last line read, from 1. */
uint64_t vector_file_line(const vector_file_t *f);

#ifdef __cplusplus
}
#endif
#endif
