/* SPDX-License-Identifier: Apache-2.0 */
/* Does a slot do its own words, and nothing else, in the cycle in which they pass its column? */
#include "../model/slot_control.h"

#include <check.h>
#include <stdlib.h>

#include "../model/pe.h"
#include "../sim/random.h"
#include "array_designs.h"
#include "run_suite.h"

#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

static design_t sized(int columns, int pes)
{
    design_t d = signed_design(1, columns, pes);
    d.control = CONTROL_TRAVELLING;
    return d;
}

static void tick(block_t *b)
{
    b->type->tick(b->self);
    b->type->eval(b->self);
}

/* ---- passes by their times alone: no parity, no state ---- */

enum { PASSES = 60, COLUMNS = 24 };

typedef struct {
    int d, mode, col, gap, left;
    int tw, t0; /* cycle of the load, and of word 0 at column 0 */
} work_t;

static int most(int a, int b)
{
    return a > b ? a : b;
}

/* As close as a slot alone allows; a load not before the one before is used and while no older pass's words
   are in the taps. */
static void plan(random_t *r, const design_t *d, work_t work[PASSES])
{
    for (int n = 0; n < PASSES; ++n) {
        work_t *w = &work[n], *one = w - 1, *two = w - 2;
        *w = (work_t){.d = 1 + (int)random_below(r, 2 * d->columns), .mode = (int)random_below(r, 3)};
        w->col = (int)random_below(r, d->columns);
        w->gap = (int)random_below(r, d->columns - d->pes + 1);
        w->left = (int)random_below(r, 2);
        w->tw = 1;
        if (n > 1) w->tw = most(one->t0, two->t0 + 2 * two->d + d->columns - 1);
        if (n == 1) w->tw = one->t0;
        w->t0 = w->tw + 2; /* loaded, swapped in */
        if (n) {
            int wait = one->col - w->col - (w->mode == SLOT_PASS ? w->d + 1 : 0);
            bool both = w->mode != SLOT_SKIP && one->mode != SLOT_SKIP;
            w->t0 = most(w->t0, one->t0 + 2 * one->d + 1 + (both && wait > 0 ? wait : 0));
        }
        if (random_one_in(r, 3)) w->tw = w->t0 - 2;
        if (random_one_in(r, 4)) w->t0 += (int)random_below(r, 40);
    }
}

static int op_of(const work_t *w, int e)
{
    if (e < 0 || e > 2 * w->d) return TAG_NONE;
    return e == 0         ? TAG_LOAD
           : e < w->d     ? TAG_MAC
           : e == w->d    ? TAG_EXP
           : e < 2 * w->d ? TAG_FWD
                          : TAG_FWD_LAST;
}

static void drive(slot_control_t *s, const design_t *d, random_t *r, const work_t work[PASSES], int t)
{
    static const int none[] = {TAG_NONE, 6, 7};
    for (int j = 0; j < d->columns; ++j) {
        s->tags[j] = random_below(r, 2) * TAG_PAR + none[random_below(r, 3)];
        for (int n = 0; n < PASSES; ++n) {
            int op = op_of(&work[n], t - work[n].t0 - j);
            if (op != TAG_NONE) s->tags[j] = n % 2 * TAG_PAR + op;
        }
    }
    *s->load = 0;
    *s->mode_in = random_below(r, 4);
    *s->col_in = random_below(r, d->columns);
    *s->gap_in = random_below(r, d->columns - d->pes + 1);
    *s->left_in = random_below(r, 2);
    for (int n = 0; n < PASSES; ++n) {
        if (work[n].tw != t) continue;
        *s->load = 1;
        *s->mode_in = work[n].mode;
        *s->col_in = work[n].col;
        *s->gap_in = work[n].gap;
        *s->left_in = work[n].left;
    }
}

static const work_t *due(const work_t work[PASSES], int t, int *op)
{
    for (int n = 0; n < PASSES; ++n) {
        *op = op_of(&work[n], t - work[n].t0 - work[n].col);
        if (work[n].mode != SLOT_SKIP && *op != TAG_NONE) return &work[n];
    }
    *op = TAG_NONE;
    return NULL;
}

static void check(const slot_control_t *s, const work_t work[PASSES], int t, int seed)
{
    static const int c3_of[] = {C3_IDLE, C3_LOAD, C3_SELF, C3_IDLE, C3_LEFT, C3_LEFT};
    int op;
    const work_t *w = due(work, t, &op);
    bool active = w && w->mode == SLOT_ACTIVE, forwards = op >= TAG_FWD;
    int c3 = active || forwards ? c3_of[op] : C3_IDLE, c5 = active && op == TAG_EXP ? C5_CALC : C5_HOLD;
    demand(*s->c3 == c3 && *s->c5 == c5, "seed %d cycle %d op %d: c3 %d c5 %d", seed, t, op, (int)*s->c3,
           (int)*s->c5);
    demand(*s->sel == (active && forwards), "seed %d cycle %d: sel %d", seed, t, (int)*s->sel);
    if (!active && !forwards) return; /* a slot that only forwards may come late to its pass */
    demand(*s->col == w->col && *s->gap == w->gap && *s->from_left == w->left && *s->active == active &&
               *s->par == (w - work) % 2,
           "seed %d cycle %d: col %d gap %d", seed, t, (int)*s->col, (int)*s->gap);
}

START_TEST(a_slot_does_its_own_words_when_they_pass)
{
    for (int seed = 1; seed <= 400; ++seed) {
        random_t r = {.state = (uint64_t)seed};
        int columns = 2 + (int)random_below(&r, COLUMNS - 1);
        design_t d = sized(columns, 1 + (int)random_below(&r, columns));
        block_t *b = block_open(&slot_control_type, &d);
        work_t work[PASSES];
        plan(&r, &d, work);
        const work_t *last = &work[PASSES - 1];
        for (int t = 0; t < last->t0 + 2 * last->d + columns + 2; ++t) {
            drive(b->self, &d, &r, work, t);
            b->type->eval(b->self);
            check(b->self, work, t, seed);
            b->type->tick(b->self);
        }
        block_close(b);
    }
}
END_TEST

/* ---- what the plan does not reach ---- */

static void all_tags(slot_control_t *s, const design_t *d, int tag)
{
    for (int j = 0; j < d->columns; ++j) s->tags[j] = tag;
}

static void configure(block_t *b, int mode, int col)
{
    slot_control_t *s = b->self;
    *s->load = 1;
    *s->mode_in = mode;
    *s->col_in = col;
    tick(b);
    *s->load = 0;
    tick(b);
}

static bool rests(const slot_control_t *s)
{
    return *s->c3 == C3_IDLE && *s->c5 == C5_HOLD && !*s->sel;
}

START_TEST(no_tag_moves_a_slot_without_a_pass)
{
    design_t d = sized(6, 2);
    block_t *b = block_open(&slot_control_type, &d);
    slot_control_t *s = b->self;
    for (int tag = 0; tag < 16; ++tag) {
        all_tags(s, &d, tag);
        b->type->eval(s);
        demand(rests(s), "tag %d moves a fresh slot", tag);
        tick(b);
        demand(*s->slot_q == slot_control_at_reset(&d), "tag %d", tag);
    }
    block_close(b);
}
END_TEST

/* The last word of its pass ends a slot without a next one: words of the same parity find it skipping. */
START_TEST(a_slot_without_a_next_pass_skips)
{
    design_t d = sized(6, 2);
    block_t *b = block_open(&slot_control_type, &d);
    slot_control_t *s = b->self;
    configure(b, SLOT_ACTIVE, 3);
    all_tags(s, &d, TAG_FWD_LAST);
    b->type->eval(s);
    demand(*s->c3 == C3_LEFT, "not its own pass");
    tick(b);
    demand(rests(s), "goes on after the last word");
    block_close(b);
}
END_TEST

START_TEST(an_unused_configuration_is_replaced)
{
    design_t d = sized(6, 2);
    block_t *b = block_open(&slot_control_type, &d);
    slot_control_t *s = b->self;
    configure(b, SLOT_ACTIVE, 3);
    configure(b, SLOT_ACTIVE, 1);
    configure(b, SLOT_ACTIVE, 4);
    all_tags(s, &d, TAG_FWD_LAST);
    tick(b);
    demand(*s->col == 4 && *s->par == 1, "column %d", (int)*s->col);
    block_close(b);
}
END_TEST

START_TEST(codes_outside_the_tables_rest)
{
    design_t d = sized(5, 2);
    block_t *b = block_open(&slot_control_type, &d);
    slot_control_t *s = b->self;
    configure(b, SLOT_ACTIVE, 5); /* beyond the last column */
    for (int tag = 0; tag < 16; ++tag) {
        all_tags(s, &d, tag);
        tick(b);
        demand(rests(s) && *s->col == 5, "column 5, tag %d", tag);
    }
    block_reset(b);
    configure(b, 3, 2);
    for (int tag = 0; tag < 16; ++tag) {
        all_tags(s, &d, tag);
        b->type->eval(s);
        demand(rests(s), "mode 3, tag %d", tag);
    }
    configure(b, SLOT_ACTIVE, 1);
    all_tags(s, &d, TAG_FWD_LAST);
    tick(b);
    demand(*s->col == 1 && *s->active, "mode 3 does not end with its pass");
    block_close(b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slot_control");
    TCase *t = tcase_create("slot_control");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_slot_does_its_own_words_when_they_pass);
    tcase_add_test(t, no_tag_moves_a_slot_without_a_pass);
    tcase_add_test(t, a_slot_without_a_next_pass_skips);
    tcase_add_test(t, an_unused_configuration_is_replaced);
    tcase_add_test(t, codes_outside_the_tables_rest);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
