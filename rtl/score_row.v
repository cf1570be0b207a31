// SPDX-License-Identifier: Apache-2.0
//@if signed
//@let drop = 2 * scale_frac - scaled_frac
//@let full_w = max(score_acc_w + 2 * scale_w, drop + scaled_w + 1)
//@let cut_w = full_w - drop
//@let down = scaled_frac - bias_frac
//@let max_w = max(scaled_w, bias_w + down) + 1
//@let up = max(score_sum_frac - score_exp_frac, 0)
//@let cut_exp = max(score_exp_frac - score_sum_frac, 0)
//@let count_w = clog2(score_columns + 1)
//@let sum_w = max(score_sum_w, score_exp_w + up) + 1
//@endif
/// One row of the low-bit score array: its PEs, and what stands at their right end.
//@if signed
/// It scales the last PE's sum, keeps the row's maximum, and takes scaled scores back for exp and their sum.
/// It has no buffer for them. PE to scaled_o: one cycle; strip_i to score_o: one cycle; score_o to sum_o: one.
/// row_state: 0 idle, 1 clear, 2 sum, 3 max.
//@else
/// exp of the last PE's sum in every cycle, summed on demand. It scales nothing and knows no maximum.
/// PE to score_o: one cycle; score_o to sum_o: one. row_state: 0 idle, 1 clear, 2 sum, 3 idle.
//@endif
`default_nettype none
module @{prefix}_score_row (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{operand_w-1}:0] left_i,
    input  logic [@{score_columns*operand_w-1}:0] top_i,
    input  logic [1:0] pe_state_i,
    input  logic [1:0] row_state_i,
//@if signed
    input  logic [@{scale_w-1}:0] row_scale_i,
    input  logic [@{scale_w-1}:0] col_scale_i,
    input  logic allowed_i,                       // the position being drained
    input  logic [@{scaled_w-1}:0] strip_i,       // a scaled score coming back
    input  logic strip_allowed_i,
    output logic [@{scaled_w-1}:0] scaled_o,
    output logic [@{scaled_w-1}:0] max_o,
    output logic [@{bias_w-1}:0] bias_o,
    output logic [31:0] sat_acc_o,
    output logic [31:0] sat_scaled_o,
    output logic [31:0] sat_exp_o,
    output logic [31:0] sat_sum_o,
//@endif
    output logic [@{score_columns*operand_w-1}:0] bottom_o,
    output logic [@{score_exp_w-1}:0] score_o,
    output logic [@{score_sum_w-1}:0] sum_o
);
  // The PEs' registers, PE k (a score_pe) at slice k: one vector a kind, so that a row moves and compares as words.
  logic [@{score_columns*operand_w-1}:0] v_q, h_q, h_d;
  logic [@{score_columns*score_acc_w-1}:0] s_q, s_calc, s_move;
  logic [@{score_acc_w-1}:0] s_last;

  for (genvar k = 0; k < @{score_columns}; k++) begin : g_pe
    logic [@{score_acc_w-1}:0] v, h;
//@if signed
    assign v = @{score_acc_w}'($signed(v_q[k*@{operand_w}+:@{operand_w}]));
    assign h = @{score_acc_w}'($signed(h_q[k*@{operand_w}+:@{operand_w}]));
//@else
    assign v = @{score_acc_w}'(v_q[k*@{operand_w}+:@{operand_w}]);
    assign h = @{score_acc_w}'(h_q[k*@{operand_w}+:@{operand_w}]);
//@endif
    assign s_calc[k*@{score_acc_w}+:@{score_acc_w}] = s_q[k*@{score_acc_w}+:@{score_acc_w}] + v * h;
  end
//@if signed

  // Sums that overflow, a bit at each one's sign: it changes although the two highest bits differed, and then no
  // product is large enough to bring the sum back to 0. On whole vectors, which simulates fast.
  logic [@{score_columns*score_acc_w-1}:0] clips;
  assign clips = (s_q ^ (s_q << 1)) & (s_q ^ s_calc) & {@{score_columns}{1'b1, @{score_acc_w-1}'d0}};
//@endif
//@if score_columns > 1
  assign h_d = {h_q[@{(score_columns-1)*operand_w-1}:0], left_i};
  assign s_move = {s_q[@{(score_columns-1)*score_acc_w-1}:0], @{score_acc_w}'d0};
//@else
  assign h_d = left_i;
  assign s_move = '0;
//@endif
  assign s_last = s_q[@{(score_columns-1)*score_acc_w}+:@{score_acc_w}];
  assign bottom_o = v_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      v_q <= '0;
      h_q <= '0;
      s_q <= '0;
    end else begin
      case (pe_state_i)
        2'd1: begin
          v_q <= '0;
          h_q <= '0;
          s_q <= '0;
        end
        2'd2: begin
          v_q <= top_i;
          h_q <= h_d;
          s_q <= s_calc;
//@if signed
          // rare, so apart from the common path
          if (|clips) begin
            for (int k = 0; k < @{score_columns}; k++) begin
              if (clips[k*@{score_acc_w}+@{score_acc_w-1}]) begin
                s_q[k*@{score_acc_w}+:@{score_acc_w}] <= {s_q[k*@{score_acc_w}+@{score_acc_w-1}], {@{score_acc_w-1}{~s_q[k*@{score_acc_w}+@{score_acc_w-1}]}}};
              end
            end
          end
//@endif
        end
        2'd3: s_q <= s_move;
        default: s_q <= s_q;
      endcase
    end
  end

  logic [@{score_exp_w-1}:0] exp_q, y;
  logic [@{score_sum_w-1}:0] sum_q, sum_d;
  assign score_o = exp_q;
  assign sum_o = sum_q;
//@if signed

  // scaled score: floor, because low bits of a two's complement product are dropped
  logic [@{full_w-1}:0] full;
  logic [@{cut_w-1}:0] cut;
  logic [@{scaled_w-1}:0] scaled_q, scaled_d;
  logic allowed_q, clip_scaled;
  assign full = @sext{s_last, score_acc_w, full_w} * @zext{row_scale_i, scale_w, full_w}
      * @zext{col_scale_i, scale_w, full_w};
  assign cut = full[@{full_w-1}:@{drop}];
//@if drop
  logic unused_full;
  assign unused_full = |full[@{drop-1}:0];
//@endif
  assign clip_scaled = cut[@{cut_w-1}:@{scaled_w-1}] != {@{cut_w-scaled_w+1}{cut[@{cut_w-1}]}};
  assign scaled_d = clip_scaled ? {cut[@{cut_w-1}], {@{scaled_w-1}{~cut[@{cut_w-1}]}}} : cut[@{scaled_w-1}:0];
  assign scaled_o = scaled_q;

  // the bias is the maximum with fewer fraction bits
  logic [@{scaled_w-1}:0] max_q;
  logic [@{max_w-1}:0] wide_max, wide_bias, x;
  logic [@{max_w-down-1}:0] floored;
  logic [@{bias_w-1}:0] bias;
  logic clip_bias, clip_x;
  logic [@{scaled_w-1}:0] exponent;
  assign wide_max = @sext{max_q, scaled_w, max_w};
  assign floored = wide_max[@{max_w-1}:@{down}];
//@if down
  logic unused_max;
  assign unused_max = |wide_max[@{down-1}:0];
//@endif
  assign clip_bias = floored[@{max_w-down-1}:@{bias_w-1}] != {@{max_w-down-bias_w+1}{floored[@{max_w-down-1}]}};
  assign bias = clip_bias ? {floored[@{max_w-down-1}], {@{bias_w-1}{~floored[@{max_w-down-1}]}}} : floored[@{bias_w-1}:0];
  assign max_o = max_q;
  assign bias_o = bias;

  assign wide_bias = @sext{bias, bias_w, max_w} << @{down};
  assign x = @sext{strip_i, scaled_w, max_w} - wide_bias;
  assign clip_x = x[@{max_w-1}:@{scaled_w-1}] != {@{max_w-scaled_w+1}{x[@{max_w-1}]}};
  assign exponent = clip_x ? {x[@{max_w-1}], {@{scaled_w-1}{~x[@{max_w-1}]}}} : x[@{scaled_w-1}:0];
  logic clip_exp;
  @{prefix}_score_exp u_exp (
      .x_i(exponent),
      .y_o(y),
      .sat_o(clip_exp)
  );

  logic [@{sum_w-1}:0] wide_exp, wide_sum;
  logic clip_sum;
//@if cut_exp
  // floor: exp keeps more fraction bits than the sum
  logic [@{sum_w-1}:0] fine_exp;
  assign fine_exp = @sext{exp_q, score_exp_w, sum_w};
  assign wide_exp = $signed(fine_exp) >>> @{cut_exp};
//@else
  assign wide_exp = @sext{exp_q, score_exp_w, sum_w} << @{up};
//@endif
  assign wide_sum = @sext{sum_q, score_sum_w, sum_w} + wide_exp;
  assign clip_sum = wide_sum[@{sum_w-1}:@{score_sum_w-1}] != {@{sum_w-score_sum_w+1}{wide_sum[@{sum_w-1}]}};
  assign sum_d = clip_sum ? {wide_sum[@{sum_w-1}], {@{score_sum_w-1}{~wide_sum[@{sum_w-1}]}}} : wide_sum[@{score_sum_w-1}:0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      scaled_q <= '0;
      allowed_q <= 1'b0;
      exp_q <= '0;
      sum_q <= '0;
      max_q <= {1'b1, {@{scaled_w-1}{1'b0}}};
    end else begin
      scaled_q <= scaled_d;
      allowed_q <= allowed_i;
      exp_q <= strip_allowed_i ? y : '0;
      case (row_state_i)
        2'd1: begin
          sum_q <= '0;
          max_q <= {1'b1, {@{scaled_w-1}{1'b0}}};
        end
        2'd2: sum_q <= sum_d;
        2'd3: if (allowed_q && $signed(scaled_q) > $signed(max_q)) max_q <= scaled_q;
        default: sum_q <= sum_q;
      endcase
    end
  end

  // Sticky counters of clipped values; only a reset clears them.
  logic [31:0] sat_acc_q, sat_scaled_q, sat_exp_q, sat_sum_q;
  logic [@{count_w-1}:0] count;
  logic [32:0] more_acc;
  // Cut to its own width: Verilator 5.006 may extend its sign. Counted where there is something to count only.
  assign count = |clips ? @{count_w}'($countones(clips)) : '0;
  assign more_acc = {1'b0, sat_acc_q} + {@{33-count_w}'d0, count};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sat_acc_q <= '0;
      sat_scaled_q <= '0;
      sat_exp_q <= '0;
      sat_sum_q <= '0;
    end else begin
      if (pe_state_i == 2'd2) sat_acc_q <= more_acc[32] ? '1 : more_acc[31:0];
      if (clip_scaled && allowed_i && !(&sat_scaled_q)) sat_scaled_q <= sat_scaled_q + 32'd1;
      if (clip_exp && strip_allowed_i && !(&sat_exp_q)) sat_exp_q <= sat_exp_q + 32'd1;
      if (clip_sum && row_state_i == 2'd2 && !(&sat_sum_q)) sat_sum_q <= sat_sum_q + 32'd1;
    end
  end
  assign sat_acc_o = sat_acc_q;
  assign sat_scaled_o = sat_scaled_q;
  assign sat_exp_o = sat_exp_q;
  assign sat_sum_o = sat_sum_q;
//@else

  logic [@{scaled_w-1}:0] exponent;
  assign exponent = @zext{s_last, score_acc_w, scaled_w} << @{score_shift};
  @{prefix}_score_exp u_exp (
      .x_i(exponent),
      .y_o(y)
  );
  assign sum_d = sum_q + exp_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      exp_q <= '0;
      sum_q <= '0;
    end else begin
      exp_q <= y;
      case (row_state_i)
        2'd1: sum_q <= '0;
        2'd2: sum_q <= sum_d;
        default: sum_q <= sum_q;
      endcase
    end
  end
//@endif
endmodule
`default_nettype wire
