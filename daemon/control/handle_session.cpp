// SPDX-License-Identifier: Apache-2.0
// session.list and session.show.
#include "daemon/control/row_parts.hpp"
#include "daemon/control/views.hpp"

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

} // namespace ukey
