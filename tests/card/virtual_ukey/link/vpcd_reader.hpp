// SPDX-License-Identifier: Apache-2.0
// A reader of vpcd's: vpcd listens, and a connection to it is a card in the reader.
#pragma once

#include "tests/card/virtual_ukey/link/reader.hpp"

namespace ukey::virtual_card {

class VpcdReader final : public Reader {
  public:
    using Reader::Reader;

  private:
    boost::asio::awaitable<void> serve() override;
    bool wants_connection() const override { return inserted(); }
    void inserted_changed() override;
    /// Nothing when there is nothing more to serve; an empty reply when vpcd expects none.
    boost::asio::awaitable<std::optional<Bytes>> reply_to(ByteView request);
};

} // namespace ukey::virtual_card
