// SPDX-License-Identifier: Apache-2.0
// audit.archive_point and audit.archive.
#include "daemon/control/control_context.hpp"
#include "daemon/core/china_date.hpp"
#include "daemon/store/archive_store.hpp"
#include "daemon/store/checkpoint_store.hpp"
#include "daemon/store/rotation_store.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// The running month and the one before it stay: their reports are still to be made.
Timestamp kept_from(Timestamp now) {
    const Timestamp this_month = ChinaMonth::containing(now).begin();
    return ChinaMonth::containing(this_month - std::chrono::microseconds(1)).begin();
}

Result<Timestamp> read_before(const ControlContext& context, const ControlRequest& request) {
    const auto text = request.text("before");
    if (!text) {
        return tl::unexpected(text.error());
    }
    const auto day = ChinaDate::parse(*text);
    if (!day) {
        return tl::unexpected(day.error());
    }
    const Timestamp kept = kept_from(context.clock.now());
    if (day->begin() > kept) {
        return fail("audit.too_recent", "archive records", *text, ChinaDate::containing(kept).text());
    }
    return day->begin();
}

Result<KeyHistory> read_keys(Storage& storage, const ControlContext& context) {
    const std::string public_key = context.workstation.key()->public_key();
    const auto rotations = load_rotations(storage, public_key, storage.head_seq());
    if (!rotations) {
        return tl::unexpected(rotations.error());
    }
    return KeyHistory(*rotations, public_key);
}

Result<boost::json::object> find_point(Storage& storage, const ControlContext& context, Timestamp before) {
    const auto keys = read_keys(storage, context);
    if (!keys) {
        return tl::unexpected(keys.error());
    }
    const auto beginning = bundle_beginning(storage, *keys);
    if (!beginning) {
        return tl::unexpected(beginning.error());
    }
    const auto last = find_archive_end(storage, *keys, before);
    if (!last) {
        return tl::unexpected(last.error());
    }
    if (!*last) {
        return fail("audit.nothing_to_archive", "archive records", ChinaDate::containing(before).text(), "");
    }
    return boost::json::object{{"first_seq", *beginning + 1}, {"last_seq", **last}};
}

/// What the request names must be a place at which the ledger can be cut now.
Result<Archive> read_archive(Storage& storage, const ControlContext& context, const ControlRequest& request) {
    const Archive archive{.last_seq = request.number("last_seq", 0),
                          .bundle_sha256 = request.optional_text("bundle_sha256"),
                          .uid = request.peer.uid};
    if (archive.bundle_sha256.size() != 64) {
        return fail("control.bad_request", "archive records", "bundle_sha256",
                    "bundle_sha256 has 64 hexadecimal digits");
    }
    const auto keys = read_keys(storage, context);
    const auto archived = archived_end(storage);
    if (!keys || !archived) {
        return tl::unexpected(keys ? archived.error() : keys.error());
    }
    const auto checkpoint = load_checkpoints(storage, *keys, archive.last_seq, archive.last_seq);
    if (!checkpoint) {
        return tl::unexpected(checkpoint.error());
    }
    if (archive.last_seq <= archived->seq || checkpoint->empty()) {
        return fail("audit.no_checkpoint", "archive records", std::to_string(archive.last_seq), "");
    }
    const Timestamp kept = kept_from(storage.now());
    Timestamp time{};
    UKEY_TRY(storage.visit_records(archive.last_seq, archive.last_seq, [&](const LedgerRecord& record) {
        time = record.time;
        return true;
    }));
    if (time >= kept) {
        return fail("audit.too_recent", "archive records", ChinaDate::containing(time).text(),
                    ChinaDate::containing(kept).text());
    }
    return archive;
}

} // namespace

asio::awaitable<ControlAnswer> handle_audit_archive_point(ControlContext& context, ControlRequest& request) {
    const auto before = read_before(context, request);
    if (!before) {
        co_return refuse(before.error());
    }
    auto point =
        co_await context.reader.read([&](Storage& storage) { return find_point(storage, context, *before); });
    if (!point) {
        co_return refuse(point.error());
    }
    co_return std::move(*point);
}

asio::awaitable<ControlAnswer> handle_audit_archive(ControlContext& context, ControlRequest& request) {
    const auto archive = co_await context.reader.read(
        [&](Storage& storage) { return read_archive(storage, context, request); });
    if (!archive) {
        co_return refuse(archive.error());
    }
    for (bool done = false; !done;) { // step by step: logins get their turn
        const auto step =
            co_await context.store.run([&](Storage& storage) { return archive_step(storage, *archive); });
        if (!step) {
            co_return refuse(step.error());
        }
        done = *step;
    }
    const auto is_gone = co_await context.store.run([](Storage& storage) { return storage.compact(); });
    if (!is_gone) {
        co_return refuse(is_gone.error());
    }
    co_return boost::json::object{{"last_seq", archive->last_seq}, {"is_gone", *is_gone}};
}

} // namespace ukey
