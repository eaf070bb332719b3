// SPDX-License-Identifier: Apache-2.0
#include "tests/softhsm/login_peer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace ukey::test {
namespace {

constexpr std::chrono::seconds patience{10};

void send_bytes(int connection, std::string_view bytes) {
    // A peer that has gone is no failure of the test.
    [[maybe_unused]] const ssize_t count = send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

bool is_type(const boost::json::object& message, std::string_view type) {
    return type.empty() || message.at("type").as_string() == type;
}

} // namespace

LoginPeer::LoginPeer(std::string socket_path, Answer answer)
    : socket_path_(std::move(socket_path)), answer_(answer) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path_.size() >= sizeof address.sun_path) {
        throw std::runtime_error("socket path too long: " + socket_path_);
    }
    std::memcpy(address.sun_path, socket_path_.data(), socket_path_.size());
    std::array<int, 2> ends{};
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener_ < 0 || bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_, SOMAXCONN) != 0 || pipe(ends.data()) != 0) {
        throw std::runtime_error("cannot listen at " + socket_path_);
    }
    stop_reader_ = ends[0];
    stop_writer_ = ends[1];
    thread_ = std::thread([this] { serve(); });
}

LoginPeer::~LoginPeer() {
    unlink(socket_path_.c_str());
    ::close(stop_writer_);
    thread_.join();
    ::close(stop_reader_);
    ::close(listener_);
    for (const auto& [connection, decoder] : connections_) {
        ::close(connection);
    }
}

void LoginPeer::answer_with(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = answer;
}

void LoginPeer::answer_questions_after(std::chrono::milliseconds delay) {
    const std::lock_guard lock(mutex_);
    question_delay_ = delay;
}

void LoginPeer::challenge_with(boost::json::object attest) {
    const std::lock_guard lock(mutex_);
    attest_ = std::move(attest);
}

std::vector<boost::json::object> LoginPeer::messages(std::string_view type) const {
    const std::lock_guard lock(mutex_);
    std::vector<boost::json::object> found;
    std::copy_if(messages_.begin(), messages_.end(), std::back_inserter(found),
                 [&](const boost::json::object& message) { return is_type(message, type); });
    return found;
}

std::vector<boost::json::object> LoginPeer::wait_for(std::string_view type, std::size_t count) const {
    {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, patience, [&] {
            const auto have = std::count_if(messages_.begin(), messages_.end(),
                                            [&](const auto& message) { return is_type(message, type); });
            return static_cast<std::size_t>(have) >= count;
        });
    }
    return messages(type);
}

std::string LoginPeer::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

std::size_t LoginPeer::connections_made() const {
    const std::lock_guard lock(mutex_);
    return connections_made_;
}

bool LoginPeer::wait_until_all_closed() const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return connections_.empty(); });
}

void LoginPeer::serve() {
    while (true) {
        std::vector<pollfd> waiting{{.fd = stop_reader_, .events = POLLIN, .revents = 0},
                                    {.fd = listener_, .events = POLLIN, .revents = 0}};
        for (const auto& [connection, decoder] : connections_) {
            waiting.push_back({.fd = connection, .events = POLLIN, .revents = 0});
        }
        poll(waiting.data(), waiting.size(), -1);
        if (waiting[0].revents != 0) {
            return;
        }
        for (std::size_t index = 2; index < waiting.size(); ++index) {
            if (waiting[index].revents == 0) {
                continue;
            }
            const int connection = waiting[index].fd;
            if (!read_from(connection, connections_.at(connection))) {
                const std::lock_guard lock(mutex_);
                ::close(connection);
                connections_.erase(connection);
                changed_.notify_all();
            }
        }
        if (waiting[1].revents != 0) {
            accept_one();
        }
    }
}

void LoginPeer::accept_one() {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) {
        return;
    }
    const std::lock_guard lock(mutex_);
    connections_.emplace(connection, FrameDecoder(login_frame_max_bytes));
    ++connections_made_;
}

bool LoginPeer::read_from(int connection, FrameDecoder& decoder) {
    std::array<char, 4096> buffer{};
    const ssize_t count = recv(connection, buffer.data(), buffer.size(), 0);
    if (count <= 0) {
        return false;
    }
    const std::string_view received(buffer.data(), static_cast<std::size_t>(count));
    decoder.append(received);
    {
        const std::lock_guard lock(mutex_);
        bytes_.append(received);
    }
    while (true) {
        auto message = decoder.next();
        if (!message) {
            return false;
        }
        if (!*message) {
            return true;
        }
        if (!reply(connection, **message)) {
            return false;
        }
    }
}

bool LoginPeer::reply(int connection, const boost::json::object& message) {
    const bool asked = message.at("type").as_string() == "ask";
    Answer answer{};
    std::chrono::milliseconds delay{0};
    boost::json::object attest;
    {
        const std::lock_guard lock(mutex_);
        messages_.push_back(message);
        answer = answer_;
        delay = asked ? question_delay_ : delay;
        attest = attest_;
        changed_.notify_all();
    }
    const boost::json::value* request = message.if_contains("request");
    if (request == nullptr) {
        return true;
    }
    std::this_thread::sleep_for(delay);
    std::string_view verdict = "allow";
    switch (answer) {
    case Answer::silent:
        return true;
    case Answer::silent_result:
        if (!asked) {
            return true;
        }
        break;
    case Answer::write_failed:
        if (!asked) {
            send_bytes(connection, encode_frame({{"type", "error"},
                                                 {"request", *request},
                                                 {"code", "ledger.write_failed"},
                                                 {"reason", "database or disk is full"}}));
            return true;
        }
        break;
    case Answer::rate_limited:
        if (message.at("type").as_string() == "result") {
            send_bytes(connection, encode_frame({{"type", "error"},
                                                 {"request", *request},
                                                 {"code", "login.rate_limited"},
                                                 {"reason", ""}}));
            return true;
        }
        break;
    case Answer::garbage:
        send_bytes(connection, "HTTP/1.1 400 Bad Request\r\n\r\n");
        return true;
    case Answer::wrong_version:
        send_bytes(connection, std::string_view("\0\0\0\3\2{}", 7));
        return true;
    case Answer::close:
        return false;
    case Answer::allow:
        break;
    case Answer::warn:
        verdict = "warn";
        break;
    case Answer::deny:
        verdict = "deny";
        break;
    case Answer::unknown_verdict:
        verdict = "perhaps";
        break;
    }
    boost::json::object reply{{"type", asked ? "verdict" : "recorded"}, {"request", *request}};
    if (asked) {
        reply["verdict"] = verdict;
        reply["codes"] = boost::json::array{};
        reply["key"] = nullptr;
        if (!attest.empty()) {
            reply["attest"] = attest;
        }
    }
    send_bytes(connection, encode_frame(reply));
    return true;
}

} // namespace ukey::test
