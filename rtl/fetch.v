// SPDX-License-Identifier: Apache-2.0
//@let number_w = tag_w - 2 - beat_w
//@let count_w = max(key_w, row_w)
//@let pending_w = clog2(outstanding + 2)
//@let g_beats_w = clog2(row_beats + 1)
//@let strip_of_w = clog2(strips)
//@let bus_shift = clog2(bus_bytes)
//@let wide_w = 12
/// Reads what prediction needs of one head after the other: low-bit keys of the head, then its queries in groups and strips.
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
    input  logic [1:0] drained_i,
    output logic [1:0] loaded_o,
    // low-bit keys, low-bit queries, queries, masks
    output logic k_we_o,
    output logic [@{key_w-1}:0] k_key_o,
    output logic [@{beat_w-1}:0] k_beat_o,
    output logic [@{bus_w-1}:0] k_data_o,
    output logic ql_we_o,
    output logic ql_file_o,
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
    output logic [3:0] g_policy_o,
    output logic [@{2*threshold_w-1}:0] g_threshold_o,
    output logic [@{2*addr_w-1}:0] g_k_o,
    output logic [@{2*addr_w-1}:0] g_v_o,
    output logic [@{2*addr_w-1}:0] g_o_o,
    output logic [1:0] g_final_o,
    output logic [31:0] g_job_o
);
  localparam logic [3:0] Head = 4'd0, Scored = 4'd1, Keys = 4'd2, Group = 4'd3, Strip = 4'd4;
  localparam logic [3:0] Queries = 4'd5, Lows = 4'd6, Masks = 4'd7, Answers = 4'd8;

  logic [3:0] state_q;
  logic [1:0] loaded_q, started_q;
  logic [@{pending_w-1}:0] pending_q;  // reads that are not answered
  // the head
  logic [@{len_w-1}:0] m_q;
  logic [@{d_w-1}:0] d_q;
  logic causal_q, external_q, final_q;
  logic [1:0] policy_q;
  logic [@{threshold_w-1}:0] threshold_q;
  logic [@{addr_w-1}:0] k_q, v_q;
  logic [15:0] number_q;
  // running addresses; o_at_q is the output of the query at q_at_q
  logic [@{addr_w-1}:0] q_at_q, q_low_at_q, k_low_at_q, mask_at_q, o_at_q;
  logic [@{len_w-1}:0] left_q, first_q;  // queries of the head not loaded, and loaded
  logic [@{strip_of_w-1}:0] strip_q;  // of the group
  logic [@{index_w-1}:0] base_q;  // index of the strip's first row
  logic [@{count_w-1}:0] row_q;
  logic [@{beat_w-1}:0] beat_q;
  // group records
  logic [@{2*group_count_w-1}:0] g_rows_q;
  logic [@{2*len_w-1}:0] g_first_q, g_keys_q;
  logic [@{2*d_w-1}:0] g_d_q;
  logic [@{2*g_beats_w-1}:0] g_beats_q;
  logic [1:0] g_causal_q, g_external_q, g_final_q;
  logic [3:0] g_policy_q;
  logic [@{2*threshold_w-1}:0] g_threshold_q;
  logic [@{2*addr_w-1}:0] g_k_q, g_v_q, g_o_q;
  logic [31:0] g_job_q;

  // ---- sizes of the head: beats of a row of 16-bit elements, of a low-bit record, of a row of masks ----
  logic [@{wide_w-1}:0] row_beats, low_beats, mask_beats;
  assign row_beats = ((@{wide_w}'(d_q) << 1) + @{wide_w}'d@{bus_bytes-1}) >> @{bus_shift};
//@if low_w == 4
  assign low_beats = (((@{wide_w}'(d_q) + @{wide_w}'d1) >> 1) + @{wide_w}'d@{bus_bytes+3}) >> @{bus_shift};
//@else
  assign low_beats = (@{wide_w}'(d_q) + @{wide_w}'d@{bus_bytes+3}) >> @{bus_shift};
//@endif
  always @* begin
    mask_beats = '0;  // a beat for each @{columns*mask_lanes} keys
    for (int n = 0; n < @{((1 << len_w) - 1 + columns * mask_lanes - 1) / (columns * mask_lanes)}; n++) begin
      mask_beats = mask_beats + @{wide_w}'(m_q > @{len_w}'(n * @{columns*mask_lanes}));
    end
  end

  // ---- rows of the strip, queries of the group ----
  logic [@{len_w-1}:0] strip_rows;
//@if rows >= (1 << len_w)
  assign strip_rows = left_q;
//@else
  assign strip_rows = left_q < @{len_w}'d@{rows} ? left_q : @{len_w}'d@{rows};
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

  // ---- the read of this cycle ----
  logic reading, issues, of_index, row_ends, run_ends;
  logic [1:0] kind;
  logic [@{addr_w-1}:0] at, next_at;
  logic [@{beat_w-1}:0] last_beat;
  logic [@{count_w-1}:0] last_row;
  logic [@{index_w-1}:0] index;
  assign reading = state_q == Keys || state_q == Queries || state_q == Lows || state_q == Masks;
  assign issues = reading && rd_ready_i;
  always @* begin
    case (state_q)
      Lows: {kind, at, last_beat} = {2'd1, q_low_at_q, @{beat_w}'(low_beats - @{wide_w}'d1)};
      Queries: {kind, at, last_beat} = {2'd2, q_at_q, @{beat_w}'(row_beats - @{wide_w}'d1)};
      Masks: {kind, at, last_beat} = {2'd3, mask_at_q, @{beat_w}'(mask_beats - @{wide_w}'d1)};
      default: {kind, at, last_beat} = {2'd0, k_low_at_q, @{beat_w}'(low_beats - @{wide_w}'d1)};
    endcase
  end
  assign next_at = at + @{addr_w}'d@{bus_bytes};
  assign last_row = @{count_w}'((state_q == Keys ? m_q : strip_rows) - @{len_w}'d1);
  assign row_ends = beat_q == last_beat;
  assign run_ends = row_ends && row_q == last_row;
  assign of_index = kind[1];
  assign index = base_q + @{index_w}'(row_q);

  assign rd_valid_o = reading;
  assign rd_addr_o = at;
  assign rd_tag_o = {kind, of_index ? @{number_w}'(index) : @{number_w}'(row_q), beat_q};

  // ---- answers: the tag says where ----
  logic [1:0] of;
  logic [@{number_w-1}:0] number;
  logic [@{beat_w-1}:0] beat;
  assign {of, number, beat} = got_tag_i;
  assign k_we_o = got_i && of == 2'd0;
  assign ql_we_o = got_i && of == 2'd1;
  assign q_we_o = got_i && of == 2'd2;
  assign m_we_o = got_i && of == 2'd3;
  assign k_key_o = number[@{key_w-1}:0];
  assign ql_row_o = number[@{row_w-1}:0];
  assign ql_file_o = loaded_q[0];  // only one strip's answers are awaited
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

  // ---- sequence ----
  logic [1:0] strips_ahead, groups_ahead;
  assign strips_ahead = loaded_q - scored_i;
  assign groups_ahead = started_q - drained_i;

  logic takes, opens, loads, half;
  assign takes = state_q == Head && job_valid_i;
  assign opens = state_q == Group && groups_ahead < 2'd2;
  assign loads = state_q == Answers && pending_q == '0;
  assign half = started_q[0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= Head;
    end else begin
      case (state_q)
        Head: if (job_valid_i) state_q <= Scored;
        Scored: if (strips_ahead == '0) state_q <= Keys;
        Keys: if (issues && run_ends) state_q <= Group;
        Group: if (opens) state_q <= Strip;
        Strip: if (strips_ahead < 2'd2) state_q <= Queries;
        Queries: if (issues && run_ends) state_q <= Lows;
        Lows: if (issues && run_ends) state_q <= external_q ? Masks : Answers;
        Masks: if (issues && run_ends) state_q <= Answers;
        default: begin
          if (loads && left_q == strip_rows) state_q <= Head;
          else if (loads) state_q <= strip_q == @{strip_of_w}'d@{strips-1} ? Group : Strip;
        end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      m_q <= '0;
      d_q <= '0;
      causal_q <= 1'b0;
      external_q <= 1'b0;
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
      q_low_at_q <= '0;
      k_low_at_q <= '0;
      mask_at_q <= '0;
      o_at_q <= '0;
    end else if (takes) begin
      q_at_q <= j_q_i;
      q_low_at_q <= j_q_low_i;
      k_low_at_q <= j_k_low_i;
      mask_at_q <= j_mask_i;
      o_at_q <= j_o_i;
    end else if (issues) begin
      case (kind)
        2'd0: k_low_at_q <= next_at;
        2'd1: q_low_at_q <= next_at;
        2'd2: begin
          q_at_q <= next_at;
          o_at_q <= o_at_q + @{addr_w}'d@{bus_bytes};  // rows of o are as long as those of q
        end
        default: mask_at_q <= next_at;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      loaded_q <= '0;
      started_q <= '0;
      pending_q <= '0;
      left_q <= '0;
      first_q <= '0;
      strip_q <= '0;
      base_q <= '0;
      row_q <= '0;
      beat_q <= '0;
    end else begin
      pending_q <= pending_q + @{pending_w}'(issues) - @{pending_w}'(got_i && pending_q != '0);
      if (issues) begin
        beat_q <= row_ends ? '0 : beat_q + @{beat_w}'d1;
        if (row_ends) row_q <= run_ends ? '0 : row_q + @{count_w}'d1;
      end
      if (takes) begin
        left_q <= j_l_i;
        first_q <= '0;
      end
      if (opens) begin
        started_q <= started_q + 2'd1;
        base_q <= half ? @{index_w}'d@{group_rows} : '0;
        strip_q <= '0;
      end
      if (loads) begin
        loaded_q <= loaded_q + 2'd1;
        left_q <= left_q - strip_rows;
        first_q <= first_q + strip_rows;
        base_q <= base_q + @{index_w}'d@{rows};
        strip_q <= strip_q == @{strip_of_w}'d@{strips-1} ? '0 : strip_q + @{strip_of_w}'d1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      g_rows_q <= '0;
      g_first_q <= '0;
      g_keys_q <= '0;
      g_d_q <= '0;
      g_beats_q <= '0;
      g_causal_q <= '0;
      g_external_q <= '0;
      g_policy_q <= '0;
      g_threshold_q <= '0;
      g_k_q <= '0;
      g_v_q <= '0;
      g_o_q <= '0;
      g_final_q <= '0;
      g_job_q <= '0;
    end else if (opens) begin
      g_rows_q[half*@{group_count_w}+:@{group_count_w}] <= group_rows;
      g_first_q[half*@{len_w}+:@{len_w}] <= first_q;
      g_keys_q[half*@{len_w}+:@{len_w}] <= m_q;
      g_d_q[half*@{d_w}+:@{d_w}] <= d_q;
      g_beats_q[half*@{g_beats_w}+:@{g_beats_w}] <= @{g_beats_w}'(row_beats);
      g_causal_q[half] <= causal_q;
      g_external_q[half] <= external_q;
      g_policy_q[half*2+:2] <= policy_q;
      g_threshold_q[half*@{threshold_w}+:@{threshold_w}] <= threshold_q;
      g_k_q[half*@{addr_w}+:@{addr_w}] <= k_q;
      g_v_q[half*@{addr_w}+:@{addr_w}] <= v_q;
      g_o_q[half*@{addr_w}+:@{addr_w}] <= o_at_q;
      g_final_q[half] <= final_q && group_rest;
      g_job_q[half*16+:16] <= number_q;
    end
  end

  assign job_ready_o = state_q == Head;
  assign loaded_o = loaded_q;
  assign g_rows_o = g_rows_q;
  assign g_first_o = g_first_q;
  assign g_keys_o = g_keys_q;
  assign g_d_o = g_d_q;
  assign g_beats_o = g_beats_q;
  assign g_causal_o = g_causal_q;
  assign g_external_o = g_external_q;
  assign g_policy_o = g_policy_q;
  assign g_threshold_o = g_threshold_q;
  assign g_k_o = g_k_q;
  assign g_v_o = g_v_q;
  assign g_o_o = g_o_q;
  assign g_final_o = g_final_q;
  assign g_job_o = g_job_q;
endmodule
`default_nettype wire
