/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tile_loader: K and V of the next tile into the feeder's buffer. docs/machine.md, "tile_loader".
 *
 *     group records, counts ──►┌────────────────┐──► rd_valid, rd_addr, rd_tag (one read a cycle)
 *                 rd_ready  ──►│ where it reads │
 *     got, got_tag, got_data ─►│ due_q          │──► we, waddr, wdata (follow the answer)
 *                 tile_free ──►└────────────────┘──► tile_loaded
 *
 * Tiles of all groups follow each other without a gap: a tile's first read is offered when its group's
 * first strip is compared and its buffer not taken. A group record is looked at until the last read of the
 * group is offered.
 *
 * Codes beyond the table's: a group of 0 keys or rows has one tile, of one row; 0 beats are one, more than
 * the longest row has are those.
 */
#ifndef SANGER_TILE_LOADER_H
#define SANGER_TILE_LOADER_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int64_t *g_rows, *g_first, *g_keys, *g_beats, *g_causal, *g_k, *g_v; /* in */
    int64_t *begun_groups, *tile_free;                                   /* in */
    int64_t *rd_ready, *got, *got_tag, *got_data;                        /* in */
    int64_t *rd_valid, *rd_addr, *rd_tag;                                /* out */
    int64_t *we, *waddr, *wdata, *tile_loaded;                           /* out */
    int64_t *group_q, *buffer_q, *base_q, *start_q, *offset_q;           /* reg */
    int64_t *is_v_q, *column_q, *beat_q;                                 /* reg */
    int64_t *rd_valid_q, *rd_addr_q, *rd_tag_q;                          /* reg */
    int64_t *taken_q, *asked_q, *due_q;                                  /* reg */
    const design_t *d;
    int column_w, beat_w, due_w; /* bits of a tag's column and beat, and of due_q */
} tile_loader_t;

extern const block_type_t tile_loader_type;

void tile_loader_init(void *self, const design_t *d);
void tile_loader_eval(void *self);
void tile_loader_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
