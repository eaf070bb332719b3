// SPDX-License-Identifier: Apache-2.0
// The text that a U-Key signs at an attested login (docs/formats/login-record.md). The filter and the service
// put it together alike, each from what it knows itself; nothing but the C++ library is needed for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ukey {

/// What a signature is made over always begins with this line: no other protocol's message does.
constexpr std::string_view login_record_prefix = "ukey-login-v1\n";
/// One value of the text: a token's strings have 32 characters, hashes 64, organisations' codes some dozen.
constexpr std::size_t login_record_value_max_bytes = 256;

struct LoginRecord {
    std::string nonce;        ///< 64 hexadecimal digits, the service's
    std::uint64_t ledger_seq; ///< the ledger's newest record when the service was asked …
    std::string ledger_head;  ///< … and its hash, 64 hexadecimal digits
    std::string key_id;       ///< 12 hexadecimal digits
    std::string manufacturer; ///< the token's own words, as printable UTF-8
    std::string model;
    std::string serial;
    std::string public_key;   ///< SHA-256 of the SubjectPublicKeyInfo, 64 hexadecimal digits
    std::string organisation; ///< code; empty: the key is not bound
    std::uint32_t uid;        ///< of the process, as the kernel says
    std::string asked_at;     ///< when the service was asked: its time
    std::string login;        ///< 32 hexadecimal digits
    std::string started_at;   ///< just before the module's C_Login: the process's time
};

/// The exact bytes whose SHA-256 is signed.
std::string to_text(const LoginRecord& record);

/// No value is too long or has a line break or another control character in it, so that the text means one
/// thing.
bool is_unambiguous(const LoginRecord& record);

} // namespace ukey
