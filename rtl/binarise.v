// SPDX-License-Identifier: Apache-2.0
//@let align = threshold_frac + score_sum_frac - score_exp_frac
//@let up = max(align, 0)
//@let down = max(-align, 0)
//@let w = max(score_exp_w + up, score_sum_w + threshold_w + down) + 1
/// The mask's threshold: a bit a row, set where exp > T * sum, without a divider.
/// It computes neither exp nor sum, and it places no bit: the mask's memory does. Latency: one cycle.
`default_nettype none
module @{prefix}_binarise (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{score_rows*score_exp_w-1}:0] exp_i,
    input  logic [@{score_rows*score_sum_w-1}:0] sum_i,
    input  logic [@{score_rows-1}:0] allowed_i,
    input  logic [@{threshold_w-1}:0] threshold_i,  // unsigned, @{threshold_frac} fraction bits
    input  logic clear_i,                           // of any
    output logic [@{score_rows-1}:0] keep_o,
    output logic [@{score_rows-1}:0] any_o          // the row kept something since clear
);
  logic [@{score_rows-1}:0] keep_q, keep_d, any_q;

  for (genvar i = 0; i < @{score_rows}; i++) begin : g_row
    logic [@{score_exp_w-1}:0] e;
    logic [@{score_sum_w-1}:0] s;
    logic [@{w-1}:0] score, limit;
    assign e = exp_i[i*@{score_exp_w}+:@{score_exp_w}];
    assign s = sum_i[i*@{score_sum_w}+:@{score_sum_w}];
    // both sides with the fraction bits of whichever has more, so that nothing is rounded
//@if signed
    assign score = @sext{e, score_exp_w, w} << @{up};
    assign limit = (@sext{s, score_sum_w, w} * @zext{threshold_i, threshold_w, w}) << @{down};
    assign keep_d[i] = allowed_i[i] && $signed(score) > $signed(limit);
//@else
    assign score = @zext{e, score_exp_w, w} << @{up};
    assign limit = (@zext{s, score_sum_w, w} * @zext{threshold_i, threshold_w, w}) << @{down};
    assign keep_d[i] = allowed_i[i] && score > limit;
//@endif
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      keep_q <= '0;
      any_q <= '0;
    end else begin
      keep_q <= keep_d;
      any_q <= clear_i ? '0 : any_q | keep_d;
    end
  end
  assign keep_o = keep_q;
  assign any_o = any_q;
endmodule
`default_nettype wire
