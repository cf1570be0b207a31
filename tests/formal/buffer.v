// SPDX-License-Identifier: Apache-2.0
// says: what was written last is what is read, of queries, masks and biases, and `some` tells which rows' words keep a column; nothing else changes a word
// unit: buffer
// designs: tiny_2x4x2
// method: induction 1
// canary: buffer.v: if (p_we_i && p_exists) some_q[p_some_at][p_some_bit] <= p_word_i != '0; ==> if (p_we_i && p_exists) some_q[p_some_at][p_some_bit] <= 1'b1;
  // One query, one beat, one tile of it, chosen at the start: any.
  (* anyseq *) logic [@{index_w-1}:0] pick_index;
  (* anyseq *) logic [@{beat_w-1}:0] pick_beat;
  (* anyseq *) logic [@{tile_w-1}:0] pick_tile;
  logic [@{index_w-1}:0] an_index;
  logic [@{beat_w-1}:0] a_beat;
  logic [@{tile_w-1}:0] a_tile;
  always @(posedge clk_i) begin
    if (!proof_begun) begin
      an_index <= pick_index;
      a_beat <= pick_beat;
      a_tile <= pick_tile;
    end
  end
  logic [1:0] knows;  // has been written: the beat, the bias
  logic knows_mask;
  logic [@{bus_w-1}:0] beat_was;
  logic [@{bias_w-1}:0] bias_was;
  logic [@{columns-1}:0] mask_was;
  always @(posedge clk_i) begin
    if (!proof_begun) begin
      knows <= '0;
      knows_mask <= 1'b0;
    end
    if (proof_begun && q_we_i && q_index_i == an_index && q_beat_i == a_beat) begin
      knows[0] <= 1'b1;
      beat_was <= q_data_i;
    end
    if (proof_begun && b_we_i && b_index_i == an_index) begin
      knows[1] <= 1'b1;
      bias_was <= b_bias_i;
    end
    for (int l = 0; l < @{mask_lanes}; l++) begin
      if (proof_begun && m_we_i && m_index_i == an_index && a_tile % @{mask_lanes} == l && m_beat_i == a_tile / @{mask_lanes}) begin
        knows_mask <= 1'b1;
        mask_was <= m_data_i[l*@{mask_lane_w}+:@{columns}];
      end
    end
    if (proof_begun && p_we_i && p_index_i == an_index && p_tile_i == a_tile) begin
      knows_mask <= 1'b1;
      mask_was <= p_word_i;
    end
  end
  logic exists, beat_exists, tile_exists;
  assign exists = {1'b0, an_index} < @{queries};
  assign beat_exists = {1'b0, a_beat} < @{row_beats};
  assign tile_exists = {1'b0, a_tile} < @{tiles_max};
  logic [@{strip_w-1}:0] strip;
  assign strip = @{strip_w}'(an_index / @{rows});
  // Where they lie, for the step from cycle to cycle.
  logic [@{columns-1}:0] mask_lies;
  logic some_lies;
  always @* begin
    mask_lies = '0;
    some_lies = 1'b0;
    for (int l = 0; l < @{mask_lanes}; l++) begin
      if (a_tile % @{mask_lanes} == l) begin
        mask_lies = mask_q[@{word_at_w}'(an_index * @{mask_beats} + a_tile / @{mask_lanes})][l*@{mask_lane_w}+:@{columns}];
        some_lies = some_q[@{some_at_w}'(strip * @{mask_beats} + a_tile / @{mask_lanes})][l*@{rows}+an_index%@{rows}];
      end
    end
  end
  always @* begin
    if (proof_begun) begin
      if (exists && tile_exists && knows_mask) begin
        assert (mask_lies == mask_was && some_lies == (mask_was != '0));
        if (mask_index_i == an_index && mask_tile_i == a_tile) assert (mask_o == mask_was);
        if (some_strip_i == strip && some_tile_i == a_tile) assert (some_o[an_index%@{rows}] == (mask_was != '0));
      end
      if (exists && knows[1] && walk_index_i == an_index) assert (walk_bias_o == bias_was);
      if (exists && knows[1]) assert (bias_q[an_index] == bias_was);
      if (exists && beat_exists && knows[0]) begin
        assert (query_q[an_index][a_beat*@{bus_w}+:@{bus_w}] == beat_was);
        if (walk_index_i == an_index) assert (walk_q_o[a_beat*@{bus_w}+:@{bus_w}] == beat_was);
        if (dot_index_i == an_index && dot_beat_i == a_beat) assert (dot_q_o == beat_was);
      end
      if ({1'b0, mask_index_i} >= @{queries}) assert (mask_o == '0);
      if ({1'b0, walk_index_i} >= @{queries}) assert (walk_q_o == '0 && walk_bias_o == '0);
    end
  end
