/* SPDX-License-Identifier: Apache-2.0 */
/* Designs made in memory for the tests of the array's blocks; only what these blocks read is set. */
#ifndef SANGER_TESTS_ARRAY_DESIGNS_H
#define SANGER_TESTS_ARRAY_DESIGNS_H

#include "../model/design.h"

/* The formats of the paper's machine. */
static inline design_t signed_design(int rows, int columns, int pes)
{
    return (design_t){
        .name = "signed",
        .arithmetic = ARITHMETIC_SIGNED,
        .rows = rows,
        .columns = columns,
        .pes = pes,
        .q = {16, 11},
        .k = {16, 11},
        .v = {16, 12},
        .bias = {16, 7},
        .acc = {32, 16},
        .score = {32, 20},
        .out = {32, 20},
        .row_sum = {32, 20},
        .log2e = {1477, 10},
        .lut_bits = 6,
    };
}

/* One format for everything, wrapping, as in the published units. */
static inline design_t published_design(int rows, int columns, int pes, int bits, int point)
{
    const format_t f = {bits, point};
    return (design_t){
        .name = "published",
        .arithmetic = ARITHMETIC_PUBLISHED,
        .rows = rows,
        .columns = columns,
        .pes = pes,
        .q = f,
        .k = f,
        .v = f,
        .bias = {16, 8},
        .acc = f,
        .score = f,
        .out = f,
        .row_sum = f,
        .log2e = {23, 4},
        .lut_bits = 6,
    };
}

#endif
