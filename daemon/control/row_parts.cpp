// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/row_parts.hpp"

#include <utility>

#include <boost/json/value.hpp>

namespace ukey {

namespace asio = boost::asio;

namespace {

/// At most so many: no row is serialized only to know its size.
std::size_t serialized_bytes_max(const boost::json::value& value) {
    constexpr std::size_t character_bytes_max = 6; // "\u0001" (RFC 8259 §7)
    constexpr std::size_t number_bytes_max = 25;
    std::size_t bytes = 2;
    if (value.is_string()) {
        return bytes + character_bytes_max * value.get_string().size();
    }
    if (value.is_object()) {
        for (const auto& member : value.get_object()) {
            bytes += character_bytes_max * member.key().size() + serialized_bytes_max(member.value()) + 4;
        }
        return bytes;
    }
    if (value.is_array()) {
        for (const boost::json::value& element : value.get_array()) {
            bytes += serialized_bytes_max(element) + 1;
        }
        return bytes;
    }
    return number_bytes_max;
}

} // namespace

asio::awaitable<bool> RowParts::add(boost::json::value row) {
    bytes_ += serialized_bytes_max(row) + 1;
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
