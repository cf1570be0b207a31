/* SPDX-License-Identifier: Apache-2.0 */
/* Coverage counts what happened: hand-made sequences, a planted bit that never moves, reasons that fit or
 * not. */
#include "../sim/cover.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../model/split.h"
#include "../sim/paths.h"
#include "run_suite.h"

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    ck_assert_msg(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* ---- toggles ---- */

static int signal_at(const toggle_t *t, const char *name)
{
    const signal_t *table;
    int n = toggle_signals(t, &table);
    for (int i = 0; i < n; ++i) {
        if (!strcmp(table[i].name, name)) return i;
    }
    ck_abort_msg("%s: no such signal", name);
    return -1;
}

START_TEST(counts_rises_and_falls)
{
    design_t d = load("odd_5x7x3");
    toggle_t *t = toggle_open(block_find("pe"), &d);
    int c3 = signal_at(t, "c3");
    const int64_t sequence[] = {5, 4, 4, 6};
    ck_assert_ptr_nonnull(t);
    for (int i = 0; i < 4; ++i) toggle_sample(t, c3, &sequence[i]);
    ck_assert_uint_eq(toggle_rose(t, c3, 0), 2);
    ck_assert_uint_eq(toggle_fell(t, c3, 0), 1);
    toggle_close(t);
}
END_TEST

START_TEST(a_new_run_begins_without_a_change)
{
    design_t d = load("odd_5x7x3");
    toggle_t *t = toggle_open(block_find("pe"), &d);
    int c3 = signal_at(t, "c3");
    const int64_t first = 7, second = 0;
    ck_assert_ptr_nonnull(t);
    toggle_sample(t, c3, &first);
    toggle_begin(t);
    toggle_sample(t, c3, &second);
    ck_assert_uint_eq(toggle_rose(t, c3, 0) | toggle_fell(t, c3, 0), 0);
    toggle_close(t);
}
END_TEST

/* Bits above a signal's width, where sign extension lies, are no points. */
START_TEST(counts_only_the_bits_of_the_format)
{
    design_t d = load("odd_5x7x3");
    toggle_t *t = toggle_open(block_find("pe"), &d);
    int acc = signal_at(t, "acc_q");
    const int64_t low = 0, high = -1;
    ck_assert_ptr_nonnull(t);
    toggle_sample(t, acc, &low);
    toggle_sample(t, acc, &high);
    ck_assert_uint_eq(toggle_rose(t, acc, 0), fixed_low(UINT64_MAX, d.acc.w));
    toggle_count_t count = toggle_count(t, SIGNAL_REG);
    ck_assert_uint_eq(count.points, 2 * (uint64_t)(d.acc.w + d.score.w + 1));
    ck_assert_uint_eq(count.hit, (uint64_t)d.acc.w);
    toggle_close(t);
}
END_TEST

/* ---- functional points ---- */

typedef struct {
    const char *name;
    int64_t hits; /* -1: there is no such point */
    int points;
} find_t;

static void find(void *context, const char *name, uint64_t hits)
{
    find_t *f = context;
    ++f->points;
    if (f->name && !strcmp(f->name, name)) f->hits = (int64_t)hits;
}

static int64_t hits_of(const points_t *p, const char *name)
{
    find_t f = {name, -1, 0};
    points_each(p, find, &f);
    return f.hits;
}

static int64_t always_2(const void *self, size_t at)
{
    (void)self;
    (void)at;
    return 2;
}

START_TEST(counts_values_pairs_and_combinations)
{
    static const points_item_t more[] = {
        {.unit = "pe",
         .term = {{.signal = "a", .values = "neg, 0, pos"}, {.signal = "sel", .values = "0, 1"}}},
        {.unit = "pe", .term = {{.signal = "b", .values = "1 to 3", .from = "1", .width = "2"}}},
        {.unit = "pe", .term = {{.signal = "s", .values = "2", .value = always_2, .what = "twice"}}},
        {.unit = "pe", .term = {{.signal = "o", .values = "1 << 40"}}, .when = "0"},
        {.unit = "score_pe", .term = {{.signal = "nothing", .values = "0"}}},
        {.unit = NULL}};
    design_t d = load("odd_5x7x3");
    char error[POINTS_ERROR_MAX];
    block_t *b = block_open(block_find("pe"), &d);
    points_t *p = points_open(block_find("pe"), &d, more, error);
    const int64_t c3[] = {0, 2, 2, 1}, a[] = {-3, 0, 4, 4}, sel[] = {1, 1, 0, 0};
    ck_assert_msg(p != NULL, "%s", error);
    points_begin(p);
    for (int i = 0; i < 4; ++i) {
        block_set(b, block_signal(b, "c3"), 0, c3[i]);
        block_set(b, block_signal(b, "a"), 0, a[i]);
        block_set(b, block_signal(b, "sel"), 0, sel[i]);
        block_set(b, block_signal(b, "b"), 0, 2 * i + 1);
        points_sample(p, b);
    }
    ck_assert_int_eq(hits_of(p, "c3 self"), 2);
    ck_assert_int_eq(hits_of(p, "c3 left"), 0);
    ck_assert_int_eq(hits_of(p, "c3 clear -> self"), 1);
    ck_assert_int_eq(hits_of(p, "c3 self -> self"), 1);
    ck_assert_int_eq(hits_of(p, "c3 self -> idle"), 1);
    ck_assert_int_eq(hits_of(p, "c3 idle -> self"), 0);
    ck_assert_int_eq(hits_of(p, "a negative x sel 1"), 1);
    ck_assert_int_eq(hits_of(p, "a 0 x sel 1"), 1);
    ck_assert_int_eq(hits_of(p, "a positive x sel 0"), 2);
    ck_assert_int_eq(hits_of(p, "a positive x sel 1"), 0);
    ck_assert_int_eq(hits_of(p, "b{2:1} 1..3"), 3);
    ck_assert_int_eq(hits_of(p, "twice 2"), 4);
    points_begin(p);
    points_sample(p, b);
    ck_assert_int_eq(hits_of(p, "c3 idle -> idle"), 0);
    points_close(p);
    block_close(b);
}
END_TEST

START_TEST(refuses_items_that_the_unit_has_not)
{
    static const struct {
        points_item_t item;
        const char *why;
    } wrong[] = {
        {{.unit = "pe", .term = {{.signal = "nothing", .values = "0"}}}, "nothing"},
        {{.unit = "pe", .term = {{.signal = "a", .values = "no_such_size"}}}, "no_such_size"},
        {{.unit = "pe", .term = {{.signal = "a", .values = "0 .. 5000"}}}, "too many"},
    };
    design_t d = load("odd_5x7x3");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
        const points_item_t more[] = {wrong[i].item, {.unit = NULL}};
        char error[POINTS_ERROR_MAX] = "";
        ck_assert_ptr_null(points_open(block_find("pe"), &d, more, error));
        ck_assert_msg(strstr(error, wrong[i].why) != NULL, "%s", error);
    }
}
END_TEST

/* Every unit of every design takes the list, and the machine its children's items. */
START_TEST(list_fits_every_design)
{
    static design_t designs[64];
    char error[POINTS_ERROR_MAX] = "";
    int n = paths_designs(designs, 64, error);
    ck_assert_int_gt(n, 0);
    for (int i = 0; i < n; ++i) {
        if (designs[i].rows * designs[i].columns > 512) continue;
        for (const block_type_t *const *t = block_types; *t; ++t) {
            if (!block_fits(*t, &designs[i])) continue;
            points_t *p = points_open(*t, &designs[i], NULL, error);
            ck_assert_msg(p != NULL, "%s: %s", designs[i].name, error);
            find_t f = {NULL, 0, 0};
            points_each(p, find, &f);
            if (!strcmp((*t)->name, "machine"))
                ck_assert_int_ge(hits_of(p, "controller.wr_code_q 8 x controller.wr_valid_q 1"), 0);
            points_close(p);
        }
    }
}
END_TEST

/* ---- reasons ---- */

START_TEST(patterns)
{
    static const struct {
        const char *pattern, *text;
        bool fits;
    } cases[] = {
        {"acc_q[*][3] *", "acc_q[12][3] 0->1", true},
        {"acc_q[*][3] *", "acc_q[12][13] 0->1", false},
        {"a[{2..4}]", "a[4]", true},
        {"a[{2..4}]", "a[5]", false},
        {"a[{2..}]", "a[77]", true},
        {"a[{2..}]", "a[1]", false},
        {"a[{7}]", "a[7]", true},
        {"a[{7}]", "a[77]", false},
        {"a[{0.. step 3}] x", "a[6] x", true},
        {"a[{0.. step 3}] x", "a[7] x", false},
        {"a[{1..9 step 4}]", "a[5]", true},
        {"a[{1..9 step 4}]", "a[13]", false},
        {"*.sum*", "machine.sum_q[0]", true},
        {"sum", "sum_q", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        ck_assert_msg(reasons_match(cases[i].pattern, cases[i].text) == cases[i].fits, "'%s' and '%s'",
                      cases[i].pattern, cases[i].text);
    }
}
END_TEST

static char *write_reasons(const char *text)
{
    static char path[] = "/tmp/sanger_reasons_XXXXXX";
    strcpy(path + strlen(path) - 6, "XXXXXX");
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    return path;
}

static const char REASONS[] =
    "[{\"units\": [\"pe\"], \"points\": [\"x_q[0][{acc_w - 1}] *\", \"n_q[0][{4..}] *\"], \"reason\": "
    "\"because\"},"
    " {\"units\": [\"pe\"], \"designs\": [\"full_4x4x4\"], \"points\": [\"x_q*\"], \"reason\": "
    "\"elsewhere\"},"
    " {\"units\": [\"exp\"], \"points\": [\"x_q*\"], \"reason\": \"another unit\"}]";

static reasons_t *open_reasons(const design_t *d)
{
    char error[REASONS_ERROR_MAX] = "", *path = write_reasons(REASONS);
    reasons_t *r = reasons_open(path, block_find("pe"), d, error);
    ck_assert_msg(r != NULL, "%s", error);
    unlink(path);
    return r;
}

START_TEST(a_reason_fits_what_it_names)
{
    design_t d = load("odd_5x7x3");
    char name[64];
    int at = 0;
    reasons_t *r = open_reasons(&d);
    snprintf(name, sizeof name, "x_q[0][%d] 0->1", d.acc.w - 1);
    ck_assert_str_eq(reasons_of_missed(r, name), "because");
    ck_assert_ptr_null(reasons_of_missed(r, "x_q[0][0] 0->1"));
    ck_assert_str_eq(reasons_of_missed(r, "n_q[0][9] 0->1"), "because");
    reasons_hit(r, "n_q[0][4] 0->1"); /* an open range: the counter got so far */
    ck_assert_ptr_null(reasons_stale(r, &at));
    reasons_close(r);
}
END_TEST

START_TEST(a_reason_without_a_miss_is_stale)
{
    design_t d = load("odd_5x7x3");
    char name[64];
    int at = 0;
    reasons_t *r = open_reasons(&d);
    snprintf(name, sizeof name, "x_q[0][%d] 0->1", d.acc.w - 1);
    ck_assert_ptr_nonnull(reasons_stale(r, &at));
    at = 0;
    reasons_of_missed(r, name);
    reasons_of_missed(r, "n_q[0][9] 0->1");
    ck_assert_ptr_null(reasons_stale(r, &at));
    at = 0;
    name[strlen(name) - 4] = '1', name[strlen(name) - 1] = '0'; /* the other way was hit */
    reasons_hit(r, name);
    ck_assert_ptr_nonnull(reasons_stale(r, &at));
    reasons_close(r);
}
END_TEST

START_TEST(refuses_broken_files)
{
    static const char *const texts[] = {
        "{}",
        "[{}]",
        "[{\"units\": [\"pe\"], \"points\": [], \"reason\": \"x\"}]",
        "[{\"units\": [\"pe\"], \"points\": [\"a\"], \"reason\": \"\"}]",
        "[{\"units\": [\"pe\"], \"points\": [\"a\"], \"reason\": \"x\", \"typo\": 1}]",
        "[{\"units\": [\"pe\"], \"points\": [\"a[{no_size}]\"], \"reason\": \"x\"}]"};
    design_t d = load("odd_5x7x3");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; ++i) {
        char error[REASONS_ERROR_MAX] = "", *path = write_reasons(texts[i]);
        ck_assert_msg(!reasons_open(path, block_find("pe"), &d, error), "%s", texts[i]);
        ck_assert_msg(strstr(error, "expected") && strstr(error, path), "%s", error);
        unlink(path);
    }
}
END_TEST

/* ---- whole runs ---- */

static const cJSON *missed(const cJSON *json, const char *points)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(json, "missed"))
    {
        if (!strcmp(cJSON_GetObjectItem(item, "points")->valuestring, points)) return item;
    }
    return NULL;
}

/* Bit 0 of the row's id is tied to 0 in the model and in the Verilog alike: the lockstep holds, the bit is
 * dead. */
static void tick_tied(void *self)
{
    split_type.tick(self);
    *((split_t *)self)->row_q &= ~INT64_C(1);
}

START_TEST(a_planted_dead_bit_is_missed_and_its_neighbours_are_not)
{
    static const patch_t tie = {"split.v", "row_q <= row_i;", "row_q <= row_i & ~@{sub_row_id_w}'d1;"};
    design_t d = load("odd_5x7x3");
    block_type_t tied = split_type;
    char error[DUT_ERROR_MAX] = "";
    lockstep_t *l = NULL;
    toggle_t *t = toggle_open(&split_type, &d);
    tied.tick = tick_tied;
    const lockstep_config_t config = {
        .design = &d, .type = &tied, .unit = "split", .patch = &tie, .toggle = t};
    ck_assert_msg(!lockstep_open(&l, &config, error), "%s", error);
    stimulus_t *s = stimulus_open(STIMULUS_LEGAL, 1, lockstep_model(l));
    ck_assert(lockstep_reset(l));
    for (int cycle = 0; cycle < 1000; ++cycle) {
        stimulus_next(s);
        ck_assert(lockstep_step(l));
    }
    int row = signal_at(t, "row_q");
    const uint64_t others = fixed_low(UINT64_MAX, d.sub_row_id_w) & ~UINT64_C(1);
    ck_assert_uint_eq(toggle_rose(t, row, 0), others);
    ck_assert_uint_eq(toggle_fell(t, row, 0), others);
    stimulus_close(s);
    lockstep_close(l);
    toggle_close(t);
}
END_TEST

static cJSON *run_split(uint64_t cycles, cosim_result_t *result)
{
    design_t d = load("odd_5x7x3");
    char error[DUT_ERROR_MAX] = "";
    cover_t *c = cover_open("split", &d, NULL, error);
    ck_assert_msg(c != NULL, "%s", error);
    for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) {
        const cosim_config_t config = {.design = &d,
                                       .design_name = d.name,
                                       .unit = "split",
                                       .kind = (stimulus_class_t)kind,
                                       .seed = 3,
                                       .cycles = cycles};
        ck_assert_msg(!cover_run(c, &config, result, error), "%s", error);
        ck_assert(!result->diverged);
    }
    cJSON *json = cover_json(c, NULL);
    cover_close(c);
    return json;
}

START_TEST(missed_points_are_named)
{
    cosim_result_t result;
    cJSON *json = run_split(2000, &result);
    ck_assert_ptr_nonnull(missed(json, "mode[0][0]")); /* slot 0 never hands on what it has not got */
    ck_assert_ptr_nonnull(missed(json, "mode[0] pass"));
    ck_assert_ptr_null(missed(json, "mask_q[0][0]"));
    ck_assert(!cover_holds(json));
    cJSON_Delete(json);
}
END_TEST

START_TEST(without_cycles_everything_is_missed)
{
    cosim_result_t result;
    cJSON *json = run_split(1, &result);
    const cJSON *registers = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "toggle"), "registers");
    ck_assert(cJSON_GetObjectItem(registers, "hit")->valuedouble <
              cJSON_GetObjectItem(registers, "points")->valuedouble);
    ck_assert(!cover_holds(json));
    cJSON_Delete(json);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cover");
    TCase *toggles = tcase_create("toggle"), *points = tcase_create("points"),
          *reasons = tcase_create("reasons"), *runs = tcase_create("runs");
    tcase_add_test(toggles, counts_rises_and_falls);
    tcase_add_test(toggles, a_new_run_begins_without_a_change);
    tcase_add_test(toggles, counts_only_the_bits_of_the_format);
    tcase_add_test(points, counts_values_pairs_and_combinations);
    tcase_add_test(points, refuses_items_that_the_unit_has_not);
    tcase_add_test(points, list_fits_every_design);
    tcase_add_test(reasons, patterns);
    tcase_add_test(reasons, a_reason_fits_what_it_names);
    tcase_add_test(reasons, a_reason_without_a_miss_is_stale);
    tcase_add_test(reasons, refuses_broken_files);
    tcase_add_test(runs, a_planted_dead_bit_is_missed_and_its_neighbours_are_not);
    tcase_add_test(runs, missed_points_are_named);
    tcase_add_test(runs, without_cycles_everything_is_missed);
    tcase_set_timeout(runs, 600);
    suite_add_tcase(suite, toggles);
    suite_add_tcase(suite, points);
    suite_add_tcase(suite, reasons);
    suite_add_tcase(suite, runs);
    return run_suite(suite);
}
