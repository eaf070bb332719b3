// SPDX-License-Identifier: Apache-2.0
// VERIFY, CHANGE REFERENCE DATA and RESET RETRY COUNTER (SP 800-73-4 part 2, 3.2.1 to 3.2.3).
#pragma once

#include <functional>

#include "tests/card/virtual_ukey/card/apdu.hpp"
#include "tests/card/virtual_ukey/card/card_state.hpp"

namespace ukey::virtual_card {

class PinCommands {
  public:
    /// Makes the state permanent; false when that failed.
    using Save = std::function<bool()>;

    PinCommands(CardState& state, Save save) : state_(state), save_(std::move(save)) {}

    Response verify(const Command& command);
    Response change(const Command& command);
    Response reset_retry_counter(const Command& command);

    bool verified() const { return verified_; }
    /// After a reset, or when another application is selected.
    void forget() { verified_ = false; }

    /// While set, the PIN is refused as if it were locked, whatever the counter says.
    void force_lock(bool locked) { forced_lock_ = locked; }
    bool pin_locked() const { return forced_lock_ || state_.pin.blocked(); }
    unsigned pin_tries_left() const { return forced_lock_ ? 0 : state_.pin.tries_left(); }

  private:
    Response query() const;
    Response present(ReferenceData& reference, ByteView padded);

    CardState& state_;
    Save save_;
    bool verified_ = false;
    bool forced_lock_ = false;
};

} // namespace ukey::virtual_card
