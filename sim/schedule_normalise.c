/* SPDX-License-Identifier: Apache-2.0 */
/* Query rows one after the other: one row sum, its outputs `lanes` at a time. Most quotients fit. */
#include <stdlib.h>

#include "../model/normalise.h"
#include "schedule.h"

enum { SETS_MAX = 16 };

typedef struct {
    block_t *block;
    random_t *random;
    int left; /* sets of the row still to come */
} divisions_t;

static void *divisions_open(block_t *block, random_t *random)
{
    divisions_t *s = calloc(1, sizeof *s);
    if (s) *s = (divisions_t){.block = block, .random = random};
    return s;
}

/* Bits that a product of a half word and a row sum drops. */
static int drop_of(const design_t *d)
{
    return d->output.frac + d->row_sum.frac - d->output_sum.frac + 1;
}

static int64_t row_sum(divisions_t *s)
{
    const design_t *d = s->block->design;
    int w = d->row_sum.w, drop = drop_of(d);
    if (random_one_in(s->random, 12)) return 0; /* a row without kept keys */
    /* a sum that drops nothing: only then can a quotient be a tie */
    if (drop > 0 && drop < w - 1 && random_one_in(s->random, 4))
        return (1 + random_below(s->random, 1 + random_below(s->random, 64))) << drop & fixed_max(w);
    return (int64_t)fixed_low(random_bits(s->random), 1 + (int)random_below(s->random, w - 1));
}

/* An accumulated output whose quotient is a random output word, a tie now and then, or a little beside it. */
static int64_t accumulated(divisions_t *s, int64_t den)
{
    const design_t *d = s->block->design;
    int drop = drop_of(d);
    int64_t half =
        fixed_wrap((int64_t)random_bits(s->random), 2 + (int)random_below(s->random, d->output.w + 1));
    __int128 num = fixed_floor((__int128)half * den, drop) + random_below(s->random, 3) - 1;
    return fixed_saturate(num, d->output_sum.w, NULL);
}

static void divisions_next(void *self)
{
    divisions_t *s = self;
    normalise_t *m = s->block->self;
    *m->valid = !random_one_in(s->random, 8);
    if (!*m->valid) return;
    if (s->left-- == 0) {
        s->left = (int)random_below(s->random, SETS_MAX);
        *m->den = row_sum(s);
    }
    for (int lane = 0; lane < s->block->design->lanes; ++lane) m->num[lane] = accumulated(s, *m->den);
}

const scenario_t scenario_normalise = {"normalise", divisions_open, divisions_next, free, NULL};
