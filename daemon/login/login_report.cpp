// SPDX-License-Identifier: Apache-2.0
#include "daemon/login/login_report.hpp"

#include <set>
#include <utility>

#include "daemon/store/absence.hpp"
#include "daemon/store/key_store.hpp"

namespace ukey {
namespace {

/// PKCS#11 2.40 §5.1: CKR_OK.
constexpr std::uint64_t rv_ok = 0;

/// A login that is told late has its own time, unless the service was there then and heard nothing.
Result<void> settle_start(Storage& storage, LoginSession& session) {
    const auto believed = believable_start(storage, session.started);
    if (!believed) {
        return tl::unexpected(believed.error());
    }
    if (*believed != session.started) {
        session.claimed_start = std::exchange(session.started, *believed);
    }
    return {};
}

/// What is told late may be of a key that is out again, and what is told just after a start of one that is
/// not read yet: the store knows it.
void find_key_that_is_not_in(Storage& storage, ToldLogin& told) {
    LoginSession& session = told.session;
    if (!session.key_id.empty() || (session.grade != EvidenceGrade::late && !told.key_may_be_unread)) {
        return;
    }
    if (auto known = find_key_by_identity(storage, told.token); known && *known) {
        session.key_id = std::move(**known);
        if (!told.key_may_be_unread) {
            session.default_pin.reset(); // anyone can say so of a key that is not there to be asked
        }
    }
}

Result<void> write_login(Storage& storage, ToldLogin& told) {
    LoginSession& session = told.session;
    find_key_that_is_not_in(storage, told);
    if (told.rv != rv_ok) {
        return record_failed_login(storage, session, told.rv);
    }
    if (session.grade == EvidenceGrade::late) {
        UKEY_TRY(settle_start(storage, session));
    }
    const auto started = start_session(storage, session);
    if (!started) {
        return tl::unexpected(started.error());
    }
    told.started = *started;
    return {};
}

Result<void> write_end(Storage& storage, const std::string& login, const SessionEnd& how) {
    const auto ended = end_session(storage, login, how);
    return ended ? Result<void>() : Result<void>(tl::unexpected(ended.error()));
}

} // namespace

std::size_t write_reports(Storage& storage, std::vector<LoginReport>& reports,
                          std::map<std::string, Error> unwritten) {
    std::size_t tried = 0;
    std::set<std::string> begun;
    for (LoginReport& report : reports) {
        if (!report.admitted) {
            continue;
        }
        if (auto* login = std::get_if<ToldLogin>(&report.what)) {
            ++tried;
            report.done = write_login(storage, *login);
            if (login->started) {
                begun.insert(report.login);
            }
            if (report.done) {
                unwritten.erase(report.login);
            } else if (login->rv == rv_ok) {
                unwritten.insert_or_assign(report.login, report.done.error());
            }
            continue;
        }
        auto& end = std::get<ToldEnd>(report.what);
        end.own = end.own || begun.contains(report.login);
        if (const auto beginning = unwritten.find(report.login); beginning != unwritten.end()) {
            report.done = tl::unexpected(beginning->second); // first its beginning, which is told again
        } else if (end.own) {
            ++tried;
            report.done = write_end(storage, report.login, end.how);
        }
    }
    return tried;
}

} // namespace ukey
