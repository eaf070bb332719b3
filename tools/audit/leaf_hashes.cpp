// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/leaf_hashes.hpp"

#include <algorithm>

namespace ukey::ctl {
namespace {

/// Records that one thread takes at a time: enough that taking them costs nothing, few enough that the first
/// of them are there soon.
constexpr std::size_t piece_records = 512;

} // namespace

LeafHashes::LeafHashes(std::span<const BundleRecord> records, unsigned threads)
    : records_(records), hashes_(records.size() * Sha256::bytes, '\0'), well_formed_(records.size()),
      pieces_((records.size() + piece_records - 1) / piece_records) {
    // A thread is not worth it for less than a piece.
    const std::size_t useful =
        std::min<std::size_t>(std::max(1U, threads), std::max<std::size_t>(1, pieces_.size()));
    for (std::size_t other = 1; other < useful; ++other) {
        others_.emplace_back([this] {
            Sha256 hasher;
            while (hash_next_piece(hasher)) {
            }
        });
    }
}

/// False when another thread has taken the last one.
bool LeafHashes::hash_next_piece(Sha256& hasher) {
    const std::size_t piece = next_piece_.fetch_add(1, std::memory_order_relaxed);
    if (piece >= pieces_.size()) {
        return false;
    }
    const std::size_t end = std::min(records_.size(), (piece + 1) * piece_records);
    for (std::size_t index = piece * piece_records; index < end; ++index) {
        hasher.digest(records_[index].leaf, {}, hashes_.data() + index * Sha256::bytes);
        well_formed_[index] = is_ledger_leaf(records_[index].leaf) ? 1 : 0;
    }
    pieces_[piece].store(true, std::memory_order_release);
    pieces_[piece].notify_one();
    return true;
}

LeafHashes::Leaf LeafHashes::at(std::size_t index) {
    if (index >= ready_) {
        std::atomic<bool>& piece = pieces_[index / piece_records];
        while (!piece.load(std::memory_order_acquire)) {
            if (!hash_next_piece(hasher_)) {
                piece.wait(false, std::memory_order_acquire);
            }
        }
        ready_ = (index / piece_records + 1) * piece_records;
    }
    return {std::string_view(hashes_).substr(index * Sha256::bytes, Sha256::bytes), well_formed_[index] != 0};
}

} // namespace ukey::ctl
