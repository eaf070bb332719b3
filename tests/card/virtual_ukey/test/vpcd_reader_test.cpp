// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/link/vpcd_frame.hpp"
#include "tests/card/virtual_ukey/link/vpcd_reader.hpp"
#include "tests/card/virtual_ukey/test/card_fixture.hpp"
#include "tests/card/virtual_ukey/test/peer.hpp"

namespace ukey::virtual_card {
namespace {

TEST(VpcdFrame, control_bytes_are_told_from_commands) {
    EXPECT_EQ(classify_vpcd_request(Bytes{0}), VpcdRequest::power_off);
    EXPECT_EQ(classify_vpcd_request(Bytes{1}), VpcdRequest::power_on);
    EXPECT_EQ(classify_vpcd_request(Bytes{2}), VpcdRequest::reset);
    EXPECT_EQ(classify_vpcd_request(Bytes{4}), VpcdRequest::answer_to_reset);
    EXPECT_EQ(classify_vpcd_request(Bytes{3}), VpcdRequest::unknown);
    EXPECT_EQ(classify_vpcd_request(Bytes{}), VpcdRequest::unknown);
    EXPECT_EQ(classify_vpcd_request(Bytes{0, 0x20}), VpcdRequest::apdu);
}

TEST(VpcdFrame, length_is_big_endian) {
    const Bytes frame = encode_vpcd_frame(Bytes(0x0102, 0xaa));
    ASSERT_EQ(frame.size(), 0x0104U);
    EXPECT_EQ(vpcd_frame_size(frame), 0x0102U);
}

class VpcdReaderTest : public CardTest {
  protected:
    void SetUp() override {
        CardTest::SetUp();
        make_card(KeyAlgorithm::p_256);
        peer_ = std::make_unique<Peer>(folder_ / "vpcd");
        reader_ = std::make_unique<VpcdReader>(context_, *card_,
                                               ReaderAddress{{}, {}, (folder_ / "vpcd").string()});
        running_ = std::make_unique<RunningReader>(context_, *reader_);
    }
    void TearDown() override {
        running_.reset();
        reader_.reset();
        CardTest::TearDown();
    }

    void request(const Bytes& data) const { peer_->write(encode_vpcd_frame(data)); }
    Bytes reply() const {
        const Bytes header = peer_->read(vpcd_header_size_bytes);
        return header.size() == vpcd_header_size_bytes ? peer_->read(vpcd_frame_size(header)) : Bytes{};
    }

    boost::asio::io_context context_;
    std::unique_ptr<Peer> peer_;
    std::unique_ptr<VpcdReader> reader_;
    std::unique_ptr<RunningReader> running_;
};

TEST_F(VpcdReaderTest, serves_until_removed) {
    EXPECT_TRUE(running_->insert_and_wait());
    ASSERT_TRUE(peer_->accept());
    request({1});
    request({4});
    EXPECT_EQ(reply().front(), 0x3b);
    request(from_hex("00a4040009a0000003080000100000").value());
    EXPECT_EQ(to_hex(ByteView(reply()).last(2)), "9000");
    EXPECT_TRUE(running_->remove_and_wait());
    EXPECT_TRUE(peer_->read(1).empty());
}

TEST_F(VpcdReaderTest, comes_back_when_the_reader_was_restarted) {
    running_->insert();
    ASSERT_TRUE(peer_->accept());
    request({4});
    EXPECT_FALSE(reply().empty());
    peer_->hang_up();
    ASSERT_TRUE(peer_->accept());
    request({4});
    EXPECT_FALSE(reply().empty());
}

TEST_F(VpcdReaderTest, is_gone_when_pulled_out_during_signing) {
    ASSERT_TRUE(card_->set_fault(Fault::remove_during_sign, {}));
    running_->insert();
    ASSERT_TRUE(peer_->accept());
    request({1});
    request(from_hex("00a4040009a0000003080000100000").value());
    reply();
    request(from_hex("0020008008313233343536ffff").value());
    EXPECT_EQ(to_hex(reply()), "9000");
    request(from_hex("0087119a067c048200810000").value());
    EXPECT_TRUE(peer_->read(1).empty());
}

} // namespace
} // namespace ukey::virtual_card
