// SPDX-License-Identifier: Apache-2.0
#include "../../model/hash.h"
#include "modules.h"

#include <cstring>

#include "../random.h"

namespace
{

bool is_big(const signal_t &s)
{
    return s.stored && signal_storage(s) > LOCKSTEP_STORED_SMALL;
}

bool is_register(const signal_t &s)
{
    return s.kind == SIGNAL_REG && !is_big(s);
}

bool is_stored(const signal_t &s)
{
    return s.stored;
}

} // namespace

// ---- a unit ----

unit_module::unit_module(sc_core::sc_module_name name, const block_t *table)
    : sc_module(name), outs_(table, SIGNAL_OUT), nets_(table, SIGNAL_NET), regs_(table, is_register),
      big_(table, is_big)
{
    SC_HAS_PROCESS(unit_module);
    SC_METHOD(edge);
    sensitive << clk.pos();
    dont_initialize();
    SC_METHOD(settle);
    sensitive << in << ticked_;
}

// Inputs change in the delta cycle after the edge: the tick still sees the old ones.
void unit_module::edge()
{
    tick();
    fresh_ = true;
    ticked_.notify(sc_core::SC_ZERO_TIME);
}

void unit_module::settle()
{
    drive(in.read());
    out.write(look(outs_));
    net.write(look(nets_));
    if (fresh_) reg.write(look(regs_));
    fresh_ = false;
}

// ---- the model ----

model_module::model_module(sc_core::sc_module_name name, block_t *block)
    : unit_module(name, block), block_(block), ins_(block, SIGNAL_IN)
{
}

void model_module::drive(const frame_t &inputs)
{
    ins_.unpack(inputs, block_);
    block_->type->eval(block_->self);
}

void model_module::tick()
{
    block_->type->tick(block_->self);
    if (block_->type->show) block_->type->show(block_->self);
}

// ---- the DUT ----

dut_module::dut_module(sc_core::sc_module_name name, const dut_t *dut, const block_t *table)
    : unit_module(name, table), dut_(dut), table_(table), ins_(table, SIGNAL_IN)
{
    for (int i = 0; i < table->signals; ++i) bind(table->table[i]);
    if (!error_.empty()) return;
    for (const layout_t::field_t &f : ins_.fields()) write(f, ins_.empty());
    dut_->api->reset(dut_->instance);
}

void dut_module::bind(const signal_t &s)
{
    std::vector<char *> objects;
    for (size_t i = 0; i < signal_objects(&s); ++i) {
        char path[256];
        size_t bytes = 0;
        if (s.path)
            signal_object_path(&s, i, path, sizeof path);
        else
            signal_port(&s, path);
        objects.push_back(static_cast<char *>(dut_->api->object(dut_->instance, path, &bytes, nullptr)));
        if (!objects.back() || bytes != object_bytes(s)) {
            error_ = std::string(path) + ": expected a Verilog object of " + std::to_string(object_bytes(s)) +
                     " bytes, found " + std::to_string(bytes);
        }
    }
    objects_.push_back(objects);
}

char *dut_module::word(int entry, size_t index) const
{
    const signal_t &s = table_->table[entry];
    const size_t at = index / signal_lanes(&s), words = signal_words(&s);
    return objects_[static_cast<size_t>(entry)][at / words] + at % words * word_bytes(s);
}

void dut_module::write(const layout_t::field_t &f, const frame_t &frame)
{
    const signal_t &s = table_->table[f.entry];
    const size_t lanes = signal_lanes(&s), bytes = word_bytes(s), width = static_cast<size_t>(f.bits);
    for (size_t first = 0; first < f.count; first += lanes) {
        frame_t packed(8 * bytes);
        for (size_t i = 0; i < lanes; ++i)
            packed.set(i * width, f.bits, frame.get(f.at + (first + i) * width, f.bits));
        std::memcpy(word(f.entry, first), packed.words().data(), bytes);
    }
}

void dut_module::read(const layout_t::field_t &f, frame_t &frame) const
{
    const signal_t &s = table_->table[f.entry];
    const size_t lanes = signal_lanes(&s), bytes = word_bytes(s), width = static_cast<size_t>(f.bits);
    std::vector<uint64_t> words((bytes + 7) / 8);
    for (size_t first = 0; first < f.count; first += lanes) {
        std::memcpy(words.data(), word(f.entry, first), bytes);
        const frame_t packed(words);
        for (size_t i = 0; i < lanes; ++i)
            frame.set(f.at + (first + i) * width, f.bits, packed.get(i * width, f.bits));
    }
}

void dut_module::drive(const frame_t &inputs)
{
    for (const layout_t::field_t &f : ins_.fields()) write(f, inputs);
    dut_->api->eval(dut_->instance);
}

void dut_module::tick()
{
    dut_->api->tick(dut_->instance);
}

frame_t dut_module::load(const layout_t &layout, const frame_t &frame)
{
    for (const layout_t::field_t &f : layout.fields()) write(f, frame);
    dut_->api->reset(dut_->instance);
    return look(layout);
}

frame_t dut_module::look(const layout_t &layout) const
{
    frame_t frame = layout.empty();
    for (const layout_t::field_t &f : layout.fields()) read(f, frame);
    return frame;
}

void load_memories(block_t *block, dut_module &dut, uint64_t seed)
{
    const layout_t layout(block, is_stored);
    frame_t frame = layout.empty();
    random_t random = random_from(seed);
    if (layout.fields().empty()) return;
    for (const layout_t::field_t &f : layout.fields()) {
        for (size_t i = 0; i < f.count; ++i)
            frame.set(f.at + i * static_cast<size_t>(f.bits), f.bits, random_bits(&random));
    }
    layout.unpack(dut.load(layout, frame), block);
}

// ---- the stimulus ----

stimulus_module::stimulus_module(sc_core::sc_module_name name, stimulus_t *source, block_t *block)
    : sc_module(name), source_(source), block_(block), ins_(block, SIGNAL_IN), outs_(block, SIGNAL_OUT)
{
    SC_HAS_PROCESS(stimulus_module);
    SC_METHOD(next);
    sensitive << clk.pos();
}

void stimulus_module::next()
{
    outs_.unpack(seen.read(), block_);
    stimulus_next(source_);
    out.write(ins_.pack(block_));
}

// ---- the checker ----

checker_module::checker_module(sc_core::sc_module_name name, const block_t *table, uint64_t cycles,
                               const char *busy)
    : sc_module(name), table_(table), cycles_(cycles), outs_(table, SIGNAL_OUT), nets_(table, SIGNAL_NET),
      regs_(table, is_register), busy_(busy ? &outs_.find(table, busy) : nullptr),
      previous_out_(outs_.empty()), previous_net_(nets_.empty()), previous_reg_(regs_.empty()),
      inputs_(layout_t(table, SIGNAL_IN).empty())
{
    result_.count.hash = HASH_BASIS;
    result_.count.signals = outs_.elements() + nets_.elements() + regs_.elements();
    result_.count.signals += layout_t(table, is_big).elements();
    SC_HAS_PROCESS(checker_module);
    SC_METHOD(sample);
    sensitive << clk.neg();
    dont_initialize();
}

void checker_module::hash_outputs(const frame_t &outputs)
{
    uint64_t h = result_.count.hash;
    for (const layout_t::field_t &f : outs_.fields()) {
        for (size_t i = 0; i < f.count; ++i) {
            h = hash_word(h, outputs.get(f.at + i * static_cast<size_t>(f.bits), f.bits));
        }
    }
    result_.count.hash = h;
}

void checker_module::note(const layout_t::field_t &f, const frame_t &model_frame, const frame_t &dut_frame)
{
    for (size_t i = 0; i < f.count; ++i) {
        const size_t at = f.at + i * static_cast<size_t>(f.bits);
        const uint64_t mine = model_frame.get(at, f.bits), other = dut_frame.get(at, f.bits);
        if (mine == other) continue;
        ++result_.count.mismatches;
        differences_.push_back({&table_->table[f.entry], i, mine, other});
    }
}

// By Verilog object; memories are left out.
void checker_module::count_changes(const layout_t &layout, const frame_t &now, frame_t &previous)
{
    for (const layout_t::field_t &f : layout.fields()) {
        const signal_t &s = table_->table[f.entry];
        const size_t lanes = signal_lanes(&s), width = static_cast<size_t>(f.bits);
        for (size_t first = 0; first < f.count && !s.memory; first += lanes) {
            bool changed = false;
            for (size_t i = first; i < first + lanes && !changed; ++i) {
                changed = now.get(f.at + i * width, f.bits) != previous.get(f.at + i * width, f.bits);
            }
            result_.count.changes += changed;
        }
    }
    previous = now;
}

void checker_module::compare(const layout_t &layout, const frame_t &model_frame, const frame_t &dut_frame,
                             frame_t &previous)
{
    const bool equal = model_frame == dut_frame;
    for (const layout_t::field_t &f : layout.fields()) {
        result_.count.bytes += signal_storage(table_->table[f.entry]);
        if (!equal) note(f, model_frame, dut_frame);
    }
    count_changes(layout, model_frame, previous);
}

void checker_module::stop(bool diverged, uint64_t cycle)
{
    result_.diverged = diverged;
    result_.cycle = cycle;
    sc_core::sc_stop();
}

bool checker_module::compare_registers()
{
    const uint64_t n = result_.count.cycles;
    compare(regs_, model.reg.read(), dut.reg.read(), previous_reg_);
    if (n && n % LOCKSTEP_STORED_PERIOD == 0) compare_big();
    return differences_.empty();
}

bool checker_module::compare_big()
{
    const layout_t &layout = model.unit->big();
    frame_t none = layout.empty(); // changes in memories are not counted
    if (!layout.fields().empty()) compare(layout, model.unit->look_big(), dut.unit->look_big(), none);
    return differences_.empty();
}

bool checker_module::is_done() const
{
    return busy_ && result_.count.cycles && !model.out.read().get(busy_->at, busy_->bits);
}

void checker_module::finish()
{
    const uint64_t n = result_.count.cycles;
    const bool equal = compare_big();
    stop(!equal, n ? n - 1 : 0);
}

// Falling edge n comes after n rising ones: registers are those of cycle n - 1, or of reset, outputs those of
// cycle n.
void checker_module::sample()
{
    const uint64_t n = result_.count.cycles;
    if (!compare_registers()) return stop(true, n ? n - 1 : COSIM_RESET);
    if (n == cycles_) {
        still_busy_ = busy_;
        return finish();
    }
    inputs_ = in.read();
    hash_outputs(model.out.read());
    compare(outs_, model.out.read(), dut.out.read(), previous_out_);
    compare(nets_, model.net.read(), dut.net.read(), previous_net_);
    if (!differences_.empty()) return stop(true, n);
    if (is_done()) return finish();
    ++result_.count.cycles;
}
