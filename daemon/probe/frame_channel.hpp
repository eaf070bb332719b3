// SPDX-License-Identifier: Apache-2.0
// ukey-probe's end of the worker channel: frames on a blocking stream socket.
#pragma once

#include <optional>

#include <boost/json/object.hpp>

#include "daemon/core/frame.hpp"
#include "daemon/core/result.hpp"

namespace ukey::probe {

/// Owns the descriptor. One thread.
class FrameChannel {
  public:
    explicit FrameChannel(int descriptor) : descriptor_(descriptor), decoder_(control_frame_max_bytes) {}
    ~FrameChannel();
    FrameChannel(const FrameChannel&) = delete; // owns a descriptor
    FrameChannel& operator=(const FrameChannel&) = delete;

    int descriptor() const { return descriptor_; }

    /// Blocks until the peer has taken it. False when the peer is gone.
    bool send(const boost::json::object& message);

    /// One read, for when the descriptor is readable. False at the end of the connection.
    bool receive();

    /// The next message received, as FrameDecoder::next.
    Result<std::optional<boost::json::object>> next() { return decoder_.next(); }

  private:
    int descriptor_;
    FrameDecoder decoder_;
};

} // namespace ukey::probe
