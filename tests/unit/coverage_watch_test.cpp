// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/coverage_watch.hpp"

#include <gtest/gtest.h>

namespace ukey {
namespace {

AskMessage ask_by(const std::string& executable) {
    AskMessage ask;
    ask.claim.executable = executable;
    ask.filter.version = "0.0.1";
    return ask;
}

TEST(CoverageWatch, GapIsFoundUntilItIsRecorded) {
    CoverageWatch watch;
    const AskMessage ask = ask_by("/usr/bin/browser");
    EXPECT_EQ(watch.look(ask, 1, nullptr, "").size(), 1U);
    const auto gaps = watch.look(ask, 1, nullptr, "");
    ASSERT_EQ(gaps.size(), 1U) << "its record could not be written";
    gaps[0].recorded();
    EXPECT_TRUE(watch.look(ask, 1, nullptr, "").empty());
    EXPECT_EQ(watch.look(ask, 2, nullptr, "").size(), 1U) << "another user's program";
}

TEST(CoverageWatch, NoUserSilencesAnother) {
    CoverageWatch watch;
    std::size_t told = 0;
    for (int number = 0; number < 1000; ++number) {
        for (const CoverageGap& gap : watch.look(ask_by("/x" + std::to_string(number)), 1, nullptr, "")) {
            gap.recorded();
            ++told;
        }
    }
    EXPECT_LT(told, 100U);
    EXPECT_EQ(watch.look(ask_by("/opt/browser"), 0, nullptr, "").size(), 1U);
    for (std::uint32_t uid = 2; uid < 1000; ++uid) { // subuids of one user
        for (const CoverageGap& gap : watch.look(ask_by("/x"), uid, nullptr, "")) {
            gap.recorded();
        }
    }
    EXPECT_EQ(watch.look(ask_by("/opt/browser"), 0, nullptr, "").size(), 1U);
}

TEST(CoverageWatch, ChangedPinStateIsFoundUntilItIsRecorded) {
    CoverageWatch watch;
    PresentKey key;
    key.key_id = "0123456789ab";
    AskMessage ask;
    ask.filter.version = UKEY_VERSION;
    watch.pin_was_used(key.key_id, true);
    ask.pin_flags = {"user_pin_count_low"};
    EXPECT_EQ(watch.look(ask, 1, &key, "").size(), 1U);
    const auto gaps = watch.look(ask, 1, &key, "");
    ASSERT_EQ(gaps.size(), 1U);
    EXPECT_EQ(gaps[0].payload.at("reason"), "pin_state");
    gaps[0].recorded();
    EXPECT_TRUE(watch.look(ask, 1, &key, "").empty());
}

} // namespace
} // namespace ukey
