/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theorems that a program runs through, case by case: build/tests/formal/theorems NAME DESIGN.json [quick]
 * [canary NAME]. tools/prove calls it. A theorem prints one line, what was counted and measured, and returns
 * true; a case that differs ends the process with 1 and a line that names it.
 */
#ifndef SANGER_TESTS_FORMAL_THEOREMS_H
#define SANGER_TESTS_FORMAL_THEOREMS_H

#include "../../sim/lockstep.h"

typedef struct {
    const design_t *design;
    bool quick;         /* as much as a unit test may take */
    bool is_long;       /* as much as hours may take */
    const char *canary; /* of a fast model, planted in it; NULL: none */
} proof_t;

void theorem_exp(const proof_t *p);
void theorem_score_exp(const proof_t *p);
void theorem_divide(const proof_t *p);
void theorem_multiply(const proof_t *p);
void theorem_pe_array_fast(const proof_t *p);
void theorem_slot_array_fast(const proof_t *p);

/* A case differs: one line, exit code 1. */
_Noreturn void refuted(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The theorem cannot be tried: one line, exit code 2. */
_Noreturn void untried(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Signed values of `bits` bits where arithmetic goes wrong: 0, +-1, the extremes, powers of two and their
   neighbours. Returns how many, at most CORNERS_MAX. */
enum { CORNERS_MAX = 6 * 64 };
int corners(int bits, int64_t out[CORNERS_MAX]);

#endif
