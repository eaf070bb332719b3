// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/base64.hpp"

#include <array>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <openssl/evp.h>

namespace ukey {
namespace {

TEST(Base64, VectorsOfTheStandard) { // RFC 4648 §10
    constexpr std::array<std::array<std::string_view, 2>, 7> vectors{{{"", ""},
                                                                      {"f", "Zg=="},
                                                                      {"fo", "Zm8="},
                                                                      {"foo", "Zm9v"},
                                                                      {"foob", "Zm9vYg=="},
                                                                      {"fooba", "Zm9vYmE="},
                                                                      {"foobar", "Zm9vYmFy"}}};
    for (const auto& [bytes, text] : vectors) {
        EXPECT_EQ(base64_encode(bytes), text);
        EXPECT_EQ(base64_decode(text), bytes);
    }
}

std::string encode_by_openssl(const std::string& bytes) {
    std::string text(bytes.size() * 2 + 8, '\0');
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(length));
    return text;
}

TEST(Base64, SameAsOpenssl) {
    const auto seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int round = 0; round < 500; ++round) {
        std::string bytes(random() % 200, '\0');
        for (char& byte : bytes) {
            byte = static_cast<char>(random());
        }
        const std::string text = encode_by_openssl(bytes);
        EXPECT_EQ(base64_encode(bytes), text);
        EXPECT_EQ(base64_decode(text), bytes);
    }
}

/// One text for some bytes: each group that decodes is what its bytes encode to, and there are as many of
/// them as there are strings of one to three bytes.
TEST(Base64, EachGroupOfDigitsAndSignsIsTheOneForItsBytesOrNone) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\n-_\x80";
    std::size_t decoded = 0;
    for (const char third : alphabet) {
        for (const char fourth : alphabet) {
            for (const char first : std::string_view("AQ/=\xFF")) {
                for (const char second : alphabet) {
                    const std::string group{first, second, third, fourth};
                    const auto bytes = base64_decode(group);
                    ASSERT_TRUE(!bytes || base64_encode(*bytes) == group) << group;
                    decoded += bytes ? 1 : 0;
                }
            }
        }
    }
    EXPECT_EQ(decoded, 3U * (64U * 64U * 64U + 64U * 16U + 4U));
}

TEST(Base64, PaddingStandsAtTheEndOfWholeGroups) {
    for (const char* text : {"Zg", "Zg=", "Zg==Zg==", "=Zm9", "====", "Zm9v=", "Zm9v====", "Zm 9"}) {
        EXPECT_EQ(base64_decode(text), std::nullopt) << text;
    }
}

TEST(Hexadecimal, IsRecognisedWithoutBeingMade) {
    const std::string bytes("\x00\x7f\xa5\xff", 4);
    EXPECT_EQ(hex_encode(bytes), "007fa5ff");
    EXPECT_TRUE(is_hex_of("007fa5ff", bytes));
    EXPECT_TRUE(is_hex_of("", ""));
    for (const char* other :
         {"", "007fa5f", "007fa5ff0", "007FA5FF", "107fa5ff", "017fa5ff", "007fa5fe", "007fa5ef"}) {
        EXPECT_FALSE(is_hex_of(other, bytes)) << other;
    }
}

} // namespace
} // namespace ukey
