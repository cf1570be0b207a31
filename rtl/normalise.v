// SPDX-License-Identifier: Apache-2.0
//@let bits = output_w + 1
//@let stages = bits + 1
//@let rem_w = row_sum_w - 1
/// Divides @{lanes} accumulated outputs of a query row by its row sum, each cycle; a row sum of 0 or less gives 0.
/// It does not stall: whoever reads quot_o where done_o is 1 has to keep up.
/// Pipelined, one result set a cycle, @{stages+1} cycles after its operands.
`default_nettype none
module @{prefix}_normalise (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic valid_i,
    input  logic [@{lanes*output_sum_w-1}:0] num_i,
    input  logic [@{row_sum_w-1}:0] den_i,
    output logic done_o,
    output logic [@{lanes*output_w-1}:0] quot_o,
    output logic [31:0] zeros_o,  // rows with a row sum of 0 or less
    output logic [@{32*lanes-1}:0] sats_o  // clipped results of each lane
);
  logic [@{stages-1}:0] valid_q, empty_q;
  logic [@{bits*rem_w-1}:0] den_q;  // of every stage that still divides
  logic done_q;
  logic [31:0] zero_q;
  logic empty, zero;
  logic [@{rem_w-1}:0] den;

  assign empty = den_i[@{row_sum_w-1}] || den_i == '0;
  assign den = empty ? @{rem_w}'d1 : den_i[@{rem_w-1}:0];  // the lanes never divide by 0
  assign zero = valid_q[@{stages-1}] && empty_q[@{stages-1}];

  for (genvar i = 0; i < @{lanes}; i++) begin : g_lane
    @{prefix}_divide u_divide (
        .clk_i,
        .rst_ni,
        .num_i(num_i[i*@{output_sum_w}+:@{output_sum_w}]),
        .den_i(den),
        .dens_i(den_q),
        .empty_i(empty_q[@{stages-1}]),
        .count_i(valid_q[@{stages-1}] && !empty_q[@{stages-1}]),
        .quot_o(quot_o[i*@{output_w}+:@{output_w}]),
        .sats_o(sats_o[i*32+:32])
    );
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      empty_q <= '0;
      den_q <= {@{bits}{@{rem_w}'d1}};
      done_q <= 1'b0;
      zero_q <= '0;
    end else begin
      valid_q <= {valid_q[@{stages-2}:0], valid_i};
      empty_q <= {empty_q[@{stages-2}:0], empty};
      den_q <= {den_q[@{(bits-1)*rem_w-1}:0], den};
      done_q <= valid_q[@{stages-1}];
      if (zero && zero_q != '1) zero_q <= zero_q + 32'd1;
    end
  end
  assign done_o = done_q;
  assign zeros_o = zero_q;
endmodule
`default_nettype wire
