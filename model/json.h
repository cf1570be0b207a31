// SPDX-License-Identifier: Apache-2.0
//
// json: what cJSON is too lenient for. Text is taken only if it is one JSON object by JSON's own grammar:
// valid UTF-8, no `\u0000`, no number that cJSON would cut, nesting and size bounded before anything is
// allocated. Duplicate keys are left to the caller, which knows what each is.
#ifndef SANGER_JSON_H
#define SANGER_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cJSON;

/// Text with more values than this is refused: parsed, 100 MB of them would take gigabytes.
#define JSON_MAX_VALUES 1000000u

enum { JSON_DEPTH_MAX = 8, JSON_PATH_MAX = 96 };

/// What is demanded beyond the grammar.
typedef struct {
    int max_depth;      ///< nested objects and arrays, at most JSON_DEPTH_MAX
    bool integers_only; ///< no literals, and of the numbers only the integers 0 .. 2^53
    bool any_space;     ///< white space of every kind around the object; else only spaces, and only behind
} json_rule_t;

/// Why text was refused. All strings are printable ASCII.
typedef struct {
    const char *expected;
    size_t at;                ///< byte
    char found[16];           ///< the byte there
    char path[JSON_PATH_MAX]; ///< of the member there, `array.rows`; empty outside any
} json_fault_t;

/// Parses `size` bytes. NULL and *fault on failure; the result is the caller's to cJSON_Delete.
struct cJSON *json_parse(const char *text, size_t size, json_rule_t rule, json_fault_t *fault);

#ifdef __cplusplus
}
#endif

#endif
