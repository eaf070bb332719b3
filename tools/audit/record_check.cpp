// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/record_check.hpp"

#include <algorithm>

#include "daemon/core/ledger.hpp"
#include "daemon/core/personal.hpp"

namespace ukey::ctl {
namespace {

/// Records that one thread takes at a time: enough that taking them costs nothing, few enough that the first
/// of them are there soon.
constexpr std::size_t piece_records = 128;

RecordFacts::Personal compare(std::string_view payload, const BundleOpening* opening, Sha256& hasher) {
    using enum RecordFacts::Personal;
    const std::string_view reference = reference_in(payload);
    if (opening == nullptr) {
        return reference.empty() ? none : removed;
    }
    return opens(reference, opening->salt, opening->value, hasher) ? opened : wrong;
}

void check(const OpenedRecord& opened, RecordFacts& facts, Sha256& hasher) {
    const std::string_view leaf = opened.record.leaf;
    hasher.digest(leaf, {}, facts.leaf_hash.data());
    const auto parts = read_ledger_leaf(leaf);
    facts.is_well_formed = parts.has_value();
    facts.payload = parts ? parts->payload : std::string_view();
    facts.time = parts ? parts->time : Timestamp();
    facts.personal = compare(facts.payload, opened.opening, hasher);
}

} // namespace

RecordCheck::RecordCheck(std::span<const OpenedRecord> records, std::vector<RecordFacts>& facts,
                         unsigned threads, More more)
    : records_(records), facts_(facts), more_(std::move(more)),
      pieces_((records.size() + piece_records - 1) / piece_records) {
    facts_.resize(std::max(facts_.size(), records.size()));
    // A thread is not worth it for less than a piece.
    const std::size_t useful =
        std::min<std::size_t>(std::max(1U, threads), std::max<std::size_t>(1, pieces_.size()));
    for (std::size_t other = 1; other < useful; ++other) {
        others_.emplace_back([this, other] {
            Sha256 hasher;
            while (check_next_piece(hasher, other)) {
            }
        });
    }
}

/// False when another thread has taken the last one.
bool RecordCheck::check_next_piece(Sha256& hasher, std::size_t thread) {
    const std::size_t piece = next_piece_.fetch_add(1, std::memory_order_relaxed);
    if (piece >= pieces_.size()) {
        return false;
    }
    const std::size_t end = std::min(records_.size(), (piece + 1) * piece_records);
    for (std::size_t index = piece * piece_records; index < end; ++index) {
        check(records_[index], facts_[index], hasher);
        more_(index, facts_[index], thread);
    }
    pieces_[piece].store(true, std::memory_order_release);
    pieces_[piece].notify_one();
    return true;
}

const RecordFacts& RecordCheck::at(std::size_t index) {
    if (index >= ready_) {
        std::atomic<bool>& piece = pieces_[index / piece_records];
        while (!piece.load(std::memory_order_acquire)) {
            if (!check_next_piece(hasher_, 0)) {
                piece.wait(false, std::memory_order_acquire);
            }
        }
        ready_ = (index / piece_records + 1) * piece_records;
    }
    return facts_[index];
}

} // namespace ukey::ctl
