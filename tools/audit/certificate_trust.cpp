// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/certificate_trust.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ukey::ctl {
namespace {

/// Of all certificates together: bounds the memory, whatever the file has.
constexpr std::size_t kept_answers_max = 16 * kept_certificates_max;

/// The time around a moment in which none of the dates lies that it was narrowed by.
class Span {
  public:
    explicit Span(Timestamp moment) : moment_(moment) {}

    /// A date is a whole second, in which what it is about is valid by one comparison and not by another.
    void narrow(Timestamp date) {
        const Timestamp over = date + std::chrono::seconds(1);
        if (date > moment_) {
            until_ = std::min(until_, date);
        } else if (over <= moment_) {
            from_ = std::max(from_, over);
        } else {
            is_within_a_date_ = true;
        }
    }

    bool is_within_a_date() const { return is_within_a_date_; }
    Timestamp from() const { return from_; }
    Timestamp until() const { return until_; }

  private:
    Timestamp moment_;
    Timestamp from_ = Timestamp::min();
    Timestamp until_ = Timestamp::max();
    bool is_within_a_date_ = false;
};

} // namespace

void CertificateTrust::add_intermediate(std::string der) {
    if (intermediates_.size() == TrustStore::extra_certificates_max) {
        return; // nor would it be looked at
    }
    intermediates_.push_back(std::move(der));
    dates_ = store_->dates(intermediates_);
    forget();
}

void CertificateTrust::forget() {
    known_.clear();
    answers_ = 0;
}

CertificateTrust::Known* CertificateTrust::find(const std::string& der) {
    if (answers_ == kept_answers_max) {
        forget();
    }
    auto known = known_.find(der);
    if (known == known_.end()) {
        if (known_.size() == kept_certificates_max) {
            forget();
        }
        known = known_.emplace(der, std::nullopt).first;
        if (auto facts = parse_certificate(der, {})) {
            known->second.emplace(Known{std::move(*facts), {}});
        }
    }
    return known->second ? &*known->second : nullptr;
}

bool CertificateTrust::verify(const CertificateFacts& facts, Timestamp moment) const {
    const Verification verification = store_->verify(facts, intermediates_, moment);
    return verification.trust == Trust::trusted && !verification.revoked && !verification.expired &&
           !verification.not_yet_valid;
}

void CertificateTrust::remember(Known& known, Timestamp moment, bool holds) {
    Span span(moment);
    const auto next = std::ranges::upper_bound(dates_, moment);
    if (next != dates_.end()) {
        span.narrow(*next);
    }
    if (next != dates_.begin()) {
        span.narrow(*std::prev(next));
    }
    span.narrow(known.facts.not_before);
    span.narrow(known.facts.not_after);
    if (!span.is_within_a_date()) {
        known.answers.emplace(span.from(), Answer{span.until(), holds});
        ++answers_;
    }
}

bool CertificateTrust::holds(const std::string& der, Timestamp moment) {
    Known* const known = find(der);
    if (known == nullptr) {
        return false;
    }
    const auto after = known->answers.upper_bound(moment);
    if (after != known->answers.begin() && moment < std::prev(after)->second.until) {
        return std::prev(after)->second.holds;
    }
    const bool holds = verify(known->facts, moment);
    remember(*known, moment, holds);
    return holds;
}

} // namespace ukey::ctl
