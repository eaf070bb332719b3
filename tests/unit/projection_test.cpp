// SPDX-License-Identifier: Apache-2.0
// Random histories through the store's own functions, against a model in plain maps, and against what the
// ledger says of them afterwards.
#include "daemon/store/projection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>

#include <boost/json/array.hpp>

#include "daemon/store/archive_store.hpp"
#include "daemon/store/checkpoint_store.hpp"
#include "daemon/store/key_store.hpp"
#include "daemon/store/lifecycle_store.hpp"
#include "daemon/store/personal_store.hpp"
#include "daemon/store/registry_store.hpp"
#include "daemon/store/session_store.hpp"
#include "tests/support/set_clock.hpp"
#include "tests/support/temporary_folder.hpp"

namespace ukey {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t organisations = 4;
constexpr std::size_t tokens = 7;
constexpr int operations_a_history = 400;

std::string organisation_code(std::size_t number) {
    return "50010200000" + std::to_string(number);
}

std::string organisation_name(std::size_t number) {
    return "测试街道机关第" + std::to_string(number) + "支部委员会";
}

/// 64 digits that stand for a hash.
std::string digest(std::size_t number) {
    return sha256_hex("digest " + std::to_string(number));
}

/// A token as it is now; a renewed key pair is another generation.
struct Token {
    std::size_t number = 0;
    std::size_t generation = 0;
    bool readable = true;
    std::string key_id; ///< empty: never seen
    bool present = false;

    std::size_t organisation() const { return number % organisations; }
    std::string public_key() const { return digest(number * 1000 + generation); }

    CertificateFacts certificate() const {
        CertificateFacts facts;
        facts.der = "certificate of " + public_key();
        facts.fingerprint_sha256 = sha256_hex(facts.der);
        facts.spki_sha256 = public_key();
        facts.organisation_name = organisation_name(organisation());
        return facts;
    }
};

/// What a session should be, by simple rules.
struct ModelSession {
    std::string key_id;
    std::string organisation;
    std::int64_t pid = 0;
    EvidenceGrade grade = EvidenceGrade::observed;
    Timestamp started{};
    std::optional<Timestamp> ended;
    std::optional<EndReason> reason;
    std::uint64_t uses = 0;
    std::uint64_t ended_at_seq = 0; ///< the newest record when it had ended
};

struct ModelBinding {
    std::string organisation;
    std::string public_key;
};

class History {
  public:
    explicit History(unsigned seed, bool removes = false, bool archives = false)
        : random_(seed), removes_(removes), archives_(archives) {
        clock_.time = parse_timestamp("2026-04-15T12:00:00Z").value();
        for (std::size_t number = 0; number < tokens; ++number) {
            tokens_[number].number = number;
        }
        open();
        start();
        import();
    }

    void go(int operations) {
        for (int number = 0; number < operations && !testing::Test::HasFailure(); ++number) {
            clock_.time += std::chrono::microseconds(below(90'000'000));
            clock_.uptime += 1s;
            step();
        }
    }

    /// The sessions are the model's, and the ledger says the same of every table.
    void check() {
        const auto sessions = list_sessions(
            *storage_, {.month = {}, .key_id = {}, .organisation = {}, .open_only = false, .uid = {}});
        ASSERT_TRUE(sessions);
        ASSERT_EQ(sessions->size(), model_.size());
        for (const LoginSession& session : *sessions) {
            compare(session, model_.at(session.login));
        }
        Storage reader = Storage::open_to_read(path(), clock_).value();
        const auto verdict = reader.read([&] { return compare_projection(reader); });
        ASSERT_TRUE(verdict) << to_string(verdict.error());
        EXPECT_EQ(verdict->differing, 0U);
        for (const ProjectionDifference& found : verdict->differences) {
            ADD_FAILURE() << found.table << " " << found.row << " " << found.column << ": " << found.in_force
                          << " / " << found.derived;
        }
        EXPECT_GE(verdict->rows, model_.size());
        const ArchivedEnd archived = archived_end(*storage_).value();
        ChainVerifier chain(archived.seq, archived.hash);
        ASSERT_TRUE(storage_->visit_records(archived.seq + 1, 0, [&](const LedgerRecord& record) {
            EXPECT_EQ(chain.add(record), std::nullopt);
            return true;
        }));
        EXPECT_EQ(chain.head(), storage_->head_hash());
    }

    Storage& storage() { return *storage_; }
    std::string path() const { return (folder_.path() / "ukeyd.db").string(); }
    const Clock& clock() const { return clock_; }
    std::size_t sessions() const { return model_.size() + archived_; }
    std::size_t archived() const { return archived_; }

  private:
    std::uint64_t below(std::uint64_t limit) {
        return std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(random_);
    }
    bool chance(unsigned percent) { return below(100) < percent; }
    Token& any_token() { return tokens_[below(tokens)]; }

    void open() {
        storage_.reset(); // first: there is one that writes
        storage_.emplace(Storage::open(path(), clock_).value());
        ASSERT_TRUE(storage_->database().execute("PRAGMA synchronous=OFF")); // no test of the disk
    }

    void start() {
        const auto ended =
            record_start(*storage_, {{"mode", "observe"}}, [](TimeSpan) { return std::nullopt; });
        ASSERT_TRUE(ended);
        EXPECT_EQ(*ended, end_all(EndReason::unclean));
    }

    /// In the model.
    std::size_t end_all(EndReason reason) {
        std::size_t ended = 0;
        for (auto& [login, session] : model_) {
            if (!session.ended) {
                session.ended = clock_.time;
                session.reason = reason;
                session.ended_at_seq = storage_->head_seq();
                ++ended;
            }
        }
        return ended;
    }

    void import() {
        std::vector<RegistryRow> rows;
        for (std::size_t number = 0; number < organisations; ++number) {
            Organisation organisation;
            organisation.code = organisation_code(number);
            organisation.path = {organisation_name(number)};
            rows.push_back({number + 2, organisation});
        }
        ASSERT_TRUE(import_registry(*storage_, "registry.csv", rows, 0, false));
    }

    void step() {
        if (removes_ && chance(1)) {
            remove_personal();
            return;
        }
        if (archives_ && chance(3)) {
            const auto made = add_checkpoint(*storage_, workstation_key_);
            ASSERT_TRUE(made) << to_string(made.error());
            checkpoints_.push_back(made->checkpoint.seq);
            return;
        }
        if (archives_ && chance(1)) {
            archive();
            return;
        }
        const std::uint64_t dice = below(100);
        if (dice < 14) {
            insert_token();
        } else if (dice < 20) {
            remove_token();
        } else if (dice < 28) {
            bind();
        } else if (dice < 31) {
            release();
        } else if (dice < 32) {
            send_back();
        } else if (dice < 58) {
            log_in();
        } else if (dice < 62) {
            tell_again();
        } else if (dice < 76) {
            use();
        } else if (dice < 91) {
            end();
        } else if (dice < 95) {
            note_something();
        } else {
            restart();
        }
    }

    void insert_token() {
        Token& token = any_token();
        if (chance(10)) {
            ++token.generation;
        }
        token.readable = chance(85);
        Insertion insertion{.identity = {"Feitian", "ePass", "serial" + std::to_string(token.number / 2)},
                            .label = "label " + std::to_string(below(3)),
                            .module = "/usr/lib/module.so",
                            .slot_description = {},
                            .certificate = {},
                            .present_key_ids = {}};
        if (token.readable) {
            insertion.certificate = token.certificate();
        }
        for (const Token& other : tokens_) {
            if (other.present && other.number != token.number) {
                insertion.present_key_ids.insert(other.key_id);
            }
        }
        const auto key = record_insertion(*storage_, insertion);
        ASSERT_TRUE(key) << to_string(key.error());
        token.key_id = key->key_id;
        token.present = true;
    }

    void remove_token() {
        Token& token = any_token();
        if (token.present) {
            token.present = false;
            ASSERT_TRUE(record_removal(*storage_, token.key_id));
        }
    }

    void bind() {
        const Token& token = any_token();
        if (token.key_id.empty() || !token.readable) {
            return;
        }
        const std::size_t wanted = chance(80) ? token.organisation() : below(organisations);
        const auto refused = bind_key(*storage_, {.key_id = token.key_id,
                                                  .organisation = organisation_code(wanted),
                                                  .certificate = token.certificate(),
                                                  .one_key_per_organisation = chance(10),
                                                  .uid = static_cast<std::uint32_t>(below(3))});
        ASSERT_TRUE(refused) << to_string(refused.error());
        if (!*refused) {
            EXPECT_FALSE(returned_.contains(token.key_id));
            EXPECT_EQ(wanted, token.organisation()) << "the certificate names another one";
            bindings_[token.key_id] = {organisation_code(wanted), token.public_key()};
        }
    }

    /// Alone, or for another token of the same organisation.
    void send_back() {
        const Token& token = any_token();
        const Token& other = any_token();
        if (token.key_id.empty() || chance(80)) { // or none would be left
            return;
        }
        if (chance(50)) {
            const auto done = return_key(*storage_, token.key_id, 0);
            EXPECT_EQ(done.has_value(), returned_.insert(token.key_id).second);
            bindings_.erase(token.key_id);
            return;
        }
        if (other.key_id.empty() || !other.readable) {
            return;
        }
        const auto refused = replace_key(*storage_, token.key_id,
                                         {.key_id = other.key_id,
                                          .organisation = {},
                                          .certificate = other.certificate(),
                                          .one_key_per_organisation = chance(10),
                                          .uid = 0});
        if (refused && !*refused) {
            EXPECT_FALSE(returned_.contains(other.key_id));
            returned_.insert(token.key_id);
            bindings_.erase(token.key_id);
            bindings_[other.key_id] = {organisation_code(other.organisation()), other.public_key()};
        }
    }

    void release() {
        const Token& token = any_token();
        const auto done = release_key(*storage_, token.key_id, 0);
        EXPECT_EQ(done.has_value(), bindings_.erase(token.key_id) == 1);
    }

    LoginSession attempt() {
        const Token& token = any_token();
        LoginSession session;
        session.login = digest(1'000'000 + model_.size() + archived_ + attempts_++).substr(0, 32);
        session.key_id = chance(95) ? token.key_id : std::string();
        session.organisation = organisation_code(token.organisation());
        session.uid = static_cast<std::uint32_t>(1000 + below(2));
        session.pid = static_cast<std::int64_t>(below(30'000));
        session.executable = "/home/someone/bin/program" + std::to_string(below(3));
        session.application = chance(50) ? "application" : "";
        session.verdict = "warn";
        session.codes = {"pin.default", "certificate.expiring"};
        session.started = clock_.time - std::chrono::microseconds(below(1'000'000));
        session.uses = below(3);
        if (chance(40)) {
            session.default_pin = chance(50);
        }
        const std::uint64_t kind = below(3);
        if (kind == 0) {
            session.grade = EvidenceGrade::attested;
            session.attestation = {{"public_key", token.public_key()},
                                   {"nonce", digest(below(1'000'000'000))},
                                   {"signature", "c2lnbmF0dXJl"},
                                   {"duration_us", static_cast<std::int64_t>(below(500'000))}};
        } else if (kind == 1) {
            session.grade = EvidenceGrade::late;
            session.started -= 1h;
            session.claimed_start = session.started - 24h;
            session.attestation = {{"absent", "slow"}, {"duration_us", 7}};
        }
        return session;
    }

    void log_in() {
        LoginSession session = attempt();
        ModelSession expected{.key_id = session.key_id,
                              .organisation = {},
                              .pid = session.pid,
                              .grade = session.grade,
                              .started = session.started,
                              .ended = {},
                              .reason = {},
                              .uses = session.uses};
        const auto bound = bindings_.find(session.key_id);
        expected.organisation = bound == bindings_.end() ? std::string() : bound->second.organisation;
        if (session.grade == EvidenceGrade::attested &&
            (bound == bindings_.end() || bound->second.organisation != session.organisation ||
             bound->second.public_key != session.attestation.at("public_key").as_string())) {
            expected.grade = EvidenceGrade::observed;
        }
        told_.push_back(session);
        const auto started = start_session(*storage_, session);
        ASSERT_TRUE(started) << to_string(started.error());
        EXPECT_TRUE(*started);
        model_.emplace(session.login, expected);
    }

    /// A login that is known already, by its own process or by another one.
    void tell_again() {
        if (told_.empty()) {
            return;
        }
        LoginSession session = told_[below(told_.size())];
        session.uses = below(10);
        if (chance(20)) {
            session.pid += 1;
        }
        ModelSession& expected = model_.at(session.login);
        const bool resumable =
            expected.pid == session.pid && expected.ended &&
            (expected.reason == EndReason::unclean || expected.reason == EndReason::daemon_stopped);
        const std::uint64_t uses = session.uses;
        EXPECT_EQ(start_session(*storage_, session).value(), resumable);
        if (resumable) {
            expected.ended.reset();
            expected.reason.reset();
            expected.uses = std::max(expected.uses, uses);
        }
    }

    std::string any_login() { return told_.empty() ? digest(0) : told_[below(told_.size())].login; }

    void use() {
        const std::string login = any_login();
        const std::uint64_t uses = below(20);
        ASSERT_TRUE(use_session(*storage_, login, uses));
        if (const auto session = model_.find(login); session != model_.end() && !session->second.ended) {
            session->second.uses = std::max(session->second.uses, uses);
        }
    }

    void end() {
        const std::string login = any_login();
        const Timestamp time = clock_.time - std::chrono::microseconds(below(3'000'000));
        const std::optional<std::uint64_t> uses = chance(50) ? std::optional(below(20)) : std::nullopt;
        constexpr std::array reasons{EndReason::logout, EndReason::process_exit, EndReason::key_removed,
                                     EndReason::suspend};
        const EndReason reason = reasons[below(reasons.size())];
        const auto ended = end_session(*storage_, login, {reason, time, uses});
        ASSERT_TRUE(ended);
        const auto session = model_.find(login);
        const bool was_open = session != model_.end() && !session->second.ended;
        EXPECT_EQ(ended->has_value(), was_open);
        if (was_open) {
            session->second.ended = time;
            session->second.reason = reason;
            session->second.ended_at_seq = storage_->head_seq();
            session->second.uses = std::max(session->second.uses, uses.value_or(0));
        }
    }

    /// What changes no table.
    void note_something() {
        switch (below(5)) {
        case 0:
            ASSERT_TRUE(record_refusal(*storage_, attempt()));
            break;
        case 1:
            ASSERT_TRUE(record_failed_login(*storage_, attempt(), 0xA0));
            break;
        case 2:
            ASSERT_TRUE(record_refusal_of_report(*storage_, {1000, 7, any_login(), "foreign_sender"}));
            break;
        case 3:
            ASSERT_TRUE(record_coverage_gap(
                *storage_, {{"reason", "filter_version"}, {"uid", 1000}, {"executable", "/home/x/y"}}));
            break;
        default:
            ASSERT_TRUE(record_clock_change(*storage_, 5s, -7s));
            break;
        }
    }

    /// Of what is older than some hours: the model's sessions have nothing personal in them.
    void remove_personal() {
        const Timestamp before = clock_.time - std::chrono::minutes(below(600));
        const auto removed = remove_personal_data(*storage_, {before, 0});
        ASSERT_TRUE(removed) << to_string(removed.error());
        const auto sessions = list_sessions(
            *storage_, {.month = {}, .key_id = {}, .organisation = {}, .open_only = false, .uid = {}});
        ASSERT_TRUE(sessions);
        for (const LoginSession& session : *sessions) {
            const bool is_removed = session.uid == removed_uid;
            EXPECT_EQ(is_removed, session.executable.find("/home") == std::string::npos);
            EXPECT_TRUE(session.executable.ends_with(
                "program" + session.executable.substr(session.executable.size() - 1)));
            EXPECT_TRUE(!is_removed || session.attestation.find("signature") == session.attestation.end());
        }
    }

    /// Up to any checkpoint; the model's sessions that were over at it are gone.
    void archive() {
        const std::uint64_t archived = archived_end(*storage_)->seq;
        std::erase_if(checkpoints_, [&](std::uint64_t seq) { return seq <= archived; });
        if (checkpoints_.empty()) {
            return;
        }
        const std::uint64_t last = checkpoints_[below(checkpoints_.size())];
        const auto done = archive_step(*storage_, {last, digest(last), 0});
        ASSERT_TRUE(done) << to_string(done.error());
        EXPECT_TRUE(*done);
        const auto is_gone = [&](const std::string& login) {
            const ModelSession& session = model_.at(login);
            return session.ended && session.ended_at_seq <= last;
        };
        std::erase_if(told_, [&](const LoginSession& session) { return is_gone(session.login); });
        archived_ += std::erase_if(model_, [&](const auto& entry) { return is_gone(entry.first); });
    }

    void restart() {
        if (chance(50)) {
            ASSERT_TRUE(end_open_sessions(*storage_, EndReason::daemon_stopped));
            end_all(EndReason::daemon_stopped);
            ASSERT_TRUE(record_stop(*storage_));
        }
        open();
        clock_.time += std::chrono::minutes(below(600));
        start();
    }

    static void compare(const LoginSession& session, const ModelSession& expected) {
        EXPECT_EQ(session.key_id, expected.key_id);
        EXPECT_EQ(session.organisation, expected.organisation);
        EXPECT_EQ(session.grade, expected.grade);
        EXPECT_EQ(session.started, expected.started);
        EXPECT_EQ(session.ended, expected.ended);
        EXPECT_EQ(session.end_reason, expected.reason);
        EXPECT_EQ(session.uses, expected.uses);
    }

    std::mt19937 random_;
    bool removes_;
    bool archives_;
    WorkstationKey workstation_key_ = WorkstationKey::generate();
    std::vector<std::uint64_t> checkpoints_; ///< their records
    std::size_t archived_ = 0;               ///< sessions
    test::TemporaryFolder folder_;
    test::SetClock clock_;
    std::optional<Storage> storage_;
    std::array<Token, tokens> tokens_;
    std::map<std::string, ModelBinding> bindings_;
    std::set<std::string> returned_; ///< key ids
    std::map<std::string, ModelSession> model_;
    std::vector<LoginSession> told_;
    std::size_t attempts_ = 0;
};

TEST(Projection, IsWhatTheLedgerAndTheModelSayAfterRandomHistories) {
    for (int number = 0; number < 12 && !testing::Test::HasFailure(); ++number) {
        const unsigned seed = std::random_device{}();
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        History history(seed, number % 2 == 0);
        for (int part = 0; part < 3; ++part) {
            history.go(operations_a_history / 3);
            history.check();
        }
        EXPECT_GT(history.sessions(), 40U);
    }
}

TEST(Projection, IsWhatTheLedgerSaysAfterItsOlderPartIsArchived) {
    std::size_t archived = 0;
    for (int number = 0; number < 8 && !testing::Test::HasFailure(); ++number) {
        const unsigned seed = std::random_device{}();
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        History history(seed, number % 2 == 0, true);
        for (int part = 0; part < 6; ++part) {
            history.go(operations_a_history / 6);
            history.check();
        }
        archived += history.archived();
    }
    EXPECT_GT(archived, 30U) << "the histories are not random enough";
}

/// Each change of one value by hand, and what is to be found of it.
TEST(Projection, EveryChangedValueIsFound) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    History history(seed);
    history.go(operations_a_history);
    history.check();
    struct Change {
        const char* sql;
        const char* table;
        const char* column;
    };
    // Each takes the row that its table has first, so that undoing it is the same everywhere.
    constexpr auto changes = std::to_array<Change>({
        {"UPDATE session SET uses = uses + 1", "session", "uses"},
        {"UPDATE session SET organisation = organisation || '0'", "session", "organisation"},
        {"UPDATE session SET key_id = key_id || '0'", "session", "key_id"},
        {"UPDATE session SET started_us = started_us - 1", "session", "started_us"},
        {"UPDATE session SET grade = 'attestet'", "session", "grade"},
        {"UPDATE session SET verdict = 'allow'", "session", "verdict"},
        {"UPDATE session SET codes = '[]'", "session", "codes"},
        {"UPDATE session SET uid = uid + 1", "session", "uid"},
        {"UPDATE session SET pid = pid + 1", "session", "pid"},
        {"UPDATE session SET executable = '/bin/true'", "session", "executable"},
        {"UPDATE session SET application = 'another'", "session", "application"},
        {"UPDATE session SET attestation = '{}'", "session", "attestation"},
        {"UPDATE session SET ended_us = coalesce(ended_us, 0) + 1", "session", "ended_us"},
        {"UPDATE session SET end_reason = 'other'", "session", "end_reason"},
        {"UPDATE key SET serial = 'other'", "key", "serial"},
        {"UPDATE key SET pin_default = 1 - coalesce(pin_default, 0)", "key", "pin_default"},
        {"UPDATE key SET last_seen_us = last_seen_us + 2000000", "key", "last_seen_us"},
        {"UPDATE key SET attestation_us = coalesce(attestation_us, 0) + 1", "key", "attestation_us"},
        {"UPDATE key SET certificate = x'00'", "key", "certificate"},
        {"UPDATE key_public_key SET first_seen_us = 0", "key_public_key", "first_seen_us"},
        {"UPDATE key_public_key SET spki_sha256 = 'other'", "key_public_key", ""},
        {"DELETE FROM session", "session", ""},
        {"DELETE FROM personal", "personal", ""},
        {"INSERT INTO session SELECT 'another', key_id, organisation, uid, pid, executable, application, "
         "grade, "
         "verdict, codes, default_pin, started_us, ended_us, end_reason, uses, attestation FROM session "
         "LIMIT 1",
         "session", ""},
    });
    Database& database = history.storage().database();
    for (const Change& change : changes) {
        SCOPED_TRACE(change.sql);
        std::string sql = change.sql;
        if (!sql.starts_with("INSERT")) {
            sql += " WHERE rowid = (SELECT min(rowid) FROM " + std::string(change.table) + ")";
        }
        auto transaction = Transaction::begin(database);
        ASSERT_TRUE(transaction);
        ASSERT_TRUE(database.execute(sql));
        const auto verdict = compare_projection(history.storage());
        ASSERT_TRUE(verdict) << to_string(verdict.error());
        ASSERT_FALSE(verdict->differences.empty());
        EXPECT_LE(verdict->differing, 2U);
        EXPECT_EQ(verdict->differences.front().table, change.table);
        EXPECT_EQ(verdict->differences.front().column, change.column);
    } // taken back
    history.check();
}

TEST(Projection, BindingsAreCompared) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    History history(seed);
    Database& database = history.storage().database();
    ASSERT_TRUE(history.storage().write([&]() -> Result<void> { // as if by hand: no record says it
        UKEY_TRY(database.execute("INSERT INTO key (key_id, manufacturer, model, serial, label, certificate, "
                                  "first_seen_us, last_seen_us) VALUES ('k', 'm', 'm', 's', '', x'', 0, 0)"));
        return database.execute(
            "INSERT INTO binding (key_id, organisation, spki_sha256, bound_us, bound_by_uid) "
            "VALUES ('k', '500102000001', 'p', 0, 0)");
    }));
    Storage reader = Storage::open_to_read(history.path(), history.clock()).value();
    const auto verdict = reader.read([&] { return compare_projection(reader); });
    ASSERT_TRUE(verdict) << to_string(verdict.error());
    ASSERT_EQ(verdict->differing, 2U);
    EXPECT_EQ(verdict->differences[0].table, "key");
    EXPECT_EQ(verdict->differences[1].table, "binding");
    EXPECT_EQ(verdict->differences[1].row, "k");
    EXPECT_EQ(verdict->differences[1].derived, "");
    const auto again = reader.read([&] { return compare_projection(reader); });
    ASSERT_TRUE(again) << "its temporary tables have gone with the first one: " << to_string(again.error());
    EXPECT_EQ(again->differing, 2U);
}

/// An older service's ledger: an end has no time of its own, a start no `ended_at`.
TEST(Projection, DatabasesOfEarlierVersionsAreTheirLedgers) {
    for (const char* name : {"schema1.db", "schema2.db", "schema3.db", "schema5.db", "schema6.db"}) {
        SCOPED_TRACE(name);
        const test::TemporaryFolder folder;
        const std::string path = (folder.path() / "ukeyd.db").string();
        std::filesystem::copy_file(std::string(UKEY_TEST_DATA "/state/") + name, path);
        const SystemClock clock;
        auto storage = Storage::open(path, clock);
        ASSERT_TRUE(storage) << to_string(storage.error());
        auto transaction = Transaction::begin_reading(storage->database());
        ASSERT_TRUE(transaction);
        const auto verdict = compare_projection(*storage);
        ASSERT_TRUE(verdict) << to_string(verdict.error());
        for (const ProjectionDifference& found : verdict->differences) {
            ADD_FAILURE() << found.table << " " << found.row << " " << found.column << ": " << found.in_force
                          << " / " << found.derived;
        }
        EXPECT_GT(verdict->rows, 0U);
    }
}

} // namespace
} // namespace ukey
