// SPDX-License-Identifier: Apache-2.0
/// The array: @{rows} rows of @{pes} PEs over @{columns} columns under array control, SDDMM in place, SpMM to the right.
/// It sequences nothing: skewed operands and all control come from outside.
/// c3_i, c5_i and the clears act on every PE at once; row i is fed i cycles after row 0.
`default_nettype none
module @{prefix}_pe_array (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{rows*q_w-1}:0] left_i,
    input  logic [@{columns*top_w-1}:0] top_i,
    input  logic clear_i,
    input  logic [@{rows*pes*c1_w-1}:0] c1_i,
    input  logic [@{rows*pes*c2_w-1}:0] c2_i,
    input  logic [2:0] c3_i,
    input  logic [@{rows*pes*c4_w-1}:0] c4_i,
    input  logic [1:0] c5_i,
//@if signed
    input  logic [@{rows*bias_w-1}:0] bias_i,
    input  logic sum_clear_i,
    input  logic [@{rows*pes-1}:0] active_i,  // 0: c5 = 1 clears the score, which would enter the sum
//@endif
    output logic [@{rows*acc_w-1}:0] out_o,
    output logic [@{rows*row_sum_w-1}:0] sum_o
);
  logic shift, line_clear;
  assign shift = c3_i == 3'd3;
  assign line_clear = c3_i == 3'd0;

  logic [@{pes*3-1}:0] c3;  // one copy for all rows
  always_comb begin
    for (int k = 0; k < @{pes}; k++) c3[k*3+:3] = c3_i;
  end

  for (genvar i = 0; i < @{rows}; i++) begin : g_row
    logic [@{columns*top_w-1}:0] top, bot;
    logic [@{pes*2-1}:0] c5;
    if (i == 0) begin : g_first
      assign top = top_i;
    end else begin : g_next
      assign top = g_row[i-1].bot;
    end
//@if signed
    always_comb begin
      c5 = {@{pes}{c5_i}};
      if (c5_i == 2'd1) begin
        for (int k = 0; k < @{pes}; k++) if (!active_i[i*@{pes}+k]) c5[k*2+:2] = 2'd3;
      end
    end
//@else
    assign c5 = {@{pes}{c5_i}};
//@endif

    @{prefix}_pe_row u_row (
        .clk_i,
        .rst_ni,
        .left_i(left_i[i*@{q_w}+:@{q_w}]),
        .top_i(top),
        .clear_i,
        .c1_i(c1_i[i*@{pes*c1_w}+:@{pes*c1_w}]),
        .c2_i(c2_i[i*@{pes*c2_w}+:@{pes*c2_w}]),
        .c3_i(c3),
        .c4_i(c4_i[i*@{pes*c4_w}+:@{pes*c4_w}]),
        .c5_i(c5),
        .shift_i(shift),
        .line_clear_i(line_clear),
//@if signed
        .bias_i(bias_i[i*@{bias_w}+:@{bias_w}]),
        .sum_clear_i,
//@endif
        .bot_o(bot),
        .out_o(out_o[i*@{acc_w}+:@{acc_w}]),
        .sum_o(sum_o[i*@{row_sum_w}+:@{row_sum_w}])
    );
  end
  // What the last row shows below has no reader.
  logic unused;
  assign unused = ^g_row[@{rows-1}].bot;
endmodule
`default_nettype wire
