// SPDX-License-Identifier: Apache-2.0
// A unit's C model and its Verilog as SystemC modules, what drives them and what compares them:
//
//                  ┌────────► model_module ──┬─ out ──► stimulus_module (what the unit answered)
//     stimulus ────┤ in                      └─ out, net, reg ──┐
//                  └────────► dut_module ────── out, net, reg ──┴─► checker_module
//
// Rising edge: registers take their next state, the stimulus writes the next cycle's inputs; both sides then
// settle. Falling edge: the checker reads everything. The modules hold no behaviour of their own.
#ifndef SANGER_MODULES_H
#define SANGER_MODULES_H

#include <memory>
#include <vector>

#include <systemc>

#include "../cosim.h"
#include "frame.h"

struct block_closer_t {
    void operator()(block_t *b) const { block_close(b); }
};
using block_ptr_t = std::unique_ptr<block_t, block_closer_t>;

// What a unit under test looks like from outside, whichever side it is.
class unit_module : public sc_core::sc_module
{
  public:
    sc_core::sc_in<bool> clk{"clk"};
    frame_in_t in{"in"};
    frame_out_t out{"out"}, net{"net"}, reg{"reg"}; // reg: but for the memories that are too big

    const layout_t &big() const { return big_; }
    frame_t look_big() const { return look(big_); }

  protected:
    unit_module(sc_core::sc_module_name name, const block_t *table);
    virtual void drive(const frame_t &inputs) = 0; // and settle
    virtual void tick() = 0;
    virtual frame_t look(const layout_t &layout) const = 0;

  private:
    void edge();
    void settle();

    layout_t outs_, nets_, regs_, big_;
    sc_core::sc_event ticked_;
    bool fresh_ = true; // registers may have changed since they were written
};

// The C model. The block belongs to the caller and has been reset.
class model_module : public unit_module
{
  public:
    model_module(sc_core::sc_module_name name, block_t *block);

  private:
    void drive(const frame_t &inputs) override;
    void tick() override;
    frame_t look(const layout_t &layout) const override { return layout.pack(block_); }

    block_t *block_;
    layout_t ins_;
};

// The Verilated unit. `table` names its objects; both belong to the caller. Resets the unit.
class dut_module : public unit_module
{
  public:
    dut_module(sc_core::sc_module_name name, const dut_t *dut, const block_t *table);

    // Empty, or what the plug-in lacks, in one line.
    const std::string &error() const { return error_; }

    // Puts words into its memories and resets it again, so that it sees them. What they hold then: that edge
    // may still write what the inputs say.
    frame_t load(const layout_t &layout, const frame_t &frame);

  private:
    void drive(const frame_t &inputs) override;
    void tick() override;
    frame_t look(const layout_t &layout) const override;
    void bind(const signal_t &s);
    void write(const layout_t::field_t &f, const frame_t &frame);
    void read(const layout_t::field_t &f, frame_t &frame) const;
    char *word(int entry, size_t index) const;

    const dut_t *dut_;
    const block_t *table_;
    layout_t ins_;
    std::vector<std::vector<char *>> objects_; // of each table entry
    std::string error_;
};

// Draws the next inputs at each rising edge, knowing what the unit showed before it.
class stimulus_module : public sc_core::sc_module
{
  public:
    sc_core::sc_in<bool> clk{"clk"};
    frame_in_t seen{"seen"};
    frame_out_t out{"out"};

    // `source` writes into `block`; both belong to the caller.
    stimulus_module(sc_core::sc_module_name name, stimulus_t *source, block_t *block);

  private:
    void next();

    stimulus_t *source_;
    block_t *block_;
    layout_t ins_, outs_;
};

// Memories have no reset: both sides start with the same words, different for each seed. `block` is the
// model's.
void load_memories(block_t *block, dut_module &dut, uint64_t seed);

// Compares both sides at each falling edge, counts what a lockstep counts, and stops the simulation at the
// first difference or after the last cycle's registers. Big memories are no signals: it looks into the units
// now and then, and at the end.
class checker_module : public sc_core::sc_module
{
  public:
    struct side_t {
        frame_in_t out, net, reg;
        const unit_module *unit;
    };

    sc_core::sc_in<bool> clk{"clk"};
    frame_in_t in{"in"};
    side_t model{frame_in_t{"model_out"}, frame_in_t{"model_net"}, frame_in_t{"model_reg"}, nullptr};
    side_t dut{frame_in_t{"dut_out"}, frame_in_t{"dut_net"}, frame_in_t{"dut_reg"}, nullptr};

    // `table` belongs to the caller. busy: an output; the run ends in the first cycle after cycle 0 in which
    // it is 0. NULL: after all cycles.
    checker_module(sc_core::sc_module_name name, const block_t *table, uint64_t cycles,
                   const char *busy = nullptr);

    const cosim_result_t &result() const { return result_; }
    const std::vector<difference_t> &differences() const { return differences_; }
    // Inputs of the cycle that diverged.
    const frame_t &inputs() const { return inputs_; }
    // The cycles were over before `busy` fell.
    bool still_busy() const { return still_busy_; }

  private:
    void sample();
    bool compare_registers();
    bool compare_big();
    bool is_done() const;
    void compare(const layout_t &layout, const frame_t &model_frame, const frame_t &dut_frame,
                 frame_t &previous);
    void note(const layout_t::field_t &f, const frame_t &model_frame, const frame_t &dut_frame);
    void count_changes(const layout_t &layout, const frame_t &now, frame_t &previous);
    void hash_outputs(const frame_t &outputs);
    void stop(bool diverged, uint64_t cycle);
    void finish();

    const block_t *table_;
    uint64_t cycles_;
    layout_t outs_, nets_, regs_;
    const layout_t::field_t *busy_; // of outs_, or none
    bool still_busy_ = false;
    frame_t previous_out_, previous_net_, previous_reg_, inputs_;
    cosim_result_t result_{};
    std::vector<difference_t> differences_;
};

#endif
