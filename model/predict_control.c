/* SPDX-License-Identifier: Apache-2.0 */
#include "predict_control.h"

#include <string.h>

#include "predict_control_private.h"

/* Bits of the key of a column that may lie beyond the last tile. */
static int base_bits(const design_t *d)
{
    return fixed_bits((1 << fixed_bits(d->keys_max + 1)) + d->columns);
}

static int64_t next_bank(int64_t bank)
{
    return bank == 2 ? 0 : bank + 1;
}

/* ---- what the records say ---- */

int64_t predict_control_seen(const predict_control_t *c, int64_t half)
{
    int64_t last = c->g_first[half] + c->g_rows[half];
    return c->g_causal[half] ? min(c->g_keys[half], last) : c->g_keys[half];
}

static bool more_tiles(const predict_control_t *c, int64_t half, int64_t base)
{
    return base + c->d->columns < predict_control_seen(c, half);
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

/* Strips are numbered, and groups cut into them, the same way by all sequencers. `group` is a number or a
   half, of so many bits. */
static void next_strip(const predict_control_t *c, int64_t *n, int64_t *bank, int64_t *group, int bits,
                       int64_t *strip)
{
    bool last = last_strip(c, *group & 1, *strip);
    *n = low(*n + 1, 2);
    *bank = next_bank(*bank);
    *strip = last ? 0 : *strip + 1;
    *group = low(*group + last, bits);
}

/* ---- score ---- */

static bool can_score(const predict_control_t *c)
{
    int64_t n = *c->score_n_q;
    bool there = *c->loaded != n && *c->opened != *c->score_group_q;
    return there && bank_free(n, *c->swept_q) && bank_free(n, *c->asked) &&
           *c->rest_q <= c->g_d[*c->score_group_q & 1] + 1;
}

static void pend(predict_control_t *c)
{
    int64_t half = *c->score_group_q & 1, row = *c->strip_q * c->d->rows;
    *c->pend_q = *c->score_q && *c->step_q + 1 == c->g_d[half];
    if (!*c->pend_q) return;
    *c->pend_first_q = *c->base_q == 0;
    *c->pend_last_q = !more_tiles(c, half, *c->base_q);
    *c->pend_bank_q = *c->file_q;
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
    int64_t half = *c->score_group_q & 1;
    bool tile_ends = *c->score_q && *c->step_q + 1 >= max(c->g_d[half], d->columns);
    bool strip_ends = tile_ends && !more_tiles(c, half, *c->base_q);
    if (strip_ends) {
        next_strip(c, c->score_n_q, c->file_q, c->score_group_q, 2, c->strip_q);
        *c->score_q = 0;
    }
    if (!*c->score_q) {
        *c->score_q = can_score(c);
        *c->base_q = *c->tile_q = *c->step_q = 0;
    } else if (tile_ends) {
        *c->base_q = low(*c->base_q + d->columns, base_bits(d));
        *c->tile_q = low(*c->tile_q + 1, fixed_bits(design_tiles_max(d)));
        *c->step_q = 0;
    } else
        ++*c->step_q;
    if (*c->rest_q) --*c->rest_q;
}

void predict_control_show_word(predict_control_t *c)
{
    int64_t half = *c->score_group_q & 1;
    *c->valid_q = *c->score_q && *c->step_q < c->g_d[half];
    *c->first_q = *c->valid_q && *c->step_q == 0;
    *c->at_q = *c->valid_q ? low(*c->step_q, fixed_bits(c->d->head_max)) : 0;
    *c->upper_q = c->g_upper[half];
    if (*c->score_q && *c->step_q == 0) *c->rest_q = c->g_d[half] + c->d->columns;
}

/* ---- drain ---- */

static bool drained_strip(const predict_control_t *c)
{
    return *c->drain_q && *c->drain_last_q && *c->d_col_q == c->d->columns - 1;
}

void predict_control_show_drain_word(predict_control_t *c, bool first)
{
    int64_t key = *c->drain_base_q + *c->d_col_q;
    *c->d_valid_q = *c->drain_q && key < c->g_keys[*c->drain_half_q];
    *c->d_first_q = first && *c->d_valid_q;
    *c->d_key_q = *c->d_valid_q ? low(key, fixed_bits(c->d->keys_max)) : 0;
    int64_t place = *c->d_key_q + (c->g_upper[*c->drain_half_q] ? c->d->keys_max / 2 : 0);
    *c->head_key_q = low(place, fixed_bits(c->d->keys_max));
}

static void drain_step(predict_control_t *c)
{
    bool first = *c->pend_q && *c->pend_first_q;
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
    predict_control_show_drain_word(c, first);
}

/* ---- sum ---- */

static bool sum_ends(const predict_control_t *c)
{
    return *c->s_valid_q && *c->sum_key_q + 1 >= predict_control_seen(c, *c->sum_half_q);
}

static void sum_step(predict_control_t *c, int64_t scored, int64_t compared)
{
    bool ends = sum_ends(c), goes_on = *c->s_valid_q && !ends;
    if (ends) next_strip(c, c->sum_n_q, c->s_bank_q, c->sum_half_q, 1, c->sum_strip_q);
    *c->summed_q = low(*c->summed_q + ends, 2);
    bool free = low(*c->sum_n_q - compared, 2) < 3;
    *c->s_valid_q = goes_on || (scored != *c->sum_n_q && free);
    *c->sum_key_q = goes_on ? *c->sum_key_q + 1 : 0;
    *c->s_first_q = *c->s_valid_q && !*c->sum_key_q;
}

/* ---- threshold ---- */

static bool keeps_last_tile(const predict_control_t *c)
{
    return *c->keep_q && !more_tiles(c, *c->keep_half_q, *c->keep_base_q);
}

/* The strip's last word shows. */
static bool kept_strip(const predict_control_t *c)
{
    return keeps_last_tile(c) && *c->keep_step_q == c->d->columns - 1;
}

/* The new strip's scores come max(d, columns) cycles a tile: no faster than words leave, unless rows are
 * more.
 */
static bool frees_bank(const predict_control_t *c)
{
    if (!*c->keep_q || *c->keep_step_q) return false;
    return c->d->rows > c->d->columns ? keeps_last_tile(c) : !*c->keep_base_q;
}

static void take_threshold(predict_control_t *c)
{
    if (!*c->keep_q || *c->keep_base_q || *c->keep_step_q) return;
    *c->begun_groups_q = low(*c->begun_groups_q + !*c->keep_strip_q, 2);
    *c->threshold_q = c->g_threshold[*c->keep_half_q];
    *c->policy_q = c->g_policy[*c->keep_half_q];
}

static void keep_step(predict_control_t *c, int64_t summed)
{
    const design_t *d = c->d;
    bool tile_ends = *c->keep_q && *c->keep_step_q == max(d->rows, d->columns) - 1;
    bool strip_ends = tile_ends && keeps_last_tile(c);
    *c->swept_q = low(*c->swept_q + frees_bank(c), 2);
    if (strip_ends) {
        next_strip(c, c->keep_n_q, c->t_bank_q, c->keep_half_q, 1, c->keep_strip_q);
        *c->keep_q = 0;
    }
    if (!*c->keep_q) {
        *c->keep_q = summed != *c->keep_n_q;
        *c->keep_base_q = *c->t_tile_q = *c->keep_step_q = 0;
    } else if (tile_ends) {
        *c->keep_base_q = low(*c->keep_base_q + d->columns, base_bits(d));
        *c->t_tile_q = low(*c->t_tile_q + 1, fixed_bits(design_tiles_max(d)));
        *c->keep_step_q = 0;
    } else
        ++*c->keep_step_q;
}

void predict_control_show_keep_word(predict_control_t *c)
{
    const design_t *d = c->d;
    bool column = *c->keep_q && *c->keep_step_q < d->columns;
    int64_t key = *c->keep_base_q + *c->keep_step_q;
    *c->t_there_q = column && key < c->g_keys[*c->keep_half_q];
    *c->t_last_q = column && *c->keep_step_q == d->columns - 1;
    *c->t_valid_q = *c->t_there_q || *c->t_last_q;
    *c->t_first_q = *c->t_valid_q && key == 0;
    *c->t_key_q = *c->t_there_q ? low(key, fixed_bits(d->keys_max)) : 0;
    *c->t_col_q = column ? *c->keep_step_q : 0;
    *c->t_strip_q = *c->keep_half_q * d->strips + *c->keep_strip_q;
}

/* ---- counts: ends go through a line, until row 0, or the last one, is done ---- */

static void count_end(int64_t *line, int length, bool end, int64_t *count, int bits)
{
    *count = low(*count + line[length - 1], bits);
    memmove(line + 1, line, ((size_t)length - 1) * sizeof *line);
    line[0] = end;
}

void predict_control_eval(void *self)
{
    predict_control_t *c = self;
    *c->valid = *c->valid_q;
    *c->first = *c->first_q;
    *c->file = *c->file_q;
    *c->upper = *c->upper_q;
    *c->tile = *c->tile_q;
    *c->at = *c->at_q;
    *c->head_key = *c->head_key_q;
    *c->d_valid = *c->d_valid_q;
    *c->d_first = *c->d_first_q;
    *c->d_bank = *c->d_bank_q;
    *c->d_col = *c->d_col_q;
    *c->d_key = *c->d_key_q;
    *c->d_limit = *c->d_limit_q;
    *c->d_rows = *c->d_rows_q;
    *c->s_valid = *c->s_valid_q;
    *c->s_first = *c->s_first_q;
    *c->s_bank = *c->s_bank_q;
    *c->s_key = low(*c->sum_key_q, fixed_bits(c->d->keys_max));
    *c->t_valid = *c->t_valid_q;
    *c->t_first = *c->t_first_q;
    *c->t_bank = *c->t_bank_q;
    *c->t_there = *c->t_there_q;
    *c->t_key = *c->t_key_q;
    *c->t_col = *c->t_col_q;
    *c->t_last = *c->t_last_q;
    *c->t_tile = *c->t_tile_q;
    *c->t_strip = *c->t_strip_q;
    *c->threshold = *c->threshold_q;
    *c->policy = *c->policy_q;
    *c->scored = *c->scored_q;
    *c->begun_groups = *c->begun_groups_q;
    *c->predicted = *c->predicted_q;
}

/* Backwards along the words' way: each part still sees the one before it as it was. All wait for counts as
   they are now. */
void predict_control_tick(void *self)
{
    predict_control_t *c = self;
    bool drained = drained_strip(c), kept = kept_strip(c);
    int64_t scored = *c->scored_q, summed = *c->summed_q, compared = *c->keep_n_q;
    drain_step(c);
    pend(c);
    score_step(c);
    predict_control_show_word(c);
    take_threshold(c);
    keep_step(c, summed);
    predict_control_show_keep_word(c);
    sum_step(c, scored, compared);
    count_end(c->scored_line_q, SCORED_LINE, drained, c->scored_q, 2);
    count_end(c->predicted_line_q, predicted_line(c->d), kept, c->predicted_q, design_held_w(c->d));
}

#define FIELD(member) offsetof(predict_control_t, member)
#define RECORD(member, width)                                                                                \
    .name = #member, .kind = SIGNAL_IN, .field = FIELD(member), .bits = width, .dims = 1, .n = {2}
#define OUTPUT(member, width) .name = #member, .kind = SIGNAL_OUT, .field = FIELD(member), .bits = width
#define REGISTER(member, width)                                                                              \
    .name = #member, .kind = SIGNAL_REG, .field = FIELD(member), .bits = width, .path = #member
#define LINE(member, length) REGISTER(member, 1), .dims = 1, .n = {length}

/* Bits of each size, named as in docs/machine.md. */
typedef struct {
    int key, len, tile, col, at, strip, strips, rows, base, step, keep_step;
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
        .keep_step = fixed_bits((int)max(d->rows, d->columns)),
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
        {"opened", SIGNAL_IN, FIELD(opened), 2, .meaning = "groups that have a record"},
        {"asked", SIGNAL_IN, FIELD(asked), 2, .meaning = "strips whose maxima are not needed any more"},
        {RECORD(g_rows, fixed_bits(design_group_rows(d) + 1)), .meaning = "queries of the group"},
        {RECORD(g_first, w.len), .meaning = "its first query"},
        {RECORD(g_keys, w.len), .meaning = "keys of the head"},
        {RECORD(g_d, fixed_bits(d->head_max + 1)), .meaning = "head size"},
        {RECORD(g_causal, 1), .codes = 2, .meaning = "no yes"},
        {RECORD(g_upper, 1), .codes = 2, .meaning = "lower upper keys"},
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
        {OUTPUT(file, 2), .meaning = "query file of the strip, and its bank"},
        {OUTPUT(upper, 1), .meaning = "lower upper keys"},
        {OUTPUT(tile, w.tile)},
        {OUTPUT(at, w.at), .meaning = "element of query and key"},
        {OUTPUT(head_key, w.key), .meaning = "place of the key whose header is wanted"},
        {OUTPUT(d_valid, 1), .meaning = "drain word"},
        {OUTPUT(d_first, 1), .meaning = "first of its strip"},
        {OUTPUT(d_bank, 2)},
        {OUTPUT(d_col, w.col)},
        {OUTPUT(d_key, w.key)},
        {OUTPUT(d_limit, w.len + 1), .is_signed = true, .meaning = "last key that row 0 may see"},
        {OUTPUT(d_rows, w.rows), .meaning = "rows of the strip in use"},
        {OUTPUT(s_valid, 1), .meaning = "sum word"},
        {OUTPUT(s_first, 1), .meaning = "first of its strip"},
        {OUTPUT(s_bank, 2)},
        {OUTPUT(s_key, w.key)},
        {OUTPUT(t_valid, 1), .meaning = "threshold word"},
        {OUTPUT(t_first, 1), .meaning = "first of its strip"},
        {OUTPUT(t_bank, 2)},
        {OUTPUT(t_there, 1), .meaning = "the key exists"},
        {OUTPUT(t_key, w.key)},
        {OUTPUT(t_col, w.col)},
        {OUTPUT(t_last, 1), .meaning = "last column of a tile"},
        {OUTPUT(t_tile, w.tile)},
        {OUTPUT(t_strip, w.strip)},
        {OUTPUT(threshold, d->threshold.w), .frac = d->threshold.frac},
        {OUTPUT(policy, 2)},
        {OUTPUT(scored, 2), .meaning = "strips whose maxima are known"},
        {OUTPUT(begun_groups, 2), .meaning = "groups whose first strip is compared, or was"},
        {OUTPUT(predicted, design_held_w(d)), .meaning = "strips whose masks are known"},
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
        {REGISTER(file_q, 2)},
        {REGISTER(upper_q, 1)},
        {REGISTER(tile_q, w.tile)},
        {REGISTER(at_q, w.at)},
        {REGISTER(head_key_q, w.key)},
        {REGISTER(d_valid_q, 1)},
        {REGISTER(d_first_q, 1)},
        {REGISTER(d_bank_q, 2)},
        {REGISTER(d_col_q, w.col)},
        {REGISTER(d_key_q, w.key)},
        {REGISTER(d_limit_q, w.len + 1), .is_signed = true},
        {REGISTER(d_rows_q, w.rows)},
        {REGISTER(s_valid_q, 1)},
        {REGISTER(s_first_q, 1)},
        {REGISTER(s_bank_q, 2)},
        {REGISTER(t_valid_q, 1)},
        {REGISTER(t_first_q, 1)},
        {REGISTER(t_bank_q, 2)},
        {REGISTER(t_there_q, 1)},
        {REGISTER(t_key_q, w.key)},
        {REGISTER(t_col_q, w.col)},
        {REGISTER(t_last_q, 1)},
        {REGISTER(t_tile_q, w.tile)},
        {REGISTER(t_strip_q, w.strip)},
        {REGISTER(threshold_q, d->threshold.w), .frac = d->threshold.frac},
        {REGISTER(policy_q, 2)},
        {REGISTER(scored_q, 2)},
        {REGISTER(begun_groups_q, 2)},
        {REGISTER(predicted_q, design_held_w(d))},
    };
    return ADD(table, n, all);
}

static int add_sequencers(const design_t *d, signal_t *table, int n)
{
    const widths_t w = widths(d);
    const signal_t all[] = {
        {REGISTER(score_q, 1), .meaning = "a strip is being scored"},
        {REGISTER(score_n_q, 2), .meaning = "its number"},
        {REGISTER(score_group_q, 2), .meaning = "its group"},
        {REGISTER(strip_q, w.strips), .meaning = "strip of the group"},
        {REGISTER(base_q, w.base), .meaning = "first key of the tile"},
        {REGISTER(step_q, w.step), .meaning = "cycle of the tile"},
        {REGISTER(rest_q, w.step), .meaning = "cycles until the tile is drained"},
        {REGISTER(pend_q, 1), .meaning = "the last word of a tile was shown"},
        {REGISTER(pend_first_q, 1), .meaning = "the strip's first tile"},
        {REGISTER(pend_last_q, 1), .meaning = "the strip's last tile"},
        {REGISTER(pend_bank_q, 2)},
        {REGISTER(pend_half_q, 1)},
        {REGISTER(pend_base_q, w.base)},
        {REGISTER(pend_limit_q, w.len + 1), .is_signed = true},
        {REGISTER(pend_rows_q, w.rows)},
        {REGISTER(drain_q, 1), .meaning = "a tile is drained"},
        {REGISTER(drain_last_q, 1), .meaning = "the strip's last tile"},
        {REGISTER(drain_half_q, 1)},
        {REGISTER(drain_base_q, w.base)},
        {REGISTER(sum_n_q, 2), .meaning = "strip being summed"},
        {REGISTER(sum_half_q, 1)},
        {REGISTER(sum_strip_q, w.strips)},
        {REGISTER(sum_key_q, w.len)},
        {REGISTER(keep_q, 1), .meaning = "a strip is compared"},
        {REGISTER(keep_n_q, 2), .meaning = "its number"},
        {REGISTER(keep_half_q, 1)},
        {REGISTER(keep_strip_q, w.strips)},
        {REGISTER(keep_base_q, w.base)},
        {REGISTER(keep_step_q, w.keep_step)},
        {REGISTER(summed_q, 2), .meaning = "strips whose sums are known"},
        {REGISTER(swept_q, 2), .meaning = "strips whose banks are free, but for rebias"},
        {LINE(scored_line_q, SCORED_LINE)},
        {LINE(predicted_line_q, predicted_line(d))},
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
    .summary = "sequences prediction: scores, sums and compares the strips of resident groups",
    .size = sizeof(predict_control_t),
    .clocked = true,
    .signals = predict_control_signals,
    .init = predict_control_init,
    .eval = predict_control_eval,
    .tick = predict_control_tick,
    .fits = predict_control_fits,
};
