// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/bounded.hpp"

#include <csignal>
#include <unistd.h>

#include <gtest/gtest.h>

namespace ukey::ctl {
namespace {

using std::chrono::milliseconds;

TEST(AnswerWithin, GivesTheWholeAnswer) {
    const std::string large(1'000'000, 'x');
    EXPECT_EQ(answer_within(std::chrono::minutes(1), [&] { return large; }), large);
    EXPECT_EQ(answer_within(std::chrono::minutes(1), [] { return std::string(); }), "");
}

TEST(AnswerWithin, EndsWhatNeverEnds) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(answer_within(milliseconds(50),
                            [] {
                                for (;;) {
                                    pause();
                                }
                                return std::string();
                            }),
              std::nullopt);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(50));
    EXPECT_EQ(kill(0, 0), 0); // this process and its group are still there
}

TEST(AnswerWithin, ChildThatDiesGivesNothing) {
    EXPECT_EQ(answer_within(std::chrono::minutes(1),
                            [] {
                                kill(getpid(), SIGKILL);
                                return std::string("never");
                            }),
              std::nullopt);
}

} // namespace
} // namespace ukey::ctl
