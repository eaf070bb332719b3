// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/key_store.hpp"

#include "daemon/core/text.hpp"
#include "daemon/store/binding_history.hpp"
#include "daemon/store/registry_store.hpp"

namespace ukey {
namespace {

constexpr std::size_t suggestions_max = 3;

Result<std::vector<std::string>> read_texts(Statement statement) {
    std::vector<std::string> texts;
    UKEY_TRY(statement.each([&] { texts.push_back(statement.text(0)); }));
    return texts;
}

/// The key that a token is: one with that identity and public key; else one with that identity that is not
/// inserted already (its key pair was renewed, or it could not be read before).
Result<std::optional<std::string>> match_key(Storage& storage, const Insertion& insertion) {
    const KeyIdentity& identity = insertion.identity;
    const std::string spki = insertion.certificate ? insertion.certificate->spki_sha256 : std::string();
    auto statement = storage.database().prepare(
        "SELECT key.key_id, EXISTS (SELECT 1 FROM key_public_key p WHERE p.key_id = key.key_id AND "
        "p.spki_sha256 = ?) "
        "AS known_public_key, returned FROM key WHERE manufacturer = ? AND model = ? AND serial = ? "
        "ORDER BY known_public_key DESC, last_seen_us DESC");
    statement.bind(spki).bind(identity.manufacturer).bind(identity.model).bind(identity.serial);
    std::optional<std::string> match;
    UKEY_TRY(statement.each([&] {
        const bool exact = statement.integer(1) != 0;
        // A vendor may send the same token back with a new key pair: that is another key.
        const bool is_new = !spki.empty() && statement.integer(2) != 0;
        if (!match && (exact || (!is_new && !insertion.present_key_ids.contains(statement.text(0))))) {
            match = statement.text(0);
        }
    }));
    return match;
}

/// An id for a key that is new. Two tokens of one serial of which neither can be read have nothing to tell
/// them apart but that both are inserted: a number makes the second one's id another.
Result<std::string> fresh_key_id(Storage& storage, const Insertion& insertion) {
    const std::string spki = insertion.certificate ? insertion.certificate->spki_sha256 : std::string();
    for (int number = 1;; ++number) {
        std::string key_id =
            make_key_id(insertion.identity, number == 1 ? spki : spki + "#" + std::to_string(number));
        auto taken = storage.database().prepare("SELECT 1 FROM key WHERE key_id = ?");
        const auto row = taken.bind(key_id).step();
        if (!row) {
            return tl::unexpected(row.error());
        }
        if (!*row) {
            return key_id;
        }
    }
}

Result<void> create_key(Storage& storage, const std::string& key_id, const Insertion& insertion) {
    const KeyIdentity& identity = insertion.identity;
    auto statement = storage.database().prepare("INSERT INTO key (key_id, manufacturer, model, serial, "
                                                "label, certificate, first_seen_us, last_seen_us) "
                                                "VALUES (?, ?, ?, ?, '', x'', ?, 0)");
    statement.bind(key_id).bind(identity.manufacturer).bind(identity.model).bind(identity.serial);
    UKEY_TRY(statement.bind(to_microseconds(storage.now())).run());
    return storage.append("key.seen", {{"key", key_id},
                                       {"manufacturer", identity.manufacturer},
                                       {"model", identity.model},
                                       {"serial", identity.serial}});
}

Result<void> update_key(Storage& storage, const std::string& key_id, const Insertion& insertion) {
    const std::int64_t now_us = to_microseconds(storage.now());
    auto update = storage.database().prepare("UPDATE key SET label = ?, last_seen_us = ?, certificate = CASE "
                                             "WHEN length(?3) > 0 THEN ?3 ELSE certificate END "
                                             "WHERE key_id = ?4");
    update.bind(insertion.label).bind(now_us);
    update.bind_blob(insertion.certificate ? insertion.certificate->der : std::string()).bind(key_id);
    UKEY_TRY(update.run());
    if (insertion.certificate) {
        auto remember = storage.database().prepare(
            "INSERT OR IGNORE INTO key_public_key (key_id, spki_sha256, first_seen_us) VALUES (?, ?, ?)");
        UKEY_TRY(remember.bind(key_id).bind(insertion.certificate->spki_sha256).bind(now_us).run());
    }
    boost::json::object payload{{"key", key_id}, {"module", insertion.module}};
    if (insertion.certificate) {
        payload["certificate_sha256"] = insertion.certificate->fingerprint_sha256;
        payload["spki_sha256"] = insertion.certificate->spki_sha256;
        payload["certificate_name"] = insertion.certificate->organisation_name;
    }
    return storage.append("key.inserted", payload);
}

/// Organisations that the certificate may mean: by code, by name exactly, or only alike.
Result<void> add_suggestions(Storage& storage, const CertificateFacts& certificate, BindingState& state) {
    const std::string name = normalize_nfc(certificate.organisation_name);
    auto exact = storage.database().prepare(
        "SELECT code FROM organisation WHERE name = ? AND (?2 = '' OR code = ?2) LIMIT 3");
    auto exact_codes = read_texts(std::move(exact.bind(name).bind(certificate.organisation_code)));
    if (!exact_codes) {
        return tl::unexpected(exact_codes.error());
    }
    state.exact_codes = std::move(*exact_codes);
    auto similar = storage.database().prepare(
        "SELECT name FROM organisation WHERE folded_name = ? AND name <> ? LIMIT ?");
    similar.bind(fold_for_suggestion(name)).bind(name).bind(static_cast<std::int64_t>(suggestions_max));
    auto similar_names = read_texts(std::move(similar));
    if (!similar_names) {
        return tl::unexpected(similar_names.error());
    }
    state.similar_names = std::move(*similar_names);
    return {};
}

Result<BindingState> load_binding(Storage& storage, const std::string& key_id,
                                  const CertificateFacts* certificate) {
    BindingState state;
    auto count = storage.database().prepare("SELECT EXISTS (SELECT 1 FROM organisation)");
    UKEY_TRY(count.step());
    state.registry_is_empty = count.integer(0) == 0;
    auto binding = storage.database().prepare(
        "SELECT organisation.code, organisation.name, binding.spki_sha256, organisation.path FROM binding "
        "JOIN organisation ON organisation.code = binding.organisation WHERE key_id = ?");
    binding.bind(key_id);
    const auto row = binding.step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    if (*row) {
        state.organisation_code = binding.text(0);
        state.organisation_name = binding.text(1);
        state.pinned_spki_sha256 = binding.text(2);
        state.organisation_path = split_path(binding.text(3));
    }
    if (certificate != nullptr) {
        UKEY_TRY(add_suggestions(storage, *certificate, state));
    }
    return state;
}

Result<void> write_binding(Storage& storage, const BindRequest& request, const Organisation& organisation) {
    const std::int64_t now_us = to_microseconds(storage.now());
    auto insert =
        storage.database().prepare("INSERT INTO binding (key_id, organisation, spki_sha256, bound_us, "
                                   "bound_by_uid) VALUES (?, ?, ?, ?, ?) "
                                   "ON CONFLICT (key_id) DO UPDATE SET organisation = excluded.organisation, "
                                   "spki_sha256 = excluded.spki_sha256, "
                                   "bound_us = excluded.bound_us, bound_by_uid = excluded.bound_by_uid");
    insert.bind(request.key_id).bind(organisation.code).bind(request.certificate.spki_sha256);
    UKEY_TRY(insert.bind(now_us).bind(std::int64_t{request.uid}).run());
    return storage.append("key.bound", {{"key", request.key_id},
                                        {"organisation", organisation.code},
                                        {"organisation_name", organisation.name()},
                                        {"spki_sha256", request.certificate.spki_sha256},
                                        {"certificate_sha256", request.certificate.fingerprint_sha256},
                                        {"uid", request.uid}});
}

/// The organisation to which the same public key is bound under another key id; empty: none.
Result<std::string> other_binding_of_public_key(Storage& storage, const BindRequest& request) {
    auto statement = storage.database().prepare(
        "SELECT organisation.name FROM binding JOIN organisation ON organisation.code = binding.organisation "
        "WHERE binding.spki_sha256 = ? AND binding.key_id <> ?");
    statement.bind(request.certificate.spki_sha256).bind(request.key_id);
    UKEY_TRY(statement.step());
    return statement.text(0);
}

Result<bool> was_returned(Storage& storage, const std::string& key_id) {
    auto statement = storage.database().prepare("SELECT returned FROM key WHERE key_id = ?");
    const auto row = statement.bind(key_id).step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    return *row && statement.integer(0) != 0;
}

/// Why the rules refuse the binding; nothing when they do not.
Result<std::optional<Finding>> objection(Storage& storage, const BindRequest& request,
                                         const OrganisationEntry& entry) {
    const auto state = load_binding(storage, request.key_id, nullptr);
    if (!state) {
        return tl::unexpected(state.error());
    }
    const auto returned = was_returned(storage, request.key_id);
    if (!returned) {
        return tl::unexpected(returned.error());
    }
    if (*returned) {
        return Finding{"key.returned", request.key_id, {}};
    }
    const Organisation& organisation = entry.organisation;
    if (!state->organisation_code.empty() && state->organisation_code != organisation.code) {
        return Finding{"binding.taken", request.key_id, {{"organisation", state->organisation_name}}};
    }
    if (auto mismatch = check_certificate_names(request.key_id, request.certificate, organisation.code,
                                                organisation.name())) {
        return mismatch;
    }
    const auto other = other_binding_of_public_key(storage, request);
    if (!other) {
        return tl::unexpected(other.error());
    }
    if (!other->empty()) {
        return Finding{"binding.taken", request.key_id, {{"organisation", *other}}};
    }
    if (state->organisation_code.empty() && request.one_key_per_organisation && !entry.key_ids.empty()) {
        return Finding{
            "binding.organisation_has_key", request.key_id, {{"organisation", organisation.name()}}};
    }
    return std::nullopt;
}

/// Records a refusal by the rules, if there is one, and hands it out.
Result<void> note_refusal(Storage& storage, const BindRequest& request, const OrganisationEntry& entry,
                          std::optional<Finding>& refused) {
    const auto found = objection(storage, request, entry);
    if (!found) {
        return tl::unexpected(found.error());
    }
    refused = *found;
    if (!refused) {
        return {};
    }
    return storage.append("binding.refused", {{"key", request.key_id},
                                              {"organisation", entry.organisation.code},
                                              {"code", refused->code},
                                              {"certificate_name", request.certificate.organisation_name},
                                              {"uid", request.uid}});
}

/// False: it is not bound.
Result<bool> end_binding(Storage& storage, const std::string& key_id, std::uint32_t uid) {
    const auto state = load_binding(storage, key_id, nullptr);
    if (!state) {
        return tl::unexpected(state.error());
    }
    if (state->organisation_code.empty()) {
        return false;
    }
    auto statement = storage.database().prepare("DELETE FROM binding WHERE key_id = ?");
    UKEY_TRY(statement.bind(key_id).run());
    UKEY_TRY(storage.append("key.released",
                            {{"key", key_id}, {"organisation", state->organisation_code}, {"uid", uid}}));
    return true;
}

/// Ends its binding and marks it; a key that was returned before is only replaced.
Result<void> send_back(Storage& storage, const std::string& key_id, const std::string& replaced_by,
                       std::uint32_t uid) {
    const auto released = end_binding(storage, key_id, uid);
    if (!released) {
        return tl::unexpected(released.error());
    }
    auto statement = storage.database().prepare("UPDATE key SET returned = 1 WHERE key_id = ?");
    UKEY_TRY(statement.bind(key_id).run());
    return storage.append("key.returned", {{"key", key_id}, {"replaced_by", replaced_by}, {"uid", uid}});
}

/// The code of the organisation to which the key is bound, or was bound last; empty: to none.
Result<std::string> last_organisation(Storage& storage, const std::string& key_id) {
    const auto history = read_binding_history(storage, Timestamp::max());
    if (!history) {
        return tl::unexpected(history.error());
    }
    std::string organisation;
    for (const BoundTime& bound : *history) { // in the order of their end
        if (bound.key_id == key_id) {
            organisation = bound.organisation;
        }
    }
    return organisation;
}

constexpr std::string_view key_columns = "key_id, manufacturer, model, serial, label, certificate, "
                                         "pin_default, returned, last_seen_us, attestation_us, "
                                         "attested_us";

KeyRecord read_key(const Statement& row) {
    KeyRecord key{.key_id = row.text(0),
                  .identity = {row.text(1), row.text(2), row.text(3)},
                  .label = row.text(4),
                  .certificate_der = row.text(5),
                  .pin_default = std::nullopt,
                  .returned = row.integer(7) != 0,
                  .last_seen = from_microseconds(row.integer(8)),
                  .last_attestation = std::nullopt,
                  .binding = {}};
    if (const auto pin_default = row.optional_integer(6)) {
        key.pin_default = *pin_default != 0;
    }
    if (const auto attestation_us = row.optional_integer(9)) {
        key.last_attestation =
            LastAttestation{std::chrono::microseconds(*attestation_us), from_microseconds(row.integer(10))};
    }
    return key;
}

} // namespace

Result<KeyRecord> record_insertion(Storage& storage, const Insertion& insertion) {
    std::string key_id;
    UKEY_TRY(storage.write([&]() -> Result<void> {
        const auto match = match_key(storage, insertion);
        if (!match) {
            return tl::unexpected(match.error());
        }
        if (*match) {
            key_id = **match;
        } else {
            auto fresh = fresh_key_id(storage, insertion);
            if (!fresh) {
                return tl::unexpected(fresh.error());
            }
            key_id = std::move(*fresh);
            UKEY_TRY(create_key(storage, key_id, insertion));
        }
        return update_key(storage, key_id, insertion);
    }));
    return load_key(storage, key_id, insertion.certificate ? &*insertion.certificate : nullptr);
}

Result<void> record_removal(Storage& storage, const std::string& key_id) {
    return storage.write([&] { return storage.append("key.removed", {{"key", key_id}}); });
}

Result<KeyRecord> load_key(Storage& storage, const std::string& key_id, const CertificateFacts* certificate) {
    auto statement =
        storage.database().prepare("SELECT " + std::string(key_columns) + " FROM key WHERE key_id = ?");
    statement.bind(key_id);
    const auto row = statement.step();
    if (!row) {
        return tl::unexpected(row.error());
    }
    if (!*row) {
        return fail("key.not_found", "find the key", key_id, "no such key");
    }
    KeyRecord key = read_key(statement);
    auto binding = load_binding(storage, key_id, certificate);
    if (!binding) {
        return tl::unexpected(binding.error());
    }
    key.binding = std::move(*binding);
    return key;
}

Result<std::vector<KeyRecord>> list_keys(Storage& storage) {
    auto ids =
        read_texts(storage.database().prepare("SELECT key_id FROM key ORDER BY last_seen_us DESC, key_id"));
    if (!ids) {
        return tl::unexpected(ids.error());
    }
    std::vector<KeyRecord> keys;
    for (const std::string& key_id : *ids) {
        auto key = load_key(storage, key_id, nullptr);
        if (!key) {
            return tl::unexpected(key.error());
        }
        keys.push_back(std::move(*key));
    }
    return keys;
}

Result<std::string> find_key(Storage& storage, const std::string& wanted) {
    auto statement = storage.database().prepare("SELECT key_id FROM key WHERE serial = ?1 OR (?1 <> '' AND "
                                                "substr(key_id, 1, length(?1)) = ?1) LIMIT 2");
    statement.bind(wanted);
    const auto matches = read_texts(std::move(statement));
    if (!matches) {
        return tl::unexpected(matches.error());
    }
    if (matches->empty()) {
        return fail("key.not_found", "find the key", wanted, "no such key");
    }
    if (matches->size() > 1) {
        return fail("key.ambiguous", "find the key", wanted, "several keys match");
    }
    return matches->front();
}

Result<std::optional<std::string>> find_key_by_identity(Storage& storage, const KeyIdentity& identity) {
    auto statement = storage.database().prepare(
        "SELECT key_id FROM key WHERE manufacturer = ? AND model = ? AND serial = ? LIMIT 2");
    statement.bind(identity.manufacturer).bind(identity.model).bind(identity.serial);
    const auto matches = read_texts(std::move(statement));
    if (!matches) {
        return tl::unexpected(matches.error());
    }
    return matches->size() == 1 ? std::optional(matches->front()) : std::nullopt;
}

Result<std::optional<Finding>> bind_key(Storage& storage, const BindRequest& request) {
    const auto entry = find_organisation(storage, request.organisation);
    if (!entry) {
        return tl::unexpected(entry.error());
    }
    std::optional<Finding> refused;
    UKEY_TRY(storage.write([&]() -> Result<void> {
        UKEY_TRY(note_refusal(storage, request, *entry, refused));
        return refused ? Result<void>() : write_binding(storage, request, entry->organisation);
    }));
    return refused;
}

Result<void> release_key(Storage& storage, const std::string& key_id, std::uint32_t uid) {
    return storage.write([&]() -> Result<void> {
        const auto released = end_binding(storage, key_id, uid);
        if (released && !*released) {
            return fail("binding.none", "release the key", key_id, "it is not bound");
        }
        return released.map([](bool) {});
    });
}

Result<void> return_key(Storage& storage, const std::string& key_id, std::uint32_t uid) {
    return storage.write([&]() -> Result<void> {
        const auto returned = was_returned(storage, key_id);
        if (!returned) {
            return tl::unexpected(returned.error());
        }
        if (*returned) {
            return fail("key.returned", "return the key", key_id, "it was returned before");
        }
        return send_back(storage, key_id, "", uid);
    });
}

Result<std::optional<Finding>> replace_key(Storage& storage, const std::string& old_key_id,
                                           BindRequest request) {
    const auto organisation = last_organisation(storage, old_key_id);
    if (!organisation) {
        return tl::unexpected(organisation.error());
    }
    if (organisation->empty() || old_key_id == request.key_id) {
        return fail("key.never_bound", "replace the key", old_key_id, "no organisation to inherit");
    }
    request.organisation = *organisation;
    auto entry = find_organisation(storage, *organisation);
    if (!entry) {
        return tl::unexpected(entry.error());
    }
    std::erase(entry->key_ids, old_key_id); // it makes room
    std::optional<Finding> refused;
    UKEY_TRY(storage.write([&]() -> Result<void> {
        UKEY_TRY(note_refusal(storage, request, *entry, refused));
        if (refused) {
            return {};
        }
        UKEY_TRY(send_back(storage, old_key_id, request.key_id, request.uid));
        return write_binding(storage, request, entry->organisation);
    }));
    return refused;
}

Result<void> set_pin_default(Storage& storage, const std::string& key_id, bool is_default) {
    auto statement = storage.database().prepare(
        "UPDATE key SET pin_default = ?1 WHERE key_id = ?2 AND (pin_default IS NULL OR pin_default <> ?1)");
    UKEY_TRY(statement.bind(std::int64_t{is_default}).bind(key_id).run());
    if (storage.database().changes() == 0) {
        return {};
    }
    return storage.append("pin.state", {{"key", key_id}, {"default", is_default}});
}

} // namespace ukey
