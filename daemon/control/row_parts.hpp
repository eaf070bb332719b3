// SPDX-License-Identifier: Apache-2.0
// An answer of many rows, in pieces that fit a frame.
#pragma once

#include <cstddef>

#include <boost/asio/awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "daemon/control/control_context.hpp"

namespace ukey {

/// A piece is sent when it may have so many bytes: with the row that is one too many it is far below the
/// largest frame (control_frame_max_bytes).
constexpr std::size_t part_max_bytes = std::size_t{256} * 1024;

class RowParts {
  public:
    /// `request` must outlive it.
    explicit RowParts(const ControlRequest& request) : request_(request) {}

    /// Adds a row and sends what has come together, when that is enough. False when the caller has gone.
    boost::asio::awaitable<bool> add(boost::json::value row);
    /// The rest.
    boost::asio::awaitable<void> finish();

  private:
    boost::asio::awaitable<bool> send();

    const ControlRequest& request_;
    boost::json::array part_;
    std::size_t bytes_ = 0;
};

} // namespace ukey
