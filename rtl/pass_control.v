// SPDX-License-Identifier: Apache-2.0
//@let n_w = 3
//@let all = passes * rows
//@let table_w = clog2(all)
//@let base_w = clog2((1 << len_w) + columns)
//@let limit_w = max(len_w, group_count_w) + 1
//@let first_key_w = max(base_w, limit_w)
//@let since_w = clog2(2 * ((1 << d_w) + rows + columns) + 5)
//@let hazard_w = max(col_w, d_w) + 2
//@let own_strip_w = clog2(strips)
//@let past_w = group_count_w + 1
//@let slots_w = clog2(pes + 1)
//@let window_n_w = clog2(window + 1)
//@let pick_w = clog2(window)
//@let mode_w = 2 * pes
//@let cols_w = pes * col_w
//@let spare_w = sub_row_id_w - index_w
//@if travelling
//@let gap = 0
//@else
//@let gap = rows + columns - 2
//@let gap_w = clog2(gap + 1)
//@endif
/// Gathers the sub-rows of predicted groups into passes, starts passes as close together as the array allows and
/// streams their words. It computes nothing of them: mask, queries, keys and the array lie outside.
/// A start that is decided in cycle u shows word 0 in u + 1; a walk decided in w shows row 0 in w + 1; u = w may be.
/// Four counters follow a pass, modulo 8: closed, walked, started, complete; its bank is its number modulo @{passes}.
`default_nettype none
module @{prefix}_pass_control (
    input  logic clk_i,
    input  logic rst_ni,
    // the two resident groups
    input  logic [@{2*group_count_w-1}:0] g_rows_i,
    input  logic [@{2*len_w-1}:0] g_first_i,
    input  logic [@{2*len_w-1}:0] g_keys_i,
    input  logic [@{2*d_w-1}:0] g_d_i,
    input  logic [1:0] g_causal_i,
    input  logic [@{held_w-1}:0] predicted_i,  // strips with a mask
    input  logic [@{held_w-1}:0] rebiased_i,  // strips with biases
    input  logic [1:0] drained_i,  // groups
    input  logic [1:0] tile_loaded_i,  // by buffer
    input  logic [@{columns-1}:0] mask_i,  // of mask_index_o, mask_tile_o
    input  logic [@{rows-1}:0] some_i,  // rows of some_strip_o with a word in some_tile_o
    input  logic done_i,  // a pass is complete
    input  logic busy_i,
    output logic [@{index_w-1}:0] mask_index_o,
    output logic [@{tile_w-1}:0] mask_tile_o,
    output logic [@{strip_w-1}:0] some_strip_o,
    output logic [@{tile_w-1}:0] some_tile_o,
    // walk: a row's configuration, query and owner
    output logic load_o,
    output logic [@{row_w-1}:0] load_row_o,
    output logic [@{index_w-1}:0] walk_index_o,
    output logic [@{2*pes-1}:0] mode_o,
    output logic [@{pes*col_w-1}:0] col_o,
    output logic own_o,
    output logic [1:0] own_bank_o,
    output logic [@{row_w-1}:0] own_row_o,
    output logic [@{index_w-1}:0] own_index_o,
    output logic pass_o,
    output logic [1:0] pass_bank_o,
    output logic [@{row_count_w-1}:0] pass_rows_o,
    output logic [@{d_w-1}:0] pass_d_o,
    // the stream of words
    output logic valid_o,
    output logic [2:0] op_o,
    output logic par_o,
    output logic is_v_o,
    output logic [@{at_w-1}:0] at_o,
    output logic buffer_o,
    output logic [1:0] tile_free_o,
    output logic [1:0] computed_o
);
  // ---- gather: rows of the group that keep something, in order, tile after tile, into split ----
  logic [1:0] gather_group_q;
  logic [@{tile_w-1}:0] gather_tile_q;
  logic [@{base_w-1}:0] gather_base_q;  // the tile's first key
  logic [@{own_strip_w-1}:0] gather_strip_q;
  logic [@{held_w-1}:0] strip_n_q;  // strips of the groups before
  logic [@{rows-1}:0] left_q;  // its rows to come
  logic fresh_q;  // left_q is the strip's
  logic begun_q;  // a row of the tile has been taken
  logic gather_buffer_q;
  logic [1:0] tile_open_q, tile_half_q, tile_gathered_q, tile_free_q;
  logic [5:0] tile_left_q;  // two of 3 bits

  logic half, last_row, last_tile;
  logic [@{group_count_w-1}:0] g_rows;
  logic [@{len_w-1}:0] g_first, g_keys;
  logic [@{first_key_w-1}:0] causal_end, key_end;
  logic [@{index_w-1}:0] gather_index;
  assign half = gather_group_q[0];
  assign g_rows = half ? g_rows_i[@{group_count_w}+:@{group_count_w}] : g_rows_i[0+:@{group_count_w}];
  assign g_first = half ? g_first_i[@{len_w}+:@{len_w}] : g_first_i[0+:@{len_w}];
  assign g_keys = half ? g_keys_i[@{len_w}+:@{len_w}] : g_keys_i[0+:@{len_w}];
  assign causal_end = @{first_key_w}'(g_first) + @{first_key_w}'(g_rows);
  assign key_end = g_causal_i[half] && causal_end < @{first_key_w}'(g_keys) ? causal_end : @{first_key_w}'(g_keys);
  assign last_tile = @{first_key_w+1}'(gather_base_q) + @{first_key_w+1}'d@{columns} >= @{first_key_w+1}'(key_end);

  // the lowest row to come, or the first of a strip without any
  logic strip_end, last_strip;
  logic [@{rows-1}:0] others;
  logic [@{row_w-1}:0] row;
  logic [@{past_w-1}:0] strip_rows;  // of the group, up to this strip's end
  assign others = left_q & (left_q - @{rows}'d1);
  assign strip_end = others == '0;
  assign strip_rows = (@{past_w}'(gather_strip_q) + @{past_w}'d1) * @{past_w}'d@{rows};
  assign last_strip = gather_strip_q == @{own_strip_w}'d@{strips-1} || strip_rows >= @{past_w}'(g_rows);
  assign last_row = strip_end && last_strip;
  always @* begin
    row = '0;
    for (int r = @{rows-1}; r >= 0; r--) if (left_q[r]) row = @{row_w}'(r);
  end
  assign gather_index = (half ? @{index_w}'d@{group_rows} : '0) + @{index_w}'(gather_strip_q) * @{index_w}'d@{rows} +
      @{index_w}'(row);

  // the strip to read: the one behind this, in this tile or the next, or this one if it was not known before
  logic [@{own_strip_w-1}:0] next_strip;
  logic [@{past_w-1}:0] rows_before, rows_left;  // of the group, up to that strip's first row and from it on
  logic [1:0] not_drained;
  logic [@{held_w-1}:0] next_n;
  logic known;  // its masks and biases are there, and the sums of the half's last group are not any more
  logic [@{rows-1}:0] next_left;
  assign next_strip = !fresh_q ? gather_strip_q : last_strip ? '0 : gather_strip_q + @{own_strip_w}'d1;
  assign some_strip_o = (half ? @{strip_w}'d@{strips} : '0) + @{strip_w}'(next_strip);
  assign some_tile_o = gather_tile_q + @{tile_w}'(fresh_q && last_strip);
  assign not_drained = gather_group_q - drained_i;
  assign next_n = strip_n_q + @{held_w}'(next_strip);
  assign known = not_drained < 2'd2 && predicted_i != next_n && rebiased_i != next_n;
  assign rows_before = @{past_w}'(next_strip) * @{past_w}'d@{rows};
  assign rows_left = @{past_w}'(g_rows) > rows_before ? @{past_w}'(g_rows) - rows_before : '0;
  assign next_left = rows_left >= @{past_w}'d@{rows} ? some_i : some_i & ~({@{rows}{1'b1}} << rows_left);
  assign mask_index_o = gather_index;
  assign mask_tile_o = gather_tile_q;

  // columns of keys that the group looks at
  logic [@{columns-1}:0] there;
  always @* begin
    for (int c = 0; c < @{columns}; c++)
      there[c] = @{first_key_w+1}'(gather_base_q) + @{first_key_w+1}'(c) < @{first_key_w+1}'(key_end);
  end

  logic offer, room, pass_on, ready, have, last, accept, take;
  logic [@{sub_row_id_w-1}:0] sub_row;
  logic [@{2*pes-1}:0] mode;
  logic [@{pes*col_w-1}:0] col;
  logic [@{pes*c4_w-1}:0] c4;  // the array's rows find their delays themselves
  assign offer = fresh_q && (begun_q || !tile_open_q[gather_buffer_q]);
  assign accept = offer && ready;
  @{prefix}_split u_split (
      .clk_i,
      .rst_ni,
      .valid_i(offer),
      .mask_i(mask_i & there),
      .row_i(@zext{gather_index, index_w, sub_row_id_w}),
      .take_i(pass_on),
      .ready_o(ready),
      .have_o(have),
      .sub_row_o(sub_row),
      .last_o(last),
      .mode_o(mode),
      .col_o(col),
      .c4_o(c4)
  );
  logic unused_c4;
  assign unused_c4 = ^c4;
//@if spare_w != 0
  logic unused_id;
  assign unused_id = ^sub_row[@{sub_row_id_w-1}:@{index_w}];
//@endif

  // ---- what split holds ----
  logic held_buffer_q, held_end_q, held_final_q, split_end;
  assign split_end = held_end_q && (!have || (pass_on && last));

  // ---- the table: banks are written in order, closed when full or at their tile's end ----
  logic [@{index_w-1}:0] index_q [@{all}];
  logic [@{2*pes-1}:0] mode_q [@{all}];
  logic [@{pes*col_w-1}:0] col_q [@{all}];
  logic [@{passes*row_count_w-1}:0] count_q;
  logic [@{passes*d_w-1}:0] d_q;
  logic [@{passes*c4_w-1}:0] h_q;
  logic [@{passes-1}:0] bank_buffer_q;
  logic [@{n_w-1}:0] closed_q, walked_q, started_q, complete_q;
  logic [@{row_count_w-1}:0] fill_q, filled;
  logic [@{c4_w-1}:0] high_q, high;
  logic close, open_half, open_buffer;  // of the open bank's tile
  logic [1:0] tile_end;  // by buffer
  logic [1:0] open_bank, before_bank;
  logic [@{n_w-1}:0] in_flight;
  assign in_flight = closed_q - complete_q;
  assign room = in_flight < @{n_w}'d@{passes};
  assign open_bank = closed_q[1:0];
  assign before_bank = closed_q[1:0] - 2'd1;
  assign filled = fill_q + @{row_count_w}'(take);
  assign close = (take && filled == @{row_count_w}'d@{rows}) || (tile_end[open_buffer] && filled != '0);

  // h of the row that is written, against the same row of the bank before
  logic [@{table_w-1}:0] write_at, before_at;
  logic [@{2*pes-1}:0] before_mode;
  logic [@{pes*col_w-1}:0] before_col;
  logic before_used;
  logic [@{d_w-1}:0] open_d;
  assign write_at = @{table_w}'(open_bank) * @{table_w}'d@{rows} + @{table_w}'(fill_q);
  assign before_at = @{table_w}'(before_bank) * @{table_w}'d@{rows} + @{table_w}'(fill_q);
  assign before_mode = mode_q[before_at];
  assign before_col = col_q[before_at];
  assign before_used = fill_q < count_q[before_bank*@{row_count_w}+:@{row_count_w}];
  assign open_half = tile_half_q[open_buffer];
  assign open_d = open_half ? g_d_i[@{d_w}+:@{d_w}] : g_d_i[0+:@{d_w}];

  logic [@{index_w-1}:0] new_index;
  logic [@{mode_w-1}:0] new_mode;
  logic [@{cols_w-1}:0] new_col;
  logic [@{hazard_w-1}:0] earlier, later;
//@if window > 1
  // ---- the window: sub-rows by age; one leaves when it is full or its oldest tile gets no more ----
  logic [@{window_n_w-1}:0] win_n_q, win_n;
  logic [@{window-1}:0] win_buffer_q;
  logic [@{window*index_w-1}:0] win_index_q;
  logic [@{window*mode_w-1}:0] win_mode_q;
  logic [@{window*cols_w-1}:0] win_col_q;
  logic [1:0] ended_q, final_q;
  logic enter;
  assign open_buffer = win_buffer_q[0];
  assign take = room && win_n_q != '0 && (win_n_q == @{window_n_w}'d@{window} || ended_q[open_buffer]);
  assign pass_on = win_n_q != @{window_n_w}'d@{window} || take;
  assign enter = pass_on && have;
  assign win_n = win_n_q - @{window_n_w}'(take);

  // a tile ends with its last sub-row in the window, if it has any
  logic [@{2*window_n_w-1}:0] waiting;
  always @* begin
    waiting = '0;
    for (int i = 0; i < @{window}; i++) begin
      if (@{window_n_w}'(i) < win_n_q) begin
        if (win_buffer_q[i]) waiting[@{window_n_w}+:@{window_n_w}] = waiting[@{window_n_w}+:@{window_n_w}] + @{window_n_w}'d1;
        else waiting[0+:@{window_n_w}] = waiting[0+:@{window_n_w}] + @{window_n_w}'d1;
      end
    end
  end
  assign tile_end = {
    ended_q[1] && waiting[@{window_n_w}+:@{window_n_w}] == @{window_n_w}'(take && open_buffer),
    ended_q[0] && waiting[0+:@{window_n_w}] == @{window_n_w}'(take && !open_buffer)
  };

  // of each query only the oldest
  logic [@{window-1}:0] candidate;
  always @* begin
    candidate = '0;
    for (int i = 0; i < @{window}; i++) begin
      candidate[i] = @{window_n_w}'(i) < win_n_q && win_buffer_q[i] == win_buffer_q[0];
      for (int j = 0; j < i; j++)
        if (win_index_q[j*@{index_w}+:@{index_w}] == win_index_q[i*@{index_w}+:@{index_w}]) candidate[i] = 1'b0;
    end
  end

  // h of each, the choice, and the pass's h with it
  logic [@{pick_w-1}:0] pick;
  logic [@{c4_w-1}:0] one, best;
  logic any;
  always @* begin
    pick = '0;
    best = '0;
    any = 1'b0;
    one = '0;
    earlier = '0;
    later = '0;
    if (take) begin
      for (int i = 0; i < @{window}; i++) begin
        if (candidate[i]) begin
          one = '0;
          if (before_used) begin
            for (int k = 0; k < @{pes}; k++) begin
              // a slot that only forwards joins d + 1 words later
              earlier = @{hazard_w}'(before_col[k*@{col_w}+:@{col_w}]);
              later = @{hazard_w}'(win_col_q[i*@{cols_w}+k*@{col_w}+:@{col_w}]) + @{hazard_w}'(one);
              if (win_mode_q[i*@{mode_w}+k*2]) later = later + @{hazard_w}'(open_d) + @{hazard_w}'d1;
              if (win_mode_q[i*@{mode_w}+k*2+:2] != 2'd0 && before_mode[k*2+:2] != 2'd0 && earlier > later)
                one = one + @{c4_w}'(earlier - later);
            end
          end
          // not above the pass's h: the largest; else the smallest
          if (!any || (one <= high_q ? best > high_q || one > best : one < best)) begin
            any = 1'b1;
            pick = @{pick_w}'(i);
            best = one;
          end
        end
      end
    end
    high = best > high_q ? best : high_q;
  end
  assign new_index = win_index_q[pick*@{index_w}+:@{index_w}];
  assign new_mode = win_mode_q[pick*@{mode_w}+:@{mode_w}];
  assign new_col = win_col_q[pick*@{cols_w}+:@{cols_w}];

  always_ff @(posedge clk_i) begin : p_window
    if (!rst_ni) begin
      win_n_q <= '0;
      win_buffer_q <= '0;
      win_index_q <= '0;
      win_mode_q <= '0;
      win_col_q <= '0;
      ended_q <= '0;
      final_q <= '0;
    end else begin
      win_n_q <= win_n + @{window_n_w}'(enter);
      for (int i = 0; i < @{window}; i++) begin
        if (enter && @{window_n_w}'(i) == win_n) begin
          win_buffer_q[i] <= held_buffer_q;
          win_index_q[i*@{index_w}+:@{index_w}] <= sub_row[@{index_w-1}:0];
          win_mode_q[i*@{mode_w}+:@{mode_w}] <= mode;
          win_col_q[i*@{cols_w}+:@{cols_w}] <= col;
        end else if (take && @{pick_w}'(i) >= pick && i < @{window-1}) begin
          win_buffer_q[i] <= win_buffer_q[(i+1)%@{window}];
          win_index_q[i*@{index_w}+:@{index_w}] <= win_index_q[(i+1)%@{window}*@{index_w}+:@{index_w}];
          win_mode_q[i*@{mode_w}+:@{mode_w}] <= win_mode_q[(i+1)%@{window}*@{mode_w}+:@{mode_w}];
          win_col_q[i*@{cols_w}+:@{cols_w}] <= win_col_q[(i+1)%@{window}*@{cols_w}+:@{cols_w}];
        end
      end
      for (int b = 0; b < 2; b++) begin
        if (split_end && held_buffer_q == b[0]) begin
          ended_q[b] <= 1'b1;
          final_q[b] <= held_final_q;
        end else if (tile_end[b]) begin
          ended_q[b] <= 1'b0;
        end
      end
    end
  end
//@else
  // ---- no window: what split shows is what is taken ----
  assign open_buffer = held_buffer_q;
  assign pass_on = room;
  assign take = have && room;
  assign tile_end = {split_end && held_buffer_q, split_end && !held_buffer_q};
  assign new_index = sub_row[@{index_w-1}:0];
  assign new_mode = mode;
  assign new_col = col;
  always @* begin
    high = high_q;
    earlier = '0;
    later = '0;
    if (take && before_used) begin
      for (int k = 0; k < @{pes}; k++) begin
        // a slot that only forwards joins d + 1 words later
        earlier = @{hazard_w}'(before_col[k*@{col_w}+:@{col_w}]);
        later = @{hazard_w}'(col[k*@{col_w}+:@{col_w}]);
        if (mode[k*2+:2] == 2'd1) later = later + @{hazard_w}'(open_d) + @{hazard_w}'d1;
        if (mode[k*2+:2] != 2'd0 && before_mode[k*2+:2] != 2'd0 && earlier > later + @{hazard_w}'(high))
          high = @{c4_w}'(earlier - later);
      end
    end
  end
//@endif

  // ---- walk and start ----
  logic walking_q, bus_free, closed, walked, placed, may_walk, walk, spaced, clear, loaded, start;
  logic [@{row_w-1}:0] walk_row_q;
  logic [@{since_w-1}:0] since_q, before_q, interval, last_d, next_d, longer;
  logic [@{d_w-1}:0] last_d_q, before_d_q;
  logic [1:0] next_bank;
  assign next_bank = started_q[1:0];
  assign last_d = @{since_w}'(last_d_q);
  assign next_d = @{since_w}'(d_q[next_bank*@{d_w}+:@{d_w}]);
  assign bus_free = !walking_q || walk_row_q == @{row_w}'d@{rows-1};
  assign closed = closed_q != started_q;
  assign walked = walked_q != started_q;
//@if travelling
  // one configuration is in use in the array, one may wait there; the feeder's queries are in use until the bias
  assign may_walk = since_q > last_d && before_q >= (@{since_w}'(before_d_q) << 1) + @{since_w}'d@{columns+2};
  assign longer = last_d > next_d ? last_d - next_d : '0;
  assign interval = @{since_w}'d@{columns} + longer > @{since_w}'d@{rows} + (longer << 1) ?
      @{since_w}'d@{columns} + longer : @{since_w}'d@{rows} + (longer << 1);
  assign clear = since_q > (last_d << 1) + @{since_w}'(h_q[next_bank*@{c4_w}+:@{c4_w}]);
//@else
  assign may_walk = since_q > last_d;  // the feeder's queries are in use until the bias
  assign longer = '0;
  assign interval = (last_d << 1) + @{since_w}'d@{2*(rows+columns)};
  assign clear = 1'b1;
  logic unused_travelling;
  assign unused_travelling = ^{h_q, before_q, before_d_q, next_d, longer};
//@endif
  assign spaced = since_q >= interval;
  assign walk = closed && !walked && bus_free && may_walk;
  assign placed = walked || walk;
  assign loaded = tile_loaded_i[bank_buffer_q[next_bank]];
  assign start = placed && spaced && clear && loaded;

  // ---- what a cycle without a word waits for ----
  logic [2:0] why, why_q, cause_n;
  always @* begin
    if (placed && spaced && clear) why = 3'd4;
    else if (placed) why = spaced ? 3'd1 : 3'd2;
    else if (closed) why = 3'd3;
    else if (fresh_q || known || have || take) why = 3'd5;
//@if window > 1
    else why = (begun_q && ended_q == '0) || (fill_q == '0 && win_n_q == '0) ? 3'd6 : 3'd5;
//@else
    else why = begun_q || fill_q == '0 ? 3'd6 : 3'd5;
//@endif
  end
  assign cause_n = valid_q ? 3'd0 : why_q;

  // ---- the bus of configurations ----
  logic [1:0] walk_bank;
  logic [@{table_w-1}:0] walk_at;
  logic walk_used;
  assign walk_bank = walked_q[1:0] - 2'd1;
  assign walk_at = @{table_w}'(walk_bank) * @{table_w}'d@{rows} + @{table_w}'(walk_row_q);
  assign walk_used = walking_q && @{row_count_w}'(walk_row_q) < count_q[walk_bank*@{row_count_w}+:@{row_count_w}];
  assign load_o = walking_q;
  assign load_row_o = walk_row_q;
  assign walk_index_o = walk_used ? index_q[walk_at] : '0;
  assign mode_o = walk_used ? mode_q[walk_at] : '0;
  assign col_o = walk_used ? col_q[walk_at] : '0;
  assign own_o = walking_q;
  assign own_bank_o = walk_bank;
  assign own_row_o = walk_row_q;
  assign own_index_o = walk_index_o;

  // ---- the stream: load, mac ..., exp, fwd ..., fwd_last ----
  logic valid_q, is_exp, is_v, stream_end;
  logic [@{e_w-1}:0] e_q, stream_d;
  logic [@{at_w-1}:0] element;
  logic [1:0] stream_bank;
  assign stream_bank = started_q[1:0] - 2'd1;
  assign stream_d = @{e_w}'(last_d_q);
  assign is_exp = e_q == stream_d;
  assign is_v = e_q > stream_d;
  assign stream_end = e_q == stream_d << 1;
  assign element = is_exp ? '0 : is_v ? @{at_w}'(e_q) - @{at_w}'(stream_d) - @{at_w}'d1 : @{at_w}'(e_q);
  assign valid_o = valid_q;
  always @* begin
    op_o = 3'd0;
    if (valid_q) begin
      if (is_exp) op_o = 3'd3;
      else if (is_v) op_o = stream_end ? 3'd5 : 3'd4;
      else op_o = e_q == '0 ? 3'd1 : 3'd2;
    end
  end
  assign par_o = valid_q && stream_bank[0];
  assign is_v_o = valid_q && is_v;
  assign at_o = valid_q ? element : '0;
  assign buffer_o = valid_q && bank_buffer_q[stream_bank];
  assign pass_o = valid_q && e_q == '0;
  assign pass_bank_o = stream_bank;
  assign pass_rows_o = count_q[stream_bank*@{row_count_w}+:@{row_count_w}];
  assign pass_d_o = last_d_q;

  // ---- tiles and groups that are finished ----
  logic complete, group_done, done_buffer;
  logic [1:0] free;
  logic [1:0] group_gathered_q, computed_q;
  assign complete = done_i && complete_q != started_q;
  assign done_buffer = bank_buffer_q[complete_q[1:0]];
  assign free = {
    tile_gathered_q[1] && tile_left_q[5:3] == '0 && tile_loaded_i[1],
    tile_gathered_q[0] && tile_left_q[2:0] == '0 && tile_loaded_i[0]
  };
  // the group's last tile is gathered
  logic [1:0] group_end;
  logic [1:0] final_tile;  // by buffer
//@if window > 1
  assign final_tile = final_q;
//@else
  assign final_tile = {2{held_final_q}};
//@endif
  assign group_end = {
    (tile_end & final_tile & tile_half_q) != '0,
    (tile_end & final_tile & ~tile_half_q) != '0
  };
  // no tile of the group is open
  assign group_done = group_gathered_q[computed_q[0]] && (tile_open_q & ~(tile_half_q ^ {2{computed_q[0]}})) == '0;
  assign tile_free_o = tile_free_q;
  assign computed_o = computed_q;

  // ---- counters ----
  logic [383:0] cause_q;
  logic [47:0] passes_q, sub_rows_q, active_q, idle_q;
  logic [@{slots_w-1}:0] active, idle;
  always @* begin
    active = '0;
    idle = '0;
    if (take) begin
      for (int k = 0; k < @{pes}; k++) begin
        active = active + @{slots_w}'(new_mode[k*2+1]);
        idle = idle + @{slots_w}'(new_mode[k*2]);
      end
    end
  end

  // ---- registers ----
  always_ff @(posedge clk_i) begin : p_gather
    if (!rst_ni) begin
      gather_group_q <= '0;
      gather_tile_q <= '0;
      gather_base_q <= '0;
      gather_strip_q <= '0;
      strip_n_q <= '0;
      left_q <= '0;
      fresh_q <= '0;
      begun_q <= '0;
      gather_buffer_q <= '0;
      held_buffer_q <= '0;
      held_end_q <= '0;
      held_final_q <= '0;
    end else if (accept) begin
      held_buffer_q <= gather_buffer_q;
      held_end_q <= last_row;
      held_final_q <= last_tile;
      begun_q <= !last_row;
      left_q <= strip_end ? next_left : others;
      if (strip_end) begin
        gather_strip_q <= next_strip;
        fresh_q <= known;
      end
      if (last_row) begin
        gather_buffer_q <= !gather_buffer_q;
        gather_tile_q <= last_tile ? '0 : gather_tile_q + @{tile_w}'d1;
        gather_base_q <= last_tile ? '0 : gather_base_q + @{base_w}'d@{columns};
        gather_group_q <= gather_group_q + 2'(last_tile);
        if (last_tile) begin
          strip_n_q <= strip_n_q + @{held_w}'(gather_strip_q) + @{held_w}'d1;
          fresh_q <= 1'b0;
        end
      end
    end else begin
      if (split_end) held_end_q <= '0;
      if (known && !fresh_q) begin
        left_q <= next_left;
        fresh_q <= 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_rows
    if (rst_ni && take) begin
      index_q[write_at] <= new_index;
      mode_q[write_at] <= new_mode;
      col_q[write_at] <= new_col;
    end
  end

  always_ff @(posedge clk_i) begin : p_banks
    if (!rst_ni) begin
      fill_q <= '0;
      high_q <= '0;
      count_q <= '0;
      d_q <= '0;
      h_q <= '0;
      bank_buffer_q <= '0;
    end else begin
      fill_q <= close ? '0 : filled;
      high_q <= close ? '0 : high;
      if (close) begin
        count_q[open_bank*@{row_count_w}+:@{row_count_w}] <= filled;
        d_q[open_bank*@{d_w}+:@{d_w}] <= open_d;
        h_q[open_bank*@{c4_w}+:@{c4_w}] <= high;
        bank_buffer_q[open_bank] <= open_buffer;
      end
    end
  end

  always_ff @(posedge clk_i) begin : p_numbers
    if (!rst_ni) begin
      closed_q <= '0;
      walked_q <= '0;
      started_q <= '0;
      complete_q <= '0;
    end else begin
      closed_q <= closed_q + @{n_w}'(close);
      walked_q <= walked_q + @{n_w}'(walk);
      started_q <= started_q + @{n_w}'(start);
      complete_q <= complete_q + @{n_w}'(complete);
    end
  end

  always_ff @(posedge clk_i) begin : p_walk
    if (!rst_ni) begin
      walking_q <= '0;
      walk_row_q <= '0;
    end else if (walk || bus_free) begin
      walking_q <= walk;
      walk_row_q <= '0;
    end else begin
      walk_row_q <= walk_row_q + @{row_w}'d1;
    end
  end

  // no pass came before the first: all ages begin full
  always_ff @(posedge clk_i) begin : p_ages
    if (!rst_ni) begin
      since_q <= '1;
      before_q <= '1;
      last_d_q <= '0;
      before_d_q <= '0;
    end else if (start) begin
      since_q <= @{since_w}'d1;
      before_q <= since_q == '1 ? '1 : since_q + @{since_w}'d1;
      last_d_q <= d_q[next_bank*@{d_w}+:@{d_w}];
      before_d_q <= last_d_q;
    end else begin
      since_q <= since_q == '1 ? '1 : since_q + @{since_w}'d1;
      before_q <= before_q == '1 ? '1 : before_q + @{since_w}'d1;
    end
  end

//@if gap != 0
  logic [@{gap_w-1}:0] gap_q;  // cycles until word d + 1
//@endif
  always_ff @(posedge clk_i) begin : p_stream
    if (!rst_ni) begin
      valid_q <= '0;
      e_q <= '0;
//@if gap != 0
      gap_q <= '0;
//@endif
    end else if (start) begin
      valid_q <= 1'b1;
      e_q <= '0;
//@if gap != 0
      gap_q <= '0;
//@endif
    end else if (valid_q) begin
//@if gap != 0
      valid_q <= !stream_end && !is_exp;
      if (is_exp && !stream_end) gap_q <= @{gap_w}'d@{gap};
//@else
      valid_q <= !stream_end;
//@endif
      e_q <= stream_end ? '0 : e_q + @{e_w}'d1;
//@if gap != 0
    end else if (gap_q != '0) begin
      valid_q <= gap_q == @{gap_w}'d1;
      gap_q <= gap_q - @{gap_w}'d1;
//@endif
    end
  end

  always_ff @(posedge clk_i) begin : p_records
    if (!rst_ni) begin
      tile_open_q <= '0;
      tile_half_q <= '0;
      tile_gathered_q <= '0;
      tile_left_q <= '0;
      tile_free_q <= '0;
      group_gathered_q <= '0;
      computed_q <= '0;
    end else begin
      tile_free_q <= free;
      for (int b = 0; b < 2; b++) begin
        if (accept && gather_buffer_q == b[0]) begin
          tile_open_q[b] <= 1'b1;
          tile_half_q[b] <= half;
        end else if (free[b]) begin
          tile_open_q[b] <= 1'b0;
        end
        if (tile_end[b]) tile_gathered_q[b] <= 1'b1;
        else if (free[b]) tile_gathered_q[b] <= 1'b0;
        tile_left_q[b*3+:3] <= tile_left_q[b*3+:3] + 3'(close && open_buffer == b[0]) -
            3'(complete && done_buffer == b[0]);
        if (group_end[b]) group_gathered_q[b] <= 1'b1;
        else if (group_done && computed_q[0] == b[0]) group_gathered_q[b] <= 1'b0;
      end
      if (group_done) computed_q <= computed_q + 2'd1;
    end
  end

  always_ff @(posedge clk_i) begin : p_counters
    if (!rst_ni) begin
      why_q <= 3'd6;
      cause_q <= '0;
      passes_q <= '0;
      sub_rows_q <= '0;
      active_q <= '0;
      idle_q <= '0;
    end else begin
      why_q <= why;
      if (busy_i) cause_q[cause_n*48+:48] <= cause_q[cause_n*48+:48] + 48'd1;
      if (start) passes_q <= passes_q + 48'd1;
      if (take) begin
        sub_rows_q <= sub_rows_q + 48'd1;
        active_q <= active_q + 48'(active);
        idle_q <= idle_q + 48'(idle);
      end
    end
  end
endmodule
`default_nettype wire
