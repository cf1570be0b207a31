/* SPDX-License-Identifier: Apache-2.0 */
#include "toggle.h"

#include <stdlib.h>
#include <string.h>

#include "../model/fixed.h"

/* Of one signal, an element each. */
typedef struct {
    uint64_t *value, *rose, *fell;
    bool seen; /* value holds one of this run */
} bits_t;

struct toggle {
    int n;
    signal_t table[SIGNAL_MAX];
    bits_t bits[SIGNAL_MAX];
};

static bool allocate(toggle_t *t)
{
    for (int i = 0; i < t->n; ++i) {
        size_t count = signal_count(&t->table[i]);
        bits_t *b = &t->bits[i];
        b->value = calloc(3 * count, sizeof *b->value);
        if (!b->value) return false;
        b->rose = b->value + count;
        b->fell = b->rose + count;
    }
    return true;
}

toggle_t *toggle_open(const block_type_t *type, const design_t *d)
{
    toggle_t *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->n = block_signals(type, d, t->table);
    if (allocate(t)) return t;
    toggle_close(t);
    return NULL;
}

void toggle_close(toggle_t *t)
{
    if (!t) return;
    for (int i = 0; i < t->n; ++i) free(t->bits[i].value);
    free(t);
}

void toggle_begin(toggle_t *t)
{
    for (int i = 0; i < t->n; ++i) t->bits[i].seen = false;
}

static inline __attribute__((always_inline)) void sample(bits_t *b, const char *from, size_t count,
                                                         size_t bytes)
{
    for (size_t i = 0; i < count; ++i) {
        uint64_t now = 0;
        memcpy(&now, from + i * bytes, bytes);
        uint64_t changed = b->seen ? now ^ b->value[i] : 0;
        b->rose[i] |= changed & now;
        b->fell[i] |= changed & ~now;
        b->value[i] = now;
    }
    b->seen = true;
}

void toggle_sample(toggle_t *t, int signal, const void *elements)
{
    const signal_t *s = &t->table[signal];
    size_t count = signal_count(s);
    switch (signal_bytes(s)) { /* constants, so that the loops are wide */
    case 1: sample(&t->bits[signal], elements, count, 1); break;
    case 2: sample(&t->bits[signal], elements, count, 2); break;
    case 4: sample(&t->bits[signal], elements, count, 4); break;
    default: sample(&t->bits[signal], elements, count, 8); break;
    }
}

uint64_t toggle_rose(const toggle_t *t, int signal, size_t element)
{
    return fixed_low(t->bits[signal].rose[element], t->table[signal].bits);
}
uint64_t toggle_fell(const toggle_t *t, int signal, size_t element)
{
    return fixed_low(t->bits[signal].fell[element], t->table[signal].bits);
}

toggle_count_t toggle_count(const toggle_t *t, signal_kind_t kind)
{
    toggle_count_t c = {0, 0};
    for (int i = 0; i < t->n; ++i) {
        if (t->table[i].kind != kind) continue;
        size_t count = signal_count(&t->table[i]);
        c.points += 2 * count * (size_t)t->table[i].bits;
        for (size_t e = 0; e < count; ++e) {
            c.hit += (uint64_t)__builtin_popcountll(toggle_rose(t, i, e));
            c.hit += (uint64_t)__builtin_popcountll(toggle_fell(t, i, e));
        }
    }
    return c;
}

int toggle_signals(const toggle_t *t, const signal_t **table)
{
    *table = t->table;
    return t->n;
}
