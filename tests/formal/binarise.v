// SPDX-License-Identifier: Apache-2.0
// says: a bit is kept where it is allowed and exp > T sum, exactly, without rounding; `any` gathers since clear
// unit: binarise
// designs: tiny_2x4x2 tiny_published
// method: induction 1
// canary: binarise.v: any_q <= clear_i ? '0 : any_q | keep_d; ==> any_q <= clear_i ? keep_d : any_q | keep_d;
  logic [@{score_rows-1}:0] keeps, gathered;
  logic signed [79:0] one, other, total;
  always @* begin
    for (int i = 0; i < @{score_rows}; i++) begin
//@if signed
      one = 80'($signed(exp_i[i*@{score_exp_w}+:@{score_exp_w}]));
      total = 80'($signed(sum_i[i*@{score_sum_w}+:@{score_sum_w}]));
//@else
      one = {1'b0, exp_i[i*@{score_exp_w}+:@{score_exp_w}]};
      total = {1'b0, sum_i[i*@{score_sum_w}+:@{score_sum_w}]};
//@endif
      other = '0;
      for (int b = 0; b < @{threshold_w}; b++) if (threshold_i[b]) other = other + (total <<< b);
      // both in units of the finer of the two last bits
      one = one <<< @{threshold_frac + score_sum_frac};
      other = other <<< @{score_exp_frac};
      keeps[i] = allowed_i[i] && one > other;
    end
  end
  logic [@{score_rows-1}:0] kept, some;
  always @(posedge clk_i) begin
    kept <= rst_ni ? keeps : '0;
    some <= !rst_ni || clear_i ? '0 : some | keeps;
  end
  always @* if (proof_begun) assert (keep_o == kept && any_o == some && keep_q == kept && any_q == some);
