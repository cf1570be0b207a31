/* SPDX-License-Identifier: Apache-2.0 */
/* Do cycle vectors say what the model did, and does a check find what they say otherwise? */
#include "../sim/vectors.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../sim/cosim.h"
#include "../sim/paths.h"

/* ck_assert_msg reports to its runner each time it holds: too slow for many of them. */
#define demand(holds, ...)                                                                                   \
    do {                                                                                                     \
        if (!(holds)) ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

enum { TEXT_MAX = 1 << 20 };

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    demand(!paths_design(name, &d, error), "%s", error);
    return d;
}

/* A file that lives for one test. */
typedef struct {
    char path[64];
} scratch_t;

static scratch_t scratch_open(void)
{
    scratch_t s = {"/tmp/sanger-vectors-XXXXXX"};
    int file = mkstemp(s.path);
    demand(file >= 0, "%s cannot be made", s.path);
    close(file);
    return s;
}

static void put_bytes(const char *path, const char *text, size_t bytes)
{
    FILE *file = fopen(path, "w");
    demand(file && fwrite(text, 1, bytes, file) == bytes && !fclose(file), "%s cannot be written", path);
}

static void put(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

static char *get(const char *path)
{
    char *text = calloc(1, TEXT_MAX);
    FILE *file = fopen(path, "r");
    demand(text && file, "%s cannot be read", path);
    demand(fread(text, 1, TEXT_MAX - 1, file) < TEXT_MAX - 1, "%s is too long for this test", path);
    fclose(file);
    return text;
}

static void record(const design_t *d, const char *unit, stimulus_class_t kind, uint64_t seed,
                   const char *path)
{
    const vectors_source_t source = {d, unit, kind, seed, 200};
    char error[DUT_ERROR_MAX] = "";
    demand(!vectors_record(&source, path, error), "%s of %s, seed %d: %s", unit, d->name, (int)seed, error);
}

/* The status of a check by the model alone. */
static dut_status_t check(const design_t *d, const char *unit, const char *path, vectors_result_t *r,
                          char *error)
{
    *error = '\0';
    return vectors_check(d, unit, path, false, r, error);
}

/* ---- what was recorded holds ---- */

static void recorded_holds(const design_t *d, const char *unit, stimulus_class_t kind, const char *path)
{
    vectors_result_t r;
    char error[DUT_ERROR_MAX];
    record(d, unit, kind, 7, path);
    demand(!check(d, unit, path, &r, error), "%s: %s", unit, error);
    demand(r.cycles == 200 && vectors_hold(&r), "%s of %s: %d cycles, %s", unit, d->name, (int)r.cycles,
           r.first);
    demand(!r.unspecified, "%s of %s: recorded a value that the unit does not promise", unit, d->name);
}

START_TEST(every_unit_of_every_small_design_holds)
{
    static const char *const names[] = {"published_8x8", "odd_5x7x3",    "odd_5x7x3_travelling",
                                        "full_4x4x4",    "one_pe_6x5x1", "ties_7x9x3_travelling"};
    scratch_t s = scratch_open();
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        design_t d = load(names[i]);
        for (const block_type_t *const *t = block_types; *t; ++t) {
            if (!block_fits(*t, &d)) continue;
            recorded_holds(&d, (*t)->name, STIMULUS_ILLEGAL, s.path);
            if (cosim_has_class((*t)->name, STIMULUS_SCHEDULED))
                recorded_holds(&d, (*t)->name, STIMULUS_SCHEDULED, s.path);
        }
    }
    unlink(s.path);
}
END_TEST

/* What shows the first words of a memory that no reset sets is x; what does not is known. */
START_TEST(what_nobody_wrote_is_no_vector)
{
    scratch_t s = scratch_open();
    design_t d = load("odd_5x7x3_travelling");
    record(&d, "buffer", STIMULUS_LEGAL, 7, s.path);
    char *text = get(s.path);
    const char *first = strstr(text, " | "), *last = strrchr(text, '|');
    demand(first && first[3] == 'x', "the first cycle reads a memory that nobody wrote: %.40s", first);
    demand(last && strpbrk(last, "0123456789abcdef"), "the last cycle has no known output: %s", last);
    free(text);
    unlink(s.path);
}
END_TEST

START_TEST(model_and_rtl_both_hold)
{
    static const struct {
        const char *design, *unit;
    } cases[] = {{"full_4x4x4", "pe"}, {"published_8x8", "pack"}, {"odd_5x7x3", "split"}};
    scratch_t s = scratch_open();
    for (int i = 0; i < 3; ++i) {
        design_t d = load(cases[i].design);
        vectors_result_t r;
        char error[DUT_ERROR_MAX] = "";
        record(&d, cases[i].unit, STIMULUS_LEGAL, 3, s.path);
        dut_status_t status = vectors_check(&d, cases[i].unit, s.path, true, &r, error);
        demand(!status && vectors_hold(&r), "%s of %s: %s%s", cases[i].unit, cases[i].design, error, r.first);
    }
    unlink(s.path);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_bytes)
{
    design_t d = load("odd_5x7x3");
    scratch_t s = scratch_open();
    record(&d, "pe_row", STIMULUS_CORNER, 11, s.path);
    char *one = get(s.path);
    record(&d, "pe_row", STIMULUS_CORNER, 11, s.path);
    char *two = get(s.path);
    record(&d, "pe_row", STIMULUS_CORNER, 12, s.path);
    char *other = get(s.path);
    demand(!strcmp(one, two), "seed 11 gave two files");
    demand(strcmp(one, other) != 0, "seeds 11 and 12 gave one file");
    free(one);
    free(two);
    free(other);
    unlink(s.path);
}
END_TEST

/* ---- what was changed does not ---- */

/* The start of cycle `cycle`'s line. */
static char *line_of(char *text, int cycle)
{
    for (; text && *text == '#'; text = strchr(text, '\n') + 1) {}
    for (; cycle; --cycle) text = strchr(text, '\n') + 1;
    return text;
}

/* Another digit of the same width: only its lowest bit changes. */
static char flipped(char digit)
{
    const char *digits = "0123456789abcdef";
    return digits[(strchr(digits, digit) - digits) ^ 1];
}

START_TEST(any_flipped_output_digit_is_named)
{
    design_t d = load("full_4x4x4");
    scratch_t s = scratch_open();
    record(&d, "score_pe", STIMULUS_LEGAL, 5, s.path);
    char *text = get(s.path);
    for (int cycle = 0; cycle < 200; cycle += 13) {
        vectors_result_t r;
        char error[DUT_ERROR_MAX], expected[32], *end = strchr(line_of(text, cycle), '\n');
        char kept = end[-1]; /* of sat, the last output */
        end[-1] = flipped(kept);
        put(s.path, text);
        end[-1] = kept;
        demand(!check(&d, "score_pe", s.path, &r, error), "cycle %d: %s", cycle, error);
        snprintf(expected, sizeof expected, "cycle=%d ", cycle);
        demand(r.model_mismatches == 1 && !vectors_hold(&r), "cycle %d: not found", cycle);
        demand(strstr(r.first, expected) && strstr(r.first, "signal=sat "), "cycle %d: %s", cycle, r.first);
    }
    free(text);
    unlink(s.path);
}
END_TEST

START_TEST(a_flipped_digit_differs_from_the_rtl_too)
{
    design_t d = load("full_4x4x4");
    scratch_t s = scratch_open();
    vectors_result_t r;
    char error[DUT_ERROR_MAX] = "";
    record(&d, "pe", STIMULUS_LEGAL, 3, s.path);
    char *text = get(s.path), *end = strchr(line_of(text, 42), '\n');
    end[-1] = flipped(end[-1]);
    put(s.path, text);
    demand(!vectors_check(&d, "pe", s.path, true, &r, error), "%s", error);
    demand(r.model_mismatches == 1 && r.rtl_mismatches == 1 && !r.lockstep_mismatches, "%s", r.first);
    demand(strstr(r.first, "cycle=42 ") && strstr(r.first, "signal=sat "), "%s", r.first);
    free(text);
    unlink(s.path);
}
END_TEST

START_TEST(a_value_where_the_unit_promises_none_is_not_compared)
{
    design_t d = load("published_8x8");
    scratch_t s = scratch_open();
    vectors_result_t r;
    char error[DUT_ERROR_MAX];
    put(s.path, "# inputs: bit_0:1 bit_1:1 bit_2:1 bit_3:1 bit_4:1 bit_5:1 bit_6:1 bit_7:1 control:2\n"
                "# outputs: column_0:4 write:1\n0 0 0 0 0 0 0 0 0 | f 0\n");
    demand(!check(&d, "pack", s.path, &r, error), "%s", error);
    demand(r.unspecified == 1 && r.compared == 1 && vectors_hold(&r), "%d unspecified, %s",
           (int)r.unspecified, r.first);
    unlink(s.path);
}
END_TEST

START_TEST(a_file_of_x_alone_does_not_hold)
{
    design_t d = load("published_8x8");
    scratch_t s = scratch_open();
    vectors_result_t r;
    char error[DUT_ERROR_MAX];
    put(s.path, "# inputs: x:32\n# outputs: y:32\n1 | x\n2 | x\n");
    demand(!check(&d, "exp", s.path, &r, error), "%s", error);
    demand(r.cycles == 2 && !r.compared && !vectors_hold(&r), "%d values compared", (int)r.compared);
    unlink(s.path);
}
END_TEST

/* ---- another implementation's widths ---- */

/* pe of published_8x8 for one cycle from reset, c3 idle: x shows acc, which is 0; a and b are signed. */
#define PE_IN(a, b) "# inputs: " a " " b " sel:1 o:32 s:32 c3:3 c5:2 y:32\n# comment\n"

typedef struct {
    const char *what, *inputs, *line;
    bool accepted, holds;
} width_case_t;

static const width_case_t widths[] = {
    {"own widths", PE_IN("a:32", "b:32"), "ffffffff 1 0 0 0 1 0 0 | 0", true, true},
    {"narrower", PE_IN("a:8", "b:8"), "ff 80 0 0 0 1 0 0 | 0", true, true},
    {"narrower, value too wide for it", PE_IN("a:8", "b:8"), "1ff 80 0 0 0 1 0 0 | 0", false, false},
    {"wider, zero-extended", PE_IN("a:40", "b:64"), "ffffffff 1 0 0 0 1 0 0 | 0", true, true},
    {"wider, sign-extended", PE_IN("a:40", "b:64"), "ffffffffff ffffffff80000000 0 0 0 1 0 0 | 0", true,
     true},
    {"wider, does not fit", PE_IN("a:40", "b:64"), "1ffffffff 1 0 0 0 1 0 0 | 0", false, false},
    {"wider, does not fit signed", PE_IN("a:40", "b:64"), "1 ffffffff7fffffff 0 0 0 1 0 0 | 0", false, false},
    {"capitals and leading zeros", PE_IN("a:32", "b:32"), "00000000FFFFFFFF 0 0 0 0 1 0 0 | 00", true, true},
    {"wrong output", PE_IN("a:32", "b:32"), "1 1 0 0 0 1 0 0 | 1", true, false},
};

START_TEST(foreign_widths_hold_while_values_fit)
{
    design_t d = load("published_8x8");
    scratch_t s = scratch_open();
    for (size_t i = 0; i < sizeof widths / sizeof *widths; ++i) {
        char text[1024], error[DUT_ERROR_MAX];
        vectors_result_t r;
        snprintf(text, sizeof text, "%s# outputs: acc:20\n%s\n", widths[i].inputs, widths[i].line);
        put(s.path, text);
        bool accepted = !check(&d, "pe", s.path, &r, error);
        demand(accepted == widths[i].accepted, "%s: %s", widths[i].what, accepted ? "accepted" : error);
        demand(!accepted || vectors_hold(&r) == widths[i].holds, "%s: %s", widths[i].what, r.first);
    }
    unlink(s.path);
}
END_TEST

START_TEST(narrow_signed_words_are_sign_extended)
{
    /* -1 * 1 in 16 fraction bits: the accumulator takes -2^-16, whatever widths say so. */
    static const char *const texts[] = {
        PE_IN("a:4", "b:20") "# outputs: acc:32\nf 10000 0 0 0 2 0 0 | 0\n0 0 0 0 0 1 0 0 | ffffffff\n",
        PE_IN("a:32", "b:20") "# outputs: acc:4\nffffffff 10000 0 0 0 2 0 0 | 0\n0 0 0 0 0 1 0 0 | f\n",
        PE_IN("a:64", "b:20") "# outputs: acc:40\nffffffffffffffff 10000 0 0 0 2 0 0 | 0\n"
                              "0 0 0 0 0 1 0 0 | ffffffffff\n",
    };
    design_t d = load("published_8x8");
    scratch_t s = scratch_open();
    for (int i = 0; i < 3; ++i) {
        vectors_result_t r;
        char error[DUT_ERROR_MAX];
        put(s.path, texts[i]);
        demand(!check(&d, "pe", s.path, &r, error), "file %d: %s", i, error);
        demand(vectors_hold(&r) && r.compared == 2, "file %d: %s", i, r.first);
    }
    unlink(s.path);
}
END_TEST

/* ---- hostile files ---- */

#define EXP "# inputs: x:32\n# outputs: y:32\n"

typedef struct {
    const char *text, *says; /* what the line must contain */
} bad_t;

static const bad_t bad[] = {
    {"", ":1: header: expected '# inputs: name:bits ...', found the end"},
    {"\n\n", "found the end"},
    {"1 | 2\n", ":1: header: expected '# inputs: name:bits ...', found '1 | 2'"},
    {"# inputs: x:32\n1 | 2\n", ":2: header: expected '# outputs: name:bits ...', found '1 | 2'"},
    {"# inputs:\n# outputs: y:32\n", ":1: inputs: expected name:bits, found nothing"},
    {"# inputs: x:32\n# outputs:\n", ":2: outputs: expected name:bits, found nothing"},
    {"# inputs: x\n", ":1: inputs: expected name:bits, found 'x'"},
    {"# inputs: x:\n", ":1: x: expected a width of 1 to 64 bits, found ''"},
    {"# inputs: x:0\n", "expected a width of 1 to 64 bits, found '0'"},
    {"# inputs: x:65\n", "expected a width of 1 to 64 bits, found '65'"},
    {"# inputs: x:-3\n", "expected a width of 1 to 64 bits, found '-3'"},
    {"# inputs: x:32q\n", "expected a width of 1 to 64 bits, found '32q'"},
    {"# inputs: x:99999999999999999999999\n", "expected a width of 1 to 64 bits"},
    {"# inputs: x:32 x:32\n", "expected each name once, found 'x' again"},
    {"# inputs: z:32\n", ":1: inputs: expected a name of the unit's, found 'z'"},
    {"# inputs: y:32\n", ":1: inputs: expected a name of the unit's, found 'y'"},
    {"# inputs: x:32\n# inputs: x:32\n", ":2: inputs: expected one line of them, found another"},
    {EXP "# outputs: y:32\n1 | 2\n", ":3: outputs: expected one line of them, found another"},
    {EXP, ":3: cycles: expected at least one"},
    {EXP "# only comments\n", "cycles: expected at least one"},
    {EXP "1 2\n", ":3: line: expected inputs, '|', outputs, found no '|'"},
    {EXP "1 | 2 | 3\n", ":3: line: expected one '|', found another"},
    {EXP "1 2 | 3\n", ":3: inputs: expected 1 values, found 2"},
    {EXP " | 3\n", ":3: inputs: expected 1 values, found 0"},
    {EXP "0 | x\n1 |\n", ":4: outputs: expected 1 values, found 0"},
    {EXP "1 | 2 3\n", ":3: outputs: expected 1 values, found 2"},
    {EXP "x | 2\n", ":3: x: expected a value for an input, found 'x'"},
    {EXP "0x1 | 2\n", ":3: x: expected a hex number of 32 bits, found '0x1'"},
    {EXP "-1 | 2\n", "found '-1'"},
    {EXP "1 | xx\n", ":3: y: expected a hex number of 32 bits, found 'xx'"},
    {EXP "1 | 2g\n", "found '2g'"},
    {EXP "100000000 | 2\n", ":3: x: expected a hex number of 32 bits, found '100000000'"},
    {EXP "10000000000000001 | 2\n", ":3: x: expected a hex number of 32 bits"},
    {EXP "\x01\xff\x1b[31m | 2\n", ":3: x: expected a hex number of 32 bits, found '???[31m'"},
};

START_TEST(garbage_is_refused_in_one_line)
{
    design_t d = load("published_8x8");
    scratch_t s = scratch_open();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        vectors_result_t r;
        char error[DUT_ERROR_MAX];
        put(s.path, bad[i].text);
        dut_status_t status = check(&d, "exp", s.path, &r, error);
        demand(status == DUT_BAD_INPUT, "file %d: accepted", (int)i);
        demand(!strncmp(error, s.path, strlen(s.path)) && strstr(error, bad[i].says),
               "file %d: expected '%s' in '%s'", (int)i, bad[i].says, error);
        demand(!strchr(error, '\n'), "file %d: more than one line", (int)i);
    }
    unlink(s.path);
}
END_TEST

START_TEST(missing_inputs_are_named)
{
    design_t d = load("published_8x8");
    scratch_t s = scratch_open();
    vectors_result_t r;
    char error[DUT_ERROR_MAX];
    put(s.path, "# inputs: a:32 b:32 sel:1 o:32 s:32 c5:2 y:32\n# outputs: acc:32\n0 0 0 0 0 0 0 | 0\n");
    demand(check(&d, "pe", s.path, &r, error) &&
               strstr(error, "inputs: expected 'c3' among them, found none"),
           "%s", error);
    unlink(s.path);
}
END_TEST

START_TEST(oversized_lines_and_zero_bytes_are_refused)
{
    design_t d = load("published_8x8");
    scratch_t s = scratch_open();
    vectors_result_t r;
    char error[DUT_ERROR_MAX], *text = malloc(TEXT_MAX);
    demand(text, "out of memory");
    memset(text, '0', TEXT_MAX - 1);
    memcpy(text, EXP, strlen(EXP));
    put_bytes(s.path, text, TEXT_MAX - 1);
    demand(check(&d, "exp", s.path, &r, error) && strstr(error, ":3: line: expected at most"), "%s", error);
    static const char zero[] = EXP "1\0 | 2\n";
    put_bytes(s.path, zero, sizeof zero - 1);
    demand(check(&d, "exp", s.path, &r, error) && strstr(error, ":3: line: expected text, found a zero byte"),
           "%s", error);
    free(text);
    unlink(s.path);
}
END_TEST

START_TEST(files_that_are_none_are_refused)
{
    design_t d = load("published_8x8");
    vectors_result_t r;
    char error[DUT_ERROR_MAX];
    const vectors_source_t source = {&d, "exp", STIMULUS_LEGAL, 1, 3};
    demand(check(&d, "exp", "/tmp", &r, error) == DUT_BAD_INPUT && *error, "a folder: %s", error);
    demand(check(&d, "exp", "/tmp/no/such/file", &r, error) == DUT_BAD_INPUT && *error, "no file: %s", error);
    demand(check(&d, "exq", "/tmp", &r, error) == DUT_BAD_INPUT && strstr(error, "exq"), "no unit: %s",
           error);
    demand(vectors_record(&source, "/tmp/no/such/file", error) == DUT_BAD_INPUT && *error, "no folder: %s",
           error);
}
END_TEST

START_TEST(a_unit_without_a_scenario_has_no_scheduled_vectors)
{
    design_t d = load("published_8x8");
    for (const block_type_t *const *t = block_types; *t; ++t) {
        const vectors_source_t source = {&d, (*t)->name, STIMULUS_SCHEDULED, 1, 3};
        char error[DUT_ERROR_MAX] = "";
        if (cosim_has_class((*t)->name, STIMULUS_SCHEDULED)) continue;
        demand(vectors_record(&source, "/tmp/never", error) == DUT_BAD_INPUT, "%s: recorded", (*t)->name);
        demand(strstr(error, "scheduled") && access("/tmp/never", F_OK), "%s: %s", (*t)->name, error);
    }
}
END_TEST

/* ---- other writers ---- */

START_TEST(columns_come_in_any_order_and_spacing)
{
    design_t d = load("published_8x8");
    scratch_t s = scratch_open();
    vectors_result_t r;
    char error[DUT_ERROR_MAX];
    put(s.path, "# made elsewhere\r\n#outputs: write:1 emit:1\r\n"
                "# inputs: control:2 bit_7:1 bit_6:1 bit_5:1 bit_4:1 bit_3:1 bit_2:1 bit_1:1 bit_0:1\r\n\r\n"
                "2\t0 0 0 0 0 0 0 1|0 0\r\n# more\n  2 0 0 0 0 0 0 0 0 |1 x\r\n0 0 0 0 0 0 0 0 0|0 0");
    demand(!check(&d, "pack", s.path, &r, error), "%s", error);
    demand(r.cycles == 3 && r.compared == 5 && vectors_hold(&r), "%d cycles: %s", (int)r.cycles, r.first);
    unlink(s.path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vectors");
    TCase *c = tcase_create("vectors");
    tcase_set_timeout(c, 300);
    tcase_add_test(c, every_unit_of_every_small_design_holds);
    tcase_add_test(c, what_nobody_wrote_is_no_vector);
    tcase_add_test(c, model_and_rtl_both_hold);
    tcase_add_test(c, the_same_seed_gives_the_same_bytes);
    tcase_add_test(c, any_flipped_output_digit_is_named);
    tcase_add_test(c, a_flipped_digit_differs_from_the_rtl_too);
    tcase_add_test(c, a_value_where_the_unit_promises_none_is_not_compared);
    tcase_add_test(c, a_file_of_x_alone_does_not_hold);
    tcase_add_test(c, foreign_widths_hold_while_values_fit);
    tcase_add_test(c, narrow_signed_words_are_sign_extended);
    tcase_add_test(c, garbage_is_refused_in_one_line);
    tcase_add_test(c, missing_inputs_are_named);
    tcase_add_test(c, oversized_lines_and_zero_bytes_are_refused);
    tcase_add_test(c, files_that_are_none_are_refused);
    tcase_add_test(c, a_unit_without_a_scenario_has_no_scheduled_vectors);
    tcase_add_test(c, columns_come_in_any_order_and_spacing);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
