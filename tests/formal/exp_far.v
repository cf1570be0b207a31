// SPDX-License-Identifier: Apache-2.0
// says: far from 0 the Verilog gives what the argument of theorem exp says: 0 below, the largest value and `sat` above, and nothing is clipped between
// unit: exp
// designs: one_pe_6x5x1 full_4x4x4 odd_5x7x3 ties_7x9x3 paper_64x16
// method: 1 cycles from any state
// canary: exp.v: (wide >> @{y_w-1}) != '0; ==> (wide >> @{y_w}) != '0;
// quick: odd_5x7x3
//@let high = ((y_w - 1 - y_frac) << vp)
//@let low = (y_frac << vp)
  // x num against the powers of two where u reaches y's ends, all in integers of 64 bits.
  logic signed [63:0] product;
  assign product = 64'($signed(x_i)) * 64'sd@{log2e_num};
  always @* begin
    if (product < -64'sd@{low}) assert (y_o == '0 && !sat_o);
    else if (product >= 64'sd@{high}) assert (y_o == {1'b0, {@{y_w-1}{1'b1}}} && sat_o);
    else assert (!sat_o);
  end
