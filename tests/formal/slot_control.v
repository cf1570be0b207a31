// SPDX-License-Identifier: Apache-2.0
// says: a slot is its page: which tags are its own, what its PE does at each, when the next configuration takes over and the parity turns
// unit: slot_control
// designs: tiny_2x4x2_travelling one_pe_6x5x1_travelling full_4x4x4_travelling odd_5x7x3_travelling ties_7x9x3_travelling paper_64x16
// method: induction 1
// canary: slot_control.v: load_i || (slot_q[@{2*place_w}] && !swap), ==> load_i || slot_q[@{2*place_w}],
// quick: odd_5x7x3_travelling
  logic [1:0] now_mode, then_mode;
  logic [@{col_w-1}:0] now_col, then_col;
  logic [@{c4_w-1}:0] now_gap, then_gap;
  logic now_left, then_left, valid, parity;

  logic [3:0] seen;
  always @* begin
    seen = '0;
    for (int c = 0; c < @{columns}; c++) if (now_col == c) seen = tags_i[c*4+:4];
  end
  logic own, ends, turns;
  assign own = now_mode != 2'd0 && seen[3] == parity && seen[2:0] >= 3'd1 && seen[2:0] <= 3'd5;
  assign ends = own && seen[2:0] == 3'd5;
  assign turns = valid && (ends || now_mode == 2'd0);
  always @(posedge clk_i) begin
    if (!rst_ni) begin
      {now_mode, now_col, now_gap, now_left} <= '0;
      {then_mode, then_col, then_gap, then_left} <= '0;
      valid <= 1'b0;
      parity <= 1'b1;
    end else begin
      if (turns) begin
        {now_mode, now_col, now_gap, now_left} <= {then_mode, then_col, then_gap, then_left};
        parity <= !parity;
        valid <= 1'b0;
      end else if (ends) now_mode <= 2'd0;
      if (load_i) begin
        {then_mode, then_col, then_gap, then_left} <= {mode_in_i, col_in_i, gap_in_i, left_in_i};
        valid <= 1'b1;
      end
    end
  end

  logic [2:0] does;
  logic [1:0] scores;
  always @* begin
    does = 3'd1;
    scores = 2'd0;
    if (own && now_mode == 2'd2) begin
      case (seen[2:0])
        3'd1: does = 3'd4;
        3'd2: does = 3'd2;
        3'd3: scores = 2'd1;
        default: does = 3'd3;
      endcase
    end
    if (own && now_mode == 2'd1 && seen[2:0] >= 3'd4) does = 3'd3;
  end
  always @* begin
    if (proof_begun) begin
      assert (slot_q == {parity, valid, then_mode, then_col, then_gap, then_left, now_mode, now_col, now_gap, now_left});
      assert (col_o == now_col && gap_o == now_gap && from_left_o == now_left && par_o == parity);
      assert (active_o == (now_mode == 2'd2) && c3_o == does && c5_o == scores);
      assert (sel_o == (active_o && own && seen[2:0] >= 3'd4));
    end
  end
