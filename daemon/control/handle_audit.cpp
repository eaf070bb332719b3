// SPDX-License-Identifier: Apache-2.0
// audit.export and audit.verify.
#include "daemon/control/views.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

boost::json::object view_record(const LedgerRecord& record) {
    return {{"seq", record.seq},
            {"time", format_timestamp(record.time)},
            {"time_us", to_microseconds(record.time)},
            {"boottime_us", record.boottime.count()},
            {"kind", record.kind},
            {"payload", record.payload},
            {"hash", to_hex(record.hash)}};
}

Result<boost::json::object> verify_chain(Storage& storage) {
    ChainVerifier verifier;
    std::optional<std::string> reason;
    std::uint64_t bad_seq = 0;
    UKEY_TRY(storage.visit_records(1, 0, [&](const LedgerRecord& record) {
        reason = verifier.add(record);
        bad_seq = record.seq;
        return !reason;
    }));
    if (!reason && verifier.seq() != storage.head_seq()) {
        reason = "records are missing at the end";
        bad_seq = verifier.seq() + 1;
    }
    boost::json::object verdict{{"records", verifier.seq()},
                                {"head", to_hex(verifier.head())},
                                {"intact", !reason},
                                {"first_bad_seq", nullptr},
                                {"reason", nullptr}};
    if (reason) {
        verdict["first_bad_seq"] = bad_seq;
        verdict["reason"] = *reason;
    }
    return verdict;
}

} // namespace

asio::awaitable<ControlAnswer> handle_audit_export(ControlContext& context, ControlRequest& request) {
    std::uint64_t next = std::max<std::uint64_t>(1, request.number("from_seq", 1));
    const std::uint64_t first = next;
    std::uint64_t last = request.number("to_seq", 0);
    std::string head;
    std::uint64_t sent = 0;
    for (;;) { // piece by piece: memory stays small, and logins get their turn on the store thread
        boost::json::array part;
        const auto read = co_await context.store.run([&](Storage& storage) {
            last = last == 0 || last > storage.head_seq() ? storage.head_seq() : last;
            head = to_hex(storage.head_hash());
            return storage.visit_records(next, std::min(last, next + part_rows - 1),
                                         [&](const LedgerRecord& record) {
                                             part.push_back(view_record(record));
                                             return true;
                                         });
        });
        if (!read) {
            co_return refuse(read.error());
        }
        const std::size_t count = part.size();
        sent += count;
        next += part_rows;
        if (count == 0 || !co_await request.send_part(std::move(part)) || next > last) {
            break;
        }
    }
    co_return boost::json::object{
        {"records", sent}, {"first_seq", first}, {"last_seq", last}, {"head", head}};
}

asio::awaitable<ControlAnswer> handle_audit_verify(ControlContext& context, ControlRequest& /*request*/) {
    auto verdict = co_await context.store.run([](Storage& storage) { return verify_chain(storage); });
    if (!verdict) {
        co_return refuse(verdict.error());
    }
    co_return std::move(*verdict);
}

} // namespace ukey
