/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the array's models step: thousand cycles a second of processor time, under scheduled attention
 * passes.
 *
 *     bench_pe_array DESIGN.json [SECONDS]
 *
 * The stimulus is recorded first and copied in, so that its making is not measured.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pass.h"
#include "pe_array_fast.h"
#include "random.h"

enum { HEAD = 64, TRIES = 5 };

/* Each cycle's narrow streams, and the wide controls of a pass's two phases. */
typedef struct {
    int cycles, n;
    struct {
        const signal_t *signal;
        char *data; /* cycles copies */
        size_t bytes;
    } stream[SIGNAL_MAX];
} tape_t;

static bool record(tape_t *tape, block_t *b, const pass_t *pass)
{
    *tape = (tape_t){.cycles = pass_cycles(pass)};
    for (int i = 0; i < b->signals; ++i) {
        const signal_t *s = &b->table[i];
        if (s->kind != SIGNAL_IN) continue;
        size_t bytes = signal_count(s) * (size_t)signal_bytes(s);
        char *data = malloc((size_t)tape->cycles * bytes);
        if (!data) return false;
        tape->stream[tape->n].signal = s;
        tape->stream[tape->n].bytes = bytes;
        tape->stream[tape->n++].data = data;
    }
    for (int t = 0; t < tape->cycles; ++t) {
        pass_drive(pass, b, t);
        for (int i = 0; i < tape->n; ++i) {
            memcpy(tape->stream[i].data + (size_t)t * tape->stream[i].bytes,
                   block_data(b, tape->stream[i].signal), tape->stream[i].bytes);
        }
    }
    return true;
}

/* Wide controls only where they change. */
static void play(const tape_t *tape, block_t *b, int t)
{
    for (int i = 0; i < tape->n; ++i) {
        size_t bytes = tape->stream[i].bytes;
        const char *now = tape->stream[i].data + (size_t)t * bytes;
        bool wide = tape->stream[i].signal->dims == 2;
        if (wide && t && t != tape->cycles / 2 && !memcmp(now, now - bytes, 64)) continue;
        memcpy(block_data(b, tape->stream[i].signal), now, bytes);
    }
}

static double kcycles(block_t *b, const tape_t *tape, double seconds)
{
    double best = 0;
    for (int i = 0; i < TRIES; ++i) {
        long cycles = 0;
        clock_t begin = clock(), end = begin;
        for (; (double)(end - begin) < seconds * CLOCKS_PER_SEC; end = clock()) {
            for (int t = 0; t < tape->cycles; ++t) {
                play(tape, b, t);
                b->type->eval(b->self);
                b->type->tick(b->self);
            }
            cycles += tape->cycles;
        }
        double speed = (double)cycles / 1000 / ((double)(end - begin) / CLOCKS_PER_SEC);
        if (speed > best) best = speed;
    }
    return best;
}

static int64_t *values(random_t *random, int n, int bits)
{
    int64_t *v = calloc((size_t)n, sizeof *v);
    for (int i = 0; v && i < n; ++i) v[i] = fixed_wrap((int64_t)random_bits(random), bits);
    return v;
}

/* Random rows that keep half as many columns as there are PEs, up to all. */
static void random_rows(random_t *random, const design_t *d, int64_t *column, int64_t *active, int64_t *c4)
{
    for (int r = 0; r < d->rows; ++r) {
        int64_t *at = column + r * d->pes;
        int left = d->pes, kept = d->pes / 2 + (int)random_below(random, d->pes / 2 + 1);
        for (int c = 0, k = 0; c < d->columns; ++c) {
            if (random_below(random, d->columns - c) >= left) continue;
            at[k++] = c;
            --left;
        }
        for (int k = 0; k < d->pes; ++k) {
            active[r * d->pes + k] = k < kept;
            c4[r * d->pes + k] = (k + 1 < d->pes ? at[k + 1] : d->columns) - at[k] - 1;
        }
    }
}

static int measure(const design_t *d, const block_type_t *type, const char *name, double seconds, bool plain)
{
    random_t random = {1};
    int n = d->rows * d->pes;
    int64_t *column = calloc((size_t)n, 8), *active = calloc((size_t)n, 8), *c4 = calloc((size_t)n, 8);
    int64_t *q = values(&random, d->rows * HEAD, 11), *k = values(&random, d->columns * HEAD, 11);
    int64_t *v = values(&random, d->columns * HEAD, 12), *bias = values(&random, d->rows, 7);
    block_t *b = block_open(type, d);
    tape_t tape;
    if (!column || !active || !c4 || !q || !k || !v || !bias || !b) return EXIT_FAILURE;
    if (plain) pe_array_fast_plain(b->self);
    random_rows(&random, d, column, active, c4);
    const pass_t pass = {d, HEAD, q, k, v, column, active, c4, bias};
    if (!record(&tape, b, &pass)) return EXIT_FAILURE;
    printf("%-10s %8.1f kcycle/s, %d cycles a pass, acc_sat %lld\n", name, kcycles(b, &tape, seconds),
           tape.cycles, (long long)block_get(b, block_signal(b, "acc_sat_q"), 0));
    for (int i = 0; i < tape.n; ++i) free(tape.stream[i].data);
    int64_t *all[] = {column, active, c4, q, k, v, bias};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) free(all[i]);
    block_close(b);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static design_t d;
    char error[DESIGN_ERROR_MAX];
    double seconds = argc > 2 ? atof(argv[2]) : 0.5;
    if (argc < 2 || design_load(argv[1], &d, error)) {
        fprintf(stderr, "%s\n", argc < 2 ? "usage: bench_pe_array DESIGN.json [SECONDS]" : error);
        return 2;
    }
    int status = measure(&d, &pe_array_type, "reference", seconds, false);
    if (!pe_array_fast_fits(&d)) return status;
    status |= measure(&d, &pe_array_fast_type, "plain", seconds, true);
    return status | measure(&d, &pe_array_fast_type, "fast", seconds, false);
}
