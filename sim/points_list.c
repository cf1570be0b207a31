/* SPDX-License-Identifier: Apache-2.0 */
/* What must have happened in each unit. Codes of control inputs are not listed: they follow from the tables.
 */
#include "points.h"

#include "../model/controller.h"
#include "../model/memory_port.h"
#include "../model/pass_control.h"
#include "../model/predict_control.h"

/* clang-format off */
#define OF(name, which, ...) {.signal = name, .values = which, ##__VA_ARGS__}
#define BITS(name, which, first, bits) {.signal = name, .values = which, .from = first, .width = bits}
/* clang-format on */
/* A request with and without its grant. */
#define ASKS(valid, ready) .term = {OF(valid, "1"), OF(ready, "0, 1")}
/* Both ends of a format, at every element: sums clip both ways. */
#define ENDS(name) .term = {OF(name, "min, max")}, .each = true

/* ---- what has to be worked out ---- */

static int64_t reads_asked(const void *self, size_t at)
{
    const memory_port_t *p = self;
    int64_t n = 0;
    (void)at;
    for (int i = 0; i < MEMORY_PORT_READS; ++i) n += p->rd_valid[i];
    return n;
}

static int64_t writes_asked(const void *self, size_t at)
{
    const memory_port_t *p = self;
    (void)at;
    return p->wr_valid[0] + p->wr_valid[1];
}

/* Passes between two of the counters, which are modulo 8. */
static int64_t passes_held(const void *self, size_t at)
{
    const pass_control_t *p = self;
    (void)at;
    return (*p->closed_q - *p->complete_q) & 7;
}

static int64_t passes_in_flight(const void *self, size_t at)
{
    const pass_control_t *p = self;
    (void)at;
    return (*p->started_q - *p->complete_q) & 7;
}

static int64_t kept_in_split(const void *self, size_t at)
{
    const pass_control_t *p = self;
    int64_t n = 0;
    (void)at;
    for (int c = 0; c < p->d->columns; ++c) n += p->split_mask_q[c];
    return n;
}

/* At a start: -1, 0, 1 as the next pass's heads are shorter than, as long as, longer than those of the last.
 */
static int64_t next_is_longer(const void *self, size_t at)
{
    const pass_control_t *p = self;
    int64_t next = p->d_q[*p->started_q % DESIGN_PASSES], last = *p->last_d_q;
    (void)at;
    return p->now.start ? (next > last) - (next < last) : 2;
}

/* At a start: 0 in the first cycle that the array allows, 1 later. */
static int64_t starts_late(const void *self, size_t at)
{
    const pass_control_t *p = self;
    (void)at;
    if (!p->now.start) return 2;
    return *p->why_q != CAUSE_HAZARD && *p->why_q != CAUSE_INTERVAL && *p->why_q != CAUSE_STREAM;
}

/* Why no strip is scored: bit 0 none is loaded, 1 its group has no record, 2 the bank's strip is not swept, 3
 * not asked for by rebias. */
static int64_t score_waits(const void *self, size_t at)
{
    const predict_control_t *c = self;
    int64_t n = *c->score_n_q;
    (void)at;
    if (*c->score_q) return 16;
    return (*c->loaded == n) | (*c->opened == *c->score_group_q) << 1 | (((n - *c->swept_q) & 3) >= 3) << 2 |
           (((n - *c->asked) & 3) >= 3) << 3;
}

/* While a strip is scored: -1, 0, 1 as heads are shorter than, as long as, longer than a tile. */
static int64_t head_against_tile(const void *self, size_t at)
{
    const predict_control_t *c = self;
    int64_t d = c->g_d[*c->score_group_q & 1];
    (void)at;
    return *c->score_q ? (d > c->d->columns) - (d < c->d->columns) : 2;
}

/* Where a matrix ends, in beats from the limit, while it is looked at. */
static int64_t beats_beyond(const void *self, size_t at)
{
    const controller_t *c = self;
    int64_t address = c->desc_q[4 + *c->matrix_q], limit = *c->limit_q, beat = c->d->bus_bytes;
    (void)at;
    if (*c->state_q != CONTROLLER_PLACE || limit > INT64_C(1) << c->d->addr_w) return INT64_MIN;
    return (address + *c->span_q * beat - limit) / beat;
}

/* ---- the list ---- */

/* clang-format off */
const points_item_t points_list[] = {
    {.unit = "exp", .term = {OF("y", "0, max")}},
    {.unit = "exp", .term = {OF("sat", "0, 1")}, .when = "signed"},

    {.unit = "pe", ENDS("acc_q"), .when = "signed"},
    {.unit = "pe", .term = {OF("score_q", "min, max, neg, 0, pos")}, .when = "signed"},
    {.unit = "pe", .term = {OF("bias", "neg, pos"), OF("c5", "1")}, .when = "signed"},
    {.unit = "pe", .term = {OF("c3", "0 .. 4"), OF("c5", "0 .. 3")}},
    {.unit = "pe", .term = {OF("sat_q", "0, 1"), OF("sel", "0, 1")}, .when = "signed"},

    {.unit = "delay_line", .term = {OF("c4", "0, columns - pes"), OF("shift", "0, 1"), OF("clear", "0, 1")}, .each = true},

    {.unit = "pe_row", ENDS("acc_q"), .when = "signed"},
    {.unit = "pe_row", .term = {OF("sum_q", "max")}, .when = "signed"},
    {.unit = "pe_row", .term = {OF("bias", "neg, pos")}, .when = "signed"},

    {.unit = "pe_array", ENDS("acc_q"), .when = "signed"},
    {.unit = "pe_array", .term = {OF("sum_q", "max")}, .when = "signed"},
    {.unit = "pe_array", .term = {OF("bias", "neg, pos")}, .each = true, .when = "signed"},

    {.unit = "score_pe", ENDS("s_q"), .when = "signed"},

    {.unit = "score_array", ENDS("s_q"), .when = "signed"},
    {.unit = "score_array", .term = {OF("scaled_q", "min, max")}, .each = true, .when = "signed"},
    {.unit = "score_array", .term = {OF("exp_q", "0, (1 << (score_exp_w - 1)) - 1")}, .each = true, .when = "signed"},
    {.unit = "score_array", .term = {OF("sum_q", "0, (1 << (score_sum_w - 1)) - 1")}, .each = true, .when = "signed"},
    {.unit = "score_array", .term = {OF("allowed_q", "0, 1")}, .each = true, .when = "signed"},

    {.unit = "binarise", .term = {OF("keep", "0, 1"), OF("any", "0, 1")}, .each = true},

    {.unit = "pack", .term = {OF("n_q", "0 .. pack_pes")}, .each = true},
    {.unit = "pack", .term = {OF("emit", "0, 1"), OF("write", "0, 1")}},

    {.unit = "split", .term = {OF("count_n", "0 .. columns")}},
    {.unit = "split", .term = {OF("valid", "1"), OF("ready", "0, 1")}},
    {.unit = "split", .term = {OF("have", "1"), OF("take", "0, 1"), OF("last", "0, 1")}},
    {.unit = "split", .term = {OF("have", "0"), OF("take", "0, 1")}},
    {.unit = "split", .term = {OF("mode", "0 .. 2")}, .each = true, .names = "skip pass active"},
    {.unit = "split", .term = {OF("c4", "0 .. columns - pes")}, .each = true},
    {.unit = "split", .term = {OF("col", "0 .. columns - 1")}},

    {.unit = "normalise", .term = {OF("valid", "0, 1"), OF("den", "neg, 0, 1, pos")}, .alone = true},
    {.unit = "normalise", .term = {OF("num", "neg, 0, pos")}, .each = true},
    {.unit = "normalise", .term = {OF("quot_q", "min, max, neg, 0, pos")}, .each = true, .alone = true},

    {.unit = "slot_control", .term = {OF("c3", "1"), OF("c5", "0, 1")}},
    {.unit = "slot_control", .term = {OF("c3", "2 .. 4"), OF("c5", "0")}},
    {.unit = "slot_control", .term = {OF("gap", "0 .. columns - pes")}},
    {.unit = "slot_control", .term = {OF("from_left", "0, 1"), OF("active", "0, 1"), OF("par", "0, 1")}},

    {.unit = "slot_row", ENDS("acc_q")},
    {.unit = "slot_row", .term = {OF("sum_q", "0, max")}, .each = true},
    {.unit = "slot_row", .term = {OF("out_op", "0 .. 2")}, .names = "none word last"},
    {.unit = "slot_row", .term = {OF("clash", "0, 1")}},
    {.unit = "slot_row", .term = {BITS("slot_q", "0 .. columns - pes", "1", "c4_w")}, .each = true},
    {.unit = "slot_row", .term = {BITS("slot_q", "0 .. columns - 1", "1 + c4_w", "col_w")}, .each = true},
    {.unit = "slot_row", .term = {BITS("slot_q", "0 .. 2", "1 + c4_w + col_w", "2")}, .each = true, .names = "skip pass active"},

    {.unit = "slot_array", ENDS("acc_q"), .alone = true},
    {.unit = "slot_array", .term = {OF("sum_q", "0, max")}, .each = true, .alone = true},
    {.unit = "slot_array", .term = {OF("out_op", "0 .. 2")}, .each = true, .names = "none word last"},
    {.unit = "slot_array", .term = {BITS("slot_q", "0 .. columns - pes", "1", "c4_w")}, .each = true, .alone = true},
    {.unit = "slot_array", .term = {BITS("slot_q", "0 .. columns - 1", "1 + c4_w", "col_w")}, .each = true, .alone = true},
    {.unit = "slot_array", .term = {BITS("slot_q", "0 .. 2", "1 + c4_w + col_w", "2")}, .each = true, .names = "skip pass active", .alone = true},

    {.unit = "array_control", .term = {OF("phase_q", "0 .. 3")}, .names = "rest SDDMM SpMM clear"},
    {.unit = "array_control", .term = {OF("out_op", "0 .. 2")}, .each = true, .names = "none word last"},
    {.unit = "array_control", .term = {OF("armed_q", "0, 1"), OF("phase_q", "0 .. 3")}, .alone = true},
    {.unit = "array_control", .term = {OF("move_q", "0 .. pes - 1")}},
    {.unit = "array_control", .term = {OF("clash_q", "0, 1")}, .alone = true},
    {.unit = "array_control", ENDS("acc_q"), .alone = true},

    {.unit = "feeder", .term = {OF("valid", "0, 1"), OF("op", "0 .. 5")}, .alone = true},
    {.unit = "feeder", .term = {OF("buffer", "0, 1"), OF("is_v", "0, 1"), OF("we", "0, 1")}},
    {.unit = "feeder", .term = {OF("bias_q", "neg, pos")}, .each = true},

    {.unit = "buffer", .term = {OF("p_we", "0, 1"), OF("m_we", "0, 1"), OF("q_we", "0, 1")}, .alone = true},
    {.unit = "buffer", .term = {OF("bias_q", "neg, pos")}, .alone = true},

    {.unit = "accumulate", .term = {OF("out_op", "0 .. 2")}, .each = true, .names = "none word last"},
    {.unit = "accumulate", .term = {OF("done", "0, 1")}},
    {.unit = "accumulate", .term = {OF("acc_q", "min, max")}, .alone = true},
    {.unit = "accumulate", .term = {OF("row_sum_q", "min, max")}, .alone = true},
    {.unit = "accumulate", .term = {OF("started_q", "0, 1")}, .each = true},
    {.unit = "accumulate", .term = {OF("clear", "1"), OF("clear_half", "0, 1")}},
    {.unit = "accumulate", .term = {OF("bank_q", "0 .. passes - 1")}},

    {.unit = "drain", ASKS("wr_valid", "wr_ready")},
    {.unit = "drain", ASKS("fin_valid", "fin_ready"), .alone = true},
    {.unit = "drain", .term = {OF("end_q", "0 .. 2"), OF("wr_ready", "0, 1"), OF("fin_ready", "0, 1")}, .names = "none clear fin", .alone = true},
    {.unit = "drain", .term = {OF("inside_q", "0, 1, output_rows")}, .alone = true},
    {.unit = "drain", .term = {OF("full_q", "0, 1, output_rows")}, .alone = true},
    {.unit = "drain", .term = {OF("div_valid", "0, 1"), OF("div_done", "0, 1")}},
    {.unit = "drain", .term = {OF("clear", "1"), OF("clear_half", "0, 1")}},

    {.unit = "rebias", ASKS("rd_valid", "rd_ready")},
    {.unit = "rebias", .term = {OF("end_q", "0 .. 3")}, .names = "none row strip group"},
    {.unit = "rebias", .term = {OF("b_we", "1"), OF("b_bias", "min, max, neg, 0, pos")}, .alone = true},
    {.unit = "rebias", .term = {OF("got", "0, 1"), OF("rd_valid", "0, 1")}},
    {.unit = "rebias", .term = {OF("row_q", "0 .. rows - 1")}},

    {.unit = "memory_port", ASKS("req_valid", "req_ready")},
    {.unit = "memory_port", ASKS("rd_valid", "rd_ready"), .each = true},
    {.unit = "memory_port", ASKS("wr_valid", "wr_ready"), .each = true},
    {.unit = "memory_port", .term = {OF("rsp_valid", "0, 1"), OF("rsp_ready", "0, 1")}},
    {.unit = "memory_port", .term = {OF("got", "1")}, .each = true},
    {.unit = "memory_port", .term = {OF("waiting_q", "0 .. outstanding"), OF("req_ready", "0, 1")}},
    {.unit = "memory_port", .term = {OF("waiting_q", "outstanding"), OF("req_valid", "0, 1"), OF("req_write", "0, 1")}},
    {.unit = "memory_port", .term = {OF("oldest_q", "0 .. outstanding - 1")}},
    {.unit = "memory_port", .term = {OF("rd_valid", "0 .. 4", .value = reads_asked, .what = "reads asked"), OF("wr_valid", "0 .. 2", .value = writes_asked, .what = "writes asked")}, .alone = true},

    {.unit = "controller", .term = {OF("state_q", "0 .. 10")}, .names = "idle areas read check rows span place verdict offer status wait"},
    {.unit = "controller", .term = {OF("state_q", "2"), OF("rd_valid", "0, 1"), OF("rd_ready", "0, 1")}, .alone = true},
    {.unit = "controller", .term = {OF("state_q", "2"), OF("got", "0, 1")}},
    {.unit = "controller", .term = {OF("state_q", "8"), OF("job_ready", "0, 1")}},
    {.unit = "controller", .term = {OF("state_q", "1 .. 10"), OF("wr_valid", "1"), OF("wr_ready", "0, 1")}, .alone = true},
    {.unit = "controller", .term = {OF("state_q", "1 .. 8, 10"), OF("fin_valid", "1"), OF("fin_ready", "0, 1")}, .alone = true},
    {.unit = "controller", .term = {OF("state_q", "9"), OF("fin_valid", "1"), OF("fin_ready", "0")}, .alone = true},
    {.unit = "controller", .term = {OF("wr_code_q", "0 .. 8"), OF("wr_valid_q", "1")}},
    {.unit = "controller", .term = {OF("start", "1"), OF("busy", "0, 1")}, .alone = true},
    {.unit = "controller", .term = {OF("start", "1"), OF("count", "0, 1"), OF("busy", "0")}, .alone = true},
    {.unit = "controller", .term = {OF("state_q", "6"), OF("matrix_q", "0 .. 5"), OF("beyond_q", "0, 1")}, .alone = true},
    {.unit = "controller", .term = {OF("state_q", "6"), OF("matrix_q", "0 .. 5"), OF("overlap_q", "0, 1")}, .alone = true},
    {.unit = "controller", .term = {OF("matrix_q", "-1 .. 1", .value = beats_beyond, .what = "beats beyond the limit")}, .alone = true},
    {.unit = "controller", .term = {BITS("desc_q[1]", "0, 1, keys_max, keys_max + 1", "0", "16"), OF("state_q", "3")}, .alone = true},
    {.unit = "controller", .term = {BITS("desc_q[1]", "0, 1, keys_max, keys_max + 1", "16", "16"), OF("state_q", "3")}, .alone = true},
    {.unit = "controller", .term = {BITS("desc_q[2]", "0, 1, head_max, head_max + 1", "0", "8"), OF("state_q", "3")}, .alone = true},
    {.unit = "controller", .term = {BITS("desc_q[2]", "0 .. 3", "10", "2"), OF("state_q", "3")}, .alone = true},
    {.unit = "controller", .term = {BITS("desc_q[2]", "0 .. 3", "8", "2"), OF("state_q", "8")}, .alone = true},
    {.unit = "controller", .term = {BITS("desc_q[11]", "0, 1, 2", "0", "16"), OF("state_q", "3")}, .alone = true},
    {.unit = "controller", .term = {OF("left_q", "1, 2"), OF("state_q", "8")}},

    {.unit = "fetch", .term = {OF("low_q", "0 .. 4"), OF("got", "0, 1")}, .names = "head room keys file queries"},
    {.unit = "fetch", .term = {OF("high_q", "0 .. 3"), OF("got", "0, 1")}, .names = "head group queries masks"},
    {.unit = "fetch", .term = {OF("low_q", "0 .. 4"), OF("high_q", "0 .. 3"), OF("rd_ready", "0, 1")}, .names = "head room keys file queries", .alone = true},
    {.unit = "fetch", .term = {OF("low_q", "0")}, .pairs = true, .names = "head"},
    {.unit = "fetch", .term = {OF("low_q", "1")}, .pairs = true, .names = "head room"},
    {.unit = "fetch", .term = {OF("low_q", "3")}, .pairs = true, .names = "head room keys file"},
    {.unit = "fetch", .term = {OF("high_q", "1")}, .pairs = true, .names = "head group"},
    {.unit = "fetch", .term = {OF("small_q", "0, 1")}},
    {.unit = "fetch", .term = {OF("beside_q", "1"), OF("upper_q", "0, 1")}},
    {.unit = "fetch", .term = {OF("job_valid", "0, 1"), OF("job_ready", "0, 1")}, .alone = true},
    {.unit = "fetch", .term = {OF("g_policy_q", "0 .. 2"), OF("g_causal_q", "0, 1"), OF("g_external_q", "0, 1")}, .each = true, .alone = true},
    {.unit = "fetch", .term = {OF("g_rows_q", "1, rows, group_rows"), OF("g_final_q", "0, 1")}, .each = true, .alone = true},
    {.unit = "fetch", .term = {OF("g_keys_q", "1, columns, keys_max")}, .alone = true},
    {.unit = "fetch", .term = {OF("g_d_q", "1, head_max")}},
    {.unit = "fetch", .term = {BITS("rd_tag", "0 .. 3", "tag_w - 2", "2"), OF("rd_valid", "1")}},

    {.unit = "tile_loader", ASKS("rd_valid_q", "rd_ready")},
    {.unit = "tile_loader", .term = {OF("taken_q", "1"), OF("tile_loaded", "0"), OF("asked_q", "0, 1")}, .each = true},
    {.unit = "tile_loader", .term = {OF("taken_q", "0, 1"), OF("tile_free", "0, 1")}, .each = true, .alone = true},
    {.unit = "tile_loader", .term = {OF("tile_loaded", "1"), OF("tile_free", "0, 1")}, .each = true},
    {.unit = "tile_loader", .term = {OF("is_v_q", "0, 1"), OF("column_q", "0 .. columns - 1")}},
    {.unit = "tile_loader", .term = {OF("got", "0, 1"), OF("rd_valid_q", "0, 1")}},
    {.unit = "tile_loader", .term = {OF("base_q", "0, columns")}},

    {.unit = "pass_control", .term = {OF("cause_n", "0 .. 6"), OF("busy", "0")}, .names = "stream hazard interval walk tile gather predict", .alone = true},
    {.unit = "pass_control", .term = {OF("cause_n", "0 .. 6"), OF("busy", "1")}, .names = "stream hazard interval walk tile gather predict", .alone = true},
    {.unit = "pass_control", .term = {OF("h_q", "0 .. columns - pes")}, .when = "travelling", .alone = true},
    {.unit = "pass_control", .term = {OF("count_q", "1 .. rows")}, .each = true},
    {.unit = "pass_control", .term = {OF("fill_q", "0 .. rows - 1")}},
    {.unit = "pass_control", .term = {OF("mode_q", "0 .. 2")}, .names = "skip pass active"},
    {.unit = "pass_control", .term = {OF("win_n_q", "0 .. window")}, .when = "window > 1"},
    {.unit = "pass_control", .term = {OF("split_part_q", "0 .. columns / pes + (columns % pes > 0) - 1")}},
    {.unit = "pass_control", .term = {OF("split_mask_q", "0 .. columns", .value = kept_in_split, .what = "kept in split")}},
    {.unit = "pass_control", .term = {OF("closed_q", "0 .. passes", .value = passes_held, .what = "passes held")}},
    {.unit = "pass_control", .term = {OF("started_q", "0 .. 2", .value = passes_in_flight, .what = "passes in flight")}},
    {.unit = "pass_control", .term = {OF("valid", "1"), OF("op", "1 .. 5")}, .names = "none load mac exp fwd fwd_last"},
    {.unit = "pass_control", .term = {OF("started_q", "-1 .. 1", .value = next_is_longer, .what = "next pass's heads are longer")}},
    {.unit = "pass_control", .term = {OF("started_q", "0, 1", .value = starts_late, .what = "start later than the array allows")}},
    {.unit = "pass_control", .term = {OF("tile_free", "1")}, .each = true},
    {.unit = "pass_control", .term = {OF("pass_rows", "1 .. rows"), OF("pass", "1")}},

    {.unit = "predict_control", .term = {OF("loaded", "0 .. 2, 4, 8, 12", .value = score_waits, .what = "score waits for")}, .alone = true},
    {.unit = "predict_control", .term = {OF("strip_q", "-1 .. 1", .value = head_against_tile, .what = "heads are longer than a tile")}, .alone = true},
    {.unit = "predict_control", .term = {OF("score_q", "0, 1"), OF("keep_q", "0, 1"), OF("s_valid", "0, 1")}, .alone = true},
    {.unit = "predict_control", .term = {OF("drain_q", "0, 1"), OF("pend_q", "0, 1")}},
    {.unit = "predict_control", .term = {OF("t_valid", "1"), OF("t_there", "1"), OF("t_last", "0, 1")}},
    {.unit = "predict_control", .term = {OF("t_valid", "1"), OF("t_there", "0"), OF("t_last", "1")}},
    {.unit = "predict_control", .term = {OF("d_rows", "1 .. rows"), OF("d_valid", "1")}},
    {.unit = "predict_control", .term = {OF("policy", "0 .. 2")}, .names = "zero dense top1"},
    {.unit = "predict_control", .term = {OF("tile", "0 .. tiles_max - 1")}, .alone = true},
    {.unit = "predict_control", .term = {OF("file", "0 .. 2"), OF("upper", "0, 1")}},
    {.unit = "predict_control", .term = {OF("strip_q", "0 .. strips - 1")}},
    {.unit = "predict_control", .term = {OF("rest_q", "0, 1")}},

    {.unit = "predict_row", ENDS("s_q")},
    {.unit = "predict_row", .term = {OF("scaled_q", "min, max")}},
    {.unit = "predict_row", .term = {OF("exp_q", "0, (1 << (score_exp_w - 1)) - 1")}},
    {.unit = "predict_row", .term = {OF("sum_q", "0, (1 << (score_sum_w - 1)) - 1")}},
    {.unit = "predict_row", .term = {OF("any_q", "0, 1")}, .each = true},
    {.unit = "predict_row", .term = {OF("threshold", "0, max")}},
    {.unit = "predict_row", .term = {OF("mask_valid", "1"), OF("policy", "0 .. 2")}},

    {.unit = "predict_array", ENDS("s_q"), .alone = true},
    {.unit = "predict_array", .term = {OF("scaled_q", "min, max")}, .each = true, .alone = true},
    {.unit = "predict_array", .term = {OF("any_q", "0, 1")}, .each = true},
    {.unit = "predict_array", .term = {OF("mask_valid", "1"), OF("policy", "0 .. 2")}},
    {.unit = "predict_array", .term = {OF("mask_valid", "1"), OF("mask_row", "0 .. rows - 1")}},
    {.unit = "predict_array", .term = {OF("d_rows", "0 .. rows"), OF("d_valid", "1")}, .alone = true},

    {.unit = "machine", ASKS("req_valid", "req_ready")},
    {.unit = "machine", .term = {OF("rsp_valid", "0, 1"), OF("rsp_ready", "0, 1")}},
    {.unit = "machine", .term = {OF("req_valid", "1"), OF("req_write", "0, 1")}},
    {.unit = "machine", .term = {OF("busy", "0, 1"), OF("start", "0, 1")}},

    {.unit = NULL},
};
/* clang-format on */
