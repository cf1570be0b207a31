// SPDX-License-Identifier: Apache-2.0
//@let waddr_w = 2 + col_w + beat_w
//@let lanes_w = clog2(bus_w / 16)
//@let word_w = row_beats * bus_w
//@let elements = word_w / 16
//@let bit_w = clog2(word_w)
//@let row_at_w = 2 + at_w
//@let col_at_w = 3 + at_w
//@let tile_words = 4 * row_beats
//@let tile_at_w = clog2(tile_words)
//@let bias_at_w = clog2(rows * bias_w)
//@let lane_bit_w = clog2(bus_w)
/// Keys and values of two tiles and the operands of the rows; feeds them to the array with their skew.
/// It keeps no order: when a word goes, a row loads and a beat of K or V is written comes from outside.
/// A word on valid_i shows at row i after 1 + i cycles, on top of column j after 1 + j, its tag after 1.
`default_nettype none
module @{prefix}_feeder (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic we_i,
    input  logic [@{waddr_w-1}:0] waddr_i,  // buffer, is_v, column, beat
    input  logic [@{bus_w-1}:0] wdata_i,
    input  logic load_i,
    input  logic [@{row_w-1}:0] load_row_i,
    input  logic [@{word_w-1}:0] q_i,
    input  logic [@{bias_w-1}:0] bias_i,
    input  logic valid_i,
    input  logic [2:0] op_i,  // 0 none, 1 load, 2 mac, 3 exp, 4 fwd, 5 fwd_last
    input  logic par_i,
    input  logic is_v_i,
    input  logic [@{at_w-1}:0] at_i,
    input  logic buffer_i,
    output logic [@{rows*left_w-1}:0] left_o,
    output logic [@{columns*top_w-1}:0] top_o,
    output logic [3:0] tag_o
);
  // ---- which word each row and each column shows ----
  logic [@{rows*row_at_w-1}:0] row_at_q;  // of a row: q, bias, at
  logic [@{columns*col_at_w-1}:0] col_at_q;  // of a column: valid, buffer, is_v, at
  logic [3:0] tag_q;
  logic q, bias, kv;
  assign q = valid_i && (op_i == 3'd1 || op_i == 3'd2);
  assign bias = valid_i && op_i == 3'd3;
  assign kv = q || (valid_i && (op_i == 3'd4 || op_i == 3'd5));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      row_at_q <= '0;
      col_at_q <= '0;
      tag_q <= '0;
    end else begin
//@if rows == 1
      row_at_q <= {q, bias, at_i};
//@else
      row_at_q <= {row_at_q[@{(rows-1)*row_at_w-1}:0], q, bias, at_i};
//@endif
      col_at_q <= {col_at_q[@{(columns-1)*col_at_w-1}:0], kv, buffer_i, is_v_i, at_i};
      tag_q <= valid_i ? {par_i, op_i} : '0;
    end
  end
  assign tag_o = tag_q;

  // ---- rows: a query and a bias each ----
  logic [@{word_w-1}:0] file_q [@{rows}];
  logic [@{rows*bias_w-1}:0] bias_q;
  logic row_exists;
  assign row_exists = {1'b0, load_row_i} < @{row_w+1}'d@{rows};

  always_ff @(posedge clk_i) begin
    if (load_i && row_exists) file_q[load_row_i] <= q_i;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) bias_q <= '0;
    else if (load_i && row_exists) bias_q[@{bias_at_w}'(load_row_i)*@{bias_at_w}'d@{bias_w}+:@{bias_w}] <= bias_i;
  end

  for (genvar i = 0; i < @{rows}; i++) begin : g_row
    logic [@{at_w-1}:0] at;
    logic [@{q_w-1}:0] element;
    logic [@{bias_w-1}:0] row_bias;
    assign at = row_at_q[i*@{row_at_w}+:@{at_w}];
//@if (1 << at_w) > elements
    assign element = at < @{at_w}'d@{elements} ? file_q[i][@{bit_w}'(at)*@{bit_w}'d16+:@{q_w}] : '0;
//@else
    assign element = file_q[i][@{bit_w}'(at)*@{bit_w}'d16+:@{q_w}];
//@endif
    assign row_bias = bias_q[i*@{bias_w}+:@{bias_w}];
    assign left_o[i*@{left_w}+:@{left_w}] =
        row_at_q[i*@{row_at_w}+@{at_w+1}] ? @sext{element, q_w, left_w} :
        row_at_q[i*@{row_at_w}+@{at_w}] ? @sext{row_bias, bias_w, left_w} : '0;
  end

  // ---- columns: two tiles each, K and V ----
  logic [@{col_w-1}:0] column;
  logic [@{beat_w-1}:0] beat;
  logic [@{tile_at_w-1}:0] write_at;
  logic beat_exists;
  assign beat = waddr_i[@{beat_w-1}:0];
  assign column = waddr_i[@{beat_w}+:@{col_w}];
  assign beat_exists = {1'b0, beat} < @{beat_w+1}'d@{row_beats};
  assign write_at = @{tile_at_w}'(waddr_i[@{waddr_w-1}:@{waddr_w-2}]) * @{tile_at_w}'d@{row_beats} + @{tile_at_w}'(beat);

  for (genvar j = 0; j < @{columns}; j++) begin : g_col
    logic [@{bus_w-1}:0] tile_q [@{tile_words}];  // buffer, is_v, beat
    logic [@{col_at_w-1}:0] word;
    logic [@{at_w-1}:0] at;
    logic [@{tile_at_w-1}:0] read_at;
    logic [15:0] element;
    logic [@{k_w-1}:0] k;
    logic [@{v_w-1}:0] v;

    always_ff @(posedge clk_i) begin
      if (we_i && beat_exists && column == @{col_w}'(j)) tile_q[write_at] <= wdata_i;
    end

    assign word = col_at_q[j*@{col_at_w}+:@{col_at_w}];
    assign at = word[@{at_w-1}:0];
//@if lanes_w < at_w
    assign read_at = @{tile_at_w}'(word[@{at_w+1}:@{at_w}]) * @{tile_at_w}'d@{row_beats} + @{tile_at_w}'(at[@{at_w-1}:@{lanes_w}]);
    assign element = tile_q[read_at][@{lane_bit_w}'(at[@{lanes_w-1}:0])*@{lane_bit_w}'d16+:16];
//@else
    assign read_at = @{tile_at_w}'(word[@{at_w+1}:@{at_w}]) * @{tile_at_w}'d@{row_beats};
    assign element = tile_q[read_at][@{lane_bit_w}'(at)*@{lane_bit_w}'d16+:16];
//@endif
    assign k = element[@{k_w-1}:0];
    assign v = element[@{v_w-1}:0];
//@if (1 << at_w) > elements
    assign top_o[j*@{top_w}+:@{top_w}] = !word[@{at_w+2}] || at >= @{at_w}'d@{elements} ? '0 :
//@else
    assign top_o[j*@{top_w}+:@{top_w}] = !word[@{at_w+2}] ? '0 :
//@endif
        word[@{at_w}] ? @sext{v, v_w, top_w} : @sext{k, k_w, top_w};
//@if k_w < 16 && v_w < 16
    // An element is wider than its operand.
    logic unused;
    assign unused = ^element[15:@{max(k_w, v_w)}];
//@endif
  end
endmodule
`default_nettype wire
