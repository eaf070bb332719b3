// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/workstation_key.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "daemon/core/base64.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

class WorkstationKeyTest : public ::testing::Test {
  protected:
    std::string path(const char* name = "workstation.key") const { return (folder_.path() / name).string(); }

    std::string write(const std::string& text, mode_t mode = 0600) const {
        std::ofstream(path("given")) << text;
        chmod(path("given").c_str(), mode);
        return path("given");
    }

    test::TemporaryFolder folder_;
};

TEST_F(WorkstationKeyTest, IsMadeOnceAndNobodyElsesToRead) {
    const auto made = WorkstationKey::load_or_create(path());
    ASSERT_TRUE(made);
    std::filesystem::create_hard_link(path(), path() + ".new"); // a start that was cut short
    const auto again = WorkstationKey::load_or_create(path());
    ASSERT_TRUE(again);
    EXPECT_EQ(made->fingerprint(), again->fingerprint());
    EXPECT_EQ(made->public_key(), again->public_key());
    struct stat status {};
    ASSERT_EQ(stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_FALSE(std::filesystem::exists(path() + ".new"));
    EXPECT_NE(WorkstationKey::generate().fingerprint(), made->fingerprint());
}

TEST_F(WorkstationKeyTest, WhatIsNoKeyOfOursIsRefusedAndLeft) {
    EXPECT_EQ(WorkstationKey::load(path()).error().code, "state.unusable");
    EXPECT_EQ(WorkstationKey::load_or_create(write("no key")).error().code, "workstation.key_unusable");
    EXPECT_EQ(WorkstationKey::load_or_create(write("")).error().code, "workstation.key_unusable");
    ASSERT_TRUE(WorkstationKey::load_or_create(path()));
    chmod(path().c_str(), 0640);
    EXPECT_EQ(WorkstationKey::load_or_create(path()).error().code, "workstation.key_unusable");
    chmod(path().c_str(), 0600);
    EXPECT_TRUE(WorkstationKey::load_or_create(path()));
    std::filesystem::create_symlink(path(), path("link"));
    EXPECT_FALSE(WorkstationKey::load_or_create(path("link"))) << "somebody else's name for a file";
    EXPECT_FALSE(WorkstationKey::load_or_create(path("absent/workstation.key")));
}

TEST_F(WorkstationKeyTest, SignatureIsOfThisTextByThisKey) {
    const WorkstationKey key = WorkstationKey::generate();
    std::string signature = key.sign("text");
    EXPECT_TRUE(verify_ed25519(key.public_key(), "text", signature));
    EXPECT_FALSE(verify_ed25519(key.public_key(), "texT", signature));
    EXPECT_FALSE(verify_ed25519(WorkstationKey::generate().public_key(), "text", signature));
    EXPECT_FALSE(verify_ed25519(key.public_key(), "text", signature.substr(1)));
    EXPECT_FALSE(verify_ed25519("short", "text", signature));
    signature[5] ^= 1;
    EXPECT_FALSE(verify_ed25519(key.public_key(), "text", signature));
}

/// RFC 8032 §7.1, test 2, and the fingerprint by `openssl pkey -pubin -outform DER | sha256sum`.
TEST_F(WorkstationKeyTest, KnownAnswers) {
    const std::string public_key =
        hex_decode("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c").value();
    const std::string signature =
        hex_decode("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                   "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
            .value();
    EXPECT_TRUE(verify_ed25519(public_key, "\x72", signature));
    EXPECT_EQ(key_fingerprint(public_key),
              "deb2ded39dc26fce0e6085b6fc34bf6b5941913bbfe2ea614113cff9e004c170");
}

} // namespace
} // namespace ukey
