// SPDX-License-Identifier: Apache-2.0
// What travels between modules: all elements of one kind of signal (inputs, outputs, nets or registers) of a
// unit, bit-packed in table order.
#ifndef SANGER_FRAME_H
#define SANGER_FRAME_H

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include <systemc>

#include "../../model/block.h"

class frame_t
{
  public:
    frame_t() = default;
    explicit frame_t(size_t bits) : words_((bits + 63) / 64) {}
    explicit frame_t(const std::vector<uint64_t> &words) : words_(words) {}

    // `bits` bits, 1..63, from bit `at` on.
    uint64_t get(size_t at, int bits) const;
    void set(size_t at, int bits, uint64_t value);

    // Bits 8 i + 7 .. 8 i are byte i.
    static frame_t of_bytes(const uint8_t *bytes, size_t n);
    void to_bytes(uint8_t *bytes, size_t n) const;

    const std::vector<uint64_t> &words() const { return words_; }
    bool operator==(const frame_t &other) const { return words_ == other.words_; }

  private:
    std::vector<uint64_t> words_;
};

using frame_in_t = sc_core::sc_in<frame_t>;
using frame_out_t = sc_core::sc_out<frame_t>;

std::ostream &operator<<(std::ostream &out, const frame_t &frame);

// One traced variable a word: the frame must have its size and keep it.
void sc_trace(sc_core::sc_trace_file *file, const frame_t &frame, const std::string &name);

// Where the elements of some signals of a unit lie in a frame.
class layout_t
{
  public:
    struct field_t {
        int entry; // of the unit's signal table
        size_t at;
        size_t count;
        int bits;
    };

    // Of the signals that it wants.
    layout_t(const block_t *block, bool (*wants)(const signal_t &));
    layout_t(const block_t *block, signal_kind_t kind);

    // The field of that name; reports an error when there is none.
    const field_t &find(const block_t *block, const char *name) const;

    frame_t empty() const { return frame_t(bits_); }
    const std::vector<field_t> &fields() const { return fields_; }
    size_t elements() const;

    // Between a frame and the arrays of a block with the same table.
    frame_t pack(const block_t *block) const;
    void unpack(const frame_t &frame, block_t *block) const;

  private:
    void add(const block_t *block, int entry);

    size_t bits_ = 0;
    std::vector<field_t> fields_;
};

// How the table's Verilog side stores a signal: bytes of one word, of one object and of all.
size_t word_bytes(const signal_t &s);
size_t object_bytes(const signal_t &s);
size_t signal_storage(const signal_t &s);

#endif
