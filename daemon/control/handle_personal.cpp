// SPDX-License-Identifier: Apache-2.0
// audit.remove_personal_data.
#include "daemon/control/control_context.hpp"
#include "daemon/core/china_date.hpp"
#include "daemon/store/personal_store.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// The day's first moment. What is still to come cannot be removed yet.
Result<Timestamp> read_before(const ControlContext& context, const ControlRequest& request) {
    const auto text = request.text("before");
    if (!text) {
        return tl::unexpected(text.error());
    }
    const auto day = ChinaDate::parse(*text);
    if (!day) {
        return tl::unexpected(day.error());
    }
    if (day->begin() > context.clock.now()) {
        return fail("date.in_future", "remove personal data", *text, "");
    }
    return day->begin();
}

} // namespace

asio::awaitable<ControlAnswer> handle_audit_remove_personal_data(ControlContext& context,
                                                                 ControlRequest& request) {
    const auto before = read_before(context, request);
    if (!before) {
        co_return refuse(before.error());
    }
    const PersonalRemoval removal{*before, request.peer.uid};
    const auto removed = co_await context.store.run(
        [removal](Storage& storage) { return remove_personal_data(storage, removal); });
    if (!removed) {
        co_return refuse(removed.error());
    }
    co_return boost::json::object{
        {"before", format_timestamp(*before)}, {"records", removed->records}, {"is_gone", removed->is_gone}};
}

} // namespace ukey
