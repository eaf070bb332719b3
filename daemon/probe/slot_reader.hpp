// SPDX-License-Identifier: Apache-2.0
// What a module's slots hold, with each token's contents read once per insertion.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "daemon/core/token.hpp"
#include "daemon/probe/slot_events.hpp"
#include "pkcs11/client/slot.hpp"

namespace ukey::probe {

using Slots = std::set<pkcs11::SlotId>;

/// Calls into the module and blocks like it. One thread.
class SlotReader {
  public:
    /// `about_to_read` is called before each token that is read anew: reading takes seconds on slow cards.
    SlotReader(std::shared_ptr<pkcs11::Module> module, std::function<void()> about_to_read);

    /// Slots whose tokens are in use elsewhere: from here on they get C_GetSlotInfo only
    /// (docs/formats/channels.md §2).
    void hold(Slots slots) { hold_ = std::move(slots); }

    /// Looks at every slot. Tokens in the slots that an event `named` are read anew, unless the event tells
    /// of the insertion that was read last; the others are believed, or asked with C_GetTokenInfo whether
    /// they are still the same.
    enum class Others { believe, ask };
    Result<std::vector<SlotReport>> look(Others others, const NamedSlots& named);

    /// As the last look saw it, with one token's flags asked for again, unless it is held. The rest is not
    /// touched.
    const std::vector<SlotReport>& reread(pkcs11::SlotId slot);

  private:
    enum class Question {
        none,         ///< a known token is believed to be still there
        still_there,  ///< ask it with C_GetTokenInfo
        inserted_now, ///< what is known about it is from an earlier insertion
    };

    struct Known {
        TokenReport token;
        std::chrono::steady_clock::time_point read_at;
    };

    Question question_of(pkcs11::SlotId id, Others others, const NamedSlots& named) const;
    SlotReport look_at(pkcs11::SlotId id, Question question);
    void ask_token(const pkcs11::Slot& slot, Question question, SlotReport& report);
    TokenReport read_token(const pkcs11::Slot& slot, const pkcs11::TokenInfo& info);

    std::shared_ptr<pkcs11::Module> module_;
    std::function<void()> about_to_read_;
    Slots hold_;
    /// Held slots that an event named: to be read when the hold ends.
    Slots stale_;
    std::map<pkcs11::SlotId, Known> known_;
    std::vector<SlotReport> last_;
    std::uint64_t generation_ = 0;
};

} // namespace ukey::probe
