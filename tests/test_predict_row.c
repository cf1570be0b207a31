/* SPDX-License-Identifier: Apache-2.0 */
/* Does each part of a row keep to its rules at the edges that whole strips (test_predict_array) seldom touch?
 */
#include "../model/predict_row.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../model/predict_feeder.h"
#include "../sim/paths.h"
#include "../sim/random.h"
#include "run_suite.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for millions of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

static const char *const names[] = {"odd_5x7x3_travelling", "full_4x4x4_travelling",
                                    "one_pe_6x5x1_travelling", "ties_7x9x3_travelling", "paper_64x16"};
enum { NAMES = sizeof names / sizeof *names };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    if (!strncmp(name, "odd", 3)) d.keys_max = 30, d.strips = 2; /* what tests below spell out */
    return d;
}

static void clock(predict_row_t *r)
{
    predict_row_eval(r);
    predict_row_tick(r);
    predict_row_eval(r);
}

static int64_t random_word(random_t *r, int w)
{
    return (int64_t)fixed_low(random_bits(r), w);
}

/* ---- PEs ---- */

enum { CYCLES = 4000 };

START_TEST(sums_follow_the_tags_and_clip_where_the_accumulator_ends)
{
    static int64_t left[CYCLES], top[CYCLES][128], tag[CYCLES], sum[128];
    for (int n = 0; n < NAMES; ++n) {
        design_t d = load(names[n]);
        block_t *b = block_open(&predict_row_type, &d);
        predict_row_t *r = b->self;
        random_t random = {.state = (uint64_t)n + 1};
        int64_t most = (INT64_C(1) << (d.score_acc_w - 1)) - 1, clips = 0;
        bool rough = false;
        memset(sum, 0, sizeof sum);
        for (int t = 0; t < CYCLES; ++t) {
            if (t % 400 == 0) rough = !rough;
            tag[t] = *r->tag = random_one_in(&random, 200) ? 1
                               : random_one_in(&random, 9) ? 3 * random_below(&random, 2)
                                                           : 2;
            left[t] = *r->left =
                rough ? fixed_min(d.operand_w) : fixed_wrap((int64_t)random_bits(&random), d.operand_w);
            for (int j = 0; j < d.columns; ++j) {
                top[t][j] =
                    rough ? fixed_min(d.operand_w) : fixed_wrap((int64_t)random_bits(&random), d.operand_w);
                if (rough && j % 2) top[t][j] = fixed_max(d.operand_w);
                r->top[j] = (int8_t)top[t][j];
            }
            clock(r);
            /* PE j now holds what left came j cycles ago and top came just now; its sum is a cycle behind */
            for (int j = 0; j < d.columns; ++j) {
                int64_t code = t > j ? tag[t - 1 - j] : 0;
                if (code == 1) sum[j] = 0;
                if (code == 1 || code == 2) sum[j] += left[t - 1 - j] * top[t - 1][j];
                clips += sum[j] > most || sum[j] < -most - 1;
                sum[j] = sum[j] > most ? most : sum[j] < -most - 1 ? -most - 1 : sum[j];
                demand(r->s_q[j] == sum[j], "%s cycle %d PE %d: %d, not %d", names[n], t, j, r->s_q[j],
                       (int)sum[j]);
                demand(r->bottom[j] == top[t][j], "%s cycle %d: bottom %d", names[n], t, j);
            }
            demand(*r->tag_down == tag[t], "%s cycle %d: tag_down", names[n], t);
        }
        demand(clips > 0 && *r->sat_acc == clips, "%s: %d clipped, not %d", names[n], (int)*r->sat_acc,
               (int)clips);
        block_close(b);
    }
}
END_TEST

/* ---- words ---- */

START_TEST(words_keep_their_fields_and_go_on_to_the_row_below)
{
    for (int n = 0; n < NAMES; ++n) {
        design_t d = load(names[n]);
        block_t *b = block_open(&predict_row_type, &d);
        predict_row_t *r = b->self;
        random_t random = {.state = (uint64_t)n + 1};
        int limit_w = fixed_bits(d.keys_max + 1) + 1, saturated = 0, none = 0;
        demand(predict_drain_w(&d) <= 63 && predict_keep_w(&d) <= 63, "%s: words too wide", names[n]);
        for (int t = 0; t < CYCLES; ++t) {
            int64_t drain = *r->drain = random_word(&random, predict_drain_w(&d));
            int64_t add = *r->add = random_word(&random, predict_add_w(&d));
            int64_t keep = *r->keep = random_word(&random, predict_keep_w(&d));
            demand(predict_drain_pack(&d, predict_drain_unpack(&d, drain)) == drain, "%s drain %llx",
                   names[n], (unsigned long long)drain);
            demand(predict_add_pack(&d, predict_add_unpack(&d, add)) == add, "%s add %llx", names[n],
                   (unsigned long long)add);
            demand(predict_keep_pack(&d, predict_keep_unpack(&d, keep)) == keep, "%s keep %llx", names[n],
                   (unsigned long long)keep);
            predict_drain_t w = predict_drain_unpack(&d, drain);
            if (random_one_in(&random, 8)) w.limit = fixed_max(limit_w) - random_below(&random, 2);
            if (random_one_in(&random, 4)) w.rows = random_below(&random, 2);
            *r->drain = predict_drain_pack(&d, w);
            clock(r);
            saturated += w.limit == fixed_max(limit_w);
            none += w.rows == 0;
            if (w.limit < fixed_max(limit_w)) ++w.limit;
            if (w.rows > 0) --w.rows;
            demand(*r->drain_down == predict_drain_pack(&d, w), "%s cycle %d: drain word below", names[n], t);
            demand(*r->add_down == add, "%s cycle %d: sum word below", names[n], t);
            demand(*r->keep_down == keep, "%s cycle %d: threshold word below", names[n], t);
        }
        demand(saturated && none, "%s: no word at an end", names[n]);
        block_close(b);
    }
}
END_TEST

/* The fields' order is what the Verilog's comment says: the first one highest. */
START_TEST(fields_of_words_lie_side_by_side)
{
    design_t d =
        load("odd_5x7x3_travelling"); /* col 3, key 5, limit 6, rows 3, scale 13; tile 3, strip 2 bits */
    predict_drain_t drain = {
        .valid = 1, .bank = 2, .col = 6, .key = 29, .limit = -3, .rows = 5, .key_scale = 0x1abc};
    ck_assert_int_eq(predict_drain_pack(&d, drain),
                     ((((((INT64_C(10) << 3 | 6) << 5 | 29) << 6 | 0x3d) << 3 | 5) << 1) << 13) | 0x1abc);
    predict_add_t add = {.valid = 1, .first = 1, .bank = 1, .key = 23};
    ck_assert_int_eq(predict_add_pack(&d, add), 0xd << 5 | 23);
    predict_keep_t keep = {
        .valid = 1, .bank = 2, .there = 1, .key = 17, .col = 5, .last = 1, .tile = 4, .strip = 3};
    ck_assert_int_eq(predict_keep_pack(&d, keep),
                     (((((((INT64_C(10) << 1 | 1) << 5 | 17) << 3) | 5) << 1 | 1) << 3 | 4) << 2) | 3);
}
END_TEST

/* ---- drain ---- */

typedef struct {
    design_t d;
    block_t *b;
    predict_row_t *r;
    random_t random;
} row_t;

static void row_open(row_t *t, const char *name, uint64_t seed)
{
    t->d = load(name);
    t->b = block_open(&predict_row_type, &t->d);
    t->r = t->b->self;
    t->random = random_from(seed);
}

static int64_t head(const row_t *t, bool valid, int64_t scale)
{
    return (int64_t)valid << t->d.scale.w | scale;
}

/* One drain word with nothing behind it, until it has done its work. */
static void drain(row_t *t, predict_drain_t w)
{
    *t->r->drain = predict_drain_pack(&t->d, w);
    clock(t->r);
    *t->r->drain = 0;
    clock(t->r);
    clock(t->r);
}

static void check_kept(const row_t *t, const predict_drain_t *w, bool allowed, double scaled)
{
    const design_t *d = &t->d;
    int64_t word = t->r->strip_q[w->bank * d->keys_max + w->key];
    demand(word >> predict_value_w(d) == allowed, "%s key %d: allowed %d", d->name, (int)w->key,
           (int)(word >> predict_value_w(d)));
    demand((double)fixed_wrap(word, d->scaled.w) == scaled, "%s key %d: scaled %d, not %.0f", d->name,
           (int)w->key, (int)fixed_wrap(word, d->scaled.w), scaled);
}

START_TEST(scores_are_floored_clipped_and_allowed_only_where_everything_allows_them)
{
    for (int n = 0; n < NAMES; ++n) {
        row_t t;
        row_open(&t, names[n], (uint64_t)n + 1);
        const design_t *d = &t.d;
        double most = ldexp(1, d->scaled.w - 1) - 1, before[] = {-INFINITY, -INFINITY, -INFINITY};
        int64_t arg[PREDICT_BANKS] = {0}, clips = 0, forbidden = 0;
        for (int i = 0; i < 3000; ++i) {
            int64_t scale[PREDICT_BANKS];
            bool valid[PREDICT_BANKS];
            for (int b = 0; b < PREDICT_BANKS; ++b) {
                scale[b] = random_word(&t.random, 1 + (int)random_below(&t.random, d->scale.w));
                valid[b] = !random_one_in(&t.random, 5);
                t.r->head[b] = head(&t, valid[b], scale[b]);
            }
            predict_drain_t w = {.valid = 1,
                                 .first = random_one_in(&t.random, 10),
                                 .bank = random_below(&t.random, PREDICT_BANKS),
                                 .col = random_below(&t.random, d->columns),
                                 .key = random_below(&t.random, d->keys_max),
                                 .rows = random_below(&t.random, 3),
                                 .key_valid = !random_one_in(&t.random, 5)};
            w.key_scale = random_word(&t.random, 1 + (int)random_below(&t.random, d->scale.w));
            w.limit = w.key + random_below(&t.random, 3) - 1;
            for (int j = 0; j < d->columns; ++j)
                t.r->s_q[j] = (int32_t)fixed_wrap((int64_t)random_bits(&t.random), d->score_acc_w);
            double exact = floor(ldexp((double)t.r->s_q[w.col] * (double)(scale[w.bank] * w.key_scale),
                                       d->scaled.frac - 2 * d->scale.frac));
            double scaled = exact > most ? most : exact < -most - 1 ? -most - 1 : exact;
            bool allowed = valid[w.bank] && w.key_valid && w.rows && w.key <= w.limit;
            drain(&t, w);
            check_kept(&t, &w, allowed, scaled);
            clips += allowed && exact != scaled;
            forbidden += !allowed;
            if (w.first) before[w.bank] = -INFINITY, arg[w.bank] = 0;
            if (allowed && scaled > before[w.bank]) before[w.bank] = scaled, arg[w.bank] = w.key;
            double highest = before[w.bank] == -INFINITY ? -most - 1 : before[w.bank];
            if (i < 60 && before[w.bank] == -INFINITY)
                continue; /* no first word yet: the maximum is still 0 */
            demand((double)t.r->max_q[w.bank] == highest && t.r->arg[w.bank] == arg[w.bank],
                   "%s word %d: maximum %d of key %d, not %.0f of %d", d->name, i, (int)t.r->max_q[w.bank],
                   (int)t.r->arg[w.bank], highest, (int)arg[w.bank]);
        }
        demand(clips && forbidden, "%s: nothing clipped or all allowed", d->name);
        demand(*t.r->sat_scaled == clips, "%s: %d clipped, not %d", d->name, (int)*t.r->sat_scaled,
               (int)clips);
        block_close(t.b);
    }
}
END_TEST

START_TEST(columns_and_keys_that_do_not_exist_are_0_and_not_stored)
{
    row_t t;
    row_open(&t, "odd_5x7x3_travelling", 1);
    const design_t *d = &t.d;
    predict_drain_t w = {.valid = 1,
                         .first = 1,
                         .col = 7,
                         .key = 3,
                         .limit = 20,
                         .rows = 1,
                         .key_valid = 1,
                         .key_scale = 4000};
    for (int j = 0; j < d->columns; ++j) t.r->s_q[j] = 200;
    for (int b = 0; b < PREDICT_BANKS; ++b) t.r->head[b] = head(&t, true, 4000);
    t.r->strip_q[3] = 1;
    drain(&t, w);
    check_kept(&t, &w, true, 0); /* there is no column 7 */
    t.r->strip_q[0] = t.r->strip_q[d->keys_max] = t.r->strip_q[d->keys_max + 1] = 77;
    w.col = 2, w.key = 31, w.limit = 31; /* nor a key 31: the words of bank 1 begin where bank 0 ends */
    drain(&t, w);
    ck_assert_int_eq(t.r->strip_q[d->keys_max], 77);
    ck_assert_int_eq(t.r->strip_q[d->keys_max + 1], 77);
    t.r->strip_q[d->keys_max] = INT64_C(1) << predict_value_w(d);
    *t.r->add = predict_add_pack(d, (predict_add_t){.valid = 1, .first = 1, .key = 30});
    clock(t.r);
    *t.r->add = 0;
    clock(t.r);
    clock(t.r);
    ck_assert_int_eq(t.r->sum_q[0], 0);
    ck_assert_int_eq(t.r->strip_q[d->keys_max], INT64_C(1) << predict_value_w(d));
    block_close(t.b);
}
END_TEST

static int64_t keep_of(const design_t *d, int bank, int key)
{
    return predict_keep_pack(d, (predict_keep_t){.valid = 1, .bank = bank, .there = 1, .key = key});
}

/* Bank 3 is nowhere; of two that want a bank's port at once, the threshold reads and the drain writes. */
START_TEST(a_bank_has_one_port_each_way)
{
    row_t t;
    row_open(&t, "full_4x4x4_travelling", 1);
    const design_t *d = &t.d;
    int64_t one = INT64_C(1) << predict_value_w(d), exp = INT64_C(1) << d->score_exp.frac;
    for (int i = 0; i < 3 * d->keys_max; ++i) t.r->strip_q[i] = one;
    for (int bank = 0; bank < 4; ++bank) {
        for (int other = 0; other < 4; ++other) {
            *t.r->add = predict_add_pack(d, (predict_add_t){.valid = 1, .first = 1, .bank = bank, .key = 2});
            *t.r->keep = keep_of(d, other, 1);
            clock(t.r);
            *t.r->add = *t.r->keep = 0;
            clock(t.r);
            clock(t.r);
            bool reads = bank != other && bank < 3;
            if (bank < 3) {
                ck_assert_int_eq(t.r->sum_q[bank], reads ? exp : 0);
                ck_assert_int_eq(t.r->strip_q[bank * d->keys_max + 2], reads ? one + exp : 0);
                t.r->strip_q[bank * d->keys_max + 2] = one;
            }
            predict_keep_t seen = predict_keep_unpack(d, *t.r->keep1_q);
            ck_assert_int_eq(seen.valid, 0);
            for (int i = 0; i < 3 * d->keys_max; ++i) ck_assert_int_eq(t.r->strip_q[i], one);
        }
    }
    for (int bank = 0; bank < 3; ++bank) { /* the drain word a cycle later meets the sum's write */
        *t.r->add = predict_add_pack(d, (predict_add_t){.valid = 1, .first = 1, .bank = bank, .key = 2});
        *t.r->drain = predict_drain_pack(d, (predict_drain_t){.valid = 1, .first = 1, .bank = 0, .key = 3});
        clock(t.r);
        *t.r->add = *t.r->drain = 0;
        clock(t.r);
        clock(t.r);
        ck_assert_int_eq(t.r->strip_q[3], 0);
        ck_assert_int_eq(t.r->strip_q[bank * d->keys_max + 2], bank ? one + exp : one);
        t.r->strip_q[3] = t.r->strip_q[bank * d->keys_max + 2] = one;
    }
    block_close(t.b);
}
END_TEST

/* ---- sum and threshold ---- */

static void add(row_t *t, predict_add_t w)
{
    *t->r->add = predict_add_pack(&t->d, w);
    clock(t->r);
    *t->r->add = 0;
}

static void keep(row_t *t, predict_keep_t w)
{
    *t->r->keep = predict_keep_pack(&t->d, w);
    clock(t->r);
    *t->r->keep = 0;
}

static void rest(row_t *t, int cycles)
{
    for (int i = 0; i < cycles; ++i) clock(t->r);
}

static void put_score(row_t *t, int bank, int key, bool allowed, int64_t scaled)
{
    t->r->strip_q[bank * t->d.keys_max + key] =
        (int64_t)allowed << predict_value_w(&t->d) | (int64_t)fixed_low((uint64_t)scaled, t->d.scaled.w);
}

/* Sums the first tile of a bank, then compares it as soon as it may; returns the mask word. */
static uint64_t sweep_tile(row_t *t, int bank)
{
    const design_t *d = &t->d;
    uint64_t mask = 0;
    for (int j = 0; j < d->columns; ++j)
        add(t, (predict_add_t){.valid = 1, .first = j == 0, .bank = bank, .key = j});
    rest(t, 1);
    for (int j = 0; j < d->columns; ++j) {
        keep(t, (predict_keep_t){.valid = 1,
                                 .first = j == 0,
                                 .bank = bank,
                                 .there = 1,
                                 .key = j,
                                 .col = j,
                                 .last = j == d->columns - 1,
                                 .tile = 1,
                                 .strip = 1});
        demand(!*t->r->mask_valid, "%s: a mask word in column %d", d->name, j);
    }
    rest(t, 1);
    demand(!*t->r->mask_valid, "%s: the mask word is early", d->name);
    rest(t, 1);
    demand(*t->r->mask_valid && *t->r->mask_tile == 1 && *t->r->mask_strip == 1, "%s: no mask word", d->name);
    for (int j = 0; j < d->columns; ++j) mask |= (uint64_t)t->r->mask_word[j] << j;
    rest(t, 1);
    demand(!*t->r->mask_valid && !*t->r->mask_tile && !*t->r->mask_strip && !t->r->mask_word[0],
           "%s: the bus rests", d->name);
    return mask;
}

/* All scores equal the maximum, a whole number: every exp is exactly 1. */
START_TEST(a_share_equal_to_the_threshold_is_not_kept)
{
    row_t t;
    row_open(&t, "full_4x4x4_travelling", 1);
    const int64_t quarter = INT64_C(1) << (t.d.threshold.frac - 2), three = INT64_C(3) << t.d.scaled.frac;
    for (int bank = 0; bank < PREDICT_BANKS; ++bank) {
        static const struct {
            int below, not ; /* the threshold is so much below a quarter; this score is not allowed */
            uint64_t mask;
        } cases[] = {{1, 4, 0xf}, {0, 4, 0}, {-1, 4, 0}, {1, 2, 0xb}};
        t.r->max_q[bank] = three;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
            for (int j = 0; j < 4; ++j) put_score(&t, bank, j, j != cases[i].not, three);
            *t.r->threshold = quarter - cases[i].below;
            ck_assert_uint_eq(sweep_tile(&t, bank), cases[i].mask);
            ck_assert_int_eq(t.r->sum_q[bank], INT64_C(1) * (cases[i].not < 4 ? 3 : 4) << t.d.score_sum.frac);
        }
    }
    block_close(t.b);
}
END_TEST

START_TEST(rows_that_keep_nothing_follow_the_policy)
{
    static const uint64_t masks[] = {0, 0xd, 0x4, 0};
    row_t t;
    row_open(&t, "full_4x4x4_travelling", 1);
    *t.r->threshold = INT64_C(1) << (t.d.threshold.frac - 1);
    for (int bank = 0; bank < PREDICT_BANKS; ++bank) {
        for (int b = 0; b < PREDICT_BANKS; ++b) t.r->arg_q[b] = b == bank ? 2 : 3;
        for (int policy = 0; policy < 8; ++policy) {
            bool none = policy >= 4; /* nothing allowed: no policy finds anything */
            for (int j = 0; j < 4; ++j) put_score(&t, bank, j, j != 1 && !none, 0);
            *t.r->policy = policy % 4;
            ck_assert_uint_eq(sweep_tile(&t, bank), none ? 0 : masks[policy]);
        }
    }
    block_close(t.b);
}
END_TEST

/* What a strip needs of its bank is taken with its first threshold word: the bank may be drained anew, and
   threshold and policy change, while the rest follows. */
START_TEST(a_strip_keeps_what_it_took)
{
    row_t t;
    row_open(&t, "full_4x4x4_travelling", 1);
    const design_t *d = &t.d;
    for (int j = 0; j < 4; ++j) put_score(&t, 1, j, true, 0);
    for (int j = 0; j < 4; ++j) add(&t, (predict_add_t){.valid = 1, .first = j == 0, .bank = 1, .key = j});
    t.r->arg_q[1] = 3;
    *t.r->threshold = INT64_C(1) << (d->threshold.frac - 1);
    *t.r->policy = EMPTY_TOP1;
    rest(&t, 2);
    for (int j = 0; j < 4; ++j) {
        keep(&t, (predict_keep_t){
                     .valid = 1, .first = j == 0, .bank = 1, .there = 1, .key = j, .col = j, .last = j == 3});
        if (j == 0) continue; /* row 0 looks at it now */
        t.r->arg_q[1] = 0;
        t.r->sum_q[1] = t.r->top_q[1] = 0;
        *t.r->threshold = 0;
        *t.r->policy = EMPTY_DENSE;
    }
    rest(&t, 2);
    ck_assert_int_eq(*t.r->mask_valid, 1);
    for (int j = 0; j < 4; ++j) ck_assert_int_eq(t.r->mask_word[j], j == 3);
    block_close(t.b);
}
END_TEST

START_TEST(sums_and_exps_clip_at_their_formats_and_are_counted_once)
{
    row_t t;
    row_open(&t, "odd_5x7x3_travelling", 1);
    const design_t *d = &t.d;
    int words = 1 << (d->score_sum.w - d->score_exp.w);
    for (int i = 0; i < words + 3; ++i) {
        put_score(&t, 0, i % 4, true, fixed_max(d->scaled.w)); /* far above the maximum's floor: exp clips */
        add(&t, (predict_add_t){.valid = 1, .first = i == 0, .key = i % 4});
    }
    rest(&t, 2);
    ck_assert_int_eq(t.r->top_q[0], fixed_max(d->score_exp.w));
    ck_assert_int_eq(t.r->sum_q[0], fixed_max(d->score_sum.w));
    ck_assert_int_eq(*t.r->sat_exp, words + 3);
    ck_assert_int_eq(*t.r->sat_sum, 3);
    keep(&t, (predict_keep_t){.valid = 1, .first = 1, .there = 1});
    add(&t, (predict_add_t){.valid = 1, .first = 1, .bank = 3});
    rest(&t, 2);
    ck_assert_int_eq(*t.r->sat_exp, words + 3);
    ck_assert_int_eq(t.r->sum_q[0], fixed_max(d->score_sum.w));
    block_close(t.b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("predict_row");
    TCase *t = tcase_create("predict_row");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, sums_follow_the_tags_and_clip_where_the_accumulator_ends);
    tcase_add_test(t, words_keep_their_fields_and_go_on_to_the_row_below);
    tcase_add_test(t, fields_of_words_lie_side_by_side);
    tcase_add_test(t, scores_are_floored_clipped_and_allowed_only_where_everything_allows_them);
    tcase_add_test(t, columns_and_keys_that_do_not_exist_are_0_and_not_stored);
    tcase_add_test(t, a_bank_has_one_port_each_way);
    tcase_add_test(t, a_share_equal_to_the_threshold_is_not_kept);
    tcase_add_test(t, rows_that_keep_nothing_follow_the_policy);
    tcase_add_test(t, a_strip_keeps_what_it_took);
    tcase_add_test(t, sums_and_exps_clip_at_their_formats_and_are_counted_once);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
