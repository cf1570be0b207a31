/* SPDX-License-Identifier: Apache-2.0 */
#include "timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRACKS_MAX = 32, PATHS = 4096 };

struct timeline {
    FILE *file;
    char path[PATHS], part[PATHS + 8];
    int tracks;
    char track[TRACKS_MAX][TIMELINE_TEXT + 1];
};

timeline_t *timeline_open(const char *path)
{
    timeline_t *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    snprintf(t->path, sizeof t->path, "%s", path);
    snprintf(t->part, sizeof t->part, "%s.part", t->path);
    t->file = fopen(t->part, "w");
    if (!t->file) {
        free(t);
        return NULL;
    }
    fputs(
        "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
        "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"machine, 1 us = 1 cycle\"}}",
        t->file);
    return t;
}

/* Names come from this program, so quotes and control characters do not occur; anything odd becomes '?'. */
static void put_text(FILE *file, const char *text)
{
    for (int i = 0; text[i] && i < TIMELINE_TEXT; ++i) {
        unsigned char c = (unsigned char)text[i];
        fputc(c < 0x20 || c == '"' || c == '\\' || c > 0x7e ? '?' : c, file);
    }
}

static int track_number(timeline_t *t, const char *track)
{
    for (int i = 0; i < t->tracks; ++i) {
        if (!strcmp(t->track[i], track)) return i;
    }
    if (t->tracks == TRACKS_MAX) return TRACKS_MAX - 1;
    snprintf(t->track[t->tracks], sizeof t->track[0], "%s", track);
    fprintf(t->file, ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_name\",\"args\":{\"name\":\"",
            t->tracks);
    put_text(t->file, track);
    fputs("\"}}", t->file);
    return t->tracks++;
}

void timeline_span(timeline_t *t, const char *track, const char *name, uint64_t begin, uint64_t end)
{
    int number = track_number(t, track);
    fprintf(t->file,
            ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"ts\":%" PRIu64 ",\"dur\":%" PRIu64 ",\"name\":\"",
            number, begin, end - begin);
    put_text(t->file, name);
    fputs("\"}", t->file);
}

bool timeline_close(timeline_t *t)
{
    fputs("\n]}\n", t->file);
    bool written = !ferror(t->file);
    written = !fclose(t->file) && written && !rename(t->part, t->path);
    if (!written) unlink(t->part);
    free(t);
    return written;
}
