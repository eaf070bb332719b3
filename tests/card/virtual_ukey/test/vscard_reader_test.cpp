// SPDX-License-Identifier: Apache-2.0
#include "tests/card/virtual_ukey/link/vscard_message.hpp"
#include "tests/card/virtual_ukey/link/vscard_reader.hpp"
#include "tests/card/virtual_ukey/test/card_fixture.hpp"
#include "tests/card/virtual_ukey/test/peer.hpp"

namespace ukey::virtual_card {
namespace {

TEST(VscardMessage, header_is_big_endian) {
    const Bytes message = encode_vscard_message(VscardType::apdu, 0, Bytes{0xaa, 0xbb});
    EXPECT_EQ(to_hex(message), "000000070000000000000002aabb");
    const VscardHeader header = decode_vscard_header(message);
    EXPECT_EQ(header.type, 7U);
    EXPECT_EQ(header.payload_size_bytes, 2U);
}

TEST(VscardMessage, init_carries_magic_and_version) {
    EXPECT_EQ(to_hex(vscard_init_payload()), "565343440000000200000000");
    EXPECT_TRUE(is_vscard_init_payload(vscard_init_payload()));
    EXPECT_FALSE(is_vscard_init_payload(Bytes{'V', 'S'}));
    EXPECT_FALSE(vscard_error_code(Bytes{0, 0}));
}

struct Message {
    VscardType type;
    Bytes payload;
};

/// Plays ccid-card-passthru.
class VscardReaderTest : public CardTest {
  protected:
    void SetUp() override {
        CardTest::SetUp();
        make_card(KeyAlgorithm::p_256);
        peer_ = std::make_unique<Peer>(folder_ / "qemu");
        reader_ = std::make_unique<VscardReader>(context_, *card_,
                                                 ReaderAddress{{}, {}, (folder_ / "qemu").string()});
        running_ = std::make_unique<RunningReader>(context_, *reader_);
    }
    void TearDown() override {
        running_.reset();
        reader_.reset();
        CardTest::TearDown();
    }

    Message receive() const {
        const Bytes encoded = peer_->read(vscard_header_size_bytes);
        if (encoded.size() < vscard_header_size_bytes)
            return {VscardType::error, {}};
        const VscardHeader header = decode_vscard_header(encoded);
        return {static_cast<VscardType>(header.type), peer_->read(header.payload_size_bytes)};
    }
    void send_message(VscardType type, const Bytes& payload) const {
        peer_->write(encode_vscard_message(type, vscard_only_reader, payload));
    }
    void confirm(std::uint32_t code = vscard_success) const {
        send_message(VscardType::error, vscard_error_payload(code));
    }
    /// Up to the reader being there, with the card in it.
    void greet() {
        ASSERT_TRUE(peer_->accept());
        ASSERT_EQ(receive().type, VscardType::init);
        send_message(VscardType::init, vscard_init_payload());
        ASSERT_EQ(receive().type, VscardType::reader_add);
        confirm();
        ASSERT_EQ(receive().type, VscardType::answer_to_reset);
        confirm();
    }

    boost::asio::io_context context_;
    std::unique_ptr<Peer> peer_;
    std::unique_ptr<VscardReader> reader_;
    std::unique_ptr<RunningReader> running_;
};

TEST_F(VscardReaderTest, card_is_inserted_used_removed_and_inserted_again) {
    running_->insert();
    greet();
    EXPECT_TRUE(running_->insert_and_wait());
    send_message(VscardType::apdu, from_hex("00a4040009a0000003080000100000").value());
    const Message answer = receive();
    EXPECT_EQ(answer.type, VscardType::apdu);
    EXPECT_EQ(to_hex(ByteView(answer.payload).last(2)), "9000");

    std::thread qemu([this] {
        EXPECT_EQ(receive().type, VscardType::card_remove);
        confirm();
        EXPECT_EQ(receive().type, VscardType::answer_to_reset);
        confirm();
    });
    EXPECT_TRUE(running_->remove_and_wait());
    EXPECT_TRUE(running_->insert_and_wait());
    qemu.join();
}

TEST_F(VscardReaderTest, answers_a_device_that_is_plugged_again) {
    running_->insert();
    greet();
    send_message(VscardType::init, vscard_init_payload());
    EXPECT_EQ(receive().type, VscardType::reader_add);
    confirm(vscard_cannot_add_more_readers);
    EXPECT_EQ(receive().type, VscardType::answer_to_reset);
}

TEST_F(VscardReaderTest, hangs_up_on_an_absurd_length_and_connects_again) {
    running_->insert();
    greet();
    peer_->write(from_hex("0000000700000000ffffffff").value());
    EXPECT_TRUE(peer_->read(1).empty());
    greet();
}

} // namespace
} // namespace ukey::virtual_card
