/* SPDX-License-Identifier: Apache-2.0 */
/* Does each row and column get the element that its record holds, in the cycle that its place in the skew
 * says? */
#include "../model/predict_feeder.h"

#include <check.h>
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

enum { CYCLES = 3000, BITS_MAX = 2048, RECORDS_MAX = 4096 };

/* A record as the bits that were written, and what went in with each cycle. */
typedef struct {
    bool valid, first;
    int file, upper, tile, at;
} word_t;

typedef struct {
    const design_t *d;
    uint64_t seed;
    random_t random;
    predict_feeder_t *f;
    bool (*key)[BITS_MAX], (*query)[BITS_MAX];
    word_t word[CYCLES];
    int operands, headers; /* looked at, and not 0 */
} run_t;

static int beats(const design_t *d)
{
    return (4 + (d->head_max * design_low_w(d) + 7) / 8 + d->bus_bytes - 1) / d->bus_bytes;
}

static int64_t bits(const bool *from, int at, int n)
{
    int64_t value = 0;
    for (int i = 0; i < n; ++i) value |= (int64_t)from[at + i] << i;
    return value;
}

static int64_t operand(run_t *r, const bool *record, int at)
{
    int w = r->d->operand_w;
    int64_t value = bits(record, 32 + at * (w <= 4 ? 4 : 8), w);
    value = value >= 1 << (w - 1) ? value - (1 << w) : value;
    r->operands += value != 0;
    return value;
}

static int64_t header(run_t *r, const bool *record)
{
    int64_t value = bits(record, 0, r->d->scale.w) + (record[16] ? 65536 : 0);
    r->headers += value != 0;
    return value;
}

/* Mostly what is there, sometimes what the port can say but the design does not have. */
static int any(run_t *r, int there, int port_bits)
{
    return (int)random_below(&r->random, random_one_in(&r->random, 10) ? 1 << port_bits : there);
}

static void drive(run_t *r, int t)
{
    const design_t *d = r->d;
    predict_feeder_t *f = r->f;
    int key_w = fixed_bits(d->keys_max), beat_w = design_beat_w(d);
    *f->k_we = random_below(&r->random, 4) > 0;
    *f->k_key = any(r, d->keys_max, key_w);
    *f->k_beat = any(r, beats(d), beat_w);
    *f->q_we = random_below(&r->random, 4) > 0;
    *f->q_file = any(r, 3, 2);
    *f->q_row = any(r, d->rows, fixed_bits(d->rows));
    *f->q_beat = any(r, beats(d), beat_w);
    for (int i = 0; i < d->bus_bytes / 2; ++i) {
        f->k_data[i] = random_below(&r->random, 1 << 16);
        f->q_data[i] = random_below(&r->random, 1 << 16);
    }
    *f->valid = random_below(&r->random, 5) > 0;
    *f->first = random_below(&r->random, 2);
    *f->file = any(r, 3, 2);
    *f->upper = random_below(&r->random, 2);
    *f->tile = any(r, design_tiles_max(d), fixed_bits(design_tiles_max(d)));
    *f->at = any(r, d->head_max, fixed_bits(d->head_max));
    *f->head_key = any(r, d->keys_max, key_w);
    r->word[t] = (word_t){*f->valid, *f->first, (int)*f->file, (int)*f->upper, (int)*f->tile, (int)*f->at};
}

static void check_operands(run_t *r, int t)
{
    const design_t *d = r->d;
    for (int i = 0; i < d->rows && i < t; ++i) {
        const word_t *w = &r->word[t - 1 - i];
        int64_t want = 0;
        if (w->valid && w->file < 3 && w->at < d->head_max)
            want = operand(r, r->query[w->file * d->rows + i], w->at);
        demand(r->f->left[i] == want, "%s seed %d cycle %d: left %d is %d, not %d", d->name, (int)r->seed, t,
               i, (int)r->f->left[i], (int)want);
    }
    for (int j = 0; j < d->columns && j < t; ++j) {
        const word_t *w = &r->word[t - 1 - j];
        int key = w->tile * d->columns + j + (w->upper ? d->keys_max / 2 : 0);
        int64_t want = 0;
        if (w->valid && w->at < d->head_max && w->tile < design_tiles_max(d) && key < d->keys_max)
            want = operand(r, r->key[key], w->at);
        demand(r->f->top[j] == want, "%s seed %d cycle %d: top %d is %d, not %d", d->name, (int)r->seed, t, j,
               (int)r->f->top[j], (int)want);
    }
}

static void check_headers(run_t *r, int t)
{
    const design_t *d = r->d;
    const predict_feeder_t *f = r->f;
    int64_t want = *f->head_key < d->keys_max ? header(r, r->key[*f->head_key]) : 0;
    demand(*f->key_head == want, "%s seed %d cycle %d: header of key %d is %x, not %x", d->name, (int)r->seed,
           t, (int)*f->head_key, (unsigned)*f->key_head, (unsigned)want);
    for (int i = 0; i < 3 * d->rows; ++i) {
        want = header(r, r->query[i]);
        demand(f->row_head[i] == want, "%s seed %d cycle %d: header %d is %x, not %x", d->name, (int)r->seed,
               t, i, (unsigned)f->row_head[i], (unsigned)want);
    }
    const word_t *w = t ? &r->word[t - 1] : NULL;
    int tag = !w || !w->valid ? 0 : w->first ? 1 : 2;
    demand(*f->tag == tag, "%s seed %d cycle %d: tag %d, not %d", d->name, (int)r->seed, t, (int)*f->tag,
           tag);
}

static void store(run_t *r, bool *record, int64_t beat, const int64_t *data)
{
    for (int i = 0; i < 8 * r->d->bus_bytes; ++i)
        record[(int)beat * 8 * r->d->bus_bytes + i] = data[i / 16] >> (i % 16) & 1;
}

static void follow_writes(run_t *r)
{
    const design_t *d = r->d;
    const predict_feeder_t *f = r->f;
    if (*f->k_we && *f->k_key < d->keys_max && *f->k_beat < beats(d))
        store(r, r->key[*f->k_key], *f->k_beat, f->k_data);
    if (*f->q_we && *f->q_file < 3 && *f->q_row < d->rows && *f->q_beat < beats(d))
        store(r, r->query[*f->q_file * d->rows + *f->q_row], *f->q_beat, f->q_data);
}

static void run(const design_t *d, uint64_t seed)
{
    demand(beats(d) * 8 * d->bus_bytes <= BITS_MAX && d->keys_max <= RECORDS_MAX, "%s is too large", d->name);
    run_t *r = calloc(1, sizeof *r);
    block_t *b = block_open(&predict_feeder_type, d);
    *r = (run_t){.d = d, .seed = seed, .random = {seed}, .f = b->self};
    r->key = calloc((size_t)d->keys_max, sizeof *r->key);
    r->query = calloc(3 * (size_t)d->rows, sizeof *r->query);
    for (int t = 0; t < CYCLES; ++t) {
        drive(r, t);
        predict_feeder_eval(r->f);
        check_operands(r, t);
        check_headers(r, t);
        follow_writes(r);
        predict_feeder_tick(r->f);
    }
    demand(r->operands > CYCLES && r->headers > CYCLES, "%s seed %d: hardly anything to see", d->name,
           (int)seed);
    free(r->key);
    free(r->query);
    free(r);
    block_close(b);
}

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

START_TEST(operands_and_headers_are_those_that_were_written)
{
    static const char *const names[] = {"odd_5x7x3_travelling", "full_4x4x4_travelling",
                                        "one_pe_6x5x1_travelling", "ties_7x9x3_travelling"};
    for (size_t n = 0; n < sizeof names / sizeof *names; ++n) {
        design_t d = load(names[n]);
        for (uint64_t seed = 1; seed <= 10; ++seed) run(&d, seed);
    }
}
END_TEST

/* Records that end inside, at and behind a beat; operands of every width. */
START_TEST(records_of_any_length_hold_operands_of_any_width)
{
    for (int w = 2; w <= 8; ++w) {
        for (int head = 1; head <= 40; head += 13) {
            for (int bytes = 8; bytes <= 64; bytes *= 2) {
                design_t d = load("odd_5x7x3_travelling");
                d.operand_w = w, d.head_max = head, d.bus_bytes = bytes, d.scale.w = 16;
                run(&d, (uint64_t)(10000 * w + 100 * head + bytes));
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("predict_feeder");
    TCase *t = tcase_create("predict_feeder");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, operands_and_headers_are_those_that_were_written);
    tcase_add_test(t, records_of_any_length_hold_operands_of_any_width);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
