/* SPDX-License-Identifier: Apache-2.0 */
/* The host's arithmetic: real numbers into the design's formats. A value that does not fit is clipped and
 * counted. */
#ifndef SANGER_QUANTISE_H
#define SANGER_QUANTISE_H

#include "../model/design.h"

/* value * 2^frac to the nearest integer (ties to even), clipped to a signed or unsigned w-bit word. */
int64_t quantise_value(double value, format_t f, bool is_signed, int64_t *clipped);

/* The largest |x| / ||x|| of n rows of d elements: the range of a trace that states none. */
double quantise_range(const double *rows, int n, int d);

/* A row as the prediction sees it: low-bit words (operand_w bits over +-range of the row divided by its norm)
   and the scale, times `factor`, that gives its scores their size back. */
void quantise_low_row(const design_t *design, const double *row, int d, double range, double factor,
                      int64_t *words, int64_t *scale, int64_t *clipped);

#endif
