// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/checkpoint.hpp"

#include <fmt/format.h>

#include "daemon/core/base64.hpp"
#include "daemon/core/signed_lines.hpp"

namespace ukey {
namespace {

constexpr std::string_view checkpoint_prefix = "ukey-checkpoint-v1\n";

} // namespace

std::string to_text(const Checkpoint& checkpoint) {
    return fmt::format("{}workstation: {}\nseq: {}\nhead: {}\ntime: {}\n", checkpoint_prefix,
                       checkpoint.workstation, checkpoint.seq, hex_encode(checkpoint.head),
                       format_timestamp(checkpoint.time));
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
    SignedLines lines(text, checkpoint_prefix);
    Checkpoint checkpoint{.workstation = std::string(lines.value("workstation")),
                          .seq = lines.number("seq"),
                          .head = lines.bytes("head"),
                          .time = {}};
    const auto time = parse_timestamp(lines.value("time"));
    checkpoint.time = time.value_or(Timestamp());
    if (!lines.complete() || to_text(checkpoint) != text) {
        return fail("bundle.malformed", "read a checkpoint", "", "it has another form");
    }
    return checkpoint;
}

SignedCheckpoint sign_checkpoint(const WorkstationKey& key, std::uint64_t seq, const std::string& head,
                                 Timestamp time) {
    Checkpoint checkpoint{.workstation = key.fingerprint(), .seq = seq, .head = head, .time = time};
    std::string signature = key.sign(to_text(checkpoint));
    return {std::move(checkpoint), std::move(signature)};
}

bool verify(const SignedCheckpoint& checkpoint, std::string_view public_key) {
    return key_fingerprint(public_key) == checkpoint.checkpoint.workstation &&
           verify_ed25519(public_key, to_text(checkpoint.checkpoint), checkpoint.signature);
}

} // namespace ukey
