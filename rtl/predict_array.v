// SPDX-License-Identifier: Apache-2.0
//@let limit_w = len_w + 1
//@let drain_w = 5 + col_w + key_w + limit_w + row_count_w + scale_w
//@let add_w = 4 + key_w
//@let keep_w = 6 + key_w + col_w + tile_w + strip_w
//@let head_w = 1 + scale_w
/// The low-bit array under travelling control: @{rows} rows of @{columns} PEs with what stands at their right ends.
/// Operands, tags, drain, sum and threshold words enter at row 0 and go down a row a cycle; all of it comes from outside.
/// A drain word must be here d + 1 + column cycles after word 0 of its tile was at the feeder. Threshold word of a tile's last
/// column to row i's mask word on the bus: i + 3 cycles. One row at most should drive the bus in a cycle.
`default_nettype none
module @{prefix}_predict_array (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{rows*operand_w-1}:0] left_i,
    input  logic [@{columns*operand_w-1}:0] top_i,
    input  logic [1:0] tag_i,
    input  logic [@{3*rows*17-1}:0] row_head_i,  // {valid, scale} of each file's queries
    input  logic [16:0] key_head_i,              // of the key being drained
    input  logic d_valid_i,
    input  logic d_first_i,
    input  logic [1:0] d_bank_i,
    input  logic [@{col_w-1}:0] d_col_i,
    input  logic [@{key_w-1}:0] d_key_i,
    input  logic [@{limit_w-1}:0] d_limit_i,     // signed: the last key that row 0 may see
    input  logic [@{row_count_w-1}:0] d_rows_i,  // rows in use
    input  logic s_valid_i,                      // a sum word
    input  logic s_first_i,
    input  logic [1:0] s_bank_i,
    input  logic [@{key_w-1}:0] s_key_i,
    input  logic t_valid_i,                      // a threshold word
    input  logic t_first_i,
    input  logic [1:0] t_bank_i,
    input  logic t_there_i,                      // the key exists
    input  logic [@{key_w-1}:0] t_key_i,
    input  logic [@{col_w-1}:0] t_col_i,
    input  logic t_last_i,
    input  logic [@{tile_w-1}:0] t_tile_i,
    input  logic [@{strip_w-1}:0] t_strip_i,
    input  logic [@{threshold_w-1}:0] threshold_i,
    input  logic [1:0] policy_i,
    output logic mask_valid_o,
    output logic [@{row_w-1}:0] mask_row_o,
    output logic [@{tile_w-1}:0] mask_tile_o,
    output logic [@{strip_w-1}:0] mask_strip_o,
    output logic [@{columns-1}:0] mask_word_o,
    output logic [@{3*rows*key_w-1}:0] arg_o,
    output logic [@{rows*32-1}:0] sat_acc_o,
    output logic [@{rows*32-1}:0] sat_scaled_o,
    output logic [@{rows*32-1}:0] sat_exp_o,
    output logic [@{rows*32-1}:0] sat_sum_o
);
  logic [@{drain_w-1}:0] drain;
  logic [@{add_w-1}:0] add;
  logic [@{keep_w-1}:0] keep;
  assign drain = {d_valid_i, d_first_i, d_bank_i, d_col_i, d_key_i, d_limit_i, d_rows_i, key_head_i[16], key_head_i[@{scale_w-1}:0]};
  assign add = {s_valid_i, s_first_i, s_bank_i, s_key_i};
  assign keep = {t_valid_i, t_first_i, t_bank_i, t_there_i, t_key_i, t_col_i, t_last_i, t_tile_i, t_strip_i};
//@if scale_w < 16

  // scales have @{scale_w} bits here
  logic unused_scale;
  assign unused_scale = |key_head_i[15:@{scale_w}];
//@endif

  logic [@{rows-1}:0] mask_valid;
  logic [@{rows*tile_w-1}:0] mask_tile;
  logic [@{rows*strip_w-1}:0] mask_strip;
  logic [@{rows*columns-1}:0] mask_word;

  for (genvar i = 0; i < @{rows}; i++) begin : g_row
    logic [@{columns*operand_w-1}:0] top, bottom;
    logic [1:0] tag, tag_down;
    logic [@{drain_w-1}:0] drain_in, drain_down;
    logic [@{add_w-1}:0] add_in, add_down;
    logic [@{keep_w-1}:0] keep_in, keep_down;
    logic [@{3*head_w-1}:0] head;
    if (i == 0) begin : g_first
      assign top = top_i;
      assign tag = tag_i;
      assign drain_in = drain;
      assign add_in = add;
      assign keep_in = keep;
    end else begin : g_next
      assign top = g_row[i-1].bottom;
      assign tag = g_row[i-1].tag_down;
      assign drain_in = g_row[i-1].drain_down;
      assign add_in = g_row[i-1].add_down;
      assign keep_in = g_row[i-1].keep_down;
    end
    assign head = {
      row_head_i[(@{2*rows}+i)*17+16],
      row_head_i[(@{2*rows}+i)*17+:@{scale_w}],
      row_head_i[(@{rows}+i)*17+16],
      row_head_i[(@{rows}+i)*17+:@{scale_w}],
      row_head_i[i*17+16],
      row_head_i[i*17+:@{scale_w}]
    };
//@if scale_w < 16
    logic unused_head;
    assign unused_head = |row_head_i[(@{2*rows}+i)*17+@{scale_w}+:@{16-scale_w}] || |row_head_i[(@{rows}+i)*17+@{scale_w}+:@{16-scale_w}] || |row_head_i[i*17+@{scale_w}+:@{16-scale_w}];
//@endif

    @{prefix}_predict_row u_row (
        .clk_i,
        .rst_ni,
        .left_i(left_i[i*@{operand_w}+:@{operand_w}]),
        .top_i(top),
        .tag_i(tag),
        .head_i(head),
        .drain_i(drain_in),
        .add_i(add_in),
        .keep_i(keep_in),
        .threshold_i,
        .policy_i,
        .bottom_o(bottom),
        .tag_down_o(tag_down),
        .drain_down_o(drain_down),
        .add_down_o(add_down),
        .keep_down_o(keep_down),
        .mask_valid_o(mask_valid[i]),
        .mask_tile_o(mask_tile[i*@{tile_w}+:@{tile_w}]),
        .mask_strip_o(mask_strip[i*@{strip_w}+:@{strip_w}]),
        .mask_word_o(mask_word[i*@{columns}+:@{columns}]),
        .arg_o({
          arg_o[(@{2*rows}+i)*@{key_w}+:@{key_w}], arg_o[(@{rows}+i)*@{key_w}+:@{key_w}], arg_o[i*@{key_w}+:@{key_w}]
        }),
        .sat_acc_o(sat_acc_o[i*32+:32]),
        .sat_scaled_o(sat_scaled_o[i*32+:32]),
        .sat_exp_o(sat_exp_o[i*32+:32]),
        .sat_sum_o(sat_sum_o[i*32+:32])
    );
  end
  // What the last row sends down has no reader.
  logic unused;
  assign unused = ^{g_row[@{rows-1}].bottom, g_row[@{rows-1}].tag_down, g_row[@{rows-1}].drain_down, g_row[@{rows-1}].add_down, g_row[@{rows-1}].keep_down};

  // ---- mask bus: a row that does not drive it gives 0 ----
  assign mask_valid_o = |mask_valid;
  always @* begin
    mask_row_o = '0;
    mask_tile_o = '0;
    mask_strip_o = '0;
    mask_word_o = '0;
    if (|mask_valid) begin
      for (int i = 0; i < @{rows}; i++) begin
        if (mask_valid[i]) begin
          mask_row_o = mask_row_o | @{row_w}'(i);
          mask_tile_o = mask_tile_o | mask_tile[i*@{tile_w}+:@{tile_w}];
          mask_strip_o = mask_strip_o | mask_strip[i*@{strip_w}+:@{strip_w}];
          mask_word_o = mask_word_o | mask_word[i*@{columns}+:@{columns}];
        end
      end
    end
  end
endmodule
`default_nettype wire
