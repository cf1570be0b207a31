/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole heads: the models of predict_control, predict_feeder and predict_array work strip after strip, and
 * the unit gets what its like among them gets; predict_row is row 0. Played here are fetch, which loads
 * random keys and queries and offers groups, and rebias and the users of masks, who now and then keep
 * prediction waiting. Some heads have operands of one size only, so that scores meet and clip, some keys and
 * queries are padding. Heads are too short to fill sums, so now and then a flood does: like operands for the
 * PEs, or row 0's maximum again and again for the sums of exp. Nothing is promised of the scores then, but
 * both sides keep to the same rules.
 */
#include "../model/predict_array.h"

#include <stdlib.h>
#include <string.h>

#include "../model/predict_control.h"
#include "../model/predict_feeder.h"
#include "groups.h"
#include "schedule.h"

enum { COMING = 4 };
typedef enum { WAIT, KEYS, QUERIES } step_t;

typedef struct {
    block_t *block, *control_block, *feeder_block, *array_block;
    predict_control_t *control;
    predict_feeder_t *feeder;
    predict_array_t *array;
    random_t *random;
    groups_t groups;
    group_t group[COMING];  /* by number: low-bit words are loaded before a group has its record */
    bool upper[COMING];     /* where their keys lie */
    int made, opened, used; /* groups */
    int end[COMING];        /* strips up to the end of each */
    int strip;              /* of the last group made, that is being loaded; group_strips: none left */
    bool new_head;          /* its keys are still to load */
    bool small, beside;     /* two heads of so few keys fit; the one before lies beside this one */
    int of_head;            /* strips loaded of this head; with new_head, of the one before */
    step_t step;            /* what is being loaded */
    bool driven;            /* there was a cycle before */
    int record, beat;       /* of it */
    int load_gap, use_gap;  /* one cycle in so many moves */
    bool extreme;           /* all elements of a record are the same end of their format */
    uint16_t element;       /* that end */
    int scale_bits;         /* most that scales have */
    int flood, sum_flood;   /* cycles left of it */
    int flood_row;          /* whose maximum is summed */
    uint64_t flood_signs;
    int loaded, scored, asked, predicted;
} heads_t;

static void heads_close(void *self)
{
    heads_t *h = self;
    if (!h) return;
    block_close(h->control_block);
    block_close(h->feeder_block);
    block_close(h->array_block);
    free(h);
}

static void *heads_open(block_t *block, random_t *random)
{
    heads_t *h = calloc(1, sizeof *h);
    if (!h) return NULL;
    *h = (heads_t){.block = block, .random = random, .load_gap = 1, .use_gap = 1};
    h->control_block = block_open(&predict_control_type, block->design);
    h->feeder_block = block_open(&predict_feeder_type, block->design);
    h->array_block = block_open(&predict_array_type, block->design);
    if (!h->control_block || !h->feeder_block || !h->array_block) {
        heads_close(h);
        return NULL;
    }
    h->control = h->control_block->self;
    h->feeder = h->feeder_block->self;
    h->array = h->array_block->self;
    groups_open(&h->groups, block->design, random);
    return h;
}

/* ---- fetch ---- */

static void new_temper(heads_t *h)
{
    static const int gaps[] = {1, 1, 3, 40};
    const design_t *d = h->block->design;
    h->load_gap = random_one_in(h->random, 2) ? 1 : 3;
    h->use_gap = gaps[random_below(h->random, 4)];
    h->extreme = random_one_in(h->random, 4);
    h->scale_bits =
        random_one_in(h->random, 4) ? d->scale.w : d->scale.frac - (int)random_below(h->random, 3);
    if (h->scale_bits > d->scale.w || h->scale_bits < 1) h->scale_bits = d->scale.w;
    if (!random_one_in(h->random, 3)) return;
    h->flood = 1 + (int)random_below(h->random, INT64_C(6) << (d->score_acc_w - 2 * d->operand_w));
    h->flood_signs = random_bits(h->random);
    if (!random_one_in(h->random, 4)) return;
    h->flood_row = (int)random_below(h->random, d->rows);
    int whole = d->score_sum.w - 1 - d->score_sum.frac; /* bits of the largest sum, in exps of 1 */
    h->sum_flood = 3 << (whole < 1 ? 0 : whole > 12 ? 11 : whole - 1);
}

/* Shares of interest are far below 1. */
static int64_t new_threshold(heads_t *h)
{
    const design_t *d = h->block->design;
    int64_t bits = d->threshold.w - random_below(h->random, 12);
    return random_one_in(h->random, 8) || bits < 1 ? 0
                                                   : (int64_t)fixed_low(random_bits(h->random), (int)bits);
}

static group_t *last_made(heads_t *h)
{
    return &h->group[(h->made - 1) % COMING];
}

static void make_group(heads_t *h)
{
    const design_t *d = h->block->design;
    bool upper = h->made && h->upper[(h->made - 1) % COMING];
    group_t g = h->group[h->made++ % COMING] = groups_next(&h->groups);
    h->end[(h->made - 1) % COMING] = h->loaded + group_strips(d, &g);
    h->strip = 0;
    h->new_head = g.first == 0;
    if (h->new_head) {
        bool small = g.keys <= d->keys_max / 2;
        h->beside = small && h->small;
        h->small = small;
        upper = h->beside && !upper;
        new_temper(h);
    }
    h->upper[(h->made - 1) % COMING] = upper;
}

static void open_group(heads_t *h)
{
    predict_control_t *c = h->control;
    if (h->opened == h->made || h->opened - h->used == 2 || !random_one_in(h->random, h->load_gap)) return;
    int half = h->opened & 1;
    const group_t *g = &h->group[h->opened % COMING];
    c->g_rows[half] = g->rows;
    c->g_first[half] = g->first;
    c->g_keys[half] = g->keys;
    c->g_d[half] = g->d;
    c->g_causal[half] = g->causal;
    c->g_upper[half] = h->upper[h->opened++ % COMING];
    c->g_policy[half] = g->policy;
    c->g_threshold[half] = new_threshold(h);
}

/* What may be loaded next, if anything. */
static step_t next_step(heads_t *h)
{
    const design_t *d = h->block->design;
    int ahead = h->loaded - h->scored;
    if (h->made == 0 || h->strip == group_strips(d, last_made(h))) {
        if (h->made == h->opened) make_group(h);
        return WAIT;
    }
    if (h->new_head) return ahead <= (h->beside ? h->of_head : 0) ? KEYS : WAIT;
    return ahead < 3 ? QUERIES : WAIT;
}

/* A record's elements at the end of their format, side by side as often as 16 bits hold them. */
static uint16_t new_element(heads_t *h)
{
    const design_t *d = h->block->design;
    int w = design_low_w(d);
    int64_t end = random_one_in(h->random, 2) ? fixed_min(d->operand_w) : fixed_max(d->operand_w);
    uint64_t word = 0;
    for (int at = 0; at < 16; at += w) word |= fixed_low((uint64_t)end, w) << at;
    return (uint16_t)word;
}

static void new_beat(heads_t *h, int64_t *data)
{
    const design_t *d = h->block->design;
    if (h->beat == 0) h->element = new_element(h);
    for (int i = 0; i < design_bus_w(d) / 16; ++i)
        data[i] = h->extreme ? h->element : (int64_t)fixed_low(random_bits(h->random), 16);
    if (h->beat) return;
    data[0] = (int64_t)fixed_low(random_bits(h->random), h->scale_bits);
    data[1] = !random_one_in(h->random, 6);
}

/* Loads a beat; true when it was the last of what is being loaded. */
static bool load(heads_t *h)
{
    const design_t *d = h->block->design;
    predict_feeder_t *f = h->feeder;
    bool keys = h->step == KEYS;
    int records = keys ? last_made(h)->keys : group_strip_rows(d, last_made(h), h->strip);
    int place = h->record + (h->upper[(h->made - 1) % COMING] ? d->keys_max / 2 : 0);
    *(keys ? f->k_we : f->q_we) = 1;
    *(keys ? f->k_key : f->q_row) = keys ? place : h->record;
    *(keys ? f->k_beat : f->q_beat) = h->beat;
    *f->q_file = h->loaded % PREDICT_FILES;
    new_beat(h, keys ? f->k_data : f->q_data);
    if (++h->beat < design_low_record_beats(d, d->head_max)) return false;
    h->beat = 0;
    if (++h->record < records) return false;
    h->record = 0;
    return true;
}

static void fetch(heads_t *h)
{
    *h->feeder->k_we = *h->feeder->q_we = 0;
    if (h->step == WAIT) h->step = next_step(h);
    if (h->step == WAIT || !random_one_in(h->random, h->load_gap) || !load(h)) return;
    if (h->step == KEYS)
        h->new_head = false, h->of_head = 0;
    else
        ++h->loaded, ++h->strip, ++h->of_head;
    h->step = WAIT;
}

/* ---- a cycle ---- */

/* The count behind one of so many bits. */
static void follow(int *count, int64_t low, int bits)
{
    *count += (int)fixed_low((uint64_t)(low - *count), bits);
}

static void drive_feeder(heads_t *h)
{
    const predict_control_t *c = h->control;
    predict_feeder_t *f = h->feeder;
    *f->valid = *c->valid;
    *f->first = *c->first;
    *f->file = *c->file;
    *f->upper = *c->upper;
    *f->tile = *c->tile;
    *f->at = *c->at;
    *f->head_key = *c->head_key;
    predict_feeder_eval(f);
}

static int64_t end_of(const design_t *d, uint64_t signs, int i)
{
    return signs >> (i % 64) & 1 ? fixed_min(d->operand_w) : fixed_max(d->operand_w);
}

static void flood(heads_t *h)
{
    const design_t *d = h->block->design;
    predict_array_t *a = h->array;
    if (!h->flood) return;
    --h->flood;
    for (int i = 0; i < d->rows; ++i) a->left[i] = end_of(d, h->flood_signs, i);
    for (int j = 0; j < d->columns; ++j) a->top[j] = end_of(d, h->flood_signs, j + 17);
    *a->tag = PREDICT_MORE;
}

static void flood_sums(heads_t *h)
{
    predict_array_t *a = h->array;
    if (!h->sum_flood) return;
    --h->sum_flood;
    *a->s_valid = 1;
    *a->s_first = *a->s_bank = 0;
    *a->s_key = a->arg[h->flood_row]; /* of bank 0 */
}

static void drive_array(heads_t *h)
{
    const design_t *d = h->block->design;
    const predict_control_t *c = h->control;
    const predict_feeder_t *f = h->feeder;
    predict_array_t *a = h->array;
    memcpy(a->left, f->left, (size_t)d->rows * sizeof *a->left);
    memcpy(a->top, f->top, (size_t)d->columns * sizeof *a->top);
    memcpy(a->row_head, f->row_head, PREDICT_FILES * (size_t)d->rows * sizeof *a->row_head);
    *a->tag = *f->tag;
    *a->key_head = *f->key_head;
    *a->d_valid = *c->d_valid;
    *a->d_first = *c->d_first;
    *a->d_bank = *c->d_bank;
    *a->d_col = *c->d_col;
    *a->d_key = *c->d_key;
    *a->d_limit = *c->d_limit;
    *a->d_rows = *c->d_rows;
    *a->s_valid = *c->s_valid;
    *a->s_first = *c->s_first;
    *a->s_bank = *c->s_bank;
    *a->s_key = *c->s_key;
    *a->t_valid = *c->t_valid;
    *a->t_first = *c->t_first;
    *a->t_bank = *c->t_bank;
    *a->t_there = *c->t_there;
    *a->t_key = *c->t_key;
    *a->t_col = *c->t_col;
    *a->t_last = *c->t_last;
    *a->t_tile = *c->t_tile;
    *a->t_strip = *c->t_strip;
    *a->threshold = *c->threshold;
    *a->policy = *c->policy;
    flood(h);
    flood_sums(h);
    predict_array_eval(a);
}

static void play(heads_t *h)
{
    predict_control_t *c = h->control;
    if (h->driven) { /* the edge between the cycle before and this one */
        predict_control_tick(c);
        predict_feeder_tick(h->feeder);
        predict_array_tick(h->array);
    }
    h->driven = true;
    predict_control_eval(c);
    follow(&h->scored, *c->scored, 2);
    follow(&h->predicted, *c->predicted, design_held_w(h->block->design));
    fetch(h);
    open_group(h);
    if (h->asked < h->scored && random_one_in(h->random, h->use_gap)) ++h->asked;
    bool usable = h->used < h->opened && h->predicted >= h->end[h->used % COMING];
    if (usable && random_one_in(h->random, h->use_gap)) ++h->used;
    *c->loaded = h->loaded & 3;
    *c->opened = h->opened & 3;
    *c->asked = h->asked & 3;
    predict_control_eval(c);
    drive_feeder(h);
    drive_array(h);
}

/* The inputs of the like model, which has the same table. */
static void copy_inputs(heads_t *h, const block_t *from)
{
    for (int i = 0; i < from->signals; ++i) {
        const signal_t *s = &from->table[i];
        if (s->kind != SIGNAL_IN) continue;
        memcpy(block_data(h->block, s), block_data(from, s), signal_count(s) * (size_t)signal_bytes(s));
    }
}

static void array_next(void *self)
{
    heads_t *h = self;
    play(h);
    copy_inputs(h, h->array_block);
}

static void feeder_next(void *self)
{
    heads_t *h = self;
    play(h);
    copy_inputs(h, h->feeder_block);
}

static void row_next(void *self)
{
    heads_t *h = self;
    predict_row_t *to = h->block->self;
    const predict_row_t *from = &h->array->row[0];
    play(h);
    *to->left = *from->left;
    memcpy(to->top, from->top, (size_t)h->block->design->columns);
    *to->tag = *from->tag;
    memcpy(to->head, from->head, PREDICT_BANKS * sizeof *to->head);
    *to->drain = *from->drain;
    *to->add = *from->add;
    *to->keep = *from->keep;
    *to->threshold = *from->threshold;
    *to->policy = *from->policy;
}

const scenario_t scenario_predict_array = {"predict_array", heads_open, array_next, heads_close, NULL};
const scenario_t scenario_predict_feeder = {"predict_feeder", heads_open, feeder_next, heads_close, NULL};
const scenario_t scenario_predict_row = {"predict_row", heads_open, row_next, heads_close, NULL};
