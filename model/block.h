/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every block of the machine answers to, so that one harness runs them all.
 *
 *     in ──►┌────────────┐──► out, nets      eval: settle outputs from state and inputs; writes no register
 *           │ registers  │                   tick: one clock edge; the only writer of registers
 *     clk ──►────────────┘                   reset: what rst_ni does
 *
 * A block is one struct of element pointers, one pointer per signal of its table (see signal_table.h),
 * followed by whatever fixed configuration it computes in `init`. `block_open` allocates it; nothing
 * allocates afterwards. A parent settles its wires with eval and then ticks its children in any order.
 */
#ifndef SANGER_BLOCK_H
#define SANGER_BLOCK_H

#include "design.h"
#include "signal_table.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct block_type block_type_t;

/* A child block that lies in its parent's struct and in the Verilog instance u_<group>. Its registers are
 * mounted in the parent's table; its ports have arrays of their own until the parent's init wires them. */
typedef struct {
    const char *group;
    const block_type_t *type;
    size_t offset; /* of the child's struct in the parent's */
} block_child_t;

struct block_type {
    const char *name;    /* also of the files in model/, rtl/ and tests/ */
    const char *summary; /* one sentence */
    size_t size;         /* of the block's struct */
    bool clocked;        /* false: combinational, no clock and no reset port */
    /* Fills table[SIGNAL_MAX]; returns how many. */
    int (*signals)(const design_t *d, signal_t *table);
    /* After the element arrays exist: fixed tables and sizes. */
    void (*init)(void *self, const design_t *d);
    void (*reset)(void *self); /* NULL: all registers to zero is the whole reset */
    void (*eval)(void *self);
    void (*tick)(void *self);
    /* Brings the table's register arrays up to date, for models that keep registers in another layout; NULL:
       they always are. */
    void (*show)(void *self);
    /* False: the design has no such unit (the generator writes no module for it); NULL: all have. */
    bool (*fits)(const design_t *d);
    /* True when the published unit says what the output or net holds now; NULL: always. */
    bool (*specified)(const void *self, const char *signal);
    /* Ends with a NULL group; children that the design does not have are left out. NULL: no mounted children.
     */
    const block_child_t *children;
};

typedef struct {
    const block_type_t *type;
    const design_t *design;
    void *self;
    int signals;
    signal_t table[SIGNAL_MAX];
    struct {
        void *data;
        size_t bytes;
    } * owned; /* all element arrays: the table's, then those of the children's ports */
    int n_owned;
} block_t;

/* All blocks, leaf first; NULL ends the list. */
extern const block_type_t *const block_types[];

/* The type of that name, or NULL. */
const block_type_t *block_find(const char *name);

/* True when the design has that unit. */
bool block_fits(const block_type_t *type, const design_t *d);

/* A faster model of the same block for this design, equal to the reference in every register; NULL: there is
 * none. */
const block_type_t *block_fast(const block_type_t *type, const design_t *d);

/* The whole table: the type's own signals, then its children's registers. */
int block_signals(const block_type_t *type, const design_t *d, signal_t *table);

/* Allocates and resets a block; NULL when memory is short. The design must outlive it. */
block_t *block_open(const block_type_t *type, const design_t *d);
void block_close(block_t *b);
void block_reset(block_t *b);

/* False: the model wrote outside one of its arrays. What lies behind them is neither 0 nor what a run would
 * compute, so that a read outside shows in what is compared. */
bool block_intact(const block_t *b);

/* The element array of a signal. */
static inline void *block_data(const block_t *b, const signal_t *s)
{
    return *(void **)((char *)b->self + s->field);
}
int64_t block_get(const block_t *b, const signal_t *s, size_t index);
void block_set(block_t *b, const signal_t *s, size_t index, int64_t value);

/* The signal of that name ("acc_q", or "array.acc_q" of a mounted child) in the block's table, or NULL. */
const signal_t *block_signal(const block_t *b, const char *name);

#ifdef __cplusplus
}
#endif
#endif
