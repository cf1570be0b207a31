// SPDX-License-Identifier: Apache-2.0
// says: a tap of age a is the word stored a shifts ago, 0 since a clear, for ages that there are; the pointer moves instead of the words
// unit: delay_line
// designs: odd_5x7x3 one_pe_6x5x1 full_4x4x4 tiny_2x4x2 tiny_2x9x3
// method: induction 1
// canary: delay_line.v: wp_q == '0 ? @{wp_w}'d@{depth-1} : ==> wp_q == '0 ? @{wp_w}'d0 :
// quick: one_pe_6x5x1
  // Words that move, as the page draws them.
  logic [@{pes*acc_w-1}:0] moved [@{depth}];
  always @(posedge clk_i) begin
    for (int w = 0; w < @{depth}; w++) begin
      if (!rst_ni || clear_i) moved[w] <= '0;
      else if (shift_i) moved[w] <= w == 0 ? acc_i : moved[(w + @{depth-1}) % @{depth}];
    end
  end
  always @* begin
    if (proof_begun) begin
      assert ({1'b0, wp_q} < @{depth});
      for (int w = 0; w < @{depth}; w++) assert (line_q[(8'(wp_q) + 1 + w) % @{depth}] == moved[w]);
    end
  end
  for (genvar k = 0; k < @{pes}; k++) begin : g_proof
    logic [@{c4_w-1}:0] asked;
    assign asked = c4_i[k*@{c4_w}+:@{c4_w}];
    always @* begin
      if (proof_begun && asked == '0) assert (tap_o[k*@{acc_w}+:@{acc_w}] == acc_i[k*@{acc_w}+:@{acc_w}]);
      if (proof_begun && asked > @{columns-pes}) assert (tap_o[k*@{acc_w}+:@{acc_w}] == '0);
      for (int a = 1; a <= @{columns-pes}; a++)
        if (proof_begun && asked == a) assert (tap_o[k*@{acc_w}+:@{acc_w}] == moved[a-1][k*@{acc_w}+:@{acc_w}]);
    end
  end
