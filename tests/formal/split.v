// SPDX-License-Identifier: Apache-2.0
// says: every kept column of a row is in one sub-row of that row, and in no second one; a sub-row has `pes` columns at most, in ascending
// slots, each within its slot's reach, with the delays of the page; what is shown stays until it is taken; the last one says so
// unit: split
// designs: tiny_2x4x2 one_pe_6x5x1 full_4x4x4 odd_5x7x3 ties_7x9x3
// method: induction 1
// canary: split.v: slot > free + @{s_w}'(i)) slot = free + @{s_w}'(i); ==> slot > free) slot = free;
// quick: tiny_2x4x2
  // ---- from this page's words: a column's rank, and from it its sub-row ----
  int kept, many;  // kept columns and sub-rows of the row held
  int rank_of [@{columns}];
  int part_of [@{columns}];
  always @* begin
    kept = 0;
    for (int c = 0; c < @{columns}; c++) begin
      rank_of[c] = kept;
      if (mask_q[c]) kept = kept + 1;
    end
    many = 0;
    for (int j = 0; j < @{parts}; j++) if (kept > j * @{pes}) many = many + 1;
    for (int c = 0; c < @{columns}; c++) begin
//@if interleaved
      part_of[c] = rank_of[c];
      for (int j = 0; j < @{columns}; j++) if (many != 0 && part_of[c] >= many) part_of[c] = part_of[c] - many;
//@else
      part_of[c] = 0;
      for (int j = 1; j < @{parts}; j++) if (rank_of[c] >= j * @{pes}) part_of[c] = j;
//@endif
    end
  end

  // ---- the columns shown ----
  logic [@{columns-1}:0] shown, wanted, twice;
  always @* begin
    shown = '0;
    twice = '0;
    wanted = '0;
    for (int c = 0; c < @{columns}; c++) begin
      for (int k = 0; k < @{pes}; k++) begin
        if (mode_o[k*2+:2] == 2'd2 && col_o[k*@{col_w}+:@{col_w}] == c) begin
          if (shown[c]) twice[c] = 1'b1;
          shown[c] = 1'b1;
        end
      end
      wanted[c] = mask_q[c] && part_of[c] == part_q;
    end
  end
  always @* begin
    if (proof_begun) begin
      assert (mask_q == '0 ? part_q == '0 : part_q < many);
      assert (have_o == (mask_q != '0) && last_o == (have_o && part_q == many - 1));
      assert (ready_o == (!have_o || take_i && last_o));
      assert (shown == wanted && twice == '0);
      for (int k = 0; k < @{pes}; k++) begin
        assert (mode_o[k*2+:2] != 2'd3);
        if (mode_o[k*2+:2] == 2'd2) assert (col_o[k*@{col_w}+:@{col_w}] >= k && col_o[k*@{col_w}+:@{col_w}] < @{columns});
        if (mode_o[k*2+:2] == 2'd0) assert (col_o[k*@{col_w}+:@{col_w}] == '0 && c4_o[k*@{c4_w}+:@{c4_w}] == '0);
        else begin
          assert (col_o[k*@{col_w}+:@{col_w}] - k <= @{columns-pes});
          assert (c4_o[k*@{c4_w}+:@{c4_w}] == (k == @{pes-1} ? @{columns} : col_o[(k+1)%@{pes}*@{col_w}+:@{col_w}]) - col_o[k*@{col_w}+:@{col_w}] - 1);
        end
        if (k > 0) begin
          // what follows a slot in use is in use; an idle one acts as the next column
          if (mode_o[(k+@{pes-1})%@{pes}*2+:2] != 2'd0) assert (mode_o[k*2+:2] != 2'd0 &&
              col_o[k*@{col_w}+:@{col_w}] > col_o[(k+@{pes-1})%@{pes}*@{col_w}+:@{col_w}]);
          if (mode_o[k*2+:2] == 2'd1) assert (mode_o[(k+@{pes-1})%@{pes}*2+:2] != 2'd0 &&
              col_o[k*@{col_w}+:@{col_w}] == col_o[(k+@{pes-1})%@{pes}*@{col_w}+:@{col_w}] + 1);
        end else assert (mode_o[1:0] != 2'd1);
      end
    end
  end

  // ---- over time: what has been taken of the row, whose row it is, and that nothing changes while it waits ----
  logic [@{columns-1}:0] row, gone;  // of the row held: its mask, columns taken
  logic [@{sub_row_id_w-1}:0] id;
  logic waits;
  logic [@{columns-1}:0] waiting;
  logic [@{2*pes-1}:0] waiting_mode;
  always @(posedge clk_i) begin
    if (!rst_ni) begin
      row <= '0;
      gone <= '0;
      id <= '0;
    end else if (valid_i && ready_o) begin
      row <= mask_i;
      gone <= '0;
      id <= row_i;
    end else if (take_i) begin
      gone <= have_o && last_o ? '0 : gone | shown;
      if (have_o && last_o) row <= '0;
    end
    waits <= rst_ni && have_o && !take_i;
    waiting <= shown;
    waiting_mode <= mode_o;
  end
  always @* begin
    if (proof_begun) begin
      assert (row == mask_q && sub_row_o == id);
      for (int c = 0; c < @{columns}; c++) assert (gone[c] == (mask_q[c] && part_of[c] < part_q));
      assert ((gone & shown) == '0);
      if (have_o && last_o) assert ((gone | shown) == row);
      if (waits) assert (have_o && shown == waiting && mode_o == waiting_mode);
    end
  end
