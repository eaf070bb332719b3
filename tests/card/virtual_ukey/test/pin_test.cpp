// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <iterator>

#include "tests/card/virtual_ukey/test/card_fixture.hpp"

namespace ukey::virtual_card {
namespace {

class PinTest : public CardTest {
  protected:
    void SetUp() override {
        CardTest::SetUp();
        make_card(KeyAlgorithm::p_256);
    }

    std::string two_references(const std::string& header, const std::string& first,
                               const std::string& second) {
        return send(header + "10" + to_hex(pad_pin(first).value()) + to_hex(pad_pin(second).value()));
    }
    std::string change(const std::string& from, const std::string& to) {
        return two_references("00240080", from, to);
    }
    std::string unblock(const std::string& puk, const std::string& pin) {
        return two_references("002C0080", puk, pin);
    }
    const Counters& counters() const { return card_->state().counters; }
};

TEST_F(PinTest, right_pin_is_accepted_and_counted) {
    EXPECT_EQ(verify("123456"), "9000");
    EXPECT_EQ(counters().verify_count, 1U);
    EXPECT_EQ(counters().verify_failed, 0U);
}

TEST_F(PinTest, empty_verify_asks_without_spending_a_try) {
    EXPECT_EQ(send("00200080"), "63c3");
    EXPECT_EQ(verify("111111"), "63c2");
    EXPECT_EQ(send("00200080"), "63c2");
    EXPECT_EQ(verify("123456"), "9000");
    EXPECT_EQ(send("00200080"), "9000");
    EXPECT_EQ(counters().verify_count, 2U);
    EXPECT_EQ(counters().verify_query_count, 3U);
}

TEST_F(PinTest, last_wrong_try_locks_even_against_the_right_pin) {
    EXPECT_EQ(verify("111111"), "63c2");
    EXPECT_EQ(verify("111111"), "63c1");
    EXPECT_EQ(verify("111111"), "63c0");
    EXPECT_EQ(verify("123456"), "6983");
    EXPECT_EQ(send("00200080"), "6983");
    EXPECT_TRUE(card_->pin_locked());
    EXPECT_EQ(counters().verify_failed, 4U);
}

TEST_F(PinTest, right_pin_restores_the_counter) {
    EXPECT_EQ(verify("111111"), "63c2");
    EXPECT_EQ(verify("123456"), "9000");
    EXPECT_EQ(card_->pin_tries_left(), 3U);
}

TEST_F(PinTest, counters_survive_a_new_start_without_a_clean_end) {
    verify("111111");
    const auto copy = folder_ / "copy";
    std::filesystem::copy(folder_ / "card", copy, std::filesystem::copy_options::recursive);
    const auto opened = PivCard::open(copy);
    ASSERT_TRUE(opened);
    EXPECT_EQ((*opened)->pin_tries_left(), 2U);
    EXPECT_EQ((*opened)->state().counters.verify_count, 1U);
}

TEST_F(PinTest, reset_forgets_the_verified_pin_and_selecting_again_does_not) {
    verify("123456");
    send(select_piv);
    EXPECT_TRUE(card_->pin_verified());
    card_->power_on();
    EXPECT_FALSE(card_->pin_verified());
    send(select_piv);
    EXPECT_EQ(send("00200080"), "63c3");
}

TEST_F(PinTest, logout_forgets_the_verified_pin) {
    verify("123456");
    EXPECT_EQ(send("0020FF80"), "9000");
    EXPECT_FALSE(card_->pin_verified());
}

TEST_F(PinTest, pin_is_changed_and_stays_changed) {
    EXPECT_EQ(change("123456", "87654321"), "9000");
    reopen();
    EXPECT_EQ(verify("123456"), "63c2");
    EXPECT_EQ(verify("87654321"), "9000");
    EXPECT_EQ(counters().pin_change_count, 1U);
}

TEST_F(PinTest, change_with_a_wrong_pin_spends_a_try) {
    EXPECT_EQ(change("111111", "222222"), "63c2");
    EXPECT_EQ(counters().pin_change_failed, 1U);
    EXPECT_EQ(counters().verify_count, 0U);
}

TEST_F(PinTest, change_to_a_pin_of_letters_is_refused_without_spending_a_try) {
    EXPECT_EQ(send("00240080 10 313233343536FFFF 414243444546FFFF"), "6a80");
    EXPECT_EQ(card_->pin_tries_left(), 3U);
}

TEST_F(PinTest, puk_unblocks_with_a_new_pin) {
    for (int i = 0; i < 3; ++i)
        verify("111111");
    EXPECT_EQ(unblock("00000000", "654321"), "63c9");
    EXPECT_EQ(unblock("12345678", "654321"), "9000");
    EXPECT_FALSE(card_->pin_verified());
    EXPECT_EQ(verify("654321"), "9000");
    EXPECT_EQ(card_->pin_tries_left(), 3U);
    EXPECT_EQ(counters().pin_unblock_count, 1U);
    EXPECT_EQ(counters().pin_unblock_failed, 1U);
}

TEST_F(PinTest, locked_fault_ends_with_the_fault) {
    ASSERT_TRUE(card_->set_fault(Fault::locked, {}));
    EXPECT_EQ(verify("123456"), "6983");
    EXPECT_EQ(card_->pin_tries_left(), 0U);
    ASSERT_TRUE(card_->set_fault(Fault::none, {}));
    EXPECT_EQ(verify("123456"), "9000");
}

TEST_F(PinTest, last_try_fault_leaves_one_try) {
    ASSERT_TRUE(card_->set_fault(Fault::last_try, {}));
    EXPECT_EQ(send("00200080"), "63c1");
    EXPECT_EQ(verify("111111"), "63c0");
    EXPECT_TRUE(card_->pin_locked());
}

TEST_F(PinTest, unknown_references_and_lengths_are_refused) {
    EXPECT_EQ(send("00200000"), "6a88");
    EXPECT_EQ(send("00200180"), "6a86");
    EXPECT_EQ(send("00200080 06 313233343536"), "6a80");
    EXPECT_EQ(send("00240080 08 313233343536FFFF"), "6700");
    EXPECT_EQ(card_->pin_tries_left(), 3U);
}

TEST_F(PinTest, no_file_holds_a_pin) {
    ASSERT_EQ(change("123456", "86420975"), "9000");
    card_.reset();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
        if (!entry.is_regular_file())
            continue;
        std::ifstream stream(entry.path(), std::ios::binary);
        const std::string content(std::istreambuf_iterator<char>(stream), {});
        EXPECT_EQ(content.find("86420975"), std::string::npos) << entry.path();
        EXPECT_EQ(content.find(to_hex(to_bytes("86420975"))), std::string::npos) << entry.path();
    }
}

} // namespace
} // namespace ukey::virtual_card
