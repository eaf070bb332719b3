// SPDX-License-Identifier: Apache-2.0
// An object on a token and its attributes, read with bounds (PKCS#11 2.40 §5.7 C_GetAttributeValue).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "pkcs11/client/module.hpp"

namespace ukey::pkcs11 {

enum class ObjectClass { certificate, public_key, private_key };

/// The attributes that this software reads.
enum class Attribute {
    label,
    id,
    value,
    certificate_type,
    key_type,
    public_key_info,
    sign,
    decrypt,
    always_authenticate,
};

/// Valid as long as its session. Methods block like Module's.
class Object {
  public:
    Object(std::shared_ptr<Module> module, unsigned long session, unsigned long handle)
        : module_(std::move(module)), session_(session), handle_(handle) {}

    /// The attribute's bytes. nullopt when the object has none or does not show it
    /// (CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_SENSITIVE, CK_UNAVAILABLE_INFORMATION). A length above
    /// `max_bytes` is "limit", and nothing is allocated for it: lengths come from the module, and modules
    /// lie.
    Result<std::optional<std::string>> bytes(Attribute attribute, std::size_t max_bytes) const;

    /// An attribute of type CK_ULONG; nullopt also when it has another size.
    Result<std::optional<unsigned long>> number(Attribute attribute) const;

    /// An attribute of type CK_BBOOL.
    Result<std::optional<bool>> boolean(Attribute attribute) const;

    /// CK_OBJECT_HANDLE, for pkcs11/client only.
    unsigned long handle() const { return handle_; }

  private:
    std::shared_ptr<Module> module_;
    unsigned long session_;
    unsigned long handle_;
};

/// CKO_ value, for pkcs11/client only.
unsigned long raw_class(ObjectClass object_class);

/// CKC_X_509.
constexpr unsigned long certificate_type_x509 = 0;

/// "rsa", "ec", "dsa", "ed", or "0x…" (CKK_ value) for others.
std::string key_type_name(unsigned long key_type);

} // namespace ukey::pkcs11
