/* SPDX-License-Identifier: Apache-2.0 */
#include "golden_private.h"

#include <stdlib.h>

/* Gathers the sub-rows of one group and tile. */
typedef struct {
    const design_t *d;
    const golden_head_t *h;
    golden_pass_t *pass;
    void (*visit)(void *context, const golden_pass_t *pass);
    void *context;
} gather_t;

static void close_pass(gather_t *g)
{
    if (g->pass->rows) g->visit(g->context, g->pass);
    g->pass->rows = 0;
}

/* Idle slots behind the first kept column forward, one column after their left neighbour's. */
static void place(const design_t *d, const int *cols, int n, golden_sub_row_t *row)
{
    int slot[SPLIT_COLUMNS_MAX];
    split_place(d, cols, n, slot);
    for (int k = 0, i = 0; k < d->pes; ++k) {
        bool active = i < n && slot[i] == k;
        row->mode[k] = active ? SPLIT_ACTIVE : i ? SPLIT_PASS : SPLIT_SKIP;
        row->col[k] = (uint8_t)(active ? cols[i] : i ? row->col[k - 1] + 1 : 0);
        i += active;
    }
}

static void gather_row(gather_t *g, int query, int first, int keys, const uint8_t *mask)
{
    const design_t *d = g->d;
    int all[SPLIT_COLUMNS_MAX], cols[SPLIT_COLUMNS_MAX], kept = 0, from, step;
    for (int c = 0; c < d->columns && first + c < keys; ++c) {
        if (mask[first + c]) all[kept++] = c;
    }
    for (int part = 0; part * d->pes < kept; ++part) {
        int n = golden_split(d, kept, part, &from, &step);
        for (int i = 0; i < n; ++i) cols[i] = all[from + i * step];
        golden_sub_row_t *row = &g->pass->row[g->pass->rows++];
        row->query = query;
        place(d, cols, n, row);
        if (g->pass->rows == d->rows) close_pass(g);
    }
}

static void gather_group(gather_t *g, int first_query, const uint8_t *mask)
{
    int end = first_query + g->d->strips * g->d->rows, keys = golden_keys(g->d, g->h, first_query);
    if (end > g->h->L) end = g->h->L;
    for (int first = 0; first < keys; first += g->d->columns) {
        g->pass->tile = first / g->d->columns;
        for (int i = first_query; i < end; ++i)
            gather_row(g, i, first, keys, mask + (size_t)i * (size_t)g->h->M);
        close_pass(g);
    }
}

bool golden_passes(const design_t *d, const golden_head_t *h, const uint8_t *mask,
                   void (*visit)(void *context, const golden_pass_t *pass), void *context)
{
    gather_t g = {d, h, calloc(1, sizeof *g.pass), visit, context};
    int group_rows = d->strips * d->rows;
    for (int first = 0; first < h->L && g.pass; first += group_rows) {
        g.pass->group = first / group_rows;
        gather_group(&g, first, mask);
    }
    free(g.pass);
    return g.pass != NULL;
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

int golden_hazard(const design_t *d, const golden_pass_t *before, const golden_pass_t *pass, int head)
{
    int h = 0;
    for (int i = 0; i < before->rows && i < pass->rows; ++i) {
        const golden_sub_row_t *a = &before->row[i], *b = &pass->row[i];
        for (int k = 0; k < d->pes; ++k) {
            if (a->mode[k] == SPLIT_SKIP || b->mode[k] == SPLIT_SKIP) continue;
            h = max(h, a->col[k] - b->col[k] - (b->mode[k] == SPLIT_PASS ? head + 1 : 0));
        }
    }
    return h;
}

int golden_interval(const design_t *d, int hazard, int head_before, int head)
{
    int slots = 2 * head_before + 1 + hazard, exps = d->columns + max(0, head_before - head);
    return max(max(slots, exps), d->rows + max(0, 2 * head_before - 2 * head));
}
