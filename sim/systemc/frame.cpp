// SPDX-License-Identifier: Apache-2.0
#include "frame.h"

#include <cstring>
#include <ios>

uint64_t frame_t::get(size_t at, int bits) const
{
    const size_t word = at / 64;
    const int offset = static_cast<int>(at % 64);
    uint64_t value = words_[word] >> offset;
    if (offset + bits > 64) value |= words_[word + 1] << (64 - offset);
    return fixed_low(value, bits);
}

void frame_t::set(size_t at, int bits, uint64_t value)
{
    const size_t word = at / 64;
    const int offset = static_cast<int>(at % 64);
    const uint64_t mask = fixed_low(~UINT64_C(0), bits);
    words_[word] = (words_[word] & ~(mask << offset)) | (value & mask) << offset;
    if (offset + bits <= 64) return;
    words_[word + 1] = (words_[word + 1] & ~(mask >> (64 - offset))) | (value & mask) >> (64 - offset);
}

frame_t frame_t::of_bytes(const uint8_t *bytes, size_t n)
{
    frame_t frame(8 * n);
    for (size_t i = 0; i < n; ++i) frame.words_[i / 8] |= static_cast<uint64_t>(bytes[i]) << (8 * (i % 8));
    return frame;
}

void frame_t::to_bytes(uint8_t *bytes, size_t n) const
{
    for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<uint8_t>(words_[i / 8] >> (8 * (i % 8)));
}

std::ostream &operator<<(std::ostream &out, const frame_t &frame)
{
    const std::ios_base::fmtflags flags = out.flags();
    out << std::hex;
    for (size_t i = frame.words().size(); i-- > 0;) out << frame.words()[i] << (i ? "_" : "");
    out.flags(flags);
    return out;
}

void sc_trace(sc_core::sc_trace_file *file, const frame_t &frame, const std::string &name)
{
    for (size_t i = 0; i < frame.words().size(); ++i) {
        sc_core::sc_trace(file, frame.words()[i], name + "." + std::to_string(i), 64);
    }
}

layout_t::layout_t(const block_t *block, bool (*wants)(const signal_t &))
{
    for (int i = 0; i < block->signals; ++i) {
        if (wants(block->table[i])) add(block, i);
    }
}

layout_t::layout_t(const block_t *block, signal_kind_t kind)
{
    for (int i = 0; i < block->signals; ++i) {
        if (block->table[i].kind == kind) add(block, i);
    }
}

void layout_t::add(const block_t *block, int entry)
{
    const signal_t &s = block->table[entry];
    fields_.push_back({entry, bits_, signal_count(&s), s.bits});
    bits_ += signal_count(&s) * static_cast<size_t>(s.bits);
}

const layout_t::field_t &layout_t::find(const block_t *block, const char *name) const
{
    for (const field_t &f : fields_) {
        if (!std::strcmp(block->table[f.entry].name, name)) return f;
    }
    SC_REPORT_ERROR("layout", (std::string("expected a signal '") + name + "', found none").c_str());
    return fields_.front();
}

size_t layout_t::elements() const
{
    size_t sum = 0;
    for (const field_t &f : fields_) sum += f.count;
    return sum;
}

frame_t layout_t::pack(const block_t *block) const
{
    frame_t frame(bits_);
    for (const field_t &f : fields_) {
        for (size_t i = 0; i < f.count; ++i) {
            const int64_t value = block_get(block, &block->table[f.entry], i);
            frame.set(f.at + i * static_cast<size_t>(f.bits), f.bits, static_cast<uint64_t>(value));
        }
    }
    return frame;
}

void layout_t::unpack(const frame_t &frame, block_t *block) const
{
    for (const field_t &f : fields_) {
        const signal_t *s = &block->table[f.entry];
        for (size_t i = 0; i < f.count; ++i) {
            const auto bits = static_cast<int64_t>(frame.get(f.at + i * static_cast<size_t>(f.bits), f.bits));
            block_set(block, s, i, s->is_signed ? fixed_wrap(bits, s->bits) : bits);
        }
    }
}

size_t word_bytes(const signal_t &s)
{
    const size_t bits = signal_lanes(&s) * static_cast<size_t>(s.bits);
    if (bits > 64) return (bits + 31) / 32 * 4;
    return bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8;
}

size_t object_bytes(const signal_t &s)
{
    return word_bytes(s) * signal_words(&s);
}

size_t signal_storage(const signal_t &s)
{
    return object_bytes(s) * signal_objects(&s);
}
