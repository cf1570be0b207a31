// SPDX-License-Identifier: Apache-2.0
//@let strips_w = clog2(strips)
//@let limit_w = len_w + 1
//@let base_w = clog2((1 << len_w) + columns)
//@let seen_w = max(len_w, group_count_w) + 1
//@let far_w = max(base_w, seen_w) + 1
//@let span_w = clog2(group_rows + rows + 1)
//@let group_w = max(group_count_w, span_w) + 1
//@let step_w = clog2((1 << d_w) + columns)
//@let lap = max(rows, columns)
//@let lap_w = clog2(lap)
//@let ahead_w = len_w + 1
//@let line = rows + 2
/// Sequences prediction: which word of which tile is fed, drained, summed and compared in a cycle, strip after strip.
/// It holds no data; it does not know what the words are.
/// All outputs are registers. A tile's words take max(d, @{columns}) cycles, column j drains d + 1 + j cycles after word 0; keys
/// are summed one a cycle, a tile is compared in @{lap} cycles. scored rises 3 cycles after a strip's last drain word: then
/// row 0 is done. predicted rises @{rows+3} cycles after a strip's last threshold word: all rows are.
`default_nettype none
module @{prefix}_predict_control (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [1:0] loaded_i,  // strips
    input  logic [1:0] opened_i,  // groups
    input  logic [1:0] asked_i,   // strips whose maxima rebias does not need any more
    // group records, half 0 lowest
    input  logic [@{2*group_count_w-1}:0] g_rows_i,
    input  logic [@{2*len_w-1}:0] g_first_i,
    input  logic [@{2*len_w-1}:0] g_keys_i,
    input  logic [@{2*d_w-1}:0] g_d_i,
    input  logic [1:0] g_causal_i,
    input  logic [1:0] g_upper_i,
    input  logic [3:0] g_policy_i,
    input  logic [@{2*threshold_w-1}:0] g_threshold_i,
    // words for the feeder
    output logic valid_o,
    output logic first_o,
    output logic [1:0] file_o,
    output logic upper_o,  // where the head's keys lie
    output logic [@{tile_w-1}:0] tile_o,
    output logic [@{at_w-1}:0] at_o,
    output logic [@{key_w-1}:0] head_key_o,
    // drain words for the array
    output logic d_valid_o,
    output logic d_first_o,
    output logic [1:0] d_bank_o,
    output logic [@{col_w-1}:0] d_col_o,
    output logic [@{key_w-1}:0] d_key_o,
    output logic [@{limit_w-1}:0] d_limit_o,  // last key that row 0 may see
    output logic [@{row_count_w-1}:0] d_rows_o,  // rows of the strip in use
    // sum words for the array
    output logic s_valid_o,
    output logic s_first_o,
    output logic [1:0] s_bank_o,
    output logic [@{key_w-1}:0] s_key_o,
    // threshold words for the array
    output logic t_valid_o,
    output logic t_first_o,
    output logic [1:0] t_bank_o,
    output logic t_there_o,
    output logic [@{key_w-1}:0] t_key_o,
    output logic [@{col_w-1}:0] t_col_o,
    output logic t_last_o,
    output logic [@{tile_w-1}:0] t_tile_o,
    output logic [@{strip_w-1}:0] t_strip_o,
    output logic [@{threshold_w-1}:0] threshold_o,
    output logic [1:0] policy_o,
    output logic [1:0] scored_o,  // strips
    output logic [1:0] begun_groups_o,  // whose first strip is compared, or was
    output logic [@{held_w-1}:0] predicted_o  // strips whose masks are known
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
  logic score_q, valid_q, first_q, upper_q;
  logic half;
  logic [1:0] score_group_q, file_q;
  logic [1:0] score_n_q;  // number of the strip, or of the next one
  logic [@{strips_w-1}:0] strip_q;
  logic [@{base_w-1}:0] base_q;  // first key of the tile
  logic [@{tile_w-1}:0] tile_q;
  logic [@{step_w-1}:0] step_q;  // cycle of the tile
  logic [@{step_w-1}:0] rest_q;  // cycles until the tile is drained
  logic [@{at_w-1}:0] at_q;

  logic [@{d_w-1}:0] size, size_d;
  logic [@{len_w-1}:0] head_first;
  logic [@{group_count_w-1}:0] group_size;
  logic [@{seen_w-1}:0] limit;
  logic [@{step_w-1}:0] after;  // cycles of the tile that are over with this one
  logic [@{group_w-1}:0] rows_before, rows_all;
  logic tile_ends, tile_more, strip_last, strip_ends;
  assign half = score_group_q[0];
  assign size = half ? g_d_i[@{d_w}+:@{d_w}] : g_d_i[0+:@{d_w}];
  assign head_first = half ? g_first_i[@{len_w}+:@{len_w}] : g_first_i[0+:@{len_w}];
  assign group_size = half ? g_rows_i[@{group_count_w}+:@{group_count_w}] : g_rows_i[0+:@{group_count_w}];
  assign limit = half ? seen[@{seen_w}+:@{seen_w}] : seen[0+:@{seen_w}];
  assign after = step_q + @{step_w}'d1;
  assign tile_ends = score_q && after >= @{step_w}'d@{columns} && after >= @{step_w}'(size);
  assign tile_more = @{far_w}'(base_q) + @{far_w}'d@{columns} < @{far_w}'(limit);
  assign rows_before = @{group_w}'(strip_q) * @{group_w}'d@{rows};
  assign rows_all = @{group_w}'(group_size);
  assign strip_last = rows_all <= rows_before + @{group_w}'d@{rows} || strip_q == @{strips_w}'d@{strips-1};
  assign strip_ends = tile_ends && !tile_more;

  // the next strip begins where its bank is free: strip n - 3 leaves it, and its maxima are read; and not before
  // its drain words find their place behind those of the last
  logic [1:0] n_d, swept_q, swept_lag, asked_lag, group_d;
  logic ready, starts, score_d, half_d;
  logic [@{step_w-1}:0] step_d;
  assign n_d = score_n_q + 2'(strip_ends);
  assign group_d = score_group_q + 2'(strip_ends && strip_last);
  assign half_d = group_d[0];
  assign swept_lag = n_d - swept_q;
  assign asked_lag = n_d - asked_i;
  assign ready = loaded_i != n_d && opened_i != group_d && swept_lag != 2'd3 && asked_lag != 2'd3
      && rest_q <= @{step_w}'(size_d) + @{step_w}'d1;
  assign starts = ready && (!score_q || strip_ends);
  assign score_d = starts || (score_q && !strip_ends);
  assign step_d = score_q && !tile_ends ? after : '0;

  logic valid_d;
  assign size_d = half_d ? g_d_i[@{d_w}+:@{d_w}] : g_d_i[0+:@{d_w}];
  assign valid_d = score_d && step_d < @{step_w}'(size_d);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      score_q <= 1'b0;
      score_n_q <= '0;
      score_group_q <= '0;
      strip_q <= '0;
      base_q <= '0;
      tile_q <= '0;
      step_q <= '0;
      rest_q <= '0;
      valid_q <= 1'b0;
      first_q <= 1'b0;
      file_q <= '0;
      upper_q <= 1'b0;
      at_q <= '0;
    end else begin
      score_q <= score_d;
      score_n_q <= n_d;
      score_group_q <= group_d;
      if (strip_ends) begin
        strip_q <= strip_last ? '0 : strip_q + @{strips_w}'d1;
        file_q <= file_q == 2'd2 ? '0 : file_q + 2'd1;
      end
      if (!score_q || strip_ends) begin
        base_q <= '0;
        tile_q <= '0;
      end else if (tile_ends) begin
        base_q <= base_q + @{base_w}'d@{columns};
        tile_q <= tile_q + @{tile_w}'d1;
      end
      step_q <= step_d;
      if (score_d && step_d == '0) rest_q <= @{step_w}'(size_d) + @{step_w}'d@{columns};
      else if (rest_q != '0) rest_q <= rest_q - @{step_w}'d1;
      valid_q <= valid_d;
      first_q <= valid_d && step_d == '0;
      upper_q <= g_upper_i[half_d];
      at_q <= valid_d ? @{at_w}'(step_d) : '0;
    end
  end
  assign valid_o = valid_q;
  assign first_o = first_q;
  assign file_o = file_q;
  assign upper_o = upper_q;
  assign tile_o = tile_q;
  assign at_o = at_q;

  // ---- drain: begins two cycles after a tile's last word ----
  logic pend_q, pend_first_q, pend_last_q, pend_half_q;
  logic [1:0] pend_bank_q, d_bank_q;
  logic [@{base_w-1}:0] pend_base_q;
  logic [@{limit_w-1}:0] pend_limit_q;
  logic [@{row_count_w-1}:0] pend_rows_q;
  logic drain_q, drain_last_q, drain_half_q, d_valid_q, d_first_q;
  logic [@{base_w-1}:0] drain_base_q;
  logic [@{col_w-1}:0] d_col_q;
  logic [@{key_w-1}:0] d_key_q, d_key_d, head_key_q;
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
  assign d_key_d = d_valid_d ? @{key_w}'(drain_key) : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pend_q <= 1'b0;
      pend_first_q <= 1'b0;
      pend_last_q <= 1'b0;
      pend_bank_q <= '0;
      pend_half_q <= 1'b0;
      pend_base_q <= '0;
      pend_limit_q <= '0;
      pend_rows_q <= '0;
    end else begin
      pend_q <= words_end;
      if (words_end) begin
        pend_first_q <= base_q == '0;
        pend_last_q <= !tile_more;
        pend_bank_q <= file_q;
        pend_half_q <= half;
        pend_base_q <= base_q;
        pend_limit_q <= g_causal_i[half] ? query : @{limit_w}'d@{keys_max};
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
      d_bank_q <= '0;
      d_col_q <= '0;
      d_key_q <= '0;
      head_key_q <= '0;
      d_limit_q <= '0;
      d_rows_q <= '0;
    end else begin
      drain_q <= drain_d;
      drain_half_q <= drain_half_d;
      drain_base_q <= drain_base_d;
      d_valid_q <= d_valid_d;
      d_first_q <= d_valid_d && pend_q && pend_first_q;
      d_col_q <= d_col_d;
      d_key_q <= d_key_d;
      head_key_q <= d_key_d + (g_upper_i[drain_half_d] ? @{key_w}'d@{keys_max/2} : '0);
      if (pend_q) begin
        drain_last_q <= pend_last_q;
        d_bank_q <= pend_bank_q;
        d_limit_q <= pend_limit_q;
        d_rows_q <= pend_rows_q;
      end
    end
  end
  assign head_key_o = head_key_q;
  assign d_valid_o = d_valid_q;
  assign d_first_o = d_first_q;
  assign d_bank_o = d_bank_q;
  assign d_col_o = d_col_q;
  assign d_key_o = d_key_q;
  assign d_limit_o = d_limit_q;
  assign d_rows_o = d_rows_q;

  // ---- sum: the keys that the group sees, one a cycle ----
  logic s_valid_q, s_first_q, sum_half_q, sum_ends, sum_last, sum_goes;
  logic [1:0] sum_n_q, sum_n_d, sum_lag, s_bank_q, scored_q, summed_q, keep_n_q;
  logic sum_starts;
  logic [@{strips_w-1}:0] sum_strip_q;
  logic [@{len_w-1}:0] sum_key_q;
  logic [@{ahead_w-1}:0] sum_next;
  logic [@{seen_w-1}:0] sum_limit;
  logic [@{group_count_w-1}:0] sum_size;
  assign sum_next = @{ahead_w}'(sum_key_q) + @{ahead_w}'d1;
  assign sum_limit = sum_half_q ? seen[@{seen_w}+:@{seen_w}] : seen[0+:@{seen_w}];
  assign sum_size = sum_half_q ? g_rows_i[@{group_count_w}+:@{group_count_w}] : g_rows_i[0+:@{group_count_w}];
  assign sum_last = @{group_w}'(sum_size) <= (@{group_w}'(sum_strip_q) + @{group_w}'d1) * @{group_w}'d@{rows}
      || sum_strip_q == @{strips_w}'d@{strips-1};
  assign sum_ends = s_valid_q && @{far_w}'(sum_next) >= @{far_w}'(sum_limit);
  assign sum_goes = s_valid_q && !sum_ends;
  assign sum_n_d = sum_n_q + 2'(sum_ends);
  assign sum_lag = sum_n_d - keep_n_q;  // 3: the bank is still compared
  assign sum_starts = scored_q != sum_n_d && sum_lag != 2'd3;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      s_valid_q <= 1'b0;
      s_first_q <= 1'b0;
      s_bank_q <= '0;
      sum_n_q <= '0;
      sum_half_q <= 1'b0;
      sum_strip_q <= '0;
      sum_key_q <= '0;
      summed_q <= '0;
    end else begin
      s_valid_q <= sum_goes || sum_starts;
      s_first_q <= !sum_goes && sum_starts;
      sum_key_q <= sum_goes ? @{len_w}'(sum_next) : '0;
      sum_n_q <= sum_n_d;
      if (sum_ends) begin
        s_bank_q <= s_bank_q == 2'd2 ? '0 : s_bank_q + 2'd1;
        sum_half_q <= sum_half_q ^ sum_last;
        sum_strip_q <= sum_last ? '0 : sum_strip_q + @{strips_w}'d1;
        summed_q <= summed_q + 2'd1;
      end
    end
  end
  assign s_valid_o = s_valid_q;
  assign s_first_o = s_first_q;
  assign s_bank_o = s_bank_q;
  assign s_key_o = sum_key_q[@{key_w-1}:0];

  // ---- threshold: all tiles of a strip ----
  logic keep_q, keep_half_q;
  logic [1:0] t_bank_q;
  logic [@{strips_w-1}:0] keep_strip_q;
  logic [1:0] begun_groups_q;
  logic [@{base_w-1}:0] keep_base_q;
  logic [@{tile_w-1}:0] t_tile_q;
  logic [@{lap_w-1}:0] keep_step_q;

  logic lap_ends, lap_more, keep_ends, keep_last, keep_d, keep_half_d;
  logic [1:0] keep_n_d;
  logic [@{seen_w-1}:0] keep_limit;
  logic [@{len_w-1}:0] keep_keys;
  logic [@{group_count_w-1}:0] keep_size;
  logic [@{group_w-1}:0] keep_before, keep_rows;
  logic [@{strips_w-1}:0] keep_strip_d;
  logic [@{base_w-1}:0] keep_base_d, keep_key;
  logic [@{tile_w-1}:0] keep_tile_d;
  logic [@{lap_w-1}:0] keep_step_d;
  assign lap_ends = keep_q && keep_step_q == @{lap_w}'d@{lap-1};
  assign keep_limit = keep_half_q ? seen[@{seen_w}+:@{seen_w}] : seen[0+:@{seen_w}];
  assign lap_more = @{far_w}'(keep_base_q) + @{far_w}'d@{columns} < @{far_w}'(keep_limit);
  assign keep_ends = lap_ends && !lap_more;
  assign keep_before = @{group_w}'(keep_strip_q) * @{group_w}'d@{rows};
  assign keep_size = keep_half_q ? g_rows_i[@{group_count_w}+:@{group_count_w}] : g_rows_i[0+:@{group_count_w}];
  assign keep_rows = @{group_w}'(keep_size);
  assign keep_last = keep_rows <= keep_before + @{group_w}'d@{rows} || keep_strip_q == @{strips_w}'d@{strips-1};

  assign keep_n_d = keep_n_q + 2'(keep_ends);
  assign keep_half_d = keep_half_q ^ (keep_ends && keep_last);
  assign keep_d = keep_q && !keep_ends ? 1'b1 : summed_q != keep_n_d;
  assign keep_strip_d = !keep_ends ? keep_strip_q : keep_last ? '0 : keep_strip_q + @{strips_w}'d1;
  assign keep_base_d = !keep_q || keep_ends ? '0 : lap_ends ? keep_base_q + @{base_w}'d@{columns} : keep_base_q;
  assign keep_tile_d = !keep_q || keep_ends ? '0 : lap_ends ? t_tile_q + @{tile_w}'d1 : t_tile_q;
  assign keep_step_d = !keep_q || lap_ends ? '0 : keep_step_q + @{lap_w}'d1;

  // the word of the cycle to come
  logic column_d, there_d, last_d;
//@if lap > columns
  assign column_d = keep_d && keep_step_d < @{lap_w}'d@{columns};
//@else
  assign column_d = keep_d;
//@endif
  assign keep_key = keep_base_d + @{base_w}'(keep_step_d);
  assign keep_keys = keep_half_d ? g_keys_i[@{len_w}+:@{len_w}] : g_keys_i[0+:@{len_w}];
  assign there_d = column_d && keep_key < @{base_w}'(keep_keys);
  assign last_d = column_d && keep_step_d == @{lap_w}'d@{columns-1};

  logic t_valid_q, t_first_q, t_there_q, t_last_q;
  logic [@{key_w-1}:0] t_key_q;
  logic [@{col_w-1}:0] t_col_q;
  logic [@{strip_w-1}:0] t_strip_q;
  logic [1:0] policy_q;
  logic [@{threshold_w-1}:0] threshold_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      keep_q <= 1'b0;
      keep_n_q <= '0;
      keep_half_q <= 1'b0;
      keep_strip_q <= '0;
      keep_base_q <= '0;
      keep_step_q <= '0;
      swept_q <= '0;
      t_valid_q <= 1'b0;
      t_first_q <= 1'b0;
      t_bank_q <= '0;
      t_there_q <= 1'b0;
      t_key_q <= '0;
      t_col_q <= '0;
      t_last_q <= 1'b0;
      t_tile_q <= '0;
      t_strip_q <= '0;
      threshold_q <= '0;
      begun_groups_q <= '0;
      policy_q <= '0;
    end else begin
      keep_q <= keep_d;
      keep_n_q <= keep_n_d;
      keep_half_q <= keep_half_d;
      keep_strip_q <= keep_strip_d;
      keep_base_q <= keep_base_d;
      keep_step_q <= keep_step_d;
//@if rows > columns
      // the last tile begins: a strip that takes its bank now stays behind it
      if (keep_q && !lap_more && keep_step_q == '0) swept_q <= swept_q + 2'd1;
//@else
      // a strip that takes its bank now stays behind: its tiles take @{columns} cycles at least
      if (keep_q && keep_base_q == '0 && keep_step_q == '0) swept_q <= swept_q + 2'd1;
//@endif
      t_valid_q <= there_d || last_d;
      t_first_q <= (there_d || last_d) && keep_key == '0;
      if (keep_ends) t_bank_q <= t_bank_q == 2'd2 ? '0 : t_bank_q + 2'd1;
      t_there_q <= there_d;
      t_key_q <= there_d ? @{key_w}'(keep_key) : '0;
      t_col_q <= column_d ? @{col_w}'(keep_step_d) : '0;
      t_last_q <= last_d;
      t_tile_q <= keep_tile_d;
      t_strip_q <= (keep_half_d ? @{strip_w}'d@{strips} : '0) + @{strip_w}'(keep_strip_d);
      // a cycle after the first word: rows take them when they have it
      if (keep_q && keep_base_q == '0 && keep_step_q == '0) begin
        threshold_q <= keep_half_q ? g_threshold_i[@{threshold_w}+:@{threshold_w}] : g_threshold_i[0+:@{threshold_w}];
        policy_q <= keep_half_q ? g_policy_i[3:2] : g_policy_i[1:0];
        begun_groups_q <= begun_groups_q + 2'(keep_strip_q == '0);
      end
    end
  end
  assign t_valid_o = t_valid_q;
  assign t_first_o = t_first_q;
  assign t_bank_o = t_bank_q;
  assign t_there_o = t_there_q;
  assign t_key_o = t_key_q;
  assign t_col_o = t_col_q;
  assign t_last_o = t_last_q;
  assign t_tile_o = t_tile_q;
  assign t_strip_o = t_strip_q;
  assign threshold_o = threshold_q;
  assign policy_o = policy_q;

  // ---- counts: an end takes its way until row 0, or the last one, is done ----
  logic [1:0] scored_line_q;
  logic [@{line-1}:0] predicted_line_q;
  logic [@{held_w-1}:0] predicted_q;
  logic swept;
  assign swept = keep_q && !lap_more && keep_step_q == @{lap_w}'d@{columns-1};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      scored_line_q <= '0;
      predicted_line_q <= '0;
      scored_q <= '0;
      predicted_q <= '0;
    end else begin
      scored_line_q <= {scored_line_q[0], drained};
      predicted_line_q <= {predicted_line_q[@{line-2}:0], swept};
      scored_q <= scored_q + 2'(scored_line_q[1]);
      predicted_q <= predicted_q + @{held_w}'(predicted_line_q[@{line-1}]);
    end
  end
  assign scored_o = scored_q;
  assign begun_groups_o = begun_groups_q;
  assign predicted_o = predicted_q;
endmodule
`default_nettype wire
