// SPDX-License-Identifier: Apache-2.0
#include "json.h"

#include <cjson/cJSON.h>

#include <stdio.h>
#include <string.h>

#define MAX_INTEGER  (UINT64_C(1) << 53)
#define NUMBER_CHARS 60u // cJSON silently cuts longer numbers

typedef struct {
    const uint8_t *at, *begin, *end;
    json_rule_t rule;
    int depth;
    size_t values;
    struct {
        const uint8_t *begin, *end;
    } key[JSON_DEPTH_MAX + 1]; // the member at work, by depth; NULL in arrays
    const char *expected;      // set by the first failure, at `at`
} scan_t;

static bool scan_fail(scan_t *scan, const char *expected)
{
    if (!scan->expected) scan->expected = expected;
    return false;
}

static int scan_peek(const scan_t *scan)
{
    return scan->at < scan->end ? *scan->at : -1;
}

static void scan_space(scan_t *scan)
{
    for (int c = scan_peek(scan); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = scan_peek(scan))
        scan->at++;
}

static bool scan_char(scan_t *scan, char wanted, const char *expected)
{
    if (scan_peek(scan) != wanted) return scan_fail(scan, expected);
    scan->at++;
    return true;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool scan_digits(scan_t *scan)
{
    if (!is_digit(scan_peek(scan))) return scan_fail(scan, "a digit");
    while (is_digit(scan_peek(scan))) scan->at++;
    return true;
}

static bool scan_integer(scan_t *scan)
{
    const char *expected = "an integer from 0 to 2^53";
    const uint8_t *start = scan->at;
    uint64_t value = 0;
    for (; is_digit(scan_peek(scan)); scan->at++) {
        value = value * 10 + (uint64_t)(*scan->at - '0');
        if (value > MAX_INTEGER || (scan->at > start && *start == '0')) {
            scan->at = start;
            return scan_fail(scan, expected);
        }
    }
    int c = scan_peek(scan);
    if (scan->at == start || c == '.' || c == 'e' || c == 'E') {
        scan->at = start;
        return scan_fail(scan, expected);
    }
    return true;
}

static bool scan_number(scan_t *scan)
{
    const uint8_t *start = scan->at;
    if (scan_peek(scan) == '-') scan->at++;
    if (scan_peek(scan) == '0')
        scan->at++;
    else if (!scan_digits(scan))
        return false;
    if (scan_peek(scan) == '.') {
        scan->at++;
        if (!scan_digits(scan)) return false;
    }
    if (scan_peek(scan) == 'e' || scan_peek(scan) == 'E') {
        scan->at++;
        if (scan_peek(scan) == '+' || scan_peek(scan) == '-') scan->at++;
        if (!scan_digits(scan)) return false;
    }
    if ((size_t)(scan->at - start) > NUMBER_CHARS) {
        scan->at = start;
        return scan_fail(scan, "a number of at most 60 characters");
    }
    return true;
}

static bool scan_hex4(scan_t *scan, unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, scan->at++) {
        int c = scan_peek(scan);
        unsigned digit = is_digit(c)            ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (digit == 16) return scan_fail(scan, "four hexadecimal digits");
        *unit = *unit * 16 + digit;
    }
    return true;
}

// After `\u`. A NUL would end the string early in C; lone surrogates are no characters.
static bool scan_unicode_escape(scan_t *scan)
{
    unsigned unit, low;
    if (!scan_hex4(scan, &unit)) return false;
    if (unit == 0) return scan_fail(scan, "no NUL in a string");
    if (unit < 0xd800 || unit > 0xdfff) return true;
    if (unit > 0xdbff) return scan_fail(scan, "surrogates in pairs");
    if (!scan_char(scan, '\\', "surrogates in pairs")) return false;
    if (!scan_char(scan, 'u', "surrogates in pairs")) return false;
    if (!scan_hex4(scan, &low)) return false;
    return (low >= 0xdc00 && low <= 0xdfff) || scan_fail(scan, "surrogates in pairs");
}

static bool scan_escape(scan_t *scan)
{
    int c = scan_peek(scan);
    if (c < 0 || !strchr("\"\\/bfnrtu", c) || c == 0) return scan_fail(scan, "a JSON escape");
    scan->at++;
    return c != 'u' || scan_unicode_escape(scan);
}

// One UTF-8 sequence of two to four bytes: no overlong forms, no surrogates, at most U+10FFFF.
static bool scan_utf8(scan_t *scan)
{
    uint8_t first = *scan->at;
    size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || (size_t)(scan->end - scan->at) <= more)
        return scan_fail(scan, "valid UTF-8");
    uint8_t second = scan->at[1];
    uint8_t lowest = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    bool fine = second >= lowest && second <= highest;
    for (size_t i = 2; i <= more; i++) fine = fine && (scan->at[i] & 0xc0) == 0x80;
    if (!fine) return scan_fail(scan, "valid UTF-8");
    scan->at += more + 1;
    return true;
}

static bool scan_string(scan_t *scan)
{
    if (!scan_char(scan, '"', "a string")) return false;
    for (;;) {
        int c = scan_peek(scan);
        if (c < 0x20)
            return scan_fail(scan, c < 0 ? "the end of a string" : "no control character in a string");
        if (c >= 0x80) {
            if (!scan_utf8(scan)) return false;
            continue;
        }
        scan->at++;
        if (c == '"') return true;
        if (c == '\\' && !scan_escape(scan)) return false;
    }
}

static bool scan_literal(scan_t *scan)
{
    static const char *const literals[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(literals[i]);
        if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, literals[i], length) != 0) continue;
        scan->at += length;
        return true;
    }
    return scan_fail(scan, "a JSON value");
}

static bool scan_value(scan_t *scan);

static bool scan_member(scan_t *scan)
{
    scan_space(scan);
    const uint8_t *begin = scan->at;
    scan->key[scan->depth].begin = NULL;
    if (!scan_string(scan)) return false;
    scan->key[scan->depth].begin = begin + 1;
    scan->key[scan->depth].end = scan->at - 1;
    scan_space(scan);
    return scan_char(scan, ':', "a colon") && scan_value(scan);
}

// After the opening bracket: members or values up to the closing one.
static bool scan_list(scan_t *scan, char close, bool (*item)(scan_t *))
{
    if (scan->depth == scan->rule.max_depth) return scan_fail(scan, "less nesting");
    scan->key[++scan->depth].begin = NULL;
    scan_space(scan);
    if (scan_peek(scan) != close) {
        for (;;) {
            if (!item(scan)) return false;
            scan_space(scan);
            if (scan_peek(scan) != ',') break;
            scan->at++;
        }
    }
    scan->depth--;
    return scan_char(scan, close, close == '}' ? "a comma or }" : "a comma or ]");
}

static bool scan_value(scan_t *scan)
{
    scan_space(scan);
    if (++scan->values > JSON_MAX_VALUES) return scan_fail(scan, "at most 1000000 JSON values");
    int c = scan_peek(scan);
    if (c == '{' || c == '[') {
        scan->at++;
        return c == '{' ? scan_list(scan, '}', scan_member) : scan_list(scan, ']', scan_value);
    }
    if (c == '"') return scan_string(scan);
    if (scan->rule.integers_only) return scan_integer(scan);
    return c == '-' || is_digit(c) ? scan_number(scan) : scan_literal(scan);
}

static bool scan_object(scan_t *scan)
{
    if (scan->rule.any_space) scan_space(scan);
    if (scan_peek(scan) != '{') return scan_fail(scan, "{");
    if (!scan_value(scan)) return false;
    if (scan->rule.any_space) scan_space(scan);
    while (scan_peek(scan) == ' ') scan->at++;
    return scan->at == scan->end || scan_fail(scan, "nothing but spaces behind the object");
}

static void describe_byte(const scan_t *scan, char text[16])
{
    int c = scan_peek(scan);
    if (c < 0)
        (void)snprintf(text, 16, "the end");
    else if (c >= 0x20 && c < 0x7f)
        (void)snprintf(text, 16, "'%c'", c);
    else
        (void)snprintf(text, 16, "0x%02x", (unsigned)c);
}

// The members around the fault, as `array.rows`.
static void describe_path(const scan_t *scan, char path[JSON_PATH_MAX])
{
    size_t n = 0;
    for (int depth = 1; depth <= scan->depth; depth++) {
        if (!scan->key[depth].begin) continue;
        if (n && n + 1 < JSON_PATH_MAX) path[n++] = '.';
        for (const uint8_t *c = scan->key[depth].begin; c < scan->key[depth].end && n + 1 < JSON_PATH_MAX;
             c++)
            path[n++] = *c >= 0x20 && *c < 0x7f ? (char)*c : '?';
    }
    path[n] = 0;
}

cJSON *json_parse(const char *text, size_t size, json_rule_t rule, json_fault_t *fault)
{
    const uint8_t *bytes = (const uint8_t *)text;
    scan_t scan = {.at = bytes, .begin = bytes, .end = bytes + size, .rule = rule};
    *fault = (json_fault_t){.expected = "JSON that fits in memory", .found = "more"};
    if (scan_object(&scan)) return cJSON_ParseWithLength(text, size);
    fault->expected = scan.expected;
    fault->at = (size_t)(scan.at - scan.begin);
    describe_byte(&scan, fault->found);
    describe_path(&scan, fault->path);
    return NULL;
}
