// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/attestation_check.hpp"

#include <algorithm>
#include <utility>

#include <boost/json/parse.hpp>

#include "daemon/core/base64.hpp"
#include "tools/json_view.hpp"

namespace ukey::ctl {
namespace {

/// The session began, as its record has it, after the service was asked and before it wrote the record: so
/// the signature cannot be moved to another month.
bool is_of_its_time(std::string_view session_started, const LoginRecord& login, Timestamp written) {
    const auto asked = parse_timestamp(login.asked_at);
    const auto started = parse_timestamp(session_started);
    return asked && started && *started + clock_tolerance >= *asked && *started <= written + clock_tolerance;
}

/// As they are, of a nonce of the usual form.
decltype(AnsweredNonce::nonce) digits_of(const std::string& nonce) {
    decltype(AnsweredNonce::nonce) digits{};
    const std::string text = nonce.size() == digits.size() ? std::string() : sha256_hex(nonce);
    std::ranges::copy(text.empty() ? nonce : text, digits.begin());
    return digits;
}

AttestationVerdict wrong(std::string reason) {
    return {.kind = AttestationVerdict::Kind::wrong, .reason = std::move(reason), .nonce_digits = {}};
}

} // namespace

AttestationCheck::AttestationCheck(const CheckedBundle& bundle, const TrustStore* trust, unsigned threads)
    : bundle_(bundle), judges_(std::max(1U, threads)) {
    for (Judge& judge : judges_) {
        if (trust != nullptr) {
            judge.trust.emplace(*trust);
        }
    }
}

void AttestationCheck::take_binding(std::uint64_t seq, std::string_view payload) {
    boost::json::error_code error;
    const boost::json::value parsed = boost::json::parse(payload, error);
    if (!error && parsed.is_object()) {
        pinned_[raw_text(parsed.get_object(), "key")][seq] = raw_text(parsed.get_object(), "spki_sha256");
    }
}

void AttestationCheck::add_intermediate(const std::string& der) {
    for (Judge& judge : judges_) {
        if (judge.trust) {
            judge.trust->add_intermediate(der);
        }
    }
}

AttestationVerdict AttestationCheck::judge(std::uint64_t seq, const OpenedRecord& opened,
                                           const RecordFacts& facts, std::size_t thread) {
    Judge& judge = judges_[thread];
    if (!judge.reader.begin(facts.payload)) {
        return {};
    }
    if (opened.opening != nullptr) {
        judge.reader.add_opening(opened.opening->value);
    } else if (facts.personal == RecordFacts::Personal::removed) {
        return {.kind = AttestationVerdict::Kind::removed, .reason = {}, .nonce_digits = {}};
    }
    const Attestation* const attestation = judge.reader.attestation();
    if (attestation == nullptr) {
        return wrong("incomplete");
    }
    if (!is_of_its_time(judge.reader.started_at(), attestation->record, facts.time)) {
        return wrong("wrong_time");
    }
    std::string reason = why_not(*attestation, seq, facts.time, judge);
    if (!reason.empty()) {
        return wrong(std::move(reason));
    }
    return {.kind = AttestationVerdict::Kind::holds,
            .reason = {},
            .nonce_digits = digits_of(attestation->record.nonce)};
}

/// Empty: it holds.
std::string AttestationCheck::why_not(const Attestation& attestation, std::uint64_t seq, Timestamp written,
                                      Judge& judge) const {
    const LoginRecord& login = attestation.record;
    const auto named = bundle_.hash_of(login.ledger_seq);
    if (login.ledger_seq >= seq || (named && !is_hex_of(login.ledger_head, *named))) {
        return "wrong_place";
    }
    if (const auto good = judge.verifier.verify(attestation); !good) {
        return good.error().reason;
    }
    if (judge.trust && !judge.trust->holds(attestation.certificate_der, written)) {
        return "untrusted_certificate";
    }
    return is_other_key(login, seq) ? "other_key" : std::string();
}

/// Another public key than the one that was bound: another token that says it was this one.
bool AttestationCheck::is_other_key(const LoginRecord& login, std::uint64_t seq) const {
    const auto of_key = pinned_.find(login.key_id);
    if (of_key == pinned_.end()) {
        return false;
    }
    const auto after = of_key->second.lower_bound(seq);
    if (after == of_key->second.begin()) {
        return false;
    }
    const std::string& pinned = std::prev(after)->second;
    return !pinned.empty() && pinned != login.public_key;
}

} // namespace ukey::ctl
