// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/signature_sample.hpp"

#include <algorithm>
#include <optional>

#include "daemon/core/base64.hpp"
#include "daemon/core/signature.hpp"

namespace ukey {
namespace {

std::optional<std::string> base64_member(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) {
        return std::nullopt;
    }
    return base64_decode(value->get_string());
}

std::string text_member(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<SampleSignature> decode_one(const boost::json::object& object) {
    auto digest = base64_member(object, "digest");
    auto signature = base64_member(object, "signature");
    const boost::json::value* took = object.if_contains("took_us");
    if (!digest || !signature || took == nullptr || !took->is_int64()) {
        return std::nullopt;
    }
    return SampleSignature{std::move(*digest), std::move(*signature),
                           std::chrono::microseconds(took->get_int64())};
}

/// A DER sequence (X.690 §8.9) that fills the bytes: r and s side by side look so once in some 60,000 times.
bool is_der(std::string_view signature) {
    return signature.size() > 2 && signature.front() == '\x30' &&
           static_cast<unsigned char>(signature[1]) == signature.size() - 2;
}

tl::unexpected<Error> malformed() {
    return fail("frame.malformed", "read the self-test's result", "signature",
                "a member is missing or wrong");
}

} // namespace

Result<SignatureSample> decode_signature_sample(const boost::json::object& result) {
    const boost::json::value* certificates = result.if_contains("certificates");
    const boost::json::value* key_type = result.if_contains("key_type");
    const boost::json::value* signatures = result.if_contains("signatures");
    if (certificates == nullptr || !certificates->is_array() || key_type == nullptr ||
        !key_type->is_string() || signatures == nullptr || !signatures->is_array()) {
        return malformed();
    }
    SignatureSample sample{.certificates_der = {},
                           .key_type = std::string(key_type->get_string()),
                           .signatures = {},
                           .stopped = text_member(result, "stopped")};
    for (const boost::json::value& value : certificates->get_array()) {
        auto der = value.is_string() ? base64_decode(value.get_string()) : std::nullopt;
        if (!der) {
            return malformed();
        }
        sample.certificates_der.push_back(std::move(*der));
    }
    for (const boost::json::value& value : signatures->get_array()) {
        auto signature = value.is_object() ? decode_one(value.get_object()) : std::nullopt;
        if (!signature) {
            return malformed();
        }
        sample.signatures.push_back(std::move(*signature));
    }
    return sample;
}

Result<SignatureVerdict> verify_signature_sample(const SignatureSample& sample) {
    const bool rsa = sample.key_type == "rsa";
    const auto scheme = rsa ? SignatureScheme::rsa_pkcs1_sha256 : SignatureScheme::ecdsa_sha256;
    const bool is_known_type = rsa || sample.key_type == "ec";
    std::vector<CertificateKey> keys;
    Error unusable{"certificate.garbage", "verify the signature", "certificate", "there is none"};
    for (const std::string& der : sample.certificates_der) {
        if (auto key = CertificateKey::parse(der)) {
            keys.push_back(std::move(*key));
        } else {
            unusable = key.error();
        }
    }
    if (keys.empty()) {
        return tl::unexpected(unusable);
    }
    SignatureVerdict verdict;
    for (const SampleSignature& one : sample.signatures) {
        const bool good = is_known_type && std::ranges::any_of(keys, [&](CertificateKey& key) {
                              return key.verifies(scheme, one.digest, one.signature);
                          });
        ++(good ? verdict.good : !rsa && is_der(one.signature) ? verdict.misshapen : verdict.wrong);
    }
    return verdict;
}

} // namespace ukey
