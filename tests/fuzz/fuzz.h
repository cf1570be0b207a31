/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fuzz targets share. A target is a function of bytes that must return, whatever they are; what it
 * demands beyond that, it demands with `must`. tools/fuzz links each with libFuzzer, `meson test` with
 * replay.c, which runs the committed corpus.
 */
#ifndef SANGER_FUZZ_H
#define SANGER_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(holds)                                                                                          \
    do {                                                                                                     \
        if (!(holds)) {                                                                                      \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);                       \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* The error line of a refused input: it begins with the shown name and `behind`, is not cut off by a buffer
 * of `most` bytes, and is printable. */
static inline void must_be_line(const char *error, const char *begin, size_t most)
{
    size_t length = strlen(error);
    must(length > strlen(begin) && length < most - 1 && !strncmp(error, begin, strlen(begin)));
    for (size_t i = 0; i < length; ++i) must(error[i] >= 0x20 && error[i] < 0x7f);
}

#endif
