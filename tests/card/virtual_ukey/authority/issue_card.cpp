// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/authority/issue_card.hpp"

#include "tests/card/virtual_ukey/card/pem_file.hpp"

namespace ukey::virtual_card {

namespace fs = std::filesystem;

namespace {

Result<void> ensure_card(const CardFolder& card, const IssueRequest& request) {
    if (card.holds_card())
        return {};
    const auto state = make_card_state(default_pin, default_puk, request.pin_tries, request.guid);
    if (!state)
        return tl::unexpected(state.error());
    return card.create(*state);
}

/// A minute ago by default, so that clocks that differ a little do not make a new certificate invalid.
Result<Validity> validity_of(const IssueRequest& request) {
    constexpr long backdated_seconds = 60;
    auto not_before = request.not_before.empty()
                          ? Result<TimeHandle>(TimeHandle(X509_gmtime_adj(nullptr, -backdated_seconds)))
                          : parse_time(request.not_before);
    if (!not_before)
        return tl::unexpected(not_before.error());
    if (!request.not_after.empty()) {
        auto not_after = parse_time(request.not_after);
        if (!not_after)
            return tl::unexpected(not_after.error());
        return Validity{std::move(*not_before), std::move(*not_after)};
    }
    tm start{};
    ASN1_TIME_to_tm(not_before->get(), &start);
    time_t from = timegm(&start);
    TimeHandle not_after(X509_time_adj_ex(nullptr, request.validity_days, 0, &from));
    return Validity{std::move(*not_before), std::move(not_after)};
}

Result<PrivateKey> key_for(const CardFolder& card, KeySlot slot, const IssueRequest& request) {
    if (!request.new_key && fs::exists(card.key_path(slot))) {
        auto existing = PrivateKey::load(card.key_path(slot));
        if (!existing || existing->algorithm() == request.algorithm)
            return existing;
    }
    auto fresh = PrivateKey::generate(request.algorithm);
    if (!fresh)
        return fresh;
    if (const auto saved = fresh->save(card.key_path(slot)); !saved)
        return tl::unexpected(saved.error());
    return fresh;
}

Result<void> issue_slot(const CertificateAuthority& authority, const CardFolder& card, KeySlot slot,
                        const IssueRequest& request, const std::string& key_usage) {
    const auto validity = validity_of(request);
    if (!validity)
        return tl::unexpected(validity.error());
    const auto key = key_for(card, slot, request);
    if (!key)
        return tl::unexpected(key.error());
    const auto certificate = authority.issue(request.subject, key->handle(), *validity, key_usage);
    if (!certificate)
        return tl::unexpected(certificate.error());
    return write_certificates(card.certificate_path(slot), {certificate->get()});
}

std::string encryption_usage(KeyAlgorithm algorithm) {
    switch (algorithm) {
    case KeyAlgorithm::rsa_2048:
        return "keyEncipherment,dataEncipherment";
    case KeyAlgorithm::p_256:
        return "keyAgreement";
    }
    return {};
}

} // namespace

Result<void> issue_card(const CertificateAuthority& authority, const fs::path& folder,
                        const IssueRequest& request) {
    const CardFolder card(folder);
    return ensure_card(card, request)
        .and_then(
            [&] { return issue_slot(authority, card, KeySlot::authentication, request, request.key_usage); })
        .and_then([&]() -> Result<void> {
            if (!request.dual)
                return {};
            return issue_slot(authority, card, KeySlot::key_management, request,
                              encryption_usage(request.algorithm));
        });
}

Result<void> revoke_card(const CertificateAuthority& authority, const fs::path& folder) {
    const CardFolder card(folder);
    std::vector<CertificateHandle> owned;
    std::vector<const X509*> certificates;
    for (const KeySlot slot : {KeySlot::authentication, KeySlot::key_management}) {
        if (!fs::exists(card.certificate_path(slot)))
            continue;
        auto certificate = read_certificate(card.certificate_path(slot));
        if (!certificate)
            return tl::unexpected(certificate.error());
        certificates.push_back(certificate->get());
        owned.push_back(std::move(*certificate));
    }
    if (certificates.empty())
        return fail("virtual_card.certificate", "revoke", folder.string(), "no certificate in the folder");
    return authority.revoke(certificates);
}

} // namespace ukey::virtual_card
