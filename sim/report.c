/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "explain.h"
#include "place.h"
#include "process.h"
#include "wave.h"

enum {
    INPUT_CYCLES = 8,
    WAVE_CYCLES = 32,
    HELD_CYCLES = 256,
    TAPE_CYCLES = 4096, /* most divergences need fewer */
    TAPE_MORE = 16,
    TAPE_BYTES = 1 << 29,
    LINES_MAX = 64,
    ELEMENTS_MAX = 16,
    PATHS = 4352
};

/* Everything the second run gathers. */
typedef struct {
    const cosim_config_t *config;
    uint64_t cycle; /* of the divergence */
    FILE *out;
    wave_t *wave;
    char wave_path[PATHS];
    cJSON *json;
    int lines;     /* MISMATCH lines so far */
    int signal;    /* of the table, that differs first */
    place_t place; /* in the unit's work */
    tape_t tape;   /* inputs of the last `tape_cycles` cycles */
    uint64_t tape_cycles, tape_bytes;
} gather_t;

void report_command(const cosim_config_t *c, char *command, size_t n)
{
    int at = snprintf(command, n,
                      "sanger cosim --design %s --unit %s --stimulus %s --seed %" PRIu64 " --cycles %" PRIu64,
                      c->design_name, c->unit, stimulus_names[c->kind], c->seed, c->cycles);
    const block_type_t *type = block_find(c->unit);
    bool own = c->canary && c->canary->side == CANARY_MODEL; /* its source says which model runs */
    bool chosen =
        !c->fast && !own && type && block_fast(type, c->design); /* fast is the default where there is one */
    if (chosen && at > 0 && (size_t)at < n)
        at += snprintf(command + at, n - (size_t)at, " --model reference");
    if (c->high_counters && at > 0 && (size_t)at < n)
        at += snprintf(command + at, n - (size_t)at, " --high-counters");
    if (c->choices && at > 0 && (size_t)at < n)
        at += snprintf(command + at, n - (size_t)at, " --choices %s", c->choices->path);
    if (c->canary && at > 0 && (size_t)at < n)
        snprintf(command + at, n - (size_t)at, " --canary %s", c->canary->name);
}

static const char *verdict(dut_status_t status, const cosim_result_t *r)
{
    if (status) return "ERROR";
    return r->diverged || *r->vacuous ? "FAIL " : "PASS ";
}

void report_line(FILE *out, const cosim_config_t *c, dut_status_t status, const cosim_result_t *r)
{
    const lockstep_count_t *n = &r->count;
    fprintf(out,
            "%s %-11s %-18s %-9s%s seed=%" PRIu64 " cycles=%" PRIu64 " signals=%" PRIu64 " bytes=%" PRIu64
            " changes=%" PRIu64 " mismatches=%" PRIu64 " kcycle/s=%.1f hash=%016" PRIx64,
            verdict(status, r), c->unit, c->design->name, stimulus_names[c->kind], c->fast ? " fast" : "",
            c->seed, n->cycles, n->signals, n->bytes, n->changes, n->mismatches,
            r->seconds > 0 ? 1e-3 * (double)n->cycles / r->seconds : 0, n->hash);
    if (r->check.checked) fprintf(out, " checked=%" PRIu64, r->check.checked);
    fputc('\n', out);
    if (!*r->vacuous) return;
    fprintf(out, "VACUOUS %s of %s compared nothing: zero %s\n", c->unit, c->design_name, r->vacuous);
}

/* ---- the last inputs ---- */

static void print_input(FILE *out, const block_t *b, const signal_t *s)
{
    size_t count = signal_count(s);
    fprintf(out, " %s=", s->name);
    for (size_t i = 0; i < count && i < ELEMENTS_MAX; ++i) {
        fprintf(out, "%s%" PRIx64, i ? "," : "", fixed_low((uint64_t)block_get(b, s, i), s->bits));
    }
    if (count > ELEMENTS_MAX) fprintf(out, ",...(%zu)", count);
}

char *report_phase(const block_t *b)
{
    char word[SIGNAL_WORD_MAX], *text = NULL;
    size_t bytes = 0;
    const char *gap = "";
    FILE *out = open_memstream(&text, &bytes);
    if (!out) return NULL;
    for (int i = 0; i < b->signals; ++i) {
        const signal_t *s = &b->table[i];
        if (s->kind != SIGNAL_IN || !s->codes || s->dims) continue;
        int64_t code = block_get(b, s, 0);
        const char *name = signal_code_name(s, code, word);
        fprintf(out, "%s%s=%" PRId64 "%s%s", gap, s->name, code, *name ? ":" : "", name);
        gap = " ";
    }
    fclose(out);
    return text;
}

static void print_inputs(gather_t *g, const block_t *b, uint64_t cycle)
{
    fprintf(g->out, "INPUT  %s cycle=%" PRIu64, b->type->name, cycle);
    for (int i = 0; i < b->signals; ++i) {
        if (b->table[i].kind == SIGNAL_IN) print_input(g->out, b, &b->table[i]);
    }
    fputc('\n', g->out);
}

/* ---- the differences ---- */

void report_difference(FILE *out, const char *unit, const char *when, const char *phase,
                       const difference_t *x, const char *run)
{
    char name[SIGNAL_NAME_MAX];
    signal_element_name(x->signal, x->index, name);
    fprintf(out,
            "MISMATCH %s cycle=%s phase=[%s] signal=%s kind=%s model=0x%" PRIx64 " (%.6g) dut=0x%" PRIx64
            " (%.6g) xor=0x%" PRIx64 " run=%s\n",
            unit, when, phase, name, signal_kind_name(x->signal->kind), x->model,
            explain_value(x->signal, x->model), x->dut, explain_value(x->signal, x->dut), x->model ^ x->dut,
            run);
}

void report_mismatch(FILE *out, const cosim_config_t *c, uint64_t cycle, const char *phase,
                     const difference_t *x)
{
    char when[24] = "reset", run[PATHS];
    if (cycle != COSIM_RESET) snprintf(when, sizeof when, "%" PRIu64, cycle);
    snprintf(run, sizeof run, "%s:%s:%" PRIu64, c->design_name, stimulus_names[c->kind], c->seed);
    report_difference(out, c->unit, when, phase, x, run);
}

static void print_place(gather_t *g)
{
    char text[96];
    if (!place_known(&g->place)) return;
    place_text(&g->place, text, sizeof text);
    fprintf(g->out, "PLACE %s %s   (counted from 0 since reset)\n", g->config->unit, text);
    cJSON_AddStringToObject(g->json, "place", text);
}

static void print_differences(gather_t *g, lockstep_t *l)
{
    const difference_t *x;
    char *phase = report_phase(lockstep_model(l));
    int n = lockstep_differences(l, &x);
    if (!phase) return;
    cJSON *list = cJSON_AddArrayToObject(g->json, "differences");
    cJSON_AddStringToObject(g->json, "phase", phase);
    for (int i = 0; i < n && i < LINES_MAX; ++i) {
        report_mismatch(g->out, g->config, g->cycle, phase, &x[i]);
        cJSON_AddItemToArray(list, explain_difference(&x[i]));
    }
    if (n > LINES_MAX) fprintf(g->out, "... and %d more elements differ\n", n - LINES_MAX);
    if (g->wave) wave_save_file(g->wave_path, l, x, n, g->cycle == COSIM_RESET ? 0 : g->cycle);
    g->lines = n;
    if (n) g->signal = (int)(x->signal - lockstep_model(l)->table);
    print_place(g);
    free(phase);
}

/* On the tape, while there is room. */
static void record(gather_t *g, const block_t *b, uint64_t cycle)
{
    int from = g->tape.changes;
    bool wanted = g->config->minimise > 0 && g->cycle - cycle < g->tape_cycles;
    if (!wanted || g->tape_bytes >= TAPE_BYTES || !tape_add(&g->tape, b)) return;
    for (int i = from; i < g->tape.changes; ++i) g->tape_bytes += g->tape.change[i].bytes;
}

static void observe(void *context, lockstep_t *l, uint64_t cycle, bool after_edge)
{
    gather_t *g = context;
    uint64_t shown = cycle == COSIM_RESET ? 0 : cycle; /* waves begin with the state after reset */
    if (g->config->report_dir && !g->wave && g->cycle - cycle <= WAVE_CYCLES)
        g->wave = wave_open(g->wave_path, l);
    if (g->wave) wave_emit(g->wave, l, shown, after_edge);
    if (!after_edge) {
        place_step(&g->place, lockstep_model(l));
        if (g->config->minimise > 0 && g->cycle - cycle < g->tape_cycles)
            tape_add(&g->tape, lockstep_model(l));
        if (cycle + INPUT_CYCLES > g->cycle) print_inputs(g, lockstep_model(l), cycle);
    }
    const difference_t *x;
    if (cycle == g->cycle && !g->lines && lockstep_differences(l, &x) > 0) print_differences(g, l);
}

/* ---- putting it together ---- */

static int make_report_dir(const cosim_config_t *c, char error[DUT_ERROR_MAX])
{
    if (!c->report_dir || !mkdir(c->report_dir, 0777) || errno == EEXIST) return 0;
    snprintf(error, DUT_ERROR_MAX, "%s: report folder: expected one that can be made, found: %s",
             c->report_dir, strerror(errno));
    return -1;
}

static void add_run(gather_t *g, const char *command)
{
    char hash[17], version[96] = "", error[DUT_ERROR_MAX];
    const cosim_config_t *c = g->config;
    const patch_t *patch = c->canary && c->canary->side == CANARY_RTL ? &c->canary->patch : NULL;
    design_hash(c->design, hash);
    cJSON_AddStringToObject(g->json, "unit", c->unit);
    cJSON_AddStringToObject(g->json, "design", c->design_name);
    cJSON_AddStringToObject(g->json, "design_hash", hash);
    if (!dut_hash(c->design, c->unit, patch, hash, error)) cJSON_AddStringToObject(g->json, "rtl_hash", hash);
    cJSON_AddStringToObject(g->json, "sanger", SANGER_VERSION);
    if (process_line("verilator --version", version, sizeof version))
        cJSON_AddStringToObject(g->json, "verilator", version);
    cJSON_AddStringToObject(g->json, "stimulus", stimulus_names[c->kind]);
    cJSON_AddStringToObject(g->json, "model", c->fast ? "fast" : "reference");
    if (c->canary) cJSON_AddStringToObject(g->json, "canary", c->canary->name);
    cJSON_AddNumberToObject(g->json, "seed", (double)c->seed);
    if (g->cycle == COSIM_RESET)
        cJSON_AddStringToObject(g->json, "cycle", "reset");
    else
        cJSON_AddNumberToObject(g->json, "cycle", (double)g->cycle);
    cJSON_AddStringToObject(g->json, "command", command);
}

static dut_status_t write_json(gather_t *g, char error[DUT_ERROR_MAX])
{
    char path[PATHS];
    const cosim_config_t *c = g->config;
    cJSON_AddStringToObject(g->json, "folder", c->report_dir);
    char *text = cJSON_Print(g->json);
    snprintf(path, sizeof path, "%s/report.json", c->report_dir);
    FILE *file = text ? fopen(path, "w") : NULL;
    bool ok = file && fprintf(file, "%s\n", text) > 0;
    if (file && fclose(file)) ok = false;
    cJSON_free(text);
    if (ok) return DUT_OK;
    snprintf(error, DUT_ERROR_MAX, "%s: file: expected one that can be written, found: %s", path,
             strerror(errno));
    return DUT_BAD_INPUT;
}

static void observe_inputs(void *context, lockstep_t *l, uint64_t cycle, bool after_edge)
{
    if (!after_edge) record(context, lockstep_model(l), cycle);
}

/* Records more of the cycles before the divergence. False: there are no more, or an error. */
static bool record_more(gather_t *g, dut_status_t *status, char error[DUT_ERROR_MAX])
{
    cosim_result_t again;
    if (g->cycle == COSIM_RESET || g->cycle < g->tape_cycles) return false;
    tape_free(&g->tape);
    g->tape_bytes = 0;
    g->tape_cycles *= TAPE_MORE;
    *status = cosim_run(g->config, observe_inputs, g, &again, error);
    return !*status;
}

/* Most divergences come from the last cycles alone; where they do not, from more of them. */
static dut_status_t explain_run(gather_t *g, char error[DUT_ERROR_MAX])
{
    char why[MINIMISE_WHY_MAX] = "the inputs of its last cycles are too many to keep";
    double end = clock_seconds() + g->config->minimise;
    dut_status_t status = DUT_OK;
    while (g->tape_bytes < TAPE_BYTES) {
        const minimise_job_t job = {
            .config = g->config, .tape = &g->tape, .signal = g->signal, .budget = end - clock_seconds()};
        status = explain(&job, g->out, g->json, why, error);
        if (status || !*why) return status;
        if (clock_seconds() >= end || !record_more(g, &status, error)) break;
    }
    if (!status) fprintf(g->out, "MINIMISED %s: none; %s\n", g->config->unit, why);
    return status;
}

dut_status_t report_divergence(const cosim_config_t *c, const cosim_result_t *result, FILE *out,
                               char error[DUT_ERROR_MAX])
{
    gather_t g = {.config = c,
                  .cycle = result->cycle,
                  .out = out,
                  .json = cJSON_CreateObject(),
                  .tape_cycles = TAPE_CYCLES};
    char command[1024];
    cosim_result_t again;
    if (make_report_dir(c, error)) {
        cJSON_Delete(g.json);
        return DUT_BAD_INPUT;
    }
    if (c->report_dir) snprintf(g.wave_path, sizeof g.wave_path, "%s/window", c->report_dir);
    report_command(c, command, sizeof command);
    add_run(&g, command);
    place_reset(&g.place);
    dut_status_t status = cosim_run(c, observe, &g, &again, error);
    wave_close(g.wave);
    if (*result->check.fault)
        fprintf(out, "MISMATCH %s cycle=%" PRIu64 " %s\n", c->unit, result->cycle, result->check.fault);
    else if (!status && !g.lines)
        fprintf(out, "MISMATCH %s did not come again: the run does not repeat\n", c->unit);
    fprintf(out, "REPRODUCE %s\n", command);
    if (!status && c->report_dir)
        fprintf(out, "WAVES gtkwave %s/window.gtkw   (window.fst, model and dut side by side; report.json)\n",
                c->report_dir);
    if (!status && g.lines && c->minimise > 0) status = explain_run(&g, error);
    if (!status && c->report_dir) status = write_json(&g, error);
    tape_free(&g.tape);
    cJSON_Delete(g.json);
    return status;
}

/* ---- waves of a run that held ---- */

static void observe_waves(void *context, lockstep_t *l, uint64_t cycle, bool after_edge)
{
    gather_t *g = context;
    if (!g->wave) g->wave = wave_open(g->wave_path, l);
    if (!g->wave) return;
    wave_emit(g->wave, l, cycle == COSIM_RESET ? 0 : cycle, after_edge);
    if (cycle == 0 && !after_edge) wave_save_file(g->wave_path, l, NULL, 0, 0);
}

dut_status_t report_waves(const cosim_config_t *c, FILE *out, char error[DUT_ERROR_MAX])
{
    cosim_config_t first = *c;
    gather_t g = {.config = c, .out = out};
    cosim_result_t again;
    if (make_report_dir(c, error)) return DUT_BAD_INPUT;
    if (first.cycles > HELD_CYCLES) first.cycles = HELD_CYCLES;
    snprintf(g.wave_path, sizeof g.wave_path, "%s/window", c->report_dir);
    dut_status_t status = cosim_run(&first, observe_waves, &g, &again, error);
    if (!status && !g.wave) {
        snprintf(error, DUT_ERROR_MAX, "%s.fst: waves: expected a file that can be written, found none",
                 g.wave_path);
        status = DUT_BAD_INPUT;
    }
    wave_close(g.wave);
    if (!status)
        fprintf(out, "WAVES gtkwave %s/window.gtkw   (the first %" PRIu64 " cycles)\n", c->report_dir,
                first.cycles);
    return status;
}
