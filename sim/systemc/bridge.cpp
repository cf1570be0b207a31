// SPDX-License-Identifier: Apache-2.0
#include "bridge.h"

#include <cstring>

using sc_core::SC_ZERO_TIME;

port_wires::port_wires(int beat)
    : req_data("req_data", frame_t(8 * static_cast<size_t>(beat))),
      rsp_data("rsp_data", frame_t(8 * static_cast<size_t>(beat)))
{
}

void port_wires::connect(port_bridge &b)
{
    b.req_valid(req_valid), b.req_write(req_write), b.req_addr(req_addr), b.req_data(req_data);
    b.req_ready(req_ready);
    b.rsp_valid(rsp_valid), b.rsp_data(rsp_data), b.rsp_ready(rsp_ready);
}

port_bridge::port_bridge(sc_core::sc_module_name name, int beat)
    : sc_module(name), beat_(static_cast<size_t>(beat)), late_(this, &port_bridge::take_late)
{
    if (beat < 1 || beat > MEMORY_BEAT_MAX) SC_REPORT_ERROR("port_bridge", "beat: expected 1 to 64 bytes");
    socket.register_nb_transport_bw(this, &port_bridge::transport);
    SC_HAS_PROCESS(port_bridge);
    SC_METHOD(ask);
    sensitive << clk.neg();
    dont_initialize();
    SC_METHOD(edge);
    sensitive << clk.pos();
    dont_initialize();
    SC_METHOD(wait_for_answers);
    sensitive << after_edge_;
    dont_initialize();
    SC_METHOD(show);
    sensitive << changed_;
}

// Beats under way are the bridge's own: their payloads go with the pool.
port_bridge::~port_bridge() = default;

// ---- payloads ----

port_bridge::beat_t *port_bridge::pool_t::take()
{
    if (idle_.empty()) {
        all_.push_back(std::make_unique<beat_t>());
        all_.back()->set_mm(this);
        idle_.push_back(all_.back().get());
    }
    beat_t *b = idle_.back();
    idle_.pop_back();
    b->answered = b->ended = false;
    return b;
}

void port_bridge::pool_t::free(tlm::tlm_generic_payload *payload)
{
    payload->reset();
    idle_.push_back(static_cast<beat_t *>(payload));
}

// ---- requests ----

void port_bridge::ask()
{
    if (request_) {
        check_unchanged();
    } else if (req_valid.read()) {
        request_ = make_request();
        send(*request_);
    }
    changed_.notify(SC_ZERO_TIME);
}

void port_bridge::check_unchanged() const
{
    uint8_t data[MEMORY_BEAT_MAX] = {};
    bool same = req_valid.read() && req_write.read() == request_->is_write() &&
                req_addr.read() == request_->get_address();
    if (same && request_->is_write()) {
        req_data.read().to_bytes(data, beat_);
        same = !std::memcmp(data, request_->data, beat_);
    }
    if (!same) SC_REPORT_ERROR("port_bridge", "a request changed before it was accepted");
}

// One reference is the request's, one the answer's.
port_bridge::beat_t *port_bridge::make_request()
{
    beat_t *b = pool_.take();
    b->acquire();
    b->acquire();
    b->set_command(req_write.read() ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    b->set_address(req_addr.read());
    b->set_data_ptr(b->data);
    b->set_data_length(static_cast<unsigned>(beat_));
    b->set_streaming_width(static_cast<unsigned>(beat_));
    b->set_byte_enable_ptr(nullptr);
    b->set_dmi_allowed(false);
    b->set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    if (b->is_write())
        req_data.read().to_bytes(b->data, beat_);
    else
        reads_.push_back(b);
    return b;
}

void port_bridge::send(beat_t &b)
{
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay = SC_ZERO_TIME;
    const tlm::tlm_sync_enum status = socket->nb_transport_fw(b, phase, delay);
    if (status == tlm::TLM_ACCEPTED) return;
    if (status == tlm::TLM_COMPLETED) {
        phase = tlm::BEGIN_RESP;
        b.ended = true;
    }
    if (delay != SC_ZERO_TIME)
        late_.notify(b, phase, delay);
    else
        take_late(b, phase);
}

// ---- what the memory says ----

// True: this is a response that need not wait for the machine.
bool port_bridge::take(beat_t &b, const tlm::tlm_phase &phase)
{
    if (phase != tlm::END_REQ && phase != tlm::BEGIN_RESP) return false; // to be ignored
    if (&b == request_) granted_ = true;                                 // a response says END_REQ too
    changed_.notify(SC_ZERO_TIME);
    if (phase == tlm::END_REQ) return false;
    b.answered = true;
    if (b.is_response_error()) {
        ++errors_;
        if (b.is_read()) std::memset(b.data, MEMORY_OUTSIDE, beat_);
    }
    return b.is_write() || &b != reads_.front();
}

tlm::tlm_sync_enum port_bridge::transport(tlm::tlm_generic_payload &payload, tlm::tlm_phase &phase,
                                          sc_core::sc_time &delay)
{
    auto &b = static_cast<beat_t &>(payload);
    if (delay != SC_ZERO_TIME) {
        late_.notify(payload, phase, delay);
        return tlm::TLM_ACCEPTED;
    }
    if (!take(b, phase)) return tlm::TLM_ACCEPTED;
    b.ended = true;
    if (b.is_write()) b.release();
    return tlm::TLM_COMPLETED;
}

// The same where the end cannot be returned.
void port_bridge::take_late(tlm::tlm_generic_payload &payload, const tlm::tlm_phase &phase)
{
    auto &b = static_cast<beat_t &>(payload);
    if (!take(b, phase)) return;
    end(b);
    if (b.is_write()) b.release();
}

void port_bridge::end(beat_t &b)
{
    if (b.ended) return;
    tlm::tlm_phase phase = tlm::END_RESP;
    sc_core::sc_time delay = SC_ZERO_TIME;
    b.ended = true;
    socket->nb_transport_fw(b, phase, delay);
}

// ---- the pins ----

void port_bridge::edge()
{
    if (req_valid.read() && req_ready.read()) {
        if (!request_ || !granted_) {
            SC_REPORT_ERROR("port_bridge", "a request came after the falling edge");
            return;
        }
        request_->release();
        request_ = nullptr;
        granted_ = false;
    }
    if (rsp_valid.read() && rsp_ready.read()) {
        beat_t *b = reads_.front();
        reads_.pop_front();
        end(*b);
        b->release();
    }
    // Pins change once: after the memory has said what the new cycle brings.
    after_edge_.notify(SC_ZERO_TIME);
}

// An answer in the very cycle in which its request is accepted waits for the next.
void port_bridge::show()
{
    const bool idle = idle_ready.size() && idle_ready->read();
    const bool answered = !reads_.empty() && reads_.front()->answered && reads_.front() != request_;
    req_ready.write(request_ ? granted_ : idle);
    rsp_valid.write(answered);
    if (answered) rsp_data.write(frame_t::of_bytes(reads_.front()->data, beat_));
}
