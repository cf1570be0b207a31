// SPDX-License-Identifier: Apache-2.0
//@let strips_w = clog2(strips)
//@let limit_w = len_w + 1
//@let base_w = clog2((1 << len_w) + columns)
//@let seen_w = max(len_w, group_count_w) + 1
//@let far_w = max(base_w, seen_w) + 1
//@let span_w = clog2(group_rows + rows + 1)
//@let group_w = max(group_count_w, span_w) + 1
//@let step_w = clog2((1 << d_w) + columns)
//@let sweep = max(rows, columns)
//@let sweep_w = clog2(sweep)
//@let line = rows + 3
/// Sequences prediction: which word of which tile is fed, drained and swept in a cycle, strip after strip.
/// It holds no data; it does not know what the words are.
/// All outputs are registers. A tile's words take max(d, @{columns}) cycles, column j drains d + 1 + j cycles after word 0;
/// a strip's sweep takes 2 x @{sweep} cycles a tile; counts rise @{rows+4} cycles after the last column.
`default_nettype none
module @{prefix}_predict_control (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [1:0] loaded_i,  // strips
    input  logic [1:0] rebiased_i,
    // group records, half 0 lowest
    input  logic [@{2*group_count_w-1}:0] g_rows_i,
    input  logic [@{2*len_w-1}:0] g_first_i,
    input  logic [@{2*len_w-1}:0] g_keys_i,
    input  logic [@{2*d_w-1}:0] g_d_i,
    input  logic [1:0] g_causal_i,
    input  logic [3:0] g_policy_i,
    input  logic [@{2*threshold_w-1}:0] g_threshold_i,
    // words for the feeder
    output logic valid_o,
    output logic first_o,
    output logic file_o,
    output logic [@{tile_w-1}:0] tile_o,
    output logic [@{at_w-1}:0] at_o,
    output logic [@{key_w-1}:0] head_key_o,
    // drain words for the array
    output logic d_valid_o,
    output logic d_first_o,
    output logic d_bank_o,
    output logic [@{col_w-1}:0] d_col_o,
    output logic [@{key_w-1}:0] d_key_o,
    output logic [@{limit_w-1}:0] d_limit_o,  // last key that row 0 may see
    output logic [@{row_count_w-1}:0] d_rows_o,  // rows of the strip in use
    // sweep words for the array
    output logic [1:0] s_op_o,  // 0 none, 1 sum, 2 threshold
    output logic s_first_o,
    output logic s_bank_o,
    output logic [@{key_w-1}:0] s_key_o,
    output logic s_valid_o,
    output logic [@{col_w-1}:0] s_col_o,
    output logic s_last_o,
    output logic [@{tile_w-1}:0] s_tile_o,
    output logic [@{strip_w-1}:0] s_strip_o,
    output logic [@{threshold_w-1}:0] threshold_o,
    output logic [1:0] policy_o,
    output logic [1:0] scored_o,  // strips
    output logic [1:0] swept_o,
    output logic [1:0] swept_groups_o
);
  // ---- what the records say, one value a half ----
  logic [@{2*seen_w-1}:0] seen;  // keys that any query of the group sees
  for (genvar h = 0; h < 2; h++) begin : g_half
    logic [@{seen_w-1}:0] keys, last;
    assign keys = @{seen_w}'(g_keys_i[h*@{len_w}+:@{len_w}]);
    assign last = @{seen_w}'(g_first_i[h*@{len_w}+:@{len_w}]) + @{seen_w}'(g_rows_i[h*@{group_count_w}+:@{group_count_w}]);
    assign seen[h*@{seen_w}+:@{seen_w}] = g_causal_i[h] && last < keys ? last : keys;
  end

  // ---- score: the strip's words ----
  logic score_q, half_q, valid_q, first_q, file_q;
  logic [1:0] score_n_q;  // number of the strip, or of the next one
  logic [@{strips_w-1}:0] strip_q;
  logic [@{base_w-1}:0] base_q;  // first key of the tile
  logic [@{tile_w-1}:0] tile_q;
  logic [@{step_w-1}:0] step_q;  // cycle of the tile
  logic [@{at_w-1}:0] at_q;

  logic [@{d_w-1}:0] size, size_d;
  logic [@{len_w-1}:0] head_first;
  logic [@{group_count_w-1}:0] group_size;
  logic [@{seen_w-1}:0] limit;
  logic [@{step_w-1}:0] after;  // cycles of the tile that are over with this one
  logic [@{group_w-1}:0] rows_before, rows_all;
  logic tile_ends, tile_more, strip_last, strip_ends;
  assign size = half_q ? g_d_i[@{d_w}+:@{d_w}] : g_d_i[0+:@{d_w}];
  assign head_first = half_q ? g_first_i[@{len_w}+:@{len_w}] : g_first_i[0+:@{len_w}];
  assign group_size = half_q ? g_rows_i[@{group_count_w}+:@{group_count_w}] : g_rows_i[0+:@{group_count_w}];
  assign limit = half_q ? seen[@{seen_w}+:@{seen_w}] : seen[0+:@{seen_w}];
  assign after = step_q + @{step_w}'d1;
  assign tile_ends = score_q && after >= @{step_w}'d@{columns} && after >= @{step_w}'(size);
  assign tile_more = @{far_w}'(base_q) + @{far_w}'d@{columns} < @{far_w}'(limit);
  assign rows_before = @{group_w}'(strip_q) * @{group_w}'d@{rows};
  assign rows_all = @{group_w}'(group_size);
  assign strip_last = rows_all <= rows_before + @{group_w}'d@{rows} || strip_q == @{strips_w}'d@{strips-1};
  assign strip_ends = tile_ends && !tile_more;

  // the next strip begins where its bank is free: strip n - 2 is swept and rebiased
  logic [1:0] n_d, swept_q, swept_lag, rebiased_lag;
  logic ready, starts, score_d, half_d;
  logic [@{step_w-1}:0] step_d;
  assign n_d = score_n_q + 2'(strip_ends);
  assign swept_lag = n_d - swept_q;
  assign rebiased_lag = n_d - rebiased_i;
  assign ready = loaded_i != n_d && swept_lag < 2'd2 && rebiased_lag < 2'd2;
  assign starts = ready && (!score_q || strip_ends);
  assign score_d = starts || (score_q && !strip_ends);
  assign half_d = half_q ^ (strip_ends && strip_last);
  assign step_d = score_q && !tile_ends ? after : '0;

  logic valid_d;
  assign size_d = half_d ? g_d_i[@{d_w}+:@{d_w}] : g_d_i[0+:@{d_w}];
  assign valid_d = score_d && step_d < @{step_w}'(size_d);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      score_q <= 1'b0;
      score_n_q <= '0;
      half_q <= 1'b0;
      strip_q <= '0;
      base_q <= '0;
      tile_q <= '0;
      step_q <= '0;
      valid_q <= 1'b0;
      first_q <= 1'b0;
      file_q <= 1'b0;
      at_q <= '0;
    end else begin
      score_q <= score_d;
      score_n_q <= n_d;
      half_q <= half_d;
      if (strip_ends) strip_q <= strip_last ? '0 : strip_q + @{strips_w}'d1;
      if (!score_q || strip_ends) begin
        base_q <= '0;
        tile_q <= '0;
      end else if (tile_ends) begin
        base_q <= base_q + @{base_w}'d@{columns};
        tile_q <= tile_q + @{tile_w}'d1;
      end
      step_q <= step_d;
      valid_q <= valid_d;
      first_q <= valid_d && step_d == '0;
      file_q <= n_d[0];
      at_q <= valid_d ? @{at_w}'(step_d) : '0;
    end
  end
  assign valid_o = valid_q;
  assign first_o = first_q;
  assign file_o = file_q;
  assign tile_o = tile_q;
  assign at_o = at_q;

  // ---- drain: begins two cycles after a tile's last word ----
  logic pend_q, pend_first_q, pend_last_q, pend_bank_q, pend_half_q;
  logic [@{base_w-1}:0] pend_base_q;
  logic [@{limit_w-1}:0] pend_limit_q;
  logic [@{row_count_w-1}:0] pend_rows_q;
  logic drain_q, drain_last_q, drain_half_q, d_valid_q, d_first_q, d_bank_q;
  logic [@{base_w-1}:0] drain_base_q;
  logic [@{col_w-1}:0] d_col_q;
  logic [@{key_w-1}:0] d_key_q;
  logic [@{limit_w-1}:0] d_limit_q;
  logic [@{row_count_w-1}:0] d_rows_q;

  logic [@{group_w-1}:0] rows_left;
  logic [@{limit_w-1}:0] query;  // of the strip's first row
  logic words_end;
  assign words_end = score_q && after == @{step_w}'(size);
  assign rows_left = rows_all > rows_before ? rows_all - rows_before : '0;
  assign query = @{limit_w}'(head_first) + @{limit_w}'(rows_before);

  logic drain_on, drain_d, drain_half_d, drained, d_valid_d;
  logic [@{base_w-1}:0] drain_base_d, drain_key;
  logic [@{len_w-1}:0] drain_keys;
  logic [@{col_w-1}:0] d_col_d;
  assign drain_on = drain_q && d_col_q != @{col_w}'d@{columns-1};
  assign drained = drain_q && drain_last_q && d_col_q == @{col_w}'d@{columns-1};
  assign drain_d = pend_q || drain_on;
  assign drain_half_d = pend_q ? pend_half_q : drain_half_q;
  assign drain_base_d = pend_q ? pend_base_q : drain_base_q;
  assign d_col_d = pend_q ? '0 : drain_on ? d_col_q + @{col_w}'d1 : d_col_q;
  assign drain_key = drain_base_d + @{base_w}'(d_col_d);
  assign drain_keys = drain_half_d ? g_keys_i[@{len_w}+:@{len_w}] : g_keys_i[0+:@{len_w}];
  assign d_valid_d = drain_d && drain_key < @{base_w}'(drain_keys);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pend_q <= 1'b0;
      pend_first_q <= 1'b0;
      pend_last_q <= 1'b0;
      pend_bank_q <= 1'b0;
      pend_half_q <= 1'b0;
      pend_base_q <= '0;
      pend_limit_q <= '0;
      pend_rows_q <= '0;
    end else begin
      pend_q <= words_end;
      if (words_end) begin
        pend_first_q <= base_q == '0;
        pend_last_q <= !tile_more;
        pend_bank_q <= score_n_q[0];
        pend_half_q <= half_q;
        pend_base_q <= base_q;
        pend_limit_q <= (half_q ? g_causal_i[1] : g_causal_i[0]) ? query : @{limit_w}'d@{keys_max};
        pend_rows_q <= rows_left > @{group_w}'d@{rows} ? @{row_count_w}'d@{rows} : @{row_count_w}'(rows_left);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      drain_q <= 1'b0;
      drain_last_q <= 1'b0;
      drain_half_q <= 1'b0;
      drain_base_q <= '0;
      d_valid_q <= 1'b0;
      d_first_q <= 1'b0;
      d_bank_q <= 1'b0;
      d_col_q <= '0;
      d_key_q <= '0;
      d_limit_q <= '0;
      d_rows_q <= '0;
    end else begin
      drain_q <= drain_d;
      drain_half_q <= drain_half_d;
      drain_base_q <= drain_base_d;
      d_valid_q <= d_valid_d;
      d_first_q <= d_valid_d && pend_q && pend_first_q;
      d_col_q <= d_col_d;
      d_key_q <= d_valid_d ? @{key_w}'(drain_key) : '0;
      if (pend_q) begin
        drain_last_q <= pend_last_q;
        d_bank_q <= pend_bank_q;
        d_limit_q <= pend_limit_q;
        d_rows_q <= pend_rows_q;
      end
    end
  end
  assign head_key_o = d_key_q;
  assign d_valid_o = d_valid_q;
  assign d_first_o = d_first_q;
  assign d_bank_o = d_bank_q;
  assign d_col_o = d_col_q;
  assign d_key_o = d_key_q;
  assign d_limit_o = d_limit_q;
  assign d_rows_o = d_rows_q;

  // ---- sweep: all tiles for the sums, then all again for the threshold ----
  logic sweep_q, sweep_half_q, sweep_phase_q;
  logic [1:0] sweep_n_q, scored_q;
  logic [@{strips_w-1}:0] sweep_strip_q;
  logic [@{base_w-1}:0] sweep_base_q;
  logic [@{tile_w-1}:0] sweep_tile_q;
  logic [@{sweep_w-1}:0] sweep_step_q;

  logic lap_ends, lap_more, phase_ends, sweep_ends, sweep_last, sweep_d, sweep_half_d, sweep_phase_d;
  logic [1:0] sweep_n_d;
  logic [@{seen_w-1}:0] sweep_limit;
  logic [@{len_w-1}:0] sweep_keys;
  logic [@{group_count_w-1}:0] sweep_size;
  logic [@{group_w-1}:0] sweep_before, sweep_rows;
  logic [@{strips_w-1}:0] sweep_strip_d;
  logic [@{base_w-1}:0] sweep_base_d, sweep_key;
  logic [@{tile_w-1}:0] sweep_tile_d;
  logic [@{sweep_w-1}:0] sweep_step_d;
  assign lap_ends = sweep_q && sweep_step_q == @{sweep_w}'d@{sweep-1};
  assign sweep_limit = sweep_half_q ? seen[@{seen_w}+:@{seen_w}] : seen[0+:@{seen_w}];
  assign lap_more = @{far_w}'(sweep_base_q) + @{far_w}'d@{columns} < @{far_w}'(sweep_limit);
  assign phase_ends = lap_ends && !lap_more;
  assign sweep_ends = phase_ends && sweep_phase_q;
  assign sweep_before = @{group_w}'(sweep_strip_q) * @{group_w}'d@{rows};
  assign sweep_size = sweep_half_q ? g_rows_i[@{group_count_w}+:@{group_count_w}] : g_rows_i[0+:@{group_count_w}];
  assign sweep_rows = @{group_w}'(sweep_size);
  assign sweep_last = sweep_rows <= sweep_before + @{group_w}'d@{rows} || sweep_strip_q == @{strips_w}'d@{strips-1};

  assign sweep_n_d = sweep_n_q + 2'(sweep_ends);
  assign sweep_half_d = sweep_half_q ^ (sweep_ends && sweep_last);
  assign sweep_d = sweep_q && !sweep_ends ? 1'b1 : scored_q != sweep_n_d;
  assign sweep_phase_d = sweep_phase_q ? !sweep_ends : phase_ends;
  assign sweep_strip_d = !sweep_ends ? sweep_strip_q : sweep_last ? '0 : sweep_strip_q + @{strips_w}'d1;
  assign sweep_base_d = !sweep_q || phase_ends ? '0 : lap_ends ? sweep_base_q + @{base_w}'d@{columns} : sweep_base_q;
  assign sweep_tile_d = !sweep_q || phase_ends ? '0 : lap_ends ? sweep_tile_q + @{tile_w}'d1 : sweep_tile_q;
  assign sweep_step_d = !sweep_q || lap_ends ? '0 : sweep_step_q + @{sweep_w}'d1;

  // the word of the cycle to come
  logic column_d, exists_d, last_d;
//@if sweep > columns
  assign column_d = sweep_d && sweep_step_d < @{sweep_w}'d@{columns};
//@else
  assign column_d = sweep_d;
//@endif
  assign sweep_key = sweep_base_d + @{base_w}'(sweep_step_d);
  assign sweep_keys = sweep_half_d ? g_keys_i[@{len_w}+:@{len_w}] : g_keys_i[0+:@{len_w}];
  assign exists_d = column_d && sweep_key < @{base_w}'(sweep_keys);
  assign last_d = column_d && sweep_phase_d && sweep_step_d == @{sweep_w}'d@{columns-1};

  logic [1:0] s_op_q, policy_q;
  logic s_first_q, s_bank_q, s_valid_q, s_last_q;
  logic [@{key_w-1}:0] s_key_q;
  logic [@{col_w-1}:0] s_col_q;
  logic [@{tile_w-1}:0] s_tile_q;
  logic [@{strip_w-1}:0] s_strip_q;
  logic [@{threshold_w-1}:0] threshold_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sweep_q <= 1'b0;
      sweep_n_q <= '0;
      sweep_half_q <= 1'b0;
      sweep_strip_q <= '0;
      sweep_base_q <= '0;
      sweep_tile_q <= '0;
      sweep_step_q <= '0;
      sweep_phase_q <= 1'b0;
      s_op_q <= '0;
      s_first_q <= 1'b0;
      s_bank_q <= 1'b0;
      s_key_q <= '0;
      s_valid_q <= 1'b0;
      s_col_q <= '0;
      s_last_q <= 1'b0;
      s_tile_q <= '0;
      s_strip_q <= '0;
      threshold_q <= '0;
      policy_q <= '0;
    end else begin
      sweep_q <= sweep_d;
      sweep_n_q <= sweep_n_d;
      sweep_half_q <= sweep_half_d;
      sweep_strip_q <= sweep_strip_d;
      sweep_base_q <= sweep_base_d;
      sweep_tile_q <= sweep_tile_d;
      sweep_step_q <= sweep_step_d;
      sweep_phase_q <= sweep_phase_d;
      s_op_q <= exists_d || last_d ? {sweep_phase_d, !sweep_phase_d} : '0;
      s_first_q <= exists_d && !sweep_phase_d && sweep_key == '0;
      s_bank_q <= sweep_n_d[0];
      s_key_q <= exists_d ? @{key_w}'(sweep_key) : '0;
      s_valid_q <= exists_d;
      s_col_q <= column_d ? @{col_w}'(sweep_step_d) : '0;
      s_last_q <= last_d;
      s_tile_q <= sweep_tile_d;
      s_strip_q <= (sweep_half_d ? @{strip_w}'d@{strips} : '0) + @{strip_w}'(sweep_strip_d);
      // a cycle after the first word that needs them: the last row still thresholds the strip before
      if (sweep_q && sweep_phase_q && sweep_base_q == '0 && sweep_step_q == '0) begin
        threshold_q <= sweep_half_q ? g_threshold_i[@{threshold_w}+:@{threshold_w}] : g_threshold_i[0+:@{threshold_w}];
        policy_q <= sweep_half_q ? g_policy_i[3:2] : g_policy_i[1:0];
      end
    end
  end
  assign s_op_o = s_op_q;
  assign s_first_o = s_first_q;
  assign s_bank_o = s_bank_q;
  assign s_key_o = s_key_q;
  assign s_valid_o = s_valid_q;
  assign s_col_o = s_col_q;
  assign s_last_o = s_last_q;
  assign s_tile_o = s_tile_q;
  assign s_strip_o = s_strip_q;
  assign threshold_o = threshold_q;
  assign policy_o = policy_q;

  // ---- counts: an end takes @{line} registers, until the last row is done too ----
  logic [@{line-1}:0] scored_line_q, swept_line_q, groups_line_q;
  logic [1:0] swept_groups_q;
  logic swept;
  assign swept = sweep_q && sweep_phase_q && !lap_more && sweep_step_q == @{sweep_w}'d@{columns-1};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      scored_line_q <= '0;
      swept_line_q <= '0;
      groups_line_q <= '0;
      scored_q <= '0;
      swept_q <= '0;
      swept_groups_q <= '0;
    end else begin
      scored_line_q <= {scored_line_q[@{line-2}:0], drained};
      swept_line_q <= {swept_line_q[@{line-2}:0], swept};
      groups_line_q <= {groups_line_q[@{line-2}:0], swept && sweep_last};
      scored_q <= scored_q + 2'(scored_line_q[@{line-1}]);
      swept_q <= swept_q + 2'(swept_line_q[@{line-1}]);
      swept_groups_q <= swept_groups_q + 2'(groups_line_q[@{line-1}]);
    end
  end
  assign scored_o = scored_q;
  assign swept_o = swept_q;
  assign swept_groups_o = swept_groups_q;
endmodule
`default_nettype wire
