/* SPDX-License-Identifier: Apache-2.0 */
/* Are sub-rows in vectors, and in plain loops, what the definition of scores, exponentials and words says? */
#include "../model/datapath_row.h"

#include <inttypes.h>
#include <string.h>

#include "../model/datapath.h"
#include "../sim/paths.h"
#include "../sim/random.h"
#include "run_suite.h"

enum { KEYS = 21, STRIDE = DATAPATH_HEAD_MAX, TRIALS = 4000 };

typedef struct {
    design_t d;
    exp_unit_t exp;
    datapath_row_t row;
    random_t r;
    int n, head;
    int32_t bias;
    int16_t q[STRIDE], k[KEYS * STRIDE], v[KEYS * STRIDE];
    int32_t col[DATAPATH_ROW_KEYS];
    int64_t values, refused;
} trial_t;

static int64_t random_between(random_t *r, int64_t least, int64_t most)
{
    return least + random_below(r, most - least + 1);
}

/* Of few bits more often than of many, and the extremes now and then. */
static int16_t element(random_t *r, int w)
{
    int64_t most = fixed_max(1 + (int)random_below(r, w));
    if (random_one_in(r, 40)) return (int16_t)(random_one_in(r, 2) ? fixed_min(w) : fixed_max(w));
    return (int16_t)random_between(r, -most - 1, most);
}

static void fill(trial_t *t)
{
    t->n = 1 + (int)random_below(&t->r, DATAPATH_ROW_KEYS);
    t->head = 1 + (int)random_below(&t->r, t->d.head_max);
    memset(t->q, 0, sizeof t->q);
    for (int e = 0; e < t->head; ++e) t->q[e] = element(&t->r, t->d.q.w);
    for (int i = 0; i < KEYS * STRIDE; ++i) {
        t->k[i] = element(&t->r, t->d.k.w);
        t->v[i] = element(&t->r, t->d.v.w);
    }
    for (int i = 0; i < DATAPATH_ROW_KEYS; ++i) t->col[i] = (int32_t)random_below(&t->r, KEYS);
}

static int64_t score(const trial_t *t, int i)
{
    const int16_t *k = t->k + t->col[i] * STRIDE;
    int64_t sum = 0;
    for (int e = 0; e < t->head; ++e) sum += (int64_t)fixed_floor((__int128)t->q[e] * k[e], t->row.drop_k);
    return sum;
}

/* The caller's part: whether sums fit, whatever the order of their terms. */
static bool scores_fit(trial_t *t)
{
    int64_t first = score(t, 0);
    t->bias =
        (int32_t)(first + random_between(&t->r, -(INT64_C(4) << t->d.acc.frac), INT64_C(8) << t->d.acc.frac));
    for (int i = 0; i < t->n; ++i) {
        const int16_t *k = t->k + t->col[i] * STRIDE;
        int64_t whole = 0;
        for (int e = 0; e < t->head; ++e) whole += t->q[e] * k[e] < 0 ? -(t->q[e] * k[e]) : t->q[e] * k[e];
        int64_t size = t->bias < 0 ? -(int64_t)t->bias : t->bias;
        if (whole + ((int64_t)t->head << t->row.drop_k) > INT32_MAX) return false;
        if ((whole >> t->row.drop_k) + t->head + size > fixed_max(t->d.acc.w)) return false;
    }
    return true;
}

static void check_words(trial_t *t, const int32_t *y)
{
    _Alignas(64) int32_t word[STRIDE];
    int64_t should[STRIDE], most = 0;
    for (int i = 0; i < t->n; ++i) most += ((int64_t)y[i] << 15 >> t->row.drop_v) + 1;
    if (most > INT32_MAX / 2) return;
    for (int i = 0; i < t->n; ++i) {
        if (y[i] > datapath_row_most(&t->row)) return;
    }
    for (int f = 0; f < STRIDE; ++f) word[f] = (int32_t)(should[f] = random_between(&t->r, -1000, 1000));
    datapath_row_words(&t->row, t->v, t->col, t->n, t->head, y, word);
    for (int f = 0; f < t->head; ++f) {
        for (int i = 0; i < t->n; ++i)
            should[f] += (int64_t)fixed_floor((__int128)y[i] * t->v[t->col[i] * STRIDE + f], t->row.drop_v);
        ck_assert_msg(word[f] == should[f], "%s: word %d of %d keys is %" PRId32 " instead of %" PRId64,
                      t->d.name, f, t->n, word[f], should[f]);
        ++t->values;
    }
}

static void check_trial(trial_t *t)
{
    _Alignas(64) int32_t y[DATAPATH_ROW_KEYS];
    fill(t);
    if (!scores_fit(t)) return;
    bool fits = datapath_row_scores(&t->row, t->q, t->k, t->col, t->n, t->head, t->bias, y);
    int64_t clipped = 0;
    for (int i = 0; i < t->n; ++i) {
        int64_t should = exp_unit_value(&t->exp, score(t, i) - t->bias, &clipped);
        ck_assert_msg(!fits || y[i] == should, "%s: exponential of key %d is %" PRId32 " instead of %" PRId64,
                      t->d.name, i, y[i], should);
    }
    ck_assert_msg(!fits || !clipped, "%s: a clipped exponential is not noticed", t->d.name);
    t->refused += !fits;
    if (fits) check_words(t, y);
}

static void check_design(const char *name, bool plain)
{
    static trial_t t;
    char error[DESIGN_ERROR_MAX] = "";
    t = (trial_t){.r = {1}};
    ck_assert_msg(!paths_design(name, &t.d, error), "%s", error);
    exp_unit_of_pe(&t.exp, &t.d);
    datapath_row_init(&t.row, &t.d, &t.exp, STRIDE);
    ck_assert_msg(t.row.fits, "%s: its formats do not fit", name);
    if (plain) datapath_row_plain(&t.row);
    for (int i = 0; i < TRIALS; ++i) check_trial(&t);
    ck_assert_msg(t.values > 100 && t.refused, "%s: %" PRId64 " words compared, %" PRId64 " refused", name,
                  t.values, t.refused);
}

static const char *const designs[] = {"paper_64x16", "odd_5x7x3_travelling", "ties_7x9x3_travelling"};
enum { DESIGNS = sizeof designs / sizeof *designs };

START_TEST(vectors)
{
    for (int i = 0; i < DESIGNS; ++i) check_design(designs[i], false);
}
END_TEST

START_TEST(plain_loops)
{
    for (int i = 0; i < DESIGNS; ++i) check_design(designs[i], true);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("datapath_row");
    TCase *t = tcase_create("datapath_row");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, vectors);
    tcase_add_test(t, plain_loops);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
