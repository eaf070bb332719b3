// SPDX-License-Identifier: Apache-2.0
#include "tools/district/counted_sessions.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "daemon/core/base64.hpp"
#include "tools/district/columns.hpp"
#include "tools/district/store.hpp"

namespace ukey::ctl::district {
namespace {

class SessionReader {
  public:
    SessionReader(Database& database, const ChinaMonth& month, const CriterionRule& rule)
        : database_(database), month_(month), rule_(rule) {}

    Result<CountedSessions> read();

  private:
    Result<void> read_misplaced();
    Result<void> read_shared();
    Result<void> read_names();
    Result<void> read_sessions();
    bool allowed(std::size_t program, EvidenceGrade grade);
    bool take(const Statement& row, LoginEvidenceRow& session);
    void add(std::string_view login, LoginEvidenceRow session, std::vector<LoginEvidenceRow>& rows) const;

    Database& database_;
    ChinaMonth month_;
    const CriterionRule& rule_;
    CountedSessions found_;
    /// That are recorded in this month, with the workstations that did.
    std::set<std::pair<std::string, std::int64_t>> misplaced_logins_;
    std::unordered_set<std::string> shared_logins_; ///< that more than one ledger has
    std::vector<std::string> programs_;
    std::vector<std::string> keys_;
    std::vector<SharedText> fingerprints_;
    enum class Allowed : char { unknown, yes, no };
    std::vector<Allowed> allowed_; ///< by program and grade
};

Result<void> SessionReader::read_misplaced() {
    auto statement = database_.prepare("SELECT login, organisation, workstation, started_us, other_us "
                                       "FROM misplaced_session ORDER BY started_us, login, other_us");
    return statement.each([&] {
        const Timestamp started = time_of(statement.integer(3));
        const Timestamp other = time_of(statement.integer(4));
        const auto in_month = [&](Timestamp moment) {
            return moment >= month_.begin() && moment < month_.end();
        };
        if (in_month(started)) {
            misplaced_logins_.emplace(statement.text(0), statement.integer(2));
        }
        for (const Timestamp moment : {started, other}) {
            if (in_month(moment)) {
                found_.misplaced.push_back({statement.integer(1), statement.integer(2), moment});
            }
        }
    });
}

Result<void> SessionReader::read_shared() {
    auto statement = database_.prepare("SELECT login FROM shared_login");
    return statement.each([&] { shared_logins_.insert(statement.text(0)); });
}

Result<void> SessionReader::read_names() {
    UKEY_TAKE(programs, read_texts(database_, "program", "name"));
    programs_ = std::move(programs);
    programs_.resize(std::max<std::size_t>(programs_.size(), 1)); // number 0: none
    UKEY_TAKE(keys, read_texts(database_, "key", "key_id"));
    keys_ = std::move(keys);
    keys_.resize(std::max<std::size_t>(keys_.size(), 1));
    UKEY_TAKE(fingerprints, read_texts(database_, "workstation", "fingerprint"));
    std::ranges::copy(fingerprints, std::back_inserter(fingerprints_));
    return {};
}

bool SessionReader::allowed(std::size_t program, EvidenceGrade grade) {
    constexpr std::size_t grades = 3;
    allowed_.resize(programs_.size() * grades, Allowed::unknown);
    Allowed& known = allowed_[program * grades + static_cast<std::size_t>(grade)];
    if (known == Allowed::unknown) {
        known = counts(1, grade, programs_[program], rule_) ? Allowed::yes : Allowed::no;
    }
    return known == Allowed::yes;
}

/// False: it does not count.
bool SessionReader::take(const Statement& row, LoginEvidenceRow& session) {
    session.grade = static_cast<EvidenceGrade>(row.integer(5));
    session.uses = static_cast<std::uint64_t>(row.integer(7));
    if (session.uses == 0 || !allowed(static_cast<std::size_t>(row.integer(6)), session.grade)) {
        return false;
    }
    const std::string_view login = row.view(2);
    if (!misplaced_logins_.empty() && misplaced_logins_.contains({std::string(login), row.integer(3)})) {
        return false;
    }
    session.workstation = fingerprints_[static_cast<std::size_t>(row.integer(3))];
    session.login = hex_encode(login);
    session.key_id = keys_[static_cast<std::size_t>(row.integer(4))];
    session.started = time_of(row.integer(1));
    return true;
}

/// Of two ledgers that have one login, as copies of one state folder may, one counts: the attested one, or
/// the one that began first. Rows come by their time.
void SessionReader::add(std::string_view login, LoginEvidenceRow session,
                        std::vector<LoginEvidenceRow>& rows) const {
    if (!shared_logins_.empty() && shared_logins_.contains(std::string(login))) {
        const auto known = std::ranges::find(rows, session.login, &LoginEvidenceRow::login);
        if (known != rows.end()) {
            const auto rank = [](const LoginEvidenceRow& row) {
                return std::tuple(row.grade != EvidenceGrade::attested, row.started, row.workstation.text());
            };
            if (rank(*known) <= rank(session)) {
                return;
            }
            rows.erase(known);
        }
    }
    rows.push_back(std::move(session));
}

/// They lie in the store by organisation and time: one pass, and no row more memory than it needs.
Result<void> SessionReader::read_sessions() {
    auto statement = database_.prepare(
        "SELECT organisation, started_us, login, workstation, key, grade, program, uses FROM session "
        "WHERE month = ? AND organisation > 0 ORDER BY organisation, started_us, login");
    statement.bind(month_number(month_));
    std::int64_t organisation = 0;
    std::vector<LoginEvidenceRow> rows;
    const auto put_away = [&] {
        if (!rows.empty()) {
            found_.organisations.push_back(
                {organisation, {std::move_iterator(rows.begin()), std::move_iterator(rows.end())}});
            rows.clear();
        }
    };
    UKEY_TRY(statement.each([&] {
        if (statement.integer(0) != organisation) {
            put_away();
            organisation = statement.integer(0);
        }
        LoginEvidenceRow session;
        if (take(statement, session)) {
            add(statement.view(2), std::move(session), rows);
        }
    }));
    put_away();
    return {};
}

Result<CountedSessions> SessionReader::read() {
    UKEY_TRY(read_misplaced());
    UKEY_TRY(read_shared());
    UKEY_TRY(read_names());
    UKEY_TRY(read_sessions());
    return std::move(found_);
}

} // namespace

Result<CountedSessions> read_counted_sessions(Database& database, const ChinaMonth& month,
                                              const CriterionRule& rule) {
    return SessionReader(database, month, rule).read();
}

Result<std::vector<std::string>> read_texts(Database& database, const std::string& table,
                                            const std::string& column) {
    auto statement = database.prepare("SELECT id, " + column + " FROM " + table + " ORDER BY id");
    std::vector<std::string> texts;
    UKEY_TRY(statement.each([&] {
        texts.resize(static_cast<std::size_t>(statement.integer(0)) + 1);
        texts.back() = statement.text(1);
    }));
    return texts;
}

} // namespace ukey::ctl::district
