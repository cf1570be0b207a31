/* SPDX-License-Identifier: Apache-2.0 */
/* The planted bugs: at least one for each block and kind, on both sides. */
#include "canary.h"

const canary_t canaries[] = {
    {"rtl_pe_load_adds",
     CANARY_RTL,
     "pe",
     {"pe.v", "default: base = '0;", "default: base = @sext{o_i, acc_w, sum_w};"},
     "load keeps an old sum",
     "signed"},
    {"model_pe_move_drops",
     CANARY_MODEL,
     "pe",
     {"pe.c", "case C5_MOVE: *pe->score_q = *pe->s;", "case C5_MOVE: *pe->score_q = *pe->score_q;"},
     "score does not move",
     NULL},
    {.name = NULL},
};
