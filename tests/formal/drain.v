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
  // Records hold from before a group is computed until it is drained.
  logic [@{2*group_count_w+2*d_w+2*beats_w+2*addr_w+34-1}:0] records, records_were;
  assign records = {g_rows_i, g_d_i, g_beats_i, g_o_i, g_final_i, g_job_i};
  always @(posedge clk_i) begin
    waits <= rst_ni && wr_valid_o && !wr_ready_i;
    fin_waits <= rst_ni && fin_valid_o && !fin_ready_i;
    addr_was <= wr_addr_o;
    data_was <= wr_data_o;
    fin_was <= fin_job_o;
    records_were <= records;
  end
  always @* begin
    if (proof_begun) begin
      if (waits || fin_waits) assume (records == records_were);
      // a divider answers a row that entered
      if (div_done_i) assume (inside_q > full_q);
      assert (inside_q <= @{output_rows} && full_q <= inside_q);
      assert (result_slot_q == @{slot_w}'(slot_q + full_q));
      if (waits) assert (wr_valid_o && wr_addr_o == addr_was && wr_data_o == data_was);
      if (fin_waits) assert (fin_valid_o && fin_job_o == fin_was);
      if (clear_o) assert (!fin_valid_o && !wr_valid_o);
    end
  end
