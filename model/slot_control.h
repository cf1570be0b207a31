/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot_control: one slot of a row under travelling control. It says from the tags that pass by what the
 * slot's PE does.
 *
 *     tags ──► [col] ──► hit? ──► c3, c5, sel, from_left      slot_q  par | next: nv mode col gap left
 *                                                                         | now:     mode col gap left
 *     load, *_in ──► next ──(swap)──► now ──► col, gap, active
 *
 * A tag is {par, op}: par the pass's number modulo 2, op 0 none, 1 load, 2 mac, 3 exp, 4 fwd, 5 fwd_last; 6
 * and 7 are none. A slot sees the tag at its own column; beyond the last column there is none.
 *
 *   mode  0 skip    takes no part in the pass           2 active  computes
 *         1 pass    only forwards partial sums          3         waits for the pass's end and does nothing
 *
 * Every slot gets one configuration a pass, skipped slots too, so one bit of parity says which pass's words
 * are its own: no counters. It swaps to the next one at its pass's last word, at once when it skips; without
 * a next one it skips after the last word. A load goes after a swap of the same edge; one that finds an
 * unused configuration replaces it.
 *
 *   active  load: c3 load   mac: self   exp: idle, c5 calc   fwd, fwd_last: left, with the score (sel)
 *   pass    fwd, fwd_last: left (the row gives operands of 0)
 *   else    c3 idle, c5 hold
 *
 * gap is the age of the left neighbour's tap that this slot adds to, from_left 0 where there is no neighbour.
 */
#ifndef SANGER_SLOT_CONTROL_H
#define SANGER_SLOT_CONTROL_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TAG_NONE, TAG_LOAD, TAG_MAC, TAG_EXP, TAG_FWD, TAG_FWD_LAST };
enum { TAG_PAR = 8 }; /* the tag's bit 3 */
enum { SLOT_SKIP, SLOT_PASS, SLOT_ACTIVE };

typedef struct {
    int64_t *tags, *load, *mode_in, *col_in, *gap_in, *left_in;    /* in */
    int64_t *col, *sel, *c3, *c5, *gap, *from_left, *active, *par; /* out */
    int64_t *slot_q;                                               /* reg */
    const design_t *d;
    int col_w, gap_w;
} slot_control_t;

extern const block_type_t slot_control_type;

/* Bits of slot_q, and what it is after reset. */
int slot_control_bits(const design_t *d);
int64_t slot_control_at_reset(const design_t *d);

/* True when the design's control travels. */
bool slot_control_fits(const design_t *d);

void slot_control_init(void *self, const design_t *d);
void slot_control_reset(void *self);
void slot_control_eval(void *self);
void slot_control_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
