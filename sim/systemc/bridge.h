// SPDX-License-Identifier: Apache-2.0
// From the pins of the machine's memory port (docs/machine.md) to a TLM-2.0 initiator socket: any memory that
// keeps the base protocol may be bound to it.
//
//     req_valid, req_write, req_addr, req_data ──►┌─────────────┐
//                                    req_ready ◄──│ port_bridge │◄──► socket
//                        rsp_valid, rsp_data   ◄──│             │
//                                    rsp_ready ──►└─────────────┘
//
// One clock. At its falling edge the bridge looks at the request, whose pins must have settled by then, and
// sends BEGIN_REQ; req_ready is high from END_REQ to the rising edge at which the machine sees it, also
// within one cycle. rsp_valid is high from BEGIN_RESP to the rising edge with rsp_ready, which gives
// END_RESP. Pins are meant to be looked at at rising edges. Between requests req_ready shows what idle_ready
// shows, low when that is not bound (the protocol has no word for it). With tlm_memory and its `ready` all
// pins have at each rising edge the values of sim/memory.h.
//
// Writes have no answer at the pins: their responses are ended at once. A memory may answer out of order,
// complete early, skip END_REQ and annotate times: the machine gets its answers in order. A read that is
// answered with an error shows MEMORY_OUTSIDE in every byte; errors are counted.
//
// A request stays as it is until it is accepted; one that changes is reported as an error, as the protocol
// cannot take it back.
#ifndef SANGER_SYSTEMC_BRIDGE_H
#define SANGER_SYSTEMC_BRIDGE_H

#include <deque>
#include <memory>
#include <vector>

#include <systemc>
#include <tlm>
#include <tlm_utils/peq_with_cb_and_phase.h>
#include <tlm_utils/simple_initiator_socket.h>

#include "../memory.h"
#include "frame.h"

class port_bridge;

// The pins of a port, for those who have no signals of their own.
struct port_wires {
    sc_core::sc_signal<bool> req_valid, req_write, req_ready, rsp_valid, rsp_ready;
    sc_core::sc_signal<uint64_t> req_addr;
    sc_core::sc_signal<frame_t> req_data, rsp_data;

    explicit port_wires(int beat);
    void connect(port_bridge &bridge);
};

class port_bridge : public sc_core::sc_module
{
  public:
    sc_core::sc_in<bool> clk{"clk"};
    sc_core::sc_in<bool> req_valid{"req_valid"}, req_write{"req_write"}, rsp_ready{"rsp_ready"};
    sc_core::sc_in<uint64_t> req_addr{"req_addr"};
    frame_in_t req_data{"req_data"};
    sc_core::sc_out<bool> req_ready{"req_ready"}, rsp_valid{"rsp_valid"};
    frame_out_t rsp_data{"rsp_data"};
    sc_core::sc_port<sc_core::sc_signal_in_if<bool>, 1, sc_core::SC_ZERO_OR_MORE_BOUND> idle_ready{
        "idle_ready"};
    tlm_utils::simple_initiator_socket<port_bridge> socket{"socket"};

    // beat: bytes, at most MEMORY_BEAT_MAX.
    port_bridge(sc_core::sc_module_name name, int beat);
    ~port_bridge() override;

    uint64_t errors() const { return errors_; } // responses with an error

  private:
    struct beat_t : tlm::tlm_generic_payload {
        uint8_t data[MEMORY_BEAT_MAX];
        bool answered, ended; // BEGIN_RESP came, END_RESP went
    };

    class pool_t : public tlm::tlm_mm_interface
    {
      public:
        beat_t *take();
        void free(tlm::tlm_generic_payload *payload) override;

      private:
        std::vector<std::unique_ptr<beat_t>> all_;
        std::vector<beat_t *> idle_;
    };

    void ask();
    void edge();
    void wait_for_answers() { changed_.notify(sc_core::SC_ZERO_TIME); }
    void show();

    void check_unchanged() const;
    beat_t *make_request();
    void send(beat_t &b);
    tlm::tlm_sync_enum transport(tlm::tlm_generic_payload &payload, tlm::tlm_phase &phase,
                                 sc_core::sc_time &delay);
    void take_late(tlm::tlm_generic_payload &payload, const tlm::tlm_phase &phase);
    bool take(beat_t &b, const tlm::tlm_phase &phase);
    void end(beat_t &b);

    size_t beat_;
    pool_t pool_;
    tlm_utils::peq_with_cb_and_phase<port_bridge> late_;
    sc_core::sc_event after_edge_, changed_;

    beat_t *request_ = nullptr;  // what the machine asks for and has not seen accepted
    bool granted_ = false;       // its END_REQ came
    std::deque<beat_t *> reads_; // in order, until the machine has taken their answers
    uint64_t errors_ = 0;
};

#endif
