// SPDX-License-Identifier: Apache-2.0
// The hashes of all records that the store has, so that each further bundle can be set against them: what it
// adds, and where it contradicts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/core/clock.hpp"
#include "daemon/store/database.hpp"

namespace ukey::ctl::district {

/// A run of records, each following the one before it, and the point before its first one.
struct Branch {
    std::int64_t id = 0; ///< in this store only
    std::uint64_t first_seq = 1;
    std::uint64_t last_seq = 0;
    std::string previous_hash; ///< of the record before the first one, 32 raw bytes
    std::string last_hash;     ///< of the last one; previous_hash when there is none
    std::optional<Timestamp> first_time;
    std::optional<Timestamp> last_time;
    std::optional<Timestamp> before; ///< when a checkpoint was signed over the record before the first one
    Timestamp vouched{};             ///< when the newest checkpoint over its last record was signed
};

/// Records of a bundle as they are to be placed: `hashes` has 32 bytes of each.
struct Run {
    Branch extent;
    std::string hashes;
};

/// Numbers of records, both ends included.
struct SeqRange {
    std::uint64_t first = 1;
    std::uint64_t last = 0;
};

/// The branches of a workstation, by their last record, the furthest first.
Result<std::vector<Branch>> read_branches(Database& database, std::int64_t workstation);

/// Adds the records of a bundle: to the branches that it agrees with, else as a branch of its own. Branches
/// between which it fills the gap become one. Answers which records are new; the branches come out the same
/// in whatever order bundles come. Inside a transaction.
Result<std::vector<SeqRange>> place(Database& database, std::int64_t workstation, const Run& run);

/// Of a record of the branch, or of the one before its first; nullopt for any other.
Result<std::optional<std::string>> hash_of(Database& database, const Branch& branch, std::uint64_t seq);
/// The hashes of all its records.
Result<std::string> read_hashes(Database& database, const Branch& branch);

/// The first record that both have and that differs. Two chains that differ in one record differ in all after
/// it.
Result<std::optional<std::uint64_t>> first_difference(Database& database, const Branch& one,
                                                      const Branch& other);

} // namespace ukey::ctl::district
