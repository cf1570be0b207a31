/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast models against their references over every sequence of control words: a de Bruijn sequence of
 * order n over all words is a run in which every n of them follow each other, once. Data, configurations and
 * whatever else is wide are random bits in each cycle, legal or not. One row of one vector of PEs, two
 * columns more; every output and every register is compared in every cycle.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../model/pe_array.h"
#include "../../model/slot_array.h"
#include "../../sim/canary.h"
#include "../../sim/random.h"
#include "theorems.h"

enum { WORD_SIGNALS_MAX = 8, ORDER_MAX = 8 };

/* A control word: the named inputs side by side, the first lowest. */
typedef struct {
    const block_type_t *type;
    const char *signals[WORD_SIGNALS_MAX];
    int order, quick_order;
} sequence_t;

typedef struct {
    block_t *reference, *fast;
    const signal_t *word[WORD_SIGNALS_MAX];
    int words; /* signals of a control word */
    random_t random;
    uint64_t cycles, compared;
} pair_t;

/* ---- both models ---- */

static const block_type_t *fast_type(const sequence_t *s, const design_t *d, const char *canary)
{
    char error[DUT_ERROR_MAX];
    dut_status_t status;
    if (!canary) return block_fast(s->type, d);
    const canary_t *planted = canary_find(canary);
    if (!planted) untried("theorems: canary: expected one of sim/canaries.c, found %s", canary);
    const block_type_t *type = canary_model(planted, s->type->name, d, &status, error);
    if (!type) untried("%s", error);
    return type;
}

static void open_pair(pair_t *p, const sequence_t *s, const design_t *d, const char *canary)
{
    const block_type_t *type = fast_type(s, d, canary);
    if (!type) untried("%s: expected a design with a fast model, found %s", s->type->name, d->name);
    p->reference = block_open(s->type, d);
    p->fast = block_open(type, d);
    if (!p->reference || !p->fast) untried("%s: out of memory", s->type->name);
    p->random.state = 1;
    for (p->words = 0; s->signals[p->words]; ++p->words)
        p->word[p->words] = block_signal(p->reference, s->signals[p->words]);
}

static void compare_kind(pair_t *p, signal_kind_t kind)
{
    char name[SIGNAL_NAME_MAX];
    for (int i = 0; i < p->reference->signals; ++i) {
        const signal_t *s = &p->reference->table[i];
        if (s->kind != kind) continue;
        for (size_t k = 0, n = signal_count(s); k < n; ++k) {
            int64_t expected = block_get(p->reference, s, k);
            int64_t found = block_get(p->fast, &p->fast->table[i], k);
            if (expected != found)
                refuted("cycle %llu: %s: reference %lld, fast %lld", (unsigned long long)p->cycles,
                        signal_element_name(s, k, name), (long long)expected, (long long)found);
            ++p->compared;
        }
    }
}

/* Any bits, now and then a word of one kind: extremes, 0. */
static int64_t random_word(random_t *r, const signal_t *s)
{
    int64_t bits = (int64_t)random_bits(r);
    if (random_one_in(r, 4)) bits = -random_below(r, 2);
    return s->is_signed ? fixed_wrap(bits, s->bits) : (int64_t)fixed_low((uint64_t)bits, s->bits);
}

static void set_both(pair_t *p, size_t signal, size_t index, int64_t value)
{
    block_set(p->reference, &p->reference->table[signal], index, value);
    block_set(p->fast, &p->fast->table[signal], index, value);
}

static bool is_word(const pair_t *p, const signal_t *s)
{
    for (int i = 0; i < p->words; ++i) {
        if (p->word[i] == s) return true;
    }
    return false;
}

static void cycle(pair_t *p, int word)
{
    for (int i = 0; i < p->reference->signals; ++i) {
        const signal_t *s = &p->reference->table[i];
        if (s->kind != SIGNAL_IN || is_word(p, s)) continue;
        for (size_t k = 0, n = signal_count(s); k < n; ++k)
            set_both(p, (size_t)i, k, random_word(&p->random, s));
    }
    for (int i = 0; i < p->words; ++i) {
        set_both(p, (size_t)(p->word[i] - p->reference->table), 0,
                 (int64_t)fixed_low((uint64_t)word, p->word[i]->bits));
        word >>= p->word[i]->bits;
    }
    p->reference->type->eval(p->reference->self);
    p->fast->type->eval(p->fast->self);
    compare_kind(p, SIGNAL_OUT);
    p->reference->type->tick(p->reference->self);
    p->fast->type->tick(p->fast->self);
    p->fast->type->show(p->fast->self);
    compare_kind(p, SIGNAL_REG);
    ++p->cycles;
}

/* ---- every sequence: Lyndon words whose length divides the order, in order, are a de Bruijn sequence ----
 */

static void every_sequence(pair_t *p, int symbols, int order)
{
    int a[ORDER_MAX + 1] = {0}, length = 1, first[ORDER_MAX], n = 0;
    while (length > 0) {
        for (int i = 0; order % length == 0 && i < length; ++i) {
            if (n < order) first[n++] = a[i];
            cycle(p, a[i]);
        }
        for (int i = length; i < order; ++i) a[i] = a[i - length];
        length = order;
        while (length > 0 && a[length - 1] == symbols - 1) --length;
        if (length > 0) ++a[length - 1];
    }
    /* the sequence is a ring: its first words follow its last */
    for (int i = 0; i + 1 < order; ++i) cycle(p, first[i]);
}

static void prove(const proof_t *proof, const sequence_t *s)
{
    design_t d = *proof->design;
    d.rows = 1;
    d.pes = 16;
    d.columns = 18;
    pair_t p = {0};
    open_pair(&p, s, &d, proof->canary);
    int bits = 0, order = proof->quick ? s->quick_order : s->order;
    for (int i = 0; i < p.words; ++i) bits += p.word[i]->bits;
    every_sequence(&p, 1 << bits, order);
    uint64_t expected = (UINT64_C(1) << (bits * order)) + (uint64_t)order - 1;
    if (p.cycles != expected)
        refuted("%llu cycles, expected %llu", (unsigned long long)p.cycles, (unsigned long long)expected);
    printf("every %d of %d control words, %llu cycles, %llu values compared\n", order, 1 << bits,
           (unsigned long long)p.cycles, (unsigned long long)p.compared);
    block_close(p.reference);
    block_close(p.fast);
}

void theorem_pe_array_fast(const proof_t *p)
{
    prove(p, &(sequence_t){&pe_array_type, {"c3", "c5", "clear", "sum_clear"}, 3, 2});
}

void theorem_slot_array_fast(const proof_t *p)
{
    prove(p, &(sequence_t){&slot_array_type, {"tag", "load"}, 4, 3});
}
