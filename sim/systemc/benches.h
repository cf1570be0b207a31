// SPDX-License-Identifier: Apache-2.0
// The benches of sanger-systemc, wired: a unit under random stimulus, and the whole machine with a queue of
// jobs in memory.
//
//     model ◄─frames─► machine_side: host, pins ─► port_bridge ◄─TLM─► tlm_memory
//     dut   ◄─frames─► machine_side: the same of its own             both ─► checker
//
// Each side has a memory of its own, so that nothing but the comparison binds them.
#ifndef SANGER_BENCHES_H
#define SANGER_BENCHES_H

#include "../queue.h"
#include "bridge.h"
#include "memory.h"
#include "modules.h"

// Everything between a unit and the others.
struct unit_wires {
    using wire_t = sc_core::sc_signal<frame_t>;
    wire_t in, out, net, reg;

    unit_wires(const block_t *table, const std::string &side);
    void connect(unit_module &unit, wire_t &inputs);
    void connect(checker_module::side_t &side);
};

// What a run owns and every bench needs; `block` is the model's, `mirror` one more with the same table.
struct subjects_t {
    const cosim_config_t *config;
    block_t *block, *mirror;
    const dut_t *dut;
};

class bench_t
{
  public:
    // The first edge falls at 5 ns: the checker reads the state after reset before any register moves.
    sc_core::sc_clock clk{"clk", sc_core::sc_time(10, sc_core::SC_NS), 0.5,
                          sc_core::sc_time(5, sc_core::SC_NS), false};
    unit_wires model_wires, dut_wires;
    model_module model;
    dut_module dut;
    checker_module checker;

    virtual ~bench_t() = default;
    virtual void trace(sc_core::sc_trace_file *file) const; // clock, inputs, both sides' outputs
    // After a run without a difference: what is wrong in spite of it, in one line, or empty.
    virtual std::string wrong() { return ""; }

  protected:
    bench_t(const subjects_t &s, const char *busy);
};

class unit_bench : public bench_t
{
  public:
    unit_bench(const subjects_t &s, stimulus_t *source);

  private:
    stimulus_module stimulus_;
};

// A machine's host and memory: start in cycle 0, and whatever the port asks for.
class machine_side : public sc_core::sc_module
{
  public:
    sc_core::sc_in<bool> clk{"clk"};
    frame_in_t seen{"seen"}; // the machine's outputs
    frame_out_t in{"in"};
    tlm_memory memory;

    // The queue belongs to the caller.
    machine_side(sc_core::sc_module_name name, const block_t *table, const queue_t *queue,
                 const memory_config_t &config);

    // What the machine left in memory.
    std::vector<uint8_t> contents();

  private:
    void start_of_simulation() override; // the host writes its jobs
    unsigned access(tlm::tlm_command command, uint8_t *bytes);
    void edge() { start_.write(false); }
    void take_outputs();
    void give_inputs();
    const layout_t::field_t &input(const char *name) const { return ins_.find(table_, name); }
    uint64_t output(const char *name) const;

    const block_t *table_;
    const queue_t *queue_;
    layout_t ins_, outs_;
    frame_t inputs_; // but for start and the port's: the host's registers
    port_wires pins_;
    port_bridge bridge_;
    sc_core::sc_signal<bool> start_, ready_;
};

class machine_bench : public bench_t
{
  public:
    // memory: its timing; the size is the queue's.
    machine_bench(const subjects_t &s, const queue_t *queue, const memory_config_t &memory);

    void trace(sc_core::sc_trace_file *file) const override;
    // Both memories are to be left as golden leaves them.
    std::string wrong() override;

  private:
    // The bridges move req_ready with the falling edge; the checker looks a while later.
    sc_core::sc_clock strobe_{"strobe", sc_core::sc_time(10, sc_core::SC_NS), 0.5,
                              sc_core::sc_time(7, sc_core::SC_NS), false};
    const queue_t *queue_;
    machine_side model_side_, dut_side_;
};

#endif
