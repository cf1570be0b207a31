/* SPDX-License-Identifier: Apache-2.0 */
/* Many ticks at once: machine_pass's way over those in which nothing is decided. */
#include <limits.h>
#include <string.h>

#include "predict_control_private.h"

enum { QUIET_MAX = 1 << 20 }; /* ticks */

static int quiet_score(const predict_control_t *c)
{
    int64_t d = c->g_d[*c->score_group_q & 1], n = *c->score_n_q, step = *c->step_q;
    if (*c->score_q) return (int)(step < d ? d - 1 - step : max(d, c->d->columns) - 1 - step);
    bool there = *c->loaded != n && *c->opened != *c->score_group_q;
    if (!there || !bank_free(n, *c->swept_q) || !bank_free(n, *c->asked)) return INT_MAX;
    return (int)max(0, *c->rest_q - d - 1);
}

static int quiet_drain(const predict_control_t *c)
{
    if (*c->pend_q) return 0;
    return *c->drain_q ? (int)(c->d->columns - 1 - *c->d_col_q) : INT_MAX;
}

static int quiet_sum(const predict_control_t *c)
{
    int64_t key = *c->sum_key_q, columns = c->d->columns;
    if (*c->s_valid_q) {
        int64_t ends = predict_control_seen(c, *c->sum_half_q) - 1 - key;
        return (int)min(ends, columns - 1 - key % columns);
    }
    bool free = low(*c->sum_n_q - *c->keep_n_q, 2) < 3;
    return *c->scored_q != *c->sum_n_q && free ? 0 : INT_MAX;
}

static int quiet_keep(const predict_control_t *c)
{
    int64_t step = *c->keep_step_q, columns = c->d->columns;
    if (!*c->keep_q) return *c->summed_q != *c->keep_n_q ? 0 : INT_MAX;
    if (!step) return 0;
    return (int)(step < columns ? columns - 1 - step : max(c->d->rows, columns) - 1 - step);
}

static int quiet_line(const int64_t *line, int length)
{
    for (int i = length - 1; i >= 0; --i) {
        if (line[i]) return length - 1 - i;
    }
    return INT_MAX;
}

int predict_control_quiet(const predict_control_t *c)
{
    const int parts[] = {quiet_score(c),
                         quiet_drain(c),
                         quiet_sum(c),
                         quiet_keep(c),
                         quiet_line(c->scored_line_q, SCORED_LINE),
                         quiet_line(c->predicted_line_q, predicted_line(c->d))};
    int least = QUIET_MAX;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) least = parts[i] < least ? parts[i] : least;
    return least;
}

static void skip_line(int64_t *line, int length, int ticks)
{
    int n = ticks < length ? ticks : length;
    memmove(line + n, line, ((size_t)(length - n)) * sizeof *line);
    memset(line, 0, (size_t)n * sizeof *line);
}

void predict_control_skip(predict_control_t *c, int ticks)
{
    if (*c->drain_q) *c->d_col_q += ticks;
    predict_control_show_drain_word(c, false);
    if (*c->score_q) *c->step_q += ticks;
    *c->rest_q = max(0, *c->rest_q - ticks);
    predict_control_show_word(c);
    if (*c->keep_q) *c->keep_step_q += ticks;
    predict_control_show_keep_word(c);
    if (*c->s_valid_q) *c->sum_key_q += ticks;
    *c->s_first_q = *c->s_valid_q && !*c->sum_key_q;
    skip_line(c->scored_line_q, SCORED_LINE, ticks);
    skip_line(c->predicted_line_q, predicted_line(c->d), ticks);
}
