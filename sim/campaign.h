/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lockstep campaign: an endless, fixed sequence of runs, worked through by several processes, that a kill
 * at any moment neither loses nor counts twice.
 *
 *     item i = run (i mod n) of the plan, seed S + i / n        n: every unit of every design under every
 * class
 *
 * Its folder holds
 *
 *     campaign.json    what is run: commit, tools, hashes of the designs, seed; never changes
 *     journal.jsonl    a line an item that ended, appended in one write and synced
 *     summary.json     sums over the journal, the evidence of other tools beside them
 *     summary.md       the same for people
 *
 * A campaign that is started again on its folder reads the journal, drops a last line that a kill cut off,
 * and goes on with the items that are missing. A journal that does not fit its plan is an error.
 */
#ifndef SANGER_CAMPAIGN_H
#define SANGER_CAMPAIGN_H

#include "runs.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CAMPAIGN_EVIDENCE_MAX = 16 };

typedef struct {
    const char *folder;
    runs_wanted_t wanted;
    uint64_t
        cycles; /* stop when items of so many cycles are done, those of earlier starts counted; 0: no limit */
    double hours; /* stop starting items after so long; 0: no limit */
    int jobs;
    const char
        *evidence[CAMPAIGN_EVIDENCE_MAX]; /* JSON files with "title" and "summary", shown in the summary */
    int n_evidence;
} campaign_t;

/* Runs and writes the summary. Returns the exit code: 0 all equal, 1 a mismatch or a run that compared
   nothing, 2 or 3 for errors, whose line is on stderr. */
int campaign_run(const campaign_t *campaign);

#ifdef __cplusplus
}
#endif
#endif
