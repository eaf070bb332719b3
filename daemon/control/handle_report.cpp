// SPDX-License-Identifier: Apache-2.0
// report.month.
#include <set>

#include "daemon/control/row_parts.hpp"
#include "daemon/control/views.hpp"
#include "daemon/core/assessment_json.hpp"
#include "daemon/store/archive_store.hpp"
#include "daemon/store/month_store.hpp"
#include "daemon/store/session_store.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// What a caller without `operate` sees: the organisations of the keys that are in, and of the caller's own
/// sessions; of evidence those sessions.
struct Own {
    std::set<std::string> organisations;
    std::set<std::string> logins;
    std::uint32_t uid = 0;
};

Own own_of(const ControlContext& context, std::uint32_t uid) {
    Own own{.organisations = {}, .logins = {}, .uid = uid};
    for (const auto& [key_id, key] : context.keys.keys()) {
        own.organisations.insert(key.binding.organisation_code);
    }
    return own;
}

Result<void> keep_own(Storage& storage, MonthAssessment& assessment, Own own) {
    const auto sessions = list_sessions(
        storage,
        {.month = assessment.month, .key_id = {}, .organisation = {}, .open_only = false, .uid = own.uid});
    if (!sessions) {
        return tl::unexpected(sessions.error());
    }
    for (const LoginSession& session : *sessions) {
        own.organisations.insert(session.organisation);
        own.logins.insert(session.login);
    }
    restrict_to(assessment, own.organisations);
    for (OrganisationAssessment& row : assessment.organisations) {
        row.organisation.administrator.reset();
        std::erase_if(row.evidence,
                      [&](const LoginEvidenceRow& evidence) { return !own.logins.contains(evidence.login); });
    }
    return {};
}

Result<MonthAssessment> assess_month(Storage& storage, const ChinaMonth& month, const CriterionRule& rule,
                                     std::optional<Own> own) {
    const auto archived = archived_end(storage);
    if (!archived) {
        return tl::unexpected(archived.error());
    }
    if (archived->seq > 0 && archived->time >= month.begin()) {
        return fail("report.archived", "assess a month", month.text(), std::to_string(archived->seq));
    }
    auto facts = read_month(storage, month, rule);
    if (!facts) {
        return tl::unexpected(facts.error());
    }
    MonthAssessment assessment = assess(std::move(*facts), rule);
    if (own) {
        UKEY_TRY(keep_own(storage, assessment, std::move(*own)));
    }
    return assessment;
}

asio::awaitable<void> send_rows(const ControlRequest& request, const MonthAssessment& assessment) {
    RowParts parts(request);
    for (const OrganisationAssessment& row : assessment.organisations) {
        boost::json::object view = row_json(row, assessment);
        if (!co_await parts.add(std::move(view))) {
            co_return;
        }
    }
    co_await parts.finish();
}

} // namespace

asio::awaitable<ControlAnswer> handle_report_month(ControlContext& context, ControlRequest& request) {
    const auto month = ChinaMonth::parse(request.optional_text("month"));
    if (!month) {
        co_return refuse(month.error());
    }
    const CriterionRule rule = context.rule; // another may come into force meanwhile
    if (const auto valid = rule.check_valid_in(*month); !valid) {
        co_return refuse(valid.error());
    }
    const auto own = request.operates() ? std::nullopt : std::optional(own_of(context, request.peer.uid));
    auto assessment = co_await context.reader.read(
        [&](Storage& storage) { return assess_month(storage, *month, rule, own); });
    if (!assessment) {
        co_return refuse(assessment.error());
    }
    for (LedgerExtent& ledger : assessment->ledgers) {
        ledger.workstation = context.workstation.key()->fingerprint();
        ledger.name = context.workstation.name();
    }
    co_await send_rows(request, *assessment);
    co_return summary_json(*assessment);
}

} // namespace ukey
