/* SPDX-License-Identifier: Apache-2.0 */
/* Is the ring with its moving pointer the shift register that it stands for? */
#include <string.h>

#include "array_designs.h"
#include "array_drive.h"
#include "../model/delay_line.h"

enum { CYCLES = 2000, LANES = 64, DEPTH = 128 };

static int64_t shifted[DEPTH][LANES]; /* [0] is the youngest */

/* The shift register, as plainly as it can be said. */
static void shift_register(const block_t *b, bool clear, bool shift)
{
    int pes = b->design->pes;
    if (clear) {
        memset(shifted, 0, sizeof shifted);
    } else if (shift) {
        memmove(shifted[1], shifted[0], sizeof shifted - sizeof shifted[0]);
        for (int k = 0; k < pes; ++k) shifted[0][k] = get(b, "acc", (size_t)k);
    }
}

static int64_t expected_tap(const block_t *b, int k)
{
    int64_t age = get(b, "c4", (size_t)k), most = b->design->columns - b->design->pes;
    if (age == 0) return get(b, "acc", (size_t)k);
    return age <= most ? shifted[age - 1][k] : 0;
}

static void run(const design_t *d, uint64_t seed)
{
    random_t random = {.state = seed};
    block_t *b = block_open(&delay_line_type, d);
    memset(shifted, 0, sizeof shifted);
    for (int t = 0; t < CYCLES; ++t) {
        for (int k = 0; k < d->pes; ++k) {
            put(b, "acc", (size_t)k, random_word(&random, d->acc.w));
            put(b, "c4", (size_t)k, random_below(&random, 1 << design_c4_w(d)));
        }
        bool shift = !random_one_in(&random, 4), clear = random_one_in(&random, 100);
        put(b, "shift", 0, shift);
        put(b, "clear", 0, clear);
        settle(b);
        for (int k = 0; k < d->pes; ++k) {
            int64_t tap = get(b, "tap", (size_t)k), expected = expected_tap(b, k);
            ck_assert_msg(tap == expected, "%dx%d seed=%d cycle=%d tap_%d=%lld expected %lld c4=%lld",
                          d->columns, d->pes, (int)seed, t, k, (long long)tap, (long long)expected,
                          (long long)get(b, "c4", (size_t)k));
        }
        shift_register(b, clear, shift);
        b->type->tick(b->self);
    }
    block_close(b);
}

START_TEST(a_tap_is_what_entered_c4_shifts_ago)
{
    static const int sizes[][2] = {{8, 4}, {64, 16}, {64, 32}, {7, 3}, {4, 4}, {5, 1}, {2, 1}, {33, 16}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        design_t d = signed_design(1, sizes[i][0], sizes[i][1]);
        for (uint64_t seed = 1; seed <= 3; ++seed) run(&d, seed);
    }
}
END_TEST

START_TEST(a_word_is_seen_from_the_next_cycle_until_it_falls_out)
{
    design_t d = signed_design(1, 8, 4); /* ages 1 .. 4 */
    block_t *b = block_open(&delay_line_type, &d);
    put(b, "shift", 0, 1);
    for (int t = 0; t < 7; ++t) {
        put(b, "acc", 2, t == 0 ? 77 : 0);
        for (int age = 1; age <= 4; ++age) {
            put(b, "c4", 2, age);
            settle(b);
            ck_assert_msg(get(b, "tap", 2) == (t == age ? 77 : 0), "cycle=%d age=%d", t, age);
        }
        b->type->tick(b->self);
    }
    block_close(b);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("delay_line");
    tcase_add_test(tests, a_tap_is_what_entered_c4_shifts_ago);
    tcase_add_test(tests, a_word_is_seen_from_the_next_cycle_until_it_falls_out);
    return run_suite("delay_line", tests);
}
