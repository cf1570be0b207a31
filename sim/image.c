/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t beats_of(const design_t *d, uint64_t bytes)
{
    return (bytes + (uint64_t)d->bus_bytes - 1) / (uint64_t)d->bus_bytes;
}

static int low_w(const design_t *d)
{
    return d->operand_w <= 4 ? 4 : 8;
}

/* Bytes of a tile's mask word: a power of two. */
static uint64_t lane_bytes(const design_t *d)
{
    uint64_t bytes = 1;
    while (8 * bytes < (uint64_t)d->columns) bytes *= 2;
    return bytes;
}

/* From one row of a matrix to the next. */
static uint64_t stride(const design_t *d, const job_t *j, int matrix)
{
    uint64_t bytes = 2 * (uint64_t)j->d;
    if (matrix == JOB_Q_LOW || matrix == JOB_K_LOW) bytes = 4 + ((uint64_t)j->d * (uint64_t)low_w(d) + 7) / 8;
    if (matrix == JOB_MASK)
        bytes = ((uint64_t)j->M + (uint64_t)d->columns - 1) / (uint64_t)d->columns * lane_bytes(d);
    return beats_of(d, bytes) * (uint64_t)d->bus_bytes;
}

static int rows_of(const job_t *j, int matrix)
{
    return matrix == JOB_K || matrix == JOB_V || matrix == JOB_K_LOW ? j->M : j->L;
}

/* ---- layout ---- */

enum { HIGH_MOST = 1 << 18 }; /* bytes left empty below an image that lies high up */

/* A part of the image: a matrix, the queue or the status area. */
typedef struct {
    uint64_t *at;
    uint64_t bytes;
} part_t;

static int list_parts(image_t *m, part_t *parts)
{
    int n = 0;
    parts[n++] = (part_t){&m->queue, JOB_BYTES * (uint64_t)m->count};
    parts[n++] = (part_t){&m->status, (uint64_t)m->design->bus_bytes * (uint64_t)m->count};
    for (int i = 0; i < m->count; ++i) {
        for (int x = 0; x < JOB_MATRICES; ++x) {
            const job_t *j = &m->jobs[i];
            bool absent = x == JOB_MASK && !j->external;
            uint64_t rows = absent ? 0 : (uint64_t)j->heads * (uint64_t)rows_of(j, x);
            m->place[i].bytes[x] = rows * stride(m->design, j, x);
            parts[n++] = (part_t){&m->place[i].at[x], m->place[i].bytes[x]};
        }
    }
    return n;
}

static void shuffle(part_t *parts, int n, random_t *r)
{
    for (int i = n - 1; i > 0; --i) {
        int other = (int)random_below(r, i + 1);
        part_t swap = parts[i];
        parts[i] = parts[other];
        parts[other] = swap;
    }
}

static uint64_t random_gap(const design_t *d, random_t *r)
{
    return r && random_one_in(r, 2) ? (uint64_t)d->bus_bytes * (uint64_t)random_below(r, 5) : 0;
}

/* Now and then everything lies high up, as far as addresses reach or some hundreds of kilobytes. */
static uint64_t random_base(const design_t *d, const part_t *parts, int n, random_t *r)
{
    uint64_t needed = (uint64_t)(n + 1) * 4 * (uint64_t)d->bus_bytes, room = UINT64_C(1) << d->addr_w;
    if (!r || !random_one_in(r, 4)) return 0;
    for (int i = 0; i < n; ++i) needed += parts[i].bytes;
    room = room > needed ? room - needed : 0;
    if (room > HIGH_MOST) room = HIGH_MOST;
    return (uint64_t)d->bus_bytes * (uint64_t)random_below(r, 1 + (int64_t)room / d->bus_bytes);
}

static bool place_parts(image_t *m, random_t *r, char *error)
{
    int most = 2 + m->count * JOB_MATRICES;
    part_t *parts = calloc((size_t)most, sizeof *parts);
    if (!parts) {
        snprintf(error, JOB_ERROR_MAX, "out of memory");
        return false;
    }
    int n = list_parts(m, parts);
    if (r) shuffle(parts, n, r);
    m->limit = random_base(m->design, parts, n, r);
    for (int i = 0; i < n; ++i) {
        m->limit += random_gap(m->design, r);
        *parts[i].at = m->limit;
        m->limit += parts[i].bytes;
    }
    m->limit += random_gap(m->design, r);
    for (int i = 0; i < m->count && r; ++i) {
        if (!m->jobs[i].external) m->place[i].at[JOB_MASK] = random_bits(r) >> 32;
    }
    free(parts);
    if (m->limit <= UINT64_C(1) << m->design->addr_w) return true;
    snprintf(error, JOB_ERROR_MAX,
             "%" PRIu64 " bytes: the design's addresses reach %" PRIu64 " (machine.addr_w)", m->limit,
             UINT64_C(1) << m->design->addr_w);
    return false;
}

bool image_open(image_t *m, const design_t *d, const job_t *jobs, int count, random_t *scatter,
                char error[JOB_ERROR_MAX])
{
    *m = (image_t){.design = d, .jobs = jobs, .count = count};
    if (count < 1 || count > UINT16_MAX) {
        snprintf(error, JOB_ERROR_MAX, "%d jobs: a run takes 1 to %d", count, UINT16_MAX);
        return false;
    }
    m->place = calloc((size_t)count, sizeof *m->place);
    if (!m->place) snprintf(error, JOB_ERROR_MAX, "out of memory");
    if (m->place && place_parts(m, scatter, error)) return true;
    image_close(m);
    return false;
}

void image_close(image_t *m)
{
    free(m->place);
    *m = (image_t){0};
}

/* ---- writing ---- */

static void put(uint8_t *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; ++i) to[i] = (uint8_t)(value >> (8 * i));
}

static void write_words(uint8_t *to, uint64_t row_bytes, const int16_t *words, int rows, int d)
{
    for (int i = 0; i < rows; ++i, to += row_bytes) {
        for (int e = 0; e < d; ++e) put(to + 2 * e, (uint16_t)*words++, 2);
    }
}

/* A record's words lie behind its 32-bit header, element 0 in the lowest bits. */
static void write_low(const design_t *design, uint8_t *to, uint64_t row_bytes, const int8_t *words,
                      const uint16_t *scale, const uint8_t *valid, int rows, int d)
{
    int w = low_w(design);
    for (int i = 0; i < rows; ++i, to += row_bytes) {
        put(to, scale[i] | (uint32_t)valid[i] << 16, 4);
        for (int e = 0; e < d; ++e, ++words) {
            uint8_t *byte = to + 4 + e * w / 8;
            int shift = e * w % 8, all = (1 << w) - 1;
            *byte = (uint8_t)((*byte & ~(all << shift)) | (*words & all) << shift);
        }
    }
}

/* Whole lanes: columns beyond M are 0. */
static void write_mask(const design_t *d, uint8_t *to, uint64_t row_bytes, const uint8_t *mask, int rows,
                       int M)
{
    uint64_t lane = lane_bytes(d);
    int tiles = (M + d->columns - 1) / d->columns;
    for (int i = 0; i < rows; ++i, to += row_bytes) {
        memset(to, 0, (uint64_t)tiles * lane);
        for (int key = 0; key < M; ++key) {
            int c = key % d->columns;
            if (*mask++) to[(uint64_t)(key / d->columns) * lane + (uint64_t)c / 8] |= (uint8_t)(1 << c % 8);
        }
    }
}

static void write_matrices(const image_t *m, uint8_t *bytes, int job)
{
    const job_t *j = &m->jobs[job];
    const image_job_t *at = &m->place[job];
    int queries = j->heads * j->L, keys = j->heads * j->M;
    uint64_t row[JOB_MATRICES];
    for (int x = 0; x < JOB_MATRICES; ++x) row[x] = stride(m->design, j, x);
    write_words(bytes + at->at[JOB_Q], row[JOB_Q], j->q, queries, j->d);
    write_words(bytes + at->at[JOB_K], row[JOB_K], j->k, keys, j->d);
    write_words(bytes + at->at[JOB_V], row[JOB_V], j->v, keys, j->d);
    write_low(m->design, bytes + at->at[JOB_Q_LOW], row[JOB_Q_LOW], j->q_low, j->q_scale, j->q_valid, queries,
              j->d);
    write_low(m->design, bytes + at->at[JOB_K_LOW], row[JOB_K_LOW], j->k_low, j->k_scale, j->k_valid, keys,
              j->d);
    if (j->external) write_mask(m->design, bytes + at->at[JOB_MASK], row[JOB_MASK], j->mask, queries, j->M);
}

static void write_descriptor(const image_t *m, uint8_t *bytes, int job)
{
    const job_t *j = &m->jobs[job];
    uint32_t word[JOB_WORDS] = {JOB_VERSION, (uint32_t)j->L | (uint32_t)j->M << 16};
    word[2] =
        (uint32_t)j->d | (uint32_t)j->causal << 8 | (uint32_t)j->external << 9 | (uint32_t)j->policy << 10;
    word[3] = (uint32_t)j->threshold;
    for (int x = 0; x < JOB_MATRICES; ++x) word[4 + x] = (uint32_t)m->place[job].at[x];
    word[11] = (uint32_t)j->heads;
    uint8_t *to = bytes + m->queue + (uint64_t)job * JOB_BYTES;
    for (int i = 0; i < JOB_WORDS; ++i) put(to + 4 * i, word[i], 4);
}

void image_write(const image_t *m, uint8_t *bytes)
{
    for (int i = 0; i < m->count; ++i) {
        write_matrices(m, bytes, i);
        write_descriptor(m, bytes, i);
    }
}

/* ---- reading ---- */

static uint64_t get(const uint8_t *from, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value |= (uint64_t)from[i] << (8 * i);
    return value;
}

int image_status(const image_t *m, const uint8_t *bytes, int job)
{
    const uint8_t *beat = bytes + m->status + (uint64_t)job * (uint64_t)m->design->bus_bytes;
    uint64_t word = get(beat, 4), code = word & 0xff;
    bool formed = word == (code | UINT64_C(1) << 31) && code < JOB_CODES && get(beat + 4, 4) == (uint64_t)job;
    for (int i = 8; i < m->design->bus_bytes; ++i) formed = formed && !beat[i];
    return formed ? (int)code : -1;
}

void image_output(const image_t *m, const uint8_t *bytes, int job, int head, int64_t *o)
{
    const job_t *j = &m->jobs[job];
    uint64_t row = stride(m->design, j, JOB_O);
    const uint8_t *from = bytes + m->place[job].at[JOB_O] + (uint64_t)head * (uint64_t)j->L * row;
    for (int i = 0; i < j->L; ++i, from += row) {
        for (int e = 0; e < j->d; ++e) *o++ = (int16_t)get(from + 2 * e, 2);
    }
}

/* ---- hostile descriptors ---- */

/* A matrix that the job reads or writes. */
static int random_matrix(const job_t *j, random_t *r)
{
    int x = (int)random_below(r, JOB_MATRICES);
    return x == JOB_MASK && !j->external ? JOB_O : x;
}

static uint32_t above(random_t *r, int most, int field_max)
{
    return (uint32_t)(most + 1 + random_below(r, field_max - most));
}

static void spoil_form(uint32_t *word, random_t *r)
{
    int bit = (int)random_below(r, 32);
    switch (random_below(r, 5)) {
    case 0: word[0] ^= 1u << bit; break;
    case 1: word[2] |= 3u << 10; break;
    case 2: word[2] |= 1u << (12 + bit % 20); break;
    case 3: word[11] |= 1u << (16 + bit % 16); break;
    default: word[12 + random_below(r, 4)] |= 1u << bit; break;
    }
}

static void spoil_length(uint32_t *word, random_t *r, const design_t *d)
{
    uint32_t wrong = random_one_in(r, 2) ? 0 : above(r, d->keys_max, UINT16_MAX);
    word[1] = random_one_in(r, 2) ? (word[1] & 0xffff0000) | wrong : (word[1] & 0xffff) | wrong << 16;
}

static void spoil_head_size(uint32_t *word, random_t *r, const design_t *d)
{
    word[2] = (word[2] & ~0xffu) | (random_one_in(r, 2) ? 0 : above(r, d->head_max, UINT8_MAX));
}

/* A matrix that ends beyond the limit, near or far, or that is far too large. */
static void spoil_limit(uint32_t *word, random_t *r, const image_t *m, int job)
{
    uint64_t beat = (uint64_t)m->design->bus_bytes, last = UINT32_MAX / beat * beat;
    int x = random_matrix(&m->jobs[job], r);
    if (random_one_in(r, 4) &&
        m->place[job].bytes[x] / (uint64_t)m->jobs[job].heads * UINT16_MAX > m->limit) {
        word[11] = UINT16_MAX;
        return;
    }
    uint64_t at =
        (m->limit - m->place[job].bytes[x]) / beat * beat + beat * (uint64_t)(1 + random_below(r, 3));
    if (random_one_in(r, 4) || at > last) at = last - beat * (uint64_t)random_below(r, 3);
    word[4 + x] = (uint32_t)at;
}

/* O over something that is read, or over the queue or the status area, by as little as a beat. */
static void spoil_overlap(uint32_t *word, random_t *r, const image_t *m, int job)
{
    const image_job_t *p = &m->place[job];
    const uint64_t beat = (uint64_t)m->design->bus_bytes, size = p->bytes[JOB_O];
    uint64_t at = m->queue, bytes = JOB_BYTES * (uint64_t)m->count;
    int x = random_matrix(&m->jobs[job], r);
    if (x != JOB_O) at = p->at[x], bytes = p->bytes[x];
    if (x == JOB_O && random_one_in(r, 2)) at = m->status, bytes = beat * (uint64_t)m->count;
    uint64_t from = at + beat > size ? at + beat - size : 0, to = at + bytes - beat;
    if (from > m->limit - size) from = m->limit - size;
    if (to > m->limit - size) to = m->limit - size;
    uint64_t beats = (to - from) / beat + 1;
    uint64_t pick = random_one_in(r, 3) ? 0 : random_one_in(r, 2) ? beats - 1 : random_bits(r) % beats;
    word[4 + JOB_O] = (uint32_t)(from + beat * pick);
}

/* Faults that are tested after `code`: they must not show. */
static void spoil_later(uint32_t *word, random_t *r, const image_t *m, int code)
{
    if (code < JOB_BAD_LENGTH && random_one_in(r, 4)) word[1] = 0;
    if (code < JOB_BAD_HEAD_SIZE && random_one_in(r, 4)) word[2] &= ~0xffu;
    if (code < JOB_NO_HEADS && random_one_in(r, 4)) word[11] &= 0xffff0000;
    if (code < JOB_MISALIGNED && random_one_in(r, 4)) ++word[4 + JOB_V];
    if (code < JOB_MISALIGNED && random_one_in(r, 4)) word[4 + JOB_O] = word[4 + JOB_Q];
    if (code < JOB_BAD_THRESHOLD && random_one_in(r, 4)) word[3] |= UINT32_C(1) << m->design->threshold.w;
}

int image_spoil(const image_t *m, uint8_t *bytes, int job, random_t *r)
{
    const design_t *d = m->design;
    uint8_t *at = bytes + m->queue + (uint64_t)job * JOB_BYTES;
    uint32_t word[JOB_WORDS];
    int code = 1 + (int)random_below(r, JOB_CODES - 1);
    for (int i = 0; i < JOB_WORDS; ++i) word[i] = (uint32_t)get(at + 4 * i, 4);
    switch (code) {
    case JOB_BAD_VERSION: spoil_form(word, r); break;
    case JOB_BAD_LENGTH: spoil_length(word, r, d); break;
    case JOB_BAD_HEAD_SIZE: spoil_head_size(word, r, d); break;
    case JOB_NO_HEADS: word[11] = 0; break;
    case JOB_MISALIGNED:
        word[4 + random_matrix(&m->jobs[job], r)] += 1 + (uint32_t)random_below(r, d->bus_bytes - 1);
        break;
    case JOB_BEYOND_LIMIT: spoil_limit(word, r, m, job); break;
    case JOB_OVERLAP: spoil_overlap(word, r, m, job); break;
    default: word[3] |= UINT32_C(1) << (d->threshold.w + (int)random_below(r, 32 - d->threshold.w)); break;
    }
    spoil_later(word, r, m, code);
    for (int i = 0; i < JOB_WORDS; ++i) put(at + 4 * i, word[i], 4);
    return code;
}
