/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A design point: every size of the machine, read from one JSON file in designs/ and validated by one table
 * (design_fields). Nothing else decides sizes; model and RTL both take theirs from here.
 */
#ifndef SANGER_DESIGN_H
#define SANGER_DESIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fixed.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { ARITHMETIC_PUBLISHED, ARITHMETIC_SIGNED } arithmetic_t;
typedef enum { CONTROL_ARRAY, CONTROL_TRAVELLING } control_t;
typedef enum { SPLIT_CONSECUTIVE, SPLIT_INTERLEAVED } split_policy_t;
typedef enum { SLOTS_FIRST, SLOTS_HOME } slots_t;

/* Passes in the table, and output rows between the dividers and memory. */
enum { DESIGN_PASSES = 4, DESIGN_OUTPUT_ROWS = 16 };

enum { DESIGN_NAME_MAX = 32, DESIGN_TEXT_MAX = 240, DESIGN_ERROR_MAX = 512 };

/* log2(e) as num / 2^append: (23, 4) as published, (1477, 10) refined. */
typedef struct {
    int num, append;
} log2e_t;

typedef struct {
    char name[DESIGN_NAME_MAX + 1];
    char summary[DESIGN_TEXT_MAX + 1];
    int arithmetic; /* arithmetic_t */
    int control;    /* control_t */
    int64_t clock_hz;

    int rows, columns, pes; /* the array: query rows, key columns, PEs a row */

    format_t q, k, v;    /* operands */
    format_t bias;       /* per-row bias of the exp unit's input */
    format_t acc;        /* accumulator during SDDMM */
    format_t score;      /* exp unit's output */
    format_t out;        /* accumulator during SpMM: the same register as acc */
    format_t row_sum;    /* sum of a row's scores */
    format_t output_sum; /* output accumulated over passes */
    format_t output;     /* after the division */

    log2e_t log2e;
    int lut_bits; /* the exp unit's table has 2^lut_bits entries */

    int score_rows, score_columns; /* the low-bit score array */
    int operand_w;                 /* bits of its operands */
    int score_acc_w;               /* bits of its accumulators */
    int score_shift;               /* left shift before its exp unit (published `append`) */
    format_t scale;                /* unsigned per-row and per-column scale at the drain */
    format_t scaled;               /* scaled score, the input of its exp unit */
    format_t score_exp;            /* output of its exp unit */
    format_t score_sum;            /* sum of a row's predicted exponentials */
    format_t threshold;            /* unsigned, of binarise */

    int pack_rows, pack_pes;                  /* the published packer */
    int mask_bits, counter_bits, row_id_bits; /* its register widths */
    int no_pe;                                /* its code for "no PE" */

    int split_policy; /* split_policy_t */
    int slots;        /* slots_t */
    int sub_row_id_w; /* bits of the row id that travels with a sub-row */
    int window;       /* sub-rows that wait for a row of a pass, 1: none, they go as they come */

    int lanes; /* dividers of normalise */

    /* the machine around the units, see docs/machine.md; published designs have none */
    int head_max;    /* longest head size */
    int keys_max;    /* most queries and most keys of a head */
    int strips;      /* strips of `rows` queries that share each key tile */
    int bus_bytes;   /* of a memory beat */
    int addr_w;      /* bits of a byte address */
    int outstanding; /* reads that may wait for their answer */
} design_t;

/* One field of the JSON file. */
typedef enum { FIELD_TEXT, FIELD_INT, FIELD_FORMAT, FIELD_LOG2E, FIELD_CHOICE } field_kind_t;

typedef struct {
    const char *key; /* "array.rows": section and name */
    field_kind_t kind;
    size_t offset;
    int64_t min, max;    /* FIELD_INT; width range of FIELD_FORMAT */
    const char *choices; /* FIELD_CHOICE: names parted by '|' */
    const char *doc;
} field_t;

/* Ends with a NULL key. */
extern const field_t design_fields[];

/* Reads and validates a design file. Returns 0, or -1 with one line "file: field: expected X, found Y" in
   error[DESIGN_ERROR_MAX]. */
int design_load(const char *path, design_t *d, char *error);

/* The same from text; `where` names it in errors. */
int design_parse(const char *text, size_t bytes, const char *where, design_t *d, char *error);

/* Cross-field rules alone, for a design made in memory. */
int design_check(const design_t *d, const char *where, char *error);

/* NULL when the design describes a whole machine (docs/machine.md), else what it lacks. */
const char *design_lacks_machine(const design_t *d);

/* The design as canonical JSON (allocated; the caller frees), and its 64-bit FNV-1a hash in hex. */
char *design_print(const design_t *d);
void design_hash(const design_t *d, char hex[17]);

/* The value of a sizing name ("rows", "q_w", "depth", "signed", ...) as rtl/ sources and rules use it; false
   when there is no such name. */
bool design_value(const design_t *d, const char *name, int64_t *value);

/* Derived sizes. */
static inline bool design_signed(const design_t *d)
{
    return d->arithmetic == ARITHMETIC_SIGNED;
}
static inline int design_depth(const design_t *d)
{
    return d->columns > d->pes ? d->columns - d->pes : 1;
}
static inline int design_c1_w(const design_t *d)
{
    return fixed_bits(d->columns + 2);
}
static inline int design_c2_w(const design_t *d)
{
    return fixed_bits(d->columns + 1);
}
static inline int design_c4_w(const design_t *d)
{
    return fixed_bits(d->columns - d->pes + 1);
}
static inline int design_top_w(const design_t *d)
{
    return d->k.w > d->v.w ? d->k.w : d->v.w;
}

/* Sizes of the machine, named as in docs/machine.md. */
static inline int design_bus_w(const design_t *d)
{
    return 8 * d->bus_bytes;
}
static inline int design_low_w(const design_t *d)
{
    return d->operand_w <= 4 ? 4 : 8;
}
static inline int design_mask_lane_w(const design_t *d)
{
    int w = 8;
    while (w < d->columns) w *= 2;
    return w;
}
static inline int design_mask_lanes(const design_t *d)
{
    return design_bus_w(d) / design_mask_lane_w(d);
}
static inline int design_tiles_max(const design_t *d)
{
    return (d->keys_max + d->columns - 1) / d->columns;
}
static inline int design_mask_beats(const design_t *d)
{
    return (design_tiles_max(d) + design_mask_lanes(d) - 1) / design_mask_lanes(d);
}
/* Beats of a row of `head` 16-bit elements, and of its low-bit record. */
static inline int design_beats(const design_t *d, int head)
{
    return (2 * head + d->bus_bytes - 1) / d->bus_bytes;
}
static inline int design_low_record_beats(const design_t *d, int head)
{
    return (4 + (head * design_low_w(d) + 7) / 8 + d->bus_bytes - 1) / d->bus_bytes;
}
/* Bits that number the beats of a record or mask row, and bits of a read's tag. */
static inline int design_beat_w(const design_t *d)
{
    int most = design_beats(d, d->head_max), low = design_low_record_beats(d, d->head_max);
    if (low > most) most = low;
    if (design_mask_beats(d) > most) most = design_mask_beats(d);
    return fixed_bits(most);
}
static inline int design_tag_w(const design_t *d)
{
    int key = fixed_bits(d->keys_max), index = fixed_bits(2 * d->strips * d->rows);
    return 3 + (key > index ? key : index) + design_beat_w(d);
}
/* Bits that count the strips whose queries are held: two groups' at most. */
static inline int design_held_w(const design_t *d)
{
    return fixed_bits(2 * d->strips) + 1;
}
static inline int design_group_rows(const design_t *d)
{
    return d->strips * d->rows;
}
static inline int design_left_w(const design_t *d)
{
    return d->q.w > d->bias.w ? d->q.w : d->bias.w;
}

#ifdef __cplusplus
}
#endif
#endif
