// SPDX-License-Identifier: Apache-2.0
// says: whatever the pipeline held, its result after the latency is the quotient of what went in, to nearest even, clipped; 0 for a row sum below 1
// unit: normalise
// designs: tiny_2x4x2
// method: 10 cycles from any state
// canary: divide.v: assign up = quo[0] && (more || quo[1]); ==> assign up = quo[0];
//@let latency = output_w + 3
//@let scale = output_frac + row_sum_frac - output_sum_frac
//@let wide = output_sum_w + row_sum_w + max(scale, -scale) + 3
  // The operands of so many cycles ago, lane 0.
  logic [@{output_sum_w-1}:0] num_was [@{latency}];
  logic [@{row_sum_w-1}:0] den_was [@{latency}];
  logic [@{latency-1}:0] valid_was;
  logic [7:0] age;  // cycles without a reset, up to the latency
  initial age = '0;
  always @(posedge clk_i) begin
    age <= !rst_ni ? '0 : age == @{latency} ? age : age + 8'd1;
    for (int t = 0; t < @{latency}; t++) begin
      num_was[t] <= t == 0 ? num_i[@{output_sum_w-1}:0] : num_was[(t+@{latency-1})%@{latency}];
      den_was[t] <= t == 0 ? den_i : den_was[(t+@{latency-1})%@{latency}];
    end
    valid_was <= {valid_was[@{latency-2}:0], valid_i};
  end
  logic signed [@{wide-1}:0] n, d, q, twice, most;
  always @* begin
    n = @{wide}'($signed(num_was[@{latency-1}])) <<< @{max(scale, 0)};
    d = @{wide}'($signed(den_was[@{latency-1}])) <<< @{max(-scale, 0)};
    q = @{wide}'($signed(quot_o[@{output_w-1}:0]));
    twice = (n - q * d) <<< 1;
    most = (1 << @{output_w-1}) - 1;
    if (age == @{latency}) begin
      assert (done_o == valid_was[@{latency-1}]);
      if ($signed(den_was[@{latency-1}]) <= 0) assert (q == 0);
      else assert ((twice <= d && twice >= -d && (!q[0] || twice != d && twice != -d)) ||
          (q == most && twice >= d) || (q == -most - 1 && (twice < -d)));
    end
  end
