/* SPDX-License-Identifier: Apache-2.0 */
/* Does the host's header lay jobs out as the machine's own tests do, and read back what they read? */
#include "../include/sanger/host.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../model/controller.h"
#include "../sim/image.h"
#include "../sim/paths.h"
#include "run_suite.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for millions of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

static const char *const designs[] = {"odd_5x7x3_travelling", "one_pe_6x5x1_travelling",
                                      "full_4x4x4_travelling", "ties_7x9x3_travelling", "paper_64x16"};
enum { DESIGNS = sizeof designs / sizeof *designs };

/* ---- a job, packed by the header at the image's addresses ---- */

static void pack_rows(const sanger_layout_t *at, uint8_t *to, const int16_t *words, int rows, int d)
{
    for (int i = 0; i < rows; ++i)
        sanger_row_pack(at, words + i * d, d, to + (size_t)i * sanger_row_bytes(at, d));
}

static void pack_low(const sanger_layout_t *at, uint8_t *to, const int8_t *words, const uint16_t *scale,
                     const uint8_t *valid, int rows, int d)
{
    size_t bytes = sanger_low_bytes(at, d);
    for (int i = 0; i < rows; ++i) {
        sanger_low_pack(at, words + i * d, d, scale[i], valid[i] != 0, to + (size_t)i * bytes);
    }
}

static void pack_masks(const sanger_layout_t *at, uint8_t *to, const uint8_t *keep, int rows, int keys)
{
    size_t bytes = sanger_mask_bytes(at, keys);
    for (int i = 0; i < rows; ++i)
        sanger_mask_pack(at, keep + (size_t)i * (size_t)keys, keys, to + (size_t)i * bytes);
}

static void pack_job(const sanger_layout_t *at, const image_t *m, uint8_t *bytes)
{
    const job_t *j = m->jobs;
    const uint64_t *a = m->place[0].at;
    int queries = j->heads * j->L, keys = j->heads * j->M;
    sanger_job_t job = {.queries = (uint16_t)j->L, .keys = (uint16_t)j->M, .head_size = (uint8_t)j->d};
    job.causal = j->causal;
    job.external = j->external;
    job.empty = (sanger_empty_t)j->policy;
    job.threshold = (uint32_t)j->threshold;
    job.q = (uint32_t)a[JOB_Q], job.k = (uint32_t)a[JOB_K], job.v = (uint32_t)a[JOB_V];
    job.q_low = (uint32_t)a[JOB_Q_LOW], job.k_low = (uint32_t)a[JOB_K_LOW];
    job.mask = (uint32_t)a[JOB_MASK], job.o = (uint32_t)a[JOB_O];
    job.heads = (uint16_t)j->heads;
    sanger_job_pack(&job, bytes + m->queue);
    pack_rows(at, bytes + a[JOB_Q], j->q, queries, j->d);
    pack_rows(at, bytes + a[JOB_K], j->k, keys, j->d);
    pack_rows(at, bytes + a[JOB_V], j->v, keys, j->d);
    pack_low(at, bytes + a[JOB_Q_LOW], j->q_low, j->q_scale, j->q_valid, queries, j->d);
    pack_low(at, bytes + a[JOB_K_LOW], j->k_low, j->k_scale, j->k_valid, keys, j->d);
    if (j->external) pack_masks(at, bytes + a[JOB_MASK], j->mask, queries, j->M);
}

/* Bytes of the image that belong to the job; the rest must stay. */
static void own(const image_t *m, uint8_t *mine)
{
    for (int x = 0; x < JOB_MATRICES; ++x) {
        bool written = x != JOB_O && (x != JOB_MASK || m->jobs->external);
        if (written) memset(mine + m->place[0].at[x], 1, m->place[0].bytes[x]);
    }
    memset(mine + m->queue, 1, SANGER_JOB_BYTES);
}

static void check_job(const design_t *d, random_t *r, uint64_t seed)
{
    const sanger_layout_t at = {d->bus_bytes, d->columns, d->operand_w};
    char error[JOB_ERROR_MAX] = "";
    image_t m;
    job_t job;
    demand(job_random(&job, d, r, 200), "memory");
    demand(image_open(&m, d, &job, 1, r, error), "%s", error);
    uint8_t *theirs = calloc(m.limit, 1), *ours = malloc(m.limit), *mine = calloc(m.limit, 1);
    memset(ours, 0x5a, m.limit);
    own(&m, mine);
    image_write(&m, theirs);
    pack_job(&at, &m, ours);
    for (uint64_t i = 0; i < m.limit; ++i) {
        demand(ours[i] == (mine[i] ? theirs[i] : 0x5a), "seed %llu byte %llu: %02x, not %02x",
               (unsigned long long)seed, (unsigned long long)i, ours[i], theirs[i]);
    }
    free(theirs);
    free(ours);
    free(mine);
    image_close(&m);
    job_close(&job);
}

START_TEST(jobs_lie_as_in_the_image)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(designs[_i], &d, error), "%s", error);
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        random_t r = {.state = seed};
        check_job(&d, &r, seed);
    }
}
END_TEST

/* ---- reading ---- */

START_TEST(outputs_keep_their_sign)
{
    const uint8_t row[] = {0x01, 0x00, 0xff, 0xff, 0x00, 0x80, 0xff, 0x7f, 0x34, 0x12};
    const int16_t expected[] = {1, -1, -32768, 32767, 0x1234};
    int16_t words[5];
    sanger_row_unpack(row, 5, words);
    demand(!memcmp(words, expected, sizeof words), "words");
}
END_TEST

START_TEST(statuses)
{
    for (unsigned code = 0; code < 256; ++code) {
        const uint8_t beat[8] = {(uint8_t)code, 0, 0, 0x80, 0x34, 0x12, 0, 0};
        sanger_status_t s = sanger_status_read(beat);
        demand(s.written && s.code == code && s.job == 0x1234, "code %u", code);
        const char *text = sanger_code_text(code);
        for (unsigned other = 0; other < code && code < SANGER_CODES; ++other) {
            demand(strcmp(text, sanger_code_text(other)), "codes %u and %u", other, code);
        }
        demand((code >= SANGER_CODES) == !strcmp(text, "unknown code"), "code %u: %s", code, text);
    }
    const uint8_t none[8] = {0};
    demand(!sanger_status_read(none).written, "nothing is a status");
    demand((int)SANGER_CODES == (int)JOB_CODES && (int)SANGER_OVERLAP == (int)JOB_OVERLAP,
           "codes of the machine");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host");
    TCase *c = tcase_create("host");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, jobs_lie_as_in_the_image, 0, DESIGNS);
    tcase_add_test(c, outputs_keep_their_sign);
    tcase_add_test(c, statuses);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
