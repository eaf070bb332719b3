// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/rotation.hpp"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

namespace ukey {
namespace {

const Timestamp noon = parse_timestamp("2026-04-15T12:00:00Z").value();

SignedRotation sample(const WorkstationKey& old_key, const WorkstationKey& new_key, std::uint64_t seq = 7) {
    return sign_rotation(old_key, new_key, seq, std::string(32, '\x11'), noon);
}

TEST(Rotation, IsSignedByBothKeysOverOneText) {
    const WorkstationKey old_key = WorkstationKey::generate();
    const WorkstationKey new_key = WorkstationKey::generate();
    const SignedRotation good = sample(old_key, new_key);
    EXPECT_TRUE(verify(good));
    EXPECT_EQ(parse_rotation(to_text(good.rotation)).value(), good.rotation);
    EXPECT_EQ(decode_rotation(boost::json::serialize(to_json(good))).value(), good);

    SignedRotation changed = good;
    changed.rotation.seq += 1;
    EXPECT_FALSE(verify(changed));
    changed = good;
    std::swap(changed.old_signature, changed.new_signature);
    EXPECT_FALSE(verify(changed));
    changed = sample(WorkstationKey::generate(), new_key);
    changed.rotation.old_public_key = old_key.public_key();
    EXPECT_FALSE(verify(changed)) << "another key vouches";
    EXPECT_FALSE(verify(sample(old_key, old_key))) << "to itself";
}

TEST(Rotation, OfAnotherFormIsRefused) {
    const SignedRotation good = sample(WorkstationKey::generate(), WorkstationKey::generate());
    const std::string text = to_text(good.rotation);
    for (std::size_t length = 0; length < text.size(); ++length) {
        EXPECT_FALSE(parse_rotation(std::string_view(text).substr(0, length))) << length;
    }
    EXPECT_FALSE(parse_rotation(text + "\n"));
    boost::json::object payload = to_json(good);
    payload["seq"] = "7";
    EXPECT_FALSE(decode_rotation(boost::json::serialize(payload)));
    payload = to_json(good);
    payload["more"] = 1;
    EXPECT_FALSE(decode_rotation(boost::json::serialize(payload)));
    EXPECT_FALSE(decode_rotation("[]"));
    EXPECT_FALSE(decode_rotation("{"));
}

TEST(Rotation, KeysFollowEachOtherFromTheirPlacesOn) {
    const WorkstationKey first = WorkstationKey::generate();
    const WorkstationKey second = WorkstationKey::generate();
    const WorkstationKey third = WorkstationKey::generate();
    const std::vector steps{sample(first, second, 5), sample(second, third, 9)};
    EXPECT_EQ(rotation_fault(steps, third.public_key()), std::nullopt);
    EXPECT_NE(rotation_fault(steps, second.public_key()), std::nullopt) << "another key came out of them";
    EXPECT_NE(rotation_fault(std::vector{steps[1], steps[0]}, second.public_key()), std::nullopt);
    EXPECT_NE(
        rotation_fault(std::vector{sample(first, second, 9), sample(second, third, 9)}, third.public_key()),
        std::nullopt);
    EXPECT_NE(rotation_fault(std::vector{steps[0], sample(first, third, 9)}, third.public_key()),
              std::nullopt)
        << "the second one is by the first key again";

    const KeyHistory keys(steps, third.public_key());
    EXPECT_EQ(keys.key_at(0), first.public_key());
    EXPECT_EQ(keys.key_at(4), first.public_key());
    EXPECT_EQ(keys.key_at(5), second.public_key());
    EXPECT_EQ(keys.key_at(8), second.public_key());
    EXPECT_EQ(keys.key_at(9), third.public_key());
    EXPECT_EQ(keys.key_at(1000), third.public_key());
    EXPECT_EQ(keys.fingerprints(),
              (std::vector{first.fingerprint(), second.fingerprint(), third.fingerprint()}));
    EXPECT_EQ(KeyHistory({}, first.public_key()).key_at(0), first.public_key());
}

} // namespace
} // namespace ukey
