// SPDX-License-Identifier: Apache-2.0
// says: the Verilog of a published unit gives 0 where its shift is at least the word's width, as the argument of theorem exp says
// unit: exp
// designs: published_8x8 published_16x16x4
// method: 1 cycles from any state
// canary: exp.v: assign y_o = z[@{yw-1}:@{log2e_append}]; ==> assign y_o = z[@{yw-1}:@{log2e_append}] | @{x_w}'(y[@{yw-1}]);
  logic [63:0] product;
  assign product = 64'(x_i) * 64'd@{log2e_num};
  always @* if (product[@{yw-1}:@{vp}] >= @{yw}) assert (y_o == '0);
