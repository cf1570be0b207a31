/* SPDX-License-Identifier: Apache-2.0 */
#include "golden_private.h"

#include <stdlib.h>
#include <string.h>

/* A descriptor, and what follows from it. Matrices in the order of their addresses. */
enum { Q, K, V, Q_LOW, K_LOW, MASK, O, MATRICES };

typedef struct {
    uint32_t word[16];
    int L, M, d, heads, policy;
    bool causal, external;
    uint64_t at[MATRICES], row[MATRICES], head[MATRICES]; /* address, bytes of a row and of a head */
} descriptor_t;

static uint32_t get32(const uint8_t *from)
{
    return from[0] | from[1] << 8 | from[2] << 16 | (uint32_t)from[3] << 24;
}

static int low_w(const design_t *d)
{
    return d->operand_w > 4 ? 8 : 4;
}

static int lane_w(const design_t *d)
{
    int w = 8;
    while (w < d->columns) w *= 2;
    return w;
}

static uint64_t whole_beats(const design_t *d, uint64_t bits)
{
    uint64_t beat = 8 * (uint64_t)d->bus_bytes;
    return (bits + beat - 1) / beat * (uint64_t)d->bus_bytes;
}

static void read_job(const design_t *d, const golden_run_t *run, int n, descriptor_t *j)
{
    const uint8_t *from = run->memory + run->queue + 64 * (uint64_t)n;
    for (int i = 0; i < 16; ++i) j->word[i] = get32(from + 4 * i);
    j->L = (int)(j->word[1] & 0xffff), j->M = (int)(j->word[1] >> 16), j->d = (int)(j->word[2] & 0xff);
    j->causal = j->word[2] >> 8 & 1, j->external = j->word[2] >> 9 & 1;
    j->policy = (int)(j->word[2] >> 10 & 3);
    j->heads = (int)(j->word[11] & 0xffff);
    int tiles = (j->M + d->columns - 1) / d->columns;
    for (int x = 0; x < MATRICES; ++x) {
        uint64_t bits = 16 * (uint64_t)j->d;
        if (x == Q_LOW || x == K_LOW) bits = 32 + (uint64_t)(j->d * low_w(d));
        if (x == MASK) bits = (uint64_t)(tiles * lane_w(d));
        bool keys = x == K || x == V || x == K_LOW;
        j->at[x] = j->word[4 + x];
        j->row[x] = whole_beats(d, bits);
        j->head[x] = j->row[x] * (uint64_t)(keys ? j->M : j->L);
    }
}

/* ---- the page's checks ---- */

static bool used(const descriptor_t *j, int matrix)
{
    return matrix != MASK || j->external;
}

static bool well_formed(const descriptor_t *j)
{
    bool rest = j->word[2] >> 12 || j->word[11] >> 16;
    for (int i = 12; i < 16; ++i) rest = rest || j->word[i];
    return j->word[0] == 0x53470001 && !rest && j->policy != 3;
}

static bool apart(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
    return a + a_bytes <= b || b + b_bytes <= a;
}

static bool o_is_apart(const design_t *d, const golden_run_t *run, const descriptor_t *j)
{
    uint64_t heads = (uint64_t)j->heads, o = j->at[O], bytes = heads * j->head[O];
    for (int x = 0; x < O; ++x) {
        if (used(j, x) && !apart(o, bytes, j->at[x], heads * j->head[x])) return false;
    }
    return apart(o, bytes, run->queue, 64 * (uint64_t)run->count) &&
           apart(o, bytes, run->status, (uint64_t)(d->bus_bytes * run->count));
}

static int check_job(const design_t *d, const golden_run_t *run, const descriptor_t *j)
{
    if (!well_formed(j)) return 1;
    if (j->L < 1 || j->L > d->keys_max || j->M < 1 || j->M > d->keys_max) return 2;
    if (j->d < 1 || j->d > d->head_max) return 3;
    if (j->heads < 1) return 4;
    for (int x = 0; x < MATRICES; ++x) {
        if (used(j, x) && j->at[x] % (uint64_t)d->bus_bytes) return 5;
    }
    for (int x = 0; x < MATRICES; ++x) {
        if (used(j, x) && j->at[x] + (uint64_t)j->heads * j->head[x] > run->limit) return 6;
    }
    if (!o_is_apart(d, run, j)) return 7;
    return (uint64_t)j->word[3] >> d->threshold.w ? 8 : 0;
}

int golden_check(const design_t *d, const golden_run_t *run, int job)
{
    descriptor_t j;
    read_job(d, run, job, &j);
    return check_job(d, run, &j);
}

/* ---- a head's arrays ---- */

typedef struct {
    int16_t *q, *k, *v, *out;
    int8_t *q_low, *k_low;
    uint16_t *q_scale, *k_scale;
    uint8_t *q_valid, *k_valid, *external, *mask;
    int32_t *bias;
} arrays_t;

static void close_arrays(arrays_t *a)
{
    void *all[] = {a->q,       a->k,       a->v,       a->out,      a->q_low, a->k_low, a->q_scale,
                   a->k_scale, a->q_valid, a->k_valid, a->external, a->mask,  a->bias};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) free(all[i]);
}

static bool open_arrays(arrays_t *a, const descriptor_t *j)
{
    size_t L = (size_t)j->L, M = (size_t)j->M, d = (size_t)j->d;
    a->q = calloc(L * d, sizeof *a->q), a->k = calloc(M * d, sizeof *a->k);
    a->v = calloc(M * d, sizeof *a->v), a->out = calloc(L * d, sizeof *a->out);
    a->q_low = calloc(L * d, 1), a->k_low = calloc(M * d, 1);
    a->q_scale = calloc(L, sizeof *a->q_scale), a->k_scale = calloc(M, sizeof *a->k_scale);
    a->q_valid = calloc(L, 1), a->k_valid = calloc(M, 1);
    a->external = calloc(L * M, 1), a->mask = calloc(L * M, 1);
    a->bias = calloc(L, sizeof *a->bias);
    return a->q && a->k && a->v && a->out && a->q_low && a->k_low && a->q_scale && a->k_scale && a->q_valid &&
           a->k_valid && a->external && a->mask && a->bias;
}

/* Elements count in the low bits that their format has. */
static void read_words(const uint8_t *from, uint64_t row, int n, int d, int w, int16_t *words)
{
    for (int i = 0; i < n; ++i, from += row) {
        for (int e = 0; e < d; ++e) *words++ = (int16_t)fixed_wrap(from[2 * e] | from[2 * e + 1] << 8, w);
    }
}

static void read_records(const design_t *d, const uint8_t *from, uint64_t row, int n, int size, int8_t *words,
                         uint16_t *scale, uint8_t *valid)
{
    for (int i = 0; i < n; ++i, from += row) {
        uint32_t header = get32(from);
        scale[i] = (uint16_t)fixed_low(header & 0xffff, d->scale.w);
        valid[i] = header >> 16 & 1;
        for (int e = 0; e < size; ++e) {
            int word = low_w(d) == 8 ? from[4 + e] : from[4 + e / 2] >> 4 * (e % 2);
            *words++ = (int8_t)fixed_wrap(word, d->operand_w);
        }
    }
}

static void read_mask(const design_t *d, const uint8_t *from, uint64_t row, const descriptor_t *j,
                      uint8_t *mask)
{
    for (int i = 0; i < j->L; ++i, from += row) {
        for (int key = 0; key < j->M; ++key) {
            int bit = key / d->columns * lane_w(d) + key % d->columns;
            *mask++ = from[bit / 8] >> bit % 8 & 1;
        }
    }
}

static golden_head_t read_head(const design_t *d, const golden_run_t *run, const descriptor_t *j, int n,
                               arrays_t *a)
{
    const uint8_t *from[MATRICES];
    for (int x = 0; x < MATRICES; ++x)
        from[x] = run->memory + (used(j, x) ? j->at[x] + (uint64_t)n * j->head[x] : 0);
    read_words(from[Q], j->row[Q], j->L, j->d, d->q.w, a->q);
    read_words(from[K], j->row[K], j->M, j->d, d->k.w, a->k);
    read_words(from[V], j->row[V], j->M, j->d, d->v.w, a->v);
    read_records(d, from[Q_LOW], j->row[Q_LOW], j->L, j->d, a->q_low, a->q_scale, a->q_valid);
    read_records(d, from[K_LOW], j->row[K_LOW], j->M, j->d, a->k_low, a->k_scale, a->k_valid);
    if (j->external) read_mask(d, from[MASK], j->row[MASK], j, a->external);
    return (golden_head_t){j->L,       j->M,       j->d,       j->causal,  j->external, j->policy,
                           j->word[3], a->q,       a->k,       a->v,       a->q_low,    a->k_low,
                           a->q_scale, a->k_scale, a->q_valid, a->k_valid, a->external};
}

static void write_output(uint8_t *to, uint64_t row, const descriptor_t *j, const int16_t *out)
{
    for (int i = 0; i < j->L; ++i, to += row) {
        memset(to, 0, row);
        for (int e = 0; e < j->d; ++e, ++out) to[2 * e] = (uint8_t)*out, to[2 * e + 1] = (uint8_t)(*out >> 8);
    }
}

/* ---- runs ---- */

typedef struct {
    const design_t *d;
    golden_count_t *count;
    int head;
    golden_pass_t before;
} tally_t;

static void tally(void *context, const golden_pass_t *pass)
{
    tally_t *t = context;
    golden_count_t *c = t->count;
    ++c->passes;
    c->sub_rows += pass->rows;
    for (int i = 0; i < pass->rows; ++i) {
        for (int k = 0; k < t->d->pes; ++k) {
            c->non_zeros += pass->row[i].mode[k] == SPLIT_ACTIVE;
            c->forwards += pass->row[i].mode[k] == SPLIT_PASS;
        }
    }
    if (t->before.rows) {
        int h = golden_hazard(t->d, &t->before, pass, t->head);
        c->hazard += h;
        c->intervals += golden_interval(t->d, h, t->head, t->head);
    }
    t->before = *pass;
}

bool golden_tally(const design_t *d, const golden_head_t *h, const uint8_t *mask, golden_count_t *count)
{
    tally_t *t = calloc(1, sizeof *t);
    if (!t) return false;
    t->d = d, t->count = count, t->head = h->d;
    bool ok = golden_passes(d, h, mask, tally, t);
    free(t);
    return ok;
}

static bool run_job(golden_t *g, const golden_run_t *run, const descriptor_t *j, golden_count_t *count)
{
    arrays_t a = {0};
    bool ok = open_arrays(&a, j);
    for (int n = 0; n < j->heads && ok; ++n) {
        golden_head_t h = read_head(g->d, run, j, n, &a);
        golden_head(g, &h, a.out, a.mask, a.bias, count);
        write_output(run->memory + j->at[O] + (uint64_t)n * j->head[O], j->row[O], j, a.out);
        ok = golden_tally(g->d, &h, a.mask, count);
    }
    close_arrays(&a);
    return ok;
}

static void write_status(const design_t *d, const golden_run_t *run, int n, int code)
{
    uint8_t *to = run->memory + run->status + (uint64_t)(n * d->bus_bytes);
    memset(to, 0, (size_t)d->bus_bytes);
    to[0] = (uint8_t)code, to[3] = 0x80;
    to[4] = (uint8_t)n, to[5] = (uint8_t)(n >> 8);
}

static bool area_fits(const design_t *d, const golden_run_t *run, uint64_t at, uint64_t bytes)
{
    return at % (uint64_t)d->bus_bytes == 0 && at + bytes <= run->limit;
}

bool golden_run(golden_t *g, const golden_run_t *run, golden_total_t *total)
{
    bool ok = true;
    *total = (golden_total_t){0};
    if (!area_fits(g->d, run, run->queue, 64 * (uint64_t)run->count) ||
        !area_fits(g->d, run, run->status, (uint64_t)(g->d->bus_bytes * run->count))) {
        total->failed = run->count;
        return true;
    }
    for (int n = 0; n < run->count && ok; ++n) {
        descriptor_t j;
        read_job(g->d, run, n, &j);
        int code = check_job(g->d, run, &j);
        if (!code) ok = run_job(g, run, &j, &total->count);
        ++*(code ? &total->failed : &total->done);
        write_status(g->d, run, n, code);
    }
    return ok;
}
