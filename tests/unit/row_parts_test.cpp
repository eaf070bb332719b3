// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/row_parts.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/core/frame.hpp"

namespace ukey {
namespace {

/// What a caller who leaves after `pieces` pieces was sent.
std::vector<boost::json::array> send(const std::vector<std::string>& rows, std::size_t pieces = 1000) {
    std::vector<boost::json::array> sent;
    boost::asio::io_context io;
    Peer peer;
    std::optional<PendingImport> import;
    const ControlRequest request{.peer = peer,
                                 .privilege = Privilege::read,
                                 .arguments = {},
                                 .import = import,
                                 .send_part = [&](boost::json::array part) -> boost::asio::awaitable<bool> {
                                     sent.push_back(std::move(part));
                                     co_return sent.size() < pieces;
                                 }};
    const auto send_all = [&]() -> boost::asio::awaitable<void> {
        RowParts parts(request);
        for (const std::string& row : rows) {
            boost::json::value value(row);
            if (!co_await parts.add(std::move(value))) {
                co_return;
            }
        }
        co_await parts.finish();
    };
    auto done = boost::asio::co_spawn(io, send_all, boost::asio::use_future);
    io.run();
    done.get();
    return sent;
}

TEST(RowParts, NoPieceIsTooLongForAFrame) {
    for (const char character : {'"', '\x01'}) { // in JSON two bytes, and six
        const std::vector<std::string> rows(1000, std::string(30'000, character));
        std::size_t count = 0;
        for (const boost::json::array& part : send(rows)) {
            EXPECT_LT(boost::json::serialize(part).size(), control_frame_max_bytes / 2);
            count += part.size();
        }
        EXPECT_EQ(count, rows.size());
    }
}

TEST(RowParts, ShortRowsGoTogether) {
    const auto sent = send(std::vector<std::string>(part_rows + 1, "row"));
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_EQ(sent[0].size(), part_rows);
    EXPECT_EQ(sent[1].size(), 1U);
    EXPECT_TRUE(send({}).empty());
}

TEST(RowParts, NothingMoreIsSentToACallerWhoHasGone) {
    EXPECT_EQ(send(std::vector<std::string>(part_rows * 10, "row"), 2).size(), 2U);
}

} // namespace
} // namespace ukey
