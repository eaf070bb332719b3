// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/login_connection.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pkcs11/module/bounds.hpp"

namespace ukey::filter {
namespace {

/// A listening socket whose other end the test plays itself.
class LoginConnectionTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = std::filesystem::temp_directory_path() / "ukey-connection-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = socket_path();
        std::memcpy(address.sun_path, path.data(), path.size());
        listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ASSERT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ASSERT_EQ(listen(listener_, 4), 0);
    }

    void TearDown() override {
        close(peer_);
        close(listener_);
        std::filesystem::remove_all(folder_);
    }

    std::string socket_path() const { return folder_ + "/login.sock"; }

    void connect(LoginConnection& connection) {
        ASSERT_TRUE(connection.connect(soon()));
        close(peer_);
        peer_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        ASSERT_GE(peer_, 0);
    }

    void say(std::size_t messages) {
        std::string bytes;
        for (std::size_t count = 0; count < messages; ++count) {
            bytes += encode_frame({{"type", "recorded"}, {"request", count + 1000}});
        }
        ASSERT_EQ(send(peer_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }

    static std::size_t receive_all(LoginConnection& connection) {
        std::size_t count = 0;
        while (connection.receive(std::chrono::steady_clock::now())) {
            ++count;
        }
        return count;
    }

    static Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(10); }

  private:
    std::string folder_;
    int listener_ = -1;
    int peer_ = -1;
};

TEST_F(LoginConnectionTest, peer_that_talks_without_end_is_left) {
    LoginConnection connection(socket_path());
    connect(connection);
    ASSERT_TRUE(connection.send({{"type", "ask"}}));
    say(500);
    EXPECT_EQ(receive_all(connection), unasked_messages_max + 1);
    EXPECT_TRUE(connection.broke_rules());
    EXPECT_FALSE(connection.connected());
}

TEST_F(LoginConnectionTest, every_message_may_be_answered) {
    LoginConnection connection(socket_path());
    connect(connection);
    const std::size_t messages = 4 * unasked_messages_max;
    for (std::size_t count = 0; count < messages; ++count) {
        ASSERT_TRUE(connection.send({{"type", "ask"}}));
        say(1);
        ASSERT_EQ(receive_all(connection), 1U);
    }
    say(unasked_messages_max);
    EXPECT_EQ(receive_all(connection), unasked_messages_max) << "it still has what it may say unasked";
    EXPECT_FALSE(connection.broke_rules());
}

TEST_F(LoginConnectionTest, new_connection_begins_to_count_anew) {
    LoginConnection connection(socket_path());
    connect(connection);
    say(unasked_messages_max + 1);
    EXPECT_EQ(receive_all(connection), unasked_messages_max);
    EXPECT_TRUE(connection.broke_rules());
    connect(connection);
    EXPECT_FALSE(connection.broke_rules());
    say(unasked_messages_max);
    EXPECT_EQ(receive_all(connection), unasked_messages_max);
    EXPECT_TRUE(connection.connected());
}

} // namespace
} // namespace ukey::filter
