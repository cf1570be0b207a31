/* SPDX-License-Identifier: Apache-2.0 */
/* Integer expressions of the Verilog sources: + - * / % << >> comparisons && || ! ?: and clog2, max, min. */
#ifndef SANGER_EXPRESSION_H
#define SANGER_EXPRESSION_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The value of a name; false when there is none. */
typedef bool (*expression_lookup_t)(void *context, const char *name, int64_t *value);

/* Evaluates text[0..n). Returns NULL, or what is wrong with it (a static string). */
const char *expression_value(const char *text, int n, expression_lookup_t lookup, void *context,
                             int64_t *value);

#ifdef __cplusplus
}
#endif
#endif
