/* SPDX-License-Identifier: Apache-2.0 */
/* Passes as close together as they may be, and now and then farther apart: under travelling control, the same
 * for one row alone, and under array control. */
#include <stdlib.h>

#include "schedule.h"
#include "slot_pass.h"

enum { HEAD_MAX = 64 };

static void *player_open(block_t *block, random_t *random)
{
    slot_player_t *p = calloc(1, sizeof *p);
    /* heads about as long as rows and columns: longer ones make few passes, shorter ones fill no row */
    int head = 2 * block->design->columns < HEAD_MAX ? 2 * block->design->columns : HEAD_MAX;
    if (p && slot_player_open(p, block, random, head)) return p;
    free(p);
    return NULL;
}

static void player_next(void *self)
{
    slot_player_t *p = self;
    if (random_one_in(p->random, 256)) p->minimal = !p->minimal;
    if (p->array && random_one_in(p->random, 256)) p->quiet = !p->quiet;
    slot_player_next(p);
}

static void player_close(void *self)
{
    slot_player_close(self);
    free(self);
}

const scenario_t scenario_slot_row = {"slot_row", player_open, player_next, player_close, NULL};
const scenario_t scenario_slot_array = {"slot_array", player_open, player_next, player_close, NULL};
const scenario_t scenario_array_control = {"array_control", player_open, player_next, player_close, NULL};
