/* SPDX-License-Identifier: Apache-2.0 */
#include "quantise.h"

#include <math.h>

int64_t quantise_value(double value, format_t f, bool is_signed, int64_t *clipped)
{
    double most = is_signed ? (double)fixed_max(f.w) : ldexp(1, f.w) - 1;
    double least = is_signed ? (double)fixed_min(f.w) : 0, scaled = nearbyint(ldexp(value, f.frac));
    if (scaled >= least && scaled <= most) return (int64_t)scaled;
    ++*clipped;
    return (int64_t)(scaled < least ? least : most);
}

static double norm(const double *row, int d)
{
    double sum = 0;
    for (int i = 0; i < d; ++i) sum += row[i] * row[i];
    return sqrt(sum);
}

double quantise_range(const double *rows, int n, int d)
{
    double range = 0;
    for (int i = 0; i < n; ++i) {
        const double *row = rows + (size_t)i * (size_t)d;
        double length = norm(row, d);
        for (int c = 0; c < d && length > 0; ++c) range = fmax(range, fabs(row[c]) / length);
    }
    return range > 0 ? range : 1;
}

void quantise_low_row(const design_t *design, const double *row, int d, double range, double factor,
                      int64_t *words, int64_t *scale, int64_t *clipped)
{
    double m = (double)((1 << (design->operand_w - 1)) - 1), length = norm(row, d);
    for (int c = 0; c < d; ++c) {
        double x = length > 0 ? nearbyint(row[c] / length * (m / range)) : 0;
        words[c] = (int64_t)fmax(-m, fmin(m, x));
    }
    *scale = quantise_value(length * range / m * factor, design->scale, false, clipped);
}
