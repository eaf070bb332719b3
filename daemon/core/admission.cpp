// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/admission.hpp"

#include <algorithm>

#include <boost/json/array.hpp>

namespace ukey {

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
    case Verdict::allow:
        return "allow";
    case Verdict::warn:
        return "warn";
    case Verdict::deny:
        return "deny";
    }
    return "deny";
}

std::optional<Verdict> parse_verdict(std::string_view text) {
    for (const Verdict verdict : {Verdict::allow, Verdict::warn, Verdict::deny}) {
        if (text == to_string(verdict)) {
            return verdict;
        }
    }
    return std::nullopt;
}

std::string_view to_string(Mode mode) {
    switch (mode) {
    case Mode::observe:
        return "observe";
    case Mode::enforce:
        return "enforce";
    }
    return "observe";
}

std::optional<Mode> parse_mode(std::string_view text) {
    for (const Mode mode : {Mode::observe, Mode::enforce}) {
        if (text == to_string(mode)) {
            return mode;
        }
    }
    return std::nullopt;
}

Policy::Policy() {
    for (const char* code :
         {"binding.other_organisation", "binding.unknown_organisation", "certificate.revoked",
          "certificate.untrusted", "certificate.expired", "key.returned"}) {
        set(code, Verdict::deny);
    }
    for (const char* code :
         {"binding.name_mismatch", "binding.none", "binding.rekeyed", "certificate.expires_soon",
          "certificate.garbage", "certificate.key_usage", "certificate.missing",
          "certificate.no_revocation_list", "certificate.no_trust_anchor", "certificate.not_yet_valid",
          "key.not_read", "key.unreadable", "pin.default", "pin.to_be_changed"}) {
        set(code, Verdict::warn);
    }
}

Verdict Policy::of(std::string_view code) const {
    const auto found = verdicts_.find(code);
    return found == verdicts_.end() ? Verdict::allow : found->second;
}

Admission decide_admission(const std::vector<Finding>& findings, const Policy& policy, Mode mode) {
    Admission admission;
    admission.enforced = mode == Mode::enforce;
    for (const Finding& finding : findings) {
        const Verdict verdict = policy.of(finding.code);
        if (verdict == Verdict::allow) {
            continue;
        }
        admission.verdict = std::max(admission.verdict, verdict);
        admission.codes.push_back(finding.code);
    }
    return admission;
}

boost::json::object to_json(const Admission& admission) {
    return {{"verdict", to_string(admission.verdict)},
            {"enforced", admission.enforced},
            {"codes", boost::json::array(admission.codes.begin(), admission.codes.end())}};
}

} // namespace ukey
