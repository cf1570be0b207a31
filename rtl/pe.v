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
//@let below = min(drop_sddmm, drop_spmm)
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
    output logic sat_o,                 // acc is clipped at this edge
//@endif
    output logic [@{acc_w-1}:0] acc_o,
    output logic [@{score_w-1}:0] score_o,
    output logic [@{acc_w-1}:0] x_o     // exponent
);
  logic [@{acc_w-1}:0] acc_q, acc_d;
  logic [@{score_w-1}:0] score_q;
  logic [@{full_w-1}:0] a, b, full;
  logic [@{prod_w-1}:0] prod_n;

  assign a = sel_i ? @sext{score_q, score_w, full_w} : @sext{a_i, q_w, full_w};
  assign b = @sext{b_i, top_w, full_w};
  assign full = a * b;
  // floor: dropping low bits of a two's complement product rounds down
//@if drop_sddmm == drop_spmm
  assign prod_n = full[@{drop_sddmm}+:@{prod_w}];
//@else
  assign prod_n = sel_i ? full[@{drop_spmm}+:@{prod_w}] : full[@{drop_sddmm}+:@{prod_w}];
//@endif
//@if signed

  logic [@{sum_w-1}:0] prod, self, left, base, sum;
  logic [@{acc_w-1}:0] clipped;
  logic too_big;
  assign prod = @sext{prod_n, prod_w, sum_w};
  assign self = @sext{acc_q, acc_w, sum_w};
  assign left = @sext{o_i, acc_w, sum_w};
  always_comb begin
    case (c3_i)
      3'd2: base = self;
      3'd3: base = left;
      default: base = '0;
    endcase
  end
  assign sum = base + prod;
  // fits when all bits from acc's sign upwards agree
  assign too_big = sum[@{sum_w-1}:@{acc_w-1}] != {@{sum_w-acc_w+1}{sum[@{sum_w-1}]}};
  assign sat_o = too_big && (c3_i == 3'd2 || c3_i == 3'd3 || c3_i == 3'd4);
  assign clipped = too_big ? {sum[@{sum_w-1}], {@{acc_w-1}{~sum[@{sum_w-1}]}}} : sum[@{acc_w-1}:0];
  always_comb begin
    case (c3_i)
      3'd0: acc_d = '0;
      3'd2, 3'd3, 3'd4: acc_d = clipped;
      default: acc_d = acc_q;
    endcase
  end

  logic [@{x_w-1}:0] x;
  assign x = @sext{acc_q, acc_w, x_w} - (@sext{bias_i, bias_w, x_w} << @{acc_frac-bias_frac});
  assign x_o = x[@{x_w-1}:@{acc_w-1}] != {@{x_w-acc_w+1}{x[@{x_w-1}]}} ? {x[@{x_w-1}], {@{acc_w-1}{~x[@{x_w-1}]}}} : x[@{acc_w-1}:0];
//@else

  always_comb begin
    case (c3_i)
      3'd0: acc_d = '0;
      3'd2: acc_d = acc_q + prod_n;
      3'd3: acc_d = o_i + prod_n;
      3'd4: acc_d = prod_n;
      default: acc_d = acc_q;
    endcase
  end
  assign x_o = acc_q;
//@endif

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      acc_q <= '0;
      score_q <= '0;
    end else begin
      acc_q <= acc_d;
      case (c5_i)
        2'd1: score_q <= y_i;
        2'd2: score_q <= s_i;
        2'd3: score_q <= '0;
        default: score_q <= score_q;
      endcase
    end
  end
  assign acc_o = acc_q;
  assign score_o = score_q;
//@if below != 0

  // what every floor drops
  logic unused;
  assign unused = ^full[@{below-1}:0];
//@endif
endmodule
`default_nettype wire
