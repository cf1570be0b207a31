// SPDX-License-Identifier: Apache-2.0
// says: a read that is offered stays, unchanged, until it is taken; while it waits no further one is made up
// unit: tile_loader
// designs: tiny_2x4x2 odd_5x7x3 ties_7x9x3
// method: induction 1
// canary: tile_loader.v: && (!rd_valid_q || rd_ready_i); ==> && (!rd_valid_q || rd_ready_i || group_end);
  logic waits;
  logic [@{addr_w-1}:0] addr_was;
  logic [@{tag_w-1}:0] tag_was;
  logic [@{end_w-1}:0] base_was;
  always @(posedge clk_i) begin
    waits <= rst_ni && rd_valid_o && !rd_ready_i;
    addr_was <= rd_addr_o;
    tag_was <= rd_tag_o;
    base_was <= base;
  end
  always @* if (proof_begun && waits) assert (rd_valid_o && rd_addr_o == addr_was && rd_tag_o == tag_was && base == base_was);
