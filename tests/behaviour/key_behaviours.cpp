// SPDX-License-Identifier: Apache-2.0
// Signing, verifying, decrypting, digests; keys unwrapped and derived.
#include <array>
#include <vector>

#include "tests/behaviour/behaviours.hpp"
#include "tests/behaviour/observation.hpp"
#include "tests/behaviour/scene.hpp"

namespace ukey::behaviour {
namespace {

struct Prepared {
    explicit Prepared(const std::string& module) : scene(module) {
        scene.initialize();
        session = scene.open(CKF_RW_SESSION);
        Say{"login", scene.login(session)};
    }
    CK_OBJECT_HANDLE key(CK_OBJECT_CLASS object_class, CK_KEY_TYPE type) const {
        const CK_OBJECT_HANDLE found = scene.find(session, object_class, type);
        note("key", object_class, type, found != 0);
        return found;
    }

    Scene scene;
    CK_SESSION_HANDLE session = 0;
};

/// One-shot signature: the length first, then a buffer that is too small, then one that fits.
void sign_by(const Prepared& prepared, const std::string& step, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key,
             CK_OBJECT_HANDLE public_key) {
    CK_FUNCTION_LIST& p11 = prepared.scene.p11();
    CK_MECHANISM mechanism{type, nullptr, 0};
    std::array<CK_BYTE, 32> data{1, 2, 3};
    std::vector<CK_BYTE> signature(600);
    if (Say{step + " init", p11.C_SignInit(prepared.session, &mechanism, key)} != CKR_OK) {
        return;
    }
    Say{step + " init again", p11.C_SignInit(prepared.session, &mechanism, key)};
    CK_ULONG length = 0;
    Say{step + " length", p11.C_Sign(prepared.session, data.data(), data.size(), nullptr, &length), length};
    length = 3;
    Say{step + " small", p11.C_Sign(prepared.session, data.data(), data.size(), signature.data(), &length),
        length};
    length = signature.size();
    Say{step, p11.C_Sign(prepared.session, data.data(), data.size(), signature.data(), &length), length};
    CK_ULONG more = signature.size();
    std::vector<CK_BYTE> second(600);
    Say{step + " once more", p11.C_Sign(prepared.session, data.data(), data.size(), second.data(), &more)};
    Say{step + " verify init", p11.C_VerifyInit(prepared.session, &mechanism, public_key)};
    Say{step + " verify", p11.C_Verify(prepared.session, data.data(), data.size(), signature.data(), length)};
    signature[5] ^= 1U;
    Say{step + " verify init", p11.C_VerifyInit(prepared.session, &mechanism, public_key)};
    Say{step + " verify changed",
        p11.C_Verify(prepared.session, data.data(), data.size(), signature.data(), length)};
    // In parts.
    if (Say{step + " parts init", p11.C_SignInit(prepared.session, &mechanism, key)} != CKR_OK) {
        return;
    }
    Say{step + " part", p11.C_SignUpdate(prepared.session, data.data(), 16)};
    Say{step + " part", p11.C_SignUpdate(prepared.session, data.data() + 16, 16)};
    length = 0;
    Say{step + " final length", p11.C_SignFinal(prepared.session, nullptr, &length), length};
    length = 3;
    Say{step + " final small", p11.C_SignFinal(prepared.session, signature.data(), &length), length};
    length = signature.size();
    Say{step + " final", p11.C_SignFinal(prepared.session, signature.data(), &length), length};
    length = signature.size();
    Say{step + " final again", p11.C_SignFinal(prepared.session, signature.data(), &length)};
}

void sign_ec(const std::string& module) {
    const Prepared prepared(module);
    const CK_OBJECT_HANDLE key = prepared.key(CKO_PRIVATE_KEY, CKK_EC);
    const CK_OBJECT_HANDLE public_key = prepared.key(CKO_PUBLIC_KEY, CKK_EC);
    sign_by(prepared, "ecdsa", CKM_ECDSA, key, public_key);
    sign_by(prepared, "ecdsa-sha256", 0x1044 /* CKM_ECDSA_SHA256 */, key, public_key);
}

void sign_rsa(const std::string& module) {
    const Prepared prepared(module);
    const CK_OBJECT_HANDLE key = prepared.key(CKO_PRIVATE_KEY, CKK_RSA);
    const CK_OBJECT_HANDLE public_key = prepared.key(CKO_PUBLIC_KEY, CKK_RSA);
    sign_by(prepared, "rsa", CKM_RSA_PKCS, key, public_key);
    sign_by(prepared, "rsa-sha256", CKM_SHA256_RSA_PKCS, key, public_key);
}

void sign_errors(const std::string& module) {
    Scene scene(module);
    scene.initialize();
    const CK_SESSION_HANDLE session = scene.open();
    CK_FUNCTION_LIST& p11 = scene.p11();
    CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
    std::array<CK_BYTE, 128> bytes{};
    CK_ULONG length = bytes.size();
    Say{"without init", p11.C_Sign(session, bytes.data(), 32, bytes.data(), &length)};
    Say{"final without init", p11.C_SignFinal(session, bytes.data(), &length)};
    Say{"update without init", p11.C_SignUpdate(session, bytes.data(), 32)};
    Say{"decrypt without init", p11.C_Decrypt(session, bytes.data(), 32, bytes.data(), &length)};
    Say{"no such key", p11.C_SignInit(session, &mechanism, invalid_handle)};
    const CK_OBJECT_HANDLE hidden = scene.find(session, CKO_PRIVATE_KEY, CKK_EC);
    note("key without login", hidden != 0);
    Say{"init without login", p11.C_SignInit(session, &mechanism, hidden)};
    Say{"sign without login", p11.C_Sign(session, bytes.data(), 32, bytes.data(), &length)};
    Say{"login", scene.login(session)};
    const CK_OBJECT_HANDLE key = scene.find(session, CKO_PRIVATE_KEY, CKK_EC);
    mechanism.mechanism = 0x7FFFFFF0;
    Say{"no such mechanism", p11.C_SignInit(session, &mechanism, key)};
    mechanism.mechanism = CKM_AES_CBC;
    Say{"wrong mechanism", p11.C_SignInit(session, &mechanism, key)};
    mechanism.mechanism = CKM_ECDSA;
    Say{"init", p11.C_SignInit(session, &mechanism, key)};
    Say{"logout meanwhile", p11.C_Logout(session)};
    length = bytes.size();
    Say{"sign after logout", p11.C_Sign(session, bytes.data(), 32, bytes.data(), &length)};
    Say{"login", scene.login(session)};
    Say{"null mechanism", p11.C_SignInit(session, nullptr, key)};
    Say{"sign", scene.sign(session, scene.find(session, CKO_PRIVATE_KEY, CKK_EC))};
}

void decrypt(const std::string& module) {
    const Prepared prepared(module);
    CK_FUNCTION_LIST& p11 = prepared.scene.p11();
    const CK_OBJECT_HANDLE key = prepared.key(CKO_PRIVATE_KEY, CKK_RSA);
    const CK_OBJECT_HANDLE public_key = prepared.key(CKO_PUBLIC_KEY, CKK_RSA);
    CK_MECHANISM mechanism{CKM_RSA_PKCS, nullptr, 0};
    std::array<CK_BYTE, 512> encrypted{};
    std::array<CK_BYTE, 512> plain{5, 6, 7, 8};
    CK_ULONG encrypted_bytes = encrypted.size();
    Say{"encrypt init", p11.C_EncryptInit(prepared.session, &mechanism, public_key)};
    Say{"encrypt", p11.C_Encrypt(prepared.session, plain.data(), 4, encrypted.data(), &encrypted_bytes)};
    Say{"init", p11.C_DecryptInit(prepared.session, &mechanism, key)};
    CK_ULONG length = 0;
    Say{"length", p11.C_Decrypt(prepared.session, encrypted.data(), encrypted_bytes, nullptr, &length),
        length};
    length = 1;
    Say{"small", p11.C_Decrypt(prepared.session, encrypted.data(), encrypted_bytes, plain.data(), &length),
        length};
    length = plain.size();
    Say{"decrypt", p11.C_Decrypt(prepared.session, encrypted.data(), encrypted_bytes, plain.data(), &length),
        length};
    Say{"init", p11.C_DecryptInit(prepared.session, &mechanism, key)};
    length = plain.size();
    Say{"update",
        p11.C_DecryptUpdate(prepared.session, encrypted.data(), encrypted_bytes, plain.data(), &length)};
    length = plain.size();
    Say{"final", p11.C_DecryptFinal(prepared.session, plain.data(), &length)};
}

void digest(const std::string& module) {
    const Prepared prepared(module);
    CK_FUNCTION_LIST& p11 = prepared.scene.p11();
    CK_MECHANISM mechanism{CKM_SHA256, nullptr, 0};
    std::array<CK_BYTE, 64> bytes{};
    Say{"init", p11.C_DigestInit(prepared.session, &mechanism)};
    CK_ULONG length = 0;
    Say{"length", p11.C_Digest(prepared.session, bytes.data(), 10, nullptr, &length), length};
    length = 5;
    Say{"small", p11.C_Digest(prepared.session, bytes.data(), 10, bytes.data(), &length), length};
    length = bytes.size();
    Say{"digest", p11.C_Digest(prepared.session, bytes.data(), 10, bytes.data(), &length), length,
        int{bytes[0]}};
    Say{"init", p11.C_DigestInit(prepared.session, &mechanism)};
    Say{"update", p11.C_DigestUpdate(prepared.session, bytes.data(), 10)};
    length = bytes.size();
    Say{"final", p11.C_DigestFinal(prepared.session, bytes.data(), &length), length, int{bytes[0]}};
    length = bytes.size();
    Say{"final again", p11.C_DigestFinal(prepared.session, bytes.data(), &length)};
}

void sign_recover(const std::string& module) {
    const Prepared prepared(module);
    CK_FUNCTION_LIST& p11 = prepared.scene.p11();
    const CK_OBJECT_HANDLE key = prepared.key(CKO_PRIVATE_KEY, CKK_RSA);
    CK_MECHANISM mechanism{CKM_RSA_PKCS, nullptr, 0};
    std::array<CK_BYTE, 512> bytes{};
    CK_ULONG length = bytes.size();
    Say{"init", p11.C_SignRecoverInit(prepared.session, &mechanism, key)};
    Say{"sign", p11.C_SignRecover(prepared.session, bytes.data(), 20, bytes.data(), &length)};
    Say{"verify init", p11.C_VerifyRecoverInit(prepared.session, &mechanism, key)};
}

void derive_and_unwrap(const std::string& module) {
    const Prepared prepared(module);
    CK_FUNCTION_LIST& p11 = prepared.scene.p11();
    const CK_OBJECT_HANDLE key = prepared.key(CKO_PRIVATE_KEY, CKK_EC);
    const CK_OBJECT_HANDLE public_key = prepared.key(CKO_PUBLIC_KEY, CKK_EC);
    std::array<CK_BYTE, 128> point{};
    CK_ATTRIBUTE point_attribute{CKA_EC_POINT, point.data(), point.size()};
    Say{"point", p11.C_GetAttributeValue(prepared.session, public_key, &point_attribute, 1),
        point_attribute.ulValueLen};
    CK_ECDH1_DERIVE_PARAMS parameters{CKD_NULL, 0, nullptr, point_attribute.ulValueLen, point.data()};
    CK_MECHANISM mechanism{CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
    CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
    CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
    CK_BBOOL no = CK_FALSE;
    CK_ULONG length = 32;
    std::array<CK_ATTRIBUTE, 5> wanted{
        CK_ATTRIBUTE{CKA_CLASS, &secret, sizeof secret}, CK_ATTRIBUTE{CKA_KEY_TYPE, &generic, sizeof generic},
        CK_ATTRIBUTE{CKA_TOKEN, &no, sizeof no}, CK_ATTRIBUTE{CKA_SENSITIVE, &no, sizeof no},
        CK_ATTRIBUTE{CKA_VALUE_LEN, &length, sizeof length}};
    CK_OBJECT_HANDLE made = 0;
    Say{"derive", p11.C_DeriveKey(prepared.session, &mechanism, key, wanted.data(), wanted.size(), &made),
        made != 0};
    Say{"derive from none",
        p11.C_DeriveKey(prepared.session, &mechanism, invalid_handle, wanted.data(), wanted.size(), &made)};
    const CK_OBJECT_HANDLE rsa = prepared.key(CKO_PRIVATE_KEY, CKK_RSA);
    const CK_OBJECT_HANDLE rsa_public = prepared.key(CKO_PUBLIC_KEY, CKK_RSA);
    CK_MECHANISM wrap{CKM_RSA_PKCS, nullptr, 0};
    std::array<CK_BYTE, 16> plain{1, 2, 3};
    std::array<CK_BYTE, 512> wrapped{};
    CK_ULONG wrapped_bytes = wrapped.size();
    Say{"encrypt init", p11.C_EncryptInit(prepared.session, &wrap, rsa_public)};
    Say{"encrypt",
        p11.C_Encrypt(prepared.session, plain.data(), plain.size(), wrapped.data(), &wrapped_bytes)};
    Say{"unwrap", p11.C_UnwrapKey(prepared.session, &wrap, rsa, wrapped.data(), wrapped_bytes, wanted.data(),
                                  4, &made)};
    Say{"unwrap nonsense",
        p11.C_UnwrapKey(prepared.session, &wrap, rsa, wrapped.data(), 7, wanted.data(), 4, &made)};
}

void generate(const std::string& module) {
    const Prepared prepared(module);
    CK_FUNCTION_LIST& p11 = prepared.scene.p11();
    std::array<CK_BYTE, 10> curve{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    CK_ATTRIBUTE parameters{CKA_EC_PARAMS, curve.data(), curve.size()};
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE may_sign{CKA_SIGN, &yes, sizeof yes};
    CK_MECHANISM mechanism{CKM_ECDSA_KEY_PAIR_GEN, nullptr, 0};
    CK_OBJECT_HANDLE public_key = 0;
    CK_OBJECT_HANDLE private_key = 0;
    const CK_RV rv = Say{"key pair", p11.C_GenerateKeyPair(prepared.session, &mechanism, &parameters, 1,
                                                           &may_sign, 1, &public_key, &private_key)};
    if (rv == CKR_OK) {
        Say{"sign", prepared.scene.sign(prepared.session, private_key)};
        Say{"destroy", p11.C_DestroyObject(prepared.session, private_key)};
        Say{"sign by destroyed", prepared.scene.sign(prepared.session, private_key)};
    }
}

constexpr std::array table{
    Behaviour{"sign_ec", sign_ec},         Behaviour{"sign_rsa", sign_rsa},
    Behaviour{"sign_errors", sign_errors}, Behaviour{"decrypt", decrypt},
    Behaviour{"digest", digest},           Behaviour{"sign_recover", sign_recover},
    Behaviour{"generate", generate},       Behaviour{"derive_and_unwrap", derive_and_unwrap},
};

} // namespace

std::span<const Behaviour> key_behaviours() {
    return table;
}

} // namespace ukey::behaviour
