// SPDX-License-Identifier: Apache-2.0
// The filter's signature over a login record, made by SoftHSM and checked by what the service checks it with.
#include "pkcs11/module/login_signature.hpp"

#include <array>
#include <set>

#include <dlfcn.h>
#include <gtest/gtest.h>

#include "daemon/core/attestation.hpp"
#include "daemon/core/base64.hpp"
#include "daemon/core/certificate.hpp"
#include "tests/softhsm/softhsm_token.hpp"

namespace ukey::test {
namespace {

// What a test takes away from SoftHSM, or adds to it.
CK_FUNCTION_LIST* softhsm = nullptr;
std::set<CK_MECHANISM_TYPE> hidden_mechanisms;

CK_RV mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR info) {
    return hidden_mechanisms.contains(type) ? CKR_MECHANISM_INVALID
                                            : softhsm->C_GetMechanismInfo(slot, type, info);
}

CK_RV always_authenticate(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR attributes,
                          CK_ULONG count) {
    const CK_RV rv = softhsm->C_GetAttributeValue(session, object, attributes, count);
    if (rv == CKR_OK && attributes[0].type == CKA_ALWAYS_AUTHENTICATE) {
        *static_cast<CK_BBOOL*>(attributes[0].pValue) = CK_TRUE;
    }
    return rv;
}

/// One attribute's value cannot be read.
CK_ATTRIBUTE_TYPE unreadable_attribute = CKA_CLASS;
CK_RV unreadable_rv = CKR_OK;

CK_RV attribute_fails(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR attributes,
                      CK_ULONG count) {
    return attributes[0].type == unreadable_attribute
               ? unreadable_rv
               : softhsm->C_GetAttributeValue(session, object, attributes, count);
}

CK_RV does_not_sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR attributes,
                    CK_ULONG count) {
    const CK_RV rv = softhsm->C_GetAttributeValue(session, object, attributes, count);
    if (rv == CKR_OK && attributes[0].type == CKA_SIGN) {
        *static_cast<CK_BBOOL*>(attributes[0].pValue) = CK_FALSE;
    }
    return rv;
}

CK_RV one_at_a_time(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR objects, CK_ULONG, CK_ULONG_PTR count) {
    return softhsm->C_FindObjects(session, objects, 1, count);
}

int signatures = 0;

CK_RV counted_sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG data_bytes, CK_BYTE_PTR signature,
                   CK_ULONG_PTR signature_bytes) {
    ++signatures;
    return softhsm->C_Sign(session, data, data_bytes, signature, signature_bytes);
}

int open_sessions = 0;

CK_RV counted_open(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify,
                   CK_SESSION_HANDLE_PTR session) {
    ++open_sessions;
    return softhsm->C_OpenSession(slot, flags, application, notify, session);
}

CK_RV counted_close(CK_SESSION_HANDLE session) {
    --open_sessions;
    return softhsm->C_CloseSession(session);
}

CK_RV no_more_sessions(CK_SLOT_ID, CK_FLAGS, void*, CK_NOTIFY, CK_SESSION_HANDLE_PTR) {
    return CKR_SESSION_COUNT;
}

CK_RV sign_fails(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG, CK_BYTE_PTR, CK_ULONG_PTR) {
    return CKR_DEVICE_ERROR;
}

CK_RV no_digest(CK_SESSION_HANDLE, CK_MECHANISM_PTR) {
    return CKR_MECHANISM_INVALID;
}

class LoginSignatureTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto path = find_softhsm();
        if (!path) {
            GTEST_SKIP() << "softhsm2, pkcs11-tool or openssl is missing";
        }
        token_.emplace(*path);
        library_ = dlopen(path->c_str(), RTLD_NOW | RTLD_LOCAL);
        ASSERT_NE(library_, nullptr);
        const auto entry = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library_, "C_GetFunctionList"));
        ASSERT_EQ(entry(&softhsm), CKR_OK);
        backend_ = *softhsm;
        backend_.C_GetMechanismInfo = mechanism_info;
        backend_.C_OpenSession = counted_open;
        backend_.C_CloseSession = counted_close;
        hidden_mechanisms.clear();
        open_sessions = 0;
    }

    void TearDown() override {
        if (library_ != nullptr) {
            softhsm->C_Finalize(nullptr);
            dlclose(library_);
        }
    }

    /// A key pair on the token, and the application logged in.
    void log_in(const std::string& type) {
        token_->add_key(type, "01ab");
        ASSERT_EQ(softhsm->C_Initialize(nullptr), CKR_OK);
        std::array<CK_SLOT_ID, 4> slots{}; // the token's, and SoftHSM's offer of a new one
        CK_ULONG count = slots.size();
        ASSERT_EQ(softhsm->C_GetSlotList(CK_TRUE, slots.data(), &count), CKR_OK);
        slot_ = slots[0];
        ASSERT_EQ(softhsm->C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session_), CKR_OK);
        std::string pin = SoftHsmToken::pin;
        ASSERT_EQ(
            softhsm->C_Login(session_, CKU_USER, reinterpret_cast<CK_UTF8CHAR_PTR>(pin.data()), pin.size()),
            CKR_OK);
        certificate_der_ = read_certificate();
    }

    std::string read_certificate() {
        CK_OBJECT_CLASS object_class = CKO_CERTIFICATE;
        CK_ATTRIBUTE wanted{CKA_CLASS, &object_class, sizeof object_class};
        CK_OBJECT_HANDLE object = 0;
        CK_ULONG count = 0;
        EXPECT_EQ(softhsm->C_FindObjectsInit(session_, &wanted, 1), CKR_OK);
        EXPECT_EQ(softhsm->C_FindObjects(session_, &object, 1, &count), CKR_OK);
        softhsm->C_FindObjectsFinal(session_);
        std::string der(4096, '\0');
        CK_ATTRIBUTE value{CKA_VALUE, der.data(), der.size()};
        EXPECT_EQ(softhsm->C_GetAttributeValue(session_, object, &value, 1), CKR_OK);
        der.resize(value.ulValueLen);
        return der;
    }

    filter::LoginChallenge challenge() const {
        filter::LoginChallenge challenge;
        challenge.record.nonce = std::string(64, 'a');
        challenge.record.public_key = parse_certificate(certificate_der_, {}).value().spki_sha256;
        challenge.record.login = std::string(32, 'b');
        challenge.record.asked_at = "2026-04-01T08:30:00.000000Z";
        challenge.record.started_at = "2026-04-01T08:30:01.000000Z";
        challenge.object_id = hex_decode("01ab").value();
        return challenge;
    }

    /// The scheme, when the service's own check accepts the signature; else why not.
    std::string attested() {
        const filter::LoginChallenge asked = challenge();
        const filter::LoginSignature made = filter::sign_login(backend_, slot_, asked);
        if (!made.absent.empty()) {
            return made.absent;
        }
        const auto verified = verify(Attestation{.record = asked.record,
                                                 .scheme = made.scheme,
                                                 .signature = made.signature,
                                                 .certificate_der = certificate_der_,
                                                 .duration = made.duration});
        return verified ? made.scheme : verified.error().reason;
    }

    std::optional<SoftHsmToken> token_;
    void* library_ = nullptr;
    CK_FUNCTION_LIST backend_{};
    CK_SLOT_ID slot_ = 0;
    CK_SESSION_HANDLE session_ = 0;
    std::string certificate_der_;
};

TEST_F(LoginSignatureTest, rsa_by_whatever_the_module_has) {
    log_in("RSA:2048");
    EXPECT_EQ(attested(), "rsa_pkcs1_sha256") << "hashing in the module";
    hidden_mechanisms = {CKM_SHA256_RSA_PKCS};
    EXPECT_EQ(attested(), "rsa_pss_sha256") << "hashing in the module";
    hidden_mechanisms = {CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS};
    EXPECT_EQ(attested(), "rsa_pkcs1_sha256") << "DigestInfo";
    hidden_mechanisms.insert(CKM_RSA_PKCS);
    EXPECT_EQ(attested(), "rsa_pss_sha256") << "digest";
    hidden_mechanisms.insert(CKM_RSA_PKCS_PSS);
    EXPECT_EQ(attested(), "no_mechanism");
    EXPECT_EQ(open_sessions, 0) << "every session of its own is closed";
}

TEST_F(LoginSignatureTest, ecdsa_by_whatever_the_module_has) {
    log_in("EC:prime256v1");
    EXPECT_EQ(attested(), "ecdsa_sha256");
    hidden_mechanisms = {CKM_ECDSA_SHA256};
    EXPECT_EQ(attested(), "ecdsa_sha256") << "digest";
    backend_.C_DigestInit = no_digest;
    EXPECT_EQ(attested(), "no_mechanism") << "nothing in reach hashes";
}

TEST_F(LoginSignatureTest, why_there_is_no_signature) {
    log_in("EC:prime256v1");
    filter::LoginChallenge asked = challenge();
    asked.object_id = "another";
    EXPECT_EQ(filter::sign_login(backend_, slot_, asked).absent, "no_key");
    asked = challenge();
    asked.record.organisation = "1\nuid: 0";
    EXPECT_EQ(filter::sign_login(backend_, slot_, asked).absent, "ambiguous_record");
    backend_.C_Sign = sign_fails;
    EXPECT_EQ(attested(), "C_Sign 0x30");
    backend_.C_Sign = softhsm->C_Sign;
    backend_.C_GetAttributeValue = always_authenticate;
    EXPECT_EQ(attested(), "always_authenticate");
    backend_.C_OpenSession = no_more_sessions;
    EXPECT_EQ(attested(), "C_OpenSession 0xb1");
    EXPECT_EQ(open_sessions, 0);
}

TEST_F(LoginSignatureTest, key_that_does_not_say_what_it_is_for_is_not_asked) {
    log_in("EC:prime256v1");
    backend_.C_Sign = counted_sign;
    backend_.C_GetAttributeValue = attribute_fails;
    signatures = 0;
    for (const CK_ATTRIBUTE_TYPE type : {CKA_ALWAYS_AUTHENTICATE, CKA_SIGN}) {
        unreadable_attribute = type;
        for (const CK_RV rv : {CKR_DEVICE_ERROR, CKR_ATTRIBUTE_SENSITIVE, CKR_SESSION_HANDLE_INVALID}) {
            unreadable_rv = rv;
            EXPECT_EQ(attested().substr(0, 20), "C_GetAttributeValue ") << type;
        }
    }
    backend_.C_GetAttributeValue = does_not_sign;
    EXPECT_EQ(attested(), "no_key");
    EXPECT_EQ(signatures, 0);
    backend_.C_GetAttributeValue = attribute_fails;
    unreadable_attribute = CKA_ALWAYS_AUTHENTICATE;
    unreadable_rv = CKR_ATTRIBUTE_TYPE_INVALID;
    EXPECT_EQ(attested(), "ecdsa_sha256") << "a module that does not know the attribute";
    EXPECT_EQ(signatures, 1);
}

TEST_F(LoginSignatureTest, none_of_several_keys_is_asked) {
    token_->add_key("EC:prime256v1", "01ab");
    log_in("EC:prime256v1");
    EXPECT_EQ(attested(), "several_keys");
    backend_.C_FindObjects = one_at_a_time;
    EXPECT_EQ(attested(), "several_keys");
}

TEST_F(LoginSignatureTest, module_that_finds_one_object_at_a_time) {
    log_in("EC:prime256v1");
    backend_.C_FindObjects = one_at_a_time;
    EXPECT_EQ(attested(), "ecdsa_sha256");
}

} // namespace
} // namespace ukey::test
