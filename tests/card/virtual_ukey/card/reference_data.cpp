// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/card/reference_data.hpp"

#include <algorithm>
#include <stdexcept>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

namespace ukey::virtual_card {

namespace {

constexpr std::uint8_t padding = 0xff;
constexpr std::size_t pin_size_min_digits = 6;
constexpr std::size_t salt_size_bytes = 16;
constexpr std::size_t digest_size_bytes = 32;
/// Enough that a file holds no PIN in the clear; a six-digit PIN cannot be protected against guessing anyway,
/// and every VERIFY of every test waits for this.
constexpr int derivation_rounds = 2000;

Bytes derive(ByteView padded, ByteView salt) {
    Bytes digest(digest_size_bytes);
    if (PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(padded.data()), static_cast<int>(padded.size()),
                          salt.data(), static_cast<int>(salt.size()), derivation_rounds, EVP_sha256(),
                          static_cast<int>(digest.size()), digest.data()) != 1)
        throw std::runtime_error("PBKDF2 failed");
    return digest;
}

bool is_digit(std::uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

} // namespace

std::optional<Bytes> pad_pin(std::string_view pin) {
    if (pin.size() > reference_size_bytes)
        return std::nullopt;
    Bytes padded = to_bytes(pin);
    padded.resize(reference_size_bytes, padding);
    if (!is_padded_pin(padded))
        return std::nullopt;
    return padded;
}

bool is_padded_pin(ByteView padded) {
    if (padded.size() != reference_size_bytes)
        return false;
    const auto digits_end = std::find_if_not(padded.begin(), padded.end(), is_digit);
    const auto digits = static_cast<std::size_t>(digits_end - padded.begin());
    return digits >= pin_size_min_digits &&
           std::all_of(digits_end, padded.end(), [](std::uint8_t byte) { return byte == padding; });
}

ReferenceData::ReferenceData(ByteView padded, unsigned tries_max)
    : tries_max_(tries_max), tries_left_(tries_max) {
    replace(padded);
}

ReferenceData::ReferenceData(Bytes salt, Bytes digest, unsigned tries_max, unsigned tries_left)
    : salt_(std::move(salt)), digest_(std::move(digest)), tries_max_(tries_max), tries_left_(tries_left) {}

bool ReferenceData::matches(ByteView padded) const {
    const Bytes digest = derive(padded, salt_);
    return digest.size() == digest_.size() &&
           CRYPTO_memcmp(digest.data(), digest_.data(), digest.size()) == 0;
}

void ReferenceData::replace(ByteView padded) {
    salt_.resize(salt_size_bytes);
    if (RAND_bytes(salt_.data(), static_cast<int>(salt_.size())) != 1)
        throw std::runtime_error("no random bytes");
    digest_ = derive(padded, salt_);
}

} // namespace ukey::virtual_card
