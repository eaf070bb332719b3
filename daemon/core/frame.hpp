// SPDX-License-Identifier: Apache-2.0
// The one frame format of all channels: length, version, JSON (docs/formats/channels.md §1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "daemon/core/result.hpp"

namespace ukey {

constexpr std::uint8_t frame_version = 1;
constexpr std::size_t frame_header_bytes = 5;
/// A login report is a few hundred bytes; anyone may connect, so the bound is tight.
constexpr std::size_t login_frame_max_bytes = std::size_t{16} * 1024;
/// A token with a handful of certificates, or 500 rows of a registry.
constexpr std::size_t control_frame_max_bytes = std::size_t{1024} * 1024;

/// The bytes of one frame. The object must serialise to less than the channel's bound; the sender sees to
/// that.
std::string encode_frame(const boost::json::object& message);

/// Cuts a byte stream into frames. After an error it stays in error: the connection is to be closed.
class FrameDecoder {
  public:
    explicit FrameDecoder(std::size_t frame_max_bytes) : frame_max_bytes_(frame_max_bytes) {}

    void append(std::string_view bytes) { buffer_.append(bytes); }

    /// The next complete message; nullopt when more bytes are needed; `frame.too_long`, `frame.version` or
    /// `frame.malformed` otherwise.
    Result<std::optional<boost::json::object>> next();

    /// Bytes received that do not yet make a frame.
    std::size_t pending_bytes() const { return buffer_.size(); }

  private:
    std::size_t frame_max_bytes_;
    std::string buffer_;
};

} // namespace ukey
