/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signal table: one list per block that says what its ports, named nets and registers are. The same list
 * lays out the block's structs, binds the DUT, compares, prints, draws waves and reads cycle vectors.
 *
 * A signal is an array of up to three dimensions of elements of 1..63 bits. The model keeps every element in
 * an int64_t, in row-major order (the fast array model keeps narrower words: `bytes`). The DUT keeps the
 * leading `objects` dimensions as separate Verilog objects, the next one as memory words when `memory` is
 * set, and packs the rest into one vector, element 0 in the lowest bits.
 */
#ifndef SANGER_SIGNAL_H
#define SANGER_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { SIGNAL_IN, SIGNAL_OUT, SIGNAL_NET, SIGNAL_REG } signal_kind_t;

enum { SIGNAL_MAX = 400, SIGNAL_NAME_MAX = 96 };

typedef struct {
    const char *name; /* "acc": elements print as acc_3_1 */
    signal_kind_t kind;
    size_t field; /* offset of the element pointer in the block's struct */
    int bits;     /* of one element */
    int frac;     /* fraction bits, for printing */
    bool is_signed;
    int dims;    /* 0 for a scalar */
    int n[3];    /* sizes, outermost first */
    int objects; /* leading dimensions that are separate Verilog objects */
    bool memory; /* the dimension after them is a Verilog memory's */
    const char
        *path; /* of the Verilog object below the top, '#' for an object index; NULL: the port itself */
    int bytes; /* model element size: 0 means sizeof(int64_t) */
    /* Of a child block mounted in its parent's table: the instance is u_<group>, the name <group>.<name>. */
    const char *group;
    /* A memory without a reset, whatever it holds at first: compared by its write port in every cycle and in
       full now and then, not in full in every cycle. */
    bool stored;
    /* A register that counts events up to its maximum and that nothing but outputs depends on: runs with high
       counters overwrite it now and then. */
    bool counts;
    /* inputs: what stimulus may put there */
    int codes;           /* control signals: legal codes are 0 .. codes-1; 0 marks data */
    const char *weights; /* one digit per legal code, how often random control picks it; NULL: evenly */
    const char *meaning; /* what it carries, for the signal table; control codes in order, parted by spaces */
} signal_t;

/* Elements of the whole signal. */
static inline size_t signal_count(const signal_t *s)
{
    size_t count = 1;
    for (int i = 0; i < s->dims; ++i) count *= (size_t)s->n[i];
    return count;
}

/* Separate Verilog objects, words in each (1 unless a memory) and elements in each word. */
static inline size_t signal_objects(const signal_t *s)
{
    size_t count = 1;
    for (int i = 0; i < s->objects; ++i) count *= (size_t)s->n[i];
    return count;
}
static inline size_t signal_words(const signal_t *s)
{
    return s->memory ? (size_t)s->n[s->objects] : 1;
}
static inline size_t signal_lanes(const signal_t *s)
{
    return signal_count(s) / signal_objects(s) / signal_words(s);
}

static inline int signal_bytes(const signal_t *s)
{
    return s->bytes ? s->bytes : (int)sizeof(int64_t);
}

/* "name_i_j" of element `index` into out[SIGNAL_NAME_MAX]; returns out. */
const char *signal_element_name(const signal_t *s, size_t index, char *out);

/* Codes, where there are any, fit in the signal's bits and have a weight each, at least two of them, or none.
 */
bool signal_codes_fit(const signal_t *s);

/* "in", "out", "net" or "reg". */
const char *signal_kind_name(signal_kind_t kind);

enum { SIGNAL_WORD_MAX = 24 };

/* Word `index` of words parted by spaces into out[SIGNAL_WORD_MAX]; returns out, "?" when there are fewer. */
const char *signal_word(const char *words, int64_t index, char *out);

/* The name of a control code, "?" for one outside the table; empty when the signal's meaning is no list of
 * them. */
const char *signal_code_name(const signal_t *s, int64_t code, char *out);

/* Where a fast model keeps a signal of the reference's table: offset of the element pointer, bytes of an
 * element. */
typedef struct {
    const char *name;
    size_t field, bytes;
} signal_place_t;

/* Moves the table's signals of these names there; the others stay. */
void signals_place(signal_t *table, int n, const signal_place_t *places, size_t count);

/* The Verilog port of a signal that has no path: name_i or name_o, into out[SIGNAL_NAME_MAX]. */
const char *signal_port(const signal_t *s, char *out);

/* The DUT object `object` of the signal: its path with each '#' replaced by an index, into out[n]. */
void signal_object_path(const signal_t *s, size_t object, char *out, size_t n);

#ifdef __cplusplus
}
#endif
#endif
