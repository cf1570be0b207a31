/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack: the published packer. One mask column a cycle goes in; columns gather in a group until the next one
 * would give some row more than pack_pes non-zeros.
 *
 *     bit[rows] ──►┌──────────────────┐──► emit          the column shown closes the group (this cycle)
 *     control ────►│ n[row], r, mask  │──► column[row]   r where the bit was set, else no_pe
 *                  └──────────────────┘──► write         column is worth reading
 *
 *   control  0 idle   n, r, write hold; emit 0
 *            1 clear  n, r, mask, write become 0; emit 0
 *            2 read   write' = any bit set, and then mask' = r or no_pe; a closing column (emit 1) clears n
 * and r and is not counted, any other is counted and r counts on, empty columns included
 *
 * The closing column is written with the old r, which its reader ignores, and has to be presented again.
 *
 * The published unit leaves three things open; here they are: mask holds in idle and where no bit is set, and
 * control 3 is idle. `specified` says so: after such an edge, and after reset, column is nobody's promise
 * until a clear or a read column with a bit set. r wraps at row_id_bits, as published.
 *
 * It does not choose sub-rows: `split` is the paper's policy.
 */
#ifndef SANGER_PACK_H
#define SANGER_PACK_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PACK_IDLE, PACK_CLEAR, PACK_READ };

typedef struct {
    int64_t *bit, *control;                /* in */
    int64_t *column, *emit, *write;        /* out */
    int64_t *n_q, *r_q, *mask_q, *write_q; /* reg */
    const design_t *d;
    bool known; /* mask_q holds what the published unit holds; no flip-flop */
} pack_t;

extern const block_type_t pack_type;

#ifdef __cplusplus
}
#endif
#endif
