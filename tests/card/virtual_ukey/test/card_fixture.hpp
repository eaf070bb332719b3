// SPDX-License-Identifier: Apache-2.0
// A personalised card in a temporary folder.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/card/virtual_ukey/authority/issue_card.hpp"
#include "tests/card/virtual_ukey/card/piv_card.hpp"

namespace ukey::virtual_card {

class CardTest : public testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    /// Makes the card anew, powered and with PIV selected.
    void make_card(KeyAlgorithm algorithm, unsigned tries = 3);
    /// As after a new start of the process.
    void reopen();

    /// Sends an APDU in hexadecimal, spaces allowed; the answer in hexadecimal.
    std::string send(const std::string& apdu);
    /// VERIFY with a PIN; the status word in hexadecimal.
    std::string verify(const std::string& pin);
    /// Fetches the rest of an answer that ends in '61 XX', without status words.
    Bytes fetch(const std::string& first_answer);
    /// Signs 32 bytes of '5A' with the P-256 key; the signature, or nothing.
    Bytes sign_p256();
    bool verifies_p256(const Bytes& signature) const;

    std::filesystem::path folder_;
    std::unique_ptr<PivCard> card_;
};

inline const std::string select_piv = "00 A4 04 00 09 A0 00 00 03 08 00 00 10 00 00";

} // namespace ukey::virtual_card
