// SPDX-License-Identifier: Apache-2.0
// audit.export and audit.verify.
#include "daemon/control/row_parts.hpp"
#include "daemon/control/views.hpp"
#include "daemon/core/text.hpp"
#include "daemon/store/archive_store.hpp"
#include "daemon/store/projection.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// `opening`: what the record refers to, null when there is nothing.
boost::json::object view_record(const LedgerRecord& record, const Opening* opening) {
    boost::json::value personal = nullptr;
    if (opening != nullptr) {
        personal = boost::json::object{{"salt", to_hex(opening->salt)}, {"value", opening->value}};
    }
    return {{"seq", record.seq},
            {"time", format_timestamp(record.time)},
            {"time_us", to_microseconds(record.time)},
            {"boottime_us", record.boottime.count()},
            {"kind", record.kind},
            {"payload", record.payload},
            {"hash", to_hex(record.hash)},
            {"personal", std::move(personal)}};
}

/// The newest record as the running service has written it.
struct Written {
    std::uint64_t seq;
    std::string hash;
};

Result<boost::json::object> verify_chain(Storage& storage, const Written& written) {
    const auto archived = archived_end(storage);
    if (!archived) {
        return tl::unexpected(archived.error());
    }
    ChainVerifier verifier(archived->seq, archived->hash);
    std::optional<std::string> reason;
    std::uint64_t bad_seq = 0;
    UKEY_TRY(storage.visit_records(archived->seq + 1, 0, [&](const LedgerRecord& record) {
        reason = verifier.add(record);
        if (!reason && record.seq == written.seq && record.hash != written.hash) {
            reason = "it is not the record that the service has written";
        }
        bad_seq = record.seq;
        return !reason;
    }));
    if (!reason && verifier.seq() < written.seq) {
        reason = "records are missing at the end";
        bad_seq = verifier.seq() + 1;
    }
    boost::json::object verdict{{"records", verifier.seq() - archived->seq},
                                {"archived", archived->seq},
                                {"head", to_hex(verifier.head())},
                                {"intact", !reason},
                                {"first_bad_seq", nullptr},
                                {"reason", nullptr},
                                {"rebuild", nullptr}};
    if (reason) {
        verdict["first_bad_seq"] = bad_seq;
        verdict["reason"] = *reason;
    }
    return verdict;
}

boost::json::object view_projection(const ProjectionVerdict& verdict) {
    boost::json::array differences;
    for (const ProjectionDifference& difference : verdict.differences) {
        boost::json::object row{{"table", difference.table},
                                {"row", to_printable_utf8(difference.row)},
                                {"column", difference.column},
                                {"in_force", to_printable_utf8(difference.in_force)},
                                {"derived", to_printable_utf8(difference.derived)}};
        differences.push_back(std::move(row));
    }
    boost::json::object view{{"rows", verdict.rows}, {"differing", verdict.differing}};
    view["differences"] = std::move(differences);
    return view;
}

/// Adds what came of it. Tables that are derived from a broken chain would say nothing.
Result<void> verify_tables(Storage& storage, boost::json::object& verdict) {
    if (!verdict.at("intact").as_bool()) {
        return {};
    }
    const auto compared = compare_projection(storage);
    if (!compared) {
        return tl::unexpected(compared.error());
    }
    verdict["rebuild"] = view_projection(*compared);
    return {};
}

} // namespace

asio::awaitable<ControlAnswer> handle_audit_export(ControlContext& context, ControlRequest& request) {
    const auto archived = co_await context.reader.read(archived_end);
    if (!archived) {
        co_return refuse(archived.error());
    }
    const std::uint64_t first = std::max<std::uint64_t>(1, request.number("from_seq", archived->seq + 1));
    if (first <= archived->seq) {
        co_return refuse(Error{"audit.archived", "export records", std::to_string(first - 1),
                               std::to_string(archived->seq)});
    }
    std::uint64_t next = first;
    std::uint64_t last = request.number("to_seq", 0);
    std::string head;
    std::string before = to_hex(archived->hash); // of the record before `first`
    std::uint64_t sent = 0;
    RowParts parts(request);
    for (bool go_on = true; go_on;) { // piece by piece: memory stays small, and logins get their turn
        std::vector<boost::json::object> records;
        const auto read = co_await context.reader.read([&](Storage& storage) -> Result<void> {
            last = last == 0 || last > storage.head_seq() ? storage.head_seq() : last;
            head = to_hex(storage.head_hash());
            const bool with_previous = next == first && first > archived->seq + 1;
            return storage.visit_opened_records(with_previous ? next - 1 : next,
                                                std::min(last, next + part_rows - 1),
                                                [&](const LedgerRecord& record, const Opening* opening) {
                                                    if (record.seq < first) {
                                                        before = to_hex(record.hash);
                                                    } else {
                                                        records.push_back(view_record(record, opening));
                                                    }
                                                    return true;
                                                });
        });
        if (!read) {
            co_return refuse(read.error());
        }
        go_on = !records.empty() && next + part_rows <= last;
        for (boost::json::object& row : records) {
            if (!co_await parts.add(std::move(row))) {
                co_return boost::json::object(); // nobody is there to hear more
            }
        }
        sent += records.size();
        next += part_rows;
    }
    co_await parts.finish();
    co_return boost::json::object{{"records", sent},
                                  {"first_seq", first},
                                  {"last_seq", last},
                                  {"previous_hash", before},
                                  {"head", head}};
}

asio::awaitable<ControlAnswer> handle_audit_verify(ControlContext& context, ControlRequest& request) {
    const bool rebuild = request.flag("rebuild");
    const auto written = co_await context.store.run([](Storage& storage) -> Result<Written> {
        return Written{storage.head_seq(), storage.head_hash()};
    });
    if (!written) {
        co_return refuse(written.error());
    }
    auto verdict = co_await context.reader.read([&](Storage& storage) -> Result<boost::json::object> {
        auto verified = verify_chain(storage, *written);
        if (verified && rebuild) {
            UKEY_TRY(verify_tables(storage, *verified));
        }
        return verified;
    });
    if (!verdict) {
        co_return refuse(verdict.error());
    }
    co_return std::move(*verdict);
}

} // namespace ukey
