/* SPDX-License-Identifier: Apache-2.0 */
/* Builds a queue of two jobs for the paper's 25 % machine in a buffer, as a driver would. Needs no library.
 */
#include <sanger/host.h>
#include <stdio.h>
#include <stdlib.h>

enum { QUERIES = 96, KEYS = 96, HEAD_SIZE = 32, HEADS = 2, JOBS = 2, MEMORY = 1 << 18 };

/* designs/paper_64x16.json */
static const sanger_layout_t layout = {.bus_bytes = 64, .columns = 64, .operand_w = 4};

/* Memory is handed out in order; all sizes are whole beats, so all addresses are aligned. */
static uint32_t used;
static uint32_t take(size_t bytes)
{
    uint32_t at = used;
    used += (uint32_t)sanger_beats(&layout, bytes);
    return at;
}

/* Stands for quantised activations. */
static int word(int n, int bits)
{
    return (int)((unsigned)n * 2654435761u >> 7 & ((1u << bits) - 1)) - (1 << (bits - 1));
}

static uint32_t write_rows(uint8_t *memory, int rows)
{
    size_t bytes = sanger_row_bytes(&layout, HEAD_SIZE);
    uint32_t at = take((size_t)rows * bytes);
    for (int i = 0; i < rows; ++i) {
        int16_t words[HEAD_SIZE];
        for (int e = 0; e < HEAD_SIZE; ++e) words[e] = (int16_t)word(i * HEAD_SIZE + e, 10);
        sanger_row_pack(&layout, words, HEAD_SIZE, memory + at + (size_t)i * bytes);
    }
    return at;
}

static uint32_t write_low_rows(uint8_t *memory, int rows)
{
    size_t bytes = sanger_low_bytes(&layout, HEAD_SIZE);
    uint32_t at = take((size_t)rows * bytes);
    for (int i = 0; i < rows; ++i) {
        int8_t words[HEAD_SIZE];
        for (int e = 0; e < HEAD_SIZE; ++e) words[e] = (int8_t)word(i * HEAD_SIZE + e, 4);
        bool padding = i % QUERIES >= 90;
        sanger_low_pack(&layout, words, HEAD_SIZE, 0x0400, !padding, memory + at + (size_t)i * bytes);
    }
    return at;
}

/* Every third key, and the query's own. */
static uint32_t write_masks(uint8_t *memory, int rows)
{
    size_t bytes = sanger_mask_bytes(&layout, KEYS);
    uint32_t at = take((size_t)rows * bytes);
    for (int i = 0; i < rows; ++i) {
        uint8_t keep[KEYS];
        for (int key = 0; key < KEYS; ++key) keep[key] = key % 3 == 0 || key == i % QUERIES;
        sanger_mask_pack(&layout, keep, KEYS, memory + at + (size_t)i * bytes);
    }
    return at;
}

int main(void)
{
    uint8_t *memory = calloc(MEMORY, 1);
    if (!memory) return 2;
    uint32_t queue = take(JOBS * SANGER_JOB_BYTES), status = take(JOBS * (size_t)layout.bus_bytes);
    for (int n = 0; n < JOBS; ++n) {
        sanger_job_t job = {.queries = QUERIES, .keys = KEYS, .head_size = HEAD_SIZE, .heads = HEADS};
        job.causal = n == 1;
        job.external = n == 1;
        job.empty = SANGER_EMPTY_TOP1;
        job.threshold = (uint32_t)(0.002 * (1 << 24)); /* format threshold: 24 fraction bits */
        job.q = write_rows(memory, HEADS * QUERIES);
        job.k = write_rows(memory, HEADS * KEYS);
        job.v = write_rows(memory, HEADS * KEYS);
        job.q_low = write_low_rows(memory, HEADS * QUERIES);
        job.k_low = write_low_rows(memory, HEADS * KEYS);
        if (job.external) job.mask = write_masks(memory, HEADS * QUERIES);
        job.o = take(HEADS * QUERIES * sanger_row_bytes(&layout, HEAD_SIZE));
        sanger_job_pack(&job, memory + queue + n * SANGER_JOB_BYTES);
        printf("job %d: descriptor at %u, o at %u\n", n, (unsigned)(queue + (uint32_t)n * SANGER_JOB_BYTES),
               (unsigned)job.o);
    }
    /* Now the host writes queue, status, count = JOBS and limit, and raises start; when busy falls: */
    for (int n = 0; n < JOBS; ++n) {
        sanger_status_t s = sanger_status_read(memory + status + n * layout.bus_bytes);
        printf("job %d: %s\n", n, s.written ? sanger_code_text(s.code) : "not yet run");
    }
    printf("%u bytes\n", (unsigned)used);
    free(memory);
    return used > MEMORY;
}
