// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/personal.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <openssl/rand.h>

#include "daemon/core/base64.hpp"
#include "daemon/core/certificate.hpp"
#include "daemon/core/ledger_payload.hpp"

namespace ukey {
namespace {

constexpr std::string_view commitment_prefix = "ukey-reference-v1\n";
constexpr std::string_view reference_prefix = "r1:";
constexpr std::size_t digest_digits = 64;
/// How a payload ends that has a reference: with this, the reference, and `"}`.
constexpr std::string_view before_reference = "\"personal\":\"";
constexpr std::string_view after_reference = "\"}";

std::string random_salt() {
    std::string salt(opening_salt_bytes, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(salt.data()), static_cast<int>(salt.size())) != 1) {
        throw std::runtime_error("no random numbers");
    }
    return salt;
}

/// An attestation that is not there, or was refused, says nothing of anybody.
bool is_personal(std::string_view name, const boost::json::value& value) {
    if (name == "attestation") {
        return value.is_object() && value.get_object().contains("signature");
    }
    constexpr std::array names{"uid", "claim", "executable", "certificate_name"};
    return std::ranges::find(names, name) != names.end();
}

std::string_view text_in(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                  : std::string_view();
}

/// Of a claim's executable, or of an executable that stands alone.
std::string_view executable_in(const boost::json::object& personal) {
    const boost::json::value* claim = personal.if_contains("claim");
    return text_in(claim != nullptr && claim->is_object() ? claim->get_object() : personal, "executable");
}

} // namespace

std::string reference_to(const Opening& opening) {
    return std::string(reference_prefix) +
           sha256_hex(std::string(commitment_prefix) + opening.salt + opening.value);
}

bool opens(std::string_view reference, std::string_view salt, std::string_view value, Sha256& hasher) {
    if (salt.size() != opening_salt_bytes || !reference.starts_with(reference_prefix)) {
        return false;
    }
    std::array<char, commitment_prefix.size() + opening_salt_bytes> beginning{};
    std::ranges::copy(salt, std::ranges::copy(commitment_prefix, beginning.begin()).out);
    std::array<char, Sha256::bytes> digest{};
    hasher.digest({beginning.data(), beginning.size()}, value, digest.data());
    return is_hex_of(reference.substr(reference_prefix.size()), {digest.data(), digest.size()});
}

std::optional<Opening> take_personal(boost::json::object& payload) {
    boost::json::object plain;
    boost::json::object personal;
    for (auto& [name, value] : payload) {
        (is_personal(name, value) ? personal : plain).emplace(name, std::move(value));
    }
    if (personal.empty()) {
        payload = std::move(plain);
        return std::nullopt;
    }
    if (personal.contains("claim") || personal.contains("executable")) {
        plain["program"] = payload::file_name(executable_in(personal));
    }
    Opening opening{random_salt(), boost::json::serialize(personal)};
    plain["personal"] = reference_to(opening);
    payload = std::move(plain);
    return opening;
}

std::string_view reference_in(std::string_view payload) {
    constexpr std::size_t reference_bytes = reference_prefix.size() + digest_digits;
    constexpr std::size_t tail = before_reference.size() + reference_bytes + after_reference.size();
    // The byte before a member's name tells it from the end of a longer name or of a text.
    if (payload.size() <= tail || !payload.ends_with(after_reference)) {
        return {};
    }
    const std::string_view end = payload.substr(payload.size() - tail);
    const char before = payload[payload.size() - tail - 1];
    if (!end.starts_with(before_reference) || (before != ',' && before != '{')) {
        return {};
    }
    const std::string_view reference = end.substr(before_reference.size(), reference_bytes);
    return reference.starts_with(reference_prefix) ? reference : std::string_view();
}

boost::json::object reveal(boost::json::object payload, std::string_view opening_value) {
    boost::json::error_code error;
    boost::json::value value =
        boost::json::parse(boost::json::string_view(opening_value.data(), opening_value.size()), error,
                           payload.storage()); // or its members could not be moved there
    if (!error && value.is_object()) {
        for (auto& [name, member] : value.get_object()) {
            payload.emplace(name, std::move(member)); // does nothing when it is there
        }
    }
    return payload;
}

} // namespace ukey
