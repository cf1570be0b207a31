/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "campaign_private.h"

/* Items are started in order, so one that ended has few before it that did not: those of the workers beside
 * it. A number beyond that is no item's, and would ask for memory. */
enum { LINE_MAX_BYTES = 1 << 20, AHEAD_MAX = 1024 };

/* Bits of an item's number and outputs, mixed so that a sum over items tells sets of items apart. */
static uint64_t mix(uint64_t item, uint64_t output_hash)
{
    random_t r = {.state = output_hash ^ (item + 1) * UINT64_C(0x9e3779b97f4a7c15)};
    return random_bits(&r);
}

bool campaign_count(campaign_state_t *s, uint64_t item, const campaign_sum_t *found, uint64_t output_hash)
{
    if (item >= s->items) {
        uint64_t room = 2 * item + 1024;
        unsigned char *more = realloc(s->ended, room);
        if (!more) return false;
        memset(more + s->items, 0, room - s->items);
        s->ended = more;
        s->items = room;
    }
    if (s->ended[item]) return false;
    s->ended[item] = 1;
    ++s->count;
    s->hash += mix(item, output_hash);
    campaign_sum_t *sum = &s->sum[item % (uint64_t)s->n];
    ++sum->items;
    sum->cycles += found->cycles;
    sum->bytes += found->bytes;
    sum->changes += found->changes;
    sum->mismatches += found->mismatches;
    sum->vacuous += found->vacuous;
    sum->seconds += found->seconds;
    return true;
}

/* ---- reading ---- */

static bool number(const cJSON *line, const char *key, uint64_t *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(line, key);
    double v = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(v >= 0 && v <= 9007199254740992.0) || v != (double)(uint64_t)v) return false;
    *value = (uint64_t)v;
    return true;
}

static bool text_is(const cJSON *line, const char *key, const char *expected)
{
    const char *found = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, key));
    return found && !strcmp(found, expected);
}

/* What of the line is not as the plan says, or NULL. */
static const char *count_line(campaign_state_t *s, const cJSON *line)
{
    uint64_t item, seed;
    campaign_sum_t found = {0};
    if (!number(line, "item", &item) || item > s->count + AHEAD_MAX) return "item";
    const cosim_config_t *c = &s->plan[item % (uint64_t)s->n].config;
    if (!text_is(line, "unit", c->unit)) return "unit";
    if (!text_is(line, "design", c->design->name)) return "design";
    if (!text_is(line, "stimulus", stimulus_names[c->kind])) return "stimulus";
    if (!text_is(line, "model", c->fast ? "fast" : "reference")) return "model";
    if (!number(line, "seed", &seed) || seed != c->seed + item / (uint64_t)s->n) return "seed";
    if (!number(line, "cycles", &found.cycles) || found.cycles > c->cycles) return "cycles";
    if (!number(line, "bytes", &found.bytes)) return "bytes";
    if (!number(line, "changes", &found.changes)) return "changes";
    if (!number(line, "mismatches", &found.mismatches)) return "mismatches";
    if (found.cycles < c->cycles && !found.mismatches) return "cycles";
    const cJSON *seconds = cJSON_GetObjectItemCaseSensitive(line, "seconds");
    if (!cJSON_IsNumber(seconds) || !(seconds->valuedouble >= 0)) return "seconds";
    found.seconds = seconds->valuedouble;
    found.vacuous = cJSON_HasObjectItem(line, "vacuous");
    const char *hash = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, "output_hash"));
    if (!hash || strspn(hash, "0123456789abcdef") != 16 || hash[16]) return "output_hash";
    return campaign_count(s, item, &found, strtoull(hash, NULL, 16)) ? NULL : "item, a second time";
}

int campaign_journal_read(campaign_state_t *s, FILE *file, off_t *whole, char error[CAMPAIGN_ERROR])
{
    static char line[LINE_MAX_BYTES];
    const char *wrong = NULL;
    for (int n = 1; !wrong && fgets(line, LINE_MAX_BYTES, file); ++n) {
        if (!strchr(line, '\n')) {
            if (feof(file)) break; /* a kill cut it off: its item runs again */
            wrong = "length";
        }
        cJSON *json = cJSON_Parse(line);
        wrong = wrong ? wrong : !json ? "JSON" : count_line(s, json);
        cJSON_Delete(json);
        *whole = ftello(file);
        if (wrong)
            snprintf(error, CAMPAIGN_ERROR,
                     "%s/journal.jsonl: line %d: expected an item of this campaign's plan, found another %s",
                     s->campaign->folder, n, wrong);
    }
    return wrong ? -1 : 0;
}

/* A lock of this process alone: one that workers inherit would outlive a kill for as long as they do. */
static bool lock(int journal)
{
    const struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return !fcntl(journal, F_SETLK, &whole);
}

int campaign_journal_open(campaign_state_t *s, char error[CAMPAIGN_ERROR])
{
    char path[CAMPAIGN_PATH];
    off_t whole = 0;
    snprintf(path, sizeof path, "%s/journal.jsonl", s->campaign->folder);
    FILE *file = fopen(path, "a+");
    if (!file) {
        snprintf(error, CAMPAIGN_ERROR, "%s: journal: expected a file that can be written, found: %s", path,
                 strerror(errno));
        return -1;
    }
    s->journal = file; /* open to the end: closing any descriptor of the file gives the lock up */
    int status = lock(fileno(file)) ? 0 : -1;
    if (status)
        snprintf(error, CAMPAIGN_ERROR,
                 "%s: journal: expected a folder without a running campaign, found one", path);
    rewind(file);
    if (!status) status = campaign_journal_read(s, file, &whole, error);
    if (!status && ftruncate(fileno(file), whole)) {
        snprintf(error, CAMPAIGN_ERROR, "%s: journal: expected a file that can be cut, found: %s", path,
                 strerror(errno));
        status = -1;
    }
    return status;
}

/* ---- writing ---- */

int campaign_journal_add(campaign_state_t *s, uint64_t item, const run_t *run, char error[CAMPAIGN_ERROR])
{
    const lockstep_count_t *c = &run->result.count;
    const campaign_sum_t found = {
        0, c->cycles, c->bytes, c->changes, c->mismatches, *run->result.vacuous != 0, run->result.seconds};
    cJSON *json = runs_json(run);
    cJSON_AddNumberToObject(json, "item", (double)item);
    cJSON_AddNumberToObject(json, "seconds", run->result.seconds);
    char *text = cJSON_PrintUnformatted(json);
    size_t n = text ? strlen(text) : 0;
    char *line = text ? realloc(text, n + 2) : NULL;
    cJSON_Delete(json);
    if (line) memcpy(line + n, "\n", 2);
    bool ok = line && n + 1 < LINE_MAX_BYTES && write(fileno(s->journal), line, n + 1) == (ssize_t)(n + 1) &&
              !fdatasync(fileno(s->journal)) && campaign_count(s, item, &found, c->hash);
    free(line ? line : text);
    if (ok) return 0;
    snprintf(error, CAMPAIGN_ERROR, "%s/journal.jsonl: item %" PRIu64 ": expected to be written, found: %s",
             s->campaign->folder, item, strerror(errno));
    return -1;
}
