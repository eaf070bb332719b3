// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/login_client.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/softhsm/login_peer.hpp"

namespace ukey::filter {
namespace {

using test::LoginPeer;

class LoginClientTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = std::filesystem::temp_directory_path() / "ukey-client-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string socket_path() const { return folder_ + "/login.sock"; }
    static Deadline soon() { return std::chrono::steady_clock::now() + patience; }

    static constexpr std::chrono::seconds patience{10};
    UseCounter uses_;

  private:
    std::string folder_;
};

TEST_F(LoginClientTest, report_that_no_frame_can_hold_is_counted_and_does_not_hold_up_others) {
    const LoginPeer peer(socket_path(), LoginPeer::Answer::allow);
    LoginClient client(socket_path(), patience, uses_);
    const std::string endless(login_frame_max_bytes, 'x');
    client.note(OtherReport{{{"type", "pin"}, {"function", endless}}, false}, soon());
    client.note(OtherReport{{{"type", "pin"}, {"function", "C_SetPIN"}}, false}, soon());
    client.deliver(soon());
    const auto told = peer.messages("pin");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].at("function").as_string(), "C_SetPIN");
    EXPECT_EQ(told[0].at("dropped").to_number<int>(), 1);
}

} // namespace
} // namespace ukey::filter
