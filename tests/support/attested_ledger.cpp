// SPDX-License-Identifier: Apache-2.0
#include "tests/support/attested_ledger.hpp"

#include <boost/json/serialize.hpp>

#include "daemon/core/attestation.hpp"
#include "daemon/core/base64.hpp"
#include "daemon/core/certificate.hpp"

namespace ukey::test {

boost::json::object attested_login(const LedgerSample& ledger, const TestCertificate& certificate,
                                   Timestamp asked, std::chrono::seconds later) {
    const CertificateFacts facts = parse_certificate(certificate.der(), {}).value();
    Attestation attestation{.record = {.nonce = std::string(64, 'a'),
                                       .ledger_seq = 1,
                                       .ledger_head = hex_encode(ledger.records().front().hash),
                                       .key_id = "0123456789ab",
                                       .manufacturer = "m",
                                       .model = "o",
                                       .serial = "s",
                                       .public_key = facts.spki_sha256,
                                       .organisation = "1",
                                       .uid = 7,
                                       .asked_at = format_timestamp(asked),
                                       .login = std::string(32, 'b'),
                                       .started_at = format_timestamp(asked)},
                            .scheme = "ecdsa_sha256",
                            .signature = {},
                            .certificate_der = certificate.der(),
                            .duration = {}};
    attestation.signature = certificate.sign(to_text(attestation.record));
    return {{"login", attestation.record.login},
            {"key", attestation.record.key_id},
            {"organisation", "1"},
            {"uid", 7},
            {"started_at", format_timestamp(asked + later)},
            {"grade", "attested"},
            {"attestation", to_json(attestation)}};
}

LedgerSample with_attested_login(const TestCertificate& certificate, Timestamp asked,
                                 std::chrono::seconds later,
                                 const std::vector<std::pair<std::string, std::string>>& between) {
    LedgerSample ledger(1);
    const boost::json::object payload = attested_login(ledger, certificate, asked, later);
    for (const auto& [kind, text] : between) {
        ledger.append(kind, text);
    }
    ledger.append("session.started", boost::json::serialize(payload));
    return ledger;
}

} // namespace ukey::test
