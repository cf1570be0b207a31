/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a campaign. Any bytes are an error of one line, or a journal whose lines are counted once
 * each; read again, what was kept of it gives the same sums. No line takes more memory than its place in the
 * journal explains.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "../../sim/campaign_private.h"
#include "../../sim/paths.h"
#include "fuzz.h"

enum { RUNS = 3 };

typedef struct {
    int status;
    uint64_t items, hash, room;
    campaign_sum_t sum[RUNS];
    char error[CAMPAIGN_ERROR];
} found_t;

static const char *folder(void)
{
    static char path[64];
    if (*path) return path;
    snprintf(path, sizeof path, "/dev/shm/fuzz_journal-%ld", (long)getpid());
    must(!mkdir(path, 0700));
    return path;
}

static void journal_path(char path[CAMPAIGN_PATH])
{
    snprintf(path, CAMPAIGN_PATH, "%s/journal.jsonl", folder());
}

static void remove_folder(void)
{
    char path[CAMPAIGN_PATH];
    journal_path(path);
    unlink(path);
    rmdir(folder());
}

static run_t *plan(void)
{
    static run_t runs[RUNS];
    static design_t design;
    char error[DESIGN_ERROR_MAX];
    if (runs->config.cycles) return runs;
    must(!paths_design("odd_5x7x3", &design, error));
    for (int i = 0; i < RUNS; ++i)
        runs[i].config = (cosim_config_t){.design = &design,
                                          .design_name = design.name,
                                          .unit = i == 2 ? "split" : "exp",
                                          .kind = (stimulus_class_t)(i % 2),
                                          .seed = 1,
                                          .cycles = 100};
    atexit(remove_folder);
    return runs;
}

static void read_journal(found_t *found)
{
    const campaign_t campaign = {.folder = folder()};
    memset(found, 0, sizeof *found);
    campaign_state_t s = {.campaign = &campaign, .plan = plan(), .n = RUNS, .sum = found->sum};
    found->status = campaign_journal_open(&s, found->error);
    for (uint64_t i = 0; i < s.items; ++i) found->items += s.ended[i];
    found->hash = s.hash, found->room = s.items;
    free(s.ended);
    if (s.journal) fclose(s.journal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static found_t first, second;
    char path[CAMPAIGN_PATH];
    struct stat info;
    uint64_t lines = 0, counted = 0;
    journal_path(path);
    FILE *file = fopen(path, "wb");
    must(file && fwrite(data, 1, size, file) == size && !fclose(file));
    for (size_t i = 0; i < size; ++i) lines += data[i] == '\n';
    read_journal(&first);
    must(first.room <= 4 * lines + 4096);
    if (first.status) {
        must_be_line(first.error, folder(), sizeof first.error);
        return 0;
    }
    for (int i = 0; i < RUNS; ++i) counted += first.sum[i].items;
    must(counted == first.items && counted == lines);
    must(!stat(path, &info) && (size_t)info.st_size <= size);
    read_journal(&second);
    must(!second.status && second.items == first.items && second.hash == first.hash);
    must(!memcmp(first.sum, second.sum, sizeof first.sum));
    return 0;
}
