// SPDX-License-Identifier: Apache-2.0
// says: a PE that a slot commands from the tags that pass it, and one under the published sequence (clear, self, calc, left), make the same
// exponents, scores and outputs of the same operands: for every length of a pass, every pass, whatever the slot did before
// unit: slot_control
// top: travelling
// designs: tiny_2x4x2_travelling
// method: induction 1
// canary: slot_control.v: active_o && hit && tag[2:0] == 3'd1 ? 3'd4 : ==> active_o && hit && tag[2:0] == 3'd1 ? 3'd2 :
`default_nettype none
module @{prefix}_travelling (
    input logic clk_i,
    input logic rst_ni,
    input logic [@{4*columns-1}:0] tags_i,
    input logic load_i,
    input logic [1:0] mode_in_i,
    input logic [@{col_w-1}:0] col_in_i,
    input logic [@{c4_w-1}:0] gap_in_i,
    input logic left_in_i,
    input logic [@{q_w-1}:0] a_i,
    input logic [@{top_w-1}:0] b_i,
    input logic [@{acc_w-1}:0] o_i,
    input logic [@{bias_w-1}:0] bias_i
);
//@common
  // ---- the slot and its PE ----
  logic [@{col_w-1}:0] col;
  logic sel, active, par;
  logic [2:0] c3;
  logic [1:0] c5;
  logic [@{acc_w-1}:0] acc, x, acc_published, x_published;
  logic [@{score_w-1}:0] score, y, score_published, y_published;
  @{prefix}_slot_control u_control (
      .clk_i,
      .rst_ni,
      .tags_i,
      .load_i,
      .mode_in_i,
      .col_in_i,
      .gap_in_i,
      .left_in_i,
      .col_o(col),
      .sel_o(sel),
      .c3_o(c3),
      .c5_o(c5),
      .gap_o(),
      .from_left_o(),
      .active_o(active),
      .par_o(par)
  );
  @{prefix}_exp u_exp (
      .x_i(x),
      .y_o(y),
      .sat_o()
  );
  @{prefix}_pe u_pe (
      .clk_i,
      .rst_ni,
      .a_i,
      .b_i,
      .sel_i(sel),
      .o_i,
      .s_i(@{score_w}'d0),
      .c3_i(c3),
      .c5_i(c5),
      .y_i(y),
      .bias_i,
      .sat_o(),
      .acc_o(acc),
      .score_o(score),
      .x_o(x)
  );

  // ---- the words that are the slot's own make passes: load, mac ..., exp, fwd ..., fwd_last, with any gaps ----
  logic [2:0] op;
  logic [3:0] tag;
  assign tag = tags_i[col*4+:4];
  assign op = active && tag[3] == par ? tag[2:0] : 3'd0;
  logic [1:0] phase;  // 0 between passes, 1 since load, 2 since exp
  logic cleared, shows;
  always @* begin
    if (proof_begun) begin
      case (phase)
        2'd0: assume (op == 3'd0 || op == 3'd1 && cleared);
        2'd1: assume (op == 3'd0 || op == 3'd2 || op == 3'd3);
        default: assume (op == 3'd0 || op == 3'd4 || op == 3'd5);
      endcase
    end
  end
  always @(posedge clk_i) begin
    if (!rst_ni) phase <= 2'd0;
    else if (op == 3'd1) phase <= 2'd1;
    else if (op == 3'd3) phase <= 2'd2;
    else if (op == 3'd5) phase <= 2'd0;
    cleared <= !rst_ni || phase == 2'd0 && op == 3'd0;
    shows <= rst_ni && (op == 3'd4 || op == 3'd5);
  end

  // ---- the published sequence on the same words ----
  @{prefix}_exp u_exp_published (
      .x_i(x_published),
      .y_o(y_published),
      .sat_o()
  );
  @{prefix}_pe u_pe_published (
      .clk_i,
      .rst_ni,
      .a_i,
      .b_i,
      .sel_i(phase == 2'd2),
      .o_i,
      .s_i(@{score_w}'d0),
      .c3_i(op == 3'd1 || op == 3'd2 ? 3'd2 : op == 3'd4 || op == 3'd5 ? 3'd3 : phase == 2'd0 ? 3'd0 : 3'd1),
      .c5_i(op == 3'd3 ? 2'd1 : 2'd0),
      .y_i(y_published),
      .bias_i,
      .sat_o(),
      .acc_o(acc_published),
      .score_o(score_published),
      .x_o(x_published)
  );
  always @* begin
    if (proof_begun) begin
      assert (phase != 2'd3);
      if (phase != 2'd0) assert (active);
      if (cleared) assert (acc_published == '0);
      if (phase == 2'd1) assert (acc == acc_published && x == x_published);
      if (phase == 2'd2) assert (score == score_published);
      if (shows) assert (acc == acc_published);
    end
  end
endmodule
`default_nettype wire
