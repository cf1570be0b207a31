/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Predictions of random strips: tiles of keys multiplied and drained, and in signed designs the scaled scores
 * brought back for exp and sum. Some heads are long and of one sign, so that accumulators fill, and some
 * drains come too early, while operands still move: nothing is promised of the sums then, but both sides keep
 * to the same rules.
 */
#include <stdlib.h>
#include <string.h>

#include "../model/score_array.h"
#include "schedule.h"

enum { HEAD_SHORT = 64, HEAD_LONG = 1200, TILES_MAX = 3 };

typedef enum { STEP_CLEAR, STEP_MULTIPLY, STEP_DRAIN, STEP_RETURN } step_t;

typedef struct {
    block_t *block;
    random_t *random;
    step_t step;
    int c; /* cycle of the step */
    int head, tile, tiles;
    int multiply; /* cycles of the tile's multiplication */
    bool extreme;
    int64_t *q, *k;            /* [row][HEAD_LONG], [column][HEAD_LONG] of this tile */
    int64_t *scaled, *allowed; /* [key][row], keys in the order in which they drain */
    size_t drained, shown;     /* 1 + key drained in the cycle before, and the one before that; 0: none */
} strip_t;

static int keys(const strip_t *p)
{
    return p->tiles * p->block->design->score_columns;
}

static void strip_close(void *self)
{
    strip_t *p = self;
    if (!p) return;
    free(p->q);
    free(p->k);
    free(p->scaled);
    free(p->allowed);
    free(p);
}

static void *strip_open(block_t *block, random_t *random)
{
    size_t rows = (size_t)block->design->score_rows, columns = (size_t)block->design->score_columns;
    strip_t *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (strip_t){.block = block, .random = random};
    p->q = calloc(rows * HEAD_LONG, sizeof *p->q);
    p->k = calloc(columns * HEAD_LONG, sizeof *p->k);
    p->scaled = calloc(rows * columns * TILES_MAX, sizeof *p->scaled);
    p->allowed = calloc(rows * columns * TILES_MAX, sizeof *p->allowed);
    if (p->q && p->k && p->scaled && p->allowed) return p;
    strip_close(p);
    return NULL;
}

static int64_t operand(strip_t *p, int sign)
{
    const design_t *d = p->block->design;
    uint64_t bits = random_bits(p->random);
    if (!design_signed(d)) return (int64_t)fixed_low(bits, d->operand_w);
    if (p->extreme) return sign < 0 ? fixed_min(d->operand_w) : fixed_max(d->operand_w) - (int64_t)(bits & 1);
    return fixed_wrap((int64_t)bits, d->operand_w);
}

/* An extreme row keeps one sign, so do keys: sums go to either end. */
static void fill(strip_t *p, int64_t *words, int vectors)
{
    for (int i = 0; i < vectors; ++i) {
        int sign = random_one_in(p->random, 2) ? -1 : 1;
        for (int t = 0; t < p->head; ++t) words[(size_t)i * HEAD_LONG + (size_t)t] = operand(p, sign);
    }
}

static void new_strip(strip_t *p)
{
    p->extreme = random_one_in(p->random, 4);
    p->head = 1 + (int)random_below(p->random, p->extreme ? HEAD_LONG : HEAD_SHORT);
    p->tiles = design_signed(p->block->design) ? 1 + (int)random_below(p->random, TILES_MAX) : 1;
    p->tile = 0;
    fill(p, p->q, p->block->design->score_rows);
}

static void new_tile(strip_t *p)
{
    const design_t *d = p->block->design;
    p->multiply = p->head + d->score_rows + d->score_columns - 1;
    if (random_one_in(p->random, p->extreme ? 2 : 8))
        p->multiply = 1 + (int)random_below(p->random, p->multiply);
    fill(p, p->k, d->score_columns);
}

/* Row i and column j are late by i and j cycles. */
static void feed(const strip_t *p, score_array_t *a)
{
    const design_t *d = p->block->design;
    for (int i = 0; i < d->score_rows; ++i) {
        int t = p->c - i;
        a->left[i] = t >= 0 && t < p->head ? p->q[(size_t)i * HEAD_LONG + (size_t)t] : 0;
    }
    for (int j = 0; j < d->score_columns; ++j) {
        int t = p->c - j;
        a->top[j] = t >= 0 && t < p->head ? p->k[(size_t)j * HEAD_LONG + (size_t)t] : 0;
    }
}

/* Scales that put most scores within their format, sometimes all of its bits. */
static int64_t scale(strip_t *p)
{
    const design_t *d = p->block->design;
    int bits = random_one_in(p->random, 8) ? d->scale.w : d->scale.frac;
    return (int64_t)fixed_low(random_bits(p->random), bits < d->scale.w ? bits : d->scale.w);
}

/* A key drained in one cycle is at the outputs in the next, and known here in the one after. */
static void collect(strip_t *p, const score_array_t *a)
{
    size_t rows = (size_t)p->block->design->score_rows;
    if (p->shown) memcpy(p->scaled + (p->shown - 1) * rows, a->scaled, rows * sizeof(int64_t));
    p->shown = p->drained;
    p->drained = 0;
}

static void drain_signed(strip_t *p, score_array_t *a)
{
    const design_t *d = p->block->design;
    size_t rows = (size_t)d->score_rows, row_bytes = rows * sizeof(int64_t);
    size_t key = (size_t)p->tile * (size_t)d->score_columns + (size_t)p->c;
    *a->row_state = p->c ? ROW_MAX : ROW_IDLE;
    if (p->c == d->score_columns) {
        memset(a->allowed, 0, row_bytes);
        return;
    }
    p->drained = key + 1;
    *a->col_scale = scale(p);
    for (size_t i = 0; i < rows; ++i) {
        if (!key) a->row_scale[i] = scale(p);
        a->allowed[i] = p->allowed[key * rows + i] = !random_one_in(p->random, 4);
    }
}

static void drain(strip_t *p, score_array_t *a)
{
    int columns = p->block->design->score_columns;
    *a->pe_state = p->c + 1 < columns ? SCORE_MOVE : SCORE_CLEAR;
    if (design_signed(p->block->design))
        drain_signed(p, a);
    else
        *a->row_state = p->c ? ROW_SUM : ROW_CLEAR;
}

static void bring_back(const strip_t *p, score_array_t *a)
{
    size_t rows = (size_t)p->block->design->score_rows;
    bool key = p->c < keys(p);
    for (size_t i = 0; i < rows; ++i) {
        a->strip[i] = key ? p->scaled[(size_t)p->c * rows + i] : 0;
        a->strip_allowed[i] = key ? p->allowed[(size_t)p->c * rows + i] : 0;
    }
    *a->pe_state = SCORE_IDLE;
    *a->row_state = p->c ? ROW_SUM : ROW_IDLE;
}

static int cycles(const strip_t *p)
{
    const design_t *d = p->block->design;
    switch (p->step) {
    case STEP_MULTIPLY: return p->multiply;
    case STEP_DRAIN: return d->score_columns + 1;
    case STEP_RETURN: return keys(p) + 1;
    default: return 1;
    }
}

static void next_step(strip_t *p)
{
    bool is_signed = design_signed(p->block->design);
    p->c = 0;
    if (p->step == STEP_DRAIN && ++p->tile < p->tiles)
        p->step = STEP_MULTIPLY;
    else if (p->step == STEP_DRAIN && !is_signed)
        p->step = STEP_CLEAR;
    else
        p->step = p->step == STEP_RETURN ? STEP_CLEAR : p->step + 1;
}

static void strip_next(void *self)
{
    strip_t *p = self;
    score_array_t *a = p->block->self;
    collect(p, a);
    switch (p->step) {
    case STEP_CLEAR:
        new_strip(p);
        *a->pe_state = SCORE_CLEAR;
        *a->row_state = ROW_CLEAR;
        break;
    case STEP_MULTIPLY:
        if (!p->c) new_tile(p);
        feed(p, a);
        *a->pe_state = SCORE_CALC;
        *a->row_state = ROW_IDLE;
        break;
    case STEP_DRAIN: drain(p, a); break;
    case STEP_RETURN: bring_back(p, a); break;
    }
    if (++p->c == cycles(p)) next_step(p);
}

const scenario_t scenario_score_array = {"score_array", strip_open, strip_next, strip_close, NULL};
