/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_control.h"

#include "pe.h"

typedef struct {
    int64_t mode, col, gap, left;
} place_t;

typedef struct {
    place_t now, next;
    bool nv; /* next is valid */
    int64_t par;
} slot_t;

static int64_t take(uint64_t *word, int bits)
{
    uint64_t field = fixed_low(*word, bits);
    *word >>= bits;
    return (int64_t)field;
}

static place_t take_place(const slot_control_t *s, uint64_t *word)
{
    place_t p;
    p.left = take(word, 1);
    p.gap = take(word, s->gap_w);
    p.col = take(word, s->col_w);
    p.mode = take(word, 2);
    return p;
}

/* From the lowest field upwards. */
static slot_t unpack(const slot_control_t *s)
{
    uint64_t word = (uint64_t)*s->slot_q;
    slot_t slot;
    slot.now = take_place(s, &word);
    slot.next = take_place(s, &word);
    slot.nv = take(&word, 1);
    slot.par = take(&word, 1);
    return slot;
}

static void put(uint64_t *word, int64_t field, int bits)
{
    *word = *word << bits | (uint64_t)field;
}

static void put_place(const slot_control_t *s, uint64_t *word, place_t p)
{
    put(word, p.mode, 2);
    put(word, p.col, s->col_w);
    put(word, p.gap, s->gap_w);
    put(word, p.left, 1);
}

/* From the highest field downwards. */
static int64_t pack(const slot_control_t *s, slot_t slot)
{
    uint64_t word = 0;
    put(&word, slot.par, 1);
    put(&word, slot.nv, 1);
    put_place(s, &word, slot.next);
    put_place(s, &word, slot.now);
    return (int64_t)word;
}

int slot_control_bits(const design_t *d)
{
    return 2 + 2 * (2 + fixed_bits(d->columns) + design_c4_w(d) + 1);
}

int64_t slot_control_at_reset(const design_t *d)
{
    return INT64_C(1) << (slot_control_bits(d) - 1);
}

/* The operation that this slot has to do, TAG_NONE when there is none or it is another pass's. */
static int64_t op_for(const slot_control_t *s, const slot_t *slot)
{
    if (slot->now.mode == SLOT_SKIP || slot->now.col >= s->d->columns) return TAG_NONE;
    int64_t tag = s->tags[slot->now.col], op = tag % TAG_PAR;
    return tag / TAG_PAR == slot->par && op <= TAG_FWD_LAST ? op : TAG_NONE;
}

void slot_control_eval(void *self)
{
    slot_control_t *s = self;
    const slot_t slot = unpack(s);
    int64_t op = op_for(s, &slot);
    bool active = slot.now.mode == SLOT_ACTIVE, pass = slot.now.mode == SLOT_PASS;
    bool forwards = op == TAG_FWD || op == TAG_FWD_LAST;
    *s->c3 = C3_IDLE;
    if (active && op == TAG_LOAD) *s->c3 = C3_LOAD;
    if (active && op == TAG_MAC) *s->c3 = C3_SELF;
    if ((active || pass) && forwards) *s->c3 = C3_LEFT;
    *s->c5 = active && op == TAG_EXP ? C5_CALC : C5_HOLD;
    *s->sel = active && forwards;
    *s->col = slot.now.col;
    *s->gap = slot.now.gap;
    *s->from_left = slot.now.left;
    *s->active = active;
    *s->par = slot.par;
}

void slot_control_tick(void *self)
{
    slot_control_t *s = self;
    slot_t slot = unpack(s);
    bool skips = slot.now.mode == SLOT_SKIP, last = op_for(s, &slot) == TAG_FWD_LAST;
    if (!last && !*s->load && !(slot.nv && skips)) return; /* as most cycles */
    if (slot.nv && (last || skips)) {
        slot.now = slot.next;
        slot.par = !slot.par;
        slot.nv = false;
    } else if (last) {
        slot.now.mode = SLOT_SKIP;
    }
    if (*s->load) {
        slot.next = (place_t){*s->mode_in, *s->col_in, *s->gap_in, *s->left_in};
        slot.nv = true;
    }
    *s->slot_q = pack(s, slot);
}

#define FIELD(member) offsetof(slot_control_t, member)

static int slot_control_signals(const design_t *d, signal_t *table)
{
    const int columns = d->columns, col_w = fixed_bits(columns), reach = columns - d->pes;
    const signal_t all[] = {
        {"tags", SIGNAL_IN, FIELD(tags), 4, .dims = 1, .n = {columns}, .codes = 16,
         .weights = "1322310013223100", .meaning = "parity and operation at each column"},
        {"load", SIGNAL_IN, FIELD(load), 1, .codes = 2, .weights = "31", .meaning = "no yes"},
        {"mode_in", SIGNAL_IN, FIELD(mode_in), 2, .codes = 3, .weights = "123",
         .meaning = "skip pass active"},
        {"col_in", SIGNAL_IN, FIELD(col_in), col_w, .codes = columns, .meaning = "the slot's column"},
        {"gap_in", SIGNAL_IN, FIELD(gap_in), design_c4_w(d), .codes = reach + 1,
         .meaning = "columns between it and its left neighbour's"},
        {"left_in", SIGNAL_IN, FIELD(left_in), 1, .codes = 2, .weights = "13",
         .meaning = "no left neighbour, one"},
        {"col", SIGNAL_OUT, FIELD(col), col_w, .meaning = "column of the operands"},
        {"sel", SIGNAL_OUT, FIELD(sel), 1, .meaning = "a score"},
        {"c3", SIGNAL_OUT, FIELD(c3), 3, .meaning = "clear idle self left load"},
        {"c5", SIGNAL_OUT, FIELD(c5), 2, .meaning = "hold calc move clear"},
        {"gap", SIGNAL_OUT, FIELD(gap), design_c4_w(d), .meaning = "age of the left neighbour's tap"},
        {"from_left", SIGNAL_OUT, FIELD(from_left), 1, .meaning = "0: partial sums begin here"},
        {"active", SIGNAL_OUT, FIELD(active), 1, .meaning = "0: operands are 0"},
        {"par", SIGNAL_OUT, FIELD(par), 1, .meaning = "pass number modulo 2"},
        {"slot_q", SIGNAL_REG, FIELD(slot_q), slot_control_bits(d), .path = "slot_q",
         .meaning = "par nv nmode ncol ngap nleft mode col gap left"},
    };
    int n = (int)(sizeof all / sizeof *all);
    for (int i = 0; i < n; ++i) table[i] = all[i];
    return n;
}

bool slot_control_fits(const design_t *d)
{
    return d->control == CONTROL_TRAVELLING && !design_lacks_machine(d);
}

void slot_control_init(void *self, const design_t *d)
{
    slot_control_t *s = self;
    s->d = d;
    s->col_w = fixed_bits(d->columns);
    s->gap_w = design_c4_w(d);
}

void slot_control_reset(void *self)
{
    slot_control_t *s = self;
    *s->slot_q = slot_control_at_reset(s->d);
}

const block_type_t slot_control_type = {
    .name = "slot_control",
    .summary = "what a PE does under travelling control, from the tags that pass its column",
    .size = sizeof(slot_control_t),
    .clocked = true,
    .signals = slot_control_signals,
    .init = slot_control_init,
    .reset = slot_control_reset,
    .eval = slot_control_eval,
    .tick = slot_control_tick,
    .fits = slot_control_fits,
};
