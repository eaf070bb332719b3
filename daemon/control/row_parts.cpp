// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/row_parts.hpp"

#include <utility>

#include <boost/json/serialize.hpp>

namespace ukey {

namespace asio = boost::asio;

asio::awaitable<bool> RowParts::add(boost::json::value row) {
    bytes_ += boost::json::serialize(row).size() + 1;
    part_.push_back(std::move(row));
    if (part_.size() < part_rows && bytes_ < part_max_bytes) {
        co_return true;
    }
    co_return co_await send();
}

asio::awaitable<void> RowParts::finish() {
    if (!part_.empty()) {
        co_await send();
    }
}

asio::awaitable<bool> RowParts::send() {
    boost::json::array part = std::exchange(part_, boost::json::array());
    bytes_ = 0;
    co_return co_await request_.send_part(std::move(part));
}

} // namespace ukey
