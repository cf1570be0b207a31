// SPDX-License-Identifier: Apache-2.0
// says: a PE is its page, word by word: product floored to its format, clear, hold, self, left, load; acc clipped (published: wrapped) and
// told; exponent less bias, clipped, 0 at rest; score held, taken, moved, cleared
// unit: pe
// designs: tiny_2x4x2 tiny_published
// method: induction 1
// canary: pe.v: assign full = @{full_w}'(a) * @{full_w}'($signed(b_i)); ==> assign full = @{full_w}'(a) * @{full_w}'(b_i);
// quick: tiny_published
  // In integers: wide enough for everything, nothing cut but where the page says so.
  logic signed [23:0] left, up, product, floored, base, sum, most, acc_now, exponent, most_x;
  logic signed [@{acc_w-1}:0] acc_spec;
  logic signed [@{score_w-1}:0] score_spec;
  logic clips;
  assign left = sel_i ? 24'($signed(score_spec)) : 24'($signed(a_i));
  assign up = 24'($signed(b_i));
  // a product written as the sum of shifted operands
  always @* begin
    product = '0;
    for (int i = 0; i < 24; i++) if (up[i]) product = product + (left << i);
  end
//@if signed
  assign floored = product >>> (sel_i ? @{drop_spmm} : @{drop_sddmm});
//@else
  assign floored = product >>> @{drop_sddmm};
//@endif
  assign acc_now = 24'($signed(acc_spec));
  always @* begin
    base = '0;
    if (c3_i == 3'd2) base = acc_now;
    if (c3_i == 3'd3) base = 24'($signed(o_i));
    sum = base + floored;
    most = (1 << @{acc_w-1}) - 1;
    clips = 1'b0;
//@if signed
    if (sum > most) begin
      sum = most;
      clips = 1'b1;
    end
    if (sum < -most - 1) begin
      sum = -most - 1;
      clips = 1'b1;
    end
//@endif
  end
  logic told;
  always @(posedge clk_i) begin
    told <= 1'b0;
    if (!rst_ni || c3_i == 3'd0) acc_spec <= '0;
    else if (c3_i >= 3'd2 && c3_i <= 3'd4) begin
      acc_spec <= sum[@{acc_w-1}:0];
      told <= clips;
    end
    if (!rst_ni || c5_i == 2'd3) score_spec <= '0;
    else if (c5_i == 2'd1) score_spec <= y_i;
    else if (c5_i == 2'd2) score_spec <= s_i;
  end
  always @* begin
    exponent = '0;
    most_x = (1 << @{acc_w-1}) - 1;
//@if signed
    if (c5_i == 2'd1) exponent = acc_now - (24'($signed(bias_i)) * 24'd@{1 << (acc_frac - bias_frac)});
    if (exponent > most_x) exponent = most_x;
    if (exponent < -most_x - 1) exponent = -most_x - 1;
//@else
    if (c5_i == 2'd1) exponent = acc_now;
//@endif
    if (proof_begun) begin
      assert (acc_q == acc_spec && acc_o == acc_spec && score_q == score_spec && score_o == score_spec);
      assert ($signed(x_o) == exponent);
//@if signed
      assert (sat_o == told);
//@endif
    end
  end
