// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/frame.hpp"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/core/big_endian.hpp"

namespace ukey {
std::string encode_frame(const boost::json::object& message) {
    const std::string text = boost::json::serialize(message);
    std::string frame;
    frame.reserve(text.size() + frame_header_bytes);
    append_big_endian(frame, text.size() + 1, 4);
    frame.push_back(static_cast<char>(frame_version));
    frame.append(text);
    return frame;
}

Result<std::optional<boost::json::object>> FrameDecoder::next() {
    if (buffer_.size() < frame_header_bytes) {
        return std::nullopt;
    }
    const std::size_t length = read_big_endian(std::string_view(buffer_).substr(0, 4));
    if (length > frame_max_bytes_ || length < 3) {
        return fail("frame.too_long", "read a frame", "length", std::to_string(length) + " bytes");
    }
    if (static_cast<std::uint8_t>(buffer_[4]) != frame_version) {
        return fail("frame.version", "read a frame", "version",
                    std::to_string(static_cast<unsigned char>(buffer_[4])));
    }
    if (buffer_.size() < 4 + length) {
        return std::nullopt;
    }
    boost::json::error_code parse_error;
    // A message is read and thrown away as a whole.
    boost::json::value value =
        boost::json::parse(std::string_view(buffer_).substr(frame_header_bytes, length - 1), parse_error,
                           boost::json::make_shared_resource<boost::json::monotonic_resource>(length));
    if (parse_error || !value.is_object()) {
        return fail("frame.malformed", "read a frame", "content",
                    parse_error ? parse_error.message() : "not a JSON object");
    }
    buffer_.erase(0, 4 + length);
    return std::move(value.as_object());
}

} // namespace ukey
