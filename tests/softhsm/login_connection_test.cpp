// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/login_connection.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
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
        const sockaddr_un address = socket_address();
        listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ASSERT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        ASSERT_EQ(listen(listener_, 4), 0);
    }

    void TearDown() override {
        close(peer_);
        close(listener_);
        std::filesystem::remove_all(folder_);
    }

    std::string socket_path() const { return folder_ + "/login.sock"; }

    sockaddr_un socket_address() const {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = socket_path();
        std::memcpy(address.sun_path, path.data(), path.size());
        return address;
    }

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

    /// So many bytes of what was sent.
    std::string hear(std::size_t bytes) const {
        std::string text(bytes, '\0');
        const ssize_t count = recv(peer_, text.data(), text.size(), MSG_WAITALL);
        text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
        return text;
    }

    /// The next one who connects has to wait.
    void fill_backlog() {
        ASSERT_EQ(listen(listener_, 0), 0);
        peer_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_un address = socket_address();
        ASSERT_EQ(::connect(peer_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    void empty_backlog() const { close(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)); }

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

TEST_F(LoginConnectionTest, never_is_standard_input_output_or_error) {
    const pid_t child = fork();
    if (child == 0) {
        for (const int standard : {0, 1, 2}) {
            close(standard);
        }
        LoginConnection connection(socket_path());
        bool elsewhere = connection.connect(soon());
        for (const int standard : {0, 1, 2}) {
            elsewhere = elsewhere && fcntl(standard, F_GETFD) < 0;
        }
        _exit(elsewhere && connection.connected() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

std::atomic<int> signals_handled{0};

/// 'S' while the thread sleeps in a system call (proc(5)).
char thread_state(pid_t thread) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string text;
    std::getline(file, text);
    return text.at(text.rfind(')') + 2);
}

/// Time-outs make connect() return at a signal, whatever SA_RESTART says (signal(7)).
TEST_F(LoginConnectionTest, signals_do_not_end_the_wait_for_a_busy_daemon) {
    fill_backlog();
    struct sigaction action {};
    action.sa_handler = [](int) { ++signals_handled; };
    action.sa_flags = SA_RESTART;
    struct sigaction before {};
    sigaction(SIGUSR1, &action, &before);
    const pthread_t waiting = pthread_self();
    const pid_t waiting_id = gettid();
    std::thread daemon([&] {
        for (int count = 1; count <= 3; ++count) {
            while (thread_state(waiting_id) != 'S') {
                std::this_thread::yield();
            }
            pthread_kill(waiting, SIGUSR1);
            while (signals_handled < count) {
                std::this_thread::yield();
            }
        }
        empty_backlog();
    });
    LoginConnection connection(socket_path());
    EXPECT_TRUE(connection.connect(soon()));
    daemon.join();
    sigaction(SIGUSR1, &before, nullptr);
}

TEST_F(LoginConnectionTest, rest_of_a_frame_is_sent_while_the_answer_is_awaited) {
    const int number = dup(0); // what the connection will get
    close(number);
    LoginConnection connection(socket_path());
    connect(connection);
    const int small = 1; // the kernel makes it its least
    ASSERT_EQ(setsockopt(number, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    const boost::json::object message{{"type", "result"}, {"filler", std::string(12'000, 'x')}};
    ASSERT_TRUE(connection.send(message));
    ASSERT_FALSE(connection.send(message)) << "the first is with the kernel only in part";
    std::string received;
    std::thread daemon([&] {
        received = hear(encode_frame(message).size());
        say(1);
    });
    EXPECT_TRUE(connection.receive(soon()));
    connection.close(); // so that the thread ends in any case
    daemon.join();
    EXPECT_EQ(received, encode_frame(message));
}

TEST_F(LoginConnectionTest, message_longer_than_a_frame_fits_never) {
    LoginConnection connection(socket_path());
    connect(connection);
    const boost::json::object message{{"filler", std::string(login_frame_max_bytes, 'x')}};
    EXPECT_FALSE(LoginConnection::fits(message));
    EXPECT_FALSE(connection.send(message));
    EXPECT_TRUE(connection.connected());
    EXPECT_TRUE(LoginConnection::fits({{"type", "ask"}}));
}

} // namespace
} // namespace ukey::filter
