// SPDX-License-Identifier: Apache-2.0
// The control channel from the person's side (docs/formats/channels.md §1 and §4): one blocking connection.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "daemon/core/frame.hpp"
#include "tools/failure.hpp"

namespace ukey::ctl {

/// Longer than any answer takes but a verification of a very long ledger.
constexpr std::chrono::seconds answer_wait{60};
/// audit.verify reads and hashes everything there is.
constexpr std::chrono::seconds long_answer_wait{3600};
constexpr std::chrono::seconds wait_for_ever{0};

/// Called with every part of a streamed answer; false ends the call.
using PartHandler = std::function<bool(const boost::json::value&)>;

class ControlClient {
  public:
    /// Error `daemon.unreachable`.
    static Outcome<ControlClient> connect(const std::string& socket_path);

    ControlClient(ControlClient&& other) noexcept;
    ControlClient& operator=(ControlClient&& other) noexcept;
    ControlClient(const ControlClient&) = delete; // owns the connection
    ControlClient& operator=(const ControlClient&) = delete;
    ~ControlClient();

    /// Sends one request and blocks until its answer is complete. `wait` bounds every silence of the daemon.
    /// Fails with the daemon's own error, with `daemon.unreachable` when the connection ends or the wait is
    /// over, or with `frame.*` when what comes is not the protocol. A handler that returns false gets an
    /// empty result, and the connection is of no further use.
    Outcome<boost::json::object> call(std::string_view verb, boost::json::object arguments = {},
                                      const PartHandler& on_part = {},
                                      std::chrono::seconds wait = answer_wait);

  private:
    ControlClient(int descriptor, std::string socket_path);
    Outcome<void> send(const boost::json::object& request);
    Outcome<boost::json::object> receive();
    tl::unexpected<Failure> unreachable(std::string reason) const;

    int descriptor_;
    std::string socket_path_;
    FrameDecoder decoder_{control_frame_max_bytes};
    std::int64_t last_id_ = 0;
};

} // namespace ukey::ctl
