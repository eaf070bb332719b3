// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/session.hpp"

#include <array>

namespace ukey {

std::string_view to_string(EndReason reason) {
    switch (reason) {
    case EndReason::logout:
        return "logout";
    case EndReason::sessions_closed:
        return "sessions_closed";
    case EndReason::finalized:
        return "finalized";
    case EndReason::process_exit:
        return "process_exit";
    case EndReason::key_removed:
        return "key_removed";
    case EndReason::suspend:
        return "suspend";
    case EndReason::daemon_stopped:
        return "daemon_stopped";
    case EndReason::unclean:
        return "unclean";
    }
    return "unclean";
}

std::optional<EndReason> parse_end_reason(std::string_view text) {
    using enum EndReason;
    for (const EndReason reason :
         {logout, sessions_closed, finalized, process_exit, key_removed, suspend, daemon_stopped, unclean}) {
        if (text == to_string(reason)) {
            return reason;
        }
    }
    return std::nullopt;
}

std::string_view to_string(EvidenceGrade grade) {
    switch (grade) {
    case EvidenceGrade::attested:
        return "attested";
    case EvidenceGrade::observed:
        return "observed";
    case EvidenceGrade::late:
        return "late";
    }
    return "observed";
}

std::optional<EvidenceGrade> parse_evidence_grade(std::string_view text) {
    using enum EvidenceGrade;
    for (const EvidenceGrade grade : {attested, observed, late}) {
        if (text == to_string(grade)) {
            return grade;
        }
    }
    return std::nullopt;
}

} // namespace ukey
