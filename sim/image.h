/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of jobs as it lies in the machine's memory (docs/machine.md, "For hosts"): the descriptors back to
 * back at `queue`, a status beat a job at `status`, and the jobs' matrices.
 *
 *     image_open(&image, design, jobs, n, NULL, error)    where everything lies
 *     image_write(&image, memory_bytes(m))                inputs and descriptors in
 *     ... start with image.queue, status, count, limit; run until busy falls ...
 *     image_status(&image, bytes, job), image_output(&image, bytes, job, head, o)
 */
#ifndef SANGER_IMAGE_H
#define SANGER_IMAGE_H

#include "../model/controller.h"
#include "job.h"

enum { JOB_CODES = JOB_BAD_THRESHOLD + 1 };

/* Bytes of a matrix of all heads, and where it starts. The mask of a job that has none takes none, and with
   `scatter` its address is anything. */
typedef struct {
    uint64_t at[JOB_MATRICES], bytes[JOB_MATRICES]; /* in the order of JOB_Q ... JOB_O */
} image_job_t;

typedef struct {
    const design_t *design;
    const job_t *jobs;
    int count;
    uint64_t queue, status, limit;
    image_job_t *place; /* [count] */
} image_t;

/* Lays the jobs out: back to back, or with `scatter` in random order with gaps. The jobs must outlive the
   image. False with one line in error: more than the design's addresses reach, or out of memory. */
bool image_open(image_t *m, const design_t *d, const job_t *jobs, int count, random_t *scatter,
                char error[JOB_ERROR_MAX]);
void image_close(image_t *m);

/* Writes inputs and descriptors into `limit` bytes; what is between them stays, outputs and statuses too. */
void image_write(const image_t *m, uint8_t *bytes);

/* Breaks a written descriptor so that the machine refuses it; returns the code (job_code_t) it must report.
 */
int image_spoil(const image_t *m, uint8_t *bytes, int job, random_t *r);

/* The code of a job's status beat; -1: none was written, or it is not well formed. */
int image_status(const image_t *m, const uint8_t *bytes, int job);

/* O of one head, L x d words of format output. */
void image_output(const image_t *m, const uint8_t *bytes, int job, int head, int64_t *o);

#endif
