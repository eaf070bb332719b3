// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/certificate.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "daemon/core/base64.hpp"
#include "daemon/core/text.hpp"
#include "daemon/core/x509.hpp"

namespace ukey {
namespace {

/// The extension in which Chinese CAs put the organisation's code.
constexpr const char* organisation_code_oid = "1.2.156.10260.4.1.4";

tl::unexpected<Error> garbage(std::string reason) {
    return fail("certificate.garbage", "read the certificate", "", std::move(reason));
}

std::string serial_hex(const X509* certificate) {
    const BigNumberHandle number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
    char* const hex = number ? BN_bn2hex(number.get()) : nullptr;
    const std::unique_ptr<char, OpensslMemoryDeleter> owner(hex);
    std::string serial = hex != nullptr ? hex : "";
    std::ranges::transform(serial, serial.begin(), [](char digit) {
        return digit >= 'A' && digit <= 'F' ? char(digit - 'A' + 'a') : digit;
    });
    return serial;
}

std::string curve_text(EVP_PKEY* key) {
    std::array<char, 80> group{};
    if (EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1) {
        return "EC";
    }
    const std::string_view name = group.data();
    if (name == "SM2") {
        return "SM2";
    }
    const char* const nist_name = EC_curve_nid2nist(OBJ_txt2nid(group.data()));
    return fmt::format("EC {}", nist_name != nullptr ? nist_name : group.data());
}

std::string algorithm_text(const X509* certificate) {
    EVP_PKEY* const key = X509_get0_pubkey(certificate);
    if (key == nullptr) {
        return "unknown";
    }
    if (EVP_PKEY_is_a(key, "SM2") == 1) {
        return "SM2";
    }
    if (EVP_PKEY_is_a(key, "EC") == 1) {
        return curve_text(key);
    }
    if (EVP_PKEY_is_a(key, "RSA") == 1) {
        return fmt::format("RSA-{}", EVP_PKEY_get_bits(key));
    }
    const char* const name = EVP_PKEY_get0_type_name(key);
    return name != nullptr ? name : "unknown";
}

/// RFC 5280 §4.2.1.3: the names in the order of their bits.
std::vector<std::string> key_usage_names(const X509* certificate) {
    constexpr std::array<const char*, 9> names = {"digitalSignature", "nonRepudiation", "keyEncipherment",
                                                  "dataEncipherment", "keyAgreement",   "keyCertSign",
                                                  "cRLSign",          "encipherOnly",   "decipherOnly"};
    const Asn1BitStringHandle bits(
        static_cast<ASN1_BIT_STRING*>(X509_get_ext_d2i(certificate, NID_key_usage, nullptr, nullptr)));
    std::vector<std::string> usage;
    for (std::size_t bit = 0; bits && bit < names.size(); ++bit) {
        if (ASN1_BIT_STRING_get_bit(bits.get(), static_cast<int>(bit)) == 1) {
            usage.emplace_back(names.at(bit));
        }
    }
    return usage;
}

/// The most specific value of an attribute (the last one encoded); empty when there is none.
std::string subject_attribute(const X509* certificate, const std::string& attribute, bool& rescued) {
    const X509_NAME* const subject = X509_get_subject_name(certificate);
    const int nid = OBJ_txt2nid(attribute.c_str());
    for (int index = X509_NAME_entry_count(subject); nid != NID_undef && index-- > 0;) {
        const X509_NAME_ENTRY* const entry = X509_NAME_get_entry(subject, index);
        if (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) == nid) {
            return asn1_text(X509_NAME_ENTRY_get_data(entry), rescued);
        }
    }
    return {};
}

struct CfcaName {
    std::string_view name;
    std::string_view code;
};

/// CFCA's common name 051@name@code@n: a type, the name, the code and a running number.
std::optional<CfcaName> split_cfca_name(std::string_view text) {
    std::array<std::string_view, 4> parts;
    for (std::size_t index = 0; index < parts.size(); ++index) {
        const std::size_t end = text.find('@');
        if ((end == std::string_view::npos) != (index + 1 == parts.size())) {
            return std::nullopt; // fewer or more than three @
        }
        parts.at(index) = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    const auto is_number = [](std::string_view part) {
        return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    };
    if (!is_number(parts[0]) || !is_number(parts[3]) || parts[1].empty()) {
        return std::nullopt;
    }
    return CfcaName{parts[1], parts[2]};
}

/// The extension holds a DER string, or the bare text.
std::string extension_code(const X509* certificate, bool& rescued) {
    const std::unique_ptr<ASN1_OBJECT, OpensslDeleter<ASN1_OBJECT_free>> oid(
        OBJ_txt2obj(organisation_code_oid, 1));
    const int index = X509_get_ext_by_OBJ(certificate, oid.get(), -1);
    if (index < 0) {
        return {};
    }
    const ASN1_OCTET_STRING* const value = X509_EXTENSION_get_data(X509_get_ext(certificate, index));
    const unsigned char* const begin = ASN1_STRING_get0_data(value);
    const int length = ASN1_STRING_length(value);
    const unsigned char* position = begin;
    const Asn1TypeHandle inner(d2i_ASN1_TYPE(nullptr, &position, length));
    ERR_clear_error();
    constexpr unsigned long text_types = B_ASN1_UTF8STRING | B_ASN1_PRINTABLESTRING | B_ASN1_IA5STRING |
                                         B_ASN1_T61STRING | B_ASN1_BMPSTRING | B_ASN1_VISIBLESTRING |
                                         B_ASN1_OCTET_STRING;
    if (inner && position == begin + length && (ASN1_tag2bit(ASN1_TYPE_get(inner.get())) & text_types) != 0) {
        return asn1_text(inner->value.asn1_string, rescued);
    }
    return asn1_text(value, rescued);
}

void read_organisation(const X509* certificate, const std::vector<CertificateProfile>& profiles,
                       CertificateFacts& facts) {
    const auto profile = std::ranges::find_if(profiles, [&facts](const CertificateProfile& candidate) {
        return facts.issuer.find(candidate.issuer_contains) != std::string::npos;
    });
    const CertificateProfile chosen = profile != profiles.end() ? *profile : CertificateProfile{};
    const std::string value = subject_attribute(certificate, chosen.name_attribute, facts.text_was_rescued);
    const std::string common_name = subject_attribute(certificate, "CN", facts.text_was_rescued);
    const std::optional<CfcaName> in_value = split_cfca_name(value);
    const std::optional<CfcaName> in_common_name = split_cfca_name(common_name);
    facts.organisation_name = normalize_nfc(in_value ? in_value->name : std::string_view(value));
    facts.organisation_code = in_common_name ? std::string(in_common_name->code) : std::string();
    if (facts.organisation_code.empty()) {
        facts.organisation_code = extension_code(certificate, facts.text_was_rescued);
    }
}

std::string spki_der(const X509* certificate) {
    unsigned char* bytes = nullptr;
    const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes);
    const OpensslBytes owner(bytes);
    return length > 0 ? std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length))
                      : std::string();
}

std::string join(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, ", "));
}

} // namespace

bool CertificateFacts::can_sign() const {
    const auto signs = [](std::string_view usage) {
        return usage == "digitalSignature" || usage == "nonRepudiation";
    };
    return key_usage.empty() || std::ranges::any_of(key_usage, signs);
}

Result<CertificateFacts> parse_certificate(std::string_view der,
                                           const std::vector<CertificateProfile>& profiles) {
    if (der.size() > certificate_max_bytes) {
        return garbage(fmt::format("more than {} bytes", certificate_max_bytes));
    }
    ParsedX509 parsed = parse_x509(der);
    if (!parsed.certificate) {
        return garbage(der.empty() ? "it is empty" : take_openssl_error());
    }
    X509* const certificate = parsed.certificate.get();
    const std::optional<Timestamp> not_before = to_timestamp(X509_get0_notBefore(certificate));
    const std::optional<Timestamp> not_after = to_timestamp(X509_get0_notAfter(certificate));
    if (!not_before || !not_after) {
        ERR_clear_error();
        return garbage("its dates are malformed");
    }
    CertificateFacts facts;
    facts.der = std::move(parsed.der);
    facts.subject = name_text(X509_get_subject_name(certificate), facts.text_was_rescued);
    facts.issuer = name_text(X509_get_issuer_name(certificate), facts.text_was_rescued);
    facts.serial = serial_hex(certificate);
    facts.not_before = *not_before;
    facts.not_after = *not_after;
    facts.algorithm = algorithm_text(certificate);
    facts.key_usage = key_usage_names(certificate);
    facts.is_ca = (X509_get_extension_flags(certificate) & EXFLAG_CA) != 0;
    facts.fingerprint_sha256 = sha256_hex(facts.der);
    facts.spki_sha256 = sha256_hex(spki_der(certificate));
    read_organisation(certificate, profiles, facts);
    ERR_clear_error();
    return facts;
}

std::string_view to_string(Trust trust) {
    switch (trust) {
    case Trust::trusted:
        return "trusted";
    case Trust::untrusted:
        return "untrusted";
    case Trust::not_checked:
        return "not_checked";
    }
    return "not_checked";
}

std::vector<Finding> certificate_findings(const std::string& key, const CertificateFacts& certificate,
                                          const Verification& verification, Timestamp moment,
                                          std::chrono::days expires_soon) {
    std::vector<Finding> findings;
    const auto add = [&](const char* code, std::map<std::string, std::string> arguments = {}) {
        findings.push_back({code, key, std::move(arguments)});
    };
    if (verification.expired) {
        add("certificate.expired", {{"not_after", format_china_time(certificate.not_after)}});
    } else if (certificate.not_after - moment < expires_soon) {
        add("certificate.expires_soon", {{"not_after", format_china_time(certificate.not_after)}});
    }
    if (verification.not_yet_valid) {
        add("certificate.not_yet_valid", {{"not_before", format_china_time(certificate.not_before)}});
    }
    switch (verification.trust) {
    case Trust::untrusted:
        add("certificate.untrusted", {{"reason", verification.reason}});
        break;
    case Trust::not_checked:
        add("certificate.no_trust_anchor", {{"config", "ukeyd.toml"}});
        break;
    case Trust::trusted:
        if (!verification.revocation_known && !verification.revoked) {
            add("certificate.no_revocation_list");
        }
        break;
    }
    if (verification.revoked) {
        add("certificate.revoked");
    }
    if (verification.key_usage_wrong) {
        add("certificate.key_usage", {{"key_usage", join(certificate.key_usage)}});
    }
    if (certificate.text_was_rescued) {
        add("certificate.text_rescued");
    }
    return findings;
}

boost::json::object to_json(const CertificateFacts& certificate, const Verification& verification) {
    boost::json::value code = nullptr;
    if (!certificate.organisation_code.empty()) {
        code = certificate.organisation_code;
    }
    return {{"subject", certificate.subject},
            {"issuer", certificate.issuer},
            {"serial", certificate.serial},
            {"organisation_name", certificate.organisation_name},
            {"organisation_code", std::move(code)},
            {"not_before", format_timestamp(certificate.not_before)},
            {"not_after", format_timestamp(certificate.not_after)},
            {"algorithm", certificate.algorithm},
            {"key_usage", boost::json::array(certificate.key_usage.begin(), certificate.key_usage.end())},
            {"fingerprint_sha256", certificate.fingerprint_sha256},
            {"spki_sha256", certificate.spki_sha256},
            {"trust", to_string(verification.trust)},
            {"trust_reason", verification.reason}};
}

std::string sha256(std::string_view bytes) {
    std::string digest(32, '\0');
    unsigned length = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &length,
                   EVP_sha256(), nullptr) != 1 ||
        length != digest.size()) {
        throw std::runtime_error("SHA-256: " + take_openssl_error()); // not available, or out of memory
    }
    return digest;
}

std::string sha256_hex(std::string_view bytes) {
    return hex_encode(sha256(bytes));
}

} // namespace ukey
