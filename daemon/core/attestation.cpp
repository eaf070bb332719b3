// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/attestation.hpp"

#include <array>

#include "daemon/core/base64.hpp"
#include "daemon/core/certificate.hpp"
#include "daemon/core/clock.hpp"

namespace ukey {
namespace {

tl::unexpected<Error> wrong(const LoginRecord& record, std::string reason) {
    return fail("attestation.wrong", "verify the attestation", record.login, std::move(reason));
}

/// Reads members and remembers whether one was missing.
class Members {
  public:
    explicit Members(const boost::json::object& object) : object_(&object) {}

    std::string text(std::string_view name) {
        const boost::json::value* value = object_->if_contains(name);
        complete_ = complete_ && value != nullptr && value->is_string();
        return complete_ ? std::string(value->get_string()) : std::string();
    }

    std::string bytes(std::string_view name) {
        const auto decoded = base64_decode(text(name));
        complete_ = complete_ && decoded.has_value();
        return decoded.value_or(std::string());
    }

    template <typename Number>
    Number number(std::string_view name) {
        const boost::json::value* value = object_->if_contains(name);
        boost::json::error_code error;
        const Number number = value == nullptr ? Number{} : value->to_number<Number>(error);
        complete_ = complete_ && value != nullptr && !error;
        return number;
    }

    Members object(std::string_view name) {
        static const boost::json::object nothing;
        const boost::json::value* value = object_->if_contains(name);
        complete_ = complete_ && value != nullptr && value->is_object();
        return Members(complete_ ? value->get_object() : nothing);
    }

    bool complete() const { return complete_; }

  private:
    const boost::json::object* object_;
    bool complete_ = true;
};

} // namespace

AttestationVerifier::Signer* AttestationVerifier::find_signer(const std::string& certificate_der) {
    const auto known = signers_.find(certificate_der);
    if (known != signers_.end()) {
        return known->second ? &*known->second : nullptr;
    }
    if (signers_.size() == kept_certificates_max) {
        signers_.clear();
    }
    std::optional<Signer>& signer = signers_[certificate_der];
    const auto certificate = parse_certificate(certificate_der, {});
    auto key = CertificateKey::parse(certificate_der);
    if (certificate && key) {
        signer.emplace(Signer{certificate->spki_sha256, std::move(*key)});
    }
    return signer ? &*signer : nullptr;
}

Result<void> AttestationVerifier::verify(const Attestation& attestation) {
    const LoginRecord& record = attestation.record;
    if (!is_unambiguous(record)) {
        return wrong(record, "ambiguous_record");
    }
    const auto scheme = parse_signature_scheme(attestation.scheme);
    if (!scheme) {
        return wrong(record, "unknown_scheme");
    }
    Signer* signer = find_signer(attestation.certificate_der);
    if (signer == nullptr) {
        return wrong(record, "unusable_certificate");
    }
    if (signer->spki_sha256 != record.public_key) {
        return wrong(record, "other_key");
    }
    std::array<char, Sha256::bytes> digest{};
    hasher_.digest(to_text(record), {}, digest.data());
    if (!signer->key.verifies(*scheme, {digest.data(), digest.size()}, attestation.signature)) {
        return wrong(record, "wrong_signature");
    }
    const auto asked = parse_timestamp(record.asked_at);
    const auto started = parse_timestamp(record.started_at);
    const bool in_order = asked && started && *started + clock_tolerance >= *asked;
    return in_order ? Result<void>() : wrong(record, "wrong_time");
}

Result<void> verify(const Attestation& attestation) {
    return AttestationVerifier().verify(attestation);
}

boost::json::object to_json(const Attestation& attestation) {
    const LoginRecord& record = attestation.record;
    return {{"nonce", record.nonce},
            {"ledger_seq", record.ledger_seq},
            {"ledger_head", record.ledger_head},
            {"token",
             {{"manufacturer", record.manufacturer}, {"model", record.model}, {"serial", record.serial}}},
            {"public_key", record.public_key},
            {"asked_at", record.asked_at},
            {"started_at", record.started_at},
            {"scheme", attestation.scheme},
            {"signature", base64_encode(attestation.signature)},
            {"certificate", base64_encode(attestation.certificate_der)},
            {"duration_us", attestation.duration.count()}};
}

Result<Attestation> decode_attestation(const boost::json::object& session_started) {
    Members session(session_started);
    Members signed_members = session.object("attestation");
    Members token = signed_members.object("token");
    Attestation attestation{
        .record = {.nonce = signed_members.text("nonce"),
                   .ledger_seq = signed_members.number<std::uint64_t>("ledger_seq"),
                   .ledger_head = signed_members.text("ledger_head"),
                   .key_id = session.text("key"),
                   .manufacturer = token.text("manufacturer"),
                   .model = token.text("model"),
                   .serial = token.text("serial"),
                   .public_key = signed_members.text("public_key"),
                   .organisation = session.text("organisation"),
                   .uid = session.number<std::uint32_t>("uid"),
                   .asked_at = signed_members.text("asked_at"),
                   .login = session.text("login"),
                   .started_at = signed_members.text("started_at")},
        .scheme = signed_members.text("scheme"),
        .signature = signed_members.bytes("signature"),
        .certificate_der = signed_members.bytes("certificate"),
        .duration = std::chrono::microseconds(signed_members.number<std::int64_t>("duration_us"))};
    if (!session.complete() || !signed_members.complete() || !token.complete()) {
        return wrong(attestation.record, "incomplete");
    }
    return attestation;
}

} // namespace ukey
