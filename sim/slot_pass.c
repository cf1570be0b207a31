/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_pass.h"

#include <stdlib.h>
#include <string.h>

#include "../model/slot_control.h"
#include "../model/split.h"

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- memory ---- */

static bool allocate(slot_player_t *p, slot_pass_t *s)
{
    const size_t rows = (size_t)p->design.rows, columns = (size_t)p->design.columns;
    const size_t pes = (size_t)p->design.pes, head = (size_t)p->head_max;
    s->q = calloc(rows * head, sizeof *s->q);
    s->bias = calloc(rows, sizeof *s->bias);
    s->k = calloc(columns * head, sizeof *s->k);
    s->v = calloc(columns * head, sizeof *s->v);
    s->mode = calloc(rows * pes, sizeof *s->mode);
    s->col = calloc(rows * pes, sizeof *s->col);
    return s->q && s->bias && s->k && s->v && s->mode && s->col;
}

void slot_player_close(slot_player_t *p)
{
    for (int i = 0; i < SLOT_PASSES; ++i) {
        slot_pass_t *s = &p->pass[i];
        int64_t *all[] = {s->q, s->bias, s->k, s->v, s->mode, s->col};
        for (size_t k = 0; k < sizeof all / sizeof *all; ++k) free(all[k]);
    }
}

bool slot_player_open(slot_player_t *p, block_t *block, random_t *random, int head_max)
{
    *p = (slot_player_t){
        .block = block, .random = random, .design = *block->design, .head_max = head_max, .minimal = true};
    p->array = !strcmp(block->type->name, "array_control");
    p->left = block_signal(block, "left");
    p->top = block_signal(block, "top");
    p->tag = block_signal(block, "tag");
    p->load = block_signal(block, "load");
    p->load_row = block_signal(block, "load_row");
    p->mode = block_signal(block, "mode");
    p->col = block_signal(block, "col");
    if (!p->load_row) p->design.rows = 1;
    bool ok = true;
    for (int i = 0; i < SLOT_PASSES; ++i) ok = allocate(p, &p->pass[i]) && ok;
    if (!ok) slot_player_close(p);
    return ok;
}

/* ---- the work of a pass ---- */

static void random_words(slot_player_t *p, int64_t *words, int count, int bits)
{
    for (int i = 0; i < count; ++i) words[i] = fixed_wrap((int64_t)random_bits(p->random), bits);
}

/* Either anything, which clips, or magnitudes whose exponents the exp unit tells apart. */
static void random_operands(slot_player_t *p, slot_pass_t *s)
{
    const design_t *d = &p->design;
    int q = 1 + (int)random_below(p->random, d->q.w), k = 1 + (int)random_below(p->random, d->k.w);
    int bias = 1 + (int)random_below(p->random, d->bias.w);
    if (!random_one_in(p->random, 3)) {
        int sum = d->q.frac + d->k.frac + 4, mine = (int)most(1, sum - q);
        k = mine < d->k.w ? mine : d->k.w;
        bias = d->bias.frac + 3 < d->bias.w ? d->bias.frac + 3 : d->bias.w;
    }
    random_words(p, s->q, d->rows * s->d, q);
    random_words(p, s->k, d->columns * s->d, k);
    random_words(p, s->v, d->columns * s->d, 1 + (int)random_below(p->random, d->v.w));
    random_words(p, s->bias, d->rows, bias);
}

static void skip_all(slot_player_t *p, int64_t *mode, int64_t *col)
{
    for (int k = 0; k < p->design.pes; ++k) {
        mode[k] = SLOT_SKIP;
        col[k] = random_below(p->random, p->design.columns);
    }
}

/* A sub-row's columns to slots; idle ones act as the column right after their left neighbour's. */
static void place(slot_player_t *p, const int *cols, int n, int64_t *mode, int64_t *col)
{
    int slot[SPLIT_COLUMNS_MAX];
    split_place(&p->design, cols, n, slot);
    skip_all(p, mode, col);
    for (int i = 0; i < n; ++i) {
        mode[slot[i]] = SLOT_ACTIVE;
        col[slot[i]] = cols[i];
    }
    for (int k = 1; k < p->design.pes; ++k) {
        if (mode[k] != SLOT_SKIP || mode[k - 1] == SLOT_SKIP) continue;
        mode[k] = SLOT_PASS;
        col[k] = col[k - 1] + 1;
    }
}

/* Returns how many columns it keeps. */
static int random_mask(slot_player_t *p, int64_t *mask)
{
    int n = 0;
    for (int c = 0; c < p->design.columns; ++c) {
        mask[c] = c >= p->from && c < p->to && random_below(p->random, 100) < p->percent;
        n += mask[c] != 0;
    }
    return n;
}

/* Sub-rows of random mask rows, one after the other; some rows are left over. */
static void random_rows(slot_player_t *p, slot_pass_t *s)
{
    const design_t *d = &p->design;
    int64_t mask[SPLIT_COLUMNS_MAX];
    for (int i = 0, part = 0, parts = 0; i < d->rows; ++i, ++part) {
        int64_t *mode = s->mode + (size_t)i * (size_t)d->pes, *col = s->col + (size_t)i * (size_t)d->pes;
        int cols[SPLIT_COLUMNS_MAX];
        if (part >= parts) {
            part = 0;
            parts = split_parts(d, random_mask(p, mask));
        }
        if (!parts || random_one_in(p->random, 8))
            skip_all(p, mode, col);
        else
            place(p, cols, split_columns(d, mask, part, cols), mode, col);
    }
}

static void new_temper(slot_player_t *p)
{
    static const int percents[] = {3, 10, 25, 50, 100};
    int columns = p->design.columns;
    p->temper = 1 + (int)random_below(p->random, 4);
    p->percent = percents[random_below(p->random, sizeof percents / sizeof *percents)];
    p->from = 0;
    p->to = columns;
    if (random_one_in(p->random, 2)) return; /* else one side, so that slots go back and forth */
    p->from = (int)random_below(p->random, columns);
    p->to = p->from + 1 + (int)random_below(p->random, columns - p->from);
}

/* ---- when it may start ---- */

/* How long slots of `after` wait for those of `before`. */
static int hazard(const slot_player_t *p, const slot_pass_t *before, const slot_pass_t *after)
{
    int h = 0, slots = p->design.rows * p->design.pes;
    for (int i = 0; i < slots; ++i) {
        if (before->mode[i] == SLOT_SKIP || after->mode[i] == SLOT_SKIP) continue;
        int wait = (int)(before->col[i] - after->col[i]);
        if (after->mode[i] == SLOT_PASS) wait -= after->d + 1;
        if (wait > h) h = wait;
    }
    return h;
}

/* Cycles from the start of `before` to that of `after`. */
static int64_t interval(const slot_player_t *p, const slot_pass_t *before, const slot_pass_t *after)
{
    int later = before->d - after->d > 0 ? before->d - after->d : 0;
    int64_t slots = 2 * before->d + 1 + after->h - p->early.slots;
    int64_t exp = p->design.columns + later - p->early.exp;
    return most(slots, most(exp, p->design.rows + 2 * later));
}

/* Under array control: every sum before the exp, every output before the next pass. */
static void schedule_array(slot_player_t *p, slot_pass_t *s)
{
    int reach = p->design.rows + p->design.columns;
    bool late = !p->minimal && random_one_in(p->random, 3);
    s->tw = p->t + random_below(p->random, 4);
    s->t0 = s->tw + 1;
    if (p->passes > 0) {
        const slot_pass_t *one = slot_player_pass(p, p->passes - 1);
        s->tw = most(one->t0 - p->early.walk, one->tw + p->design.rows);
        s->t0 = most(s->tw + 1, one->tv + one->d - 1 + reach + 2 - p->early.slots);
    }
    if (late) s->t0 += random_below(p->random, 2 * p->design.columns);
    s->tv = s->t0 + s->d + reach - 1 - p->early.exp;
    if (late) s->tv += random_below(p->random, reach);
    if (random_one_in(p->random, 2)) s->tw += random_below(p->random, s->t0 - s->tw);
}

/* Walks as early as allowed, or just before the start, or in between. */
static void schedule(slot_player_t *p, slot_pass_t *s)
{
    s->tw = p->t + random_below(p->random, 4);
    s->t0 = s->tw + 1;
    if (p->passes > 0) {
        const slot_pass_t *one = slot_player_pass(p, p->passes - 1);
        s->h = hazard(p, one, s);
        s->tw = most(one->t0 + one->d, one->tw + p->design.rows);
        s->t0 = one->t0 + interval(p, one, s);
    }
    if (p->passes > 1) {
        const slot_pass_t *two = slot_player_pass(p, p->passes - 2);
        s->tw = most(s->tw, two->t0 + 2 * two->d + p->design.columns + 1 - p->early.walk);
    }
    s->t0 = most(s->t0, s->tw + 1);
    if (!p->minimal && random_one_in(p->random, 3)) s->t0 += random_below(p->random, 2 * p->design.columns);
    if (random_one_in(p->random, 2)) s->tw += random_below(p->random, s->t0 - s->tw);
    s->tv = s->t0 + s->d + 1;
}

static void new_pass(slot_player_t *p)
{
    slot_pass_t *s = &p->pass[p->passes % SLOT_PASSES];
    if (p->temper-- == 0) new_temper(p);
    int most_d = random_one_in(p->random, 3) ? 3 : p->head_max; /* short ones collide soonest */
    s->d = 1 + (int)random_below(p->random, most_d < p->head_max ? most_d : p->head_max);
    s->h = 0;
    random_operands(p, s);
    random_rows(p, s);
    if (p->array)
        schedule_array(p, s);
    else
        schedule(p, s);
    ++p->passes;
}

/* ---- play ---- */

static int64_t noise(slot_player_t *p, const signal_t *s)
{
    uint64_t bits = random_bits(p->random);
    return s->is_signed ? fixed_wrap((int64_t)bits, s->bits) : (int64_t)fixed_low(bits, s->bits);
}

static void fill_with_noise(slot_player_t *p, const signal_t *s)
{
    size_t count = signal_count(s);
    bool rests = p->quiet && (s == p->left || s == p->top);
    for (size_t i = 0; i < count; ++i) block_set(p->block, s, i, rests ? 0 : noise(p, s));
}

static int64_t tag_of(int d, int64_t e)
{
    if (e < d) return e ? TAG_MAC : TAG_LOAD;
    if (e == d) return TAG_EXP;
    return e < 2 * d ? TAG_FWD : TAG_FWD_LAST;
}

/* The word of row or column 0 in cycle t; -1: none. */
static int64_t word_at(const slot_pass_t *s, int64_t t)
{
    if (t >= s->t0 && t <= s->t0 + s->d) return t - s->t0;
    return t >= s->tv && t < s->tv + s->d ? s->d + 1 + t - s->tv : -1;
}

static void play_words(slot_player_t *p, int64_t number)
{
    const slot_pass_t *s = slot_player_pass(p, number);
    const int d = s->d;
    int64_t now = word_at(s, p->t);
    if (now >= 0) block_set(p->block, p->tag, 0, number % 2 * TAG_PAR | tag_of(d, now));
    for (int i = 0; i < p->design.rows; ++i) {
        int64_t e = word_at(s, p->t - i);
        if (e >= 0 && e < d) block_set(p->block, p->left, (size_t)i, s->q[i * d + e]);
        if (e == d) block_set(p->block, p->left, (size_t)i, s->bias[i]);
    }
    for (int j = 0; j < p->design.columns; ++j) {
        int64_t e = word_at(s, p->t - j);
        if (e >= 0 && e < d) block_set(p->block, p->top, (size_t)j, s->k[j * d + e]);
        if (e > d && e <= 2 * d) block_set(p->block, p->top, (size_t)j, s->v[j * d + e - d - 1]);
    }
}

static void play_walk(slot_player_t *p, const slot_pass_t *s)
{
    const int pes = p->design.pes;
    int64_t row = p->t - s->tw;
    if (row < 0 || row >= p->design.rows) return;
    block_set(p->block, p->load, 0, 1);
    if (p->load_row) block_set(p->block, p->load_row, 0, row);
    for (int k = 0; k < pes; ++k) {
        block_set(p->block, p->mode, (size_t)k, s->mode[row * pes + k]);
        block_set(p->block, p->col, (size_t)k, s->col[row * pes + k]);
    }
}

/* Without an operation: none, or one of the two codes that mean none. */
static int64_t idle_tag(slot_player_t *p)
{
    static const int ops[] = {TAG_NONE, 6, 7};
    return random_below(p->random, 2) * TAG_PAR + ops[random_below(p->random, 3)];
}

/* The newest pass has begun to walk. */
static bool wants_pass(const slot_player_t *p)
{
    if (p->limit && p->passes == p->limit) return false;
    return !p->passes || slot_player_pass(p, p->passes - 1)->tw <= p->t;
}

void slot_player_next(slot_player_t *p)
{
    while (wants_pass(p)) new_pass(p);
    fill_with_noise(p, p->left);
    fill_with_noise(p, p->top);
    fill_with_noise(p, p->mode);
    fill_with_noise(p, p->col);
    if (p->load_row) fill_with_noise(p, p->load_row);
    block_set(p->block, p->tag, 0, idle_tag(p));
    block_set(p->block, p->load, 0, 0);
    for (int64_t n = most(0, p->passes - SLOT_PASSES); n < p->passes; ++n) {
        play_words(p, n);
        play_walk(p, slot_player_pass(p, n));
    }
    ++p->t;
}
