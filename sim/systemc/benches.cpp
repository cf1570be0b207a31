// SPDX-License-Identifier: Apache-2.0
#include "benches.h"

// ---- both benches ----

unit_wires::unit_wires(const block_t *table, const std::string &side)
    : in((side + "_in").c_str(), layout_t(table, SIGNAL_IN).empty()),
      out((side + "_out").c_str(), layout_t(table, SIGNAL_OUT).empty()),
      net((side + "_net").c_str(), layout_t(table, SIGNAL_NET).empty()),
      reg((side + "_reg").c_str(), frame_t())
{
}

void unit_wires::connect(unit_module &unit, wire_t &inputs)
{
    unit.in(inputs), unit.out(out), unit.net(net), unit.reg(reg);
}

void unit_wires::connect(checker_module::side_t &side)
{
    side.out(out), side.net(net), side.reg(reg);
}

bench_t::bench_t(const subjects_t &s, const char *busy)
    : model_wires(s.block, "model"), dut_wires(s.block, "dut"), model("model", s.block),
      dut("dut", s.dut, s.mirror), checker("checker", s.mirror, s.config->cycles, busy)
{
    model.clk(clk), dut.clk(clk);
    model_wires.connect(checker.model), checker.model.unit = &model;
    dut_wires.connect(checker.dut), checker.dut.unit = &dut;
    checker.in(model_wires.in);
    if (dut.error().empty()) load_memories(s.block, dut, s.config->seed);
}

void bench_t::trace(sc_core::sc_trace_file *file) const
{
    sc_core::sc_trace(file, clk, "clk");
    sc_core::sc_trace(file, model_wires.in, "in");
    sc_core::sc_trace(file, model_wires.out, "model_out");
    sc_core::sc_trace(file, dut_wires.out, "dut_out");
}

// ---- a unit ----

unit_bench::unit_bench(const subjects_t &s, stimulus_t *source)
    : bench_t(s, nullptr), stimulus_("stimulus", source, s.mirror)
{
    model_wires.connect(model, model_wires.in);
    dut_wires.connect(dut, model_wires.in);
    stimulus_.clk(clk), stimulus_.seen(model_wires.out), stimulus_.out(model_wires.in);
    checker.clk(clk);
}

// ---- the machine ----

machine_side::machine_side(sc_core::sc_module_name name, const block_t *table, const queue_t *queue,
                           const memory_config_t &config)
    : sc_module(name), memory("memory", config), table_(table), queue_(queue), ins_(table, SIGNAL_IN),
      outs_(table, SIGNAL_OUT), inputs_(ins_.empty()), pins_(config.beat), bridge_("bridge", config.beat),
      start_("start", true)
{
    const machine_start_t host = queue_start(queue);
    const auto set = [this](const char *register_name, uint64_t value) {
        inputs_.set(input(register_name).at, input(register_name).bits, value);
    };
    set("queue", host.queue), set("status", host.status), set("limit", host.limit);
    set("count", static_cast<uint64_t>(host.count));
    pins_.connect(bridge_);
    bridge_.clk(clk), bridge_.idle_ready(ready_), bridge_.socket.bind(memory.socket);
    memory.clk(clk), memory.ready(ready_);
    SC_HAS_PROCESS(machine_side);
    SC_METHOD(edge);
    sensitive << clk.pos();
    dont_initialize();
    SC_METHOD(take_outputs);
    sensitive << seen;
    SC_METHOD(give_inputs);
    sensitive << start_ << pins_.req_ready << pins_.rsp_valid << pins_.rsp_data;
}

uint64_t machine_side::output(const char *name) const
{
    const layout_t::field_t &f = outs_.find(table_, name);
    return seen.read().get(f.at, f.bits);
}

void machine_side::take_outputs()
{
    const layout_t::field_t &data = outs_.find(table_, "req_data");
    frame_t beat(data.count * static_cast<size_t>(data.bits));
    for (size_t i = 0; i < data.count; ++i) {
        const size_t at = i * static_cast<size_t>(data.bits);
        beat.set(at, data.bits, seen.read().get(data.at + at, data.bits));
    }
    pins_.req_valid.write(output("req_valid"));
    pins_.req_write.write(output("req_write"));
    pins_.req_addr.write(output("req_addr"));
    pins_.req_data.write(beat);
    pins_.rsp_ready.write(output("rsp_ready"));
}

void machine_side::give_inputs()
{
    const layout_t::field_t &data = input("rsp_data");
    frame_t frame = inputs_;
    frame.set(input("start").at, 1, start_.read());
    frame.set(input("req_ready").at, 1, pins_.req_ready.read());
    frame.set(input("rsp_valid").at, 1, pins_.rsp_valid.read());
    for (size_t i = 0; i < data.count; ++i) {
        const size_t at = i * static_cast<size_t>(data.bits);
        frame.set(data.at + at, data.bits, pins_.rsp_data.read().get(at, data.bits));
    }
    in.write(frame);
}

unsigned machine_side::access(tlm::tlm_command command, uint8_t *bytes)
{
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(0);
    payload.set_data_ptr(bytes);
    payload.set_data_length(static_cast<unsigned>(queue_start(queue_).limit));
    return bridge_.socket->transport_dbg(payload);
}

void machine_side::start_of_simulation()
{
    const machine_start_t host = queue_start(queue_);
    std::vector<uint8_t> bytes(queue_bytes(queue_), queue_bytes(queue_) + host.limit);
    if (access(tlm::TLM_WRITE_COMMAND, bytes.data()) != host.limit)
        SC_REPORT_ERROR("machine_side", "the queue does not fit in the memory");
}

std::vector<uint8_t> machine_side::contents()
{
    std::vector<uint8_t> bytes(queue_start(queue_).limit);
    access(tlm::TLM_READ_COMMAND, bytes.data());
    return bytes;
}

static memory_config_t sized(memory_config_t config, const design_t *d, const queue_t *queue)
{
    config.bytes = queue_start(queue).limit;
    config.beat = d->bus_bytes;
    return config;
}

machine_bench::machine_bench(const subjects_t &s, const queue_t *queue, const memory_config_t &memory)
    : bench_t(s, "busy"), queue_(queue),
      model_side_("model_side", s.mirror, queue, sized(memory, s.config->design, queue)),
      dut_side_("dut_side", s.mirror, queue, sized(memory, s.config->design, queue))
{
    model_wires.connect(model, model_wires.in);
    dut_wires.connect(dut, dut_wires.in);
    model_side_.clk(clk), model_side_.seen(model_wires.out), model_side_.in(model_wires.in);
    dut_side_.clk(clk), dut_side_.seen(dut_wires.out), dut_side_.in(dut_wires.in);
    checker.clk(strobe_);
}

void machine_bench::trace(sc_core::sc_trace_file *file) const
{
    bench_t::trace(file);
    sc_core::sc_trace(file, dut_wires.in, "dut_in");
}

std::string machine_bench::wrong()
{
    if (checker.still_busy()) return "busy when the cycles were over";
    const auto limit = static_cast<int64_t>(queue_start(queue_).limit);
    for (machine_side *side : {&model_side_, &dut_side_}) {
        const int64_t at = queue_check(queue_, side->contents().data());
        if (at < 0) return "out of memory";
        if (at < limit)
            return std::string(side->basename()) + ": byte " + std::to_string(at) +
                   " is not as golden leaves it";
        if (side->memory.count().outside) return std::string(side->basename()) + ": beats outside the memory";
    }
    return "";
}
