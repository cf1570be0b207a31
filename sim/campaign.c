/* SPDX-License-Identifier: Apache-2.0 */
#include "campaign.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "campaign_private.h"
#include "commit.h"
#include "process.h"
#include "report.h"

/* Cycles of a round, once through the plan; and of a run at least, so that starting it does not cost more. */
enum { ROUND_CYCLES = 10000000, LEAST_CYCLES = 5000, PROGRESS_S = 30 };

/* ---- what is run ---- */

static void add_tool(cJSON *tools, const char *name, const char *command)
{
    char line[256] = "";
    FILE *pipe = process_exists(name) ? popen(command, "r") : NULL;
    if (pipe && !fgets(line, sizeof line, pipe)) *line = '\0';
    if (pipe) pclose(pipe);
    line[strcspn(line, "\n")] = '\0';
    cJSON_AddStringToObject(tools, name, *line ? line : "none");
}

cJSON *campaign_manifest(const campaign_state_t *s)
{
    const runs_wanted_t *w = &s->campaign->wanted;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "commit", SANGER_COMMIT);
    cJSON *tools = cJSON_AddObjectToObject(json, "tools");
    cJSON_AddStringToObject(tools, "compiler", __VERSION__);
    add_tool(tools, "verilator", "verilator --version");
    add_tool(tools, "g++", "g++ --version");
    cJSON *designs = cJSON_AddObjectToObject(json, "designs");
    for (int i = 0; i < w->n_designs; ++i) {
        char hash[17];
        design_hash(&w->designs[i], hash);
        cJSON_AddStringToObject(designs, w->designs[i].name, hash);
    }
    cJSON_AddStringToObject(json, "unit", w->unit ? w->unit : "all");
    cJSON_AddNumberToObject(json, "seed", (double)w->seed);
    cJSON_AddNumberToObject(json, "runs", s->n);
    cJSON_AddNumberToObject(json, "round_cycles", ROUND_CYCLES);
    cJSON_AddNumberToObject(json, "least_cycles", LEAST_CYCLES);
    return json;
}

/* The first key in which they differ, with both values, into error. */
static void tell_difference(const cJSON *mine, const cJSON *theirs, const char *path,
                            char error[CAMPAIGN_ERROR])
{
    for (const cJSON *item = mine->child; item; item = item->next) {
        const cJSON *other = cJSON_GetObjectItemCaseSensitive(theirs, item->string);
        if (cJSON_Compare(item, other, true)) continue;
        char *a = cJSON_PrintUnformatted(item), *b = other ? cJSON_PrintUnformatted(other) : NULL;
        snprintf(error, CAMPAIGN_ERROR,
                 "%s: %s: expected %.160s to go on with this campaign, found %.160s: take another folder",
                 path, item->string, b ? b : "nothing", a ? a : "nothing");
        cJSON_free(a);
        cJSON_free(b);
        return;
    }
    snprintf(error, CAMPAIGN_ERROR, "%s: expected a campaign's own keys, found others", path);
}

int campaign_manifest_check(const campaign_state_t *s, char error[CAMPAIGN_ERROR])
{
    char path[CAMPAIGN_PATH];
    snprintf(path, sizeof path, "%s/campaign.json", s->campaign->folder);
    if (access(path, F_OK)) {
        char *text = cJSON_Print(s->manifest);
        int status = text ? campaign_write(s, "campaign.json", text, error) : -1;
        cJSON_free(text);
        return status;
    }
    cJSON *theirs = campaign_read_json(path, error);
    if (!theirs) return -1;
    bool equal = cJSON_Compare(s->manifest, theirs, true);
    if (!equal) tell_difference(s->manifest, theirs, path, error);
    cJSON_Delete(theirs);
    return equal ? 0 : -1;
}

/* ---- the work ---- */

/* The items under way, each in a slot of its own. */
typedef struct {
    campaign_state_t *s;
    run_t slot[RUNS_JOBS_MAX];
    uint64_t item[RUNS_JOBS_MAX];
    bool busy[RUNS_JOBS_MAX];
    uint64_t next, planned; /* the next item that may start; cycles of all before it */
    time_t begin, shown;
    uint64_t cycles, mismatches; /* ended, for progress */
    int code;
    char error[CAMPAIGN_ERROR];
} work_t;

static bool enough(const work_t *w)
{
    const campaign_t *c = w->s->campaign;
    if (w->code) return true;
    if (c->cycles && w->planned >= c->cycles) return true;
    return c->hours > 0 && difftime(time(NULL), w->begin) >= 3600 * c->hours;
}

static run_t *next_item(void *context)
{
    work_t *w = context;
    campaign_state_t *s = w->s;
    int free_slot = 0;
    while (free_slot < RUNS_JOBS_MAX && w->busy[free_slot]) ++free_slot;
    while (!enough(w)) {
        uint64_t item = w->next++;
        const run_t *planned = &s->plan[item % (uint64_t)s->n];
        w->planned += planned->config.cycles;
        if (item < s->items && s->ended[item]) continue;
        w->busy[free_slot] = true;
        w->item[free_slot] = item;
        w->slot[free_slot] = *planned;
        w->slot[free_slot].config.seed += item / (uint64_t)s->n;
        return &w->slot[free_slot];
    }
    return NULL;
}

static void show_progress(work_t *w, bool last)
{
    time_t now = time(NULL);
    if (!last && difftime(now, w->shown) < PROGRESS_S) return;
    w->shown = now;
    fprintf(stderr, "campaign: %" PRIu64 " cycles in this start, %" PRIu64 " mismatches, %.0f s\n", w->cycles,
            w->mismatches, difftime(now, w->begin));
}

static void item_done(void *context, run_t *run)
{
    work_t *w = context;
    const int slot = (int)(run - w->slot);
    w->busy[slot] = false;
    w->cycles += run->result.count.cycles;
    w->mismatches += run->result.count.mismatches;
    if (run->status) {
        snprintf(w->error, sizeof w->error, "%s", run->error);
        w->code = run->status == DUT_MISSING_TOOL ? 3 : 2;
    } else if (campaign_journal_add(w->s, w->item[slot], run, w->error)) {
        w->code = 2;
    } else if (run->result.diverged || *run->result.vacuous) {
        report_line(stdout, &run->config, run->status, &run->result);
        if (run->report) fputs(run->report, stdout);
        fflush(stdout);
    }
    free(run->report);
    run->report = NULL;
    show_progress(w, false);
}

static int work_through(campaign_state_t *s, char error[CAMPAIGN_ERROR])
{
    work_t *w = calloc(1, sizeof *w);
    if (!w) return snprintf(error, CAMPAIGN_ERROR, "campaign: out of memory"), 2;
    w->s = s;
    w->begin = w->shown = time(NULL);
    const runs_pool_t pool = {.jobs = s->campaign->jobs, .context = w, .next = next_item, .done = item_done};
    runs_work(&pool);
    show_progress(w, true);
    int code = w->code;
    memcpy(error, w->error, CAMPAIGN_ERROR);
    free(w);
    return code;
}

/* 1 when anything differed or compared nothing, also in an earlier start. */
static int verdict(const campaign_state_t *s)
{
    campaign_sum_t all = {0};
    for (int i = 0; i < s->n; ++i) {
        all.items += s->sum[i].items;
        all.mismatches += s->sum[i].mismatches;
        all.vacuous += s->sum[i].vacuous;
    }
    return !all.items || all.mismatches || all.vacuous;
}

static int open_folder(campaign_state_t *s, char error[CAMPAIGN_ERROR])
{
    s->evidence = campaign_evidence(s->campaign, error); /* before hours of runs, not after */
    if (!s->evidence) return -1;
    if (mkdir(s->campaign->folder, 0777) && errno != EEXIST) {
        snprintf(error, CAMPAIGN_ERROR, "%s: folder: expected one that can be made, found: %s",
                 s->campaign->folder, strerror(errno));
        return -1;
    }
    if (!s->n)
        return snprintf(error, CAMPAIGN_ERROR, "runs: expected a unit of these designs, found none"), -1;
    runs_share(s->plan, s->n, ROUND_CYCLES, LEAST_CYCLES);
    s->manifest = campaign_manifest(s);
    if (campaign_manifest_check(s, error)) return -1;
    return campaign_journal_open(s, error);
}

int campaign_run(const campaign_t *campaign)
{
    char error[CAMPAIGN_ERROR] = "";
    campaign_state_t s = {.campaign = campaign};
    s.plan = calloc(RUNS_MAX, sizeof *s.plan);
    s.n = s.plan ? runs_plan(&campaign->wanted, s.plan) : 0;
    s.sum = calloc((size_t)s.n + 1, sizeof *s.sum);
    int code = s.sum && !open_folder(&s, error) ? work_through(&s, error) : 2;
    if (s.journal && code != 2 && campaign_summary(&s, error)) code = 2;
    if (*error) fprintf(stderr, "sanger campaign: %s\n", error);
    if (!code) code = verdict(&s);
    cJSON_Delete(s.manifest);
    cJSON_Delete(s.evidence);
    if (s.journal) fclose(s.journal);
    free(s.ended);
    free(s.sum);
    free(s.plan);
    return code;
}
