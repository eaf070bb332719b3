// SPDX-License-Identifier: Apache-2.0
// audit.bundle, audit.checkpoint and workstation.show.
#include "daemon/control/control_context.hpp"
#include "daemon/core/base64.hpp"
#include "daemon/core/bundle.hpp"
#include "daemon/store/checkpoint_store.hpp"

namespace ukey {
namespace {

namespace asio = boost::asio;

/// A piece of the file; in base64 it is a third longer, and far below the largest frame.
constexpr std::size_t piece_bytes = std::size_t{192} * 1024;
/// Records that are read at once: about a piece.
constexpr std::uint64_t records_at_once = 500;

boost::json::object view_checkpoint(const SignedCheckpoint& checkpoint) {
    return {{"workstation", checkpoint.checkpoint.workstation},
            {"seq", checkpoint.checkpoint.seq},
            {"head", to_hex(checkpoint.checkpoint.head)},
            {"time", format_timestamp(checkpoint.checkpoint.time)},
            {"signature", base64_encode(checkpoint.signature)}};
}

/// What a bundle begins with.
struct BundleBeginning {
    BundleHeader header;
    std::vector<SignedCheckpoint> checkpoints; ///< from the record before the first to the last
};

/// A bundle from the record after `since` to `last`, which are both signed for.
Result<BundleBeginning> read_beginning(Storage& storage, const Workstation& workstation, std::uint64_t since,
                                       std::uint64_t last) {
    const std::string& fingerprint = workstation.key.fingerprint();
    auto checkpoints = load_checkpoints(storage, fingerprint, since, last);
    if (!checkpoints) {
        return tl::unexpected(checkpoints.error());
    }
    if (since > 0 && (checkpoints->empty() || checkpoints->front().checkpoint.seq != since)) {
        return fail("audit.no_checkpoint", "write a bundle", std::to_string(since), "");
    }
    BundleHeader header{.public_key = workstation.key.public_key(),
                        .workstation_name = workstation.name,
                        .first_seq = since + 1,
                        .previous_hash =
                            since > 0 ? checkpoints->front().checkpoint.head : ledger_genesis_hash(),
                        .written = storage.now(),
                        .software = "ukeyd " UKEY_VERSION};
    return BundleBeginning{std::move(header), std::move(*checkpoints)};
}

/// Sends whole pieces of what has been written, and with `rest` what is left too. False when the caller has
/// gone.
asio::awaitable<bool> send_pieces(const ControlRequest& request, std::string& written, bool rest) {
    std::size_t sent = 0;
    while (written.size() - sent >= piece_bytes || (rest && sent < written.size())) {
        boost::json::array part;
        part.push_back(
            boost::json::value(base64_encode(std::string_view(written).substr(sent, piece_bytes))));
        sent += std::min(piece_bytes, written.size() - sent);
        if (!co_await request.send_part(std::move(part))) {
            co_return false;
        }
    }
    written.erase(0, sent);
    co_return true;
}

/// 0 when it is not given; nullopt: it is no number of a record.
std::optional<std::uint64_t> read_since(const ControlRequest& request) {
    const boost::json::value* since = request.arguments.if_contains("since");
    if (since == nullptr) {
        return 0;
    }
    boost::json::error_code error;
    const auto number = since->is_double() ? 0 : since->to_number<std::uint64_t>(error);
    return since->is_double() || error ? std::nullopt : std::optional(number);
}

} // namespace

asio::awaitable<ControlAnswer> handle_workstation_show(ControlContext& context, ControlRequest& /*request*/) {
    co_return boost::json::object{{"fingerprint", context.workstation.key.fingerprint()},
                                  {"public_key", base64_encode(context.workstation.key.public_key())},
                                  {"name", context.workstation.name}};
}

asio::awaitable<ControlAnswer> handle_audit_checkpoint(ControlContext& context, ControlRequest& /*request*/) {
    const auto checkpoint = co_await context.store.run(
        [&](Storage& storage) { return add_checkpoint(storage, context.workstation.key); });
    if (!checkpoint) {
        co_return refuse(checkpoint.error());
    }
    co_return view_checkpoint(*checkpoint);
}

asio::awaitable<ControlAnswer> handle_audit_bundle(ControlContext& context, ControlRequest& request) {
    const auto wanted = read_since(request);
    if (!wanted) {
        co_return refuse(
            Error{"control.bad_request", "write a bundle", "since", "since is the number of a record"});
    }
    const std::uint64_t since = *wanted;
    const auto signed_now = co_await context.store.run(
        [&](Storage& storage) { return add_checkpoint(storage, context.workstation.key); });
    if (!signed_now) {
        co_return refuse(signed_now.error());
    }
    const std::uint64_t last = signed_now->checkpoint.seq;
    auto beginning = co_await context.reader.read(
        [&](Storage& storage) { return read_beginning(storage, context.workstation, since, last); });
    if (!beginning) {
        co_return refuse(beginning.error());
    }
    std::string written;
    BundleWriter writer(written, beginning->header);
    for (const SignedCheckpoint& checkpoint : beginning->checkpoints) {
        writer.add(checkpoint);
    }
    for (std::uint64_t next = since + 1; next <= last; next += records_at_once) {
        const auto read = co_await context.reader.read([&](Storage& storage) {
            return storage.visit_records(next, std::min(last, next + records_at_once - 1),
                                         [&](const LedgerRecord& record) {
                                             writer.add(record);
                                             return true;
                                         });
        });
        if (!read) {
            co_return refuse(read.error());
        }
        if (!co_await send_pieces(request, written, false)) {
            co_return boost::json::object(); // nobody is there to hear more
        }
    }
    writer.finish(context.workstation.key);
    co_await send_pieces(request, written, true);
    co_return boost::json::object{{"first_seq", since + 1}, {"last_seq", last}, {"records", last - since}};
}

} // namespace ukey
