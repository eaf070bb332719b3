// SPDX-License-Identifier: Apache-2.0
// Many records, each by itself, by several threads, while the caller follows the chain behind them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "daemon/core/bundle.hpp"
#include "daemon/core/clock.hpp"
#include "daemon/core/sha256.hpp"

namespace ukey::ctl {

struct OpenedRecord {
    BundleRecord record;
    const BundleOpening* opening; ///< the value that it refers to; null: nothing, or it is not in the file
};

/// What can be said of a record without those before it.
struct RecordFacts {
    enum class Personal : std::uint8_t {
        none,    ///< it refers to nothing
        opened,  ///< to its opening
        removed, ///< to what is not in the file
        wrong,   ///< its opening is not what it refers to
    };

    std::array<char, Sha256::bytes> leaf_hash;
    bool is_well_formed;      ///< the leaf has its form
    std::string_view payload; ///< if it has
    Timestamp time;           ///< if it has
    Personal personal;
};

/// Asked for in order. One thread asks; the records and the memory must outlive it.
class RecordCheck {
  public:
    /// What else is to be done with a record, given by its index, once its facts are there. `thread` is less
    /// than `threads`, and at any time another one for each. Must not throw.
    using More = std::function<void(std::size_t index, const RecordFacts& facts, std::size_t thread)>;

    /// `threads` with the caller's. `facts` is its memory, to be given to the next one.
    RecordCheck(std::span<const OpenedRecord> records, std::vector<RecordFacts>& facts, unsigned threads,
                More more);
    ~RecordCheck() = default;                 // waits for the others
    RecordCheck(const RecordCheck&) = delete; // its threads have its address
    RecordCheck& operator=(const RecordCheck&) = delete;
    RecordCheck(RecordCheck&&) = delete;
    RecordCheck& operator=(RecordCheck&&) = delete;

    /// More is done with it too. While it is not there yet, the caller's thread takes its part of the work.
    const RecordFacts& at(std::size_t index);

  private:
    bool check_next_piece(Sha256& hasher, std::size_t thread);

    std::span<const OpenedRecord> records_;
    std::vector<RecordFacts>& facts_;
    More more_;
    std::vector<std::atomic<bool>> pieces_; ///< which are done
    std::atomic<std::size_t> next_piece_{0};
    Sha256 hasher_; ///< the caller's
    std::size_t ready_ = 0;
    std::vector<std::jthread> others_; // last: they go first
};

} // namespace ukey::ctl
