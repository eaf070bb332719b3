// SPDX-License-Identifier: Apache-2.0
// session.list, session.show and report.month.
#include <set>

#include "daemon/control/row_parts.hpp"
#include "daemon/control/views.hpp"
#include "daemon/core/assessed_units.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

Result<std::optional<ChinaMonth>> wanted_month(const ControlRequest& request) {
    const std::string text = request.optional_text("month");
    if (text.empty()) {
        return std::nullopt;
    }
    auto month = ChinaMonth::parse(text);
    if (!month) {
        return tl::unexpected(month.error());
    }
    return std::optional(*month);
}

Result<SessionFilter> read_filter(Storage& storage, const ControlRequest& request,
                                  const std::optional<ChinaMonth>& month) {
    SessionFilter filter{.month = month,
                         .key_id = {},
                         .organisation = {},
                         .open_only = request.flag("open"),
                         .uid = std::nullopt};
    if (!request.operates()) {
        filter.uid = request.peer.uid;
    }
    if (const std::string key = request.optional_text("key"); !key.empty()) {
        auto key_id = find_key(storage, key);
        if (!key_id) {
            return tl::unexpected(key_id.error());
        }
        filter.key_id = std::move(*key_id);
    }
    if (const std::string organisation = request.optional_text("organisation"); !organisation.empty()) {
        auto entry = find_organisation(storage, organisation);
        if (!entry) {
            return tl::unexpected(entry.error());
        }
        filter.organisation = entry->organisation.code;
    }
    return filter;
}

/// Sends rows in pieces.
asio::awaitable<void> send_rows(const ControlRequest& request, boost::json::array rows) {
    RowParts parts(request);
    for (boost::json::value& row : rows) {
        if (!co_await parts.add(std::move(row))) {
            co_return;
        }
    }
    co_await parts.finish();
}

/// What the store gives for a report.
struct MonthData {
    std::vector<Organisation> organisations;
    std::vector<LoginSession> sessions;
    std::uint64_t head_seq = 0;
    std::string head;
};

Result<MonthData> read_month(Storage& storage, const ChinaMonth& month) {
    auto entries = list_organisations(storage, "");
    auto sessions = list_sessions(
        storage, {.month = month, .key_id = {}, .organisation = {}, .open_only = false, .uid = std::nullopt});
    if (!entries || !sessions) {
        return tl::unexpected(entries ? sessions.error() : entries.error());
    }
    MonthData data{.organisations = {},
                   .sessions = std::move(*sessions),
                   .head_seq = storage.head_seq(),
                   .head = to_hex(storage.head_hash())};
    for (OrganisationEntry& entry : *entries) {
        data.organisations.push_back(std::move(entry.organisation));
    }
    return data;
}

/// What a caller without `operate` sees: the organisations of the keys that are in, and of the caller's own
/// sessions.
struct Own {
    std::set<std::string> organisations;
    std::uint32_t uid = 0;
};

Own own_of(const ControlContext& context, std::uint32_t uid) {
    Own own{.organisations = {}, .uid = uid};
    for (const auto& [key_id, key] : context.keys.keys()) {
        own.organisations.insert(key.binding.organisation_code);
    }
    return own;
}

void keep_own(MonthData& data, Own own) {
    for (const LoginSession& session : data.sessions) {
        if (session.uid == own.uid) {
            own.organisations.insert(session.organisation);
        }
    }
    std::erase_if(data.organisations,
                  [&](const Organisation& o) { return !own.organisations.contains(o.code); });
}

/// Null for an empty registry: nothing of nothing is no percentage.
boost::json::value percent_of(std::size_t part, std::size_t whole) {
    if (whole == 0) {
        return nullptr;
    }
    return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

boost::json::array view_units(const std::vector<LoginResult>& results) {
    struct Unit {
        std::size_t organisations = 0;
        std::size_t met = 0;
    };
    std::map<std::string, Unit> units;
    for (const LoginResult& result : results) {
        Unit& unit = units[result.organisation.assessed_unit];
        ++unit.organisations;
        unit.met += result.met ? 1 : 0;
    }
    boost::json::array view;
    for (const auto& [code, unit] : units) {
        view.push_back(boost::json::object{{"code", code},
                                           {"name", assessed_unit_name(code)},
                                           {"organisations", unit.organisations},
                                           {"met", unit.met},
                                           {"percent", percent_of(unit.met, unit.organisations)}});
    }
    return view;
}

/// The rows of a month's report, and its frame's members.
struct MonthReport {
    boost::json::array rows;
    boost::json::object summary;
};

Result<MonthReport> report_month(Storage& storage, const ChinaMonth& month, const CriterionRule& rule,
                                 const std::optional<Own>& own) {
    auto data = read_month(storage, month);
    if (!data) {
        return tl::unexpected(data.error());
    }
    const auto evidence = collect_evidence(data->sessions, rule);
    if (own) {
        keep_own(*data, *own);
    }
    const auto results = judge_logins(data->organisations, evidence, rule);
    MonthReport report;
    std::size_t met = 0;
    for (const LoginResult& result : results) {
        report.rows.push_back(to_json(result, rule));
        met += result.met ? 1 : 0;
    }
    report.summary = {{"month", month.text()},
                      {"rule", {{"name", rule.name}, {"sessions_required", rule.login.sessions_required}}},
                      {"units", view_units(results)},
                      {"totals",
                       {{"organisations", results.size()},
                        {"met", met},
                        {"not_seen_here", results.size() - met},
                        {"percent", percent_of(met, results.size())}}},
                      {"basis",
                       {{"evidence", "seen_by_this_computer"},
                        {"ledger_seq", data->head_seq},
                        {"ledger_head", data->head},
                        {"all_organisations", !own}}}};
    return report;
}

} // namespace

asio::awaitable<ControlAnswer> handle_session_list(ControlContext& context, ControlRequest& request) {
    const auto month = wanted_month(request);
    if (!month) {
        co_return refuse(month.error());
    }
    const auto sessions =
        co_await context.reader.read([&](Storage& storage) -> Result<std::vector<LoginSession>> {
            const auto filter = read_filter(storage, request, *month);
            if (!filter) {
                return tl::unexpected(filter.error());
            }
            return list_sessions(storage, *filter);
        });
    if (!sessions) {
        co_return refuse(sessions.error());
    }
    boost::json::array rows;
    for (const LoginSession& session : *sessions) {
        rows.push_back(view_session(session, context.rule, viewer_of(request)));
    }
    co_await send_rows(request, std::move(rows));
    co_return boost::json::object{{"count", sessions->size()}};
}

asio::awaitable<ControlAnswer> handle_session_show(ControlContext& context, ControlRequest& request) {
    const auto login = request.text("login");
    if (!login) {
        co_return refuse(login.error());
    }
    const auto uid = request.operates() ? std::nullopt : std::optional<std::uint32_t>(request.peer.uid);
    const auto session =
        co_await context.store.run([&](Storage& storage) { return find_session(storage, *login, uid); });
    if (!session) {
        co_return refuse(session.error());
    }
    boost::json::object answer{{"session", view_session(*session, context.rule, viewer_of(request))},
                               {"attestation", nullptr}};
    if (!session->attestation.empty()) {
        answer["attestation"] = session->attestation;
    }
    co_return answer;
}

asio::awaitable<ControlAnswer> handle_report_month(ControlContext& context, ControlRequest& request) {
    const auto month = ChinaMonth::parse(request.optional_text("month"));
    if (!month) {
        co_return refuse(month.error());
    }
    const auto own = request.operates() ? std::nullopt : std::optional(own_of(context, request.peer.uid));
    const CriterionRule rule = context.rule; // another may come into force meanwhile
    auto report = co_await context.reader.read(
        [&](Storage& storage) { return report_month(storage, *month, rule, own); });
    if (!report) {
        co_return refuse(report.error());
    }
    co_await send_rows(request, std::move(report->rows));
    co_return std::move(report->summary);
}

} // namespace ukey
