// SPDX-License-Identifier: Apache-2.0
//@let drop_sddmm = q_frac + k_frac - acc_frac
//@if signed
//@let drop_spmm = score_frac + v_frac - out_frac
//@let prod_w = max(q_w - drop_sddmm, score_w - drop_spmm) + top_w
//@let sum_w = max(prod_w, acc_w) + 1
//@let x_w = max(acc_w, bias_w + acc_frac - bias_frac) + 1
//@else
//@let drop_spmm = drop_sddmm
//@let prod_w = acc_w
//@endif
//@let full_w = max(drop_sddmm, drop_spmm) + prod_w
/// One processing element's datapath, score-stationary: multiplier, accumulator and score.
/// It holds no delay line (that is the row's) and no exp unit (that stands beside it: x_o out, y_i back).
/// Operands to accumulator: one cycle. c3: 0 clear, 1 idle, 2 self, 3 left, 4 load, else idle;
/// c5: 0 hold, 1 calc, 2 move, 3 clear.
`default_nettype none
module @{prefix}_pe (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{q_w-1}:0] a_i,      // operand from the left tap
    input  logic [@{top_w-1}:0] b_i,    // operand from above
    input  logic sel_i,                 // operand a is the score
    input  logic [@{acc_w-1}:0] o_i,    // partial sum from the left
    input  logic [@{score_w-1}:0] s_i,  // score of the left neighbour
    input  logic [2:0] c3_i,
    input  logic [1:0] c5_i,
    input  logic [@{score_w-1}:0] y_i,  // exp of x_o
//@if signed
    input  logic [@{bias_w-1}:0] bias_i,
    output logic sat_o,                 // acc was clipped at the last edge
//@endif
    output logic [@{acc_w-1}:0] acc_o,
    output logic [@{score_w-1}:0] score_o,
    output logic [@{acc_w-1}:0] x_o     // exponent
);
  logic [@{acc_w-1}:0] acc_q;
  logic [@{score_w-1}:0] score_q;
  logic signed [@{max(q_w, score_w)-1}:0] a;
  logic signed [@{full_w-1}:0] full;
  logic [@{prod_w-1}:0] prod_n;

  // Every step has one reader, so that a simulator folds them into the edge below.
  assign a = sel_i ? @{max(q_w, score_w)}'($signed(score_q)) : @{max(q_w, score_w)}'($signed(a_i));
  assign full = @{full_w}'(a) * @{full_w}'($signed(b_i));
  // floor: an arithmetic shift rounds down
//@if drop_sddmm == drop_spmm
  assign prod_n = @{prod_w}'(full >>> @{drop_sddmm});
//@else
  assign prod_n = @{prod_w}'(full >>> (sel_i ? @{drop_spmm} : @{drop_sddmm}));
//@endif
//@if signed

  // The exponent rests at 0 where nobody takes it, and so does the exp unit.
  logic [@{x_w-1}:0] acc_wide, bias_wide;
  assign acc_wide = @{x_w}'($signed(acc_q));
  assign bias_wide = @{x_w}'($signed(bias_i)) << @{acc_frac-bias_frac};
  always_comb begin : p_exponent
    logic [@{x_w-1}:0] x;
    logic [@{x_w-acc_w}:0] high;
    x = '0;
    high = '0;
    x_o = '0;
    if (c5_i == 2'd1) begin
      x = acc_wide - bias_wide;
      high = @{x_w-acc_w+1}'(x >> @{acc_w-1});  // all alike when x fits
      x_o = high == '0 || high == '1 ? @{acc_w}'(x) :
          x >> @{x_w-1} == @{x_w}'d1 ? {1'b1, @{acc_w-1}'d0} : {1'b0, {@{acc_w-1}{1'b1}}};
    end
  end

  logic sat_q;  // acc was clipped at the last edge
  always_ff @(posedge clk_i) begin : p_acc
    // Local and in the branch that needs them, so that a simulator computes them there alone.
    logic [@{sum_w-1}:0] base, sum;
    logic too_big;
    if (!rst_ni) begin
      acc_q <= '0;
      sat_q <= '0;
    end else begin
      sat_q <= '0;
      if (c3_i == 3'd2 || c3_i == 3'd3 || c3_i == 3'd4) begin
        base = c3_i == 3'd2 ? @{sum_w}'($signed(acc_q)) : c3_i == 3'd3 ? @{sum_w}'($signed(o_i)) : '0;
        sum = base + @{sum_w}'($signed(prod_n));
        // fits when all bits from acc's sign upwards agree
        too_big = sum[@{sum_w-1}:@{acc_w-1}] != {@{sum_w-acc_w+1}{sum[@{sum_w-1}]}};
        acc_q <= too_big ? {sum[@{sum_w-1}], {@{acc_w-1}{~sum[@{sum_w-1}]}}} : sum[@{acc_w-1}:0];
        sat_q <= too_big;
      end
      if (c3_i == 3'd0) acc_q <= '0;
    end
  end
  assign sat_o = sat_q;
//@else

  assign x_o = c5_i == 2'd1 ? acc_q : '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) acc_q <= '0;
    else begin
      case (c3_i)
        3'd0: acc_q <= '0;
        3'd2: acc_q <= acc_q + prod_n;
        3'd3: acc_q <= o_i + prod_n;
        3'd4: acc_q <= prod_n;
        default: acc_q <= acc_q;
      endcase
    end
  end
//@endif

  always_ff @(posedge clk_i) begin
    if (!rst_ni) score_q <= '0;
    else begin
      if (c5_i == 2'd1) score_q <= y_i;
      if (c5_i == 2'd2) score_q <= s_i;
      if (c5_i == 2'd3) score_q <= '0;
    end
  end
  assign acc_o = acc_q;
  assign score_o = score_q;
endmodule
`default_nettype wire
