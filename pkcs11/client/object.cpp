// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/client/object.hpp"

#include <array>
#include <charconv>
#include <cstring>

#include "pkcs11/client/call_error.hpp"
#include "pkcs11/client/raw.hpp"

namespace ukey::pkcs11 {
namespace {

static_assert(certificate_type_x509 == CKC_X_509);

CK_ATTRIBUTE_TYPE raw_attribute(Attribute attribute) {
    switch (attribute) {
    case Attribute::label:
        return CKA_LABEL;
    case Attribute::id:
        return CKA_ID;
    case Attribute::value:
        return CKA_VALUE;
    case Attribute::certificate_type:
        return CKA_CERTIFICATE_TYPE;
    case Attribute::key_type:
        return CKA_KEY_TYPE;
    case Attribute::public_key_info:
        return CKA_PUBLIC_KEY_INFO;
    case Attribute::sign:
        return CKA_SIGN;
    case Attribute::decrypt:
        return CKA_DECRYPT;
    case Attribute::always_authenticate:
        return CKA_ALWAYS_AUTHENTICATE;
    }
    return CKA_VENDOR_DEFINED;
}

bool means_not_there(CK_RV rv) {
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE;
}

/// The value of a fixed-size type, or nullopt when the bytes have another size.
template <typename T>
Result<std::optional<T>> fixed(Result<std::optional<std::string>> bytes) {
    if (!bytes) {
        return tl::unexpected(bytes.error());
    }
    if (!*bytes || (*bytes)->size() != sizeof(T)) {
        return std::nullopt;
    }
    T value{};
    std::memcpy(&value, (*bytes)->data(), sizeof value);
    return value;
}

} // namespace

Result<std::optional<std::string>> Object::bytes(Attribute attribute, std::size_t max_bytes) const {
    CK_FUNCTION_LIST& functions = functions_of(*module_);
    CK_ATTRIBUTE request{raw_attribute(attribute), nullptr, 0};
    CK_RV rv = functions.C_GetAttributeValue(session_, handle_, &request, 1);
    if (means_not_there(rv) || (rv == CKR_OK && request.ulValueLen == CK_UNAVAILABLE_INFORMATION)) {
        return std::nullopt;
    }
    if (rv != CKR_OK) {
        return call_failed("C_GetAttributeValue", rv);
    }
    if (request.ulValueLen > max_bytes) {
        return over_limit("C_GetAttributeValue");
    }
    std::string bytes(request.ulValueLen, '\0');
    request.pValue = bytes.data();
    rv = functions.C_GetAttributeValue(session_, handle_, &request, 1);
    if (means_not_there(rv) || (rv == CKR_OK && request.ulValueLen == CK_UNAVAILABLE_INFORMATION)) {
        return std::nullopt;
    }
    if (rv != CKR_OK) {
        return call_failed("C_GetAttributeValue", rv);
    }
    // The second answer may be shorter than the first; a longer one was not written where we can see it.
    if (request.ulValueLen > bytes.size()) {
        return over_limit("C_GetAttributeValue");
    }
    bytes.resize(request.ulValueLen);
    return bytes;
}

Result<std::optional<unsigned long>> Object::number(Attribute attribute) const {
    return fixed<unsigned long>(bytes(attribute, sizeof(unsigned long)));
}

Result<std::optional<bool>> Object::boolean(Attribute attribute) const {
    const auto value = fixed<CK_BBOOL>(bytes(attribute, sizeof(CK_BBOOL)));
    if (!value) {
        return tl::unexpected(value.error());
    }
    return *value ? std::optional<bool>(**value != CK_FALSE) : std::nullopt;
}

unsigned long raw_class(ObjectClass object_class) {
    switch (object_class) {
    case ObjectClass::certificate:
        return CKO_CERTIFICATE;
    case ObjectClass::public_key:
        return CKO_PUBLIC_KEY;
    case ObjectClass::private_key:
        return CKO_PRIVATE_KEY;
    }
    return CKO_VENDOR_DEFINED;
}

std::string key_type_name(unsigned long key_type) {
    switch (key_type) {
    case CKK_RSA:
        return "rsa";
    case CKK_DSA:
        return "dsa";
    case CKK_EC:
        return "ec";
    case CKK_EC_EDWARDS:
        return "ed";
    }
    std::array<char, 2 * sizeof key_type> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), key_type, 16).ptr;
    return "0x" + std::string(digits.data(), end);
}

} // namespace ukey::pkcs11
