/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why points of coverage are missed: docs/coverage_reasons.json, a list of
 *
 *     {"units": ["pe"], "when": "signed", "points": ["acc_q[*][{acc_w - 1}] *"], "reason": "..."}
 *
 * "designs" may name those that it is about, "when" give an expression that is not 0 in them
 * (rtl/expression.h). In a pattern `*` is any text, `{a}` a number, `{a..b}` one from a to b, `{a..}` one
 * from a on, ` step n` before the brace every n-th of them; a, b and n are expressions as well. What a
 * pattern names must be missed, all of it, or it is stale; a range without an end is as far as chance or a
 * run's length goes, and never stale. What no run of a unit reaches none of the machine does: there its
 * patterns hold for the mounted unit's registers and points, where it has them.
 */
#ifndef SANGER_REASONS_H
#define SANGER_REASONS_H

#include <stdbool.h>
#include <stddef.h>

#include "../model/block.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { REASONS_ERROR_MAX = 4400 };

typedef struct reasons reasons_t;

/* Those of a unit of a design; NULL and one line in error: file, entry, expected, found. */
reasons_t *reasons_open(const char *path, const block_type_t *type, const design_t *d,
                        char error[REASONS_ERROR_MAX]);
void reasons_close(reasons_t *r);

/* Why a missed point is, or NULL. */
const char *reasons_of_missed(reasons_t *r, const char *point);

/* A point that was hit: no pattern should name it. */
void reasons_hit(reasons_t *r, const char *point);

/* False: no pattern names points of that signal. */
bool reasons_about(const reasons_t *r, const char *signal);

/* The next stale pattern from *at on (begin with 0), or NULL. */
const char *reasons_stale(const reasons_t *r, int *at);

/* Whether the whole text is what a pattern says whose expressions are numbers. */
bool reasons_match(const char *pattern, const char *text);

#ifdef __cplusplus
}
#endif
#endif
