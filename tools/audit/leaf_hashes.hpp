// SPDX-License-Identifier: Apache-2.0
// The leaf hashes of many records, by several threads, while the caller follows the chain behind them.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "daemon/core/bundle.hpp"
#include "daemon/core/sha256.hpp"

namespace ukey::ctl {

/// Asked for in order. One thread asks; the records must outlive it.
class LeafHashes {
  public:
    /// `threads` with the caller's.
    LeafHashes(std::span<const BundleRecord> records, unsigned threads);
    ~LeafHashes() = default;                // waits for the others
    LeafHashes(const LeafHashes&) = delete; // its threads have its address
    LeafHashes& operator=(const LeafHashes&) = delete;
    LeafHashes(LeafHashes&&) = delete;
    LeafHashes& operator=(LeafHashes&&) = delete;

    struct Leaf {
        std::string_view hash; ///< 32 raw bytes
        bool is_well_formed;   ///< is_ledger_leaf()
    };
    /// While it is not there yet, the caller's thread takes its part of the work.
    Leaf at(std::size_t index);

  private:
    bool hash_next_piece(Sha256& hasher);

    std::span<const BundleRecord> records_;
    std::string hashes_;
    std::vector<char> well_formed_;
    std::vector<std::atomic<bool>> pieces_; ///< which are done
    std::atomic<std::size_t> next_piece_{0};
    Sha256 hasher_; ///< the caller's
    std::size_t ready_ = 0;
    std::vector<std::jthread> others_; // last: they go first
};

} // namespace ukey::ctl
