/* SPDX-License-Identifier: Apache-2.0 */
#include "shortest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "paths.h"
#include "process.h"
#include "sources.h"

enum { NAME_MAX_BYTES = 256, LINE = 512 };

typedef struct {
    const shortest_job_t *job;
    block_t *b;
    const signal_t *s;
    shortest_kind_t kind;
    char module[NAME_MAX_BYTES];
    char folder[PATH_MAX_BYTES + 64];
    size_t first, objects; /* of the signal, that are looked at */
    double until;
} search_t;

/* ---- files ---- */

static FILE *create(const search_t *q, const char *name)
{
    char path[PATH_MAX_BYTES + 256];
    snprintf(path, sizeof path, "%s/%s", q->folder, name);
    return fopen(path, "w");
}

/* One side's Verilog in a file of its own. */
static bool write_side(const search_t *q, const patch_t *patch, const char *name)
{
    sources_t sources;
    char error[GENERATE_ERROR_MAX];
    bool ok = !sources_open(&sources, q->job->config->design, q->job->config->unit, patch, error);
    FILE *out = ok ? create(q, name) : NULL;
    for (int i = 0; i < sources.n && out; ++i) {
        if (sources.file[i].used) fputs(sources.file[i].text, out);
    }
    sources_close(&sources);
    return out && !fclose(out);
}

/* ---- names ---- */

/* The signal's object in the flattened module; false: longer than a name here. */
static bool object_name(const search_t *q, size_t object, char out[NAME_MAX_BYTES])
{
    if (q->s->path)
        signal_object_path(q->s, object, out, NAME_MAX_BYTES);
    else
        signal_port(q->s, out);
    return strlen(out) < NAME_MAX_BYTES - 1;
}

static size_t object_bits(const search_t *q)
{
    return signal_lanes(q->s) * (size_t)q->s->bits;
}

/* A pattern of Yosys: brackets are sets there. */
static void print_pattern(FILE *out, const char *name)
{
    for (; *name; ++name) fputc(*name == '[' || *name == ']' ? '?' : *name, out);
}

/* ---- the circuit whose output is 1 in the cycles that are looked for ---- */

/* The next input of the table from i on, its port's name and bits; -1: none. */
static int next_input(const search_t *q, int i, char port[SIGNAL_NAME_MAX], int *bits)
{
    while (i < q->b->signals && q->b->table[i].kind != SIGNAL_IN) ++i;
    if (i >= q->b->signals) return -1;
    signal_port(&q->b->table[i], port);
    *bits = (int)signal_count(&q->b->table[i]) * q->b->table[i].bits;
    return i;
}

/* An instance, inputs at zero while it is reset. */
static void print_side(const search_t *q, FILE *out, const char *side)
{
    char name[NAME_MAX_BYTES], port[SIGNAL_NAME_MAX];
    int bits;
    for (size_t i = 0; i < q->objects; ++i)
        fprintf(out, "  wire [%zu:0] %s%zu;\n", object_bits(q) - 1, side, i);
    fprintf(out, "  %s u_%s (.clk_i(clk_i), .rst_ni(run_q)", side, side);
    for (int i = 0; (i = next_input(q, i, port, &bits)) >= 0; ++i)
        fprintf(out, ", .%s(%s & {%d{run_q}})", port, port, bits);
    for (size_t i = 0; i < q->objects; ++i) {
        object_name(q, q->first + i, name);
        fprintf(out, ", .\\%s (%s%zu)", name, side, i);
    }
    fputs(");\n", out);
}

static void print_found(const search_t *q, FILE *out)
{
    fputs("  assign found_o = run_q && (1'b0", out);
    for (size_t i = 0; i < q->objects && q->kind == SHORTEST_BUG; ++i)
        fprintf(out, " || clean%zu != dut%zu", i, i);
    if (q->kind != SHORTEST_BUG) {
        size_t low = q->job->index % signal_lanes(q->s) * (size_t)q->s->bits;
        fprintf(out, " || dut0[%zu+:%d] %s %d'd%llu", low, q->s->bits,
                q->kind == SHORTEST_MOVE ? "!=" : "==", q->s->bits, (unsigned long long)q->job->value);
    }
    fputs(");\nendmodule\n", out);
}

static bool write_top(const search_t *q)
{
    char port[SIGNAL_NAME_MAX];
    int bits;
    FILE *out = create(q, "top.v");
    if (!out) return false;
    fputs("module top (input clk_i, ", out);
    for (int i = 0; (i = next_input(q, i, port, &bits)) >= 0; ++i)
        fprintf(out, "input [%d-1:0] %s, ", bits, port);
    fputs("output found_o);\n  reg run_q = 1'b0;\n  always @(posedge clk_i) run_q <= 1'b1;\n", out);
    print_side(q, out, "dut");
    if (q->kind == SHORTEST_BUG) print_side(q, out, "clean");
    print_found(q, out);
    return !fclose(out);
}

/* ---- the script ---- */

/* A module of its own that shows the signal and nothing else. */
static void print_module(const search_t *q, FILE *out, const char *side)
{
    char name[NAME_MAX_BYTES];
    fprintf(out, "read_verilog -sv %s.v\nhierarchy -check -top %s\nproc\nflatten\ndelete -port %s/o:*\n",
            side, q->module, q->module);
    for (size_t i = 0; i < q->objects; ++i) {
        object_name(q, q->first + i, name);
        fprintf(out, "expose %s/w:", q->module);
        print_pattern(out, name);
        fputc('\n', out);
    }
    fprintf(out, "opt_clean\nrename %s %s\ndesign -stash %s\n", q->module, side, side);
}

static bool write_script(const search_t *q)
{
    FILE *out = create(q, "script.ys");
    if (!out) return false;
    print_module(q, out, "dut");
    if (q->kind == SHORTEST_BUG) print_module(q, out, "clean");
    fputs("design -copy-from dut dut\n", out);
    if (q->kind == SHORTEST_BUG) fputs("design -copy-from clean clean\n", out);
    fputs("read_verilog top.v\nhierarchy -check -top top\nproc\nflatten\nmemory_map\nopt_expr\nasync2sync\n"
          "dffunmap\nopt_clean\nwreduce\nopt_expr\nopt_clean\ntechmap\nsetundef -zero\nsetundef -init "
          "-zero\naigmap\n"
          "write_aiger -zinit -symbols found.aig\n",
          out);
    return !fclose(out);
}

/* ---- running ---- */

static bool run_tool(const search_t *q, char *const tool[], const char *log)
{
    char seconds[32], path[PATH_MAX_BYTES + 128];
    char *argv[16] = {"env", "-C", (char *)q->folder, "timeout", seconds};
    double left = q->until - clock_seconds();
    if (left < 0.1) return false;
    snprintf(seconds, sizeof seconds, "%.1f", left);
    snprintf(path, sizeof path, "%s/%s", q->folder, log);
    for (int i = 0; tool[i]; ++i) argv[5 + i] = tool[i];
    return !process_run(argv, path);
}

/* What ABC says last. A register's value of `cycles` cycles shows in the frame behind them, after a frame of
 * reset. */
static void read_log(const search_t *q, shortest_t *out)
{
    char path[PATH_MAX_BYTES + 128], line[LINE];
    const int delay = q->s->kind == SIGNAL_REG;
    snprintf(path, sizeof path, "%s/abc.log", q->folder);
    FILE *in = fopen(path, "r");
    while (in && fgets(line, sizeof line, in)) {
        int frame;
        const char *asserted = strstr(line, "was asserted in frame "), *none = strstr(line, "asserted in ");
        if (asserted && sscanf(asserted, "was asserted in frame %d", &frame) == 1) {
            out->first = frame - delay;
            out->cleared = out->first - 1;
        } else if (none && sscanf(none, "asserted in %d frames", &frame) == 1) {
            out->cleared = frame - 1 - delay;
        }
    }
    if (in) fclose(in);
}

/* ---- the stimulus that ABC found ---- */

/* The input and the bit of it that a word of the file names, "port" or "port[bit]"; NULL: none. */
static const signal_t *named_input(const search_t *q, const char *word, int *bit)
{
    char port[SIGNAL_NAME_MAX];
    for (int i = 0, bits; (i = next_input(q, i, port, &bits)) >= 0; ++i) {
        size_t n = strlen(port);
        if (strncmp(word, port, n)) continue;
        *bit = 0;
        if (!word[n] || (sscanf(word + n, "[%d]", bit) == 1 && *bit >= 0 && *bit < bits))
            return &q->b->table[i];
    }
    return NULL;
}

/* A line "names@frame=1". */
typedef struct {
    uint16_t input;
    uint16_t bit;
    int frame;
} one_t;

static bool read_one(const search_t *q, char *line, one_t *one)
{
    char *at = strrchr(line, '@');
    int value;
    if (!at || sscanf(at, "@%d=%d", &one->frame, &value) != 2 || value != 1) return false;
    *at = '\0';
    for (char *rest, *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        int bit;
        const signal_t *s = named_input(q, word, &bit);
        if (!s) continue;
        one->input = (uint16_t)(s - q->b->table);
        one->bit = (uint16_t)bit;
        return true;
    }
    return false;
}

static void set_one(const search_t *q, const one_t *one)
{
    const signal_t *s = &q->b->table[one->input];
    size_t index = one->bit / (size_t)s->bits;
    uint64_t bits = (uint64_t)block_get(q->b, s, index) | UINT64_C(1) << one->bit % s->bits;
    block_set(q->b, s, index,
              s->is_signed ? fixed_wrap((int64_t)bits, s->bits) : (int64_t)fixed_low(bits, s->bits));
}

static void clear_inputs(const search_t *q)
{
    for (int i = 0; i < q->b->signals; ++i) {
        const signal_t *s = &q->b->table[i];
        if (s->kind == SIGNAL_IN) memset(block_data(q->b, s), 0, signal_count(s) * (size_t)signal_bytes(s));
    }
}

/* Frame 0 is the reset; the file's frames ascend. */
static void read_stimulus(const search_t *q, int cycles, tape_t *tape)
{
    char path[PATH_MAX_BYTES + 128], *line = NULL;
    size_t room = 0;
    int frame = 1;
    snprintf(path, sizeof path, "%s/found.cex", q->folder);
    FILE *in = fopen(path, "r");
    clear_inputs(q);
    for (one_t one; in && getline(&line, &room, in) > 0;) {
        if (!read_one(q, line, &one) || one.frame < frame) continue;
        for (; frame < one.frame && frame <= cycles; ++frame) {
            if (!tape_add(tape, q->b)) break;
            clear_inputs(q);
        }
        if (one.frame <= cycles) set_one(q, &one);
    }
    for (; in && frame <= cycles; ++frame) {
        if (!tape_add(tape, q->b)) break;
        clear_inputs(q);
    }
    free(line);
    if (in) fclose(in);
}

static void check(const search_t *q, tape_t *tape, shortest_t *out)
{
    char command[LINE];
    int frames = q->job->cycles + (q->s->kind == SIGNAL_REG);
    char *const yosys[] = {"yosys", "-q", "-s", "script.ys", NULL};
    char *const abc[] = {"yosys-abc", "-c", command, NULL};
    if (!run_tool(q, yosys, "yosys.log")) return;
    double left = q->until - clock_seconds();
    snprintf(command, sizeof command, "read_aiger found.aig; bmc3 -F %d -T %d; write_cex -n found.cex",
             frames, left < 1 ? 1 : (int)left);
    run_tool(q, abc, "abc.log"); /* fails where there is nothing to write */
    read_log(q, out);
    if (out->first > 0) read_stimulus(q, out->first, tape);
}

static bool open_folder(search_t *q)
{
    char cache[PATH_MAX_BYTES], error[DUT_ERROR_MAX];
    if (paths_cache(cache, error)) return false;
    snprintf(q->folder, sizeof q->folder, "%s/shortest.part%ld", cache, (long)getpid());
    return !mkdir(q->folder, 0777);
}

static bool is_decidable(const search_t *q)
{
    const cosim_config_t *c = q->job->config;
    return !c->opened && !c->model && !c->high_counters && signal_words(q->s) == 1 && !q->s->group &&
           process_exists("yosys") && process_exists("yosys-abc");
}

/* What can be asked. Registers begin alike on both sides. */
static shortest_kind_t kind_of(const search_t *q)
{
    const canary_t *canary = q->job->config->canary;
    if (canary && canary->side == CANARY_RTL) return SHORTEST_BUG;
    if (q->s->kind != SIGNAL_REG) return SHORTEST_VALUE;
    block_reset(q->b);
    uint64_t begin = fixed_low((uint64_t)block_get(q->b, q->s, q->job->index), q->s->bits);
    return begin == q->job->value ? SHORTEST_MOVE : SHORTEST_VALUE;
}

void shortest(const shortest_job_t *job, block_t *b, tape_t *tape, shortest_t *out)
{
    const canary_t *canary = job->config->canary;
    search_t q = {.job = job, .b = b, .s = &b->table[job->signal]};
    const double begin = clock_seconds();
    q.kind = kind_of(&q);
    const bool bug = q.kind == SHORTEST_BUG;
    *out = (shortest_t){.kind = q.kind, .cleared = -1, .first = -1};
    q.until = begin + job->seconds;
    q.objects = bug ? signal_objects(q.s) : 1;
    q.first = bug ? 0 : job->index / signal_lanes(q.s);
    snprintf(q.module, sizeof q.module, "%s_%s", job->config->design->name, job->config->unit);
    if (!is_decidable(&q) || !open_folder(&q)) return;
    bool written = write_side(&q, bug ? &canary->patch : NULL, "dut.v") &&
                   (!bug || write_side(&q, NULL, "clean.v")) && write_top(&q) && write_script(&q);
    if (written) check(&q, tape, out);
    char *const remove[] = {"rm", "-rf", q.folder, NULL};
    process_run(remove, "/dev/null");
    out->seconds = clock_seconds() - begin;
}
