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

enum { RUNS = 3, FILE_EVERY = 64 /* inputs of a length that it divides take the way over a file as well */ };

typedef struct {
    int status;
    uint64_t items, hash, room;
    size_t whole; /* bytes of whole lines, read from memory */
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

/* Of bytes in memory, or of the folder's file (data NULL). */
static void read_journal(const uint8_t *data, size_t size, found_t *found)
{
    const campaign_t campaign = {.folder = folder()};
    off_t whole = 0;
    memset(found, 0, sizeof *found);
    campaign_state_t s = {.campaign = &campaign, .plan = plan(), .n = RUNS, .sum = found->sum};
    if (data) {
        FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
        must(file);
        found->status = campaign_journal_read(&s, file, &whole, found->error);
        fclose(file);
    } else {
        found->status = campaign_journal_open(&s, found->error);
    }
    for (uint64_t i = 0; i < s.items; ++i) found->items += s.ended[i];
    found->hash = s.hash, found->room = s.items, found->whole = (size_t)whole;
    free(s.ended);
    if (s.journal) fclose(s.journal);
}

static void must_be_journal(const found_t *a, const found_t *b)
{
    must(a->status == b->status && a->items == b->items && a->hash == b->hash && a->room == b->room);
    must(!memcmp(a->sum, b->sum, sizeof a->sum) && !strcmp(a->error, b->error));
}

/* The way that a campaign goes: opened and locked, cut to whole lines, and again. */
static void must_be_opened(const uint8_t *data, size_t size, const found_t *should)
{
    static found_t found;
    char path[CAMPAIGN_PATH];
    struct stat info;
    journal_path(path);
    FILE *file = fopen(path, "wb");
    must(file && fwrite(data, 1, size, file) == size && !fclose(file));
    read_journal(NULL, 0, &found);
    must_be_journal(&found, should);
    if (found.status) return;
    must(!stat(path, &info) && (size_t)info.st_size == should->whole);
    read_journal(NULL, 0, &found);
    must_be_journal(&found, should);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static found_t first, second;
    uint64_t lines = 0, counted = 0;
    for (size_t i = 0; i < size; ++i) lines += data[i] == '\n';
    read_journal(data, size, &first);
    must(first.room <= 4 * lines + 4096);
    if (first.status) must_be_line(first.error, folder(), sizeof first.error);
    if (size % FILE_EVERY == 0) must_be_opened(data, size, &first);
    if (first.status) return 0;
    for (int i = 0; i < RUNS; ++i) counted += first.sum[i].items;
    must(counted == first.items && counted == lines && first.whole <= size);
    read_journal(data, first.whole, &second);
    must_be_journal(&first, &second);
    return 0;
}
