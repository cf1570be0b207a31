// SPDX-License-Identifier: Apache-2.0
//@let word_w = row_beats * bus_w
//@let queries = 2 * group_rows
//@let words = queries * mask_beats
//@let word_at_w = clog2(words)
//@let lanes_w = clog2(mask_lanes)
//@let bit_w = clog2(word_w)
//@let lane_bit_w = clog2(bus_w)
//@let some_w = mask_lanes * rows
//@let some_words = 2 * strips * mask_beats
//@let some_at_w = clog2(some_words)
//@let some_bit_w = clog2(some_w)
//@let wide_tiles = tile_w > lanes_w && mask_lanes > 1
/// Queries, masks and biases of the queries at hand.
/// It does not know which of them are valid, nor who may write when; the memories have no reset.
/// Writes show in the next cycle; reads follow their addresses.
`default_nettype none
module @{prefix}_buffer (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic q_we_i,  // a beat of a query
    input  logic [@{index_w-1}:0] q_index_i,
    input  logic [@{beat_w-1}:0] q_beat_i,
    input  logic [@{bus_w-1}:0] q_data_i,
    input  logic m_we_i,  // a whole beat of a mask
    input  logic [@{index_w-1}:0] m_index_i,
    input  logic [@{beat_w-1}:0] m_beat_i,
    input  logic [@{bus_w-1}:0] m_data_i,
    input  logic p_we_i,  // one tile's lane of a beat
    input  logic [@{index_w-1}:0] p_index_i,
    input  logic [@{tile_w-1}:0] p_tile_i,
    input  logic [@{columns-1}:0] p_word_i,
    input  logic b_we_i,
    input  logic [@{index_w-1}:0] b_index_i,
    input  logic [@{bias_w-1}:0] b_bias_i,
    input  logic [@{index_w-1}:0] walk_index_i,
    input  logic [@{index_w-1}:0] dot_index_i,
    input  logic [@{beat_w-1}:0] dot_beat_i,
    input  logic [@{index_w-1}:0] mask_index_i,
    input  logic [@{tile_w-1}:0] mask_tile_i,
    input  logic [@{strip_w-1}:0] some_strip_i,
    input  logic [@{tile_w-1}:0] some_tile_i,
    output logic [@{word_w-1}:0] walk_q_o,
    output logic [@{bias_w-1}:0] walk_bias_o,
    output logic [@{bus_w-1}:0] dot_q_o,
    output logic [@{columns-1}:0] mask_o,
    output logic [@{rows-1}:0] some_o  // rows whose word keeps a column
);
  logic [@{word_w-1}:0] query_q [@{queries}];
  logic [@{bus_w-1}:0] mask_q [@{words}];  // index, beat
  logic [@{some_w-1}:0] some_q [@{some_words}];  // strip, beat; lane by lane a strip's rows
  logic [@{bias_w-1}:0] bias_q [@{queries}];

  // ---- what exists ----
  logic q_exists, m_exists, p_exists, b_exists, walk_exists, dot_exists, mask_exists, some_exists;
  assign q_exists = {1'b0, q_index_i} < @{index_w+1}'d@{queries} && {1'b0, q_beat_i} < @{beat_w+1}'d@{row_beats};
  assign m_exists = {1'b0, m_index_i} < @{index_w+1}'d@{queries} && {1'b0, m_beat_i} < @{beat_w+1}'d@{mask_beats};
  assign p_exists = {1'b0, p_index_i} < @{index_w+1}'d@{queries} && {1'b0, p_tile_i} < @{tile_w+1}'d@{tiles_max};
  assign b_exists = {1'b0, b_index_i} < @{index_w+1}'d@{queries};
  assign walk_exists = {1'b0, walk_index_i} < @{index_w+1}'d@{queries};
  assign dot_exists = {1'b0, dot_index_i} < @{index_w+1}'d@{queries} && {1'b0, dot_beat_i} < @{beat_w+1}'d@{row_beats};
  assign mask_exists = {1'b0, mask_index_i} < @{index_w+1}'d@{queries} && {1'b0, mask_tile_i} < @{tile_w+1}'d@{tiles_max};

  assign some_exists = {1'b0, some_strip_i} < @{strip_w+1}'d@{2*strips} && {1'b0, some_tile_i} < @{tile_w+1}'d@{tiles_max};

  // ---- a tile's lane ----
  logic [@{word_at_w-1}:0] m_at, p_at, read_at;
  logic [@{lane_bit_w-1}:0] p_bit, read_bit;
  assign m_at = @{word_at_w}'(m_index_i) * @{word_at_w}'d@{mask_beats} + @{word_at_w}'(m_beat_i);
//@if wide_tiles
  assign p_at = @{word_at_w}'(p_index_i) * @{word_at_w}'d@{mask_beats} + @{word_at_w}'(p_tile_i[@{tile_w-1}:@{lanes_w}]);
  assign read_at = @{word_at_w}'(mask_index_i) * @{word_at_w}'d@{mask_beats} + @{word_at_w}'(mask_tile_i[@{tile_w-1}:@{lanes_w}]);
  assign p_bit = @{lane_bit_w}'(p_tile_i[@{lanes_w-1}:0]) * @{lane_bit_w}'d@{mask_lane_w};
  assign read_bit = @{lane_bit_w}'(mask_tile_i[@{lanes_w-1}:0]) * @{lane_bit_w}'d@{mask_lane_w};
//@else
//@if mask_lanes > 1
  assign p_at = @{word_at_w}'(p_index_i);  // all tiles in one beat
  assign read_at = @{word_at_w}'(mask_index_i);
  assign p_bit = @{lane_bit_w}'(p_tile_i) * @{lane_bit_w}'d@{mask_lane_w};
  assign read_bit = @{lane_bit_w}'(mask_tile_i) * @{lane_bit_w}'d@{mask_lane_w};
//@else
  assign p_at = @{word_at_w}'(p_index_i) * @{word_at_w}'d@{mask_beats} + @{word_at_w}'(p_tile_i);  // a beat each
  assign read_at = @{word_at_w}'(mask_index_i) * @{word_at_w}'d@{mask_beats} + @{word_at_w}'(mask_tile_i);
  assign p_bit = '0;
  assign read_bit = '0;
//@endif
//@endif

  // ---- where a query's bit lies: its strip and its row there ----
  logic [@{some_at_w-1}:0] m_some_at, p_some_at, some_at;
  logic [@{some_bit_w-1}:0] m_some_bit, p_some_bit, some_bit;
  logic [@{strip_w-1}:0] m_strip, p_strip;
  logic [@{row_w-1}:0] m_row, p_row;
  always @* begin
    m_strip = '0;
    p_strip = '0;
    for (int s = 1; s < @{2*strips}; s++) begin
      if ({1'b0, m_index_i} >= @{index_w+1}'(s * @{rows})) m_strip = @{strip_w}'(s);
      if ({1'b0, p_index_i} >= @{index_w+1}'(s * @{rows})) p_strip = @{strip_w}'(s);
    end
  end
  assign m_row = @{row_w}'(m_index_i - @{index_w}'(m_strip) * @{index_w}'d@{rows});
  assign p_row = @{row_w}'(p_index_i - @{index_w}'(p_strip) * @{index_w}'d@{rows});
  assign m_some_at = @{some_at_w}'(m_strip) * @{some_at_w}'d@{mask_beats} + @{some_at_w}'(m_beat_i);
  assign m_some_bit = @{some_bit_w}'(m_row);
//@if wide_tiles
  assign p_some_at = @{some_at_w}'(p_strip) * @{some_at_w}'d@{mask_beats} + @{some_at_w}'(p_tile_i[@{tile_w-1}:@{lanes_w}]);
  assign some_at = @{some_at_w}'(some_strip_i) * @{some_at_w}'d@{mask_beats} + @{some_at_w}'(some_tile_i[@{tile_w-1}:@{lanes_w}]);
  assign p_some_bit = @{some_bit_w}'(p_tile_i[@{lanes_w-1}:0]) * @{some_bit_w}'d@{rows} + @{some_bit_w}'(p_row);
  assign some_bit = @{some_bit_w}'(some_tile_i[@{lanes_w-1}:0]) * @{some_bit_w}'d@{rows};
//@else
//@if mask_lanes > 1
  assign p_some_at = @{some_at_w}'(p_strip);
  assign some_at = @{some_at_w}'(some_strip_i);
  assign p_some_bit = @{some_bit_w}'(p_tile_i) * @{some_bit_w}'d@{rows} + @{some_bit_w}'(p_row);
  assign some_bit = @{some_bit_w}'(some_tile_i) * @{some_bit_w}'d@{rows};
//@else
  assign p_some_at = @{some_at_w}'(p_strip) * @{some_at_w}'d@{mask_beats} + @{some_at_w}'(p_tile_i);
  assign some_at = @{some_at_w}'(some_strip_i) * @{some_at_w}'d@{mask_beats} + @{some_at_w}'(some_tile_i);
  assign p_some_bit = @{some_bit_w}'(p_row);
  assign some_bit = '0;
//@endif
//@endif

  // ---- writes ----
  always_ff @(posedge clk_i) begin
//@if row_beats > 1
    if (q_we_i && q_exists) query_q[q_index_i][@{bit_w}'(q_beat_i)*@{bit_w}'d@{bus_w}+:@{bus_w}] <= q_data_i;
//@else
    if (q_we_i && q_exists) query_q[q_index_i] <= q_data_i;
//@endif
  end
  always_ff @(posedge clk_i) begin
    if (m_we_i && m_exists) mask_q[m_at] <= m_data_i;
    if (p_we_i && p_exists) mask_q[p_at][p_bit+:@{mask_lane_w}] <= @zext{p_word_i, columns, mask_lane_w};
  end
  always_ff @(posedge clk_i) begin
    if (m_we_i && m_exists) begin
      for (int l = 0; l < @{mask_lanes}; l++)
        some_q[m_some_at][@{some_bit_w}'(l*@{rows})+m_some_bit] <= m_data_i[l*@{mask_lane_w}+:@{columns}] != '0;
    end
    if (p_we_i && p_exists) some_q[p_some_at][p_some_bit] <= p_word_i != '0;
  end
  always_ff @(posedge clk_i) begin
    if (b_we_i && b_exists) bias_q[b_index_i] <= b_bias_i;
  end

  // ---- reads ----
  assign walk_q_o = walk_exists ? query_q[walk_index_i] : '0;
  assign walk_bias_o = walk_exists ? bias_q[walk_index_i] : '0;
//@if row_beats > 1
  assign dot_q_o = dot_exists ? query_q[dot_index_i][@{bit_w}'(dot_beat_i)*@{bit_w}'d@{bus_w}+:@{bus_w}] : '0;
//@else
  assign dot_q_o = dot_exists ? query_q[dot_index_i] : '0;
//@endif
  assign mask_o = mask_exists ? mask_q[read_at][read_bit+:@{columns}] : '0;
  assign some_o = some_exists ? some_q[some_at][some_bit+:@{rows}] : '0;

  // Memories have no reset.
  logic unused;
  assign unused = rst_ni;
endmodule
`default_nettype wire
