// SPDX-License-Identifier: Apache-2.0
//@let place_w = 2 + col_w + c4_w + 1
//@let tag_at_w = clog2(4 * columns)
/// One slot of a row under travelling control: from the tags that pass its column, what its PE does.
/// It holds no operands and chooses no taps: the row does, with col_o and gap_o.
/// Combinational from tags_i and the state; a configuration loaded at an edge can be swapped in at the next one.
/// Tags are {par, op}: 1 load, 2 mac, 3 exp, 4 fwd, 5 fwd_last, else none. mode: 0 skip, 1 pass, 2 active, 3 waits.
`default_nettype none
module @{prefix}_slot_control (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{4*columns-1}:0] tags_i,
    input  logic load_i,
    input  logic [1:0] mode_in_i,
    input  logic [@{col_w-1}:0] col_in_i,
    input  logic [@{c4_w-1}:0] gap_in_i,
    input  logic left_in_i,
    output logic [@{col_w-1}:0] col_o,
    output logic sel_o,        // operand a is the score
    output logic [2:0] c3_o,
    output logic [1:0] c5_o,
    output logic [@{c4_w-1}:0] gap_o,
    output logic from_left_o,  // 0: partial sums begin here
    output logic active_o,     // 0: operands are 0
    output logic par_o
);
  logic [@{2*place_w+1}:0] slot_q;  // {par, nv, next, now}; a place is {mode, col, gap, left}
  logic [1:0] mode;
  assign par_o = slot_q[@{2*place_w+1}];
  assign {mode, col_o, gap_o, from_left_o} = slot_q[@{place_w-1}:0];
  assign active_o = mode == 2'd2;

  logic [3:0] tag;
  logic hit, forward, last, swap;
//@if (1 << col_w) != columns
  assign tag = col_o < @{col_w}'d@{columns} ? tags_i[@{tag_at_w}'(col_o)*@{tag_at_w}'d4+:4] : '0;
//@else
//@if columns % 8 == 0
  // A whole word and then a tag of it: a simulator need not look whether the select lies across two words.
  assign tag = 4'(tags_i[{col_o[@{col_w-1}:3], 5'd0}+:32] >> {col_o[2:0], 2'd0});
//@else
  assign tag = tags_i[@{tag_at_w}'(col_o)*@{tag_at_w}'d4+:4];
//@endif
//@endif
  assign hit = mode != 2'd0 && tag[3] == par_o;
  assign forward = hit && (tag[2:0] == 3'd4 || tag[2:0] == 3'd5);
  assign last = hit && tag[2:0] == 3'd5;
  // A slot that skips need not wait for the pass's end.
  assign swap = slot_q[@{2*place_w}] && (last || mode == 2'd0);

  assign sel_o = forward && active_o;
  assign c5_o = {1'b0, active_o && hit && tag[2:0] == 3'd3};
  assign c3_o = forward && mode != 2'd3 ? 3'd3 :
      active_o && hit && tag[2:0] == 3'd1 ? 3'd4 :
      active_o && hit && tag[2:0] == 3'd2 ? 3'd2 : 3'd1;

  // One parity a configuration, whether it skips or not: what comes by with the other one is another pass's.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) slot_q <= {1'b1, @{2*place_w+1}'d0};
    else if (load_i || swap || last)
      slot_q <= {
        slot_q[@{2*place_w+1}] ^ swap,
        load_i || (slot_q[@{2*place_w}] && !swap),
        load_i ? {mode_in_i, col_in_i, gap_in_i, left_in_i} : slot_q[@{2*place_w-1}:@{place_w}],
        swap ? slot_q[@{2*place_w-1}:@{place_w}] : {slot_q[@{place_w-1}:@{place_w-2}] & {2{!last}}, slot_q[@{place_w-3}:0]}
      };
  end
endmodule
`default_nettype wire
