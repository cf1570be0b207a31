// SPDX-License-Identifier: Apache-2.0
// says: pack is its page: a read column with a bit set is written with the running number where it has one and `no_pe` elsewhere; a column
// that would give a row one kept key too many closes the group, uncounted; a group's count of a row never exceeds the PEs
// unit: pack
// designs: tiny_2x4x2 published_8x8 one_pe_6x5x1 odd_5x7x3 full_4x4x4 ties_7x9x3 published_16x16x4
// method: induction 1
// canary: pack.v: n_q <= full ? '0 : n_d; ==> n_q <= n_d;
// quick: odd_5x7x3
  int kept [@{pack_rows}];  // of the group, by row
  logic [@{row_id_bits-1}:0] number;  // of the group's next column
  logic shown;
  logic [@{mask_bits-1}:0] last [@{pack_rows}];
  logic closes;
  always @* begin
    closes = 1'b0;
    for (int i = 0; i < @{pack_rows}; i++) if (control_i == 2'd2 && bit_i[i] && kept[i] + 1 > @{pack_pes}) closes = 1'b1;
  end
  always @(posedge clk_i) begin
    if (!rst_ni || control_i == 2'd1) begin
      number <= '0;
      shown <= 1'b0;
    end else if (control_i == 2'd2) begin
      number <= closes ? '0 : number + 1'b1;
      shown <= bit_i != '0;
    end
    for (int i = 0; i < @{pack_rows}; i++) begin
      if (!rst_ni || control_i == 2'd1) begin
        kept[i] <= 0;
        last[i] <= '0;
      end else if (control_i == 2'd2) begin
        kept[i] <= closes ? 0 : bit_i[i] ? kept[i] + 1 : kept[i];
        if (bit_i != '0) last[i] <= bit_i[i] ? number : @{no_pe};
      end
    end
  end
  always @* begin
    if (proof_begun) begin
      assert (emit_o == closes && write_o == shown && r_q == number);
      for (int i = 0; i < @{pack_rows}; i++) begin
        assert (kept[i] >= 0 && kept[i] <= @{pack_pes});
        assert (n_q[i*@{counter_bits}+:@{counter_bits}] == kept[i]);
        assert (column_o[i*@{mask_bits}+:@{mask_bits}] == last[i]);
      end
    end
  end
