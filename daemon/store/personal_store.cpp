// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/personal_store.hpp"

#include <variant>

#include "daemon/core/ledger_payload.hpp"

namespace ukey {
namespace {

/// Takes out of the tables what one kind of record brought into them.
class Blanking {
  public:
    Blanking(Database& database, Timestamp before)
        : database_(database), before_us_(to_microseconds(before)) {}

    /// Of the records before that moment that still refer to something.
    Result<void> run(std::string_view kind);

  private:
    template <typename Said>
    Result<void> apply(const Said& /*said*/) {
        return {}; // nothing of it is in a table
    }
    /// What is left is what the record says by itself.
    Result<void> apply(const payload::SessionStarted& said);
    Result<void> apply(const payload::KeyBound& said);
    Result<void> apply(const payload::KeyInserted& said);

    Database& database_;
    std::int64_t before_us_;
    Statement session_ = database_.prepare(
        "UPDATE session SET uid = ?, executable = ?, application = '', attestation = ? WHERE login = ?");
    Statement binding_ =
        database_.prepare("UPDATE binding SET bound_by_uid = ? WHERE key_id = ? AND bound_us < ?");
    Statement key_ = database_.prepare("UPDATE key SET label = '', certificate = x'' WHERE key_id = ? AND "
                                       "last_seen_us < ? AND key_id NOT IN (SELECT key_id FROM binding)");
};

Result<void> Blanking::apply(const payload::SessionStarted& said) {
    session_.reset().bind(std::int64_t{removed_uid}).bind(said.program);
    return session_.bind(said.attestation).bind(said.login).run();
}

Result<void> Blanking::apply(const payload::KeyBound& said) {
    return binding_.reset().bind(std::int64_t{removed_uid}).bind(said.key_id).bind(before_us_).run();
}

Result<void> Blanking::apply(const payload::KeyInserted& said) {
    return key_.reset().bind(said.key_id).bind(before_us_).run();
}

Result<void> Blanking::run(std::string_view kind) {
    auto records = database_.prepare("SELECT payload FROM ledger JOIN personal ON personal.seq = ledger.seq "
                                     "WHERE kind = ? AND time_us < ?");
    records.bind(kind).bind(before_us_);
    Result<void> done;
    UKEY_TRY(records.each([&] {
        if (const auto said = payload::decode(kind, records.text(0)); done && said) {
            done = std::visit([&](const auto& what) { return apply(what); }, *said);
        }
    }));
    return done;
}

} // namespace

Result<std::uint64_t> remove_personal_data(Storage& storage, const PersonalRemoval& removal) {
    std::uint64_t records = 0;
    UKEY_TRY(storage.write([&]() -> Result<void> {
        Blanking blanking(storage.database(), removal.before);
        for (const std::string_view kind : {"session.started", "key.bound", "key.inserted"}) {
            UKEY_TRY(blanking.run(kind));
        }
        auto openings = storage.database().prepare(
            "DELETE FROM personal WHERE seq IN (SELECT seq FROM ledger WHERE time_us < ?)");
        UKEY_TRY(openings.bind(to_microseconds(removal.before)).run());
        records = static_cast<std::uint64_t>(storage.database().changes());
        return storage.append(
            "personal.removed",
            {{"before", format_timestamp(removal.before)}, {"records", records}, {"uid", removal.uid}});
    }));
    // What was removed is still in the journal; a journal that is in use stays until it is its turn.
    UKEY_TRY(storage.database().execute("PRAGMA wal_checkpoint(TRUNCATE)"));
    return records;
}

} // namespace ukey
