/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planted bugs. Each block has some on both sides; together they cover what goes wrong in such hardware:
 *
 *     delay  operand  order  handshake  clear  reset  lut  sign  width  bound  count
 *
 * The first word of `kind` is one of these.
 */
#include "canary.h"

#define RTL(name, unit, file, old, new, kind, arithmetic)                                                    \
    {                                                                                                        \
        "rtl_" name, CANARY_RTL, unit, {file, old, new}, kind, arithmetic                                    \
    }
#define MODEL(name, unit, file, old, new, kind, arithmetic)                                                  \
    {                                                                                                        \
        "model_" name, CANARY_MODEL, unit, {file, old, new}, kind, arithmetic                                \
    }

#define FAST(name, unit, file, old, new, kind)                                                               \
    {                                                                                                        \
        "fast_" name, CANARY_MODEL, unit, {file, old, new}, kind, "signed"                                   \
    }

const canary_t canaries[] = {
    /* ---- exp ---- */
    RTL("exp_lut_row", "exp", "exp.v", "at = @{at_w}'(v >> @{vp-lut_bits}) *",
        "at = @{at_w}'((v >> @{vp-lut_bits}) ^ @{vp}'d1) *", "lut: reads the neighbour's row", "signed"),
    RTL("exp_lut_value", "exp", "exp.v", "assign m = {1'b0, v} + LUT[at+:@{vp+1}];",
        "assign m = {1'b0, v} + LUT[at+:@{vp+1}] + @{vp+1}'(at == @{at_w}'d@{5*(vp+1)});",
        "lut: row 5 is one too large", "published"),
    RTL("exp_clip_late", "exp", "exp.v", "(wide >> @{y_w-1}) != '0;", "(wide >> @{y_w}) != '0;",
        "bound: clips one bit too late", "signed"),
    MODEL("exp_lut_rounds_down", "exp", "exp.c", "fraction_bits(e)) + 0.5);", "fraction_bits(e)));",
          "lut: rows are cut, not rounded", NULL),
    MODEL("exp_shift", "exp", "exp.c", "(y >> vp) + e->y.frac - vp;", "(y >> vp) + e->y.frac - vp + 1;",
          "width: shifts one place too far", "signed"),

    /* ---- score_pe, score_array ---- */
    RTL("score_pe_unsigned", "score_pe", "score_pe.v", "assign h = @sext{h_q, operand_w, sum_w};",
        "assign h = @zext{h_q, operand_w, sum_w};", "sign: the left operand is read as unsigned", "signed"),
    RTL("score_pe_no_move", "score_pe", "score_pe.v", "2'd3: s_q <= s_i;", "2'd3: s_q <= s_d;",
        "operand: a move calculates instead", NULL),
    MODEL("score_pe_keeps_operand", "score_pe", "score_pe.c", "*pe->v_q = *pe->h_q = *pe->s_q = 0;",
          "*pe->v_q = *pe->s_q = 0;", "clear: the left operand stays", NULL),
    MODEL("score_pe_clip_early", "score_pe", "score_pe.h", "min = -max - 1;", "min = -max;",
          "bound: the lower bound is one too high", "signed"),
    RTL("score_array_max_early", "score_array", "score_row.v", "if (allowed_q && $signed(scaled_q)",
        "if (allowed_i && $signed(scaled_q)", "delay: allowed comes a cycle before its score", "signed"),
    RTL("score_array_move_counts", "score_array", "score_row.v", "if (pe_state_i == 2'd2) sat_acc_q",
        "if (pe_state_i[1]) sat_acc_q", "count: sums that move count as clipped", "signed"),
    RTL("score_array_max_reset", "score_array", "score_row.v",
        "      sum_q <= '0;\n      max_q <= {1'b1, {@{scaled_w-1}{1'b0}}};\n    end else begin",
        "      sum_q <= '0;\n      max_q <= '0;\n    end else begin", "reset: the maximum begins at 0",
        "signed"),
    RTL("score_array_rotates", "score_array", "score_row.v",
        "@{(score_columns-1)*score_acc_w-1}:0], @{score_acc_w}'d0};",
        "@{(score_columns-1)*score_acc_w-1}:0], s_last};", "operand: the last sum enters the first PE", NULL),
    MODEL("score_array_miscounts", "score_array", "score_array.c", "if (clipped) a->sat_acc_q[i] =",
          "if (clipped == 1) a->sat_acc_q[i] =", "count: two events in a cycle are none", "signed"),
    MODEL("score_array_order", "score_array", "score_array.c",
          "        accumulate(a);\n        shift_operands(a);",
          "        shift_operands(a);\n        accumulate(a);", "order: operands move before they are used",
          NULL),

    /* ---- binarise, pack, split ---- */
    RTL("binarise_any_stays", "binarise", "binarise.v", "any_q <= clear_i ? '0 : any_q | keep_d;",
        "any_q <= any_q | keep_d;", "clear: rows stay marked", NULL),
    RTL("binarise_threshold_sign", "binarise", "binarise.v",
        "assign limit = (@sext{s, score_sum_w, w} * @zext{threshold_i, threshold_w, w}) << @{down};",
        "assign limit = (@sext{s, score_sum_w, w} * @sext{threshold_i, threshold_w, w}) << @{down};",
        "sign: a large threshold is negative", "signed"),
    MODEL("binarise_equal", "binarise", "binarise.c", "return score > limit;", "return score >= limit;",
          "bound: equal is kept", NULL),
    RTL("pack_early", "pack", "pack.v", "== @{n}'d@{pack_pes};", "== @{n}'d@{pack_pes-1};",
        "bound: a group closes one non-zero too early", NULL),
    RTL("pack_order", "pack", "pack.v", "n_q <= full ? '0 : n_d;", "n_q <= n_d;",
        "order: the closing column is counted", NULL),
    MODEL("pack_write_stays", "pack", "pack.c", "    *p->write_q = 0;\n", "", "clear: write stays", NULL),
    MODEL("pack_count", "pack", "pack.c", "p->n_q[i] += p->bit[i];", "p->n_q[i] += p->known;",
          "count: every row counts", NULL),
    RTL("split_ready", "split", "split.v", "assign ready_o = !have_o || done;",
        "assign ready_o = !have_o || last_o;", "handshake: ready before the last sub-row is taken", NULL),
    RTL("split_slot", "split", "split.v", "if (slot > free + @{s_w}'(i)) slot = free + @{s_w}'(i);", "",
        "bound: a late column leaves no room behind it", NULL),
    MODEL("split_take", "split", "split.c", "if (*s->ready && *s->valid)", "if (*s->valid)",
          "handshake: a row is loaded although not ready", NULL),
    MODEL("split_delay", "split", "split.c", "0 : right - s->col[k] - 1;", "0 : right - s->col[k];",
          "delay: c4 is one too long", NULL),

    /* ---- pe, delay_line, pe_row, pe_array ---- */
    RTL("pe_load_adds", "pe", "pe.v", "default: base = '0;", "default: base = @{sum_w}'($signed(o_i));",
        "clear: load keeps an old sum", "signed"),
    RTL("pe_clip_value", "pe", "pe.v", "too_big ? {sum[@{sum_w-1}], {@{acc_w-1}{~sum[@{sum_w-1}]}}}",
        "too_big ? {sum[@{sum_w-1}], {@{acc_w-1}{1'b1}}}", "bound: clips to -1, not to the minimum",
        "signed"),
    RTL("pe_bias_sign", "pe", "pe.v", "assign bias_wide = @{x_w}'($signed(bias_i))",
        "assign bias_wide = @{x_w}'(bias_i)", "sign: a negative bias is a large one", "signed"),
    MODEL("pe_move_drops", "pe", "pe.c", "case C5_MOVE: *pe->score_q = *pe->s;",
          "case C5_MOVE: *pe->score_q = *pe->score_q;", "operand: the score does not move", NULL),
    MODEL("pe_product", "pe", "pe.c", "*pe->sel ? drop_spmm(d) : drop_sddmm(d)", "drop_sddmm(d)",
          "width: SpMM drops SDDMM's bits", "signed"),
    MODEL("pe_wraps_narrow", "pe", "pe.c", "fixed_wrap((int64_t)cut, d->acc.w);",
          "fixed_wrap((int64_t)cut, d->acc.w - 1);", "width: the product loses its top bit", "published"),
    RTL("delay_line_age", "delay_line", "delay_line.v", "assign sum = @{at_w}'(wp_q) + @{at_w}'(age);",
        "assign sum = @{at_w}'(wp_q) + @{at_w}'(age) - @{at_w}'d1;", "delay: taps are a shift too young",
        NULL),
    RTL("delay_line_order", "delay_line", "delay_line.v", "else if (clear_i) begin",
        "else if (clear_i && !shift_i) begin", "order: a shift goes before a clear", NULL),
    MODEL("delay_line_wrap", "delay_line", "delay_line.c",
          "*line->wp_q ? *line->wp_q - 1 : (int64_t)depth - 1;",
          "*line->wp_q > 1 ? *line->wp_q - 1 : (int64_t)depth - 1;", "delay: one word is never written",
          NULL),
    RTL("pe_row_score_code", "pe_row", "pe_row.v", ".sel_i(c1 == @{c1_w}'d@{columns}),",
        ".sel_i(c1 >= @{c1_w}'d@{columns}),", "operand: the code for 0 selects the score", NULL),
    RTL("pe_row_count", "pe_row", "pe_row.v", "acc_count = acc_count + @{count_w}'(acc_sat[k]);",
        "acc_count = acc_count | @{count_w}'(acc_sat[k]);", "count: several events count once", "signed"),
    RTL("pe_row_sum_order", "pe_row", "pe_row.v", "33'(last_moves && !sum_clear_i && sum_too_big);",
        "33'(last_moves && sum_too_big);", "count: an add that a clear forbids counts", "signed"),
    MODEL("pe_row_left_late", "pe_row", "pe_row.c",
          "    memmove(row->v_q + 1, row->v_q, bytes - sizeof *row->v_q);\n    row->v_q[0] = *row->left;",
          "    row->v_q[0] = *row->left;\n    memmove(row->v_q + 1, row->v_q, bytes - sizeof *row->v_q);",
          "delay: the left operand skips a tap", NULL),
    MODEL("pe_row_sum_sign", "pe_row", "pe_row.c", "fixed_floor(row->wire[last].score, ",
          "fixed_floor(-row->wire[last].score, ", "sign: scores are subtracted", NULL),
    RTL("pe_array_top", "pe_array", "pe_array.v", "assign top = g_row[i-1].bot;", "assign top = top_i;",
        "operand: all rows get row 0's", NULL),
    RTL("pe_array_shift", "pe_array", "pe_array.v", "assign shift = c3_i == 3'd3;",
        "assign shift = c3_i == 3'd4;", "delay: lines move on load, not on left", NULL),
    MODEL("pe_array_active", "pe_array", "pe_array.c", "*a->c5 == C5_CALC ? C5_CLEAR : *a->c5;",
          "*a->c5 == C5_CALC ? C5_HOLD : *a->c5;", "clear: an idle PE keeps its score", "signed"),
    MODEL("pe_array_line_clear", "pe_array", "pe_array.c", "a->line_clear = *a->c3 == C3_CLEAR;",
          "a->line_clear = 0;", "clear: lines keep their words", NULL),

    /* ---- the fast model of pe_array, which only some designs have ---- */
    FAST("pe_array_pointer", "pe_array", "pe_array_fast.c", "a->wp = a->wp ? a->wp - 1 : a->depth - 1;",
         "a->wp = a->wp > 1 ? a->wp - 1 : a->depth - 1;", "delay: one plane is never written"),
    FAST("pe_array_idle", "pe_array", "pe_array_fast.c", "if (!a->active[i]) return 0;", "",
         "clear: an idle PE's exp counts"),
    FAST("pe_array_bias", "pe_array", "pe_array_fast.c", "a->acc_q[i] - a->bias[r] *",
         "a->acc_q[i] + a->bias[r] *", "sign: the bias is added"),

    /* ---- normalise ---- */
    RTL("normalise_tie", "normalise", "divide.v", "assign up = quo[0] && (more || quo[1]);",
        "assign up = quo[0];", "bound: ties go up, not to even", NULL),
    RTL("normalise_valid_early", "normalise", "normalise.v", "done_q <= valid_q[@{stages-1}];",
        "done_q <= valid_q[@{stages-2}];", "delay: done comes a cycle early", NULL),
    RTL("normalise_count", "normalise", "normalise.v", "valid_q[@{stages-1}] && !empty_q[@{stages-1}]),",
        "valid_q[@{stages-1}]),", "count: rows without a sum count as clipped", NULL),
    RTL("normalise_den_reset", "normalise", "normalise.v", "den_q <= {@{bits}{@{rem_w}'d1}};", "den_q <= '0;",
        "reset: divisors begin at 0", NULL),
    RTL("normalise_tie_even", "normalise", "divide.v", "(more || quo[1]);", "more;", "bound: no tie goes up",
        NULL),
    MODEL("normalise_lowest", "normalise", "normalise.c", "fixed_saturate(m->neg_q[at] ? -size : size,",
          "fixed_saturate(size,", "sign: quotients are sizes", NULL),
    MODEL("normalise_fit", "normalise", "normalise.c", "top >= (wide_t)den;", "top > (wide_t)den;",
          "bound: a quotient that just does not fit is divided", NULL),
    {.name = NULL},
};
