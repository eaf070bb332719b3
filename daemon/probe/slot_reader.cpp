// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe/slot_reader.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "daemon/probe/token_contents.hpp"
#include "pkcs11/client/call_error.hpp"

namespace ukey::probe {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Nobody pulls a key out and plugs it in again faster than this.
constexpr auto replug_min = 150ms;

bool same_token(const TokenReport& known, const pkcs11::TokenInfo& info) {
    return known.manufacturer == info.manufacturer && known.model == info.model &&
           known.serial == info.serial && known.label == info.label;
}

} // namespace

SlotReader::SlotReader(std::shared_ptr<pkcs11::Module> module, std::function<void()> about_to_read)
    : module_(std::move(module)), about_to_read_(std::move(about_to_read)) {}

const std::vector<SlotReport>& SlotReader::reread(pkcs11::SlotId slot) {
    const auto known = known_.find(slot);
    if (known == known_.end() || hold_.contains(slot)) {
        return last_;
    }
    const auto info = pkcs11::Slot(module_, slot).token_info();
    const auto report = std::ranges::find(last_, slot, &SlotReport::slot);
    if (info && same_token(known->second.token, *info)) {
        known->second.token.flags = info->flags;
        if (report != last_.end()) {
            report->token = known->second.token;
        }
    }
    // Another token or none: that is the next look's to tell, with a generation of its own.
    return last_;
}

Result<std::vector<SlotReport>> SlotReader::look(Others others, const NamedSlots& named) {
    const auto ids = module_->slot_ids();
    if (!ids) {
        return tl::unexpected(ids.error());
    }
    std::erase_if(known_,
                  [&ids](const auto& known) { return std::ranges::find(*ids, known.first) == ids->end(); });
    last_.clear();
    for (const pkcs11::SlotId id : *ids) {
        last_.push_back(look_at(id, question_of(id, others, named)));
    }
    return last_;
}

SlotReader::Question SlotReader::question_of(pkcs11::SlotId id, Others others,
                                             const NamedSlots& named) const {
    const auto event = named.find(id);
    if (event == named.end()) {
        return others == Others::ask ? Question::still_there : Question::none;
    }
    // OpenSC keeps an event for what another thread's call has found, and tells it at the next wait: an
    // insertion that was read already, and no new one.
    const auto known = known_.find(id);
    const bool read_already = known != known_.end() && event->second < known->second.read_at + replug_min;
    return read_already ? Question::still_there : Question::inserted_now;
}

SlotReport SlotReader::look_at(pkcs11::SlotId id, Question question) {
    const pkcs11::Slot slot(module_, id);
    SlotReport report;
    report.slot = id;
    const auto info = slot.info();
    if (!info) {
        report.error = to_call_error(info.error());
        known_.erase(id);
        return report;
    }
    report.description = info->description;
    report.manufacturer = info->manufacturer;
    // A slot that is neither removable nor filled contradicts the standard: it is worth asking the token
    // itself.
    report.present = info->token_present || !info->removable;
    if (!report.present) {
        known_.erase(id);
        stale_.erase(id);
        return report;
    }
    if (hold_.contains(id)) {
        if (question == Question::inserted_now) {
            stale_.insert(id);
        }
    } else {
        const bool anew = stale_.erase(id) > 0 || !known_.contains(id);
        ask_token(slot, anew ? Question::inserted_now : question, report);
    }
    if (const auto known = known_.find(id); known != known_.end()) {
        report.token = known->second.token;
    }
    return report;
}

/// Brings known_ up to date for one slot, and present and error of its report.
void SlotReader::ask_token(const pkcs11::Slot& slot, Question question, SlotReport& report) {
    if (question == Question::none) {
        return;
    }
    const auto info = slot.token_info();
    if (!info) {
        known_.erase(slot.id());
        if (pkcs11::failed_with(info.error(), "CKR_TOKEN_NOT_PRESENT")) {
            report.present = false;
        } else {
            report.error = to_call_error(info.error());
        }
        return;
    }
    report.present = true;
    const auto known = known_.find(slot.id());
    if (question == Question::still_there && known != known_.end() &&
        same_token(known->second.token, *info)) {
        known->second.token.flags = info->flags;
        return;
    }
    known_.erase(slot.id());
    TokenReport token = read_token(slot, *info);
    known_.emplace(slot.id(), Known{.token = std::move(token), .read_at = Clock::now()});
}

TokenReport SlotReader::read_token(const pkcs11::Slot& slot, const pkcs11::TokenInfo& info) {
    about_to_read_();
    std::size_t used_bytes = 0;
    for (const auto& [id, known] : known_) {
        used_bytes += encoded_contents_bytes(known.token);
    }
    const auto start = Clock::now();
    TokenReport token = describe_token(info);
    token.generation = ++generation_;
    read_contents(slot, contents_max_bytes - std::min(used_bytes, contents_max_bytes), token);
    const auto elapsed = Clock::now() - start;
    token.read_ms =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count());
    return token;
}

} // namespace ukey::probe
