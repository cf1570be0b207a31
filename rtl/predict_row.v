// SPDX-License-Identifier: Apache-2.0
//@let limit_w = len_w + 1
//@let head_w = 1 + scale_w
//@let drain_w = 3 + col_w + key_w + limit_w + row_count_w + head_w
//@let drain1_w = 3 + key_w
//@let sweep_w = 6 + key_w + col_w + tile_w + strip_w
//@let words = 2 * keys_max
//@let word_w = 1 + scaled_w
//@let strip_at_w = clog2(words)
//@let s_bits_w = clog2(columns * score_acc_w)
//@let drop = 2 * scale_frac - scaled_frac
//@let full_w = max(score_acc_w + 2 * scale_w, drop + scaled_w + 1)
//@let cut_w = full_w - drop
//@let down = scaled_frac - bias_frac
//@let max_w = max(scaled_w, bias_w + down) + 1
//@let exp_up = max(score_sum_frac - score_exp_frac, 0)
//@let exp_down = max(score_exp_frac - score_sum_frac, 0)
//@let sum_w = max(score_sum_w, score_exp_w + exp_up) + 1
//@let align = threshold_frac + score_sum_frac - score_exp_frac
//@let value_up = max(align, 0)
//@let limit_up = max(-align, 0)
//@let cmp_w = max(score_exp_w + value_up, score_sum_w + threshold_w + limit_up) + 1
//@let count_w = clog2(columns + 1)
/// One row of the low-bit array under travelling control: @{columns} PEs, and at their right end the drain (scaling, strip
/// buffer, maximum) and the sweep (exp, sum, threshold). Operands, tags and words go on to the row below a cycle later.
/// It sequences nothing: a drain word must come when the column's sum is complete, a sweep when the maximum is.
/// Drain word to maximum and strip buffer: 3 cycles. Sweep word to sum or mask bit: 3 cycles; the mask bus shows a tile's
/// word with its last bit.
/// drain: {valid, first, bank, col, key, limit, rows, key's valid, key's scale}
/// sweep: {op (1 sum, 2 threshold), first, bank, key, valid, col, last, tile, strip}
`default_nettype none
module @{prefix}_predict_row (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{operand_w-1}:0] left_i,
    input  logic [@{columns*operand_w-1}:0] top_i,
    input  logic [1:0] tag_i,  // 1 first, 2 more
    input  logic [@{2*head_w-1}:0] head_i,  // {valid, scale} of the query in each bank
    input  logic [@{drain_w-1}:0] drain_i,
    input  logic [@{sweep_w-1}:0] sweep_i,
    input  logic [@{threshold_w-1}:0] threshold_i,
    input  logic [1:0] policy_i,  // of rows without an exp above the threshold: 1 dense, 2 top1, else zero
    output logic [@{columns*operand_w-1}:0] bottom_o,
    output logic [1:0] tag_down_o,
    output logic [@{drain_w-1}:0] drain_down_o,
    output logic [@{sweep_w-1}:0] sweep_down_o,
    output logic mask_valid_o,
    output logic [@{tile_w-1}:0] mask_tile_o,
    output logic [@{strip_w-1}:0] mask_strip_o,
    output logic [@{columns-1}:0] mask_word_o,
    output logic [@{2*key_w-1}:0] arg_o,
    output logic [31:0] sat_acc_o,
    output logic [31:0] sat_scaled_o,
    output logic [31:0] sat_exp_o,
    output logic [31:0] sat_sum_o
);
  // ---- PEs: one vector a kind of register, so that a row moves and compares as words ----
  logic [@{columns*operand_w-1}:0] v_q, h_q;
  logic [@{columns*2-1}:0] tag_q;
  logic [@{columns*score_acc_w-1}:0] s_q;
  logic [31:0] sat_acc_q;  // clipped sums

  always_ff @(posedge clk_i) begin : p_pes
    // Local and in the branch that needs them, so that a simulator computes nothing for PEs without a word.
    logic first, more;
    logic [@{score_acc_w-1}:0] v, h;
    logic [@{columns*score_acc_w-1}:0] base, sum, clips;
    logic [32:0] count;
    if (!rst_ni) begin
      v_q <= '0;
      h_q <= '0;
      tag_q <= '0;
      s_q <= '0;
      sat_acc_q <= '0;
    end else begin
      v_q <= top_i;
      h_q <= {h_q[@{(columns-1)*operand_w-1}:0], left_i};
      tag_q <= {tag_q[@{(columns-1)*2-1}:0], tag_i};
      if (tag_q != '0) begin
        for (int k = 0; k < @{columns}; k++) begin
          first = tag_q[k*2+:2] == 2'd1;
          more = tag_q[k*2+:2] == 2'd2;
          v = @{score_acc_w}'($signed(v_q[k*@{operand_w}+:@{operand_w}]));
          h = first || more ? @{score_acc_w}'($signed(h_q[k*@{operand_w}+:@{operand_w}])) : '0;
          base[k*@{score_acc_w}+:@{score_acc_w}] = first ? '0 : s_q[k*@{score_acc_w}+:@{score_acc_w}];
          sum[k*@{score_acc_w}+:@{score_acc_w}] = base[k*@{score_acc_w}+:@{score_acc_w}] + v * h;
        end
        s_q <= sum;
        // Sums that overflow, a bit at each one's sign: it changes although the two highest bits differed, and then no
        // product is large enough to bring the sum back to 0.
        clips = (base ^ (base << 1)) & (base ^ sum) & {@{columns}{1'b1, @{score_acc_w-1}'d0}};
        // rare, so apart from the common path
        if (clips != '0) begin
          for (int k = 0; k < @{columns}; k++) begin
            if (clips[k*@{score_acc_w}+@{score_acc_w-1}]) begin
              s_q[k*@{score_acc_w}+:@{score_acc_w}] <= {base[k*@{score_acc_w}+@{score_acc_w-1}], {@{score_acc_w-1}{~base[k*@{score_acc_w}+@{score_acc_w-1}]}}};
            end
          end
          // Cut to its own width: Verilator 5.006 may extend its sign.
          count = {1'b0, sat_acc_q} + {@{33-count_w}'d0, @{count_w}'($countones(clips))};
          sat_acc_q <= count[32] ? '1 : count[31:0];
        end
      end
    end
  end
  assign bottom_o = v_q;
  assign tag_down_o = tag_q[1:0];

  // ---- drain: a column's sum scaled ----
  logic [@{drain_w-1}:0] drain_q;
  logic d_valid, d_first, d_bank, key_valid, row_valid;
  logic [@{col_w-1}:0] d_col;
  logic [@{key_w-1}:0] d_key;
  logic [@{limit_w-1}:0] d_limit, limit_down;
  logic [@{row_count_w-1}:0] d_rows, rows_down;
  logic [@{scale_w-1}:0] key_scale, row_scale;
  assign {d_valid, d_first, d_bank, d_col, d_key, d_limit, d_rows, key_valid, key_scale} = drain_q;
  assign {row_valid, row_scale} = d_bank ? head_i[@{head_w}+:@{head_w}] : head_i[0+:@{head_w}];
  // the row below is a query later
  assign limit_down = d_limit == {1'b0, {@{limit_w-1}{1'b1}}} ? d_limit : d_limit + @{limit_w}'d1;
  assign rows_down = d_rows == '0 ? '0 : d_rows - @{row_count_w}'d1;
  assign drain_down_o = {d_valid, d_first, d_bank, d_col, d_key, limit_down, rows_down, key_valid, key_scale};

  logic [@{s_bits_w-1}:0] sum_at;
  logic [@{score_acc_w-1}:0] sum_out;
  logic [@{full_w-1}:0] full;
  logic [@{cut_w-1}:0] cut;
  logic [@{scaled_w-1}:0] scaled_d;
  logic clip_scaled, allowed_d;
  assign sum_at = @{s_bits_w}'(d_col) * @{s_bits_w}'d@{score_acc_w};
//@if (1 << col_w) > columns
  assign sum_out = d_col < @{col_w}'d@{columns} ? s_q[sum_at+:@{score_acc_w}] : '0;
//@else
  assign sum_out = s_q[sum_at+:@{score_acc_w}];
//@endif
  assign full = @sext{sum_out, score_acc_w, full_w} * @zext{row_scale, scale_w, full_w} * @zext{key_scale, scale_w, full_w};
  assign cut = full[@{full_w-1}:@{drop}];
//@if drop
  logic unused_full;
  assign unused_full = |full[@{drop-1}:0];
//@endif
  assign clip_scaled = cut[@{cut_w-1}:@{scaled_w-1}] != {@{cut_w-scaled_w+1}{cut[@{cut_w-1}]}};
  assign scaled_d = clip_scaled ? {cut[@{cut_w-1}], {@{scaled_w-1}{~cut[@{cut_w-1}]}}} : cut[@{scaled_w-1}:0];
  assign allowed_d = row_valid && key_valid && d_rows != '0
      && $signed(@{limit_w}'(d_key)) <= $signed(d_limit);

  // ---- one cycle later: into the strip buffer, and the maximum ----
  logic [@{drain1_w-1}:0] drain1_q;
  logic [@{scaled_w-1}:0] scaled_q;
  logic allowed_q;
  logic d1_valid, d1_first, d1_bank;
  logic [@{key_w-1}:0] d1_key;
  logic [@{word_w-1}:0] strip_q [@{words}];  // {allowed, scaled} of both banks
  logic [@{2*scaled_w-1}:0] max_q;
  logic [@{2*key_w-1}:0] arg_q;
  logic [1:0] any_q;  // a score of the bank was allowed
  logic [@{scaled_w-1}:0] max_d1, max_d;
  logic [@{key_w-1}:0] arg_d;
  logic higher, any_d;
  assign {d1_valid, d1_first, d1_bank, d1_key} = drain1_q;
  assign max_d1 = d1_bank ? max_q[@{scaled_w}+:@{scaled_w}] : max_q[0+:@{scaled_w}];
  assign higher = allowed_q && (d1_first || !any_q[d1_bank] || $signed(scaled_q) > $signed(max_d1));
  assign max_d = higher ? scaled_q : {1'b1, {@{scaled_w-1}{1'b0}}};
  assign arg_d = higher ? d1_key : '0;
  assign any_d = higher || (any_q[d1_bank] && !d1_first);
  assign arg_o = arg_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      drain_q <= '0;
      drain1_q <= '0;
      scaled_q <= '0;
      allowed_q <= 1'b0;
      max_q <= '0;
      arg_q <= '0;
      any_q <= '0;
    end else begin
      drain_q <= drain_i;
      drain1_q <= {d_valid, d_first, d_bank, d_key};
      if (d_valid) begin
        scaled_q <= scaled_d;
        allowed_q <= allowed_d;
      end
      if (d1_valid && (higher || d1_first)) begin
        if (d1_bank) begin
          max_q[@{scaled_w}+:@{scaled_w}] <= max_d;
          arg_q[@{key_w}+:@{key_w}] <= arg_d;
        end else begin
          max_q[0+:@{scaled_w}] <= max_d;
          arg_q[0+:@{key_w}] <= arg_d;
        end
        any_q[d1_bank] <= any_d;
      end
    end
  end

  logic d1_write;
  logic [@{strip_at_w-1}:0] d1_at;
//@if (1 << key_w) > keys_max
  assign d1_write = d1_valid && d1_key < @{key_w}'d@{keys_max};
//@else
  assign d1_write = d1_valid;
//@endif
  assign d1_at = (d1_bank ? @{strip_at_w}'d@{keys_max} : '0) + @{strip_at_w}'(d1_key);
  // not while in reset: until its first edge drain1_q may hold anything
  always_ff @(posedge clk_i) begin
    if (rst_ni && d1_write) strip_q[d1_at] <= {allowed_q, scaled_q};
  end

  // ---- sweep: exp of the distance to the maximum ----
  logic [@{sweep_w-1}:0] sweep_q, sweep1_q;
  logic [1:0] s_op;
  logic s_first, s_bank, s_valid, s_last, s_acts, s_stored, s_allowed;
  logic [@{key_w-1}:0] s_key;
  logic [@{col_w-1}:0] s_col;
  logic [@{tile_w-1}:0] s_tile;
  logic [@{strip_w-1}:0] s_strip;
  logic [@{strip_at_w-1}:0] s_at;
  logic [@{scaled_w-1}:0] s_scaled, s_max, exponent;
  assign {s_op, s_first, s_bank, s_key, s_valid, s_col, s_last, s_tile, s_strip} = sweep_q;
  assign sweep_down_o = sweep_q;
  assign s_acts = s_op[0] ^ s_op[1];
//@if (1 << key_w) > keys_max
  assign s_stored = s_acts && s_valid && s_key < @{key_w}'d@{keys_max};
//@else
  assign s_stored = s_acts && s_valid;
//@endif
  assign s_at = (s_bank ? @{strip_at_w}'d@{keys_max} : '0) + @{strip_at_w}'(s_key);
  assign {s_allowed, s_scaled} = s_stored ? strip_q[s_at] : '0;

  // the maximum as the main array's bias would be: floored, clipped
  logic [@{max_w-1}:0] wide_max, wide_bias, x;
  logic [@{max_w-down-1}:0] floored;
  logic [@{bias_w-1}:0] bias;
  logic clip_bias, clip_x, clip_exp;
  logic [@{score_exp_w-1}:0] y;
  assign s_max = s_bank ? max_q[@{scaled_w}+:@{scaled_w}] : max_q[0+:@{scaled_w}];
  assign wide_max = @sext{s_max, scaled_w, max_w};
  assign floored = wide_max[@{max_w-1}:@{down}];
//@if down
  logic unused_max;
  assign unused_max = |wide_max[@{down-1}:0];
//@endif
  assign clip_bias = floored[@{max_w-down-1}:@{bias_w-1}] != {@{max_w-down-bias_w+1}{floored[@{max_w-down-1}]}};
  assign bias = clip_bias ? {floored[@{max_w-down-1}], {@{bias_w-1}{~floored[@{max_w-down-1}]}}} : floored[@{bias_w-1}:0];
  assign wide_bias = @sext{bias, bias_w, max_w} << @{down};
  assign x = @sext{s_scaled, scaled_w, max_w} - wide_bias;
  assign clip_x = x[@{max_w-1}:@{scaled_w-1}] != {@{max_w-scaled_w+1}{x[@{max_w-1}]}};
  // x is 0 unless it is taken: the unit then rests
  assign exponent = !s_allowed ? '0 : clip_x ? {x[@{max_w-1}], {@{scaled_w-1}{~x[@{max_w-1}]}}} : x[@{scaled_w-1}:0];
  @{prefix}_score_exp u_exp (
      .x_i(exponent),
      .y_o(y),
      .sat_o(clip_exp)
  );

  // ---- one cycle later: sum, or compare ----
  logic [@{score_exp_w-1}:0] exp_q, top_q;
  logic [@{score_sum_w-1}:0] sum_q, sum_d;
  logic [1:0] s1_op;
  logic s1_first, s1_bank, s1_allowed, s1_last;
  logic [@{key_w-1}:0] s1_key, s1_arg;
  logic [@{col_w-1}:0] s1_col;
  logic [@{tile_w-1}:0] s1_tile;
  logic [@{strip_w-1}:0] s1_strip;
  assign {s1_op, s1_first, s1_bank, s1_key, s1_allowed, s1_col, s1_last, s1_tile, s1_strip} = sweep1_q;

  logic [@{sum_w-1}:0] wide_exp, wide_sum;
  logic [@{score_sum_w-1}:0] sum_base;
  logic clip_sum;
  assign sum_base = s1_first ? '0 : sum_q;
//@if exp_down
  // floor: exp keeps more fraction bits than the sum
  logic [@{sum_w-1}:0] fine_exp;
  assign fine_exp = @sext{exp_q, score_exp_w, sum_w};
  assign wide_exp = $signed(fine_exp) >>> @{exp_down};
//@else
  assign wide_exp = @sext{exp_q, score_exp_w, sum_w} << @{exp_up};
//@endif
  assign wide_sum = @sext{sum_base, score_sum_w, sum_w} + wide_exp;
  assign clip_sum = wide_sum[@{sum_w-1}:@{score_sum_w-1}] != {@{sum_w-score_sum_w+1}{wide_sum[@{sum_w-1}]}};
  assign sum_d = clip_sum ? {wide_sum[@{sum_w-1}], {@{score_sum_w-1}{~wide_sum[@{sum_w-1}]}}} : wide_sum[@{score_sum_w-1}:0];

  // exp > T * sum, both sides with the fraction bits of whichever has more, so that nothing is rounded
  logic [@{cmp_w-1}:0] value, top_value, limit;
  logic empty, keep;
  assign value = @sext{exp_q, score_exp_w, cmp_w} << @{value_up};
  assign top_value = @sext{top_q, score_exp_w, cmp_w} << @{value_up};
  assign limit = (@sext{sum_q, score_sum_w, cmp_w} * @zext{threshold_i, threshold_w, cmp_w}) << @{limit_up};
  assign empty = $signed(top_value) <= $signed(limit);
  assign s1_arg = s1_bank ? arg_q[@{key_w}+:@{key_w}] : arg_q[0+:@{key_w}];
  assign keep = s1_allowed
      && (empty ? policy_i == 2'd1 || (policy_i == 2'd2 && s1_key == s1_arg) : $signed(value) > $signed(limit));

  logic [@{columns-1}:0] word_q;
  logic mask_valid_q, mask_valid_d;
  logic [@{tile_w-1}:0] mask_tile_q;
  logic [@{strip_w-1}:0] mask_strip_q;
  assign mask_valid_d = s1_op == 2'd2 && s1_last;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sweep_q <= '0;
      sweep1_q <= '0;
      exp_q <= '0;
      sum_q <= '0;
      top_q <= '0;
      word_q <= '0;
      mask_valid_q <= 1'b0;
      mask_tile_q <= '0;
      mask_strip_q <= '0;
    end else begin
      sweep_q <= sweep_i;
      // behind the strip buffer a word is valid when its score is allowed
      sweep1_q <= {s_op, s_first, s_bank, s_key, s_acts ? s_allowed : s_valid, s_col, s_last, s_tile, s_strip};
      if (s_acts) exp_q <= s_allowed ? y : '0;
      if (s1_op == 2'd1) begin
        sum_q <= sum_d;
        if (s1_first || $signed(exp_q) > $signed(top_q)) top_q <= exp_q;
      end
      if (s1_op == 2'd2) begin
        if (s1_col == '0) word_q <= @{columns}'(keep);
//@if (1 << col_w) > columns
        else if (s1_col < @{col_w}'d@{columns}) word_q[s1_col] <= keep;
//@else
        else word_q[s1_col] <= keep;
//@endif
      end
      mask_valid_q <= mask_valid_d;
      if (mask_valid_d) begin
        mask_tile_q <= s1_tile;
        mask_strip_q <= s1_strip;
      end
    end
  end
  assign mask_valid_o = mask_valid_q;
  assign mask_tile_o = mask_valid_q ? mask_tile_q : '0;
  assign mask_strip_o = mask_valid_q ? mask_strip_q : '0;
  assign mask_word_o = mask_valid_q ? word_q : '0;

  // ---- sticky counters of clipped values; only a reset clears them ----
  logic [31:0] sat_scaled_q, sat_exp_q, sat_sum_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sat_scaled_q <= '0;
      sat_exp_q <= '0;
      sat_sum_q <= '0;
    end else begin
      if (d_valid && allowed_d && clip_scaled && !(&sat_scaled_q)) sat_scaled_q <= sat_scaled_q + 32'd1;
      if (s_op == 2'd1 && s_allowed && clip_exp && !(&sat_exp_q)) sat_exp_q <= sat_exp_q + 32'd1;
      if (s1_op == 2'd1 && clip_sum && !(&sat_sum_q)) sat_sum_q <= sat_sum_q + 32'd1;
    end
  end
  assign sat_acc_o = sat_acc_q;
  assign sat_scaled_o = sat_scaled_q;
  assign sat_exp_o = sat_exp_q;
  assign sat_sum_o = sat_sum_q;
endmodule
`default_nettype wire
