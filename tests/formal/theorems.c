/* SPDX-License-Identifier: Apache-2.0 */
#include "theorems.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(const char *format, va_list arguments)
{
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void refuted(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    exit(1);
}

void untried(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    exit(2);
}

int corners(int bits, int64_t out[CORNERS_MAX])
{
    int n = 0;
    for (int k = 0; k < bits; ++k) {
        for (int near = -1; near <= 1; ++near) {
            int64_t power = (INT64_C(1) << k) + near;
            for (int sign = -1; sign <= 1; sign += 2) {
                int64_t value = sign * power;
                bool fits = value >= fixed_min(bits) && value <= fixed_max(bits), known = false;
                for (int i = 0; i < n; ++i) known |= out[i] == value;
                if (fits && !known) out[n++] = value;
            }
        }
    }
    return n;
}

static const struct {
    const char *name;
    void (*prove)(const proof_t *p);
} theorems[] = {
    {"exp", theorem_exp},
    {"score_exp", theorem_score_exp},
    {"divide", theorem_divide},
    {"multiply", theorem_multiply},
    {"pe_array_fast", theorem_pe_array_fast},
    {"slot_array_fast", theorem_slot_array_fast},
};

int main(int argc, char **argv)
{
    char error[DESIGN_ERROR_MAX];
    design_t d;
    proof_t p = {.design = &d};
    if (argc < 3) untried("theorems: usage: expected NAME DESIGN.json [quick] [canary NAME], found less");
    for (int i = 3; i < argc; ++i) {
        if (!strcmp(argv[i], "quick"))
            p.quick = true;
        else if (!strcmp(argv[i], "long"))
            p.is_long = true;
        else if (!strcmp(argv[i], "canary") && i + 1 < argc)
            p.canary = argv[++i];
        else
            untried("theorems: arguments: expected quick, long or canary NAME, found %s", argv[i]);
    }
    if (design_load(argv[2], &d, error)) untried("%s", error);
    for (size_t i = 0; i < sizeof theorems / sizeof *theorems; ++i) {
        if (strcmp(argv[1], theorems[i].name) != 0) continue;
        theorems[i].prove(&p);
        return 0;
    }
    untried("theorems: name: expected a theorem, found %s", argv[1]);
}
