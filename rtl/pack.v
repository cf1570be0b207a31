// SPDX-License-Identifier: Apache-2.0
//@let r = pack_rows
//@let m = mask_bits
//@let n = counter_bits
/// The published packer: gathers mask columns until the next one would give a row more than @{pack_pes} non-zeros.
/// It neither splits rows nor reorders columns, and a closing column has to be presented again.
/// emit_o combinational from bit_i and control_i; column_o and write_o one cycle later.
/// control: 0 idle, 1 clear, 2 read, 3 as idle. Where the published mask is open it holds.
`default_nettype none
module @{prefix}_pack (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [@{r-1}:0] bit_i,  // one bit a row
    input  logic [1:0] control_i,
    output logic [@{r*m-1}:0] column_o,
    output logic emit_o,
    output logic write_o
);
  logic [@{r*n-1}:0] n_q, n_d;  // non-zeros that each row has gathered
  logic [@{row_id_bits-1}:0] r_q;  // columns that the group has gathered, wraps
  logic [@{r*m-1}:0] mask_q, mask_d;
  logic write_q;
  logic [@{r-1}:0] over;  // rows that this column would overflow
  logic put, full;

  assign put = |bit_i;
  assign full = |over;
  for (genvar i = 0; i < @{r}; i++) begin : g_row
    assign over[i] = bit_i[i] && n_q[i*@{n}+:@{n}] == @{n}'d@{pack_pes};
    assign n_d[i*@{n}+:@{n}] = n_q[i*@{n}+:@{n}] + @{n}'(bit_i[i]);
    assign mask_d[i*@{m}+:@{m}] = bit_i[i] ? @{m}'(r_q) : @{m}'d@{no_pe};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      n_q <= '0;
      r_q <= '0;
      mask_q <= '0;
      write_q <= 1'b0;
    end else begin
      case (control_i)
        2'd1: begin
          n_q <= '0;
          r_q <= '0;
          mask_q <= '0;
          write_q <= 1'b0;
        end
        2'd2: begin
          // not counted: the column that closes a group opens the next one
          n_q <= full ? '0 : n_d;
          r_q <= full ? '0 : r_q + @{row_id_bits}'d1;
          if (put) mask_q <= mask_d;
          write_q <= put;
        end
        default: ;
      endcase
    end
  end
  assign column_o = mask_q;
  assign emit_o = control_i == 2'd2 && full;
  assign write_o = write_q;
endmodule
`default_nettype wire
