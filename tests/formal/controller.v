// SPDX-License-Identifier: Apache-2.0
// says: a head stays offered, with all that belongs to it, until it is taken; so do reads and statuses; each job that fetch reports done is
// taken once, and at most one status waits
// unit: controller
// designs: tiny_2x4x2 odd_5x7x3
// method: induction 1
// canary: controller.v: wr_valid_q <= !wr_ready_i; ==> wr_valid_q <= 1'b0;
  logic job_waits, read_waits, status_waits;
  logic [@{2*len_w+d_w+4+threshold_w+7*addr_w+17-1}:0] job, job_was;
  logic [@{addr_w-1}:0] read_was, status_was;
  logic [@{bus_w-1}:0] data_was;
  assign job = {j_l_o, j_m_o, j_d_o, j_causal_o, j_external_o, j_policy_o, j_threshold_o, j_q_o, j_k_o, j_v_o, j_q_low_o,
      j_k_low_o, j_mask_o, j_o_o, j_final_o, j_number_o};
  always @(posedge clk_i) begin
    job_waits <= rst_ni && job_valid_o && !job_ready_i;
    job_was <= job;
    read_waits <= rst_ni && rd_valid_o && !rd_ready_i;
    read_was <= rd_addr_o;
    status_waits <= rst_ni && wr_valid_o && !wr_ready_i;
    status_was <= wr_addr_o;
    data_was <= wr_data_o;
  end
  always @* begin
    if (proof_begun) begin
      // answers come of reads only; a host starts a queue when the last status of the one before is written
      assume (!got_i || state_q == Read && answered_q < asked_q);
      assume (!start_i || !wr_valid_o);
      if (state_q == Read) assert (answered_q <= asked_q && answered_q < @{beats} && asked_q <= @{beats});
      if (job_waits) assert (job_valid_o && job == job_was);
      if (read_waits) assert (rd_valid_o && rd_addr_o == read_was);
      if (status_waits) assert (wr_valid_o && wr_data_o == data_was && wr_addr_o == status_was);
      if (fin_ready_o) assert (!wr_valid_o && state_q != Idle);
    end
  end
