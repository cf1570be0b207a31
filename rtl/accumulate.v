// SPDX-License-Identifier: Apache-2.0
//@let queries = 2 * group_rows
//@let word_w = head_max * out_w
//@let word_bit_w = clog2(word_w)
//@let acc_row_w = head_max * output_sum_w
//@let bank_w = clog2(passes)
//@let owners = passes * rows
//@let owner_w = clog2(owners)
//@let size_w = row_count_w + d_w
//@let size_bit_w = clog2(passes * size_w)
//@let sum_bit_w = clog2(rows * row_sum_w)
//@let up = max(output_sum_frac - out_frac, 0)
//@let down = max(out_frac - output_sum_frac, 0)
//@let term_w = max(out_w + up, output_sum_w + down)
//@let total_w = term_w - down + 1
/// Collects the array's diagonal output words and row sums, and adds them to the sums of the rows' queries.
/// It does not stall and asks for nothing: one row a cycle, as fast as the array gives them.
/// Row r of a pass shows at rd_index_i 3 + r cycles after row 0's last word; done_o comes with the pass's last.
`default_nettype none
module @{prefix}_accumulate (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{rows*out_w-1}:0] out_i,
    input  logic [@{rows*2-1}:0] out_op_i,  // 0 none, 1 word, 2 the pass's last word
    input  logic [@{rows*row_sum_w-1}:0] sum_i,
    input  logic own_i,  // the query of a pass's row
    input  logic [@{bank_w-1}:0] own_bank_i,
    input  logic [@{row_w-1}:0] own_row_i,
    input  logic [@{index_w-1}:0] own_index_i,
    input  logic pass_i,  // a pass's size
    input  logic [@{bank_w-1}:0] pass_bank_i,
    input  logic [@{row_count_w-1}:0] pass_rows_i,
    input  logic [@{d_w-1}:0] pass_d_i,
    input  logic clear_i,  // forget a half
    input  logic clear_half_i,
    input  logic [@{index_w-1}:0] rd_index_i,
    output logic done_o,
    output logic [@{acc_row_w-1}:0] rd_acc_o,
    output logic [@{row_sum_w-1}:0] rd_sum_o
);
  // ---- collect: each row writes its own word of the memory ----
  (* nomem2reg *) logic [@{word_w-1}:0] word_q [@{rows}];
  logic [@{rows*at_w-1}:0] f_q;
  logic [@{rows*row_sum_w-1}:0] last_sum_q;

  for (genvar i = 0; i < @{rows}; i++) begin : g_row
    logic [@{at_w-1}:0] f;
    assign f = f_q[i*@{at_w}+:@{at_w}];
    always_ff @(posedge clk_i) begin
//@if (1 << at_w) > head_max
      if (out_op_i[i*2+:2] != 2'd0 && f < @{at_w}'d@{head_max})
//@else
      if (out_op_i[i*2+:2] != 2'd0)
//@endif
        word_q[i][@{word_bit_w}'(f)*@{word_bit_w}'d@{out_w}+:@{out_w}] <= out_i[i*@{out_w}+:@{out_w}];
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      f_q <= '0;
      last_sum_q <= '0;
    end else if (out_op_i != '0) begin
      for (int i = 0; i < @{rows}; i++) begin
        if (out_op_i[i*2+:2] == 2'd2) begin
          f_q[i*@{at_w}+:@{at_w}] <= '0;
          last_sum_q[i*@{row_sum_w}+:@{row_sum_w}] <= sum_i[i*@{row_sum_w}+:@{row_sum_w}];
        end else if (out_op_i[i*2+:2] != 2'd0) f_q[i*@{at_w}+:@{at_w}] <= f_q[i*@{at_w}+:@{at_w}] + @{at_w}'d1;
      end
    end
  end

  // ---- whose rows they are, and how many ----
  logic [@{index_w-1}:0] owner_q [@{owners}];  // bank, row
  logic [@{passes*size_w-1}:0] size_q;  // of a bank: rows, d
  logic [@{owner_w-1}:0] own_at;
  assign own_at = @{owner_w}'(own_bank_i) * @{owner_w}'d@{rows} + @{owner_w}'(own_row_i);

  always_ff @(posedge clk_i) begin
    if (own_i && {1'b0, own_row_i} < @{row_w+1}'d@{rows}) owner_q[own_at] <= own_index_i;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) size_q <= '0;
    else if (pass_i) size_q[@{size_bit_w}'(pass_bank_i)*@{size_bit_w}'d@{size_w}+:@{size_w}] <= {pass_rows_i, pass_d_i};
  end

  // ---- stage 1: row row_q of bank bank_q's pass ----
  logic [@{bank_w-1}:0] bank_q;
  logic commit_q;
  logic [@{row_w-1}:0] row_q;
  logic [@{size_w-1}:0] size;
  logic [@{row_w}:0] next_row;
  logic starts, last;
  assign starts = out_op_i[1:0] == 2'd2;
  assign size = size_q[@{size_bit_w}'(bank_q)*@{size_bit_w}'d@{size_w}+:@{size_w}];
  assign next_row = {1'b0, row_q} + @{row_w+1}'d1;
  assign last = commit_q && (next_row >= @{row_w+1}'(size[@{size_w-1}:@{d_w}]) || next_row == @{row_w+1}'d@{rows});

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      bank_q <= '0;
      commit_q <= 1'b0;
      row_q <= '0;
    end else begin
      if (last) bank_q <= bank_q + @{bank_w}'d1;
      if (starts) begin
        commit_q <= 1'b1;
        row_q <= '0;
      end else if (last) commit_q <= 1'b0;
      else if (commit_q) row_q <= next_row[@{row_w-1}:0];
    end
  end

  logic [@{owner_w-1}:0] owner_at;
  logic [@{index_w-1}:0] index;
  assign owner_at = @{owner_w}'(bank_q) * @{owner_w}'d@{rows} + @{owner_w}'(row_q);
  assign index = owner_q[owner_at];

  // ---- stage 2: add ----
  logic add_q, add_last_q, done_q;
  logic [@{index_w-1}:0] add_index_q;
  logic [@{acc_row_w-1}:0] add_acc_q;
  logic [@{word_w-1}:0] add_word_q;
  logic [@{row_sum_w-1}:0] add_sum_q, add_row_sum_q;
  logic [@{acc_row_w-1}:0] acc_q [@{queries}];
  logic [@{row_sum_w-1}:0] row_sum_q [@{queries}];
  logic [@{queries-1}:0] started_q;

  logic [@{row_sum_w}:0] row_sum;
  logic [@{row_sum_w-1}:0] row_total;
  logic row_clips;
  assign row_sum = {add_sum_q[@{row_sum_w-1}], add_sum_q} + {add_row_sum_q[@{row_sum_w-1}], add_row_sum_q};
  assign row_clips = row_sum[@{row_sum_w}] != row_sum[@{row_sum_w-1}];
  assign row_total = row_clips ? {row_sum[@{row_sum_w}], {@{row_sum_w-1}{~row_sum[@{row_sum_w}]}}} : row_sum[@{row_sum_w-1}:0];

  logic adds, again, open;
  assign adds = add_q && {1'b0, add_index_q} < @{index_w+1}'d@{queries};
  assign again = adds && index == add_index_q;
  assign open = {1'b0, index} < @{index_w+1}'d@{queries} && started_q[index];

  // Wide work only where something is added or committed. Events are counted until the counters are full.
  logic [31:0] acc_sat_q, sum_sat_q;
  always_ff @(posedge clk_i) begin : p_add
    logic [@{out_w-1}:0] part;
    logic [@{term_w-1}:0] term;
    logic [@{output_sum_w-1}:0] old;
    logic [@{total_w-1}:0] sum;
    logic too_big;
    logic [@{acc_row_w-1}:0] total;
    logic [32:0] clips;
    total = '0;
    clips = {1'b0, acc_sat_q};
    if (add_q) begin
      for (int f = 0; f < @{head_max}; f++) begin
        part = add_word_q[f*@{out_w}+:@{out_w}];
        old = add_acc_q[f*@{output_sum_w}+:@{output_sum_w}];
//@if up != 0
        term = @sext{part, out_w, term_w} << @{up};
//@else
        term = @sext{part, out_w, term_w};
//@endif
        sum = @sext{old, output_sum_w, total_w} + {term[@{term_w-1}], term[@{term_w-1}:@{down}]};
        // fits when all bits from the old sum's sign upwards agree
        too_big = sum[@{total_w-1}:@{output_sum_w-1}] != {@{total_w-output_sum_w+1}{sum[@{total_w-1}]}};
        total[f*@{output_sum_w}+:@{output_sum_w}] =
            too_big ? {sum[@{total_w-1}], {@{output_sum_w-1}{~sum[@{total_w-1}]}}} : sum[@{output_sum_w-1}:0];
        clips = clips + 33'(too_big);
      end
    end
    if (!rst_ni) begin
      add_index_q <= '0;
      add_acc_q <= '0;
      add_word_q <= '0;
      add_sum_q <= '0;
      add_row_sum_q <= '0;
      acc_sat_q <= '0;
    end else begin
      acc_sat_q <= clips[32] ? '1 : clips[31:0];
      if (adds) acc_q[add_index_q] <= total;
      if (commit_q) begin
        add_index_q <= index;
        // the same query in consecutive rows: what stage 2 is about to write
        add_acc_q <= again ? total : open ? acc_q[index] : '0;
        add_sum_q <= again ? row_total : open ? row_sum_q[index] : '0;
        add_row_sum_q <= last_sum_q[@{sum_bit_w}'(row_q)*@{sum_bit_w}'d@{row_sum_w}+:@{row_sum_w}];
        add_word_q <= '0;
        for (int f = 0; f < @{head_max}; f++) begin
          if (@{d_w}'(f) < size[@{d_w-1}:0]) add_word_q[f*@{out_w}+:@{out_w}] <= word_q[row_q][f*@{out_w}+:@{out_w}];
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && adds) row_sum_q[add_index_q] <= row_total;  // adds means nothing before a reset
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      add_q <= 1'b0;
      add_last_q <= 1'b0;
      done_q <= 1'b0;
      started_q <= '0;
      sum_sat_q <= '0;
    end else begin
      add_q <= commit_q;
      add_last_q <= last;
      done_q <= add_q && add_last_q;
      if (clear_i && !clear_half_i) started_q[@{group_rows-1}:0] <= '0;
      if (clear_i && clear_half_i) started_q[@{queries-1}:@{group_rows}] <= '0;
      if (adds) started_q[add_index_q] <= 1'b1;
      if (add_q && row_clips && sum_sat_q != '1) sum_sat_q <= sum_sat_q + 32'd1;
    end
  end

  // ---- show ----
  logic shown;
  assign shown = {1'b0, rd_index_i} < @{index_w+1}'d@{queries} && started_q[rd_index_i];
  assign done_o = done_q;
  assign rd_acc_o = shown ? acc_q[rd_index_i] : '0;
  assign rd_sum_o = shown ? row_sum_q[rd_index_i] : '0;
endmodule
`default_nettype wire
