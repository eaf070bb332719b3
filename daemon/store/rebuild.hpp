// SPDX-License-Identifier: Apache-2.0
// The tables beside the ledger, derived from it again. Reader or store thread; blocking.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/store/storage.hpp"

namespace ukey {

/// Tables `rebuilt_key`, `rebuilt_key_public_key`, `rebuilt_binding` and `rebuilt_session` of the
/// connection's own temporary database, which also one that only reads has. They go with the transaction in
/// which they were made.
///
/// Their columns are those of the tables that they are named after, as far as a record has them, but for:
/// `rebuilt_key.certificate_sha256`, 64 hexadecimal digits; `rebuilt_session.ended`, 0 or 1, beside
/// `ended_us`. NULL in `certificate_sha256`, `attestation_us` (where `attested_us` is not) and `ended_us`
/// (where `ended` is 1): no record says it any more. `certificate_removed`: the name in it was removed as
/// personal data, and it may have been. What else was removed has the values that remove_personal_data()
/// leaves. Columns that are not in a record are not there.
struct Rebuilt {
    std::uint64_t records = 0; ///< that were read
    /// Numbers of records whose payload is no object, or has not what its kind has; at most
    /// unreadable_records_max.
    std::vector<std::uint64_t> unreadable;
    /// Of records that refer to something else than what is kept for them; at most unreadable_records_max.
    std::vector<std::uint64_t> wrong_openings;
    /// Of a record that refers to something that is not there and was not removed with a record of its own.
    std::optional<std::uint64_t> missing_opening;
};
constexpr std::size_t unreadable_records_max = 20;

/// Reads the ledger up to record `last_seq`, beginning with what the tables were at the newest record that
/// was archived (archive_store.hpp); inside Storage::read() or write().
Result<Rebuilt> rebuild_tables(Storage& storage, std::uint64_t last_seq);

/// Before a transaction that writes is over: its connection goes on.
Result<void> drop_rebuilt_tables(Storage& storage);

} // namespace ukey
