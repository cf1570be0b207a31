// SPDX-License-Identifier: Apache-2.0
//@let row_at_w = 3 + at_w
//@let col_at_w = 2 + tile_w + at_w
//@let keys = keys_max * low_beats
//@let queries = 3 * rows * low_beats
//@let k_at_w = clog2(keys)
//@let q_at_w = clog2(queries)
//@let bit_w = clog2(bus_w)
//@let k_mul_w = clog2(keys + 1)
//@let pos_w = clog2(low_beats * bus_w)
//@let upper = keys_max / 2
//@let wide_w = clog2(tiles_max * columns + upper + 1)
//@let heads_w = clog2(3 * rows * 17)
/// Low-bit keys of one or two heads and low-bit queries of three strips, as records of @{low_beats} beats, and their skew.
/// It sequences nothing: words of a tile come from outside, drain and sweep words go elsewhere.
/// A word shows at row 0 and column 0 in the next cycle, a row or column further in each cycle after it; a beat
/// written is readable in the next cycle; key_head_o is combinational from head_key_i.
/// Keys are known by their places; with `upper` a head's first key lies in place @{upper}.
/// Record: 32-bit header (scale, bit 16 valid), then elements of @{low_w} bits, of which @{operand_w} count.
`default_nettype none
module @{prefix}_predict_feeder (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic k_we_i,
    input  logic [@{key_w-1}:0] k_key_i,
    input  logic [@{beat_w-1}:0] k_beat_i,
    input  logic [@{bus_w-1}:0] k_data_i,
    input  logic q_we_i,
    input  logic [1:0] q_file_i,
    input  logic [@{row_w-1}:0] q_row_i,
    input  logic [@{beat_w-1}:0] q_beat_i,
    input  logic [@{bus_w-1}:0] q_data_i,
    input  logic valid_i,
    input  logic first_i,
    input  logic [1:0] file_i,
    input  logic upper_i,
    input  logic [@{tile_w-1}:0] tile_i,
    input  logic [@{at_w-1}:0] at_i,
    input  logic [@{key_w-1}:0] head_key_i,
    output logic [@{rows*operand_w-1}:0] left_o,
    output logic [@{columns*operand_w-1}:0] top_o,
    output logic [1:0] tag_o,  // 0 none, 1 first, 2 more
    output logic [@{3*rows*17-1}:0] row_head_o,
    output logic [16:0] key_head_o
);
  logic [@{bus_w-1}:0] key_q [@{keys}];
  logic [@{bus_w-1}:0] query_q [@{queries}];
  logic [@{3*rows*17-1}:0] row_head_q;         // headers of query_q: all rows need theirs at once
  logic [@{rows*row_at_w-1}:0] row_at_q;       // {valid, file, at}
  logic [@{columns*col_at_w-1}:0] col_at_q;    // {valid, upper, tile, at}
  logic [1:0] tag_q;

  // ---- skew ----
  logic has_element, has_key;
//@if (1 << at_w) > head_max
  assign has_element = valid_i && at_i < @{at_w}'d@{head_max};
//@else
  assign has_element = valid_i;
//@endif
//@if (1 << tile_w) > tiles_max
  assign has_key = has_element && tile_i < @{tile_w}'d@{tiles_max};
//@else
  assign has_key = has_element;
//@endif

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      row_at_q <= '0;
      col_at_q <= '0;
      tag_q <= '0;
    end else begin
//@if rows > 1
      row_at_q <= {row_at_q[@{(rows-1)*row_at_w-1}:0], has_element, file_i, at_i};
//@else
      row_at_q <= {has_element, file_i, at_i};
//@endif
      col_at_q <= {col_at_q[@{(columns-1)*col_at_w-1}:0], has_key, upper_i, tile_i, at_i};
      tag_q <= {valid_i && !first_i, valid_i && first_i};
    end
  end
  assign tag_o = tag_q;

  // ---- operands: row i and column j read their own records only ----
  for (genvar i = 0; i < @{rows}; i++) begin : g_row
    logic valid;
    logic [1:0] file;
    logic [@{at_w-1}:0] at;
    logic [@{pos_w-1}:0] pos;  // first bit of the element in its record
    logic [@{q_at_w-1}:0] beat;
    assign {valid, file, at} = row_at_q[i*@{row_at_w}+:@{row_at_w}];
    assign pos = @{pos_w}'(at) * @{pos_w}'d@{low_w} + @{pos_w}'d32;
    logic [@{q_at_w-1}:0] record;
    assign record = file == 2'd0 ? @{q_at_w}'(i) : file == 2'd1 ? @{q_at_w}'(@{rows} + i) : @{q_at_w}'(@{2*rows} + i);
//@if low_beats > 1
    assign beat = record * @{q_at_w}'d@{low_beats} + @{q_at_w}'(pos[@{pos_w-1}:@{bit_w}]);
//@else
    assign beat = record;
//@endif
    assign left_o[i*@{operand_w}+:@{operand_w}] =
        valid && file != 2'd3 ? query_q[beat][pos[@{bit_w-1}:0]+:@{operand_w}] : '0;
  end
  for (genvar j = 0; j < @{columns}; j++) begin : g_column
    logic valid, upper;
    logic [@{tile_w-1}:0] tile;
    logic [@{at_w-1}:0] at;
    logic [@{pos_w-1}:0] pos;
    logic [@{wide_w-1}:0] key;
    logic [@{k_at_w-1}:0] beat;
    assign {valid, upper, tile, at} = col_at_q[j*@{col_at_w}+:@{col_at_w}];
    assign pos = @{pos_w}'(at) * @{pos_w}'d@{low_w} + @{pos_w}'d32;
    assign key = @{wide_w}'(tile) * @{wide_w}'d@{columns} + (upper ? @{wide_w}'(@{upper} + j) : @{wide_w}'(j));
//@if low_beats > 1
    assign beat = @{k_at_w}'(@{k_mul_w}'(key) * @{k_mul_w}'d@{low_beats}) + @{k_at_w}'(pos[@{pos_w-1}:@{bit_w}]);
//@else
    assign beat = @{k_at_w}'(key);
//@endif
    assign top_o[j*@{operand_w}+:@{operand_w}] =
        valid && key < @{wide_w}'d@{keys_max} ? key_q[beat][pos[@{bit_w-1}:0]+:@{operand_w}] : '0;
  end

  // ---- headers ----
  logic [@{k_at_w-1}:0] head_beat;
  logic [16:0] key_head;
  assign head_beat = @{k_at_w}'(@{k_mul_w}'(head_key_i) * @{k_mul_w}'d@{low_beats});
//@if scale_w == 16
  assign key_head = key_q[head_beat][16:0];
//@else
  assign key_head = {key_q[head_beat][16], @{16-scale_w}'d0, key_q[head_beat][@{scale_w-1}:0]};
//@endif
//@if (1 << key_w) > keys_max
  assign key_head_o = head_key_i < @{key_w}'d@{keys_max} ? key_head : '0;
//@else
  assign key_head_o = key_head;
//@endif
  assign row_head_o = row_head_q;

  // ---- writes; what lies beyond the records is not there ----
  logic k_write, q_write;
  assign k_write = k_we_i
//@if (1 << key_w) > keys_max
      && k_key_i < @{key_w}'d@{keys_max}
//@endif
//@if (1 << beat_w) > low_beats
      && k_beat_i < @{beat_w}'d@{low_beats}
//@endif
      ;
  assign q_write = q_we_i && q_file_i != 2'd3
//@if (1 << row_w) > rows
      && q_row_i < @{row_w}'d@{rows}
//@endif
//@if (1 << beat_w) > low_beats
      && q_beat_i < @{beat_w}'d@{low_beats}
//@endif
      ;
  always_ff @(posedge clk_i) begin
    if (k_write) key_q[@{k_at_w}'(@{k_mul_w}'(k_key_i) * @{k_mul_w}'d@{low_beats}) + @{k_at_w}'(k_beat_i)] <= k_data_i;
  end

  logic [@{q_at_w-1}:0] query;  // of all files
  assign query = (q_file_i == 2'd0 ? '0 : q_file_i == 2'd1 ? @{q_at_w}'d@{rows} : @{q_at_w}'d@{2*rows}) + @{q_at_w}'(q_row_i);
  always_ff @(posedge clk_i) begin
    if (q_write) query_q[query * @{q_at_w}'d@{low_beats} + @{q_at_w}'(q_beat_i)] <= q_data_i;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) row_head_q <= '0;
    else if (q_write && q_beat_i == '0) begin
//@if scale_w == 16
      row_head_q[@{heads_w}'(query)*@{heads_w}'d17+:17] <= q_data_i[16:0];
//@else
      row_head_q[@{heads_w}'(query)*@{heads_w}'d17+:17] <= {q_data_i[16], @{16-scale_w}'d0, q_data_i[@{scale_w-1}:0]};
//@endif
    end
  end
endmodule
`default_nettype wire
