// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/client/pin_operations.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "daemon/core/token.hpp"
#include "pkcs11/client/call_error.hpp"
#include "pkcs11/client/raw.hpp"

namespace ukey::pkcs11 {
namespace {

constexpr std::size_t digest_bytes = 32;
/// RSA of 16384 bits.
constexpr std::size_t signature_max_bytes = 2048;
/// Private keys looked at. Tokens in the field have two.
constexpr std::size_t private_keys_max = 32;

/// DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2, note 1): CKM_RSA_PKCS signs what it is given.
constexpr auto sha256_digest_info =
    std::to_array<unsigned char>({0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
                                  0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20});

// PKCS#11 takes PINs as non-const; the standard has it read them only (§5.5, §5.6).
CK_UTF8CHAR* pin_pointer(const Secret& pin) {
    return const_cast<CK_UTF8CHAR*>(pin.bytes().data());
}

Result<TokenInfo> token_that_may_be_tried(const Slot& slot, FinalTry final_try) {
    auto token = slot.token_info();
    if (token && final_try == FinalTry::refuse && token->flags.contains("user_pin_final_try")) {
        return fail("pin.final_try", "use the PIN", token->serial, "one wrong PIN more locks the key");
    }
    return token;
}

Result<void> check_length(const TokenInfo& token, const Secret& pin, const char* which) {
    const bool bounds_known = token.pin_max_bytes != 0;
    if (pin.empty() ||
        (bounds_known && (pin.size() < token.pin_min_bytes || pin.size() > token.pin_max_bytes))) {
        return fail("pin.bad_length", "use the PIN", which,
                    bounds_known ? std::to_string(token.pin_min_bytes) + " to " +
                                       std::to_string(token.pin_max_bytes) + " characters"
                                 : "it is empty");
    }
    return {};
}

/// C_Login to C_Logout.
class Login {
  public:
    /// A module that shares a login among processes has not looked at the PIN: then nobody knows that it is
    /// right.
    static Result<Login> make(const Session& session, const Secret& pin) {
        const CK_RV rv = functions_of(*session.module())
                             .C_Login(handle_of(session), CKU_USER, pin_pointer(pin), pin.size());
        if (rv != CKR_OK) {
            return call_failed("C_Login", rv);
        }
        return Login(session);
    }
    ~Login() {
        if (session_ != nullptr) {
            functions_of(*session_->module()).C_Logout(handle_of(*session_));
        }
    }
    Login(Login&& other) noexcept : session_(std::exchange(other.session_, nullptr)) {}
    Login& operator=(Login&&) = delete;
    Login(const Login&) = delete; // one C_Logout for one C_Login
    Login& operator=(const Login&) = delete;

  private:
    explicit Login(const Session& session) : session_(&session) {}
    const Session* session_;
};

CK_RV set_pin(const Session& session, const Secret& old_pin, const Secret& new_pin) {
    return functions_of(*session.module())
        .C_SetPIN(handle_of(session), pin_pointer(old_pin), old_pin.size(), pin_pointer(new_pin),
                  new_pin.size());
}

struct SigningKey {
    Object key;
    std::string key_type;
    std::vector<std::string> certificates_der;
};

/// The X.509 certificates with this CKA_ID.
std::vector<std::string> certificates_of(const Session& session, const std::string& id) {
    std::vector<std::string> certificates;
    const auto found = session.find(ObjectClass::certificate, certificates_max);
    if (!found) {
        return certificates;
    }
    for (const Object& object : found->objects) {
        const auto object_id = object.bytes(Attribute::id, id_max_bytes);
        const auto der = object.bytes(Attribute::value, certificate_max_bytes);
        if (object_id && *object_id == id && der && *der && !(*der)->empty()) {
            certificates.push_back(**der);
        }
    }
    return certificates;
}

Result<SigningKey> find_signing_key(const Session& session) {
    const auto found = session.find(ObjectClass::private_key, private_keys_max);
    if (!found) {
        return tl::unexpected(found.error());
    }
    for (const Object& key : found->objects) {
        const auto may_sign = key.boolean(Attribute::sign);
        const auto id = key.bytes(Attribute::id, id_max_bytes);
        const auto type = key.number(Attribute::key_type);
        if (!may_sign || !may_sign->value_or(false) || !id || !*id || (*id)->empty() || !type || !*type) {
            continue;
        }
        if (auto certificates = certificates_of(session, **id); !certificates.empty()) {
            return SigningKey{
                .key = key, .key_type = key_type_name(**type), .certificates_der = std::move(certificates)};
        }
    }
    return fail("self_test.no_key", "test the key", "private key",
                "no private key that may sign and has a certificate");
}

Result<std::string> random_digest() {
    std::string digest(digest_bytes, '\0');
    if (getrandom(digest.data(), digest.size(), 0) != static_cast<ssize_t>(digest.size())) {
        return fail("internal.error", "test the key", "getrandom", "no random bytes");
    }
    return digest;
}

/// For a key that wants the PIN for each use. It has just been right once: this costs no try.
Result<void> confirm_use(const Session& session, const Object& key, const Secret& pin) {
    const auto always_authenticate = key.boolean(Attribute::always_authenticate);
    if (always_authenticate && always_authenticate->value_or(false)) {
        const CK_RV rv = functions_of(*session.module())
                             .C_Login(handle_of(session), CKU_CONTEXT_SPECIFIC, pin_pointer(pin), pin.size());
        if (rv != CKR_OK) {
            return call_failed("C_Login", rv);
        }
    }
    return {};
}

Result<std::string> sign(const Session& session, const SigningKey& key, const std::string& digest,
                         const Secret& pin) {
    CK_FUNCTION_LIST& functions = functions_of(*session.module());
    const bool rsa = key.key_type == "rsa";
    std::string input(sha256_digest_info.begin(),
                      rsa ? sha256_digest_info.end() : sha256_digest_info.begin());
    input += digest;
    CK_MECHANISM mechanism{rsa ? CKM_RSA_PKCS : CKM_ECDSA, nullptr, 0};
    if (const CK_RV rv = functions.C_SignInit(handle_of(session), &mechanism, key.key.handle());
        rv != CKR_OK) {
        return call_failed("C_SignInit", rv);
    }
    if (auto confirmed = confirm_use(session, key.key, pin); !confirmed) {
        return tl::unexpected(confirmed.error());
    }
    std::array<unsigned char, signature_max_bytes> signature{};
    CK_ULONG length = signature.size();
    const CK_RV rv = functions.C_Sign(handle_of(session), reinterpret_cast<CK_BYTE*>(input.data()),
                                      input.size(), signature.data(), &length);
    if (rv != CKR_OK) {
        return call_failed("C_Sign", rv);
    }
    if (length > signature.size()) {
        return over_limit("C_Sign");
    }
    return std::string(signature.begin(), signature.begin() + static_cast<std::ptrdiff_t>(length));
}

Result<SignedDigest> sign_one(const Session& session, const SigningKey& key, const Secret& pin) {
    auto digest = random_digest();
    if (!digest) {
        return tl::unexpected(digest.error());
    }
    const auto begin = std::chrono::steady_clock::now();
    auto signature = sign(session, key, *digest, pin);
    const auto duration = std::chrono::steady_clock::now() - begin;
    if (!signature) {
        return tl::unexpected(signature.error());
    }
    return SignedDigest{.digest = std::move(*digest),
                        .signature = std::move(*signature),
                        .duration = std::chrono::duration_cast<std::chrono::microseconds>(duration)};
}

/// All of them: a key for signing may have the CKA_ID of the one for encryption. Not those that want the PIN
/// for each use: it is sent for the signatures alone.
std::vector<Object> find_decrypting_keys(const Session& session, const std::string& wanted_id) {
    std::vector<Object> keys;
    const auto found = session.find(ObjectClass::private_key, private_keys_max);
    if (!found) {
        return keys;
    }
    for (const Object& key : found->objects) {
        const auto may_decrypt = key.boolean(Attribute::decrypt);
        const auto each_time = key.boolean(Attribute::always_authenticate);
        const auto id = key.bytes(Attribute::id, id_max_bytes);
        const auto type = key.number(Attribute::key_type);
        if (may_decrypt && may_decrypt->value_or(false) && each_time && !each_time->value_or(false) && id &&
            *id && **id == wanted_id && type && *type && key_type_name(**type) == "rsa") {
            keys.push_back(key);
        }
    }
    return keys;
}

Result<std::string> decrypt(const Session& session, const Object& key, const std::string& ciphertext) {
    CK_FUNCTION_LIST& functions = functions_of(*session.module());
    CK_MECHANISM mechanism{CKM_RSA_PKCS, nullptr, 0};
    if (const CK_RV rv = functions.C_DecryptInit(handle_of(session), &mechanism, key.handle());
        rv != CKR_OK) {
        return call_failed("C_DecryptInit", rv);
    }
    std::string input = ciphertext; // PKCS#11 takes it as non-const
    std::array<unsigned char, signature_max_bytes> plaintext{};
    CK_ULONG length = plaintext.size();
    const CK_RV rv = functions.C_Decrypt(handle_of(session), reinterpret_cast<CK_BYTE*>(input.data()),
                                         input.size(), plaintext.data(), &length);
    if (rv != CKR_OK) {
        return call_failed("C_Decrypt", rv);
    }
    if (length > plaintext.size()) {
        return over_limit("C_Decrypt");
    }
    return std::string(plaintext.begin(), plaintext.begin() + static_cast<std::ptrdiff_t>(length));
}

std::vector<Decryption> decrypt_all(const Session& session, const std::vector<Ciphertext>& ciphertexts) {
    std::vector<Decryption> decryptions;
    for (std::size_t number = 0; number < ciphertexts.size(); ++number) {
        for (const Object& key : find_decrypting_keys(session, ciphertexts[number].id)) {
            auto plaintext = decrypt(session, key, ciphertexts[number].bytes);
            Decryption decryption{.number = number, .plaintext = {}, .failed = {}};
            if (plaintext) {
                decryption.plaintext = std::move(*plaintext);
            } else {
                decryption.failed = plaintext.error();
            }
            decryptions.push_back(std::move(decryption));
        }
    }
    return decryptions;
}

} // namespace

Result<void> change_pin(const Slot& slot, const Secret& old_pin, const Secret& new_pin, FinalTry final_try) {
    const auto token = token_that_may_be_tried(slot, final_try);
    if (!token) {
        return tl::unexpected(token.error());
    }
    for (const auto& [pin, which] : {std::pair(&old_pin, "old PIN"), std::pair(&new_pin, "new PIN")}) {
        if (auto checked = check_length(*token, *pin, which); !checked) {
            return checked;
        }
    }
    const auto session = Session::open(slot, Access::read_write);
    if (!session) {
        return tl::unexpected(session.error());
    }
    CK_RV rv = set_pin(*session, old_pin, new_pin);
    if (rv == CKR_USER_NOT_LOGGED_IN) {
        const auto login = Login::make(*session, old_pin);
        if (!login) {
            return tl::unexpected(login.error());
        }
        rv = set_pin(*session, old_pin, new_pin);
    }
    if (rv != CKR_OK) {
        return call_failed("C_SetPIN", rv);
    }
    return {};
}

Result<SignedSample> sign_sample(const Slot& slot, const Secret& pin, unsigned times,
                                 const std::vector<Ciphertext>& ciphertexts) {
    const auto token = token_that_may_be_tried(slot, FinalTry::refuse);
    if (!token) {
        return tl::unexpected(token.error());
    }
    if (auto checked = check_length(*token, pin, "PIN"); !checked) {
        return tl::unexpected(checked.error());
    }
    const auto session = Session::open(slot);
    if (!session) {
        return tl::unexpected(session.error());
    }
    const auto login = Login::make(*session, pin);
    if (!login) {
        return tl::unexpected(login.error());
    }
    auto key = find_signing_key(*session);
    if (!key) {
        return tl::unexpected(key.error());
    }
    if (key->key_type != "rsa" && key->key_type != "ec") {
        return fail("self_test.unsupported", "test the key", "key type", key->key_type);
    }
    SignedSample sample{.certificates_der = key->certificates_der,
                        .key_type = key->key_type,
                        .signatures = {},
                        .stopped = std::nullopt,
                        .decryptions = {}};
    for (unsigned number = 0; number < times && !sample.stopped; ++number) {
        auto made = sign_one(*session, *key, pin);
        if (made) {
            sample.signatures.push_back(std::move(*made));
        } else {
            sample.stopped = made.error();
        }
    }
    if (sample.signatures.empty()) {
        return tl::unexpected(*sample.stopped);
    }
    if (!sample.stopped) {
        sample.decryptions = decrypt_all(*session, ciphertexts);
    }
    return sample;
}

} // namespace ukey::pkcs11
