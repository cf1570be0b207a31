// SPDX-License-Identifier: Apache-2.0
// Is the TLM memory behind its bridge the C memory, at every pin in every cycle, and do both keep the base
// protocol with others? SystemC runs once a process, so all benches run side by side first; the tests then
// read what they noted.
#include "../sim/systemc/bridge.h"
#include "../sim/systemc/memory.h"

#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "run_suite.h"
#include "tlm_watch.h"

using namespace sc_core;
using tlm::tlm_generic_payload;
using tlm::tlm_phase;
using tlm::tlm_sync_enum;

namespace
{

enum { TWINS = 64, STREAMS = 48, USERS = 24, ODD = 24 };
enum { CYCLES = 20000, PERIOD_NS = 10 };

// The first thing that went wrong in a bench.
struct verdict_t {
    std::string text;
    void demand(bool holds, const std::string &what)
    {
        if (!holds && text.empty()) text = "at " + sc_time_stamp().to_string() + ": " + what;
    }
};

// On the host, through the debug interface.
template <class socket_t>
unsigned debug(socket_t &socket, bool write, uint64_t at, uint8_t *data, unsigned bytes)
{
    tlm_generic_payload p;
    p.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    p.set_address(at);
    p.set_data_ptr(data);
    p.set_data_length(bytes);
    return socket->transport_dbg(p);
}

memory_config_t random_config(random_t *r, bool stalls)
{
    memory_config_t c{};
    c.beat = 8 << random_below(r, 4);
    c.bytes = static_cast<size_t>(c.beat) * (1 + static_cast<size_t>(random_below(r, 64)));
    c.latency = 1 + static_cast<int>(random_below(r, random_one_in(r, 3) ? 3 : 40));
    c.interval = random_one_in(r, 2) ? 1 : 1 + static_cast<int>(random_below(r, 6));
    c.depth = random_one_in(r, 4) ? 1 : 1 + static_cast<int>(random_below(r, 24));
    if (stalls && random_one_in(r, 2)) c.request_stall = static_cast<double>(random_below(r, 8)) / 8;
    if (stalls && random_one_in(r, 2)) c.answer_stall = static_cast<double>(random_below(r, 8)) / 8;
    c.seed = random_bits(r);
    return c;
}

std::string describe(const memory_config_t &c)
{
    char text[160];
    std::snprintf(text, sizeof text, "beat %d latency %d interval %d depth %d stalls %g %g", c.beat,
                  c.latency, c.interval, c.depth, c.request_stall, c.answer_stall);
    return text;
}

// ---- pins ----

struct request_t {
    bool valid, write;
    uint64_t addr;
    uint8_t data[MEMORY_BEAT_MAX];
};

uint64_t random_address(random_t *r, const memory_config_t &c)
{
    const auto beat = static_cast<uint64_t>(c.beat);
    const uint64_t far[] = {c.bytes, c.bytes - beat / 2, 3, UINT64_MAX, UINT64_MAX - beat + 1, 1 << 20};
    if (random_one_in(r, 20)) return far[random_below(r, 6)];
    return beat * static_cast<uint64_t>(random_below(r, static_cast<int64_t>(c.bytes / beat)));
}

request_t random_request(random_t *r, const memory_config_t &c)
{
    request_t q{true, random_one_in(r, 3) != 0, random_address(r, c), {}};
    for (uint8_t &byte : q.data) byte = static_cast<uint8_t>(random_bits(r));
    return q;
}

// Two inherit this: what a machine does at its port, at random, and registered as the machine's is.
class driver_t : public sc_module
{
  public:
    driver_t(sc_module_name name, const memory_config_t &c, uint64_t seed, sc_clock &clk)
        : sc_module(name), config(c), random(random_from(seed)), pins(c.beat), bridge("bridge", c.beat)
    {
        pins.connect(bridge);
        bridge.clk(clk);
        SC_HAS_PROCESS(driver_t);
        SC_METHOD(edge);
        sensitive << clk.posedge_event();
        dont_initialize();
    }

    memory_config_t config;
    random_t random;
    port_wires pins;
    port_bridge bridge;
    verdict_t verdict;
    uint64_t cycles = 0;

  protected:
    virtual void look() = 0; // at the pins of the cycle that ends

    request_t asked{};
    bool ready = false;

  private:
    void edge()
    {
        look();
        if (cycles++ % 500 == 0) {
            busy_ = 1 + static_cast<int>(random_below(&random, 4));
            eager_ = 1 + static_cast<int>(random_below(&random, 4));
        }
        if (!asked.valid || pins.req_ready.read()) {
            asked.valid = false;
            if (random_one_in(&random, busy_)) asked = random_request(&random, config);
        }
        ready = random_one_in(&random, eager_);
        pins.req_valid.write(asked.valid);
        pins.req_write.write(asked.write);
        pins.req_addr.write(asked.addr);
        pins.req_data.write(frame_t::of_bytes(asked.data, static_cast<size_t>(config.beat)));
        pins.rsp_ready.write(ready);
    }

    int busy_ = 1, eager_ = 1; // once in so many cycles
};

// The TLM memory behind its bridge, and the C memory, with the same traffic.
class twin_t : public driver_t
{
  public:
    tlm_memory memory;
    tlm_watch watch;

    twin_t(sc_module_name name, const memory_config_t &c, uint64_t seed, sc_clock &clk)
        : driver_t(name, c, seed, clk), memory("memory", c), watch("watch"),
          c_memory_(memory_open(&c), memory_close)
    {
        memory.clk(clk), memory.ready(ready_), bridge.idle_ready(ready_);
        bridge.socket.bind(watch.target), watch.initiator.bind(memory.socket);
    }

    void start_of_simulation() override
    {
        std::vector<uint8_t> bytes(config.bytes);
        for (uint8_t &b : bytes) b = static_cast<uint8_t>(random_bits(&random));
        std::memcpy(memory_bytes(c_memory_.get()), bytes.data(), bytes.size());
        const unsigned n = debug(bridge.socket, true, 0, bytes.data(), static_cast<unsigned>(bytes.size()));
        verdict.demand(n == bytes.size(), "the debug interface writes " + std::to_string(n) + " bytes");
    }

    void finish()
    {
        const memory_count_t &a = memory.count(), &b = *memory_count(c_memory_.get());
        std::vector<uint8_t> bytes(config.bytes);
        debug(bridge.socket, false, 0, bytes.data(), static_cast<unsigned>(bytes.size()));
        verdict.demand(!std::memcmp(bytes.data(), memory_bytes(c_memory_.get()), bytes.size()), "contents");
        verdict.demand(a.reads == b.reads && a.writes == b.writes && a.cycles == b.cycles, "accesses");
        verdict.demand(a.outside == b.outside && a.waiting == b.waiting, "accesses outside, or waits");
        verdict.demand(b.reads + b.writes > 50, "hardly an access");
        verdict.demand(watch.broken().empty(), watch.broken());
    }

  private:
    void look() override
    {
        const memory_out_t out = memory_settle(c_memory_.get());
        const memory_in_t in = {asked.valid, asked.write, asked.addr, asked.data, ready};
        const auto beat = static_cast<size_t>(config.beat);
        verdict.demand(pins.req_ready.read() == out.req_ready, "req_ready");
        verdict.demand(pins.rsp_valid.read() == out.rsp_valid, "rsp_valid");
        if (out.rsp_valid)
            verdict.demand(pins.rsp_data.read() == frame_t::of_bytes(out.rsp_data, beat), "rsp_data");
        memory_tick(c_memory_.get(), &in);
    }

    sc_signal<bool> ready_;
    std::unique_ptr<memory_t, decltype(&memory_close)> c_memory_;
};

// ---- bandwidth ----

// Reads, as many as the memory takes.
class stream_t : public sc_module
{
  public:
    stream_t(sc_module_name name, const memory_config_t &c, sc_clock &clk)
        : sc_module(name), config(c), pins(c.beat), bridge("bridge", c.beat), memory("memory", c)
    {
        pins.connect(bridge);
        bridge.clk(clk);
        memory.clk(clk);
        bridge.socket.bind(memory.socket);
        SC_HAS_PROCESS(stream_t);
        SC_METHOD(edge);
        sensitive << clk.posedge_event();
        dont_initialize();
    }

    double measured() const { return static_cast<double>(answers_) / static_cast<double>(counted_); }
    double expected() const { return std::min(1.0 / config.interval, config.depth / (config.latency + 1.0)); }

    memory_config_t config;
    port_wires pins;
    port_bridge bridge;
    tlm_memory memory;

  private:
    enum { WARM = 1000 };

    void edge()
    {
        pins.req_valid.write(true);
        pins.rsp_ready.write(true);
        if (cycles_++ < WARM) return;
        ++counted_;
        answers_ += pins.rsp_valid.read();
    }

    uint64_t cycles_ = 0, counted_ = 0, answers_ = 0;
};

// ---- another initiator ----

// Approximately timed, off the clock's grid and on it, with annotated times and ends of every kind.
class user_t : public sc_module, public tlm::tlm_mm_interface
{
  public:
    tlm_utils::simple_initiator_socket<user_t> socket{"socket"};
    tlm_memory memory;
    tlm_watch watch;
    memory_config_t config;
    verdict_t verdict;
    int answers = 0, most = 0; // most: transactions between END_REQ and END_RESP

    user_t(sc_module_name name, const memory_config_t &c, uint64_t seed, sc_clock &clk)
        : sc_module(name), memory("memory", c), watch("watch"), config(c), random_(random_from(seed)),
          mirror_(c.bytes)
    {
        memory.clk(clk);
        socket.bind(watch.target), watch.initiator.bind(memory.socket);
        socket.register_nb_transport_bw(this, &user_t::backward);
        SC_HAS_PROCESS(user_t);
        SC_THREAD(ask);
        SC_THREAD(end);
    }

    // The kernel stops with payloads under way.
    ~user_t() override
    {
        while (!alive_.empty()) free(*alive_.begin());
    }

    void free(tlm_generic_payload *p) override
    {
        alive_.erase(p);
        delete[] p->get_data_ptr();
        delete p;
    }

    void finish()
    {
        verdict.demand(watch.broken().empty(), watch.broken());
        verdict.demand(answers > 50, "hardly an answer");
        verdict.demand(most <= config.depth, "more transactions under way than places");
    }

  private:
    struct sent_t {
        tlm_generic_payload *payload;
        std::vector<uint8_t> data; // of the answer
        bool inside;
        sc_time granted;
    };

    sc_time some_time(int most_quarters)
    {
        return sc_time(2.5 * static_cast<double>(random_below(&random_, most_quarters + 1)), SC_NS);
    }

    tlm_generic_payload *make()
    {
        const auto beat = static_cast<unsigned>(config.beat);
        const request_t q = random_request(&random_, config);
        auto *p = new tlm_generic_payload(this);
        auto *data = new uint8_t[beat];
        alive_.insert(p);
        p->acquire();
        std::memcpy(data, q.data, beat);
        p->set_command(q.write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
        p->set_address(q.addr);
        p->set_data_ptr(data);
        p->set_data_length(beat);
        p->set_streaming_width(beat);
        return p;
    }

    // What a plain array answers.
    void expect(tlm_generic_payload *p)
    {
        const auto beat = static_cast<size_t>(config.beat);
        const uint64_t at = p->get_address();
        sent_t s{p, std::vector<uint8_t>(beat, MEMORY_OUTSIDE), at % beat == 0 && at < config.bytes, {}};
        if (s.inside && p->is_write()) std::memcpy(&mirror_[at], p->get_data_ptr(), beat);
        if (s.inside) s.data.assign(&mirror_[at], &mirror_[at] + beat);
        sent_.push_back(s);
    }

    void ask()
    {
        for (int n = 0;; ++n) {
            if (n % 100 == 0)
                pause_ = random_one_in(&random_, 2) ? 0 : static_cast<int>(random_below(&random_, 40));
            wait(some_time(pause_));
            tlm_generic_payload *p = make();
            tlm_phase phase = tlm::BEGIN_REQ;
            sc_time delay = random_one_in(&random_, 3) ? some_time(8) : SC_ZERO_TIME;
            expect(p);
            asking_ = p;
            const tlm_sync_enum status = socket->nb_transport_fw(*p, phase, delay);
            if (status == tlm::TLM_UPDATED && phase == tlm::END_REQ)
                grant(*p);
            else
                verdict.demand(status == tlm::TLM_ACCEPTED, "a beat is refused");
            while (asking_) wait(granted_);
        }
    }

    void grant(const tlm_generic_payload &p)
    {
        for (sent_t &s : sent_)
            if (s.payload == &p) s.granted = sc_time_stamp();
        if (asking_ == &p) asking_ = nullptr;
        most = std::max(most, ++under_way_);
        granted_.notify(SC_ZERO_TIME);
    }

    void check(const tlm_generic_payload &p)
    {
        const auto beat = static_cast<size_t>(config.beat);
        verdict.demand(!sent_.empty() && sent_.front().payload == &p, "an answer out of order");
        if (sent_.empty()) return;
        const sent_t &s = sent_.front();
        const int status = s.inside ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE;
        verdict.demand(p.get_response_status() == status, "response status");
        if (p.is_read()) verdict.demand(!std::memcmp(p.get_data_ptr(), s.data.data(), beat), "data");
        // a grant at the very time of an edge belongs to the cycle before it
        const double from = std::floor(s.granted.to_seconds() * 1e9 / PERIOD_NS - 1e-6);
        const double cycle = std::floor(sc_time_stamp().to_seconds() * 1e9 / PERIOD_NS + 1e-6);
        verdict.demand(cycle - from >= config.latency, "an answer before its latency");
        sent_.pop_front();
        ++answers;
    }

    void over(tlm_generic_payload &p, const sc_time &delay)
    {
        --under_way_;
        ended_ = sc_time_stamp() + delay;
        p.release();
    }

    tlm_sync_enum backward(tlm_generic_payload &p, tlm_phase &phase, sc_time &delay)
    {
        verdict.demand(delay == SC_ZERO_TIME, "an annotated delay");
        if (phase == tlm::END_REQ) {
            grant(p);
            return tlm::TLM_ACCEPTED;
        }
        check(p);
        verdict.demand(sc_time_stamp() >= ended_, "a response before the end of the one before");
        switch (random_below(&random_, 4)) {
        case 0: over(p, SC_ZERO_TIME); return tlm::TLM_COMPLETED;
        case 1:
            phase = tlm::END_RESP;
            delay = random_one_in(&random_, 2) ? some_time(12) : SC_ZERO_TIME;
            over(p, delay);
            return tlm::TLM_UPDATED;
        default:
            answered_ = &p;
            responded_.notify(some_time(10));
            return tlm::TLM_ACCEPTED;
        }
    }

    void end()
    {
        for (;;) {
            wait(responded_);
            tlm_phase phase = tlm::END_RESP;
            sc_time delay = random_one_in(&random_, 3) ? some_time(6) : SC_ZERO_TIME;
            socket->nb_transport_fw(*answered_, phase, delay);
            over(*answered_, delay);
        }
    }

    random_t random_;
    std::vector<uint8_t> mirror_;
    std::set<tlm_generic_payload *> alive_;
    std::deque<sent_t> sent_;
    int pause_ = 0, under_way_ = 0;
    tlm_generic_payload *asking_ = nullptr, *answered_ = nullptr;
    sc_event granted_, responded_;
    sc_time ended_; // of the last response
};

// ---- another memory ----

// In any order, with any phase left out, completed early, at annotated times.
class odd_memory_t : public sc_module
{
  public:
    tlm_utils::simple_target_socket<odd_memory_t> socket{"socket"};
    std::map<uint64_t, std::vector<uint8_t>> contents;

    odd_memory_t(sc_module_name name, uint64_t seed) : sc_module(name), random_(random_from(seed))
    {
        socket.register_nb_transport_fw(this, &odd_memory_t::forward);
        SC_HAS_PROCESS(odd_memory_t);
        SC_THREAD(grant);
        SC_THREAD(answer);
    }

  private:
    sc_time some_time(int most)
    {
        return sc_time(static_cast<double>(random_below(&random_, most + 1)), SC_NS);
    }

    // Addresses with bit 40 set are nobody's.
    void apply(tlm_generic_payload &p)
    {
        std::vector<uint8_t> &at = contents[p.get_address()];
        at.resize(p.get_data_length());
        p.set_response_status(tlm::TLM_OK_RESPONSE);
        if (p.get_address() >> 40 & 1)
            p.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
        else if (p.is_write())
            at.assign(p.get_data_ptr(), p.get_data_ptr() + at.size());
        else
            std::memcpy(p.get_data_ptr(), at.data(), at.size());
    }

    tlm_sync_enum forward(tlm_generic_payload &p, tlm_phase &phase, sc_time &delay)
    {
        if (phase == tlm::END_RESP) {
            responding_ = nullptr;
            ended_.notify(SC_ZERO_TIME);
            p.release();
            return tlm::TLM_COMPLETED;
        }
        apply(p);
        switch (random_below(&random_, 6)) {
        case 0:
            if (!random_one_in(&random_, 3)) delay = some_time(30);
            return tlm::TLM_COMPLETED;
        case 1: return respond_at_once(p, phase, delay);
        case 2: // its END_REQ is returned
            phase = tlm::END_REQ;
            if (random_one_in(&random_, 2)) delay = some_time(25);
            keep(p, delay);
            return tlm::TLM_UPDATED;
        case 3: // its END_REQ is left out
            keep(p, SC_ZERO_TIME);
            return tlm::TLM_ACCEPTED;
        default:
            asking_ = &p;
            asked_.notify(some_time(40));
            return tlm::TLM_ACCEPTED;
        }
    }

    tlm_sync_enum respond_at_once(tlm_generic_payload &p, tlm_phase &phase, sc_time &delay)
    {
        if (responding_) {
            keep(p, SC_ZERO_TIME);
            return tlm::TLM_ACCEPTED;
        }
        responding_ = &p;
        p.acquire();
        phase = tlm::BEGIN_RESP;
        if (random_one_in(&random_, 2)) delay = some_time(25);
        return tlm::TLM_UPDATED;
    }

    // It may be answered once its request has ended.
    void keep(tlm_generic_payload &p, const sc_time &delay)
    {
        p.acquire();
        kept_.push_back({&p, sc_time_stamp() + delay});
        more_.notify(delay);
    }

    void grant()
    {
        for (;;) {
            wait(asked_);
            tlm_phase phase = tlm::END_REQ;
            sc_time delay = random_one_in(&random_, 2) ? some_time(25) : SC_ZERO_TIME;
            tlm_generic_payload *p = asking_;
            keep(*p, delay);
            socket->nb_transport_bw(*p, phase, delay);
        }
    }

    // Any that may be answered by now, or nullptr.
    tlm_generic_payload *choose()
    {
        const auto n = static_cast<size_t>(random_below(&random_, static_cast<int64_t>(kept_.size())));
        for (size_t i = 0; i < kept_.size(); ++i) {
            const kept_t k = kept_[(n + i) % kept_.size()];
            if (k.from > sc_time_stamp()) continue;
            kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>((n + i) % kept_.size()));
            return k.payload;
        }
        return nullptr;
    }

    void answer()
    {
        for (;;) {
            while (kept_.empty()) wait(more_);
            wait(some_time(random_one_in(&random_, 4) ? 200 : 20));
            while (responding_) wait(ended_);
            tlm_generic_payload *p = choose();
            if (!p) {
                wait(1, SC_NS);
                continue;
            }
            tlm_phase phase = tlm::BEGIN_RESP;
            sc_time delay = random_one_in(&random_, 3) ? some_time(25) : SC_ZERO_TIME;
            responding_ = p;
            if (socket->nb_transport_bw(*p, phase, delay) == tlm::TLM_COMPLETED) {
                responding_ = nullptr;
                p->release();
            }
        }
    }

    struct kept_t {
        tlm_generic_payload *payload;
        sc_time from;
    };

    random_t random_;
    std::vector<kept_t> kept_;
    tlm_generic_payload *asking_ = nullptr, *responding_ = nullptr;
    sc_event asked_, more_, ended_;
};

// The bridge in front of it: what was written is read, in order.
class odd_t : public driver_t
{
  public:
    odd_memory_t memory;
    tlm_watch watch;
    int accepted = 0, answers = 0;

    odd_t(sc_module_name name, const memory_config_t &c, uint64_t seed, sc_clock &clk)
        : driver_t(name, c, seed, clk), memory("memory", ~seed), watch("watch")
    {
        bridge.socket.bind(watch.target), watch.initiator.bind(memory.socket);
    }

    void finish()
    {
        verdict.demand(watch.broken().empty(), watch.broken());
        verdict.demand(accepted > 100 && answers > 50, "hardly an access");
    }

  private:
    void look() override
    {
        const auto beat = static_cast<size_t>(config.beat);
        if (pins.rsp_valid.read() && ready) {
            verdict.demand(!expected_.empty(), "an answer that nobody asked for");
            if (expected_.empty()) return;
            verdict.demand(pins.rsp_data.read() == frame_t::of_bytes(expected_.front().data(), beat), "data");
            expected_.pop_front();
            ++answers;
        }
        if (!asked.valid || !pins.req_ready.read()) return;
        ++accepted;
        std::vector<uint8_t> &at = mirror_[asked.addr];
        at.resize(beat);
        const bool inside = !(asked.addr >> 40 & 1);
        if (asked.write && inside) at.assign(asked.data, asked.data + beat);
        if (!asked.write) expected_.push_back(inside ? at : std::vector<uint8_t>(beat, MEMORY_OUTSIDE));
    }

    std::map<uint64_t, std::vector<uint8_t>> mirror_;
    std::deque<std::vector<uint8_t>> expected_;
};

// ---- a host ----

// One blocking access after another, and what is no access.
class host_t : public sc_module
{
  public:
    tlm_utils::simple_initiator_socket<host_t> socket{"socket"};
    tlm_memory memory;
    memory_config_t config;
    verdict_t verdict;
    bool done = false;

    host_t(sc_module_name name, const memory_config_t &c, sc_clock &clk)
        : sc_module(name), memory("memory", c), config(c)
    {
        memory.clk(clk);
        socket.bind(memory.socket);
        SC_HAS_PROCESS(host_t);
        SC_THREAD(run);
    }

  private:
    tlm::tlm_response_status access(bool write, uint64_t at, uint8_t *data, unsigned bytes)
    {
        sc_time delay = SC_ZERO_TIME;
        payload_.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
        payload_.set_address(at);
        payload_.set_data_ptr(data);
        payload_.set_data_length(bytes);
        payload_.set_streaming_width(bytes);
        payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
        socket->b_transport(payload_, delay);
        wait(delay);
        return payload_.get_response_status();
    }

    // Begun in the middle of a cycle, it is over when the answer's cycle begins.
    void check_time(bool write, uint64_t at, uint8_t *data)
    {
        wait(10 * PERIOD_NS, SC_NS);
        const sc_time begin = sc_time_stamp();
        const auto beat = static_cast<unsigned>(config.beat);
        verdict.demand(access(write, at, data, beat) == tlm::TLM_OK_RESPONSE, "not ok");
        const sc_time took = sc_time_stamp() - begin;
        const sc_time expected = sc_time(config.latency * PERIOD_NS - PERIOD_NS / 2.0, SC_NS);
        verdict.demand(took == expected, "took " + took.to_string());
    }

    void check_refusals(uint8_t *data)
    {
        const auto beat = static_cast<unsigned>(config.beat);
        const memory_count_t before = memory.count();
        const sc_time begin = sc_time_stamp();
        uint8_t enable = TLM_BYTE_ENABLED;
        verdict.demand(access(false, 0, data, 2 * beat) == tlm::TLM_BURST_ERROR_RESPONSE, "two beats");
        verdict.demand(access(false, 0, data, beat / 2) == tlm::TLM_BURST_ERROR_RESPONSE, "half a beat");
        payload_.set_byte_enable_ptr(&enable), payload_.set_byte_enable_length(1);
        verdict.demand(access(false, 0, data, beat) == tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE, "byte enables");
        payload_.set_byte_enable_ptr(nullptr);
        verdict.demand(memory.count().reads == before.reads && sc_time_stamp() == begin, "a refusal counts");
        verdict.demand(access(true, config.bytes, data, beat) == tlm::TLM_ADDRESS_ERROR_RESPONSE, "outside");
        verdict.demand(access(false, 1, data, beat) == tlm::TLM_ADDRESS_ERROR_RESPONSE, "misaligned");
        for (unsigned i = 0; i < beat; ++i) verdict.demand(data[i] == MEMORY_OUTSIDE, "pattern");
        verdict.demand(memory.count().outside == 2, "count of accesses outside");
    }

    void check_debug(const uint8_t *written)
    {
        const auto beat = static_cast<unsigned>(config.beat);
        std::vector<uint8_t> bytes(config.bytes + 8);
        const auto all = static_cast<unsigned>(config.bytes);
        verdict.demand(debug(socket, false, 0, bytes.data(), all + 8) == all, "debug: not cut at the end");
        verdict.demand(!std::memcmp(bytes.data() + beat, written, beat), "debug: contents");
        verdict.demand(debug(socket, true, 3, bytes.data(), 5) == 5, "debug: bytes");
        verdict.demand(debug(socket, false, all, bytes.data(), 1) == 0, "debug: outside");
        tlm::tlm_dmi dmi;
        verdict.demand(!socket->get_direct_mem_ptr(payload_, dmi), "a direct memory interface");
    }

    void run()
    {
        uint8_t data[2 * MEMORY_BEAT_MAX], back[2 * MEMORY_BEAT_MAX];
        for (size_t i = 0; i < sizeof data; ++i) data[i] = static_cast<uint8_t>(7 * i + 1);
        const auto beat = static_cast<uint64_t>(config.beat);
        wait(PERIOD_NS / 2.0 - sc_time_stamp().to_seconds() * 1e9, SC_NS);
        check_time(true, beat, data);
        wait(PERIOD_NS / 2.0, SC_NS); // to the middle of a cycle again
        check_time(false, beat, back);
        verdict.demand(!std::memcmp(data, back, beat), "data");
        check_debug(data);
        check_refusals(back);
        done = true;
    }

    tlm_generic_payload payload_;
};

// ---- all of them ----

struct benches_t {
    sc_clock clk{"clk", sc_time(PERIOD_NS, SC_NS), 0.5, sc_time(PERIOD_NS / 2.0, SC_NS), false};
    std::vector<std::unique_ptr<twin_t>> twins;
    std::vector<std::unique_ptr<stream_t>> streams;
    std::vector<std::unique_ptr<user_t>> users;
    std::vector<std::unique_ptr<odd_t>> odd;
    std::vector<std::unique_ptr<host_t>> hosts;

    benches_t()
    {
        for (uint64_t n = 0; n < TWINS; ++n)
            twins.push_back(std::make_unique<twin_t>(name("twin", n).c_str(), config(n, true), n, clk));
        for (uint64_t n = 0; n < STREAMS; ++n)
            streams.push_back(std::make_unique<stream_t>(name("stream", n).c_str(), config(n, false), clk));
        for (uint64_t n = 0; n < USERS; ++n)
            users.push_back(std::make_unique<user_t>(name("user", n).c_str(), config(n, true), n, clk));
        for (uint64_t n = 0; n < ODD; ++n)
            odd.push_back(std::make_unique<odd_t>(name("odd", n).c_str(), config(n, false), n, clk));
        for (uint64_t n = 0; n < 8; ++n) {
            memory_config_t c = config(100 + n, false);
            c.bytes = 8 * static_cast<size_t>(c.beat);
            c.latency = 1 + static_cast<int>(n);
            hosts.push_back(std::make_unique<host_t>(name("host", n).c_str(), c, clk));
        }
    }

  private:
    static std::string name(const char *what, uint64_t n) { return what + std::to_string(n); }
    static memory_config_t config(uint64_t seed, bool stalls)
    {
        random_t r = random_from(seed);
        return random_config(&r, stalls);
    }
};

benches_t *benches;

#define pass(bench, config, n)                                                                               \
    do {                                                                                                     \
        const std::string &text = (bench).verdict.text;                                                      \
        if (!text.empty()) ck_abort_msg("%d, %s: %s", (int)(n), describe(config).c_str(), text.c_str());     \
    } while (0)

START_TEST(the_bridged_memory_shows_the_c_memory_at_every_pin_in_every_cycle)
{
    uint64_t cycles = 0;
    for (size_t n = 0; n < benches->twins.size(); ++n) {
        twin_t &t = *benches->twins[n];
        t.finish();
        pass(t, t.config, n);
        cycles += t.cycles;
    }
    if (cycles < 1000000) ck_abort_msg("only %d cycles", (int)cycles);
}
END_TEST

START_TEST(bandwidth_keeps_littles_law)
{
    for (const auto &s : benches->streams) {
        if (std::fabs(s->measured() / s->expected() - 1) > 0.005)
            ck_abort_msg("%s: %f beats a cycle, not %f", describe(s->config).c_str(), s->measured(),
                         s->expected());
    }
}
END_TEST

START_TEST(any_initiator_is_served_in_order_in_time_and_by_the_protocol)
{
    int full = 0;
    for (size_t n = 0; n < benches->users.size(); ++n) {
        user_t &u = *benches->users[n];
        u.finish();
        pass(u, u.config, n);
        full += u.most == u.config.depth;
    }
    if (full < USERS / 4) ck_abort_msg("only %d queues were ever full", full);
}
END_TEST

START_TEST(any_memory_serves_the_pins)
{
    for (size_t n = 0; n < benches->odd.size(); ++n) {
        odd_t &o = *benches->odd[n];
        o.finish();
        pass(o, o.config, n);
    }
}
END_TEST

START_TEST(blocking_and_debug_accesses_do_what_they_say)
{
    for (size_t n = 0; n < benches->hosts.size(); ++n) {
        pass(*benches->hosts[n], benches->hosts[n]->config, n);
        if (!benches->hosts[n]->done) ck_abort_msg("host %d did not finish", (int)n);
    }
}
END_TEST

} // namespace

int sc_main(int, char **)
{
    sc_report_handler::set_actions(SC_INFO, SC_DO_NOTHING);
    benches_t all;
    benches = &all;
    sc_start(sc_time(static_cast<double>(CYCLES) * PERIOD_NS, SC_NS));
    Suite *suite = suite_create("tlm");
    TCase *t = tcase_create("tlm");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, the_bridged_memory_shows_the_c_memory_at_every_pin_in_every_cycle);
    tcase_add_test(t, bandwidth_keeps_littles_law);
    tcase_add_test(t, any_initiator_is_served_in_order_in_time_and_by_the_protocol);
    tcase_add_test(t, any_memory_serves_the_pins);
    tcase_add_test(t, blocking_and_debug_accesses_do_what_they_say);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
