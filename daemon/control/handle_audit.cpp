// SPDX-License-Identifier: Apache-2.0
// audit.export and audit.verify.
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "daemon/control/row_parts.hpp"
#include "daemon/control/views.hpp"
#include "daemon/core/base64.hpp"
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
        personal = boost::json::object{{"salt", hex_encode(opening->salt)}, {"value", opening->value}};
    }
    return {{"seq", record.seq},
            {"time", format_timestamp(record.time)},
            {"time_us", to_microseconds(record.time)},
            {"boottime_us", record.boottime.count()},
            {"kind", record.kind},
            {"payload", record.payload},
            {"hash", hex_encode(record.hash)},
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
                                {"head", hex_encode(verifier.head())},
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

using Rows = std::vector<boost::json::object>;

/// Records, piece by piece: memory stays small, and logins get their turn.
class RecordReading {
  public:
    /// `last` 0: to the newest one that there is at the beginning.
    RecordReading(ControlContext& context, const ArchivedEnd& archived, std::uint64_t first,
                  std::uint64_t last)
        : context_(context), archived_seq_(archived.seq), first_(first), next_(first), last_(last),
          before_(hex_encode(archived.hash)) {}

    /// Empty: that was all.
    asio::awaitable<Result<Rows>> next();
    /// What is told at the end.
    boost::json::object result() const {
        return {{"first_seq", first_}, {"last_seq", last_}, {"previous_hash", before_}, {"head", head_}};
    }

  private:
    Result<void> read(Storage& storage, Rows& rows);

    ControlContext& context_;
    std::uint64_t archived_seq_;
    std::uint64_t first_;
    std::uint64_t next_;
    std::uint64_t last_;
    std::string before_; ///< hash of the record before first_
    std::string head_;
};

Result<void> RecordReading::read(Storage& storage, Rows& rows) {
    last_ = last_ == 0 || last_ > storage.head_seq() ? storage.head_seq() : last_;
    head_ = hex_encode(storage.head_hash());
    const bool with_previous = next_ == first_ && first_ > archived_seq_ + 1;
    return storage.visit_opened_records(with_previous ? next_ - 1 : next_,
                                        std::min(last_, next_ + part_rows - 1),
                                        [&](const LedgerRecord& record, const Opening* opening) {
                                            if (record.seq < first_) {
                                                before_ = hex_encode(record.hash);
                                            } else {
                                                rows.push_back(view_record(record, opening));
                                            }
                                            return true;
                                        });
}

asio::awaitable<Result<Rows>> RecordReading::next() {
    Rows rows;
    if (next_ > first_ && next_ > last_) {
        co_return rows;
    }
    const auto done = co_await context_.reader.read([&](Storage& storage) { return read(storage, rows); });
    if (!done) {
        co_return tl::unexpected(done.error());
    }
    next_ += part_rows;
    co_return rows;
}

/// False: nobody hears them.
asio::awaitable<bool> send_rows(RowParts& parts, Rows rows) {
    for (boost::json::object& row : rows) {
        if (!co_await parts.add(std::move(row))) {
            co_return false;
        }
    }
    co_return true;
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
    RecordReading reading(context, *archived, first, request.number("to_seq", 0));
    RowParts parts(request);
    std::uint64_t sent = 0;
    auto rows = co_await reading.next();
    while (rows && !rows->empty()) {
        sent += rows->size();
        using namespace asio::experimental::awaitable_operators;
        // Its own thread reads the next ones meanwhile: it is asked first.
        auto [following, heard] = co_await (reading.next() && send_rows(parts, std::move(*rows)));
        if (!heard) {
            co_return boost::json::object(); // nobody is there to hear more
        }
        rows = std::move(following);
    }
    if (!rows) {
        co_return refuse(rows.error());
    }
    co_await parts.finish();
    boost::json::object result = reading.result();
    result["records"] = sent;
    co_return result;
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
