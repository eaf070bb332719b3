// SPDX-License-Identifier: Apache-2.0
// The filter's half of an attested login: the U-Key signs the login's record (docs/formats/login-record.md).
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <boost/json/object.hpp>
#include <p11-kit/pkcs11.h>

#include "daemon/core/login_record.hpp"

namespace ukey::filter {

/// What the daemon wants signed: the record less what only the filter knows, and which key is to sign.
struct LoginChallenge {
    LoginRecord record;
    std::string object_id; ///< CKA_ID of the private key, raw bytes
};

/// From the member `attest` of a verdict; nullopt when something is missing or not as it must be.
std::optional<LoginChallenge> decode_challenge(const boost::json::object& attest);

struct LoginSignature {
    std::string scheme;    ///< "rsa_pkcs1_sha256", "rsa_pss_sha256", "ecdsa_sha256"
    std::string signature; ///< as the module gives it
    /// Why there is none; empty: there is one. `protected_path`, `no_key`, `several_keys`,
    /// `always_authenticate`, `no_mechanism`, `ambiguous_record`, or the function that failed with its
    /// number, as "C_Sign 0x30".
    std::string absent;
    std::chrono::microseconds duration{0};
};

/// Has the key sign the record, in a session of its own that is closed before this returns. The user must be
/// logged in. Takes as long as the token takes; nothing can interrupt it. The backend's own functions are
/// called: this is no use of the key that the application made.
LoginSignature sign_login(const CK_FUNCTION_LIST& backend, CK_SLOT_ID slot, const LoginChallenge& challenge);

/// The member `attestation` of a result.
boost::json::object to_json(const LoginChallenge& challenge, const LoginSignature& signature);

} // namespace ukey::filter
