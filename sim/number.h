/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of a command line. Stricter than C's own readers: no blanks, signs, hexadecimal or names of
 * numbers, nothing before or behind. All return false and leave the value alone when the text is none or lies
 * outside [min, max].
 */
#ifndef SANGER_NUMBER_H
#define SANGER_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Decimal digits. */
bool number_count(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* Digits with a point, a decimal exponent, or both: 1, 0.05, .5, 2e-3. */
bool number_real(const char *text, double min, double max, double *value);

/* n counts, at most NUMBER_LIST_MAX, with a comma between any two. */
enum { NUMBER_LIST_MAX = 8 };
bool number_list(const char *text, int n, int min, int max, int *values);

#ifdef __cplusplus
}
#endif
#endif
