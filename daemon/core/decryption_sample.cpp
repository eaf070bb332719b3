// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/decryption_sample.hpp"

#include <map>
#include <optional>

#include <boost/json/array.hpp>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "daemon/core/base64.hpp"
#include "daemon/core/openssl_handle.hpp"

namespace ukey {
namespace {

constexpr std::size_t questions_max = 8;
constexpr std::size_t plaintext_bytes = 32;

const unsigned char* unsigned_data(const std::string& bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

unsigned char* unsigned_data(std::string& bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

bool may_encrypt(X509* certificate) {
    return (X509_get_extension_flags(certificate) & EXFLAG_KUSAGE) != 0 &&
           (X509_get_key_usage(certificate) & (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT)) != 0;
}

std::optional<std::string> encrypt(EVP_PKEY* key, const std::string& plaintext) {
    const EvpPkeyContextHandle context(EVP_PKEY_CTX_new(key, nullptr));
    std::size_t length = 0;
    if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_encrypt(context.get(), nullptr, &length, unsigned_data(plaintext), plaintext.size()) != 1) {
        return std::nullopt;
    }
    std::string ciphertext(length, '\0');
    if (EVP_PKEY_encrypt(context.get(), unsigned_data(ciphertext), &length, unsigned_data(plaintext),
                         plaintext.size()) != 1) {
        return std::nullopt;
    }
    ciphertext.resize(length);
    return ciphertext;
}

std::optional<DecryptionQuestion> ask(const CertificateReport& report) {
    const auto* cursor = unsigned_data(report.der);
    const X509Handle certificate(d2i_X509(nullptr, &cursor, static_cast<long>(report.der.size())));
    EVP_PKEY* key = certificate ? X509_get0_pubkey(certificate.get()) : nullptr;
    if (report.id.empty() || key == nullptr || EVP_PKEY_base_id(key) != EVP_PKEY_RSA ||
        !may_encrypt(certificate.get())) {
        return std::nullopt;
    }
    std::string plaintext(plaintext_bytes, '\0');
    if (RAND_bytes(unsigned_data(plaintext), static_cast<int>(plaintext.size())) != 1) {
        return std::nullopt;
    }
    auto ciphertext = encrypt(key, plaintext);
    return ciphertext
               ? std::optional(DecryptionQuestion{report.id, std::move(plaintext), std::move(*ciphertext)})
               : std::nullopt;
}

/// What the return value says of the ciphertext, and not of the call.
bool says_that_it_is_none_of_its(const std::string& failed) {
    return failed == "C_Decrypt: CKR_ENCRYPTED_DATA_INVALID" ||
           failed == "C_Decrypt: CKR_ENCRYPTED_DATA_LEN_RANGE" || failed == "C_Decrypt: CKR_DATA_INVALID";
}

std::string text_member(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

} // namespace

std::vector<DecryptionQuestion> ask_for_decryption(std::span<const CertificateReport> certificates) {
    std::vector<DecryptionQuestion> questions;
    for (const CertificateReport& report : certificates) {
        if (questions.size() == questions_max) {
            break;
        }
        if (auto question = ask(report)) {
            questions.push_back(std::move(*question));
        }
    }
    return questions;
}

DecryptionVerdict judge_decryptions(std::span<const DecryptionQuestion> questions,
                                    const boost::json::object& answer) {
    DecryptionVerdict verdict;
    std::map<std::string, bool> read_by_key; // by CKA_ID: did it read one of its own?
    const boost::json::value* list = answer.if_contains("decryptions");
    if (list == nullptr || !list->is_array()) {
        return verdict; // of an older ukey-probe
    }
    for (const boost::json::value& value : list->get_array()) {
        const boost::json::object* one = value.if_object();
        const boost::json::value* number = one != nullptr ? one->if_contains("number") : nullptr;
        boost::json::error_code error;
        const auto index = number != nullptr ? number->to_number<std::size_t>(error) : questions.size();
        if (error || index >= questions.size()) {
            continue;
        }
        const DecryptionQuestion& question = questions[index];
        const std::string failed = text_member(*one, "failed");
        if (!failed.empty() && !says_that_it_is_none_of_its(failed)) {
            continue;
        }
        const bool right =
            failed.empty() && base64_decode(text_member(*one, "plaintext")) == question.plaintext;
        read_by_key[question.id] = read_by_key[question.id] || right;
    }
    for (const auto& [id, right] : read_by_key) {
        ++(right ? verdict.good : verdict.wrong);
    }
    return verdict;
}

} // namespace ukey
