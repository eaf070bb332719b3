// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/binding.hpp"

#include "daemon/core/text.hpp"

namespace ukey {
namespace {

std::string describe_differences(const std::string& certificate_name, const std::string& organisation_name) {
    std::string text;
    for (const NameDifference& difference : name_differences(certificate_name, organisation_name)) {
        if (!text.empty()) {
            text += "; ";
        }
        text += describe(difference);
    }
    return text;
}

std::vector<Finding> unbound_findings(const std::string& key, const CertificateFacts* certificate,
                                      const BindingState& state) {
    Finding none{"binding.none", key, {{"suggestion", ""}}};
    if (certificate == nullptr || certificate->organisation_name.empty() || state.registry_is_empty) {
        return {none};
    }
    if (state.exact_codes.size() == 1) {
        none.arguments["suggestion"] = " (" + state.exact_codes.front() + ")";
        return {none};
    }
    if (!state.exact_codes.empty()) {
        return {none};
    }
    if (!state.similar_names.empty()) {
        const std::string& name = state.similar_names.front();
        return {none, Finding{"binding.name_mismatch",
                              key,
                              {{"certificate_name", certificate->organisation_name},
                               {"organisation_name", name},
                               {"differences", describe_differences(certificate->organisation_name, name)}}}};
    }
    return {
        none,
        Finding{"binding.unknown_organisation", key, {{"certificate_name", certificate->organisation_name}}}};
}

} // namespace

std::optional<Finding> check_certificate_names(const std::string& key, const CertificateFacts& certificate,
                                               const std::string& organisation_code,
                                               const std::string& organisation_name) {
    const std::string certificate_name = normalize_nfc(certificate.organisation_name);
    const bool same_code = certificate.organisation_code.empty() || organisation_code.empty() ||
                           certificate.organisation_code == organisation_code;
    if (certificate_name == normalize_nfc(organisation_name) && same_code) {
        return std::nullopt;
    }
    if (same_code && fold_for_suggestion(certificate_name) == fold_for_suggestion(organisation_name)) {
        return Finding{"binding.name_mismatch",
                       key,
                       {{"certificate_name", certificate_name},
                        {"organisation_name", organisation_name},
                        {"differences", describe_differences(certificate_name, organisation_name)}}};
    }
    std::string named = certificate_name;
    std::string expected = "“" + organisation_name + "”";
    if (!same_code) { // the same name under two superiors: only the code tells them apart
        named += " (" + certificate.organisation_code + ")";
        expected += " (" + organisation_code + ")";
    }
    return Finding{"binding.other_organisation", key, {{"certificate_name", named}, {"expected", expected}}};
}

std::vector<Finding> binding_findings(const std::string& key, const CertificateFacts* certificate,
                                      const BindingState& state) {
    if (state.organisation_code.empty()) {
        return unbound_findings(key, certificate, state);
    }
    std::vector<Finding> findings;
    if (certificate == nullptr) {
        return findings;
    }
    if (auto mismatch =
            check_certificate_names(key, *certificate, state.organisation_code, state.organisation_name)) {
        findings.push_back(std::move(*mismatch));
    }
    if (!state.pinned_spki_sha256.empty() && state.pinned_spki_sha256 != certificate->spki_sha256) {
        findings.push_back({"binding.rekeyed", key, {{"organisation", state.organisation_name}}});
    }
    return findings;
}

} // namespace ukey
