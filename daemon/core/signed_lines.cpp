// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/signed_lines.hpp"

#include <charconv>

#include "daemon/core/base64.hpp"

namespace ukey {

SignedLines::SignedLines(std::string_view text, std::string_view first_line)
    : rest_(text), complete_(text.starts_with(first_line)) {
    if (complete_) {
        rest_.remove_prefix(first_line.size());
    }
}

std::string_view SignedLines::value(std::string_view name) {
    const std::size_t end = rest_.find('\n');
    const std::size_t begin = name.size() + 2;
    complete_ = complete_ && end != std::string_view::npos && end >= begin && rest_.starts_with(name) &&
                rest_.substr(name.size(), 2) == ": ";
    if (!complete_) {
        return {};
    }
    const std::string_view value = rest_.substr(begin, end - begin);
    rest_.remove_prefix(end + 1);
    return value;
}

std::uint64_t SignedLines::number(std::string_view name) {
    const std::string_view text = value(name);
    std::uint64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    complete_ = complete_ && read.ec == std::errc();
    return number;
}

std::string SignedLines::bytes(std::string_view name) {
    auto decoded = hex_decode(value(name));
    complete_ = complete_ && decoded.has_value();
    return decoded ? std::move(*decoded) : std::string();
}

} // namespace ukey
