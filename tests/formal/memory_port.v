// SPDX-License-Identifier: Apache-2.0
// says: every grant becomes one request, which stays, unchanged, until it is taken; every answer taken shows once, at the client and with
// the tag of the oldest read that waits; one grant at most, to the first valid client, writes first, and no read beyond `outstanding`
// unit: memory_port
// designs: tiny_2x4x2 one_pe_6x5x1_travelling odd_5x7x3 full_4x4x4_travelling ties_7x9x3
// method: induction 1
// canary: memory_port.v: if (read != taken) waiting_q ==> if (read) waiting_q
// quick: tiny_2x4x2
//@let spec_n_w = clog2(outstanding + 2)
  // ---- grants ----
  logic room;
  assign room = !req_valid_o || req_ready_i;
  logic [5:0] wants, gives;  // writes first, then reads, lowest number first
  assign wants = {rd_valid_i & {4{spec_n < @{outstanding}}}, wr_valid_i};
  assign gives = {rd_ready_o, wr_ready_o};
  always @* begin
    if (proof_begun) begin
      for (int i = 0; i < 6; i++) begin
        assert (gives[i] == (room && wants[i] && (wants & 6'((1 << i) - 1)) == '0 && (i < 2 || wr_valid_i == '0)));
      end
    end
  end

  // ---- requests: one is held ----
  logic spec_valid, spec_write;
  logic [@{addr_w-1}:0] spec_addr;
  logic [@{bus_w-1}:0] spec_data;
  always @(posedge clk_i) begin
    if (!rst_ni) spec_valid <= 1'b0;
    else if (gives != '0) spec_valid <= 1'b1;
    else if (req_ready_i) spec_valid <= 1'b0;
    for (int i = 0; i < 2; i++) begin
      if (rst_ni && wr_ready_o[i]) begin
        spec_write <= 1'b1;
        spec_addr <= wr_addr_i[i*@{addr_w}+:@{addr_w}];
        spec_data <= wr_data_i[i*@{bus_w}+:@{bus_w}];
      end
    end
    for (int i = 0; i < 4; i++) begin
      if (rst_ni && rd_ready_o[i]) begin
        spec_write <= 1'b0;
        spec_addr <= rd_addr_i[i*@{addr_w}+:@{addr_w}];
      end
    end
  end
  always @* begin
    if (proof_begun) begin
      assert (req_valid_o == spec_valid);
      if (spec_valid) assert (req_write_o == spec_write && req_addr_o == spec_addr);
      if (spec_valid && spec_write) assert (req_data_o == spec_data);
    end
  end

  // ---- reads that wait: a queue that moves, oldest first ----
  logic [@{tag_w+1}:0] spec_q [@{outstanding}];
  logic [@{spec_n_w-1}:0] spec_n, spec_at;
  logic answered;
  assign answered = rsp_valid_i && spec_n != '0;
  assign spec_at = spec_n - @{spec_n_w}'(answered);
  always @(posedge clk_i) begin
    if (!rst_ni) spec_n <= '0;
    else spec_n <= spec_at + @{spec_n_w}'(rd_ready_o != '0);
    for (int w = 0; w < @{outstanding}; w++) begin
      if (rst_ni && answered && w + 1 < @{outstanding}) spec_q[w] <= spec_q[(w+1)%@{outstanding}];
      for (int i = 0; i < 4; i++) if (rst_ni && rd_ready_o[i] && spec_at == w) spec_q[w] <= {2'(i), rd_tag_i[i*@{tag_w}+:@{tag_w}]};
    end
  end
  always @* begin
    if (proof_begun) begin
      assert (spec_n <= @{outstanding} && waiting_q == spec_n && {1'b0, oldest_q} < @{outstanding});
      for (int w = 0; w < @{outstanding}; w++) if (w < spec_n) assert (route_q[(9'(oldest_q) + 9'(w)) % @{outstanding}] == spec_q[w]);
      assert (rsp_ready_o == (spec_n != '0));
    end
  end

  // ---- answers ----
  logic [3:0] spec_got;
  logic [@{tag_w-1}:0] spec_got_tag;
  logic [@{bus_w-1}:0] spec_got_data;
  always @(posedge clk_i) begin
    spec_got <= rst_ni && answered ? 4'd1 << spec_q[0][@{tag_w}+:2] : '0;
    spec_got_tag <= spec_q[0][@{tag_w-1}:0];
    spec_got_data <= rsp_data_i;
  end
  always @* begin
    if (proof_begun) begin
      assert (got_o == spec_got);
      if (spec_got != '0) assert (got_tag_o == spec_got_tag && got_data_o == spec_got_data);
    end
  end
