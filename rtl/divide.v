// SPDX-License-Identifier: Apache-2.0
//@let bits = output_w + 1
//@let stages = bits + 1
//@let shift = output_frac + row_sum_frac - output_sum_frac + 1
//@let rem_w = row_sum_w - 1
//@let drop = min(max(-shift, 0), output_sum_w)
//@let half_w = max(output_sum_w + max(shift, 0), bits + 1)
//@let top_w = half_w - bits
//@let compare_w = max(top_w, rem_w)
/// A lane of normalise: restoring divider, one quotient bit a stage, nearest even, saturating.
/// It takes the divisors of its stages from outside, since all lanes share them, and knows nothing of rows.
/// One result a cycle, @{stages+1} cycles after its operand: load, @{bits} steps, round.
`default_nettype none
module @{prefix}_divide (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{output_sum_w-1}:0] num_i,
    input  logic [@{rem_w-1}:0] den_i,  // of the operand shown, never 0
    input  logic [@{bits*rem_w-1}:0] dens_i,  // of the operand in each stage but the last
    input  logic empty_i,  // the operand in the last stage gives 0
    input  logic count_i,  // and counts when it is clipped
    output logic [@{output_w-1}:0] quot_o,
    output logic [31:0] sats_o
);
  logic [@{stages-1}:0] neg_q, big_q;
//@if shift <= -1
  logic [@{stages-1}:0] tail_q;
//@endif
  logic [@{stages*rem_w-1}:0] rem_q, rem_d;
  logic [@{stages*bits-1}:0] quo_q, quo_d;
  logic [@{output_w-1}:0] quot_q;
  logic [31:0] sat_q;

  // ---- load: |num| in half units of the output's last bit ----
  logic neg, big;
  logic [@{output_sum_w-1}:0] size;  // unsigned: the smallest num's size needs the sign bit
  logic [@{half_w-1}:0] halves;
  logic [@{top_w-1}:0] top;  // what is left of the @{bits} bits that the steps take in
  assign neg = num_i[@{output_sum_w-1}];
  assign size = neg ? -num_i : num_i;
//@if shift >= 0
  assign halves = @zext{size, output_sum_w, half_w} << @{shift};
//@else
  assign halves = @{half_w}'(size >> @{drop});
//@endif
  assign top = halves[@{half_w-1}:@{bits}];
  assign big = @zext{top, top_w, compare_w} >= @zext{den_i, rem_w, compare_w};

  // ---- steps ----
  assign rem_d[@{rem_w-1}:0] = big ? '0 : @{rem_w}'(top);
  assign quo_d[@{bits-1}:0] = halves[@{bits-1}:0];
  for (genvar i = 0; i < @{bits}; i++) begin : g_step
    logic [@{rem_w}:0] part, less;
    assign part = {rem_q[i*@{rem_w}+:@{rem_w}], quo_q[i*@{bits}+@{bits-1}]};
    assign less = part - {1'b0, dens_i[i*@{rem_w}+:@{rem_w}]};  // part < 2 den, so its sign says whether den fits
    assign rem_d[(i+1)*@{rem_w}+:@{rem_w}] = less[@{rem_w}] ? part[@{rem_w-1}:0] : less[@{rem_w-1}:0];
    assign quo_d[(i+1)*@{bits}+:@{bits}] = {quo_q[i*@{bits}+:@{bits-1}], !less[@{rem_w}]};
  end

  // ---- round ----
  logic [@{bits-1}:0] quo, whole, limit;
  logic more, up, too_big;
  assign quo = quo_q[@{(stages-1)*bits}+:@{bits}];
//@if shift <= -1
  assign more = |rem_q[@{(stages-1)*rem_w}+:@{rem_w}] || tail_q[@{stages-1}];
//@else
  assign more = |rem_q[@{(stages-1)*rem_w}+:@{rem_w}];
//@endif
  assign up = quo[0] && (more || quo[1]);
  assign whole = {1'b0, quo[@{bits-1}:1]} + @{bits}'(up);
  // the negative side holds one more
  assign limit = {2'b00, {@{output_w-1}{1'b1}}} + @{bits}'(neg_q[@{stages-1}]);
  assign too_big = big_q[@{stages-1}] || whole > limit;

  logic [@{output_w-1}:0] clipped, signed_whole;
  assign clipped = too_big ? limit[@{output_w-1}:0] : whole[@{output_w-1}:0];
  assign signed_whole = neg_q[@{stages-1}] ? -clipped : clipped;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      neg_q <= '0;
      big_q <= '0;
//@if shift <= -1
      tail_q <= '0;
//@endif
      rem_q <= '0;
      quo_q <= '0;
      quot_q <= '0;
      sat_q <= '0;
    end else begin
      neg_q <= {neg_q[@{stages-2}:0], neg};
      big_q <= {big_q[@{stages-2}:0], big};
//@if shift <= -1
      tail_q <= {tail_q[@{stages-2}:0], |size[@{drop-1}:0]};
//@endif
      rem_q <= rem_d;
      quo_q <= quo_d;
      quot_q <= empty_i ? '0 : signed_whole;
      if (count_i && too_big && sat_q != '1) sat_q <= sat_q + 32'd1;
    end
  end
  assign quot_o = quot_q;
  assign sats_o = sat_q;
endmodule
`default_nettype wire
