// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/login_signature.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "daemon/core/base64.hpp"

namespace ukey::filter {
namespace {

constexpr std::size_t digest_bytes = 32;
/// RSA of 16384 bits.
constexpr std::size_t signature_max_bytes = 2048;
/// Private keys with one CKA_ID: one. With a second one nobody knows which the certificate's is.
constexpr CK_ULONG candidates_max = 2;

/// DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2, note 1): CKM_RSA_PKCS signs what it is given.
constexpr std::array<CK_BYTE, 19> sha256_digest_info{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                                     0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                                     0x01, 0x05, 0x00, 0x04, 0x20};

/// What goes into the module: the text itself where it hashes, else what stands for its digest.
enum class Input { text, digest, digest_info };

struct Way {
    CK_KEY_TYPE key_type;
    CK_MECHANISM_TYPE mechanism;
    Input input;
    const char* scheme;
};

/// In the order of preference: a mechanism that hashes shows the module, and a card with a screen, what is
/// signed.
constexpr std::array ways{
    Way{CKK_RSA, CKM_SHA256_RSA_PKCS, Input::text, "rsa_pkcs1_sha256"},
    Way{CKK_RSA, CKM_SHA256_RSA_PKCS_PSS, Input::text, "rsa_pss_sha256"},
    Way{CKK_RSA, CKM_RSA_PKCS, Input::digest_info, "rsa_pkcs1_sha256"},
    Way{CKK_RSA, CKM_RSA_PKCS_PSS, Input::digest, "rsa_pss_sha256"},
    Way{CKK_EC, CKM_ECDSA_SHA256, Input::text, "ecdsa_sha256"},
    Way{CKK_EC, CKM_ECDSA, Input::digest, "ecdsa_sha256"},
};

std::string failure(const char* function, CK_RV rv) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s 0x%lx", function, rv);
    return text.data();
}

/// A session of the filter's own on a slot.
class OwnSession {
  public:
    OwnSession(const CK_FUNCTION_LIST& backend, CK_SLOT_ID slot)
        : backend_(backend),
          rv_(backend.C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &handle_)) {}
    ~OwnSession() {
        if (rv_ == CKR_OK) {
            backend_.C_CloseSession(handle_);
        }
    }
    OwnSession(const OwnSession&) = delete; // one C_CloseSession for one C_OpenSession
    OwnSession& operator=(const OwnSession&) = delete;

    CK_RV rv() const { return rv_; }
    CK_SESSION_HANDLE handle() const { return handle_; }

  private:
    const CK_FUNCTION_LIST& backend_;
    CK_SESSION_HANDLE handle_ = CK_INVALID_HANDLE;
    CK_RV rv_;
};

/// One attempt: every step leaves its failure in `signed_`.
class Signer {
  public:
    Signer(const CK_FUNCTION_LIST& backend, CK_SLOT_ID slot, CK_SESSION_HANDLE session)
        : backend_(backend), slot_(slot), session_(session) {}

    LoginSignature sign(const LoginChallenge& challenge) {
        const std::optional<CK_OBJECT_HANDLE> key = find_key(challenge.object_id);
        const Way* way = key ? choose_way(*key) : nullptr;
        if (way != nullptr) {
            sign_with(*key, *way, to_text(challenge.record));
        }
        return std::move(signed_);
    }

  private:
    std::optional<CK_OBJECT_HANDLE> find_key(const std::string& object_id) {
        CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
        std::array wanted{CK_ATTRIBUTE{CKA_CLASS, &object_class, sizeof object_class},
                          CK_ATTRIBUTE{CKA_ID, const_cast<char*>(object_id.data()), object_id.size()}};
        CK_RV rv = backend_.C_FindObjectsInit(session_, wanted.data(), wanted.size());
        if (rv != CKR_OK) {
            signed_.absent = failure("C_FindObjectsInit", rv);
            return std::nullopt;
        }
        std::array<CK_OBJECT_HANDLE, candidates_max> found{};
        CK_ULONG count = 0;
        CK_ULONG more = 0;
        do { // a module may give one at a time
            rv = backend_.C_FindObjects(session_, &found[count], candidates_max - count, &more);
            count += rv == CKR_OK ? std::min(more, candidates_max - count) : 0;
        } while (rv == CKR_OK && more > 0 && count < candidates_max);
        backend_.C_FindObjectsFinal(session_);
        if (rv != CKR_OK || count != 1) {
            signed_.absent = rv != CKR_OK ? failure("C_FindObjects", rv)
                             : count == 0 ? "no_key"
                                          : "several_keys";
            return std::nullopt;
        }
        return found[0];
    }

    /// `if_unknown` for a module that does not know the attribute; nullopt when it doesn't say.
    std::optional<bool> is_true(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, bool if_unknown) {
        CK_BBOOL value = CK_FALSE;
        CK_ATTRIBUTE attribute{type, &value, sizeof value};
        const CK_RV rv = backend_.C_GetAttributeValue(session_, key, &attribute, 1);
        if (rv == CKR_ATTRIBUTE_TYPE_INVALID) {
            return if_unknown;
        }
        if (rv != CKR_OK || attribute.ulValueLen != sizeof value) {
            signed_.absent = failure("C_GetAttributeValue", rv);
            return std::nullopt;
        }
        return value != CK_FALSE;
    }

    /// A key that signs, and that does not ask the person for the PIN once more. A module that does not know
    /// CKA_ALWAYS_AUTHENTICATE has no keys that do.
    bool may_sign(CK_OBJECT_HANDLE key) {
        const std::optional<bool> signs = is_true(key, CKA_SIGN, true);
        const std::optional<bool> asks = is_true(key, CKA_ALWAYS_AUTHENTICATE, false);
        if (signs && !*signs) {
            signed_.absent = "no_key";
        } else if (signs && asks && *asks) {
            signed_.absent = "always_authenticate";
        }
        return signs && *signs && asks && !*asks;
    }

    const Way* choose_way(CK_OBJECT_HANDLE key) {
        CK_KEY_TYPE key_type = 0;
        CK_ATTRIBUTE attribute{CKA_KEY_TYPE, &key_type, sizeof key_type};
        if (const CK_RV rv = backend_.C_GetAttributeValue(session_, key, &attribute, 1); rv != CKR_OK) {
            signed_.absent = failure("C_GetAttributeValue", rv);
            return nullptr;
        }
        if (!may_sign(key)) {
            return nullptr;
        }
        const auto way = std::find_if(ways.begin(), ways.end(), [&](const Way& candidate) {
            return candidate.key_type == key_type && can_sign(candidate.mechanism);
        });
        if (way == ways.end()) {
            signed_.absent = "no_mechanism";
            return nullptr;
        }
        return &*way;
    }

    bool can_sign(CK_MECHANISM_TYPE mechanism) {
        CK_MECHANISM_INFO info{};
        return backend_.C_GetMechanismInfo(slot_, mechanism, &info) == CKR_OK && (info.flags & CKF_SIGN) != 0;
    }

    void sign_with(CK_OBJECT_HANDLE key, const Way& way, const std::string& text) {
        std::vector<CK_BYTE> input(text.begin(), text.end());
        if (way.input != Input::text && !to_digest(input)) {
            return;
        }
        if (way.input == Input::digest_info) {
            input.insert(input.begin(), sha256_digest_info.begin(), sha256_digest_info.end());
        }
        CK_RSA_PKCS_PSS_PARAMS pss{CKM_SHA256, CKG_MGF1_SHA256, digest_bytes};
        CK_MECHANISM mechanism{way.mechanism, nullptr, 0};
        if (way.mechanism == CKM_SHA256_RSA_PKCS_PSS || way.mechanism == CKM_RSA_PKCS_PSS) {
            mechanism.pParameter = &pss;
            mechanism.ulParameterLen = sizeof pss;
        }
        if (const CK_RV rv = backend_.C_SignInit(session_, &mechanism, key); rv != CKR_OK) {
            signed_.absent = failure("C_SignInit", rv);
            return;
        }
        std::array<CK_BYTE, signature_max_bytes> signature{};
        CK_ULONG length = signature.size();
        if (const CK_RV rv = backend_.C_Sign(session_, input.data(), input.size(), signature.data(), &length);
            rv != CKR_OK || length > signature.size()) {
            signed_.absent = failure("C_Sign", rv);
            return;
        }
        signed_.scheme = way.scheme;
        signed_.signature.assign(reinterpret_cast<const char*>(signature.data()), length);
    }

    /// By the module: the filter has no hash of its own.
    bool to_digest(std::vector<CK_BYTE>& bytes) {
        CK_MECHANISM mechanism{CKM_SHA256, nullptr, 0};
        if (backend_.C_DigestInit(session_, &mechanism) != CKR_OK) {
            signed_.absent = "no_mechanism";
            return false;
        }
        std::vector<CK_BYTE> digest(digest_bytes);
        CK_ULONG length = digest.size();
        const CK_RV rv = backend_.C_Digest(session_, bytes.data(), bytes.size(), digest.data(), &length);
        if (rv != CKR_OK || length != digest.size()) {
            signed_.absent = failure("C_Digest", rv);
            return false;
        }
        bytes = std::move(digest);
        return true;
    }

    const CK_FUNCTION_LIST& backend_;
    CK_SLOT_ID slot_;
    CK_SESSION_HANDLE session_;
    LoginSignature signed_;
};

LoginSignature sign_now(const CK_FUNCTION_LIST& backend, CK_SLOT_ID slot, const LoginChallenge& challenge) {
    LoginSignature signature;
    if (!is_unambiguous(challenge.record)) {
        signature.absent = "ambiguous_record";
        return signature;
    }
    const OwnSession session(backend, slot);
    if (session.rv() != CKR_OK) {
        signature.absent = failure("C_OpenSession", session.rv());
        return signature;
    }
    return Signer(backend, slot, session.handle()).sign(challenge);
}

/// Reads members; `ok` turns false at the first that is missing or of another type.
struct Reader {
    const boost::json::object& object;
    bool ok = true;

    std::string text(std::string_view name) {
        const boost::json::value* value = object.if_contains(name);
        const boost::json::string* found = value == nullptr ? nullptr : value->if_string();
        ok = ok && found != nullptr;
        return found == nullptr ? std::string() : std::string(found->data(), found->size());
    }

    template <typename Number>
    Number number(std::string_view name) {
        const boost::json::value* value = object.if_contains(name);
        boost::json::error_code error;
        const Number number = value == nullptr ? Number{} : value->to_number<Number>(error);
        ok = ok && value != nullptr && !error;
        return number;
    }
};

} // namespace

std::optional<LoginChallenge> decode_challenge(const boost::json::object& attest) {
    Reader reader{attest};
    LoginChallenge challenge{.record = {.nonce = reader.text("nonce"),
                                        .ledger_seq = reader.number<std::uint64_t>("ledger_seq"),
                                        .ledger_head = reader.text("ledger_head"),
                                        .key_id = reader.text("key"),
                                        .manufacturer = reader.text("manufacturer"),
                                        .model = reader.text("model"),
                                        .serial = reader.text("serial"),
                                        .public_key = reader.text("public_key"),
                                        .organisation = reader.text("organisation"),
                                        .uid = reader.number<std::uint32_t>("uid"),
                                        .asked_at = reader.text("asked_at"),
                                        .login = {},
                                        .started_at = {}},
                             .object_id = {}};
    const auto object_id = hex_decode(reader.text("object"));
    if (!reader.ok || !object_id) {
        return std::nullopt;
    }
    challenge.object_id = *object_id;
    return challenge;
}

LoginSignature sign_login(const CK_FUNCTION_LIST& backend, CK_SLOT_ID slot, const LoginChallenge& challenge) {
    const auto begun = std::chrono::steady_clock::now();
    LoginSignature signature = sign_now(backend, slot, challenge);
    signature.duration =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
    return signature;
}

boost::json::object to_json(const LoginChallenge& challenge, const LoginSignature& signature) {
    boost::json::object attestation{{"nonce", challenge.record.nonce},
                                    {"duration_us", signature.duration.count()}};
    if (signature.absent.empty()) {
        attestation["scheme"] = signature.scheme;
        attestation["signature"] = base64_encode(signature.signature);
    } else {
        attestation["absent"] = signature.absent;
    }
    return attestation;
}

} // namespace ukey::filter
