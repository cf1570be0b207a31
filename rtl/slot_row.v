// SPDX-License-Identifier: Apache-2.0
//@let v_at_w = clog2(columns * left_w)
//@let h_at_w = clog2(columns * top_w)
//@let v_per_word = left_w < 32 && 32 % left_w == 0 && (1 << col_w) == columns && columns * left_w > 32 ? 32 / left_w : 0
//@let h_per_word = top_w < 32 && 32 % top_w == 0 && (1 << col_w) == columns && columns * top_w > 32 ? 32 / top_w : 0
//@let up = max(row_sum_frac - score_frac, 0)
//@let down = max(score_frac - row_sum_frac, 0)
//@let term_w = max(score_w + up, row_sum_w + down)
//@let sum_w = term_w - down + 1
//@let count_w = clog2(pes + 1)
/// One query row under travelling control: operand and tag taps, @{pes} slots with a PE each, their delay lines, one exp
/// unit and a row sum for each parity. It starts nothing: tags say what happens, configurations where.
/// Left operand and tag to tap j: j + 1 cycles; top to bottom: one cycle; out_o: combinational from registers.
`default_nettype none
module @{prefix}_slot_row (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{left_w-1}:0] left_i,
    input  logic [@{columns*top_w-1}:0] top_i,
    input  logic [3:0] tag_i,              // {par, op}
    input  logic load_i,                   // the next configuration of every slot
    input  logic [@{pes*2-1}:0] mode_i,
    input  logic [@{pes*col_w-1}:0] col_i,
    output logic [@{columns*top_w-1}:0] bot_o,
    output logic [3:0] tag_down_o,
    output logic [@{out_w-1}:0] out_o,
    output logic [1:0] out_op_o,           // 0 none, 1 word, 2 the pass's last word
    output logic [@{row_sum_w-1}:0] sum_o,
    output logic clash_o
);
  logic [@{columns*left_w-1}:0] v_q;
  logic [@{columns*top_w-1}:0] h_q;
  logic [@{4*(columns+1)-1}:0] tag_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      v_q <= '0;
      h_q <= '0;
      tag_q <= '0;
    end else begin
      v_q <= {v_q[@{(columns-1)*left_w-1}:0], left_i};
      h_q <= top_i;
      tag_q <= {tag_q[@{4*columns-1}:0], tag_i};
    end
  end
  assign bot_o = h_q;
  assign tag_down_o = tag_q[3:0];

  // ---- slots ----
  logic [@{pes*acc_w-1}:0] acc, tap;
  logic [@{(pes+1)*c4_w-1}:0] gaps;  // gap k is chosen by slot k, for its left neighbour's tap
  logic [@{pes-1}:0] calc, par, acc_sat;
  logic [@{score_w-1}:0] y;

  for (genvar k = 0; k < @{pes}; k++) begin : g_slot
    logic [@{col_w-1}:0] col;
    logic [@{c4_w-1}:0] gap_in;
    logic left_in, sel, from_left, active;
    logic [2:0] c3;
    logic [1:0] c5;
    logic [@{left_w-1}:0] v;
    logic [@{top_w-1}:0] b;
    logic [@{score_w-1}:0] score;
    logic [@{acc_w-1}:0] o, x, x_any;  // x_any: of this slot and those before it

    if (k == 0) begin : g_first
      assign left_in = 1'b0;
      assign gap_in = '0;
      assign o = '0;
      assign x_any = x;
      // Slot 0 has no neighbour.
      logic unused;
      assign unused = ^{gaps[@{c4_w-1}:0], from_left};
    end else begin : g_next
      assign left_in = mode_i[(k-1)*2+:2] != 2'd0;
      assign gap_in = left_in ?
          @{c4_w}'(col_i[k*@{col_w}+:@{col_w}] - col_i[(k-1)*@{col_w}+:@{col_w}] - @{col_w}'d1) : '0;
      assign o = from_left ? tap[(k-1)*@{acc_w}+:@{acc_w}] : '0;
      assign x_any = g_slot[k-1].x_any | x;
    end

    @{prefix}_slot_control u_control (
        .clk_i,
        .rst_ni,
        .tags_i(tag_q[@{4*columns-1}:0]),
        .load_i,
        .mode_in_i(mode_i[k*2+:2]),
        .col_in_i(col_i[k*@{col_w}+:@{col_w}]),
        .gap_in_i(gap_in),
        .left_in_i(left_in),
        .col_o(col),
        .sel_o(sel),
        .c3_o(c3),
        .c5_o(c5),
        .gap_o(gaps[k*@{c4_w}+:@{c4_w}]),
        .from_left_o(from_left),
        .active_o(active),
        .par_o(par[k])
    );

    // Where elements fill 32-bit words, a word and then an element of it: to a simulator a select that may lie across
    // two words costs as much as three that cannot.
//@if v_per_word
    assign v = @{left_w}'(v_q[{col[@{col_w-1}:@{clog2(v_per_word)}], 5'd0}+:32] >>
        {col[@{clog2(v_per_word)-1}:0], @{clog2(left_w)}'d0});
//@else
//@if (1 << col_w) != columns
    assign v = col < @{col_w}'d@{columns} ? v_q[@{v_at_w}'(col)*@{v_at_w}'d@{left_w}+:@{left_w}] : '0;
//@else
    assign v = v_q[@{v_at_w}'(col)*@{v_at_w}'d@{left_w}+:@{left_w}];
//@endif
//@endif
//@if h_per_word
    assign b = active ? @{top_w}'(h_q[{col[@{col_w-1}:@{clog2(h_per_word)}], 5'd0}+:32] >>
        {col[@{clog2(h_per_word)-1}:0], @{clog2(top_w)}'d0}) : '0;
//@else
//@if (1 << col_w) != columns
    assign b = active && col < @{col_w}'d@{columns} ? h_q[@{h_at_w}'(col)*@{h_at_w}'d@{top_w}+:@{top_w}] : '0;
//@else
    assign b = active ? h_q[@{h_at_w}'(col)*@{h_at_w}'d@{top_w}+:@{top_w}] : '0;
//@endif
//@endif
    assign calc[k] = c5 == 2'd1;

    @{prefix}_pe u_pe (
        .clk_i,
        .rst_ni,
        .a_i(active ? v[@{q_w-1}:0] : '0),
        .b_i(b),
        .sel_i(sel),
        .o_i(o),
        .s_i(@{score_w}'d0),
        .c3_i(c3),
        .c5_i(c5),
        .y_i(y),
        .bias_i(v[@{bias_w-1}:0]),
        .sat_o(acc_sat[k]),
        .acc_o(acc[k*@{acc_w}+:@{acc_w}]),
        .score_o(score),
        .x_o(x)
    );
    // Scores stay where they are.
    logic unused_score;
    assign unused_score = ^score;
  end

  // x is 0 where nobody calculates; with at most one that does, the OR is its own.
  logic exp_sat;
  @{prefix}_exp u_exp (
      .x_i(g_slot[@{pes-1}].x_any),
      .y_o(y),
      .sat_o(exp_sat)
  );

  @{prefix}_delay_line u_line (
      .clk_i,
      .rst_ni,
      .acc_i(acc),
      .c4_i(gaps[@{(pes+1)*c4_w-1}:@{c4_w}]),
      .shift_i(1'b1),
      .clear_i(1'b0),
      .tap_o(tap)
  );

  // ---- the output slot: as if a slot at column @{columns} forwarded ----
  logic [@{2*c4_w+3}:0] tail_q;  // {par, nv, nused, ngap, used, gap}
  logic t_par, t_nv, t_used, t_hit, t_last, t_swap, last_used;
  logic [@{c4_w}:0] t_next, t_now;  // {used, gap}
  logic [3:0] t_tag;
  assign {t_par, t_nv, t_next, t_now} = tail_q;
  assign {t_used, gaps[@{pes*c4_w}+:@{c4_w}]} = t_now;
  assign t_tag = tag_q[@{4*columns}+:4];
  assign t_hit = t_used && t_tag[3] == t_par;
  assign t_last = t_hit && t_tag[2:0] == 3'd5;
  assign t_swap = t_nv && (t_last || !t_used);
  assign last_used = mode_i[@{(pes-1)*2}+:2] != 2'd0;
  always_ff @(posedge clk_i) begin : p_tail
    logic [@{c4_w-1}:0] gap;
    gap = @{c4_w}'(@{col_w}'d@{columns-1} - col_i[@{(pes-1)*col_w}+:@{col_w}]);
    if (!rst_ni) tail_q <= {1'b1, @{2*c4_w+3}'d0};
    else
      tail_q <= {
        t_par ^ t_swap,
        load_i || (t_nv && !t_swap),
        load_i ? {last_used, last_used ? gap : @{c4_w}'d0} : t_next,
        t_swap ? t_next : {t_used && !t_last, t_now[@{c4_w-1}:0]}
      };
  end
  assign out_op_o = {t_last, t_hit && t_tag[2:0] == 3'd4};
  assign out_o = out_op_o != '0 ? tap[@{(pes-1)*acc_w}+:@{acc_w}] : '0;

  // ---- row sums, one a parity ----
  logic [@{2*row_sum_w-1}:0] sum_q;
  logic clash_q;
  logic [31:0] acc_sat_q, exp_sat_q, sum_sat_q;  // events are counted until the counters are full
  assign sum_o = t_par ? sum_q[@{row_sum_w}+:@{row_sum_w}] : sum_q[@{row_sum_w-1}:0];
  assign clash_o = clash_q;
  always_ff @(posedge clk_i) begin : p_sums
    logic p, too_big;
    logic [@{term_w-1}:0] term;
    logic [@{row_sum_w-1}:0] old;
    logic [@{sum_w-1}:0] sum;
    if (!rst_ni) begin
      sum_q <= '0;
      clash_q <= '0;
      exp_sat_q <= '0;
      sum_sat_q <= '0;
    end else begin
      if (calc != '0) begin
        p = |(par & calc & (~calc + @{pes}'d1));  // of the lowest
        old = p ? sum_q[@{row_sum_w}+:@{row_sum_w}] : sum_q[@{row_sum_w-1}:0];
//@if up != 0
        term = @{term_w}'($signed(y)) << @{up};
//@else
        term = @{term_w}'($signed(y));
//@endif
        sum = @{sum_w}'($signed(old)) + @{sum_w}'($signed(term[@{term_w-1}:@{down}]));
        // fits when all bits from the sign upwards agree
        too_big = sum[@{sum_w-1}:@{row_sum_w-1}] != {@{sum_w-row_sum_w+1}{sum[@{sum_w-1}]}};
        if (p) sum_q[@{row_sum_w}+:@{row_sum_w}] <= too_big ?
            {sum[@{sum_w-1}], {@{row_sum_w-1}{~sum[@{sum_w-1}]}}} : sum[@{row_sum_w-1}:0];
        else sum_q[@{row_sum_w-1}:0] <= too_big ?
            {sum[@{sum_w-1}], {@{row_sum_w-1}{~sum[@{sum_w-1}]}}} : sum[@{row_sum_w-1}:0];
        if (too_big && !(t_last && t_par == p) && sum_sat_q != '1) sum_sat_q <= sum_sat_q + 32'd1;
        if (exp_sat && exp_sat_q != '1) exp_sat_q <= exp_sat_q + 32'd1;
        if ((calc & (calc - @{pes}'d1)) != '0) clash_q <= 1'b1;
      end
      // A clear wins over an add.
      if (t_last) begin
        if (t_par) sum_q[@{row_sum_w}+:@{row_sum_w}] <= '0;
        else sum_q[@{row_sum_w-1}:0] <= '0;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_counter
    logic [@{count_w-1}:0] count;
    logic [32:0] next;
    if (!rst_ni) acc_sat_q <= '0;
    else if (acc_sat != '0) begin
      count = '0;
      for (int k = 0; k < @{pes}; k++) count = count + @{count_w}'(acc_sat[k]);
      next = {1'b0, acc_sat_q} + 33'(count);
      acc_sat_q <= next[32] ? '1 : next[31:0];
    end
  end
endmodule
`default_nettype wire
