/* SPDX-License-Identifier: Apache-2.0 */
/* Are sub-rows those of the policy, placed where the prefix form of the slot rule puts them, and delayed
 * right? */
#include "../model/split.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/paths.h"
#include "../sim/random.h"
#include "run_suite.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for millions of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

typedef struct {
    const design_t *d;
    const int64_t *mask;
    char text[2 * SPLIT_COLUMNS_MAX]; /* names the case in failures */
} case_t;

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

static void name_case(case_t *c, int seed)
{
    const design_t *d = c->d;
    int at = snprintf(c->text, sizeof c->text, "%dx%d policy %d slots %d seed %d mask ", d->columns, d->pes,
                      d->split_policy, d->slots, seed);
    for (int i = 0; i < d->columns; ++i) c->text[at++] = c->mask[i] ? '1' : '0';
    c->text[at] = '\0';
}

/* ---- what a mask row should become, by ranks ---- */

static int count(const design_t *d, const int64_t *mask)
{
    int n = 0;
    for (int c = 0; c < d->columns; ++c) n += mask[c] != 0;
    return n;
}

/* Which sub-row column c belongs to, by the number of kept columns before it; -1 when it is not kept. */
static int part_of(const design_t *d, const int64_t *mask, int c)
{
    int rank = 0, n = count(d, mask);
    if (!mask[c]) return -1;
    for (int i = 0; i < c; ++i) rank += mask[i] != 0;
    return d->split_policy == SPLIT_INTERLEAVED ? rank % ((n + d->pes - 1) / d->pes) : rank / d->pes;
}

/* slot_i = min(i + max over j <= i of (wish_j - j), c_i, pes - n + i) */
static int prefix_slot(const design_t *d, const int *cols, int n, int i)
{
    int ahead = -d->pes;
    for (int j = 0; j <= i; ++j) {
        int home = (int)((double)cols[j] * (d->pes - 1) / (d->columns - 1) + 0.5);
        int least = cols[j] - (d->columns - d->pes) > 0 ? cols[j] - (d->columns - d->pes) : 0;
        int wish = d->slots == SLOTS_HOME && home > least ? home : least;
        if (wish - j > ahead) ahead = wish - j;
    }
    int slot = i + ahead;
    if (slot > cols[i]) slot = cols[i];
    return slot > d->pes - n + i ? d->pes - n + i : slot;
}

/* ---- what is shown ---- */

/* Delays reach from slot to slot, every column is in reach of its slot and none is virtual beyond the tile.
 */
static void check_path(const split_t *s, const case_t *c)
{
    const design_t *d = c->d;
    int reach = d->columns - d->pes, before = -1;
    for (int k = 0; k < d->pes; ++k) {
        int col = (int)s->col[k];
        if (s->mode[k] == SPLIT_SKIP) {
            demand(before < 0 && !col && !s->c4[k], "%s slot %d: skip is not empty", c->text, k);
            continue;
        }
        demand(col >= k && col <= k + reach && col < d->columns, "%s slot %d: column %d", c->text, k, col);
        demand(s->mode[k] == SPLIT_ACTIVE || col == before + 1, "%s slot %d: pass at %d", c->text, k, col);
        demand(col > before, "%s slot %d: column %d after %d", c->text, k, col, before);
        demand(s->c4[k] >= 0 && s->c4[k] <= reach, "%s slot %d: c4 %d", c->text, k, (int)s->c4[k]);
        int next = k + 1 < d->pes ? (int)s->col[k + 1] : d->columns;
        demand(col + 1 + s->c4[k] == next, "%s slot %d: c4 %d", c->text, k, (int)s->c4[k]);
        before = col;
    }
    demand(before >= 0, "%s: nothing in a sub-row", c->text);
}

static void check_part(const split_t *s, const case_t *c, int part)
{
    const design_t *d = c->d;
    int cols[SPLIT_COLUMNS_MAX], n = 0, active = 0;
    for (int i = 0; i < d->columns; ++i) {
        if (part_of(d, c->mask, i) == part) cols[n++] = i;
    }
    demand(n >= 1 && n <= d->pes, "%s part %d: %d columns", c->text, part, n);
    for (int k = 0; k < d->pes; ++k) active += s->mode[k] == SPLIT_ACTIVE;
    demand(active == n, "%s part %d: %d active slots, not %d", c->text, part, active, n);
    for (int i = 0; i < n; ++i) {
        int k = prefix_slot(d, cols, n, i);
        demand(k >= 0 && k < d->pes && s->mode[k] == SPLIT_ACTIVE && s->col[k] == cols[i],
               "%s part %d: column %d is not in slot %d", c->text, part, cols[i], k);
    }
    check_path(s, c);
}

static void tick(block_t *b)
{
    b->type->tick(b->self);
    b->type->eval(b->self);
}

static void offer(block_t *b, const int64_t *mask, int row)
{
    split_t *s = b->self;
    *s->valid = mask != NULL;
    if (mask) memcpy(s->mask, mask, (size_t)b->design->columns * sizeof *mask);
    *s->row = row;
    b->type->eval(s);
}

/* Loads one mask row and takes all that it becomes. */
static void check_mask(block_t *b, const int64_t *mask, int seed)
{
    split_t *s = b->self;
    case_t c = {.d = b->design, .mask = mask};
    int n = count(c.d, mask), parts = (n + c.d->pes - 1) / c.d->pes;
    name_case(&c, seed);
    *s->take = 0;
    offer(b, mask, 3 % (1 << c.d->sub_row_id_w));
    demand(*s->ready, "%s: not ready", c.text);
    tick(b);
    offer(b, NULL, 0);
    for (int part = 0; part < parts; ++part) {
        *s->take = 1;
        b->type->eval(s);
        bool last = part == parts - 1;
        demand(*s->have && *s->last == last && *s->ready == last, "%s part %d of %d", c.text, part, parts);
        demand(*s->sub_row == 3 % (1 << c.d->sub_row_id_w), "%s: row id", c.text);
        check_part(s, &c, part);
        tick(b);
    }
    demand(!*s->have && *s->ready && !*s->last, "%s: more than %d sub-rows", c.text, parts);
}

/* Every policy on the columns x pes of d. */
typedef void (*check_t)(const design_t *d);

static void with_each_policy(design_t d, check_t check)
{
    for (int policy = 0; policy < 4; ++policy) {
        d.split_policy = policy & 1 ? SPLIT_INTERLEAVED : SPLIT_CONSECUTIVE;
        d.slots = policy & 2 ? SLOTS_HOME : SLOTS_FIRST;
        check(&d);
    }
}

static void check_all_masks(const design_t *d)
{
    block_t *b = block_open(&split_type, d);
    int64_t mask[SPLIT_COLUMNS_MAX];
    for (int bits = 0; bits < 1 << d->columns; ++bits) {
        for (int c = 0; c < d->columns; ++c) mask[c] = bits >> c & 1;
        check_mask(b, mask, 0);
    }
    block_close(b);
}

START_TEST(every_mask_of_up_to_ten_columns_becomes_the_right_sub_rows)
{
    design_t d = load("odd_5x7x3");
    for (d.columns = 2; d.columns <= 10; ++d.columns) {
        for (d.pes = 1; d.pes <= d.columns; ++d.pes) with_each_policy(d, check_all_masks);
    }
}
END_TEST

static void random_mask(random_t *r, const design_t *d, int64_t *mask)
{
    int percent = (int)random_below(r, 101);
    bool runs = random_one_in(r, 3);
    for (int c = 0; c < d->columns; ++c) {
        mask[c] = runs && c && random_below(r, 8) ? mask[c - 1] : random_below(r, 100) < percent;
    }
}

static void check_random_masks(const design_t *d)
{
    block_t *b = block_open(&split_type, d);
    int64_t mask[SPLIT_COLUMNS_MAX];
    for (int seed = 1; seed <= 1500; ++seed) {
        random_t r = {.state = (uint64_t)seed};
        random_mask(&r, d, mask);
        check_mask(b, mask, seed);
    }
    block_close(b);
}

START_TEST(random_masks_of_large_tiles_become_the_right_sub_rows)
{
    static const int sizes[][2] = {{16, 4}, {64, 16}, {64, 32}, {128, 64}, {61, 7}, {64, 64}, {33, 1}};
    design_t d = load("paper_64x16");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        d.columns = sizes[i][0], d.pes = sizes[i][1];
        with_each_policy(d, check_random_masks);
    }
}
END_TEST

/* ---- the handshake ---- */

enum { ROWS = 64 };

/* Feeds ROWS mask rows with random gaps on both sides; returns the cycles from the first load to the last
 * take. */
static int stream(const design_t *d, int seed, int gap, int64_t mask[ROWS][SPLIT_COLUMNS_MAX])
{
    block_t *b = block_open(&split_type, d);
    split_t *s = b->self;
    random_t r = {.state = (uint64_t)seed};
    int offered = 0, row = 0, part = 0, cycles = 0;
    case_t c = {.d = d};
    for (;; ++cycles) {
        demand(cycles < 100000, "seed %d: stuck in row %d", seed, row);
        while (row < ROWS && !count(d, mask[row])) ++row; /* empty rows show nothing */
        if (row == ROWS && offered == ROWS) break;
        bool idle = offered == ROWS || (gap && random_below(&r, gap));
        *s->take = !gap || !random_below(&r, gap);
        offer(b, idle ? NULL : mask[offered], idle ? 0 : offered);
        if (*s->have) {
            c.mask = mask[row];
            name_case(&c, seed);
            demand(*s->sub_row == row, "%s: row %d, not %d", c.text, (int)*s->sub_row, row);
            demand(*s->last == (part + 1 == (count(d, mask[row]) + d->pes - 1) / d->pes), "%s", c.text);
            check_part(s, &c, part);
        }
        bool taken = *s->have && *s->take;
        offered += *s->valid && *s->ready;
        if (taken && *s->last)
            ++row, part = 0;
        else
            part += taken;
        tick(b);
    }
    block_close(b);
    return cycles;
}

START_TEST(rows_come_out_in_order_whatever_the_gaps)
{
    design_t d = load("paper_64x16");
    static int64_t mask[ROWS][SPLIT_COLUMNS_MAX];
    for (int seed = 1; seed <= 60; ++seed) {
        random_t r = {.state = (uint64_t)seed};
        for (int row = 0; row < ROWS; ++row) random_mask(&r, &d, mask[row]);
        stream(&d, seed, seed % 4, mask);
    }
}
END_TEST

START_TEST(sub_rows_follow_each_other_without_a_gap)
{
    design_t d = load("paper_64x16");
    static int64_t mask[ROWS][SPLIT_COLUMNS_MAX];
    for (int seed = 1; seed <= 40; ++seed) {
        random_t r = {.state = (uint64_t)seed};
        int work = 0, empty = 0;
        for (int row = 0; row < ROWS; ++row) {
            random_mask(&r, &d, mask[row]);
            work += (count(&d, mask[row]) + d.pes - 1) / d.pes;
            empty += !count(&d, mask[row]);
        }
        int cycles = stream(&d, seed, 0, mask);
        demand(cycles <= 1 + work + empty, "seed %d: %d cycles for %d sub-rows, %d empty rows", seed, cycles,
               work, empty);
        demand(cycles >= work, "seed %d: %d cycles for %d sub-rows", seed, cycles, work);
    }
}
END_TEST

/* Half the rows empty: 64 sub-rows still come in the 128 cycles of a pass with 64-element heads. */
START_TEST(a_strip_of_sparse_rows_keeps_up_with_a_pass)
{
    design_t d = load("paper_64x16");
    static int64_t mask[ROWS][SPLIT_COLUMNS_MAX];
    for (int row = 0; row < ROWS; ++row) {
        for (int c = 0; c < d.columns; ++c) mask[row][c] = row % 2 && c % 2; /* 32 kept: two sub-rows */
    }
    ck_assert_int_le(stream(&d, 1, 0, mask), 128);
}
END_TEST

/* The scheme of the paper's array, by hand: 16 columns, 4 PEs. */
START_TEST(a_known_row_is_placed_as_known)
{
    design_t d = load("published_16x16x4");
    const int64_t mask[16] = {[2] = 1, [9] = 1};
    static const int64_t mode[2][4] = {{2, 2, 1, 1}, {2, 1, 2, 1}},
                         col[2][4] = {{2, 9, 10, 11}, {2, 3, 9, 10}}, c4[2][4] = {{6, 0, 0, 4}, {0, 5, 0, 5}};
    for (int home = 0; home < 2; ++home) {
        d.slots = home ? SLOTS_HOME : SLOTS_FIRST;
        block_t *b = block_open(&split_type, &d);
        split_t *s = b->self;
        offer(b, mask, 5);
        tick(b);
        for (int k = 0; k < 4; ++k) {
            demand(s->mode[k] == mode[home][k] && s->col[k] == col[home][k] && s->c4[k] == c4[home][k],
                   "home %d slot %d: mode %d col %d c4 %d", home, k, (int)s->mode[k], (int)s->col[k],
                   (int)s->c4[k]);
        }
        block_close(b);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("split");
    TCase *t = tcase_create("split");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_mask_of_up_to_ten_columns_becomes_the_right_sub_rows);
    tcase_add_test(t, random_masks_of_large_tiles_become_the_right_sub_rows);
    tcase_add_test(t, rows_come_out_in_order_whatever_the_gaps);
    tcase_add_test(t, sub_rows_follow_each_other_without_a_gap);
    tcase_add_test(t, a_strip_of_sparse_rows_keeps_up_with_a_pass);
    tcase_add_test(t, a_known_row_is_placed_as_known);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
