/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A timeline of a run in the Chrome trace format, which Perfetto opens: a track per unit, a span per piece of
 * work. One microsecond on screen is one cycle.
 */
#ifndef SANGER_TIMELINE_H
#define SANGER_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct timeline timeline_t;

/* Writes `path`.part until closed. NULL when it cannot be made (errno says why). */
timeline_t *timeline_open(const char *path);

/* Work of a track from cycle `begin` to cycle `end`; at most TIMELINE_TEXT bytes of `name` are kept. */
enum { TIMELINE_TEXT = 63 };
void timeline_span(timeline_t *t, const char *track, const char *name, uint64_t begin, uint64_t end);

/* Completes the file under its name. False when something could not be written; then there is no file. */
bool timeline_close(timeline_t *t);

#endif
