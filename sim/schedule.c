/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const scenario_t *const scenarios[] = {
    &scenario_score_array,
    &scenario_pack,
    &scenario_split,
    &scenario_pe_row,
    &scenario_pe_array,
    &scenario_normalise,
    &scenario_drain,
    &scenario_rebias,
    &scenario_predict_control,
    &scenario_predict_array,
    &scenario_predict_feeder,
    &scenario_predict_row,
    &scenario_slot_row,
    &scenario_slot_array,
    &scenario_tile_loader,
    &scenario_pass_control,
    &scenario_memory_port,
    &scenario_fetch,
    &scenario_controller,
    &scenario_feeder,
    &scenario_accumulate,
    &scenario_machine,
    &scenario_array_control,
    NULL,
};
/* clang-format on */

/* Inputs that say nothing while another is 0: they carry garbage then, not what happened to be there last. */
/* clang-format off */
static const struct {
    const char *unit, *valid, *carry;
} idle_inputs[] = {
    {"normalise", "valid", "num"},
    {"split", "valid", "mask"},
    {"feeder", "we", "waddr wdata"}, {"feeder", "load", "load_row q bias"}, {"feeder", "valid", "op par is_v at buffer"},
    {"accumulate", "out_op", "out sum"}, {"accumulate", "own", "own_bank own_row own_index"},
    {"accumulate", "pass", "pass_bank pass_rows pass_d"}, {"accumulate", "clear", "clear_half"},
    {"drain", "div_done", "div_quot"},
    {"rebias", "got", "got_tag got_data dot_q"},
    {"tile_loader", "got", "got_tag got_data"},
    {"fetch", "got", "got_tag got_data"},
    {"fetch", "job_valid", "j_l j_m j_d j_causal j_external j_policy j_threshold j_q j_k j_v j_q_low j_k_low j_mask j_o "
                           "j_final j_number"},
    {"memory_port", "rsp_valid", "rsp_data"}, {"memory_port", "rd_valid", "rd_addr rd_tag"},
    {"memory_port", "wr_valid", "wr_addr wr_data"},
    {"controller", "got", "got_data"}, {"controller", "fin_valid", "fin_job"},
    {"controller", "start", "queue status count limit"},
    {"predict_feeder", "k_we", "k_key k_beat k_data"}, {"predict_feeder", "q_we", "q_file q_row q_beat q_data"},
    {"predict_feeder", "valid", "first file upper tile at"},
    {"predict_array", "d_valid", "d_first d_bank d_col d_key d_limit d_rows"},
    {"predict_array", "s_valid", "s_first s_bank s_key"},
    {"predict_array", "t_valid", "t_first t_bank t_there t_key t_col t_last t_tile t_strip"},
    {"machine", "start", "queue status count limit"}, {"machine", "rsp_valid", "rsp_data"},
};
/* clang-format on */

enum { IDLE_MAX = 32 };

struct schedule {
    const scenario_t *scenario;
    void *self;
    block_t *block;
    random_t *random;
    int idles;
    struct {
        const signal_t *valid, *carry;
    } idle[IDLE_MAX];
};

static const scenario_t *find(const char *unit)
{
    for (const scenario_t *const *s = scenarios; *s; ++s) {
        if (!strcmp((*s)->unit, unit)) return *s;
    }
    return NULL;
}

bool schedule_has(const char *unit)
{
    return find(unit) != NULL;
}

/* The signals named in `names`, parted by spaces. */
static bool add_idle(schedule_t *s, const char *valid, const char *names)
{
    char name[SIGNAL_NAME_MAX];
    for (; *names; names += strspn(names, " ")) {
        size_t n = strcspn(names, " ");
        snprintf(name, sizeof name, "%.*s", (int)n, names);
        names += n;
        if (s->idles == IDLE_MAX) return false;
        s->idle[s->idles].valid = block_signal(s->block, valid);
        s->idle[s->idles].carry = block_signal(s->block, name);
        if (!s->idle[s->idles].valid || !s->idle[s->idles].carry) return false;
        ++s->idles;
    }
    return true;
}

static bool find_idle(schedule_t *s)
{
    bool found = true;
    for (size_t i = 0; i < sizeof idle_inputs / sizeof *idle_inputs && found; ++i) {
        if (strcmp(idle_inputs[i].unit, s->block->type->name) != 0) continue;
        found = add_idle(s, idle_inputs[i].valid, idle_inputs[i].carry);
    }
    return found;
}

/* Elements of `carry` that belong to an element of `valid` that is 0. */
static void scribble(schedule_t *s, const signal_t *valid, const signal_t *carry)
{
    size_t words = signal_count(valid), each = signal_count(carry) / words;
    for (size_t w = 0; w < words; ++w) {
        if (block_get(s->block, valid, w)) continue;
        for (size_t i = w * each; i < (w + 1) * each; ++i) {
            int64_t bits = (int64_t)random_bits(s->random);
            block_set(s->block, carry, i,
                      carry->is_signed ? fixed_wrap(bits, carry->bits)
                                       : (int64_t)fixed_low((uint64_t)bits, carry->bits));
        }
    }
}

schedule_t *schedule_open(block_t *block, random_t *random)
{
    const scenario_t *scenario = find(block->type->name);
    schedule_t *s = scenario ? calloc(1, sizeof *s) : NULL;
    if (!s) return NULL;
    s->scenario = scenario;
    s->block = block;
    s->random = random;
    s->self = find_idle(s) ? scenario->open(block, random) : NULL;
    if (s->self) return s;
    free(s);
    return NULL;
}

void schedule_close(schedule_t *s)
{
    if (!s) return;
    s->scenario->close(s->self);
    free(s);
}

void schedule_next(schedule_t *s)
{
    s->scenario->next(s->self);
    if (random_one_in(s->random, 2)) return; /* what was there last is as likely a mistake's food */
    for (int i = 0; i < s->idles; ++i) scribble(s, s->idle[i].valid, s->idle[i].carry);
}

const schedule_check_t *schedule_check(const schedule_t *s)
{
    return s->scenario->check ? s->scenario->check(s->self) : NULL;
}
