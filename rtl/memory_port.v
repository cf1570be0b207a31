// SPDX-License-Identifier: Apache-2.0
//@let ring_w = clog2(outstanding)
//@let waiting_w = clog2(outstanding + 1)
//@let at_w = clog2(2 * outstanding)
/// Arbiter between the machine's clients and its one memory port, and the way back for answers.
/// It does not reorder, merge or look at addresses, and clients always take their answers.
/// A request leaves one cycle after its grant, an answer shows one cycle after it is taken; one of each a cycle.
`default_nettype none
module @{prefix}_memory_port (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic [3:0] rd_valid_i,  // tile_loader, rebias, fetch, controller
    input  logic [@{4*addr_w-1}:0] rd_addr_i,
    input  logic [@{4*tag_w-1}:0] rd_tag_i,
    output logic [3:0] rd_ready_o,
    input  logic [1:0] wr_valid_i,  // drain, controller
    input  logic [@{2*addr_w-1}:0] wr_addr_i,
    input  logic [@{2*bus_w-1}:0] wr_data_i,
    output logic [1:0] wr_ready_o,
    output logic req_valid_o,
    output logic req_write_o,
    output logic [@{addr_w-1}:0] req_addr_o,
    output logic [@{bus_w-1}:0] req_data_o,
    input  logic req_ready_i,
    input  logic rsp_valid_i,
    input  logic [@{bus_w-1}:0] rsp_data_i,
    output logic rsp_ready_o,
    output logic [3:0] got_o,  // whose answer is shown
    output logic [@{tag_w-1}:0] got_tag_o,
    output logic [@{bus_w-1}:0] got_data_o
);
  logic req_valid_q, req_write_q;
  logic [@{addr_w-1}:0] req_addr_q;
  logic [@{bus_w-1}:0] req_data_q;
  logic [@{tag_w+1}:0] route_q [@{outstanding}];  // {client, tag} of the reads that wait for their answer
  logic [@{ring_w-1}:0] oldest_q;
  logic [@{waiting_w-1}:0] waiting_q;
  logic [3:0] got_q;
  logic [@{tag_w-1}:0] got_tag_q;
  logic [@{bus_w-1}:0] got_data_q;

  // ---- grants: the lowest valid bit, writes first ----
  logic free, read, write;
  logic [3:0] reads;
  assign free = !req_valid_q || req_ready_i;
  assign reads = rd_valid_i & {4{free && wr_valid_i == '0 && waiting_q != @{waiting_w}'d@{outstanding}}};
  assign rd_ready_o = reads & (~reads + 4'd1);
  assign wr_ready_o = {wr_valid_i[1] && !wr_valid_i[0], wr_valid_i[0]} & {2{free}};
  assign read = rd_ready_o != '0;
  assign write = wr_ready_o != '0;

  logic [1:0] client;
  assign client = {rd_ready_o[3] || rd_ready_o[2], rd_ready_o[3] || rd_ready_o[1]};

  // ---- ring ----
  logic taken;
  logic [@{at_w-1}:0] at;
  logic [@{ring_w-1}:0] newest;  // where the next read goes
  logic [@{tag_w+1}:0] route;
  assign at = @{at_w}'(oldest_q) + @{at_w}'(waiting_q);
  assign newest = at >= @{at_w}'d@{outstanding} ? @{ring_w}'(at - @{at_w}'d@{outstanding}) : @{ring_w}'(at);
  assign route = route_q[oldest_q];
  assign rsp_ready_o = waiting_q != '0;
  assign taken = rsp_valid_i && rsp_ready_o;

  always_ff @(posedge clk_i) begin
    if (read) route_q[newest] <= {client, rd_tag_i[client*@{tag_w}+:@{tag_w}]};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      req_valid_q <= 1'b0;
      req_write_q <= 1'b0;
      req_addr_q <= '0;
      req_data_q <= '0;
      oldest_q <= '0;
      waiting_q <= '0;
      got_q <= '0;
      got_tag_q <= '0;
      got_data_q <= '0;
    end else begin
      if (free) req_valid_q <= read || write;
      if (write) begin
        req_write_q <= 1'b1;
        req_addr_q <= wr_addr_i[wr_ready_o[1]*@{addr_w}+:@{addr_w}];
        req_data_q <= wr_data_i[wr_ready_o[1]*@{bus_w}+:@{bus_w}];
      end else if (read) begin
        req_write_q <= 1'b0;
        req_addr_q <= rd_addr_i[client*@{addr_w}+:@{addr_w}];
      end
      got_q <= taken ? 4'd1 << route[@{tag_w}+:2] : '0;
      if (taken) begin
        got_tag_q <= route[@{tag_w-1}:0];
        got_data_q <= rsp_data_i;
        oldest_q <= oldest_q == @{ring_w}'d@{outstanding-1} ? '0 : oldest_q + @{ring_w}'d1;
      end
      if (read != taken) waiting_q <= read ? waiting_q + @{waiting_w}'d1 : waiting_q - @{waiting_w}'d1;
    end
  end

  assign req_valid_o = req_valid_q;
  assign req_write_o = req_write_q;
  assign req_addr_o = req_addr_q;
  assign req_data_o = req_data_q;
  assign got_o = got_q;
  assign got_tag_o = got_tag_q;
  assign got_data_o = got_data_q;
endmodule
`default_nettype wire
