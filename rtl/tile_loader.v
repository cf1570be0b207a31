// SPDX-License-Identifier: Apache-2.0
//@let base_w = clog2((1 << len_w) + columns)
//@let end_w = max(max(len_w, group_count_w) + 1, base_w) + 1
//@let row_beat_w = clog2(row_beats)
//@let row_beats_w = clog2(row_beats + 1)
//@let due_w = clog2(2 * columns * row_beats + 1)
//@let waddr_w = 2 + col_w + beat_w
//@let tag_col_w = min(col_w, tag_w - 2 - beat_w)
//@let place_w = 2 + tag_col_w + beat_w
/// Reads K, then V, of the next key tile into the feeder's free buffer, one beat a cycle.
/// It keeps no data: answers pass through to the feeder, placed by their tag. A buffer is taken from the first read of
/// its tile until tile_free_i; tile_loaded_o says that all answers are here. Reads are registered.
`default_nettype none
module @{prefix}_tile_loader (
    input  logic clk_i,
    input  logic rst_ni,
    // the two resident groups
    input  logic [@{2*group_count_w-1}:0] g_rows_i,
    input  logic [@{2*len_w-1}:0] g_first_i,
    input  logic [@{2*len_w-1}:0] g_keys_i,
    input  logic [@{2*row_beats_w-1}:0] g_beats_i,
    input  logic [1:0] g_causal_i,
    input  logic [@{2*addr_w-1}:0] g_k_i,
    input  logic [@{2*addr_w-1}:0] g_v_i,
    input  logic [1:0] begun_groups_i,  // groups whose tiles may be read
    input  logic [1:0] tile_free_i,  // a cycle: the buffer's tile is used up
    // memory
    output logic rd_valid_o,
    output logic [@{addr_w-1}:0] rd_addr_o,
    output logic [@{tag_w-1}:0] rd_tag_o,
    input  logic rd_ready_i,
    input  logic got_i,
    input  logic [@{tag_w-1}:0] got_tag_i,
    input  logic [@{bus_w-1}:0] got_data_i,
    // feeder
    output logic we_o,
    output logic [@{waddr_w-1}:0] waddr_o,  // buffer, is_v, column, beat
    output logic [@{bus_w-1}:0] wdata_o,
    output logic [1:0] tile_loaded_o
);
  // ---- what is read next ----
  logic [1:0] group_q;
  logic buffer_q, is_v_q;
  logic [@{base_w-1}:0] base_q;  // the tile's first key
  logic [@{addr_w-1}:0] start_q, offset_q;  // of the tile and of the beat, in K and in V alike
  logic [@{col_w-1}:0] column_q;
  logic [@{row_beat_w-1}:0] beat_q;
  logic rd_valid_q;
  logic [@{addr_w-1}:0] rd_addr_q;
  logic [@{tag_w-1}:0] rd_tag_q;
  logic [1:0] taken_q, asked_q;
  logic [@{2*due_w-1}:0] due_q;

  logic half;
  logic [@{group_count_w-1}:0] g_rows;
  logic [@{len_w-1}:0] g_first, g_keys;
  logic [@{row_beats_w-1}:0] g_beats;
  logic [@{addr_w-1}:0] origin;
  assign half = group_q[0];
  assign g_rows = half ? g_rows_i[@{group_count_w}+:@{group_count_w}] : g_rows_i[0+:@{group_count_w}];
  assign g_first = half ? g_first_i[@{len_w}+:@{len_w}] : g_first_i[0+:@{len_w}];
  assign g_keys = half ? g_keys_i[@{len_w}+:@{len_w}] : g_keys_i[0+:@{len_w}];
  assign g_beats = half ? g_beats_i[@{row_beats_w}+:@{row_beats_w}] : g_beats_i[0+:@{row_beats_w}];
  assign origin = is_v_q ? (half ? g_v_i[@{addr_w}+:@{addr_w}] : g_v_i[0+:@{addr_w}]) :
      half ? g_k_i[@{addr_w}+:@{addr_w}] : g_k_i[0+:@{addr_w}];

  // the ends of row, matrix and group
  logic row_end, matrix_end, tile_end, group_end;
  logic [@{end_w-1}:0] seen, keys, base;
  assign keys = @{end_w}'(g_keys);
  assign base = @{end_w}'(base_q);
  assign seen = @{end_w}'(g_first) + @{end_w}'(g_rows);  // keys that the group's last query sees
  assign row_end = beat_q == @{row_beat_w}'d@{row_beats-1} ||
      @{row_beats_w+1}'(beat_q) + @{row_beats_w+1}'d1 >= @{row_beats_w+1}'(g_beats);
  assign matrix_end =
      row_end && (column_q == @{col_w}'d@{columns-1} || base + @{end_w}'(column_q) + @{end_w}'d1 >= keys);
  assign tile_end = matrix_end && is_v_q;
  assign group_end =
      base + @{end_w}'d@{columns} >= keys || (g_causal_i[half] && base + @{end_w}'d@{columns} >= seen);

  logic at_hand, begins, offer;
  assign at_hand = begun_groups_i != group_q;
  assign begins = !is_v_q && column_q == '0 && beat_q == '0;
  assign offer = at_hand && !(begins && taken_q[buffer_q]) && (!rd_valid_q || rd_ready_i);

  logic [@{addr_w-1}:0] offset;
  assign offset = offset_q + @{addr_w}'d@{bus_bytes};
  always_ff @(posedge clk_i) begin : p_place
    if (!rst_ni) begin
      group_q <= '0;
      buffer_q <= '0;
      base_q <= '0;
      start_q <= '0;
      offset_q <= '0;
      is_v_q <= '0;
      column_q <= '0;
      beat_q <= '0;
    end else if (offer) begin
      beat_q <= row_end ? '0 : beat_q + @{row_beat_w}'d1;
      if (row_end) column_q <= matrix_end ? '0 : column_q + @{col_w}'d1;
      if (matrix_end) is_v_q <= !is_v_q;
      offset_q <= tile_end && group_end ? '0 : matrix_end && !is_v_q ? start_q : offset;
      if (tile_end) begin
        start_q <= group_end ? '0 : offset;
        base_q <= group_end ? '0 : base_q + @{base_w}'d@{columns};
        group_q <= group_q + 2'(group_end);
        buffer_q <= !buffer_q;
      end
    end
  end

  logic [@{place_w-1}:0] place;
  assign place = {buffer_q, is_v_q, column_q[@{tag_col_w-1}:0], @zext{beat_q, row_beat_w, beat_w}};
//@if tag_col_w < col_w
  // a tile has no more keys than a head
  logic unused_column;
  assign unused_column = ^column_q[@{col_w-1}:@{tag_col_w}];
//@endif
  always_ff @(posedge clk_i) begin : p_read
    if (!rst_ni) begin
      rd_valid_q <= '0;
      rd_addr_q <= '0;
      rd_tag_q <= '0;
    end else if (offer) begin
      rd_valid_q <= 1'b1;
      rd_addr_q <= origin + offset_q;
      rd_tag_q <= @zext{place, place_w, tag_w};
    end else if (rd_ready_i) begin
      rd_valid_q <= '0;
    end
  end
  assign rd_valid_o = rd_valid_q;
  assign rd_addr_o = rd_addr_q;
  assign rd_tag_o = rd_tag_q;

  // ---- answers ----
  logic got_buffer;
  assign got_buffer = got_tag_i[@{place_w-1}];
  assign we_o = got_i;
//@if tag_col_w < col_w
  assign waddr_o = {
    got_tag_i[@{place_w-1}:@{place_w-2}], @{col_w-tag_col_w}'d0, got_tag_i[@{place_w-3}:0]
  };
//@else
  assign waddr_o = got_tag_i[@{place_w-1}:0];
//@endif
//@if place_w < tag_w
  logic unused_tag;
  assign unused_tag = ^got_tag_i[@{tag_w-1}:@{place_w}];
//@endif
  assign wdata_o = got_data_i;

  always_ff @(posedge clk_i) begin : p_buffers
    if (!rst_ni) begin
      taken_q <= '0;
      asked_q <= '0;
      due_q <= '0;
    end else begin
      for (int b = 0; b < 2; b++) begin
        if (offer && buffer_q == b[0]) taken_q[b] <= 1'b1;
        else if (tile_free_i[b]) taken_q[b] <= 1'b0;
        if (offer && tile_end && buffer_q == b[0]) asked_q[b] <= 1'b1;
        else if (tile_free_i[b]) asked_q[b] <= 1'b0;
        due_q[b*@{due_w}+:@{due_w}] <= due_q[b*@{due_w}+:@{due_w}] + @{due_w}'(offer && buffer_q == b[0]) -
            @{due_w}'(got_i && got_buffer == b[0]);
      end
    end
  end
  assign tile_loaded_o = {
    asked_q[1] && due_q[@{due_w}+:@{due_w}] == '0, asked_q[0] && due_q[0+:@{due_w}] == '0
  };
endmodule
`default_nettype wire
