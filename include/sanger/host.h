/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host writes for the machine and reads back (docs/machine.md, "For hosts"), in plain C99 or C++
 * without any library: a driver needs this file and three numbers of the design.
 *
 *     queue    one descriptor of 64 bytes a job, back to back      sanger_job_pack
 *     status   one beat a job, written by the machine              sanger_status_read
 *     q, k, v  rows of 16-bit elements                             sanger_row_bytes, sanger_row_pack
 *     o        the same, written by the machine                    sanger_row_unpack
 *     q_low, k_low   rows of a scale and low-bit words             sanger_low_bytes, sanger_low_pack
 *     mask     rows of a word a key tile, for external masks       sanger_mask_bytes, sanger_mask_pack
 *
 * A matrix of n rows takes n times its row's bytes, the next head's rows follow without a gap, and every
 * matrix, the queue and the status area start at a multiple of bus_bytes. Then: set queue, status, count and
 * limit, raise start for a cycle, wait until busy is 0, read the statuses. All packing functions write whole
 * rows, padding included, byte by byte: the host's byte order and alignment do not matter.
 */
#ifndef SANGER_SANGER_HOST_H
#define SANGER_SANGER_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the layout takes from a design: `sanger design show` prints them. */
typedef struct {
    int bus_bytes; /* machine.bus_bytes */
    int columns;   /* array.columns: keys of a tile */
    int operand_w; /* prediction.operand_w: bits of a low-bit word */
} sanger_layout_t;

/* What a query does whose keys are all pruned. */
typedef enum {
    SANGER_EMPTY_ZERO,  /* O = 0 */
    SANGER_EMPTY_DENSE, /* keeps all allowed keys */
    SANGER_EMPTY_TOP1   /* keeps the predicted maximum */
} sanger_empty_t;

/* One job: `heads` heads of equal size. */
typedef struct {
    uint16_t queries, keys; /* L and M, 1 to machine.keys_max */
    uint8_t head_size;      /* d, 1 to machine.head_max */
    bool causal;            /* query i sees keys 0 .. i */
    bool external;          /* mask bits come from `mask`, not from prediction */
    sanger_empty_t empty;
    uint32_t threshold;                      /* T in the design's format `threshold` */
    uint32_t q, k, v, q_low, k_low, mask, o; /* byte addresses; mask of external jobs only */
    uint16_t heads;                          /* at least 1 */
} sanger_job_t;

/* Codes of a status. The machine reports the first that applies, in this order. */
typedef enum {
    SANGER_DONE,
    SANGER_BAD_FORM,      /* version, reserved bits or policy */
    SANGER_BAD_LENGTH,    /* L or M */
    SANGER_BAD_HEAD_SIZE, /* d */
    SANGER_NO_HEADS,
    SANGER_MISALIGNED,
    SANGER_BEYOND_LIMIT,
    SANGER_OVERLAP,
    SANGER_BAD_THRESHOLD,
    SANGER_CODES
} sanger_code_t;

typedef struct {
    bool written;  /* false: the machine has not reached the job, or the run was refused */
    unsigned code; /* sanger_code_t */
    uint32_t job;
} sanger_status_t;

enum { SANGER_JOB_BYTES = 64 };
#define SANGER_JOB_VERSION UINT32_C(0x53470001)

/* ---- bytes ---- */

static inline void sanger_put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}
static inline void sanger_put32(uint8_t *to, uint32_t value)
{
    sanger_put16(to, value);
    sanger_put16(to + 2, value >> 16);
}
static inline uint32_t sanger_get32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}
static inline void sanger_zero(uint8_t *to, size_t bytes)
{
    for (; bytes; --bytes) *to++ = 0;
}

/* `bytes` rounded up to whole beats. */
static inline size_t sanger_beats(const sanger_layout_t *layout, size_t bytes)
{
    size_t beat = (size_t)layout->bus_bytes;
    return (bytes + beat - 1) / beat * beat;
}

/* ---- from one row of a matrix to the next ---- */

/* Of q, k, v and o. */
static inline size_t sanger_row_bytes(const sanger_layout_t *layout, int head_size)
{
    return sanger_beats(layout, 2 * (size_t)head_size);
}

/* Bits that hold a low-bit word. */
static inline int sanger_low_bits(const sanger_layout_t *layout)
{
    return layout->operand_w <= 4 ? 4 : 8;
}

/* Of q_low and k_low. */
static inline size_t sanger_low_bytes(const sanger_layout_t *layout, int head_size)
{
    return sanger_beats(layout, 4 + ((size_t)head_size * (size_t)sanger_low_bits(layout) + 7) / 8);
}

/* Bytes that hold a key tile's mask bits. */
static inline size_t sanger_mask_word_bytes(const sanger_layout_t *layout)
{
    size_t bytes = 1;
    while (8 * bytes < (size_t)layout->columns) bytes *= 2;
    return bytes;
}

/* Of mask. */
static inline size_t sanger_mask_bytes(const sanger_layout_t *layout, int keys)
{
    size_t tiles = ((size_t)keys + (size_t)layout->columns - 1) / (size_t)layout->columns;
    return sanger_beats(layout, tiles * sanger_mask_word_bytes(layout));
}

/* ---- rows ---- */

/* A row of q, k or v: words in the design's formats (1/sqrt(d) folded into q). */
static inline void sanger_row_pack(const sanger_layout_t *layout, const int16_t *words, int head_size,
                                   uint8_t *row)
{
    sanger_zero(row, sanger_row_bytes(layout, head_size));
    for (int e = 0; e < head_size; ++e) sanger_put16(row + 2 * e, (uint16_t)words[e]);
}

/* A row of o, in format `output`. */
static inline void sanger_row_unpack(const uint8_t *row, int head_size, int16_t *words)
{
    for (int e = 0; e < head_size; ++e) {
        words[e] = (int16_t)(uint16_t)(row[2 * e] | (unsigned)row[2 * e + 1] << 8);
    }
}

/* A row of q_low or k_low: words of operand_w bits, the scale that gives scores their size back, and whether
 * the query or key is there at all (false: padding). */
static inline void sanger_low_pack(const sanger_layout_t *layout, const int8_t *words, int head_size,
                                   uint16_t scale, bool valid, uint8_t *row)
{
    sanger_zero(row, sanger_low_bytes(layout, head_size));
    sanger_put32(row, (uint32_t)scale | (uint32_t)valid << 16);
    for (int e = 0; e < head_size; ++e) {
        if (sanger_low_bits(layout) == 8)
            row[4 + e] = (uint8_t)words[e];
        else
            row[4 + e / 2] |= (uint8_t)((words[e] & 15) << (e % 2 * 4));
    }
}

/* A row of mask: keep[key] is 0 or not. */
static inline void sanger_mask_pack(const sanger_layout_t *layout, const uint8_t *keep, int keys,
                                    uint8_t *row)
{
    sanger_zero(row, sanger_mask_bytes(layout, keys));
    for (int key = 0; key < keys; ++key) {
        size_t bit = (size_t)(key % layout->columns);
        size_t word = (size_t)(key / layout->columns) * sanger_mask_word_bytes(layout);
        if (keep[key]) row[word + bit / 8] |= (uint8_t)(1u << bit % 8);
    }
}

/* ---- descriptors and statuses ---- */

/* The job's descriptor; job n's lies at queue + n * SANGER_JOB_BYTES. Fields are not checked: the machine
 * does that. */
static inline void sanger_job_pack(const sanger_job_t *job, uint8_t descriptor[SANGER_JOB_BYTES])
{
    const uint32_t address[7] = {job->q, job->k, job->v, job->q_low, job->k_low, job->mask, job->o};
    sanger_zero(descriptor, SANGER_JOB_BYTES);
    sanger_put32(descriptor, SANGER_JOB_VERSION);
    sanger_put16(descriptor + 4, job->queries);
    sanger_put16(descriptor + 6, job->keys);
    sanger_put32(descriptor + 8, (uint32_t)job->head_size | (uint32_t)job->causal << 8 |
                                     (uint32_t)job->external << 9 | (uint32_t)job->empty << 10);
    sanger_put32(descriptor + 12, job->threshold);
    for (int n = 0; n < 7; ++n) sanger_put32(descriptor + 16 + 4 * n, address[n]);
    sanger_put16(descriptor + 44, job->heads);
}

/* A status beat; job n's lies at status + n * bus_bytes. Clear the area before a run, or old statuses stay.
 */
static inline sanger_status_t sanger_status_read(const uint8_t *beat)
{
    uint32_t word = sanger_get32(beat);
    sanger_status_t status;
    status.written = word >> 31;
    status.code = word & 0xff;
    status.job = sanger_get32(beat + 4);
    return status;
}

/* What a code says, for messages. */
static inline const char *sanger_code_text(unsigned code)
{
    static const char *const text[SANGER_CODES] = {
        "done",
        "version, reserved bits or policy",
        "queries or keys: 0 or more than the design takes",
        "head size: 0 or more than the design takes",
        "no heads",
        "an address is no multiple of the bus",
        "a matrix ends above the limit",
        "o overlaps another matrix, the queue or the status area",
        "the threshold does not fit its format",
    };
    return code < SANGER_CODES ? text[code] : "unknown code";
}

#ifdef __cplusplus
}
#endif
#endif
