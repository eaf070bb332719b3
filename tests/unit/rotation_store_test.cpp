// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/rotation_store.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "daemon/store/checkpoint_store.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

class RotationStoreTest : public ::testing::Test {
  protected:
    std::string key_path() const { return folder_.path().string() + workstation_key_file; }
    Storage open() { return Storage::open((folder_.path() / "ukeyd.db").string(), clock_).value(); }
    static void write(Storage& storage) {
        ASSERT_TRUE(storage.write([&] { return storage.append("key.removed", {{"key", "k"}}); }));
    }

    test::TemporaryFolder folder_;
    SystemClock clock_;
};

TEST_F(RotationStoreTest, NewKeyIsVouchedForAndTheOldOneIsGone) {
    Storage storage = open();
    const WorkstationKey first = load_workstation_key(storage, key_path()).value();
    write(storage);
    const auto rotated = rotate_workstation_key(storage, first, key_path());
    ASSERT_TRUE(rotated) << to_string(rotated.error());
    EXPECT_EQ(rotated->unfinished, std::nullopt);
    write(storage);
    const WorkstationKey& second = rotated->key;
    EXPECT_NE(second.public_key(), first.public_key());
    EXPECT_EQ(WorkstationKey::load(key_path())->public_key(), second.public_key());
    EXPECT_FALSE(std::filesystem::exists(next_key_path(key_path())));
    EXPECT_EQ(load_workstation_key(storage, key_path())->public_key(), second.public_key());

    const auto rotations = load_rotations(storage, second.public_key(), storage.head_seq()).value();
    ASSERT_EQ(rotations.size(), 1U);
    EXPECT_EQ(rotation_fault(rotations, second.public_key()), std::nullopt);
    EXPECT_EQ(rotations.front().rotation.seq, 2U);
    EXPECT_TRUE(load_rotations(storage, first.public_key(), 1)->empty()) << "before it";

    ASSERT_TRUE(add_checkpoint(storage, second));
    const KeyHistory keys(rotations, second.public_key());
    const auto checkpoints = load_checkpoints(storage, keys, 0, storage.head_seq()).value();
    std::vector<std::string> signers;
    for (const SignedCheckpoint& checkpoint : checkpoints) {
        EXPECT_TRUE(verify(checkpoint, keys.key_at(checkpoint.checkpoint.seq)));
        signers.push_back(checkpoint.checkpoint.workstation);
    }
    EXPECT_EQ(signers, (std::vector{first.fingerprint(), second.fingerprint(), second.fingerprint()}));
}

TEST_F(RotationStoreTest, ThatWasCutShortAfterItsRecordIsFinishedByTheNextStart) {
    Storage storage = open();
    const WorkstationKey first = load_workstation_key(storage, key_path()).value();
    write(storage);
    const std::string copy = key_path() + ".copy";
    std::filesystem::copy_file(key_path(), copy);
    const std::string second = rotate_workstation_key(storage, first, key_path())->key.public_key();
    std::filesystem::rename(key_path(), next_key_path(key_path()));
    std::filesystem::rename(copy, key_path()); // as if the power had gone between record and files
    EXPECT_EQ(load_workstation_key(storage, key_path())->public_key(), second);
    EXPECT_EQ(WorkstationKey::load(key_path())->public_key(), second);
}

TEST_F(RotationStoreTest, ThatHasNoRecordIsForgotten) {
    Storage storage = open();
    const WorkstationKey first = load_workstation_key(storage, key_path()).value();
    ASSERT_TRUE(WorkstationKey::generate().keep_as_next(key_path()));
    EXPECT_EQ(load_workstation_key(storage, key_path())->public_key(), first.public_key());
    EXPECT_FALSE(std::filesystem::exists(next_key_path(key_path())));
}

TEST_F(RotationStoreTest, KeyThatCannotBeSavedIsNotRotatedTo) {
    Storage storage = open();
    const WorkstationKey first = load_workstation_key(storage, key_path()).value();
    write(storage);
    EXPECT_FALSE(rotate_workstation_key(storage, first, "/nowhere/workstation.key"));
    EXPECT_EQ(storage.head_seq(), 1U);
}

TEST_F(RotationStoreTest, KeyThatNobodyVouchedForHasNoRotations) {
    Storage storage = open();
    const WorkstationKey first = load_workstation_key(storage, key_path()).value();
    ASSERT_TRUE(rotate_workstation_key(storage, first, key_path()));
    const WorkstationKey lost = WorkstationKey::generate();
    EXPECT_TRUE(load_rotations(storage, lost.public_key(), storage.head_seq())->empty());
}

} // namespace
} // namespace ukey
