// SPDX-License-Identifier: Apache-2.0
/// The low-bit score array that predicts attention: @{score_rows} rows of @{score_columns} PEs.
/// Left operands enter column 0 and move right, top operands enter row 0 and move down, one PE a cycle.
//@if signed
/// It holds neither the strip's scaled scores nor the threshold. Operand to sum: two cycles in the first PE.
//@else
/// It holds no maximum and no threshold. Operand to sum: two cycles in the first PE.
//@endif
`default_nettype none
module @{prefix}_score_array (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{score_rows*operand_w-1}:0] left_i,
    input  logic [@{score_columns*operand_w-1}:0] top_i,
    input  logic [1:0] pe_state_i,
    input  logic [1:0] row_state_i,
//@if signed
    input  logic [@{score_rows*scale_w-1}:0] row_scale_i,
    input  logic [@{scale_w-1}:0] col_scale_i,  // one: all rows drain the same column
    input  logic [@{score_rows-1}:0] allowed_i,
    input  logic [@{score_rows*scaled_w-1}:0] strip_i,
    input  logic [@{score_rows-1}:0] strip_allowed_i,
    output logic [@{score_rows*scaled_w-1}:0] scaled_o,
    output logic [@{score_rows*scaled_w-1}:0] max_o,
    output logic [@{score_rows*bias_w-1}:0] bias_o,
    output logic [@{score_rows*32-1}:0] sat_acc_o,
    output logic [@{score_rows*32-1}:0] sat_scaled_o,
    output logic [@{score_rows*32-1}:0] sat_exp_o,
    output logic [@{score_rows*32-1}:0] sat_sum_o,
//@endif
    output logic [@{score_rows*score_exp_w-1}:0] score_o,
    output logic [@{score_rows*score_sum_w-1}:0] sum_o
);
  logic [@{(score_rows+1)*score_columns*operand_w-1}:0] v;  // top operands of each row, and below the last
  logic unused_v;

  assign v[@{score_columns*operand_w-1}:0] = top_i;
  assign unused_v = |v[@{score_rows*score_columns*operand_w}+:@{score_columns*operand_w}];
  for (genvar i = 0; i < @{score_rows}; i++) begin : g_row
    @{prefix}_score_row u_row (
        .clk_i(clk_i),
        .rst_ni(rst_ni),
        .left_i(left_i[i*@{operand_w}+:@{operand_w}]),
        .top_i(v[i*@{score_columns*operand_w}+:@{score_columns*operand_w}]),
        .pe_state_i(pe_state_i),
        .row_state_i(row_state_i),
//@if signed
        .row_scale_i(row_scale_i[i*@{scale_w}+:@{scale_w}]),
        .col_scale_i(col_scale_i),
        .allowed_i(allowed_i[i]),
        .strip_i(strip_i[i*@{scaled_w}+:@{scaled_w}]),
        .strip_allowed_i(strip_allowed_i[i]),
        .scaled_o(scaled_o[i*@{scaled_w}+:@{scaled_w}]),
        .max_o(max_o[i*@{scaled_w}+:@{scaled_w}]),
        .bias_o(bias_o[i*@{bias_w}+:@{bias_w}]),
        .sat_acc_o(sat_acc_o[i*32+:32]),
        .sat_scaled_o(sat_scaled_o[i*32+:32]),
        .sat_exp_o(sat_exp_o[i*32+:32]),
        .sat_sum_o(sat_sum_o[i*32+:32]),
//@endif
        .bottom_o(v[(i+1)*@{score_columns*operand_w}+:@{score_columns*operand_w}]),
        .score_o(score_o[i*@{score_exp_w}+:@{score_exp_w}]),
        .sum_o(sum_o[i*@{score_sum_w}+:@{score_sum_w}])
    );
  end
endmodule
`default_nettype wire
