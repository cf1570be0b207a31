/* SPDX-License-Identifier: Apache-2.0 */
/* Does the SystemC bench count, compare and hash what the C harness does, cycle for cycle? */
#include "../sim/report.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sim/paths.h"
#include "../sim/queue.h"

enum { OUTPUT_MAX = 1 << 16, CYCLES = 400, SEED = 9 };

static const char *const designs[] = {"published_8x8", "odd_5x7x3", "full_4x4x4", "odd_5x7x3_travelling"};
enum { DESIGNS = sizeof designs / sizeof *designs };

/* Runs the bench; its standard output, and its exit code. The caller frees. */
static char *bench(const char *options, int *code)
{
    char command[1024], *text = calloc(1, OUTPUT_MAX);
    snprintf(command, sizeof command, "%s %s 2>&1", SANGER_SYSTEMC, options);
    FILE *pipe = text ? popen(command, "r") : NULL;
    if (!pipe) ck_abort_msg("%s: cannot be started", command);
    size_t bytes = fread(text, 1, OUTPUT_MAX - 1, pipe);
    text[bytes] = '\0';
    int status = pclose(pipe);
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return text;
}

/* The line without its speed, which differs from run to run; NULL when the text has no result line. */
static char *result_line(char *text)
{
    char *line = strstr(text, "PASS ");
    if (!line) line = strstr(text, "FAIL ");
    if (!line) return NULL;
    line[strcspn(line, "\n")] = '\0';
    char *speed = strstr(line, " kcycle/s="), *hash = strstr(line, " hash=");
    if (speed && hash > speed) memmove(speed, hash, strlen(hash) + 1);
    return line;
}

static char *line_of(const cosim_config_t *c, dut_status_t status, const cosim_result_t *result)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) ck_abort_msg("out of memory");
    report_line(out, c, status, result);
    fclose(out);
    return text;
}

/* What the C harness prints about the run. */
static char *harness(const cosim_config_t *c)
{
    cosim_result_t result;
    char error[DUT_ERROR_MAX] = "";
    dut_status_t status = cosim_run(c, NULL, NULL, &result, error);
    if (status) ck_abort_msg("%s of %s: %s", c->unit, c->design_name, error);
    return line_of(c, status, &result);
}

/* Fails unless both say the same; frees both. */
static void same_lines(const char *options, char *theirs, char *ours)
{
    char *their_line = result_line(theirs), *our_line = result_line(ours);
    if (!their_line || !our_line) ck_abort_msg("%s: no result line in '%s'", options, theirs);
    if (strcmp(their_line, our_line) != 0) ck_abort_msg("%s:\n%s\n%s", options, their_line, our_line);
    free(theirs);
    free(ours);
}

/* Runs both; fails unless they say the same and the bench's exit code fits. True when the run passed. */
static bool compare(const cosim_config_t *c)
{
    char options[512];
    int code;
    snprintf(options, sizeof options, "--design %s --unit %s --stimulus %s --seed %d --cycles %d%s%s%s",
             c->design_name, c->unit, stimulus_names[c->kind], (int)c->seed, (int)c->cycles,
             c->fast ? "" : " --model reference", c->canary ? " --canary " : "",
             c->canary ? c->canary->name : "");
    char *theirs = bench(options, &code), *ours = harness(c);
    if (code != (strstr(ours, "PASS") == NULL)) ck_abort_msg("%s: exit code %d", options, code);
    same_lines(options, theirs, ours);
    return code == 0;
}

static void compare_unit(const design_t *d, const char *name, const char *unit)
{
    bool has_fast = block_fast(block_find(unit), d) != NULL;
    for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) {
        if (!cosim_has_class(unit, (stimulus_class_t)kind)) continue;
        for (int fast = 0; fast <= has_fast; ++fast) {
            const cosim_config_t c = {.design = d,
                                      .design_name = name,
                                      .unit = unit,
                                      .fast = fast,
                                      .kind = (stimulus_class_t)kind,
                                      .seed = SEED,
                                      .cycles = CYCLES};
            compare(&c);
        }
    }
}

static design_t load(const char *name)
{
    design_t d;
    char error[DESIGN_ERROR_MAX] = "";
    if (paths_design(name, &d, error)) ck_abort_msg("%s", error);
    return d;
}

START_TEST(every_unit_gives_the_same_line_and_hash)
{
    for (int i = 0; i < DESIGNS; ++i) {
        design_t d = load(designs[i]);
        for (const block_type_t *const *t = block_types; *t; ++t) {
            if (block_fits(*t, &d)) compare_unit(&d, designs[i], (*t)->name);
        }
    }
}
END_TEST

/* ---- the machine ---- */

/* One queue of jobs, and the memory's timing. */
typedef struct {
    const char *design;
    int jobs, latency, interval, depth, stall;
    uint64_t seed;
} work_t;

/* The C harness on the same queue, in a C memory. */
static char *run_queue(const work_t *w)
{
    design_t d = load(w->design);
    char error[DUT_ERROR_MAX] = "", queue_error[QUEUE_ERROR_MAX];
    queue_t *q = queue_random(&d, w->jobs, w->seed, queue_error);
    if (!q) ck_abort_msg("%s: %s", w->design, queue_error);
    const machine_start_t start = queue_start(q);
    const memory_config_t memory = {.bytes = start.limit,
                                    .beat = d.bus_bytes,
                                    .latency = w->latency,
                                    .interval = w->interval,
                                    .depth = w->depth,
                                    .request_stall = w->stall / 100.0,
                                    .answer_stall = w->stall / 100.0,
                                    .seed = w->seed};
    const machine_run_config_t config = {
        .design = &d, .type = &machine_type, .lockstep = true, .x_seed = w->seed, .memory = memory};
    machine_run_t *r = NULL;
    uint64_t cycles;
    if (machine_run_open(&r, &config, error)) ck_abort_msg("%s: %s", w->design, error);
    memcpy(memory_bytes(machine_run_memory(r)), queue_bytes(q), start.limit);
    run_end_t end = machine_run_queue(r, &start, NULL, NULL, &cycles);
    if (end != RUN_DONE) ck_abort_msg("%s: ended as %d", w->design, (int)end);
    const cosim_config_t c = {.design = &d,
                              .design_name = w->design,
                              .unit = "machine",
                              .kind = STIMULUS_SCHEDULED,
                              .seed = w->seed,
                              .cycles = cycles};
    const cosim_result_t result = {.count = *lockstep_count(machine_run_lockstep(r))};
    machine_run_close(r);
    queue_close(q);
    return line_of(&c, DUT_OK, &result);
}

START_TEST(jobs_behind_tlm_memories_give_the_line_and_hash_of_the_c_memory)
{
    static const work_t work[] = {
        {"odd_5x7x3_travelling", 3, 50, 1, 64, 0, 1},
        {"odd_5x7x3_travelling", 2, 1, 1, 1, 0, 2},
        {"odd_5x7x3_travelling", 3, 23, 3, 5, 40, 3},
        {"full_4x4x4_travelling", 3, 7, 2, 24, 10, 4},
    };
    for (size_t i = 0; i < sizeof work / sizeof *work; ++i) {
        const work_t *w = &work[i];
        char options[512];
        int code;
        snprintf(options, sizeof options, "--design %s --jobs %d --seed %d --memory %d,%d,%d --stall %d",
                 w->design, w->jobs, (int)w->seed, w->latency, w->interval, w->depth, w->stall);
        char *theirs = bench(options, &code);
        if (code) ck_abort_msg("%s: exit code %d: %s", options, code, theirs);
        same_lines(options, theirs, run_queue(w));
    }
}
END_TEST

/* What the bench must say, and with which exit code. */
static void expect(const char *options, int expected, const char *says)
{
    int code;
    char *text = bench(options, &code);
    if (code != expected || !strstr(text, says)) {
        ck_abort_msg("%s: expected exit code %d and '%s', found %d and '%s'", options, expected, says, code,
                     text);
    }
    free(text);
}

static const char *const canary_design = "full_4x4x4";

static bool shows(const canary_t *canary)
{
    return !canary->arithmetic || !strcmp(canary->arithmetic, "signed");
}

/* The first canary of that side that the design shows. */
static const canary_t *canary_of(canary_side_t side)
{
    for (const canary_t *c = canaries; c->name; ++c) {
        if (c->side == side && shows(c)) return c;
    }
    ck_abort_msg("no canary of side %d", (int)side);
    return NULL;
}

/* Some class of stimulus must find it, with both harnesses at the same place. */
static void find_canary(const design_t *d, const canary_t *canary)
{
    int found = 0;
    for (int kind = 0; kind < STIMULUS_CLASSES; ++kind) {
        if (!cosim_has_class(canary->unit, (stimulus_class_t)kind)) continue;
        const cosim_config_t c = {.design = d,
                                  .design_name = canary_design,
                                  .unit = canary->unit,
                                  .kind = (stimulus_class_t)kind,
                                  .canary = canary,
                                  .seed = SEED,
                                  .cycles = 20 * CYCLES};
        found += !compare(&c);
    }
    if (!found) ck_abort_msg("%s: not found", canary->name);
}

START_TEST(planted_bugs_stop_both_at_the_same_cycle)
{
    design_t d = load(canary_design);
    for (int side = CANARY_RTL; side <= CANARY_MODEL; ++side) find_canary(&d, canary_of((canary_side_t)side));
}
END_TEST

START_TEST(a_wrong_state_after_reset_is_named_as_such)
{
    design_t d = load(canary_design);
    for (const canary_t *c = canaries; c->name; ++c) {
        char options[256];
        if (strncmp(c->kind, "reset", 5) != 0 || !shows(c)) continue;
        find_canary(&d, c);
        snprintf(options, sizeof options, "--design %s --unit %s --canary %s", canary_design, c->unit,
                 c->name);
        expect(options, 1, " cycle=reset ");
    }
}
END_TEST

START_TEST(a_divergence_is_named_and_can_be_repeated)
{
    char options[256], says[256];
    const canary_t *canary = canary_of(CANARY_RTL);
    snprintf(options, sizeof options, "--design %s --unit %s --canary %s", canary_design, canary->unit,
             canary->name);
    snprintf(says, sizeof says, "MISMATCH %s cycle=", canary->unit);
    expect(options, 1, says);
    snprintf(says, sizeof says, "REPRODUCE sanger cosim --design %s --unit %s", canary_design, canary->unit);
    expect(options, 1, says);
}
END_TEST

START_TEST(waves_of_jobs_are_written_without_a_word)
{
    char options[512], path[] = "/tmp/sanger-XXXXXX", vcd[64];
    int code, file = mkstemp(path);
    if (file < 0) ck_abort_msg("%s: cannot be made", path);
    close(file);
    snprintf(vcd, sizeof vcd, "%s.vcd", path);
    snprintf(options, sizeof options, "--design odd_5x7x3_travelling --jobs 1 --trace %s", path);
    char *text = bench(options, &code);
    FILE *wave = fopen(vcd, "r");
    bool empty = !wave || fseek(wave, 0, SEEK_END) || ftell(wave) < 10000;
    if (code || empty || strstr(text, "Warning")) ck_abort_msg("%s: %.500s", options, text);
    fclose(wave);
    remove(path);
    remove(vcd);
    free(text);
}
END_TEST

START_TEST(a_bug_in_the_machine_is_found_by_jobs)
{
    expect("--design odd_5x7x3_travelling --jobs 3 --canary rtl_tile_loader_values", 1,
           "REPRODUCE sanger-systemc --design odd_5x7x3_travelling --jobs 3");
    expect("--design odd_5x7x3_travelling --jobs 3 --cycles 1000", 1, "busy when the cycles were over");
}
END_TEST

START_TEST(a_run_of_nothing_fails)
{
    expect("--design full_4x4x4 --unit pe --cycles 0", 1, "VACUOUS");
}
END_TEST

START_TEST(bad_options_are_refused)
{
    expect("--unit pe", 2, "--design: expected a name or a path");
    expect("--design full_4x4x4", 2, "--unit: expected a unit");
    expect("--design full_4x4x4 --unit nothing", 2, "--unit: expected a unit, found 'nothing'");
    expect("--design nothing --unit pe", 2, "nothing");
    expect("--design full_4x4x4 --unit pe --cycles -1", 2, "--cycles: expected a count, found '-1'");
    expect("--design full_4x4x4 --unit pe --stimulus none", 2, "--stimulus: expected legal");
    expect("--design full_4x4x4 --unit pe --trace /no/such/folder/x", 2,
           "--trace: expected a file that can be");
    expect("--design", 2, "--design: expected a value, found nothing");
    expect("--nonsense", 2, "options: expected those of --help, found '--nonsense'");
    expect("--design full_4x4x4 --jobs 0", 2, "--jobs: expected 1 to 1000, found '0'");
    expect("--design full_4x4x4 --jobs 1 --unit pe", 2, "--unit: expected the machine");
    expect("--design full_4x4x4_travelling --jobs 1 --memory 0,1,1", 2, "--memory: expected LATENCY");
    expect("--design full_4x4x4_travelling --jobs 1 --stall 100", 2, "--stall: expected 0 to 99");
    expect("--design full_4x4x4 --jobs 1", 2, "unit: expected one that full_4x4x4 has, found machine");
    expect("--design full_4x4x4 --unit pe more", 2, "expected options only, found 'more'");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("systemc");
    TCase *c = tcase_create("systemc");
    tcase_set_timeout(c, 1800);
    tcase_add_test(c, every_unit_gives_the_same_line_and_hash);
    tcase_add_test(c, jobs_behind_tlm_memories_give_the_line_and_hash_of_the_c_memory);
    tcase_add_test(c, waves_of_jobs_are_written_without_a_word);
    tcase_add_test(c, a_bug_in_the_machine_is_found_by_jobs);
    tcase_add_test(c, planted_bugs_stop_both_at_the_same_cycle);
    tcase_add_test(c, a_wrong_state_after_reset_is_named_as_such);
    tcase_add_test(c, a_divergence_is_named_and_can_be_repeated);
    tcase_add_test(c, a_run_of_nothing_fails);
    tcase_add_test(c, bad_options_are_refused);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
