// SPDX-License-Identifier: Apache-2.0
// Admission: may this key log in now? From its findings, the policy and the service's mode.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "daemon/core/finding.hpp"

namespace ukey {

enum class Verdict { allow, warn, deny };
std::string_view to_string(Verdict verdict);
std::optional<Verdict> parse_verdict(std::string_view text);

/// observe: nothing is refused, what would have been is recorded and shown. enforce: `deny` refuses.
enum class Mode { observe, enforce };
std::string_view to_string(Mode mode);
std::optional<Mode> parse_mode(std::string_view text);

/// What each code means for a login. A code that is not named allows.
class Policy {
  public:
    /// The shipped defaults: deny for another organisation's binding, revoked, untrusted, expired, returned.
    Policy();

    void set(std::string code, Verdict verdict) { verdicts_[std::move(code)] = verdict; }
    Verdict of(std::string_view code) const;
    const std::map<std::string, Verdict, std::less<>>& verdicts() const { return verdicts_; }

  private:
    std::map<std::string, Verdict, std::less<>> verdicts_;
};

struct Admission {
    /// What the policy says; in observe mode a `deny` is shown and recorded, and lets through.
    Verdict verdict = Verdict::allow;
    bool enforced = false;
    /// The codes that made it more than `allow`, the findings' order.
    std::vector<std::string> codes;

    /// What the application is told: `deny` only when it is enforced.
    Verdict effective() const { return verdict == Verdict::deny && !enforced ? Verdict::warn : verdict; }
    bool operator==(const Admission&) const = default;
};

Admission decide_admission(const std::vector<Finding>& findings, const Policy& policy, Mode mode);

boost::json::object to_json(const Admission& admission);

} // namespace ukey
