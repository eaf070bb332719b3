// SPDX-License-Identifier: Apache-2.0
// X.509 as Chinese CAs write it, on top of OpenSSL: SM2's distinguishing id, GBK bytes in strings of the
// wrong type. Internal to daemon/core: the rest of the tree sees certificate.hpp.
#pragma once

#include <cstddef>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/core/clock.hpp"
#include "daemon/core/openssl_handle.hpp"

namespace ukey {

/// GM/T 0009: the id that Chinese CAs sign with. OpenSSL's default is the empty one.
constexpr std::string_view sm2_distinguishing_id = "1234567812345678";

/// Real certificates have 1 to 4 KB; the bound keeps a hostile token from keeping the I/O thread busy.
constexpr std::size_t certificate_max_bytes = std::size_t{64} * 1024;

/// OpenSSL's words for the first error in its queue, which is emptied.
std::string take_openssl_error();

/// A parsed certificate.
struct ParsedX509 {
    X509Handle certificate;
    /// The exact bytes of the certificate, without padding behind it.
    std::string der;
    /// True when strings marked UTF8String but holding other bytes were read as T61String. OpenSSL refuses
    /// the whole certificate otherwise. Its view of the signed bytes is then not the original one: use
    /// verify_signature.
    bool retagged = false;
};

/// Parses a DER certificate; zero bytes behind it are tolerated (cards with files of a fixed size). SM2
/// certificates have their distinguishing id set. `certificate` is null on failure, and OpenSSL's error queue
/// holds the reason.
ParsedX509 parse_x509(std::string_view der);

/// Sets the distinguishing id when the certificate is signed with SM2.
void set_sm2_id(X509* certificate);

/// A string of a certificate as printable UTF-8. Bytes above 127 in a string type that has none, or that are
/// not the UTF-8 they are said to be, are read as GB18030, and `rescued` is set then.
std::string asn1_text(const ASN1_STRING* value, bool& rescued);

/// A name as RFC 2253 writes it, in UTF-8 that is not escaped.
std::string name_text(const X509_NAME* name, bool& rescued);

/// Of both of RFC 5280's time forms; nullopt when it is neither, or no date.
std::optional<Timestamp> to_timestamp(const ASN1_TIME* time);

/// Of all years that a certificate can name; std::chrono::system_clock's own counts nanoseconds, to 2262.
std::time_t to_time(Timestamp moment);

/// First element of a certificate's or revocation list's outer SEQUENCE: the bytes that are signed.
std::string_view signed_bytes(std::string_view der);

/// Verifies a signature over `bytes` by `key`, with SM2's distinguishing id where the algorithm is SM2.
/// RSA-PSS, whose parameters are not in the algorithm's identifier, is answered with false.
bool verify_signature(EVP_PKEY* key, int signature_nid, std::string_view bytes,
                      const ASN1_BIT_STRING* signature);

} // namespace ukey
