// SPDX-License-Identifier: Apache-2.0
// What lies between the wire and the commands: command chaining (ISO 7816-4, 5.1.1.1) and long responses
// fetched with GET RESPONSE (11.7.1).
#pragma once

#include <functional>
#include <optional>

#include "tests/card/virtual_ukey/card/apdu.hpp"

namespace ukey::virtual_card {

class Dialogue {
  public:
    using Handler = std::function<Response(const Command&)>;

    /// Answers one APDU as it came off the wire. `handler` is called once per complete command; whatever
    /// arrives, the answer is at least a status word.
    Bytes transmit(ByteView apdu, const Handler& handler);

    /// Forgets an unfinished chain and an unfetched response.
    void reset();

  private:
    std::optional<Bytes> collect(Command& command);
    Bytes deliver(std::size_t size_max);
    Bytes answer(const Command& command, const Response& response);

    std::optional<Command> chain_;
    Bytes pending_;
    std::uint16_t pending_status_ = 0;
};

} // namespace ukey::virtual_card
