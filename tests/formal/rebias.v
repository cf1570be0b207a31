// SPDX-License-Identifier: Apache-2.0
// says: a read stays, unchanged, until it is taken; after a row's last beat its sum of products
// shows, floored to the bias format and clipped; strips are counted once each
// unit: rebias
// designs: tiny_2x4x2
// method: induction 2
// canary: rebias.v: if (got_beat != '0) sum_d = sum_q; ==> sum_d = sum_q;
  // ---- reads ----
  logic waits;
  logic [@{addr_w-1}:0] addr_was;
  logic [@{tag_w-1}:0] tag_was;
  always @(posedge clk_i) begin
    waits <= rst_ni && rd_valid_o && !rd_ready_i;
    addr_was <= rd_addr_o;
    tag_was <= rd_tag_o;
  end
  always @* if (proof_begun && waits) assert (rd_valid_o && rd_addr_o == addr_was && rd_tag_o == tag_was);

  // ---- answers: a row's sum in integers ----
  logic signed [@{sum_w+1}:0] sums, beat_sum, biased;  // two bits wider than the unit's sum
  logic [@{index_w-1}:0] row;
  logic [1:0] ended;
  logic [@{held_w-1}:0] strips;
  logic signed [@{sum_w+1}:0] left, right, product;
  always @* begin
    beat_sum = '0;
    left = '0;
    right = '0;
    product = '0;
    for (int l = 0; l < @{bus_w/16}; l++) begin
      left = @{sum_w+2}'($signed(dot_q_i[l*16+:@{q_w}]));
      right = @{sum_w+2}'($signed(got_data_i[l*16+:@{k_w}]));
      product = '0;
      for (int b = 0; b < @{sum_w+2}; b++) if (right[b]) product = product + (left <<< b);
      if (got_tag_i[@{beat_w-1}:0] * @{bus_w/16} + l < g_d_i[(got_tag_i[@{beat_w}+:@{index_w}] >= @{group_rows} ? @{d_w} : 0)+:@{d_w}])
        beat_sum = beat_sum + product;
    end
  end
  always @(posedge clk_i) begin
    if (!rst_ni) begin
      sums <= '0;
      ended <= '0;
      row <= '0;
      strips <= '0;
    end else begin
      if (got_i) begin
        sums <= got_tag_i[@{beat_w-1}:0] == '0 ? beat_sum : sums + beat_sum;
        row <= got_tag_i[@{beat_w}+:@{index_w}];
      end
      ended <= got_i ? got_tag_i[@{beat_w+index_w}+:2] : 2'd0;
      strips <= strips + @{held_w}'(ended >= 2'd2);
    end
  end
  localparam logic signed [@{sum_w+1}:0] Most = (1 << @{bias_w-1}) - 1;
  always @* begin
    biased = sums >>> @{q_frac+k_frac-bias_frac};
    if (biased > Most) biased = Most;
    if (biased < -Most - 1) biased = -Most - 1;
    if (proof_begun) begin
      // a row has head_max elements at most
      assume (sums <= @{head_max << (q_w + k_w - 2)} && sums >= -@{head_max << (q_w + k_w - 2)});
      assert (b_we_o == (ended != '0) && b_index_o == row);
      assert (@{sum_w+2}'($signed(sum_q)) == sums && end_q == ended);
      if (b_we_o) assert (@{sum_w+2}'($signed(b_bias_o)) == biased);
      assert (rebiased_o == strips);
    end
  end
