// SPDX-License-Identifier: Apache-2.0
#include "tools/district/branches.hpp"

#include <algorithm>

#include "tools/district/columns.hpp"
#include "tools/district/store.hpp"

namespace ukey::ctl::district {
namespace {

constexpr std::size_t hash_bytes = 32;
/// A row of 32 KiB: few rows for a long ledger, little to write again when some records are added.
constexpr std::uint64_t block_records = 1024;

std::optional<std::int64_t> microseconds_of(std::optional<Timestamp> moment) {
    return moment ? std::optional(district::microseconds_of(*moment)) : std::nullopt;
}

std::optional<Timestamp> time_of(std::optional<std::int64_t> microseconds) {
    return microseconds ? std::optional(district::time_of(*microseconds)) : std::nullopt;
}

/// Where two sets of points, `first_seq` - 1 … `last_seq`, meet last; nullopt: nowhere.
std::optional<std::uint64_t> last_common(const Branch& one, const Branch& other) {
    const std::uint64_t low = std::max(one.first_seq, other.first_seq) - 1;
    const std::uint64_t high = std::min(one.last_seq, other.last_seq);
    return low <= high ? std::optional(high) : std::nullopt;
}

std::string_view hash_of(const Run& run, std::uint64_t seq) {
    return seq < run.extent.first_seq
               ? std::string_view(run.extent.previous_hash)
               : std::string_view(run.hashes).substr((seq - run.extent.first_seq) * hash_bytes, hash_bytes);
}

struct Block {
    std::uint64_t first_seq = 0;
    std::string hashes;
};

Result<std::optional<Block>> read_block(Database& database, std::int64_t branch, std::uint64_t number) {
    auto statement =
        database.prepare("SELECT first_seq, hashes FROM branch_hashes WHERE branch = ? AND block = ?");
    UKEY_TAKE(row, statement.bind(branch).bind(static_cast<std::int64_t>(number)).step());
    return row ? std::optional(Block{static_cast<std::uint64_t>(statement.integer(0)), statement.text(1)})
               : std::nullopt;
}

/// The piece goes in front of, behind or into what the block has; together they have no hole.
void put_into(Block& block, std::uint64_t first_seq, std::string_view hashes) {
    const std::uint64_t new_first = std::min(block.first_seq, first_seq);
    const std::uint64_t end =
        std::max(block.first_seq + block.hashes.size() / hash_bytes, first_seq + hashes.size() / hash_bytes);
    std::string together((end - new_first) * hash_bytes, '\0');
    together.replace((block.first_seq - new_first) * hash_bytes, block.hashes.size(), block.hashes);
    together.replace((first_seq - new_first) * hash_bytes, hashes.size(), hashes);
    block = {new_first, std::move(together)};
}

Result<void> write_hashes(Database& database, std::int64_t branch, std::uint64_t first_seq,
                          std::string_view hashes) {
    auto statement =
        database.prepare("INSERT OR REPLACE INTO branch_hashes (branch, block, first_seq, hashes) "
                         "VALUES (?, ?, ?, ?)");
    while (!hashes.empty()) {
        const std::uint64_t number = first_seq / block_records;
        const std::uint64_t room = (number + 1) * block_records - first_seq;
        const std::string_view piece = hashes.substr(0, room * hash_bytes);
        UKEY_TAKE(known, read_block(database, branch, number));
        Block block = known ? std::move(*known) : Block{first_seq, {}};
        put_into(block, first_seq, piece);
        statement.reset().bind(branch).bind(static_cast<std::int64_t>(number));
        UKEY_TRY(statement.bind(static_cast<std::int64_t>(block.first_seq)).bind_blob(block.hashes).run());
        hashes.remove_prefix(piece.size());
        first_seq += piece.size() / hash_bytes;
    }
    return {};
}

Result<void> write_branch(Database& database, std::int64_t workstation, Branch& branch) {
    auto statement = database.prepare(
        "INSERT OR REPLACE INTO branch (id, workstation, first_seq, last_seq, previous_hash, last_hash, "
        "first_us, last_us, before_us, vouched_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id");
    statement.bind(branch.id == 0 ? std::nullopt : std::optional(branch.id)).bind(workstation);
    statement.bind(static_cast<std::int64_t>(branch.first_seq))
        .bind(static_cast<std::int64_t>(branch.last_seq));
    statement.bind_blob(branch.previous_hash).bind_blob(branch.last_hash);
    statement.bind(microseconds_of(branch.first_time)).bind(microseconds_of(branch.last_time));
    statement.bind(microseconds_of(branch.before)).bind(district::microseconds_of(branch.vouched));
    UKEY_TAKE(row, statement.step());
    branch.id = row ? statement.integer(0) : branch.id;
    return statement.run(); // to its end, which commits nothing yet
}

Result<void> remove_branch(Database& database, std::int64_t id) {
    for (const char* sql :
         {"DELETE FROM branch_hashes WHERE branch = ?", "DELETE FROM branch WHERE id = ?"}) {
        auto statement = database.prepare(sql);
        UKEY_TRY(statement.bind(id).run());
    }
    return {};
}

/// The lower end of the two, with what was signed before it.
void take_lower_end(Branch& both, const Branch& other) {
    if (other.first_seq < both.first_seq) {
        both.first_seq = other.first_seq;
        both.previous_hash = other.previous_hash;
        both.first_time = other.first_time ? other.first_time : both.first_time;
        both.before = other.before;
    } else if (other.first_seq == both.first_seq) {
        both.first_time = both.first_time ? both.first_time : other.first_time;
        both.before = both.before && other.before ? std::min(both.before, other.before)
                      : both.before               ? both.before
                                                  : other.before;
    } else if (!both.first_time) {
        both.first_time = other.first_time; // it had no record of its own
    }
}

/// Both ends of the two together; they agree, and overlap or meet.
Branch joined(const Branch& one, const Branch& other) {
    Branch both = one;
    take_lower_end(both, other);
    if (other.last_seq > one.last_seq || !one.last_time) {
        both.last_seq = std::max(one.last_seq, other.last_seq);
        both.last_hash = other.last_seq >= one.last_seq ? other.last_hash : one.last_hash;
        both.last_time = other.last_time;
    }
    if (other.last_seq != one.last_seq) {
        both.vouched = other.last_seq > one.last_seq ? other.vouched : one.vouched;
    } else {
        both.vouched = std::max(one.vouched, other.vouched);
    }
    return both;
}

/// Adds to `branch` what the run has below and above it.
Result<void> extend(Database& database, std::int64_t workstation, Branch& branch, const Run& run) {
    const std::string_view hashes = run.hashes;
    if (run.extent.first_seq < branch.first_seq) {
        const std::size_t count = std::min(branch.first_seq, run.extent.last_seq + 1) - run.extent.first_seq;
        UKEY_TRY(
            write_hashes(database, branch.id, run.extent.first_seq, hashes.substr(0, count * hash_bytes)));
    }
    if (run.extent.last_seq > branch.last_seq) {
        const std::uint64_t first = std::max(branch.last_seq + 1, run.extent.first_seq);
        UKEY_TRY(write_hashes(database, branch.id, first,
                              hashes.substr((first - run.extent.first_seq) * hash_bytes)));
    }
    branch = joined(branch, run.extent);
    return write_branch(database, workstation, branch);
}

/// The run and the branches that end within it, as one run: what goes under those that end above.
Result<Run> with_lower(Database& database, const Run& run, const std::vector<Branch>& lower) {
    Run together = run;
    for (const Branch& branch : lower) {
        if (branch.first_seq < together.extent.first_seq) {
            UKEY_TAKE(hashes, read_hashes(database, branch));
            hashes.resize((together.extent.first_seq - branch.first_seq) * hash_bytes);
            together.hashes.insert(0, hashes);
        }
        together.extent = joined(together.extent, branch);
    }
    return together;
}

/// The parts of the run that no branch has.
std::vector<SeqRange> missing_parts(const Run& run, std::vector<Branch> branches) {
    std::ranges::sort(branches, {}, &Branch::first_seq);
    std::vector<SeqRange> parts;
    std::uint64_t next = run.extent.first_seq;
    for (const Branch& branch : branches) {
        if (branch.first_seq > next && next <= run.extent.last_seq) {
            parts.push_back({next, std::min(branch.first_seq - 1, run.extent.last_seq)});
        }
        next = std::max(next, branch.last_seq + 1);
    }
    if (next <= run.extent.last_seq) {
        parts.push_back({next, run.extent.last_seq});
    }
    return parts;
}

/// The branches that have the run's records where both have some.
Result<std::vector<Branch>> agreeing(Database& database, const std::vector<Branch>& branches,
                                     const Run& run) {
    std::vector<Branch> found;
    for (const Branch& branch : branches) {
        const auto common = last_common(branch, run.extent);
        if (!common) {
            continue;
        }
        UKEY_TAKE(hash, hash_of(database, branch, *common));
        if (hash && *hash == hash_of(run, *common)) {
            found.push_back(branch);
        }
    }
    return found;
}

} // namespace

Result<std::vector<Branch>> read_branches(Database& database, std::int64_t workstation) {
    auto statement =
        database.prepare("SELECT id, first_seq, last_seq, previous_hash, last_hash, first_us, last_us, "
                         "before_us, vouched_us FROM branch WHERE workstation = ? "
                         "ORDER BY last_seq DESC, last_hash");
    statement.bind(workstation);
    std::vector<Branch> branches;
    UKEY_TRY(statement.each([&] {
        branches.push_back({.id = statement.integer(0),
                            .first_seq = static_cast<std::uint64_t>(statement.integer(1)),
                            .last_seq = static_cast<std::uint64_t>(statement.integer(2)),
                            .previous_hash = statement.text(3),
                            .last_hash = statement.text(4),
                            .first_time = time_of(statement.optional_integer(5)),
                            .last_time = time_of(statement.optional_integer(6)),
                            .before = time_of(statement.optional_integer(7)),
                            .vouched = district::time_of(statement.integer(8))});
    }));
    return branches;
}

Result<std::vector<SeqRange>> place(Database& database, std::int64_t workstation, const Run& run) {
    UKEY_TAKE(branches, read_branches(database, workstation));
    UKEY_TAKE(same, agreeing(database, branches, run));
    std::vector<SeqRange> added = missing_parts(run, same);
    const auto first_upper = std::ranges::stable_partition(
        same, [&](const Branch& branch) { return branch.last_seq < run.extent.last_seq; });
    std::vector<Branch> lower(same.begin(), first_upper.begin());
    std::vector<Branch> upper(first_upper.begin(), first_upper.end());
    if (upper.empty()) {
        // The lowest one grows upwards, over those between.
        std::ranges::sort(lower, {}, &Branch::first_seq);
        Branch grown = run.extent;
        if (!lower.empty()) {
            grown = lower.front();
            lower.erase(lower.begin());
        } else {
            grown.last_seq = grown.first_seq - 1;
            grown.last_hash = grown.previous_hash;
            grown.last_time = std::nullopt;
            UKEY_TRY(write_branch(database, workstation, grown));
        }
        for (const Branch& branch : lower) {
            grown.vouched = std::max(grown.vouched, branch.vouched);
        }
        UKEY_TRY(extend(database, workstation, grown, run));
    } else {
        UKEY_TAKE(together, with_lower(database, run, lower));
        for (Branch& branch : upper) {
            UKEY_TRY(extend(database, workstation, branch, together));
        }
    }
    for (const Branch& branch : lower) {
        UKEY_TRY(remove_branch(database, branch.id));
    }
    return added;
}

Result<std::optional<std::string>> hash_of(Database& database, const Branch& branch, std::uint64_t seq) {
    if (seq + 1 == branch.first_seq) {
        return branch.previous_hash;
    }
    if (seq < branch.first_seq || seq > branch.last_seq) {
        return std::nullopt;
    }
    UKEY_TAKE(block, read_block(database, branch.id, seq / block_records));
    if (!block || seq < block->first_seq) {
        return std::nullopt;
    }
    return block->hashes.substr((seq - block->first_seq) * hash_bytes, hash_bytes);
}

Result<std::string> read_hashes(Database& database, const Branch& branch) {
    auto statement = database.prepare("SELECT hashes FROM branch_hashes WHERE branch = ? ORDER BY block");
    statement.bind(branch.id);
    std::string hashes;
    UKEY_TRY(statement.each([&] { hashes += statement.text(0); }));
    return hashes;
}

Result<std::optional<std::uint64_t>> first_difference(Database& database, const Branch& one,
                                                      const Branch& other) {
    const auto common = last_common(one, other);
    if (!common) {
        return std::nullopt;
    }
    std::uint64_t low = std::max(one.first_seq, other.first_seq) - 1;
    std::uint64_t high = *common;
    bool found = false;
    // The highest point first, then by halves.
    for (std::uint64_t at = high; !found || low < high; at = low + (high - low) / 2) {
        UKEY_TAKE(hash, hash_of(database, one, at));
        UKEY_TAKE(other_hash, hash_of(database, other, at));
        const bool differs = hash != other_hash;
        if (!found && !differs) {
            return std::nullopt;
        }
        found = true;
        if (differs) {
            high = at;
        } else {
            low = at + 1;
        }
    }
    return high;
}

} // namespace ukey::ctl::district
