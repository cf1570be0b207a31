/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of the command line. The first byte chooses the reader, the rest is the argument. What is taken
 * must be what a second reading by other means gives; what is refused leaves the value alone.
 */
#include "../../sim/number.h"
#include "fuzz.h"

enum { TEXT_MAX = 256 };

/* A count by the book: digits only, then compared as text without its leading zeros. */
static bool is_count(const char *text, uint64_t min, uint64_t max)
{
    char low[24], high[24];
    size_t n = strspn(text, "0123456789");
    if (!n || text[n]) return false;
    text += strspn(text, "0");
    n = strlen(text);
    snprintf(low, sizeof low, "%llu", (unsigned long long)min);
    snprintf(high, sizeof high, "%llu", (unsigned long long)max);
    if (!min) *low = '\0';
    if (!max) *high = '\0';
    bool above = n > strlen(low) || (n == strlen(low) && strcmp(text, low) >= 0);
    bool below = n < strlen(high) || (n == strlen(high) && strcmp(text, high) <= 0);
    return above && below;
}

static void try_count(const char *text, uint64_t min, uint64_t max)
{
    uint64_t value = 0x5a5a5a5a5a5a5a5a, untouched = value;
    bool taken = number_count(text, min, max, &value);
    must(taken == is_count(text, min, max));
    must(taken ? value >= min && value <= max && value == strtoull(text, NULL, 10) : value == untouched);
}

static void try_real(const char *text)
{
    double value = -7;
    bool taken = number_real(text, 0, 1e9, &value);
    must(taken ? value >= 0 && value <= 1e9 : value == -7);
    if (!taken) return;
    /* printed in the same grammar, it is the same number */
    char again[64];
    double second = -1;
    must(text[strspn(text, "0123456789.eE+-")] == '\0' && strpbrk(text, "0123456789"));
    snprintf(again, sizeof again, "%.17g", value);
    must(number_real(again, 0, 1e9, &second) && second == value);
}

static void try_list(const char *text, int n)
{
    int value[NUMBER_LIST_MAX], commas = 0;
    memset(value, 0xff, sizeof value);
    bool taken = number_list(text, n, 1, 4096, value);
    for (const char *c = text; *c; ++c) commas += *c == ',';
    for (int i = 0; i < NUMBER_LIST_MAX; ++i)
        must(taken && i < n ? value[i] >= 1 && value[i] <= 4096 : value[i] == -1);
    if (!taken) return;
    must(commas == n - 1 && !text[strspn(text, "0123456789,")]);
    for (int i = 0; i < n; ++i, text += strcspn(text, ",") + 1) must(atoi(text) == value[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_MAX];
    if (size < 1 || size > TEXT_MAX) return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 5) {
    case 0: try_count(text, 0, UINT64_C(1) << 53); break;
    case 1: try_count(text, 1, UINT64_MAX); break;
    case 2: try_count(text, 7, 64); break;
    case 3: try_real(text); break;
    default: try_list(text, 1 + data[0] / 5 % NUMBER_LIST_MAX);
    }
    return 0;
}
