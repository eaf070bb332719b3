// SPDX-License-Identifier: Apache-2.0
// One socket to the daemon's login channel: frames out, frames in, never longer than a deadline
// (docs/formats/channels.md §1). Not thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

#include <boost/json/object.hpp>

#include "daemon/core/frame.hpp"

namespace ukey::filter {

using Deadline = std::chrono::steady_clock::time_point;

class LoginConnection {
  public:
    explicit LoginConnection(std::string socket_path) : socket_path_(std::move(socket_path)) {}
    LoginConnection(const LoginConnection&) = delete; // a copy would close the descriptor twice
    LoginConnection& operator=(const LoginConnection&) = delete;
    ~LoginConnection() { close(); }

    bool connected() const { return descriptor_.load() >= 0; }
    /// Grows with every new connection: what was told on an older one may not have arrived.
    std::uint64_t generation() const { return generation_; }

    /// Connects if it isn't; waits at most until the deadline, whatever signals come. False when there is no
    /// daemon. The descriptor is never 0, 1 or 2.
    bool connect(Deadline deadline);

    /// Hands a message to the kernel, without waiting. False when it could not: then either connected() is
    /// false, or the socket is full or the message does not fit a frame, and it is not sent at all. Of one
    /// that the kernel took in part, the rest goes with the next send() or while receive() waits.
    bool send(const boost::json::object& message);
    /// Whether a message is short enough to be sent at all.
    static bool fits(const boost::json::object& message);

    /// The next message of the daemon; nullopt when the deadline passes, the connection ends, or what comes
    /// is not a frame of our version, or far more than it was asked for (then broke_rules() is true): it must
    /// not keep us busy for ever.
    std::optional<boost::json::object> receive(Deadline deadline);
    bool broke_rules() const { return broke_rules_; }

    /// Something has come, or the connection has ended.
    bool readable() const;
    /// Whether another socket lies at the path than at the last connect.
    bool socket_replaced() const;

    /// Ends the connection for every process that has a copy of the descriptor.
    void close();
    /// In a forked child: gives the copy back, the parent's connection stays. A file of the child's own that
    /// has got the descriptor's number stays too.
    void abandon_in_child();

  private:
    struct FileIdentity {
        dev_t device = 0;
        ino_t inode = 0;
        bool operator==(const FileIdentity&) const = default;
    };

    static std::optional<FileIdentity> identity_of_path(const std::string& path);
    static std::optional<FileIdentity> identity_of(int descriptor);
    bool still_ours() const;
    void forget();
    bool flush();
    bool read_some();
    bool exchange(short events);
    void refuse(const std::string& reason);

    std::string socket_path_;
    /// Atomic for abandon_in_child(): another thread of the parent may have been at work when it forked.
    std::atomic<int> descriptor_{-1};
    /// Complete whenever descriptor_ is none of -1: written before it, and taken back after it.
    std::optional<FileIdentity> own_socket_;
    std::optional<FileIdentity> daemon_socket_;
    std::uint64_t generation_ = 0;
    /// The rest of a frame that the kernel took only in part.
    std::string unsent_;
    FrameDecoder decoder_{login_frame_max_bytes};
    bool broke_rules_ = false;
    /// Messages on the present connection.
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
};

} // namespace ukey::filter
