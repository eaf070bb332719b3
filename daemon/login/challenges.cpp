// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/challenges.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "daemon/core/base64.hpp"

namespace ukey {
namespace {

constexpr std::size_t nonce_bytes = 32;
/// Logins that one process has under way at once. The oldest question is forgotten, and its answer proves
/// nothing.
constexpr std::size_t open_challenges_max = 16;
/// A person at a PIN pad takes a minute; what comes later is not this login.
constexpr std::chrono::minutes challenge_lifetime{5};
/// So long a key that was too slow is left in peace: slowness may have been the computer's.
constexpr std::chrono::days slow_key_pause{7};

boost::json::object refused(std::string_view reason) {
    return {{"refused", reason}};
}

boost::json::object absent(std::string_view reason) {
    return {{"absent", reason}};
}

bool signs_digitally(const CertificateFacts& certificate) {
    return certificate.key_usage.empty() ||
           std::ranges::find(certificate.key_usage, "digitalSignature") != certificate.key_usage.end();
}

} // namespace

std::string obstacle_to_attestation(const PresentKey& key, const Configuration& configuration,
                                    Timestamp now) {
    if (!key.certificates.signing) {
        return "no_certificate";
    }
    if (!signs_digitally(*key.certificates.signing)) {
        return "non_repudiation"; // such a signature binds a person to what was signed: never ours to ask for
    }
    if (!key.binding.organisation_code.empty() &&
        key.binding.pinned_spki_sha256 != key.certificates.signing->spki_sha256) {
        return "rekeyed"; // for all that is known, it is another token under the same serial number
    }
    if (key.token.has_flag("protected_authentication_path")) {
        return "protected_path"; // the reader would ask the person again
    }
    const auto& last = key.last_attestation;
    if (last && last->duration > configuration.attestation_limit && now - last->at < slow_key_pause) {
        return "slow";
    }
    return {};
}

std::string make_nonce() {
    std::array<char, nonce_bytes> bytes{};
    // Never in part, once the computer is up (getrandom(2)).
    if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        throw std::runtime_error("no random numbers");
    }
    return hex_encode(std::string_view(bytes.data(), bytes.size()));
}

void Challenges::issue(Challenge challenge) {
    if (open_.size() >= open_challenges_max) {
        open_.pop_front();
    }
    open_.push_back(std::move(challenge));
}

std::optional<Challenges::Challenge> Challenges::take(const ResultMessage& message,
                                                      std::chrono::microseconds uptime) {
    const std::string& nonce = message.attestation->nonce;
    const auto found =
        std::ranges::find_if(open_, [&](const Challenge& open) { return open.record.nonce == nonce; });
    if (found == open_.end()) {
        return std::nullopt;
    }
    Challenge challenge = std::move(*found);
    open_.erase(found);
    if (uptime - challenge.uptime > challenge_lifetime) {
        return std::nullopt;
    }
    judged_.insert_or_assign(message.login, challenge);
    return challenge;
}

void Challenges::settle(const std::string& login, bool written) {
    auto judged = judged_.extract(login);
    if (!judged.empty() && !written) {
        issue(std::move(judged.mapped()));
    }
}

void Challenges::judge(LoginSession& session, const ResultMessage& message, const PresentKey* key,
                       const Arrival& arrival) {
    const AttestationReply& reply = *message.attestation;
    const auto challenge = take(message, arrival.uptime);
    if (!challenge) {
        session.attestation = refused("unknown_nonce"); // never given to this connection, used up, or too old
        return;
    }
    if (!reply.absent.empty()) {
        session.attestation = absent(reply.absent);
        session.attestation["duration_us"] = reply.duration_us;
        return;
    }
    if (key == nullptr || key->key_id != challenge->record.key_id) {
        session.attestation = refused(key == nullptr ? "key_absent" : "other_key");
        return;
    }
    if (message.claim.executable != challenge->executable) {
        session.attestation = refused("other_program");
        return;
    }
    Attestation attestation{.record = challenge->record,
                            .scheme = reply.scheme,
                            .signature = reply.signature,
                            .certificate_der = challenge->certificate_der,
                            // No longer than the service itself has waited: a process's word makes no key
                            // slow.
                            .duration = std::min(std::chrono::microseconds(reply.duration_us),
                                                 arrival.uptime - challenge->uptime)};
    attestation.record.login = message.login;
    attestation.record.started_at = format_timestamp(message.started);
    if (message.started > arrival.time + clock_tolerance) {
        session.attestation = refused("wrong_time"); // verify() looks at the other end
        return;
    }
    if (const auto good = verify(attestation); !good) {
        session.attestation = refused(good.error().reason);
        return;
    }
    session.grade = EvidenceGrade::attested;
    session.attestation = to_json(attestation);
}

boost::json::object to_json(const Challenges::Challenge& challenge, const std::string& object_id) {
    const LoginRecord& record = challenge.record;
    return {{"nonce", record.nonce},
            {"ledger_seq", record.ledger_seq},
            {"ledger_head", record.ledger_head},
            {"key", record.key_id},
            {"manufacturer", record.manufacturer},
            {"model", record.model},
            {"serial", record.serial},
            {"public_key", record.public_key},
            {"organisation", record.organisation},
            {"uid", record.uid},
            {"asked_at", record.asked_at},
            {"object", object_id}};
}

} // namespace ukey
