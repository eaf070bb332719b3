// SPDX-License-Identifier: Apache-2.0
#include "tools/district/import.hpp"

#include <algorithm>
#include <filesystem>
#include <future>
#include <thread>

#include "daemon/core/certificate.hpp"
#include "tools/audit/authorities.hpp"
#include "tools/audit/whole_file.hpp"
#include "tools/district/branches.hpp"
#include "tools/district/bundle_facts.hpp"
#include "tools/district/columns.hpp"
#include "tools/district/derivation.hpp"
#include "tools/district/fact_writer.hpp"
#include "tools/district/roster.hpp"
#include "tools/locale.hpp"
#include "tools/progress.hpp"

namespace ukey::ctl::district {
namespace {

constexpr std::size_t mebibyte = std::size_t{1024} * 1024;
/// Records that are written in one transaction: a small bundle need not wait for the disk by itself, and what
/// is derived of workstations that share keys is derived seldom.
constexpr std::uint64_t transaction_records = 1'000'000;

using Roster = std::map<std::string, Workstation>;

/// How far another computer's clock may be ahead of this one's.
constexpr std::chrono::microseconds clock_ahead_max = std::chrono::days(1);

/// A bundle that was looked at without the store.
struct ReadBundle {
    ImportedFile result;
    std::string sha256; ///< of the file
    std::size_t file_bytes = 0;
    std::string held_before_of; ///< whose the same file was when it was imported before; empty: it was not
    CheckedBundle bundle;
    BundleFacts facts;
};

/// The newest one over its last record; null: it has none.
const Checkpoint* last_checkpoint(const CheckedBundle& bundle) {
    const auto last =
        std::ranges::max_element(bundle.checkpoints, {}, [](const SignedCheckpoint& checkpoint) {
            return std::pair(checkpoint.checkpoint.seq, checkpoint.checkpoint.time);
        });
    return last == bundle.checkpoints.end() ? nullptr : &last->checkpoint;
}

/// A bundle that was imported before.
struct KnownBundle {
    std::string workstation; ///< fingerprint
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0;
};
/// By the SHA-256 of the file.
using KnownBundles = std::map<std::string, KnownBundle>;

unsigned reading_threads() {
    return std::max(1U, std::thread::hardware_concurrency());
}

/// What is read beside the store's own thread must not use it: everything is handed in.
class BundleReading {
  public:
    BundleReading(Roster roster, KnownBundles known, const TrustStore* authorities, Timestamp now)
        : roster_(std::move(roster)), known_(std::move(known)), authorities_(authorities), now_(now) {}

    Result<ReadBundle> read(const std::string& file) const;

  private:
    void check(ReadBundle& read, std::string_view bytes) const;
    const Workstation& keeper_of(const Workstation& enrolled) const;
    void judge_workstation(ImportedFile& result, const std::vector<std::string>& identities) const;

    Roster roster_;
    KnownBundles known_;
    const TrustStore* authorities_;
    Timestamp now_;
};

Result<ReadBundle> BundleReading::read(const std::string& file) const {
    UKEY_TAKE(bytes, read_whole_file(file));
    ReadBundle read;
    read.result.file = file;
    read.file_bytes = bytes.size();
    read.sha256 = sha256(bytes);
    const auto known = known_.find(read.sha256);
    if (known != known_.end()) {
        read.held_before_of = known->second.workstation;
    }
    if (known != known_.end() && authorities_ == nullptr) {
        const auto& [workstation, first_seq, last_seq] = known->second;
        read.result.known = true; // it held then
        read.result.workstation = workstation;
        read.result.first_seq = first_seq;
        read.result.last_seq = last_seq;
        read.result.records = last_seq + 1 - first_seq;
    } else {
        check(read, bytes);
    }
    const std::vector<std::string> known_as{read.result.workstation};
    judge_workstation(read.result, read.result.known ? known_as : read.bundle.identities);
    if (read.result.holds() && !read.result.known) {
        read.facts = read_facts(bytes, reading_threads());
        read.result.unreadable = read.facts.unreadable;
    }
    return read;
}

void BundleReading::check(ReadBundle& read, std::string_view bytes) const {
    read.bundle = check_bundle(bytes, {.threads = reading_threads(), .trust = authorities_, .progress = {}});
    ImportedFile& result = read.result;
    result.workstation = read.bundle.workstation;
    result.workstation_name = read.bundle.header.workstation_name;
    result.first_seq = read.bundle.header.first_seq;
    result.last_seq = read.bundle.last_seq;
    result.records = read.bundle.records();
    result.problems = read.bundle.problems;
    // It would vouch for months that have not been.
    if (const Checkpoint* last = last_checkpoint(read.bundle);
        last != nullptr && last->time > now_ + clock_ahead_max) {
        result.problems.push_back({"bundle.clock_ahead", last->seq, format_timestamp(last->time)});
    }
}

/// The workstation that has the records of its ledger.
const Workstation& BundleReading::keeper_of(const Workstation& enrolled) const {
    const auto keeper = roster_.find(enrolled.ledger_is_of);
    return keeper == roster_.end() || keeper->second.revoked ? enrolled : keeper->second;
}

/// A bundle belongs to the oldest enrolled one of the keys that signed its ledger, so that a key that follows
/// another changes nothing; where one of them has records already, to the oldest of those. What an untrusted
/// key vouched for is worth nothing: only later keys that were enrolled themselves are.
void BundleReading::judge_workstation(ImportedFile& result,
                                      const std::vector<std::string>& identities) const {
    if (result.workstation.empty()) {
        return; // the file says nothing that could be read
    }
    const Workstation* found = nullptr;
    bool revoked = false;
    for (auto identity = identities.rbegin(); identity != identities.rend() && !revoked; ++identity) {
        const auto enrolled = roster_.find(*identity);
        if (enrolled != roster_.end()) {
            revoked = enrolled->second.revoked.has_value();
            const Workstation& candidate = revoked ? enrolled->second : keeper_of(enrolled->second);
            const bool keeps =
                found != nullptr && (revoked || (found->has_records && !candidate.has_records));
            found = keeps ? found : &candidate;
        }
    }
    if (found == nullptr) {
        result.problems.push_back({"bundle.workstation_unknown", std::nullopt, {}});
        return;
    }
    result.workstation = found->fingerprint;
    result.workstation_name = found->name;
    if (found->revoked) {
        result.problems.push_back({"bundle.workstation_revoked", std::nullopt, {}});
    }
}

Result<KnownBundles> known_bundles(Database& database) {
    auto statement = database.prepare("SELECT sha256, fingerprint, first_seq, last_seq FROM bundle "
                                      "JOIN workstation ON workstation.id = workstation");
    KnownBundles known;
    UKEY_TRY(statement.each([&] {
        known[statement.text(0)] = {.workstation = statement.text(1),
                                    .first_seq = static_cast<std::uint64_t>(statement.integer(2)),
                                    .last_seq = static_cast<std::uint64_t>(statement.integer(3))};
    }));
    return known;
}

/// The store's side: one bundle after the other, in transactions of many.
class Writing {
  public:
    static Result<Writing> begin(Database& database) {
        UKEY_TAKE(facts, FactWriter::make(database));
        return Writing(database, std::move(facts));
    }

    Result<void> write(std::int64_t workstation, ReadBundle& read);
    /// Its attestations do not hold by what is known now: its logins count as observed only.
    Result<void> doubt_attestations(std::int64_t workstation, const ImportedFile& file);
    /// All that is left, and what follows from it.
    Result<void> finish();
    /// Of which there is something new.
    const std::set<std::int64_t>& workstations() const { return workstations_; }

  private:
    Writing(Database& database, FactWriter facts) : database_(&database), facts_(std::move(facts)) {}

    Result<bool> is_known(std::int64_t workstation, const ReadBundle& read);
    Result<void> write_bundle(std::int64_t workstation, const ReadBundle& read);
    Result<void> write_identities(std::int64_t workstation, const ReadBundle& read);
    Result<void> begin_if_needed();
    Result<void> commit();

    Database* database_;
    FactWriter facts_;
    std::optional<Transaction> transaction_;
    std::uint64_t records_ = 0;
    std::set<std::int64_t> workstations_;
    std::set<std::int64_t> not_derived_; ///< those of them in the open transaction
};

/// Its records, and when checkpoints over the last of them and before the first of them were signed. What was
/// signed over earlier ones may be of a clock that was wrong then.
Branch extent_of(const ReadBundle& read) {
    const CheckedBundle& bundle = read.bundle;
    Branch extent{.id = 0,
                  .first_seq = bundle.header.first_seq,
                  .last_seq = bundle.last_seq,
                  .previous_hash = bundle.header.previous_hash,
                  .last_hash = std::string(*bundle.hash_of(bundle.last_seq)),
                  .first_time = read.facts.first_time,
                  .last_time = read.facts.last_time,
                  .before = std::nullopt,
                  .vouched = {}};
    if (const Checkpoint* last = last_checkpoint(bundle); last != nullptr) {
        extent.vouched = last->time;
    }
    for (const SignedCheckpoint& checkpoint : bundle.checkpoints) {
        if (checkpoint.checkpoint.seq + 1 == extent.first_seq) {
            extent.before =
                std::min(extent.before.value_or(checkpoint.checkpoint.time), checkpoint.checkpoint.time);
        }
    }
    return extent;
}

Result<bool> Writing::is_known(std::int64_t workstation, const ReadBundle& read) {
    auto statement = database_->prepare("SELECT 1 FROM bundle WHERE workstation = ? AND sha256 = ?");
    return statement.bind(workstation).bind_blob(read.sha256).step();
}

Result<void> Writing::write_bundle(std::int64_t workstation, const ReadBundle& read) {
    const CheckedBundle& bundle = read.bundle;
    auto statement =
        database_->prepare("INSERT INTO bundle (workstation, sha256, first_seq, last_seq, last_hash, "
                           "last_us, written_us, workstation_name, software) "
                           "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    statement.bind(workstation)
        .bind_blob(read.sha256)
        .bind(static_cast<std::int64_t>(bundle.header.first_seq));
    statement.bind(static_cast<std::int64_t>(bundle.last_seq)).bind_blob(*bundle.hash_of(bundle.last_seq));
    statement.bind(read.facts.last_time ? std::optional(microseconds_of(*read.facts.last_time))
                                        : std::nullopt);
    statement.bind(microseconds_of(bundle.header.written)).bind(bundle.header.workstation_name);
    return statement.bind(bundle.header.software).run();
}

Result<void> Writing::write_identities(std::int64_t workstation, const ReadBundle& read) {
    auto statement = database_->prepare("INSERT INTO identity (fingerprint, workstation) VALUES (?, ?) "
                                        "ON CONFLICT DO UPDATE SET workstation = excluded.workstation");
    for (const std::string& fingerprint : read.bundle.identities) {
        if (fingerprint != read.result.workstation) {
            UKEY_TRY(statement.reset().bind(fingerprint).bind(workstation).run());
        }
    }
    return {};
}

Result<void> Writing::begin_if_needed() {
    if (!transaction_) {
        UKEY_TAKE(transaction, Transaction::begin(*database_));
        transaction_.emplace(std::move(transaction));
    }
    return {};
}

Result<void> Writing::doubt_attestations(std::int64_t workstation, const ImportedFile& file) {
    UKEY_TRY(begin_if_needed());
    auto statement = database_->prepare(
        "UPDATE session SET grade = ? WHERE workstation = ? AND seq BETWEEN ? AND ? AND grade = ?");
    statement.bind(static_cast<std::int64_t>(EvidenceGrade::observed)).bind(workstation);
    statement.bind(static_cast<std::int64_t>(file.first_seq)).bind(static_cast<std::int64_t>(file.last_seq));
    return statement.bind(static_cast<std::int64_t>(EvidenceGrade::attested)).run();
}

Result<void> Writing::write(std::int64_t workstation, ReadBundle& read) {
    UKEY_TRY(begin_if_needed());
    UKEY_TAKE(known, is_known(workstation, read)); // also twice in one import
    if (known) {
        read.result.known = true;
        return {};
    }
    UKEY_TAKE(added, place(*database_, workstation, {extent_of(read), read.bundle.hashes}));
    for (const SeqRange& range : added) {
        read.result.added += range.last - range.first + 1;
    }
    UKEY_TRY(facts_.write(workstation, read.facts, added));
    UKEY_TRY(write_bundle(workstation, read));
    UKEY_TRY(write_identities(workstation, read));
    workstations_.insert(workstation);
    not_derived_.insert(workstation);
    records_ += read.result.added;
    return records_ >= transaction_records ? commit() : Result<void>();
}

/// What is derived goes with it: whatever ends the program, the tables fit together.
Result<void> Writing::commit() {
    if (!transaction_) {
        return {};
    }
    UKEY_TRY(derive(*database_, not_derived_));
    UKEY_TRY(database_->execute("UPDATE revision SET number = number + 1"));
    UKEY_TRY(transaction_->commit());
    not_derived_.clear();
    transaction_.reset();
    records_ = 0;
    return {};
}

Result<void> Writing::finish() {
    return commit();
}

Result<std::vector<std::string>> with_conflicts(Database& database,
                                                const std::set<std::int64_t>& workstations) {
    auto statement =
        database.prepare("SELECT 1 FROM conflict WHERE workstation = ?1 OR key IN (SELECT key FROM seen "
                         "WHERE workstation = ?1) LIMIT 1");
    auto names = database.prepare("SELECT fingerprint FROM workstation WHERE id = ?");
    std::vector<std::string> found;
    for (const std::int64_t workstation : workstations) {
        UKEY_TAKE(has, statement.reset().bind(workstation).step());
        if (has) {
            UKEY_TRY(names.reset().bind(workstation).step());
            found.push_back(names.text(0));
        }
    }
    std::ranges::sort(found);
    return found;
}

/// A folder stands for the bundles in it.
Result<std::vector<std::string>> expand(const std::vector<std::string>& named) {
    std::vector<std::string> files;
    for (const std::string& name : named) {
        std::error_code error;
        if (!std::filesystem::is_directory(name, error)) {
            files.push_back(name);
            continue;
        }
        std::vector<std::string> found;
        std::filesystem::directory_iterator entries(name, error);
        for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
            if (entries->path().extension() == ".bundle") {
                found.push_back(entries->path().string());
            }
        }
        if (error) {
            return fail("file.unreadable", "read a folder", name, error.message());
        }
        std::ranges::sort(found);
        std::ranges::move(found, std::back_inserter(files));
    }
    return files;
}

bool has_problem(const ImportedFile& file, std::string_view code) {
    return std::ranges::find(file.problems, code, &BundleProblem::code) != file.problems.end();
}

/// While one bundle is written, the next one is read.
Result<Import> import_files(Database& database, const std::vector<std::string>& files,
                            const TrustStore* authorities, Timestamp now) {
    UKEY_TAKE(workstations, read_roster(database));
    Roster roster;
    for (const Workstation& workstation : workstations) {
        roster.emplace(workstation.fingerprint, workstation);
    }
    UKEY_TAKE(known, known_bundles(database));
    const BundleReading reading(roster, std::move(known), authorities, now);
    UKEY_TAKE(writing, Writing::begin(database));
    Progress progress(N_("{done} of {total} MiB imported"), total_bytes(files) / mebibyte);
    std::size_t done_bytes = 0;
    Import import;
    std::future<Result<ReadBundle>> next;
    const auto read_ahead = [&](std::size_t index) {
        next = std::async(std::launch::async, [&reading, file = files[index]] { return reading.read(file); });
    };
    for (std::size_t index = 0; index < files.size(); ++index) {
        if (index == 0) {
            read_ahead(0);
        }
        UKEY_TAKE(read, next.get());
        if (index + 1 < files.size()) {
            read_ahead(index + 1);
        }
        if (read.result.holds() && !read.result.known) {
            UKEY_TRY(writing.write(roster.at(read.result.workstation).id, read));
        } else if (!read.held_before_of.empty() && has_problem(read.result, "bundle.attestation_wrong")) {
            UKEY_TRY(writing.doubt_attestations(roster.at(read.held_before_of).id, read.result));
        }
        done_bytes += read.file_bytes;
        progress.advance_to(done_bytes / mebibyte);
        import.files.push_back(std::move(read.result));
    }
    UKEY_TRY(writing.finish());
    UKEY_TAKE(conflicts, with_conflicts(database, writing.workstations()));
    import.conflicts_of = std::move(conflicts);
    return import;
}

} // namespace

bool Import::holds() const {
    return std::ranges::all_of(files, &ImportedFile::holds);
}

Outcome<Import> import_bundles(Store& store, const ImportRequest& request) {
    const auto authorities = load_authorities(request.ca_paths);
    if (!authorities) {
        return tl::unexpected(authorities.error());
    }
    const auto files = expand(request.files);
    if (!files) {
        return fail_with(files.error());
    }
    if (const auto prepared = store.prepare_import(); !prepared) {
        return fail_with(as_district_error(prepared.error()));
    }
    auto import =
        import_files(store.database(), *files, *authorities ? &**authorities : nullptr, request.now);
    if (!import) {
        return fail_with(as_district_error(import.error()));
    }
    return std::move(*import);
}

} // namespace ukey::ctl::district
