// SPDX-License-Identifier: Apache-2.0
//@let col_w = clog2(columns)
//@let n_w = clog2(columns + 1)
//@let parts = (columns + pes - 1) / pes
//@let part_w = clog2(parts)
//@let m_w = clog2(parts + 1)
//@let at_w = clog2(columns + pes)
//@let k_w = clog2(pes)
//@let s_w = clog2(2 * pes)
//@let reach = columns - pes
/// Splits a mask row of @{columns} columns into sub-rows of at most @{pes} kept ones and places these on PEs ("slots").
/// It does not choose which sub-rows share a pass, and keeps one row at a time.
/// A row loaded at an edge shows its first sub-row in the next cycle, then one sub-row a cycle; all outputs are
/// combinational from the row held, and ready_o from take_i too. mode: 0 skip, 1 pass, 2 active.
`default_nettype none
module @{prefix}_split (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic valid_i,
    input  logic [@{columns-1}:0] mask_i,
    input  logic [@{sub_row_id_w-1}:0] row_i,
    input  logic take_i,  // the sub-row shown is consumed at this edge
    output logic ready_o,
    output logic have_o,
    output logic [@{sub_row_id_w-1}:0] sub_row_o,
    output logic last_o,
    output logic [@{2*pes-1}:0] mode_o,
    output logic [@{pes*col_w-1}:0] col_o,
    output logic [@{pes*c4_w-1}:0] c4_o
);
  logic [@{columns-1}:0] mask_q;  // all zero: no row is held
  logic [@{sub_row_id_w-1}:0] row_q;
  logic [@{part_w-1}:0] part_q;  // which sub-row is shown

  // always @*: Icarus 11 runs for ever over always_comb blocks that read what they write
  // ---- prefix popcount: a kept column's rank decides its sub-row and its place in it ----
  logic [@{columns*n_w-1}:0] rank;
  logic [@{n_w-1}:0] count_n;  // kept columns of the row
  always @* begin
    rank = '0;
    count_n = '0;
    for (int c = 0; c < @{columns}; c++) begin
      rank[c*@{n_w}+:@{n_w}] = count_n;
      count_n = count_n + @{n_w}'(mask_q[c]);
    end
  end

  logic [@{m_w-1}:0] parts;  // sub-rows of the row: ceil(count / @{pes})
  always @* begin
    parts = '0;
    for (int j = 0; j < @{parts}; j++) parts = parts + @{m_w}'(count_n > @{n_w}'(j * @{pes}));
  end

  // ---- the slot that each column wishes for: a constant of the column ----
  logic [@{columns*k_w-1}:0] wishes;
  for (genvar c = 0; c < @{columns}; c++) begin : g_wish
//@if home
    localparam int Home = (2 * c * @{pes-1} + @{columns-1}) / @{2*(columns-1)};  // c * @{pes-1}/@{columns-1} + 1/2
//@else
    localparam int Home = 0;
//@endif
    // slot k reaches column k + @{reach} at most
    localparam int Wish = c - @{reach} > Home ? c - @{reach} : Home;
    assign wishes[c*@{k_w}+:@{k_w}] = @{k_w}'(Wish);
  end

//@if interleaved
  // ---- pick: the i-th column of the sub-row shown is the one of rank part + i * parts ----
//@else
  // ---- pick: the i-th column of the sub-row shown is the one of rank part * @{pes} + i ----
//@endif
  logic [@{at_w-1}:0] at;
  logic [@{pes-1}:0] there;  // the sub-row has an i-th column; these come first
  logic [@{pes*col_w-1}:0] picked;
  logic [@{pes*k_w-1}:0] wish;
  always @* begin
    there = '0;
    picked = '0;
    wish = '0;
//@if interleaved
    at = @{at_w}'(part_q);
//@else
    at = @{at_w}'(part_q) * @{at_w}'d@{pes};
//@endif
    for (int i = 0; i < @{pes}; i++) begin
      there[i] = at < @{at_w}'(count_n);
      for (int c = 0; c < @{columns}; c++) begin
        if (mask_q[c] && @{at_w}'(rank[c*@{n_w}+:@{n_w}]) == at) begin
          picked[i*@{col_w}+:@{col_w}] = @{col_w}'(c);
          wish[i*@{k_w}+:@{k_w}] = wishes[c*@{k_w}+:@{k_w}];
        end
      end
//@if interleaved
      at = at + @{at_w}'(parts);
//@else
      at = at + @{at_w}'d1;
//@endif
    end
  end

  // ---- place: slot = min(i + max over j<=i of (wish_j - j), @{pes} - kept + i), a prefix maximum ----
  // No slot lies beyond its own column: no wish does, and columns grow at least as fast as i.
  logic [@{s_w-1}:0] free;  // @{pes} - kept: how far the last column may still move
  logic [@{s_w-1}:0] ahead, raised, slot;
  logic [@{pes-1}:0] active;
  logic [@{pes*col_w-1}:0] held;
  always @* begin
    free = @{s_w}'d@{pes};
    for (int i = 0; i < @{pes}; i++) free = free - @{s_w}'(there[i]);
  end
  always @* begin
    active = '0;
    held = '0;
    ahead = '0;
    raised = '0;
    slot = '0;
    for (int i = 0; i < @{pes}; i++) begin
      // @{pes-1} is added to keep wish - j from falling below zero
      raised = @{s_w}'(wish[i*@{k_w}+:@{k_w}]) + @{s_w}'(@{pes-1} - i);
      if (raised > ahead) ahead = raised;  // an absent column wishes for slot 0: never ahead
      slot = ahead - @{s_w}'(@{pes-1} - i);
      if (slot > free + @{s_w}'(i)) slot = free + @{s_w}'(i);
      for (int k = 0; k < @{pes}; k++) begin
        if (there[i] && slot == @{s_w}'(k)) begin
          active[k] = 1'b1;
          held[k*@{col_w}+:@{col_w}] = picked[i*@{col_w}+:@{col_w}];
        end
      end
    end
  end

  // ---- show: the offset (column - slot) never falls, an idle slot keeps its left neighbour's, c4 is its step ----
  logic [@{c4_w-1}:0] offset, after;
  logic seen;
  logic [@{pes-1}:0] on;  // slot k or one before it holds a column
  logic [@{(pes+1)*c4_w-1}:0] offsets;
  always @* begin
    offsets = '0;
    on = '0;
    seen = 1'b0;
    offset = '0;
    for (int k = 0; k < @{pes}; k++) begin
      seen = seen || active[k];
      on[k] = seen;
      if (active[k]) offset = @{c4_w}'(held[k*@{col_w}+:@{col_w}] - @{col_w}'(k));
      offsets[k*@{c4_w}+:@{c4_w}] = offset;
    end
    // behind the last slot: @{columns} columns, all passed
    offsets[@{pes}*@{c4_w}+:@{c4_w}] = @{c4_w}'d@{reach};
  end
  always @* begin
    mode_o = '0;
    col_o = '0;
    c4_o = '0;
    after = '0;
    for (int k = 0; k < @{pes}; k++) begin
      after = offsets[(k+1)*@{c4_w}+:@{c4_w}];
      if (on[k]) begin
        mode_o[k*2+:2] = active[k] ? 2'd2 : 2'd1;
        col_o[k*@{col_w}+:@{col_w}] = @{col_w}'(offsets[k*@{c4_w}+:@{c4_w}]) + @{col_w}'(k);
        c4_o[k*@{c4_w}+:@{c4_w}] = after - offsets[k*@{c4_w}+:@{c4_w}];
      end
    end
  end

  // ---- one row held ----
  logic done;  // the row is used up at this edge
  assign have_o = |mask_q;
  assign last_o = have_o && @{m_w+1}'(part_q) + @{m_w+1}'d1 == @{m_w+1}'(parts);
  assign done = take_i && last_o;
  assign ready_o = !have_o || done;
  assign sub_row_o = row_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      mask_q <= '0;
      row_q <= '0;
      part_q <= '0;
    end else if (ready_o && valid_i) begin
      mask_q <= mask_i;
      row_q <= row_i;
      part_q <= '0;
    end else if (take_i && have_o) begin
      if (last_o) mask_q <= '0;
      part_q <= last_o ? '0 : part_q + @{part_w}'d1;
    end
  end
endmodule
`default_nettype wire
