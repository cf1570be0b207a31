/* SPDX-License-Identifier: Apache-2.0 */
#include "stimulus.h"

#include <stdlib.h>
#include <string.h>

#include "schedule.h"

const char *const stimulus_names[STIMULUS_CLASSES] = {"legal", "illegal", "corner", "scheduled"};

struct stimulus {
    stimulus_class_t kind;
    random_t random;
    block_t *block;
    schedule_t *schedule;
    int epoch;              /* cycles until the temper of the run changes */
    int dwell;              /* cycles that a control code lasts, on average */
    int zeros;              /* one data word in so many is zero, 0: none */
    int width[SIGNAL_MAX];  /* bits that data words use */
    bool rests[SIGNAL_MAX]; /* the signal keeps to its likelier code */
    bool holds[SIGNAL_MAX]; /* the signal's data change as seldom as codes do: records that stand for a while
                             */
};

int stimulus_find(const char *name)
{
    for (int i = 0; i < STIMULUS_CLASSES; ++i) {
        if (!strcmp(stimulus_names[i], name)) return i;
    }
    return -1;
}

stimulus_t *stimulus_open(stimulus_class_t kind, uint64_t seed, block_t *block)
{
    return stimulus_open_choices(kind, seed, NULL, block);
}

stimulus_t *stimulus_open_choices(stimulus_class_t kind, uint64_t seed, const choices_t *choices,
                                  block_t *block)
{
    stimulus_t *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->kind = kind;
    s->random.state = seed * UINT64_C(0x2545f4914f6cdd1d) + (uint64_t)kind;
    if (choices) {
        s->random.bytes = choices->bytes;
        s->random.end = choices->bytes + choices->n;
    }
    s->block = block;
    if (kind == STIMULUS_SCHEDULED) {
        s->schedule = schedule_open(block, &s->random);
        if (!s->schedule) {
            free(s);
            return NULL;
        }
    }
    return s;
}

void stimulus_close(stimulus_t *s)
{
    if (!s) return;
    schedule_close(s->schedule);
    free(s);
}

/* Small words reach deep into accumulators without clipping, full ones clip: both have their epochs. So have
   clears that never come, for sums of many cycles. */
static void new_epoch(stimulus_t *s)
{
    static const int dwells[] = {1, 1, 2, 4, 16, 48};
    static const int zeros[] = {0, 0, 8, 2};
    s->epoch = 16 + (int)random_below(&s->random, 240);
    s->dwell = dwells[random_below(&s->random, sizeof dwells / sizeof *dwells)];
    s->zeros = zeros[random_below(&s->random, sizeof zeros / sizeof *zeros)];
    for (int i = 0; i < s->block->signals; ++i) {
        const signal_t *t = &s->block->table[i];
        int bits = t->bits;
        s->holds[i] = random_one_in(&s->random, 4);
        s->rests[i] = t->codes == 2 && t->weights && random_one_in(&s->random, 3);
        s->width[i] = random_one_in(&s->random, 2) ? bits : 1 + (int)random_below(&s->random, bits);
    }
}

static int64_t canonical(const signal_t *t, uint64_t bits)
{
    return t->is_signed ? fixed_wrap((int64_t)bits, t->bits) : (int64_t)fixed_low(bits, t->bits);
}

static int64_t corner_word(stimulus_t *s, const signal_t *t)
{
    uint64_t top = UINT64_C(1) << (t->bits - 1);
    switch (random_below(&s->random, 8)) {
    case 0: return 0;
    case 1: return canonical(t, 1);
    case 2: return canonical(t, ~UINT64_C(0));
    case 3: return canonical(t, top);
    case 4: return canonical(t, top - 1);
    case 5: return canonical(t, top + 1);
    case 6: return canonical(t, UINT64_C(1) << random_below(&s->random, t->bits));
    default: return canonical(t, random_bits(&s->random));
    }
}

static int64_t data_word(stimulus_t *s, const signal_t *t, int width)
{
    if (s->kind == STIMULUS_CORNER && t->bits > 1) return corner_word(s, t);
    if (s->zeros && random_one_in(&s->random, s->zeros)) return 0;
    uint64_t bits = random_bits(&s->random);
    return t->is_signed ? fixed_wrap((int64_t)bits, width) : (int64_t)fixed_low(bits, width);
}

static int64_t weighted_code(random_t *r, const signal_t *t)
{
    if (!t->weights) return random_below(r, t->codes);
    int total = 0, code = 0;
    for (const char *w = t->weights; *w; ++w) total += *w - '0';
    int at = (int)random_below(r, total);
    while (at >= t->weights[code] - '0') at -= t->weights[code++] - '0';
    return code;
}

static int64_t control_code(stimulus_t *s, const signal_t *t)
{
    if (s->rests[t - s->block->table]) return t->weights[1] > t->weights[0];
    bool any = s->kind == STIMULUS_ILLEGAL && random_one_in(&s->random, 6);
    return any ? random_below(&s->random, INT64_C(1) << t->bits) : weighted_code(&s->random, t);
}

static void drive(stimulus_t *s, const signal_t *t, int width)
{
    size_t count = signal_count(t);
    bool dwells = t->codes || s->holds[t - s->block->table];
    if (dwells && s->dwell > 1 && !random_one_in(&s->random, s->dwell)) return;
    for (size_t i = 0; i < count; ++i) {
        block_set(s->block, t, i, t->codes ? control_code(s, t) : data_word(s, t, width));
    }
}

void stimulus_next(stimulus_t *s)
{
    if (s->schedule) {
        schedule_next(s->schedule);
        return;
    }
    if (s->epoch-- == 0) new_epoch(s);
    for (int i = 0; i < s->block->signals; ++i) {
        const signal_t *t = &s->block->table[i];
        if (t->kind == SIGNAL_IN) drive(s, t, s->width[i]);
    }
}

const schedule_check_t *stimulus_check(const stimulus_t *s)
{
    return s->schedule ? schedule_check(s->schedule) : NULL;
}
