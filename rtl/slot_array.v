// SPDX-License-Identifier: Apache-2.0
/// The array under travelling control: @{rows} rows of @{pes} slots over @{columns} columns.
/// It sequences nothing: skewed operands and tags enter at row 0 and travel; configurations come over one bus.
/// Row i is fed i cycles after row 0; outputs are combinational from registers.
`default_nettype none
module @{prefix}_slot_array (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{rows*left_w-1}:0] left_i,
    input  logic [@{columns*top_w-1}:0] top_i,
    input  logic [3:0] tag_i,
    input  logic load_i,
    input  logic [@{row_w-1}:0] load_row_i,
    input  logic [@{pes*2-1}:0] mode_i,
    input  logic [@{pes*col_w-1}:0] col_i,
    output logic [@{rows*out_w-1}:0] out_o,
    output logic [@{rows*2-1}:0] out_op_o,
    output logic [@{rows*row_sum_w-1}:0] sum_o,
    output logic clash_o  // some row has wanted its exp unit twice at once
);
  logic [@{rows-1}:0] clash;
  assign clash_o = |clash;

  for (genvar i = 0; i < @{rows}; i++) begin : g_row
    logic [@{columns*top_w-1}:0] top, bot;
    logic [3:0] tag, tag_down;
    if (i == 0) begin : g_first
      assign top = top_i;
      assign tag = tag_i;
    end else begin : g_next
      assign top = g_row[i-1].bot;
      assign tag = g_row[i-1].tag_down;
    end

    @{prefix}_slot_row u_row (
        .clk_i,
        .rst_ni,
        .left_i(left_i[i*@{left_w}+:@{left_w}]),
        .top_i(top),
        .tag_i(tag),
        .load_i(load_i && load_row_i == @{row_w}'(i)),
        .mode_i,
        .col_i,
        .bot_o(bot),
        .tag_down_o(tag_down),
        .out_o(out_o[i*@{out_w}+:@{out_w}]),
        .out_op_o(out_op_o[i*2+:2]),
        .sum_o(sum_o[i*@{row_sum_w}+:@{row_sum_w}]),
        .clash_o(clash[i])
    );
  end
  // What the last row shows below has no reader.
  logic unused;
  assign unused = ^{g_row[@{rows-1}].bot, g_row[@{rows-1}].tag_down};
endmodule
`default_nettype wire
