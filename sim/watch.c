/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- counters of clipped values ---- */

static const struct {
    clip_t kind;
    const char *name;
} counters[] = {
    {CLIP_SCORE_ACC, "predict_array.sat_acc_q"},
    {CLIP_SCALED, "predict_array.sat_scaled_q"},
    {CLIP_SCORE_EXP, "predict_array.sat_exp_q"},
    {CLIP_SCORE_SUM, "predict_array.sat_sum_q"},
    {CLIP_BIAS, "rebias.sat_q"},
    {CLIP_ACC, "slot_array.acc_sat_q"},
    {CLIP_EXP, "slot_array.exp_sat_q"},
    {CLIP_ROW_SUM, "slot_array.sum_sat_q"},
    {CLIP_ROW_SUM, "accumulate.sum_sat_q"},
    {CLIP_OUTPUT_SUM, "accumulate.acc_sat_q"},
    {CLIP_OUTPUT, "normalise.sat_q"},
    {CLIP_ACC, "array_control.acc_sat_q"},
    {CLIP_EXP, "array_control.exp_sat_q"},
    {CLIP_ROW_SUM, "array_control.sum_sat_q"},
};
static_assert(sizeof counters / sizeof *counters == WATCH_COUNTERS, "a place for each");

static void find_counters(watch_t *w)
{
    for (int i = 0; i < WATCH_COUNTERS; ++i) w->counter[i] = block_signal(w->machine, counters[i].name);
}

bool watch_open(watch_t *w, const design_t *d, const block_t *machine, int jobs, size_t L, size_t M,
                timeline_t *timeline)
{
    *w = (watch_t){
        .design = d, .machine = machine, .jobs = jobs, .L = L, .M = M, .timeline = timeline, .ok = true};
    find_counters(w);
    w->own = calloc((size_t)jobs, L * M);
    return w->own != NULL;
}

void watch_close(watch_t *w)
{
    free(w->own);
    free(w->mark);
    *w = (watch_t){0};
}

/* ---- predicted bits ---- */

/* The mask bus carries one row of one tile; the group's record says whose. */
static void take_word(watch_t *w, const machine_t *m)
{
    const design_t *d = w->design;
    int64_t strip = *m->predict_array.mask_strip, half = strip >= d->strips;
    int64_t in_group = (strip - half * d->strips) * d->rows + *m->predict_array.mask_row;
    int64_t job = m->fetch.g_job[half], row = m->fetch.g_first[half] + in_group;
    size_t base = (size_t)*m->predict_array.mask_tile * (size_t)d->columns;
    if (job >= w->jobs || in_group >= m->fetch.g_rows[half]) return;
    uint8_t *bits = w->own + ((size_t)job * w->L + (size_t)row) * w->M;
    const int64_t *word = m->predict_array.mask_word;
    size_t left = base < w->M ? w->M - base : 0, n = left < (size_t)d->columns ? left : (size_t)d->columns;
    for (size_t c = 0; c < n; ++c) bits[base + c] = word[c] != 0;
}

/* ---- marks ---- */

static void read_clips(const watch_t *w, int64_t clipped[CLIP_KINDS])
{
    memset(clipped, 0, CLIP_KINDS * sizeof *clipped);
    if (w->machine->type->show) w->machine->type->show(w->machine->self);
    for (int i = 0; i < WATCH_COUNTERS; ++i) {
        const signal_t *s = w->counter[i];
        size_t count = s ? signal_count(s) : 0;
        for (size_t k = 0; k < count; ++k) clipped[counters[i].kind] += block_get(w->machine, s, k);
    }
}

static void add_mark(watch_t *w, const machine_t *m, uint64_t cycle)
{
    if (w->marks == w->capacity) {
        size_t capacity = w->capacity ? 2 * w->capacity : 256;
        watch_mark_t *more = realloc(w->mark, capacity * sizeof *more);
        w->ok = w->ok && more;
        if (!more) return;
        w->mark = more;
        w->capacity = capacity;
    }
    watch_mark_t *mark = &w->mark[w->marks++];
    mark->cycle = cycle;
    for (int i = 0; i < CAUSES; ++i) mark->cause[i] = (uint64_t)m->pass_control.cause_q[i];
    read_clips(w, mark->clipped);
}

/* ---- timeline ---- */

/* A stage's count moved: its work lasted since it moved before, or since there was work for it. */
static void span_count(watch_t *w, int which, const char *track, const char *what, int64_t now,
                       int64_t *before, uint64_t cycle)
{
    char name[TIMELINE_TEXT + 1];
    if (now == *before) return;
    snprintf(name, sizeof name, "%s done", what);
    timeline_span(w->timeline, track, name, w->last.since[which], cycle);
    w->last.since[which] = cycle;
    *before = now;
}

static void draw(watch_t *w, const machine_t *m, uint64_t cycle)
{
    span_count(w, 0, "fetch", "strip loaded", *m->fetch.loaded, &w->last.loaded, cycle);
    span_count(w, 1, "score", "strip scored", *m->predict_control.scored, &w->last.scored, cycle);
    span_count(w, 2, "sum", "strip summed", *m->predict_control.summed_q, &w->last.summed, cycle);
    span_count(w, 6, "threshold", "strip compared", *m->predict_control.keep_n_q, &w->last.kept, cycle);
    span_count(w, 3, "rebias", "strip's keys asked for", *m->rebias.asked, &w->last.asked, cycle);
    span_count(w, 4, "passes", "group computed", *m->pass_control.computed, &w->last.computed, cycle);
    span_count(w, 5, "drain", "group drained", *m->drain.drained, &w->last.drained, cycle);
}

/* ---- a cycle ---- */

void watch_cycle(void *context, const machine_t *m, uint64_t cycle)
{
    watch_t *w = context;
    if (*m->predict_array.mask_valid) take_word(w, m);
    if (w->last.pass_ends) {
        add_mark(w, m, cycle);
        if (w->timeline) timeline_span(w->timeline, "array", "pass", w->last.pass_begin, cycle);
    }
    bool word = *m->pass_control.valid;
    if (word && *m->pass_control.op == PASS_LOAD) w->last.pass_begin = cycle;
    w->last.pass_ends = word && *m->pass_control.op == PASS_FWD_LAST;
    if (w->timeline) draw(w, m, cycle);
}

void watch_end(watch_t *w, const machine_t *m, uint64_t cycles)
{
    add_mark(w, m, cycles);
}
