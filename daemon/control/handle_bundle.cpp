// SPDX-License-Identifier: Apache-2.0
// audit.bundle, audit.checkpoint, workstation.show and workstation.rotate_key.
#include <spdlog/spdlog.h>

#include "daemon/control/control_context.hpp"
#include "daemon/core/base64.hpp"
#include "daemon/core/bundle.hpp"
#include "daemon/store/archive_store.hpp"
#include "daemon/store/checkpoint_store.hpp"
#include "daemon/store/rotation_store.hpp"

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
            {"head", hex_encode(checkpoint.checkpoint.head)},
            {"time", format_timestamp(checkpoint.checkpoint.time)},
            {"signature", base64_encode(checkpoint.signature)}};
}

/// Signed just now, with the key that did it: the whole bundle is signed with that one.
struct SignedNow {
    SignedCheckpoint checkpoint;
    std::shared_ptr<const WorkstationKey> key;
};

/// Store thread only.
Result<SignedNow> sign_now(Storage& storage, const Workstation& workstation) {
    auto key = workstation.key();
    auto checkpoint = add_checkpoint(storage, *key);
    if (!checkpoint) {
        return tl::unexpected(checkpoint.error());
    }
    return SignedNow{std::move(*checkpoint), std::move(key)};
}

/// What a bundle begins with.
struct BundleBeginning {
    BundleHeader header;
    std::vector<SignedRotation> rotations;     ///< all of this ledger up to the last record
    std::vector<SignedCheckpoint> checkpoints; ///< from the record before the first to the last
};

/// A bundle from the record after `wanted`, or with all records that are here, to the one that was signed
/// now.
Result<BundleBeginning> read_beginning(Storage& storage, const std::string& name,
                                       std::optional<std::uint64_t> wanted, const SignedNow& signed_now) {
    const std::uint64_t last = signed_now.checkpoint.checkpoint.seq;
    const std::string& public_key = signed_now.key->public_key();
    auto rotations = load_rotations(storage, public_key, last);
    if (!rotations) {
        return tl::unexpected(rotations.error());
    }
    const KeyHistory keys(*rotations, public_key);
    const auto archived = archived_end(storage);
    if (!archived) {
        return tl::unexpected(archived.error());
    }
    const auto place = wanted ? Result<std::uint64_t>(*wanted) : bundle_beginning(storage, keys);
    if (!place) {
        return tl::unexpected(place.error());
    }
    const std::uint64_t since = *place;
    if (since < archived->seq) {
        return fail("audit.archived", "write a bundle", std::to_string(since), std::to_string(archived->seq));
    }
    auto checkpoints = load_checkpoints(storage, keys, since, last);
    if (!checkpoints) {
        return tl::unexpected(checkpoints.error());
    }
    if (since > 0 && (checkpoints->empty() || checkpoints->front().checkpoint.seq != since)) {
        return fail("audit.no_checkpoint", "write a bundle", std::to_string(since), "");
    }
    BundleHeader header{.public_key = public_key,
                        .workstation_name = name,
                        .first_seq = since + 1,
                        .previous_hash =
                            since > 0 ? checkpoints->front().checkpoint.head : ledger_genesis_hash(),
                        .written = storage.now(),
                        .software = "ukeyd " UKEY_VERSION};
    return BundleBeginning{std::move(header), std::move(*rotations), std::move(*checkpoints)};
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

/// nullopt: it is not given, or 0.
Result<std::optional<std::uint64_t>> read_since(const ControlRequest& request) {
    const boost::json::value* since = request.arguments.if_contains("since");
    if (since == nullptr) {
        return std::nullopt;
    }
    boost::json::error_code error;
    const auto number = since->is_double() ? 0 : since->to_number<std::uint64_t>(error);
    if (since->is_double() || error) {
        return fail("control.bad_request", "write a bundle", "since", "since is the number of a record");
    }
    return number == 0 ? std::nullopt : std::optional(number);
}

} // namespace

asio::awaitable<ControlAnswer> handle_workstation_show(ControlContext& context, ControlRequest& /*request*/) {
    const auto key = context.workstation.key();
    co_return boost::json::object{{"fingerprint", key->fingerprint()},
                                  {"public_key", base64_encode(key->public_key())},
                                  {"name", context.workstation.name()}};
}

asio::awaitable<ControlAnswer> handle_audit_checkpoint(ControlContext& context, ControlRequest& /*request*/) {
    const auto made =
        co_await context.store.run([&](Storage& storage) { return sign_now(storage, context.workstation); });
    if (!made) {
        co_return refuse(made.error());
    }
    co_return view_checkpoint(made->checkpoint);
}

asio::awaitable<ControlAnswer> handle_audit_bundle(ControlContext& context, ControlRequest& request) {
    const auto wanted = read_since(request);
    if (!wanted) {
        co_return refuse(wanted.error());
    }
    const bool personal = !request.flag("without_personal_data");
    const auto signed_now =
        co_await context.store.run([&](Storage& storage) { return sign_now(storage, context.workstation); });
    if (!signed_now) {
        co_return refuse(signed_now.error());
    }
    const std::uint64_t last = signed_now->checkpoint.checkpoint.seq;
    auto beginning = co_await context.reader.read([&](Storage& storage) {
        return read_beginning(storage, context.workstation.name(), *wanted, *signed_now);
    });
    if (!beginning) {
        co_return refuse(beginning.error());
    }
    const std::uint64_t first = beginning->header.first_seq;
    std::string written;
    BundleWriter writer(written, beginning->header);
    for (const SignedRotation& rotation : beginning->rotations) {
        writer.add(rotation);
    }
    for (const SignedCheckpoint& checkpoint : beginning->checkpoints) {
        writer.add(checkpoint);
    }
    for (std::uint64_t next = first; next <= last; next += records_at_once) {
        const auto read = co_await context.reader.read([&](Storage& storage) {
            return storage.visit_opened_records(next, std::min(last, next + records_at_once - 1),
                                                [&](const LedgerRecord& record, const Opening* opening) {
                                                    writer.add(record, personal ? opening : nullptr);
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
    writer.finish(*signed_now->key);
    co_await send_pieces(request, written, true);
    co_return boost::json::object{{"first_seq", first}, {"last_seq", last}, {"records", last - first + 1}};
}

asio::awaitable<ControlAnswer> handle_workstation_rotate_key(ControlContext& context,
                                                             ControlRequest& /*request*/) {
    const std::string path = context.state_dir + workstation_key_file;
    const auto old_key = context.workstation.key();
    const auto rotated = co_await context.store.run([&](Storage& storage) -> Result<std::optional<Error>> {
        auto done = rotate_workstation_key(storage, *context.workstation.key(), path);
        if (!done) {
            return tl::unexpected(done.error());
        }
        context.workstation.replace(std::move(done->key));
        return done->unfinished;
    });
    if (!rotated) {
        co_return refuse(rotated.error());
    }
    if (*rotated) {
        spdlog::error("the new workstation key is in force, but: {}", to_string(**rotated));
    }
    co_return boost::json::object{{"old", old_key->fingerprint()},
                                  {"new", context.workstation.key()->fingerprint()},
                                  {"finished", !*rotated}};
}

} // namespace ukey
