// SPDX-License-Identifier: Apache-2.0
#include "memory.h"

#include <algorithm>
#include <cstring>

using sc_core::SC_ZERO_TIME;

tlm_memory::tlm_memory(sc_core::sc_module_name name, const memory_config_t &config)
    : sc_module(name), config_(config), memory_(memory_open(&config)), late_(this, &tlm_memory::take_late)
{
    if (!memory_) {
        SC_REPORT_ERROR("tlm_memory", "configuration: expected one inside its ranges (sim/memory.h)");
        return;
    }
    room_ = memory_settle(memory_.get()).req_ready;
    socket.register_nb_transport_fw(this, &tlm_memory::transport);
    socket.register_transport_dbg(this, &tlm_memory::transport_debug);
    SC_HAS_PROCESS(tlm_memory);
    SC_METHOD(edge);
    sensitive << clk.pos();
    dont_initialize();
    SC_METHOD(tick);
    sensitive << after_edge_;
    dont_initialize();
}

void tlm_memory::start_of_simulation()
{
    if (ready.size()) ready->write(room_);
}

// ---- what initiators call ----

tlm::tlm_response_status tlm_memory::refusal(const payload_t &payload) const
{
    if (payload.get_command() == tlm::TLM_IGNORE_COMMAND) return tlm::TLM_COMMAND_ERROR_RESPONSE;
    if (payload.get_byte_enable_ptr()) return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
    const auto beat = static_cast<unsigned>(config_.beat);
    const bool one_beat = payload.get_data_length() == beat && payload.get_streaming_width() >= beat;
    return one_beat ? tlm::TLM_OK_RESPONSE : tlm::TLM_BURST_ERROR_RESPONSE;
}

tlm::tlm_sync_enum tlm_memory::transport(payload_t &payload, tlm::tlm_phase &phase, sc_core::sc_time &delay)
{
    if (phase != tlm::BEGIN_REQ && phase != tlm::END_RESP) return tlm::TLM_ACCEPTED; // to be ignored
    if (phase == tlm::BEGIN_REQ && refusal(payload) != tlm::TLM_OK_RESPONSE) {
        payload.set_response_status(refusal(payload));
        return tlm::TLM_COMPLETED;
    }
    if (delay != SC_ZERO_TIME) {
        late_.notify(payload, phase, delay);
        return tlm::TLM_ACCEPTED;
    }
    if (phase == tlm::END_RESP) {
        end_response(payload);
        return tlm::TLM_COMPLETED;
    }
    if (!request(payload)) return tlm::TLM_ACCEPTED;
    phase = tlm::END_REQ;
    return tlm::TLM_UPDATED;
}

// A call whose annotated delay is over.
void tlm_memory::take_late(payload_t &payload, const tlm::tlm_phase &phase)
{
    if (phase == tlm::END_RESP) return end_response(payload);
    if (!request(payload)) return;
    tlm::tlm_phase end = tlm::END_REQ;
    sc_core::sc_time delay = SC_ZERO_TIME;
    socket->nb_transport_bw(payload, end, delay);
}

bool tlm_memory::request(payload_t &payload)
{
    payload.acquire();
    requests_.push_back(&payload);
    return grant();
}

bool tlm_memory::grant()
{
    if (granted_ || requests_.empty() || !room_) return false;
    return granted_ = true;
}

// A read's place is free after this cycle: sim/memory.h takes the answer with the edge.
void tlm_memory::end_response(payload_t &payload)
{
    if (!responding_ || taken_ || accesses_.front().payload != &payload) {
        SC_REPORT_ERROR("tlm_memory", "END_RESP: expected that of the one response under way");
        return;
    }
    if (accesses_.front().write) {
        accesses_.pop_front();
        responding_ = false;
    } else {
        taken_ = true;
    }
    payload.release();
}

unsigned tlm_memory::transport_debug(payload_t &payload)
{
    const uint64_t at = payload.get_address();
    if (at >= config_.bytes || payload.get_command() == tlm::TLM_IGNORE_COMMAND) return 0;
    const size_t n = std::min<size_t>(payload.get_data_length(), config_.bytes - at);
    uint8_t *bytes = memory_bytes(memory_.get()) + at;
    if (payload.is_write())
        std::memcpy(bytes, payload.get_data_ptr(), n);
    else
        std::memcpy(payload.get_data_ptr(), bytes, n);
    return static_cast<unsigned>(n);
}

// ---- the clock ----

// One delta cycle later, so that what the edge makes others say is heard.
void tlm_memory::edge()
{
    after_edge_.notify(SC_ZERO_TIME);
}

void tlm_memory::tick()
{
    clock_memory();
    if (granted_) {
        payload_t *p = requests_.front();
        accesses_.push_back({p, p->is_write(), memory_inside(memory_.get(), p->get_address())});
        requests_.pop_front();
        granted_ = false;
    }
    if (taken_) {
        accesses_.pop_front();
        responding_ = taken_ = false;
    }
    respond();
    begin_cycle();
    if (!grant()) return;
    tlm::tlm_phase phase = tlm::END_REQ;
    sc_core::sc_time delay = SC_ZERO_TIME;
    socket->nb_transport_bw(*requests_.front(), phase, delay);
}

// A request that waits for room is shown, so that the wait is counted.
void tlm_memory::clock_memory()
{
    memory_in_t in{};
    in.req_valid = granted_ || (!requests_.empty() && !memory_settle(memory_.get()).req_ready);
    if (in.req_valid) {
        const payload_t *p = requests_.front();
        in.req_write = p->is_write();
        in.req_addr = p->get_address();
        in.req_data = p->get_data_ptr();
    }
    in.rsp_ready = taken_;
    memory_tick(memory_.get(), &in);
}

// The memory does not wait for the ends of writes; who holds them back holds places.
void tlm_memory::begin_cycle()
{
    room_ = memory_settle(memory_.get()).req_ready && accesses_.size() < static_cast<size_t>(config_.depth);
    if (ready.size()) ready->write(room_);
}

void tlm_memory::respond()
{
    while (!responding_ && !accesses_.empty() && shows(accesses_.front())) answer(accesses_.front());
}

bool tlm_memory::shows(const access_t &a) const
{
    if (a.write) return acknowledged_ < memory_written(memory_.get());
    return memory_settle(memory_.get()).rsp_valid;
}

void tlm_memory::answer(const access_t &a)
{
    payload_t &payload = *a.payload;
    responding_ = true;
    acknowledged_ += a.write;
    if (!a.write)
        std::memcpy(payload.get_data_ptr(), memory_settle(memory_.get()).rsp_data,
                    static_cast<size_t>(config_.beat));
    payload.set_response_status(a.inside ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE);
    tlm::tlm_phase phase = tlm::BEGIN_RESP;
    sc_core::sc_time delay = SC_ZERO_TIME;
    const tlm::tlm_sync_enum status = socket->nb_transport_bw(payload, phase, delay);
    if (status == tlm::TLM_ACCEPTED) return;
    if (status == tlm::TLM_UPDATED && phase != tlm::END_RESP) return;
    if (delay != SC_ZERO_TIME)
        late_.notify(payload, tlm::END_RESP, delay);
    else
        end_response(payload);
}
