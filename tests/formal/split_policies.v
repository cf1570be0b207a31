// SPDX-License-Identifier: Apache-2.0
// says: rows of at most `pes` kept columns come out of consecutive and interleaved split alike, cycle by cycle: one sub-row, the same slots
// unit: split
// top: policies
// other: split.policy=consecutive
// designs: tiny_2x4x2 odd_5x7x3
// method: induction 2
// canary: split.v: at = @{at_w}'(part_q); ==> at = @{at_w}'(part_q) + @{at_w}'d1;
`default_nettype none
module @{prefix}_policies (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    input logic [@{columns-1}:0] mask_i,
    input logic [@{sub_row_id_w-1}:0] row_i,
    input logic take_i
);
//@common
  logic [7:0] kept;
  always @* begin
    kept = '0;
    for (int c = 0; c < @{columns}; c++) kept = kept + 8'(mask_i[c]);
    assume (kept <= @{pes});
  end
  logic ready, ready_other, have, have_other, last, last_other;
  logic [@{sub_row_id_w-1}:0] row, row_other;
  logic [@{2*pes-1}:0] mode, mode_other;
  logic [@{pes*col_w-1}:0] col, col_other;
  logic [@{pes*c4_w-1}:0] c4, c4_other;
  @{prefix}_split u_one (
      .clk_i,
      .rst_ni,
      .valid_i,
      .mask_i,
      .row_i,
      .take_i,
      .ready_o(ready),
      .have_o(have),
      .sub_row_o(row),
      .last_o(last),
      .mode_o(mode),
      .col_o(col),
      .c4_o(c4)
  );
  other_split u_other (
      .clk_i,
      .rst_ni,
      .valid_i,
      .mask_i,
      .row_i,
      .take_i,
      .ready_o(ready_other),
      .have_o(have_other),
      .sub_row_o(row_other),
      .last_o(last_other),
      .mode_o(mode_other),
      .col_o(col_other),
      .c4_o(c4_other)
  );
  // The row that both hold, and that there is one.
  logic holds;
  logic [@{columns-1}:0] mask;
  always @(posedge clk_i) begin
    if (!rst_ni) holds <= 1'b0;
    else if (valid_i && ready) begin
      holds <= mask_i != '0;
      mask <= mask_i;
    end else if (take_i) holds <= 1'b0;
  end
  always @* begin
    if (proof_begun) begin
      assert (have == holds && have_other == holds);
      if (holds) assert (last && last_other);
      assert ({ready, row, mode, col, c4} == {ready_other, row_other, mode_other, col_other, c4_other});
    end
  end
endmodule
`default_nettype wire
