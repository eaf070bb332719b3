// SPDX-License-Identifier: Apache-2.0
#include "tools/diagnosis/bounded.hpp"

#include <csignal>
#include <sys/wait.h>
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
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(took, milliseconds(50));
    EXPECT_LT(took, std::chrono::seconds(30));
    EXPECT_EQ(waitpid(-1, nullptr, 0), -1) << "a child is left";
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
