// SPDX-License-Identifier: Apache-2.0
//@let number_w = tag_w - 3 - beat_w
//@let count_w = max(key_w, row_w)
//@let group_at_w = clog2(group_rows)
//@let half_keys = keys_max / 2
//@let g_beats_w = clog2(row_beats + 1)
//@let bus_shift = clog2(bus_bytes)
//@let wide_w = 12
/// Reads what prediction needs of one head after the other, in two streams: low-bit keys and queries run ahead as far as
/// there is room; records, queries and masks come group by group, as halves become free.
/// It does not read K and V, and trusts the sizes that the controller checked.
/// One read a cycle; a beat that comes back is handed on in the same cycle, to where its tag says.
`default_nettype none
module @{prefix}_fetch (
    input  logic clk_i,
    input  logic rst_ni,
    // a head
    input  logic job_valid_i,
    input  logic [@{len_w-1}:0] j_l_i,
    input  logic [@{len_w-1}:0] j_m_i,
    input  logic [@{d_w-1}:0] j_d_i,
    input  logic j_causal_i,
    input  logic j_external_i,
    input  logic [1:0] j_policy_i,
    input  logic [@{threshold_w-1}:0] j_threshold_i,
    input  logic [@{addr_w-1}:0] j_q_i,
    input  logic [@{addr_w-1}:0] j_k_i,
    input  logic [@{addr_w-1}:0] j_v_i,
    input  logic [@{addr_w-1}:0] j_q_low_i,
    input  logic [@{addr_w-1}:0] j_k_low_i,
    input  logic [@{addr_w-1}:0] j_mask_i,
    input  logic [@{addr_w-1}:0] j_o_i,
    input  logic j_final_i,
    input  logic [15:0] j_number_i,
    output logic job_ready_o,
    // memory_port
    output logic rd_valid_o,
    output logic [@{addr_w-1}:0] rd_addr_o,
    output logic [@{tag_w-1}:0] rd_tag_o,
    input  logic rd_ready_i,
    input  logic got_i,
    input  logic [@{tag_w-1}:0] got_tag_i,
    input  logic [@{bus_w-1}:0] got_data_i,
    // stages
    input  logic [1:0] scored_i,
    input  logic [1:0] taken_i,  // groups whose half is free again
    output logic [1:0] loaded_o,  // strips, low-bit
    output logic [1:0] opened_o,  // groups
    output logic [@{held_w-1}:0] held_o,  // strips
    // low-bit keys, low-bit queries, queries, masks
    output logic k_we_o,
    output logic [@{key_w-1}:0] k_key_o,
    output logic [@{beat_w-1}:0] k_beat_o,
    output logic [@{bus_w-1}:0] k_data_o,
    output logic ql_we_o,
    output logic [1:0] ql_file_o,
    output logic [@{row_w-1}:0] ql_row_o,
    output logic [@{beat_w-1}:0] ql_beat_o,
    output logic [@{bus_w-1}:0] ql_data_o,
    output logic q_we_o,
    output logic [@{index_w-1}:0] q_index_o,
    output logic [@{beat_w-1}:0] q_beat_o,
    output logic [@{bus_w-1}:0] q_data_o,
    output logic m_we_o,
    output logic [@{index_w-1}:0] m_index_o,
    output logic [@{beat_w-1}:0] m_beat_o,
    output logic [@{bus_w-1}:0] m_data_o,
    // group records, half 0 lowest
    output logic [@{2*group_count_w-1}:0] g_rows_o,
    output logic [@{2*len_w-1}:0] g_first_o,
    output logic [@{2*len_w-1}:0] g_keys_o,
    output logic [@{2*d_w-1}:0] g_d_o,
    output logic [@{2*g_beats_w-1}:0] g_beats_o,
    output logic [1:0] g_causal_o,
    output logic [1:0] g_external_o,
    output logic [1:0] g_upper_o,
    output logic [3:0] g_policy_o,
    output logic [@{2*threshold_w-1}:0] g_threshold_o,
    output logic [@{2*addr_w-1}:0] g_k_o,
    output logic [@{2*addr_w-1}:0] g_v_o,
    output logic [@{2*addr_w-1}:0] g_o_o,
    output logic [1:0] g_final_o,
    output logic [31:0] g_job_o
);
  // low: a head, room for its keys, its keys, a file for a strip, its queries
  localparam logic [2:0] LowHead = 3'd0, LowRoom = 3'd1, LowKeys = 3'd2, LowFile = 3'd3, LowQueries = 3'd4;
  // high: a head, a half for a group, its queries, its masks
  localparam logic [1:0] HighHead = 2'd0, HighGroup = 2'd1, HighQueries = 2'd2, HighMasks = 2'd3;

  // ---- low: the head that is looked at ----
  logic [2:0] low_q;
  logic looked_q;  // at the head that is offered
  logic small_q, beside_q, upper_q;
  logic idle_q;  // all strips that are asked for were scored in the cycle before
  logic [1:0] asked_q, of_head_q;  // strips, of the head at most 3
  logic [@{len_w-1}:0] low_m_q, low_left_q;
  logic [@{d_w-1}:0] low_d_q;
  logic [@{addr_w-1}:0] k_low_at_q, q_low_at_q;
  logic [@{count_w-1}:0] low_row_q;
  logic [@{beat_w-1}:0] low_beat_q;
  // ---- high: the head that was taken ----
  logic [1:0] high_q;
  logic [@{len_w-1}:0] m_q;
  logic [@{d_w-1}:0] d_q;
  logic causal_q, external_q, final_q, high_upper_q;
  logic [1:0] policy_q;
  logic [@{threshold_w-1}:0] threshold_q;
  logic [@{addr_w-1}:0] k_q, v_q;
  logic [15:0] number_q;
  // running addresses; o_at_q is the output of the query at q_at_q
  logic [@{addr_w-1}:0] q_at_q, mask_at_q, o_at_q;
  logic [@{len_w-1}:0] left_q, first_q;  // queries of the head in no group yet, and in groups
  logic [@{group_at_w-1}:0] row_q;
  logic [@{row_w-1}:0] strip_row_q;
  logic [@{beat_w-1}:0] beat_q;
  // ---- what is there ----
  logic [1:0] loaded_q, file_q, opened_q;
  logic [@{held_w-1}:0] held_q;
  // group records
  logic [@{2*group_count_w-1}:0] g_rows_q;
  logic [@{2*len_w-1}:0] g_first_q, g_keys_q;
  logic [@{2*d_w-1}:0] g_d_q;
  logic [@{2*g_beats_w-1}:0] g_beats_q;
  logic [1:0] g_causal_q, g_external_q, g_upper_q, g_final_q;
  logic [3:0] g_policy_q;
  logic [@{2*threshold_w-1}:0] g_threshold_q;
  logic [@{2*addr_w-1}:0] g_k_q, g_v_q, g_o_q;
  logic [31:0] g_job_q;

  // ---- beats of a row of 16-bit elements, of a low-bit record, of a row of masks ----
  logic [@{wide_w-1}:0] row_beats, low_beats, mask_beats;
  assign row_beats = ((@{wide_w}'(d_q) << 1) + @{wide_w}'d@{bus_bytes-1}) >> @{bus_shift};
//@if low_w == 4
  assign low_beats = (((@{wide_w}'(low_d_q) + @{wide_w}'d1) >> 1) + @{wide_w}'d@{bus_bytes+3}) >> @{bus_shift};
//@else
  assign low_beats = (@{wide_w}'(low_d_q) + @{wide_w}'d@{bus_bytes+3}) >> @{bus_shift};
//@endif
  always @* begin
    mask_beats = '0;  // a beat for each @{columns*mask_lanes} keys
    for (int n = 0; n < @{((1 << len_w) - 1 + columns * mask_lanes - 1) / (columns * mask_lanes)}; n++) begin
      mask_beats = mask_beats + @{wide_w}'(m_q > @{len_w}'(n * @{columns*mask_lanes}));
    end
  end

  // ---- queries of the strip, and of the group that is opened ----
  logic [@{len_w-1}:0] strip_rows;
//@if rows >= (1 << len_w)
  assign strip_rows = low_left_q;
//@else
  assign strip_rows = low_left_q < @{len_w}'d@{rows} ? low_left_q : @{len_w}'d@{rows};
//@endif
  logic group_rest;  // the group holds all that is left of the head
  logic [@{group_count_w-1}:0] group_rows;
//@if group_rows >= (1 << len_w)
  assign group_rest = 1'b1;
  assign group_rows = @{group_count_w}'(left_q);
//@else
  assign group_rest = left_q <= @{len_w}'d@{group_rows};
  assign group_rows = group_rest ? @{group_count_w}'(left_q) : @{group_count_w}'d@{group_rows};
//@endif

  // ---- room: for a group, for keys, for a strip ----
  logic [1:0] strips_ahead, groups_ahead;
  logic room, few;
  assign groups_ahead = opened_q - taken_i;
  assign strips_ahead = asked_q - scored_i;
  assign room = beside_q ? strips_ahead <= of_head_q : strips_ahead == '0;
  assign few = j_m_i <= @{len_w}'d@{half_keys};  // two such heads' keys fit

  // ---- the read that each stream would make ----
  logic low_keys, low_reads, low_row_ends, low_run_ends;
  logic [@{count_w-1}:0] low_last_row, low_number;
  logic [@{addr_w-1}:0] low_at;
  assign low_keys = low_q == LowKeys;
  assign low_reads = low_keys || low_q == LowQueries;
  assign low_at = low_keys ? k_low_at_q : q_low_at_q;
  assign low_last_row = @{count_w}'((low_keys ? low_m_q : strip_rows) - @{len_w}'d1);
  assign low_row_ends = low_beat_q == @{beat_w}'(low_beats - @{wide_w}'d1);
  assign low_run_ends = low_row_ends && low_row_q == low_last_row;
  assign low_number = low_keys && upper_q ? low_row_q + @{count_w}'d@{half_keys} : low_row_q;

  logic half, high_masks, high_reads, row_ends, run_ends, strip_ends, high_last;
  logic [@{group_count_w-1}:0] high_rows;
  logic [@{addr_w-1}:0] high_at;
  logic [@{wide_w-1}:0] high_beats;
  logic [@{index_w-1}:0] index;
  assign half = !opened_q[0];  // of the group opened last
  assign high_masks = high_q == HighMasks;
  assign high_reads = high_masks || high_q == HighQueries;
  assign high_at = high_masks ? mask_at_q : q_at_q;
  assign high_beats = high_masks ? mask_beats : row_beats;
  assign high_rows = half ? g_rows_q[@{group_count_w}+:@{group_count_w}] : g_rows_q[0+:@{group_count_w}];
  assign row_ends = beat_q == @{beat_w}'(high_beats - @{wide_w}'d1);
  assign run_ends = row_ends && row_q == @{group_at_w}'(high_rows - @{group_count_w}'d1);
  assign strip_ends = strip_row_q == @{row_w}'d@{rows-1};
  assign high_last = !high_masks && row_ends && (run_ends || strip_ends);
  assign index = (half ? @{index_w}'d@{group_rows} : '0) + @{index_w}'(row_q);

  // ---- the read of this cycle: low-bit queries first, keys of a head to come last unless scoring waits for them ----
  logic high, issues, low_issues, high_issues;
  assign high = high_reads && !(low_reads && (low_q == LowQueries || idle_q));
  assign rd_valid_o = low_reads || high_reads;
  assign rd_addr_o = high ? high_at : low_at;
  assign rd_tag_o = high ? {high_last, 1'b1, high_masks, @{number_w}'(index), beat_q}
      : {low_run_ends && !low_keys, 1'b0, !low_keys, @{number_w}'(low_number), low_beat_q};
  assign issues = rd_valid_o && rd_ready_i;
  assign low_issues = issues && !high;
  assign high_issues = issues && high;

  // ---- answers: the tag says where ----
  logic last;
  logic [1:0] of;
  logic [@{number_w-1}:0] number;
  logic [@{beat_w-1}:0] beat;
  assign {last, of, number, beat} = got_tag_i;
  assign k_we_o = got_i && of == 2'd0;
  assign ql_we_o = got_i && of == 2'd1;
  assign q_we_o = got_i && of == 2'd2;
  assign m_we_o = got_i && of == 2'd3;
  assign k_key_o = number[@{key_w-1}:0];
  assign ql_row_o = number[@{row_w-1}:0];
  assign ql_file_o = file_q;
  assign q_index_o = number[@{index_w-1}:0];
  assign m_index_o = number[@{index_w-1}:0];
  assign k_beat_o = beat;
  assign ql_beat_o = beat;
  assign q_beat_o = beat;
  assign m_beat_o = beat;
  assign k_data_o = got_data_i;
  assign ql_data_o = got_data_i;
  assign q_data_o = got_data_i;
  assign m_data_o = got_data_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      loaded_q <= '0;
      file_q <= '0;
      held_q <= '0;
    end else if (got_i && last) begin
      if (of == 2'd1) begin
        loaded_q <= loaded_q + 2'd1;
        file_q <= file_q == 2'd2 ? '0 : file_q + 2'd1;
      end
      if (of == 2'd2) held_q <= held_q + @{held_w}'d1;
    end
  end

  // ---- low ----
  logic looks, takes, opens, strip_asked;
  logic [@{len_w-1}:0] low_left;
  assign looks = low_q == LowHead && job_valid_i && !looked_q;
  assign takes = high_q == HighHead && job_valid_i && looked_q;
  assign strip_asked = low_issues && low_run_ends && !low_keys;
  assign low_left = low_left_q - strip_rows;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      low_q <= LowHead;
      looked_q <= 1'b0;
      asked_q <= '0;
      idle_q <= 1'b0;
      of_head_q <= '0;
      low_row_q <= '0;
      low_beat_q <= '0;
    end else begin
      case (low_q)
        LowHead: if (looks) low_q <= LowRoom;
        LowRoom: if (room) low_q <= LowKeys;
        LowKeys: if (low_issues && low_run_ends) low_q <= LowFile;
        LowFile: if (strips_ahead != 2'd3) low_q <= LowQueries;
        LowQueries: if (strip_asked) low_q <= low_left == '0 ? LowHead : LowFile;
        default: ;
      endcase
      idle_q <= strips_ahead == '0;
      looked_q <= looks || (looked_q && !takes);
      if (low_issues) begin
        low_beat_q <= low_row_ends ? '0 : low_beat_q + @{beat_w}'d1;
        if (low_row_ends) low_row_q <= low_run_ends ? '0 : low_row_q + @{count_w}'d1;
        if (low_run_ends && low_keys) of_head_q <= '0;
      end
      if (strip_asked) begin
        asked_q <= asked_q + 2'd1;
        if (of_head_q != 2'd3) of_head_q <= of_head_q + 2'd1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      small_q <= 1'b0;
      beside_q <= 1'b0;
      upper_q <= 1'b0;
      low_m_q <= '0;
      low_d_q <= '0;
      low_left_q <= '0;
      k_low_at_q <= '0;
      q_low_at_q <= '0;
    end else if (looks) begin
      small_q <= few;
      beside_q <= few && small_q;
      upper_q <= few && small_q && !upper_q;
      low_m_q <= j_m_i;
      low_d_q <= j_d_i;
      low_left_q <= j_l_i;
      k_low_at_q <= j_k_low_i;
      q_low_at_q <= j_q_low_i;
    end else if (low_issues) begin
      if (low_keys) k_low_at_q <= k_low_at_q + @{addr_w}'d@{bus_bytes};
      else q_low_at_q <= q_low_at_q + @{addr_w}'d@{bus_bytes};
      if (strip_asked) low_left_q <= low_left;
    end
  end

  // ---- high ----
  assign opens = high_q == HighGroup && groups_ahead < 2'd2;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      high_q <= HighHead;
      opened_q <= '0;
      left_q <= '0;
      first_q <= '0;
      row_q <= '0;
      strip_row_q <= '0;
      beat_q <= '0;
    end else begin
      if (takes) begin
        high_q <= HighGroup;
        left_q <= j_l_i;
        first_q <= '0;
      end
      if (opens) begin
        high_q <= external_q ? HighMasks : HighQueries;
        opened_q <= opened_q + 2'd1;
        left_q <= left_q - @{len_w}'(group_rows);
        first_q <= first_q + @{len_w}'(group_rows);
      end
      if (high_issues) begin
        beat_q <= row_ends ? '0 : beat_q + @{beat_w}'d1;
        if (row_ends) begin
          row_q <= run_ends ? '0 : row_q + @{group_at_w}'d1;
          strip_row_q <= run_ends || strip_ends ? '0 : strip_row_q + @{row_w}'d1;
        end
        if (run_ends) begin
          if (high_masks) high_q <= HighQueries;
          else high_q <= left_q == '0 ? HighHead : HighGroup;
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      m_q <= '0;
      d_q <= '0;
      causal_q <= 1'b0;
      external_q <= 1'b0;
      high_upper_q <= 1'b0;
      final_q <= 1'b0;
      policy_q <= '0;
      threshold_q <= '0;
      k_q <= '0;
      v_q <= '0;
      number_q <= '0;
    end else if (takes) begin
      m_q <= j_m_i;
      d_q <= j_d_i;
      causal_q <= j_causal_i;
      external_q <= j_external_i;
      high_upper_q <= upper_q;  // low does not look at the next head before this one is taken
      final_q <= j_final_i;
      policy_q <= j_policy_i;
      threshold_q <= j_threshold_i;
      k_q <= j_k_i;
      v_q <= j_v_i;
      number_q <= j_number_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      q_at_q <= '0;
      mask_at_q <= '0;
      o_at_q <= '0;
    end else if (takes) begin
      q_at_q <= j_q_i;
      mask_at_q <= j_mask_i;
      o_at_q <= j_o_i;
    end else if (high_issues && high_masks) begin
      mask_at_q <= mask_at_q + @{addr_w}'d@{bus_bytes};
    end else if (high_issues) begin
      q_at_q <= q_at_q + @{addr_w}'d@{bus_bytes};
      o_at_q <= o_at_q + @{addr_w}'d@{bus_bytes};  // rows of o are as long as those of q
    end
  end

  // ---- group records ----
  logic open_half;
  assign open_half = opened_q[0];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      g_rows_q <= '0;
      g_first_q <= '0;
      g_keys_q <= '0;
      g_d_q <= '0;
      g_beats_q <= '0;
      g_causal_q <= '0;
      g_external_q <= '0;
      g_upper_q <= '0;
      g_policy_q <= '0;
      g_threshold_q <= '0;
      g_k_q <= '0;
      g_v_q <= '0;
      g_o_q <= '0;
      g_final_q <= '0;
      g_job_q <= '0;
    end else if (opens) begin
      g_rows_q[open_half*@{group_count_w}+:@{group_count_w}] <= group_rows;
      g_first_q[open_half*@{len_w}+:@{len_w}] <= first_q;
      g_keys_q[open_half*@{len_w}+:@{len_w}] <= m_q;
      g_d_q[open_half*@{d_w}+:@{d_w}] <= d_q;
      g_beats_q[open_half*@{g_beats_w}+:@{g_beats_w}] <= @{g_beats_w}'(row_beats);
      g_causal_q[open_half] <= causal_q;
      g_external_q[open_half] <= external_q;
      g_upper_q[open_half] <= high_upper_q;
      g_policy_q[open_half*2+:2] <= policy_q;
      g_threshold_q[open_half*@{threshold_w}+:@{threshold_w}] <= threshold_q;
      g_k_q[open_half*@{addr_w}+:@{addr_w}] <= k_q;
      g_v_q[open_half*@{addr_w}+:@{addr_w}] <= v_q;
      g_o_q[open_half*@{addr_w}+:@{addr_w}] <= o_at_q;
      g_final_q[open_half] <= final_q && group_rest;
      g_job_q[open_half*16+:16] <= number_q;
    end
  end

  assign job_ready_o = high_q == HighHead && looked_q;
  assign loaded_o = loaded_q;
  assign opened_o = opened_q;
  assign held_o = held_q;
  assign g_rows_o = g_rows_q;
  assign g_first_o = g_first_q;
  assign g_keys_o = g_keys_q;
  assign g_d_o = g_d_q;
  assign g_beats_o = g_beats_q;
  assign g_causal_o = g_causal_q;
  assign g_external_o = g_external_q;
  assign g_upper_o = g_upper_q;
  assign g_policy_o = g_policy_q;
  assign g_threshold_o = g_threshold_q;
  assign g_k_o = g_k_q;
  assign g_v_o = g_v_q;
  assign g_o_o = g_o_q;
  assign g_final_o = g_final_q;
  assign g_job_o = g_job_q;
endmodule
`default_nettype wire
