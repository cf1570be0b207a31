// SPDX-License-Identifier: Apache-2.0
//@let limit_w = len_w + 1
//@let head_w = 1 + scale_w
//@let drain_w = 4 + col_w + key_w + limit_w + row_count_w + head_w
//@let add_w = 4 + key_w
//@let keep_w = 6 + key_w + col_w + tile_w + strip_w
//@let value_w = max(scaled_w, score_exp_w)
//@let word_w = 1 + value_w
//@let s_bits_w = clog2(columns * score_acc_w)
//@let drop = 2 * scale_frac - scaled_frac
//@let full_w = max(score_acc_w + 2 * scale_w, drop + scaled_w + 1)
//@let cut_w = full_w - drop
//@let down = scaled_frac - bias_frac
//@let max_w = max(scaled_w, bias_w + down) + 1
//@let exp_up = max(score_sum_frac - score_exp_frac, 0)
//@let exp_down = max(score_exp_frac - score_sum_frac, 0)
//@let sum_w = max(score_sum_w, score_exp_w + exp_up) + 1
//@let share = threshold_frac + score_sum_frac - score_exp_frac
//@let share_up = max(-share, 0)
//@let share_down = max(share, 0)
//@let product_w = max(score_sum_w + threshold_w + share_up, share_down + score_exp_w) + 1
//@let over_w = product_w - share_down
//@let count_w = clog2(columns + 1)
/// One row of the low-bit array under travelling control: @{columns} PEs, and at their right end the drain (scaling, maximum),
/// the sum (exp) and the threshold, each at work on another strip, in another bank. Operands, tags and words go on to the
/// row below a cycle later. It sequences nothing: a drain word must come when the column's sum is complete, sum words when
/// the maximum is, threshold words when the sum is.
/// Drain word to maximum and strip bank: 3 cycles. Sum word to sum and strip bank: 3 cycles. Threshold word to mask bit: 3
/// cycles; the mask bus shows a tile's word with its last bit.
/// drain: {valid, first, bank, col, key, limit, rows, key's valid, key's scale}
/// add: {valid, first, bank, key}
/// keep: {valid, first, bank, there is a key, key, col, last, tile, strip}
`default_nettype none
module @{prefix}_predict_row (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{operand_w-1}:0] left_i,
    input  logic [@{columns*operand_w-1}:0] top_i,
    input  logic [1:0] tag_i,  // 1 first, 2 more
    input  logic [@{3*head_w-1}:0] head_i,  // {valid, scale} of the query in each bank
    input  logic [@{drain_w-1}:0] drain_i,
    input  logic [@{add_w-1}:0] add_i,
    input  logic [@{keep_w-1}:0] keep_i,
    input  logic [@{threshold_w-1}:0] threshold_i,
    input  logic [1:0] policy_i,  // of rows without an exp above the threshold: 1 dense, 2 top1, else zero
    output logic [@{columns*operand_w-1}:0] bottom_o,
    output logic [1:0] tag_down_o,
    output logic [@{drain_w-1}:0] drain_down_o,
    output logic [@{add_w-1}:0] add_down_o,
    output logic [@{keep_w-1}:0] keep_down_o,
    output logic mask_valid_o,
    output logic [@{tile_w-1}:0] mask_tile_o,
    output logic [@{strip_w-1}:0] mask_strip_o,
    output logic [@{columns-1}:0] mask_word_o,
    output logic [@{3*key_w-1}:0] arg_o,
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
  logic d_valid, d_first, key_valid, row_valid;
  logic [1:0] d_bank;
  logic [@{col_w-1}:0] d_col;
  logic [@{key_w-1}:0] d_key;
  logic [@{limit_w-1}:0] d_limit, limit_down;
  logic [@{row_count_w-1}:0] d_rows, rows_down;
  logic [@{scale_w-1}:0] key_scale, row_scale;
  assign {d_valid, d_first, d_bank, d_col, d_key, d_limit, d_rows, key_valid, key_scale} = drain_q;
  assign {row_valid, row_scale} = d_bank == 2'd0 ? head_i[0+:@{head_w}]
      : d_bank == 2'd1 ? head_i[@{head_w}+:@{head_w}]
      : d_bank == 2'd2 ? head_i[@{2*head_w}+:@{head_w}] : '0;
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

  // ---- registers of the banks; those of a bank that does not exist read 0 ----
  logic [@{3*scaled_w-1}:0] max_q;
  logic [@{3*key_w-1}:0] arg_q;
  logic [2:0] any_q;  // a score of the bank was allowed
  logic [@{3*score_sum_w-1}:0] sum_q;
  logic [@{3*score_exp_w-1}:0] top_q;

  // ---- one cycle later: the maximum ----
  logic [@{add_w-1}:0] drain1_q;
  logic [@{scaled_w-1}:0] scaled_q;
  logic allowed_q;
  logic d1_valid, d1_first, d1_any;
  logic [1:0] d1_bank;
  logic [@{key_w-1}:0] d1_key;
  logic [@{scaled_w-1}:0] max_d1, max_d;
  logic [@{key_w-1}:0] arg_d;
  logic higher;
  assign {d1_valid, d1_first, d1_bank, d1_key} = drain1_q;
  assign {d1_any, max_d1} = d1_bank == 2'd0 ? {any_q[0], max_q[0+:@{scaled_w}]}
      : d1_bank == 2'd1 ? {any_q[1], max_q[@{scaled_w}+:@{scaled_w}]} : {any_q[2], max_q[@{2*scaled_w}+:@{scaled_w}]};
  assign higher = allowed_q && (d1_first || !d1_any || $signed(scaled_q) > $signed(max_d1));
  assign max_d = higher ? scaled_q : {1'b1, {@{scaled_w-1}{1'b0}}};
  assign arg_d = higher ? d1_key : '0;
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
        case (d1_bank)
          2'd0: {any_q[0], max_q[0+:@{scaled_w}], arg_q[0+:@{key_w}]} <= {higher, max_d, arg_d};
          2'd1: {any_q[1], max_q[@{scaled_w}+:@{scaled_w}], arg_q[@{key_w}+:@{key_w}]} <= {higher, max_d, arg_d};
          2'd2: {any_q[2], max_q[@{2*scaled_w}+:@{scaled_w}], arg_q[@{2*key_w}+:@{key_w}]} <= {higher, max_d, arg_d};
          default: ;
        endcase
      end
    end
  end

  // ---- words of sum and threshold ----
  logic [@{add_w-1}:0] add_q;
  logic [@{keep_w-1}:0] keep_q;
  logic s_valid, t_valid, t_first, t_there, t_last;
  logic [1:0] s_bank, t_bank;
  logic [@{key_w-1}:0] s_key, t_key;
  logic [@{col_w-1}:0] t_col;
  logic [@{tile_w-1}:0] t_tile;
  logic [@{strip_w-1}:0] t_strip;
  assign {s_valid, s_bank, s_key} = {add_q[@{add_w-1}], add_q[@{key_w+1}:0]};
  assign {t_valid, t_first, t_bank, t_there, t_key, t_col, t_last, t_tile, t_strip} = keep_q;
  assign add_down_o = add_q;
  assign keep_down_o = keep_q;

  // ---- strip banks: {allowed, score, later its exp}; one read and one write port each ----
  logic s1_valid, s1_first, s1_allowed;
  logic [1:0] s1_bank;
  logic [@{key_w-1}:0] s1_key;
  logic [@{score_exp_w-1}:0] exp_q;
  logic [@{3*word_w-1}:0] read;
  for (genvar b = 0; b < 3; b++) begin : g_bank
    logic [@{word_w-1}:0] strip_q [@{keys_max}];
    logic compares, drained, added;
    logic [@{key_w-1}:0] read_at, write_at;
    assign compares = t_valid && t_bank == 2'(b);
    assign read_at = compares ? t_key : s_key;
    assign read[b*@{word_w}+:@{word_w}] = strip_q[read_at];
    assign drained = d1_valid && d1_bank == 2'(b);
    assign added = s1_valid && s1_bank == 2'(b);
    assign write_at = drained ? d1_key : s1_key;
    // not while in reset: until its first edge drain1_q may hold anything
    always_ff @(posedge clk_i) begin
//@if (1 << key_w) > keys_max
      if (rst_ni && (drained || added) && write_at < @{key_w}'d@{keys_max}) begin
//@else
      if (rst_ni && (drained || added)) begin
//@endif
        strip_q[write_at] <= drained ? {allowed_q, @zext{scaled_q, scaled_w, value_w}} : {s1_allowed, @zext{exp_q, score_exp_w, value_w}};
      end
    end
  end

  // ---- sum: exp of the distance to the maximum ----
  logic s_stored, s_allowed;
  logic [@{word_w-1}:0] s_word;
  logic [@{scaled_w-1}:0] s_scaled, s_max, exponent;
//@if (1 << key_w) > keys_max
  assign s_stored = s_valid && s_key < @{key_w}'d@{keys_max} && !(t_valid && t_bank == s_bank);
//@else
  assign s_stored = s_valid && !(t_valid && t_bank == s_bank);
//@endif
  assign s_word = !s_stored ? '0 : s_bank == 2'd0 ? read[0+:@{word_w}]
      : s_bank == 2'd1 ? read[@{word_w}+:@{word_w}] : s_bank == 2'd2 ? read[@{2*word_w}+:@{word_w}] : '0;
  assign s_allowed = s_word[@{value_w}];
  assign s_scaled = s_word[@{scaled_w-1}:0];
//@if value_w > scaled_w
  logic unused_word;
  assign unused_word = |s_word[@{value_w-1}:@{scaled_w}];
//@endif

  // the maximum as the main array's bias would be: floored, clipped
  logic [@{max_w-1}:0] wide_max, wide_bias, x;
  logic [@{max_w-down-1}:0] floored;
  logic [@{bias_w-1}:0] bias;
  logic clip_bias, clip_x, clip_exp;
  logic [@{score_exp_w-1}:0] y;
  assign s_max = s_bank == 2'd0 ? max_q[0+:@{scaled_w}]
      : s_bank == 2'd1 ? max_q[@{scaled_w}+:@{scaled_w}] : max_q[@{2*scaled_w}+:@{scaled_w}];
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

  // ---- one cycle later: sum and highest exp ----
  logic [@{add_w}:0] add1_q;  // {allowed, word}
  logic [@{sum_w-1}:0] wide_exp, wide_sum;
  logic [@{score_sum_w-1}:0] sum_old, sum_base, sum_d;
  logic [@{score_exp_w-1}:0] top_old;
  logic clip_sum, tops, s1_acts;
  assign {s1_allowed, s1_valid, s1_first, s1_bank, s1_key} = add1_q;
  assign s1_acts = s1_valid && s1_bank != 2'd3;
  assign {sum_old, top_old} = s1_bank == 2'd0 ? {sum_q[0+:@{score_sum_w}], top_q[0+:@{score_exp_w}]}
      : s1_bank == 2'd1 ? {sum_q[@{score_sum_w}+:@{score_sum_w}], top_q[@{score_exp_w}+:@{score_exp_w}]}
      : {sum_q[@{2*score_sum_w}+:@{score_sum_w}], top_q[@{2*score_exp_w}+:@{score_exp_w}]};
  assign sum_base = s1_first ? '0 : sum_old;
  assign tops = s1_acts && (s1_first || $signed(exp_q) > $signed(top_old));
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

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      add_q <= '0;
      add1_q <= '0;
      exp_q <= '0;
      sum_q <= '0;
      top_q <= '0;
    end else begin
      add_q <= add_i;
      add1_q <= {s_allowed, add_q};
      if (s_valid) exp_q <= s_allowed ? y : '0;
      for (int b = 0; b < 3; b++) begin
        if (s1_acts && s1_bank == 2'(b)) sum_q[b*@{score_sum_w}+:@{score_sum_w}] <= sum_d;
        if (tops && s1_bank == 2'(b)) top_q[b*@{score_exp_w}+:@{score_exp_w}] <= exp_q;
      end
    end
  end

  // ---- threshold: with a strip's first word, T * sum in exp's format, and what to do with it ----
  logic [@{score_sum_w-1}:0] t_sum;
  logic [@{score_exp_w-1}:0] t_top, limit_d;
  logic [@{key_w-1}:0] t_arg;
  logic [@{product_w-1}:0] product;
  logic [@{over_w-1}:0] over;  // an exp above T * sum is above its floor
  logic [1:0] rule_d;
  logic clip_limit;
  assign {t_sum, t_top, t_arg} = t_bank == 2'd0 ? {sum_q[0+:@{score_sum_w}], top_q[0+:@{score_exp_w}], arg_q[0+:@{key_w}]}
      : t_bank == 2'd1 ? {sum_q[@{score_sum_w}+:@{score_sum_w}], top_q[@{score_exp_w}+:@{score_exp_w}], arg_q[@{key_w}+:@{key_w}]}
      : t_bank == 2'd2 ? {sum_q[@{2*score_sum_w}+:@{score_sum_w}], top_q[@{2*score_exp_w}+:@{score_exp_w}], arg_q[@{2*key_w}+:@{key_w}]} : '0;
  assign product = (@sext{t_sum, score_sum_w, product_w} * @zext{threshold_i, threshold_w, product_w}) << @{share_up};
  assign over = product[@{product_w-1}:@{share_down}];
//@if share_down
  logic unused_product;
  assign unused_product = |product[@{share_down-1}:0];
//@endif
  assign clip_limit = over[@{over_w-1}:@{score_exp_w-1}] != {@{over_w-score_exp_w+1}{over[@{over_w-1}]}};
  assign limit_d = clip_limit ? {over[@{over_w-1}], {@{score_exp_w-1}{~over[@{over_w-1}]}}} : over[@{score_exp_w-1}:0];
  assign rule_d = $signed(t_top) > $signed(limit_d) ? 2'd3 : policy_i == 2'd3 ? 2'd0 : policy_i;

  logic t_stored;
  logic [@{word_w-1}:0] t_word;
//@if (1 << key_w) > keys_max
  assign t_stored = t_valid && t_there && t_key < @{key_w}'d@{keys_max};
//@else
  assign t_stored = t_valid && t_there;
//@endif
  assign t_word = !t_stored ? '0 : t_bank == 2'd0 ? read[0+:@{word_w}]
      : t_bank == 2'd1 ? read[@{word_w}+:@{word_w}] : t_bank == 2'd2 ? read[@{2*word_w}+:@{word_w}] : '0;
//@if value_w > score_exp_w
  logic unused_share;
  assign unused_share = |t_word[@{value_w-1}:@{score_exp_w}];
//@endif

  logic [@{keep_w-1}:0] keep1_q;
  logic [@{score_exp_w-1}:0] share_q, limit_q;
  logic [1:0] rule_q;  // 3 compare, 2 the maximum, 1 all, 0 none
  logic [@{key_w-1}:0] best_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      keep_q <= '0;
      keep1_q <= '0;
      share_q <= '0;
      limit_q <= '0;
      rule_q <= '0;
      best_q <= '0;
    end else begin
      keep_q <= keep_i;
      // behind the strip bank there is a key when its score is allowed
      keep1_q <= {t_valid, t_first, t_bank, t_valid ? t_word[@{value_w}] : t_there, t_key, t_col, t_last, t_tile, t_strip};
      if (t_valid) share_q <= t_word[@{score_exp_w-1}:0];
      if (t_valid && t_first) begin
        limit_q <= limit_d;
        rule_q <= rule_d;
        best_q <= t_arg;
      end
    end
  end

  // ---- one cycle later: compare ----
  logic t1_valid, t1_first, t1_allowed, t1_last, keep;
  logic [1:0] t1_bank;
  logic [@{key_w-1}:0] t1_key;
  logic [@{col_w-1}:0] t1_col;
  logic [@{tile_w-1}:0] t1_tile;
  logic [@{strip_w-1}:0] t1_strip;
  logic unused_t1;
  assign {t1_valid, t1_first, t1_bank, t1_allowed, t1_key, t1_col, t1_last, t1_tile, t1_strip} = keep1_q;
  assign unused_t1 = &{1'b0, t1_first, t1_bank};
  assign keep = t1_allowed && (rule_q == 2'd3 ? $signed(share_q) > $signed(limit_q)
      : rule_q == 2'd2 ? t1_key == best_q : rule_q[0]);

  logic [@{columns-1}:0] word_q;
  logic mask_valid_q, mask_valid_d;
  logic [@{tile_w-1}:0] mask_tile_q;
  logic [@{strip_w-1}:0] mask_strip_q;
  assign mask_valid_d = t1_valid && t1_last;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      word_q <= '0;
      mask_valid_q <= 1'b0;
      mask_tile_q <= '0;
      mask_strip_q <= '0;
    end else begin
      if (t1_valid) begin
        if (t1_col == '0) word_q <= @{columns}'(keep);
//@if (1 << col_w) > columns
        else if (t1_col < @{col_w}'d@{columns}) word_q[t1_col] <= keep;
//@else
        else word_q[t1_col] <= keep;
//@endif
      end
      mask_valid_q <= mask_valid_d;
      if (mask_valid_d) begin
        mask_tile_q <= t1_tile;
        mask_strip_q <= t1_strip;
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
      if (s_allowed && clip_exp && !(&sat_exp_q)) sat_exp_q <= sat_exp_q + 32'd1;
      if (s1_acts && clip_sum && !(&sat_sum_q)) sat_sum_q <= sat_sum_q + 32'd1;
    end
  end
  assign sat_acc_o = sat_acc_q;
  assign sat_scaled_o = sat_scaled_q;
  assign sat_exp_o = sat_exp_q;
  assign sat_sum_o = sat_sum_q;
endmodule
`default_nettype wire
