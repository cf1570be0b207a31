/* SPDX-License-Identifier: Apache-2.0 */
#include "predict_control.h"

#include <string.h>

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static int64_t low(int64_t x, int w)
{
    return (int64_t)fixed_low((uint64_t)x, w);
}

/* Bits of the key of a column that may lie beyond the last tile. */
static int base_bits(const design_t *d)
{
    return fixed_bits((1 << fixed_bits(d->keys_max + 1)) + d->columns);
}

/* Cycles from an end to its count, in registers between. */
static int line_length(const design_t *d)
{
    return d->rows + 3;
}

/* ---- what the records say ---- */

/* Keys that any query of the group sees. */
static int64_t seen(const predict_control_t *c, int64_t half)
{
    int64_t last = c->g_first[half] + c->g_rows[half];
    return c->g_causal[half] ? min(c->g_keys[half], last) : c->g_keys[half];
}

static bool more_tiles(const predict_control_t *c, int64_t half, int64_t base)
{
    return base + c->d->columns < seen(c, half);
}

/* Rows of the group from this strip on. */
static int64_t rows_left(const predict_control_t *c, int64_t half, int64_t strip)
{
    return max(0, c->g_rows[half] - strip * c->d->rows);
}

static bool last_strip(const predict_control_t *c, int64_t half, int64_t strip)
{
    return rows_left(c, half, strip) <= c->d->rows || strip == c->d->strips - 1;
}

/* Strips are numbered, and groups cut into them, the same way by both sequencers. */
static void next_strip(const predict_control_t *c, int64_t *n, int64_t *half, int64_t *strip)
{
    bool last = last_strip(c, *half, *strip);
    *n = low(*n + 1, 2);
    *strip = last ? 0 : *strip + 1;
    if (last) *half = !*half;
}

/* ---- score ---- */

static bool bank_free(int64_t strip, int64_t finished)
{
    return low(strip - finished, 2) < 2;
}

static bool can_score(const predict_control_t *c, int64_t n)
{
    return *c->loaded != n && bank_free(n, *c->swept_q) && bank_free(n, *c->rebiased);
}

static void pend(predict_control_t *c)
{
    int64_t half = *c->half_q, row = *c->strip_q * c->d->rows;
    *c->pend_q = *c->score_q && *c->step_q + 1 == c->g_d[half];
    if (!*c->pend_q) return;
    *c->pend_first_q = *c->base_q == 0;
    *c->pend_last_q = !more_tiles(c, half, *c->base_q);
    *c->pend_bank_q = *c->score_n_q & 1;
    *c->pend_half_q = half;
    *c->pend_base_q = *c->base_q;
    *c->pend_limit_q = c->g_causal[half] ? c->g_first[half] + row : c->d->keys_max;
    *c->pend_limit_q = fixed_wrap(*c->pend_limit_q, fixed_bits(c->d->keys_max + 1) + 1);
    *c->pend_rows_q = min(rows_left(c, half, *c->strip_q), c->d->rows);
}

/* Moves to the next cycle of the strip, the next tile or the next strip. */
static void score_step(predict_control_t *c)
{
    const design_t *d = c->d;
    bool tile_ends = *c->score_q && *c->step_q + 1 >= max(c->g_d[*c->half_q], d->columns);
    bool strip_ends = tile_ends && !more_tiles(c, *c->half_q, *c->base_q);
    if (strip_ends) {
        next_strip(c, c->score_n_q, c->half_q, c->strip_q);
        *c->score_q = 0;
    }
    if (!*c->score_q) {
        *c->score_q = can_score(c, *c->score_n_q);
        *c->base_q = *c->tile_q = *c->step_q = 0;
    } else if (tile_ends) {
        *c->base_q = low(*c->base_q + d->columns, base_bits(d));
        *c->tile_q = low(*c->tile_q + 1, fixed_bits(design_tiles_max(d)));
        *c->step_q = 0;
    } else
        ++*c->step_q;
}

static void show_word(predict_control_t *c)
{
    *c->valid_q = *c->score_q && *c->step_q < c->g_d[*c->half_q];
    *c->first_q = *c->valid_q && *c->step_q == 0;
    *c->at_q = *c->valid_q ? low(*c->step_q, fixed_bits(c->d->head_max)) : 0;
    *c->file_q = *c->score_n_q & 1;
}

/* ---- drain ---- */

static bool drained_strip(const predict_control_t *c)
{
    return *c->drain_q && *c->drain_last_q && *c->d_col_q == c->d->columns - 1;
}

static void drain_step(predict_control_t *c)
{
    *c->d_first_q = *c->pend_q && *c->pend_first_q;
    if (*c->pend_q) {
        *c->drain_q = 1;
        *c->drain_last_q = *c->pend_last_q;
        *c->drain_half_q = *c->pend_half_q;
        *c->drain_base_q = *c->pend_base_q;
        *c->d_bank_q = *c->pend_bank_q;
        *c->d_limit_q = *c->pend_limit_q;
        *c->d_rows_q = *c->pend_rows_q;
        *c->d_col_q = 0;
    } else if (*c->drain_q) {
        *c->drain_q = *c->d_col_q < c->d->columns - 1;
        if (*c->drain_q) ++*c->d_col_q;
    }
    int64_t key = *c->drain_base_q + *c->d_col_q;
    *c->d_valid_q = *c->drain_q && key < c->g_keys[*c->drain_half_q];
    *c->d_first_q &= *c->d_valid_q;
    *c->d_key_q = *c->d_valid_q ? low(key, fixed_bits(c->d->keys_max)) : 0;
}

/* ---- sweep ---- */

static bool sweeps_last_tile(const predict_control_t *c)
{
    return *c->sweep_q && !more_tiles(c, *c->sweep_half_q, *c->sweep_base_q);
}

static bool swept_strip(const predict_control_t *c)
{
    return sweeps_last_tile(c) && *c->sweep_phase_q && *c->sweep_step_q == c->d->columns - 1;
}

static void take_threshold(predict_control_t *c)
{
    if (!*c->sweep_q || !*c->sweep_phase_q || *c->sweep_base_q || *c->sweep_step_q) return;
    *c->threshold_q = c->g_threshold[*c->sweep_half_q];
    *c->policy_q = c->g_policy[*c->sweep_half_q];
}

static void sweep_step(predict_control_t *c, int64_t scored)
{
    const design_t *d = c->d;
    bool tile_ends = *c->sweep_q && *c->sweep_step_q == max(d->rows, d->columns) - 1;
    bool sweep_ends = tile_ends && sweeps_last_tile(c);
    if (sweep_ends && *c->sweep_phase_q) {
        next_strip(c, c->sweep_n_q, c->sweep_half_q, c->sweep_strip_q);
        *c->sweep_q = 0;
    }
    if (!*c->sweep_q || sweep_ends) {
        *c->sweep_phase_q = *c->sweep_q;
        *c->sweep_q = *c->sweep_q || scored != *c->sweep_n_q;
        *c->sweep_base_q = *c->sweep_tile_q = *c->sweep_step_q = 0;
    } else if (tile_ends) {
        *c->sweep_base_q = low(*c->sweep_base_q + d->columns, base_bits(d));
        *c->sweep_tile_q = low(*c->sweep_tile_q + 1, fixed_bits(design_tiles_max(d)));
        *c->sweep_step_q = 0;
    } else
        ++*c->sweep_step_q;
}

static void show_sweep_word(predict_control_t *c)
{
    const design_t *d = c->d;
    bool column = *c->sweep_q && *c->sweep_step_q < d->columns;
    int64_t key = *c->sweep_base_q + *c->sweep_step_q;
    *c->s_valid_q = column && key < c->g_keys[*c->sweep_half_q];
    *c->s_last_q = column && *c->sweep_phase_q && *c->sweep_step_q == d->columns - 1;
    *c->s_op_q = *c->s_valid_q || *c->s_last_q ? 1 + *c->sweep_phase_q : 0;
    *c->s_first_q = *c->s_valid_q && !*c->sweep_phase_q && key == 0;
    *c->s_key_q = *c->s_valid_q ? low(key, fixed_bits(d->keys_max)) : 0;
    *c->s_col_q = column ? *c->sweep_step_q : 0;
    *c->s_bank_q = *c->sweep_n_q & 1;
    *c->s_tile_q = *c->sweep_tile_q;
    *c->s_strip_q = *c->sweep_half_q * d->strips + *c->sweep_strip_q;
}

/* ---- counts: ends go through a line, so that a count rises when the last row is done too ---- */

static void count_end(const predict_control_t *c, int64_t *line, bool end, int64_t *count)
{
    size_t n = (size_t)line_length(c->d);
    *count = low(*count + line[n - 1], 2);
    memmove(line + 1, line, (n - 1) * sizeof *line);
    line[0] = end;
}

void predict_control_eval(void *self)
{
    predict_control_t *c = self;
    *c->valid = *c->valid_q;
    *c->first = *c->first_q;
    *c->file = *c->file_q;
    *c->tile = *c->tile_q;
    *c->at = *c->at_q;
    *c->head_key = *c->d_key_q;
    *c->d_valid = *c->d_valid_q;
    *c->d_first = *c->d_first_q;
    *c->d_bank = *c->d_bank_q;
    *c->d_col = *c->d_col_q;
    *c->d_key = *c->d_key_q;
    *c->d_limit = *c->d_limit_q;
    *c->d_rows = *c->d_rows_q;
    *c->s_op = *c->s_op_q;
    *c->s_first = *c->s_first_q;
    *c->s_bank = *c->s_bank_q;
    *c->s_key = *c->s_key_q;
    *c->s_valid = *c->s_valid_q;
    *c->s_col = *c->s_col_q;
    *c->s_last = *c->s_last_q;
    *c->s_tile = *c->s_tile_q;
    *c->s_strip = *c->s_strip_q;
    *c->threshold = *c->threshold_q;
    *c->policy = *c->policy_q;
    *c->scored = *c->scored_q;
    *c->swept = *c->swept_q;
    *c->swept_groups = *c->swept_groups_q;
}

/* Backwards along the words' way: each part still sees the one before it as it was. Score and sweep wait for
   counts as they are now. */
void predict_control_tick(void *self)
{
    predict_control_t *c = self;
    int64_t scored = *c->scored_q;
    bool drained = drained_strip(c), swept = swept_strip(c);
    bool group = swept && last_strip(c, *c->sweep_half_q, *c->sweep_strip_q);
    drain_step(c);
    pend(c);
    score_step(c);
    show_word(c);
    take_threshold(c);
    sweep_step(c, scored);
    show_sweep_word(c);
    count_end(c, c->scored_line_q, drained, c->scored_q);
    count_end(c, c->swept_line_q, swept, c->swept_q);
    count_end(c, c->groups_line_q, group, c->swept_groups_q);
}

#define FIELD(member) offsetof(predict_control_t, member)
#define RECORD(member, width)                                                                                \
    .name = #member, .kind = SIGNAL_IN, .field = FIELD(member), .bits = width, .dims = 1, .n = {2}
#define OUTPUT(member, width) .name = #member, .kind = SIGNAL_OUT, .field = FIELD(member), .bits = width
#define REGISTER(member, width)                                                                              \
    .name = #member, .kind = SIGNAL_REG, .field = FIELD(member), .bits = width, .path = #member
#define LINE(member) REGISTER(member, 1), .dims = 1, .n = {line_length(d)}

/* Bits of each size, named as in docs/machine.md. */
typedef struct {
    int key, len, tile, col, at, strip, strips, rows, base, step, sweep_step;
} widths_t;

static widths_t widths(const design_t *d)
{
    return (widths_t){
        .key = fixed_bits(d->keys_max),
        .len = fixed_bits(d->keys_max + 1),
        .tile = fixed_bits(design_tiles_max(d)),
        .col = fixed_bits(d->columns),
        .at = fixed_bits(d->head_max),
        .strip = fixed_bits(2 * d->strips),
        .strips = fixed_bits(d->strips),
        .rows = fixed_bits(d->rows + 1),
        .base = base_bits(d),
        .step = fixed_bits((1 << fixed_bits(d->head_max + 1)) + d->columns),
        .sweep_step = fixed_bits((int)max(d->rows, d->columns)),
    };
}

static int add(signal_t *table, int n, const signal_t *more, size_t count)
{
    for (size_t i = 0; i < count; ++i) table[n++] = more[i];
    return n;
}

#define ADD(table, n, more) add(table, n, more, sizeof(more) / sizeof *(more))

static int add_inputs(const design_t *d, signal_t *table, int n)
{
    const widths_t w = widths(d);
    const signal_t all[] = {
        {"loaded", SIGNAL_IN, FIELD(loaded), 2, .meaning = "strips loaded"},
        {"rebiased", SIGNAL_IN, FIELD(rebiased), 2, .meaning = "strips that have their biases"},
        {RECORD(g_rows, fixed_bits(design_group_rows(d) + 1)), .meaning = "queries of the group"},
        {RECORD(g_first, w.len), .meaning = "its first query"},
        {RECORD(g_keys, w.len), .meaning = "keys of the head"},
        {RECORD(g_d, fixed_bits(d->head_max + 1)), .meaning = "head size"},
        {RECORD(g_causal, 1), .codes = 2, .meaning = "no yes"},
        {RECORD(g_policy, 2), .codes = 3, .meaning = "zero dense top1"},
        {RECORD(g_threshold, d->threshold.w), .frac = d->threshold.frac, .meaning = "T"},
    };
    return ADD(table, n, all);
}

static int add_outputs(const design_t *d, signal_t *table, int n)
{
    const widths_t w = widths(d);
    const signal_t all[] = {
        {OUTPUT(valid, 1), .meaning = "word of a tile"},
        {OUTPUT(first, 1), .meaning = "its first word"},
        {OUTPUT(file, 1), .meaning = "query file of the strip"},
        {OUTPUT(tile, w.tile)},
        {OUTPUT(at, w.at), .meaning = "element of query and key"},
        {OUTPUT(head_key, w.key), .meaning = "key whose header is wanted: d_key"},
        {OUTPUT(d_valid, 1), .meaning = "drain word"},
        {OUTPUT(d_first, 1), .meaning = "first of its strip"},
        {OUTPUT(d_bank, 1)},
        {OUTPUT(d_col, w.col)},
        {OUTPUT(d_key, w.key)},
        {OUTPUT(d_limit, w.len + 1), .is_signed = true, .meaning = "last key that row 0 may see"},
        {OUTPUT(d_rows, w.rows), .meaning = "rows of the strip in use"},
        {OUTPUT(s_op, 2), .meaning = "none sum threshold"},
        {OUTPUT(s_first, 1), .meaning = "first sum word of the strip"},
        {OUTPUT(s_bank, 1)},
        {OUTPUT(s_key, w.key)},
        {OUTPUT(s_valid, 1), .meaning = "the key exists"},
        {OUTPUT(s_col, w.col)},
        {OUTPUT(s_last, 1), .meaning = "last column of a tile, thresholding"},
        {OUTPUT(s_tile, w.tile)},
        {OUTPUT(s_strip, w.strip)},
        {OUTPUT(threshold, d->threshold.w), .frac = d->threshold.frac},
        {OUTPUT(policy, 2)},
        {OUTPUT(scored, 2), .meaning = "strips whose maxima are known"},
        {OUTPUT(swept, 2), .meaning = "strips whose masks are known"},
        {OUTPUT(swept_groups, 2), .meaning = "groups whose masks are known"},
    };
    return ADD(table, n, all);
}

/* The registers behind the outputs. */
static int add_words(const design_t *d, signal_t *table, int n)
{
    const widths_t w = widths(d);
    const signal_t all[] = {
        {REGISTER(valid_q, 1)},
        {REGISTER(first_q, 1)},
        {REGISTER(file_q, 1)},
        {REGISTER(tile_q, w.tile)},
        {REGISTER(at_q, w.at)},
        {REGISTER(d_valid_q, 1)},
        {REGISTER(d_first_q, 1)},
        {REGISTER(d_bank_q, 1)},
        {REGISTER(d_col_q, w.col)},
        {REGISTER(d_key_q, w.key)},
        {REGISTER(d_limit_q, w.len + 1), .is_signed = true},
        {REGISTER(d_rows_q, w.rows)},
        {REGISTER(s_op_q, 2)},
        {REGISTER(s_first_q, 1)},
        {REGISTER(s_bank_q, 1)},
        {REGISTER(s_key_q, w.key)},
        {REGISTER(s_valid_q, 1)},
        {REGISTER(s_col_q, w.col)},
        {REGISTER(s_last_q, 1)},
        {REGISTER(s_tile_q, w.tile)},
        {REGISTER(s_strip_q, w.strip)},
        {REGISTER(threshold_q, d->threshold.w), .frac = d->threshold.frac},
        {REGISTER(policy_q, 2)},
        {REGISTER(scored_q, 2)},
        {REGISTER(swept_q, 2)},
        {REGISTER(swept_groups_q, 2)},
    };
    return ADD(table, n, all);
}

static int add_sequencers(const design_t *d, signal_t *table, int n)
{
    const widths_t w = widths(d);
    const signal_t all[] = {
        {REGISTER(score_q, 1), .meaning = "a strip is being scored"},
        {REGISTER(score_n_q, 2), .meaning = "its number"},
        {REGISTER(half_q, 1), .meaning = "half of its group"},
        {REGISTER(strip_q, w.strips), .meaning = "strip of the group"},
        {REGISTER(base_q, w.base), .meaning = "first key of the tile"},
        {REGISTER(step_q, w.step), .meaning = "cycle of the tile"},
        {REGISTER(pend_q, 1), .meaning = "the last word of a tile was shown"},
        {REGISTER(pend_first_q, 1), .meaning = "the strip's first tile"},
        {REGISTER(pend_last_q, 1), .meaning = "the strip's last tile"},
        {REGISTER(pend_bank_q, 1)},
        {REGISTER(pend_half_q, 1)},
        {REGISTER(pend_base_q, w.base)},
        {REGISTER(pend_limit_q, w.len + 1), .is_signed = true},
        {REGISTER(pend_rows_q, w.rows)},
        {REGISTER(drain_q, 1), .meaning = "a tile is drained"},
        {REGISTER(drain_last_q, 1), .meaning = "the strip's last tile"},
        {REGISTER(drain_half_q, 1)},
        {REGISTER(drain_base_q, w.base)},
        {REGISTER(sweep_q, 1), .meaning = "a strip is swept"},
        {REGISTER(sweep_n_q, 2), .meaning = "its number"},
        {REGISTER(sweep_half_q, 1)},
        {REGISTER(sweep_strip_q, w.strips)},
        {REGISTER(sweep_base_q, w.base)},
        {REGISTER(sweep_tile_q, w.tile)},
        {REGISTER(sweep_step_q, w.sweep_step)},
        {REGISTER(sweep_phase_q, 1), .meaning = "sum threshold"},
        {LINE(scored_line_q)},
        {LINE(swept_line_q)},
        {LINE(groups_line_q)},
    };
    return ADD(table, n, all);
}

static int predict_control_signals(const design_t *d, signal_t *table)
{
    int n = add_inputs(d, table, 0);
    n = add_outputs(d, table, n);
    n = add_words(d, table, n);
    return add_sequencers(d, table, n);
}

void predict_control_init(void *self, const design_t *d)
{
    ((predict_control_t *)self)->d = d;
}

static bool predict_control_fits(const design_t *d)
{
    return !design_lacks_machine(d);
}

const block_type_t predict_control_type = {
    .name = "predict_control",
    .summary = "sequences prediction: scores, drains and sweeps the strips of resident groups",
    .size = sizeof(predict_control_t),
    .clocked = true,
    .signals = predict_control_signals,
    .init = predict_control_init,
    .eval = predict_control_eval,
    .tick = predict_control_tick,
    .fits = predict_control_fits,
};
