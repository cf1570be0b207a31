// SPDX-License-Identifier: Apache-2.0
// says: a read stays offered until one is taken, and stays the same one unless the other stream comes in between; each stream's own next read
// stays its next until it is taken; an answer shows at one write port, that of its tag
// unit: fetch
// designs: tiny_2x4x2 odd_5x7x3 one_pe_6x5x1_travelling
// method: induction 1
// canary: fetch.v: assign high_issues = issues && high; ==> assign high_issues = rd_valid_o && high;
  logic waits, was_high, high_waits, low_waits;
  logic [@{addr_w-1}:0] addr_was, high_was, low_was;
  logic [@{tag_w-1}:0] tag_was;
  always @(posedge clk_i) begin
    waits <= rst_ni && rd_valid_o && !rd_ready_i;
    was_high <= high;
    addr_was <= rd_addr_o;
    tag_was <= rd_tag_o;
    high_waits <= rst_ni && high_reads && !(rd_ready_i && high);
    high_was <= high_at;
    low_waits <= rst_ni && low_reads && !(rd_ready_i && !high);
    low_was <= low_at;
  end
  always @* begin
    if (proof_begun) begin
      if (waits) assert (rd_valid_o);
      if (waits && was_high == high) assert (rd_addr_o == addr_was && rd_tag_o == tag_was);
      if (low_waits) assert (low_reads && low_at == low_was);
      if (high_waits) assert (high_reads && high_at == high_was);
      assert ({2'd0, k_we_o} + {2'd0, ql_we_o} + {2'd0, q_we_o} + {2'd0, m_we_o} == {2'd0, got_i});
    end
  end
