/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datapath: the data between the machine's control blocks, without registers for every step: a tile's words
 * of control are carried out at once for all rows, a pass as a whole. machine_pass.h puts it where
 * predict_feeder, predict_array, buffer, feeder, the array, accumulate and normalise stand in machine.h.
 *
 *     beats ──► low-bit keys and queries, queries, masks, tiles of K and V
 *     drain words of a tile ──► low-bit sums, scaled; maxima      all rows of the strip at once
 *     sum words of as many keys ──► exponentials and their sums
 *     threshold words of a tile ──► its mask words
 *     word 0 of a pass ──► its scores, exponentials and outputs, added to its queries' sums
 *     a set of elements that enters the dividers ──► its quotients
 *
 * Values are those of the blocks, bit for bit. They are there earlier than the blocks have them, never later;
 * the protocol between the control blocks says when they are read, and that what they replace is not needed
 * any more.
 *
 * A clipped value counts at the edge at which a block's register clips it. Events are noted with their cycle;
 * datapath_count brings the counters to where they stand in a cycle. Sums that cannot clip, as a bound on
 * their terms shows, are computed in vectors, all others step by step.
 */
#ifndef SANGER_DATAPATH_H
#define SANGER_DATAPATH_H

#include "datapath_row.h"
#include "datapath_strip.h"
#include "split.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    DATAPATH_ROWS_MAX = 128,
    DATAPATH_HEAD_MAX = 128,
    DATAPATH_PES_MAX = 64,
    DATAPATH_FILES = 4,    /* files of low-bit queries, banks of scores: two bits tell them apart */
    DATAPATH_LANES = 32,   /* rows come in groups of so many */
    DATAPATH_AHEAD = 2048, /* cycles from the first event that is not counted yet to the last, at most */
};

/* Where values are clipped; the last: rows whose sum is 0 or less. */
typedef enum {
    DATAPATH_SCORE_ACC,
    DATAPATH_SCALED,
    DATAPATH_SCORE_EXP,
    DATAPATH_SCORE_SUM,
    DATAPATH_ACC,
    DATAPATH_EXP,
    DATAPATH_ROW_SUM,
    DATAPATH_OUTPUT_SUM,
    DATAPATH_ROW_TOTAL,
    DATAPATH_OUTPUT,
    DATAPATH_ZERO_ROWS,
    DATAPATH_EVENTS
} datapath_event_t;

/* A tile is drained for all rows. */
typedef struct {
    bool first;                         /* of its strip */
    int bank, d, column, columns, rows; /* columns: with a key */
    int64_t key, place, limit; /* the key's number in its head and in the memory; the last that row 0 sees */
} datapath_drain_t;

/* A row of a pass: its query, and the active slots with their columns. */
typedef struct {
    int index, n;
    uint8_t slot[DATAPATH_PES_MAX], col[DATAPATH_PES_MAX];
} datapath_sub_row_t;

/* A pass whose word 0 shows on pass_control's outputs. */
typedef struct {
    int rows, d, buffer;
    const datapath_sub_row_t *row[DATAPATH_ROWS_MAX];
} datapath_pass_t;

typedef struct {
    /* arrays of the table of machine_pass: memories */
    int8_t *low_key;     /* [keys_max][head_max] */
    int32_t *key_head;   /* [keys_max]: the scale; -1: not valid */
    int8_t *low_query;   /* [file][quads][lanes][4] */
    int32_t *query_head; /* [file][lanes] */
    int32_t *strip;      /* [bank][keys_max][lanes]: scaled scores, then exponentials */
    int16_t *query;      /* [2 group_rows][elements] */
    uint8_t *mask;       /* [2 group_rows][mask_beats][bus_bytes] */
    int32_t *bias;       /* [2 group_rows] */
    int16_t *tile;       /* [buffer][K, V][columns][elements] */
    int64_t *acc;        /* [2 group_rows][head_max] */
    int64_t *row_sum;    /* [2 group_rows] */
    uint8_t *started;    /* [2 group_rows] */
    int64_t *q_norm;     /* [2 group_rows]: the query's sum of squares; -1: not known */
    int64_t *acc_most;   /* [2 group_rows]: no sum of acc is larger */
    uint32_t *noted;     /* [DATAPATH_AHEAD][DATAPATH_EVENTS]: by cycle modulo DATAPATH_AHEAD */

    const design_t *d;
    exp_unit_t exp, score_exp;
    datapath_row_t row;
    datapath_strip_t strips;
    int lanes, elements;           /* rows, elements of a head, in whole groups */
    int tiles;                     /* most of a head */
    size_t mask_bytes, word_bytes; /* of a row's mask, of a tile's word */
    struct {
        bool known; /* since the tile was written, and of heads of d elements */
        int d;
        int64_t k_norm; /* no key's sum of squares is larger */
        int32_t v_most; /* no element of V is larger */
    } bound[2];         /* by tile buffer */
    struct {
        int32_t max[DATAPATH_ROWS_MAX], arg[DATAPATH_ROWS_MAX], top[DATAPATH_ROWS_MAX];
        int32_t floored[DATAPATH_ROWS_MAX]; /* max as the bias format has it */
        int64_t sum[DATAPATH_ROWS_MAX];
    } bank[DATAPATH_FILES];
    struct {
        int32_t limit[DATAPATH_ROWS_MAX], arg[DATAPATH_ROWS_MAX];
        int top1[DATAPATH_ROWS_MAX], top1_rows; /* rows that keep their maximum alone */
    } taken;                                    /* of the strip whose threshold words come */
    uint64_t word[DATAPATH_ROWS_MAX][2];        /* mask words of the tile that was thresholded last */

    uint64_t counted; /* events of cycles before are in `count` */
    bool any;         /* others may be noted */
    int64_t count[DATAPATH_EVENTS];
} datapath_t;

/* Elements from row to row of queries and tiles; low-bit ones of a head in fours. */
int datapath_elements(const design_t *d);
int datapath_quads(const design_t *d);

/* Fills in what follows from the design. */
void datapath_init(datapath_t *p, const design_t *d);
void datapath_reset(datapath_t *p);

/* True for designs whose formats it holds. */
bool datapath_fits(const design_t *d);

/* ---- beats, as elements of 16 bits ---- */
void datapath_write_low_key(datapath_t *p, int64_t place, int64_t beat, const int64_t *data);
void datapath_write_low_query(datapath_t *p, int64_t file, int64_t row, int64_t beat, const int64_t *data);
void datapath_write_query(datapath_t *p, int64_t index, int64_t beat, const int64_t *data);
void datapath_read_query(const datapath_t *p, int64_t index, int64_t beat, int64_t *data);
void datapath_write_mask(datapath_t *p, int64_t index, int64_t beat, const int64_t *data);
void datapath_write_tile(datapath_t *p, int64_t buffer, bool is_v, int64_t column, int64_t beat,
                         const int64_t *data);

/* ---- prediction; `cycle`: in which the first of the words shows on predict_control's outputs, one a cycle
        ---- */
void datapath_drain(datapath_t *p, const datapath_drain_t *tile, uint64_t cycle);

/* n keys from `key` on, 0: the strip's first; at most as many as the array has columns. */
void datapath_sum(datapath_t *p, int64_t bank, int64_t key, int n, uint64_t cycle);

/* With a strip's first threshold word: what its exponentials are compared with. */
void datapath_take(datapath_t *p, int64_t bank, int64_t threshold, int64_t policy);

/* Compares n keys from `key` on, columns 0 .. n-1 of a tile: the rows' mask words are in `word`. */
void datapath_threshold(datapath_t *p, int64_t bank, int64_t key, int n);

/* The mask word of a tile, in the buffer. */
void datapath_put_word(datapath_t *p, int64_t index, int64_t tile, const uint64_t word[2]);
void datapath_get_word(const datapath_t *p, int64_t index, int64_t tile, uint64_t word[2]);

/* Which of n rows from `index` on keep a column of the tile. */
void datapath_get_rows(const datapath_t *p, int64_t index, int n, int64_t tile, uint64_t rows[2]);

/* ---- passes; `cycle`: in which word 0 shows ---- */
void datapath_pass(datapath_t *p, const datapath_pass_t *pass, uint64_t cycle);
void datapath_clear(datapath_t *p, int64_t half);

/* Cycles from a pass's word 0 to its `done`. */
int datapath_pass_time(const design_t *d, int head, int rows);

/* ---- division of `lanes` elements of a query from `first` on, offered in `cycle` ---- */
void datapath_divide(datapath_t *p, int64_t index, int64_t first, uint64_t cycle, int64_t *quot);

/* Counts what is clipped at edges before `cycle`. */
void datapath_count(datapath_t *p, uint64_t cycle);

#ifdef __cplusplus
}
#endif
#endif
