/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes under travelling control, back to back: random sub-rows and operands, started when docs/machine.md,
 * "Time of a pass", allows, and played into slot_array (or slot_row: one row). Whatever the schedule calls
 * unused gets random words: operands between passes, tops under an exp, tags without an operation, the
 * configuration bus while nobody loads.
 *
 *     cycle tw + i               row i loads its configuration
 *     cycle t0 + i + e           left word e of row i     q[e], e = d the bias
 *     cycle t0 + j + e           top word e of column j   k[e], e = d nothing, then v[e - d - 1]
 *     cycle t0 + e               tag: load, mac.., exp, fwd.., fwd_last
 *
 * array_control takes the same words, those of V (e > d) some cycles later, when its page ("array_control")
 * allows: the first in tv.
 */
#ifndef SANGER_SLOT_PASS_H
#define SANGER_SLOT_PASS_H

#include "../model/block.h"
#include "random.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Passes whose words may still be on their way. */
enum { SLOT_PASSES = 4 };

typedef struct {
    int d;               /* head size */
    int h;               /* how long it had to wait for slots of the pass before */
    int64_t tw, t0, tv;  /* the walk's first row; word 0; word d + 1 */
    int64_t *q, *bias;   /* rows x d, rows */
    int64_t *k, *v;      /* columns x d */
    int64_t *mode, *col; /* rows x pes */
} slot_pass_t;

typedef struct {
    block_t *block;
    random_t *random;
    design_t design; /* the block's; one row for slot_row */
    int head_max;
    int64_t limit; /* of passes; 0: no end */
    bool minimal;  /* starts as early as allowed; else now and then later */
    /* Cycles by which a rule is broken, for tests that must fail: slots still in use, one exp unit a row, a
       walk before the pass before the last has left. array_control: V before the exp (exp), the next pass
       before the last output (slots), a row's configuration before the pass before has taken its own (walk).
     */
    struct {
        int slots, exp, walk;
    } early;
    bool quiet; /* operands are 0 where none is due, as the feeder's are; else anything */

    bool array;                    /* the block is array_control */
    int64_t t;                     /* the next cycle */
    int64_t passes;                /* made so far; number n lies in pass[n % SLOT_PASSES] */
    slot_pass_t pass[SLOT_PASSES]; /* the newest may not have begun */
    int temper;                    /* passes until density and sizes change */
    int percent, from, to;         /* density; columns that may be kept */
    const signal_t *left, *top, *tag, *load, *load_row, *mode, *col;
} slot_player_t;

/* False when memory is short. `random` must outlive the player. */
bool slot_player_open(slot_player_t *p, block_t *block, random_t *random, int head_max);
void slot_player_close(slot_player_t *p);

/* Writes the inputs of the next cycle. */
void slot_player_next(slot_player_t *p);

static inline const slot_pass_t *slot_player_pass(const slot_player_t *p, int64_t number)
{
    return &p->pass[number % SLOT_PASSES];
}

#ifdef __cplusplus
}
#endif
#endif
