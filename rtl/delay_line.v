// SPDX-License-Identifier: Apache-2.0
//@let most = columns - pes
//@let wp_w = clog2(depth)
//@let at_w = clog2(2 * depth)
/// The delay lines of a row's @{pes} PEs: one memory of @{depth} words, a word = all their accumulators.
/// It does not enable itself: shift_i and clear_i come from whoever knows the dataflow.
/// Tap of age c4: combinational, c4 = 0 is the accumulator itself; a stored word is visible in the next cycle.
`default_nettype none
module @{prefix}_delay_line (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{pes*acc_w-1}:0] acc_i,
    input  logic [@{pes*c4_w-1}:0] c4_i,  // shifts ago; above @{most}: tap is 0
    input  logic shift_i,
    input  logic clear_i,                 // all words to 0; before shift_i
    output logic [@{pes*acc_w-1}:0] tap_o
);
  // The pointer moves down instead of the words up: age a is at (wp + a) mod @{depth}.
  logic [@{pes*acc_w-1}:0] line_q [@{depth}];
  logic [@{wp_w-1}:0] wp_q;

//@if most != 0
  logic [@{at_w-1}:0] room;  // ages before the memory's end
  assign room = @{at_w}'d@{depth} - @{at_w}'(wp_q);
//@endif
  for (genvar k = 0; k < @{pes}; k++) begin : g_tap
    logic [@{c4_w-1}:0] age;
    assign age = c4_i[k*@{c4_w}+:@{c4_w}];
//@if most != 0
    logic [@{wp_w-1}:0] at;
    assign at = @{at_w}'(age) >= room ? @{wp_w}'(@{at_w}'(age) - room) : @{wp_w}'(age) + wp_q;
    assign tap_o[k*@{acc_w}+:@{acc_w}] =
        age == '0 ? acc_i[k*@{acc_w}+:@{acc_w}] :
//@if (1 << c4_w) - 1 != most
        age > @{c4_w}'d@{most} ? '0 :
//@endif
        line_q[at][k*@{acc_w}+:@{acc_w}];
//@else
    assign tap_o[k*@{acc_w}+:@{acc_w}] = age == '0 ? acc_i[k*@{acc_w}+:@{acc_w}] : '0;
//@endif
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wp_q <= '0;
      for (int w = 0; w < @{depth}; w++) line_q[w] <= '0;
    end else if (clear_i) begin
      for (int w = 0; w < @{depth}; w++) line_q[w] <= '0;
    end else if (shift_i) begin
      line_q[wp_q] <= acc_i;
      wp_q <= wp_q == '0 ? @{wp_w}'d@{depth-1} : wp_q - @{wp_w}'d1;
    end
  end
//@if most == 0

  // With as many PEs as columns neighbours never lie apart: the stored word is never looked at.
  logic unused;
  assign unused = ^line_q[0];
//@endif
endmodule
`default_nettype wire
