// SPDX-License-Identifier: Apache-2.0
//@let v_at_w = clog2(columns * q_w)
//@let h_at_w = clog2(columns * top_w)
//@if signed
//@let up = max(row_sum_frac - score_frac, 0)
//@let down = max(score_frac - row_sum_frac, 0)
//@let term_w = max(score_w + up, row_sum_w + down)
//@let sum_w = term_w - down + 1
//@let count_w = clog2(pes + 1)
//@endif
/// One query row: operand taps, @{pes} PEs with their exp units, their delay lines and the sum of scores.
/// Operands are selected here; control comes from outside, for every PE its own.
/// Left operand to tap j: j + 1 cycles; top to bottom: one cycle; out_o: combinational from c4_i.
/// c1: tap, @{columns} the score, above 0; c2: column register, from @{columns} on 0; c3, c5: see the PE.
`default_nettype none
module @{prefix}_pe_row (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{q_w-1}:0] left_i,
    input  logic [@{columns*top_w-1}:0] top_i,
    input  logic clear_i,  // operand registers to 0, before loading
    input  logic [@{pes*c1_w-1}:0] c1_i,
    input  logic [@{pes*c2_w-1}:0] c2_i,
    input  logic [@{pes*3-1}:0] c3_i,
    input  logic [@{pes*c4_w-1}:0] c4_i,
    input  logic [@{pes*2-1}:0] c5_i,
    input  logic shift_i,
    input  logic line_clear_i,
//@if signed
    input  logic [@{bias_w-1}:0] bias_i,
    input  logic sum_clear_i,  // before adding
//@endif
    output logic [@{columns*top_w-1}:0] bot_o,
    output logic [@{acc_w-1}:0] out_o,
    output logic [@{row_sum_w-1}:0] sum_o
);
  logic [@{columns*q_w-1}:0] v_q;
  logic [@{columns*top_w-1}:0] h_q;
  logic [@{row_sum_w-1}:0] sum_q;
  logic [@{pes*acc_w-1}:0] acc, tap_n;
  logic [@{pes*score_w-1}:0] score;
//@if signed
  logic [@{pes-1}:0] acc_sat, exp_sat;
//@endif

  for (genvar k = 0; k < @{pes}; k++) begin : g_pe
    logic [@{c1_w-1}:0] c1;
    logic [@{c2_w-1}:0] c2;
    logic [@{q_w-1}:0] a;
    logic [@{top_w-1}:0] b;
    logic [@{acc_w-1}:0] o, x;
    logic [@{score_w-1}:0] s, y;

    assign c1 = c1_i[k*@{c1_w}+:@{c1_w}];
    assign c2 = c2_i[k*@{c2_w}+:@{c2_w}];
    assign a = c1 < @{c1_w}'d@{columns} ? v_q[@{v_at_w}'(c1)*@{v_at_w}'d@{q_w}+:@{q_w}] : '0;
    assign b = c2 < @{c2_w}'d@{columns} ? h_q[@{h_at_w}'(c2)*@{h_at_w}'d@{top_w}+:@{top_w}] : '0;
    if (k == 0) begin : g_first
      assign o = '0;
      assign s = '0;
    end else begin : g_next
      assign o = tap_n[(k-1)*@{acc_w}+:@{acc_w}];
      assign s = score[(k-1)*@{score_w}+:@{score_w}];
    end

    @{prefix}_pe u_pe (
        .clk_i,
        .rst_ni,
        .a_i(a),
        .b_i(b),
        .sel_i(c1 == @{c1_w}'d@{columns}),
        .o_i(o),
        .s_i(s),
        .c3_i(c3_i[k*3+:3]),
        .c5_i(c5_i[k*2+:2]),
        .y_i(y),
//@if signed
        .bias_i,
        .sat_o(acc_sat[k]),
//@endif
        .acc_o(acc[k*@{acc_w}+:@{acc_w}]),
        .score_o(score[k*@{score_w}+:@{score_w}]),
        .x_o(x)
    );

//@if signed
    // x is 0 unless it is taken
    logic sat;
    @{prefix}_exp u_exp (
        .x_i(x),
        .y_o(y),
        .sat_o(sat)
    );
    assign exp_sat[k] = sat && c5_i[k*2+:2] == 2'd1;
//@else
    @{prefix}_exp u_exp (
        .x_i(x),
        .y_o(y)
    );
//@endif
  end

  @{prefix}_delay_line u_line (
      .clk_i,
      .rst_ni,
      .acc_i(acc),
      .c4_i,
      .shift_i,
      .clear_i(line_clear_i),
      .tap_o(tap_n)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      v_q <= '0;
      h_q <= '0;
    end else begin
      v_q <= {v_q[@{(columns-1)*q_w-1}:0], left_i};
      h_q <= top_i;
    end
  end

  // the score that leaves the row
  logic [@{score_w-1}:0] last_score;
  logic last_moves;
  assign last_score = score[@{(pes-1)*score_w}+:@{score_w}];
  assign last_moves = c5_i[@{(pes-1)*2}+:2] == 2'd2;
//@if signed

  logic [@{term_w-1}:0] term;
  logic [@{sum_w-1}:0] sum;
  logic sum_too_big;
//@if up != 0
  assign term = @sext{last_score, score_w, term_w} << @{up};
//@else
  assign term = @sext{last_score, score_w, term_w};
//@endif
  assign sum = @sext{sum_q, row_sum_w, sum_w} + {term[@{term_w-1}], term[@{term_w-1}:@{down}]};
  // fits when all bits from sum_q's sign upwards agree
  assign sum_too_big = sum[@{sum_w-1}:@{row_sum_w-1}] != {@{sum_w-row_sum_w+1}{sum[@{sum_w-1}]}};

  always_ff @(posedge clk_i) begin
    if (!rst_ni || sum_clear_i) sum_q <= '0;
    else if (last_moves)
      sum_q <= sum_too_big ? {sum[@{sum_w-1}], {@{row_sum_w-1}{~sum[@{sum_w-1}]}}} : sum[@{row_sum_w-1}:0];
  end

  // Events are counted until the counters are full, then they stay there.
  logic [31:0] acc_sat_q, exp_sat_q, sum_sat_q;
  always_ff @(posedge clk_i) begin : p_counters
    logic [@{count_w-1}:0] acc_count, exp_count;
    logic [32:0] acc_d, exp_d, sum_d;
    acc_count = '0;
    exp_count = '0;
    for (int k = 0; k < @{pes}; k++) begin
      acc_count = acc_count + @{count_w}'(acc_sat[k]);
      exp_count = exp_count + @{count_w}'(exp_sat[k]);
    end
    acc_d = {1'b0, acc_sat_q} + 33'(acc_count);
    exp_d = {1'b0, exp_sat_q} + 33'(exp_count);
    sum_d = {1'b0, sum_sat_q} + 33'(last_moves && !sum_clear_i && sum_too_big);
    if (!rst_ni) begin
      acc_sat_q <= '0;
      exp_sat_q <= '0;
      sum_sat_q <= '0;
    end else begin
      acc_sat_q <= acc_d[32] ? '1 : acc_d[31:0];
      exp_sat_q <= exp_d[32] ? '1 : exp_d[31:0];
      sum_sat_q <= sum_d[32] ? '1 : sum_d[31:0];
    end
  end
//@else

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) sum_q <= '0;
    else if (last_moves) sum_q <= sum_q + last_score;
  end
//@endif

  assign bot_o = h_q;
  assign out_o = tap_n[@{(pes-1)*acc_w}+:@{acc_w}];
  assign sum_o = sum_q;
endmodule
`default_nettype wire
