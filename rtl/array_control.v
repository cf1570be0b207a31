// SPDX-License-Identifier: Apache-2.0
//@let reach = rows + columns
//@let slot_w = 2 + col_w
//@let count_w = clog2(reach)
//@let move_w = clog2(pes)
/// The array under its published control, which is shared by all PEs, driven by the tags of a stream.
/// It does not hold the stream back: words come when docs/machine.md, array_control, allows, or clash_o tells.
/// Row i is fed i cycles after row 0; its words show @{columns} + 1 cycles after they came, the last when row sums are complete.
`default_nettype none
module @{prefix}_array_control (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{rows*left_w-1}:0] left_i,
    input  logic [@{columns*top_w-1}:0] top_i,
    input  logic [3:0] tag_i,  // parity, op: 0 none, 1 load, 2 mac, 3 exp, 4 fwd, 5 fwd_last
    input  logic load_i,
    input  logic [@{row_w-1}:0] load_row_i,
    input  logic [@{pes*2-1}:0] mode_i,  // 0 skip, 1 pass, 2 active
    input  logic [@{pes*col_w-1}:0] col_i,
    output logic [@{rows*out_w-1}:0] out_o,
    output logic [@{rows*2-1}:0] out_op_o,  // 0 none, 1 word, 2 the pass's last word
    output logic [@{rows*row_sum_w-1}:0] sum_o,
    output logic clash_o
);
  localparam logic [1:0] Rest = 2'd0, Sddmm = 2'd1, Spmm = 2'd2, Clear = 2'd3;

  // ---- the stream: op of row 0's word now and in the last @{reach} cycles ----
  logic [2:0] op;
  logic [@{reach*3-1}:0] op_q;
  assign op = tag_i[2:0];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) op_q <= '0;
    else op_q <= {op_q[@{(reach-1)*3-1}:0], op};
  end

  // ---- the sequence ----
  logic [1:0] phase_q;
  logic armed_q;
  logic [@{count_w-1}:0] count_q;
  logic due, calc, ends;
  assign due = armed_q && count_q == '0;
  assign calc = due && phase_q == Sddmm;  // the last product was a cycle ago
  assign ends = due && phase_q == Spmm;  // the last row shows its last word

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      armed_q <= 1'b0;
      count_q <= '0;
    end else if (op == 3'd3 || op == 3'd5) begin
      armed_q <= 1'b1;
      count_q <= op == 3'd3 ? @{count_w}'d@{reach-2} : @{count_w}'d@{reach-1};
    end else if (due) armed_q <= 1'b0;
    else if (armed_q) count_q <= count_q - @{count_w}'d1;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) phase_q <= Rest;
    else if (op == 3'd1) phase_q <= Sddmm;
    else if (calc) phase_q <= Spmm;
    else if (ends) phase_q <= Clear;
    else if (phase_q == Clear) phase_q <= Rest;
  end

  logic clash_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) clash_q <= 1'b0;
    else if (op == 3'd1 && phase_q != Rest) clash_q <= 1'b1;
    else if ((op == 3'd4 || op == 3'd5) && phase_q != Spmm && !calc) clash_q <= 1'b1;
  end
  assign clash_o = clash_q;

  // ---- scores move out: @{pes} cycles, then the rows deliver one after the other ----
  logic [@{move_w-1}:0] move_q;
  logic [@{rows-1}:0] deliver_q;
  logic delivers;
//@if pes > 1
  assign delivers = !ends && move_q == @{move_w}'d1;
//@else
  assign delivers = ends;
//@endif
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      move_q <= '0;
      deliver_q <= '0;
    end else begin
      if (ends) move_q <= @{move_w}'d@{pes-1};
      else if (move_q != '0) move_q <= move_q - @{move_w}'d1;
//@if rows > 1
      deliver_q <= {deliver_q[@{rows-2}:0], delivers};
//@else
      deliver_q <= delivers;
//@endif
    end
  end

  logic [2:0] c3;
  logic [1:0] c5;
  assign c3 = calc || phase_q == Rest ? 3'd1 : phase_q == Sddmm ? 3'd2 : phase_q == Spmm ? 3'd3 : 3'd0;
  assign c5 = calc ? 2'd1 : ends || move_q != '0 ? 2'd2 : 2'd0;

  // ---- rows: each acts on the stream i cycles after row 0 ----
  logic [@{rows-1}:0] starts;
  logic [@{rows*q_w-1}:0] left;
  logic [@{rows*bias_w-1}:0] bias_q;
  logic [@{rows*out_w-1}:0] word, hold_q;
  for (genvar i = 0; i < @{rows}; i++) begin : g_row
    logic [2:0] op_in, op_out;
    if (i == 0) begin : g_first
      assign op_in = op;
    end else begin : g_next
      assign op_in = op_q[(i-1)*3+:3];
    end
    assign op_out = op_q[(@{columns}+i)*3+:3];
    assign starts[i] = op_in == 3'd1;
    assign left[i*@{q_w}+:@{q_w}] = op_in == 3'd1 || op_in == 3'd2 ? left_i[i*@{left_w}+:@{q_w}] : '0;

    always_ff @(posedge clk_i) begin
      if (!rst_ni) bias_q[i*@{bias_w}+:@{bias_w}] <= '0;
      else if (op_in == 3'd3) bias_q[i*@{bias_w}+:@{bias_w}] <= left_i[i*@{left_w}+:@{bias_w}];
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni) hold_q[i*@{out_w}+:@{out_w}] <= '0;
      else if (op_out == 3'd5) hold_q[i*@{out_w}+:@{out_w}] <= word[i*@{out_w}+:@{out_w}];
    end
    assign out_op_o[i*2+:2] = {deliver_q[i], !deliver_q[i] && op_out == 3'd4};
    assign out_o[i*@{out_w}+:@{out_w}] =
        deliver_q[i] ? hold_q[i*@{out_w}+:@{out_w}] : op_out == 3'd4 ? word[i*@{out_w}+:@{out_w}] : '0;
  end

  // ---- configurations: of the next pass as they come, of the running one as PEs take them ----
  logic [@{pes*slot_w-1}:0] next_q [@{rows}];  // of a slot: mode, column
  logic [@{pes*slot_w-1}:0] slots;
  for (genvar k = 0; k < @{pes}; k++) begin : g_slot
    assign slots[k*@{slot_w}+:@{slot_w}] = {mode_i[k*2+:2], col_i[k*@{col_w}+:@{col_w}]};
  end
  always_ff @(posedge clk_i) begin
    if (load_i && {1'b0, load_row_i} < @{row_w+1}'d@{rows}) next_q[load_row_i] <= slots;
  end

  logic [@{rows*pes*c1_w-1}:0] c1_q;
  logic [@{rows*pes*c2_w-1}:0] c2_q;
  logic [@{rows*pes*c4_w-1}:0] c4_q;
  logic [@{rows*pes-1}:0] active_q;
  always_ff @(posedge clk_i) begin : p_rows
    logic [@{pes*slot_w-1}:0] row;
    logic [1:0] mode;
    logic [@{col_w-1}:0] col, right;
    row = '0;
    mode = '0;
    col = '0;
    right = '0;
    if (!rst_ni || phase_q == Clear) begin
      c1_q <= {@{rows*pes}{@{c1_w}'d@{columns+1}}};  // nothing
      c2_q <= {@{rows*pes}{@{c2_w}'d@{columns}}};
      active_q <= '0;
    end else if (calc) begin
      for (int p = 0; p < @{rows*pes}; p++) if (active_q[p]) c1_q[p*@{c1_w}+:@{c1_w}] <= @{c1_w}'d@{columns};  // the score
    end
    if (!rst_ni) c4_q <= '0;
    else if (starts != '0) begin
      for (int i = 0; i < @{rows}; i++) begin
        if (starts[i]) begin
          row = next_q[i];
          for (int k = 0; k < @{pes}; k++) begin
            mode = row[k*@{slot_w}+@{col_w}+:2];
            col = row[k*@{slot_w}+:@{col_w}];
//@if pes > 1
            right = k == @{pes-1} ? @{col_w}'d@{columns-1} : row[(k+1)%@{pes}*@{slot_w}+:@{col_w}] - @{col_w}'d1;
//@else
            right = @{col_w}'d@{columns-1};
//@endif
            active_q[i*@{pes}+k] <= mode == 2'd2;
            c1_q[(i*@{pes}+k)*@{c1_w}+:@{c1_w}] <= mode == 2'd2 ? @{c1_w}'(col) : @{c1_w}'d@{columns+1};
            c2_q[(i*@{pes}+k)*@{c2_w}+:@{c2_w}] <= mode == 2'd2 ? @{c2_w}'(col) : @{c2_w}'d@{columns};
            c4_q[(i*@{pes}+k)*@{c4_w}+:@{c4_w}] <= mode == 2'd0 ? '0 : @{c4_w}'(right - col);
          end
        end
      end
    end
  end

  // ---- the array ----
  @{prefix}_pe_array u_array (
      .clk_i,
      .rst_ni,
      .left_i(left),
      .top_i,
      .clear_i(phase_q == Clear),
      .c1_i(c1_q),
      .c2_i(c2_q),
      .c3_i(c3),
      .c4_i(c4_q),
      .c5_i(c5),
      .bias_i(bias_q),
      .sum_clear_i(calc),
      .active_i(active_q),
      .out_o(word),
      .sum_o
  );

  // Passes never overlap: their parity says nothing new.
  logic unused;
  assign unused = tag_i[3];
endmodule
`default_nettype wire
