// SPDX-License-Identifier: Apache-2.0
//@let beats_w = clog2(row_beats + 1)
//@let waddr_w = 2 + col_w + beat_w
/// The machine: jobs, queries, keys and values in memory to outputs in memory, one port, one clock.
/// It has no register of its own: the blocks below hold all state (docs/machine.md), and here are the wires between them.
`default_nettype none
module @{prefix}_machine (
    input  logic clk_i,
    input  logic rst_ni,
    // host
    input  logic start_i,
    input  logic [@{addr_w-1}:0] queue_i,
    input  logic [@{addr_w-1}:0] status_i,
    input  logic [15:0] count_i,
    input  logic [@{addr_w}:0] limit_i,
    output logic busy_o,
    output logic [15:0] finished_o,
    output logic [15:0] failed_o,
    output logic clash_o,  // never 1: two PEs of a row wanted its exp unit
    // memory
    input  logic req_ready_i,
    input  logic rsp_valid_i,
    input  logic [@{bus_w-1}:0] rsp_data_i,
    output logic req_valid_o,
    output logic req_write_o,
    output logic [@{addr_w-1}:0] req_addr_o,
    output logic [@{bus_w-1}:0] req_data_o,
    output logic rsp_ready_o
);

  // ---- memory port: reads 0 tile_loader, 1 rebias, 2 fetch, 3 controller; writes 0 drain, 1 controller ----
  logic [3:0] rd_valid, rd_ready, got;
  logic [@{4*addr_w-1}:0] rd_addr;
  logic [@{4*tag_w-1}:0] rd_tag;
  logic [1:0] wr_valid, wr_ready;
  logic [@{2*addr_w-1}:0] wr_addr;
  logic [@{2*bus_w-1}:0] wr_data;
  logic [@{tag_w-1}:0] got_tag;
  logic [@{bus_w-1}:0] got_data;
  @{prefix}_memory_port u_memory_port (
      .clk_i,
      .rst_ni,
      .rd_valid_i(rd_valid),
      .rd_addr_i(rd_addr),
      .rd_tag_i(rd_tag),
      .rd_ready_o(rd_ready),
      .wr_valid_i(wr_valid),
      .wr_addr_i(wr_addr),
      .wr_data_i(wr_data),
      .wr_ready_o(wr_ready),
      .req_ready_i,
      .rsp_valid_i,
      .rsp_data_i,
      .req_valid_o,
      .req_write_o,
      .req_addr_o,
      .req_data_o,
      .rsp_ready_o,
      .got_o(got),
      .got_tag_o(got_tag),
      .got_data_o(got_data)
  );

  // ---- group records, an element a half, and counts between the stages ----
  logic [@{2*group_count_w-1}:0] g_rows;
  logic [@{2*len_w-1}:0] g_first, g_keys;
  logic [@{2*d_w-1}:0] g_d;
  logic [@{2*beats_w-1}:0] g_beats;
  logic [1:0] g_causal, g_external, g_upper, g_final;
  logic [3:0] g_policy;
  logic [@{2*threshold_w-1}:0] g_threshold;
  logic [@{2*addr_w-1}:0] g_k, g_v, g_o;
  logic [31:0] g_job;
  logic [1:0] loaded, opened, scored, asked, begun_groups, computed, taken, drained;
  logic [@{held_w-1}:0] held, predicted, rebiased;

  // ---- jobs ----
  logic job_valid, job_ready, j_causal, j_external, j_final, fin_valid, fin_ready;
  logic [@{len_w-1}:0] j_l, j_m;
  logic [@{d_w-1}:0] j_d;
  logic [1:0] j_policy;
  logic [@{threshold_w-1}:0] j_threshold;
  logic [@{addr_w-1}:0] j_q, j_k, j_v, j_q_low, j_k_low, j_mask, j_o;
  logic [15:0] j_number, fin_job;
  logic running;
  assign busy_o = running || req_valid_o;  // until the last status lies in memory
  assign rd_tag[3*@{tag_w}+:@{tag_w}] = '0;  // it asks for one thing at a time
  @{prefix}_controller u_controller (
      .clk_i,
      .rst_ni,
      .start_i,
      .queue_i,
      .status_i,
      .count_i,
      .limit_i,
      .busy_o(running),
      .finished_o,
      .failed_o,
      .rd_valid_o(rd_valid[3]),
      .rd_addr_o(rd_addr[3*@{addr_w}+:@{addr_w}]),
      .rd_ready_i(rd_ready[3]),
      .got_i(got[3]),
      .got_data_i(got_data),
      .wr_valid_o(wr_valid[1]),
      .wr_addr_o(wr_addr[1*@{addr_w}+:@{addr_w}]),
      .wr_data_o(wr_data[1*@{bus_w}+:@{bus_w}]),
      .wr_ready_i(wr_ready[1]),
      .job_valid_o(job_valid),
      .j_l_o(j_l),
      .j_m_o(j_m),
      .j_d_o(j_d),
      .j_causal_o(j_causal),
      .j_external_o(j_external),
      .j_policy_o(j_policy),
      .j_threshold_o(j_threshold),
      .j_q_o(j_q),
      .j_k_o(j_k),
      .j_v_o(j_v),
      .j_q_low_o(j_q_low),
      .j_k_low_o(j_k_low),
      .j_mask_o(j_mask),
      .j_o_o(j_o),
      .j_final_o(j_final),
      .j_number_o(j_number),
      .job_ready_i(job_ready),
      .fin_valid_i(fin_valid),
      .fin_job_i(fin_job),
      .fin_ready_o(fin_ready)
  );

  // ---- loading for prediction ----
  logic k_we, ql_we, q_we, m_we;
  logic [1:0] ql_file;
  logic [@{key_w-1}:0] k_key;
  logic [@{beat_w-1}:0] k_beat, ql_beat, q_beat, m_beat;
  logic [@{row_w-1}:0] ql_row;
  logic [@{index_w-1}:0] q_index, m_index;
  logic [@{bus_w-1}:0] k_data, ql_data, q_data, m_data;
  @{prefix}_fetch u_fetch (
      .clk_i,
      .rst_ni,
      .job_valid_i(job_valid),
      .j_l_i(j_l),
      .j_m_i(j_m),
      .j_d_i(j_d),
      .j_causal_i(j_causal),
      .j_external_i(j_external),
      .j_policy_i(j_policy),
      .j_threshold_i(j_threshold),
      .j_q_i(j_q),
      .j_k_i(j_k),
      .j_v_i(j_v),
      .j_q_low_i(j_q_low),
      .j_k_low_i(j_k_low),
      .j_mask_i(j_mask),
      .j_o_i(j_o),
      .j_final_i(j_final),
      .j_number_i(j_number),
      .job_ready_o(job_ready),
      .rd_valid_o(rd_valid[2]),
      .rd_addr_o(rd_addr[2*@{addr_w}+:@{addr_w}]),
      .rd_tag_o(rd_tag[2*@{tag_w}+:@{tag_w}]),
      .rd_ready_i(rd_ready[2]),
      .got_i(got[2]),
      .got_tag_i(got_tag),
      .got_data_i(got_data),
      .scored_i(scored),
      .taken_i(taken),
      .loaded_o(loaded),
      .opened_o(opened),
      .held_o(held),
      .g_rows_o(g_rows),
      .g_first_o(g_first),
      .g_keys_o(g_keys),
      .g_d_o(g_d),
      .g_beats_o(g_beats),
      .g_causal_o(g_causal),
      .g_external_o(g_external),
      .g_upper_o(g_upper),
      .g_policy_o(g_policy),
      .g_threshold_o(g_threshold),
      .g_k_o(g_k),
      .g_v_o(g_v),
      .g_o_o(g_o),
      .g_final_o(g_final),
      .g_job_o(g_job),
      .k_we_o(k_we),
      .k_key_o(k_key),
      .k_beat_o(k_beat),
      .k_data_o(k_data),
      .ql_we_o(ql_we),
      .ql_file_o(ql_file),
      .ql_row_o(ql_row),
      .ql_beat_o(ql_beat),
      .ql_data_o(ql_data),
      .q_we_o(q_we),
      .q_index_o(q_index),
      .q_beat_o(q_beat),
      .q_data_o(q_data),
      .m_we_o(m_we),
      .m_index_o(m_index),
      .m_beat_o(m_beat),
      .m_data_o(m_data)
  );

  // ---- prediction ----
  logic p_valid, p_first, p_upper, d_valid, d_first, s_valid, s_first, t_valid, t_first, t_there, t_last, mask_valid;
  logic [1:0] p_file, d_bank, s_bank, t_bank, t_policy, p_tag;
  logic [@{tile_w-1}:0] p_tile, t_tile, mask_tile;
  logic [@{at_w-1}:0] p_at;
  logic [@{key_w-1}:0] head_key, d_key, s_key, t_key;
  logic [@{col_w-1}:0] d_col, t_col;
  logic [@{len_w}:0] d_limit;
  logic [@{row_count_w-1}:0] d_rows;
  logic [@{strip_w-1}:0] t_strip, mask_strip;
  logic [@{threshold_w-1}:0] t_threshold;
  logic [@{rows*operand_w-1}:0] p_left;
  logic [@{columns*operand_w-1}:0] p_top;
  logic [@{3*rows*17-1}:0] row_head;
  logic [16:0] key_head;
  logic [@{row_w-1}:0] mask_row;
  logic [@{columns-1}:0] mask_word;
  logic [@{3*rows*key_w-1}:0] arg;
  // Counters of clipped values are read where they stand.
  logic [@{32*rows-1}:0] unused_sat_acc, unused_sat_scaled, unused_sat_exp, unused_sat_sum;
  @{prefix}_predict_control u_predict_control (
      .clk_i,
      .rst_ni,
      .loaded_i(loaded),
      .opened_i(opened),
      .asked_i(asked),
      .g_rows_i(g_rows),
      .g_first_i(g_first),
      .g_keys_i(g_keys),
      .g_d_i(g_d),
      .g_causal_i(g_causal),
      .g_upper_i(g_upper),
      .g_policy_i(g_policy),
      .g_threshold_i(g_threshold),
      .valid_o(p_valid),
      .first_o(p_first),
      .file_o(p_file),
      .upper_o(p_upper),
      .tile_o(p_tile),
      .at_o(p_at),
      .head_key_o(head_key),
      .d_valid_o(d_valid),
      .d_first_o(d_first),
      .d_bank_o(d_bank),
      .d_col_o(d_col),
      .d_key_o(d_key),
      .d_limit_o(d_limit),
      .d_rows_o(d_rows),
      .s_valid_o(s_valid),
      .s_first_o(s_first),
      .s_bank_o(s_bank),
      .s_key_o(s_key),
      .t_valid_o(t_valid),
      .t_first_o(t_first),
      .t_bank_o(t_bank),
      .t_there_o(t_there),
      .t_key_o(t_key),
      .t_col_o(t_col),
      .t_last_o(t_last),
      .t_tile_o(t_tile),
      .t_strip_o(t_strip),
      .threshold_o(t_threshold),
      .policy_o(t_policy),
      .scored_o(scored),
      .begun_groups_o(begun_groups),
      .predicted_o(predicted)
  );
  @{prefix}_predict_feeder u_predict_feeder (
      .clk_i,
      .rst_ni,
      .k_we_i(k_we),
      .k_key_i(k_key),
      .k_beat_i(k_beat),
      .k_data_i(k_data),
      .q_we_i(ql_we),
      .q_file_i(ql_file),
      .q_row_i(ql_row),
      .q_beat_i(ql_beat),
      .q_data_i(ql_data),
      .valid_i(p_valid),
      .first_i(p_first),
      .file_i(p_file),
      .upper_i(p_upper),
      .tile_i(p_tile),
      .at_i(p_at),
      .head_key_i(head_key),
      .left_o(p_left),
      .top_o(p_top),
      .tag_o(p_tag),
      .row_head_o(row_head),
      .key_head_o(key_head)
  );
  @{prefix}_predict_array u_predict_array (
      .clk_i,
      .rst_ni,
      .left_i(p_left),
      .top_i(p_top),
      .tag_i(p_tag),
      .row_head_i(row_head),
      .key_head_i(key_head),
      .d_valid_i(d_valid),
      .d_first_i(d_first),
      .d_bank_i(d_bank),
      .d_col_i(d_col),
      .d_key_i(d_key),
      .d_limit_i(d_limit),
      .d_rows_i(d_rows),
      .s_valid_i(s_valid),
      .s_first_i(s_first),
      .s_bank_i(s_bank),
      .s_key_i(s_key),
      .t_valid_i(t_valid),
      .t_first_i(t_first),
      .t_bank_i(t_bank),
      .t_there_i(t_there),
      .t_key_i(t_key),
      .t_col_i(t_col),
      .t_last_i(t_last),
      .t_tile_i(t_tile),
      .t_strip_i(t_strip),
      .threshold_i(t_threshold),
      .policy_i(t_policy),
      .mask_valid_o(mask_valid),
      .mask_row_o(mask_row),
      .mask_tile_o(mask_tile),
      .mask_strip_o(mask_strip),
      .mask_word_o(mask_word),
      .arg_o(arg),
      .sat_acc_o(unused_sat_acc),
      .sat_scaled_o(unused_sat_scaled),
      .sat_exp_o(unused_sat_exp),
      .sat_sum_o(unused_sat_sum)
  );

  logic b_we;
  logic [@{index_w-1}:0] b_index, dot_index;
  logic [@{bias_w-1}:0] b_bias;
  logic [@{beat_w-1}:0] dot_beat;
  logic [@{bus_w-1}:0] dot_q;
  @{prefix}_rebias u_rebias (
      .clk_i,
      .rst_ni,
      .scored_i(scored),
      .held_i(held),
      .arg_i(arg),
      .g_rows_i(g_rows),
      .g_k_i(g_k),
      .g_d_i(g_d),
      .g_beats_i(g_beats),
      .rd_valid_o(rd_valid[1]),
      .rd_addr_o(rd_addr[1*@{addr_w}+:@{addr_w}]),
      .rd_tag_o(rd_tag[1*@{tag_w}+:@{tag_w}]),
      .rd_ready_i(rd_ready[1]),
      .got_i(got[1]),
      .got_tag_i(got_tag),
      .got_data_i(got_data),
      .dot_q_i(dot_q),
      .dot_index_o(dot_index),
      .dot_beat_o(dot_beat),
      .b_we_o(b_we),
      .b_index_o(b_index),
      .b_bias_o(b_bias),
      .asked_o(asked),
      .rebiased_o(rebiased)
  );

  // ---- what a resident group keeps; a job with an external mask keeps its own words ----
  logic predicted_we, predicted_half;
  logic [@{index_w-1}:0] predicted_index, walk_index, mask_index;
  logic [@{tile_w-1}:0] gather_tile;
  logic [@{row_beats*bus_w-1}:0] walk_q;
  logic [@{bias_w-1}:0] walk_bias;
  logic [@{columns-1}:0] mask;
  logic [@{strip_w-1}:0] some_strip;
  logic [@{tile_w-1}:0] some_tile;
  logic [@{rows-1}:0] some;
  assign predicted_half = mask_strip >= @{strip_w}'d@{strips};
  assign predicted_we = mask_valid && !g_external[predicted_half];
  assign predicted_index = @{index_w}'(mask_strip) * @{index_w}'d@{rows} + @{index_w}'(mask_row);
  @{prefix}_buffer u_buffer (
      .clk_i,
      .rst_ni,
      .q_we_i(q_we),
      .q_index_i(q_index),
      .q_beat_i(q_beat),
      .q_data_i(q_data),
      .m_we_i(m_we),
      .m_index_i(m_index),
      .m_beat_i(m_beat),
      .m_data_i(m_data),
      .p_we_i(predicted_we),
      .p_index_i(predicted_index),
      .p_tile_i(mask_tile),
      .p_word_i(mask_word),
      .b_we_i(b_we),
      .b_index_i(b_index),
      .b_bias_i(b_bias),
      .walk_index_i(walk_index),
      .walk_q_o(walk_q),
      .walk_bias_o(walk_bias),
      .dot_index_i(dot_index),
      .dot_beat_i(dot_beat),
      .dot_q_o(dot_q),
      .mask_index_i(mask_index),
      .mask_tile_i(gather_tile),
      .mask_o(mask),
      .some_strip_i(some_strip),
      .some_tile_i(some_tile),
      .some_o(some)
  );

  // ---- the main pass ----
  logic [1:0] tile_free, tile_loaded;
  logic kv_we;
  logic [@{waddr_w-1}:0] kv_addr;
  logic [@{bus_w-1}:0] kv_data;
  @{prefix}_tile_loader u_tile_loader (
      .clk_i,
      .rst_ni,
      .rd_valid_o(rd_valid[0]),
      .rd_addr_o(rd_addr[0*@{addr_w}+:@{addr_w}]),
      .rd_tag_o(rd_tag[0*@{tag_w}+:@{tag_w}]),
      .rd_ready_i(rd_ready[0]),
      .got_i(got[0]),
      .got_tag_i(got_tag),
      .got_data_i(got_data),
      .g_rows_i(g_rows),
      .g_first_i(g_first),
      .g_keys_i(g_keys),
      .g_beats_i(g_beats),
      .g_causal_i(g_causal),
      .g_k_i(g_k),
      .g_v_i(g_v),
      .begun_groups_i(begun_groups),
      .tile_free_i(tile_free),
      .tile_loaded_o(tile_loaded),
      .we_o(kv_we),
      .waddr_o(kv_addr),
      .wdata_o(kv_data)
  );

  logic load, own, pass, st_valid, st_par, st_is_v, st_buffer, done;
  logic [@{row_w-1}:0] load_row, own_row;
  logic [@{2*pes-1}:0] mode;
  logic [@{pes*col_w-1}:0] col;
  logic [1:0] own_bank, pass_bank;
  logic [@{index_w-1}:0] own_index;
  logic [@{row_count_w-1}:0] pass_rows;
  logic [@{d_w-1}:0] pass_d;
  logic [2:0] st_op;
  logic [@{at_w-1}:0] st_at;
  @{prefix}_pass_control u_pass_control (
      .clk_i,
      .rst_ni,
      .busy_i(busy_o),
      .g_rows_i(g_rows),
      .g_first_i(g_first),
      .g_keys_i(g_keys),
      .g_d_i(g_d),
      .g_causal_i(g_causal),
      .predicted_i(predicted),
      .rebiased_i(rebiased),
      .drained_i(drained),
      .computed_o(computed),
      .tile_loaded_i(tile_loaded),
      .tile_free_o(tile_free),
      .mask_i(mask),
      .mask_index_o(mask_index),
      .mask_tile_o(gather_tile),
      .some_i(some),
      .some_strip_o(some_strip),
      .some_tile_o(some_tile),
      .done_i(done),
      .load_o(load),
      .load_row_o(load_row),
      .walk_index_o(walk_index),
      .mode_o(mode),
      .col_o(col),
      .own_o(own),
      .own_bank_o(own_bank),
      .own_row_o(own_row),
      .own_index_o(own_index),
      .pass_o(pass),
      .pass_bank_o(pass_bank),
      .pass_rows_o(pass_rows),
      .pass_d_o(pass_d),
      .valid_o(st_valid),
      .op_o(st_op),
      .par_o(st_par),
      .is_v_o(st_is_v),
      .at_o(st_at),
      .buffer_o(st_buffer)
  );

  logic [@{rows*left_w-1}:0] left;
  logic [@{columns*top_w-1}:0] top;
  logic [3:0] tag;
  @{prefix}_feeder u_feeder (
      .clk_i,
      .rst_ni,
      .we_i(kv_we),
      .waddr_i(kv_addr),
      .wdata_i(kv_data),
      .load_i(load),
      .load_row_i(load_row),
      .q_i(walk_q),
      .bias_i(walk_bias),
      .valid_i(st_valid),
      .op_i(st_op),
      .par_i(st_par),
      .is_v_i(st_is_v),
      .at_i(st_at),
      .buffer_i(st_buffer),
      .left_o(left),
      .top_o(top),
      .tag_o(tag)
  );

  logic [@{rows*out_w-1}:0] out;
  logic [@{2*rows-1}:0] out_op;
  logic [@{rows*row_sum_w-1}:0] sum;
//@if travelling
  @{prefix}_slot_array u_slot_array (
//@else
  @{prefix}_array_control u_array_control (
//@endif
      .clk_i,
      .rst_ni,
      .left_i(left),
      .top_i(top),
      .tag_i(tag),
      .load_i(load),
      .load_row_i(load_row),
      .mode_i(mode),
      .col_i(col),
      .out_o(out),
      .out_op_o(out_op),
      .sum_o(sum),
      .clash_o
  );

  // ---- outputs ----
  logic clear, clear_half, div_valid, div_done;
  logic [@{index_w-1}:0] rd_index;
  logic [@{head_max*output_sum_w-1}:0] rd_acc;
  logic [@{row_sum_w-1}:0] rd_sum, div_den;
  logic [@{lanes*output_sum_w-1}:0] div_num;
  logic [@{lanes*output_w-1}:0] div_quot;
  logic [31:0] unused_zeros;
  logic [@{32*lanes-1}:0] unused_sats;
  @{prefix}_accumulate u_accumulate (
      .clk_i,
      .rst_ni,
      .out_i(out),
      .out_op_i(out_op),
      .sum_i(sum),
      .own_i(own),
      .own_bank_i(own_bank),
      .own_row_i(own_row),
      .own_index_i(own_index),
      .pass_i(pass),
      .pass_bank_i(pass_bank),
      .pass_rows_i(pass_rows),
      .pass_d_i(pass_d),
      .clear_i(clear),
      .clear_half_i(clear_half),
      .rd_index_i(rd_index),
      .done_o(done),
      .rd_acc_o(rd_acc),
      .rd_sum_o(rd_sum)
  );
  @{prefix}_drain u_drain (
      .clk_i,
      .rst_ni,
      .computed_i(computed),
      .g_rows_i(g_rows),
      .g_d_i(g_d),
      .g_beats_i(g_beats),
      .g_o_i(g_o),
      .g_final_i(g_final),
      .g_job_i(g_job),
      .rd_index_o(rd_index),
      .rd_acc_i(rd_acc),
      .rd_sum_i(rd_sum),
      .div_valid_o(div_valid),
      .div_num_o(div_num),
      .div_den_o(div_den),
      .div_done_i(div_done),
      .div_quot_i(div_quot),
      .wr_valid_o(wr_valid[0]),
      .wr_addr_o(wr_addr[0*@{addr_w}+:@{addr_w}]),
      .wr_data_o(wr_data[0*@{bus_w}+:@{bus_w}]),
      .wr_ready_i(wr_ready[0]),
      .clear_o(clear),
      .clear_half_o(clear_half),
      .taken_o(taken),
      .drained_o(drained),
      .fin_valid_o(fin_valid),
      .fin_job_o(fin_job),
      .fin_ready_i(fin_ready)
  );
  @{prefix}_normalise u_normalise (
      .clk_i,
      .rst_ni,
      .valid_i(div_valid),
      .num_i(div_num),
      .den_i(div_den),
      .done_o(div_done),
      .quot_o(div_quot),
      .zeros_o(unused_zeros),
      .sats_o(unused_sats)
  );
endmodule
`default_nettype wire
