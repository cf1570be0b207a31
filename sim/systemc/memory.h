// SPDX-License-Identifier: Apache-2.0
// The memory of sim/memory.h as an approximately timed TLM-2.0 target: base protocol, four phases, generic
// payload, a beat a transaction, answers in order.
//
//                ── BEGIN_REQ ──►┌────────────┐
//     initiator  ◄── END_REQ ─── │ tlm_memory │  withheld while the queue is full or requests stall
//                ◄─ BEGIN_RESP ─ │            │
//                ─── END_RESP ──►└────────────┘  withheld: this answer holds its place, all others wait
//
// Time is counted in cycles of clk. A cycle ends with a rising edge; calls that are made at that very time,
// up to the delta cycle in which processes sensitive to the edge run, still belong to it.
//
// Request: END_REQ comes at once (TLM_UPDATED) when there is room in this cycle, else with the start of the
// first cycle in which there is; the request is accepted in that cycle, one a cycle. Writes are applied and
// reads look when they are accepted. Response: BEGIN_RESP, of writes too, with the start of the cycle that
// sim/memory.h says; one after another while the initiator ends them at once, else one a cycle. A place is
// held until END_RESP.
//
// Addresses that are not a beat's or not inside are answered in time with TLM_ADDRESS_ERROR_RESPONSE, reads
// with MEMORY_OUTSIDE in every byte. What is no access of one beat (another length, a shorter streaming
// width, byte enables, TLM_IGNORE_COMMAND) is refused at once with TLM_COMPLETED and its error, and counts
// nowhere.
//
// b_transport works and takes the time that it takes. transport_dbg reads and writes the contents, any
// length, at no time: the way of the host. There is no direct memory interface. Payloads are bytes in order
// of addresses, whatever the socket's nominal width.
#ifndef SANGER_SYSTEMC_MEMORY_H
#define SANGER_SYSTEMC_MEMORY_H

#include <deque>
#include <memory>

#include <systemc>
#include <tlm>
#include <tlm_utils/peq_with_cb_and_phase.h>
#include <tlm_utils/simple_target_socket.h>

#include "../memory.h"

class tlm_memory : public sc_core::sc_module
{
  public:
    sc_core::sc_in<bool> clk{"clk"};
    tlm_utils::simple_target_socket<tlm_memory> socket{"socket"};
    // May stay unbound: whether a request would be accepted in this cycle. The protocol says so only to those
    // who ask.
    sc_core::sc_port<sc_core::sc_signal_inout_if<bool>, 1, sc_core::SC_ZERO_OR_MORE_BOUND> ready{"ready"};

    // Reports an error when the configuration is outside its ranges.
    tlm_memory(sc_core::sc_module_name name, const memory_config_t &config);

    const memory_count_t &count() const { return *memory_count(memory_.get()); }

  private:
    using payload_t = tlm::tlm_generic_payload;

    // Accepted, and not yet answered to the end.
    struct access_t {
        payload_t *payload;
        bool write, inside;
    };
    struct closer_t {
        void operator()(memory_t *m) const { memory_close(m); }
    };

    tlm::tlm_sync_enum transport(payload_t &payload, tlm::tlm_phase &phase, sc_core::sc_time &delay);
    unsigned transport_debug(payload_t &payload);
    void take_late(payload_t &payload, const tlm::tlm_phase &phase);
    tlm::tlm_response_status refusal(const payload_t &payload) const;
    bool request(payload_t &payload);
    bool grant();
    void end_response(payload_t &payload);

    void start_of_simulation() override;
    void edge();
    void tick();
    void clock_memory();
    void begin_cycle();
    void respond();
    bool shows(const access_t &a) const;
    void answer(const access_t &a);

    memory_config_t config_;
    std::unique_ptr<memory_t, closer_t> memory_; // the one definition of who is served when
    tlm_utils::peq_with_cb_and_phase<tlm_memory> late_;
    sc_core::sc_event after_edge_;

    std::deque<payload_t *> requests_; // not yet accepted
    std::deque<access_t> accesses_;    // accepted, in order
    bool room_ = false;                // in this cycle
    bool granted_ = false;             // the first request has got its END_REQ
    bool responding_ = false;          // the first access has got its BEGIN_RESP
    bool taken_ = false;               // and, a read, its END_RESP
    uint64_t acknowledged_ = 0;        // writes that have got their BEGIN_RESP
};

#endif
