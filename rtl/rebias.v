// SPDX-License-Identifier: Apache-2.0
//@let beats_w = clog2(row_beats + 1)
//@let strips_w = clog2(strips)
//@let order_w = max(group_count_w, clog2(group_rows + rows)) + 1
//@let lanes = bus_w / 16
//@let spare = tag_w - 2 - index_w - beat_w
//@let element_w = max(beat_w + clog2(lanes), d_w) + 1
//@let prod_w = q_w + k_w
//@let sum_w = prod_w + clog2(head_max)
//@let drop = q_frac + k_frac - bias_frac
//@let fixed_w = max(sum_w + max(-drop, 0), bias_w + 1)
/// The exact score at each row's predicted maximum, floored to the bias format, is the row's bias.
/// It keeps neither keys nor queries: reads one row of K for each query, in order, and asks the buffer for the query.
/// One read a cycle; a bias is written one cycle after its row's last answer. dot_* follow got_tag_i.
`default_nettype none
module @{prefix}_rebias (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [1:0] scored_i,  // strips
    input  logic [@{held_w-1}:0] held_i,  // strips
    input  logic [@{3*rows*key_w-1}:0] arg_i,  // of each bank's rows
    // group records, half 0 lowest
    input  logic [@{2*group_count_w-1}:0] g_rows_i,
    input  logic [@{2*addr_w-1}:0] g_k_i,
    input  logic [@{2*d_w-1}:0] g_d_i,
    input  logic [@{2*beats_w-1}:0] g_beats_i,
    output logic rd_valid_o,
    output logic [@{addr_w-1}:0] rd_addr_o,
    output logic [@{tag_w-1}:0] rd_tag_o,
    input  logic rd_ready_i,
    input  logic got_i,
    input  logic [@{tag_w-1}:0] got_tag_i,
    input  logic [@{bus_w-1}:0] got_data_i,
    output logic [@{index_w-1}:0] dot_index_o,
    output logic [@{beat_w-1}:0] dot_beat_o,
    input  logic [@{bus_w-1}:0] dot_q_i,
    output logic b_we_o,
    output logic [@{index_w-1}:0] b_index_o,
    output logic [@{bias_w-1}:0] b_bias_o,
    output logic [1:0] asked_o,  // strips
    output logic [@{held_w-1}:0] rebiased_o  // strips
);
  // ---- reads: strip by strip, row by row, beat by beat ----
  logic [@{held_w-1}:0] n_q;
  logic [1:0] bank_q;
  logic half_q;
  logic [@{strips_w-1}:0] strip_q;
  logic [@{row_w-1}:0] row_q;
  logic [@{beats_w-1}:0] beat_q;
  logic rd_valid_q;
  logic [@{addr_w-1}:0] rd_addr_q;
  logic [@{tag_w-1}:0] rd_tag_q;

  logic [@{group_count_w-1}:0] group_size;
  logic [@{addr_w-1}:0] keys, row_addr;
  logic [@{beats_w-1}:0] beats;
  logic [@{key_w-1}:0] key;
  logic [@{order_w-1}:0] order;  // of the row in its group
  logic [@{index_w-1}:0] index;
  logic begun, take, row_ends, strip_row, group_row, strip_ends, group_ends;
  assign group_size = half_q ? g_rows_i[@{group_count_w}+:@{group_count_w}] : g_rows_i[0+:@{group_count_w}];
  assign keys = half_q ? g_k_i[@{addr_w}+:@{addr_w}] : g_k_i[0+:@{addr_w}];
  assign beats = half_q ? g_beats_i[@{beats_w}+:@{beats_w}] : g_beats_i[0+:@{beats_w}];
  always @* begin
    case (bank_q)
      2'd0: key = arg_i[row_q*@{key_w}+:@{key_w}];
      2'd1: key = arg_i[@{rows*key_w}+row_q*@{key_w}+:@{key_w}];
      default: key = arg_i[@{2*rows*key_w}+row_q*@{key_w}+:@{key_w}];
    endcase
  end
  assign row_addr = keys + @{addr_w}'(@{key_w+beats_w}'(key) * @{key_w+beats_w}'(beats)) * @{addr_w}'d@{bus_bytes};
  assign order = @{order_w}'(strip_q) * @{order_w}'d@{rows} + @{order_w}'(row_q);
  assign index = @{index_w}'(order) + (half_q ? @{index_w}'d@{group_rows} : '0);

  assign row_ends = @{beats_w+1}'(beat_q) + @{beats_w+1}'d1 >= @{beats_w+1}'(beats);
  assign strip_row = row_q == @{row_w}'d@{rows-1};
  assign group_row = order + @{order_w}'d1 >= @{order_w}'(group_size) || (strip_row && strip_q == @{strips_w}'d@{strips-1});
  assign strip_ends = row_ends && (strip_row || group_row);
  assign group_ends = row_ends && group_row;
  assign take = !rd_valid_q || rd_ready_i;
  assign begun = scored_i != n_q[1:0] && held_i != n_q;

  logic [1:0] ends;  // 0 nothing, 1 the row, 2 the strip too, 3 the group too
  assign ends = {strip_ends, group_ends || (row_ends && !strip_ends)};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      n_q <= '0;
      bank_q <= '0;
      half_q <= 1'b0;
      strip_q <= '0;
      row_q <= '0;
      beat_q <= '0;
      rd_valid_q <= 1'b0;
      rd_addr_q <= '0;
      rd_tag_q <= '0;
    end else if (take) begin
      rd_valid_q <= begun;
      if (begun) begin
        rd_addr_q <= beat_q == '0 ? row_addr : rd_addr_q + @{addr_w}'d@{bus_bytes};
//@if spare > 0
        rd_tag_q <= {@{max(spare, 1)}'d0, ends, index, @{beat_w}'(beat_q)};
//@else
        rd_tag_q <= {ends, index, @{beat_w}'(beat_q)};
//@endif
        n_q <= n_q + @{held_w}'(strip_ends);
        if (strip_ends) bank_q <= bank_q == 2'd2 ? '0 : bank_q + 2'd1;
        half_q <= half_q ^ group_ends;
        if (strip_ends) strip_q <= group_ends ? '0 : strip_q + @{strips_w}'d1;
        if (row_ends) row_q <= strip_ends ? '0 : row_q + @{row_w}'d1;
        beat_q <= row_ends ? '0 : beat_q + @{beats_w}'d1;
      end
    end
  end
  assign rd_valid_o = rd_valid_q;
  assign rd_addr_o = rd_addr_q;
  assign rd_tag_o = rd_tag_q;

  // ---- answers: a beat's products are added in the cycle that shows it ----
  logic [@{index_w-1}:0] got_index;
  logic [@{beat_w-1}:0] got_beat;
  logic [@{d_w-1}:0] size;
  assign got_beat = got_tag_i[@{beat_w-1}:0];
  assign got_index = got_tag_i[@{beat_w}+:@{index_w}];
  assign size = got_index >= @{index_w}'d@{group_rows} ? g_d_i[@{d_w}+:@{d_w}] : g_d_i[0+:@{d_w}];
  assign dot_index_o = got_index;
  assign dot_beat_o = got_beat;

  logic signed [@{sum_w-1}:0] sum_q, sum_d;
  logic signed [@{sum_w-1}:0] q, k;
  logic [@{element_w-1}:0] first;  // element of lane 0
  assign first = @{element_w}'(got_beat) * @{element_w}'d@{lanes};
  always @* begin
    sum_d = '0;
    q = '0;
    k = '0;
    if (got_i) begin
      if (got_beat != '0) sum_d = sum_q;
      for (int l = 0; l < @{lanes}; l++) begin
        q = @{sum_w}'($signed(dot_q_i[l*16+:@{q_w}]));
        k = @{sum_w}'($signed(got_data_i[l*16+:@{k_w}]));
        if (first + @{element_w}'(l) < @{element_w}'(size)) sum_d = sum_d + q * k;
      end
    end
  end

  logic [1:0] end_q;
  logic [@{held_w-1}:0] rebiased_q;
  logic [@{index_w-1}:0] index_q;
  logic [31:0] sat_q;
  logic clipped;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sum_q <= '0;
      end_q <= '0;
      index_q <= '0;
      rebiased_q <= '0;
      sat_q <= '0;
    end else begin
      end_q <= got_i ? got_tag_i[@{beat_w+index_w}+:2] : '0;
      if (got_i) begin
        sum_q <= sum_d;
        index_q <= got_index;
      end
      rebiased_q <= rebiased_q + @{held_w}'(end_q[1]);
      if (end_q != '0 && clipped && sat_q != '1) sat_q <= sat_q + 32'd1;
    end
  end

  // ---- bias ----
  logic signed [@{fixed_w-1}:0] wide;
//@if drop > 0
  assign wide = @{fixed_w}'(sum_q >>> @{drop});
//@else
  assign wide = @{fixed_w}'(sum_q) <<< @{-drop};
//@endif
  assign clipped = wide[@{fixed_w-1}:@{bias_w-1}] != {@{fixed_w-bias_w+1}{wide[@{fixed_w-1}]}};
  assign b_we_o = end_q != '0;
  assign b_index_o = index_q;
  assign b_bias_o = clipped ? {wide[@{fixed_w-1}], {@{bias_w-1}{!wide[@{fixed_w-1}]}}} : wide[@{bias_w-1}:0];
  assign asked_o = n_q[1:0];
  assign rebiased_o = rebiased_q;
//@if spare > 0

  logic unused;  // tags are as wide as the widest client's
  assign unused = ^got_tag_i[@{tag_w-1}:@{tag_w-spare}];
//@endif
endmodule
`default_nettype wire
