// SPDX-License-Identifier: Apache-2.0
// The virtual U-Key: a PIV card (NIST SP 800-73-4), from the contacts inwards. No socket, no thread, no
// clock: commands come in one after the other, by the thread that owns it.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

#include "daemon/core/result.hpp"
#include "tests/card/virtual_ukey/card/card_folder.hpp"
#include "tests/card/virtual_ukey/card/dialogue.hpp"
#include "tests/card/virtual_ukey/card/fault.hpp"
#include "tests/card/virtual_ukey/card/pin_commands.hpp"

namespace ukey::virtual_card {

/// What comes back from the contacts.
struct Answer {
    Bytes response;
    /// The card was pulled out before it could answer.
    bool pulled_out = false;
    /// How late the answer has to be.
    std::chrono::milliseconds delay{0};
};

class PivCard {
  public:
    static Result<std::unique_ptr<PivCard>> open(const std::filesystem::path& folder);
    ~PivCard();
    // PinCommands refers to the state in here.
    PivCard(const PivCard&) = delete;
    PivCard& operator=(const PivCard&) = delete;

    void power_on();
    /// Power lost, or the card taken out: nothing is selected or verified any more.
    void power_off();
    /// The answer to reset; longer than any real one when the card is mute, see there.
    Bytes atr() const;
    Answer transmit(ByteView apdu);

    /// Reads keys and certificates again. On an error the card keeps what it has.
    Result<void> reload();
    /// `delay` is what `Fault::slow` adds to every command.
    Result<void> set_fault(Fault fault, std::chrono::milliseconds delay);
    /// Writes the counters of commands that are not worth a write of their own.
    bool save();

    Fault fault() const { return fault_; }
    bool powered() const { return powered_; }
    bool pin_locked() const { return pin_.pin_locked(); }
    unsigned pin_tries_left() const { return pin_.pin_tries_left(); }
    bool pin_verified() const { return pin_.verified(); }
    const CardState& state() const { return state_; }

  private:
    PivCard(CardFolder folder, CardState state, Credentials credentials);

    Response handle(const Command& command);
    Response select(const Command& command);
    Response get_data(const Command& command) const;
    Response use_key(const Command& command);
    const PrivateKey* key_for(KeySlot slot) const;
    void count_use(KeySlot slot);
    void reset();

    CardFolder folder_;
    CardState state_;
    Credentials credentials_;
    PinCommands pin_;
    Dialogue dialogue_;
    Fault fault_ = Fault::none;
    std::chrono::milliseconds delay_{0};
    /// Only while the fault is `mismatched_key`.
    std::optional<PrivateKey> other_key_;
    bool powered_ = false;
    bool selected_ = false;
    bool pulled_out_ = false;
};

} // namespace ukey::virtual_card
