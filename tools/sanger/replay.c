/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../sim/number.h"
#include "../../sim/replay_report.h"
#include "replay_outputs.h"
#include "sanger.h"

enum { HEADS_MAX = 1 << 16, JOBS_MAX = 64, NONE = -1 };

typedef struct {
    const char *verb, *path, *design, *layer;
    int64_t head, sequence;
    double bound, threshold;
    uint64_t jobs;
    bool lockstep, json;
    const char *timeline, *outputs;
    memory_config_t memory;
    replay_mask_t mask;
    bool mask_given;
    replay_model_t model;
    bool model_given;
} options_t;

static bool parse_real(const options_t *o, const char *option, const char *text, double *value)
{
    if (number_real(text, 0, 1e9, value)) return true;
    usage_error(o->verb, "%s: expected a number from 0, found '%.64s'", option, text);
    return false;
}

static bool parse_index(const options_t *o, const char *option, const char *text, int64_t *value)
{
    uint64_t n;
    if (!parse_count(o->verb, option, text, 0, HEADS_MAX, &n)) return false;
    *value = (int64_t)n;
    return true;
}

static bool parse_mask(options_t *o, const char *text)
{
    o->mask = !strcmp(text, "predict") ? REPLAY_MASK_PREDICT : REPLAY_MASK_TRACE;
    o->mask_given = true;
    if (o->mask == REPLAY_MASK_PREDICT || !strcmp(text, "trace")) return true;
    usage_error(o->verb, "--mask: expected trace or predict, found '%.64s'", text);
    return false;
}

static bool parse_model(options_t *o, const char *text)
{
    o->model = !strcmp(text, "stepped") ? REPLAY_MODEL_STEPPED : REPLAY_MODEL_PASS;
    o->model_given = true;
    if (o->model == REPLAY_MODEL_STEPPED || !strcmp(text, "pass")) return true;
    usage_error(o->verb, "--model: expected pass or stepped, found '%.64s'", text);
    return false;
}

static bool parse_memory(const options_t *o, const char *text, memory_config_t *m)
{
    int found[3];
    if (!number_list(text, 3, 1, 4096, found)) {
        usage_error(o->verb, "--memory: expected LATENCY,INTERVAL,DEPTH, each 1 to 4096, found '%.64s'",
                    text);
        return false;
    }
    m->latency = found[0], m->interval = found[1], m->depth = found[2];
    return true;
}

static int parse(int argc, char **argv, options_t *o)
{
    static const struct option options[] = {{"design", required_argument, NULL, 'd'},
                                            {"layer", required_argument, NULL, 'l'},
                                            {"head", required_argument, NULL, 'h'},
                                            {"sequence", required_argument, NULL, 's'},
                                            {"mask", required_argument, NULL, 'm'},
                                            {"bound", required_argument, NULL, 'b'},
                                            {"threshold", required_argument, NULL, 't'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"lockstep", no_argument, NULL, 'L'},
                                            {"model", required_argument, NULL, 'c'},
                                            {"memory", required_argument, NULL, 'M'},
                                            {"timeline", required_argument, NULL, 'T'},
                                            {"outputs", required_argument, NULL, 'O'},
                                            {"json", no_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        bool ok = true;
        switch (c) {
        case 'd': o->design = optarg; break;
        case 'l': o->layer = optarg; break;
        case 'h': ok = parse_index(o, "--head", optarg, &o->head); break;
        case 's': ok = parse_index(o, "--sequence", optarg, &o->sequence); break;
        case 'm': ok = parse_mask(o, optarg); break;
        case 'b': ok = parse_real(o, "--bound", optarg, &o->bound); break;
        case 't': ok = parse_real(o, "--threshold", optarg, &o->threshold); break;
        case 'j': ok = parse_count(o->verb, "--jobs", optarg, 1, JOBS_MAX, &o->jobs); break;
        case 'L': o->lockstep = true; break;
        case 'c': ok = parse_model(o, optarg); break;
        case 'M': ok = parse_memory(o, optarg, &o->memory); break;
        case 'T': o->timeline = optarg; break;
        case 'O': o->outputs = optarg; break;
        case 'o': o->json = true; break;
        default: return option_error(o->verb, c, argv);
        }
        if (!ok) return EXIT_USAGE;
    }
    if (o->lockstep && o->model_given && o->model == REPLAY_MODEL_PASS)
        return usage_error(o->verb, "--model: expected stepped with --lockstep, found 'pass'");
    if (optind + 1 != argc)
        return usage_error(o->verb, "arguments: expected one trace, found %d", argc - optind);
    o->path = argv[optind];
    return EXIT_HOLDS;
}

/* ---- which heads ---- */

static int check_layer(const options_t *o, const replay_config_t *c, const trace_layer_t *l)
{
    const char *lacks = replay_lacks(c, l);
    if (lacks) return usage_error(o->verb, "%s: layer %s: expected %s, found none", o->path, l->id, lacks);
    if (o->sequence != NONE && (size_t)o->sequence >= l->B) {
        return usage_error(o->verb, "--sequence: expected below %zu (layer %s), found %lld", l->B, l->id,
                           (long long)o->sequence);
    }
    if (o->head != NONE && (size_t)o->head >= l->H) {
        return usage_error(o->verb, "--head: expected below %zu (layer %s), found %lld", l->H, l->id,
                           (long long)o->head);
    }
    return EXIT_HOLDS;
}

static int add_layer(const options_t *o, const trace_layer_t *l, replay_item_t *items, int n)
{
    size_t b = o->sequence == NONE ? 0 : (size_t)o->sequence, b_end = o->sequence == NONE ? l->B : b + 1;
    size_t first = o->head == NONE ? 0 : (size_t)o->head, h_end = o->head == NONE ? l->H : first + 1;
    for (; b < b_end; ++b) {
        for (size_t h = first; h < h_end; ++h) {
            if (n >= HEADS_MAX) return HEADS_MAX + 1; /* too many: a trace may claim any number */
            items[n++] = (replay_item_t){l, b, h};
        }
    }
    return n;
}

static int choose(const options_t *o, const replay_config_t *c, replay_item_t *items, int *n)
{
    bool found = false;
    for (size_t i = 0; i < trace_layer_count(c->trace); ++i) {
        const trace_layer_t *l = trace_layer(c->trace, i);
        if (o->layer && strcmp(o->layer, l->id) != 0) continue;
        int code = check_layer(o, c, l);
        if (code) return code;
        *n = add_layer(o, l, items, *n);
        found = true;
    }
    if (!found)
        return usage_error(o->verb, "--layer: expected a layer of %s, found '%.32s'", o->path,
                           o->layer ? o->layer : "");
    if (*n > HEADS_MAX) {
        return usage_error(o->verb, "%s: heads: expected at most %d in a run, found more", o->path,
                           HEADS_MAX);
    }
    return *n ? EXIT_HOLDS : usage_error(o->verb, "%s: heads: expected at least one, found none", o->path);
}

/* ---- workers: each writes its heads' figures and row errors, or why it could not, to its file ---- */

static bool put_stats(FILE *to, const ground_truth_stats_t *s)
{
    return !s->rows || fwrite(s->error, sizeof *s->error, s->rows, to) == s->rows;
}

static bool get_stats(FILE *from, ground_truth_stats_t *s)
{
    s->capacity = s->rows;
    s->error = s->rows ? malloc(s->rows * sizeof *s->error) : NULL;
    return !s->rows || (s->error && fread(s->error, sizeof *s->error, s->rows, from) == s->rows);
}

static size_t output_words(const replay_head_t *h)
{
    return h->layer->L * h->layer->d;
}

static bool put_outputs(FILE *to, const replay_head_t *h)
{
    return !h->outputs || fwrite(h->outputs, sizeof *h->outputs, output_words(h), to) == output_words(h);
}

/* Into the outputs' file when there is one; of a run without outputs it stays without the rest. */
static bool get_outputs(FILE *from, replay_head_t *h, replay_outputs_t *to, char error[REPLAY_ERROR_MAX])
{
    bool any = h->outputs; /* the worker's address */
    h->outputs = NULL;
    if (!any) return true;
    float *words = malloc(output_words(h) * sizeof *words);
    bool ok = words && fread(words, sizeof *words, output_words(h), from) == output_words(h);
    if (!ok) snprintf(error, REPLAY_ERROR_MAX, "out of memory");
    ok = ok && replay_outputs_add(to, words, output_words(h), error);
    free(words);
    return ok;
}

static int give_up(FILE *to, int code, const char *why)
{
    rewind(to);
    fprintf(to, "%s\n", why); /* over the heads so far, which nobody will read */
    return fflush(to), code;
}

/* Workers meet the same obstacle: only the first one's words are printed. */
static int repeat_reason(const options_t *o, int code, FILE *from)
{
    char why[REPLAY_ERROR_MAX] = "a worker process died";
    rewind(from);
    bool gave_up = code == EXIT_USAGE || code == EXIT_MISSING; /* else no words are there */
    if (gave_up && !fgets(why, sizeof why, from)) strcpy(why, "temporary file: write failed");
    why[strcspn(why, "\n")] = '\0';
    usage_error(o->verb, "%s", why);
    return gave_up ? code : EXIT_USAGE;
}

/* Consecutive heads of one layer and sequence are one run of the machine, whatever the number of workers. */
static int run_length(const replay_item_t *items, int n, int first)
{
    int count = 1;
    while (first + count < n && count < REPLAY_HEADS_MAX &&
           items[first + count].layer == items[first].layer &&
           items[first + count].sequence == items[first].sequence)
        ++count;
    return count;
}

static bool put_heads(FILE *to, replay_head_t *heads, int n)
{
    bool ok = true;
    for (int i = 0; i < n; ++i) {
        ok = ok && fwrite(&heads[i], sizeof heads[i], 1, to) == 1 && put_stats(to, &heads[i].error) &&
             put_stats(to, &heads[i].dense_error) && put_outputs(to, &heads[i]);
        replay_head_free(&heads[i]);
    }
    return ok;
}

static int work_run(const replay_config_t *c, const replay_item_t *items, int n, FILE *to)
{
    replay_head_t heads[REPLAY_HEADS_MAX];
    size_t numbers[REPLAY_HEADS_MAX];
    char error[REPLAY_ERROR_MAX];
    dut_status_t status;
    for (int i = 0; i < n; ++i) numbers[i] = items[i].head;
    if (!replay_run(c, items->layer, items->sequence, numbers, n, heads, &status, error))
        return give_up(to, status == DUT_MISSING_TOOL ? EXIT_MISSING : EXIT_USAGE, error);
    if (!put_heads(to, heads, n))
        return give_up(to, EXIT_USAGE, "temporary file: expected room for figures, found none");
    return EXIT_HOLDS;
}

/* Worker w takes every jobs-th run. */
static int work(const options_t *o, const replay_config_t *shared, const replay_item_t *items, int n, int w,
                FILE *to)
{
    replay_config_t c = *shared;
    int code = EXIT_HOLDS;
    for (int first = 0, run = 0, count; first < n && !code; first += count, ++run) {
        count = run_length(items, n, first);
        if (run) c.timeline = NULL;
        if (run % (int)o->jobs != w) continue;
        code = work_run(&c, items + first, count, to);
        if (w == 0 && isatty(2)) fprintf(stderr, "\r%d of %d heads", first + count, n);
    }
    if (w == 0 && isatty(2)) fputs("\r\033[K", stderr);
    if (!code && fflush(to)) code = EXIT_USAGE;
    return code;
}

static bool read_head(FILE *from, replay_head_t *h, replay_outputs_t *outputs, char error[REPLAY_ERROR_MAX])
{
    snprintf(error, REPLAY_ERROR_MAX, "out of memory");
    if (fread(h, sizeof *h, 1, from) != 1) return false;
    h->error.error = h->dense_error.error = NULL; /* the worker's addresses */
    return get_stats(from, &h->error) && get_stats(from, &h->dense_error) &&
           get_outputs(from, h, outputs, error);
}

static bool read_heads(const options_t *o, FILE **files, const replay_item_t *items, int n,
                       replay_head_t *heads, replay_outputs_t *outputs, char error[REPLAY_ERROR_MAX])
{
    for (int w = 0; w < (int)o->jobs; ++w) rewind(files[w]);
    for (int first = 0, run = 0, count; first < n; first += count, ++run) {
        count = run_length(items, n, first);
        for (int i = first; i < first + count; ++i) {
            if (!read_head(files[run % (int)o->jobs], &heads[i], outputs, error)) return false;
        }
    }
    return true;
}

static int run_workers(options_t *o, const replay_config_t *c, const replay_item_t *items, int n,
                       replay_head_t *heads, replay_outputs_t *outputs)
{
    char error[REPLAY_ERROR_MAX];
    FILE *files[JOBS_MAX];
    pid_t workers[JOBS_MAX];
    int code = EXIT_HOLDS;
    if (o->jobs > JOBS_MAX) o->jobs = JOBS_MAX; /* there may be more processors */
    if ((int)o->jobs > n) o->jobs = (uint64_t)n;
    fflush(NULL);
    for (int w = 0; w < (int)o->jobs; ++w) {
        files[w] = tmpfile();
        workers[w] = files[w] ? fork() : -1;
        if (workers[w] == 0) _exit(work(o, c, items, n, w, files[w]));
        if (workers[w] < 0) return usage_error(o->verb, "no worker process can be started");
    }
    for (int w = 0; w < (int)o->jobs; ++w) {
        int status = 0;
        waitpid(workers[w], &status, 0);
        bool failed = !WIFEXITED(status) || WEXITSTATUS(status);
        if (failed && !code) code = repeat_reason(o, WIFEXITED(status) ? WEXITSTATUS(status) : 0, files[w]);
    }
    if (!code && !read_heads(o, files, items, n, heads, outputs, error))
        code = usage_error(o->verb, "%s", error);
    for (int w = 0; w < (int)o->jobs; ++w) fclose(files[w]);
    return code;
}

static int report(const options_t *o, const replay_config_t *c, int n, replay_head_t *heads)
{
    const replay_report_t r = {c, o->path, o->bound, n, heads};
    if (!o->json)
        replay_print_table(&r);
    else if (!replay_print_json(&r))
        return usage_error(o->verb, "JSON: out of memory");
    fflush(stdout);
    return replay_verdict(&r, o->verb) ? EXIT_MISMATCH : EXIT_HOLDS;
}

static bool all_have_outputs(const replay_head_t *heads, int n)
{
    for (int i = 0; i < n; ++i) {
        if (heads[i].end != RUN_DONE) return false;
    }
    return true;
}

static int run_items(options_t *o, const replay_config_t *c, const replay_item_t *items, int n,
                     replay_head_t *heads)
{
    char error[REPLAY_ERROR_MAX];
    replay_outputs_t *outputs = NULL;
    if (o->outputs) {
        outputs = replay_outputs_open(o->outputs, c->design->name, o->path, items, n, error);
        if (!outputs) return usage_error(o->verb, "%s", error);
    }
    int code = run_workers(o, c, items, n, heads, outputs);
    if (!replay_outputs_close(outputs, !code && all_have_outputs(heads, n), error))
        return usage_error(o->verb, "%s", error);
    return code;
}

static int replay_trace(options_t *o, const design_t *d, trace_t *trace)
{
    const trace_layer_t *layer = trace_layer(trace, 0);
    bool predict = o->mask_given ? o->mask == REPLAY_MASK_PREDICT : !layer->has_mask;
    const replay_config_t c = {.design = d,
                               .trace = trace,
                               .lockstep = o->lockstep,
                               .model = o->model,
                               .mask = predict ? REPLAY_MASK_PREDICT : REPLAY_MASK_TRACE,
                               .threshold = o->threshold,
                               .memory = o->memory,
                               .outputs = o->outputs,
                               .timeline = o->timeline};
    replay_item_t *items = calloc(HEADS_MAX, sizeof *items);
    int n = 0, code = items ? choose(o, &c, items, &n) : usage_error(o->verb, "out of memory");
    replay_head_t *heads = calloc((size_t)n + 1, sizeof *heads);
    if (!code && !heads) code = usage_error(o->verb, "out of memory");
    if (!code) code = run_items(o, &c, items, n, heads);
    if (!code) code = report(o, &c, n, heads);
    for (int i = 0; i < n && heads; ++i) replay_head_free(&heads[i]);
    free(heads);
    free(items);
    return code;
}

static int replay(options_t *o)
{
    design_t d;
    trace_t *trace;
    char error[TRACE_ERROR_BYTES];
    if (!load_design(o->verb, o->design, &d)) return EXIT_USAGE;
    const char *lacks = design_lacks_machine(&d);
    if (lacks)
        return usage_error(o->verb, "%s: expected a design that can replay, found none of: %s", d.name,
                           lacks);
    if (!block_fits(&machine_type, &d))
        return usage_error(
            o->verb, "%s: expected a design that can replay, found no unit machine for its control", d.name);
    if (!trace_open(o->path, &trace, error, sizeof error)) return usage_error(o->verb, "%s", error);
    int code = replay_trace(o, &d, trace);
    trace_close(trace);
    return code;
}

static int run(int argc, char **argv)
{
    options_t o = {.verb = "replay",
                   .head = NONE,
                   .sequence = NONE,
                   .bound = 0.05,
                   .threshold = -1,
                   .memory = {.latency = 50, .interval = 1, .depth = 64},
                   .jobs = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN)};
    int code = parse(argc, argv, &o);
    return code ? code : replay(&o);
}

static int run_check(int argc, char **argv)
{
    options_t o = {.verb = "check",
                   .head = NONE,
                   .sequence = NONE,
                   .bound = 0.05,
                   .threshold = -1,
                   .memory = {.latency = 50, .interval = 1, .depth = 64},
                   .jobs = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN)};
    int code = parse(argc, argv, &o);
    if (!code && o.lockstep)
        return usage_error("check", "--lockstep: expected on sanger replay, found on check");
    return code ? code : replay(&o);
}

#define OPTIONS                                                                                              \
    "  --layer ID --head N --sequence N   this layer, head, sequence only\n"                                 \
    "  --mask trace|predict   the trace's mask (default where it has one) or the machine's own; their\n"     \
    "                         agreement is reported either way. The bias always comes from the prediction\n" \
    "  --threshold T          of the prediction; default: the trace's\n"                                     \
    "  --bound F              exit 1 when the worst row error is above F (default 0.05)\n"                   \
    "  --memory L,I,D         latency in cycles, cycles a beat, requests in flight (default 50,1,64)\n"      \
    "  --timeline FILE        Chrome trace (Perfetto) of the first layer's run\n"                            \
    "  --outputs FILE         the machine's outputs as safetensors: layer.ID.o, F32 [sequences, heads, L, "  \
    "d]\n"                                                                                                   \
    "  --jobs N               worker processes (default: as many as processors)\n"                           \
    "  --model pass|stepped   of the machine, without --lockstep: passes computed as a whole, or every\n"    \
    "                         register in every cycle; figures are equal (default pass)\n"                   \
    "  --json                 figures as JSON\n\n"                                                           \
    "Row error is ||O' - O|| / ||O|| against double-precision attention under the same mask; `dense` is\n"   \
    "the same against unpruned attention. A layer's heads are one run of the machine, memory to memory.\n"

const verb_t verb_replay = {
    "replay", "drive an attention trace through the machine",
    "usage: sanger replay TRACE --design DESIGN [options]\n\n"
    "  --lockstep             compare model and RTL of the whole machine in every cycle\n" OPTIONS,
    run};

const verb_t verb_check = {"check", "compare a trace's outputs with ground truth, model alone",
                           "usage: sanger check TRACE --design DESIGN [options]\n\n" OPTIONS, run_check};
