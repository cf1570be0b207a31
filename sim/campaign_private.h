/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a campaign share. */
#ifndef SANGER_CAMPAIGN_PRIVATE_H
#define SANGER_CAMPAIGN_PRIVATE_H

#include <stdio.h>
#include <sys/types.h>

#include "campaign.h"

enum { CAMPAIGN_PATH = 4352, CAMPAIGN_ERROR = 512 };

/* Sums over the items of one run of the plan. */
typedef struct {
    uint64_t items, cycles, bytes, changes, mismatches, vacuous;
    double seconds;
} campaign_sum_t;

typedef struct {
    const campaign_t *campaign;
    run_t *plan;
    int n;
    campaign_sum_t *sum;  /* one a run of the plan */
    unsigned char *ended; /* of each item: its line is in the journal */
    uint64_t items;       /* room in `ended` */
    uint64_t count;       /* of items that ended */
    uint64_t hash;        /* over all ended items' outputs, whatever their order */
    FILE *journal;        /* locked; NULL before */
    cJSON *manifest, *evidence;
} campaign_state_t;

/* Counts an item; false when it was there already or memory is short. */
bool campaign_count(campaign_state_t *s, uint64_t item, const campaign_sum_t *found, uint64_t output_hash);

/* Counts the lines of a journal read from its begin; *whole: the bytes of those that no kill cut off. 0, or
   -1 and one line in error. */
int campaign_journal_read(campaign_state_t *s, FILE *file, off_t *whole, char error[CAMPAIGN_ERROR]);

/* Opens and locks the journal and counts its lines. 0, or -1 and one line in error. */
int campaign_journal_open(campaign_state_t *s, char error[CAMPAIGN_ERROR]);

/* Appends an item that ended and counts it. */
int campaign_journal_add(campaign_state_t *s, uint64_t item, const run_t *run, char error[CAMPAIGN_ERROR]);

/* What this campaign is, as JSON; and the check against the folder's, which is written when it has none. */
cJSON *campaign_manifest(const campaign_state_t *s);
int campaign_manifest_check(const campaign_state_t *s, char error[CAMPAIGN_ERROR]);

/* The files of other tools as an array, NULL and one line in error when one is not as they must be. */
cJSON *campaign_evidence(const campaign_t *campaign, char error[CAMPAIGN_ERROR]);

/* Writes summary.json and summary.md. */
int campaign_summary(const campaign_state_t *s, char error[CAMPAIGN_ERROR]);

/* A whole file: written beside and renamed. */
int campaign_write(const campaign_state_t *s, const char *name, const char *text, char error[CAMPAIGN_ERROR]);

/* A whole JSON file of at most 64 MiB, NULL and one line in error otherwise. */
cJSON *campaign_read_json(const char *path, char error[CAMPAIGN_ERROR]);

#endif
