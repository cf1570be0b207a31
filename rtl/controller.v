// SPDX-License-Identifier: Apache-2.0
//@let beats = 64 / bus_bytes
//@let beats_w = clog2(beats + 1)
//@let bus_shift = clog2(bus_bytes)
//@let size_w = 12
//@let span_w = 40
//@let end_w = 48
//@let per_beat = columns * mask_lanes
/// Reads the host's job descriptors, checks them, offers heads to fetch and writes statuses.
/// It does not wait for a job before it reads the next one, and knows nothing of the work itself.
/// A job's checks take 24 cycles once its descriptor is here; heads are offered one after the other.
`default_nettype none
module @{prefix}_controller (
    input  logic clk_i,
    input  logic rst_ni,
    // host
    input  logic start_i,
    input  logic [@{addr_w-1}:0] queue_i,
    input  logic [@{addr_w-1}:0] status_i,
    input  logic [15:0] count_i,
    input  logic [@{addr_w}:0] limit_i,
    output logic busy_o,
    output logic [15:0] finished_o,
    output logic [15:0] failed_o,
    // memory_port
    output logic rd_valid_o,
    output logic [@{addr_w-1}:0] rd_addr_o,
    input  logic rd_ready_i,
    input  logic got_i,
    input  logic [@{bus_w-1}:0] got_data_i,
    output logic wr_valid_o,
    output logic [@{addr_w-1}:0] wr_addr_o,
    output logic [@{bus_w-1}:0] wr_data_o,
    input  logic wr_ready_i,
    // heads to fetch
    output logic job_valid_o,
    output logic [@{len_w-1}:0] j_l_o,
    output logic [@{len_w-1}:0] j_m_o,
    output logic [@{d_w-1}:0] j_d_o,
    output logic j_causal_o,
    output logic j_external_o,
    output logic [1:0] j_policy_o,
    output logic [@{threshold_w-1}:0] j_threshold_o,
    output logic [@{addr_w-1}:0] j_q_o,
    output logic [@{addr_w-1}:0] j_k_o,
    output logic [@{addr_w-1}:0] j_v_o,
    output logic [@{addr_w-1}:0] j_q_low_o,
    output logic [@{addr_w-1}:0] j_k_low_o,
    output logic [@{addr_w-1}:0] j_mask_o,
    output logic [@{addr_w-1}:0] j_o_o,
    output logic j_final_o,
    output logic [15:0] j_number_o,
    input  logic job_ready_i,
    // finished jobs from drain
    input  logic fin_valid_i,
    input  logic [15:0] fin_job_i,
    output logic fin_ready_o
);
  localparam logic [3:0] Idle = 4'd0, Areas = 4'd1, Read = 4'd2, Check = 4'd3, Rows = 4'd4, Span = 4'd5;
  localparam logic [3:0] Place = 4'd6, Verdict = 4'd7, Offer = 4'd8, Status = 4'd9, Wait = 4'd10;
  localparam logic [2:0] First = 3'd6, Last = 3'd5;  // matrices in descriptor order; o first: it meets the others

  logic [3:0] state_q;
  // the run
  logic [@{addr_w-1}:0] queue_q, status_q;
  logic [15:0] count_q, finished_q, failed_q;
  logic [@{addr_w}:0] limit_q;
  // the job and its checks
  logic [15:0] number_q;
  logic [@{beats_w-1}:0] asked_q, answered_q;
  logic [511:0] desc_q;
  logic [2:0] matrix_q;
  logic [@{span_w-1}:0] head_q, span_q;  // beats of a matrix: of one head, of all
  logic [@{end_w-1}:0] o_end_q;
  logic beyond_q, overlap_q;
  logic [3:0] code_q;
  // its heads
  logic [@{7*addr_w-1}:0] step_q, at_q;
  logic [15:0] left_q;
  // the writer
  logic wr_valid_q;
  logic [15:0] wr_job_q;
  logic [3:0] wr_code_q;

  // ---- fields ----
  logic [15:0] l, m, heads;
  logic [7:0] d;
  logic external;
  logic [1:0] policy;
  logic [31:0] threshold, o;
  assign {m, l} = desc_q[32+:32];
  assign {policy, external} = desc_q[73+:3];
  assign d = desc_q[64+:8];
  assign threshold = desc_q[96+:32];
  assign o = desc_q[320+:32];
  assign heads = desc_q[352+:16];

  // ---- codes 1 to 5: what the descriptor alone shows ----
  logic bad_version, bad_length, bad_head, no_heads, misaligned;
  logic [@{bus_shift-1}:0] low_bits;
  assign bad_version = desc_q[31:0] != 32'h53470001 || desc_q[76+:20] != '0 || desc_q[368+:144] != '0 ||
      policy == 2'd3;
  assign bad_length = l == '0 || m == '0 || l > 16'd@{keys_max} || m > 16'd@{keys_max};
  assign bad_head = d == '0 || d > 8'd@{head_max};
  assign no_heads = heads == '0;
  always @* begin
    low_bits = desc_q[128+:@{bus_shift}] | desc_q[160+:@{bus_shift}] | desc_q[192+:@{bus_shift}] |
        desc_q[224+:@{bus_shift}] | desc_q[256+:@{bus_shift}] | desc_q[320+:@{bus_shift}];
    if (external) low_bits = low_bits | desc_q[288+:@{bus_shift}];
  end
  assign misaligned = low_bits != '0;
  logic [3:0] early_code, late_code;
  assign early_code = bad_version ? 4'd1 : bad_length ? 4'd2 : bad_head ? 4'd3 : no_heads ? 4'd4 :
      misaligned ? 4'd5 : 4'd0;

  // ---- codes 6 and 7: a matrix a time, rows x beats, x heads, + its address ----
  logic [@{size_w-1}:0] row_beats, low_beats, mask_beats, beats;
  assign row_beats = ((@{size_w}'(d) << 1) + @{size_w}'d@{bus_bytes-1}) >> @{bus_shift};
//@if low_w == 4
  assign low_beats = (((@{size_w}'(d) + @{size_w}'d1) >> 1) + @{size_w}'d@{bus_bytes+3}) >> @{bus_shift};
//@else
  assign low_beats = (@{size_w}'(d) + @{size_w}'d@{bus_bytes+3}) >> @{bus_shift};
//@endif
  always @* begin
    mask_beats = '0;  // a beat for each @{per_beat} keys
    for (int n = 0; n < @{(keys_max + per_beat - 1) / per_beat}; n++) begin
      mask_beats = mask_beats + @{size_w}'(m > 16'(n * @{per_beat}));
    end
  end
  logic [15:0] rows;
  logic of_keys, is_o, is_mask, is_low, is_used;
  assign of_keys = matrix_q == 3'd1 || matrix_q == 3'd2 || matrix_q == 3'd4;
  assign rows = of_keys ? m : l;
  assign is_low = matrix_q == 3'd3 || matrix_q == 3'd4;
  assign is_mask = matrix_q == 3'd5;
  assign is_o = matrix_q == 3'd6;
  assign is_used = !is_mask || external;
  assign beats = is_mask ? mask_beats : is_low ? low_beats : row_beats;

  logic [31:0] from;
  logic [@{end_w-1}:0] to, limit, queue_end, status_end;
  assign from = desc_q[9'd128+{1'b0, matrix_q, 5'd0}+:32];
  assign to = @{end_w}'(from) + (@{end_w}'(span_q) << @{bus_shift});
  assign limit = @{end_w}'(limit_q);
  assign queue_end = @{end_w}'(queue_q) + (@{end_w}'(count_q) << 6);
  assign status_end = @{end_w}'(status_q) + (@{end_w}'(count_q) << @{bus_shift});

  logic meets_areas, meets_o;
  assign meets_areas = (@{end_w}'(from) < queue_end && @{end_w}'(queue_q) < to) ||
      (@{end_w}'(from) < status_end && @{end_w}'(status_q) < to);
  assign meets_o = @{end_w}'(from) < o_end_q && @{end_w}'(o) < to;
  assign late_code = beyond_q ? 4'd6 : overlap_q ? 4'd7 : threshold[31:@{threshold_w}] != '0 ? 4'd8 : 4'd0;

  logic bad_areas;
  assign bad_areas = queue_q[@{bus_shift-1}:0] != '0 || status_q[@{bus_shift-1}:0] != '0 || queue_end > limit ||
      status_end > limit;

  // ---- sequence ----
  logic starts, here, fails, passes, taken, next_job, all_written;
  logic [15:0] next_number;
  assign starts = state_q == Idle && start_i;
  assign here = state_q == Read && got_i && answered_q == @{beats_w}'d@{beats-1};
  assign fails = state_q == Status && !wr_valid_q;
  assign passes = state_q == Verdict && late_code == '0;
  assign taken = state_q == Offer && job_ready_i;
  assign next_job = fails || (taken && left_q == 16'd1);
  assign next_number = number_q + 16'd1;
  assign all_written = 17'(finished_q) + 17'(failed_q) >= 17'(count_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= Idle;
    end else begin
      case (state_q)
        Idle: if (start_i) state_q <= Areas;
        Areas: state_q <= count_q == '0 || bad_areas ? Idle : Read;
        Read: if (here) state_q <= Check;
        Check: state_q <= early_code != '0 ? Status : Rows;
        Rows: state_q <= Span;
        Span: state_q <= Place;
        Place: state_q <= matrix_q == Last ? Verdict : Rows;
        Verdict: state_q <= passes ? Offer : Status;
        Offer, Status: if (next_job) state_q <= next_number == count_q ? Wait : Read;
        default: if (all_written) state_q <= Idle;
      endcase
    end
  end

  // ---- the run ----
  logic written;
  assign written = wr_valid_q && wr_ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      queue_q <= '0;
      status_q <= '0;
      count_q <= '0;
      limit_q <= '0;
      finished_q <= '0;
      failed_q <= '0;
    end else begin
      if (written && wr_code_q == '0) finished_q <= finished_q + 16'd1;
      if (written && wr_code_q != '0) failed_q <= failed_q + 16'd1;
      if (starts) begin
        queue_q <= queue_i;
        status_q <= status_i;
        count_q <= count_i;
        limit_q <= limit_i[@{addr_w}] ? {1'b1, @{addr_w}'d0} : limit_i;
        finished_q <= '0;
        failed_q <= '0;
      end
      if (state_q == Areas && count_q != '0 && bad_areas) failed_q <= count_q;
    end
  end

  // ---- the descriptor ----
  assign rd_valid_o = state_q == Read && asked_q != @{beats_w}'d@{beats};
  assign rd_addr_o = queue_q + @{addr_w}'({number_q, 6'd0}) + (@{addr_w}'(asked_q) << @{bus_shift});
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      number_q <= '0;
      asked_q <= '0;
      answered_q <= '0;
      desc_q <= '0;
    end else begin
      if (starts) number_q <= '0;
      if (next_job) number_q <= next_number;
      if (rd_valid_o && rd_ready_i) asked_q <= asked_q + @{beats_w}'d1;
      if (state_q == Read && got_i) begin
        answered_q <= answered_q + @{beats_w}'d1;
//@if beats > 1
        desc_q[9'(answered_q)*9'd@{bus_w}+:@{bus_w}] <= got_data_i;
//@else
        desc_q <= got_data_i;
//@endif
      end
      if ((state_q == Areas && count_q != '0 && !bad_areas) || (next_job && next_number != count_q)) begin
        asked_q <= '0;
        answered_q <= '0;
      end
    end
  end

  // ---- checks and heads ----
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      matrix_q <= '0;
      head_q <= '0;
      span_q <= '0;
      o_end_q <= '0;
      beyond_q <= 1'b0;
      overlap_q <= 1'b0;
      code_q <= '0;
      step_q <= '0;
      at_q <= '0;
      left_q <= '0;
    end else begin
      if (state_q == Check) begin
        matrix_q <= First;
        beyond_q <= 1'b0;
        overlap_q <= 1'b0;
        if (early_code != '0) code_q <= early_code;
      end
      if (state_q == Rows) head_q <= @{span_w}'(rows) * @{span_w}'(beats);
      if (state_q == Span) begin
        span_q <= head_q * @{span_w}'(heads);
        step_q[matrix_q*@{addr_w}+:@{addr_w}] <= @{addr_w}'(head_q << @{bus_shift});
      end
      if (state_q == Place) begin
        if (is_o) o_end_q <= to;
        if (is_o ? meets_areas : is_used && meets_o) overlap_q <= 1'b1;
        if (is_used && to > limit) beyond_q <= 1'b1;
        matrix_q <= is_o ? 3'd0 : matrix_q + 3'd1;
      end
      if (state_q == Verdict && !passes) code_q <= late_code;
      if (passes) begin
        for (int n = 0; n < 7; n++) at_q[n*@{addr_w}+:@{addr_w}] <= desc_q[128+32*n+:@{addr_w}];
        left_q <= heads;
      end
      if (taken) begin
        for (int n = 0; n < 7; n++) begin
          at_q[n*@{addr_w}+:@{addr_w}] <= at_q[n*@{addr_w}+:@{addr_w}] + step_q[n*@{addr_w}+:@{addr_w}];
        end
        left_q <= left_q - 16'd1;
      end
    end
  end

  // ---- the writer: one status ----
  assign fin_ready_o = state_q != Idle && state_q != Status && !wr_valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_valid_q <= 1'b0;
      wr_job_q <= '0;
      wr_code_q <= '0;
    end else if (wr_valid_q) begin
      wr_valid_q <= !wr_ready_i;
    end else if (fails) begin
      wr_valid_q <= 1'b1;
      wr_job_q <= number_q;
      wr_code_q <= code_q;
    end else if (fin_ready_o && fin_valid_i) begin
      wr_valid_q <= 1'b1;
      wr_job_q <= fin_job_i;
      wr_code_q <= '0;
    end
  end
  assign wr_valid_o = wr_valid_q;
  assign wr_addr_o = status_q + @{addr_w}'(@{end_w}'(wr_job_q) << @{bus_shift});
  assign wr_data_o = @{bus_w}'({16'd0, wr_job_q, 1'b1, 27'd0, wr_code_q});

  assign busy_o = state_q != Idle;
  assign finished_o = finished_q;
  assign failed_o = failed_q;
  assign job_valid_o = state_q == Offer;
  assign j_l_o = l[@{len_w-1}:0];
  assign j_m_o = m[@{len_w-1}:0];
  assign j_d_o = d[@{d_w-1}:0];
  assign j_causal_o = desc_q[72];
  assign j_external_o = external;
  assign j_policy_o = policy;
  assign j_threshold_o = threshold[@{threshold_w-1}:0];
  assign {j_o_o, j_mask_o, j_k_low_o, j_q_low_o, j_v_o, j_k_o, j_q_o} = at_q;
  assign j_final_o = left_q == 16'd1;
  assign j_number_o = number_q;
endmodule
`default_nettype wire
