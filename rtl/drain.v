// SPDX-License-Identifier: Apache-2.0
//@let beats_w = clog2(row_beats + 1)
//@let at_w = clog2(row_beats)
//@let order_w = clog2(group_rows)
//@let sets = (head_max + lanes - 1) / lanes
//@let set_w = clog2(sets)
//@let reach_w = max(clog2(sets * lanes + 1), d_w)
//@let slot_w = clog2(output_rows)
//@let count_w = clog2(output_rows + 1)
//@let elements = bus_w / 16
//@let line_w = sets * lanes * output_w
//@let nums_w = sets * lanes * output_sum_w
//@let wide_w = max(row_beats * elements * output_w, line_w)
//@let element_w = max(clog2(row_beats * elements + 1), d_w)
/// Divides a computed group's rows, @{lanes} elements a cycle, and writes them to memory; the dividers are outside.
/// It does not know their latency: answers come in order, and at most @{output_rows} rows are between here and memory.
/// A full row is written from the next cycle on, a beat a cycle; div_num_o and div_den_o follow rd_acc_i and rd_sum_i.
`default_nettype none
module @{prefix}_drain (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [1:0] computed_i,  // groups
    // group records, half 0 lowest
    input  logic [@{2*group_count_w-1}:0] g_rows_i,
    input  logic [@{2*d_w-1}:0] g_d_i,
    input  logic [@{2*beats_w-1}:0] g_beats_i,
    input  logic [@{2*addr_w-1}:0] g_o_i,
    input  logic [1:0] g_final_i,
    input  logic [31:0] g_job_i,
    output logic [@{index_w-1}:0] rd_index_o,
    input  logic [@{head_max*output_sum_w-1}:0] rd_acc_i,
    input  logic [@{row_sum_w-1}:0] rd_sum_i,
    output logic div_valid_o,
    output logic [@{lanes*output_sum_w-1}:0] div_num_o,
    output logic [@{row_sum_w-1}:0] div_den_o,
    input  logic div_done_i,
    input  logic [@{lanes*output_w-1}:0] div_quot_i,
    output logic wr_valid_o,
    output logic [@{addr_w-1}:0] wr_addr_o,
    output logic [@{bus_w-1}:0] wr_data_o,
    input  logic wr_ready_i,
    output logic clear_o,
    output logic clear_half_o,
    output logic [1:0] taken_o,  // groups whose record is not needed any more
    output logic [1:0] drained_o,  // groups
    output logic fin_valid_o,
    output logic [15:0] fin_job_o,
    input  logic fin_ready_i
);
  // ---- records of computed groups: fetch may write the next ones over them ----
  logic [1:0] taken_q;
  logic [@{2*group_count_w-1}:0] rows_q;
  logic [@{2*d_w-1}:0] d_q;
  logic [@{2*beats_w-1}:0] beats_q;
  logic [@{2*addr_w-1}:0] o_q;
  logic [1:0] final_q;
  logic [31:0] job_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      taken_q <= '0;
      rows_q <= '0;
      d_q <= '0;
      beats_q <= '0;
      o_q <= '0;
      final_q <= '0;
      job_q <= '0;
    end else if (computed_i != taken_q) begin
      taken_q <= taken_q + 2'd1;
      rows_q[taken_q[0]*@{group_count_w}+:@{group_count_w}] <= g_rows_i[taken_q[0]*@{group_count_w}+:@{group_count_w}];
      d_q[taken_q[0]*@{d_w}+:@{d_w}] <= g_d_i[taken_q[0]*@{d_w}+:@{d_w}];
      beats_q[taken_q[0]*@{beats_w}+:@{beats_w}] <= g_beats_i[taken_q[0]*@{beats_w}+:@{beats_w}];
      o_q[taken_q[0]*@{addr_w}+:@{addr_w}] <= g_o_i[taken_q[0]*@{addr_w}+:@{addr_w}];
      job_q[taken_q[0]*16+:16] <= g_job_i[taken_q[0]*16+:16];
      final_q[taken_q[0]] <= g_final_i[taken_q[0]];
    end
  end

  logic row_left;  // a row's last beat is accepted

  // ---- enter: a group's rows, set by set ----
  logic enter_q;
  logic [1:0] enter_n_q;
  logic [@{order_w-1}:0] enter_row_q;
  logic [@{set_w-1}:0] enter_set_q;
  logic [@{count_w-1}:0] inside_q;

  logic [@{group_count_w-1}:0] enter_rows;
  logic [@{d_w-1}:0] enter_d;
  logic [@{reach_w-1}:0] enter_reach;  // elements of the row up to this set's end
  logic enter_row_ends, enter_ends;
  assign enter_rows = enter_n_q[0] ? rows_q[@{group_count_w}+:@{group_count_w}] : rows_q[0+:@{group_count_w}];
  assign enter_d = enter_n_q[0] ? d_q[@{d_w}+:@{d_w}] : d_q[0+:@{d_w}];
  assign enter_reach = @{reach_w}'(enter_set_q) * @{reach_w}'d@{lanes} + @{reach_w}'d@{lanes};
  assign enter_row_ends = enter_reach >= @{reach_w}'(enter_d) || enter_set_q == @{set_w}'d@{sets-1};
  assign enter_ends = @{group_count_w+1}'(enter_row_q) + @{group_count_w+1}'d1 >= @{group_count_w+1}'(enter_rows) || enter_row_q == @{order_w}'d@{group_rows-1};
  assign div_valid_o = enter_q && (enter_set_q != '0 || inside_q < @{count_w}'d@{output_rows});

  logic [@{nums_w-1}:0] acc;
  assign acc = @zext{rd_acc_i, head_max*output_sum_w, nums_w};
  assign rd_index_o = @{index_w}'(enter_row_q) + (enter_n_q[0] ? @{index_w}'d@{group_rows} : '0);
  assign div_num_o = acc[enter_set_q*@{lanes*output_sum_w}+:@{lanes*output_sum_w}];
  assign div_den_o = rd_sum_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      enter_q <= 1'b0;
      enter_n_q <= '0;
      enter_row_q <= '0;
      enter_set_q <= '0;
      inside_q <= '0;
    end else begin
      if (!enter_q) enter_q <= taken_q != enter_n_q;
      if (div_valid_o) begin
        enter_set_q <= enter_row_ends ? '0 : enter_set_q + @{set_w}'d1;
        if (enter_row_ends) enter_row_q <= enter_ends ? '0 : enter_row_q + @{order_w}'d1;
        if (enter_row_ends && enter_ends) begin
          enter_q <= 1'b0;
          enter_n_q <= enter_n_q + 2'd1;
        end
      end
      inside_q <= inside_q + @{count_w}'(div_valid_o && enter_set_q == '0) - @{count_w}'(row_left);
    end
  end

  // ---- result: sets of quotients fill rows ----
  logic result_half_q;
  logic [@{order_w-1}:0] result_row_q;
  logic [@{set_w-1}:0] result_set_q;
  logic [@{slot_w-1}:0] result_slot_q;
  logic [@{line_w-1}:0] out_q [@{output_rows}];

  logic [@{group_count_w-1}:0] result_rows;
  logic [@{d_w-1}:0] result_d;
  logic [@{reach_w-1}:0] result_reach;
  logic result_row_ends, result_ends;
  assign result_rows = result_half_q ? rows_q[@{group_count_w}+:@{group_count_w}] : rows_q[0+:@{group_count_w}];
  assign result_d = result_half_q ? d_q[@{d_w}+:@{d_w}] : d_q[0+:@{d_w}];
  assign result_reach = @{reach_w}'(result_set_q) * @{reach_w}'d@{lanes} + @{reach_w}'d@{lanes};
  assign result_row_ends = result_reach >= @{reach_w}'(result_d) || result_set_q == @{set_w}'d@{sets-1};
  assign result_ends = @{group_count_w+1}'(result_row_q) + @{group_count_w+1}'d1 >= @{group_count_w+1}'(result_rows) || result_row_q == @{order_w}'d@{group_rows-1};

  always_ff @(posedge clk_i) begin
    if (div_done_i) out_q[result_slot_q][result_set_q*@{lanes*output_w}+:@{lanes*output_w}] <= div_quot_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      result_half_q <= 1'b0;
      result_row_q <= '0;
      result_set_q <= '0;
      result_slot_q <= '0;
    end else if (div_done_i) begin
      result_set_q <= result_row_ends ? '0 : result_set_q + @{set_w}'d1;
      if (result_row_ends) begin
        result_slot_q <= result_slot_q + @{slot_w}'d1;
        result_row_q <= result_ends ? '0 : result_row_q + @{order_w}'d1;
        if (result_ends) result_half_q <= !result_half_q;
      end
    end
  end

  // ---- write: full rows, beat by beat; a group's rows lie one behind the other ----
  logic half_q;
  logic [@{count_w-1}:0] full_q;
  logic [@{slot_w-1}:0] slot_q;
  logic [@{order_w-1}:0] row_q;
  logic [@{at_w-1}:0] beat_q;
  logic [@{addr_w-1}:0] offset_q;
  logic [1:0] end_q, drained_q;  // end: 0 none, 1 clear, 2 fin

  logic [@{group_count_w-1}:0] rows;
  logic [@{d_w-1}:0] size;
  logic [@{beats_w-1}:0] beats;
  logic [@{addr_w-1}:0] base;
  logic row_ends, group_ends, final_group;
  assign rows = half_q ? rows_q[@{group_count_w}+:@{group_count_w}] : rows_q[0+:@{group_count_w}];
  assign size = half_q ? d_q[@{d_w}+:@{d_w}] : d_q[0+:@{d_w}];
  assign beats = half_q ? beats_q[@{beats_w}+:@{beats_w}] : beats_q[0+:@{beats_w}];
  assign base = half_q ? o_q[@{addr_w}+:@{addr_w}] : o_q[0+:@{addr_w}];
  assign final_group = half_q ? final_q[1] : final_q[0];
  assign row_ends = @{beats_w+1}'(beat_q) + @{beats_w+1}'d1 >= @{beats_w+1}'(beats) || beat_q == @{at_w}'d@{row_beats-1};
  assign group_ends = @{group_count_w+1}'(row_q) + @{group_count_w+1}'d1 >= @{group_count_w+1}'(rows) || row_q == @{order_w}'d@{group_rows-1};
  assign wr_valid_o = full_q != '0 && end_q == '0;
  assign wr_addr_o = base + offset_q;
  assign row_left = wr_valid_o && wr_ready_i && row_ends;

  logic [@{line_w-1}:0] row;
  logic [@{wide_w-1}:0] wide;
  logic [@{elements*output_w-1}:0] beat;
  logic [@{element_w-1}:0] first;  // element of the beat's first place
  assign row = out_q[slot_q];
  assign wide = @zext{row, line_w, wide_w};
  assign beat = wide[beat_q*@{elements*output_w}+:@{elements*output_w}];
  assign first = @{element_w}'(beat_q) * @{element_w}'d@{elements};
  always @* begin
    wr_data_o = '0;
    if (wr_valid_o) begin
      for (int i = 0; i < @{elements}; i++) begin
        if (@{element_w+1}'(first) + @{element_w+1}'(i) < @{element_w+1}'(size)) wr_data_o[i*16+:16] = 16'($signed(beat[i*@{output_w}+:@{output_w}]));
      end
    end
  end

  logic drained;
  assign drained = end_q == 2'd1 && !final_group || end_q == 2'd2 && fin_ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      half_q <= 1'b0;
      full_q <= '0;
      slot_q <= '0;
      row_q <= '0;
      beat_q <= '0;
      offset_q <= '0;
      end_q <= '0;
      drained_q <= '0;
    end else begin
      full_q <= full_q + @{count_w}'(div_done_i && result_row_ends) - @{count_w}'(row_left);
      if (wr_valid_o && wr_ready_i) begin
        beat_q <= row_ends ? '0 : beat_q + @{at_w}'d1;
        offset_q <= row_ends && group_ends ? '0 : offset_q + @{addr_w}'d@{bus_bytes};
      end
      if (row_left) begin
        slot_q <= slot_q + @{slot_w}'d1;
        row_q <= group_ends ? '0 : row_q + @{order_w}'d1;
        if (group_ends) end_q <= 2'd1;
      end
      if (end_q != '0) end_q <= drained ? 2'd0 : 2'd2;
      if (drained) begin
        drained_q <= drained_q + 2'd1;
        half_q <= !half_q;
      end
    end
  end
  assign clear_o = end_q == 2'd1;
  assign clear_half_o = half_q;
  assign taken_o = taken_q;
  assign drained_o = drained_q;
  assign fin_valid_o = end_q == 2'd2;
  assign fin_job_o = half_q ? job_q[31:16] : job_q[15:0];
endmodule
`default_nettype wire
