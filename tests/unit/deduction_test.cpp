// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/deduction.hpp"

#include <random>

#include <gtest/gtest.h>

namespace ukey {
namespace {

using enum Rounding;

constexpr Deduction login{.per_percent = {20}, .max = {1000}, .points = {}};

std::int64_t cost(Shortfall shortfall, Rounding rounding, const Deduction& deduction = login) {
    return cost_of(shortfall, deduction, rounding).hundredths;
}

TEST(Deduction, ABrokenPercentCostsWhatTheRoundingSays) {
    // 7 of 60 are missing: 11.666… %, and 0.2 points per percent make 2.3333….
    EXPECT_EQ(cost({7, 60}, proportional), 233);
    EXPECT_EQ(cost({7, 60}, started_percent), 240);
    EXPECT_EQ(cost({7, 60}, full_percent), 220);
}

TEST(Deduction, AWholePercentCostsTheSameEitherWay) {
    for (const Rounding rounding : {proportional, started_percent, full_percent}) {
        EXPECT_EQ(cost({3, 100}, rounding), 60);
        EXPECT_EQ(cost({0, 100}, rounding), 0);
        EXPECT_EQ(cost({0, 0}, rounding), 0) << "nothing of nothing is missing";
    }
}

TEST(Deduction, HalfAHundredthIsRoundedUp) {
    EXPECT_EQ(cost({1, 16}, proportional), 125) << "1.25 exactly";
    EXPECT_EQ(cost({1, 32}, proportional), 63) << "0.625";
    EXPECT_EQ(cost({1, 1001}, proportional), 2) << "0.01998…";
    EXPECT_EQ(cost({1, 3000}, proportional), 1) << "0.00667";
    EXPECT_EQ(cost({1, 4001}, proportional), 0) << "0.004999";
}

TEST(Deduction, NoMoreThanTheMaximum) {
    constexpr Deduction coverage{.per_percent = {50}, .max = {1000}, .points = {}};
    EXPECT_EQ(cost({20, 100}, proportional, coverage), 1000);
    EXPECT_EQ(cost({21, 100}, started_percent, coverage), 1000);
    EXPECT_EQ(cost({100, 100}, full_percent, coverage), 1000);
    EXPECT_EQ(cost({100, 100}, proportional), 1000) << "0.2 · 100 is 20";
}

TEST(Deduction, TwoShortfallsTogetherAreRoundedOnce) {
    constexpr Deduction third{.per_percent = {1}, .max = {1000}, .points = {}};
    // A third of a hundredth and a third of a hundredth: 0.67 together, nothing each.
    EXPECT_EQ(cost({1, 300}, proportional, third), 0);
    EXPECT_EQ(cost_of({1, 300}, {1, 300}, third, proportional).hundredths, 1);
    EXPECT_EQ(cost_of({1, 300}, {1, 300}, third, started_percent).hundredths, 2);
    EXPECT_EQ(cost_of({1, 300}, {}, third, proportional).hundredths, 0);
}

/// The same by counting instead of dividing.
std::int64_t counted_cost(Shortfall one, Shortfall two, std::int64_t per_percent, Rounding rounding) {
    const auto percents = [&](const Shortfall& shortfall) {
        std::int64_t count = 0;
        for (std::uint64_t percent = 0; percent < 100 && shortfall.required > 0; ++percent) {
            const std::uint64_t begin = percent * shortfall.required;
            const std::uint64_t end = begin + shortfall.required;
            const std::uint64_t missing = 100 * shortfall.missing;
            count += rounding == started_percent ? begin < missing : end <= missing;
        }
        return count;
    };
    if (rounding != proportional) {
        return per_percent * (percents(one) + percents(two));
    }
    // The largest number of hundredths whose lower half still is in it.
    const std::uint64_t one_of = std::max<std::uint64_t>(one.required, 1);
    const std::uint64_t two_of = std::max<std::uint64_t>(two.required, 1);
    const std::uint64_t exact =
        200 * static_cast<std::uint64_t>(per_percent) * (one.missing * two_of + two.missing * one_of);
    std::uint64_t hundredths = 0;
    while ((2 * hundredths + 1) * one_of * two_of <= exact) {
        ++hundredths;
    }
    return static_cast<std::int64_t>(hundredths);
}

TEST(Deduction, IsWhatCountingGives) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const auto any = [&](std::uint64_t most) { return random() % (most + 1); };
    const auto shortfall = [&] {
        const std::uint64_t required = any(1) == 0 ? any(30) : any(5000);
        return Shortfall{any(required), required};
    };
    for (int round = 0; round < 20'000; ++round) {
        const Shortfall one = shortfall();
        const Shortfall two = any(2) == 0 ? shortfall() : Shortfall{};
        const Deduction deduction{.per_percent = {static_cast<std::int64_t>(any(60))},
                                  .max = {static_cast<std::int64_t>(any(2000))},
                                  .points = {}};
        for (const Rounding rounding : {proportional, started_percent, full_percent}) {
            ASSERT_EQ(cost_of(one, two, deduction, rounding).hundredths,
                      std::min(counted_cost(one, two, deduction.per_percent.hundredths, rounding),
                               deduction.max.hundredths))
                << one.missing << "/" << one.required << " " << two.missing << "/" << two.required;
        }
    }
}

} // namespace
} // namespace ukey
