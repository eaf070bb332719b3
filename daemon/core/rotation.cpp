// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/rotation.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "daemon/core/base64.hpp"
#include "daemon/core/signed_lines.hpp"

namespace ukey {
namespace {

constexpr std::string_view rotation_prefix = "ukey-rotation-v1\n";

/// The bytes of a member in base64; empty: it is no such member.
std::string bytes_in(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    return value == nullptr || !value->is_string()
               ? std::string()
               : base64_decode(std::string_view(value->get_string())).value_or(std::string());
}

std::string_view text_in(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    return value == nullptr || !value->is_string() ? std::string_view()
                                                   : std::string_view(value->get_string());
}

} // namespace

std::string to_text(const Rotation& rotation) {
    return fmt::format("{}old: {}\nnew: {}\nseq: {}\nhead: {}\ntime: {}\n", rotation_prefix,
                       hex_encode(rotation.old_public_key), hex_encode(rotation.new_public_key), rotation.seq,
                       hex_encode(rotation.head), format_timestamp(rotation.time));
}

Result<Rotation> parse_rotation(std::string_view text) {
    SignedLines lines(text, rotation_prefix);
    Rotation rotation{.old_public_key = lines.bytes("old"),
                      .new_public_key = lines.bytes("new"),
                      .seq = lines.number("seq"),
                      .head = lines.bytes("head"),
                      .time = {}};
    const auto time = parse_timestamp(lines.value("time"));
    rotation.time = time.value_or(Timestamp());
    if (!lines.complete() || to_text(rotation) != text) {
        return fail("bundle.malformed", "read a change of keys", "", "it has another form");
    }
    return rotation;
}

SignedRotation sign_rotation(const WorkstationKey& old_key, const WorkstationKey& new_key, std::uint64_t seq,
                             const std::string& head, Timestamp time) {
    Rotation rotation{.old_public_key = old_key.public_key(),
                      .new_public_key = new_key.public_key(),
                      .seq = seq,
                      .head = head,
                      .time = time};
    const std::string text = to_text(rotation);
    return {std::move(rotation), old_key.sign(text), new_key.sign(text)};
}

bool verify(const SignedRotation& signed_rotation) {
    const Rotation& rotation = signed_rotation.rotation;
    const std::string text = to_text(rotation);
    return rotation.old_public_key != rotation.new_public_key &&
           verify_ed25519(rotation.old_public_key, text, signed_rotation.old_signature) &&
           verify_ed25519(rotation.new_public_key, text, signed_rotation.new_signature);
}

boost::json::object to_json(const SignedRotation& signed_rotation) {
    const Rotation& rotation = signed_rotation.rotation;
    return {{"old", key_fingerprint(rotation.old_public_key)},
            {"new", key_fingerprint(rotation.new_public_key)},
            {"old_public_key", base64_encode(rotation.old_public_key)},
            {"new_public_key", base64_encode(rotation.new_public_key)},
            {"seq", rotation.seq},
            {"head", hex_encode(rotation.head)},
            {"time", format_timestamp(rotation.time)},
            {"old_signature", base64_encode(signed_rotation.old_signature)},
            {"new_signature", base64_encode(signed_rotation.new_signature)}};
}

Result<SignedRotation> decode_rotation(std::string_view payload) {
    boost::json::error_code error;
    const boost::json::value value =
        boost::json::parse(boost::json::string_view(payload.data(), payload.size()), error);
    if (error || !value.is_object()) {
        return fail("ledger.unreadable", "read a record", "workstation.rotated", "no JSON object");
    }
    const boost::json::object& object = value.get_object();
    const boost::json::value* seq = object.if_contains("seq");
    const auto time = parse_timestamp(text_in(object, "time"));
    SignedRotation read{
        .rotation = {.old_public_key = bytes_in(object, "old_public_key"),
                     .new_public_key = bytes_in(object, "new_public_key"),
                     .seq = seq != nullptr && seq->is_number() ? seq->to_number<std::uint64_t>(error) : 0,
                     .head = hex_decode(text_in(object, "head")).value_or(std::string()),
                     .time = time.value_or(Timestamp())},
        .old_signature = bytes_in(object, "old_signature"),
        .new_signature = bytes_in(object, "new_signature")};
    if (error || !time || to_json(read) != object) { // one payload for one statement
        return fail("ledger.unreadable", "read a record", "workstation.rotated", "it has another form");
    }
    return read;
}

KeyHistory::KeyHistory(std::span<const SignedRotation> rotations, std::string last_public_key) {
    keys_.front().public_key =
        rotations.empty() ? std::move(last_public_key) : rotations.front().rotation.old_public_key;
    for (const SignedRotation& step : rotations) {
        keys_.push_back({step.rotation.seq, step.rotation.new_public_key});
    }
}

const std::string& KeyHistory::key_at(std::uint64_t seq) const {
    const auto later = std::ranges::upper_bound(keys_, seq, {}, &Key::from_seq);
    return std::prev(later)->public_key; // the first one signs from 0 on
}

std::vector<std::string> KeyHistory::fingerprints() const {
    std::vector<std::string> fingerprints;
    for (const Key& key : keys_) {
        fingerprints.push_back(key_fingerprint(key.public_key));
    }
    return fingerprints;
}

std::optional<std::string> rotation_fault(std::span<const SignedRotation> rotations,
                                          std::string_view last_public_key) {
    for (std::size_t place = 0; place < rotations.size(); ++place) {
        const Rotation& rotation = rotations[place].rotation;
        if (!verify(rotations[place])) {
            return "it is not signed by both keys";
        }
        const std::string_view follows = place + 1 < rotations.size()
                                             ? std::string_view(rotations[place + 1].rotation.old_public_key)
                                             : last_public_key;
        if (rotation.new_public_key != follows) {
            return "another key follows it";
        }
        if (rotation.seq == 0 || (place > 0 && rotation.seq <= rotations[place - 1].rotation.seq)) {
            return "it does not stand in its place";
        }
    }
    return std::nullopt;
}

} // namespace ukey
