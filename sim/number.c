/* SPDX-License-Identifier: Apache-2.0 */
#include "number.h"

#include <stdlib.h>
#include <string.h>

/* The count at *at, which moves behind it. */
static bool read_count(const char **at, uint64_t max, uint64_t *value)
{
    const char *begin = *at;
    uint64_t n = 0;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (digit > max || n > (max - digit) / 10) return false;
        n = 10 * n + digit;
    }
    return *value = n, *at > begin;
}

bool number_count(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
    uint64_t n;
    if (!read_count(&text, max, &n) || *text || n < min) return false;
    return *value = n, true;
}

static const char *skip_digits(const char *at)
{
    return at + strspn(at, "0123456789");
}

/* strtod takes hexadecimal, infinities and leading blanks too, so the form is checked first. */
static bool is_real(const char *text)
{
    const char *at = skip_digits(text);
    bool digits = at > text;
    if (*at == '.') {
        const char *fraction = at + 1;
        at = skip_digits(fraction);
        digits = digits || at > fraction;
    }
    if (digits && (*at == 'e' || *at == 'E')) {
        const char *exponent = at + 1 + (at[1] == '-' || at[1] == '+');
        at = skip_digits(exponent);
        digits = at > exponent;
    }
    return digits && !*at;
}

bool number_real(const char *text, double min, double max, double *value)
{
    double x = is_real(text) ? strtod(text, NULL) : -1;
    if (!(x >= 0 && x >= min && x <= max)) return false;
    return *value = x, true;
}

bool number_list(const char *text, int n, int min, int max, int *values)
{
    int list[NUMBER_LIST_MAX];
    for (int i = 0; i < n; ++i) {
        uint64_t value;
        if (!read_count(&text, (uint64_t)max, &value) || value < (uint64_t)min) return false;
        if (*text++ != (i < n - 1 ? ',' : '\0')) return false;
        list[i] = (int)value;
    }
    memcpy(values, list, (size_t)n * sizeof *values);
    return true;
}
