// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/login_message.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "daemon/login/rate_limit.hpp"

namespace ukey {
namespace {

Result<LoginMessage> decode(const std::string& text) {
    return decode_login_message(boost::json::parse(text).as_object());
}

constexpr const char* ask =
    R"({"type":"ask","request":7,"token":{"manufacturer":"m","model":"o","serial":"s"},"claim":{"executable":"/x","application":"x"}})";

TEST(LoginMessage, AskIsDecoded) {
    const auto message = decode(ask);
    ASSERT_TRUE(message);
    const auto& decoded = std::get<AskMessage>(*message);
    EXPECT_EQ(decoded.request, 7);
    EXPECT_EQ(decoded.token, (KeyIdentity{"m", "o", "s"}));
    EXPECT_EQ(decoded.claim.executable, "/x");
}

TEST(LoginMessage, WhatAFilterMayNotSayIsRefused) {
    const std::string login(32, 'a');
    EXPECT_TRUE(
        decode(R"({"type":"end","request":1,"login":")" + login + R"(","reason":"logout","uses":1})"));
    EXPECT_EQ(
        decode(R"({"type":"end","request":1,"login":")" + login + R"(","reason":"key_removed","uses":1})")
            .error()
            .object,
        "reason");
    EXPECT_EQ(decode(R"({"type":"use","login":"AAAA","uses":1})").error().object, "login");
    EXPECT_EQ(decode(R"({"type":"use","login":")" + login + R"(","uses":-1})").error().object, "uses");
    EXPECT_EQ(decode(R"({"type":"use","login":")" + login + R"("})").error().object, "uses");
    EXPECT_EQ(decode(R"({"type":"what"})").error().object, "type");
    EXPECT_EQ(decode(R"({})").error().object, "type");
    std::string long_serial(ask);
    long_serial.replace(long_serial.find("\"s\""), 3, "\"" + std::string(500, 's') + "\"");
    EXPECT_EQ(decode(long_serial).error().object, "token.serial");
}

TEST(RateLimit, CountsPerUserAndMinute) {
    RateLimit limit(2);
    using namespace std::chrono_literals;
    EXPECT_TRUE(limit.take(1, 100s).allowed);
    EXPECT_TRUE(limit.take(1, 100s).allowed);
    EXPECT_FALSE(limit.take(1, 110s).allowed);
    EXPECT_FALSE(limit.take(1, 120s).allowed);
    EXPECT_TRUE(limit.take(2, 120s).allowed) << "another user";
    const auto next = limit.take(1, 161s);
    EXPECT_TRUE(next.allowed);
    EXPECT_EQ(next.left_out_before, 2U);
    EXPECT_EQ(limit.take(1, 162s).left_out_before, 0U);
}

TEST(RateLimit, WhatWasLeftOutIsToldAlsoWhenTheUserFallsSilent) {
    RateLimit limit(1);
    using namespace std::chrono_literals;
    for (int report = 0; report < 4; ++report) {
        limit.take(1, 100s);
        limit.take(2, 130s);
    }
    EXPECT_TRUE(limit.take_left_out(159s).empty());
    EXPECT_EQ(limit.take_left_out(160s), (std::map<std::uint32_t, std::uint64_t>{{1, 3}}));
    EXPECT_EQ(limit.take(1, 161s).left_out_before, 0U) << "told already";
    EXPECT_EQ(limit.take_left_out(std::nullopt), (std::map<std::uint32_t, std::uint64_t>{{2, 3}}));
}

} // namespace
} // namespace ukey
