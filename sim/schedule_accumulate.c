/* SPDX-License-Identifier: Apache-2.0 */
/* Passes as the array lets them go, the closest it can among them, their rows often of one query; the half
 * that passes have left is read and cleared. */
#include <stdlib.h>

#include "../model/accumulate.h"
#include "schedule.h"

enum { PASSES = DESIGN_PASSES };

/* A pass: row i's word f leaves the array in cycle first + i + f. */
typedef struct {
    int64_t rows, d, walk, first, index;
} pass_t;

typedef struct {
    block_t *block;
    random_t *random;
    int64_t t;
    int n; /* passes planned; pass p lies at p % PASSES */
    pass_t pass[PASSES];
    int64_t half, turn; /* of the newest pass; passes until the half changes */
    int64_t clear_at;   /* cycle that clears the half before; below t: done */
    int bits;           /* of words and sums */
    bool flood;         /* of the half: words of one end for one query alone, until its sums clip */
    int64_t end;        /* that one */
} sums_t;

static void *sums_open(block_t *block, random_t *random)
{
    sums_t *s = calloc(1, sizeof *s);
    if (s) *s = (sums_t){.block = block, .random = random, .clear_at = -1, .bits = 8};
    return s;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t last_word(const pass_t *p)
{
    return p->first + p->d - 1;
}
static int64_t done_at(const pass_t *p)
{
    return last_word(p) + 2 + p->rows;
}

/* A half is left when its last pass is done, and cleared before the next but one turn. */
static void change_half(sums_t *s, const pass_t *before)
{
    s->half = !s->half;
    s->turn = 1 + random_below(s->random, 6);
    s->clear_at = done_at(before) + random_below(s->random, 6);
    s->bits = 1 + (int)random_below(s->random, 63);
    s->flood = random_one_in(s->random, 6);
    if (!s->flood) return;
    s->turn = 20 + random_below(s->random, 60);
    s->end = random_one_in(s->random, 2) ? INT64_MIN : INT64_MAX;
}

static void plan(sums_t *s)
{
    const design_t *d = s->block->design;
    pass_t *p = &s->pass[s->n % PASSES];
    const pass_t *before = s->n ? &s->pass[(s->n - 1) % PASSES] : NULL;
    int64_t first = 0;
    p->rows = random_one_in(s->random, 4) ? 1 + random_below(s->random, d->rows) : d->rows;
    if (random_one_in(s->random, 8)) p->rows = 1;
    p->d = 1 + random_below(s->random, d->head_max);
    p->walk = s->t;
    if (before) first = later(last_word(before) + 1, last_word(before) + d->rows - p->d + 1);
    if (random_one_in(s->random, 3)) first += random_below(s->random, 2 * d->columns);
    p->first = later(first, p->walk + 1);
    if (s->turn-- <= 0 && before && s->clear_at < s->t) change_half(s, before);
    ++s->n;
}

static int64_t word(sums_t *s, int w)
{
    if (s->flood) return s->end < 0 ? fixed_min(w) : fixed_max(w);
    return fixed_wrap((int64_t)random_bits(s->random), s->bits < w ? s->bits : w);
}

static void drive_rows(sums_t *s, accumulate_t *a)
{
    const design_t *d = s->block->design;
    for (int i = 0; i < d->rows; ++i) {
        a->out_op[i] = 0;
        for (int n = 0; n < PASSES && n < s->n; ++n) {
            int64_t f = s->t - s->pass[n].first - i;
            if (f < 0 || f >= s->pass[n].d) continue;
            a->out_op[i] = f == s->pass[n].d - 1 ? 2 : 1;
            a->out[i] = word(s, d->out.w);
            a->sum[i] = word(s, d->row_sum.w);
        }
    }
}

/* The owner of a pass's row: often the query before. */
static void drive_owner(sums_t *s, accumulate_t *a, int n, int64_t row)
{
    const design_t *d = s->block->design;
    int64_t queries = design_group_rows(d);
    *a->own = 1, *a->own_bank = n, *a->own_row = row;
    if (row == 0 || random_one_in(s->random, 2))
        s->pass[n].index = s->flood ? 0 : random_below(s->random, queries);
    *a->own_index = s->half * queries + s->pass[n].index;
}

static void drive_passes(sums_t *s, accumulate_t *a)
{
    const design_t *d = s->block->design;
    *a->own = *a->pass = 0;
    for (int n = 0; n < PASSES && n < s->n; ++n) {
        const pass_t *p = &s->pass[n];
        if (s->t >= p->walk && s->t < p->walk + d->rows) drive_owner(s, a, n, s->t - p->walk);
        if (s->t != p->first - 1) continue;
        *a->pass = 1, *a->pass_bank = n, *a->pass_rows = p->rows, *a->pass_d = p->d;
    }
    *a->clear = s->t == s->clear_at;
    *a->clear_half = !s->half;
}

static void sums_next(void *self)
{
    sums_t *s = self;
    accumulate_t *a = s->block->self;
    bool walked = !s->n || s->t >= s->pass[(s->n - 1) % PASSES].walk + s->block->design->rows;
    bool free_bank = s->n < PASSES || s->t >= done_at(&s->pass[s->n % PASSES]);
    if (walked && free_bank) plan(s);
    drive_rows(s, a);
    drive_passes(s, a);
    *a->rd_index = random_below(s->random, 2 * design_group_rows(s->block->design));
    ++s->t;
}

const scenario_t scenario_accumulate = {"accumulate", sums_open, sums_next, free, NULL};
