/* SPDX-License-Identifier: Apache-2.0 */
/* Attention passes over random sub-rows, back to back. */
#include <stdlib.h>

#include "pass.h"
#include "schedule.h"

enum { HEAD_MAX = 64 };

typedef struct {
    block_t *block;
    random_t *random;
    pass_t pass;
    int t, cycles;
    int64_t *q, *k, *v, *column, *active, *c4, *bias;
} passes_t;

static int64_t *array(int a, int b)
{
    return calloc((size_t)a * (size_t)b, sizeof(int64_t));
}

static void passes_close(void *self)
{
    passes_t *p = self;
    if (!p) return;
    int64_t *all[] = {p->q, p->k, p->v, p->column, p->active, p->c4, p->bias};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) free(all[i]);
    free(p);
}

static void *passes_open(block_t *block, random_t *random)
{
    const design_t *d = block->design;
    passes_t *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (passes_t){.block = block, .random = random};
    p->q = array(d->rows, HEAD_MAX);
    p->k = array(d->columns, HEAD_MAX);
    p->v = array(d->columns, HEAD_MAX);
    p->column = array(d->rows, d->pes);
    p->active = array(d->rows, d->pes);
    p->c4 = array(d->rows, d->pes);
    p->bias = array(d->rows, 1);
    if (p->q && p->k && p->v && p->column && p->active && p->c4 && p->bias) return p;
    passes_close(p);
    return NULL;
}

static void random_words(passes_t *p, int64_t *words, int count, format_t f, bool is_signed)
{
    int bits = 1 + (int)random_below(p->random, f.w);
    for (int i = 0; i < count; ++i) {
        int64_t value = fixed_wrap((int64_t)random_bits(p->random), bits);
        words[i] = is_signed || value >= 0 ? value : -(value + 1);
    }
}

/* Distinct columns in order (any such choice fits the slots); a few PEs idle. */
static void random_sub_row(passes_t *p, int row)
{
    const design_t *d = p->block->design;
    int64_t *column = p->column + (size_t)row * (size_t)d->pes;
    int64_t *active = p->active + (size_t)row * (size_t)d->pes, *c4 = p->c4 + (size_t)row * (size_t)d->pes;
    int left = d->pes, keep = (int)random_below(p->random, 5);
    for (int c = 0, k = 0; c < d->columns; ++c) {
        if (random_below(p->random, d->columns - c) >= left) continue;
        column[k++] = c;
        --left;
    }
    for (int k = 0; k < d->pes; ++k) {
        active[k] = !design_signed(d) || random_below(p->random, 4) < keep;
        c4[k] = (k + 1 < d->pes ? column[k + 1] : d->columns) - column[k] - 1;
    }
}

static void new_pass(passes_t *p)
{
    const design_t *d = p->block->design;
    int head = 1 + (int)random_below(p->random, HEAD_MAX);
    random_words(p, p->q, d->rows * head, d->q, design_signed(d));
    random_words(p, p->k, d->columns * head, d->k, design_signed(d));
    random_words(p, p->v, d->columns * head, d->v, design_signed(d));
    random_words(p, p->bias, d->rows, d->bias, true);
    for (int i = 0; i < d->rows; ++i) random_sub_row(p, i);
    p->pass = (pass_t){d, head, p->q, p->k, p->v, p->column, p->active, p->c4, p->bias};
    p->cycles = pass_cycles(&p->pass);
    p->t = 0;
}

static void passes_next(void *self)
{
    passes_t *p = self;
    if (p->t == p->cycles) new_pass(p);
    pass_drive(&p->pass, p->block, p->t++);
}

const scenario_t scenario_pe_array = {"pe_array", passes_open, passes_next, passes_close, NULL};
