// SPDX-License-Identifier: Apache-2.0
// U-Keys and their bindings in the database. Store thread only; blocking.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/core/binding.hpp"
#include "daemon/core/certificate.hpp"
#include "daemon/core/key.hpp"
#include "daemon/store/storage.hpp"

namespace ukey {

struct KeyRecord {
    std::string key_id;
    KeyIdentity identity;
    std::string label;
    /// DER of the signing certificate last seen on it; empty: none.
    std::string certificate_der;
    std::optional<bool> pin_default;
    bool returned = false;
    Timestamp last_seen{};
    std::optional<LastAttestation> last_attestation;
    /// Filled for the certificate given, or without suggestions when none was.
    BindingState binding;
};

/// What was read from a token that has just been inserted, or was there when the daemon started.
struct Insertion {
    KeyIdentity identity;
    std::string label;
    std::string module;
    std::string slot_description;
    std::optional<CertificateFacts> certificate;
    /// Keys that are inserted now: a token of the same serial that is one of them is another token.
    std::set<std::string> present_key_ids;
};

/// Finds or makes the key, and records `key.seen` (the first time) and `key.inserted`.
Result<KeyRecord> record_insertion(Storage& storage, const Insertion& insertion);
Result<void> record_removal(Storage& storage, const std::string& key_id);

/// `certificate` decides the suggestions; null: none.
Result<KeyRecord> load_key(Storage& storage, const std::string& key_id, const CertificateFacts* certificate);
Result<std::vector<KeyRecord>> list_keys(Storage& storage);

/// By id, unique prefix of an id, or token serial. Errors `key.not_found`, `key.ambiguous`.
Result<std::string> find_key(Storage& storage, const std::string& wanted);

/// The only key with that identity; nothing when there is none, or several.
Result<std::optional<std::string>> find_key_by_identity(Storage& storage, const KeyIdentity& identity);

struct BindRequest {
    std::string key_id;
    std::string organisation; ///< code, path or unique name
    CertificateFacts certificate;
    bool one_key_per_organisation = false;
    std::uint32_t uid = 0;
};
/// Binds, or confirms a new key pair of a key that is bound to that organisation already. Nothing when done
/// (record `key.bound`), a finding when the rules refuse it (record `binding.refused`).
Result<std::optional<Finding>> bind_key(Storage& storage, const BindRequest& request);
/// Record `key.released`. Error `binding.none` when it is not bound.
Result<void> release_key(Storage& storage, const std::string& key_id, std::uint32_t uid);

/// The key goes back for replacement: its binding ends (record `key.released`), it can log in no more, and is
/// never bound again (record `key.returned`). Error `key.returned` when it was before.
Result<void> return_key(Storage& storage, const std::string& key_id, std::uint32_t uid);
/// A new key for the organisation to which an old one is bound, or was bound last. The old one goes back, if
/// it has not yet. `request.organisation` is not looked at. Nothing when done (records `key.released`,
/// `key.returned`, `key.bound`), a finding when the rules refuse the new key (record `binding.refused`; the
/// old one stays as it was then). Error `key.never_bound`.
Result<std::optional<Finding>> replace_key(Storage& storage, const std::string& old_key_id,
                                           BindRequest request);

/// Remembers whether the key has the default PIN; a record `pin.state` when that is news. Inside
/// Storage::write().
Result<void> set_pin_default(Storage& storage, const std::string& key_id, bool is_default);

} // namespace ukey
