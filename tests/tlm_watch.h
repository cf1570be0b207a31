// SPDX-License-Identifier: Apache-2.0
// Stands between an initiator and a target and notes what breaks TLM-2.0's base protocol: a phase out of
// turn, a second request or response before the first has ended, a payload without a reference or not as new.
#ifndef SANGER_TLM_WATCH_H
#define SANGER_TLM_WATCH_H

#include <map>
#include <string>

#include <systemc>
#include <tlm>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

class tlm_watch : public sc_core::sc_module
{
  public:
    tlm_utils::simple_target_socket<tlm_watch> target{"target"};          // to the initiator
    tlm_utils::simple_initiator_socket<tlm_watch> initiator{"initiator"}; // to the target

    explicit tlm_watch(sc_core::sc_module_name name) : sc_module(name)
    {
        target.register_nb_transport_fw(this, &tlm_watch::forward);
        target.register_transport_dbg(this, &tlm_watch::debug);
        initiator.register_nb_transport_bw(this, &tlm_watch::backward);
    }

    const std::string &broken() const { return broken_; } // the first rule, or empty
    uint64_t transactions() const { return transactions_; }

  private:
    using payload_t = tlm::tlm_generic_payload;

    void demand(bool holds, const char *rule)
    {
        if (!holds && broken_.empty())
            broken_ = std::string(name()) + " at " + sc_core::sc_time_stamp().to_string() + ": " + rule;
    }

    void check_new(const payload_t &p)
    {
        demand(p.has_mm() && p.get_ref_count() > 0, "a payload without manager or reference");
        demand(p.get_data_ptr() && p.get_data_length(), "no data");
        demand(p.get_streaming_width() && !p.is_dmi_allowed(), "streaming width or DMI flag not as new");
        demand(p.get_response_status() == tlm::TLM_INCOMPLETE_RESPONSE, "response status not as new");
    }

    void end_request(const payload_t &p)
    {
        if (request_ == &p) request_ = nullptr;
    }

    void end(const payload_t &p)
    {
        demand(response_ == &p, "END_RESP of no response");
        response_ = nullptr;
        phase_.erase(&p);
    }

    // A phase from the target, on either path.
    void note_answer(const payload_t &p, const tlm::tlm_phase &phase)
    {
        const auto at = phase_.find(&p);
        demand(at != phase_.end(), "an answer to no transaction");
        demand(p.get_ref_count() > 0, "an answer without a reference");
        if (at == phase_.end()) return;
        if (phase == tlm::END_REQ) demand(at->second == tlm::BEGIN_REQ, "END_REQ out of turn");
        if (phase == tlm::BEGIN_RESP) {
            demand(at->second == tlm::BEGIN_REQ || at->second == tlm::END_REQ, "BEGIN_RESP out of turn");
            demand(!response_, "a response before the end of the one before");
            demand(p.get_response_status() != tlm::TLM_INCOMPLETE_RESPONSE, "a response without a status");
            response_ = &p;
        }
        demand(phase == tlm::END_REQ || phase == tlm::BEGIN_RESP, "a phase of the initiator from the target");
        end_request(p);
        at->second = phase;
    }

    tlm::tlm_sync_enum forward(payload_t &p, tlm::tlm_phase &phase, sc_core::sc_time &delay)
    {
        const tlm::tlm_phase sent = phase;
        demand(sent == tlm::BEGIN_REQ || sent == tlm::END_RESP, "a phase of the target from the initiator");
        if (sent == tlm::BEGIN_REQ) {
            check_new(p);
            demand(!request_, "a request before the end of the one before");
            demand(!phase_.count(&p), "a payload in use");
            request_ = &p;
            phase_[&p] = sent;
            ++transactions_;
        } else {
            end(p);
        }
        const tlm::tlm_sync_enum status = initiator->nb_transport_fw(p, phase, delay);
        if (sent == tlm::END_RESP) return status;
        if (status == tlm::TLM_UPDATED) note_answer(p, phase);
        if (status == tlm::TLM_COMPLETED) {
            demand(p.get_response_status() != tlm::TLM_INCOMPLETE_RESPONSE, "completed without a status");
            end_request(p);
            phase_.erase(&p);
        }
        return status;
    }

    tlm::tlm_sync_enum backward(payload_t &p, tlm::tlm_phase &phase, sc_core::sc_time &delay)
    {
        note_answer(p, phase);
        const tlm::tlm_sync_enum status = target->nb_transport_bw(p, phase, delay);
        if (status == tlm::TLM_COMPLETED || (status == tlm::TLM_UPDATED && phase == tlm::END_RESP)) end(p);
        return status;
    }

    unsigned debug(payload_t &p) { return initiator->transport_dbg(p); }

    std::map<const payload_t *, tlm::tlm_phase> phase_;
    const payload_t *request_ = nullptr, *response_ = nullptr;
    uint64_t transactions_ = 0;
    std::string broken_;
};

#endif
