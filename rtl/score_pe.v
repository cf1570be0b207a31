// SPDX-License-Identifier: Apache-2.0
//@if signed
//@let sum_w = max(score_acc_w, 2 * operand_w) + 1
//@endif
/// One PE of the low-bit score array: passes its operands right and down and sums their products.
/// It holds no scale and no exp unit; those stand at the end of the row.
/// Operand to sum: two cycles. state: 0 idle, 1 clear, 2 calc, 3 move.
//@if signed
/// Signed operands; the sum saturates.
//@else
/// Unsigned operands; the sum wraps, as published.
//@endif
`default_nettype none
module @{prefix}_score_pe (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{operand_w-1}:0] t_i,    // operand from above
    input  logic [@{operand_w-1}:0] l_i,    // operand from the left
    input  logic [@{score_acc_w-1}:0] s_i,  // sum of the left neighbour
    input  logic [1:0] state_i,
//@if signed
    output logic sat_o,                     // s is clipped at this edge
//@endif
    output logic [@{operand_w-1}:0] b_o,    // operand to below
    output logic [@{operand_w-1}:0] r_o,    // operand to the right
    output logic [@{score_acc_w-1}:0] sum_o
);
  logic [@{operand_w-1}:0] v_q, h_q;
  logic [@{score_acc_w-1}:0] s_q, s_d;
//@if signed

  logic [@{sum_w-1}:0] v, h, next;
  logic too_big;
  assign v = @sext{v_q, operand_w, sum_w};
  assign h = @sext{h_q, operand_w, sum_w};
  assign next = @sext{s_q, score_acc_w, sum_w} + v * h;
  // fits when all bits from the next sum's sign downwards to s's sign agree
  assign too_big = next[@{sum_w-1}:@{score_acc_w-1}] != {@{sum_w-score_acc_w+1}{next[@{sum_w-1}]}};
  assign s_d = too_big ? {next[@{sum_w-1}], {@{score_acc_w-1}{~next[@{sum_w-1}]}}} : next[@{score_acc_w-1}:0];
  assign sat_o = too_big && state_i == 2'd2;
//@else

  assign s_d = s_q + @zext{v_q, operand_w, score_acc_w} * @zext{h_q, operand_w, score_acc_w};
//@endif

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      v_q <= '0;
      h_q <= '0;
      s_q <= '0;
    end else begin
      case (state_i)
        2'd1: begin
          v_q <= '0;
          h_q <= '0;
          s_q <= '0;
        end
        2'd2: begin
          v_q <= t_i;
          h_q <= l_i;
          s_q <= s_d;
        end
        2'd3: s_q <= s_i;
        default: s_q <= s_q;
      endcase
    end
  end
  assign b_o = v_q;
  assign r_o = h_q;
  assign sum_o = s_q;
endmodule
`default_nettype wire
