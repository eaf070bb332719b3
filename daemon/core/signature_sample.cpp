// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/signature_sample.hpp"

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

} // namespace

Result<SignatureSample> decode_signature_sample(const boost::json::object& result) {
    auto certificate = base64_member(result, "certificate");
    auto digest = base64_member(result, "digest");
    auto signature = base64_member(result, "signature");
    const boost::json::value* key_type = result.if_contains("key_type");
    if (!certificate || !digest || !signature || key_type == nullptr || !key_type->is_string()) {
        return fail("frame.malformed", "read the self-test's result", "signature",
                    "a member is missing or wrong");
    }
    return SignatureSample{.certificate_der = std::move(*certificate),
                           .key_type = std::string(key_type->get_string()),
                           .digest = std::move(*digest),
                           .signature = std::move(*signature)};
}

Result<SignatureVerdict> verify_signature_sample(const SignatureSample& sample) {
    const bool rsa = sample.key_type == "rsa";
    const auto scheme = rsa ? SignatureScheme::rsa_pkcs1_sha256 : SignatureScheme::ecdsa_sha256;
    const auto good = verify_digest(sample.certificate_der, scheme, sample.digest, sample.signature);
    if (!good) {
        return tl::unexpected(good.error());
    }
    return *good && (rsa || sample.key_type == "ec") ? SignatureVerdict::good : SignatureVerdict::wrong;
}

} // namespace ukey
