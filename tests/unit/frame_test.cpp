// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/frame.hpp"

#include <random>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace ukey {
namespace {

using boost::json::object;

std::string raw_frame(std::string_view text, char version = 1) {
    const std::size_t length = text.size() + 1;
    std::string frame{'\0', static_cast<char>(length >> 16U), static_cast<char>(length >> 8U),
                      static_cast<char>(length), version};
    return frame.append(text);
}

std::string error_of(const std::string& bytes, std::size_t bound = login_frame_max_bytes) {
    FrameDecoder decoder(bound);
    decoder.append(bytes);
    const auto first = decoder.next();
    const auto again = decoder.next();
    EXPECT_FALSE(again.has_value()) << "an error stays";
    return first.has_value() ? "" : first.error().code;
}

TEST(Frame, HasTheDocumentedBytes) {
    EXPECT_EQ(encode_frame({{"a", 1}}), raw_frame("{\"a\":1}"));
}

TEST(Frame, ComesBackFromAnyCut) {
    const object first{{"type", "ask"}, {"name", "党支部"}};
    const object second{{"request", 2}};
    const std::string bytes = encode_frame(first) + encode_frame(second);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        FrameDecoder decoder(login_frame_max_bytes);
        std::vector<object> received;
        for (const std::string& part : {bytes.substr(0, cut), bytes.substr(cut)}) {
            decoder.append(part);
            for (auto message = decoder.next(); message.value(); message = decoder.next()) {
                received.push_back(**message);
            }
        }
        ASSERT_EQ(received, (std::vector<object>{first, second})) << cut;
        ASSERT_EQ(decoder.pending_bytes(), 0U);
    }
}

TEST(Frame, AsksForMoreBytes) {
    FrameDecoder decoder(login_frame_max_bytes);
    EXPECT_FALSE(decoder.next().value().has_value());
    decoder.append(std::string_view("\0\0\0", 3));
    EXPECT_FALSE(decoder.next().value().has_value());
    EXPECT_EQ(decoder.pending_bytes(), 3U);
}

TEST(Frame, RefusesWhatTheFormatForbids) {
    EXPECT_EQ(error_of(raw_frame("{}", 2)), "frame.version");
    EXPECT_EQ(error_of(raw_frame("{}", 0)), "frame.version");
    EXPECT_EQ(error_of(raw_frame("")), "frame.too_long");
    EXPECT_EQ(error_of(raw_frame("[]")), "frame.malformed");
    EXPECT_EQ(error_of(raw_frame("{\"a\":}")), "frame.malformed");
    EXPECT_EQ(error_of(raw_frame("{} {}")), "frame.malformed");
    EXPECT_EQ(error_of(raw_frame("{\"a\":\"\xFF\"}")), "frame.malformed");
    EXPECT_EQ(error_of(raw_frame(std::string(200, '[') + std::string(200, ']'))), "frame.malformed");
}

TEST(Frame, RefusesTheLengthBeforeTheContentArrives) {
    EXPECT_EQ(error_of(std::string("\0\0\x40\x01\x01", 5)), "frame.too_long");
    EXPECT_EQ(error_of(std::string("\xFF\xFF\xFF\xFF\x01", 5), control_frame_max_bytes), "frame.too_long");
}

TEST(Frame, TakesAFrameOfExactlyTheBound) {
    object message{{"a", ""}};
    const std::size_t empty_bytes = boost::json::serialize(message).size() + 1;
    message["a"] = std::string(login_frame_max_bytes - empty_bytes, 'x');
    FrameDecoder decoder(login_frame_max_bytes);
    decoder.append(encode_frame(message));
    EXPECT_EQ(decoder.next().value().value(), message);
    message["a"] = std::string(login_frame_max_bytes - empty_bytes + 1, 'x');
    EXPECT_EQ(error_of(encode_frame(message)), "frame.too_long");
}

TEST(Frame, SurvivesRandomBytes) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> byte(0, 255);
    for (int round = 0; round < 2000; ++round) {
        std::string content(static_cast<std::size_t>(byte(random)) + 2, '\0');
        for (char& character : content) {
            character = static_cast<char>(byte(random));
        }
        content.front() = '['; // never an object, so never a message
        FrameDecoder decoder(login_frame_max_bytes);
        decoder.append(raw_frame(content));
        ASSERT_FALSE(decoder.next().has_value());
    }
}

} // namespace
} // namespace ukey
