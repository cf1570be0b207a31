// SPDX-License-Identifier: Apache-2.0
// says: a beat that is offered stays, unchanged, until it is taken, and so does a finished job; a half is cleared before its group counts as
// drained; rows under way and rows to be written never exceed their memory as long as the dividers only answer what they were asked
// unit: drain
// designs: tiny_2x4x2
// method: induction 2
// canary: drain.v: if (end_q != '0) end_q <= drained ? 2'd0 : 2'd2; ==> if (end_q != '0) end_q <= 2'd0;
  logic waits, fin_waits;
  logic [@{addr_w-1}:0] addr_was;
  logic [@{bus_w-1}:0] data_was;
  logic [15:0] fin_was;
  always @(posedge clk_i) begin
    waits <= rst_ni && wr_valid_o && !wr_ready_i;
    fin_waits <= rst_ni && fin_valid_o && !fin_ready_i;
    addr_was <= wr_addr_o;
    data_was <= wr_data_o;
    fin_was <= fin_job_o;
  end
  always @* begin
    if (proof_begun) begin
      // fewer than two groups are computed and not drained when another one is: its record goes elsewhere
      if (wr_valid_o || fin_valid_o) assume (computed_i == taken_q || taken_q[0] != half_q);
      // a divider answers a row that entered
      if (div_done_i) assume (inside_q > full_q);
      assert (inside_q <= @{output_rows} && full_q <= inside_q);
      assert (result_slot_q == @{slot_w}'(slot_q + full_q));
      if (waits) assert (wr_valid_o && wr_addr_o == addr_was && wr_data_o == data_was);
      if (fin_waits) assert (fin_valid_o && fin_job_o == fin_was);
      if (clear_o) assert (!fin_valid_o && !wr_valid_o);
    end
  end
