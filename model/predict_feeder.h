/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predict_feeder: low-bit keys of one or two heads, low-bit queries of three strips, and their skew.
 *
 *     k_*, q_* ──► key_q, query_q (records as they lie in memory: 32-bit header, then elements)
 *
 *     valid, file, at ──► row_at[0] ──► row_at[1] ──► ...        one row a cycle
 *                            ▼             ▼
 *                         left[0]       left[1]                  element `at` of the row's query
 *     valid, upper, tile, at ──► col_at[0] ──► col_at[1] ──► ... one column a cycle
 *                                   ▼             ▼
 *                                top[0]        top[1]            element `at` of key tile * columns + j
 *
 * Keys are known by their places. A head's key j lies in place j, or with `upper` in keys_max / 2 + j: two
 * short heads then lie beside each other.
 *
 *   left, top  0 where no word is, for file 3, and for places at and above keys_max
 *   tag        0 none, 1 first word of a tile, 2 more: row 0's, beside left[0]
 *   row_head, key_head   {valid, scale}, the scale cut to its format; key_head follows head_key
 *
 * A word with tile >= tiles_max gives no top, one with at >= head_max neither left nor top. Writes beyond the
 * records are ignored, headers beyond them are 0. Headers of queries are kept a second time, in registers,
 * because all rows need theirs at once.
 */
#ifndef SANGER_PREDICT_FEEDER_H
#define SANGER_PREDICT_FEEDER_H

#include "block.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PREDICT_NONE, PREDICT_FIRST, PREDICT_MORE }; /* tags */

/* Bits of a header that matter: the scale, and above it whether the key or query exists. */
enum { PREDICT_HEAD_W = 17 };

enum { PREDICT_FILES = 3 };

typedef struct {
    int64_t *k_we, *k_key, *k_beat, *k_data;           /* in: a beat of a key's record */
    int64_t *q_we, *q_file, *q_row, *q_beat, *q_data;  /* in: of a query's */
    int64_t *valid, *first, *file, *upper, *tile, *at; /* in: a word of a tile */
    int64_t *head_key;                                 /* in */
    int64_t *left, *top, *tag, *row_head, *key_head;   /* out */
    uint16_t *key_q, *query_q;                         /* reg, memories */
    int64_t *row_head_q, *row_at_q, *col_at_q, *tag_q; /* reg */
    const design_t *d;
    int at_w, tile_w, elements; /* bits of an element's and a tile's number; 16-bit elements of a record */
} predict_feeder_t;

extern const block_type_t predict_feeder_type;

void predict_feeder_init(void *self, const design_t *d);
void predict_feeder_eval(void *self);
void predict_feeder_tick(void *self);

#ifdef __cplusplus
}
#endif
#endif
