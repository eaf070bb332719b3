// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/checkpoint_store.hpp"

namespace ukey {

Result<std::vector<SignedCheckpoint>> load_checkpoints(Storage& storage, const KeyHistory& keys,
                                                       std::uint64_t first_seq, std::uint64_t last_seq) {
    auto statement = storage.database().prepare("SELECT seq, head, time_us, signature, workstation FROM "
                                                "checkpoint WHERE seq >= ? AND seq <= ? ORDER BY seq");
    statement.bind(static_cast<std::int64_t>(first_seq)).bind(static_cast<std::int64_t>(last_seq));
    std::vector<SignedCheckpoint> checkpoints;
    UKEY_TRY(statement.each([&] {
        const auto seq = static_cast<std::uint64_t>(statement.integer(0));
        if (statement.text(4) == key_fingerprint(keys.key_at(seq))) {
            checkpoints.push_back({.checkpoint = {.workstation = statement.text(4),
                                                  .seq = seq,
                                                  .head = statement.text(1),
                                                  .time = from_microseconds(statement.integer(2))},
                                   .signature = statement.text(3)});
        }
    }));
    return checkpoints;
}

Result<SignedCheckpoint> add_checkpoint(Storage& storage, const WorkstationKey& key) {
    auto known =
        load_checkpoints(storage, KeyHistory({}, key.public_key()), storage.head_seq(), storage.head_seq());
    if (!known) {
        return tl::unexpected(known.error());
    }
    if (!known->empty()) {
        return std::move(known->front());
    }
    SignedCheckpoint made = sign_checkpoint(key, storage.head_seq(), storage.head_hash(), storage.now());
    UKEY_TRY(storage.write([&]() -> Result<void> {
        auto statement = storage.database().prepare(
            "INSERT INTO checkpoint (workstation, seq, head, time_us, signature) VALUES (?, ?, ?, ?, ?)");
        statement.bind(made.checkpoint.workstation)
            .bind(static_cast<std::int64_t>(made.checkpoint.seq))
            .bind_blob(made.checkpoint.head)
            .bind(to_microseconds(made.checkpoint.time))
            .bind_blob(made.signature);
        return statement.run();
    }));
    return made;
}

Result<std::uint64_t> records_since_checkpoint(Storage& storage, const WorkstationKey& key) {
    auto statement =
        storage.database().prepare("SELECT coalesce(max(seq), 0) FROM checkpoint WHERE workstation = ?");
    UKEY_TRY(statement.bind(key.fingerprint()).step());
    return storage.head_seq() - static_cast<std::uint64_t>(statement.integer(0));
}

} // namespace ukey
