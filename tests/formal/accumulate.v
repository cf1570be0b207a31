// SPDX-License-Identifier: Apache-2.0
// says: a query's sums are, at any time, the clipped sum of exactly the words and row sums of its rows since it was cleared, also where rows of one query follow each other
// unit: accumulate
// designs: tiny_2x4x2
// method: induction 2
// canary: accumulate.v: add_acc_q <= again ? total : open ==> add_acc_q <= open
  // One query, chosen at the start: any.
  (* anyseq *) logic [@{index_w-1}:0] pick;
  logic [@{index_w-1}:0] it;
  always @(posedge clk_i) if (!proof_begun) it <= pick;
  always @* if (proof_begun) assume ({1'b0, it} < @{queries});

  // What the row in stage 1 brings, taken where it is read, and added one cycle later.
  logic brings, comes;
  logic [@{word_w-1}:0] words, words_n;
  logic [@{row_sum_w-1}:0] one;
  always @* begin
    comes = commit_q && index == it;
    words_n = '0;
    for (int f = 0; f < @{head_max}; f++) if (f < size[@{d_w-1}:0]) words_n[f*@{out_w}+:@{out_w}] = word_q[row_q][f*@{out_w}+:@{out_w}];
  end
  logic has;
  logic signed [@{output_sum_w-1}:0] sums [@{head_max}];
  logic signed [@{row_sum_w-1}:0] row_sums;
  logic signed [31:0] wide [@{head_max}];
  logic signed [31:0] wide_sum;
  localparam logic signed [31:0] Most = (32'sd1 <<< @{output_sum_w-1}) - 1, MostSum = (32'sd1 <<< @{row_sum_w-1}) - 1;
  always @* begin
    for (int f = 0; f < @{head_max}; f++) begin
      wide[f] = 32'($signed(words[f*@{out_w}+:@{out_w}])) * 32'sd@{1 << up} >>> @{down};
      if (has) wide[f] = wide[f] + 32'($signed(sums[f]));
      if (wide[f] > Most) wide[f] = Most;
      if (wide[f] < -Most - 1) wide[f] = -Most - 1;
    end
    wide_sum = 32'($signed(one));
    if (has) wide_sum = wide_sum + 32'($signed(row_sums));
    if (wide_sum > MostSum) wide_sum = MostSum;
    if (wide_sum < -MostSum - 1) wide_sum = -MostSum - 1;
  end
  logic forget;
  assign forget = clear_i && clear_half_i == (it >= @{group_rows});
  // The machine clears a half only when none of its rows is under way.
  always @* if (proof_begun) assume (!(forget && (comes || brings)));
  always @(posedge clk_i) begin
    brings <= rst_ni && comes;
    words <= words_n;
    one <= last_sum_q[row_q*@{row_sum_w}+:@{row_sum_w}];
    if (!rst_ni) has <= 1'b0;
    else if (brings) has <= 1'b1;
    else if (forget) has <= 1'b0;
    for (int f = 0; f < @{head_max}; f++) if (rst_ni && brings) sums[f] <= wide[f][@{output_sum_w-1}:0];
    if (rst_ni && brings) row_sums <= wide_sum[@{row_sum_w-1}:0];
  end
  always @* begin
    if (proof_begun) begin
      assert (started_q[it] == has);
      assert (brings == (add_q && add_index_q == it));
      if (brings) begin
        assert (add_word_q == words && add_row_sum_q == one);
        assert (add_sum_q == (has ? row_sums : '0));
        for (int f = 0; f < @{head_max}; f++) assert (add_acc_q[f*@{output_sum_w}+:@{output_sum_w}] == (has ? sums[f] : '0));
      end
      if (has) begin
        assert (row_sum_q[it] == row_sums);
        for (int f = 0; f < @{head_max}; f++) assert (acc_q[it][f*@{output_sum_w}+:@{output_sum_w}] == sums[f]);
      end
      if (rd_index_i == it) begin
        assert (rd_sum_o == (has ? row_sums : '0));
        for (int f = 0; f < @{head_max}; f++) assert (rd_acc_o[f*@{output_sum_w}+:@{output_sum_w}] == (has ? sums[f] : '0));
      end
    end
  end
