// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/rotation_store.hpp"

#include "daemon/store/checkpoint_store.hpp"

namespace ukey {
namespace {

/// Whatever their keys are, in their order.
Result<std::vector<SignedRotation>> read_rotations(Storage& storage, std::uint64_t last_seq) {
    auto statement = storage.database().prepare(
        "SELECT seq, payload FROM archived_rotation WHERE seq <= ?1 UNION ALL "
        "SELECT seq, payload FROM ledger WHERE kind = 'workstation.rotated' AND seq <= ?1 ORDER BY seq");
    statement.bind(static_cast<std::int64_t>(last_seq));
    std::vector<SignedRotation> rotations;
    Result<void> readable;
    UKEY_TRY(statement.each([&] {
        if (auto rotation = decode_rotation(statement.text(1))) {
            rotations.push_back(std::move(*rotation));
        } else {
            readable = tl::unexpected(rotation.error());
        }
    }));
    if (!readable) {
        return tl::unexpected(readable.error());
    }
    return rotations;
}

} // namespace

Result<std::vector<SignedRotation>> load_rotations(Storage& storage, const std::string& public_key,
                                                   std::uint64_t last_seq) {
    auto rotations = read_rotations(storage, last_seq);
    if (rotations && rotation_fault(*rotations, public_key)) {
        rotations->clear();
    }
    return rotations;
}

Result<WorkstationKey> load_workstation_key(Storage& storage, const std::string& path) {
    const auto rotations = read_rotations(storage, storage.head_seq());
    if (!rotations) {
        return tl::unexpected(rotations.error());
    }
    if (!rotations->empty()) {
        const auto next = WorkstationKey::load(next_key_path(path));
        if (next && next->public_key() == rotations->back().rotation.new_public_key) {
            UKEY_TRY(WorkstationKey::put_next_in_place(path));
        }
    }
    WorkstationKey::forget_next(path);
    return WorkstationKey::load_or_create(path);
}

Result<RotatedKey> rotate_workstation_key(Storage& storage, const WorkstationKey& key,
                                          const std::string& path) {
    WorkstationKey fresh = WorkstationKey::generate();
    UKEY_TRY(fresh.keep_as_next(path));
    UKEY_TRY(add_checkpoint(storage, key));
    UKEY_TRY(storage.write([&] {
        const SignedRotation rotation =
            sign_rotation(key, fresh, storage.head_seq() + 1, storage.head_hash(), storage.now());
        return storage.append("workstation.rotated", to_json(rotation));
    }));
    // From here on the new key is the ledger's, whatever becomes of the files.
    std::optional<Error> unfinished;
    if (const auto placed = WorkstationKey::put_next_in_place(path); !placed) {
        unfinished = placed.error();
    }
    if (const auto made = add_checkpoint(storage, fresh); !made) {
        unfinished = made.error();
    }
    return RotatedKey{std::move(fresh), std::move(unfinished)};
}

} // namespace ukey
