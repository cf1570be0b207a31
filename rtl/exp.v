// SPDX-License-Identifier: Apache-2.0
//@let entries = 1 << lut_bits
//@let vp = x_frac + log2e_append
//@let lut_w = entries * (vp + 1)
//@let at_w = clog2(lut_w)
//@if signed
//@let yw = max(x_w + log2e_append + 1, vp + 2)
//@let tw = max(yw - vp, clog2(vp + y_frac + 1) + 1) + 2
//@else
//@let yw = x_w + log2e_append
//@endif
/// e^x as 2^(x log2 e): the integer part shifts, a table corrects the fraction.
/// Combinational. x has @{x_frac} fraction bits, y has @{y_frac}; log2(e) is @{log2e_num} / 2^@{log2e_append}.
//@if signed
/// Signed input, right shift for negative exponents, one floor at the end, saturating.
//@else
/// Unsigned input and wrap-around, as published: a negative x reads as a huge one.
//@endif
`default_nettype none
module @{prefix}_@{module} (
    input  logic [@{x_w-1}:0] x_i,
//@if signed
    output logic [@{y_w-1}:0] y_o,
    output logic sat_o  // y was clipped
//@else
    output logic [@{y_w-1}:0] y_o
//@endif
);
  // 2^(k/@{entries}) - k/@{entries} with @{vp} fraction bits; entry 0 in the lowest bits
  localparam logic [@{lut_w-1}:0] LUT = {
//@lut
  };

//@if signed
  logic [@{yw-1}:0] x_wide;
  assign x_wide = @sext{x_i, x_w, yw};
  // In an if, so that a simulator skips the unit while it rests at x = 0: e^0 is 1 without any table.
  always_comb begin : p_power
    logic [@{yw-1}:0] y;  // x log2(e)
    logic [@{vp-1}:0] v;  // its fraction
    logic [@{at_w-1}:0] at;
    logic [@{vp}:0] m;  // 2^v, in [1, 2)
    logic [@{tw-1}:0] t;  // signed shift of m into y's format
    logic [@{y_w+vp}:0] wide;
    y = '0;
    v = '0;
    at = '0;
    m = '0;
    t = '0;
    wide = @{y_w+vp+1}'d1 << @{y_frac};
    if (x_i != '0) begin
      y = x_wide * @{yw}'d@{log2e_num};
      v = @{vp}'(y);
      at = @{at_w}'(v >> @{vp-lut_bits}) * @{at_w}'d@{vp+1};
      m = {1'b0, v} + LUT[at+:@{vp+1}];
      t = @{tw}'($signed(y) >>> @{vp}) + @{tw}'d@{y_frac} - @{tw}'d@{vp};
      wide = $signed(t) < 0 ? {@{y_w}'d0, m} >> (-t) : {@{y_w}'d0, m} << t;
    end
    // m >= 1: a left shift by y's width is too big, whatever remains of it in `wide`
    sat_o = ($signed(t) >= $signed(@{tw}'d@{y_w})) || (wide >> @{y_w-1}) != '0;
    y_o = sat_o ? {1'b0, {@{y_w-1}{1'b1}}} : @{y_w}'(wide);
  end
//@else
  logic [@{yw-1}:0] y;  // x log2(e)
  logic [@{vp-1}:0] v;  // its fraction
  logic [@{at_w-1}:0] at;
  logic [@{vp}:0] m;  // 2^v, in [1, 2)

  assign v = y[@{vp-1}:0];
  assign at = @{at_w}'(v[@{vp-1}:@{vp-lut_bits}]) * @{at_w}'d@{vp+1};
  assign m = {1'b0, v} + LUT[at+:@{vp+1}];

  logic [@{yw-1}:0] z;

  assign y = @{yw}'(x_i) * @{yw}'d@{log2e_num};
  assign z = @{yw}'(m) << y[@{yw-1}:@{vp}];
  assign y_o = z[@{yw-1}:@{log2e_append}];
//@if log2e_append != 0

  // what the floor drops
  logic unused;
  assign unused = ^z[@{log2e_append-1}:0];
//@endif
//@endif
endmodule
`default_nettype wire
