// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module/token_cache.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace ukey::filter {
namespace {

CK_TOKEN_INFO filled_with(unsigned char byte) {
    CK_TOKEN_INFO info{};
    std::memset(&info, byte, sizeof info);
    return info;
}

TEST(TokenCacheTest, description_goes_with_the_next_session) {
    const auto cache = std::make_unique<TokenCache>();
    EXPECT_FALSE(cache->find(0, 0));
    cache->keep(0, 3, filled_with(1));
    const auto found = cache->find(0, 3);
    ASSERT_TRUE(found);
    const CK_TOKEN_INFO expected = filled_with(1);
    EXPECT_EQ(std::memcmp(&*found, &expected, sizeof expected), 0);
    EXPECT_FALSE(cache->find(0, 4));
    EXPECT_FALSE(cache->find(1, 3));
}

TEST(TokenCacheTest, threads_find_whole_descriptions) {
    const auto cache = std::make_unique<TokenCache>();
    std::atomic<bool> over{false};
    std::atomic<int> torn{0};
    std::vector<std::thread> readers;
    for (int index = 0; index < 2; ++index) {
        readers.emplace_back([&] {
            while (!over) {
                if (const auto info = cache->find(0, 0)) {
                    std::array<unsigned char, sizeof *info> bytes{};
                    std::memcpy(bytes.data(), &*info, sizeof *info);
                    torn += std::ranges::count(bytes, bytes[0]) == std::ssize(bytes) ? 0 : 1;
                }
            }
        });
    }
    std::vector<std::thread> writers;
    for (int index = 0; index < 2; ++index) {
        writers.emplace_back([&, index] {
            for (int round = 0; round < 200'000; ++round) {
                cache->keep(0, 0, filled_with(static_cast<unsigned char>(2 * round + index)));
            }
        });
    }
    for (std::thread& writer : writers) {
        writer.join();
    }
    over = true;
    for (std::thread& reader : readers) {
        reader.join();
    }
    EXPECT_EQ(torn, 0);
}

} // namespace
} // namespace ukey::filter
